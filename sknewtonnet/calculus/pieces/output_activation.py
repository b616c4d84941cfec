"""A loss behind an output activation: a function of the linear predictor a, L(y, h(a)).

With the outputs x = h(a) of the last layer and e = dL/dx, elementwise in the outputs,

    dL/da = e h',        d2L/da da' = h' (d2L/dx dx') h' + diag(e h'')

so that the passes over a net see a loss like any other, whose inverse link contains h.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sknewtonnet._typing import Array
from sknewtonnet.calculus.pieces.activations import ACTIVATIONS, Activation
from sknewtonnet.calculus.pieces.loss import Loss

# What is true of L(y, h(a)) as it is of L(y, x). It is no square and no function of differences.
_KEPT = (
    "for_classes",
    "likelihood",
    "free_dispersion",
    "density_of_means",
    "weight_type",
    "n_estimated",
)


def behind(loss: Loss, activation: Activation) -> Loss:
    """The loss as a function of the linear predictor of the last layer.

    Parameters
    ----------
    loss : Loss
        Of targets and outputs. One of raw predictions, as is one that is behind an activation
        already, stays as it is.
    activation : Activation
        That of the last layer.

    Returns
    -------
    Loss
        The loss itself for the identity.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import get_activation, get_loss
    >>> from sknewtonnet.calculus.pieces.output_activation import behind
    >>> loss = behind(get_loss("squared_error", 1), get_activation("logistic"))
    >>> loss.value(np.array([[1.0]]), np.array([[0.0]]))  # 1/2 (1/2 - 1)^2
    array([0.125])
    """
    if activation.name == "identity" or loss.of_raw:
        return loss
    return LossBehindActivation(loss, activation)


def output_activation(loss: Loss) -> Activation:
    """The activation between the linear predictor and the loss of an objective.

    Parameters
    ----------
    loss : Loss
        The loss as a function of the linear predictor, as of :func:`behind`.

    Returns
    -------
    Activation
        The identity for a loss of raw predictions.
    """
    return loss.activation if isinstance(loss, LossBehindActivation) else ACTIVATIONS["identity"]


def loss_of_outputs(loss: Loss) -> Loss:
    """The loss as a function of the outputs x = h(a).

    Parameters
    ----------
    loss : Loss
        The loss as a function of the linear predictor, as of :func:`behind`.

    Returns
    -------
    Loss
        The loss itself where :func:`output_activation` is the identity.
    """
    return loss.loss if isinstance(loss, LossBehindActivation) else loss


class LossBehindActivation(Loss):
    """L(y, h(a)) of a linear predictor a, the raw prediction.

    Parameters
    ----------
    loss : Loss
        L, a function of targets and outputs.
    activation : Activation
        h, of the last layer.
    """

    of_raw = True
    convex = False

    def __init__(self, loss: Loss, activation: Activation):
        self.loss, self.activation = loss, activation
        link = "" if loss.out_activation == "identity" else f"{loss.out_activation} of "
        found = {name: getattr(loss, name) for name in _KEPT}
        found["name"] = f"{loss.name} of {activation.name} outputs"
        found["out_activation"] = link + activation.name
        found["monotonic_link"] = activation.monotonic
        vars(self).update(found)

    def _outputs(self, raw: Array, order: int = 0) -> list[Array]:
        """X = h(a) and its derivatives up to an order, of the shape of raw."""
        return [part.T for part in self.activation.derivatives(raw.T, order)]

    def derivatives(self, y: Array, raw: Array, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Loss.derivatives`."""
        x, *slopes = self._outputs(raw, order)
        value, *others = self.loss.derivatives(y, x, order)
        found = [value]
        if order >= 1:
            found.append(others[0] * slopes[0])
        if order >= 2:
            model = _between(slopes[0], others[1])
            np.einsum("ioo->io" if model.ndim == 3 else "io->io", model)[...] += (
                others[0] * slopes[1]
            )
            found.append(model)
        return tuple(found)

    def by_output(self, y: Array, raw: Array) -> Array:
        """See :meth:`Loss.by_output`."""
        return self.loss.by_output(y, self._outputs(raw)[0])

    @property
    def normal_errors(self) -> bool:
        """See :attr:`Loss.normal_errors`."""
        return self.loss.normal_errors

    @property
    def joint(self) -> bool:
        """See :attr:`Loss.joint`."""
        return self.loss.joint

    def multipliers(self, y: Array, raw: Array) -> Array:
        """See :meth:`Loss.multipliers`."""
        return self.loss.derivatives(y, self._outputs(raw)[0], 1)[1]

    def curvature_parts(self, y: Array, raw: Array) -> tuple[Array, Array | None]:
        """See :meth:`Loss.curvature_parts`."""
        x, slope, bend = self._outputs(raw, 2)
        _, gradient, hessian = self.loss.derivatives(y, x, 2)
        return _between(slope, hessian), gradient * bend

    def inverse_link(self, raw: Array) -> Array:
        """See :meth:`Loss.inverse_link`."""
        return self.loss.inverse_link(self._outputs(raw)[0])

    def link(self, mean: Array) -> Array:
        """See :meth:`Loss.link`; NaN where the activation has no inverse."""
        x = np.asarray(self.loss.link(mean))
        with np.errstate(all="ignore"):
            return self.activation.inverse(x.reshape(-1, x.shape[-1]).T).T.reshape(x.shape)

    @property
    def mean_bounds(self) -> tuple[float | Array, float | Array]:
        """See :attr:`Loss.mean_bounds`."""
        of_outputs = self.loss.out_activation == "identity"
        return self.activation.bounds if of_outputs else self.loss.mean_bounds

    def interior(self, mean: Array) -> Array:
        """See :meth:`Loss.interior`."""
        x = self.loss.link(self.loss.interior(mean))
        low, high = self.activation.bounds
        room = np.where(np.isfinite(np.subtract(high, low)), np.subtract(high, low), 1.0)
        inside = np.clip(x, low + 1e-6 * room, high - 1e-6 * room)
        return self.loss.inverse_link(inside.reshape(-1, x.shape[-1])).reshape(x.shape)

    def mean_derivatives(self, raw: Array, output: int, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Loss.mean_derivatives`."""
        x, *slopes = self._outputs(raw, order)
        mean, *others = self.loss.mean_derivatives(x, output, order)
        found = [mean]
        if order >= 1:
            found.append(others[0] * slopes[0])
        if order >= 2:
            bend = _between(slopes[0], others[1])
            np.einsum("ioo->io" if bend.ndim == 3 else "io->io", bend)[...] += (
                others[0] * slopes[1]
            )
            found.append(bend)
        return tuple(found)

    def log_density(self, y: Array, raw: Array, dispersion: Array | float) -> Array:
        """See :meth:`Loss.log_density`."""
        return self.loss.log_density(y, self._outputs(raw)[0], dispersion)

    def squared_pearson(self, y: Array, raw: Array) -> Array:
        """See :meth:`Loss.squared_pearson`."""
        return self.loss.squared_pearson(y, self._outputs(raw)[0])

    def likeliest_dispersion(self, mean_loss: float, precision: Array | float = 1.0) -> float:
        """See :meth:`Loss.likeliest_dispersion`."""
        return self.loss.likeliest_dispersion(mean_loss, precision)

    def dispersion_of(
        self, y: Array, raw: Array, counts: Array, precision: Array | float = 1.0
    ) -> float:
        """See :meth:`Loss.dispersion_of`."""
        return self.loss.dispersion_of(y, self._outputs(raw)[0], counts, precision)

    @property
    def own_parameters(self) -> dict[str, float]:
        """See :attr:`Loss.own_parameters`."""
        return self.loss.own_parameters

    def likeliest(self, y: Array, raw: Array, sample_weight: Array) -> Loss:
        """See :meth:`Loss.likeliest`."""
        found = self.loss.likeliest(y, self._outputs(raw)[0], sample_weight)
        return self if found is self.loss else LossBehindActivation(found, self.activation)

    def quantiles(self, mean: Array, dispersion: Array | float, levels: ArrayLike) -> Array:
        """See :meth:`Loss.quantiles`."""
        return self.loss.quantiles(mean, dispersion, levels)

    def cumulative(self, y: Array, mean: Array, dispersion: Array | float) -> tuple[Array, Array]:
        """See :meth:`Loss.cumulative`."""
        return self.loss.cumulative(y, mean, dispersion)

    def draw(self, mean: Array, dispersion: Array | float, rng: np.random.Generator) -> Array:
        """See :meth:`Loss.draw`."""
        return self.loss.draw(mean, dispersion, rng)

    def check_target(self, y: Array) -> None:
        """See :meth:`Loss.check_target`."""
        self.loss.check_target(y)

    def __repr__(self) -> str:
        return f"LossBehindActivation({self.loss!r}, {self.activation!r})"


def _between(slope: Array, hessian: Array) -> Array:
    """H' H h', of a diagonal or of full matrices."""
    if hessian.ndim == 2:
        return slope * hessian * slope
    return slope[:, :, None] * hessian * slope[:, None, :]
