"""The book-keeping of a run: calls, the best-known point, when to stop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial

import numpy as np
from scipy.sparse.linalg import LinearOperator, minres

from sknewtonnet._tables import Worded
from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus import Block, SmoothFunction
from sknewtonnet.calculus.pieces.function import (
    PRODUCT_KINDS,
    EmbeddedFunction,
    FunctionOf,
    OutputParts,
)
from sknewtonnet.calculus.pieces.validation import same_point
from sknewtonnet.solvers._feasible import feasible_point
from sknewtonnet.solvers._finite import NotFinite
from sknewtonnet.solvers._result import Callback, Iteration, SolverResult, Status
from sknewtonnet.solvers._trace import Recorder
from sknewtonnet.solvers.constraints import Constraints, Multipliers, multipliers

# Iterations over which ftol judges the fall: one short step, or a step sideways, ends nothing.
_WINDOW = 10

# Of sums over samples.
_ROUNDING = 50.0 * float(np.finfo(float).eps)

NOT_FINITE = "the objective is not finite at the starting point"

# A run of second order is at infinity if over so many iterations parameters have grown in each,
# and f has fallen by less than the first of these parts of its size; the second one, if they are
# known to be far away. Growth of less than the last one of their length is that towards a minimum.
_PATIENCE, _NOTHING, _LITTLE, _GROWTH = 20, 2e-11, 1e-7, 1e-3

_KKT_CONVERGED = "the largest residual of the Karush-Kuhn-Tucker conditions is at most tol"


class Counted(FunctionOf):
    """A function that counts its calls, and tells where it is not finite.

    The last value and the last gradient are kept: methods ask for them again where they take a
    point, and what is known is neither evaluated nor counted. A value that is not finite is
    infinite, so that no step ends there. Second derivatives that are not finite raise NotFinite.

    Parameters
    ----------
    function : SmoothFunction
        The function.
    calls : Counter, default=None
        Where to count; a new counter if None.

    Attributes
    ----------
    calls : Counter
        Calls of "value", "gradient", "hessian" and "hessian_product".
    last_value : float
        What the last call of ``value`` returned.
    """

    def __init__(self, function: SmoothFunction, calls: Counter[str] | None = None):
        super().__init__(function)
        none = Counter(value=0, gradient=0, hessian=0, hessian_product=0)
        self.calls: Counter[str] = none if calls is None else calls
        self.last_value, self._value_at = np.nan, np.empty(0)
        self._last_gradient, self._gradient_at = np.empty(0), np.empty(0)

    def value(self, w: Array) -> float:
        """The function at w."""
        if not same_point(w, self._value_at):
            self.calls["value"] += 1
            self.last_value = _or_infinite(self.function.value(w))
            self._value_at = np.array(w)
        return self.last_value

    def gradient(self, w: Array) -> Array:
        """Its gradient."""
        if not same_point(w, self._gradient_at):
            self.calls["gradient"] += 1
            self._last_gradient = self.function.gradient(w)
            self._gradient_at = np.array(w)
        return self._last_gradient.copy()

    def value_and_gradient(self, w: Array) -> tuple[float, Array]:
        """Both, which count as one call of each."""
        if not (same_point(w, self._value_at) or same_point(w, self._gradient_at)):
            self.calls.update(value=1, gradient=1)
            value, self._last_gradient = self.function.value_and_gradient(w)
            self.last_value = _or_infinite(value)
            self._value_at = self._gradient_at = np.array(w)
        return self.value(w), self.gradient(w)

    def hessian(self, w: Array, kind: str = "exact") -> Array:
        """Its Hessian, or an approximation."""
        self.calls["hessian"] += 1
        return self.finite(w, self.function.hessian(w, kind))

    def hessian_product(self, w: Array, v: Array, kind: str = "exact") -> Array:
        """That Hessian times directions."""
        self.calls["hessian_product"] += 1
        return self.finite(w, self.function.hessian_product(w, v, kind))

    def block_positions(self) -> list[Ints] | None:
        """Those of the function."""
        return self.function.block_positions()

    def hessian_blocks(self, w: Array, kind: str = "block") -> list[Array]:
        """Those of the function, which are not counted here: a run has events for them."""
        return [self.finite(w, blocks) for blocks in self.function.hessian_blocks(w, kind)]

    def curvature(self, w: Array, d: Array, kind: str = "exact") -> float:
        """Second derivative along a direction: a product, or a Hessian of a kind without any."""
        self.calls["hessian_product" if kind in PRODUCT_KINDS else "hessian"] += 1
        return float(self.finite(w, np.asarray(self.function.curvature(w, d, kind))))

    def finite(self, w: Array, found: Array) -> Array:
        """Second derivatives at a point, unless they are not finite."""
        if not np.isfinite(found).all():
            raise NotFinite(self.function.why_not_finite(w))
        return found

    def output_parts(self) -> OutputParts | None:
        """The parts of the function, whose calls are counted: a Jacobian is a gradient of each."""
        parts = self.function.output_parts()
        return None if parts is None else _CountedParts(self, parts)

    def batches(self, n_batches: int, rng: np.random.Generator) -> list[Block] | None:
        """Those of the function, whose calls are not counted."""
        return self.function.batches(n_batches, rng)

    def reduced(self) -> EmbeddedFunction | None:
        """The reduced form of the function, whose calls are not counted."""
        return self.function.reduced()

    def projected(self, w: Array) -> EmbeddedFunction | None:
        """The projected form of the function, whose calls are not counted."""
        return self.function.projected(w)

    def why_not_reduced(self) -> str:
        """That of the function."""
        return self.function.why_not_reduced()


class _CountedParts(OutputParts):
    """Parts of a function that counts its calls."""

    def __init__(self, counted: Counted, parts: OutputParts):
        self.counted, self.parts, self.n_parts = counted, parts, parts.n_parts

    def values(self, w: Array) -> Array:
        """All parts, which are one value."""
        self.counted.calls["value"] += 1
        return self.parts.values(w)

    def jacobian(self, w: Array) -> Array:
        """A gradient of each part."""
        self.counted.calls["gradient"] += self.n_parts
        return self.parts.jacobian(w)

    def hessian(self, w: Array, factors: Array) -> Array:
        """One Hessian."""
        self.counted.calls["hessian"] += 1
        return self.counted.finite(w, self.parts.hessian(w, factors))

    def hessian_product(self, w: Array, v: Array, factors: Array) -> Array:
        """One product."""
        self.counted.calls["hessian_product"] += 1
        return self.counted.finite(w, self.parts.hessian_product(w, v, factors))


class Run(Worded):
    """One run of a solver: the best-known point, the iterations so far, whether it is over.

    A solver's ``step`` looks for a better point, evaluating ``function`` where it likes, and
    takes it by :meth:`take`. If it takes none, the run is over. The loop does the counting, the
    callbacks and the tests for the end.

    Parameters
    ----------
    function : SmoothFunction
        What is minimised.
    tol : float
        Goal for ``stationarity``.
    max_iter : int
        Maximum number of iterations.
    callback : callable, default=None
        Called with an :class:`Iteration` after each iteration; a true result stops the run.
    constraints : Constraints, default=None
        Bounds, linear and nonlinear constraints of the parameters.
    ftol : float, default=0.0
        The run ends where the function falls by at most this part of itself per iteration, over
        the last ten; 0 for never.
    second_order : bool, default=False
        Whether steps use second derivatives, so that slow progress is no fault of theirs: a run
        whose parameters grow all the time, while f hardly falls, is then AT_INFINITY.
    fatol : float, default=0.0
        As ``ftol``, for the fall itself.
    f_target : float, default=-inf
        The run ends where the function is at most this.

    Attributes
    ----------
    function : Counted
        The function; its calls are counted.
    params : ndarray of shape (n_parameters,)
        The best-known point.
    value : float
        The function at that point.
    gradient : ndarray of shape (n_parameters,)
        Its gradient at that point.
    stationarity : float
        Largest absolute entry of the gradient; under constraints the largest residual of
        the conditions of Karush, Kuhn and Tucker.
    multipliers : Multipliers or None
        Multipliers of the constraints at the point.
    status : Status or None
        Why the run is over; None while it goes on.
    n_iter : int
        Iterations so far.
    history : list of float
        The function at the start and after each iteration.
    message : str
        The solver's own words for why it takes no further step.
    is_far : bool
        Whether a solver has seen parameters run off, so that slow progress is the end.
    events : Counter
        Further counts of a solver, for ``SolverResult.n_events``.
    recorder : Recorder
        What is noted of each iteration, for ``SolverResult.trace``.

    See Also
    --------
    Solver : The base class, whose steps work with it.
    SolverResult : What a run ends as.

    Examples
    --------
    Steps along the gradient, without a solver:

    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.solvers import Run
    >>> X, y = np.array([[-1.0], [1.0]]), np.array([0.0, 2.0])
    >>> f = Objective(Network.mlp(1, (), 1), "squared_error", X, y)
    >>> run = Run(f, tol=1e-8, max_iter=100)
    >>> def step():
    ...     w = run.params - 0.5 * run.gradient
    ...     run.take(w, run.function.value(w))
    >>> run.begin(np.zeros(2))
    >>> while run.status is None and run.iterate(step):
    ...     pass
    >>> run.result().converged, run.params.round(6).tolist()
    (True, [1.0, 1.0])
    """

    def __init__(
        self,
        function: SmoothFunction,
        tol: float,
        max_iter: int,
        callback: Callback | None = None,
        constraints: Constraints | None = None,
        ftol: float = 0.0,
        second_order: bool = False,
        fatol: float = 0.0,
        f_target: float = -np.inf,
    ):
        self.recorder = Recorder()
        self.function = Counted(function)
        self.second_order = second_order and constraints is None
        self.tol, self.max_iter, self.callback, self.ftol = tol, max_iter, callback, ftol
        self.fatol, self.f_target = fatol, f_target
        self.constraints = constraints
        self.multipliers: Multipliers | None = None
        self.status: Status | None = None
        self.history: list[float] = []
        self._lengths: list[float] = []
        self.n_iter = 0
        self.message, self.is_far = "", False
        self.events: Counter[str] = Counter()

    def begin(self, w0: Array) -> None:
        """Take the starting point, which may be stationary already.

        Parameters
        ----------
        w0 : ndarray of shape (n_parameters,)
            The point, which is not written to; under constraints a feasible one near it is taken.

        Raises
        ------
        ValueError
            If the function is not finite there.
        """
        w = np.array(w0, dtype=float)
        if self.constraints is not None:
            w = feasible_point(self.constraints, w)
        try:
            self.take(w, self.function.value(w))
        except NotFinite as reason:
            raise ValueError(f"{NOT_FINITE}: {reason}.") from None
        self._note()
        self.initial_stationarity = self.stationarity
        if self.stationarity <= self.tol:
            self.status = Status.CONVERGED
        elif self.value <= self.f_target:
            self.status = Status.TARGET
        elif self.max_iter < 1:
            self.status = Status.MAX_ITER

    def take(self, w: Array, value: float, gradient: Array | None = None) -> None:
        """Make a point the best-known one.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        value : float
            The function there.
        gradient : ndarray of shape (n_parameters,), default=None
            Its gradient there; evaluated if None.

        Raises
        ------
        NotFinite
            If one of them is not finite: the last point stays the best-known one.
        """
        gradient = self.function.gradient(w) if gradient is None else gradient
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            raise NotFinite(self.function.why_not_finite(w))
        self.params, self.value, self.gradient = w.copy(), float(value), gradient
        if self.constraints is None:
            self.stationarity = float(np.abs(self.gradient).max())
        else:
            self.multipliers = multipliers(self.constraints, w, self.gradient)
            self.stationarity = self.multipliers.residuals.largest

    def take_if_flatter(self, w: Array, value: float | None = None) -> bool:
        """Take a point if its gradient is half as large and f the same up to its rounding.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        value : float, default=None
            The function there; evaluated if None.

        Returns
        -------
        bool
            Whether it was taken.
        """
        value = self.function.value(w) if value is None else value
        # Where large terms cancel inside a net, f rounds more than its own size tells.
        if not value <= self.value + 4.0 * self.rounding:
            return False
        gradient = self.function.gradient(w)
        flatter = np.isfinite(gradient).all() and np.abs(gradient).max() <= 0.5 * self.stationarity
        if flatter:
            self.take(w, value, gradient)
        return bool(flatter)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """A context for all steps: overflows are no warnings, and what is not finite ends the run.

        Methods probe far points on purpose; an overflow there is a rejected step. Where a point is
        taken, or second derivatives are asked for, numbers must be finite: else the run is over at
        the best-known point, NOT_FINITE, unless that meets ``tol``.

        Yields
        ------
        None
            Nothing: what counts is that steps run inside.
        """
        try:
            with np.errstate(all="ignore"):
                yield
        except NotFinite as reason:
            self.message = str(reason)
            if self.status in (None, Status.STALLED):
                self.status = Status.NOT_FINITE

    def iterate(self, step: Callable[[], None]) -> bool:
        """One iteration: a step, and whether it was the last.

        Parameters
        ----------
        step : callable
            Takes a better point; if it takes none, the run has stalled.

        Returns
        -------
        bool
            Whether a point was taken.
        """
        before, self.status = self.params, None
        step()
        moved = self.params is not before
        self.count(stalled=not moved)
        return moved

    def count(self, stalled: bool = False) -> None:
        """Record an iteration, call the callback, and check the stopping rules.

        Parameters
        ----------
        stalled : bool, default=False
            Whether there is no further step.
        """
        self.n_iter += 1
        self._note()
        stop = False
        if self.callback is not None:
            seen = Iteration(self.n_iter, self.params, self.value, self.stationarity)
            stop = bool(self.callback(seen))
        if self.stationarity <= self.tol:
            self.status = Status.CONVERGED
        elif stop:
            self.status = Status.STOPPED
        elif (early := self.early_end(self.history)) is not None:
            self.status = early
        elif self.n_iter >= self.max_iter:
            self.status = Status.MAX_ITER
        elif stalled:
            self.status = Status.AT_INFINITY if self.is_far else Status.STALLED
        elif self.second_order and self._is_at_infinity():
            self.status = Status.AT_INFINITY

    def _note(self) -> None:
        """Keep what is told of the start and of each iteration."""
        self.history.append(self.value)
        self._lengths.append(float(np.linalg.norm(self.params)))
        self.recorder.note(self.stationarity, self.function.calls["hessian"])

    def early_end(self, history: Sequence[float]) -> Status | None:
        """Whether a run is over, whatever the gradient.

        Parameters
        ----------
        history : sequence of float
            The function at the start and after each iteration.

        Returns
        -------
        Status or None
            TARGET at a value of at most ``f_target``; FTOL where the last ten iterations lowered
            the function by at most what ``ftol`` or ``fatol`` say.
        """
        if history[-1] <= self.f_target:
            return Status.TARGET
        if not (self.ftol or self.fatol) or len(history) <= _WINDOW:
            return None
        least = max(self.ftol * abs(history[-1]), self.fatol)
        slow = history[-1 - _WINDOW] - history[-1] <= _WINDOW * least
        return Status.FTOL if slow else None

    def _is_at_infinity(self) -> bool:
        if self.is_far and self._fall(_PATIENCE) <= _LITTLE:
            return True
        return self.runs_off(_PATIENCE, _NOTHING)

    def runs_off(self, n_iter: int, fall: float) -> bool:
        """Whether parameters grow without end while f hardly falls.

        Towards a minimum they grow less and less; along a valley that leads to infinity, such as
        that of an intercept that makes a unit linear, they do not.

        Parameters
        ----------
        n_iter : int
            Iterations to look back at, an even number.
        fall : float
            By how much f may have fallen, relative to its size.

        Returns
        -------
        bool
            True if they have grown steadily, and f has fallen by at most that.
        """
        if self.n_iter < n_iter:
            return False
        growth = np.diff(self._lengths[-n_iter - 1 :])
        early, late = growth[: n_iter // 2].sum(), growth[n_iter // 2 :].sum()
        if not ((growth > 0.0).all() and late >= 0.5 * early):
            return False
        if early + late <= _GROWTH * self._lengths[-1]:
            return False
        return self._fall(n_iter) <= fall

    def _fall(self, n_iter: int) -> float:
        """By how much f has fallen over some iterations, relative to its size."""
        if self.n_iter < n_iter:
            return np.inf
        size = max(abs(self.value), self._size)
        fall = self.history[-n_iter - 1] - self.value
        return fall / size if size > 0.0 else np.inf

    @cached_property
    def _size(self) -> float:
        return self.function.scale() or 0.0

    def result(self) -> SolverResult:
        """Return how the run ended.

        Returns
        -------
        SolverResult
            The best-known point, the status and the counts.
        """
        assert self.status is not None, "the run has ended"
        message = self.status.value
        if self.status in (Status.STALLED, Status.NOT_FINITE) and self.message:
            message = self.message
        elif self.status is Status.CONVERGED and self.constraints is not None:
            message = _KKT_CONVERGED
        return SolverResult(
            params=self.params,
            value=self.value,
            gradient=self.gradient,
            status=self.status,
            message=message,
            n_iter=self.n_iter,
            n_evaluations=dict(self.function.calls),
            history=tuple(self.history),
            initial_gradient_norm=self.initial_stationarity,
            n_events=dict(self.events),
            multipliers=self.multipliers,
            trace=self.recorder.trace,
        )

    @property
    def rounding(self) -> float:
        """Largest difference of f that may be rounding alone: 50 eps |f|, a float."""
        return _ROUNDING * abs(self.value)


def _or_infinite(value: float) -> float:
    return value if np.isfinite(value) else np.inf


def polish(run: Run) -> None:
    """Continue a stalled run with Newton steps judged by the gradient alone.

    Near a minimum f differs by h'Hh / 2 from its lowest value, and by less than its rounding
    eps |f| for steps h up to sqrt(eps); the gradient Hh is then still sqrt(eps) large, and
    tells points apart.
    """
    size = len(run.params)
    while run.status is Status.STALLED and run.n_iter < run.max_iter:
        product = partial(run.function.hessian_product, run.params)
        curvature = LinearOperator((size, size), matvec=product, dtype=float)
        # MINRES, for the Hessian may be indefinite or singular here.
        step, _ = minres(curvature, -run.gradient, rtol=1e-12, maxiter=2 * size)
        if not run.take_if_flatter(run.params + step):
            return
        run.status = None
        run.count()
        run.status = run.status or Status.STALLED
