"""A sample of the distinct rows of a table, whatever the order and the blocks in which they come.

Each row has a number that its values decide, like one drawn at random; the rows with the lowest
numbers are the sample. Equal rows have one number, so that they are in it together, with
the sum of their weights, and blocks of rows can be looked at one after the other.

References
----------
Cohen and Kaplan (2007), Summarizing Data Using Bottom-k Sketches, PODC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sknewtonnet._typing import Array

# Steele, Lea and Flood (2014), Fast Splittable Pseudorandom Number Generators: splitmix64.
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True, eq=False)
class RowSample:
    """The distinct rows with the lowest numbers, in their order.

    Parameters
    ----------
    size : int
        The most rows that are kept.
    numbers : ndarray of uint64 of shape (n_kept,)
        Numbers of the rows.
    rows : ndarray of shape (n_kept, n_columns)
        The rows.
    weight : ndarray of shape (n_kept,)
        Sums of the weights of equal rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.estimators._row_sample import RowSample
    >>> rows, weight = np.random.default_rng(0).integers(0, 9, (50, 2)) + 0.0, np.ones(50)
    >>> whole = RowSample.of([rows], weight, size=5)
    >>> parts = [RowSample.of([rows[k::2]], weight[k::2], size=5) for k in (1, 0)]
    >>> both = parts[0].joined(parts[1])
    >>> bool((both.rows == whole.rows).all() and (both.weight == whole.weight).all())
    True
    """

    size: int
    numbers: NDArray[np.uint64]
    rows: Array
    weight: Array

    @classmethod
    def of(cls, parts: Sequence[Array], weight: Array, size: int) -> RowSample:
        """The sample of some rows, given as matrices that stand side by side."""
        return cls._lowest(size, _numbers(parts), parts, weight)

    @classmethod
    def _lowest(
        cls, size: int, numbers: NDArray[np.uint64], parts: Sequence[Array], weight: Array
    ) -> RowSample:
        distinct, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
        sums = np.bincount(inverse.ravel(), weights=weight)
        rows = np.hstack([part[first[:size]] for part in parts])
        return cls(size, distinct[:size], rows, sums[:size].astype(float))

    def joined(self, other: RowSample) -> RowSample:
        """The sample of the rows of both."""
        return self._lowest(
            self.size,
            np.concatenate([self.numbers, other.numbers]),
            [np.vstack([self.rows, other.rows])],
            np.concatenate([self.weight, other.weight]),
        )


def _numbers(parts: Sequence[Array]) -> NDArray[np.uint64]:
    """One for each row, from the bits of its values; that of -0.0 is that of 0.0."""
    found = np.zeros(len(parts[0]), dtype=np.uint64)
    for column in (column for part in parts for column in part.T):
        found = _mixed(found ^ _mixed((column + 0.0).view(np.uint64)))
    return found


def _mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    bits = bits + _STEP
    for shift, factor in zip((30, 27), _MIX, strict=True):
        bits ^= bits >> np.uint64(shift)
        bits *= factor
    return bits ^ (bits >> np.uint64(31))
