"""Standard errors of predicted means, and their gradients in the inputs, without any data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from sknewtonnet._tables import Worded, counted
from sknewtonnet._typing import Array, Bools
from sknewtonnet.calculus import Loss, Network, Objective
from sknewtonnet.calculus.functions.input_derivatives import slope_gradients
from sknewtonnet.calculus.passes.chunk import sample_chunks
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._parameter_covariance import (
    Dependence,
    default_covariance,
    parameter_covariance,
)
from sknewtonnet.inference._prediction import std_errors


@dataclass(frozen=True, eq=False, repr=False)
class MeanErrors(Worded):
    """What of a minimum gives standard errors of its predictions.

    An estimator keeps it, so that ``predict(X, return_std=True)`` needs no data.

    Parameters
    ----------
    network : Network
        The net.
    loss : Loss
        Its loss.
    params : ndarray of shape (n_parameters,)
        The minimum.
    covariance : ndarray of shape (n_parameters, n_parameters)
        Covariance of the parameters, the strength of the penalty taken as given.
    penalty_slope : ndarray of shape (n_parameters,)
        What a choice of that strength adds, as the root of a matrix of rank one.
    estimable : callable
        Which rows of linear functions of the parameters the data determine.

    See Also
    --------
    PredictionResults : Predictions with intervals, which need the data.
    Information : The minimum.

    Notes
    -----
    P^2 numbers are kept.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.inference import Information, MeanErrors
    >>> X = np.array([[-1.0], [0.0], [1.0], [2.0]])
    >>> f = Objective(Network.mlp(1, (), 1), "squared_error", X, [0.0, 1.0, 1.0, 3.0])
    >>> errors = MeanErrors.at(Information(f, np.array([0.9, 0.8])))
    >>> errors.of_means(np.array([[0.5], [3.0]])).round(3).tolist()
    [[0.296], [0.725]]
    """

    network: Network
    loss: Loss
    params: Array
    covariance: Array
    penalty_slope: Array
    estimable: Callable[[Array], Bools]

    def _in_words(self) -> str:
        return f"of {counted(len(self.params), 'parameter')}, {self.loss.name}"

    @classmethod
    def at(cls, information: Information) -> MeanErrors:
        """Take the default covariance of a minimum.

        Parameters
        ----------
        information : Information
            The minimum.

        Returns
        -------
        MeanErrors
            Without what a choice of the penalty adds.
        """
        objective = information.objective
        with information.threads():
            kind = default_covariance(information, Dependence())
            covariance = parameter_covariance(information, kind, given_penalty=True)
            bayesian = kind == "bayesian"
            slope = information.penalty_slope if bayesian else np.zeros(len(information.params))
            estimable = information.factor.estimable_rows
        net = objective.network, objective.loss, information.params
        return cls(*net, covariance, slope, estimable)

    def with_chosen_penalty(self) -> MeanErrors:
        """Allow for a penalty whose strength the same data have chosen.

        Returns
        -------
        MeanErrors
            New ones; these stay as they are.
        """
        added = np.outer(self.penalty_slope, self.penalty_slope)
        return replace(self, covariance=self.covariance + added)

    def of_means(self, X: Array, offset: Array | None = None) -> Array:
        """Standard errors of means.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Samples.
        offset : ndarray of shape (n_samples, n_outputs), default=None
            Known terms of the raw predictions.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            NaN where the data do not determine a mean.
        """
        found = np.empty((len(X), self.network.n_outputs))
        for where, raw, jacobian in self._rows(X, offset):
            errors = self._of_raw(jacobian)
            found[where] = np.abs(self._links(raw)[1]) * errors
        return found

    def gradients(self, X: Array, offset: Array | None = None) -> Array:
        """Exact derivatives of the standard errors of means in the inputs.

        With the error e = (j' V j)^1/2 of a raw prediction r, whose gradient in the parameters is
        j, and the inverse link m,

            d (m' e) / dx = m'' e dr/dx + m' (dj/dx)' V j / e

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Samples.
        offset : ndarray of shape (n_samples, n_outputs), default=None
            Known terms of the raw predictions.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs, n_features)
            NaN where the error is NaN or 0.
        """
        found = np.empty((len(X), self.network.n_outputs, self.network.n_features))
        features = range(self.network.n_features)
        for where, slopes, mixed in slope_gradients(self.network, self.params, X, features):
            terms = None if offset is None else offset[where]
            raw, jacobian = self._at(X[where], terms)
            errors = self._of_raw(jacobian)
            _, slope, bend = self._links(raw)
            with np.errstate(divide="ignore", invalid="ignore"):
                moved = np.einsum("ioqp,iop->ioq", mixed, jacobian @ self.covariance)
                moved = moved / np.where(errors > 0.0, errors, np.nan)[:, :, None]
            found[where] = (bend * errors)[:, :, None] * slopes + slope[:, :, None] * moved
        return found

    def _of_raw(self, jacobian: Array) -> Array:
        flat = jacobian.reshape(-1, jacobian.shape[2])
        return std_errors(flat, self.covariance, self.estimable).reshape(jacobian.shape[:2])

    def _links(self, raw: Array) -> tuple[Array, Array, Array]:
        """Means of all outputs, and their derivatives in their own raw predictions."""
        each = [self.loss.mean_derivatives(raw, o, 2) for o in range(raw.shape[1])]
        mean = np.column_stack([of[0] for of in each])
        slope, bend = (np.column_stack([of[k][:, o] for o, of in enumerate(each)]) for k in (1, 2))
        return mean, slope, bend

    def _rows(self, X: Array, offset: Array | None) -> Iterator[tuple[slice, Array, Array]]:
        """Some rows at a time, their raw predictions, and the gradients of these."""
        size = max(1, 4_000_000 // (self.network.n_outputs * self.network.n_parameters))
        for where in sample_chunks(len(X), size):
            yield where, *self._at(X[where], None if offset is None else offset[where])

    def _at(self, X: Array, offset: Array | None) -> tuple[Array, Array]:
        nothing = np.zeros((len(X), self.network.n_outputs))
        at = Objective(self.network, "squared_error", X, nothing, offset=offset)
        return at.raw_predictions(self.params), at.jacobian(self.params)
