"""Names above a picture that do not run into each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sknewtonnet._figures import readable
from sknewtonnet._typing import Array

# Letters of a label; what does not fit is counted.
_LETTERS = 26


def shortened(names: Sequence[str], letters: int = _LETTERS) -> str:
    """Names in one line; those that do not fit are counted.

    >>> shortened(["age", "body mass index", "blood pressure"], 24)
    'age, body mass index, +1'
    >>> shortened(["a name that is much too long"], 13)
    'a name…o long'
    """
    found = [readable(names[0], letters)]
    for k, name in enumerate(map(readable, names[1:]), 1):
        more = f", +{len(names) - k - 1}" if k + 1 < len(names) else ""
        if len(", ".join([*found, name]) + more) > letters:
            return f"{', '.join(found)}, +{len(names) - k}"
        found.append(name)
    return ", ".join(found)


def label_above(
    ax: Any, places: Array, names: Sequence[Sequence[str]], fontsize: float = 8.0
) -> list[Any]:
    """Write names above axes, upright; where places lie close together they share a label.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Axes whose limits do not change any more.
    places : ndarray of shape (n_places,)
        Where on the axis of x.
    names : sequence of sequence of str
        What to write at each place; nothing where it is empty.
    fontsize : float, default=8.0
        In points.

    Returns
    -------
    list of matplotlib.text.Annotation
        From left to right.
    """
    figure = ax.figure
    where = np.column_stack([places, np.zeros(len(places))])
    pixels = ax.get_xaxis_transform().transform(where)[:, 0]
    gap = 1.3 * fontsize * figure.dpi / 72.0
    groups: list[tuple[float, float, list[str]]] = []
    for k in np.argsort(pixels, kind="stable"):
        if not len(names[k]):
            continue
        if not groups or pixels[k] - groups[-1][0] >= gap:
            groups.append((pixels[k], places[k], []))
        groups[-1][2].extend(names[k])
    return [
        ax.annotate(
            shortened(own),
            (place, 1.0),
            (0.0, 4.0),
            xycoords=ax.get_xaxis_transform(),
            textcoords="offset points",
            rotation=90,
            ha="center",
            va="bottom",
            fontsize=fontsize,
            annotation_clip=False,
        )
        for _, place, own in groups
    ]
