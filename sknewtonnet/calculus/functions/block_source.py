"""Rows in blocks, of which one at a time is in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from inspect import GEN_CREATED, getgeneratorstate
from types import GeneratorType
from typing import Any, NamedTuple

import numpy as np

from sknewtonnet._tables import Worded, counted
from sknewtonnet.calculus.functions.memory_maps import Stretch, stretch_of
from sknewtonnet.calculus.functions.totals import Sums, tree_total
from sknewtonnet.calculus.pieces.validation import check_count

# Bytes of a block of an array, as float64.
_BLOCK_BYTES = 32e6

# Errors of checks, whose message can name the block.
_REWORDED = {ValueError, TypeError, MemoryError}

_FORM = "a block must be a tuple (X, Y), (X, Y, sample_weight) or (X, Y, sample_weight, offset)"


class Rows(NamedTuple):
    """The rows of one block.

    Functions that are asked about blocks (:meth:`BlockSource.map`) get their rows in this form.

    Parameters
    ----------
    X, Y : array
        Samples and targets, as in :class:`Objective`.
    sample_weight, offset : array or None
        Likewise; None for weights of 1, and for no offset.

    See Also
    --------
    BlockSource.map : Ask a function about the rows of each block.
    BlockObjective.over_rows : The same for the rows that count.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Rows
    >>> rows = Rows(np.ones((3, 2)), np.arange(3.0))
    >>> rows.part(slice(1, 3)).Y.tolist(), rows.sample_weight is None
    ([1.0, 2.0], True)
    """

    X: Any
    Y: Any
    sample_weight: Any = None
    offset: Any = None

    @property
    def counted(self) -> Rows:
        """Those of positive weight; the weights are known.

        Returns
        -------
        Rows
        """
        counts = self.sample_weight > 0.0
        if counts.all():
            return self
        return Rows(*(None if array is None else array[counts] for array in self))

    def part(self, where: slice) -> Rows:
        """Some of the rows.

        Parameters
        ----------
        where : slice
            Which.

        Returns
        -------
        Rows
            Views of the same arrays, without a copy.
        """
        return Rows(*(None if array is None else array[where] for array in self))


def number_of_rows(rows: Rows) -> int:
    """How many rows a block has.

    Parameters
    ----------
    rows : Rows
        The block as users give it.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If X is no table, or has no rows where Y has some.
    """
    X, Y = (_shape(given) for given in (rows.X, rows.Y))
    if not X:
        raise ValueError(
            "X of a block must have rows and columns, as an array or a data frame, got "
            f"{type(rows.X).__name__!r}."
        )
    if X[0] == 0 and Y and Y[0] > 0:
        raise ValueError(f"X has 0 rows, but y has {Y[0]}.")
    return int(X[0])


def _shape(given: Any) -> tuple[int, ...]:
    """That of a table; of what is none an empty one."""
    try:
        return np.shape(given)
    except ValueError:  # lists of several lengths
        return ()


def from_the_first(blocks: Iterable[Any] | Callable[[], Iterable[Any]]) -> Iterable[Any]:
    """The blocks from the first one on, for another pass.

    Parameters
    ----------
    blocks : iterable or callable
        As :class:`BlockSequence` takes them.

    Returns
    -------
    iterable

    Raises
    ------
    TypeError
        If a function returns no iterator, or one that has begun.
    """
    found = blocks() if callable(blocks) else blocks
    if not isinstance(found, Iterable):
        what = repr(found)
    elif isinstance(found, GeneratorType) and getgeneratorstate(found) != GEN_CREATED:
        what = "a generator that has begun"
    else:
        return found
    raise TypeError(
        "a function that stands for blocks must return a new iterator over them at each call, as "
        f"a generator function does; it returned {what}."
    )


class BlockSource(Worded, ABC):
    """Rows in blocks, and a way to ask something of each block.

    A subclass says where the blocks are: in this process, in files, or on other machines. Each
    pass over the data is one call of :meth:`map`.

    Attributes
    ----------
    n_blocks : int or None
        How many; None where that is known only after a pass.
    on_workers : bool
        Whether each pass already shares the work among several processes.

    See Also
    --------
    BlockSequence : Blocks that functions or a generator read.
    ArrayBlocks : Blocks of arrays and memory maps.
    DaskBlocks : Blocks of dask arrays and data frames.
    BlockObjective : The objective that is a sum over blocks.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import ArrayBlocks
    >>> def total(rows, factor):
    ...     return factor * float(rows.X.sum())
    >>> blocks = ArrayBlocks(np.arange(6.0)[:, None], np.zeros(6), n_rows=4)
    >>> blocks.n_blocks, list(blocks.map(total, 10.0))
    (2, [60.0, 90.0])
    """

    n_blocks: int | None
    on_workers: bool = False

    def _in_words(self) -> str:
        return "" if self.n_blocks is None else f"of {counted(self.n_blocks, 'block')}"

    @abstractmethod
    def map(self, function: Callable[..., Any], *args: Any) -> Iterator[Any]:
        """What a function finds in each block.

        Parameters
        ----------
        function : callable
            Gets the :class:`Rows` of a block and ``args``. It can be pickled, and what it returns
            is small: sums over the rows, never rows.
        *args : object
            Further arguments, the same for all blocks.

        Returns
        -------
        iterator
            The results in the order of the blocks. Errors name the block by its number.
        """

    def total(self, function: Callable[..., Sums | None], *args: Any) -> Sums | None:
        """The sum of what a function finds in each block.

        Parameters
        ----------
        function : callable
            As in :meth:`map`; it returns a list of new arrays, or None for rows that do not count.
        *args : object
            Further arguments.

        Returns
        -------
        list of ndarray, or None
            Added in an order that the number of blocks alone decides, so that no bit depends on
            where blocks are.
        """
        return tree_total(self.map(function, *args))

    def transformed(self, change: Callable[[Rows], Rows]) -> BlockSource:
        """The same blocks, whose rows are changed whenever they are read.

        Parameters
        ----------
        change : callable
            From rows to rows, such as a standardisation. It can be pickled, and is not asked about
            a block that has no rows.

        Returns
        -------
        BlockSource
            Nothing is stored twice.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet.calculus import ArrayBlocks
        >>> def doubled(rows):
        ...     return rows._replace(X=2.0 * rows.X)
        >>> def total(rows):
        ...     return float(rows.X.sum())
        >>> blocks = ArrayBlocks(np.ones((5, 2)), np.zeros(5), n_rows=3)
        >>> list(blocks.transformed(doubled).map(total))
        [12.0, 8.0]
        """
        return _Transformed(self, change)

    def kept(self) -> BlockSource:
        """The same blocks, whose changes are made once where that costs this process no memory.

        Returns
        -------
        BlockSource
            These blocks themselves, but for those on other machines that have been
            :meth:`transformed`.
        """
        return self

    def changed_once(self, change: Callable[[Rows], Rows]) -> BlockSource:
        """The same blocks after a change, which is made once where :meth:`kept` has it so.

        Parameters
        ----------
        change : callable
            As in :meth:`transformed`.

        Returns
        -------
        BlockSource
            The changed blocks; these stay as they are.
        """
        return _Transformed(self, change)


class BlockSequence(BlockSource):
    """Blocks that this process reads one after the other.

    For rows that come from files, a database or a generator: only one block is in memory at a
    time.

    Parameters
    ----------
    blocks : sequence, other iterable that starts anew each time, or callable
        Its items are blocks: tuples ``(X, Y)``, ``(X, Y, sample_weight)`` or
        ``(X, Y, sample_weight, offset)``, or callables without arguments that make one, such as
        a function that reads a file. A callable, such as a generator function, returns a new
        iterator over blocks for each pass.

    Raises
    ------
    TypeError
        If it is an iterator, which ends with the first pass; or if an item is no block.

    See Also
    --------
    ArrayBlocks : Blocks of arrays and memory maps.
    DaskBlocks : Blocks of dask arrays and data frames.
    BlockObjective : The objective that is a sum over blocks.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import BlockSequence
    >>> def read():
    ...     for start in (0.0, 3.0):
    ...         yield np.arange(start, start + 3.0)[:, None], np.zeros(3)
    >>> def total(rows):
    ...     return float(rows.X.sum())
    >>> list(BlockSequence(read).map(total))
    [3.0, 12.0]
    """

    def __init__(self, blocks: Iterable[Any] | Callable[[], Iterable[Any]]):
        if isinstance(blocks, Iterator):
            raise TypeError(
                f"blocks must be read several times, but {type(blocks).__name__!r} ends with the "
                "first pass: give a sequence of blocks, or the generator function itself, which "
                "makes a new generator for each pass."
            )
        if not callable(blocks) and not isinstance(blocks, Iterable):
            raise TypeError(
                "blocks must be a sequence of blocks, or a function that returns an iterator over "
                f"them, got {type(blocks).__name__!r}."
            )
        self._blocks = blocks
        self.n_blocks = len(blocks) if isinstance(blocks, Sequence) else None

    def map(self, function: Callable[..., Any], *args: Any) -> Iterator[Any]:
        """See :meth:`BlockSource.map`.

        Parameters
        ----------
        function : callable
            Gets the :class:`Rows` of a block and ``args``. It can be pickled, and what it returns
            is small: sums over the rows, never rows.
        *args : object
            Further arguments, the same for all blocks.

        Returns
        -------
        iterator
            The results in the order of the blocks. Errors name the block by its number.
        """
        return named(self._answers(function, args))

    def _answers(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Iterator[Any]:
        for block in from_the_first(self._blocks):
            yield function(_rows(block() if callable(block) else block), *args)


class ArrayBlocks(BlockSource):
    """Blocks of rows of arrays, or of arrays in files (memory maps).

    Of a memory map each block is a map of its own, which goes when the block has been worked
    on. Numbers become float64 block by block.

    Parameters
    ----------
    X, Y : array
        As in :class:`Objective`.
    sample_weight, offset : array or None, default=None
        Likewise.
    n_rows : int or None, default=None
        Rows of each block; by default as many as take 32 MB.

    Raises
    ------
    ValueError
        If arrays have different numbers of rows, or none.

    See Also
    --------
    BlockSequence : Blocks that functions or a generator read.
    DaskBlocks : Blocks of dask arrays and data frames.
    BlockObjective : The objective that is a sum over blocks.
    numpy.memmap : An array in a file.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import ArrayBlocks, BlockObjective, Network
    >>> X, y = np.array([[-1.0], [0.0], [1.0]]), np.array([0.0, 1.0, 2.0])
    >>> f = BlockObjective(Network.mlp(1, (), 1), "squared_error", ArrayBlocks(X, y, n_rows=2))
    >>> f.value(np.zeros(2)), f.n_samples
    (0.8333333333333334, 3)
    """

    def __init__(
        self,
        X: Any,
        Y: Any,
        sample_weight: Any = None,
        offset: Any = None,
        *,
        n_rows: int | None = None,
    ):
        given = dict(zip(Rows._fields, (X, Y, sample_weight, offset), strict=True))
        if X is None or Y is None:
            raise ValueError(f"{'X' if X is None else 'Y'} must be an array, got None.")
        arrays = {name: np.asanyarray(a) for name, a in given.items() if a is not None}
        lengths = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
        size = lengths["X"]
        if len(set(lengths.values())) > 1 or size == 0:
            raise ValueError(
                f"arrays must have the same number of rows, at least 1, got {lengths}."
            )
        if n_rows is None:
            width = sum(array.size for array in arrays.values()) / size
            n_rows = max(1, int(_BLOCK_BYTES / (8.0 * width)))
        check_count("n_rows", n_rows)
        self._arrays = {name: stretch_of(array) for name, array in arrays.items()}
        self._ends = [*range(0, size, n_rows), size]
        self.n_blocks = len(self._ends) - 1

    def map(self, function: Callable[..., Any], *args: Any) -> Iterator[Any]:
        """See :meth:`BlockSource.map`.

        Parameters
        ----------
        function : callable
            Gets the :class:`Rows` of a block and ``args``. It can be pickled, and what it returns
            is small: sums over the rows, never rows.
        *args : object
            Further arguments, the same for all blocks.

        Returns
        -------
        iterator
            The results in the order of the blocks. Errors name the block by its number.
        """
        return named(self._answers(function, args))

    def _answers(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Iterator[Any]:
        for start, stop in zip(self._ends[:-1], self._ends[1:], strict=True):
            yield function(self._block(slice(start, stop)), *args)

    def _block(self, where: slice) -> Rows:
        read = {
            name: array.rows(where) if isinstance(array, Stretch) else array[where]
            for name, array in self._arrays.items()
        }
        return Rows(**read)


@dataclass(frozen=True, eq=False)
class _Transformed(BlockSource):
    """Blocks whose rows go through a function."""

    source: BlockSource
    change: Callable[[Rows], Rows]

    @property
    def n_blocks(self) -> int | None:  # type: ignore[override]
        return self.source.n_blocks

    @property
    def on_workers(self) -> bool:  # type: ignore[override]
        return self.source.on_workers

    def map(self, function: Callable[..., Any], *args: Any) -> Iterator[Any]:
        """See :meth:`BlockSource.map`."""
        return self.source.map(Changed(self.change, function), *args)

    def total(self, function: Callable[..., Sums | None], *args: Any) -> Sums | None:
        """See :meth:`BlockSource.total`."""
        return self.source.total(Changed(self.change, function), *args)

    @cached_property
    def _kept(self) -> BlockSource:
        return self.source.changed_once(self.change)

    def kept(self) -> BlockSource:
        """See :meth:`BlockSource.kept`."""
        return self._kept

    def changed_once(self, change: Callable[[Rows], Rows]) -> BlockSource:
        """See :meth:`BlockSource.changed_once`."""
        return self.source.changed_once(Changed(self.change, change))


@dataclass(frozen=True, eq=False)
class Changed:
    """A function of rows after another one; where both can be pickled, it can."""

    change: Callable[[Rows], Rows]
    function: Callable[..., Any]

    def __call__(self, rows: Rows, *args: Any) -> Any:
        """What the function finds; rows that are not there are not changed."""
        return self.function(self.change(rows) if number_of_rows(rows) else rows, *args)


def unchanged(rows: Rows) -> Rows:
    """The rows of a block themselves."""
    return rows


def _rows(block: Any) -> Rows:
    """A block as users give it."""
    if not isinstance(block, tuple) or not 2 <= len(block) <= len(Rows._fields):
        raise TypeError(f"{_FORM}, got {type(block).__name__!r}.")
    return Rows(*block)


def named(answers: Iterator[Any], number: int = 0) -> Iterator[Any]:
    """Answers of blocks, the first of which has a number; errors name the block."""
    while True:
        try:
            answer = next(answers)
        except StopIteration:
            return
        except Exception as error:
            if type(error) in _REWORDED:
                raise type(error)(f"block {number}: {error}") from error
            error.add_note(f"This was in block {number}.")  # the reader's own error comes through
            raise
        yield answer
        number += 1
