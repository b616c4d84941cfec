"""How much better a net is than a constant: R^2, and the test against the constant."""

from __future__ import annotations

from typing import Any

import numpy as np

from sknewtonnet._tables import number, probability
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._null_distributions import tail


def fit_facts(results: Any) -> list[tuple[str, str]]:
    """Names and values of what compares a fit with the best constant.

    R^2 = 1 - D / D0 of squared errors with one output, McFadden's 1 - l / l0 where the dispersion
    is 1, with D0 and l0 of the constant. The F or likelihood-ratio test is that of a linear
    net without a penalty: in a net with hidden units it has no such distribution.
    """
    information = results.information
    loss = information.objective.loss
    one_variance = loss.normal_errors and information.objective.network.n_outputs == 1
    facts = [("Dispersion", number(results.dispersion))]
    if one_variance:
        error = np.sqrt(results.dispersion) if results.dispersion >= 0 else np.nan
        facts = [("R^2", number(r_squared(information)))]
        facts += [("Residual std. error", number(error))]
    elif information.is_likelihood and not loss.free_dispersion:
        facts = [("Pseudo R^2 (McFadden)", number(mcfadden(results)))]
    facts += [(name.capitalize(), number(value)) for name, value in loss.own_parameters.items()]
    test = _against_constant(results)
    if test is not None:
        name, statistic, p_value = test
        facts += [(name, number(statistic)), ("p of that", probability(p_value))]
    return facts


def r_squared(information: Information) -> float:
    """1 - D / D0; NaN where the target does not vary."""
    null = information.constant_loss
    return 1.0 - information.total_loss / null if null > 0 else np.nan


def mcfadden(results: Any) -> float:
    """1 - l / l0, with the log-likelihoods of the net and of the constant.

    NaN where there is no likelihood, or its dispersion is estimated.
    """
    information = results.information
    if not information.is_likelihood or information.objective.loss.free_dispersion:
        return np.nan
    gained = information.constant_loss - information.total_loss
    own = results.log_likelihood
    null = own - gained
    return 1.0 - own / null if np.isfinite(null) and null else np.nan


def _against_constant(results: Any) -> tuple[str, float, float] | None:
    """Test that all weights of features are zero: its name, statistic and p-value."""
    information = results.information
    loss, net = information.objective.loss, information.objective.network
    valid = (
        results.identifiable
        and information.is_likelihood
        and not information.penalised
        and information.basis is None
        and len(net.layers) == 1
        and not (loss.normal_errors and net.n_outputs > 1)
        and _has_constant(information)
    )
    if not valid:
        return None
    q = round(information.effective_parameters) - _n_constants(information)
    gained = information.constant_loss - information.total_loss
    ratio = 2.0 * gained / information.dispersion
    if loss.free_dispersion:
        df_denom = results.df_resid
        return f"F({q}, {df_denom:g})", ratio / q, tail(ratio, q, df_denom)
    return f"LR chi2({q})", ratio, tail(ratio, q, np.inf)


def _has_constant(information: Information) -> bool:
    """Whether the net without weights of inputs is a constant for each output, and has such."""
    outgoing = information.input_parameters
    if not outgoing or not any(len(places) for places in outgoing):
        return False
    left = len(information.params) - len(np.unique(np.concatenate(outgoing)))
    return left == information.objective.network.n_outputs


def _n_constants(information: Information) -> int:
    m = information.objective.network.n_outputs
    return m - 1 if information.objective.loss.joint else m
