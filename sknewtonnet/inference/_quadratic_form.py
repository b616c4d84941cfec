"""The law of a quadratic form of normal variables: a weighted sum of chi-squares."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from sknewtonnet._typing import Array

ComplexArray = NDArray[np.complex128]

# Points of the integral on one half of its path: the integrand is analytic, so that the error of
# the trapezoidal rule falls exponentially with their number. These reach ten digits.
_POINTS = np.linspace(0.0, 30.0, 751)

# Weights below this part of the largest count by their mean alone.
_SMALL = 1e-8


def weighted_chi_square_tail(
    statistic: float, weights: ArrayLike, df_denom: float = np.inf
) -> float:
    """Probability that a weighted sum of chi-squares exceeds a number.

        P(sum_k l_k z_k^2 > T c / v),   z_k standard normal,   c chi-square on v degrees

    With equal weights and finite v this is the upper tail of F, with v infinite that of
    chi-square. The probability is an integral of the moment generating function,

        1 / (2 pi i) int exp(K(t)) / t dt,
        K(t) = -1/2 sum_k log(1 - 2 l_k t) - v/2 log(1 + 2 T t / v)

    on a hyperbola through the saddle point on the real axis, around the singularities on its
    right. The integrand falls fast along it, so that far tails have their digits, too.

    Parameters
    ----------
    statistic : float
        The number T.
    weights : array-like of shape (n_weights,)
        The l_k, not negative.
    df_denom : float, default=inf
        The degrees of freedom v of the scale, as of a residual variance.

    Returns
    -------
    float
        NaN if there is no positive weight, or T is not finite.

    See Also
    --------
    SlopeTestResult : The test whose statistic has this law.
    scipy.stats.chi2 : Equal weights, an infinite v.

    References
    ----------
    Rice (1980), SIAM Journal on Scientific and Statistical Computing 1, 438-448.

    Examples
    --------
    >>> from scipy import stats
    >>> from sknewtonnet.inference import weighted_chi_square_tail
    >>> round(weighted_chi_square_tail(3.0, [1.0, 0.5]), 6)
    0.135756
    >>> bool(abs(weighted_chi_square_tail(6.0, [2.0, 2.0, 2.0]) - stats.chi2.sf(3.0, 3)) < 1e-12)
    True
    """
    given = np.asarray(weights, dtype=float)
    largest = given.max(initial=0.0)
    if not (np.isfinite(statistic) and np.isfinite(largest) and largest > 0):
        return np.nan
    small = given < _SMALL * largest
    level = (statistic - given[small].sum()) / largest
    given = given[~small] / largest
    if level <= 0:
        return 1.0

    def slope(t: float) -> float:
        """Derivative of K(t) - log(t), which has its minimum where the path crosses the axis."""
        pull = level / (1.0 + 2.0 * level * t / df_denom)
        return float((given / (1.0 - 2.0 * given * t)).sum() - pull - 1.0 / t)

    # Left of the singularity at 1/2 the slope goes to infinity, right of 0 to minus infinity.
    saddle = brentq(slope, 1e-12 / (1.0 + level), 0.5 * (1.0 - 1e-15), xtol=1e-16, rtol=1e-14)
    bend = (2.0 * (given / (1.0 - 2.0 * given * saddle)) ** 2).sum() + 1.0 / saddle**2
    # The more weights, the faster the integrand falls straight up, and the more it swings aside.
    aside = float(((given**2).sum() ** 0.5) / given.sum())
    path = _Path(given, level, df_denom, saddle, float(bend**-0.5), aside)
    sizes = path.logs(_POINTS[::25])[0].real
    end = 25 * (int(np.flatnonzero(sizes > sizes.max() - 45.0)[-1]) + 1)
    logs, directions = path.logs(_POINTS[:end])
    parts = np.imag(np.exp(logs) * directions) * (_POINTS[1] - _POINTS[0])
    return float(np.clip((parts.sum() - 0.5 * parts[0]) / np.pi, 0.0, 1.0))


class _Path(NamedTuple):
    """The path of the integral, and its integrand."""

    weights: Array
    level: float
    df: float
    saddle: float
    reach: float
    aside: float

    def logs(self, u: Array) -> tuple[ComplexArray, ComplexArray]:
        """Logarithm of the integrand times dt/du over its phase, and that phase."""
        t = self.saddle + self.reach * (self.aside * (np.cosh(u) - 1.0) + 1j * np.sinh(u))
        directions = self.reach * (self.aside * np.sinh(u) + 1j * np.cosh(u))
        size = np.abs(directions)
        scale: ComplexArray = -self.level * t
        if np.isfinite(self.df):
            scale = np.asarray(-0.5 * self.df * np.log1p(2.0 * self.level * t / self.df))
        spread = -0.5 * np.log(1.0 - 2.0 * self.weights[:, None] * t).sum(axis=0)
        return spread + scale - np.log(t) + np.log(size), directions / size
