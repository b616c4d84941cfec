"""Rows on the workers of a dask cluster: parameters go out, sums over rows come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any
from uuid import uuid4

import numpy as np
from scipy.sparse import issparse

from sknewtonnet._threads import one_thread
from sknewtonnet.calculus.functions.block_source import (
    BlockSource,
    Changed,
    Rows,
    named,
    unchanged,
)
from sknewtonnet.calculus.functions.totals import FAN, Sums, branch

# Loading may fail for a while, where files come over a network.
_RETRIES = 3

# Results that are on their way to this process at once.
_AT_ONCE = 64

_ALIGNED = (
    "make them columns of one frame, or give X known chunk sizes: X.compute_chunk_sizes() of an "
    "array, X.to_dask_array(lengths=True) of a frame."
)


class DaskBlocks(BlockSource):
    """Blocks of rows that dask arrays or data frames are made of; each stays where it is.

    The chunks of rows are loaded once, and stay on the workers of the cluster as long as this
    object lives. A pass sends the parameters, has each worker ask its blocks, and adds on the
    workers what comes of it, eight by eight, always in the same order: which worker does what,
    and how many there are, changes no bit. Where a worker is lost, dask makes its blocks again
    from the graph of the arrays. Without a cluster (no ``distributed.Client`` in this process),
    each pass loads one block after the other, here.

    Parameters
    ----------
    X : dask array of shape (n_samples, n_features), or dask data frame
        Samples. All columns of a row are in one chunk, or are brought together.
    Y, sample_weight, offset : dask array, frame or series, array-like, or None
        As in :class:`Objective`. Arrays get the chunks of X. Those in memory are cut, and so need
        an X whose chunk sizes are known.
    client : distributed.Client, default=None
        The cluster; by default that of the current client, if there is one.
    keep_frames : bool, default=False
        Whether rows of data frames stay data frames, with the names of their columns; by default
        they become arrays.

    Attributes
    ----------
    n_blocks : int
        Number of chunks of rows.
    on_workers : bool
        Whether there is a cluster.

    Raises
    ------
    ImportError
        If dask is not installed: ``pip install 'sknewtonnet[dask]'``.
    TypeError
        If X is neither a dask array nor a dask data frame.
    ValueError
        If the others have another number of rows, or chunks that cannot be brought in line.

    See Also
    --------
    ArrayBlocks : Blocks of arrays and memory maps.
    BlockSequence : Blocks that functions or a generator read.
    BlockObjective : The objective that is a sum over blocks.

    Notes
    -----
    A pass is n_blocks tasks, and an eighth as many to add their results. A task costs the
    scheduler about a millisecond, and a pass takes at least some hundredths of a second; so chunks
    should have 1e5 rows or more for Hessians, 1e6 for gradients, but be some more than there are
    threads. Data that were scattered to workers, not computed there, cannot be made again.

    Examples
    --------
    >>> import dask.array as da
    >>> from sknewtonnet.calculus import BlockObjective, DaskBlocks, Network
    >>> X = da.linspace(-1.0, 1.0, 1000, chunks=300)[:, None]
    >>> blocks = DaskBlocks(X, X[:, 0] ** 3)
    >>> f = BlockObjective(Network.mlp(1, (), 1), "squared_error", blocks)
    >>> blocks.n_blocks, f.n_samples
    (4, 1000)
    """

    def __init__(
        self,
        X: Any,
        Y: Any,
        sample_weight: Any = None,
        offset: Any = None,
        *,
        client: Any = None,
        keep_frames: bool = False,
    ):
        dask = _dask()
        if not hasattr(X, "__dask_graph__"):
            raise TypeError(
                f"X must be a dask array or a dask data frame, got {type(X).__name__!r}."
            )
        check_rows_and_columns(X)
        given = {"X": X, "Y": Y, "sample_weight": sample_weight, "offset": offset}
        chunks = chunks_in_line(given)
        self.n_blocks = len(chunks)
        read = dask.delayed(_rows, pure=True)
        self._blocks = [read(number, keep_frames, *row) for number, row in enumerate(chunks)]
        self._client = _current_client() if client is None else client
        self.on_workers = self._client is not None
        if self._client is not None:
            self._blocks = self._client.compute(self._blocks, retries=_RETRIES)

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
        if self._client is None:
            return named(self._answers(function, args))
        return self._gathered(*self._asked(function, args))

    def _answers(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Iterator[Any]:
        for block in self._blocks:
            yield function(block.compute(scheduler="synchronous"), *args)

    def total(self, function: Callable[..., Sums | None], *args: Any) -> Sums | None:
        """See :meth:`BlockSource.total`.

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
        if self._client is None:
            return super().total(function, *args)
        graph, level = self._asked(function, args)
        while len(level) > 1:
            level = [
                _put(graph, branch, level[start : start + FAN])
                for start in range(0, len(level), FAN)
            ]
        (total,) = self._gathered(graph, level)
        return total

    def __getstate__(self) -> dict[str, Any]:
        """Raise where the rows are on workers: another process has no client of theirs."""
        if self._client is not None:
            raise TypeError(
                "rows on dask's workers are asked by the process that has the client, and cannot "
                "be pickled: run what needs them there, one after the other."
            )
        return vars(self)

    def changed_once(self, change: Callable[[Rows], Rows]) -> BlockSource:
        """See :meth:`BlockSource.changed_once`: workers keep the rows before and after it.

        Parameters
        ----------
        change : callable
            As in :meth:`transformed`.

        Returns
        -------
        BlockSource
            The changed blocks; these stay as they are.
        """
        if self._client is None:
            return super().changed_once(change)
        found = object.__new__(type(self))
        vars(found).update(vars(self))
        graph: dict[str, Any] = {}
        question = _Question(Changed(change, unchanged), ())
        names = [
            _put(graph, _answered, n, block, question) for n, block in enumerate(self._blocks)
        ]
        found._blocks = self._client.get(graph, names, sync=False)
        return found

    def _asked(
        self, function: Callable[..., Any], args: tuple[Any, ...]
    ) -> tuple[dict[str, Any], list[str]]:
        """A graph that asks each block, and the names of the answers.

        The question travels once, as a task of its own: workers get it from each other, and one
        that is lost with a worker is asked again.
        """
        question = f"question-{uuid4().hex}"
        graph: dict[str, Any] = {question: _Question(function, args)}
        answers = [
            _put(graph, _answered, number, block, question)
            for number, block in enumerate(self._blocks)
        ]
        return graph, answers

    def _gathered(self, graph: dict[str, Any], names: list[str]) -> Iterator[Any]:
        """What the workers find, some of it at a time."""
        with _large_parameters():
            futures = self._client.get(graph, names, sync=False)
        for start in range(0, len(futures), _AT_ONCE):
            yield from self._client.gather(futures[start : start + _AT_ONCE])


def _put(graph: dict[str, Any], function: Callable[..., Any], *args: Any) -> str:
    """Add a task to a graph, under a name that no other one has."""
    name = f"{function.__name__.strip('_')}-{uuid4().hex}"
    graph[name] = (function, *args)
    return name


@dataclass(frozen=True, eq=False)
class _Question:
    """What all blocks are asked."""

    function: Callable[..., Any]
    args: tuple[Any, ...]

    def __dask_tokenize__(self) -> str:
        """Tell dask that no other question is the same, which spares it a look at all of it."""
        return uuid4().hex


def _answered(number: int, rows: Rows, question: _Question) -> Any:
    """What a block answers, on a worker."""
    with one_thread():
        answers = (question.function(block, *question.args) for block in (rows,))
        return next(named(answers, number))


def is_dask(value: Any) -> bool:
    """Whether something is a dask array, a dask data frame or a series of one.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    bool
    """
    return hasattr(value, "__dask_graph__") and hasattr(value, "to_delayed")


def check_rows_and_columns(X: Any) -> None:
    """Raise a ValueError for a thing of dask that is no table.

    Parameters
    ----------
    X : object
        A dask collection.

    Raises
    ------
    ValueError
        If it does not have two dimensions.
    """
    n_dimensions = getattr(X, "ndim", None)
    if not isinstance(n_dimensions, int) or n_dimensions != 2:
        shape = "" if not isinstance(n_dimensions, int) else f" of {n_dimensions} dimension(s)"
        raise ValueError(
            "X must be a dask array of two dimensions or a dask data frame, got "
            f"{type(X).__name__!r}{shape}."
        )


def _dask() -> Any:
    """The library, or an error that says how to get it."""
    try:
        import dask
    except ImportError as error:
        raise ImportError(
            "dask arrays and data frames need dask: pip install 'sknewtonnet[dask]'."
        ) from error
    return dask


def _current_client() -> Any:
    """The client of this process, or None."""
    try:
        from distributed import get_client
    except ImportError:
        return None
    try:
        return get_client()
    except ValueError:
        return None


def _large_parameters() -> Any:
    """Context in which parameters may be many; dask would take them for data, and warn."""
    import dask

    return dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GB"})


def chunks_in_line(given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """What arrays and frames have for each chunk of rows of the first of them.

    Parameters
    ----------
    given : mapping of str to object
        By names for messages: a dask array or frame; then others, arrays in memory, numbers for
        all rows, or None. Something that is in chunks already is a tuple of them.

    Returns
    -------
    list of tuple
        For each chunk of rows of the first, its chunk and those of the others, as they are given
        to ``dask.delayed``.

    Raises
    ------
    ValueError
        If there are other numbers of rows, or chunks cannot be brought in line.
    """
    X = _whole_rows(next(iter(given.values())))
    parts = [_chunks(name, X if k == 0 else v, X) for k, (name, v) in enumerate(given.items())]
    return list(zip(*parts, strict=True))


def _whole_rows(X: Any) -> Any:
    """The same with all columns of a row in one chunk."""
    chunks = getattr(X, "chunks", ((), ()))
    return X.rechunk({1: -1}) if len(chunks) > 1 and len(chunks[1]) > 1 else X


def _chunks(name: str, value: Any, X: Any) -> list[Any] | tuple[Any, ...]:
    """One thing in chunks, in line with the rows of X."""
    if value is None or isinstance(value, Real):
        return [value] * X.npartitions
    if isinstance(value, tuple):
        return value
    rows = _known_rows(X)
    if not is_dask(value):
        return _cut(name, value, rows)
    if hasattr(value, "chunks"):
        value = _whole_rows(value)
        own = _known_rows(value)
        if rows is not None and own is not None:
            _check_rows(name, sum(own), sum(rows))
            value = value.rechunk({0: rows})
    parts = list(np.ravel(value.to_delayed()))
    if len(parts) != X.npartitions:
        raise ValueError(
            f"{name} has {len(parts)} chunks of rows, X has {X.npartitions}, and their sizes are "
            f"not known: {_ALIGNED}"
        )
    return parts


def _cut(name: str, value: Any, rows: tuple[int, ...] | None) -> list[Any]:
    """An array in this process, in pieces as long as the chunks of X."""
    if not np.ndim(value):
        raise ValueError(f"{name} must have an entry for each row of X, got {value!r}.")
    if rows is None:
        raise ValueError(
            f"{name} is in the memory of this process, and the chunks of X have sizes that are "
            f"not known: {_ALIGNED}"
        )
    array = np.asarray(value)
    _check_rows(name, len(array), sum(rows))
    return np.split(array, np.cumsum(rows)[:-1])


def _check_rows(name: str, n_rows: int, n_samples: int) -> None:
    if n_rows != n_samples:
        raise ValueError(f"{name} has {n_rows} rows, X has {n_samples}.")


def _known_rows(value: Any) -> tuple[int, ...] | None:
    """Numbers of rows of the chunks of an array, if they are known."""
    chunks = getattr(value, "chunks", None)
    return None if chunks is None or np.isnan(chunks[0]).any() else chunks[0]


def _rows(number: int, keep_frames: bool, *parts: Any) -> Rows:
    """A block, from a chunk of each of the arrays and frames."""
    given = dict(zip(Rows._fields, parts, strict=True))
    arrays = {name: _array(part, keep_frames) for name, part in given.items()}
    lengths = {name: len(array) for name, array in arrays.items() if hasattr(array, "__len__")}
    if len(set(lengths.values())) > 1:
        raise ValueError(
            f"block {number}: the chunks have different numbers of rows, {lengths}: {_ALIGNED}"
        )
    return Rows(**arrays)


def _array(part: Any, keep_frames: bool) -> Any:
    """A chunk as an array; a number, or what is no table, as it is."""
    if issparse(part):
        return part.toarray()
    if not hasattr(part, "__len__") or (keep_frames and hasattr(part, "columns")):
        return part
    return np.asarray(part)
