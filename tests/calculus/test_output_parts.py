"""The modified objective and what it is made of, against dual numbers and loops."""

import numpy as np
import pytest
from cases import CASES, LAYER_CASES, RELATIONS, Case, case_id, oracle, setup
from numpy.testing import assert_allclose, assert_array_equal
from oracle_numbers import STEP, read
from oracles import assert_close

from sknewtonnet.calculus import Network, Objective
from sknewtonnet.calculus.functions.output_parts import OutputSquares, ScaledSquaredError
from sknewtonnet.calculus.pieces.losses import SquaredError
from sknewtonnet.solvers._optimal_step import HalfSquare
from sknewtonnet.testing import check_loss


def squares(id, n_outputs, **changes):
    shape = {"sizes": (2, 3, 2, n_outputs), "activations": ("tanh", "softplus"), "skip": "all"}
    options = {"loss": "squared_error", "n_samples": 40, "alpha": "arrays", "seed": 11}
    return Case(id, **shape | options | changes)


RADIAL = {"activations": ("squared_exponential", "tanh"), "kinds": ("full",), "skip": False}
SQUARES = [
    squares("one", 1),
    squares("three", 3),
    squares("few samples", 3, n_samples=5, seed=12),
    squares("linear", 2, sizes=(3, 2), activations=(), skip=False),
    squares("radial", 3, **RADIAL),
]
each_square = pytest.mark.parametrize("case", SQUARES, ids=case_id)


def half_square(case, number):
    """Return F = f^2 / 2 of any kind of number."""
    f = oracle(case).problem.value(number)
    return 0.5 * f * f


def output_squares(case, number):
    """Return F = 1/2 sum_o f_o^2 of any kind of number, output by output."""
    p, total = oracle(case).problem, 0.0
    raw, penalty = p.states(number)[-1], p.penalty_value(number)
    for o in range(p.sizes[-1]):
        residual = raw[..., o] - p.Y[:, o]
        part = (residual * residual * p.sample_weight).sum(-1) * (0.5 / p.sample_weight.sum())
        part = part + penalty * (1.0 / p.sizes[-1])
        total = total + 0.5 * part * part
    return total


def expected(function, case):
    """Return value, gradient and Hessian, by complex steps and dual numbers."""
    known = oracle(case)
    hessian = read(function(case, known.lifted(2)), 2, (known.P, known.P))
    gradient = function(case, known.stepped()).imag / STEP
    return function(case, known.arrays), gradient, hessian


def assert_same(found, function, case):
    w = setup(case).w
    value, gradient, hessian = expected(function, case)
    assert_close(found.value(w), value)
    assert_close(found.gradient(w), gradient)
    for d in np.random.default_rng(2).normal(size=(3, len(w))):
        assert_close(found.curvature(w, d), d @ hessian @ d)
        assert_close(found.hessian_product(w, d), hessian @ d)
    V = np.random.default_rng(3).normal(size=(len(w), 2))
    assert_close(found.hessian_product(w, V), hessian @ V)
    assert_close(found.hessian(w), hessian)
    assert_close(found.gradient(w), gradient)  # whatever was asked before
    assert_close(found.value(w), value)


@each_square
def test_half_square(case):
    assert_same(HalfSquare(setup(case).objective()), half_square, case)


@each_square
def test_output_squares(case):
    """With weights, some of them zero, and penalties; of one output it is the half square."""
    assert_same(OutputSquares(setup(case).objective()), output_squares, case)
    if case.sizes[-1] == 1:
        assert_same(OutputSquares(setup(case).objective()), half_square, case)


@each_square
def test_parts_add_up(case):
    f, w = setup(case).objective(), setup(case).w
    parts = OutputSquares(f).parts(w)
    assert parts.shape == (case.sizes[-1],)
    assert_close(parts.sum(), f.value(w))


def test_curvature_is_the_slope_of_the_gradient():
    case, step = SQUARES[1], 1e-5
    F, w = OutputSquares(setup(case).objective()), setup(case).w
    d = np.linspace(-1.0, 1.0, len(w))
    slope = (F.gradient(w + step * d) - F.gradient(w - step * d)) @ d / (2.0 * step)
    assert_allclose(F.curvature(w, d), slope, rtol=1e-7)


def test_the_objective_is_left_alone():
    """Its loss and answers are the same before and after."""
    f, w = setup(SQUARES[1]).objective(), setup(SQUARES[1]).w
    before = f.value(w), f.gradient(w), f.hessian(w)
    F = f.output_squares()
    F.gradient(w)
    F.curvature(w, w)
    assert isinstance(f.loss, SquaredError)
    for a, b in zip((f.value(w), f.gradient(w), f.hessian(w)), before, strict=True):
        assert_array_equal(a, b)


def test_modified_form_of_an_objective():
    assert setup(SQUARES[0]).objective().output_squares() is None
    assert isinstance(setup(SQUARES[1]).objective().output_squares(), OutputSquares)


LOSSES = [case for case in CASES if case.id.startswith("loss") and "squared" not in case.id]


@pytest.mark.parametrize("case", LOSSES, ids=case_id)
def test_other_losses_have_no_modified_form(case):
    """Said with the names of the loss and of the way out."""
    loss = setup(case).loss.name
    with pytest.raises(ValueError, match=rf"squared errors; for the loss {loss} it is not"):
        setup(case).objective().output_squares()


# What it is made of -------------------------------------------------------------------


def test_scaled_squared_errors():
    scale = np.array([0.5, 2.0, 3.0])
    rng = np.random.default_rng(0)
    y, raw = rng.normal(size=(2, 5, 3))
    check_loss(ScaledSquaredError(scale))
    value, gradient, hessian = ScaledSquaredError(scale).derivatives(y, raw)
    assert_allclose(value, [sum(scale * (r - t) ** 2) / 2 for t, r in zip(y, raw, strict=True)])
    assert_allclose(gradient, scale * (raw - y))
    assert_allclose(hessian, np.tile(scale, (5, 1)))
    assert [len(ScaledSquaredError(scale).derivatives(y, raw, k)) for k in range(3)] == [1, 2, 3]


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


@pytest.mark.parametrize("case", [SQUARES[1], SQUARES[4]], ids=case_id)
def test_another_loss(case):
    """The same net and data without a penalty; the objective itself stays as it is."""
    s = setup(case)
    f, known = s.objective(), s.objective().hessian(s.w)
    loss = ScaledSquaredError(np.array([1.0, 0.3, 2.0]))
    bare = Objective(s.net, loss, s.problem.X, s.problem.Y, s.problem.sample_weight)
    other = f.with_loss(loss)
    assert_close(other.value(s.w), bare.value(s.w), 1e-13)
    assert_close(other.gradient(s.w), bare.gradient(s.w), 1e-13)
    assert_close(other.hessian(s.w), bare.hessian(s.w), 1e-12)
    assert_array_equal(f.hessian(s.w), known)
