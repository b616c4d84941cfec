"""Small nets with hidden units that data determine well, for the tests of the statistics."""

from functools import cache

import numpy as np
from penalty_cases import Fused, Quartic

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor, RBFNetRegressor
from sknewtonnet.calculus import NormPenalty

N = 120
LABELS = np.array(["ash", "elm", "fir"])
MASKS = {"coefs_0": np.array([[True, False], [False, True], [True, True]])}


def one_unit(X):
    return 0.4 + 1.6 * np.tanh(1.2 * X[:, 0] - 0.8 * X[:, 1] + 0.3 * X[:, 2] + 0.4)


def two_units(X):
    return 2.0 * np.tanh(1.3 * X[:, 0] + 0.4) - 1.5 * np.tanh(1.2 * X[:, 1] + 0.8 * X[:, 2] - 0.5)


def bumps(X):
    first = ((X - [1.0, 0.5]) ** 2).sum(axis=1)
    second = ((X - [-0.8, -0.6]) ** 2).sum(axis=1)
    return 3.0 * np.exp(-first / 2.0) - 2.0 * np.exp(-second / 1.2)


@cache
def inputs(n=N, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 3))


def regression(mean=one_unit, n=N, noise=0.3, seed=1):
    X = inputs(n)
    return X, mean(X) + noise * np.random.default_rng(seed).normal(size=n)


def plane(n=200):
    X = inputs(n)[:, :2]
    return X, bumps(X) + 0.3 * np.random.default_rng(7).normal(size=n)


def several(n=N):
    X = inputs(n)
    noise = np.random.default_rng(2).normal(size=(n, 2)) @ [[0.3, 0.3], [0.0, 0.4]]
    return X, np.column_stack([one_unit(X), 0.5 - one_unit(X)]) + noise


def binary(n=300):
    X = inputs(n)
    chance = 1.0 / (1.0 + np.exp(-1.5 * one_unit(X)))
    return X, np.where(np.random.default_rng(3).random(n) < chance, "yes", "no")


def three(n=300):
    X = inputs(n)
    f = one_unit(X)
    scores = np.exp(np.column_stack([0.0 * f, 1.4 * f, -1.2 * f + 0.5]))
    edges = (scores / scores.sum(axis=1, keepdims=True)).cumsum(axis=1)
    return X, LABELS[(np.random.default_rng(4).random(n)[:, None] > edges).sum(axis=1)]


def counts(n=N):
    X = inputs(n)
    return X, np.random.default_rng(5).poisson(np.exp(one_unit(X))).astype(float)


def positive(n=N):
    X = inputs(n)
    return X, np.random.default_rng(6).gamma(4.0, np.exp(one_unit(X)) / 4.0)


def net(hidden=(1,), **params):
    return NewtonMLPRegressor(
        hidden, **{"standardize": False, "alpha": 0.0, "n_init": 4, "random_state": 0} | params
    )


def classes(hidden=(1,), **params):
    return NewtonMLPClassifier(
        hidden, **{"standardize": False, "alpha": 0.0, "n_init": 4, "random_state": 0} | params
    )


def radial(**params):
    options = {
        "standardize": False,
        "alpha": 0.0,
        "alpha_widths": 0.0,
        "n_init": 4,
        "random_state": 0,
    }
    return RBFNetRegressor(2, **options | params)


CASES = {
    "one unit": (net, regression),
    "two units": (lambda: net((2,)), lambda: regression(two_units)),
    "logistic, masks": (
        lambda: net((2,), connectivity=MASKS, activation="logistic"),
        lambda: regression(two_units),
    ),
    "skip": (
        lambda: net(skip_connections="input-output", alpha=0.2),
        lambda: regression(lambda X: one_unit(X) + 0.8 * X[:, 2]),
    ),
    "penalised": (lambda: net(alpha=0.3), regression),
    "strengths": (
        lambda: net((2,), alpha={"coefs_0": 0.1, "coefs_1": [[0.2], [0.4]], "intercepts_0": 0.1}),
        lambda: regression(two_units),
    ),
    "two outputs": (net, several),
    "two outputs, penalised": (lambda: net(alpha=0.2), several),
    "poisson": (lambda: net(loss="poisson"), counts),
    "poisson, penalised": (lambda: net(loss="poisson", alpha=0.5), counts),
    "gamma": (lambda: net(loss="gamma"), positive),
    "binary": (classes, binary),
    "binary, penalised": (lambda: classes(alpha=0.1), binary),
    "softmax": (classes, three),
    "softmax, penalised": (lambda: classes(alpha=0.1), three),
    "radial": (radial, plane),
    "radial, penalised": (
        lambda: radial(covariance_type="diag", alpha={"coefs_0": 0.02, "centers": 0.05}),
        plane,
    ),
    "norms": (lambda: net((2,), penalties=NormPenalty(2.0)), lambda: regression(two_units)),
    "norms, two outputs": (lambda: net(alpha=0.1, penalties=NormPenalty(3.0)), several),
    "norms, softmax": (lambda: classes(penalties=NormPenalty(1.5)), three),
    "norms, radial": (lambda: radial(penalties=NormPenalty(0.5, ("centers", "coefs_0"))), plane),
    "fused": (lambda: net(alpha=0.1, penalties=Fused(3.0)), regression),
    "across layers": (lambda: net(loss="poisson", penalties=Quartic()), counts),
}


@cache
def fitted(name, weights="none"):
    """Fit a case with the weights of one of the kinds of ``weights_of``."""
    make, data = CASES[name]
    X, y = data()
    weight = weights_of(weights, len(X))
    return make().fit(X, y, weight), X, y, weight


def weights_of(kind, n):
    """Return no weights, whole numbers, or any."""
    rng = np.random.default_rng(8)
    if kind == "none":
        return None
    return rng.integers(1, 4, n).astype(float) if kind == "whole" else rng.uniform(0.4, 2.5, n)
