"""Residuals of a fit in the four pictures of R's plot.lm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from scipy.stats import beta

from sknewtonnet._figures import COLOURS, label_points, plain_log_axis, readable, style
from sknewtonnet._names import must_be_one_of
from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.pieces.validation import check_count
from sknewtonnet.display._base import draws
from sknewtonnet.display._smooth import lowess
from sknewtonnet.display._statistics import (
    RowsDisplay,
    check_level,
    check_results,
    column,
    largest,
    name_of,
    names_of_outputs,
    output_number,
    row_labels,
)
from sknewtonnet.inference import InferenceResults

KINDS = ("auto", "quantile", "deviance", "pearson")
PANELS = ("fitted", "quantiles", "scale", "leverage")
# Cook's distances at which R draws a line.
_CONTOURS = (0.5, 1.0)


class ResidualsDisplay(RowsDisplay):
    """Four pictures of the residuals of a fit, as R's ``plot.lm`` draws them.

    1. Residuals over fitted means, with a smooth: a bend is a trend that the net has missed.
    2. Ordered standardised residuals over quantiles of the normal distribution, with a pointwise
       envelope: order statistic i of n normal numbers lies in it with the probability
       ``level``, for its distribution function there has the beta(i, n - i + 1) distribution.
    3. Roots of the sizes of standardised residuals over fitted means, with a smooth: a slope means
       that variances change with the mean.
    4. Standardised Pearson residuals r over leverages h, with lines where Cook's distance
       D = r^2 h / (p (1 - h)) of a linear fit with p (effective) parameters is 0.5 and 1. They
       are left out with several outputs or classes, whose distances are those of all together.

    Residuals are standardised by (phi (1 - h))^1/2, with the dispersion phi; of K > 2 classes h is
    the leverage of a row over K - 1. Rows with the largest standardised residuals, in the fourth
    picture with the largest Cook's distances of
    :meth:`sknewtonnet.inference.InferenceResults.influence`, have their labels.

    Parameters
    ----------
    fitted : ndarray of shape (n_samples,)
        Fitted means, in the units of the target, or probabilities.
    residuals : ndarray of shape (n_samples,)
        Residuals.
    standardized : ndarray of shape (n_samples,)
        The same over their standard errors.
    pearson : ndarray of shape (n_samples,)
        Standardised Pearson residuals, for the fourth picture.
    leverages : ndarray of shape (n_samples,)
        Leverages.
    cooks_distance : ndarray of shape (n_samples,)
        Cook's distances.
    n_parameters : float
        Number p of effective parameters; NaN where there are no lines of Cook's distance.
    labels : ndarray of shape (n_samples,)
        What the rows are called.
    residual_name, fitted_name : str
        What residuals and fitted means are called on the axes.
    log_fitted : bool, default=False
        Whether fitted means have a logarithmic axis.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes of shape (n_rows, 2)
        The panels.
    ax_ : matplotlib.axes.Axes
        The axes, where there is one panel only.
    figure_ : matplotlib.figure.Figure
        The figure.
    points_ : dict of str to matplotlib.collections.PathCollection
        The rows in each panel: "fitted", "quantiles", "scale" and "leverage".
    smooths_ : dict of str to matplotlib.lines.Line2D
        The smooths of "fitted" and "scale".
    envelope_ : matplotlib.collections.FillBetweenPolyCollection or None
        The envelope of the normal quantiles.
    contours_ : dict of float to list of matplotlib.lines.Line2D
        The lines of equal Cook's distance above and below zero.
    row_labels_ : dict of str to list of matplotlib.text.Annotation
        The labels in each panel.

    See Also
    --------
    InfluenceDisplay : What single rows do to the fit.
    sklearn.metrics.PredictionErrorDisplay : Residuals of predictions for any rows.

    References
    ----------
    Cook and Weisberg (1982), Residuals and Influence in Regression; Cleveland (1979), Robust
    locally weighted regression and smoothing scatterplots, JASA 74.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.display import ResidualsDisplay
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> net = NewtonMLPRegressor((1,), alpha=1.0, random_state=0).fit(X, y)
    >>> display = ResidualsDisplay.from_estimator(net, X, y)
    >>> display.axes_.shape
    (2, 2)
    """

    def __init__(
        self,
        *,
        fitted: Array,
        residuals: Array,
        standardized: Array,
        pearson: Array,
        leverages: Array,
        cooks_distance: Array,
        n_parameters: float,
        labels: NDArray[Any],
        residual_name: str,
        fitted_name: str,
        log_fitted: bool = False,
    ):
        self.fitted = fitted
        self.residuals = residuals
        self.standardized = standardized
        self.pearson = pearson
        self.leverages = leverages
        self.cooks_distance = cooks_distance
        self.n_parameters = n_parameters
        self.labels = labels
        self.residual_name = residual_name
        self.fitted_name = fitted_name
        self.log_fitted = log_fitted

    @classmethod
    def from_results(
        cls,
        results: InferenceResults,
        *,
        kind: str = "auto",
        output: int | str = 0,
        random_state: int = 0,
        labels: ArrayLike | None = None,
        target_name: str | None = None,
        ax: Any = None,
        **keywords: Any,
    ) -> Self:
        """Draw the residuals of results.

        Parameters
        ----------
        results : InferenceResults
            Those of the ``inference`` of a net, with the data.
        kind : {"auto", "quantile", "deviance", "pearson"}, default="auto"
            Which residuals: normal quantiles of the probability of less than the target
            (:meth:`sknewtonnet.inference.InferenceResults.quantile_residuals`); signed roots of
            what a row adds to the deviance; or residuals over the root of the variance at their
            mean. "auto": those by quantiles, which know neither the bands of classes nor the
            ties of counts; of squared errors, where all are the same, and of losses that know no
            distribution, those of the deviance.
        output : int or str, default=0
            Which target, or class, by position or name.
        random_state : int, default=0
            Seed of quantile residuals.
        labels : array-like of shape (n_samples,), default=None
            What the rows of the fit (those with a weight above zero) are called; their positions
            if None.
        target_name : str, default=None
            What a single target is called; None: "y". :meth:`from_estimator` takes the name of a
            column.
        ax : matplotlib.axes.Axes, default=None
            Axes whose place the panels take; a new figure if None.
        **keywords : dict
            As in :meth:`plot`.

        Returns
        -------
        ResidualsDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If an argument is not allowed.
        """
        check_results(results)
        cls._check_plot(ax, keywords)
        _check_kind(kind)
        number = output_number(output, results.output_names)
        influence = results.influence()
        names = row_labels(labels, len(influence.cooks_distance))
        loss = results.information.objective.loss
        if influence.resid_studentized.ndim < results.resid_response.ndim:
            # Of classes one logit is given, and all others share the leverage.
            n_free = len(results.output_names) - 1
            scale = np.sqrt(1.0 - influence.hat_matrix_diag / n_free)
        else:
            scale = column(influence.resid_std, number)
        kind, found = _residuals(results, kind, number, random_state)
        output_name = names_of_outputs(results, target_name)[number]
        chance = "probability of" if loss.for_classes else "fitted"
        return cls(
            fitted=column(results.fittedvalues, number),
            residuals=found,
            standardized=found if kind == "quantile" else found / scale,
            pearson=column(results.resid_pearson, number) / scale,
            leverages=influence.hat_matrix_diag,
            cooks_distance=influence.cooks_distance,
            n_parameters=results.effective_parameters
            if len(results.output_names) == 1
            else np.nan,
            labels=names,
            residual_name="residual" if loss.normal_errors else f"{kind} residual",
            fitted_name=f"{chance} {output_name}",
            log_fitted=loss.out_activation == "exp",
        ).plot(ax=ax, **keywords)

    @classmethod
    def _of_table(cls, X: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        return super()._of_table(X, y, sample_weight) | name_of(y)

    @draws
    def plot(
        self,
        ax: Any = None,
        *,
        panels: Sequence[str] | str = PANELS,
        n_labels: int = 3,
        level: float = 0.95,
        point_kwargs: Mapping[str, Any] | None = None,
        line_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw the four panels, or some of them.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw, or whose place several panels take; a new figure if None.
        panels : str or sequence of str, default=("fitted", "quantiles", "scale", "leverage")
            Which panels, in the order of the class description.
        n_labels : int, default=3
            How many rows have a label in each panel.
        level : float, default=0.95
            Level of the envelope.
        point_kwargs : dict, default=None
            Keywords of the points.
        line_kwargs : dict, default=None
            Keywords of the smooths.

        Returns
        -------
        ResidualsDisplay
            The display itself.

        Raises
        ------
        ValueError
            If a panel is none of these.
        """
        chosen = _checked_panels(panels)
        check_count("n_labels", n_labels, 0)
        check_level(level)
        places = self._panels(len(chosen), 2, ax, (3.6, 3.0))
        self._scatter, self._line = point_kwargs, line_kwargs
        self.points_: dict[str, Any] = {}
        self.smooths_: dict[str, Any] = {}
        self.row_labels_: dict[str, list[Any]] = {}
        self.contours_: dict[float, list[Any]] = {}
        self.envelope_: Any = None
        far, what = largest(np.abs(self.standardized), n_labels), self.residual_name
        fitted = readable(self.fitted_name)
        standard = what if what.startswith("quantile") else f"standardised {what}"
        for name, place in zip(chosen, places, strict=True):
            if name == "fitted":
                place.axhline(0.0, color=COLOURS["grey"], lw=0.8, ls=":", zorder=0)
                self._cloud(place, name, self.residuals, far)
                place.set(title="Residuals vs fitted", xlabel=fitted, ylabel=what)
            elif name == "quantiles":
                self._normal_quantiles(place, name, far, level)
                place.set(title="Normal Q-Q", xlabel="quantile of the normal", ylabel=standard)
            elif name == "scale":
                self._cloud(place, name, np.sqrt(np.abs(self.standardized)), far)
                root = f"root of |{standard}|"
                place.set(title="Scale-location", xlabel=fitted, ylabel=root)
            else:
                self._leverages(place, name, largest(self.cooks_distance, n_labels))
                place.set(title="Residuals vs leverage", xlabel="leverage")
                place.set_ylabel("standardised Pearson residual")
        return self

    def _cloud(self, ax: Any, name: str, y: Array, named: Ints) -> None:
        """The rows over their fitted means, with a smooth."""
        from matplotlib.lines import Line2D

        x, log = self.fitted, self.log_fitted
        if log:
            ax.set_xscale("log")
        self._points(ax, name, x, y)
        with np.errstate(divide="ignore", invalid="ignore"):  # a mean of 0 has no place there
            at, smooth = lowess(np.log(x) if log else x, y)
        look = {"color": COLOURS["vermilion"], "lw": 1.5}
        at = np.exp(at) if log else at
        (self.smooths_[name],) = ax.plot(at, smooth, **style(look, self._line, Line2D))
        if log:
            plain_log_axis(ax.xaxis)
        self._name(ax, name, x, y, named)

    def _points(self, ax: Any, name: str, x: Array, y: Array) -> None:
        """The rows; a word where there are none, as of a fit that has not ended at a minimum."""
        from matplotlib.collections import PathCollection

        if np.isnan(y).all():
            where = {"transform": ax.transAxes, "ha": "center", "va": "center"}
            ax.text(0.5, 0.5, "no standard errors:\nsee results.diagnosis", **where)

        look = {"s": 12, "facecolors": "none", "edgecolors": COLOURS["blue"], "linewidths": 0.7}
        self.points_[name] = ax.scatter(x, y, **style(look, self._scatter, PathCollection))
        ax.margins(0.08)

    def _name(self, ax: Any, name: str, x: Array, y: Array, named: Ints) -> None:
        """Labels of some rows, when all else is there."""
        texts = [str(label) for label in self.labels[named]]
        self.row_labels_[name] = label_points(ax, x[named], y[named], texts)

    def _normal_quantiles(self, ax: Any, name: str, named: Ints, level: float) -> None:
        """Ordered residuals beside those of normal numbers."""
        known = np.isfinite(self.standardized)
        n = int(known.sum())
        order = np.argsort(np.where(known, self.standardized, np.inf), kind="stable")[:n]
        ranks = np.arange(1, n + 1)
        expected = np.full(len(known), np.nan)
        expected[order] = ndtri((ranks - 0.375) / (n + 0.25) if n <= 10 else (ranks - 0.5) / n)
        tails = (1.0 - level) / 2.0
        ends = [ndtri(beta.ppf(p, ranks, n - ranks + 1)) for p in (tails, 1.0 - tails)]
        self.envelope_ = ax.fill_between(
            expected[order], *ends, color=COLOURS["grey"], alpha=0.25, lw=0
        )
        ax.plot(expected[order], expected[order], color=COLOURS["grey"], lw=0.8, ls=":", zorder=0)
        self._points(ax, name, expected, self.standardized)
        self._name(ax, name, expected, self.standardized, named)

    def _leverages(self, ax: Any, name: str, named: Ints) -> None:
        """Residuals over leverages, and where Cook's distance is as large as R's lines."""
        self._points(ax, name, self.leverages, self.pearson)
        ax.axhline(0.0, color=COLOURS["grey"], lw=0.8, ls=":", zorder=0)
        (_, right), (low, high) = ax.get_xlim(), ax.get_ylim()
        ax.set_xlim(0.0, right)  # the lines go on beyond the rows
        ax.set_ylim(low, high)
        self._name(ax, name, self.leverages, self.pearson, named)
        if np.isnan(self.n_parameters):
            return
        h = np.linspace(right / 400.0, min(right, 0.999), 400)
        for distance, dash in zip(_CONTOURS, ("--", "-."), strict=True):
            r = np.sqrt(distance * self.n_parameters * (1.0 - h) / h)
            look = {"color": COLOURS["vermilion"], "lw": 0.8, "ls": dash}
            self.contours_[distance] = [ax.plot(h, side * r, **look)[0] for side in (1, -1)]
            # Their ends have names, above or below, as in R.
            end = r[-1] if r[-1] < high else -r[-1]
            if low < end < high:
                # Near ends: the name of the inner line hangs towards zero, the other away.
                inner = distance == min(_CONTOURS)
                where = {
                    "transform": ax.get_yaxis_transform(),
                    "va": "top" if inner == (end > 0.0) else "bottom",
                    "fontsize": "small",
                }
                ax.text(1.01, end, f"Cook {distance:g}", color=COLOURS["vermilion"], **where)


def _checked_panels(panels: Sequence[str] | str) -> list[str]:
    """Names of panels in their order."""
    given = [panels] if isinstance(panels, str) else list(panels)
    for name in given:
        if name not in PANELS:
            raise ValueError(must_be_one_of("panels", name, PANELS))
    if not given:
        raise ValueError(f"panels must have at least one of {list(PANELS)}, got {panels!r}.")
    return [name for name in PANELS if name in given]


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise ValueError(must_be_one_of("kind", kind, KINDS))


def _residuals(
    results: InferenceResults, kind: str, output: int, random_state: int
) -> tuple[str, Array]:
    """Residuals of one output, or of one class against all others, and their kind."""
    if kind == "auto" and results.information.objective.loss.normal_errors:
        kind = "deviance"
    if kind in ("auto", "quantile"):
        try:
            return "quantile", column(results.quantile_residuals(random_state), output)
        except ValueError:
            if kind == "quantile":
                raise
    if kind == "pearson":
        return kind, column(results.resid_pearson, output)
    given = results.resid_deviance
    if given.ndim == results.resid_response.ndim:
        return "deviance", column(given, output)
    # Of classes: what the class alone, there or not, adds to the deviance of its probability.
    response = results.resid_response[:, output]
    return "deviance", np.sign(response) * np.sqrt(-2.0 * np.log1p(-np.abs(response)))
