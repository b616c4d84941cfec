"""Score tests at restricted fits (doc/statistics.md 3.3)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.linalg import null_space, orth

from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.scaled_spectrum import ScaledSpectrum
from sknewtonnet.inference._estimable_part import tested_part
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._null_distributions import TestResult, tail, wald_statistic
from sknewtonnet.inference._parameter_covariance import (
    Dependence,
    dependent_products,
    few_clusters,
)
from sknewtonnet.inference._restricted_fits import Refit, Restriction


class ScoreTestResult(TestResult):
    """Result of a score (Lagrange multiplier) test, e' Var(e)^-1 e.

    :meth:`InferenceResults.score_test` and :meth:`InferenceResults.hidden_unit_test` make it.

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
    InferenceResults.score_test : The method that makes it.
    InferenceResults.hidden_unit_test : Whether one more unit is missing.
    WaldTestResult : A test from the larger fit alone.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
    >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
    >>> test = results.score_test("coefs_0[x1, y]")
    >>> test.df, test.p_value < 0.001
    (1, True)
    """


def score_test(
    restriction: Restriction,
    left: Array,
    refit: Refit,
    dependence: Dependence | None,
    n_init: int,
    seed: int,
) -> ScoreTestResult:
    """Test that the gradient of the loss at the restricted fit is zero but for chance.

    Parameters
    ----------
    restriction : Restriction
        The hypothesis.
    left : ndarray of shape (q, n_left)
        Combinations of its rows that the data determine.
    refit : Refit
        How to minimise under it.
    dependence : Dependence or None
        Which rows may depend on each other, for a variance from the scores of the rows; None for
        the variance of the model.
    n_init, seed : int
        Random starts of the restricted fit, and their seed.
    """
    params, _, converged = restriction.fit(refit, n_init, seed)
    score, variance = score_statistic(restriction, left, params, dependence)
    statistic, df = wald_statistic(score, variance)
    reason = few_clusters(dependence) or tested_part(left)
    if not converged:
        reason = "the restricted fit did not converge"
    if converged and np.isnan(statistic):
        reason = "the covariance of the scores is not positive definite"
    return ScoreTestResult(statistic, df, tail(statistic, df, np.inf), np.inf, reason)


def score_statistic(
    restriction: Restriction, left: Array, restricted: Array, dependence: Dependence | None
) -> tuple[Array, Array]:
    """Efficient score of a restriction at the restricted fit, and its covariance.

    With w = w0 + A' s + B u, where B are the directions that the restriction leaves, it is the
    gradient in s less its projection on that in u:  e = C g,  C = A (I - G B (B' G B)^-1 B').
    Gradient and curvature are those of the loss alone. Under a penalty this is Neyman's C(alpha)
    (1959): since C G B = 0, what the penalty shrinks of u drops out of the mean of e.
    """
    at = replace(restriction.information, params=restricted)
    A = restriction.A
    rows = orth(at.free @ (at.free.T @ (A.T @ left))).T
    B = at.free @ null_space(A @ at.free)
    G, known = at.gauss_newton, at.objective.invariant_directions(penalised=False)
    C = rows - rows @ G @ ScaledSpectrum(G, B, known).inverse
    score = C @ (at.objective.weight_sum * at.mean_score)
    if dependence is not None:
        return score, dependent_products(at, at.scores @ C.T, dependence)
    return score, _null_dispersion(restriction.information, at, len(rows)) * C @ G @ C.T


def _null_dispersion(information: Information, at: Information, q: int) -> float:
    """Dispersion at the restricted fit, which has q parameters fewer."""
    if not at.objective.loss.free_dispersion:
        return 1.0
    return at.pearson / (information.df_resid * information.n_entries + q)
