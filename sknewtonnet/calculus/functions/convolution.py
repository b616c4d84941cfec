"""Filters along a row of columns, as connections and ties of a net."""

from __future__ import annotations

import numpy as np

from sknewtonnet._typing import Bools, Ints
from sknewtonnet.calculus.pieces.memory import check_memory
from sknewtonnet.calculus.pieces.validation import check_count


def convolution(
    n_features: int,
    width: int,
    n_filters: int = 1,
    *,
    stride: int = 1,
    pooled_outputs: int = 0,
) -> tuple[dict[str, Bools], dict[str, Ints]]:
    """A first linear layer whose units are filters along the row of columns.

        a_fq = b_f + sum_i w_fi x_(q stride + i),    i = 0 .. width - 1

    Filter f has a unit at each of n_positions = (n_features - width) // stride + 1 positions q,
    with ``width`` coefficients and one intercept for all of them: with h_fq = h(a_fq) the layer
    has n_filters (width + 1) parameters, whatever the number of columns.

    Parameters
    ----------
    n_features : int
        Number of columns, in their order along the row.
    width : int
        Columns that a unit reads, one beside the other.
    n_filters : int, default=1
        Number of filters. The units of each are consecutive.
    stride : int, default=1
        Columns between one position and the next.
    pooled_outputs : int, default=0
        0: the next layer has a weight of its own for each unit. A number m: it has m units, and
        each reads the sum of a filter over its positions through one weight ("coefs_1").

    Returns
    -------
    connectivity : dict of str to ndarray of bool
        Which columns each unit reads, for the argument of that name.
    tied : dict of str to ndarray of int
        Which entries are one parameter. ``len(tied["intercepts_0"])`` is the number of units.

    Raises
    ------
    ValueError
        If a number is not a positive integer, or a filter is wider than the row.
    MemoryError
        If the arrays would not fit; nothing is allocated before.

    See Also
    --------
    Network.mlp : A net with these connections and ties.
    ParameterLayout : What connections and ties mean.
    sknewtonnet.NewtonMLPRegressor :
        The estimator, whose arguments ``connectivity`` and ``tied`` these are.

    Notes
    -----
    Shared parameters are taken together by ``standardize=True``: all columns that a filter reads
    have one shift and one scale, those of all their values.

    Examples
    --------
    >>> from sknewtonnet.calculus import Network, convolution
    >>> connectivity, tied = convolution(5, width=3)
    >>> tied["coefs_0"].T.tolist()  # a row per unit
    [[0, 1, 2, -1, -1], [-1, 0, 1, 2, -1], [-1, -1, 0, 1, 2]]
    >>> net = Network.mlp(5, (3,), 1, connectivity=connectivity, tied=tied)
    >>> net.layout.names[:4]
    ['coefs_0[x0, h0]', 'coefs_0[x1, h0]', 'coefs_0[x2, h0]', 'intercepts_0[h0]']
    """
    numbers = {"n_features": n_features, "width": width, "n_filters": n_filters, "stride": stride}
    for name, given in [*numbers.items(), ("pooled_outputs", pooled_outputs)]:
        least = 0 if name == "pooled_outputs" else 1
        check_count(name, given, least)
    if width > n_features:
        raise ValueError(f"width must be at most n_features={n_features}, got {width}.")
    n_units = n_filters * ((n_features - width) // stride + 1)
    check_memory(
        f"connections and ties of {n_features} columns and {n_units} units",
        9.0 * n_features * n_units,
        "use fewer columns or filters, or a longer stride",
    )
    starts = np.arange(0, n_features - width + 1, stride)
    filters = np.repeat(np.arange(n_filters), len(starts))  # of each unit
    labels = np.full((n_features, len(filters)), -1)
    for i in range(width):
        labels[np.tile(starts + i, n_filters), np.arange(len(filters))] = width * filters + i
    tied = {"coefs_0": labels, "intercepts_0": n_filters * width + filters}
    if pooled_outputs:
        weights = n_filters * (width + 1) + pooled_outputs * filters[:, None]
        tied["coefs_1"] = weights + np.arange(pooled_outputs)
    return {"coefs_0": labels >= 0}, tied
