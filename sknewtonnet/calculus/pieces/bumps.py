"""Where units start that are large near a centre: the centres, and how wide they are."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from sknewtonnet._typing import Array


def random_bumps(
    n_units: int, center: Array, spread: Array, random_state: np.random.RandomState
) -> tuple[Array, Array]:
    """Normal centres with the mean and the standard deviations of the inputs.

    Parameters
    ----------
    n_units : int
        Number of units, s.
    center, spread : ndarray of shape (n_inputs,)
        Mean and standard deviation of each input.
    random_state : RandomState
        Source of the random numbers.

    Returns
    -------
    centers : ndarray of shape (n_units, n_inputs)
        Centres.
    widths : ndarray of shape (n_units,)
        See :func:`neighbour_widths`; the single one is as wide as the data.
    """
    centers = center + spread * random_state.standard_normal((n_units, len(center)))
    return centers, neighbour_widths(centers, float(np.linalg.norm(spread)) or 1.0)


def neighbour_widths(centers: Array, widest: float) -> Array:
    """Root mean square distance of each centre from its nearest neighbours.

    Parameters
    ----------
    centers : ndarray of shape (n_centers, n_features)
        The centres.
    widest : float
        The width of a single centre, and an upper bound.

    Returns
    -------
    ndarray of shape (n_centers,)
        From the nearest 2 p neighbours: those on both sides along each of p axes. At least a
        thousandth of ``widest``, so that near twins among the centres do not start as needles.
    """
    n_centers, n_features = centers.shape
    if n_centers == 1:
        return np.array([widest])
    squares = np.sort(cdist(centers, centers, "sqeuclidean"), axis=1)[:, 1 : 1 + 2 * n_features]
    return np.clip(np.sqrt(squares.mean(axis=1)), 1e-3 * widest, widest)
