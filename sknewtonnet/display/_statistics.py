"""What the pictures of statistics share: from a fitted model to its results, labels, outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_consistent_length

from sknewtonnet._names import must_be_one_of, unknown_name
from sknewtonnet._typing import Ints
from sknewtonnet.display._base import Display
from sknewtonnet.display._nets import fitted_net
from sknewtonnet.estimators import pipeline_inference
from sknewtonnet.formula import FormulaFit
from sknewtonnet.inference import InferenceResults


class StatisticsDisplay(Display):
    """Base class of the displays of results of the inference."""

    @classmethod
    def from_results(cls, results: InferenceResults, *, ax: Any = None, **keywords: Any) -> Self:
        """Draw what is in results of the inference.

        Parameters
        ----------
        results : InferenceResults
            Those of the ``inference`` of a net.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.
        **keywords : dict
            Those of the display, and of :meth:`plot`.

        Returns
        -------
        Display
            The display, drawn.
        """
        raise NotImplementedError

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        offset: Any = None,
        *,
        exposure: Any = None,
        inference_kwargs: Mapping[str, Any] | None = None,
        ax: Any = None,
        **keywords: Any,
    ) -> Self:
        """Draw the statistics of a fitted net, or of a pipeline that ends in one.

        Parameters
        ----------
        estimator : estimator
            Fitted; a net, or what :func:`sknewtonnet.pipeline_inference` takes.
        X, y, sample_weight, offset : array-like
            The data of the fit. Where rows have labels, they are those of the index of X.
        exposure : array-like, default=None
            The exposure of the fit.
        inference_kwargs : mapping of str to object, default=None
            Further arguments of the inference, such as ``cov_type`` and ``groups``.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.
        **keywords : dict
            As in :meth:`from_results`.

        Returns
        -------
        Display
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If there is no net of this package, or names stand where data should.
        ValueError
            If the data do not fit together, or an argument is not allowed.
        """
        if isinstance(estimator, FormulaFit):
            raise TypeError(
                f"{cls.__name__}.from_estimator takes a net with X and y; of a fit by a formula "
                f"there is {cls.__name__}.from_results(fit.inference(data))."
            )
        cls._check_own(cls.from_results, ax, keywords)
        fitted_net(estimator, cls.__name__)
        _check_no_names(cls.__name__, X, y=y, sample_weight=sample_weight)
        check_consistent_length(X, y, sample_weight)
        given = {"sample_weight": sample_weight, "offset": offset, "exposure": exposure}
        given = {name: value for name, value in given.items() if value is not None}
        given |= inference_kwargs or {}
        if hasattr(estimator, "inference"):
            results = estimator.inference(X, y, **given)
        else:
            results = pipeline_inference(estimator, X, y, **given)
        names = cls._of_table(X, y, sample_weight)
        return cls.from_results(results, ax=ax, **(names | keywords))

    @classmethod
    def _of_table(cls, X: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        """What a display takes of the labels and names of a table, as keywords."""
        return {}

    def _panels(
        self,
        n_panels: int,
        n_columns: int,
        ax: Any,
        size: tuple[float, float],
        alone: tuple[float, float] | None = None,
    ) -> list[Any]:
        """As many axes as there are panels, row by row, in place of those of an earlier picture.

        ``size`` is that of a panel of a new figure, ``alone`` that of a new figure with one.
        """
        for old in ("ax_", "axes_"):
            vars(self).pop(old, None)
        if n_panels == 1:
            return [self._place(ax, alone)]
        n_columns = min(n_columns, n_panels)
        places = list(self._places(-(-n_panels // n_columns), n_columns, ax, size=size).ravel())
        for place in places[n_panels:]:
            place.axis("off")
        return places[:n_panels]


class RowsDisplay(StatisticsDisplay):
    """Base class of the displays whose points are rows of the table, with labels."""

    @classmethod
    def _of_table(cls, X: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        index = getattr(X, "index", None)
        if index is None or callable(index):  # a list has a method of that name
            return {}
        labels: NDArray[Any] = np.asarray(index)
        # Rows of weight zero are not in the fit.
        return {
            "labels": labels if sample_weight is None else labels[np.asarray(sample_weight) > 0]
        }


def check_results(results: Any) -> None:
    """Raise unless these are results of the inference.

    Raises
    ------
    TypeError
        If they are something else.
    """
    if not isinstance(results, InferenceResults):
        raise TypeError(
            "results must be those of the inference of a net, net.inference(X, y), "
            f"got {type(results).__name__}; from_estimator takes a net with its data."
        )


def _check_no_names(caller: str, X: Any, **data: Any) -> None:
    """Raise if a user gave names of features, or another choice, by position."""
    for argument, given in data.items():
        names = [given] if isinstance(given, str) else given
        listed = isinstance(names, (list, tuple)) and names and isinstance(names[0], str)
        if listed and len(names) != np.shape(X)[0]:  # else they are labels of classes
            raise TypeError(
                f"{argument} must be an array with an entry for each row, got {given!r}; "
                f"{caller}.from_estimator takes the data by position and all else by keyword, "
                "such as features=[...]."
            )


def check_level(level: float) -> None:
    """Raise unless it is between 0 and 1.

    Raises
    ------
    ValueError
        If it is not.
    """
    if not isinstance(level, Real) or not 0.0 < level < 1.0:
        raise ValueError(f"level must be above 0 and below 1, such as 0.95, got {level!r}.")


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


def output_number(output: int | str, names: Sequence[str], argument: str = "output") -> int:
    """The position of an output, or class, that is given by its name or position.

    Raises
    ------
    ValueError
        If there is none.
    """
    if isinstance(output, str):
        if output not in names:
            raise ValueError(unknown_name(argument, output, names))
        return list(names).index(output)
    known = list(range(len(names)))
    if isinstance(output, bool) or output not in known:
        raise ValueError(must_be_one_of(argument, output, [*known, *names]))
    return int(output)


def names_of_features(argument: str, given: Any, known: Sequence[str]) -> list[str]:
    """Names of features that are given by position or name; other names stay.

    Raises
    ------
    ValueError
        If there is no such position.
    """
    one = isinstance(given, str) or not np.iterable(given)
    chosen = [given] if one else list(given)
    return [
        name if isinstance(name, str) else known[output_number(name, known, argument)]
        for name in chosen
    ]


def name_of(y: Any) -> dict[str, Any]:
    """The name that a target has as a column, as a keyword."""
    name = getattr(y, "name", None)
    return {"target_name": name} if isinstance(name, str) else {}


def names_of_outputs(results: InferenceResults, target_name: str | None) -> tuple[str, ...]:
    """Names of the outputs; that of a single target may be another one."""
    names, loss = results.output_names, results.information.objective.loss
    if target_name is None or names != ("y",) or loss.for_classes:
        return names
    return (target_name,)


def column(values: NDArray[Any], output: int) -> NDArray[Any]:
    """The numbers of one output, of arrays that have a second axis where there are several."""
    return values if values.ndim == 1 else values[:, output]


def largest(values: NDArray[Any], n: int) -> Ints:
    """Positions of the largest numbers, the largest first; NaN is none of them."""
    known = np.flatnonzero(np.isfinite(values))
    return known[np.argsort(-values[known], kind="stable")][: max(n, 0)]


def features_or_factors(
    results: InferenceResults, groups: Mapping[str, Sequence[str]] | None
) -> list[str]:
    """The features, with factors in the place of their levels."""
    factors = results.factors if groups is None else groups
    owner = {name: factor for factor, names in factors.items() for name in names}
    return list(dict.fromkeys(owner.get(name, name) for name in results.feature_names))
