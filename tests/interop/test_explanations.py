"""SHAP explains nets, through their predictions or as MLPs of scikit-learn, all the same."""

import numpy as np
import pytest
from estimator_cases import class_data, regression_data
from numpy.testing import assert_allclose

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
shap = pytest.importorskip("shap", reason="shap is not installed")

X, Y = regression_data()


def explained(predict, rows):
    return shap.Explainer(predict, shap.maskers.Independent(X[:30], max_samples=30))(rows)


def test_a_net_and_its_mlp_are_explained_alike():
    net = NewtonMLPRegressor((3,), alpha=1.0, random_state=0).fit(X, Y)
    direct, through = (explained(model.predict, X[:4]) for model in (net, net.to_sklearn()))
    assert_allclose(direct.values, through.values, atol=1e-10)
    assert_allclose(direct.values.sum(axis=1) + direct.base_values, net.predict(X[:4]))


def test_shares_of_a_linear_net_are_its_terms():
    net = NewtonMLPRegressor((), alpha=0.0).fit(X, Y)
    terms = (X[:4] - X[:30].mean(axis=0)) * net.coefs_[0][:, 0]
    assert_allclose(explained(net.predict, X[:4]).values, terms, atol=1e-10)


def test_probabilities():
    samples, labels = class_data()
    net = NewtonMLPClassifier((2,), alpha=1.0, random_state=0).fit(samples, labels)
    found = shap.Explainer(net.predict_proba, samples[:20])(samples[:3])
    assert found.values.shape == (3, 4, 3)
    assert_allclose(found.values.sum(axis=2), 0.0, atol=1e-12)
    sums = found.values.sum(axis=1) + found.base_values
    assert_allclose(sums, net.predict_proba(samples[:3]), atol=1e-12)


def test_kernel_explainer():
    net = NewtonMLPRegressor((3,), alpha=1.0, random_state=0).fit(X, Y)
    found = shap.KernelExplainer(net.predict, X[:20]).shap_values(X[:2], silent=True)
    assert_allclose(found.sum(axis=1), net.predict(X[:2]) - net.predict(X[:20]).mean())
    assert np.shape(found) == (2, 4)
