"""One step of pruning: what is predicted, where it lands, what else goes with it."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from inference_cases import plane, regression, several, three, two_units
from penalty_cases import Fused

from sknewtonnet import BackwardPruning, NewtonMLPClassifier, NewtonMLPRegressor, RBFNetRegressor
from sknewtonnet.calculus.functions.units import connected_units
from sknewtonnet.estimators import Fit, _fit, fit_of
from sknewtonnet.inference import flat_directions, group_saliency
from sknewtonnet.pruning._parts import Part, parts
from sknewtonnet.pruning._significance import significances as judged


def at_minimum(net, X, y, sample_weight=None):
    net.fit(X, y, sample_weight)
    return fit_of(net, X, y, sample_weight)


@pytest.fixture
def starts(monkeypatch):
    """Where the refits of a test begin."""
    seen = []

    def spied(*args, **params):
        solver = get_solver(*args, **params)

        def minimize(objective, start, *observer):
            seen.append(np.array(start))
            return solver.minimize(objective, start, *observer)

        return SimpleNamespace(minimize=minimize)

    get_solver = _fit.get_solver
    monkeypatch.setattr(_fit, "get_solver", spied)
    return seen


@pytest.fixture
def removals(monkeypatch):
    """Each removal that is tried: the net before, the positions, the net after."""
    seen = []
    without = Fit.without

    def spied(self, positions):
        after = without(self, positions)
        seen.append((self, np.array(positions), after))
        return after

    monkeypatch.setattr(Fit, "without", spied)
    return seen


# Affine nets: the objective is its own quadratic model.

WEIGHTS = np.random.default_rng(8).uniform(0.4, 2.5, 120)
STRENGTHS = {"coefs_0": [[0.3], [0.0], [7.0]], "intercepts_0": 0.2}
AFFINE = {
    "plain": (0.0, regression, None),
    "penalised": (2.5, regression, None),
    "strengths": (STRENGTHS, regression, None),
    "weighted": (1.0, regression, WEIGHTS),
    "two outputs": (0.0, several, None),
    "two outputs, penalised": (0.7, several, WEIGHTS),
    "fused": (0.5, regression, WEIGHTS, Fused(20.0)),
    "fused, two outputs": (0.0, several, None, Fused(20.0)),
}
each_affine = pytest.mark.parametrize("name", AFFINE)


def affine(name):
    alpha, data, weight, *own = AFFINE[name]
    net = NewtonMLPRegressor((), alpha=alpha, penalties=own, random_state=0, standardize=False)
    return at_minimum(net, *data(), weight)


def groups_of(net):
    singles = [np.array([j]) for j in range(net.n_parameters)]
    return [*singles, np.array([0, 2]), np.arange(3)]


@each_affine
def test_predicted_increase_is_the_true_one(name):
    net = affine(name)
    total = net.problem.data.sample_weight.sum()
    for group in groups_of(net):
        predicted = group_saliency(net.information, group)
        found = total * (net.without(group).value - net.value)
        assert found == pytest.approx(predicted, rel=1e-9, abs=1e-11 * total)
        assert predicted >= 0.0


@each_affine
def test_step_lands_on_the_refit(name, starts):
    net = affine(name)
    for group in groups_of(net):
        starts.clear()
        after = net.without(group)
        assert len(starts) == 1
        assert starts[0] == pytest.approx(after.params, rel=1e-9, abs=1e-10)


def test_refit_is_least_squares_of_what_is_left():
    X, y = regression()
    net = affine("plain").without(np.array([1]))
    A = np.column_stack([X[:, [0, 2]], np.ones(len(X))])
    w, rss = np.linalg.lstsq(A, y, rcond=None)[:2]
    assert net.params == pytest.approx(w, rel=1e-9)
    assert net.value == pytest.approx(0.5 * rss[0] / len(X), rel=1e-10)
    assert net.problem.network.layout.names == [
        "coefs_0[x0, y]",
        "coefs_0[x2, y]",
        "intercepts_0[y]",
    ]


def test_wald_is_twice_the_saliency_over_the_dispersion():
    net = affine("plain")
    groups = [Part("one", np.array([1])), Part("two", np.array([0, 2]))]
    wald = {t.part.name: t for t in judged(net, groups, "wald", "hessian")}
    obs = {t.part.name: t for t in judged(net, groups, "obs", "hessian")}
    for part in groups:
        assert obs[part.name].statistic == pytest.approx(wald[part.name].statistic, rel=1e-9)
        assert obs[part.name].p_value == pytest.approx(wald[part.name].p_value, rel=1e-7)
        assert obs[part.name].df == wald[part.name].df == len(part.positions)


def test_damage_is_half_the_curvature():
    net = affine("penalised")
    H, w, phi = net.information.hessian, net.params, net.information.dispersion
    group = np.array([0, 2])
    (found,) = judged(net, [Part("two", group)], "obd", "hessian")
    assert found.statistic == pytest.approx(w[group] @ H[np.ix_(group, group)] @ w[group] / phi)


def collinear():
    """One input twice, once ten times as large: the data show the sum of what they do."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=50)
    X = np.column_stack([x, 10.0 * x])
    return X, 0.7 * x + 0.3 * rng.normal(size=50)


def test_flat_directions_are_flat():
    net = at_minimum(
        NewtonMLPRegressor((), alpha=0.0, random_state=0, standardize=False), *collinear()
    )
    flat = flat_directions(net.information)
    assert flat.shape == (3, 1)
    assert np.abs(net.information.hessian @ flat).max() < 1e-6 * net.information.hessian.max()


@pytest.mark.parametrize("method", ["wald", "obs"])
def test_group_along_a_flat_direction_of_unequal_scales(method):
    X, y = collinear()
    both = at_minimum(NewtonMLPRegressor((), alpha=0.0, random_state=0, standardize=False), X, y)
    one = at_minimum(
        NewtonMLPRegressor((), alpha=0.0, random_state=0, standardize=False), X[:, :1], y
    )
    (found,) = judged(both, [Part("both", np.array([0, 1]))], method, "hessian")
    (wanted,) = judged(one, [Part("one", np.array([0]))], method, "hessian")
    assert found.statistic == pytest.approx(wanted.statistic, rel=1e-6)
    if method == "wald":
        assert found.df == 1
        assert found.p_value == pytest.approx(wanted.p_value, rel=1e-4)


def test_single_weight_along_a_flat_direction_goes_for_nothing():
    net = at_minimum(
        NewtonMLPRegressor((), alpha=0.0, random_state=0, standardize=False), *collinear()
    )
    all_parts = parts(net, "weight")
    for method in ("wald", "obs"):
        assert [t.p_value for t in judged(net, all_parts, method, "hessian")] == [1.0, 1.0]
    for part in all_parts:
        assert net.without(part.positions).value == pytest.approx(net.value, rel=1e-9)


def test_softmax_weights_of_a_row_shift_together():
    """Without a penalty one weight of each row of a softmax layer is free to be zero."""
    X, y = three()
    net = at_minimum(NewtonMLPClassifier((), alpha=0.0, random_state=0, standardize=False), X, y)
    all_parts = parts(net, "weight")
    for method in ("wald", "obs"):
        order = judged(net, all_parts, method, "hessian")
        assert [t.p_value for t in order] == [1.0] * len(all_parts)
    after = net.without(all_parts[0].positions)
    assert after.value == pytest.approx(net.value, rel=1e-10)
    left = [p for p in parts(after, "weight") if p.name.startswith("coefs_0[x0")]
    found = judged(after, left, "wald", "hessian")
    assert all(t.df == 1 and t.p_value < 1.0 for t in found)


def test_step_uses_flat_directions(starts):
    """What goes for nothing starts where it costs nothing: no other minimum is found so."""
    X, y = three()
    net = at_minimum(
        NewtonMLPClassifier((1,), alpha=0.0, random_state=0, n_init=2, standardize=False), X, y
    )
    last = [part for part in parts(net, "weight") if part.name.startswith("coefs_1")]
    for part in last:
        after = net.without(part.positions)
        assert after.problem.objective().value(starts[-1]) == pytest.approx(net.value, rel=1e-8)
        assert after.value == pytest.approx(net.value, rel=1e-8)


def test_softmax_features_have_a_degree_less():
    X, y = three()
    est = NewtonMLPClassifier((), alpha=0.0, random_state=0, standardize=False)
    net = at_minimum(est, X, y)
    found = {t.part.name: t for t in judged(net, parts(net, "feature"), "wald", "hessian")}
    results = est.inference(X, y)
    for name, test in results.wald_test_features().items():
        assert (found[name].df, test.df) == (2, 2)
        assert found[name].statistic == pytest.approx(test.statistic, rel=1e-7)


# Each step of a whole run.

RUNS = {
    "weights": (NewtonMLPRegressor((3,), alpha=0.02, standardize=False), {}),
    "neurons": (NewtonMLPRegressor((4,), alpha=0.02, standardize=False), {"unit": "neuron"}),
    "features": (
        NewtonMLPRegressor((2,), alpha=0.05, standardize=False),
        {"unit": "feature", "criterion": "obs"},
    ),
    "deep": (
        NewtonMLPRegressor((2, 2), alpha=0.05, skip_connections="all", standardize=False),
        {"step": 0.3, "criterion": "obd"},
    ),
}


@pytest.mark.parametrize("name", RUNS)
def test_after_each_step(name, removals):
    net, params = RUNS[name]
    net = type(net)(**{**net.get_params(), "n_init": 2, "random_state": 0})
    X, y = regression(two_units)
    X = np.column_stack([X, np.random.default_rng(3).normal(size=(len(X), 2))])
    pruned = BackwardPruning(net, **params).fit(X, y)
    assert len(removals) == len(pruned.path_) - 1
    assert removals
    for (before, positions, after), step in zip(removals, pruned.path_[1:], strict=True):
        layout, whole = after.problem.network.layout, before.problem.network.layout
        full = layout.expand(after.params)
        gone = whole.expand(np.isin(np.arange(before.n_parameters), positions).astype(float)) > 0
        assert not full[gone].any()
        assert (layout.positions[gone] == -1).all()
        assert (layout.positions[whole.positions == -1] == -1).all()
        objective = after.problem.objective()
        if step.accepted:
            assert np.abs(objective.gradient(after.params)).max() < 1e-7
        assert step.loss == after.value == pytest.approx(objective.value(after.params))
        assert step.n_parameters == after.n_parameters < before.n_parameters
    accepted = [r for r, s in zip(removals, pruned.path_[1:], strict=True) if s.accepted]
    for (_, _, last), (before, _, _) in pairwise(accepted):
        assert before is last
    masks = accepted[-1][2].connectivity
    for key, mask in pruned.estimator_.connectivity.items():
        assert np.array_equal(mask, masks[key])


def test_survivors_need_a_path():
    X, y = regression()
    masks = {
        "coefs_0": np.array([[True, False], [True, False], [False, True]]),
        "coefs_1": np.array([[True], [False], [True], [True], [False]]),
    }
    net = NewtonMLPRegressor(
        (2,), skip_connections="input-output", connectivity=masks, standardize=False, alpha=1.0
    )
    found = at_minimum(net.set_params(random_state=0), X, y)
    inputs, *units = connected_units(found.network)
    # Rows of the output are x0, x1, x2, h0 and h1: x1 is read by h0, x2 by the output.
    assert inputs.tolist() == [True, True, True]
    assert units[0].tolist() == [True, False]
    masks["coefs_1"][2] = False
    found = at_minimum(net.set_params(connectivity=masks), X, y)
    inputs, *_ = connected_units(found.network)
    assert inputs.tolist() == [True, True, False]


def test_net_without_a_center_is_the_net_that_never_had_it():
    X, y = plane()
    net = at_minimum(
        RBFNetRegressor(3, alpha=0.02, n_init=2, random_state=0, standardize=False), X, y
    )
    after = net.without(parts(net, "neuron")[1].positions)
    arrays = after.problem.network.layout.unpack(after.params)
    fresh = RBFNetRegressor(2, alpha=0.02, random_state=0, standardize=False).fit(X, y)
    same = {name: a if a.shape == (1,) else a[[0, 2]] for name, a in arrays.items()}
    w = fit_of(fresh).network.layout.pack(same)
    assert len(w) == after.n_parameters
    assert fresh.objective(X, y).value(w) == pytest.approx(after.value, rel=1e-10)
