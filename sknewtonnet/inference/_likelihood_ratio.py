"""Likelihood-ratio tests (doc/statistics.md 3.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.inference._estimable_part import tested_part
from sknewtonnet.inference._null_distributions import TestResult, tail
from sknewtonnet.inference._restricted_fits import Refit, Restriction


@dataclass(frozen=True, repr=False)
class LikelihoodRatioResult(TestResult):
    """Result of a likelihood-ratio test.

    :meth:`InferenceResults.likelihood_ratio_test` makes it.

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
    restricted_params : ndarray of shape (n_parameters,) or None
        Parameters at the restricted minimum, in the units in which the net was fitted.
    restricted_loss : float
        The objective at the restricted minimum, in the same units.

    See Also
    --------
    InferenceResults.likelihood_ratio_test : The method that makes it.
    WaldTestResult : A test without a second fit.
    ScoreTestResult : A test from the smaller fit alone.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
    >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
    >>> test = results.likelihood_ratio_test("coefs_0[x1, y]")
    >>> test.df, test.p_value < 0.001, float(test.restricted_params[1])
    (1, True, 0.0)
    """

    restricted_params: Array | None = None
    restricted_loss: float = np.nan


def likelihood_ratio(
    restriction: Restriction, left: Array, refit: Refit, df_denom: float, n_init: int, seed: int
) -> LikelihoodRatioResult:
    """Twice the log-likelihood that the restriction costs.

    For squared errors on n observations this is n log(D0 / D1), with the p-value of
    F = ((D0 - D1) / df) / (D1 / (n - k)); else it is 2 (D0 - D1) / dispersion.
    """
    information = restriction.information
    df = int(np.linalg.matrix_rank(left.T @ restriction.A))
    params, value, converged = restriction.fit(refit, n_init, seed)
    full = information.objective.value(information.params)
    gained = value - full
    reason = tested_part(left) if converged else "the restricted fit did not converge"
    ratio = 2.0 * information.objective.weight_sum * gained / information.dispersion
    statistic = ratio
    if information.objective.loss.normal_errors and not information.penalised:
        statistic = information.n_rows * information.n_entries * float(np.log(value / full))
    p_value = tail(ratio if np.isfinite(df_denom) else statistic, df, df_denom)
    if gained < -1e-9 * max(abs(full), 1e-300):
        reason = (
            "the restricted net has a lower objective than the fit, which is not the best "
            "minimum: refit with more starts (n_init)"
        )
        p_value = np.nan
    elif information.penalised:
        reason = (
            "the null distribution of the ratio is not known under a penalty: use score_test, "
            "alpha=0 or a bootstrap"
        )
        p_value = np.nan
    return LikelihoodRatioResult(statistic, df, p_value, df_denom, reason, None, params, value)
