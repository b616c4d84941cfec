"""Levenberg-Marquardt: Gauss-Newton steps, damped until they lower the objective."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

from sknewtonnet._typing import Array
from sknewtonnet.calculus import SmoothFunction
from sknewtonnet.solvers._base import Callback, Solver, SolverResult
from sknewtonnet.solvers._newton import finish
from sknewtonnet.solvers._options import Choice, Range, check_hessian, check_options
from sknewtonnet.solvers._run import Counted, Watch

_OPTIONS: dict[str, Range | Choice] = {
    "damping": Choice(("marquardt", "nielsen")),
    "initial_damping": Range(1e-12, 1e12),
}
# Damped steps tried at a point: by then they are shorter than rounding.
_MAX_REJECTED = 60
_LEAST, _MOST = 1e-15, 1e100


@dataclass(frozen=True)
class LevenbergMarquardtSolver(Solver):
    """Levenberg-Marquardt for any loss with a penalty, by a P x P matrix alone.

    With G = J' L J + penalty the generalised Gauss-Newton matrix, J the Jacobian of the raw
    predictions and L the second derivatives of the loss, each step solves

        (G + damping D) s = -gradient

    and is taken if it lowers the objective. For squared errors without a penalty it is the
    classical method; no other loss is written as a square, and J is never stored.

    Options: ``damping``, "nielsen" (D the identity, the factor from the ratio of true and
    predicted decrease; the default) or "marquardt" (D the largest diagonal of G so far, the factor
    divided by ten after a good step and multiplied by ten after a bad one; it does not mind
    the scale of parameters, but lets saturated units run away); ``initial_damping`` (1e-3), for
    "nielsen" relative to the largest diagonal entry of the first G. With features or outputs of
    very different scales "nielsen" takes many steps: standardise them.

    Steps cost a Gauss-Newton matrix, about n P^2 / 2 flops for one output, and P^3 / 3 for
    each damping tried. Convergence is fast where residuals are small or the net nearly
    linear in its parameters, and linear otherwise, for G lacks the curvature of the units. Where
    differences of f drown in its rounding, Newton steps judged by the gradient end the run. It
    can stop at a saddle point that it starts at.

    References
    ----------
    Marquardt (1963), An algorithm for least-squares estimation of nonlinear parameters.
    Moré (1978), The Levenberg-Marquardt algorithm: implementation and theory.
    Madsen, Nielsen and Tingleff (2004), Methods for non-linear least squares problems, 3.2.
    Hagan and Menhaj (1994), Training feedforward networks with the Marquardt algorithm.
    """

    def check(self) -> None:
        """See :meth:`Solver.check`."""
        check_options(self.name, self.options, _OPTIONS)
        check_hessian(self.name, self.hessian, ("exact",))

    def minimize(
        self, objective: SmoothFunction, w0: Array, callback: Callback | None = None
    ) -> SolverResult:
        """See :meth:`Solver.minimize`."""
        self.check()
        counted = Counted(objective, "gauss-newton")
        watch = Watch(counted, self.tol, self.max_iter, callback)
        start = float(self.options.get("initial_damping", 1e-3))
        marquardt = self.options.get("damping", "nielsen") == "marquardt"
        damping: _Marquardt = _Marquardt(start) if marquardt else _Nielsen(start)
        with np.errstate(over="ignore", invalid="ignore"):
            watch.begin(np.array(w0, dtype=float))
            while watch.status is None:
                _advance(watch, damping)
            finish(counted, watch)
        return watch.result()


class _Marquardt:
    """A factor on the diagonal of G, ten times less or more."""

    def __init__(self, start: float):
        self.factor = start
        self.diagonal: Array = np.zeros(1)

    def begin(self, diagonal: Array) -> None:
        """See the matrix of a new point; a unit that saturates keeps its damping."""
        largest = float(diagonal.max()) or 1.0
        self.diagonal = np.maximum(np.maximum(diagonal, 1e-12 * largest), self.diagonal)

    def accept(self, ratio: float) -> None:
        """Damp less; a step that did poorly leaves the factor."""
        if ratio > 0.25:
            self.factor = max(self.factor / 10.0, _LEAST)

    def reject(self) -> None:
        """Damp more."""
        self.factor = min(self.factor * 10.0, _MOST)


class _Nielsen(_Marquardt):
    """A multiple of the identity, smoothly changed by how true the model was."""

    def __init__(self, start: float):
        super().__init__(start)
        self._grow, self._begun = 2.0, False

    def begin(self, diagonal: Array) -> None:
        """See the matrix of a new point."""
        if not self._begun:
            self.factor *= float(diagonal.max()) or 1.0
            self._begun = True
        self.diagonal = np.ones_like(diagonal)

    def accept(self, ratio: float) -> None:
        """Damp by the gain ratio."""
        self.factor = max(self.factor * max(1.0 / 3.0, 1.0 - (2.0 * ratio - 1.0) ** 3), _LEAST)
        self._grow = 2.0

    def reject(self) -> None:
        """Damp more, and still more at each rejection in a row."""
        self.factor = min(self.factor * self._grow, _MOST)
        self._grow *= 2.0


def _advance(watch: Watch, damping: _Marquardt) -> None:
    """One accepted step, or the end of the run."""
    G, g = watch.counted.hessian(watch.params), watch.gradient
    damping.begin(G.diagonal().copy())
    for _ in range(_MAX_REJECTED):
        damped = G.copy()
        damped.ravel()[:: len(G) + 1] += damping.factor * damping.diagonal
        factor, info = dpotrf(damped.T, lower=0, overwrite_a=1, clean=0)
        if info != 0:  # a loss that is not convex in the predictions, or rounding
            damping.reject()
            continue
        step, _ = dpotrs(factor, -g)
        predicted = -float(g @ step + 0.5 * step @ (G @ step))
        if predicted <= watch.rounding:
            if watch.take_if_flatter(watch.params + step):
                damping.accept(1.0)
                watch.count()
            else:
                watch.count(stalled=True)
            return
        value = watch.counted.value(watch.params + step)
        if value < watch.value:
            damping.accept((watch.value - value) / predicted)
            watch.take(watch.params + step, value)
            watch.count()
            return
        damping.reject()
    watch.count(stalled=True)
