"""Work arrays that are overwritten at each evaluation."""

import threading
from math import prod
from typing import Any

import numpy as np

from sknewtonnet._typing import Array


class Workspace:
    """Arrays that are overwritten at each evaluation instead of allocated anew.

    The page faults of fresh temporaries would cost as much as the arithmetic on them. Each thread
    has arrays of its own.
    """

    def __init__(self) -> None:
        self._of_thread = threading.local()

    def __reduce__(self) -> tuple[type["Workspace"], tuple[()]]:
        """Copies begin without arrays."""
        return Workspace, ()

    def array(self, key: object, *shape: int) -> Array:
        """An array of that shape and arbitrary content, one per key and thread."""
        arrays: dict[Any, Array] = self._of_thread.__dict__
        kept = arrays.get(key)
        if kept is not None and kept.shape == shape:
            return kept
        size = prod(shape)
        if kept is None or kept.size < size:
            kept = arrays[key] = np.empty(shape)
        return kept.reshape(-1)[:size].reshape(shape)
