"""Tables in blocks of rows as users give them: checked by one pass, encoded at each pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.base import is_regressor
from sklearn.utils import check_array, column_or_1d

from sknewtonnet._typing import Array, Bools
from sknewtonnet.calculus import BlockSource, Loss, Rows
from sknewtonnet.calculus.pieces.known_terms import KnownTerms
from sknewtonnet.estimators._arguments import (
    check_target,
    named,
    told_of_columns,
)
from sknewtonnet.estimators._block_data import CHANGED, BlockData, Summary, joined
from sknewtonnet.estimators._block_encoding import Encoding, weights_of
from sknewtonnet.estimators._block_tables import NO_TARGET, Columns
from sknewtonnet.estimators._comparison import Folds
from sknewtonnet.estimators._data import Table
from sknewtonnet.estimators._given import Given
from sknewtonnet.estimators._targets import Target


@dataclass(frozen=True, eq=False)
class GivenBlocks(Given):
    """Blocks of rows that have been looked at once.

    Parameters
    ----------
    source : BlockSource
        Rows as users give them.
    account : Account
        What is known of them.
    """

    source: BlockSource
    account: Account

    @classmethod
    def of(cls, source: BlockSource, look: Look) -> GivenBlocks:
        """Look at all blocks."""
        found: Account = joined(source, look)
        if not found.weight_sum > 0.0:
            raise ValueError("Sample weights must contain at least one non-zero number.")
        return cls(source, found)

    @property
    def labels(self) -> Any:
        """All that describes the target: distinct labels, or an empty array of its shape."""
        return self.account.labels

    @property
    def label_weight(self) -> Array:  # type: ignore[override]
        """Sums of the weights of equal labels."""
        return self.account.label_weight

    @property
    def target_names(self) -> tuple[str, ...] | None:  # type: ignore[override]
        """Names of the columns of the target, if it has any."""
        return self.account.target_names

    @property
    def n_counted(self) -> int:
        """See :attr:`Given.n_counted`."""
        return self.account.n_counted

    @property
    def weight_sum(self) -> float:
        """See :attr:`Given.weight_sum`."""
        return self.account.weight_sum

    def table(self, target: Target) -> BlockData:
        """See :meth:`Given.table`."""
        return BlockData(self.source, Encoding(target), check=self.account.check)

    def beside(self, known: KnownTerms, table: Table, target: Target, loss: Loss) -> Table:
        """See :meth:`Given.beside`; the blocks have the known terms."""
        if not self.account.has_offset:
            return table
        return BlockData(self.source, Encoding(target, loss), check=self.account.check)

    def folds(
        self, cv: Any, groups: ArrayLike | None, *, classes: bool, seed: int
    ) -> int | Folds | None:
        """See :meth:`Given.folds`."""
        if groups is not None:
            raise ValueError(
                "groups must be None where rows come in blocks: folds are of a sample of the rows."
            )
        if cv is not None and not isinstance(cv, int | np.integer):
            raise ValueError(
                "cv must be None or a number of folds where rows come in blocks: folds are of a "
                f"sample of the rows, got {cv!r}."
            )
        return None if cv is None else int(cv)


def given_blocks(estimator: Any, source: BlockSource, *, reset: bool) -> GivenBlocks:
    """The blocks of a fit, or of a table for a fitted net, after a look at all of them.

    Parameters
    ----------
    estimator : estimator of this package
        Gets the number and the names of the features, if ``reset``; else has them.
    source : BlockSource
        Rows as users give them.
    reset : bool
        Whether this is a fit.

    Returns
    -------
    GivenBlocks
    """
    names = None if reset else getattr(estimator, "feature_names_in_", None)
    look = Look(
        of_classes=not is_regressor(estimator),
        model=type(estimator).__name__,
        n_features=None if reset else estimator.n_features_in_,
        feature_names=None if names is None else tuple(names),
    )
    given = GivenBlocks.of(source, look)
    if reset:
        estimator.n_features_in_ = given.account.n_features
        vars(estimator).pop("feature_names_in_", None)
        if given.account.feature_names is not None:
            estimator.feature_names_in_ = np.array(given.account.feature_names, dtype=object)
    return given


@dataclass(frozen=True, eq=False)
class Account:
    """What is known of rows as users give them.

    Parameters
    ----------
    n_features : int
        Number of columns of X.
    feature_names, target_names : tuple of str, or None
        Names of columns, if they have any.
    n_counted : int
        Rows of positive weight.
    weight_sum : float
        Sum of the weights.
    labels : ndarray
        Distinct labels, or rows of indicators; of numbers an empty array of that many axes.
    label_weight : ndarray of shape (n_labels,)
        Sums of the weights of equal labels.
    has_offset : bool
        Whether there are known terms.
    ranges : ndarray of shape (2, n_features) or (2, n_features + n_outputs)
        Smallest and largest values of the samples, and of targets that are numbers, in rows of
        positive weight.
    """

    n_features: int
    feature_names: tuple[str, ...] | None
    target_names: tuple[str, ...] | None
    n_counted: int
    weight_sum: float
    labels: NDArray[Any]
    label_weight: Array
    has_offset: bool
    ranges: Array

    def check(self, found: Summary) -> None:
        """Raise if another pass has found other rows."""
        columns = [found.inputs] if len(self.labels) else [found.inputs, found.targets]
        ranges = np.hstack([np.array([part.low, part.high]) for part in columns])
        if found.n_rows != self.n_counted:
            raise ValueError(f"{CHANGED}, got {found.n_rows} after {self.n_counted} rows.")
        if ranges.shape != self.ranges.shape:
            raise ValueError(f"{CHANGED}, but there are other columns.")
        if not np.array_equal(ranges, self.ranges):
            j = int(np.flatnonzero((ranges != self.ranges).any(axis=0))[0])
            name = f"column {j} of X" if j < self.n_features else "y"
            raise ValueError(f"{CHANGED}, but {name} has another range.")

    def joined(self, other: Account) -> Account:
        """That of the rows of both; raises where their columns differ."""
        for what, here, there in (
            ("X", self.n_features, other.n_features),
            ("X", self.feature_names, other.feature_names),
            ("y", self.labels.shape[1:], other.labels.shape[1:]),
            ("y", self.target_names, other.target_names),
        ):
            if here != there:
                raise ValueError(
                    f"all blocks must have the same columns of {what}, got {here} and {there}."
                )
        if self.has_offset != other.has_offset:
            raise ValueError("offset must be given for all blocks, or for none: 0 says none.")
        if self.labels.dtype.kind != other.labels.dtype.kind and len(self.labels):
            raise ValueError(
                "y must have labels of one kind in all blocks, got "
                f"{self.labels.dtype} and {other.labels.dtype}."
            )
        labels = np.concatenate([self.labels, other.labels])
        weight = np.concatenate([self.label_weight, other.label_weight])
        labels, weight = _distinct(labels, weight)
        return replace(
            self,
            n_counted=self.n_counted + other.n_counted,
            weight_sum=self.weight_sum + other.weight_sum,
            labels=labels,
            label_weight=weight,
            ranges=np.array(
                [
                    np.minimum(self.ranges[0], other.ranges[0]),
                    np.maximum(self.ranges[1], other.ranges[1]),
                ]
            ),
        )


@dataclass(frozen=True, eq=False)
class Look:
    """The first look at a block, which checks it.

    Parameters
    ----------
    of_classes : bool
        Whether the targets are labels.
    model : str
        Name of the estimator, for messages.
    n_features : int or None
        How many columns X must have, if that is known.
    feature_names : tuple of str, or None
        Their names, if these are known.
    """

    of_classes: bool
    model: str
    n_features: int | None = None
    feature_names: tuple[str, ...] | None = None

    def __call__(self, rows: Rows) -> Account:
        """What is known of it."""
        X, names = self.columns(rows.X)
        n_rows, n_features = X.shape
        if rows.Y is None:
            raise ValueError(NO_TARGET)
        check_target(rows.Y, of_classes=self.of_classes)
        y = np.asarray(rows.Y)
        if len(y) != n_rows:
            raise ValueError(f"X has {n_rows} rows, but y has {len(y)}.")
        weight = weights_of(rows.sample_weight, n_rows)
        if self.of_classes:
            labels, sums = _distinct(column_or_1d(y) if _is_column(y) else y, weight)
        else:
            labels, sums = np.empty((0, *y.shape[1:])), np.empty(0)
        columns = getattr(rows.Y, "columns", None)
        return Account(
            n_features,
            names,
            None if columns is None else tuple(str(name) for name in columns),
            int((weight > 0).sum()),
            float(weight.sum()),
            labels,
            sums,
            rows.offset is not None,
            _ranges([X] if self.of_classes else [X, y.astype(float)], weight > 0.0),
        )

    def columns(self, X: Any) -> tuple[Any, tuple[str, ...] | None]:
        """Samples, all of which are checked, and names of their columns."""
        names = names_of(X)
        values = X.values if isinstance(X, Columns) else X
        with told_of_columns(values), named("X"):
            checked = check_array(values, accept_sparse="csr", dtype=np.float64, input_name="X")
        n_features = checked.shape[1]
        if self.n_features is not None and n_features != self.n_features:
            raise ValueError(
                f"X has {n_features} features, but {self.model} is expecting "
                f"{self.n_features} features as input."
            )
        known = self.feature_names
        if known is not None and names is not None and names != known:
            raise ValueError(
                "The feature names should match those that were passed during fit: "
                f"{', '.join(known)}; got {', '.join(names)}."
            )
        return checked, names


def _ranges(parts: Sequence[Any], counts: Bools) -> Array:
    """Smallest and largest values of columns in the rows that count."""
    found = []
    for part in parts:
        columns = part.reshape(-1, 1) if part.ndim == 1 else part
        columns = columns if counts.all() else columns[counts]
        if not columns.shape[0]:
            found.append(np.outer([np.inf, -np.inf], np.ones(columns.shape[1])))
            continue
        both = columns.min(axis=0), columns.max(axis=0)
        found.append(np.array([x.toarray().ravel() if issparse(x) else x for x in both]))
    return np.hstack(found)


def names_of(X: Any) -> tuple[str, ...] | None:
    """Names of columns, if all are strings."""
    if isinstance(X, Columns):
        return X.names
    names = getattr(X, "columns", None)
    found = () if names is None else tuple(names)
    return found if found and all(isinstance(name, str) for name in found) else None


def _is_column(y: NDArray[Any]) -> bool:
    return y.ndim == 1 or y.shape[1] == 1


def _distinct(labels: NDArray[Any], weight: Array) -> tuple[NDArray[Any], Array]:
    """Equal labels, or rows of indicators, as one, with the sums of their weights."""
    if not len(labels):
        return labels, weight
    try:
        axis = 0 if labels.ndim > 1 else None
        found, inverse = np.unique(labels, axis=axis, return_inverse=True)
    except TypeError:
        raise ValueError(
            "y mixes labels of kinds that have no order, such as 'a' and 1."
        ) from None
    sums = np.bincount(inverse.ravel(), weights=weight, minlength=len(found))
    return found, sums.astype(float)
