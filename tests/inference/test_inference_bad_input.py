"""What cannot be answered is refused by name; what was answered does not change."""

import re
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
from estimator_cases import class_data, classes, data, each_kind, regression_data
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor
from sknewtonnet.calculus import Loss
from sknewtonnet.inference import adjust_p_values

NAMED = ["age", "dose"]


def linear(**params):
    X, y = data()
    return NewtonMLPRegressor((), **{"alpha": 0.0, "standardize": False} | params).fit(X, y), X, y


def named():
    """A linear model of a data frame, and its results."""
    X, y = data()
    frame = pd.DataFrame(X, columns=NAMED)
    est = NewtonMLPRegressor((), alpha=0.0, standardize=False).fit(frame, y)
    return est, frame, y, est.inference(frame, y)


@pytest.fixture(scope="module")
def res():
    return named()[-1]


def raises(*parts):
    """A ValueError whose message has these parts, in any order."""
    looks = "".join(f"(?=.*{part})" for part in parts)
    return pytest.raises(ValueError, match=f"(?s)^{looks}")


# est.inference ----------------------------------------------------------------------------

COV_TYPES = ("hessian", "gauss-newton", "bayesian", "HC0", "HC1", "HC2", "HC3", "cluster", "HAC")


@pytest.mark.parametrize("cov_type", ["hc0", "HC4", "nonrobust", "", 3])
def test_unknown_covariance(cov_type):
    est, X, y = linear()
    with raises("cov_type", *(f"'{kind}'" for kind in COV_TYPES), re.escape(repr(cov_type))):
        est.inference(X, y, cov_type=cov_type)


@pytest.mark.parametrize("weight_type", ["frequencies", "", 3])
def test_unknown_weight_type(weight_type):
    est, X, y = linear()
    kinds = ("'frequency'", "'precision'", "'sampling'")
    with raises("weight_type", *kinds, re.escape(repr(weight_type))):
        est.inference(X, y, weight_type=weight_type)


@pytest.mark.parametrize("cov_type", ["hessian", "gauss-newton", "bayesian"])
def test_sampling_weights_have_no_model(cov_type):
    est, X, y = linear()
    with raises("sampling", f"'{cov_type}'", "'HC0'", "'cluster'"):
        est.inference(X, y, cov_type=cov_type, weight_type="sampling")


def test_groups_are_missing():
    est, X, y = linear()
    with raises("groups", "'cluster'"):
        est.inference(X, y, cov_type="cluster")


@pytest.mark.parametrize("groups", [np.zeros(49), np.zeros((50, 3)), np.zeros(51)])
def test_groups_of_another_length(groups):
    est, X, y = linear()
    with raises("groups", "50", r"(49|51|\(50, 3\))"):
        est.inference(X, y, cov_type="cluster", groups=groups)


def test_one_group():
    est, X, y = linear()
    with raises("groups"):
        est.inference(X, y, cov_type="cluster", groups=np.zeros(50))


@pytest.mark.parametrize("cov_type", ["hessian", "HC0", "bayesian"])
def test_groups_that_nobody_asked_for(cov_type):
    est, X, y = linear()
    with raises("groups", "cluster", f"'{cov_type}'"):
        est.inference(X, y, cov_type=cov_type, groups=np.arange(50) % 5)


@pytest.mark.parametrize("cov_type", ["hessian", "gauss-newton", "bayesian"])
def test_class_weights_are_no_likelihood(cov_type):
    X, y = classes()
    est = NewtonMLPClassifier((), alpha=0.5, class_weight="balanced", standardize=False).fit(X, y)
    with raises("class_weight", f"'{cov_type}'", "HC"):
        est.inference(X, y, cov_type=cov_type)
    assert np.isfinite(est.inference(X, y, cov_type="HC0").std_errors).all()


class Quartic(Loss):
    """A loss of a user, of which nobody knows a likelihood."""

    name = "quartic"

    def derivatives(self, y, raw, order=2):
        r = raw - y
        return ((0.5 * r**2 + 0.1 * r**4).sum(1), r + 0.4 * r**3, 1 + 1.2 * r**2)[: order + 1]


@pytest.mark.parametrize("loss", ["pseudo_huber", Quartic()], ids=["huber", "custom"])
@pytest.mark.parametrize("cov_type", ["hessian", "gauss-newton", "bayesian"])
def test_losses_that_are_no_likelihood(loss, cov_type):
    est, X, y = linear(loss=loss)
    with raises("(pseudo_huber|quartic)", f"'{cov_type}'", "HC"):
        est.inference(X, y, cov_type=cov_type)
    assert np.isfinite(est.inference(X, y, cov_type="HC0").std_errors).all()


BAD_DATA = {
    "features": (lambda X, y: (X[:, :1], y), "X has 1 features, but NewtonMLP.*2 features"),
    "NaN in X": (lambda X, y: (np.where(X > 1, np.nan, X), y), "X contains NaN"),
    "NaN in y": (lambda X, y: (X, np.where(y > 1, np.nan, y)), "y contains NaN"),
    "rows": (lambda X, y: (X, y[1:]), r"inconsistent numbers of samples: \[50, 49\]"),
    "no rows": (lambda X, y: (X[:0], y[:0]), "0 sample"),
    "weights": (lambda X, y: (X, y, np.ones(49)), r"sample_weight.shape == \(49,\)"),
    "negative weights": (lambda X, y: (X, y, np.full(50, -1.0)), "(?i)negative.*sample_weight"),
    "outputs": (lambda X, y: (X, np.c_[y, y]), r"\(50, 1\).* \(50, 2\)"),
}


@pytest.mark.parametrize(("make", "message"), BAD_DATA.values(), ids=BAD_DATA)
def test_bad_data(make, message):
    est, X, y = linear()
    with pytest.raises(ValueError, match=message):
        est.inference(*make(X, y))


def test_labels_never_seen():
    X, y = classes()
    est = NewtonMLPClassifier((), alpha=0.5, standardize=False).fit(X, y)
    with pytest.raises(ValueError, match=r"labels that the fit has not seen.*huge"):
        est.inference(X, np.where(y == "top", "huge", y))


@each_kind
def test_before_the_fit(make, make_data):
    X, y = make_data()
    with pytest.raises(NotFittedError, match="not fitted yet"):
        make().inference(X, y)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        make().input_derivatives(X)


def test_derivatives_of_no_order():
    est, X, _ = linear()
    for order in (0, 3, "first", None):
        with raises("order", "1", "2", re.escape(repr(order))):
            est.input_derivatives(X, order=order)
    with pytest.raises(ValueError, match=r"X has 1 features, but .*2 features"):
        est.input_derivatives(X[:, :1])


# Methods of results -----------------------------------------------------------------------


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, 0.0, 1.0, np.nan, "high", None])
def test_levels_that_are_none(res, level):
    X = pd.DataFrame(data()[0], columns=NAMED)
    calls = (
        lambda: res.conf_int(level=level),
        lambda: res.get_prediction(X, level=level),
        lambda: res.partial_effect("age", level=level),
        lambda: res.marginal_effects().conf_int(level=level),
        lambda: res.profile_interval(res.names[0], level=level),
        lambda: res.summary(level=level),
        lambda: res.to_frame(level=level),
    )
    for call in calls:
        with raises("level", "0", "1", re.escape(repr(level))):
            call()


@pytest.mark.parametrize(
    "R", [np.ones((1, 2)), np.ones(4), np.ones((2, 4)), np.ones((1, 1, 3)), np.ones((0, 3))]
)
def test_restrictions_of_another_shape(res, R):
    with raises("R", "3", r"(shape|columns|rows)"):
        res.wald_test(R)


@pytest.mark.parametrize("r", [np.ones(2), np.ones((2, 2)), [np.nan], "a"])
def test_values_of_restrictions(res, r):
    with raises("r"):
        res.wald_test(np.eye(3)[:1], r)


def test_restrictions_that_are_not_finite(res):
    with raises("R", "(finite|NaN)"):
        res.wald_test([1.0, np.nan, 0.0])


TESTS = ("wald_test", "likelihood_ratio_test", "score_test")


@pytest.mark.parametrize("method", TESTS)
@pytest.mark.parametrize("hypothesis", ["weight", ["age", "weight"], "coefs_0[weight, y]"])
def test_hypotheses_of_unknown_names(res, method, hypothesis):
    with raises("weight", "'age'|age", "dose"):
        getattr(res, method)(hypothesis)


@pytest.mark.parametrize("method", TESTS)
@pytest.mark.parametrize("hypothesis", [[], "", ()])
def test_hypotheses_about_nothing(res, method, hypothesis):
    with pytest.raises(ValueError, match=r"(?i)hypothesis|nothing|names|empty|R must"):
        getattr(res, method)(hypothesis)


def test_groups_of_features(res):
    with raises("weight", "age", "dose"):
        res.wald_test_features(groups={"all": ["age", "weight"]})
    with raises("all"):
        res.wald_test_features(groups={"all": []})
    with raises("groups"):
        res.wald_test_features(groups=["age", "dose"])


@pytest.mark.parametrize("method", ["bonferroni", "BH", 3])
def test_unknown_adjustment(res, method):
    for call in (
        lambda: res.wald_test_features(adjust=method),
        lambda: adjust_p_values([0.1, 0.2], method),
    ):
        with raises("'holm'", "'bh'", re.escape(repr(method))):
            call()


@pytest.mark.parametrize("p", [[0.1, 1.2], [-0.1], [[0.1, 0.2]]])
def test_p_values_that_are_none(p):
    with pytest.raises(ValueError, match="p"):
        adjust_p_values(p, "holm")


def test_unknown_features(res):
    for call in (
        lambda: res.partial_effect("weight"),
        lambda: res.marginal_effects(features=["age", "weight"]),
        lambda: res.marginal_effects(discrete=["weight"]),
    ):
        with raises("'weight'", "age", "dose"):
            call()


def test_contrast_of_a_feature_with_many_values(res):
    """Who names a feature gets the difference from its lowest to its highest value."""
    X, effects = data()[0], res.marginal_effects(discrete=["age"])
    assert_allclose(effects.effects[0], np.ptp(X[:, 0]) * res.params[0], rtol=1e-9)


def test_other_options_of_effects(res):
    with raises("band", "'pointwise'", "'simultaneous'", "'sup'"):
        res.partial_effect("age", band="sup")
    with raises("n_points", "0"):
        res.partial_effect("age", n_points=0)
    for grid in ([], [np.nan, 1.0], [[0.0, 1.0]], ["a"]):
        with raises("grid"):
            res.partial_effect("age", grid=grid)


def test_options_of_tests(res):
    with raises("directions", "'random'", "'best'"):
        res.hidden_unit_test(directions="best")
    with pytest.raises(ValueError, match=r"(?s)weight.*coefs_0"):
        res.profile_interval("weight")


def test_new_samples(res):
    frame = pd.DataFrame(data()[0], columns=NAMED)
    with raises("X ", "'age', 'dose'", r"got \['age'\]"):
        res.get_prediction(frame[["age"]])
    with raises("X ", "'age', 'dose'", r"\['age', 'weight'\]"):
        res.get_prediction(frame.rename(columns={"dose": "weight"}))
    with raises("X ", "order", r"\['dose', 'age'\]"):
        res.get_prediction(frame[["dose", "age"]])
    with raises("X ", "NaN"):
        res.get_prediction(frame.replace(frame.iloc[3, 1], np.nan))
    with raises("X ", r"\(2,\)|2D"):
        res.get_prediction(frame.to_numpy()[0])


def test_columns_that_are_called_like_the_default_names():
    X, y = data()
    frame = pd.DataFrame(X, columns=["x0", "x1"])
    res = NewtonMLPRegressor((), alpha=0.0, standardize=False).fit(frame, y).inference(frame, y)
    with raises("X ", "order", r"\['x1', 'x0'\]"):
        res.get_prediction(frame[["x1", "x0"]])


def test_new_samples_without_names():
    X, y = data()
    res = NewtonMLPRegressor((), alpha=0.0, standardize=False).fit(X, y).inference(X, y)
    with pytest.raises(ValueError, match=r"X .*\(n_samples, 2\), got \(4, 3\)"):
        res.get_prediction(np.ones((4, 3)))


# What was answered does not change --------------------------------------------------------


def answers(res):
    new = data()[0][:4]
    yield res.params
    yield res.covariance
    yield res.p_values
    yield res.get_prediction(new).se
    yield res.marginal_effects().std_errors
    yield res.partial_effect("x1").mean
    yield res.partial_effect("x1").grid
    yield [res.wald_test("x0").p_value, res.score_test("x0").p_value]
    yield [res.likelihood_ratio_test("x0").p_value]
    yield [res.log_likelihood, res.bic, res.nic]


@pytest.mark.parametrize("cov_type", ["hessian", "cluster"])
def test_results_do_not_see_what_happens_to_the_data_later(cov_type):
    X, y = data()
    X, y, weight, groups = X.copy(), y.copy(), np.ones(50), np.arange(50) % 7
    options = {"groups": groups} if cov_type == "cluster" else {}
    est = NewtonMLPRegressor((), alpha=0.0, standardize=False).fit(X, y)
    untouched = list(answers(est.inference(*data(), weight, cov_type=cov_type, **options)))
    res = est.inference(X, y, weight, cov_type=cov_type, **options)
    X[...], y[...], weight[...], groups[...] = 0.0, 1.0, 9.0, 0
    for found, expected in zip(answers(res), untouched, strict=True):
        assert_array_equal(found, expected)


def test_results_do_not_see_a_new_fit():
    est, X, y = linear()
    res = est.inference(X, y)
    expected = [np.array(answer) for answer in answers(res)]
    est.fit(X, X[:, 0] ** 3)
    est.set_params(alpha=7.0)
    for found, before in zip(answers(res), expected, strict=True):
        assert_array_equal(found, before)


def test_inference_leaves_the_estimator_alone():
    est, X, y = linear()
    params, state = est.params_.copy(), set(vars(est))
    res = est.inference(X, y, cov_type="HC3")
    res.get_prediction(X), res.summary()
    assert_array_equal(est.params_, params)
    assert set(vars(est)) == state


@pytest.mark.parametrize("attribute", ["params", "covariance", "names", "new", "aic"])
def test_results_are_immutable(res, attribute):
    with pytest.raises((AttributeError, TypeError)):
        setattr(res, attribute, 0.0)


@pytest.mark.parametrize("attribute", ["params", "covariance", "std_errors", "p_values"])
def test_arrays_of_results_are_not_written_to(res, attribute):
    before = getattr(res, attribute).copy()
    with suppress(ValueError):  # read-only, or a copy
        getattr(res, attribute)[0] = 99.0
    assert_array_equal(getattr(res, attribute), before)


def test_the_scorer_knows_its_criteria():
    from sknewtonnet import criterion_scorer

    with raises("'aic'", "'bic'", "'accuracy'"):
        criterion_scorer("accuracy")


def test_multinomial_restrictions_are_about_contrasts():
    X, y = class_data()
    net = NewtonMLPClassifier((), alpha=0.5, standardize=False).fit(X, y)
    with pytest.warns(UserWarning, match="The penalty takes much"):
        res = net.inference(X, y)
    with raises("R", "10"):
        res.wald_test(np.eye(15)[:1])
    assert regression_data()[0].shape[1] == X.shape[1] == len(res.feature_names)


# What has no meaning as a number, a name, a seed or a function ------------------------------


def test_complex_numbers_are_refused_not_cut(res):
    _, frame, _, _ = named()
    with raises("X must be numbers: complex"):
        res.get_prediction(frame.to_numpy() + 100j)
    with raises("R must be a matrix of numbers"):
        res.wald_test(1j * np.ones((1, 3)))


FUNCTIONS = {
    "abs": lambda w: np.abs(w[0]),
    "a cast": lambda w: float(w[0].real),
    "a comparison": lambda w: np.where(w.real > 0, w.real, 0.0),
    "None": lambda w: None,
    "text": lambda w: "a",
    "a constant": lambda w: 1.0,
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_functions_that_lose_the_derivative(res, function):
    """They had a standard error of exactly zero."""
    with raises("function must return complex numbers"):
        res.delta_method(function)


def test_functions_that_are_none_or_not_finite(res):
    with raises("function must be callable, got 3"):
        res.delta_method(3)
    with raises("function must be finite and smooth at params"):
        res.delta_method(lambda w: w * np.nan)


def test_functions_of_lists_and_objects(res):
    expected = res.covariance[:2, :2]
    assert_allclose(res.delta_method(lambda w: [w[0], w[1]])[1], expected)
    assert_allclose(res.delta_method(lambda w: np.array([w[0], w[1]], dtype=object))[1], expected)


@pytest.mark.parametrize("seed", ["a", None, -1, 1.5, True])
def test_seeds(res, seed):
    calls = (
        lambda: res.likelihood_ratio_test("age", random_state=seed),
        lambda: res.score_test("age", random_state=seed),
        lambda: res.hidden_unit_test(random_state=seed),
        lambda: res.partial_effect("age", band="simultaneous", random_state=seed),
    )
    for call in calls:
        with raises("random_state must be an integer of at least 0"):
            call()


def test_names_that_are_numbers(res):
    for call in (
        lambda: res.profile_interval(3),
        lambda: res.marginal_effects(3),
        lambda: res.marginal_effects(discrete=3),
    ):
        with raises("must be a name or a list of names, got 3"):
            call()


def test_a_perfect_fit_is_called_so_and_nothing_else():
    """The log-likelihood has no scale there; of a constant target the summary can be read."""
    x = np.arange(12.0)[:, None]
    for y in (3.0 * x[:, 0] + 1.0, np.ones(12)):
        net = NewtonMLPRegressor((), alpha=0.0).fit(x, y)
        with pytest.warns(UserWarning, match="The fit is perfect"):
            found = net.inference(x, y)
        assert not {"imprecise", "not stationary"} & {f.kind for f in found.findings}
        assert "perfect" in found.summary()
        assert np.isnan(found.tic) == (found.dispersion == 0.0)


def test_hypotheses_of_nothing_and_of_too_much(res):
    with raises("R must have entries up to 1e100"):
        res.wald_test(np.full((1, 3), 1e300))
    for test in (res.likelihood_ratio_test, res.score_test):
        found = test(np.zeros((1, 3)))
        assert np.isnan(found.p_value)
        assert "nothing to test" in found.reason
