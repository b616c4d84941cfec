"""Layers and how they are wired: who reads whom, and where in the flat vector.

Layer k = 0..m-1 reads the *nodes* it is connected to: node 0 is the input X, node q + 1 the
output of layer q. Its input z^k is the concatenation of these nodes, in their order, and a
constant 1; its parameters are one matrix of shape (p_k + 1, s_k), the coefficients above
the intercepts. All arrays of samples are features by samples, so that a chunk of samples is
a few contiguous rows and each sum over samples is one matrix product.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sknewtonnet.calculus.activations import Activation

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Linear:
    """A layer x = h(W' z), with z the nodes it reads and a constant 1.

    Attributes
    ----------
    sources : tuple of int
        The nodes it reads, in increasing order.
    n_units : int
        Number of units, s_k.
    activation : Activation
        The function h.
    """

    sources: tuple[int, ...]
    n_units: int
    activation: Activation


class Wiring:
    """The graph of the layers, as positions in arrays.

    Parameters
    ----------
    n_features : int
        Size of node 0, the input.
    layers : sequence of Linear
        In order; the last one gives the raw predictions.

    Attributes
    ----------
    n_inputs : list of int
        p_k, rows of each layer's coefficients.
    n_units : list of int
        s_k, columns of each layer's coefficients.
    sources : list of list of (int, slice)
        For each layer the nodes it reads, and the rows of its coefficients they take.
    readers : list of list of (int, slice)
        For each node the layers that read it, and the rows of their coefficients it takes.
    blocks : list of slice
        For each layer its place in the full vector.
    """

    def __init__(self, n_features: int, layers: Sequence[Linear]):
        self.layers = tuple(layers)
        self.node_sizes = [n_features, *(layer.n_units for layer in layers)]
        self.n_units = self.node_sizes[1:]
        self.sources: list[list[tuple[int, slice]]] = []
        self.readers: list[list[tuple[int, slice]]] = [[] for _ in self.node_sizes]
        for k, layer in enumerate(layers):
            ends = np.cumsum([0] + [self.node_sizes[q] for q in layer.sources]).tolist()
            rows = [slice(start, stop) for start, stop in pairwise(ends)]
            self.sources.append(list(zip(layer.sources, rows, strict=True)))
            for node, where in self.sources[-1]:
                self.readers[node].append((k, where))
        self.n_inputs = [sources[-1][1].stop for sources in self.sources]
        sizes = [(p + 1) * s for p, s in zip(self.n_inputs, self.n_units, strict=True)]
        ends = np.cumsum([0, *sizes]).tolist()
        self.blocks = [slice(start, stop) for start, stop in pairwise(ends)]
        self.n_full = ends[-1]

    def matrices(self, full: Array) -> list[Array]:
        """Views of a full vector, one (p_k + 1, s_k) matrix per layer.

        A stack of vectors, of shape (r, n_full), gives stacks of matrices.
        """
        lead = full.shape[:-1]
        return [
            full[..., where].reshape(*lead, p + 1, s)
            for where, p, s in zip(self.blocks, self.n_inputs, self.n_units, strict=True)
        ]

    def hidden_sources(self, k: int) -> list[tuple[int, slice]]:
        """The sources of layer k that depend on parameters: all but the input."""
        return [(node, rows) for node, rows in self.sources[k] if node > 0]


def sample_chunks(n_samples: int, chunk_size: int) -> list[slice]:
    """Consecutive slices of about equal length, none above the chunk size."""
    n_chunks = max(1, -(-n_samples // chunk_size))
    ends = [n_samples * i // n_chunks for i in range(n_chunks + 1)]
    return [slice(start, stop) for start, stop in pairwise(ends)]
