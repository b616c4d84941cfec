"""What is to be said of the point where a fit ended, beside its kind."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import Loss, Network, Rows
from sknewtonnet.calculus.functions.any_objective import AnyObjective
from sknewtonnet.calculus.functions.directions import Direction
from sknewtonnet.calculus.functions.units import UnitReport, unit_reports
from sknewtonnet.estimators._fit import End
from sknewtonnet.estimators._stuck import SENTENCES
from sknewtonnet.solvers import SolverResult, Status

# A class is certain if its probability is within this of 1; and the part of the rows for which it
# is, from which on classes are told apart.
_SURE, _MANY = 1e-4, 0.05

_BOTTOMLESS = (
    "The objective falls without bound, so there is no minimum: use a loss that has a lower bound."
)
_CURE = "Use fewer units, skip connections or another loss, or add a little alpha."


def remarks(
    objective: AnyObjective, result: SolverResult, end: End, stuck: str, lost: str = ""
) -> str:
    """Sentences about the end of a fit.

    Parameters
    ----------
    objective : Objective or BlockObjective
        The objective.
    result : SolverResult
        The end.
    end : End
        What kind of point it is.
    stuck : str
        A word of :mod:`sknewtonnet.estimators._stuck`.
    lost : str, default=""
        What is to blame where the objective or a derivative of it is not finite there.

    Returns
    -------
    str
        Empty for a minimum like others.
    """
    if lost:
        return f"What kind of point it is cannot be told: {lost}."
    if not end.bounded:
        return _BOTTOMLESS
    if end.way_out is not None and result.status is not Status.AT_INFINITY:
        return _way_out(end.way_out, held=result.multipliers is not None)
    if stuck == "flat" and end.kind == "minimum":
        return "The net predicts a constant, which is a minimum of its objective."
    if stuck:
        return SENTENCES[stuck]
    at_an_end = result.status in (Status.CONVERGED, Status.STALLED, Status.AT_INFINITY)
    if end.kind == "minimum" or not at_an_end:
        return ""
    undecided = _undecided(end)
    classes, units = (
        _told_apart(objective, result.params),
        list(_run_off(objective, result.params)),
    )
    if not (classes or units) and result.status is Status.AT_INFINITY:
        units = ["Parameters run to infinity, where there is next to nothing to gain."]
    if units:
        return " ".join([*undecided, *classes, *units, _CURE])
    return " ".join([*undecided, *classes, *(["Add a little alpha."] if classes else [])])


def _undecided(end: End) -> list[str]:
    """A sentence about a verdict whose products did not suffice, if they did not."""
    point = end.point
    if point is None or not point.undecided or not end.finite:
        return []
    return [
        f"Whether it is a minimum was not shown by {point.n_products} products: the lowest Ritz "
        f"value of the Hessian is {point.lowest:.2g} with a residual of {point.lowest_error:.2g}. "
        "A larger alpha or fewer units make it plain, or more products: inspection."
        "critical_point(net.objective(X, y), net.params_, max_products=5000)."
    ]


def _way_out(way: Direction, held: bool) -> str:
    """Along which weights the objective falls, and how to go on there."""
    on = "other starts may end lower" if held else 'warm_start=True with solver="newton" goes on'
    return f"The objective falls to second order along {way.words}: {on}."


def _told_apart(objective: AnyObjective, params: Array) -> list[str]:
    """A sentence about classes that are told apart, if there is no penalty."""
    if not objective.loss.for_classes or objective.penalty.value(np.ones(len(params))) > 0.0:
        return []
    parts = objective.over_rows(_certain, objective.network, objective.loss, params)
    sure = sum(parts) / objective.weight_sum
    if sure <= _MANY:
        return []
    what = "Classes" if sure > 1.0 - 1e-9 else "Classes of some rows"
    return [f"{what} are told apart: coefficients run to infinity."]


def _certain(rows: Rows, network: Network, loss: Loss, params: Array) -> float:
    """Sum of the weights of the rows whose class is certain, and right."""
    raw = network.predict_raw(params, rows.X)
    raw = raw if rows.offset is None else raw + rows.offset
    off = np.abs(loss.inverse_link(raw) - rows.Y).max(axis=1)
    return float(rows.sample_weight @ (off < _SURE))


def _run_off(objective: AnyObjective, params: Array) -> Iterator[str]:
    """Sentences about units that have run off."""
    for unit in unit_reports(objective, params):
        what = _become(objective, params, unit)
        if what:
            yield f"Unit {unit.name} has become {what}."


def _become(objective: AnyObjective, params: Array, unit: UnitReport) -> str:
    """What a unit has become where parameters ran off; empty if it is at work as it is."""
    if unit.twin is not None:
        return f"the same as {unit.twin}: what goes out of them may run to infinity"
    layer = objective.network.layers[unit.layer]
    if unit.linear and layer.activation.of_unit(unit.unit).name != "identity":
        matrix = objective.network.matrices(params)[unit.layer][:, unit.unit]
        if abs(matrix[-1]) > np.abs(matrix[:-1]).max(initial=0.0):
            return "linear: its intercept runs to infinity"
        return "linear: what comes in runs to 0, and what goes out to infinity"
    if unit.exponential:
        return "exponential: its intercept, or what goes out of it, runs to infinity"
    if unit.step:
        return "a step: what comes in runs to infinity"
    return ""
