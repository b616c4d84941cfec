"""Lines, units, names and the key of the picture of a net."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sknewtonnet._figures import COLOURS, ink, paper, pyplot, readable, style
from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.display._network_edges import CONSTANT
from sknewtonnet.display._network_places import Places

# Opacity of lines with p-values below these, and without one.
SHADES = ((0.01, 1.0), (0.05, 0.6), (np.inf, 0.25))
NO_P_VALUE = 0.45
_WIDEST = 5.0  # width of the largest weight, in points, where there is room
_THINNEST = 0.4
_FOR_UNITS = 0.7  # part of the height of axes that the key leaves
_LOWEST = 5.5  # distance of units whose names can be read, in points
_POSITIVE, _NEGATIVE = COLOURS["blue"], COLOURS["vermilion"]


def new_axes(places: Places, caller: str) -> Any:
    """Axes in a figure as large as the net asks for."""
    plt = pyplot(caller)
    rows = 2.0 * places.reach
    width = 2.6 + 1.9 * places.columns.max()
    height = min(max(1.7 + 0.3 * rows, 3.4), 15.0)
    return plt.figure(figsize=(width, height), layout="constrained").subplots()


def readable_units(ax: Any) -> int:
    """How many units have room for their names in one column of some axes."""
    return max(int(_FOR_UNITS * _points(ax) / _LOWEST), 2)


def _points(ax: Any) -> float:
    """Height of axes, before the key takes its part."""
    return float(ax.get_window_extent().height * 72.0 / ax.figure.dpi)


@dataclass(frozen=True, eq=False)
class Lines:
    """The edges that are drawn.

    Parameters
    ----------
    sources, targets : ndarray of int of shape (n_edges, 2)
        Node and unit of the ends of all edges.
    weights : ndarray of shape (n_edges,)
        NaN without a weight.
    p_values : ndarray of shape (n_edges,), or None
        NaN where there is none; None if lines are not shaded.
    drawn : ndarray of int
        Which edges are drawn, the largest last.
    n_candidates : int
        How many edges with a weight might have been.
    largest : float
        Absolute weight of a line of the full width.
    """

    sources: Ints
    targets: Ints
    weights: Array
    p_values: Array | None
    drawn: Ints
    n_candidates: int
    largest: float

    @classmethod
    def of(
        cls,
        sources: Ints,
        targets: Ints,
        weights: Array,
        p_values: ArrayLike | None,
        there: Bools,
        most: int,
        largest: float | None = None,
    ) -> Lines:
        """Of edges that might be drawn those with the largest weights, and all without one."""
        weighted = np.flatnonzero(there & ~np.isnan(weights))
        others = np.flatnonzero(there & np.isnan(weights))
        order = weighted[np.argsort(np.abs(weights[weighted]), kind="stable")]
        chosen = order[max(len(order) - most, 0) :]
        known = None if p_values is None else np.asarray(p_values, dtype=float)
        drawn = np.concatenate([others, chosen])
        if largest is None:
            largest = float(np.abs(weights[chosen]).max(initial=0.0)) or 1.0
        return cls(sources, targets, weights, known, drawn, len(weighted), largest)

    def opacity(self, edges: Ints) -> Array:
        """Opacity of some lines."""
        if self.p_values is None:
            return np.full(len(edges), 0.8)
        p = self.p_values[edges]
        found = np.full(len(edges), NO_P_VALUE)
        for limit, shade in reversed(SHADES):
            found[p < limit] = shade
        return found

    def touched(self, sizes: Sequence[int]) -> list[Bools]:
        """Units of each node that an edge begins or ends at, drawn or not."""
        found = [np.zeros(size, dtype=bool) for size in sizes]
        for ends in (self.sources[self.sources[:, 0] != CONSTANT], self.targets):
            for node, own in enumerate(found):
                own[ends[ends[:, 0] == node, 1]] = True
        # A hidden unit that nothing reads, or that reads nothing, is no part of the net.
        for node, own in enumerate(found[1:-1], 1):
            read = self.sources[self.sources[:, 0] == node, 1]
            own &= np.isin(np.arange(len(own)), read)
        return found


@dataclass(frozen=True, eq=False)
class Canvas:
    """Axes in which a net is drawn.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The axes.
    places : Places
        Where the units stand.
    spacing : float
        Distance of two units of the longest column, in points.
    """

    ax: Any
    places: Places
    spacing: float

    @classmethod
    def on(cls, ax: Any, places: Places) -> Canvas:
        """Empty axes of the right limits."""
        reach = places.reach
        ax.set(xlim=(-0.15, places.columns.max() + 0.15), ylim=(-reach - 1.2, reach + 1.2))
        ax.axis("off")
        return cls(ax, places, _FOR_UNITS * _points(ax) / (2.0 * reach + 2.4))

    @property
    def widest(self) -> float:
        """Width of the largest weight."""
        return float(np.clip(0.5 * self.spacing, 1.5, _WIDEST))

    def draw_lines(self, lines: Lines, keywords: Mapping[str, Any] | None) -> tuple[Any, Any, Any]:
        """Lines of positive, of negative and of no weights."""
        weights = lines.weights[lines.drawn]
        kinds = (weights >= 0, weights < 0, np.isnan(weights))
        return tuple(
            self._collection(lines, lines.drawn[which], kind, keywords)
            for kind, which in zip(("positive", "negative", "none"), kinds, strict=True)
        )

    def _collection(
        self, lines: Lines, edges: Ints, kind: str, keywords: Mapping[str, Any] | None
    ) -> Any:
        from matplotlib.collections import LineCollection
        from matplotlib.colors import to_rgba

        paths = [self.places.line(lines.sources[e], lines.targets[e]) for e in edges]
        color = {"positive": _POSITIVE, "negative": _NEGATIVE, "none": "0.5"}[kind]
        looks: dict[str, Any] = {"zorder": 1.0}
        if kind == "none":
            looks |= {"linewidths": 0.6, "linestyles": ":", "colors": color}
        else:
            widths = np.abs(lines.weights[edges]) / lines.largest * self.widest
            looks |= {
                "linewidths": np.maximum(widths, _THINNEST),
                "linestyles": [_dashes(width) for width in widths] if kind == "negative" else "-",
                "colors": [(*to_rgba(color)[:3], shade) for shade in lines.opacity(edges)],
                "capstyle": "butt",
            }
        made = LineCollection(paths, **style(looks, keywords, LineCollection))
        self.ax.add_collection(made, autolim=False)
        return made

    def draw_units(
        self,
        names: Sequence[Sequence[str]],
        kinds: Sequence[str] | None,
        touched: Sequence[Bools],
        keywords: Mapping[str, Any] | None,
    ) -> tuple[list[Any], list[Any]]:
        """Units of all nodes, and their names."""
        places, units, texts = self.places, [], []
        last = len(names) - 1
        for node, own in enumerate(names):
            column, shown = places.columns[node], places.shown[node]
            apart = self.spacing * places.spacing[column]
            inside = 0 < node < last
            diameter = np.clip(0.8 * apart, 3.0, 24.0 if inside else 11.0)
            heights = places.heights[node][shown]
            alive = touched[node][shown]
            units.append(
                self.ax.scatter(
                    np.full(len(heights), column),
                    heights,
                    s=diameter**2,
                    c=paper(),
                    edgecolors=np.where(alive, ink(), "0.75").tolist(),
                    linewidths=0.8,
                    zorder=2.0,
                )
            )
            chosen = [name for name, there in zip(own, shown, strict=True) if there]
            side = "inside" if inside else "left" if node == 0 else "right"
            texts += self._names(column, heights, chosen, alive, side, diameter, apart, keywords)
            self._below(node, None if kinds is None else kinds[node], int((~shown).sum()))
        return units, texts

    def _names(
        self,
        column: int,
        heights: Array,
        names: Sequence[str],
        alive: Bools,
        side: str,
        diameter: float,
        apart: float,
        keywords: Mapping[str, Any] | None,
    ) -> list[Any]:
        from matplotlib.text import Annotation

        longest = max((len(name) for name in names), default=1)
        size = float(np.clip(0.85 * apart, 3.5, 10.0))
        if side == "inside":
            size = min(size, 1.25 * diameter / max(longest, 2))
        if size < 3.5:  # nobody could read it
            return []
        shift, align = {
            "inside": (0.0, "center"),
            "left": (-0.5 * diameter - 3.0, "right"),
            "right": (0.5 * diameter + 3.0, "left"),
        }[side]
        looks = {"fontsize": size}
        return [
            self.ax.annotate(
                readable(name, 32),
                (column, height),
                (shift, 0.0),
                textcoords="offset points",
                ha=align,
                va="center" if side != "inside" else "center_baseline",
                annotation_clip=False,
                **style(looks | {"color": ink() if there else "0.6"}, keywords, Annotation),
            )
            for name, height, there in zip(names, heights, alive, strict=True)
        ]

    def _below(self, node: int, kind: str | None, missing: int) -> None:
        """What the units of a node are, and how many are not drawn."""
        text = [] if kind is None else [readable(kind)]
        if missing:
            text.append(f"+ {missing} more")
        nodes = np.flatnonzero(self.places.columns == self.places.columns[node])
        lowest = np.nanmin(self.places.heights[node])
        # One node alone in its column has its words at the foot of the picture.
        foot = -self.places.reach - 0.2 if len(nodes) == 1 else lowest - 0.6
        self.ax.text(
            self.places.columns[node],
            foot,
            "\n".join(text),
            ha="center",
            va="top",
            fontsize=8.0,
            color=COLOURS["grey"],
            style="italic",
        )

    def draw_constants(self, keywords: Mapping[str, Any] | None) -> None:
        """The constants whose edges are the intercepts."""
        from matplotlib.text import Text

        for node in range(1, len(self.places.columns)):
            x, y = self.places.constant_above(node)
            self.ax.scatter(x, y, s=100.0, c=paper(), edgecolors=ink(), linewidths=0.8, zorder=2.0)
            looks = style({"fontsize": 8.0}, keywords, Text)
            self.ax.text(x, y, "1", ha="center", va="center_baseline", **looks)

    def draw_key(self, lines: Lines, notes: Sequence[str]) -> Any:
        """What signs, widths and shades mean, and what is left out."""
        from matplotlib.lines import Line2D
        from matplotlib.transforms import ScaledTranslation

        weights = lines.weights[lines.drawn]
        known = np.abs(weights[~np.isnan(weights)])

        def line(label: str, **looks: Any) -> Any:
            return Line2D([], [], label=label, **looks)

        signs, widths, shades = [], [], []
        if (weights >= 0).any():
            signs.append(line("positive", color=_POSITIVE, linewidth=2.0))
        if (weights < 0).any():
            signs.append(line("negative", color=_NEGATIVE, linewidth=2.0, linestyle=_dashes(2)))
        if np.isnan(weights).any():
            signs.append(line("no weight", color="0.5", linewidth=0.8, linestyle=":"))
        for part in (1.0, 0.5, 0.1) if known.size else ():
            width = max(part * self.widest, _THINNEST)
            widths.append(line(f"{part * lines.largest:.2g}", color=ink(), linewidth=width))
        if lines.p_values is not None:
            opacity = lines.opacity(lines.drawn[~np.isnan(weights)])
            names = ("p < 0.01", "p < 0.05", "p ≥ 0.05")
            levels = [*zip(names, (shade for _, shade in SHADES), strict=True)]
            for name, shade in [*levels, ("no p-value", NO_P_VALUE)]:
                if (opacity == shade).any():
                    shades.append(line(name, color=ink(), alpha=shade, linewidth=2.0))
        columns = [column for column in (signs, widths, shades) if column]
        rows = max((len(column) for column in columns), default=0)
        nothing = line("", linestyle="none")
        handles = [h for column in columns for h in [*column, *[nothing] * (rows - len(column))]]
        # Below the words at the foot of the columns.
        lines_below = 2 if any(not shown.all() for shown in self.places.shown) else 1
        down = max(11.0 * lines_below - self.spacing, 0.0) / 72.0
        below = ScaledTranslation(0.0, -down, self.ax.figure.dpi_scale_trans)
        said = list(notes)
        if known.size < lines.n_candidates:
            said.append(f"the {known.size} largest of {lines.n_candidates} are drawn")
        return self.ax.legend(
            handles=handles,
            loc="upper center",
            bbox_to_anchor=(0.5, 0.0),
            bbox_transform=self.ax.transAxes + below,
            ncols=max(len(columns), 1),
            fontsize=8.0,
            title="\n".join(readable(note, 80) for note in said) or None,
            title_fontsize=8.0,
            frameon=False,
            handlelength=2.6,
        )


def _dashes(width: float) -> tuple[float, tuple[float, float]]:
    """Dashes that can be told from a line whatever its width, which scales them."""
    width = max(width, _THINNEST)
    return 0.0, (max(2.0, 5.0 / width), max(1.0, 3.0 / width))
