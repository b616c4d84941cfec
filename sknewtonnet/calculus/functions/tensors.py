"""Derivatives of any order of the Lagrangian of an objective, for each unit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.pieces.memory import check_memory
from sknewtonnet.calculus.pieces.penalties import PenaltySum


def check_tensor_memory(network: Network, order: int) -> None:
    """Raise a MemoryError where derivatives of that order of all units would not fit."""
    shapes = [exists.shape for exists in network.exists]
    size = sum(s * float(t) ** order for t, s in shapes)
    check_memory(f"tensors of order {order}", 16.0 * size, "a lower order takes less")


def add_penalty(
    network: Network, penalty: PenaltySum | None, w: Array, tensors: Sequence[Array]
) -> None:
    """Set derivatives of entries that do not exist to 0, and add those of a penalty.

    Parameters
    ----------
    network : Network
        The net.
    penalty : PenaltySum or None
        None for no penalty.
    w : ndarray of shape (n_parameters,)
        The point.
    tensors : sequence of ndarray of shape (s_k, t_k, ..., t_k)
        Derivatives of the rest, which are changed.

    Raises
    ------
    ValueError
        If there is a penalty, and units share parameters.
    NotImplementedError
        If a penalty has no derivatives of that order.
    """
    if penalty is not None and penalty.is_zero:
        penalty = None
    if penalty is not None and network.layout.has_ties:
        raise ValueError(
            "derivatives of a penalty in parameters that units share have no place in tensors of "
            "single units: penalised=False leaves the penalties out."
        )
    for tensor, exists, positions in zip(tensors, network.exists, network.positions, strict=True):
        order = tensor.ndim - 1
        for unit, present, places in zip(tensor, exists.T, positions.T, strict=True):
            for axis in range(0 if present.all() else order):
                np.moveaxis(unit, axis, 0)[~present] = 0.0
            if penalty is not None:
                there = np.flatnonzero(present)
                unit[np.ix_(*[there] * order)] += penalty.tensor(w, order, places[there])
