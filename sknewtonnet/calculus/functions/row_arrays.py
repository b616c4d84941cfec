"""Rows as an objective takes them: arrays of the right shapes."""

from __future__ import annotations

import numpy as np

from sknewtonnet.calculus.functions.block_source import Rows
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.pieces.loss import Loss
from sknewtonnet.calculus.pieces.validation import (
    finite_array,
    offsets,
    real_array,
    shaped_array,
)


def row_arrays(network: Network, rows: Rows, loss: Loss | None = None) -> Rows:
    """Rows as arrays of float64 with weights, or an error that says which cannot be one.

    Parameters
    ----------
    network : Network
        The net.
    rows : Rows
        As users give them.
    loss : Loss or None, default=None
        That of numbers which must be finite, and targets in its domain. None where that is known:
        then no number is looked at.

    Returns
    -------
    Rows
        Targets in columns; what is of float64 already is not copied, but for the offset.
    """
    as_array = shaped_array if loss is None else finite_array
    X, Y = as_array("X", rows.X, (None, network.n_features)), real_array("Y", rows.Y)
    if Y.ndim == 1 and network.n_outputs == 1:
        Y = Y[:, None]
    name = "Y, one-hot for classes," if Y.ndim == 1 else "Y"
    Y = as_array(name, Y, (len(X), network.n_outputs))
    given = np.ones(len(X)) if rows.sample_weight is None else rows.sample_weight
    weight = as_array("sample_weight", given, (len(X),))
    if loss is not None:
        loss.check_target(Y)
    return Rows(X, Y, weight, offsets(rows.offset, Y.shape))
