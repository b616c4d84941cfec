"""Work arrays that are overwritten at each evaluation."""

from __future__ import annotations

import threading
from math import prod
from typing import Any

import numpy as np

from sknewtonnet._typing import Array

_DOUBLE = np.dtype(np.float64)


class Workspace:
    """Arrays that are overwritten at each evaluation instead of allocated anew.

    The page faults of fresh temporaries would cost as much as the arithmetic on them. Each thread
    has arrays of its own.

    Parameters
    ----------
    dtype : numpy.dtype, default=np.dtype(np.float64)
        The type of the arrays, which is that of the passes.
    """

    def __init__(self, dtype: np.dtype[Any] = _DOUBLE) -> None:
        self.dtype = dtype
        self._double = None if dtype == _DOUBLE else Workspace()
        self._of_thread = threading.local()

    def __reduce__(self) -> tuple[type[Workspace], tuple[np.dtype[Any]]]:
        """Copies begin without arrays."""
        return Workspace, (self.dtype,)

    @property
    def sums(self) -> Workspace:
        """A workspace for sums over many samples, in double precision; itself if it is."""
        return self if self._double is None else self._double

    def array(self, key: object, *shape: int) -> Array:
        """An array of that shape and arbitrary content, one per key and thread."""
        arrays: dict[Any, Array] = self._of_thread.__dict__
        kept = arrays.get(key)
        if kept is not None and kept.shape == shape:
            return kept
        size = prod(shape)
        if kept is None or kept.size < size:
            kept = arrays[key] = np.empty(shape, self.dtype)
        return kept.reshape(-1)[:size].reshape(shape)
