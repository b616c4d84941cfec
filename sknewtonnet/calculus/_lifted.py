"""Gaussian units on the input as linear units on its monomials.

With y = z - m for a point m near the centres and nu = mu - m,

    p_j = (y - nu)' M (y - nu) = <M, y y'> - 2 (M nu)' y + nu' M nu = W_j' phi(y)

is linear in phi = (y, monomials of y, 1), the same for all units, with coefficients W(theta).
So the passes, and the sums of the Hessian, are those of a linear layer, and theta comes in
by the chain rule on arrays without samples; second derivatives of W by the moments of
:mod:`sknewtonnet.calculus._covariances`.
"""

import numpy as np
from numpy.typing import NDArray

from sknewtonnet.calculus._covariances import Covariance
from sknewtonnet.calculus._local import LinearLocal, Tangents

Array = NDArray[np.float64]

# Sum of the terms of p above which too many of its digits would cancel.
_MAX_TERMS = 1e5


def moment_curvature(
    form: Covariance, free: Array, total: Array, mean: Array, square: Array
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


class LiftedLocal(LinearLocal):
    """A layer of Gaussian units that reads the input alone, at one point.

    Parameters
    ----------
    form : Covariance
        The form of the covariances.
    theta : ndarray of shape (t, s)
        Centres above free parameters.
    z : ndarray of shape (p, c)
        Samples of the input.
    """

    def __init__(self, form: Covariance, theta: Array, z: Array):
        self.form, n_inputs = form, len(z)
        self.n_inputs = n_inputs
        origin = theta[:n_inputs].mean(axis=1)
        self.nu = (theta[:n_inputs] - origin[:, None]).T
        self.free = theta[n_inputs:].T
        y = z - origin[:, None]
        pull = form.times(self.free, self.nu[:, :, None])[:, :, 0]
        squares = form.weights(self.free)
        constant = np.einsum("sp,sp->s", self.nu, pull)
        W = np.concatenate([-2.0 * pull, squares, constant[:, None]], axis=1).T
        super().__init__(W, np.concatenate([y, form.monomials(y), np.ones((1, y.shape[1]))]))
        # The largest sum of terms that may cancel in p.
        highest = np.maximum(self.z.max(axis=1), -self.z.min(axis=1))
        self.safe = bool((np.abs(W).T @ highest).max() < _MAX_TERMS)

    def tangent(self, direction: Array) -> Array:
        """Directional derivative of a along (..., t, s), of shape (..., s, c)."""
        return super().tangent(self._weights_along(direction))

    def gradient(self, delta: Array, out: Array | None = None) -> Array:
        """Sum over samples of delta dp/dtheta, of shape (..., t, s)."""
        _, mean, square = self._moments(delta)
        own = self.form.gradient(self.free, square)
        found = np.concatenate([-2.0 * self.form.times(self.free, mean), own], axis=1)
        found = found.transpose(2, 1, 0).reshape(*delta.shape[:-2], *found.shape[1::-1])
        if out is None:
            return found
        out[...] = found
        return out

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
        out += np.einsum("stu,...us->...ts", self.curvature(delta), direction)

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
        pull, turned = form.times(free, centre), form.times_along(free, own, nu)
        constant = np.einsum("sp,spr->sr", nu, 2.0 * pull + turned)
        squares = form.weights_along(free, own)
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
