"""Curves of the mean prediction over one input, with bands (doc/statistics.md 3.6)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit

from sknewtonnet._figures import axes
from sknewtonnet._typing import Array
from sknewtonnet.calculus import Loss
from sknewtonnet.calculus.functions.scaled_spectrum import square_root
from sknewtonnet.inference._effects import Effects
from sknewtonnet.inference._prediction import Predictor


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
    lower, upper = band_of_means(predictor.loss, mean, reach * se)
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
