"""How the estimators fit: starts, repetition, own functions, other tools around them."""

import pickle
import warnings

import numpy as np
import pytest
import sklearn
from estimator_cases import (
    Recorder,
    classes,
    classifier,
    data,
    each_kind,
    each_plain_kind,
    regressor,
)
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknewtonnet.calculus import ACTIVATIONS, Activation, Linear, Loss, get_loss
from sknewtonnet.estimators import fit_of
from sknewtonnet.inspection import aligned
from sknewtonnet.solvers import Status


@each_kind
def test_warm_start_at_a_minimum_has_nothing_to_do(make, make_data):
    est = make(random_state=0, warm_start=True).fit(*make_data())
    params = est.params_
    assert est.n_iter_ > 5
    assert est.fit(*make_data()) is est
    assert est.n_iter_ == 0
    assert_allclose(est.params_, params, rtol=1e-13)


@each_kind
def test_warm_start_goes_on_where_the_last_fit_stopped(make, make_data):
    """Not anew: the first value is the last one of the fit before."""
    est = make(random_state=0, warm_start=True, max_iter=3, n_init=2)
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        est.fit(*make_data())
    stopped = est.loss_
    est.set_params(max_iter=500).fit(*make_data())
    assert_allclose(est.loss_curve_[0], stopped, rtol=1e-14)
    assert est.loss_ < stopped
    cold = clone(est).fit(*make_data())
    assert abs(cold.loss_curve_[0] - stopped) > 1e-6


def test_warm_start_after_a_change_of_shape():
    X, y = data()
    est = regressor(random_state=0, warm_start=True).fit(X, y)
    params = est.params_
    est.set_params(hidden_layer_sizes=(4,))
    with pytest.raises(ValueError, match=r"warm_start=True, but .* 13 .* 17 "):
        est.fit(X, y)
    assert est.params_ is params
    est.set_params(warm_start=False).fit(X, y)
    assert len(est.params_) == 17


@each_kind
def test_fit_is_anew_and_follows_the_random_state(make, make_data):
    est = make(random_state=3).fit(*make_data())
    again = make(random_state=3).fit(*make_data())
    twice = make(random_state=3).fit(*make_data()).fit(*make_data())
    other = make(random_state=4).fit(*make_data())
    state = make(random_state=np.random.RandomState(3)).fit(*make_data())
    assert_array_equal(again.params_, est.params_)
    assert_array_equal(twice.params_, est.params_)
    assert_array_equal(state.params_, est.params_)
    assert other.loss_curve_[0] != est.loss_curve_[0]


@each_kind
def test_random_numbers_of_others_are_left_alone(make, make_data):
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    make(random_state=0).fit(*make_data())
    assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@each_plain_kind
def test_best_of_several_starts(make, make_data):
    """With the same random state, more starts contain the fewer."""
    alpha = make().alpha
    small = {name: 0.03 * one for name, one in alpha.items()} if isinstance(alpha, dict) else 0.005
    losses = [
        make(random_state=8, n_init=n_init, alpha=small).fit(*make_data()).loss_
        for n_init in (1, 2, 6)
    ]
    assert losses[0] >= losses[1] >= losses[2]
    assert losses[0] > losses[2]


@each_kind
def test_starts_do_not_depend_on_who_runs_them(make, make_data):
    one = make(random_state=0, n_init=3).fit(*make_data())
    two = make(random_state=0, n_init=3, n_jobs=2).fit(*make_data())
    assert_array_equal(one.params_, two.params_)
    assert one.loss_curve_ == two.loss_curve_


@each_kind
def test_copies(make, make_data):
    X, y = make_data()
    est = make(random_state=0).fit(X, y)
    thawed = pickle.loads(pickle.dumps(est))
    assert_array_equal(thawed.predict(X), est.predict(X))
    assert_allclose(thawed.objective(X, y).value(thawed.params_), est.loss_, rtol=1e-14)
    fresh = clone(est)
    assert fresh.get_params() == est.get_params()
    with pytest.raises(NotFittedError):
        fresh.predict(X)
    with pytest.raises(NotFittedError):
        fresh.objective(X, y)


@each_kind
def test_set_params_waits_for_the_next_fit(make, make_data):
    X, y = make_data()
    est = make(random_state=0).fit(X, y)
    prediction = est.predict(X)
    if hasattr(est, "layers"):
        est.set_params(layers=lambda p, o: [Linear((0,), 5), Linear((1,), o)], alpha=100.0)
    else:
        est.set_params(hidden_layer_sizes=(5,), activation="logistic", alpha=100.0)
    assert_array_equal(est.predict(X), prediction)
    assert est.fit(X, y).coefs_[0].shape[1] == 5


def test_limit_of_iterations_is_told_with_a_remedy():
    with pytest.warns(ConvergenceWarning, match=r"after 1 iterations .* Increase max_iter"):
        est = regressor(max_iter=1, random_state=0).fit(*data())
    assert est.n_iter_ == 1
    assert est.solver_result_.status is Status.MAX_ITER
    assert est.critical_point_ == "not stationary"
    assert np.isfinite(est.predict(data()[0])).all()


class OwnTanh(Activation):
    name = "own_tanh"

    def derivatives(self, a, order=2):
        h = np.tanh(a)
        return (h, 1.0 - h**2, -2.0 * h * (1.0 - h**2))[: order + 1]


class OwnSquare(Loss):
    name = "own_square"

    def derivatives(self, y, raw, order=2):
        value = 0.5 * ((raw - y) ** 2).sum(axis=1)
        return (value, raw - y, np.ones_like(raw))[: order + 1]


def test_own_activation_and_loss():
    X, y = data()
    known = regressor(random_state=0).fit(X, y)
    own = regressor(random_state=0, activation=OwnTanh(), loss=OwnSquare()).fit(X, y)
    # The same minimum, by other solvers: an unknown loss has no output layer to solve for.
    same_signs = aligned(fit_of(known).network, own.params_, known.params_)
    assert_allclose(same_signs, known.params_, atol=1e-6)
    mixed = classifier(hidden_layer_sizes=(2, 2), activation=("tanh", OwnTanh()), random_state=0)
    assert mixed.fit(*classes()).score(*classes()) > 0.7


@pytest.mark.parametrize("name", sorted(ACTIVATIONS.keys() - {"squared_exponential"}))
def test_every_activation(name):
    """By name and as an object; a kink may stop a fit early, which is told then."""
    X, y = data()
    est = regressor(activation=name, random_state=0, tol=1e-6)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        est.fit(X, y)
        by_object = clone(est).set_params(activation=ACTIVATIONS[name]).fit(X, y)
    assert_array_equal(by_object.params_, est.params_)
    assert est.loss_ < est.loss_curve_[0]
    told = [str(one.message) for one in caught]
    if est.solver_result_.converged:
        assert told == []
    else:
        assert not ACTIVATIONS[name].smooth
        assert len(told) == 2
        assert all(f"Second derivatives of {name} jump" in message for message in told)


class Broken(OwnTanh):
    name = "broken_one"

    def __init__(self, how):
        self.how = how

    def derivatives(self, a, order=2):
        found = super().derivatives(a, order)
        return {
            "shape": tuple(np.mean(h, axis=-1, keepdims=True) for h in found),
            "scalar": tuple(float(h.sum()) for h in found),
            "too few": found[:1],
            "second derivative": (*found[:2], *(h[:1] for h in found[2:])),
        }[self.how]


@pytest.mark.parametrize("how", ["shape", "scalar", "too few", "second derivative"])
def test_own_activation_of_wrong_shape(how, capsys):
    """Said by name before any work."""
    X, y = data()
    recorder = Recorder()
    est = regressor(activation=Broken(how), random_state=0, verbose=2).set_callbacks(recorder)
    with pytest.raises(ValueError, match="broken_one"):
        est.fit(X, y)
    assert "begin iteration" not in recorder.log
    assert capsys.readouterr().out == ""


def test_grid_search_in_a_pipeline():
    X, y = data()
    pipeline = make_pipeline(StandardScaler(), regressor(random_state=0))
    grid = [
        {
            "newtonmlpregressor__hidden_layer_sizes": [(), (3,)],
            "newtonmlpregressor__alpha": [0.01, 50.0],
        },
        {"newtonmlpregressor__alpha": [[0.05, 0.05]]},
    ]
    search = GridSearchCV(pipeline, grid, cv=3).fit(3.0 + 10.0 * X, y)
    assert search.best_params_["newtonmlpregressor__alpha"] != 50.0
    assert search.best_score_ > 0.6


def test_transformed_target():
    """Standardise the target, and its units do not matter."""
    X, y = data()
    est = TransformedTargetRegressor(regressor(random_state=0), transformer=StandardScaler())
    near = est.fit(X, y).predict(X)
    far = est.fit(X, 1e4 + 1e3 * y).predict(X)
    assert_allclose((far - 1e4) / 1e3, near, atol=1e-6)


@each_kind
def test_routing_of_sample_weights(make, make_data):
    X, y = make_data()
    sample_weight = np.random.default_rng(0).uniform(0.1, 3.0, len(X))
    est = make(random_state=0)
    half = np.arange(len(X)) < 25
    with sklearn.config_context(enable_metadata_routing=True):
        est.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        found = cross_validate(
            est,
            X,
            y,
            cv=[(np.flatnonzero(half), np.flatnonzero(~half))],
            params={"sample_weight": sample_weight},
            return_estimator=True,
        )
    expected = make(random_state=0).fit(X[half], y[half], sample_weight[half])
    assert_array_equal(found["estimator"][0].params_, expected.params_)
    assert found["test_score"][0] == expected.score(X[~half], y[~half], sample_weight[~half])


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_tag_of_positive_targets(loss):
    assert sklearn.utils.get_tags(regressor(loss=loss)).target_tags.positive_only
    assert sklearn.utils.get_tags(regressor(loss=get_loss(loss, 1))).target_tags.positive_only
    assert not sklearn.utils.get_tags(regressor()).target_tags.positive_only
