"""Fits under a linear restriction of the parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import lstsq, null_space
from scipy.optimize import minimize

from sknewtonnet._typing import Array
from sknewtonnet.calculus import Network, SmoothFunction, critical_point
from sknewtonnet.calculus.functions.subspace import AffineObjective
from sknewtonnet.inference._minimum import Information

# From a function and a start to a minimum of the function.
Minimiser = Callable[[SmoothFunction, Array], Array]

# From a seed to a random start of a net.
Start = Callable[[int], Array]


@dataclass(frozen=True, eq=False)
class Refit:
    """How to fit a net again: a minimiser and random starts.

    Parameters
    ----------
    minimize : callable
        From a function and a start to a minimum of the function.
    start : callable
        From a seed to a random start of the net.
    """

    minimize: Minimiser
    start: Start

    @classmethod
    def of(
        cls, network: Network, params: Array, minimize: Minimiser | None, start: Start | None
    ) -> Refit:
        """The given functions; by default SciPy's trust region and starts like the fitted net."""
        return cls(minimize or trust_region, start or Redrawn(network, params))


def trust_region(function: SmoothFunction, start: Array) -> Array:
    """A minimum by SciPy's trust-region method with exact steps."""
    if not len(start):
        return start
    constant = function.invariant_directions()

    def hessian(w: Array) -> Array:
        H = function.hessian(w)
        # Along constant directions a Newton step would be rounding divided by rounding.
        return H + np.abs(H).sum(axis=0).max() * (constant @ constant.T)

    options = {"gtol": 1e-10, "maxiter": 1000}
    found = minimize(
        function.value_and_gradient,
        start,
        jac=True,
        hess=hessian,
        method="trust-exact",
        options=options,
    )
    return np.asarray(found.x, dtype=float)


@dataclass(frozen=True, eq=False)
class Redrawn:
    """Normal numbers as starts, with the root mean square of each fitted array."""

    network: Network
    params: Array

    def __call__(self, seed: int) -> Array:
        """The start of a seed."""
        layout = self.network.layout
        sizes = {
            name: np.full(values.shape, np.sqrt(np.mean(values**2)) or 0.1)
            for name, values in layout.unpack(self.params).items()
        }
        return layout.pack(sizes) * np.random.default_rng(seed).standard_normal(len(self.params))


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
        self.information.check_flat("likelihood-ratio and score tests and profile intervals")
        w, basis = self.information.params, self.information.free
        A, b = self._scaled
        rows = A @ basis
        origin = w + basis @ lstsq(rows, b - A @ w)[0]
        return AffineObjective(self.information.objective, origin, basis @ null_space(rows))

    def updated(self) -> Array:
        """OBS's update: the minimum of the quadratic model there (doc/statistics.md 3.5)."""
        K, w = self.information.factor.inverse, self.information.params
        A, b = self._scaled
        pull = K @ A.T
        return w + pull @ lstsq(A @ pull, b - A @ w)[0]

    @property
    def _scaled(self) -> tuple[Array, Array]:
        """The same restriction, whatever the units of its rows, without overflow."""
        sizes = np.abs(self.A).max(axis=1)
        return self.A / sizes[:, None], self.b / sizes

    def fit(self, refit: Refit, n_init: int, seed: int) -> tuple[Array, float, bool]:
        """The lowest minimum found, its value, and whether the gradient vanishes there.

        Fits start at the updated point and at random points.
        """
        objective = self.objective()
        starts = [self.updated()]
        starts += [refit.start(seed + k) for k in range(n_init)]
        ends = [refit.minimize(objective, objective.restrict(start)) for start in starts]
        u = min(ends, key=objective.value)
        stationary = critical_point(objective, u).is_stationary
        return objective.expand(u), objective.value(u), stationary
