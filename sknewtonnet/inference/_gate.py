"""The gate: what must hold before a p-value means something (doc/statistics.md 3.1 and 3.7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.linalg import eigvalsh

from sknewtonnet.inference._gate_units import (
    Finding,
    edge_findings,
    input_findings,
    unit_findings,
    worst_first,
)
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._reported import Reported
from sknewtonnet.inference._separation import separated, separation_findings

# How much of the log-likelihood one more Newton step may still gain.
_DECREMENT = 1e-6

# Scaled condition number above which some parameters are hardly told apart. Right-sized nets have
# up to 1e4, so it says little of the size of a net (doc/statistics.md 3.7).
_CONDITION = 1e5

# Effective over all parameters, at least. A penalty that takes more passes on what it takes from
# one input to others that are correlated with it (same section).
_DEGREES = 0.9

# Directions without curvature that are written out.
_SHOWN = 3


def findings(
    information: Information, feature_names: Sequence[str], reported: Reported | None = None
) -> list[Finding]:
    """All findings about a minimum, the worst first (doc/statistics.md 3.1).

    It is the gate between a fit and its p-values: separation, idle and duplicate units, flat
    directions, strong penalties, few rows, and whatever else makes standard errors wrong.

    Parameters
    ----------
    information : Information
        The minimum.
    feature_names : sequence of str
        Names of the inputs.
    reported : Reported, default=None
        The parameters that are reported; those of the net, or contrasts of classes, if None.

    Returns
    -------
    list of Finding
        Also the ``findings`` of :class:`InferenceResults`; empty if there is nothing to report.

    See Also
    --------
    Finding : One of them.
    InferenceResults.diagnosis : Their messages, of a fit.
    fatal_messages : Those that leave no standard errors.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.inference import Information, findings
    >>> X = np.array([[-1.0], [0.0], [1.0], [2.0]])
    >>> f = Objective(Network.mlp(1, (), 1), "squared_error", X, [0.0, 1.0, 1.0, 3.0])
    >>> minimum = Information(f, np.array([0.9, 0.8]))
    >>> [finding.kind for finding in findings(minimum, ["x0"])]
    ['few rows']
    """
    if reported is None:
        objective = information.objective
        reported = Reported.of(objective.network, objective.loss.shift_invariant)
    found = [*_sample(information), *separation_findings(information, reported)]
    found += _stationary(information)
    found += unit_findings(information, feature_names)
    found += input_findings(information, feature_names)
    edge = list(edge_findings(information))
    known = {name for finding in edge for name in finding.parameters}
    found += [*edge, *_held_up(information, known), *_singular(information)]
    found += _shrunk(information)
    if len(information.objective.network.layers) > 1:
        found += _conditioned(information, known)
    return list(complete(found))


def complete(*parts: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings of all parts, the worst first; of the warnings those of the last part."""
    return tuple(worst_first(finding for part in reversed(parts) for finding in part))


def _sample(information: Information) -> Iterator[Finding]:
    n, p = information.n_rows * information.n_entries, information.n_identified
    if information.df_resid <= 0 or (n <= p and not information.penalised):
        yield Finding(
            "too few rows",
            f"Too few rows: {n:g} observations for {p} parameters leave nothing to estimate "
            "standard errors from. Use fewer units, or a penalty.",
            severity="fatal",
        )
    elif n < 5 * information.effective_parameters:
        yield Finding(
            "few rows",
            f"Only {n:g} observations for {information.effective_parameters:.1f} effective "
            "parameters: large-sample results are indicative; a bootstrap is safer.",
            severity="note",
        )
    if _is_perfect(information):
        yield Finding(
            "perfect fit", "The fit is perfect: there are no residuals to learn from.", (), "fatal"
        )


def _is_perfect(information: Information) -> bool:
    """Whether nothing but rounding is left of the targets."""
    objective = information.objective
    if not objective.loss.normal_errors:
        return False
    targets = information.targets()
    squares = targets.weight * float((targets.mean**2 + targets.spread**2).sum())
    return information.total_loss <= 1e-24 * squares


def _and_offset(information: Information) -> str:
    """Words that name an offset, which may be another than that of the fit."""
    return " with its offset or exposure" if information.objective.has_offset else ""


def _stationary(information: Information) -> Iterator[Finding]:
    point, gain = information.critical_point, f"{information.decrement:.2g} of the log-likelihood"
    precise = information.decrement <= _DECREMENT
    if _is_perfect(information):  # relative to rounding, any gain is large
        pass
    elif point.kind == "not stationary" and precise and information.converged:
        # Such as a fit that ends where its parameters run to infinity.
        yield Finding(
            "not stationary",
            f"Stationary for what follows, if not to rounding: a Newton step would gain {gain}.",
            severity="note",
        )
    elif point.kind == "not stationary":
        yield Finding(
            "not stationary",
            f"Not stationary: a Newton step would gain {gain}"
            f"{'' if information.converged else ', and the fit did not converge'}. Give the data "
            f"of the fit{_and_offset(information)}, and fit to convergence (max_iter, tol).",
            severity="fatal",
        )
    elif not point.has_negative_curvature and not precise:
        yield Finding(
            "imprecise",
            f"Not precise enough: a Newton step would gain {gain} (at most {_DECREMENT:g} is "
            "allowed). Fit with a smaller tol.",
            severity="fatal",
        )
    if point.has_negative_curvature:
        n = max(point.negative.shape[1], 1)
        what = f"the Hessian has negative curvature in {n} direction(s)"
        yield Finding(
            "negative curvature",
            f"Perhaps no minimum: {what}, of which constraints allow one side only."
            if point.kind == "inconclusive"
            else f"Not a minimum: {what}. Give the data of the fit, and fit to convergence, from "
            "other starts.",
            severity="fatal",
        )


def _held_up(information: Information, known: set[str]) -> Iterator[Finding]:
    """Directions in which the loss alone has negative curvature.

    A penalty may hold a form at the edge of those that are never negative; the parameters that
    are 0 there have no mixed second derivatives with others, and are not counted.
    """
    n_held_up = information.n_held_up
    if not n_held_up or information.critical_point.has_negative_curvature:
        return
    if known and information.basis is None:
        names = information.objective.network.layout.names
        at_edge = np.ix_(*2 * [[k for k, name in enumerate(names) if name in known]])
        shares = eigvalsh(information.penalty[at_edge], information.hessian[at_edge])
        n_held_up -= int((shares > 1.0).sum())
    if n_held_up > 0:
        yield Finding(
            "indefinite information",
            f"The loss alone bends down in {n_held_up} direction(s), which only the "
            "penalty holds up: weights are not identified there. Use fewer units, or rely on "
            "effects and predictions only.",
        )


def _singular(information: Information) -> Iterator[Finding]:
    """Each direction in which H has no curvature, by the parameters that move along it."""
    if information.basis is not None:
        yield Finding(
            "active constraints",
            "Constraints hold the fit back: standard errors are those along the constraints, and "
            "tests of parameters at a bound have no known null distribution.",
            severity="note",
        )
    for phrase in information.objective.penalty.kinks(information.params):
        yield Finding(
            "kinks",
            f"The penalty has no second derivatives here: {phrase}. Standard errors of these "
            "parameters do not hold.",
        )
    names = np.array(information.objective.network.layout.names)
    runs_away = separated(information, information.factor.null_parameters)
    flat = np.abs(information.factor.null_directions[:, ~runs_away])
    if not flat.shape[1]:
        return
    parts = (flat > 0.05 * flat.max(axis=0)).T
    ways = []
    for part in parts[:_SHOWN]:
        shown = ", ".join(names[part][:6]) + (", ..." if part.sum() > 6 else "")
        ways.append(f"when {shown} {'move together' if part.sum() > 1 else 'moves'}")
    if len(parts) > _SHOWN:
        ways.append(f"in {len(parts) - _SHOWN} more directions")
    yield Finding(
        "singular direction",
        f"Not identified: the objective does not change {', or '.join(ways)}.",
        tuple(names[parts.any(axis=0)].tolist()),
        # The finding about the inputs is the warning.
        severity="note" if information.null_by_inputs else "warning",
    )


def _conditioned(information: Information, known: set[str]) -> Iterator[Finding]:
    """A note if parameters are hardly told apart, even on uncorrelated inputs.

    Not of those that are known to have no first derivatives.
    """
    H, G = information.whitened_factors
    largest = max(H.condition, G.condition)
    if largest > _CONDITION:
        names = np.array(information.objective.network.layout.names)
        weakest = np.abs(G.weakest)
        part = np.flatnonzero(weakest > 0.3 * weakest.max())
        if known.issuperset(names[part]):
            return
        yield Finding(
            "condition",
            f"Nearly singular: the scaled condition number of the curvature is {largest:.1g}. "
            f"Least determined: {', '.join(names[part][:6])}.",
            tuple(names[part].tolist()),
            severity="note",
        )


def _shrunk(information: Information) -> Iterator[Finding]:
    """A penalty that decides much of the fit."""
    if not information.penalised:
        return
    # What the data do not determine at all, such as collinear inputs, has a finding of its own.
    known = min(information.loss_factor.rank, information.n_identified)
    if information.effective_parameters < _DEGREES * known:
        yield Finding(
            "shrinkage",
            f"The penalty takes much: only {information.effective_parameters:.1f} of "
            f"{known} parameters are effective (at least {100 * _DEGREES:g} % "
            "is asked for). It moves what belongs to one input to others that go along with it, "
            "so tests of weights reject true hypotheses too often: refit with a smaller alpha, "
            "or rely on predictions with their intervals.",
        )
