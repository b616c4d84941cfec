"""A curvature matrix scaled to a unit diagonal: rank, condition number, inverse."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import eigh, eigvals, eigvalsh, svd
from scipy.linalg.lapack import dpotri

from sknewtonnet._typing import Array, Bools
from sknewtonnet.calculus.pieces.symmetric import least_eigenvalue, lower_factor, mirror_lower

# An eigenvalue of the matrix scaled to a unit diagonal counts as zero below this part of the
# largest. Rounding makes 1e-15 of a zero, the tolerance of a fit up to 1e-10.
_ZERO = 1e-9

# A parameter with less of the largest curvature than this, in steps of its size, has none: the
# tolerance of a fit makes 1e-13 of the intercept of a dead unit.
_NOTHING = 1e-12
# Squares of roots of this are doubles.
_HUGE = 1e300

# A row of unit length in scaled parameters is estimable if its part in the null space is at most
# this. A null vector is known to rounding over the gap to the other eigenvalues.
_ESTIMABLE = 1e-5


class ScaledSpectrum:
    """Eigenvalues and -vectors of a curvature matrix scaled to a unit diagonal.

        B' H B + shift = D C D,   C = U diag(eigenvalues) U',   D = diag(B' H B)^(1/2)

    The scaling takes out the units of the parameters, so that rank and condition number mean
    something (doc/statistics.md 3.1). Known null directions (the shift of a softmax) are filled
    in, so that only others appear as zeros.

    Parameters
    ----------
    matrix : ndarray of shape (n_parameters, n_parameters)
        H.
    basis : ndarray of shape (n_parameters, n_free) or None
        Orthonormal directions that active constraints leave, B; None for all.
    known : ndarray of shape (n_parameters, n_known)
        Null directions by the form of the loss.
    noise : float, default=0.0
        Size up to which a negative curvature of H along a direction of unit length counts as zero.
    steps : ndarray of shape (n_parameters,), default=None
        A step of each parameter that is of its size; 1 if None. Curvatures are compared along
        these, so that units of inputs and targets do not matter.

    Attributes
    ----------
    n_known : int
        How many known null directions the constraints leave.
    """

    def __init__(
        self,
        matrix: Array,
        basis: Array | None,
        known: Array,
        noise: float = 0.0,
        steps: Array | None = None,
    ):
        self.basis, self._noise = basis, noise
        reduced = matrix if basis is None else basis.T @ matrix @ basis
        shared = inside(basis, known)
        self._steps = np.ones(len(reduced))
        if steps is not None:
            inverse = 1.0 / steps
            self._steps = (
                steps if basis is None else 1.0 / np.linalg.norm(inverse[:, None] * basis, axis=0)
            )
        self._scale = unit_diagonal(np.diag(reduced), self._steps)
        scaled = reduced / (self._scale[:, None] * self._scale)
        if shared.shape[1]:
            q, _ = np.linalg.qr(self._scale[:, None] * shared)
            scaled = scaled + q @ q.T
        if not np.isfinite(scaled).all():
            raise ValueError("second derivatives overflow: give columns of a smaller scale.")
        self.n_known = shared.shape[1]
        self._scaled = scaled

    @cached_property
    def _spectrum(self) -> tuple[Array, Array]:
        values, vectors = eigh(self._scaled, driver="evd")
        return values, vectors

    @property
    def eigenvalues(self) -> Array:
        """In increasing order, of shape (n_free,)."""
        return self._spectrum[0]

    @property
    def _vectors(self) -> Array:
        return self._spectrum[1]

    @property
    def _threshold(self) -> float:
        # Keep it finite: with NaN no eigenvalue would count as zero.
        return _ZERO * max(float(np.abs(self.eigenvalues).max(initial=0.0)), 1e-300)

    @cached_property
    def _factor(self) -> Array | None:
        """The Cholesky factor of the scaled matrix, in its lower half; None if there is none."""
        return lower_factor(self._scaled.copy()) if len(self._scaled) else self._scaled

    @cached_property
    def _regular(self) -> bool:
        """Whether Cholesky factors show that no eigenvalue counts as zero, or is negative.

        They take a thirtieth of the time of the eigenvalues, which are worked out if there is
        none. The largest row sum bounds the largest eigenvalue. The factor of the matrix bounds
        the least; only where that is not enough, the matrix less the threshold is factorised.
        """
        if self._factor is None or not len(self._factor):
            return self._factor is not None
        largest = float(np.abs(self._scaled).sum(axis=0).max())
        if least_eigenvalue(self._factor, largest) > _ZERO * largest:
            return True
        shifted = self._scaled - _ZERO * largest * np.eye(len(self._scaled))
        return lower_factor(shifted) is not None

    @cached_property
    def _null(self) -> Bools:
        if self._regular:
            return np.zeros(len(self._scaled), dtype=bool)
        null = np.abs(self.eigenvalues) <= self._threshold
        # A parameter without effect, such as the intercept of a dead unit, has a curvature that is
        # nothing but the tolerance of the fit. Scaling blows it up, and it may be negative. The
        # noise of the verdict keeps both in agreement: negative here is negative there.
        moved = self._vectors / self._scale[:, None]
        beyond = self.eigenvalues < -self._noise * (moved**2).sum(axis=0)
        # What rounding leaves of a zero is relative to the largest curvature in steps of one size.
        largest = float((self._scale * self._steps).max(initial=0.0)) ** 2
        rounding = len(null) * np.finfo(float).eps * largest
        beyond &= self.eigenvalues < -rounding * ((moved / self._steps[:, None]) ** 2).sum(axis=0)
        return np.asarray(null | ((self.eigenvalues < 0) & ~beyond))

    @property
    def n_null(self) -> int:
        """Number of directions without curvature that are not known ones."""
        return int(self._null.sum())

    @property
    def rank(self) -> int:
        """Number of identified directions, without the known null directions."""
        return int((~self._null).sum()) - self.n_known

    @property
    def condition(self) -> float:
        """Largest over smallest absolute eigenvalue of the scaled matrix, inf if singular."""
        sizes = np.abs(self.eigenvalues)
        if not sizes.size:
            return 1.0
        return float(sizes.max() / sizes.min()) if sizes.min() > 0 else np.inf

    @cached_property
    def inverse(self) -> Array:
        """Inverse of H on the identified directions, of shape (n_parameters, n_parameters).

        Zero, not infinite, along the others: a variance counts only where :meth:`estimable`
        says so.
        """
        if self._regular:
            assert self._factor is not None
            scaled = self._scaled
            if len(scaled):
                scaled = mirror_lower(dpotri(self._factor, lower=1)[0]).T
            found = scaled / (self._scale[:, None] * self._scale)
            return found if self.basis is None else self.basis @ found @ self.basis.T
        half = self._half
        return (half / self.eigenvalues[~self._null]) @ half.T

    def relative(self, matrix: Array) -> Array:
        """Eigenvalues of H^-1 times a symmetric matrix, on the identified directions."""
        if self._regular:  # then H has a Cholesky factor, and no eigenvectors are needed
            free = matrix if self.basis is None else self.basis.T @ matrix @ self.basis
            return np.asarray(eigvalsh(free / np.outer(self._scale, self._scale), self._scaled))
        eigenvalues = self.eigenvalues[~self._null]
        half = self._half / np.sqrt(np.abs(eigenvalues))
        inside = half.T @ matrix @ half
        if (eigenvalues > 0).all():
            return np.asarray(eigvalsh(inside))
        return np.real(eigvals(np.sign(eigenvalues)[:, None] * inside))

    def gain(self, gradient: Array) -> float:
        """Decrease of the function by a Newton step, 1/2 g' H^-1 g.

        Directions without curvature count with the smallest curvature that is not zero.
        """
        inside = gradient if self.basis is None else self.basis.T @ gradient
        parts = self._vectors.T @ (inside / self._scale)
        sizes = np.maximum(np.abs(self.eigenvalues), self._threshold)
        return 0.5 * float(np.sum(parts**2 / sizes))

    @cached_property
    def _half(self) -> Array:
        vectors = self._vectors[:, ~self._null] / self._scale[:, None]
        return vectors if self.basis is None else self.basis @ vectors

    @cached_property
    def null_directions(self) -> Array:
        """Scaled parameters along which there is no curvature, (n_parameters, n_null).

        Columns of unit length, for :attr:`scale` times the parameters.
        """
        vectors = self._null_vectors
        return vectors if self.basis is None else self.basis @ vectors

    @property
    def _null_vectors(self) -> Array:
        return np.empty((len(self._scaled), 0)) if self._regular else self._vectors[:, self._null]

    @property
    def null_parameters(self) -> Array:
        """The same as changes of parameters, with columns of unit length.

        An entry is 0 where the scaled direction has no more than rounding.
        """
        vectors = self._null_vectors
        vectors = np.where(np.abs(vectors) > 1e-6, vectors, 0.0) / self._scale[:, None]
        vectors = vectors if self.basis is None else self.basis @ vectors
        return vectors / np.linalg.norm(vectors, axis=0)

    @property
    def weakest(self) -> Array:
        """The direction of the smallest eigenvalue, in scaled parameters."""
        vector = self._vectors[:, int(np.argmin(np.abs(self.eigenvalues)))]
        return vector if self.basis is None else self.basis @ vector

    def estimable(self, rows: Array) -> Bools:
        """Which linear functions of the parameters the data determine.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_parameters)
            Their coefficients.
        """
        return self.estimable_rows(rows)

    @property
    def estimable_rows(self) -> EstimableRows:
        """That rule by itself, without the matrix."""
        if not self._null.any():
            return EstimableRows(None, np.ones(1), np.empty((1, 0)))
        return EstimableRows(self.basis, self._scale, self._vectors[:, self._null])


def unit_diagonal(diagonal: Array, steps: Array) -> Array:
    """The scales D of parameters that give D^-1 H D^-1 a diagonal of ones.

    Parameters
    ----------
    diagonal : ndarray of shape (n_parameters,)
        Of H; absolute values count.
    steps : ndarray of shape (n_parameters,)
        A step of each parameter that is of its size. What has next to no curvature along it is
        not blown up.

    Returns
    -------
    ndarray of shape (n_parameters,)
    """
    diagonal = np.abs(diagonal)
    curvature = diagonal * steps**2
    largest = float(curvature.max(initial=0.0))
    counts = curvature > _NOTHING * largest
    with np.errstate(over="ignore"):  # of columns in extreme units
        nothing = np.minimum((largest if largest > 0 else 1.0) / steps**2, _HUGE)
    return np.sqrt(np.where(counts, diagonal, nothing))


@dataclass(frozen=True, eq=False)
class EstimableRows:
    """Which linear functions of parameters have no part in directions without curvature.

    Parameters
    ----------
    basis : ndarray of shape (n_parameters, n_free) or None
        Directions that constraints leave.
    scale : ndarray of shape (n_free,)
        Scales of the parameters.
    null : ndarray of shape (n_free, n_null)
        Scaled parameters without curvature.
    """

    basis: Array | None
    scale: Array
    null: Array

    def __call__(self, rows: Array) -> Bools:
        """The answer for each row of coefficients."""
        if not self.null.shape[1]:
            return np.ones(len(rows), dtype=bool)
        inside = (rows if self.basis is None else rows @ self.basis) / self.scale
        size = np.linalg.norm(inside, axis=1)
        off = np.linalg.norm(inside @ self.null, axis=1)
        return np.asarray(off <= _ESTIMABLE * size)


def square_root(matrices: Array) -> Array:
    """R with R R' = C for one covariance or a stack; negative eigenvalues are rounding."""
    values, vectors = np.linalg.eigh(matrices)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :])


def inside(basis: Array | None, known: Array) -> Array:
    """Coordinates of those combinations of the known directions that lie in the basis."""
    if basis is None or not known.shape[1]:
        return known
    parts = basis.T @ known
    # Orthonormal columns: a combination lies inside if nothing of its length is outside.
    _, sizes, combinations = svd(known - basis @ parts, full_matrices=True)
    sizes = np.r_[sizes, np.zeros(len(combinations) - len(sizes))]
    return parts @ combinations[sizes <= 1e-8].T
