"""Sums over the rows that the problem of a last layer is made of, for the layers before it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.passes.chunk import Chunk
from sknewtonnet.calculus.passes.shared_samples import summed
from sknewtonnet.calculus.pieces.loss import Loss

# About what the loss of an output costs, in multiplications.
_LOSS = 100


class OutputSums(ABC):
    """Sums over the rows with z_i, the inputs of the last layer at some point, held fast.

    They are of the loss alone, weighted and divided by the sum of the weights.
    """

    @abstractmethod
    def gram(self) -> tuple[Array, Array]:
        """The sums of a ridge regression on z.

        Returns
        -------
        gram : ndarray of shape (t, t)
            Of z z'.
        right : ndarray of shape (t, n_outputs)
            Of z (y - offset)'.
        """

    @abstractmethod
    def value(self, V: Array) -> float:
        """The loss of an output layer.

        Parameters
        ----------
        V : ndarray of shape (t, n_outputs)
            Its parameters.

        Returns
        -------
        float
        """

    @abstractmethod
    def derivatives(self, V: Array) -> tuple[Array, Array]:
        """First and second derivatives of the loss in V.

        Parameters
        ----------
        V : ndarray of shape (t, n_outputs)
            The parameters of the output layer.

        Returns
        -------
        gradient : ndarray of shape (t, n_outputs)
            The first.
        hessian : ndarray of shape (t, n_outputs, t, n_outputs)
            The second.
        """


class ChunkSums(OutputSums):
    """Those of chunks of samples, after their passes through the hidden layers.

    Parameters
    ----------
    chunks : sequence of Chunk
        The samples; their weights are those of the objective.
    loss : Loss
        The loss.
    """

    def __init__(self, chunks: Sequence[Chunk], loss: Loss):
        self._chunks, self._loss = chunks, loss
        self._targets: list[Array] = []
        self._equal = [bool((chunk.weight == chunk.weight[0]).all()) for chunk in chunks]

    def gram(self) -> tuple[Array, Array]:
        """See :meth:`OutputSums.gram`; about n t^2 flops."""
        if not self._targets:
            self._targets = [
                chunk.weighed(chunk.y.T if chunk.offset is None else chunk.y.T - chunk.offset).T
                for chunk in self._chunks
            ]

        def gram_over(piece: tuple[Chunk, Array, bool]) -> tuple[Array, Array]:
            chunk, targets, equal = piece
            z = _inputs(chunk)
            gram = chunk.weight[0] * np.dot(z, z.T) if equal else np.dot(chunk.weighed(z), z.T)
            return gram, np.dot(z, targets)

        pieces = list(zip(self._chunks, self._targets, self._equal, strict=True))
        gram, right = summed(pieces, gram_over, cost=0.5 * self._squares())
        return gram, right

    def value(self, V: Array) -> float:
        """See :meth:`OutputSums.value`."""

        def value_over(chunk: Chunk) -> list[float]:
            value = self._loss.derivatives(chunk.y, _raw(chunk, V), 0)[0]
            return [float(chunk.weighed(value).sum())]

        return float(summed(self._chunks, value_over, cost=self._values(V))[0])

    def derivatives(self, V: Array) -> tuple[Array, Array]:
        """See :meth:`OutputSums.derivatives`; about n t^2 m^2 flops."""
        t, m = V.shape

        def derivatives_over(chunk: Chunk) -> tuple[Array, Array]:
            z, H = _inputs(chunk), np.zeros((t, m, t, m))
            _, slope, bend = self._loss.derivatives(chunk.y, _raw(chunk, V), 2)
            for o in range(m):
                for p in range(m) if bend.ndim == 3 else (o,):
                    curvature = bend[:, o, p] if bend.ndim == 3 else bend[:, o]
                    H[:, o, :, p] += np.dot(z * chunk.weighed(curvature), z.T)
            return np.dot(z, chunk.weighed(slope.T).T), H

        cost = self._values(V) + m**2 * self._squares()
        gradient, H = summed(self._chunks, derivatives_over, cost=cost)
        return gradient, H

    def _squares(self) -> float:
        """Multiplications of a sum of z z'."""
        return float(sum(chunk.z[-1].size for chunk in self._chunks) * len(self._chunks[0].z[-1]))

    def _values(self, V: Array) -> float:
        """About those of the losses."""
        return float(
            sum(chunk.n_samples for chunk in self._chunks) * (V.size + _LOSS * V.shape[1])
        )


def _inputs(chunk: Chunk) -> Array:
    """The inputs z of the output layer, in double precision: normal equations need its digits."""
    return chunk.z[-1].astype(float, copy=False)


def _raw(chunk: Chunk, V: Array) -> Array:
    """Raw predictions of an output layer."""
    raw = _inputs(chunk).T @ V
    return raw if chunk.offset is None else raw + chunk.offset.T
