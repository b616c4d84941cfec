"""Curves of the mean prediction over one input, with bands (doc/statistics.md 3.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit, logit

from sknewtonnet._figures import axes, curve, name_levels, points_with_bars, readable
from sknewtonnet._tables import (
    Report,
    Shown,
    counted,
    estimate_table,
    fixed,
    imported_pandas,
    labels_of,
    shown_of,
)
from sknewtonnet._typing import Array
from sknewtonnet.calculus import Loss
from sknewtonnet.calculus.functions.scaled_spectrum import square_root
from sknewtonnet.inference._effects import Effects
from sknewtonnet.inference._prediction import Predictor
from sknewtonnet.inference._slope_test import two_valued


@dataclass(frozen=True, eq=False, repr=False)
class PartialEffect(Shown):
    """Mean prediction as a function of one input, averaged over the rows' other inputs.

    :meth:`InferenceResults.partial_effect` makes it.

    Parameters
    ----------
    feature : str
        Name of the input, or of a factor.
    grid : ndarray of shape (n_points,)
        Values of the input; of a factor the numbers of its levels.
    mean, se, lower, upper : ndarray of shape (n_points,) or (n_points, n_outputs)
        Mean over the rows with the input at that value, its standard error, and the band. Bands of
        probabilities and of positive means are made on their logit and logarithm.
    band : {"pointwise", "simultaneous"}
        Whether the band holds at each point, or at all points at once.
    level : float
        Level of the band.
    output_names : tuple of str
        Names of the outputs.
    pointwise : ndarray of the shape of mean and a last axis of 2
        The band that holds at each point, whatever ``band`` is.
    values : ndarray of shape (n_samples,)
        Values of the input in the rows of the fit; of a factor the numbers of their levels.
    levels : tuple of str
        Names of the levels of a factor; empty for an input.

    See Also
    --------
    InferenceResults.partial_effect : The method that makes it.
    MarginalEffects : One number for each input.
    sknewtonnet.display.EffectDisplay : The same as a picture.
    sklearn.inspection.partial_dependence : The curve alone, for any model.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
    >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
    >>> curve = results.partial_effect("x0", grid=[-1.0, 0.0, 1.0])
    >>> curve.mean.round(2).tolist(), curve.se.round(2).tolist()
    ([-1.97, -0.02, 1.93], [0.1, 0.07, 0.11])
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
    pointwise: Array
    values: Array
    levels: tuple[str, ...] = ()

    def to_frame(self) -> Any:
        """The curve as a pandas data frame.

        Returns
        -------
        pandas.DataFrame
            A row per point (and output), named by the value of the input or the level of the
            factor, with the columns "mean", "std_error", "lower" and "upper".

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        pd = imported_pandas()
        points = list(self.levels or self.grid.tolist())
        index: Any = pd.Index(points, name=self.feature)
        if self.mean.ndim == 2:
            names = [self.feature, "output"]
            index = pd.MultiIndex.from_product([points, self.output_names], names=names)
        columns = {
            "mean": self.mean.ravel(),
            "std_error": self.se.ravel(),
            "lower": self.lower.ravel(),
            "upper": self.upper.ravel(),
        }
        return pd.DataFrame(columns, index)

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
            The axes with the curve.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = axes(ax)
        columns = (slice(None),) if self.mean.ndim == 1 else (slice(None), output)
        ends = self.lower[columns], self.upper[columns]
        label = f"{100 * self.level:g} % {self.band} band"
        draw = curve if not self.levels else points_with_bars
        draw(ax, self.grid, self.mean[columns], [(*ends, label)])
        if self.levels:
            name_levels(ax, self.levels)
        ax.set(xlabel=readable(self.feature))
        ax.set_ylabel(f"mean of {readable(self.output_names[output])}")
        return ax

    def _report(self) -> Report:
        n, where = len(self.grid), shown_of(len(self.grid))
        mean, se, lower, upper = (
            array[where] for array in (self.mean, self.se, self.lower, self.upper)
        )
        points = [self.levels[k] for k in where] if self.levels else fixed(self.grid[where])
        table = estimate_table(
            labels_of(self.feature, points, self.output_names, self.mean),
            {"mean": mean, "std. error": se},
            "std. error",
            np.stack([lower, upper], axis=-1),
            self.level,
        )
        of = 1 if self.mean.ndim == 1 else self.mean.shape[1]
        notes = [f"The band is {self.band}; the mean is over the rows' other inputs."]
        title = f"Mean prediction over {self.feature}"
        return Report(title, [table.of_first_and_last(n * of)], notes)

    def _in_words(self) -> str:
        points = counted(len(self.grid), "point")
        return f"of {self.feature} at {points}, {self.band} band, level {self.level:g}"


class Settings(NamedTuple):
    """Values of inputs at the points of a curve, or at the levels of a factor.

    Parameters
    ----------
    name : str
        Of the input or factor.
    grid : ndarray of shape (n_points,)
        Where the points are.
    inputs : sequence of dict of int to float
        The values of inputs at each point, the same for all rows.
    values : ndarray of shape (n_samples,)
        Where the rows are.
    levels : tuple of str
        Names of the levels of a factor.
    """

    name: str
    grid: Array
    inputs: Sequence[dict[int, float]]
    values: Array
    levels: tuple[str, ...] = ()


def _level(name: str, factor: str) -> str:
    """What is left of the name of a dummy without its factor: "town_b" and "town[T.b]" are "b"."""
    inside = name.removeprefix(f"{factor}[").removeprefix("T.").removesuffix("]")
    return inside if name.startswith(f"{factor}[") else name.removeprefix(f"{factor}_")


def levels_of(
    X: Array, members: list[int], factor: str, names: Sequence[str], reference: str
) -> Settings:
    """The levels of a factor from its dummies, of which at most one is high in a row.

    Where in some rows all are low, their level is the first, the reference.

    Raises
    ------
    ValueError
        If the inputs are no dummies of one factor.
    """
    dummies = X[:, members]
    low, high = dummies.min(axis=0), dummies.max(axis=0)
    on = dummies == high
    if not two_valued(dummies).all() or (on.sum(axis=1) > 1).any():
        raise ValueError(
            f"{factor!r} is no factor: of {[names[j] for j in members]}, each must have two "
            "values, and at most one its higher value in a row."
        )
    inputs = [
        {j: float(high[i] if i == k else low[i]) for i, j in enumerate(members)}
        for k in range(len(members))
    ]
    levels = [_level(names[j], factor) for j in members]
    numbers = on.argmax(axis=1)
    if not on.any(axis=1).all():
        inputs = [{j: float(low[i]) for i, j in enumerate(members)}, *inputs]
        levels = [reference, *levels]
        numbers = np.where(on.any(axis=1), numbers + 1, 0)
    grid = np.arange(len(levels), dtype=float)
    return Settings(factor, grid, inputs, numbers.astype(float), tuple(levels))


def partial_effect(
    effects: Effects, settings: Settings, level: float, band: str, seed: int
) -> PartialEffect:
    """Curve of the mean prediction over values of one input, or levels of a factor."""
    predictor = effects.predictor
    found = [
        [effects.at(inputs, output) for inputs in settings.inputs]
        for output in range(predictor.network.n_outputs)
    ]
    mean = np.array([[value for value, _ in column] for column in found]).T
    rows = [np.array([row for _, row in column]) for column in found]
    se = np.array([predictor.std_errors(gradients) for gradients in rows]).T
    reach = np.full(len(found), predictor.quantile(level))
    pointwise = band_of_means(predictor.loss, mean, reach * se)
    lower, upper = pointwise
    if band == "simultaneous":
        reach = np.array(
            [
                _widest(predictor, gradients, errors, level, seed)
                for gradients, errors in zip(rows, se.T, strict=True)
            ]
        )
        lower, upper = band_of_means(predictor.loss, mean, reach * se)
    arrays = {"mean": mean, "se": se, "lower": lower, "upper": upper}
    arrays["pointwise"] = np.stack(pointwise, axis=-1)
    if len(found) == 1:
        arrays = {key: array[:, 0] for key, array in arrays.items()}
    return PartialEffect(
        feature=settings.name,
        grid=settings.grid,
        **arrays,
        band=band,
        level=level,
        output_names=predictor.names,
        values=settings.values,
        levels=settings.levels,
    )


def band_of_means(loss: Loss, mean: Array, reach: Array) -> tuple[Array, Array]:
    """Ends of intervals of means that stay in their range.

    For positive means these are exp(log m -+ r / m), for probabilities the same on their logit,
    where r is the reach on the scale of the mean (delta method); so too, on the distance to the
    bounds, for other ranges. Without a range they are m -+ r.
    """
    low, high = np.broadcast_arrays(*loss.mean_bounds, mean)[:2]
    below, width = np.where(np.isfinite(low), mean - low, np.inf), high - low
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        share, unit = below / width, below * (high - mean) / width
        found = []
        for sign in (-1.0, 1.0):
            step = sign * reach
            inside = low + width * expit(logit(share) + step / unit)
            above = low + np.exp(np.log(below) + step / below)
            end = np.where(np.isfinite(high), inside, above)
            found.append(np.where(np.isfinite(low), end, mean + step))
    lower, upper = (np.where(reach == 0.0, mean, end) for end in found)
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
