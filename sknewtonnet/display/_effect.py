"""Curves of the mean prediction over features, with bands and the rows behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from textwrap import fill
from typing import Any, NamedTuple, Self

import numpy as np

from sknewtonnet._figures import (
    COLOURS,
    LINE_STYLES,
    MARKERS,
    curve,
    ink,
    key,
    name_levels,
    points_with_bars,
    readable,
    style,
)
from sknewtonnet._names import must_be_one_of
from sknewtonnet._typing import Array
from sknewtonnet.display._base import draws
from sknewtonnet.display._statistics import (
    StatisticsDisplay,
    check_results,
    column,
    features_or_factors,
    name_of,
    names_of_features,
    names_of_outputs,
    output_number,
)
from sknewtonnet.inference import InferenceResults, PartialEffect

BANDS = ("both", "pointwise", "simultaneous", "none")
_MOST_PANELS = 60
_MOST_COLUMNS = 4
_MOST_BANDS = 4
# More points than that are a blot.
_MOST_ROWS = 1000
_OF_LINES = ("blue", "vermilion", "green", "purple", "orange", "sky", "black", "grey")


class _Panel(NamedTuple):
    """One feature and the outputs that are drawn together."""

    effect: PartialEffect
    outputs: tuple[int, ...]


class EffectDisplay(StatisticsDisplay):
    """The mean prediction as a function of features, in the units of the data.

    For each feature j the curve is

        m_j(x) = 1/S sum_i s_i mean(x_i with x_ij = x)

    the weighted mean over the rows with the feature at x, of
    :meth:`sknewtonnet.inference.InferenceResults.partial_effect`. The inner band holds at each
    point with the probability ``level``, the outer one at all points at once. Points are partial
    residuals, m_j(x_ij) + y_i - mean(x_i), where the curve is linear between its points; marks at
    the lower edge are the values of the rows. Features with two values and the levels of factors
    are points with bars, thick for the one and thin for all at once.

    Of classes the curves are probabilities, all of them in one panel, each with a marker of its
    own, unless ``output`` names one. Then marks at the upper edge are the rows of that class, and
    those at the lower edge the others. Several targets have panels of their own.

    Parameters
    ----------
    effects : sequence of PartialEffect
        The curves of the features, with both bands.
    residuals : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Targets less predicted means.
    outputs : sequence of int
        Which outputs are drawn.
    output_names : sequence of str
        Names of all outputs.
    classes : bool, default=False
        Whether outputs are classes.
    points : bool, default=True
        Whether there are partial residuals.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes, if there is one panel.
    axes_ : ndarray of matplotlib.axes.Axes of shape (n_rows, n_columns)
        The panels, if there are several; those that are left are switched off.
    figure_ : matplotlib.figure.Figure
        The figure.
    lines_ : list of list of matplotlib.lines.Line2D
        Of each panel the curves, or points of levels.
    bands_ : list of list of list
        Of each panel and curve the bands, or bars, the widest first.
    residuals_ : list of matplotlib.collections.PathCollection or None
        Of each panel the partial residuals.
    rugs_ : list of list of matplotlib.lines.Line2D
        Of each panel the marks of the rows.

    See Also
    --------
    CoefficientDisplay : Average effects in one picture.
    sklearn.inspection.PartialDependenceDisplay : The same curves of any model, without bands.

    References
    ----------
    Friedman (2001), Greedy function approximation, Annals of Statistics 29; Fox and Weisberg
    (2018), Visualizing fit and lack of fit in complex regression models, J. Statistical Software
    87.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.display import EffectDisplay
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    >>> net = NewtonMLPRegressor((1,), alpha=1.0, random_state=0).fit(X, y)
    >>> display = EffectDisplay.from_estimator(net, X, y, features=["bmi", "bp"])
    >>> display.axes_.shape, display.axes_[0, 0].get_xlabel()
    ((1, 2), 'bmi')
    """

    def __init__(
        self,
        *,
        effects: Sequence[PartialEffect],
        residuals: Array,
        outputs: Sequence[int],
        output_names: Sequence[str],
        classes: bool = False,
        points: bool = True,
    ):
        self.effects = effects
        self.residuals = residuals
        self.outputs = outputs
        self.output_names = output_names
        self.classes = classes
        self.points = points

    @classmethod
    def from_results(
        cls,
        results: InferenceResults,
        features: Sequence[int | str] | int | str | None = None,
        *,
        output: int | str | None = None,
        level: float = 0.95,
        n_points: int = 50,
        groups: Mapping[str, Sequence[str]] | None = None,
        residuals: bool | str = "auto",
        random_state: int = 0,
        target_name: str | None = None,
        ax: Any = None,
        **keywords: Any,
    ) -> Self:
        """Draw the effects of features by results.

        Parameters
        ----------
        results : InferenceResults
            Those of the ``inference`` of a net, with the data.
        features : int, str or list of them, default=None
            Features by name or position, or names of groups or of categorical columns before a
            pipeline; all if None.
        output : int or str, default=None
            Which target or class, by position or name; all if None.
        level : float, default=0.95
            Level of the bands.
        n_points : int, default=50
            Number of points of a curve.
        groups : mapping of str to list of str, default=None
            Dummies of factors, whose levels are drawn together.
        residuals : "auto" or bool, default="auto"
            Whether there are partial residuals. "auto": unless outputs are classes.
        random_state : int, default=0
            Seed of the simulation behind the outer bands.
        target_name : str, default=None
            What a single target is called; None: "y". :meth:`from_estimator` takes the name of a
            column.
        ax : matplotlib.axes.Axes, default=None
            Where to draw, or whose place several panels take; a new figure if None.
        **keywords : dict
            As in :meth:`plot`.

        Returns
        -------
        EffectDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If a name is unknown, or another argument is not allowed.
        """
        check_results(results)
        cls._check_plot(ax, keywords)
        _check_bands(keywords.get("bands", "both"))
        if not isinstance(residuals, bool) and residuals != "auto":
            raise ValueError(must_be_one_of("residuals", residuals, ["auto", True, False]))
        n_outputs, classes = len(results.output_names), _are_classes(results)
        outputs = list(range(n_outputs))
        if output is not None:
            outputs = [output_number(output, results.output_names)]
        if features is None:
            chosen = features_or_factors(results, groups)
        else:
            chosen = names_of_features("features", features, results.feature_names)
        n_panels = len(chosen) * (1 if classes else len(outputs))
        if not 0 < n_panels <= _MOST_PANELS:
            raise ValueError(
                f"features must name those of 1 to {_MOST_PANELS} panels, got {n_panels} panels: "
                "choose some of the features, or one output."
            )
        asked: dict[str, Any] = {
            "level": level,
            "n_points": n_points,
            "random_state": random_state,
        }
        asked |= {"band": "simultaneous", "groups": groups}
        return cls(
            effects=[_of_levels(results, name, asked) for name in chosen],
            residuals=results.resid_response,
            outputs=outputs,
            output_names=names_of_outputs(results, target_name),
            classes=classes,
            points=not classes if residuals == "auto" else bool(residuals),
        ).plot(ax=ax, **keywords)

    @classmethod
    def _of_table(cls, X: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        return name_of(y)

    @draws
    def plot(
        self,
        ax: Any = None,
        *,
        bands: str = "both",
        rug: bool = True,
        same_scale: bool = True,
        line_kwargs: Mapping[str, Any] | None = None,
        point_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw a panel for each feature, and for each of several targets.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw, or whose place several panels take; a new figure if None.
        bands : {"both", "pointwise", "simultaneous", "none"}, default="both"
            Which bands; of several classes in one panel "both" is "pointwise", and "none" of more
            than four.
        rug : bool, default=True
            Whether the values of the rows are marked.
        same_scale : bool, default=True
            Whether panels of one target have the same vertical axis.
        line_kwargs : dict, default=None
            Keywords of the curves.
        point_kwargs : dict, default=None
            Keywords of the partial residuals.

        Returns
        -------
        EffectDisplay
            The display itself.

        Raises
        ------
        ValueError
            If ``bands`` is none of these.
        """
        _check_bands(bands)
        together = [tuple(self.outputs)] if self.classes else [(o,) for o in self.outputs]
        panels = [_Panel(effect, outputs) for outputs in together for effect in self.effects]
        own = ax is None
        n_features = len(self.effects)
        n_columns = min(_MOST_COLUMNS, n_features if n_features > 1 else len(panels))
        height = 3.0 if any(effect.levels for effect in self.effects) else 2.5  # of names below
        places = self._panels(len(panels), n_columns, ax, (2.7, height))
        self.lines_: list[list[Any]] = []
        self.bands_: list[list[list[Any]]] = []
        self.residuals_: list[Any] = []
        self.rugs_: list[list[Any]] = []
        for k, (panel, place) in enumerate(zip(panels, places, strict=True)):
            self.residuals_.append(self._partial_residuals(place, panel, point_kwargs))
            self._curves(place, panel, bands, line_kwargs)
            self.rugs_.append(self._rug(place, panel) if rug else [])
            name = readable(panel.effect.feature)
            place.set_xlabel(name if len(panels) == 1 else fill(name, 28))
            # Of panels with the same scale only the first of a row or target needs a name.
            first = k % n_columns == 0 or panel.outputs != panels[k - 1].outputs
            if first or not same_scale:
                place.set_ylabel(fill(self._height_name(panel), 28))
        if same_scale:
            _same_heights([panel.outputs for panel in panels], places)
        handles, labels = places[0].get_legend_handles_labels()
        key(self.figure_, places[0], handles, labels, own)
        return self

    def _height_name(self, panel: _Panel) -> str:
        if self.classes and len(panel.outputs) > 1:
            return "probability"
        what = "probability" if self.classes else "mean"
        return f"{what} of {readable(self.output_names[panel.outputs[0]])}"

    def _curves(self, ax: Any, panel: _Panel, bands: str, given: Mapping[str, Any] | None) -> None:
        """The curves of one panel with their bands."""
        from matplotlib.lines import Line2D

        effect, several = panel.effect, len(panel.outputs) > 1
        lines, filled = [], []
        for k, output in enumerate(panel.outputs):
            name = _OF_LINES[k % len(_OF_LINES)]
            look = {"color": ink() if name == "black" else COLOURS[name], "zorder": 3}
            if several:
                marker = MARKERS[
                    (k + k // len(_OF_LINES)) % len(MARKERS)
                ]  # another one in each round
                look |= {"marker": marker, "label": readable(self.output_names[output])}
            shift = 0.08 * (k - (len(panel.outputs) - 1) / 2.0) if effect.levels else 0.0
            if not effect.levels:
                look |= {
                    "ls": LINE_STYLES[k % len(LINE_STYLES)],
                    "markersize": 4.0,
                    "markevery": (k, 8),
                }
            ends = _bands(effect, output, bands, several)
            draw = points_with_bars if effect.levels else curve
            mean = column(effect.mean, output)
            line, parts = draw(ax, effect.grid + shift, mean, ends, **style(look, given, Line2D))
            lines.append(line)
            filled.append(parts)
        if effect.levels:
            name_levels(ax, effect.levels)
        self.lines_.append(lines)
        self.bands_.append(filled)

    def _partial_residuals(self, ax: Any, panel: _Panel, given: Mapping[str, Any] | None) -> Any:
        """The rows about the curve, where there is one."""
        from matplotlib.collections import PathCollection

        if not self.points or len(panel.outputs) > 1:
            return None
        effect, output = panel.effect, panel.outputs[0]
        rows = _some_rows(len(effect.values))
        x = effect.values[rows]
        order = np.argsort(effect.grid, kind="stable")
        known = np.interp(x, effect.grid[order], column(effect.mean, output)[order])
        y = known + column(self.residuals, output)[rows]
        if effect.levels:
            x = x + 0.3 * (np.random.default_rng(0).random(len(x)) - 0.5)
        look = {"s": 6, "c": COLOURS["grey"], "alpha": 0.5, "linewidths": 0, "zorder": 1}
        return ax.scatter(x, y, **style(look, given, PathCollection))

    def _rug(self, ax: Any, panel: _Panel) -> list[Any]:
        """The values of the rows; those of a class above."""
        if panel.effect.levels:
            return []
        rows = _some_rows(len(panel.effect.values))
        x, above = panel.effect.values[rows], np.zeros(len(rows), dtype=bool)
        if self.classes and len(panel.outputs) == 1:
            # The residual of a row of the class is one less its probability.
            above = column(self.residuals, panel.outputs[0])[rows] > 0.0
        look = {"color": COLOURS["grey"], "alpha": 0.6, "markersize": 7.0, "ls": "", "zorder": 1}
        return [
            ax.plot(
                x[some],
                np.full(int(some.sum()), height),
                marker="|",
                transform=ax.get_xaxis_transform(),
                **look,
            )[0]
            for some, height in ((~above, 0.0), (above, 1.0))
            if some.any()
        ]


def _check_bands(bands: str) -> None:
    if bands not in BANDS:
        raise ValueError(must_be_one_of("bands", bands, BANDS))


def _are_classes(results: InferenceResults) -> bool:
    return bool(results.information.objective.loss.for_classes)


def _of_levels(results: InferenceResults, name: str, asked: Mapping[str, Any]) -> PartialEffect:
    """The curve; of a feature with two values the means at these."""
    found = results.partial_effect(name, **asked)
    values = np.unique(found.values)
    if found.levels or len(values) != 2:
        return found
    ends = results.partial_effect(name, values, **asked)
    return replace(
        ends,
        grid=np.arange(2.0),
        values=(found.values == values[1]).astype(float),
        levels=tuple(f"{value:g}" for value in values),
    )


def _bands(
    effect: PartialEffect, output: int, bands: str, several: bool
) -> list[tuple[Array, Array, str | None]]:
    """Ends of the bands of one output, the widest first, and what they are called."""
    narrow = effect.pointwise[:, output] if effect.mean.ndim > 1 else effect.pointwise
    share = f"{100.0 * effect.level:g} %"
    known = {
        "simultaneous": (column(effect.lower, output), column(effect.upper, output)),
        "pointwise": (narrow[:, 0], narrow[:, 1]),
    }
    words = {"simultaneous": f"{share} band, all points at once", "pointwise": f"{share} band"}
    if bands == "both" and several:  # bands of several curves hide each other
        bands = "pointwise" if effect.mean.shape[1] <= _MOST_BANDS else "none"
    wanted = known if bands == "both" else {k: v for k, v in known.items() if k == bands}
    return [(*ends, None if several else words[name]) for name, ends in wanted.items()]


def _some_rows(n: int) -> Any:
    """Positions of the rows that are drawn: all, or some of many."""
    if n <= _MOST_ROWS:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, _MOST_ROWS, replace=False))


def _same_heights(outputs: Sequence[tuple[int, ...]], places: Sequence[Any]) -> None:
    """The same vertical limits for all panels of the same outputs."""
    for each in dict.fromkeys(outputs):
        own = [place for known, place in zip(outputs, places, strict=True) if known == each]
        limits = np.array([place.get_ylim() for place in own])
        for place in own:
            place.set_ylim(limits[:, 0].min(), limits[:, 1].max())
