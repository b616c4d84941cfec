"""The rows of a fit, and what is asked of them: sums over rows, and a look at some of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus import Loss, Network, Objective
from sknewtonnet.calculus.functions.any_objective import AnyObjective
from sknewtonnet.calculus.functions.standardization import Units
from sknewtonnet.calculus.pieces.moments import Moments
from sknewtonnet.calculus.pieces.penalties import Penalty

# Sorting rows costs less than a percent of a fit.
FEW_ROWS = 4000


class Table(ABC):
    """The rows of a fit: arrays, or blocks of which one at a time is in memory.

    All weights are positive. Nothing of a fit asks for more than is here.

    Attributes
    ----------
    n_rows : int
        How many there are.
    weight_sum : float
        Sum of their weights.
    inputs, targets, left : Moments
        Of the samples, of the targets, and of what is left of these for the net.
    has_offset : bool
        Whether raw predictions have known terms.
    on_workers : bool
        Whether each look at the rows already shares the work among several processes.
    """

    n_rows: int
    weight_sum: float
    has_offset: bool
    on_workers: bool = False

    @property
    @abstractmethod
    def inputs(self) -> Moments:
        """Moments of the samples."""

    @property
    @abstractmethod
    def targets(self) -> Moments:
        """Moments of the targets."""

    @property
    @abstractmethod
    def left(self) -> Moments:
        """Moments of what is left of the targets for the net, under losses of differences."""

    @abstractmethod
    def mean(self, function: Callable[[Data], Array]) -> Array:
        """Weighted mean over rows of what a function finds, a row for each; it can be pickled."""

    @abstractmethod
    def moments(self, function: Callable[[Data], Array]) -> Moments:
        """Moments of the columns of what a function finds, a row for each; it can be pickled."""

    @abstractmethod
    def with_inputs(self, function: Callable[[Array], Array]) -> Table:
        """The same with a function of the samples in their place; it can be pickled."""

    @abstractmethod
    def in_units(self, units: Units) -> Table:
        """The same in other units."""

    @property
    @abstractmethod
    def largest_offset(self) -> Array:
        """The largest offset of each output; 0 without any."""

    @property
    @abstractmethod
    def in_memory(self) -> Data:
        """All rows where they are in memory, else a sample of the distinct ones."""

    @abstractmethod
    def sample(self, seed: int) -> Data:
        """Distinct rows with the sums of their weights; a random sample of them if many."""

    @abstractmethod
    def objective(
        self,
        network: Network,
        loss: Loss,
        alpha: Any = 0.0,
        penalties: Sequence[Penalty] = (),
    ) -> AnyObjective:
        """The objective of a net on these rows, with work space of its own."""

    @property
    @abstractmethod
    def canonical(self) -> Table:
        """What is solved: distinct rows, or all as they are if there are many."""

    @property
    def unit(self) -> float:
        """What a strength counts in: a row, or one of mean weight where weights are small.

        Boosting has weights that sum to one: in full rows any strength would drown the data.
        """
        return min(1.0, self.weight_sum / self.n_rows)

    def mean_of(self, term: Callable[..., Array], *args: Any) -> Array:
        """Weighted mean of ``term(Y, offset, *args)``; the offset is 0 if there is none."""
        return self.mean(_Term(term, args))

    @property
    def n_outputs(self) -> int:
        """Number of raw predictions."""
        return len(self.targets.mean)

    def units(self, of_target: bool, network: Network | None = None) -> Units:
        """Those in which columns are standardised."""
        return Units.of_moments(self.inputs, self.left, of_target, network)


@dataclass(frozen=True, eq=False)
class Data(Table):
    """Samples, targets as the loss takes them, weights that are all positive, and known terms.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Samples.
    Y : ndarray of shape (n_samples, n_outputs)
        Targets.
    sample_weight : ndarray of shape (n_samples,)
        Weights.
    offset : ndarray of shape (n_samples, n_outputs), or None
        What is added to the raw predictions of the net.
    """

    X: Array
    Y: Array
    sample_weight: Array
    offset: Array | None = None

    @property
    def n_rows(self) -> int:  # type: ignore[override]
        """How many there are."""
        return len(self.X)

    @property
    def weight_sum(self) -> float:  # type: ignore[override]
        """Sum of their weights."""
        return float(self.sample_weight.sum())

    @property
    def has_offset(self) -> bool:  # type: ignore[override]
        """Whether raw predictions have known terms."""
        return self.offset is not None

    @cached_property
    def inputs(self) -> Moments:
        """See :attr:`Table.inputs`."""
        return Moments.of(self.X, self.sample_weight)

    @cached_property
    def targets(self) -> Moments:
        """See :attr:`Table.targets`."""
        return Moments.of(self.Y, self.sample_weight)

    @cached_property
    def left(self) -> Moments:
        """See :attr:`Table.left`."""
        if self.offset is None:
            return self.targets
        return Moments.of(self.Y - self.offset, self.sample_weight)

    @property
    def largest_offset(self) -> Array:
        """See :attr:`Table.largest_offset`."""
        return np.zeros(self.n_outputs) if self.offset is None else self.offset.max(axis=0)

    def mean(self, function: Callable[[Data], Array]) -> Array:
        """See :meth:`Table.mean`."""
        return np.tensordot(self.sample_weight / self.weight_sum, function(self), 1)

    def moments(self, function: Callable[[Data], Array]) -> Moments:
        """See :meth:`Table.moments`."""
        return Moments.of(function(self), self.sample_weight)

    def with_inputs(self, function: Callable[[Array], Array]) -> Data:
        """See :meth:`Table.with_inputs`."""
        return Data(function(self.X), self.Y, self.sample_weight, self.offset)

    def in_units(self, units: Units) -> Data:
        """See :meth:`Table.in_units`."""
        X, Y = units.inputs(self.X), units.targets(self.Y)
        offset = None if self.offset is None else self.offset / units.out_scale
        found = Data(X, Y, self.sample_weight, offset)
        if "_distinct" in vars(self):  # their order is the same
            vars(found)["_distinct"] = self._distinct.in_units(units)
        return found

    def objective(
        self,
        network: Network,
        loss: Loss,
        alpha: Any = 0.0,
        penalties: Sequence[Penalty] = (),
    ) -> Objective:
        """See :meth:`Table.objective`."""
        rows = self.X, self.Y, self.sample_weight
        return Objective(network, loss, *rows, alpha, penalties=penalties, offset=self.offset)

    @property
    def in_memory(self) -> Data:
        """See :attr:`Table.in_memory`."""
        return self

    def sample(self, seed: int) -> Data:
        """See :meth:`Table.sample`."""
        rows = self.distinct() if self.canonical is self else self.canonical
        if rows.n_rows <= FEW_ROWS:
            return rows
        return rows.at(np.sort(np.random.RandomState(seed).permutation(rows.n_rows)[:FEW_ROWS]))

    @property
    def canonical(self) -> Data:
        """See :attr:`Table.canonical`.

        Many minima are near each other in small nets, and rounding can decide between them. So
        a fit has the same bits for any order of the rows, and for a row twice and of weight two.
        """
        return self._distinct if len(self.X) <= FEW_ROWS else self

    @cached_property
    def _distinct(self) -> Data:
        return self.distinct()

    def at(self, rows: Ints) -> Data:
        """Some of the rows."""
        offset = None if self.offset is None else self.offset[rows]
        return Data(self.X[rows], self.Y[rows], self.sample_weight[rows], offset)

    def distinct(self) -> Data:
        """Equal rows as one, with the sum of their weights, in an order by their values."""
        columns = [self.X, self.Y, *([] if self.offset is None else [self.offset])]
        rows, weight = merged(np.column_stack(columns), self.sample_weight)
        ends = np.cumsum([part.shape[1] for part in columns])[:-1]
        X, Y, *offset = np.split(rows, ends, axis=1)
        return Data(X, Y, weight, *offset)

    def copy(self) -> Data:
        """The same rows in arrays of their own."""
        offset = None if self.offset is None else self.offset.copy()
        return Data(self.X.copy(), self.Y.copy(), self.sample_weight.copy(), offset)

    def raw(self, of_net: Array) -> Array:
        """Raw predictions, from those of the net itself."""
        return of_net if self.offset is None else of_net + self.offset

    def __getstate__(self) -> dict[str, Any]:
        """The arrays alone."""
        names = ("X", "Y", "sample_weight", "offset")
        return {name: getattr(self, name) for name in names}


def merged(rows: Array, weight: Array) -> tuple[Array, Array]:
    """Equal rows as one, in an order by their values, and the sums of their weights."""
    distinct, inverse = np.unique(rows, axis=0, return_inverse=True)
    return distinct, np.bincount(inverse.ravel(), weights=weight).astype(float)


@dataclass(frozen=True, eq=False)
class _Term:
    """A function of targets and offsets, for each row."""

    term: Callable[..., Array]
    args: tuple[Any, ...]

    def __call__(self, rows: Data) -> Array:
        return self.term(rows.Y, 0.0 if rows.offset is None else rows.offset, *self.args)


@dataclass(frozen=True, eq=False)
class LossAt:
    """Losses of rows at parameters of a net.

    Parameters
    ----------
    network, loss : Network, Loss
        The net and its loss.
    params : ndarray of shape (n_parameters,)
        The parameters.
    """

    network: Network
    loss: Loss
    params: Array

    def __call__(self, rows: Data) -> Array:
        """One for each row."""
        raw = rows.raw(self.network.predict_raw(self.params, rows.X))
        return self.loss.value(rows.Y, raw)


@dataclass(frozen=True, eq=False)
class ConstantLoss:
    """Losses of rows at a raw prediction that is the same for all, but for the offset.

    Parameters
    ----------
    loss : Loss
        The loss.
    constant : ndarray of shape (n_outputs,)
        The raw prediction.
    """

    loss: Loss
    constant: Array

    def __call__(self, rows: Data) -> Array:
        """One for each row."""
        raw = rows.raw(np.broadcast_to(self.constant, rows.Y.shape))
        return self.loss.value(rows.Y, raw)
