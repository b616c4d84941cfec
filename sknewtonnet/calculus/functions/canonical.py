"""The canonical form of a net: of all orders and signs of its units one."""

from __future__ import annotations

import numpy as np

from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus.functions.any_objective import AnyObjective
from sknewtonnet.calculus.functions.block_source import Rows
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.functions.shared import flip_groups, interchangeable_blocks, unit_blocks
from sknewtonnet.calculus.functions.units import complement, interchangeable, rearrange
from sknewtonnet.calculus.pieces.activations import Activation
from sknewtonnet.calculus.pieces.function import may_overflow
from sknewtonnet.calculus.pieces.moments import Moments, joined_lists


@may_overflow
def canonical(objective: AnyObjective, w: Array, complements: bool = True) -> Array:
    """Put the units of a net in a fixed order, with fixed signs.

    A net stays the same function if hidden units are permuted, or if a unit with an odd
    activation (tanh) changes the signs of all that comes in and goes out, or one with an even
    activation of what comes in. In the canonical form units stand in the order of what they
    contribute, |o| spread(x), the largest first, with |o| the length of a unit's outgoing weights
    (to a softmax less their mean) and spread(x) the weighted standard deviation of its values on
    the samples. With an odd activation the largest outgoing weight is positive, with an even one
    the largest incoming weight. So it is with activations that are odd but for a constant
    (logistic), where intercepts of the readers make up for the constant. Layers whose units have
    symmetries of their own say what their canonical form is (:meth:`Layer.canonical`).

    Parameters
    ----------
    objective : Objective or BlockObjective
        Network, data and loss.
    w : ndarray of shape (n_parameters,)
        Parameters, as a rule a minimum; they are not written to.
    complements : bool, default=True
        Whether units with activations that are odd but for a constant may change signs, which
        changes intercepts of their readers, and a penalty of these.

    Returns
    -------
    ndarray of shape (n_parameters,)
        Parameters of the same function as w. Only units with the same connections change places,
        and none that a layer reads which is not linear. Ties stay ties: units that share
        parameters change places or signs, in groups, only where they keep these, and none with a
        logistic activation changes its sign then.

    See Also
    --------
    ParameterLayout : Names of the parameters, which keep their places.
    Layer.canonical : The canonical form of a layer of one's own.
    critical_point : What kind of point the parameters are.

    Notes
    -----
    The cost is one prediction of the samples. Units whose contributions agree to rounding have no
    order.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective, canonical
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> network = Network.mlp(1, 2, 1)
    >>> objective = Objective(network, "squared_error", X, np.sin(X))
    >>> arrays = {
    ...     "coefs_0": [[1.0, 2.0]],
    ...     "intercepts_0": [0.1, 0.2],
    ...     "coefs_1": [[1.0], [-3.0]],
    ...     "intercepts_1": [0.0],
    ... }
    >>> found = network.layout.unpack(canonical(objective, network.layout.pack(arrays)))
    >>> found["coefs_1"].ravel().tolist(), found["coefs_0"].ravel().tolist()
    ([3.0, 1.0], [-2.0, 1.0])
    """
    network = objective.network
    if len(network.layers) == 1:
        return np.asarray(w, dtype=float)
    parts = objective.over_rows(_moments_of_layers, network, w)
    moments = joined_lists(parts)
    full = network.layout.expand(np.asarray(w, dtype=float)).copy()
    matrices = network.by_layer(full)
    # From the last layer on, so that the readers of a layer have their signs already.
    for k in reversed(range(len(network.layers) - 1)):
        layer = network.layers[k]
        before = matrices[k].copy()
        matrices[k][...] = layer.canonical(before, network._graph.n_inputs[k])
        if not _keeps_ties(network, full):
            matrices[k][...] = before
        if not network.has_linear_readers(k + 1):
            continue  # a radial unit that reads them would have to change as well
        outgoing = _outgoing(network, matrices, k, objective.loss.shift_invariant)
        spread = moments[k].spread
        contribution = np.linalg.norm(outgoing, axis=1) * spread
        sign = np.ones(len(spread))
        for parity, deciding in ((-1, outgoing), (1, matrices[k][:-1].T)):
            units = np.flatnonzero(layer.parities == parity)
            if len(units):
                sign[units] = _signs(network, k, deciding, units, outward=parity == -1)
        if complements and layer.odd_in_parameters and not network.layout.has_ties:
            _complement(network, matrices, k, _sign_of_largest(outgoing) < 0)
        order = _order(network, k, contribution)
        rearrange(network, matrices, k, order, sign[order])
    return network.layout.restrict(full)


def _moments_of_layers(rows: Rows, network: Network, w: Array) -> list[Moments]:
    """Moments of the values of each hidden layer."""
    states = network.states(w, rows.X)[1:-1]
    return [Moments.of(values, rows.sample_weight) for values in states]


def _complement(network: Network, matrices: list[Array], k: int, negative: Bools) -> None:
    """Turn those of some units whose activation is odd but for a constant, in place."""
    layer = network.layers[k]
    for activation, units in layer.activation.groups(layer.n_units):
        height = np.nan if activation.parity != 0 else _height(activation)
        if np.isfinite(height):
            complement(network, matrices, k, units[negative[units]], height)


def _height(activation: Activation) -> float:
    """The sum of h(a) and h(-a), if it is the same for all a; else NaN."""
    a = np.array([[0.0, 0.3, 1.0, 2.5]])
    sums = activation.value(a) + activation.value(-a)
    return float(sums[0, 0]) if np.allclose(sums, sums[0, 0], rtol=1e-13) else np.nan


def _outgoing(network: Network, matrices: list[Array], k: int, shift_invariant: bool) -> Array:
    """What goes out of the units of a layer, a row each; to a softmax less the mean."""
    found = [rows.copy() for rows in network.outgoing(matrices, k + 1)]
    if shift_invariant and k + 1 in network.layers[-1].sources and network.linear[-1]:
        found[-1] -= found[-1].mean(axis=1, keepdims=True)
    return np.hstack(found) if found else np.zeros((matrices[k].shape[1], 1))


def _sign_of_largest(rows: Array) -> Array:
    """Sign of the largest entry of each row; 1 where all are zero."""
    largest = rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)]
    return np.where(largest < 0, -1.0, 1.0)


def _keeps_ties(network: Network, full: Array) -> bool:
    layout = network.layout
    return not layout.has_ties or np.array_equal(layout.expand(layout.restrict(full)), full)


def _signs(network: Network, k: int, deciding: Array, units: Ints, outward: bool) -> Array:
    """For some units the sign of the largest row entry; one for units that share parameters."""
    if not network.layout.has_ties:
        return _sign_of_largest(deciding[units])
    sign = np.ones(len(deciding))
    for group in flip_groups(network, k, outward):
        if np.isin(group, units).all():
            sign[group] = _sign_of_largest(deciding[group].reshape(1, -1))
    return sign[units]


def _order(network: Network, k: int, contribution: Array) -> Ints:
    """The units by what they contribute, each among the places of those like it.

    Units of a filter keep their order; filters go by what all their units contribute.
    """
    order = np.arange(len(contribution))
    alike = interchangeable(network, k)
    for first in np.flatnonzero(alike.argmax(axis=1) == order):
        places = np.flatnonzero(alike[first])
        order[places] = places[np.argsort(-contribution[places], kind="stable")]
    blocks = unit_blocks(network, k, alike) if network.layout.has_ties else []
    blocks = [block for block in blocks if len(block) > 1]
    while blocks:
        like = [interchangeable_blocks(network, k, blocks[0], block) for block in blocks]
        same = [block for block, is_like in zip(blocks, like, strict=True) if is_like]
        sizes = [np.linalg.norm(contribution[block]) for block in same]
        for place, source in zip(same, np.argsort(-np.array(sizes), kind="stable"), strict=True):
            order[place] = same[source]
        blocks = [block for block, is_like in zip(blocks, like, strict=True) if not is_like]
    return order
