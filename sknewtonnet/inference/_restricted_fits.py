"""Fits under a linear restriction of the parameters."""

from dataclasses import dataclass
from typing import Protocol

from scipy.linalg import lstsq, null_space

from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.subspace import AffineObjective
from sknewtonnet.inference._minimum import Information


class Refit(Protocol):
    """How the owner of a net minimises: from a start, and where random starts are."""

    def minimize(self, objective: AffineObjective, start: Array) -> tuple[Array, float, bool]:
        """Minimum, its value, and whether the run converged."""

    def start(self, seed: int) -> Array:
        """A random start of the net."""


@dataclass(frozen=True, eq=False)
class Restriction:
    """The net under A w = b.

    Parameters
    ----------
    information : Information
        The unrestricted minimum.
    A : ndarray of shape (q, n_parameters)
        Rows of the restriction.
    b : ndarray of shape (q,)
        Their values.
    """

    information: Information
    A: Array
    b: Array

    def objective(self) -> AffineObjective:
        """The objective on the subspace, around its point nearest to the minimum."""
        w, basis = self.information.params, self.information.free
        rows = self.A @ basis
        origin = w + basis @ lstsq(rows, self.b - self.A @ w)[0]
        return AffineObjective(self.information.objective, origin, basis @ null_space(rows))

    def updated(self) -> Array:
        """OBS's update: the minimum of the quadratic model there (doc/statistics.md 3.5)."""
        K, w = self.information.factor.inverse, self.information.params
        pull = K @ self.A.T
        return w + pull @ lstsq(self.A @ pull, self.b - self.A @ w)[0]

    def fit(self, refit: Refit, n_init: int, seed: int) -> tuple[Array, float, bool]:
        """The lowest minimum found: from the updated point, and from random starts."""
        objective = self.objective()
        starts = [self.updated()]
        starts += [refit.start(seed + k) for k in range(n_init)]
        runs = [refit.minimize(objective, objective.restrict(start)) for start in starts]
        u, value, converged = min(runs, key=lambda run: run[1])
        return objective.expand(u), value, converged
