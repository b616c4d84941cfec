"""The methods of :func:`scipy.optimize.minimize`, and what each of them needs."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize
from scipy.sparse.linalg import LinearOperator, minres

from sknewtonnet.solvers._base import (
    Callback,
    Capability,
    Iteration,
    ObjectiveLike,
    Solver,
    SolverResult,
    Status,
)

Array = NDArray[np.float64]

HESSIAN_KINDS = ("exact", "block", "lagrangian", "gauss-newton")
# Kinds for which an objective offers products without forming a matrix.
PRODUCT_KINDS = ("exact", "gauss-newton")


@dataclass(frozen=True)
class _Method:
    """A method of scipy: what it needs, what a user may set, what we always set.

    A user's options are numbers, each at least its first and below its second limit.
    """

    needs: Capability
    options: Mapping[str, tuple[float, float]]
    fixed: Mapping[str, Any]
    checks_gradient: bool = True


_RADII = {
    "initial_trust_radius": (1e-12, np.inf),
    "max_trust_radius": (1e-12, np.inf),
    "eta": (0.0, 0.25),
}
# scipy's bound of 1000 would keep parameters in the units of a raw target out of reach.
_FAR = {"max_trust_radius": 1e100}
_WOLFE = {"c1": (0.0, 1.0), "c2": (0.0, 1.0)}

# scipy's trust-region methods compare gtol with the 2-norm, BFGS and L-BFGS-B with the
# largest entry, Newton-CG not at all. So tol is checked here, after each iteration, and
# scipy's own criteria are set so that they never stop a run that is not there yet.
METHODS: dict[str, _Method] = {
    "trust-ncg": _Method(Capability.HESSIAN_PRODUCT, _RADII, _FAR),
    "trust-krylov": _Method(Capability.HESSIAN_PRODUCT, _RADII, {**_FAR, "inexact": True}),
    "trust-exact": _Method(Capability.HESSIAN, _RADII, _FAR),
    "newton-cg": _Method(Capability.HESSIAN_PRODUCT, _WOLFE, {"xtol": 0.0}, checks_gradient=False),
    "l-bfgs-b": _Method(
        Capability.GRADIENT,
        {"maxcor": (1, 10_000), "maxls": (1, 10_000)},
        {"maxcor": 20, "maxls": 50, "ftol": 0.0, "maxfun": 2**31 - 1},
    ),
    "bfgs": _Method(Capability.GRADIENT, _WOLFE, {"norm": np.inf}),
}

# Rejected steps in a row after which a trust region has shrunk by 4^20, to nothing.
_MAX_REJECTED = 20


@dataclass(frozen=True)
class ScipySolver(Solver):
    """One of the methods of :func:`scipy.optimize.minimize`.

    See :class:`sknewtonnet.solvers.Solver` for the settings; ``options`` takes those
    options of the method that are listed in ``METHODS``.

    Notes
    -----
    A run that scipy gives up is taken up again from where it ended, as long as that helps.
    Near a minimum, differences of f drown in its rounding before the gradient does; there
    a method with second derivatives ends with Newton steps judged by the gradient alone.
    """

    def check(self) -> None:
        """See :meth:`Solver.check`."""
        method = METHODS[self.name]
        for name, value in self.options.items():
            if name not in method.options:
                raise ValueError(
                    f"solver_options of {self.name!r} must be among {sorted(method.options)}, "
                    f"got {name!r}."
                )
            low, high = method.options[name]
            kind = Integral if isinstance(low, int) else Real
            if not isinstance(value, kind) or not low <= float(value) < high:
                what = "an integer" if kind is Integral else "a number"
                raise ValueError(
                    f"solver_options[{name!r}] must be {what} from {low:g} to below {high:g}, "
                    f"got {value!r}."
                )
        if self.hessian not in HESSIAN_KINDS:
            raise ValueError(
                f"hessian must be one of {list(HESSIAN_KINDS)}, got {self.hessian!r}."
            )
        if method.needs is Capability.GRADIENT and self.hessian != "exact":
            raise ValueError(
                f"hessian={self.hessian!r} has no effect on solver={self.name!r}, which uses "
                "the gradient only; leave it at 'exact'."
            )

    def minimize(
        self, objective: ObjectiveLike, w0: Array, callback: Callback | None = None
    ) -> SolverResult:
        """See :meth:`Solver.minimize`."""
        self.check()
        counted = _Counted(objective, self.hessian)
        watch = _Watch(counted, self.tol, self.max_iter, callback)
        message = ""
        watch.begin(np.array(w0, dtype=float))
        initial_gradient_norm = watch.gradient_norm
        # The methods probe far points on purpose; an overflow there is a rejected step.
        with np.errstate(over="ignore", invalid="ignore"):
            while watch.status is None:
                before = watch.value
                message = self._run(counted, watch)
                if watch.status is None and not watch.value < before:
                    watch.status = Status.STALLED
            second = METHODS[self.name].needs is not Capability.GRADIENT
            if watch.status is Status.STALLED and second and self.hessian == "exact":
                _polish(counted, watch)
        return SolverResult(
            params=watch.params,
            value=watch.value,
            gradient=watch.gradient,
            status=watch.status,
            message=message if watch.status is Status.STALLED else watch.status.value,
            n_iter=watch.n_iter,
            n_evaluations=dict(counted.calls),
            history=tuple(watch.history),
            initial_gradient_norm=initial_gradient_norm,
        )

    def _run(self, counted: "_Counted", watch: "_Watch") -> str:
        """One run of scipy's loop; its own words on how it ended."""
        found = minimize(
            counted.value,
            watch.params,
            method=self.name,
            jac=counted.gradient,
            callback=watch,
            options=self._scipy_options(self.max_iter - watch.n_iter),
            **self._second_derivatives(counted),
        )
        if watch.status is None:
            watch.end(found)
        return str(found.message)

    def _scipy_options(self, max_iter: int) -> dict[str, Any]:
        method = METHODS[self.name]
        options = {"maxiter": max_iter, **method.fixed, **self.options}
        return options | {"gtol": self.tol} if method.checks_gradient else options

    def _second_derivatives(self, counted: "_Counted") -> dict[str, Callable[..., Array]]:
        needs = METHODS[self.name].needs
        if needs is Capability.GRADIENT:
            return {}
        if needs is Capability.HESSIAN_PRODUCT and self.hessian in PRODUCT_KINDS:
            return {"hessp": counted.hessian_product}
        return {"hess": counted.hessian}


class _Counted:
    """An objective that counts its calls, for one kind of second derivatives."""

    def __init__(self, objective: ObjectiveLike, kind: str):
        self.objective = objective
        self.kind = kind
        self.last_value = np.nan
        self.calls: Counter[str] = Counter(value=0, gradient=0, hessian=0, hessian_product=0)

    def value(self, w: Array) -> float:
        self.calls["value"] += 1
        self.last_value = self.objective.value(w)
        return self.last_value

    def gradient(self, w: Array) -> Array:
        self.calls["gradient"] += 1
        return self.objective.gradient(w)

    def hessian(self, w: Array) -> Array:
        self.calls["hessian"] += 1
        return self.objective.hessian(w, self.kind)

    def hessian_product(self, w: Array, v: Array) -> Array:
        self.calls["hessian_product"] += 1
        return self.objective.hessian_product(w, v, self.kind)


class _Watch:
    """scipy's callback: keeps the best-known point, and stops by our criteria."""

    def __init__(self, counted: _Counted, tol: float, max_iter: int, callback: Callback | None):
        self.counted = counted
        self.tol = tol
        self.max_iter = max_iter
        self.callback = callback
        self.status: Status | None = None
        self.history: list[float] = []
        self.n_iter = 0
        self.n_rejected = 0

    def begin(self, w0: Array) -> None:
        """Take the starting point, which may be stationary already."""
        self._take(w0, self.counted.value(w0))
        if not (np.isfinite(self.value) and np.isfinite(self.gradient).all()):
            raise ValueError(
                "the objective is not finite at the starting point; are X and y standardised?"
            )
        self.history.append(self.value)
        if self.gradient_norm <= self.tol:
            self.status = Status.CONVERGED

    def _take(self, w: Array, value: float) -> None:
        self.params = w.copy()
        self.value = float(value)
        self.gradient = self.counted.gradient(w)
        self.gradient_norm = float(np.abs(self.gradient).max())

    def __call__(self, intermediate_result: OptimizeResult) -> None:
        moved = not np.array_equal(intermediate_result.x, self.params)
        if moved:
            self._take(intermediate_result.x, intermediate_result.fun)
            self.n_rejected = 0
        else:
            self.n_rejected += 1
        # A rejection says nothing where f cannot tell the points apart.
        blind = not moved and abs(self.counted.last_value - self.value) <= self.rounding
        self.count(stalled=blind or self.n_rejected >= _MAX_REJECTED)
        if self.status is not None:
            raise StopIteration

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

    def end(self, found: OptimizeResult) -> None:
        """Take scipy's last point, where it went on after the last callback."""
        self.n_rejected = 0
        if not np.array_equal(found.x, self.params) and found.fun <= self.value:
            self._take(found.x, found.fun)
            if self.gradient_norm <= self.tol:
                self.status = Status.CONVERGED

    @property
    def rounding(self) -> float:
        """A difference of f that may be rounding alone."""
        return 10.0 * float(np.finfo(float).eps) * abs(self.value)

    def take_if_flatter(self, w: Array) -> bool:
        """Take a point whose gradient is smaller, if f is the same up to its rounding."""
        value = self.counted.value(w)
        gradient = self.counted.gradient(w)
        if not (value <= self.value + self.rounding and np.isfinite(gradient).all()):
            return False
        if np.abs(gradient).max() > 0.5 * self.gradient_norm:
            return False
        self._take(w, value)
        return True


def _polish(counted: _Counted, watch: _Watch) -> None:
    """Newton steps judged by the gradient, where f no longer tells points apart."""
    size = len(watch.params)
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
