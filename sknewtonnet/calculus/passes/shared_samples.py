"""Samples shared among threads: passes over pieces side by side, their sums in order.

Numpy gives up the lock of the interpreter in matrix products and in functions of whole arrays, so
that threads that each have samples of their own work at the same time, with a BLAS of one thread.
Sums are those of a loop: each piece adds its part after the one before, whichever thread it is in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from contextvars import copy_context
from threading import Condition, Lock, local
from typing import Any, TypeVar

import numpy as np

from sknewtonnet._threads import blas_in_one_thread, helpers, one_thread, sample_threads
from sknewtonnet._typing import Array
from sknewtonnet.calculus.passes.chunk import sample_chunks
from sknewtonnet.calculus.passes.graph import Graph

Piece = TypeVar("Piece")
Part = TypeVar("Part")

# Multiplications from which threads of the BLAS may change bits or cost time: it keeps to one.
_HELD = 1e6
# Multiplications from which several threads gain: about 1.5 ms. To wake one up takes 0.1 ms.
_SHARED = 4e7
# What a unit costs per sample in a gradient, beside its parameters, in multiplications.
_UNIT = 40.0
# Multiplications of one product from which another thread may have its turn meanwhile.
_LARGE = 1e6
# Chunks of large tables are so much longer, that a thread seldom waits for the interpreter's lock.
_LONGER = 5
# Samples of a chunk at least, where a table is split for the threads' sake.
_FEW_SAMPLES = 32


def in_order(
    pieces: Sequence[Piece],
    work: Callable[[Piece], Part],
    take: Callable[[Part], object] = lambda part: None,
    *,
    cost: float,
    by_turns: bool = False,
) -> None:
    """Call ``take(work(piece))`` for all pieces, the work in several threads, if that is faster.

    Parameters
    ----------
    pieces : sequence
        The pieces, such as chunks.
    work : callable
        What is done with a piece, at the same time as others. What it returns is left alone by
        its thread until it has been taken; so it may be in arrays of a workspace.
    take : callable, optional
        What is done with the results, one after the other in the order of the pieces.
    cost : float
        About how many multiplications all of it takes.
    by_turns : bool, default=False
        Whether threads work one at a time, but for large :func:`product`. That is for work of
        many short steps, which would wait for the interpreter's lock at each of them.

    Notes
    -----
    The first error in the order of the pieces is raised, when no thread works any more. There are
    as many results at a time as threads.
    """
    if cost < _HELD:
        _one_after_the_other(pieces, work, take)
        return
    shared = is_shared(cost) and not _this.shares  # helpers may wait for the piece we are in
    n_threads = min(len(pieces), sample_threads()) if shared else 1
    with blas_in_one_thread():
        if n_threads == 1:
            _one_after_the_other(pieces, work, take)
            return
        _this.shares = True
        try:
            _Threads(pieces, work, take, by_turns).run(n_threads)
        finally:
            _this.shares = False


def summed(
    pieces: Sequence[Piece],
    work: Callable[[Piece], Sequence[Any]],
    *,
    cost: float,
    by_turns: bool = False,
) -> list[Any]:
    """Sums of the arrays, or numbers, that :func:`in_order` finds; at least one piece is there."""
    total: list[Any] = []

    def take(parts: Sequence[Any]) -> None:
        if not total:
            total.extend(parts)
            return
        for number, part in enumerate(parts):
            total[number] += part

    in_order(pieces, work, take, cost=cost, by_turns=by_turns)
    return total


def _one_after_the_other(
    pieces: Sequence[Piece], work: Callable[[Piece], Part], take: Callable[[Part], object]
) -> None:
    for piece in pieces:
        take(work(piece))


class _Threads:
    """Threads that take pieces in order, and wait with each result until it is its turn."""

    def __init__(
        self,
        pieces: Sequence[Piece],
        work: Callable[[Piece], Part],
        take: Callable[[Part], object],
        by_turns: bool,
    ):
        self.pieces, self.work, self.take = pieces, work, take
        self.alone = Lock() if by_turns else None
        self.n_begun = self.n_taken = 0
        self.end = len(pieces)  # no piece from here on is begun, or taken
        self.error: BaseException | None = None
        self.begin, self.turn = Lock(), Condition()

    def run(self, n_threads: int) -> None:
        """All pieces, in this thread and helpers."""
        others: list[Future[None]] = []
        try:
            with suppress(RuntimeError):  # no new threads: the interpreter ends, or has none
                for _ in range(n_threads - 1):
                    # With what the context says of floating-point errors.
                    others.append(helpers().submit(copy_context().run, self._help))
            self._run()
        except BaseException as error:  # such as an interrupt, at any line
            self._fail(-1, error)
        while True:  # the arrays are others' again only when no helper writes to them
            try:
                wait([other for other in others if not other.cancel()])
                break
            except BaseException as error:
                self._fail(-1, error)
        if self.error is not None:
            try:
                raise self.error
            finally:
                self.error = None  # whose traceback holds this

    def _help(self) -> None:
        with one_thread():  # where each thread has a limit of its own
            self._run()

    def _run(self) -> None:
        while True:
            with self.begin:
                number = self.n_begun
                self.n_begun += 1
            if number >= self.end:
                return
            try:
                part = self._worked(self.pieces[number])
                with self.turn:
                    while self.n_taken < number < self.end:
                        self.turn.wait()
                    if number < self.end:
                        self.take(part)
                        self.n_taken += 1
                        self.turn.notify_all()
            except BaseException as error:
                self._fail(number, error)

    def _worked(self, piece: Any) -> Any:
        if self.alone is None:
            return self.work(piece)
        self.alone.acquire()
        _this.lock, _this.has_turn = self.alone, True
        try:
            return self.work(piece)
        finally:
            _this.lock = None
            if _this.has_turn:  # else an interrupt came while it waited for the next one
                self.alone.release()

    def _fail(self, number: int, error: BaseException) -> None:
        """Of several errors the first in the order of the pieces stays."""
        with self.turn:
            if number < self.end:
                self.end, self.error = number, error
            self.turn.notify_all()


class _ThisThread(local):
    """What this thread is in: sharing with helpers; turns with their lock, and its own turn."""

    shares = False
    lock: Any = None
    has_turn = False


_this = _ThisThread()


def product(left: Array, right: Array, out: Array) -> Array:
    """Matrix product in ``out``; if it is large, other threads may have their turn meanwhile."""
    lock = _this.lock
    if lock is None or left.size * right.shape[1] < _LARGE:
        return np.dot(left, right, out=out)
    lock.release()
    _this.has_turn = False
    try:
        return np.dot(left, right, out=out)
    finally:
        lock.acquire()
        _this.has_turn = True


def balanced_chunks(
    graph: Graph, n_samples: int, chunk_size: int, given: int | None
) -> list[slice]:
    """Chunks of the samples: of a given size, one that suits a thread, or of many several."""
    if given is not None:
        return sample_chunks(n_samples, given)
    if is_shared(cost_of_gradient(graph, n_samples)):
        # Others than linear layers have temporary arrays for each chunk, better small.
        chunk_size *= _LONGER if all(graph.linear) else 1
    elif n_samples <= chunk_size:
        return sample_chunks(n_samples, chunk_size)
    cost = max(cost_of_gradient(graph, n_samples), cost_of_hessian(graph, n_samples))
    return sample_chunks(n_samples, shared_size(n_samples, chunk_size, cost))


def is_shared(cost: float) -> bool:
    """Whether work of that cost is for several threads, where they are."""
    return cost >= _SHARED


def shared_size(n_samples: int, size: int, cost: float) -> int:
    """The size of pieces, or less where threads share them, so that their number is even."""
    if not is_shared(cost):
        return size
    count = -(-n_samples // size)
    count += -count % (2 if count <= 16 else 4)
    return min(size, max(_FEW_SAMPLES, -(-n_samples // count)))


def cost_of_gradient(graph: Graph, n_samples: int) -> float:
    """About how many multiplications a value and its gradient take."""
    return 3.0 * n_samples * (graph.n_full + _UNIT * sum(graph.n_units))


def cost_of_hessian(graph: Graph, n_samples: int) -> float:
    """About how many multiplications a Hessian takes."""
    return 0.5 * n_samples * float(graph.n_full) ** 2
