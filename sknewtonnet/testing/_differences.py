"""Differences of functions, against which derivatives are checked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sknewtonnet._typing import Array


def difference(function: Callable[[Array], Array], at: Array, step: float = 1e-3) -> Array:
    """Central difference of eighth order; its error is about 1e-12 for functions of order 1."""
    weights = (4 / 5, -1 / 5, 4 / 105, -1 / 280)
    total = np.zeros_like(function(at))
    for k, weight in enumerate(weights, start=1):
        total = total + weight * (function(at + k * step) - function(at - k * step))
    return total / step
