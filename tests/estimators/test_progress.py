"""What callbacks hear of choices of alpha, searches, prunings, and replications."""

import numpy as np
import pytest
from estimator_cases import Recorder
from numpy.testing import assert_array_equal
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknewtonnet import BackwardPruning, InformationCriterionSearch, NewtonMLPRegressor

GRID = {"hidden_layer_sizes": [(), (1,)]}


def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    return X, np.tanh(1.5 * X[:, 0]) + 0.1 * rng.normal(size=60)


def net(**params):
    return NewtonMLPRegressor((1,), **{"alpha": 0.1, "random_state": 0} | params)


def tasks(estimator):
    """What a callback hears, without the iterations."""
    recorder = Recorder()
    estimator.set_callbacks(recorder).fit(*data())
    return [line for line in recorder.log if "iteration" not in line]


@pytest.mark.parametrize("alpha", ["auto", "ard"])
def test_strengths_that_are_tried(alpha):
    est = net(alpha=alpha, n_init=2)
    log = tasks(est)
    assert log[:3] == ["setup", "begin fit", "begin alpha"]
    tried = len(est.alpha_selection_.alphas) + (alpha == "ard")
    assert log.count("begin strength") == log.count("end strength") == tried
    assert log[-7:-2] == ["end alpha", "begin start", "end start", "begin start", "end start"]


def test_callbacks_change_nothing():
    X, y = data()
    plain = net(alpha="auto").fit(X, y)
    watched = net(alpha="auto").set_callbacks(Recorder()).fit(X, y)
    assert_array_equal(plain.params_, watched.params_)


def test_a_number_is_no_choice():
    assert "begin alpha" not in tasks(net())


def test_settings_of_a_search():
    search = InformationCriterionSearch(net(), GRID)
    log = tasks(search)
    assert log == [
        "setup",
        "begin fit",
        *["begin setting", "end setting"] * 2,
        "end fit",
        "teardown",
    ]


def test_scores_of_settings_are_those_of_their_nets():
    X, y = data()
    monitor = ScoringMonitor(scoring="r2")
    model = make_pipeline(StandardScaler(), net())
    grid = {f"newtonmlpregressor__{name}": values for name, values in GRID.items()}
    search = InformationCriterionSearch(model, grid).set_callbacks(monitor).fit(X, y)
    scores = [row["r2"] for row in monitor.get_logs().data if row["task_name"] == "setting"]
    sizes = [(), (1,)]
    wanted = [
        make_pipeline(StandardScaler(), net().set_params(hidden_layer_sizes=size)).fit(X, y)
        for size in sizes
    ]
    assert scores == pytest.approx([each.score(X, y) for each in wanted])
    assert search.best_params_ in search.results_["params"]


def test_first_fit_and_steps_of_a_pruning():
    pruning = BackwardPruning(net())
    log = tasks(pruning)
    assert log[:4] == ["setup", "begin fit", "begin first fit", "end first fit"]
    assert log.count("begin step") == log.count("end step") >= 1
    assert log[-2:] == ["end fit", "teardown"]


@pytest.mark.parametrize(("n_jobs", "alpha"), [(None, "auto"), (2, 0.1)])
def test_bars_of_a_search(n_jobs, alpha, capsys):
    """Nested bars, also of fits in other processes."""
    search = InformationCriterionSearch(net(alpha=alpha), GRID, n_jobs=n_jobs)
    search.set_callbacks(ProgressBar()).fit(*data())
    shown = capsys.readouterr().out
    assert "InformationCriterionSearch - fit" in shown
    assert "setting | Newton" in shown
    assert "- start #0" in shown
    assert ("- alpha #choice" in shown) == (alpha == "auto")
    assert not hasattr(search.best_estimator_, "_parent_callback_ctx")
    assert search.best_estimator_.predict(data()[0]).shape == (60,)


def test_bars_of_a_pruning(capsys):
    BackwardPruning(net()).set_callbacks(ProgressBar()).fit(*data())
    shown = capsys.readouterr().out
    assert "BackwardPruning - fit" in shown
    assert "first fit" in shown


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_replications(n_jobs):
    X, y = data()
    results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
    heard = []
    found = results.bootstrap(12, n_jobs=n_jobs, progress=lambda *counts: heard.append(counts))
    assert [n for _, n in heard] == [12] * len(heard)
    done = [k for k, _ in heard]
    assert done == sorted(set(done))
    assert done[-1] == 12
    if n_jobs is None:
        assert done == list(range(1, 13))
    assert_array_equal(found.samples, results.bootstrap(12).samples)


def test_simulations():
    X, y = data()
    results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
    heard = []
    results.calibrate(2, tests=["effect"], progress=lambda *counts: heard.append(counts))
    assert heard == [(k, 8) for k in range(1, 9)]
    small = NewtonMLPRegressor((), alpha=0.0).fit(X[:, :2], y).inference(X[:, :2], y)
    heard.clear()
    results.compare(small, bootstrap=3, progress=lambda *counts: heard.append(counts))
    assert heard == [(1, 3), (2, 3), (3, 3)]
