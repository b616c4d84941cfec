"""How significant the parts of a net are: the least goes first (doc/statistics.md 3.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from sknewtonnet._typing import Array, Ints
from sknewtonnet.estimators import Fit
from sknewtonnet.inference import (
    Information,
    constant_combinations,
    flat_directions,
    group_saliency,
    parameter_covariance,
    wald_statistic,
)
from sknewtonnet.pruning._parts import Part

METHODS = ("wald", "obs", "obd")


@dataclass(frozen=True, eq=False)
class Tested:
    """A part with the test that it is nothing.

    Parameters
    ----------
    part : Part
        The part.
    statistic : float
        Wald's, or 2 L / dispersion with L the saliency; 0 for what the data do not determine.
    df : int
        Degrees of freedom.
    p_value : float
        From chi-square or F; 1 for what the data do not determine.
    """

    part: Part
    statistic: float
    df: int
    p_value: float


def significances(fit: Fit, parts: Sequence[Part], method: str, cov_type: str) -> list[Tested]:
    """All parts, the least significant first.

    Parameters
    ----------
    fit : Fit
        The net at its minimum.
    parts : sequence of Part
        What may go.
    method : {"wald", "obs", "obd"}
        Wald test of all its weights; or the saliency of optimal brain surgeon (others adapt) or
        damage (others stay), as 2 L / dispersion, which is Wald's statistic for model-based
        standard errors without a penalty, or an upper bound of it.
    cov_type : str
        Covariance of Wald's test.
    """
    information = fit.information
    free = information.objective.loss.free_dispersion
    if method == "wald":
        found = _wald(fit, parts, parameter_covariance(information, cov_type))
    else:
        scale = 2.0 / information.dispersion
        saliency = group_saliency if method == "obs" else _damage
        found = [
            (scale * saliency(information, part.positions), len(part.positions)) for part in parts
        ]
    statistic, df = np.array(found).reshape(-1, 2).T
    counted = np.maximum(df, 1)
    if free and information.df_resid > 0:
        p_values = stats.f.sf(statistic / counted, counted, information.df_resid)
    else:
        p_values = stats.chi2.sf(statistic, counted)
    # Parts that cannot be distinguished from zero go first.
    p_values = np.where((df == 0) | np.isnan(p_values), 1.0, p_values)
    results = [
        Tested(part, float(w), int(k), float(p))
        for part, w, k, p in zip(parts, statistic, df, p_values, strict=True)
    ]
    return sorted(results, key=lambda test: (-test.p_value, test.statistic))


def _damage(information: Information, positions: Ints) -> float:
    """OBD: 1/2 w_S' H_SS w_S."""
    w = information.params[positions]
    return 0.5 * float(w @ information.hessian[np.ix_(positions, positions)] @ w)


def _wald(fit: Fit, parts: Sequence[Part], V: Array) -> list[tuple[float, int]]:
    """Statistic and degrees of freedom of each part, 0 where the data determine nothing of it."""
    flat, w = flat_directions(fit.information), fit.params
    touched = (flat != 0).any(axis=1)
    found = []
    for part in parts:
        places = part.positions
        difference, block = w[places], V[np.ix_(places, places)]
        if touched[places].any():
            # Along directions without curvature weights can go at no cost: the rest is tested.
            kept = constant_combinations(np.eye(len(flat))[places], flat)
            difference, block = kept.T @ difference, kept.T @ block @ kept
        if len(difference) == 1:
            variance = float(block[0, 0])
            found.append((float(difference[0]) ** 2 / variance if variance > 0 else np.nan, 1))
        elif len(difference):
            found.append(wald_statistic(difference, block))
        else:
            found.append((0.0, 0))
    return found
