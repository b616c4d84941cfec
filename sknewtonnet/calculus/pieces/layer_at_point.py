"""A layer at one point, on some samples: every product with its derivatives.

What the passes over a network need of a layer, and no more: products of its first
derivatives with tangents (forwards) and with adjoints (backwards), and of its second
derivatives, contracted with the adjoints delta, with tangents. Stacks of directions or of
adjoints are a leading axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import prod
from typing import Protocol

import numpy as np

from sknewtonnet._typing import Array

# Rows of a layer's input, and the tangents of the node that is read there.
Tangents = Sequence[tuple[slice, Array]]


class Propagation(Protocol):
    """What a layer supplies; see :class:`sknewtonnet.calculus.Layer`."""

    def value(self, theta: Array, z: Array) -> Array:
        """The propagation p."""

    def slopes(self, theta: Array, z: Array) -> tuple[Array, Array]:
        """First derivatives in inputs and parameters."""

    def curvature_parameters(self, theta: Array, z: Array, delta: Array) -> Array:
        """Second derivatives in parameters."""

    def curvature_along(self, theta: Array, z: Array, delta: Array, direction: Array) -> Array:
        """Their products with directions."""

    def curvature_mixed(self, theta: Array, z: Array, delta: Array) -> Array:
        """Second derivatives in parameters and inputs."""

    def curvature_inputs(self, theta: Array, z: Array, delta: Array) -> Array:
        """Second derivatives in inputs."""


class LayerAtPoint:
    """Any layer; its derivatives are formed at the first call that needs them.

    Parameters
    ----------
    layer : Propagation
        The layer.
    theta : ndarray of shape (t, s)
        Its parameters.
    z : ndarray of shape (p + 1, c)
        Its input, above a row of ones.
    """

    def __init__(self, layer: Propagation, theta: Array, z: Array):
        self.layer, self.theta, self.z = layer, theta, z[:-1]

    @cached_property
    def _slopes(self) -> tuple[Array, Array]:
        return self.layer.slopes(self.theta, self.z)

    def value(self, out: Array) -> Array:
        """Pre-activations a, of shape (s, c), written to out."""
        out[...] = self.layer.value(self.theta, self.z)
        return out

    def unit_slopes(self) -> Array:
        """Return dp/dtheta of each unit, of shape (s, t, c)."""
        return self._slopes[1]

    def input_slopes(self, rows: slice) -> Array:
        """Return dp/dz of some inputs, of shape (s, len(rows), c)."""
        return self._slopes[0][:, rows]

    def tangent(self, direction: Array, out: Array | None = None) -> Array:
        """Directional derivative of a along (..., t, s), of shape (..., s, c)."""
        n_directions = prod(direction.shape[:-2])  # not -1: a layer may have no parameters
        stack = direction.reshape(n_directions, *direction.shape[-2:]).transpose(2, 0, 1)
        tangents = np.matmul(stack, self.unit_slopes())
        found = tangents.swapaxes(0, 1).reshape(*direction.shape[:-2], *tangents.shape[::2])
        return written(found, out)

    def input_tangent(self, rows: slice, tangent: Array, out: Array | None = None) -> Array:
        """Directional derivative of a along tangents (..., rows, c) of its input."""
        return np.einsum("spi,...pi->...si", self.input_slopes(rows), tangent, out=out)

    def pull_back(self, rows: slice, delta: Array, out: Array | None = None) -> Array:
        """Sum over units of delta dp/dz, of shape (..., rows, c)."""
        return np.einsum("spi,...si->...pi", self.input_slopes(rows), delta, out=out)

    def gradient(self, delta: Array, out: Array | None = None) -> Array:
        """Sum over samples of delta dp/dtheta, of shape (..., t, s)."""
        stack = delta.reshape(-1, *delta.shape[-2:]).transpose(1, 2, 0)
        found = np.matmul(self.unit_slopes(), stack).transpose(2, 1, 0)
        return written(found.reshape(*delta.shape[:-2], *found.shape[1:]), out)

    def per_sample(self, delta: Array, out: Array) -> None:
        """Products delta dp/dtheta of each sample, of shape (c, m, t, s), for (m, s, c)."""
        np.einsum("sti,msi->imts", self.unit_slopes(), delta, out=out)

    def pull_back_along(
        self,
        rows: slice,
        delta: Array,
        direction: Array,
        tangents: Tangents,
        out: Array | None = None,
    ) -> Array:
        """Change of :meth:`pull_back` at fixed delta along parameters and inputs."""
        mixed = self.curvature_mixed(delta)[:, :, rows]
        change = np.einsum("stpi,...ts->...pi", mixed, direction)
        bend = self.curvature_inputs(delta)[rows]
        for where, tangent in tangents:
            change += np.einsum("pqi,...qi->...pi", bend[:, where], tangent)
        return written(change, out)

    def add_gradient_along(
        self, out: Array, delta: Array, direction: Array, tangents: Tangents
    ) -> None:
        """Add to out the change of :meth:`gradient` at fixed delta."""
        out += self.layer.curvature_along(self.theta, self.z, delta, direction)
        if tangents:
            mixed = self.curvature_mixed(delta)
            for rows, tangent in tangents:
                added = np.tensordot(tangent, mixed[:, :, rows], axes=([-2, -1], [2, 3]))
                out += transposed(added)

    def curvature(self, delta: Array) -> Array:
        """Sum over samples of delta d2p/dtheta dtheta', of shape (s, t, t)."""
        return self.layer.curvature_parameters(self.theta, self.z, delta)

    def curvature_mixed(self, delta: Array) -> Array:
        """Values of delta d2p/dtheta dz, of shape (s, t, p, c)."""
        return self.layer.curvature_mixed(self.theta, self.z, delta)

    def curvature_inputs(self, delta: Array) -> Array:
        """Sum over units of delta d2p/dz dz', of shape (p, p, c)."""
        return self.layer.curvature_inputs(self.theta, self.z, delta)


class LinearAtPoint:
    """A linear layer: the same products, as few matrix products as can be.

    It serves all layers whose p is linear in the parameters with the same factors z for all
    units; a subclass puts functions of its parameters in their place.

    Parameters
    ----------
    theta : ndarray of shape (p + 1, s)
        Coefficients above intercepts.
    z : ndarray of shape (p + 1, c)
        Its input, above a row of ones.
    """

    def __init__(self, theta: Array, z: Array):
        self.theta, self.z = theta, z

    def value(self, out: Array) -> Array:
        """Pre-activations a, of shape (s, c), written to out."""
        return np.matmul(self.theta.T, self.z, out=out)

    def unit_slopes(self) -> Array:
        """Return z, the same for each unit, of shape (s, p + 1, c)."""
        return np.broadcast_to(self.z, (self.theta.shape[1], *self.z.shape))

    def input_slopes(self, rows: slice) -> Array:
        """Coefficients of some inputs, the same for all samples, of shape (s, len(rows))."""
        return self.theta[rows].T

    def tangent(self, direction: Array, out: Array | None = None) -> Array:
        """Directional derivative of a along (..., p + 1, s), of shape (..., s, c)."""
        return np.matmul(transposed(direction), self.z, out=out)

    def input_tangent(self, rows: slice, tangent: Array, out: Array | None = None) -> Array:
        """Directional derivative of a along tangents (..., rows, c) of its input."""
        return np.matmul(self.theta[rows].T, tangent, out=out)

    def pull_back(self, rows: slice, delta: Array, out: Array | None = None) -> Array:
        """Coefficients times delta, of shape (..., rows, c)."""
        return _weighted(self.theta[rows], delta, out)

    def gradient(self, delta: Array, out: Array | None = None) -> Array:
        """Sum over samples z delta', of shape (..., p + 1, s)."""
        return times_transposed(self.z, delta, out)

    def per_sample(self, delta: Array, out: Array) -> None:
        """Products z delta' of each sample, of shape (c, m, p + 1, s), for (m, s, c)."""
        np.einsum("pi,msi->imps", self.z, delta, out=out)

    def pull_back_along(
        self,
        rows: slice,
        delta: Array,
        direction: Array,
        tangents: Tangents,
        out: Array | None = None,
    ) -> Array:
        """Change of :meth:`pull_back` at fixed delta along parameters."""
        return _weighted(direction[..., rows, :], delta, out)

    def add_gradient_along(
        self, out: Array, delta: Array, direction: Array, tangents: Tangents
    ) -> None:
        """Add to out the change of :meth:`gradient` at fixed delta."""
        for rows, tangent in tangents:
            out[..., rows, :] += times_transposed(tangent, delta)

    def curvature(self, delta: Array) -> Array:
        """Sum over samples of delta d2p/dtheta dtheta', of shape (s, t, t): zeros here."""
        t, s = self.theta.shape
        return np.zeros((s, t, t))

    def chain(self) -> Array | None:
        """Derivative (s, t, T) of each unit's T coefficients in its parameters, if it has any."""
        return None


AnyLayerAtPoint = LayerAtPoint | LinearAtPoint

# The layers of a net at one point on some samples, first to last: what a pass is given.
LayersAtPoint = Sequence[AnyLayerAtPoint]


def transposed(stack: Array) -> Array:
    """Transpose of a matrix, or of each matrix in a stack."""
    return np.swapaxes(stack, -1, -2)


def times_transposed(left: Array, right: Array, out: Array | None = None) -> Array:
    """Return left @ right', of matrices or stacks of them.

    Of two matrices ``dot`` takes less time; of stacks it goes without the BLAS.
    """
    if left.ndim == right.ndim == 2:
        return np.dot(left, right.T, out=out)
    return np.matmul(left, transposed(right), out=out)


def written(found: Array, out: Array | None) -> Array:
    """An array, or its copy in ``out``."""
    if out is None:
        return found
    out[...] = found
    return out


def _weighted(matrix: Array, columns: Array, out: Array | None = None) -> Array:
    """Return matrix @ columns; a single column is a broadcast product, which is faster."""
    if matrix.shape[-1] == 1:
        return np.multiply(matrix, columns, out=out)
    return np.matmul(matrix, columns, out=out)
