"""Radial units over the data: centres and ellipses in two features, bumps along one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_consistent_length, validate_data

from sknewtonnet._figures import COLOURS, MARKERS, SEQUENTIAL, ink, readable, style
from sknewtonnet._names import unknown_name
from sknewtonnet._typing import Array
from sknewtonnet.calculus.pieces.validation import real_array
from sknewtonnet.display._base import Display, draws
from sknewtonnet.display._labels import shortened
from sknewtonnet.display._nets import fitted_net
from sknewtonnet.display._statistics import name_of, output_number
from sknewtonnet.estimators import fit_of

_ANGLES = np.linspace(0.0, 2.0 * np.pi, 181)
_WIDTHS = (0.6, 3.0)  # lines of the smallest and of the largest coefficient, in points
# Not those of the signs.
_CLASSES = tuple(COLOURS[name] for name in ("orange", "green", "purple", "sky", "grey"))
_LABEL = 14  # letters of a label
_NEAR = 12.0  # centres with one label, in points
_MARGIN = 0.12  # on each side, of the range of the data


class RBFDisplay(Display):
    """Radial units of a net over the data, in one or two features, in the units of the table.

    In two features each unit is drawn by its centre mu and by ellipses of points x with

        (x - mu)' C^-1 (x - mu) = d^2,

    where C is its covariance of these two features. There the unit has the value exp(-d^2 / 2),
    the largest that it takes over all values of other features. In one feature it is the bump
    o exp(-(x - mu)^2 / (2 C)), with o its coefficient: its contribution to the raw prediction,
    in the units of the target under an identity link. The larger o is in absolute value, the
    wider are the lines; those of positive o are solid and blue, with a plus at the centre, those
    of negative o dashed and vermilion, with a minus.

    Parameters
    ----------
    X : array-like of shape (n_samples, 1) or (n_samples, 2)
        The data, in the chosen features.
    centers : array-like of shape (n_centers, 1) or (n_centers, 2)
        Centres of the units in these.
    covariances : array-like of shape (n_centers, 1, 1) or (n_centers, 2, 2)
        Their covariances in these.
    coefficients : array-like of shape (n_centers,), default=None
        Weights from the units to an output; None where further hidden layers read them.
    feature_names : sequence of str, default=("x0", "x1")
        Names of the chosen features.
    output_name : str, default="y"
        Name of that output.
    y : array-like of shape (n_samples,), default=None
        Numbers or classes, for the colours of the data.

    Attributes
    ----------
    points_ : list of matplotlib.collections.PathCollection
        The data, for each class; in one feature marks at the foot.
    lines_ : list of list of matplotlib.lines.Line2D
        For each unit its ellipses, or its bump.
    centers_ : list of matplotlib.lines.Line2D
        For each unit the mark of its centre.
    labels_ : list of matplotlib.text.Annotation
        Names of the units whose centres lie within the picture.
    legend_ : matplotlib.legend.Legend
        The key; it names the units whose centres do not.
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.

    See Also
    --------
    sknewtonnet.RBFNetRegressor : ``centers_`` and ``covariances_`` have the numbers.
    sknewtonnet.inference.InferenceResults.radial_units : The numbers with standard errors.
    NetworkDisplay : The net with its weights.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknewtonnet import RBFNetClassifier
    >>> from sknewtonnet.display import RBFDisplay
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> net = RBFNetClassifier(3, alpha=1.0, random_state=0).fit(X, y)
    >>> display = RBFDisplay.from_estimator(net, X, y, features=[2, 3])
    >>> display.ax_.get_xlabel()
    'petal length (cm)'
    """

    def __init__(
        self,
        *,
        X: ArrayLike,
        centers: ArrayLike,
        covariances: ArrayLike,
        coefficients: ArrayLike | None = None,
        feature_names: Sequence[str] = ("x0", "x1"),
        output_name: str = "y",
        y: ArrayLike | None = None,
    ) -> None:
        self.X = X
        self.centers = centers
        self.covariances = covariances
        self.coefficients = coefficients
        self.feature_names = feature_names
        self.output_name = output_name
        self.y = y

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        features: Sequence[int | str] | int | str | None = None,
        output: int | str = 0,
        ax: Any = None,
        **keywords: Any,
    ) -> Self:
        """Draw the radial units of a fitted net.

        Parameters
        ----------
        estimator : RBFNetRegressor or RBFNetClassifier
            Fitted, or a pipeline, a search or a pruning that ends in one. Behind the steps of a
            pipeline features are the columns that the net reads, in their units.
        X : array-like or data frame of shape (n_samples, n_features)
            The data to draw, all features of the fit.
        y : array-like of shape (n_samples,), default=None
            Their targets, for colours; all points are grey if None.
        features : sequence of one or two, int or str, default=None
            Features of the picture, by their names or positions; the first two if None, or the
            only one.
        output : int or str, default=0
            The output, or class, whose coefficients are shown, by its name or position.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.
        **keywords : dict
            As in :meth:`plot`.

        Returns
        -------
        RBFDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the net is not fitted.
        TypeError
            If there is no net with radial units.
        ValueError
            If its units have no covariances, X has other features than the fit, X and y do not
            have as many rows, or ``features`` or ``output`` are none of the net.
        """
        cls._check_plot(ax, keywords)
        net = fitted_net(estimator, cls.__name__)
        if not hasattr(net, "precisions_"):
            raise TypeError(
                f"{cls.__name__} draws the units of RBFNetRegressor and RBFNetClassifier, got "
                f"{type(net).__name__}."
            )
        if isinstance(estimator, Pipeline):
            X = estimator[:-1].transform(X)
        fit = fit_of(net)
        table = validate_data(net, X, reset=False, dtype=float)
        check_consistent_length(table, y)
        which = _chosen(features, fit.feature_names)
        centers, covariances = _shapes(net)
        names = fit.network.output_names
        place = output_number(output, names)
        known = name_of(y).get("target_name")
        label = known if known is not None and names == ("y",) else names[place]
        direct = len(fit.network.layers) == 2
        m = len(centers)
        display = cls(
            X=table[:, which],
            centers=centers[:, which],
            covariances=covariances[:, which][:, :, which],
            coefficients=net.coefs_[0][-m:, place] if direct else None,
            feature_names=[fit.feature_names[j] for j in which],
            output_name=label,
            y=None if y is None else _of_output(y, place, is_classifier(net)),
        )
        return display.plot(ax, **keywords)

    @draws
    def plot(
        self,
        ax: Any = None,
        *,
        distances: Sequence[float] = (1.0,),
        line_kwargs: Mapping[str, Any] | None = None,
        point_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw the units.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.
        distances : sequence of float, default=(1.0,)
            The distances d of the ellipses, in standard deviations.
        line_kwargs : dict, default=None
            Keywords of ellipses and bumps, for :meth:`matplotlib.axes.Axes.plot`.
        point_kwargs : dict, default=None
            Keywords of the data, for :meth:`matplotlib.axes.Axes.scatter`.

        Returns
        -------
        RBFDisplay
            The display itself.
        """
        sizes = np.atleast_1d(real_array("distances", distances))
        if sizes.ndim > 1 or not (np.isfinite(sizes) & (sizes > 0.0)).all():
            raise ValueError(f"distances must be positive numbers, got {distances!r}.")
        ax = self._place(ax)
        X, centers = np.asarray(self.X, dtype=float), np.asarray(self.centers, dtype=float)
        covariances = np.asarray(self.covariances, dtype=float)
        given = None if self.coefficients is None else np.asarray(self.coefficients, dtype=float)
        coefficients = np.ones(len(centers)) if given is None else given
        limits = _limits(X)
        if X.shape[1] == 2:
            curves = [
                [_ellipse(*unit, distance) for distance in sizes]
                for unit in zip(centers, covariances, strict=True)
            ]
            heights = centers[:, 1]
            ax.set(xlim=limits[0], ylim=limits[1])
            ax.set_ylabel(readable(self.feature_names[1]))
        else:
            grid = np.linspace(limits[0, 0], limits[0, 1], 400)
            units = zip(centers[:, 0], covariances[:, 0, 0], coefficients, strict=True)
            curves = [[_bump(grid, *unit)] for unit in units]
            heights = coefficients
            ax.axhline(0.0, color="0.8", linewidth=0.8, zorder=0)
            what = "value" if given is None else f"contribution to {readable(self.output_name)}"
            ax.set(xlim=limits[0], ylabel=f"{what} of each unit")
            ax.margins(y=0.1)
        ax.set_xlabel(readable(self.feature_names[0]))
        self._draw_units(ax, curves, np.column_stack([centers[:, 0], heights]), given, line_kwargs)
        self.points_ = self._draw_points(ax, X, point_kwargs)
        outside = ~((centers >= limits[:, 0]) & (centers <= limits[:, 1])).all(axis=1)
        self._draw_key(ax, given, outside, tuple(sizes) if X.shape[1] == 2 else ())
        return self

    def _draw_units(
        self,
        ax: Any,
        curves: Sequence[Sequence[Array]],
        marks: Array,
        coefficients: Array | None,
        keywords: Mapping[str, Any] | None,
    ) -> None:
        """Curves of all units, their centres and names."""
        from matplotlib.lines import Line2D

        self.lines_, self.centers_ = [], []
        for unit, (own, (x, y)) in enumerate(zip(curves, marks, strict=True)):
            look = _looks(unit, coefficients)
            line = {name: look[name] for name in ("color", "linewidth", "linestyle")}
            self.lines_.append(
                [ax.plot(*path.T, **style(line, keywords, Line2D))[0] for path in own]
            )
            (mark,) = ax.plot(
                x,
                y,
                look["marker"],
                color=look["color"],
                markersize=9,
                markeredgewidth=2,
                zorder=4,
            )
            self.centers_.append(mark)
        self._name_units(ax, marks)

    def _name_units(self, ax: Any, marks: Array) -> None:
        """Names at centres within the picture; those of centres close together are one label."""
        near = _NEAR * ax.figure.dpi / 72.0
        ax.autoscale_view()
        places = ax.transData.transform(marks)
        inside = ax.bbox.padded(1.0)
        groups: list[list[int]] = []
        for unit in range(len(marks)):
            if not inside.contains(*places[unit]):
                continue
            first = (g for g in groups if np.hypot(*(places[unit] - places[g[0]])) < near)
            group = next(first, None)
            if group is None:
                groups.append([unit])
            else:
                group.append(unit)
        self.labels_ = [
            ax.annotate(
                shortened([f"c{unit}" for unit in group], _LABEL),
                marks[group[0]],
                (5.0, 5.0),
                textcoords="offset points",
                fontsize=8.0,
                zorder=5,
            )
            for group in groups
        ]

    def _draw_points(self, ax: Any, X: Array, keywords: Mapping[str, Any] | None) -> list[Any]:
        """The data: a colour for each number, a mark for each class, or grey."""
        from matplotlib.collections import PathCollection

        if X.shape[1] == 1:
            foot: dict[str, Any] = {"s": 60.0, "marker": "|", "color": "0.4", "linewidths": 0.6}
            looks = style(foot, keywords, PathCollection)
            where: dict[str, Any] = {"transform": ax.get_xaxis_transform(), "zorder": 1}
            return [ax.scatter(X[:, 0], np.full(len(X), 0.02), **looks, **where)]
        y = None if self.y is None else np.asarray(self.y)
        points: dict[str, Any] = {"s": 14.0, "linewidths": 0.0, "zorder": 1}
        if y is None:
            looks = style(points | {"color": "0.6"}, keywords, PathCollection)
            return [ax.scatter(*X.T, **looks)]
        if y.dtype.kind == "f":
            looks = style(points | {"cmap": SEQUENTIAL}, keywords, PathCollection)
            drawn = ax.scatter(*X.T, c=y, **looks)
            ax.figure.colorbar(drawn, ax=ax, label=readable(self.output_name))
            return [drawn]
        found = []
        for k, name in enumerate(np.unique(y)):
            own: dict[str, Any] = {"label": readable(name), "alpha": 0.7}
            own |= {"color": _CLASSES[(k + k // len(MARKERS)) % len(_CLASSES)]}
            own |= {"marker": MARKERS[k % len(MARKERS)]}
            looks = style(points | own, keywords, PathCollection)
            found.append(ax.scatter(*X[y == name].T, **looks))
        return found

    def _draw_key(
        self, ax: Any, coefficients: Array | None, outside: Any, distances: Sequence[float]
    ) -> None:
        """What lines mean, and which units lie outside."""
        from matplotlib.lines import Line2D
        from matplotlib.transforms import ScaledTranslation

        handles, said = [], []
        if coefficients is not None:
            for sign, text in ((1.0, "positive"), (-1.0, "negative")):
                own = np.flatnonzero(coefficients * sign > 0)
                if len(own):
                    unit = own[np.argmax(np.abs(coefficients[own]))]
                    label = f"{text}, to {coefficients[unit]:.3g}"
                    handles.append(Line2D([], [], **_looks(unit, coefficients), label=label))
            said.append(f"weights to {readable(self.output_name)}")
        if distances:
            said.append(f"ellipses at d = {', '.join(f'{d:g}' for d in distances)}")
        centers = np.asarray(self.centers)
        for unit in np.flatnonzero(outside)[:6]:
            place = ", ".join(f"{value:.3g}" for value in centers[unit])
            handles.append(Line2D([], [], linestyle="none", label=f"c{unit} outside, at {place}"))
        if outside.sum() > 6:
            more = f"{outside.sum() - 6} more outside"
            handles.append(Line2D([], [], linestyle="none", label=more))
        handles += [points for points in self.points_ if not points.get_label().startswith("_")]
        down = ScaledTranslation(0.0, -38.0 / 72.0, ax.figure.dpi_scale_trans)
        self.legend_ = ax.legend(
            handles=handles,
            loc="upper center",
            bbox_to_anchor=(0.5, 0.0),
            bbox_transform=ax.transAxes + down,
            ncols=min(max(len(handles), 1), 3),
            title=", ".join(said) or None,
            fontsize=8.0,
            title_fontsize=8.0,
            frameon=False,
            handlelength=2.6,
        )


def _chosen(features: Any, names: Sequence[str]) -> list[int]:
    """Positions of the one or two features of the picture."""
    if features is None:
        return list(range(min(2, len(names))))
    listed = [features] if isinstance(features, int | np.integer | str) else list(features)
    if len(listed) not in (1, 2) or len(set(listed)) < len(listed):
        raise ValueError(f"features must be one or two different ones, got {features!r}.")
    found = []
    for each in listed:
        if isinstance(each, str):
            if each not in names:
                raise ValueError(unknown_name("features", each, names))
            found.append(list(names).index(each))
        elif isinstance(each, bool) or each not in range(len(names)):
            raise ValueError(
                f"features must be names or positions below {len(names)}, got {each!r}."
            )
        else:
            found.append(int(each))
    return found


def _of_output(y: ArrayLike, output: int, classes: bool) -> Any:
    """Targets as numbers, or as names of classes."""
    values = np.asarray(y)
    if values.ndim == 2:
        values = values[:, output if values.shape[1] > 1 else 0]
    return values.astype(str if classes else float)


def _shapes(net: Any) -> tuple[Array, Array]:
    """Centres and covariance matrices of all units."""
    try:
        centers, covariances = net.centers_, net.covariances_
    except AttributeError as missing:
        raise ValueError(f"the units of the net have no ellipses: {missing}") from missing
    p = centers.shape[1]
    if covariances.ndim == 1:
        return centers, covariances[:, None, None] * np.eye(p)
    if covariances.ndim == 2:
        return centers, covariances[:, :, None] * np.eye(p)
    return centers, covariances


def _limits(X: Array) -> Array:
    """From a little below the data to a little above, for each feature."""
    low, high = X.min(axis=0), X.max(axis=0)
    reach = _MARGIN * np.where(high > low, high - low, 1.0)
    return np.column_stack([low - reach, high + reach])


def _ellipse(center: Array, covariance: Array, distance: float) -> Array:
    """Points at a Mahalanobis distance from a centre."""
    circle = np.column_stack([np.cos(_ANGLES), np.sin(_ANGLES)])
    return np.asarray(center + distance * circle @ np.linalg.cholesky(covariance).T)


def _bump(grid: Array, center: float, variance: float, coefficient: float) -> Array:
    return np.column_stack([grid, coefficient * np.exp(-0.5 * (grid - center) ** 2 / variance)])


def _looks(unit: int, coefficients: Array | None) -> dict[str, Any]:
    """Colour, width and marks of a unit."""
    if coefficients is None:
        return {"color": ink(), "linewidth": 1.2, "linestyle": "-", "marker": "+"}
    largest = np.abs(coefficients).max() or 1.0
    part = abs(coefficients[unit]) / largest
    width = _WIDTHS[0] + (_WIDTHS[1] - _WIDTHS[0]) * part
    if coefficients[unit] >= 0:
        return {"color": COLOURS["blue"], "linewidth": width, "linestyle": "-", "marker": "+"}
    return {"color": COLOURS["vermilion"], "linewidth": width, "linestyle": "--", "marker": "_"}
