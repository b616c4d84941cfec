"""The Lagrangian as a function of weights, states and multipliers, off and on the manifold."""

from itertools import product

import numpy as np
import oracles
import pytest
from cases import CASES, LAYER_CASES, case_id, oracle, setup
from lagrangian_oracle import lagrangian as slow_lagrangian
from oracles import STEP
from penalty_cases import Quartic

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.calculus import (
    Lagrangian,
    Layer,
    Linear,
    Network,
    NormPenalty,
    Objective,
)

FEW_SAMPLES = [c for c in [*CASES, *LAYER_CASES] if c.n_samples < 10]
each_few = pytest.mark.parametrize("case", FEW_SAMPLES, ids=case_id)


def anywhere(lagrangian, seed=0):
    """A point whose states are not those of its weights, nor its multipliers those of theirs."""
    rng = np.random.default_rng(seed)
    w = 0.6 * rng.normal(size=lagrangian.n_weights)
    free = rng.normal(size=2 * lagrangian.n_states)
    return np.concatenate([w, free])


def slow_number(case, lagrangian, joint, order, directions):
    """The Lagrangian by dual numbers along directions (r, n_parameters) of the joint vector."""
    reference = oracle(case)
    point = lagrangian.unpack(joint)
    along = [lagrangian.unpack(direction) for direction in directions]
    layout = setup(case).net.layout
    unpacked = [layout.unpack(part.weights) for part in along]
    arrays = {
        name: oracles.lift(array, np.stack([part[name] for part in unpacked]), order)
        for name, array in layout.unpack(point.weights).items()
    }

    def lifted(kind):
        return [
            oracles.lift(array, np.stack([getattr(part, kind)[k] for part in along]), order)
            for k, array in enumerate(getattr(point, kind))
        ]

    states = [reference.problem.X, *lifted("states")]
    return slow_lagrangian(
        reference.problem, arrays, states, [-1.0 * e for e in lifted("multipliers")]
    )


@each_few
def test_value_gradient_and_products_off_the_manifold(case):
    """Against dual numbers in all variables, at arbitrary states and multipliers."""
    lagrangian = Lagrangian(setup(case).objective())
    joint, size = anywhere(lagrangian), lagrangian.n_parameters
    number = slow_number(case, lagrangian, joint, 1, np.eye(size))
    np.testing.assert_allclose(lagrangian.value(joint), oracles.primal(number), rtol=1e-12)
    oracles.assert_close(lagrangian.gradient(joint), oracles.read(number, 1, (1, size))[0], 1e-12)
    v = np.random.default_rng(1).normal(size=(size, 3))
    H = lagrangian.sparse_hessian(joint)
    oracles.assert_close(lagrangian.hessian_product(joint, v), H @ v, 1e-12)
    oracles.assert_close(lagrangian.hessian_product(joint, v[:, 0]), H @ v[:, 0], 1e-12)
    assert abs(H - H.T).max() <= 1e-13 * abs(H).max()


@each_few
def test_second_derivatives_off_the_manifold(case):
    lagrangian = Lagrangian(setup(case).objective())
    joint, size = anywhere(lagrangian), lagrangian.n_parameters
    number = slow_number(case, lagrangian, joint, 2, np.eye(size))
    expected = oracles.read(number, 2, (size, size))
    oracles.assert_close(lagrangian.hessian(joint), expected, 1e-12)


@each_few
def test_on_the_manifold(case):
    """dL/dX = dL/dE = 0, dL/dW is the gradient of f, and eliminating X gives its Hessian."""
    objective, w = setup(case).objective(), setup(case).w
    lagrangian = Lagrangian(objective)
    point = lagrangian.at(w)
    joint = lagrangian.pack(*point)
    slopes = lagrangian.unpack(lagrangian.gradient(joint))
    np.testing.assert_allclose(lagrangian.value(joint), objective.value(w), rtol=1e-13)
    oracles.assert_close(slopes.weights, oracle(case).gradient, 1e-12)
    size = max(1.0, *(np.abs(e).max() for e in point.multipliers))
    for part in slopes.states + slopes.multipliers:
        np.testing.assert_allclose(part, 0.0, atol=1e-14 * size)
    C, Z, P = lagrangian.primal_hessian(joint), lagrangian.null_space(joint), lagrangian.n_weights
    oracles.assert_close(Z.T @ (C @ Z), oracle(case).hessian, 1e-12)
    oracles.assert_close(C[:P, :P].toarray(), objective.hessian(w, "lagrangian"), 1e-12)
    J = lagrangian.equations_jacobian(joint)
    np.testing.assert_allclose(J @ Z, 0.0, atol=1e-12 * max(1.0, abs(Z).max()))


@each_few
def test_multipliers_are_slopes_in_the_states(case):
    """E^k = -df/dx^k, by complex steps that shift each state as it arises."""
    problem = oracle(case).problem
    states = setup(case).objective().states(setup(case).w)
    for found, expected in zip(states, problem.states(oracle(case).arrays)[1:], strict=True):
        oracles.assert_close(found, expected, 1e-12)
    multipliers = setup(case).objective().multipliers(setup(case).w)
    for k, found in enumerate(multipliers):
        expected = np.empty_like(found)
        for place in product(*map(range, found.shape)):
            shifts = [np.zeros(e.shape, complex) for e in multipliers]
            shifts[k][place] = 1j * STEP
            expected[place] = -problem.value(oracle(case).arrays, shifts).imag / STEP
        oracles.assert_close(found, expected, 1e-12)


def general(**ties):
    """A net with skip and missing connections, weights, offset, and penalties between layers."""
    rng = np.random.default_rng(4)
    mask = np.array([[True, False, True], [True, True, False]])
    net = Network.mlp(
        2,
        (3, 2),
        3,
        [["tanh", "sine", "softplus"], "silu"],
        "all",
        connectivity={"coefs_0": mask},
        **ties,
    )
    X, labels = rng.normal(size=(7, 2)), np.eye(3)[rng.integers(3, size=7)]
    weight = np.array([1.0, 0.0, 2.0, 0.5, 1.0, 1.5, 1.0])
    objective = Objective(
        net,
        "log_loss",
        X,
        labels,
        sample_weight=weight,
        alpha=0.7,
        penalties=[NormPenalty(0.4), Quartic()],
        offset=rng.normal(size=(7, 3)),
    )
    return Lagrangian(objective)


@pytest.mark.parametrize("ties", [{}, {"tied": {"intercepts_1": [0, 0]}}], ids=["free", "tied"])
def test_penalties_between_layers_offsets_and_missing_connections(ties):
    """Against central differences, off the manifold; and the exact Hessian on it."""
    lagrangian = general(**ties)
    joint, eye = anywhere(lagrangian), 1e-5 * np.eye(lagrangian.n_parameters)
    values = [lagrangian.value(joint + d) - lagrangian.value(joint - d) for d in eye]
    oracles.assert_close(lagrangian.gradient(joint), np.array(values) / 2e-5, 1e-8)
    slopes = [lagrangian.gradient(joint + d) - lagrangian.gradient(joint - d) for d in eye]
    oracles.assert_close(lagrangian.hessian(joint), np.array(slopes) / 2e-5, 1e-8)
    f, w = lagrangian.objective, joint[: lagrangian.n_weights]
    on = lagrangian.pack(*lagrangian.at(w))
    Z, C = lagrangian.null_space(on), lagrangian.primal_hessian(on)
    oracles.assert_close(Z.T @ (C @ Z), f.hessian(w), 1e-12)
    between = C[: len(w), : len(w)].toarray()
    oracles.assert_close(between, f.hessian(w, "lagrangian"), 1e-12)
    assert np.abs(between[:4, -4:]).max() > 0.1, "the penalty couples the first and last layer"
    assert np.abs(lagrangian.gradient(on)[len(w) :]).max() < 1e-15


@pytest.mark.parametrize("output", ["logistic", "tanh", "softplus"])
def test_output_activation(output):
    """The last states are h(a) and no longer raw predictions: they, too, have an equation."""
    rng = np.random.default_rng(5)
    net = Network.mlp(2, 3, 2, skip_connections="all", output_activation=output)
    X, Y = rng.normal(size=(6, 2)), rng.uniform(size=(6, 2))
    weight, offset = rng.uniform(0.5, 2.0, 6), rng.normal(size=(6, 2))
    f = Objective(net, "squared_error", X, Y, weight, alpha=0.3, offset=offset)
    lagrangian = Lagrangian(f)
    joint, eye = anywhere(lagrangian), 1e-5 * np.eye(lagrangian.n_parameters)
    slopes = [lagrangian.gradient(joint + d) - lagrangian.gradient(joint - d) for d in eye]
    oracles.assert_close(lagrangian.hessian(joint), np.array(slopes) / 2e-5, 1e-8)
    values = [lagrangian.value(joint + d) - lagrangian.value(joint - d) for d in eye]
    oracles.assert_close(lagrangian.gradient(joint), np.array(values) / 2e-5, 1e-8)
    w = joint[: f.n_parameters]
    point = lagrangian.at(w)
    outputs = f.loss.inverse_link(f.raw_predictions(w))
    oracles.assert_close(point.states[-1], outputs, 1e-14)
    errors = (weight / weight.sum())[:, None] * (Y - outputs)
    oracles.assert_close(point.multipliers[-1], errors, 1e-13)
    on = lagrangian.pack(*point)
    there = lagrangian.unpack(lagrangian.gradient(on))
    oracles.assert_close(there.weights, f.gradient(w), 1e-12)
    assert max(np.abs(part).max() for part in there.states + there.multipliers) < 1e-15
    Z, C = lagrangian.null_space(on), lagrangian.primal_hessian(on)
    oracles.assert_close(Z.T @ (C @ Z), f.hessian(w), 1e-12)
    own = C[: len(w), : len(w)].toarray()
    oracles.assert_close(own, f.hessian(w, "lagrangian"), 1e-12)


def test_curvature_of_the_equations_alone():
    """Linear in the multipliers: what these add to the second derivatives of f(W, X^m)."""
    lagrangian = general()
    joint = anywhere(lagrangian)
    without = joint.copy()
    without[-lagrangian.n_states :] = 0.0
    added = lagrangian.primal_hessian(joint) - lagrangian.primal_hessian(without)
    alone = lagrangian.primal_hessian(joint, of_objective=False)
    oracles.assert_close(alone.toarray(), added.toarray(), 1e-12)
    assert lagrangian.primal_hessian(without, of_objective=False).nnz == 0


def test_samples_do_not_meet():
    """States and multipliers of a sample have no second derivatives with those of another."""
    lagrangian = general()
    P, N = lagrangian.n_weights, lagrangian.n_states
    H = lagrangian.sparse_hessian(anywhere(lagrangian)).tocoo()
    number = np.concatenate([np.full(P, -1), *[np.arange(N) // (N // 7)] * 2])
    of_row, of_column = number[H.row], number[H.col]
    apart = (of_row != of_column) & (of_row >= 0) & (of_column >= 0)
    assert not H.data[apart].any()
    assert H.nnz < 0.5 * lagrangian.n_parameters**2


def test_derivatives_of_the_activations_at_the_states():
    """[I] eq. 2: tanh has 1 - x^2, and -2 x (1 - x^2); the identity has 1 and 0."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5, 2))
    f = Objective(Network.mlp(2, 3, 1), "squared_error", X, X[:, :1])
    lagrangian = Lagrangian(f)
    joint = lagrangian.pack(*lagrangian.at(rng.normal(size=f.n_parameters)))
    x, raw = lagrangian.unpack(joint).states
    zeroth, first, second = (lagrangian.state_derivatives(joint, p) for p in range(3))
    oracles.assert_close(zeroth[0], x, 1e-14)
    oracles.assert_close(zeroth[1], raw, 1e-14)
    oracles.assert_close(first[0], 1.0 - x**2, 1e-13)
    oracles.assert_close(second[0], -2.0 * x * (1.0 - x**2), 1e-13)
    assert (first[1] == 1.0).all()
    assert not second[1].any()


def test_those_of_a_fitted_net():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    net = NewtonMLPRegressor((2,), alpha=0.1, random_state=0).fit(X, np.sin(X[:, 0]))
    f = net.objective(X, np.sin(X[:, 0]))
    lagrangian = Lagrangian(f)
    joint = lagrangian.pack(*lagrangian.at(net.params_))
    assert np.abs(lagrangian.gradient(joint)).max() < 1e-5
    np.testing.assert_allclose(f.states(net.params_)[-1][:, 0], net.predict(X), rtol=1e-10)


def test_parts_and_joint_vectors():
    lagrangian = general()
    joint = anywhere(lagrangian)
    point = lagrangian.unpack(joint)
    np.testing.assert_array_equal(lagrangian.pack(*point), joint)
    assert [part.shape for part in point.states] == [(7, 3), (7, 2), (7, 3)]
    point.states[0][...] = 0.0
    assert joint[lagrangian.n_weights] != 0.0, "what is unpacked is new"
    zeros = lagrangian.pack(point.weights, None, None)[lagrangian.n_weights :]
    assert not zeros.any()
    assert len(zeros) == 2 * lagrangian.n_states
    with pytest.raises(ValueError, match="states must be one array for each layer"):
        lagrangian.pack(point.weights, point.states[:1], None)
    with pytest.raises(ValueError, match="weights must have shape"):
        lagrangian.pack(point.weights[1:], None, None)
    with pytest.raises(ValueError, match="joint must have shape"):
        lagrangian.value(joint[1:])
    with pytest.raises(ValueError, match="v must have shape"):
        lagrangian.hessian_product(joint, joint[1:])
    for ask in (lagrangian.hessian, lambda at, kind: lagrangian.hessian_product(at, at, kind)):
        with pytest.raises(ValueError, match="kind must be"):
            ask(joint, "block")
    with pytest.raises(ValueError, match="order must be an integer of at least 0"):
        lagrangian.state_derivatives(joint, -1)
    with pytest.raises(TypeError, match="must be an Objective"):
        Lagrangian("f")


class Squares(Layer):
    """p_j = sum of the squares of the inputs: a layer without parameters, for the input alone."""

    def unit_arrays(self, n_inputs):
        return {}

    def value(self, theta, z):
        return np.tile((z**2).sum(axis=0), (self.n_units, 1))

    def slopes(self, theta, z):
        return np.tile(2.0 * z, (self.n_units, 1, 1)), np.zeros((self.n_units, 0, z.shape[1]))

    def curvature_parameters(self, theta, z, delta):
        return np.zeros((self.n_units, 0, 0))


def test_layers_without_parameters_and_for_the_input_alone():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(6, 2))
    net = Network.from_layers(2, [Squares((0,), 1, "tanh"), Linear((0, 1), 1)])
    f = Objective(net, "squared_error", X, X[:, :1])
    lagrangian, w = Lagrangian(f), rng.normal(size=f.n_parameters)
    joint = lagrangian.pack(*lagrangian.at(w))
    Z, C = lagrangian.null_space(joint), lagrangian.primal_hessian(joint)
    oracles.assert_close(Z.T @ (C @ Z), f.hessian(w), 1e-12)
    v = rng.normal(size=lagrangian.n_parameters)
    oracles.assert_close(
        lagrangian.hessian_product(joint, v), lagrangian.sparse_hessian(joint) @ v, 1e-12
    )
    assert f.lagrangian_tensors(w, 3)[0].shape == (1, 0, 0, 0)


def test_what_would_not_fit_is_refused():
    X = np.zeros((30_000, 40))
    f = Objective(Network.mlp(40, (200, 200), 1), "squared_error", X, X[:, :1])
    lagrangian = Lagrangian(f)
    joint = np.zeros(lagrangian.n_parameters)
    for ask in (lagrangian.primal_hessian, lagrangian.sparse_hessian):
        with pytest.raises(MemoryError, match="second derivatives of the Lagrangian of 30000"):
            ask(joint)
    with pytest.raises(MemoryError, match="directions of"):
        lagrangian.null_space(joint)
    with pytest.raises(MemoryError, match="sparse_hessian has few entries"):
        lagrangian.hessian(joint)
