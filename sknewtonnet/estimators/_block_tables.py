"""Which tables are read in blocks of rows, and how: what users give, as a source of blocks.

===========================================  ==================================================
a list of blocks, or a function that makes   tuples (X, y), (X, y, sample_weight) or (X, y,
a new iterator over blocks for each pass     sample_weight, offset); functions that read one
memory maps above 32 MB as float64           slices of rows, each through a map of its own
other arrays, sparse matrices and data       slices of rows, if they are not of float64 and
frames                                       would take more than 256 MB as such; of float64, if
                                             they take more than an eighth of the memory
dask arrays and data frames                  their chunks of rows, on the workers that have them
Arrow tables, datasets and Parquet files     record batches; y, sample_weight, offset and
                                             exposure are names of columns
===========================================  ==================================================

All other tables are read as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from sknewtonnet._names import did_you_mean
from sknewtonnet.calculus import BlockSequence, BlockSource, Rows
from sknewtonnet.calculus.functions.block_source import from_the_first
from sknewtonnet.calculus.functions.dask_blocks import is_dask
from sknewtonnet.calculus.functions.memory_maps import Stretch, stretch_of
from sknewtonnet.calculus.pieces.known_terms import NO_TERMS, KnownTerms
from sknewtonnet.calculus.pieces.memory import memory
from sknewtonnet.estimators._dask_tables import dask_blocks

NO_TARGET = (
    "y is missing: give it beside X, or the name of its column of an Arrow table; blocks must be "
    "tuples (X, y), or longer ones."
)

# Samples as users give them: an array, or something that is read in blocks.
Samples: TypeAlias = Any

# Bytes as float64: of a block, and from which on tables are read in blocks.
BLOCK = 32e6
_CONVERTED = 256e6
_PART_OF_MEMORY = 8.0


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of numbers with names.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        The numbers.
    names : tuple of str
        One for each column.
    """

    values: NDArray[Any]
    names: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Numbers of rows and columns."""
        return self.values.shape

    def __len__(self) -> int:
        return len(self.values)


def blocks_of(
    X: Any,
    y: Any = None,
    sample_weight: Any = None,
    known: KnownTerms = NO_TERMS,
    features: Sequence[str] | None = None,
) -> BlockSource | None:
    """The blocks of a table; None for one that is read as a whole.

    Parameters
    ----------
    X : object
        Samples, or blocks that hold all.
    y, sample_weight : object
        Targets and weights; names of columns of Arrow tables.
    known : KnownTerms
        Offset and exposure; likewise.
    features : sequence of str, or None
        Names of the samples' columns of Arrow tables; None for all that have no other part.

    Returns
    -------
    BlockSource or None
        Rows as users give them; their offset may be of :class:`KnownTerms`.

    Raises
    ------
    TypeError
        If X is an iterator, which ends with the first pass.
    ValueError
        If X holds all and something is given beside it, or there are other numbers of rows.
    """
    if isinstance(X, Iterator):
        return BlockSequence(X)  # which says what is wrong
    if is_dask(X) or hasattr(X, "__dask_graph__"):
        return dask_blocks(X, y, sample_weight, known)
    beside = {"sample_weight": sample_weight, "offset": known.offset, "exposure": known.exposure}
    if holds_all(X):
        given = {"y": y, **beside}
        extra = [name for name, value in given.items() if value is not None]
        if extra:
            raise ValueError(
                f"{extra[0]} must be None where X are blocks, which hold their own: tuples "
                "(X, y), (X, y, sample_weight) or (X, y, sample_weight, offset)."
            )
        return X if isinstance(X, BlockSource) else BlockSequence(Tuples(X))
    if _is_arrow(X):
        return BlockSequence(RecordBatches(X, y, **beside, features=features))
    if not _goes_by_blocks(X):
        return None
    return SlicedTable(X, y, **beside)


def known_features(estimator: Any) -> Sequence[str] | None:
    """Names of the columns of the samples of a fitted net; None where they had none."""
    names = getattr(estimator, "feature_names_in_", None)
    return None if names is None else list(names)


def refuse_blocks(X: Any) -> None:
    """Raise a ValueError for rows in blocks, where a table in memory is asked for."""
    if hasattr(X, "collect_schema") and hasattr(X, "collect"):
        raise ValueError(f"X must be a table, not a {type(X).__name__}: give X.collect().")
    kind = "a dask collection" if is_dask(X) else "an Arrow table" if _is_arrow(X) else "blocks"
    if kind != "blocks" or isinstance(X, Iterator) or holds_all(X):
        raise ValueError(
            f"X must be a table in memory here, not {kind}: call this for as many rows as fit."
        )


def holds_all(X: Any) -> bool:
    """Whether these are blocks: a source, a function, or a list of tuples, tables or functions."""
    if callable(X) or isinstance(X, BlockSource):
        return True
    if not isinstance(X, list | tuple) or not X:
        return False
    first: Any = X[0]
    if callable(first):
        return True
    if isinstance(first, tuple):
        return bool(first) and _is_matrix(first[0])
    return len(getattr(first, "shape", ())) == 2  # samples alone


def _is_matrix(X: Any) -> bool:
    try:
        return np.ndim(X) == 2
    except ValueError:  # rows of several lengths
        return False


def _is_arrow(X: Any) -> bool:
    return type(X).__module__.partition(".")[0] == "pyarrow"


def _goes_by_blocks(X: Any) -> bool:
    shape: tuple[int, ...] = getattr(X, "shape", ())
    if len(shape) != 2:
        return False
    size = 8.0 * shape[0] * shape[1]
    if size <= BLOCK or 8.0 * shape[1] > BLOCK:  # nothing would be won
        return False
    if isinstance(X, np.memmap):
        return True
    return size > (memory() / _PART_OF_MEMORY if _is_float64(X) else _CONVERTED)


def _is_float64(X: Any) -> bool:
    if issparse(X):
        return False
    if hasattr(X, "columns"):
        return all(str(kind).lower() == "float64" for kind in X.dtypes)
    return bool(getattr(X, "dtype", None) == np.float64)


@dataclass(frozen=True, eq=False)
class Tuples:
    """Blocks as tuples, whether they are given as tuples, as samples alone, or read by functions.

    Parameters
    ----------
    blocks : sequence or callable
        The blocks, or what makes an iterator over them.
    """

    blocks: Sequence[Any] | Callable[[], Any]

    def __call__(self) -> Iterator[tuple[Any, ...]]:
        """Go through them once."""
        for given in from_the_first(self.blocks):
            block = given() if callable(given) else given
            if not isinstance(block, tuple):
                block = (block, None)
            if not 1 <= len(block) <= len(Rows._fields):
                raise ValueError(
                    "a block must be a tuple (X, y), (X, y, sample_weight) or (X, y, "
                    f"sample_weight, offset), got one of {len(block)}."
                )
            yield block if len(block) > 1 else (block[0], None)


class SlicedTable(BlockSource):
    """Slices of rows of arrays, maps, sparse matrices or data frames.

    Parameters
    ----------
    X, y, sample_weight, offset, exposure : object
        As users give them; None where they are not given, numbers for all rows.

    Raises
    ------
    ValueError
        If they have different numbers of rows.
    """

    def __init__(self, X: Any, y: Any, sample_weight: Any, offset: Any, exposure: Any):
        given = {
            "y": y,
            "sample_weight": sample_weight,
            "offset": offset,
            "exposure": exposure,
        }
        n_rows, n_columns = X.shape
        parts = {"X": X.tocsr() if issparse(X) else X}
        for name, value in given.items():
            if value is None or isinstance(value, Real):
                parts[name] = value
                continue
            part = parts[name] = value if hasattr(value, "shape") else np.asarray(value)
            if not part.shape:
                raise ValueError(
                    f"{name} must be an array with an entry for each row, got {value!r}."
                )
            if part.shape[0] != n_rows:
                raise ValueError(f"X has {n_rows} rows, but {name} has {part.shape[0]}.")
        self._parts = {
            name: stretch_of(part) if isinstance(part, np.ndarray) else part
            for name, part in parts.items()
        }
        step = max(1, int(BLOCK / (8.0 * (n_columns + 1))))
        self._ends = [*range(0, n_rows, step), n_rows]
        self.n_blocks = len(self._ends) - 1

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self._ends[-1]

    def map(self, function: Callable[..., Any], *args: Any) -> Iterator[Any]:
        """See :meth:`BlockSource.map`."""
        for start, stop in zip(self._ends[:-1], self._ends[1:], strict=True):
            yield function(self._block(slice(start, stop)), *args)

    def _block(self, where: slice) -> Rows:
        X, y, weight, offset, exposure = (_rows(part, where) for part in self._parts.values())
        beside = offset is not None or exposure is not None
        return Rows(X, y, weight, KnownTerms(offset, exposure) if beside else None)


def _rows(part: Any, where: slice) -> Any:
    """Some rows; a number is that of all rows."""
    if part is None or isinstance(part, Real):
        return part
    if isinstance(part, Stretch):
        return part.rows(where)
    return part.iloc[where] if hasattr(part, "iloc") else part[where]


@dataclass(frozen=True, eq=False)
class RecordBatches:
    """Blocks of an Arrow table, a dataset or a Parquet file, which its own reader makes.

    Parameters
    ----------
    table : pyarrow.Table, pyarrow.dataset.Dataset or pyarrow.parquet.ParquetFile
        The rows.
    y : str, sequence of str, or None
        Names of the columns of the target. All columns that have no other part are samples.
    sample_weight, offset, exposure : str or None
        Names of columns.
    features : sequence of str, or None
        Names of the columns of the samples, if they are known.
    """

    table: Any
    y: Any = None
    sample_weight: Any = None
    offset: Any = None
    exposure: Any = None
    features: Sequence[str] | None = None

    def __call__(self) -> Iterator[Rows]:
        """Read them once."""
        names = list(self._schema.names)
        parts = {"y": self.y, "sample_weight": self.sample_weight}
        parts |= {"offset": self.offset, "exposure": self.exposure}
        known = {} if self.features is None else {"X": list(self.features)}
        for part, chosen in {**known, **parts}.items():
            for name in _listed(chosen):
                _check_name(part, name, names)
        taken = {name for chosen in parts.values() for name in _listed(chosen)}
        features = self.features or [name for name in names if name not in taken]
        for name in features:
            _check_name("X", name, names)
        for batch in self._batches(max(1, int(BLOCK / (8.0 * len(names))))):
            if not batch.num_rows:
                continue
            y, weight, offset, exposure = (_columns(batch, chosen) for chosen in parts.values())
            beside = offset is not None or exposure is not None
            known_terms = KnownTerms(offset, exposure) if beside else None
            yield Rows(Columns(_matrix(batch, features), tuple(features)), y, weight, known_terms)

    def __post_init__(self) -> None:
        """Raise where there are no batches to read."""
        batches = hasattr(self.table, "iter_batches") or hasattr(self.table, "to_batches")
        if not batches or self._schema is None:
            raise ValueError(
                "X must be an Arrow table, a dataset or a Parquet file, got "
                f"{type(self.table).__name__!r}."
            )

    @property
    def _schema(self) -> Any:
        return getattr(self.table, "schema_arrow", None) or getattr(self.table, "schema", None)

    def _batches(self, n_rows: int) -> Iterator[Any]:
        if hasattr(self.table, "iter_batches"):
            return iter(self.table.iter_batches(batch_size=n_rows))
        if hasattr(self.table, "scanner"):
            return iter(self.table.to_batches(batch_size=n_rows))
        return iter(self.table.to_batches(max_chunksize=n_rows))


def _check_name(part: str, name: Any, names: Sequence[str]) -> None:
    """Raise a ValueError where a table has no column of a name, or several."""
    if not isinstance(name, str):
        raise ValueError(
            f"{part} must be the name of a column, or a list of names, where X is an Arrow table; "
            f"got {type(name).__name__!r}."
        )
    if name not in names:
        raise ValueError(
            f"{part} must have names of columns of the table, got {name!r}"
            f"{did_you_mean(name, names)}; it has {', '.join(names)}."
        )
    if names.count(name) > 1:
        raise ValueError(f"{part} must have names of single columns, but several are {name!r}.")


def _listed(names: Any) -> Sequence[Any]:
    """Names of columns, whether one or several are given."""
    if names is None:
        return ()
    return list(names) if isinstance(names, list | tuple) else [names]


def _columns(batch: Any, names: Any) -> Any:
    """One column, or several side by side."""
    if names is None:
        return None
    found = [_values(batch, name) for name in _listed(names)]
    return np.column_stack(found) if isinstance(names, list | tuple) else found[0]


def _matrix(batch: Any, names: Sequence[str]) -> NDArray[Any]:
    """Columns of numbers as float64."""
    found = np.empty((batch.num_rows, len(names)))
    for j, name in enumerate(names):
        try:
            values = _values(batch, name)
            if values.dtype.kind in "mM":
                raise TypeError("dates and times must be given as numbers, such as of days")
            found[:, j] = values
        except (TypeError, ValueError) as reason:
            raise ValueError(
                f"X must be numbers, but column {name!r} is not: {reason}. Leave it out, or "
                "encode its categories first."
            ) from None
    return found


def _values(batch: Any, name: str) -> NDArray[Any]:
    """A column as an array; missing numbers are NaN."""
    column = batch.column(batch.schema.get_field_index(name))
    if hasattr(column, "dictionary_decode"):
        column = column.dictionary_decode()
    return np.asarray(column.to_numpy(zero_copy_only=False))
