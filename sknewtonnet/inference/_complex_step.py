"""Derivatives of a function of the parameters that a user has written."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from sknewtonnet._typing import Array


def complex_step(function: Callable[[Array], ArrayLike], params: Array) -> tuple[Array, Array]:
    """Values of a function, and its derivatives by the complex step, exact to rounding.

    Parameters
    ----------
    function : callable
        From complex parameters to one or more complex numbers, without ``abs``, comparisons or
        ``.real`` on the way.
    params : ndarray of shape (n_parameters,)
        Where.

    Returns
    -------
    values : ndarray of shape (m,)
    derivatives : ndarray of shape (m, n_parameters)

    Raises
    ------
    ValueError
        If the function returns anything else: its derivatives would be zero in silence. If values
        or derivatives are not finite.

    References
    ----------
    Squire and Trapp (1998), Using complex variables to estimate derivatives of real functions.
    """
    if not callable(function):
        raise ValueError(f"function must be callable, got {function!r}.")
    step = 1e-30
    values = _values(function, params.astype(complex)).real
    columns = []
    for j in range(len(params)):
        moved = params.astype(complex)
        moved[j] += 1j * step
        columns.append(_values(function, moved).imag / step)
    derivatives = np.array(columns).T
    if not (np.isfinite(values).all() and np.isfinite(derivatives).all()):
        raise ValueError(f"function must be finite and smooth at params, got {values}.")
    return values, derivatives


def _values(function: Callable[[Array], ArrayLike], w: Array) -> Array:
    found = np.ravel(np.asarray(function(w)))
    if found.dtype == object and all(isinstance(number, complex) for number in found):
        found = found.astype(complex)
    if found.dtype.kind != "c":
        raise ValueError(
            f"function must return complex numbers for complex parameters, got {found.dtype}: it "
            "drops imaginary parts, as abs, float, .real and comparisons do, and so has no "
            "derivative here."
        )
    return found
