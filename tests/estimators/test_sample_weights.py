"""Weights of samples and of classes."""

import numpy as np
import pytest
from estimator_cases import (
    MODELS,
    N,
    class_data,
    count_data,
    each_model,
    fitted,
    label_data,
    regression_data,
    weights,
)
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils.class_weight import compute_sample_weight

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor


@each_model
def test_integer_weights_are_repeated_rows(name):
    X, y = MODELS[name][1]()
    counts = np.random.default_rng(1).integers(1, 4, len(X))
    weighted, _, _ = fitted(name, counts)
    repeated = type(weighted)(**weighted.get_params())
    repeated.fit(np.repeat(X, counts, axis=0), np.repeat(y, counts, axis=0))
    assert_allclose(weighted.loss_curve_[0], repeated.loss_curve_[0], rtol=1e-12)
    assert_allclose(weighted.loss_, repeated.loss_, rtol=1e-9)
    assert_allclose(weighted.params_, repeated.params_, atol=1e-5)


@each_model
def test_weight_zero_is_a_removed_row(name):
    X, y = MODELS[name][1]()
    counts = np.arange(len(X)) % 3 > 0
    weighted, _, _ = fitted(name, counts.astype(float))
    removed = type(weighted)(**weighted.get_params()).fit(X[counts], y[counts])
    assert_array_equal(weighted.params_, removed.params_)
    assert weighted.loss_ == removed.loss_


def test_weight_zero_hides_what_is_wrong_with_a_row():
    """Also a negative count that occurs in such rows only; a class stays known, and is not met."""
    X, y = class_data(3)
    weight = (y != "setosa").astype(float)
    for class_weight in (None, "balanced"):
        est = NewtonMLPClassifier((2,), class_weight=class_weight, random_state=0)
        est.fit(X, y, weight)
        assert_array_equal(est.classes_, ["setosa", "versicolor", "virginica"])
        assert est.predict_proba(X)[:, 0].max() < 1e-3
    X, y = count_data()
    y[0] = -1.0
    NewtonMLPRegressor((), loss="poisson").fit(X, y, np.r_[0.0, np.ones(len(y) - 1)])


@pytest.mark.parametrize("sample_weight", [None, weights(N)])
@pytest.mark.parametrize("class_weight", ["balanced", {0: 0.5, 1: 4.0}])
def test_class_weights_are_sample_weights(class_weight, sample_weight):
    X, y = regression_data()
    y = (y > 0.8).astype(int)
    ones = np.ones(len(y)) if sample_weight is None else sample_weight
    if class_weight == "balanced":
        totals = np.array([ones[y == k].sum() for k in (0, 1)])
        factor = (ones.sum() / (2.0 * totals))[y]
    else:
        factor = np.array([0.5, 4.0])[y]
    params = {"hidden_layer_sizes": (2,), "alpha": 0.5, "random_state": 0}
    by_class = NewtonMLPClassifier(class_weight=class_weight, **params).fit(X, y, sample_weight)
    by_sample = NewtonMLPClassifier(**params).fit(X, y, factor * ones)
    assert_allclose(by_class.params_, by_sample.params_, atol=1e-6)
    assert_allclose(by_class.loss_, by_sample.loss_, rtol=1e-10)


def test_class_weights_of_several_labels():
    X, Y = label_data()
    class_weight = [{0: 1.0, 1: 2.0}, {0: 0.5, 1: 1.0}, {0: 1.0, 1: 3.0}]
    params = {"hidden_layer_sizes": (2,), "alpha": 0.5, "random_state": 0}
    by_class = NewtonMLPClassifier(class_weight=class_weight, **params).fit(X, Y)
    by_sample = NewtonMLPClassifier(**params).fit(X, Y, compute_sample_weight(class_weight, Y))
    assert_allclose(by_class.params_, by_sample.params_, atol=1e-6)
