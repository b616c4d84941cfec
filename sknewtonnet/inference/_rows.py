"""What statistics look at in rows at a minimum, and sums of it: over all rows, or over blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import Loss, Network, Objective, Rows

# Numbers in the arrays of rows by outputs and parameters that are worked out at once of a block.
_AT_ONCE = 2_000_000

# A sum over some rows: of what it is a sum, and of which of the rows.
Term = Callable[..., Array]


@dataclass(frozen=True, eq=False)
class RowsAt:
    """Rows in memory, at the parameters of a minimum.

    Parameters
    ----------
    objective : Objective
        The rows, with a net and its loss.
    params : ndarray of shape (n_parameters,)
        The parameters.
    weight_type : str
        What weights mean, as in :class:`Information`.
    """

    objective: Objective
    params: Array
    weight_type: str = "frequency"

    @property
    def weight(self) -> Array:
        """Weights of the rows.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return self.objective.sample_weight

    @cached_property
    def raw(self) -> Array:
        """Raw predictions.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
        """
        return self.objective.raw_predictions(self.params)

    @cached_property
    def mean_residuals(self) -> Array:
        """Targets less predicted means.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
        """
        return self.objective.targets - self.objective.loss.inverse_link(self.raw)

    @cached_property
    def mean_slopes(self) -> Array:
        """Derivative of each mean in its own raw prediction, 1 under an identity link.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
        """
        loss, raw = self.objective.loss, self.raw
        slopes = [loss.mean_derivatives(raw, o, 1)[1][:, o] for o in range(raw.shape[1])]
        return np.column_stack(slopes)

    @cached_property
    def jacobian(self) -> Array:
        """Derivatives of the raw predictions in the parameters.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs, n_parameters)
        """
        return self.objective.jacobian(self.params)

    @cached_property
    def loss_curvature(self) -> Array:
        """Second derivatives of the loss of each row in the raw predictions, as G has them.

        Behind an output activation h these are h' L'' h', which is never negative, without e h''.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs, n_outputs)
        """
        found = self.objective.loss.curvature_parts(self.objective.targets, self.raw)[0]
        return found if found.ndim == 3 else found[:, :, None] * np.eye(found.shape[1])

    @cached_property
    def residuals(self) -> Array:
        """Derivatives of the loss in the raw predictions.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
        """
        return self.objective.loss.derivatives(self.objective.targets, self.raw, 1)[1]

    @cached_property
    def scores(self) -> Array:
        """Gradient of the loss of each row, without its weight.

        Returns
        -------
        ndarray of shape (n_samples, n_parameters)
        """
        return self.objective.scores(self.params)

    def blocks(self) -> Iterator[slice]:
        """Rows at a time, so that what is worked out of them is small beside all of them.

        Returns
        -------
        iterator of slice
            Of some 2^16 numbers in an array of rows by parameters, and 256 rows at least.
        """
        n, size = self.objective.n_samples, max(256, 2**16 // len(self.params))
        return (slice(start, start + size) for start in range(0, n, size))

    def products(self, where: slice, values: Array) -> Array:
        """Sum of products of some rows with themselves: the covariance of their weighted sum.

        Frequency weights count once, other weights squared.

        Parameters
        ----------
        where : slice
            Which rows.
        values : ndarray of shape (len(where), k)
            Such as their scores.

        Returns
        -------
        ndarray of shape (k, k)
        """
        power = 0.5 if self.weight_type == "frequency" else 1.0
        weighed = values * self.weight[where, None] ** power
        return np.asarray(weighed.T @ weighed)

    def sum(self, term: Term, *args: Any) -> Array:
        """The sum of a term over all these rows.

        Parameters
        ----------
        term : callable
            Gets this, a slice of the rows, and ``args``; returns the sum over the slice.
        *args : object
            Further arguments.

        Returns
        -------
        ndarray
        """
        found: Any = 0.0
        for where in self.blocks():
            found = found + term(self, where, *args)
        return np.asarray(found)


def sum_of_part(
    rows: Rows,
    network: Network,
    loss: Loss,
    params: Array,
    weight_type: str,
    term: Term,
    *args: Any,
) -> Array:
    """The sum of a term over some rows of a table that is not in memory; see :meth:`RowsAt.sum`.

    Parameters
    ----------
    rows : Rows
        Rows of positive weight.
    network, loss, params, weight_type
        The net at the minimum, its loss, and what weights mean.
    term : callable
        As in :meth:`RowsAt.sum`; it can be pickled.
    *args : object
        Further arguments.

    Returns
    -------
    ndarray
    """
    found: Any = 0.0
    size = max(256, _AT_ONCE // (network.n_outputs * len(params)))
    for start in range(0, len(rows.X), size):
        X, Y, weight, offset = rows.part(slice(start, start + size))
        part = Objective(network, loss, X, Y, weight, offset=offset)
        found = found + RowsAt(part, params, weight_type).sum(term, *args)
        del part  # before the next one is made
    return np.asarray(found)


# Terms: sums over some rows. They can be pickled.


def losses(rows: RowsAt, where: slice) -> Array:
    """The weighted losses."""
    f = rows.objective
    return np.asarray(rows.weight[where] @ f.loss.value(f.targets[where], rows.raw[where]))


def squared_pearson(rows: RowsAt, where: slice) -> Array:
    """The weighted squares of Pearson residuals."""
    f = rows.objective
    squares = f.loss.squared_pearson(f.targets[where], rows.raw[where])
    return np.asarray(rows.weight[where] @ squares.sum(axis=1))


def residual_products(rows: RowsAt, where: slice) -> Array:
    """The weighted products of residuals of the outputs."""
    residual = rows.mean_residuals[where]
    return (residual * rows.weight[where, None]).T @ residual


def score_products(rows: RowsAt, where: slice, mean: Array) -> Array:
    """The products of scores less their mean."""
    return rows.products(where, rows.scores[where] - mean)
