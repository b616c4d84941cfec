"""Units of columns: how a table is standardised, and back.

    z_j = (x_j - m_j) / s_j,        t_o = (y_o - c_o) / d_o

with the weighted means m, c and standard deviations s, d of the columns. The target is
standardised only under losses of differences, such as the squared error.
"""

from dataclasses import dataclass

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import Loss, Network
from sknewtonnet.calculus.functions.constraints import MappedConstraint
from sknewtonnet.calculus.functions.rescaling import rescaling
from sknewtonnet.calculus.pieces.affine_map import AffineMap
from sknewtonnet.solvers import Constraints

# A column whose spread is at the rounding of its mean is constant: it is centred, not scaled.
_ROUNDING = 32.0 * np.finfo(float).eps


@dataclass(frozen=True, eq=False)
class Units:
    """Means and standard deviations of the columns of a table and its target.

    Attributes
    ----------
    shift, scale : ndarray of shape (n_features,)
        Means m and standard deviations s of the inputs; s is 1 for a constant column.
    out_shift, out_scale : ndarray of shape (n_outputs,)
        Those of the target; 0 and 1 where it keeps its units.
    """

    shift: Array
    scale: Array
    out_shift: Array
    out_scale: Array

    @classmethod
    def of(cls, X: Array, Y: Array, weight: Array, of_target: bool) -> "Units":
        """Units of a table and its target, each row counted by its weight."""
        shift, scale = _moments(X, weight)
        if of_target:
            return cls(shift, scale, *_moments(Y, weight))
        n_outputs = Y.shape[1]
        return cls(shift, scale, np.zeros(n_outputs), np.ones(n_outputs))

    @property
    def uncentred(self) -> "Units":
        """The same scales without the shifts, for a net that lacks intercepts."""
        return Units(
            np.zeros_like(self.shift), self.scale, np.zeros_like(self.out_shift), self.out_scale
        )

    def inputs(self, X: Array) -> Array:
        """Standardised inputs."""
        return (X - self.shift) / self.scale

    def targets(self, Y: Array) -> Array:
        """Standardised targets."""
        return (Y - self.out_shift) / self.out_scale


@dataclass(frozen=True, eq=False)
class Original:
    """What a fit of standardised columns is in the units of the table.

    Attributes
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
    def of(cls, network: Network, loss: Loss, units: Units) -> "Original":
        """The same net in the units of the table.

        Columns are not centred if the net lacks an intercept that this needs, and inputs are
        taken as they come by layers that have no :meth:`~sknewtonnet.calculus.Layer.rescaled`.
        """
        zeros, ones = np.zeros_like(units.shift), np.ones_like(units.scale)
        as_they_come = Units(zeros, ones, units.out_shift, units.out_scale)
        nothing = Units(zeros, ones, 0.0 * units.out_shift, np.ones_like(units.out_scale))
        for chosen in (units, units.uncentred, as_they_come, as_they_come.uncentred, nothing):
            found = rescaling(
                network, chosen.shift, chosen.scale, chosen.out_shift, chosen.out_scale
            )
            if found is not None:
                break
        scaled, factor = loss.in_units(chosen.out_scale) if loss.of_differences else (loss, 1.0)
        assert found is not None, "nothing to rescale needs no layer's help"
        return cls(chosen, found[0], scaled, found[1], factor)

    def constraints(self, given: Constraints) -> Constraints:
        """Constraints of the original parameters w = T v + t as constraints of v."""
        T, t = self.map.matrix.tocsr(), self.map.offset
        T.eliminate_zeros()
        alone = np.diff(T.indptr) == 1  # these stay bounds, of the parameter itself
        own = np.where(alone, T.diagonal(), 1.0)
        others = np.flatnonzero(~alone & (np.isfinite(given.lower) | np.isfinite(given.upper)))
        return Constraints(
            np.where(alone, (given.lower - t) / own, -np.inf),
            np.where(alone, (given.upper - t) / own, np.inf),
            np.vstack([T[others].toarray(), given.A @ T]),
            np.r_[(given.lower - t)[others], given.row_lower - given.A @ t],
            np.r_[(given.upper - t)[others], given.row_upper - given.A @ t],
            tuple(MappedConstraint(each, self.map) for each in given.nonlinear),
        )


def _moments(columns: Array, weight: Array) -> tuple[Array, Array]:
    """Weighted means and standard deviations, 1 for constant columns; no column overflows."""
    size = np.abs(columns).max(axis=0, initial=0.0)
    unit = np.where(size > 0.0, size, 1.0)
    share = weight / weight.sum()
    parts = columns / unit
    mean = share @ parts
    spread = np.sqrt(share @ (parts - mean) ** 2)
    constant = spread <= _ROUNDING * np.abs(mean)
    return mean * unit, np.where(constant | (spread * unit == 0.0), 1.0, spread * unit)
