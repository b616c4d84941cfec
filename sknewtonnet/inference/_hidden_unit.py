"""A test for one more hidden unit, from the fit without it (doc/statistics.md 3.3)."""

from itertools import combinations_with_replacement

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._null_distributions import tail, wald_statistic
from sknewtonnet.inference._parameter_covariance import Dependence, dependent_products
from sknewtonnet.inference._score import ScoreTestResult, few_clusters

DIRECTIONS = ("random", "taylor")

# Largest number of products of inputs in a Taylor series.
_MOST = 2000


def hidden_unit_test(
    information: Information,
    directions: str,
    n_directions: int,
    n_components: int,
    dependence: Dependence | None,
    seed: int,
) -> ScoreTestResult:
    """Score test that the residuals hold nothing that a further unit could explain.

    Under the hypothesis that a unit's outgoing weights are zero its incoming ones are not
    identified, so the usual tests do not hold (Davies' problem). Here the incoming weights are
    fixed beforehand: by chance (Lee, White and Granger 1993), or the unit is replaced by the
    products of inputs of its Taylor series (Terasvirta, Lin and Granger 1993). The test takes the
    main components of the part that the net's own parameters cannot explain.
    """
    Z = _functions(information, directions, n_directions, seed)
    m, q = information.jacobian.shape[1], Z.shape[1]
    weight = information.objective.sample_weight
    K, G_zw, G_zz = _blocks(information, Z)
    left = G_zz - G_zw @ K @ G_zw.T
    by_output = left.reshape(m, q, m, q)
    sizes, vectors = np.linalg.eigh(np.einsum("oaob->ab", by_output))
    kept = vectors[:, ::-1][:, : min(n_components, q)]
    # Drop what the net can do as well: of it only rounding is left.
    whole = np.trace(np.einsum("oaob->ab", G_zz.reshape(m, q, m, q))) / q
    kept = kept[:, sizes[::-1][: kept.shape[1]] > 1e-8 * whole]
    if not kept.shape[1]:
        reason = "the net can do all that a further unit could"
        return ScoreTestResult(np.nan, 0, np.nan, np.inf, reason)
    # Softmax outputs have one free direction fewer; the first class is the reference.
    outputs = np.eye(m)[1:] if information.objective.loss.shift_invariant else np.eye(m)
    select = np.kron(outputs, kept.T)
    own = np.einsum("io,iq->ioq", information.residuals, Z).reshape(len(Z), -1)
    scores = (own - information.scores @ (G_zw @ K).T) @ select.T
    score = weight @ scores
    if dependence is not None:
        covariance = dependent_products(information, scores, dependence)
    else:
        covariance = information.dispersion * (select @ left @ select.T)
    statistic, df = wald_statistic(score, covariance)
    reason = few_clusters(dependence)
    if not np.isfinite(statistic):
        reason = "the covariance of the scores is singular"
    return ScoreTestResult(statistic, df, tail(statistic, df, np.inf), np.inf, reason)


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
    rng = np.random.default_rng(seed)
    incoming = rng.uniform(-2.0, 2.0, (X.shape[1] + 1, n_directions))
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
