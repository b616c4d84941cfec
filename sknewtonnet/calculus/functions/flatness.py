"""Flat ends: nets that predict a constant, although their inputs matter.

A run may end where all units of a hidden layer are saturated, dead or unused on the data. The
gradient is zero there, or a penalty makes the point a minimum, and the second-derivative test
has nothing to object. What is wrong with such a point shows in the data:

constant   the spread of all raw predictions over the rows is at most 1e-6 of what matters to the
           loss, or the rounding of the predictions
misfit     the derivatives of the loss in the raw predictions, averaged over equal rows, are not
           zero: some function of the inputs is better than a constant

A point is flat if both hold. What matters is the size of the residuals, or 1 if the loss is not
quadratic, as in :mod:`sknewtonnet.calculus.functions.units`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.any_objective import AnyObjective
from sknewtonnet.calculus.functions.block_source import Rows
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.functions.unit_facts import RawFacts
from sknewtonnet.calculus.functions.units import NOTHING
from sknewtonnet.calculus.pieces.loss import Loss
from sknewtonnet.calculus.pieces.moments import Moments

# Distinct rows beyond so many are compared with those of their part of the table alone.
_MANY_ROWS = 4096


def is_flat(objective: AnyObjective, w: Array) -> bool:
    """Whether a net predicts a constant, although its inputs matter.

    Parameters
    ----------
    objective : Objective or BlockObjective
        Network, data and loss.
    w : ndarray of shape (n_parameters,)
        Parameters, as a rule the end of a run.

    Returns
    -------
    bool
        False for a net without hidden layers, which is not stuck where it is stationary.

    Notes
    -----
    One prediction of all rows; where that is constant, equal rows are found by sorting.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.calculus.functions.flatness import is_flat
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> f = Objective(Network.mlp(1, 1, 1), "squared_error", X, X**2)
    >>> saturated, at_work = [1.0, 30.0, 1.0, 0.0], [1.0, 0.5, 1.0, 0.0]
    >>> is_flat(f, np.array(saturated)), is_flat(f, np.array(at_work))
    (True, False)
    """
    if len(objective.network.layers) == 1 or not (np.isfinite(w).all() and varies(objective)):
        return False
    return is_constant(objective, w) and _misfits(objective, w)


def is_constant(objective: AnyObjective, w: Array) -> bool:
    """Whether predictions are the same for all rows.

    Parameters
    ----------
    objective : Objective or BlockObjective
        Network, data and loss.
    w : ndarray of shape (n_parameters,)
        Parameters.

    Returns
    -------
    bool
        See :mod:`sknewtonnet.calculus.functions.flatness`.
    """
    parts = objective.over_rows(_raw_facts, objective.network, w)
    found = reduce(RawFacts.joined, parts)
    rounding = 10.0 * float(np.finfo(float).eps) * float(found.raw.size.max(initial=0.0))
    matters = NOTHING * found.unit(objective.loss.quadratic)
    width = float((found.raw.high - found.raw.low).max(initial=0.0))
    return width <= max(matters, rounding)


def varies(objective: AnyObjective) -> bool:
    """Whether the targets are more than a constant and its rounding.

    Parameters
    ----------
    objective : Objective or BlockObjective
        With the targets.

    Returns
    -------
    bool
    """
    parts = objective.over_rows(_target_moments, objective.loss.of_differences)
    found = reduce(Moments.joined, parts)
    rounding = 1e3 * np.finfo(float).eps * found.size
    return bool((found.spread > rounding).any())


def _misfits(objective: AnyObjective, w: Array) -> bool:
    """Whether derivatives of the loss, averaged over equal rows, are not zero."""
    network, loss = objective.network, objective.loss
    found = reduce(_Slopes.joined, objective.over_rows(_slopes, network, loss, w))
    largest = max(float(np.abs(own).max(initial=0.0)) for own in found.sums.values())
    return max(largest, found.largest) > NOTHING * float(found.sizes.max())


@dataclass(frozen=True, eq=False)
class _Slopes:
    """Derivatives of the loss in the raw predictions, summed over equal rows.

    Parameters
    ----------
    sums : dict
        For each distinct row the sum of the derivatives; of many rows alone the first.
    largest : float
        The largest magnitude of other sums.
    sizes : ndarray of shape (n_outputs,)
        The sums of their magnitudes.
    """

    sums: dict[bytes, Array]
    largest: float
    sizes: Array

    def joined(self, other: _Slopes) -> _Slopes:
        """Those of these rows and others."""
        sums, largest = dict(self.sums), max(self.largest, other.largest)
        for row, own in other.sums.items():
            if row in sums or len(sums) < _MANY_ROWS:
                sums[row] = sums[row] + own if row in sums else own
            else:
                largest = max(largest, float(np.abs(own).max()))
        return _Slopes(sums, largest, self.sizes + other.sizes)


def _slopes(rows: Rows, network: Network, loss: Loss, w: Array) -> _Slopes:
    raw = network.predict_raw(w, rows.X)
    raw = raw if rows.offset is None else raw + rows.offset
    slopes = loss.derivatives(rows.Y, raw, 1)[1] * rows.sample_weight[:, None]
    distinct, number = np.unique(rows.X, axis=0, return_inverse=True)
    sums = np.array([np.bincount(number.ravel(), weights=column) for column in slopes.T]).T
    known = {row.tobytes(): own for row, own in zip(distinct[:_MANY_ROWS], sums, strict=False)}
    largest = float(np.abs(sums[_MANY_ROWS:]).max(initial=0.0))
    return _Slopes(known, largest, np.abs(slopes).sum(axis=0))


def _raw_facts(rows: Rows, network: Network, w: Array) -> RawFacts:
    return RawFacts.of(network.predict_raw(w, rows.X), rows)


def _target_moments(rows: Rows, differences: bool) -> Moments:
    Y = rows.Y
    if rows.offset is not None:
        # Equal counts at different offsets ask for different predictions of the net.
        Y = Y - rows.offset if differences else np.hstack([Y, rows.offset])
    return Moments.of(Y, rows.sample_weight)
