"""How many threads there are: of libraries of linear algebra one, and helpers of our own.

Products of small matrices lose in several threads, and on a busy machine they lose a hundredfold.
Samples of large tables are shared among helpers, each with a library that keeps to one thread.
Limits belong to a process, or in some libraries to a thread; here they are counted, so that the
first user sets one and the last user gives back what the first has found.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from multiprocessing.process import current_process
from typing import Any

from joblib import cpu_count

# scikit-learn depends on it, from 3.5 on.
from threadpoolctl import ThreadpoolController

# A dense Hessian with its eigenvalues is n P^2 + 10 P^3 flops. On two cores several threads
# win from here on: one Hessian takes 1.44 times as long in one thread at n = 100 000 and P = 601
# (4e10), eigenvalues of P = 2000 (8e10) 1.5 times. At n = 20 000 and P = 601 (9e9) a Hessian alone
# still gains, but inference and fits lose, whose steps call two libraries in turns: threads of
# the one that has just worked go on spinning for a while. benchmarks/threads.py has whole calls.
_SEVERAL_THREADS = 3e10

# What a signal or a destructor runs in mid-change may be a user, too.
_lock = threading.RLock()
if hasattr(os, "register_at_fork"):  # a child must not inherit a lock that another thread holds
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )


@contextmanager
def one_thread(api: str = "blas") -> Iterator[None]:
    """Context, or decorator, in which libraries keep to one thread.

    Parameters
    ----------
    api : {"blas", "openmp"}, default="blas"
        Which libraries: linear algebra, or what scikit-learn's k-means is made of.
    """
    with _lock:
        pools = _pools(api)
        owners = [pool.enter() for pool in pools]
    _this.users[api] += 1
    try:
        yield
    finally:
        _this.users[api] -= 1
        with _lock:
            for pool, owner in zip(pools, owners, strict=True):
                pool.leave(owner)


def blas_in_one_thread() -> AbstractContextManager[None]:
    """The same for calls that may be short: nothing where the BLAS keeps to one thread already.

    Returns
    -------
    context manager
    """
    return nullcontext() if _this.users["blas"] else one_thread()


class _ThisThread(threading.local):
    """How many users of each limit there are in this thread."""

    def __init__(self) -> None:
        self.users = dict.fromkeys(("blas", "openmp"), 0)


_this = _ThisThread()


def hessian_threads(n_samples: int, n_parameters: int) -> AbstractContextManager[None]:
    """Context for work on dense Hessians: one thread, or as many as there are for large ones.

    The shape alone decides, so that bits do not depend on how many processes share the work.

    Parameters
    ----------
    n_samples, n_parameters : int
        Rows of the matrices that are multiplied in it, 0 for eigenvalues alone, and parameters.
    """
    flops = float(n_parameters) ** 2 * (n_samples + 10.0 * n_parameters)
    return one_thread() if flops < _SEVERAL_THREADS else nullcontext()


def sample_threads() -> int:
    """How many threads may share the samples of one call: as many as the BLAS would take.

    So whatever limits the BLAS limits these, as it was before :func:`one_thread`. One where others
    have shared out the processors: in threads that are not the main one (joblib's, dask's, our
    own), and in workers of a pool of processes.

    Returns
    -------
    int
    """
    if threading.current_thread() is not threading.main_thread() or current_process().daemon:
        return 1
    return min([_n_cpus(), *(pool.found() for pool in _pools("blas"))])


def helpers() -> ThreadPoolExecutor:
    """The threads beside the main one, which wait for work until the process ends.

    Returns
    -------
    ThreadPoolExecutor
    """
    global _helpers
    if _helpers is None:
        _helpers = ThreadPoolExecutor(max(1, _n_cpus() - 1), "sknewtonnet")
    return _helpers


_helpers: ThreadPoolExecutor | None = None


def _forget_helpers() -> None:
    """In a child process, where there are none of the threads."""
    global _helpers
    _helpers = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_helpers)


def _n_cpus() -> int:
    """Processors that this process may use: by its cgroup, and by its affinity now."""
    affinity = getattr(os, "sched_getaffinity", None)
    return min(_cpus_at_first(), len(affinity(0))) if affinity else _cpus_at_first()


@cache
def _cpus_at_first() -> int:
    return int(cpu_count())


@cache
def _pools(api: str) -> list[Pool]:
    """The threads of the libraries of one kind that are loaded."""
    libraries = ThreadpoolController().select(user_api=api).lib_controllers
    return [Pool(library.get_num_threads, _setter(library)) for library in libraries]


def _setter(library: Any) -> Callable[[int], object]:
    """How to set the limit of a library, from any thread.

    From threadpoolctl 3.8 on one thread at a time may set that of an OpenBLAS with threads of its
    own, and what others set is ignored in silence. Here the last user may be any thread.
    """
    if library.internal_api == "openblas" and library.threading_layer != "openmp":
        for name in library.check_symbols:
            if hasattr(library.dynlib, name):
                found: Callable[[int], object] = getattr(
                    library.dynlib, name.replace("get_num_threads", "set_num_threads")
                )
                return found
    return library.set_num_threads


@dataclass
class _Limit:
    """One limit of a library: how many use it, and what the first of them has found."""

    n_users: int
    found: int


class Pool:
    """The threads of one library, held at one as long as there are users.

    Whether its limit is that of the process or of each thread depends on the library, how it was
    built, and the version of threadpoolctl; so the first one is looked at from another thread.

    Parameters
    ----------
    get, set : callable
        The number of threads of the library, and how to change it.
    """

    def __init__(self, get: Callable[[], int | None], set: Callable[[int], object]):
        self.get, self.set = get, set
        self.shared: bool | None = None
        self.limits: dict[int | None, _Limit] = {}

    def enter(self) -> int | None:
        """Hold the threads at one; returns whose limit it is, for :meth:`leave`."""
        found = self.get() or 1
        if found > 1:
            self.set(1)
            if self.shared is None:
                self.shared = _from_another_thread(self.get) == 1
        owner = None if self.shared else threading.get_ident()
        limit = self.limits.setdefault(owner, _Limit(0, found))
        limit.n_users += 1
        if limit.found == 1:  # as another limit had it, which has ended since
            limit.found = found
        return owner

    def found(self) -> int:
        """How many threads the library had before the first user, or has now if there is none."""
        limit = self.limits.get(None) or self.limits.get(threading.get_ident())
        now = self.get() or 1
        return now if limit is None else max(now, limit.found)

    def leave(self, owner: int | None) -> None:
        """Give back what the first user has found, if this is the last one."""
        limit = self.limits[owner]
        limit.n_users -= 1
        if limit.n_users == 0:
            del self.limits[owner]
            # Who has set another limit meanwhile means it.
            if limit.found > 1 and self.get() == 1:
                self.set(limit.found)


def _from_another_thread(function: Callable[[], int | None]) -> int | None:
    """What a function returns in a new thread."""
    found: list[int | None] = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]
