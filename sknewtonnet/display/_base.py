"""What all pictures share: they hold what was computed, and draw it when asked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from sknewtonnet._figures import axes, check_axes, panels, pyplot
from sknewtonnet._tables import Worded

_Keywords = ParamSpec("_Keywords")
_Drawn = TypeVar("_Drawn", bound="Display")


def draws(
    plot: Callable[Concatenate[_Drawn, _Keywords], _Drawn],
) -> Callable[Concatenate[_Drawn, _Keywords], _Drawn]:
    """Decorate a ``plot``: where it fails, the figure that it has made is closed again."""

    @wraps(plot)
    def safely(self: _Drawn, /, *args: _Keywords.args, **keywords: _Keywords.kwargs) -> _Drawn:
        plt = pyplot(type(self).__name__)
        check_axes(args[0] if args else keywords.get("ax"))
        before = plt.get_fignums()
        try:
            return plot(self, *args, **keywords)
        except Exception:
            for number in set(plt.get_fignums()).difference(before):
                plt.close(number)
            raise

    return safely


class Display(Worded):
    """Base class of the displays.

    A display holds numbers that were computed before, by a class method such as
    ``from_estimator`` or ``from_results``. :meth:`plot` draws them, and may be called again, in
    other axes or another style; it computes nothing new and changes nothing of the model.
    Matplotlib is imported by :meth:`plot` alone. The form is that of scikit-learn's displays.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes, after :meth:`plot` of a picture with one panel.
    axes_ : ndarray of matplotlib.axes.Axes
        The axes, after :meth:`plot` of a picture with several panels.
    figure_ : matplotlib.figure.Figure
        The figure.

    See Also
    --------
    sklearn.metrics.PredictionErrorDisplay : A display of scikit-learn.

    Examples
    --------
    >>> from sknewtonnet.display import Display
    >>> class Points(Display):
    ...     def __init__(self, x, y):
    ...         self.x, self.y = x, y
    ...
    ...     def plot(self, ax=None):
    ...         self._place(ax).scatter(self.x, self.y)
    ...         return self
    >>> display = Points([1, 2], [3, 4]).plot()
    >>> display.ax_ is display.figure_.axes[0]
    True
    """

    def plot(self, ax: Any = None) -> Self:
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.

        Returns
        -------
        Display
            The display itself.
        """
        raise NotImplementedError

    @classmethod
    def _check_plot(cls, ax: Any, keywords: Mapping[str, Any]) -> None:
        """Raise where :meth:`plot` would not take these, before anything is computed."""
        check_axes(ax)
        try:
            inspect.signature(cls.plot).bind(None, ax, **keywords)
        except TypeError as wrong:
            raise TypeError(f"{cls.__name__}: {wrong} of plot.") from None

    @classmethod
    def _check_own(cls, maker: Callable[..., Any], ax: Any, keywords: Mapping[str, Any]) -> None:
        """Raise where neither the maker of the display nor :meth:`plot` would take these."""
        own = inspect.signature(maker).parameters
        cls._check_plot(ax, {name: v for name, v in keywords.items() if name not in own})

    def _place(self, ax: Any, size: tuple[float, float] | None = None) -> Any:
        """Keep the axes of the picture and its figure, and return the axes."""
        self.ax_ = axes(ax, type(self).__name__, size)
        self.figure_ = self.ax_.figure
        return self.ax_

    def _places(self, n_rows: int, n_columns: int, ax: Any, **keywords: Any) -> Any:
        """The same for several panels, an array of shape (n_rows, n_columns)."""
        self.axes_ = panels(n_rows, n_columns, ax, caller=type(self).__name__, **keywords)
        self.figure_ = self.axes_[0, 0].figure
        return self.axes_
