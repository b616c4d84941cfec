"""The same net fitted again and again to data like its own, from its minimum, in parallel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from scipy.linalg import LinAlgError

from sknewtonnet._threads import one_thread
from sknewtonnet._typing import Array
from sknewtonnet.calculus import Loss, Network, Objective, critical_point
from sknewtonnet.calculus.functions.matching import aligned
from sknewtonnet.calculus.functions.subspace import AffineObjective
from sknewtonnet.calculus.pieces.penalties import Penalty
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._restricted_fits import Minimiser

Result = TypeVar("Result")

# Called with the number of replications that are done, and of all.
Progress = Callable[[int, int], object] | None
# From a task and a number of replications to their results.
Replicate = Callable[[Callable[[int], Any], int], list[Any]]


@dataclass(frozen=True, eq=False)
class Refitted:
    """A minimum, and how to find it again on other targets and weights.

    Parameters
    ----------
    network, loss, penalties
        What the objective is made of.
    samples, offset : ndarray
        Inputs, and known terms or None.
    params : ndarray of shape (n_parameters,)
        The minimum, where fits start.
    basis : ndarray of shape (n_parameters, n_free) or None
        Directions that active constraints leave; they stay active.
    minimize : callable
        From a function and a start to a minimum.
    """

    network: Network
    loss: Loss
    penalties: tuple[Penalty, ...]
    samples: Array
    offset: Array | None
    params: Array
    basis: Array | None
    minimize: Minimiser

    @classmethod
    def of(cls, information: Information, objective: Objective, minimize: Minimiser) -> Refitted:
        """The minimum on the rows of an objective."""
        information.check_flat("the bootstrap and calibrated tests")
        return cls(
            objective.network,
            objective.loss,
            tuple(objective.penalty.penalties),
            objective.samples,
            objective.offset,
            information.params,
            information.basis,
            minimize,
        )

    def objective(self, targets: Array, weight: Array) -> Objective:
        """The objective on other targets and weights."""
        return Objective(
            self.network,
            self.loss,
            self.samples,
            targets,
            weight,
            penalties=self.penalties,
            offset=self.offset,
        )

    def fit(self, targets: Array, weight: Array, starts: Sequence[Array] = ()) -> Array:
        """The lowest minimum there, from this one and from other starts; NaN if there is none.

        Units are in the order and with the signs of the first minimum.
        """
        w = self.params
        try:
            f = self.objective(targets, weight)
            found = [self._from(f, start) for start in (w, *starts)]
            minima = [params for params in found if params is not None]
        except (ValueError, ArithmeticError, LinAlgError):
            minima = []
        if not minima:
            return np.full_like(w, np.nan)
        return aligned(self.network, min(minima, key=f.value), w)

    def _from(self, f: Objective, start: Array) -> Array | None:
        """Where a run from a start ends, if at a minimum."""
        if self.basis is None:
            w = self.minimize(f, start)
            return w if critical_point(f, w).is_stationary else None
        inside = AffineObjective(f, self.params, self.basis)
        u = self.minimize(inside, inside.restrict(start))
        return inside.expand(u) if critical_point(inside, u).is_stationary else None

    def total_loss(self, params: Array, targets: Array, weight: Array) -> float:
        """Sum of the weighted losses, without the penalty."""
        raw = self.network.predict_raw(params, self.samples)
        raw = raw if self.offset is None else raw + self.offset
        return float(weight @ self.loss.value(targets, raw))


def replicated(
    task: Callable[[int], Result], n: int, n_jobs: int | None, progress: Progress = None
) -> list[Result]:
    """Results of a task for the numbers below n, in processes.

    A task draws from :func:`source` with its number, so that how many there are, and how many
    processes, change nothing of it. ``progress`` hears how many are done, of how many.
    """
    processes = effective_n_jobs(n_jobs)
    alone = processes == 1
    count = (n if progress is not None else 1) if alone else min(n, 4 * processes)
    parts = np.array_split(np.arange(n), count)
    parallel = Parallel(n_jobs=1 if alone else n_jobs, return_as="generator")
    found: list[Result] = []
    for some in parallel(delayed(_some)(task, part.tolist()) for part in parts):
        found += some
        if progress is not None:
            progress(len(found), n)
    return found


def _some(task: Callable[[int], Result], numbers: Iterable[int]) -> list[Result]:
    with one_thread():
        return [task(number) for number in numbers]


def source(seed: int, number: int) -> np.random.Generator:
    """Random numbers of one draw."""
    return np.random.default_rng([seed, number])
