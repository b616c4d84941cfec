"""The same net fitted again and again to data like its own, from its minimum, in parallel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from scipy.linalg import LinAlgError

from sknewtonnet._threads import one_thread
from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus import Loss, Network, Objective, SmoothFunction, critical_point
from sknewtonnet.calculus.functions.matching import aligned
from sknewtonnet.calculus.functions.subspace import AffineObjective
from sknewtonnet.calculus.pieces.penalties import Penalty
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._resampling import Resampling
from sknewtonnet.inference._restricted_fits import Minimiser


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
    def of(cls, information: Information, objective: Objective, minimize: Minimiser) -> "Refitted":
        """The minimum on the rows of an objective."""
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

    def fit(self, targets: Array, weight: Array) -> tuple[Array, float]:
        """The minimum there and its value; NaN where the fit does not get to one.

        Units are in the order and with the signs of the first minimum.
        """
        w = self.params
        try:
            f = self.objective(targets, weight)
            inside: SmoothFunction = f
            start = w
            if self.basis is not None:
                inside = AffineObjective(f, w, self.basis)
                start = np.zeros(self.basis.shape[1])
            u = self.minimize(inside, start)
            if not critical_point(inside, u).is_stationary:
                return np.full_like(w, np.nan), np.nan
        except (ValueError, ArithmeticError, LinAlgError):
            return np.full_like(w, np.nan), np.nan
        found = u if self.basis is None else w + self.basis @ u
        return aligned(self.network, found, w), inside.value(u)


def replicate(
    resampling: Resampling,
    fits: Sequence[Refitted],
    n: int,
    seed: int,
    n_jobs: int | None,
) -> list[list[tuple[Array, float]]]:
    """Minima of some nets on the same drawn data, for each of n draws.

    Each draw has a source of random numbers of its own, so that their number and that of
    processes change nothing of it.
    """
    processes = effective_n_jobs(n_jobs)
    if processes == 1:
        return _some(resampling, fits, seed, np.arange(n))
    resampling.draw(source(seed, 0))  # what all draws share is worked out once, and sent
    parts = np.array_split(np.arange(n), min(n, 4 * processes))
    found = Parallel(n_jobs=n_jobs)(
        delayed(_some)(resampling, fits, seed, numbers) for numbers in parts
    )
    return [each for some in found for each in some]


def _some(
    resampling: Resampling, fits: Sequence[Refitted], seed: int, numbers: Ints
) -> list[list[tuple[Array, float]]]:
    """Those of some of the draws."""
    found = []
    with one_thread():
        for number in numbers:
            data = resampling.draw(source(seed, int(number)))
            found.append([fit.fit(*data) for fit in fits])
    return found


def source(seed: int, number: int) -> np.random.Generator:
    """Random numbers of one draw."""
    return np.random.default_rng([seed, number])
