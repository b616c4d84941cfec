"""The best constant of a net, beside an offset or without, by means over the rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.pieces.loss import Loss

_MAX_NEWTON, _ENOUGH = 50, 1e-12


class RowMeans(Protocol):
    """Weighted means over rows, wherever these are."""

    @property
    def largest_offset(self) -> Array:
        """The largest offset of each output, of shape (n_outputs,)."""

    def mean_of(self, term: Callable[..., Array], *args: Any) -> Array:
        """Weighted mean of ``term(Y, offset, *args)``, which has a row for each row of Y."""


@dataclass(frozen=True, eq=False)
class MeansOverRows:
    """Weighted means over rows in memory.

    Parameters
    ----------
    Y : ndarray of shape (n_samples, n_outputs)
        Targets.
    sample_weight : ndarray of shape (n_samples,)
        Weights.
    offset : ndarray of shape (n_samples, n_outputs), or None
        Known terms.
    """

    Y: Array
    sample_weight: Array
    offset: Array | None = None

    @property
    def largest_offset(self) -> Array:
        """See :class:`RowMeans`."""
        return np.zeros(self.Y.shape[1]) if self.offset is None else self.offset.max(axis=0)

    def mean_of(self, term: Callable[..., Array], *args: Any) -> Array:
        """See :class:`RowMeans`."""
        share = self.sample_weight / self.sample_weight.sum()
        terms = term(self.Y, 0.0 if self.offset is None else self.offset, *args)
        return np.tensordot(share, terms, 1)


def loss_of_best_constant(loss: Loss, mean: Array, rows: RowMeans, has_offset: bool) -> float:
    """Mean loss of the mean of the targets for all rows; of 0 where that is not finite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        link = loss.link(mean)  # not finite for a class that is not there
        if has_offset and np.isfinite(link).all():
            link = constant_beside(loss, mean, rows)
        value = float(rows.mean_of(_value, loss, link)) if np.isfinite(link).all() else np.nan
    return value if np.isfinite(value) else float(rows.mean_of(_value, loss, np.zeros_like(mean)))


def constant_beside(loss: Loss, mean: Array, rows: RowMeans) -> Array:
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
    mean : ndarray of shape (n_outputs,)
        Mean prediction; that of the targets, but for classes and counts that never occur.
    rows : RowMeans
        Targets, weights and known terms.

    Returns
    -------
    ndarray of shape (n_outputs,)
        Not finite where a class or a count never occurs.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import get_loss
    >>> from sknewtonnet.calculus.functions.constant import MeansOverRows, constant_beside
    >>> claims, years = np.array([[1.0], [3.0]]), np.array([[4.0], [4.0]])
    >>> rows = MeansOverRows(claims, np.ones(2), np.log(years))
    >>> rate = constant_beside(get_loss("poisson", 1), claims.mean(axis=0), rows)
    >>> np.exp(rate).round(6).tolist()
    [0.5]
    """
    if loss.out_activation == "identity":
        return np.asarray(mean - rows.mean_of(_offset))
    with np.errstate(divide="ignore"):
        link = loss.link(mean)
    if loss.out_activation == "exp":
        largest = rows.largest_offset
        start = np.asarray(link - largest - np.log(rows.mean_of(_exponential, largest)))
        return _of_lowest_loss(loss, rows, start) if rows.mean_of(_occurs).all() else start
    if not np.isfinite(link).all():
        return link
    return _by_newton(loss, mean, rows, link - rows.mean_of(_offset))


def _of_lowest_loss(loss: Loss, rows: RowMeans, start: Array) -> Array:
    """The minimum of a convex loss whose outputs do not interact; else the start."""
    constant, m = start, len(start)
    for _ in range(_MAX_NEWTON):
        value, *found = np.split(rows.mean_of(_derivatives, loss, constant), [1, 1 + m, 1 + 2 * m])
        short, size, curvature = found
        if not (np.isfinite(curvature).all() and (curvature > 0.0).all()):
            return start
        if (np.abs(short) <= _ENOUGH * size).all():
            break
        step = -short / curvature
        while rows.mean_of(_value, loss, constant + step) > value[0]:
            step = 0.5 * step
            if np.abs(step).max() <= _ENOUGH:
                return constant
        constant = constant + step
    return constant


def _by_newton(loss: Loss, mean: Array, rows: RowMeans, start: Array) -> Array:
    """The root of a monotonic function, whose steps are halved until it falls."""
    constant, m = start, len(mean)
    short = rows.mean_of(_response, loss, constant) - mean
    for _ in range(_MAX_NEWTON):
        if np.abs(short).max() <= _ENOUGH:
            break
        slopes = rows.mean_of(_slopes, loss, constant).reshape(m, m)
        step = np.linalg.lstsq(slopes, -short, rcond=1e-12)[0]
        while True:
            trial = rows.mean_of(_response, loss, constant + step) - mean
            if np.abs(trial).max() <= np.abs(short).max():
                break
            step = 0.5 * step
            if np.abs(step).max() <= _ENOUGH:
                return constant
        constant, short = constant + step, trial
    return constant - constant.mean() if loss.shift_invariant else constant


# Terms whose means are taken: functions of some rows, which can be pickled.


def _offset(Y: Array, offset: Any) -> Array:
    return np.zeros(Y.shape) + offset


def _exponential(Y: Array, offset: Any, largest: Array) -> Array:
    return np.asarray(np.exp(_offset(Y, offset) - largest))


def _occurs(Y: Array, offset: Any) -> Array:
    return (Y != 0.0).astype(float)


def _value(Y: Array, offset: Any, loss: Loss, constant: Array) -> Array:
    return loss.value(Y, _offset(Y, offset) + constant)


def _derivatives(Y: Array, offset: Any, loss: Loss, constant: Array) -> Array:
    """Value, slopes, their sizes and curvatures side by side; NaN where outputs interact."""
    value, slopes, bends = loss.derivatives(Y, _offset(Y, offset) + constant, 2)
    if bends.ndim > 2:
        bends = np.full(Y.shape, np.nan)
    return np.column_stack([value, slopes, np.abs(slopes), bends])


def _response(Y: Array, offset: Any, loss: Loss, constant: Array) -> Array:
    return np.asarray(loss.inverse_link(_offset(Y, offset) + constant))


def _slopes(Y: Array, offset: Any, loss: Loss, constant: Array) -> Array:
    raw = _offset(Y, offset) + constant
    return np.column_stack([loss.mean_derivatives(raw, o, 1)[1] for o in range(Y.shape[1])])
