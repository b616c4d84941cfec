"""The objective as a function of all parameters but those of the output layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import LinAlgError

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.functions.output_layer import ConvexOutput, LeastSquaresOutput
from sknewtonnet.calculus.pieces.function import (
    PRODUCT_KINDS,
    EmbeddedFunction,
    SmoothFunction,
    may_overflow,
)
from sknewtonnet.calculus.pieces.symmetric import symmetric_part
from sknewtonnet.calculus.pieces.validation import same_point


class ReducedObjective(EmbeddedFunction):
    """Variable projection: u -> min over v of f(u, v), with v the output layer.

    Under squared error and a penalty the best output layer v(u) for given hidden layers u is
    the solution of a ridge regression; under other convex losses Newton's method finds it. What
    is left has the same minima, in fewer parameters and far better conditioned:

        F(u) = f(u, v(u)),   grad F = f_u,   D2 F = f_uu - f_uv f_vv^-1 f_vu

    all at (u, v(u)).

    Parameters
    ----------
    objective : Objective
        The function f; see :meth:`Objective.reduced` for when there is such a form of it.
    network : Network
        Its net.
    output : LeastSquaresOutput or ConvexOutput
        The problem of its last layer.
    solve : callable
        From w and ``output`` to the point w with the best output layer, where f keeps its passes.

    Attributes
    ----------
    n_parameters : int
        Length of u, which is the beginning of w = (u, v).
    product_cost : int
        Products of f that a product takes.

    Notes
    -----
    A value costs a value of f and about n t^2 flops more, for t inputs of the last layer; a
    Hessian one Hessian of f; a product two products of f.

    References
    ----------
    Golub and Pereyra (1973), The differentiation of pseudo-inverses and nonlinear least
    squares problems whose variables separate.
    """

    product_cost = 2
    hessian_kinds = PRODUCT_KINDS

    def __init__(
        self,
        objective: SmoothFunction,
        network: Network,
        output: LeastSquaresOutput | ConvexOutput,
        solve: Callable[[Array, Any], Array],
    ):
        self.objective, self.network = objective, network
        self._output, self._solve = output, solve
        self.n_parameters = network.n_parameters - int(network.exists[-1].sum())
        self._u = np.full(self.n_parameters, np.nan)
        self._w = np.full(objective.n_parameters, np.nan)
        self._finite = False

    def expand(self, u: ArrayLike) -> Array:
        """The point w = (u, v(u)) of f; NaN for v where there is no finite solution."""
        u = np.asarray(u, dtype=float)
        if not same_point(u, self._u):
            self._u = u.copy()
            start = np.concatenate([u, np.zeros(len(self._w) - len(u))])
            try:
                self._w = self._solve(start, self._output)
                self._finite = bool(np.isfinite(self._w).all())
            except LinAlgError:
                self._w = np.concatenate([u, np.full(len(self._w) - len(u), np.nan)])
                self._finite = False
        return self._w.copy()

    def restrict(self, w: ArrayLike) -> Array:
        """All but the output layer of w."""
        return np.asarray(w, dtype=float)[: self.n_parameters]

    def value(self, u: ArrayLike) -> float:
        """F(u); infinite where a hidden layer is not finite."""
        w = self.expand(u)
        return self.objective.value(w) if self._finite else np.inf

    def gradient(self, u: ArrayLike) -> Array:
        """Gradient of F, of shape (n_parameters,)."""
        w = self.expand(u)
        if not self._finite:
            return np.full(self.n_parameters, np.nan)
        return self.objective.gradient(w)[: self.n_parameters]

    @may_overflow
    def hessian(self, u: ArrayLike, kind: str = "exact") -> Array:
        """Second derivatives of F.

        Parameters
        ----------
        u : array of shape (n_parameters,)
            The point.
        kind : {"exact", "gauss-newton"}, default="exact"
            Of f, from which those of F are formed.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
        """
        H, n = self.objective.hessian(self.expand(u), kind), self.n_parameters
        mixed = H[:n, n:]
        reduced: Array = H[:n, :n] - mixed @ self._divide(mixed.T)
        return symmetric_part(reduced)

    @may_overflow
    def hessian_product(self, u: ArrayLike, v: ArrayLike, kind: str = "exact") -> Array:
        """Hessian of F times vectors, of shape (n_parameters,) or (n_parameters, r)."""
        w, n = self.expand(u), self.n_parameters
        direction = np.asarray(v, dtype=float)
        full = np.zeros((len(w), *direction.shape[1:]))
        full[:n] = direction
        first = self.objective.hessian_product(w, full, kind)
        full[:n], full[n:] = 0.0, -self._divide(first[n:])
        return first[:n] + self.objective.hessian_product(w, full, kind)[:n]

    def block_positions(self) -> list[Ints] | None:
        """Those of f, but for the output layer."""
        found = self.objective.block_positions()
        return None if found is None else found[:-1]

    def hessian_blocks(self, u: ArrayLike, kind: str = "block") -> list[Array]:
        """Blocks of f_uu, an upper bound of D2 F; see :meth:`Objective.hessian_blocks`."""
        return self.objective.hessian_blocks(self.expand(u), kind)[:-1]

    def why_not_finite(self, u: Array) -> str:
        """That of f, or that there is no finite output layer."""
        w = self.expand(u)
        if not self._finite:
            return "the best output layer is not finite"
        return self.objective.why_not_finite(w)

    def scale(self) -> float | None:
        """That of f."""
        return self.objective.scale()

    def _divide(self, columns: Array) -> Array:
        """Inverse of f_vv times columns, of shape (n_v,) or (n_v, r)."""
        layout, shape = self.network.layout, self.network.exists[-1].shape
        zeros = np.zeros((self.n_parameters, *columns.shape[1:]))
        full = layout.expand(np.concatenate([zeros, columns]))
        last = full[-shape[0] * shape[1] :]
        matrices = last.reshape(*shape, *columns.shape[1:])
        last[...] = self._output.divide(matrices).reshape(last.shape)
        return layout.restrict(full)[self.n_parameters :]
