"""Parameters that units share: which units these are, and which changes of a net keep the ties."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from sknewtonnet._typing import Bools, Ints
from sknewtonnet.calculus.functions.network import Network


def unit_groups(network: Network) -> list[Ints]:
    """Units that share parameters, directly or through others, have the same number.

    Parameters
    ----------
    network : Network
        The net.

    Returns
    -------
    list of ndarray of int of shape (n_units,)
        One for each layer; the numbers count across layers. Each unit has a number of its own if
        nothing is shared.
    """
    layout, sizes = network.layout, network.node_sizes[1:]
    ends = np.cumsum([0, *sizes])
    units = _units_of_entries(network)[layout.exists]
    first = np.full(layout.n_parameters, -1)
    places = layout.positions[layout.exists]
    first[places[::-1]] = units[::-1]
    edges = coo_array((np.ones(len(units)), (units, first[places])), (ends[-1], ends[-1]))
    numbers = connected_components(edges, directed=False)[1]
    return np.split(numbers, ends[1:-1])


def same_block(network: Network) -> Bools:
    """Which pairs of parameters belong to one unit, or to units that share parameters.

    Parameters
    ----------
    network : Network
        The net.

    Returns
    -------
    ndarray of bool of shape (n_parameters, n_parameters)
    """
    units = _units_of_entries(network)
    if network.layout.has_ties:
        units = np.concatenate(unit_groups(network))[units]
    of_parameter = network.layout.restrict(units)
    return np.equal.outer(of_parameter, of_parameter)


def _units_of_entries(network: Network) -> Ints:
    """The unit that each entry of the full vector belongs to, counted across layers."""
    full = np.empty(network.layout.n_full, dtype=int)
    first = 0
    for columns in network.by_layer(full):
        columns[...] = first + np.arange(columns.shape[1])
        first += columns.shape[1]
    return full
