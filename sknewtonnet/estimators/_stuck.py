"""Ends of runs that are not what the data ask for: nets that learnt nothing from their inputs.

========  =====================================================================================
flat      the net predicts a constant, although its inputs matter
          (:mod:`sknewtonnet.calculus.functions.flatness`)
shrunk    the same, with all coefficients of a layer at zero, where a penalty holds them
poor      a net without a penalty whose loss is higher than that of the linear model on the same
          inputs. It contains this model: units that bend little are linear
========  =====================================================================================

All three are worth another start. Only where no start ends elsewhere, "shrunk" is what the
penalty asks for, and the others are faults that a warning reports.
"""

from __future__ import annotations

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import Network
from sknewtonnet.calculus.functions.any_objective import AnyObjective
from sknewtonnet.calculus.functions.flatness import is_flat, varies
from sknewtonnet.calculus.functions.units import NOTHING
from sknewtonnet.estimators._best_constant import mean_prediction
from sknewtonnet.estimators._fit import Problem
from sknewtonnet.solvers import get_solver

# Iterations for the linear model, whose coefficients run to infinity where it separates classes.
_LINEAR_ITER = 30

SENTENCES = {
    "": "",
    "flat": (
        "The net predicts a constant, although its inputs tell more: its units are saturated or "
        "dead."
    ),
    "shrunk": "The penalty shrinks the net to a constant: a smaller alpha lets it use its inputs.",
    "poor": "The net fits worse than the linear model that it contains.",
}


def why_stuck(problem: Problem, objective: AnyObjective, params: Array) -> str:
    """Which of the words above holds at the end of a run, if any.

    Parameters
    ----------
    problem : Problem
        What was solved.
    objective : Objective
        Its objective.
    params : ndarray of shape (n_parameters,)
        The end.

    Returns
    -------
    {"", "flat", "shrunk", "poor"}
    """
    if is_flat(objective, params):
        return "shrunk" if _is_shrunk(objective, params) else "flat"
    return "poor" if _is_poor(problem, objective, params) else ""


def _is_shrunk(objective: AnyObjective, params: Array) -> bool:
    """Whether all coefficients of some layer are zero, and each of them has a penalty."""
    network, ridge = objective.network, objective.penalty.ridges
    if objective.kinks(params):  # of a norm, at 0
        return True
    if ridge is None:
        return False
    values, strengths = network.layout.unpack(params), network.layout.unpack(ridge)
    exists = network.layout.masks()
    return any(
        (strengths[name][exists[name]] > 0.0).all() and (np.abs(values[name]) <= NOTHING).all()
        for name in values
        if name.startswith("coefs")
    )


def _is_poor(problem: Problem, objective: AnyObjective, params: Array) -> bool:
    """Whether a net that contains the linear model has a higher loss."""
    network, loss = objective.network, objective.loss
    narrowest = min((layer.n_units for layer in network.layers[:-1]), default=0)
    contains = (
        all(network.linear)
        and network.layout.free is None
        and narrowest >= network.n_outputs - loss.shift_invariant
    )
    free = objective.penalty.value(np.ones(len(params))) == 0.0 and problem.constraints() is None
    if not (contains and free and varies(objective)):
        return False
    data = problem.known_data
    data = data.in_units(data.units(of_target=False))
    linear = Network.mlp(network.n_features, (), network.n_outputs)
    model = data.objective(linear, loss)
    start = np.zeros(linear.n_parameters)
    linear.by_layer(start)[-1][-1] = mean_prediction(loss, data)
    if not model.is_finite(start):
        return False
    best = get_solver("newton", tol=1e-8, max_iter=_LINEAR_ITER).minimize(model, start).value
    return objective.value(params) > best + NOTHING * objective.scale()
