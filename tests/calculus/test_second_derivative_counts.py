"""Numbers of second derivatives that are not zero, against those of random nets, counted."""

import numpy as np
import pytest

from sknewtonnet.calculus import (
    GaussianRBF,
    Linear,
    Network,
    Objective,
    Quadratic,
    count_second_derivatives,
)
from sknewtonnet.calculus.pieces.losses import SquaredError

MASK = {
    "coefs_0": [[True, False, True], [True, True, False]],
    "coefs_1": [[True], [False], [True]],
}
DEAD = {"coefs_1": [[True], [False], [True]], "intercepts_0": False}
SPLIT = {"coefs_1": [[True, False], [False, True], [True, False]]}

NETS = {
    "perceptron": lambda: Network.mlp(3, (4, 2), 2),
    "linear": lambda: Network.mlp(3, (), 3),
    "skips": lambda: Network.mlp(3, (4, 2), 2, skip_connections="all"),
    "input-output": lambda: Network.mlp(2, 3, 2, skip_connections="input-output"),
    "identity": lambda: Network.mlp(3, (2, 2), 1, ["identity", "tanh"]),
    "relu": lambda: Network.mlp(2, (3, 2), 1, ["tanh", "relu"]),
    "activations by unit": lambda: Network.mlp(2, 3, 1, [["identity", "tanh", "relu"]]),
    "mask": lambda: Network.mlp(2, 3, 1, connectivity=MASK),
    "unit without output": lambda: Network.mlp(2, 3, 1, connectivity=DEAD),
    "outputs with units of their own": lambda: Network.mlp(2, 3, 2, connectivity=SPLIT),
    "logistic outputs": lambda: Network.mlp(2, 2, 2, output_activation="logistic"),
    "spherical": lambda: Network.rbf(2, 3, 1, "spherical"),
    "full": lambda: Network.rbf(2, 3, 2, "full", skip_connections="all"),
    "diag, identity": lambda: Network.from_layers(
        3, [GaussianRBF((0,), 2, "diag", "identity"), Linear((1,), 1)]
    ),
    "quadratic, identity": lambda: Network.from_layers(
        2, [Quadratic((0,), 2, "identity"), Linear((1,), 1, "tanh")]
    ),
    "radial behind linear": lambda: Network.from_layers(
        2, [Linear((0,), 2, "tanh"), GaussianRBF((0, 1), 2, "full"), Linear((2,), 2)]
    ),
    "tied": lambda: Network.mlp(2, 3, 2, tied={"intercepts_0": [0, 0, -1]}),
    "tied within units": lambda: Network.mlp(2, 2, 2, tied={"coefs_0": [[0, 1], [0, 1]]}),
}


def counted(network, loss, kind):
    """Entries of a Hessian at a random point that are more than rounding."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(40, network.n_features)), rng.uniform(size=(40, network.n_outputs))
    Y = Y / Y.sum(axis=1, keepdims=True)
    f = Objective(network, loss, X, Y)
    H = f.hessian(rng.normal(size=f.n_parameters), kind)
    return int((np.abs(H) > 1e-14 * np.abs(H).max(initial=1e-300)).sum())


@pytest.mark.parametrize("name", NETS)
def test_counts_of_random_nets(name):
    network = NETS[name]()
    for loss in ("squared_error", "multinomial_log_loss"):
        if loss == "multinomial_log_loss" and network.n_outputs == 1:
            continue
        found = count_second_derivatives(network, loss)
        assert found.exact == counted(network, loss, "exact"), loss
        assert found.lagrangian == counted(network, loss, "lagrangian"), loss
        assert found.stored_dense == network.n_parameters**2
        assert found.block == counted(network, loss, "block"), loss
        if not network.layout.has_ties:
            sizes = [exists.shape[1] * len(exists) ** 2 for exists in network.exists]
            assert found.stored_blocks == sum(sizes)


class OfRawPredictions(SquaredError):
    """A loss that leaves an activation of the outputs out."""

    of_raw = True


def test_a_loss_of_raw_predictions_leaves_the_last_layer_linear():
    network, loss = NETS["logistic outputs"](), OfRawPredictions()
    found = count_second_derivatives(network, loss)
    for kind in ("lagrangian", "block", "exact"):
        assert getattr(found, kind) == counted(network, loss, kind)
    assert found.lagrangian < count_second_derivatives(network).lagrangian


def test_what_is_stored_is_what_is_returned():
    network = NETS["full"]()
    f = Objective(network, "squared_error", np.eye(2), np.eye(2))
    blocks = f.hessian_blocks(np.ones(network.n_parameters))
    found = count_second_derivatives(network)
    assert found.stored_blocks == sum(block.size for block in blocks)


@pytest.mark.parametrize("sizes", [(3, 5, 2), (10, 20, 1), (4, 6, 3, 2), (2, 3, 4, 5, 1)])
def test_formulas_of_perceptrons(sizes):
    """sum_k s_k s_{k-1}^2 without intercepts, and sum_k s_k (sum_k1 s_k1)^2 with all skips."""
    absent = {f"intercepts_{k}": False for k in range(len(sizes) - 1)}
    hidden = range(1, len(sizes) - 1)  # the last layer of a net without output activation has none
    plain = Network.mlp(sizes[0], sizes[1:-1], sizes[-1], connectivity=absent)
    found = count_second_derivatives(plain)
    assert found.lagrangian == sum(sizes[k] * sizes[k - 1] ** 2 for k in hidden)
    assert found.exact <= found.stored_dense
    every = Network.mlp(*(sizes[0], sizes[1:-1], sizes[-1]), "tanh", "all", connectivity=absent)
    squares = sum(sizes[k] * sum(sizes[:k]) ** 2 for k in hidden)
    assert count_second_derivatives(every).lagrangian == squares
    printed = sum(sizes[k] * sum(s**2 for s in sizes[:k]) for k in hidden)
    assert printed < squares or len(sizes) == 3
    with_last = Network.mlp(
        sizes[0], sizes[1:-1], sizes[-1], connectivity=absent, output_activation="tanh"
    )
    whole = sum(sizes[k] * sizes[k - 1] ** 2 for k in range(1, len(sizes)))
    assert count_second_derivatives(with_last).lagrangian == whole
    intercepts = count_second_derivatives(Network.mlp(sizes[0], sizes[1:-1], sizes[-1]))
    assert intercepts.lagrangian == sum(sizes[k] * (sizes[k - 1] + 1) ** 2 for k in hidden)


def test_large_nets_are_counted_without_their_matrices():
    found = count_second_derivatives(Network.mlp(1000, 1000, 1))
    assert found.lagrangian == 1000 * 1001**2
    assert found.exact == found.stored_dense == (1001 * 1000 + 1001) ** 2
