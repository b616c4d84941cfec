"""Starts that are children of minima found: units of one minimum put among those of another.

Minima of a net share units: what tells a good one from a poor one is often a single unit that is
missing. So a child is the lowest minimum found so far with some units, chosen at random, replaced
by those of another minimum, with all that comes into them and goes out of them: the node crossover
of Montana and Davis. A run from there is a few dozen iterations from a minimum that may be lower
than both, where a random start must find all units anew.

Starts run in rounds of four. Those of the first round are random, and so are two of each later
round, as new material and since random starts win on some tables; the other two are children. A
round knows the ends of the rounds before it, and nothing of its own: so it may run in parallel,
with the same bits whoever runs it.

Children are raced. Let m be a quarter of the median number of iterations of the first round, five
at least. Where the value F of a child has fallen by d over the last m iterations, it ends early as
soon as

    F - 5 d > G - 1e-5 |G|,    F > G

with G the lowest value of the rounds before: falls that shrink by a sixth or more in m iterations
sum to 5 d at most from there on, which does not lead below G. Runs may fall slowly on a plateau
and then find their way down: in a trial on twenty tables this rule ended one of 52 children that
got below G, and with 3 d and three fifths of m eleven. doc/crossover.md counts them anew. Random
starts run to their end. They are there to be different, not low, and the rule would save a
twentieth of their time.

References
----------
Montana and Davis (1989), Training feedforward neural networks using genetic algorithms, IJCAI.
Moscato (1989), On evolution, search, optimization, genetic algorithms and martial arts: towards
memetic algorithms, Caltech.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from sklearn.utils.parallel import delayed

from sknewtonnet._typing import Array, Bools
from sknewtonnet.calculus import Network
from sknewtonnet.calculus.functions.any_objective import AnyObjective
from sknewtonnet.estimators._callbacks import Progress
from sknewtonnet.estimators._fit import Problem
from sknewtonnet.estimators._runs import Start, run_all, run_one_of_several, runs_at_once
from sknewtonnet.solvers import Iteration, SolverResult

# Starts of a round, how many of them are random, and minima that children have for parents.
ROUND, RANDOM, _POOL = 4, 2, 6
# Iterations to look back at, a part of those of a whole run, and later falls over the last one.
_PART, _FEWEST, _REST = 0.25, 5, 5.0
# Parts of a value by which a child must be lower, and by which two minima differ.
_GAIN, _SAME = 1e-5, 1e-6


def is_hopeless(values: Sequence[float], lowest: float, window: int) -> bool:
    """Whether a run that falls like this will hardly end below a value.

    Parameters
    ----------
    values : sequence of float
        The objective after each iteration.
    lowest : float
        The lowest value found before.
    window : int
        Iterations to look back at.

    Returns
    -------
    bool
        By the rule at the top of this module; False in the first iterations, and for a run that
        is below the value already.
    """
    if len(values) <= window or values[-1] <= lowest:
        return False
    fall = values[-1 - window] - values[-1]
    return values[-1] - _REST * fall > lowest - _GAIN * abs(lowest)


@dataclass(frozen=True)
class Raced(Progress):
    """Follows the iterations of a child, and ends the run where it is hopeless.

    Parameters
    ----------
    number : int
        Number of the start.
    verbose : int
        Whether to print each iteration.
    bridge : CallbackBridge or None
        To callbacks, if there are any.
    lowest : float
        The lowest value of the rounds before.
    window : int
        Iterations to look back at.
    values : list of float
        The objective after each iteration.
    """

    lowest: float = np.inf
    window: int = _FEWEST
    values: list[float] = field(default_factory=list)

    def __call__(self, iteration: Iteration) -> bool:
        """Print and pass on one iteration; true means stop."""
        if iteration.n_iter == 1:  # another start in place of one that learnt nothing
            self.values.clear()
        self.values.append(iteration.value)
        return super().__call__(iteration) or self.gave_up

    @property
    def gave_up(self) -> bool:
        """Whether the last iteration was hopeless."""
        return is_hopeless(self.values, self.lowest, self.window)


def run_rounds(
    problem: Problem,
    objective: AnyObjective,
    starts: Sequence[Start],
    observers: Sequence[Progress],
    n_jobs: int | None,
) -> list[SolverResult]:
    """How each start ends, children in the place of some random ones.

    Parameters
    ----------
    problem : Problem
        What is minimised.
    objective : Objective
        Its objective.
    starts : sequence of Start
        Random starts. The seed of one that a child replaces decides what child.
    observers : sequence of Progress
        One for each.
    n_jobs : int or None
        How many run at once.

    Returns
    -------
    list of SolverResult
    """
    if len(starts) <= ROUND:
        return run_all(problem, objective, starts, observers, n_jobs)
    results: list[SolverResult] = []
    with runs_at_once(problem, n_jobs) as parallel:
        while len(results) < len(starts):
            now = slice(len(results), len(results) + ROUND)
            raced = _with_children(problem, starts[now], observers[now], results)
            results += parallel(delayed(run_one_of_several)(problem, *one) for one in raced)
    return results


def parents(results: Sequence[SolverResult]) -> list[SolverResult]:
    """The lowest ends of runs that were not given up; of those with the same value, the first.

    Parameters
    ----------
    results : sequence of SolverResult
        All ends so far.

    Returns
    -------
    list of SolverResult
        Six at most, from the lowest on.
    """
    whole = [one for one in results if np.isfinite(one.value) and not one.n_events["ended_early"]]
    found: list[SolverResult] = []
    for one in sorted(whole, key=lambda result: result.value):
        if not found or one.value - found[-1].value > _SAME * abs(found[-1].value):
            found.append(one)
    return found[:_POOL]


def _with_children(
    problem: Problem,
    starts: Sequence[Start],
    observers: Sequence[Progress],
    results: Sequence[SolverResult],
) -> list[tuple[Start, Progress]]:
    """The starts of a round, each with its observer."""
    round, pool = list(zip(starts, observers, strict=True)), parents(results)
    if len(pool) < 2:  # of one minimum alone all children are itself
        return round
    length = float(np.median([one.n_iter for one in results[:ROUND]]))
    window = max(_FEWEST, int(np.ceil(_PART * length)))
    for k in range(RANDOM, len(round)):
        start, seen = round[k]
        params = child(problem.network, pool, np.random.RandomState(start.seed))
        raced = Raced(seen.number, seen.verbose, seen.bridge, pool[0].value, window)
        round[k] = (Start(params, start.seed), raced)
    return round


def child(
    network: Network, pool: Sequence[SolverResult], random_state: np.random.RandomState
) -> Array:
    """The lowest minimum with some units of another, from one to half of all.

    Parameters
    ----------
    network : Network
        The net.
    pool : sequence of SolverResult
        Minima, two at least; the lowest comes first.
    random_state : RandomState
        Chooses the other one and the units.

    Returns
    -------
    ndarray of shape (n_parameters,)
    """
    other = pool[1 + random_state.randint(len(pool) - 1)]
    sizes = [layer.n_units for layer in network.layers[:-1]]
    units = [(k, j) for k, size in enumerate(sizes) for j in range(size)]
    number = 1 + random_state.randint(max(len(units) // 2, 1))
    chosen = random_state.permutation(len(units))[:number]
    taken = _parameters_of(network, [units[place] for place in chosen])
    return np.where(taken, other.params, pool[0].params)


def _parameters_of(network: Network, units: Sequence[tuple[int, int]]) -> Bools:
    """Whether each parameter comes into one of some hidden units, or goes out of it."""
    full = np.zeros(network.layout.n_full, dtype=bool)
    flags = network.by_layer(full)
    for layer, unit in units:
        flags[layer][:, unit] = True
        for rows in network.outgoing(flags, layer + 1):
            rows[unit] = True
    return network.layout.restrict(full)
