"""Predictions with standard errors, by the delta method (doc/statistics.md 3.6)."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import expit, logit, softmax

from sknewtonnet._tables import (
    Report,
    Shown,
    Table,
    counted,
    estimates,
    imported_pandas,
    interval_names,
    labels_of,
    shown_of,
)
from sknewtonnet._typing import Array, Bools
from sknewtonnet.calculus import Loss, Network, Objective
from sknewtonnet.calculus.functions.scaled_spectrum import square_root
from sknewtonnet.calculus.passes.chunk import sample_chunks
from sknewtonnet.calculus.pieces.output_activation import loss_of_outputs, output_activation
from sknewtonnet.inference._null_distributions import quantile

# Draws of logits for moderated probabilities of several classes.
_N_DRAWS = 2000


@dataclass(frozen=True, eq=False, repr=False)
class PredictionResults(Shown):
    """Predictions with standard errors: a row per sample, and columns for several outputs.

    :meth:`InferenceResults.get_prediction` makes it.

    Parameters
    ----------
    mean, se : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Predicted mean and its standard error, NaN where the data do not determine it. For
        classifiers the mean is the probability of each class; with two classes, of the second.
    confidence_interval : ndarray of the shape of mean and a last axis of 2
        Interval for the mean, made on the scale of the raw prediction and transformed; for more
        than two classes, made on the logit of each probability.
    new_observation : ndarray of the shape of confidence_interval, or None
        The ``prediction_interval``, without its warning.
    raw, raw_se : ndarray of the shape of mean
        Raw predictions, before the inverse link, and their standard errors; for more than two
        classes differences to the first.
    level : float
        Level of the intervals.
    names : tuple of str
        Names of the outputs.
    link : str
        Name of the inverse link.
    root : ndarray of shape (n_samples, n_outputs - 1, n_outputs - 1), or None
        Square root of the covariance of the logits' differences to the first.
    reason : str
        Why there is no ``prediction_interval``; empty if there is one.
    caution : str
        Why not to rely on ``prediction_interval``; empty if nothing is known against it.
    index : pandas.Index or None
        The index of the data frame that was asked about, for :meth:`to_frame`; None of other rows.

    Attributes
    ----------
    prediction_interval : ndarray of the same shape, or None
        Interval for a new observation. For squared errors the variance of the residuals, the same
        for all rows, is added to that of the mean. For other losses it has the quantiles at the
        estimated mean, without its standard error (:meth:`sknewtonnet.calculus.Loss.quantiles`).
        None where the loss has no quantiles: classes, and losses without a likelihood. Warns where
        the variances of the rows do not seem to be those of the model (``caution``).

    See Also
    --------
    InferenceResults.get_prediction : The method that makes it.
    MeanErrors : Standard errors without the data.
    PartialEffect : Predictions along one input.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
    >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
    >>> found = results.get_prediction([[1.0, 0.0]])
    >>> found.mean.round(2).tolist(), found.confidence_interval.round(2).tolist()
    ([1.95], [[1.74, 2.16]])
    """

    mean: Array
    se: Array
    confidence_interval: Array
    new_observation: Array | None = field(repr=False)
    raw: Array
    raw_se: Array
    level: float
    names: tuple[str, ...]
    link: str
    root: Array | None = field(default=None, repr=False)
    reason: str = ""
    caution: str = ""
    index: Any = field(default=None, repr=False)

    @property
    def prediction_interval(self) -> Array | None:
        """Interval for a new observation.

        Returns
        -------
        ndarray of the shape of ``mean`` and a last axis of 2, or None

        Warns
        -----
        UserWarning
            If variances seem to differ from those of the model.
        """
        if self.caution and self.new_observation is not None:
            warnings.warn(self.caution, UserWarning, stacklevel=2)
        return self.new_observation

    @cached_property
    def moderated(self) -> Array | None:
        """Class probabilities averaged over the distribution of the logits, or None.

        For one logit a with standard error s this is sigma(a / (1 + pi s^2 / 8)^(1/2)); for
        several the mean over 2000 normal draws, made when it is first asked for.

        Returns
        -------
        ndarray of the shape of ``mean``, or None
            None for regression.

        References
        ----------
        MacKay (1992), The evidence framework applied to classification networks, Neural
        Computation 4.
        """
        if self.link == "logistic":
            return np.asarray(expit(self.raw / np.sqrt(1.0 + np.pi * self.raw_se**2 / 8.0)))
        if self.root is None:
            return None
        half = np.random.default_rng(0).standard_normal((_N_DRAWS // 2, self.root.shape[2]))
        total = np.zeros_like(self.raw)
        for draw in np.vstack([half, -half]):  # in pairs, so that their mean is exact
            moved = self.raw.copy()
            moved[:, 1:] += self.root @ draw
            total += softmax(moved, axis=1)
        return np.where(np.isnan(self.se), np.nan, total / _N_DRAWS)

    def to_frame(self) -> Any:
        """The predictions as a pandas data frame, with columns named as in statsmodels.

        Returns
        -------
        pandas.DataFrame
            "mean", "mean_se", "mean_ci_lower", "mean_ci_upper" and, if there is a prediction
            interval, "obs_ci_lower" and "obs_ci_upper"; for several outputs under their names.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        pd = imported_pandas()
        columns = {"mean": self.mean, "mean_se": self.se}
        for key, interval in (
            ("mean", self.confidence_interval),
            ("obs", self.new_observation),
        ):
            if interval is not None:
                columns[f"{key}_ci_lower"] = interval[..., 0]
                columns[f"{key}_ci_upper"] = interval[..., 1]
        if self.mean.ndim == 1:
            return pd.DataFrame(columns, index=self.index)
        parts = {
            name: pd.DataFrame({key: a[:, o] for key, a in columns.items()}, index=self.index)
            for o, name in enumerate(self.names)
        }
        return pd.concat(parts, axis=1)

    def _report(self) -> Report:
        n, where = len(self.mean), shown_of(len(self.mean))
        values = {"mean": self.mean, "std. error": self.se}
        for kind, interval in (("mean", self.confidence_interval), ("new", self.new_observation)):
            if interval is not None:
                ends = zip(interval_names(self.level), (0, 1), strict=True)
                values |= {f"{kind} {name}": interval[..., end] for name, end in ends}
        rows = where if self.index is None else np.asarray(self.index)[where]
        labels = labels_of("row", [str(row) for row in rows], self.names, self.mean)
        columns = estimates({name: array[where] for name, array in values.items()}, "std. error")
        of = 1 if self.mean.ndim == 1 else self.mean.shape[1]
        table = Table.of(labels, columns).of_first_and_last(n * of)
        notes = ["mean: interval of the mean; new: interval of a new observation."]
        notes = [*(notes if self.new_observation is not None else []), self.reason, self.caution]
        return Report(f"Predictions of {counted(n, 'row')}", [table], [*filter(None, notes)])

    def _in_words(self) -> str:
        outputs = f", {counted(len(self.names), 'output')}" if self.mean.ndim == 2 else ""
        return f"of {counted(len(self.mean), 'row')}{outputs}, level {self.level:g}"


def std_errors(rows: Array, covariance: Array, estimable: Callable[[Array], Bools]) -> Array:
    """Standard errors of linear functions of parameters; NaN if they are not estimable."""
    variance = np.einsum("ip,ip->i", rows @ covariance, rows)
    variance[~estimable(rows)] = np.nan
    # A constant function has variance 0, which rounding may make negative.
    size = np.abs(np.diag(covariance)).max(initial=0.0) * (rows**2).sum(axis=1)
    variance[(variance < 0) & (variance > -1e-12 * size)] = 0.0
    return np.sqrt(np.where(variance >= 0, variance, np.nan))


@dataclass(frozen=True, eq=False)
class Predictor:
    """A fitted net with the covariance of its parameters.

    Parameters
    ----------
    network, loss : Network, Loss
        The net and what it was fitted with.
    params, covariance : ndarray
        The parameters and their covariance.
    estimable : callable
        Which rows of linear functions of the parameters the data determine.
    residual_variance : ndarray of shape (n_outputs,)
        Of squared errors; the dispersion for other losses.
    df_denom : float
        Degrees of freedom of t; inf for the normal distribution.
    names : tuple of str
        Of the outputs.
    """

    network: Network
    loss: Loss
    params: Array
    covariance: Array
    estimable: Callable[[Array], Bools]
    residual_variance: Array
    df_denom: float
    names: tuple[str, ...]

    def quantile(self, level: float) -> float:
        """How many standard errors an interval reaches to each side."""
        return quantile(level, self.df_denom)

    def std_errors(self, rows: Array) -> Array:
        """Standard errors of linear functions of the parameters; NaN if not estimable."""
        return std_errors(rows, self.covariance, self.estimable)

    def predict(self, X: Array, level: float, offset: Array | None = None) -> PredictionResults:
        """Predictions at samples, with known terms of shape (n_samples, n_outputs)."""
        m = self.network.n_outputs
        raw = np.empty((len(X), m))
        errors, logits = np.empty((len(X), m)), np.empty((len(X), m))
        roots = np.empty((len(X), m - 1, m - 1))
        several, activation = self.loss.joint, output_activation(self.loss)
        outer = loss_of_outputs(self.loss)
        for where in sample_chunks(len(X), max(1, 4_000_000 // (m * self.network.n_parameters))):
            rows = X[where], np.zeros((len(X[where]), m))
            terms = None if offset is None else offset[where]
            at = Objective(self.network, "squared_error", *rows, offset=terms)
            raw[where], jacobian = at.raw_predictions(self.params), at.jacobian(self.params)
            if several:  # of logits, which are the outputs
                raw[where], slope = (part.T for part in activation.derivatives(raw[where].T, 1))
                jacobian = jacobian * slope[:, :, None]
                logits[where] = self._errors(jacobian - jacobian[:, :1])
                roots[where] = self._root((jacobian - jacobian[:, :1])[:, 1:])
                slopes = [outer.mean_derivatives(raw[where], o, 1)[1] for o in range(m)]
                jacobian = np.einsum("oik,ikp->iop", slopes, jacobian)
            errors[where] = self._errors(jacobian)
        if several:
            return self._of_classes(raw, logits, errors, roots, level)
        return self._elementwise(raw, errors, level)

    def _errors(self, jacobian: Array) -> Array:
        flat = jacobian.reshape(-1, jacobian.shape[2])
        return self.std_errors(flat).reshape(jacobian.shape[:2])

    def _elementwise(self, raw: Array, errors: Array, level: float) -> PredictionResults:
        """Each output from its own raw prediction."""
        z, m = self.quantile(level), raw.shape[1]
        found = [self.loss.mean_derivatives(raw, o, 1) for o in range(m)]
        mean = np.column_stack([value for value, _ in found])
        slope = np.column_stack([slope[:, o] for o, (_, slope) in enumerate(found)])
        se = np.abs(slope) * errors
        ends = [self.loss.inverse_link(raw + sign * z * errors) for sign in (-1.0, 1.0)]
        if not self.loss.monotonic_link:  # between raw predictions means may lie elsewhere
            ends = [mean + sign * z * se for sign in (-1.0, 1.0)]
        interval, reason = self._new_observation(mean, se, level)
        arrays = {
            "mean": mean,
            "se": se,
            "confidence_interval": np.stack(ends, axis=-1),
            "new_observation": interval,
            "raw": raw,
            "raw_se": errors,
        }
        return self._results(arrays, level, reason)

    def _new_observation(
        self, mean: Array, errors: Array, level: float
    ) -> tuple[Array | None, str]:
        """Interval for a new observation, and why there is none."""
        if self.loss.normal_errors:
            reach = self.quantile(level) * np.sqrt(errors**2 + self.residual_variance)
            return np.stack([mean - reach, mean + reach], axis=-1), ""
        tails = 0.5 + 0.5 * level * np.array([-1.0, 1.0])
        try:
            return self.loss.quantiles(mean, self.residual_variance, tails), ""
        except NotImplementedError as reason:
            return None, str(reason)

    def _of_classes(
        self, raw: Array, logits: Array, errors: Array, roots: Array, level: float
    ) -> PredictionResults:
        mean = softmax(raw, axis=1)
        interval, reason = self._new_observation(mean, errors, level)
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = self.quantile(level) * errors / (mean * (1.0 - mean))
            ends = [expit(logit(mean) + sign * reach) for sign in (-1.0, 1.0)]
        arrays = {
            "mean": mean,
            "se": errors,
            "confidence_interval": np.stack(ends, axis=-1),
            "new_observation": interval,
            "raw": raw - raw[:, :1],
            "raw_se": logits,
            "root": roots,
        }
        return self._results(arrays, level, reason)

    def _root(self, differences: Array) -> Array:
        """Square root of the covariance of each row's logits' differences."""
        spread = np.matmul(differences @ self.covariance, differences.swapaxes(1, 2))
        if not np.isfinite(spread).all():
            return np.full_like(spread, np.nan)
        return square_root(spread)

    def _results(self, arrays: dict[str, Any], level: float, reason: str) -> PredictionResults:
        if self.network.n_outputs == 1:
            arrays = {name: None if a is None else a[:, 0] for name, a in arrays.items()}
        return PredictionResults(
            **arrays, level=level, names=self.names, link=self.loss.out_activation, reason=reason
        )
