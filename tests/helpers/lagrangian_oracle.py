"""The Lagrangian of a network's equations and its derivatives, by dual numbers.

    L(W, X, E) = f(x^m) + penalty(W) + sum_k <E^k, h^k(z^k(X), W^k) - x^k>

with states X and multipliers E as free variables.
"""

from itertools import pairwise

import numpy as np
import oracles
from oracles import STEP


def state_directions(problem):
    """Return per layer the unit directions of all states, of shape (N, n, s_k)."""
    n = len(problem.X)
    ends = np.cumsum([0, *(n * size for size in problem.sizes[1:])])
    unit = np.eye(ends[-1])
    return [
        unit[:, start:stop].reshape(-1, n, size)
        for (start, stop), size in zip(pairwise(ends), problem.sizes[1:], strict=True)
    ]


def multipliers(reference):
    """Return e^k = d f / d x^k of every layer, by shifting the states as they arise."""
    problem = reference.problem
    directions = state_directions(problem)
    value = problem.value(reference.arrays, [1j * STEP * d for d in directions])
    return [np.tensordot(value.imag / STEP, d, axes=1) for d in directions]


def lagrangian(problem, arrays, states, E):
    """Return L; ``states`` are [X, x^1, ..., x^m] and no longer functions of the weights."""
    total = problem.data_value(states[-1]) + problem.penalty_value(arrays)
    for k, e in enumerate(E):
        gap = problem.layer(k, arrays, states) - states[k + 1]
        total = total + (e * gap).sum(-1).sum(-1)
    return total


def at_fixed_states(reference, order, problem=None):
    """Return the derivatives of L in W alone, a tensor of shape (P,) * order."""
    problem = problem or reference.problem
    states = problem.states(reference.arrays)
    number = lagrangian(problem, reference.lifted(order), states, multipliers(reference))
    return oracles.read(number, order, (reference.P,) * order)
