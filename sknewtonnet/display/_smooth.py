"""The smooth line through a cloud of points (Cleveland's LOWESS)."""

from __future__ import annotations

import numpy as np

from sknewtonnet._typing import Array

_N_POINTS = 80


def lowess(x: Array, y: Array, share: float = 2.0 / 3.0, n_robust: int = 3) -> tuple[Array, Array]:
    """Robust locally weighted regression, as R's ``lowess``.

    At each point a line is fitted to the nearest rows with the weights (1 - (d / h)^3)^3, where d
    is the distance and h that of the farthest of them; then again with the weights
    (1 - (r / 6 m)^2)^2, r being the residuals and m the median of their sizes.

    Parameters
    ----------
    x, y : ndarray of shape (n_samples,)
        The points.
    share : float, default=2/3
        Share of the rows that count at each point.
    n_robust : int, default=3
        Number of the further fits.

    Returns
    -------
    at, smooth : ndarray of shape (n_points,)
        Up to 80 quantiles of x, and the line there; empty, where x has fewer than four values.

    References
    ----------
    Cleveland (1979), Robust locally weighted regression and smoothing scatterplots, JASA 74.
    """
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    values = np.unique(x)
    if len(values) < 4:
        return np.empty(0), np.empty(0)
    at = np.unique(np.quantile(values, np.linspace(0.0, 1.0, min(_N_POINTS, len(values)))))
    distance = np.abs(at[:, None] - x)
    n_near = max(2, min(len(x), int(share * len(x) + 1e-5)))
    reach = np.partition(distance, n_near - 1, axis=1)[:, n_near - 1]
    reach = np.maximum(reach, 1e-9 * (values[-1] - values[0]))
    near = np.clip(1.0 - (distance / reach[:, None]) ** 3, 0.0, None) ** 3
    robust = np.ones(len(x))
    for left in range(n_robust, -1, -1):
        smooth = _lines(at, x, y, near * robust)
        if left == 0:
            break
        residual = np.abs(y - np.interp(x, at, smooth))
        middle = 6.0 * float(np.median(residual))
        if middle <= 1e-9 * residual.mean():
            break
        robust = np.clip(1.0 - (residual / middle) ** 2, 0.0, None) ** 2
    return at, smooth


def _lines(at: Array, x: Array, y: Array, weight: Array) -> Array:
    """Values of weighted lines at points, the weights being a row for each of them."""
    total = weight.sum(axis=1)
    total = np.where(total > 0.0, total, 1.0)
    mean_x, mean_y = weight @ x / total, weight @ y / total
    centred = x - mean_x[:, None]
    spread = (weight * centred**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (weight * centred) @ y / spread
    flat = spread <= 1e-12 * total * (x.max() - x.min()) ** 2
    return np.asarray(mean_y + np.where(flat, 0.0, slope) * (at - mean_x))
