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
from sklearn.datasets import load_iris
from sklearn.ensemble import AdaBoostClassifier
from sklearn.model_selection import cross_val_score
from sklearn.utils.class_weight import compute_sample_weight

from sknewtonnet import (
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    NewtonNetRegressor,
    RBFNetRegressor,
)


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
        est = NewtonMLPClassifier(
            (2,), class_weight=class_weight, random_state=0, standardize=False, alpha=1.0
        )
        est.fit(X, y, weight)
        assert_array_equal(est.classes_, ["setosa", "versicolor", "virginica"])
        assert est.predict_proba(X)[:, 0].max() < 1e-3
    X, y = count_data()
    y[0] = -1.0
    NewtonMLPRegressor((), loss="poisson", standardize=False, alpha=1.0).fit(
        X, y, np.r_[0.0, np.ones(len(y) - 1)]
    )


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
    params = {"hidden_layer_sizes": (2,), "standardize": False, "alpha": 0.5, "random_state": 0}
    by_class = NewtonMLPClassifier(class_weight=class_weight, **params).fit(X, y, sample_weight)
    by_sample = NewtonMLPClassifier(**params).fit(X, y, factor * ones)
    assert_allclose(by_class.params_, by_sample.params_, atol=1e-6)
    assert_allclose(by_class.loss_, by_sample.loss_, rtol=1e-10)


def test_class_weights_of_several_labels():
    X, Y = label_data()
    class_weight = [{0: 1.0, 1: 2.0}, {0: 0.5, 1: 1.0}, {0: 1.0, 1: 3.0}]
    params = {"hidden_layer_sizes": (2,), "standardize": False, "alpha": 0.5, "random_state": 0}
    by_class = NewtonMLPClassifier(class_weight=class_weight, **params).fit(X, Y)
    by_sample = NewtonMLPClassifier(**params).fit(X, Y, compute_sample_weight(class_weight, Y))
    assert_allclose(by_class.params_, by_sample.params_, atol=1e-6)


# Small weights --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "alpha"),
    [
        (NewtonMLPRegressor, 1.0),
        (NewtonMLPRegressor, {"coefs_0": 1.0, "coefs_1": 2.0}),
        (RBFNetRegressor, 1.0),
        (NewtonNetRegressor, [1.0, 2.0]),
    ],
)
def test_weights_that_drown_in_the_penalty(make, alpha):
    """The advice does what it says; as many rows with weights of one do not warn."""
    X, y = regression_data()
    weight = np.full(N, 1.0 / N)
    net = make(alpha=alpha, standardize=True, max_iter=300, random_state=0)
    with pytest.warns(UserWarning, match=r"sums to 1 over 60 rows.* by 60, or use") as told:
        net.fit(X, y, weight)
    assert told[0].filename == __file__
    plain = type(net)(**net.get_params()).fit(X, y)
    heeded = type(net)(**net.get_params()).fit(X, y, 60.0 * weight)
    assert_allclose(heeded.predict(X), plain.predict(X), atol=1e-8)
    assert net.score(X, y) < plain.score(X, y)


@pytest.mark.parametrize(
    ("alpha", "weight"),
    [
        (1.0, np.r_[np.zeros(40), np.ones(20)]),  # rows of weight zero are not there
        (1.0, np.full(60, 0.5)),
        (0.0, np.full(60, 1e-3)),
        ("auto", np.full(60, 1e-3)),
    ],
)
def test_weights_that_are_no_reason_to_warn(alpha, weight):
    X, y = regression_data()
    NewtonMLPRegressor((1,), alpha=alpha, standardize=True, random_state=0).fit(X, y, weight)


@pytest.mark.parametrize("make", [NewtonMLPRegressor, RBFNetRegressor])
def test_the_chosen_penalty_is_relative_to_small_weights(make):
    """A factor on all weights changes nothing, whatever their distribution."""
    X, y = regression_data()
    weight = weights(N) / 5.0
    extra = {"alpha_widths": 0.0} if make is RBFNetRegressor else {}
    fits = [
        make(2, alpha="auto", standardize=True, random_state=0, **extra).fit(X, y, factor * weight)
        for factor in (1.0, 2.0**-9)
    ]
    assert fits[1].alpha_ == pytest.approx(2.0**-9 * fits[0].alpha_)
    assert_allclose(fits[1].predict(X), fits[0].predict(X), atol=1e-6)


def test_boosting():
    """Weights of AdaBoost sum to one; with alpha in full rows every net is a constant."""
    X, y = load_iris(return_X_y=True)
    net = NewtonMLPClassifier((3,), alpha="auto", standardize=True, random_state=0)
    boosted = AdaBoostClassifier(net, n_estimators=3, random_state=0)
    assert cross_val_score(boosted, X, y, cv=3).mean() > 0.93
