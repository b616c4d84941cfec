"""Lanczos iterations: what a symmetric matrix H does, from products with it alone.

From a start v of unit length, k products give orthonormal columns Q with Q'HQ = T tridiagonal
and Q e_1 = v. The eigenvalues t of T (Ritz values) approach the extreme ones of H from inside, and
with the squared first entries u^2 of its eigenvectors

    v' F(H) v = sum_j u_j^2 F(t_j)

for every polynomial F of degree up to 2 k - 1: Gauss quadrature for the spectrum as v sees it
(Golub and Welsch 1969; Golub and Meurant 2010, chapter 4). The mean over random starts is the
trace of F(H) over the number of parameters (Ubaru, Chen and Saad 2017).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import eigh_tridiagonal
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from sknewtonnet._typing import Array

# What is left of a new direction, relative to the largest entry of T, where v has met all of the
# eigenvectors that it is made of.
_NOTHING = 1e-12


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
