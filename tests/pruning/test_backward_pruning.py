"""BackwardPruning from end to end: what goes, what stays, and in which order."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from estimator_cases import regression_data
from inference_cases import LABELS
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.base import clone

from sknewtonnet import (
    BackwardPruning,
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    RBFNetClassifier,
    RBFNetRegressor,
)
from sknewtonnet.estimators import fit_of
from sknewtonnet.pruning._parts import parts
from sknewtonnet.pruning._significance import significances

N = 200


def inputs(n=N, seed=0):
    """Draw two inputs that count and two that do not."""
    return np.random.default_rng(seed).normal(size=(n, 4))


def truth(X):
    return 1.5 * np.tanh(1.5 * X[:, 0] - X[:, 1])


def numbers(n=N, seed=0, noise=0.2):
    X = inputs(n, seed)
    return X, truth(X) + noise * np.random.default_rng(seed + 1).normal(size=n)


def counts():
    X = inputs()
    return X, np.random.default_rng(5).poisson(np.exp(truth(X))).astype(float)


def two_classes():
    X = inputs(400)
    chance = 1.0 / (1.0 + np.exp(-2.0 * truth(X)))
    return X, np.where(np.random.default_rng(3).random(400) < chance, "yes", "no")


def three_classes():
    X = inputs(400)
    f = truth(X)
    scores = np.exp(np.column_stack([0.0 * f, 2.0 * f, -2.0 * f]))
    edges = (scores / scores.sum(axis=1, keepdims=True)).cumsum(axis=1)
    return X, LABELS[(np.random.default_rng(4).random(400)[:, None] > edges).sum(axis=1)]


def labels():
    X = inputs(400)
    noise = np.random.default_rng(6).logistic(size=(400, 2))
    return X, (np.column_stack([2.0 * truth(X), -1.5 * truth(X)]) + noise > 0).astype(int)


def net(hidden=(2,), **params):
    return NewtonMLPRegressor(
        hidden, **{"alpha": 0.1, "standardize": False, "n_init": 3, "random_state": 0} | params
    )


def classes(hidden=(2,), **params):
    return NewtonMLPClassifier(
        hidden, **{"alpha": 0.05, "standardize": False, "n_init": 2, "random_state": 0} | params
    )


CASES = {
    "regression": (net(), numbers),
    "poisson": (net(loss="poisson", alpha=0.05), counts),
    "skip": (net(skip_connections="input-output"), numbers),
    "two layers": (net((2, 2), skip_connections="all", alpha=0.2), numbers),
    "binary": (classes(), two_classes),
    "three classes": (classes(), three_classes),
    "three classes, alpha=0": (classes((1,), alpha=0.0), three_classes),
    "labels": (classes(), labels),
}
each_case = pytest.mark.parametrize("name", CASES)


def check_result(pruned, original, X, y, weight=None):
    """What holds whatever was pruned."""
    last = [step for step in pruned.path_ if step.accepted][-1]
    fitted = pruned.estimator_
    assert fitted.critical_point_ == "minimum"
    assert fitted.loss_ == pytest.approx(last.loss, rel=1e-7)
    assert len(fitted.params_) == last.n_parameters == fit_of(fitted).network.n_parameters
    assert np.abs(fitted.objective(X, y, weight).gradient(fitted.params_)).max() < 1e-8
    arrays = fit_of(fitted).network.layout.unpack(fitted.params_)
    assert sum(mask.sum() for mask in fitted.connectivity.values()) == len(fitted.params_)
    for name, mask in fitted.connectivity.items():
        assert mask.shape == arrays[name].shape
        assert not arrays[name][~mask].any()
        assert (arrays[name][mask] != 0).all()
    for k, coefs in enumerate(fitted.coefs_):
        assert np.array_equal(coefs, arrays[f"coefs_{k}"])
    others = clone(fitted).get_params()
    for name, value in clone(original).get_params().items():
        if name != "connectivity":
            assert repr(others[name]) == repr(value)
    assert np.array_equal(pruned.predict(X), fitted.predict(X))
    assert pruned.score(X, y) == fitted.score(X, y)
    slopes = np.abs(fitted.input_derivatives(X)).reshape(len(X), -1, X.shape[1])
    assert (slopes.max(axis=(0, 1)) > 0).tolist() == pruned.get_support().tolist()


def check_path(pruned):
    first, *steps = pruned.path_
    assert first.removed == ()
    assert first.accepted
    last, refused = first, []
    for step in steps:
        assert step.removed
        assert step.p_value >= (pruned.significance_level or 0.0)
        if step.accepted:
            if pruned.scoring is not None:
                assert step.criterion <= last.criterion + 1e-8 * abs(last.criterion)
            last = step
        elif len(step.removed) == 1:
            refused += step.removed
    if pruned.scoring is None:
        assert not refused
    return refused


@each_case
@pytest.mark.parametrize("unit", ["auto", "weight", "feature"])
def test_relevant_inputs_stay(name, unit):
    original, data = CASES[name]
    X, y = data()
    before = repr(original.get_params())
    pruned = BackwardPruning(original, unit=unit).fit(X, y)
    assert pruned.get_support()[:2].all()
    kept = np.flatnonzero(pruned.get_support()).tolist()
    assert pruned.get_support(indices=True).tolist() == kept
    assert pruned.get_feature_names_out().tolist() == [f"x{j}" for j in kept]
    check_result(pruned, original, X, y)
    check_path(pruned)
    assert repr(original.get_params()) == before
    assert vars(original).keys() == original.get_params(deep=False).keys()


@pytest.mark.parametrize("unit", ["auto", "weight", "feature"])
def test_irrelevant_inputs_go(unit):
    """Nearly always, if the net has the right size."""
    pruning = BackwardPruning(net((1,), n_init=1), unit=unit)
    found = np.array([pruning.fit(*numbers(seed=seed)).support_ for seed in range(6)])
    assert found[:, :2].all()
    assert (~found[:, 2:]).mean() >= 0.8


def test_all_that_is_left_is_significant_or_refused():
    for params in ({}, {"scoring": None}, {"significance_level": 1e-6, "scoring": "aic"}):
        X, y = numbers()
        params = {"unit": "weight", "significance_level": 0.05} | params
        pruned = BackwardPruning(net((3,)), **params).fit(X, y)
        refused = check_path(pruned)
        results = quiet_inference(pruned.estimator_, X, y, cov_type="bayesian")
        p_values = 2.0 * stats.t.sf(np.abs(results.params / results.std_errors), results.df_resid)
        labelled = zip(results.names, p_values, strict=True)
        for label, p_value in labelled:
            if label.startswith("coefs") and label not in refused:
                assert p_value < pruned.significance_level


def quiet_inference(fitted, *args, **kwargs):
    """Inference, whatever the gate says."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return fitted.inference(*args, **kwargs)


@pytest.mark.parametrize("criterion", ["wald", "obs", "obd"])
@pytest.mark.parametrize("unit", ["weight", "neuron", "feature"])
@pytest.mark.parametrize("scoring", [None, "bic"])
def test_criteria_and_units(criterion, unit, scoring):
    X, y = numbers()
    original = net((3,), n_init=1)
    params = {"criterion": criterion, "unit": unit, "scoring": scoring}
    pruned = BackwardPruning(original, significance_level=0.05, **params).fit(X, y)
    check_result(pruned, original, X, y)
    check_path(pruned)
    assert pruned.support_[:2].all()
    if unit == "neuron" and criterion != "obd":
        assert pruned.unit_support_[0].sum() < 3
    names = {"weight": "coefs", "neuron": "h", "feature": "x"}
    assert all(part.startswith(names[unit]) for step in pruned.path_ for part in step.removed)


@pytest.mark.parametrize("scoring", ["aic", "aicc", "nic", "tic", "gcv"])
def test_scorings(scoring):
    X, y = numbers()
    pruned = BackwardPruning(net(), scoring=scoring).fit(X, y)
    check_result(pruned, net(), X, y)
    check_path(pruned)
    results = quiet_inference(pruned.estimator_, X, y)
    last = [step for step in pruned.path_ if step.accepted][-1]
    assert last.criterion == pytest.approx(getattr(results, scoring), rel=1e-6)
    assert pruned.path_.criterion == scoring


def test_group_degrees_of_freedom():
    X, y = numbers()
    pruned = BackwardPruning(net(), unit="feature", step=1).fit(X, y)
    assert len(pruned.path_) > 1
    for step in pruned.path_[1:]:
        assert (step.df, len(step.removed)) == (2, 1)
        assert step.accepted == (step.removed[0] in ("x2", "x3"))


@pytest.mark.parametrize("params", [{}, {"covariance_type": "diag", "skip_connections": "all"}])
def test_centers_go(params):
    X = inputs()[:, :2]
    y = np.exp(-(X**2).sum(axis=1)) + 0.05 * np.random.default_rng(2).normal(size=N)
    original = RBFNetRegressor(
        4, alpha=0.01, random_state=0, n_init=2, standardize=False, **params
    )
    pruned = BackwardPruning(original, unit="neuron", scoring=None, significance_level=1e-9)
    pruned.fit(X, y)
    check_path(pruned)
    gone = ~pruned.unit_support_[0]
    assert gone.sum() == len([c for step in pruned.path_ for c in step.removed]) > 0
    fitted = pruned.estimator_
    assert not fitted.centers_[gone].any()
    assert not fitted.coefs_[0][:2].any() or params or pruned.unit_support_[0][:2].any()
    assert fitted.critical_point_ in ("minimum", "inconclusive")
    assert len(fitted.params_) == pruned.path_[-1].n_parameters


def test_center_that_went_gives_no_warning():
    """Also where inputs are far from zero, where it then stands."""
    X = inputs()[:, :2] + 50.0
    y = np.exp(-((X - 50.0) ** 2).sum(axis=1)) + 0.05 * np.random.default_rng(2).normal(size=N)
    original = RBFNetRegressor(4, alpha=0.01, random_state=0, n_init=2, standardize=False)
    pruned = BackwardPruning(original, unit="neuron", scoring=None, significance_level=1e-9)
    assert not pruned.fit(X, y).unit_support_[0].all()


@pytest.mark.parametrize("params", [{}, {"tied": {"precisions_cholesky": 0}}])
def test_centers_of_standardised_columns_go(params):
    """The pruned net has the same predictions whatever the origins and units of the inputs."""
    X = inputs()[:, :2]
    y = np.exp(-(X**2).sum(axis=1)) + 0.05 * np.random.default_rng(2).normal(size=N)
    original = RBFNetRegressor(3, alpha=0.01, random_state=0, **params)
    found = []
    for Z in (X, 100.0 + 30.0 * X):
        pruned = BackwardPruning(original, unit="neuron").fit(Z, y)
        gone = ~pruned.unit_support_[0]
        assert gone.any()
        assert not pruned.estimator_.centers_[gone].any()
        found.append(pruned.predict(Z))
    assert_allclose(*found, rtol=1e-6, atol=1e-8)


def test_rbf_classifier():
    X, y = two_classes()
    original = RBFNetClassifier(3, alpha=0.1, random_state=0, standardize=False)
    pruned = BackwardPruning(original, unit="neuron").fit(X, y)
    assert pruned.predict_proba(X) == pytest.approx(pruned.estimator_.predict_proba(X), abs=0)
    assert pruned.classes_.tolist() == ["no", "yes"]
    assert pruned.support_.all()  # no zero of a weight takes an input from a radial unit


def test_units_go_before_inputs_and_inputs_before_weights():
    X, y = numbers()
    pruned = BackwardPruning(net((4,))).fit(X, y)
    kinds = ["hxc".index(step.removed[0][0]) for step in pruned.path_[1:]]
    assert kinds == sorted(kinds)
    assert set(kinds) == {0, 1, 2}
    assert pruned.unit_support_[0].sum() == 1
    assert pruned.support_.tolist() == [True, True, False, False]
    check_result(pruned, net((4,)), X, y)
    check_path(pruned)


def test_radial_nets_lose_units_then_weights():
    """No weight takes an input from a radial unit, so there is nothing to try between."""
    X = inputs()[:, :2]
    y = np.exp(-(X**2).sum(axis=1)) + 0.05 * np.random.default_rng(2).normal(size=N)
    original = RBFNetRegressor(
        3, alpha=0.01, random_state=0, standardize=False, skip_connections="all"
    )
    pruned = BackwardPruning(original, step=1).fit(X, y)
    check_path(pruned)
    removed = [name for step in pruned.path_ for name in step.removed]
    assert removed[0] in ("c0", "c1", "c2")
    assert removed[-1].startswith("coefs")


@pytest.mark.parametrize(("statistic", "dropped"), [(4.5, True), (6.5, False)])
def test_the_criterion_decides_and_not_the_test(statistic, dropped):
    """BIC charges log n = 5.3, so what a test at 5 % (3.8) would keep may go."""
    X, e = weak()[0], weak()[1] - 0.4 * weak()[0][:, 0]
    A = np.column_stack([X, np.ones(N)])
    variance = np.linalg.inv(A.T @ A)[0, 0] * (e @ e) / (N - 5)
    y = e + np.sqrt(statistic * variance) * X[:, 0]
    pruned = BackwardPruning(net((), alpha=0.0)).fit(X, y)
    assert pruned.support_[0] == (not dropped)
    tried = next(step for step in pruned.path_ if "x0" in step.removed)
    assert tried.accepted == dropped
    barred = BackwardPruning(net((), alpha=0.0), significance_level=0.05).fit(X, y)
    assert barred.support_[0]
    assert all("x0" not in step.removed for step in barred.path_)


def test_after_a_refusal_one_at_a_time():
    X, y = numbers()
    pruned = BackwardPruning(net((1,)), unit="weight", step=0.5).fit(X, y)
    steps = pruned.path_[1:]
    for before, after in pairwise(steps):
        if not before.accepted and len(before.removed) == 1:
            assert len(after.removed) == 1
    assert sum(len(step.removed) > 1 for step in steps) > 0


def test_nothing_is_tried_twice():
    """With one unit an input is one weight: what could not go as an input is not tried again."""
    X, y = numbers()
    pruned = BackwardPruning(net((1,))).fit(X, y)
    removed = [step.removed for step in pruned.path_]
    assert ("x0",) in removed
    assert ("coefs_0[x0, h0]",) not in removed
    check_path(pruned)


# How it goes on.


def noise():
    X = inputs(100)
    return X, np.random.default_rng(9).normal(size=100)


def weak():
    """One input that counts a little, three that do not at all."""
    X = inputs()
    e = np.random.default_rng(1).normal(size=N)
    A = np.column_stack([X, np.ones(N)])
    return X, 0.4 * X[:, 0] + e - A @ np.linalg.lstsq(A, e, rcond=None)[0]


def test_step_as_a_number():
    X, y = noise()
    pruned = BackwardPruning(net(()), unit="weight", step=3).fit(X, y)
    assert [len(step.removed) for step in pruned.path_] == [0, 3, 1]
    one = BackwardPruning(net(()), unit="weight", step=1).fit(X, y)
    assert [len(step.removed) for step in one.path_] == [0, 1, 1, 1, 1]
    assert one.estimator_.params_ == pytest.approx([y.mean()])
    assert one.path_[-1].n_parameters == 1
    # Order: the one of the largest p-value first.
    results = net(()).fit(X, y).inference(X, y, cov_type="bayesian")
    assert one.path_[1].removed[0] == results.names[int(np.argmax(results.p_values[:4]))]
    assert one.path_[1].p_value == pytest.approx(results.p_values[:4].max())


def test_step_as_a_part():
    X, y = noise()
    pruned = BackwardPruning(net(()), step=0.5).fit(X, y)
    assert [len(step.removed) for step in pruned.path_] == [0, 2, 1, 1]


def test_too_many_are_halved():
    """All at once is too much; what is restored is recorded, and the rest is tried alone."""
    X, y = weak()
    pruned = BackwardPruning(net(()), unit="weight", step=4).fit(X, y)
    sizes = [(len(step.removed), step.accepted) for step in pruned.path_[1:]]
    assert sizes == [(4, False), (2, True), (2, False), (1, True), (1, False)]
    assert pruned.support_.tolist() == [True, False, False, False]
    restored = [step for step in pruned.path_ if not step.accepted]
    best = min(step.criterion for step in pruned.path_)
    assert all(step.criterion > best for step in restored)
    assert restored[-1].removed == ("coefs_0[x0, y]",)
    check_result(pruned, net(()), X, y)


@pytest.mark.parametrize("max_steps", [1, 2, 3])
def test_max_steps_are_attempts(max_steps):
    X, y = weak()
    pruned = BackwardPruning(net(()), step=4, significance_level=1e-12, max_steps=max_steps)
    assert len(pruned.fit(X, y).path_) == 1 + max_steps


def test_pruning_down_to_nothing():
    X, y = noise()
    original = net((2, 2), skip_connections="all", alpha=0.1)
    pruned = BackwardPruning(original, scoring=None, significance_level=1e-12).fit(X, y)
    fitted = pruned.estimator_
    assert fit_of(fitted).network.layout.names == ["intercepts_2[y]"]
    assert fitted.predict(X) == pytest.approx(np.full(100, y.mean()))
    assert not pruned.support_.any()
    assert not np.concatenate(pruned.unit_support_).any()
    assert pruned.get_feature_names_out().shape == (0,)


def test_connectivity_of_the_user_is_kept():
    X, y = numbers()
    masks = {
        "coefs_0": np.array([[True, False], [True, True], [False, True], [True, True]]),
        "intercepts_0": np.array([True, False]),
    }
    original = net(connectivity=masks)
    before = {name: mask.copy() for name, mask in masks.items()}
    pruned = BackwardPruning(original).fit(X, y)
    for name, mask in before.items():
        assert not (pruned.estimator_.connectivity[name] & ~mask).any()
        assert np.array_equal(masks[name], mask)
    assert original.connectivity is masks
    check_result(pruned, original, X, y)


@pytest.mark.parametrize("warm_start", [True, False])
def test_warm_start_is_a_parameter_like_others(warm_start):
    X, y = numbers()
    original = net(warm_start=warm_start).fit(*numbers(seed=7))
    params = original.params_.copy()
    pruned = BackwardPruning(original).fit(X, y)
    assert pruned.estimator_.warm_start is warm_start
    assert np.array_equal(original.params_, params)
    again = BackwardPruning(net()).fit(X, y)
    assert np.array_equal(again.estimator_.params_, pruned.estimator_.params_)


@pytest.mark.parametrize("name", ["regression", "binary"])
def test_weight_two_is_a_row_twice(name):
    original, data = CASES[name]
    X, y = data()
    weight = np.random.default_rng(2).integers(0, 3, len(X))
    one = BackwardPruning(original).fit(X, y, weight)
    two = BackwardPruning(original).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    assert [len(s.removed) for s in one.path_] == [len(s.removed) for s in two.path_]
    assert one.support_.tolist() == two.support_.tolist()
    assert one.estimator_.predict(X).tolist() == two.estimator_.predict(X).tolist() or (
        one.estimator_.predict(X) == pytest.approx(two.estimator_.predict(X), abs=1e-6)
    )
    assert one.path_[-1].criterion == pytest.approx(two.path_[-1].criterion)
    check_result(one, original, X, y, weight)


def test_effective_parameters_stay_between_none_and_all():
    """Near a flat minimum tr(H^-1 H0) falls without bound; the criterion must not chase that."""
    X, y = regression_data()
    fitted = NewtonMLPRegressor((6,), alpha=0.2, random_state=0, standardize=False).fit(X, y)
    state, n_steps = fit_of(fitted, X, y), 0
    while state.n_parameters > 2:
        information = state.information
        H0 = information.hessian - information.penalty
        count = information.effective_parameters
        assert np.trace(information.factor.inverse @ H0) - 1e-9 <= count
        assert 0.0 <= count <= information.n_identified
        first = significances(state, parts(state, "weight"), "obs", "bayesian")[0]
        state, n_steps = state.without(first.part.positions), n_steps + 1
    assert n_steps > 10
