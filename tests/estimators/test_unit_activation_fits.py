"""Fits of nets whose units have activations of their own."""

import pickle

import numpy as np
import pytest
from estimator_cases import class_data, regression_data
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sknewtonnet import (
    BackwardPruning,
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    NewtonNetRegressor,
    RBFNetRegressor,
)
from sknewtonnet.calculus import Linear

MIXED = [["tanh", "sine", "identity"]]

quiet = pytest.mark.filterwarnings("ignore:Inference. :UserWarning")


def net(size=(3,), **params):
    return NewtonMLPRegressor(
        size, **{"activation": MIXED, "alpha": 0.5, "random_state": 0, **params}
    )


def test_units_have_their_functions():
    X, y = regression_data()
    est = net().fit(X, y)
    assert est.critical_point_ == "minimum"
    a = X @ est.coefs_[0] + est.intercepts_[0]
    hidden = np.column_stack([np.tanh(a[:, 0]), np.sin(a[:, 1]), a[:, 2]])
    assert_allclose(est.predict(X), (hidden @ est.coefs_[1] + est.intercepts_[1]).ravel())
    layers = [Linear((0,), 3, MIXED[0]), Linear((1,), 1)]
    same = NewtonNetRegressor(layers, alpha=0.5, random_state=0).fit(X, y)
    assert_allclose(same.predict(X), est.predict(X), rtol=1e-9)
    again = pickle.loads(pickle.dumps(est))
    assert_array_equal(again.predict(X), est.predict(X))
    assert clone(est).get_params()["activation"] == MIXED


def test_a_line_and_a_sine_see_what_they_are_made_for():
    """A wave on a line: with a unit of each the truth is in reach, with two tanh it is not."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-3.0, 3.0, size=(200, 1))
    y = 0.5 * X[:, 0] + np.sin(2.0 * X[:, 0]) + 0.05 * rng.normal(size=200)
    params = {"alpha": 1e-3, "n_init": 4, "random_state": 0}
    mixed = NewtonMLPRegressor((2,), activation=[["identity", "sine"]], **params).fit(X, y)
    plain = NewtonMLPRegressor((2,), **params).fit(X, y)
    assert mixed.score(X, y) > 0.99 > 0.95 > plain.score(X, y)


def test_starts_that_find_one_minimum_print_one_table():
    """The tanh units change places and signs among each other, never with the sine."""
    X, y = regression_data()
    fits = [
        net((3,), activation=[["tanh", "sine", "tanh"]], alpha=1.0, random_state=seed).fit(X, y)
        for seed in range(4)
    ]
    middle = np.median([est.loss_ for est in fits])
    same = [est for est in fits if est.loss_ == pytest.approx(middle, rel=1e-9)]
    assert len(same) > 2
    for est in same:
        assert_allclose(est.params_, same[0].params_, rtol=1e-4, atol=1e-5)
        assert (est.coefs_[1] > 0).all()


@quiet
def test_inference_and_pruning():
    X, y = regression_data()
    est = net(alpha=0.1).fit(X, y)
    found = est.inference(X, y)
    assert "4-3-1, tanh sine identity" in str(found.summary())
    h = 1e-5
    slopes = [
        (est.predict(X + s) - est.predict(X - s)).mean() / (2 * h) for s in h * np.eye(X.shape[1])
    ]
    assert_allclose(found.marginal_effects().effects, slopes, rtol=1e-6)
    pruned = BackwardPruning(net(alpha=0.1), max_steps=3).fit(X, y)
    left = pruned.estimator_
    assert left.activation == MIXED
    assert len(left.params_) < len(est.params_)
    a = X @ left.coefs_[0] + left.intercepts_[0]
    hidden = np.column_stack([np.tanh(a[:, 0]), np.sin(a[:, 1]), a[:, 2]])
    assert_allclose(left.predict(X), (hidden @ left.coefs_[1] + left.intercepts_[1]).ravel())


@quiet
def test_nets_are_nested_unit_by_unit():
    X, y = regression_data()
    large = net((3,), alpha=0.0, activation=[["tanh", "identity", "sine"]], tol=1e-6)
    small = net((2,), alpha=0.0, activation=[["tanh", "identity"]], tol=1e-6)
    other = net((2,), alpha=0.0, activation=[["tanh", "sine"]], tol=1e-6)
    results = [est.fit(X, y).inference(X, y) for est in (large, small, other)]
    assert results[1].compare(results[0]).method == "likelihood ratio"
    assert results[2].compare(results[0]).method != "likelihood ratio"


@quiet
def test_scaling_symmetry_is_that_of_its_units():
    X, y = regression_data()
    est = net((2,), activation=[["identity", "tanh"]], alpha=0.0, standardize=False, tol=1e-6)
    found = [f for f in est.fit(X, y).inference(X, y).findings if f.kind == "scaling symmetry"]
    assert len(found) == 1
    assert "Units with the activation 'identity'" in found[0].message


def test_classes_radial_nets_and_searches():
    X, labels = class_data()
    classes = NewtonMLPClassifier((2,), activation=[["tanh", "gaussian"]], alpha=0.5)
    assert classes.set_params(random_state=0).fit(X, labels).score(X, labels) > 0.9
    X, y = regression_data()
    radial = RBFNetRegressor(
        2, hidden_layer_sizes=(2,), activation=[("tanh", "sine")], alpha=0.5, random_state=0
    )
    assert radial.fit(X, y).critical_point_ == "minimum"
    search = GridSearchCV(net(), {"activation": ["tanh", MIXED]}, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 2
    with pytest.raises(
        ValueError,
        match=r"and there are 3 units; got .*tanh.*sine",
    ):
        net(activation=[["tanh", "sine"]]).fit(X, y)
    with pytest.raises(ValueError, match=r"never fall, such as .* got 'sine'"):
        net(monotonic_cst=[1, 0, 0, 0]).fit(X, y)


def test_outputs_may_have_one_each():
    X, y = regression_data()
    Y = np.column_stack([1.0 / (1.0 + np.exp(-y)), y])
    est = net((2,), activation="tanh", output_activation=["logistic", "identity"]).fit(X, Y)
    found = est.predict(X)
    assert ((found[:, 0] > 0) & (found[:, 0] < 1)).all()
    assert found[:, 1].min() < 0
    assert est.out_activation_ == "logistic, identity"
    with pytest.warns(UserWarning, match=r"'y1'.*outside the range \(-1, 1\).*'tanh'"):
        est.set_params(output_activation=["logistic", "tanh"]).fit(X, Y)
    with pytest.raises(ValueError, match="one entry for each unit"):
        est.set_params(output_activation=["tanh"]).fit(X, Y)
