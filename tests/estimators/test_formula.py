"""Nets from formulas: the same as from the columns that statsmodels makes of them."""

import builtins
import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor

pytest.importorskip("formulaic")
smf = pytest.importorskip("statsmodels.formula.api")

from sknewtonnet.formula import fit_formula  # noqa: E402


def table(n=90):
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"x": rng.normal(size=n), "town": np.array(list("abc"))[np.arange(n) % 3]})
    mean = data["x"] + 0.5 * (data["town"] == "b") + 4.0
    data["y"] = np.exp(mean + 0.2 * rng.normal(size=n))
    data["kind"] = np.where(mean + rng.normal(size=n) > 4.0, "large", "small")
    return data


def line(**params):
    return NewtonMLPRegressor((), alpha=0.0, standardize=False, **params)


@pytest.mark.parametrize("formula", ["np.log(y) ~ x + C(town)", "np.log(y) ~ x * C(town)"])
def test_linear_models_are_those_of_statsmodels(formula):
    data = table()
    theirs = smf.ols(formula, data).fit()
    fit = fit_formula(formula, data, line())
    ours = fit.inference(data)
    assert_allclose(ours.rsquared, theirs.rsquared, rtol=1e-9)
    assert_allclose(sorted(ours.bse), sorted(theirs.bse), rtol=1e-7)
    assert_allclose(fit.predict(data[:7]), theirs.predict(data[:7]), rtol=1e-8)
    tests = ours.wald_test_features(groups=fit.groups)
    wald = theirs.wald_test_terms(scalar=True).table
    assert set(tests) == set(wald.index) - {"Intercept"}
    for term, test in tests.items():
        assert test.df == wald.loc[term, "df_constraint"]
        assert test.f_statistic == pytest.approx(wald.loc[term, "statistic"], rel=1e-6)


def test_columns_and_terms():
    fit = fit_formula("y ~ x + C(town) + x:C(town)", table(), line())
    assert list(fit.estimator.feature_names_in_) == list(fit.design(table()).columns)
    assert list(fit.groups) == ["C(town)", "x:C(town)"]
    assert "Intercept" not in fit.design(table()).columns


def test_levels_and_centres_are_those_of_the_fit():
    data = table()
    fit = fit_formula("y ~ center(x) + C(town)", data, line())
    assert_allclose(fit.design(data[1:2]), fit.design(data)[1:2])
    with pytest.raises(ValueError, match="levels that the fit has not seen"):
        fit.predict(data.assign(town="d"))


def test_classes_may_be_text():
    data = table()
    net = NewtonMLPClassifier((), alpha=0.1)
    fit = fit_formula("kind ~ x + C(town)", data, net)
    assert set(fit.predict(data)) == {"large", "small"}
    assert fit.inference(data).nobs == 90
    assert not hasattr(net, "params_")  # a copy is fitted


def test_weights_and_options_go_through():
    data, weight = table(), np.random.default_rng(1).integers(1, 4, 90)
    rows = np.repeat(np.arange(90), weight)
    short = fit_formula("y ~ x", data, line(), sample_weight=weight)
    long = fit_formula("y ~ x", data.iloc[rows], line())
    ours = short.inference(data, weight, cov_type="HC1")
    assert ours.cov_type == "HC1"
    assert_allclose(ours.bse, long.inference(data.iloc[rows], cov_type="HC1").bse, rtol=1e-7)


def test_it_travels():
    fit = fit_formula("np.log(y) ~ x + C(town)", table(), line())
    again = pickle.loads(pickle.dumps(fit))
    assert_allclose(again.predict(table()), fit.predict(table()))
    assert_allclose(again.inference(table()).bse, fit.inference(table()).bse)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("x + C(town)", "one target before the ~"),
        ("x + y ~ C(town)", "one target before the ~"),
        ("y ~ x - 1", "must keep its intercept"),
        ("y ~ 1", "inputs after the ~"),
        ("C(kind) ~ x", r"target 'C\(kind\)' must be one column"),
    ],
)
def test_refused(formula, message):
    data = table()
    data["kind"] = np.array(list("uvw"))[np.arange(90) % 3]
    with pytest.raises(ValueError, match=message):
        fit_formula(formula, data, line())


def test_missing_values_are_refused():
    data = table()
    data.loc[3, "x"] = np.nan
    with pytest.raises(ValueError, match="null"):
        fit_formula("y ~ x", data, line())


def test_without_formulaic(monkeypatch):
    found = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("formulaic"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return found(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'sknewtonnet\[formula\]'"):
        fit_formula("y ~ x", table(), line())
