"""The precision of passes over samples: double, or single where that is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.network import Network

# Sums of Gaussian and other radial units subtract large terms from each other.
_ONLY_LINEAR = "float32 is for nets of linear layers"


def pass_dtype(network: Network, dtype: DTypeLike) -> np.dtype[Any]:
    """The type of the numbers in passes over samples.

    Parameters
    ----------
    network : Network
        The net.
    dtype : {np.float64, np.float32}
        What was asked for.

    Returns
    -------
    numpy.dtype

    Raises
    ------
    ValueError
        If it is another type, or is float32 and the net has a layer of another kind than Linear.
    """
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = np.dtype(object)
    if dtype is None or found not in (np.float64, np.float32):
        raise ValueError(f"dtype must be np.float64 or np.float32, got {dtype!r}.")
    if found == np.float32 and not all(network.linear):
        other = network.layers[network.linear.index(False)]
        raise ValueError(f"dtype must be np.float64 for {other!r}: {_ONLY_LINEAR}.")
    return found


def check_range(samples: Array, dtype: np.dtype[Any]) -> None:
    """Raise where samples are out of the range of single precision, if that is asked for."""
    if dtype != np.float32:
        return
    largest = float(np.finfo(dtype).max)
    if np.abs(samples).max(initial=0.0) > largest:
        raise ValueError(f"X must not exceed {largest:.2g}, the range of dtype=np.float32.")
