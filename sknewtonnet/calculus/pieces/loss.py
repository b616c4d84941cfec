"""What a loss is: a function of a target and a raw prediction, with its derivatives and links."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, softmax

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


class Loss(ABC):
    """A loss of (target, raw prediction), summed over the outputs of a sample.

    An objective takes its weighted mean over the samples. A subclass supplies ``derivatives``;
    what it says of the distribution of targets (``log_density``, ``quantiles``, ``draw``) is for
    inference.

    Attributes
    ----------
    name : str
        The name under which a registry or an error message knows it.
    out_activation : str
        The inverse link, in scikit-learn's words: "identity", "logistic", "softmax", "exp"; or the
        name of the output activation of a net.
    for_classes : bool
        Whether its targets are classes or labels, which a classifier encodes.
    shift_invariant : bool
        Whether a number added to all raw predictions of a sample changes nothing.
    quadratic : bool
        Whether it is half the squared distance of target and raw prediction.
    monotonic_link : bool
        Whether the inverse link of an output with a raw prediction of its own never falls.
    likelihood : bool
        Whether loss / dispersion is a negative log-likelihood, up to terms without raw.
    free_dispersion : bool
        Whether that dispersion is a parameter; else it is 1.
    of_differences : bool
        Whether it depends on raw - y alone, so that the target may be standardised.
    density_of_means : bool
        Whether :meth:`log_density` and :meth:`draw` know what a dispersion of 1 / s is although
        the dispersion is no parameter: that of a mean of s observations, a share of s trials.
    weight_type : {"frequency", "precision"}
        What sample weights mean to inference unless it is told otherwise.
    of_raw : bool
        Whether it is a function of the raw predictions themselves, also where the last layer has
        an activation; else it is one of the outputs, which that makes of them.
    convex : bool
        Whether it is convex in the raw prediction, or nearly so, so that Newton's method may solve
        for an output layer.
    n_estimated : int
        Number of parameters of the loss itself that a fit estimates, see :meth:`likeliest`.

    See Also
    --------
    get_loss : Losses by their names.
    Tweedie : A loss with a parameter.
    sknewtonnet.testing.check_loss : Compare the derivatives of a loss with differences.
    Objective : The mean of a loss over the samples.

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
    monotonic_link: ClassVar[bool] = True
    likelihood: ClassVar[bool] = False
    free_dispersion: ClassVar[bool] = False
    of_differences: ClassVar[bool] = False
    density_of_means: ClassVar[bool] = False
    weight_type: ClassVar[str] = "frequency"
    of_raw: ClassVar[bool] = False
    convex: ClassVar[bool] = True
    n_estimated: int = 0

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

    def by_output(self, y: Array, raw: Array) -> Array:
        """The loss of each output of each sample, for a loss that is a sum over outputs.

        Parameters
        ----------
        y : ndarray of shape (n_samples, n_outputs)
            Targets.
        raw : ndarray of shape (n_samples, n_outputs)
            Raw predictions.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            Rows sum to :meth:`value`, unless outputs interact as those of a softmax do. By default
            the loss of one column at a time; a loss with a number for each output overrides it.
        """
        columns = [slice(o, o + 1) for o in range(raw.shape[1])]
        return np.stack([self.value(y[:, o], raw[:, o]) for o in columns], axis=1)

    @property
    def normal_errors(self) -> bool:
        """Whether it is half the squared distance of target and mean.

        Returns
        -------
        bool
            As for normal errors of one unknown variance; by default where it is ``quadratic``.
        """
        return self.quadratic

    @property
    def joint(self) -> bool:
        """Whether the outputs of a row are one observation, as the classes of a softmax are.

        Returns
        -------
        bool
            By default where it is ``shift_invariant``.
        """
        return self.shift_invariant

    def multipliers(self, y: Array, raw: Array) -> Array:
        """Differentiate the loss in the outputs of the net: the multipliers of its last layer.

        Parameters
        ----------
        y : ndarray of shape (n_samples, n_outputs)
            Targets.
        raw : ndarray of shape (n_samples, n_outputs)
            Raw predictions.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            The gradient in the raw predictions, unless an output activation stands between.
        """
        return self.derivatives(y, raw, 1)[1]

    def curvature_parts(self, y: Array, raw: Array) -> tuple[Array, Array | None]:
        """The Hessian in two parts: of the loss in the outputs, and of an output activation.

        Parameters
        ----------
        y : ndarray of shape (n_samples, n_outputs)
            Targets.
        raw : ndarray of shape (n_samples, n_outputs)
            Raw predictions.

        Returns
        -------
        model : ndarray
            The part h' (d2 loss) h', of the shape that the Hessian of :meth:`derivatives` has:
            what the Gauss-Newton matrix is made of.
        bend : ndarray of shape (n_samples, n_outputs), or None
            The rest, e h'' with the :meth:`multipliers` e; None without an output activation h.
        """
        return self.derivatives(y, raw, 2)[2], None

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

    @property
    def mean_bounds(self) -> tuple[float | Array, float | Array]:
        """Values between which means lie.

        Returns
        -------
        tuple of float, or of ndarray of shape (n_outputs,)
            Infinite where there is no bound.
        """
        bounds = {"identity": (-np.inf, np.inf), "exp": (0.0, np.inf)}
        return bounds.get(self.out_activation, (0.0, 1.0))

    def interior(self, mean: Array) -> Array:
        """The mean, moved into the domain of the link where it is at its edge.

        Parameters
        ----------
        mean : ndarray of shape (n_outputs,)
            Predictions.

        Returns
        -------
        ndarray of shape (n_outputs,)
            At least 1e-6 under a logarithmic link, and as far from 0 and 1 under those of classes.
        """
        if self.out_activation == "identity":
            return mean
        if self.out_activation == "exp":
            return np.where(mean > 0.0, mean, 1e-6)
        return np.clip(mean, 1e-6, 1.0 - 1e-6)

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

    def dispersion_of(
        self, y: Array, raw: Array, counts: Array, precision: Array | float = 1.0
    ) -> float:
        """The dispersion of highest likelihood for some data.

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
        each = counts * np.broadcast_to(precision, (len(y), 1))[:, 0]
        total = float(each @ self.value(y, raw))
        return self.likeliest_dispersion(total / (float(counts.sum()) * y.shape[1]), precision)

    @property
    def own_parameters(self) -> dict[str, float]:
        """Parameters of the loss itself that a fit reports, by their names.

        Returns
        -------
        dict of str to float
            Empty for most losses.
        """
        return {}

    def likeliest(self, y: Array, raw: Array, sample_weight: Array) -> Loss:
        """The same loss with those parameters of its own that have the highest likelihood.

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
            Itself, where there is nothing to estimate, or where it has these parameters already.
        """
        return self

    def quantiles(self, mean: Array, dispersion: Array | float, levels: ArrayLike) -> Array:
        """Find quantiles of an observation with a given mean, for prediction intervals.

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

    def cumulative(self, y: Array, mean: Array, dispersion: Array | float) -> tuple[Array, Array]:
        """The probabilities of an observation below y, and of one up to y, for quantile residuals.

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

        Raises
        ------
        NotImplementedError
            If the loss does not say how observations are distributed. The message says so.
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

    def in_units(self, scale: Array) -> tuple[Loss, float]:
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

    def by_output(self, y: Array, raw: Array) -> Array:
        """See :meth:`Loss.by_output`."""
        return self.factor * self.loss.by_output(y / self.scale, raw / self.scale)


def value_range(y: Array) -> str:
    """Words for the lowest and the highest value."""
    return f"values from {y.min():g} to {y.max():g}"
