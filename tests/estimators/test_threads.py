"""Threads of linear algebra: one where that is faster, the found number afterwards, equal bits."""

import threading
from contextlib import contextmanager
from functools import cache

import numpy as np
import pytest
from joblib import parallel_config
from numpy.testing import assert_array_equal
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_info, threadpool_limits

from sknewtonnet import (
    BackwardPruning,
    InformationCriterionSearch,
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    NewtonNetRegressor,
    RBFNetRegressor,
    _threads,
    criterion_scorer,
)
from sknewtonnet._threads import Pool, hessian_threads, one_thread
from sknewtonnet.calculus.passes import shared_samples
from sknewtonnet.calculus.pieces.activations import Tanh
from sknewtonnet.inspection import feature_importance
from sknewtonnet.pruning import pruning_stability

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def threads(api="blas"):
    """How many threads each library has, as this thread sees it."""
    return {found["num_threads"] for found in threadpool_info() if found["user_api"] == api}


@pytest.fixture(autouse=True)
def two_threads():
    """As users have it who set nothing on two cores; the suite itself has one."""
    with threadpool_limits(2):
        yield
        assert threads() == {2}  # nothing may leave another limit


def table(n_samples=60):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, 3))
    return X, np.sin(2.0 * X[:, 0]) + 0.5 * X[:, 1] + 0.1 * rng.normal(size=n_samples)


seen: set[int] = set()


class Watching(Tanh):
    """A unit that notes the threads whenever it is evaluated."""

    def derivatives(self, a, order=2):
        seen.update(threads())
        return super().derivatives(a, order)

    def forward(self, a, value, slope):
        seen.update(threads())
        super().forward(a, value, slope)


class Callback:
    """Runs a function at the end of each iteration."""

    def __init__(self, function):
        self.function = function

    def setup(self, *args, **kwargs):
        pass

    teardown = on_fit_task_begin = setup

    def on_fit_task_end(self, estimator, context, **kwargs):
        if context.task_name == "iteration":
            self.function()


def watched(**params):
    return NewtonMLPRegressor((2,), **{"alpha": 1.0, "random_state": 0} | params)


class Library:
    """A library with one limit for the process, or one for each thread."""

    def __init__(self, per_thread):
        self.n_threads = threading.local() if per_thread else type("", (), {})()

    def get(self):
        return getattr(self.n_threads, "n", 4)

    def set(self, n):
        self.n_threads.n = n


@contextmanager
def other_thread(pool):
    """Another thread, which enters at once and leaves at the end; what it then has."""
    entered, leave, left = threading.Event(), threading.Event(), []

    def run():
        owner = pool.enter()
        left.append(pool.get())
        entered.set()
        assert leave.wait(60)
        pool.leave(owner)
        left.append(pool.get())

    thread = threading.Thread(target=run)
    thread.start()
    assert entered.wait(60)
    yield left
    leave.set()
    thread.join()


@pytest.mark.parametrize("per_thread", [False, True])
@pytest.mark.parametrize("known", [False, True])
def test_last_user_gives_back_what_the_first_has_found(per_thread, known):
    library = Library(per_thread)
    pool = Pool(library.get, library.set)
    if known:
        pool.leave(pool.enter())
    owner = pool.enter()
    with other_thread(pool) as left:
        nested = pool.enter()
        pool.leave(nested)
        assert library.get() == 1
        pool.leave(owner)
        assert library.get() == (4 if per_thread else 1)  # the other one is still inside
    assert left == [1, 4]
    assert library.get() == 4
    assert pool.shared is not per_thread
    assert not pool.limits


@pytest.mark.parametrize("per_thread", [False, True])
def test_limits_of_others_are_respected(per_thread):
    library = Library(per_thread)
    pool = Pool(library.get, library.set)
    owner = pool.enter()
    library.set(3)  # whoever does this, in mid-fit, means it
    pool.leave(owner)
    assert library.get() == 3
    library.set(1)  # another one's limit, which ends in mid-fit
    owner = pool.enter()
    library.set(3)
    nested = pool.enter()
    assert library.get() == 1
    pool.leave(nested)
    pool.leave(owner)
    assert library.get() == 3


def test_large_dense_work_takes_the_threads_there_are():
    with hessian_threads(442, 121):
        assert threads() == {1}
    for shape in ((100_000, 601), (1000, 2000)):
        with hessian_threads(*shape):
            assert threads() == {2}
        with one_thread(), hessian_threads(*shape):
            assert threads() == {1}


def test_error_gives_threads_back():
    def fail():
        assert threads() == {1}
        raise OSError("disk full")

    net = watched().set_callbacks(Callback(fail))
    with pytest.raises(OSError, match="disk full"):
        net.fit(*table())
    assert threads() == {2}
    with pytest.raises(ValueError, match="NaN"):
        net.fit(np.full((5, 3), np.nan), np.zeros(5))


CALLS = {
    "fit": lambda net, X, y: watched(activation=Watching()).fit(X, y),
    "auto": lambda net, X, y: watched(activation=Watching(), alpha="auto", max_iter=3).fit(X, y),
    "lm": lambda net, X, y: watched(activation=Watching(), solver="lm").fit(X, y),
    "starts": lambda net, X, y: watched(activation=Watching(), n_init=2).fit(X, y),
    "predict": lambda net, X, y: net.predict(X),
    "predict_at": lambda net, X, y: net.predict_at(net.params_, X),
    "score": lambda net, X, y: net.score(X, y),
    "input_derivatives": lambda net, X, y: net.input_derivatives(X),
    "importances": lambda net, X, y: feature_importance(net.objective(X, y), net.params_),
    "inference": lambda net, X, y: net.inference(X, y),
    "summary": lambda net, X, y: net.inference(X, y, cov_type="HC3").summary(),
    "prediction": lambda net, X, y: net.inference(X, y).get_prediction(X),
    "effects": lambda net, X, y: net.inference(X, y).marginal_effects(),
    "partial": lambda net, X, y: net.inference(X, y).partial_effect("x0"),
    "score test": lambda net, X, y: net.inference(X, y).score_test("x2", robust=True, n_init=0),
    "unit test": lambda net, X, y: net.inference(X, y).hidden_unit_test(),
    "pruning": lambda net, X, y: BackwardPruning(watched(activation=Watching())).fit(X, y),
    "scorer": lambda net, X, y: criterion_scorer("tic")(net, X, y),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_small_work_has_one_thread(call):
    X, y = table()
    net = watched(activation=Watching()).fit(X, y)
    seen.clear()
    call(net, X, y)
    assert seen == {1}


@pytest.mark.parametrize(
    "make",
    [
        lambda: NewtonMLPClassifier((2,), alpha=1.0, max_iter=3),
        lambda: NewtonNetRegressor(alpha=1.0, max_iter=3),
        lambda: RBFNetRegressor(2, alpha=1.0, max_iter=3),
        lambda: InformationCriterionSearch(watched(), {"n_init": [1]}, n_jobs=1),
    ],
)
def test_callbacks_see_one_thread(make):
    X, y = table()
    est, found = make(), []
    inner = getattr(est, "estimator", est)
    inner.set_callbacks(Callback(lambda: found.append(threads())))
    est.fit(X, y > 0 if isinstance(est, NewtonMLPClassifier) else y)
    assert found
    assert all(threads == {1} for threads in found)


def test_fits_that_overlap_share_a_limit():
    """The first fit ends while the second goes on: the second still has one thread."""
    X, y = table()
    second_is_in, first_is_out, found = threading.Event(), threading.Event(), []

    def second():
        second_is_in.set()
        assert first_is_out.wait(60)
        found.append(threads())

    def run():
        watched().set_callbacks(Callback(second)).fit(X, y)

    thread = threading.Thread(target=run)

    def first():
        if not thread.ident:
            thread.start()
        assert second_is_in.wait(60)
        found.append(threads())

    watched().set_callbacks(Callback(first)).fit(X, y)
    assert threads() == {1}  # the other one's
    first_is_out.set()
    thread.join()
    assert len(found) > 2
    assert all(threads == {1} for threads in found)
    assert threads() == {2}


def test_starts_in_threads_leave_the_limit_as_it_was():
    with parallel_config("threading", n_jobs=2):
        watched(n_init=4).fit(*table())
    assert threads() == {2}


# In Levenberg-Marquardt steps the bits of such a table differ between one thread and two.
def bits():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 10))
    return X, np.sin(2.0 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * rng.normal(size=500)


def chaotic(**params):
    fixed = {"alpha": 1.0, "solver": "lm", "max_iter": 3, "random_state": 0}
    return NewtonMLPRegressor((20,), **fixed | params)


def several_starts(n_jobs):
    return chaotic(n_init=2, n_jobs=n_jobs).fit(*bits()).params_


def grid_search(n_jobs):
    search = GridSearchCV(chaotic(), {"alpha": [1.0, 3.0]}, cv=2, n_jobs=n_jobs).fit(*bits())
    return np.r_[search.cv_results_["mean_test_score"], search.best_estimator_.params_]


def criterion_grid_search(n_jobs):
    net, rows = chaotic(solver="auto", max_iter=1000), np.arange(500)
    grid, scoring = {"hidden_layer_sizes": [(4,), (8,)]}, criterion_scorer("tic")
    search = GridSearchCV(net, grid, scoring=scoring, cv=[(rows, rows)], n_jobs=n_jobs)
    return search.fit(*bits()).cv_results_["mean_test_score"]


def criterion_search(n_jobs):
    net = chaotic(solver="auto", max_iter=1000)
    grid = {"hidden_layer_sizes": [(4,), (8,)]}
    search = InformationCriterionSearch(net, grid, criterion="tic", n_jobs=n_jobs).fit(*bits())
    return np.r_[search.results_["tic"], search.best_estimator_.params_]


def pruning(n_jobs):
    X, y = bits()
    net = chaotic(solver="auto", max_iter=1000).set_params(hidden_layer_sizes=(8,))
    net = BackwardPruning(net, step=0.9, max_steps=1)
    found = pruning_stability(net, X, y, n_resamples=2, random_state=0, n_jobs=n_jobs)
    return np.r_[found.n_parameters, found.pruned.estimator_.params_]


def chosen_alpha(n_jobs):
    net = chaotic(alpha="auto", cv=2, n_jobs=n_jobs).fit(*bits())
    return np.r_[net.alpha_selection_.held_out_loss, net.params_]


def radial_starts(n_jobs):
    with threadpool_limits(n_jobs, user_api="openmp"):
        net = RBFNetRegressor(8, alpha=1.0, max_iter=2, n_init=2, n_jobs=n_jobs, random_state=0)
        return net.fit(*bits()).params_


def bootstrap(n_jobs):
    X, y = table()
    return watched().fit(X, y).inference(X, y).bootstrap(8, n_jobs=n_jobs).samples


WAYS = [
    several_starts,
    grid_search,
    criterion_grid_search,
    criterion_search,
    pruning,
    chosen_alpha,
    radial_starts,
]


@cache
def one_at_a_time(way):
    return way(1)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
@pytest.mark.parametrize("way", WAYS)
def test_same_bits_for_any_n_jobs(way, backend):
    with parallel_config(backend):
        assert_array_equal(way(2), one_at_a_time(way))


@pytest.fixture(scope="module")
def dask_threads():
    """Two threads of dask in this process."""
    distributed = pytest.importorskip("distributed", reason="dask is not installed")
    settings = {"processes": False, "n_workers": 1, "threads_per_worker": 2}
    with distributed.Client(dashboard_address=":0", **settings):
        yield


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.filterwarnings("ignore:Couldn't detect a suitable IP:RuntimeWarning:distributed")
@pytest.mark.parametrize("way", [*WAYS, bootstrap])
def test_same_bits_in_threads_of_dask(way, dask_threads):
    one = one_at_a_time(way)
    with parallel_config("dask"):
        assert_array_equal(way(2), one)


def test_bits_of_a_fit_do_not_depend_on_the_threads_that_are_there():
    X, y = bits()
    here = chaotic().fit(X, y).params_
    with threadpool_limits(1):
        assert_array_equal(chaotic().fit(X, y).params_, here)
    with threadpool_limits(1, user_api="openmp"):
        one = RBFNetRegressor(8, alpha=1.0, max_iter=2, random_state=0).fit(X, y)
    both = RBFNetRegressor(8, alpha=1.0, max_iter=2, random_state=0).fit(X, y)
    assert_array_equal(both.params_, one.params_)


@pytest.mark.parametrize("params", [{"solver": "auto"}, {}, {"solver": "trust-exact"}])
def test_bits_of_a_fit_do_not_depend_on_who_shares_its_rows(params, monkeypatch):
    monkeypatch.setattr(shared_samples, "_SHARED", 0.0)
    monkeypatch.setattr(_threads, "_n_cpus", lambda: 2)
    X, y = bits()
    with threadpool_limits(1):
        alone = chaotic(**params).fit(X, y)
    shared = chaotic(**params).fit(X, y)
    assert_array_equal(shared.params_, alone.params_)
    assert_array_equal(shared.predict(X), alone.predict(X))
    with parallel_config("threading"):
        several = chaotic(n_init=2, n_jobs=2, **params).fit(X, y)
    with threadpool_limits(1):
        assert_array_equal(chaotic(n_init=2, **params).fit(X, y).params_, several.params_)
