"""Layers and how they are wired: who reads whom, and where in the flat vector.

Layer k = 0..m-1 reads the *nodes* it is connected to: node 0 is the input X, node q + 1 the
output of layer q. Its input z^k is the concatenation of these nodes, in their order. Its
value is x^k = h(p(z^k; theta)), with one column of theta, of shape (t_k, s_k), for each unit.
All arrays of samples are features by samples, so that a chunk of samples is a few
contiguous rows and each sum over samples is one matrix product.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknewtonnet.calculus._activation import Activation
from sknewtonnet.calculus._local import LinearLocal, Local
from sknewtonnet.calculus.activations import get_activation

Array = NDArray[np.float64]


class Layer(ABC):
    """A layer x = h(p(z; theta)) whose unit j has parameters of its own, column j of theta.

    A new kind of layer supplies the methods below that raise NotImplementedError or are
    abstract; gradients, all Hessians, products, the Jacobian and the scores follow from them
    (MATHEMATICS 3.3; [I] eq. 10). Shapes: theta (t, s), z (p, c), delta (s, c), for t
    parameters of each of s units, p inputs and c samples. Arguments must not be written to.

    Parameters
    ----------
    sources : sequence of int
        The nodes it reads, in increasing order: 0 is the input, q + 1 the output of layer q.
    n_units : int
        Number of units, s.
    activation : str or Activation, default="identity"
        The function h.

    Raises
    ------
    ValueError
        If there are no sources or units, or the activation is unknown.
    """

    def __init__(
        self, sources: Sequence[int], n_units: int, activation: str | Activation = "identity"
    ):
        self.sources = tuple(sources) if isinstance(sources, Sequence) else ()
        if not self.sources or any(
            not isinstance(node, Integral) or node < 0 for node in self.sources
        ):
            raise ValueError(f"sources must be numbers of nodes, got {sources!r}.")
        if list(self.sources) != sorted(set(self.sources)):
            raise ValueError(f"sources must be increasing, got {sources!r}.")
        if not isinstance(n_units, Integral) or n_units < 1:
            raise ValueError(f"n_units must be a positive integer, got {n_units!r}.")
        self.n_units: int = int(n_units)
        self.activation: Activation = get_activation(activation)

    @abstractmethod
    def unit_arrays(self, n_inputs: int) -> dict[str, NDArray[np.intp]]:
        """Named arrays of one unit's parameters.

        Parameters
        ----------
        n_inputs : int
            Number of inputs, p.

        Returns
        -------
        dict of str to integer array
            For each entry of the array its row of theta, or -1 for an entry that is always
            zero. The arrays take the rows 0, 1, ... one after the other.
        """

    @abstractmethod
    def value(self, theta: Array, z: Array) -> Array:
        """The propagation p, of shape (s, c)."""

    @abstractmethod
    def slopes(self, theta: Array, z: Array) -> tuple[Array, Array]:
        """First derivatives dp/dz, of shape (s, p, c), and dp/dtheta, of shape (s, t, c)."""

    @abstractmethod
    def curvature_parameters(self, theta: Array, z: Array, delta: Array) -> Array:
        """Sum over samples of delta d2p/dtheta dtheta', of shape (s, t, t)."""

    def curvature_mixed(self, theta: Array, z: Array, delta: Array) -> Array:
        """Values of delta d2p/dtheta dz, of shape (s, t, p, c); not needed in a first layer."""
        raise NotImplementedError(f"{type(self).__name__} may read the input X alone.")

    def curvature_inputs(self, theta: Array, z: Array, delta: Array) -> Array:
        """Sum over units of delta d2p/dz dz', of shape (p, p, c); not needed in a first layer."""
        raise NotImplementedError(f"{type(self).__name__} may read the input X alone.")

    def at(self, theta: Array, z: Array) -> Local | LinearLocal:
        """Return the layer at given parameters and inputs, which have a last row of ones."""
        return Local(self, theta, z)

    def on_input(self, theta: Array, z: Array) -> Local | LinearLocal:
        """Return the same where the layer reads the input alone; for a faster way, if any."""
        return self.at(theta, z)

    def __repr__(self) -> str:
        """Show the kind and the size."""
        return f"{type(self).__name__}({self.sources}, {self.n_units})"


class Linear(Layer):
    """A layer x = h(W' z + b), with theta the coefficients W above the intercepts b.

    It keeps a fast path of its own, :class:`LinearLocal`.

    Parameters
    ----------
    sources : sequence of int
        The nodes it reads, in increasing order.
    n_units : int
        Number of units.
    activation : str or Activation, default="identity"
        The function h.
    """

    def unit_arrays(self, n_inputs: int) -> dict[str, NDArray[np.intp]]:
        """Coefficients, then the intercept."""
        return {"coefs": np.arange(n_inputs), "intercepts": np.array(n_inputs)}

    def value(self, theta: Array, z: Array) -> Array:
        """W' z + b."""
        return theta[:-1].T @ z + theta[-1][:, None]

    def slopes(self, theta: Array, z: Array) -> tuple[Array, Array]:
        """W', and z with a row of ones, for each unit."""
        n_inputs, c = z.shape
        inputs = np.broadcast_to(theta[:-1].T[:, :, None], (self.n_units, n_inputs, c))
        rows = np.vstack([z, np.ones(c)])
        return inputs, np.broadcast_to(rows, (self.n_units, *rows.shape))

    def curvature_parameters(self, theta: Array, z: Array, delta: Array) -> Array:
        """Zeros: the propagation is linear."""
        return np.zeros((self.n_units, len(theta), len(theta)))

    def curvature_mixed(self, theta: Array, z: Array, delta: Array) -> Array:
        """Delta where a coefficient meets its own input."""
        eye = np.eye(len(theta), len(z))
        return eye[None, :, :, None] * delta[:, None, None, :]

    def curvature_inputs(self, theta: Array, z: Array, delta: Array) -> Array:
        """Zeros: the propagation is linear."""
        return np.zeros((len(z), len(z), z.shape[1]))

    def at(self, theta: Array, z: Array) -> LinearLocal:
        """Return the layer at given parameters and inputs, which have a last row of ones."""
        return LinearLocal(theta, z)


class Wiring:
    """The graph of the layers, as positions in arrays.

    Parameters
    ----------
    n_features : int
        Size of node 0, the input.
    layers : sequence of Layer
        In order; the last one gives the raw predictions.

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
        If a layer reads a node that is not there before it, or a hidden layer has no reader,
        or the last layer is not in the form of a linear predictor.
    """

    def __init__(self, n_features: int, layers: Sequence[Layer]):
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
        for k, layer in enumerate(layers):
            last = k == len(self.layers) - 1
            if last and layer.activation.name != "identity":
                raise ValueError(
                    "the last layer must have the identity as activation (the loss contains "
                    f"the inverse link), got {layer.activation.name!r}."
                )
            if not last and not self.readers[k + 1]:
                raise ValueError(f"no layer reads layer {k} (node {k + 1}).")
        self.n_inputs = [sources[-1][1].stop for sources in self.sources]
        self.unit_arrays = [
            checked_arrays(layer, p) for layer, p in zip(self.layers, self.n_inputs, strict=True)
        ]
        self.n_rows = [
            1 + max(int(rows.max()) for rows in arrays.values()) for arrays in self.unit_arrays
        ]
        sizes = [t * s for t, s in zip(self.n_rows, self.n_units, strict=True)]
        ends = np.cumsum([0, *sizes]).tolist()
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

    def local(
        self, weights: Sequence[Array], inputs: Sequence[Array]
    ) -> list[Local | LinearLocal]:
        """The layers at a point, on samples: z^k above a row of ones, for each layer."""
        return [
            (layer.on_input if layer.sources == (0,) else layer.at)(theta, z)
            for layer, theta, z in zip(self.layers, weights, inputs, strict=True)
        ]

    def hidden_sources(self, k: int) -> list[tuple[int, slice]]:
        """The sources of layer k that depend on parameters: all but the input."""
        return [(node, rows) for node, rows in self.sources[k] if node > 0]


def checked_arrays(layer: Layer, n_inputs: int) -> dict[str, NDArray[np.intp]]:
    """Arrays of a unit, or raise if they do not take the rows 0, 1, ... in order."""
    given: dict[str, Any] = layer.unit_arrays(n_inputs)
    arrays = {name: np.asarray(rows) for name, rows in given.items()}
    start = 0
    for name, rows in arrays.items():
        found = np.unique(rows[rows >= 0]) if rows.dtype.kind in "iu" else np.empty(0)
        if found.size == 0 or found.tolist() != list(range(start, start + found.size)):
            raise ValueError(
                f"unit_arrays of {layer!r} must number the parameters of a unit from 0 on, one "
                f"array after the other; {name!r} has {rows.ravel().tolist()} after {start} rows."
            )
        start += found.size
    return arrays


def sample_chunks(n_samples: int, chunk_size: int) -> list[slice]:
    """Consecutive slices of about equal length, none above the chunk size."""
    n_chunks = max(1, -(-n_samples // chunk_size))
    ends = [n_samples * i // n_chunks for i in range(n_chunks + 1)]
    return [slice(start, stop) for start, stop in pairwise(ends)]
