"""What users may give, and what they are told otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike

from sknewtonnet._names import must_be_one_of, unknown_name
from sknewtonnet._typing import Array
from sknewtonnet.calculus.pieces.validation import dense


def check_level(level: float) -> None:
    """Raise unless a confidence level is between 0 and 1."""
    number = isinstance(level, Real) and not isinstance(level, bool)
    if not number or not 0.0 < level < 1.0:
        raise ValueError(f"level must be above 0 and below 1, such as 0.95, got {level!r}.")


def check_choice(argument: str, given: object, allowed: Sequence[object]) -> None:
    """Raise unless it is one of the allowed values."""
    if not any(given is choice or given == choice for choice in allowed):
        raise ValueError(must_be_one_of(argument, given, allowed))


def check_grid(given: ArrayLike) -> Array:
    """Values of a feature: finite numbers, at least one."""
    try:
        values = np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise ValueError(f"grid must be a list of finite numbers, got {given!r}.")
    return values


def check_names(argument: str, names: Sequence[object], known: Sequence[str]) -> None:
    """Raise if a name is not known."""
    for name in names:
        if name not in known:
            raise ValueError(unknown_name(argument, name, known))


def listed(argument: str, names: object) -> list[str]:
    """One name or several as a list."""
    if isinstance(names, str):
        return [names]
    if not isinstance(names, Sequence | np.ndarray):
        raise ValueError(f"{argument} must be a name or a list of names, got {names!r}.")
    return list(names)


def check_samples(X: ArrayLike, feature_names: Sequence[str], named: bool) -> Array:
    """Samples as an array of numbers with the columns of the fit, which may have had names.

    Raises
    ------
    ValueError
        If there are other columns, or anything but finite numbers.
    """
    columns = list(getattr(X, "columns", []))
    names = bool(columns) and all(isinstance(name, str) for name in columns)
    if names and named and columns != list(feature_names):
        raise ValueError(
            f"X must have the columns of the fit in their order, {list(feature_names)}, "
            f"got {columns}."
        )
    try:
        given = np.asarray(dense("X", X))
        if np.iscomplexobj(given):
            raise ValueError("complex numbers have no place here")
        samples = given.astype(float, copy=False)
    except (TypeError, ValueError) as reason:
        raise ValueError(f"X must be numbers: {reason}.") from None
    if samples.ndim != 2 or samples.shape[1] != len(feature_names):
        raise ValueError(
            f"X must have shape (n_samples, {len(feature_names)}), got {samples.shape}."
        )
    if not np.isfinite(samples).all():
        raise ValueError("X must be finite, but contains NaN or infinity.")
    return samples


def check_rows(argument: str, given: ArrayLike, size: int) -> Array:
    """Finite numbers for parameters: one row of "params", several, or as many for "curvature"."""
    try:
        rows = np.array(given, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{argument} must be numbers, got {given!r}.") from None
    n_rows = size if argument == "curvature" else len(np.atleast_1d(rows))
    shape = (size,) if argument == "params" else (n_rows, size)
    if rows.shape != shape:
        several = f"({'n_rows' if argument != 'curvature' else size}, {size})"
        wanted = f"({size},)" if argument == "params" else several
        raise ValueError(f"{argument} must have shape {wanted}, got {rows.shape}.")
    if not np.isfinite(rows).all():
        raise ValueError(f"{argument} must be finite, but contains NaN or infinity.")
    return rows
