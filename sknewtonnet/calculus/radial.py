"""Layers of radial basis functions and quadratic forms ([I] 4.2, MATHEMATICS 4)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sknewtonnet.calculus._activation import Activation
from sknewtonnet.calculus._arrays import pairs
from sknewtonnet.calculus._covariances import FORMS, Covariance, scales
from sknewtonnet.calculus._lifted import LiftedLocal, moment_curvature
from sknewtonnet.calculus._local import LinearLocal, Local
from sknewtonnet.calculus.layers import Layer

Array = NDArray[np.float64]


COVARIANCE_TYPES = tuple(FORMS)


def covariance_form(covariance_type: str) -> Covariance:
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
        free, d = _split(theta, z)
        inputs = 2.0 * self._form.times(free, d)
        return inputs, np.concatenate([-inputs, self._form.slopes(free, d)], axis=1)

    def curvature_parameters(self, theta: Array, z: Array, delta: Array) -> Array:
        """Second derivatives from the moments of the differences."""
        free, d = _split(theta, z)
        mean = np.matmul(d, delta[:, :, None])[:, :, 0]
        return moment_curvature(
            self._form, free, delta.sum(axis=1), mean, self._form.square(d, delta)
        )

    def curvature_mixed(self, theta: Array, z: Array, delta: Array) -> Array:
        """Second derivatives in parameters and z; -2 M in the centre."""
        free, d = _split(theta, z)
        centre = -2.0 * self._form.precisions(free, len(z))[..., None] * delta[:, None, None]
        return np.concatenate([centre, self._form.mixed(free, d, delta)], axis=1)

    def curvature_inputs(self, theta: Array, z: Array, delta: Array) -> Array:
        """Sum over units of 2 M delta."""
        precisions = self._form.precisions(theta[len(z) :].T, len(z))
        return np.tensordot(2.0 * precisions, delta, axes=(0, 0))

    def on_input(self, theta: Array, z: Array) -> Local | LinearLocal:
        """On monomials of z, where that loses no digits."""
        lifted = LiftedLocal(self._form, theta, z[:-1])
        return lifted if lifted.safe else self.at(theta, z)


def _split(theta: Array, z: Array) -> tuple[Array, Array]:
    """Parameters of the covariances (s, f), and differences z - mu of shape (s, p, c)."""
    n_inputs = len(z)
    return theta[n_inputs:].T, z - theta[:n_inputs].T[:, :, None]


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
        return scales(values)
    U = np.triu(values, 1)
    diagonal = np.arange(values.shape[-1])
    U[:, diagonal, diagonal] = scales(values[:, diagonal, diagonal])
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

    def on_input(self, theta: Array, z: Array) -> LinearLocal:
        """On the products of entries of x~ it is a linear layer."""
        return LinearLocal(theta, _squares(z[:-1]))

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
