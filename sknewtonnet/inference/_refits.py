"""Tests and intervals from refits under a restriction (STATISTICS 3.3)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lstsq, null_space, orth
from scipy.optimize import brentq

from sknewtonnet.calculus.affine import AffineObjective
from sknewtonnet.inference._information import Information
from sknewtonnet.inference._tests import TestResult, quantile, tail

Array = NDArray[np.float64]

# Standard errors away from the estimate up to which a profile is followed.
_FARTHEST = 30.0


class Refit(Protocol):
    """How the owner of a net minimises: from a start, and where random starts are."""

    def minimize(self, objective: AffineObjective, start: Array) -> tuple[Array, float, bool]:
        """Minimum, its value, and whether the run converged."""

    def start(self, seed: int) -> Array:
        """A random start of the net."""


@dataclass(frozen=True)
class LikelihoodRatioResult(TestResult):
    """Result of a likelihood-ratio test.

    Attributes
    ----------
    restricted_params : ndarray of shape (n_parameters,) or None
        Parameters of the net at the restricted minimum.
    restricted_loss : float
        The objective there.
    """

    restricted_params: Array | None = None
    restricted_loss: float = np.nan


@dataclass(frozen=True, eq=False)
class Restriction:
    """The net under A w = b.

    Parameters
    ----------
    information : Information
        The unrestricted minimum.
    A : ndarray of shape (q, n_parameters)
        Rows of the restriction.
    b : ndarray of shape (q,)
        Their values.
    """

    information: Information
    A: Array
    b: Array

    def objective(self) -> AffineObjective:
        """The objective on the subspace, around its point nearest to the minimum."""
        w, basis = self.information.params, self.information.free
        rows = self.A @ basis
        origin = w + basis @ lstsq(rows, self.b - self.A @ w)[0]
        return AffineObjective(self.information.objective, origin, basis @ null_space(rows))

    def updated(self) -> Array:
        """The minimum of the quadratic model under the restriction, OBS's update (3.5)."""
        K, w = self.information.factor.inverse, self.information.params
        pull = K @ self.A.T
        return w + pull @ lstsq(self.A @ pull, self.b - self.A @ w)[0]

    def fit(self, refit: Refit, n_init: int, seed: int) -> tuple[Array, float, bool]:
        """The lowest minimum found: from the updated point, and from random starts."""
        objective = self.objective()
        starts = [self.updated()]
        starts += [refit.start(seed + k) for k in range(n_init)]
        runs = [refit.minimize(objective, objective.restrict(start)) for start in starts]
        u, value, converged = min(runs, key=lambda run: run[1])
        return objective.expand(u), value, converged


def likelihood_ratio(
    restriction: Restriction, refit: Refit, df: int, df_denom: float, n_init: int, seed: int
) -> LikelihoodRatioResult:
    """Twice the log-likelihood that the restriction costs.

    Where the dispersion is free, n log(D0 / D1) for squared errors on n observations, with the
    p-value of F = ((D0 - D1) / df) / (D1 / (n - k)); else 2 (D0 - D1) / dispersion.
    """
    information = restriction.information
    params, value, converged = restriction.fit(refit, n_init, seed)
    full = information.objective.value(information.params)
    gained = value - full
    reason = "" if converged else "the restricted fit did not converge"
    ratio = 2.0 * information.objective.weight_sum * gained / information.dispersion
    statistic = ratio
    if information.objective.loss.quadratic and not information.penalised:
        statistic = information.n_rows * information.n_entries * float(np.log(value / full))
    p_value = tail(ratio if np.isfinite(df_denom) else statistic, df, df_denom)
    if gained < -1e-9 * max(abs(full), 1e-300):
        reason = (
            "the restricted net has a lower objective than the fit, which is not the best "
            "minimum: refit with more starts (n_init)"
        )
        p_value = np.nan
    elif information.penalised:
        reason = "the law of the ratio is not known under a penalty: use alpha=0 or a bootstrap"
        p_value = np.nan
    return LikelihoodRatioResult(statistic, df, p_value, df_denom, reason, None, params, value)


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
    G = at.gauss_newton + np.diag(at.penalty)
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


def profile_interval(
    information: Information,
    row: Array,
    estimate: float,
    std_error: float,
    refit: Refit,
    level: float,
    df_denom: float,
) -> tuple[float, float]:
    """Values of a linear function that a likelihood-ratio test does not reject.

    Where the signed root of 2 (M(value) - M) / dispersion is within a quantile of t or the
    normal law (Bates and Watts 1988, 6.1). Infinite if it is not reached.
    """
    limit = quantile(level, df_denom)
    full = information.objective.value(information.params)
    scale = 2.0 * information.objective.weight_sum / information.dispersion

    def end(step: float) -> float:
        last = information.params

        @cache  # a value asked for again must not differ in its rounding
        def beyond(value: float) -> float:
            nonlocal last
            objective = Restriction(information, row[None], np.array([value])).objective()
            u, reached, _ = refit.minimize(objective, objective.restrict(last))
            last = objective.expand(u)
            return float(np.sqrt(max(scale * (reached - full), 0.0))) - limit

        return _end(beyond, estimate, step)

    return end(-limit * std_error), end(limit * std_error)


def _end(beyond: Callable[[float], float], estimate: float, step: float) -> float:
    """One end of a profile interval: walk out until the limit is passed, then solve.

    In quarters of the half-width of Wald's interval, so that refits follow the branch of the fit.
    """
    part = 0.25 * step
    inner, outer = estimate + 1e-6 * step, estimate + part
    while beyond(outer) < 0:
        inner, outer = outer, outer + part
        if abs(outer - estimate) > 4.0 * abs(step):
            part *= 1.5
        if abs(outer - estimate) > _FARTHEST * abs(step):
            return float(np.copysign(np.inf, step))
    return float(brentq(beyond, inner, outer, xtol=1e-10 * abs(step) + 1e-300, rtol=1e-12))
