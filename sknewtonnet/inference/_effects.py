"""Effects of inputs on the predicted mean, with standard errors (doc/statistics.md 3.6).

The derivative of a mean of predictions in a shift of an input, and the gradient of that in the
parameters, are mixed second derivatives of the calculus. They work for layers of every kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from sknewtonnet._tables import (
    Report,
    Shown,
    counted,
    estimate_table,
    fixed,
    imported_pandas,
    labels_of,
    probabilities,
)
from sknewtonnet._typing import Array, Bools
from sknewtonnet.calculus import Objective
from sknewtonnet.calculus.functions.input_derivatives import input_derivatives
from sknewtonnet.inference._checks import check_level
from sknewtonnet.inference._mean_response import MeanResponse
from sknewtonnet.inference._null_distributions import quantile, two_sided
from sknewtonnet.inference._prediction import Predictor
from sknewtonnet.inference._slope_test import factors

# Step of differences in an input, in standard deviations.
_STEP = 5e-4


@dataclass(frozen=True, eq=False, repr=False)
class MarginalEffects(Shown):
    """Average effects of inputs on the predicted mean, with standard errors.

    :meth:`InferenceResults.marginal_effects` makes it.

    Parameters
    ----------
    names : list of str
        Names of the inputs, followed by " (low to high)" where the effect is a contrast.
    effects, std_errors : ndarray of shape (n_inputs,) or (n_inputs, n_outputs)
        Mean over the rows of d mean / d input, or of the contrast, with its standard error by
        the delta method (inputs are taken as given).
    df_denom : float
        Degrees of freedom of t; inf for the normal distribution.
    output_names : tuple of str
        Names of the outputs.
    features : list of str
        The input of each effect, by its plain name.

    Attributes
    ----------
    z_values, p_values : ndarray of the shape of effects
        Their ratio, and its two-sided p-value.

    See Also
    --------
    InferenceResults.marginal_effects : The method that makes it.
    PartialEffect : The effect as a function of the input.
    FeatureTable : Effects with tests of any dependence.
    sknewtonnet.inspection.feature_importance : A share of each input.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
    >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
    >>> found = results.marginal_effects()
    >>> found.names, found.effects.round(2).tolist(), found.std_errors.round(2).tolist()
    (['x0', 'x1'], [1.95, -0.88], [0.07, 0.07])
    """

    names: list[str]
    effects: Array
    std_errors: Array
    df_denom: float
    output_names: tuple[str, ...]
    features: list[str]

    @property
    def z_values(self) -> Array:
        """Effects over their standard errors.

        Returns
        -------
        ndarray of the shape of ``effects``
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.effects / self.std_errors

    @property
    def p_values(self) -> Array:
        """Two-sided p-values of the hypotheses that single effects are zero.

        Returns
        -------
        ndarray of the shape of ``effects``
            From t on ``df_denom`` degrees of freedom, or the normal distribution.
        """
        return two_sided(self.z_values, self.df_denom)

    def conf_int(self, level: float = 0.95) -> Array:
        """Confidence intervals of the effects.

        Parameters
        ----------
        level : float, default=0.95
            Confidence level.

        Returns
        -------
        ndarray of the shape of ``effects`` and a last axis of 2
            Lower and upper ends.

        Raises
        ------
        ValueError
            If ``level`` is not between 0 and 1.
        """
        check_level(level)
        reach = quantile(level, self.df_denom) * self.std_errors
        return np.stack([self.effects - reach, self.effects + reach], axis=-1)

    def to_frame(self, level: float = 0.95) -> Any:
        """The effects as a pandas data frame.

        Parameters
        ----------
        level : float, default=0.95
            Level of the intervals.

        Returns
        -------
        pandas.DataFrame
            A row per input (and output), with the columns "dy/dx", "std_error", "t" or "z",
            "p_value", "lower" and "upper".

        Raises
        ------
        ImportError
            If pandas is not installed.
        ValueError
            If ``level`` is not between 0 and 1.
        """
        pd = imported_pandas()
        interval = self.conf_int(level)
        columns = {
            "dy/dx": self.effects,
            "std_error": self.std_errors,
            "t" if np.isfinite(self.df_denom) else "z": self.z_values,
            "p_value": self.p_values,
            "lower": interval[..., 0],
            "upper": interval[..., 1],
        }
        index: Any = pd.Index(self.names, name="input")
        if self.effects.ndim == 2:
            names = [self.names, self.output_names]
            index = pd.MultiIndex.from_product(names, names=["input", "output"])
        return pd.DataFrame({name: values.ravel() for name, values in columns.items()}, index)

    def _report(self) -> Report:
        ratio = "t" if np.isfinite(self.df_denom) else "z"
        table = estimate_table(
            labels_of("input", self.names, self.output_names, self.effects),
            {"dy/dx": self.effects, "std. error": self.std_errors},
            "std. error",
            self.conf_int(),
            0.95,
            {ratio: fixed(self.z_values, 3), f"P>|{ratio}|": probabilities(self.p_values)},
        )
        return Report("Average marginal effects", [table])

    def _in_words(self) -> str:
        outputs = f" on {counted(len(self.output_names), 'output')}"
        return f"of {counted(len(self.names), 'input')}" + outputs * (self.effects.ndim == 2)


class Contrast(NamedTuple):
    """A difference of mean predictions between two settings of some inputs.

    Parameters
    ----------
    label : str
        What it is called.
    high, low : dict of int to float
        The values of inputs, the same for all rows.
    """

    label: str
    high: dict[int, float]
    low: dict[int, float]


class Effects:
    """Means of predictions over rows, and their gradients in the parameters.

    Parameters
    ----------
    predictor : Predictor
        The net with its covariance.
    X, sample_weight : ndarray
        The rows, and their weights in the mean.
    offset : ndarray of shape (n_samples, n_outputs), default=None
        Known terms of the raw predictions of the rows.
    spread : ndarray of shape (n_features,), default=None
        Standard deviations of the inputs; those of the rows if None.
    """

    def __init__(
        self,
        predictor: Predictor,
        X: Array,
        sample_weight: Array,
        offset: Array | None = None,
        spread: Array | None = None,
    ):
        self.predictor, self._X, self._weight = predictor, X, sample_weight
        self._offset = offset
        if spread is None:
            share = sample_weight / sample_weight.sum()
            spread = np.sqrt(share @ (X - share @ X) ** 2)
        self.spread = spread

    def _mean(self, X: Array, output: int) -> Objective:
        """The mean prediction as a function of the parameters."""
        network = self.predictor.network
        loss = MeanResponse(self.predictor.loss, output)
        rows = X, np.zeros((len(X), network.n_outputs)), self._weight
        return Objective(network, loss, *rows, offset=self._offset)

    def derivative(self, features: list[int], output: int) -> tuple[Array, Array]:
        """Average derivatives in inputs, and their gradients, of shape (k, n_parameters)."""
        mean = self._mean(self._X, output)
        slopes, mixed = mean.shift_derivatives(self.predictor.params, features)
        return slopes, mixed.T

    def at(self, values: Mapping[int, float], output: int) -> tuple[float, Array]:
        """Mean prediction with some inputs at one value for all rows, and its gradient."""
        moved = self.moved(values)._X
        return self._mean(moved, output).value_and_gradient(self.predictor.params)

    def contrast(self, contrast: Contrast, output: int) -> tuple[float, Array]:
        """Difference of mean predictions, and its gradient."""
        (above, up), (below, down) = (
            self.at(values, output) for values in (contrast.high, contrast.low)
        )
        return above - below, up - down

    def effect(self, feature: int, contrast: Contrast | None, output: int) -> tuple[float, Array]:
        """The average derivative in an input, or the contrast, and its gradient."""
        if contrast is not None:
            return self.contrast(contrast, output)
        slopes, gradients = self.derivative([feature], output)
        return float(slopes[0]), gradients[0]

    def interaction(
        self,
        feature: int,
        other: int,
        contrasts: Mapping[int, Contrast],
        output: int,
    ) -> tuple[float, Array]:
        """How an effect changes with another input, and the gradient of that."""
        if feature in contrasts and other not in contrasts:
            feature, other = other, feature
        own = contrasts.get(feature)
        if other in contrasts:
            (above, up), (below, down) = (
                self.moved(values).effect(feature, own, output)
                for values in (contrasts[other].high, contrasts[other].low)
            )
            return above - below, up - down
        # Differences of fourth order of exact slopes and of their exact gradients.
        step = _STEP * float(self.spread[other])
        if step == 0.0:
            raise ValueError(f"the feature with number {other} does not vary.")
        value, gradient = 0.0, np.zeros(len(self.predictor.params))
        for steps, factor in ((-2, 1.0), (-1, -8.0), (1, 8.0), (2, -1.0)):
            slope, row = self.shifted(other, steps * step).effect(feature, None, output)
            value += factor * slope / (12.0 * step)
            gradient += factor * row / (12.0 * step)
        return value, gradient

    def moved(self, values: Mapping[int, float]) -> Effects:
        """The same rows with some inputs at one value."""
        X = self._X.copy()
        for feature, value in values.items():
            X[:, feature] = value
        return self._on(X, self._weight, self._offset)

    def shifted(self, feature: int, step: float) -> Effects:
        """The same rows with an input moved by a step."""
        X = self._X.copy()
        X[:, feature] += step
        return self._on(X, self._weight, self._offset)

    def at_means(self) -> Effects:
        """One row, at the weighted means of the inputs and of the offset."""
        share = self._weight / self._weight.sum()
        offset = None if self._offset is None else (share @ self._offset)[None]
        return self._on((share @ self._X)[None], np.ones(1), offset)

    def of(self, rows: Bools) -> Effects:
        """Some of the rows."""
        offset = None if self._offset is None else self._offset[rows]
        return self._on(self._X[rows], self._weight[rows], offset)

    def _on(self, X: Array, weight: Array, offset: Array | None) -> Effects:
        return Effects(self.predictor, X, weight, offset, self.spread)

    def by_row(self, feature: int, contrast: Contrast | None, output: int) -> Array:
        """The effect at each row, of shape (n_samples,)."""
        network, loss, w = self.predictor.network, self.predictor.loss, self.predictor.params
        if contrast is not None:
            ends = []
            for values in (contrast.high, contrast.low):
                raw = self.moved(values)._mean_raw()
                ends.append(loss.mean_derivatives(raw, output, 0)[0])
            return np.asarray(ends[0] - ends[1])
        (slopes,) = input_derivatives(network, w, self._X)
        bend = loss.mean_derivatives(self._mean_raw(), output, 1)[1]
        return np.einsum("ik,ik->i", bend, slopes[:, :, feature])

    def _mean_raw(self) -> Array:
        """Raw predictions of the rows."""
        return self._mean(self._X, 0).raw_predictions(self.predictor.params)


def marginal_effects(
    effects: Effects,
    features: list[int],
    contrasts: dict[int, Contrast],
    names: Sequence[str],
    variance: Callable[[Array], Array] | None = None,
) -> MarginalEffects:
    """Average marginal effects of some inputs, contrasts for those that have one.

    ``variance`` gives what the draw of the rows adds to the variance of a mean, from the effects
    at each of them, of shape (n_samples, n_features).
    """
    found, spreads = [], []
    for output in range(effects.predictor.network.n_outputs):
        known = {j: effects.contrast(contrast, output) for j, contrast in contrasts.items()}
        smooth = [j for j in features if j not in contrasts]
        if smooth:
            pairs = zip(*effects.derivative(smooth, output), strict=True)
            known |= dict(zip(smooth, pairs, strict=True))
        found.append([known[j] for j in features])
        if variance is not None:
            columns = [effects.by_row(j, contrasts.get(j), output) for j in features]
            spreads.append(variance(np.column_stack(columns)))
    labels = [contrasts[j].label if j in contrasts else names[j] for j in features]
    return with_errors(
        effects.predictor, found, labels, [names[j] for j in features], np.array(spreads)
    )


def with_errors(
    predictor: Predictor,
    found: Sequence[Sequence[tuple[float, Array]]],
    labels: list[str],
    features: list[str],
    added: Array,
) -> MarginalEffects:
    """Effects by the delta method, from their values and gradients for each output.

    ``added`` is a further variance, of shape (n_outputs, n_effects), if there is any.
    """
    estimates = np.array([[value for value, _ in column] for column in found]).T
    errors = [predictor.std_errors(np.array([row for _, row in column])) for column in found]
    squares = np.array(errors) ** 2 + (added if added.size else 0.0)
    std_errors = np.sqrt(squares).T
    if len(found) == 1:
        estimates, std_errors = estimates[:, 0], std_errors[:, 0]
    return MarginalEffects(
        names=labels,
        effects=estimates,
        std_errors=std_errors,
        df_denom=predictor.df_denom,
        output_names=predictor.names,
        features=features,
    )


def joined(parts: Mapping[str, MarginalEffects]) -> MarginalEffects:
    """Effects in several groups of rows, one group after the other."""
    first = next(iter(parts.values()))
    return replace(
        first,
        names=[f"{name}, {label}" for label, part in parts.items() for name in part.names],
        effects=np.concatenate([part.effects for part in parts.values()]),
        std_errors=np.concatenate([part.std_errors for part in parts.values()]),
        features=[name for part in parts.values() for name in part.features],
    )


def contrasts_of(
    X: Array, discrete: list[int], groups: Sequence[Sequence[int]], names: Sequence[str]
) -> dict[int, Contrast | None]:
    """Contrasts of inputs that are not varied smoothly; None for the reference of a factor.

    An input alone goes from its lowest to its highest value. The inputs of a factor, of which at
    most one is high in a row, go from the first level, with the others low, to their own.
    """
    low, high = X.min(axis=0), X.max(axis=0)
    found: dict[int, Contrast | None] = {}
    for group in groups:
        members = [j for j in group if j in discrete]
        for factor in factors(X, members) if len(group) > 1 else [[j] for j in members]:
            found.update(_levels(X, factor, names))
    for j in discrete:
        if j not in found:
            label = f"{names[j]} ({low[j]:g} to {high[j]:g})"
            found[j] = Contrast(label, {j: float(high[j])}, {j: float(low[j])})
    return found


def _levels(X: Array, factor: Sequence[int], names: Sequence[str]) -> dict[int, Contrast | None]:
    """Contrasts of the levels of a factor; none where there is one input only."""
    if len(factor) < 2:
        return {}
    low, high = X.min(axis=0), X.max(axis=0)
    off = {j: float(low[j]) for j in factor}
    found: dict[int, Contrast | None] = {}
    if (X[:, factor] == high[list(factor)]).any(axis=1).all():  # no row is at the level of none
        first, *factor = factor
        off, found[first] = off | {first: float(high[first])}, None
        against = f" - {names[first]}"
    else:
        first, against = -1, ""
    for j in factor:
        on = {i: float(high[i] if i == j else low[i]) for i in off}
        found[j] = Contrast(f"{names[j]}{against}", on, off)
    return found
