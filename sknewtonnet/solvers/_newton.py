"""Newton's method in a trust region, from dense Hessians or from products."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import SmoothFunction, critical_point
from sknewtonnet.calculus.pieces.function import HESSIAN_KINDS, PRODUCT_KINDS
from sknewtonnet.solvers._base import Callback, Solver, SolverResult, Status
from sknewtonnet.solvers._model_dense import QuadraticModel, Step
from sknewtonnet.solvers._model_products import CurvatureModel, ProductModel
from sknewtonnet.solvers._options import Range, check_hessian, check_options
from sknewtonnet.solvers._run import Counted, Watch, polish

# Rejected steps in a row after which a region has shrunk by at least 4^30, to nothing.
_MAX_REJECTED = 30

# A dense Hessian and its factors cost as much as about P / 8 products. Up to so many
# parameters it is formed at once, and above so many never.
_PRODUCTS, _ALWAYS_DENSE, _NEVER_DENSE = 8, 125, 2000


@dataclass(frozen=True)
class NewtonSolver(Solver):
    """Newton's method in a trust region, for the exact Hessian of any size.

    Each step minimises the quadratic model within a ball. A rejected step shrinks the
    ball and asks for no new derivatives. Along negative curvature a step goes to
    the boundary, so that saddle points are left, also if the fit starts at one. Near a
    minimum, where differences of f drown in its rounding, steps are judged by the gradient.

    Small problems form the Hessian and minimise the model to optimality. Above 125 parameters
    conjugate gradients work with Hessian-vector products, until a step would take more than
    P / 8 of them, what a Hessian with its factors costs: from there on it is
    formed. Above 2000 parameters it is formed only to tell a minimum from a saddle point, as
    :func:`sknewtonnet.calculus.critical_point` does, and above 3000 not even there.
    ``hessian="block"`` and "lagrangian", which have no products, are formed at any size, and only
    the exact Hessian tells a saddle point.

    Options: ``initial_trust_radius`` (0.3), from 1e-12 to below 1e6.

    References
    ----------
    Moré and Sorensen (1983), Computing a trust region step.
    Steihaug (1983), The conjugate gradient method and trust regions in large scale optimization.
    Nocedal and Wright (2006), Numerical Optimization, chapters 4 and 7.
    """

    def check(self) -> None:
        """See :meth:`Solver.check`."""
        check_options(self.name, self.options, {"initial_trust_radius": Range(1e-12, 1e6)})
        check_hessian(self.name, self.hessian, HESSIAN_KINDS)

    def minimize(
        self, objective: SmoothFunction, w0: Array, callback: Callback | None = None
    ) -> SolverResult:
        """See :meth:`Solver.minimize`."""
        self.check()
        counted = Counted(objective, self.hessian)
        watch = Watch(counted, self.tol, self.max_iter, callback)
        run = _Run(watch, float(self.options.get("initial_trust_radius", 0.3)))
        with np.errstate(over="ignore", invalid="ignore"):
            watch.begin(np.array(w0, dtype=float))
            while watch.status in (None, Status.CONVERGED):
                last = watch.n_iter >= self.max_iter
                if watch.status is Status.CONVERGED and (last or not run.at_saddle()):
                    break
                before, watch.status = watch.params, None
                run.advance()
                if watch.params is before:
                    break  # nothing is lower from here, whatever the Hessian says
            polish(counted, watch)
        return watch.result()


def finish(counted: Counted, watch: Watch) -> None:
    """Take up a run of another method that has stalled, with exact Newton steps."""
    counted.kind = "exact"
    run = _Run(watch, 0.3)
    while watch.status is Status.STALLED and watch.n_iter < watch.max_iter:
        before, watch.status = watch.params, None
        run.advance()
        if watch.params is before:
            break
        if watch.status is None:
            watch.status = Status.STALLED
    polish(counted, watch)


class _Run:
    """The state of one run: the radius, and how models are minimised."""

    def __init__(self, watch: Watch, radius: float):
        self.watch, self.radius = watch, radius
        self.shift = 0.0  # of the last model
        # Of the current point.
        self.model: QuadraticModel | ProductModel | CurvatureModel | None = None
        objective = watch.counted.objective
        # Directions along which the function is constant, if it knows of any.
        directions = getattr(objective, "invariant_directions", None)
        self.constant: Array = np.empty((0, 0)) if directions is None else directions()
        size, kind = watch.counted.objective.n_parameters, watch.counted.kind
        self.dense = size <= _ALWAYS_DENSE or kind not in PRODUCT_KINDS
        self.may_be_dense = size <= _NEVER_DENSE or kind not in PRODUCT_KINDS
        cost = getattr(objective, "product_cost", 1)
        # Enough for an inexact step, if there is no other way.
        most = max(size // (_PRODUCTS * cost), 10)
        self.max_products = most if self.may_be_dense else 500

    def advance(self) -> None:
        """One accepted step, or the end of the run."""
        watch = self.watch
        for _ in range(_MAX_REJECTED):
            step = self.step()
            w = watch.params + step.s
            if step.predicted <= watch.rounding:
                if watch.take_if_flatter(w):
                    self.model = None
                    watch.count()
                elif isinstance(self.model, ProductModel) and self.may_be_dense:
                    self._go_dense()  # an inexact step: the exact one may do
                    continue
                else:
                    watch.count(stalled=True)
                return
            value = watch.counted.value(w)
            ratio = (watch.value - value) / step.predicted if np.isfinite(value) else -1.0
            if ratio > 0.75 and step.norm > 0.8 * self.radius:
                self.radius *= 2.5
            elif ratio < 0.25:
                self.radius = 0.25 * step.norm
            if ratio > 1e-4:
                self.model = None
                watch.take(w, value)
                watch.count()
                return
        watch.count(stalled=True)

    def step(self) -> Step:
        """The step of the model of the current point, within the radius."""
        watch = self.watch
        if self.model is None and not self.dense:
            product = partial(watch.counted.hessian_product, watch.params)
            self.model = ProductModel(product, watch.gradient, self.max_products)
        elif self.model is None:
            self._go_dense()
        assert self.model is not None
        step = self.model.step(self.radius)
        if isinstance(self.model, QuadraticModel):
            self.shift = self.model.shift
        if isinstance(self.model, ProductModel) and self.model.exhausted and self.may_be_dense:
            self._go_dense()
            step = self.model.step(self.radius)
        return step

    def _go_dense(self) -> None:
        self.dense = True
        watch = self.watch
        H = watch.counted.hessian(watch.params)
        if self.constant.size:  # else a step along them is rounding over rounding
            H += np.abs(H).sum(axis=0).max() * (self.constant @ self.constant.T)
        self.model = QuadraticModel(H, watch.gradient, self.shift)

    def at_saddle(self) -> bool:
        """Whether the point is stationary with negative curvature, and if so the way out."""
        watch = self.watch
        if watch.counted.kind != "exact":
            return False
        point = critical_point(watch.counted, watch.params, known=(watch.value, watch.gradient))
        if point.kind not in ("saddle", "maximum") or point.escape is None:
            return False
        self.model = CurvatureModel(point.escape, point.lowest, watch.gradient)
        return True
