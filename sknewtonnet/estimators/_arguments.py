"""Checks of arguments that scikit-learn does not make."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import issparse
from sklearn.utils.validation import validate_data

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


def checked_table(estimator: Any, X: Any, **validation: Any) -> Any:
    """What :func:`sklearn.utils.validation.validate_data` returns; X may be sparse.

    Raises
    ------
    ValueError
        As that function does. Columns of a data frame that are no numbers are named.
    """
    try:
        return validate_data(estimator, X, accept_sparse="csr", dtype=np.float64, **validation)
    except (TypeError, ValueError) as reason:
        columns = {name: X[name].dtype for name in getattr(X, "columns", ())}
        wrong = {name: str(kind) for name, kind in columns.items() if not _is_number(X[name])}
        if not wrong:
            raise
        raise ValueError(
            f"X must be numbers, but has columns of other types: {wrong}. Encode categories, such "
            "as by OneHotEncoder in a ColumnTransformer, and give dates as numbers of days."
        ) from reason


def _is_number(column: Any) -> bool:
    """Whether a column of a data frame can be read as numbers."""
    if getattr(column.dtype, "kind", "O") in "mM":
        return False
    try:
        np.asarray(column).astype(float)
    except (TypeError, ValueError):
        return False
    return True


def check_dense(y: Any) -> None:
    """Raise a ValueError for a sparse target."""
    if issparse(y):
        raise ValueError(f"y must be dense, got a {type(y).__name__}; give y.toarray().")


def check_numbers(y: ArrayLike) -> None:
    """Raise a ValueError that says what in a target is no number."""
    array = np.asarray(y)
    if array.dtype.kind in "OSU":
        try:
            array.astype(float)
        except (TypeError, ValueError) as reason:
            raise ValueError(f"y must be numbers: {reason}.") from None
