"""The current point of an objective, and what is known there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.functions.output_layer import ConvexOutput, LeastSquaresOutput
from sknewtonnet.calculus.functions.output_sums import ChunkSums
from sknewtonnet.calculus.passes.chunk import Chunk
from sknewtonnet.calculus.passes.shared_samples import cost_of_gradient, in_order, summed
from sknewtonnet.calculus.pieces.function import may_overflow
from sknewtonnet.calculus.pieces.loss import Loss
from sknewtonnet.calculus.pieces.penalties import PenaltySum
from sknewtonnet.calculus.pieces.validation import real_array, same_point

# What is known about the point, each stage standing on the one before.
NOTHING, FORWARD, ADJOINT, SECOND = range(4)


class KeptPoint:
    """A point w with its value, gradient and the passes that later calls build on.

    Parameters
    ----------
    network : Network
        The net.
    loss : Loss
        The loss.
    penalty : PenaltySum
        The penalties.
    chunks : list of Chunk
        The data, with what is known about each sample.

    Attributes
    ----------
    w : ndarray of shape (n_parameters,)
        The point.
    weights : list of ndarray of shape (t_k, s_k)
        Its layers, in the precision of the passes.
    value, gradient
        The objective there, and its gradient; valid from FORWARD and ADJOINT on.
    """

    def __init__(self, network: Network, loss: Loss, penalty: PenaltySum, chunks: Sequence[Chunk]):
        self.network, self.loss, self.penalty, self.chunks = network, loss, penalty, chunks
        self.w = np.full(network.n_parameters, np.nan)
        self.weights: list[Array] = []
        self.value = np.nan
        self.gradient = np.empty(0)
        self._stage = NOTHING
        self._output_sums: ChunkSums | None = None
        # About the multiplications of the passes up to each stage.
        n_samples = sum(chunk.n_samples for chunk in chunks)
        whole = cost_of_gradient(network._graph, n_samples)
        self._costs = (0.0, whole / 3.0, whole, 1.2 * whole)

    def reach(self, w: ArrayLike, stage: int) -> None:
        """Go to a point, and know at least what a stage stands for."""
        self._place(w)
        if self._stage >= stage:
            return
        self._run(stage)
        self._stage = stage

    @may_overflow
    def reach_solved(self, w: ArrayLike, output: LeastSquaresOutput | ConvexOutput) -> Array:
        """Go to where the output layer suits the other parameters of w best; return that."""
        sums = self.output_sums(w)
        self._stage = NOTHING  # an interrupt leaves no half of a point
        full = self.network.layout.expand(self.w).copy()
        weights = self.network.by_layer(full)
        weights[-1][...] = output.solve(sums)
        self.weights = self._rounded(weights)
        self.w = self.network.layout.restrict(full)
        cost = self._costs[FORWARD]
        (value,) = summed(self.chunks, self._output_value, cost=cost)
        self.value = self.penalty.value(self.w) + value
        self._stage = FORWARD
        return self.w.copy()

    def output_sums(self, w: ArrayLike) -> ChunkSums:
        """Go to the hidden layers of w; what the problem of the last layer is made of there."""
        self._place(w)
        if self._stage < FORWARD:
            in_order(self.chunks, self._forward_hidden, cost=self._costs[FORWARD])
        if self._output_sums is None:
            self._output_sums = ChunkSums(self.chunks, self.loss)
        return self._output_sums

    def product(self, along: Array, groups: Sequence[slice], gauss_newton: bool) -> Array:
        """Hessian of the loss, or its Gauss-Newton part, times full vectors, after SECOND.

        Parameters
        ----------
        along : ndarray of shape (n_full,) or (r, n_full)
            Directions, in contiguous rows.
        groups : sequence of slice
            Those of them that go together.
        gauss_newton : bool
            Which of the two matrices.

        Returns
        -------
        ndarray of the shape of ``along``
        """

        def product_over(chunk: Chunk) -> list[Array]:
            layers, part = chunk.layers_at(self.weights), np.zeros(along.shape)
            for some in groups:
                out, direction = map(self.network.by_layer, (part[some], along[some]))
                chunk.product(layers, direction, out, gauss_newton)
            return [part]

        n_directions = along.size / along.shape[-1]
        cost = n_directions * self._costs[ADJOINT]
        return np.asarray(summed(self.chunks, product_over, cost=cost)[0])

    def per_sample(self, n_seeds: int, seed: Callable[[Chunk], Array]) -> Array:
        """Products of z and delta of every sample, after FORWARD.

        Parameters
        ----------
        n_seeds : int
            The number m of adjoints of each sample.
        seed : callable
            From a chunk to its adjoints of the raw predictions, of shape (m, n_outputs, c).

        Returns
        -------
        ndarray of shape (n_samples, m, n_parameters)
        """
        layout = self.network.layout
        ends = np.cumsum([0, *(chunk.n_samples for chunk in self.chunks)]).tolist()
        found = np.empty((ends[-1], n_seeds, layout.n_parameters))

        def rows_over(piece: tuple[Chunk, int]) -> None:
            chunk, start = piece
            out = found[start : start + chunk.n_samples]
            full = out if layout.free is None else np.empty((*out.shape[:2], layout.n_full))
            chunk.per_sample(chunk.layers_at(self.weights), seed(chunk), full)
            if full is not out:
                out[...] = layout.pull_back(full, axis=-1)

        pieces = list(zip(self.chunks, ends[:-1], strict=True))
        in_order(pieces, rows_over, cost=n_seeds * self._costs[ADJOINT])
        return found

    def _place(self, w: ArrayLike) -> None:
        vector = real_array("w", w)
        if vector.shape != self.w.shape:
            raise ValueError(f"w must have shape {self.w.shape}, got {vector.shape}.")
        if self._stage == NOTHING or not same_point(vector, self.w):
            self._stage = NOTHING
            self.w = vector.copy()
            self.weights = self._rounded(self.network.matrices(self.w))

    def _rounded(self, weights: list[Array]) -> list[Array]:
        dtype = self.chunks[0].dtype
        if dtype == np.float64:
            return weights
        with np.errstate(over="ignore"):  # infinite, far out
            return [layer.astype(dtype) for layer in weights]

    @may_overflow
    def _run(self, stage: int) -> None:
        """All passes that are missing up to a stage, and the sums over the chunks."""
        total = self.penalty.value(self.w) if self._stage == NOTHING else self.value
        full: Array | None = None

        def take(found: tuple[float, Array | None]) -> None:
            nonlocal total, full
            value, gradient = found
            total += value
            if gradient is None:
                return
            if full is None:
                full = gradient.astype(float, copy=False)
            else:
                full += gradient

        cost = self._costs[stage] - self._costs[self._stage]
        in_order(self.chunks, lambda chunk: self._run_over(chunk, stage), take, cost=cost)
        self.value = np.inf if np.isnan(total) else total  # infinities met, far out
        if full is not None:
            self.gradient = self.network.layout.pull_back(full)
            self.gradient += self.penalty.gradient(self.w)

    def _forward_hidden(self, chunk: Chunk) -> None:
        chunk.forward_hidden(chunk.layers_at(self.weights))

    def _output_value(self, chunk: Chunk) -> list[float]:
        chunk.forward_output(chunk.last_layer_at(self.weights))
        return [chunk.loss_value(self.loss)]

    def _run_over(self, chunk: Chunk, stage: int) -> tuple[float, Array | None]:
        """The missing passes over one chunk; its parts of loss and gradient, if they are new.

        The layers at the point end with this call, before those of the next chunk are made.
        """
        layers, value, gradient = chunk.layers_at(self.weights), 0.0, None
        if self._stage < FORWARD <= stage:
            chunk.forward(layers)
            value = chunk.loss_value(self.loss)
        if self._stage < ADJOINT <= stage:
            chunk.adjoint(layers)
            gradient = np.empty(self.network.layout.n_full, chunk.dtype)
            chunk.gradient(layers, self.network.by_layer(gradient))
        if self._stage < SECOND <= stage:
            chunk.second_order(layers, self.loss)
        return value, gradient
