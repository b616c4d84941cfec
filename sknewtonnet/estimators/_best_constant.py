"""The best constant prediction, and the size of gradients that it tells of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import Loss
from sknewtonnet.calculus.functions.constant import constant_beside
from sknewtonnet.calculus.pieces.moments import Moments
from sknewtonnet.estimators._data import Data, Table


def mean_prediction(loss: Loss, data: Table) -> Array:
    """Raw prediction of the weighted mean of Y, finite where a class or count never occurs.

    Beside an offset the best constant.
    """
    mean = loss.interior(data.targets.mean)
    found = constant_beside(loss, mean, data) if data.has_offset else loss.link(mean)
    return np.where(np.isfinite(found), found, 0.0)  # where an activation has no inverse


def gradient_size(loss: Loss, data: Table, deep: bool) -> float:
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
    data : Table
        The rows.
    deep : bool
        Whether the net has layers before that of the outputs; s is 1 without.

    Returns
    -------
    float
        The nearest power of ten, so that nothing depends on rounding: 1 for targets of about unit
        scale. 1 where all targets are equal.
    """
    constant, spread = mean_prediction(loss, data), 1.0
    with np.errstate(all="ignore"):
        slope = _root_mean_square(data.moments(_Slopes(loss, constant)))
        if deep and loss.out_activation == "identity":
            spread = _root_mean_square(data.moments(_Distances(constant)))
    if not (np.isfinite(slope) and slope > 0.0):
        return 1.0
    return float(10.0 ** np.round(np.log10(max(slope * min(1.0, spread), np.finfo(float).tiny))))


@dataclass(frozen=True, eq=False)
class _Slopes:
    """Derivatives of the loss at a constant, for each row and output."""

    loss: Loss
    constant: Array

    def __call__(self, rows: Data) -> Array:
        raw = rows.raw(np.broadcast_to(self.constant, rows.Y.shape))
        return self.loss.derivatives(rows.Y, raw, 1)[1]


@dataclass(frozen=True, eq=False)
class _Distances:
    """Targets less a constant, for each row and output."""

    constant: Array

    def __call__(self, rows: Data) -> Array:
        return rows.Y - rows.raw(np.broadcast_to(self.constant, rows.Y.shape))


def _root_mean_square(values: Moments) -> float:
    """Over samples, by weight, and outputs; no square overflows."""
    sizes = np.hypot(values.mean, values.spread)
    largest = float(sizes.max(initial=0.0))
    if not (0.0 < largest < np.inf):
        return largest
    return largest * float(np.sqrt(((sizes / largest) ** 2).mean()))
