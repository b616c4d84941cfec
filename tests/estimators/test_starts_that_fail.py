"""Starts that cannot begin, and fits that learn nothing from their inputs."""

import numpy as np
import pytest
from estimator_cases import each_kind
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.callback import ScoringMonitor
from sklearn.datasets import make_circles
from sklearn.exceptions import ConvergenceWarning

from sknewtonnet import (
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    NewtonNetRegressor,
    RBFNetClassifier,
    RBFNetRegressor,
)
from sknewtonnet.calculus import Linear, Network, Objective
from sknewtonnet.calculus.functions.flatness import is_constant, is_flat
from sknewtonnet.estimators import fit_of

either_scale = pytest.mark.parametrize("standardize", [False, True])

YEARS = np.arange(1961.0, 2021.0)[:, None]


def income_and_age(n=300):
    """Two columns of very different units, which tanh of a sum of them explains."""
    rng = np.random.default_rng(0)
    income, age = rng.lognormal(10, 0.5, n), rng.normal(45, 12, n)
    y = np.tanh((income - 22000) / 20000 + 0.02 * (age - 45)) + 0.2 * rng.normal(size=n)
    return np.c_[income, age], y


def test_longley_is_solved_as_loaded():
    """Columns of 1e2 to 1e6, nearly collinear: NIST's data for linear least squares."""
    longley = pytest.importorskip("statsmodels.api").datasets.longley.load()
    X, y = np.asarray(longley.exog, float), np.asarray(longley.endog, float)
    net = NewtonMLPRegressor((), alpha=0.0, standardize=True).fit(X, y)
    certified = [15.0618722713733, -0.358191792925910e-1, -2.02022980381683]
    certified += [-1.03322686717359, -0.511041056535807e-1, 1829.15146461355]
    assert_allclose(net.coefs_[0][:, 0], certified, rtol=1e-8)
    assert_allclose(net.intercepts_[0], -3482258.63459582, rtol=1e-8)
    assert net.critical_point_ == "minimum"


@either_scale
@pytest.mark.parametrize("loss", ["poisson", "gamma"])
@pytest.mark.parametrize("table", ["years", "cpunish"])
def test_log_links_of_raw_columns_reach_the_one_minimum(table, loss, standardize):
    """From every seed: predictions are those of statsmodels on standardised columns."""
    sm = pytest.importorskip("statsmodels.api")
    X, y = YEARS, np.random.default_rng(0).poisson(5.0 * np.exp(0.03 * np.arange(60))) + 0.5
    if table == "cpunish":
        data = sm.datasets.cpunish.load()
        X, y = np.asarray(data.exog, float), np.asarray(data.endog, float)
    gamma = sm.families.Gamma(sm.families.links.Log())
    family = sm.families.Poisson() if loss == "poisson" else gamma
    Z = sm.add_constant((X - X.mean(axis=0)) / X.std(axis=0))
    expected = sm.GLM(y, Z, family=family).fit(tol=1e-14).fittedvalues
    for seed in range(20):
        net = NewtonMLPRegressor(
            (), loss=loss, alpha=0.0, standardize=standardize, random_state=seed
        ).fit(X, y)
        assert_allclose(net.predict(X), expected, rtol=1e-6)


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
@pytest.mark.parametrize(
    "form",
    [{"activation": "relu"}, {"skip_connections": "input-output"}, {"activation": "softplus"}],
)
def test_starts_of_raw_columns_are_within_reach(form, loss):
    """exp(x) of a year is not finite, but each start is, and no loss of it is huge."""
    y = np.exp(0.03 * np.arange(60))
    net = NewtonMLPRegressor((3,), loss=loss, max_iter=1, standardize=False, **form)
    for seed in range(8):
        with pytest.warns(ConvergenceWarning):
            net.set_params(random_state=seed).fit(YEARS, y)
        fit = fit_of(net, YEARS, y)
        objective = fit.objective()
        assert objective.value(fit.problem.start(seed)) <= 1e6 * objective.scale() + 1.0


class SometimesLost(Linear):
    """A layer that starts nowhere for most seeds."""

    def start(self, center, spread, random_state):
        theta = super().start(center, spread, random_state)
        return theta if random_state.uniform() < 0.4 else np.full_like(theta, np.nan)


class AlwaysLost(Linear):
    """A layer that starts nowhere."""

    def start(self, center, spread, random_state):
        return np.full_like(super().start(center, spread, random_state), np.nan)


def test_a_start_that_cannot_begin_is_a_bad_start():
    X = np.random.default_rng(0).normal(size=(40, 2))
    y = np.tanh(X[:, 0])
    layers = [SometimesLost((0,), 2, "tanh"), Linear((1,), 1)]
    net = NewtonNetRegressor(layers, alpha=0.1, standardize=False, n_init=8, random_state=0)
    starts = net.fit(X, y).starts_
    lost = ~np.isfinite(starts["loss"])
    assert 0 < lost.sum() < 8
    assert (starts["minimum"][lost] == -1).all()
    assert not starts["converged"][lost].any()
    assert net.loss_ == starts["loss"].min() < 0.05
    net.set_params(layers=[AlwaysLost((0,), 2, "tanh"), Linear((1,), 1)])
    with pytest.raises(ValueError, match="not finite at the starting point"):
        net.fit(X, y)


@either_scale
@pytest.mark.parametrize("units", [1, 2, 3])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:There are standard deviations far from one")
def test_raw_columns_do_not_saturate_a_fit(units, standardize):
    """Without a penalty every start on raw columns used to end at a constant, in silence."""
    X, y = income_and_age()
    net = NewtonMLPRegressor((units,), alpha=0.0, standardize=standardize)
    restarts = 0
    for seed in range(4):
        net.set_params(random_state=seed).fit(X, y)
        assert net.score(X, y) > 0.7
        restarts += net.starts_["n_restarts"][0]
    assert (restarts > 0) == (not standardize)


@either_scale
def test_deep_nets_of_classes_around_each_other_do_not_end_at_zero(standardize):
    """The net of zeros is a local minimum of them, with the loss log 2."""
    X, y = make_circles(200, noise=0.1, factor=0.4, random_state=0)
    net = NewtonMLPClassifier((10, 10, 10), alpha=1.0, standardize=standardize, random_state=0)
    assert net.fit(X, y).loss_ < 0.15
    assert net.critical_point_ == "minimum"
    assert net.critical_point_message_ == ""


@pytest.mark.filterwarnings("ignore:There are standard deviations far from one")
def test_other_starts_depend_on_the_seed_alone():
    """Not on who runs them, nor on how many starts there are."""
    X, y = income_and_age(100)
    net = NewtonMLPRegressor((1,), alpha=0.0, standardize=False, n_init=3, random_state=1)
    one, two = (net.set_params(n_jobs=n).fit(X, y).params_ for n in (1, 2))
    assert_array_equal(one, two)
    assert net.starts_["n_restarts"].min() >= 1
    assert_allclose(net.starts_["loss"], net.loss_, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:There are standard deviations far from one")
def test_callbacks_see_other_starts_in_the_units_of_the_table():
    """Though they run on standardised columns: scores rise from the constant to the end."""
    X, y = income_and_age(100)
    monitor = ScoringMonitor(scoring="r2")
    net = NewtonMLPRegressor((1,), alpha=0.0, standardize=False, random_state=1)
    net.set_callbacks(monitor).fit(X, y)
    assert net.starts_["n_restarts"][0] == 1
    rows = monitor.get_logs().data
    scores = np.array([row["r2"] for row in rows if row["task_name"] == "iteration"])
    assert scores[0] == pytest.approx(0.0, abs=1e-6)
    assert scores[-1] == pytest.approx(net.score(X, y))
    assert (np.diff(scores[1:]) > -1e-9).all()


@pytest.mark.filterwarnings("ignore:There are standard deviations far from one")
def test_fits_that_all_learn_nothing_are_reported():
    X, y = income_and_age(100)
    held = {"intercepts_0": (100.0, 100.0), "coefs_0": (-1e-5, 1e-5)}
    net = NewtonMLPRegressor(
        (2,), alpha=0.0, standardize=False, bounds=held, n_init=2, random_state=0
    )
    with pytest.warns(ConvergenceWarning, match="None of 8 starts ended lower"):
        net.fit(X, y)
    assert "predicts a constant" in net.critical_point_message_
    assert_array_equal(net.starts_["n_restarts"], 3)


@either_scale
def test_a_strong_penalty_is_no_fault(standardize):
    """It shrinks a net to a constant, which is said, without a warning."""
    X, y = income_and_age(100)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    net = NewtonMLPRegressor((3,), alpha=1e4, standardize=standardize, random_state=0).fit(X, y)
    assert net.critical_point_message_.startswith("The penalty shrinks the net to a constant")
    assert_array_equal(net.feature_importances_, 0.0)


CONSTANT = {
    "constant target": lambda X, y: (X, np.full(len(y), 5.0)),
    "constant columns": lambda X, y: (np.ones_like(X), y),
}


@each_kind
@either_scale
@pytest.mark.parametrize("case", CONSTANT)
def test_what_cannot_be_learnt_is_no_fault(case, standardize, make, make_data):
    X, y = make_data()
    classes = hasattr(make(), "class_weight")
    if classes and case == "constant target":
        pytest.skip("one class is refused")
    X, y = CONSTANT[case](X, y)
    net = make(standardize=standardize, alpha=0.1, random_state=0)
    if "n_centers" in net.get_params():
        net.set_params(n_centers=1)
    net.fit(X, y)
    assert net.critical_point_message_ == ""
    assert (net.starts_["n_restarts"] == 0).all()
    assert_array_equal(net.feature_importances_, 0.0)


@pytest.mark.parametrize("make", [RBFNetRegressor, RBFNetClassifier])
def test_radial_nets_respond(make):
    X = np.random.default_rng(0).normal(size=(60, 2))
    y = np.where(X[:, 0] > 0, 1, 0)
    net = make(n_centers=4, alpha=1.0, standardize=False, random_state=0).fit(X, y)
    assert net.critical_point_message_ == ""
    assert net.feature_importances_[0] > 0.5


SATURATED = np.array([1.0, -1.0, 30.0, 30.0, 1.0, 2.0, 0.0])
UNUSED = np.array([1.0, -1.0, 0.5, 0.3, 0.0, 0.0, 0.5])


@pytest.mark.parametrize("w", [SATURATED, UNUSED], ids=["saturated", "unused"])
def test_constant_nets_are_flat_where_inputs_could_explain_a_residual(w):
    X = np.linspace(-1.0, 1.0, 20)[:, None]
    network = Network.mlp(1, 2, 1)
    flat = Objective(network, "squared_error", X, X**3)
    assert is_constant(flat, w)
    assert is_flat(flat, w)
    explained = network.predict_raw(w, X)
    assert not is_flat(Objective(network, "squared_error", X, explained), w)
    # Rows in pairs: what is left has the mean 0 at each of them.
    pairs, error = np.repeat(X, 2, axis=0), np.tile([[0.1], [-0.1]], (20, 1))
    noise = network.predict_raw(w, pairs) + error
    assert not is_flat(Objective(network, "squared_error", pairs, noise), w)
    assert not is_constant(flat, np.array([1.0, 0.5, 0.1, 0.1, 0.3, 0.2, 0.5]))


def test_steps_are_not_constant():
    """A net may be saturated at each row and yet tell the rows apart."""
    X = np.linspace(-1.0, 1.0, 20)[:, None]
    f = Objective(Network.mlp(1, 1, 1), "binary_log_loss", X, (X > 0).astype(float))
    steep = np.array([1e6, 0.0, 50.0, 0.0])
    assert not is_constant(f, steep)
    assert not is_flat(f, steep)
