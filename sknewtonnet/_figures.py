"""Where figures are drawn, and how they look; matplotlib is imported only then.

Colours are those of Okabe and Ito, which most people who are colour-blind tell apart. Lines,
markers and hatches differ as well, so that a picture printed in grey can be read.
"""

from collections.abc import Mapping, Sequence
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


def axes(ax: Any = None, caller: str = "plot") -> Any:
    """The axes that are given, or new ones.

    Parameters
    ----------
    ax : matplotlib.axes.Axes, default=None
        Where to draw.
    caller : str, default="plot"
        Who needs matplotlib, for the message.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    plt = pyplot(caller)
    return ax if ax is not None else plt.subplots(layout="constrained")[1]


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
    ax.axis("off")
    grid = ax.get_subplotspec()
    if grid is None:
        raise ValueError("ax must be axes of a grid, such as those of plt.subplots, for panels.")
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


def label_points(ax: Any, x: Any, y: Any, texts: Sequence[str], **keywords: Any) -> list[Any]:
    """Texts beside points, where they do not lie on each other.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        With its limits as they will stay.
    x, y : array-like of shape (n_points,)
        The points; of the first ones the texts have the best places.
    texts : sequence of str
        A text for each point.
    **keywords : dict
        Passed on to ``annotate``.

    Returns
    -------
    list of matplotlib.text.Annotation
    """
    found: list[Any] = []
    per_point = 72.0 / ax.figure.dpi
    ax.get_xlim(), ax.get_ylim()  # what was drawn moves the limits when they are asked for
    pixels = [ax.transData.transform(point) for point in zip(x, y, strict=True)]
    # Middles and halves of what is there already, in points (1/72 inch).
    taken = [(a * per_point, b * per_point, 4.0) for a, b in pixels]
    for k, text in enumerate(texts):
        across, up, _ = taken[k]
        half = 2.7 * len(text)
        others = taken[:k] + taken[k + 1 :]
        left = ax.transAxes.inverted().transform(pixels[k])[0] > 0.5
        sides = (-1, 1) if left else (1, -1)
        places = [(side, 10.0 * level) for level in (0, 1, -1, 2, -2) for side in sides]
        free = (
            (side, level)
            for side, level in places
            if all(
                abs(across + side * (5.0 + half) - a) > half + reach or abs(up + level - b) > 9.0
                for a, b, reach in others
            )
        )
        side, level = next(free, places[0])
        taken.append((across + side * (5.0 + half), up + level, half))
        given = {
            "xytext": (5 * side, level),
            "textcoords": "offset points",
            "ha": "right" if side < 0 else "left",
            "va": "center",
            "fontsize": "small",
        }
        found.append(ax.annotate(text, (x[k], y[k]), **(given | keywords)))
    return found
