"""A net has a unit too many if, without one of them, BIC is lower at the minimum nearby."""

import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sknewtonnet import (
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    NewtonNetRegressor,
    RBFNetRegressor,
)
from sknewtonnet.calculus import Linear
from sknewtonnet.estimators import fit_of
from sknewtonnet.inference import Information, unit_parameters, without_parameters


def one_unit(seed=0, n=200):
    """Inputs of which the last has no effect, and a curve that one tanh unit describes."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    return X, 2.0 * np.tanh(1.2 * X[:, 0] - 0.8 * X[:, 1] + 0.3) + 0.5 * rng.normal(size=n)


def counts(seed=0, n=300):
    X, y = one_unit(seed, n)
    return X, np.random.default_rng(seed).poisson(np.exp(0.5 + 0.5 * y)).astype(float)


def classes(seed=0, n=500):
    X, y = one_unit(seed, n)
    utility = np.outer(1.5 * y, [0.0, 1.0, -0.7])
    return X, np.argmax(utility + np.random.default_rng(seed).gumbel(size=(n, 3)), axis=1)


def two_outputs(seed=0):
    X, y = one_unit(seed)
    return X, np.c_[y, 0.5 * y + np.random.default_rng(seed).normal(size=len(y))]


def hill(seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2.0, 2.0, size=(200, 2))
    height = 2.0 * np.exp(-0.5 * (X**2).sum(axis=1))
    return X, height + 0.1 * rng.normal(size=200)


def mlp(units, **params):
    return NewtonMLPRegressor(
        units, **{"alpha": 0.05, "n_init": 3, "random_state": 0, "max_iter": 300, **params}
    )


def rbf(units):
    return RBFNetRegressor(units, alpha=0.01, random_state=0)


def classifier(units):
    return NewtonMLPClassifier(units, alpha=0.05, n_init=3, random_state=0)


CASES = {
    "squared errors": (mlp, 1, one_unit),
    "as it comes": (lambda units: mlp(units, standardize=False), 1, one_unit),
    "counts": (lambda units: mlp(units, loss="poisson"), 1, counts),
    "softmax": (classifier, 1, classes),
    "two outputs": (mlp, 1, two_outputs),
    "skip connections": (lambda units: mlp(units, skip_connections="all"), 1, one_unit),
    "radial": (rbf, 1, hill),
    "bounds": (
        lambda units: mlp(units, bounds={"intercepts_0": (-9.0, 0.1)}, standardize=False),
        1,
        one_unit,
    ),
}
each_case = pytest.mark.parametrize(("make", "right", "draw"), CASES.values(), ids=CASES)


def inference(est, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return est.fit(X, y).inference(X, y)


def over_sized(results):
    found = [finding for finding in results.findings if finding.kind == "over-sized"]
    assert len(found) <= 1
    return found[0].message if found else ""


@each_case
def test_a_unit_too_many_is_named_with_both_criteria(make, right, draw):
    X, y = draw()
    results, smaller = inference(make(right + 1), X, y), inference(make(right), X, y)
    message = over_sized(results)
    unit, without, bic = re.search(
        r"without unit (\w+) BIC is (-?[\d.]+) instead of (-?[\d.]+)\.", message
    ).groups()
    assert unit in results.diagnosis[0] or len(results.diagnosis) > 1
    assert any(unit in name for name in results.names)
    assert_allclose(float(bic), results.bic, atol=0.06)
    # The fit from where the net stood ends where fits of the smaller net end.
    assert_allclose(float(without), smaller.bic, atol=0.06)
    assert not results.identifiable


@each_case
def test_units_that_are_needed_stay(make, right, draw):
    assert not over_sized(inference(make(right), *draw()))


def test_units_of_any_hidden_layer():
    X, y = one_unit()
    results = inference(mlp((2, 1)), X, y)
    assert re.search(r"without unit h1_\d", over_sized(results)) or over_sized(results)
    names = [name for name, _ in unit_parameters(fit_of(mlp((2, 1)).fit(X, y)).network)]
    assert len(names) == 3


def test_any_layers():
    X, y = one_unit()
    layers = [Linear((0,), 2, "tanh"), Linear((0, 1), 1)]
    results = inference(NewtonNetRegressor(layers, alpha=0.05, n_init=3, random_state=0), X, y)
    assert over_sized(results)


def counted(results):
    """The same results, and a list of the fits that they ask for."""
    calls = []

    def minimize(function, start):
        calls.append(start)
        return results.refit.minimize(function, start)

    return replace(results, refit=replace(results.refit, minimize=minimize)), calls


def test_smaller_nets_are_fitted_when_findings_are_asked_for():
    X, y = one_unit()
    results, calls = counted(inference(mlp(2), X, y))
    assert np.isfinite(results.bic)
    assert len(results.get_prediction(X).se) == len(X)
    assert not calls
    assert not results.identifiable
    assert len(calls) == 1  # the first smaller net is better: no other one is fitted
    assert results.diagnosis
    assert len(calls) == 1


def test_nets_without_hidden_units_ask_for_no_fit():
    X, y = one_unit()
    results, calls = counted(mlp(()).fit(X, y).inference(X, y))
    assert results.identifiable
    assert not calls


def test_where_there_is_no_minimum_no_smaller_net_is_fitted():
    X, y = one_unit()
    est = mlp((2,)).fit(X, y)
    with pytest.warns(UserWarning, match="Inference: "):
        results, calls = counted(est.inference(X, y + X[:, 2]))
    assert not results.identifiable
    assert not calls


def test_a_smaller_net_that_cannot_be_fitted_is_a_note():
    X, y = one_unit()
    results = inference(mlp(2, alpha=0.01), X, y)
    stuck = replace(results.refit, minimize=lambda function, start: start + 0.01)
    asked = replace(results, refit=stuck)
    (finding,) = [finding for finding in asked.findings if finding.kind == "size not known"]
    assert finding.severity == "note"
    assert re.search("without units? h[01]", finding.message)


def test_constraints_that_hold_the_fit_back_hold_the_smaller_net():
    X, y = one_unit()
    bounds = {"coefs_0": (-0.8, 0.8)}
    results, one = (
        inference(mlp(units, bounds=bounds, standardize=False), X, y) for units in (2, 1)
    )
    assert results.information.active is not None
    without = re.search(r"without unit \w+ BIC is ([-\d.]+)", over_sized(results)).group(1)
    assert_allclose(float(without), one.bic, atol=0.06)


def test_a_smaller_net_whose_weights_run_away_is_given_up():
    """Without one of its units the net would want a step; that takes a few hundred gradients."""
    X, y = one_unit()
    results, calls = inference(mlp(1), X, y), []

    def crawl(function, start):
        while True:
            calls.append(start)
            start = start - 1e-9 * function.gradient(start)

    crawled = replace(results, refit=replace(results.refit, minimize=crawl))
    assert crawled.identifiable
    assert 50 < len(calls) < 500


def test_without_a_likelihood_nothing_is_said_of_the_size():
    X, y = one_unit()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        est = mlp(2, loss="pseudo_huber").fit(X, y)
        assert not over_sized(est.inference(X, y, cov_type="HC0"))


def test_the_step_of_pruning_and_of_the_gate_is_one():
    X, y = one_unit()
    fit = fit_of(mlp((2,), standardize=False).fit(X, y), X, y)
    for name, positions in unit_parameters(fit.network):
        full, kept = without_parameters(Information(fit.objective(), fit.params), positions)
        after = fit.without(positions)
        layout = fit.network.layout
        assert after.n_parameters == kept.sum() == 6
        assert not any(name in left for left in after.network.layout.names)
        start = after.network.layout.pack(layout.unpack(layout.restrict(full)))
        assert after.objective().value(start) >= after.objective().value(after.params)
