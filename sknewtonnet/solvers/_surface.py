"""Newton steps on the surface where some constraints hold with equality."""

from __future__ import annotations

import numpy as np
from scipy.linalg import null_space

from sknewtonnet._typing import Array, Ints
from sknewtonnet.solvers._feasible import landed
from sknewtonnet.solvers._model_dense import QuadraticModel
from sknewtonnet.solvers._run import Run
from sknewtonnet.solvers.constraints import Constraints, Multipliers, multipliers

# Radii and blocking constraints tried at a point.
_MAX_TRIALS = 100


def _next_held(found: Multipliers, before: Ints) -> Ints:
    """Let go of a constraint only where the others alone would hold the minimum."""
    residuals = found.residuals
    if residuals.dual_feasibility > residuals.stationarity:
        return found.held
    return np.union1d(found.held, np.intersect1d(before, found.tight))


class Surface:
    """Where some constraints hold with equality, and a trust region on it.

    An active-set method: Nocedal and Wright (2006), 16.5, with a trust region in place of the
    line search, since the Hessian may be indefinite on the surface.

    Where the surface is curved, the model along its tangent space has the Hessian of the Lagrange
    function, and each step is followed by one back onto the surface (same, 18.3 and 15.5: with
    least-squares multipliers this is Newton's method on the surface).

    Parameters
    ----------
    constraints : Constraints
        All constraints.
    """

    def __init__(self, constraints: Constraints):
        self.whole = self.constraints = constraints
        self.radius = 1.0
        self.held: Ints = np.empty(0, dtype=int)

    def advance(self, run: Run, kind: str) -> None:
        """Take one step, unless none is better."""
        assert run.multipliers is not None
        # The working set: what the multipliers say holds the minimum.
        self.constraints = run.multipliers.constraints
        self.hold(_next_held(run.multipliers, self.held))
        w = self.restored(run.params)
        H = run.function.hessian(run.params, kind)
        bend = run.multipliers.curvature
        H = H if bend is None else H + bend
        model = self.model(H, run.gradient)
        for _ in range(_MAX_TRIALS + len(w)):
            s = self.step(model)
            length = float(np.linalg.norm(s))
            # No further than the next constraint: (16.41).
            part, blocking, reached = self.room(w, s, length)
            end = self.end(w + part * s, reached)
            if end is not None and _better(run, end):
                self.radius = max(self.radius, 2.0 * length)
                return
            if len(blocking):
                # A blocking constraint joins the working set.
                self.hold(np.r_[self.held, blocking])
                w = self.restored(run.params)
                model = self.model(H, run.gradient)
                continue
            self.radius = 0.25 * length
            if self.radius <= max(1e-16 * float(np.linalg.norm(w)), 1e-100):
                return

    def hold(self, held: Ints) -> None:
        """Hold these constraints with equality, and no others."""
        self.held = np.unique(held).astype(int)
        self._fixed, self._rows, self._free = self.constraints.split(self.held)
        A = self.constraints.A[self._rows][:, self._free]
        self._basis = null_space(A) if len(A) else None

    def model(self, H: Array, g: Array) -> QuadraticModel | None:
        """The quadratic model on the surface, Z'HZ and Z'g; None where it is a point."""
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

    def room(self, w: Array, s: Array, length: float) -> tuple[float, Ints, Ints]:
        """How much of a step, at most all, stays inside; what leaves no room; what ends it."""
        values, change = self.constraints.values(w), self.constraints.values(s)
        lower, upper = self.constraints.limits
        with np.errstate(divide="ignore", invalid="ignore"):
            up = np.where(change > 0, (upper - values) / change, np.inf)
            down = np.where(change < 0, (lower - values) / change, np.inf)
        reach = np.minimum(up, down)
        reach[self.held] = np.inf  # they move by rounding alone
        part = float(np.clip(reach.min(initial=1.0), 0.0, 1.0))
        nothing = 1e-12 * max(length, float(np.linalg.norm(w)))
        ends = np.flatnonzero(reach <= part) if part < 1.0 else np.empty(0, dtype=int)
        return part, np.flatnonzero(reach * length <= nothing), ends

    def end(self, w: Array, reached: Ints) -> Array | None:
        """Where a step ends: on the surface, with what it has reached; None if there is none."""
        if not self.whole.nonlinear:
            return w
        return landed(self.whole, w, np.union1d(self.held, reached).astype(int))

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


def _better(run: Run, w: Array) -> bool:
    """Take a point that is lower, or as low and closer to the conditions."""
    value = run.function.value(w)
    if not value <= run.value + run.rounding:
        return False
    gradient = run.function.gradient(w)
    if not np.isfinite(gradient).all():
        return False
    assert run.constraints is not None
    residuals = multipliers(run.constraints, w, gradient).residuals
    if value < run.value - run.rounding or residuals.largest < 0.5 * run.stationarity:
        run.take(w, value, gradient)
        return True
    return False
