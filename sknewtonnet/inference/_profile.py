"""Profile intervals (doc/statistics.md 3.3)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

from sknewtonnet._typing import Array
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._null_distributions import quantile
from sknewtonnet.inference._restricted_fits import Refit, Restriction

# Standard errors away from the estimate up to which a profile is followed.
_FARTHEST = 30.0


def profile_interval(
    information: Information,
    row: Array,
    estimate: float,
    std_error: float,
    refit: Refit,
    level: float,
    df_denom: float,
) -> tuple[float, float]:
    """Values of row times the parameters that a likelihood-ratio test does not reject.

    These are the values for which the root of 2 (M(value) - M) / dispersion is at most a quantile
    of t or the normal distribution (Bates and Watts 1988, 6.1). An end that is not reached is
    infinite; one that refits do not settle is NaN.
    """
    limit = quantile(level, df_denom)
    full = information.objective.value(information.params)
    scale = 2.0 * information.objective.weight_sum / information.dispersion

    def beyond(value: float, start: Array) -> tuple[float, Array]:
        objective = Restriction(information, row[None], np.array([value])).objective()
        u = refit.minimize(objective, objective.restrict(start))
        excess = np.sqrt(max(scale * (objective.value(u) - full), 0.0)) - limit
        return float(excess), objective.expand(u)

    ends = [
        profile_end(beyond, estimate, side * limit * std_error, information.params)
        for side in (-1, 1)
    ]
    return ends[0], ends[1]


def profile_end(
    beyond: Callable[[float, Array], tuple[float, Array]],
    estimate: float,
    step: float,
    start: Array,
) -> float:
    """One end of a profile interval: walk out until the limit is passed, then solve.

    Steps are quarters of the half-width of Wald's interval, and each refit starts at the last one
    inside, so that refits follow the branch of the fit. What they say of a value then hangs on
    nothing but the value, and has the sign that the walk has found at either end.
    """
    part = 0.25 * step
    inner, outer = estimate + 1e-6 * step, estimate + part
    excess, end = beyond(outer, start)
    while excess < 0:
        inner, outer, start = outer, outer + part, end
        if abs(outer - estimate) > 4.0 * abs(step):
            part *= 1.5
        if abs(outer - estimate) > _FARTHEST * abs(step):
            return float(np.copysign(np.inf, step))
        excess, end = beyond(outer, start)
    if not np.isfinite(excess) or not beyond(inner, start)[0] < 0:
        return np.nan  # refits at the value of the fit are worse than the fit
    known = {outer: excess}

    def solved(value: float) -> float:
        return known[value] if value in known else beyond(value, start)[0]

    try:
        return float(brentq(solved, inner, outer, xtol=1e-10 * abs(step) + 1e-300, rtol=1e-12))
    except ValueError:  # a refit between the two values failed
        return np.nan
