"""The table of features: effects, and tests that a net depends on a feature at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sknewtonnet._tables import (
    Report,
    Shown,
    Table,
    counted,
    decimals_of,
    fixed,
    imported_pandas,
    probabilities,
)
from sknewtonnet._typing import Array, Ints
from sknewtonnet.inference._effects import MarginalEffects
from sknewtonnet.inference._hypothesis import feature_groups
from sknewtonnet.inference._null_distributions import TestResult, adjust_p_values, combined_p_value
from sknewtonnet.inference._saliency import input_saliencies, shares

# Which test of dependence is made, and how it is described.
TESTS = {
    "F": "F tests of all weights that leave it",
    "likelihood ratio": "likelihood-ratio tests, by fits without it",
    "slope": "the mean squared slope and the effect together, which need no identified weight",
}


@dataclass(frozen=True, eq=False, repr=False)
class FeatureTable(Shown):
    """Effects of features on the predicted mean, and tests that a net depends on them.

    :attr:`InferenceResults.tests` and :meth:`InferenceResults.tests_of` make it. Of a group of
    features there is a row with the test of all of them, and a row for each of their effects.

    Parameters
    ----------
    names : list of str
        Name of each row: a feature, a group, or the level of a group.
    effects, std_errors, p_values : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        Average marginal effects on the mean, or contrasts, as :class:`MarginalEffects` has them,
        in the units of the table. NaN for a group.
    statistics, df, dependence_p_values : ndarray of shape (n_rows,)
        Test that the net does not depend on the feature or group at all; see ``test``. NaN where
        there is none.
    adjusted_p_values : ndarray of shape (n_rows,)
        The same p-values adjusted by Holm for all of them; those that are NaN count.
    importances : ndarray of shape (n_rows,)
        Share of the growth of the objective without the feature or group.
    test : {"F", "likelihood ratio", "slope"}
        Which test it is: in an identified net without a penalty the F test, if it is linear with
        squared errors, or the likelihood-ratio test, if the covariance assumes the model and the
        loss is not gamma. Else :meth:`InferenceResults.slope_test`, which sees any dependence but
        little of a slight trend, and the effect, which sees trends only: the p-value is that of
        both, :func:`combined_p_value`.
    reasons : dict of str to str
        Why a test is NaN, by the name of the row.
    output_names : tuple of str
        Names of the outputs.
    use_t : bool
        Whether the p-values of the effects are those of t.
    groups : tuple of str
        The names of rows that are groups.

    See Also
    --------
    InferenceResults : Results of a fit; ``tests`` is the table of all features.
    InferenceResults.tests_of : The same with groups of features.
    MarginalEffects : Effects alone.
    adjust_p_values : The adjustment.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 3))
    >>> y = np.tanh(1.5 * X[:, 0] - X[:, 1]) + 0.2 * rng.normal(size=200)
    >>> net = NewtonMLPRegressor((1,), alpha=0.0, n_init=4, random_state=0).fit(X, y)
    >>> tests = net.inference(X, y).tests
    >>> tests.names, tests.test
    (['x0', 'x1', 'x2'], 'likelihood ratio')
    >>> (tests.adjusted_p_values < 0.05).tolist()
    [True, True, False]
    """

    names: list[str]
    effects: Array
    std_errors: Array
    p_values: Array
    statistics: Array
    df: Array
    dependence_p_values: Array
    adjusted_p_values: Array
    importances: Array
    test: str
    reasons: dict[str, str]
    output_names: tuple[str, ...]
    use_t: bool
    groups: tuple[str, ...] = ()

    def to_frame(self) -> Any:
        """The table as a pandas data frame.

        Returns
        -------
        pandas.DataFrame
            A row per feature (and output), with the columns "effect", "std_error", "p_value",
            "statistic", "df", "dependence_p_value", "adjusted_p_value" and "importance".

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        pd = imported_pandas()
        m = self.effects.shape[1] if self.effects.ndim == 2 else 1
        columns = {
            "effect": self.effects.ravel(),
            "std_error": self.std_errors.ravel(),
            "p_value": self.p_values.ravel(),
            "statistic": np.repeat(self.statistics, m),
            "df": np.repeat(self.df, m),
            "dependence_p_value": np.repeat(self.dependence_p_values, m),
            "adjusted_p_value": np.repeat(self.adjusted_p_values, m),
            "importance": np.repeat(self.importances, m),
        }
        index: Any = pd.Index(self.names, name="feature")
        if self.effects.ndim == 2:
            names = [self.names, self.output_names]
            index = pd.MultiIndex.from_product(names, names=["feature", "output"])
        return pd.DataFrame(columns, index)

    @property
    def table(self) -> Table:
        """The table as text.

        Returns
        -------
        Table
            A row per feature; with several outputs also a line for each of them.
        """
        several = self.effects.ndim == 2
        header = [
            "feature",
            *(["output"] if several else []),
            "effect",
            "std. error",
            "P>|t|" if self.use_t else "P>|z|",
            "depends: p",
            "p (Holm)",
            "importance",
        ]
        places = decimals_of(self.std_errors)
        rows = []
        for k, name in enumerate(self.names):
            test = ["", "", ""]
            if np.isfinite(self.df[k]):
                p_values = self.dependence_p_values[k], self.adjusted_p_values[k]
                test = [*probabilities(p_values), *fixed(self.importances[k], 4)]
            if name in self.groups:
                rows.append([name, *[""] * (3 + several), *test])
                continue
            columns = [
                fixed(self.effects[k], places),
                fixed(self.std_errors[k], places),
                probabilities(self.p_values[k]),
            ]
            for o, row in enumerate(zip(*columns, strict=True)):
                output = [self.output_names[o]] if several else []
                first = o == 0
                rows.append([name if first else "", *output, *row, *(test if first else [""] * 3)])
        return Table(header, rows, names=(0, 1) if several else (0,))

    @property
    def notes(self) -> list[str]:
        """What the test is, and why some are missing: a line for each kind of reason.

        Returns
        -------
        list of str
        """
        notes = [
            "effect: d mean / d feature, or a difference between two values; a mean over rows.",
            f"depends: whether the net depends on the feature at all, by {TESTS[self.test]}.",
        ]
        families: dict[str, list[str]] = {}
        for name, reason in self.reasons.items():
            known = reason.removesuffix(name)
            families.setdefault(known if known != reason else f"{reason}: ", []).append(name)
        return notes + [f"No test: {text}{', '.join(names)}." for text, names in families.items()]

    def _report(self) -> Report:
        return Report("", [self.table], self.notes)

    def _in_words(self) -> str:
        return f"of {counted(len(self.names), 'row')}, by {TESTS[self.test]}"


def feature_table(results: Any, groups: Mapping[str, Sequence[str]] | None) -> FeatureTable:
    """The table of results, with some features together."""
    members = feature_groups(groups, results.feature_names)
    found = _effects(results, groups)
    where = {name: k for k, name in enumerate(found.features)}
    inside = {name: [where[m] for m in group if m in where] for name, group in members.items()}
    test, tests = _dependence(results, members)
    p_values = np.array([one.p_value for one in tests])
    if test == "slope":
        trends = [found.p_values[rows] for rows in inside.values()]
        p_values = np.array([*map(of_slope_and_effects, p_values, trends)])
    # A test that could not be made belongs to the family all the same.
    holm = adjust_p_values(np.where(np.isnan(p_values), 1.0, p_values), "holm")
    holm[np.isnan(p_values)] = np.nan
    statistics, df = np.array([(one.statistic, one.df) for one in tests]).T
    numbers = np.array([statistics, df, p_values, holm, _importances(results, members)]).T
    names, effects, rows = [], [], []
    for k, (name, group) in enumerate(members.items()):
        if group == [name]:
            names.append(found.names[where[name]])
            effects.append(where[name])
            rows.append(numbers[k])
            continue
        names += [name, *(f"  {found.names[j]}" for j in inside[name])]
        effects += [-1, *inside[name]]
        rows += [numbers[k], *[np.full(5, np.nan)] * len(inside[name])]
    order = np.array(effects)
    statistics, df, p_values, holm, importances = np.array(rows).T
    return FeatureTable(
        names=names,
        effects=_picked(found.effects, order),
        std_errors=_picked(found.std_errors, order),
        p_values=_picked(found.p_values, order),
        statistics=statistics,
        df=df,
        dependence_p_values=p_values,
        adjusted_p_values=holm,
        importances=importances,
        test=test,
        reasons={
            name: one.reason
            for name, one in zip(members, tests, strict=True)
            if one.reason and np.isnan(one.p_value)
        },
        output_names=found.output_names,
        use_t=bool(np.isfinite(found.df_denom)),
        groups=tuple(name for name, group in members.items() if group != [name]),
    )


def of_slope_and_effects(slope: float, effects: Array) -> float:
    """P-value of dependence from those of the mean squared slope and of the average effects."""
    if not np.isfinite(slope):
        return np.nan
    return combined_p_value([slope, combined_p_value(np.ravel(effects))])


def _picked(column: Array, order: Ints) -> Array:
    """Entries of a column in an order, NaN for -1."""
    inside = (order >= 0).reshape(-1, *[1] * (column.ndim - 1))
    return np.where(inside, column[order], np.nan)


def _effects(results: Any, groups: Mapping[str, Sequence[str]] | None) -> MarginalEffects:
    """Average marginal effects; NaN for layers without the derivatives that they take."""
    try:
        found: MarginalEffects = results.marginal_effects(groups=groups)
    except NotImplementedError:
        names, m = list(results.feature_names), len(results.output_names)
        nothing = np.full((len(names), m) if m > 1 else len(names), np.nan)
        found = MarginalEffects(names, nothing, nothing, np.inf, results.output_names, names)
    return found


def _dependence(results: Any, members: Mapping[str, list[str]]) -> tuple[str, list[TestResult]]:
    """The test of each group, and which test it is."""
    information = results.information
    identified = (
        results.identifiable
        and not information.penalised
        and information.basis is None
        and information.input_parameters is not None
    )
    loss, linear = information.objective.loss, len(information.objective.network.layers) == 1
    if identified and loss.quadratic and linear:
        return "F", [results.wald_test(group) for group in members.values()]
    # The ratio stands on the variances of the model, and rejects too often where a dispersion of
    # other than squared errors is estimated. Score tests do not see strong effects: far from the
    # fit the gradient vanishes again.
    modelled = not (results._robust or results._no_likelihood)
    if identified and modelled and (loss.normal_errors or not loss.free_dispersion):
        return "likelihood ratio", [
            results.likelihood_ratio_test(group, n_init=0) for group in members.values()
        ]
    names = list(results.feature_names)
    numbers = [[names.index(name) for name in group] for group in members.values()]
    try:
        return "slope", results._slopes.tests(numbers)
    except NotImplementedError as reason:
        return "slope", [TestResult(np.nan, 0, np.nan, reason=f"{reason}")] * len(members)


def _importances(results: Any, members: Mapping[str, list[str]]) -> Array:
    """Shares in the sum of all saliencies, of groups by that of all of them together."""
    names, information = list(results.feature_names), results.information
    if all(group == [name] for name, group in members.items()):
        return np.asarray(results.feature_importance)
    if information.critical_point.has_negative_curvature:
        return np.full(len(members), np.nan)
    numbers = [np.array([names.index(name) for name in group]) for group in members.values()]
    return shares(input_saliencies(information, numbers))
