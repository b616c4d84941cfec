"""What an objective asks of its arguments, before any work."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sknewtonnet.calculus.losses import Loss

Array = NDArray[np.float64]


def finite_array(name: str, values: ArrayLike, shape: tuple[int | None, ...]) -> Array:
    """Return a float64 array of that shape without NaN or infinity, or raise."""
    array = np.asarray(values, dtype=float)
    fits = array.ndim == len(shape) and all(
        wanted is None or got == wanted for got, wanted in zip(array.shape, shape, strict=True)
    )
    if not fits or len(array) == 0:
        wanted_shape = str(shape).replace("None", "n_samples")
        raise ValueError(f"{name} must have shape {wanted_shape}, got {array.shape}.")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, but contains NaN or infinity.")
    return array


def probe_loss(loss: Loss, y: Array) -> None:
    """Raise if the derivatives of a loss have the wrong number or shape."""
    found = loss.derivatives(y, np.zeros_like(y), 2)
    shapes = [np.shape(array) for array in found]
    if shapes[:2] != [y.shape[:1], y.shape] or shapes[2:] not in (
        [y.shape],
        [(*y.shape, y.shape[1])],
    ):
        raise ValueError(
            f"loss {loss.name!r}: derivatives(y, raw, 2) must return arrays of shapes (n,), "
            f"(n, m), and (n, m) or (n, m, m) for y of shape (n, m) = {y.shape}, got {shapes}. "
            "sknewtonnet.testing.check_loss checks their values, too."
        )
