"""Statistics of a fitted net: inference, importances, input derivatives."""

from __future__ import annotations

import warnings
from numbers import Integral
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_regressor
from sklearn.utils.validation import check_is_fitted

from sknewtonnet import inference as statistics
from sknewtonnet._frames import frames_inside
from sknewtonnet._names import must_be_one_of
from sknewtonnet._sklearn import names_for_dir
from sknewtonnet._threads import one_thread
from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.functions.input_derivatives import input_derivatives
from sknewtonnet.calculus.pieces.function import may_overflow
from sknewtonnet.calculus.pieces.known_terms import KnownTerms
from sknewtonnet.calculus.pieces.validation import dense
from sknewtonnet.estimators._alpha_selection import AlphaSelection
from sknewtonnet.estimators._arguments import checked_table
from sknewtonnet.estimators._block_tables import Samples
from sknewtonnet.estimators._data import Data
from sknewtonnet.estimators._fitted import FittedNet
from sknewtonnet.solvers import SolverResult


class StatisticsMixin(FittedNet):
    """Statistics of a fit; goes left of the base class that fits."""

    solver_result_: SolverResult
    alpha_selection_: AlphaSelection | None

    def inference(
        self,
        X: Samples,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        cov_type: str | None = None,
        *,
        offset: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        maxlags: int | None = None,
        weight_type: str | None = None,
        use_t: bool | None = None,
    ) -> statistics.InferenceResults:
        """Standard errors, tests, criteria, predictions and effects, at the fitted minimum.

        A call of :func:`sknewtonnet.inference.infer`.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The data of the fit, in any form that ``fit`` takes; blocks hold their targets and
            weights. doc/large_data.md tells what there is of rows in blocks.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Its targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Its weights.
        cov_type : str, default=None
            How to estimate the covariance: "hessian" (observed information; under a penalty
            phi H^-1 H0 H^-1), "gauss-newton" (the same without the curvature of the net; for
            all losses but gamma the expected information), "bayesian" (phi H^-1),
            "HC0" to "HC3" (sandwiches, which hold also if variances differ between rows),
            "cluster" (rows of a group may depend on each other), or "HAC" (rows that follow each
            other may depend on each other, as in time series). None: "cluster" with ``groups``,
            "HAC" with ``maxlags``; else "HC3" where there is no likelihood (sampling weights,
            ``class_weight``, losses without one); else "bayesian" under a penalty, "hessian"
            without. :class:`sknewtonnet.inference.InferenceResults` has the formulas.
        offset : float or array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The offset of the fit.
        exposure : float or array-like of the shapes of offset, default=None
            The exposure of the fit.
        groups : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Label of the cluster of each row, for "cluster"; two columns for clusters of two
            kinds, such as firms and years.
        maxlags : int, default=None
            For "HAC", how many rows later a row may still depend on another one; None: 4 (n /
            100)^(2/9), rounded down.
        weight_type : {"frequency", "precision", "sampling"}, default=None
            What a weight s means: s equal rows; a row whose variance is the dispersion over s,
            such as a share of s trials or a rate in s years; or a row that stands for s of a
            population, for which only sandwiches hold. None: "precision" under the loss
            "binomial", whose weights are trials, else "frequency".
        use_t : bool, default=None
            Whether tests refer to the t and F distributions, else to the normal and chi-square.
            None: where a dispersion is estimated (squared error, gamma).

        Returns
        -------
        InferenceResults
            Standard errors, tests, criteria, predictions and effects.

        Raises
        ------
        ValueError
            If an argument has another value, or does not suit the loss or the weights; if the fit
            had an offset and there is none here; if there are more than 3000 parameters.

        Warns
        -----
        UserWarning
            If the gate finds that p-values cannot be relied on; ``diagnosis`` says why. If weights
            that are to count rows are no whole numbers.

        Notes
        -----
        Where the fit chose ``alpha`` ("auto", "ard"), "bayesian" errors allow for a strength that
        is e times as large or small; others take it as given. The summary says so.

        One exact Hessian, n P^2 flops, one Gauss-Newton matrix and their eigenvalues, about 10 P^3
        flops each; "HC2", "HC3" and several outputs take an array of n O P numbers, the other
        sandwiches one of n P.
        """
        data = self._table(X, y, sample_weight, KnownTerms(offset, exposure))
        problem = self._fit_.problem
        fit = self._shown.on(problem.standardised(data))
        clusters = None
        if groups is not None:
            if not isinstance(data, Data):
                raise ValueError("groups must be None where rows come in blocks.")
            clusters = _clusters(groups, X, sample_weight)
        return statistics.infer(
            fit.objective(),
            fit.params,
            active=fit.active,
            tight=fit.tight,
            curvature=fit.curvature,
            converged=fit.may_be_stationary,
            refit=fit.problem.minimize,
            start=fit.problem.start,
            feature_names=fit.feature_names if hasattr(self, "feature_names_in_") else None,
            model=type(self).__name__,
            cov_type=cov_type,
            weight_type=weight_type,
            class_weights=fit.class_weights,
            groups=clusters,
            maxlags=maxlags,
            use_t=use_t,
            post_selection=fit.post_selection,
            chosen_penalty=self.alpha_selection_ is not None,
            rescaled=problem.rescaled(data),
            stacklevel=2 + frames_inside(),
        )

    @may_overflow
    def input_derivatives(
        self,
        X: ArrayLike,
        order: int = 1,
        raw: bool = False,
        offset: ArrayLike | None = None,
        *,
        exposure: ArrayLike | None = None,
        of: str = "mean",
    ) -> Array:
        """Exact derivatives of the predictions, or of their standard errors, in the features.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples, as in ``predict``.
        order : {1, 2}, default=1
            First or second derivatives.
        raw : bool, default=False
            Whether to differentiate the raw predictions (logits, logarithms of means) instead.
        offset, exposure : array-like, default=None
            Known terms of the rows, as in ``fit``; derivatives of raw predictions do not need
            them.
        of : {"mean", "std"}, default="mean"
            Of what: of the predictions, or, for regressors and order 1, of the standard errors
            that ``predict(X, return_std=True)`` gives.

        Returns
        -------
        ndarray of shape (n_samples, n_features) or (n_samples, n_features, n_features)
            With several outputs there is a second axis of length n_outputs. With two classes
            the derivatives are those of the probability of the second one.

        Raises
        ------
        NotFittedError
            If the net is not fitted.
        ValueError
            If ``order`` is neither 1 nor 2, ``of`` is neither "mean" nor "std" or does not go with
            the other arguments, or X does not match the data of the fit.

        Warns
        -----
        UserWarning
            If the standard error of a prediction is not known; its derivatives are NaN.
        """
        check_is_fitted(self)
        if of not in ("mean", "std"):
            raise ValueError(must_be_one_of("of", of, ("mean", "std")))
        known = KnownTerms(offset, exposure)
        rows = self._by_blocks("input_derivatives", X, known, order=order, raw=raw, of=of)
        if rows is not None:
            return np.asarray(rows)
        if of == "std":
            if raw or order != 1 or not is_regressor(self):
                raise ValueError(
                    'of="std" is for first derivatives (order=1, raw=False) of a regressor.'
                )
            return self._mean_errors(X, known, True, stacklevel=4)
        if not isinstance(order, Integral) or isinstance(order, bool) or order not in (1, 2):
            raise ValueError(f"order must be 1 or 2, got {order!r}.")
        samples = dense("X", checked_table(self, X, reset=False))
        network, loss = self._fit_.problem.original_network, self._fit_.loss
        terms = None if raw else self._known_terms(known, len(samples))
        with one_thread():
            found = input_derivatives(network, self.params_, samples, order)
            wanted = found[-1]
            if not raw:
                values = network.predict_raw(self.params_, samples)
                values = values if terms is None else values + terms
                outputs = [
                    _chained(loss.mean_derivatives(values, o, order), found)
                    for o in range(network.n_outputs)
                ]
                wanted = np.stack(outputs, axis=1)
        return wanted[:, 0] if network.n_outputs == 1 else wanted

    def _mean_errors(
        self, X: ArrayLike, known: KnownTerms, gradients: bool = False, stacklevel: int = 3
    ) -> Array:
        """Standard errors of predicted means, or their derivatives; warns where they are NaN."""
        samples = dense("X", checked_table(self, X, reset=False))
        fit, problem = self._fit_, self._fit_.problem
        n_outputs = problem.network.n_outputs
        terms = known.terms(problem.loss, len(samples), n_outputs)
        units = None if problem.original is None else problem.original.units
        with one_thread(), np.errstate(over="ignore", invalid="ignore"):
            chosen = self.alpha_selection_ is not None
            errors = fit.errors.with_chosen_penalty() if chosen else fit.errors
            found, reason = errors.of_means(samples, terms, units, n_outputs, gradients)
        if reason:
            warnings.warn(f"Standard errors are NaN: {reason}", UserWarning, stacklevel=stacklevel)
        return found[:, 0] if n_outputs == 1 else found

    # Attributes that are formed when they are asked for, and are not small.
    _formed: ClassVar[tuple[str, ...]] = ()

    def __dir__(self) -> list[str]:
        """Names of what is there, without what would have to be formed first."""
        return names_for_dir(self, hidden=self._formed)

    @property
    def weight_importance_(self) -> Array:
        """OBS saliency of each parameter, of shape (n_parameters,).

        See :func:`sknewtonnet.inspection.weight_importance`.
        """
        check_is_fitted(self)
        return self._fit_.importances.known[0]

    @property
    def feature_importance_(self) -> Array:
        """Importance of each feature, of shape (n_features_in_,); it sums to one.

        See :func:`sknewtonnet.inspection.feature_importance`.
        """
        check_is_fitted(self)
        return self._fit_.importances.known[1]

    @property
    def feature_importances_(self) -> Array:
        """``feature_importance_`` under scikit-learn's name, for SelectFromModel and RFE."""
        return self.feature_importance_


def _chained(mean: tuple[Array, ...], inputs: list[Array]) -> Array:
    """Derivatives of a mean in the inputs from those of all raw predictions."""
    first = np.einsum("ik,ik...->i...", mean[1], inputs[-1])
    if len(inputs) == 1:
        return first
    bend = mean[2]
    if bend.ndim == 2:
        return first + np.einsum("ikp,ik,ikq->ipq", inputs[0], bend, inputs[0], optimize=True)
    return first + np.einsum("ikp,ikl,ilq->ipq", inputs[0], bend, inputs[0], optimize=True)


def _clusters(groups: ArrayLike, X: ArrayLike, sample_weight: ArrayLike | None) -> Ints:
    """Clusters of the rows that count."""
    numbers = statistics.cluster_numbers(groups, np.shape(X)[0])
    if sample_weight is None:
        return numbers
    kept = np.broadcast_to(np.asarray(sample_weight) > 0, len(numbers))
    return statistics.cluster_numbers(numbers[kept], int(kept.sum()))
