"""Derivatives, predictions and effects of fitted nets against loops and complex steps."""

import numpy as np
import pytest
from estimator_cases import MODELS, each_model, fitted, regression_data, regressor, weights
from fitted_oracles import (
    full_params,
    gradient,
    infer,
    input_gradient,
    mean_of,
    quadratic_form,
    raw,
    response,
    slopes,
    squeezed,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.special import expit, softmax
from sklearn.exceptions import ConvergenceWarning

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor, RBFNetRegressor

ONE_LOGIT = ("binary", "multilabel", "rbf multilabel")
SQUARES = ("regression", "two outputs", "deep", "rbf", "rbf deep", "net")
COUNTS = ("poisson", "rbf diag poisson", "net inside out")
SOFTMAX = ("multiclass", "rbf full multiclass", "net classes")


def results(name, cov_type="bayesian", **options):
    est, X, y = fitted(name)
    return est, X, y, infer(est, X, y, cov_type=cov_type, **options)


def full_covariance(res):
    """Covariance of all reported parameters, also of those that separate classes."""
    return res.reported.covariance(res._covariance)


def quantile(res, level=0.95):
    upper = 0.5 + 0.5 * level
    return stats.t.ppf(upper, res.df_resid) if res.use_t else stats.norm.ppf(upper)


# Derivatives in the inputs ----------------------------------------------------------------


@each_model
@pytest.mark.parametrize("of_raw", [False, True])
def test_first_derivatives_in_the_inputs(name, of_raw):
    est, X, _ = fitted(name)
    expected = input_gradient(est, X, on_response=not of_raw)
    expected = expected[:, 0] if expected.shape[1] == 1 else expected
    assert_allclose(est.input_derivatives(X, raw=of_raw), expected, rtol=1e-9, atol=1e-12)


@each_model
@pytest.mark.parametrize("of_raw", [False, True])
def test_second_derivatives_in_the_inputs(name, of_raw):
    """Differences of complex steps: exact up to h^4."""
    est, X, _ = fitted(name)
    X = X[:7]
    n_features = X.shape[1]

    def first(shift):
        return input_gradient(est, X + shift, on_response=not of_raw)

    expected = slopes(first, np.zeros(n_features))
    expected = expected[:, 0] if expected.shape[1] == 1 else expected
    found = est.input_derivatives(X, order=2, raw=of_raw)
    assert found.shape == expected.shape
    assert_allclose(found, expected, rtol=1e-7, atol=1e-9)
    assert_allclose(found, np.swapaxes(found, -1, -2), rtol=1e-12, atol=1e-14)


def masked_net():
    masks = {
        "coefs_0": np.array([[True, False], [True, True], [False, False], [False, True]]),
        "coefs_1": np.ones((6, 2), bool),
        "coefs_2": np.ones((8, 1), bool),
    }
    masks["coefs_1"][2] = masks["coefs_2"][2] = False
    masks["coefs_1"][4, 1] = False
    X, y = regression_data()
    est = NewtonMLPRegressor(
        (2, 2),
        skip_connections="all",
        connectivity=masks,
        alpha=0.3,
        random_state=0,
        standardize=False,
    )
    return est.fit(X, y), X, y


def test_derivatives_through_masks_and_skip_connections():
    est, X, _ = masked_net()
    first, second = est.input_derivatives(X), est.input_derivatives(X, order=2)
    assert_allclose(first, input_gradient(est, X)[:, 0], rtol=1e-9, atol=1e-12)
    assert_array_equal(first[:, 2], 0.0)
    assert_array_equal(second[:, 2], 0.0)
    expected = slopes(lambda shift: input_gradient(est, X + shift)[:, 0], np.zeros(4))
    assert_allclose(second, expected, rtol=1e-7, atol=1e-9)


def test_derivatives_of_a_linear_model():
    X, y = regression_data(2)
    est = NewtonMLPRegressor((), alpha=0.0, standardize=False).fit(X, y)
    first = est.input_derivatives(X)
    assert_allclose(first, np.broadcast_to(est.coefs_[0].T, (len(X), 2, 4)), rtol=1e-12)
    assert_allclose(est.input_derivatives(X, order=2), 0.0, atol=1e-15)


def test_derivatives_against_automatic_differentiation():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy
    est, X, _ = fitted("deep")

    def predict(x):
        states = x
        for k, (coefs, intercepts) in enumerate(zip(est.coefs_, est.intercepts_, strict=True)):
            a = states @ coefs + intercepts
            states = a[0] if k == 2 else jnp.concatenate([states, jax.nn.softplus(a)])
        return states

    first = jax.jit(jax.vmap(jax.grad(predict)))(X)
    second = jax.jit(jax.vmap(jax.hessian(predict)))(X)
    assert_allclose(est.input_derivatives(X), first, rtol=1e-10, atol=1e-13)
    assert_allclose(est.input_derivatives(X, order=2), second, rtol=1e-10, atol=1e-13)


# Predictions ------------------------------------------------------------------------------


@each_model
def test_prediction_and_its_standard_error(name):
    """The delta method on the response scale, one loop per case."""
    est, X, _, res = results(name)
    new = X[::5] + 0.3
    found = res.get_prediction(new)
    mean = squeezed(response(est, raw(est, est.params_, new)))
    assert_allclose(found.mean, mean, rtol=1e-10)
    function = mean_of(est, res)
    rows = gradient(lambda theta: function(theta, new), res.params)
    expected = squeezed(quadratic_form(rows, full_covariance(res)))
    assert_allclose(found.se, expected, rtol=1e-6)
    assert found.level == 0.95


@pytest.mark.parametrize("name", [name for name in MODELS if name not in SOFTMAX])
def test_raw_prediction_and_its_standard_error(name):
    est, X, _, res = results(name)
    found = res.get_prediction(X[::5])
    assert_allclose(found.raw, squeezed(raw(est, est.params_, X[::5])), rtol=1e-10)
    rows = gradient(lambda theta: raw(est, full_params(est, res, theta), X[::5]), res.params)
    assert_allclose(found.raw_se, squeezed(quadratic_form(rows, full_covariance(res))), rtol=1e-6)


@pytest.mark.parametrize("cov_type", ["hessian", "gauss-newton", "HC0", "HC1", "HC3"])
def test_predictions_under_each_covariance(cov_type):
    X, y = regression_data()
    est = NewtonMLPRegressor((1,), alpha=0.0, random_state=0, standardize=False).fit(X, y)
    res = infer(est, X, y, cov_type=cov_type)
    rows = gradient(lambda theta: raw(est, theta, X), res.params)[:, 0]
    expected = quadratic_form(rows, full_covariance(res))
    assert_allclose(res.get_prediction(X).se, expected, rtol=1e-6)


@pytest.mark.parametrize("name", [*SQUARES, *COUNTS, *ONE_LOGIT])
@pytest.mark.parametrize("level", [0.5, 0.95])
def test_confidence_interval_is_made_before_the_link(name, level):
    est, X, _, res = results(name)
    found = res.get_prediction(X[::5], level=level)
    half = quantile(res, level) * found.raw_se
    lower, upper = response(est, found.raw - half), response(est, found.raw + half)
    assert_allclose(found.confidence_interval, np.stack([lower, upper], -1), rtol=1e-8)
    assert found.level == level


@pytest.mark.parametrize("name", SOFTMAX)
def test_confidence_interval_of_class_probabilities(name):
    _, X, _, res = results(name)
    found = res.get_prediction(X[::5])
    lower, upper = np.moveaxis(found.confidence_interval, -1, 0)
    assert ((lower < found.mean) & (found.mean < upper)).all()
    assert (lower >= 0).all()
    assert (upper <= 1).all()
    assert found.prediction_interval is None


@pytest.mark.filterwarnings("ignore:Prediction intervals take:UserWarning")
@pytest.mark.parametrize("name", ["regression", "deep", "rbf"])
def test_prediction_interval_of_squared_errors(name):
    _, X, _, res = results(name)
    found = res.get_prediction(X[::5], level=0.9)
    half = quantile(res, 0.9) * np.sqrt(found.se**2 + res.dispersion)
    expected = np.stack([found.mean - half, found.mean + half], -1)
    assert_allclose(found.prediction_interval, expected, rtol=1e-9)


@pytest.mark.parametrize("spread", ["equal", "different"])
def test_prediction_intervals_are_warned_of_where_variances_differ(spread):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 1))
    size = 1.0 if spread == "equal" else X[:, 0] ** 2
    y = X[:, 0] + size * rng.normal(size=300)
    est = NewtonMLPRegressor((), alpha=0.0).fit(X, y)
    found = est.inference(X, y).get_prediction(X)
    assert found.mean.shape == (300,)  # which is not warned of, nor is the table
    assert bool(found.caution) is (spread == "different")
    if spread == "different":
        with pytest.warns(UserWarning, match="Prediction intervals take variances from the model"):
            interval = found.prediction_interval
    else:
        interval = found.prediction_interval
    assert interval.shape == (300, 2)


@pytest.mark.filterwarnings("ignore:Prediction intervals take:UserWarning")
def test_prediction_intervals_of_several_outputs_are_those_of_separate_regressions():
    api = pytest.importorskip("statsmodels.api")
    X, Y = regression_data(3)
    est = NewtonMLPRegressor((), alpha=0.0, standardize=False).fit(X, Y)
    found = est.inference(X, Y).get_prediction(X[:9], level=0.8)
    for k, y in enumerate(Y.T):
        separate = api.OLS(y, api.add_constant(X)).fit()
        frame = separate.get_prediction(api.add_constant(X)[:9]).summary_frame(alpha=0.2)
        assert_allclose(found.mean[:, k], frame["mean"], rtol=1e-8)
        assert_allclose(found.se[:, k], frame["mean_se"], rtol=1e-8)
        expected = frame[["mean_ci_lower", "mean_ci_upper"]]
        assert_allclose(found.confidence_interval[:, k], expected, rtol=1e-7)
        expected = frame[["obs_ci_lower", "obs_ci_upper"]]
        assert_allclose(found.prediction_interval[:, k], expected, rtol=1e-7)


@pytest.mark.parametrize("name", ONE_LOGIT)
def test_moderated_probability_of_one_logit(name):
    _, X, _, res = results(name)
    found = res.get_prediction(X)
    kappa = 1.0 / np.sqrt(1.0 + np.pi * found.raw_se**2 / 8.0)
    assert_allclose(found.moderated, expit(kappa * found.raw), rtol=1e-10)
    assert found.prediction_interval is None


@pytest.mark.parametrize("name", SOFTMAX)
def test_moderated_probabilities_of_classes(name):
    """Against a big sample of logits from the normal distribution of the delta method."""
    est, X, _, res = results(name)
    X = X[::9]
    found = res.get_prediction(X).moderated
    assert_allclose(found.sum(axis=1), 1.0, rtol=1e-10)
    rng = np.random.default_rng(0)
    rows = gradient(lambda theta: raw(est, full_params(est, res, theta), X), res.params)
    centre = raw(est, full_params(est, res, res.params), X)
    for i in range(len(X)):
        spread = rows[i] @ full_covariance(res) @ rows[i].T
        draws = rng.multivariate_normal(centre[i], spread, size=200_000, method="svd")
        assert_allclose(found[i], softmax(draws, axis=1).mean(axis=0), atol=0.02)


# Marginal effects -------------------------------------------------------------------------


def effects_oracle(est, res, X, sample_weight=None):
    """Average derivatives and the gradients of these in the reported parameters."""

    def average(theta):
        each = input_gradient(est, X, full_params(est, res, theta))
        return np.average(each, axis=0, weights=sample_weight)

    return average(res.params).T, slopes(average, res.params).swapaxes(0, 1)


@each_model
def test_marginal_effects(name):
    est, X, _, res = results(name)
    found = res.marginal_effects(discrete=())
    value, rows = effects_oracle(est, res, X)
    derivative = est.input_derivatives(X).mean(axis=0)
    assert list(found.names) == list(res.feature_names)
    assert_allclose(found.effects, derivative.T, rtol=1e-9, atol=1e-12)
    assert_allclose(found.effects, value if value.shape[1] > 1 else value[:, 0], rtol=1e-6)
    expected = quadratic_form(rows, full_covariance(res))
    expected = expected if expected.shape[1] > 1 else expected[:, 0]
    assert_allclose(found.std_errors, expected, rtol=1e-6)
    assert_allclose(found.z_values, found.effects / found.std_errors, rtol=1e-10)
    distribution = stats.t(res.df_resid) if res.use_t else stats.norm
    assert_allclose(found.p_values, 2 * distribution.sf(np.abs(found.z_values)), rtol=1e-8)
    half = quantile(res, 0.8) * found.std_errors
    interval = np.stack([found.effects - half, found.effects + half], -1)
    assert_allclose(found.conf_int(level=0.8), interval, rtol=1e-8)


@pytest.mark.filterwarnings("ignore:Weights that are no whole numbers:UserWarning")
def test_marginal_effects_count_weights():
    est, X, y = fitted("poisson", weights(60))
    res = infer(est, X, y, weights(60), cov_type="bayesian")
    value, rows = effects_oracle(est, res, X, weights(60))
    found = res.marginal_effects(discrete=())
    assert_allclose(found.effects, value[:, 0], rtol=1e-9)
    assert_allclose(found.std_errors, quadratic_form(rows, full_covariance(res))[:, 0], rtol=1e-6)


def switch_data():
    X, y = regression_data()
    X[:, 1] = np.where(X[:, 1] > 0, 2.0, -1.0)
    return X, y


@pytest.mark.parametrize("discrete", ["auto", ["x1"]])
@pytest.mark.parametrize("kind", ["regressor", "classes"])
def test_effect_of_a_switch_is_a_contrast(kind, discrete):
    X, y = switch_data()
    if kind == "classes":
        y = np.digitize(y, [-0.5, 0.5])
        est = NewtonMLPClassifier((2,), alpha=0.5, random_state=0, standardize=False).fit(X, y)
    else:
        est = regressor(random_state=0, alpha=0.5).fit(X, y)
    res = infer(est, X, y, cov_type="bayesian")
    high, low = X.copy(), X.copy()
    high[:, 1], low[:, 1] = 2.0, -1.0
    function = mean_of(est, res)

    def contrast(theta):
        return (function(theta, high) - function(theta, low)).mean(axis=0)

    found = res.marginal_effects(discrete=discrete)
    assert_allclose(found.effects[1], np.squeeze(contrast(res.params)), rtol=1e-9)
    expected = quadratic_form(gradient(contrast, res.params), full_covariance(res))
    assert_allclose(found.std_errors[1], np.squeeze(expected), rtol=1e-7)
    plain = res.marginal_effects(discrete=())
    assert_allclose(np.delete(found.effects, 1, 0), np.delete(plain.effects, 1, 0), rtol=1e-12)
    assert np.abs(plain.effects[1] / found.effects[1] - 1.0).max() > 0.1
    assert "x1" in found.names[1]


def test_effects_of_some_features():
    _, _, _, res = results("regression")
    full, some = res.marginal_effects(), res.marginal_effects(features=["x3", "x0"])
    assert list(some.names) == ["x3", "x0"]
    assert_allclose(some.effects, full.effects[[3, 0]], rtol=1e-12)
    assert_allclose(some.std_errors, full.std_errors[[3, 0]], rtol=1e-12)


# Partial effects and the delta method -----------------------------------------------------


@each_model
def test_partial_effect(name):
    est, X, _, res = results(name)
    grid = np.linspace(-1.0, 1.5, 6)
    found = res.partial_effect(res.feature_names[2], grid=grid)
    function = mean_of(est, res)

    def curve(theta):
        points = []
        for value in grid:
            moved = X.copy()
            moved[:, 2] = value
            points.append(function(theta, moved).mean(axis=0))
        return np.array(points)

    assert_array_equal(found.grid, grid)
    assert_allclose(found.mean, squeezed(curve(res.params)), rtol=1e-9)
    expected = quadratic_form(gradient(curve, res.params), full_covariance(res))
    assert_allclose(found.se, squeezed(expected), rtol=1e-6)
    assert ((found.lower < found.mean) & (found.mean < found.upper)).all()


@pytest.mark.parametrize("name", [*COUNTS, *ONE_LOGIT, *SOFTMAX])
@pytest.mark.parametrize("band", ["pointwise", "simultaneous"])
def test_bands_stay_in_the_range_of_the_mean(name, band):
    """They are made on the logarithm of a mean, or the logit of a probability."""
    est, _, _, res = results(name)
    found = res.partial_effect("x0", np.linspace(-9.0, 9.0, 7), band=band)
    m, counts = found.mean, est.out_activation_ == "exp"
    link = np.log if counts else lambda p: np.log(p / (1.0 - p))
    slope = 1.0 / m if counts else 1.0 / (m * (1.0 - m))
    wide = found.se > 1e-8
    upper, lower = (link(ends)[wide] - link(m)[wide] for ends in (found.upper, found.lower))
    assert_allclose(upper, -lower, rtol=1e-5)
    if band == "pointwise":
        assert_allclose(upper, quantile(res) * (slope * found.se)[wide], rtol=1e-5)
    assert (found.lower >= 0.0).all()
    assert counts or (found.upper <= 1.0).all()


@pytest.mark.parametrize("band", ["pointwise", "simultaneous"])
def test_bands_without_standard_errors_are_nan(band):
    """Also at once: eigenvalues of NaN used to raise."""
    X, y = regression_data()
    est = NewtonMLPRegressor((2,), max_iter=1, random_state=0)
    with pytest.warns(ConvergenceWarning):
        est.fit(X, y)
    found = infer(est, X, y).partial_effect("x0", n_points=5, band=band)
    assert np.isfinite(found.mean).all()
    assert np.isnan([found.se, found.lower, found.upper]).all()


def test_a_feature_that_does_nothing_has_a_band_without_width():
    est, X, y = masked_net()
    for band in ("pointwise", "simultaneous"):
        found = infer(est, X, y).partial_effect("x2", n_points=4, band=band)
        assert_allclose(found.upper - found.lower, (found.upper - found.lower)[0], rtol=1e-10)


@pytest.mark.parametrize("name", ["regression", "two outputs", "rbf"])
def test_bands_of_a_partial_effect(name):
    _, _, _, res = results(name)
    pointwise = res.partial_effect("x0", n_points=12)
    assert pointwise.grid.shape == (12,)
    assert_allclose(pointwise.upper - pointwise.mean, quantile(res) * pointwise.se, rtol=1e-8)
    assert_allclose(pointwise.mean - pointwise.lower, quantile(res) * pointwise.se, rtol=1e-8)
    band = res.partial_effect("x0", n_points=12, band="simultaneous", random_state=0)
    assert_allclose(band.mean, pointwise.mean, rtol=1e-12)
    width = (band.upper - band.lower) / (pointwise.upper - pointwise.lower)
    assert (width > 1.02).all()
    wide = res.partial_effect("x0", n_points=12, level=0.99)
    assert (wide.upper > pointwise.upper).all()
    again = res.partial_effect("x0", n_points=12, band="simultaneous", random_state=0)
    assert_array_equal(band.upper, again.upper)


def test_simultaneous_band_reaches_as_far_as_the_largest_of_many_t():
    """Against draws of parameters from their t distribution, pushed through the curve."""
    est, X, _, res = results("regression")
    band = res.partial_effect("x0", grid=np.linspace(-2.0, 2.0, 9), band="simultaneous")

    def curve(theta):
        moved = np.repeat(X[None], 9, axis=0).astype(complex)
        moved[:, :, 0] = band.grid[:, None]
        return raw(est, theta, moved.reshape(-1, 4)).reshape(9, -1).mean(axis=1)

    rows = gradient(curve, res.params)
    rng = np.random.default_rng(1)
    draws = rng.multivariate_normal(np.zeros(len(res.params)), full_covariance(res), size=100_000)
    draws /= np.sqrt(rng.chisquare(res.df_resid, size=(100_000, 1)) / res.df_resid)
    largest = np.abs((draws @ rows.T) / band.se).max(axis=1)
    assert_allclose((band.upper - band.mean) / band.se, np.quantile(largest, 0.95), rtol=0.02)


def test_delta_method():
    _, _, _, res = results("regression")
    w, V = res.params, full_covariance(res)

    def function(theta):
        return np.array([theta[0] * theta[1], np.exp(theta[2]), theta[3] - theta[4]])

    values, covariance = res.delta_method(function)
    rows = np.zeros((3, len(w)))
    rows[0, :2], rows[1, 2], rows[2, 3:5] = w[[1, 0]], np.exp(w[2]), (1.0, -1.0)
    assert_allclose(values, function(w), rtol=1e-14)
    assert_allclose(covariance, rows @ V @ rows.T, rtol=1e-10)


def test_widths_through_the_delta_method():
    """Widths are exp(-parameter): their relative error is the error of the logarithm."""
    est = RBFNetRegressor(2, alpha=0.5, random_state=0, standardize=False).fit(*regression_data())
    res = infer(est, *regression_data(), cov_type="bayesian")
    where = [k for k, name in enumerate(res.names) if name.startswith("precisions_cholesky")]
    values, covariance = res.delta_method(lambda theta: np.exp(-theta[where]))
    assert_allclose(values, np.sqrt(est.covariances_), rtol=1e-10)
    assert_allclose(np.sqrt(np.diag(covariance)) / values, res.std_errors[where], rtol=1e-10)
