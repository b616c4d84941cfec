"""Parameters that units share: which units these are, and which changes of a net keep the ties."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.pieces.function import SmoothFunction
from sknewtonnet.calculus.pieces.memory import check_memory
from sknewtonnet.calculus.pieces.parameters import ParameterLayout
from sknewtonnet.calculus.pieces.symmetric import symmetric_part

# Entries per parameter from which on products with all directions cost less than the Hessian in
# the entries: half at 20, a fifth at 40, a twentieth at 200.
_MANY = 10


def many_entries(layout: ParameterLayout) -> bool:
    """Whether parameters have so many entries that a Hessian costs less by products."""
    return layout.has_ties and layout.n_full > _MANY * layout.n_parameters


def hessian_by_products(f: SmoothFunction, network: Network, w: Array, kind: str) -> Array:
    """The Hessian of f from products with all directions; "block" is a part of the exact one."""
    whole = "exact" if kind == "block" else kind
    H = by_products(network, lambda directions: f.hessian_product(w, directions, whole))
    return H * same_block(network) if kind == "block" else H


def by_products(network: Network, product: Callable[[Array], Array]) -> Array:
    """A symmetric matrix of the parameters of a net from its products with all directions."""
    size = network.layout.n_full * network.n_parameters
    advice = "hessian_product needs no matrix"
    check_memory("a Hessian by products", 24.0 * size, advice)
    return symmetric_part(product(np.eye(network.n_parameters)))


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


def may_swap(network: Network, layer: int, one: Ints, other: Ints) -> bool:
    """Whether two units, or groups of them, keep connections and ties when they change places.

    Parameters
    ----------
    network : Network
        The net.
    layer : int
        The layer, a hidden one.
    one, other : ndarray of int
        The units, as many of both, which change places in their order.

    Returns
    -------
    bool
        True if what comes in and goes out of one is tied in the same way as that of the other.
    """
    layout, n_units = network.layout, network.node_sizes[layer + 1]
    kinds, order = np.zeros(n_units, dtype=int), np.arange(n_units)
    for number, (_, units) in enumerate(network.layers[layer].activation.groups(n_units)):
        kinds[units] = number
    order[one], order[other] = other, one
    source = np.arange(layout.n_full)
    matrices = network.by_layer(source)
    matrices[layer][...] = matrices[layer][:, order]
    for rows in network.outgoing(matrices, layer + 1):
        rows[...] = rows[order]
    moved = layout.positions[source]
    torn = (moved != moved[_first_entries(layout)])[layout.exists].any()
    same = (layout.exists[source] == layout.exists).all() and (kinds[order] == kinds).all()
    return bool(same and not torn)


def unit_blocks(network: Network, layer: int, alike: Bools) -> list[Ints]:
    """Units of a hidden layer that can change places together only, such as those of a filter.

    Parameters
    ----------
    network : Network
        The net.
    layer : int
        The layer.
    alike : ndarray of bool of shape (n_units, n_units)
        Which units can change places alone.

    Returns
    -------
    list of ndarray of int
        Each unit is in one block; those that share nothing, or can go alone, are blocks of one.
    """
    numbers = unit_groups(network)[layer]
    found: list[Ints] = []
    for number in np.unique(numbers):
        members = np.flatnonzero(numbers == number)
        together = not alike[np.ix_(members, members)].all()
        found += [members] if together else [members[[j]] for j in range(len(members))]
    return found


def interchangeable_blocks(network: Network, layer: int, one: Ints, other: Ints) -> bool:
    """Whether two of the :func:`unit_blocks` are one, or can change places."""
    if len(one) != len(other):
        return False
    return bool((one == other).all()) or may_swap(network, layer, one, other)


def flip_groups(network: Network, layer: int, outward: bool) -> list[Ints]:
    """Units of a hidden layer that can change signs together without tearing a tie.

    Parameters
    ----------
    network : Network
        The net.
    layer : int
        The layer; it is linear.
    outward : bool
        Whether what goes out changes its sign as well as what comes in.

    Returns
    -------
    list of ndarray of int
        Each unit is in one group, or in none if it cannot change its sign. Each is a group of its
        own if nothing is shared.
    """
    layout, n_units = network.layout, network.node_sizes[layer + 1]
    if not layout.has_ties:
        return [np.array([unit]) for unit in range(n_units)]
    owner = np.full(layout.n_full, n_units)  # the unit whose sign changes an entry; n_units: none
    owners = network.by_layer(owner)
    owners[layer][...] = np.arange(n_units)
    for rows in network.outgoing(owners, layer + 1) if outward else []:
        rows[...] = np.arange(n_units)[:, None]
    first = _first_entries(layout)
    pairs = owner[layout.exists], owner[first[layout.exists]]
    edges = coo_array((np.ones(len(pairs[0])), pairs), (n_units + 1, n_units + 1))
    number = connected_components(edges, directed=False)[1]
    held = number[n_units]  # tied to what does not change
    return [np.flatnonzero(number[:-1] == k) for k in np.unique(number) if k != held]


def _first_entries(layout: ParameterLayout) -> Ints:
    """The first entry of the parameter that each entry is of; itself if it does not exist."""
    found = np.arange(layout.n_full)
    if layout.free is not None:
        found[layout.exists] = layout.free[layout.positions[layout.exists]]
    return found


def _units_of_entries(network: Network) -> Ints:
    """The unit that each entry of the full vector belongs to, counted across layers."""
    full = np.empty(network.layout.n_full, dtype=int)
    first = 0
    for columns in network.by_layer(full):
        columns[...] = first + np.arange(columns.shape[1])
        first += columns.shape[1]
    return full
