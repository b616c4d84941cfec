"""Statistics of standardised fits, against those worked out in the units of the table."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor, RBFNetRegressor
from sknewtonnet.inference import infer

rng = np.random.default_rng(0)
N = 150
X = np.column_stack([rng.normal(size=N), rng.gamma(4.0, size=N), rng.integers(0, 2, N)])
X = np.array([20.0, -5.0, 0.0]) + np.array([3.0, 0.2, 1.0]) * X
SIGNAL = np.tanh((X[:, 0] - 20.0) / 2.0) + 0.5 * X[:, 2]
Y = 40.0 + 25.0 * (SIGNAL + 0.2 * rng.normal(size=N))
WEIGHT = rng.integers(1, 3, N).astype(float)
TARGETS = {
    "one": Y,
    "two": np.column_stack([Y, 1e-2 * (X[:, 1] + 0.3 * rng.normal(size=N))]),
    "counts": rng.poisson(np.exp(SIGNAL)).astype(float),
    "classes": np.digitize(SIGNAL + rng.logistic(size=N), [0.0, 1.0]),
}
MODELS = {
    "one": NewtonMLPRegressor((1,), alpha=0.0, standardize=True, random_state=0),
    "penalised": NewtonMLPRegressor((2,), alpha=1.0, standardize=True, random_state=0),
    "two": NewtonMLPRegressor((1,), alpha=0.1, standardize=True, random_state=0),
    "counts": NewtonMLPRegressor((), loss="poisson", alpha=0.0, standardize=True),
    "classes": NewtonMLPClassifier((), alpha=0.1, standardize=True),
    "radial": RBFNetRegressor(
        2, covariance_type="diag", standardize=True, random_state=1, alpha=1.0
    ),
}
each_model = pytest.mark.parametrize("name", MODELS)


def both(name, cov_type="hessian"):
    """Results of the estimator, and of its objective in the units of the table."""
    y = TARGETS.get(name, Y)
    net = MODELS[name]
    if not hasattr(net, "params_"):
        net.fit(X, y, WEIGHT)
    f, use_t = net.objective(X, y, WEIGHT), name not in ("counts", "classes")
    with warnings.catch_warnings():  # of nets that are perhaps over-sized
        warnings.simplefilter("ignore", UserWarning)
        inside = net.inference(X, y, WEIGHT, cov_type, use_t=use_t)
        outside = infer(f, net.params_, cov_type=cov_type, use_t=use_t)
    return inside, outside


def close(found, expected, rtol=1e-6):
    assert_allclose(found, expected, rtol=rtol, atol=1e-12 * np.abs(expected).max())


@each_model
@pytest.mark.parametrize("cov_type", ["hessian", "gauss-newton", "bayesian", "HC0", "HC3"])
def test_estimates_and_covariances(name, cov_type):
    if name == "two" and not cov_type.startswith("HC"):
        pytest.skip("in other units the errors of several outputs are no likelihood")
    inside, outside = both(name, cov_type)
    assert inside.names == outside.names
    close(inside.params, outside.params)
    close(inside.std_errors, outside.std_errors)
    correlation = np.outer(outside.std_errors, outside.std_errors)
    assert_allclose(inside.covariance / correlation, outside.covariance / correlation, atol=1e-6)
    close(inside.p_values, outside.p_values, 1e-5)


@each_model
def test_numbers_of_the_fit(name):
    inside, outside = both(name, "HC0" if name == "two" else "hessian")
    for quantity in ("objective_value", "effective_parameters", "df_resid", "n_obs"):
        close(getattr(inside, quantity), getattr(outside, quantity))
    if name != "two":  # criteria of several outputs weigh them as the loss does
        for quantity in (
            "dispersion",
            "log_likelihood",
            "aic",
            "aicc",
            "bic",
            "nic",
            "tic",
            "gcv",
        ):
            close(getattr(inside, quantity), getattr(outside, quantity))
    assert inside.identifiable == outside.identifiable


@pytest.mark.filterwarnings("ignore:Prediction intervals take:UserWarning")
@each_model
def test_predictions_and_effects(name):
    inside, outside = both(name, "HC0" if name == "two" else "hessian")
    here, there = (results.get_prediction(X[:20]) for results in (inside, outside))
    for quantity in ("mean", "se", "confidence_interval", "raw", "raw_se"):
        close(getattr(here, quantity), getattr(there, quantity))
    if name not in ("classes", "two"):
        close(here.prediction_interval, there.prediction_interval)
    here, there = (results.marginal_effects() for results in (inside, outside))
    close(here.effects, there.effects)
    close(here.std_errors, there.std_errors)
    here, there = (results.partial_effect("x1", n_points=5) for results in (inside, outside))
    close(here.grid, there.grid)
    close(here.mean, there.mean)
    close(here.se, there.se)


@pytest.mark.parametrize("name", ["one", "counts"])
def test_hypotheses(name):
    inside, outside = both(name)
    for hypothesis in ("x1", inside.names[-1], np.eye(len(inside.names))[:2]):
        here, there = (r.wald_test(hypothesis) for r in (inside, outside))
        close(here.statistic, there.statistic)
        assert here.df == there.df
    value = 0.9 * inside.params[-1:]
    R = np.eye(len(inside.names))[-1:]
    close(inside.wald_test(R, value).statistic, outside.wald_test(R, value).statistic)
    here, there = (r.likelihood_ratio_test("x1") for r in (inside, outside))
    close(here.statistic, there.statistic, 1e-5)
    here, there = (r.score_test("x1") for r in (inside, outside))
    close(here.statistic, there.statistic, 1e-4)
    name = inside.names[-1]
    here, there = (r.profile_interval(name)[name] for r in (inside, outside))
    close(here, there, 1e-5)


def test_radial_units():
    inside, outside = both("radial")
    here, there = inside.radial_units(), outside.radial_units()
    close(here.centers, there.centers)
    close(here.covariances, there.covariances)


def test_offset_years_cost_no_digits():
    """A year has a mean of two hundred standard deviations and more."""
    year = np.column_stack([np.arange(1990.0, 2020.0), rng.normal(size=30)])
    y = 3.0 + 0.1 * (year[:, 0] - 2000.0) + year[:, 1] + rng.normal(size=30)
    A = np.column_stack([year[:, 0] - 2000.0, year[:, 1], np.ones(30)])
    net = NewtonMLPRegressor((), alpha=0.0, standardize=True).fit(year, y)
    results = net.inference(year, y)
    K = np.linalg.inv(A.T @ A)
    phi = np.sum((y - A @ (K @ A.T @ y)) ** 2) / 27
    assert_allclose(results.std_errors[:2], np.sqrt(phi * np.diag(K)[:2]), rtol=1e-9)
    assert_allclose(results.dispersion, phi, rtol=1e-9)
