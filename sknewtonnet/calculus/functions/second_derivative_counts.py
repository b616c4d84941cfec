"""How many second derivatives are not zero, by the structure of a net."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.functions.shared import same_block
from sknewtonnet.calculus.passes.higher_orders import activations_of
from sknewtonnet.calculus.pieces.activations import Activation
from sknewtonnet.calculus.pieces.loss import Loss
from sknewtonnet.calculus.pieces.losses import get_loss
from sknewtonnet.calculus.pieces.memory import check_hessian_memory, check_memory
from sknewtonnet.calculus.pieces.output_activation import behind


@dataclass(frozen=True, slots=True)
class SecondDerivativeCounts:
    """Numbers of second derivatives of a loss, without a penalty, that are not always zero.

    Both halves of a symmetric matrix count. Numbers of ``stored`` are doubles.

    Parameters
    ----------
    lagrangian : int
        Of the Lagrangian at fixed states and multipliers, "lagrangian" of
        :meth:`Objective.hessian`: n_j^2 for each unit j of n_j parameters.
    block : int
        Of the exact Hessian in the blocks of each unit with itself, "block" there; units that
        share parameters are one block.
    exact : int
        Of the exact Hessian.
    stored_blocks : int
        What :meth:`Objective.hessian_blocks` returns, sum_k s_k t_k^2 for s_k units of t_k
        parameters; it has none where units share parameters.
    stored_dense : int
        What :meth:`Objective.hessian` returns, P^2.

    See Also
    --------
    count_second_derivatives : The function that counts.
    Objective.hessian : The matrices that are counted.
    Objective.hessian_blocks : The blocks.

    Examples
    --------
    >>> from sknewtonnet.calculus import Network, count_second_derivatives
    >>> net = Network.mlp(10, 20, 1)  # 20 units of 11 parameters, one of 21
    >>> counts = count_second_derivatives(net)
    >>> counts.lagrangian, counts.block, counts.exact, counts.stored_dense
    (2420, 2861, 58081, 58081)
    """

    lagrangian: int
    block: int
    exact: int
    stored_blocks: int
    stored_dense: int


def count_second_derivatives(
    network: Network, loss: str | Loss = "squared_error"
) -> SecondDerivativeCounts:
    """Count the second derivatives of a net's loss that are not zero wherever it stands.

    With linear layers, t_k = 1 + sum of the sizes of the layers that layer k reads, and no missing
    connections, the Lagrangian has

        sum_k s_k t_k^2

    over the layers whose activation is curved: a last layer without one, and units of "relu" or
    "identity", have none. [I] (4.1) has this as sum_k s_k s_{k-1}^2 where each layer reads the one
    before it, without intercepts. With skip connections [I] has sum_k s_k sum_k1 s_k1^2, which
    leaves out the derivatives of a unit in coefficients of two layers that it reads: the square is
    that of the sum.

    Parameters
    ----------
    network : Network
        The net, of any layers, with missing connections or shared parameters.
    loss : str or Loss, default="squared_error"
        Whether it couples the outputs matters for the exact Hessian alone. One of raw predictions
        (:attr:`Loss.of_raw`) leaves out an activation of the last layer.

    Returns
    -------
    SecondDerivativeCounts
        The numbers, by kinds of Hessian.

    Raises
    ------
    MemoryError
        If a matrix of all pairs of units, or, where units share parameters, of parameters, would
        not fit the memory.
    TypeError
        If ``network`` is no Network.

    See Also
    --------
    Objective.hessian : The matrices that are counted.
    Objective.hessian_blocks : The blocks.
    sknewtonnet.inspection.spectrum : Their eigenvalues.

    Notes
    -----
    Two units have second derivatives of f where both lead to one output, or to outputs that the
    loss couples. Units that lead to no output have none. O(units^2) memory.

    References
    ----------
    Iovleff (2004), Exact Calculus of First and Second Derivatives of Arbitrary Feed-Forward
    Neural Networks, section 4.1.

    Examples
    --------
    The net with inputs, two hidden layers and outputs of sizes 4, 6, 3, 2, every layer reading all
    before it, without intercepts: 6 * 4^2 + 3 * (4 + 6)^2, where [I]'s formula gives 252.

    >>> from sknewtonnet.calculus import Network, count_second_derivatives
    >>> absent = {f"intercepts_{k}": False for k in range(3)}
    >>> net = Network.mlp(4, (6, 3), 2, skip_connections="all", connectivity=absent)
    >>> count_second_derivatives(net).lagrangian
    396
    """
    if not isinstance(network, Network):
        raise TypeError(f"network must be a Network, got {network!r}.")
    n_units = sum(layer.n_units for layer in network.layers)
    check_memory(f"the pairs of {n_units} units", 10.0 * n_units**2, "use fewer units")
    leads = _leads_to(network)
    outer = get_loss(loss, network.n_outputs)
    together = leads @ leads.T if _is_separable(outer, network.n_outputs) else _coupled(leads)
    alive: Bools = np.asarray(leads.any(axis=1))
    functions = activations_of(network._graph, behind(outer, network.layers[-1].activation))
    rows = zip(network.layers, network.exists, strict=True)
    return SecondDerivativeCounts(
        lagrangian=_count_in_units(network, alive, functions),
        block=_count_of_pairs(network, together, in_blocks=True),
        exact=_count_of_pairs(network, together),
        stored_blocks=sum(layer.n_units * len(exists) ** 2 for layer, exists in rows),
        stored_dense=network.n_parameters**2,
    )


def _leads_to(network: Network) -> Bools:
    """Which outputs each unit of each layer leads to, (units, outputs)."""
    sizes = network.node_sizes
    leads = [np.zeros((size, network.n_outputs), dtype=bool) for size in sizes]
    leads[-1] = np.eye(network.n_outputs, dtype=bool)
    for k in range(len(network.layers) - 1, -1, -1):
        layer, start = network.layers[k], 0
        links = _links(network, k)
        for node in layer.sources:
            part = links[start : start + sizes[node]]
            leads[node] |= (part.astype(int) @ leads[k + 1].astype(int)) > 0
            start += sizes[node]
    return np.concatenate(leads[1:])


def _links(network: Network, k: int) -> Bools:
    """Which inputs of a layer each of its units depends on, (inputs, units)."""
    layer, exists = network.layers[k], network.exists[k]
    n_inputs = sum(network.node_sizes[node] for node in layer.sources)
    rows = layer.input_rows(n_inputs)
    if rows is None:
        return np.ones((n_inputs, layer.n_units), dtype=bool)
    return np.array([exists[own].any(axis=0) for own in rows])


def _is_separable(loss: Loss, n_outputs: int) -> bool:
    """Whether the loss is a sum over outputs."""
    half = np.full((1, n_outputs), 0.5)
    return n_outputs == 1 or loss.derivatives(half, half, 2)[2].ndim == 2


def _coupled(leads: Bools) -> Bools:
    alive = leads.any(axis=1)
    return np.logical_and.outer(alive, alive)


def _incidence(network: Network) -> sparse.csr_array:
    """How many entries of each unit are which parameter, (units, n_parameters)."""
    units = [
        np.broadcast_to(np.arange(exists.shape[1]), exists.shape).ravel()
        for exists in network.exists
    ]
    starts = np.cumsum([0, *(layer.n_units for layer in network.layers)])
    unit = np.concatenate([part + start for part, start in zip(units, starts[:-1], strict=True)])
    places = network.layout.positions
    there = places >= 0
    ones = np.ones(int(there.sum()))
    shape = (int(starts[-1]), network.n_parameters)
    return sparse.csr_array(sparse.coo_array((ones, (unit[there], places[there])), shape=shape))


def _count_of_pairs(network: Network, together: Bools, in_blocks: bool = False) -> int:
    """Pairs of parameters of units that have second derivatives together, or those in blocks."""
    incidence = _incidence(network)
    if not network.layout.has_ties:
        n = np.asarray(incidence.sum(axis=1)).ravel()
        if in_blocks:
            return round(float(np.diag(together) @ n**2))
        return round(float(n @ (together.astype(float) @ n)))
    check_hessian_memory(network.n_parameters)
    dense = incidence.toarray()
    pairs = dense.T @ together.astype(float) @ dense > 0.0
    return int(np.count_nonzero(pairs & same_block(network) if in_blocks else pairs))


def _count_in_units(network: Network, alive: Bools, functions: Sequence[Activation]) -> int:
    """Second derivatives of the Lagrangian within units."""
    patterns = _unit_patterns(network, alive, functions)
    if not network.layout.has_ties:
        return sum(
            len(places) ** 2 if bends is None else int(np.count_nonzero(bends))
            for places, bends in patterns
        )
    check_hessian_memory(network.n_parameters)
    found = np.zeros((network.n_parameters, network.n_parameters))
    for places, bends in patterns:
        np.add.at(found, np.ix_(places, places), 1.0 if bends is None else bends)
    return int(np.count_nonzero(found))


def _unit_patterns(
    network: Network, alive: Bools, functions: Sequence[Activation]
) -> Iterator[tuple[Ints, Array | None]]:
    """Parameters of each unit that leads to an output, and its block; None if that is full."""
    numbers = iter(range(len(alive)))
    for k, function in enumerate(functions):
        curved = _curved_units(function, network.layers[k].n_units)
        bends = None if curved.all() else _bends(network, k)
        for j, places in enumerate(network.positions[k].T):
            if not alive[next(numbers)]:
                continue
            there = np.flatnonzero(network.exists[k][:, j])
            if bends is None or curved[j]:
                yield places[there], None
            else:
                yield places[there], bends[np.ix_(there, there)]


def _curved_units(function: Activation, n_units: int) -> Bools:
    """Which units have an h'' that is not 0 everywhere, by its values at some points."""
    points = np.tile(np.linspace(-2.3, 2.7, 11), (n_units, 1))
    return np.asarray(function.derivatives(points, 2)[2].any(axis=1))


def _bends(network: Network, k: int) -> Array:
    """Which second derivatives the propagation of a layer has in its parameters, (t, t)."""
    layer, (t, s) = network.layers[k], network.exists[k].shape
    if network.linear[k]:
        return np.zeros((t, t))
    rng = np.random.default_rng(0)
    n_inputs = sum(network.node_sizes[node] for node in layer.sources)
    theta, z = 0.5 * rng.normal(size=(t, s)), rng.normal(size=(n_inputs, 3))
    found = layer.curvature_parameters(theta, z, rng.uniform(0.5, 1.5, size=(s, 3)))
    return np.abs(found).max(axis=0)
