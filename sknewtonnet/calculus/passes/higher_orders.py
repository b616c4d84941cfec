"""Derivatives of any order of the Lagrangian at fixed states and multipliers ([I] eq. 12)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.passes.chunk import Chunk, sample_chunks
from sknewtonnet.calculus.passes.graph import Graph
from sknewtonnet.calculus.pieces.activations import Activation
from sknewtonnet.calculus.pieces.composition import composed
from sknewtonnet.calculus.pieces.loss import Loss
from sknewtonnet.calculus.pieces.output_activation import output_activation
from sknewtonnet.calculus.pieces.validation import check_count

# Numbers of one derivative of the propagation that are formed at a time.
_AT_A_TIME = 1_000_000


def lagrangian_tensors(
    graph: Graph, weights: Sequence[Array], chunks: Sequence[Chunk], loss: Loss, order: int
) -> list[Array]:
    """Derivatives of sum_i e^k_ij h^k(p^k_j(z_i; theta_j)) in theta_j, for each unit.

    In a linear layer they are the sum of e h^(p)(a) z .. z; elsewhere derivatives of p enter by
    Faa di Bruno's formula.

    Parameters
    ----------
    graph : Graph
        The graph of the layers.
    weights : list of ndarray of shape (t_k, s_k)
        Parameters of the point.
    chunks : sequence of Chunk
        Samples, after their adjoint pass at that point.
    loss : Loss
        The loss, for multipliers and activation of the last layer.
    order : int
        The order p, at least 1.

    Returns
    -------
    list of ndarray of shape (s_k, t_k, .., t_k)

    Raises
    ------
    NotImplementedError
        If the propagation of a layer has no derivatives of that order.
    """
    sizes = zip(graph.n_units, graph.n_rows, strict=True)
    tensors = [np.zeros((s, *[t] * order)) for s, t in sizes]
    for chunk in chunks:
        layers = chunk.layers_at(weights)
        for k, layer in enumerate(graph.layers):
            if not tensors[k].size:
                continue
            if k < len(layers) - 1:
                full_a, full_e = chunk.pre_activation(k, layers), chunk.multiplier(k, layers)
                activation = layer.activation
            else:
                full_a, full_e = chunk.raw, chunk.output_multiplier(loss)
                activation = output_activation(loss)
            width = tensors[k].size if not graph.linear[k] else tensors[k][0].size
            for where in sample_chunks(chunk.n_samples, max(1, _AT_A_TIME // width)):
                z = chunk.z[k][:-1, where]
                inner = [
                    layer.tensor_parameters(weights[k], z, n) if n else None
                    for n in range(order + 1)
                ]
                e = full_e[:, where]
                outer = [e * h for h in activation.derivatives(full_a[:, where], order)]
                tensors[k] += composed(outer, inner, order)
    return tensors


def check_order(order: int, lowest: int, activations: Sequence[Activation]) -> None:
    """Raise a ValueError if it is no order, or some activation has no derivatives of it."""
    check_count("order", order, lowest)
    for activation in activations:
        highest = activation.max_order
        if highest is not None and order > highest:
            raise ValueError(
                f"order must be at most {highest} for the activation "
                f"{activation.name!r}, got {order}."
            )


def activations_of(graph: Graph, loss: Loss) -> list[Activation]:
    """Activations of all layers; of the last one that which stands between it and the loss."""
    return [*(layer.activation for layer in graph.layers[:-1]), output_activation(loss)]
