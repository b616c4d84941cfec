"""The penalty of an objective: value and derivatives in one class."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sknewtonnet.calculus.parameters import ParameterLayout

Array = NDArray[np.float64]


class L2Penalty:
    """penalty(w) = 1/2 sum_p strength_p w_p^2.

    Parameters
    ----------
    strength : ndarray of shape (n_parameters,)
        One strength per parameter, not negative.
    """

    def __init__(self, strength: Array):
        self.strength = strength

    def value(self, w: Array) -> float:
        """The penalty at w."""
        return 0.5 * float(np.dot(self.strength * w, w))

    def gradient(self, w: Array) -> Array:
        """Derivative in w, of shape (n_parameters,)."""
        return self.strength * w

    def hessian_diagonal(self) -> Array:
        """Second derivatives; the mixed ones are zero."""
        return self.strength


def l2_penalty(
    layout: ParameterLayout, alpha: "float | Sequence[float] | Mapping[str, ArrayLike]"
) -> L2Penalty:
    """Spread the strengths a user names over the parameters they belong to.

    Parameters
    ----------
    layout : ParameterLayout
        The layout of the network's parameters.
    alpha : float, sequence of float, or mapping
        One strength for all coefficients; or one per layer; or, by the names of the
        layout's arrays, a number or an array of the array's shape for each group of
        weights (arrays not named are free, intercepts may be named).

    Raises
    ------
    ValueError
        If a strength is negative or not finite, or a name or a shape does not fit.
    """
    full = {name: np.zeros(shape) for name, shape in layout.shapes.items()}
    penalised = [name for name in full if layout.penalised[name]]
    given: Any = alpha
    if isinstance(given, Mapping):
        named = dict(given)
    elif np.ndim(given) == 0:
        named = dict.fromkeys(penalised, given)
    elif len(given) == len(penalised):
        named = dict(zip(penalised, given, strict=True))
    else:
        raise ValueError(f"alpha has {len(given)} entries, but there are {len(penalised)} layers.")
    for name, strength in named.items():
        if name not in full:
            raise ValueError(f"alpha names {name!r}; the arrays are {list(full)}.")
        full[name][...] = _strength(name, strength, full[name].shape)
    return L2Penalty(layout.pack(full))


def _strength(name: str, strength: ArrayLike, shape: tuple[int, ...]) -> Array:
    """Strength of one array, checked."""
    try:
        values = np.asarray(strength, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"alpha must be numbers, got {strength!r} for {name!r}.") from None
    if values.shape not in ((), shape):
        raise ValueError(
            f"alpha for {name!r} has shape {values.shape}; it must be a number or "
            f"an array of shape {shape}."
        )
    if not np.isfinite(values).all() or (values < 0).any():
        raise ValueError(
            f"alpha must be finite and not negative, got {values.tolist()} for {name!r}."
        )
    return values
