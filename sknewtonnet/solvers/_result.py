"""Reports of a run: each iteration for a callback, and the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from sknewtonnet._tables import Report, Shown, Table, Worded, counted
from sknewtonnet._typing import Array
from sknewtonnet.solvers._trace import Trace
from sknewtonnet.solvers.constraints import Multipliers


class Status(Enum):
    """Why a solver stopped; the values are sentences for a message.

    A run that converged is not the only good one: FTOL and TARGET are ends that were asked for.

    Attributes
    ----------
    CONVERGED : Status
        The largest gradient entry, under constraints the largest residual of the conditions, is at
        most ``tol``.
    MAX_ITER : Status
        There were ``max_iter`` iterations.
    AT_INFINITY : Status
        Parameters grow without end while the function hardly falls.
    STALLED : Status
        No step lowers the function any more in double precision.
    STOPPED : Status
        A callback asked to stop.
    FTOL : Status
        The function falls too slowly, by ``ftol`` or ``fatol``.
    TARGET : Status
        The function is at most ``f_target``.
    NOT_FINITE : Status
        The function or a derivative is not finite where the run went.

    See Also
    --------
    SolverResult : The result, whose ``status`` it is.
    Solver : The settings that end a run.

    Examples
    --------
    >>> from sknewtonnet.solvers import Status
    >>> Status.MAX_ITER.value
    'max_iter iterations were not enough'
    """

    CONVERGED = "the largest gradient entry is at most tol"
    MAX_ITER = "max_iter iterations were not enough"
    AT_INFINITY = "parameters run to infinity, where the objective has next to nothing to gain"
    STALLED = "no step lowers the objective any more in double precision"
    STOPPED = "a callback asked to stop"
    FTOL = "the objective falls by at most ftol of itself per iteration, or by at most fatol"
    TARGET = "the objective is at most f_target"
    NOT_FINITE = "the function or a derivative of it is not finite"

    def __reduce__(self) -> tuple[type[Status], tuple[str]]:
        """Say how to make it, as Enum tells pickle alone: skops asks here."""
        return type(self), (self.value,)


@dataclass(frozen=True, slots=True, repr=False)
class Iteration(Worded):
    """What a callback sees after each iteration.

    A callback watches a run, draws it, or stops it by returning a true value.

    Parameters
    ----------
    n_iter : int
        Iterations so far.
    params : ndarray of shape (n_parameters,)
        Current point.
    value : float
        Objective at that point.
    gradient_norm : float
        Largest absolute entry of the gradient at that point; under constraints the largest
        residual of the Karush-Kuhn-Tucker conditions.

    See Also
    --------
    Solver.minimize : The method that takes callbacks.
    SolverResult : The result of a run.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.solvers import get_solver
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> f = Objective(Network.mlp(1, (2,), 1), "squared_error", X, np.tanh(3.0 * X), alpha=0.01)
    >>> def soon(iteration):
    ...     return iteration.n_iter == 3
    >>> result = get_solver("newton").minimize(f, np.linspace(-1.0, 1.0, 7), callback=soon)
    >>> result.n_iter, result.status.name
    (3, 'STOPPED')
    """

    n_iter: int
    params: Array
    value: float
    gradient_norm: float

    def _in_words(self) -> str:
        largest = f"largest gradient entry {self.gradient_norm:.1e}"
        return f"{self.n_iter}, value {self.value:.6g}, {largest}"


@dataclass(frozen=True, slots=True, repr=False)
class SolverResult(Shown):
    """Where a solver ended, and how it got there.

    Estimators keep it as ``solver_result_``. Where ``converged`` is False, ``message`` says why.

    Parameters
    ----------
    params : ndarray of shape (n_parameters,)
        The last point.
    value : float
        Objective at that point.
    gradient : ndarray of shape (n_parameters,)
        Gradient at that point.
    status : Status
        Why the solver stopped.
    message : str
        The status in words; for a run that stalled, the solver's own reason; for one that met
        numbers that are not finite, what is to blame.
    n_iter : int
        Number of iterations.
    n_evaluations : dict of str to int
        Calls of "value", "gradient", "hessian" and "hessian_product". What is known at a point is
        not asked for again. Calls for batches count by their share of the rows, rounded up in each
        epoch; gradients of the parts of several outputs count one by one.
    history : tuple of float
        Objective at the start and after each iteration.
    initial_gradient_norm : float
        ``gradient_norm`` of an :class:`Iteration`, at the start.
    n_events : dict of str to int
        Further counts of a solver, by its own names.
    multipliers : Multipliers or None
        Multipliers of the constraints, with the residuals of the optimality conditions; None
        without constraints.
    trace : Trace or None
        Gradients, seconds and Hessians formed, iteration by iteration; None where a method has
        kept none.

    See Also
    --------
    Solver.minimize : The method that returns it.
    Status : Why a run ends.
    Multipliers : What it says of constraints.
    sknewtonnet.calculus.critical_point : What kind of point it is.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.solvers import NewtonSolver
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(50, 2))
    >>> y = np.tanh(X[:, :1] - X[:, 1:])
    >>> network = Network.mlp(2, (2,), 1)
    >>> function = Objective(network, "squared_error", X, y, alpha=0.1)
    >>> w0 = rng.normal(size=network.n_parameters)
    >>> result = NewtonSolver().minimize(function, w0)
    >>> result.converged, result.status.name
    (True, 'CONVERGED')
    >>> len(result.history) == result.n_iter + 1, result.history[-1] < result.history[0]
    (True, True)
    >>> sorted(result.n_evaluations)
    ['gradient', 'hessian', 'hessian_product', 'value']
    """

    params: Array
    value: float
    gradient: Array
    status: Status
    message: str
    n_iter: int
    n_evaluations: Mapping[str, int]
    history: tuple[float, ...] = field(repr=False)
    initial_gradient_norm: float
    n_events: Mapping[str, int] = field(default_factory=dict)
    multipliers: Multipliers | None = None
    trace: Trace | None = field(default=None, repr=False)

    def _report(self) -> Report:
        counts = {f"{name} evaluations": count for name, count in self.n_evaluations.items()}
        counts |= self.n_events
        rows = [
            ("status", f"{self.status.name.lower()}: {self.message}"),
            ("iterations", str(self.n_iter)),
            ("value", f"{self.value:.8g}"),
            ("largest gradient entry", f"{self.gradient_norm:.2e}"),
            ("parameters", str(len(self.params))),
            *((name.replace("_", " "), str(count)) for name, count in counts.items()),
        ]
        return Report("Solver result", [Table((), rows, words=(1,))])

    def _in_words(self) -> str:
        return (
            f"{self.status.name.lower()} after {counted(self.n_iter, 'iteration')}, "
            f"value {self.value:.6g}, {counted(len(self.params), 'parameter')}"
        )

    @property
    def gradient_norm(self) -> float:
        """Largest absolute entry of the gradient, a float."""
        return float(np.abs(self.gradient).max())

    @property
    def stationarity(self) -> float:
        """The float that ``tol`` is compared with: gradient_norm, or the largest KKT residual."""
        if self.multipliers is None:
            return self.gradient_norm
        return self.multipliers.residuals.largest

    @property
    def converged(self) -> bool:
        """Whether the run reached ``tol``."""
        return self.status is Status.CONVERGED


Callback = Callable[[Iteration], bool | None]
