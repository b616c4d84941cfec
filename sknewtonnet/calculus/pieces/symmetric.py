"""Symmetric matrices stored as their upper halves."""

from functools import lru_cache

import numpy as np

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


def pack_upper(full: Array, out: Array) -> Array:
    """Upper half of a symmetric (m, m, c) array, row after row."""
    # "clip" (all positions are in range) lets numpy write to out without a copy.
    return np.take(flat(full), upper(len(full)), axis=0, out=out, mode="clip")


def flat(factor: Array) -> Array:
    """All axes but the samples' made one."""
    return factor.reshape(-1, factor.shape[-1])
