"""Layers of Gaussian radial basis functions ([I] 4.2, doc/mathematics.md 4)."""

from collections.abc import Sequence
from copy import copy

import numpy as np
from scipy import sparse

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.pieces.activations import Activation
from sknewtonnet.calculus.pieces.bumps import random_bumps
from sknewtonnet.calculus.pieces.gaussian_forms import FORMS, GaussianForm
from sknewtonnet.calculus.pieces.layer_at_point import LayerAtPoint, LinearAtPoint, Tangents
from sknewtonnet.calculus.pieces.layers import Layer


def covariance_form(covariance_type: str) -> GaussianForm:
    """The form of that name, or raise."""
    if not isinstance(covariance_type, str) or covariance_type not in FORMS:
        raise ValueError(f"covariance_type must be one of {list(FORMS)}, got {covariance_type!r}.")
    return FORMS[covariance_type]


class GaussianRBF(Layer):
    """Gaussian radial basis functions x_j = exp(-p_j / 2), with ([I] 4.2).

        p_j(z) = (z - mu_j)' M_j (z - mu_j),    M_j = U_j U_j'

    M_j is the inverse covariance, U_j its upper triangular factor with a positive diagonal,
    as in scikit-learn's GaussianMixture. Free parameters are the centre mu_j ("centers") and
    U_j with the logarithms of its diagonal ("precisions_cholesky"), so that M_j is positive
    definite whatever step is taken: log(1 / sigma) for "spherical" and "diag", whose U is
    a multiple of the identity or diagonal.

    Parameters
    ----------
    sources : sequence of int
        The nodes it reads, in increasing order.
    n_units : int
        Number of units, s.
    covariance_type : {"full", "diag", "spherical"}, default="full"
        Form of the covariance of each unit.
    activation : str or Activation, default="squared_exponential"
        Function of p_j.

    Attributes
    ----------
    form : GaussianForm
        What depends on the form of the covariances.

    Raises
    ------
    ValueError
        If an argument is not of these.

    Examples
    --------
    One spherical unit with its centre at the origin and sigma = 1:

    >>> import numpy as np
    >>> from sknewtonnet.calculus import GaussianRBF
    >>> layer = GaussianRBF((0,), 1, "spherical")
    >>> theta = np.zeros((3, 1))  # two coordinates of the centre, and log(1 / sigma)
    >>> layer.value(theta, np.array([[1.0, 0.0], [1.0, 2.0]]))
    array([[2., 4.]])
    """

    def __init__(
        self,
        sources: Sequence[int],
        n_units: int,
        covariance_type: str = "full",
        activation: str | Activation = "squared_exponential",
    ):
        super().__init__(sources, n_units, activation)
        self.form = covariance_form(covariance_type)
        self.covariance_type = covariance_type

    def unit_arrays(self, n_inputs: int) -> dict[str, Ints]:
        """Centre, then the factor of the precision. See :meth:`Layer.unit_arrays`."""
        rows = self.form.rows(n_inputs)
        return {
            "centers": np.arange(n_inputs),
            "precisions_cholesky": np.where(rows < 0, -1, rows + n_inputs),
        }

    def input_shift(self, n_inputs: int) -> Array:
        """Centres move the other way. See :meth:`Layer.input_shift`."""
        n_rows = n_inputs + 1 + int(self.form.rows(n_inputs).max())
        return -np.eye(n_inputs, n_rows)

    def value(self, theta: Array, z: Array) -> Array:
        """The quadratic forms p, from differences: an origin that is far away costs no digits.

        See :meth:`Layer.value`.
        """
        return self.form.value(*_split(theta, z))

    def slopes(self, theta: Array, z: Array) -> tuple[Array, Array]:
        """First derivatives; those in the centre are minus those in z.

        See :meth:`Layer.slopes`.
        """
        free, d = _split(theta, z)
        inputs = 2.0 * self.form.times(free, d)
        return inputs, np.concatenate([-inputs, self.form.slopes(free, d)], axis=1)

    def curvature_parameters(self, theta: Array, z: Array, delta: Array) -> Array:
        """Second derivatives from the moments of the differences.

        See :meth:`Layer.curvature_parameters`.
        """
        free, d = _split(theta, z)
        mean = np.matmul(d, delta[:, :, None])[:, :, 0]
        return moment_curvature(
            self.form, free, delta.sum(axis=1), mean, self.form.square(d, delta)
        )

    def curvature_along(self, theta: Array, z: Array, delta: Array, direction: Array) -> Array:
        """Its product with a direction, without the matrices of pairs of inputs.

        See :meth:`Layer.curvature_along`.
        """
        free, d = _split(theta, z)
        mean = np.matmul(d, delta[:, :, None])[:, :, 0]
        square = self.form.square(d, delta)
        return moment_curvature_along(self.form, free, delta.sum(axis=1), mean, square, direction)

    def curvature_mixed(self, theta: Array, z: Array, delta: Array) -> Array:
        """Second derivatives in parameters and z; -2 M in the centre.

        See :meth:`Layer.curvature_mixed`.
        """
        free, d = _split(theta, z)
        centre = -2.0 * self.form.precisions(free, len(z))[..., None] * delta[:, None, None]
        return np.concatenate([centre, self.form.mixed(free, d, delta)], axis=1)

    def curvature_inputs(self, theta: Array, z: Array, delta: Array) -> Array:
        """Sum over units of 2 M delta. See :meth:`Layer.curvature_inputs`."""
        precisions = self.form.precisions(theta[len(z) :].T, len(z))
        return np.tensordot(2.0 * precisions, delta, axes=(0, 0))

    def rescaled(self, shift: Array, scale: Array) -> tuple[Layer, sparse.sparray, Array] | None:
        """Centres become shift + scale mu, and the rows of U are divided by scale.

        See :meth:`Layer.rescaled`.
        """
        found = self.form.rescaled(scale)
        if found is None:
            return None
        form, matrix, offset = found
        layer = copy(self)
        layer.form = form
        matrix = sparse.block_diag([sparse.diags_array(scale), matrix])
        return layer, matrix, np.concatenate([shift, offset])

    def on_input(self, theta: Array, z: Array) -> LayerAtPoint | LinearAtPoint:
        """The layer as a linear one of monomials of z, where that loses no digits.

        See :meth:`Layer.on_input`.
        """
        lifted = LiftedAtPoint(self.form, theta, z[:-1])
        return lifted if lifted.safe else self.at(theta, z)

    def start(self, center: Array, spread: Array, random_state: np.random.RandomState) -> Array:
        """Centres that are spread like the inputs; round units that reach their neighbours.

        See :meth:`Layer.start`.
        """
        centers, widths = random_bumps(self.n_units, center, spread, random_state)
        free = self.form.round_units(-np.log(widths), len(center))
        return np.vstack([centers.T, free.T])


def radial_layer(layers: Sequence[Layer]) -> GaussianRBF:
    """The one layer of Gaussian units among them; a ValueError if there is not one."""
    found = [layer for layer in layers if isinstance(layer, GaussianRBF)]
    if len(found) != 1:
        raise ValueError(f"the net has {len(found) or 'no'} layers of radial units, not one.")
    return found[0]


def _split(theta: Array, z: Array) -> tuple[Array, Array]:
    """Parameters of the covariances (s, f), and differences z - mu of shape (s, p, c)."""
    n_inputs = len(z)
    return theta[n_inputs:].T, z - theta[:n_inputs].T[:, :, None]


# Sum of the terms of p above which too many of its digits would cancel.
_MAX_TERMS = 1e5


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


class LiftedAtPoint(LinearAtPoint):
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

    def __init__(self, form: GaussianForm, theta: Array, z: Array):
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
