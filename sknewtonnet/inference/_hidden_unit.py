"""A test for one more hidden unit, from the fit without it (doc/statistics.md 3.3)."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
from scipy.stats import qmc

from sknewtonnet._typing import Array
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._null_distributions import tail, wald_statistic
from sknewtonnet.inference._parameter_covariance import (
    Dependence,
    dependent_products,
    few_clusters,
)
from sknewtonnet.inference._quadratic_form import weighted_chi_square_tail
from sknewtonnet.inference._score import ScoreTestResult

DIRECTIONS = ("random", "taylor")

# Largest number of products of inputs in a Taylor series.
_MOST = 2000


def hidden_unit_test(
    information: Information,
    directions: str,
    n_directions: int,
    n_components: int | None,
    dependence: Dependence | None,
    seed: int,
) -> ScoreTestResult:
    """Score test that the residuals hold nothing that a further unit could explain.

    Under the hypothesis that a unit's outgoing weights are zero its incoming ones are not
    identified, so the usual tests do not hold (Davies' problem). Here the incoming weights are
    fixed beforehand: by chance (Lee, White and Granger 1993), or the unit is replaced by the
    products of inputs of its Taylor series (Terasvirta, Lin and Granger 1993). The test sums the
    squared scores of all of them, less what the net's own parameters explain, or takes their main
    components.
    """
    Z = _functions(information, directions, n_directions, seed)
    m, q = information.jacobian.shape[1], Z.shape[1]
    K, G_zw, G_zz = _blocks(information, Z)
    left = G_zz - G_zw @ K @ G_zw.T
    own = np.einsum("io,iq->ioq", information.residuals, Z).reshape(len(Z), -1)
    scores = own - information.scores @ (G_zw @ K).T
    by_output = np.einsum("oaob->ab", left.reshape(m, q, m, q))
    # Of what the net can do as well only rounding is left.
    whole = np.trace(np.einsum("oaob->ab", G_zz.reshape(m, q, m, q))) / q
    select = np.eye(m * q)
    if n_components is not None:
        sizes, vectors = np.linalg.eigh(by_output)
        kept = vectors[:, ::-1][:, : min(n_components, q)]
        kept = kept[:, sizes[::-1][: kept.shape[1]] > 1e-8 * whole]
        # Softmax outputs have one free direction fewer; the first class is the reference.
        outputs = np.eye(m)[1:] if information.objective.loss.shift_invariant else np.eye(m)
        select = np.kron(outputs, kept.T)
    if not len(select) or np.trace(by_output) <= 1e-8 * q * whole:
        reason = "the net can do all that a further unit could"
        return ScoreTestResult(np.nan, 0, np.nan, np.inf, reason)
    scores = scores @ select.T
    if dependence is not None:
        covariance = dependent_products(information, scores, dependence)
    else:
        covariance = information.dispersion * (select @ left @ select.T)
    score = information.objective.sample_weight @ scores
    if n_components is None:
        statistic, df, p_value = _sum_of_squares(score, covariance, m)
    else:
        statistic, df = wald_statistic(score, covariance)
        p_value = tail(statistic, int(df), np.inf)
    reason = few_clusters(dependence)
    if not np.isfinite(statistic):
        reason = "the covariance of the scores is singular"
    return ScoreTestResult(statistic, df, p_value, np.inf, reason)


def _sum_of_squares(score: Array, covariance: Array, n_outputs: int) -> tuple[float, float, float]:
    """The statistic e'e, whose law is a weighted sum of chi-squares, its df and its p-value.

    Outputs count alike, whatever their scale. The statistic is that of slope tests, df times the
    sum over its expectation, with df = (sum l)^2 / sum l^2, l the eigenvalues of the covariance.
    """
    variance = np.diag(covariance).reshape(n_outputs, -1).sum(axis=1)
    scale = np.sqrt(np.where(variance > 0, variance, np.inf))
    scale = np.repeat(scale, len(score) // n_outputs)
    score, covariance = score / scale, covariance / (scale[:, None] * scale)
    weights = np.linalg.eigvalsh(covariance)
    if not weights.max() > 0 or weights.min() < -1e-8 * weights.max():
        return np.nan, 0.0, np.nan
    weights = np.maximum(weights, 0.0)
    total, squares = float(weights.sum()), float(weights @ weights)
    df, found = total**2 / squares, float(score @ score)
    return df * found / total, df, weighted_chi_square_tail(found, weights)


def _functions(information: Information, directions: str, n_directions: int, seed: int) -> Array:
    """Values of what is tested, of shape (n_samples, q), standardised."""
    X, weight = information.objective.samples, information.objective.sample_weight
    X = _standardised(X, weight)
    if directions == "taylor":
        p = X.shape[1]
        count = p * (p + 1) // 2 + p * (p + 1) * (p + 2) // 6
        if count > _MOST:
            raise ValueError(
                f"{p} inputs have {count} products of two and three of them, at most {_MOST} "
                'are allowed: use directions="random".'
            )
        products = [
            np.prod(X[:, list(which)], axis=1)
            for order in (2, 3)
            for which in combinations_with_replacement(range(X.shape[1]), order)
        ]
        return _standardised(np.column_stack(products), weight)
    # Evenly spread: with as many independent draws the answer would hang on the seed more.
    points = qmc.Halton(X.shape[1] + 1, seed=seed).random(n_directions)
    incoming = 4.0 * points.T - 2.0
    return _standardised(np.tanh(X @ incoming[1:] + incoming[0]), weight)


def _standardised(columns: Array, weight: Array) -> Array:
    centred = columns - weight @ columns / weight.sum()
    spread = np.sqrt(weight @ centred**2 / weight.sum())
    return centred / np.where(spread > 0, spread, 1.0)


def _blocks(information: Information, Z: Array) -> tuple[Array, Array, Array]:
    """Inverse of G, and the rows of G that the new functions add, output by output."""
    weight, jacobian = information.objective.sample_weight, information.jacobian
    curvature = information.loss_curvature * weight[:, None, None]
    bent = np.einsum("iok,ikp->iop", curvature, jacobian)
    mixed = np.einsum("iq,iop->oqp", Z, bent).reshape(-1, jacobian.shape[2])
    own = np.einsum("iq,iok,ir->oqkr", Z, curvature, Z, optimize=True)
    return information.loss_factor.inverse, mixed, own.reshape(len(mixed), -1)
