"""What may be taken away from a net at a minimum, and the net without it."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lstsq, null_space

from sknewtonnet._typing import Ints
from sknewtonnet.calculus.functions.units import settle
from sknewtonnet.estimators import Fit
from sknewtonnet.inference import flat_directions

# Gradient between two removals; the last fit is as exact as the estimator wants.
_NEAR = 1e-8

UNITS = ("weight", "neuron", "feature")


@dataclass(frozen=True, eq=False)
class Part:
    """What can be taken away in one piece.

    Attributes
    ----------
    name : str
        The name of a parameter, a unit or a feature.
    positions : ndarray of int
        Free parameters that become zero with it.
    """

    name: str
    positions: Ints


def parts(fit: Fit, unit: str) -> list[Part]:
    """All that can be taken away, in pieces of one kind."""
    network = fit.network
    names = network.layout.names
    if unit == "weight":
        return [
            Part(name, np.array([j])) for j, name in enumerate(names) if name.startswith("coefs_")
        ]
    if unit == "feature":
        outgoing = network.feature_parameters or []
        features = zip(fit.feature_names, outgoing, strict=False)
        return [Part(name, positions) for name, positions in features if len(positions)]
    found = []
    for k, units in enumerate(network.unit_names):
        places = np.hstack(network.outgoing(network.positions, k + 1))
        found += [Part(name, row[row >= 0]) for name, row in zip(units, places, strict=True)]
    return [part for part in found if len(part.positions)]


def without(fit: Fit, positions: Ints) -> Fit | None:
    """Remove parameters, and what then does nothing, and refit; None if nothing would be left.

    The others start where the quadratic model has its minimum (Hassibi and Stork 1993):
    w - K_S (K_SS)^-1 w_S, with K the inverse Hessian; along directions without curvature
    they move for nothing.
    """
    information = fit.information
    K, w = information.factor.inverse[:, positions], fit.params[positions]
    flat = flat_directions(information)
    held = null_space(flat[positions].T)
    force = held @ lstsq(held.T @ K[positions] @ held, held.T @ w)[0] if held.size else 0.0 * w
    along = lstsq(flat[positions], w - K[positions] @ force)[0] if flat.size else np.empty(0)
    start = fit.params - K @ force - flat @ along
    exists = np.ones(fit.n_parameters, dtype=bool)
    exists[positions] = False
    start[~exists] = 0.0
    full, kept = settle(fit.network, start, exists)
    if not kept.any():
        return None
    layout = fit.network.layout
    start_arrays = layout.unpack(layout.restrict(full))
    return fit.refit(layout.masks(kept), start_arrays, tol=_NEAR)
