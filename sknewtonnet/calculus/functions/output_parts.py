"""The modified objective of [G]: half the sum of the squared parts of the outputs."""

from typing import Any, Protocol

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.pieces.losses import Loss


class Twice(Protocol):
    """A function with its gradient and products of its Hessian."""

    def value(self, w: Array) -> float:
        """The function at w."""

    def gradient(self, w: Array) -> Array:
        """Its gradient."""

    def hessian_product(self, w: Array, v: Array) -> Array:
        """Hessian times vector."""


class HalfSquare:
    """F = f^2 / 2, the modified objective of one output.

    It has the minima of f wherever f is positive. Its curvature d'(D2 F)d = (g'd)^2 + f d'Hd is
    positive in more places than that of f.

    Parameters
    ----------
    function : Twice
        The function f.
    """

    def __init__(self, function: Twice):
        self.function = function

    def value(self, w: Array) -> float:
        """F at w."""
        return 0.5 * self.function.value(w) ** 2

    def gradient(self, w: Array) -> Array:
        """Gradient f g."""
        return self.function.value(w) * self.function.gradient(w)

    def curvature(self, w: Array, d: Array) -> float:
        """Second derivative along d."""
        f, slope = self.function.value(w), float(self.function.gradient(w) @ d)
        return slope**2 + f * float(d @ self.function.hessian_product(w, d))


class ScaledSquaredError(Loss):
    """loss = 1/2 sum_o scale_o (raw_o - y_o)^2.

    Parameters
    ----------
    scale : ndarray of shape (n_outputs,)
        Factors of the outputs.
    """

    name = "scaled_squared_error"

    def __init__(self, scale: Array):
        self.scale = scale

    def derivatives(self, y: Array, raw: Array, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Loss.derivatives`."""
        residual = raw - y
        scaled = self.scale * residual
        value = 0.5 * np.einsum("io,io->i", scaled, residual)
        return (value, scaled, np.broadcast_to(self.scale, raw.shape))[: order + 1]


class OutputSquares:
    """F = 1/2 sum_o f_o^2, with f = sum_o f_o ([G] eq. 19).

        f_o = 1/S sum_i s_i 1/2 (raw_io - y_io)^2 + penalty / O
        grad F = sum_o f_o grad f_o
        d'(D2 F)d = sum_o (d'grad f_o)^2 + f_o d'(D2 f_o)d

    A gradient costs one pass with the outputs scaled by f_o, a curvature one product and one
    tangent of the raw predictions.

    Parameters
    ----------
    objective : Objective
        The function f, of squared errors.
    """

    def __init__(self, objective: Any):
        self.objective = objective
        n_outputs = objective.network.n_outputs
        self._scaled = objective.with_loss(ScaledSquaredError(np.ones(n_outputs)))
        self._weight = objective.sample_weight / objective.weight_sum
        self._share = 1.0 / n_outputs

    def parts(self, w: Array) -> Array:
        """f_o of each output, of shape (n_outputs,)."""
        losses = 0.5 * self._weight @ self._residual(w) ** 2
        return np.asarray(losses + self._share * self.objective.penalty.value(w))

    def value(self, w: Array) -> float:
        """F at w."""
        parts = self.parts(w)
        return 0.5 * float(parts @ parts)

    def gradient(self, w: Array) -> Array:
        """Gradient of F."""
        parts = self.parts(w)
        shared = self._share * parts.sum() * self.objective.penalty.gradient(w)
        return np.asarray(self._scaled_by(parts).gradient(w) + shared)

    def curvature(self, w: Array, d: Array) -> float:
        """Second derivative along d."""
        parts, penalty = self.parts(w), self.objective.penalty
        slopes = self._weight @ (self._residual(w) * self.objective.jacobian_product(w, d))
        slopes += self._share * float(penalty.gradient(w) @ d)
        bend = float(d @ self._scaled_by(parts).hessian_product(w, d))
        bend += self._share * parts.sum() * float(d @ penalty.hessian_product(w, d))
        return float(slopes @ slopes) + bend

    def _residual(self, w: Array) -> Array:
        return np.asarray(self.objective.raw_predictions(w) - self.objective.targets)

    def _scaled_by(self, parts: Array) -> Any:
        """The objective without penalty, its outputs scaled."""
        self._scaled.change_loss(ScaledSquaredError(parts))
        return self._scaled
