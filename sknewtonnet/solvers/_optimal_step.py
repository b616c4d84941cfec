"""Gradient descent with the step that exact curvature asks for."""

from collections import Counter
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import SmoothFunction
from sknewtonnet.calculus.functions.output_parts import HalfSquare
from sknewtonnet.solvers._base import Callback, Solver, SolverResult
from sknewtonnet.solvers._options import Choice, check_hessian, check_options
from sknewtonnet.solvers._run import Counted, Watch

# Halvings of a step that raises f: by then it is below the rounding of w.
_MAX_HALVINGS = 60


@dataclass(frozen=True)
class OptimalStepSolver(Solver):
    """Gradient descent with the step that minimises the quadratic model along its direction.

        w+ = w + eta d,    eta = -g'd / (d'Hd)

    with the exact Hessian H, of which one product is needed: a step costs about two gradients
    and O(P) memory. ``solver_options`` are

    - ``direction``: "steepest" (d = -g; the default) or "conjugate" (d = -g + beta d_last with
      the beta of Polak, Ribiere and Polyak, not below 0; steepest wherever d would go up).
    - ``objective``: "standard" (f; the default) or "modified", for squared errors: g and H are
      those of F = 1/2 sum_o f_o^2, with f_o the part of f that output o makes (the penalty is
      shared out evenly; the factors of the paper's c_o = 2 S f_o change no step). For one output
      F = f^2 / 2 has the minima of f, and its curvature the square of the slope in addition,
      so that steps are shorter. For several outputs its minima are others than those of f;
      a run that ends at one of them is STALLED, for status and gradient are about f.

    Where d'Hd <= 0 the step that the absolute value asks for is taken, and a step that raises
    the function is halved until it does not. ``SolverResult.n_events`` counts both, as
    "negative_curvature" and "shortened_steps".

    References
    ----------
    [G] Gong et al. (2012), back-propagation with optimal step size (BPOS), eq. 17 to 19, with the
    powers of the gradient's length corrected; see doc/optimal_steps.md.
    """

    def check(self) -> None:
        """See :meth:`Solver.check`."""
        options = {
            "objective": Choice(("standard", "modified")),
            "direction": Choice(("steepest", "conjugate")),
        }
        check_options(self.name, self.options, options)
        check_hessian(self.name, self.hessian, ("exact",))

    def minimize(
        self, objective: SmoothFunction, w0: Array, callback: Callback | None = None
    ) -> SolverResult:
        """See :meth:`Solver.minimize`."""
        self.check()
        counted = Counted(objective, self.hessian)
        watch = Watch(counted, self.tol, self.max_iter, callback)
        run = _Run(watch, self._target(counted), self.options.get("direction") == "conjugate")
        with np.errstate(over="ignore", invalid="ignore"):
            watch.begin(np.array(w0, dtype=float))
            while watch.status is None:
                run.advance()
        return watch.result(events=run.events)

    def _target(self, counted: Counted) -> "_Target":
        if self.options.get("objective", "standard") == "standard":
            return _Standard(counted)
        modified = getattr(counted.objective, "modified", None)
        target = None if modified is None else modified()
        return HalfSquare(counted) if target is None else _Modified(counted, target)


class _Target(Protocol):
    """The function whose quadratic model gives the step."""

    def value(self, w: Array) -> float:
        """The function at w."""

    def gradient(self, w: Array) -> Array:
        """Its gradient."""

    def curvature(self, w: Array, d: Array) -> float:
        """Second derivative along d."""


class _Standard:
    """The objective itself."""

    def __init__(self, counted: Counted):
        self._counted = counted
        self.value, self.gradient = counted.value, counted.gradient

    def curvature(self, w: Array, d: Array) -> float:
        """Second derivative along d."""
        return float(d @ self._counted.hessian_product(w, d))


class _Modified:
    """The squared parts of several outputs, with its calls counted."""

    def __init__(self, counted: Counted, target: _Target):
        self._calls, self._target = counted.calls, target

    def value(self, w: Array) -> float:
        """The function at w."""
        self._calls["value"] += 1
        return self._target.value(w)

    def gradient(self, w: Array) -> Array:
        """Its gradient."""
        self._calls["gradient"] += 1
        return self._target.gradient(w)

    def curvature(self, w: Array, d: Array) -> float:
        """Second derivative along d."""
        self._calls["hessian_product"] += 1
        return self._target.curvature(w, d)


class _Run:
    """The state of one run: the last direction, and what happened."""

    def __init__(self, watch: Watch, target: _Target, conjugate: bool):
        self.watch, self.target, self.conjugate = watch, target, conjugate
        self.events = Counter(negative_curvature=0, shortened_steps=0)
        self._last: tuple[Array, Array] | None = None
        self._value: float | None = None  # of the target, at the current point

    def advance(self) -> None:
        """One accepted step, or the end of the run."""
        watch, w = self.watch, self.watch.params
        g = self.target.gradient(w)
        d = self._direction(g)
        slope, bend = float(g @ d), self.target.curvature(w, d)
        if not bend > 0.0:
            self.events["negative_curvature"] += 1
        eta = -slope / abs(bend) if bend != 0.0 and np.isfinite(bend) else 1.0
        if self._value is None:
            self._value = self.target.value(w)
        for halvings in range(_MAX_HALVINGS):
            value = self.target.value(w + eta * d)
            if value < self._value:
                self.events["shortened_steps"] += halvings > 0
                self._value = value
                watch.take(w + eta * d, self._value_of_f(w + eta * d, value))
                watch.count()
                return
            if halvings == 0 and watch.take_if_flatter(w + eta * d):
                self._value = None
                watch.count()
                return
            eta *= 0.5
        watch.count(stalled=True)

    def _value_of_f(self, w: Array, value: float) -> float:
        return value if isinstance(self.target, _Standard) else self.watch.counted.value(w)

    def _direction(self, g: Array) -> Array:
        """Down the gradient, or conjugate to the last direction."""
        d = -g
        if self.conjugate and self._last is not None:
            last_g, last_d = self._last
            beta = float(g @ (g - last_g)) / float(last_g @ last_g)
            d = max(beta, 0.0) * last_d - g
            if float(g @ d) >= 0.0:
                d = -g
        self._last = g, d
        return d
