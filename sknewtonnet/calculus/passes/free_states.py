"""Layers whose states are variables of their own, no functions of the parameters ([I] eq. 5, 6).

With states x^k and multipliers E^k of all hidden and output units free, every layer stands alone:

    L = f(x^m) + sum_k <E^k, x^k - h^k(a^k)>,     a^k = p^k(z^k; theta^k),  z^k of free states

so each derivative is that of one layer, with delta^k = -E^k h'(a^k) and bend^k = -E^k h''(a^k) in
the places that they have in the passes over a chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.passes.graph import Graph
from sknewtonnet.calculus.pieces.activations import Activation


class FreeStates:
    """All layers of a net at parameters, states and multipliers that are independent.

    Parameters
    ----------
    graph : Graph
        The graph of the layers.
    weights : list of ndarray of shape (t_k, s_k)
        Parameters.
    X : ndarray of shape (n_samples, n_features)
        Samples.
    states, multipliers : list of ndarray of shape (n_samples, s_k)
        x^k and E^k of all layers; the last states are outputs, behind their activation.
    functions : list of Activation
        h^k of each layer.
    offset : ndarray of shape (n_samples, n_outputs), or None
        Known terms of the raw predictions, before their activation.
    """

    def __init__(
        self,
        graph: Graph,
        weights: Sequence[Array],
        X: Array,
        states: Sequence[Array],
        multipliers: Sequence[Array],
        functions: Sequence[Activation],
        offset: Array | None = None,
    ):
        self.graph, self.weights, self.offset = graph, weights, offset
        self.functions = functions
        self.states = [np.ascontiguousarray(state.T) for state in states]
        self.multipliers = [np.ascontiguousarray(e.T) for e in multipliers]
        self.n_samples = len(X)
        nodes = [X.T, *self.states]
        ones = np.ones((1, self.n_samples))
        self.z = [
            np.vstack([*(nodes[node] for node, _ in sources), ones]) for sources in graph.sources
        ]
        self.layers = graph.layers_at(weights, self.z, fast=False)

    @cached_property
    def pre_activations(self) -> list[Array]:
        """The a^k, of shape (s_k, n); the last ones with the offset."""
        found = [
            layer.value(np.empty((s, self.n_samples)))
            for layer, s in zip(self.layers, self.graph.n_units, strict=True)
        ]
        if self.offset is not None:
            found[-1] += self.offset.T
        return found

    def activations(self, order: int) -> list[Array]:
        """Derivatives h^(p)(a^k) of that order, [I]'s X^k(p) (eq. 2), of shape (s_k, n)."""
        pairs = zip(self.functions, self.pre_activations, strict=True)
        return [function.derivatives(a, order)[order] for function, a in pairs]

    @cached_property
    def slopes(self) -> list[Array]:
        """The h'(a^k)."""
        return self.activations(1)

    @cached_property
    def deltas(self) -> list[Array]:
        """The -E^k h'(a^k)."""
        return [-e * slope for e, slope in zip(self.multipliers, self.slopes, strict=True)]

    @cached_property
    def bends(self) -> list[Array]:
        """The -E^k h''(a^k)."""
        return [-e * h for e, h in zip(self.multipliers, self.activations(2), strict=True)]

    def gaps(self) -> list[Array]:
        """What the propagation equations are off by, x^k - h^k(a^k), of shape (s_k, n)."""
        return [x - h for x, h in zip(self.states, self.activations(0), strict=True)]

    def gradient(self, out: Sequence[Array]) -> list[Array]:
        """Derivatives in the parameters, written to out, and in the states, (s_k, n).

        Those of sum_k <E^k, gaps>: [I] eq. 9 without the penalty, eq. 7 and 8 without the loss.
        """
        found = [e.copy() for e in self.multipliers]
        for k, (layer, delta) in enumerate(zip(self.layers, self.deltas, strict=True)):
            out[k][...] = layer.gradient(delta)
            for node, rows in self.graph.hidden_sources(k):
                found[node - 1] += layer.pull_back(rows, delta)
        return found

    def product(
        self,
        direction: Sequence[Array],
        states: Sequence[Array],
        multipliers: Sequence[Array],
        out: Sequence[Array],
    ) -> tuple[list[Array], list[Array]]:
        """Change of the gradient along directions (r, t_k, s_k), (r, s_k, n), (r, s_k, n).

        That in the parameters is written to out; those in states and multipliers are returned.
        """
        moved = [e.copy() for e in multipliers]
        gaps = []
        for k, layer in enumerate(self.layers):
            along = [(rows, states[node - 1]) for node, rows in self.graph.hidden_sources(k)]
            tangent = layer.tangent(direction[k])
            for rows, source in along:
                tangent = tangent + layer.input_tangent(rows, source)
            gaps.append(states[k] - self.slopes[k] * tangent)
            change = self.bends[k] * tangent - multipliers[k] * self.slopes[k]
            out[k][...] = layer.gradient(change)
            layer.add_gradient_along(out[k], self.deltas[k], direction[k], along)
            for node, rows in self.graph.hidden_sources(k):
                moved[node - 1] += layer.pull_back(rows, change)
                moved[node - 1] += layer.pull_back_along(rows, self.deltas[k], direction[k], along)
        return moved, gaps

    def curvature(self) -> sparse.csr_array:
        """Second derivatives of sum_k <E^k, gaps> in full parameters and states.

        Of (parameters, states of the first sample, of the second, ...): a block for each unit's
        parameters ([I] eq. 10), for each sample blocks of them with the states that the unit
        reads, and of the states that a layer reads.
        """
        entries, places = Triplets(), self.places()
        for k, layer in enumerate(self.graph.layers):
            theta, z, delta = self.weights[k], self.z[k][:-1], self.deltas[k]
            in_z, in_theta = layer.slopes(theta, z)
            curved = in_theta * self.bends[k][:, None]
            own = np.matmul(curved, in_theta.swapaxes(1, 2))
            own += layer.curvature_parameters(theta, z, delta)
            mine = self._of_units(k)
            entries.add(own, mine[:, :, None], mine[:, None])
            sources = self.graph.hidden_sources(k)
            if not sources:
                continue
            mixed = layer.curvature_mixed(theta, z, delta)
            mixed = mixed + curved[:, :, None] * in_z[:, None]
            between = layer.curvature_inputs(theta, z, delta)
            between = between + np.einsum("jpi,jqi,ji->pqi", in_z, in_z, self.bends[k])
            for node, rows in sources:
                there = places[node - 1]
                entries.add_both(mixed[:, :, rows], mine[:, :, None, None], there)
                for other, columns in sources:
                    far = places[other - 1]
                    entries.add(between[rows][:, columns], there[:, None], far[None])
        return entries.matrix(self.size, self.size)

    def jacobian(self) -> sparse.csr_array:
        """Derivatives of the gaps, ordered as the states, in full parameters and states."""
        entries, places = Triplets(), self.places()
        for k, layer in enumerate(self.graph.layers):
            in_z, in_theta = layer.slopes(self.weights[k], self.z[k][:-1])
            rows = places[k] - self.graph.n_full
            slope = -self.slopes[k][:, None]
            entries.add(np.ones(rows.shape), rows, places[k])
            entries.add(slope * in_theta, rows[:, None], self._of_units(k)[:, :, None])
            for node, columns in self.graph.hidden_sources(k):
                entries.add(slope * in_z[:, columns], rows[:, None], places[node - 1][None])
        return entries.matrix(self.size - self.graph.n_full, self.size)

    @property
    def size(self) -> int:
        """Number of full parameters and states."""
        return self.graph.n_full + self.n_samples * sum(self.graph.n_units)

    def places(self) -> list[Ints]:
        """Positions (s_k, n) of the states of each layer, after the full parameters, by sample."""
        width, start = sum(self.graph.n_units), self.graph.n_full
        found = []
        for s in self.graph.n_units:
            found.append(start + np.arange(s)[:, None] + width * np.arange(self.n_samples))
            start += s
        return found

    def _of_units(self, k: int) -> Ints:
        """Positions (s, t) of the parameters of each unit of a layer in the full vector."""
        t, s = self.graph.n_rows[k], self.graph.n_units[k]
        return self.graph.blocks[k].start + np.arange(t * s).reshape(t, s).T


class Triplets:
    """Entries of a sparse matrix: values, rows, columns; what stands twice is added up."""

    def __init__(self) -> None:
        self.parts: list[tuple[Array, Ints, Ints]] = []

    def add(self, values: Array, rows: Ints, columns: Ints) -> None:
        """Add values at rows and columns, which are broadcast to their shape."""
        spread = [np.broadcast_to(where, values.shape).ravel() for where in (rows, columns)]
        self.parts.append((values.ravel(), spread[0], spread[1]))

    def add_both(self, values: Array, rows: Ints, columns: Ints) -> None:
        """Add values, and their mirror image."""
        self.add(values, rows, columns)
        self.add(values, columns, rows)

    def matrix(self, n_rows: int, n_columns: int) -> sparse.csr_array:
        """The matrix, without entries that are 0."""
        parts: list[NDArray[np.float64] | Ints] = [
            np.concatenate(part) for part in zip(*self.parts, strict=True)
        ]
        found = sparse.csr_array(
            sparse.coo_array((parts[0], (parts[1], parts[2])), shape=(n_rows, n_columns))
        )
        found.eliminate_zeros()
        return found
