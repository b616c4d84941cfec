"""The same net in other units of its inputs and outputs: an affine map of its parameters.

With z = (x - m) / s for each input and y = c + d raw for each output, a net with parameters v
on z and a net with parameters w on x give the same predictions,

    raw(x; w) = c + d raw(z; v),    w = T v + t

where T is sparse: a unit's parameters depend on those of the same unit alone. Each layer that
reads the input supplies its part of T and t (:meth:`Layer.rescaled`).
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.functions.units import connected_units
from sknewtonnet.calculus.pieces.affine_map import AffineMap
from sknewtonnet.calculus.pieces.layers import Linear
from sknewtonnet.calculus.pieces.parameters import ParameterLayout

# Relative rounding of sums over the entries of a shared parameter.
_ROUNDING = 1e-13


def rescaling(
    network: Network, shift: Array, scale: Array, out_shift: Array, out_scale: Array
) -> tuple[Network, AffineMap] | None:
    """The same net in other units, and its parameters w from parameters v in the old ones.

    Parameters
    ----------
    network : Network
        The net of z and v.
    shift, scale : ndarray of shape (n_features,)
        Inputs are x = shift + scale z; scale is positive.
    out_shift, out_scale : ndarray of shape (n_outputs,)
        Raw predictions are out_shift + out_scale raw; out_scale is positive.

    Returns
    -------
    tuple of Network and AffineMap, or None
        None if no net of this form has the same predictions: an intercept that the shift needs
        does not exist, a layer that reads the input supplies no :meth:`Layer.rescaled`, or the
        last layer is not linear, or entries that are tied would not stay equal: columns that are
        read through one parameter need one shift and scale (:func:`column_groups`).
    """
    graph = network._graph
    entries, offsets, layers = [], [], []
    last = len(graph.layers) - 1
    other_inputs = bool(shift.any() or (scale != 1.0).any())
    for k, layer in enumerate(network.layers):
        t, s = graph.n_rows[k], graph.n_units[k]
        T: Array | sparse.sparray | None = None
        c, d = np.zeros((t, s)), np.ones(s)
        if other_inputs and 0 in layer.sources:
            found = layer.rescaled(*_of_inputs(network, k, shift, scale))
            if found is None:
                return None
            layer, T, offset = found
            c = np.repeat(offset[:, None], s, axis=1)
        if k == last and ((out_scale != 1.0).any() or out_shift.any()):
            if not isinstance(layer, Linear):
                return None
            d = out_scale
            c *= d
            c[-1] += out_shift
        entries.append(_of_units(T, d, t, graph.blocks[k].start))
        offsets.append(c.ravel())
        layers.append(layer)
    data, rows, columns = (np.concatenate(parts) for parts in zip(*entries, strict=True))
    n_full = network.layout.n_full
    matrix = sparse.csc_array((data, (rows, columns)), shape=(n_full, n_full))
    mapped = _on_free(network, matrix, np.concatenate(offsets))
    return None if mapped is None else (network.with_layers(layers), mapped)


def _of_units(
    T: Array | sparse.sparray | None, d: Array, n_rows: int, start: int
) -> tuple[Array, Ints, Ints]:
    """Entries of T times d of each unit, with their places; T is the identity if None.

    Parameters stand by row, and units run fastest.
    """
    if T is None:
        rows = columns = np.arange(n_rows)
        data = np.ones(n_rows)
    else:
        found = sparse.coo_array(T)
        data, (rows, columns) = found.data, found.coords
    units = start + np.arange(len(d))
    rows, columns = ((where[:, None] * len(d) + units).ravel() for where in (rows, columns))
    return np.multiply.outer(data, d).ravel(), rows, columns


def _of_inputs(network: Network, k: int, shift: Array, scale: Array) -> tuple[Array, Array]:
    """Shift and scale of each input of a layer; hidden units keep their values."""
    graph = network._graph
    shifts, scales = np.zeros(graph.n_inputs[k]), np.ones(graph.n_inputs[k])
    for node, rows in graph.sources[k]:
        if node == 0:
            shifts[rows], scales[rows] = shift, scale
    return shifts, scales


def _on_free(network: Network, matrix: sparse.csc_array, offset: Array) -> AffineMap | None:
    """The map among the parameters that exist, if it moves none of the others from zero.

    Of shared parameters it must move all entries alike. What is missing of a unit that nothing
    reads, such as the centre of one that was pruned, may be anything.
    """
    free = network.layout.free
    if free is None:
        return AffineMap(matrix, offset)
    absent = np.setdiff1d(np.arange(network.layout.n_full), free)
    idle = absent[_unread(network)[absent]]
    counts = np.ones(len(offset))
    counts[idle] = 0.0
    matrix, offset = sparse.csc_array(sparse.diags_array(counts) @ matrix), counts * offset
    if network.layout.has_ties:
        return _on_tied(network.layout, matrix, offset)
    among = matrix[:, free]
    if offset[absent].any() or abs(among[absent]).max() > 0.0:
        return None
    return AffineMap(sparse.csc_array(among[free]), offset[free])


def _unread(network: Network) -> Bools:
    """Which entries of the full vector belong to units that no prediction depends on."""
    found = np.zeros(network.layout.n_full, dtype=bool)
    for matrix, connected in zip(
        network.by_layer(found), connected_units(network)[1:], strict=True
    ):
        matrix[:, ~connected] = True
    return found


def _on_tied(layout: ParameterLayout, matrix: sparse.csc_array, offset: Array) -> AffineMap | None:
    """The map M with T S = S M and t = S m, where S w are the entries; None if there is none."""
    assert layout.free is not None, "there are ties"
    S = sparse.csc_array(layout.expand(np.eye(layout.n_parameters)))
    whole = sparse.csc_array(matrix @ S)
    own = sparse.csc_array(whole[layout.free])
    torn = abs(whole - S @ own).max() > _ROUNDING * abs(matrix).max()
    uneven = np.abs(offset - layout.expand(offset[layout.free])).max()
    if torn or uneven > _ROUNDING * np.abs(offset).max():
        return None
    return AffineMap(own, offset[layout.free])


def column_groups(network: Network) -> tuple[Ints, Ints]:
    """Which inputs, and which outputs, need a common unit, so that ties stay ties.

    Entries of one parameter that read different inputs, or belong to different outputs, change
    alike only if these have the same shift and scale; and not at all if another entry reads no
    input, or belongs to no output.

    Parameters
    ----------
    network : Network
        The net.

    Returns
    -------
    inputs, outputs : ndarray of int of shape (n_features,) and (n_outputs,)
        Numbers of groups; -1 for columns that must keep the units that they have. Without ties
        each column is a group. What layers read whose parameters do not belong to single inputs,
        such as radial ones, is not known here.
    """
    graph, layout = network._graph, network.layout
    n_inputs, n_outputs = network.n_features, network.n_outputs
    if not layout.has_ties:
        return np.arange(n_inputs), np.arange(n_outputs)
    full = np.zeros((n_inputs, layout.n_full), dtype=bool)
    for k, where in graph.readers[0]:
        rows = network.layers[k].input_rows(graph.n_inputs[k])
        for j, own in enumerate([] if rows is None else rows[where]):
            graph.matrices(full[j])[k][own] = True
    outputs = np.zeros((n_outputs, layout.n_full), dtype=bool)
    for o in range(n_outputs):
        graph.matrices(outputs[o])[-1][:, o] = True
    return _together(layout, full), _together(layout, outputs)


def _together(layout: ParameterLayout, belongs: Bools) -> Ints:
    """Groups of columns that entries of one parameter belong to, but for those that all do."""
    n_columns = len(belongs)
    edges = np.eye(n_columns + 1, dtype=bool)
    for number in np.flatnonzero(layout.n_entries > 1):
        columns = belongs[:, layout.positions == number]
        if (columns == columns[:, :1]).all():
            continue
        found = [*np.flatnonzero(columns.any(axis=1))]
        found += [n_columns] if not columns.any(axis=0).all() else []
        edges[found[0], found] = True
    numbers = connected_components(edges, directed=False)[1]
    return np.where(numbers[:-1] == numbers[-1], -1, numbers[:-1])
