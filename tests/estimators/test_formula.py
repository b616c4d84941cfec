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
        ("y = x", "one target before the ~"),
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
    fit = fit_formula("y ~ x", data, line())
    data.loc[3, "x"] = np.nan
    with pytest.raises(ValueError, match=r"missing values in 'x' \(1\): .*null.*data.dropna"):
        fit_formula("y ~ x", data, line())
    with pytest.raises(ValueError, match=r"missing values in 'x' \(1\)"):
        fit.predict(data)
    with pytest.raises(ValueError, match=r"missing values in 'x' \(1\)"):
        fit_formula("x ~ y", data, line())
    with pytest.raises(ValueError, match=r"missing values in 'x' \(1\)"):
        fit_formula("y ~ .", data, line())


def test_tables_of_other_kinds():
    data = table()
    fit = fit_formula("y ~ x + C(town)", data, line())
    columns = {name: data[name].tolist() for name in data.columns}
    assert_allclose(fit.predict(columns), fit.predict(data))
    for wrong in (data[["x"]].to_numpy(), [[1.0, "a"]]):
        with pytest.raises(ValueError, match=r"data must be a data frame .* a (ndarray|list)"):
            fit.predict(wrong)
        with pytest.raises(ValueError, match="data must be a data frame"):
            fit_formula("y ~ x", wrong, line())


def test_levels_that_no_row_has_are_left_out():
    data = table().assign(town=lambda d: pd.Categorical(d["town"], categories=list("abcd")))
    fit = fit_formula("y ~ x + town", data, line())
    assert fit.groups == {"town": ["town[T.b]", "town[T.c]"]}
    assert fit.inference(data).identifiable
    with pytest.raises(ValueError, match="levels that the fit has not seen"):
        fit.predict(data.assign(town=pd.Categorical(["d"] * 90, categories=list("abcd"))))


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("y ~ X", r"there is no column 'X'; the columns are .* Did you mean 'x'\?"),
        ("Y ~ x", "Did you mean 'y'"),
        ("y ~ x + factor(town)", r"a factor is C\(x\)"),
        ("y ~ x + as.factor(town)", r"a factor is C\(x\)"),
        ("y ~ x + I(x^2)", r"a power inside I\(\) is x\*\*2"),
        ("y ~ sqrt(y)", r"np\.sqrt\(x\)"),
        ("y ~ x + offset(y)", "offset='column'"),
        ("cbind(y, x) ~ town", r"fit\(X, Y\)"),
        ("y ~ x + (1|town)", "groups='column'"),
        ("y ~ s(x)", "hidden units"),
        ("y ~ ns(x, 3)", r"cr\(x, df=4\)"),
        ("y ~ ifelse(x > 0, 1, 0)", r"np\.where"),
        ("y ~ x +", "cannot be evaluated"),
    ],
)
def test_words_of_r_are_answered(formula, message):
    with pytest.raises(ValueError, match=message) as found:
        fit_formula(formula, table(), line())
    assert "\x1b" not in str(found.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"weights": np.ones(90)}, "no argument 'weights'. Give sample_weight"),
        ({"subset": np.ones(90)}, "Give these rows as data"),
        ({"alpha": 1.0}, "It is an argument of NewtonMLPRegressor"),
        ({"sample_weigth": np.ones(90)}, "Did you mean 'sample_weight'"),
    ],
)
def test_arguments_of_r_are_answered(given, message):
    with pytest.raises(TypeError, match=message):
        fit_formula("y ~ x", table(), line(), **given)
    with pytest.raises(TypeError, match="vcov"):
        fit_formula("y ~ x", table(), line()).inference(table(), vcov="HC1")


def test_what_is_no_formula_is_named():
    with pytest.raises(ValueError, match="got a DataFrame: the order is formula, data, net"):
        fit_formula(table(), "y ~ x", line())


def test_a_dot_is_all_other_columns():
    data = table().drop(columns="kind")
    fit = fit_formula("np.log(y) ~ .", data, line())
    assert list(fit.estimator.feature_names_in_) == ["x", "town[T.b]", "town[T.c]"]
    without = fit_formula("y ~ . - town", data, line())
    assert list(without.estimator.feature_names_in_) == ["x"]
    spelled = fit_formula("np.log(y) ~ x + town", data, line())
    assert_allclose(fit.predict(data), spelled.predict(data))


def test_columns_are_named_as_weights_offsets_and_clusters():
    data = table().assign(w=np.arange(90) % 3 + 1.0, known=0.1, year=np.arange(90) % 7)
    named = fit_formula("y ~ x", data, line(), sample_weight="w", offset="known")
    given = fit_formula("y ~ x", data, line(), sample_weight=data["w"], offset=data["known"])
    assert_allclose(named.predict(data, offset="known"), given.predict(data, offset=0.1))
    ours = named.inference(data, "w", offset="known", groups=["town", "year"])
    groups = data[["town", "year"]]
    theirs = given.inference(data, data["w"], offset=data["known"], groups=groups)
    assert_allclose(ours.bse, theirs.bse)
    with pytest.raises(ValueError, match="groups: there is no column 'Town'"):
        named.inference(data, "w", offset="known", groups="Town")


def test_results_take_tables_and_know_factors():
    data = table()
    fit = fit_formula("y ~ x + C(town) + poly(x, 2):x + kind", data, line())
    assert fit.factors == {"C(town)": ["C(town)[T.b]", "C(town)[T.c]"], "kind": ["kind[T.small]"]}
    results = fit.inference(data)
    assert_allclose(results.get_prediction(data[:5]).mean, fit.predict(data[:5]))
    assert_allclose(results.get_prediction(fit.design(data[:5])).mean, fit.predict(data[:5]))
    assert results.marginal_effects("C(town)").names == ["C(town)[T.b]", "C(town)[T.c]"]
    assert results.partial_effect("C(town)").levels == ("a", "b", "c")
    assert results.output_names == ("y",)
    assert fit_formula("np.log(y) ~ x", data, line()).inference(data).output_names == (
        "np.log(y)",
    )
    frame = results.partial_effect("C(town)").to_frame()
    assert list(frame.index) == ["a", "b", "c"]
    assert frame.index.name == "C(town)"
    assert_allclose(frame["mean"], results.partial_effect("C(town)").mean)
    assert results.partial_effect("kind").levels == ("large", "small")
    assert "C(town)" in results.tests.names


def test_the_first_level_may_be_chosen():
    fit = fit_formula("y ~ x + C(town, contr.treatment('b'))", table(), line())
    (factor,) = fit.factors
    assert fit.inference(table()).references == {factor: "b"}
    sums = fit_formula("y ~ x + C(town, contr.sum)", table(), line())
    assert sums.factors == {}
    assert list(sums.groups) == ["C(town, contr.sum)"]


def test_probabilities_and_errors_of_predictions():
    data = table()
    fit = fit_formula("kind ~ x + town", data, NewtonMLPClassifier((), alpha=0.1))
    assert_allclose(fit.predict_proba(data).sum(axis=1), 1.0)
    mean, std = fit_formula("y ~ x", data, line()).predict(data, return_std=True)
    assert mean.shape == std.shape == (90,)


def test_without_formulaic(monkeypatch):
    found = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("formulaic"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return found(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'sknewtonnet\[formula\]'"):
        fit_formula("y ~ x", table(), line())


def test_warnings_of_fits_point_to_the_line_of_the_user():
    data = table()
    short = NewtonMLPRegressor((2,), alpha=0.1, max_iter=1, random_state=0)
    with pytest.warns(UserWarning, match="stopped after 1 iteration") as told:
        fit_formula("y ~ x", data, short)
    assert told[0].filename == __file__
    with pytest.warns(UserWarning, match="stopped after 1 iteration") as told:
        short.fit(data[["x"]], data["y"])
    assert told[0].filename == __file__
