"""Second derivatives, in the parameters, of slopes in an input."""

from collections.abc import Sequence

import numpy as np

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.pieces.activations import Activation
from sknewtonnet.calculus.pieces.memory import check_memory

# Derivatives of the values of a node: in the input (t), in pairs of parameters (p, q), in all.
_Jet = tuple[Array, Array, Array, Array, Array, Array]


def slope_curvature(network: Network, w: Array, X: Array, feature: int, factors: Array) -> Array:
    """Second derivatives in w of sum_io v_io d raw_io / d x_ij, for a net of linear layers.

    Forwards, with t the input j and p, q parameters (Faa di Bruno):

        a_t = W' z_t,  a_tp = W' z_tp + W_p' z_t,  a_tpq = W' z_tpq + W_p' z_tq + W_q' z_tp
        x_tpq = h''' a_t a_p a_q + h'' (a_tp a_q + a_tq a_p + a_t a_pq) + h' a_tpq

    Parameters
    ----------
    network : Network
        A net of linear layers, whose activations have three derivatives.
    w : ndarray of shape (n_parameters,)
        Parameters.
    X : ndarray of shape (n_samples, n_features)
        Samples.
    feature : int
        The input j.
    factors : ndarray of shape (n_samples, n_outputs)
        The factors v.

    Returns
    -------
    ndarray of shape (n_parameters, n_parameters)

    Notes
    -----
    Samples one after the other, with two arrays of n_units P^2 numbers.
    """
    P, units = len(w), sum(network.node_sizes)
    advice = "use fewer units, or a NonlinearConstraint"
    check_memory(f"curvatures of slopes of {P} parameters", 16.0 * units * P**2, advice)
    found = np.zeros((P, P))
    for x, factor in zip(X, factors, strict=True):
        if factor.any():
            found += np.einsum("o,opq->pq", factor, _outputs(network, w, x, feature)[5])
    return found


def _outputs(network: Network, w: Array, x: Array, feature: int) -> _Jet:
    """The derivatives of the raw predictions at one sample."""
    P, p = len(w), len(x)
    along = np.zeros(p)
    along[feature] = 1.0
    nothing = np.zeros((p, P)), np.zeros((p, P, P))
    nodes: list[_Jet] = [(x, along, nothing[0], nothing[0], nothing[1], nothing[1])]
    weights = network.matrices(w)
    for k, layer in enumerate(network.layers):
        read = [np.concatenate([nodes[q][part] for q in layer.sources]) for part in range(6)]
        a = _linear(weights[k], network.positions[k], read)
        nodes.append(a if k == len(weights) - 1 else _activated(layer.activation, a))
    return nodes[-1]


def _linear(theta: Array, positions: Ints, read: Sequence[Array]) -> _Jet:
    """Those of pre-activations a = W'(z, 1), where positions say which parameter an entry is."""
    z, z_t, z_p, z_tp, z_pq, z_tpq = read
    W = theta[:-1].T
    ones = np.append(z, 1.0), np.append(z_t, 0.0)
    a_p, a_tp = W @ z_p, W @ z_tp
    a_pq, a_tpq = np.tensordot(W, z_pq, 1), np.tensordot(W, z_tpq, 1)
    for (i, j), p in np.ndenumerate(positions):
        if p < 0:
            continue
        a_p[j, p] += ones[0][i]
        a_tp[j, p] += ones[1][i]
        if i < len(z):  # the input of an intercept is constant
            for second, first in ((a_pq, z_p), (a_tpq, z_tp)):
                second[j, p] += first[i]
                second[j, :, p] += first[i]
    return W @ z + theta[-1], W @ z_t, a_p, a_tp, a_pq, a_tpq


def _activated(activation: Activation, a: _Jet) -> _Jet:
    """Those of x = h(a)."""
    a_0, a_t, a_p, a_tp, a_pq, a_tpq = a
    h = [each[:, 0] for each in activation.derivatives(a_0[:, None], 3)]
    first, second = h[1][:, None], h[2][:, None]
    pairs = np.einsum("sp,sq->spq", a_p, a_p)
    mixed = np.einsum("sp,sq->spq", a_tp, a_p)
    bend = mixed + mixed.swapaxes(1, 2) + a_t[:, None, None] * a_pq
    return (
        h[0],
        h[1] * a_t,
        first * a_p,
        second * a_t[:, None] * a_p + first * a_tp,
        second[..., None] * pairs + first[..., None] * a_pq,
        (h[3] * a_t)[:, None, None] * pairs + second[..., None] * bend + first[..., None] * a_tpq,
    )
