"""The current point of an objective, and what is known there."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.functions.output_layer import ConvexOutput, LeastSquaresOutput
from sknewtonnet.calculus.functions.output_sums import ChunkSums
from sknewtonnet.calculus.passes.chunk import Chunk
from sknewtonnet.calculus.pieces.loss import Loss
from sknewtonnet.calculus.pieces.penalties import PenaltySum
from sknewtonnet.calculus.pieces.validation import real_array

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
        Its layers.
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
        several = len(chunks) > 1
        self._buffers = network.by_layer(np.empty(network.layout.n_full)) if several else None

    def reach(self, w: ArrayLike, stage: int) -> None:
        """Go to a point, and know at least what a stage stands for."""
        self._place(w)
        if self._stage >= stage:
            return
        # Solvers probe far points on purpose: an overflow there makes f infinite, no warning.
        with np.errstate(over="ignore", invalid="ignore"):
            self._run(stage)
        self._stage = stage

    def reach_solved(self, w: ArrayLike, output: LeastSquaresOutput | ConvexOutput) -> Array:
        """Go to where the output layer suits the other parameters of w best; return that."""
        with np.errstate(over="ignore", invalid="ignore"):
            sums = self.output_sums(w)
            full = self.network.layout.expand(self.w).copy()
            self.weights = self.network.by_layer(full)
            self.weights[-1][...] = output.solve(sums)
            self.w = self.network.layout.restrict(full)
            self.value = self.penalty.value(self.w)
            for chunk in self.chunks:
                chunk.forward_output(chunk.last_layer_at(self.weights))
                self.value += chunk.loss_value(self.loss)
        self._stage = FORWARD
        return self.w.copy()

    def output_sums(self, w: ArrayLike) -> ChunkSums:
        """Go to the hidden layers of w; what the problem of the last layer is made of there."""
        self._place(w)
        if self._stage < FORWARD:
            for chunk in self.chunks:
                chunk.forward_hidden(chunk.layers_at(self.weights))
        if self._output_sums is None:
            self._output_sums = ChunkSums(self.chunks, self.loss)
        return self._output_sums

    def _place(self, w: ArrayLike) -> None:
        vector = real_array("w", w)
        if vector.shape != self.w.shape:
            raise ValueError(f"w must have shape {self.w.shape}, got {vector.shape}.")
        if self._stage == NOTHING or not np.array_equal(vector, self.w):
            self._stage = NOTHING
            self.w = vector.copy()
            self.weights = self.network.matrices(self.w)

    def _run(self, stage: int) -> None:
        """All passes that are missing up to a stage, and the sums over the chunks."""
        total = self.penalty.value(self.w) if self._stage == NOTHING else self.value
        new_gradient = self._stage < ADJOINT <= stage
        full = np.zeros(self.network.layout.n_full if new_gradient else 0)
        out = self.network.by_layer(full) if new_gradient else []
        for chunk in self.chunks:
            total += self._run_over(chunk, stage, out)
        self.value = np.inf if np.isnan(total) else total  # infinities met, far out
        if new_gradient:
            self.gradient = self.network.layout.pull_back(full)
            self.gradient += self.penalty.gradient(self.w)

    def _run_over(self, chunk: Chunk, stage: int, out: Sequence[Array]) -> float:
        """The missing passes over one chunk; its part of the loss, if that is new.

        The layers at the point end with this call, before those of the next chunk are made.
        """
        layers, value = chunk.layers_at(self.weights), 0.0
        if self._stage < FORWARD <= stage:
            chunk.forward(layers)
            value = chunk.loss_value(self.loss)
        if self._stage < ADJOINT <= stage:
            chunk.adjoint(layers)
            chunk.gradient(layers, out, self._buffers)
        if self._stage < SECOND <= stage:
            chunk.second_order(layers, self.loss)
        return value
