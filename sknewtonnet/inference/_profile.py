"""Profile intervals (doc/statistics.md 3.3)."""

from collections.abc import Callable
from functools import cache

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
    infinite.
    """
    limit = quantile(level, df_denom)
    full = information.objective.value(information.params)
    scale = 2.0 * information.objective.weight_sum / information.dispersion

    def end(step: float) -> float:
        last = information.params

        @cache  # the same value must give the same number, to the last digit
        def beyond(value: float) -> float:
            nonlocal last
            objective = Restriction(information, row[None], np.array([value])).objective()
            u = refit.minimize(objective, objective.restrict(last))
            last = objective.expand(u)
            return float(np.sqrt(max(scale * (objective.value(u) - full), 0.0))) - limit

        return _end(beyond, estimate, step)

    return end(-limit * std_error), end(limit * std_error)


def _end(beyond: Callable[[float], float], estimate: float, step: float) -> float:
    """One end of a profile interval: walk out until the limit is passed, then solve.

    Steps are quarters of the half-width of Wald's interval, so that refits follow the branch of
    the fit.
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
