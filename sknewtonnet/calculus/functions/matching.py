"""Parameter vectors of a net with its units in the order and with the signs of another one."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.functions.shared import flip_groups, interchangeable_blocks, unit_blocks
from sknewtonnet.calculus.functions.units import interchangeable, rearrange
from sknewtonnet.calculus.pieces.function import may_overflow

# A distance whose square overflows.
_FAR = 1e300


@may_overflow
def aligned(network: Network, w: Array, reference: Array) -> Array:
    """Match the units of a net with those of a reference, in order and signs.

    A net stays the same function if hidden units are permuted, or if a unit with an odd
    activation changes the signs of all its incoming and outgoing weights (with an even one, of
    the incoming weights). Layer after layer, units are assigned to those of the reference so that
    the sum of squared differences of their parameters, and of their weights to the output, is
    smallest.

    Parameters
    ----------
    network : Network
        The net.
    w : ndarray of shape (n_parameters,)
        The parameters; they are not written to.
    reference : ndarray of shape (n_parameters,)
        The parameters to compare with.

    Returns
    -------
    ndarray of shape (n_parameters,)
        Parameters of the same function as w. Units that share parameters change places and signs
        only where all ties stay ties, those of a filter together.

    See Also
    --------
    same_minimum : Whether two fits are the same after that.
    sknewtonnet.calculus.canonical : An order and signs that need no reference.

    Notes
    -----
    A layer of s units with t parameters each costs about s^2 t flops, and s^3 for the assignment.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network
    >>> from sknewtonnet.inspection import aligned
    >>> network = Network.mlp(2, (3,), 1)
    >>> w = np.random.default_rng(0).normal(size=network.n_parameters)
    >>> arrays = network.layout.unpack(w)
    >>> order, signs = [2, 0, 1], np.array([1.0, -1.0, 1.0])
    >>> arrays["coefs_0"] = arrays["coefs_0"][:, order] * signs
    >>> arrays["intercepts_0"] = arrays["intercepts_0"][order] * signs
    >>> arrays["coefs_1"] = arrays["coefs_1"][order] * signs[:, None]
    >>> other = network.layout.pack(arrays)  # the same function, as tanh is odd
    >>> np.allclose(aligned(network, other, w), w)
    True
    """
    full = network.layout.expand(np.asarray(w, dtype=float)).copy()
    ours = network.by_layer(full)
    theirs = network.matrices(np.asarray(reference, dtype=float))
    for k, layer in enumerate(network.layers[:-1]):
        if not network.has_linear_readers(k + 1):
            continue  # a radial unit that reads them would have to change as well
        sizes = _outgoing(network, ours, k), _outgoing(network, theirs, k)
        plain = _distances(ours[k], theirs[k]) + _distances(*sizes)
        parities = layer.parities
        flipped = np.full_like(plain, np.inf)
        if parities.any():
            flipped = _distances(-ours[k], theirs[k]) + _distances(parities * sizes[0], sizes[1])
        if network.layout.has_ties:
            order, sign = _matched_blocks(network, k, plain, flipped)
        else:
            flipped[parities == 0] = np.inf
            order, sign = _matched(plain, flipped, interchangeable(network, k))
        rearrange(network, ours, k, order, sign)
    return network.layout.restrict(full)


def _matched(plain: Array, flipped: Array, alike: Bools) -> tuple[Ints, Array]:
    """Which of ours, and with which sign, stands for each of theirs, from all distances."""
    signs = np.where(flipped < plain, -1.0, 1.0)
    nearest = np.minimum(plain, flipped)
    nearest = np.nan_to_num(nearest, nan=_FAR, posinf=_FAR)  # of a unit that ran to infinity
    nearest[~alike] = np.inf
    of_reference, order = linear_sum_assignment(nearest.T)
    return order, signs[order, of_reference]


def _matched_blocks(network: Network, k: int, plain: Array, flipped: Array) -> tuple[Ints, Array]:
    """The same where units share parameters: those of a filter keep together."""
    blocks = unit_blocks(network, k, interchangeable(network, k))
    parities = network.layers[k].parities
    turning = [
        set(units.tolist())
        for parity in (-1, 1)
        for units in flip_groups(network, k, parity == -1)
        if (parities[units] == parity).all()
    ]
    shape = len(blocks), len(blocks)
    near, turned, alike = np.full(shape, np.inf), np.full(shape, np.inf), np.zeros(shape, bool)
    for b, ours in enumerate(blocks):
        for c, theirs in enumerate(blocks):
            alike[b, c] = interchangeable_blocks(network, k, ours, theirs)
            if alike[b, c]:
                near[b, c] = plain[ours, theirs].sum()
                if set(ours.tolist()) in turning:
                    turned[b, c] = flipped[ours, theirs].sum()
    chosen, signs = _matched(near, turned, alike)
    order, sign = np.arange(len(plain)), np.ones(len(plain))
    for theirs, b, s in zip(blocks, chosen, signs, strict=True):
        order[theirs], sign[theirs] = blocks[b], s
    return order, sign


def _outgoing(network: Network, matrices: list[Array], k: int) -> Array:
    """What goes out of a layer's units to the output, a column each."""
    if k + 1 in network.layers[-1].sources and network.linear[-1]:
        return network.outgoing(matrices, k + 1)[-1].T
    # The units of a later hidden layer have no order yet.
    return np.zeros((1, matrices[k].shape[1]))


def _distances(a: Array, b: Array) -> Array:
    """Squared distance of each column of one matrix and each of another."""
    squares = (a**2).sum(axis=0)[:, None] + (b**2).sum(axis=0) - 2.0 * a.T @ b
    return np.maximum(squares, 0.0)
