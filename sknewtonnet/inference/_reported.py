"""The parameters that inference reports: those of a net, or contrasts of classes."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import Network
from sknewtonnet.calculus.pieces.affine_map import AffineMap


@dataclass(frozen=True, eq=False)
class Reported:
    """Linear functions of a net's parameters, with names.

    Attributes
    ----------
    names : list of str
        Their names.
    matrix : ndarray of shape (n_reported, n_parameters), or None
        Their coefficients; None where they are the parameters themselves.
    map : AffineMap, default=None
        From the parameters of the minimum to those of the net, if these have other units.
    """

    names: list[str]
    matrix: Array | None
    map: AffineMap | None = None

    @classmethod
    def of(
        cls, network: Network, shift_invariant: bool, map: AffineMap | None = None
    ) -> "Reported":
        """The parameters; of a softmax output layer the differences to the first class.

        K logits are known up to a common shift only, their K - 1 differences are what the data
        tell of. A row of the last layer of which a connection is missing stays as it is.
        """
        names = network.layout.names
        if not shift_invariant:
            return cls(list(names), None, map)
        reference: dict[int, int] = {}
        for row in network.positions[-1]:
            if (row >= 0).all():
                reference.update(dict.fromkeys(row.tolist(), int(row[0])))
        first = network.output_names[0]
        rows, labels = [], []
        for j, name in enumerate(names):
            base = reference.get(j)
            if base == j:
                continue
            row = np.zeros(network.n_parameters)
            row[j] = 1.0
            if base is not None:
                row[base] = -1.0
                name = f"{name[:-1]} - {first}]"
            rows.append(row)
            labels.append(name)
        return cls(labels, np.array(rows), map)

    def values(self, params: Array) -> Array:
        """The reported parameters at a point."""
        w = params.copy() if self.map is None else self.map.forward(params)
        return w if self.matrix is None else self.matrix @ w

    def covariance(self, covariance: Array) -> Array:
        """Their covariance, from that of the net's parameters."""
        if self.matrix is None and self.map is None:
            return covariance
        return self.coefficients @ covariance @ self.coefficients.T

    def rows(self, R: Array) -> Array:
        """Linear functions of the reported parameters as functions of those of the minimum."""
        if self.matrix is None and self.map is None:
            return R
        return np.asarray(R @ self.coefficients)

    def limits(self, R: Array, r: Array) -> Array:
        """What rows(R) v is where R times the reported parameters is r."""
        if self.map is None:
            return r
        return np.asarray(r - R @ (self.contrasts @ self.map.offset))

    @cached_property
    def contrasts(self) -> Array:
        """The matrix, written out."""
        return np.eye(len(self.names)) if self.matrix is None else self.matrix

    @cached_property
    def coefficients(self) -> Array:
        """Coefficients of the parameters of the minimum, whatever their units."""
        if self.map is None:
            return self.contrasts
        return np.asarray(self.contrasts @ self.map.matrix)
