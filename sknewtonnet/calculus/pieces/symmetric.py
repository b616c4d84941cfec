"""Symmetric matrices stored as their upper halves."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.linalg.lapack import dpocon, dpotrf

from sknewtonnet._typing import Array, Ints


def n_half(m: int) -> int:
    """Number of entries of the upper half of an m x m matrix, diagonal included."""
    return m * (m + 1) // 2


@lru_cache(maxsize=64)
def pairs(m: int) -> Ints:
    """Position of each entry of a symmetric m x m matrix in its packed upper half."""
    table = np.empty((m, m), np.intp)
    upper = np.triu_indices(m)
    table[upper] = np.arange(n_half(m))
    table.T[upper] = np.arange(n_half(m))
    return table


@lru_cache(maxsize=64)
def upper_entries(m: int) -> tuple[Ints, Ints]:
    """Rows and columns of the upper half of an m x m matrix, row after row."""
    a, b = np.triu_indices(m)
    return a, b


@lru_cache(maxsize=64)
def upper(m: int) -> Ints:
    """Where the upper half of an m x m matrix stands in the whole, row after row."""
    return np.flatnonzero(np.triu(np.ones((m, m))))


@lru_cache(maxsize=16)
def spread_pairs(p: int, s: int) -> Ints:
    """Position of each entry (a, j, b, r) of a block in its sum over both upper halves."""
    return pairs(p)[:, None, :, None] * n_half(s) + pairs(s)[:, None, :]


def symmetric_part(matrices: Array) -> Array:
    """Half the sum of a matrix, or of each in a stack, and its transpose.

    Of a matrix that is symmetric up to rounding, it is symmetric to the last bit.
    """
    return 0.5 * (matrices + matrices.swapaxes(-1, -2))


# Rows of a matrix that are mirrored at a time.
_ROWS = 128


def mirror_lower(matrix: Array) -> Array:
    """Make a matrix symmetric in place, from its lower half; also returned."""
    for at in range(0, len(matrix), _ROWS):
        here = slice(at, at + _ROWS)
        corner = matrix[here, here]
        corner[...] = np.tril(corner) + np.tril(corner, -1).T
        matrix[here, at + _ROWS :] = matrix[at + _ROWS :, here].T
    return matrix


def lower_factor(matrix: Array) -> Array | None:
    """Cholesky factor of a symmetric matrix, in its place; None if it is not positive definite.

    The upper half of the factor is not cleared.
    """
    columns = matrix if matrix.flags.f_contiguous else matrix.T
    factor, failed = dpotrf(columns, lower=1, clean=0, overwrite_a=1)
    return None if failed else np.asarray(factor)


# How far an estimate of the norm of an inverse is trusted: it is hardly ever off by three.
_MARGIN = 0.1


def least_eigenvalue(factor: Array, norm: float) -> float:
    """A number below the least eigenvalue of a matrix, from its Cholesky factor.

    It is a tenth of 1 / |A^-1|, the largest sum of absolute entries of a column, as LAPACK
    estimates it from some solutions (Higham 1988), at P^2 flops each.

    Parameters
    ----------
    factor : ndarray of shape (m, m)
        Of A, in its lower half.
    norm : float
        |A|, or a bound of it.

    Returns
    -------
    float
    """
    reciprocal, _ = dpocon(factor, norm, uplo="L")
    return _MARGIN * float(reciprocal) * norm


def pack_upper(full: Array, out: Array) -> Array:
    """Upper half of a symmetric (m, m, c) array, row after row."""
    # "clip" (all positions are in range) lets numpy write to out without a copy.
    return np.take(flat(full), upper(len(full)), axis=0, out=out, mode="clip")


# Products up to which one gather of all rows takes less time than a loop over them.
_FEW_PRODUCTS = 100_000


def upper_products(left: Array, right: Array, out: Array) -> Array:
    """Products of row a of left and row b >= a of right, (m, c) each, row after row."""
    if out.size <= _FEW_PRODUCTS:
        a, b = upper_entries(len(left))
        # "clip" (all positions are in range) lets numpy write to out without a copy.
        np.take(left, a, axis=0, out=out, mode="clip")
        return np.multiply(out, right.take(b, axis=0), out=out)
    start = 0
    for j in range(len(left)):
        stop = start + len(left) - j
        np.multiply(left[j], right[j:], out=out[start:stop])
        start = stop
    return out


def flat(factor: Array) -> Array:
    """All axes but the samples' made one."""
    return factor.reshape(-1, factor.shape[-1])
