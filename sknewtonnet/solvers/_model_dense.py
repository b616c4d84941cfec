"""The quadratic model of a trust region, minimised to optimality.

    min g's + s'Hs / 2   subject to   |s| <= radius

The minimiser is s = -(H + shift I)^-1 g with H + shift I positive semi-definite, shift >= 0 and
shift (radius - |s|) = 0: Nocedal and Wright (2006), theorem 4.1. It is found as in Moré and
Sorensen (1983), with the safeguards of Conn, Gould and Toint (2000), 7.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, sqrt

import numpy as np
from scipy.linalg import eigh
from scipy.linalg.lapack import dpotrf, dpotrs, dtrtrs

from sknewtonnet._typing import Array
from sknewtonnet.solvers._finite import NotFinite

# How close to the boundary a step must end, relative to the radius.
_NEAR = 0.05

# Cholesky factors tried before the eigenvalues are computed, which cost some 20 of them.
_MAX_FACTORS = 12

# Entries above this are divided by the largest.
_HUGE = 1e100
_TINY, _EPS = float(np.finfo(float).tiny), float(np.finfo(float).eps)


@dataclass(frozen=True)
class Step:
    """A step of the model.

    Parameters
    ----------
    s : ndarray of shape (n_parameters,)
        The step.
    norm : float
        Its length.
    predicted : float
        Decrease of the model, not negative.
    """

    s: Array
    norm: float
    predicted: float


def _length(v: Array) -> float:
    return sqrt(float(v @ v))


class QuadraticModel:
    """The model at a point, for any radius.

    Parameters
    ----------
    H : ndarray of shape (n_parameters, n_parameters)
        Symmetric matrix, definite or not.
    g : ndarray of shape (n_parameters,)
        Gradient.
    shift : float, default=0.0
        A guess of the shift, such as that of a model near by.

    Attributes
    ----------
    factor : ndarray of shape (n_parameters, n_parameters) or None
        Upper Cholesky factor of H + shift I for the last step; None where the step came from
        eigenvalues, or entries were divided.

    Notes
    -----
    A Newton step inside the region takes one Cholesky factor, one on its boundary about
    three. In the hard case, where g has no part along the lowest eigenvector, and wherever
    factors do not lead there soon, eigenvalues are computed, once for all radii.
    """

    def __init__(self, H: Array, g: Array, shift: float = 0.0):
        self.H, self.g, self.shift, self._unit = H, g, shift, 1.0
        sizes = np.abs(H)
        largest = float(np.maximum(sizes.max(initial=0.0), np.abs(g).max(initial=0.0)))
        if not isfinite(largest):
            raise NotFinite("second derivatives overflow")
        if largest > _HUGE:  # steps are the same in any unit, but squares must not overflow
            self.H, self.g, self.shift, self._unit = H / largest, g / largest, 0.0, largest
            sizes /= largest
        self.factor: Array | None = None
        self._norm_of_g = _length(self.g)
        self._bound = float(sizes.sum(axis=0).max())
        # What rounding makes of an eigenvalue 0, such as that of a softmax's common shift.
        self.noise = len(g) * _EPS * self._bound
        self._newton: Array | None = None  # where H is known to be definite
        self._lowest = -float(self.H.diagonal().min())  # H + shift I is not definite below this
        self._eigen: tuple[Array, Array, Array] | None = None

    def step(self, radius: float) -> Step:
        """The minimiser within a radius."""
        # Interior convergence: H is definite and the Newton step fits, shift = 0.
        if self._newton is not None and _length(self._newton) <= radius:
            return self._measured(self._newton)
        self.factor = None
        if self._eigen is None and self._norm_of_g > 0:
            found = self._by_factors(radius)
            if found is not None:
                return self._measured(found)
        # The hard case, or nearly so: eigenvalues tell it without doubt.
        return self._measured(self._by_eigenvalues(radius))

    def _measured(self, s: Array) -> Step:
        predicted = -float(self.g @ s + 0.5 * s @ (self.H @ s))
        return Step(s, _length(s), self._unit * predicted)

    def _factor(self, shift: float) -> tuple[Array, int]:
        """Upper Cholesky factor of H + shift I, and 0 or the first row where there is none."""
        shifted = self.H.copy()
        shifted.ravel()[:: len(shifted) + 1] += shift
        # The transpose is the same matrix in LAPACK's order, factored in place.
        factor, info = dpotrf(shifted.T, lower=0, overwrite_a=1, clean=0)
        return factor, int(info)

    def _raised(self, shift: float, factor: Array, row: int) -> float:
        """A lower bound of the shift, from how the factors failed at a row.

        With the factor U of the rows before and y = U^-T a for the column a above the pivot,
        v = (-U^-1 y, 1) has v'(H + shift I) v = pivot - y'y < 0, so that the shift must grow by at
        least (y'y - pivot) / v'v.
        """
        k = row - 1
        y, part = np.empty(0), np.empty(0)
        if k > 0:
            y, _ = dtrtrs(factor[:k, :k], self.H[:k, k], trans=1)
            part, _ = dtrtrs(factor[:k, :k], y)
        lack = float(y @ y) - self.H[k, k] - shift
        return float(shift + max(lack, 0.0) / (1.0 + float(part @ part)))

    def _by_factors(self, radius: float) -> Array | None:
        """Newton's method on 1 / |s(shift)| = 1 / radius, safeguarded by bounds of the shift.

        Nocedal and Wright (2006), algorithm 4.3. None if it does not end within some factors.
        """
        # Bounds of the shift, Conn, Gould and Toint (2000), 7.3.8: on the boundary
        # (H + shift I) s = -g, so |g| / radius - shift lies among the eigenvalues of H.
        slope = self._norm_of_g / radius
        low = max(self.noise, self._lowest, slope - self._bound)
        high = slope + self._bound + self.noise
        # The shift of a model near by is a good guess.
        shift = min(max(self.shift, low), high)
        for _ in range(_MAX_FACTORS):
            # Step 1: factor H + shift I = U'U.
            factor, failed = self._factor(shift)
            if failed:
                # Not definite: the pivot that failed gives a better lower bound.
                low = self._lowest = max(self._raised(shift, factor, failed), 1.0000001 * shift)
                shift = min(low + 0.5 * slope, 0.5 * (low + high))
                continue
            # Step 2: solve U'U s = -g.
            s, _ = dpotrs(factor, -self.g)
            norm = _length(s)
            if shift <= self.noise:  # H itself is definite
                self._newton = s
            # Converged: on the boundary up to a twentieth, or inside without a shift.
            if abs(norm - radius) <= _NEAR * radius or (norm < radius and shift <= self.noise):
                self.shift = shift
                self.factor = factor if self._unit == 1.0 else None
                return np.asarray(s)
            # |s(shift)| falls with the shift: too short a step is an upper bound.
            low, high = (low, shift) if norm < radius else (shift, high)
            # Step 3: with U'q = s Newton's step is (|s| / |q|)^2 (|s| - radius) / radius, Nocedal
            # and Wright (4.44); 1 / |s| is nearly linear in the shift, so few are needed.
            part, _ = dtrtrs(factor, s, trans=1)
            ratio = norm / max(_length(part), _TINY)
            shift += ratio * ratio * (norm - radius) / radius
            if not low < shift < high:
                # Outside the bounds: their lower end, or a mean, Conn, Gould and Toint (7.3.14).
                untried = low <= self.noise and self._newton is None
                shift = low if untried else max(np.sqrt(low * high), low + 0.01 * (high - low))
        return None

    def _spectrum(self) -> tuple[Array, Array, Array]:
        if self._eigen is None:
            values, vectors = eigh(self.H, check_finite=False, driver="evd")
            self._eigen = values, vectors, vectors.T @ self.g
        return self._eigen

    def _by_eigenvalues(self, radius: float) -> Array:
        """The same by eigenvalues, hard case included."""
        values, vectors, parts = self._spectrum()
        # The smallest shift that makes H + shift I definite beyond rounding.
        low = max(0.0, -values[0]) + max(self.noise, _TINY)

        def at(shift: float) -> Array:
            return -parts / (values + shift)

        coordinates = at(low)
        length = _length(coordinates)
        # Hard case: g has no part along the lowest eigenvector, and no shift above the least one
        # gives so long a step. The rest of the way goes along that vector, at no cost in g.
        if length <= radius:
            if values[0] < -self.noise:
                rest = np.sqrt(radius**2 - length**2)
                coordinates[0] += rest if coordinates[0] >= 0 else -rest
            return np.asarray(vectors @ coordinates)
        # |s(shift)| falls from above the radius to below it: bisection, which costs products of
        # length P alone.
        high = low + self._norm_of_g / radius
        for _ in range(200):
            middle = 0.5 * (low + high)
            if _length(at(middle)) > radius:
                low = middle
            else:
                high = middle
            if high - low <= 1e-12 * high:
                break
        return np.asarray(vectors @ at(high))
