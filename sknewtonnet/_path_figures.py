"""Pictures of paths: of the records that have them, and of the displays that say more.

A path is what was tried one after the other: strengths of a penalty, or parts of a net.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sknewtonnet._figures import COLOURS, ink, style
from sknewtonnet._typing import Array, Bools


def draw_alpha_path(
    ax: Any,
    alphas: Array,
    held_out_loss: Array,
    std_errors: Array,
    alpha: float,
    line_kwargs: Mapping[str, Any] | None = None,
) -> tuple[Any, Any]:
    """Draw the held-out loss over strengths, and mark the chosen one.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    alphas, held_out_loss, std_errors : ndarray of shape (n_alphas,)
        What was tried, what came of it, and half the length of the bars.
    alpha : float
        The strength that was chosen, one of ``alphas``.
    line_kwargs : mapping, default=None
        Keywords of the curve, for ``Axes.errorbar``.

    Returns
    -------
    bars : matplotlib.container.ErrorbarContainer
        The curve with its bars.
    chosen : matplotlib.lines.Line2D
        The mark.
    """
    from matplotlib.lines import Line2D

    curve = {"color": COLOURS["blue"], "marker": "o", "markersize": 4, "capsize": 3}
    bars = ax.errorbar(alphas, held_out_loss, std_errors, **style(curve, line_kwargs, Line2D))
    (chosen,) = ax.plot(
        [alpha],
        held_out_loss[alphas == alpha],
        "o",
        color=ink(),
        markersize=10,
        fillstyle="none",
        label=f"one for all: {alpha:.3g}",
        zorder=3,
    )
    ax.set(xscale="log", xlabel="alpha (rows)", ylabel="held-out loss")
    return bars, chosen


def draw_ard_loss(ax: Any, held_out_loss: float, kept: bool) -> Any:
    """Draw the held-out loss of strengths per input as a line across.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    held_out_loss : float
        The loss.
    kept : bool
        Whether the fit has these strengths.

    Returns
    -------
    matplotlib.lines.Line2D
        The line.
    """
    label = f"one per input: {'kept' if kept else 'not kept'}"
    return ax.axhline(held_out_loss, linestyle="--", color=COLOURS["grey"], label=label)


def draw_pruning_path(
    ax: Any,
    n_parameters: Array,
    values: Array,
    accepted: Bools,
    name: str | None,
    accepted_kwargs: Mapping[str, Any] | None = None,
    restored_kwargs: Mapping[str, Any] | None = None,
) -> tuple[Any, Any]:
    """Draw a criterion over the number of parameters, from many to few.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    n_parameters, values : ndarray of shape (n_steps,)
        Size of the net of each step, and its criterion or loss.
    accepted : ndarray of bool of shape (n_steps,)
        Which nets were kept; the others were restored.
    name : str or None
        Name of the criterion; the objective if None.
    accepted_kwargs, restored_kwargs : mapping, default=None
        Keywords of the two lines, for ``Axes.plot``.

    Returns
    -------
    accepted : matplotlib.lines.Line2D
        The nets that were kept.
    restored : matplotlib.lines.Line2D or None
        Those that were not, if there are any.
    """
    from matplotlib.lines import Line2D

    kept = {"color": COLOURS["blue"], "marker": "o", "markersize": 4, "label": "accepted"}
    lost = {
        "color": COLOURS["vermilion"],
        "marker": "x",
        "linestyle": "none",
        "label": "restored",
    }
    (line,) = ax.plot(
        n_parameters[accepted], values[accepted], **style(kept, accepted_kwargs, Line2D)
    )
    crosses = None
    if not np.all(accepted):
        (crosses,) = ax.plot(
            n_parameters[~accepted], values[~accepted], **style(lost, restored_kwargs, Line2D)
        )
    if not ax.xaxis_inverted():
        ax.invert_xaxis()
    ax.set(xlabel="parameters", ylabel=(name or "objective").upper())
    return line, crosses
