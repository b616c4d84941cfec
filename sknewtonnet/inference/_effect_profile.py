"""Likelihood intervals of functions of a net: effects and predictions (doc/statistics.md 3.6)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh, null_space

from sknewtonnet._tables import Report, Shown, Table, fixed, interval_names
from sknewtonnet._typing import Array
from sknewtonnet.calculus import Loss, Objective, get_loss
from sknewtonnet.calculus.pieces.affine_map import AffineMap
from sknewtonnet.inference._mean_response import MeanResponse
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._null_distributions import quantile
from sknewtonnet.inference._profile import profile_end

# Newton steps of one fit; far more than a walk in small steps needs.
_MOST_STEPS = 60

# Curvature below this part of the largest one is none.
_FLAT = 1e-9

# A difference of Hessians over this part of the spread of an input has six digits, and only the
# speed of Newton's method hangs on them.
_STEP = 1e-3


@dataclass(frozen=True, repr=False)
class EffectProfile(Shown):
    """Likelihood interval of an average effect or a prediction.

    :meth:`InferenceResults.profile_effect` makes it.

    Parameters
    ----------
    name : str
        What it is.
    estimate : float
        Its value at the fit.
    lower, upper : float
        Ends of the interval; infinite where one is not reached within 30 half-widths of the
        interval by the delta method, NaN where fits do not settle it.
    level : float
        Confidence level.
    reason : str
        Why there is no interval; empty if there is one.

    See Also
    --------
    InferenceResults.profile_effect : The method that makes it.
    MarginalEffects : Intervals by the delta method, at little cost.
    InferenceResults.profile_interval : The same of a parameter.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
    >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
    >>> found = results.profile_effect("x0")
    >>> round(found.lower, 2), round(found.estimate, 2), round(found.upper, 2)
    (1.81, 1.95, 2.09)
    """

    name: str
    estimate: float
    lower: float
    upper: float
    level: float
    reason: str = ""

    def _report(self) -> Report:
        values = fixed([self.estimate, self.lower, self.upper])
        columns = zip(("estimate", *interval_names(self.level)), values, strict=True)
        table = Table.of({"effect": [self.name]}, {name: [value] for name, value in columns})
        return Report("Likelihood interval", [table], [self.reason] if self.reason else [])

    def _in_words(self) -> str:
        values = fixed([self.estimate, self.lower, self.upper])
        return f"of {self.name}: {values[0]}, from {values[1]} to {values[2]}"


class Function(ABC):
    """A smooth function of the parameters of a net."""

    @abstractmethod
    def value_and_gradient(self, w: Array) -> tuple[float, Array]:
        """The value, and the exact gradient."""

    @abstractmethod
    def hessian(self, w: Array) -> Array:
        """Second derivatives."""


@dataclass(frozen=True, eq=False)
class AverageSlope(Function):
    """Mean over rows of the derivative of the mean in an input.

    Parameters
    ----------
    mean : Objective
        The mean prediction over the rows.
    feature : int
        The input.
    """

    mean: Objective
    feature: int

    def value_and_gradient(self, w: Array) -> tuple[float, Array]:
        """See :class:`Function`."""
        slopes, mixed = self.mean.shift_derivatives(w, [self.feature])
        return float(slopes[0]), mixed[:, 0]

    def hessian(self, w: Array) -> Array:
        """By the difference of the Hessians of means at shifted inputs."""
        h = _STEP * float(self.mean.samples[:, self.feature].std()) or _STEP
        return (self._shifted(h).hessian(w) - self._shifted(-h).hessian(w)) / (2.0 * h)

    def _shifted(self, by: float) -> Objective:
        X = self.mean.samples.copy()
        X[:, self.feature] += by
        return self.mean.on(X, self.mean.targets, self.mean.sample_weight, self.mean.offset)


@dataclass(frozen=True, eq=False)
class Difference(Function):
    """Difference of two means over rows, or one mean alone."""

    mean: Objective
    other: Objective | None = None

    def value_and_gradient(self, w: Array) -> tuple[float, Array]:
        """See :class:`Function`."""
        value, gradient = self.mean.value_and_gradient(w)
        if self.other is None:
            return value, gradient
        less, slope = self.other.value_and_gradient(w)
        return value - less, gradient - slope

    def hessian(self, w: Array) -> Array:
        """See :class:`Function`."""
        H = self.mean.hessian(w)
        return H if self.other is None else H - self.other.hessian(w)


@dataclass(frozen=True, eq=False)
class InUnits(Function):
    """A function of parameters in the units of the table as one of those of the fit."""

    function: Function
    map: AffineMap

    def value_and_gradient(self, w: Array) -> tuple[float, Array]:
        """See :class:`Function`."""
        value, gradient = self.function.value_and_gradient(self.map.forward(w))
        return value, np.asarray(self.map.matrix.T @ gradient)

    def hessian(self, w: Array) -> Array:
        """See :class:`Function`."""
        T = self.map.matrix
        return np.asarray(T.T @ (T.T @ self.function.hessian(self.map.forward(w))).T)


def average_effect(table: Objective, loss: Loss, feature: int, output: int) -> Function:
    """An average marginal effect as a function of parameters in the units of the table."""
    mean = table.with_loss(MeanResponse(loss, output))
    values = np.unique(table.samples[:, feature])
    if len(values) != 2:
        return AverageSlope(mean, feature)
    ends = []
    for value in values:
        X = table.samples.copy()
        X[:, feature] = value
        ends.append(mean.on(X, table.targets, table.sample_weight, table.offset))
    return Difference(ends[1], ends[0])


def prediction_at(table: Objective, loss: Loss, sample: Array, output: int) -> Function:
    """A raw prediction, or a mean that does not rise with its own, as a function of the same."""
    alone = loss.joint or not loss.monotonic_link
    response = MeanResponse(loss if alone else get_loss("squared_error", 1), output)
    nothing = np.zeros((1, table.network.n_outputs))
    return Difference(Objective(table.network, response, sample, nothing))


def effect_interval(
    information: Information, function: Function, std_error: float, level: float, df_denom: float
) -> tuple[float, float]:
    """All values of a function for which the best fit is not rejected.

    These are those with 2 (M(value) - M) / dispersion at most the squared quantile of t or of the
    normal distribution, where M(value) is the minimum of M among parameters with that value.
    """
    limit = quantile(level, df_denom)
    estimate = function.value_and_gradient(information.params)[0]
    S = information.objective.weight_sum
    full = information.objective.value(information.params)

    def beyond(value: float, start: Array) -> tuple[float, Array]:
        w = minimum_on_level(information, function, value, start, 1e-10 * std_error)
        if w is None:
            return np.nan, start
        excess = 2.0 * S * (information.objective.value(w) - full) / information.dispersion
        return float(np.sqrt(max(excess, 0.0))) - limit, w

    ends = [
        profile_end(beyond, estimate, side * limit * std_error, information.params)
        for side in (-1, 1)
    ]
    return ends[0], ends[1]


def minimum_on_level(
    information: Information, function: Function, value: float, start: Array, tol: float
) -> Array | None:
    """Minimum of M among parameters for which a function has a value, by Newton's method.

    A step d and the multiplier m solve  [L a; a' 0] [d; m] = [-grad M; value - function]  with
    the Hessian L of M + m function of the last step and the gradient a of the function. Steps are
    halved until M + r |function - value| falls, with r twice the largest multiplier (Nocedal and
    Wright 2006, 18.3).

    Parameters
    ----------
    information : Information
        The minimum, with the free directions that active constraints leave.
    function : Function
        The function.
    value : float
        Its value.
    start : ndarray of shape (n_parameters,)
        Where to start.
    tol : float
        Largest difference of the function from the value.

    Returns
    -------
    ndarray of shape (n_parameters,) or None
        None if the method does not get there.
    """
    information.check_flat("profile intervals of effects")
    f, S, B = information.objective, information.objective.weight_sum, information.free
    w, multiplier, size = start, None, 0.0
    for _ in range(_MOST_STEPS):
        gradient = B.T @ (S * f.gradient(w))
        now, slope = function.value_and_gradient(w)
        a, off = B.T @ slope, now - value
        H = B.T @ (S * f.hessian(w)) @ B
        if multiplier is None:  # the start is a minimum for another value
            multiplier = _multiplier(H, a, gradient)
        L = H + multiplier * (B.T @ function.hessian(w) @ B)
        if not np.isfinite(L).all() or not a.any():
            return None
        d, multiplier = _newton_step(L, H, a, gradient, off)
        gain = float(d @ L @ d) / information.dispersion
        if abs(off) <= tol and abs(gain) <= 1e-14:
            return w
        size = max(size, 2.0 * abs(multiplier))
        before = S * f.value(w) + size * abs(off)
        t = 1.0
        while t > 1e-9:
            moved = w + B @ (t * d)
            after = S * f.value(moved) + size * abs(function.value_and_gradient(moved)[0] - value)
            # What rounding cannot tell apart is no growth.
            if after <= before + 1e-12 * abs(before):
                break
            t *= 0.5
        else:
            return None
        w = moved
    return None


def _newton_step(L: Array, H: Array, a: Array, gradient: Array, off: float) -> tuple[Array, float]:
    """The step and the multiplier, in parameters scaled to a unit diagonal of H.

    Directions without curvature stay, and negative curvature counts as positive.
    """
    scale = _scales(H)
    L, a, gradient = L / np.outer(scale, scale), a / scale, gradient / scale
    across, along = -off * a / (a @ a), null_space(a[None])
    values, vectors = eigh(along.T @ L @ along)
    sizes = np.abs(values)
    flat = sizes <= _FLAT * sizes.max(initial=0.0)
    pull = vectors.T @ (along.T @ (gradient + L @ across))
    d = across - along @ (vectors @ np.where(flat, 0.0, pull / np.where(flat, 1.0, sizes)))
    bent = bool((values[~flat] < 0.0).any())  # then the equations are not those of this step
    left = gradient if bent else gradient + L @ d
    return d / scale, -float(a @ left) / float(a @ a)


def _multiplier(H: Array, a: Array, gradient: Array) -> float:
    """The multiplier that explains most of a gradient."""
    scale = _scales(H)
    direction = a / scale
    length = float(direction @ direction)
    return -float(direction @ (gradient / scale)) / length if length > 0.0 else 0.0


def _scales(H: Array) -> Array:
    """Roots of the diagonal of H, none of them next to zero."""
    diagonal = np.abs(np.diag(H))
    least = 1e-12 * max(float(diagonal.max(initial=0.0)), 1e-300)
    return np.asarray(np.sqrt(np.maximum(diagonal, least)))
