"""Forms of the matrix M in p = (z - mu)' M (z - mu), by its free parameters.

All that depends on the form of a covariance is here: a new one is one class and one line in
``FORMS``. All derivatives of sum_i delta_i p(z_i) in the parameters of a unit are functions of
three moments, with d = z - mu,

    sum delta,      mean = sum delta d,      square = sum delta d d'

and p is linear in monomials of z. A form says how M depends on its parameters, and which of
the products d d' it needs: their trace, their diagonal, or all. Units are the first axis
of all arrays, samples or directions the last: free (s, f), centres nu (s, p), d (s, p, c).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus.pieces.memory import check_memory
from sknewtonnet.calculus.pieces.symmetric import pairs, upper, upper_entries, upper_products


class Shapes(NamedTuple):
    """Radial units as users see them, with the units as the first axis.

    Parameters
    ----------
    factors : ndarray
        1 / sigma, or upper triangular U with U U' = M.
    precisions, covariances : ndarray of the shape of ``factors``
        Of "spherical" a number, of "diag" a number for each input, else matrices. Of "spherical"
        units that are round in other units of the inputs as of "diag".
    widths : ndarray of shape (s,) or (s, p)
        Square roots of the variances.
    """

    factors: NDArray[Any]
    precisions: NDArray[Any]
    covariances: NDArray[Any]
    widths: NDArray[Any]


class GaussianForm(ABC):
    """What a form supplies."""

    @abstractmethod
    def rows(self, n_inputs: int) -> Ints:
        """Row of each entry of a unit's ``precisions_cholesky``, counted from 0."""

    def free(self, array: NDArray[Any], n_inputs: int) -> NDArray[Any]:
        """Parameters (s, f) of the array "precisions_cholesky" of all units."""
        numbers, entries = np.unique(self.rows(n_inputs), return_index=True)
        return array.reshape(len(array), -1)[:, entries[numbers >= 0]]

    def array(self, free: Array, n_inputs: int) -> Array:
        """The array "precisions_cholesky" of all units, from parameters (s, f)."""
        rows = self.rows(n_inputs)
        return np.where(rows < 0, 0.0, free[:, rows])

    @abstractmethod
    def shapes(self, free: NDArray[Any], n_inputs: int) -> Shapes:
        """What users see of the units; for complex parameters, too."""

    @abstractmethod
    def round_units(self, tau: Array, n_inputs: int) -> Array:
        """Parameters (s, f) of round units with log(1 / sigma) = tau, (s,)."""

    @abstractmethod
    def reference(self, spread: Array) -> Array:
        """Widths (p,) of a unit as wide as data with these standard deviations, positive."""

    def as_wide_as(self, spread: Array) -> Array:
        """Parameters (f,) of a unit as wide as data with these standard deviations, positive.

        Widths are root mean square distances from the mean, or spread sqrt(p) along each input
        if there are several.
        """
        return self.round_units(-np.log([np.linalg.norm(spread)]), len(spread))[0]

    @abstractmethod
    def divergence(self, free: Array, reference: Array) -> tuple[Array, Array, Array]:
        """Divergence of each unit's covariance from diag(reference^2), parameter by parameter.

            KL(N(0, diag(reference^2)) | N(0, M^-1)) = 1/2 [ tr(M R) - log det M R - p ]

        Returns
        -------
        terms, slopes, bends : ndarray of shape (s, f)
            What each parameter adds to it, and its first and second derivatives: with U of
            logarithms on its diagonal there are no mixed ones.
        """

    @abstractmethod
    def precisions(self, free: Array, n_inputs: int) -> Array:
        """The matrices M, (s, p, p)."""

    def tensor(self, free: Array, n_inputs: int, order: int) -> Array:
        """Derivatives of M of any order in the free parameters, (s, p, p, f, ..., f).

        Only derivatives of the Lagrangian above order 2 take them, and :meth:`logarithms`.
        """
        raise NotImplementedError(f"the form {type(self).__name__} has no tensor.")

    def logarithms(self, n_inputs: int) -> Bools:
        """Which free parameters are logarithms, (f,); U is linear in the others."""
        raise NotImplementedError(f"the form {type(self).__name__} has no logarithms.")

    @abstractmethod
    def times(self, free: Array, d: Array) -> Array:
        """M d, (s, p, c)."""

    @abstractmethod
    def value(self, free: Array, d: Array) -> Array:
        """The quadratic forms p = d' M d, (s, c)."""

    @abstractmethod
    def slopes(self, free: Array, d: Array) -> Array:
        """Derivatives of p in the free parameters, (s, f, c)."""

    @abstractmethod
    def mixed(self, free: Array, d: Array, delta: Array) -> Array:
        """Second derivatives of p in free parameters and z, times delta, (s, f, p, c)."""

    @abstractmethod
    def square(self, d: Array, delta: Array) -> Array:
        """What is needed of sum delta d d', flattened, (s, m)."""

    @abstractmethod
    def gradient(self, free: Array, square: Array) -> Array:
        """Derivatives in the free parameters from moments (s, m, r), (s, f, r)."""

    @abstractmethod
    def second(self, free: Array, mean: Array, square: Array) -> tuple[Array, Array]:
        """Second derivatives in mu and free, (s, p, f), and in free and free, (s, f, f)."""

    def second_along(
        self, free: Array, mean: Array, square: Array, centre: Array, own: Array
    ) -> tuple[Array, Array]:
        """Products of :meth:`second` with directions (s, p, r) and (s, f, r), of these shapes."""
        first, second = self.second(free, mean, square)
        return np.matmul(first, own), np.matmul(first.swapaxes(1, 2), centre) + second @ own

    @abstractmethod
    def monomials(self, z: Array, out: Array) -> None:
        """Write the products of entries of z that p needs to out, (m, c)."""

    @abstractmethod
    def centred(self, squares: Array, mean: Array, total: Array, nu: Array) -> Array:
        """Moments about nu (s, m, r), from sums of monomials, means about nu, and totals."""

    @abstractmethod
    def weights(self, free: Array) -> Array:
        """Coefficients of the monomials in p, (s, m)."""

    @abstractmethod
    def lift(self, free: Array, nu: Array) -> tuple[Array, Array, Array]:
        """M nu (s, p), :meth:`weights`, and widths (s, p) or (s, 1)."""

    @abstractmethod
    def weights_along(self, free: Array, along: Array) -> Array:
        """Their change along free parameters (s, f, r), (s, m, r)."""

    @abstractmethod
    def times_along(self, free: Array, along: Array, nu: Array) -> Array:
        """Change of M nu along free parameters (s, f, r), (s, p, r)."""

    def lift_along(self, free: Array, along: Array, nu: Array) -> tuple[Array, Array]:
        """:meth:`times_along` and :meth:`weights_along`."""
        return self.times_along(free, along, nu), self.weights_along(free, along)

    def rescaled(self, scale: Array) -> tuple[GaussianForm, sparse.sparray, Array] | None:
        """Form, sparse matrix (f, f) and offset (f,) of parameters on inputs scale times as large.

        None, the default, if this is not known; then inputs of such units are not standardised.
        """
        return None


def scales(logarithms: NDArray[Any]) -> NDArray[Any]:
    """Exponentials that stay finite: a unit this narrow is 0 off its centre anyway."""
    return np.exp(np.minimum(logarithms, 100.0))


def _expm1(exponents: Array) -> Array:
    """Exponentials less 1, finite as the widths are."""
    return np.expm1(np.minimum(exponents, 200.0))


class _Diag(GaussianForm):
    """M = diag(exp(2 tau)), tau = log(1 / sigma) for each input."""

    metric = np.ones(1)

    def rows(self, n_inputs: int) -> Ints:
        return np.arange(n_inputs)

    def shapes(self, free: NDArray[Any], n_inputs: int) -> Shapes:
        factors = scales(free)
        with np.errstate(all="ignore"):  # also of widths without bound
            return Shapes(factors, factors**2, factors**-2.0, 1.0 / factors)

    def round_units(self, tau: Array, n_inputs: int) -> Array:
        return np.repeat(tau[:, None], n_inputs, axis=1)

    def reference(self, spread: Array) -> Array:
        return np.where(spread > 0, spread, 1.0) * np.sqrt(len(spread))

    def as_wide_as(self, spread: Array) -> Array:
        return np.asarray(-np.log(spread * np.sqrt(len(spread))))

    def divergence(self, free: Array, reference: Array) -> tuple[Array, Array, Array]:
        # For each input (exp(2 t) - 2 t - 1) / 2 with t = log(reference / sigma).
        doubled = 2.0 * (free + np.log(reference))
        slopes = _expm1(doubled)
        return 0.5 * (slopes - doubled), slopes, 2.0 * (slopes + 1.0)

    def precisions(self, free: Array, n_inputs: int) -> Array:
        return self.weights(free)[:, :, None] * np.eye(n_inputs)

    def tensor(self, free: Array, n_inputs: int, order: int) -> Array:
        found = np.zeros((len(free), *[n_inputs] * (2 + order)))
        same = np.arange(n_inputs)
        diagonal: tuple[Any, ...] = (slice(None), *[same] * (2 + order))
        found[diagonal] = 2.0**order * self.weights(free)
        return found

    def logarithms(self, n_inputs: int) -> Bools:
        return np.ones(self.rows(n_inputs).size, dtype=bool)

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

    def second_along(
        self, free: Array, mean: Array, square: Array, centre: Array, own: Array
    ) -> tuple[Array, Array]:
        # Both are diagonal: matrices would take as many numbers as pairs of inputs.
        scale = 4.0 * self.weights(free)
        first, second = -(scale * mean)[:, :, None], (scale * square)[:, :, None]
        return first * own, first * centre + second * own

    def monomials(self, z: Array, out: Array) -> None:
        np.multiply(z, z, out=out)

    def centred(self, squares: Array, mean: Array, total: Array, nu: Array) -> Array:
        return squares - 2.0 * nu[:, :, None] * mean - (nu**2)[:, :, None] * total[:, None]

    def weights(self, free: Array) -> Array:
        return scales(free) ** 2

    def lift(self, free: Array, nu: Array) -> tuple[Array, Array, Array]:
        pull = self.times(free, nu[:, :, None])[:, :, 0]
        return pull, self.weights(free), scales(-free) / np.sqrt(self.metric)

    def weights_along(self, free: Array, along: Array) -> Array:
        return 2.0 * self.weights(free)[:, :, None] * along

    def times_along(self, free: Array, along: Array, nu: Array) -> Array:
        return self.weights_along(free, along) * nu[:, :, None]

    def rescaled(self, scale: Array) -> tuple[GaussianForm, sparse.sparray, Array]:
        return self, sparse.eye_array(len(scale)), -np.log(scale)


class _Spherical(_Diag):
    """M = exp(2 tau) diag(metric), tau = log(1 / sigma): one parameter for the whole diagonal.

    The metric is 1 unless inputs of other units are measured in their own scales; what is round
    there has a variance for each input.
    """

    def __init__(self, metric: Array | None = None):
        self.is_round = metric is None
        self.metric = np.ones(1) if metric is None else metric

    def precisions(self, free: Array, n_inputs: int) -> Array:
        return super().precisions(free, n_inputs) * self.metric

    def tensor(self, free: Array, n_inputs: int, order: int) -> Array:
        found = 2.0**order * self.precisions(free, n_inputs)
        return found.reshape(*found.shape, *[1] * order)

    def times(self, free: Array, d: Array) -> Array:
        return self.weights(free)[:, :, None] * (self.metric[:, None] * d)

    def value(self, free: Array, d: Array) -> Array:
        scaled = scales(free)[:, :, None] * (np.sqrt(self.metric)[:, None] * d)
        return np.einsum("spi,spi->si", scaled, scaled)

    def rows(self, n_inputs: int) -> Ints:
        return np.array(0)

    def shapes(self, free: NDArray[Any], n_inputs: int) -> Shapes:
        if self.is_round:
            return Shapes(*(array[:, 0] for array in super().shapes(free, n_inputs)))
        return super().shapes(free + 0.5 * np.log(self.metric), n_inputs)

    def round_units(self, tau: Array, n_inputs: int) -> Array:
        return tau[:, None]

    def reference(self, spread: Array) -> Array:
        return _round_reference(spread)

    def as_wide_as(self, spread: Array) -> Array:
        return -np.log([np.linalg.norm(np.sqrt(self.metric) * spread)])

    def divergence(self, free: Array, reference: Array) -> tuple[Array, Array, Array]:
        # One width cannot meet several references: what is left at the best one is lost.
        n_inputs, logs = len(reference), np.log(reference)
        shift = 0.5 * np.log(np.mean(reference**2))
        lost = n_inputs * shift - logs.sum()
        terms, slopes, bends = super().divergence(free, np.exp(shift))
        return n_inputs * terms + lost, n_inputs * slopes, n_inputs * bends

    def slopes(self, free: Array, d: Array) -> Array:
        return 2.0 * self.value(free, d)[:, None]

    def mixed(self, free: Array, d: Array, delta: Array) -> Array:
        return (4.0 * self.times(free, d) * delta[:, None])[:, None]

    def square(self, d: Array, delta: Array) -> Array:
        return np.einsum("spi,spi,si->s", self.metric[:, None] * d, d, delta)[:, None]

    def second(self, free: Array, mean: Array, square: Array) -> tuple[Array, Array]:
        scale = 4.0 * self.weights(free)
        return -(scale * self.metric * mean)[:, :, None], (scale * square)[:, :, None]

    def second_along(
        self, free: Array, mean: Array, square: Array, centre: Array, own: Array
    ) -> tuple[Array, Array]:
        return GaussianForm.second_along(self, free, mean, square, centre, own)

    def monomials(self, z: Array, out: Array) -> None:
        np.einsum("pi,pi->i", self.metric[:, None] * z, z, out=out[0])

    def centred(self, squares: Array, mean: Array, total: Array, nu: Array) -> Array:
        weighed = self.metric * nu
        shift = np.einsum("sp,spr->sr", weighed, 2.0 * mean + nu[:, :, None] * total[:, None])
        return squares - shift[:, None]

    def times_along(self, free: Array, along: Array, nu: Array) -> Array:
        return super().times_along(free, along, self.metric * nu)

    def rescaled(self, scale: Array) -> tuple[GaussianForm, sparse.sparray, Array]:
        return _Spherical(self.metric / scale**2), sparse.eye_array(1), np.zeros(1)


class _Full(GaussianForm):
    """M = U U' with U upper triangular, the logarithm of its diagonal in place of it."""

    def rows(self, n_inputs: int) -> Ints:
        what = f"a full covariance of {n_inputs} inputs"
        check_memory(what, 64.0 * n_inputs**2, 'use covariance_type="diag"')
        return np.where(np.tri(n_inputs, dtype=bool).T, pairs(n_inputs), -1)

    def shapes(self, free: NDArray[Any], n_inputs: int) -> Shapes:
        U, _ = self._factors(free)
        with np.errstate(all="ignore"):
            # As in lift: a factor of 0 is a width without bound.
            inverse = np.linalg.inv(U + 1e-150 * np.eye(n_inputs))
            covariances = inverse.swapaxes(1, 2) @ inverse
        widths = np.sqrt(np.einsum("spp->sp", covariances))
        return Shapes(U, U @ U.swapaxes(1, 2), covariances, widths)

    def lift(self, free: Array, nu: Array) -> tuple[Array, Array, Array]:
        U, _ = self._factors(free)
        # A unit so wide that its factor is 0 has a width without bound.
        M, inverse = U @ U.swapaxes(1, 2), np.linalg.inv(U + 1e-150 * np.eye(U.shape[1]))
        widths = np.sqrt(np.einsum("sba,sba->sa", inverse, inverse))
        weights = self._coefficients(M[..., None])[..., 0]
        return np.einsum("sab,sb->sa", M, nu), weights, widths

    def round_units(self, tau: Array, n_inputs: int) -> Array:
        a, b = upper_entries(n_inputs)
        return np.where(a == b, tau[:, None], 0.0)

    def reference(self, spread: Array) -> Array:
        return _round_reference(spread)

    def as_wide_as(self, spread: Array) -> Array:
        a, b = upper_entries(len(spread))
        return np.where(a == b, -np.log(spread * np.sqrt(len(spread)))[a], 0.0)

    def divergence(self, free: Array, reference: Array) -> tuple[Array, Array, Array]:
        # tr(U U' R) = sum_ab U_ab^2 R_aa: on the diagonal of U as of "diag", above it a square.
        a, b = upper_entries(len(reference))
        doubled = np.where(a == b, 2.0 * (free + np.log(reference[a])), 0.0)
        slopes, across = _expm1(doubled), np.where(a == b, 0.0, reference[a] ** 2)
        terms = 0.5 * (slopes - doubled + across * free**2)
        return terms, slopes + across * free, np.where(a == b, 2.0 * (slopes + 1.0), across)

    def precisions(self, free: Array, n_inputs: int) -> Array:
        U, _ = self._factors(free)
        return np.matmul(U, U.swapaxes(1, 2))

    def tensor(self, free: Array, n_inputs: int, order: int) -> Array:
        # Leibniz's rule for U U': some of the axes in U, the others in U'.
        found = np.zeros((len(free), n_inputs, n_inputs, *[free.shape[1]] * order))
        factors = [self._factor_tensor(free, n_inputs, m) for m in range(order + 1)]
        letters = [chr(ord("f") + axis) for axis in range(order)]
        for m in range(order + 1):
            for axes in combinations(range(order), m):
                left = "".join(letters[axis] for axis in axes)
                right = "".join(letters[axis] for axis in range(order) if axis not in axes)
                form = f"sab{left},seb{right}->sae{''.join(letters)}"
                found += np.einsum(form, factors[m], factors[order - m])
        return found

    def logarithms(self, n_inputs: int) -> Bools:
        a, b = upper_entries(n_inputs)
        return np.equal(a, b)

    def _factor_tensor(self, free: Array, n_inputs: int, order: int) -> Array:
        """Derivatives of U, (s, p, p, f, ..., f): of all orders in its logarithms."""
        U, chain = self._factors(free)
        if order == 0:
            return U
        a, b = upper_entries(n_inputs)
        own = np.arange(len(a)) if order == 1 else np.flatnonzero(a == b)
        found = np.zeros((*U.shape, *[len(a)] * order))
        entries: tuple[Any, ...] = (slice(None), a[own], b[own], *[own] * order)
        found[entries] = chain[:, own]
        return found

    def times(self, free: Array, d: Array) -> Array:
        U, _ = self._factors(free)
        return np.matmul(U, np.matmul(U.swapaxes(1, 2), d))

    def value(self, free: Array, d: Array) -> Array:
        U, _ = self._factors(free)
        v = np.matmul(U.swapaxes(1, 2), d)
        return np.einsum("spi,spi->si", v, v)

    def slopes(self, free: Array, d: Array) -> Array:
        U, chain = self._factors(free)
        a, b = upper_entries(d.shape[1])
        found = 2.0 * np.matmul(U.swapaxes(1, 2), d)[:, b]
        found *= d[:, a]
        diagonal = np.flatnonzero(a == b)
        found[:, diagonal] *= chain[:, diagonal, None]
        return found

    def mixed(self, free: Array, d: Array, delta: Array) -> Array:
        U, chain = self._factors(free)
        a, b = upper_entries(d.shape[1])
        v = np.matmul(U.swapaxes(1, 2), d)
        # d2p / dU_ab dz_e = 2 (delta_ea v_b + U_eb d_a)
        found = U[:, :, b].swapaxes(1, 2)[..., None] * d[:, a, None]
        found[:, np.arange(len(a)), a] += v[:, b]
        return 2.0 * found * (chain[:, :, None] * delta[:, None])[:, :, None]

    def square(self, d: Array, delta: Array) -> Array:
        n_inputs = d.shape[1]
        full = np.matmul(d * delta[:, None], d.swapaxes(1, 2))
        return full[(slice(None), *upper_entries(n_inputs))]

    def gradient(self, free: Array, square: Array) -> Array:
        U, chain = self._factors(free)
        # dp / dU = 2 (sum delta d d') U
        squares = self._symmetric(square.swapaxes(1, 2), U.shape[1])
        found = self._upper_half(np.matmul(squares, U[:, None]))
        return 2.0 * found * chain[:, :, None]

    def second(self, free: Array, mean: Array, square: Array) -> tuple[Array, Array]:
        U, chain = self._factors(free)
        a, b = upper_entries(U.shape[1])
        full = self._symmetric(square, U.shape[1])
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

    def second_along(
        self, free: Array, mean: Array, square: Array, centre: Array, own: Array
    ) -> tuple[Array, Array]:
        # Products with matrices of inputs: those of parameters have as many entries as pairs of
        # them. With E the direction of U, and S = sum delta d d':
        U, chain = self._factors(free)
        n_inputs = U.shape[1]
        full, E = self._symmetric(square, n_inputs), self._factor_along(chain, own, n_inputs)
        # dp / dmu = -2 U U' mean: -2 (E U' + U E') mean
        v_mean, E_mean = np.einsum("sab,sa->sb", U, mean), np.einsum("srab,sa->srb", E, mean)
        first = np.einsum("srab,sb->sar", E, v_mean) + np.einsum("sab,srb->sar", U, E_mean)
        # dp / dU = 2 S U: 2 S E, and along mu -2 (centre (U' mean)' + mean (U' centre)')
        a, b = upper_entries(n_inputs)
        along = self._upper_half(np.matmul(full[:, None], E))
        v_centre = np.matmul(U.swapaxes(1, 2), centre)
        along -= centre[:, a] * v_mean[:, b, None] + mean[:, a, None] * v_centre[:, b]
        along *= chain[:, :, None]
        diagonal = np.flatnonzero(a == b)  # dp / dU_bb again in log U_bb
        slope = chain[:, diagonal] * np.einsum("sab,sab->sb", U, full)
        along[:, diagonal] += slope[:, :, None] * own[:, diagonal]
        return -2.0 * first, 2.0 * along

    def monomials(self, z: Array, out: Array) -> None:
        upper_products(z, z, out)

    def centred(self, squares: Array, mean: Array, total: Array, nu: Array) -> Array:
        a, b = upper_entries(nu.shape[1])
        moved = nu[:, a, None] * mean[:, b] + mean[:, a] * nu[:, b, None]
        return squares - moved - (nu[:, a] * nu[:, b])[:, :, None] * total[:, None]

    def weights(self, free: Array) -> Array:
        U, _ = self._factors(free)
        return self._coefficients(np.matmul(U, U.swapaxes(1, 2))[..., None])[..., 0]

    def weights_along(self, free: Array, along: Array) -> Array:
        return self._coefficients(self._matrix_along(free, along))

    def times_along(self, free: Array, along: Array, nu: Array) -> Array:
        return np.einsum("sabr,sb->sar", self._matrix_along(free, along), nu)

    def lift_along(self, free: Array, along: Array, nu: Array) -> tuple[Array, Array]:
        change = self._matrix_along(free, along)
        return np.einsum("sabr,sb->sar", change, nu), self._coefficients(change)

    def rescaled(self, scale: Array) -> tuple[GaussianForm, sparse.sparray, Array]:
        a, b = upper_entries(len(scale))
        logs = np.where(a == b, -np.log(scale)[a], 0.0)
        return self, sparse.diags_array(np.where(a == b, 1.0, 1.0 / scale[a])), logs

    def _matrix_along(self, free: Array, along: Array) -> Array:
        """Change of M, (s, p, p, r): E U' + U E', with E the direction of U."""
        U, chain = self._factors(free)
        half = np.matmul(self._factor_along(chain, along, U.shape[1]), U.swapaxes(1, 2)[:, None])
        return (half + half.swapaxes(2, 3)).transpose(0, 2, 3, 1)

    @staticmethod
    def _factors(free: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """U, (s, p, p), and the derivatives of its entries in the parameters, (s, f)."""
        n_inputs = int(np.sqrt(2 * free.shape[1]))
        entries, diagonal = free.copy(), pairs(n_inputs).diagonal()
        chain = np.ones_like(free)
        chain[:, diagonal] = entries[:, diagonal] = scales(free[:, diagonal])
        U = np.zeros((len(free), n_inputs * n_inputs), dtype=free.dtype)
        U[:, upper(n_inputs)] = entries
        return U.reshape(len(free), n_inputs, n_inputs), chain

    @staticmethod
    def _factor_along(chain: Array, along: Array, n_inputs: int) -> Array:
        """Change of U, (s, r, p, p), along free parameters (s, f, r)."""
        found = np.zeros((len(along), along.shape[2], n_inputs * n_inputs))
        found[:, :, upper(n_inputs)] = (chain[:, :, None] * along).swapaxes(1, 2)
        return found.reshape(*found.shape[:2], n_inputs, n_inputs)

    @staticmethod
    def _upper_half(matrices: Array) -> Array:
        """Upper halves (s, f, r) of matrices (s, r, p, p)."""
        stack = matrices.reshape(*matrices.shape[:2], -1)
        return stack.take(upper(matrices.shape[-1]), axis=2).swapaxes(1, 2)

    @staticmethod
    def _symmetric(half: Array, n_inputs: int) -> Array:
        """Matrices (..., p, p) of their upper halves (..., m)."""
        return half[..., pairs(n_inputs)]

    @staticmethod
    def _coefficients(matrices: Array) -> Array:
        """Coefficients (s, m, r) of z_a z_b, a <= b, in z' M z."""
        a, b = upper_entries(matrices.shape[1])
        return matrices[:, a, b] * np.where(a == b, 1.0, 2.0)[:, None]


def _round_reference(spread: Array) -> Array:
    """The same width along all inputs: the root mean square distance from the mean."""
    return np.full(len(spread), np.linalg.norm(spread) or 1.0)


FORMS: dict[str, GaussianForm] = {
    "spherical": _Spherical(),
    "diag": _Diag(),
    "full": _Full(),
}
