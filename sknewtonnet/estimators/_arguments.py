"""Checks of arguments that scikit-learn does not make."""

import numpy as np
from numpy.typing import ArrayLike

from sknewtonnet._typing import Array


def checked_params(params: ArrayLike, size: int) -> Array:
    """Parameters as a vector of finite numbers, or raise."""
    try:
        vector = np.asarray(params, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"params must be numbers, got {params!r}.") from None
    if vector.shape != (size,):
        raise ValueError(f"params must have shape ({size},) as params_, got {vector.shape}.")
    if not np.isfinite(vector).all():
        raise ValueError("params must be finite, but contains NaN or infinity.")
    return vector


def check_numbers(y: ArrayLike) -> None:
    """Raise a ValueError that says what in a target is no number."""
    array = np.asarray(y)
    if array.dtype.kind in "OSU":
        try:
            array.astype(float)
        except (TypeError, ValueError) as reason:
            raise ValueError(f"y must be numbers: {reason}.") from None
