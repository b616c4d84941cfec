"""A net at a minimum, of which parts may be taken away."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.linalg import lstsq, null_space

from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus.functions.units import settle
from sknewtonnet.estimators._fit import Problem, is_stationary
from sknewtonnet.estimators._statistics import feature_names
from sknewtonnet.inference import Criteria, Information
from sknewtonnet.inference._saliency import flat_directions
from sknewtonnet.solvers import get_solver

# Gradient between two removals; the last fit is as exact as the estimator wants.
_NEAR = 1e-8

UNITS = ("weight", "neuron", "feature")


@dataclass(frozen=True, eq=False)
class Part:
    """What can be taken away in one piece.

    Attributes
    ----------
    name : str
        The name of a parameter, a unit or a feature.
    positions : ndarray of int
        Free parameters that become zero with it.
    """

    name: str
    positions: Ints


@dataclass(frozen=True, eq=False)
class Net:
    """A fitted net between two steps of pruning.

    Parameters
    ----------
    estimator : BaseNewtonNet
        The fitted estimator that is pruned, for its settings and names.
    problem : Problem
        Network and data.
    params : ndarray of shape (n_parameters,)
        The minimum.
    loss : float
        The objective there.
    stationary : bool
        Whether the gradient vanishes there.
    active : ndarray of shape (n_active, n_parameters) or None
        Rows of constraints that hold it back.
    """

    estimator: Any
    problem: Problem
    params: Array
    loss: float
    stationary: bool
    active: Array | None = None

    @cached_property
    def information(self) -> Information:
        """Curvatures and scores at the minimum."""
        return Information(
            self.problem.objective(),
            self.params,
            self.active,
            class_weights=self.estimator._has_class_weights,
            converged=self.stationary,
        )

    @cached_property
    def criteria(self) -> Criteria:
        """Information criteria."""
        return Criteria(self.information)

    @property
    def n_parameters(self) -> int:
        """Number of parameters that exist."""
        return self.problem.network.n_parameters

    @property
    def connectivity(self) -> dict[str, Bools]:
        """Masks of what exists, by the names of arrays."""
        return self.problem.network.layout.masks()

    def parts(self, unit: str) -> list[Part]:
        """All that can be taken away, in pieces of one kind."""
        network = self.problem.network
        names = network.layout.names
        if unit == "weight":
            return [
                Part(name, np.array([j]))
                for j, name in enumerate(names)
                if name.startswith("coefs_")
            ]
        if unit == "feature":
            outgoing = network.feature_parameters or []
            found = zip(feature_names(self.estimator), outgoing, strict=False)
            return [Part(name, positions) for name, positions in found if len(positions)]
        parts = []
        for k, units in enumerate(network.unit_names):
            places = np.hstack(network.outgoing(network.positions, k + 1))
            parts += [Part(name, row[row >= 0]) for name, row in zip(units, places, strict=True)]
        return [part for part in parts if len(part.positions)]

    def without(self, positions: Ints) -> "Net | None":
        """The net at its next minimum without some parameters, and what then does nothing.

        None if nothing would be left.

        The others start where the quadratic model has its minimum (Hassibi and Stork 1993):
        w - K_S (K_SS)^-1 w_S, with K the inverse Hessian; along directions without curvature
        they move for nothing.
        """
        K, w = self.information.factor.inverse[:, positions], self.params[positions]
        flat = flat_directions(self.information)
        held = null_space(flat[positions].T)
        force = held @ lstsq(held.T @ K[positions] @ held, held.T @ w)[0] if held.size else 0.0 * w
        along = lstsq(flat[positions], w - K[positions] @ force)[0] if flat.size else np.empty(0)
        start = self.params - K @ force - flat @ along
        exists = np.ones(self.n_parameters, dtype=bool)
        exists[positions] = False
        start[~exists] = 0.0
        full, kept = settle(self.problem.network, start, exists)
        return self._at(full, kept) if kept.any() else None

    def _at(self, full: Array, kept: Bools) -> "Net":
        """Refit with the parameters that are kept, from where they stand in a full vector."""
        net, old = self.estimator, self.problem
        network = net._make_network(
            old.network.n_outputs,
            connectivity=old.network.layout.masks(kept),
            feature_names=getattr(net, "feature_names_in_", None),
            output_names=old.network.output_names,
        )
        penalties = net._make_penalties(network, old.X, old.sample_weight)
        problem = replace(old, network=network, penalties=penalties)
        objective = problem.objective()
        constraints = net._make_constraints(network, problem.loss)
        if constraints is None:  # near a minimum nothing is faster
            solver = get_solver("newton", tol=max(net.tol, _NEAR), max_iter=net.max_iter)
        else:
            solver = net._solver(constraints)
        result = solver.minimize(objective, network.layout.restrict(full))
        active = None if result.multipliers is None else result.multipliers.active
        return Net(net, problem, result.params, result.value, is_stationary(result), active)
