"""The rows on which a fit compares strengths: ``cv``, ``groups``, and what a row counts."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    PredefinedSplit,
    ShuffleSplit,
    TimeSeriesSplit,
)

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor, RBFNetRegressor
from sknewtonnet.estimators._comparison import given_folds

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3)) * [1.0, 10.0, 0.1] + [0.0, 5.0, 2000.0]
Y = X[:, 0] - 0.05 * X[:, 1] + rng.normal(size=60)
GROUPS = np.arange(60) // 6
WEIGHT = rng.integers(0, 4, size=60).astype(float)


def standardised(columns, weight):
    mean = np.average(columns, axis=0, weights=weight)
    return (columns - mean) / np.sqrt(np.average((columns - mean) ** 2, axis=0, weights=weight))


def held_out_losses(alpha, splits, weight):
    """Losses of a ridge regression on standardised columns, row by row, as often as rows weigh."""
    Z, z = standardised(X, weight), standardised(Y, weight)
    total, times = np.zeros(60), np.zeros(60)
    for train, test in splits:
        ridge = Ridge(alpha).fit(Z[train], z[train], weight[train])
        for i in test:
            total[i] += 0.5 * (z[i] - ridge.predict(Z[i : i + 1])[0]) ** 2
            times[i] += 1
    seen = times > 0
    return np.repeat(total[seen] / times[seen], weight[seen].astype(int))


@pytest.mark.parametrize(
    "cv",
    [
        KFold(4),
        ShuffleSplit(5, test_size=0.3, random_state=0),
        TimeSeriesSplit(3),
        PredefinedSplit(np.arange(60) % 3 - 1),
        list(KFold(3, shuffle=True, random_state=1).split(X)),
    ],
    ids=["k-fold", "shuffle", "time series", "predefined", "pairs of indices"],
)
@pytest.mark.parametrize("weight", [np.ones(60), WEIGHT], ids=["equal", "weights"])
def test_the_folds_of_users_are_kept(cv, weight):
    """Also where rows are left out several times or never, and where rows weigh nothing."""
    net = NewtonMLPRegressor((), alpha="auto", cv=cv, random_state=0).fit(X, Y, weight)
    splits = cv if isinstance(cv, list) else list(cv.split(X))
    found = net.alpha_selection_
    assert found.n_folds == len(splits)
    expected = [held_out_losses(alpha, splits, weight) for alpha in found.alphas]
    assert_allclose(found.held_out_loss, np.mean(expected, axis=1), rtol=1e-8)
    gaps = np.array(expected) - expected[int(found.held_out_loss.argmin())]
    errors = gaps.std(axis=1) / np.sqrt(gaps.shape[1])
    assert_allclose(found.std_errors, errors, rtol=1e-6, atol=1e-12)


def test_a_number_is_a_number_of_folds_of_distinct_rows():
    net = NewtonMLPRegressor((), cv=4, random_state=0)
    found = net.fit(X, Y).alpha_selection_
    assert (found.n_folds, found.n_rows) == (4, 60)
    twice = net.fit(np.r_[X, X], np.r_[Y, Y]).alpha_selection_
    assert (twice.n_folds, twice.n_rows) == (4, 60)


def test_small_tables_have_more_folds():
    net = NewtonMLPRegressor((), random_state=0)
    assert net.fit(X, Y).alpha_selection_.n_folds == 5
    many = rng.normal(size=(220, 2))
    assert net.fit(many, many[:, 0]).alpha_selection_.n_folds == 3


def test_groups_stay_together():
    for cv in (None, 3, GroupKFold(4), LeaveOneGroupOut()):
        for classes, y in ((False, Y), (True, Y > 0)):
            folds = given_folds(cv, X, y, np.ones(60), GROUPS, classes=classes, seed=0)
            assert len(folds) >= 3
            for train, test in folds:
                assert not set(GROUPS[train]) & set(GROUPS[test])
            assert_array_equal(np.sort(np.concatenate([test for _, test in folds])), np.arange(60))


def test_groups_reach_the_choice():
    """Groups of near copies: left out with their copies, they ask for a stronger penalty."""
    base = rng.normal(size=(20, 6))
    noise = rng.normal(size=20)
    copies = np.repeat(base, 5, axis=0) + 1e-3 * rng.normal(size=(100, 6))
    target = np.repeat(base[:, 0] + 2.0 * noise, 5)
    net = NewtonMLPRegressor(random_state=0)
    alone = net.fit(copies, target).alpha_
    together = net.fit(copies, target, groups=np.repeat(np.arange(20), 5)).alpha_
    assert together > 10.0 * alone


def test_groups_are_routed():
    with config_context(enable_metadata_routing=True):
        net = NewtonMLPRegressor((), random_state=0).set_fit_request(groups=True)
        search = GridSearchCV(net, {"cv": [GroupKFold(2)]}, cv=KFold(2))
        search.fit(X, Y, groups=GROUPS)
    assert search.best_estimator_.alpha_selection_.n_folds == 2


def test_groups_do_not_matter_where_alpha_is_given():
    net = RBFNetRegressor(2, alpha=1.0, random_state=0)
    expected = net.fit(X, Y).predict(X)
    assert_array_equal(net.fit(X, Y, groups=GROUPS).predict(X), expected)


@pytest.mark.parametrize(
    ("params", "groups", "message"),
    [
        ({}, np.zeros(60), "groups must have at least two values"),
        ({}, GROUPS[:-1], "inconsistent numbers of samples"),
        ({"cv": LeaveOneGroupOut()}, None, "'groups' parameter should not be None"),
        ({"cv": [(np.arange(60), np.arange(0))]}, None, "without rows to fit or without rows"),
        ({"cv": 1}, None, "'cv' parameter"),
        ({"cv": "loo"}, None, "'cv' parameter"),
    ],
)
def test_what_cannot_be_divided_is_refused(params, groups, message):
    with pytest.raises(ValueError, match=message):
        NewtonMLPRegressor((), random_state=0, **params).fit(X, Y, groups=groups)


@pytest.mark.parametrize("Net", [NewtonMLPRegressor, NewtonMLPClassifier])
def test_order_and_repetition_of_rows_change_no_bit(Net):
    """Many minima lie close together: nothing but values may decide between them."""
    y = Y if Net is NewtonMLPRegressor else np.digitize(Y, [-0.5, 0.5])
    counts = rng.integers(1, 4, size=60)
    order = rng.permutation(counts.sum())
    net = Net((4,), random_state=0)
    weighted = net.fit(X, y, counts.astype(float)).params_
    repeated = net.fit(np.repeat(X, counts, axis=0)[order], np.repeat(y, counts)[order]).params_
    assert_array_equal(repeated, weighted)


def test_a_strength_is_the_strongest_of_those_that_are_hardly_worse():
    found = NewtonMLPRegressor((3,), random_state=0).fit(X, Y).alpha_selection_
    chosen = int(np.flatnonzero(found.alphas == found.alpha)[0])
    lowest = int(found.held_out_loss.argmin())
    gap, error = found.held_out_loss - found.held_out_loss[lowest], found.std_errors
    assert chosen <= lowest  # from strong to weak
    assert (gap[chosen : lowest + 1] <= 0.5 * error[chosen : lowest + 1] + 1e-15).all()
    assert chosen == 0 or gap[chosen - 1] > 0.5 * error[chosen - 1]
