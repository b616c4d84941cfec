"""The best constant of a net beside an offset."""

import numpy as np
from scipy.special import logsumexp

from sknewtonnet._typing import Array
from sknewtonnet.calculus.pieces.loss import Loss

_MAX_NEWTON, _ENOUGH = 50, 1e-12


def constant_beside(
    loss: Loss, Y: Array, mean: Array, sample_weight: Array, offset: Array
) -> Array:
    """The constant c for which predictions of c + offset have a given mean, or the lowest loss.

        sum_i s_i inverse_link(c + offset_i) = S mean

    Closed under the identity and the logarithmic link, by Newton's method under those of classes.
    With the mean of the targets it is the maximum of the likelihood under canonical links; under
    other losses with a logarithmic link, such as gamma, the minimum of the loss follows. Of a
    softmax the c_o sum to 0.

    Parameters
    ----------
    loss : Loss
        The loss, whose link it is.
    Y : ndarray of shape (n_samples, n_outputs)
        Targets.
    mean : ndarray of shape (n_outputs,)
        Mean prediction; that of the targets, but for classes and counts that never occur.
    sample_weight : ndarray of shape (n_samples,)
        Weights.
    offset : ndarray of shape (n_samples, n_outputs)
        Known terms.

    Returns
    -------
    ndarray of shape (n_outputs,)
        Not finite where a class or a count never occurs.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import get_loss
    >>> from sknewtonnet.calculus.functions.constant import constant_beside
    >>> claims, years = np.array([[1.0], [3.0]]), np.array([[4.0], [4.0]])
    >>> loss, mean = get_loss("poisson", 1), claims.mean(axis=0)
    >>> rate = constant_beside(loss, claims, mean, np.ones(2), np.log(years))
    >>> np.exp(rate).round(6).tolist()
    [0.5]
    """
    share = sample_weight / sample_weight.sum()
    if loss.out_activation == "identity":
        return np.asarray(mean - share @ offset)
    with np.errstate(divide="ignore"):
        link = loss.link(mean)
    if loss.out_activation == "exp":
        start = np.asarray(link - logsumexp(offset, axis=0, b=share[:, None]))
        return _of_lowest_loss(loss, Y, share, offset, start) if Y.any(axis=0).all() else start
    if not np.isfinite(link).all():
        return link
    return _by_newton(loss, mean, share, offset, link - share @ offset)


def _of_lowest_loss(loss: Loss, Y: Array, share: Array, offset: Array, start: Array) -> Array:
    """The minimum of a convex loss whose outputs do not interact; else the start."""
    constant = start
    for _ in range(_MAX_NEWTON):
        value, slopes, bends = loss.derivatives(Y, constant + offset, 2)
        curvature = share @ bends if bends.ndim == 2 else np.zeros(1)
        if not (np.isfinite(curvature).all() and (curvature > 0.0).all()):
            return start
        short = share @ slopes
        if (np.abs(short) <= _ENOUGH * (share @ np.abs(slopes))).all():
            break
        step = -short / curvature
        while share @ loss.value(Y, constant + step + offset) > share @ value:
            step = 0.5 * step
            if np.abs(step).max() <= _ENOUGH:
                return constant
        constant = constant + step
    return constant


def _by_newton(loss: Loss, mean: Array, share: Array, offset: Array, start: Array) -> Array:
    """The root of a monotonic function, whose steps are halved until it falls."""
    constant = start

    def excess(c: Array) -> Array:
        return np.asarray(share @ loss.inverse_link(c + offset) - mean)

    for _ in range(_MAX_NEWTON):
        short = excess(constant)
        if np.abs(short).max() <= _ENOUGH:
            break
        raw = constant + offset
        rows = [loss.mean_derivatives(raw, o, 1)[1] for o in range(len(mean))]
        step = np.linalg.lstsq(np.array([share @ row for row in rows]), -short, rcond=1e-12)[0]
        while np.abs(excess(constant + step)).max() > np.abs(short).max():
            step = 0.5 * step
            if np.abs(step).max() <= _ENOUGH:
                return constant
        constant = constant + step
    return constant - constant.mean() if loss.shift_invariant else constant
