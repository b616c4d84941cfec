"""Where figures are drawn, and how they look; matplotlib is imported only then.

Colours are those of Okabe and Ito, which most people who are colour-blind tell apart. Lines,
markers and hatches differ as well, so that a picture printed in grey can be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

COLOURS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermilion": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "black": "#000000",
    "grey": "#7F7F7F",
}
LINE_STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (8, 3)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
# Centre in white: a magnitude near zero is pale, its sign is told by blue or red.
DIVERGING = "RdBu_r"
SEQUENTIAL = "cividis"

# Colours of several lines, in their order.
_SERIES = ("blue", "vermilion", "green", "purple", "black", "orange")
# Letters of a name in a picture, and inches that one takes.
_LETTERS, _LETTER = 45, 0.075


def ink() -> str:
    """The colour of texts in the style of the user, for what is black on white paper."""
    import matplotlib as mpl

    return str(mpl.rcParams["text.color"])


def paper() -> str:
    """The colour of the ground of axes in the style of the user, for what is hollow."""
    import matplotlib as mpl

    return str(mpl.rcParams["axes.facecolor"])


def font_points(size: Any) -> float:
    """A size of letters, such as "small", in points.

    Parameters
    ----------
    size : str or float
        The size, in the style of the user.

    Returns
    -------
    float
    """
    from matplotlib.font_manager import FontProperties

    return float(FontProperties(size=size).get_size_in_points())


def nth_colour(number: int) -> str:
    """The colour of a line among several.

    Parameters
    ----------
    number : int
        From 0 on; they begin anew at 6.

    Returns
    -------
    str
    """
    name = _SERIES[number % len(_SERIES)]
    return ink() if name == "black" else COLOURS[name]


def pyplot(caller: str = "plot") -> Any:
    """The module ``matplotlib.pyplot``.

    Parameters
    ----------
    caller : str, default="plot"
        Who needs it, for the message.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as missing:
        raise ImportError(f"{caller} needs matplotlib: pip install matplotlib.") from missing
    return plt


def axes(ax: Any = None, caller: str = "plot", size: tuple[float, float] | None = None) -> Any:
    """The axes that are given, or new ones.

    Parameters
    ----------
    ax : matplotlib.axes.Axes, default=None
        Where to draw.
    caller : str, default="plot"
        Who needs matplotlib, for the message.
    size : tuple of float, default=None
        Width and height of a new figure, in inches; those of matplotlib if None.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    plt = pyplot(caller)
    check_axes(ax)
    return ax if ax is not None else plt.subplots(figsize=size, layout="constrained")[1]


def check_axes(ax: Any) -> None:
    """Raise unless it is None, or axes for x and y, as those of ``plt.subplots``.

    Parameters
    ----------
    ax : object
        What was given.

    Raises
    ------
    TypeError
        If it is something else, such as a figure, an array of axes, or axes in three dimensions.
    """
    if ax is not None and getattr(ax, "name", None) != "rectilinear":
        kind = f"{ax.name} axes" if hasattr(ax, "get_xlim") else type(ax).__name__
        raise TypeError(f"ax must be one pair of axes, as of plt.subplots(), or None, got {kind}.")


def panels(
    n_rows: int,
    n_columns: int,
    ax: Any = None,
    *,
    size: tuple[float, float] = (3.2, 2.8),
    caller: str = "plot",
    **keywords: Any,
) -> Any:
    """Several axes: in a new figure, or in the place of the axes that are given.

    Parameters
    ----------
    n_rows, n_columns : int
        How many.
    ax : matplotlib.axes.Axes, default=None
        Axes whose place the panels take; they are switched off.
    size : tuple of float, default=(3.2, 2.8)
        Width and height of one panel of a new figure, in inches.
    caller : str, default="plot"
        Who needs matplotlib, for the message.
    **keywords : dict
        Passed on to ``subplots``, such as ``sharey=True``.

    Returns
    -------
    ndarray of matplotlib.axes.Axes of shape (n_rows, n_columns)

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    plt = pyplot(caller)
    if ax is None:
        figure = plt.figure(figsize=(size[0] * n_columns, size[1] * n_rows), layout="constrained")
        return figure.subplots(n_rows, n_columns, squeeze=False, **keywords)
    check_axes(ax)
    grid = ax.get_subplotspec()
    if grid is None:
        raise ValueError("ax must be axes of a grid, such as those of plt.subplots, for panels.")
    if not ax.axison:
        raise ValueError(
            "ax must be empty axes, whose place the panels take, and it is switched off, as by "
            "another picture of several panels: give other axes, or none."
        )
    ax.axis("off")
    inner = grid.subgridspec(n_rows, n_columns)
    return inner.subplots(squeeze=False, **keywords)


def style(defaults: Mapping[str, Any], given: Mapping[str, Any] | None, artist: Any) -> Any:
    """The keywords of an artist: those of the caller before the defaults.

    Aliases count as one keyword: ``c="red"`` takes the place of a default ``color``.

    Parameters
    ----------
    defaults : mapping
        Keywords of the display.
    given : mapping or None
        Keywords of the caller.
    artist : type
        The class of the artist, such as ``matplotlib.lines.Line2D``.

    Returns
    -------
    dict
    """
    from matplotlib.cbook import normalize_kwargs

    return normalize_kwargs(dict(defaults), artist) | normalize_kwargs(dict(given or {}), artist)


def curve(
    ax: Any,
    x: Any,
    y: Any,
    bands: Sequence[tuple[Any, Any, str | None]],
    **keywords: Any,
) -> tuple[Any, list[Any]]:
    """A curve with bands, the darker the narrower.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    x, y : array-like of shape (n_points,)
        The curve.
    bands : sequence of (array-like, array-like, str or None)
        Lower and upper ends and labels of the bands, the widest first.
    **keywords : dict
        Keywords of the line.

    Returns
    -------
    line : matplotlib.lines.Line2D
        The curve.
    fills : list of matplotlib.collections.FillBetweenPolyCollection
        The bands.
    """
    (line,) = ax.plot(x, y, **keywords)
    look = {"color": line.get_color(), "lw": 0}
    fills = [
        ax.fill_between(x, low, high, label=label, alpha=0.2 + 0.2 * k, **look)
        for k, (low, high, label) in enumerate(bands)
    ]
    return line, fills


def points_with_bars(
    ax: Any,
    x: Any,
    y: Any,
    bands: Sequence[tuple[Any, Any, str | None]],
    **keywords: Any,
) -> tuple[Any, list[Any]]:
    """Points with vertical bars, the thicker the narrower.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    x, y : array-like of shape (n_points,)
        The points.
    bands : sequence of (array-like, array-like, str or None)
        Lower and upper ends and labels of the bars, the longest first.
    **keywords : dict
        Keywords of the points.

    Returns
    -------
    line : matplotlib.lines.Line2D
        The points.
    bars : list of matplotlib.collections.LineCollection
        The bars.
    """
    (line,) = ax.plot(
        x, y, **({"marker": "o", "markersize": 6.0, "ls": "", "zorder": 3} | keywords)
    )
    bars = []
    for k, (low, high, label) in enumerate(bands):
        width = 1.2 + 2.4 * k
        bars.append(ax.vlines(x, low, high, color=line.get_color(), lw=width, label=label))
    return line, bars


def name_levels(ax: Any, levels: Sequence[str]) -> None:
    """Write the names of the levels of a factor under 0, 1, ... of the horizontal axis.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The axes.
    levels : sequence of str
        The names; long ones are slanted.
    """
    texts = [readable(level, 24) for level in levels]
    long = sum(map(len, texts)) + 2 * len(texts) > 26
    slant = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if long else {}
    ax.set_xticks(range(len(texts)), texts, **slant)
    ax.set_xlim(-0.5, len(levels) - 0.5)


def readable(name: Any, letters: int = _LETTERS) -> str:
    """A name as text of a picture: in one line, not too long, and no formula.

    Of a long name the middle is left out, since names may differ at their ends. Dollars stay,
    where matplotlib would read a formula between two of them; and a legend has no place for a
    name that begins with an underscore, so that a blank comes before it.

    Parameters
    ----------
    name : object
        The name.
    letters : int, default=45
        How many it may have.

    Returns
    -------
    str
    """
    words = " ".join(str(name).split())
    if len(words) > letters:
        end = letters // 2
        words = f"{words[: letters - end - 1]}…{words[-end:]}"
    words = words.replace(r"\$", "$").replace("$", r"\$")
    return f" {words}" if words.startswith("_") else words


def key(figure: Any, ax: Any, handles: Sequence[Any], labels: Sequence[str], own: bool) -> Any:
    """A legend above the panels of a figure of one's own, or above axes that were given.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    ax : matplotlib.axes.Axes
        The (first) axes.
    handles : sequence of artists
        What is explained.
    labels : sequence of str
        The texts.
    own : bool
        Whether nothing else is in the figure.

    Returns
    -------
    matplotlib.legend.Legend or None
        None if there is nothing to explain.
    """
    if not handles:
        return None
    labels = [readable(label) for label in labels]
    if own:
        import matplotlib as mpl

        width = figure.get_size_inches()[0]
        points = font_points(mpl.rcParams["legend.fontsize"])
        longest = (0.6 + 0.08 * max(map(len, labels))) * points / 10.0
        n_columns = max(1, min(len(labels), int(width / longest)))
        # The legend has a place of its own, and the panels keep theirs.
        figure.set_figheight(figure.get_figheight() + 0.15 + 0.21 * -(-len(labels) // n_columns))
        return figure.legend(handles, labels, loc="outside upper center", ncols=n_columns)
    look = {"fontsize": "small", "frameon": False, "borderaxespad": 0.2}
    return ax.legend(handles, labels, loc="lower right", bbox_to_anchor=(1.0, 1.0), **look)


def name_rows(ax: Any, names: Sequence[str], width: float | None = None) -> None:
    """Write names of rows beside 0, 1, ... of the vertical axis, the first on top.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The axes.
    names : sequence of str
        The names; long ones have several lines, where there is room.
    width : float, default=None
        Width of the picture, in inches; that of the axes if None.
    """
    box = ax.get_window_extent()
    room = box.height / ax.figure.dpi / max(len(names), 1) > 0.35  # inches, for two lines
    width = box.width / ax.figure.dpi if width is None else width
    letters = max(12, min(_LETTERS, int(0.6 * width / _LETTER)))
    texts = [readable(name, letters) for name in names]
    ax.set_yticks(range(len(names)), [fill(text, 26) if room else text for text in texts])
    ax.set_ylim(len(names) - 0.5, -0.5)


def rows_size(names: Sequence[str]) -> tuple[float, float]:
    """Width and height, in inches, of a new figure with a named row for each estimate.

    Parameters
    ----------
    names : sequence of str
        Names of the rows.

    Returns
    -------
    tuple of float
        Wide enough for the names.
    """
    longest = max((len(readable(name)) for name in names), default=0)
    return 4.0 + _LETTER * longest, 1.1 + 0.23 * max(len(names), 1)


def plain_log_axis(axis: Any) -> None:
    """Ticks of a logarithmic axis at 1, 2, 5, 10, ..., as plain numbers.

    Parameters
    ----------
    axis : matplotlib.axis.Axis
        The axis.
    """
    from matplotlib.ticker import LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    wide = high > 50.0 * low
    axis.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def label_points(
    ax: Any,
    x: Any,
    y: Any,
    texts: Sequence[str],
    *,
    gaps: Sequence[float] | None = None,
    sides: Sequence[int] | None = None,
) -> list[Any]:
    """Texts beside points, inside the axes and where they do not lie on each other.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        With its limits as they will stay.
    x, y : array-like of shape (n_points,)
        The points; of the first ones the texts have the best places.
    texts : sequence of str
        A text for each point.
    gaps : sequence of float, default=None
        Radii of the points, in points (1/72 inch); 3 if None.
    sides : sequence of int, default=None
        1 or -1: on which side the text is, if there is room; None: towards the middle.

    Returns
    -------
    list of matplotlib.text.Annotation
    """
    per_point = 72.0 / ax.figure.dpi
    ax.get_xlim(), ax.get_ylim()  # what was drawn moves the limits when they are asked for
    frame = ax.get_window_extent()
    left, right = frame.x0 * per_point, frame.x1 * per_point
    low, high = frame.y0 * per_point, frame.y1 * per_point
    radii = [3.0] * len(texts) if gaps is None else list(gaps)
    points = [ax.transData.transform(point) * per_point for point in zip(x, y, strict=True)]
    # Middles and halves of the widths of what is there already.
    taken = [(*point, radius) for point, radius in zip(points, radii, strict=True)]
    found = []
    for k, text in enumerate(readable(text, 24) for text in texts):
        across, up = points[k]
        half, gap = 2.7 * len(text), radii[k] + 2.0
        first = (1 if across < (left + right) / 2.0 else -1) if sides is None else sides[k]
        best = (first, 0.0)
        for level, side in ((10.0 * n, side) for n in (0, 1, -1, 2, -2) for side in (1, -1)):
            side *= first
            middle = across + side * (gap + half)
            if not left + half <= middle <= right - half:
                continue
            if low + 5.0 <= up + level <= high - 5.0 and all(
                abs(middle - a) > half + reach or abs(up + level - b) > 9.0
                for a, b, reach in taken[:k] + taken[k + 1 :]
            ):
                best = (side, level)
                break
        side, level = best
        taken.append((across + side * (gap + half), up + level, half))
        look = {"ha": "left" if side > 0 else "right", "va": "center", "fontsize": "small"}
        offset = {"xytext": (gap * side, level), "textcoords": "offset points"}
        found.append(ax.annotate(text, (x[k], y[k]), **offset, **look))
    return found
