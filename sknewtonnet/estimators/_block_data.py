"""The rows of a fit in blocks, of which one at a time is in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import BlockObjective, BlockSource, Loss, Network, Rows
from sknewtonnet.calculus.functions.block_source import number_of_rows
from sknewtonnet.calculus.functions.standardization import Units
from sknewtonnet.calculus.pieces.moments import Moments
from sknewtonnet.calculus.pieces.penalties import Penalty
from sknewtonnet.estimators._block_encoding import Encoding
from sknewtonnet.estimators._data import FEW_ROWS, Data, Table
from sknewtonnet.estimators._row_sample import RowSample

CHANGED = "blocks have changed: each pass must read the same rows, with the same random numbers"


@dataclass(frozen=True, eq=False)
class BlockData(Table):
    """Blocks of rows; each pass reads all of them.

    Parameters
    ----------
    given : BlockSource
        Rows as users give them.
    encoding : callable
        From such rows to arrays of float64 that the loss takes, with positive weights.
    known : Summary or None, default=None
        What a pass over the rows has found, if one has been made.
    check : callable or None, default=None
        Raises if that is not what the first look has found.
    """

    given: BlockSource
    encoding: Encoding | _Then
    known: Summary | None = None
    check: Callable[[Summary], None] | None = None

    @property
    def source(self) -> BlockSource:
        """Rows as the loss takes them."""
        return self.given.transformed(self.encoding)

    @cached_property
    def summary(self) -> Summary:
        """What one pass over the rows finds."""
        if self.known is not None:
            return self.known
        found: Summary = joined(self.source, _summary)
        if self.check is not None:
            self.check(found)
        return found

    @property
    def n_rows(self) -> int:  # type: ignore[override]
        """How many there are."""
        return self.summary.n_rows

    @property
    def weight_sum(self) -> float:  # type: ignore[override]
        """Sum of their weights."""
        return self.summary.inputs.weight

    @property
    def has_offset(self) -> bool:  # type: ignore[override]
        """Whether raw predictions have known terms."""
        return self.summary.offset is not None

    @property
    def on_workers(self) -> bool:  # type: ignore[override]
        """See :class:`Table`."""
        return self.source.on_workers

    @property
    def inputs(self) -> Moments:
        """See :attr:`Table.inputs`."""
        return self.summary.inputs

    @property
    def targets(self) -> Moments:
        """See :attr:`Table.targets`."""
        return self.summary.targets

    @property
    def left(self) -> Moments:
        """See :attr:`Table.left`."""
        return self.summary.left

    @property
    def largest_offset(self) -> Array:
        """See :attr:`Table.largest_offset`."""
        offset = self.summary.offset
        return np.zeros(self.n_outputs) if offset is None else offset.high

    @property
    def in_memory(self) -> Data:
        """See :attr:`Table.in_memory`."""
        return self.summary.sample

    @property
    def canonical(self) -> BlockData:
        """See :attr:`Table.canonical`."""
        return self

    def sample(self, seed: int) -> Data:
        """See :meth:`Table.sample`; the same for each seed."""
        return self.summary.sample

    def mean(self, function: Callable[[Data], Array]) -> Array:
        """See :meth:`Table.mean`."""
        weight, total = 0.0, 0.0
        for part_weight, part in each(self.source, _WeightedSum(function)):
            weight, total = weight + part_weight, total + part
        return np.asarray(total / weight)

    def moments(self, function: Callable[[Data], Array]) -> Moments:
        """See :meth:`Table.moments`."""
        found: Moments = joined(self.source, _MomentsOf(function))
        return found

    def with_inputs(self, function: Callable[[Array], Array]) -> BlockData:
        """See :meth:`Table.with_inputs`."""
        return BlockData(self.given, _Then(self.encoding, _WithInputs(function)))

    def in_units(self, units: Units) -> BlockData:
        """See :meth:`Table.in_units`."""
        encoding = self.encoding.in_units(units)
        return BlockData(self.given, encoding, self.summary.in_units(units))

    def objective(
        self,
        network: Network,
        loss: Loss,
        alpha: Any = 0.0,
        penalties: Sequence[Penalty] = (),
    ) -> BlockObjective:
        """See :meth:`Table.objective`."""
        found = BlockObjective(network, loss, self.source, alpha, penalties=penalties)
        known = vars(self).get("summary", self.known)
        if known is not None and found.n_samples != known.n_rows:
            raise ValueError(f"{CHANGED}, got {found.n_samples} after {known.n_rows} rows.")
        return found

    def __getstate__(self) -> dict[str, Any]:
        """The blocks, and what is known of them."""
        known = vars(self).get("summary", self.known)
        return {"given": self.given, "encoding": self.encoding, "known": known}


@dataclass(frozen=True, eq=False)
class Summary:
    """What one pass over rows finds.

    Parameters
    ----------
    n_rows : int
        How many there are.
    inputs, targets, left : Moments
        As a :class:`Table` has them.
    offset : Moments or None
        Of the offset.
    rows : RowSample
        Of inputs, targets and offsets side by side, in the units in which they come.
    units : Units or None
        Those in which the moments are, if others.
    """

    n_rows: int
    inputs: Moments
    targets: Moments
    left: Moments
    offset: Moments | None
    rows: RowSample
    units: tuple[Units, ...] = ()

    @cached_property
    def sample(self) -> Data:
        """Distinct rows with the sums of their weights, in an order by their values."""
        ends = np.cumsum([len(self.inputs.mean), len(self.targets.mean)])
        X, Y, offset = np.split(self.rows.rows, ends, axis=1)
        data = Data(X, Y, self.rows.weight, offset if self.offset is not None else None)
        for units in self.units:
            data = data.in_units(units)
        return data.distinct()

    def joined(self, other: Summary) -> Summary:
        """That of the rows of both."""
        both = self.offset, other.offset
        if (both[0] is None) != (both[1] is None):
            raise ValueError("some blocks have an offset and others have none; give 0 for none.")
        return Summary(
            self.n_rows + other.n_rows,
            self.inputs.joined(other.inputs),
            self.targets.joined(other.targets),
            self.left.joined(other.left),
            None if both[0] is None or both[1] is None else both[0].joined(both[1]),
            self.rows.joined(other.rows),
        )

    def in_units(self, units: Units) -> Summary:
        """That of the rows in other units."""
        zero, scale = np.zeros_like(units.out_shift), units.out_scale
        return replace(
            self,
            inputs=self.inputs.in_units(units.shift, units.scale),
            targets=self.targets.in_units(units.out_shift, scale),
            left=self.left.in_units(units.out_shift, scale),
            offset=None if self.offset is None else self.offset.in_units(zero, scale),
            units=(*self.units, units),
        )


def _summary(rows: Rows) -> Summary:
    """That of a block."""
    data = Data(*rows)
    weight = data.sample_weight
    columns = [data.X, data.Y, *([] if data.offset is None else [data.offset])]
    return Summary(
        data.n_rows,
        data.inputs,
        data.targets,
        data.left,
        None if data.offset is None else Moments.of(data.offset, weight),
        RowSample.of(columns, weight, FEW_ROWS),
    )


def each(source: BlockSource, function: Callable[[Rows], Any]) -> Iterator[Any]:
    """What a function finds in each block that has rows."""
    for found in source.map(_IfRows(function)):
        if found is not None:
            yield found


def joined(source: BlockSource, function: Callable[[Rows], Any]) -> Any:
    """What a function finds in all rows, from what it finds in each block."""
    whole = None
    for number, part in enumerate(source.map(_IfRows(function))):
        if whole is None or part is None:
            whole = part if whole is None else whole
            continue
        try:
            whole = whole.joined(part)
        except ValueError as error:
            raise ValueError(f"block {number}: {error}") from None
    if whole is None:
        raise ValueError("the blocks have no rows of positive weight; there must be at least one.")
    return whole


@dataclass(frozen=True, eq=False)
class _IfRows:
    """A function of rows; None of a block without any."""

    function: Callable[[Rows], Any]

    def __call__(self, rows: Rows) -> Any:
        return self.function(rows) if number_of_rows(rows) else None


@dataclass(frozen=True, eq=False)
class _WeightedSum:
    """Sum of the weights of rows, and weighted sum of what a function finds."""

    function: Callable[[Data], Array]

    def __call__(self, rows: Rows) -> tuple[float, Array]:
        data = Data(*rows)
        return data.weight_sum, np.tensordot(data.sample_weight, self.function(data), 1)


@dataclass(frozen=True, eq=False)
class _MomentsOf:
    """Moments of what a function finds."""

    function: Callable[[Data], Array]

    def __call__(self, rows: Rows) -> Moments:
        return Data(*rows).moments(self.function)


@dataclass(frozen=True, eq=False)
class _WithInputs:
    """Rows with a function of the samples in their place."""

    function: Callable[[Array], Array]

    def __call__(self, rows: Rows) -> Rows:
        return rows._replace(X=self.function(rows.X)) if len(rows.X) else rows


@dataclass(frozen=True, eq=False)
class _Then:
    """A change of rows after another one."""

    first: Callable[[Rows], Rows]
    second: Callable[[Rows], Rows]

    def __call__(self, rows: Rows) -> Rows:
        return self.second(self.first(rows))

    def in_units(self, units: Units) -> _Then:
        return _Then(self, _InUnits(units))


@dataclass(frozen=True, eq=False)
class _InUnits:
    """Rows in other units."""

    units: Units

    def __call__(self, rows: Rows) -> Rows:
        found = Data(*rows).in_units(self.units)
        return Rows(found.X, found.Y, found.sample_weight, found.offset)
