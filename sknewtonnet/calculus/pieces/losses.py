"""Losses: pointwise functions of a target and a raw prediction, with derivatives.

A loss sees the *raw prediction* (the linear predictor, before the inverse link), so that
link and logarithm are never composed numerically. It is unweighted; weights and the
factor 1/S belong to the objective. A new loss is a class with :meth:`Loss.derivatives` and one
line in ``LOSSES``, where the tests find it; :func:`sknewtonnet.testing.check_loss` names a
derivative that is wrong.
"""

from __future__ import annotations

from numbers import Real

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, expit, gammaln, log_expit, ndtr, ndtri

from sknewtonnet._names import must_be_one_of
from sknewtonnet._typing import Array
from sknewtonnet.calculus.pieces.log_links import Gamma, NegativeBinomial, Poisson, Tweedie
from sknewtonnet.calculus.pieces.loss import Loss, value_range

_NO_ORDER = "an observation is a class, of which there are no quantiles: see mean and moderated"


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

    def cumulative(self, y: Array, mean: Array, dispersion: Array | float) -> tuple[Array, Array]:
        """Normal."""
        found = np.asarray(ndtr((y - mean) / np.sqrt(dispersion)))
        return found, found

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

    def cumulative(self, y: Array, mean: Array, dispersion: Array | float) -> tuple[Array, Array]:
        """Bernoulli."""
        return _there_or_not(y, mean)

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
            raise ValueError(f"{self.name} needs targets between 0 and 1, got {value_range(y)}.")


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

    def cumulative(self, y: Array, mean: Array, dispersion: Array | float) -> tuple[Array, Array]:
        """Bernoulli, of each class for itself."""
        return _there_or_not(y, mean)

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
                f"to 1, got row sums in {value_range(y.sum(axis=1))}."
            )


class Binomial(BinaryLogLoss):
    """The binary log loss of shares, for regression: y_o of the sample weight's trials succeed.

    A row has the share of its successes as target, and the number of its trials as sample weight,
    as in R's glm. Inference takes weights as such numbers (``weight_type="precision"``): n counts
    rows, and the likelihood has the binomial coefficients.
    """

    name = "binomial"
    for_classes = False
    density_of_means = True
    weight_type = "precision"

    def log_density(self, y: Array, raw: Array, dispersion: Array | float) -> Array:
        """Binomial: y is a share of 1 / dispersion trials."""
        trials = 1.0 / np.asarray(dispersion)
        hits, misses = trials * y, trials * (1.0 - y)
        ways = gammaln(trials + 1.0) - gammaln(hits + 1.0) - gammaln(misses + 1.0)
        return trials * super().log_density(y, raw, 1.0) + ways

    def cumulative(self, y: Array, mean: Array, dispersion: Array | float) -> tuple[Array, Array]:
        """Binomial: y is a share of 1 / dispersion trials."""
        trials = np.maximum(np.rint(1.0 / np.asarray(dispersion)), 1.0)
        hits, miss = np.rint(trials * y), 1.0 - mean
        below = betainc(trials - hits + 1.0, np.maximum(hits, 1.0), miss)
        upto = betainc(np.maximum(trials - hits, 1.0), hits + 1.0, miss)
        return np.where(hits > 0.0, below, 0.0), np.where(hits < trials, upto, 1.0)

    def draw(self, mean: Array, dispersion: Array | float, rng: np.random.Generator) -> Array:
        """Shares of 1 / dispersion trials, rounded to a whole number."""
        trials = np.maximum(np.rint(1.0 / np.asarray(dispersion)), 1.0).astype(int)
        return rng.binomial(trials, mean) / trials

    def quantiles(self, mean: Array, dispersion: Array | float, levels: ArrayLike) -> Array:
        """None: they hang on the number of trials, which a prediction does not know."""
        raise NotImplementedError(
            "how shares vary about their mean depends on the number of trials of each"
        )


class PseudoHuber(Loss):
    """Squared error near 0 and absolute error far away, smooth between.

        loss = sum_o d^2 (sqrt(1 + (r_o / d)^2) - 1)   with r = raw - y

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

    See Also
    --------
    get_loss : Losses by their names; this one is "pseudo_huber".
    Loss : The base class, for losses of one's own.

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
        """See :meth:`Loss.in_units`; of one unit for all outputs it is of the same kind.

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
        if (scale == scale[0]).all():
            return PseudoHuber(self.delta * float(scale[0])), float(scale[0] ** 2)
        return super().in_units(scale)

    def derivatives(self, y: Array, raw: Array, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Loss.derivatives`.

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
        residual = raw - y
        root = np.hypot(self.delta, residual)
        # d (root - d), written without the cancellation for small residuals.
        value = (self.delta * residual * (residual / (root + self.delta))).sum(axis=1)
        slope = self.delta / root
        return (value, slope * residual, slope**3)[: order + 1]

    def __repr__(self) -> str:
        return f"PseudoHuber(delta={self.delta})"


def _there_or_not(y: Array, probability: Array) -> tuple[Array, Array]:
    """Probabilities of less than y and up to y, where 1 has a probability, and 0 the rest."""
    below = np.where(y > 0.0, 1.0 - probability, 0.0)
    return below, np.where(y >= 1.0, 1.0, 1.0 - probability)


LOSSES: dict[str, type[Loss]] = {
    kind.name: kind
    for kind in (
        SquaredError,
        BinaryLogLoss,
        MultinomialLogLoss,
        Poisson,
        Gamma,
        Tweedie,
        NegativeBinomial,
        Binomial,
        PseudoHuber,
    )
}


def get_loss(loss: str | Loss, n_outputs: int) -> Loss:
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

    See Also
    --------
    LOSSES : The classes by name.
    Loss : The base class, for losses of one's own.
    get_activation : The same for activations.

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
