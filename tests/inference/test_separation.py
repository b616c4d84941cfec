"""Where the likelihood has no maximum, no covariance has a standard error; elsewhere all have."""

import warnings

import numpy as np
import pytest
from fitted_oracles import infer
from scipy.special import expit

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor


def linear(kind, alpha=0.0, **params):
    return kind((), alpha=alpha, random_state=0, **params)


def rare_level(flipped=False, reference=False):
    """All four rows of a rare level are of one class; the others are of both."""
    rng = np.random.default_rng(0)
    rare = np.repeat([1.0, 0.0], [4, 396])
    y = np.where(rare > 0, 1, rng.integers(0, 2, 400))
    return np.c_[1.0 - rare if reference else rare, rng.normal(size=400)], 1 - y if flipped else y


def three_classes():
    """A level in which the third class never occurs."""
    rng = np.random.default_rng(1)
    level = np.repeat([1.0, 0.0], [30, 270])
    y = np.where(level > 0, rng.integers(0, 2, 300), rng.integers(0, 3, 300))
    return np.c_[level, rng.normal(size=300)], y


def labels():
    X, y = three_classes()
    return X, np.c_[y == 2, np.random.default_rng(2).integers(0, 2, 300)].astype(int)


def empty_cells(reference=False):
    """Counts of three levels, the last of which has none."""
    level = np.repeat([0, 1, 2], 20)
    y = np.tile([4.0, 2, 6, 3, 5, 2, 3, 7, 4, 1] * 2, 3) * np.repeat([1, 2, 0], 20)
    columns = (0, 1) if reference else (1, 2)
    return np.column_stack([level == column for column in columns]).astype(float), y


SEPARATED = {
    "logit": (NewtonMLPClassifier, {}, rare_level(), {"coefs_0[x0, 1]"}),
    "other label": (NewtonMLPClassifier, {}, rare_level(flipped=True), {"coefs_0[x0, 1]"}),
    "other coding": (
        NewtonMLPClassifier,
        {},
        rare_level(reference=True),
        {"coefs_0[x0, 1]", "intercepts_0[1]"},
    ),
    "softmax": (NewtonMLPClassifier, {}, three_classes(), {"coefs_0[x0, 2 - 0]"}),
    "labels": (NewtonMLPClassifier, {}, labels(), {"coefs_0[x0, 0]"}),
    "counts": (NewtonMLPRegressor, {"loss": "poisson"}, empty_cells(), {"coefs_0[x1, y]"}),
    "counts, other coding": (
        NewtonMLPRegressor,
        {"loss": "poisson"},
        empty_cells(reference=True),
        {"coefs_0[x0, y]", "coefs_0[x1, y]", "intercepts_0[y]"},
    ),
}
each_separated = pytest.mark.parametrize("name", SEPARATED)


@each_separated
@pytest.mark.parametrize("alpha", [0.0, 1e-6, 1e-3, 1e-2])
def test_a_level_without_a_maximum_is_named(name, alpha):
    kind, params, (X, y), lost = SEPARATED[name]
    res = infer(linear(kind, alpha, **params).fit(X, y), X, y)
    (finding,) = res.findings
    assert (finding.kind, finding.severity) == ("separation", "warning")
    assert set(finding.parameters) == lost
    assert all(parameter in finding.message for parameter in lost)
    assert not res.identifiable


@each_separated
@pytest.mark.parametrize("cov_type", ["hessian", "bayesian", "gauss-newton", "HC0", "HC3"])
@pytest.mark.parametrize("alpha", [0.0, 1e-3])
def test_no_covariance_has_an_error_for_it(name, cov_type, alpha):
    kind, params, (X, y), lost = SEPARATED[name]
    res = infer(linear(kind, alpha, **params).fit(X, y), X, y, cov_type=cov_type)
    known = [parameter not in lost for parameter in res.names]
    assert (np.isfinite(res.std_errors) == known).all()
    assert set(res.reasons) == lost
    assert all("Separation" in reason for reason in res.reasons.values())
    assert np.isnan(res.wald_test([name for name in res.names if name in lost]).p_value)


def test_what_is_known_next_to_separation_stays_known():
    """Other levels, the other coefficient, and the likelihood ratio of the level."""
    X, y = rare_level()
    res = infer(linear(NewtonMLPClassifier).fit(X, y), X, y)
    without = linear(NewtonMLPClassifier).fit(X[4:, 1:], y[4:]).inference(X[4:, 1:], y[4:])
    np.testing.assert_allclose(res.std_errors[1:], without.std_errors, rtol=1e-3)
    errors = res.get_prediction(X[[0, 10, 20]]).se
    assert np.isnan(errors).tolist() == [True, False, False]
    assert 0.01 < res.likelihood_ratio_test("x0").p_value < 0.05


def test_sums_that_are_known_are_known_in_any_coding():
    X, y = empty_cells(reference=True)
    res = infer(linear(NewtonMLPRegressor, loss="poisson").fit(X, y), X, y)
    plain = infer(linear(NewtonMLPRegressor, 1e-3, loss="poisson").fit(X, y), X, y)
    assert np.isfinite(plain.wald_test([1.0, 0.0, 1.0]).p_value)  # the first level
    assert np.isnan(plain.wald_test([0.0, 0.0, 1.0]).p_value)  # the empty one
    assert np.isfinite(res.get_prediction(X).se).tolist() == [True] * 40 + [False] * 20


@pytest.mark.parametrize("alpha", [1e-6, 1e-3, 0.01])
def test_classes_that_are_told_apart_have_no_robust_errors_either(alpha):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 2))
    y = (X[:, 0] > 0).astype(int)
    res = infer(linear(NewtonMLPClassifier, alpha).fit(X, y), X, y, cov_type="HC3")
    assert "separation" in {finding.kind for finding in res.findings}
    assert np.isnan(res.p_values).all()


# Right as they are ------------------------------------------------------------------------


def events(n=2000):
    """Rare events: probabilities are small, but what they say of coefficients is right."""
    rng = np.random.default_rng(0)
    X = np.c_[rng.integers(0, 2, n), rng.normal(size=n)]
    return X, (rng.random(n) < expit(-5.0 + X[:, 0] + 0.5 * X[:, 1])).astype(int)


def steady_counts():
    """Counts that vary a hundred times less than Poisson's would."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    return X, np.round(np.exp(4.0 + 0.3 * X[:, 0])) + rng.integers(0, 2, 300)


def rare_counts():
    rng = np.random.default_rng(0)
    X = np.c_[rng.integers(0, 2, 2000), rng.normal(size=2000)]
    return X, rng.poisson(np.exp(-4.5 + X[:, 0] + 0.3 * X[:, 1]))


def well_told_apart():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 2))
    return X, (rng.random(500) < expit(6.0 * X[:, 0] - 3.0 * X[:, 1])).astype(int)


def curved_counts():
    rng = np.random.default_rng(0)
    X = rng.uniform(-2.0, 2.0, (300, 2))
    return X, rng.poisson(np.exp(0.7 + 1.5 * np.tanh(1.2 * X[:, 0] - 0.8 * X[:, 1])))


HEALTHY = {
    "rare events": (linear(NewtonMLPClassifier), *events()),
    "steady counts": (linear(NewtonMLPRegressor, loss="poisson"), *steady_counts()),
    "rare counts": (linear(NewtonMLPRegressor, loss="poisson"), *rare_counts()),
    "well told apart": (linear(NewtonMLPClassifier), *well_told_apart()),
    "a unit": (
        NewtonMLPRegressor((1,), loss="poisson", alpha=0.0, n_init=3, random_state=0),
        *curved_counts(),
    ),
    "squared errors": (linear(NewtonMLPRegressor), *empty_cells()),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_fits_pass(name):
    est, X, y = HEALTHY[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        res = est.fit(X, y).inference(X, y)
    assert res.identifiable
    assert np.isfinite(res.std_errors).all()
