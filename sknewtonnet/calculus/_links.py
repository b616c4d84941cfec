"""Inverse links: the mean of one output as a function of all raw predictions.

Each function returns the mean of shape (n_samples,), and up to the order asked for its
gradient in the raw predictions, of shape (n_samples, n_outputs), and its Hessian: the
diagonal, of the shape of the gradient, where the output has a raw prediction of its own, else of
shape (n_samples, n_outputs, n_outputs). These are the shapes of :meth:`Loss.derivatives`.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

Array = NDArray[np.float64]
MeanDerivatives = Callable[[Array, int, int], tuple[Array, ...]]


def _own(raw: Array, output: int, *values: Array) -> tuple[Array, ...]:
    """The value, then derivatives that are zero but in the output's own raw prediction."""
    found = [values[0]]
    for values_of_order in values[1:]:
        full = np.zeros_like(raw)
        full[:, output] = values_of_order
        found.append(full)
    return tuple(found)


def _identity(raw: Array, output: int, order: int) -> tuple[Array, ...]:
    own = raw[:, output]
    return _own(raw, output, own.copy(), np.ones_like(own), np.zeros_like(own))[: order + 1]


def _exp(raw: Array, output: int, order: int) -> tuple[Array, ...]:
    with np.errstate(over="ignore"):
        mean = np.exp(raw[:, output])
    return _own(raw, output, mean, mean, mean)[: order + 1]


def _logistic(raw: Array, output: int, order: int) -> tuple[Array, ...]:
    mean, rest = expit(raw[:, output]), expit(-raw[:, output])
    slope = mean * rest
    return _own(raw, output, mean, slope, slope * (rest - mean))[: order + 1]


def _softmax(raw: Array, output: int, order: int) -> tuple[Array, ...]:
    probability = softmax(raw, axis=1)
    mean = probability[:, output]
    away = -probability  # delta_ok - p_k
    away[:, output] += 1.0
    found = [mean, mean[:, None] * away]
    if order >= 2:
        spread = -probability[:, :, None] * probability[:, None, :]
        np.einsum("ikk->ik", spread)[...] += probability
        outer = away[:, :, None] * away[:, None, :]
        found.append(mean[:, None, None] * (outer - spread))
    return tuple(found[: order + 1])


LINKS: dict[str, MeanDerivatives] = {
    "identity": _identity,
    "exp": _exp,
    "logistic": _logistic,
    "softmax": _softmax,
}
