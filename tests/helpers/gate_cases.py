"""Nets and data for the findings of the gate."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.estimators import fit_of


def tanh_data(seed=0, n=200, units=1, sigma=0.5):
    """Three standard normal inputs, the last without effect."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3))
    if units == 2:
        y = 2.0 * np.tanh(1.5 * X[:, 0] + 0.3) + 2.0 * np.tanh(1.5 * X[:, 1] - 0.5)
    else:
        y = 2.0 * np.tanh(1.2 * X[:, 0] - 0.8 * X[:, 1] + 0.3)
    return X, y + sigma * rng.standard_normal(n)


def net(*sizes, **params):
    return NewtonMLPRegressor(
        sizes, **{"standardize": False, "alpha": 0.0, "n_init": 6, "random_state": 0, **params}
    )


def fit(est, X, y, sample_weight=None):
    """Fit where the end of the fit is not the subject."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return est.fit(X, y, sample_weight)


def placed(est, X, y, **arrays):
    """Return a net with these parameters, whatever a fit would say."""
    est = fit(est.set_params(max_iter=1, n_init=1), X, y)
    est.params_ = fit_of(est).network.layout.pack(arrays)
    est.critical_point_ = "inconclusive"
    return est


def kinds(res):
    return {finding.kind for finding in res.findings}
