"""Weighted moments of columns, which the parts of a table add up to those of the whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sknewtonnet._typing import Array, Ints


@dataclass(frozen=True, eq=False)
class Moments:
    """Means, standard deviations and ranges of columns, each row counted by its weight.

    Parameters
    ----------
    weight : float
        Sum of the weights.
    mean, spread : ndarray of shape (n_columns,)
        Weighted means and standard deviations.
    low, high : ndarray of shape (n_columns,)
        Smallest and largest values.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus.pieces.moments import Moments
    >>> x = np.arange(6.0)[:, None]
    >>> parts = [Moments.of(part, np.ones(len(part))) for part in (x[:2], x[2:])]
    >>> both = parts[0].joined(parts[1])
    >>> both.mean.tolist(), both.high.tolist(), bool(np.isclose(both.spread[0], x.std()))
    ([2.5], [5.0], True)
    """

    weight: float
    mean: Array
    spread: Array
    low: Array
    high: Array

    @classmethod
    def of(cls, columns: Array, weight: Array) -> Moments:
        """Those of the columns of a matrix with at least a row; no column overflows."""
        low, high = columns.min(axis=0), columns.max(axis=0)
        size = np.maximum(np.abs(low), np.abs(high))
        unit = np.where(size > 0.0, size, 1.0)
        total = float(weight.sum())
        share = weight / total
        parts = columns / unit
        mean = share @ parts
        parts -= mean
        np.square(parts, out=parts)
        return cls(total, mean * unit, np.sqrt(share @ parts) * unit, low, high)

    @property
    def size(self) -> Array:
        """Largest magnitudes."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    @property
    def width(self) -> Array:
        """Standard deviations, exactly 0 where a column is constant."""
        return np.where(self.high > self.low, self.spread, 0.0)

    def joined(self, other: Moments) -> Moments:
        """Those of the rows of both, by eq. 2.1 of Chan, Golub and LeVeque (1983).

        Parameters
        ----------
        other : Moments
            Of other rows of the same columns.

        Returns
        -------
        Moments

        References
        ----------
        Chan, Golub and LeVeque (1983), Algorithms for Computing the Sample Variance, The
        American Statistician 37.
        """
        total = self.weight + other.weight
        first, second = self.weight / total, other.weight / total
        apart = np.sqrt(first * second) * np.abs(other.mean - self.mean)
        within = np.hypot(np.sqrt(first) * self.spread, np.sqrt(second) * other.spread)
        return Moments(
            total,
            self.mean + second * (other.mean - self.mean),
            np.hypot(within, apart),
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
        )

    def pooled(self, columns: Ints) -> tuple[float, float]:
        """Mean and standard deviation of all values of some columns together.

        Parameters
        ----------
        columns : ndarray of int
            Their numbers.

        Returns
        -------
        tuple of float
        """
        mean = self.mean[columns].mean()
        squares = np.hypot(self.spread[columns], self.mean[columns] - mean)
        unit = squares.max() or 1.0
        return float(mean), float(unit * np.sqrt(((squares / unit) ** 2).mean()))

    def in_units(self, shift: Array, scale: Array) -> Moments:
        """Those of (x - shift) / scale.

        Parameters
        ----------
        shift, scale : ndarray of shape (n_columns,)
            The scales are positive.

        Returns
        -------
        Moments
        """
        mean, low, high = ((values - shift) / scale for values in (self.mean, self.low, self.high))
        return Moments(self.weight, mean, self.spread / scale, low, high)


def joined_lists(parts: Iterable[list[Moments]]) -> list[Moments]:
    """Moments of several tables, from those of parts of their rows.

    Parameters
    ----------
    parts : iterable of list of Moments
        Of each part one for each table; there is at least one part.

    Returns
    -------
    list of Moments
    """
    iterator = iter(parts)
    found = next(iterator)
    for others in iterator:
        found = [one.joined(other) for one, other in zip(found, others, strict=True)]
    return found
