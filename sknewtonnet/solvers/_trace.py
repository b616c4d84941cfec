"""The way of a run beside the values of its function: steepness, time, Hessians, methods."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Trace:
    """How a run got on, iteration by iteration.

    Three numbers for the start and each iteration, as ``history`` of a :class:`SolverResult` has
    them of the function.

    Parameters
    ----------
    gradient_norms : tuple of float
        Largest absolute entry of the gradient; under constraints the largest residual of the
        conditions of Karush, Kuhn and Tucker.
    seconds : tuple of float
        Seconds since the run began, callbacks included.
    n_hessians : tuple of int
        Matrices of second derivatives that were formed so far.
    phases : tuple of (int, str)
        Where a method took over: the last iteration before it, and its name, "quasi-Newton" or
        "Newton". Empty where a run is that of one method.

    See Also
    --------
    SolverResult : It has one as ``trace``.
    sknewtonnet.display.ConvergenceDisplay : A picture of it.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.solvers import NewtonSolver
    >>> X, y = np.array([[-1.0], [1.0]]), np.array([0.0, 2.0])  # the line 1 + x
    >>> f = Objective(Network.mlp(1, (), 1), "squared_error", X, y)
    >>> trace = NewtonSolver(initial_trust_radius=10.0).minimize(f, np.zeros(2)).trace
    >>> trace.gradient_norms[0], trace.n_hessians, len(trace.seconds)
    (1.0, (0, 1), 2)
    """

    gradient_norms: tuple[float, ...]
    seconds: tuple[float, ...]
    n_hessians: tuple[int, ...]
    phases: tuple[tuple[int, str], ...] = ()

    def then(self, other: Trace | None) -> Trace | None:
        """The way of a run that another one continues from its end.

        Parameters
        ----------
        other : Trace or None
            Of the other run.

        Returns
        -------
        Trace or None
            None if that of the other is not known.
        """
        if other is None:
            return None
        n_iter, clock, formed = len(self.seconds) - 1, self.seconds[-1], self.n_hessians[-1]
        return Trace(
            (*self.gradient_norms, *other.gradient_norms[1:]),
            (*self.seconds, *(clock + seconds for seconds in other.seconds[1:])),
            (*self.n_hessians, *(formed + number for number in other.n_hessians[1:])),
            (*self.phases, *((n_iter + at, name) for at, name in other.phases)),
        )


class Recorder:
    """What a run notes of its way; the clock starts when it is made."""

    def __init__(self) -> None:
        self._began = perf_counter()
        self._gradient_norms: list[float] = []
        self._seconds: list[float] = []
        self._n_hessians: list[int] = []
        self._phases: list[tuple[int, str]] = []

    def note(self, gradient_norm: float, n_hessians: int) -> None:
        """Note the start or an iteration.

        Parameters
        ----------
        gradient_norm : float
            Largest absolute entry of the gradient.
        n_hessians : int
            Matrices that were formed so far.
        """
        self._gradient_norms.append(gradient_norm)
        self._seconds.append(self.clock)
        self._n_hessians.append(n_hessians)

    def enter(self, name: str) -> None:
        """Note that a method takes over.

        Parameters
        ----------
        name : str
            Its name.
        """
        if not self._phases or self._phases[-1][1] != name:
            self._phases.append((len(self._seconds) - 1, name))

    @property
    def clock(self) -> float:
        """Seconds since it was made."""
        return perf_counter() - self._began

    def join(self, trace: Trace, clock: float, formed: int, name: str) -> None:
        """Note the iterations of a run that has just ended, after those before it.

        Parameters
        ----------
        trace : Trace
            Of the run.
        clock : float
            Seconds when it began.
        formed : int
            Matrices that were formed before.
        name : str
            Of the method.
        """
        if len(trace.seconds) > 1:
            self.enter(name)
        self._gradient_norms += trace.gradient_norms[1:]
        self._seconds += (clock + seconds for seconds in trace.seconds[1:])
        self._n_hessians += (formed + number for number in trace.n_hessians[1:])

    @property
    def trace(self) -> Trace:
        """What was noted."""
        return Trace(
            tuple(self._gradient_norms),
            tuple(self._seconds),
            tuple(self._n_hessians),
            tuple(self._phases),
        )
