"""Work arrays that are overwritten at each evaluation."""

import numpy as np

from sknewtonnet._typing import Array


class Workspace:
    """Arrays that are overwritten at each evaluation instead of allocated anew.

    The page faults of fresh temporaries would cost as much as the arithmetic on them.
    """

    def __init__(self) -> None:
        self._arrays: dict[object, Array] = {}

    def array(self, key: object, rows: int, columns: int) -> Array:
        """An array of that shape and arbitrary content, one per key."""
        kept = self._arrays.get(key)
        if kept is not None and kept.shape == (rows, columns):
            return kept
        size = rows * columns
        if kept is None or kept.size < size:
            kept = self._arrays[key] = np.empty((rows, columns))
        return kept.reshape(-1)[:size].reshape(rows, columns)
