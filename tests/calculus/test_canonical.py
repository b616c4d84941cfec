"""The canonical form of a net: the same function, whatever the order and signs of its units."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknewtonnet.calculus import (
    GaussianRBF,
    Linear,
    Network,
    Objective,
    Quadratic,
    Semidefinite,
    canonical,
)
from sknewtonnet.calculus.functions.units import complement, interchangeable, rearrange

MASK = np.array([[True, True, True, True], [True, True, False, False], [True, True, True, True]])


def masked():
    return Network.mlp(3, (4,), 2).with_connectivity({"coefs_0": MASK})


NETS = {
    "one layer": (lambda: Network.mlp(3, (4,), 2), "squared_error"),
    "two layers": (lambda: Network.mlp(3, (3, 4), 1), "squared_error"),
    "skip": (lambda: Network.mlp(3, (4, 2), 1, skip_connections="all"), "squared_error"),
    "logistic": (lambda: Network.mlp(3, (4,), 1, activation="logistic"), "poisson"),
    "softmax": (lambda: Network.mlp(3, (4,), 3), "multinomial_log_loss"),
    "masks": (masked, "squared_error"),
    "bumps": (
        lambda: Network.from_layers(3, [GaussianRBF((0,), 3), Linear((1,), 1)]),
        "squared_error",
    ),
    **{
        f"{name} forms": (
            lambda name=name: Network.from_layers(3, [Quadratic((0,), 4, name), Linear((1,), 1)]),
            "squared_error",
        )
        for name in ("tanh", "logistic", "gaussian")
    },
    "semidefinite": (
        lambda: Network.from_layers(3, [Semidefinite((0,), 3), Linear((1,), 2)]),
        "squared_error",
    ),
}


def objective_of(name):
    make, loss = NETS[name]
    network = make()
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(40, 3)), rng.normal(size=(40, network.n_outputs))
    if loss == "multinomial_log_loss":
        Y = np.eye(3)[rng.integers(0, 3, 40)]
    Y = np.abs(np.rint(Y)) if loss == "poisson" else Y
    weight = rng.uniform(0.0, 2.0, 40) * (rng.random(40) < 0.9)
    return Objective(network, loss, X, Y, weight, alpha=0.1)


def shuffled(network, w, seed):
    """The same net with units of the same connections in another order and with other signs."""
    rng = np.random.default_rng(seed)
    full = network.layout.expand(w).copy()
    matrices = network.by_layer(full)
    for k, layer in enumerate(network.layers[:-1]):
        order = np.arange(layer.n_units)
        for alike in interchangeable(network, k):
            places = np.flatnonzero(alike)
            order[places] = order[rng.permutation(places)]
        odd = layer.odd_in_parameters and layer.activation.parity != 0
        if isinstance(layer, Semidefinite):  # columns of a factor: U_11, c_1, then U_12, U_22, c_2
            for column in ([0, 6], [1, 3, 7], [2, 4, 5, 8]):
                matrices[k][column] *= rng.choice([-1.0, 1.0], layer.n_units)
        if layer.odd_in_parameters and layer.activation.name == "logistic":
            complement(network, matrices, k, rng.permutation(layer.n_units)[:2], 1.0)
        sign = rng.choice([-1.0, 1.0], layer.n_units) if odd else np.ones(layer.n_units)
        rearrange(network, matrices, k, order, sign)
    return network.layout.restrict(full)


@pytest.mark.parametrize("name", NETS)
def test_all_that_are_the_same_net_have_one_form(name):
    objective = objective_of(name)
    w = np.random.default_rng(1).normal(size=objective.n_parameters)
    found = canonical(objective, w)
    assert_allclose(objective.raw_predictions(found), objective.raw_predictions(w), rtol=1e-10)
    if "logistic" not in name:  # else intercepts change
        assert objective.value(found) == pytest.approx(objective.value(w), rel=1e-12)
        assert_allclose(np.sort(np.abs(found)), np.sort(np.abs(w)), rtol=1e-12)
    assert_array_equal(canonical(objective, found), found)
    for seed in range(5):
        other = shuffled(objective.network, w, seed)
        assert_allclose(canonical(objective, other), found, rtol=1e-10)


@pytest.mark.parametrize("name", ["one layer", "two layers", "softmax"])
def test_order_and_signs_by_hand(name):
    objective = objective_of(name)
    w = canonical(objective, np.random.default_rng(1).normal(size=objective.n_parameters))
    arrays = objective.network.layout.unpack(w)
    weight = objective.sample_weight
    values = objective.samples
    for k in range(len(objective.network.layers) - 1):
        values = np.tanh(values @ arrays[f"coefs_{k}"] + arrays[f"intercepts_{k}"])
        going_out = arrays[f"coefs_{k + 1}"]
        if name == "softmax":
            going_out = going_out - going_out.mean(axis=1, keepdims=True)
        mean = np.average(values, axis=0, weights=weight)
        spread = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weight))
        size = np.sqrt((going_out**2).sum(axis=1)) * spread
        assert (np.diff(size) < 0).all()
        assert all(row[np.abs(row).argmax()] > 0 for row in going_out)


def test_units_that_do_nothing_come_last():
    network = Network.mlp(1, (3,), 1)
    arrays = {
        "coefs_0": [[1.0, 2.0, 3.0]],
        "intercepts_0": np.zeros(3),
        "coefs_1": [[0.0], [-1.0], [0.0]],
        "intercepts_1": [0.5],
    }
    X = np.linspace(-1.0, 1.0, 9)[:, None]
    objective = Objective(network, "squared_error", X, X)
    found = network.layout.unpack(canonical(objective, network.layout.pack(arrays)))
    assert found["coefs_0"].tolist() == [[-2.0, 1.0, 3.0]]
    assert found["coefs_1"].ravel().tolist() == [1.0, 0.0, 0.0]


def test_a_net_without_units():
    network = Network.mlp(2, (), 1)
    objective = Objective(network, "squared_error", np.ones((3, 2)), np.ones((3, 1)))
    assert_array_equal(canonical(objective, [1.0, -2.0, 3.0]), [1.0, -2.0, 3.0])


def test_units_whose_readers_have_no_intercept_stay():
    network = Network.mlp(1, (2,), 1, activation="logistic").with_connectivity(
        {"intercepts_1": np.array([False])}
    )
    X = np.linspace(-1.0, 1.0, 9)[:, None]
    objective = Objective(network, "squared_error", X, X)
    w = network.layout.pack(
        {
            "coefs_0": [[1.0, 2.0]],
            "intercepts_0": [0.1, 0.2],
            "coefs_1": [[-1.0], [-3.0]],
            "intercepts_1": [0.0],
        }
    )
    found = network.layout.unpack(canonical(objective, w))
    assert found["coefs_1"].ravel().tolist() == [-3.0, -1.0]
    free = Objective(Network.mlp(1, (2,), 1, activation="logistic"), "squared_error", X, X)
    turned = free.network.layout.unpack(canonical(free, np.append(w, 0.5)))
    assert turned["coefs_1"].ravel().tolist() == [3.0, 1.0]
    assert turned["coefs_0"].ravel().tolist() == [-2.0, -1.0]
    assert turned["intercepts_1"].tolist() == [-3.5]
    kept = free.network.layout.unpack(canonical(free, np.append(w, 0.5), complements=False))
    assert kept["coefs_1"].ravel().tolist() == [-3.0, -1.0]
