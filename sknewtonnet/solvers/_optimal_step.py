"""Gradient descent with the step that exact curvature asks for."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import SmoothFunction
from sknewtonnet.solvers._base import FIRST_ORDER, Capability, Solver
from sknewtonnet.solvers._options import Choice, option
from sknewtonnet.solvers._run import Counted, Run

# Halvings of a step that raises f: by then it is below the rounding of w.
_MAX_HALVINGS = 60


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
    tol, ftol, max_iter, hessian
        As in :class:`Solver`.
    objective : {"standard", "modified"}, default="standard"
        "standard" is f. "modified", for squared errors: g and H are those of F = 1/2 sum_o f_o^2,
        with f_o the part of f that output o makes (the penalty is shared out evenly; the
        factors of the paper's c_o = 2 S f_o change no step). For one output
        F = f^2 / 2 has the minima of f, and its curvature the square of the slope in addition,
        so that steps are shorter. For several outputs its minima are others than those of f;
        a run that ends at one of them is STALLED, for status and gradient are about f.
    direction : {"steepest", "conjugate"}, default="steepest"
        "steepest" is d = -g, "conjugate" d = -g + beta d_last with the beta of Polak, Ribiere
        and Polyak, not below 0; steepest wherever d would go up.

    References
    ----------
    [G] Gong et al. (2012), back-propagation with optimal step size (BPOS), eq. 17 to 19, with the
    powers of the gradient's length corrected; see doc/optimal_steps.md.
    """

    needs = FIRST_ORDER | Capability.HESSIAN_PRODUCT

    objective: str = option("standard", Choice(("standard", "modified")))
    direction: str = option("steepest", Choice(("steepest", "conjugate")))

    @property
    def second_order(self) -> bool:
        """No: second derivatives only say how far to go along gradients."""
        return False

    def begin(self, run: Run) -> "_Descent":
        """Start without a last direction; see :meth:`Solver.begin`."""
        run.events.update(negative_curvature=0, shortened_steps=0)
        return _Descent(run, self._target(run.function), self.direction == "conjugate")

    def step(self, run: Run, state: Any) -> None:
        """Go down the direction as far as the curvature says, or less; see :meth:`Solver.step`."""
        state.advance()

    def _target(self, counted: Counted) -> SmoothFunction:
        """The function whose quadratic model gives the step."""
        if self.objective == "standard":
            return counted
        try:
            squares = counted.function.output_squares()
        except ValueError as reason:
            raise ValueError(f'objective="modified": {reason} Use objective="standard".') from None
        return HalfSquare(counted) if squares is None else Counted(squares, counted.calls)


class HalfSquare(SmoothFunction):
    """F = f^2 / 2, the modified objective of one output ([G] eq. 19).

    It has the minima of f wherever f is positive. Its curvature d'(D2 F)d = (g'd)^2 + f d'Hd is
    positive in more places than that of f.

    Parameters
    ----------
    function : SmoothFunction
        The function f.
    """

    def __init__(self, function: SmoothFunction):
        self.function = function
        self.n_parameters = function.n_parameters
        self._known = np.empty(0), np.nan, np.empty(0)

    def keep(self, w: Array, value: float, gradient: Array) -> None:
        """Take note of f and its gradient at a point, which are not evaluated there again."""
        self._known = w, value, gradient

    def _at(self, w: Array) -> tuple[float, Array]:
        """Value and gradient of f."""
        point, value, gradient = self._known
        known = np.array_equal(w, point)
        return (value, gradient) if known else self.function.value_and_gradient(w)

    def value(self, w: Array) -> float:
        """F at w."""
        point, value, _ = self._known
        f = value if np.array_equal(w, point) else self.function.value(w)
        return 0.5 * f**2

    def gradient(self, w: Array) -> Array:
        """Gradient f g."""
        f, g = self._at(w)
        return f * g

    def hessian_product(self, w: Array, v: Array, kind: str = "exact") -> Array:
        """Hessian g g' + f H times v."""
        f, g = self._at(w)
        product = self.function.hessian_product(w, v, kind)
        return np.asarray(np.multiply.outer(g, g @ v) + f * product)

    def curvature(self, w: Array, d: Array) -> float:
        """Second derivative along d."""
        f, g = self._at(w)
        return float(g @ d) ** 2 + f * self.function.curvature(w, d)


class _Descent:
    """The state of a run: the last direction, and the value of the target."""

    def __init__(self, run: Run, target: SmoothFunction, conjugate: bool):
        self.run, self.target, self.conjugate = run, target, conjugate
        self._last: tuple[Array, Array] | None = None
        self._value: float | None = None  # of the target, at the current point

    def advance(self) -> None:
        """Take one step, unless none is better."""
        run, w = self.run, self.run.params
        if isinstance(self.target, HalfSquare):
            self.target.keep(w, run.value, run.gradient)
        g = run.gradient if self.target is run.function else self.target.gradient(w)
        d = self._direction(g)
        # The minimum of the quadratic model along d, [G] eq. 17 and 18.
        slope, bend = float(g @ d), self.target.curvature(w, d)
        if not bend > 0.0:
            run.events["negative_curvature"] += 1
        eta = -slope / abs(bend) if bend != 0.0 else 1.0
        if self._value is None:
            self._value = run.value if self.target is run.function else self.target.value(w)
        for halvings in range(_MAX_HALVINGS):
            value = self.target.value(w + eta * d)
            if value < self._value:
                run.events["shortened_steps"] += halvings > 0
                self._value = value
                run.take(w + eta * d, self._value_of_f(w + eta * d, value))
                return
            if halvings == 0 and run.take_if_flatter(w + eta * d):
                self._value = None
                return
            eta *= 0.5

    def _value_of_f(self, w: Array, value: float) -> float:
        function = self.run.function
        if isinstance(self.target, HalfSquare):  # whose value has asked for it
            return function.last_value
        return value if self.target is function else function.value(w)

    def _direction(self, g: Array) -> Array:
        """Down the gradient, or conjugate to the last direction."""
        d = -g
        if self.conjugate and self._last is not None:
            # beta of Polak, Ribiere and Polyak, PR+: Nocedal and Wright (2006), (5.45).
            last_g, last_d = self._last
            square = float(last_g @ last_g)  # 0 where it underflows
            beta = float(g @ (g - last_g)) / square if square > 0.0 else 0.0
            d = max(beta, 0.0) * last_d - g
            if float(g @ d) >= 0.0:
                d = -g
        self._last = g, d
        return d
