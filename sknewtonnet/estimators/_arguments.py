"""Checks of arguments that scikit-learn does not make."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from numbers import Real
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from sknewtonnet._typing import Array
from sknewtonnet.calculus import GaussianRBF, Network
from sknewtonnet.estimators._block_tables import refuse_blocks

T = TypeVar("T")

# Squares of these magnitudes, and products of squares with some thousand rows, are doubles.
LARGEST = 1e120
# Exponentials of logarithms of widths end at 1e43, and a unit may be narrower than the data.
SMALLEST_OF_WIDTHS = 1e-35


@contextmanager
def said_of_memory(solver: Any) -> Iterator[None]:
    """Say who asked, where numpy could not allocate what no guard has foreseen."""
    try:
        yield
    except MemoryError as reason:
        if not type(reason).__module__.startswith("numpy"):
            raise  # the user's own, or with words already
        other = "" if solver == "auto" else ', or solver="auto"'
        raise MemoryError(
            f"solver={solver!r} and the arrays of this net do not fit the memory: {reason}. Use "
            f"fewer units, simpler covariances, no constraints{other}."
        ) from reason


def own_copy(argument: str, given: T) -> T:
    """A copy that later changes of the user's object do not reach, or raise."""
    try:
        return deepcopy(given)
    except (TypeError, AttributeError) as reason:
        raise ValueError(f"{argument} cannot be copied: {reason}, got {given!r}.") from reason


def checked_params(params: ArrayLike, size: int) -> Array:
    """Parameters as a vector of finite numbers, or raise."""
    try:
        if np.iscomplexobj(params):
            raise ValueError
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
    if getattr(X, "shape", (1, 1))[1:] == (0,):
        raise ValueError(
            f"X has no columns: 0 feature(s) (shape={X.shape}) while a minimum of 1 is required."
        )
    if validation == {"reset": False} and _needs_nothing(estimator, X):
        return X
    refuse_blocks(X)
    with told_of_columns(X), named("X"):
        return validate_data(estimator, X, accept_sparse="csr", dtype=np.float64, **validation)


@contextmanager
def told_of_columns(X: Any) -> Iterator[None]:
    """Name the columns of a data frame that are no numbers."""
    try:
        yield
    except (TypeError, ValueError) as reason:
        columns = _columns(X)
        wrong = {name: str(values.dtype) for name, values in columns if not _is_number(values)}
        if not wrong:
            raise
        raise ValueError(
            f"X must be numbers, but has columns of other types: {wrong}. Encode categories, such "
            "as by OneHotEncoder in a ColumnTransformer, and give dates as numbers of days."
        ) from reason


def _columns(X: Any) -> list[tuple[Any, Any]]:
    """Names and values of the columns of a data frame; of other things, none."""
    if not hasattr(X, "columns"):
        return []
    if hasattr(X, "iloc"):  # of which several may have one name
        return [(name, X.iloc[:, j]) for j, name in enumerate(X.columns)]
    return [(name, X[name]) for name in X.columns] if hasattr(X, "get_columns") else []


def _needs_nothing(estimator: Any, X: Any) -> bool:
    """Whether rows to predict are finite doubles in an array of the fitted width.

    Then there is nothing for scikit-learn to convert or refuse, in more time than the prediction
    of a row takes.
    """
    if type(X) is not np.ndarray or X.dtype != np.float64 or not X.size:
        return False
    fitted = vars(estimator)
    if X.shape[1:] != (fitted["n_features_in_"],) or "feature_names_in_" in fitted:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(X.sum()))


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


def check_range(name: str, size: Array) -> None:
    """Raise a ValueError if squares of the largest magnitudes of columns are no doubles."""
    odd = np.flatnonzero((size > LARGEST) | ((size > 0.0) & (size < 1.0 / LARGEST)))
    if len(odd):
        raise ValueError(
            f"{name} must have columns whose largest magnitude is 0 or from {1 / LARGEST:g} to "
            f"{LARGEST:g}, since squares leave the range of doubles; got {size[odd[0]]:.3g} in "
            f"column {odd[0]}. Rescale it, or clean it."
        )


def check_widths(network: Network, size: Array, standardize: bool) -> None:
    """Raise a ValueError if inputs are too small for the logarithms of widths of radial units.

    ``size`` has the largest magnitude of each input. A spherical unit on standardised columns has
    one width for all of them, in their units.
    """
    layers = [layer for layer in network.layers if isinstance(layer, GaussianRBF)]
    if standardize:
        layers = [layer for layer in layers if layer.covariance_type != "spherical"]
    if not any(0 in layer.sources for layer in layers):
        return
    odd = np.flatnonzero((size > 0.0) & (size < SMALLEST_OF_WIDTHS))
    if len(odd):
        raise ValueError(
            "X must have columns whose largest magnitude is 0 or at least "
            f"{SMALLEST_OF_WIDTHS:g} for radial units, whose widths leave their range below that; "
            f"got {size[odd[0]]:.3g} in column {odd[0]}. Rescale it."
        )


def check_labels(name: str, labels: Any) -> None:
    """Raise a ValueError if labels are ragged, or some are NaN or what pandas has in its place."""
    array = _entries(name, labels)
    if array.dtype.kind == "O" and any(map(_missing, array.ravel())):
        raise ValueError(f"{name} has missing labels; fill them, or leave these rows out.")


def _entries(name: str, given: Any) -> NDArray[Any]:
    """An array with an entry for each row, or an error."""
    with named(name):
        array = np.asarray(given)
    if array.ndim == 0:
        raise ValueError(f"{name} must be an array with an entry for each row, got {given!r}.")
    return array


def _missing(label: Any) -> bool:
    na = type(label).__name__ in ("NAType", "NaTType")
    return na or bool(isinstance(label, Real) and label != label)


def check_no_text(name: str, given: object) -> None:
    """Raise a ValueError if a word stands where numbers should, such as one by position."""
    if isinstance(given, str):
        raise ValueError(
            f"{name} must have a number for each row, got {given!r}; other arguments are given by "
            'their names, such as cov_type="HC3".'
        )


@contextmanager
def named(name: str) -> Iterator[None]:
    """Name the argument in numpy's complaint about rows of several lengths, or cells of lists."""
    try:
        yield
    except ValueError as reason:
        if "setting an array element" not in str(reason):
            raise
        message = f"{name} must have rows of one length, with a value in each cell: {reason}"
        raise ValueError(message) from None


def check_target(y: Any, *, of_classes: bool) -> None:
    """Raise a ValueError for targets that are no classes, or no finite numbers."""
    check_dense(y)
    if of_classes:
        check_labels("y", y)
        check_classification_targets(y)
        return
    check_numbers(y)
    check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")


def check_numbers(y: ArrayLike) -> None:
    """Raise a ValueError that says what in a target is no number."""
    array = _entries("y", y)
    if array.dtype.kind in "OSU":
        try:
            array.astype(float)
        except (TypeError, ValueError) as reason:
            raise ValueError(f"y must be numbers: {reason}.") from None
