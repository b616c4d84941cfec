"""The parts that the outputs of a net have in its objective."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.kept_point import FORWARD, KeptPoint
from sknewtonnet.calculus.functions.shared import by_products, many_entries
from sknewtonnet.calculus.passes.chunk import Chunk
from sknewtonnet.calculus.passes.hessian_sums import dense_hessian
from sknewtonnet.calculus.pieces.function import OutputParts
from sknewtonnet.calculus.pieces.loss import Loss
from sknewtonnet.calculus.pieces.memory import check_hessian_memory


class SeparateOutputs(OutputParts):
    """Parts of an objective whose loss is a sum over its outputs.

        c_o(w) = 1/S sum_i s_i loss_o(raw_io, y_io) + penalty(w) / (S O)

    They share the kept point of the objective. A Jacobian costs O adjoint passes, a product with
    sum_o factors_o D2 c_o one adjoint pass beside what a product of the objective does.

    Parameters
    ----------
    objective : Objective
        The function f.
    kept : KeptPoint
        Its current point.
    """

    def __init__(self, objective: Any, kept: KeptPoint):
        self.objective, self._kept = objective, kept
        self.n_parts = objective.network.n_outputs

    def values(self, w: Array) -> Array:
        """See :meth:`OutputParts.values`."""
        kept = self._kept
        kept.reach(w, FORWARD)
        parts = np.full(self.n_parts, kept.penalty.value(kept.w) / self.n_parts)
        with np.errstate(over="ignore", invalid="ignore"):
            for chunk in kept.chunks:
                losses = self.objective.loss.by_output(chunk.y, chunk.raw.T)
                parts += chunk.weighed(losses.T).sum(axis=1)
        return np.where(np.isnan(parts), np.inf, parts)

    def jacobian(self, w: Array) -> Array:
        """See :meth:`OutputParts.jacobian`."""
        kept, network, size = self._kept, self.objective.network, self.n_parts
        kept.reach(w, FORWARD)
        full = np.zeros((size, network.layout.n_full))
        with np.errstate(over="ignore", invalid="ignore"):
            for chunk in kept.chunks:
                layers = chunk.layers_at(kept.weights)
                seeds = np.zeros((size, *chunk.delta[-1].shape))
                seeds[range(size), range(size)] = chunk.delta[-1]
                deltas = chunk.backward(layers, seeds)
                for out, layer, delta in zip(network.by_layer(full), layers, deltas, strict=True):
                    out += layer.gradient(delta)
        return network.layout.pull_back(full.T).T + kept.penalty.gradient(kept.w) / size

    def hessian(self, w: Array, factors: Array) -> Array:
        """See :meth:`OutputParts.hessian`."""
        kept, network = self._kept, self.objective.network
        if many_entries(network.layout):
            return by_products(
                network, lambda directions: self.hessian_product(w, directions, factors)
            )
        check_hessian_memory(network.layout.n_full)
        chunks = self._scaled(w, factors)
        workspace = kept.chunks[0].workspace
        graph = network._graph
        H = dense_hessian(graph, kept.weights, chunks, workspace, gauss_newton=False)
        H = network.layout.pull_back_matrix(H)
        return H + factors.sum() / self.n_parts * kept.penalty.hessian(kept.w)

    def hessian_product(self, w: Array, v: Array, factors: Array) -> Array:
        """See :meth:`OutputParts.hessian_product`."""
        kept, network = self._kept, self.objective.network
        chunks = self._scaled(w, factors)
        along = network.layout.expand(v)
        result = np.zeros(along.T.shape)
        for chunk in chunks:
            out, direction = (network.by_layer(np.ascontiguousarray(x)) for x in (result, along.T))
            chunk.product(chunk.layers_at(kept.weights), direction, out, False)
        product = network.layout.pull_back(result.T)
        share = factors.sum() / self.n_parts
        return np.asarray(product + share * kept.penalty.hessian_product(kept.w, v))

    def _scaled(self, w: Array, factors: Array) -> list[Chunk]:
        """The chunks as if the loss of each output had a factor."""
        kept, scaled = self._kept, []
        kept.reach(w, FORWARD)
        factors = factors.astype(kept.chunks[0].dtype, copy=False)
        for chunk in kept.chunks:
            layers, other = chunk.layers_at(kept.weights), copy(chunk)
            other.delta = chunk.backward(layers, factors[:, None] * chunk.delta[-1])
            other.bend = []  # new arrays, for those of the chunk are kept
            other.second_order(layers, self.objective.loss)
            other.loss_model = factors[:, None] * other.loss_model
            other.loss_hessian = factors[:, None] * other.loss_hessian
            if other.output_bend is not None:
                other.output_bend = factors[:, None] * other.output_bend
            scaled.append(other)
        return scaled


class EmbeddedParts(OutputParts):
    """Parts of a function g(u) = f(A u + t), from those of f.

    Parameters
    ----------
    parts : OutputParts
        Those of f.
    expand, push, pull : callable
        u to A u + t, v to A v, and a gradient (or several, as columns) to A' times it.
    """

    def __init__(
        self,
        parts: OutputParts,
        expand: Callable[[Array], Array],
        push: Callable[[Array], Array],
        pull: Callable[[Array], Array],
    ):
        self.parts, self.n_parts = parts, parts.n_parts
        self._expand, self._push, self._pull = expand, push, pull

    def values(self, w: Array) -> Array:
        """See :meth:`OutputParts.values`."""
        return self.parts.values(self._expand(w))

    def jacobian(self, w: Array) -> Array:
        """See :meth:`OutputParts.jacobian`."""
        return self._pull(self.parts.jacobian(self._expand(w)).T).T

    def hessian(self, w: Array, factors: Array) -> Array:
        """See :meth:`OutputParts.hessian`."""
        return self._pull(self._pull(self.parts.hessian(self._expand(w), factors)).T)

    def hessian_product(self, w: Array, v: Array, factors: Array) -> Array:
        """See :meth:`OutputParts.hessian_product`."""
        return self._pull(self.parts.hessian_product(self._expand(w), self._push(v), factors))


def splits(loss: Loss, y: Array) -> bool:
    """Whether a loss is a sum over outputs, with one term for each.

    Parameters
    ----------
    loss : Loss
        The loss.
    y : ndarray of shape (n_samples, n_outputs)
        Targets, of which some are tried.

    Returns
    -------
    bool

    Raises
    ------
    ValueError
        If outputs do not interact, but ``by_output`` is not the loss.
    """
    y = y[:3]
    raw = 0.1 + 0.05 * np.arange(y.size, dtype=float).reshape(y.shape)
    value, _, hessian = loss.derivatives(y, raw, 2)
    if hessian.ndim == 3:
        return False
    by_output = loss.by_output(y, raw)
    if by_output.shape != y.shape or not np.allclose(by_output.sum(axis=1), value, rtol=1e-8):
        raise ValueError(
            f"the loss {loss.name} has a Hessian of outputs that do not interact, but the rows of "
            "by_output do not sum to its value: override Loss.by_output."
        )
    return True
