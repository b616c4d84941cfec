"""Likelihood-ratio tests (doc/statistics.md 3.3)."""

from dataclasses import dataclass

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.inference._estimable_part import tested_part
from sknewtonnet.inference._null_distributions import TestResult, tail
from sknewtonnet.inference._restricted_fits import Refit, Restriction


@dataclass(frozen=True)
class LikelihoodRatioResult(TestResult):
    """Result of a likelihood-ratio test.

    :meth:`InferenceResults.likelihood_ratio_test` makes it.

    Attributes
    ----------
    statistic, df, p_value, df_denom, reason, p_adjusted
        As in :class:`WaldTestResult`.
    restricted_params : ndarray of shape (n_parameters,) or None
        Parameters at the restricted minimum, in the units in which the net was fitted.
    restricted_loss : float
        The objective at the restricted minimum, in the same units.
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
