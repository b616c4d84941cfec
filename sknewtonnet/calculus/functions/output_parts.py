"""The modified objective of [G]: half the sum of the squared parts of the outputs."""

from typing import Any

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.pieces.function import SmoothFunction
from sknewtonnet.calculus.pieces.loss import Loss


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


class OutputSquares(SmoothFunction):
    """F = 1/2 sum_o f_o^2, with f = sum_o f_o ([G] eq. 19).

        f_o = 1/S sum_i s_i 1/2 (raw_io - y_io)^2 + penalty / O
        grad F = sum_o f_o grad f_o
        (D2 F)v = sum_o (v'grad f_o) grad f_o + f_o (D2 f_o)v

    Each sum is that of one objective whose outputs are scaled: a gradient costs one pass, a
    curvature d'(D2 F)d a product and one tangent of the raw predictions, a product one more pass.

    Parameters
    ----------
    objective : Objective
        The function f, of squared errors.
    """

    def __init__(self, objective: Any):
        self.objective = objective
        self.n_parameters = objective.n_parameters
        self._weight = objective.sample_weight / objective.weight_sum
        self._share = 1.0 / objective.network.n_outputs
        self._factors, self._scaled = np.empty(0), None

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

    def hessian_product(self, w: Array, v: Array, kind: str = "exact") -> Array:
        """Hessian of F times vectors."""
        if v.ndim == 2:
            return np.stack([self.hessian_product(w, column, kind) for column in v.T], axis=1)
        slopes, parts, penalty = self._slopes(w, v), self.parts(w), self.objective.penalty
        product = self._scaled_by(parts).hessian_product(w, v, kind)
        product += self._share * parts.sum() * penalty.hessian_product(w, v)
        product += self._scaled_by(slopes).gradient(w)
        product += self._share * slopes.sum() * penalty.gradient(w)
        return np.asarray(product)

    def curvature(self, w: Array, d: Array) -> float:
        """Second derivative along d."""
        slopes, parts = self._slopes(w, d), self.parts(w)
        bend = float(d @ self._scaled_by(parts).hessian_product(w, d))
        of_penalty = float(d @ self.objective.penalty.hessian_product(w, d))
        bend += self._share * parts.sum() * of_penalty
        return float(slopes @ slopes) + bend

    def _slopes(self, w: Array, v: Array) -> Array:
        """Slope v'grad f_o of each part along v."""
        slopes = self._weight @ (self._residual(w) * self.objective.jacobian_product(w, v))
        return np.asarray(slopes + self._share * float(self.objective.penalty.gradient(w) @ v))

    def _residual(self, w: Array) -> Array:
        return np.asarray(self.objective.raw_predictions(w) - self.objective.targets)

    def _scaled_by(self, factors: Array) -> Any:
        """The objective without penalty, its outputs scaled."""
        if self._scaled is None or not np.array_equal(factors, self._factors):
            self._factors = factors
            self._scaled = self.objective.with_loss(ScaledSquaredError(factors))
        return self._scaled
