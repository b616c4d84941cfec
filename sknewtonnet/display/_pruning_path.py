"""How the size of a net was chosen, as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sknewtonnet._figures import COLOURS, ink, readable, style
from sknewtonnet._path_figures import draw_pruning_path
from sknewtonnet._typing import Array
from sknewtonnet.display._base import Display, draws
from sknewtonnet.display._labels import label_above
from sknewtonnet.pruning import BackwardPruning, InformationCriterionSearch, PruningPath

# Restored nets are drawn up to so many heights of the path above it.
_HEADROOM = 0.6


class PruningPathDisplay(Display):
    """Criterion, or objective, over the number of parameters, with the net that was chosen.

    Of a pruning: from the whole net on the left to what is left of it. Discs on a line are nets
    after a removal that was accepted, crosses those after one that was not, so that the net was
    restored. Names above the picture say what went. Of a search over settings: a disc for each
    setting, with its values above. The chosen net has a ring. Criteria have the formulas of
    :class:`sknewtonnet.inference.Criteria`; the objective is in the units of the table.

    Parameters
    ----------
    n_parameters : array-like of shape (n_steps,)
        Number of parameters of each net.
    values : array-like of shape (n_steps,)
        Its criterion or objective; NaN where there is none, which is not drawn.
    chosen : int
        Number of the net that was chosen, from 0 on.
    accepted : array-like of bool of shape (n_steps,), default=None
        Which nets were kept on the way. None: there is no way, as in a search.
    names : sequence of sequence of str, default=None
        What to write above each net: what was removed, or a setting.
    criterion : str, default=None
        Name of the criterion; the objective if None.
    varying : str, default=None
        Which parameters a search varied, for the key.

    Attributes
    ----------
    accepted_ : matplotlib.lines.Line2D
        The nets that were kept, or all of a search.
    restored_ : matplotlib.lines.Line2D or None
        Those that were not, if there are any.
    above_ : matplotlib.lines.Line2D or None
        Triangles at the upper edge for restored nets whose criterion is far above the path.
    chosen_ : matplotlib.lines.Line2D
        The mark of the chosen net.
    labels_ : list of matplotlib.text.Annotation
        What is written above; nets of nearly the same size share a label.
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.

    See Also
    --------
    sknewtonnet.BackwardPruning : ``path_`` has the numbers as a table.
    sknewtonnet.InformationCriterionSearch : ``results_`` has the numbers as a table.
    NetworkDisplay : The net before and after.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import BackwardPruning, NewtonMLPRegressor
    >>> from sknewtonnet.display import PruningPathDisplay
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(100, 3))
    >>> y = np.tanh(X[:, 0]) + 0.1 * rng.normal(size=100)
    >>> pruned = BackwardPruning(NewtonMLPRegressor((2,), alpha=0.1, random_state=0)).fit(X, y)
    >>> display = PruningPathDisplay.from_estimator(pruned)
    >>> display.ax_.get_ylabel()
    'BIC'
    """

    def __init__(
        self,
        *,
        n_parameters: ArrayLike,
        values: ArrayLike,
        chosen: int,
        accepted: ArrayLike | None = None,
        names: Sequence[Sequence[str]] | None = None,
        criterion: str | None = None,
        varying: str | None = None,
    ) -> None:
        self.n_parameters = n_parameters
        self.values = values
        self.chosen = chosen
        self.accepted = accepted
        self.names = names
        self.criterion = criterion
        self.varying = varying

    @classmethod
    def from_estimator(
        cls,
        estimator: BackwardPruning | InformationCriterionSearch | Pipeline,
        *,
        ax: Any = None,
        **keywords: Any,
    ) -> Self:
        """Draw the path of a pruning, or the settings of a search.

        Parameters
        ----------
        estimator : BackwardPruning, InformationCriterionSearch, or a Pipeline that ends in one
            Fitted.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.
        **keywords : dict
            As in :meth:`plot`.

        Returns
        -------
        PruningPathDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If it is neither.
        """
        cls._check_plot(ax, keywords)
        if isinstance(estimator, Pipeline):
            estimator = estimator.steps[-1][1]
        if not isinstance(estimator, BackwardPruning | InformationCriterionSearch):
            raise TypeError(
                f"{cls.__name__} draws a BackwardPruning or an InformationCriterionSearch, got "
                f"{type(estimator).__name__}."
            )
        check_is_fitted(estimator)
        if isinstance(estimator, BackwardPruning):
            return cls.from_path(estimator.path_, ax=ax, **keywords)
        table = estimator.results_
        varying, values = _settings(table["params"])
        display = cls(
            n_parameters=table["n_parameters"],
            values=table[estimator.criterion],
            chosen=estimator.best_index_,
            names=values,
            criterion=estimator.criterion,
            varying=varying,
        )
        return display.plot(ax, **keywords)

    @classmethod
    def from_path(
        cls,
        path: PruningPath,
        *,
        ax: Any = None,
        **keywords: Any,
    ) -> Self:
        """Draw the path of a pruning.

        Parameters
        ----------
        path : PruningPath
            The attribute ``path_`` of a :class:`sknewtonnet.BackwardPruning`.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.
        **keywords : dict
            As in :meth:`plot`.

        Returns
        -------
        PruningPathDisplay
            The display, drawn.
        """
        if not isinstance(path, PruningPath):
            raise TypeError(
                f"path must be the path_ of a BackwardPruning, got {type(path).__name__}."
            )
        accepted = np.array([step.accepted for step in path])
        display = cls(
            n_parameters=np.array([step.n_parameters for step in path]),
            values=np.array([step.criterion if path.criterion else step.loss for step in path]),
            chosen=int(np.flatnonzero(accepted)[-1]),
            accepted=accepted,
            names=[step.removed if step.accepted else () for step in path],
            criterion=path.criterion,
        )
        return display.plot(ax, **keywords)

    @draws
    def plot(
        self,
        ax: Any = None,
        *,
        accepted_kwargs: Mapping[str, Any] | None = None,
        restored_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw the path.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.
        accepted_kwargs, restored_kwargs : dict, default=None
            Keywords of the two lines, for :meth:`matplotlib.axes.Axes.plot`.

        Returns
        -------
        PruningPathDisplay
            The display itself.
        """
        ax = self._place(ax)
        from matplotlib.ticker import MaxNLocator

        sizes, values = np.asarray(self.n_parameters), np.asarray(self.values, dtype=float)
        if self.accepted is None:
            self.accepted_, self.restored_ = self._settings(ax, accepted_kwargs), None
        else:
            self.accepted_, self.restored_ = draw_pruning_path(
                ax,
                sizes,
                values,
                np.asarray(self.accepted),
                self.criterion,
                {"label": "accepted: parts above went"} | dict(accepted_kwargs or {}),
                restored_kwargs,
            )
        ax.set_ylabel(self.criterion.upper() if self.criterion else "objective")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        (self.chosen_,) = ax.plot(
            sizes[[self.chosen]],
            values[[self.chosen]],
            "o",
            color=ink(),
            markersize=10,
            fillstyle="none",
            label=f"chosen: {sizes[self.chosen]} parameters",
            zorder=3,
        )
        ax.margins(0.06, 0.08)
        self.above_ = self._far_above(ax, sizes, values)
        names = [()] * len(sizes) if self.names is None else self.names
        shown = [own if np.isfinite(v) else () for own, v in zip(names, values, strict=True)]
        self.labels_ = label_above(ax, sizes.astype(float), shown)
        # A path falls from the upper left, and crosses stand at its end.
        ax.legend(fontsize="small", loc="best" if self.accepted is None else "upper center")
        return self

    def _far_above(self, ax: Any, sizes: Any, values: Array) -> Any:
        """End the picture where restored nets would press the path flat; marks for those above."""
        ax.autoscale_view()
        if self.accepted is None:
            return None
        kept = values[np.asarray(self.accepted)]
        high = kept.max() + _HEADROOM * np.ptp(kept)
        above = values > high
        if not above.any() or np.ptp(kept) == 0:
            return None
        ax.set_ylim(top=high)
        (marks,) = ax.plot(
            sizes[above],
            np.full(above.sum(), 0.97),
            "^",
            color=COLOURS["vermilion"],
            fillstyle="none",
            markersize=5,
            transform=ax.get_xaxis_transform(),
            label="restored, far above",
        )
        return marks

    def _settings(self, ax: Any, line_kwargs: Mapping[str, Any] | None) -> Any:
        """The nets of a search, from few parameters to many."""
        from matplotlib.lines import Line2D

        sizes, values = np.asarray(self.n_parameters), np.asarray(self.values, dtype=float)
        order = np.lexsort([values, sizes])
        order = order[~np.isnan(values[order])]
        missing = len(values) - len(order)
        label = "settings" if self.varying is None else f"{readable(self.varying)}, above"
        label += f" ({missing} without a criterion)" if missing else ""
        disc = {"color": COLOURS["blue"], "marker": "o", "markersize": 5, "linestyle": "none"}
        disc |= {"label": label}
        (line,) = ax.plot(sizes[order], values[order], **style(disc, line_kwargs, Line2D))
        ax.set_xlabel("parameters")
        return line


def _settings(params: Iterable[Mapping[str, Any]]) -> tuple[str, list[list[str]]]:
    """Names of the parameters that a search varies, and the values of each setting."""
    params = list(params)
    names = sorted({name for each in params for name in each})
    values = [" / ".join(str(each[name]) for name in names if name in each) for each in params]
    return " / ".join(name.rpartition("__")[2] for name in names), [[each] for each in values]
