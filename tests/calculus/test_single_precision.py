"""Passes in float32: derivatives are the same to 1e-5 of the largest entry, results float64."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sknewtonnet.calculus import BlockObjective, GaussianRBF, Linear, Network, Objective
from sknewtonnet.solvers import get_solver

NETS = {
    "one output": lambda: Network.mlp(3, (20,), 1),
    "two hidden layers": lambda: Network.mlp(3, (6, 4), 2, ["tanh", "softplus"]),
    "skip connections": lambda: Network.mlp(3, (6, 4), 2, skip_connections="all"),
    "units of two kinds": lambda: Network.mlp(3, (4,), 2, activation=[["tanh", "sine"] * 2]),
    "no hidden layer": lambda: Network.mlp(3, (), 2),
    "output activation": lambda: Network.mlp(3, (5,), 2, output_activation="logistic"),
}
RESULTS = {
    "value": lambda f, w, v: f.value(w),
    "gradient": lambda f, w, v: f.gradient(w),
    "product": lambda f, w, v: f.hessian_product(w, v[:, 0]),
    "products": lambda f, w, v: f.hessian_product(w, v, "gauss-newton"),
    "exact": lambda f, w, v: f.hessian(w),
    "gauss-newton": lambda f, w, v: f.hessian(w, "gauss-newton"),
    "block": lambda f, w, v: f.hessian(w, "block"),
    "lagrangian": lambda f, w, v: f.hessian(w, "lagrangian"),
}
OF_ROWS = {
    "raw": lambda f, w, v: f.raw_predictions(w),
    "jacobian": lambda f, w, v: f.jacobian(w),
    "jacobian product": lambda f, w, v: f.jacobian_product(w, v[:, 0]),
    "scores": lambda f, w, v: f.scores(w),
    "states": lambda f, w, v: np.hstack(f.states(w)),
    "multipliers": lambda f, w, v: np.hstack(f.multipliers(w)),
    "shifts": lambda f, w, v: f.shift_derivatives(w, [0, 2])[1],
    "third order": lambda f, w, v: np.concatenate(
        [tensor.ravel() for tensor in f.lagrangian_tensors(w, 3)]
    ),
}


def data(network, n_samples=400, loss="squared_error"):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, 3))
    Y = rng.uniform(0.1, 0.9, (n_samples, network.n_outputs))
    if loss == "multinomial_log_loss":
        Y = np.eye(network.n_outputs)[rng.integers(0, network.n_outputs, n_samples)]
    weight = rng.uniform(0.5, 1.5, n_samples)
    weight[::7] = 0.0
    w, v = (
        rng.standard_normal(network.n_parameters),
        rng.standard_normal((network.n_parameters, 3)),
    )
    return X, Y, weight, 0.5 * w, v


def pair(kind, loss="squared_error", **more):
    """The same objective with passes in float64 and float32, a point and directions."""
    network = NETS[kind]()
    X, Y, weight, w, v = data(network, loss=loss)
    offset = 0.1 * X[:, :1].repeat(network.n_outputs, axis=1)
    given = dict(alpha=0.5, offset=offset, **more)
    double, single = (
        Objective(network, loss, X, Y, weight, dtype=dtype, **given)
        for dtype in (np.float64, np.float32)
    )
    return double, single, w, v


def assert_close(found, wanted):
    """Close in the largest entry, float64, but not the same: so it was in single precision."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.dtype == np.float64
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()


@pytest.mark.parametrize("chunk_size", [None, 97])
@pytest.mark.parametrize("kind", NETS)
def test_derivatives(kind, chunk_size):
    double, single, w, v = pair(kind, chunk_size=chunk_size)
    for result in RESULTS.values():
        assert_close(result(single, w, v), result(double, w, v))
    assert not np.array_equal(single.gradient(w), double.gradient(w))


@pytest.mark.parametrize("kind", NETS)
def test_results_of_rows(kind):
    double, single, w, v = pair(kind)
    for name, result in OF_ROWS.items():
        wanted = result(double, w, v)
        if name != "third order" or np.any(wanted):
            assert_close(result(single, w, v), wanted)


@pytest.mark.parametrize("loss", ["multinomial_log_loss", "binary_log_loss", "poisson", "gamma"])
def test_losses(loss):
    double, single, w, v = pair("two hidden layers", loss)
    for result in RESULTS.values():
        assert_close(result(single, w, v), result(double, w, v))


def test_parts_of_outputs():
    double, single, w, v = pair("skip connections")
    factors = np.array([0.3, -1.2])
    for ask in (
        lambda parts: parts.values(w),
        lambda parts: parts.jacobian(w),
        lambda parts: parts.hessian(w, factors),
        lambda parts: parts.hessian_product(w, v, factors),
    ):
        assert_close(ask(single.output_parts()), ask(double.output_parts()))


@pytest.mark.parametrize("how", ["reduced", "projected"])
def test_output_layer_that_is_solved_for(how):
    double, single, w, _ = pair("skip connections")
    reductions = [f.reduced() if how == "reduced" else f.projected(w) for f in (double, single)]
    u = w[: reductions[0].n_parameters]
    assert_close(reductions[1].value(u), reductions[0].value(u))
    assert_close(reductions[1].gradient(u), reductions[0].gradient(u))


def test_sums_over_chunks_do_not_lose_digits():
    """Many chunks: the error is that of one, not that of a sum in single precision."""
    network = Network.mlp(3, (4,), 1)
    X, Y, weight, w, _ = data(network, 40_000)
    X, w = (array.astype(np.float32) for array in (X, w))  # rounding of these does not average out
    double, single = (
        Objective(network, "squared_error", X, Y, weight, chunk_size=20, dtype=dtype)
        for dtype in (np.float64, np.float32)
    )
    for result in RESULTS.values():
        found, wanted = result(single, w, np.eye(len(w), 3)), result(double, w, np.eye(len(w), 3))
        assert np.abs(found - wanted).max() <= 1e-7 * np.abs(wanted).max()


def test_blocks():
    network = NETS["skip connections"]()
    X, Y, weight, w, v = data(network)
    blocks = [(X[i::2], Y[i::2], weight[i::2]) for i in range(2)]
    double = Objective(network, "squared_error", X, Y, weight, alpha=0.5)
    single = BlockObjective(network, "squared_error", blocks, alpha=0.5, dtype=np.float32)
    for result in RESULTS.values():
        assert_close(result(single, w, v), result(double, w, v))
    assert not np.array_equal(single.gradient(w), double.gradient(w))
    for other in (single.on(blocks), single.with_loss(single.loss)):
        assert other.dtype == np.float32


@pytest.mark.parametrize("solver", ["l-bfgs-b", "newton"])
def test_fit(solver):
    double, single, w, _ = pair("two hidden layers")
    result = get_solver(solver, tol=1e-4).minimize(single, 0.2 * w)
    assert np.abs(double.gradient(result.params)).max() <= 1.1e-4


def test_what_stays_at_the_point_is_half():
    sizes = []
    for dtype in (np.float64, np.float32):
        network = Network.mlp(3, (30,), 1)
        X, Y, _, w, _ = data(network)
        f = Objective(network, "squared_error", X, Y, dtype=dtype)
        f.hessian(w)
        kept = [array for chunk in f._chunks for array in [*chunk.z, *chunk.slope, *chunk.bend]]
        kept += [array for chunk in f._chunks for array in chunk.delta]
        sizes.append(sum(array.nbytes for array in kept))
    assert sizes[1] == sizes[0] / 2


def test_objectives_made_from_one_have_its_type():
    _, single, w, _ = pair("one output")
    others = [
        single.on(single.samples, single.targets, offset=single.offset),
        single.with_loss(single.loss),
        single.batches(2, np.random.default_rng(0))[0].function,
        pickle.loads(pickle.dumps(single)),
    ]
    assert [other.dtype for other in others] == [np.float32] * 4
    assert_array_equal(others[-1].gradient(w), single.gradient(w))
    assert_array_equal(others[-1].hessian(w), single.hessian(w))


def test_double_is_the_default():
    network = Network.mlp(3, (4,), 1)
    X, Y, weight, w, _ = data(network)
    default = Objective(network, "squared_error", X, Y, weight)
    given = Objective(network, "squared_error", X, Y, weight, dtype="float64")
    assert default.dtype == np.float64
    assert_array_equal(default.hessian(w), given.hessian(w))


def test_far_out_it_is_infinite_without_a_warning():
    double, single, w, _ = pair("one output")
    assert np.isfinite(double.value(1e60 * np.abs(w)))
    assert single.value(1e60 * np.abs(w)) == np.inf


@pytest.mark.parametrize("dtype", [np.float16, "int", None, "single precision", np.longdouble])
def test_refused_types(dtype):
    X, Y = np.ones((2, 3)), np.ones((2, 1))
    for make in (
        lambda: Objective(Network.mlp(3, (4,), 1), "squared_error", X, Y, dtype=dtype),
        lambda: BlockObjective(Network.mlp(3, (4,), 1), "squared_error", [(X, Y)], dtype=dtype),
    ):
        with pytest.raises(ValueError, match=r"dtype must be np\.float64 or np\.float32, got"):
            make()


def test_refused_layers():
    """Differences of large terms in radial units would lose their digits."""
    X, Y = np.ones((2, 3)), np.ones((2, 1))
    layers = [Linear((0,), 3, "tanh"), GaussianRBF((1,), 3, "diag"), Linear((2,), 1)]
    for network in (Network.rbf(3, 2, 1), Network.from_layers(3, layers)):
        with pytest.raises(ValueError, match=r"dtype must be np\.float64 for GaussianRBF"):
            Objective(network, "squared_error", X, Y, dtype=np.float32)
        with pytest.raises(ValueError, match=r"dtype must be np\.float64 for GaussianRBF"):
            BlockObjective(network, "squared_error", [(X, Y)], dtype=np.float32)


def test_refused_samples():
    X, Y = np.full((2, 3), -1e39), np.ones((2, 1))
    with pytest.raises(ValueError, match=r"X must not exceed 3\.4e\+38"):
        Objective(Network.mlp(3, (4,), 1), "squared_error", X, Y, dtype=np.float32)
    with pytest.raises(ValueError, match=r"X must not exceed 3\.4e\+38"):
        BlockObjective(Network.mlp(3, (4,), 1), "squared_error", [(X, Y)], dtype=np.float32)
