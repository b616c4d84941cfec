"""The same net in other units of its inputs and outputs: an affine map of its parameters.

With z = (x - m) / s for each input and y = c + d raw for each output, a net with parameters v
on z and a net with parameters w on x give the same predictions,

    raw(x; w) = c + d raw(z; v),    w = T v + t

where T is sparse: a unit's parameters depend on those of the same unit alone. Each layer that
reads the input supplies its part of T and t (:meth:`Layer.rescaled`).
"""

import numpy as np
from scipy import sparse

from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.pieces.affine_map import AffineMap
from sknewtonnet.calculus.pieces.layers import Linear


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
        last layer is not linear.
    """
    graph = network._graph
    blocks, offsets, layers = [], [], []
    last = len(graph.layers) - 1
    other_inputs = bool(shift.any() or (scale != 1.0).any())
    for k, layer in enumerate(network.layers):
        t, s = graph.n_rows[k], graph.n_units[k]
        T, c, d = sparse.eye_array(t), np.zeros((t, s)), np.ones(s)
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
        blocks.append(sparse.kron(sparse.csc_array(T), sparse.diags_array(d)))
        offsets.append(c.ravel())
        layers.append(layer)
    matrix = sparse.csc_array(sparse.block_diag(blocks))
    mapped = _on_free(network, matrix, np.concatenate(offsets))
    return None if mapped is None else (network.with_layers(layers), mapped)


def _of_inputs(network: Network, k: int, shift: Array, scale: Array) -> tuple[Array, Array]:
    """Shift and scale of each input of a layer; hidden units keep their values."""
    graph = network._graph
    shifts, scales = np.zeros(graph.n_inputs[k]), np.ones(graph.n_inputs[k])
    for node, rows in graph.sources[k]:
        if node == 0:
            shifts[rows], scales[rows] = shift, scale
    return shifts, scales


def _on_free(network: Network, matrix: sparse.csc_array, offset: Array) -> AffineMap | None:
    """The map among the parameters that exist, if it moves none of the others from zero."""
    free = network.layout.free
    if free is None:
        return AffineMap(matrix, offset)
    absent = np.setdiff1d(np.arange(network.layout.n_full), free)
    among = matrix[:, free]
    if offset[absent].any() or abs(among[absent]).max() > 0.0:
        return None
    return AffineMap(sparse.csc_array(among[free]), offset[free])
