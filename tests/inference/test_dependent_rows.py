"""Covariances of rows that depend on each other in time or in two kinds of clusters."""

import re

import numpy as np
import pytest
from inference_cases import classes, counts, fitted, net, radial, regression, three
from inference_oracles import Inference, agree_covariances
from numpy.testing import assert_allclose
from statsmodels_pairs import GROUPS, N, pair

from sknewtonnet.calculus import NormPenalty
from sknewtonnet.inference import cluster_numbers, infer

YEARS = np.random.default_rng(5).integers(2001, 2010, N)
BOTH = np.column_stack([GROUPS, YEARS])


def same_errors(ours, theirs):
    """A variance of clusters of two kinds may be negative: it is shown, and has no root."""
    covariance = np.asarray(theirs.cov_params())
    variances = np.diag(covariance)
    scale = np.sqrt(np.abs(variances))
    scale = np.outer(scale, scale)
    assert_allclose(ours.covariance / scale, covariance / scale, rtol=0.0, atol=1e-8)
    known = variances > 0
    assert_allclose(ours.std_errors[known], np.sqrt(variances[known]), rtol=1e-8)
    assert np.isnan(ours.std_errors[~known]).all()
    assert set(ours.reasons) == {ours.names[j] for j in np.flatnonzero(~known)}


@pytest.mark.parametrize("maxlags", [0, 1, 4, N - 1])
@pytest.mark.parametrize("name", ["OLS", "WLS", "Logit", "Poisson"])
def test_rows_in_time(name, maxlags):
    ours = pair(name).ours("HAC", maxlags=maxlags)
    same_errors(ours, pair(name).theirs("HAC", maxlags=maxlags))
    assert ours.df_resid == N - 4


def test_rows_in_time_with_a_correction():
    """Statsmodels' use_correction multiplies by n / (n - k), which ours leave out."""
    theirs = pair("OLS").theirs("HAC", maxlags=3, use_correction=True)
    ours = pair("OLS").ours("HAC", maxlags=3).covariance * N / (N - 4)
    agree_covariances(ours, theirs.cov_params(), rtol=1e-8)


def test_usual_number_of_lags():
    assert pair("OLS").ours("HAC").maxlags == int(4.0 * (N / 100.0) ** (2.0 / 9.0)) == 4
    assert pair("OLS").ours("HC0").maxlags is None


def test_the_summary_says_how_many_lags():
    assert "HAC, 3 lags" in pair("OLS").ours("HAC", maxlags=3).summary()


@pytest.mark.parametrize("name", ["OLS", "WLS", "Logit", "Poisson"])
def test_clusters_of_two_kinds(name):
    ours = pair(name).ours("cluster", np.column_stack([[f"town {g}" for g in GROUPS], YEARS]))
    theirs = pair(name).theirs("cluster", groups=BOTH)
    same_errors(ours, theirs)
    assert ours.df_resid == min(len(set(GROUPS)), len(set(YEARS))) - 1


def test_negative_variances_of_clusters_of_two_kinds():
    found = pair("OLS").ours("cluster", BOTH)
    assert found.covariance[2, 2] < 0
    assert np.isnan(found.std_errors[2])
    assert "not defined or not positive" in found.reasons[found.names[2]]


def test_two_kinds_that_are_one():
    """V + V - V."""
    one = pair("OLS").ours("cluster", GROUPS)
    two = pair("OLS").ours("cluster", np.column_stack([GROUPS, GROUPS]))
    assert_allclose(two.covariance, one.covariance, rtol=1e-12)
    assert two.df_resid == one.df_resid


CASES = {
    "one unit": lambda: (net(n_init=1), *regression(n=60)),
    "mixed penalty": lambda: (net(alpha=0.1, n_init=1, penalties=NormPenalty(0.2)), *regression()),
    "standardised": lambda: (net(alpha=0.1, n_init=1, standardize=True), *regression()),
    "three classes": lambda: (classes(alpha=0.3, n_init=1), *three(100)),
    "counts": lambda: (net(alpha=0.1, n_init=1, loss="poisson"), *counts()),
    "bumps": lambda: (radial(alpha=0.1), *regression()),
}


@pytest.mark.filterwarnings("ignore:Inference:UserWarning")
@pytest.mark.parametrize("case", CASES)
def test_slow_sums_over_pairs_of_rows(case):
    """Each pair of rows counts by how far apart it is, or by the clusters that it shares."""
    est, X, y = CASES[case]()
    n, weight = len(X), np.random.default_rng(0).uniform(0.5, 2.0, len(X))
    est.fit(X, y, weight)
    groups = np.random.default_rng(1).integers(0, 9, (n, 2))
    lagged = est.inference(X, y, weight, "HAC", maxlags=3, weight_type="precision")
    clustered = est.inference(X, y, weight, "cluster", groups=groups, weight_type="precision")
    info = lagged.information
    g = weight[:, None] * (info.scores - weight @ info.scores / weight.sum())
    at = np.arange(n)
    kernel = np.maximum(1.0 - np.abs(at[:, None] - at) / 4.0, 0.0)
    shared = groups[:, None] == groups
    pairs = [shared[..., 0], shared[..., 1], shared.all(axis=2)]
    sizes = [len(np.unique(groups[:, 0])), len(np.unique(groups[:, 1]))]
    sizes.append(len({tuple(row) for row in groups}))
    first, second, both = (C / (C - 1) * g.T @ M @ g for C, M in zip(sizes, pairs, strict=True))
    factor = (n - 1) / info.df_resid
    K, T = info.factor.inverse, lagged.reported.coefficients
    for found, meat in (
        (lagged, g.T @ kernel @ g),
        (clustered, factor * (first + second - both)),
    ):
        assert_allclose(found.covariance, T @ K @ meat @ K @ T.T, rtol=1e-7, atol=1e-13)


@pytest.mark.parametrize("name", ["two units", "softmax", "poisson, penalised"])
def test_without_lags_as_without_dependence(name):
    est, X, y, _ = fitted(name)
    found = est.inference(X, y, cov_type="HAC", maxlags=0)
    agree_covariances(found.covariance, Inference(est, X, y).covariance("HC0"))


def test_rows_that_follow_each_other_have_wider_errors():
    """A mean of an autoregression: its error is that of 1 / (1 - rho) times the innovations."""
    rng = np.random.default_rng(0)
    y = np.zeros(4000)
    for t, shock in enumerate(rng.normal(size=len(y))):
        y[t] = 0.6 * y[t - 1] + shock
    est = net((), n_init=1).fit(np.zeros((len(y), 1)), y)
    objective = est.objective(np.zeros((len(y), 1)), y)
    with pytest.warns(UserWarning, match="Inference"):  # the input does not vary
        found = infer(objective, est.params_, cov_type="HAC", maxlags=30)
    assert found.std_errors[1] == pytest.approx(2.5 / np.sqrt(len(y)), rel=0.1)


def test_rows_of_weight_zero_have_no_cluster():
    X, y = regression(n=50)
    weight, groups = np.ones(50), np.random.default_rng(0).integers(0, 6, (50, 2))
    weight[:7] = 0.0
    groups[0] = 77
    est = net((), n_init=1).fit(X, y, weight)
    found = est.inference(X, y, weight, "cluster", groups=groups)
    other = est.inference(X[7:], y[7:], None, "cluster", groups=groups[7:])
    assert_allclose(found.covariance, other.covariance, rtol=1e-9)
    assert found.df_resid == other.df_resid


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"cov_type": "HAC", "maxlags": -1}, "maxlags must be an integer of at least 0, got -1"),
        ({"cov_type": "HAC", "maxlags": 2.0}, "maxlags must be an integer of at least 0, got 2.0"),
        ({"cov_type": "HAC", "maxlags": 50}, "maxlags must be less than the 50 rows, got 50"),
        ({"cov_type": "HC0", "maxlags": 3}, "maxlags is for cov_type=\"HAC\", got cov_type='HC0'"),
        ({"cov_type": "HAC", "groups": np.arange(50)}, 'cov_type="cluster" and groups go'),
        (
            {"cov_type": "HAC", "sample_weight": np.full(50, 2.0)},
            "weights cannot count rows: use weight_type",
        ),
        (
            {"cov_type": "cluster", "groups": np.c_[np.arange(50), np.ones(50)]},
            "groups must have at least two clusters, got only",
        ),
    ],
)
def test_refused(how, message):
    X, y = regression(n=50)
    with pytest.raises(ValueError, match=re.escape(message)):
        net((), n_init=1).fit(X, y).inference(X, y, **how)


def test_numbers_of_clusters_of_two_kinds():
    mixed = np.array([["b", 2], ["a", 1], ["b", 1]], dtype=object)
    assert cluster_numbers(mixed, 3).tolist() == [[1, 1], [0, 0], [1, 0]]
    with pytest.raises(ValueError, match="missing"):
        cluster_numbers([["b", None], ["a", 1], ["b", 1]], 3)
