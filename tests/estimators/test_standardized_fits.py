"""Fits of standardised columns: units do not matter, and all is reported in those of the table."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.preprocessing import scale

from sknewtonnet import (
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    RBFNetClassifier,
    RBFNetRegressor,
)

rng = np.random.default_rng(0)
N = 120
X = np.column_stack(
    [rng.normal(size=N), rng.gamma(4.0, size=N), rng.integers(0, 2, N), np.full(N, 3.0)]
)
MEAN = np.tanh(X[:, 0]) + 0.2 * X[:, 1] * X[:, 2]
Y = MEAN + 0.3 * rng.normal(size=N)
CLASSES = np.digitize(MEAN, np.quantile(MEAN, [0.4, 0.7]))
WEIGHT = rng.integers(1, 4, N).astype(float)
# The first column is like a year, 200 standard deviations off zero: original units then keep
# fourteen digits, whatever the kernel.
SHIFT, SCALE = np.array([2000.0, -5.0, 1.0, 7.0]), np.array([10.0, 1e4, 3.0, 0.1])

MODELS = {
    "squared error": NewtonMLPRegressor((3,), standardize=True, random_state=0, alpha=1.0),
    "pseudo-Huber": NewtonMLPRegressor(
        (3,), loss="pseudo_huber", standardize=True, random_state=0, alpha=1.0
    ),
    "deep": NewtonMLPRegressor(
        (3, 2), skip_connections="all", standardize=True, random_state=1, alpha=[0.3, 1.0, 2.0]
    ),
    "spherical": RBFNetRegressor(3, standardize=True, random_state=0, alpha=1.0),
    "diag": RBFNetRegressor(
        3, covariance_type="diag", standardize=True, random_state=0, alpha=1.0
    ),
    "full": RBFNetRegressor(
        2, covariance_type="full", standardize=True, random_state=0, alpha=1.0
    ),
    "classes": NewtonMLPClassifier((3,), standardize=True, random_state=0, alpha=1.0),
    "radial classes": RBFNetClassifier(3, standardize=True, random_state=0, alpha=1.0),
    "linear": NewtonMLPRegressor((), standardize=True, alpha=1.0),
    "auto": NewtonMLPRegressor((3,), alpha="auto", standardize=True, random_state=0),
}
each_model = pytest.mark.parametrize("name", MODELS)


def target(model, factor=1.0, shift=0.0):
    return CLASSES if hasattr(model, "predict_proba") else shift + factor * Y


def output(model, X):
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)


@each_model
@pytest.mark.parametrize("factor", [1e-9, 1e9])
def test_units_of_columns_and_target_do_not_matter(name, factor):
    model = MODELS[name]
    first = clone(model).fit(X, target(model), WEIGHT)
    other = clone(model).fit(SHIFT + SCALE * X, target(model, factor, 3.0 * factor), WEIGHT)
    expected, found = output(first, X), output(other, SHIFT + SCALE * X)
    if not hasattr(model, "predict_proba"):
        found = found / factor - 3.0
    assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    assert first.critical_point_ == other.critical_point_ == "minimum"


@each_model
def test_the_objective_is_in_the_units_of_the_table(name):
    model = MODELS[name]
    y = target(model, 50.0)
    net = clone(model).fit(SHIFT + SCALE * X, y, WEIGHT)
    f = net.objective(SHIFT + SCALE * X, y, WEIGHT)
    assert_allclose(f.value(net.params_), net.loss_, rtol=1e-12)
    # Whatever the units of parameters: what a Newton step would still gain, over the objective.
    g, H = f.gradient(net.params_), f.hessian(net.params_)
    units = 1.0 / np.sqrt(np.diag(H))
    inside = H * units * units[:, None]
    decrement = (units * g) @ np.linalg.lstsq(inside, units * g, rcond=1e-10)[0]
    assert abs(decrement) <= 1e-12 * net.loss_


def test_without_a_penalty_a_linear_net_is_least_squares():
    Z = SHIFT[:3] + SCALE[:3] * X[:, :3]
    net = NewtonMLPRegressor((), alpha=0.0, standardize=True).fit(Z, 50.0 * Y, WEIGHT)
    root = np.sqrt(WEIGHT)[:, None]
    centred = X[:, :3] - WEIGHT @ X[:, :3] / WEIGHT.sum()
    slopes = np.linalg.lstsq(root * centred, root[:, 0] * (Y - WEIGHT @ Y / WEIGHT.sum()))[0]
    assert_allclose(net.coefs_[0][:, 0] * SCALE[:3], 50.0 * slopes, rtol=1e-9)
    assert_allclose(WEIGHT @ net.predict(Z), 50.0 * WEIGHT @ Y, rtol=1e-10)


def test_the_penalty_counts_rows_of_the_standardised_problem():
    """For named arrays and numbers, with the hidden intercepts as coefficients."""
    Z = SHIFT[:3] + SCALE[:3] * X[:, :3]
    inside = NewtonMLPRegressor((2,), alpha=0.7, standardize=True, random_state=3).fit(Z, 50 * Y)
    alpha = {"coefs_0": 0.7, "coefs_1": 0.7, "intercepts_0": 0.7}
    before = NewtonMLPRegressor((2,), alpha=alpha, random_state=3, n_init=20, standardize=False)
    before.fit(scale(Z), scale(Y))
    raw = 50 * (Y.mean() + Y.std() * before.predict(scale(Z)))
    outside = np.isclose(before.starts_["loss"], inside.loss_ / (50 * Y.std()) ** 2, rtol=1e-8)
    assert outside.any()
    if np.isclose(before.loss_, inside.loss_ / (50 * Y.std()) ** 2, rtol=1e-8):
        assert_allclose(inside.predict(Z), raw, rtol=1e-5)


def test_several_outputs_weigh_alike_whatever_their_units():
    both = np.column_stack([Y, X[:, 1] ** 2])
    units = np.array([1e-6, 1e3])
    model = NewtonMLPRegressor((3,), standardize=True, random_state=0, alpha=1.0)
    first, other = clone(model).fit(X, both), clone(model).fit(X, both * units)
    assert_allclose(other.predict(X) / units, first.predict(X), rtol=1e-6, atol=1e-8)
    f = other.objective(X, both * units)
    assert_allclose(f.value(other.params_), other.loss_, rtol=1e-12)


def test_weights_are_rows():
    rows = np.repeat(np.arange(N), WEIGHT.astype(int))
    for alpha in (1.0, "auto"):
        model = NewtonMLPRegressor((3,), alpha=alpha, standardize=True, random_state=0)
        weighed, repeated = clone(model).fit(X, Y, WEIGHT), clone(model).fit(X[rows], Y[rows])
        assert weighed.alpha_ == repeated.alpha_
        assert_allclose(weighed.predict(X), repeated.predict(X), rtol=1e-6)


def test_constraints_are_in_the_units_of_the_table():
    Z = SHIFT[:2] + SCALE[:2] * X[:, :2]
    net = NewtonMLPRegressor(
        (),
        alpha=0.0,
        standardize=True,
        bounds={"coefs_0[x0, y]": (100.0, 200.0), "intercepts_0": (-5e5, None)},
        linear_constraints=[({"coefs_0[x0, y]": 1.0, "coefs_0[x1, y]": 1e6}, None, 300.0)],
    ).fit(Z, Y)
    assert 100.0 - 1e-6 <= net.coefs_[0][0, 0] <= 200.0 + 1e-6
    assert net.coefs_[0][0, 0] + 1e6 * net.coefs_[0][1, 0] <= 300.0 + 1e-6
    assert net.intercepts_[0][0] >= -5e5 - 1e-3


def test_a_net_without_intercepts_is_not_centred():
    mask = {"intercepts_0": np.zeros(1, dtype=bool)}
    net = NewtonMLPRegressor((), alpha=0.0, connectivity=mask, standardize=True)
    Z = 5.0 + X[:, :2]
    beta = np.linalg.lstsq(Z, Y, rcond=None)[0]
    assert_allclose(net.fit(Z, Y).coefs_[0][:, 0], beta, rtol=1e-8)


def test_fits_travel():
    net = NewtonMLPRegressor((2,), alpha="auto", standardize=True, random_state=0).fit(X, Y)
    other = pickle.loads(pickle.dumps(net))
    assert_allclose(other.predict(X), net.predict(X), rtol=0)
    assert other.alpha_selection_.alpha == net.alpha_


def test_warm_starts_go_on_where_they_were():
    net = NewtonMLPRegressor(
        (3,), standardize=True, random_state=0, warm_start=True, alpha=1.0
    ).fit(X, Y)
    loss = net.loss_
    net.fit(X, Y)
    assert net.n_iter_ <= 1
    assert_allclose(net.loss_, loss, rtol=1e-12)
