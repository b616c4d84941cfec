"""Losses with a parameter of their own, which is estimated with the net.

The net and the parameter are fitted by turns, each to the highest likelihood, until neither moves.
The two hardly depend on each other for means and overdispersions of counts, so that a few turns
are enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sknewtonnet.calculus import Loss
from sknewtonnet.calculus.functions.any_objective import AnyObjective
from sknewtonnet.estimators._best_constant import mean_prediction
from sknewtonnet.estimators._data import Data, Table
from sknewtonnet.estimators._fit import Problem
from sknewtonnet.solvers import SolverResult, Status

_MAX_TURNS = 50
_CUT_SHORT = (Status.MAX_ITER, Status.STOPPED, Status.NOT_FINITE)


def beside_constant(loss: Loss, data: Table) -> Loss:
    """The loss with the parameter that suits the best constant: where the turns begin."""
    if not loss.n_estimated:
        return loss
    if not isinstance(data, Data):
        raise ValueError(
            f"loss={loss.name!r} estimates a parameter of its own, which takes all rows at once, "
            "and here they come in blocks: give the parameter, as in "
            "sknewtonnet.calculus.NegativeBinomial(overdispersion)."
        )
    raw = data.raw(np.broadcast_to(mean_prediction(loss, data), data.Y.shape))
    return loss.likeliest(data.Y, raw, data.sample_weight)


def by_turns(
    problem: Problem, solved: Problem, objective: AnyObjective, results: Sequence[SolverResult]
) -> tuple[Problem, AnyObjective, list[SolverResult]]:
    """The ends of all starts, with the parameter that suits the lowest of them.

    Parameters
    ----------
    problem, solved : Problem
        What is to be solved: of the rows as they are, and as they are solved.
    objective : Objective
        That of ``solved``.
    results : sequence of SolverResult
        Where its starts ended.

    Returns
    -------
    tuple of Problem, Objective and list of SolverResult
        The arguments, with another loss where it has a parameter to estimate.
    """
    found = list(results)
    for _ in range(_MAX_TURNS if problem.loss.n_estimated else 0):
        best = min(found, key=_value)
        if best.status in _CUT_SHORT or not np.isfinite(best.value):
            break  # of a fit that has not ended there is nothing to estimate
        loss = _likeliest(solved, best)
        if loss is solved.loss:
            break
        problem, solved = replace(problem, loss=loss), replace(solved, loss=loss)
        objective = solved.objective()
        found = [_continued(solved, objective, result) for result in found]
    return problem, objective, found


def _likeliest(problem: Problem, end: SolverResult) -> Loss:
    """The loss with the parameter that suits an end."""
    data = problem.known_data.in_memory
    raw = data.raw(problem.network.predict_raw(end.params, data.X))
    return problem.loss.likeliest(data.Y, raw, data.sample_weight)


def _value(result: SolverResult) -> float:
    return result.value


def _continued(problem: Problem, objective: AnyObjective, result: SolverResult) -> SolverResult:
    """The run from where it ended, with the iterations and events of before."""
    if not np.isfinite(result.value):
        return result
    found = problem.solver().minimize(objective, result.params)
    return replace(
        found,
        n_iter=result.n_iter + found.n_iter,
        history=(*result.history, *found.history[1:]),
        trace=None if result.trace is None else result.trace.then(found.trace),
        # A run that was given up goes on like others: what it was compared with has changed.
        n_events={**found.n_events, "restarts": result.n_events["restarts"], "ended_early": 0},
    )
