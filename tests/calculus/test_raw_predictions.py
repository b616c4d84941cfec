"""Raw predictions of an objective, their slopes, and other losses of them."""

import numpy as np
import pytest
from cases import CASES, LAYER_CASES, RELATIONS, case_id, oracle, setup
from numpy.testing import assert_array_equal
from oracles import assert_close

from sknewtonnet.calculus import Network, Objective, PseudoHuber

each_shape = pytest.mark.parametrize("case", [*CASES, *LAYER_CASES[::3]], ids=case_id)


@each_shape
def test_raw_predictions_and_their_slopes(case):
    f, w = setup(case).objective(), setup(case).w
    v = np.linspace(-1.0, 2.0, len(w))
    assert_close(f.jacobian_product(w, v), oracle(case).jacobian @ v)
    assert_close(f.raw_predictions(w), setup(case).problem.states(oracle(case).arrays)[-1])
    assert_close(f.jacobian_product(w, v), f.jacobian(w) @ v, 1e-12)


@pytest.mark.parametrize("case", RELATIONS, ids=case_id)
def test_raw_predictions_in_chunks(case):
    """In any order of questions, and as often as wanted."""
    f, plain, w = setup(case).objective(chunk_size=7), setup(case).objective(), setup(case).w
    v = np.cos(np.arange(len(w)))
    for point in (w, 0.5 * w, w):
        assert_close(f.jacobian_product(point, v), plain.jacobian_product(point, v), 1e-13)
        assert_close(f.raw_predictions(point), plain.raw_predictions(point), 1e-13)
        assert_close(f.gradient(point), setup(case).objective().gradient(point), 1e-12)


def test_jacobian_product_of_a_sparse_net():
    """Directions are about the connections that exist."""
    rng = np.random.default_rng(0)
    masks = {"coefs_0": np.array([[1, 0, 1], [0, 1, 1]], dtype=bool)}
    net = Network.mlp(2, (3,), 2, connectivity=masks)
    f = Objective(net, "squared_error", rng.normal(size=(9, 2)), rng.normal(size=(9, 2)))
    w, v = rng.normal(size=(2, net.n_parameters))
    assert_close(f.jacobian_product(w, v), f.jacobian(w) @ v, 1e-12)


@pytest.mark.parametrize("wrong", [np.ones(3), np.ones((11, 2))])
def test_directions_of_a_wrong_shape(wrong):
    net = Network.mlp(2, (2,), 2)
    f = Objective(net, "squared_error", np.ones((4, 2)), np.ones((4, 2)))
    with pytest.raises(ValueError, match="shape"):
        f.jacobian_product(np.ones(net.n_parameters), wrong)


@pytest.mark.parametrize("case", [CASES[-1], LAYER_CASES[0]], ids=case_id)
def test_another_loss(case):
    """The same net and data without a penalty; the objective itself stays as it is."""
    s = setup(case)
    f, known = s.objective(), s.objective().hessian(s.w)
    loss = PseudoHuber(0.7)
    bare = Objective(s.net, loss, s.problem.X, s.problem.Y, s.problem.sample_weight)
    other = f.with_loss(loss)
    assert_close(other.value(s.w), bare.value(s.w), 1e-13)
    assert_close(other.gradient(s.w), bare.gradient(s.w), 1e-13)
    assert_close(other.hessian(s.w), bare.hessian(s.w), 1e-12)
    assert_array_equal(f.hessian(s.w), known)
