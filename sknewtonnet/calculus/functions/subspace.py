"""An objective on an affine subspace of its parameters, or in other coordinates."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.linalg import orth

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.functions.output_parts import EmbeddedParts
from sknewtonnet.calculus.pieces.affine_map import AffineMap
from sknewtonnet.calculus.pieces.function import (
    Block,
    EmbeddedFunction,
    SmoothFunction,
    may_overflow,
)
from sknewtonnet.calculus.pieces.symmetric import symmetric_part


class AffineObjective(EmbeddedFunction):
    """A function g(u) = f(origin + B u) with the derivatives that f has, for any solver.

    Parameters
    ----------
    objective : SmoothFunction
        The function f.
    origin : ndarray of shape (n_full,)
        A point of the subspace.
    basis : ndarray of shape (n_full, n_parameters)
        B, with orthonormal columns.
    """

    def __init__(self, objective: SmoothFunction, origin: Array, basis: Array):
        self.objective, self.origin, self.basis = objective, origin, basis
        self.n_parameters = basis.shape[1]
        self.hessian_kinds = objective.hessian_kinds
        self.product_cost = objective.product_cost

    def expand(self, u: Array) -> Array:
        """The point of f that belongs to u."""
        return self.origin + self.basis @ u

    def restrict(self, w: Array) -> Array:
        """Coordinates of the point of the subspace that is nearest to w."""
        return self.basis.T @ (w - self.origin)

    def value(self, u: Array) -> float:
        """The function at u."""
        return self.objective.value(self.expand(u))

    @may_overflow
    def gradient(self, u: Array) -> Array:
        """Gradient, B' grad f."""
        return self.basis.T @ self.objective.gradient(self.expand(u))

    @may_overflow
    def hessian(self, u: Array, kind: str = "exact") -> Array:
        """Hessian, B' H B."""
        H = self.objective.hessian(self.expand(u), kind)
        return symmetric_part(self.basis.T @ H @ self.basis)

    @may_overflow
    def hessian_product(self, u: Array, v: Array, kind: str = "exact") -> Array:
        """Hessian times v, B' (H (B v))."""
        w = self.expand(u)
        return self.basis.T @ self.objective.hessian_product(w, self.basis @ v, kind)

    def kinks(self, u: Array) -> tuple[str, ...]:
        """Those of f."""
        return self.objective.kinks(self.expand(u))

    def why_not_finite(self, u: Array) -> str:
        """That of f."""
        return self.objective.why_not_finite(self.expand(u))

    def has_second_derivatives(self) -> bool:
        """Whether f has."""
        return self.objective.has_second_derivatives()

    def scale(self) -> float | None:
        """That of f."""
        return self.objective.scale()

    def invariant_directions(self) -> Array:
        """Those directions along which f is constant that lie in the subspace."""
        directions = self.objective.invariant_directions()
        inside = self.basis.T @ directions
        whole = np.abs((inside**2).sum(axis=0) - 1.0) < 1e-12
        return inside[:, whole]

    def output_parts(self) -> EmbeddedParts | None:
        """Those of f, on the subspace."""
        parts, B = self.objective.output_parts(), self.basis
        if parts is None:
            return None
        return EmbeddedParts(parts, self.expand, lambda v: B @ v, lambda g: B.T @ g)

    def batches(self, n_batches: int, rng: np.random.Generator) -> list[Block] | None:
        """Those of f, on the subspace."""
        blocks = self.objective.batches(n_batches, rng)
        if blocks is None:
            return None
        return [
            Block(b.share, AffineObjective(b.function, self.origin, self.basis)) for b in blocks
        ]


class MappedObjective(EmbeddedFunction):
    """A function g(v) = f(T v + t) with the derivatives that f has, for any solver.

    A ball of a trust region around v is an ellipsoid around T v + t, so that units of f's
    parameters do not matter.

    Parameters
    ----------
    objective : SmoothFunction
        The function f.
    map : AffineMap
        From v to the parameters of f, T v + t.
    """

    def __init__(self, objective: SmoothFunction, map: AffineMap):
        self.objective, self.map = objective, map
        self.n_parameters = objective.n_parameters
        self.hessian_kinds = objective.hessian_kinds
        self.product_cost = objective.product_cost

    def expand(self, u: Array) -> Array:
        """The point of f that belongs to v."""
        return self.map.forward(u)

    def restrict(self, w: Array) -> Array:
        """The v of a point of f."""
        return self.map.inverse(w)

    def value(self, w: Array) -> float:
        """The function at v."""
        return self.objective.value(self.expand(w))

    @may_overflow
    def gradient(self, w: Array) -> Array:
        """Gradient, T' grad f."""
        return self.map.pull_back(self.objective.gradient(self.expand(w)))

    @may_overflow
    def hessian(self, w: Array, kind: str = "exact") -> Array:
        """Hessian, T' H T."""
        H = self.objective.hessian(self.expand(w), kind)
        return symmetric_part(self.map.pull_back(self.map.pull_back(H).T))

    @may_overflow
    def hessian_product(self, w: Array, v: Array, kind: str = "exact") -> Array:
        """Hessian times directions, T' (H (T v))."""
        along = self.map.matrix @ v
        return self.map.pull_back(self.objective.hessian_product(self.expand(w), along, kind))

    def parameter_names(self) -> tuple[str, ...]:
        """Those of f, whose parameters are the same in other units."""
        return self.objective.parameter_names()

    def block_positions(self) -> list[Ints] | None:
        """Those of f: T maps the parameters of each unit to themselves."""
        return self.objective.block_positions()

    def hessian_blocks(self, w: Array, kind: str = "block") -> list[Array]:
        """Blocks of f, T' B T with the part of T that belongs to each."""
        blocks = self.objective.hessian_blocks(self.expand(w), kind)
        positions = self.block_positions()
        assert positions is not None, "f has blocks"
        T = sparse.csr_array(self.map.matrix)
        for places, stack in zip(positions, blocks, strict=True):
            for j, unit in enumerate(places):
                exists = np.flatnonzero(unit >= 0)
                part = T[unit[exists]][:, unit[exists]]
                own = np.ix_(exists, exists)
                stack[j][own] = symmetric_part(part.T @ (stack[j][own] @ part))
        return blocks

    def kinks(self, w: Array) -> tuple[str, ...]:
        """Those of f."""
        return self.objective.kinks(self.expand(w))

    def why_not_finite(self, w: Array) -> str:
        """That of f."""
        return self.objective.why_not_finite(self.expand(w))

    def has_second_derivatives(self) -> bool:
        """Whether f has."""
        return self.objective.has_second_derivatives()

    def scale(self) -> float | None:
        """That of f."""
        return self.objective.scale()

    def output_parts(self) -> EmbeddedParts | None:
        """Those of f, in the other coordinates."""
        parts, map = self.objective.output_parts(), self.map
        if parts is None:
            return None
        return EmbeddedParts(parts, self.expand, lambda v: map.matrix @ v, map.pull_back)

    def batches(self, n_batches: int, rng: np.random.Generator) -> list[Block] | None:
        """Those of f, in the other coordinates."""
        blocks = self.objective.batches(n_batches, rng)
        if blocks is None:
            return None
        return [Block(b.share, MappedObjective(b.function, self.map)) for b in blocks]

    def invariant_directions(self) -> Array:
        """Those of f, as directions of v."""
        directions = self.objective.invariant_directions()
        return orth(self.map.inverse_direction(directions)) if directions.size else directions
