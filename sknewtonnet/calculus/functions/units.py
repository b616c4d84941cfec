"""Units: what goes in and out of them, and what becomes of those that do nothing."""

from collections.abc import Sequence

import numpy as np

from sknewtonnet._typing import Array, Bools
from sknewtonnet.calculus.functions.network import Network


def connected_units(network: Network) -> list[Bools]:
    """Units from which a path of existing parameters leads to a raw prediction.

    Parameters
    ----------
    network : Network
        The net.

    Returns
    -------
    list of ndarray of bool
        One entry per node: the inputs, the units of each layer. All outputs are connected. A
        layer that is not linear depends on all that it reads.
    """
    graph = network._graph
    found = [np.ones(size, dtype=bool) for size in graph.node_sizes]
    for node in range(len(found) - 2, -1, -1):
        found[node][:] = False
        for k, rows in graph.readers[node]:
            if graph.linear[k]:
                found[node] |= (network.exists[k][rows] & found[k + 1]).any(axis=1)
            else:
                found[node] |= found[k + 1].any()
    return found


def outgoing_norms(network: Network, matrices: Sequence[Array], node: int) -> Array:
    """Euclidean length of what goes out of each unit of a node, over all its linear readers."""
    rows = network.outgoing(matrices, node)
    return np.linalg.norm(np.hstack(rows), axis=1) if rows else np.zeros(network.node_sizes[node])


def settle(network: Network, params: Array, exists: Bools) -> tuple[Array, Bools]:
    """Take away units that do nothing, and fold constant ones into the intercepts.

    A unit without outgoing weights goes with all that comes in; one without incoming weights is
    a constant, which the intercepts of its readers take over. The net stays the same function.

    Parameters
    ----------
    network : Network
        The net.
    params : ndarray of shape (n_parameters,)
        Its parameters.
    exists : ndarray of bool of shape (n_parameters,)
        Which of them are kept; the others are zero.

    Returns
    -------
    full : ndarray of shape (n_full,)
        Parameters of the same net.
    kept : ndarray of bool of shape (n_full,)
        Which of them still exist.
    """
    full = network.layout.expand(params).copy()
    kept = network.layout.expand(exists.astype(float)) > 0
    weights, flags = network.by_layer(full), network.by_layer(kept)
    changed = True
    while changed:
        changed = False
        for k, layer in enumerate(network.layers[:-1]):
            for j in range(layer.n_units):
                changed |= _fold(network, weights, flags, k, j)
                if flags[k][:, j].any() and not _is_read(network, flags, k, j):
                    flags[k][:, j] = False
                    weights[k][:, j] = 0.0
                    changed = True
    return full, kept


def _is_read(network: Network, flags: Sequence[Bools], k: int, j: int) -> bool:
    """Whether a layer that is there reads unit j of layer k."""
    graph = network._graph
    return any(
        flags[reader][rows][j].any() if graph.linear[reader] else flags[reader].any()
        for reader, rows in graph.readers[k + 1]
    )


def _fold(
    network: Network, weights: Sequence[Array], flags: Sequence[Bools], k: int, j: int
) -> bool:
    """Let the intercepts of all readers take over a unit that nothing comes into, if they can."""
    graph = network._graph
    readers = graph.readers[k + 1]
    constant = graph.linear[k] and not flags[k][:-1, j].any()
    if not constant or not network.has_linear_readers(k + 1):
        return False
    reads = [flags[reader][rows][j] for reader, rows in readers]
    intercepts = [flags[reader][-1] for reader, _ in readers]
    if not np.concatenate(reads).any():
        return False
    if (np.concatenate(reads) & ~np.concatenate(intercepts)).any():
        return False
    value = float(network.layers[k].activation.value(weights[k][-1:, j : j + 1])[0, 0])
    for reader, rows in readers:
        weights[reader][-1] += value * weights[reader][rows][j]
        weights[reader][rows][j] = 0.0
        flags[reader][rows][j] = False
    return True
