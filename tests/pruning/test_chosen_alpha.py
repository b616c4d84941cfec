"""Nets that choose their penalty, when they are pruned, searched for, and confirmed."""

import re

import numpy as np
import pytest
from inference_cases import one_unit, regression
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sknewtonnet import (
    BackwardPruning,
    InformationCriterionSearch,
    NewtonMLPRegressor,
    criterion_scorer,
)
from sknewtonnet.estimators import _alpha_choice

pytestmark = pytest.mark.filterwarnings("ignore:Inference:UserWarning")

SIZES = {"hidden_layer_sizes": [(), (1,), (2,)]}


@pytest.fixture
def choices(monkeypatch):
    """The strengths that fits choose, one after the other."""
    found = []

    def spied(*args, **params):
        found.append(chosen_alpha(*args, **params))
        return found[-1]

    chosen_alpha = _alpha_choice.chosen_alpha
    monkeypatch.setattr(_alpha_choice, "chosen_alpha", spied)
    return found


def net(hidden=(2,)):
    return NewtonMLPRegressor(hidden, n_init=2, random_state=0)


def test_pruning_chooses_once(choices):
    """All that is left is judged and fitted with the strength of the whole net."""
    X, y = regression(one_unit)
    pruned = BackwardPruning(net()).fit(X, y)
    assert len(choices) == 1
    assert len(pruned.path_) > 1
    left = pruned.estimator_
    assert left.alpha == left.alpha_ == choices[0].alpha
    assert left.alpha_selection_ is choices[0]
    assert left.inference(X, y).chosen_penalty
    std = left.predict(X[:5], return_std=True)[1]
    assert_allclose(std, left.inference(X, y).get_prediction(X[:5]).se, rtol=1e-6)
    start = clone(net()).set_params(alpha=choices[0].alpha).fit(X, y)
    last = [step for step in pruned.path_ if step.accepted][-1]
    for fit, step in ((start, pruned.path_[0]), (left, last)):
        assert_allclose(step.loss, fit.loss_, rtol=1e-8)
        assert_allclose(step.criterion, fit.inference(X, y).bic, rtol=1e-8)


def test_pruning_does_not_depend_on_units():
    X, y = regression(one_unit)
    plain = BackwardPruning(net()).fit(X, y)
    factor, shift = np.array([1e6, 1e-6, 1.0]), np.array([0.0, 100.0, -100.0])
    other = BackwardPruning(net()).fit(factor * (X + shift), 1e4 * (y + 50.0))
    # Two units for the truth of one are alike: which of them goes first is up to rounding.
    removed = [
        [[re.sub(r"\bh\d", "h", name) for name in step.removed] for step in pruning.path_]
        for pruning in (other, plain)
    ]
    assert removed[0] == removed[1]
    found = other.predict(factor * (X + shift)) / 1e4 - 50.0
    assert_allclose(found, plain.predict(X), atol=1e-6)


def test_a_search_chooses_for_each_size(choices):
    X, y = regression(one_unit)
    search = InformationCriterionSearch(net(), SIZES).fit(X, y)
    assert len(choices) == 3
    assert search.best_estimator_.alpha == "auto"
    assert search.best_estimator_.alpha_ == choices[search.best_index_].alpha
    for size, choice, bic in zip(
        SIZES["hidden_layer_sizes"], choices, search.results_["bic"], strict=True
    ):
        fixed = net(size).set_params(alpha=choice.alpha).fit(X, y)
        assert_allclose(fixed.inference(X, y).bic, bic, rtol=1e-8)
    rows = np.arange(len(X))
    grid = GridSearchCV(net(), SIZES, scoring=criterion_scorer("bic"), cv=[(rows, rows)])
    assert grid.fit(X, y).best_params_ == search.best_params_
    assert_allclose(-grid.cv_results_["mean_test_score"], search.results_["bic"], rtol=1e-9)


@pytest.mark.parametrize(
    "meta",
    [BackwardPruning(net()), InformationCriterionSearch(net(), SIZES)],
    ids=["prune", "search"],
)
def test_other_data_confirm_and_do_not_choose(meta, choices):
    X, y = regression(one_unit, n=240)
    meta = clone(meta).fit(X[:120], y[:120])
    chosen = meta._net.alpha_
    choices.clear()
    results = meta.confirm(X[120:], y[120:])
    assert not choices
    assert not results.chosen_penalty
    fixed = clone(meta._net).set_params(alpha=chosen).fit(X[120:], y[120:])
    assert results.bic == pytest.approx(fixed.inference(X[120:], y[120:]).bic, rel=1e-8)
