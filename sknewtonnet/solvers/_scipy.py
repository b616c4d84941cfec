"""The methods of :func:`scipy.optimize.minimize`, one class each.

They do not run in the loop of :class:`Solver`: scipy's methods have loops of their own, and report
an iteration to a callback. So :class:`ScipySolver` overrides ``minimize``; counts, the tests for
the end and the result are those of :class:`Run` all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from sknewtonnet._typing import Array
from sknewtonnet.calculus import SmoothFunction
from sknewtonnet.calculus.pieces.function import HESSIAN_KINDS, PRODUCT_KINDS
from sknewtonnet.calculus.pieces.memory import check_hessian_memory
from sknewtonnet.solvers._base import FIRST_ORDER, SECOND_DERIVATIVES, Capability, Solver
from sknewtonnet.solvers._constrained import COUNTS, MAXCOR, MAXLS, BoundedLBFGSBSolver
from sknewtonnet.solvers._finite import NotFinite, out_of_range
from sknewtonnet.solvers._legs import Leg, MetricLeg
from sknewtonnet.solvers._newton import finish_by_newton
from sknewtonnet.solvers._options import Choice, Range, option
from sknewtonnet.solvers._preconditioner import (
    PRECONDITIONERS,
    LaggedPreconditioner,
    check_blocks,
    check_products,
)
from sknewtonnet.solvers._result import Callback, SolverResult, Status
from sknewtonnet.solvers._run import Counted, Run
from sknewtonnet.solvers.constraints import ConstraintKind

_RADIUS = Range(1e-12, np.inf)
_WOLFE = Range(0.0, 1.0)
# scipy's bound of 1000 would keep parameters in the units of a raw target out of reach.
_FAR = 1e100

# Rejected steps in a row after which a trust region has shrunk by 4^20, to nothing.
_MAX_REJECTED = 20

# Products of a step for each parameter, at most; without rounding one does.
_MOST_PRODUCTS = 20


@dataclass(frozen=True, kw_only=True)
class ScipySolver(Solver):
    """One of the methods of :func:`scipy.optimize.minimize`.

    Attributes
    ----------
    method : str
        Its name in scipy.
    fixed : mapping of str to Any
        Options of scipy that are not a user's. Its trust-region methods compare ``gtol`` with the
        2-norm of the gradient, BFGS and L-BFGS-B with the largest entry, Newton-CG not at all. So
        ``tol`` is checked by us, after each iteration, and scipy's own criteria are set so that
        they never stop a run that is not there yet.
    has_gtol : bool
        Whether the method has ``gtol``.

    Notes
    -----
    If scipy gives up, the run restarts where it ended, as long as that helps.
    Near a minimum, differences of f drown in its rounding before the gradient does; there
    a method with second derivatives ends with Newton steps judged by the gradient alone.
    """

    method: ClassVar[str]
    fixed: ClassVar[Mapping[str, Any]] = {}
    has_gtol: ClassVar[bool] = True

    def minimize(
        self, function: SmoothFunction, w0: Array, callback: Callback | None = None
    ) -> SolverResult:
        """See :meth:`Solver.minimize`.

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
        """
        self.check(function)
        run = _ScipyRun(
            function,
            self.tol,
            self.max_iter,
            callback,
            ftol=self.ftol,
            second_order=self.second_order,
            fatol=self.fatol,
            f_target=self.f_target,
        )
        with run.guarded():
            run.begin(w0)
            while run.status is None:
                before = run.value
                run.message = self._minimize(run)
                if run.status is None and not run.value < before:
                    run.status = Status.STALLED
            if self.needs & SECOND_DERIVATIVES:
                finish_by_newton(run)
        return run.result()

    def _minimize(self, run: _ScipyRun) -> str:
        """One run of scipy's loop; its own words on how it ended."""
        run.leg = leg = self._leg(run)
        try:
            found = minimize(
                leg.value,
                leg.start,
                method=self.method,
                jac=leg.gradient,
                callback=run,
                options=self._scipy_options(run),
                **self._second_derivatives(run),
            )
        except (ArithmeticError, ValueError) as error:
            return out_of_range(error)
        if run.status is None:
            run.end(found)
        return str(found.message)

    def _leg(self, run: _ScipyRun) -> Leg:
        """The coordinates of one run of scipy's loop."""
        return Leg(run.function, run.params)

    def _scipy_options(self, run: _ScipyRun) -> dict[str, Any]:
        own = {
            name: getattr(self, name) for name in self.options().keys() - Solver.options().keys()
        }
        options = {"maxiter": run.max_iter - run.n_iter, **self.fixed, **own}
        return options | {"gtol": self.tol} if self.has_gtol else options

    def _second_derivatives(self, run: _ScipyRun) -> dict[str, Callable[..., Array]]:
        if not self.needs & SECOND_DERIVATIVES:
            return {}
        if Capability.HESSIAN_PRODUCT in self.needs and self.hessian in PRODUCT_KINDS:
            return {"hessp": partial(self._product, run)}
        return {"hess": partial(_hessian, run.function, kind=self.hessian)}

    def _product(self, run: _ScipyRun, x: Array, v: Array) -> Array:
        run.count_product()
        return run.leg.product(x, v, self.hessian)


def _hessian(function: Counted, w: Array, kind: str) -> Array:
    """The Hessian; any matrix where no step will end, since the function has no value there.

    "trust-exact" forms it before it looks at the value.
    """
    try:
        return function.hessian(w, kind)
    except NotFinite:
        if np.isfinite(function.value(w)):
            raise
        return np.zeros((len(w), len(w)))


class _ScipyRun(Run):
    """A run that hears of iterations as the callback of scipy's methods."""

    n_rejected = n_products = 0
    leg: Leg
    preconditioner: LaggedPreconditioner | None = None
    radius = 1.0

    def count_product(self) -> None:
        """End a step of conjugate gradients that takes no end, since squares overflow."""
        self.n_products += 1
        if self.n_products > _MOST_PRODUCTS * len(self.params) + 100:
            raise NotFinite("squares of derivatives overflow")

    def __call__(self, intermediate_result: OptimizeResult) -> None:
        self.n_products = 0
        w = self.leg.point(intermediate_result.x)
        moved = not np.array_equal(w, self.params)
        if moved:
            self.take(w, intermediate_result.fun)
            self.leg.visit(intermediate_result.x)
            self.n_rejected = 0
        else:
            self.n_rejected += 1
        # A rejection says nothing where f cannot tell the points apart.
        blind = not moved and abs(self.function.last_value - self.value) <= self.rounding
        self.count(stalled=blind or self.n_rejected >= _MAX_REJECTED)
        if self.status is not None or (moved and self.leg.is_over(self.gradient)):
            raise StopIteration

    def end(self, found: OptimizeResult) -> None:
        """Take scipy's last point, where it went on after the last callback."""
        self.n_rejected = 0
        w = self.leg.point(found.x)
        if not np.array_equal(w, self.params) and found.fun <= self.value:
            self.take(w, found.fun)
            if self.stationarity <= self.tol:
                self.status = Status.CONVERGED


@dataclass(frozen=True, kw_only=True)
class ProductSolver(ScipySolver):
    """A method of scipy that is made of Hessian-vector products, with or without a preconditioner.

    scipy's methods take none. In coordinates v with s = R v and R R' = M^-1 their conjugate
    gradients are preconditioned by M, and their balls are ellipsoids; where M is to be worked out
    anew, scipy starts again in new coordinates.
    """

    needs = FIRST_ORDER | Capability.HESSIAN_PRODUCT
    hessian_kinds = HESSIAN_KINDS

    preconditioner: str = option("none", Choice(PRECONDITIONERS))

    def __post_init__(self) -> None:
        """Raise a ValueError for a setting that is not allowed."""
        super().__post_init__()
        check_products(type(self).__name__, self.preconditioner, self.hessian)

    def check(self, function: SmoothFunction) -> None:
        """Check that it has blocks, too, if they are asked for; see :meth:`Solver.check`.

        Parameters
        ----------
        function : SmoothFunction
            The function to minimise.
        """
        super().check(function)
        check_blocks(type(self).__name__, self.preconditioner, function)

    def _leg(self, run: _ScipyRun) -> Leg:
        if self.preconditioner == "none":
            return super()._leg(run)
        if run.preconditioner is None:
            run.preconditioner = LaggedPreconditioner(run)
            run.radius = getattr(self, "initial_trust_radius", 1.0)
        elif run.leg.longest > 0.0:  # scipy does not tell its radius
            run.radius = min(2.0 * run.leg.longest, 0.5 * getattr(self, "max_trust_radius", _FAR))
        return MetricLeg(run.function, run.params, run.preconditioner, run.radius)

    def _scipy_options(self, run: _ScipyRun) -> dict[str, Any]:
        options = super()._scipy_options(run)
        del options["preconditioner"]
        if self.preconditioner != "none":
            # The gradient that scipy sees is in other coordinates: ours tells the end.
            ours = {"gtol": 0.0, "initial_trust_radius": run.radius}
            options |= {name: ours[name] for name in ours.keys() & options.keys()}
        return options


@dataclass(frozen=True, kw_only=True)
class TrustNCGSolver(ProductSolver):
    """Trust region with conjugate gradients, from Hessian-vector products ("trust-ncg").

    Each step minimises the quadratic model within a ball by conjugate gradients, which end at its
    boundary where they meet a negative curvature: O(P) memory, and a product, about two gradients,
    for each of them. It is Steihaug's method, of scipy's ``minimize``.

    Parameters
    ----------
    tol, ftol, fatol, f_target : float, default=1e-10, 0.0, 0.0 and -inf
        As in :class:`Solver`.
    max_iter : int, default=1000
        As in :class:`Solver`.
    hessian : {"exact", "block", "lagrangian", "gauss-newton"}, default="exact"
        Second derivatives of the steps, as in :class:`Solver`.
    preconditioner : {"none", "block"}, default="none"
        As in :class:`NewtonSolver`.
    initial_trust_radius, max_trust_radius : float, default=1.0 and 1e100
        Upper limits of the length of the first step, and of any step.
    eta : float, default=0.15
        Ratio of true to predicted decrease above which a step is taken, from 0 to below 0.25.

    See Also
    --------
    NewtonSolver : Products as well, and the Hessian where that is cheaper.
    TrustKrylovSolver : Better steps at the boundary, from more products.
    get_solver : A solver by its name.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.solvers import TrustNCGSolver
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> f = Objective(Network.mlp(1, (2,), 1), "squared_error", X, np.tanh(3.0 * X), alpha=0.01)
    >>> result = TrustNCGSolver(tol=1e-6).minimize(f, np.linspace(-1.0, 1.0, 7))
    >>> result.converged, sorted(name for name, calls in result.n_evaluations.items() if calls)
    (True, ['gradient', 'hessian_product', 'value'])
    """

    method = "trust-ncg"

    initial_trust_radius: float = option(1.0, _RADIUS)
    max_trust_radius: float = option(_FAR, _RADIUS)
    eta: float = option(0.15, Range(0.0, 0.25))


@dataclass(frozen=True, kw_only=True)
class TrustKrylovSolver(ProductSolver):
    """Trust region with a Krylov space, from Hessian-vector products ("trust-krylov").

    Each step minimises the quadratic model within a ball over a Krylov space, by the Lanczos
    method of Gould, Lucidi, Roma and Toint: unlike "trust-ncg" it goes on along the boundary, and
    takes fewer steps and more products for each. It is a method of scipy's ``minimize``.

    Parameters
    ----------
    tol, ftol, fatol, f_target : float, default=1e-10, 0.0, 0.0 and -inf
        As in :class:`Solver`.
    max_iter : int, default=1000
        As in :class:`Solver`.
    hessian : {"exact", "block", "lagrangian", "gauss-newton"}, default="exact"
        Second derivatives of the steps, as in :class:`Solver`.
    preconditioner : {"none", "block"}, default="none"
        As in :class:`NewtonSolver`.
    initial_trust_radius, max_trust_radius : float, default=1.0 and 1e100
        As in :class:`TrustNCGSolver`.
    eta : float, default=0.15
        As in :class:`TrustNCGSolver`.

    See Also
    --------
    NewtonSolver : Products as well, and the Hessian where that is cheaper.
    TrustNCGSolver : Steps that end where they meet the boundary.
    get_solver : A solver by its name.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.solvers import TrustKrylovSolver
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> f = Objective(Network.mlp(1, (2,), 1), "squared_error", X, np.tanh(3.0 * X), alpha=0.01)
    >>> result = TrustKrylovSolver(tol=1e-6).minimize(f, np.linspace(-1.0, 1.0, 7))
    >>> result.converged, sorted(name for name, calls in result.n_evaluations.items() if calls)
    (True, ['gradient', 'hessian_product', 'value'])
    """

    method = "trust-krylov"
    fixed: ClassVar[Mapping[str, Any]] = {"inexact": True}

    initial_trust_radius: float = option(1.0, _RADIUS)
    max_trust_radius: float = option(_FAR, _RADIUS)
    eta: float = option(0.15, Range(0.0, 0.25))

    def _product(self, run: _ScipyRun, w: Array, v: Array) -> Array:
        """The product; at times the method asks for one that it never uses."""
        return super()._product(run, w, v) if np.isfinite(v).all() else v


@dataclass(frozen=True, kw_only=True)
class TrustExactSolver(ScipySolver):
    """Trust region with nearly exact steps, from Hessians ("trust-exact").

    Each step minimises the quadratic model within a ball to near optimality, with Cholesky factors
    of the Hessian and a shift (Moré and Sorensen): some P^3 / 3 flops for each factor, for up to
    some hundred parameters. It is a method of scipy's ``minimize``.

    Parameters
    ----------
    tol, ftol, fatol, f_target : float, default=1e-10, 0.0, 0.0 and -inf
        As in :class:`Solver`.
    max_iter : int, default=1000
        As in :class:`Solver`.
    hessian : {"exact", "block", "lagrangian", "gauss-newton"}, default="exact"
        Second derivatives of the steps, as in :class:`Solver`.
    initial_trust_radius, max_trust_radius : float, default=1.0 and 1e100
        As in :class:`TrustNCGSolver`.
    eta : float, default=0.15
        As in :class:`TrustNCGSolver`.

    See Also
    --------
    NewtonSolver : The same model from products, where that is cheaper.
    TrustNCGSolver : A method that needs products alone.
    get_solver : A solver by its name.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.solvers import TrustExactSolver
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> f = Objective(Network.mlp(1, (2,), 1), "squared_error", X, np.tanh(3.0 * X), alpha=0.01)
    >>> result = TrustExactSolver(tol=1e-6).minimize(f, np.linspace(-1.0, 1.0, 7))
    >>> result.converged, sorted(name for name, calls in result.n_evaluations.items() if calls)
    (True, ['gradient', 'hessian', 'value'])
    """

    needs = FIRST_ORDER | Capability.HESSIAN
    hessian_kinds = HESSIAN_KINDS
    method = "trust-exact"

    initial_trust_radius: float = option(1.0, _RADIUS)
    max_trust_radius: float = option(_FAR, _RADIUS)
    eta: float = option(0.15, Range(0.0, 0.25))

    def check(self, function: SmoothFunction) -> None:
        """Check the memory for the Hessian and its factors, too; see :meth:`Solver.check`.

        Parameters
        ----------
        function : SmoothFunction
            The function to minimise.
        """
        super().check(function)
        advice = "solver 'newton' needs no matrix"
        check_hessian_memory(function.n_parameters, advice, n_matrices=7.0)


@dataclass(frozen=True, kw_only=True)
class NewtonCGSolver(ProductSolver):
    """Line searches along truncated Newton directions, from products ("newton-cg").

    Conjugate gradients solve the Newton equation, the more exactly the smaller the gradient is,
    and stop at a negative curvature; a line search along their end makes the step. It is a method
    of scipy's ``minimize``.

    Parameters
    ----------
    tol, ftol, fatol, f_target : float, default=1e-10, 0.0, 0.0 and -inf
        As in :class:`Solver`.
    max_iter : int, default=1000
        As in :class:`Solver`.
    hessian : {"exact", "block", "lagrangian", "gauss-newton"}, default="exact"
        Second derivatives of the steps, as in :class:`Solver`.
    preconditioner : {"none", "block"}, default="none"
        As in :class:`NewtonSolver`.
    c1, c2 : float, default=1e-4 and 0.9
        Constants of the two Wolfe conditions, from 0 to below 1.

    See Also
    --------
    TrustNCGSolver : The same directions in a trust region, which leave saddle points.
    NewtonSolver : Newton's method in a trust region.
    get_solver : A solver by its name.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.solvers import NewtonCGSolver
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> f = Objective(Network.mlp(1, (2,), 1), "squared_error", X, np.tanh(3.0 * X), alpha=0.01)
    >>> result = NewtonCGSolver(tol=1e-6).minimize(f, np.linspace(-1.0, 1.0, 7))
    >>> result.converged, sorted(name for name, calls in result.n_evaluations.items() if calls)
    (True, ['gradient', 'hessian_product', 'value'])
    """

    method = "newton-cg"
    fixed: ClassVar[Mapping[str, Any]] = {"xtol": 0.0}
    has_gtol = False

    c1: float = option(1e-4, _WOLFE)
    c2: float = option(0.9, _WOLFE)


@dataclass(frozen=True, kw_only=True)
class LBFGSBSolver(ScipySolver):
    """Limited-memory quasi-Newton steps, from gradients ("l-bfgs-b").

    The last ``maxcor`` steps and changes of the gradient make a model of the Hessian: O(P) memory,
    and about one gradient for each step, for any number of parameters. With second derivatives the
    last digits come sooner. It is a method of scipy's ``minimize``.

    Parameters
    ----------
    tol, ftol, fatol, f_target : float, default=1e-10, 0.0, 0.0 and -inf
        As in :class:`Solver`.
    max_iter : int, default=1000
        As in :class:`Solver`.
    hessian : {"exact"}, default="exact"
        It has no effect: steps are made of gradients.
    maxcor : int, default=20
        Number of steps to remember.
    maxls : int, default=50
        Maximum number of function values in a line search.

    See Also
    --------
    AutoSolver : Such steps far from a minimum, Newton steps near it.
    BFGSSolver : A model of P x P numbers.
    get_solver : A solver by its name; it keeps bounds, too.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.solvers import LBFGSBSolver
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> f = Objective(Network.mlp(1, (2,), 1), "squared_error", X, np.tanh(3.0 * X), alpha=0.01)
    >>> solver = LBFGSBSolver(tol=1e-6, f_target=0.01)  # an error that is good enough
    >>> result = solver.minimize(f, np.linspace(-1.0, 1.0, 7))
    >>> result.status.name, result.value <= 0.01 < result.history[-2]
    ('TARGET', True)
    """

    method = "l-bfgs-b"
    keeps = ConstraintKind.BOUNDS
    fixed: ClassVar[Mapping[str, Any]] = {"ftol": 0.0, "maxfun": 2**31 - 1}

    maxcor: int = option(MAXCOR, COUNTS)
    maxls: int = option(MAXLS, COUNTS)

    @classmethod
    def under_constraints(cls) -> type[Solver]:
        """The method within bounds, with an exact end; see :meth:`Solver.under_constraints`.

        Returns
        -------
        type or None
            A solver that keeps bounds.
        """
        return BoundedLBFGSBSolver


@dataclass(frozen=True, kw_only=True)
class BFGSSolver(ScipySolver):
    """Quasi-Newton steps, from gradients ("bfgs").

    Steps and changes of the gradient make a dense approximation of the inverse Hessian, P^2
    numbers, for up to some thousand parameters. It is a method of scipy's ``minimize``.

    Parameters
    ----------
    tol, ftol, fatol, f_target : float, default=1e-10, 0.0, 0.0 and -inf
        As in :class:`Solver`.
    max_iter : int, default=1000
        As in :class:`Solver`.
    hessian : {"exact"}, default="exact"
        It has no effect: steps are made of gradients.
    c1, c2 : float, default=1e-4 and 0.9
        Constants of the two Wolfe conditions, from 0 to below 1.

    See Also
    --------
    LBFGSBSolver : A model of the last steps alone, for any number of parameters.
    AutoSolver : The default, which ends with Newton steps.
    get_solver : A solver by its name.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.solvers import BFGSSolver
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> f = Objective(Network.mlp(1, (2,), 1), "squared_error", X, np.tanh(3.0 * X), alpha=0.01)
    >>> result = BFGSSolver(tol=1e-6).minimize(f, np.linspace(-1.0, 1.0, 7))
    >>> result.converged, sorted(name for name, calls in result.n_evaluations.items() if calls)
    (True, ['gradient', 'value'])
    """

    method = "bfgs"
    fixed: ClassVar[Mapping[str, Any]] = {"norm": np.inf}

    c1: float = option(1e-4, _WOLFE)
    c2: float = option(0.9, _WOLFE)

    def check(self, function: SmoothFunction) -> None:
        """Check the memory for its approximate Hessian, too; see :meth:`Solver.check`.

        Parameters
        ----------
        function : SmoothFunction
            The function to minimise.
        """
        super().check(function)
        advice = "solver 'l-bfgs-b' needs no matrix"
        check_hessian_memory(function.n_parameters, advice, n_matrices=5.0)
