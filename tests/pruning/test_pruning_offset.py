"""Pruning and searches take offsets and exposures along."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose
from sklearn.model_selection import GridSearchCV, cross_validate

from sknewtonnet import (
    BackwardPruning,
    InformationCriterionSearch,
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    criterion_scorer,
)
from sknewtonnet.pruning import pruning_stability

N = 120
rng = np.random.default_rng(2)
X = rng.normal(size=(N, 3))
OFFSET, WEIGHT = rng.normal(size=N), rng.uniform(0.5, 2.0, N)
RAW = 1.5 * np.tanh(2.0 * X[:, 0])
NUMBERS = RAW + OFFSET + 0.3 * rng.normal(size=N)
COUNTS = rng.poisson(np.exp(RAW + OFFSET)).astype(float)
LABELS = (RAW + 3.0 * OFFSET + rng.logistic(size=N) > 0).astype(int)


def net(**params):
    return NewtonMLPRegressor((1,), alpha=0.1, random_state=0, **params)


@pytest.mark.filterwarnings("ignore:Weights that are no whole numbers:UserWarning")
def test_pruning_of_squared_errors_is_that_of_the_difference():
    found = BackwardPruning(net()).fit(X, NUMBERS, WEIGHT, OFFSET)
    other = BackwardPruning(net()).fit(X, NUMBERS - OFFSET, WEIGHT)
    assert [step.removed for step in found.path_] == [step.removed for step in other.path_]
    assert len(found.path_) > 1
    assert_allclose(found.estimator_.params_, other.estimator_.params_, rtol=1e-6, atol=1e-8)
    scores = [[step.criterion for step in pruned.path_] for pruned in (found, other)]
    assert_allclose(*scores, rtol=1e-8)
    assert_allclose(found.predict(X, OFFSET), other.predict(X) + OFFSET, atol=1e-7)
    assert found.score(X, NUMBERS, WEIGHT, OFFSET) > 0.9
    with pytest.warns(UserWarning, match="for offset 0") as seen:
        found.predict(X)
    assert len(seen) == 1
    new = slice(0, 80)
    rows = {"sample_weight": WEIGHT[new]}
    confirmed = found.confirm(X[new], NUMBERS[new], **rows, offset=OFFSET[new])
    expected = other.confirm(X[new], NUMBERS[new] - OFFSET[new], **rows)
    assert_allclose(confirmed.std_errors, expected.std_errors, rtol=1e-6)


def test_pruning_of_counts():
    found = BackwardPruning(net(loss="poisson")).fit(X, COUNTS, exposure=np.exp(OFFSET))
    assert found.support_.tolist() == [True, False, False]
    results = found.inference(X, COUNTS, exposure=np.exp(OFFSET))
    kept = [step.criterion for step in found.path_ if step.accepted]
    assert results.bic == pytest.approx(kept[-1], rel=1e-8)


def test_pruning_of_classes():
    est = BackwardPruning(NewtonMLPClassifier((1,), alpha=0.1, random_state=0))
    est.fit(X, LABELS, offset=3.0 * OFFSET)
    p = est.predict_proba(X, 3.0 * OFFSET)
    assert_allclose(np.exp(est.predict_log_proba(X, 3.0 * OFFSET)), p)
    assert est.score(X, LABELS, offset=3.0 * OFFSET) > est.score(X, LABELS, offset=0.0)


def test_search():
    grid = {"hidden_layer_sizes": [(), (1,)]}
    search = InformationCriterionSearch(net(loss="poisson"), grid)
    search.fit(X, COUNTS, exposure=np.exp(OFFSET))
    assert search.best_params_ == {"hidden_layer_sizes": (1,)}
    results = search.inference(X, COUNTS, offset=OFFSET)
    assert results.bic == pytest.approx(search.best_score_, rel=1e-9)
    scorer = criterion_scorer("bic")
    assert -scorer(search.best_estimator_, X, COUNTS, offset=OFFSET) == search.best_score_


def test_stability():
    pruning = BackwardPruning(net(loss="poisson"))
    known = {"n_resamples": 2, "random_state": 0}
    found = pruning_stability(pruning, X, COUNTS, **known, offset=OFFSET)
    other = pruning_stability(pruning, X, COUNTS, **known, exposure=np.exp(OFFSET))
    assert found.feature_frequency.tolist() == other.feature_frequency.tolist()
    assert found.feature_frequency[0] == 1.0
    alone = pruning.fit(X, COUNTS, np.ones(N), OFFSET)
    assert_allclose(found.pruned.estimator_.params_, alone.estimator_.params_)


def test_metadata_routing():
    with sklearn.config_context(enable_metadata_routing=True):
        est = BackwardPruning(net(loss="poisson"))
        est.set_fit_request(exposure=True).set_score_request(exposure=True)
        params = {"exposure": np.exp(OFFSET)}
        scores = cross_validate(est, X, COUNTS, cv=2, params=params)["test_score"]
        assert (scores > 0.3).all()
        search = GridSearchCV(est, {"estimator__alpha": [0.1, 100.0]}, cv=2)
        assert search.fit(X, COUNTS, **params).best_params_ == {"estimator__alpha": 0.1}
