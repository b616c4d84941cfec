"""Fits of nets whose outputs have an activation."""

import pickle

import numpy as np
import pytest
from estimator_cases import regression_data
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, logit, softmax
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import scale

from sknewtonnet import (
    BackwardPruning,
    NewtonMLPRegressor,
    NewtonNetClassifier,
    NewtonNetRegressor,
    RBFNetRegressor,
)
from sknewtonnet.calculus import Activation, Linear, get_activation
from sknewtonnet.testing import check_activation


def shares():
    X, y = regression_data()
    return X, 0.05 + 0.9 * expit(y)


def logistic(**params):
    defaults = {"output_activation": "logistic", "alpha": 0.5, "random_state": 0}
    return NewtonMLPRegressor((2,), **{**defaults, **params})


def iris():
    """[G] 4: classes 0, 1/2, 1, four inputs."""
    X, species = load_iris(return_X_y=True)
    return scale(X), species / 2.0


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("solver", "most"), [("newton", 0.06), ("lm", 0.2), ("bpos", 1.2)])
def test_the_net_of_gong_trains(solver, most):
    """4-17-1 with logistic hidden and output units: half the sum of squares after 40 epochs."""
    X, y = iris()
    net = NewtonMLPRegressor(
        (17,),
        activation="logistic",
        output_activation="logistic",
        alpha=0.0,
        standardize=False,
        solver=solver,
        max_iter=60 if solver == "newton" else 40,
        random_state=0,
    ).fit(X, y)
    assert len(net.params_) == 103
    assert len(y) * net.loss_ < most
    half = 0.5 * ((net.predict(X) - y) ** 2).sum()
    assert len(y) * net.loss_ == pytest.approx(half, rel=1e-12)
    f, w, h = net.objective(X, y), net.params_, 1e-6
    v = np.random.default_rng(0).normal(size=len(w))
    slope = (f.value(w + h * v) - f.value(w - h * v)) / (2 * h)
    assert f.gradient(w) @ v == pytest.approx(slope, abs=1e-6 * np.abs(f.gradient(w)).max())
    bend = (f.gradient(w + h * v) - f.gradient(w - h * v)) / (2 * h)
    assert_allclose(f.hessian(w) @ v, bend, atol=1e-7 * np.abs(bend).max())


@pytest.mark.filterwarnings("ignore:Inference. :UserWarning")
def test_the_net_of_gong_has_statistics():
    X, y = iris()
    net = NewtonMLPRegressor(
        (17,), activation="logistic", output_activation="logistic", alpha=0.1, random_state=0
    ).fit(X, y)
    assert net.critical_point_ == "minimum"
    found = net.inference(X, y)
    effects = found.marginal_effects()
    slopes = net.input_derivatives(X).mean(axis=0)
    assert_allclose(effects.effects, slopes, rtol=1e-9)
    assert (effects.std_errors > 0).all()
    band = found.get_prediction(X).confidence_interval
    assert ((band > 0.0) & (band < 1.0)).all()


def test_the_target_keeps_its_units():
    """Standardised inputs change nothing; a bounded output cannot be rescaled."""
    X, y = shares()
    net = logistic(alpha=0.0, connectivity={"coefs_0": False, "coefs_1": False}).fit(X, y)
    assert_allclose(net.predict(X), np.full(len(X), y.mean()))
    assert_allclose(net.intercepts_[1], logit(y.mean()))
    f = logistic().fit(X, y)
    assert f._fit_.problem.units.out_scale.tolist() == [1.0]
    assert f.objective(X, y).value(f.params_) == pytest.approx(f.loss_, rel=1e-9)
    moved = logistic().fit(100.0 + 30.0 * X, y)
    assert_allclose(moved.predict(100.0 + 30.0 * X), f.predict(X), rtol=1e-5)
    assert ((f.predict(1e3 * X) >= 0) & (f.predict(1e3 * X) <= 1)).all()


def test_offsets_stand_before_the_activation():
    X, y = shares()
    offset = np.linspace(-1.0, 1.0, len(X))
    net = logistic().fit(X, y, offset=offset)
    raw = logit(net.predict(X, offset=0.0))
    assert_allclose(net.predict(X, offset=offset), expit(raw + offset))
    constant = NewtonMLPRegressor(
        (), output_activation="logistic", alpha=0.0, connectivity={"coefs_0": False}
    ).fit(X, y, offset=offset)
    a = constant.intercepts_[0][0]
    p = expit(a + offset)
    assert abs(((p - y) * p * (1.0 - p)).sum()) < 1e-9
    with pytest.raises(ValueError, match="exposure"):
        logistic().fit(X, y, exposure=1.0)


@pytest.mark.parametrize("solver", ["auto", "newton", "lm", "trust-krylov", "l-bfgs-b"])
def test_solvers_find_one_minimum(solver):
    X, y = shares()
    net = NewtonMLPRegressor(
        (), output_activation="logistic", alpha=0.5, solver=solver, tol=1e-7
    ).fit(X, y)
    best = NewtonMLPRegressor((), output_activation="logistic", alpha=0.5).fit(X, y)
    assert net.critical_point_ == best.critical_point_ == "minimum"
    assert_allclose(net.params_, best.params_, atol=1e-4)


def test_targets_out_of_reach_are_told():
    X, y = regression_data()
    with pytest.warns(UserWarning, match=r"target 'y', from .* lie outside the range \(0, 1\)"):
        logistic().fit(X, y)
    with pytest.warns(UserWarning, match=r"range \(-1, 1\) of the output activation 'tanh'"):
        RBFNetRegressor(2, output_activation="tanh", alpha=1.0, random_state=0).fit(X, y)
    X, y = shares()
    logistic().fit(X, np.round(y))  # the ends of the range are near enough


def test_layers_of_any_kind_say_it_themselves():
    X, y = shares()
    layers = [Linear((0,), 2, "tanh"), Linear((1,), 1, "logistic")]
    net = NewtonNetRegressor(layers, alpha=0.5, random_state=0).fit(X, y)
    same = logistic().fit(X, y)
    assert_allclose(net.predict(X), same.predict(X), rtol=1e-10)
    assert net.out_activation_ == same.out_activation_ == "logistic"
    classes = (y > 0.5).astype(int)
    layers = [Linear((0,), 2, "tanh"), Linear((0, 1), 1, "softsign")]
    bounded = NewtonNetClassifier(layers, alpha=0.1, random_state=0).fit(X, classes)
    chances = bounded.predict_proba(X)[:, 1]
    assert ((chances > expit(-1.0)) & (chances < expit(1.0))).all()
    assert bounded.score(X, classes) > 0.8


@pytest.mark.parametrize("h", ["tanh", "softplus"])
def test_three_classes_behind_an_activation(h):
    """Logits of equal chances are 0, which is no value of a softplus."""
    X, species = load_iris(return_X_y=True)
    layers = [Linear((0,), 3, h)]
    net = NewtonNetClassifier(layers, alpha=0.1, random_state=0).fit(X, species)
    logits = get_activation(h).value(X @ net.coefs_[0] + net.intercepts_[0])
    assert_allclose(net.predict_proba(X), softmax(logits, axis=1), rtol=1e-12)
    assert net.score(X, species) > 0.9


class Exponential(Activation):
    """An activation of a user, without an inverse."""

    name = "exponential"
    monotonic = True

    def derivatives(self, a, order=2):
        return tuple(np.exp(a) for _ in range(order + 1))


def test_an_activation_of_the_user():
    """Normal errors under a logarithmic link; the start needs no inverse."""
    check_activation(Exponential())
    X, y = regression_data()
    y = np.exp(0.5 * y)
    net = NewtonMLPRegressor((), output_activation=Exponential(), alpha=0.0).fit(X, y)
    assert net.critical_point_ == "minimum"
    residual = y - np.exp(X @ net.coefs_[0].ravel() + net.intercepts_[0])
    weighed = residual * (y - residual)
    assert np.abs(X.T @ weighed).max() < 1e-6
    assert pickle.loads(pickle.dumps(net)).predict(X).tolist() == net.predict(X).tolist()


def test_it_is_a_parameter_like_others():
    X, y = shares()
    search = GridSearchCV(
        logistic(), {"output_activation": ["identity", "logistic", "tanh"]}, cv=2
    ).fit(X, y)
    assert len(search.cv_results_["params"]) == 3
    net = logistic()
    assert clone(net).get_params()["output_activation"] == "logistic"
    with pytest.raises(ValueError, match="output_activation"):
        logistic(output_activation="sigmoid").fit(X, y)
    with pytest.raises(ValueError, match="output_activation must have one entry"):
        logistic(output_activation=["tanh", "sine"]).fit(X, y)
    net.fit(X, y)
    again = pickle.loads(pickle.dumps(net))
    assert_array_equal(again.predict(X), net.predict(X))
    warm = clone(net).set_params(warm_start=True).fit(X, y)
    assert warm.fit(X, y).n_iter_ <= 2
    warm.set_params(output_activation="tanh")
    with pytest.raises(ValueError, match=r"\(logistic\), now .* \(tanh\)"):
        warm.fit(X, y)


@pytest.mark.filterwarnings("ignore:Inference. :UserWarning")
def test_monotonic_nets_and_pruning():
    X, y = shares()
    rising = logistic(monotonic_cst=[1, 0, 0, 0]).fit(X, y)
    step = np.array([0.5, 0.0, 0.0, 0.0])
    assert (rising.predict(X + step) >= rising.predict(X) - 1e-12).all()
    with pytest.raises(ValueError, match="never fall"):
        logistic(output_activation="sine", monotonic_cst=[1, 0, 0, 0]).fit(X, y)
    pruned = BackwardPruning(logistic(), max_steps=2).fit(X, y)
    assert pruned.estimator_.out_activation_ == "logistic"
    assert pruned.predict(X).shape == y.shape


def test_chosen_penalties_and_several_outputs():
    X, y = shares()
    Y = np.column_stack([y, 1.0 - y**2])
    net = logistic(alpha="auto").fit(X, Y)
    assert net.predict(X).shape == Y.shape
    assert net.alpha_selection_ is not None
    assert ((net.predict(X) > 0) & (net.predict(X) < 1)).all()
