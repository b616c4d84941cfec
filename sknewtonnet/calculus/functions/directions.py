"""A direction in the space of parameters, by the names of its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from sknewtonnet._tables import MOST_ROWS, Report, Shown, Table, fixed
from sknewtonnet._typing import Array
from sknewtonnet.calculus.pieces.validation import check_count

# Weights with less than this share are not worth a name, nor are more than so many.
_SHARE, _MANY = 0.01, 5


@dataclass(frozen=True, eq=False, repr=False)
class Direction(Shown):
    """A direction of unit length and the second derivative along it.

    For an eigenvector of a Hessian it says which weights move together along it: ``str`` names the
    largest shares.

    Parameters
    ----------
    curvature : float
        The number v'Hv; the eigenvalue, of an eigenvector.
    vector : ndarray of shape (n_parameters,)
        The direction v. Its squares are the shares of the weights, which sum to one.
    names : sequence of str
        Names of the parameters.

    See Also
    --------
    spectrum : Eigenvalues and such directions of a Hessian.
    critical_point : The direction of the lowest curvature at a point.
    way_down : How far a function falls along it.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.inspection import Direction
    >>> way = Direction(-2.0, np.array([0.6, 0.0, -0.8]), ("a", "b", "c"))
    >>> {name: round(share, 2) for name, share in way.shares().items()}
    {'c': 0.64, 'a': 0.36}
    >>> print(way)
    curvature -2: c (-) 64 %, a (+) 36 %
    """

    curvature: float
    vector: Array = field(repr=False)
    names: Sequence[str] = field(repr=False)

    def shares(self, n: int | None = None) -> dict[str, float]:
        """Squared entries by name, the largest first.

        Parameters
        ----------
        n : int, default=None
            How many; None for all that are not 0.

        Returns
        -------
        dict of str to float
            The shares, which sum to one where all are asked for.
        """
        if n is not None:
            check_count("n", n)
        squares = self.vector**2
        order = np.argsort(-squares, kind="stable")[:n]
        return {self.names[j]: float(squares[j]) for j in order if squares[j] > 0.0}

    def _in_words(self) -> str:
        return str(self)

    def _report(self) -> Report:
        squares = self.vector**2
        order = np.argsort(-squares, kind="stable")[:MOST_ROWS]
        columns = {"entry": fixed(self.vector[order], 4), "share": fixed(squares[order], 4)}
        table = Table.of({"weight": [self.names[j] for j in order]}, columns)
        return Report(f"Direction of curvature {self.curvature:.4g}", [table])

    @property
    def words(self) -> str:
        """The weights with the largest shares, with their signs, a str."""
        order = np.argsort(-(self.vector**2), kind="stable")[:_MANY]
        told = [j for j in order if self.vector[j] ** 2 >= _SHARE] or list(order[:1])
        return ", ".join(
            f"{self.names[j]} ({'+' if self.vector[j] >= 0.0 else '-'}) "
            f"{100.0 * self.vector[j] ** 2:.0f} %"
            for j in told
        )

    def __str__(self) -> str:
        """The curvature and the weights."""
        return f"curvature {self.curvature:.4g}: {self.words}"
