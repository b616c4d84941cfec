"""Children of minima found as starts, and the rule by which they end early."""

from dataclasses import dataclass
from unittest.mock import patch

import numpy as np
import pytest
from estimator_cases import Recorder
from numpy.testing import assert_array_equal

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor, RBFNetRegressor
from sknewtonnet.calculus import Network
from sknewtonnet.estimators import _crossover
from sknewtonnet.estimators._crossover import RANDOM, ROUND, child, is_hopeless, parents

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N_INIT, WINDOW = 14, 10


def table(n_samples=80):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(n_samples, 2))
    return X, np.sin(2.0 * X[:, 0]) * X[:, 1] + 0.3 * rng.normal(size=n_samples)


def net(kind=NewtonMLPRegressor, size=4, **params):
    default = {"alpha": 0.05, "n_init": N_INIT, "init": "crossover", "random_state": 0}
    return kind(size, **default | params)


def of_classes(y):
    return (y > 0.3).astype(int)


def curve(end, ratio, n_iter):
    """Values that fall towards an end, by a factor for every window."""
    return [end + ratio ** (k / WINDOW) for k in range(n_iter)]


@pytest.mark.parametrize("lowest", [2.0, -2.0])
@pytest.mark.parametrize("ratio", [0.1, 0.4, 0.8])
def test_the_rule_on_curves_whose_end_is_known(lowest, ratio):
    """Falls that shrink by a sixth or more are seen through; what leads lower goes on."""
    ends_lower = curve(lowest - 0.1, ratio, 60)
    assert not any(is_hopeless(ends_lower[:k], lowest, WINDOW) for k in range(1, 61))
    ends_higher = curve(lowest + 0.1, ratio, 150)
    first = next(k for k in range(1, 151) if is_hopeless(ends_higher[:k], lowest, WINDOW))
    assert WINDOW < first < 130
    # d = (1 / ratio - 1) r, with r what is still to fall: hopeless as soon as 5 d - r < 0.1.
    left = [value - (lowest + 0.1) for value in ends_higher]
    expected = next(
        k + 1 for k in range(WINDOW, 150)
        if left[k] * (5.0 * (1.0 / ratio - 1.0) - 1.0) < 0.1 + 1e-5 * abs(lowest)
    )  # fmt: skip
    assert first == expected


def test_the_same_minimum_again_is_hopeless_and_a_lower_one_never():
    again = curve(1.0, 0.01, 60)
    assert is_hopeless(again, 1.0, WINDOW)
    assert not is_hopeless([1.0] * 60, 1.0 + 1e-12, WINDOW)
    assert not is_hopeless([5.0] * WINDOW, 1.0, WINDOW)
    assert is_hopeless([5.0] * (WINDOW + 1), 1.0, WINDOW)
    assert not is_hopeless([5.0] * 60, np.inf, WINDOW)


def test_hopeless_starts_end_early():
    X, y = table()
    settings = {"size": 8, "alpha": 0.1}
    found = net(**settings).fit(X, y)
    starts, early = found.starts_, found.starts_["ended_early"]
    assert early.sum() >= 2
    random = np.arange(N_INIT) % ROUND < RANDOM
    random[:ROUND] = True
    assert not (early & random).any()
    assert not starts["converged"][early].any()
    assert (starts["minimum"][early] == -1).all()
    assert (starts["loss"][early] > found.loss_).all()
    assert starts["n_iter"][early].mean() < starts["n_iter"][~early].mean()
    assert starts["converged"][~early].all()
    assert found.critical_point_ == "minimum"
    with patch.object(_crossover, "is_hopeless", lambda *_: False):
        whole = net(**settings).fit(X, y)
    assert not whole.starts_["ended_early"].any()
    assert whole.starts_["converged"].all()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", [NewtonMLPRegressor, NewtonMLPClassifier])
def test_the_lowest_end_is_that_of_running_all(kind, seed):
    """In the first round of children, which are the same whether they are raced or not."""
    X, y = table()
    y = y if kind is NewtonMLPRegressor else of_classes(y)
    settings = {"alpha": 0.1, "n_init": 2 * ROUND, "random_state": seed}
    found = net(kind, 8, **settings).fit(X, y)
    with patch.object(_crossover, "is_hopeless", lambda *_: False):
        whole = net(kind, 8, **settings).fit(X, y)
    early = found.starts_["ended_early"]
    assert early.any() or (kind, seed) != (NewtonMLPRegressor, 0)
    assert (whole.starts_["loss"][early] > found.loss_ * (1.0 - 1e-5)).all()
    assert_array_equal(found.starts_["loss"][~early], whole.starts_["loss"][~early])
    assert abs(found.loss_ - whole.loss_) <= 1e-5 * whole.loss_


def test_the_random_starts_are_those_of_any_fit():
    X, y = table()
    found = net().fit(X, y)
    random = net(init="random").fit(X, y)
    same = [0, 1, 2, 3, 4, 5, 8, 9, 12, 13]
    for name in ("loss", "gradient_norm", "n_iter"):
        assert_array_equal(found.starts_[name][same], random.starts_[name][same])
    few, few_random = net(n_init=ROUND).fit(X, y), net(n_init=ROUND, init="random").fit(X, y)
    assert_array_equal(few.params_, few_random.params_)


@pytest.mark.parametrize("bounds", [None, {"coefs_0": (-1.0, 1.0)}], ids=["free", "bounds"])
def test_bits_do_not_depend_on_who_runs_the_starts(bounds):
    X, y = table(50)
    settings = {"size": 5, "n_init": 2 * ROUND, "bounds": bounds}
    one = net(**settings).fit(X, y)
    again = net(**settings, n_jobs=2).fit(X, y)
    assert_array_equal(again.params_, one.params_)
    assert again.loss_curve_ == one.loss_curve_
    for name, column in one.starts_.items():
        assert_array_equal(again.starts_[name], column)


@pytest.mark.parametrize(
    "make",
    [
        lambda: net(size=(3, 2), skip_connections="all"),
        lambda: net(RBFNetRegressor, 3),
        lambda: net(loss="negative_binomial", size=2),
        lambda: net(tied={"coefs_0[x0, h0]": 0, "coefs_0[x1, h1]": 0}, size=2),
        lambda: net(size=(), alpha=0.1),
    ],
    ids=["deep", "radial", "overdispersed", "tied", "linear"],
)
def test_all_kinds_of_nets_take_it(make):
    X, y = table(50)
    y = y if make().get_params().get("loss") != "negative_binomial" else np.floor(np.exp(y))
    found = make().fit(X, y)
    assert len(found.starts_["loss"]) == N_INIT
    assert found.starts_["minimum"][np.argmin(found.starts_["loss"])] == 0
    if not found.n_layers_ > 2:
        assert not found.starts_["ended_early"].any()


@dataclass
class Minimum:
    """What the rounds read of a run."""

    params: np.ndarray
    value: float
    n_events: dict


def test_a_child_has_whole_units_of_two_minima():
    network = Network.mlp(3, (4, 3), 2, skip_connections="all")
    size = network.n_parameters
    pool = [Minimum(np.full(size, float(k)), float(k), {"ended_early": 0}) for k in range(3)]
    numbers, others = set(), set()
    for seed in range(60):
        w = child(network, pool, np.random.RandomState(seed))
        matrices = network.by_layer(network.layout.expand(w))
        taken = [[len(set(column)) == 1 and column[0] > 0 for column in m.T] for m in matrices[:2]]
        count = sum(map(sum, taken))
        assert 1 <= count <= 3
        numbers.add(count)
        others.add(w.max())
        # All that comes into a unit or goes out of it, and nothing else.
        expected = np.zeros(network.layout.n_full, dtype=bool)
        flags = network.by_layer(expected)
        for k, units in enumerate(taken):
            for j in np.flatnonzero(units):
                flags[k][:, j] = True
                for rows in network.outgoing(flags, k + 1):
                    rows[j] = True
        assert_array_equal(w > 0, network.layout.restrict(expected))
    assert numbers == {1, 2, 3}
    assert others == {1.0, 2.0}


def test_parents_are_few_and_different():
    values = [3.0, 1.0, 1.0 + 1e-9, np.inf, 0.5, 2.0, 7.0, 6.0, 5.0, 4.0]
    early = [0, 0, 0, 0, 1, 0, 0, 0, 0, 0]
    ends = [
        Minimum(np.zeros(1), value, {"ended_early": flag})
        for value, flag in zip(values, early, strict=True)
    ]
    assert [one.value for one in parents(ends)] == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def interrupt():
    raise KeyboardInterrupt


def test_an_interrupted_child_leaves_the_last_fit():
    X, y = table()
    found = net(n_init=1).fit(X, y)
    before = dict(vars(found))
    n_iter = net(n_init=ROUND).fit(X, y).starts_["n_iter"].sum()
    recorder = Recorder(n_iter + 3, interrupt)  # in the second round
    with pytest.raises(KeyboardInterrupt):
        found.set_params(n_init=N_INIT).set_callbacks(recorder).fit(X, y)
    after = vars(found.set_callbacks().set_params(n_init=1))
    assert all(after[name] is before[name] for name in before)


def test_callbacks_and_the_screen_see_each_start(capsys):
    X, y = table()
    recorder = Recorder()
    watched = net(verbose=2).set_callbacks(recorder).fit(X, y)
    plain = net().fit(X, y)
    assert_array_equal(watched.params_, plain.params_)
    assert recorder.log.count("end start") == recorder.log.count("begin start") == N_INIT
    assert recorder.log.count("end iteration") == watched.starts_["n_iter"].sum()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == watched.starts_["n_iter"].sum()
    assert {line.split(",")[0] for line in lines} == {f"start {k}" for k in range(N_INIT)}


def test_what_a_start_may_be():
    with pytest.raises(ValueError, match=r"init.*'crossover'.*Got 'kmeans'"):
        net(init="kmeans").fit(*table())
