"""Losses under the logarithmic link: Poisson, gamma, Tweedie, negative binomial."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq, elementwise, minimize_scalar
from scipy.special import (
    betainc,
    digamma,
    expit,
    gammainc,
    gammaincinv,
    gammaln,
    nbdtrik,
    pdtr,
    pdtrik,
    xlogy,
)

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.pieces.loss import Loss, value_range


class LogLink(Loss):
    """A loss whose raw prediction is the logarithm of the mean."""

    out_activation = "exp"

    def inverse_link(self, raw: Array) -> Array:
        """The mean; infinite where it exceeds the range of double precision.

        See :meth:`Loss.inverse_link`.

        Parameters
        ----------
        raw : ndarray of shape (n_samples, n_outputs)
            Raw predictions.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            The exponential of raw.
        """
        with np.errstate(over="ignore"):
            return np.exp(raw)

    def link(self, mean: Array) -> Array:
        """Logarithm. See :meth:`Loss.link`.

        Parameters
        ----------
        mean : ndarray of shape (..., n_outputs)
            Predictions.

        Returns
        -------
        ndarray of the shape of mean
            The logarithm of the mean, minus infinity where that is 0.
        """
        return np.log(mean)


class Poisson(LogLink):
    """loss = sum_o exp(raw_o) - y_o raw_o + y_o log(y_o) - y_o, with y_o >= 0.

    Half the Poisson deviance under the logarithmic link; raw is the log of the mean.
    """

    name = "poisson"
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

    def cumulative(self, y: Array, mean: Array, dispersion: Array | float) -> tuple[Array, Array]:
        """Poisson; with another dispersion than 1, of that many times a count."""
        count, rate = y / dispersion, mean / dispersion
        below = np.where(count > 0.0, pdtr(np.maximum(np.ceil(count) - 1.0, 0.0), rate), 0.0)
        return below, np.asarray(pdtr(np.floor(count), rate))

    def draw(self, mean: Array, dispersion: Array | float, rng: np.random.Generator) -> Array:
        """Poisson; with another dispersion than 1 that many times a count."""
        return np.asarray(dispersion * rng.poisson(mean / dispersion))

    def check_target(self, y: Array) -> None:
        """Counts, or rates, are not negative."""
        if (y < 0).any():
            raise ValueError(f"{self.name} needs targets of at least 0, got {value_range(y)}.")


class Gamma(LogLink):
    """loss = sum_o raw_o + y_o exp(-raw_o) - log(y_o) - 1, with y_o > 0.

    Half the gamma deviance under the logarithmic link; raw is the log of the mean.
    """

    name = "gamma"
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

    def cumulative(self, y: Array, mean: Array, dispersion: Array | float) -> tuple[Array, Array]:
        """Gamma, the dispersion being one over the shape."""
        shape = 1.0 / np.asarray(dispersion)
        found = np.asarray(gammainc(shape, shape * y / mean))
        return found, found

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

    def check_target(self, y: Array) -> None:
        """Targets are positive."""
        if (y <= 0).any():
            raise ValueError(f"{self.name} needs targets above 0, got {value_range(y)}.")


class Tweedie(LogLink):
    """Half the Tweedie deviance, for amounts that are zero in many rows.

        loss = sum_o y^(2-p) / ((1-p) (2-p)) - y mu^(1-p) / (1-p) + mu^(2-p) / (2-p),  y_o >= 0

    Targets have the mean mu = exp(raw) and the variance phi mu^p, 1 < p < 2: a sum of a Poisson
    number of gamma amounts, such as the cost of the claims of a year, zero where there
    are none. The dispersion phi is estimated; the power is the user's.

    Parameters
    ----------
    power : float, default=1.5
        The power p of the variance, between 1 (Poisson) and 2 (gamma), both excluded.

    Raises
    ------
    ValueError
        If ``power`` is not a number between 1 and 2.

    See Also
    --------
    NegativeBinomial : Counts that vary more than Poisson ones.
    get_loss : Losses by their names, "poisson" and "gamma" among them.
    sklearn.linear_model.TweedieRegressor : The linear model.

    References
    ----------
    Dunn and Smyth (2005), Series evaluation of Tweedie exponential dispersion model densities,
    Statistics and Computing 15.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Tweedie
    >>> Tweedie(1.5).value(np.array([[4.0], [0.0]]), np.array([[0.0], [0.0]])).tolist()
    [2.0, 2.0]
    """

    name = "tweedie"
    likelihood = True
    free_dispersion = True
    power: float

    def __init__(self, power: float = 1.5):
        if not (isinstance(power, Real) and 1.0 < power < 2.0):
            raise ValueError(f"power must be a number between 1 and 2, got {power!r}.")
        self.power = float(power)

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
        p, positive = self.power, y > 0.0
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            rise = np.exp((2.0 - p) * raw)
            # y^(2-p) times a function of the logarithm d of the ratio: it keeps its digits.
            d = raw - np.log(y)
            unit = np.expm1((2.0 - p) * d) / (2.0 - p) + np.expm1((1.0 - p) * d) / (p - 1.0)
            value = np.where(positive, y ** (2.0 - p) * unit, rise / (2.0 - p)).sum(axis=1)
            fall = np.where(positive, y * np.exp((1.0 - p) * raw), 0.0)
        return (value, rise - fall, (2.0 - p) * rise + (p - 1.0) * fall)[: order + 1]

    def log_density(self, y: Array, raw: Array, dispersion: Array | float) -> Array:
        """Of a sum of gamma amounts; the probability of y = 0.

        See :meth:`Loss.log_density`.

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
        """
        p, phi = self.power, np.broadcast_to(dispersion, y.shape)
        mean = self.inverse_link(raw)
        found = -(mean ** (2.0 - p)) / ((2.0 - p) * phi)
        some = y > 0.0
        at, phi = y[some], phi[some]
        with np.errstate(divide="ignore"):  # a mean that has become 0
            found[some] -= at * mean[some] ** (1.0 - p) / ((p - 1.0) * phi) + np.log(at)
        found[some] += self._log_series(at, phi)
        return found

    def _log_series(self, y: Array, phi: Array) -> Array:
        """Log sum_j x^j / (j! Gamma(a j)), for a = (2-p) / (p-1): over all numbers j of amounts.

        Terms are summed around the largest, j = y^(2-p) / ((2-p) phi), as far as they count.
        """
        p = self.power
        a = (2.0 - p) / (p - 1.0)
        log_x = a * np.log(y / (phi * (p - 1.0))) - np.log(phi * (2.0 - p))
        top = y ** (2.0 - p) / ((2.0 - p) * phi)
        reach = 9.0 * np.sqrt(top / (1.0 + a)) + 12.0
        first = np.maximum(1.0, np.floor(top - reach))
        n_terms = np.ceil(top + reach) - first + 1.0
        found = np.empty(len(y))
        for rows in _alike(n_terms):
            j = first[rows, None] + np.arange(int(n_terms[rows].max()))
            terms = j * log_x[rows, None] - gammaln(j + 1.0) - gammaln(a * j)
            largest = terms.max(axis=1)
            found[rows] = largest + np.log(np.exp(terms - largest[:, None]).sum(axis=1))
        return found

    def squared_pearson(self, y: Array, raw: Array) -> Array:
        """Squared residuals over mu^p. See :meth:`Loss.squared_pearson`.

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
        """
        p, mean = self.power, self.inverse_link(raw)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            return np.where(y > 0.0, (y - mean) ** 2 / mean**p, np.exp((2.0 - p) * raw))

    def likeliest_dispersion(self, mean_loss: float, precision: Array | float = 1.0) -> float:
        """None from the mean loss alone: see :meth:`dispersion_of`.

        See :meth:`Loss.likeliest_dispersion`.

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
        raise NotImplementedError("the dispersion depends on more than the mean loss.")

    def dispersion_of(
        self, y: Array, raw: Array, counts: Array, precision: Array | float = 1.0
    ) -> float:
        """By maximising the likelihood, from a moment estimate on.

        See :meth:`Loss.dispersion_of`.

        Parameters
        ----------
        y : ndarray of shape (n_samples, n_outputs)
            Targets.
        raw : ndarray of shape (n_samples, n_outputs)
            Raw predictions.
        counts : ndarray of shape (n_samples,)
            How often each row counts.
        precision : float or ndarray of shape (n_samples, 1), default=1.0
            A row has the dispersion divided by its precision.

        Returns
        -------
        float
            By default :meth:`likeliest_dispersion` of the mean loss; 1 where it is no parameter.
        """
        each = counts[:, None] * precision
        start = float((each * self.squared_pearson(y, raw)).sum() / (counts.sum() * y.shape[1]))
        if start == 0.0:
            return 0.0

        def loss(log_phi: float) -> float:
            density = self.log_density(y, raw, np.exp(log_phi) / precision)
            return -float(counts @ density.sum(axis=1))

        near = np.log(start)
        return float(np.exp(minimize_scalar(loss, bracket=(near - 0.3, near)).x))

    def _parts(self, mean: Array, dispersion: Array | float) -> tuple[Array, float, Array]:
        """Mean number of amounts, their shape, and their scale."""
        p = self.power
        rate = mean ** (2.0 - p) / ((2.0 - p) * dispersion)
        return rate, (2.0 - p) / (p - 1.0), dispersion * (p - 1.0) * mean ** (p - 1.0)

    def quantiles(self, mean: Array, dispersion: Array | float, levels: ArrayLike) -> Array:
        """Of a sum of gamma amounts: 0 up to the probability of none, then by root finding.

        See :meth:`Loss.quantiles`.

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
        """
        mean, phi = np.broadcast_arrays(mean[..., None], np.asarray(dispersion)[..., None])
        mean, phi, p = np.broadcast_arrays(mean, phi, np.asarray(levels, dtype=float))
        rate, shape, scale = self._parts(mean, phi)
        found = np.zeros(mean.shape)
        beyond = p > np.exp(-rate)
        if not beyond.any():
            return found
        rate, scale, wanted = rate[beyond], scale[beyond], p[beyond]

        def excess(log_y: Array, rate: Array, scale: Array, wanted: Array) -> Array:
            return _sum_of_amounts(np.exp(log_y), rate, shape, scale) - wanted

        start = np.log(rate * shape * scale)
        given = {"args": (rate, scale, wanted)}
        ends = elementwise.bracket_root(excess, start - 1.0, start + 1.0, **given)
        found[beyond] = np.exp(elementwise.find_root(excess, ends.bracket, **given).x)
        return found

    def cumulative(self, y: Array, mean: Array, dispersion: Array | float) -> tuple[Array, Array]:
        """Of a sum of gamma amounts, 0 with the probability of none.

        See :meth:`Loss.cumulative`.

        Parameters
        ----------
        y, mean : ndarray of shape (n_samples, n_outputs)
            Targets, and predictions behind the inverse link.
        dispersion : float or array that broadcasts to the shape of mean
            Dispersion; 1 where it is no parameter.

        Returns
        -------
        tuple of two ndarrays of shape (n_samples, n_outputs)
            P(Y < y) and P(Y <= y), the same for continuous distributions. Of classes, P is that of
            each of them, there (1) or not (0).
        """
        rate, shape, scale = self._parts(mean, dispersion)
        upto = _sum_of_amounts(y, rate, shape, scale)
        return np.where(y > 0.0, upto, 0.0), upto

    def draw(self, mean: Array, dispersion: Array | float, rng: np.random.Generator) -> Array:
        """Draw sums of gamma amounts. See :meth:`Loss.draw`.

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
        """
        rate, shape, scale = self._parts(mean, dispersion)
        number = rng.poisson(rate)
        return np.where(number > 0, scale * rng.gamma(np.maximum(shape * number, 1e-3)), 0.0)

    def check_target(self, y: Array) -> None:
        """Check that no target is negative. See :meth:`Loss.check_target`.

        Parameters
        ----------
        y : ndarray of shape (n_samples, n_outputs)
            Targets.
        """
        if (y < 0).any():
            raise ValueError(f"{self.name} needs targets of at least 0, got {value_range(y)}.")

    def __repr__(self) -> str:
        return f"Tweedie(power={self.power})"


def _sum_of_amounts(y: Array, rate: Array, shape: float, scale: Array) -> Array:
    """Probability that a Poisson number of gamma amounts sums to y or less."""
    most = int(np.ceil(rate.max() + 10.0 * np.sqrt(rate.max()) + 20.0))
    found = weight = np.exp(-rate)
    for j in range(1, most + 1):
        weight = weight * rate / j
        found = found + weight * gammainc(shape * j, y / scale)
    return found


def _alike(n_terms: Array) -> Iterator[Ints]:
    """Rows whose sums have about as many terms, a few million terms at a time."""
    order = np.argsort(n_terms)
    sizes, start = n_terms[order], 0
    while start < len(order):
        stop = int(np.searchsorted(sizes, 2.0 * sizes[start] + 64.0, side="right"))
        stop = min(stop, start + max(1, int(4e6 // sizes[stop - 1])))
        yield order[start:stop]
        start = stop


# Limits of the overdispersion: beyond, counts are Poisson, or zero but for a few.
_LEAST, _MOST = 1e-6, 1e6
# Overdispersions this near each other are the same: the likelihood is flat around its maximum.
_SAME = 1e-9


class NegativeBinomial(LogLink):
    """Half the deviance of the negative binomial distribution, for counts.

        loss = sum_o y log(y / mu) - (y + 1/a) log((1 + a y) / (1 + a mu)),  y_o >= 0

    The mean is mu = exp(raw), the variance mu + a mu^2 ("NB2"): counts whose means vary more than
    the inputs tell.

    Parameters
    ----------
    overdispersion : float or None, default=None
        The number a, positive. None: estimated, by estimators of this package, which maximise the
        likelihood in it and the net by turns; 1 to begin with.

    Raises
    ------
    ValueError
        If ``overdispersion`` is no positive number.

    See Also
    --------
    Tweedie : Amounts that are not whole numbers.
    get_loss : Losses by their names, "poisson" among them.
    Loss : The base class, for losses of one's own.

    References
    ----------
    Cameron and Trivedi (2013), Regression Analysis of Count Data, 3.3.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import NegativeBinomial
    >>> loss = NegativeBinomial(2.0)
    >>> _, gradient, hessian = loss.derivatives(np.array([[3.0]]), np.array([[0.0]]))
    >>> gradient.round(6).tolist(), hessian.round(6).tolist()
    ([[-0.666667]], [[0.777778]])
    """

    name = "negative_binomial"
    likelihood = True
    overdispersion: float

    def __init__(self, overdispersion: float | None = None):
        given = overdispersion
        if given is not None and not (isinstance(given, Real) and 0.0 < given < np.inf):
            raise ValueError(
                f"overdispersion must be a positive number, or None to estimate it, got {given!r}."
            )
        self.n_estimated = int(given is None)
        self.overdispersion = 1.0 if given is None else float(given)

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
        a = self.overdispersion
        t = raw + np.log(a)
        p, rest = expit(t), expit(-t)  # a mu / (1 + a mu), and what is left of 1
        found = [self._value(y, raw, t).sum(axis=1)]
        if order >= 1:
            found.append(p / a - y * rest)
        if order >= 2:
            found.append((1.0 / a + y) * p * rest)
        return tuple(found)

    def _value(self, y: Array, raw: Array, t: Array) -> Array:
        a, positive = self.overdispersion, y > 0.0
        # With d the logarithm of the ratio (y + 1/a) (log(1 + q (exp(d) - 1)) - q d) keeps its
        # digits where d is small, q = a y / (1 + a y).
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            q, d = a * y / (1.0 + a * y), raw - np.log(y)
            near = (y + 1.0 / a) * (np.log1p(q * np.expm1(np.minimum(d, 1.0))) - q * d)
            far = (y + 1.0 / a) * (np.logaddexp(0.0, t) - np.log1p(a * y)) - y * d
        zero = np.logaddexp(0.0, t) / a
        return np.where(positive, np.where(d > 1.0, far, near), zero)

    def log_density(self, y: Array, raw: Array, dispersion: Array | float) -> Array:
        """Negative binomial; between whole numbers its continuation.

        See :meth:`Loss.log_density`.

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
        """
        size, t = 1.0 / self.overdispersion, raw + np.log(self.overdispersion)
        log_p, log_rest = -np.logaddexp(0.0, -t), -np.logaddexp(0.0, t)
        ways = gammaln(y + size) - gammaln(size) - gammaln(y + 1.0)
        return ways + y * log_p + size * log_rest

    def squared_pearson(self, y: Array, raw: Array) -> Array:
        """Squared residuals over mu + a mu^2. See :meth:`Loss.squared_pearson`.

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
        """
        mean = self.inverse_link(raw)
        return (y - mean) ** 2 / (mean + self.overdispersion * mean**2)

    @property
    def own_parameters(self) -> dict[str, float]:
        """The overdispersion."""
        return {"overdispersion": self.overdispersion}

    def likeliest(self, y: Array, raw: Array, sample_weight: Array) -> Loss:
        """The root of the derivative of the likelihood in 1 / overdispersion, one for all.

        See :meth:`Loss.likeliest`.

        Parameters
        ----------
        y : ndarray of shape (n_samples, n_outputs)
            Targets.
        raw : ndarray of shape (n_samples, n_outputs)
            Raw predictions.
        sample_weight : ndarray of shape (n_samples,)
            Weights.

        Returns
        -------
        Loss
            A loss with the likeliest overdispersion; itself if that was given.
        """
        if not self.n_estimated:
            return self
        mean, weight = self.inverse_link(raw), sample_weight[:, None]

        def slope(log_size: float) -> float:
            size = np.exp(log_size)
            ways = digamma(y + size) - digamma(size)
            rest = (mean - y) / (size + mean) - np.log1p(mean / size)
            return float((weight * (ways + rest)).sum())

        ends = -np.log(_MOST), -np.log(_LEAST)
        if slope(ends[1]) >= 0.0:
            log_size = ends[1]
        elif slope(ends[0]) <= 0.0:
            log_size = ends[0]
        else:
            log_size = brentq(slope, *ends, xtol=1e-13)
        if abs(log_size + np.log(self.overdispersion)) <= _SAME:
            return self
        found = NegativeBinomial()
        found.overdispersion = float(np.exp(-log_size))
        return found

    def quantiles(self, mean: Array, dispersion: Array | float, levels: ArrayLike) -> Array:
        """The smallest count up to which the probability is at least a level.

        See :meth:`Loss.quantiles`.

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
        """
        size = 1.0 / self.overdispersion
        mean, p = np.broadcast_arrays(mean[..., None], np.asarray(levels, dtype=float))
        chance = size / (size + mean)
        with np.errstate(invalid="ignore"):  # a mean of 0 has no continuous inverse
            above = np.maximum(np.ceil(nbdtrik(p, size, chance)), 0.0)
        below = np.maximum(above - 1.0, 0.0)  # the continuous inverse rounds
        found = np.where(betainc(size, below + 1.0, chance) >= p, below, above)
        return np.where(mean > 0.0, found, mean)

    def cumulative(self, y: Array, mean: Array, dispersion: Array | float) -> tuple[Array, Array]:
        """Negative binomial. See :meth:`Loss.cumulative`.

        Parameters
        ----------
        y, mean : ndarray of shape (n_samples, n_outputs)
            Targets, and predictions behind the inverse link.
        dispersion : float or array that broadcasts to the shape of mean
            Dispersion; 1 where it is no parameter.

        Returns
        -------
        tuple of two ndarrays of shape (n_samples, n_outputs)
            P(Y < y) and P(Y <= y), the same for continuous distributions. Of classes, P is that of
            each of them, there (1) or not (0).
        """
        size = 1.0 / self.overdispersion
        chance, least = size / (size + mean), np.ceil(y)
        below = np.where(least > 0.0, betainc(size, np.maximum(least, 1.0), chance), 0.0)
        return below, np.asarray(betainc(size, np.floor(y) + 1.0, chance))

    def draw(self, mean: Array, dispersion: Array | float, rng: np.random.Generator) -> Array:
        """Poisson, of means that are gamma. See :meth:`Loss.draw`.

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
        """
        size = 1.0 / self.overdispersion
        return rng.poisson(mean * rng.gamma(size, size=mean.shape) / size).astype(float)

    def check_target(self, y: Array) -> None:
        """Check that no count is negative. See :meth:`Loss.check_target`.

        Parameters
        ----------
        y : ndarray of shape (n_samples, n_outputs)
            Targets.
        """
        if (y < 0).any():
            raise ValueError(f"{self.name} needs targets of at least 0, got {value_range(y)}.")

    def __repr__(self) -> str:
        given = "" if self.n_estimated else f"overdispersion={self.overdispersion}"
        return f"NegativeBinomial({given})"
