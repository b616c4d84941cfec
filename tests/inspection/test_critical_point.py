"""The verdict on a critical point, against functions whose curvature is known."""

import numpy as np
import pytest

from sknewtonnet.calculus import Network, Objective, SmoothFunction
from sknewtonnet.inspection import _conditioning, critical_point
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
        monkeypatch.setattr(_conditioning, "DENSE_LIMIT", 0)
    return request.param


@pytest.mark.parametrize(
    ("eigenvalues", "verdict"),
    [
        ([1e-6, 1.0, 2.0, 30.0, 40.0], "minimum"),
        ([-1e-6, 1.0, 2.0, 30.0, 40.0], "saddle"),
        ([-1.0, -2.0, -3.0, -5.0], "saddle"),
        ([0.0, 1.0, 2.0, 30.0, 40.0], "inconclusive"),
    ],
)
def test_verdict_follows_the_lowest_eigenvalue(route, eigenvalues, verdict):
    assert critical_point(Quadratic(eigenvalues), np.zeros(len(eigenvalues))) == verdict


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
