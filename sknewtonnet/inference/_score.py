"""Score tests at restricted fits (doc/statistics.md 3.3)."""

from dataclasses import replace

import numpy as np
from scipy.linalg import lstsq, null_space, orth

from sknewtonnet._typing import Array
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._null_distributions import TestResult


def score_statistic(
    information: Information, A: Array, restricted: Array, robust: bool
) -> tuple[Array, Array]:
    """Efficient score of a restriction at the restricted fit, and its covariance.

    With w = w0 + A' s + B u, B the directions that the restriction leaves, it is the gradient
    in s less what it shares with that in u,  e = C g,  C = A (I - H B (B' H B)^-1 B').
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
    """Dispersion at the restricted fit, which has q parameters less."""
    if not at.objective.loss.free_dispersion:
        return 1.0
    return at.pearson / (information.df_resid * information.n_entries + q)


class ScoreTestResult(TestResult):
    """Result of a score (Lagrange multiplier) test."""
