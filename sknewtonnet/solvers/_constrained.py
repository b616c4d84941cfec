"""Minimisation under constraints: scipy's methods, and an exact end."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.optimize import Bounds, minimize

from sknewtonnet._typing import Array
from sknewtonnet.calculus import SmoothFunction
from sknewtonnet.calculus.pieces.function import HESSIAN_KINDS, PRODUCT_KINDS
from sknewtonnet.calculus.pieces.memory import check_hessian_memory
from sknewtonnet.solvers._base import FIRST_ORDER, SECOND_DERIVATIVES, Capability, Solver
from sknewtonnet.solvers._feasible import InfeasibleError, feasible_point
from sknewtonnet.solvers._finite import NotFinite, out_of_range
from sknewtonnet.solvers._options import Range, option
from sknewtonnet.solvers._result import Status
from sknewtonnet.solvers._run import Run
from sknewtonnet.solvers._scipy_constraints import in_words_of_scipy
from sknewtonnet.solvers._surface import Surface
from sknewtonnet.solvers.constraints import (
    ConstraintKind,
    Constraints,
    check_constraints,
    unconstrained,
)

# Of L-BFGS-B: steps that are remembered, values of a line search; and what they may be.
MAXCOR, MAXLS, COUNTS = 20, 50, Range(1, 10_000)
# SLSQP solves a dense problem per step; above so many parameters trust-constr is faster.
_SLSQP_LIMIT = 300
# Newton steps take over where the residuals have fallen to this part of their start.
_HAND_OVER = 1e-3
# Iterations of an interior method, which converges slowly without exact second derivatives.
_INTERIOR = 200


@dataclass(frozen=True, kw_only=True)
class ConstrainedSolver(Solver):
    """Minimisation under constraints, by scipy first and exactly at the end.

    A method of :func:`scipy.optimize.minimize` finds out which constraints hold at the minimum.
    Newton steps on the surface where those hold with equality, each within a trust region and no
    further than the next constraint, then lead to a point that meets all four conditions of
    Karush, Kuhn and Tucker up to ``tol``. Under nonlinear constraints they are steps of the
    Lagrange function along the tangent space, and end on the curved surface.

    ``SolverResult.multipliers`` has the multipliers and the residual of each condition. A start
    outside the constraints is moved to a near point inside.

    Parameters
    ----------
    tol, ftol, fatol, f_target : float, default=1e-10, 0.0, 0.0 and -inf
        As in :class:`Solver`; ``tol`` is for the largest residual of the conditions.
    max_iter : int, default=1000
        As in :class:`Solver`.
    hessian : str, default="exact"
        Second derivatives of the steps, as in :class:`Solver`.
    constraints : Constraints, default=None
        Bounds, linear and nonlinear constraints of the parameters; None for no constraints.

    See Also
    --------
    SLSQPSolver : Its first phase from gradients.
    TrustConstrSolver : Its first phase from Hessian-vector products.
    get_solver : A solver by its name, under constraints.
    Constraints : Bounds, linear and nonlinear constraints.
    Multipliers : What a result says of them.

    References
    ----------
    Nocedal and Wright (2006), Numerical Optimization, chapters 12, 16 and 18.

    Examples
    --------
    >>> from dataclasses import replace
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.solvers import Constraints, ConstrainedSolver, get_solver
    >>> X, y = np.array([[-1.0], [1.0]]), np.array([0.0, 2.0])  # the line 1 + x
    >>> f = Objective(Network.mlp(1, (), 1), "squared_error", X, y)
    >>> limits = replace(Constraints.of(2), upper=np.array([0.5, np.inf]))  # of its slope
    >>> solver = get_solver("auto", constraints=limits)
    >>> result = solver.minimize(f, np.zeros(2))
    >>> isinstance(solver, ConstrainedSolver), result.params.round(6).tolist()
    (True, [0.5, 1.0])
    """

    needs = FIRST_ORDER | Capability.HESSIAN
    keeps = ConstraintKind.NONLINEAR

    constraints: Constraints | None = None

    def __post_init__(self) -> None:
        """Raise a ValueError for a setting that is not allowed, or constraints of another kind."""
        super().__post_init__()
        if self.constraints is not None:
            check_constraints(self.constraints)
        if self.constraints is not None and self.constraints.kind > self.keeps:
            kind = self.constraints.kind.name.lower()
            raise ValueError(f"{type(self).__name__} cannot keep to {kind} constraints.")

    @classmethod
    def under_constraints(cls) -> type[Solver]:
        """Return the class itself; see :meth:`Solver.under_constraints`.

        Returns
        -------
        type or None
            The class itself.
        """
        return cls

    def limits(self, size: int) -> Constraints:
        """Return the constraints, or infinite bounds; see :meth:`Solver.limits`.

        Parameters
        ----------
        size : int
            Number of parameters.

        Returns
        -------
        Constraints or None
            Those of the solver; infinite bounds if it has none.
        """
        if self.constraints is None:
            return unconstrained(size)
        if len(self.constraints.lower) != size:
            raise ValueError(
                f"constraints are of {len(self.constraints.lower)} parameters, and the function "
                f"has {size}."
            )
        return self.constraints

    def begin(self, run: Run) -> Surface:
        """Run scipy's method; the constraints that hold at its end make the surface.

        See :meth:`Solver.begin`.

        Parameters
        ----------
        run : Run
            The run, at the starting point.

        Returns
        -------
        Surface
            The surface on which active constraints hold.
        """
        assert run.constraints is not None
        if run.status is None:
            start, value = run.params, run.value
            self.first_phase(run)
            _go_inside(run, start)
            if run.status is None and run.value > value:  # such methods may end anywhere
                _go_to(run, start)
        return Surface(run.constraints)

    @abstractmethod
    def first_phase(self, run: Run) -> None:
        """Run a method of scipy until it is near a minimum, or gives up.

        Parameters
        ----------
        run : Run
            The run, at a point that meets the constraints; points are taken by ``run.take``.
        """

    def step(self, run: Run, state: Any) -> None:
        """Take a Newton step on the surface of the active constraints; see :meth:`Solver.step`.

        Parameters
        ----------
        run : Run
            The best-known point, the function, and its gradient at the point.
        state : object
            What :meth:`begin` made.
        """
        state.advance(run, self.hessian)


@dataclass(frozen=True, kw_only=True)
class SLSQPSolver(ConstrainedSolver):
    """Sequential quadratic programming, from gradients, and an exact end ("slsqp").

    Each step of Kraft's method minimises a quadratic model, made of gradients, under the
    constraints to first order; scipy has it. Dense matrices of P^2 numbers make it one for up to
    some hundred parameters.

    Parameters
    ----------
    tol, ftol, fatol, f_target : float, default=1e-10, 0.0, 0.0 and -inf
        As in :class:`ConstrainedSolver`.
    max_iter : int, default=1000
        As in :class:`ConstrainedSolver`.
    hessian : {"exact"}, default="exact"
        Second derivatives of the exact end.
    constraints : Constraints, default=None
        As in :class:`ConstrainedSolver`.

    See Also
    --------
    TrustConstrSolver : A method for more parameters.
    ConstrainedSolver : How it ends.
    Constraints : Bounds, linear and nonlinear constraints.
    get_solver : A solver by its name.

    Examples
    --------
    >>> from dataclasses import replace
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.solvers import Constraints, SLSQPSolver
    >>> X, y = np.array([[-1.0], [1.0]]), np.array([0.0, 2.0])  # the line 1 + x
    >>> f = Objective(Network.mlp(1, (), 1), "squared_error", X, y)
    >>> limits = replace(Constraints.of(2), upper=np.array([0.5, np.inf]))  # of its slope
    >>> result = SLSQPSolver(constraints=limits).minimize(f, np.zeros(2))
    >>> result.params.round(6).tolist(), result.multipliers.bounds.round(6).tolist()
    ([0.5, 1.0], [0.5, 0.0])
    """

    def first_phase(self, run: Run) -> None:
        """See :meth:`ConstrainedSolver.first_phase`.

        Parameters
        ----------
        run : Run
            The run, at a point that meets the constraints; points are taken by ``run.take``.
        """
        _slsqp(run)

    def check(self, function: SmoothFunction) -> None:
        """Check the memory for its approximate Hessian, too; see :meth:`Solver.check`.

        Parameters
        ----------
        function : SmoothFunction
            The function to minimise.
        """
        super().check(function)
        advice = "solver 'l-bfgs-b' needs no matrix"
        check_hessian_memory(function.n_parameters, advice, n_matrices=11.0)


@dataclass(frozen=True, kw_only=True)
class TrustConstrSolver(ConstrainedSolver):
    """An interior point method, and an exact end ("trust-constr").

    Inequalities are met by a barrier that weakens, equalities by sequential quadratic programming
    in a trust region, with products of second derivatives; scipy has it. It takes more steps than
    "slsqp", and does with less memory.

    Parameters
    ----------
    tol, ftol, fatol, f_target : float, default=1e-10, 0.0, 0.0 and -inf
        As in :class:`ConstrainedSolver`.
    max_iter : int, default=1000
        As in :class:`ConstrainedSolver`.
    hessian : {"exact", "block", "lagrangian", "gauss-newton"}, default="exact"
        Second derivatives of the steps, as in :class:`ConstrainedSolver`.
    constraints : Constraints, default=None
        As in :class:`ConstrainedSolver`.
    initial_trust_radius : float, default=1.0
        Upper limit of the length of the first step; at least 1e-12.

    See Also
    --------
    SLSQPSolver : A method for few parameters.
    ConstrainedSolver : How it ends.
    Constraints : Bounds, linear and nonlinear constraints.
    get_solver : A solver by its name.

    Examples
    --------
    >>> from dataclasses import replace
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.solvers import Constraints, TrustConstrSolver
    >>> X, y = np.array([[-1.0], [1.0]]), np.array([0.0, 2.0])  # the line 1 + x
    >>> f = Objective(Network.mlp(1, (), 1), "squared_error", X, y)
    >>> limits = replace(Constraints.of(2), upper=np.array([0.5, np.inf]))  # of its slope
    >>> result = TrustConstrSolver(constraints=limits).minimize(f, np.zeros(2))
    >>> result.params.round(6).tolist(), result.multipliers.residuals.largest < 1e-10
    ([0.5, 1.0], True)
    """

    needs = FIRST_ORDER | SECOND_DERIVATIVES
    hessian_kinds = HESSIAN_KINDS

    initial_trust_radius: float = option(1.0, Range(1e-12, np.inf))

    def first_phase(self, run: Run) -> None:
        """See :meth:`ConstrainedSolver.first_phase`.

        Parameters
        ----------
        run : Run
            The run, at a point that meets the constraints; points are taken by ``run.take``.
        """
        _trust_constr(run, self.hessian, self.initial_trust_radius)


@dataclass(frozen=True, kw_only=True)
class BoundedLBFGSBSolver(ConstrainedSolver):
    """Limited-memory quasi-Newton steps within bounds, and an exact end ("l-bfgs-b").

    Parameters
    ----------
    tol, ftol, fatol, f_target, max_iter, hessian, constraints
        As in :class:`ConstrainedSolver`.
    maxcor : int, default=20
        Number of steps to remember.
    maxls : int, default=50
        Maximum number of function values in a line search.
    """

    keeps = ConstraintKind.BOUNDS

    maxcor: int = option(MAXCOR, COUNTS)
    maxls: int = option(MAXLS, COUNTS)

    def first_phase(self, run: Run) -> None:
        """See :meth:`ConstrainedSolver.first_phase`."""
        _l_bfgs_b(run, self.maxcor, self.maxls)


@dataclass(frozen=True, kw_only=True)
class AutoConstrainedSolver(ConstrainedSolver):
    """The method that suits the constraints, and an exact end ("auto" under constraints).

    Where there are bounds only it is "l-bfgs-b", else "slsqp", and "trust-constr" above 300
    parameters.

    Parameters
    ----------
    tol, ftol, fatol, f_target, max_iter, hessian, constraints
        As in :class:`ConstrainedSolver`.
    """

    needs = FIRST_ORDER | SECOND_DERIVATIVES
    hessian_kinds = HESSIAN_KINDS

    def first_phase(self, run: Run) -> None:
        """See :meth:`ConstrainedSolver.first_phase`."""
        if self.limits(len(run.params)).only_bounds:
            _l_bfgs_b(run)
        elif len(run.params) <= _SLSQP_LIMIT:
            _slsqp(run)
        else:
            _trust_constr(run, self.hessian)


class _Ended(Exception):
    """The run is over, or near enough, whatever scipy thinks."""


class _Listener:
    """The callback of scipy's methods: counts, and ends a run that has come near."""

    def __init__(self, run: Run):
        self.run = run
        self.hand_over = _HAND_OVER * run.stationarity

    def __call__(self, x: Array, *state: Any) -> None:
        run = self.run
        if not np.array_equal(x, run.params):
            run.take(x, run.function.value(x))
        run.count()
        if run.status is not None or run.stationarity <= self.hand_over:
            raise _Ended


def _slsqp(run: Run) -> None:
    if run.constraints is not None and run.constraints.more_equalities_than_parameters:
        _trust_constr(run, "exact")
        return
    _scipy(run, "slsqp", {"maxiter": run.max_iter, "ftol": 1e-12})


def _l_bfgs_b(run: Run, maxcor: int = MAXCOR, maxls: int = MAXLS) -> None:
    never = {"ftol": 0.0, "gtol": run.tol, "maxfun": 2**31 - 1}
    _scipy(run, "l-bfgs-b", {"maxiter": run.max_iter, "maxcor": maxcor, "maxls": maxls, **never})


def _trust_constr(run: Run, kind: str, radius: float = 1.0) -> None:
    # It stays inside, and never sees which bounds are active.
    limit = {"maxiter": min(run.max_iter, _INTERIOR)}
    options = {**limit, "gtol": 1e-5, "xtol": 1e-8, "initial_tr_radius": radius}
    function = run.function
    if kind in PRODUCT_KINDS:
        _scipy(run, "trust-constr", options, hessp=partial(function.hessian_product, kind=kind))
    else:
        _scipy(run, "trust-constr", options, hess=partial(function.hessian, kind=kind))


def _scipy(run: Run, method: str, options: dict[str, Any], **derivatives: Any) -> None:
    """One run of scipy's method, under the constraints in its words."""
    limits = run.constraints
    assert limits is not None
    settings: dict[str, Any] = {"bounds": Bounds(limits.lower, limits.upper)}
    if not limits.only_bounds:
        second_order = method == "trust-constr"
        settings["constraints"] = in_words_of_scipy(limits, run.params, second_order)
    try:
        with warnings.catch_warnings():  # dependent rows are no trouble here
            warnings.filterwarnings("ignore", "Singular Jacobian", UserWarning)
            found = minimize(
                run.function.value,
                run.params,
                jac=run.function.gradient,
                method=method,
                callback=_Listener(run),
                options=options,
                **settings,
                **derivatives,
            )
    except _Ended:
        return
    except NotFinite as reason:
        run.message = str(reason)
    except (ArithmeticError, ValueError) as error:
        run.message = out_of_range(error)
    else:
        run.message = str(found.message)
    run.status = None


def _go_inside(run: Run, start: Array) -> None:
    """Leave a point that is outside the constraints for a near one inside, or for the start."""
    assert run.constraints is not None
    assert run.multipliers is not None
    if run.multipliers.residuals.feasibility == 0.0 and not run.constraints.nonlinear:
        return
    try:
        _go_to(run, feasible_point(run.constraints, run.params))
    except InfeasibleError:
        _go_to(run, start)


def _go_to(run: Run, w: Array) -> None:
    """Take a point in place of the last one."""
    run.take(w, run.function.value(w))
    run.history[-1] = run.value
    lost = {
        Status.CONVERGED: run.stationarity > run.tol,
        Status.TARGET: run.value > run.f_target,  # it was met outside the constraints
    }
    if run.status is not None and lost.get(run.status, False):
        run.status = Status.MAX_ITER if run.n_iter >= run.max_iter else None
