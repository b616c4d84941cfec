"""What users see of radial units: centres, covariances, and the matrices of their forms."""

from __future__ import annotations

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import GaussianRBF, Network
from sknewtonnet.calculus.pieces.radial import RadialLayer

# Why a fit has none of these, for an AttributeError.
MISSING = {
    "centers_": "has no inverse, so that there is no one centre",
    "covariances_": "is not positive definite",
    "precisions_cholesky_": "is not positive definite",
}


def forms_of(network: Network, arrays: dict[str, Array]) -> Array:
    """Quadratic form W of each radial unit, (n_centers, n_features + 1, n_features + 1)."""
    layer, theta = _radial(network, arrays)
    return np.asarray(layer.quadratic_forms(theta, network.n_features))


def shapes_of(network: Network, arrays: dict[str, Array]) -> dict[str, Array]:
    """Fitted attributes of radial units, those that exist for all of them.

    With W = (M, -b; -b', c) the precision is M, the centre solves M mu = b, where M has an
    inverse, and the covariance is that inverse, where M is positive definite.
    """
    layer, theta = _radial(network, arrays)
    p = network.n_features
    if isinstance(layer, GaussianRBF):
        shapes = layer.form.shapes(theta[p:].T, p)
        return {
            "centers_": arrays["centers"],
            "precisions_cholesky_": shapes.factors,
            "precisions_": shapes.precisions,
            "covariances_": shapes.covariances,
        }
    forms = layer.quadratic_forms(theta, p)
    M, b = forms[:, :p, :p], -forms[:, :p, p]
    found = {"precisions_": M}
    eigenvalues = np.linalg.eigvalsh(_scaled(M))
    rounding = p * np.finfo(float).eps * np.abs(eigenvalues).max(axis=1)
    if (np.abs(eigenvalues).min(axis=1) > rounding).all():
        found["centers_"] = np.linalg.solve(M, b[:, :, None])[:, :, 0]
    if (eigenvalues.min(axis=1) > rounding).all():
        # The upper triangular factor is the lower one of the matrix with its order turned round.
        lower = np.linalg.cholesky(M[:, ::-1, ::-1])
        found["precisions_cholesky_"] = lower[:, ::-1, ::-1]
        inverse = np.linalg.inv(found["precisions_cholesky_"])
        found["covariances_"] = inverse.swapaxes(1, 2) @ inverse
    return found


def why_missing(name: str, precisions: Array) -> str:
    """Why a fit has no such attribute."""
    return (
        f"{name} does not exist: the matrix M of a unit {MISSING[name]}. precisions_ has M of "
        f"all {len(precisions)} units, quadratic_forms_ all of their forms."
    )


def _radial(network: Network, arrays: dict[str, Array]) -> tuple[RadialLayer, Array]:
    """The radial layer, which is the first, and its parameters."""
    layer = network.layers[0]
    assert isinstance(layer, RadialLayer), "the first layer is radial"
    rows = layer.unit_arrays(network.n_features)
    theta = np.zeros((1 + max(int(own.max()) for own in rows.values()), layer.n_units))
    for name, own in rows.items():
        there = own >= 0
        theta[own[there]] = arrays[name][:, there].T
    return layer, theta


def _scaled(matrices: Array) -> Array:
    """With ones on the diagonal, so that units of the inputs do not matter."""
    sizes = np.sqrt(np.abs(np.einsum("spp->sp", matrices)))
    sizes = np.where(sizes > 0, sizes, 1.0)
    return matrices / sizes[:, :, None] / sizes[:, None]
