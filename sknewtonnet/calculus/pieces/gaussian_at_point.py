"""Gaussian units at one point: about their own centres, or by monomials that they share.

With d = z - mu of each unit all is exact to rounding, at the price of arrays with an axis of
units. Where all centres are within a few widths of their mean, the layer is *lifted*: p is linear
in monomials of y = z - mean, which are the same for all units.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.pieces.gaussian_forms import GaussianForm
from sknewtonnet.calculus.pieces.layer_at_point import (
    LayerAtPoint,
    LinearAtPoint,
    Propagation,
    Tangents,
    written,
)

# The terms of p whose rounding may be lost in p and its first derivatives: 300 eps = 7e-14.
_MAX_TERMS = 300.0

# Sum of squares of the samples below which no product of four inputs overflows.
_FARTHEST = 1e150

# Numbers of the differences d that stay in the cache together.
_IN_CACHE = 32_768


def about_centres(theta: Array, z: Array) -> tuple[Array, Array]:
    """Parameters of the covariances (s, f), and differences z - mu of shape (s, p, c)."""
    n_inputs = len(z)
    return theta[n_inputs:].T, z - theta[:n_inputs].T[:, :, None]


def moment_curvature(
    form: GaussianForm, free: Array, total: Array, mean: Array, square: Array
) -> Array:
    """Sum of delta d2p/dtheta dtheta' of each unit, (s, t, t), from its moments about mu."""
    n_units, n_inputs = mean.shape
    first, second = form.second(free, mean, square)
    t = n_inputs + free.shape[1]
    found = np.empty((n_units, t, t))
    found[:, :n_inputs, :n_inputs] = 2.0 * total[:, None, None] * form.precisions(free, n_inputs)
    found[:, :n_inputs, n_inputs:] = first
    found[:, n_inputs:, :n_inputs] = first.swapaxes(1, 2)
    found[:, n_inputs:, n_inputs:] = second
    return found


def moment_curvature_along(
    form: GaussianForm, free: Array, total: Array, mean: Array, square: Array, direction: Array
) -> Array:
    """Products of :func:`moment_curvature` with directions (..., t, s), of this shape."""
    n_inputs = mean.shape[1]
    stack = direction.reshape(-1, *direction.shape[-2:]).transpose(2, 1, 0)
    centre, own = stack[:, :n_inputs], stack[:, n_inputs:]
    first, second = form.second_along(free, mean, square, centre, own)
    first += 2.0 * total[:, None, None] * form.times(free, centre)
    return np.concatenate([first, second], axis=1).transpose(2, 1, 0).reshape(direction.shape)


class CentredAtPoint(LayerAtPoint):
    """A layer of Gaussian units, from the differences between samples and centres.

    An origin that is far away, or another unit that is, costs no digits.

    Parameters
    ----------
    layer : Propagation
        The layer.
    form : GaussianForm
        The form of the covariances.
    theta : ndarray of shape (t, s)
        Centres above free parameters.
    z : ndarray of shape (p + 1, c)
        Its input, above a row of ones.
    """

    def __init__(self, layer: Propagation, form: GaussianForm, theta: Array, z: Array):
        super().__init__(layer, theta, z)
        self.form = form

    def value(self, out: Array) -> Array:
        """Pre-activations a, of shape (s, c), written to out."""
        for where in self._in_cache():
            out[:, where] = self.layer.value(self.theta, self.z[:, where])
        return out

    def gradient(self, delta: Array, out: Array | None = None) -> Array:
        """Sum over samples of delta dp/dtheta, of shape (..., t, s).

        For a single delta from moments of d, so that no slopes of all samples are formed.
        """
        if delta.ndim > 2 or "_slopes" in self.__dict__:
            return super().gradient(delta, out)
        found: Array | float = 0.0
        for where in self._in_cache():
            free, d = about_centres(self.theta, self.z[:, where])
            part = delta[:, where]
            mean = np.matmul(d, part[:, :, None])
            square = self.form.square(d, part)[:, :, None]
            slopes = [-2.0 * self.form.times(free, mean), self.form.gradient(free, square)]
            found = found + np.concatenate(slopes, axis=1)[:, :, 0].T
        return written(np.asarray(found), out)

    def tangent(self, direction: Array, out: Array | None = None) -> Array:
        """Directional derivative of a along (..., t, s), of shape (..., s, c)."""
        if direction.ndim > 2 or "_slopes" in self.__dict__:
            return super().tangent(direction, out)
        found = np.empty((self.theta.shape[1], self.z.shape[1])) if out is None else out
        for where in self._in_cache():
            slopes = self.layer.slopes(self.theta, self.z[:, where])[1]
            found[:, where] = np.matmul(direction.T[:, None], slopes)[:, 0]
        return found

    def add_gradient_along(
        self, out: Array, delta: Array, direction: Array, tangents: Tangents
    ) -> None:
        """Add to out the change of :meth:`gradient` at fixed delta."""
        if tangents:
            return super().add_gradient_along(out, delta, direction, tangents)
        for where in self._in_cache():
            z, part = self.z[:, where], delta[:, where]
            out += self.layer.curvature_along(self.theta, z, part, direction)

    def _in_cache(self) -> list[slice]:
        """Slices of samples whose differences stay in the cache."""
        n_samples = self.z.shape[1]
        size = max(64, _IN_CACHE // (len(self.z) * self.theta.shape[1]))
        return [slice(start, start + size) for start in range(0, n_samples, size)]


class LiftedAtPoint(LinearAtPoint):
    """A layer of Gaussian units that reads the input alone, as one that is linear in monomials.

    Parameters
    ----------
    form : GaussianForm
        The form of the covariances.
    nu : ndarray of shape (s, p)
        Centres less their mean.
    free : ndarray of shape (s, f)
        Free parameters of the covariances.
    W : ndarray of shape (T, s)
        Coefficients of the monomials.
    z : ndarray of shape (T, c)
        Monomials of the samples less that mean.
    """

    def __init__(self, form: GaussianForm, nu: Array, free: Array, W: Array, z: Array):
        super().__init__(W, z)
        self.form, self.nu, self.free, self.n_inputs = form, nu, free, nu.shape[1]

    @classmethod
    def where_exact(cls, form: GaussianForm, theta: Array, z: Array) -> LiftedAtPoint | None:
        """The layer at a point, or None where p or its first derivatives would lose digits."""
        units = _lifted(form, len(z), theta.shape, theta.tobytes())
        if units is None:
            return None
        y = z - units.origin[:, None]
        with np.errstate(over="ignore"):
            near = np.vdot(y, y) < _FARTHEST
        if not near:
            return None
        return cls(form, units.nu, units.free, units.W, _monomials(form, y, len(units.W)))

    def tangent(self, direction: Array, out: Array | None = None) -> Array:
        """Directional derivative of a along (..., t, s), of shape (..., s, c)."""
        return super().tangent(self._weights_along(direction), out)

    def gradient(self, delta: Array, out: Array | None = None) -> Array:
        """Sum over samples of delta dp/dtheta, of shape (..., t, s)."""
        _, mean, square = self._moments(delta)
        own = self.form.gradient(self.free, square)
        found = np.concatenate([-2.0 * self.form.times(self.free, mean), own], axis=1)
        found = found.transpose(2, 1, 0).reshape(*delta.shape[:-2], *found.shape[1::-1])
        return written(found, out)

    def unit_slopes(self) -> Array:
        """Return dp/dtheta of each unit, of shape (s, t, c)."""
        return np.matmul(self.chain(), self.z)

    def per_sample(self, delta: Array, out: Array) -> None:
        """Products delta dp/dtheta of each sample, of shape (c, m, t, s), for (m, s, c)."""
        np.einsum("sti,msi->imts", self.unit_slopes(), delta, out=out)

    def add_gradient_along(
        self, out: Array, delta: Array, direction: Array, tangents: Tangents
    ) -> None:
        """Add to out the change of :meth:`gradient` at fixed delta."""
        total, mean, square = (moment[..., 0] for moment in self._moments(delta))
        out += moment_curvature_along(self.form, self.free, total, mean, square, direction)

    def curvature(self, delta: Array) -> Array:
        """Sum over samples of delta d2p/dtheta dtheta', of shape (s, t, t)."""
        total, mean, square = (moment[..., 0] for moment in self._moments(delta))
        return moment_curvature(self.form, self.free, total, mean, square)

    def chain(self) -> Array:
        """Return dW/dtheta of each unit, of shape (s, t, T)."""
        t, s = self.n_inputs + self.free.shape[1], len(self.nu)
        each = np.broadcast_to(np.eye(t)[:, :, None], (t, t, s))
        return self._weights_along(each).transpose(2, 0, 1)

    def _weights_along(self, direction: Array) -> Array:
        """Change of W, (..., T, s), along parameters (..., t, s)."""
        form, free, nu = self.form, self.free, self.nu
        stack = direction.reshape(-1, *direction.shape[-2:]).transpose(2, 1, 0)
        centre, own = stack[:, : self.n_inputs], stack[:, self.n_inputs :]
        pull, (turned, squares) = form.times(free, centre), form.lift_along(free, own, nu)
        constant = np.einsum("sp,spr->sr", nu, 2.0 * pull + turned)
        found = np.concatenate([-2.0 * (pull + turned), squares, constant[:, None]], axis=1)
        return found.transpose(2, 1, 0).reshape(*direction.shape[:-2], *found.shape[1::-1])

    def _moments(self, delta: Array) -> tuple[Array, Array, Array]:
        """Sums of delta, delta d and delta d d' about the centres; stacks are the last axis."""
        s, c = delta.shape[-2:]
        sums = np.matmul(self.z, delta.reshape(-1, c).T).reshape(len(self.z), -1, s)
        sums = sums.transpose(2, 0, 1)
        total = sums[:, -1]
        mean = sums[:, : self.n_inputs] - self.nu[:, :, None] * total[:, None]
        squares = sums[:, self.n_inputs : -1]
        return total, mean, self.form.centred(squares, mean, total, self.nu)


class _Units(NamedTuple):
    """Units as coefficients W of monomials of z - origin; see :class:`LiftedAtPoint`."""

    origin: Array
    nu: Array
    free: Array
    W: Array


@lru_cache(maxsize=8)  # the same for all chunks and passes at a point
def _lifted(
    form: GaussianForm, n_inputs: int, shape: tuple[int, int], data: bytes
) -> _Units | None:
    """Coefficients of the monomials, or None where their terms would cancel."""
    theta = np.frombuffer(data).reshape(shape)
    origin, free = theta[:n_inputs].mean(axis=1), theta[n_inputs:].T
    nu = theta[:n_inputs].T - origin
    with np.errstate(over="ignore", invalid="ignore"):  # NaN is not below a limit
        # (y - nu)' M (y - nu) = -2 (M nu)'y + y'My + nu'M nu
        pull, weights, widths = form.lift(free, nu)
        constant = np.einsum("sp,sp->s", nu, pull)
        W = np.concatenate([-2.0 * pull, weights, constant[:, None]], axis=1).T
        # Terms of a sample a width away from each centre. One that is farther away weighs less
        # than it has digits to lose. Rounding errors of the terms add up like a random walk.
        terms = W * _monomials(form, (np.abs(nu) + widths).T, len(W))
        exact = np.einsum("ts,ts->s", terms, terms).max() < _MAX_TERMS**2
    return _Units(origin, nu, free, W) if exact else None


def _monomials(form: GaussianForm, y: Array, n_rows: int) -> Array:
    """Shifted inputs, the products of them that p needs, and ones."""
    found = np.empty((n_rows, y.shape[1]))
    found[: len(y)] = y
    form.monomials(y, found[len(y) : -1])
    found[-1] = 1.0
    return found
