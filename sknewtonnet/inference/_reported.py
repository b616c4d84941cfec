"""The parameters that inference reports: those of a net, or contrasts of classes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sknewtonnet._tables import Worded, counted
from sknewtonnet._typing import Array
from sknewtonnet.calculus import Network
from sknewtonnet.calculus.pieces.affine_map import AffineMap


@dataclass(frozen=True, eq=False, repr=False)
class Reported(Worded):
    """Linear functions of a net's parameters, with names.

    What is reported of a minimum is not always its parameters: of classes it is the contrasts to
    the first, of standardised columns the weights in the units of the table.

    Parameters
    ----------
    names : list of str
        Their names.
    matrix : ndarray of shape (n_reported, n_parameters), or None
        Their coefficients; None where they are the parameters themselves.
    map : AffineMap, default=None
        From the parameters of the minimum to those of the net, if these have other units.

    See Also
    --------
    InferenceResults : The results, in these terms.
    Rescaled : The objective in the units of the table.

    Examples
    --------
    >>> from sknewtonnet.calculus import Network
    >>> from sknewtonnet.inference import Reported
    >>> Reported.of(Network.mlp(1, (), 3), shift_invariant=True).names[:2]
    ['coefs_0[x0, y1 - y0]', 'coefs_0[x0, y2 - y0]']
    """

    names: list[str]
    matrix: Array | None
    map: AffineMap | None = None

    def _in_words(self) -> str:
        return counted(len(self.names), "parameter")

    @classmethod
    def of(cls, network: Network, shift_invariant: bool, map: AffineMap | None = None) -> Reported:
        """Report the parameters; of a softmax output layer the differences to the first class.

        The data determine K logits up to a common shift only, that is, their K - 1 differences. A
        row of the last layer with a missing connection stays as it is.

        Parameters
        ----------
        network : Network
            The net.
        shift_invariant : bool
            Whether a common shift of all outputs leaves the loss as it is, as with softmax.
        map : AffineMap, default=None
            From the parameters of the minimum to those of the net.

        Returns
        -------
        Reported
            As many functions as the data determine.
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
        """The reported parameters at a point.

        Parameters
        ----------
        params : ndarray of shape (n_parameters,)
            Parameters of the minimum.

        Returns
        -------
        ndarray of shape (n_reported,)
            One for each name.
        """
        w = self.values_of_net(params)
        return w if self.matrix is None else self.matrix @ w

    def values_of_net(self, params: Array) -> Array:
        """The parameters of the net in the units of the table.

        Parameters
        ----------
        params : ndarray of shape (n_parameters,)
            Parameters of the minimum.

        Returns
        -------
        ndarray of shape (n_parameters,)
            The parameters themselves, whatever is reported of them.
        """
        return params.copy() if self.map is None else self.map.forward(params)

    def change(self, moved: Array) -> Array:
        """Map changes of the parameters of the minimum to those of the reported ones.

        Parameters
        ----------
        moved : ndarray of shape (q, n_parameters)
            Changes, a row each.

        Returns
        -------
        ndarray of shape (q, n_reported)
            A row for each change.
        """
        return moved if self.matrix is None and self.map is None else moved @ self.coefficients.T

    def covariance(self, covariance: Array) -> Array:
        """Covariance of the reported parameters.

        Parameters
        ----------
        covariance : ndarray of shape (n_parameters, n_parameters)
            Covariance of the parameters of the minimum.

        Returns
        -------
        ndarray of shape (n_reported, n_reported)
            Symmetric.
        """
        if self.matrix is None and self.map is None:
            return covariance
        with np.errstate(over="ignore", invalid="ignore"):  # squares of extreme units
            return self.coefficients @ covariance @ self.coefficients.T

    def rows(self, R: Array) -> Array:
        """Linear functions of the reported parameters as functions of those of the minimum.

        Parameters
        ----------
        R : ndarray of shape (q, n_reported)
            Their coefficients.

        Returns
        -------
        ndarray of shape (q, n_parameters)
            Coefficients of the parameters of the minimum.
        """
        if self.matrix is None and self.map is None:
            return R
        return np.asarray(R @ self.coefficients)

    def limits(self, R: Array, r: Array) -> Array:
        """Right-hand sides b for which ``rows(R) @ v = b`` says ``R @ values(v) = r``.

        Parameters
        ----------
        R : ndarray of shape (q, n_reported)
            Coefficients of the reported parameters.
        r : ndarray of shape (q,)
            Their values.

        Returns
        -------
        ndarray of shape (q,)
            One for each function.
        """
        if self.map is None:
            return r
        return np.asarray(r - R @ (self.contrasts @ self.map.offset))

    @cached_property
    def contrasts(self) -> Array:
        """The matrix as an array, the identity where it is None.

        Returns
        -------
        ndarray of shape (n_reported, n_parameters)
            In the units of the table.
        """
        return np.eye(len(self.names)) if self.matrix is None else self.matrix

    @cached_property
    def coefficients(self) -> Array:
        """Coefficients of the reported parameters in those of the minimum.

        Returns
        -------
        ndarray of shape (n_reported, n_parameters)
            With the map between units applied.
        """
        if self.map is None:
            return self.contrasts
        return np.asarray(self.contrasts @ self.map.matrix)
