"""What a fit of standardised columns is in the units of the table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus import Loss, Network
from sknewtonnet.calculus.functions.constraints import MappedConstraint
from sknewtonnet.calculus.functions.standardization import Units, in_units
from sknewtonnet.calculus.pieces.affine_map import AffineMap
from sknewtonnet.solvers import Constraints, Multipliers


@dataclass(frozen=True, eq=False)
class Original:
    """What a fit of standardised columns is in the units of the table.

    Parameters
    ----------
    units : Units
        Of the columns.
    network, loss : Network, Loss
        Those of original columns.
    map : AffineMap
        From the parameters v of the standardised problem to those of the original one.
    factor : float
        The original objective over the standardised one, at points that belong together.
    """

    units: Units
    network: Network
    loss: Loss
    map: AffineMap
    factor: float

    @classmethod
    def of(cls, network: Network, loss: Loss, units: Units) -> Original:
        """The same net in the units of the table, with those of them that it can take."""
        chosen, original, map = in_units(network, units)
        scaled, factor = loss.in_units(chosen.out_scale) if loss.of_differences else (loss, 1.0)
        return cls(chosen, original, scaled, map, factor)

    def constraints(self, given: Constraints) -> Constraints:
        """Constraints of the original parameters w = T v + t as constraints of v."""
        T, t = self.map.matrix.tocsr(), self.map.offset
        alone, own, others = self._bounds(given)
        return Constraints(
            np.where(alone, (given.lower - t) / own, -np.inf),
            np.where(alone, (given.upper - t) / own, np.inf),
            np.vstack([T[others].toarray(), given.A @ T]),
            np.r_[(given.lower - t)[others], given.row_lower - given.A @ t],
            np.r_[(given.upper - t)[others], given.row_upper - given.A @ t],
            tuple(MappedConstraint(each, self.map) for each in given.nonlinear),
        )

    def _bounds(self, given: Constraints) -> tuple[Bools, Array, Ints]:
        """Which bounds stay bounds of a parameter of v, its unit there, and which become rows."""
        T = self.map.matrix.tocsr()
        T.eliminate_zeros()
        alone = np.diff(T.indptr) == 1
        own = np.where(alone, T.diagonal(), 1.0)
        bounded = np.isfinite(given.lower) | np.isfinite(given.upper)
        return alone, own, np.flatnonzero(~alone & bounded)

    def multipliers(self, found: Multipliers, given: Constraints) -> dict[str, Array]:
        """Multipliers of constraints of w, and of the objective in the units of the table."""
        _, own, others = self._bounds(given)
        bounds = found.bounds / own
        rows, linear = np.split(found.linear, [len(others)])
        bounds[others] = rows
        parts = {"bounds": bounds, "linear": linear, "nonlinear": found.nonlinear}
        return {name: self.factor * values for name, values in parts.items()}
