"""Newton's method in a trust region, with the exact minimiser of each model."""

from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from sknewtonnet.solvers._base import Callback, ObjectiveLike, Solver, SolverResult, Status
from sknewtonnet.solvers._subproblem import QuadraticModel
from sknewtonnet.solvers._watch import Counted, Watch

Array = NDArray[np.float64]

HESSIAN_KINDS = ("exact", "block", "lagrangian", "gauss-newton")

# Rejected steps in a row after which a region has shrunk by at least 4^30, to nothing.
_MAX_REJECTED = 30


@dataclass(frozen=True)
class NewtonSolver(Solver):
    """Trust-region Newton method on the dense Hessian.

    Each step minimises the quadratic model within a ball to optimality; a rejected step
    shrinks the ball and asks for no new Hessian. Along negative curvature a step goes to
    the boundary, so that saddle points are left, also if the fit starts at one. Near a
    minimum, where differences of f drown in its rounding, steps are judged by the gradient.

    Options: ``initial_trust_radius`` (1.0).

    References
    ----------
    Moré and Sorensen (1983), Computing a trust region step.
    Nocedal and Wright (2006), Numerical Optimization, chapter 4.
    """

    def check(self) -> None:
        """See :meth:`Solver.check`."""
        for name, value in self.options.items():
            if name != "initial_trust_radius":
                raise ValueError(
                    f"solver_options of {self.name!r} must be among ['initial_trust_radius'], "
                    f"got {name!r}."
                )
            if not isinstance(value, Real) or not 1e-12 <= float(value) < np.inf:
                raise ValueError(
                    f"solver_options[{name!r}] must be a number from 1e-12 on, got {value!r}."
                )
        if self.hessian not in HESSIAN_KINDS:
            raise ValueError(
                f"hessian must be one of {list(HESSIAN_KINDS)}, got {self.hessian!r}."
            )

    def minimize(
        self, objective: ObjectiveLike, w0: Array, callback: Callback | None = None
    ) -> SolverResult:
        """See :meth:`Solver.minimize`."""
        self.check()
        counted = Counted(objective, self.hessian)
        watch = Watch(counted, self.tol, self.max_iter, callback)
        radius = float(self.options.get("initial_trust_radius", 1.0))
        with np.errstate(over="ignore", invalid="ignore"):
            watch.begin(np.array(w0, dtype=float))
            while watch.status in (None, Status.CONVERGED):
                model = QuadraticModel(counted.hessian(watch.params), watch.gradient)
                if watch.status is Status.CONVERGED and not self._saddle(model, watch):
                    break
                before, watch.status = watch.params, None
                radius = self._advance(watch, model, radius)
                if watch.params is before:
                    break  # nothing is lower from here, whatever the Hessian says
        return watch.result()

    def _advance(self, watch: Watch, model: QuadraticModel, radius: float) -> float:
        """One accepted step, or the end of the run; the next radius."""
        for _ in range(_MAX_REJECTED):
            step = model.step(radius)
            w = watch.params + step.s
            if step.predicted <= watch.rounding:
                watch.count(stalled=not watch.take_if_flatter(w))
                return radius
            value = watch.counted.value(w)
            ratio = (watch.value - value) / step.predicted if np.isfinite(value) else -1.0
            if ratio > 0.75 and step.norm > 0.8 * radius:
                radius *= 2.5
            elif ratio < 0.25:
                radius = 0.25 * step.norm
            if ratio > 1e-4:
                watch.take(w, value)
                watch.count()
                return radius
        watch.count(stalled=True)
        return radius

    def _saddle(self, model: QuadraticModel, watch: Watch) -> bool:
        """Whether a stationary point has negative curvature beyond what rounding makes."""
        if self.hessian != "exact":
            return False
        w, g = watch.params, watch.gradient
        slope = float(np.linalg.norm(g)) / max(1.0, float(np.linalg.norm(w)))
        return not model.is_definite(model.noise + slope)
