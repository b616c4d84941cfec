"""How the starts of a fit are run, and what is said of their ends."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknewtonnet._sklearn import one_blas_thread
from sknewtonnet._typing import Array
from sknewtonnet.calculus import Network, Objective
from sknewtonnet.estimators._callbacks import Progress
from sknewtonnet.estimators._fit import Problem, is_stationary
from sknewtonnet.inspection import Minimum, critical_point
from sknewtonnet.solvers import SolverResult


def run_start(
    problem: Problem, objective: Objective, start: Array, observer: Progress
) -> SolverResult:
    """One start."""
    observer.begin()
    result = problem.solver().minimize(objective, start, observer)
    observer.end(result.params)
    return result


def run_one_of_several(problem: Problem, start: Array, observer: Progress) -> SolverResult:
    """The same in any process, with one BLAS thread: so sums do not depend on how many run."""
    with one_blas_thread():
        return run_start(problem, problem.objective(), start, observer)


def report_of_starts(
    network: Network, X: Array, results: list[SolverResult]
) -> dict[str, NDArray[Any]]:
    """How each start ended, and which of them found the same minimum."""
    order = np.argsort([result.value for result in results], kind="stable")
    minimum = np.full(len(results), -1)
    found: list[Minimum] = []
    for number in order:
        result = results[number]
        if not is_stationary(result):
            continue
        this = Minimum(network, X, result.params, result.value, result.history[0])
        label = next((k for k, other in enumerate(found) if this.is_same(other)), len(found))
        minimum[number] = label
        if label == len(found):
            found.append(this)
    return {
        "loss": np.array([result.value for result in results]),
        "gradient_norm": np.array([result.stationarity for result in results]),
        "n_iter": np.array([result.n_iter for result in results]),
        "converged": np.array([result.converged for result in results]),
        "minimum": minimum,
    }


def verdict(objective: Objective, result: SolverResult) -> str:
    """What kind of point a run has ended at."""
    if not is_stationary(result):
        return "not stationary"
    found = result.multipliers
    if found is None:
        return critical_point(objective, result.params)
    kind = critical_point(objective, result.params, found.active)
    if kind != "saddle":
        return kind
    # Where a multiplier is zero only one side is feasible: the curvature may be the other's.
    rows = found.constraints.rows()[0][found.tight]
    return (
        "saddle" if critical_point(objective, result.params, rows) == "saddle" else "inconclusive"
    )
