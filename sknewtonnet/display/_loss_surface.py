"""Slices of an objective: contours in a plane through a point, beside the quadratic model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from sknewtonnet._figures import COLOURS, MARKERS, SEQUENTIAL, ink, readable, style
from sknewtonnet._names import unknown_name
from sknewtonnet._typing import Array
from sknewtonnet.calculus import BlockObjective, Network, Objective, SmoothFunction
from sknewtonnet.calculus.functions.standardization import on_standardized_columns
from sknewtonnet.calculus.pieces.function import may_overflow
from sknewtonnet.calculus.pieces.validation import (
    check_count,
    check_truth,
    real_array,
    real_vector,
)
from sknewtonnet.display._base import draws
from sknewtonnet.display._curvature import CurvatureDisplay
from sknewtonnet.inspection import Direction, aligned, critical_point, spectrum

_EIGENVECTORS = ("lowest", "highest", "flattest")

# Part of what the net gains over a constant by which the quadratic model rises to the edge of the
# picture; how far the picture goes beyond points; and how many contours it has.
_RISE, _BEYOND, _CONTOURS = 0.25, 0.3, 8


class Line(NamedTuple):
    """A direction of a plane.

    Parameters
    ----------
    vector : ndarray of shape (n_parameters,)
        The direction, of unit length.
    words : str
        What it is, for the axis.
    """

    vector: Array
    words: str


class LossSurfaceDisplay(CurvatureDisplay):
    """An objective on a plane of its parameters, beside its quadratic model.

    Solid contours are those of f(w + a u + b v) for a point w and orthogonal directions u and v of
    unit length, labelled with the values of f; dashed ones, at the same levels, those of the
    quadratic model f + g's + 1/2 s'Hs with s = a u + b v, the gradient g and the exact Hessian H
    at w. a and b are distances in the space of the parameters: of those of the net on standardised
    columns, under ``standardize``. A star marks w, other markers are other points of the plane.
    Where f is not finite there is nothing.

    Parameters
    ----------
    coordinates : tuple of two ndarray of shape (n_points,)
        Coordinates a and b of the grid.
    values : ndarray of shape (n_points, n_points)
        The objective there, a row for each b.
    value : float
        The objective at w.
    slope : ndarray of shape (2,)
        Slopes u'g and v'g.
    curvature : ndarray of shape (2, 2)
        H in the plane.
    words : tuple of two str
        What the directions are, for the axes.
    points : mapping of str to tuple of float
        Labels of points, with a and b of each; the first one is w.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.
    contours_, model_ : matplotlib.contour.QuadContourSet
        The contours of f and those of the quadratic model.
    shading_ : matplotlib.contour.QuadContourSet
        The areas between contours; dark is low.
    points_ : list of matplotlib.lines.Line2D
        The markers of the points.

    See Also
    --------
    SpectrumDisplay : All curvatures at a point.
    sknewtonnet.inspection.aligned : A net in the order and the signs of units of another one.
    sknewtonnet.inspection.way_down : The line along which f falls from a saddle point.

    Notes
    -----
    A grid takes n_points^2 values of f, some thousand predictions of all rows, and eigenvectors
    one Hessian and its decomposition (products alone above 3000 parameters).

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.display import LossSurfaceDisplay
    >>> X, y = load_diabetes(return_X_y=True, scaled=False)
    >>> net = NewtonMLPRegressor((2,), alpha=10.0, random_state=0).fit(X, y)
    >>> display = LossSurfaceDisplay.from_estimator(net, X, y, n_points=11)
    >>> list(display.points), display.values.shape, bool(display.values.min() >= net.loss_)
    (['minimum'], (11, 11), True)
    """

    def __init__(
        self,
        *,
        coordinates: tuple[Array, Array],
        values: Array,
        value: float,
        slope: Array,
        curvature: Array,
        words: tuple[str, str],
        points: Mapping[str, tuple[float, float]],
    ):
        self.coordinates = coordinates
        self.values = values
        self.value = value
        self.slope = slope
        self.curvature = curvature
        self.words = words
        self.points = points

    @classmethod
    def from_objective(
        cls,
        objective: SmoothFunction,
        params: Any,
        *,
        directions: Sequence[Any] = ("lowest", "highest"),
        towards: Mapping[str, Any] | None = None,
        reach: float | tuple[float, float] | None = None,
        n_points: int = 41,
        standardize: bool = False,
        ax: Any = None,
        **keywords: Any,
    ) -> Self:
        """Draw a function around a point.

        Parameters
        ----------
        objective : SmoothFunction
            The function.
        params : array-like of shape (n_parameters,)
            The point w.
        directions : sequence of two, default=("lowest", "highest")
            Each is "lowest", "highest" or "flattest" for the eigenvector of the Hessian with that
            curvature (the smallest absolute one, for "flattest"; twice the same name for the first
            two of them); the name of a parameter, such as "coefs_0[age, h3]"; or a vector of shape
            (n_parameters,). The second one is made orthogonal to the first.
        towards : mapping of str to array-like or fitted estimator, default=None
            Labels of one or two other points, which the plane goes through: parameters, or nets of
            the same form, whose units are put in the order and the signs that are nearest. They
            take the place of the first directions; with two of them the first direction is that of
            the line between both.
        reach : float or tuple of two float, default=None
            How far the picture goes to each side, of a and of b. None: as far as the points, and
            until the quadratic model has risen by a quarter of what the net gains over a constant,
            at most as far as the parameters are from 0.
        n_points : int, default=41
            Points of the grid along each direction.
        standardize : bool, default=False
            Whether the parameters are those of the same net on standardised columns.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.
        **keywords : dict
            As in :meth:`plot`.

        Returns
        -------
        LossSurfaceDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If a direction is unknown, two are the same, or the point has a wrong shape.
        """
        cls._check_plot(ax, keywords)
        if not isinstance(objective, SmoothFunction):
            raise TypeError(f"objective must be a SmoothFunction, got {objective!r}.")
        check_truth("standardize", standardize)
        check_count("n_points", n_points, 5)
        function, w = objective, real_vector("params", params, objective.n_parameters)
        if len(w) < 2:
            raise ValueError("a plane needs at least two parameters, and there is one.")
        if standardize:
            if not isinstance(objective, Objective | BlockObjective):
                raise ValueError("standardize=True needs the columns of a net: its Objective.")
            function = on_standardized_columns(objective)
            w = function.restrict(w)
        others = _other_points(objective, function, w, towards or {}, standardize)
        lines = _lines(function, w, directions, others)
        plane = _orthonormal(lines)
        points = {critical_point(function, w).kind: (0.0, 0.0)}
        for label, point in others.items():
            a, b = plane.T @ (point - w)
            points[f"other {label}" if label in points else label] = (float(a), float(b))
        products = [function.hessian_product(w, direction) for direction in plane.T]
        curvature = plane.T @ np.column_stack(products)
        value, gradient = function.value_and_gradient(w)
        ends = _ranges(function, w, curvature, list(points.values()), reach)
        coordinates = tuple(np.linspace(low, high, n_points) for low, high in ends)
        unit = "\n(standardised columns)" if standardize else ""
        display = cls(
            coordinates=coordinates,  # type: ignore[arg-type]
            values=_values(function, w, plane, *coordinates),
            value=float(value),
            slope=plane.T @ gradient,
            curvature=0.5 * (curvature + curvature.T),
            words=(lines[0].words + unit, lines[1].words + unit),
            points=points,
        )
        return display.plot(ax, **keywords)

    def model(self, a: Array, b: Array) -> Array:
        """The quadratic model in the plane.

        Parameters
        ----------
        a, b : ndarray
            Coordinates, of shapes that go together.

        Returns
        -------
        ndarray
            The value f + g's + 1/2 s'Hs for each pair.
        """
        linear = self.slope[0] * a + self.slope[1] * b
        square = self.curvature[0, 0] * a**2 + self.curvature[1, 1] * b**2
        return self.value + linear + 0.5 * square + self.curvature[0, 1] * a * b

    @draws
    def plot(
        self,
        ax: Any = None,
        *,
        levels: Sequence[float] | None = None,
        contour_kwargs: Mapping[str, Any] | None = None,
        model_kwargs: Mapping[str, Any] | None = None,
        point_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw the plane.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.
        levels : sequence of float, default=None
            Values of f that have a contour; eight that suit it if None.
        contour_kwargs, model_kwargs : dict, default=None
            Keywords of ``contour``, for f and for the quadratic model.
        point_kwargs : dict, default=None
            Keywords of the markers, those of a ``Line2D``.

        Returns
        -------
        LossSurfaceDisplay
            The display itself.
        """
        heights = None if levels is None else np.sort(real_array("levels", levels).ravel())
        if heights is not None and not (heights.size and np.isfinite(heights).all()):
            raise ValueError(f"levels must be finite numbers, at least one, got {levels!r}.")
        if not np.isfinite(self.values).any():
            raise ValueError("values must have a finite one: the function has none on this plane.")
        panel = self._place(ax)
        from matplotlib.lines import Line2D

        known = np.ma.masked_invalid(self.values)
        heights, decimals = _levels(known) if heights is None else (heights, 6)
        grid = (*self.coordinates, known)
        edges = np.unique([float(known.min()), *heights, float(known.max())])
        if len(edges) == 1:  # flat
            edges = edges[0] + np.spacing(edges[0]) * np.array([-1.0, 1.0])
        self.shading_ = panel.contourf(*grid, levels=edges, cmap=SEQUENTIAL, alpha=0.35)
        look = {"levels": heights, "colors": ink(), "linewidths": 0.9, "linestyles": "solid"}
        self.contours_ = panel.contour(*grid, **look | dict(contour_kwargs or {}))
        words = f"%.{max(decimals, 0)}f" if levels is None else "%.6g"
        panel.clabel(self.contours_, fmt=words, fontsize="x-small")
        model = self.model(self.coordinates[0], self.coordinates[1][:, None])
        look |= {"colors": COLOURS["vermilion"], "linestyles": "dashed"}
        self.model_ = panel.contour(*self.coordinates, model, **look | dict(model_kwargs or {}))
        handles = [
            Line2D([], [], color=ink(), label="objective"),
            Line2D([], [], color=COLOURS["vermilion"], linestyle="--", label="quadratic model"),
        ]
        self.points_ = []
        for number, (label, (a, b)) in enumerate(self.points.items()):
            marker = MARKERS[(number - 1) % 7] if number else "*"
            look = {"marker": marker, "markersize": 8.0 if number else 13.0, "linestyle": "none"}
            look |= {
                "color": COLOURS["blue"],
                "markeredgecolor": "white",
                "label": readable(label),
            }
            self.points_ += panel.plot([a], [b], **style(look, point_kwargs, Line2D), zorder=3)
        panel.set_xlabel(self.words[0], fontsize="small")
        panel.set_ylabel(self.words[1], fontsize="small")
        panel.legend(handles=[*handles, *self.points_], fontsize="small", framealpha=0.9)
        return self


def _other_points(
    objective: SmoothFunction,
    function: Any,
    w: Array,
    towards: Mapping[str, Any],
    standardize: bool,
) -> dict[str, Array]:
    """Points that the plane goes through, in the parameters of the function that is drawn."""
    if not isinstance(towards, Mapping) or len(towards) > 2:
        raise ValueError(
            f"towards must be a mapping from labels to one or two points, got {towards!r}."
        )
    found = {}
    for label, other in towards.items():
        is_net = hasattr(other, "params_")
        given = other.params_ if is_net else other
        point = real_vector(f"towards[{label!r}]", given, objective.n_parameters)
        point = function.restrict(point) if standardize else point
        network = getattr(objective, "network", None)
        if is_net and isinstance(network, Network):
            point = aligned(network, point, w)
        found[str(label)] = point
    return found


def _lines(
    function: SmoothFunction, w: Array, directions: Sequence[Any], others: Mapping[str, Array]
) -> list[Line]:
    """The two directions: towards the points first, or along the line between both."""
    lines = [
        Line(point - w, f"distance towards {readable(label, 22)}")
        for label, point in others.items()
    ]
    if len(lines) == 2:
        (one, first), (other, second) = others.items()
        along = Line(
            first - second,
            f"distance along the line from {readable(other, 22)} to {readable(one, 22)}",
        )
        lines = [along, Line(first + second - 2.0 * w, "distance towards the middle of both")]
    if isinstance(directions, str) or not np.iterable(directions) or len(directions) != 2:
        raise ValueError(f"directions must be two, got {directions!r}.")
    wanted = list(directions)[: 2 - len(lines)]
    named = [one for one in wanted if isinstance(one, str) and one in _EIGENVECTORS]
    ends = spectrum(function, w, n_extremes=2) if named else None
    for number, one in enumerate(wanted):
        if isinstance(one, str) and one in _EIGENVECTORS:
            assert ends is not None
            place = sum(isinstance(before, str) and before == one for before in wanted[:number])
            ways = ends.directions(one, 2)
            if len(ways) <= place:
                raise ValueError(f"directions has no eigenvector {one!r} here: products alone.")
            lines.append(_of_eigenvector(one, ways[place]))
        else:
            lines.append(_given_line(function, one))
    return lines


def _of_eigenvector(which: str, way: Direction) -> Line:
    """An eigenvector, and which weights it is made of."""
    shares = way.shares(2).items()
    weights = ", ".join(f"{readable(name, 22)} {100.0 * part:.0f} %" for name, part in shares)
    curvature = f"distance along the {which} curvature, {way.curvature:.3g}"
    return Line(way.vector, f"{curvature}\n{weights}")


def _given_line(function: SmoothFunction, one: Any) -> Line:
    """A direction by the name of a parameter, or a vector."""
    if isinstance(one, str):
        names = list(function.parameter_names())
        if one not in names:
            known = [*_EIGENVECTORS, *names]
            raise ValueError(unknown_name("directions", one, known, "direction"))
        return Line(
            np.eye(1, len(names), names.index(one)).ravel(), f"change of {readable(one, 22)}"
        )
    vector = real_vector("directions", one, function.n_parameters)
    return Line(vector, "distance along the given direction")


def _orthonormal(lines: Sequence[Line]) -> Array:
    """Both directions, of unit length, the second without its part along the first."""
    first, second = (line.vector for line in lines)
    for vector in (first, second):
        if not np.linalg.norm(vector) > 0.0:
            raise ValueError("directions must not be zero, and other points not the point itself.")
    u = first / np.linalg.norm(first)
    second = second / np.linalg.norm(second)
    v = second - (u @ second) * u
    size = float(np.linalg.norm(v))
    if size < 1e-8:
        raise ValueError("directions must be two different ones, and they are parallel.")
    return np.column_stack([u, v / size])


@may_overflow
def _values(function: SmoothFunction, w: Array, plane: Array, a: Array, b: Array) -> Array:
    """The function on a grid."""
    return np.array([[function.value(w + plane @ (one, other)) for one in a] for other in b])


def _ranges(
    function: SmoothFunction,
    w: Array,
    curvature: Array,
    points: Sequence[tuple[float, float]],
    reach: float | tuple[float, float] | None,
) -> list[tuple[float, float]]:
    """From where to where the picture goes, in both directions."""
    if reach is not None:
        sizes = real_array("reach", reach)
        sizes = np.repeat(sizes, 2) if sizes.shape == () else sizes
        if sizes.shape != (2,) or not (np.isfinite(sizes) & (sizes > 0.0)).all():
            raise ValueError(f"reach must be a positive number, or two of them, got {reach!r}.")
        return [(-float(size), float(size)) for size in sizes]
    value = function.value(w)
    scale = function.scale()
    rise = _RISE * (abs(value) if scale is None else max(scale - value, 0.01 * scale)) or 1.0
    longest = float(np.linalg.norm(w)) or 1.0
    found = []
    for k, along in enumerate(np.array(points).T):
        size = abs(curvature[k, k])
        bend = np.sqrt(2.0 * rise / size) if size > 0.0 else np.inf
        own = min(float(bend), longest)
        beyond = _BEYOND * float(np.ptp(along))
        low, high = float(along.min()) - beyond, float(along.max()) + beyond
        found.append((low, high) if beyond > 0.1 * own else (-own, own))
    return found


def _levels(known: Any) -> tuple[Array, int]:
    """Heights of contours that are closer where f is low, round numbers, and their decimals."""
    heights = np.sort(known.compressed())
    lowest = heights[0]
    rises = heights - lowest
    low, high = np.quantile(rises, [0.02, 0.85])
    if not high > 0.0:
        return np.array([lowest]), 6
    rises = np.geomspace(max(low, 1e-6 * high), high, _CONTOURS)
    levels = lowest + rises
    decimals = int(np.ceil(-np.log10(rises[1] - rises[0]) + 0.3))
    return np.unique(np.round(levels, decimals)), decimals
