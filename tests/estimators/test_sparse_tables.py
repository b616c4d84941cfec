"""Sparse X gives what the same dense X gives, everywhere that takes samples."""

import numpy as np
import pytest
from estimator_cases import KINDS, each_kind
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sknewtonnet import BackwardPruning, InformationCriterionSearch, NewtonMLPRegressor
from sknewtonnet.calculus import Objective
from sknewtonnet.pruning import pruning_stability

FORMATS = ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")


def with_zeros(X):
    return np.where(np.abs(X) < 0.6, 0.0, X)


def data(make_data):
    X, y = make_data()
    return with_zeros(X), y


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_matrix])
@pytest.mark.parametrize("standardize", [False, True])
@each_kind
def test_estimators(make, make_data, standardize, kind):
    X, y = data(make_data)
    S = kind(X)
    est = make(standardize=standardize, random_state=0).fit(X, y)
    twin = make(standardize=standardize, random_state=0).fit(S, y)
    assert_array_equal(twin.params_, est.params_)
    for method in ("predict", "predict_proba", "predict_log_proba", "input_derivatives"):
        if hasattr(est, method):
            assert_array_equal(getattr(twin, method)(S), getattr(est, method)(X))
    assert_array_equal(twin.predict_at(est.params_, S), est.predict_at(est.params_, X))
    assert twin.score(S, y) == est.score(X, y)
    w = est.params_ + 0.1
    assert_array_equal(twin.objective(S, y).gradient(w), est.objective(X, y).gradient(w))


@pytest.mark.parametrize("array", [True, False])
@pytest.mark.parametrize("name", FORMATS)
def test_all_formats(name, array):
    X, y = data(KINDS["regressor"][1])
    S = getattr(sparse, f"{name}_{'array' if array else 'matrix'}")(X)
    est = NewtonMLPRegressor((1,), alpha=1.0, random_state=0).fit(X, y)
    twin = NewtonMLPRegressor((1,), alpha=1.0, random_state=0).fit(S, y)
    assert_array_equal(twin.params_, est.params_)
    assert_array_equal(twin.predict(S), est.predict(X))
    network = est.objective(X, y).network
    assert_array_equal(network.predict_raw(est.params_, S), network.predict_raw(est.params_, X))
    assert Objective(network, "squared_error", S, y).value(est.params_) == pytest.approx(
        Objective(network, "squared_error", X, y).value(est.params_), abs=0.0
    )


@pytest.mark.parametrize("cov_type", ["hessian", "cluster"])
def test_inference_and_effects(cov_type):
    X, y = data(KINDS["regressor"][1])
    S, groups = sparse.csr_array(X), np.arange(len(y)) % 10
    weight = np.where(np.arange(len(y)) == 3, 0.0, 1.0)
    est = NewtonMLPRegressor((1,), alpha=0.01, standardize=True, random_state=0)
    est.fit(X, y, weight)
    keep = {"groups": groups} if cov_type == "cluster" else {}
    dense, thin = (est.inference(Z, y, weight, cov_type, **keep) for Z in (X, S))
    assert_array_equal(thin.std_errors, dense.std_errors)
    assert_array_equal(thin.marginal_effects().effects, dense.marginal_effects().effects)
    assert_array_equal(thin.get_prediction(S).se, dense.get_prediction(X).se)


def test_pruning_and_searches():
    X, y = data(KINDS["regressor"][1])
    S = sparse.csr_matrix(X)
    net = NewtonMLPRegressor((1,), alpha=0.1, standardize=True, random_state=0)
    sizes = {"hidden_layer_sizes": [(), (1,)]}
    for outer in (BackwardPruning(net), InformationCriterionSearch(net, sizes)):
        expected = outer.fit(X, y).predict(X)
        assert_array_equal(outer.fit(S, y).predict(S), expected)
        assert outer.inference(S, y).params.shape == outer.inference(X, y).params.shape
    found, expected = (
        pruning_stability(BackwardPruning(net), Z, y, n_resamples=2, random_state=0)
        for Z in (S, X)
    )
    assert_array_equal(found.feature_frequency, expected.feature_frequency)


def test_alpha_that_the_data_choose():
    X, y = data(KINDS["regressor"][1])
    est = NewtonMLPRegressor((1,), alpha="auto", standardize=True, random_state=0)
    alpha = est.fit(X, y).alpha_
    assert est.fit(sparse.coo_array(X), y).alpha_ == alpha


def test_column_transformer():
    """Its default output is sparse where most of it are dummies."""
    rng = np.random.default_rng(0)
    table = np.column_stack([rng.integers(0, 20, 80), rng.normal(size=80)])
    y = np.sin(table[:, 0]) + table[:, 1]
    columns = make_column_transformer((OneHotEncoder(), [0]), (StandardScaler(), [1]))
    assert sparse.issparse(columns.fit_transform(table))
    net = NewtonMLPRegressor((2,), alpha=0.1, standardize=True, random_state=0)
    model = make_pipeline(columns, net).fit(table, y)
    assert model.score(table, y) > 0.8
    assert net.feature_importances_.shape == (columns.fit_transform(table).shape[1],)


def test_too_large_for_memory():
    """Said with the number of bytes, before anything is allocated."""
    S = sparse.csr_array((1000, 10**11))
    message = r"X is sparse, and as a dense array of shape \(1000, 100000000000\) it .* 8e\+05 GB"
    with pytest.raises(MemoryError, match=message):
        NewtonMLPRegressor((1,)).fit(S, np.zeros(1000))


def test_predictions_of_a_table_that_is_too_large():
    """They make one chunk after the other dense."""
    rng = np.random.default_rng(0)
    S = sparse.random_array((5000, 6), density=0.3, rng=rng, format="csr")
    est = NewtonMLPRegressor((2,), alpha=0.1, random_state=0).fit(S[:100], rng.normal(size=100))
    expected = est.predict(S.toarray())
    largest = []
    toarray = type(S).toarray
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            type(S), "toarray", lambda self: largest.append(self.shape[0]) or toarray(self)
        )
        assert_array_equal(est.predict(S), expected)
    assert max(largest) <= 2048
    assert sum(largest) == 5000


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bad_entries_are_refused(bad):
    X, y = data(KINDS["regressor"][1])
    S = sparse.csr_array(X)
    S.data[3] = bad
    with pytest.raises(ValueError, match="X contains"):
        NewtonMLPRegressor((1,)).fit(S, y)
