"""The best constant prediction, and the size of gradients that it tells of."""

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import Loss
from sknewtonnet.calculus.functions.constant import MeansOverRows, constant_beside


def mean_prediction(
    loss: Loss, Y: Array, sample_weight: Array, offset: Array | None = None
) -> Array:
    """Raw prediction of the weighted mean of Y, finite where a class or count never occurs.

    Beside an offset the best constant.
    """
    mean = loss.interior(np.average(Y, axis=0, weights=sample_weight))
    if offset is not None:
        found = constant_beside(loss, mean, MeansOverRows(Y, sample_weight, offset))
    else:
        found = loss.link(mean)
    return np.where(np.isfinite(found), found, 0.0)  # where an activation has no inverse


def gradient_size(
    loss: Loss, Y: Array, sample_weight: Array, deep: bool, offset: Array | None = None
) -> float:
    """What ``tol`` is relative to, so that the unit of the target does not matter.

        r min(1, s)

    with r the root mean square of d loss / d raw at the best constant: gradients of output
    coefficients are r times what comes in. Those of deeper layers have a factor of the
    output coefficients besides, which are of the size of s, the standard deviation of Y, under
    an identity link, and of 1 under others.

    Parameters
    ----------
    loss : Loss
        The loss.
    Y : ndarray of shape (n_samples, n_outputs)
        Targets.
    sample_weight : ndarray of shape (n_samples,)
        Weights.
    deep : bool
        Whether the net has layers before that of the outputs; s is 1 without.
    offset : ndarray of shape (n_samples, n_outputs), default=None
        Known terms of the raw predictions.

    Returns
    -------
    float
        The nearest power of ten, so that nothing depends on rounding: 1 for targets of about unit
        scale. 1 where all targets are equal.
    """
    constant = mean_prediction(loss, Y, sample_weight, offset)
    constant = np.broadcast_to(constant, Y.shape) + (0.0 if offset is None else offset)
    with np.errstate(all="ignore"):
        slopes = loss.derivatives(Y, constant, 1)[1]
        slope, spread = _root_mean_square(slopes, sample_weight), 1.0
        if deep and loss.out_activation == "identity":
            spread = _root_mean_square(Y - constant, sample_weight)
    if not (np.isfinite(slope) and slope > 0.0):
        return 1.0
    return float(10.0 ** np.round(np.log10(max(slope * min(1.0, spread), np.finfo(float).tiny))))


def _root_mean_square(values: Array, sample_weight: Array) -> float:
    """Over samples, by weight, and outputs; no square overflows."""
    largest = float(np.abs(values).max(initial=0.0))
    if not (0.0 < largest < np.inf):
        return largest
    squares = ((values / largest) ** 2).mean(axis=1)
    return largest * float(np.sqrt(np.average(squares, weights=sample_weight)))
