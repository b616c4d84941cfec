"""Dask arrays and data frames: as blocks on the workers, and predictions made when asked for."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any
from uuid import uuid4

import numpy as np

from sknewtonnet.calculus import DaskBlocks, Rows
from sknewtonnet.calculus.functions.dask_blocks import check_rows_and_columns, chunks_in_line
from sknewtonnet.calculus.pieces.known_terms import KnownTerms


def dask_blocks(X: Any, y: Any, sample_weight: Any, known: KnownTerms) -> DaskBlocks:
    """The rows of a dask array or data frame, as users give them, as blocks.

    Parameters
    ----------
    X : dask array or data frame
        Samples.
    y, sample_weight : dask array, frame or series, array-like, or None
        Targets and weights.
    known : KnownTerms
        Offset and exposure; of each block they become its own.

    Returns
    -------
    DaskBlocks
        On the workers of the current client; loaded at each pass where there is none.
    """
    import dask

    check_rows_and_columns(X)
    terms = None
    if known.metadata:
        put = dask.delayed(KnownTerms, pure=True)
        chunks = chunks_in_line({"X": X, "offset": known.offset, "exposure": known.exposure})
        terms = tuple(put(offset, exposure) for _, offset, exposure in chunks)
    return DaskBlocks(X, y, sample_weight, terms, keep_frames=True)


def lazy_answers(answer: Callable[[Rows], Any], X: Any, known: KnownTerms) -> Any:
    """What a net answers for the rows of a dask array or frame, once that is computed.

    Parameters
    ----------
    answer : callable
        From the :class:`Rows` of a block to an array with an entry for each row, or to a tuple of
        such; it can be pickled.
    X : dask array or data frame
        Samples.
    known : KnownTerms
        Offset and exposure of the rows.

    Returns
    -------
    dask array, series or data frame, or tuple of these
        In the chunks of X: an array for an array; for a frame a series, or a frame of several
        columns, with its index.
    """
    import dask

    check_rows_and_columns(X)
    # Two rows of zeros show the shape, and what is wrong with the columns, at once.
    rows = _two_rows(X, known)
    shown = answer(rows)
    parts = shown if isinstance(shown, tuple) else (shown,)
    forms = tuple(_like(rows.X, part) for part in parts)
    # One task, so that each worker gets the net once.
    ask = dask.delayed(_Chunk(answer, forms), pure=False, traverse=False)
    chunks = chunks_in_line({"X": X, "offset": known.offset, "exposure": known.exposure})
    found = [ask(*chunk) for chunk in chunks]
    put = _joined_frames if hasattr(X, "columns") else _joined_arrays
    answers = tuple(put([part[k] for part in found], form, X) for k, form in enumerate(forms))
    return answers if isinstance(shown, tuple) else answers[0]


@dataclass(frozen=True, eq=False)
class _Chunk:
    """What a net answers for a chunk of rows, in the form of its answer for others."""

    answer: Callable[[Rows], Any]
    forms: tuple[Any, ...]

    def __dask_tokenize__(self) -> str:
        """Tell dask that no other net is the same, which spares it a look at all of it."""
        return uuid4().hex

    def __call__(self, X: Any, offset: Any, exposure: Any) -> tuple[Any, ...]:
        if not len(X):
            return tuple(form[:0] for form in self.forms)
        known = None if offset is None and exposure is None else KnownTerms(offset, exposure)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # all that there is to say has been said before
            found = self.answer(Rows(X, None, None, known))
        parts = found if isinstance(found, tuple) else (found,)
        return tuple(_like(X, part) for part in parts)


def _two_rows(X: Any, known: KnownTerms) -> Rows:
    """Rows of the columns of X, with known terms that change nothing."""
    table: Any = np.zeros((2, X.shape[1]))
    if hasattr(X, "columns"):
        import pandas as pd

        table = pd.DataFrame(table, columns=X.columns)
    terms = {name: _neutral(name, value) for name, value in known.metadata.items()}
    return Rows(table, None, None, KnownTerms(**terms) if terms else None)


def _neutral(name: str, value: Any) -> Any:
    """A known term of two rows, of the form of one of all rows."""
    if isinstance(value, Real):
        return value
    columns = tuple(getattr(value, "shape", np.shape(value)))[1:]
    return np.full((2, *columns), 1.0 if name == "exposure" else 0.0)


def _like(X: Any, answer: Any) -> Any:
    """An answer for rows: beside their index, if they have one."""
    if not hasattr(X, "columns"):
        return answer
    import pandas as pd

    kind = pd.Series if answer.ndim == 1 else pd.DataFrame
    return kind(answer, index=X.index)


def _joined_arrays(parts: list[Any], form: Any, X: Any) -> Any:
    """Chunks of answers as a dask array."""
    import dask.array as da

    sizes = zip(parts, X.chunks[0], strict=True)
    arrays = [da.from_delayed(part, (n, *form.shape[1:]), form.dtype) for part, n in sizes]
    return da.concatenate(arrays, allow_unknown_chunksizes=True)


def _joined_frames(parts: list[Any], form: Any, X: Any) -> Any:
    """Chunks of answers as a dask series or data frame, with the divisions of the rows."""
    import dask.dataframe as dd

    return dd.from_delayed(parts, meta=form[:0], divisions=X.divisions, verify_meta=False)
