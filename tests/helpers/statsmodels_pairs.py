"""Nets without hidden layer beside the models of statsmodels that they are."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor

sm = pytest.importorskip("statsmodels.api")
sandwich = pytest.importorskip("statsmodels.stats.sandwich_covariance")

N, NAMES = 110, ["age", "dose", "sex"]
CLASSES = np.array(["cat", "dog", "eel"])


@cache
def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 3))
    X[:, 0] += 2.0
    X[:, 2] = rng.random(N) < 0.4
    return pd.DataFrame(X, columns=NAMES)


def design(X):
    """Statsmodels' regressors in the order of our parameters, the constant last."""
    return np.column_stack([np.asarray(X), np.ones(len(X))])


@cache
def targets():
    rng = np.random.default_rng(1)
    X = table().to_numpy()
    eta = X @ [0.4, -0.8, 0.5] - 0.7
    logits = np.column_stack([0.0 * eta, eta, X @ [-0.5, 0.3, 0.4] + 1.0])
    chance = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return {
        "normal": eta + rng.normal(size=N) * (0.3 + 0.3 * np.abs(X[:, 0])),
        "binary": (rng.random(N) < 1.0 / (1.0 + np.exp(-eta))).astype(int),
        "class": (rng.random(N)[:, None] > chance.cumsum(axis=1)).sum(axis=1),
        "count": rng.poisson(np.exp(eta)).astype(float),
        "gamma": rng.gamma(3.0, np.exp(eta) / 3.0),
    }


WEIGHTS = np.random.default_rng(2).uniform(0.3, 3.0, N)
COUNTS = np.random.default_rng(3).integers(1, 4, N)
GROUPS = np.random.default_rng(4).integers(0, 14, N)


class Pair:
    """Our fit and theirs; ``theirs(**how)`` fits again with another covariance."""

    def __init__(self, loss, target, model, weight=None, weight_type="frequency"):
        self.X, y = table(), targets()[target]
        self.frequency = weight is not None and weight_type == "frequency"
        self.weight, self.weight_type = weight, weight_type
        self.y = CLASSES[y] if target == "class" else y
        self.use_t = loss in ("squared_error", "gamma")
        net = NewtonMLPClassifier if loss == "log_loss" else NewtonMLPRegressor
        options = {} if loss == "log_loss" else {"loss": loss}
        self.est = net((), alpha=0.0, standardize=False, random_state=0, **options).fit(
            self.X, self.y, weight
        )
        Z = design(self.X)
        if self.frequency:
            y, Z = np.repeat(y, weight), np.repeat(Z, weight, axis=0)
        self.model = model(y, Z, weight) if weight_type == "precision" else model(y, Z)
        self.discrete = self.model.__class__.__name__ in ("Logit", "MNLogit", "Poisson")

    def ours(self, cov_type="hessian", groups=None, **options):
        return self.est.inference(
            self.X,
            self.y,
            self.weight,
            cov_type,
            groups=groups,
            weight_type=self.weight_type,
            **options,
        )

    def theirs(self, cov_type="nonrobust", **kwds):
        options = {"disp": 0, "tol": 1e-13} if self.discrete else {}
        if kwds and self.frequency:
            kwds["groups"] = np.repeat(kwds["groups"], self.weight)
        if self.model.__class__.__name__ != "MNLogit":
            if kwds:  # a discrete fit warns of an empty dict
                options["cov_kwds"] = kwds
            return self.model.fit(cov_type=cov_type, use_t=self.use_t, **options)
        fit = self.model.fit(**options)
        if cov_type == "nonrobust":
            return fit
        if kwds:
            return WithCovariance(fit.params, sandwich.cov_cluster(fit, kwds["groups"]))
        return WithCovariance(fit.params, sandwich.cov_white_simple(fit, use_correction=False))

    def without(self, feature):
        """Fit theirs without one of the features."""
        keep = [j for j in range(4) if j != NAMES.index(feature)]
        model, Z = self.model.__class__, self.model.exog[:, keep]
        weights = {"weights": self.weight} if self.weight_type == "precision" else {}
        options = {"disp": 0, "tol": 1e-13} if self.discrete else {}
        return model(self.model.endog, Z, **weights).fit(**options)


class WithCovariance:
    """What MNLogit would give, if its fit knew other covariances; equation by equation."""

    def __init__(self, params, covariance):
        self.params, self.covariance = params, covariance
        self.bse = np.sqrt(np.diag(covariance)).reshape(params.shape, order="F")
        self.pvalues = 2.0 * stats.norm.sf(np.abs(params / self.bse))

    def cov_params(self):
        return self.covariance

    def conf_int(self, alpha):
        half = stats.norm.ppf(1.0 - alpha / 2.0) * self.bse
        return np.stack([self.params - half, self.params + half], axis=-1).swapaxes(0, 1)


PAIRS = {
    "OLS": lambda: Pair("squared_error", "normal", sm.OLS),
    "WLS": lambda: Pair("squared_error", "normal", sm.WLS, WEIGHTS, "precision"),
    "repeated OLS": lambda: Pair("squared_error", "normal", sm.OLS, COUNTS),
    "Logit": lambda: Pair("log_loss", "binary", sm.Logit),
    "repeated Logit": lambda: Pair("log_loss", "binary", sm.Logit, COUNTS),
    "MNLogit": lambda: Pair("log_loss", "class", sm.MNLogit),
    "repeated MNLogit": lambda: Pair("log_loss", "class", sm.MNLogit, COUNTS),
    "Poisson": lambda: Pair("poisson", "count", sm.Poisson),
    "repeated Poisson": lambda: Pair("poisson", "count", sm.Poisson, COUNTS),
}
LINEAR = ("OLS", "WLS", "repeated OLS")
ONE_LOGIT = ("Logit", "repeated Logit", "Poisson", "repeated Poisson")


@cache
def pair(name):
    return PAIRS[name]()
