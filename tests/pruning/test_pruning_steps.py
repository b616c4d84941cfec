"""One step of pruning: what is predicted, where it lands, what else goes with it."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from inference_cases import plane, regression, several, three, two_units
from penalty_cases import Fused

from sknewtonnet import BackwardPruning, NewtonMLPClassifier, NewtonMLPRegressor, RBFNetRegressor
from sknewtonnet.calculus import Network
from sknewtonnet.calculus.functions.units import connected_units, settle
from sknewtonnet.estimators import _fit, fit_of
from sknewtonnet.inference import flat_directions, group_saliency
from sknewtonnet.pruning import _backward
from sknewtonnet.pruning._net import Part, parts, without
from sknewtonnet.pruning._significance import significances as judged


def at_minimum(net, X, y, sample_weight=None):
    net.fit(X, y, sample_weight)
    return fit_of(net)


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

    def spied(fit, positions):
        after = without(fit, positions)
        seen.append((fit, np.array(positions), after))
        return after

    monkeypatch.setattr(_backward, "without", spied)
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
    net = NewtonMLPRegressor((), alpha=alpha, penalties=own, random_state=0)
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
        found = total * (without(net, group).value - net.value)
        assert found == pytest.approx(predicted, rel=1e-9, abs=1e-11 * total)
        assert predicted >= 0.0


@each_affine
def test_step_lands_on_the_refit(name, starts):
    net = affine(name)
    for group in groups_of(net):
        starts.clear()
        after = without(net, group)
        assert len(starts) == 1
        assert starts[0] == pytest.approx(after.params, rel=1e-9, abs=1e-10)


def test_refit_is_least_squares_of_what_is_left():
    X, y = regression()
    net = without(affine("plain"), np.array([1]))
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
    net = at_minimum(NewtonMLPRegressor((), alpha=0.0, random_state=0), *collinear())
    flat = flat_directions(net.information)
    assert flat.shape == (3, 1)
    assert np.abs(net.information.hessian @ flat).max() < 1e-6 * net.information.hessian.max()


@pytest.mark.parametrize("method", ["wald", "obs"])
def test_group_along_a_flat_direction_of_unequal_scales(method):
    X, y = collinear()
    both = at_minimum(NewtonMLPRegressor((), alpha=0.0, random_state=0), X, y)
    one = at_minimum(NewtonMLPRegressor((), alpha=0.0, random_state=0), X[:, :1], y)
    (found,) = judged(both, [Part("both", np.array([0, 1]))], method, "hessian")
    (wanted,) = judged(one, [Part("one", np.array([0]))], method, "hessian")
    assert found.statistic == pytest.approx(wanted.statistic, rel=1e-6)
    if method == "wald":
        assert found.df == 1
        assert found.p_value == pytest.approx(wanted.p_value, rel=1e-4)


def test_single_weight_along_a_flat_direction_goes_for_nothing():
    net = at_minimum(NewtonMLPRegressor((), alpha=0.0, random_state=0), *collinear())
    all_parts = parts(net, "weight")
    for method in ("wald", "obs"):
        assert [t.p_value for t in judged(net, all_parts, method, "hessian")] == [1.0, 1.0]
    for part in all_parts:
        assert without(net, part.positions).value == pytest.approx(net.value, rel=1e-9)


def test_softmax_weights_of_a_row_shift_together():
    """Without a penalty one weight of each row of a softmax layer is free to be zero."""
    X, y = three()
    net = at_minimum(NewtonMLPClassifier((), alpha=0.0, random_state=0), X, y)
    all_parts = parts(net, "weight")
    for method in ("wald", "obs"):
        order = judged(net, all_parts, method, "hessian")
        assert [t.p_value for t in order] == [1.0] * len(all_parts)
    after = without(net, all_parts[0].positions)
    assert after.value == pytest.approx(net.value, rel=1e-10)
    left = [p for p in parts(after, "weight") if p.name.startswith("coefs_0[x0")]
    found = judged(after, left, "wald", "hessian")
    assert all(t.df == 1 and t.p_value < 1.0 for t in found)


def test_step_uses_flat_directions(starts):
    """What goes for nothing starts where it costs nothing: no other minimum is found so."""
    X, y = three()
    net = at_minimum(NewtonMLPClassifier((1,), alpha=0.0, random_state=0, n_init=2), X, y)
    last = [part for part in parts(net, "weight") if part.name.startswith("coefs_1")]
    for part in last:
        after = without(net, part.positions)
        assert after.problem.objective().value(starts[-1]) == pytest.approx(net.value, rel=1e-8)
        assert after.value == pytest.approx(net.value, rel=1e-8)


def test_softmax_features_have_a_degree_less():
    X, y = three()
    est = NewtonMLPClassifier((), alpha=0.0, random_state=0)
    net = at_minimum(est, X, y)
    found = {t.part.name: t for t in judged(net, parts(net, "feature"), "wald", "hessian")}
    results = est.inference(X, y)
    for name, test in results.wald_test_features().items():
        assert (found[name].df, test.df) == (2, 2)
        assert found[name].statistic == pytest.approx(test.statistic, rel=1e-7)


# Each step of a whole run.

RUNS = {
    "weights": (NewtonMLPRegressor((3,), alpha=0.02), {}),
    "neurons": (NewtonMLPRegressor((4,), alpha=0.02), {"unit": "neuron"}),
    "features": (NewtonMLPRegressor((2,), alpha=0.05), {"unit": "feature", "criterion": "obs"}),
    "deep": (
        NewtonMLPRegressor((2, 2), alpha=0.05, skip_connections="all"),
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


# What does nothing goes as well.


def settled(network, w, exists=None):
    """Check that the net stays the same function, and return it smaller."""
    exists = np.ones(network.n_parameters, dtype=bool) if exists is None else exists
    w = np.where(exists, w, 0.0)
    X = np.random.default_rng(1).normal(size=(20, network.n_features))
    full, kept = settle(network, w, exists)
    assert not full[~kept].any()
    whole = Network.from_layers(network.n_features, network.layers)
    assert whole.predict_raw(full, X) == pytest.approx(network.predict_raw(w, X), abs=1e-12)
    return whole.layout.unpack(full), {
        name: values > 0 for name, values in whole.layout.unpack(kept.astype(float)).items()
    }


def random_point(network, seed=0):
    return np.random.default_rng(seed).normal(size=network.n_parameters)


def existing(network, *gone):
    names = np.array(network.layout.names)
    assert set(gone) <= set(names)
    return ~np.isin(names, gone)


def test_nothing_goes_without_reason():
    network = Network.mlp(3, (2, 2), 1, skip_connections="all")
    w = random_point(network)
    full, kept = settle(network, w, np.ones(len(w), dtype=bool))
    assert kept.all()
    assert np.array_equal(full, w)


def test_unit_without_outgoing_weights_goes():
    network = Network.mlp(3, (2,), 1)
    exists = existing(network, "coefs_1[h1, y]")
    _, kept = settled(network, random_point(network), exists)
    assert not kept["coefs_0"][:, 1].any()
    assert kept["coefs_0"][:, 0].all()
    assert kept["intercepts_0"].tolist() == [True, False]
    assert kept["intercepts_1"].all()


def test_constant_unit_is_folded_into_intercepts():
    network = Network.mlp(2, (2,), 2)
    w = random_point(network)
    before = network.layout.unpack(w)
    arrays, kept = settled(network, w, existing(network, "coefs_0[x0, h0]", "coefs_0[x1, h0]"))
    assert kept["coefs_1"].tolist() == [[False, False], [True, True]]
    assert kept["intercepts_0"].tolist() == [False, True]
    constant = np.tanh(before["intercepts_0"][0]) * before["coefs_1"][0]
    assert arrays["intercepts_1"] == pytest.approx(before["intercepts_1"] + constant)


def test_constant_units_through_layers_and_skip_connections():
    """h1_0 is constant; without it h2_0 has no input but a skip connection that is masked."""
    network = Network.mlp(2, (1, 2), 1, ["tanh", "logistic"], "all")
    gone = [f"coefs_0[x{j}, h1_0]" for j in (0, 1)] + [f"coefs_1[x{j}, h2_0]" for j in (0, 1)]
    _, kept = settled(network, random_point(network), existing(network, *gone))
    assert not kept["coefs_0"].any()
    assert not kept["intercepts_0"].any()
    assert kept["intercepts_1"].tolist() == [False, True]
    assert kept["coefs_1"].tolist() == [[False, True], [False, True], [False, False]]
    # Inputs, h1_0, h2_0 and h2_1.
    assert kept["coefs_2"].ravel().tolist() == [True, True, False, False, True]


def test_idle_units_go_backwards_through_layers():
    network = Network.mlp(2, (2, 2), 1)
    gone = ["coefs_2[h2_1, y]", "coefs_1[h1_1, h2_0]"]
    _, kept = settled(network, random_point(network), existing(network, *gone))
    assert kept["coefs_1"].tolist() == [[True, False], [False, False]]
    assert kept["coefs_0"].tolist() == [[True, False], [True, False]]
    assert kept["intercepts_0"].tolist() == [True, False]


def test_masked_intercept_takes_no_constant():
    mask = {"intercepts_1": np.array([False])}
    network = Network.mlp(2, (2,), 1, connectivity=mask)
    gone = ["coefs_0[x0, h0]", "coefs_0[x1, h0]"]
    _, kept = settled(network, random_point(network), existing(network, *gone))
    assert not kept["intercepts_1"].any()
    assert kept["coefs_1"].all()
    assert kept["intercepts_0"].all()


def test_center_without_outgoing_weights_goes():
    network = Network.rbf(2, 3, 1, "diag")
    _, kept = settled(network, random_point(network), existing(network, "coefs_0[c1, y]"))
    for name in ("centers", "precisions_cholesky", "coefs_0"):
        flags = kept[name].reshape(3, -1)
        assert flags.all(axis=1).tolist() == flags.any(axis=1).tolist() == [True, False, True]


def test_survivors_need_a_path():
    X, y = regression()
    masks = {
        "coefs_0": np.array([[True, False], [True, False], [False, True]]),
        "coefs_1": np.array([[True], [False], [True], [True], [False]]),
    }
    net = NewtonMLPRegressor((2,), skip_connections="input-output", connectivity=masks)
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
    net = at_minimum(RBFNetRegressor(3, alpha=0.02, n_init=2, random_state=0), X, y)
    after = without(net, parts(net, "neuron")[1].positions)
    arrays = after.problem.network.layout.unpack(after.params)
    fresh = RBFNetRegressor(2, alpha=0.02, random_state=0).fit(X, y)
    same = {name: a if a.shape == (1,) else a[[0, 2]] for name, a in arrays.items()}
    w = fit_of(fresh).network.layout.pack(same)
    assert len(w) == after.n_parameters
    assert fresh.objective(X, y).value(w) == pytest.approx(after.value, rel=1e-10)
