"""Forms of the matrix M in p = (z - mu)' M (z - mu), by its free parameters.

All derivatives of sum_i delta_i p(z_i) in the parameters of a unit are functions of three
moments, with d = z - mu,

    sum delta,      mean = sum delta d,      square = sum delta d d'

and p is linear in monomials of z. A form says how M depends on its parameters, and which of
the products d d' it needs: their trace, their diagonal, or all. Units are the first axis
of all arrays, samples or directions the last: free (s, f), centres nu (s, p), d (s, p, c).
"""

from functools import lru_cache
from typing import Protocol

import numpy as np

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.pieces.symmetric import pairs


class GaussianForm(Protocol):
    """What a form supplies."""

    def rows(self, n_inputs: int) -> Ints:
        """Row of each entry of a unit's ``precisions_cholesky``, counted from 0."""

    def precisions(self, free: Array, n_inputs: int) -> Array:
        """The matrices M, (s, p, p)."""

    def times(self, free: Array, d: Array) -> Array:
        """M d, (s, p, c)."""

    def value(self, free: Array, d: Array) -> Array:
        """The quadratic forms p = d' M d, (s, c)."""

    def slopes(self, free: Array, d: Array) -> Array:
        """Derivatives of p in the free parameters, (s, f, c)."""

    def mixed(self, free: Array, d: Array, delta: Array) -> Array:
        """Second derivatives of p in free parameters and z, times delta, (s, f, p, c)."""

    def square(self, d: Array, delta: Array) -> Array:
        """What is needed of sum delta d d', flattened, (s, m)."""

    def gradient(self, free: Array, square: Array) -> Array:
        """Derivatives in the free parameters from moments (s, m, r), (s, f, r)."""

    def second(self, free: Array, mean: Array, square: Array) -> tuple[Array, Array]:
        """Second derivatives in mu and free, (s, p, f), and in free and free, (s, f, f)."""

    def monomials(self, z: Array) -> Array:
        """The products of entries of z that p needs, (m, c)."""

    def centred(self, squares: Array, mean: Array, total: Array, nu: Array) -> Array:
        """Moments about nu (s, m, r), from sums of monomials, means about nu, and totals."""

    def weights(self, free: Array) -> Array:
        """Coefficients of the monomials in p, (s, m)."""

    def weights_along(self, free: Array, along: Array) -> Array:
        """Their change along free parameters (s, f, r), (s, m, r)."""

    def times_along(self, free: Array, along: Array, nu: Array) -> Array:
        """Change of M nu along free parameters (s, f, r), (s, p, r)."""


def scales(logarithms: Array) -> Array:
    """Exponentials that stay finite: a unit this narrow is 0 off its centre anyway."""
    return np.exp(np.minimum(logarithms, 100.0))


class _Diag:
    """M = diag(exp(2 tau)), tau = log(1 / sigma) for each input."""

    def rows(self, n_inputs: int) -> Ints:
        return np.arange(n_inputs)

    def precisions(self, free: Array, n_inputs: int) -> Array:
        return self.weights(free)[:, :, None] * np.eye(n_inputs)

    def times(self, free: Array, d: Array) -> Array:
        return self.weights(free)[:, :, None] * d

    def value(self, free: Array, d: Array) -> Array:
        scaled = scales(free)[:, :, None] * d
        return np.einsum("spi,spi->si", scaled, scaled)

    def slopes(self, free: Array, d: Array) -> Array:
        return 2.0 * self.times(free, d) * d

    def mixed(self, free: Array, d: Array, delta: Array) -> Array:
        values = 4.0 * self.times(free, d) * delta[:, None]
        return np.eye(d.shape[1])[None, :, :, None] * values[:, None]

    def square(self, d: Array, delta: Array) -> Array:
        return np.einsum("spi,spi,si->sp", d, d, delta)

    def gradient(self, free: Array, square: Array) -> Array:
        return 2.0 * self.weights(free)[:, :, None] * square

    def second(self, free: Array, mean: Array, square: Array) -> tuple[Array, Array]:
        eye, scale = np.eye(mean.shape[1]), 4.0 * self.weights(free)
        return -(scale * mean)[:, :, None] * eye, (scale * square)[:, :, None] * eye

    def monomials(self, z: Array) -> Array:
        return z * z

    def centred(self, squares: Array, mean: Array, total: Array, nu: Array) -> Array:
        return squares - 2.0 * nu[:, :, None] * mean - (nu**2)[:, :, None] * total[:, None]

    def weights(self, free: Array) -> Array:
        return scales(free) ** 2

    def weights_along(self, free: Array, along: Array) -> Array:
        return 2.0 * self.weights(free)[:, :, None] * along

    def times_along(self, free: Array, along: Array, nu: Array) -> Array:
        return self.weights_along(free, along) * nu[:, :, None]


class _Spherical(_Diag):
    """M = exp(2 tau) I, tau = log(1 / sigma): one parameter for the whole diagonal."""

    def rows(self, n_inputs: int) -> Ints:
        return np.array(0)

    def slopes(self, free: Array, d: Array) -> Array:
        return 2.0 * self.value(free, d)[:, None]

    def mixed(self, free: Array, d: Array, delta: Array) -> Array:
        return (4.0 * self.times(free, d) * delta[:, None])[:, None]

    def square(self, d: Array, delta: Array) -> Array:
        return np.einsum("spi,spi,si->s", d, d, delta)[:, None]

    def second(self, free: Array, mean: Array, square: Array) -> tuple[Array, Array]:
        scale = 4.0 * self.weights(free)
        return -(scale * mean)[:, :, None], (scale * square)[:, :, None]

    def monomials(self, z: Array) -> Array:
        return np.einsum("pi,pi->i", z, z)[None]

    def centred(self, squares: Array, mean: Array, total: Array, nu: Array) -> Array:
        shift = np.einsum("sp,spr->sr", nu, 2.0 * mean + nu[:, :, None] * total[:, None])
        return squares - shift[:, None]


class _Full:
    """M = U U' with U upper triangular, the logarithm of its diagonal in place of it."""

    def rows(self, n_inputs: int) -> Ints:
        return np.where(np.tri(n_inputs, dtype=bool).T, pairs(n_inputs), -1)

    def precisions(self, free: Array, n_inputs: int) -> Array:
        U, _ = self._factors(free)
        return np.matmul(U, U.swapaxes(1, 2))

    def times(self, free: Array, d: Array) -> Array:
        U, _ = self._factors(free)
        return np.matmul(U, np.matmul(U.swapaxes(1, 2), d))

    def value(self, free: Array, d: Array) -> Array:
        U, _ = self._factors(free)
        v = np.matmul(U.swapaxes(1, 2), d)
        return np.einsum("spi,spi->si", v, v)

    def slopes(self, free: Array, d: Array) -> Array:
        U, chain = self._factors(free)
        a, b = _upper(d.shape[1])
        found = 2.0 * np.matmul(U.swapaxes(1, 2), d)[:, b]
        found *= d[:, a]
        diagonal = np.flatnonzero(a == b)
        found[:, diagonal] *= chain[:, diagonal, None]
        return found

    def mixed(self, free: Array, d: Array, delta: Array) -> Array:
        U, chain = self._factors(free)
        a, b = _upper(d.shape[1])
        v = np.matmul(U.swapaxes(1, 2), d)
        # d2p / dU_ab dz_e = 2 (delta_ea v_b + U_eb d_a)
        found = U[:, :, b].swapaxes(1, 2)[..., None] * d[:, a, None]
        found[:, np.arange(len(a)), a] += v[:, b]
        return 2.0 * found * (chain[:, :, None] * delta[:, None])[:, :, None]

    def square(self, d: Array, delta: Array) -> Array:
        n_inputs = d.shape[1]
        full = np.matmul(d * delta[:, None], d.swapaxes(1, 2))
        return full[(slice(None), *_upper(n_inputs))]

    def gradient(self, free: Array, square: Array) -> Array:
        U, chain = self._factors(free)
        a, b = _upper(U.shape[1])
        # dp / dU = 2 (sum delta d d') U
        found = np.einsum("sabr,sbe->saer", self._symmetric(square, U.shape[1]), U)
        return 2.0 * found[:, a, b] * chain[:, :, None]

    def second(self, free: Array, mean: Array, square: Array) -> tuple[Array, Array]:
        U, chain = self._factors(free)
        a, b = _upper(U.shape[1])
        full = self._symmetric(square[:, :, None], U.shape[1])[..., 0]
        v_mean = np.einsum("sab,sa->sb", U, mean)
        # d2p / dmu_c dU_ab = -2 (delta_ca v_b + U_cb d_a)
        first = U[:, :, b] * mean[:, None, a]
        first[:, a, np.arange(len(a))] += v_mean[:, b]
        # d2p / dU_ab dU_ef = 2 d_a d_e delta_bf, and dp / dU_bb again in log U_bb
        second = 2.0 * full[:, a[:, None], a] * (b[:, None] == b)
        second *= chain[:, :, None] * chain[:, None]
        diagonal = np.flatnonzero(a == b)
        slope = np.einsum("sab,sab->sb", U, full)  # sum delta v_b d_b
        second[:, diagonal, diagonal] += 2.0 * chain[:, diagonal] * slope
        return -2.0 * first * chain[:, None], second

    def monomials(self, z: Array) -> Array:
        a, b = _upper(len(z))
        return z[a] * z[b]

    def centred(self, squares: Array, mean: Array, total: Array, nu: Array) -> Array:
        a, b = _upper(nu.shape[1])
        moved = nu[:, a, None] * mean[:, b] + mean[:, a] * nu[:, b, None]
        return squares - moved - (nu[:, a] * nu[:, b])[:, :, None] * total[:, None]

    def weights(self, free: Array) -> Array:
        U, _ = self._factors(free)
        return self._coefficients(np.matmul(U, U.swapaxes(1, 2))[..., None])[..., 0]

    def weights_along(self, free: Array, along: Array) -> Array:
        return self._coefficients(self._matrix_along(free, along))

    def times_along(self, free: Array, along: Array, nu: Array) -> Array:
        return np.einsum("sabr,sb->sar", self._matrix_along(free, along), nu)

    def _matrix_along(self, free: Array, along: Array) -> Array:
        """Change of M, (s, p, p, r): dU U' + U dU'."""
        U, chain = self._factors(free)
        change = np.zeros((*U.shape, along.shape[2]))
        change[(slice(None), *_upper(U.shape[1]))] = chain[:, :, None] * along
        half = np.einsum("sabr,seb->saer", change, U)
        return half + half.swapaxes(1, 2)

    @staticmethod
    def _factors(free: Array) -> tuple[Array, Array]:
        """U, (s, p, p), and the derivatives of its entries in the parameters, (s, f)."""
        n_inputs = int(np.sqrt(2 * free.shape[1]))
        a, b = _upper(n_inputs)
        chain = np.where(a == b, scales(np.where(a == b, free, 0.0)), 1.0)
        U = np.zeros((len(free), n_inputs, n_inputs))
        U[:, a, b] = np.where(a == b, chain, free)
        return U, chain

    @staticmethod
    def _symmetric(half: Array, n_inputs: int) -> Array:
        """Matrices (s, p, p, r) of their upper halves (s, m, r)."""
        return half[:, pairs(n_inputs)]

    @staticmethod
    def _coefficients(matrices: Array) -> Array:
        """Coefficients (s, m, r) of z_a z_b, a <= b, in z' M z."""
        a, b = _upper(matrices.shape[1])
        return matrices[:, a, b] * np.where(a == b, 1.0, 2.0)[:, None]


@lru_cache(maxsize=64)
def _upper(n_inputs: int) -> tuple[Ints, Ints]:
    """Rows and columns of the upper half of a matrix, row after row."""
    a, b = np.triu_indices(n_inputs)
    return a, b


FORMS: dict[str, GaussianForm] = {
    "spherical": _Spherical(),
    "diag": _Diag(),
    "full": _Full(),
}
