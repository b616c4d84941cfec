"""An affine map between two sets of parameters of one net, and a penalty seen through it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import SuperLU, inv, splu

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.pieces.parameters import ParameterLayout
from sknewtonnet.calculus.pieces.penalties import Penalty
from sknewtonnet.calculus.pieces.symmetric import symmetric_part


@dataclass(frozen=True, eq=False)
class AffineMap:
    """The map w = T v + t of parameters.

    Parameters
    ----------
    matrix : sparse array of shape (n_parameters, n_parameters)
        T, regular.
    offset : ndarray of shape (n_parameters,)
        The offset t.
    """

    matrix: sparse.csc_array
    offset: Array

    @cached_property
    def _factor(self) -> SuperLU:
        return splu(sparse.csc_matrix(self.matrix))

    def __getstate__(self) -> dict[str, Any]:
        """All but the factorisation, which is worked out again."""
        return {"matrix": self.matrix, "offset": self.offset}

    @property
    def reversed(self) -> AffineMap:
        """The map v = T^-1 (w - t), with T^-1 formed."""
        found = inv(sparse.csc_matrix(self.matrix))
        if not sparse.issparse(found):  # scipy returns that of one parameter as an array
            found = np.reshape(found, self.matrix.shape)
        inverse = sparse.csc_array(found)
        return AffineMap(inverse, -(inverse @ self.offset))

    def forward(self, v: Array) -> Array:
        """Return T v + t."""
        return np.asarray(self.matrix @ v + self.offset)

    def inverse(self, w: Array) -> Array:
        """The point v that is mapped to w."""
        return self.inverse_direction(w - self.offset)

    def inverse_direction(self, w: Array) -> Array:
        """Return T^-1 w, for one direction or the columns of a matrix."""
        return np.asarray(self._factor.solve(np.ascontiguousarray(w)))

    def inverse_columns(self, where: Ints) -> tuple[Ints, Array]:
        """Some columns of T^-1: which rows of them may differ from 0, and these.

        Parameters
        ----------
        where : ndarray of int of shape (t,)
            The columns.

        Returns
        -------
        rows : ndarray of int of shape (n_rows,)
            In increasing order; those of the parameters of one unit, for maps of units.
        columns : ndarray of shape (n_rows, t)
        """
        rows, reached = np.empty(0, dtype=int), np.unique(where)
        while len(reached) > len(rows):
            rows, of_rows = reached, self.matrix[:, reached]
            reached = np.union1d(rows, of_rows.indices)
        columns = np.zeros((len(rows), len(where)))
        columns[np.searchsorted(rows, where), np.arange(len(where))] = 1.0
        return rows, np.asarray(splu(sparse.csc_matrix(of_rows[rows])).solve(columns))

    def pull_back(self, gradient: Array) -> Array:
        """Gradient in v of a function whose gradient in w is given: T' g."""
        return np.asarray(self.matrix.T @ gradient)

    def push_forward(self, gradient: Array) -> Array:
        """Gradient in w of a function whose gradient in v is given: T^-T g."""
        return np.asarray(self._factor.solve(np.ascontiguousarray(gradient), trans="T"))


class MappedPenalty(Penalty):
    """A penalty of v as a function of w = T v + t: factor times penalty(T^-1 (w - t)).

    Gradient factor T^-T g, Hessian factor T^-T H T^-1, with g and H those of the penalty at v.

    Parameters
    ----------
    penalty : Penalty
        A penalty of v.
    map : AffineMap
        From v to w.
    factor : float, default=1.0
        What it is multiplied by.
    """

    def __init__(self, penalty: Penalty, map: AffineMap, factor: float = 1.0):
        self.penalty, self.map, self.factor = penalty, map, factor
        self._arrays: frozenset[str] | None = None

    def on(self, layout: ParameterLayout) -> MappedPenalty:
        """The same with the penalty on the layout, whose arrays v and w have in common."""
        found = MappedPenalty(self.penalty.on(layout), self.map, self.factor)
        inside = {name: layout.values_of(name, 1.0, 0.0) for name in layout.shapes}
        # Entries of T^-1 that may differ from 0: T is triangular, with at most three steps.
        T = abs(self.map.matrix)
        pattern = T + T @ T
        reads = np.zeros(layout.n_parameters)
        for name, entries in inside.items():
            if found.penalty.depends_on(name):
                reads += entries
        if found.penalty.ridge is not None:
            reads = (found.penalty.ridge != 0.0).astype(float)
        touched = np.asarray(pattern.T @ reads) > 0.0
        found._arrays = frozenset(name for name, v in inside.items() if (touched * v).any())
        return found

    def depends_on(self, array: str) -> bool:
        """Whether v in the arrays that the penalty depends on changes with an array of w."""
        return self._arrays is None or array in self._arrays

    def value(self, w: Array) -> float:
        """The penalty at w."""
        return self.factor * self.penalty.value(self.map.inverse(w))

    def gradient(self, w: Array) -> Array:
        """Derivative in w, of shape (n_parameters,)."""
        inner = self.penalty.gradient(self.map.inverse(w))
        return self.factor * self.map.push_forward(inner)

    def hessian(self, w: Array) -> Array:
        """Second derivatives at w, of shape (n_parameters, n_parameters)."""
        inner = self.penalty.hessian(self.map.inverse(w))
        half = self.map.push_forward(inner)
        return symmetric_part(self.factor * self.map.push_forward(half.T))

    def hessian_product(self, w: Array, v: Array) -> Array:
        """Second derivatives at w times v, of shape (n_parameters,) or (n_parameters, r)."""
        inner = self.penalty.hessian_product(self.map.inverse(w), self.map.inverse_direction(v))
        return self.factor * self.map.push_forward(inner)

    def tensor(self, w: Array, order: int, where: Ints) -> Array:
        """Those of the penalty at v, with T^-1 on each axis. See :meth:`Penalty.tensor`."""
        rows, columns = self.map.inverse_columns(where)
        found = self.factor * self.penalty.tensor(self.map.inverse(w), order, rows)
        for _ in range(order):  # the first axis goes to the end each time
            found = np.tensordot(found, columns, axes=(0, 0))
        return found

    def kinks(self, w: Array) -> tuple[str, ...]:
        """Those of the penalty at v."""
        return self.penalty.kinks(self.map.inverse(w))
