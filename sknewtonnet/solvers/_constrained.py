"""Minimisation under bounds and linear constraints: scipy's methods, and an exact end."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import null_space
from scipy.optimize import Bounds, LinearConstraint, minimize

from sknewtonnet.solvers._base import (
    HESSIAN_KINDS,
    PRODUCT_KINDS,
    Callback,
    ObjectiveLike,
    Solver,
    SolverResult,
    Status,
)
from sknewtonnet.solvers._constraints import Constraints, Multipliers, multipliers
from sknewtonnet.solvers._options import Choice, Range, check_hessian, check_options
from sknewtonnet.solvers._subproblem import QuadraticModel
from sknewtonnet.solvers._watch import Counted, Watch

Array = NDArray[np.float64]

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
        check_options(self.name, self.options, _OPTIONS.get(self.name, {}))
        kinds = HESSIAN_KINDS if self.name in ("auto", "trust-constr") else ("exact",)
        check_hessian(self.name, self.hessian, kinds)

    def minimize(
        self, objective: ObjectiveLike, w0: Array, callback: Callback | None = None
    ) -> SolverResult:
        """See :meth:`Solver.minimize`."""
        self.check()
        constraints = self.constraints or unconstrained(objective.n_parameters)
        counted = Counted(objective, self.hessian)
        watch = ConstrainedWatch(counted, self.tol, self.max_iter, callback, constraints)
        with np.errstate(over="ignore", invalid="ignore"):
            watch.begin(constraints.nearest(np.array(w0, dtype=float)))
            if watch.status is None:
                watch.hand_over = _HAND_OVER * watch.gradient_norm
                message = self._run(counted, watch, constraints)
                if watch.multipliers.residuals.feasibility > 1e-12:
                    inside = constraints.nearest(watch.params)
                    watch.take(inside, counted.value(inside))
                _finish(watch, constraints)
        result = watch.result(message if watch.status is Status.STALLED else "")
        found = multipliers(constraints, result.params, result.gradient)
        return replace(result, multipliers=found)

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
            equal = constraints.row_lower == constraints.row_upper
            settings["constraints"] = [  # scipy wants equalities apart
                LinearConstraint(
                    constraints.A[rows], constraints.row_lower[rows], constraints.row_upper[rows]
                )
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
        if method == "slsqp":
            return {**limit, "ftol": 1e-12}
        if method == "l-bfgs-b":
            never = {"ftol": 0.0, "gtol": self.tol, "maxfun": 2**31 - 1}
            return {**limit, "maxcor": 20, "maxls": 50, **never, **self.options}
        radius = self.options.get("initial_trust_radius", 1.0)
        return {**limit, "gtol": 1e-6, "xtol": 1e-10, "initial_tr_radius": radius}


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
        surface.hold(watch.multipliers.held)
        w = surface.restored(watch.params)
        H = watch.counted.hessian(w)
        model = surface.model(H, watch.gradient)
        for _ in range(_MAX_TRIALS):
            s = surface.step(model)
            part, blocking = surface.room(w, s)
            if part * np.abs(s).max(initial=0.0) <= 1e-12 and blocking >= 0:
                surface.hold([*surface.held, blocking])
                model = surface.model(H, watch.gradient)
                continue
            if _better(watch, w + part * s):
                surface.radius = max(surface.radius, 2.0 * float(np.linalg.norm(s)))
                watch.count()
                break
            surface.radius = 0.25 * float(np.linalg.norm(s))
            if surface.radius <= 1e-16 * (1.0 + float(np.linalg.norm(w))):
                watch.count(stalled=True)
                break
        else:
            watch.count(stalled=True)


class _Surface:
    """Where some constraints hold with equality, and a trust region on it."""

    def __init__(self, constraints: Constraints):
        self.rows, self.lower, self.upper = constraints.rows()
        self.radius = 1.0
        self.held: list[int] = []

    def hold(self, held: Iterable[int]) -> None:
        """Hold these constraints with equality, and no others."""
        self.held = [int(row) for row in held]
        size = self.rows.shape[1]
        self.free = null_space(self.rows[self.held]) if self.held else np.eye(size)

    def model(self, H: Array, g: Array) -> QuadraticModel | None:
        """The quadratic model on the surface; None where it is a point."""
        if self.free.shape[1] == 0:
            return None
        return QuadraticModel(self.free.T @ H @ self.free, self.free.T @ g)

    def step(self, model: QuadraticModel | None) -> Array:
        """The step of a model, within the radius."""
        if model is None:
            return np.zeros(len(self.free))
        return np.asarray(self.free @ model.step(self.radius).s)

    def room(self, w: Array, s: Array) -> tuple[float, int]:
        """How much of a step, at most all, stays inside; and which constraint ends it, or -1."""
        values, change = self.rows @ w, self.rows @ s
        with np.errstate(divide="ignore", invalid="ignore"):
            up = np.where(change > 0, (self.upper - values) / change, np.inf)
            down = np.where(change < 0, (self.lower - values) / change, np.inf)
        reach = np.minimum(up, down)
        reach[self.held] = np.inf  # they move by rounding alone
        if not len(reach) or reach.min() >= 1.0:
            return 1.0, -1
        return float(max(reach.min(), 0.0)), int(reach.argmin())

    def restored(self, w: Array) -> Array:
        """The nearest point where the held constraints hold to the last digit."""
        if not self.held:
            return w
        rows, lower, upper = self.rows[self.held], self.lower[self.held], self.upper[self.held]
        values = rows @ w
        goal = np.where(np.abs(values - lower) <= np.abs(values - upper), lower, upper)
        return np.asarray(w + np.linalg.lstsq(rows, goal - values)[0])


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
