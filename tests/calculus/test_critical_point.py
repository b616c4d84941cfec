"""The verdict on a critical point, against functions whose curvature is known."""

import pickle
import tracemalloc

import numpy as np
import pytest
from functions import double_well
from numpy.testing import assert_allclose, assert_array_equal

from sknewtonnet import inspection
from sknewtonnet.calculus import (
    CriticalPoint,
    Network,
    NormPenalty,
    Objective,
    SmoothFunction,
    critical_point,
)
from sknewtonnet.calculus.functions import critical_point as module
from sknewtonnet.solvers import get_solver


class Quadratic(SmoothFunction):
    """1/2 w' Q diag(eigenvalues) Q' w, with chosen directions declared constant."""

    def __init__(self, eigenvalues, n_constant=0):
        self.n_parameters = len(eigenvalues)
        rng = np.random.default_rng(0)
        self.basis, _ = np.linalg.qr(rng.standard_normal((len(eigenvalues),) * 2))
        self.matrix = self.basis @ np.diag(eigenvalues) @ self.basis.T
        self.n_constant = n_constant

    def value(self, w):
        return 0.5 * float(w @ self.matrix @ w)

    def gradient(self, w):
        return self.matrix @ w

    def hessian(self, w):
        return self.matrix.copy()

    def hessian_product(self, w, v):
        return self.matrix @ v

    def invariant_directions(self):
        return self.basis[:, : self.n_constant]


@pytest.fixture(params=["dense", "matrix-free"])
def route(request, monkeypatch):
    """Run a test with Cholesky factors, and with Lanczos iterations on products."""
    if request.param == "matrix-free":
        monkeypatch.setattr(module, "DENSE_LIMIT", 0)
    return request.param


@pytest.mark.parametrize(
    ("eigenvalues", "verdict"),
    [
        ([1e-6, 1.0, 2.0, 30.0, 40.0], "minimum"),
        ([-1e-6, 1.0, 2.0, 30.0, 40.0], "saddle"),
        ([-1.0, -2.0, -3.0, -5.0], "maximum"),
        ([0.0, 1.0, 2.0, 30.0, 40.0], "inconclusive"),
        ([0.0, -1.0, -2.0, -30.0, -40.0], "saddle"),
    ],
)
def test_verdict_follows_the_lowest_eigenvalue(route, eigenvalues, verdict):
    assert critical_point(Quadratic(eigenvalues), np.zeros(len(eigenvalues))) == verdict


def test_a_verdict_is_its_word():
    point = critical_point(Quadratic([1.0, 2.0]), np.zeros(2))
    assert isinstance(point, CriticalPoint)
    assert str(point) == point.kind == "minimum" == point
    assert point != "saddle"
    assert point in {"minimum"}
    assert point == critical_point(Quadratic([3.0, 5.0]), np.zeros(2))
    assert inspection.critical_point is critical_point


@pytest.mark.parametrize("where", [0.0, np.nan])
def test_verdicts_travel(where):
    point = critical_point(Quadratic([-1.0, 2.0]), np.full(2, where))
    again = pickle.loads(pickle.dumps(point))
    assert again == point
    assert_array_equal(again.lowest, point.lowest)


def test_curvatures_and_directions(route):
    eigenvalues = np.array([-3.0, -0.5, 0.0, 1.0, 7.0, 40.0])
    function = Quadratic(eigenvalues)
    point = critical_point(function, np.zeros(6))
    assert point == "saddle"
    assert point.has_negative_curvature
    assert_allclose([point.lowest, point.highest], [-3.0, 40.0], rtol=1e-5)
    assert 0.0 < point.noise < 1e-12
    assert_allclose(abs(point.escape @ function.basis[:, 0]), 1.0, rtol=1e-5)
    shown = 1 if route == "matrix-free" else 2
    assert point.negative.shape == (6, shown)
    assert_allclose(point.negative.T @ point.negative, np.eye(shown), atol=1e-12)
    inside = function.basis[:, :shown].T @ point.negative
    assert_allclose(np.abs(np.linalg.det(inside)), 1.0, rtol=1e-5)
    if route == "dense":
        assert_allclose(np.abs(point.flat.T @ function.basis[:, 2:3]), 1.0, rtol=1e-12)


def test_no_way_out_of_a_minimum(route):
    point = critical_point(Quadratic([1.0, 2.0, 4.0, 9.0]), np.zeros(4))
    assert not point.has_negative_curvature
    assert point.escape is None
    assert point.negative.shape == (4, 0)
    assert_allclose([point.lowest, point.highest], [1.0, 9.0], rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize(
    ("eigenvalues", "verdict"),
    [
        ([1.0, 2.0, 30.0], "minimum"),
        ([-1.0, 2.0, 30.0], "saddle"),
        ([-1.0, -2.0, -4.0], "maximum"),
    ],
)
def test_far_from_a_critical_point_there_is_none(route, eigenvalues, verdict, scale):
    """Whatever the curvature says, and in whatever units f is."""
    function = Quadratic(scale * np.array(eigenvalues))
    w = np.array([1.0, -2.0, 0.5])
    point = critical_point(function, w)
    assert point == "not stationary"
    assert point.has_negative_curvature == (verdict != "minimum")
    near = critical_point(function, 1e-13 * w)
    assert near == "not stationary"  # of 1e-26 all could still be gained

    def moved(name):
        return lambda at, *rest: getattr(Quadratic, name)(function, at - w, *rest)

    function.value, function.gradient = moved("value"), moved("gradient")
    assert critical_point(function, w) == verdict
    assert critical_point(function, w * (1.0 + 1e-8)) == verdict  # w'Hw is the size of f
    assert critical_point(function, w * (1.0 + 1e-2)) == "not stationary"
    assert critical_point(function, w, converged=False) == "not stationary"


def test_gain_is_that_of_a_newton_step(route):
    """In parts of f; along negative curvature it counts as well."""
    eigenvalues = np.array([-2.0, 0.3, 1.0, 5.0, 8.0])
    function, centre = Quadratic(eigenvalues), np.full(5, 1e6)
    step = np.array([0.3, -1.0, 2.0, 0.7, 1.1])
    function.value = lambda at: -1e9
    function.gradient = lambda at: function.matrix @ (at - centre)
    parts = function.basis.T @ (function.matrix @ step)
    floor = 2.0 * np.linalg.norm(parts) / np.linalg.norm(centre)
    expected = 0.5 * (parts**2 / (np.abs(eigenvalues) + floor)).sum() / 1e9
    function.scale = lambda: 3.0  # f is larger
    assert_allclose(critical_point(function, centre + step).gain, expected, rtol=1e-5)
    function.scale = lambda: 2e9
    assert_allclose(critical_point(function, centre + step).gain, expected / 2.0, rtol=1e-5)


@pytest.mark.parametrize("where", ["value", "gradient", "hessian", "point"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("eigenvalues", [[1.0, 2.0, 3.0], [-1.0, 2.0, 3.0]])
def test_what_is_not_finite_is_no_minimum(route, where, bad, eigenvalues):
    function, w = Quadratic(eigenvalues), np.zeros(3)
    if where == "value":
        function.value = lambda at: bad
    elif where == "gradient":
        function.gradient = lambda at: np.array([0.0, bad, 0.0])
    elif where == "hessian":
        function.hessian = lambda at: np.diag([1.0, bad, 1.0])
        function.hessian_product = lambda at, v: np.full(3, bad)
    else:
        w = np.array([0.0, bad, 0.0])
    point = critical_point(function, w)
    assert point == ("inconclusive" if where == "hessian" else "not stationary")
    assert np.isnan(point.lowest)
    assert point.escape is None
    held = critical_point(function, w, np.eye(3))  # nothing is free, but nothing is known
    assert held != "minimum"


def test_a_function_that_is_constant_here_tells_nothing():
    function = Quadratic([0.0, 0.0])
    point = critical_point(function, np.ones(2))
    assert point == "inconclusive"
    assert_array_equal(point.idle, [0, 1])


def test_next_to_a_kink_derivatives_tell_nothing():
    """The norm of a layer of zeros: below the kink there may be anything."""
    X = np.random.default_rng(0).normal(size=(30, 2))
    net = Network.mlp(2, (2,), 1)
    penalised = Objective(net, "squared_error", X, np.tanh(X[:, 0]), penalties=NormPenalty(0.5))
    w = np.zeros(net.n_parameters)
    w[-1] = np.tanh(X[:, 0]).mean()
    assert penalised.kinks(w)
    assert critical_point(penalised, w) == "inconclusive"
    assert critical_point(penalised, w + 0.3) == "not stationary"


def test_what_is_known_is_not_asked_for():
    function, w = double_well(), np.array([0.0, 0.0])
    known = function.value(w), function.gradient(w), function.hessian(w)
    function.calls.clear()
    point = critical_point(function, w, known=known)
    assert point == "saddle"
    assert_array_equal(point.escape, [1.0, 0.0])
    assert not any(function.calls[name] for name in ("gradient", "hessian"))
    fresh = critical_point(double_well(), w)
    assert (point.gain, point.noise, point.lowest) == (fresh.gain, fresh.noise, fresh.lowest)


def test_along_a_constraint_of_which_one_side_is_free():
    """With a multiplier of zero the curvature across may be that of the other side."""
    function, w = double_well(), np.zeros(2)
    across, along = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    none = np.empty((0, 2))
    assert critical_point(function, w, none, tight=across) == "inconclusive"
    assert critical_point(function, w, none, tight=along) == "saddle"
    assert critical_point(function, w, none, tight=across).has_negative_curvature


def test_a_maximum_among_points_that_equalities_allow(route):
    """On w0 + w1 + w2 = 0 all curvatures are negative; across it there is a positive one."""
    function = Quadratic([-1.0, -2.0, 5.0])
    held = function.basis[:, 2:].T
    none = np.zeros(3)
    assert critical_point(function, none) == "saddle"
    assert critical_point(function, none, held, equalities=True) == "maximum"
    assert critical_point(function, none, held) == "saddle"  # an inequality, with more inside
    lower = Quadratic([1.0, 2.0, -5.0])
    assert critical_point(lower, none, held, equalities=True) == "minimum"


def test_the_way_out_goes_down():
    rng = np.random.default_rng(4)
    X = rng.standard_normal((60, 3))
    y = np.tanh(X[:, :1] - X[:, 1:2])
    objective = Objective(Network.mlp(3, (2,), 1), "squared_error", X, y - y.mean(), alpha=0.1)
    w = np.zeros(objective.n_parameters)
    point = critical_point(objective, w)
    assert point == "saddle"
    step, value = 1e-3, objective.value(w)
    fall = objective.value(w + step * point.escape) - value
    assert_allclose(fall, 0.5 * step**2 * point.lowest, rtol=1e-3)
    eigenvalues = np.linalg.eigvalsh(objective.hessian(w))
    assert_allclose([point.lowest, point.highest], eigenvalues[[0, -1]], rtol=1e-10)


def test_declared_constant_directions_do_not_count(route):
    flat = [0.0, 0.0, 1.0, 2.0, 5.0, 9.0]
    assert critical_point(Quadratic(flat), np.zeros(6)) == "inconclusive"
    assert critical_point(Quadratic(flat, n_constant=1), np.zeros(6)) == "inconclusive"
    assert critical_point(Quadratic(flat, n_constant=2), np.zeros(6)) == "minimum"


@pytest.mark.parametrize(
    ("alpha", "moved", "verdict"),
    [(1.0, 0.0, "minimum"), (1.0, 1.0, "saddle"), (0.0, 0.0, "inconclusive")],
)
def test_a_parameter_that_moves_nothing_does_not_count(alpha, moved, verdict):
    """A unit without coefficients: its intercept is idle, with a penalty nothing else is flat."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((40, 2))
    y = 0.5 + moved * 20.0 * (X[:, :1] - X[:, :1].mean()) * 0.2
    objective = Objective(Network.mlp(2, (1,), 1), "squared_error", X, y, alpha=alpha)
    w = np.array([0.0, 0.0, 0.3, 0.0, y.mean()])
    assert np.abs(objective.gradient(w)).max() < 1e-12
    assert critical_point(objective, w) == verdict


def softmax_objective(alpha, connectivity=None):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((60, 2))
    # Classes that hidden units are needed for: a unit the fit does not use is a flat direction.
    Y = np.eye(3)[np.digitize(X[:, 0] * X[:, 1] + 0.1 * rng.standard_normal(60), [-0.4, 0.4])]
    net = Network.mlp(2, (2,), 3, skip_connections="input-output", connectivity=connectivity)
    return Objective(net, "multinomial_log_loss", X, Y, alpha=alpha)


@pytest.mark.parametrize(
    ("alpha", "connectivity", "n_directions"),
    [
        (1.0, None, 1),  # the intercepts
        (0.0, None, 5),  # and, without a penalty, the rows of two inputs and two units
        ({"coefs_1": np.eye(4, 3)}, None, 2),  # the only row of zeros is that of h1
        (0.0, {"coefs_1": np.array([[True] * 3, [True, False, True], *[[True] * 3] * 2])}, 4),
    ],
)
def test_softmax_shifts_are_the_invariant_directions(alpha, connectivity, n_directions):
    objective = softmax_objective(alpha, connectivity)
    directions = objective.invariant_directions()
    assert directions.shape == (objective.n_parameters, n_directions)
    np.testing.assert_allclose(directions.T @ directions, np.eye(n_directions), atol=1e-15)
    rng = np.random.default_rng(2)
    w = rng.standard_normal(objective.n_parameters)
    shifted = w + directions @ rng.standard_normal(n_directions)
    assert objective.value(shifted) == pytest.approx(objective.value(w), rel=1e-13)


def test_a_penalised_softmax_fit_is_a_minimum(route):
    objective = softmax_objective(0.1)
    start = 0.5 * np.random.default_rng(3).standard_normal(objective.n_parameters)
    end = get_solver("trust-ncg", tol=1e-10).minimize(objective, start)
    assert end.converged
    assert critical_point(objective, end.params) == "minimum"


def test_other_losses_have_no_invariant_directions():
    net = Network.mlp(2, (2,), 1)
    objective = Objective(net, "poisson", np.ones((3, 2)), np.ones(3))
    assert objective.invariant_directions().shape == (net.n_parameters, 0)


class Diagonal(SmoothFunction):
    """1/2 sum h_j w_j^2 of many parameters, which counts its products."""

    def __init__(self, curvatures):
        self.curvatures, self.n_parameters, self.n_products = curvatures, len(curvatures), 0

    def value(self, w):
        return 0.5 * float(self.curvatures @ w**2)

    def gradient(self, w):
        return self.curvatures * w

    def hessian_product(self, w, v):
        self.n_products += 1
        return self.curvatures * v


SPREAD = np.linspace(0.1, 1.0, 3500) ** 2


@pytest.mark.parametrize("n_kept", [20, 10_000])
def test_products_of_a_verdict_are_bounded(n_kept, monkeypatch):
    """A minimum is shown by some, and is "inconclusive" with fewer; what is known is said."""
    monkeypatch.setattr(module, "_NUMBERS", n_kept * len(SPREAD))
    function, w = Diagonal(np.r_[1e-5, SPREAD[1:]]), np.zeros(len(SPREAD))
    short = critical_point(function, w, max_products=40)
    assert short == "inconclusive"
    assert short.undecided
    assert short.n_products == 40
    assert function.n_products <= 40 + 3
    assert short.lowest - short.lowest_error < 1e-5 < short.lowest
    v = short._pairs[1][:, 0]  # the residual is that of the direction it belongs to
    residual = np.linalg.norm(function.curvatures * v - short.lowest * v)
    assert_allclose([v @ v, residual], [1.0, short.lowest_error], rtol=1e-8)
    enough = critical_point(function, w)
    assert enough == "minimum"
    assert not enough.undecided
    assert 40 < enough.n_products <= module.MAX_PRODUCTS
    assert_allclose(enough.lowest, 1e-5, rtol=1e-3)
    with pytest.raises(ValueError, match="max_products must be an integer of at least 1"):
        critical_point(function, w, max_products=0)


def test_a_negative_ritz_value_shows_a_saddle_point():
    """Long before the lowest curvature is known, and along a direction that has it."""
    function = Diagonal(np.r_[np.linspace(-0.3, -0.2, 1000), SPREAD])
    point = critical_point(function, np.zeros(4500), max_products=10)
    assert point == "saddle"
    assert point.n_products == 10
    assert_allclose(function.curvatures @ point.escape**2, point.lowest, rtol=1e-10)
    assert -0.3 < point.lowest < -0.2


def test_a_verdict_takes_no_matrix_of_all_parameters():
    function = Diagonal(np.r_[np.full(10, 1e-3), np.linspace(0.5, 1.0, 60_000)])
    tracemalloc.start()
    assert critical_point(function, np.zeros(60_010)) == "minimum"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 8 * 60_010 * (module.MAX_PRODUCTS + 30)
    far = critical_point(function, np.ones(60_010))
    assert far == "not stationary"
    assert far.n_products == 30


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_order_of_a_known_hessian_in_memory_does_not_matter(order):
    """With a gradient that is not quite zero curvatures of its size count as zero."""
    H = np.diag([-1e-9, 1.0, 2.0]).copy(order=order)
    w, gradient = np.zeros(3), np.array([0.0, 1e-8, 0.0])
    point = critical_point(Quadratic([-1e-9, 1.0, 2.0]), w, known=(1.0, gradient, H))
    assert point == "inconclusive"
    assert_array_equal(H, np.diag([-1e-9, 1.0, 2.0]))
    slope = 1e-10 * gradient
    point = critical_point(Quadratic([-1e-9, 1.0, 2.0]), w, known=(1.0, slope, H))
    assert point == "saddle"
