"""What watches a fit, and what a fit leaves behind that fails or is stopped."""

import re

import numpy as np
import pytest
from estimator_cases import Recorder, data, each_kind, regressor
from numpy.testing import assert_array_equal
from sklearn.base import is_regressor
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from sknewtonnet import BackwardPruning, InformationCriterionSearch
from sknewtonnet.solvers import Status


def interrupt():
    raise KeyboardInterrupt


def fail():
    raise ValueError("in the callback")


FAILURES = {"interrupt": (interrupt, KeyboardInterrupt), "error": (fail, ValueError)}
each_failure = pytest.mark.parametrize(("action", "error"), FAILURES.values(), ids=FAILURES)


@each_failure
@pytest.mark.parametrize("n_init", [1, 2])
@each_kind
def test_failed_fit_leaves_an_unfitted_estimator(make, make_data, n_init, action, error):
    X, y = make_data()
    est = make(n_init=n_init, random_state=0)
    before = set(vars(est))
    recorder = Recorder(2, action)
    with pytest.raises(error):
        est.set_callbacks(recorder).fit(X, y)
    assert recorder.log.count("end iteration") == 2
    assert recorder.log[-1] == "teardown"
    assert set(vars(est.set_callbacks())) == before
    with pytest.raises(NotFittedError):
        est.predict(X)


@each_failure
@pytest.mark.parametrize("n_init", [1, 2])
@each_kind
def test_failed_fit_leaves_the_last_one(make, make_data, n_init, action, error):
    X, y = make_data()
    est = make(n_init=n_init, random_state=0).fit(X, y)
    before, prediction = dict(vars(est)), est.predict(X)
    with pytest.raises(error):
        est.set_callbacks(Recorder(2, action)).fit(X[:30, :1], y[:30])
    after = vars(est.set_callbacks())
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in before)
    assert_array_equal(est.predict(X), prediction)


@pytest.mark.parametrize(
    "bad", [{"alpha": -1.0}, {"solver": "adam"}, {"alpha": [1.0] * 9}], ids=str
)
def test_refused_fit_leaves_the_last_one(bad):
    X, y = data()
    est = regressor(random_state=0).fit(X, y)
    before = dict(vars(est))
    with pytest.raises(ValueError, match=next(iter(bad))):
        est.set_params(**bad).fit(X[:, :1], y)
    assert all(vars(est)[name] is value for name, value in before.items() if name not in bad)


@each_kind
@pytest.mark.parametrize("n_init", [1, 2])
def test_callback_sees_the_tasks(make, make_data, n_init):
    X, y = make_data()
    sample_weight = np.ones(len(X))
    recorder = Recorder()
    est = make(n_init=n_init, random_state=0).set_callbacks(recorder).fit(X, y, sample_weight)
    log = recorder.log
    assert log[:3] == ["setup", "begin fit", "begin start"]
    assert log[-3:] == ["end start", "end fit", "teardown"]
    assert log.count("begin start") == log.count("end start") == n_init
    assert log.count("begin iteration") == log.count("end iteration") >= est.n_iter_
    if n_init == 1:
        assert log.count("end iteration") == est.n_iter_
    stopped_here, seen_X, seen_y, metadata = recorder.last
    assert_array_equal(stopped_here.predict(X), est.predict(X))
    assert seen_X is X
    assert seen_y is y
    assert metadata == {"sample_weight": sample_weight}


@each_kind
def test_callback_gets_an_estimator_for_each_iteration(make, make_data):
    """Which predicts as if the fit had stopped there."""
    X, y = make_data()
    recorder = Recorder(3, lambda: True)
    est = make(random_state=0).set_callbacks(recorder).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        short = make(random_state=0, max_iter=3).fit(X, y)
    assert_array_equal(est.params_, short.params_)
    assert_array_equal(recorder.last[0].predict(X), short.predict(X))
    assert recorder.last[0].score(X, y) == short.score(X, y)


@each_kind
def test_callback_stops_a_fit(make, make_data):
    """Without a warning: it was asked for."""
    est = make(random_state=0).set_callbacks(Recorder(4, lambda: True)).fit(*make_data())
    assert est.n_iter_ == 4
    assert est.solver_result_.status is Status.STOPPED
    assert est.critical_point_ == "not stationary"


@each_kind
@pytest.mark.parametrize(("n_init", "n_jobs"), [(1, 1), (2, 1), (2, 2)])
def test_sklearn_callbacks(make, make_data, n_init, n_jobs, capsys):
    """A progress bar and a monitor of scores, also across processes."""
    X, y = make_data()
    plain = make(n_init=n_init, random_state=0).fit(X, y)
    score = "r2" if is_regressor(plain) else "accuracy"
    monitor = ScoringMonitor(scoring=score)
    est = make(n_init=n_init, n_jobs=n_jobs, random_state=0)
    est.set_callbacks(ProgressBar(), monitor).fit(X, y)
    assert_array_equal(est.params_, plain.params_)
    shown = capsys.readouterr().out
    assert f"{type(est).__name__} - fit" in shown
    assert f"{type(est).__name__} - start #{n_init - 1}" in shown
    rows = monitor.get_logs().data
    names = [row["task_name"] for row in rows]
    assert names.count("start") == n_init
    assert names.count("fit") == 1
    assert names.count("iteration") >= est.n_iter_
    assert rows[names.index("fit")][score] == est.score(X, y)


@pytest.mark.parametrize("verbose", [0, 1, 2, True])
def test_verbose(verbose, capsys):
    """Nothing, one iteration in ten, or every one, with loss and gradient."""
    est = regressor(random_state=0, verbose=verbose).fit(*data())
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == {0: 0, 1: (est.n_iter_ - 1) // 10 + 1, 2: est.n_iter_}[int(verbose)]
    for line in lines:
        assert re.fullmatch(r"start 0, iteration \d+: loss \S+, largest gradient entry \S+", line)
    if verbose == 2:
        assert f"loss {est.loss_:.8g}" in lines[-1]


# At every point of a fit ------------------------------------------------------------------------


class Breaks:
    """A callback that breaks off at one kind of hook, and notes what it sees until then."""

    def __init__(self, hook, task):
        self.where = hook, task
        self.widths = set()

    def _heard(self, estimator, *here):
        if here not in [("end", "fit"), ("teardown", "fit")]:
            self.widths.add(getattr(estimator, "n_features_in_", None))
        if here == self.where:
            raise KeyboardInterrupt

    def setup(self, estimator, context):
        self._heard(estimator, "setup", "fit")

    def teardown(self, estimator, context):
        self._heard(estimator, "teardown", "fit")

    def on_fit_task_begin(self, estimator, context):
        self._heard(estimator, "begin", context.task_name)

    def on_fit_task_end(self, estimator, context):
        self._heard(estimator, "end", context.task_name)


def pruning(**params):
    return BackwardPruning(regressor(alpha=0.01, random_state=0), max_steps=2)


def search(**params):
    net = regressor(random_state=0)
    return InformationCriterionSearch(net, {"hidden_layer_sizes": [(), (1,)]})


ENDS = [("setup", "fit"), ("teardown", "fit"), ("begin", "fit"), ("end", "fit")]
STARTS = [("begin", "start"), ("end", "start"), ("begin", "iteration"), ("end", "iteration")]
POINTS = [(regressor, *point) for point in ENDS + STARTS]
POINTS += [(pruning, *point) for point in [*ENDS, ("begin", "step"), ("end", "step")]]
POINTS += [(search, *point) for point in ENDS]


@pytest.mark.parametrize(("make", "hook", "task"), POINTS)
def test_an_interrupt_anywhere_leaves_all_as_it_was(make, hook, task):
    X, y = data()
    more = np.column_stack([X, np.cos(X[:, 0])])
    first = make(random_state=0)
    untouched = set(vars(first))
    with pytest.raises(KeyboardInterrupt):
        first.set_callbacks(Breaks(hook, task)).fit(X, y)
    assert set(vars(first.set_callbacks())) == untouched
    est = make(random_state=0).fit(X, y)
    before, prediction = dict(vars(est)), est.predict(X)
    callback = Breaks(hook, task)
    with pytest.raises(KeyboardInterrupt):
        est.set_callbacks(callback).fit(more, y)
    after = vars(est.set_callbacks())
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in before)
    assert_array_equal(est.predict(X), prediction)
    # Until the fit has ended the estimator is the last one, also for another thread.
    assert callback.widths == {2}


@each_kind
def test_callbacks_predict_in_a_refit_to_other_columns(make, make_data):
    X, y = make_data()
    est = make(random_state=0).fit(X[:, :1], y)
    recorder = Recorder(2, lambda: True)
    est.set_callbacks(recorder).fit(X, y)
    assert recorder.last[0].predict(X).shape == y.shape
    assert est.set_callbacks().n_features_in_ == X.shape[1]
