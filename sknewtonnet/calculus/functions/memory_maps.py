"""Rows of arrays in files, each read through a map of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Stretch:
    """A stretch of a file that holds an array in C order.

    A map keeps in memory what has been read through it; a new map for each piece lets it go.

    Parameters
    ----------
    path : str
        The file.
    dtype : numpy.dtype
        Of its numbers.
    start : int
        Where in the file the array begins, in bytes.
    shape : tuple of int
        That of the array.
    """

    path: str
    dtype: Any
    start: int
    shape: tuple[int, ...]

    def rows(self, where: slice) -> Any:
        """Some rows, as a new map.

        Parameters
        ----------
        where : slice
            Which; of step 1.

        Returns
        -------
        ndarray
        """
        first, stop, _ = where.indices(self.shape[0])
        row = self.dtype.itemsize * int(np.prod(self.shape[1:]))
        shape = (stop - first, *self.shape[1:])
        return np.memmap(self.path, self.dtype, "r", self.start + first * row, shape)


def stretch_of(array: Any) -> Any:
    """The stretch of a file that a memory map shows; the array itself where it is none.

    Parameters
    ----------
    array : ndarray
        The array; it may be a part of a map.

    Returns
    -------
    Stretch or ndarray
    """
    whole = array
    while isinstance(whole.base, np.memmap):
        whole = whole.base
    mapped = isinstance(whole, np.memmap) and whole.filename is not None and whole.mode != "c"
    if not mapped or not array.flags.c_contiguous or array.dtype.hasobject:
        return array
    skipped = array.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    return Stretch(str(whole.filename), array.dtype, whole.offset + skipped, array.shape)
