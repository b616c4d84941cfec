"""Blocks of the Hessian between layers whose units have derivatives of their own.

Where a unit's slopes q_j = dp_j/dtheta_j are not just the layer's input (MATHEMATICS 3.3):

    H[(k,j),(l,r)] = sum_i G^{kl}_{jr} q^k_j q^l_r'
                   + [k < l] q^k_j ( delta^l_r d2p^l_r/dtheta dz dz^l/du^k_j )'

one matrix product for each unit j with all units r at once. Gauss-Newton drops the second line.
"""

import numpy as np
from numpy.typing import NDArray

from sknewtonnet.calculus._arrays import Workspace
from sknewtonnet.calculus._factors import Factors
from sknewtonnet.calculus.layers import Wiring

Array = NDArray[np.float64]


class UnitSums:
    """The sums over samples of those blocks.

    Parameters
    ----------
    wiring : Wiring
        The graph of the layers.
    workspace : Workspace
        Where work arrays are.
    """

    def __init__(self, wiring: Wiring, workspace: Workspace):
        self.wiring = wiring
        self.workspace = workspace
        self.found: dict[tuple[int, int], Array] = {}

    def add_own(self, factors: Factors, k: int) -> None:
        """Add a layer with itself: of each unit j with the units r >= j."""
        slopes = factors.local[k].unit_slopes()
        s, t, c = slopes.shape
        total = self._sum(k, k)
        G = factors.G[k, k] if (k, k) in factors.G else factors.symmetric(k)
        for j, own in enumerate(slopes):
            others = np.multiply(G[j, j:, None], slopes[j:], out=self._array((s - j, t, c)))
            total[j, :, j * t :] += own @ others.reshape(-1, c).T

    def add_cross(self, factors: Factors, k: int, other: int) -> None:
        """Add layer k with a later one."""
        slopes, total = factors.local[k].unit_slopes(), self._sum(k, other)
        far, G = factors.local[other].unit_slopes(), factors.G[k, other]
        tangent = None if factors.gauss_newton else factors.input_tangent(other, k)
        linear, delta = self.wiring.linear[other], factors.delta[other]
        if tangent is not None and not linear:
            mixed = factors.mixed_curvature(other)
        for j, own in enumerate(slopes):
            others = self._array(far.shape)
            np.multiply(G[j, :, None], far, out=others)
            if tangent is not None and linear:  # coefficients meet their own inputs
                others[:, :-1] += delta[:, None] * tangent[:, j]
            elif tangent is not None:
                others += np.einsum("rtpi,pi->rti", mixed, tangent[:, j])
            total[j] += own @ others.reshape(-1, own.shape[1]).T

    def write(self, H: Array) -> None:
        """Write all blocks to the dense matrix."""
        for (k, other), total in self.found.items():
            s, t, s2, t2 = self._shape(k, other)
            blocks = total.reshape(s, t, s2, t2)
            if k == other:
                for j in range(s):
                    own = blocks[j, :, j]
                    own[...] = 0.5 * (own + own.T)  # symmetric to the last bit
                    blocks[j + 1 :, :, j] = blocks[j, :, j + 1 :].transpose(1, 2, 0)
            rows, columns = self.wiring.blocks[k], self.wiring.blocks[other]
            upper = H[rows, columns].reshape(t, s, t2, s2)
            upper[...] = blocks.transpose(1, 0, 3, 2)
            if k != other:
                H[columns, rows] = H[rows, columns].T

    def _shape(self, k: int, other: int) -> tuple[int, int, int, int]:
        units, rows = self.wiring.n_units, self.wiring.n_rows
        return units[k], rows[k], units[other], rows[other]

    def _sum(self, k: int, other: int) -> Array:
        if (k, other) not in self.found:
            s, t, s2, t2 = self._shape(k, other)
            self.found[k, other] = np.zeros((s, t, s2 * t2))
        return self.found[k, other]

    def _array(self, shape: tuple[int, ...]) -> Array:
        return self.workspace.array("others", shape[0] * shape[1], shape[2]).reshape(shape)
