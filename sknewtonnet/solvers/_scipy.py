"""The methods of :func:`scipy.optimize.minimize`, and what each of them needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from sknewtonnet._typing import Array
from sknewtonnet.calculus import SmoothFunction
from sknewtonnet.calculus.pieces.function import HESSIAN_KINDS, PRODUCT_KINDS
from sknewtonnet.solvers._base import Callback, Capability, Solver, SolverResult, Status
from sknewtonnet.solvers._newton import finish
from sknewtonnet.solvers._options import Choice, Range, check_hessian, check_options
from sknewtonnet.solvers._run import Counted, Watch


@dataclass(frozen=True)
class _Method:
    """A method of scipy: what it needs, what a user may set, what we always set."""

    needs: Capability
    options: Mapping[str, Range | Choice]
    fixed: Mapping[str, Any]
    checks_gradient: bool = True


_RADII = {
    "initial_trust_radius": Range(1e-12, np.inf),
    "max_trust_radius": Range(1e-12, np.inf),
    "eta": Range(0.0, 0.25),
}
# scipy's bound of 1000 would keep parameters in the units of a raw target out of reach.
_FAR = {"max_trust_radius": 1e100}
_WOLFE = {"c1": Range(0.0, 1.0), "c2": Range(0.0, 1.0)}

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
        {"maxcor": Range(1, 10_000), "maxls": Range(1, 10_000)},
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
        check_options(self.name, self.options, method.options)
        gradient_only = method.needs is Capability.GRADIENT
        check_hessian(self.name, self.hessian, ("exact",) if gradient_only else HESSIAN_KINDS)

    def minimize(
        self, objective: SmoothFunction, w0: Array, callback: Callback | None = None
    ) -> SolverResult:
        """See :meth:`Solver.minimize`."""
        self.check()
        counted = Counted(objective, self.hessian)
        watch = _ScipyWatch(counted, self.tol, self.max_iter, callback)
        message = ""
        watch.begin(np.array(w0, dtype=float))
        # The methods probe far points on purpose; an overflow there is a rejected step.
        with np.errstate(over="ignore", invalid="ignore"):
            while watch.status is None:
                before = watch.value
                message = self._run(counted, watch)
                if watch.status is None and not watch.value < before:
                    watch.status = Status.STALLED
            second = METHODS[self.name].needs is not Capability.GRADIENT
            if second:
                finish(counted, watch)
        return watch.result(message if watch.status is Status.STALLED else "")

    def _run(self, counted: Counted, watch: "_ScipyWatch") -> str:
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

    def _second_derivatives(self, counted: Counted) -> dict[str, Callable[..., Array]]:
        needs = METHODS[self.name].needs
        if needs is Capability.GRADIENT:
            return {}
        if needs is Capability.HESSIAN_PRODUCT and self.hessian in PRODUCT_KINDS:
            return {"hessp": counted.hessian_product}
        return {"hess": counted.hessian}


class _ScipyWatch(Watch):
    """The callback of scipy's methods."""

    n_rejected = 0

    def __call__(self, intermediate_result: OptimizeResult) -> None:
        moved = not np.array_equal(intermediate_result.x, self.params)
        if moved:
            self.take(intermediate_result.x, intermediate_result.fun)
            self.n_rejected = 0
        else:
            self.n_rejected += 1
        # A rejection says nothing where f cannot tell the points apart.
        blind = not moved and abs(self.counted.last_value - self.value) <= self.rounding
        self.count(stalled=blind or self.n_rejected >= _MAX_REJECTED)
        if self.status is not None:
            raise StopIteration

    def end(self, found: OptimizeResult) -> None:
        """Take scipy's last point, where it went on after the last callback."""
        self.n_rejected = 0
        if not np.array_equal(found.x, self.params) and found.fun <= self.value:
            self.take(found.x, found.fun)
            if self.gradient_norm <= self.tol:
                self.status = Status.CONVERGED
