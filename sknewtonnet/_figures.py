"""Where figures are drawn; matplotlib is imported only then."""

from typing import Any


def axes(ax: Any = None) -> Any:
    """The axes that are given, or new ones.

    Parameters
    ----------
    ax : matplotlib.axes.Axes, default=None
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as missing:
        raise ImportError("plot needs matplotlib: pip install matplotlib.") from missing
    return ax if ax is not None else plt.subplots()[1]
