"""Parameter vectors of a net that are the same up to the order and signs of its units."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from sknewtonnet._tables import Worded, counted
from sknewtonnet._typing import Array
from sknewtonnet.calculus import Network
from sknewtonnet.calculus.functions.matching import aligned


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

    See Also
    --------
    aligned : The parameters that are compared.
    Minimum : Several fits of one net, which are compared by their predictions, too.

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


class Minimum(Worded):
    """The end of a fit, to be compared with others.

    Starts of a fit often end at the same minimum, with units in another order and with other
    signs. :meth:`is_same` sees through that.

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

    See Also
    --------
    same_minimum : The comparison by parameters alone.
    aligned : Parameters in the order of a reference.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network
    >>> from sknewtonnet.inspection import Minimum
    >>> net, X = Network.mlp(1, (1,), 1), np.array([[-1.0], [0.0], [2.0]])
    >>> w = np.array([1.0, 0.5, 2.0, 0.3])
    >>> turned = np.array([-1.0, -0.5, -2.0, 0.3])  # tanh is odd
    >>> one, other = (Minimum(net, X, point, value=0.1, start=1.0) for point in (w, turned))
    >>> one.is_same(other)
    True
    """

    def __init__(self, network: Network, X: Array, w: Array, value: float, start: float):
        self.network, self.w, self.value = network, w, value
        self._rounding = 1e-7 * abs(value) + 1e-12 * abs(start)
        self._X = X

    def _in_words(self) -> str:
        return f"{self.value:.6g} at {counted(len(self.w), 'parameter')}"

    @cached_property
    def _raw(self) -> Array:
        return self.network.predict_raw(self.w, self._X)

    def is_same(self, other: Minimum) -> bool:
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
