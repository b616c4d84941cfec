"""Centres and covariances of radial units, from the parameters that a fit has free."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus import Network
from sknewtonnet.calculus.pieces.gaussian import radial_layer
from sknewtonnet.calculus.pieces.gaussian_forms import GaussianForm
from sknewtonnet.inference._reported import Reported


@dataclass(frozen=True, eq=False)
class RadialUnits:
    """Centres, covariances and widths of radial units, with standard errors by the delta method.

    :meth:`InferenceResults.radial_units` makes it.

    Attributes
    ----------
    centers, centers_se : ndarray of shape (n_centers, n_features)
        Centres, in the units of the inputs, and their standard errors.
    covariances, covariances_se : ndarray of shape (n_centers,), (n_centers, n_features) or \
            (n_centers, n_features, n_features)
        Variances or matrices, as the fitted attribute ``covariances_``, and their
        standard errors.
    widths, widths_se : ndarray of shape (n_centers,) or (n_centers, n_features)
        Square roots of the variances, and their standard errors.
    """

    centers: Array
    centers_se: Array
    covariances: Array
    covariances_se: Array
    widths: Array
    widths_se: Array


@dataclass(frozen=True, eq=False)
class RadialShape:
    """Where the parameters of radial units are among those that are reported.

    Attributes
    ----------
    form : GaussianForm
        The form of their covariances.
    centers, factors : ndarray of int
        For each entry of the arrays "centers" and "precisions_cholesky" its place, -1 for zeros.
    """

    form: GaussianForm
    centers: Ints
    factors: Ints

    @classmethod
    def of(cls, network: Network, reported: Reported) -> "RadialShape":
        """Find them by their names; raises ValueError if the net has none."""
        layout = network.layout
        form = radial_layer(network.layers).form
        number = {name: k for k, name in enumerate(reported.names)}
        # -1 for parameters that are not reported, and for entries that do not exist.
        where = np.array([number.get(name, -1) for name in layout.names] + [-1])
        centers, factors = layout.places("centers"), layout.places("precisions_cholesky")
        return cls(form, where[centers], where[factors])

    def values(self, theta: NDArray[Any]) -> NDArray[Any]:
        """Centres, covariances and widths, one after the other; theta may be complex."""
        return np.concatenate([part.ravel() for part in self._parts(theta)])

    def _parts(self, theta: NDArray[Any]) -> list[NDArray[Any]]:
        padded = np.r_[theta, 0.0]
        centers = padded[self.centers]
        n_features = centers.shape[1]
        free = self.form.free(padded[self.factors], n_features)
        shapes = self.form.shapes(free, n_features)
        return [centers, shapes.covariances, shapes.widths]

    def units(self, values: Array, errors: Array) -> RadialUnits:
        """The record, from flat values and their standard errors."""
        size = 1 + max(int(self.centers.max()), int(self.factors.max()))
        shapes = [part.shape for part in self._parts(np.zeros(size))]
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
        found = [
            [part.reshape(shape) for part, shape in zip(np.split(a, ends), shapes, strict=True)]
            for a in (values, errors)
        ]
        (centers, covariances, widths), (centers_se, covariances_se, widths_se) = found
        return RadialUnits(centers, centers_se, covariances, covariances_se, widths, widths_se)
