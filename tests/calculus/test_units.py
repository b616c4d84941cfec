"""Units: what exists, what goes in and out, where paths lead, and what may become of them"""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from unit_cases import each_net, masked, moves

from sknewtonnet.calculus import GaussianRBF, Linear, Network, Quadratic
from sknewtonnet.calculus.functions.units import (
    connected_units,
    interchangeable,
    rearrange,
    settle,
)

# What exists, and what goes in and out ----------------------------------------------------


@each_net
def test_masks_are_the_connectivity(case):
    net, masks, _, _ = masked(case)
    found = net.layout.masks()
    for name, shape in net.layout.shapes.items():
        if name in masks:
            assert np.array_equal(found[name], masks[name])
        else:
            values = net.layout.unpack(np.arange(1.0, net.n_parameters + 1.0))[name]
            assert found[name].shape == shape
            assert np.array_equal(found[name], values > 0)  # zeros of a triangle do not exist
    assert net.layout.exists.sum() == net.n_parameters == sum(flags.sum() for flags in net.exists)
    kept = net.layout.exists.copy()
    kept[np.flatnonzero(kept)[::2]] = False
    smaller = net.with_connectivity(net.layout.masks(kept))
    assert np.array_equal(smaller.layout.exists, kept)


def changed_first(net, w, X, p):
    """The layer, unit and change of the first pre-activations that a parameter moves."""
    moved = w.copy()
    moved[p] += 0.5
    before, after = net.pre_activations(w, X), net.pre_activations(moved, X)
    for k, (old, new) in enumerate(zip(before, after, strict=True)):
        units = np.flatnonzero(moves(old, new))
        if units.size:
            assert units.size == 1, "a parameter belongs to one unit"
            return k, int(units[0]), (new - old)[:, units[0]] / 0.5
    raise AssertionError("a parameter without effect")


@each_net
def test_what_goes_in_and_out_by_what_moves(case):
    """Incoming: moves the unit before all others. Outgoing: moves a reader by the unit's value."""
    net, _, w, X = masked(case)
    states = net.states(w, X)
    incoming = {(k, j): set() for k, s in enumerate(net.node_sizes[1:]) for j in range(s)}
    outgoing = {(q, j): set() for q, s in enumerate(net.node_sizes[:-1]) for j in range(s)}
    for p in range(net.n_parameters):
        k, j, change = changed_first(net, w, X, p)
        incoming[k, j].add(p)
        if not net.linear[k]:
            continue
        for node in net.layers[k].sources:
            for unit, values in enumerate(states[node].T):
                if np.allclose(change, values, rtol=1e-7, atol=1e-9):
                    outgoing[node, unit].add(p)
    for (k, j), expected in incoming.items():
        column = net.positions[k][:, j]
        assert set(column[column >= 0].tolist()) == expected
        assert np.array_equal(net.exists[k][:, j], column >= 0)
        assert set(net.incoming_names(k, j)) == {net.layout.names[p] for p in expected}
    for (node, j), expected in outgoing.items():
        rows = [block[j] for block in net.outgoing(net.positions, node)]
        found = np.concatenate([*rows, [-1]])
        assert set(found[found >= 0].tolist()) == expected
    curved = [any(0 in net.layers[k].sources for k in np.flatnonzero(~np.array(net.linear)))]
    assert (net.feature_parameters is None) == curved[0] == (not net.has_linear_readers(0))
    if net.feature_parameters is not None:
        for j, places in enumerate(net.feature_parameters):
            assert set(places.tolist()) == outgoing[0, j]


@each_net
def test_names_of_units_are_those_in_names_of_parameters(case):
    net, _, _, _ = masked(case)
    for k, names in enumerate([*net.unit_names, net.output_names]):
        assert len(names) == net.node_sizes[k + 1]
        for j, name in enumerate(names):
            for parameter in net.incoming_names(k, j):
                labels = parameter[parameter.index("[") + 1 : -1].split(", ")
                assert labels[-1 if net.linear[k] else 0] == name


def test_output_names_are_those_given():
    assert Network.mlp(2, 3, 2, output_names=["u", "v"]).output_names == ("u", "v")
    last = GaussianRBF((0,), 2, "diag", activation="identity")
    assert Network.from_layers(2, [last], output_names=["u", "v"]).output_names == ("u", "v")


def test_outgoing_gives_views():
    net = Network.mlp(2, (3, 2), 1, skip_connections="all")
    full = np.zeros(net.layout.n_full)
    for block in net.outgoing(net.by_layer(full), 1):
        block[1] = 7.0
    changed = [name for name, value in zip(net.layout.names, full, strict=True) if value]
    assert changed == ["coefs_1[h1_1, h2_0]", "coefs_1[h1_1, h2_1]", "coefs_2[h1_1, y]"]


@each_net
def test_pre_activations_are_the_propagations_of_the_states(case):
    net, _, w, X = masked(case)
    states, matrices = net.states(w, X), net.matrices(w)
    for k, inner in enumerate(net.pre_activations(w, X)):
        z = np.vstack([states[node].T for node in net.layers[k].sources])
        assert_allclose(inner.T, net.layers[k].value(matrices[k], z), rtol=1e-9, atol=1e-12)
        assert_allclose(net.layers[k].activation.value(inner), states[k + 1], atol=1e-12)


# Which units a path leads from ------------------------------------------------------------


@each_net
@pytest.mark.parametrize("part", [0.3, 0.6])
@pytest.mark.parametrize("seed", range(3))
def test_connected_units_are_those_that_move_the_output(case, part, seed):
    """Their own parameters, or the input, are moved in the net with all connections."""
    net, _, w, X = masked(case, part, seed)
    whole, full = net.with_connectivity(None), net.layout.expand(w)
    raw = whole.predict_raw(full, X)
    rng = np.random.default_rng(5)
    inputs, *others = connected_units(net)
    for j, connected in enumerate(inputs):
        moved = X.copy()
        moved[:, j] += rng.normal(size=len(X))
        assert connected == moves(raw, whole.predict_raw(full, moved)).any()
    for k, units in enumerate(others):
        for j, connected in enumerate(units):
            own = full.copy()
            places = whole.positions[k][:, j]
            own[places] += 0.1 * rng.normal(size=len(places))
            assert connected == moves(raw, whole.predict_raw(own, X)).any()
    flags = [matrix != 0 for matrix in whole.matrices(full)]
    for mine, same in zip(connected_units(net), connected_units(whole, flags), strict=True):
        assert np.array_equal(mine, same)


# What may become of units -----------------------------------------------------------------


def test_interchangeable_units_have_the_same_connections():
    mask_in = np.array([[True, True, False, True], [True, True, True, True]])
    mask_out = np.array([[True], [True], [True], [False]])
    net = Network.mlp(2, 4, 1, connectivity={"coefs_0": mask_in, "coefs_1": mask_out})
    expected = np.eye(4, dtype=bool)
    expected[0, 1] = expected[1, 0] = True
    assert np.array_equal(interchangeable(net, 0), expected)


@pytest.mark.parametrize("activation", ["tanh", "gaussian", "softplus"])
@pytest.mark.parametrize("skip", [False, "all"])
def test_rearranged_units_are_the_same_function(activation, skip):
    net = Network.mlp(3, (4, 3), 2, activation, skip)
    rng = np.random.default_rng(0)
    w, X = rng.normal(size=net.n_parameters), rng.normal(size=(20, 3))
    raw = net.predict_raw(w, X)
    for k, size in enumerate((4, 3)):
        sign = np.where(np.arange(size) % 2, -1.0, 1.0)
        if net.layers[k].activation.parity == 0:
            sign = np.ones(size)
        full = w.copy()
        rearrange(net, net.by_layer(full), k, rng.permutation(size), sign)
        assert not np.array_equal(full, w)
        assert_allclose(net.predict_raw(full, X), raw, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("unit", [0, 1, None])
def test_terms_of_a_quadratic_form_connect(unit):
    """An input is connected through units that have a term with it, and through no others."""
    forms = np.ones((2, 4, 4), dtype=bool)
    forms[:, 1, :] = forms[:, :, 1] = False
    if unit is not None:
        forms[unit, 1, 3] = forms[unit, 3, 1] = True
    layers = [Linear((0,), 3, "tanh"), Quadratic((1,), 2), Linear((2,), 1)]
    mask = {"quadratic_forms": forms, "coefs_1": np.array([[True], [False]])}
    net = Network.from_layers(2, layers, connectivity=mask)
    _, first, second, _ = connected_units(net)
    assert first.tolist() == [True, unit == 0, True]
    assert second.tolist() == [True, False]
    w = np.random.default_rng(0).standard_normal(net.n_parameters)
    full, kept = settle(net, w, np.ones(net.n_parameters, dtype=bool))
    assert net.by_layer(kept)[0][:, 1].all() == (unit == 0)
    X = np.random.default_rng(1).standard_normal((20, 2))
    whole = net.with_connectivity(None)
    assert_allclose(whole.predict_raw(full, X), net.predict_raw(w, X), rtol=1e-12)


@each_net
@pytest.mark.parametrize("part", [0.3, 0.6])
def test_what_is_left_by_settle_is_connected_and_the_same_function(case, part):
    net, _, w, X = masked(case, part)
    raw = net.predict_raw(w, X)
    full, kept = settle(net, w, np.ones(net.n_parameters, dtype=bool))
    assert not full[~kept].any()
    assert not (kept & ~net.layout.exists).any()
    whole = net.with_connectivity(None)
    assert_allclose(whole.predict_raw(full, X), raw, rtol=1e-10, atol=1e-10)
    flags = net.by_layer(kept)
    for k, units in enumerate(connected_units(whole, flags)[1:-1]):
        assert not flags[k][:, ~units].any()  # what leads nowhere is gone


# What does nothing goes, and the net stays the same ---------------------------------------


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
