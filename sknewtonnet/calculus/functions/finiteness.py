"""Where an objective or a derivative of it is not finite: which part of it is to blame."""

from __future__ import annotations

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.pieces.loss import Loss
from sknewtonnet.calculus.pieces.penalties import PenaltySum

# Numbers above this overflow when squares of them are summed.
_HUGE = 1e150

_ORDERS = ("value", "first derivative", "second derivative")


def not_finite_part(
    network: Network, loss: Loss, penalty: PenaltySum, data: dict[str, Array], w: Array
) -> str:
    """The first part, on the way from X to the loss, that is not finite at w.

    Parameters
    ----------
    network, loss, penalty
        Parts of an objective.
    data : dict
        "X", "Y", "sample_weight" and, if there is one, "offset".
    w : ndarray of shape (n_parameters,)
        A point at which the objective or one of its derivatives is not finite.

    Returns
    -------
    str
        A main clause that names an activation, the loss, the penalty, or, where all of these
        are finite and only their products are not, the largest of the numbers that go in.
    """
    found = not_finite_in_rows(network, loss, data, w)
    return found or not_finite_beside_rows(penalty, sizes(data), w)


def not_finite_in_rows(network: Network, loss: Loss, data: dict[str, Array], w: Array) -> str:
    """The same as far as it is known from some rows; "" if all is finite there."""
    if not np.isfinite(w).all():
        return f"the parameters are not finite{_hint(data)}"
    counted = data["sample_weight"] > 0
    samples, targets = data["X"][counted], data["Y"][counted]
    scale = f"{_largest(sizes({**data, 'w': w}))} is too large"
    with np.errstate(all="ignore"):
        *inner, raw = network.pre_activations(w, samples)
        for k, (layer, a) in enumerate(zip(network.layers, inner, strict=False), start=1):
            if not np.isfinite(a).all():
                return f"the pre-activations of layer {k} overflow: {scale}"
            name = f"the activation {layer.activation.name!r} of layer {k}"
            for order, found in enumerate(layer.activation.derivatives(a.T, 2)):
                if not np.isfinite(found).all():
                    where = a.T[~np.isfinite(found)][0]
                    return f"the {_ORDERS[order]} of {name} is not finite at {where:.6g}"
        if "offset" in data:
            raw = raw + data["offset"][counted]
        if not np.isfinite(raw).all():
            return f"the raw predictions overflow: {scale}"
        for order, found in enumerate(loss.derivatives(targets, raw, 2)):
            if not np.isfinite(found).all():
                i = np.argwhere(~np.isfinite(found))[0, 0]
                row = np.flatnonzero(counted)[i]
                return (
                    f"the {_ORDERS[order]} of the loss {loss.name!r} is not finite in row {row}, "
                    f"where the target is {targets[i].tolist()} and the raw prediction "
                    f"{raw[i].tolist()}"
                )
    return ""


def not_finite_beside_rows(penalty: PenaltySum, largest: dict[str, float], w: Array) -> str:
    """What else it can be: the penalty, or products of numbers, whose largest ones are given."""
    with np.errstate(all="ignore"):
        bend = penalty.hessian_product(w, np.ones(len(w)))
        parts = np.array(penalty.value(w)), penalty.gradient(w), bend
        for order, part in enumerate(parts):
            if not np.isfinite(part).all():
                return f"the {_ORDERS[order]} of the penalty is not finite"
    scale = _largest({**largest, **sizes({"w": w})})
    return f"products of finite numbers overflow: {scale} is too large"


def sizes(arrays: dict[str, Array]) -> dict[str, float]:
    """The largest magnitude in each array."""
    return {name: float(np.abs(array).max(initial=0.0)) for name, array in arrays.items()}


def _hint(data: dict[str, Array]) -> str:
    """A clause about data whose squares overflow, if there are such."""
    largest = sizes(data)
    huge = any(size > _HUGE for size in largest.values())
    return f", perhaps because {_largest(largest)} is too large" if huge else ""


def _largest(largest: dict[str, float]) -> str:
    """The name and size of the largest number in some arrays."""
    name = max(largest, key=lambda key: largest[key])
    return f"the scale of {name}, with numbers up to {largest[name]:.3g},"
