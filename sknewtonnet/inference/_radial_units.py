"""Centres and covariances of radial units, from the parameters that a fit has free."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus import ParameterLayout
from sknewtonnet.inference._reported import Reported


@dataclass(frozen=True, eq=False)
class RadialUnits:
    """What radial units look like, with standard errors by the delta method.

    Attributes
    ----------
    centers, centers_se : ndarray of shape (n_centers, n_features)
        Centres, and their standard errors.
    covariances, covariances_se : ndarray of shape (n_centers,), (n_centers, n_features) or \
            (n_centers, n_features, n_features)
        Variances or matrices, as the fitted attribute ``covariances_``, and their errors.
    widths, widths_se : ndarray of shape (n_centers,) or (n_centers, n_features)
        Square roots of the variances, and their errors.
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
    centers, factors : ndarray of int
        For each entry of the arrays "centers" and "precisions_cholesky" its place, -1 for zeros.
    """

    centers: Ints
    factors: Ints

    @classmethod
    def of(cls, layout: ParameterLayout, reported: Reported) -> "RadialShape":
        """Find them by their names; raises ValueError if the net has none."""
        if "precisions_cholesky" not in layout.shapes:
            raise ValueError("the net has no radial units.")
        place = {name: number for number, name in enumerate(reported.names)}
        numbers = layout.unpack(np.arange(1.0, layout.n_parameters + 1.0))
        names = ["", *layout.names]
        centers, factors = (
            np.array([place.get(names[int(k)], -1) for k in numbers[array].ravel()]).reshape(
                numbers[array].shape
            )
            for array in ("centers", "precisions_cholesky")
        )
        return cls(centers, factors)

    def values(self, theta: NDArray[Any]) -> NDArray[Any]:
        """Centres, covariances and widths, one after the other; theta may be complex."""
        padded = np.r_[theta, 0.0]
        free = padded[self.factors]
        if free.ndim < 3:
            variances = np.exp(-2.0 * free)
            parts = [padded[self.centers], variances, np.exp(-free)]
        else:
            diagonal = np.eye(free.shape[1], dtype=bool)
            U = np.where(diagonal, np.exp(np.where(diagonal, free, 0.0)), free)
            matrices = np.linalg.inv(U @ U.swapaxes(1, 2))
            parts = [padded[self.centers], matrices, np.sqrt(np.einsum("kpp->kp", matrices))]
        return np.concatenate([part.ravel() for part in parts])

    def units(self, values: Array, errors: Array) -> RadialUnits:
        """The record, from flat values and their standard errors."""
        shapes = [self.centers.shape, self.factors.shape, self.factors.shape[:2]]
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
        found = [
            [part.reshape(shape) for part, shape in zip(np.split(a, ends), shapes, strict=True)]
            for a in (values, errors)
        ]
        (centers, covariances, widths), (centers_se, covariances_se, widths_se) = found
        return RadialUnits(centers, centers_se, covariances, covariances_se, widths, widths_se)
