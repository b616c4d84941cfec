"""What layers compute, their arrays and the order of their parameters, written once more.

A new layer of the package, or one of a user's, needs one entry in ``KINDS``, and one in
:func:`jax_propagation` to be compared with automatic differentiation.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from oracle_numbers import join, primal

# From inputs z (n, p) and the layer's arrays to the pre-activations (n, s) ---------------


def _linear(z, coefs, intercepts):
    return z @ coefs + intercepts[..., None, :]


def _offsets(z, centers):
    """Return z - mu_j, units before samples: (s, n, p)."""
    return z[..., None, :, :] - centers[..., :, None, :]


def _squares(vectors):
    """Return the squared lengths of vectors (s, n, p), samples before units again."""
    return (vectors * vectors).sum(-1).swapaxes(-1, -2)


def _spherical(z, centers, log_precisions):
    return _squares(np.exp(log_precisions)[..., :, None, None] * _offsets(z, centers))


def _diag(z, centers, log_precisions):
    return _squares(np.exp(log_precisions)[..., :, None, :] * _offsets(z, centers))


def _full(z, centers, triangle):
    """The squared length of U' (z - mu), with logarithms on U's diagonal."""
    eye = np.eye(primal(triangle).shape[-1])
    factor = np.triu(np.ones_like(eye), 1) * triangle + eye * np.exp(eye * triangle)
    return _squares(_offsets(z, centers) @ factor)


def _quadratic(z, forms):
    with_one = join([z, np.ones((1, 1))])[..., None, :, :]
    return ((with_one @ forms) * with_one).sum(-1).swapaxes(-1, -2)


def _semidefinite(z, factors):
    return _squares(join([z, np.ones((1, 1))])[..., None, :, :] @ factors)


def _multiquadric(z, centers, log_scales):
    return np.sqrt(1.0 + _spherical(z, centers, log_scales))


@dataclass(frozen=True)
class Kind:
    """A class of layers with its options: what it computes, and the names of its arrays."""

    family: str  # layers of one family are counted together
    propagate: Callable
    arrays: tuple


_RBF = ("centers", "precisions_cholesky")
COVARIANCE_TYPES = ("spherical", "diag", "full")
KINDS = {
    "linear": Kind("linear", _linear, ("coefs", "intercepts")),
    "spherical": Kind("gaussian_rbf", _spherical, _RBF),
    "diag": Kind("gaussian_rbf", _diag, _RBF),
    "full": Kind("gaussian_rbf", _full, _RBF),
    "quadratic": Kind("quadratic", _quadratic, ("quadratic_forms",)),
    "semidefinite": Kind("semidefinite", _semidefinite, ("quadratic_factors",)),
    "multiquadric": Kind("multiquadric", _multiquadric, ("nodes", "log_scales")),
}


def kind_of(layer):
    """The key of a layer of the package in ``KINDS``."""
    family = type(layer).__name__.lower()
    return getattr(layer, "covariance_type", family)


# Names and order -------------------------------------------------------------------------


def array_names(kinds):
    """Return per layer the names of its arrays; numbers tell layers of one family apart."""
    families = [KINDS[kind].family for kind in kinds]
    found = []
    for k, kind in enumerate(kinds):
        numbered = families[k] == "linear" or families.count(families[k]) > 1
        suffix = f"_{families[:k].count(families[k])}" if numbered else ""
        found.append([name + suffix for name in KINDS[kind].arrays])
    return found


def in_theta_order(kind, arrays):
    """Return a layer's entries as they stand in theta, one row per unit: (s, t)."""
    if kind == "linear":  # the only arrays whose unit axis is the last
        arrays = [array.T for array in arrays]
    if kind == "semidefinite":  # the upper half of U, then c
        arrays = [arrays[0][:, :-1], arrays[0][:, -1]]
    return np.hstack(
        [
            array[:, *np.triu_indices(array.shape[-1])]
            if array.ndim == 3
            else array.reshape(len(array), -1)
            for array in arrays
        ]
    )


# For automatic differentiation, where JAX is installed -----------------------------------


def jax_propagation(kind, z, *arrays):
    """Return the pre-activations, by other formulas than those above."""
    from jax import numpy as jnp

    if kind == "linear":
        return z @ arrays[0] + arrays[1]
    if kind in ("quadratic", "semidefinite"):
        tilde = jnp.c_[z, jnp.ones(len(z))]
        if kind == "semidefinite":
            arrays = [arrays[0] @ arrays[0].swapaxes(1, 2)]
        return jnp.einsum("na,jab,nb->nj", tilde, arrays[0], tilde)
    centers, free = arrays
    eye = jnp.eye(z.shape[1])
    if kind == "full":
        log_diagonal = jnp.diagonal(free, axis1=1, axis2=2)
        factors = jnp.triu(free, 1) + jnp.exp(log_diagonal)[:, :, None] * eye
        precisions = factors @ factors.swapaxes(1, 2)
    else:  # (s,) or (s, p)
        precisions = jnp.exp(2.0 * free.reshape(len(free), -1))[:, :, None] * eye
    d = z[:, None] - centers
    squares = jnp.einsum("nja,jab,njb->nj", d, precisions, d)
    return jnp.sqrt(1.0 + squares) if kind == "multiquadric" else squares
