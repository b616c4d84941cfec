"""Wald tests (doc/statistics.md 3.3)."""

import numpy as np

from sknewtonnet._typing import Array, Bools
from sknewtonnet.inference._null_distributions import HELD, TestResult, tail, wald_statistic


class WaldTestResult(TestResult):
    """Result of a Wald test, W = (R w - r)' (R V R')^-1 (R w - r).

    :meth:`InferenceResults.wald_test` makes it.

    Attributes
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
    """


def wald(
    R: Array,
    difference: Array,
    covariance: Array,
    estimable: Bools,
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
    estimable : ndarray of bool of shape (q,)
        Which rows of R the data determine.
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
        R, difference, estimable = R[~held], difference[~held], estimable[~held]
    if fatal or not estimable.all():
        reason = fatal or (
            f"not estimable: the data do not determine {int((~estimable).sum())} of {q} hypotheses"
        )
        return WaldTestResult(np.nan, q, np.nan, df_denom, reason)
    statistic, df = wald_statistic(difference, R @ covariance @ R.T)
    reason = "" if np.isfinite(statistic) else "the covariance is not positive definite"
    return WaldTestResult(statistic, df, tail(statistic, df, df_denom), df_denom, reason)
