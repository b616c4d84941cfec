"""Tables as users give them, checked, and what the fit makes of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_regressor

from sknewtonnet._sklearn import check_sample_weight
from sknewtonnet._typing import Array
from sknewtonnet.calculus import Loss
from sknewtonnet.calculus.pieces.known_terms import KnownTerms
from sknewtonnet.calculus.pieces.validation import dense
from sknewtonnet.estimators._arguments import (
    check_dense,
    check_labels,
    check_no_text,
    check_numbers,
    checked_table,
)
from sknewtonnet.estimators._comparison import Folds, given_folds
from sknewtonnet.estimators._data import Data, Table
from sknewtonnet.estimators._targets import Target


class Given(ABC):
    """A table, its target and its weights, checked but not encoded.

    Attributes
    ----------
    labels : array
        The target, or all that describes it.
    label_weight : ndarray
        The weight of each of these.
    target_names : tuple of str, or None
        Names of the columns of the target, if it has any.
    """

    labels: Any
    label_weight: Array
    target_names: tuple[str, ...] | None

    @property
    @abstractmethod
    def n_counted(self) -> int:
        """Rows of positive weight."""

    @property
    @abstractmethod
    def weight_sum(self) -> float:
        """Sum of the weights."""

    @abstractmethod
    def table(self, target: Target) -> Table:
        """The rows as a loss takes them, but for those of weight zero, which are not there."""

    @abstractmethod
    def beside(self, known: KnownTerms, table: Table, target: Target, loss: Loss) -> Table:
        """The same table with the known terms of its raw predictions."""

    @abstractmethod
    def folds(
        self, cv: Any, groups: ArrayLike | None, *, classes: bool, seed: int
    ) -> int | Folds | None:
        """Folds of the rows of positive weight; see :func:`given_folds`."""


@dataclass(frozen=True, eq=False)
class GivenRows(Given):
    """Arrays.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Samples.
    labels : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Their targets.
    label_weight : ndarray of shape (n_samples,)
        Their weights.
    target_names : tuple of str, or None
        See :class:`Given`.
    """

    X: Array
    labels: Any
    label_weight: Array
    target_names: tuple[str, ...] | None = None

    @property
    def n_counted(self) -> int:
        """See :attr:`Given.n_counted`."""
        return int((self.label_weight > 0).sum())

    @property
    def weight_sum(self) -> float:
        """See :attr:`Given.weight_sum`."""
        return float(self.label_weight.sum())

    def table(self, target: Target) -> Data:
        """See :meth:`Given.table`."""
        return encoded(target, self.X, self.labels, self.label_weight)

    def beside(self, known: KnownTerms, table: Table, target: Target, loss: Loss) -> Table:
        """See :meth:`Given.beside`."""
        assert isinstance(table, Data), "the table is that of these rows"
        offset = known.terms(loss, len(self.X), table.n_outputs)
        return table if offset is None else replace(table, offset=offset[self.label_weight > 0])

    def folds(
        self, cv: Any, groups: ArrayLike | None, *, classes: bool, seed: int
    ) -> int | Folds | None:
        """See :meth:`Given.folds`."""
        rows = self.X, self.labels, self.label_weight
        return given_folds(cv, *rows, groups, classes=classes, seed=seed)


def given_rows(
    estimator: Any, X: Any, y: Any, sample_weight: ArrayLike | None, *, reset: bool
) -> GivenRows:
    """Checked arrays of a fit, or of a table for a fitted net.

    Parameters
    ----------
    estimator : estimator of this package
        Gets the number and the names of the features, if ``reset``; else has them.
    X, y, sample_weight : object
        As users give them.
    reset : bool
        Whether this is a fit.

    Returns
    -------
    GivenRows
    """
    check_dense(y)
    if y is not None:
        (check_numbers if is_regressor(estimator) else partial(check_labels, "y"))(y)
    samples, labels = checked_table(
        estimator, X, y=y, reset=reset, multi_output=True, y_numeric=is_regressor(estimator)
    )
    check_no_text("sample_weight", sample_weight)
    weight = check_sample_weight(
        sample_weight, samples, dtype=np.float64, ensure_non_negative=True
    )
    names = getattr(y, "columns", None)
    names = None if names is None else tuple(str(name) for name in names)
    return GivenRows(dense("X", samples), labels, weight, names)


def encoded(target: Target, X: Array, y: Any, weight: Array) -> Data:
    """Rows as a loss takes them, but for those of weight zero."""
    counts = weight > 0
    if not counts.all():
        X, y, weight = X[counts], y[counts], weight[counts]
    return Data(X, target.encode(y), target.weigh(y, weight))
