"""Parameter vectors of a net that are the same up to the order and signs of its units."""

from functools import cached_property

import numpy as np
from scipy.optimize import linear_sum_assignment

from sknewtonnet._typing import Array
from sknewtonnet.calculus import Network
from sknewtonnet.calculus.functions.units import interchangeable, rearrange


def aligned(network: Network, w: Array, reference: Array) -> Array:
    """Parameters with units in the order and with the signs of a reference.

    A net stays the same function if hidden units are permuted, or if a unit with an odd
    activation changes the signs of all its incoming and outgoing weights (with an even one, of
    the incoming weights). Layer after layer, units are assigned to those of the reference so that
    the sum of squared differences of their parameters, and of their weights to the output, is
    smallest.

    Parameters
    ----------
    network : Network
        The net.
    w : ndarray of shape (n_parameters,)
        The parameters; they are not written to.
    reference : ndarray of shape (n_parameters,)
        The parameters to compare with.

    Returns
    -------
    ndarray of shape (n_parameters,)
        Parameters of the same function as w.

    Notes
    -----
    A layer of s units with t parameters each costs about s^2 t flops, and s^3 for the assignment.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network
    >>> from sknewtonnet.inspection import aligned
    >>> network = Network.mlp(2, (3,), 1)
    >>> w = np.random.default_rng(0).normal(size=network.n_parameters)
    >>> arrays = network.layout.unpack(w)
    >>> order, signs = [2, 0, 1], np.array([1.0, -1.0, 1.0])
    >>> arrays["coefs_0"] = arrays["coefs_0"][:, order] * signs
    >>> arrays["intercepts_0"] = arrays["intercepts_0"][order] * signs
    >>> arrays["coefs_1"] = arrays["coefs_1"][order] * signs[:, None]
    >>> other = network.layout.pack(arrays)  # the same function, as tanh is odd
    >>> np.allclose(aligned(network, other, w), w)
    True
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
    """Whether two minima are the same, up to permutations and signs of units.

    The values of the objective must agree to 1e-7 of their size, and the aligned parameters to
    1e-3 of 1 + the largest one.

    Parameters
    ----------
    network : Network
        The net.
    w, reference : ndarray of shape (n_parameters,)
        The two minima.
    value, reference_value : float
        The objective at each.

    Returns
    -------
    bool
        Whether they are the same.

    Notes
    -----
    The cost is one call of :func:`aligned`, and nothing where the values differ.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network
    >>> from sknewtonnet.inspection import same_minimum
    >>> network = Network.mlp(2, (3,), 1)
    >>> w = np.random.default_rng(0).normal(size=network.n_parameters)
    >>> arrays = network.layout.unpack(w)
    >>> order, signs = [2, 0, 1], np.array([1.0, -1.0, 1.0])
    >>> arrays["coefs_0"] = arrays["coefs_0"][:, order] * signs
    >>> arrays["intercepts_0"] = arrays["intercepts_0"][order] * signs
    >>> arrays["coefs_1"] = arrays["coefs_1"][order] * signs[:, None]
    >>> other = network.layout.pack(arrays)  # the same function, as tanh is odd
    >>> same_minimum(network, other, w, 1.0, 1.0), same_minimum(network, -w, w, 1.0, 2.0)
    (True, False)
    """
    if abs(value - reference_value) > 1e-7 * max(abs(value), abs(reference_value)):
        return False
    return _same_parameters(network, w, reference)


def _same_parameters(network: Network, w: Array, reference: Array) -> bool:
    off = np.abs(aligned(network, w, reference) - reference).max()
    return bool(off <= 1e-3 * (1.0 + np.abs(reference).max()))


class Minimum:
    """The end of a fit, to be compared with others.

    Parameters
    ----------
    network : Network
        The net.
    X : ndarray of shape (n_samples, n_features)
        Samples on which predictions are compared.
    w : ndarray of shape (n_parameters,)
        The parameters at the end.
    value, start : float
        The objective at the end and at the start; both give the scale of rounding.
    """

    def __init__(self, network: Network, X: Array, w: Array, value: float, start: float):
        self.network, self.w, self.value = network, w, value
        self._rounding = 1e-7 * abs(value) + 1e-12 * abs(start)
        self._X = X

    @cached_property
    def _raw(self) -> Array:
        return self.network.predict_raw(self.w, self._X)

    def is_same(self, other: "Minimum") -> bool:
        """Whether two minima are the same, up to permutations and signs of units, or as functions.

        The values of the objective must agree to 1e-7 of their size, and then either the aligned
        parameters or all raw predictions to 1e-3. Nets with idle units agree only in their
        predictions.

        Parameters
        ----------
        other : Minimum
            Of the same net and samples.

        Returns
        -------
        bool
            Whether they are the same.
        """
        if abs(self.value - other.value) > max(self._rounding, other._rounding):
            return False
        if _same_parameters(self.network, self.w, other.w):
            return True
        spread = float(np.ptp(other._raw)) + 1e-9 * (1.0 + float(np.abs(other._raw).max()))
        return bool(np.abs(self._raw - other._raw).max() <= 1e-3 * spread)
