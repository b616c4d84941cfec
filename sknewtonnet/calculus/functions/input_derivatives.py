"""Derivatives of raw predictions in the inputs, first and second, and in the parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
        into_z, into_a = _tangents(chunk, layers, np.eye(p))
        found[0][where] = into_a[-1].transpose(2, 1, 0)
        if order == 2:
            found[1][where] = _second(chunk, layers, into_z, into_a)
    return found


def slope_gradients(
    network: Network, w: Array, X: Array, features: Sequence[int]
) -> Iterator[tuple[slice, Array, Array]]:
    """Derivatives of each raw prediction in some inputs, and the gradients of these in w.

    With R the derivative along an input, and delta the adjoints of one raw prediction,

        R delta^k = h' R e^k + e^k h'' R a^k,    R e^k = sum_l R[(dp^l/dx^k)' delta^l]
        d2 raw / dx dtheta^k = (dp^k/dtheta)' R delta^k + (R dp^k/dtheta)' delta^k

    as in :meth:`~sknewtonnet.calculus.passes.chunk.Chunk.product`, without the sum over samples.

    Parameters
    ----------
    network : Network
        The net.
    w : ndarray of shape (n_parameters,)
        Parameters.
    X : ndarray of shape (n_samples, n_features)
        Samples.
    features : sequence of int
        The q inputs.

    Yields
    ------
    where : slice
        Some c of the rows; together they are all.
    slopes : ndarray of shape (c, n_outputs, q)
        The derivatives in the inputs.
    gradients : ndarray of shape (c, n_outputs, q, n_parameters)
        Their gradients in w.

    Notes
    -----
    About q times the cost of the Jacobian, and some megabytes.
    """
    layout, m, q = network.layout, network.n_outputs, len(features)
    directions = np.eye(network.n_features)[list(features)]
    weights = network.matrices(w)
    size = max(16, min(network.chunk_size, 1_000_000 // (m * max(q, 1) * layout.n_full)))
    for where in sample_chunks(len(X), size):
        chunk = Chunk(network._graph, X[where])
        chunk.forward(chunk.layers_at(weights))
        layers = chunk.layers_at(weights, in_inputs=range(len(weights)))
        into_z, into_a = _tangents(chunk, layers, directions)
        found = np.empty((chunk.n_samples, m, q, layout.n_full))
        for o in range(m):
            found[:, o] = _mixed(chunk, layers, into_z, into_a, o)
        yield where, into_a[-1].transpose(2, 1, 0), layout.pull_back(found, axis=-1)


def _mixed(
    chunk: Chunk,
    layers: LayersAtPoint,
    into_z: Sequence[Array],
    into_a: Sequence[Array],
    output: int,
) -> Array:
    """Derivatives of one raw prediction in inputs and parameters, of shape (c, q, n_full)."""
    graph, c, q = chunk.graph, chunk.n_samples, len(into_a[0])
    found = np.empty((c, q, graph.n_full))
    blocks = graph.matrices(found)
    seed = np.zeros((into_a[-1].shape[1], c))
    seed[output] = 1.0
    deltas = chunk.backward(layers, seed)
    moved = [np.zeros_like(a) for a in into_a]  # R delta
    for k in range(len(layers) - 1, -1, -1):
        layer = layers[k]
        for reader, rows in graph.readers[k + 1]:
            moved[k] += layers[reader].pull_back(rows, moved[reader])
            bent = layers[reader]
            if isinstance(bent, LayerAtPoint):
                bend = bent.curvature_inputs(deltas[reader])[rows]
                moved[k] += np.einsum("yzi,qzi->qyi", bend, into_z[reader])
        if k < len(layers) - 1:
            e = sum(
                layers[reader].pull_back(rows, deltas[reader])
                for reader, rows in graph.readers[k + 1]
            )
            a = layer.value(np.empty(chunk.slope[k].shape))
            bend = graph.layers[k].activation.derivatives(a, 2)[2] * e
            moved[k] = moved[k] * chunk.slope[k] + bend * into_a[k]
        layer.per_sample(moved[k], blocks[k])
        if isinstance(layer, LayerAtPoint):
            mixed = layer.curvature_mixed(deltas[k])
            blocks[k] += np.einsum("qzi,stzi->iqts", into_z[k], mixed, optimize=True)
        else:
            blocks[k][:, :, :-1] += np.einsum("qzi,si->iqzs", into_z[k], deltas[k])
    return found


def _tangents(
    chunk: Chunk, layers: LayersAtPoint, directions: Array
) -> tuple[list[Array], list[Array]]:
    """Derivatives of the inputs z and the pre-activations a of each layer along directions."""
    graph, c = chunk.graph, chunk.n_samples
    nodes = [np.broadcast_to(directions[:, :, None], (*directions.shape, c))]
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
