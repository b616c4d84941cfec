"""The surgeon's step: where a net stands once some of its parameters are gone."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lstsq, null_space

from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus import Network
from sknewtonnet.calculus.functions.units import settle
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._saliency import flat_directions


def unit_parameters(network: Network) -> list[tuple[str, Ints]]:
    """What leaves each hidden unit: the unit has no effect if these parameters are zero.

    They are the groups of weights whose tests say whether units are needed.

    Parameters
    ----------
    network : Network
        The net.

    Returns
    -------
    list of tuple of str and ndarray of int
        Name and positions, for each unit of each hidden layer that has any. Units that are read
        by a layer that is not linear are left out: no zero parameter removes them. Units whose
        outgoing parameters are shared go together, under names like "h0, h1".

    See Also
    --------
    group_saliency : The growth of the objective without such a group.
    without_parameters : The net without it.
    sknewtonnet.BackwardPruning : Removal of what is not significant.

    Examples
    --------
    >>> from sknewtonnet.calculus import Network
    >>> from sknewtonnet.inference import unit_parameters
    >>> net = Network.mlp(1, 2, 1)
    >>> [(name, [net.layout.names[j] for j in where]) for name, where in unit_parameters(net)]
    [('h0', ['coefs_1[h0, y]']), ('h1', ['coefs_1[h1, y]'])]
    """
    found: list[tuple[str, Ints]] = []
    for k, units in enumerate(network.unit_names):
        if not network.has_linear_readers(k + 1):
            continue
        places = np.hstack(network.outgoing(network.positions, k + 1))
        listed = [(name, row[row >= 0]) for name, row in zip(units, places, strict=True)]
        found += _joined(listed) if network.layout.has_ties else listed
    return [(name, positions) for name, positions in found if len(positions)]


def _joined(parts: list[tuple[str, Ints]]) -> list[tuple[str, Ints]]:
    """Parts that have positions in common as one."""
    found: list[tuple[str, Ints]] = []
    for name, positions in parts:
        apart = [part for part in found if not np.isin(positions, part[1]).any()]
        common = [part for part in found if np.isin(positions, part[1]).any()]
        names = ", ".join([*(part[0] for part in common), name])
        joined = np.unique(np.concatenate([*(part[1] for part in common), positions]))
        found = [*apart, (names, joined)]
    return found


def without_parameters(information: Information, positions: Ints) -> tuple[Array, Bools]:
    """The minimum of the quadratic model without some parameters (Hassibi and Stork 1993).

    The others move to w - K_S (K_SS)^-1 w_S, with K the inverse Hessian; along directions without
    curvature they move for nothing. What then does nothing goes as well, and units that are left
    as constants are taken over by intercepts.

    Parameters
    ----------
    information : Information
        The minimum.
    positions : ndarray of int
        Which parameters go.

    Returns
    -------
    full : ndarray of shape (n_full,)
        Parameters of the smaller net, in a layout in which all may exist.
    kept : ndarray of bool of shape (n_full,)
        Which of them still exist.

    See Also
    --------
    group_saliency : The growth of the objective that goes with it.
    sknewtonnet.BackwardPruning : The estimator, which refits from there.

    References
    ----------
    Hassibi and Stork (1993), Second order derivatives for network pruning: optimal brain surgeon.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.inference import Information, without_parameters
    >>> X = np.array([[-1.0], [0.0], [1.0], [2.0]])
    >>> f = Objective(Network.mlp(1, (), 1), "squared_error", X, [0.0, 1.0, 1.0, 3.0])
    >>> full, kept = without_parameters(Information(f, np.array([0.9, 0.8])), np.array([0]))
    >>> full.round(6).tolist(), kept.tolist()  # the mean of the targets
    ([0.0, 1.25], [False, True])
    """
    w, network = information.params, information.objective.network
    K, gone = information.factor.inverse[:, positions], w[positions]
    flat = flat_directions(information)
    held = null_space(flat[positions].T)
    force = 0.0 * gone
    if held.size:
        force = held @ lstsq(held.T @ K[positions] @ held, held.T @ gone)[0]
    along = np.empty(0)
    if flat.size:
        along = lstsq(flat[positions], gone - K[positions] @ force)[0]
    start = w - K @ force - flat @ along
    exists = np.ones(len(w), dtype=bool)
    exists[positions] = False
    start[~exists] = 0.0
    return settle(network, start, exists)
