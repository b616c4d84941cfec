"""Wald tests (doc/statistics.md 3.3)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sknewtonnet._typing import Array, Bools
from sknewtonnet.inference._estimable_part import NOT_ESTIMABLE, tested_part
from sknewtonnet.inference._null_distributions import HELD, TestResult, tail, wald_statistic


class WaldTestResult(TestResult):
    """Result of a Wald test, W = (R w - r)' (R V R')^-1 (R w - r).

    :meth:`InferenceResults.wald_test` makes it.

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
    InferenceResults.wald_test : The method that makes it.
    LikelihoodRatioResult :
        A test by a second fit, which does not hang on how parameters are written.
    SlopeTestResult : A test that a net depends on a feature at all.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
    >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
    >>> test = results.wald_test("coefs_0[x1, y]")
    >>> test.df, bool(np.isclose(test.statistic, results.z_values[1] ** 2))
    (1, True)
    """


def wald(
    R: Array,
    difference: Array,
    covariance: Array,
    part: Callable[[Array], Array],
    df_denom: float,
    held: Bools,
    fatal: str = "",
) -> WaldTestResult:
    """Test R w = r from the difference R w - r and the covariance of w.

    Parameters
    ----------
    R : ndarray of shape (q, n_parameters)
        Coefficients.
    difference : ndarray of shape (q,)
        R w - r.
    covariance : ndarray of shape (n_parameters, n_parameters)
        Covariance of w.
    part : callable
        From rows to those combinations of them that the data determine, (q, n_left).
    df_denom : float
        Denominator degrees of freedom; inf for chi-square.
    held : ndarray of bool of shape (q,)
        Which rows a constraint holds at a value; those that it makes true do not count.
    fatal : str
        Why nothing can be tested, if so.
    """
    q = len(R)
    if held.any() and not fatal:
        if held.all() or (np.abs(difference[held]) > 1e-12).any():
            return WaldTestResult(np.nan, q, np.nan, df_denom, HELD)
        R, difference = R[~held], difference[~held]
    if fatal:
        return WaldTestResult(np.nan, q, np.nan, df_denom, fatal)
    left = part(R)
    if not left.shape[1]:
        return WaldTestResult(np.nan, q, np.nan, df_denom, NOT_ESTIMABLE)
    R, difference = left.T @ R, left.T @ difference
    statistic, df = wald_statistic(difference, R @ covariance @ R.T)
    reason = tested_part(left)
    if not np.isfinite(statistic):
        reason = "the covariance is not positive definite"
    return WaldTestResult(statistic, df, tail(statistic, df, df_denom), df_denom, reason)
