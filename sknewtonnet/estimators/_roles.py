"""What makes a net a regressor or a classifier: its target, its loss, its predictions."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_expit, log_softmax
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score

from sknewtonnet._sklearn import Names, RegisteredNames
from sknewtonnet._typing import Array
from sknewtonnet.calculus import LOSSES, Loss, get_loss
from sknewtonnet.calculus.pieces.known_terms import KnownTerms
from sknewtonnet.calculus.pieces.validation import check_truth
from sknewtonnet.estimators._arguments import own_copy
from sknewtonnet.estimators._block_predictions import OnBlock, score_of_blocks
from sknewtonnet.estimators._block_tables import Samples, blocks_of, known_features
from sknewtonnet.estimators._parameters import ClassWeight
from sknewtonnet.estimators._targets import ClassTarget, RegressionTarget


def _refuses_negative(loss: Any) -> bool:
    """Whether the loss rejects negative targets; False if it is invalid."""
    try:
        found = get_loss(loss, 1)
    except ValueError:
        return False
    try:
        found.check_target(np.array([[-1.0]]))
    except ValueError:
        return True
    return False


class RegressorRole(RegressorMixin):
    """Numbers as targets; goes left of :class:`BaseNewtonNet`."""

    loss: str | Loss

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "loss": [RegisteredNames(LOSSES, lambda loss: not loss.for_classes), Loss],
    }

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that several outputs are fine."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.positive_only = _refuses_negative(self.loss)
        return tags

    def _describe_target(
        self, y: Any, names: tuple[str, ...] | None, sample_weight: Array
    ) -> RegressionTarget:
        return RegressionTarget.of(y, names)

    def _make_loss(self, target: RegressionTarget, n_outputs: int) -> Loss:
        return get_loss(own_copy("loss", self.loss), n_outputs)

    @overload
    def predict(
        self,
        X: Samples,
        return_std: Literal[False] = False,
        offset: ArrayLike | None = None,
        *,
        exposure: ArrayLike | None = None,
    ) -> Array: ...

    @overload
    def predict(
        self,
        X: Samples,
        return_std: Literal[True],
        offset: ArrayLike | None = None,
        *,
        exposure: ArrayLike | None = None,
    ) -> tuple[Array, Array]: ...

    def predict(
        self,
        X: Samples,
        return_std: bool = False,
        offset: ArrayLike | None = None,
        *,
        exposure: ArrayLike | None = None,
    ) -> Array | tuple[Array, Array]:
        """Predict the target, and on request how well its mean is known.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples, in any form that ``fit`` takes; blocks may be samples alone. Of a dask array
            or data frame, predictions are such, and wait to be computed.
        return_std : bool, default=False
            Whether to return standard errors, too.
        offset, exposure : array-like, default=None
            Known terms of the rows, as in ``fit``.

        Returns
        -------
        mean : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The mean that the loss fits, of the shape of the target of the fit.
        std : ndarray of the shape of mean
            Only with ``return_std``: standard errors of the means, those of
            ``inference(X, y).get_prediction``, by its default covariance with the weights of the
            fit as counts. The scatter of new observations is not in them: under squared errors
            theirs is ``(std**2 + dispersion)**0.5``, with ``dispersion`` of the inference. NaN
            where the data do not determine a mean, or the fit has no covariance.

        Raises
        ------
        ValueError
            If X does not match the data of the fit, or another argument is not as above.

        Warns
        -----
        UserWarning
            If the fit had an offset or exposure and none is given here: it then is 0, or 1. If a
            standard error is NaN.

        Notes
        -----
        The fit keeps the covariance of its parameters, P^2 numbers, for up to 1000 parameters.
        Standard errors cost about n P^2 flops.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> X = np.linspace(-2.0, 2.0, 60)[:, None]
        >>> y = np.tanh(X[:, 0]) + 0.1 * np.cos(40.0 * X[:, 0])
        >>> net = NewtonMLPRegressor((1,), alpha=0.0, random_state=0).fit(X, y)
        >>> mean, std = net.predict([[0.0], [4.0]], return_std=True)
        >>> bool(std[0] < std[1])  # beyond the data
        True
        """
        check_truth("return_std", return_std)
        known = KnownTerms(offset, exposure)
        found = self._by_blocks("predict", X, known, return_std=return_std)
        if found is not None:
            return found
        mean = self._predicted(self._raw_prediction(X, known))
        if not return_std:
            return mean
        return mean, self._mean_errors(X, known).reshape(mean.shape)

    def score(
        self,
        X: Samples,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
        *,
        exposure: ArrayLike | None = None,
    ) -> float:
        """R^2 of the predictions, the mean over outputs.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples, in any form that ``fit`` takes; blocks hold their targets and weights.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.
        offset, exposure : array-like, default=None
            Known terms of the rows, as in ``fit``.

        Returns
        -------
        float
            1 for perfect predictions, 0 for the mean of y.
        """
        known = KnownTerms(offset, exposure)
        blocks = blocks_of(X, y, sample_weight, known, known_features(self))
        if blocks is not None:
            return score_of_blocks(blocks, OnBlock(self, "predict", {}))
        predicted = self._predicted(self._raw_prediction(X, known))
        return float(r2_score(y, predicted, sample_weight=sample_weight))

    def predict_at(
        self,
        params: ArrayLike,
        X: Samples,
        offset: ArrayLike | None = None,
        *,
        exposure: ArrayLike | None = None,
    ) -> Array:
        """Predict the target with other parameters, such as those of a bootstrap.

        ``predict_at(net.params_, X)`` is ``predict(X)``; tools that vary parameters, for delta
        methods or draws from their distribution, need no copies of the net.

        Parameters
        ----------
        params : array-like of shape (n_parameters,)
            Parameters in the order of ``params_`` and ``parameter_names_``.
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples, as in :meth:`predict`.
        offset, exposure : array-like, default=None
            Known terms of the rows, as in ``fit``.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            As :meth:`predict` gives it.

        Raises
        ------
        ValueError
            If the parameters have a wrong shape or are not finite.
        """
        known = KnownTerms(offset, exposure)
        found = self._by_blocks("predict_at", X, known, params=params)
        if found is not None:
            return found
        return self._predicted(self._raw_prediction(X, known, params))

    def _predicted(self, raw: Array) -> Array:
        """Predictions, of the shape of the target, from raw ones."""
        fit = self._fit_
        return fit.problem.target.decode(fit.loss.inverse_link(raw))


class ClassifierRole(ClassifierMixin):
    """Classes or labels as targets; goes left of :class:`BaseNewtonNet`."""

    class_weight: ClassWeight
    classes_: NDArray[Any]

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "class_weight": [dict, list, Names({"balanced"}), None],
    }

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that several labels are fine."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _describe_target(
        self, y: Any, names: tuple[str, ...] | None, sample_weight: Array
    ) -> ClassTarget:
        return ClassTarget.of(y, names, self.class_weight, sample_weight)

    def _make_loss(self, target: ClassTarget, n_outputs: int) -> Loss:
        if target.multilabel:
            return get_loss("binary_log_loss", n_outputs)
        return get_loss("log_loss", n_outputs)

    def _logits(self, raw: Array) -> Array:
        """The raw predictions, or what the activation of the last layer makes of them."""
        return self._fit_.problem.network.layers[-1].activation.value(raw.T).T

    def predict(self, X: Samples, offset: ArrayLike | None = None) -> NDArray[Any]:
        """Predict class labels.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples, in any form that ``fit`` takes; blocks may be samples alone. Of a dask array
            or data frame, predictions are such, and wait to be computed.
        offset : array-like, default=None
            Known terms of the logits, as in ``fit``.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            The class of the largest probability, or the labels above one half.

        Warns
        -----
        UserWarning
            If the fit had an offset and none is given here: it then is 0.
        """
        found = self._by_blocks("predict", X, KnownTerms(offset))
        if found is not None:
            return found
        raw = self._logits(self._raw_prediction(X, KnownTerms(offset)))
        return self._fit_.problem.target.decode(raw)

    def score(
        self,
        X: Samples,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
    ) -> float:
        """Share of the rows whose class, or all of whose labels, are predicted.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples, in any form that ``fit`` takes; blocks hold their targets and weights.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Their classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.
        offset : array-like, default=None
            Known terms of the logits, as in ``fit``.

        Returns
        -------
        float
            The accuracy.
        """
        blocks = blocks_of(X, y, sample_weight, KnownTerms(offset), known_features(self))
        if blocks is not None:
            return score_of_blocks(blocks, OnBlock(self, "predict", {}))
        predicted = self._fit_.problem.target.decode(
            self._logits(self._raw_prediction(X, KnownTerms(offset)))
        )
        return float(accuracy_score(y, predicted, sample_weight=sample_weight))

    def predict_proba(self, X: Samples, offset: ArrayLike | None = None) -> Array:
        """Predict class probabilities.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples, in any form that ``fit`` takes; blocks may be samples alone. Of a dask array
            or data frame, predictions are such, and wait to be computed.
        offset : array-like, default=None
            Known terms of the logits, as in ``fit``.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``; rows sum to one unless the target has several labels.
        """
        found = self._by_blocks("predict_proba", X, KnownTerms(offset))
        if found is not None:
            return found
        return np.exp(self._log_probabilities(self._raw_prediction(X, KnownTerms(offset))))

    def predict_at(self, params: ArrayLike, X: Samples, offset: ArrayLike | None = None) -> Array:
        """Predict class probabilities with other parameters, such as those of a bootstrap.

        ``predict_at(net.params_, X)`` is ``predict_proba(X)``, not ``predict(X)``: labels do not
        say how predictions change with the parameters.

        Parameters
        ----------
        params : array-like of shape (n_parameters,)
            Parameters in the order of ``params_`` and ``parameter_names_``.
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples, as in :meth:`predict`.
        offset : array-like, default=None
            Known terms of the logits, as in ``fit``.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            As :meth:`predict_proba` gives it.

        Raises
        ------
        ValueError
            If the parameters have a wrong shape or are not finite.
        """
        found = self._by_blocks("predict_at", X, KnownTerms(offset), params=params)
        if found is not None:
            return found
        return np.exp(self._log_probabilities(self._raw_prediction(X, KnownTerms(offset), params)))

    def predict_log_proba(self, X: Samples, offset: ArrayLike | None = None) -> Array:
        """Predict logarithms of class probabilities, also where those underflow.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples, as in :meth:`predict`.
        offset : array-like, default=None
            Known terms of the logits, as in ``fit``.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        found = self._by_blocks("predict_log_proba", X, KnownTerms(offset))
        if found is not None:
            return found
        return self._log_probabilities(self._raw_prediction(X, KnownTerms(offset)))

    def _log_probabilities(self, raw: Array) -> Array:
        """Logarithms of class probabilities, from raw predictions."""
        target, logits = self._fit_.problem.target, self._logits(raw)
        if target.binary:
            return np.hstack([log_expit(-logits), log_expit(logits)])
        return log_expit(logits) if target.multilabel else log_softmax(logits, axis=1)
