"""Score tests at restricted fits (doc/statistics.md 3.3)."""

from dataclasses import replace

import numpy as np
from scipy.linalg import lstsq, null_space, orth

from sknewtonnet._typing import Array
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._null_distributions import TestResult, tail, wald_statistic
from sknewtonnet.inference._restricted_fits import Refit, Restriction


class ScoreTestResult(TestResult):
    """Result of a score (Lagrange multiplier) test, e' Var(e)^-1 e.

    :meth:`InferenceResults.score_test` and :meth:`InferenceResults.hidden_unit_test` make it.

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


def score_test(
    restriction: Restriction, refit: Refit, robust: bool, n_init: int, seed: int
) -> ScoreTestResult:
    """Test that the gradient at the restricted fit is zero but for chance.

    Parameters
    ----------
    restriction : Restriction
        The hypothesis.
    refit : Refit
        How to minimise under it.
    robust : bool
        Whether the variance of the score comes from the scores of the rows.
    n_init, seed : int
        Random starts of the restricted fit, and their seed.
    """
    params, _, converged = restriction.fit(refit, n_init, seed)
    score, variance = score_statistic(restriction.information, restriction.A, params, robust)
    statistic, df = wald_statistic(score, variance)
    reason = "" if converged else "the restricted fit did not converge"
    return ScoreTestResult(statistic, df, tail(statistic, df, np.inf), np.inf, reason)


def score_statistic(
    information: Information, A: Array, restricted: Array, robust: bool
) -> tuple[Array, Array]:
    """Efficient score of a restriction at the restricted fit, and its covariance.

    With w = w0 + A' s + B u, where B are the directions that the restriction leaves, it is the
    gradient in s less its projection on that in u:  e = C g,  C = A (I - H B (B' H B)^-1 B').
    """
    at = replace(information, params=restricted)
    rows = orth(at.free @ (at.free.T @ A.T)).T
    B = at.free @ null_space(A @ at.free)
    G = at.gauss_newton + at.penalty
    known = at.objective.invariant_directions()
    if known.shape[1]:
        G = G + np.abs(np.diag(G)).max() * (known @ known.T)
    C = rows - rows @ G @ B @ lstsq(B.T @ G @ B, B.T)[0]
    meat = at.products(at.scores) if robust else _null_dispersion(information, at, len(rows)) * G
    return C @ at.gradient, C @ meat @ C.T


def _null_dispersion(information: Information, at: Information, q: int) -> float:
    """Dispersion at the restricted fit, which has q parameters fewer."""
    if not at.objective.loss.free_dispersion:
        return 1.0
    return at.pearson / (information.df_resid * information.n_entries + q)
