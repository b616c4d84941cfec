"""What an objective asks of its arguments, before any work."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import issparse

from sknewtonnet._names import must_be_one_of
from sknewtonnet._typing import Array
from sknewtonnet.calculus.pieces.loss import Loss
from sknewtonnet.calculus.pieces.memory import check_memory


def finite_array(name: str, values: ArrayLike, shape: tuple[int | None, ...]) -> Array:
    """Return a float64 array of that shape without NaN or infinity, or raise."""
    array = shaped_array(name, values, shape)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, but contains NaN or infinity.")
    return array


def shaped_array(name: str, values: ArrayLike, shape: tuple[int | None, ...]) -> Array:
    """Return a float64 array of that shape, or raise; its numbers are not looked at."""
    array = real_array(name, values)
    wanted_shape = str(shape).replace("None", "n_samples")
    fits = array.ndim == len(shape) and all(
        wanted is None or got == wanted for got, wanted in zip(array.shape, shape, strict=True)
    )
    if not fits:
        raise ValueError(f"{name} must have shape {wanted_shape}, got {array.shape}.")
    if len(array) == 0:
        raise ValueError(f"{name} is empty; there must be at least one sample.")
    return array


def real_array(name: str, values: ArrayLike) -> Array:
    """Return a float64 array, or raise where that would lose something."""
    if type(values) is np.ndarray and values.dtype == np.float64:
        return values
    values = dense(name, values)
    if values is None:
        raise ValueError(f"{name} must be an array of real numbers, got None.")
    try:
        array = np.asarray(values)
        if np.iscomplexobj(array):
            raise ValueError("complex numbers have no place here")
        return array.astype(float, copy=False)
    except (TypeError, ValueError) as reason:
        raise ValueError(f"{name} must be an array of real numbers: {reason}.") from None


def same_point(given: ArrayLike, kept: Array) -> bool:
    """Whether a vector has the same bits as another, in a fifth of numpy's time if it is short."""
    vector = np.asarray(given)
    return vector.shape == kept.shape and vector.tobytes() == kept.tobytes()


def real_vector(name: str, values: ArrayLike, size: int) -> Array:
    """Return a float64 array of shape (size,), or raise; see :func:`real_array`."""
    vector = real_array(name, values)
    if vector.shape != (size,):
        raise ValueError(f"{name} must have shape ({size},), got {vector.shape}.")
    return vector


def real_directions(name: str, values: ArrayLike, size: int) -> Array:
    """Return a float64 array of shape (size,) or (size, r), or raise; see :func:`real_array`."""
    array = real_array(name, values)
    if array.ndim not in (1, 2) or len(array) != size:
        raise ValueError(f"{name} must have shape ({size},) or ({size}, r), got {array.shape}.")
    return array


def check_truth(argument: str, given: object) -> None:
    """Raise unless it is True or False."""
    if not isinstance(given, bool | np.bool_):
        raise ValueError(f"{argument} must be True or False, got {given!r}.")


def check_kind(kind: str, kinds: tuple[str, ...]) -> None:
    """Raise unless it is one of the kinds of second derivatives."""
    if kind not in kinds:
        raise ValueError(must_be_one_of("kind", kind, kinds))


def check_count(argument: str, given: object, least: int = 1) -> None:
    """Raise unless it is an integer of at least some number."""
    if not isinstance(given, Integral) or isinstance(given, bool) or given < least:
        raise ValueError(f"{argument} must be an integer of at least {least}, got {given!r}.")


def dense(name: str, values: Any) -> Any:
    """What is given, sparse matrices as dense arrays, or raise where these would not fit.

    Raises
    ------
    MemoryError
        If the dense array would take more than a quarter of the memory of the machine: a fit has
        some three further arrays of that size. Nothing is allocated before.
    """
    if not issparse(values):
        return values
    n_rows, n_columns = values.shape
    check_memory(
        f"{name} is sparse, and as a dense array of shape {values.shape} it",
        8.0 * n_rows * n_columns,
        "use fewer columns or rows",
        share=0.25,
    )
    return values.toarray()


def offsets(given: ArrayLike | None, shape: tuple[int, ...]) -> Array | None:
    """Known terms of raw predictions of shape (n_samples, n_outputs), or raise; None for none."""
    if given is None:
        return None
    array = real_array("offset", given)
    if array.ndim != 2 or array.shape != shape:
        array = finite_array("offset", array, shape[:1])[:, None]
    return np.array(np.broadcast_to(finite_array("offset", array, (shape[0], None)), shape))


def weight_sum(weight: Array) -> float:
    """Sum of sample weights, or raise where they cannot serve as weights."""
    if (weight < 0).any() or not weight.any():
        raise ValueError("sample_weight must not be negative, nor zero for every sample.")
    with np.errstate(over="ignore"):
        total = float(weight.sum())
    return check_weight_sum(total)


def check_weight_sum(total: float) -> float:
    """The sum of sample weights that are not negative, or raise where it is out of range."""
    if total == 0.0:
        raise ValueError("sample_weight must not be negative, nor zero for every sample.")
    # 1 / S multiplies all terms, and alpha / S the penalty: both ends must stay in range.
    if not 1e-200 < total < 1e200:
        raise ValueError(
            f"sample_weight sums to {total:g}, out of range; rescale it, and alpha with it."
        )
    return total


def probe_loss(loss: Loss, y: Array) -> None:
    """Raise if derivatives of a loss have the wrong number or shape, or change the target."""
    value, gradient, full = y.shape[:1], y.shape, (*y.shape, y.shape[1])
    for order in range(3):
        given = y.copy()
        shapes = [np.shape(array) for array in loss.derivatives(given, np.zeros_like(y), order)]
        allowed = [[value, gradient, last][: order + 1] for last in (gradient, full)]
        if shapes not in allowed:
            raise ValueError(
                f"loss {loss.name!r}: derivatives(y, raw, {order}) must return arrays of shapes "
                f"{allowed[0]} (the Hessian may also be {full}) for y of shape {y.shape}, "
                f"got {shapes}."
            )
        if not np.array_equal(given, y):
            raise ValueError(f"loss {loss.name!r}: derivatives writes to the target.")
