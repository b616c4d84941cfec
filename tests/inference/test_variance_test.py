"""White's test of squared residuals: by another road, by its size, and by what it sees."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from scipy.special import expit

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor


def linear(kind=NewtonMLPRegressor, **params):
    return kind((), **{"alpha": 0.0, "random_state": 0, **params})


def asked(est, X, y, *args, **options):
    return est.fit(X, y, *args).inference(X, y, *args, **options).variance_test


def ranks(column):
    return 2.0 * (stats.rankdata(column) - 0.5) / len(column) - 1.0


@pytest.mark.parametrize("n", [100, 300])
def test_squared_errors_are_regressed_as_by_least_squares(n):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    y = X[:, 0] + (1.0 + 0.3 * X[:, 1]) * rng.normal(size=n)
    A = np.c_[X, np.ones(n)]
    fitted = A @ np.linalg.lstsq(A, y, rcond=None)[0]
    columns = [fitted, *X.T] if n >= 30 * 8 else [fitted]
    Z = np.column_stack([np.ones(n), *[ranks(c) ** power for c in columns for power in (1, 2)]])
    squares = (y - fitted) ** 2
    left = squares - Z @ np.linalg.lstsq(Z, squares, rcond=None)[0]
    share = 1.0 - left @ left / ((squares - squares.mean()) @ (squares - squares.mean()))
    df = 2 * len(columns)
    found = asked(linear(), X, y)
    assert found.df == df
    assert_allclose(found.statistic, n * share, rtol=1e-8)
    F = (share / df) / ((1.0 - share) / (n - df - 1))
    assert_allclose(found.p_value, stats.f.sf(F, df, n - df - 1), rtol=1e-8)


def test_log_losses_are_score_tests_of_more_inputs():
    """With m_i = (y - p)(1 - 2 p): inputs Z (1 - 2 p) beside X, by the efficient score."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 2))
    y = (rng.random(600) < expit(0.7 + X[:, 0] - 0.5 * X[:, 1])).astype(int)
    est = linear(NewtonMLPClassifier)
    found = asked(est, X, y)
    p = est.predict_proba(X)[:, 1]
    columns = [np.log(p / (1.0 - p)), *X.T]
    Z = [np.ones(600), *[ranks(c) ** power for c in columns for power in (1, 2)]]
    more = np.column_stack(Z) * (1.0 - 2.0 * p)[:, None]
    A, root = np.c_[X, np.ones(600)], np.sqrt(p * (1.0 - p))[:, None]
    more = more - A @ np.linalg.lstsq(A * root, more * root, rcond=None)[0]
    score, information = more.T @ (y - p), (more * root).T @ (more * root)
    assert_allclose(found.statistic, score @ np.linalg.pinv(information) @ score, rtol=1e-6)
    assert found.df == np.linalg.matrix_rank(information)


def draws(name, rng, n=250):
    X = np.c_[rng.normal(size=n), rng.exponential(size=n)]
    eta = 0.3 + 0.5 * X[:, 0] - 0.3 * X[:, 1]
    if name == "squared_error":
        return linear(), X, eta + rng.standard_t(8, size=n)
    if name == "poisson":
        return linear(loss=name), X, rng.poisson(np.exp(eta + 0.5))
    if name == "gamma":
        return linear(loss=name), X, np.exp(eta) * rng.gamma(2.0, 0.5, n)
    if name == "two classes":
        return linear(NewtonMLPClassifier), X, (rng.random(n) < expit(2.0 * eta)).astype(int)
    utility = np.outer(2.0 * eta, [0.0, 1.0, -1.0]) + rng.gumbel(size=(n, 3))
    return linear(NewtonMLPClassifier), X, np.argmax(utility, axis=1)


LOSSES = ["squared_error", "poisson", "gamma", "two classes", "three classes"]


@pytest.mark.parametrize("name", LOSSES)
def test_right_models_are_rejected_one_time_in_twenty(name):
    p = [asked(*draws(name, np.random.default_rng(seed))).p_value for seed in range(40)]
    assert np.isfinite(p).all()
    assert np.mean(np.array(p) < 0.05) <= 0.125
    assert np.mean(np.array(p) < 0.01) <= 0.075
    assert 0.35 < np.mean(p) < 0.65


def symmetric_spread(rng):
    """Errors that are larger at both ends of an input that does nothing else."""
    X = rng.normal(size=(300, 3))
    return linear(), X, X[:, 0] + (0.2 + 0.4 * np.abs(X[:, 2])) * rng.normal(size=300)


def overdispersed(rng):
    X = rng.normal(size=(400, 2))
    mean = np.exp(0.7 + 0.5 * X[:, 0]) * rng.gamma(3.0, 1.0 / 3.0, 400)
    return linear(loss="poisson"), X, rng.poisson(mean)


def wrong_mean(rng):
    X = rng.normal(size=(800, 2))
    y = (rng.random(800) < expit(X[:, 0] ** 2 - 2.0 + X[:, 1])).astype(int)
    return linear(NewtonMLPClassifier), X, y


@pytest.mark.parametrize("make", [symmetric_spread, overdispersed, wrong_mean])
def test_what_it_sees_is_a_note_with_its_p_value(make):
    """Errors of model and sandwich differ by less than 1.5 in nearly all of these."""
    seen = 0
    for seed in range(6):
        est, X, y = make(np.random.default_rng(seed))
        res = est.fit(X, y).inference(X, y)
        notes = [finding for finding in res.findings if finding.kind == "misspecification"]
        assert len(notes) == (res.variance_test.p_value < 0.01)
        assert all(f"p = {res.variance_test.p_value:.2g}" in note.message for note in notes)
        assert not any("cov_type" in note.message for note in notes)
        assert res.identifiable
        seen += len(notes)
    assert seen >= 5


@pytest.mark.parametrize("name", LOSSES)
def test_counts_are_repeated_rows(name):
    est, X, y = draws(name, np.random.default_rng(0), n=300)
    counts = np.random.default_rng(1).integers(1, 4, 300)
    found = asked(est, X, y, counts.astype(float))
    wanted = asked(est, np.repeat(X, counts, axis=0), np.repeat(y, counts))
    assert found.df == wanted.df
    assert_allclose(found.statistic, wanted.statistic, rtol=1e-5)
    assert_allclose(found.p_value, wanted.p_value, rtol=1e-4)


def test_units_of_the_table_do_not_matter():
    est, X, y = symmetric_spread(np.random.default_rng(0))
    moved = asked(est, 1e5 * X + 3.0, 1e6 * y - 2e6)
    assert_allclose(moved.statistic, asked(est, X, y).statistic, rtol=1e-6)


def test_hidden_units_too():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    y = np.tanh(1.5 * X[:, 0] - X[:, 1]) + 0.3 * rng.normal(size=400)
    est = NewtonMLPRegressor((1,), alpha=0.0, n_init=3, random_state=0)
    assert asked(est, X, y).p_value > 0.01
    assert asked(est, X, y + 0.3 * X[:, 1] ** 2 * rng.normal(size=400)).p_value < 1e-3


@pytest.mark.parametrize(
    ("params", "options"),
    [
        ({"loss": "pseudo_huber"}, {"cov_type": "HC0", "weight_type": "sampling"}),
        ({"loss": "poisson"}, {"weight_type": "precision"}),
    ],
)
def test_where_there_is_no_test_a_reason_stands(params, options):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = rng.poisson(np.exp(0.3 * X[:, 0])).astype(float)
    found = asked(linear(**params), X, y, rng.uniform(0.5, 2.0, 200), **options)
    assert np.isnan(found.p_value)
    assert "no test of variances" in found.reason
