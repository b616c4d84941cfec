"""Higher derivatives of the Lagrangian at fixed states and multipliers ([I] eq. 12)."""

from collections.abc import Sequence
from numbers import Integral

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.passes.chunk import Chunk, sample_chunks
from sknewtonnet.calculus.passes.graph import Graph
from sknewtonnet.calculus.pieces.layers import Layer
from sknewtonnet.calculus.pieces.loss import Loss


def lagrangian_tensors(
    graph: Graph, weights: Sequence[Array], chunks: Sequence[Chunk], loss: Loss, order: int
) -> list[Array]:
    """Sum over samples of e^k_j h^(p)(a^k_j) z .. z, for each layer k.

    Parameters
    ----------
    graph : Graph
        The graph of the layers.
    weights : list of ndarray of shape (p_k + 1, s_k)
        Parameters of the point.
    chunks : sequence of Chunk
        Samples, after their adjoint pass at that point.
    loss : Loss
        The loss, for the multipliers of the last layer.
    order : int
        The order p, at least 2.

    Returns
    -------
    list of ndarray of shape (s_k, p_k + 1, ..., p_k + 1)
    """
    if not all(graph.linear):
        raise ValueError(
            "lagrangian_tensors are defined for linear layers alone ([I] eq. 12); for others "
            "hessian(w, kind='lagrangian') gives the second order."
        )
    check_order(order, 2, graph.layers)
    tensors = [
        np.zeros((s, (p + 1) ** order)) for p, s in zip(graph.n_inputs, graph.n_units, strict=True)
    ]
    for chunk in chunks:
        layers = chunk.layers_at(weights)
        for k, layer in enumerate(graph.layers):
            if k < len(layers) - 1:
                full_a, full_e = chunk.pre_activation(k, layers), chunk.multiplier(k, layers)
            elif layer.activation.name == "identity":
                break
            else:
                full_a, full_e = chunk.raw, chunk.output_multiplier(loss)
            for where in sample_chunks(chunk.n_samples, max(1, 200_000 // tensors[k].shape[1])):
                a, z = full_a[:, where], chunk.z[k][:, where]
                factor = full_e[:, where] * layer.activation.derivatives(a, order)[order]
                powers = z
                for _ in range(order - 1):
                    powers = (powers[:, None] * z[None]).reshape(-1, z.shape[1])
                tensors[k] += factor @ powers.T
    return [
        tensor.reshape(s, *[p + 1] * order)
        for tensor, p, s in zip(tensors, graph.n_inputs, graph.n_units, strict=True)
    ]


def check_order(order: int, lowest: int, layers: Sequence[Layer]) -> None:
    """Raise a ValueError if it is no order, or some activation has no derivatives of it."""
    if not isinstance(order, Integral) or isinstance(order, bool) or order < lowest:
        raise ValueError(f"order must be an integer of at least {lowest}, got {order!r}.")
    for layer in layers:
        highest = layer.activation.max_order
        if highest is not None and order > highest:
            raise ValueError(
                f"order must be at most {highest} for the activation "
                f"{layer.activation.name!r}, got {order}."
            )
