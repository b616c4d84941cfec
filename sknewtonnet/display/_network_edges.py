"""What there is to draw of a net: its units, and the edges between them, as flat arrays.

A node is what a layer reads: 0 is the inputs, k + 1 the units of layer k. Edges come from a unit
of a node, or from the constant 1, which stands as node -1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus import GaussianRBF, Layer, Linear, Network
from sknewtonnet.inference import InferenceResults

CONSTANT = -1


@dataclass(frozen=True, eq=False)
class Edges:
    """Edges of a net, one per row.

    Parameters
    ----------
    sources, targets : ndarray of int of shape (n_edges, 2)
        Node and unit, from 0 on, where each begins and ends.
    weights : ndarray of shape (n_edges,)
        NaN where a unit reads another one without a weight of its own, as radial units do.
    positions : ndarray of int of shape (n_edges,)
        Which parameter it is, -1 without a weight.
    """

    sources: Ints
    targets: Ints
    weights: Array
    positions: Ints

    @classmethod
    def of(cls, network: Network, params: Array) -> Edges:
        """Those that exist in a net at a point."""
        matrices, found = network.matrices(params), []
        for k, layer in enumerate(network.layers):
            first = 0
            for node in layer.sources:
                rows = slice(first, first + network.node_sizes[node])
                found.append(_between(network, matrices, k, node, rows))
                first = rows.stop
            if network.linear[k]:
                rows = slice(first, len(matrices[k]))
                found.append(_between(network, matrices, k, CONSTANT, rows))
        return cls(*(np.concatenate(parts) for parts in zip(*found, strict=True)))

    def at(self, which: Bools | Ints) -> Edges:
        """Some of them."""
        return Edges(
            self.sources[which], self.targets[which], self.weights[which], self.positions[which]
        )


def _between(
    network: Network, matrices: list[Array], k: int, node: int, rows: slice
) -> tuple[Ints, Ints, Array, Ints]:
    """The edges from a node to layer k."""
    if network.linear[k]:
        i, j = np.nonzero(network.exists[k][rows])
        weights, positions = matrices[k][rows][i, j], network.positions[k][rows][i, j]
    else:
        i, j = np.nonzero(_read(network, k, rows))
        weights, positions = np.full(len(i), np.nan), np.full(len(i), -1)
    sources = np.column_stack([np.full(len(i), node), i])
    return sources, np.column_stack([np.full(len(j), k + 1), j]), weights, positions


def _read(network: Network, k: int, rows: slice) -> Array:
    """Whether each unit of a layer that is not linear depends on each of these inputs."""
    n_inputs = sum(network.node_sizes[node] for node in network.layers[k].sources)
    parameters = network.layers[k].input_rows(n_inputs)
    if parameters is None:
        return np.ones((rows.stop - rows.start, network.layers[k].n_units))
    exists = network.exists[k]
    return np.array([exists[own].any(axis=0) for own in parameters[rows]], dtype=float)


def kinds(network: Network, out_activation: str) -> list[str]:
    """What the units of each node are, in a word or two."""
    found = ["inputs", *(_kind(layer) for layer in network.layers)]
    # The inverse link of the loss comes behind the activation of the layer, which may be in it.
    parts = [part for part in dict.fromkeys([found[-1], out_activation]) if part != "identity"]
    functions = ", ".join(parts)
    found[-1] = f"outputs ({functions})" if functions else "outputs"
    return found


def _kind(layer: Layer) -> str:
    functions = [part for part, _ in layer.activation.groups(layer.n_units)]
    name = "/".join(type(part).__name__.lower() for part in functions)
    if isinstance(layer, Linear):
        return name
    gaussian = isinstance(layer, GaussianRBF) and name == "squaredexponential"
    return "Gaussian" if gaussian else f"{type(layer).__name__}, {name}"


def contrasts(results: InferenceResults, network: Network, edges: Edges) -> tuple[Edges, Array]:
    """The edges that results report, and the p-value of each, NaN where there is none.

    The data determine the outputs of a softmax up to a common shift. Results report differences
    of weights to those of the first class, which then has no edges.
    """
    number = {name: k for k, name in enumerate(results.names)}
    first = network.output_names[0]
    base = {
        tuple(source): weight
        for source, target, weight in zip(edges.sources, edges.targets, edges.weights, strict=True)
        if target.tolist() == [len(network.layers), 0]
    }
    weights, p_values = edges.weights.copy(), np.full(len(edges.weights), np.nan)
    kept = np.ones(len(weights), dtype=bool)
    for edge in np.flatnonzero(edges.positions >= 0):
        name = network.layout.names[edges.positions[edge]]
        difference = f"{name[:-1]} - {first}]"
        if name not in number and difference in number:
            name = difference
            weights[edge] -= base[tuple(edges.sources[edge])]
        kept[edge] = name in number
        if kept[edge]:
            p_values[edge] = results.p_values[number[name]]
    found = Edges(edges.sources, edges.targets, weights, edges.positions)
    return found.at(kept), p_values[kept]


def p_values_of_inputs(results: InferenceResults, edges: Edges) -> Array:
    """P-value of the test that the net does not depend on an input, for all edges from it.

    These tests need no weight that is identified; other edges have none.
    """
    table = results.tests
    known = dict(zip(table.names, table.dependence_p_values, strict=True))
    for factor, members in results.factors.items():
        known |= dict.fromkeys(members, known.get(factor, np.nan))
    names = results.feature_names
    return np.array(
        [known.get(names[j], np.nan) if node == 0 else np.nan for node, j in edges.sources]
    )
