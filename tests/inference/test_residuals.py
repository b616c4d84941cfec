"""Residuals under statsmodels' names against its GLM, and the leave-one-out scores."""

import numpy as np
import pytest
from inference_cases import classes, counts, net, positive, regression, several, three
from numpy.testing import assert_allclose
from scipy import stats
from statsmodels_pairs import COUNTS, WEIGHTS, N, design, sm, table, targets

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor
from sknewtonnet.calculus import NegativeBinomial, Tweedie

KINDS = ("response", "pearson", "deviance", "working")
MODELS = {
    "squared_error": ("normal", sm.families.Gaussian),
    "poisson": ("count", sm.families.Poisson),
    "gamma": ("gamma", lambda: sm.families.Gamma(sm.families.links.Log())),
    "log_loss": ("binary", sm.families.Binomial),
}
WEIGHTINGS = {"none": None, "frequency": COUNTS.astype(float), "precision": WEIGHTS}


@pytest.mark.parametrize("weights", WEIGHTINGS)
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("loss", MODELS)
def test_generalised_linear_models(loss, standardize, weights):
    target, family = MODELS[loss]
    y, weight = targets()[target], WEIGHTINGS[weights]
    options = {"alpha": 0.0, "standardize": standardize, "tol": 1e-13}
    if loss == "log_loss":
        est = NewtonMLPClassifier((), **options)
    else:
        est = NewtonMLPRegressor((), loss=loss, **options)
    kind = "precision" if weights == "precision" else "frequency"
    ours = est.fit(table(), y, weight).inference(table(), y, weight, weight_type=kind)
    given = {"var_weights" if kind == "precision" else "freq_weights": weight}
    theirs = sm.GLM(y, design(table()), family=family(), **(given if weights != "none" else {}))
    theirs = theirs.fit(tol=1e-14, maxiter=200)
    for name in KINDS:
        expected = np.asarray(getattr(theirs, f"resid_{name}"))
        assert_allclose(getattr(ours, f"resid_{name}"), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("loss", ["negative_binomial", "tweedie", "binomial"])
def test_other_families(loss):
    y, trials = targets()["count"], COUNTS.astype(float)
    family, given, kind = sm.families.NegativeBinomial(alpha=0.5), {}, "frequency"
    how = NegativeBinomial(0.5)
    if loss == "tweedie":
        how, family = Tweedie(1.5), sm.families.Tweedie(sm.families.links.Log(), var_power=1.5)
    if loss == "binomial":
        how, family, kind = "binomial", sm.families.Binomial(), "precision"
        y, given = np.minimum(y, trials) / trials, {"var_weights": trials}
    weight = given.get("var_weights")
    est = NewtonMLPRegressor((), loss=how, alpha=0.0, tol=1e-13).fit(table(), y, weight)
    ours = est.inference(table(), y, weight, weight_type=kind)
    theirs = sm.GLM(y, design(table()), family=family, **given).fit(tol=1e-14, maxiter=300)
    for name in KINDS:
        expected = np.asarray(getattr(theirs, f"resid_{name}"))
        assert_allclose(getattr(ours, f"resid_{name}"), expected, rtol=1e-8, atol=1e-8)


def test_a_net_by_hand():
    X, y = counts()
    results = net(alpha=0.3, n_init=1, loss="poisson").fit(X, y).inference(X, y)
    mean = results.get_prediction(X).mean
    assert_allclose(results.resid_response, y - mean, rtol=1e-12)
    assert_allclose(results.resid_pearson, (y - mean) / np.sqrt(mean), rtol=1e-12)
    ratio = np.where(y > 0, y, 1.0) / mean
    entry = 2.0 * (y * np.log(ratio) - (y - mean))
    assert_allclose(results.resid_deviance, np.sign(y - mean) * np.sqrt(entry), rtol=1e-9)
    assert_allclose(results.resid_working, (y - mean) / mean, rtol=1e-12)
    deviance = (results.resid_deviance**2).sum()
    assert deviance == pytest.approx(2.0 * results.information.total_loss, rel=1e-12)


@pytest.mark.parametrize("standardize", [False, True])
def test_several_outputs(standardize):
    X, y = several()
    est = net(alpha=0.1, n_init=1, standardize=standardize).fit(X, y)
    results = est.inference(X, y)
    for name in KINDS:
        assert_allclose(getattr(results, f"resid_{name}"), y - est.predict(X), rtol=1e-9)


def test_three_classes():
    X, y = three(100)
    est = classes(alpha=0.3, n_init=1).fit(X, y)
    results = est.inference(X, y)
    labels, p = (y[:, None] == est.classes_).astype(float), est.predict_proba(X)
    assert_allclose(results.resid_response, labels - p, atol=1e-12)
    pearson = (labels - p) / np.sqrt(p * (1 - p))
    assert_allclose(results.resid_pearson, pearson, rtol=1e-9)
    deviance = np.sqrt(-2.0 * np.log(p[labels == 1]))
    assert_allclose(results.resid_deviance, deviance, rtol=1e-9)
    assert np.isnan(results.resid_working).all()


def test_results_without_data_have_none():
    X, y = regression(n=40)
    results = net((), n_init=1).fit(X, y).inference(X, y)
    assert results.resid_response.shape == (40,)
    with pytest.raises(AttributeError, match="data have been left out"):
        _ = results.without_data().resid_response


# Scores of rows left out ---------------------------------------------------------------------


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("weights", ["none", "precision"])
def test_score_of_linear_models_is_that_of_refits(weights, standardize):
    X, y = table().to_numpy(), targets()["normal"]
    weight = np.ones(N) if weights == "none" else WEIGHTS
    est = NewtonMLPRegressor((), alpha=0.0, standardize=standardize).fit(X, y, weight)
    results = est.inference(X, y, weight, weight_type="precision")
    found = results.influence()
    left = np.empty(N)
    for i in range(N):
        kept = np.arange(N) != i
        root = np.sqrt(weight[kept])
        w = np.linalg.lstsq(design(X)[kept] * root[:, None], y[kept] * root)[0]
        left[i] = y[i] - design(X)[i] @ w
    mean = weight @ y / weight.sum()
    r2 = 1.0 - (weight @ left**2) / (weight @ (y - mean) ** 2)
    assert found.loo_score == pytest.approx(r2, rel=1e-7)
    log_density = stats.norm.logpdf(left, scale=np.sqrt(results.dispersion / weight))
    assert found.loo_log_score == pytest.approx(log_density.mean(), rel=1e-7)


DENSITIES = {
    "poisson": (counts, lambda y, mean, phi: stats.poisson.logpmf(y, mean)),
    "gamma": (
        positive,
        lambda y, mean, phi: stats.gamma.logpdf(y, 1.0 / phi, scale=phi * mean),
    ),
}


@pytest.mark.parametrize("loss", DENSITIES)
def test_score_of_a_net_is_near_that_of_refits(loss):
    """Fitted anew without each row from the fit with it: one step is near the whole way."""
    make, density = DENSITIES[loss]
    X, y = make(n=60)
    est = net(alpha=0.2, n_init=1, loss=loss).fit(X, y)
    results = est.inference(X, y)
    found = results.influence()
    est.set_params(warm_start=True)
    start, left = est.params_.copy(), np.empty(60)
    for i in range(60):
        kept = np.arange(60) != i
        refit = est.objective(X[kept], y[kept])
        w = start.copy()
        for _ in range(8):
            w -= np.linalg.solve(refit.hessian(w), refit.gradient(w))
        assert np.abs(refit.gradient(w)).max() < 1e-9
        left[i] = est.predict_at(w, X[[i]])[0]
    assert np.corrcoef(found.loo_predictions, left)[0, 1] > 0.999
    expected = density(y, left, results.dispersion).mean()
    assert found.loo_log_score == pytest.approx(expected, abs=0.02)
    at_fit = density(y, est.predict(X), results.dispersion).mean()
    assert found.loo_log_score < at_fit - 0.02
    assert found.loo_score < 1.0 - est.objective(X, y).value(start) / est.objective(X, y).scale()


def test_score_of_noise_is_below_zero():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 8)), rng.normal(size=40)
    results = net((), n_init=1).fit(X, y).inference(X, y)
    assert results.influence().loo_score < 0.0


@pytest.mark.filterwarnings("ignore:Inference:UserWarning")
def test_no_log_score_without_a_likelihood():
    X, y = regression(n=40)
    est = net((), n_init=1, loss="pseudo_huber").fit(X, y)
    found = est.inference(X, y, cov_type="HC0").influence()
    assert np.isnan(found.loo_log_score)
    assert 0.0 < found.loo_score < 1.0


@pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie", "log_loss", "three"])
def test_quantile_residuals_are_normal_where_the_model_is_right(loss):
    """And not where it is wrong: of counts that vary more than a Poisson model says."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(600, 1))
    mean = np.exp(0.5 * X[:, 0])
    if loss in ("log_loss", "three"):
        y = (rng.random(600) < mean / (1.0 + mean)).astype(int)
        y = y + (rng.random(600) < 0.3) if loss == "three" else y
        results = NewtonMLPClassifier((), alpha=0.0).fit(X, y).inference(X, y)
    else:
        loss, draws = {
            "poisson": ("poisson", rng.poisson(mean)),
            "gamma": ("gamma", mean / 2.0 * rng.gamma(2.0, size=600)),
            "tweedie": (Tweedie(1.5), Tweedie(1.5).draw(mean[:, None], 0.8, rng)[:, 0]),
        }[loss]
        results = NewtonMLPRegressor((), loss=loss, alpha=0.0).fit(X, draws).inference(X, draws)
    found = results.quantile_residuals()
    assert found.shape == results.resid_response.shape
    for column in np.atleast_2d(found.T):
        assert stats.kstest(column, "norm").pvalue > 0.01
    assert_allclose(found, results.quantile_residuals())
    assert not np.array_equal(found, results.quantile_residuals(random_state=1)) or loss == "gamma"


def test_quantile_residuals_see_what_a_poisson_model_does_not_allow_for():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 1))
    y = rng.poisson(2.0 * rng.gamma(0.5, 2.0, size=400))
    results = NewtonMLPRegressor((), loss="poisson", alpha=0.0).fit(X, y).inference(X, y)
    assert results.quantile_residuals().std() > 1.5


def test_quantile_residuals_of_squared_errors_are_the_standardised_ones():
    X, Y = several()
    results = net(alpha=0.1, n_init=1).fit(X, Y).inference(X, Y)
    found = results.quantile_residuals()
    spread = np.sqrt((results.resid_response**2).sum(axis=0) / results.df_resid)
    assert_allclose(found, results.resid_response / spread, rtol=0.05)
    assert_allclose(
        found / results.resid_response, np.tile(found[0] / results.resid_response[0], (len(X), 1))
    )


def test_without_a_likelihood_there_are_no_quantile_residuals():
    X, y = regression()
    results = net(alpha=0.1, n_init=1, loss="pseudo_huber").fit(X, y).inference(X, y)
    with pytest.raises(ValueError, match="no quantile residuals: the loss pseudo_huber"):
        results.quantile_residuals()
