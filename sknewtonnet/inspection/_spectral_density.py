"""The density of the eigenvalues of a symmetric matrix, all known or from random starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Real

import numpy as np

from sknewtonnet._tables import Worded, counted
from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.lanczos import lanczos
from sknewtonnet.calculus.pieces.validation import real_array

# Points of the grid, and the width of a smooth eigenvalue as a part of the range of all.
_POINTS, _WIDTH = 256, 0.01


@dataclass(frozen=True, eq=False, repr=False)
class SpectralDensity(Worded):
    """How the eigenvalues of a matrix are distributed.

    Each random start v of unit length gives nodes t_j and weights u_j^2 by Lanczos iterations,
    with v' F(H) v = sum_j u_j^2 F(t_j) for polynomials F of degree up to 2 n_steps - 1. Its
    expectation is the mean of F over the eigenvalues (stochastic Lanczos quadrature, Ubaru, Chen
    and Saad 2017), and the spread over starts gives its standard error. Where all eigenvalues are
    known, they are the nodes of a single start, with equal weights and without error.

    Parameters
    ----------
    nodes, weights : ndarray of shape (n_probes, n_steps)
        Ritz values and their weights, which sum to one for each start; where a start has met fewer
        eigenvectors, the weights of the rest are 0.
    n_eigenvalues : int
        Eigenvalues of the matrix, those along which a function never changes left out.

    Attributes
    ----------
    grid : ndarray of shape (256,)
        Evenly spaced eigenvalues, a little beyond the extreme ones.
    values, errors : ndarray of shape (256,)
        The density there, which integrates to one, with standard errors; each eigenvalue counts as
        a normal density whose standard deviation is a hundredth of the range of all.

    See Also
    --------
    spectrum : Eigenvalues of a Hessian; ``density`` is one of these.
    sknewtonnet.display.SpectrumDisplay : The same as a picture.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.inspection import spectrum
    >>> density = spectrum(np.diag([3.0, 1.0, -2.0])).density
    >>> density.total(lambda t: t)  # the trace, exactly, as all eigenvalues are known
    (2.0, 0.0)
    >>> grid = np.linspace(-3.0, 4.0, 701)
    >>> round(float(density.at(grid)[0].sum() * 0.01), 3)  # it integrates to one
    1.0
    """

    nodes: Array = field(repr=False)
    weights: Array = field(repr=False)
    n_eigenvalues: int

    def _in_words(self) -> str:
        return f"of {counted(self.n_eigenvalues, 'eigenvalue')}"

    @classmethod
    def of_eigenvalues(cls, eigenvalues: Array) -> SpectralDensity:
        """Make it from all eigenvalues.

        Parameters
        ----------
        eigenvalues : ndarray of shape (n_eigenvalues,)
            The eigenvalues.

        Returns
        -------
        SpectralDensity
            With a single start.
        """
        size = len(eigenvalues)
        return cls(eigenvalues[None], np.full((1, size), 1.0 / max(size, 1)), size)

    @classmethod
    def from_products(
        cls,
        product: Callable[[Array], Array],
        constant: Array,
        n_probes: int,
        n_steps: int,
        random_state: np.random.Generator,
    ) -> SpectralDensity:
        """Make it from products alone.

        Parameters
        ----------
        product : callable
            From a vector to H times it.
        constant : ndarray of shape (n_parameters, n_constant)
            Orthonormal null directions that do not count.
        n_probes : int
            Random starts.
        n_steps : int
            Products for each of them.
        random_state : Generator
            Where starts are drawn.

        Returns
        -------
        SpectralDensity
            With ``n_probes`` starts.
        """
        size, n_constant = constant.shape
        nodes = np.zeros((n_probes, n_steps))
        weights = np.zeros_like(nodes)
        for probe in range(n_probes):
            draw = random_state.standard_normal((size, 1))
            start = (draw - constant @ (constant.T @ draw)).ravel()
            seen = lanczos(product, start, min(n_steps, size - n_constant))
            found = len(seen.values)
            nodes[probe, :found], weights[probe, :found] = seen.values, seen.weights
            nodes[probe, found:] = seen.values[-1]
        return cls(nodes, weights, size - n_constant)

    def average(self, function: Callable[[Array], Array]) -> tuple[float, float]:
        """Mean of a function over the eigenvalues, and its standard error.

        Parameters
        ----------
        function : callable
            From an array of eigenvalues to one of the same shape.

        Returns
        -------
        mean : float
            The mean.
        standard_error : float
            Its standard error; 0 where all eigenvalues are known.
        """
        if not callable(function):
            raise TypeError(f"function must be a function of eigenvalues, got {function!r}.")
        each = (self.weights * function(self.nodes)).sum(axis=1)
        return float(each.mean()), float(_error(each))

    def total(self, function: Callable[[Array], Array]) -> tuple[float, float]:
        """Sum of a function over the eigenvalues, and its standard error.

        Parameters
        ----------
        function : callable
            Such as ``lambda t: t`` for the trace of H, ``np.square`` for that of its square.

        Returns
        -------
        total : float
            The sum.
        standard_error : float
            Its standard error; 0 where all eigenvalues are known.
        """
        mean, error = self.average(function)
        return self.n_eigenvalues * mean, self.n_eigenvalues * error

    def at(self, grid: Array, width: float | None = None) -> tuple[Array, Array]:
        """The density on a grid.

        Parameters
        ----------
        grid : ndarray of shape (n_points,)
            Eigenvalues.
        width : float, default=None
            Standard deviation of the normal density that an eigenvalue counts as; a hundredth of
            the range of all of them if None.

        Returns
        -------
        values : ndarray of shape (n_points,)
            The density.
        errors : ndarray of shape (n_points,)
            Its standard errors.

        Raises
        ------
        ValueError
            If ``width`` is no positive number, or ``grid`` no array of numbers.
        """
        grid = np.atleast_1d(real_array("grid", grid))
        if width is None:
            width = self.width
        elif not isinstance(width, Real) or isinstance(width, bool) or not 0.0 < width < np.inf:
            raise ValueError(f"width must be a positive number, got {width!r}.")
        off = (grid[:, None, None] - self.nodes) / width
        each = (self.weights * np.exp(-0.5 * off**2)).sum(axis=2) / (width * np.sqrt(2.0 * np.pi))
        return each.mean(axis=1), _error(each.T)

    @property
    def width(self) -> float:
        """The standard deviation by default; that of a single eigenvalue is 1e-3 of its size."""
        span = float(np.ptp(self.nodes)) if self.nodes.size else 0.0
        size = float(np.abs(self.nodes).max(initial=0.0))
        return _WIDTH * span if span > 1e-6 * size else 1e-3 * size or 1.0

    @cached_property
    def grid(self) -> Array:
        """Evenly spaced eigenvalues."""
        if not self.nodes.size:
            return np.linspace(-1.0, 1.0, _POINTS)
        beyond = 4.0 * self.width
        return np.linspace(self.nodes.min() - beyond, self.nodes.max() + beyond, _POINTS)

    @cached_property
    def _on_grid(self) -> tuple[Array, Array]:
        return self.at(self.grid)

    @property
    def values(self) -> Array:
        """The density on the grid."""
        return self._on_grid[0]

    @property
    def errors(self) -> Array:
        """Its standard errors."""
        return self._on_grid[1]


def _error(each: Array) -> Array:
    """Standard error of a mean over starts; 0 where there is nothing random."""
    if len(each) < 2:
        return np.zeros(each.shape[1:])
    return np.asarray(each.std(axis=0, ddof=1) / np.sqrt(len(each)))
