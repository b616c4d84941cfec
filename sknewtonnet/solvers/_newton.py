"""Newton's method in a trust region, from dense Hessians or from products."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import SmoothFunction, critical_point
from sknewtonnet.calculus.pieces.function import HESSIAN_KINDS, PRODUCT_KINDS, EmbeddedFunction
from sknewtonnet.solvers._base import FIRST_ORDER, SECOND_DERIVATIVES, Solver
from sknewtonnet.solvers._finite import NotFinite
from sknewtonnet.solvers._model_dense import QuadraticModel, Step
from sknewtonnet.solvers._model_products import CurvatureModel, ProductModel
from sknewtonnet.solvers._options import Choice, Range, option
from sknewtonnet.solvers._preconditioner import (
    PRECONDITIONERS,
    LaggedPreconditioner,
    check_blocks,
    check_products,
)
from sknewtonnet.solvers._quasi_newton import KeptFactor, searched
from sknewtonnet.solvers._result import Status
from sknewtonnet.solvers._run import Run, polish

# Length of a first step, in the units of weights of standardised data; and what it may be.
RADIUS, RADII = 0.3, Range(1e-12, 1e6)

# Rejected steps in a row after which a region has shrunk by at least 4^30, to nothing.
_MAX_REJECTED = 30

# A run creeps if over so many iterations its parameters have grown in each, and f has fallen by
# less than this part of its size.
_WATCHED, _CREEPING, _MAX_ENTRIES = 10, 1e-3, 5

# Steps at most from points in a valley where the gradient is small, and a Newton step gains a lot.
_MORE_STEPS = 20

# A dense Hessian and its factors cost as much as about P / 8 products. Up to so many
# parameters it is formed at once, and above so many never.
_PRODUCTS, ALWAYS_DENSE, NEVER_DENSE = 8, 125, 2000

# It costs as much as about P / 16 gradients. A factor is kept for twice as many steps, as long as
# one lowers f by as much as a gradient's share of the step that made it, or flattens f by half.
_GRADIENTS, _KEPT_FOR, _FLATTER = 16, 2, 0.5


@dataclass(frozen=True, kw_only=True)
class NewtonSolver(Solver):
    """Newton's method in a trust region, for the exact Hessian of any size.

    Each step minimises the quadratic model within a ball. A rejected step shrinks the ball and
    needs no new derivatives. Along negative curvature a step goes to the boundary, so the solver
    leaves saddle points, even if it starts at one. Near a minimum, where differences of f drown
    in its rounding, steps are judged by the gradient.

    Small problems form the Hessian and minimise the model to optimality. Above 125 parameters
    conjugate gradients work with Hessian-vector products until a step would take more than P / 8
    of them, the cost of a Hessian with its factors; from there on the Hessian is formed. Above
    2000 parameters it is formed only to tell a minimum from a saddle point, as
    :func:`sknewtonnet.calculus.critical_point` does, and above 3000 not even for that.
    ``hessian="block"`` and "lagrangian" have no products and are formed at any size. Only the
    exact Hessian recognises a saddle point.

    Parameters
    ----------
    tol, ftol, fatol, f_target : float, default=1e-10, 0.0, 0.0 and -inf
        As in :class:`Solver`.
    max_iter : int, default=1000
        As in :class:`Solver`.
    hessian : {"exact", "block", "lagrangian", "gauss-newton"}, default="exact"
        Second derivatives of the steps, as in :class:`Solver`.
    initial_trust_radius : float, default=0.3
        Upper limit of the length of the first step, from 1e-12 to below 1e6.
    preconditioner : {"none", "block"}, default="none"
        "block" measures the steps of conjugate gradients by the blocks B of each unit: with
        s'Ms, M = I + |B| / shift, shift = 10 |g| / radius. See doc/preconditioner.md for where it
        pays. It takes 4 sum_k s_k t_k^2 numbers of memory and some 10 sum_k s_k t_k^3 flops, every
        hundred products or so, and has no effect where a Hessian is formed.
        ``SolverResult.n_events["preconditioners"]`` counts how often.

    See Also
    --------
    AutoSolver : L-BFGS steps far from a minimum, such steps near it.
    TrustExactSolver : The method of scipy with Hessians.
    TrustNCGSolver : The method of scipy with products.
    sknewtonnet.calculus.critical_point : What kind of point a run has ended at.
    get_solver : A solver by its name.

    References
    ----------
    Moré and Sorensen (1983), Computing a trust region step.
    Steihaug (1983), The conjugate gradient method and trust regions in large scale optimization.
    Conn, Gould and Toint (2000), Trust-Region Methods, 5.1.6, 6.7 and 7.4.
    Nocedal and Wright (2006), Numerical Optimization, chapters 4 and 7.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.solvers import NewtonSolver
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(50, 2))
    >>> y = np.tanh(X[:, :1] - X[:, 1:])
    >>> network = Network.mlp(2, (1,), 1)
    >>> function = Objective(network, "squared_error", X, y, alpha=0.1)
    >>> w0 = rng.normal(size=network.n_parameters)
    >>> result = NewtonSolver(tol=1e-8).minimize(function, w0)
    >>> result.converged
    True
    >>> bool(np.linalg.eigvalsh(function.hessian(result.params)).min() > 0)  # a minimum
    True
    """

    needs = FIRST_ORDER | SECOND_DERIVATIVES
    hessian_kinds = HESSIAN_KINDS
    keeps_factors: ClassVar[bool] = False

    initial_trust_radius: float = option(RADIUS, RADII)
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

    def begin(self, run: Run) -> _TrustRegion:
        """Make the first region; see :meth:`Solver.begin`.

        Parameters
        ----------
        run : Run
            The run, at the starting point.

        Returns
        -------
        object
            The state, which holds the radius.
        """
        radius = float(self.initial_trust_radius)
        return _TrustRegion(run, self.hessian, radius, self.preconditioner, self.keeps_factors)

    def step(self, run: Run, state: Any) -> None:
        """Shrink the region until a model's step lowers f; see :meth:`Solver.step`.

        Parameters
        ----------
        run : Run
            The best-known point, the function, and its gradient at the point.
        state : object
            What :meth:`begin` made.
        """
        if not state.advance_in_valley():
            state.advance()

    def leaves(self, run: Run, state: Any) -> bool:
        """Whether a point with a small gradient is no minimum; see :meth:`Solver.leaves`.

        Parameters
        ----------
        run : Run
            As in :meth:`step`.
        state : object
            As in :meth:`step`.

        Returns
        -------
        bool
            True to go on.
        """
        return bool(state.goes_on())

    def finish(self, run: Run, state: Any) -> None:
        """Take last steps judged by the gradient; see :meth:`Solver.finish`.

        Parameters
        ----------
        run : Run
            As in :meth:`step`.
        state : object
            As in :meth:`step`.
        """
        polish(run)


@dataclass(frozen=True, kw_only=True)
class KeptNewtonSolver(NewtonSolver):
    """The same, which forms Hessians up to 2000 parameters, and uses each for several steps.

    After a step of the model, in the same iteration, the factor of its Hessian is the first
    approximation of quasi-Newton steps, as long as these pay. With a preconditioner it works as
    :class:`NewtonSolver` does.

    Parameters
    ----------
    tol, ftol, fatol, f_target, max_iter, hessian, initial_trust_radius, preconditioner
        As in :class:`NewtonSolver`.
    """

    keeps_factors: ClassVar[bool] = True


def finish_by_newton(run: Run) -> None:
    """Continue a stalled run of another method with exact Newton steps."""
    region = _TrustRegion(run, "exact", RADIUS)
    if run.status is Status.STALLED:
        run.recorder.enter("Newton")
    while run.status is Status.STALLED and run.n_iter < run.max_iter:
        if not run.iterate(region.advance):
            break
        run.status = run.status or Status.STALLED
    polish(run)


class _TrustRegion:
    """The state of a run: the radius, and the model of the function within it.

    Nocedal and Wright (2006), algorithm 4.1, except that the region adapts to the length of the
    steps, and that each iteration ends with an accepted step.
    """

    def __init__(
        self,
        run: Run,
        kind: str,
        radius: float,
        preconditioner: str = "none",
        keeps_factors: bool = False,
    ):
        self.run, self.kind, self.radius = run, kind, radius
        self.preconditioner, self.keeps_factors = preconditioner, keeps_factors
        self.shift = 0.0  # of the last model
        self.valley: tuple[EmbeddedFunction, Run, _TrustRegion] | None = None
        self.more_steps = _MORE_STEPS
        self.entries, self.next_entry, self.entered = 0, 0, np.inf
        self.last: QuadraticModel | None = None  # of the point before
        # Of the current point.
        self.model: QuadraticModel | ProductModel | CurvatureModel | None = None
        self.constant = run.function.invariant_directions()
        self.filled: Array | None = None  # their projector, where a Hessian is formed
        size = run.function.n_parameters
        most = NEVER_DENSE if keeps_factors and preconditioner == "none" else ALWAYS_DENSE
        self.dense = size <= most or kind not in PRODUCT_KINDS
        self.may_be_dense = size <= NEVER_DENSE or kind not in PRODUCT_KINDS
        # Enough for an inexact step, if there is no other way.
        most = max(size // (_PRODUCTS * run.function.product_cost), 10)
        self.max_products = most if self.may_be_dense else 500
        self.blocks = None
        if preconditioner == "block" and not self.dense:
            self.blocks = LaggedPreconditioner(run)

    def advance_in_valley(self) -> bool:
        """Take one step with some parameters solved for, where others run off; whether it did.

        A valley to infinity bends where two parameters keep a product that matters, and straight
        steps along it must be short. Seen from the others alone it is straight.
        """
        run = self.run
        if self.valley is None and self.entries < _MAX_ENTRIES:
            self._enter_valley()
        if self.valley is None:
            return False
        function, inside, region = self.valley
        with suppress(NotFinite):
            if inside.iterate(region.advance) and inside.value < run.value:
                run.take(function.expand(inside.params), inside.value)
                self.model = None
                run.is_far = self._is_far()
                return True
        self.valley = None
        return False

    def _enter_valley(self) -> None:
        run = self.run
        if not (run.n_iter >= self.next_entry and run.runs_off(_WATCHED, _CREEPING)):
            return
        self.more_steps = _MORE_STEPS
        self.entries, self.next_entry = self.entries + 1, run.n_iter + _WATCHED
        function = run.function.projected(run.params)
        if function is None or self.kind not in function.hessian_kinds:
            return
        u = function.restrict(run.params)
        if not function.is_finite(u):
            return
        inside = Run(function, 0.0, run.max_iter)
        inside.function.calls, inside.events = run.function.calls, run.events
        inside.begin(u)
        self.entered = float(np.linalg.norm(run.params))
        # Each step of it is short on purpose: factors are not kept.
        region = _TrustRegion(inside, self.kind, RADIUS, self.preconditioner)
        self.valley = function, inside, region

    def _is_far(self) -> bool:
        """Whether parameters have grown tenfold in a valley, where f no longer falls much."""
        run = self.run
        return float(np.linalg.norm(run.params)) > 10.0 * self.entered

    def advance(self) -> None:
        """Take one step, unless none is better, and others with the same factor."""
        run, value = self.run, self.run.value
        self._advance()
        model, self.last = self.last, None
        if self.keeps_factors and model is not None and model.factor is not None:
            share = (value - run.value) * _GRADIENTS / len(run.params)
            self._advance_by(KeptFactor(model.factor), share)

    def _advance_by(self, kept: KeptFactor, share: float) -> None:
        """Take quasi-Newton steps from a factor near by, as long as they pay."""
        run = self.run
        most = max(_KEPT_FOR * len(run.params) // _GRADIENTS, 1)
        while kept.n_steps < most and run.stationarity > run.tol:
            value, before = run.value, run.stationarity
            if not searched(run, kept):
                return
            flatter = run.stationarity <= _FLATTER * before
            if not (flatter or value - run.value >= share):
                return

    def _advance(self) -> None:
        run = self.run
        for _ in range(_MAX_REJECTED):
            step = self._step()
            w = run.params + step.s
            if not step.predicted > run.rounding:
                # f cannot tell such points apart: the gradient judges them.
                if run.take_if_flatter(w):
                    self._leave_model()
                elif isinstance(self.model, ProductModel) and self.may_be_dense:
                    self._go_dense()  # an inexact step: the exact one may do
                    continue
                return
            value = run.function.value(w)
            # rho of (4.4), true over predicted decrease; far points may overflow.
            ratio = (run.value - value) / step.predicted if np.isfinite(value) else -1.0
            if ratio > 0.75 and step.norm > 0.8 * self.radius:
                self.radius *= 2.5
            elif ratio < 0.25:
                self.radius = 0.25 * step.norm
            if ratio > 1e-4:  # eta of algorithm 4.1
                run.take(w, value)
                self._leave_model()
                return

    def _leave_model(self) -> None:
        """Form another one at the next point; the last may be of use until then."""
        self.last = self.model if isinstance(self.model, QuadraticModel) else None
        self.model = None

    def _step(self) -> Step:
        """The step of the model of the current point, within the radius."""
        run = self.run
        if self.model is None and not self.dense:
            product = partial(run.function.hessian_product, run.params, kind=self.kind)
            metric = None if self.blocks is None else self.blocks.metric(self.radius)
            self.model = ProductModel(product, run.gradient, self.max_products, metric)
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
        """Form the Hessian at the current point, and from now on at each."""
        self.dense = True
        H = self.run.function.hessian(self.run.params, self.kind)
        if self.filled is None and self.constant.size:
            self.filled = self.constant @ self.constant.T
        if self.filled is not None:  # else a step along them is rounding over rounding
            H = H + np.abs(H).sum(axis=0).max() * self.filled
        self.model = QuadraticModel(H, self.run.gradient, self.shift)

    def goes_on(self) -> bool:
        """Whether lower values are near a point with a small gradient.

        It may be a saddle point, which has a way out. In a valley to infinity curvatures are so
        small that a small gradient means little: some more steps are taken, which gain a lot.
        """
        run = self.run
        if self.kind != "exact":
            return False
        point = critical_point(run.function, run.params, known=(run.value, run.gradient))
        in_valley = self.valley is not None and self.more_steps > 0
        if point.kind == "not stationary" and in_valley:
            self.more_steps -= 1
            return True
        if point.kind not in ("saddle", "maximum") or point.escape is None:
            return False
        self.model = CurvatureModel(point.escape, point.lowest, run.gradient)
        return True
