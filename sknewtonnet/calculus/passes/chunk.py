"""One chunk of samples at one point: forward pass, adjoint pass, products.

The notation is that of :mod:`sknewtonnet.calculus.passes`.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from itertools import pairwise

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.passes.graph import Graph
from sknewtonnet.calculus.passes.workspace import Workspace
from sknewtonnet.calculus.pieces.layer_at_point import AnyLayerAtPoint, LayersAtPoint
from sknewtonnet.calculus.pieces.loss import Loss
from sknewtonnet.calculus.pieces.output_activation import output_activation

_EMPTY: Array = np.empty(0)

# Numbers of an array for which the allocator has memory at hand: 32 kB.
_SMALL_ARRAY = 4096


class Chunk:
    """Samples of one chunk, with all that is known about them at the current parameters.

    What is kept of a point (z, raw, slope, delta, bend) is allocated once and overwritten
    at the next. In the passes a and e stand where delta and bend are written afterwards, so that
    a pass goes over as little memory as can be.

    Parameters
    ----------
    graph : Graph
        The graph of the layers.
    X : ndarray of shape (n_samples, n_features)
        Samples of this chunk.
    y : ndarray of shape (n_samples, n_outputs), optional
        Targets; not needed for predictions.
    weight : ndarray of shape (n_samples,), optional
        Sample weights divided by their sum over all chunks; not needed for predictions.
    workspace : Workspace, optional
        Work arrays, shared by the chunks of an objective. The passes are in its precision; raw
        predictions, and the loss of them, are in double precision always.
    offset : ndarray of shape (n_samples, n_outputs), optional
        Known terms of the raw predictions.
    """

    def __init__(
        self,
        graph: Graph,
        X: Array,
        y: Array = _EMPTY,
        weight: Array = _EMPTY,
        workspace: Workspace | None = None,
        offset: Array | None = None,
    ):
        self.graph = graph
        self.workspace = workspace or Workspace()
        self.dtype = self.workspace.dtype
        self.n_samples = c = len(X)
        self.y = np.array(y, order="F")
        self.weight = weight
        self.offset = None if offset is None else np.array(offset.T, order="C")
        self.absent = weight == 0 if (weight == 0).any() else None
        self.z = [np.empty((p + 1, c), self.dtype) for p in graph.n_inputs]
        for z in self.z:
            z[-1] = 1.0  # that of the intercepts; the others are those of earlier nodes
        for k, rows in graph.readers[0]:
            self.z[k][rows] = X.T
        *hidden, outputs = [(s, c) for s in graph.n_units]
        self.raw = np.empty(outputs)
        self.slope = [np.empty(shape, self.dtype) for shape in hidden]
        self.delta = [*(np.empty(shape, self.dtype) for shape in hidden), _EMPTY]
        self.bend: list[Array] = []
        self.loss_hessian = self.loss_model = _EMPTY
        self.output_bend: Array | None = None

    def layers_at(
        self, weights: Sequence[Array], in_inputs: Container[int] = ()
    ) -> list[AnyLayerAtPoint]:
        """The layers at a point, on these samples, for all passes over them there.

        They hold what is worth forming once for all passes, such as the monomials of the
        inputs for Gaussian units; so make them once, and let them go with the last pass. These
        have no derivatives in the input X; layers ``in_inputs`` have.
        """
        layers = self.graph.layers_at(weights, self.z)
        for k, layer in enumerate(self.graph.layers):
            if k in in_inputs:
                layers[k] = layer.at(weights[k], self.z[k])
        return layers

    def last_layer_at(self, weights: Sequence[Array]) -> AnyLayerAtPoint:
        """The last of them, alone."""
        return self.graph.layer_at(len(weights) - 1, weights[-1], self.z[-1])

    def pre_activation(self, k: int, layers: LayersAtPoint) -> Array:
        """Pre-activations a of a layer, from its input z, in a work array."""
        out = self.workspace.array(("a", k), self.graph.n_units[k], self.n_samples)
        return layers[k].value(out)

    def activated(self, k: int) -> Array:
        """Values x of a hidden layer: the rows of the first z that holds them."""
        reader, rows = self.graph.readers[k + 1][0]
        return self.z[reader][rows]

    def forward(self, layers: LayersAtPoint, order: int = 1) -> None:
        """Raw predictions, and the slopes h'(a) of the hidden layers if order is 1."""
        self.forward_hidden(layers, order)
        self.forward_output(layers[-1])

    def forward_hidden(self, layers: LayersAtPoint, order: int = 1) -> None:
        """All of :meth:`forward` but its last layer."""
        for k, layer in enumerate(self.graph.layers[:-1]):
            a, x = layers[k].value(self.delta[k]), self.activated(k)
            if order == 0:
                x[...] = layer.activation.value(a)
            else:
                layer.activation.forward(a, x, self.slope[k])
            for reader, rows in self.graph.readers[k + 1][1:]:
                self.z[reader][rows] = x

    def forward_output(self, layer: AnyLayerAtPoint) -> None:
        """The last layer of :meth:`forward`, and the offset."""
        if self.dtype == self.raw.dtype:
            layer.value(self.raw)
        else:
            self.raw[...] = layer.value(self.workspace.array("raw", *self.raw.shape))
        if self.offset is not None:
            self.raw += self.offset

    def loss_value(self, loss: Loss) -> float:
        """Weighted sum of the losses; leaves its gradient as the last layer's delta."""
        value, gradient = loss.derivatives(self.y, self.raw.T, 1)
        self.delta[-1] = self.weighed(gradient.T).astype(self.dtype, copy=False)
        return float(self.weighed(value).sum())

    def output_multiplier(self, loss: Loss) -> Array:
        """Multipliers e of the last layer: derivatives of the weighted loss in its outputs."""
        return self.weighed(loss.multipliers(self.y, self.raw.T).T)

    def adjoint(self, layers: LayersAtPoint) -> None:
        """Multipliers e and delta of all layers, from the delta of the last one ([I] eq. 7).

        e^k = sum over readers l of (dp^l / dx^k)' delta^l,  delta^k = e^k * h'(a^k).
        """
        for k in range(len(layers) - 2, -1, -1):
            self._pulled_back(k, layers, self.delta, self.delta[k])
            self.delta[k] *= self.slope[k]

    def multiplier(self, k: int, layers: LayersAtPoint) -> Array:
        """Multipliers e of a hidden layer, from the deltas of its readers, in a work array."""
        out = self.workspace.array(("e", k), self.graph.n_units[k], self.n_samples)
        return self._pulled_back(k, layers, self.delta, out)

    def _rounded(self, direction: Sequence[Array]) -> list[Array]:
        """A direction in the precision of the passes."""
        return [part.astype(self.dtype, copy=False) for part in direction]

    def _array(self, key: object, shape: tuple[int, ...]) -> Array | None:
        """A work array, where the page faults of a new one would cost more than finding it."""
        if shape[-2] * shape[-1] < _SMALL_ARRAY:
            return None
        return self.workspace.array(key, *shape)

    def _pulled_back(
        self,
        k: int,
        layers: LayersAtPoint,
        deltas: Sequence[Array],
        out: Array | None = None,
    ) -> Array:
        """Sum over the readers l of a hidden layer of (dp^l / dx^k)' delta^l."""
        (reader, rows), *others = self.graph.readers[k + 1]
        total = layers[reader].pull_back(rows, deltas[reader], out)
        for reader, rows in others:
            total += layers[reader].pull_back(rows, deltas[reader])
        return total

    def backward(self, layers: LayersAtPoint, seed: Array) -> list[Array]:
        """Deltas of all layers for any seed at the raw predictions.

        Parameters
        ----------
        layers : sequence of layers at the current point
            As :meth:`layers_at` makes them.
        seed : ndarray of shape (..., n_outputs, n_samples)
            One adjoint direction, or a stack of them.

        Returns
        -------
        list of ndarray of shape (..., s_k, n_samples)
        """
        deltas = [*self.slope, seed]
        for k in range(len(layers) - 2, -1, -1):
            deltas[k] = self._pulled_back(k, layers, deltas) * self.slope[k]
        return deltas

    def per_sample(self, layers: LayersAtPoint, seed: Array, out: Array) -> None:
        """Products of z and delta of every sample, of shape (c, m, n_full), for (m, O, c)."""
        deltas = self.backward(layers, seed)
        for layer, delta, block in zip(layers, deltas, self.graph.matrices(out), strict=True):
            layer.per_sample(delta, block)

    def gradient(self, layers: LayersAtPoint, out: Sequence[Array]) -> None:
        """Put delta dp/dtheta of each layer into out."""
        for k, layer in enumerate(layers):
            layer.gradient(self.delta[k], out=out[k])

    def second_order(self, layers: LayersAtPoint, loss: Loss) -> None:
        """Curvature e * h''(a) of the units, and the weighted Hessian of the loss in its parts."""
        if not self.bend:
            self.bend = [np.empty_like(slope) for slope in self.slope]
        for k, layer in enumerate(self.graph.layers[:-1]):
            second = layer.activation.curvature(self.activated(k), self.slope[k])
            if second is None:
                second = layer.activation.derivatives(self.pre_activation(k, layers), 2)[2]
            self._pulled_back(k, layers, self.delta, self.bend[k])
            self.bend[k] *= second
        model, bend = loss.curvature_parts(self.y, self.raw.T)
        model = self.weighed(model.T if model.ndim == 2 else model.transpose(1, 2, 0))
        self.loss_model = model.astype(self.dtype, copy=False)
        self.loss_hessian, self.output_bend = self.loss_model, None
        if bend is not None:  # e h'' of an output activation, which Gauss-Newton leaves out
            self.output_bend = self.weighed(bend.T).astype(self.dtype, copy=False)
            self.loss_hessian = self.loss_model.copy()
            np.einsum("ooi->oi" if self.loss_hessian.ndim == 3 else "oi->oi", self.loss_hessian)[
                ...
            ] += self.output_bend

    def weighed(self, values: Array) -> Array:
        """Values times weights, also where a sample of weight zero has an infinite value."""
        weighed = np.multiply(values, self.weight, order="C")
        if self.absent is not None:
            weighed[..., self.absent] = 0.0
        return weighed

    def loss_curvature(self, tangent: Array, gauss_newton: bool) -> Array:
        """Hessian of the loss, or its Gauss-Newton part, times tangents of the raw predictions."""
        hessian = self.loss_model if gauss_newton else self.loss_hessian
        if hessian.ndim == 2:
            return hessian * tangent
        return np.einsum("opi,...pi->...oi", hessian, tangent)

    def tangents(
        self,
        layers: LayersAtPoint,
        direction: Sequence[Array],
        moved: Mapping[int, Array] | None = None,
    ) -> tuple[list[Array], list[Array], list[list[tuple[slice, Array]]]]:
        """Ra and Rx of the layers along a direction, and Rz where it is not 0.

        For some layers the input X has tangents as well, ``moved``. Ra and Rx are in work arrays.
        """
        last, direction = len(layers) - 1, self._rounded(direction)
        tangent_a: list[Array] = []
        tangent_x: list[Array] = []
        along: list[list[tuple[slice, Array]]] = []  # Rz^k, where it is not 0
        for k in range(last + 1):
            shape = (*direction[k].shape[:-2], self.graph.n_units[k], self.n_samples)
            tangent = layers[k].tangent(direction[k], self._array(("Ra", k), shape))
            along.append(
                [(rows, tangent_x[node - 1]) for node, rows in self.graph.hidden_sources(k)]
            )
            if moved is not None and k in moved:
                along[k] += [(rows, moved[k]) for node, rows in self.graph.sources[k] if node == 0]
            for rows, source in along[k]:
                tangent += layers[k].input_tangent(rows, source, self._array("part", shape))
            tangent_a.append(tangent)
            if k < last:
                tangent_x.append(
                    np.multiply(tangent, self.slope[k], out=self._array(("Rx", k), shape))
                )
        return tangent_a, tangent_x, along

    def product(
        self,
        layers: LayersAtPoint,
        direction: Sequence[Array],
        out: Sequence[Array],
        gauss_newton: bool,
        moved: Mapping[int, Array] | None = None,
    ) -> None:
        """Add Hessian times direction to out (doc/mathematics.md 3.2 and 3.3).

        R denotes the derivative along the direction V, and x^q a hidden source of layer k:

            Ra^k = dp^k/dtheta V^k + sum_q dp^k/dx^q Rx^q,         Rx^k = h' Ra^k
            Rdelta^k = h' sum_l R[(dp^l/dx^k)' delta^l] + e h'' Ra^k
            HV^k = R[(dp^k/dtheta)' delta^k]

        where Gauss-Newton keeps of the last two lines only what has Rdelta in it.

        Parameters
        ----------
        layers : sequence of layers at the current point
            As :meth:`layers_at` makes them.
        direction : list of ndarray of shape (..., t_k, s_k)
            One direction, or a stack of them.
        out : list of ndarray of the shapes of ``direction``
            Where to add.
        gauss_newton : bool
            Which of the two matrices to multiply with.
        moved : mapping of int to ndarray of shape (..., n_features, n_samples), default=None
            Tangents of the input X for some layers, which have derivatives in it; derivatives of
            the gradient along them are added.
        """
        last, direction = len(layers) - 1, self._rounded(direction)
        # Forwards: Ra^k of all layers, and from the last one Rdelta = (d2 loss) Ra.
        tangent_a, tangent_x, along = self.tangents(layers, direction, moved)
        tangent_delta = [*tangent_x, self.loss_curvature(tangent_a[last], gauss_newton)]
        for k in range(last, -1, -1):
            if k < last:
                # Re^k: what the readers' Rdelta pull back, the linear part of the adjoint pass.
                out_k = self._array(("Re", k), tangent_a[k].shape)
                tangent = self._pulled_back(k, layers, tangent_delta, out_k)
                if not gauss_newton:
                    # And the change of dp^l/dx^k itself under delta^l: delta^l V^l in a linear
                    # layer, where dp/dx is W.
                    for reader, rows in self.graph.readers[k + 1]:
                        tangent += layers[reader].pull_back_along(
                            rows,
                            self.delta[reader],
                            direction[reader],
                            along[reader],
                            self._array("part", tangent.shape),
                        )
                # Rdelta^k = h' Re^k + e^k h'' Ra^k, of which bend is e^k h''.
                tangent *= self.slope[k]
                if not gauss_newton:
                    tangent_a[k] *= self.bend[k]
                    tangent += tangent_a[k]
                tangent_delta[k] = tangent  # in place of Rx^k, which ``along`` still refers to
            # HV^k: (dp/dtheta)' Rdelta^k, which is Rdelta^k z^k' in a linear layer, ...
            out[k][...] += layers[k].gradient(tangent_delta[k])
            if not gauss_newton:
                # ... and R[dp/dtheta]' delta^k, which is delta^k (Rz^k)' there.
                layers[k].add_gradient_along(out[k], self.delta[k], direction[k], along[k])


def states_of(chunks: Sequence[Chunk], loss: Loss) -> list[Array]:
    """States x^k of all layers, (n_samples, s_k), after a forward pass."""
    last, activation = len(chunks[0].slope), output_activation(loss)
    parts = [[chunk.activated(k) for chunk in chunks] for k in range(last)]
    parts.append([activation.value(chunk.raw) for chunk in chunks])
    return [np.ascontiguousarray(np.concatenate(part, axis=1).T, dtype=float) for part in parts]


def multipliers_of(chunks: Sequence[Chunk], weights: Sequence[Array], loss: Loss) -> list[Array]:
    """Multipliers -e^k of all layers ([I] eq. 7, 8), (n_samples, s_k), after an adjoint pass."""
    parts: list[list[Array]] = [[] for _ in weights]
    for chunk in chunks:
        layers = chunk.layers_at(weights)
        for k, part in enumerate(parts[:-1]):
            part.append(-chunk.multiplier(k, layers).T)
        parts[-1].append(-chunk.output_multiplier(loss).T)
    return [np.concatenate(part, dtype=float) for part in parts]


def sample_chunks(n_samples: int, chunk_size: int) -> list[slice]:
    """Consecutive slices of about equal length, none above the chunk size."""
    n_chunks = max(1, -(-n_samples // chunk_size))
    ends = [n_samples * i // n_chunks for i in range(n_chunks + 1)]
    return [slice(start, stop) for start, stop in pairwise(ends)]
