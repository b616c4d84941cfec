"""Losses: pointwise functions of a target and a raw prediction, with derivatives.

A loss sees the *raw prediction* (the linear predictor, before the inverse link), so that
link and logarithm are never composed numerically. It is unweighted; weights and the
factor 1/S belong to the objective. A new loss is a class with :meth:`Loss.derivatives` and one
line in ``LOSSES``, where the tests find it; :func:`sknewtonnet.testing.check_loss` names a
derivative that is wrong.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from numbers import Real
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import (
    digamma,
    expit,
    gammaincinv,
    gammaln,
    log_expit,
    ndtri,
    pdtr,
    pdtrik,
    softmax,
    xlogy,
)

from sknewtonnet._names import must_be_one_of
from sknewtonnet._typing import Array

# An inverse link gives the mean of one output as a function of all raw predictions: the mean
# (n_samples,), and up to the order asked for its gradient (n_samples, n_outputs) and its Hessian:
# the diagonal, of the shape of the gradient, where the output has a raw prediction of its own,
# else (n_samples, n_outputs, n_outputs). These are the shapes of Loss.derivatives.
MeanDerivatives = Callable[[Array, int, int], tuple[Array, ...]]


def _own(raw: Array, output: int, *values: Array) -> tuple[Array, ...]:
    """The value, then derivatives that are zero but in the output's own raw prediction."""
    found = [values[0]]
    for values_of_order in values[1:]:
        full = np.zeros_like(raw)
        full[:, output] = values_of_order
        found.append(full)
    return tuple(found)


def _identity(raw: Array, output: int, order: int) -> tuple[Array, ...]:
    own = raw[:, output]
    return _own(raw, output, own.copy(), np.ones_like(own), np.zeros_like(own))[: order + 1]


def _exp(raw: Array, output: int, order: int) -> tuple[Array, ...]:
    with np.errstate(over="ignore"):
        mean = np.exp(raw[:, output])
    return _own(raw, output, mean, mean, mean)[: order + 1]


def _logistic(raw: Array, output: int, order: int) -> tuple[Array, ...]:
    mean, rest = expit(raw[:, output]), expit(-raw[:, output])
    slope = mean * rest
    return _own(raw, output, mean, slope, slope * (rest - mean))[: order + 1]


def _softmax(raw: Array, output: int, order: int) -> tuple[Array, ...]:
    probability = softmax(raw, axis=1)
    mean = probability[:, output]
    away = -probability  # delta_ok - p_k
    away[:, output] += 1.0
    found = [mean, mean[:, None] * away]
    if order >= 2:
        spread = -probability[:, :, None] * probability[:, None, :]
        np.einsum("ikk->ik", spread)[...] += probability
        outer = away[:, :, None] * away[:, None, :]
        found.append(mean[:, None, None] * (outer - spread))
    return tuple(found[: order + 1])


LINKS: dict[str, MeanDerivatives] = {
    "identity": _identity,
    "exp": _exp,
    "logistic": _logistic,
    "softmax": _softmax,
}


_NO_ORDER = "an observation is a class, of which there are no quantiles: see mean and moderated"


class Loss(ABC):
    """A loss of (target, raw prediction), summed over the outputs of a sample.

    Attributes
    ----------
    name : str
        The name under which a registry or an error message knows it.
    out_activation : str
        The inverse link, in scikit-learn's words: "identity", "logistic", "softmax", "exp".
    for_classes : bool
        Whether its targets are classes or labels, which a classifier encodes.
    shift_invariant : bool
        Whether a number added to all raw predictions of a sample changes nothing.
    quadratic : bool
        Whether it is half the squared distance of target and raw prediction.
    likelihood : bool
        Whether loss / dispersion is a negative log-likelihood, up to terms without raw.
    free_dispersion : bool
        Whether that dispersion is a parameter; else it is 1.
    of_differences : bool
        Whether it depends on raw - y alone, so that the target may be standardised.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import LOSSES, Loss
    >>> from sknewtonnet.testing import check_loss
    >>> value, gradient, hessian = LOSSES["squared_error"]().derivatives(
    ...     np.array([[1.0]]), np.array([[3.0]])
    ... )
    >>> value.tolist(), gradient.tolist(), hessian.tolist()
    ([2.0], [[2.0]], [[1.0]])
    >>> class Quartic(Loss):
    ...     name = "quartic"
    ...     of_differences = True
    ...
    ...     def derivatives(self, y, raw, order=2):
    ...         r = raw - y
    ...         return ((r**4).sum(axis=1) / 4, r**3, 3 * r**2)[: order + 1]
    >>> check_loss(Quartic())
    """

    name: ClassVar[str] = "unnamed"
    out_activation: ClassVar[str] = "identity"
    for_classes: ClassVar[bool] = False
    shift_invariant: ClassVar[bool] = False
    quadratic: ClassVar[bool] = False
    likelihood: ClassVar[bool] = False
    free_dispersion: ClassVar[bool] = False
    of_differences: ClassVar[bool] = False

    @abstractmethod
    def derivatives(self, y: Array, raw: Array, order: int = 2) -> tuple[Array, ...]:
        """Value and derivatives in the raw prediction up to an order, in one pass.

        Parameters
        ----------
        y : ndarray of shape (n_samples, n_outputs)
            Targets.
        raw : ndarray of shape (n_samples, n_outputs)
            Raw predictions. They are not written to.
        order : {0, 1, 2}, default=2
            The highest derivative wanted.

        Returns
        -------
        tuple of order + 1 ndarrays
            The value of shape (n_samples,), the gradient of shape (n_samples, n_outputs),
            and the Hessian: its diagonal of shape (n_samples, n_outputs) where the outputs
            do not interact, else of shape (n_samples, n_outputs, n_outputs).
        """

    def value(self, y: Array, raw: Array) -> Array:
        """The loss of each sample.

        Parameters
        ----------
        y : ndarray of shape (n_samples, n_outputs)
            Targets.
        raw : ndarray of shape (n_samples, n_outputs)
            Raw predictions.

        Returns
        -------
        ndarray of shape (n_samples,)
            Summed over outputs, not weighted.
        """
        return self.derivatives(y, raw, 0)[0]

    def inverse_link(self, raw: Array) -> Array:
        """The prediction that belongs to a raw prediction.

        Parameters
        ----------
        raw : ndarray of shape (n_samples, n_outputs)
            Raw predictions.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            Means of the targets; by default raw itself.
        """
        return raw

    def link(self, mean: Array) -> Array:
        """The raw prediction that belongs to a prediction inside the domain.

        Parameters
        ----------
        mean : ndarray of shape (..., n_outputs)
            Predictions.

        Returns
        -------
        ndarray of the shape of mean
            Raw predictions, not finite at the edge of the domain; by default mean itself.
        """
        return mean

    def mean_derivatives(self, raw: Array, output: int, order: int = 2) -> tuple[Array, ...]:
        """One output of the inverse link, and its derivatives in all raw predictions.

        Parameters
        ----------
        raw : ndarray of shape (n_samples, n_outputs)
            Raw predictions.
        output : int
            Which output.
        order : {0, 1, 2}, default=2
            The highest derivative wanted.

        Returns
        -------
        tuple of order + 1 ndarrays
            Of the shapes that :meth:`derivatives` has.
        """
        return LINKS[self.out_activation](raw, output, order)

    def log_density(self, y: Array, raw: Array, dispersion: Array | float) -> Array:
        """Logarithm of the density, or probability, of each entry of y.

        Parameters
        ----------
        y : ndarray of shape (n_samples, n_outputs)
            Targets.
        raw : ndarray of shape (n_samples, n_outputs)
            Raw predictions.
        dispersion : float or array that broadcasts to the shape of y
            Dispersion; 1 where it is no parameter.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            Of shape (n_samples, 1) where all outputs have one joint distribution.

        Raises
        ------
        NotImplementedError
            If the loss has no likelihood.
        """
        raise NotImplementedError(f"{self.name} has no likelihood.")

    def squared_pearson(self, y: Array, raw: Array) -> Array:
        """Squared residuals, divided by their variance at dispersion 1.

        Parameters
        ----------
        y : ndarray of shape (n_samples, n_outputs)
            Targets.
        raw : ndarray of shape (n_samples, n_outputs)
            Raw predictions.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            Their expectation is the dispersion.

        Raises
        ------
        NotImplementedError
            If the loss has no dispersion.
        """
        raise NotImplementedError(f"{self.name} has no dispersion.")

    def likeliest_dispersion(self, mean_loss: float, precision: Array | float = 1.0) -> float:
        """The dispersion of highest likelihood, from the mean loss of an entry of y.

        Parameters
        ----------
        mean_loss : float
            Mean loss per entry of y; with precisions, the mean weighted by them.
        precision : float or ndarray, default=1.0
            An entry has the dispersion divided by its precision.

        Returns
        -------
        float
            The dispersion; 1, the default, where it is no parameter.
        """
        return 1.0

    def quantiles(self, mean: Array, dispersion: Array | float, levels: ArrayLike) -> Array:
        """Quantiles of an observation with a given mean, for prediction intervals.

        Parameters
        ----------
        mean : ndarray of shape (n_samples, n_outputs)
            Predictions, behind the inverse link.
        dispersion : float or array that broadcasts to the shape of mean
            Dispersion; 1 where it is no parameter.
        levels : array-like of shape (n_levels,)
            Probabilities, such as 0.025 and 0.975.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs, n_levels)
            The smallest values that an observation does not exceed with a probability of at
            least the level.

        Raises
        ------
        NotImplementedError
            If the loss has no quantiles; then there are no prediction intervals. The message says
            why.
        """
        raise NotImplementedError(
            f"the loss {self.name} does not say how observations are distributed about their mean"
        )

    def draw(self, mean: Array, dispersion: Array | float, rng: np.random.Generator) -> Array:
        """Random observations with given means, for the parametric bootstrap.

        Parameters
        ----------
        mean : ndarray of shape (n_samples, n_outputs)
            Predictions, behind the inverse link.
        dispersion : float or array that broadcasts to the shape of mean
            Dispersion; 1 where it is no parameter.
        rng : numpy.random.Generator
            Source of random numbers.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            Targets.

        Raises
        ------
        NotImplementedError
            If the loss does not say how observations are distributed. The message says so.
        """
        raise NotImplementedError(
            f"the loss {self.name} does not say how observations are distributed about their mean"
        )

    def in_units(self, scale: Array) -> tuple["Loss", float]:
        """The same loss of targets in other units, for a loss of differences.

        Parameters
        ----------
        scale : ndarray of shape (n_outputs,)
            Size d of the old unit of each output, measured in the new one.

        Returns
        -------
        tuple of Loss and float
            A loss L and a factor c, the squared geometric mean of d, with
            L(d y, d raw) = c loss(y, raw).
        """
        factor = float(np.exp(2.0 * np.log(scale).mean()))
        return ScaledLoss(self, scale, factor), factor

    def check_target(self, y: Array) -> None:  # noqa: B027 - any target, unless refused
        """Check that all targets lie in the domain of the loss; by default any target does.

        Parameters
        ----------
        y : ndarray of shape (n_samples, n_outputs)
            Targets.

        Raises
        ------
        ValueError
            If a target is outside the domain; the message names the values.
        """

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ScaledLoss(Loss):
    """A loss of differences in other units: factor times loss(y / scale, raw / scale).

    Parameters
    ----------
    loss : Loss
        A loss of differences.
    scale : ndarray of shape (n_outputs,)
        Size of the unit of each output, positive.
    factor : float
        The factor in front of the loss.
    """

    of_differences = True

    def __init__(self, loss: Loss, scale: Array, factor: float):
        self.loss, self.scale, self.factor = loss, scale, factor
        self.name = f"{loss.name} in other units"  # type: ignore[misc]

    def derivatives(self, y: Array, raw: Array, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Loss.derivatives`."""
        value, *others = self.loss.derivatives(y / self.scale, raw / self.scale, order)
        found = [self.factor * value]
        if order >= 1:
            found.append(self.factor * others[0] / self.scale)
        if order >= 2:
            both = self.scale[:, None] * self.scale if others[1].ndim == 3 else self.scale**2
            found.append(self.factor * others[1] / both)
        return tuple(found)


class SquaredError(Loss):
    """loss = 1/2 sum_o (raw_o - y_o)^2; the factor 1/2 gives a unit Hessian."""

    name = "squared_error"
    quadratic = True
    likelihood = True
    free_dispersion = True
    of_differences = True

    def in_units(self, scale: Array) -> tuple[Loss, float]:
        """See :meth:`Loss.in_units`; of one unit for all outputs it is the squared error again."""
        if (scale == scale[0]).all():
            return self, float(scale[0] ** 2)
        return super().in_units(scale)

    def derivatives(self, y: Array, raw: Array, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Loss.derivatives`."""
        residual = raw - y
        value = 0.5 * np.einsum("io,io->i", residual, residual)
        return (value, residual, np.ones_like(raw))[: order + 1]

    def log_density(self, y: Array, raw: Array, dispersion: Array | float) -> Array:
        """Normal, the dispersion being the variance."""
        return -0.5 * ((raw - y) ** 2 / dispersion + np.log(2.0 * np.pi * dispersion))

    def squared_pearson(self, y: Array, raw: Array) -> Array:
        """Squared residuals."""
        return (raw - y) ** 2

    def likeliest_dispersion(self, mean_loss: float, precision: Array | float = 1.0) -> float:
        """Mean squared residual."""
        return 2.0 * mean_loss

    def quantiles(self, mean: Array, dispersion: Array | float, levels: ArrayLike) -> Array:
        """Normal."""
        spread = np.broadcast_to(np.sqrt(dispersion), mean.shape)
        return mean[..., None] + spread[..., None] * ndtri(levels)

    def draw(self, mean: Array, dispersion: Array | float, rng: np.random.Generator) -> Array:
        """Normal."""
        return mean + np.sqrt(dispersion) * rng.standard_normal(mean.shape)


class BinaryLogLoss(Loss):
    """loss = sum_o log(1 + exp(raw_o)) - y_o raw_o, with y_o in [0, 1].

    Each output has a logit of its own: one output is two classes, several are labels
    that may be active together.
    """

    name = "binary_log_loss"
    for_classes = True
    out_activation = "logistic"
    likelihood = True

    def derivatives(self, y: Array, raw: Array, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Loss.derivatives`."""
        # log(1 + e^raw) = max(raw, 0) + log(1 + e^-|raw|): nothing overflows, and the
        # difference of the two large terms is taken where it is exact.
        small = np.exp(-np.abs(raw))
        value = np.log1p(small) + (np.maximum(raw, 0.0) - y * raw)
        found = [value.sum(axis=1)]
        if order >= 1:
            # p - y = p (1 - y) - (1 - p) y keeps the digits where p is next to a target of 1.
            near = 1.0 / (1.0 + small)
            far = small * near
            p = np.where(raw > 0.0, near, far)
            found.append(p * (1.0 - y) - np.where(raw > 0.0, far, near) * y)
        if order >= 2:
            found.append(near * far)
        return tuple(found)

    def log_density(self, y: Array, raw: Array, dispersion: Array | float) -> Array:
        """Bernoulli."""
        return y * log_expit(raw) + (1.0 - y) * log_expit(-raw)

    def quantiles(self, mean: Array, dispersion: Array | float, levels: ArrayLike) -> Array:
        """None: a label is there or not, whatever the level."""
        raise NotImplementedError(_NO_ORDER)

    def draw(self, mean: Array, dispersion: Array | float, rng: np.random.Generator) -> Array:
        """Bernoulli."""
        return (rng.random(mean.shape) < mean).astype(float)

    def inverse_link(self, raw: Array) -> Array:
        """Probability of each label."""
        return expit(raw)

    def link(self, mean: Array) -> Array:
        """Logit."""
        return np.log(mean) - np.log1p(-mean)

    def check_target(self, y: Array) -> None:
        """Targets are probabilities: 0, 1 or between."""
        if (y < 0).any() or (y > 1).any():
            raise ValueError(f"{self.name} needs targets between 0 and 1, got {_range(y)}.")


class MultinomialLogLoss(Loss):
    """loss = log(sum_o exp(raw_o)) - sum_o y_o raw_o, rows of y being probabilities.

    The K raw predictions are logits of a softmax; a shift common to all K changes nothing.
    """

    name = "multinomial_log_loss"
    for_classes = True
    out_activation = "softmax"
    shift_invariant = True
    likelihood = True

    def derivatives(self, y: Array, raw: Array, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Loss.derivatives`."""
        rows, top = np.arange(len(raw)), raw.argmax(axis=1)
        shifted = raw - raw[rows, top][:, None]
        p = np.exp(shifted)
        p[rows, top] = 0.0  # it is 1: what the others add to it keeps its digits
        others = p.sum(axis=1)
        found = [np.log1p(others) - (y * shifted).sum(axis=1)]
        if order >= 1:
            p[rows, top] = 1.0
            p /= 1.0 + others[:, None]
            rest = 1.0 - p
            rest[rows, top] = others / (1.0 + others)
            # p - y = p (1 - y) - (1 - p) y keeps the digits where p is next to a target of 1.
            found.append(p * (1.0 - y) - rest * y)
        if order >= 2:
            hessian = -p[:, :, None] * p[:, None, :]
            np.einsum("ioo->io", hessian)[...] = p * rest
            found.append(hessian)
        return tuple(found)

    def log_density(self, y: Array, raw: Array, dispersion: Array | float) -> Array:
        """Categorical: one distribution for all outputs."""
        return -self.value(y, raw)[:, None]

    def quantiles(self, mean: Array, dispersion: Array | float, levels: ArrayLike) -> Array:
        """None: classes have no order."""
        raise NotImplementedError(_NO_ORDER)

    def draw(self, mean: Array, dispersion: Array | float, rng: np.random.Generator) -> Array:
        """One class for each row, as a row of 0 and a 1."""
        edges = mean.cumsum(axis=1)
        chosen = (rng.random((len(mean), 1)) * edges[:, -1:] >= edges).sum(axis=1)
        return np.eye(mean.shape[1])[chosen]

    def inverse_link(self, raw: Array) -> Array:
        """Softmax: the probability of each class."""
        probability = np.exp(raw - raw.max(axis=1, keepdims=True))
        probability /= probability.sum(axis=1, keepdims=True)
        return probability

    def link(self, mean: Array) -> Array:
        """Centred logarithms, the logits that sum to zero."""
        logits = np.log(mean)
        return logits - logits.mean(axis=-1, keepdims=True)

    def check_target(self, y: Array) -> None:
        """Each row of the target is a distribution over at least two classes."""
        if y.shape[1] < 2:
            raise ValueError(
                f"{self.name} needs one column per class and at least two of them, "
                f"got {y.shape[1]}; for a single logit there is 'binary_log_loss'."
            )
        if (y < 0).any() or not np.allclose(y.sum(axis=1), 1.0):
            raise ValueError(
                f"{self.name} needs rows of class probabilities (one-hot rows, say) that sum "
                f"to 1, got row sums in {_range(y.sum(axis=1))}."
            )


class Poisson(Loss):
    """loss = sum_o exp(raw_o) - y_o raw_o + y_o log(y_o) - y_o, with y_o >= 0.

    Half the Poisson deviance under the logarithmic link; raw is the log of the mean.
    """

    name = "poisson"
    out_activation = "exp"
    likelihood = True

    def derivatives(self, y: Array, raw: Array, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Loss.derivatives`."""
        mean, positive = self.inverse_link(raw), y > 0.0
        # y (exp(d) - 1 - d) with d the log of the ratio: large counts keep their digits.
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            d = raw - np.log(y)
            value = np.where(positive, y * (np.expm1(d) - d), mean).sum(axis=1)
        return (value, mean - y, mean)[: order + 1]

    def log_density(self, y: Array, raw: Array, dispersion: Array | float) -> Array:
        """Poisson; of rates, its continuation between whole numbers."""
        return y * raw - self.inverse_link(raw) - gammaln(y + 1.0)

    def quantiles(self, mean: Array, dispersion: Array | float, levels: ArrayLike) -> Array:
        """Poisson: the smallest count up to which the probability is at least a level."""
        mean, p = np.broadcast_arrays(mean[..., None], np.asarray(levels, dtype=float))
        with np.errstate(invalid="ignore"):  # a mean of 0 has no continuous inverse
            above = np.ceil(pdtrik(p, mean))
        below = np.maximum(above - 1.0, 0.0)  # the continuous inverse rounds
        found = np.where(pdtr(below, mean) >= p, below, above)
        return np.where(mean > 0.0, found, mean)

    def draw(self, mean: Array, dispersion: Array | float, rng: np.random.Generator) -> Array:
        """Poisson; with another dispersion than 1 that many times a count."""
        return np.asarray(dispersion * rng.poisson(mean / dispersion))

    def inverse_link(self, raw: Array) -> Array:
        """The mean; infinite where it exceeds the range of double precision."""
        with np.errstate(over="ignore"):
            return np.exp(raw)

    def link(self, mean: Array) -> Array:
        """Logarithm."""
        return np.log(mean)

    def check_target(self, y: Array) -> None:
        """Counts, or rates, are not negative."""
        if (y < 0).any():
            raise ValueError(f"{self.name} needs targets of at least 0, got {_range(y)}.")


class Gamma(Loss):
    """loss = sum_o raw_o + y_o exp(-raw_o) - log(y_o) - 1, with y_o > 0.

    Half the gamma deviance under the logarithmic link; raw is the log of the mean.
    """

    name = "gamma"
    out_activation = "exp"
    likelihood = True
    free_dispersion = True

    def derivatives(self, y: Array, raw: Array, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Loss.derivatives`."""
        with np.errstate(over="ignore"):
            ratio = y * np.exp(-raw)
            d = raw - np.log(y)
            value = (np.expm1(-d) + d).sum(axis=1)
        return (value, 1.0 - ratio, ratio)[: order + 1]

    def log_density(self, y: Array, raw: Array, dispersion: Array | float) -> Array:
        """Gamma, the dispersion being one over the shape."""
        shape = 1.0 / np.asarray(dispersion)
        scaled = shape * y * np.exp(-raw)
        return xlogy(shape, scaled) - scaled - gammaln(shape) - np.log(y)

    def quantiles(self, mean: Array, dispersion: Array | float, levels: ArrayLike) -> Array:
        """Gamma, the dispersion being one over the shape."""
        spread = np.broadcast_to(dispersion, mean.shape)[..., None]
        return mean[..., None] * spread * gammaincinv(1.0 / spread, levels)

    def draw(self, mean: Array, dispersion: Array | float, rng: np.random.Generator) -> Array:
        """Gamma, the dispersion being one over the shape."""
        shape = np.broadcast_to(1.0 / np.asarray(dispersion), mean.shape)
        return np.maximum(mean / shape * rng.gamma(shape), np.finfo(float).tiny)

    def squared_pearson(self, y: Array, raw: Array) -> Array:
        """Squared residuals over the squared mean."""
        return (y * np.exp(-raw) - 1.0) ** 2

    def likeliest_dispersion(self, mean_loss: float, precision: Array | float = 1.0) -> float:
        """Root of mean of precision (log a - digamma(a)) = mean loss, a = shape precision."""

        def excess(shape: float) -> float:
            a = shape * precision
            return float(np.mean(precision * (np.log(a) - digamma(a)))) - mean_loss

        # log a - digamma(a) is between 1 / 2 a and 1 / a.
        return 1.0 / float(brentq(excess, 0.25 / mean_loss, 2.0 / mean_loss))

    def inverse_link(self, raw: Array) -> Array:
        """The mean; infinite where it exceeds the range of double precision."""
        with np.errstate(over="ignore"):
            return np.exp(raw)

    def link(self, mean: Array) -> Array:
        """Logarithm."""
        return np.log(mean)

    def check_target(self, y: Array) -> None:
        """Targets are positive."""
        if (y <= 0).any():
            raise ValueError(f"{self.name} needs targets above 0, got {_range(y)}.")


class PseudoHuber(Loss):
    """loss = sum_o d^2 (sqrt(1 + (r_o / d)^2) - 1) with r = raw - y.

    Quadratic for residuals well below d, linear with slope d well above, and smooth.

    Parameters
    ----------
    delta : float, default=1.0
        The residual d, in the units of y, around which the loss turns from one to the other.
        An estimator that standardises y counts it in standard deviations of y.

    Raises
    ------
    ValueError
        If ``delta`` is not a positive number.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import PseudoHuber
    >>> PseudoHuber(3.0).value(np.array([[0.0]]), np.array([[4.0]]))  # 9 (5 / 3 - 1)
    array([6.])
    """

    name = "pseudo_huber"
    of_differences = True
    delta: float

    def __init__(self, delta: float = 1.0):
        if not (isinstance(delta, Real) and np.isfinite(delta) and delta > 0):
            raise ValueError(f"delta must be a positive number, got {delta!r}.")
        self.delta = float(delta)

    def in_units(self, scale: Array) -> tuple[Loss, float]:
        """See :meth:`Loss.in_units`; of one unit for all outputs it is of the same kind."""
        if (scale == scale[0]).all():
            return PseudoHuber(self.delta * float(scale[0])), float(scale[0] ** 2)
        return super().in_units(scale)

    def derivatives(self, y: Array, raw: Array, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Loss.derivatives`."""
        residual = raw - y
        root = np.hypot(self.delta, residual)
        # d (root - d), written without the cancellation for small residuals.
        value = (self.delta * residual * (residual / (root + self.delta))).sum(axis=1)
        slope = self.delta / root
        return (value, slope * residual, slope**3)[: order + 1]

    def __repr__(self) -> str:
        return f"PseudoHuber(delta={self.delta})"


LOSSES: dict[str, type[Loss]] = {
    kind.name: kind
    for kind in (SquaredError, BinaryLogLoss, MultinomialLogLoss, Poisson, Gamma, PseudoHuber)
}


def get_loss(loss: "str | Loss", n_outputs: int) -> Loss:
    """Return the loss with a given name, or the object itself.

    The name "log_loss" means the binary log loss if there is one output, and the multinomial
    log loss if there are several.

    Parameters
    ----------
    loss : str or Loss
        A key of ``LOSSES``, "log_loss", or an object.
    n_outputs : int
        Number of raw predictions per sample.

    Returns
    -------
    Loss
        The object.

    Raises
    ------
    ValueError
        If the name is unknown, or the object is no :class:`Loss`.

    Examples
    --------
    >>> from sknewtonnet.calculus import get_loss
    >>> get_loss("log_loss", 1), get_loss("log_loss", 3)
    (BinaryLogLoss(), MultinomialLogLoss())
    """
    if isinstance(loss, Loss):
        return loss
    if loss == "log_loss":
        return BinaryLogLoss() if n_outputs == 1 else MultinomialLogLoss()
    if isinstance(loss, str) and loss in LOSSES:
        return LOSSES[loss]()
    names = sorted([*LOSSES, "log_loss"])
    also = "an instance of sknewtonnet.calculus.Loss"
    raise ValueError(must_be_one_of("loss", loss, names, also))


def _range(y: Array) -> str:
    return f"values from {y.min():g} to {y.max():g}"
