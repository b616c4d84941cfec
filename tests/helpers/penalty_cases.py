"""Penalties with mixed derivatives, as users write them, and as functions of the arrays."""

from dataclasses import dataclass, fields

import numpy as np
from oracles import Problem

from sknewtonnet.calculus import NormPenalty, Penalty


class Quartic(Penalty):
    """1/4 (c'w)^4 with c = cos(0), cos(1), ...: every pair of parameters is coupled."""

    def value(self, w):
        return 0.25 * float(self.along(w) ** 4)

    def gradient(self, w):
        return self.along(w) ** 3 * np.cos(np.arange(len(w)))

    def hessian(self, w):
        c = np.cos(np.arange(len(w)))
        return 3.0 * self.along(w) ** 2 * np.outer(c, c)

    @staticmethod
    def along(w):
        return w @ np.cos(np.arange(len(w)))


@dataclass(frozen=True)
class Fused(Penalty):
    """Half the squared differences of neighbouring rows of the first coefficients."""

    strength: float = 0.7
    differences: np.ndarray | None = None

    def on(self, layout):
        each = np.eye(layout.n_parameters)
        rows = np.array([np.diff(layout.unpack(e)["coefs_0"], axis=0).ravel() for e in each])
        return Fused(self.strength, rows.T)

    def depends_on(self, array):
        return array == "coefs_0"

    def value(self, w):
        return 0.5 * self.strength * float(np.sum((self.differences @ w) ** 2))

    def gradient(self, w):
        return self.hessian(w) @ w

    def hessian(self, w):
        return self.strength * self.differences.T @ self.differences


def total(array, n_axes):
    """Sum the last axes of an array, or of a dual number."""
    for _ in range(n_axes):
        array = array.sum(-1)
    return array


class Arrays:
    """The same penalties as functions of the named arrays, with any leading axes.

    Both halves of a symmetric array show one parameter, which counts once.
    """

    def __init__(self, layout):
        self.shapes = layout.shapes
        self.c = self.once(layout.unpack(np.cos(np.arange(layout.n_parameters))))
        self.ones = self.once(layout.unpack(np.ones(layout.n_parameters)))

    @staticmethod
    def once(arrays):
        return {n: np.triu(a) if n.startswith("quadratic_forms") else a for n, a in arrays.items()}

    def quartic(self, arrays):
        parts = [total(a * self.c[n], len(self.shapes[n])) for n, a in arrays.items()]
        s = sum(parts[1:], parts[0])
        return 0.25 * s * s * s * s

    def fused(self, arrays, strength):
        a = arrays["coefs_0"]
        step = a[..., 1:, :] - a[..., :-1, :]
        return 0.5 * strength * total(step * step, 2)

    def norms(self, arrays, strength, names):
        if names is None:
            names = [name for name in self.shapes if name.startswith("coefs")]
        squares = [total(arrays[n] * arrays[n] * self.ones[n], len(self.shapes[n])) for n in names]
        norms = [np.sqrt(square) for square in squares]
        return strength * sum(norms[1:], norms[0])


def as_function(penalty, layout):
    """The same penalty as a function of the named arrays, which a :class:`Problem` has."""
    arrays = Arrays(layout)
    if isinstance(penalty, Quartic):
        return arrays.quartic
    if isinstance(penalty, Fused):
        return lambda a: arrays.fused(a, penalty.strength)
    return lambda a: arrays.norms(a, penalty.strength, penalty.arrays)


def own_penalties(layout):
    """Penalties with mixed derivatives, by names."""
    return {
        "norms": NormPenalty(1.3),
        "norms of all": NormPenalty(1.3, list(layout.shapes)),
        "quartic": Quartic(),
        "fused": Fused(),
    }


@dataclass(frozen=True)
class PenalisedProblem(Problem):
    """A problem with one more penalty, a function of the arrays."""

    own: object = None

    def penalty_value(self, arrays):
        return super().penalty_value(arrays) + self.own(arrays) * (1.0 / self.sample_weight.sum())


def with_penalty(problem, penalty, layout):
    """A problem with one more penalty."""
    given = {field.name: getattr(problem, field.name) for field in fields(problem)}
    return PenalisedProblem(**given, own=as_function(penalty, layout))
