"""How the starts of a fit are run, and how their ends are reported."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.parallel import Parallel, delayed

from sknewtonnet._threads import hessian_threads, one_thread
from sknewtonnet._typing import Array
from sknewtonnet.calculus import canonical
from sknewtonnet.calculus.functions.any_objective import AnyObjective
from sknewtonnet.calculus.functions.subspace import MappedObjective
from sknewtonnet.estimators._callbacks import Progress
from sknewtonnet.estimators._fit import End, Problem
from sknewtonnet.estimators._starts import standardised_columns
from sknewtonnet.estimators._stuck import why_stuck
from sknewtonnet.inspection import Minimum
from sknewtonnet.solvers import Capability, Iteration, SolverResult, Status, feasible_point

# Other starts that are tried where a run learns nothing.
MAX_RESTARTS = 3


@dataclass(frozen=True, eq=False)
class Start:
    """Where a run starts.

    Parameters
    ----------
    params : ndarray of shape (n_parameters,), or None
        The starting point; None for the random one of the seed.
    seed : int or None
        Of the point, and of others in its place; None for the end of the last fit, which has none.
    """

    params: Array | None
    seed: int | None

    def point(self, problem: Problem) -> Array:
        """The starting point of a problem, which is drawn where it runs."""
        if self.params is not None:
            return self.params
        assert self.seed is not None
        return problem.start(self.seed)


def run_all(
    problem: Problem,
    objective: AnyObjective,
    starts: Sequence[Start],
    observers: Sequence[Progress],
    n_jobs: int | None,
) -> list[SolverResult]:
    """How each start ends, whatever the others do."""
    if len(starts) == 1:
        return [run_start(problem, objective, starts[0], observers[0])]
    results: list[SolverResult] = runs_at_once(problem, n_jobs)(
        delayed(run_one_of_several)(problem, start, observer)
        for start, observer in zip(starts, observers, strict=True)
    )
    return results


def runs_at_once(problem: Problem, n_jobs: int | None) -> Parallel:
    """How several runs of a problem are made.

    Where the rows are on workers each run keeps all of them busy, and one inside a worker would
    wait for the others: the runs are made here, one after the other.
    """
    if problem.known_data.on_workers:
        return Parallel(n_jobs=1, backend="sequential")
    return Parallel(n_jobs=n_jobs)


def run_start(
    problem: Problem, objective: AnyObjective, start: Start, observer: Progress
) -> SolverResult:
    """One start, and others in its place as long as nothing is learnt; the lowest end.

    Such ends are those of :mod:`sknewtonnet.estimators._stuck`. The other starts, three at most,
    are drawn for standardised columns, twice as wide, from numbers that ``start.seed`` determines.
    """
    observer.begin()
    best = _run(problem, objective, start.point(problem), observer)
    n_restarts = 0
    if start.seed is not None:
        while n_restarts < MAX_RESTARTS and stuck_at(problem, objective, best):
            n_restarts += 1
            random_state = np.random.RandomState([start.seed, n_restarts])
            found = _run_on_standardised_columns(problem, objective, random_state, observer)
            best = found if found.value < best.value else best
    observer.end(best.params)
    gave_up = best.status is Status.STOPPED and observer.gave_up
    events = {**best.n_events, "restarts": n_restarts, "ended_early": int(gave_up)}
    return replace(best, n_events=events)


def _run_on_standardised_columns(
    problem: Problem,
    objective: AnyObjective,
    random_state: np.random.RandomState,
    observer: Progress,
) -> SolverResult:
    """A run from another start, on standardised columns even if the problem is not that of such.

    A step of a given length is then one of as many standard deviations in each column, as it is
    under ``standardize=True``. The end is that of the problem itself.
    """
    there = standardised_columns(problem)
    start = there.settings.draw(there, random_state)
    if there is problem:
        return _run(problem, objective, start, observer)
    assert there.original is not None
    first = there.original.map.forward(start)
    if problem.constraints() is not None or not np.isfinite(objective.value(first)):
        return _run(problem, objective, first, observer)
    function = MappedObjective(objective, there.original.map)

    def observe(seen: Iteration) -> bool:
        return observer(replace(seen, params=function.expand(seen.params)))

    found = problem.solver().minimize(function, start, observe)
    if found.status not in (Status.CONVERGED, Status.STALLED):
        params = function.expand(found.params)
        return replace(found, params=params, gradient=objective.gradient(params))
    end = _run(problem, objective, function.expand(found.params), observer)
    history = (*found.history, *end.history[1:])
    trace = None if found.trace is None else found.trace.then(end.trace)
    return replace(end, n_iter=found.n_iter + end.n_iter, history=history, trace=trace)


def _run(
    problem: Problem, objective: AnyObjective, params: Array, observer: Progress
) -> SolverResult:
    """One run; one that cannot begin has an infinite value."""
    constraints = problem.constraints()
    first = params if constraints is None else feasible_point(constraints, params)
    if objective.is_finite(first):
        return problem.solver().minimize(objective, params, observer)
    return SolverResult(
        params=params,
        value=np.inf,
        gradient=np.full(len(params), np.nan),
        status=Status.NOT_FINITE,
        message=objective.why_not_finite(first),
        n_iter=0,
        n_evaluations={},
        history=(np.inf,),
        initial_gradient_norm=np.nan,
    )


def stuck_at(problem: Problem, objective: AnyObjective, result: SolverResult) -> str:
    """What is wrong with an end (:mod:`sknewtonnet.estimators._stuck`); "" for one cut short."""
    cut_short = result.status in (Status.MAX_ITER, Status.STOPPED, Status.NOT_FINITE)
    cut_short |= bool(result.n_events.get("diverged"))
    if cut_short or not np.isfinite(result.value):
        return ""
    return why_stuck(problem, objective, result.params)


def run_threads(problem: Problem, n_starts: int) -> AbstractContextManager[None]:
    """Context of the runs of a fit: a BLAS of several threads if a run factorises large matrices.

    Several starts keep to one thread each, so that sums do not depend on how many run at once.
    Sums over the rows are shared among threads of the calculus, whatever the BLAS has.
    """
    needs = problem.solver().calls
    dense = Capability.HESSIAN in needs and Capability.HESSIAN_PRODUCT not in needs
    if n_starts > 1 or not dense or problem.constraints() is not None:
        return one_thread()
    return hessian_threads(0, problem.network.n_parameters)


def lowest(problem: Problem, results: list[SolverResult]) -> int:
    """Number of the lowest end; of ends that are equal in the units of the table, the first."""
    return int(np.argmin(problem.factor * np.array([result.value for result in results])))


def with_canonical_best(
    problem: Problem, objective: AnyObjective, results: list[SolverResult]
) -> list[SolverResult]:
    """The same ends, the lowest with its units in canonical order and with canonical signs.

    Where constraints, or strengths of single weights, tell units apart it stays as it is.
    """
    number = lowest(problem, results)
    best = results[number]
    if problem.constraints() is not None or not np.isfinite(best.value):
        return results
    near = 1e-10 * abs(best.value) + 1e-13 * abs(best.history[0])
    for complements in (True, False):  # a penalty of intercepts may not allow the first
        params = canonical(objective, best.params, complements)
        if not np.isfinite(params).all() or (params == best.params).all():
            continue
        value, gradient = objective.value_and_gradient(params)
        if abs(value - best.value) <= near:
            best = replace(best, params=params, gradient=gradient)
            return [*results[:number], best, *results[number + 1 :]]
    return results


@one_thread()
def run_one_of_several(problem: Problem, start: Start, observer: Progress) -> SolverResult:
    """Run one start, wherever that is."""
    return run_start(problem, problem.objective(), start, observer)


def report_of_starts(
    problem: Problem, objective: AnyObjective, results: list[SolverResult]
) -> tuple[dict[str, NDArray[Any]], SolverResult, End]:
    """How each start ended, which of them found the same minimum, and the best with its end."""
    best = lowest(problem, results)
    end = End.of(objective, results[best])
    kinds = [
        end.kind if number == best else _kind(objective, result)
        for number, result in enumerate(results)
    ]
    order = np.argsort([result.value for result in results], kind="stable")
    minimum, X = np.full(len(results), -1), problem.known_data.in_memory.X
    found: list[Minimum] = []
    for number in order:
        result = results[number]
        if kinds[number] == "not stationary":
            continue
        this = Minimum(objective.network, X, result.params, result.value, result.history[0])
        label = next((k for k, other in enumerate(found) if this.is_same(other)), len(found))
        minimum[number] = label
        if label == len(found):
            found.append(this)
    report = {
        "loss": problem.factor * np.array([result.value for result in results]),
        "gradient_norm": np.array([result.stationarity for result in results]),
        "n_iter": np.array([result.n_iter for result in results]),
        "converged": np.array([result.converged for result in results]),
        "minimum": minimum,
        "n_restarts": np.array([result.n_events["restarts"] for result in results]),
        "ended_early": np.array([bool(result.n_events["ended_early"]) for result in results]),
    }
    return report, results[best], end


def _kind(objective: AnyObjective, result: SolverResult) -> str:
    """The verdict; a run that was given up has none, and takes no Hessian."""
    if result.n_events["ended_early"]:
        return "not stationary"
    return End.of(objective, result).kind
