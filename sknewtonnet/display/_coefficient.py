"""Effects or weights with their intervals, one below the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any, Self

import numpy as np

from sknewtonnet._figures import COLOURS, key, name_rows, paper, readable, rows_size, style
from sknewtonnet._names import must_be_one_of
from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus.pieces.validation import check_count, check_truth
from sknewtonnet.display._base import draws
from sknewtonnet.display._statistics import (
    StatisticsDisplay,
    check_results,
    column,
    largest,
    name_of,
    names_of_features,
    names_of_outputs,
    output_number,
)
from sknewtonnet.inference import InferenceResults

ROWS = ("effects", "parameters")
UNITS = ("unit", "std")
_MOST_ROWS = 50
_MOST_COLUMNS = 4


class CoefficientDisplay(StatisticsDisplay):
    """Average effects of features, or weights, with confidence intervals: a forest plot.

    An effect is the mean over the rows of d mean / d feature, in units of the target per unit of
    the feature, or a difference between two values, as
    :meth:`sknewtonnet.inference.InferenceResults.marginal_effects` has it; weights are the
    parameters of the net in the units of the table. An interval is the estimate -+ quantile times
    standard error. A full marker is an interval without zero, a hollow one an interval with zero;
    a cross has no standard error; and a dotted interval is one of a weight that is not
    identified, so that there is no test of it.

    Parameters
    ----------
    names : sequence of str
        Names of the rows.
    estimates : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        Estimates.
    intervals : ndarray of shape (n_rows, 2) or (n_rows, n_outputs, 2)
        Lower and upper ends.
    p_values : ndarray of the shape of ``estimates``
        P-values of the hypotheses that they are zero; NaN where there is no test.
    level : float
        Level of the intervals.
    quantity : str
        What the estimates are, for the axis.
    output_names : sequence of str
        Names of the outputs, of which each has a panel.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes, if there is one panel.
    axes_ : ndarray of matplotlib.axes.Axes of shape (n_rows, n_columns)
        The panels, if there are several.
    figure_ : matplotlib.figure.Figure
        The figure.
    points_ : list of dict of str to matplotlib.lines.Line2D
        Of each panel the markers: those with an interval "without 0", "with 0", "no test" and
        "no error", as far as there are any.
    intervals_ : list of dict of str to matplotlib.collections.LineCollection
        Of each panel the intervals, likewise.

    See Also
    --------
    EffectDisplay : How the mean depends on a feature over all its values.
    ImportanceDisplay : How much features count.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.display import CoefficientDisplay
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    >>> net = NewtonMLPRegressor((1,), alpha=1.0, random_state=0).fit(X, y)
    >>> display = CoefficientDisplay.from_estimator(net, X, y, per="std")
    >>> display.ax_.get_xlabel()
    'average effect on target per standard deviation'
    """

    def __init__(
        self,
        *,
        names: Sequence[str],
        estimates: Array,
        intervals: Array,
        p_values: Array,
        level: float,
        quantity: str,
        output_names: Sequence[str],
    ):
        self.names = names
        self.estimates = estimates
        self.intervals = intervals
        self.p_values = p_values
        self.level = level
        self.quantity = quantity
        self.output_names = output_names

    @classmethod
    def from_results(
        cls,
        results: InferenceResults,
        rows: str = "effects",
        *,
        names: Sequence[int | str] | int | str | None = None,
        output: int | str | None = None,
        level: float = 0.95,
        per: str = "unit",
        groups: Mapping[str, Sequence[str]] | None = None,
        target_name: str | None = None,
        ax: Any = None,
        **keywords: Any,
    ) -> Self:
        """Draw the effects or weights of results.

        Parameters
        ----------
        results : InferenceResults
            Those of the ``inference`` of a net.
        rows : {"effects", "parameters"}, default="effects"
            Average marginal effects of features, or parameters.
        names : int, str or list of them, default=None
            Features, or parameters, by name or position; all if None.
        output : int or str, default=None
            Which target or class effects are on, by position or name; a panel for each if None.
        level : float, default=0.95
            Level of the intervals.
        per : {"unit", "std"}, default="unit"
            Whether effects are per unit of the feature or per standard deviation, so that those
            of features with different units compare. Differences between two values are the same.
        groups : mapping of str to list of str, default=None
            Dummies of factors, as in ``marginal_effects``.
        target_name : str, default=None
            What a single target is called; None: "y". :meth:`from_estimator` takes the name of a
            column.
        ax : matplotlib.axes.Axes, default=None
            Where to draw, or whose place several panels take; a new figure if None.
        **keywords : dict
            As in :meth:`plot`.

        Returns
        -------
        CoefficientDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If a name is unknown, or another argument is not allowed.
        """
        check_results(results)
        cls._check_plot(ax, keywords)
        for argument, given, allowed in (("rows", rows, ROWS), ("per", per, UNITS)):
            if given not in allowed:
                raise ValueError(must_be_one_of(argument, given, allowed))
        if rows == "parameters":
            chosen = _positions(names, results.names)
            return cls(
                names=[results.names[k] for k in chosen],
                estimates=results.params[chosen],
                intervals=results.conf_int(level)[chosen],
                p_values=results.p_values[chosen],
                level=level,
                quantity="estimate",
                output_names=("",),
            ).plot(ax=ax, **keywords)
        known = results.output_names
        outputs = range(len(known)) if output is None else [output_number(output, known)]
        if names is not None:
            names = names_of_features("names", names, results.feature_names)
        effects = results.marginal_effects(names, groups=groups)
        intervals, scale = effects.conf_int(level), np.ones(len(effects.names))
        if per == "std":
            spread = dict(zip(results.feature_names, results.feature_std, strict=True))
            smooth = [a == b for a, b in zip(effects.names, effects.features, strict=True)]
            scale = np.where(smooth, [spread[name] for name in effects.features], 1.0)
        shape = (len(scale), len(known))
        return cls(
            names=effects.names,
            estimates=(effects.effects.reshape(shape) * scale[:, None])[:, outputs],
            intervals=(intervals.reshape(*shape, 2) * scale[:, None, None])[:, outputs],
            p_values=effects.p_values.reshape(shape)[:, outputs],
            level=level,
            quantity=_quantity(results, per),
            output_names=[names_of_outputs(results, target_name)[o] for o in outputs],
        ).plot(ax=ax, **keywords)

    @classmethod
    def _of_table(cls, X: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        return name_of(y)

    @draws
    def plot(
        self,
        ax: Any = None,
        *,
        sort: bool = False,
        max_rows: int = _MOST_ROWS,
        point_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw a row for each estimate, the first on top, and a panel for each output.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw, or whose place several panels take; a new figure if None.
        sort : bool, default=False
            Whether the largest estimates (of the first output) come first, else the order is that
            of the table.
        max_rows : int, default=50
            Of more rows those are drawn that are farthest from zero in units of their intervals,
            and the axis says how many are left out.
        point_kwargs : dict, default=None
            Keywords of the markers.

        Returns
        -------
        CoefficientDisplay
            The display itself.
        """
        check_truth("sort", sort)
        check_count("max_rows", max_rows)
        rows, n_panels = self._rows(sort, max_rows), len(self.output_names)
        self.points_: list[dict[str, Any]] = []
        self.intervals_: list[dict[str, Any]] = []
        names = [self.names[i] for i in rows]
        width, height = rows_size(names)
        n_columns = min(n_panels, _MOST_COLUMNS)
        size = (2.2 + (width - 3.0) / n_columns, height + 0.4)
        places = self._panels(n_panels, n_columns, ax, size, (width, height))
        left = len(self.names) - len(rows)
        for k, place in enumerate(places):
            self._forest(place, rows, k, point_kwargs)
            quantity = self.quantity.format(name=readable(self.output_names[k]))
            place.set_xlabel(fill(quantity, 60 if n_panels == 1 else 26))
            if k % n_columns:
                place.set_yticks([])
                continue
            name_rows(place, names, self._width(places))
            if left:
                place.set_ylabel(f"({left} less certain ones left out)")
        self._key(places[0], own=ax is None)
        return self

    def _rows(self, sort: bool, max_rows: int) -> Ints:
        """Which rows are drawn, in their order."""
        reach = self.intervals[..., 1] - self.intervals[..., 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            sure = np.abs(self.estimates) / np.where(reach > 0.0, reach, np.nan)
        sure = np.nan_to_num(sure, nan=0.0).reshape(len(self.names), -1)
        rows = np.sort(largest(sure.max(axis=1), max_rows))
        if not sort:
            return rows
        return rows[np.argsort(-column(self.estimates, 0)[rows], kind="stable")]

    def _width(self, places: Sequence[Any]) -> float:
        """Width of the panels in a row, all of which make room for the names."""
        extents = [place.get_window_extent() for place in places]
        ends = max(one.x1 for one in extents) - min(one.x0 for one in extents)
        return float(ends) / float(self.figure_.dpi)

    def _forest(self, ax: Any, rows: Ints, panel: int, given: Mapping[str, Any] | None) -> None:
        """The estimates of one output with their intervals."""
        from matplotlib.lines import Line2D

        several = self.estimates.ndim > 1
        estimates = column(self.estimates, panel)[rows]
        low, high = (self.intervals[:, panel] if several else self.intervals)[rows].T
        states = _states(low, high, column(self.p_values, panel)[rows])
        height = np.arange(len(rows), dtype=float)
        points, intervals = {}, {}
        for state, some in states.items():
            if not some.any():
                continue
            look = {"ls": "", "marker": "o", "color": COLOURS["blue"], "markersize": 5.0}
            look |= _LOOKS[state]
            if state in _HOLLOW:
                look["markerfacecolor"] = paper()
            (points[state],) = ax.plot(estimates[some], height[some], **style(look, given, Line2D))
            if state != "no error":
                wide = 2.0 if state == "without 0" else 1.0
                dash = ":" if state == "no test" else "-"
                look = {"color": COLOURS["blue"], "lw": wide, "linestyles": dash, "zorder": 1}
                intervals[state] = ax.hlines(height[some], low[some], high[some], **look)
        ax.axvline(0.0, color=COLOURS["grey"], lw=0.8, zorder=0)
        ax.set_ylim(len(rows) - 0.5, -0.5)
        self.points_.append(points)
        self.intervals_.append(intervals)

    def _key(self, ax: Any, own: bool) -> None:
        """What markers mean, above a figure of its own."""
        share = f"{100.0 * self.level:g} % interval"
        words = {
            "without 0": f"{share} without 0",
            "with 0": f"{share} with 0",
            "no test": f"{share}, not identified",
            "no error": "no standard error",
        }
        found: dict[str, Any] = {}
        for points in self.points_:
            found = {**points, **found}
        known = [state for state in words if state in found]
        handles, labels = [found[state] for state in known], [words[state] for state in known]
        key(self.figure_, ax, handles, labels, own)


# A colour alone tells nothing apart.
_HOLLOW = ("with 0", "no test")
_LOOKS: dict[str, dict[str, Any]] = {
    "without 0": {},
    "with 0": {},
    "no test": {"marker": "s"},
    "no error": {"marker": "x"},
}


def _states(low: Array, high: Array, p_values: Array) -> dict[str, Bools]:
    """Which rows have an interval without zero, one with zero, no test, or no interval."""
    known = np.isfinite(low) & np.isfinite(high) & (low < high)
    tested = known & np.isfinite(p_values)
    outside = (low > 0.0) | (high < 0.0)
    return {
        "without 0": tested & outside,
        "with 0": tested & ~outside,
        "no test": known & ~tested,
        "no error": ~known,
    }


def _positions(names: Sequence[int | str] | int | str | None, known: Sequence[str]) -> Ints:
    """Positions of parameters by their names."""
    if names is None:
        return np.arange(len(known))
    chosen = [names] if isinstance(names, int | str) else list(names)
    return np.array([output_number(name, known, "names") for name in chosen], dtype=int)


def _quantity(results: InferenceResults, per: str) -> str:
    """What effects are, with a place for the name of the output."""
    chance = "the probability of " if results.information.objective.loss.for_classes else ""
    unit = " per standard deviation" if per == "std" else ""
    return f"average effect on {chance}{{name}}{unit}"
