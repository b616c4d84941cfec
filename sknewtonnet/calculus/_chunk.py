"""One chunk of samples at one point: forward pass, adjoint pass, products.

Notation of the formulas, per layer k: z input with a row of ones, a pre-activation,
x = h(a), delta = d f / d a, e = d f / d x, T = d a / d (offset of another layer).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sknewtonnet.calculus.layers import Wiring
from sknewtonnet.calculus.losses import Loss

Array = NDArray[np.float64]


_NO_SAMPLES: Array = np.empty(0)


def transposed(stack: Array) -> Array:
    """Transpose of a matrix, or of each matrix in a stack."""
    return np.swapaxes(stack, -1, -2)


class Chunk:
    """Samples of one chunk, with all that is known about them at the current parameters.

    The arrays are allocated once and overwritten at each new point: fresh pages would
    cost as much as the arithmetic.

    Parameters
    ----------
    wiring : Wiring
        The graph of the layers.
    X : ndarray of shape (n_samples, n_features)
        Samples of this chunk.
    y : ndarray of shape (n_samples, n_outputs), optional
        Targets; not needed for predictions.
    weight : ndarray of shape (n_samples,), optional
        Sample weights divided by their sum over all chunks; not needed for predictions.
    """

    def __init__(
        self, wiring: Wiring, X: Array, y: Array = _NO_SAMPLES, weight: Array = _NO_SAMPLES
    ):
        self.wiring = wiring
        self.n_samples = c = len(X)
        self.y = y
        self.weight = weight
        self.absent = weight == 0 if (weight == 0).any() else None
        self.z = [np.ones((p + 1, c)) for p in wiring.n_inputs]
        for k, rows in wiring.readers[0]:
            self.z[k][rows] = X.T
        self.a = [np.empty((s, c)) for s in wiring.n_units]
        self.e = [np.empty((s, c)) for s in wiring.n_units[:-1]]
        self.slope: list[Array] = []
        self.delta: list[Array] = []
        self.bend: list[Array] = []
        self.loss_hessian: Array = np.empty(0)

    @property
    def raw(self) -> Array:
        """Raw predictions, of shape (n_outputs, n_samples)."""
        return self.a[-1]

    def forward(self, weights: Sequence[Array], order: int = 1) -> None:
        """Raw predictions, and the slopes h'(a) of the hidden layers if order is 1."""
        wiring = self.wiring
        self.slope = []
        last = len(weights) - 1
        for k, matrix in enumerate(weights):
            np.matmul(matrix.T, self.z[k], out=self.a[k])
            if k < last:
                found = wiring.layers[k].activation.derivatives(self.a[k], order)
                if order > 0:
                    self.slope.append(found[1])
                for reader, rows in wiring.readers[k + 1]:
                    self.z[reader][rows] = found[0]

    def loss_value(self, loss: Loss) -> float:
        """Weighted sum of the losses; leaves its gradient as the last layer's delta."""
        value, gradient = loss.derivatives(self.y, self.raw.T, 1)
        self.delta = [self._weigh(gradient.T)]
        return float(self._weigh(value).sum())

    def adjoint(self, weights: Sequence[Array]) -> None:
        """Multipliers e and delta of all layers, from the delta of the last one ([I] eq. 7).

        e^k = sum over readers l of W^l[rows of k] delta^l,  delta^k = e^k * h'(a^k).
        """
        self.delta = self.backward(weights, self.delta[-1], self.e)

    def backward(
        self, weights: Sequence[Array], seed: Array, e_out: Sequence[Array] | None = None
    ) -> list[Array]:
        """Deltas of all layers for any seed at the raw predictions.

        Parameters
        ----------
        weights : list of ndarray of shape (p_k + 1, s_k)
            Parameters of the current point.
        seed : ndarray of shape (..., n_outputs, n_samples)
            One adjoint direction, or a stack of them.
        e_out : list of ndarray, default=None
            Where to leave e, for a single direction.

        Returns
        -------
        list of ndarray of shape (..., s_k, n_samples)
        """
        deltas = [seed]
        last = len(weights) - 1
        for k in range(last - 1, -1, -1):
            e: Array | None = None
            for reader, rows in self.wiring.readers[k + 1]:
                # deltas[0] belongs to layer k + 1
                upper, matrix = deltas[reader - k - 1], weights[reader][rows]
                out = None if e_out is None or e is not None else e_out[k]
                part = _weighted(matrix, upper, out)
                e = part if e is None else np.add(e, part, out=e)
            assert e is not None, "every hidden layer is read by a later one"
            deltas.insert(0, e * self.slope[k])
        return deltas

    def gradient(self, out: Sequence[Array], buffers: Sequence[Array] | None) -> None:
        """Add z delta' of each layer to out; without buffers, put it there instead."""
        for k, delta in enumerate(self.delta):
            if buffers is None:
                np.matmul(self.z[k], delta.T, out=out[k])
            else:
                out[k] += np.matmul(self.z[k], delta.T, out=buffers[k])

    def second_order(self, loss: Loss) -> None:
        """Curvature e * h''(a) of the units, and the weighted Hessian of the loss."""
        self.bend = [
            np.multiply(e, layer.activation.derivatives(a, 2)[2], out=e)
            for e, a, layer in zip(self.e, self.a[:-1], self.wiring.layers[:-1], strict=True)
        ]
        hessian = loss.derivatives(self.y, self.raw.T, 2)[2]
        self.loss_hessian = self._weigh(np.moveaxis(hessian, 0, -1))

    def _weigh(self, values: Array) -> Array:
        """Values times weights, also where a sample of weight zero has an infinite value."""
        weighed = np.multiply(values, self.weight, order="C")
        if self.absent is not None:
            weighed[..., self.absent] = 0.0
        return weighed

    def loss_curvature(self, tangent: Array) -> Array:
        """Hessian of the loss times tangents of the raw predictions."""
        if self.loss_hessian.ndim == 2:
            return self.loss_hessian * tangent
        return np.einsum("opi,...pi->...oi", self.loss_hessian, tangent)

    def product(
        self,
        weights: Sequence[Array],
        direction: Sequence[Array],
        out: Sequence[Array],
        gauss_newton: bool,
    ) -> None:
        """Add Hessian times direction to out (MATHEMATICS 3.2).

        R denotes the derivative along the direction V, and x^q a hidden source of layer k:

            Ra^k = V^k' z^k + sum_q W^k[rows of q]' Rx^q,          Rx^k = h' Ra^k
            Rdelta^k = h' sum_l (W^l Rdelta^l + V^l delta^l) + e h'' Ra^k
            HV^k = z^k Rdelta^k' + Rz^k delta^k'

        where Gauss-Newton drops V^l delta^l, e h'' Ra^k and Rz^k delta^k'.

        Parameters
        ----------
        weights : list of ndarray of shape (p_k + 1, s_k)
            Parameters of the current point.
        direction : list of ndarray of shape (..., p_k + 1, s_k)
            One direction, or a stack of them.
        out : list of ndarray of the shapes of ``direction``
            Where to add.
        gauss_newton : bool
            Which of the two matrices to multiply with.
        """
        wiring = self.wiring
        last = len(weights) - 1
        tangent_a: list[Array] = []
        tangent_x: list[Array] = []
        for k in range(last + 1):
            tangent = np.matmul(transposed(direction[k]), self.z[k])
            for node, rows in wiring.hidden_sources(k):
                tangent += np.matmul(weights[k][rows].T, tangent_x[node - 1])
            tangent_a.append(tangent)
            if k < last:
                tangent_x.append(tangent * self.slope[k])
        tangent_delta = [self.loss_curvature(tangent_a[last])]
        for k in range(last, -1, -1):
            current = tangent_delta[0]
            out[k][...] += np.matmul(self.z[k], transposed(current))
            if not gauss_newton:
                for node, rows in wiring.hidden_sources(k):
                    out[k][..., rows, :] += np.matmul(tangent_x[node - 1], self.delta[k].T)
            if k > 0:
                below = self._tangent_e(k - 1, weights, direction, tangent_delta, gauss_newton)
                below *= self.slope[k - 1]
                if not gauss_newton:
                    bent = tangent_a[k - 1]
                    bent *= self.bend[k - 1]
                    below += bent
                tangent_delta.insert(0, below)

    def _tangent_e(
        self,
        k: int,
        weights: Sequence[Array],
        direction: Sequence[Array],
        tangent_delta: Sequence[Array],
        gauss_newton: bool,
    ) -> Array:
        """Re^k; ``tangent_delta[0]`` belongs to layer k + 1."""
        total: Array | None = None
        for reader, rows in self.wiring.readers[k + 1]:
            part = _weighted(weights[reader][rows], tangent_delta[reader - k - 1])
            total = part if total is None else np.add(total, part, out=total)
            if not gauss_newton:
                total += _weighted(direction[reader][..., rows, :], self.delta[reader])
        assert total is not None, "every hidden layer is read by a later one"
        return total


def _weighted(matrix: Array, columns: Array, out: Array | None = None) -> Array:
    """Return matrix @ columns; a single column is a broadcast product, which is faster."""
    if matrix.shape[-1] == 1:
        return np.multiply(matrix, columns, out=out)
    return np.matmul(matrix, columns, out=out)
