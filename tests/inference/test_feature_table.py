"""The table of features, first in the summary; weights that have no p-values."""

import numpy as np
import pandas as pd
import pytest
from estimator_cases import class_data, count_data, each_model, fitted, regression_data
from fitted_oracles import infer
from inference_cases import fitted as identified
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.datasets import load_wine
from sklearn.preprocessing import scale

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor
from sknewtonnet.inference import adjust_p_values, combined_p_value

# The table ----------------------------------------------------------------------------------


@each_model
def test_effects_of_the_table(name):
    est, X, y = fitted(name)
    res = infer(est, X, y, cov_type="bayesian")
    table, effects = res.tests, res.marginal_effects()
    assert table.names == effects.names
    assert_array_equal(table.effects, effects.effects)
    assert_array_equal(table.std_errors, effects.std_errors)
    assert_array_equal(table.p_values, effects.p_values)
    assert_allclose(table.importances, res.feature_importance)
    frame = table.to_frame()
    assert len(frame) == effects.effects.size
    assert_array_equal(frame["effect"], effects.effects.ravel())
    assert all(f"{name} " in str(table) for name in table.names)


@pytest.mark.parametrize("name", ["two units", "binary"])
def test_identified_nets_have_likelihood_ratios(name):
    est, X, y, _ = identified(name)
    res = est.inference(X, y)
    assert res.tests.test == "likelihood ratio"
    for k, feature in enumerate(res.feature_names):
        found = res.likelihood_ratio_test(feature, n_init=0)
        assert_allclose(res.tests.dependence_p_values[k], found.p_value, rtol=1e-10)
        assert_allclose(res.tests.statistics[k], found.statistic, rtol=1e-10)
    expected = adjust_p_values(res.tests.dependence_p_values, "holm")
    assert_array_equal(res.tests.adjusted_p_values, expected)
    assert "likelihood-ratio tests" in res.summary()
    assert est.inference(X, y, cov_type="HC3").tests.test == "slope"


def test_strong_effects_are_seen():
    """The score at the fit without such a feature may vanish: 0.18 for the intensity here."""
    data = load_wine(as_frame=True).data
    X, y = scale(data[["color_intensity", "flavanoids", "ash"]]), scale(np.log(data["hue"]))
    est = NewtonMLPRegressor((1,), alpha=0.0, n_init=4, random_state=0).fit(X, y)
    res = est.inference(X, y)
    assert res.score_test("x0", n_init=0).p_value > 0.05
    assert res.tests.dependence_p_values[0] < 1e-6
    assert est.inference(X, y, cov_type="HC3").tests.dependence_p_values[0] < 1e-3


@pytest.mark.parametrize("name", ["regression", "two outputs", "multiclass", "rbf"])
def test_other_nets_have_slopes_and_effects(name):
    est, X, y = fitted(name)
    res = infer(est, X, y)
    assert res.tests.test == "slope"
    for k, feature in enumerate(res.feature_names):
        slope = res.slope_test(feature)
        trend = combined_p_value(np.ravel(res.marginal_effects([feature]).p_values))
        expected = combined_p_value([slope.p_value, trend])
        assert_allclose(res.tests.dependence_p_values[k], expected, rtol=1e-10)
        assert_allclose(res.tests.statistics[k], slope.statistic, rtol=1e-10)
    assert "mean squared slope" in res.summary()


def test_linear_nets_have_the_tests_of_regression():
    api = pytest.importorskip("statsmodels.api")
    X, y = regression_data()
    res = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
    other = api.OLS(y, api.add_constant(X)).fit()
    assert res.tests.test == "F"
    assert_allclose(res.tests.effects, other.params[1:], rtol=1e-9)
    assert_allclose(res.tests.p_values, other.pvalues[1:], rtol=1e-7)
    assert_allclose(res.tests.dependence_p_values, other.pvalues[1:], rtol=1e-7)
    both = res.tests_of({"some": ["x0", "x2"]})
    expected = other.f_test(np.eye(5)[[1, 3]])
    assert_allclose(both.dependence_p_values[0], expected.pvalue, rtol=1e-7)


def test_p_values_of_one_hypothesis_together():
    assert_allclose(combined_p_value([0.2, np.nan]), 0.2, rtol=1e-12)
    assert_allclose(combined_p_value([1e-30, 0.5]), 2e-30, rtol=1e-9)
    assert combined_p_value([0.0, 1.0]) == 0.0
    assert np.isnan(combined_p_value([np.nan]))
    rng = np.random.default_rng(0)
    z = rng.normal(size=(20_000, 3)) + 2.0 * rng.normal(size=(20_000, 1))
    p_values = 2.0 * stats.norm.sf(np.abs(z) / np.sqrt(5.0))
    found = np.array([combined_p_value(p) for p in p_values])
    assert abs((found < 0.05).mean() - 0.05) < 0.01  # whatever the dependence


def test_tests_that_are_not_there_belong_to_the_family():
    X, y = regression_data()
    X = X.copy()
    X[:, 3] = 2.0
    masks = {"coefs_0": np.ones((4, 2), dtype=bool)}
    masks["coefs_0"][:2] = False
    est = NewtonMLPRegressor((2,), alpha=0.5, connectivity=masks, random_state=0).fit(X, y)
    table = infer(est, X, y).tests
    assert np.isfinite(table.dependence_p_values).tolist() == [False, False, True, False]
    expected = min(4.0 * table.dependence_p_values[2], 1.0)
    assert_allclose(table.adjusted_p_values[2], expected, rtol=1e-12)
    assert "No test: no weight leaves x0, x1." in table.notes
    assert "No test: no variation in x3." in table.notes


def test_a_factor_is_one_test_and_an_effect_for_each_level():
    X, y = regression_data()
    level = np.arange(len(X)) % 3
    y = y + 1.0 * (level == 2)
    for full in (False, True):
        dummies = np.eye(3)[level][:, 0 if full else 1 :]
        names = ["a", "b", "c"] if full else ["b", "c"]
        frame = pd.DataFrame(np.c_[X[:, :2], dummies], columns=["age", "bmi", *names])
        est = NewtonMLPRegressor((2,), alpha=0.5, random_state=0).fit(frame, y)
        res = infer(est, frame, y)
        table = res.tests_of({"site": names})
        shown = ["  b - a", "  c - a"] if full else ["  b", "  c"]
        assert table.names == ["age", "bmi", "site", *shown]
        assert np.isnan(table.effects).tolist() == [False, False, True, False, False]
        assert np.isnan(table.df).tolist() == [False, False, False, True, True]
        slope = res.slope_test(names).p_value
        effects = res.marginal_effects(groups={"site": names})
        trend = combined_p_value(effects.p_values[2:])
        expected = combined_p_value([slope, trend])
        assert_allclose(table.dependence_p_values[2], expected, rtol=1e-10)
        assert table.dependence_p_values[2] < 0.05
        # Each level against the first, with all other dummies low.
        first, third = frame.copy(), frame.copy()
        first[names], third[names] = 0.0, 0.0
        third["c"] = 1.0
        if full:
            first["a"] = 1.0
        difference = (est.predict(third) - est.predict(first)).mean()
        assert_allclose(table.effects[4], difference, rtol=1e-9)
        assert "site" in res.summary(groups={"site": names})
        shares = table.importances[:3]
        assert_allclose(shares.sum(), 1.0)


def test_a_factor_of_switches_without_a_group_is_the_same_as_before():
    X, y = regression_data()
    X = X.copy()
    X[:, 1] = np.where(X[:, 1] > 0, 2.0, -1.0)
    est = NewtonMLPRegressor((2,), alpha=0.5, random_state=0).fit(X, y)
    res = infer(est, X, y)
    alone, in_group = res.marginal_effects(), res.marginal_effects(groups={"b": ["x1", "x0"]})
    assert alone.names == in_group.names == ["x0", "x1 (-1 to 2)", "x2", "x3"]
    assert_allclose(alone.effects, in_group.effects, rtol=1e-14)


# The summary --------------------------------------------------------------------------------


def test_features_come_first_and_weights_on_request():
    est, X, y, _ = identified("two units")
    res = est.inference(X, y)
    text, long = res.summary(), res.summary(parameters=True)
    assert not any(name in text for name in res.names)
    assert all(name in long for name in res.names)
    lines = long.splitlines()
    header = next(k for k, line in enumerate(lines) if line.startswith("feature"))
    assert header < next(k for k, line in enumerate(lines) if line.startswith("parameter"))
    assert [line.split()[0] for line in lines[header + 2 : header + 5]] == ["x0", "x1", "x2"]


def test_the_summary_does_not_depend_on_what_was_asked_before():
    est, X, y, _ = identified("two units")
    res = est.inference(X, y)
    before = res.summary()
    res.likelihood_ratio_test("x0", n_init=0)
    res.marginal_effects(["x1"])
    assert res.summary() == before
    assert "x0" in res.ratios


def test_the_header_compares_with_the_constant():
    api = pytest.importorskip("statsmodels.api")
    X, y = regression_data()
    text = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y).summary()
    other = api.OLS(y, api.add_constant(X)).fit()
    facts = " ".join(text.split())
    assert f"R^2 {other.rsquared:.6g} " in facts
    assert f"Residual std. error {np.sqrt(other.scale):.6g} " in facts
    assert f"F(4, 55) {other.fvalue:.6g} " in facts
    X, y = count_data()
    text = NewtonMLPRegressor((), alpha=0.0, loss="poisson").fit(X, y).inference(X, y).summary()
    other = api.GLM(y, api.add_constant(X), api.families.Poisson()).fit()
    facts = " ".join(text.split())
    assert f"LR chi2(4) {2.0 * (other.llf - other.llnull):.6g} " in facts
    assert f"Pseudo R^2 (McFadden) {1.0 - other.llf / other.llnull:.6g} " in facts
    est, X, y, _ = identified("two units")
    assert " F(" not in est.inference(X, y).summary()  # in such nets it has no F distribution


# Weights that are not identified ------------------------------------------------------------


def oversized():
    X, y = regression_data()
    est = NewtonMLPRegressor((4,), alpha=0.5, random_state=0).fit(X, y)
    return infer(est, X, y)


def test_weights_without_identification_have_no_p_values():
    res = oversized()
    assert not res.identifiable
    assert np.isfinite(res.z_values).all()
    assert np.isnan(res.p_values).all()
    assert np.isnan(res.to_frame()["p_value"]).all()
    assert set(res.reasons) == set(res.names)
    for test in (res.wald_test("x0"), res.wald_test_features()["x1"], res.wald_test(res.names[0])):
        assert np.isnan(test.p_value)
        assert np.isfinite(test.statistic)
        assert test.reason.startswith("the weights are not identified: ")
        assert test.reason.endswith("; see effects")
    assert np.isfinite(res.tests.p_values).all()
    assert np.isfinite(res.tests.dependence_p_values).all()
    assert "Weights have no p-values" in res.summary()


def test_a_collinear_column_of_a_linear_net_leaves_the_others():
    X, y = regression_data()
    est = NewtonMLPRegressor((), alpha=0.0).fit(np.c_[X, X[:, 0]], y)
    res = infer(est, np.c_[X, X[:, 0]], y)
    plain = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
    assert not res.identifiable
    assert_allclose(res.p_values[1:4], plain.p_values[1:4], rtol=1e-6)
    assert_allclose(res.wald_test("x1").p_value, plain.p_values[1], rtol=1e-6)
    assert np.isnan(res.p_values[[0, 4]]).all()


def test_noise_at_the_defaults_is_not_significant():
    """The table that a user sees first: ten units, a penalty that the fit chooses."""
    rng = np.random.default_rng(0)
    X, y = class_data(2)
    X = np.c_[X, rng.normal(size=len(X))]
    res = infer(NewtonMLPClassifier(random_state=0).fit(X, y), X, y)
    p = res.tests.dependence_p_values
    assert p[:4].min() < 0.05 < p[4]


def test_classes_that_are_nearly_told_apart_have_effects_and_intervals():
    X, y = class_data()
    est = NewtonMLPClassifier((2,), random_state=0).fit(X, y)
    res = infer(est, X, y)
    assert np.isfinite(res.tests.p_values).all()
    assert np.isfinite(res.tests.dependence_p_values).all()
    assert np.isfinite(res.get_prediction(X).confidence_interval).all()
