"""Minimisation under bounds and linear constraints: scipy's methods, and an exact end."""

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.linalg import null_space
from scipy.optimize import Bounds, LinearConstraint, minimize

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus import SmoothFunction
from sknewtonnet.calculus.pieces.function import HESSIAN_KINDS, PRODUCT_KINDS
from sknewtonnet.solvers._base import Callback, Solver, SolverResult, Status
from sknewtonnet.solvers._model_dense import QuadraticModel
from sknewtonnet.solvers._options import Choice, Range, check_hessian, check_options
from sknewtonnet.solvers._run import Counted, Watch
from sknewtonnet.solvers.constraints import Constraints, Multipliers, multipliers

# What each method can keep to, and its options.
CONSTRAINED = {
    "auto": "linear constraints",
    "l-bfgs-b": "bounds",
    "slsqp": "linear constraints",
    "trust-constr": "linear constraints",
}
_OPTIONS: dict[str, dict[str, Range | Choice]] = {
    "l-bfgs-b": {"maxcor": Range(1, 10_000), "maxls": Range(1, 10_000)},
    "trust-constr": {"initial_trust_radius": Range(1e-12, np.inf)},
}
# SLSQP solves a dense problem per step; above so many parameters trust-constr is faster.
_SLSQP_LIMIT = 300
# Newton steps take over where the residuals have fallen to this part of their start.
_HAND_OVER = 1e-3
# Iterations of an interior method, which converges slowly without exact second derivatives.
_INTERIOR = 200
_CONVERGED = "the largest residual of the Karush-Kuhn-Tucker conditions is at most tol"
# Radii and blocking constraints tried at a point.
_MAX_TRIALS = 100


@dataclass(frozen=True)
class ConstrainedSolver(Solver):
    """Minimisation under bounds and linear constraints by :func:`scipy.optimize.minimize`.

    "l-bfgs-b" for bounds, "slsqp" and "trust-constr" for linear constraints as well; "auto" is
    the first where there are bounds only, else "slsqp", and "trust-constr" above 300 parameters.
    They find out which constraints hold the minimum. Newton steps on the surface where those hold
    with equality, each within a trust region and no further than the next constraint, then go
    on to a point where all four conditions of Karush, Kuhn and Tucker are met up to ``tol``.

    ``SolverResult.multipliers`` has the multipliers and the residual of each condition. A start
    outside the constraints is moved to a near point inside.

    ``constraints`` is None for none.

    References
    ----------
    Nocedal and Wright (2006), Numerical Optimization, chapters 12, 16 and 18.
    """

    constraints: Constraints | None = None

    def check(self) -> None:
        """See :meth:`Solver.check`."""
        where = " under constraints" if self.constraints else ""
        check_options(self.name, self.options, _OPTIONS.get(self.name, {}), where)
        kinds = HESSIAN_KINDS if self.name in ("auto", "trust-constr") else ("exact",)
        check_hessian(self.name, self.hessian, kinds)

    def minimize(
        self, objective: SmoothFunction, w0: Array, callback: Callback | None = None
    ) -> SolverResult:
        """See :meth:`Solver.minimize`."""
        self.check()
        constraints = self.constraints or unconstrained(objective.n_parameters)
        counted = Counted(objective, self.hessian)
        watch = ConstrainedWatch(counted, self.tol, self.max_iter, callback, constraints)
        message = ""
        with np.errstate(over="ignore", invalid="ignore"):
            watch.begin(constraints.nearest(np.array(w0, dtype=float)))
            if watch.status is None:
                watch.hand_over = _HAND_OVER * watch.gradient_norm
                message = self._run(counted, watch, constraints)
                watch.go_inside()
                _finish(watch, constraints)
        result = watch.result(message if watch.status is Status.STALLED else "")
        if result.converged:
            result = replace(result, message=_CONVERGED)
        return replace(result, multipliers=watch.multipliers)

    def _method(self, constraints: Constraints) -> str:
        if self.name != "auto":
            return self.name
        if constraints.only_bounds:
            return "l-bfgs-b"
        return "slsqp" if len(constraints.lower) <= _SLSQP_LIMIT else "trust-constr"

    def _run(self, counted: Counted, watch: "ConstrainedWatch", constraints: Constraints) -> str:
        """One run of scipy's method; its own words on how it ended."""
        method = self._method(constraints)
        try:
            with warnings.catch_warnings():  # dependent rows are no trouble here
                warnings.filterwarnings("ignore", "Singular Jacobian", UserWarning)
                found = minimize(
                    counted.value,
                    watch.params,
                    jac=counted.gradient,
                    method=method,
                    callback=watch.see,
                    options=self._scipy_options(method),
                    **self._settings(method, counted, constraints),
                )
        except _Ended:
            return ""
        watch.status = None
        return str(found.message)

    def _settings(self, method: str, counted: Counted, constraints: Constraints) -> dict[str, Any]:
        """Constraints and second derivatives in scipy's words."""
        settings: dict[str, Any] = {"bounds": Bounds(constraints.lower, constraints.upper)}
        if not constraints.only_bounds:
            A, lower, upper = constraints.scaled
            equal = lower == upper
            settings["constraints"] = [  # scipy wants equalities apart
                LinearConstraint(A[rows], lower[rows], upper[rows])
                for rows in (equal, ~equal)
                if rows.any()
            ]
        if method == "trust-constr":
            if self.hessian in PRODUCT_KINDS:
                settings["hessp"] = counted.hessian_product
            else:
                settings["hess"] = counted.hessian
        return settings

    def _scipy_options(self, method: str) -> dict[str, Any]:
        limit = {"maxiter": self.max_iter}
        if method == "trust-constr":  # it stays inside, and never sees which bounds are active
            limit = {"maxiter": min(self.max_iter, _INTERIOR)}
        if method == "slsqp":
            return {**limit, "ftol": 1e-12}
        if method == "l-bfgs-b":
            never = {"ftol": 0.0, "gtol": self.tol, "maxfun": 2**31 - 1}
            return {**limit, "maxcor": 20, "maxls": 50, **never, **self.options}
        radius = self.options.get("initial_trust_radius", 1.0)
        return {**limit, "gtol": 1e-5, "xtol": 1e-8, "initial_tr_radius": radius}


def unconstrained(size: int) -> Constraints:
    """No constraints on so many parameters."""
    return Constraints(
        lower=np.full(size, -np.inf),
        upper=np.full(size, np.inf),
        A=np.empty((0, size)),
        row_lower=np.empty(0),
        row_upper=np.empty(0),
    )


class _Ended(Exception):
    """The run is over, whatever scipy thinks."""


class ConstrainedWatch(Watch):
    """Takes the largest residual of the conditions for what a gradient is elsewhere."""

    def __init__(self, counted: Counted, tol: float, max_iter: int, callback: Any, limits: Any):
        super().__init__(counted, tol, max_iter, callback)
        self.limits = limits
        self.hand_over = 0.0

    def take(self, w: Array, value: float, gradient: Array | None = None) -> None:
        """Make a point, with its value and gradient, the best-known one."""
        super().take(w, value, gradient)
        self.multipliers: Multipliers = multipliers(self.limits, w, self.gradient)
        self.gradient_norm = self.multipliers.residuals.largest

    def go_inside(self) -> None:
        """Leave a point that is outside the constraints for a near one inside."""
        if self.multipliers.residuals.feasibility == 0.0:
            return
        inside = self.limits.nearest(self.params)
        self.take(inside, self.counted.value(inside))
        self.history[-1] = self.value
        if self.status is Status.CONVERGED and self.gradient_norm > self.tol:
            self.status = None

    def see(self, x: Array, *state: Any) -> None:
        """The callback of scipy's methods."""
        if not np.array_equal(x, self.params):
            self.take(x, self.counted.value(x))
        self.count()
        if self.status is not None or self.gradient_norm <= self.hand_over:
            raise _Ended


def _finish(watch: ConstrainedWatch, constraints: Constraints) -> None:
    """Newton steps on the surface of the active constraints."""
    surface = _Surface(constraints)
    while watch.status is None:
        surface.hold(_next_held(watch.multipliers, surface.held))
        w = surface.restored(watch.params)
        H = watch.counted.hessian(watch.params)
        model = surface.model(H, watch.gradient)
        for _ in range(_MAX_TRIALS + len(w)):
            s = surface.step(model)
            length = float(np.linalg.norm(s))
            part, blocking = surface.room(w, s, length)
            if _better(watch, w + part * s):
                surface.radius = max(surface.radius, 2.0 * length)
                watch.count()
                break
            if len(blocking):
                surface.hold(np.r_[surface.held, blocking])
                w = surface.restored(watch.params)
                model = surface.model(H, watch.gradient)
                continue
            surface.radius = 0.25 * length
            if surface.radius <= max(1e-16 * float(np.linalg.norm(w)), 1e-100):
                watch.count(stalled=True)
                break
        else:
            watch.count(stalled=True)


def _next_held(found: Multipliers, before: Ints) -> Ints:
    """Let go of a constraint only where the others alone would hold the minimum."""
    residuals = found.residuals
    if residuals.dual_feasibility > residuals.stationarity:
        return found.held
    return np.union1d(found.held, np.intersect1d(before, found.tight))


class _Surface:
    """Where some constraints hold with equality, and a trust region on it."""

    def __init__(self, constraints: Constraints):
        self.constraints = constraints
        self.radius = 1.0
        self.held: Ints = np.empty(0, dtype=int)

    def hold(self, held: Ints) -> None:
        """Hold these constraints with equality, and no others."""
        self.held = np.unique(held).astype(int)
        self._fixed, self._rows, self._free = self.constraints.split(self.held)
        A = self.constraints.A[self._rows][:, self._free]
        self._basis = null_space(A) if len(A) else None

    def model(self, H: Array, g: Array) -> QuadraticModel | None:
        """The quadratic model on the surface; None where it is a point."""
        H, g = H[np.ix_(self._free, self._free)], g[self._free]
        if self._basis is not None:
            H, g = self._basis.T @ H @ self._basis, self._basis.T @ g
        return QuadraticModel(H, g) if len(g) else None

    def step(self, model: QuadraticModel | None) -> Array:
        """The step of a model, within the radius."""
        s = np.zeros(len(self._free))
        if model is not None:
            inner = model.step(self.radius).s
            s[self._free] = inner if self._basis is None else self._basis @ inner
        return s

    def room(self, w: Array, s: Array, length: float) -> tuple[float, Ints]:
        """How much of a step, at most all, stays inside; and which constraints leave no room."""
        values, change = self.constraints.values(w), self.constraints.values(s)
        lower, upper = self.constraints.limits
        with np.errstate(divide="ignore", invalid="ignore"):
            up = np.where(change > 0, (upper - values) / change, np.inf)
            down = np.where(change < 0, (lower - values) / change, np.inf)
        reach = np.minimum(up, down)
        reach[self.held] = np.inf  # they move by rounding alone
        part = float(np.clip(reach.min(initial=1.0), 0.0, 1.0))
        nothing = 1e-12 * max(length, float(np.linalg.norm(w)))
        return part, np.flatnonzero(reach * length <= nothing)

    def restored(self, w: Array) -> Array:
        """The nearest point where the held constraints hold to the last digit."""
        if not len(self.held):
            return w
        lower, upper = (limit[self.held] for limit in self.constraints.limits)
        values = self.constraints.values(w)[self.held]
        goal = np.where(np.abs(values - lower) <= np.abs(values - upper), lower, upper)
        w = w.copy()
        w[self._fixed] = goal[: len(self._fixed)]
        if len(self._rows):
            A = self.constraints.A[self._rows]
            lack = goal[len(self._fixed) :] - A @ w
            w[self._free] += np.linalg.lstsq(A[:, self._free], lack)[0]
        return w


def _better(watch: ConstrainedWatch, w: Array) -> bool:
    """Take a point that is lower, or as low and closer to the conditions."""
    value = watch.counted.value(w)
    if not value <= watch.value + watch.rounding:
        return False
    before = watch.params, watch.value, watch.gradient_norm
    watch.take(w, value)
    if value < before[1] - watch.rounding or watch.gradient_norm < 0.5 * before[2]:
        return True
    watch.take(*before[:2])
    return False
