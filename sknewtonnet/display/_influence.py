"""What single rows do to a fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sknewtonnet._figures import COLOURS, label_points, name_rows, rows_size, style
from sknewtonnet._names import must_be_one_of
from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.pieces.validation import check_count
from sknewtonnet.display._base import draws
from sknewtonnet.display._statistics import (
    RowsDisplay,
    check_results,
    column,
    largest,
    output_number,
    row_labels,
)
from sknewtonnet.inference import InferenceResults

KINDS = ("bubble", "cooks_distance", "leverage", "dfbetas")
_MOST_PARAMETERS = 50


class InfluenceDisplay(RowsDisplay):
    """What single rows do to a fit: leverages, Cook's distances, changes of parameters.

    The numbers are those of :meth:`sknewtonnet.inference.InferenceResults.influence`, one Newton
    step from the fit to that without the row, none of which has a unit. The kinds are

    ==================  =========================================================================
    kind                picture
    ==================  =========================================================================
    "bubble"            studentised residuals over leverages; the area is Cook's distance. Dotted
                        lines are at residuals of -2 and 2, and at twice the mean leverage, p / n
    "cooks_distance"    Cook's distance (v - v_(i))' G (v - v_(i)) / (phi p) of each row, in the
                        order of the table. The dotted line is at 4 / n
    "leverage"          leverage of each row, with a dotted line at 2 p / n
    "dfbetas"           change of each parameter without the row, over its standard error. Dotted
                        lines are at -2 / n^1/2 and 2 / n^1/2
    ==================  =========================================================================

    with n rows and p effective parameters. The lines are customary, and no tests. The most extreme
    rows have their labels.

    Parameters
    ----------
    leverages, cooks_distance : ndarray of shape (n_samples,)
        Leverages and Cook's distances.
    residuals : ndarray of shape (n_samples,)
        Studentised residuals.
    dfbetas : ndarray of shape (n_samples, n_parameters)
        Changes of the parameters over their standard errors.
    parameter_names : sequence of str
        Names of the parameters.
    n_effective : float
        Number p of effective parameters.
    labels : ndarray of shape (n_samples,)
        What the rows are called.
    residual_name : str, default="studentised residual"
        What residuals are called on their axis.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.
    points_ : matplotlib.collections.PathCollection
        The rows; for "dfbetas" each as often as there are parameters.
    stems_ : matplotlib.collections.LineCollection or None
        The lines from zero to the points, for "cooks_distance" and "leverage".
    row_labels_ : list of matplotlib.text.Annotation
        The labels, the most extreme first.

    See Also
    --------
    ResidualsDisplay : Residuals in the four pictures of R's plot.lm.

    References
    ----------
    Cook and Weisberg (1982), Residuals and Influence in Regression; Belsley, Kuh and Welsch
    (1980), Regression Diagnostics.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.display import InfluenceDisplay
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> net = NewtonMLPRegressor((1,), alpha=1.0, random_state=0).fit(X, y)
    >>> display = InfluenceDisplay.from_estimator(net, X, y, kind="cooks_distance", n_labels=2)
    >>> [text.get_text() for text in display.row_labels_]
    ['102', '92']
    """

    def __init__(
        self,
        *,
        leverages: Array,
        cooks_distance: Array,
        residuals: Array,
        dfbetas: Array,
        parameter_names: Sequence[str],
        n_effective: float,
        labels: NDArray[Any],
        residual_name: str = "studentised residual",
    ):
        self.leverages = leverages
        self.cooks_distance = cooks_distance
        self.residuals = residuals
        self.dfbetas = dfbetas
        self.parameter_names = parameter_names
        self.n_effective = n_effective
        self.labels = labels
        self.residual_name = residual_name

    @classmethod
    def from_results(
        cls,
        results: InferenceResults,
        *,
        output: int | str = 0,
        labels: ArrayLike | None = None,
        ax: Any = None,
        **keywords: Any,
    ) -> Self:
        """Draw the influence of the rows of results.

        Parameters
        ----------
        results : InferenceResults
            Those of the ``inference`` of a net, with the data.
        output : int or str, default=0
            Of which target residuals are, by position or name. Of more than two classes they are
            those of the deviance, one for each row and without a sign.
        labels : array-like of shape (n_samples,), default=None
            What the rows of the fit (those with a weight above zero) are called; their positions
            if None.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.
        **keywords : dict
            As in :meth:`plot`.

        Returns
        -------
        InfluenceDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If an argument is not allowed, or there is no influence, with the reason.
        """
        check_results(results)
        cls._check_plot(ax, keywords)
        _check_kind(keywords.get("kind", "bubble"))
        number = output_number(output, results.output_names)
        found = results.influence()
        if found.reason:
            raise ValueError(f"there is no influence of rows: {found.reason}")
        residuals, name = column(found.resid_studentized_external, number), "studentised residual"
        if np.isnan(residuals).all():
            residuals = column(found.resid_studentized, number)
        if np.isnan(residuals).all():
            residuals, name = results.resid_deviance, "deviance residual"
        return cls(
            leverages=found.hat_matrix_diag,
            cooks_distance=found.cooks_distance,
            residuals=residuals,
            dfbetas=found.dfbetas,
            parameter_names=found.names,
            n_effective=results.effective_parameters,
            labels=row_labels(labels, len(residuals)),
            residual_name=name,
        ).plot(ax=ax, **keywords)

    @draws
    def plot(
        self,
        ax: Any = None,
        *,
        kind: str = "bubble",
        n_labels: int = 5,
        point_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw one of the pictures.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.
        kind : {"bubble", "cooks_distance", "leverage", "dfbetas"}, default="bubble"
            Which picture.
        n_labels : int, default=5
            How many of the most extreme rows have a label; for "bubble" as many by Cook's distance
            and by leverage, for "dfbetas" of the changes.
        point_kwargs : dict, default=None
            Keywords of the points.

        Returns
        -------
        InfluenceDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the kind is none of these.
        """
        _check_kind(kind)
        check_count("n_labels", n_labels, 0)
        self.stems_ = None
        if kind == "dfbetas":
            self._strips(ax, n_labels, point_kwargs)
            return self
        ax = self._place(ax)
        n, line = (
            len(self.leverages),
            {"color": COLOURS["grey"], "lw": 0.9, "ls": ":", "zorder": 0},
        )
        usual = 2.0 * self.n_effective / n
        if kind == "bubble":
            sizes = np.where(np.isfinite(self.cooks_distance), self.cooks_distance, 0.0)
            areas = 4.0 + 900.0 * sizes / (sizes.max(initial=0.0) or 1.0)
            self._points(ax, self.leverages, self.residuals, point_kwargs, areas)
            for level in (-2.0, 2.0) if (self.residuals < 0.0).any() else (2.0,):
                ax.axhline(level, **line)
            ax.axvline(usual, **line)
            ax.margins(0.12)
            ax.set(xlabel="leverage", ylabel=self.residual_name, title="area: Cook's distance")
            extreme = [largest(x, n_labels) for x in (self.cooks_distance, self.leverages)]
            rows = np.array(list(dict.fromkeys(np.concatenate(extreme).tolist())), dtype=int)
            self._name(ax, self.leverages, self.residuals, rows, gaps=0.5 * np.sqrt(areas[rows]))
            return self
        height, level, name = {
            "cooks_distance": (self.cooks_distance, 4.0 / n, "Cook's distance"),
            "leverage": (self.leverages, usual, "leverage"),
        }[kind]
        place = np.arange(n, dtype=float)
        self.stems_ = ax.vlines(place, 0.0, height, color=COLOURS["blue"], lw=0.8)
        self._points(ax, place, height, point_kwargs, 6.0)
        ax.axhline(level, **line)
        ax.set_ylim(bottom=0.0)
        ax.set(xlabel="row, in the order of the table", ylabel=name)
        self._name(ax, place, height, largest(height, n_labels))
        return self

    def _points(
        self, ax: Any, x: Array, y: Array, given: Mapping[str, Any] | None, size: Any
    ) -> None:
        from matplotlib.collections import PathCollection

        look = {
            "s": size,
            "facecolors": COLOURS["sky"] + "60",
            "edgecolors": COLOURS["blue"],
            "linewidths": 0.7,
        }
        self.points_ = ax.scatter(x, y, **style(look, given, PathCollection))

    def _name(self, ax: Any, x: Array, y: Array, rows: Ints, **keywords: Any) -> None:
        texts = [str(label) for label in self.labels[rows]]
        self.row_labels_ = label_points(ax, x[rows], y[rows], texts, **keywords)

    def _strips(self, ax: Any, n_labels: int, given: Mapping[str, Any] | None) -> None:
        """A line of points for each parameter, the first one on top."""
        reach = np.nan_to_num(np.abs(self.dfbetas)).max(axis=0)
        chosen = np.sort(largest(reach, _MOST_PARAMETERS))
        names = [self.parameter_names[j] for j in chosen]
        ax = self._place(ax, rows_size(names))
        changes = self.dfbetas[:, chosen]
        n, k = changes.shape
        x, y = changes.ravel(), np.tile(np.arange(k, dtype=float), n)
        self._points(ax, x, y, given, 8.0)
        for level in (-2.0, 0.0, 2.0):
            look = {"color": COLOURS["grey"], "lw": 0.9, "ls": ":" if level else "-", "zorder": 0}
            ax.axvline(level / np.sqrt(n), **look)
        name_rows(ax, names)
        left = len(reach) - k
        ax.set_xlabel("change / standard error")
        ax.margins(x=0.35)
        ax.set_ylabel(f"parameter ({left} with less change left out)" if left else "parameter")
        extreme = largest(np.abs(x), n_labels)
        texts = [str(self.labels[i // k]) for i in extreme]
        sides = np.where(x[extreme] > 0.0, 1, -1).tolist()
        self.row_labels_ = label_points(ax, x[extreme], y[extreme], texts, sides=sides)


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise ValueError(must_be_one_of("kind", kind, KINDS))
