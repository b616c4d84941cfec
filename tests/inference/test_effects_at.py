"""Effects at given values, in groups, of two features, and for rows that are a sample."""

import numpy as np
import pytest
from estimator_cases import class_data, count_data, each_model, fitted, regression_data
from fitted_oracles import gradient, infer, input_gradient, mean_of, quadratic_form, slopes
from numpy.testing import assert_allclose

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor


def full_covariance(res):
    return res.reported.covariance(res._covariance)


def found_of(est, res, function):
    """Value and error of a function of the parameters of shape (n_outputs,), by differences."""
    value, rows = function(res.params), slopes(function, res.params)
    return value, quadratic_form(rows, full_covariance(res))


def average(est, res, X, j):
    """The average derivative as a function of the parameters."""

    def found(theta):
        w = np.asarray(theta) if len(theta) == len(est.params_) else None
        assert w is not None
        return input_gradient(est, X, w)[:, :, j].mean(axis=0)

    return found


@pytest.mark.parametrize("name", ["regression", "two outputs", "poisson", "binary", "rbf"])
def test_effects_at_the_means_and_at_values(name):
    est, X, y = fitted(name)
    res = infer(est, X, y, cov_type="bayesian")
    mean, moved = X.mean(axis=0, keepdims=True), X.copy()
    moved[:, 0], moved[:, 3] = 0.7, -1.2
    for at, rows in (("mean", mean), ({"x0": 0.7, "x3": -1.2}, moved)):
        found = res.marginal_effects(["x1"], at=at)
        value, error = found_of(est, res, average(est, res, rows, 1))
        assert_allclose(np.ravel(found.effects), value, rtol=1e-8)
        assert_allclose(np.ravel(found.std_errors), error, rtol=1e-6)


def test_effects_at_the_means_of_statsmodels():
    api = pytest.importorskip("statsmodels.api")
    X, y = class_data(2)
    X = np.c_[X[:, :2], np.arange(len(X)) % 2]
    est = NewtonMLPClassifier((), alpha=0.0).fit(X, y)
    res = est.inference(X, y)
    other = api.Logit(y == est.classes_[1], api.add_constant(X)).fit(disp=0)
    for at in ("mean", None):
        found = res.marginal_effects(at=at, discrete=())
        expected = other.get_margeff(at=at or "overall")
        assert_allclose(found.effects, expected.margeff, rtol=1e-6)
        assert_allclose(found.std_errors, expected.margeff_se, rtol=1e-5)
    found = res.marginal_effects(["x2"], at="mean")
    expected = other.get_margeff(at="mean", dummy=True)
    assert_allclose(found.effects[0], expected.margeff[2], rtol=1e-6)
    assert_allclose(found.std_errors[0], expected.margeff_se[2], rtol=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
def test_effects_by_group(weighted):
    X, y = regression_data()
    label = np.where(np.arange(len(X)) % 3 == 0, "north", "south")
    weight = np.arange(len(X)) % 2 + 1.0 if weighted else None
    est = NewtonMLPRegressor((2,), alpha=0.5, standardize=False, random_state=0)
    res = infer(est.fit(X, y, weight), X, y, weight)
    found = res.marginal_effects(["x2", "x0"], by=label)
    assert found.names == ["x2, north", "x0, north", "x2, south", "x0, south"]
    assert found.features == ["x2", "x0", "x2", "x0"]
    each = est.input_derivatives(X)
    share = np.ones(len(X)) if weight is None else weight
    for k, name in enumerate(("north", "south")):
        expected = np.average(each[label == name], axis=0, weights=share[label == name])
        assert_allclose(found.effects[2 * k : 2 * k + 2], expected[[2, 0]], rtol=1e-9)
    assert len(found.to_frame()) == 4
    X = X.copy()
    X[:, 1] = np.where(X[:, 1] > 0, 2.0, -1.0)
    res = infer(est.fit(X, y, weight), X, y, weight)
    by_feature = res.marginal_effects(["x0"], by="x1")
    assert by_feature.names == ["x0, x1 = -1", "x0, x1 = 2"]
    expected = est.input_derivatives(X)[X[:, 1] > 0, 0]
    expected = np.average(expected, weights=share[X[:, 1] > 0])
    assert_allclose(by_feature.effects[1], expected, rtol=1e-9)


@each_model
def test_contrast_of_two_values(name):
    est, X, y = fitted(name)
    res = infer(est, X, y, cov_type="bayesian")
    low, high = X.copy(), X.copy()
    low[:, 2], high[:, 2] = -0.4, 1.1
    function = mean_of(est, res)

    def difference(theta):
        return (function(theta, high) - function(theta, low)).mean(axis=0)

    found = res.contrast("x2", -0.4, 1.1)
    assert found.names == ["x2 (-0.4 to 1.1)"]
    assert_allclose(np.ravel(found.effects), difference(res.params), rtol=1e-8, atol=1e-14)
    expected = quadratic_form(gradient(difference, res.params), full_covariance(res))
    assert_allclose(np.ravel(found.std_errors), expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["regression", "two outputs", "poisson", "deep", "rbf"])
@pytest.mark.parametrize(("j", "k"), [(0, 1), (2, 2)])
@pytest.mark.parametrize("at", [None, "mean"])
def test_interactions_of_numbers(name, j, k, at):
    """The value against exact second derivatives, the error against differences of these."""
    est, X, y = fitted(name)
    res = infer(est, X, y, cov_type="bayesian")
    rows = X if at is None else X.mean(axis=0, keepdims=True)
    found = res.interaction(f"x{j}", f"x{k}", at=at)
    second = est.input_derivatives(rows, order=2).reshape(len(rows), -1, 4, 4)
    assert_allclose(np.ravel(found.effects), second[:, :, j, k].mean(axis=0), rtol=1e-7, atol=1e-9)

    def slope_of_slope(theta):
        def first(shift):
            moved = rows.copy()
            moved[:, k] += shift[0]
            return input_gradient(est, moved, theta)[:, :, j].mean(axis=0)

        return slopes(first, np.zeros(1))[:, 0]

    _, error = found_of(est, res, slope_of_slope)
    assert_allclose(np.ravel(found.std_errors), error, rtol=1e-5)


def test_interactions_with_switches():
    X, y = regression_data()
    X = X.copy()
    X[:, 1] = np.where(X[:, 1] > 0, 2.0, -1.0)
    X[:, 3] = X[:, 3] > 0.2
    est = NewtonMLPRegressor((2,), alpha=0.5, standardize=False, random_state=0).fit(X, y)
    res = infer(est, X, y)

    def slope(**values):
        moved = X.copy()
        for name, value in values.items():
            moved[:, int(name[1])] = value
        return moved

    def one(theta):
        ends = [input_gradient(est, slope(x1=v), theta)[:, :, 0].mean(axis=0) for v in (2.0, -1.0)]
        return ends[0] - ends[1]

    def two(theta):
        function = mean_of(est, res)
        signs = {(2.0, 1.0): 1, (2.0, 0.0): -1, (-1.0, 1.0): -1, (-1.0, 0.0): 1}
        return sum(
            sign * function(theta, slope(x1=a, x3=b)).mean(axis=0)
            for (a, b), sign in signs.items()
        )

    for pair, function in ((("x0", "x1"), one), (("x1", "x0"), one), (("x1", "x3"), two)):
        found = res.interaction(*pair)
        value, error = found_of(est, res, function)
        assert_allclose(found.effects, value, rtol=1e-8)
        assert_allclose(found.std_errors, error, rtol=1e-6)
    with pytest.raises(ValueError, match="it has two values"):
        res.interaction("x1", "x1")


# Rows that are a sample ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["frequency", "precision", "clusters", "group"])
def test_unconditional_errors(kind):
    X, y = count_data()
    X = X.copy()
    X[:, 1] = X[:, 1] > 0
    weight = np.arange(len(X)) % 3 + 1.0 if kind in ("frequency", "precision") else None
    options = {"weight_type": kind} if kind == "precision" else {}
    clusters = np.arange(len(X)) // 4
    if kind == "clusters":
        options = {"cov_type": "cluster", "groups": clusters}
    est = NewtonMLPRegressor((2,), alpha=2.0, loss="poisson", random_state=0).fit(X, y, weight)
    res = infer(est, X, y, weight, **options)
    rows = X[:, 0] > 0 if kind == "group" else np.ones(len(X), dtype=bool)
    by = rows if kind == "group" else None
    plain, found = (
        res.marginal_effects(["x0", "x1"], by=by, unconditional=flag) for flag in (False, True)
    )
    high, low = X.copy(), X.copy()
    high[:, 1], low[:, 1] = 1.0, 0.0
    each = np.column_stack([est.input_derivatives(X)[:, 0], est.predict(high) - est.predict(low)])
    s = np.where(rows, 1.0 if weight is None else weight, 0.0)
    centred = s[:, None] * (each - s @ each / s.sum())
    if kind == "clusters":
        sums = np.array([centred[clusters == c].sum(axis=0) for c in range(clusters.max() + 1)])
    elif kind == "frequency":
        sums = centred / np.sqrt(s)[:, None]
    else:
        sums = centred
    added = (sums**2).sum(axis=0) / s.sum() ** 2
    mine = slice(2, 4) if kind == "group" else slice(0, 2)
    assert_allclose(found.effects, plain.effects, rtol=1e-14)
    assert_allclose(found.std_errors[mine] ** 2, plain.std_errors[mine] ** 2 + added, rtol=1e-8)


def test_unconditional_errors_are_those_of_fresh_rows():
    """Spread of the estimate over samples of rows and targets; conditional ones are less."""
    rng = np.random.default_rng(0)
    estimates, errors = [], {False: [], True: []}
    est = NewtonMLPRegressor((), alpha=0.0, loss="poisson", standardize=False)
    for _ in range(100):
        X = rng.normal(size=(80, 1))
        y = rng.poisson(np.exp(0.8 * X[:, 0] + 1.5)).astype(float)
        res = est.fit(X, y).inference(X, y)
        for flag, found in errors.items():
            found.append(res.marginal_effects(unconditional=flag).std_errors[0])
        estimates.append(res.marginal_effects().effects[0])
    sizes = {
        flag: np.sqrt(np.mean(np.square(e))) / np.std(estimates) for flag, e in errors.items()
    }
    assert 0.85 < sizes[True] < 1.15
    assert sizes[False] < 0.75


def test_what_is_refused():
    est, X, y = fitted("regression")
    res = infer(est, X, y)
    for ask, message in (
        (lambda: res.marginal_effects([]), "features must have at least one name"),
        (lambda: res.marginal_effects(at="median"), "at must be"),
        (lambda: res.marginal_effects(at={"x9": 1.0}), "at: there is no name 'x9'"),
        (lambda: res.marginal_effects(at=3.0), "at must be"),
        (lambda: res.marginal_effects(by=[1, 2]), "by must be a feature, or 60 labels"),
        (lambda: res.marginal_effects(by="x0"), "by has .* groups"),
        (lambda: res.marginal_effects(at="mean", unconditional=True), "unconditional errors"),
        (lambda: res.marginal_effects(unconditional="yes"), "unconditional must be"),
        (lambda: res.contrast("x0", 0.0, np.nan), "finite"),
        (lambda: res.contrast("x9", 0.0, 1.0), "feature: there is no name 'x9'"),
        (lambda: res.interaction("x0", "x9"), "other: there is no name 'x9'"),
    ):
        with pytest.raises(ValueError, match=message):
            ask()
