"""Who reads whom, and where in the flat vector.

Layer k = 0..m-1 reads the *nodes* it is connected to: node 0 is the input X, node q + 1 the
output of layer q. Its input z^k is the concatenation of these nodes, in their order. Its
value is x^k = h(p(z^k; theta)), with one column of theta, of shape (t_k, s_k), for each unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknewtonnet._typing import Array
from sknewtonnet.calculus.pieces.layer_at_point import AnyLayerAtPoint
from sknewtonnet.calculus.pieces.layers import Layer, Linear, checked_arrays
from sknewtonnet.calculus.pieces.memory import check_memory


class Graph:
    """The graph of the layers, as positions in arrays.

    Parameters
    ----------
    n_features : int
        Size of node 0, the input.
    layers : sequence of Layer
        In order. The pre-activations of the last one are the raw predictions; its activation is
        that of the outputs, and part of the loss that the passes see.

    Attributes
    ----------
    n_inputs : list of int
        p_k, the inputs of each layer.
    n_rows : list of int
        t_k, the parameters of each unit of a layer.
    n_units : list of int
        s_k, the units of each layer.
    linear : list of bool
        Which layers are linear.
    sources : list of list of (int, slice)
        For each layer the nodes it reads, and the rows of its input they take.
    readers : list of list of (int, slice)
        For each node the layers that read it, and the rows of their inputs it takes.
    blocks : list of slice
        For each layer its place in the full vector.

    Raises
    ------
    ValueError
        If a layer reads a node that is not there before it, or a hidden layer has no reader.
    MemoryError
        If the names of the units, or the parameters, would not fit the memory.
    """

    def __init__(self, n_features: int, layers: Sequence[Layer]):
        n_units = sum(layer.n_units for layer in layers)
        check_memory(f"a net of {n_units} units", 100.0 * n_units, "use fewer units")
        self.layers = tuple(layers)
        self.node_sizes = [n_features, *(layer.n_units for layer in layers)]
        self.n_units = self.node_sizes[1:]
        self.linear = [isinstance(layer, Linear) for layer in layers]
        self.sources: list[list[tuple[int, slice]]] = []
        self.readers: list[list[tuple[int, slice]]] = [[] for _ in self.node_sizes]
        for k, layer in enumerate(layers):
            if layer.sources[-1] > k:
                raise ValueError(f"layer {k} reads node {layer.sources[-1]}, which comes later.")
            ends = np.cumsum([0] + [self.node_sizes[q] for q in layer.sources]).tolist()
            rows = [slice(start, stop) for start, stop in pairwise(ends)]
            self.sources.append(list(zip(layer.sources, rows, strict=True)))
            for node, where in self.sources[-1]:
                self.readers[node].append((k, where))
        for k in range(len(self.layers)):
            if k < len(self.layers) - 1 and not self.readers[k + 1]:
                raise ValueError(f"no layer reads layer {k} (node {k + 1}).")
        self.n_inputs = [sources[-1][1].stop for sources in self.sources]
        self.unit_arrays = [
            checked_arrays(layer, p) for layer, p in zip(self.layers, self.n_inputs, strict=True)
        ]
        self.n_rows = [
            1 + max((int(rows.max()) for rows in arrays.values()), default=-1)
            for arrays in self.unit_arrays
        ]
        sizes = [t * s for t, s in zip(self.n_rows, self.n_units, strict=True)]
        ends = np.cumsum([0, *sizes]).tolist()
        advice = "use fewer units, or fewer parameters of each"
        check_memory(f"a net of {ends[-1]} parameters", 64.0 * ends[-1], advice)
        self.blocks = [slice(start, stop) for start, stop in pairwise(ends)]
        self.n_full = ends[-1]

    def matrices(self, full: NDArray[Any]) -> list[NDArray[Any]]:
        """Views of a full vector, one (t_k, s_k) matrix per layer.

        A stack of vectors, of shape (r, n_full), gives stacks of matrices.
        """
        lead = full.shape[:-1]
        return [
            full[..., where].reshape(*lead, t, s)
            for where, t, s in zip(self.blocks, self.n_rows, self.n_units, strict=True)
        ]

    def layer_at(self, k: int, theta: Array, z: Array, fast: bool = True) -> AnyLayerAtPoint:
        """One layer at a point, on samples: z^k above a row of ones.

        With ``fast`` in the form that :meth:`Layer.on_input` has for it.
        """
        layer = self.layers[k]
        return (layer.on_input if fast and layer.sources == (0,) else layer.at)(theta, z)

    def layers_at(
        self, weights: Sequence[Array], inputs: Sequence[Array], fast: bool = True
    ) -> list[AnyLayerAtPoint]:
        """All layers at a point, on samples."""
        return [
            self.layer_at(k, theta, z, fast)
            for k, (theta, z) in enumerate(zip(weights, inputs, strict=True))
        ]

    def hidden_sources(self, k: int) -> list[tuple[int, slice]]:
        """The sources of layer k that depend on parameters: all but the input."""
        return [(node, rows) for node, rows in self.sources[k] if node > 0]
