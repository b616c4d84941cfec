"""Four seeds of one minimum print one table."""

import numpy as np
import pytest
from inference_cases import binary, bumps, inputs, regression, three, two_units
from numpy.testing import assert_allclose, assert_array_equal

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor, RBFNetRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Inference:UserWarning")


def plane():
    X = inputs(150)[:, :2]
    return X, bumps(X) + 0.1 * np.random.default_rng(7).normal(size=len(X))


CASES = {
    "two units": (
        lambda **p: NewtonMLPRegressor((2,), alpha=0.1, n_init=4, **p),
        lambda: regression(two_units),
    ),
    "logistic": (
        lambda **p: NewtonMLPRegressor((2,), activation="logistic", alpha=0.1, n_init=4, **p),
        lambda: regression(two_units),
    ),
    "raw columns": (
        lambda **p: NewtonMLPRegressor((2,), alpha=0.01, n_init=4, standardize=False, **p),
        lambda: regression(two_units),
    ),
    "two layers": (
        lambda **p: NewtonMLPRegressor((2, 1), alpha=0.3, n_init=6, **p),
        lambda: regression(two_units),
    ),
    "classes": (lambda **p: NewtonMLPClassifier((1,), alpha=0.1, n_init=4, **p), three),
    "bumps": (lambda **p: RBFNetRegressor(2, alpha=0.1, n_init=4, **p), plane),
}


@pytest.mark.parametrize("case", CASES)
def test_four_seeds_print_one_table(case):
    make, data = CASES[case]
    X, y = data()
    nets = [make(random_state=seed, tol=1e-8).fit(X, y) for seed in range(4)]
    values = np.array([net.loss_ for net in nets])
    same = [net for net in nets if net.loss_ < values.min() * (1.0 + 1e-9)]
    assert len(same) >= 3
    for net in same[1:]:
        assert_allclose(net.params_, same[0].params_, rtol=1e-4, atol=1e-4)
        errors = [each.inference(X, y).std_errors for each in (net, same[0])]
        assert_allclose(*errors, rtol=1e-3)


@pytest.mark.parametrize("case", CASES)
def test_all_that_a_fit_says_is_of_one_point(case):
    make, data = CASES[case]
    X, y = data()
    net = make(random_state=1).fit(X, y)
    result, objective = net.solver_result_, net.objective(X, y)
    assert objective.value(net.params_) == pytest.approx(net.loss_, rel=1e-12)
    assert np.abs(result.gradient).max() <= 1e-6
    assert result.history[-1] == pytest.approx(result.value, rel=1e-12)
    assert net.critical_point_ == "minimum"
    arrays = objective.network.layout.pack(net.arrays_)
    assert_array_equal(arrays, net.params_)
    inference = net.inference(X, y)
    assert inference.information.critical_point.kind == "minimum"
    assert_allclose(net.feature_importance_, inference.feature_importance, rtol=1e-6, atol=1e-9)


def test_the_largest_outgoing_weight_is_positive():
    X, y = binary()
    for seed in range(3):
        net = NewtonMLPClassifier((2,), alpha=0.5, random_state=seed).fit(X, y)
        assert (net.coefs_[1] > 0).all()


def test_what_tells_units_apart_leaves_them():
    """Bounds, a strength for each weight, and names of a fit that goes on."""
    X, y = regression(two_units)
    bounds = {"coefs_1[h0, y]": (None, -0.1)}
    held = NewtonMLPRegressor((2,), alpha=0.1, bounds=bounds, random_state=0).fit(X, y)
    assert held.coefs_[1][0, 0] < 0
    strengths = {"coefs_0": 0.1, "coefs_1": [[0.01], [5.0]]}
    for seed in range(3):
        net = NewtonMLPRegressor((2,), alpha=strengths, random_state=seed, standardize=False)
        found = np.abs(net.fit(X, y).coefs_[1].ravel())
        assert found[0] > found[1]  # the free one


def test_a_warm_start_keeps_the_names_of_units():
    X, y = regression(two_units)
    net = NewtonMLPRegressor((2,), alpha=0.1, n_init=4, random_state=0, warm_start=True)
    first = net.fit(X, y).params_.copy()
    # Other weights of the rows would give the units another order.
    weight = np.where(np.abs(X[:, 0]) < 1.0, 0.3, 1.0)
    again = net.fit(X, y, weight).params_
    assert np.sign(again[np.abs(again) > 0.1]) @ np.sign(first[np.abs(again) > 0.1]) > 0
    assert np.corrcoef(again, first)[0, 1] > 0.95
