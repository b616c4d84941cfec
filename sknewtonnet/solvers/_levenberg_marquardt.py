"""Levenberg-Marquardt: Gauss-Newton steps, damped until they lower the objective."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

from sknewtonnet._typing import Array
from sknewtonnet.calculus import SmoothFunction
from sknewtonnet.calculus.pieces.memory import check_hessian_memory
from sknewtonnet.solvers._base import FIRST_ORDER, Capability, Solver
from sknewtonnet.solvers._newton import finish_by_newton
from sknewtonnet.solvers._options import Choice, Range, option
from sknewtonnet.solvers._run import Run

# Damped steps tried at a point: by then they are shorter than rounding.
_MAX_REJECTED = 60
_LEAST, _MOST = 1e-15, 1e100


@dataclass(frozen=True, kw_only=True)
class LevenbergMarquardtSolver(Solver):
    """Levenberg-Marquardt for any loss with a penalty, with a P x P matrix only.

    With G = J' L J + penalty the generalised Gauss-Newton matrix, J the Jacobian of the raw
    predictions and L the second derivatives of the loss, each step solves

        (G + damping D) s = -gradient

    and is taken if it lowers the objective. For squared errors without a penalty it is the
    classical method; no other loss is written as a square, and J is never stored.

    Steps cost a Gauss-Newton matrix, about n P^2 / 2 flops for one output, and P^3 / 3 for
    each damping tried. Convergence is fast where residuals are small or the net nearly
    linear in its parameters, and linear otherwise, for G lacks the curvature of the units. Where
    differences of f drown in its rounding, Newton steps judged by the gradient end the run. It
    can stop at a saddle point that it starts at.

    Parameters
    ----------
    tol, ftol, fatol, f_target : float, default=1e-10, 0.0, 0.0 and -inf
        As in :class:`Solver`.
    max_iter : int, default=1000
        As in :class:`Solver`.
    hessian : {"exact"}, default="exact"
        It has no effect: steps are made of Gauss-Newton matrices.
    damping : {"nielsen", "marquardt"}, default="nielsen"
        "nielsen": D is the identity, and the damping changes with the ratio of true and predicted
        decrease. "marquardt": D is the largest diagonal of G so far, and the damping is
        divided by ten after a good step and multiplied by ten after a bad one; it does not mind
        the scale of parameters, but lets saturated units run away. With features or outputs
        of very different scales "nielsen" takes many steps: standardise them.
    initial_damping : float, default=1e-3
        From 1e-12 to below 1e12; for "nielsen" relative to the largest diagonal entry of the
        first G.

    See Also
    --------
    NewtonSolver : Steps from the exact Hessian.
    sknewtonnet.calculus.SmoothFunction.residual_matrix :
        What a Gauss-Newton matrix leaves of the Hessian.
    scipy.optimize.least_squares : Sums of squares in general.
    get_solver : A solver by its name.

    References
    ----------
    Marquardt (1963), An algorithm for least-squares estimation of nonlinear parameters.
    Moré (1978), The Levenberg-Marquardt algorithm: implementation and theory.
    Madsen, Nielsen and Tingleff (2004), Methods for non-linear least squares problems, 3.2.
    Hagan and Menhaj (1994), Training feedforward networks with the Marquardt algorithm.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.solvers import LevenbergMarquardtSolver
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> f = Objective(Network.mlp(1, (2,), 1), "squared_error", X, np.tanh(3.0 * X), alpha=0.01)
    >>> result = LevenbergMarquardtSolver(tol=1e-6).minimize(f, np.linspace(-1.0, 1.0, 7))
    >>> result.converged, result.n_iter < 100, result.value < 0.01
    (True, True, True)
    """

    needs = FIRST_ORDER | Capability.HESSIAN

    damping: str = option("nielsen", Choice(("marquardt", "nielsen")))
    initial_damping: float = option(1e-3, Range(1e-12, 1e12))

    @property
    def kind(self) -> str:
        """The generalised Gauss-Newton matrix; see :attr:`Solver.kind`."""
        return "gauss-newton"

    def check(self, function: SmoothFunction) -> None:
        """Check the memory for the matrix and its factor, too; see :meth:`Solver.check`.

        Parameters
        ----------
        function : SmoothFunction
            The function to minimise.
        """
        super().check(function)
        advice = "solver 'newton' needs no matrix"
        check_hessian_memory(function.n_parameters, advice, n_matrices=3.0)

    def begin(self, run: Run) -> _Marquardt:
        """Make the first damping; see :meth:`Solver.begin`.

        Parameters
        ----------
        run : Run
            The run, at the starting point.

        Returns
        -------
        object
            The state, which holds the damping.
        """
        start = float(self.initial_damping)
        return _Marquardt(start) if self.damping == "marquardt" else _Nielsen(start)

    def step(self, run: Run, state: Any) -> None:
        """Damp until a step lowers the function; see :meth:`Solver.step`.

        Parameters
        ----------
        run : Run
            The best-known point, the function, and its gradient at the point.
        state : object
            What :meth:`begin` made.
        """
        _advance(run, state)

    def finish(self, run: Run, state: Any) -> None:
        """Take exact Newton steps where Gauss-Newton steps stalled; see :meth:`Solver.finish`.

        Parameters
        ----------
        run : Run
            As in :meth:`step`.
        state : object
            As in :meth:`step`.
        """
        finish_by_newton(run)


class _Marquardt:
    """A factor on the diagonal of G, ten times less or more."""

    def __init__(self, start: float):
        self.factor = start
        self.diagonal: Array = np.zeros(1)

    def begin(self, diagonal: Array) -> None:
        """See the matrix of a new point; a unit that saturates keeps its damping."""
        largest = float(diagonal.max()) or 1.0
        # The largest diagonal so far, Moré's (1978) adaptive scaling: else damping would vanish
        # along a parameter whose column of J fades.
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
            # mu_0 = tau max_p G_pp: Madsen, Nielsen and Tingleff (2004), (3.14).
            self.factor *= float(diagonal.max()) or 1.0
            self._begun = True
        self.diagonal = np.ones_like(diagonal)

    def accept(self, ratio: float) -> None:
        """Damp by the gain ratio, as in algorithm 3.16 of Madsen, Nielsen and Tingleff."""
        shrink = max(1.0 / 3.0, 1.0 - (2.0 * min(ratio, 1.0) - 1.0) ** 3)
        self.factor = max(self.factor * shrink, _LEAST)
        self._grow = 2.0

    def reject(self) -> None:
        """Damp more, and still more at each rejection in a row."""
        self.factor = min(self.factor * self._grow, _MOST)
        self._grow *= 2.0


def _advance(run: Run, damping: _Marquardt) -> None:
    """Take one step, unless none is better."""
    G, g = run.function.hessian(run.params, "gauss-newton"), run.gradient
    damping.begin(G.diagonal().copy())
    for _ in range(_MAX_REJECTED):
        # (G + damping D) s = -g by a Cholesky factor.
        damped = G.copy()
        damped.ravel()[:: len(G) + 1] += damping.factor * damping.diagonal
        factor, info = dpotrf(damped.T, lower=0, overwrite_a=1, clean=0)
        if info != 0:  # a loss that is not convex in the predictions, or rounding
            damping.reject()
            continue
        step, _ = dpotrs(factor, -g)
        predicted = -float(g @ step + 0.5 * step @ (G @ step))
        if not predicted > run.rounding:
            # f cannot tell such points apart: the gradient judges them.
            if run.take_if_flatter(run.params + step):
                damping.accept(1.0)
            return
        value = run.function.value(run.params + step)
        if value < run.value:
            # The gain ratio, true over predicted decrease: Madsen et al. (2004), (2.18).
            damping.accept((run.value - value) / predicted)
            run.take(run.params + step, value)
            return
        damping.reject()
