"""Quantiles and tails of null distributions, and p-values of many tests at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.linalg import cho_factor, cho_solve, qr
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from sknewtonnet._tables import Report, Shown, Table, fixed, probabilities, probability
from sknewtonnet._typing import Array
from sknewtonnet.inference._checks import check_choice

ADJUSTMENTS = ("holm", "bh")

HELD = "held by a constraint: there is no error, and nothing to test"


@dataclass(frozen=True, repr=False)
class TestResult(Shown):
    """A test statistic with its degrees of freedom and its p-value.

    It is the base class of the results of tests.

    Parameters
    ----------
    statistic : float
        On the scale of chi-square with ``df`` degrees of freedom; NaN if there is none.
    df : int
        Degrees of freedom: the number of independent hypotheses.
    p_value : float
        From chi-square, or, with a finite ``df_denom``, from F at statistic / df.
    df_denom : float
        Denominator degrees of freedom of F; inf for chi-square.
    reason : str
        Why a number is NaN, or what to be careful about; empty if all is well.
    p_adjusted : float or None
        The p-value adjusted for all tests of a family, where one was asked for.

    See Also
    --------
    WaldTestResult : Tests that functions of the parameters are 0.
    LikelihoodRatioResult : Tests by a second fit.
    ScoreTestResult : Tests from the smaller fit.
    SlopeTestResult : Tests that a net depends on a feature.

    Examples
    --------
    >>> from sknewtonnet.inference import TestResult
    >>> test = TestResult(statistic=4.0, df=1, p_value=0.0455)
    >>> test.df_denom, test.reason
    (inf, '')
    """

    __test__ = False  # its name begins like a test of pytest's

    statistic: float
    df: float
    p_value: float
    df_denom: float = np.inf
    reason: str = ""
    p_adjusted: float | None = None

    @property
    def f_statistic(self) -> float:
        """The statistic over ``df``.

        Returns
        -------
        float
            NaN if ``df`` is 0.
        """
        return self.statistic / self.df if self.df else np.nan

    def _report(self) -> Report:
        return _table_of({self._kind: self}, "")

    @property
    def _kind(self) -> str:
        """What test it is: the name of the class in words."""
        return re.sub(
            "(?<=[a-z])([A-Z])", r" \1", type(self).__name__.removesuffix("Result")
        ).capitalize()

    def _in_words(self) -> str:
        p = self.p_value if self.p_adjusted is None else self.p_adjusted
        adjusted = "" if self.p_adjusted is None else " (adjusted)"
        because = f": {self.reason}" if self.reason and np.isnan(p) else ""
        p_value = probability(p)
        sign = "" if p_value.startswith("<") else "= "
        return f"{self.statistic:.4g}, df {self.df:.4g}, p {sign}{p_value}{adjusted}{because}"


Kind = TypeVar("Kind", bound=TestResult)


class NamedTests(Shown, dict[str, Kind]):
    """Tests by the names of what is tested: a dict, which is a table in notebooks."""

    def _report(self) -> Report:
        return _table_of(self, "hypothesis")

    def _in_words(self) -> str:
        return f"of {', '.join(self)}"


def _table_of(tests: Mapping[str, TestResult], heading: str) -> Report:
    """A row per test; what is to be said of them beneath."""
    each = list(tests.values())
    columns = {
        "statistic": fixed([test.statistic for test in each], 3),
        "df": [f"{test.df:.4g}" for test in each],
    }
    if any(np.isfinite(test.df_denom) for test in each):
        columns["F"] = fixed([test.f_statistic for test in each], 3)
        columns["df of F"] = [f"{test.df_denom:.6g}" for test in each]
    columns["p"] = probabilities([test.p_value for test in each])
    if any(test.p_adjusted is not None for test in each):
        columns["p (adjusted)"] = probabilities(
            [np.nan if test.p_adjusted is None else test.p_adjusted for test in each]
        )
    reasons = dict.fromkeys(test.reason for test in each if test.reason)
    notes = [reason[0].upper() + reason[1:].rstrip(".") + "." for reason in reasons]
    return Report("", [Table.of({heading: list(tests)}, columns)], notes)


def quantile(level: float, df: float) -> float:
    """Half-width of a two-sided interval in standard errors, by t; normal where df is inf."""
    upper = 0.5 + 0.5 * level
    return float(stdtrit(df, upper) if np.isfinite(df) else ndtri(upper))


def two_sided(z: Array, df: float) -> Array:
    """Two-sided p-values of t statistics; normal ones where df is infinite."""
    lower = -np.abs(z)
    return np.asarray(2.0 * (stdtr(df, lower) if np.isfinite(df) else ndtr(lower)))


def tail(statistic: float, df: float, df_denom: float) -> float:
    """Upper tail of chi-square, or of df times F."""
    if df == 0 or not np.isfinite(statistic):
        return np.nan
    if np.isfinite(df_denom):
        return float(stats.f.sf(statistic / df, df, df_denom))
    return float(stats.chi2.sf(statistic, df))


def wald_statistic(difference: Array, covariance: Array) -> tuple[float, int]:
    """Find Wald's statistic d' V^-1 d over independent entries of d, and their number.

    Entries that are linear combinations of others, but for rounding, are left out.

    Parameters
    ----------
    difference : ndarray of shape (q,)
        Estimates less the values that a hypothesis gives them.
    covariance : ndarray of shape (q, q)
        Covariance of the estimates.

    Returns
    -------
    statistic : float
        NaN if a variance is not positive and finite, or V is not positive definite.
    df : int
        Number of independent entries.

    See Also
    --------
    InferenceResults.wald_test : The test of functions of the parameters of a fit.
    constant_combinations : What of a hypothesis can be tested.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.inference import wald_statistic
    >>> wald_statistic(np.array([2.0, -1.0]), np.diag([4.0, 1.0]))
    (2.0, 2)
    """
    variance = np.diag(covariance)
    if not (np.isfinite(variance).all() and (variance > 0).all()):
        return np.nan, len(difference)
    scale = np.sqrt(variance)
    scaled = covariance / (scale[:, None] * scale)
    if len(difference) > 1:
        _, upper, order = qr(scaled, pivoting=True, mode="economic")
        sizes = np.abs(np.diag(upper))
        kept = np.sort(order[: int((sizes > 1e-10 * sizes[0]).sum())])
        scaled, difference, scale = scaled[np.ix_(kept, kept)], difference[kept], scale[kept]
    try:
        factor = cho_factor(scaled)
    except np.linalg.LinAlgError:
        return np.nan, len(difference)
    standard = difference / scale
    return float(standard @ cho_solve(factor, standard)), len(difference)


def adjust_p_values(p_values: ArrayLike, method: str) -> Array:
    """Adjust p-values of several tests, so that they can be compared with one level.

    Of 20 true hypotheses one is rejected at 5 % by chance: whoever reports the smallest p-value of
    a family owes its readers the adjusted one.

    Parameters
    ----------
    p_values : array-like of shape (n_tests,)
        P-values; NaN for a test that could not be made. It counts as one of the n tests, for the
        family is what was asked, not what could be answered.
    method : {"holm", "bh"}
        Holm's step-down adjustment, p_(k) (n - k + 1) made monotone, bounds the probability of
        any false rejection. Benjamini and Hochberg's step-up adjustment, p_(k) n / k made
        monotone, bounds the expected share of false rejections among all.

    Returns
    -------
    ndarray of shape (n_tests,)
        At most 1; NaN where ``p_values`` is.

    Raises
    ------
    ValueError
        If the method is unknown, or a value is no probability.

    See Also
    --------
    combined_p_value : One p-value for all hypotheses together.
    FeatureTable : Tests of all features, with adjusted p-values.

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6; Benjamini and Hochberg (1995), Journal of
    the Royal Statistical Society B 57.

    Examples
    --------
    >>> from sknewtonnet.inference import adjust_p_values
    >>> adjust_p_values([0.01, 0.04, 0.03], "holm").round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    check_choice("method", method, ADJUSTMENTS)
    given = np.asarray(p_values, dtype=float)
    if given.ndim != 1 or (given < 0).any() or (given > 1).any():
        raise ValueError(f"p_values must be a list of numbers from 0 to 1, got {p_values!r}.")
    found = np.full(given.shape, np.nan)
    made = np.flatnonzero(np.isfinite(given))
    order = made[np.argsort(given[made], kind="stable")]
    n, n_made = len(given), len(order)
    if method == "holm":
        found[order] = np.maximum.accumulate(given[order] * (n - np.arange(n_made)))
    elif n_made:
        ranks = np.arange(1, n_made + 1)
        found[order] = np.minimum.accumulate((given[order] * n / ranks)[::-1])[::-1]
    return np.minimum(found, 1.0)


def combined_p_value(p_values: ArrayLike) -> float:
    """P-value of the hypothesis that all of some hypotheses are true (Liu and Xie 2020).

        P(Cauchy > 1/n sum_k cot(pi p_k))

    It needs no knowledge of how the tests depend on each other, and is nearly exact in the tail.

    Parameters
    ----------
    p_values : array-like of shape (n_tests,)
        P-values; NaN for a test that could not be made, which is left out. Above 0.99 they count
        as 0.99, so that no test outvotes the others.

    Returns
    -------
    float
        NaN if there is no p-value.

    See Also
    --------
    adjust_p_values : P-values of each hypothesis, adjusted.
    FeatureTable : Tests of features, which combine two.

    References
    ----------
    Liu and Xie (2020), Journal of the American Statistical Association 115.

    Examples
    --------
    >>> from sknewtonnet.inference import combined_p_value
    >>> round(combined_p_value([0.01, 0.8]), 3), round(combined_p_value([0.04, 0.05]), 3)
    (0.021, 0.044)
    """
    given = np.asarray(p_values, dtype=float)
    given = np.minimum(given[np.isfinite(given)], 0.99)
    if not len(given):
        return np.nan
    with np.errstate(divide="ignore"):  # a p-value of 0
        return float(stats.cauchy.sf((1.0 / np.tan(np.pi * given)).mean()))


def adjusted(results: NamedTests[Kind], method: str) -> NamedTests[Kind]:
    """The same results with adjusted p-values."""
    values = adjust_p_values([result.p_value for result in results.values()], method)
    return NamedTests(
        (name, replace(result, p_adjusted=float(value)))
        for (name, result), value in zip(results.items(), values, strict=True)
    )
