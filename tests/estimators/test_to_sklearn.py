"""Fitted nets become MLPs of scikit-learn with the same predictions, or say why they cannot."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import skops.io as sio
from estimator_cases import MODELS, class_data, count_data, fitted, label_data, regression_data
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.validation import check_is_fitted

from sknewtonnet import (
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    NewtonNetClassifier,
    NewtonNetRegressor,
    RBFNetRegressor,
)
from sknewtonnet.calculus import Linear, PseudoHuber, get_activation

FIT = {"alpha": 1.0, "random_state": 0}


def regressor(**params):
    return NewtonMLPRegressor((3,), **FIT | params)


def positive_data():
    X, y = regression_data()
    return X, np.exp(0.5 * y)


def share_data():
    X, y = regression_data()
    return X, 1.0 / (1.0 + np.exp(-y))


def raw_data():
    """Columns of other means and spreads, so that it matters in which they are read."""
    X, y = regression_data()
    return X * [1.0, 50.0, 0.01, 3.0] + [0.0, 1000.0, 5.0, -20.0], 70.0 * y + 150.0


class Sigmoid(type(get_activation("logistic"))):
    """Another activation under a name that is taken."""


TWO_TIED = np.repeat([[0], [0], [-1], [-1]], 3, axis=1)
NETS = {
    "as they come": (regressor(standardize=False), regression_data),
    "standardised": (regressor(), raw_data),
    "chosen alpha": (regressor(alpha="auto"), raw_data),
    "linear": (NewtonMLPRegressor((), **FIT), raw_data),
    "deep": (NewtonMLPRegressor((3, 2), activation="logistic", **FIT), raw_data),
    "relu": (regressor(activation="relu", tol=1e-4), raw_data),
    "identity": (regressor(activation="identity"), raw_data),
    "two outputs": (regressor(), lambda: regression_data(2)),
    "named twice": (
        NewtonMLPRegressor((2, 2), activation=[["tanh", "tanh"], "tanh"], **FIT),
        raw_data,
    ),
    "counts": (regressor(loss="poisson"), count_data),
    "gamma": (regressor(loss="gamma"), positive_data),
    "overdispersed": (regressor(loss="negative_binomial"), count_data),
    "shares": (regressor(loss="binomial"), share_data),
    "huber": (regressor(loss=PseudoHuber(0.5)), raw_data),
    "outputs in a range": (regressor(output_activation="logistic"), share_data),
    "positive outputs": (regressor(output_activation="relu"), positive_data),
    "pruned": (regressor(connectivity={"coefs_0[x0, h1]": False}), regression_data),
    "no intercepts": (regressor(connectivity={"intercepts_0": False}), regression_data),
    "tied": (
        regressor(tied={"coefs_0": np.repeat([[0], [0], [-1], [-1]], 3, 1)}),
        regression_data,
    ),
    "layers": (
        NewtonNetRegressor([Linear((0,), 3, "tanh"), Linear((1,), 1)], **FIT),
        raw_data,
    ),
    "two classes": (NewtonMLPClassifier((2,), **FIT), lambda: class_data(2)),
    "three classes": (NewtonMLPClassifier((2,), **FIT), class_data),
    "labels": (NewtonMLPClassifier((2,), **FIT), label_data),
    "linear classes": (NewtonMLPClassifier((), **FIT), class_data),
    "layers of classes": (
        NewtonNetClassifier([Linear((0,), 2, "tanh"), Linear((1,), 3)], **FIT),
        class_data,
    ),
}
each_net = pytest.mark.parametrize("name", NETS)


def made(name):
    model, make_data = NETS[name]
    X, y = make_data()
    with warnings.catch_warnings():  # relu: second derivatives jump
        warnings.simplefilter("ignore")
        return clone(model).fit(X, y), X, y


@each_net
def test_predictions(name):
    net, X, _ = made(name)
    mlp = net.to_sklearn()
    check_is_fitted(mlp)
    assert_array_equal(mlp.predict(X).shape, net.predict(X).shape)
    if is_classifier(net):
        assert isinstance(mlp, MLPClassifier)
        assert_array_equal(mlp.predict(X), net.predict(X))
        assert_array_equal(mlp.classes_, net.classes_)
        assert mlp.classes_.dtype == net.classes_.dtype
        for method in ("predict_proba", "predict_log_proba"):
            one, two = (getattr(model, method)(X) for model in (mlp, net))
            assert_allclose(one, two, rtol=1e-10, atol=1e-12)
    else:
        assert isinstance(mlp, MLPRegressor)
        scale = np.abs(net.predict(X)).max()
        assert_allclose(mlp.predict(X), net.predict(X), rtol=0.0, atol=1e-12 * max(1.0, scale))


@each_net
def test_it_has_what_fitted_mlps_have(name):
    net, X, y = made(name)
    mlp = net.to_sklearn()
    kind = type(mlp)
    fresh = kind(hidden_layer_sizes=mlp.hidden_layer_sizes, solver="lbfgs", random_state=0)
    with warnings.catch_warnings():  # of a fit that has not ended
        warnings.simplefilter("ignore")
        fresh.set_params(max_iter=1).fit(X, y)
    assert vars(fresh).keys() == vars(mlp).keys()
    assert (mlp.n_layers_, mlp.n_outputs_) == (net.n_layers_, net.n_outputs_)
    assert mlp.out_activation_ == net.out_activation_
    assert mlp.loss_ == net.loss_
    assert mlp.n_iter_ == net.n_iter_
    mlp.coefs_[0][...] = 0.0
    assert (net.coefs_[0] != 0.0).any()


@each_net
def test_it_is_a_model_of_scikit_learn(name):
    """It is cloned, saved, scored and fitted again."""
    net, X, y = made(name)
    mlp = net.to_sklearn()
    assert mlp.score(X, y) == pytest.approx(net.score(X, y), rel=1e-10)
    for loaded in (
        pickle.loads(pickle.dumps(mlp)),
        sio.loads(sio.dumps(mlp), trusted=sio.get_untrusted_types(data=sio.dumps(mlp))),
    ):
        assert_array_equal(loaded.predict(X), mlp.predict(X))
    assert mlp.get_params() == clone(mlp).get_params()
    assert permutation_importance(mlp, X, y, n_repeats=1).importances_mean.shape == (4,)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if mlp.out_activation_ in ("identity", "logistic", "softmax", "exp"):
            mlp.set_params(max_iter=3).fit(X, y).predict(X)


def test_there_and_back():
    for name in ("as they come", "counts", "two classes", "three classes", "labels"):
        net, X, y = made(name)
        back = type(net).from_sklearn(net.to_sklearn())
        assert_array_equal(back.params_, net.params_)
        assert_array_equal(back.predict(X), net.predict(X))
    net, X, y = made("as they come")
    mlp = net.to_sklearn()
    assert mlp.alpha == 1.0
    assert mlp.activation == "tanh"
    back = type(net).from_sklearn(mlp, X, y)
    assert back.critical_point_ == "minimum"
    assert_allclose(back.loss_, net.loss_, rtol=1e-12)
    mlp.set_params(warm_start=True, tol=1e-6).fit(X, y)
    assert_allclose(mlp.predict(X), net.predict(X), atol=1e-6)  # it was at their minimum


def test_a_penalty_that_they_cannot_say_is_their_default():
    assert made("standardised")[0].to_sklearn().alpha == MLPRegressor().alpha


def test_names_of_columns():
    X, y = regression_data()
    table = pd.DataFrame(X, columns=["age", "bmi", "bp", "s5"])
    mlp = regressor().fit(table, y).to_sklearn()
    assert_array_equal(mlp.feature_names_in_, table.columns)
    mlp.predict(table)
    with pytest.raises(ValueError, match="feature names"):
        mlp.predict(table.iloc[:, ::-1])


def test_parameters_as_they_are_now():
    net, X, _ = made("as they come")
    net.params_ = 0.5 * net.params_
    assert_allclose(net.to_sklearn().predict(X), net.predict(X), atol=1e-12)


REFUSED = {
    "skips": (regressor(skip_connections="input-output"), r"skip connections: layer 1 reads"),
    "radial": (RBFNetRegressor(2, **FIT), "layer 0 is GaussianRBF"),
    "activation": (regressor(activation="softplus"), "activation='softplus', and MLPs have"),
    "own activation": (regressor(activation=Sigmoid()), "activation='logistic'"),
    "two activations": (
        NewtonMLPRegressor((2, 2), activation=["tanh", "relu"], **FIT | {"tol": 1e-4}),
        "activations 'tanh' and 'relu', and all hidden units of an MLP have one",
    ),
    "units": (regressor(activation=[["tanh", "tanh", "sine"]]), "activation='sine'"),
    "outputs": (regressor(output_activation="softplus"), "its outputs are 'softplus' of linear"),
    "composed": (
        regressor(loss="poisson", output_activation="tanh"),
        "its outputs are 'exp of tanh'",
    ),
}


@pytest.mark.parametrize(("model", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(model, message):
    X, y = positive_data()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = clone(model).fit(X, y)
    with pytest.raises(ValueError, match="scikit-learn has no MLP that is this net: .*" + message):
        net.to_sklearn()


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_one_or_says_why_not(name):
    net, X, _ = fitted(name)
    if name in ("regression", "two outputs", "poisson", "binary", "multilabel"):
        assert_allclose(net.to_sklearn().score(X, net.predict(X)), 1.0)
    else:
        with pytest.raises(ValueError, match=r"no MLP that is this net: (layer . is|it has skip)"):
            net.to_sklearn()


def test_offsets_are_refused():
    X, y = count_data()
    net = regressor(loss="poisson").fit(X, y, exposure=np.full(len(y), 2.0))
    with pytest.raises(ValueError, match="fitted with an offset or exposure"):
        net.to_sklearn()


def test_logits_behind_an_activation_are_refused():
    X, y = class_data()
    layers = [Linear((0,), 2, "tanh"), Linear((1,), 3, "tanh")]
    net = NewtonNetClassifier(layers, **FIT).fit(X, y)
    with pytest.raises(ValueError, match="its logits go through 'tanh'"):
        net.to_sklearn()


def test_an_unfitted_net_says_so():
    with pytest.raises(NotFittedError):
        regressor().to_sklearn()
