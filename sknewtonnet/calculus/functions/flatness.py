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

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.objective import Objective
from sknewtonnet.calculus.functions.units import NOTHING, raw_unit


def is_flat(objective: Objective, w: Array) -> bool:
    """Whether a net predicts a constant, although its inputs matter.

    Parameters
    ----------
    objective : Objective
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


def is_constant(objective: Objective, w: Array) -> bool:
    """Whether predictions are the same for all rows.

    Parameters
    ----------
    objective : Objective
        Network, data and loss.
    w : ndarray of shape (n_parameters,)
        Parameters.

    Returns
    -------
    bool
        See :mod:`sknewtonnet.calculus.functions.flatness`.
    """
    counts = objective.sample_weight > 0
    raw = objective.network.predict_raw(w, objective.samples[counts])
    rounding = 10.0 * float(np.finfo(float).eps) * float(np.abs(raw).max(initial=0.0))
    matters = NOTHING * raw_unit(objective, raw)
    return bool(np.ptp(raw, axis=0).max(initial=0.0) <= max(matters, rounding))


def varies(objective: Objective) -> bool:
    """Whether the targets are more than a constant and its rounding.

    Parameters
    ----------
    objective : Objective
        With the targets.

    Returns
    -------
    bool
    """
    Y = objective.targets
    if objective.offset is not None:
        # Equal counts at different offsets ask for different predictions of the net.
        differences = objective.loss.of_differences
        Y = Y - objective.offset if differences else np.hstack([Y, objective.offset])
    Y = Y[objective.sample_weight > 0]
    rounding = 1e3 * np.finfo(float).eps * np.abs(Y).max(axis=0)
    return bool((Y.std(axis=0) > rounding).any())


def _misfits(objective: Objective, w: Array) -> bool:
    """Whether derivatives of the loss, averaged over equal rows, are not zero."""
    counts = objective.sample_weight > 0
    X, weight = objective.samples[counts], objective.sample_weight[counts]
    raw = objective.network.predict_raw(w, X)
    if objective.offset is not None:
        raw = raw + objective.offset[counts]
    slopes = objective.loss.derivatives(objective.targets[counts], raw, 1)[1] * weight[:, None]
    rows = np.unique(X, axis=0, return_inverse=True)[1].ravel()
    sums = np.array([np.bincount(rows, weights=column) for column in slopes.T])
    return bool(np.abs(sums).max() > NOTHING * np.abs(slopes).sum(axis=0).max())
