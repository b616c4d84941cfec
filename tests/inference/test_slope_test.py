"""The mean squared slope: its law against integrals and draws, the test against slow loops."""

import numpy as np
import pytest
from estimator_cases import class_data, each_model, fitted, regression_data
from fitted_oracles import gradient, infer, input_gradient, raw, response, slopes
from numpy.testing import assert_allclose
from scipy import stats
from scipy.integrate import quad

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor
from sknewtonnet.inference import weighted_chi_square_tail

# The law of a weighted sum of chi-squares ---------------------------------------------------


@pytest.mark.parametrize("df", [1, 2, 7, 100])
@pytest.mark.parametrize("df_denom", [np.inf, 1.0, 9.0, 250.0])
def test_equal_weights_are_chi_square_and_f(df, df_denom):
    """Far tails and tails of nearly one, to nine digits."""
    for x in (1e-6, 1e-3, 0.1, 1.0, 4.0, 30.0, 300.0, 1200.0):
        found = weighted_chi_square_tail(2.5 * x, np.full(df, 2.5), df_denom)
        expected = stats.chi2.sf(x, df) if df_denom == np.inf else stats.f.sf(x / df, df, df_denom)
        assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("level", [0.01, 1.0, 5.0, 40.0])
def test_two_weights_by_integration(level):
    """One of the two normal variables is integrated out."""

    def given(u):
        return stats.chi2.sf((level - 0.3 * u * u) / 2.0, 1) * 2.0 * stats.norm.pdf(u)

    end = np.sqrt(level / 0.3)
    expected = quad(given, 0.0, end, epsabs=1e-14, limit=200)[0] + 2.0 * stats.norm.sf(end)
    assert_allclose(weighted_chi_square_tail(level, [2.0, 0.3, 0.0]), expected, rtol=1e-6)


@pytest.mark.parametrize("df_denom", [np.inf, 12.0])
def test_many_weights_by_simulation(df_denom):
    rng = np.random.default_rng(0)
    weights = 1.5 ** -np.arange(40.0)
    draws = rng.standard_normal((200_000, 40)) ** 2 @ weights
    if np.isfinite(df_denom):
        draws /= rng.chisquare(df_denom, len(draws)) / df_denom
    for level in np.quantile(draws, [0.1, 0.5, 0.95, 0.99]):
        share = (draws > level).mean()
        found = weighted_chi_square_tail(level, weights, df_denom)
        assert abs(found - share) < 4.0 * np.sqrt(share * (1.0 - share) / len(draws))


def test_no_weights_have_no_law():
    assert np.isnan(weighted_chi_square_tail(1.0, []))
    assert np.isnan(weighted_chi_square_tail(1.0, [0.0]))
    assert np.isnan(weighted_chi_square_tail(np.nan, [1.0]))
    assert weighted_chi_square_tail(0.0, [1.0]) == 1.0


# The test -----------------------------------------------------------------------------------


def expected_curvature(est, res, X, y):
    """Expected second derivatives of the loss in the raw predictions, of shape (n, m, m)."""
    values = raw(est, est.params_, X)
    mean, m = response(est, values), values.shape[1]
    if est.out_activation_ == "softmax":
        return np.array([np.diag(p) - np.outer(p, p) for p in mean])
    if est.out_activation_ == "logistic":
        diagonal = mean * (1.0 - mean)
    elif est.out_activation_ == "exp":
        diagonal = mean
    else:
        squares = ((np.reshape(y, (len(X), m)) - mean) ** 2).sum(axis=0)
        diagonal = np.ones_like(mean) / (squares / res.df_resid if m > 1 else 1.0)
    return diagonal[:, :, None] * np.eye(m)


def bayesian_covariance(est, res, X, y):
    """Phi H^-1 of all parameters; errors of several outputs have a covariance of their own."""
    objective, w = est.objective(X, y), est.params_
    K = np.linalg.pinv(objective.weight_sum * objective.hessian(w), rcond=1e-11, hermitian=True)
    phi = res.dispersion if est.out_activation_ == "identity" else 1.0
    if est.out_activation_ != "identity" or y.ndim == 1:
        return phi * K
    J, residuals = objective.jacobian(w), y - raw(est, w, X)
    spread = residuals.T @ residuals / res.df_resid
    penalty = objective.weight_sum * objective.penalty.hessian(w)
    return K @ (np.einsum("iop,oq,iqr->pr", J, spread, J) + phi * penalty) @ K


def slope_oracle(est, res, X, y, features):
    """T and the weights of its law, from n times n matrices and differences of slopes."""
    values, vectors = np.linalg.eigh(expected_curvature(est, res, X, y))
    root = np.sqrt(np.maximum(values, 0.0))[:, :, None] * vectors.swapaxes(1, 2)

    def rows(w):
        found = input_gradient(est, X, w, on_response=False)
        found = np.einsum("iko,ioj->ikj", root, found * np.sqrt(X.var(axis=0) / len(X)))
        return found[:, :, features].ravel()

    slope, D = rows(est.params_), slopes(rows, est.params_)
    return slope @ slope, np.linalg.eigvalsh(D @ bayesian_covariance(est, res, X, y) @ D.T)


@each_model
@pytest.mark.parametrize("features", [[2], [0, 3]])
def test_mean_squared_slope(name, features):
    est, X, y = fitted(name)
    res = infer(est, X, y, cov_type="bayesian")
    square, weights = slope_oracle(est, res, X, y, features)
    found = res.slope_test([res.feature_names[j] for j in features])
    weights = np.maximum(weights, 0.0)
    df = weights.sum() ** 2 / (weights**2).sum()
    assert_allclose(found.mean_square, square, rtol=1e-8)
    assert_allclose(found.df, df, rtol=1e-5)
    assert_allclose(found.statistic, df * square / weights.sum(), rtol=1e-5)
    df_denom = res.df_resid if res.use_t else np.inf
    expected = weighted_chi_square_tail(square, weights, df_denom)
    assert_allclose(found.p_value, expected, rtol=1e-4)
    assert found.reason == ""


@pytest.mark.parametrize("cov_type", ["hessian", "HC3"])
def test_a_linear_model_has_the_t_test(cov_type):
    X, y = regression_data()
    res = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y, cov_type=cov_type)
    for j, name in enumerate(res.feature_names):
        test = res.slope_test(name)
        assert_allclose(test.statistic, res.z_values[j] ** 2, rtol=1e-9)
        assert_allclose(test.p_value, res.p_values[j], rtol=1e-9)
        assert_allclose(test.mean_square, res.params[j] ** 2 * X[:, j].var(), rtol=1e-9)


def switches():
    """Two numeric columns, a factor of three levels, and its full set of dummies."""
    X, _ = regression_data()
    level = np.arange(len(X)) % 3
    dummies = np.eye(3)[level]
    y = np.tanh(X[:, 0]) + 0.6 * (level == 1) * X[:, 1] + 0.1 * np.cos(7.0 * X[:, 2])
    return X[:, :2], dummies, y


@pytest.mark.filterwarnings("ignore:Weights that are no whole numbers:UserWarning")
@pytest.mark.parametrize("weighted", [False, True])
def test_a_factor_is_tested_by_the_variance_over_its_levels(weighted):
    numeric, dummies, y = switches()
    X = np.c_[numeric, 3.0 * dummies[:, 1:] - 1.0]  # any two values
    weight = np.random.default_rng(0).uniform(0.5, 2.0, len(X)) if weighted else None
    est = NewtonMLPRegressor((2,), alpha=0.5, standardize=False, random_state=0)
    res = infer(est.fit(X, y, weight), X, y, weight, cov_type="bayesian")
    s = np.full(len(X), 1.0 / len(X)) if weight is None else weight / weight.sum()
    shares = s @ dummies

    def levels(theta):
        found = []
        for pattern in np.eye(3)[:, 1:]:
            moved = X.copy()
            moved[:, 2:] = 3.0 * pattern - 1.0
            found.append(raw(est, theta, moved)[:, 0])
        centred = np.array(found) - shares @ np.array(found)
        return (np.sqrt(shares[:, None] * s) * centred).ravel()

    values, D = levels(res.params), gradient(levels, res.params)
    law = np.maximum(np.linalg.eigvalsh(D @ res.covariance @ D.T), 0.0)
    found = res.slope_test(["x2", "x3"])
    assert_allclose(found.mean_square, values @ values, rtol=1e-10)
    expected = weighted_chi_square_tail(values @ values, law, res.df_resid)
    assert_allclose(found.p_value, expected, rtol=1e-8)


def test_a_factor_may_be_coded_in_any_way():
    """Also by a full set of dummies, of which only contrasts are determined."""
    numeric, dummies, y = switches()
    found = []
    for coded in (dummies[:, 1:], dummies[:, :2], dummies):
        X = np.c_[numeric, coded]
        est = NewtonMLPRegressor((1,), alpha=0.0, n_init=6, random_state=0).fit(X, y)
        names = [f"x{j}" for j in range(2, X.shape[1])]
        found.append(infer(est, X, y).slope_test(names))
    for test in found[1:]:
        assert_allclose(test.mean_square, found[0].mean_square, rtol=1e-6)
        assert_allclose(test.p_value, found[0].p_value, rtol=1e-5)
        assert_allclose(test.df, found[0].df, rtol=1e-5)


def test_columns_that_are_on_together_are_no_factor():
    X, y = regression_data()
    X = X.copy()
    X[:, 2:] = X[:, 2:] > 0
    est = NewtonMLPRegressor((2,), alpha=0.5, standardize=False, random_state=0).fit(X, y)
    res = infer(est, X, y, cov_type="bayesian")
    parts = [res.slope_test(name).mean_square for name in ("x2", "x3", "x0")]
    assert_allclose(res.slope_test(["x2", "x3", "x0"]).mean_square, sum(parts), rtol=1e-12)


def test_units_do_not_matter():
    """With columns from 1e-6 to 1e6, and a target of 1e7."""
    X, y = regression_data()
    scale, found = np.array([1e6, 1.0, 1e-6, 1e3]), []
    for unit, out in ((np.ones(4), 1.0), (scale, 1e7)):
        est = NewtonMLPRegressor((2,), alpha=1.0, random_state=0).fit(X * unit, y * out)
        res = infer(est, X * unit, y * out, cov_type="bayesian")
        tests = [res.slope_test(name) for name in res.feature_names]
        found.append([(t.mean_square / out**2, t.statistic, t.p_value) for t in tests])
    assert_allclose(found[1], found[0], rtol=1e-6)


def test_it_sees_what_averages_do_not():
    rng = np.random.default_rng(1)
    X = rng.uniform(-2.0, 2.0, (300, 3))
    y = np.cos(1.5 * X[:, 0]) + X[:, 1] * np.tanh(X[:, 0]) + 0.3 * rng.standard_normal(300)
    est = NewtonMLPRegressor((4,), alpha=0.5, random_state=0).fit(X, y)
    res = infer(est, X, y, cov_type="bayesian")
    p_values = [res.slope_test(name).p_value for name in res.feature_names]
    assert max(p_values[:2]) < 1e-6
    assert p_values[2] > 0.05


def test_why_there_is_no_test():
    X, y = regression_data()
    X = X.copy()
    X[:, 3] = 1.0 / 3.0
    masks = {"coefs_0": np.ones((4, 2), dtype=bool)}
    masks["coefs_0"][2] = False
    est = NewtonMLPRegressor((2,), alpha=0.5, connectivity=masks, random_state=0).fit(X, y)
    res = infer(est, X, y, cov_type="bayesian")
    assert res.slope_test("x2").reason == "no weight leaves x2"
    assert res.slope_test("x3").reason == "no variation in x3"
    assert np.isnan([res.slope_test("x2").p_value, res.slope_test("x3").statistic]).all()
    with pytest.raises(ValueError, match="features: there is no name 'x9'"):
        res.slope_test("x9")
    with pytest.raises(ValueError, match="features must be"):
        res.slope_test(3)
    early = NewtonMLPRegressor((2,), max_iter=1, random_state=0)
    with pytest.warns(UserWarning, match="maximum|converge|iterations"):
        early.fit(X, y)
    fatal = infer(early, X, y)
    assert fatal.slope_test("x0").reason == fatal.diagnosis[0]
    assert np.isnan(fatal.slope_test("x0").p_value)


@pytest.mark.parametrize("columns", [["x1"], ["x1", "x2"]])
def test_a_column_of_two_values_that_the_net_does_not_read_has_no_test(columns):
    """Nor has a factor: what is left of its levels is exactly zero, not rounding."""
    rng = np.random.default_rng(1)
    kind = rng.choice(3, 150, p=[0.11, 0.6, 0.29])
    X = np.column_stack([rng.normal(5.0, 2.0, 150), kind == 1, kind == 2])
    y = np.tanh(X[:, 0] - 5.0) + 0.1 * rng.normal(size=150)
    read = {"coefs_0": np.array([[True], [False], [False]])}
    net = NewtonMLPRegressor((1,), alpha=0.1, connectivity=read, random_state=0).fit(X, y)
    found = net.inference(X, y).slope_test(columns)
    assert np.isnan(found.p_value)
    assert found.reason == f"no weight leaves {', '.join(columns)}"


def test_slopes_that_the_data_do_not_determine():
    """Twice the same column: the two slopes are known together only."""
    X, y = regression_data()
    X = X.copy()
    X[:, 3] = X[:, 0]
    est = NewtonMLPRegressor((), alpha=0.0).fit(X, y)
    res = infer(est, X, y)
    assert "not estimable" in res.slope_test("x0").reason
    assert np.isfinite(res.slope_test("x1").p_value)


def test_reference_class_does_not_matter():
    X, y = class_data()
    p_values = []
    for labels in (y, np.array([name[::-1] for name in y])):
        est = NewtonMLPClassifier((2,), alpha=0.5, random_state=0).fit(X, labels)
        p_values.append(infer(est, X, labels, cov_type="bayesian").slope_test("x1").p_value)
    assert_allclose(p_values[1], p_values[0], rtol=1e-4)
