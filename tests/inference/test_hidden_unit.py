"""The test for one more hidden unit: sums over rows, power, and what it does not hang on."""

import numpy as np
import pytest
from inference_cases import classes, inputs, net, several, three
from numpy.testing import assert_allclose
from scipy import stats

from sknewtonnet.inference import weighted_chi_square_tail
from sknewtonnet.inference._hidden_unit import _functions


def data(n=200, bend=0.0, seed=0):
    """A plane, or a plane that is bent along one direction."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    return X, X[:, 0] - X[:, 1] + bend * np.tanh(2.0 * X[:, 2]) ** 2 + 0.5 * rng.normal(size=n)


def by_hand(X, y, Z, weight, products):
    """Residuals against what a plane leaves of the new functions, by least squares."""
    root = np.sqrt(weight)[:, None]
    plane = np.column_stack([X, np.ones(len(X))])
    both = np.column_stack([y, Z])
    left = both - plane @ np.linalg.lstsq(root * plane, root * both, rcond=None)[0]
    residual, rest = left[:, 0], left[:, 1:]
    e = (weight * residual) @ rest
    V = products(residual[:, None] * rest, residual, rest)
    sizes = np.linalg.eigvalsh(V)
    df = sizes.sum() ** 2 / (sizes @ sizes)
    tail = weighted_chi_square_tail(e @ e, np.maximum(sizes, 0.0))
    return df * (e @ e) / sizes.sum(), df, tail


@pytest.mark.parametrize("directions", ["random", "taylor"])
@pytest.mark.parametrize("variance", ["rows", "model", "clusters"])
def test_against_least_squares(directions, variance):
    X, y = data(bend=0.5)
    weight = np.random.default_rng(1).uniform(0.5, 2.0, len(X))
    town = np.arange(len(X)) % 40
    est = net((), n_init=1).fit(X, y, weight)
    given = {"groups": town} if variance == "clusters" else {"cov_type": "HC0"}
    if variance == "model":
        given = {"cov_type": "hessian"}
    results = est.inference(X, y, weight, weight_type="precision", **given)
    found = results.hidden_unit_test(directions, robust=variance != "model")
    Z = _functions(results.information, directions, 100, 0)

    def products(rows, residual, rest):
        if variance == "model":
            phi = (weight * residual**2).sum() / (len(X) - 4)
            return phi * (weight[:, None] * rest).T @ rest
        sums = weight[:, None] * rows
        if variance == "clusters":
            sums = np.array([sums[town == t].sum(axis=0) for t in range(40)])
        return sums.T @ sums

    statistic, df, p_value = by_hand(X, y, Z, weight, products)
    assert found.statistic == pytest.approx(statistic, rel=1e-6)
    assert found.df == pytest.approx(df, rel=1e-6)
    assert found.p_value == pytest.approx(p_value, rel=1e-5)


def test_components_are_a_score_test():
    X, y = data(bend=0.5)
    results = net((), n_init=1).fit(X, y).inference(X, y)
    found = results.hidden_unit_test(n_components=3)
    assert found.df == 3
    assert found.p_value == pytest.approx(stats.chi2.sf(found.statistic, 3), rel=1e-10)


@pytest.mark.parametrize("make", [lambda: (net(()), several()), lambda: (classes(()), three())])
def test_outputs_in_another_order(make):
    est, (X, y) = make()
    first = est.fit(X, y).inference(X, y).hidden_unit_test()
    renamed = np.char.replace(y.astype(str), "ash", "yew")
    other = y[:, ::-1] * [1.0, 100.0] if y.ndim == 2 else renamed
    second = est.fit(X, other).inference(X, other).hidden_unit_test()
    assert_allclose([second.statistic, second.df], [first.statistic, first.df], rtol=1e-5)


def test_rows_that_count_twice():
    X, y = data(60, bend=0.5)
    weight = np.random.default_rng(2).integers(1, 4, 60)
    rows = np.repeat(np.arange(60), weight)
    short = net(()).fit(X, y, weight).inference(X, y, weight).hidden_unit_test()
    long = net(()).fit(X[rows], y[rows]).inference(X[rows], y[rows]).hidden_unit_test()
    assert long.p_value == pytest.approx(short.p_value, rel=1e-6)


@pytest.mark.parametrize(("bend", "least", "most"), [(0.0, 0.0, 0.13), (0.9, 0.85, 1.0)])
def test_size_power_and_seeds(bend, least, most):
    """With ten units and three components seeds disagreed in a fifth of too small nets."""
    p = []
    for seed in range(40):
        X, y = data(bend=bend, seed=seed)
        results = net((), n_init=1).fit(X, y).inference(X, y)
        p.append([results.hidden_unit_test(random_state=k).p_value for k in (0, 1)])
    rejected = np.array(p) < 0.05
    assert least <= rejected.mean() <= most
    assert (rejected[:, 0] != rejected[:, 1]).mean() <= 0.07


@pytest.mark.filterwarnings("ignore:Inference:UserWarning")
def test_a_penalty_is_no_evidence_for_another_unit():
    """A plane shrunk to a tenth leaves a plane in the residuals, which a plane explains."""
    p = []
    for seed in range(40):
        X, y = data(seed=seed)
        X = X @ np.linalg.cholesky(np.full((3, 3), 0.7) + 0.3 * np.eye(3)).T
        results = net((), alpha=400.0, n_init=1).fit(X, y).inference(X, y, cov_type="HC0")
        p.append(results.hidden_unit_test().p_value)
    assert np.mean(np.array(p) < 0.05) < 0.14


def test_what_the_net_can_do():
    X = inputs(60)[:, :1]
    X = np.where(X > 0, 1.0, 0.0)  # two values: a line is all there is
    y = X[:, 0] + 0.1 * np.random.default_rng(0).normal(size=60)
    found = net((), n_init=1).fit(X, y).inference(X, y).hidden_unit_test()
    assert np.isnan(found.p_value)
    assert found.reason == "the net can do all that a further unit could"
