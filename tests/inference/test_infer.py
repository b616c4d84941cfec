"""The door for any net: a layer of one's own and quadratic forms, by complex steps and refits."""

import pickle
from functools import cache

import numpy as np
import pytest
from fitted_oracles import gradient, quadratic_form
from fitted_oracles import infer as quiet
from inference_cases import CASES, fitted
from inference_oracles import differenced_hessian
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.calculus import Layer, Linear, Network, Objective, Quadratic
from sknewtonnet.inference import InferenceResults, infer
from sknewtonnet.solvers import Constraints, get_solver
from sknewtonnet.testing import check_layer

pytestmark = pytest.mark.filterwarnings("ignore:Weights that are no whole numbers:UserWarning")

NAMES = ("length", "gravity", "mass")


class ProductUnit(Layer):
    """p_j(z) = exp(z' theta_j): with z the logarithms of x, a product of powers of x."""

    def unit_arrays(self, n_inputs):
        return {"exponents": np.arange(n_inputs)}

    def input_rows(self, n_inputs):
        return [np.array([j]) for j in range(n_inputs)]

    def value(self, theta, z):
        return np.exp(theta.T @ z)

    def slopes(self, theta, z):
        p = self.value(theta, z)[:, None]
        return theta.T[:, :, None] * p, z * p

    def curvature_parameters(self, theta, z, delta):
        return np.einsum("ai,bi,ji->jab", z, z, delta * self.value(theta, z))

    def curvature_mixed(self, theta, z, delta):
        eye = np.eye(len(z))[None, :, :, None]
        inner = z[:, None] * theta.T[:, None, :, None] + eye
        return inner * (delta * self.value(theta, z))[:, None, None]


def product(w, X):
    """Factor times a product of powers; w and X may be complex."""
    return w[3] * np.exp(X @ w[:3])


def bump(w, X):
    """Factor times exp(-p / 2) and an intercept; p is quadratic, without a constant."""
    a, b, c, d, e, factor, intercept = w
    x, z = X[:, 0], X[:, 1]
    p = a * x**2 + 2 * b * x * z + 2 * c * x + d * z**2 + 2 * e * z
    return intercept + factor * np.exp(-0.5 * p)


def product_net(masks=None):
    masks = {"intercepts_0": np.array([False]), **(masks or {})}
    layers = [ProductUnit((0,), 1), Linear((1,), 1)]
    return Network.from_layers(3, layers, connectivity=masks, feature_names=NAMES)


def bump_net():
    forms = np.ones((1, 3, 3), dtype=bool)
    forms[0, 2, 2] = False
    layers = [Quadratic((0,), 1), Linear((1,), 1)]
    return Network.from_layers(2, layers, connectivity={"quadratic_forms": forms})


@cache
def measurements(n=150):
    rng = np.random.default_rng(0)
    X = np.log(rng.uniform([0.2, 1.5, 0.1], [3.0, 25.0, 2.0], size=(n, 3)))
    y = 2.0 * np.pi * np.exp(0.5 * X[:, 0] - 0.5 * X[:, 1]) * (1.0 + 0.03 * rng.normal(size=n))
    return X, y, rng.integers(1, 4, n).astype(float)


@cache
def hills(n=300):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n, 2))
    p = 1.5 * X[:, 0] ** 2 + 0.8 * X[:, 0] * X[:, 1] - X[:, 0] + X[:, 1] ** 2 + 0.6 * X[:, 1]
    return X, 0.4 + 2.0 * np.exp(-0.5 * p) + 0.2 * rng.normal(size=n), rng.uniform(0.5, 2.0, n)


MODELS = {  # the net, its data, a start, and the same as a plain function
    "product": (product_net, measurements, [0.1, -0.1, 0.0, 5.0], product),
    "bump": (bump_net, hills, [1.0, 0.1, -0.3, 1.0, 0.3, 1.5, 0.1], bump),
}
each_model = pytest.mark.parametrize("name", MODELS)


@cache
def minimum(name, weighed=True, loss="squared_error"):
    make, data, start, function = MODELS[name]
    X, y, weight = data()
    objective = Objective(make(), loss, X, y, weight if weighed else None)
    found = get_solver("newton", tol=1e-12).minimize(objective, np.array(start))
    assert_allclose(objective.raw_predictions(found.params)[:, 0], function(found.params, X))
    return objective, found.params, function


def test_the_layer_is_right():
    check_layer(ProductUnit((0,), 2))


@each_model
@pytest.mark.parametrize("weight_type", ["frequency", "precision"])
def test_standard_errors(name, weight_type):
    objective, w, function = minimum(name)
    X, y, weight = MODELS[name][1]()

    def loss(at):
        return 0.5 * (weight * (y - function(at, X)) ** 2).sum()

    n = weight.sum() if weight_type == "frequency" else len(y)
    variance = 2.0 * loss(w) / (n - len(w))
    expected = variance * np.linalg.inv(differenced_hessian(loss, w))
    results = infer(objective, w, weight_type=weight_type)  # the gate is silent
    assert isinstance(results, InferenceResults)
    assert results.identifiable
    assert results.names == objective.network.layout.names
    assert_allclose(results.dispersion, variance, rtol=1e-9)
    assert_allclose(results.covariance, expected, rtol=1e-6, atol=1e-9 * np.abs(expected).max())
    found = results.get_prediction(X[:9])
    rows = gradient(lambda at: function(at, X[:9]), w)
    assert_allclose(found.se, quadratic_form(rows, results.covariance), rtol=1e-7)


@each_model
def test_effects(name):
    """By complex steps in the inputs, and differences of those in the parameters."""
    objective, w, function = minimum(name)
    X, _, weight = MODELS[name][1]()
    results = infer(objective, w)

    def average(at, j):
        moved = X.astype(complex)
        moved[:, j] += 1e-30j
        return weight @ function(at, moved).imag / 1e-30 / weight.sum()

    found = results.marginal_effects()
    for j in range(X.shape[1]):
        assert_allclose(found.effects[j], average(w, j), rtol=1e-10)
        steps = 1e-4 * np.eye(len(w))
        ends = [
            (average(w - 2 * d, j), average(w - d, j), average(w + d, j), average(w + 2 * d, j))
            for d in steps
        ]
        row = np.array([a - 8 * b + 8 * c - d for a, b, c, d in ends]) / 12e-4
        error = np.sqrt(row @ results.covariance @ row)
        assert_allclose(found.std_errors[j], error, rtol=1e-7)
    curve = results.partial_effect(results.feature_names[1], grid=[-0.5, 0.2])
    moved = X.copy()
    moved[:, 1] = 0.2
    assert_allclose(curve.mean[1], weight @ function(w, moved) / weight.sum(), rtol=1e-10)


@each_model
def test_tests_of_features(name):
    objective, w, _ = minimum(name)
    results = infer(objective, w)
    rows = {
        "product": {"length": [0], "gravity": [1], "mass": [2]},
        "bump": {"x0": [0, 1, 2], "x1": [1, 3, 4]},
    }[name]
    for feature, test in results.wald_test_features().items():
        places = rows[feature]
        block = results.covariance[np.ix_(places, places)]
        expected = float(w[places] @ np.linalg.solve(block, w[places]))
        assert_allclose(test.statistic, expected, rtol=1e-8)
        assert test.df == len(places)
    shares = results.feature_importance
    assert_allclose(shares.sum(), 1.0)
    assert (shares > 0).all()


def test_likelihood_ratio_with_the_default_refit():
    """Against the net without the exponent, fitted by itself."""
    objective, w, _ = minimum("product", weighed=False)
    X, y, _ = measurements()
    masks = {"exponents": np.array([[True, True, False]])}
    smaller = Objective(product_net(masks), "squared_error", X, y)
    without = get_solver("newton", tol=1e-12).minimize(smaller, np.array([0.5, -0.5, 6.0]))
    results = infer(objective, w)
    found = results.likelihood_ratio_test("mass", n_init=2)
    expected = len(y) * np.log(without.value / objective.value(w))
    assert_allclose(found.statistic, expected, rtol=1e-7)
    f = (without.value / objective.value(w) - 1.0) * results.df_resid
    assert_allclose(found.p_value, stats.f.sf(f, 1, results.df_resid), rtol=1e-6)
    assert found.reason == ""
    assert_allclose(found.restricted_params, np.insert(without.params, 2, 0.0), atol=1e-6)
    score = results.score_test("mass", n_init=0)
    assert score.p_value == pytest.approx(found.p_value, abs=0.05)


@each_model
def test_profiles_do_not_depend_on_who_minimises(name):
    objective, w, _ = minimum(name)
    solver, runs = get_solver("newton", tol=1e-10), []

    def refit(function, start):
        runs.append(start)
        return solver.minimize(function, start).params

    by_scipy, by_newton = infer(objective, w), infer(objective, w, refit=refit)
    parameter = by_scipy.names[1]
    expected = by_newton.profile_interval(parameter)[parameter]
    assert len(runs) > 4
    assert_allclose(by_scipy.profile_interval(parameter)[parameter], expected, rtol=1e-6)
    wald = by_scipy.conf_int()[1]
    assert_allclose(expected, wald, atol=0.25 * (wald[1] - wald[0]))


def test_starts_are_asked_for():
    objective, w, _ = minimum("product")
    seeds = []

    def start(seed):
        seeds.append(seed)
        return w + 0.01 * np.random.default_rng(seed).normal(size=len(w))

    infer(objective, w, start=start).likelihood_ratio_test("mass", n_init=3, random_state=7)
    assert seeds == [7, 8, 9]


@pytest.mark.parametrize("name", [*CASES])
def test_an_estimator_says_the_same(name):
    est, X, y, weight = fitted(name, "any")
    options = {"weight_type": "precision", "cov_type": "HC3"}
    theirs = quiet(est, X, y, weight, **options)
    objective = est.objective(X, y, weight)
    ours = infer(objective, est.params_, **options)
    for what in ("params", "covariance", "p_values", "dispersion", "nic"):
        assert_array_equal(getattr(ours, what), getattr(theirs, what))
    assert ours.names == theirs.names
    assert ours.feature_names == theirs.feature_names
    assert ours.diagnosis == theirs.diagnosis
    title, _, *rest = ours.summary(parameters=True).splitlines()
    own_title, _, *own_rest = theirs.summary(parameters=True).splitlines()
    assert title.partition(":")[2] == own_title.partition(":")[2]
    # Tests refit, each by its own method: the rows of features agree in some digits.
    features = tuple(f"{feature} " for feature in ours.feature_names)
    for line, own in zip(rest, own_rest, strict=True):
        assert line == own or line.startswith(features)
    for column in ("effects", "p_values", "importances"):
        assert_array_equal(getattr(ours.tests, column), getattr(theirs.tests, column))
    found, expected = ours.tests.dependence_p_values, theirs.tests.dependence_p_values
    assert_allclose(found, expected, rtol=0.01)


def test_rows_of_weight_zero_are_not_there():
    objective, w, _ = minimum("bump")
    X, y, weight = hills()
    some = np.arange(len(y)) % 5 > 0
    net, groups = objective.network, np.arange(len(y)) // 6
    with_zeros = Objective(net, "squared_error", X, y, np.where(some, weight, 0.0), alpha=0.1)
    without = Objective(net, "squared_error", X[some], y[some], weight[some], alpha=0.1)
    w = get_solver("newton", tol=1e-12).minimize(without, w).params
    for options in ({"cov_type": "HC1"}, {"cov_type": "cluster"}):
        clustered = options["cov_type"] == "cluster"
        labels = {"groups": groups} if clustered else {}
        fewer = {"groups": groups[some]} if clustered else {}
        ours = infer(with_zeros, w, weight_type="precision", **options, **labels)
        theirs = infer(without, w, weight_type="precision", **options, **fewer)
        assert ours.n_obs == theirs.n_obs == some.sum()
        assert_allclose(ours.covariance, theirs.covariance, rtol=1e-9)


def test_constraints_hold_parameters_back():
    objective, _, _ = minimum("product")
    upper = np.array([0.4, np.inf, np.inf, np.inf])
    none = np.empty(0)
    limits = Constraints(np.full(4, -np.inf), upper, np.empty((0, 4)), none, none)
    found = get_solver("slsqp", tol=1e-9, constraints=limits).minimize(
        objective, np.array([0.1, -0.1, 0.0, 5.0])
    )
    results = infer(objective, found.params, active=found.multipliers.active)
    assert results.std_errors[0] == 0.0
    assert (results.std_errors[1:] > 0).all()
    free = np.ix_([1, 2, 3], [1, 2, 3])
    H = objective.weight_sum * objective.hessian(found.params)
    assert_allclose(
        results.covariance[free], results.dispersion * np.linalg.inv(H[free]), rtol=1e-6
    )


def test_names_are_those_of_the_network_or_ones_own():
    objective, w, _ = minimum("product")
    assert infer(objective, w).feature_names == NAMES
    renamed = infer(objective, w, feature_names=["a", "b", "c"], output_names=["T"])
    assert renamed.feature_names == ("a", "b", "c")
    assert renamed.output_names == ("T",)
    assert renamed.marginal_effects("b").names == ["b"]
    assert infer(objective, w, model="Pendulum").summary().startswith("Pendulum: 3-1-1, ")
    pd = pytest.importorskip("pandas")
    X = measurements()[0][:3]
    with pytest.raises(ValueError, match="X must have the columns of the fit"):
        infer(objective, w).get_prediction(pd.DataFrame(X, columns=["a", "b", "c"]))


def test_results_travel():
    objective, w, _ = minimum("bump")
    results = infer(objective, w)
    again = pickle.loads(pickle.dumps(results))
    assert_array_equal(again.covariance, results.covariance)
    found = again.likelihood_ratio_test("quadratic_forms[c0, x0, x1]", n_init=1)
    assert found.p_value < 0.05


def test_a_warning_points_to_the_caller():
    objective, w, _ = minimum("product")
    est, X, y, weight = fitted("penalised")
    for call in (lambda: infer(objective, 1.1 * w), lambda: est.inference(X, 2.0 * y, weight)):
        with pytest.warns(UserWarning, match="Inference: Not stationary") as caught:
            call()
        assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"params": np.ones(3)}, r"params must have shape \(4,\), got \(3,\)"),
        ({"params": [[1.0, 2.0, 3.0, 4.0]]}, r"params must have shape \(4,\), got \(1, 4\)"),
        ({"params": [1.0, np.nan, 0.0, 1.0]}, "params must be finite"),
        ({"params": "w"}, "params must be numbers, got 'w'"),
        ({"active": np.ones(4)}, r"active must have shape \(n_rows, 4\), got \(4,\)"),
        ({"tight": np.ones((2, 3))}, r"tight must have shape \(n_rows, 4\), got \(2, 3\)"),
        ({"feature_names": ["a"]}, r"feature_names must be 3 names, got \['a'\]"),
        ({"output_names": []}, r"output_names must be 1 names, got \[\]"),
        ({"cov_type": "HC4"}, "cov_type must be one of"),
        ({"weight_type": "counts"}, "weight_type must be one of"),
        ({"cov_type": "cluster"}, 'cov_type="cluster" and groups go together'),
        (
            {"groups": np.arange(150), "cov_type": "hessian"},
            'cov_type="cluster" and groups go together',
        ),
        ({"weight_type": "sampling", "cov_type": "hessian"}, "needs a cov_type of"),
        (
            {"class_weights": True, "cov_type": "hessian"},
            "class_weight, which makes the objective no likelihood",
        ),
        ({"use_t": "yes"}, "use_t must be one of"),
    ],
)
def test_what_makes_no_sense_is_refused(change, message):
    objective, w, _ = minimum("product")
    with pytest.raises(ValueError, match=message):
        infer(objective, change.pop("params", w), **change)


def test_large_nets_are_refused():
    X = np.ones((3, 1))
    objective = Objective(Network.mlp(1, 1100, 1), "squared_error", X, X)
    with pytest.raises(ValueError, match="inference for 3301 parameters"):
        infer(objective, np.zeros(objective.n_parameters))


def test_the_lowest_of_several_restricted_fits_counts():
    """With a refit that stays where it is, only one of the starts is any good."""
    objective, w, _ = minimum("product", weighed=False)
    X, y, _ = measurements()
    masks = {"exponents": np.array([[True, False, True]])}
    smaller = Objective(product_net(masks), "squared_error", X, y)
    best = get_solver("newton", tol=1e-12).minimize(smaller, np.array([0.5, 0.0, 3.0]))
    starts = [w + 0.05, np.insert(best.params, 1, 0.0), w - 0.05]
    stay = infer(objective, w, refit=lambda f, at: at, start=lambda seed: starts[seed])
    found = stay.likelihood_ratio_test("gravity", n_init=3, random_state=0)
    assert_allclose(found.restricted_params, starts[1], atol=1e-10)
    assert_allclose(found.restricted_loss, best.value, rtol=1e-12)
    assert found.reason == ""
    first = stay.likelihood_ratio_test("gravity", n_init=1, random_state=0)
    assert first.restricted_loss > best.value
    assert first.reason == "the restricted fit did not converge"


@pytest.mark.filterwarnings("error:Weights that are no whole numbers:UserWarning")
@pytest.mark.parametrize(
    ("weight", "how", "warned"),
    [
        (0.37, {}, True),
        (2.0, {}, False),
        (2.0 + 1e-12, {}, False),
        (0.37, {"weight_type": "precision"}, False),
        (0.37, {"weight_type": "sampling"}, False),
    ],
)
def test_weights_that_are_no_counts_are_told(weight, how, warned):
    X = np.random.default_rng(0).normal(size=(60, 1))
    y = X[:, 0] + np.random.default_rng(1).normal(size=60)
    est = NewtonMLPRegressor((), alpha=0.0).fit(X, y, np.full(60, weight))
    given = (X, y, np.full(60, weight))
    if not warned:
        est.inference(*given, **how)
        return
    with pytest.warns(UserWarning, match=r'weight_type="precision", for a survey "samp') as seen:
        est.inference(*given, **how)
    assert "22.2 rows in all" in str(seen[0].message)
    assert seen[0].filename == __file__
