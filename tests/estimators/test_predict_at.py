"""Predictions at other parameters than the fitted ones."""

import numpy as np
import pytest
from estimator_cases import each_model, fitted
from fitted_oracles import raw, response
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from sknewtonnet import NewtonMLPRegressor


@each_model
def test_predictions_at_other_parameters(name):
    est, X, _ = fitted(name)
    w = est.params_ + 0.1 * np.random.default_rng(0).normal(size=len(est.params_))
    kept = est.params_.copy()
    mean = response(est, raw(est, w, X))
    classifier = hasattr(est, "classes_")
    if classifier and mean.shape[1] == 1:
        mean = np.column_stack([1.0 - mean, mean])
    found = est.predict_at(w, X)
    assert_allclose(found, mean if found.ndim == 2 else mean[:, 0], rtol=1e-10)
    plain = est.predict_proba(X) if classifier else est.predict(X)
    assert found.shape == plain.shape
    assert_array_equal(est.predict_at(est.params_, X), plain)
    assert_array_equal(est.params_, kept)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (lambda w: w[:-1], r"params must have shape \(\d+,\) as params_, got"),
        (lambda w: w[None], r"params must have shape \(\d+,\) as params_, got"),
        (lambda w: np.where(np.arange(len(w)) == 1, np.nan, w), "params must be finite"),
        (lambda w: ["a"] * len(w), "params must be numbers"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(params, message):
    est, X, _ = fitted("regression")
    with pytest.raises(ValueError, match=message):
        est.predict_at(params(est.params_), X)


def test_the_net_must_be_fitted():
    with pytest.raises(NotFittedError):
        NewtonMLPRegressor(standardize=False, alpha=1.0).predict_at(np.zeros(3), np.zeros((2, 2)))
