"""The penalty of an objective: value and derivatives in one class."""

from collections.abc import Mapping, Sequence

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
    if isinstance(alpha, Mapping):
        named: Mapping[str, ArrayLike] = alpha
    elif np.ndim(alpha) == 0:
        named = dict.fromkeys(penalised, alpha)
    else:
        strengths = list(np.asarray(alpha, dtype=float))
        if len(strengths) != len(penalised):
            raise ValueError(
                f"alpha has {len(strengths)} entries, but there are {len(penalised)} layers."
            )
        named = dict(zip(penalised, strengths, strict=True))
    for name, strength in named.items():
        if name not in full:
            raise ValueError(f"alpha names {name!r}; the arrays are {list(full)}.")
        values = np.asarray(strength, dtype=float)
        if values.shape not in ((), full[name].shape):
            raise ValueError(
                f"alpha[{name!r}] has shape {values.shape}; it must be a number or "
                f"an array of shape {full[name].shape}."
            )
        if not np.isfinite(values).all() or (values < 0).any():
            raise ValueError(f"alpha must be finite and not negative, got {strength!r} ({name}).")
        full[name][...] = values
    return L2Penalty(layout.pack(full))
