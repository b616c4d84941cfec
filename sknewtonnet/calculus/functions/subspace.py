"""An objective on an affine subspace of its parameters."""

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.pieces.function import EmbeddedFunction, SmoothFunction


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

    def gradient(self, u: Array) -> Array:
        """Gradient, B' grad f."""
        return self.basis.T @ self.objective.gradient(self.expand(u))

    def hessian(self, u: Array, kind: str = "exact") -> Array:
        """Hessian, B' H B."""
        return self.basis.T @ self.objective.hessian(self.expand(u), kind) @ self.basis

    def hessian_product(self, u: Array, v: Array, kind: str = "exact") -> Array:
        """Hessian times v, B' (H (B v))."""
        w = self.expand(u)
        return self.basis.T @ self.objective.hessian_product(w, self.basis @ v, kind)

    def kinks(self, u: Array) -> tuple[str, ...]:
        """Those of f."""
        return self.objective.kinks(self.expand(u))

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
