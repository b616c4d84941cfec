"""Gradient descent with a constant step, or with one that the largest curvature allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.lanczos import lanczos
from sknewtonnet.solvers._base import FIRST_ORDER, Capability, Solver
from sknewtonnet.solvers._batches import COUNTS, SEEDS, Batches
from sknewtonnet.solvers._options import POSITIVE, Range, option
from sknewtonnet.solvers._result import Status
from sknewtonnet.solvers._run import Run

# Products that measure the largest curvature anew, and that follow it from the last direction
# after so many iterations; and halvings of a step that raises f.
_MEASURED, _FOLLOWED, _EVERY, _MAX_HALVINGS = 10, 3, 10, 100


@dataclass(frozen=True, kw_only=True)
class GradientDescentSolver(Solver):
    """Standard back-propagation: steps of constant length along the gradient.

        step = momentum * last step - learning_rate * gradient

    With a number as learning rate the objective may rise on the way; the run stops, STALLED,
    before a point where it is not finite. Below a rate of 2 / (largest eigenvalue of the Hessian)
    it converges near a minimum, linearly. A step costs one gradient.

    ``learning_rate="auto"`` is 1 / L, with L the largest absolute eigenvalue of the Hessian where
    the run is: half of the largest stable step, and the lower bound of the optimal one. Absolute
    values make a step of a negative curvature what it would be for the positive one. L is a Ritz
    value from ten Hessian-vector products at the start; three more, from the last direction on,
    follow it after every ten iterations. A step that raises f by more than its rounding is not
    taken: momentum is dropped, then L is measured anew, then the step is halved
    (``SolverResult.n_events["shortened_steps"]``). So f falls, whatever the scale of the function.
    An iteration costs one value, one gradient and 0.3 products.

    Parameters
    ----------
    tol, ftol, fatol, f_target : float, default=1e-10, 0.0, 0.0 and -inf
        As in :class:`Solver`.
    max_iter : int, default=1000
        As in :class:`Solver`.
    hessian : {"exact"}, default="exact"
        It has no effect: steps are made of gradients, and products of the exact Hessian.
    learning_rate : float or "auto", default=0.1
        Length of a step over that of the gradient; positive. "auto" needs products.
    momentum : float, default=0.0
        Part of the last step that is added, from 0 to below 1. On a quadratic function rates below
        2 (1 + momentum) / L are stable, so that 1 / L is for any momentum. With its smallest
        eigenvalue l the best pair there is the rate 4 / (sqrt(L) + sqrt(l))^2 with the momentum
        ((sqrt(L) - sqrt(l)) / (sqrt(L) + sqrt(l)))^2 (Polyak 1964); on other functions that pair
        need not converge.
    n_batches : int, default=1
        Parts of the rows: an iteration is an epoch, with a step for each batch, along the gradient
        of the mean of its rows with the whole penalty. Value, gradient and the tests for the
        end are those of all rows, at the end of each epoch. An epoch costs two gradients.
    random_state : int, default=0
        Seed of the rows that make a batch, the same in all epochs, and of the order of the
        batches, anew in each.

    Raises
    ------
    ValueError
        If a rate is to be measured that has batches: it lets f fall, which such steps do not.

    See Also
    --------
    OptimalStepSolver : The length of each step from the curvature along it.
    LBFGSBSolver : Steps from gradients that converge faster.
    get_solver : A solver by its name.

    References
    ----------
    Polyak (1964), Some methods of speeding up the convergence of iteration methods. LeCun, Simard
    and Pearlmutter (1992), Automatic learning rate maximization by on-line estimation of the
    Hessian's eigenvectors.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> options = {"learning_rate": "auto", "momentum": 0.9}
    >>> net = NewtonMLPRegressor(
    ...     (3,), alpha=1.0, solver="gd", solver_options=options, tol=1e-6, random_state=0
    ... ).fit(X, y)
    >>> net.critical_point_, net.solver_result_.n_events["diverged"]
    ('minimum', 0)
    """

    learning_rate: float | str = option(0.1, Range(POSITIVE.low, POSITIVE.high, ("auto",)))
    momentum: float = option(0.0, Range(0.0, 1.0))
    n_batches: int = option(1, COUNTS)
    random_state: int = option(0, SEEDS)

    def __post_init__(self) -> None:
        """Raise a ValueError for a setting that is not allowed, or settings that do not fit."""
        super().__post_init__()
        if self._is_measured and self.n_batches > 1:
            raise ValueError(f"{type(self).__name__}: learning_rate='auto' needs n_batches=1.")

    @property
    def calls(self) -> Capability:
        """Products in addition, for a rate that is measured."""
        return self.needs | (Capability.HESSIAN_PRODUCT if self._is_measured else FIRST_ORDER)

    @property
    def _is_measured(self) -> bool:
        return self.learning_rate == "auto"

    def begin(self, run: Run) -> _Constant | _Measured:
        """Start without momentum; see :meth:`Solver.begin`.

        Parameters
        ----------
        run : Run
            The run, at the starting point.

        Returns
        -------
        object
            The state, which holds the last step and the rate.
        """
        run.events["diverged"] = 0
        if isinstance(self.learning_rate, str):
            run.events["shortened_steps"] = 0
            return _Measured(self.momentum)
        several = self.n_batches > 1
        batches = Batches(run, self.n_batches, self.random_state) if several else None
        return _Constant(self.momentum, float(self.learning_rate), batches)

    def step(self, run: Run, state: Any) -> None:
        """Take the next point; see :meth:`Solver.step`.

        Parameters
        ----------
        run : Run
            The best-known point, the function, and its gradient at the point.
        state : object
            What :meth:`begin` made.
        """
        state.advance(run)

    def finish(self, run: Run, state: Any) -> None:
        """Report a run that has stalled as diverged; see :meth:`Solver.finish`.

        Parameters
        ----------
        run : Run
            As in :meth:`step`.
        state : object
            As in :meth:`step`.
        """
        run.events["diverged"] = int(run.status is Status.STALLED and not self._is_measured)


@dataclass
class _Constant:
    """Steps at a constant rate, and the last step."""

    momentum: float
    rate: float
    batches: Batches | None = None
    step: Array | float = field(default=0.0)

    def advance(self, run: Run) -> None:
        """Take the next point, whatever its value, if it is finite."""
        w = run.params
        for gradient_at in self._gradients(run):
            self.step = self.momentum * self.step - self.rate * gradient_at(w)
            w = w + self.step
        value, gradient = run.function.value(w), run.function.gradient(w)
        if np.isfinite(value) and np.isfinite(gradient).all():
            run.take(w, value, gradient)
        else:
            run.message = f"a step led out of all bounds: learning_rate={self.rate:g} is too large"

    def _gradients(self, run: Run) -> Iterator[Callable[[Array], Array]]:
        """That of all rows, which is known, or that of each batch."""
        if self.batches is None:
            yield lambda w: run.gradient
        else:
            for b in self.batches.epoch():
                yield self.batches.functions[b].gradient


@dataclass
class _Measured:
    """Steps at a rate that follows the largest curvature, along which f falls."""

    momentum: float
    rate: float = np.nan
    step: Array | float = field(default=0.0)
    steepest: Array | None = None  # the direction of the largest curvature
    age: int = 0  # iterations since it was followed

    def advance(self, run: Run) -> None:
        """Take the next point: with momentum, without it, or nearer."""
        if self.steepest is None:
            self._measure(run)
        elif self.age >= _EVERY:
            self._look(run, self.steepest, _FOLLOWED)
        self.age += 1
        if self._takes(run, self.momentum * self.step - self.rate * run.gradient):
            return
        had_momentum = self.momentum > 0.0 and np.any(self.step)
        if had_momentum and self._takes(run, -self.rate * run.gradient):
            return
        last = self.rate
        self._measure(run)
        self.rate = min(last, self.rate)
        for _ in range(_MAX_HALVINGS):
            if self._takes(run, -self.rate * run.gradient):
                return
            if run.take_if_flatter(run.params - self.rate * run.gradient):
                return
            self.rate *= 0.5
            run.events["shortened_steps"] += 1

    def _takes(self, run: Run, step: Array) -> bool:
        """Take a step unless f rises by more than its rounding."""
        w = run.params + step
        value = run.function.value(w)
        if not value <= run.value + run.rounding:
            return False
        gradient = run.function.gradient(w)
        if not np.isfinite(gradient).all():
            return False
        run.take(w, value, gradient)
        self.step = step
        return True

    def _measure(self, run: Run) -> None:
        """Look for the largest curvature from a random direction and the gradient's."""
        g = run.gradient
        start = np.random.default_rng(0).standard_normal(len(g))
        self._look(run, start / np.linalg.norm(start) + 2.0 * g / np.linalg.norm(g), _MEASURED)

    def _look(self, run: Run, start: Array, n_products: int) -> None:
        seen = lanczos(partial(run.function.hessian_product, run.params), start, n_products)
        largest = int(np.abs(seen.values).argmax())
        self.steepest, self.age = seen.vector(largest), 0
        size, slope = abs(float(seen.values[largest])), float(np.linalg.norm(run.gradient))
        # Without any curvature the step is as long as the parameters.
        straight = (1.0 + float(np.linalg.norm(run.params))) / slope
        self.rate = 1.0 / size if size > np.finfo(float).tiny else straight
