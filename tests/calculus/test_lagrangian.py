"""The Lagrangian of the network's equations: what its blocks are, and what they are not.

    L(W, X, E) = f(x^m) + penalty(W) + sum_k <E^k, h^k(z^k(X), W^k) - x^k>

is written down here once more, with states X and multipliers E as free variables. Its
W,W block at fixed X and E is what the package calls "lagrangian"; eliminating X gives
the exact Hessian of the objective.
"""

import dataclasses
from itertools import product

import numpy as np
import oracles
import pytest
from cases import CASES, LAYER_CASES, Case, case_id, oracle, setup
from lagrangian_oracle import at_fixed_states, lagrangian, multipliers, state_directions
from oracles import STEP

from sknewtonnet.calculus import ACTIVATIONS, Network, Objective

each_case = pytest.mark.parametrize("case", [*CASES, *LAYER_CASES], ids=case_id)
each_linear_case = pytest.mark.parametrize("case", CASES, ids=case_id)
# Small nets with layers that have derivatives of any order, and the order to try.
CURVED = [
    pytest.param(case, order, id=f"{case.id}-{order}")
    for place, order in (("alone", 3), ("narrow", 3), ("narrow", 4), ("last", 3))
    for case in LAYER_CASES
    if case.id.startswith(place)
    and "multiquadric" not in case.kinds
    and case.n_samples * order < 200
]
FEW_SAMPLES = [c for c in [*CASES, *LAYER_CASES] if c.n_samples < 10]


def tensor_cases():
    """A net of two hidden layers and, for the higher orders, a tiny one."""
    any_order = [name for name, h in ACTIVATIONS.items() if h.max_order is None]
    for sizes, orders in (((2, 2, 2, 1), (2, 3)), ((1, 2, 1), (4, 5))):
        for order, name in product(orders, any_order):
            names = (name,) * (len(sizes) - 2)
            case = Case(f"{name}-order{order}", sizes, names, "all", "gamma", 5, seed=400)
            yield pytest.param(case, order, id=case.id)


@each_case
def test_lagrangian_blocks(case):
    """In both forms; zero in a linear last layer, apart from the penalty, and between units."""
    objective, w, reference = setup(case).objective(), setup(case).w, oracle(case)
    expected = at_fixed_states(reference, 2)
    oracles.assert_close(objective.hessian(w, kind="lagrangian"), expected)
    stored = objective.hessian_blocks(w, kind="lagrangian")
    for blocks, places in zip(stored, reference.places(), strict=True):
        oracles.assert_close(blocks, expected[places[:, :, None], places[:, None, :]])
    if case.all_kinds[-1] == "linear":
        last = reference.places()[-1]
        penalty = reference.penalty_hessian[last[:, :, None], last[:, None, :]]
        np.testing.assert_allclose(stored[-1], penalty, rtol=1e-14)


@pytest.mark.parametrize("case", FEW_SAMPLES, ids=case_id)
def test_eliminating_the_states_gives_the_exact_hessian(case):
    """Z' (D2 L) Z = D2 f with Z = [I; dX/dW]; and L is stationary in X."""
    reference, problem = oracle(case), oracle(case).problem
    P, n_states = reference.P, len(state_directions(problem)[0])
    weights = {
        name: np.concatenate([d, np.zeros((n_states, *d.shape[1:]))])
        for name, d in reference.directions.items()
    }
    states = [np.concatenate([np.zeros((P, *d.shape[1:])), d]) for d in state_directions(problem)]
    arrays = {k: oracles.lift(a, weights[k], 2) for k, a in reference.arrays.items()}
    X, *rest = problem.states(reference.arrays)
    moved = [X, *(oracles.lift(x, d, 2) for x, d in zip(rest, states, strict=True))]
    number = lagrangian(problem, arrays, moved, multipliers(reference))
    first = oracles.read(number, 1, (1, P + n_states))[0]
    second = oracles.read(number, 2, (P + n_states, P + n_states))

    stepped = problem.states(reference.stepped())[1:]
    slopes = [x.imag.reshape(P, -1) / STEP for x in stepped]
    Z = np.vstack([np.eye(P), np.hstack(slopes).T])
    exact = setup(case).objective().hessian(setup(case).w)
    oracles.assert_close(Z.T @ second @ Z, exact)
    oracles.assert_close(first[:P], reference.gradient)
    size = max(1.0, np.abs(first[:P]).max())
    np.testing.assert_allclose(first[P:], 0.0, atol=1e-14 * size)


@each_case
def test_tensors_of_first_and_second_order_are_gradient_and_blocks(case):
    """With the penalty and without it, for layers of all kinds."""
    objective, w, reference = setup(case).objective(), setup(case).w, oracle(case)
    blocks = objective.hessian_blocks(w, kind="lagrangian")
    whole, tensors = (objective.lagrangian_tensors(w, 2, penalised=p) for p in (True, False))
    slopes = objective.lagrangian_tensors(w, 1)
    for k, places in enumerate(reference.places()):
        penalty = reference.penalty_hessian[places[:, :, None], places[:, None, :]]
        oracles.assert_close(tensors[k] + penalty, blocks[k], 1e-13)
        oracles.assert_close(whole[k], blocks[k], 1e-13)
        oracles.assert_close(slopes[k], reference.gradient[places])
    if case.all_kinds[-1] == "linear":
        assert not tensors[-1].any()


@pytest.mark.parametrize(("case", "order"), list(tensor_cases()))
def test_tensors_of_higher_order(case, order):
    """All entries of one unit with itself; and there are no others."""
    reference = oracle(case)
    problem = dataclasses.replace(reference.problem, penalty={})
    everything = at_fixed_states(reference, order, problem)
    tensors = setup(case).objective().lagrangian_tensors(setup(case).w, order, penalised=False)
    assert len(tensors) == problem.n_layers
    for tensor, places in zip(tensors, reference.places(), strict=True):
        expected = np.stack([everything[np.ix_(*[unit] * order)] for unit in places])
        assert tensor.shape == expected.shape
        oracles.assert_close(tensor, expected)
    squares = sum((tensor**2).sum() for tensor in tensors)
    np.testing.assert_allclose(squares, (everything**2).sum(), rtol=1e-10)


@pytest.mark.parametrize("order", [2, 3])
def test_tensors_know_no_connections_that_do_not_exist(order):
    """They are those of the net with all connections, and 0 where one is missing."""
    mask = np.array([[True, False], [True, True]])
    nets = [Network.mlp(2, 2, 1, connectivity=given) for given in ({"coefs_0": mask}, None)]
    rng = np.random.default_rng(0)
    X, w = rng.normal(size=(9, 2)), rng.normal(size=nets[0].n_parameters)
    arrays = nets[0].layout.unpack(w)
    masked, full = (
        Objective(net, "squared_error", X, X[:, :1]).lagrangian_tensors(
            net.layout.pack(arrays), order
        )
        for net in nets
    )
    expected = full[0].copy()
    for axis in range(1, order + 1):
        np.moveaxis(expected[1], axis - 1, 0)[0] = 0.0  # unit 1 does not read input 0
    np.testing.assert_allclose(masked[0], expected, rtol=1e-13)
    assert full[0][1, ..., 0].any()


@pytest.mark.parametrize(("case", "order"), CURVED)
def test_tensors_of_curved_layers(case, order):
    """Faa di Bruno's formula, and the penalty, against dual numbers."""
    objective, w, reference = setup(case).objective(), setup(case).w, oracle(case)
    everything = at_fixed_states(reference, order)
    tensors = objective.lagrangian_tensors(w, order)
    for tensor, places in zip(tensors, reference.places(), strict=True):
        expected = np.stack([everything[np.ix_(*[unit] * order)] for unit in places])
        oracles.assert_close(tensor, expected)
    squares = sum((tensor**2).sum() for tensor in tensors)
    np.testing.assert_allclose(squares, (everything**2).sum(), rtol=1e-10)


def test_layers_without_tensors_are_refused():
    case = next(case for case in LAYER_CASES if "multiquadric" in case.kinds)
    objective, w = setup(case).objective(), setup(case).w
    assert len(objective.lagrangian_tensors(w, 2)) == len(case.sizes) - 1
    with pytest.raises(NotImplementedError, match="Multiquadric has no tensor_parameters"):
        objective.lagrangian_tensors(w, 3)


def test_orders_an_activation_lacks_are_refused():
    net = Network.mlp(2, (3, 2), 1, ["tanh", "relu"])
    objective = Objective(net, "squared_error", np.ones((4, 2)), np.ones(4))
    w = np.ones(net.n_parameters)
    assert len(objective.lagrangian_tensors(w, 2)) == 3
    with pytest.raises(ValueError, match="relu"):
        objective.lagrangian_tensors(w, 3)
    for order in (0, 2.5, True, "a"):
        with pytest.raises(ValueError, match="order must be an integer of at least 1"):
            objective.lagrangian_tensors(w, order)
