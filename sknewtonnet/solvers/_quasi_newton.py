"""Limited-memory quasi-Newton steps, from nothing or from a factor of a Hessian.

scipy's L-BFGS-B keeps to bounds, and an iteration of its loop costs as much as two gradients of
a net on a few hundred rows. Without bounds the last m steps s and the changes y of the gradient
that they made give the approximation of the inverse Hessian in matrix form (Byrd, Nocedal and
Schnabel 1994, theorem 2.2): four products of an m x P matrix with a vector.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.linalg.lapack import dpotrs, dtrtrs

from sknewtonnet._typing import Array
from sknewtonnet.solvers._base import FIRST_ORDER, Solver
from sknewtonnet.solvers._run import Run

# Steps that are remembered: few where they cost more than a gradient, or than there is memory.
_FEWEST, _FEW, _MOST, _MANY, _NUMBERS = 10, 20, 80, 500, 1_600_000

# The conditions of Wolfe: Nocedal and Wright (2006), (3.6).
_DECREASE, _CURVATURE = 1e-4, 0.9

# Points tried along a direction, and by how much a step without an upper limit grows.
_MOST_POINTS, _GROWTH = 30, 4.0

# Pairs with less curvature than this, relative to |y|^2, are forgotten: scipy's L-BFGS-B.
_LEAST = float(np.finfo(float).eps)


@dataclass(frozen=True, kw_only=True)
class QuasiNewtonSolver(Solver):
    """L-BFGS with a line search that meets the conditions of Wolfe, without constraints.

    It remembers 20 steps, 80 above 500 parameters, and fewer, down to 10, above 20,000.

    Parameters
    ----------
    tol, ftol, fatol, f_target, max_iter, hessian
        As in :class:`Solver`.

    References
    ----------
    Byrd, Nocedal and Schnabel (1994), Representations of quasi-Newton matrices and their use in
    limited memory methods.
    Hager and Zhang (2005), A new conjugate gradient method with guaranteed descent and an
    efficient line search.
    Nocedal and Wright (2006), Numerical Optimization, 3.5 and 7.2.
    """

    needs = FIRST_ORDER

    def begin(self, run: Run) -> Memory:
        """Forget all steps; see :meth:`Solver.begin`."""
        return Memory(len(run.params))

    def step(self, run: Run, state: Any) -> None:
        """Search along the quasi-Newton direction; see :meth:`Solver.step`."""
        if not searched(run, state) and state.n_steps:
            state.forget()  # a direction that leads nowhere: begin again along the gradient
            searched(run, state)


class InverseHessian(Protocol):
    """An approximation of the inverse Hessian that learns from steps."""

    def direction(self, g: Array) -> Array:
        """Minus the approximation times a gradient."""

    def first_step(self, g: Array) -> float:
        """The part of the direction that is tried first."""

    def learn(self, s: Array, y: Array) -> None:
        """Remember a step and the change of the gradient."""


class Memory:
    """The last steps, and the approximation that they make of a multiple of the identity.

    Parameters
    ----------
    size : int
        Number of parameters.

    Attributes
    ----------
    n_steps : int
        Steps that are remembered.
    """

    def __init__(self, size: int):
        some = _FEW if size <= _MANY else _MOST
        self._most = min(some, max(_FEWEST, _NUMBERS // size), size)
        # The rows in use are a window that moves down; at the end it goes back to the top.
        rows = self._most + 1 + self._most // 2
        self._S, self._Y = np.empty((rows, size)), np.empty((rows, size))
        self._SY, self._YY = np.zeros((rows, rows)), np.zeros((rows, rows))
        self.forget()

    def forget(self) -> None:
        """Forget all steps."""
        self._first, self.n_steps, self._scale = 0, 0, 0.0

    def direction(self, g: Array) -> Array:
        """See :class:`InverseHessian`."""
        if not self.n_steps:
            return -g
        # H = gamma I + [S, gamma Y] [[R^-T (D + gamma Y'Y) R^-1, -R^-T], [-R^-1, 0]] [S, gamma Y]'
        # with R the upper triangle of S'Y and D its diagonal; rows are steps here.
        window, gamma = slice(self._first, self._first + self.n_steps), self._scale
        S, Y = self._S[window], self._Y[window]
        R, YY = self._SY[window, window], self._YY[window, window]
        part, _ = dtrtrs(R, S @ g)
        along_S, _ = dtrtrs(R, R.diagonal() * part + gamma * (YY @ part - Y @ g), trans=1)
        found: Array = (gamma * part) @ Y - along_S @ S - gamma * g
        return found

    def first_step(self, g: Array) -> float:
        """See :class:`InverseHessian`; a length of one at most where nothing is known."""
        return 1.0 if self.n_steps else min(1.0, 1.0 / float(np.linalg.norm(g)))

    def learn(self, s: Array, y: Array) -> None:
        """See :class:`InverseHessian`; in place of the oldest step."""
        curvature, square = float(s @ y), float(y @ y)
        if not curvature > _LEAST * square:
            return
        if self.n_steps == self._most:
            self._first, self.n_steps = self._first + 1, self.n_steps - 1
        new = self._first + self.n_steps
        if new == len(self._S):
            kept, top = slice(self._first, new), slice(0, self.n_steps)
            self._S[top], self._Y[top] = self._S[kept].copy(), self._Y[kept].copy()
            self._SY[top, top] = self._SY[kept, kept].copy()
            self._YY[top, top] = self._YY[kept, kept].copy()
            self._first, new = 0, self.n_steps
        self.n_steps += 1
        self._S[new], self._Y[new] = s, y
        window = slice(self._first, new + 1)
        self._SY[window, new] = self._S[window] @ y
        self._YY[window, new] = self._YY[new, window] = self._Y[window] @ y
        self._scale = curvature / square


class KeptFactor:
    """The approximation that steps make of a factored Hessian near by: the two-loop recursion.

    Parameters
    ----------
    factor : ndarray of shape (n_parameters, n_parameters)
        Upper Cholesky factor of the Hessian, shifted where it was not definite.

    Attributes
    ----------
    n_steps : int
        Steps that were taken.
    """

    def __init__(self, factor: Array):
        self.factor, self.n_steps = factor, 0
        self._pairs: list[tuple[Array, Array, float]] = []

    def direction(self, g: Array) -> Array:
        """See :class:`InverseHessian`; Nocedal and Wright (2006), algorithm 7.4."""
        d, parts = -g, []
        for s, y, inverse in reversed(self._pairs):
            parts.append(inverse * float(s @ d))
            d = d - parts[-1] * y
        d, _ = dpotrs(self.factor, d)
        for (s, y, inverse), part in zip(self._pairs, reversed(parts), strict=True):
            d = d + (part - inverse * float(y @ d)) * s
        return np.asarray(d)

    def first_step(self, g: Array) -> float:
        """See :class:`InverseHessian`."""
        return 1.0

    def learn(self, s: Array, y: Array) -> None:
        """See :class:`InverseHessian`."""
        self.n_steps += 1
        curvature = float(s @ y)
        if curvature > _LEAST * float(y @ y):
            self._pairs = [*self._pairs[1 - _FEW :], (s, y, 1.0 / curvature)]


def searched(run: Run, known: InverseHessian) -> bool:
    """Take a point along the quasi-Newton direction that meets both conditions, if there is one.

    A point with too little decrease, or none, is an upper limit of the step; one where f still
    falls steeply is a lower one. Cubic interpolation finds the next point between them: Nocedal
    and Wright (2006), (3.59).

    Parameters
    ----------
    run : Run
        The run, at its best-known point.
    known : InverseHessian
        The approximation, which learns from the step.

    Returns
    -------
    bool
        Whether a lower point was taken.
    """
    w, value, g = run.params, run.value, run.gradient
    d = known.direction(g)
    slope = float(d @ g)
    if not -np.inf < slope < 0.0:
        return False
    step = known.first_step(g)
    low, high = (0.0, value, slope), (np.inf, np.inf, np.inf)
    for _ in range(_MOST_POINTS):
        there = w + step * d
        f, gradient = run.function.value_and_gradient(there)
        rise = float(d @ gradient)
        enough = f <= value + _DECREASE * step * slope
        # Where f cannot tell the points apart, slopes do: Hager and Zhang (2005), (4.1).
        enough |= f <= value + run.rounding and rise <= (2.0 * _DECREASE - 1.0) * slope
        if not (enough and np.isfinite(rise)):
            high = step, f, rise
        elif rise < _CURVATURE * slope:
            low = step, f, rise
        else:
            run.take(there, f, gradient)
            known.learn(there - w, gradient - g)
            return True
        step = _between(low, high)
        if not low[0] < step < high[0]:
            break
    there, falls = w + low[0] * d, low[1] < value
    if falls:  # though not as flat as it should be
        run.take(there, low[1])
    return falls


_End = tuple[float, float, float]


def _between(low: _End, high: _End) -> float:
    """The next step to try: the minimum of the cubic through two ends, well inside."""
    (a, fa, sa), (b, fb, sb) = low, high
    width, part = b - a, 0.5
    if not np.isfinite(width):
        return _GROWTH * a
    if width > 0.0 and np.isfinite(fb) and np.isfinite(sb):
        middle = sa + sb - 3.0 * (fb - fa) / width
        square = middle * middle - sa * sb  # infinite where it overflows
        root = float(np.sqrt(max(square, 0.0)))
        across = sb - sa + 2.0 * root
        if 0.0 <= square < np.inf and across != 0.0:
            part = 1.0 - (sb + root - middle) / across
    return a + width * min(max(part, 0.1), 0.9)
