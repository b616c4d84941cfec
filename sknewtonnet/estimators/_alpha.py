"""The strength of the penalty, chosen by cross-validation.

Fits to parts of the rows are judged by the mean loss of the rows that were left out. Strengths
come from a grid, 10^(k / 2) rows; the search stops once the best one lies between two that are
worse. Weak penalties, which cost most, are thus tried only where they help.

A penalty that is too weak costs much more than one that is too strong, so that of strengths which
the held-out rows can hardly tell apart the strongest is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.utils.parallel import Parallel

from sknewtonnet._typing import Array
from sknewtonnet.calculus import Network
from sknewtonnet.estimators._alpha_selection import AlphaSelection
from sknewtonnet.estimators._callbacks import Tell
from sknewtonnet.estimators._comparison import Comparison

_FIRST = (2, 1, 0)  # strengths 10, 3.2 and 1: nine of ten tables have their best next to these
# Where held-out rows are told apart without error, a weaker penalty always looks better.
_LAST = (-4, 8)
# A loss this much lower is no reason to go on.
_NO_GAIN = 1e-6
# As many standard errors of the difference are no reason for a weaker penalty.
_TIE = 0.5


def chosen_alpha(
    comparison: Comparison, alpha_of: Callable[[float], Any], n_jobs: int | None, tell: Tell
) -> AlphaSelection:
    """Choose the strength of the penalty of a problem.

    Parameters
    ----------
    comparison : Comparison
        The problem, and how strengths are compared.
    alpha_of : callable
        From a strength to what the settings of a problem have for it.
    n_jobs : int or None
        Fits to run in parallel.
    tell : callable
        Called for each strength that was tried.

    Returns
    -------
    AlphaSelection
    """
    unit = comparison.rows.unit
    if not comparison.folds:
        one, unknown = np.ones(1), np.full(1, np.nan)
        n_rows, reason = len(comparison.rows.X), "too few rows to compare"
        return AlphaSelection(one * unit, unknown, unknown, unit, 0, n_rows, reason)
    share = comparison.share
    losses: dict[int, Array] = {}
    wanted: Sequence[int] = _FIRST
    with Parallel(n_jobs=n_jobs) as parallel:
        while wanted := [k for k in wanted if k not in losses and _LAST[0] <= k <= _LAST[1]]:
            found = comparison.losses([alpha_of(_strength(k) * unit) for k in wanted], parallel)
            losses |= dict(zip(wanted, found, strict=True))
            for _ in wanted:
                tell()
            best = _best(losses, share)
            wanted = (best - 1, best + 1)
    return _selection(comparison, losses, best, unit)


def with_hidden_intercepts(network: Network, alpha: Any) -> Any:
    """Strengths by arrays, those of coefficients also for the intercepts of hidden units.

    In standardised columns they say where a unit bends, in standard deviations. Without a
    penalty they may run to infinity, where units become linear or constant.
    """
    if isinstance(alpha, dict):
        return alpha
    n_linear = sum(network.linear)
    each = list(alpha) if isinstance(alpha, Sequence) or np.ndim(alpha) else [alpha] * n_linear
    if len(each) != n_linear:
        return alpha  # the penalty says what it takes
    named = {f"coefs_{k}": strength for k, strength in enumerate(each)}
    hidden = {f"intercepts_{k}": strength for k, strength in enumerate(each[: n_linear - 1])}
    return named | hidden


def _strength(k: int) -> float:
    return float(10.0 ** (k / 2.0))


def _best(losses: dict[int, Array], share: Array) -> int:
    """The strength with the lowest mean loss; of equal ones the stronger."""
    means = {k: float(values @ share) for k, values in losses.items()}
    lowest = min(means.values())
    return max(k for k, mean in means.items() if mean <= lowest + _NO_GAIN * abs(lowest))


def _selection(
    comparison: Comparison, losses: dict[int, Array], best: int, unit: float
) -> AlphaSelection:
    order = sorted(losses, reverse=True)
    values = np.array([losses[k] for k in order])
    mean, errors = values @ comparison.share, comparison.std_errors(values - losses[best])
    lowest = taken = order.index(best)
    while taken > 0 and mean[taken - 1] - mean[lowest] <= _TIE * errors[taken - 1]:
        taken -= 1
    chosen, n_folds = order[taken], len(comparison.folds)
    how = "the lowest" if taken == lowest else "within half a standard error of the lowest"
    reason = (
        f"held-out loss {how}, of {len(order)} strengths in {n_folds} folds"
        f"{', at the end of the range that is tried' if chosen in _LAST else ''}"
    )
    return AlphaSelection(
        np.array([_strength(k) * unit for k in order]),
        mean,
        errors,
        _strength(chosen) * unit,
        n_folds,
        values.shape[1],
        reason,
    )
