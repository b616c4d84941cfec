"""What displays are asked for: results of a fitted model, an output of it, labels of its rows."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from sknewtonnet._names import must_be_one_of, unknown_name
from sknewtonnet.estimators import pipeline_inference
from sknewtonnet.inference import InferenceResults


def results_of(
    estimator: Any, X: Any, y: Any, inference_kwargs: Mapping[str, Any] | None
) -> InferenceResults:
    """The inference of a fitted net, or of a pipeline that ends in one.

    Parameters
    ----------
    estimator : estimator
        A fitted net, or what :func:`sknewtonnet.pipeline_inference` takes.
    X, y : array-like
        The data of the fit.
    inference_kwargs : mapping or None
        Further arguments of ``inference``, such as ``sample_weight`` and ``cov_type``.

    Returns
    -------
    InferenceResults

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    ValueError
        If X and y do not have as many rows, or the inference refuses them.
    """
    check_is_fitted(estimator)
    check_consistent_length(X, y)
    ask = getattr(estimator, "inference", partial(pipeline_inference, estimator))
    found: InferenceResults = ask(X, y, **(inference_kwargs or {}))
    return found


def index_of(X: Any, inference_kwargs: Mapping[str, Any] | None) -> NDArray[Any] | None:
    """The index of a table, without rows of weight zero, which are not in the fit; or None."""
    index = getattr(X, "index", None)
    if index is None or callable(index):  # a list has a method of that name
        return None
    labels: NDArray[Any] = np.asarray(index)
    weight = (inference_kwargs or {}).get("sample_weight")
    return labels if weight is None else labels[np.asarray(weight) > 0]


def row_labels(labels: ArrayLike | None, n_rows: int) -> NDArray[Any]:
    """Labels of the rows of a fit: their positions, if there are none.

    Raises
    ------
    ValueError
        If there are more or fewer than rows.
    """
    if labels is None:
        return np.arange(n_rows)
    found: NDArray[Any] = np.asarray(labels)
    if found.shape != (n_rows,):
        raise ValueError(
            f"labels must have one entry for each of the {n_rows} rows of the fit, "
            f"got {found.shape}."
        )
    return found


def output_number(output: int | str, names: Sequence[str]) -> int:
    """The position of an output, or class, that is given by its name or position.

    Raises
    ------
    ValueError
        If there is none.
    """
    if isinstance(output, str):
        if output not in names:
            raise ValueError(unknown_name("output", output, names))
        return list(names).index(output)
    known = list(range(len(names)))
    if isinstance(output, bool) or output not in known:
        raise ValueError(must_be_one_of("output", output, [*known, *names]))
    return int(output)


def column(values: NDArray[Any], output: int) -> NDArray[Any]:
    """The numbers of one output, of arrays that have a second axis where there are several."""
    return values if values.ndim == 1 else values[:, output]
