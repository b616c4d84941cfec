"""Several starts, and which of them found the same minimum."""

import numpy as np
import pandas as pd
import pytest
from estimator_cases import classes, classifier, data, each_kind, regressor
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning

from sknewtonnet.calculus import ACTIVATIONS, Network
from sknewtonnet.calculus.pieces.gaussian import GaussianRBF
from sknewtonnet.calculus.pieces.layers import Linear
from sknewtonnet.calculus.pieces.quadratic import Quadratic
from sknewtonnet.estimators import _mlp, fit_of
from sknewtonnet.inspection import aligned, same_minimum

X = np.random.default_rng(9).normal(size=(20, 2))


def renamed(network, w, rng, signs=True):
    """The same function with the units of each hidden layer permuted, and of other signs."""
    full = network.layout.expand(w).copy()
    matrices = network.by_layer(full)
    for k, layer in enumerate(network.layers[:-1]):
        parity = layer.activation.parity if signs and network.linear[k] else 0
        order = rng.permutation(layer.n_units)
        sign = rng.choice([-1.0, 1.0], len(order)) if parity else np.ones(len(order))
        matrices[k][...] = matrices[k][:, order] * sign
        for rows in network.outgoing(matrices, k + 1):
            outgoing = rows[order]
            rows[...] = outgoing * sign[:, None] if parity == -1 else outgoing
    return network.layout.restrict(full)


NETWORKS = {
    f"{name} {sizes} {skip}": Network.mlp(2, sizes, 2, name, skip)
    for name in ("tanh", "sine", "gaussian", "logistic")
    for sizes, skip in (
        ((4,), False),
        ((3, 2), False),
        ((3,), "input-output"),
        ((2, 3), "all"),
        ((2, 2, 2), False),
    )
} | {
    "mixed": Network.mlp(2, (3, 3), 1, ("gaussian", "arctan"), "all"),
    "spherical": Network.rbf(2, 4, 1, "spherical"),
    "diag": Network.rbf(2, 3, 2, "diag", skip_connections="input-output"),
    "full, deep": Network.rbf(2, 3, 1, "full", (2,), "tanh", "all"),
}
each_network = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)


@each_network
def test_permutations_and_signs_are_undone(network):
    rng = np.random.default_rng(0)
    changed = 0
    for _ in range(10):
        w = rng.normal(size=network.n_parameters)
        other = renamed(network, w, rng)
        changed += not np.array_equal(w, other)
        assert_allclose(network.predict_raw(other, X), network.predict_raw(w, X), atol=1e-13)
        assert_array_equal(aligned(network, other, w), w)
        assert same_minimum(network, other, w, 1.0, 1.0 + 1e-9)
    assert changed >= 5


@each_network
def test_arguments_are_left_alone(network):
    rng = np.random.default_rng(0)
    w, reference = rng.normal(size=(2, network.n_parameters))
    kept = w.copy(), reference.copy()
    same_minimum(network, w, reference, 1.0, 1.0)
    aligned(network, w, reference)
    assert_array_equal((w, reference), kept)
    assert_array_equal(aligned(network, w, w), w)


ODD_NETWORKS = {
    "connectivity in": Network.mlp(
        2, (3,), 1, connectivity={"coefs_0": np.array([[1, 1, 0], [1, 0, 1]], bool)}
    ),
    "connectivity out": Network.mlp(
        2, (3,), 2, connectivity={"coefs_1": np.array([[1, 0], [1, 1], [1, 0]], bool)}
    ),
    "connectivity between": Network.mlp(
        2, (3, 2), 1, connectivity={"coefs_1": np.array([[1, 0], [0, 1], [1, 0]], bool)}
    ),
    "no intercepts": Network.mlp(2, (3,), 1, connectivity={"intercepts_0": np.zeros(3, bool)}),
    **{
        f"{kind} inside": Network.from_layers(
            2, [Linear((0,), 3, "tanh"), GaussianRBF((1,), 2, kind), Linear((2,), 1)]
        )
        for kind in ("spherical", "diag", "full")
    },
    "quadratic": Network.from_layers(2, [Quadratic((0,), 3, "tanh"), Linear((1,), 1)]),
    "quadratic inside": Network.from_layers(
        2, [Linear((0,), 3, "tanh"), Quadratic((1,), 2), Linear((2,), 1)]
    ),
}


@pytest.mark.parametrize(
    "network", (NETWORKS | ODD_NETWORKS).values(), ids=NETWORKS | ODD_NETWORKS
)
def test_aligned_parameters_are_the_same_function(network):
    """Whatever the reference, however far."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        w, reference = rng.normal(size=(2, network.n_parameters))
        found = aligned(network, w, reference)
        assert_allclose(network.predict_raw(found, X), network.predict_raw(w, X), atol=1e-12)


def test_aligned_is_the_nearest_of_all_names():
    """One hidden layer: no permutation and no signs come closer to the reference."""
    network, rng = Network.mlp(2, (3,), 1), np.random.default_rng(2)
    for _ in range(10):
        w, reference = rng.normal(size=(2, network.n_parameters))
        distance = np.linalg.norm(aligned(network, w, reference) - reference)
        others = [renamed(network, w, rng) for _ in range(300)]
        assert min(np.linalg.norm(o - reference) for o in others) >= distance - 1e-12


def test_units_with_the_same_connections_are_matched():
    mask = np.array([[1, 1, 0, 0], [0, 0, 1, 1]], bool)
    network = Network.mlp(2, (4,), 1, connectivity={"coefs_0": mask})
    arrays = network.layout.unpack(np.random.default_rng(3).normal(size=network.n_parameters))
    w, order = network.layout.pack(arrays), [1, 0, 3, 2]
    for name in ("coefs_0", "intercepts_0"):
        arrays[name] = -arrays[name][..., order]
    arrays["coefs_1"] = -arrays["coefs_1"][order]
    assert_array_equal(aligned(network, network.layout.pack(arrays), w), w)


def test_flipped_units_are_no_copies_where_the_activation_has_no_parity():
    rng = np.random.default_rng(4)
    for name, activation in ACTIVATIONS.items():
        network = Network.mlp(2, (2,), 1, name)
        arrays = network.layout.unpack(rng.normal(size=network.n_parameters))
        w = network.layout.pack(arrays)
        flip = [-1.0, 1.0]
        arrays["coefs_0"], arrays["intercepts_0"] = (
            arrays["coefs_0"] * flip,
            arrays["intercepts_0"] * flip,
        )
        incoming = network.layout.pack(arrays)
        arrays["coefs_1"] = arrays["coefs_1"] * np.array(flip)[:, None]
        both = network.layout.pack(arrays)
        assert same_minimum(network, incoming, w, 1.0, 1.0) == (activation.parity == 1)
        assert same_minimum(network, both, w, 1.0, 1.0) == (activation.parity == -1)


def test_different_minima_are_told_apart():
    network, rng = Network.mlp(2, (3,), 1), np.random.default_rng(5)
    w, far = rng.normal(size=(2, network.n_parameters))
    copy = renamed(network, w, rng)
    noise = rng.choice([-1.0, 1.0], size=w.shape)
    assert same_minimum(network, copy, w, 2.0, 2.0)
    assert same_minimum(network, copy + 1e-5 * noise, w, 2.0, 2.0 * (1 + 5e-8))
    assert not same_minimum(network, copy, w, 2.0, 2.0 * (1 + 1e-6))
    assert not same_minimum(network, copy + 1e-2 * noise, w, 2.0, 2.0)
    assert not same_minimum(network, far, w, 2.0, 2.0)
    assert same_minimum(network, copy, w, 0.0, 0.0)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_flags_of_activations(name):
    """On a grid: true flags are true, false ones are really false."""
    activation, a = ACTIVATIONS[name], np.linspace(-6.0, 6.0, 2401)
    h = activation.value(a)
    assert activation.monotonic == bool((np.diff(h) >= 0.0).all())
    assert (activation.parity == -1) == np.allclose(h[::-1], -h, rtol=0, atol=1e-12)
    assert (activation.parity == 1) == np.allclose(h[::-1], h, rtol=0, atol=1e-12)


COLUMNS = [
    "loss", "gradient_norm", "n_iter", "converged", "minimum", "n_restarts", "ended_early",
]  # fmt: skip


def check_report(est, n_init):
    starts = est.starts_
    assert list(starts) == COLUMNS
    assert all(column.shape == (n_init,) for column in starts.values())
    best = int(np.argmin(starts["loss"]))
    assert starts["minimum"][best] == 0
    assert est.loss_ == starts["loss"][best]
    assert est.n_iter_ == starts["n_iter"][best]
    assert est.solver_result_.stationarity == starts["gradient_norm"][best]
    assert est.solver_result_.converged == starts["converged"][best]
    # Labels count minima from the lowest on.
    labels = starts["minimum"]
    assert set(labels) == set(range(labels.max() + 1))
    lowest = [starts["loss"][labels == label].min() for label in range(labels.max() + 1)]
    assert lowest == sorted(lowest)
    assert len(pd.DataFrame(starts)) == n_init


@each_kind
@pytest.mark.parametrize("n_init", [1, 5])
def test_report(make, make_data, n_init):
    est = make(random_state=1, n_init=n_init).fit(*make_data())
    check_report(est, n_init)
    assert est.starts_["converged"].all()
    assert (est.starts_["gradient_norm"] <= est.tol).all()


def test_many_starts_of_a_tiny_problem_find_few_minima():
    est = regressor(hidden_layer_sizes=(2,), alpha=0.3, n_init=30, random_state=0).fit(*data())
    check_report(est, 30)
    losses, labels = est.starts_["loss"], est.starts_["minimum"]
    assert 1 < labels.max() + 1 < 10
    assert (labels == 0).sum() > 2
    for label in set(labels):
        assert np.ptp(losses[labels == label]) <= 1e-7 * est.loss_


def test_copies_of_a_start_find_the_same_minimum(monkeypatch):
    """Permuted, of other signs, and in between two starts that end elsewhere."""
    X, y = data()
    network = fit_of(regressor(random_state=0, max_iter=1000).fit(X, y)).network
    rng = np.random.default_rng(22)
    one, two = rng.normal(size=(2, network.n_parameters))
    starts = [one, two, renamed(network, one, rng), renamed(network, two, rng), 1.0 * one]
    order = iter(starts)
    monkeypatch.setattr(_mlp, "_random_start", lambda *_, **__: next(order))
    est = regressor(n_init=5).fit(X, y)
    check_report(est, 5)
    labels = est.starts_["minimum"]
    assert labels[0] == labels[2] == labels[4]
    assert labels[1] == labels[3] != labels[0]


def test_starts_that_have_not_converged():
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        est = regressor(n_init=4, max_iter=3, random_state=0).fit(*data())
    assert not est.starts_["converged"].any()
    assert (est.starts_["n_iter"] == 3).all()
    assert (est.starts_["minimum"] == -1).all()


def test_report_under_constraints():
    """The KKT residuals stand for the gradient."""
    X, y = classes()
    est = classifier(n_init=4, random_state=0, bounds={"coefs_0": (-0.3, 0.3)}).fit(X, y)
    check_report(est, 4)
    assert (est.starts_["gradient_norm"] <= est.tol).all()
    assert np.abs(est.objective(X, y).gradient(est.params_)).max() > 1e-3


def equal(one, other):
    assert_array_equal(one.params_, other.params_)
    assert one.loss_curve_ == other.loss_curve_
    assert one.critical_point_ == other.critical_point_
    for name in COLUMNS:
        assert_array_equal(one.starts_[name], other.starts_[name])


@pytest.mark.parametrize("bounds", [None, {"coefs_0": (-0.5, 0.5)}], ids=["free", "bounds"])
@pytest.mark.parametrize("n_init", [1, 4])
def test_report_does_not_depend_on_who_runs_the_starts(n_init, bounds):
    """Bit for bit."""
    one = regressor(n_init=n_init, random_state=2, bounds=bounds).fit(*data())
    for n_jobs in (1, 2, -1):
        again = regressor(n_init=n_init, random_state=2, bounds=bounds, n_jobs=n_jobs)
        equal(again.fit(*data()), one)


@each_kind
def test_warm_start_is_one_start(make, make_data):
    est = make(random_state=0, n_init=3, warm_start=True).fit(*make_data())
    check_report(est, 3)
    est.fit(*make_data())
    check_report(est, 1)
    assert est.starts_["n_iter"][0] == 0
