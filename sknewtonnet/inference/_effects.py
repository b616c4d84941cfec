"""Effects of inputs on the predicted mean, with standard errors (doc/statistics.md 3.6).

The derivative of a mean of predictions in a shift of an input, and the gradient of that in the
parameters, are mixed second derivatives of the calculus. They work for layers of every kind.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit, logit

from sknewtonnet._figures import axes
from sknewtonnet._typing import Array
from sknewtonnet.calculus import Objective
from sknewtonnet.inference._checks import check_level
from sknewtonnet.inference._mean_response import MeanResponse
from sknewtonnet.inference._null_distributions import quantile, two_sided
from sknewtonnet.inference._prediction import Predictor
from sknewtonnet.inference._scaled_spectrum import square_root
from sknewtonnet.inference._slope_test import factors


@dataclass(frozen=True, eq=False)
class MarginalEffects:
    """Average effects of inputs on the predicted mean, with standard errors.

    :meth:`InferenceResults.marginal_effects` makes it.

    Attributes
    ----------
    names : list of str
        Names of the inputs, followed by " (low to high)" where the effect is a contrast.
    effects, std_errors, z_values, p_values : ndarray of shape (n_inputs,) or \
            (n_inputs, n_outputs)
        Mean over the rows of d mean / d input, or of the contrast, with its standard error by
        the delta method (inputs are taken as given), their ratio, and its two-sided p-value.
    df_denom : float
        Degrees of freedom of t; inf for the normal distribution.
    output_names : tuple of str
        Names of the outputs.
    features : list of str
        The input of each effect, by its plain name.
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
        import pandas as pd

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


@dataclass(frozen=True, eq=False)
class PartialEffect:
    """Mean prediction as a function of one input, averaged over the rows' other inputs.

    :meth:`InferenceResults.partial_effect` makes it.

    Attributes
    ----------
    feature : str
        Name of the input.
    grid : ndarray of shape (n_points,)
        Values of the input.
    mean, se, lower, upper : ndarray of shape (n_points,) or (n_points, n_outputs)
        Mean over the rows with the input at that value, its standard error, and the band. Bands of
        probabilities and of positive means are made on their logit and logarithm.
    band : {"pointwise", "simultaneous"}
        Whether the band holds at each point, or at all points at once.
    level : float
        Level of the band.
    output_names : tuple of str
        Names of the outputs.
    """

    feature: str
    grid: Array
    mean: Array
    se: Array
    lower: Array
    upper: Array
    band: str
    level: float
    output_names: tuple[str, ...]

    def plot(self, ax: Any = None, output: int = 0) -> Any:
        """Draw the curve of one output with its band.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; new axes if None.
        output : int, default=0
            Position of the output.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = axes(ax)
        columns = (slice(None),) if self.mean.ndim == 1 else (slice(None), output)
        (line,) = ax.plot(self.grid, self.mean[columns])
        label = f"{100 * self.level:g} % {self.band} band"
        ax.fill_between(
            self.grid,
            self.lower[columns],
            self.upper[columns],
            alpha=0.25,
            color=line.get_color(),
            label=label,
        )
        ax.set(xlabel=self.feature, ylabel=f"mean of {self.output_names[output]}")
        return ax


class Contrast(NamedTuple):
    """A difference of mean predictions between two settings of some inputs.

    Attributes
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
    """

    def __init__(
        self, predictor: Predictor, X: Array, sample_weight: Array, offset: Array | None = None
    ):
        self.predictor, self._X, self._weight = predictor, X, sample_weight
        self._offset = offset

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
        X = self._X.copy()
        for feature, value in values.items():
            X[:, feature] = value
        return self._mean(X, output).value_and_gradient(self.predictor.params)

    def contrast(self, contrast: Contrast, output: int) -> tuple[float, Array]:
        """Difference of mean predictions, and its gradient."""
        (above, up), (below, down) = (
            self.at(values, output) for values in (contrast.high, contrast.low)
        )
        return above - below, up - down


def marginal_effects(
    effects: Effects,
    features: list[int],
    contrasts: dict[int, Contrast],
    names: list[str],
) -> MarginalEffects:
    """Average marginal effects of some inputs, contrasts for those that have one."""
    predictor = effects.predictor
    columns = []
    smooth = [j for j in features if j not in contrasts]
    for output in range(predictor.network.n_outputs):
        found = {}
        if smooth:
            values, gradients = effects.derivative(smooth, output)
            found = dict(zip(smooth, zip(values, gradients, strict=True), strict=True))
        for j, contrast in contrasts.items():
            found[j] = effects.contrast(contrast, output)
        columns.append([found[j] for j in features])
    estimates = np.array([[value for value, _ in column] for column in columns]).T
    errors = np.array(
        [predictor.std_errors(np.array([row for _, row in column])) for column in columns]
    ).T
    if len(columns) == 1:
        estimates, errors = estimates[:, 0], errors[:, 0]
    return MarginalEffects(
        names=[contrasts[j].label if j in contrasts else names[j] for j in features],
        effects=estimates,
        std_errors=errors,
        df_denom=predictor.df_denom,
        output_names=predictor.names,
        features=[names[j] for j in features],
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


def partial_effect(
    effects: Effects,
    feature: int,
    name: str,
    grid: Array,
    level: float,
    band: str,
    seed: int,
) -> PartialEffect:
    """Curve of the mean prediction over values of one input."""
    predictor = effects.predictor
    found = [
        [effects.at({feature: float(x)}, output) for x in grid]
        for output in range(predictor.network.n_outputs)
    ]
    mean = np.array([[value for value, _ in curve] for curve in found]).T
    rows = [np.array([row for _, row in curve]) for curve in found]
    se = np.array([predictor.std_errors(curve) for curve in rows]).T
    reach = np.full(len(found), predictor.quantile(level))
    if band == "simultaneous":
        reach = np.array(
            [
                _widest(predictor, curve, errors, level, seed)
                for curve, errors in zip(rows, se.T, strict=True)
            ]
        )
    lower, upper = band_of_means(predictor.loss.out_activation, mean, reach * se)
    arrays = {"mean": mean, "se": se, "lower": lower, "upper": upper}
    if len(found) == 1:
        arrays = {key: array[:, 0] for key, array in arrays.items()}
    return PartialEffect(
        feature=name,
        grid=grid,
        **arrays,
        band=band,
        level=level,
        output_names=predictor.names,
    )


def band_of_means(link: str, mean: Array, reach: Array) -> tuple[Array, Array]:
    """Ends of intervals of means that stay in their range.

    For positive means these are exp(log m -+ r / m), for probabilities the same on their logit,
    where r is the reach on the scale of the mean (delta method); else m -+ r.
    """
    if link not in ("exp", "logistic", "softmax"):
        return mean - reach, mean + reach
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if link == "exp":
            ends = [np.exp(np.log(mean) + sign * reach / mean) for sign in (-1.0, 1.0)]
        else:
            slope = mean * (1.0 - mean)
            ends = [expit(logit(mean) + sign * reach / slope) for sign in (-1.0, 1.0)]
    lower, upper = (np.where(reach == 0.0, mean, end) for end in ends)
    return lower, upper


def _widest(predictor: Predictor, rows: Array, errors: Array, level: float, seed: int) -> float:
    """Quantile of the largest standardised deviation along a curve, from 20000 draws.

    Points without a standard error, or that do not vary, are left out; NaN if all are.
    """
    known = errors > 0
    if not known.any():
        return np.nan
    rows, errors = rows[known], errors[known]
    root = square_root(rows @ predictor.covariance @ rows.T)
    rng = np.random.default_rng(seed)
    draws = root @ rng.standard_normal((len(root), 20_000))
    largest = (np.abs(draws) / errors[:, None]).max(axis=0)
    if np.isfinite(predictor.df_denom):
        df = predictor.df_denom
        largest /= np.sqrt(rng.chisquare(df, largest.shape) / df)
    return float(np.quantile(largest, level))
