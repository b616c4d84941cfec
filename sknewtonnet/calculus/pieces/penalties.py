"""Penalties of an objective: value and derivatives of each in one class."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sknewtonnet._typing import Array
from sknewtonnet.calculus.pieces.parameters import ParameterLayout


class Penalty(ABC):
    """A function of the parameters alone that is a sum over single parameters.

    The objective adds it divided by the sum of the sample weights: it counts like rows.
    """

    @abstractmethod
    def value(self, w: Array) -> float:
        """The penalty at w."""

    @abstractmethod
    def gradient(self, w: Array) -> Array:
        """Derivative in w, of shape (n_parameters,)."""

    @abstractmethod
    def hessian_diagonal(self, w: Array) -> Array:
        """Second derivatives at w; the mixed ones are zero."""


class L2Penalty(Penalty):
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

    def hessian_diagonal(self, w: Array) -> Array:
        """Second derivatives, the same everywhere."""
        return self.strength


class WidthPenalty(Penalty):
    """Divergence of the covariance of each radial unit from a reference covariance.

        penalty = strength sum_j 1/2 [ tr(M_j R) - log det(M_j R) - p ]

    with M_j = U_j U_j' the precision of unit j and R = diag(reference^2): the Kullback-Leibler
    divergence of N(0, M_j^-1) from N(0, R), and the logarithm of a Wishart prior of M_j with
    its mode at R^-1. With t = log(reference / sigma) of a "spherical" or "diag" unit
    each input adds strength (exp(2 t) - 2 t - 1) / 2, near 0 the square of t. It grows without
    bound where a width goes to 0 or to infinity. For "full" and a reference that is the same
    for all inputs it does not change when the inputs are rotated.

    Parameters
    ----------
    layout : ParameterLayout
        The layout of the network's parameters, with an array "precisions_cholesky".
    strength : float
        Its strength, not negative.
    reference : ndarray of shape (n_features,)
        Widths where the penalty is 0, positive.
    """

    def __init__(self, layout: ParameterLayout, strength: float, reference: Array):
        self.strength = strength
        shape = layout.shapes["precisions_cholesky"]
        logs, eye = np.log(reference), np.eye(len(reference))
        # How many inputs a log-width stands for, what it is off by at the reference, and the
        # squared reference that an entry of U off the diagonal meets.
        forms: dict[int, tuple[Any, Any, Any]] = {
            1: (float(len(reference)), 0.5 * np.log(np.mean(reference**2)), 0.0),
            2: (1.0, logs, 0.0),
            3: (eye, eye * logs, (1.0 - eye) * reference[:, None] ** 2),
        }
        count, shift, factor = forms[len(shape)]
        targets: Any = {1: float(logs.sum()), 2: logs, 3: eye * logs}[len(shape)]
        zeros = {name: np.zeros(size) for name, size in layout.shapes.items()}
        self._count, self._shift, self._factor = (
            layout.pack({**zeros, "precisions_cholesky": np.broadcast_to(values, shape)})
            for values in (count, shift, factor)
        )
        self._is_log = self._count > 0
        # One width cannot meet several references: what remains at the best one.
        wanted = layout.pack({**zeros, "precisions_cholesky": np.broadcast_to(targets, shape)})
        self._rest = 2.0 * float(self._count @ self._shift - wanted.sum())

    def _doubled(self, w: Array) -> Array:
        """2 t of the log-widths, 0 of all other parameters."""
        return 2.0 * np.where(self._is_log, w + self._shift, 0.0)

    def value(self, w: Array) -> float:
        """The penalty at w."""
        t = self._doubled(w)
        total = self._count @ (_expm1(t) - t) + self._factor @ (w * w) + self._rest
        return 0.5 * self.strength * float(total)

    def gradient(self, w: Array) -> Array:
        """Derivative in w, of shape (n_parameters,)."""
        return self.strength * (self._count * _expm1(self._doubled(w)) + self._factor * w)

    def hessian_diagonal(self, w: Array) -> Array:
        """Second derivatives at w; the mixed ones are zero."""
        exponential = _expm1(self._doubled(w)) + 1.0
        return self.strength * (2.0 * self._count * exponential + self._factor)


def _expm1(exponents: Array) -> Array:
    """Exponentials less 1, finite as the widths are."""
    return np.expm1(np.minimum(exponents, 200.0))


class PenaltySum(Penalty):
    """Several penalties, all divided by one number.

    Parameters
    ----------
    penalties : sequence of Penalty
        What is added.
    divisor : float
        The number, the sum of the sample weights.
    """

    def __init__(self, penalties: Sequence[Penalty], divisor: float):
        self.penalties = tuple(penalties)
        self.divisor = divisor

    def value(self, w: Array) -> float:
        """The penalty at w."""
        return sum(penalty.value(w) for penalty in self.penalties) / self.divisor

    def gradient(self, w: Array) -> Array:
        """Derivative in w, of shape (n_parameters,)."""
        return self._sum([penalty.gradient(w) for penalty in self.penalties])

    def hessian_diagonal(self, w: Array) -> Array:
        """Second derivatives at w; the mixed ones are zero."""
        return self._sum([penalty.hessian_diagonal(w) for penalty in self.penalties])

    def _sum(self, parts: Sequence[Array]) -> Array:
        total = parts[0] / self.divisor
        for part in parts[1:]:
            total += part / self.divisor
        return total


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
        raise ValueError(
            f"alpha has {len(given)} entries, but there are {len(penalised)} layers with "
            f"coefficients: {penalised}."
        )
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
