"""Samples shared among threads: equal bits for any number of them, errors, interrupts, forks."""

import multiprocessing
import os
import pickle
import threading
import time
from copy import deepcopy

import numpy as np
import pytest
from joblib import Parallel, delayed
from numpy.testing import assert_array_equal
from threadpoolctl import threadpool_limits

from sknewtonnet import _threads
from sknewtonnet._threads import helpers, one_thread, sample_threads
from sknewtonnet.calculus import GaussianRBF, Linear, Network, Objective
from sknewtonnet.calculus.passes import shared_samples
from sknewtonnet.calculus.passes.shared_samples import balanced_chunks, in_order, summed


@pytest.fixture(autouse=True)
def many_processors(monkeypatch):
    """Four processors, and nothing too small to be shared."""
    monkeypatch.setattr(_threads, "_n_cpus", lambda: 4)
    monkeypatch.setattr(_threads, "_helpers", None)
    monkeypatch.setattr(shared_samples, "_HELD", 0.0)
    monkeypatch.setattr(shared_samples, "_SHARED", 0.0)
    monkeypatch.setattr(shared_samples, "_LARGE", 0.0)
    yield
    helpers().shutdown()


NETS = {
    "linear": lambda: Network.mlp(3, (5, 4), 2),
    "skips": lambda: Network.mlp(3, (4, 3), 2, skip_connections="all"),
    "radial": lambda: Network.rbf(3, 4, 2),
    "radial inside": lambda: Network.from_layers(
        3, [Linear((0,), 3, "tanh"), GaussianRBF((1,), 3, "diag"), Linear((2,), 2)]
    ),
}
RESULTS = {
    "value": lambda f, w, v: f.value(w),
    "gradient": lambda f, w, v: f.gradient(w),
    "product": lambda f, w, v: f.hessian_product(w, v[:, 0]),
    "products": lambda f, w, v: f.hessian_product(w, v, "gauss-newton"),
    "exact": lambda f, w, v: f.hessian(w),
    "gauss-newton": lambda f, w, v: f.hessian(w, "gauss-newton"),
    "block": lambda f, w, v: f.hessian(w, "block"),
    "lagrangian": lambda f, w, v: np.concatenate(
        [blocks.ravel() for blocks in f.hessian_blocks(w, "lagrangian")]
    ),
    "scores": lambda f, w, v: f.scores(w),
    "jacobian": lambda f, w, v: f.jacobian(w),
    "predictions": lambda f, w, v: f.network.predict_raw(w, np.tile(f.samples, (20, 1))),
    "states": lambda f, w, v: np.hstack(f.network.states(w, np.tile(f.samples, (20, 1)))),
    "reduced": lambda f, w, v: reduced_gradient(f, w),
    "projected": lambda f, w, v: f.projected(w).gradient(w[: f.projected(w).n_parameters]),
}


def reduced_gradient(f, w):
    reduced = f.reduced()
    return reduced.gradient(w[: reduced.n_parameters])


def problem(net, n_samples=130, chunk_size=7):
    rng = np.random.default_rng(0)
    network = NETS[net]()
    X, Y = rng.normal(size=(n_samples, 3)), rng.normal(size=(n_samples, 2))
    f = Objective(
        network, "squared_error", X, Y, rng.random(n_samples), alpha=0.3, chunk_size=chunk_size
    )
    return f, 0.5 * rng.normal(size=f.n_parameters), rng.normal(size=(f.n_parameters, 3))


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("name", RESULTS)
def test_same_bits_for_any_number_of_threads(net, name):
    found = {}
    for n_threads in (1, 2, 4):
        f, w, v = problem(net)
        with threadpool_limits(n_threads):
            assert sample_threads() == n_threads
            found[n_threads] = RESULTS[name](f, w, v)
            f.value(w + 0.1)  # work arrays that others have been in do not matter
            assert_array_equal(RESULTS[name](f, w, v), found[n_threads])
    assert np.isfinite(found[1]).all()
    assert_array_equal(found[2], found[1])
    assert_array_equal(found[4], found[1])


def test_threads_are_used():
    """Two pieces that wait for each other end, since they are in two threads."""
    both = threading.Barrier(2, timeout=60)
    with threadpool_limits(2):
        found = summed([1, 2], lambda piece: [both.wait() * 0 + piece], cost=1.0)
    assert found == [3]


@pytest.mark.parametrize("by_turns", [False, True])
def test_results_are_taken_in_order(by_turns):
    rng, taken = np.random.default_rng(0), []
    pauses = rng.random(40) * 1e-3

    def work(number):
        time.sleep(pauses[number])
        return number

    with threadpool_limits(4):
        in_order(range(40), work, taken.append, cost=1.0, by_turns=by_turns)
    assert taken == list(range(40))


@pytest.mark.parametrize("n_threads", [1, 2, 4])
def test_the_first_error_comes_back_and_nothing_after_it_is_taken(n_threads):
    taken = []

    def work(number):
        time.sleep(0.001 * (20 - number))
        if number in (7, 9):
            raise OSError(f"piece {number}")
        return number

    with threadpool_limits(n_threads), pytest.raises(OSError, match="piece 7") as caught:
        in_order(range(20), work, taken.append, cost=1.0)
    assert taken == list(range(7))
    assert caught.traceback[-1].name == "work"


def test_an_error_of_taking_comes_back():
    def take(number):
        assert number != 3, "no place for 3"

    with threadpool_limits(2), pytest.raises(AssertionError, match="no place for 3"):
        in_order(range(9), lambda number: number, take, cost=1.0)


def test_an_interrupt_waits_for_the_helpers():
    """Else they would write to arrays while the next call does."""
    main, working = threading.main_thread(), []
    in_helper = threading.Event()

    def work(number):
        if threading.current_thread() is main:
            assert in_helper.wait(60)
            raise KeyboardInterrupt
        working.append(number)
        in_helper.set()
        time.sleep(0.1)
        working.remove(number)

    with threadpool_limits(2), pytest.raises(KeyboardInterrupt):
        in_order(range(50), work, cost=1.0)
    assert not working


class LateLock:
    """A lock whose owner is interrupted while it waits for its next turn."""

    def __init__(self):
        self.lock, self.n_turns = threading.Lock(), 0

    def acquire(self):
        self.n_turns += 1
        if self.n_turns == 2:
            raise KeyboardInterrupt
        self.lock.acquire()

    def release(self):
        self.lock.release()


def test_an_interrupt_while_another_thread_has_its_turn_stays_one():
    """Its lock is not that of the interrupted thread, which must not release it."""
    shared = shared_samples._Threads([np.eye(2)], square, lambda part: None, by_turns=True)
    shared.alone = LateLock()
    with pytest.raises(KeyboardInterrupt):
        shared.run(1)


def square(matrix):
    return shared_samples.product(matrix, matrix, np.empty_like(matrix))


def test_an_interrupt_leaves_no_half_of_a_point(monkeypatch):
    f, w, v = problem("linear")
    other = w + 0.3
    expected = [RESULTS[name](f, other, v) for name in ("value", "gradient", "exact")]
    f.gradient(w)
    chunk, calls = type(f._chunks[0]), []
    adjoint = chunk.adjoint

    def interrupted(self, layers):
        calls.append(self)
        if len(calls) == 5:
            raise KeyboardInterrupt
        adjoint(self, layers)

    with threadpool_limits(2):
        with monkeypatch.context() as patched:
            patched.setattr(chunk, "adjoint", interrupted)
            with pytest.raises(KeyboardInterrupt):
                f.gradient(other)
        found = [RESULTS[name](f, other, v) for name in ("value", "gradient", "exact")]
    for one, two in zip(found, expected, strict=True):
        assert_array_equal(one, two)


def test_an_interrupt_of_a_solve_for_the_output_layer_leaves_no_half_of_a_point(monkeypatch):
    f, w, _ = problem("linear")
    gradient, reduced = f.gradient(w), f.reduced()
    with monkeypatch.context() as patched:
        patched.setattr(type(f._chunks[0]), "forward_output", interrupt)
        with pytest.raises(KeyboardInterrupt):
            reduced.value(w[: reduced.n_parameters])
    assert_array_equal(f.gradient(w), gradient)


def interrupt(*args):
    raise KeyboardInterrupt


def test_far_points_make_no_warnings_in_threads():
    f, w, _ = problem("linear")
    with threadpool_limits(2):
        assert f.value(1e200 * w) == np.inf
        with np.errstate(over="raise"), pytest.raises(FloatingPointError):
            in_order([1e200] * 9, lambda x: np.square(np.full(3, x)), cost=1.0)


def test_only_the_main_thread_has_helpers():
    """Joblib's threads, dask's and our own have one each."""

    def seen():
        with threadpool_limits(2):
            return sample_threads()

    assert Parallel(2, backend="threading")(delayed(seen)() for _ in range(4)) == [1] * 4
    inside = []
    with threadpool_limits(3):
        in_order(
            range(9), lambda _: inside.append((threading.get_ident(), sample_threads())), cost=1
        )
        main = threading.get_ident()
        assert {count for ident, count in inside if ident != main} <= {1}


def test_limits_of_the_blas_are_those_of_samples():
    for n_threads in (1, 2, 3):
        with threadpool_limits(n_threads):
            assert sample_threads() == n_threads
            with one_thread():  # the package's own limit is none of theirs
                assert sample_threads() == n_threads
                with one_thread():
                    assert sample_threads() == n_threads


def test_processors_limit_the_threads(monkeypatch):
    monkeypatch.setattr(_threads, "_n_cpus", lambda: 1)
    with threadpool_limits(2):
        assert sample_threads() == 1


@pytest.mark.parametrize("by_turns", [False, True])
def test_work_within_work_is_not_shared_again(by_turns):
    """A layer or a loss of your own may hold an objective; helpers are waiting for its piece."""

    def inner(piece):
        return summed([piece, 1], lambda number: [number], cost=1.0, by_turns=by_turns)

    with threadpool_limits(2):
        assert summed(range(20), inner, cost=1.0, by_turns=by_turns) == [210]


def test_without_new_threads_one_does_all():
    """As at the end of the interpreter."""
    helpers().shutdown()
    with threadpool_limits(2):
        assert summed([1, 2, 3], lambda piece: [piece], cost=1.0) == [6]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinities here")
def test_affinity_counts(monkeypatch):
    monkeypatch.undo()
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert _threads._n_cpus() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def in_child(queue, f, w):
    with threadpool_limits(2):
        _threads.current_process().daemon or queue.put(sample_threads())
        queue.put(f.gradient(w))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_has_helpers_of_its_own():
    f, w, _ = problem("linear")
    with threadpool_limits(2):
        gradient = f.gradient(w)  # there are helpers now
        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        child = context.Process(target=in_child, args=(queue, f, w + 0.1))
        child.start()
        assert queue.get(timeout=60) == 2
        found = queue.get(timeout=60)
        child.join(60)
        assert child.exitcode == 0
        assert_array_equal(found, f.gradient(w + 0.1))
        assert_array_equal(f.gradient(w), gradient)


def test_objectives_are_copied_without_work_arrays():
    f, w, _ = problem("linear")
    gradient = f.gradient(w)
    for other in (pickle.loads(pickle.dumps(f)), deepcopy(f)):
        assert_array_equal(other.gradient(w), gradient)
        assert_array_equal(other.gradient(w + 0.1), f.gradient(w + 0.1))


@pytest.mark.parametrize("n_samples", [33, 1000, 5001, 100_003])
def test_large_tables_have_even_numbers_of_chunks(n_samples):
    graph = Network.mlp(3, (5,), 1)._graph
    chunks = balanced_chunks(graph, n_samples, 256, None)
    assert chunks[0].start == 0
    assert chunks[-1].stop == n_samples
    assert len(chunks) % 2 == 0 or n_samples < 64
    sizes = [chunk.stop - chunk.start for chunk in chunks]
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= 5 * 256
