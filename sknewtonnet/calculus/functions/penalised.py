"""Second derivatives of sums over rows, with those of the penalty, and as blocks of units."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.functions.shared import same_block
from sknewtonnet.calculus.functions.tensors import add_penalty
from sknewtonnet.calculus.pieces.memory import check_memory
from sknewtonnet.calculus.pieces.penalties import PenaltySum
from sknewtonnet.calculus.pieces.validation import real_array


def add_penalty_hessian(
    network: Network, penalty: PenaltySum, w: Array, kind: str, H: Array
) -> None:
    """Add second derivatives of the penalty to those of the loss, of any kind, in place."""
    np.einsum("pp->p", H)[...] += penalty.hessian_diagonal(w)
    bend = penalty.hessian_of_others(w)
    if bend is not None:
        H += np.where(same_block(network), bend, 0.0) if kind == "block" else bend


def check_blocks(network: Network, penalty: PenaltySum, w: ArrayLike, kind: str) -> None:
    """Raise where there are no blocks of units of that kind, or they would not fit the memory.

    Raises
    ------
    ValueError
        If units share parameters.
    NotImplementedError
        If a penalty needs a matrix of all parameters that it does not give.
    MemoryError
        If they would not fit.
    """
    graph = network._graph
    if network.layout.has_ties:
        raise ValueError(
            "units that share parameters have no blocks of their own: "
            f"hessian(w, {kind!r}) has those of groups of units."
        )
    sizes = [s * t**2 for s, t in zip(graph.n_units, graph.n_rows, strict=True)]
    advice = "hessian_product needs no matrix"
    check_memory(f"the {sum(graph.n_units)} blocks of units", 16.0 * sum(sizes), advice)
    others = penalty.others
    if others is not None:  # one that needs a matrix says so before anything is allocated
        others.tensor(real_array("w", w), 2, np.arange(1))


def add_penalty_blocks(
    network: Network, penalty: PenaltySum, w: Array, blocks: Sequence[Array]
) -> None:
    """Add second derivatives of the penalty to blocks of units, in place."""
    add_penalty(network, penalty.others, w, blocks)
    strengths = network.by_layer(network.layout.expand(penalty.hessian_diagonal(w)))
    for block, strength in zip(blocks, strengths, strict=True):
        np.einsum("jpp->jp", block)[...] += strength.T  # 0 where there is no parameter


def positions_of_blocks(network: Network) -> list[Ints] | None:
    """Where the parameters of each block of units are; None where units share parameters."""
    return None if network.layout.has_ties else [places.T for places in network.positions]


def curvature_of_blocks(network: Network, blocks: Sequence[Array], d: Array) -> float:
    """Second derivative along a direction of a function that has blocks of units alone."""
    columns = network.matrices(np.asarray(d))
    return float(
        sum(
            np.einsum("pj,jpq,qj->", d_k, B_k, d_k)
            for d_k, B_k in zip(columns, blocks, strict=True)
        )
    )
