"""The evidence for strengths: Bayesian regressions, slow formulas, and differences of refits."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import brentq
from scipy.stats import multivariate_normal
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, WhiteKernel
from sklearn.linear_model import ARDRegression, BayesianRidge

from sknewtonnet.calculus import Evidence, Loss, Network, Objective
from sknewtonnet.solvers import get_solver

rng = np.random.default_rng(0)
N = 60
X = rng.normal(size=(N, 3))
Y = X @ np.array([1.0, -0.5, 0.1]) + 0.7 * rng.normal(size=N)
WEIGHT = rng.integers(1, 4, N).astype(float)
FLAT = {"alpha_1": 0.0, "alpha_2": 0.0, "lambda_1": 0.0, "lambda_2": 0.0}


def linear(n_outputs=1, intercept=False):
    mask = {"intercepts_0": np.full(n_outputs, intercept)}
    return Network.mlp(3, (), n_outputs, connectivity=mask)


def minimum(f, groups, strengths, start):
    """The minimum of an objective with strengths of groups."""
    flat = np.zeros(f.n_parameters)
    for places, strength in zip(groups, strengths, strict=True):
        flat[places] = strength
    alpha = f.network.layout.unpack(flat)
    data = f.samples, f.targets, f.sample_weight
    penalised = Objective(f.network, f.loss, *data, alpha)
    return get_solver("newton", tol=1e-13).minimize(penalised, start).params


def evidence_of(f, groups, strengths):
    w = minimum(f, groups, strengths, np.zeros(f.n_parameters))
    return Evidence(f, groups).at(w, strengths)


def evidence_slope(f, groups, log_strength):
    return evidence_of(f, groups, np.exp([log_strength])).gradient[0]


class TestBayesianRegressions:
    """Without hidden units and intercept all are one model."""

    def test_one_strength_is_bayesian_ridge(self):
        ridge = BayesianRidge(
            **FLAT, fit_intercept=False, compute_score=True, tol=1e-14, max_iter=5000
        ).fit(X, Y)
        f, groups = Objective(linear(), "squared_error", X, Y), [np.arange(3)]
        strengths = np.array([ridge.lambda_ / ridge.alpha_])
        found = evidence_of(f, groups, strengths)
        assert_allclose(-found.value, ridge.scores_[-1], rtol=1e-8)
        assert_allclose(1.0 / found.dispersion, ridge.alpha_, rtol=1e-6)
        assert_allclose(found.gradient, 0.0, atol=1e-6)
        slope = partial(evidence_slope, f, groups)
        best = np.exp(brentq(slope, -5.0, 5.0, xtol=1e-12))
        assert_allclose(best, ridge.lambda_ / ridge.alpha_, rtol=1e-6)

    def test_one_strength_per_input_is_ard_regression(self):
        ard = ARDRegression(
            **FLAT,
            fit_intercept=False,
            compute_score=True,
            tol=1e-14,
            max_iter=3000,
            threshold_lambda=1e12,
        ).fit(X, Y)
        f = Objective(linear(), "squared_error", X, Y)
        groups = [np.array([j]) for j in range(3)]
        found = evidence_of(f, groups, ard.lambda_ / ard.alpha_)
        assert_allclose(found.gradient, 0.0, atol=1e-6)
        assert_allclose(1.0 / found.dispersion, ard.alpha_, rtol=1e-6)
        assert_allclose(found.params, ard.coef_, rtol=1e-6)

    def test_gaussian_process_with_a_linear_kernel(self):
        f, groups, strengths = Objective(linear(), "squared_error", X, Y), [np.arange(3)], [2.5]
        found = evidence_of(f, groups, np.array(strengths))
        phi = found.dispersion
        kernel = ConstantKernel(phi / 2.5) * DotProduct(0.0, "fixed") + WhiteKernel(phi)
        process = GaussianProcessRegressor(kernel, optimizer=None, alpha=0.0).fit(X, Y)
        assert_allclose(-found.value, process.log_marginal_likelihood_value_, rtol=1e-8)

    def test_several_outputs_and_weights_are_independent_rows(self):
        """All of one dispersion."""
        both = np.column_stack([Y, X[:, 0] + rng.normal(size=N)])
        f = Objective(linear(2), "squared_error", X, both, WEIGHT)
        places = np.arange(6).reshape(3, 2)
        strengths = np.array([0.5, 2.0, 10.0])
        found = evidence_of(f, list(places), strengths)
        rows = np.repeat(np.arange(N), WEIGHT.astype(int))
        Z = X[rows]
        covariance = found.dispersion * (np.eye(len(rows)) + (Z / strengths) @ Z.T)
        normal = multivariate_normal(cov=covariance)
        assert_allclose(-found.value, sum(map(normal.logpdf, both[rows].T)), rtol=1e-8)

    def test_a_flat_intercept_is_a_restricted_likelihood(self):
        """That of contrasts that do not see the intercept, off by its own factor."""
        f = Objective(linear(intercept=True), "squared_error", X, Y)
        strengths = np.array([3.0])
        found = evidence_of(f, [np.arange(3)], strengths)
        contrasts = np.linalg.svd(np.ones((1, N)))[2][1:]
        covariance = found.dispersion * (np.eye(N) + X @ X.T / 3.0)
        restricted = multivariate_normal(cov=contrasts @ covariance @ contrasts.T)
        assert_allclose(
            -found.value, restricted.logpdf(contrasts @ Y) - 0.5 * np.log(N), rtol=1e-8
        )


class Absolute(Loss):
    """Smooth absolute errors: no likelihood that the package knows."""

    of_differences = True

    def derivatives(self, y, raw, order=2):
        r = raw - y
        root = np.sqrt(1.0 + r**2)
        return ((root - 1.0).sum(axis=1), r / root, root**-3)[: order + 1]


def hidden_case(loss, n_outputs, sizes=(2,)):
    """A net with hidden units and groups of all kinds."""
    mean = np.tanh(2.0 * X[:, 0]) + 0.3 * X[:, 1]
    y = mean[:, None] + 0.5 * rng.normal(size=(N, n_outputs))
    if loss == "log_loss":
        y = np.eye(3)[np.digitize(y[:, 0], [-0.4, 0.4])] if n_outputs > 1 else 1.0 * (y > 0)
    elif loss in ("poisson", "gamma"):
        y = rng.poisson(np.exp(mean))[:, None] + (0.0 if loss == "poisson" else 0.5)
    network = Network.mlp(3, sizes, n_outputs)
    layout = network.layout
    groups = list(network.feature_parameters)
    groups += [layout.parameters_of(f"intercepts_{k}") for k in range(len(sizes))]
    groups += [layout.parameters_of(f"coefs_{k + 1}") for k in range(len(sizes))]
    return Objective(network, loss, X, y, WEIGHT), groups


CASES = {
    "squared error": ("squared_error", 1),
    "two outputs": ("squared_error", 2),
    "two hidden layers": ("squared_error", 1, (2, 2)),
    "logit": ("log_loss", 1),
    "softmax": ("log_loss", 3),
    "poisson": ("poisson", 1),
    "gamma": ("gamma", 1),
    "pseudo-Huber": ("pseudo_huber", 1),
    "own loss": (Absolute(), 1),
}


@pytest.mark.parametrize("name", CASES)
def test_gradient_is_that_of_refits(name):
    """The minimum moves with the strengths, and the Hessian with the minimum."""
    f, groups = hidden_case(*CASES[name])
    strengths = np.exp(np.linspace(0.0, 1.0, len(groups)))
    w = minimum(f, groups, strengths, np.random.default_rng(1).normal(size=f.n_parameters))
    evidence, found = Evidence(f, groups), []

    def moved(number, step):
        there = strengths.copy()
        there[number] *= np.exp(step)
        return evidence.at(minimum(f, groups, there, w), there).value

    h = 1e-3
    for g in range(len(groups)):
        near, far = (moved(g, k * h) - moved(g, -k * h) for k in (1.0, 2.0))
        found.append((8.0 * near - far) / (12.0 * h))
    gradient = evidence.at(w, strengths).gradient
    assert np.abs(gradient).max() > 0.1
    assert_allclose(gradient, found, rtol=1e-6, atol=1e-6)


def test_moves_are_those_of_refits():
    f, groups = hidden_case("squared_error", 2)
    strengths = np.exp(np.linspace(0.0, 1.0, len(groups)))
    w = minimum(f, groups, strengths, np.random.default_rng(1).normal(size=f.n_parameters))
    moves, h = Evidence(f, groups).at(w, strengths).moves, 1e-4
    for g in range(len(groups)):
        factor = np.where(np.arange(len(groups)) == g, np.exp(h), 1.0)
        ends = [minimum(f, groups, there, w) for there in (strengths * factor, strengths / factor)]
        assert_allclose(moves[:, g], (ends[0] - ends[1]) / (2.0 * h), rtol=1e-6, atol=1e-7)


def test_directions_that_bend_down_count_as_flat():
    """By eigenvalues of a matrix that is not symmetric; log |H| would be lower."""
    f, groups = hidden_case("squared_error", 1, (4,))
    S, strengths = f.weight_sum, np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    w = minimum(f, groups, strengths, np.random.default_rng(2).normal(size=f.n_parameters))
    found = Evidence(f, groups).at(w, strengths)
    D, last = S * f.hessian(w), f.n_parameters - 1  # the intercept of the output is flat
    C = D[:last, :last] - np.outer(D[:last, last], D[last, :last]) / D[last, last]
    Lambda = np.zeros(last)
    for places, strength in zip(groups, strengths, strict=True):
        Lambda[places] = strength
    mu = np.linalg.eigvals(C / Lambda[:, None]).real
    assert mu.min() < -0.01
    M = S * f.value(w) + 0.5 * Lambda @ w[:last] ** 2
    phi = 2.0 * M / (S - 1.0)
    expected = 0.5 * (S - 1.0) * (1.0 + np.log(2.0 * np.pi * phi)) + 0.5 * np.log(D[last, last])
    assert_allclose(found.value, expected + 0.5 * np.log1p(mu[mu > 0]).sum(), rtol=1e-9)


def test_a_group_that_does_nothing_changes_nothing():
    """The coefficient of a column of zeros."""
    Z = np.column_stack([X, np.zeros(N)])
    f, g = (Objective(Network.mlp(k, (), 1), "squared_error", z, Y) for k, z in ((4, Z), (3, X)))
    found = evidence_of(f, [np.arange(3), np.array([3])], np.array([2.0, 5.0]))
    assert_allclose(found.value, evidence_of(g, [np.arange(3)], np.array([2.0])).value, rtol=1e-12)
    assert found.gradient[1] == 0.0
