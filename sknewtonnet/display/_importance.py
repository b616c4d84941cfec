"""How much features count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from sknewtonnet._figures import COLOURS, key, name_rows, paper, rows_size, style
from sknewtonnet._typing import Array
from sknewtonnet.calculus.pieces.validation import check_count
from sknewtonnet.display._base import draws
from sknewtonnet.display._statistics import (
    StatisticsDisplay,
    check_level,
    check_results,
    features_or_factors,
    largest,
)
from sknewtonnet.inference import InferenceResults

_MOST_ROWS = 50


class ImportanceDisplay(StatisticsDisplay):
    """Importances of features, with the test that a net depends on them, beside permutations.

    A bar is the share of the feature, or factor, in the sum of what the objective would grow, to
    second order, without each of them (:class:`sknewtonnet.inference.FeatureTable`). A full
    bar is one of a feature on which the net depends: its p-value, adjusted by Holm for all
    features, is below ``1 - level``; a hollow bar is one without evidence, and a hatched one of a
    feature that could not be tested.

    Diamonds are permutation importances, if they are asked for: by how much the score falls if the
    column is permuted, as shares in the sum of the positive ones, with a standard deviation of
    the repetitions to both sides. They look at predictions, bars at the objective; both are shares
    in one.

    Parameters
    ----------
    names : sequence of str
        Names of the features, or factors.
    importances : ndarray of shape (n_features,)
        Shares.
    p_values : ndarray of shape (n_features,)
        Adjusted p-values.
    permutation, permutation_std : ndarray of shape (n_features,), default=None
        Shares by permutations, and their standard deviations.
    level : float, default=0.95
        One less the p-value from which on there is no evidence.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.
    bars_ : matplotlib.container.BarContainer
        The bars, the largest on top.
    permutation_ : matplotlib.container.ErrorbarContainer or None
        The permutation importances.

    See Also
    --------
    CoefficientDisplay : Direction and size of effects.
    sklearn.inspection.permutation_importance : What the diamonds are.

    References
    ----------
    Hassibi and Stork (1993), Second order derivatives for network pruning: optimal brain surgeon;
    Breiman (2001), Random forests, Machine Learning 45.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.inspection import permutation_importance
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.display import ImportanceDisplay
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> net = NewtonMLPRegressor((1,), alpha=1.0, random_state=0).fit(X, y)
    >>> permuted = permutation_importance(net, X, y, n_repeats=3, random_state=0)
    >>> display = ImportanceDisplay.from_estimator(net, X, y, permutation=permuted)
    >>> display.ax_.get_yticklabels()[0].get_text()
    'bmi'
    """

    def __init__(
        self,
        *,
        names: Sequence[str],
        importances: Array,
        p_values: Array,
        permutation: Array | None = None,
        permutation_std: Array | None = None,
        level: float = 0.95,
    ):
        self.names = names
        self.importances = importances
        self.p_values = p_values
        self.permutation = permutation
        self.permutation_std = permutation_std
        self.level = level

    @classmethod
    def from_results(
        cls,
        results: InferenceResults,
        *,
        groups: Mapping[str, Sequence[str]] | None = None,
        permutation: Mapping[str, Any] | None = None,
        columns: Sequence[str] | None = None,
        level: float = 0.95,
        ax: Any = None,
        **keywords: Any,
    ) -> Self:
        """Draw the importances of the features by results.

        Parameters
        ----------
        results : InferenceResults
            Those of the ``inference`` of a net, with the data.
        groups : mapping of str to list of str, default=None
            Features that count together, such as the dummies of a factor; categorical columns
            before a pipeline do so without it.
        permutation : Bunch, default=None
            What :func:`sklearn.inspection.permutation_importance` returns, for the same features
            (before a pipeline: for the columns of its table), also of other rows.
        columns : sequence of str, default=None
            The names of the features of ``permutation`` in their order; None: that of the
            results. :meth:`from_estimator` takes those of a data frame.
        level : float, default=0.95
            One less the p-value from which on there is no evidence that a net depends on a
            feature.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.
        **keywords : dict
            As in :meth:`plot`.

        Returns
        -------
        ImportanceDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If permutations are those of other features, or another argument is not allowed.
        """
        check_results(results)
        cls._check_plot(ax, keywords)
        check_level(level)
        names = features_or_factors(results, groups)
        means = errors = None
        if permutation is not None:
            _check_permutation(permutation)
            given = list(names if columns is None else columns)
            means = _in_order(permutation["importances_mean"], given, names)
            errors = _in_order(permutation["importances_std"], given, names)
            total = np.maximum(means, 0.0).sum()
            means, errors = (x / total if total > 0.0 else 0.0 * x for x in (means, errors))
        tests = results.tests if groups is None else results.tests_of(groups)
        # Of a factor the first row is that of all its levels, which are set in.
        first = [k for k, name in enumerate(tests.names) if not name.startswith("  ")]
        return cls(
            names=names,
            importances=tests.importances[first],
            p_values=tests.adjusted_p_values[first],
            permutation=means,
            permutation_std=errors,
            level=level,
        ).plot(ax=ax, **keywords)

    @classmethod
    def _of_table(cls, X: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        names = list(getattr(X, "columns", ()))
        named = names and all(isinstance(name, str) for name in names)
        return {"columns": names} if named else {}

    @draws
    def plot(
        self,
        ax: Any = None,
        *,
        max_rows: int = _MOST_ROWS,
        bar_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw a bar for each feature, the most important on top.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.
        max_rows : int, default=50
            Of more features the most important are drawn, and the axis says how many are left out.
        bar_kwargs : dict, default=None
            Keywords of the bars.

        Returns
        -------
        ImportanceDisplay
            The display itself.
        """
        check_count("max_rows", max_rows)
        rows = largest(np.nan_to_num(self.importances), max_rows)
        own, place = ax is None, self._place(ax, rows_size([self.names[k] for k in rows]))
        from matplotlib.patches import Rectangle

        height, p = np.arange(len(rows)), self.p_values[rows]
        look = style({"edgecolor": COLOURS["blue"], "height": 0.65}, bar_kwargs, Rectangle)
        self.bars_ = place.barh(height, self.importances[rows], **look)
        below = 1.0 - self.level
        known: dict[str, Any] = {}
        for bar, value in zip(self.bars_, p, strict=True):
            if np.isnan(value):
                bar.set(facecolor=paper(), hatch="////")
                known["not tested"] = bar
            elif value < below:
                bar.set(facecolor=COLOURS["sky"])
                known[f"depends: p < {below:.2g} (Holm)"] = bar
            else:
                bar.set(facecolor=paper())
                known[f"no evidence: p ≥ {below:.2g}"] = bar
        self.permutation_ = None
        if self.permutation is not None and self.permutation_std is not None:
            self.permutation_ = place.errorbar(
                self.permutation[rows],
                height,
                xerr=self.permutation_std[rows],
                fmt="D",
                color=COLOURS["vermilion"],
                markersize=4.5,
                capsize=2.0,
                lw=1.0,
            )
            known["permutation, ± std"] = self.permutation_
        place.axvline(0.0, color=COLOURS["grey"], lw=0.8)
        name_rows(place, [self.names[k] for k in rows])
        place.set_xlabel("importance (share)")
        if len(rows) < len(self.names):
            place.set_ylabel(f"({len(self.names) - len(rows)} less important ones left out)")
        key(self.figure_, place, list(known.values()), list(known), own)
        return self


def _check_permutation(given: Any) -> None:
    wanted = ("importances_mean", "importances_std")
    if not isinstance(given, Mapping) or any(name not in given for name in wanted):
        raise TypeError(
            "permutation must be what sklearn.inspection.permutation_importance returns, got "
            f"{given!r}."
        )


def _in_order(values: ArrayLike, given: Sequence[str], names: Sequence[str]) -> Array:
    """Numbers of features in the order of names."""
    numbers = np.asarray(values, dtype=float)
    if numbers.shape != (len(given),):
        raise ValueError(
            f"permutation must have the importances of {len(given)} features, "
            f"got {numbers.shape}: they are {list(given)}."
        )
    missing = [name for name in names if name not in given]
    if missing:
        raise ValueError(f"permutation has no importance of {missing}; columns are {list(given)}.")
    return numbers[[list(given).index(name) for name in names]]
