"""How the starts of a fit are run, and how their ends are reported."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknewtonnet._sklearn import one_blas_thread
from sknewtonnet._typing import Array
from sknewtonnet.calculus import Objective
from sknewtonnet.estimators._callbacks import Progress
from sknewtonnet.estimators._fit import Problem, verdict
from sknewtonnet.inspection import Minimum
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
    """Run one start with one BLAS thread, so that sums do not depend on how many run."""
    with one_blas_thread():
        return run_start(problem, problem.objective(), start, observer)


def report_of_starts(
    objective: Objective, results: list[SolverResult]
) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """How each start ended, which of them found the same minimum, and the verdicts on all."""
    kinds = [verdict(objective, result) for result in results]
    order = np.argsort([result.value for result in results], kind="stable")
    minimum = np.full(len(results), -1)
    found: list[Minimum] = []
    for number in order:
        result = results[number]
        if kinds[number] == "not stationary":
            continue
        net, X = objective.network, objective.samples
        this = Minimum(net, X, result.params, result.value, result.history[0])
        label = next((k for k, other in enumerate(found) if this.is_same(other)), len(found))
        minimum[number] = label
        if label == len(found):
            found.append(this)
    report = {
        "loss": np.array([result.value for result in results]),
        "gradient_norm": np.array([result.stationarity for result in results]),
        "n_iter": np.array([result.n_iter for result in results]),
        "converged": np.array([result.converged for result in results]),
        "minimum": minimum,
    }
    return report, kinds
