"""Common part of estimators that fit a net and pass on its results."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.callback import CallbackSupportMixin
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sknewtonnet._sklearn import (
    CheckedParameters,
    LinkedPage,
    Method,
    VersionedPickles,
    fit_method,
    names_for_dir,
    set_fitted,
)
from sknewtonnet._threads import one_thread
from sknewtonnet._typing import Array
from sknewtonnet.estimators import (
    BaseNewtonNet,
    columns_through,
    fit_from,
    fit_of,
    pipeline_inference,
)
from sknewtonnet.inference import InferenceResults
from sknewtonnet.pruning._stage import Stage, checked_net, names_of, net_at_end, with_net


def _where_nets_have(name: str) -> Callable[[Method], Method]:
    """Decorate a method that is there if the net has one of that name."""

    def check(self: Any) -> bool:
        getattr(self.estimator, name)
        return True

    decorate: Callable[[Method], Method] = available_if(check)
    return decorate


@dataclass(frozen=True)
class NetTask:
    """Where scikit-learn's callbacks hear of the fit of a net, and of what it does.

    Attributes
    ----------
    context : CallbackContext
        The task of this fit.
    hooks : dict
        Estimator, data and metadata for the hooks.
    stage : Stage
        What comes before the net.
    key : str
        The fitted attribute that the net would be.
    """

    context: Any
    hooks: dict[str, Any]
    stage: Stage
    key: str

    @contextmanager
    def around(self, net: Any) -> Iterator[None]:
        """Around the fit of the net."""
        with self.context.propagate_callback_context(net):
            self.context.call_on_fit_task_begin(**self.hooks)
            yield
        self.context.call_on_fit_task_end(
            **self.hooks, reconstruction_attributes=lambda: {self.key: self.stage.assembled(net)}
        )


@dataclass(frozen=True)
class Task:
    """Where scikit-learn's callbacks hear of a fit.

    Parameters
    ----------
    context : CallbackContext
        The task of the whole fit.
    hooks : dict
        Estimator, data and metadata for the hooks.
    stage : Stage
        What comes before the net.
    """

    context: Any
    hooks: dict[str, Any]
    stage: Stage

    def part(self, name: str, key: str) -> NetTask:
        """The task of the fit of a net, which becomes the fitted attribute of that key."""
        return NetTask(self.context.subcontext(name), self.hooks, self.stage, key)

    def step(self, name: str, reconstruct: Callable[[], dict[str, Any]]) -> bool:
        """Tell of a part that is done; true if a callback asks to stop."""
        task = self.context.subcontext(name)
        task.call_on_fit_task_begin(**self.hooks)

        def assembled() -> dict[str, Any]:
            return {key: self.stage.assembled(net) for key, net in reconstruct().items()}

        return bool(task.call_on_fit_task_end(**self.hooks, reconstruction_attributes=assembled))


class MetaNet(
    CheckedParameters,
    CallbackSupportMixin,
    MetaEstimatorMixin,
    VersionedPickles,
    LinkedPage,
    BaseEstimator,
):
    """An estimator around a net; its predictions are those of the net."""

    estimator: BaseNewtonNet | Pipeline
    n_features_in_: int
    feature_names_in_: NDArray[Any]

    # Of the attribute that has the fitted net.
    _net_name: ClassVar[str]

    @property
    def _n_parts(self) -> int | None:
        """Parts of a fit of which callbacks hear; None if they are not known before."""
        return None

    @property
    def _model(self) -> Any:
        """What was fitted: the net, or the pipeline that it ends."""
        return getattr(self, self._net_name)

    @property
    def _net(self) -> Any:
        """The fitted net."""
        return net_at_end(self._model)

    def _inputs(self, X: Any) -> Any:
        """What the net reads."""
        steps = self._model.steps[:-1] if isinstance(self._model, Pipeline) else []
        return Pipeline(steps).transform(X) if steps else X

    @abstractmethod
    def _fitted(
        self, net: Any, X: ArrayLike, y: ArrayLike, rows: Mapping[str, ArrayLike], task: Task
    ) -> dict[str, Any]:
        """What a fit finds, from a clone of the net: fitted attributes by their names.

        What else is known of the rows, such as ``sample_weight``, is as the net's ``fit`` and
        ``inference`` take it.
        """

    @fit_method(nested_validation=True)
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
        *,
        exposure: ArrayLike | None = None,
    ) -> Self:
        """Fit the net, and go on from there.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative. A row of weight 2 counts like the row twice.
        offset, exposure : array-like, default=None
            Known terms of the rows, as in the net's ``fit``.

        Returns
        -------
        Self
            The fitted estimator.

        Raises
        ------
        ValueError
            If ``estimator`` is no net of this package, nor a pipeline that ends in one, or its
            fit is no minimum.
        """
        net = checked_net(self.estimator)
        stage = Stage.of(self.estimator, X, y)
        rows = those_given(sample_weight=sample_weight, offset=offset, exposure=exposure)
        hooks = {"estimator": self, "X": X, "y": y, "metadata": rows or None}
        context = self._init_callback_context(max_subtasks=self._n_parts)
        context.call_on_fit_task_begin(**hooks)
        with one_thread():
            found = self._fitted(net, stage.inputs(X), y, rows, Task(context, hooks, stage))
        found[self._net_name] = stage.assembled(found[self._net_name])
        found |= stage.features(found[self._net_name], X)
        if "support_" in found:
            found["support_"] = stage.support(found["support_"])
        set_fitted(self, found)
        context.call_on_fit_task_end(**hooks, reconstruction_attributes=lambda: found)
        return self

    def confirm(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        cov_type: str | None = None,
        *,
        offset: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
    ) -> InferenceResults:
        """Inference for the chosen form of net, on data that had no part in the choice.

        The net is fitted to these data from its present parameters, with its present connections
        and the strength of its penalty. Its p-values are therefore free of the selection.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Other samples than those of the fit.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Their weights.
        cov_type : str, default=None
            Covariance, as in the net's ``inference``: "bayesian" under a penalty, "hessian"
            without, unless there is no likelihood.
        offset, exposure : array-like, default=None
            Their known terms.

        Returns
        -------
        InferenceResults
            Statistics of the net on the new data.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If feature names or classes differ from those of the fit, or ``inference`` raises.
        """
        check_is_fitted(self)
        if hasattr(self, "feature_names_in_"):
            given = list(getattr(X, "columns", []))
            if given != list(self.feature_names_in_):
                raise ValueError(
                    "X must be a data frame with the feature names of the fit in their order, "
                    f"{list(self.feature_names_in_)}, got {given or 'no names'}."
                )
        if is_classifier(self._net) and np.ndim(y) == 1:
            labels = np.unique(y)
            if not np.array_equal(labels, self.classes_):
                raise ValueError(
                    f"y must have all the classes of the fit, {self.classes_.tolist()}, got "
                    f"{labels.tolist()}; split the data with stratify=y."
                )
        rows = those_given(sample_weight=sample_weight, offset=offset, exposure=exposure)
        Z = self._inputs(X)
        net = fit_from(with_chosen_alpha(self._net), fit_of(self._net), Z, y, **rows)
        return _inference(with_net(self._model, net), X, y, cov_type=cov_type, **rows)

    def inference(self, X: ArrayLike, y: ArrayLike, *args: Any, **kwargs: Any) -> InferenceResults:
        """Inference for the net; the summary says that p-values come after a selection.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The data of the fit.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Its targets.
        *args, **kwargs
            As in the net's ``inference``.

        Returns
        -------
        InferenceResults
            Statistics of the net on the data of the fit.
        """
        check_is_fitted(self)
        return _inference(self._model, X, y, *args, **kwargs)

    def __dir__(self) -> list[str]:
        """Names of what is there."""
        return names_for_dir(self)

    @property
    def feature_importance_(self) -> Array:
        """Importance of each feature in the net, of shape (n_features_in_,); it sums to one.

        Behind a preprocessing, of each column before it.
        """
        check_is_fitted(self)
        found: Array = self._net.feature_importance_
        if not isinstance(self._model, Pipeline):
            return found
        names = names_of(self)
        sources = [
            names.index(column.source) for column in columns_through(self._model[:-1], names)
        ]
        return np.bincount(sources, weights=found, minlength=len(names)).astype(float)

    @property
    def feature_importances_(self) -> Array:
        """``feature_importance_`` under scikit-learn's name."""
        return self.feature_importance_

    @property
    def classes_(self) -> NDArray[Any]:
        """Class labels, of shape (n_classes,); only of classifiers."""
        labels: NDArray[Any] = self._net.classes_
        return labels

    @_where_nets_have("predict")
    def predict(
        self, X: ArrayLike, offset: ArrayLike | None = None, *, exposure: ArrayLike | None = None
    ) -> NDArray[Any]:
        """Predict with the net.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples, with all columns of the fit.
        offset, exposure : array-like, default=None
            Known terms of the rows, as in the net's ``fit``.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions of the net.
        """
        check_is_fitted(self)
        found: NDArray[Any] = self._net.predict(
            self._inputs(X), **those_given(offset=offset, exposure=exposure)
        )
        return found

    @_where_nets_have("predict_proba")
    def predict_proba(self, X: ArrayLike, offset: ArrayLike | None = None) -> Array:
        """Class probabilities of the net.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples, with all columns of the fit.
        offset : array-like, default=None
            Known terms of the logits, as in the net's ``fit``.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        check_is_fitted(self)
        found: Array = self._net.predict_proba(self._inputs(X), offset)
        return found

    @_where_nets_have("predict_log_proba")
    def predict_log_proba(self, X: ArrayLike, offset: ArrayLike | None = None) -> Array:
        """Predict logarithms of class probabilities.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples, with all columns of the fit.
        offset : array-like, default=None
            Known terms of the logits, as in the net's ``fit``.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        check_is_fitted(self)
        found: Array = self._net.predict_log_proba(self._inputs(X), offset)
        return found

    def score(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
        *,
        exposure: ArrayLike | None = None,
    ) -> float:
        """R^2 or accuracy of the net.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.
        offset, exposure : array-like, default=None
            Known terms of the rows, as in the net's ``fit``.

        Returns
        -------
        float
            R^2 of a regressor, accuracy of a classifier.
        """
        check_is_fitted(self)
        rows = those_given(sample_weight=sample_weight, offset=offset, exposure=exposure)
        return float(self._net.score(self._inputs(X), y, **rows))

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that this is what the net is."""
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.estimator_type = inner.estimator_type
        tags.classifier_tags = deepcopy(inner.classifier_tags)
        tags.regressor_tags = deepcopy(inner.regressor_tags)
        tags.target_tags = deepcopy(inner.target_tags)
        tags.input_tags.sparse = inner.input_tags.sparse
        return tags


def those_given(**arguments: ArrayLike | None) -> dict[str, Any]:
    """Those arguments that are not None."""
    return {name: value for name, value in arguments.items() if value is not None}


def _inference(model: Any, X: ArrayLike, y: ArrayLike, *args: Any, **kwargs: Any) -> Any:
    """Inference for a net, or for a pipeline in the columns before it."""
    if isinstance(model, Pipeline):
        return pipeline_inference(model, X, y, *args, **kwargs)
    return model.inference(X, y, *args, **kwargs)


def with_chosen_alpha(net: Any) -> Any:
    """A clone of a fitted net that takes its penalty as given, even if the fit has chosen it."""
    return clone(net).set_params(alpha=net.alpha_)


def advice(*critical_points: str) -> str:
    """Advice for fits that are no minimum."""
    if set(critical_points) & {"saddle", "maximum", "not stationary"}:
        return " Raise max_iter, n_init or alpha."
    return ""
