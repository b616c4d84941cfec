"""Gradient descent with the step that exact curvature asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import ModifiedObjective, SmoothFunction
from sknewtonnet.calculus.pieces.function import HESSIAN_KINDS, PRODUCT_KINDS
from sknewtonnet.solvers._base import FIRST_ORDER, Capability, Solver
from sknewtonnet.solvers._batches import COUNTS, SEEDS, Batches
from sknewtonnet.solvers._options import Choice, Range, option
from sknewtonnet.solvers._run import Counted, Run

# Halvings of a step that raises f: by then it is below the rounding of w.
_MAX_HALVINGS = 60
# A last step that leaves the line of the gradient by less than this part of itself adds nothing;
# and the least curvature in a plane, relative to the largest.
_PARALLEL, _FLAT = 1e-8, 1e-12


@dataclass(frozen=True, kw_only=True)
class OptimalStepSolver(Solver):
    """Gradient descent with the step that minimises the quadratic model along its direction.

        w+ = w + eta d,    eta = -g'd / (d'Hd)

    with the exact Hessian H, of which one product is needed: a step costs about two gradients
    and O(P) memory.

    Where d'Hd <= 0 its absolute value gives the step. A step that raises the function is halved
    until it does not. ``SolverResult.n_events`` counts both, as
    "negative_curvature" and "shortened_steps".

    Parameters
    ----------
    tol, ftol, fatol, f_target : float, default=1e-10, 0.0, 0.0 and -inf
        As in :class:`Solver`.
    max_iter : int, default=1000
        As in :class:`Solver`.
    hessian : {"exact", "block", "lagrangian", "gauss-newton"}, default="exact"
        Whose curvature gives the step. "gauss-newton" is never negative for a convex loss;
        "block" forms the blocks of the units, and its steps are right where units do not interact,
        which they do: doc/optimal_steps.md compares them.
    objective : {"standard", "modified"}, default="standard"
        "standard" is f. "modified": g and H are those of F = 1/2 sum_o c_o^2, see
        :class:`~sknewtonnet.calculus.ModifiedObjective`, with c_o the part of f that output o
        makes (the factor of the paper's e_o = 2 S c_o changes no step). For one output, and for
        losses of all outputs together, F = f^2 / 2 has the minima of f, and its curvature the
        square of the slope in addition, so that steps are shorter. For several outputs
        its minima are others than those of f; a run that ends at one of them is STALLED, for
        status and gradient are about f. The parts must not be negative.
    direction : {"steepest", "conjugate"}, default="steepest"
        "steepest" is d = -g, "conjugate" d = -g + beta d_last with the beta of Polak, Ribiere
        and Polyak, not below 0; steepest wherever d would go up.
    momentum : float from 0 to below 1, or "optimal", default=0.0
        Part mu of the last step s that is added: the step is -eta g + mu s. For a number, eta
        is the best one beside mu s, (g'g + mu g'Hs) / (g'Hg), from one product. "optimal" takes
        the best pair, the minimum of the quadratic model in the plane of g and s, from
        two products; on a quadratic function these are the steps of conjugate gradients.
        A step that would go up leaves s out.
    n_batches : int, default=1
        Parts of the rows: an iteration is an epoch, with a step for each batch, from the
        derivatives of its rows and halved until the objective of its rows falls. Value, gradient
        and the tests for the end are those of all rows, at the end of each epoch; they may rise,
        and steps that suit one batch exactly do not settle.
    random_state : int, default=0
        Seed of the rows that make a batch, the same in all epochs, and of the order of the
        batches, anew in each.

    Raises
    ------
    ValueError
        If options do not go together: conjugate directions with momentum or with batches; and
        ``hessian="block"`` or "lagrangian", which have no products, with momentum or with
        ``objective="modified"``.

    See Also
    --------
    GradientDescentSolver : Steps of constant length.
    sknewtonnet.calculus.ModifiedObjective : The function of ``objective="modified"``.
    NewtonSolver : Second derivatives that give the direction, too.
    get_solver : A solver by its name.

    References
    ----------
    [G] Gong et al. (2012), back-propagation with optimal step size (BPOS), eq. 17 to 19, with the
    powers of the gradient's length corrected; see doc/optimal_steps.md.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.solvers import OptimalStepSolver
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(50, 2))
    >>> f = Objective(Network.mlp(2, (2,), 1), "squared_error", X, np.tanh(X[:, 0]), alpha=0.1)
    >>> w, counts = rng.normal(size=f.n_parameters), []
    >>> for momentum in (0.0, 0.5, "optimal"):
    ...     result = OptimalStepSolver(momentum=momentum, ftol=1e-3).minimize(f, w)
    ...     counts.append(result.n_iter)
    >>> counts[2] < counts[0]
    True
    """

    needs = FIRST_ORDER | Capability.HESSIAN_PRODUCT
    hessian_kinds = HESSIAN_KINDS

    objective: str = option("standard", Choice(("standard", "modified")))
    direction: str = option("steepest", Choice(("steepest", "conjugate")))
    momentum: float | str = option(0.0, Range(0.0, 1.0, ("optimal",)))
    n_batches: int = option(1, COUNTS)
    random_state: int = option(0, SEEDS)

    def __post_init__(self) -> None:
        """Raise a ValueError for a setting that is not allowed, or settings that do not fit."""
        super().__post_init__()
        conjugate, moves = self.direction == "conjugate", self.momentum != 0.0
        products = self.hessian in PRODUCT_KINDS
        for wrong, what in (
            (conjugate and moves, "direction='conjugate' has a momentum of its own: momentum=0"),
            (conjugate and self.n_batches > 1, "direction='conjugate' needs n_batches=1"),
            (moves and not products, f"momentum has no products of hessian={self.hessian!r}"),
            (
                self.objective == "modified" and not products,
                f"objective='modified' has no hessian={self.hessian!r}",
            ),
        ):
            if wrong:
                raise ValueError(f"{type(self).__name__}: {what}.")

    @property
    def second_order(self) -> bool:
        """No: second derivatives only say how far to go along gradients."""
        return False

    def begin(self, run: Run) -> _Descent | _DescentInBatches:
        """Start without a last direction; see :meth:`Solver.begin`.

        Parameters
        ----------
        run : Run
            The run, at the starting point.

        Returns
        -------
        object
            The state, which holds the last direction.
        """
        run.events.update(negative_curvature=0, shortened_steps=0)
        if self.n_batches > 1:
            return _DescentInBatches(run, self)
        return _Descent(run, self)

    def step(self, run: Run, state: Any) -> None:
        """Go down the direction as far as the curvature says, or less; see :meth:`Solver.step`.

        Parameters
        ----------
        run : Run
            The best-known point, the function, and its gradient at the point.
        state : object
            What :meth:`begin` made.
        """
        state.advance()

    def target(self, function: Counted) -> SmoothFunction:
        """The function whose quadratic model gives the steps.

        Parameters
        ----------
        function : Counted
            The function that is minimised.

        Returns
        -------
        SmoothFunction
            The function itself, or the modified one.
        """
        return function if self.objective == "standard" else ModifiedObjective(function)


class _Descent:
    """The state of a run."""

    def __init__(self, run: Run, solver: OptimalStepSolver):
        self.run, self.target = run, solver.target(run.function)
        self.steps = _Steps(solver, run)
        self._value = run.value
        if isinstance(self.target, ModifiedObjective):
            self.target.keep(run.params, run.value, run.gradient)
            self._value = self.target.value(run.params)
            if not np.isfinite(self._value):
                raise ValueError(
                    f"objective='modified': {self.target.why_not_finite(run.params)}."
                )

    def advance(self) -> None:
        """Take one step, unless none is better."""
        run, w, target = self.run, self.run.params, self.target
        g = run.gradient if target is run.function else target.gradient(w)
        step = self.steps.step(target, w, g)
        for halvings in range(_MAX_HALVINGS):
            value = target.value(w + step)
            if value < self._value:
                run.events["shortened_steps"] += halvings > 0
                self._value = value
                self._take(w + step, value)
                self.steps.last_step = step
                return
            if halvings == 0 and self._take_if_flatter(w + step, value):
                self.steps.last_step = step
                return
            step = 0.5 * step
        if not np.isfinite(value):
            run.message = target.why_not_finite(w + step)

    def _take(self, w: Array, value: float) -> None:
        if isinstance(self.target, ModifiedObjective):  # its parts, and their gradients, sum to f
            f, g = self.target.parts(w).sum(), self.target.jacobian(w).sum(axis=0)
            self.run.take(w, f, g)
        else:
            self.run.take(w, value)

    def _take_if_flatter(self, w: Array, value: float) -> bool:
        """Take a point where f is the same up to rounding, if its gradient is smaller."""
        if isinstance(self.target, ModifiedObjective):
            taken = self.run.take_if_flatter(w, float(self.target.parts(w).sum()))
            if taken:
                self.target.keep(w, self.run.value, self.run.gradient)
        else:
            taken = self.run.take_if_flatter(w, value)
        self._value = value if taken else self._value
        return taken


class _DescentInBatches:
    """The state of a run whose iterations are epochs, with a step for each batch."""

    def __init__(self, run: Run, solver: OptimalStepSolver):
        self.run, self.steps = run, _Steps(solver, run)
        self.batches = Batches(run, solver.n_batches, solver.random_state)
        self.targets = [solver.target(function) for function in self.batches.functions]

    def advance(self) -> None:
        """Take a step for each batch, unless none is better for any."""
        run, w = self.run, self.run.params
        for b in self.batches.epoch():
            w = self._moved(self.targets[b], w)
        if not np.array_equal(w, run.params):
            run.take(w, run.function.value(w))

    def _moved(self, target: SmoothFunction, w: Array) -> Array:
        """A point where the objective of a batch is lower, or the same point."""
        value = target.value(w)
        step = self.steps.step(target, w, target.gradient(w))
        for halvings in range(_MAX_HALVINGS):
            if target.value(w + step) < value:
                self.run.events["shortened_steps"] += halvings > 0
                self.steps.last_step = step
                return w + step
            step = 0.5 * step
        return w


@dataclass
class _Steps:
    """The steps that the curvature asks for, and what they need of the last one."""

    solver: OptimalStepSolver
    run: Run
    last_step: Array | None = None
    _last: tuple[Array, Array] | None = field(default=None)

    def step(self, target: SmoothFunction, w: Array, g: Array) -> Array:
        """The step from a point with gradient g."""
        momentum, last = self.solver.momentum, self.last_step
        if last is not None and momentum == "optimal":
            found = self._in_plane(target, w, g, last)
            if found is not None:
                return found
        elif last is not None and momentum:
            return self._beside(target, w, g, float(momentum) * last)
        d = self._direction(g)
        # The minimum of the quadratic model along d, [G] eq. 17 and 18.
        slope, bend = float(g @ d), target.curvature(w, d, self.solver.hessian)
        return self._length(slope, bend) * d

    def _length(self, slope: float, bend: float) -> float:
        """Where the quadratic model along a direction is lowest, were its curvature positive."""
        if not bend > 0.0:
            self.run.events["negative_curvature"] += 1
        return -slope / abs(bend) if bend != 0.0 else 1.0

    def _beside(self, target: SmoothFunction, w: Array, g: Array, push: Array) -> Array:
        """Step push - eta g, with the eta that is best beside the push."""
        Hg = target.hessian_product(w, g, self.solver.hessian)
        square, bend = float(g @ g), float(g @ Hg)
        eta = plain = self._length(-square, bend)
        if bend > 0.0:  # where the model's slope along g vanishes: g'(g + H(push - eta g)) = 0
            eta += float(Hg @ push) / bend
        step = push - eta * g
        return step if float(g @ step) < 0.0 else -plain * g

    def _in_plane(self, target: SmoothFunction, w: Array, g: Array, last: Array) -> Array | None:
        """The minimum of the quadratic model in the plane of g and s; None if that is a line."""
        first = g / np.linalg.norm(g)
        second = last - (first @ last) * first
        if np.linalg.norm(second) <= _PARALLEL * np.linalg.norm(last):
            return None
        Q = np.stack([first, second / np.linalg.norm(second)], axis=1)
        HQ = [target.hessian_product(w, q, self.solver.hessian) for q in Q.T]
        K = Q.T @ np.stack(HQ, axis=1)
        bends, axes = np.linalg.eigh(0.5 * (K + K.T))
        self.run.events["negative_curvature"] += not bends[0] > 0.0
        size = np.abs(bends)
        size = np.maximum(size, _FLAT * size.max()) if size.max() > 0.0 else np.ones(2)
        return np.asarray(-Q @ (axes @ (axes.T @ (Q.T @ g) / size)))

    def _direction(self, g: Array) -> Array:
        """Down the gradient, or conjugate to the last direction."""
        d = -g
        if self.solver.direction == "conjugate" and self._last is not None:
            # beta of Polak, Ribiere and Polyak, PR+: Nocedal and Wright (2006), (5.45).
            last_g, last_d = self._last
            square = float(last_g @ last_g)  # 0 where it underflows
            beta = float(g @ (g - last_g)) / square if square > 0.0 else 0.0
            d = max(beta, 0.0) * last_d - g
            if float(g @ d) >= 0.0:
                d = -g
        self._last = g, d
        return d
