"""Two parameter vectors of a net that are the same up to how its units are named."""

from functools import cached_property

import numpy as np
from scipy.optimize import linear_sum_assignment

from sknewtonnet._typing import Array
from sknewtonnet.calculus import Network
from sknewtonnet.calculus.functions.units import interchangeable, rearrange


def aligned(network: Network, w: Array, reference: Array) -> Array:
    """The parameters with their units in the order and of the signs of a reference.

    Hidden units can be permuted, and a unit with an odd activation can change the signs of all
    that comes in and all that goes out (an even one, of what comes in); the net stays the same
    function. Layer after layer, units are assigned to those of the reference so that the sum of
    squared differences of their parameters, and of what goes out to the output, is smallest.

    Parameters
    ----------
    network : Network
        The net.
    w, reference : ndarray of shape (n_parameters,)
        Parameters; those to compare with.

    Returns
    -------
    ndarray of shape (n_parameters,)
        Parameters of the same function as w.

    Notes
    -----
    About s^2 t flops and an assignment of s^3 for a layer of s units with t parameters each.
    """
    full = network.layout.expand(np.asarray(w, dtype=float)).copy()
    ours = network.by_layer(full)
    theirs = network.matrices(np.asarray(reference, dtype=float))
    for k, layer in enumerate(network.layers[:-1]):
        if not network.has_linear_readers(k + 1):
            continue  # a radial unit that reads them would have to change as well
        parity = layer.activation.parity if network.linear[k] else 0
        sizes = _outgoing(network, ours, k), _outgoing(network, theirs, k)
        plain = _distances(ours[k], theirs[k]) + _distances(*sizes)
        signs = np.ones((len(plain), len(plain)))
        if parity != 0:
            flipped = _distances(-ours[k], theirs[k]) + _distances(parity * sizes[0], sizes[1])
            signs = np.where(flipped < plain, -1.0, 1.0)
            plain = np.minimum(plain, flipped)
        plain[~interchangeable(network, k)] = np.inf
        of_reference, order = linear_sum_assignment(plain.T)
        rearrange(network, ours, k, order, signs[order, of_reference])
    return network.layout.restrict(full)


def _outgoing(network: Network, matrices: list[Array], k: int) -> Array:
    """What goes out of a layer's units to the output, a column each."""
    if k + 1 in network.layers[-1].sources and network.linear[-1]:
        return network.outgoing(matrices, k + 1)[-1].T
    # The units of a later hidden layer have no order yet.
    return np.zeros((1, matrices[k].shape[1]))


def _distances(a: Array, b: Array) -> Array:
    """Squared distance of each column of one matrix and each of another."""
    squares = (a**2).sum(axis=0)[:, None] + (b**2).sum(axis=0) - 2.0 * a.T @ b
    return np.maximum(squares, 0.0)


def same_minimum(
    network: Network, w: Array, reference: Array, value: float, reference_value: float
) -> bool:
    """Whether two minima are one, up to permutations and signs of units.

    The objective must agree to 1e-7 of its size, the aligned parameters to 1e-3.
    """
    if abs(value - reference_value) > 1e-7 * max(abs(value), abs(reference_value)):
        return False
    return _same_parameters(network, w, reference)


def _same_parameters(network: Network, w: Array, reference: Array) -> bool:
    off = np.abs(aligned(network, w, reference) - reference).max()
    return bool(off <= 1e-3 * (1.0 + np.abs(reference).max()))


class Minimum:
    """An end of a fit, to be compared with others.

    Parameters
    ----------
    network : Network
        The net.
    X : ndarray of shape (n_samples, n_features)
        Samples on which predictions are compared.
    w : ndarray of shape (n_parameters,)
        Its parameters.
    value, start : float
        The objective there, and at a start, which gives the scale.
    """

    def __init__(self, network: Network, X: Array, w: Array, value: float, start: float):
        self.network, self.w, self.value = network, w, value
        self._rounding = 1e-7 * abs(value) + 1e-12 * abs(start)
        self._X = X

    @cached_property
    def _raw(self) -> Array:
        return self.network.predict_raw(self.w, self._X)

    def is_same(self, other: "Minimum") -> bool:
        """Whether two are one, up to permutations and signs of units, or as functions.

        The objective must agree to 1e-7 of its size; then either the aligned parameters, or all
        raw predictions, to 1e-3. Nets with idle units agree in their predictions alone.
        """
        if abs(self.value - other.value) > max(self._rounding, other._rounding):
            return False
        if _same_parameters(self.network, self.w, other.w):
            return True
        spread = float(np.ptp(other._raw)) + 1e-9 * (1.0 + float(np.abs(other._raw).max()))
        return bool(np.abs(self._raw - other._raw).max() <= 1e-3 * spread)
