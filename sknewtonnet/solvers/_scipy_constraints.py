"""Constraints in the words of :func:`scipy.optimize.minimize`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy.optimize import LinearConstraint, NonlinearConstraint

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus import Constraint
from sknewtonnet.solvers.constraints import Constraints

ScipyConstraint: TypeAlias = Any  # LinearConstraint or NonlinearConstraint, which have no types


def in_words_of_scipy(
    constraints: Constraints, w: Array, second_order: bool
) -> list[ScipyConstraint]:
    """Combinations and nonlinear constraints, all but the bounds.

    Rows have length one, those of nonlinear constraints at w; equalities stand apart, as scipy
    wants them.

    Parameters
    ----------
    constraints : Constraints
        The constraints.
    w : ndarray of shape (n_parameters,)
        Where nonlinear ones are scaled.
    second_order : bool
        Whether the method takes second derivatives.

    Returns
    -------
    list of LinearConstraint and NonlinearConstraint
    """
    A, lower, upper = constraints.scaled
    equal = lower == upper
    found: list[ScipyConstraint] = [
        LinearConstraint(A[rows], lower[rows], upper[rows])
        for rows in (equal, ~equal)
        if rows.any()
    ]
    for each in constraints.nonlinear:
        lengths = np.linalg.norm(each.jacobian(w), axis=1)
        scale = 1.0 / np.where(lengths > 0.0, lengths, 1.0)
        equal = np.equal(*each.limits)
        found += [
            _Some(each, np.flatnonzero(rows), scale).in_words_of_scipy(second_order)
            for rows in (equal, ~equal)
            if rows.any()
        ]
    return found


@dataclass(frozen=True)
class _Some:
    """Some functions of a constraint, each times a number."""

    constraint: Constraint
    rows: Ints
    scale: Array

    def in_words_of_scipy(self, second_order: bool) -> ScipyConstraint:
        lower, upper = (
            limit[self.rows] * self.scale[self.rows] for limit in self.constraint.limits
        )
        more = {"hess": self.hessian} if second_order else {}
        return NonlinearConstraint(self.value, lower, upper, jac=self.jacobian, **more)

    def value(self, w: Array) -> Array:
        return (self.constraint.value(w) * self.scale)[self.rows]

    def jacobian(self, w: Array) -> Array:
        return (self.constraint.jacobian(w) * self.scale[:, None])[self.rows]

    def hessian(self, w: Array, v: Array) -> Array:
        factors = np.zeros(len(self.scale))
        factors[self.rows] = v * self.scale[self.rows]
        return self.constraint.hessian(w, factors)
