"""Derivatives of raw predictions in the inputs, first and second."""

from collections.abc import Sequence

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.passes.chunk import Chunk, sample_chunks
from sknewtonnet.calculus.pieces.layer_at_point import LayerAtPoint, LayersAtPoint


def input_derivatives(network: Network, w: Array, X: Array, order: int = 1) -> list[Array]:
    """First, and second, derivatives of each raw prediction in its inputs.

        d a^k / dx = sum_q dp^k/dz^q diag(h'(a^q)) d a^q / dx            (forwards)
        d2 raw_o / dx dx' = sum_k (da^k/dx)' diag(e^k_o h''(a^k)) (da^k/dx)
                            + sum_k (dz^k/dx)' [sum_j delta^k_oj d2p^k_j/dz dz'] (dz^k/dx)

    Parameters
    ----------
    network : Network
        The net.
    w : ndarray of shape (n_parameters,)
        Parameters.
    X : ndarray of shape (n_samples, n_features)
        Samples.
    order : {1, 2}, default=1
        The highest derivative wanted.

    Returns
    -------
    list of ndarray
        Of shapes (n_samples, n_outputs, n_features) and, for order 2, (n_samples, n_outputs,
        n_features, n_features).

    Notes
    -----
    About n_features times the cost of a prediction for the first, and times the number of
    outputs for the second.
    """
    n, p, m = len(X), network.n_features, network.n_outputs
    found = [np.empty((n, m, *[p] * k)) for k in range(1, order + 1)]
    weights = network.matrices(w)
    size = max(16, min(network.chunk_size, 2_000_000 // (p * sum(network.node_sizes[1:]))))
    for where in sample_chunks(n, size):
        chunk = Chunk(network._graph, X[where])
        chunk.forward(chunk.layers_at(weights))
        layers = chunk.layers_at(weights, in_inputs=range(len(weights)))
        into_z, into_a = _tangents(chunk, layers, p)
        found[0][where] = into_a[-1].transpose(2, 1, 0)
        if order == 2:
            found[1][where] = _second(chunk, layers, into_z, into_a)
    return found


def _tangents(chunk: Chunk, layers: LayersAtPoint, p: int) -> tuple[list[Array], list[Array]]:
    """Derivatives of the inputs z and the pre-activations a of each layer, inputs first."""
    graph, c = chunk.graph, chunk.n_samples
    nodes = [np.broadcast_to(np.eye(p)[:, :, None], (p, p, c))]
    into_z, into_a = [], []
    for k, layer in enumerate(layers):
        into_z.append(np.concatenate([nodes[node] for node, _ in graph.sources[k]], axis=1))
        into_a.append(layer.input_tangent(slice(0, graph.n_inputs[k]), into_z[k]))
        if k < len(chunk.slope):
            nodes.append(into_a[k] * chunk.slope[k])
    return into_z, into_a


def _second(
    chunk: Chunk, layers: LayersAtPoint, into_z: Sequence[Array], into_a: Sequence[Array]
) -> Array:
    """Second derivatives of the raw predictions, of shape (c, m, p, p)."""
    graph, c, m = chunk.graph, chunk.n_samples, into_a[-1].shape[1]
    p = into_a[0].shape[0]
    total = np.zeros((c, m, p, p))
    deltas = [np.empty(0)] * (len(layers) - 1) + [np.tile(np.eye(m)[:, :, None], (1, 1, c))]
    for k in range(len(layers) - 1, -1, -1):
        layer = layers[k]
        if k < len(layers) - 1:
            multiplier = sum(
                layers[reader].pull_back(rows, deltas[reader])
                for reader, rows in graph.readers[k + 1]
            )
            deltas[k] = multiplier * chunk.slope[k]
            a = layer.value(np.empty(chunk.slope[k].shape))
            bend = graph.layers[k].activation.derivatives(a, 2)[2] * multiplier
            total += np.einsum("psi,osi,qsi->iopq", into_a[k], bend, into_a[k], optimize=True)
        if isinstance(layer, LayerAtPoint):
            for o in range(m):
                bend = layer.curvature_inputs(deltas[k][o])
                total[:, o] += np.einsum(
                    "pzi,zyi,qyi->ipq", into_z[k], bend, into_z[k], optimize=True
                )
    return total
