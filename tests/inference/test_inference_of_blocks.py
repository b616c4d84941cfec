"""Statistics of rows in blocks are those of the rows in memory; what takes them all says so."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sknewtonnet.calculus import ArrayBlocks, BlockObjective, Network, Objective
from sknewtonnet.calculus.functions import block_sums
from sknewtonnet.inference import _rows, infer
from sknewtonnet.solvers import get_solver

COVARIANCES = ("hessian", "gauss-newton", "bayesian", "HC0", "HC1", "HC2", "HC3")
LOSSES = ("squared_error", "poisson", "log_loss", "gamma")


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Blocks are worked on in parts, and these a few rows at a time."""
    monkeypatch.setattr(block_sums, "_MIN_CHUNKS", 0)
    monkeypatch.setattr(_rows, "_AT_ONCE", 1)


def both(loss, n_outputs=1, offset=False, weighted=True, alpha=0.1):
    """The same function in memory and over blocks, and its minimum."""
    rng = np.random.default_rng(0)
    n = 700
    X = rng.normal(size=(n, 2))
    eta = 0.8 * np.tanh(X[:, :1] - X[:, 1:]) + np.linspace(0.0, 0.5, n_outputs)
    Y = {
        "squared_error": eta + 0.2 * rng.normal(size=(n, n_outputs)),
        "poisson": rng.poisson(np.exp(eta)).astype(float),
        "log_loss": (rng.random((n, n_outputs)) < 1.0 / (1.0 + np.exp(-2.0 * eta))).astype(float),
        "gamma": np.exp(eta) * rng.gamma(3.0, 1.0 / 3.0, size=(n, n_outputs)),
    }[loss]
    weight = rng.integers(0, 3, n).astype(float) if weighted else None
    known = 0.1 * rng.normal(size=(n, n_outputs)) if offset else None
    net = Network.mlp(2, (1,), n_outputs)
    f = Objective(net, loss, X, Y, weight, alpha, offset=known)
    g = BlockObjective(net, loss, ArrayBlocks(X, Y, weight, known, n_rows=300), alpha)
    start = np.full(net.n_parameters, 0.5)
    return f, g, get_solver("newton", tol=1e-11).minimize(f, start).params


@pytest.mark.parametrize("cov_type", COVARIANCES)
@pytest.mark.parametrize("loss", LOSSES)
def test_standard_errors(loss, cov_type):
    f, g, w = both(loss)
    mine, whole = infer(g, w, cov_type=cov_type), infer(f, w, cov_type=cov_type)
    assert np.isfinite(whole.std_errors).all()
    assert_allclose(mine.std_errors, whole.std_errors, rtol=1e-10)
    assert_allclose(mine.covariance, whole.covariance, rtol=1e-8, atol=1e-14)
    assert_allclose(mine.p_values, whole.p_values, rtol=1e-6)


@pytest.mark.parametrize("weight_type", ["precision", "sampling"])
def test_what_weights_mean(weight_type):
    f, g, w = both("squared_error")
    options = {"weight_type": weight_type, "cov_type": "HC3"}
    mine, whole = infer(g, w, **options), infer(f, w, **options)
    assert_allclose(mine.std_errors, whole.std_errors, rtol=1e-10)
    assert mine.n_obs == whole.n_obs
    assert_allclose(mine.log_likelihood, whole.log_likelihood, rtol=1e-12)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_several_outputs(loss):
    f, g, w = both(loss, n_outputs=2, offset=loss == "squared_error")
    mine, whole = infer(g, w), infer(f, w)
    assert mine.cov_type == whole.cov_type == "bayesian"
    assert_allclose(mine.std_errors, whole.std_errors, rtol=1e-10)
    assert_allclose(mine.rsquared, whole.rsquared, rtol=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_criteria_and_the_gate(loss):
    f, g, w = both(loss)
    mine, whole = infer(g, w), infer(f, w)
    for name in ("log_likelihood", "aic", "aicc", "bic", "nic", "tic", "gcv"):
        assert_allclose(getattr(mine.criteria, name), getattr(whole.criteria, name), rtol=1e-10)
    for name in ("dispersion", "effective_parameters", "objective_value", "rsquared", "n_obs"):
        assert_allclose(getattr(mine, name), getattr(whole, name), rtol=1e-10)
    assert mine.identifiable == whole.identifiable
    kinds = ["misspecification"]  # by a test of the ranks of all rows
    expected = [each for each in whole.findings if each.kind not in kinds]
    assert list(mine.findings) == expected


def test_wald_tests():
    f, g, w = both("squared_error")
    mine, whole = infer(g, w), infer(f, w)
    for one, other in zip(
        mine.wald_test_features().values(), whole.wald_test_features().values(), strict=True
    ):
        assert_allclose(one.p_value, other.p_value, rtol=1e-8)
    assert_allclose(mine.conf_int(), whole.conf_int(), rtol=1e-8)


@pytest.mark.parametrize("case", ["collinear", "constant", "separated", "not whole"])
def test_findings(case):
    """Also where there is something to find."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 2))
    y, loss, weight, alpha = X[:, 0] + 0.1 * rng.normal(size=200), "squared_error", None, 0.1
    if case == "collinear":
        X[:, 1] = 2.0 * X[:, 0]
    elif case == "constant":
        X[:, 1] = 3.0
    elif case == "separated":
        y, loss, alpha = (X[:, 0] > 0.0).astype(float), "log_loss", 1e-3
    else:
        weight = np.full(200, 0.5)
    net = Network.mlp(2, (), 1)
    f = Objective(net, loss, X, y, weight, alpha)
    g = BlockObjective(net, loss, ArrayBlocks(X, y, weight, n_rows=70), alpha)
    w = get_solver("newton").minimize(f, np.zeros(3)).params
    (whole, expected), (mine, found) = _with_warnings(f, w), _with_warnings(g, w)
    assert found == expected
    assert [each.message for each in mine.findings] == [each.message for each in whole.findings]
    assert mine.findings or case == "not whole"


def _with_warnings(f, w):
    """Results, and what they warn of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        results = infer(f, w)
    return results, [str(warning.message) for warning in caught]


def test_the_summary_has_the_parameters():
    """In place of effects and tests of features, which look at single rows."""
    f, g, w = both("squared_error")
    mine, whole = infer(g, w).summary(), infer(f, w).summary(parameters=True)
    assert "The rows are in blocks: for effects and tests of features" in mine
    for line in whole.splitlines():
        if line.startswith(("Log-likelihood", "Effective", "coefs", "intercepts")):
            assert line in mine.splitlines()
    assert "coefs_0[x0, h0]" in mine
    assert "<p><small>The rows are in blocks" in infer(g, w)._repr_html_()


def test_what_looks_at_single_rows_says_so():
    _, g, w = both("squared_error")
    results = infer(g, w)
    for ask in (
        results.influence,
        lambda: results.resid_response,
        lambda: results.tests,
        results.marginal_effects,
    ):
        with pytest.raises((ValueError, AttributeError), match="in memory"):
            ask()
    assert np.isnan(results.variance_test.p_value)
    assert "rows in blocks" in results.variance_test.reason
    with pytest.raises(ValueError, match="groups needs all rows in memory together"):
        infer(g, w, groups=np.arange(700) % 40)
    with pytest.raises(ValueError, match='"HAC" needs all rows in memory together'):
        infer(g, w, cov_type="HAC")


def test_what_fits_again():
    """Likelihood-ratio and score tests minimise the same sums over blocks."""
    f, g, w = both("poisson", alpha=0.0)
    mine, whole = infer(g, w), infer(f, w)
    for one, other in (
        (mine.likelihood_ratio_test("x1"), whole.likelihood_ratio_test("x1")),
        (mine.score_test("x1"), whole.score_test("x1")),
    ):
        assert_allclose(one.statistic, other.statistic, rtol=1e-6)
        assert one.df == other.df
    assert_allclose(mine.feature_importance, whole.feature_importance, rtol=1e-8)
