"""Tables as users give them, checked, and what the fit makes of them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import ArrayLike

from sknewtonnet._typing import Array
from sknewtonnet.calculus import Loss
from sknewtonnet.calculus.pieces.known_terms import KnownTerms
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
    def beside(self, known: KnownTerms, table: Table, loss: Loss) -> Table:
        """The same table with the known terms of its raw predictions."""

    @abstractmethod
    def folds(
        self, cv: Any, groups: ArrayLike | None, *, classes: bool, seed: int
    ) -> int | Folds | None:
        """Folds of the rows of positive weight; see :func:`given_folds`."""


@dataclass(frozen=True, eq=False)
class GivenRows(Given):
    """Arrays.

    Attributes
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

    def beside(self, known: KnownTerms, table: Table, loss: Loss) -> Table:
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


def encoded(target: Target, X: Array, y: Any, weight: Array) -> Data:
    """Rows as a loss takes them, but for those of weight zero."""
    counts = weight > 0
    X, y, weight = X[counts], y[counts], weight[counts]
    return Data(X, target.encode(y), target.weigh(y, weight))
