"""Inference for nets behind a preprocessing, in the columns and units of the table."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted

from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.standardization import Units
from sknewtonnet.calculus.pieces.validation import dense
from sknewtonnet.estimators._base import BaseNewtonNet, feature_names
from sknewtonnet.estimators._columns import Column, affine, columns_after
from sknewtonnet.inference import InferenceResults


def pipeline_inference(
    model: Any,
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    **kwargs: Any,
) -> InferenceResults:
    """Inference for a fitted pipeline that ends in a net, in the units before the preprocessing.

    The net is written as a net of the columns of the table: scalers of inputs and target are
    undone in its weights, exactly, and the features of the results have the names and units that
    the table has. Levels of a categorical column are features like "sex_female", and
    ``results.factors`` lists those of each column, for tests of the whole column.

    Parameters
    ----------
    model : Pipeline, TransformedTargetRegressor, or what is fitted around them
        Fitted, with a net of this package at its end, also one that
        :class:`sknewtonnet.BackwardPruning`, :class:`sknewtonnet.InformationCriterionSearch` or a
        search of scikit-learn has found. Steps before the net may be ColumnTransformer and
        FeatureUnion, scalers (StandardScaler, RobustScaler, MinMaxScaler, MaxAbsScaler),
        imputers, OneHotEncoder, OrdinalEncoder (its codes are the units) and selectors.
    X : array-like or data frame of shape (n_samples, n_columns)
        The table of the fit, before the preprocessing.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Its targets, before any transformation.
    sample_weight : array-like of shape (n_samples,), default=None
        Its weights.
    **kwargs
        As in the ``inference`` of the net.

    Returns
    -------
    InferenceResults
        With the target in its own units after a scaler. After another transformation of the
        target, such as its logarithm, all is in units of the transformed target, which is named
        so: "log(y)". Missing values count as what the imputer put in their place.

    Raises
    ------
    NotFittedError
        If it is not fitted.
    TypeError
        If it is no estimator.
    ValueError
        If there is no net of this package at the end, a step mixes columns or bends them (PCA,
        polynomials, quantiles), the net has no intercepts to undo a shift, an argument is not
        allowed, or an offset meets a target that is transformed.

    See Also
    --------
    sknewtonnet.inference.infer : Inference of any net at a minimum.
    columns_through : What the preprocessing makes of the columns.
    sknewtonnet.inference.InferenceResults : What it returns.

    Notes
    -----
    With z = (u - a) / b for each column, and the weights w of a net on z, the net on u has
    weights w / b, and intercepts that are less by the sum of w a / b. The penalty stays that of
    the fit, a function of w. So results are those of a net with ``standardize=True`` on the
    columns of the table, where the preprocessing does what that does.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sknewtonnet import NewtonMLPRegressor, pipeline_inference
    >>> rng = np.random.default_rng(0)
    >>> X = 100.0 * rng.normal(size=(200, 2))
    >>> y = 0.5 * X[:, 0] + rng.normal(size=200)
    >>> pipe = make_pipeline(StandardScaler(), NewtonMLPRegressor((), alpha=0.0)).fit(X, y)
    >>> results = pipeline_inference(pipe, X, y)
    >>> results.marginal_effects(["x0"]).effects.round(2).tolist()
    [0.5]
    """
    if not hasattr(model, "fit"):
        raise TypeError(
            "model must be a fitted Pipeline or TransformedTargetRegressor with a net of this "
            f"package at its end, got {type(model).__name__}."
        )
    check_is_fitted(model)
    parts = _Parts.of(model)
    columns = parts.columns(_column_names(model, X))
    target = _TargetUnits.of(parts.target, y, parts.net)
    if target.transformed and any(kwargs.get(name) is not None for name in ("offset", "exposure")):
        raise ValueError(
            "an offset or exposure belongs to the raw predictions of the net, and the target is "
            "transformed here: use the inference of the net itself."
        )
    net = _in_units(parts.net, columns, target)
    results = net.inference(parts.table(X, columns), target.y, sample_weight, **kwargs)
    references = {column.source: column.reference for column in columns if column.reference}
    return results.of_table(_factors(columns), _Prepared(parts, tuple(columns)), references)


def columns_through(before: Pipeline, names: Sequence[str]) -> list[Column]:
    """Follow the columns of a table through the steps before a net.

    A column that is moved and scaled, or one level of a category, is undone in the weights of the
    net; :func:`pipeline_inference` reports in the units of the table.

    Parameters
    ----------
    before : Pipeline
        These steps, fitted.
    names : sequence of str
        Names of the columns of the table.

    Returns
    -------
    list of Column
        Each with its source in the table, and a name of its own.

    Raises
    ------
    ValueError
        If a step mixes columns, or bends them.

    See Also
    --------
    pipeline_inference : The inference that needs it.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> from sknewtonnet.estimators import columns_through
    >>> scaler = make_pipeline(MinMaxScaler()).fit(np.array([[20.0], [70.0]]))
    >>> age = columns_through(scaler, ["age"])[0]
    >>> age.name, round(age.shift, 6), round(age.scale, 6)
    ('age', 20.0, 50.0)
    """
    found = columns_after(before, [Column(name, name) for name in names], "")
    given = [column.name for column in found]
    return [
        column if given.count(column.name) == 1 else replace(column, name=f"{column.name}_{k}")
        for k, column in enumerate(found)
    ]


@dataclass(frozen=True, eq=False)
class _Parts:
    """A fitted model, taken apart.

    Parameters
    ----------
    steps : tuple of (str, transformer)
        What X goes through.
    target : transformer or None
        What y goes through.
    net : BaseNewtonNet
        The net at the end.
    """

    steps: tuple[tuple[str, Any], ...]
    target: Any
    net: BaseNewtonNet

    @classmethod
    def of(cls, model: Any) -> _Parts:
        steps: list[tuple[str, Any]] = []
        target, inner = None, model
        while not isinstance(inner, BaseNewtonNet):
            if isinstance(inner, Pipeline):
                steps += inner.steps[:-1]
                inner = inner.steps[-1][1]
            elif isinstance(inner, TransformedTargetRegressor) and target is None:
                target, inner = inner.transformer_, inner.regressor_
            else:
                found = (getattr(inner, name, None) for name in ("best_estimator_", "estimator_"))
                inner = next((each for each in found if each is not None), None)
            if inner is None or isinstance(inner, str):
                raise ValueError(
                    "model must be a fitted Pipeline or TransformedTargetRegressor with a net of "
                    f"this package at its end, got {model!r}."
                )
        if not hasattr(inner, "n_features_in_"):  # what an ensemble makes its nets of
            raise ValueError(
                f"model must end in one fitted net of this package, got {type(model).__name__}: "
                "ask each of its nets for its inference."
            )
        return cls(tuple(steps), target, inner)

    def columns(self, names: Sequence[str]) -> list[Column]:
        """The columns that the net reads, under names that tell them apart."""
        found = columns_through(Pipeline([*self.steps, ("net", "passthrough")]), names)
        if len(found) != self.net.n_features_in_:
            raise ValueError(
                f"the steps before the net return {len(found)} columns by what they are, but the "
                f"net was fitted to {self.net.n_features_in_}."
            )
        return found

    def table(self, X: Any, columns: Sequence[Column]) -> Array:
        """The columns that the net reads, in the units of the table."""
        for _, step in self.steps:
            if step is not None and step != "passthrough":
                X = step.transform(X)
        Z = np.asarray(dense("X", X), dtype=float)
        shift, scale = _moments(columns)
        return shift + scale * Z


@dataclass(frozen=True, eq=False)
class _Prepared:
    """From a table of the user to the columns of the results."""

    parts: _Parts
    columns: tuple[Column, ...]

    def __call__(self, X: ArrayLike) -> Array:
        return self.parts.table(X, self.columns)


@dataclass(frozen=True, eq=False)
class _TargetUnits:
    """The target of the results, and how that of the fit goes back to it.

    Parameters
    ----------
    y : array-like
        The target as it is reported.
    shift, scale : ndarray of shape (n_outputs,) or float
        That of the fit stands for shift + scale times itself.
    label : str
        Of a transformation that is not undone; else empty.
    transformed : bool
        Whether the fit saw anything else than y.
    """

    y: Any
    shift: Any = 0.0
    scale: Any = 1.0
    label: str = ""
    transformed: bool = False

    @classmethod
    def of(cls, transformer: Any, y: Any, net: BaseNewtonNet) -> _TargetUnits:
        if transformer is None:
            return cls(y)
        if isinstance(transformer, FunctionTransformer) and transformer.func is None:
            return cls(y)
        units = affine(transformer, net.n_outputs_)
        if units is not None and net._fit_.loss.of_differences:
            return cls(y, *units, transformed=True)
        values = np.asarray(y, dtype=float)
        found: NDArray[Any] = np.asarray(transformer.transform(values.reshape(len(values), -1)))
        if values.ndim == 1 and found.shape[1] == 1:
            found = found[:, 0]
        named = getattr(transformer, "func", None) or type(transformer)
        label = getattr(named, "__name__", type(transformer).__name__)
        return cls(found, label=label, transformed=True)


def _in_units(net: BaseNewtonNet, columns: Sequence[Column], target: _TargetUnits) -> Any:
    """The fitted net as one of columns, and of a target, in other units."""
    fit = net._shown
    problem, given = fit.problem, fit.problem.units
    n_outputs = net.n_outputs_
    if given is None:
        n_features = len(columns)
        ones = np.ones(n_features), np.ones(n_outputs)
        given = Units(np.zeros(n_features), ones[0], np.zeros(n_outputs), ones[1])
    shift, scale = _moments(columns)
    units = Units(
        shift + scale * given.shift,
        scale * given.scale,
        target.shift + target.scale * given.out_shift,
        target.scale * given.out_scale,
    )
    names = tuple(column.name for column in columns)
    outputs = problem.network.output_names
    if target.label:
        outputs = tuple(f"{target.label}({name})" for name in outputs)
    network = problem.network.with_names(names, outputs)
    problem = replace(problem, network=network, feature_names=names, units=units)
    if problem.original is None or problem.original.units is not units:
        raise ValueError(
            "the net has no intercepts, or layers of its own, or columns of different units share "
            "parameters, so a shift or scale of its columns cannot be undone: ask it for its "
            "inference on the columns that it reads."
        )
    found: Any = copy.copy(net)
    found.__dict__.pop("feature_names_in_", None)  # the network has the names
    found.__dict__.update(found._attributes(replace(fit, problem=problem).on(None)))
    return found


def _moments(columns: Sequence[Column]) -> tuple[Array, Array]:
    found = np.array([(column.shift, column.scale) for column in columns], dtype=float)
    shift, scale = found.reshape(-1, 2).T
    return shift, scale


def _factors(columns: Sequence[Column]) -> dict[str, tuple[str, ...]]:
    """Columns of the table that became several, or levels, with the features they became."""
    found: dict[str, list[str]] = {}
    for column in columns:
        found.setdefault(column.source, []).append(column.name)
    return {source: tuple(names) for source, names in found.items() if names != [source]}


def _column_names(model: Any, X: Any) -> tuple[str, ...]:
    """Names of the columns of the table; x0, x1, ... where they have none."""
    if hasattr(model, "n_features_in_"):
        return feature_names(model)
    names = getattr(X, "columns", range(np.shape(X)[1]))
    return tuple(name if isinstance(name, str) else f"x{name}" for name in names)
