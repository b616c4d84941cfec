"""Layers of radial basis functions and quadratic forms ([I] 4.2, MATHEMATICS 4)."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sknewtonnet.calculus._arrays import pairs
from sknewtonnet.calculus.activations import Activation
from sknewtonnet.calculus.layers import Layer

Array = NDArray[np.float64]


def _exp(exponents: Array) -> Array:
    """Exponentials that stay finite: a unit this narrow is 0 off its centre anyway."""
    return np.exp(np.minimum(exponents, 200.0))


class _Covariance(Protocol):
    """The form of M in p = (z - mu)' M (z - mu): rows of its parameters, and derivatives."""

    def rows(self, n_inputs: int) -> NDArray[np.intp]:
        """Row of each entry of a unit's ``precisions_cholesky``, counted from 0."""

    def value(self, free: Array, d: Array) -> Array:
        """The quadratic forms p, (s, c), of differences d = z - mu, (s, p, c)."""

    def slopes(self, free: Array, d: Array) -> tuple[Array, Array]:
        """First derivatives: dp/dz = 2 M d, (s, p, c), and those in the free parameters."""

    def moments(self, free: Array, d: Array, delta: Array) -> tuple[Array, Array]:
        """Sums of delta times second derivatives: in mu and free, in free and free."""

    def mixed(self, free: Array, d: Array, delta: Array) -> Array:
        """Second derivatives in free parameters and z, times delta, (s, t, p, c)."""

    def precisions(self, free: Array, n_inputs: int) -> Array:
        """The matrices M, of shape (s, p, p)."""


class _Spherical:
    """M = exp(2 tau) I, tau = log(1 / sigma)."""

    def rows(self, n_inputs: int) -> NDArray[np.intp]:
        return np.array(0)

    def value(self, free: Array, d: Array) -> Array:
        return _exp(2.0 * free.T) * np.einsum("spi,spi->si", d, d)

    def slopes(self, free: Array, d: Array) -> tuple[Array, Array]:
        return 2.0 * _exp(2.0 * free.T)[:, :, None] * d, 2.0 * self.value(free, d)[:, None]

    def moments(self, free: Array, d: Array, delta: Array) -> tuple[Array, Array]:
        first = -4.0 * _exp(2.0 * free.T)[:, :, None] * np.matmul(d, delta[:, :, None])
        return first, 4.0 * np.einsum("si,si->s", self.value(free, d), delta)[:, None, None]

    def mixed(self, free: Array, d: Array, delta: Array) -> Array:
        scaled = 4.0 * _exp(2.0 * free.T) * delta
        return (scaled[:, None] * d)[:, None]

    def precisions(self, free: Array, n_inputs: int) -> Array:
        return _exp(2.0 * free.T)[:, :, None] * np.eye(n_inputs)


class _Diag:
    """M = diag(exp(2 tau)), tau = log(1 / sigma) for each input."""

    def rows(self, n_inputs: int) -> NDArray[np.intp]:
        return np.arange(n_inputs)

    def value(self, free: Array, d: Array) -> Array:
        scaled = _exp(free.T)[:, :, None] * d
        return np.einsum("spi,spi->si", scaled, scaled)

    def slopes(self, free: Array, d: Array) -> tuple[Array, Array]:
        pull = 2.0 * _exp(2.0 * free.T)[:, :, None] * d
        return pull, pull * d

    def moments(self, free: Array, d: Array, delta: Array) -> tuple[Array, Array]:
        eye, scale = np.eye(d.shape[1]), 4.0 * _exp(2.0 * free.T)
        mean = scale * np.einsum("spi,si->sp", d, delta)
        square = scale * np.einsum("spi,spi,si->sp", d, d, delta)
        return -mean[:, :, None] * eye, square[:, :, None] * eye

    def mixed(self, free: Array, d: Array, delta: Array) -> Array:
        values = 4.0 * _exp(2.0 * free.T)[:, :, None] * d * delta[:, None]
        return np.eye(d.shape[1])[None, :, :, None] * values[:, None]

    def precisions(self, free: Array, n_inputs: int) -> Array:
        return _exp(2.0 * free.T)[:, :, None] * np.eye(n_inputs)


class _Full:
    """M = U U' with U upper triangular, the logarithm of its diagonal in place of it."""

    def rows(self, n_inputs: int) -> NDArray[np.intp]:
        return np.where(np.tri(n_inputs, dtype=bool).T, pairs(n_inputs), -1)

    @staticmethod
    def factors(free: Array, n_inputs: int) -> tuple[Array, Any, Any, Array]:
        """U (s, p, p); rows a and columns b of its entries; their derivatives (s, t)."""
        a, b = np.triu_indices(n_inputs)
        U = np.zeros((free.shape[1], n_inputs, n_inputs))
        chain = np.ones((free.shape[1], len(a)))
        chain[:, a == b] = _exp(free.T[:, a == b])
        U[:, a, b] = np.where(a == b, chain, free.T)
        return U, a, b, chain

    def value(self, free: Array, d: Array) -> Array:
        U, *_ = self.factors(free, d.shape[1])
        v = np.matmul(U.swapaxes(1, 2), d)
        return np.einsum("spi,spi->si", v, v)

    def slopes(self, free: Array, d: Array) -> tuple[Array, Array]:
        U, a, b, chain = self.factors(free, d.shape[1])
        v = 2.0 * np.matmul(U.swapaxes(1, 2), d)
        own = v[:, b]
        own *= d[:, a]
        diagonal = np.flatnonzero(a == b)
        own[:, diagonal] *= chain[:, diagonal, None]
        return np.matmul(U, v), own

    def moments(self, free: Array, d: Array, delta: Array) -> tuple[Array, Array]:
        n_inputs = d.shape[1]
        U, a, b, chain = self.factors(free, n_inputs)
        mean = np.matmul(d, delta[:, :, None])[:, :, 0]  # sum delta d
        square = np.matmul(d * delta[:, None], d.swapaxes(1, 2))  # sum delta d d'
        v_mean = np.einsum("sab,sa->sb", U, mean)
        # d2p / dmu_c dU_ab = -2 (delta_ca v_b + U_cb d_a)
        first = U[:, :, b] * mean[:, None, a]
        first[:, a, np.arange(len(a))] += v_mean[:, b]
        # d2p / dU_ab dU_ef = 2 d_a d_e delta_bf, and dp / dU_bb again in log U_bb
        second = 2.0 * square[:, a[:, None], a] * (b[:, None] == b)
        second *= chain[:, :, None] * chain[:, None]
        diagonal = np.flatnonzero(a == b)
        slope = np.einsum("sab,sab->sb", U, square)  # sum delta v_b d_b
        second[:, diagonal, diagonal] += 2.0 * chain[:, diagonal] * slope
        return -2.0 * first * chain[:, None], second

    def mixed(self, free: Array, d: Array, delta: Array) -> Array:
        U, a, b, chain = self.factors(free, d.shape[1])
        v = np.matmul(U.swapaxes(1, 2), d)
        # d2p / dU_ab dz_e = 2 (delta_ea v_b + U_eb d_a)
        found = U[:, :, b].swapaxes(1, 2)[..., None] * d[:, a, None]
        found[:, np.arange(len(a)), a] += v[:, b]
        return 2.0 * found * (chain[:, :, None] * delta[:, None])[:, :, None]

    def precisions(self, free: Array, n_inputs: int) -> Array:
        U, *_ = self.factors(free, n_inputs)
        return np.matmul(U, U.swapaxes(1, 2))


_FORMS: dict[str, _Covariance] = {"spherical": _Spherical(), "diag": _Diag(), "full": _Full()}

COVARIANCE_TYPES = tuple(_FORMS)


def covariance_form(covariance_type: str) -> _Covariance:
    """The form of that name, or raise."""
    if not isinstance(covariance_type, str) or covariance_type not in _FORMS:
        raise ValueError(
            f"covariance_type must be one of {list(_FORMS)}, got {covariance_type!r}."
        )
    return _FORMS[covariance_type]


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

    Raises
    ------
    ValueError
        If an argument is not of these.
    """

    def __init__(
        self,
        sources: Sequence[int],
        n_units: int,
        covariance_type: str = "full",
        activation: str | Activation = "squared_exponential",
    ):
        super().__init__(sources, n_units, activation)
        self._form = covariance_form(covariance_type)
        self.covariance_type = covariance_type

    def unit_arrays(self, n_inputs: int) -> dict[str, NDArray[np.intp]]:
        """Centre, then the factor of the precision."""
        rows = self._form.rows(n_inputs)
        return {
            "centers": np.arange(n_inputs),
            "precisions_cholesky": np.where(rows < 0, -1, rows + n_inputs),
        }

    def value(self, theta: Array, z: Array) -> Array:
        """The quadratic forms p; from differences, so that a far origin costs no digits."""
        return self._form.value(*_split(theta, z))

    def slopes(self, theta: Array, z: Array) -> tuple[Array, Array]:
        """First derivatives; in the centre they are those in z with the other sign."""
        inputs, own = self._form.slopes(*_split(theta, z))
        return inputs, np.concatenate([-inputs, own], axis=1)

    def curvature_parameters(self, theta: Array, z: Array, delta: Array) -> Array:
        """Sums of delta times second derivatives; 2 M in the centre."""
        free, d = _split(theta, z)
        n_inputs = len(z)
        first, second = self._form.moments(free, d, delta)
        found = np.empty((self.n_units, len(theta), len(theta)))
        found[:, :n_inputs, :n_inputs] = (
            2.0 * delta.sum(axis=1)[:, None, None] * self._form.precisions(free, n_inputs)
        )
        found[:, :n_inputs, n_inputs:] = first
        found[:, n_inputs:, :n_inputs] = first.swapaxes(1, 2)
        found[:, n_inputs:, n_inputs:] = second
        return found

    def curvature_mixed(self, theta: Array, z: Array, delta: Array) -> Array:
        """Second derivatives in parameters and z; -2 M in the centre."""
        free, d = _split(theta, z)
        centre = -2.0 * self._form.precisions(free, len(z))[..., None] * delta[:, None, None]
        return np.concatenate([centre, self._form.mixed(free, d, delta)], axis=1)

    def curvature_inputs(self, theta: Array, z: Array, delta: Array) -> Array:
        """Sum over units of 2 M delta."""
        precisions = self._form.precisions(theta[len(z) :], len(z))
        return np.tensordot(2.0 * precisions, delta, axes=(0, 0))


def _split(theta: Array, z: Array) -> tuple[Array, Array]:
    """Parameters of the covariances, and differences z - mu of shape (s, p, c)."""
    n_inputs = len(z)
    return theta[n_inputs:], z - theta[:n_inputs].T[:, :, None]


def precisions_cholesky(covariance_type: str, free: ArrayLike) -> Array:
    """Factors of the precisions, from the free parameters of that name.

    Parameters
    ----------
    covariance_type : {"spherical", "diag", "full"}
        Their form.
    free : array of shape (s,), (s, p) or (s, p, p)
        Array "precisions_cholesky" of the parameters, with logarithms on the diagonal.

    Returns
    -------
    ndarray of the same shape
        As in scikit-learn's GaussianMixture: 1 / sigma, or upper triangular U.
    """
    covariance_form(covariance_type)
    values = np.asarray(free, dtype=float)
    if covariance_type != "full":
        return np.exp(values)
    U = np.triu(values, 1)
    diagonal = np.arange(values.shape[-1])
    U[:, diagonal, diagonal] = np.exp(values[:, diagonal, diagonal])
    return U


class Quadratic(Layer):
    """Units x_j = exp(-p_j / 2) of any quadratic form of x~ = (z, 1) ([I] 4.2).

        p_j(z) = x~' W_j x~,    W_j symmetric ("quadratic_forms")

    It contains all Gaussian units, but does not keep the form definite.

    Parameters
    ----------
    sources : sequence of int
        The nodes it reads, in increasing order.
    n_units : int
        Number of units.
    activation : str or Activation, default="squared_exponential"
        Function of p_j.
    """

    def __init__(
        self,
        sources: Sequence[int],
        n_units: int,
        activation: str | Activation = "squared_exponential",
    ):
        super().__init__(sources, n_units, activation)

    def unit_arrays(self, n_inputs: int) -> dict[str, NDArray[np.intp]]:
        """The upper half of W; the lower one shows the same parameters."""
        return {"quadratic_forms": pairs(n_inputs + 1)}

    def value(self, theta: Array, z: Array) -> Array:
        """The quadratic forms p."""
        return theta.T @ _squares(z)

    def slopes(self, theta: Array, z: Array) -> tuple[Array, Array]:
        """2 W x~ without its last entry, and the products of entries of x~."""
        W = theta.T[:, pairs(len(z) + 1)]
        inputs = 2.0 * (np.matmul(W[:, :-1, :-1], z) + W[:, :-1, -1:])
        products = _squares(z)
        return inputs, np.broadcast_to(products, (self.n_units, *products.shape))

    def curvature_parameters(self, theta: Array, z: Array, delta: Array) -> Array:
        """Zeros: p is linear in W."""
        return np.zeros((self.n_units, len(theta), len(theta)))

    def curvature_mixed(self, theta: Array, z: Array, delta: Array) -> Array:
        """Delta times the derivatives of the products x~_a x~_b in z."""
        a, b = np.triu_indices(len(z) + 1)
        ones, number = np.vstack([z, np.ones(z.shape[1])]), np.arange(len(a))
        factor = np.where(a == b, 1.0, 2.0)[:, None]
        slopes = np.zeros((len(a), len(z) + 1, z.shape[1]))
        slopes[number, a] += factor * ones[b]
        slopes[number, b] += factor * ones[a]
        return slopes[:, :-1] * delta[:, None, None]

    def curvature_inputs(self, theta: Array, z: Array, delta: Array) -> Array:
        """Sum over units of 2 W delta, without the last row and column of W."""
        W = theta.T[:, pairs(len(z) + 1)][:, :-1, :-1]
        return np.tensordot(2.0 * W, delta, axes=(0, 0))


def _squares(z: Array) -> Array:
    """Products x~_a x~_b with a <= b, twice where a < b, of shape (t, c)."""
    ones = np.vstack([z, np.ones(z.shape[1])])
    a, b = np.triu_indices(len(ones))
    return np.where(a == b, 1.0, 2.0)[:, None] * ones[a] * ones[b]
