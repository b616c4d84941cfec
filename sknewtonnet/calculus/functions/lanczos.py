"""Lanczos iterations: what a symmetric matrix H does, from products with it alone.

From a start v of unit length, k products give orthonormal columns Q with Q'HQ = T tridiagonal
and Q e_1 = v. The eigenvalues t of T (Ritz values) approach the extreme ones of H from inside, and
with the squared first entries u^2 of its eigenvectors

    v' F(H) v = sum_j u_j^2 F(t_j)

for every polynomial F of degree up to 2 k - 1: Gauss quadrature for the spectrum as v sees it
(Golub and Welsch 1969; Golub and Meurant 2010, chapter 4). The mean over random starts is the
trace of F(H) over the number of parameters (Ubaru, Chen and Saad 2017).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import eigh, eigh_tridiagonal
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from sknewtonnet._typing import Array

# What is left of a new direction, relative to the largest entry of T, where v has met all of the
# eigenvectors that it is made of.
_NOTHING = 1e-12

# Parameters that a restart works on at a time.
_COLUMNS = 4096


@dataclass(frozen=True, eq=False)
class Ritz:
    """Ritz values and weights of a start.

    Attributes
    ----------
    values : ndarray of shape (n_steps,)
        Eigenvalues t of T, in increasing order.
    weights : ndarray of shape (n_steps,)
        Squared first entries u^2 of its eigenvectors; they sum to one.
    """

    values: Array
    weights: Array
    _basis: Array = field(repr=False)
    _vectors: Array = field(repr=False)

    def vector(self, number: int) -> Array:
        """The direction of a Ritz value, of unit length.

        Parameters
        ----------
        number : int
            Its place among ``values``.

        Returns
        -------
        ndarray of shape (n_parameters,)
        """
        return np.asarray(self._vectors[number] @ self._basis)


def lanczos(product: Callable[[Array], Array], start: Array, n_steps: int) -> Ritz:
    """Ritz values of a symmetric matrix, seen from a start.

    Parameters
    ----------
    product : callable
        From a vector to H times it.
    start : ndarray of shape (n_parameters,)
        Any vector but 0.
    n_steps : int
        Products at most, k; fewer where the start meets fewer eigenvectors.

    Returns
    -------
    Ritz

    Notes
    -----
    k products, 4 k^2 P flops, and k P numbers: each new direction is made orthogonal to all before
    it, twice, so that no Ritz value appears again as a ghost.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus.functions.lanczos import lanczos
    >>> seen = lanczos(lambda v: np.array([1.0, 3.0]) * v, np.array([1.0, 1.0]), 5)
    >>> seen.values.round(6).tolist(), seen.weights.round(6).tolist()
    ([1.0, 3.0], [0.5, 0.5])
    """
    n_steps = min(n_steps, len(start))
    basis = np.empty((n_steps, len(start)))
    diagonal, beside = np.empty(n_steps), np.empty(n_steps)
    basis[0] = start / np.linalg.norm(start)
    n_found = n_steps
    for k in range(n_steps):
        along = product(basis[k])
        diagonal[k] = basis[k] @ along
        seen = basis[: k + 1]
        for _ in range(2):
            along = along - seen.T @ (seen @ along)
        beside[k] = _length(along)
        largest = max(np.abs(diagonal[: k + 1]).max(), beside[:k].max(initial=0.0))
        if k + 1 == n_steps or not beside[k] > _NOTHING * largest:
            n_found = k + 1
            break
        basis[k + 1] = along / beside[k]
    values, vectors = eigh_tridiagonal(diagonal[:n_found], beside[: n_found - 1])
    return Ritz(values, vectors[0] ** 2, basis[:n_found], vectors.T)


class KrylovSpace:
    """The extreme eigenvalues of a symmetric matrix, better known with each product.

    Orthonormal columns Q with H Q = Q T + r e_k', T = Q'HQ. A Ritz value t, an eigenvalue of T
    with vector s, is the curvature along Q s, so that the lowest eigenvalue is at most the lowest
    of them; the residual |H Q s - t Q s| is |r| |s_k|, and an eigenvalue of H is as near to t as
    that. When there are as many columns as may be kept, those of the extreme Ritz values begin
    the next (thick restart: Wu and Simon 2000).

    Parameters
    ----------
    product : callable
        From a vector to H times it.
    start : ndarray of shape (n_parameters,)
        Any vector but 0.
    n_kept : int
        Columns at most, 10 or more, or as many as there are parameters.

    Attributes
    ----------
    n_products : int
        Products so far; each costs 4 k P flops beside itself.
    is_complete : bool
        Whether H takes the space into itself: more products say nothing more.
    is_finite : bool
        False once a product was not; it has been left out.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus.functions.lanczos import KrylovSpace
    >>> diagonal = np.arange(1.0, 201.0)
    >>> space = KrylovSpace(lambda v: diagonal * v, np.ones(200), n_kept=20)
    >>> space.extend(150)
    >>> values, residuals = space.ends
    >>> values.round(3).tolist(), bool(residuals.max() < 1e-3)
    ([1.0, 200.0], True)
    """

    def __init__(self, product: Callable[[Array], Array], start: Array, n_kept: int):
        n_kept = min(n_kept, len(start))
        self._product = product
        self._basis = np.empty((n_kept, len(start)))
        self._T = np.zeros((n_kept, n_kept))
        self._size, self._rest, self._beside = 0, start, 0.0
        self.n_products = 0
        self.is_complete, self.is_finite = not start.any(), True
        self._ritz = np.empty(0), np.empty((0, 0))

    def extend(self, n_products: int) -> None:
        """More products, unless they say nothing more, and the Ritz values that they give."""
        for _ in range(n_products):
            if self.is_complete or not self.is_finite:
                break
            if self._size == len(self._basis):
                self._ritz = eigh(self._T, check_finite=False)
                self._restart()
            self._add()
        used = self._T[: self._size, : self._size]
        self._ritz = eigh(used, check_finite=False) if self._size else self._ritz

    @property
    def ends(self) -> tuple[Array, Array]:
        """The lowest and the highest Ritz value, and their residuals; NaN without products."""
        values, vectors = self._ritz
        if not len(values):
            return np.full(2, np.nan), np.full(2, np.nan)
        return values[[0, -1]], self._beside * np.abs(vectors[-1, [0, -1]])

    @property
    def vectors(self) -> Array:
        """The directions of both, of shape (n_parameters, 2)."""
        _, vectors = self._ritz
        return self._basis[: self._size].T @ vectors[:, [0, -1]]

    def _add(self) -> None:
        """One more column and row of T: the next direction, and what H does to it."""
        k, direction = self._size, self._rest / _length(self._rest)
        along = self._product(direction)
        self.n_products += 1
        if not np.isfinite(along).all():
            self.is_finite = False
            return
        self._basis[k] = direction
        parts = np.zeros(k + 1)
        # The recurrence takes off nearly all of it, and one pass over all directions the rest.
        for first in (max(k - 1, 0), 0):
            seen = self._basis[first : k + 1]
            part = seen @ along
            along = along - part @ seen
            parts[first:] += part
        self._T[k, : k + 1] = self._T[: k + 1, k] = parts
        self._size, self._rest, self._beside = k + 1, along, _length(along)
        largest = float(np.abs(self._T[: k + 1, : k + 1]).max())
        if k + 1 == len(along) or not self._beside > _NOTHING * largest:
            self.is_complete, self._beside = True, 0.0

    def _restart(self) -> None:
        """Keep the directions of the lowest Ritz values, a third of all, and of the highest."""
        values, vectors = self._ritz
        chosen = np.r_[: max(self._size // 3, 1), self._size - 2 : self._size]
        for at in range(0, self._basis.shape[1], _COLUMNS):
            part = self._basis[:, at : at + _COLUMNS]
            part[: len(chosen)] = vectors[:, chosen].T @ part
        self._size = len(chosen)
        self._T[...] = 0.0
        self._T[: self._size, : self._size] = np.diag(values[chosen])


def _length(v: Array) -> float:
    """The norm, also where squares leave the range of doubles."""
    size = float(np.abs(v).max())
    return size * float(np.linalg.norm(v / size)) if 0.0 < size < np.inf else size


def extreme_pairs(
    product: Callable[[Array], Array],
    start: Array,
    which: str,
    n: int = 1,
    *,
    tol: float,
    max_iter: int,
    moved: tuple[Array, float] | None = None,
) -> tuple[Array, Array] | None:
    """The eigenvalues at one end of a symmetric matrix, with their vectors, by ARPACK.

    Parameters
    ----------
    product : callable
        From a vector to H times it.
    start : ndarray of shape (n_parameters,)
        Where the iterations begin.
    which : {"SA", "LA", "LM"}
        The lowest, the highest, or the largest in absolute value.
    n : int, default=1
        How many.
    tol : float
        Relative accuracy: the residual of a pair over its eigenvalue.
    max_iter : int
        Restarts at most.
    moved : tuple of ndarray of shape (n_parameters, n_moved) and float, default=None
        Orthonormal directions that do not count, and by how much their eigenvalues are moved, so
        that they lie at the other end.

    Returns
    -------
    values : ndarray of shape (n,)
        In increasing order.
    vectors : ndarray of shape (n_parameters, n)
        Of unit length; or None in place of both if the iterations do not converge.
    """

    def matvec(v: Array) -> Array:
        v = v.ravel()
        if moved is None:
            return product(v)
        directions, shift = moved
        return product(v) + shift * (directions @ (directions.T @ v))

    H = LinearOperator((len(start), len(start)), matvec=matvec, dtype=float)
    try:
        values, vectors = eigsh(H, k=n, which=which, tol=tol, maxiter=max_iter, v0=start)
    except ArpackNoConvergence:
        return None
    order = np.argsort(values)
    return values[order], vectors[:, order]
