"""An activation of its own for each unit of a layer."""

import pickle
from copy import deepcopy

import numpy as np
import oracles
import pytest
from oracles import Oracle, Problem, assert_close

from sknewtonnet.calculus import (
    ACTIVATIONS,
    GaussianRBF,
    Linear,
    Network,
    Objective,
    canonical,
    get_activation,
)
from sknewtonnet.calculus.functions.input_derivatives import input_derivatives
from sknewtonnet.calculus.functions.matching import aligned
from sknewtonnet.calculus.functions.units import interchangeable, unit_reports
from sknewtonnet.calculus.pieces.activations import Activation
from sknewtonnet.calculus.pieces.unit_activations import UnitActivations, layer_activation

MIXED = ["tanh", "sine", "identity", "tanh", "gaussian"]
MIXED_2 = ["silu", "logistic"]


def by_unit(names):
    """The oracle's function of pre-activations whose last axis are the units."""
    masks = [np.arange(len(names)) == j for j in range(len(names))]
    pairs = [
        (oracles.ACTIVATIONS[name], mask * 1.0) for name, mask in zip(names, masks, strict=True)
    ]

    def function(a):
        return sum((h(a) * mask for h, mask in pairs[1:]), pairs[0][0](a) * pairs[0][1])

    return function


@pytest.fixture
def problem(monkeypatch):
    monkeypatch.setitem(oracles.ACTIVATIONS, "mixed", by_unit(MIXED))
    monkeypatch.setitem(oracles.ACTIVATIONS, "mixed 2", by_unit(MIXED_2))
    rng = np.random.default_rng(0)
    X, Y, weight = rng.normal(size=(17, 2)), rng.normal(size=(17, 2)), rng.uniform(0.2, 2, 17)
    net = Network.mlp(2, (5, 2), 2, [MIXED, MIXED_2], skip_connections="all")
    f = Objective(net, "squared_error", X, Y, weight, alpha=0.5, chunk_size=7)
    w = 0.8 * rng.normal(size=net.n_parameters)
    strengths = {
        name: np.full(a.shape, 0.5)
        for name, a in net.layout.unpack(w).items()
        if name.startswith("coefs")
    }
    plain = Problem(
        (2, 5, 2, 2),
        ("mixed", "mixed 2"),
        "all",
        ("linear",) * 3,
        "squared_error",
        X,
        Y,
        weight,
        strengths,
    )
    return f, w, Oracle(plain, net.layout, w)


def test_value_and_all_derivatives(problem):
    f, w, oracle = problem
    assert f.value(w) == pytest.approx(oracle.value, rel=1e-12)
    assert_close(f.gradient(w), oracle.gradient)
    assert_close(f.hessian(w), oracle.hessian)
    assert_close(f.hessian(w, "gauss-newton"), oracle.gauss_newton)
    assert_close(f.jacobian(w), oracle.jacobian)
    v = np.random.default_rng(1).normal(size=(len(w), 2))
    assert_close(f.hessian_product(w, v), oracle.hessian @ v)
    same = np.equal.outer(oracle.neurons, oracle.neurons)
    assert_close(f.hessian(w, "block"), np.where(same, oracle.hessian, 0.0))
    states, inner = f.network.states(w, f.samples), f.network.pre_activations(w, f.samples)
    assert_close(states[1], by_unit(MIXED)(inner[0]))
    assert len(f.lagrangian_tensors(w, 3)) == 3


def test_it_is_the_net_of_parallel_layers():
    """One layer for each unit, which the next ones read in order."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(15, 2)), rng.normal(size=(15, 1))
    one = Network.from_layers(2, [Linear((0,), 3, ["tanh", "sine", "tanh"]), Linear((1,), 1)])
    layers = [Linear((0,), 1, name) for name in ("tanh", "sine", "tanh")]
    many = Network.from_layers(2, [*layers, Linear((1, 2, 3), 1)])
    w = rng.normal(size=one.n_parameters)
    theta, out = one.matrices(w)
    apart = np.concatenate([*theta.T, out.ravel()])
    f, g = Objective(one, "squared_error", X, Y), Objective(many, "squared_error", X, Y)
    assert f.value(w) == pytest.approx(g.value(apart), rel=1e-14)
    order = np.concatenate([one.positions[0].T.ravel(), one.positions[1].ravel()])
    assert_close(f.gradient(w)[order], g.gradient(apart), 1e-13)
    assert_close(f.hessian(w)[np.ix_(order, order)], g.hessian(apart), 1e-12)


def test_input_derivatives():
    net = Network.mlp(2, (5, 2), 1, [MIXED, MIXED_2])
    rng = np.random.default_rng(2)
    w, X, h = rng.normal(size=net.n_parameters), rng.normal(size=(6, 2)), 1e-6
    first, second = input_derivatives(net, w, X, 2)
    for j in range(2):
        step = h * np.eye(2)[j]
        slope = (net.predict_raw(w, X + step) - net.predict_raw(w, X - step)) / (2 * h)
        assert_close(first[..., j], slope, 1e-7)
        up, down = (input_derivatives(net, w, X + s * step)[0] for s in (1.0, -1.0))
        assert_close(second[..., j], (up - down) / (2 * h), 1e-7)


def test_radial_units_and_outputs_have_them_too():
    rng = np.random.default_rng(0)
    X, Y, h = rng.normal(size=(12, 2)), rng.uniform(size=(12, 2)), 1e-6
    layers = [
        GaussianRBF((0,), 3, "diag", ["squared_exponential", "softplus", "squared_exponential"]),
        Linear((0, 1), 2, ["logistic", "identity"]),
    ]
    f = Objective(Network.from_layers(2, layers), "squared_error", X, Y)
    w = 0.5 * rng.normal(size=f.n_parameters)
    steps = h * np.eye(len(w))
    assert_close(f.gradient(w), [(f.value(w + s) - f.value(w - s)) / (2 * h) for s in steps], 1e-6)
    H = [(f.gradient(w + s) - f.gradient(w - s)) / (2 * h) for s in steps]
    assert_close(f.hessian(w), H, 1e-6)
    assert_close(f.hessian_product(w, steps), f.hessian(w) @ steps, 1e-12)
    found = f.loss.inverse_link(f.raw_predictions(w))
    raw = f.raw_predictions(w)
    assert_close(found, np.column_stack([1 / (1 + np.exp(-raw[:, 0])), raw[:, 1]]), 1e-14)
    assert_close(f.loss.link(found), raw, 1e-12)


def test_attributes_are_those_of_all_units():
    h = layer_activation(MIXED, 5)
    assert h.name == "tanh, sine, identity, tanh, gaussian"
    assert h.smooth
    assert not h.monotonic
    assert h.parity == 0
    assert h.max_order is None
    assert [(a.name, units.tolist()) for a, units in h.groups(5)] == [
        ("tanh", [0, 3]),
        ("sine", [1]),
        ("identity", [2]),
        ("gaussian", [4]),
    ]
    assert [h.of_unit(j).name for j in range(5)] == MIXED
    assert layer_activation(["tanh", "sine"], 2).parity == -1
    assert layer_activation(["tanh", "relu"], 2).max_order == 2
    assert not layer_activation(["tanh", "relu"], 2).smooth
    assert layer_activation(["tanh", "softplus"], 2).monotonic
    assert layer_activation(["tanh", "tanh"], 2) is ACTIVATIONS["tanh"]
    assert layer_activation(h, 5).name == h.name
    plain = get_activation("tanh")
    assert plain.of_unit(3) is plain
    assert plain.groups(4)[0][1].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("names", [MIXED, ["tanh", "tanh", "logistic"], ["sine", "gelu", "sine"]])
def test_the_fast_paths_agree(names):
    h = layer_activation(names, len(names))
    a = np.random.default_rng(0).normal(size=(len(names), 4))
    expected = h.derivatives(a, 4)
    for j, name in enumerate(names):
        own = ACTIVATIONS[name].derivatives(a[j], 4)
        np.testing.assert_array_equal([part[j] for part in expected], own)
    value, slope = np.empty_like(a), np.empty_like(a)
    h.forward(a, value, slope)
    np.testing.assert_allclose(value, expected[0], rtol=1e-14)
    np.testing.assert_allclose(slope, expected[1], rtol=1e-14)
    second = h.curvature(value, slope)
    if second is not None:
        np.testing.assert_allclose(second, expected[2], rtol=1e-13)
    for copy in (pickle.loads(pickle.dumps(h)), deepcopy(h)):
        np.testing.assert_array_equal(copy.value(a), expected[0])
        assert [units.tolist() for _, units in copy.groups(9)] == [
            units.tolist() for _, units in h.groups(9)
        ]
    with pytest.raises(ValueError, match="a row for each unit"):
        h.value(a[1:])


def on(net, seed=0, n=40):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, net.n_features))
    f = Objective(net, "squared_error", X, rng.normal(size=(n, net.n_outputs)))
    return f, rng.normal(size=net.n_parameters)


def test_only_units_of_one_activation_change_places():
    net = Network.mlp(2, (5,), 1, [MIXED])
    alike = interchangeable(net, 0)
    expected = np.eye(5, dtype=bool)
    expected[0, 3] = expected[3, 0] = True
    np.testing.assert_array_equal(alike, expected)


@pytest.mark.parametrize("seed", range(4))
def test_canonical_form_keeps_the_function(seed):
    """Odd units have a positive way out, even ones a positive way in, logistic ones too."""
    names = ["tanh", "gaussian", "logistic", "tanh", "silu", "sine"]
    net = Network.mlp(2, (6, 2), 1, [names, ["logistic", "tanh"]], skip_connections="all")
    f, w = on(net, seed)
    found = canonical(f, w)
    assert_close(net.predict_raw(found, f.samples), net.predict_raw(w, f.samples), 1e-12)
    theta, second, out = net.matrices(found)
    going_out = np.hstack([second[2:8], out[2:8]])
    largest = going_out[np.arange(6), np.abs(going_out).argmax(axis=1)]
    assert (largest[[0, 2, 3, 5]] > 0).all()
    into = theta[:2, 1]
    assert into[np.abs(into).argmax()] > 0
    np.testing.assert_allclose(canonical(f, found), found, rtol=1e-12, atol=1e-13)
    # From another sign and order of the two tanh units the same form follows.
    a, b, c = (matrix.copy() for matrix in net.matrices(w))
    a[:, [0, 3]] = -a[:, [3, 0]]
    b[[2, 5]], c[[2, 5]] = -b[[5, 2]], -c[[5, 2]]
    a[:, 1] *= -1.0
    other = np.concatenate([a.ravel(), b.ravel(), c.ravel()])
    np.testing.assert_allclose(canonical(f, other), found, rtol=1e-10, atol=1e-12)


def test_alignment_flips_by_unit():
    net = Network.mlp(2, (5,), 1, [MIXED])
    f, w = on(net)
    theta, out = (matrix.copy() for matrix in net.matrices(w))
    theta[:, [0, 3]], out[[0, 3]] = -theta[:, [3, 0]], -out[[3, 0]]  # odd, and changed
    theta[:, 1], out[1] = -theta[:, 1], -out[1]  # sine is odd
    theta[:, 4] = -theta[:, 4]  # gaussian is even
    other = np.concatenate([theta.ravel(), out.ravel()])
    assert_close(net.predict_raw(other, f.samples), net.predict_raw(w, f.samples), 1e-13)
    np.testing.assert_allclose(aligned(net, other, w), w, rtol=1e-13)
    theta[:, 2], out[2] = -theta[:, 2], -out[2]  # identity is odd as well
    other = np.concatenate([theta.ravel(), out.ravel()])
    np.testing.assert_allclose(aligned(net, other, w), w, rtol=1e-13)


def test_parities_ask_layer_and_unit():
    assert Linear((0,), 5, MIXED).parities.tolist() == [-1, -1, -1, -1, 1]
    assert Linear((0,), 2, "softplus").parities.tolist() == [0, 0]
    assert GaussianRBF((0,), 2, "diag").parities.tolist() == [0, 0]


def test_dead_units_are_judged_by_their_own_function():
    """A saturated tanh beside a sine of the same argument; both beside a linear unit."""
    net = Network.mlp(1, (3,), 1, [["tanh", "sine", "identity"]])
    w = net.layout.pack(
        {
            "coefs_0": [[0.1, 2.0, 1.0]],
            "intercepts_0": [30.0, 30.0, 0.0],
            "coefs_1": [[1.0], [1.0], [1.0]],
            "intercepts_1": [0.0],
        }
    )
    X = np.linspace(-1.0, 1.0, 50)[:, None]
    f = Objective(net, "squared_error", X, np.sin(3.0 * X))
    reasons = {unit.name: unit.reason for unit in unit_reports(f, w)}
    assert reasons == {"h0": "constant", "h1": "", "h2": ""}


class Bad(Activation):
    """Overflows where others do not."""

    name = "bad"

    def derivatives(self, a, order=2):
        return tuple(np.where(a > 0, np.inf, a) for _ in range(order + 1))


def test_what_is_not_finite_is_named_by_layer():
    net = Network.mlp(1, (2,), 1, [["tanh", Bad()]])
    f = Objective(net, "squared_error", np.ones((3, 1)), np.ones(3))
    assert "'tanh, bad' of layer 1 is not finite" in f.why_not_finite(np.ones(net.n_parameters))


def test_starts_are_as_wide_as_each_function_asks():
    wide = Linear((0,), 400, ["tanh", "logistic"] * 200)
    theta = wide.start(np.zeros(2), np.zeros(2), np.random.RandomState(0))
    bound = np.abs(theta).max(axis=0)
    ratio = bound[::2].max() / bound[1::2].max()
    assert ratio == pytest.approx(np.sqrt(3.0), rel=0.02)


class Scaled(Activation):
    """A tanh of some width."""

    name = "scaled"

    def __init__(self, width):
        self.width = width

    def derivatives(self, a, order=2):
        found = ACTIVATIONS["tanh"].derivatives(a / self.width, order)
        return tuple(h / self.width**n for n, h in enumerate(found))


def test_units_have_one_function_if_that_is_sure():
    """Objects of one class without state are the same, those with state only if they are one."""
    tanh, wide = type(ACTIVATIONS["tanh"]), Scaled(2.0)
    assert isinstance(layer_activation([tanh(), "tanh"], 2), tanh)
    mixed = layer_activation([tanh(), wide, "tanh", Scaled(2.0), wide], 5)
    assert [units.tolist() for _, units in mixed.groups(5)] == [[0, 2], [1, 4], [3]]
    a = np.linspace(-1.0, 1.0, 15).reshape(5, 3)
    np.testing.assert_allclose(mixed.value(a)[[1, 3, 4]], np.tanh(a[[1, 3, 4]] / 2.0))


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        (
            [["tanh"]],
            "one entry for each unit of a layer, and there are 2 units; got .*tanh",
        ),
        (["tanh", "sine"], "a list within the list"),
        ([["tanh", "sin"]], "Did you mean 'sine'"),
        ([["tanh", 3]], "activation must be one of"),
    ],
)
def test_wrong_lists_are_told(activation, message):
    with pytest.raises(ValueError, match=message):
        Network.mlp(2, (2,), 1, activation)
    with pytest.raises(ValueError, match="there are 2 units"):
        Linear((0,), 2, ["tanh", "sine", "sine"])
    assert isinstance(Linear((0,), 2, ("tanh", "sine")).activation, UnitActivations)
