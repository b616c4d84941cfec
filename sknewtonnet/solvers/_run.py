"""The book-keeping of a run: calls, the best-known point, when to stop."""

from collections import Counter
from collections.abc import Mapping
from functools import partial

import numpy as np
from scipy.sparse.linalg import LinearOperator, minres

from sknewtonnet._typing import Array
from sknewtonnet.calculus import SmoothFunction
from sknewtonnet.solvers._base import Callback, Iteration, SolverResult, Status


class Counted(SmoothFunction):
    """An objective that counts its calls, for one kind of second derivatives."""

    def __init__(self, objective: SmoothFunction, kind: str):
        self.objective = objective
        self.n_parameters = objective.n_parameters
        self.kind = kind
        self.last_value = np.nan
        self.calls: Counter[str] = Counter(value=0, gradient=0, hessian=0, hessian_product=0)

    def value(self, w: Array) -> float:
        """The function at w."""
        self.calls["value"] += 1
        self.last_value = self.objective.value(w)
        return self.last_value

    def gradient(self, w: Array) -> Array:
        """Its gradient."""
        self.calls["gradient"] += 1
        return self.objective.gradient(w)

    def hessian(self, w: Array, kind: str = "") -> Array:
        """Its Hessian, of the kind in use."""
        self.calls["hessian"] += 1
        return self.objective.hessian(w, kind or self.kind)

    def hessian_product(self, w: Array, v: Array, kind: str = "") -> Array:
        """That Hessian times a vector."""
        self.calls["hessian_product"] += 1
        return self.objective.hessian_product(w, v, kind or self.kind)

    def invariant_directions(self) -> Array:
        """Directions along which it is constant."""
        return self.objective.invariant_directions()

    def kinks(self, w: Array) -> tuple[str, ...]:
        """Places without derivatives."""
        return self.objective.kinks(w)

    def scale(self) -> float | None:
        """Its typical size."""
        return self.objective.scale()


class Watch:
    """Keeps the best-known point, counts iterations, and says when to stop."""

    def __init__(self, counted: Counted, tol: float, max_iter: int, callback: Callback | None):
        self.counted = counted
        self.tol = tol
        self.max_iter = max_iter
        self.callback = callback
        self.status: Status | None = None
        self.history: list[float] = []
        self.n_iter = 0

    def begin(self, w0: Array) -> None:
        """Take the starting point, which may be stationary already."""
        self.take(w0, self.counted.value(w0))
        if not (np.isfinite(self.value) and np.isfinite(self.gradient).all()):
            raise ValueError(
                "the objective is not finite at the starting point; are X and y standardised?"
            )
        self.history.append(self.value)
        self.initial_gradient_norm = self.gradient_norm
        if self.gradient_norm <= self.tol:
            self.status = Status.CONVERGED

    def take(self, w: Array, value: float, gradient: Array | None = None) -> None:
        """Make a point, with its value and gradient, the best-known one."""
        self.params = w.copy()
        self.value = float(value)
        self.gradient = self.counted.gradient(w) if gradient is None else gradient
        self.gradient_norm = float(np.abs(self.gradient).max())

    def count(self, stalled: bool = False) -> None:
        """Count an iteration, tell of it, and see whether it was the last."""
        self.n_iter += 1
        self.history.append(self.value)
        stop = False
        if self.callback is not None:
            stop = bool(
                self.callback(Iteration(self.n_iter, self.params, self.value, self.gradient_norm))
            )
        if self.gradient_norm <= self.tol:
            self.status = Status.CONVERGED
        elif stop:
            self.status = Status.STOPPED
        elif self.n_iter >= self.max_iter:
            self.status = Status.MAX_ITER
        elif stalled:
            self.status = Status.STALLED

    def result(self, message: str = "", events: Mapping[str, int] | None = None) -> SolverResult:
        """How the run ended; a message counts where it stalled."""
        assert self.status is not None, "the run has ended"
        return SolverResult(
            params=self.params,
            value=self.value,
            gradient=self.gradient,
            status=self.status,
            message=message or self.status.value,
            n_iter=self.n_iter,
            n_evaluations=dict(self.counted.calls),
            history=tuple(self.history),
            initial_gradient_norm=self.initial_gradient_norm,
            n_events=dict(events or {}),
        )

    @property
    def rounding(self) -> float:
        """A difference of f that may be rounding alone."""
        return 50.0 * float(np.finfo(float).eps) * abs(self.value)

    def take_if_flatter(self, w: Array) -> bool:
        """Take a point whose gradient is smaller, if f is the same up to its rounding."""
        value = self.counted.value(w)
        gradient = self.counted.gradient(w)
        if not (value <= self.value + self.rounding and np.isfinite(gradient).all()):
            return False
        if np.abs(gradient).max() > 0.5 * self.gradient_norm:
            return False
        self.take(w, value)
        return True


def polish(counted: Counted, watch: Watch) -> None:
    """Exact Newton steps judged by the gradient, where f no longer tells points apart."""
    size, counted.kind = len(watch.params), "exact"
    while watch.status is Status.STALLED and watch.n_iter < watch.max_iter:
        w = watch.params
        product = partial(counted.hessian_product, w)
        curvature = LinearOperator((size, size), matvec=product, dtype=float)
        step, _ = minres(curvature, -watch.gradient, rtol=1e-12, maxiter=2 * size)
        if not watch.take_if_flatter(w + step):
            return
        watch.status = None
        watch.count()
        if watch.status is None:
            watch.status = Status.STALLED
