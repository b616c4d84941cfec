"""What users get who set nothing: units do not matter, and difficult columns do no harm."""

from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning

from sknewtonnet import (
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    NewtonNetClassifier,
    NewtonNetRegressor,
    RBFNetClassifier,
    RBFNetRegressor,
)
from sknewtonnet.estimators._advice import nothing_learnt

N = 48
rng = np.random.default_rng(0)
# A normal, a lognormal, a dummy and a constant column.
X = np.column_stack([rng.normal(size=N), rng.lognormal(size=N), np.arange(N) % 3 == 0, np.ones(N)])
MEAN = np.tanh(2.0 * X[:, 0]) + 0.5 * X[:, 2] * np.log(X[:, 1])
Y = MEAN + 0.2 * rng.normal(size=N)
LABELS = np.array(["low", "mid", "top"])[np.digitize(Y, np.quantile(Y, [0.3, 0.7]))]

ESTIMATORS = {
    make.__name__: make
    for make in (
        NewtonMLPRegressor,
        NewtonMLPClassifier,
        RBFNetRegressor,
        RBFNetClassifier,
        NewtonNetRegressor,
        NewtonNetClassifier,
    )
}
REGRESSORS = [name for name in ESTIMATORS if "Regressor" in name]
each_estimator = pytest.mark.parametrize("name", ESTIMATORS)
each_regressor = pytest.mark.parametrize("name", REGRESSORS)


def fitted(name, seed, X, y):
    return ESTIMATORS[name](random_state=seed).fit(X, y)


def target(name):
    return Y if name in REGRESSORS else LABELS


@cache
def plain(name, seed):
    return fitted(name, seed, X, target(name))


def output(net, X):
    return net.predict_proba(X) if is_classifier(net) else net.predict(X)


def agree(found, expected):
    assert_allclose(found, expected, atol=1e-6 * np.ptp(expected))


# Shifts are in standard deviations of a column.
AFFINE = {
    "tiny and far": (np.array([1e-6, 1e-6, 1e-6, 1.0]), 1e3),
    "large and far": (np.array([1e6, 1e6, 1e6, 1.0]), -1e3),
    "mixed": (np.array([1e6, 1e-6, 1.0, 1e6]), np.array([0.0, 1e3, -1e3, 1e3])),
}


# Each seed with each change: one of each here, the rest with the slow tests.
CHANGES = [
    pytest.param(seed, change, marks=[] if seed == number else [pytest.mark.slow])
    for seed in range(3)
    for number, change in enumerate(AFFINE)
]


@pytest.mark.parametrize(("seed", "change"), CHANGES)
@each_estimator
def test_units_of_inputs_do_not_matter(name, seed, change):
    factor, shift = AFFINE[change]
    other = factor * (X + shift * np.where(X.std(axis=0) > 0, X.std(axis=0), 1.0))
    net = fitted(name, seed, other, target(name))
    agree(output(net, other), output(plain(name, seed), X))
    assert net.alpha_ == plain(name, seed).alpha_


@pytest.mark.parametrize(
    ("factor", "shift"), [(1e-6, 1e3), (1e6, -1e3), (1e-12, 0.0), (1e12, 0.0)]
)
@each_regressor
def test_units_of_the_target_do_not_matter(name, factor, shift):
    far = shift * Y.std()
    net = fitted(name, 0, X, factor * (Y + far))
    agree(net.predict(X) / factor - far, plain(name, 0).predict(X))
    assert_allclose(net.loss_, factor**2 * plain(name, 0).loss_, rtol=1e-6)


@each_estimator
def test_a_fit_ends_at_a_minimum_that_learns_something(name):
    net = plain(name, 0)
    assert net.critical_point_ == "minimum"
    assert net.alpha_ == net.alpha_selection_.alpha
    assert net.score(X, target(name)) > 0.6


@each_estimator
def test_a_constant_column_is_not_read(name):
    """Whatever it is later: its coefficients are zero."""
    net = plain(name, 0)
    later = X.copy()
    later[:, 3] = 1e3
    if "RBF" not in name:
        agree(output(net, later), output(net, X))
        assert abs(net.coefs_[0][3]).max() < 1e-9


@pytest.mark.parametrize("factor", [1e-12, 1e12])
def test_units_of_positive_targets_do_not_matter(factor):
    """Under a logarithmic link they are an intercept."""
    plain = NewtonMLPRegressor(loss="gamma", random_state=0).fit(X, np.exp(Y))
    net = NewtonMLPRegressor(loss="gamma", random_state=0).fit(X, factor * np.exp(Y))
    agree(net.predict(X) / factor, plain.predict(X))


@pytest.mark.parametrize("factor", [1e-6, 1e3])
def test_small_and_large_counts(factor):
    """They have units of their own: large ones outweigh the penalty, small ones do not."""
    net = NewtonMLPRegressor(loss="poisson", random_state=0).fit(X, factor * np.exp(Y))
    assert net.critical_point_ == "minimum"
    assert_allclose(net.predict(X).mean(), factor * np.exp(Y).mean(), rtol=1e-6)


@each_estimator
def test_a_chosen_strength_is_a_number(name):
    """Given as such it makes the same fit, from the same starts."""
    net, y = plain(name, 0), target(name)
    given = ESTIMATORS[name](alpha=net.alpha_, random_state=0).fit(X, y)
    assert_array_equal(given.params_, net.params_)
    assert given.loss_curve_ == net.loss_curve_
    drawn = ESTIMATORS[name](random_state=np.random.RandomState(0)).fit(X, y)
    assert drawn.alpha_ == net.alpha_
    assert_array_equal(drawn.params_, net.params_)


@pytest.mark.parametrize("params", [{"max_iter": 1}, {"tol": 0.0}], ids=str)
def test_standardising_is_advised_where_it_is_off(params):
    for standardize in (True, False):
        net = NewtonMLPRegressor(
            (3,), alpha=1.0, standardize=standardize, random_state=0, **params
        )
        with pytest.warns(ConvergenceWarning, match="auto stopped after") as told:
            net.fit(X, Y)
        assert ("standardize=True" in str(told[0].message)) is not standardize


@pytest.mark.parametrize("standardize", [True, False])
def test_advice_where_nothing_is_learnt(standardize):
    message = nothing_learnt("flat", "saddle", np.zeros(3, dtype=int), standardize)
    assert ("standardize=True" in message) is not standardize
