"""Residuals of a fit: under statsmodels' names, and those by quantiles."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from sknewtonnet._typing import Array
from sknewtonnet.calculus import Loss, Objective
from sknewtonnet.calculus.pieces.output_activation import loss_of_outputs, output_activation
from sknewtonnet.inference._minimum import Information


class Residuals:
    """Residuals of all rows and outputs, in the units of the table.

    Parameters
    ----------
    information : Information
        The minimum, which knows what weights mean.
    table : Objective
        The objective in the units of the table.
    raw : ndarray of shape (n_samples, n_outputs)
        Raw predictions there.
    """

    def __init__(self, information: Information, table: Objective, raw: Array):
        self._loss, self._y, self._raw = table.loss, table.targets, raw
        # A squared error in other units is one still; a loss knows only its own.
        self._normal = information.objective.loss.normal_errors
        self._root = precision_roots(information, table)

    @property
    def response(self) -> Array:
        """Targets less predicted means."""
        return self._y - self._loss.inverse_link(self._raw)

    @property
    def pearson(self) -> Array:
        """Over the root of their variance at dispersion 1, with the weights of precision."""
        if self._normal:
            return self._root * self.response
        return self._root * pearson(self._loss, self._y, self._raw)

    @property
    def deviance(self) -> Array:
        """Signed roots of what each entry adds to the deviance, with the weights of precision."""
        if self._normal:
            return self._root * self.response
        y, (loss, x) = self._y, _of_outputs(self._loss, self._raw)
        if loss.joint:
            return self._root * np.sqrt(2.0 * _excess(loss, y, x))[:, None]
        each = [_excess(loss, y[:, [o]], x[:, [o]]) for o in range(y.shape[1])]
        return self._root * np.sign(self.response) * np.sqrt(2.0 * np.column_stack(each))

    @property
    def working(self) -> Array:
        """Over the derivative of the mean in the raw prediction: those of the last IRLS step."""
        if self._loss.joint:
            return np.full_like(self._raw, np.nan)
        slopes = [
            self._loss.mean_derivatives(self._raw, o, 1)[1][:, o]
            for o in range(self._raw.shape[1])
        ]
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.response / np.column_stack(slopes)

    def quantile(self, dispersion: Array, rng: np.random.Generator) -> Array:
        """Normal quantiles of the probability of less than each target, by the model.

        Where a target has a probability of its own, a uniform number says how much of it counts.

        Parameters
        ----------
        dispersion : ndarray that broadcasts to the shape of the targets
            In the units of the table; without weights.
        rng : numpy.random.Generator
            Source of the uniform numbers.
        """
        # Counts are sums where a weight is a precision: of a mean of s of them, it is 1 / s.
        spread = dispersion / self._root**2
        if self._normal:
            return np.asarray(self.response / np.sqrt(spread))
        mean = self._loss.inverse_link(self._raw)
        below, upto = self._loss.cumulative(self._y, mean, spread)
        chance = below + rng.random(below.shape) * (upto - below)
        return np.asarray(ndtri(np.clip(chance, 1e-300, 1.0 - 2.0**-53)))


def pearson(loss: Loss, y: Array, raw: Array) -> Array:
    """Residuals over the roots of their variances at dispersion 1.

    Where the loss does not say what variances are, they are its second derivatives in the outputs,
    for it has the canonical link.
    """
    outer, x = _of_outputs(loss, raw)
    _, gradient, curvature = outer.derivatives(y, x, 2)
    try:
        return np.sign(y - loss.inverse_link(raw)) * np.sqrt(loss.squared_pearson(y, raw))
    except NotImplementedError:
        if curvature.ndim == 3:
            curvature = np.einsum("ioo->io", curvature)
        with np.errstate(divide="ignore", invalid="ignore"):
            return -gradient / np.sqrt(curvature)


def precision_roots(information: Information, table: Objective) -> Array:
    """Roots of weights that divide a variance; 1 where weights count rows."""
    if information.weight_type == "frequency":
        return np.ones((1, 1))
    return np.sqrt(table.sample_weight)[:, None]


def _of_outputs(loss: Loss, raw: Array) -> tuple[Loss, Array]:
    """The loss as one of the outputs of the net, and these."""
    return loss_of_outputs(loss), output_activation(loss).value(raw.T).T


def _excess(loss: Loss, y: Array, raw: Array) -> Array:
    """Loss less that of a raw prediction whose mean is the target, which is 0 for labels."""
    with np.errstate(all="ignore"):
        least = loss.value(y, loss.link(y))
    found = loss.value(y, raw) - np.where(np.isfinite(least), least, 0.0)
    return np.maximum(found, 0.0)
