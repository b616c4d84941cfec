"""What a solver is: its settings, what it needs, and the one loop that all of them run in."""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass, fields
from enum import Flag, auto
from typing import Any, ClassVar

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import SmoothFunction
from sknewtonnet.solvers._options import Choice, Range, check_hessian, check_value, option
from sknewtonnet.solvers._result import Callback, SolverResult, Status
from sknewtonnet.solvers._run import Run
from sknewtonnet.solvers.constraints import ConstraintKind, Constraints


class Capability(Flag):
    """The methods of a function that the steps of a solver call.

    A solver names what it calls in ``needs``, and :meth:`Solver.check` refuses a function that
    lacks one of them before the run begins. Flags are joined by ``|``.

    Attributes
    ----------
    VALUE : Capability
        Values f(w).
    GRADIENT : Capability
        First derivatives.
    HESSIAN_PRODUCT : Capability
        Second derivatives times directions.
    HESSIAN : Capability
        Second derivatives as a matrix.

    See Also
    --------
    Solver : The solvers, whose ``needs`` these are.
    sknewtonnet.calculus.SmoothFunction : The functions that have such methods.

    Examples
    --------
    >>> from sknewtonnet.solvers import BFGSSolver, Capability, TrustExactSolver
    >>> BFGSSolver.needs.methods
    ('value', 'gradient')
    >>> Capability.HESSIAN in TrustExactSolver.needs, Capability.HESSIAN in BFGSSolver.needs
    (True, False)
    """

    VALUE = auto()
    GRADIENT = auto()
    HESSIAN_PRODUCT = auto()
    HESSIAN = auto()

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods, such as "hessian_product"."""
        return tuple(str(one.name).lower() for one in self)


FIRST_ORDER = Capability.VALUE | Capability.GRADIENT
SECOND_DERIVATIVES = Capability.HESSIAN | Capability.HESSIAN_PRODUCT


@dataclass(frozen=True, kw_only=True)
class Solver(ABC):  # noqa: B024 - a method has a step, or a minimize of its own
    """A method of minimisation with its settings.

    A method is one class, a frozen dataclass: options are its fields, declared by
    :func:`option`, ``needs`` says what its steps call, and :meth:`begin` and :meth:`step` are
    the method itself. The loop does everything else: it counts calls and iterations, calls the
    callback, tests for the end, and handles overflows at far points.

    Parameters
    ----------
    tol : float, default=1e-10
        Stop when the largest absolute entry of the gradient is at most this. Estimators multiply
        it by the size of gradients of their problem.
    ftol : float, default=0.0
        Stop when the function falls by at most this part of itself per iteration, averaged over
        the last ten: an early end, whatever the gradient. 0 for never.
    fatol : float, default=0.0
        The same for the fall itself, in the units of the function: the decrease eps2 of [G]
        Table 1. 0 for never.
    f_target : float, default=-inf
        Stop where the function is at most this, such as an error that is good enough.
    max_iter : int, default=1000
        Maximum number of iterations.
    hessian : str, default="exact"
        The second derivatives to use: one of ``hessian_kinds``. Steps by "block" or "lagrangian"
        leave out so much that they hardly ever arrive (doc/training.md).

    Attributes
    ----------
    needs : Capability
        The methods of a function that the steps call. Where these stall in the rounding of f, a
        method with second derivatives may end with steps that call Hessians and products alike.
    hessian_kinds : tuple of str
        Allowed values of ``hessian``: those of "exact", "block", "lagrangian" and "gauss-newton"
        that have an effect.
    keeps : ConstraintKind
        Which constraints the method can keep.

    See Also
    --------
    get_solver : A solver by its name.
    SOLVERS : The classes by name.
    Run : What steps work with.
    option : Options of a solver of one's own.
    sknewtonnet.testing.check_solver : Try a solver of one's own on problems with known minima.

    Examples
    --------
    Newton's method, damped by halving until the function falls:

    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.solvers import Capability, Range, Solver, option
    >>> @dataclass(frozen=True, kw_only=True)
    ... class DampedNewton(Solver):
    ...     needs = Capability.VALUE | Capability.GRADIENT | Capability.HESSIAN
    ...     n_halvings: int = option(30, Range(1, 100))
    ...
    ...     def step(self, run, state):
    ...         H = run.function.hessian(run.params)
    ...         values, vectors = np.linalg.eigh(H)
    ...         s = -vectors @ (vectors.T @ run.gradient / np.maximum(np.abs(values), 1e-8))
    ...         for halvings in range(self.n_halvings):
    ...             w = run.params + 0.5**halvings * s
    ...             value = run.function.value(w)
    ...             if value < run.value:
    ...                 run.take(w, value)
    ...                 return
    >>> X = np.linspace(-2.0, 2.0, 50)[:, None]
    >>> net = NewtonMLPRegressor((2,), alpha=1.0, solver=DampedNewton(tol=1e-8), random_state=0)
    >>> bool(net.fit(X, np.tanh(2.0 * X[:, 0])).solver_result_.converged)
    True
    """

    needs: ClassVar[Capability] = FIRST_ORDER
    hessian_kinds: ClassVar[tuple[str, ...]] = ("exact",)
    keeps: ClassVar[ConstraintKind] = ConstraintKind.NOTHING

    tol: float = option(1e-10, Range(0.0, np.inf))
    ftol: float = option(0.0, Range(0.0, np.inf))
    fatol: float = option(0.0, Range(0.0, np.inf))
    f_target: float = option(-np.inf, Range(-np.inf, np.inf))
    max_iter: int = option(1000, Range(0, np.inf))
    hessian: str = "exact"

    def __post_init__(self) -> None:
        """Raise a ValueError for a setting that is not allowed."""
        for one in fields(self):
            label = f"{one.name} of {type(self).__name__}"
            check_value(label, getattr(self, one.name), one.metadata.get("allowed"))
        check_hessian(type(self).__name__, self.hessian, self.hessian_kinds)

    @classmethod
    def options(cls) -> dict[str, Range | Choice | None]:
        """The settings beside ``tol``, ``ftol``, ``max_iter`` and ``hessian``, with their values.

        Returns
        -------
        dict
            From names to what is allowed: a Range, a Choice, or None for anything.
        """
        common = {"tol", "ftol", "max_iter", "hessian", "constraints"}
        return {f.name: f.metadata.get("allowed") for f in fields(cls) if f.name not in common}

    @classmethod
    def under_constraints(cls) -> type[Solver] | None:
        """The class that takes over under constraints.

        Returns
        -------
        type or None
            A class of solvers with a field ``constraints``; None, the default, if there is none.
        """
        return None

    def limits(self, size: int) -> Constraints | None:
        """The constraints that this solver keeps.

        Parameters
        ----------
        size : int
            Number of parameters.

        Returns
        -------
        Constraints or None
            None, the default, for no constraints.
        """
        return None

    @property
    def calls(self) -> Capability:
        """What the steps call with these settings: ``needs``, unless a setting asks for more."""
        return self.needs

    @property
    def kind(self) -> str:
        """The kind of second derivatives that the steps ask for, a str."""
        return self.hessian

    @property
    def second_order(self) -> bool:
        """Whether steps are those of a model with second derivatives.

        Where such steps hardly lower f while parameters grow, f has nothing to gain but at
        infinity; steps along gradients may just be slow.
        """
        return bool(self.needs & SECOND_DERIVATIVES)

    def check(self, function: SmoothFunction) -> None:
        """Check that a function has what the method needs.

        Parameters
        ----------
        function : SmoothFunction
            The function to minimise.

        Raises
        ------
        TypeError
            If it has not; the message says which method of the function is missing.
        """
        name = type(self).__name__
        if not isinstance(function, SmoothFunction):
            raise TypeError(
                f"{name} minimises a sknewtonnet.calculus.SmoothFunction, got {function!r}."
            )
        second = self.calls & SECOND_DERIVATIVES
        if not second:
            return
        if not function.has_second_derivatives():
            lack = (
                "has neither hessian(w, kind) nor hessian_product(w, v, kind): give it one of "
                "them, or use a solver that calls value and gradient alone, such as 'l-bfgs-b'"
            )
        elif self.kind not in function.hessian_kinds:
            lack = f"has hessian_kinds={function.hessian_kinds}"
        else:
            return
        raise TypeError(
            f"{name} calls {' and '.join(second.methods)} with kind={self.kind!r}, and "
            f"{type(function).__name__} {lack}."
        )

    def minimize(
        self, function: SmoothFunction, w0: Array, callback: Callback | None = None
    ) -> SolverResult:
        """Minimise from a starting point.

        Parameters
        ----------
        function : SmoothFunction
            The function and its derivatives.
        w0 : ndarray of shape (n_parameters,)
            Starting point; it is not written to.
        callback : callable, default=None
            Called with an :class:`Iteration` after each iteration; a true result stops the run.

        Returns
        -------
        SolverResult
            Where the run ended, and why.

        Raises
        ------
        TypeError
            If the function lacks a method that the solver calls.
        ValueError
            If the objective is not finite at the starting point. Where a later point has a
            gradient or a Hessian that is not, the run ends: NOT_FINITE, at the last finite point.
        """
        self.check(function)
        if callback is not None and not callable(callback):
            raise TypeError(f"callback must be callable, got {callback!r}.")
        if np.shape(w0) != (function.n_parameters,):
            raise ValueError(f"w0 must have shape ({function.n_parameters},), got {np.shape(w0)}.")
        limits = self.limits(function.n_parameters)
        run = Run(
            function,
            self.tol,
            self.max_iter,
            callback,
            limits,
            self.ftol,
            self.second_order,
            self.fatol,
            self.f_target,
        )
        with run.guarded():
            run.begin(w0)
            state = self.begin(run)
            while run.status is None or self._leaves(run, state):
                if not run.iterate(lambda: self.step(run, state)):
                    break  # even if tol is met: nothing is lower from here
            self.finish(run, state)
        return run.result()

    def begin(self, run: Run) -> Any:
        """Make the state of a run, which each step hands on to the next.

        Parameters
        ----------
        run : Run
            The run, at the starting point.

        Returns
        -------
        object
            The state, of any kind; None by default.
        """
        return None

    def step(self, run: Run, state: Any) -> None:
        """Look for a better point, and take it by ``run.take``.

        If a step takes no point, the run is over: STALLED, for the reason in ``run.message``.
        Methods that have a loop of their own, or are made of runs of other methods, override
        :meth:`minimize` in place of this.

        Parameters
        ----------
        run : Run
            The best-known point, the function, and its gradient at the point.
        state : object
            What :meth:`begin` made.

        Raises
        ------
        NotImplementedError
            If the method has no step.
        """
        raise NotImplementedError(f"{type(self).__name__} has no step.")

    def leaves(self, run: Run, state: Any) -> bool:
        """Whether to continue from a point where the gradient is small, such as a saddle point.

        Parameters
        ----------
        run : Run
            As in :meth:`step`.
        state : object
            As in :meth:`step`.

        Returns
        -------
        bool
            True to go on; False by default.
        """
        return False

    def finish(self, run: Run, state: Any) -> None:  # noqa: B027 - nothing, unless a method does
        """Do what is left to do after the last step; nothing by default.

        Parameters
        ----------
        run : Run
            As in :meth:`step`.
        state : object
            As in :meth:`step`.
        """

    def _leaves(self, run: Run, state: Any) -> bool:
        stands = run.status is Status.CONVERGED and run.n_iter < run.max_iter
        return stands and self.leaves(run, state)
