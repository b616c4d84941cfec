"""The models of the trust-region Newton method, against eigenvalues and the boundary itself."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import brentq

from sknewtonnet.calculus import Network, Objective
from sknewtonnet.solvers import Status, get_solver
from sknewtonnet.solvers._model_dense import QuadraticModel
from sknewtonnet.solvers._model_products import ProductModel

SPECTRA = {
    "definite": np.linspace(0.5, 4.0, 8),
    "indefinite": np.linspace(-2.0, 4.0, 8),
    "negative": np.linspace(-3.0, -0.1, 8),
    "ill-conditioned": np.logspace(-8, 2, 8),
    "singular": np.array([0.0, 0.0, 1.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
}
RADII = [1e-3, 0.1, 1.0, 30.0]

each_spectrum = pytest.mark.parametrize("values", SPECTRA.values(), ids=SPECTRA)
each_radius = pytest.mark.parametrize("radius", RADII)


def problem(values, seed=0, missing=()):
    """Return H with these eigenvalues, and g without parts along some of its eigenvectors."""
    rng = np.random.default_rng(seed)
    Q, _ = np.linalg.qr(rng.normal(size=(len(values), len(values))))
    parts = rng.normal(size=len(values))
    parts[list(missing)] = 0.0
    # A gradient along a direction without curvature would have no minimum.
    parts[values == 0.0] = 0.0
    H = (Q * values) @ Q.T
    return 0.5 * (H + H.T), Q @ parts, Q, parts


def lowest(values, parts, radius):
    """Return the minimum of the model within a radius, from its eigenvalues."""

    def coordinates(shift):
        lifted = values + shift
        return np.divide(-parts, lifted, out=np.zeros_like(parts), where=parts != 0.0)

    def model(c):
        return parts @ c + 0.5 * values @ c**2

    low = max(0.0, -values.min())
    inside = coordinates(low) if (values[parts != 0.0] + low > 0.0).all() else None
    if inside is not None and np.linalg.norm(inside) <= radius:
        rest = radius**2 - inside @ inside  # along the lowest eigenvector, if it bends down
        return model(inside) + min(0.0, 0.5 * values.min()) * rest
    high = low + np.linalg.norm(parts) / radius + 1.0
    start = low + 1e-14 * (1.0 + np.abs(values).max())
    shift = brentq(lambda t: np.linalg.norm(coordinates(t)) - radius, start, high, xtol=1e-15)
    return model(coordinates(shift))


@each_spectrum
@each_radius
@pytest.mark.parametrize("missing", [(), (0,), (0, 1)])
def test_models_are_minimised(values, radius, missing):
    """Also in the hard case, where the gradient has no part along the lowest eigenvector."""
    H, g, _, parts = problem(values, missing=missing)
    step = QuadraticModel(H, g).step(radius)
    assert_allclose(step.norm, np.linalg.norm(step.s))
    assert step.norm <= 1.06 * radius
    assert_allclose(step.predicted, -(g @ step.s + 0.5 * step.s @ H @ step.s), atol=1e-12)
    best = -lowest(values, parts, radius)
    # A boundary is met to a twentieth of the radius.
    assert 0.89 * best <= step.predicted <= 1.13 * best + 1e-10


def test_one_model_serves_all_radii():
    H, g, *_ = problem(SPECTRA["indefinite"])
    model = QuadraticModel(H, g)
    for radius in (1.0, 0.25, 1e-3, 30.0):
        fresh = QuadraticModel(H, g).step(radius)
        assert_allclose(model.step(radius).predicted, fresh.predicted, rtol=0.2)


def test_a_saddle_without_gradient_is_left():
    H, *_ = problem(SPECTRA["indefinite"])
    step = QuadraticModel(H, np.zeros(8)).step(0.5)
    assert_allclose(step.norm, 0.5)
    assert_allclose(step.predicted, 0.5**2 * 2.0 / 2.0)


class Products:
    """A matrix that counts its products."""

    def __init__(self, H):
        self.H, self.count = H, 0

    def __call__(self, v):
        self.count += 1
        return self.H @ v


@each_spectrum
@each_radius
def test_paths_of_conjugate_gradients(values, radius):
    """A fair share of the best decrease (at least that of steepest descent), inside the ball."""
    H, g, _, parts = problem(values)
    step = ProductModel(Products(H), g, 50).step(radius)
    assert step.norm <= radius * (1 + 1e-12)
    assert_allclose(step.predicted, -(g @ step.s + 0.5 * step.s @ H @ step.s), atol=1e-12)
    bend = g @ H @ g
    limit = radius / np.linalg.norm(g)
    t = min(limit, g @ g / bend) if bend > 0 else limit
    assert step.predicted >= (t * g @ g - 0.5 * t**2 * bend) * (1 - 1e-12)
    assert step.predicted <= -lowest(values, parts, radius) * (1 + 1e-8)


def test_smaller_radii_cost_no_products():
    H, g, *_ = problem(SPECTRA["ill-conditioned"])
    products = Products(H)
    model = ProductModel(products, g, 50)
    model.step(30.0)
    count = products.count
    for radius in (3.0, 0.3, 1e-3):
        step = model.step(radius)
        assert_allclose(step.norm, radius)
        fresh = ProductModel(Products(H), g, 50).step(radius)
        assert_allclose(step.s, fresh.s, atol=1e-14)
    assert products.count == count


def test_exhausted_paths_say_so():
    H, g, *_ = problem(SPECTRA["ill-conditioned"])
    model = ProductModel(Products(H), 1e-6 * g, 2)
    step = model.step(1e6)
    assert model.exhausted
    assert step.predicted > 0.0


@pytest.mark.parametrize("hidden", [(3,), (40,), (250,)], ids=["dense", "either", "products"])
def test_networks_of_each_size(hidden):
    """From zero coefficients, too, where a saddle is: all end at minima."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 8))
    y = np.sin(X[:, :1] * 2.0) * X[:, 1:2]
    net = Network.mlp(8, hidden, 1)
    objective = Objective(net, "squared_error", X, y, alpha=1.0)
    start = 0.1 * rng.normal(size=net.n_parameters)
    result = get_solver("newton", tol=1e-8).minimize(objective, start)
    assert result.status is Status.CONVERGED
    calls = result.n_evaluations
    assert (calls["hessian_product"] == 0) == (net.n_parameters <= 125)
    # Of a large net one is formed, to see that the end is a minimum.
    assert calls["hessian"] == 1 or net.n_parameters <= 2000
    zero = np.zeros(net.n_parameters)
    zero[-1] = y.mean()
    assert np.abs(objective.gradient(zero)).max() < 1e-12  # a saddle
    left = get_solver("newton", tol=1e-8).minimize(objective, zero)
    assert left.value < objective.value(zero) - 1e-4


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_a_saddle_is_left_whatever_the_scale_of_the_objective(unit):
    """What counts as a small gradient goes with the size of f."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((80, 2))
    y = np.tanh(2.0 * X[:, 0])
    net = Network.mlp(2, (1,), 1)
    objective = Objective(net, "squared_error", X, unit * (y - y.mean()))
    near = np.zeros(net.n_parameters)
    near[-1] = 1e-6 * unit
    tol = 2.0 * np.abs(objective.gradient(near)).max()
    result = get_solver("newton", tol=tol, max_iter=200).minimize(objective, near)
    assert result.n_iter > 0
    assert result.value < 0.9 * objective.value(near)


@pytest.mark.parametrize("n_units", [60, 120])
def test_many_equal_units_at_zero(n_units):
    """A Hessian with few distinct eigenvalues, which not every LAPACK driver can take."""
    rng = np.random.RandomState(0)
    X = rng.randn(300, 10)
    y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * rng.randn(300)
    net = Network.mlp(10, (n_units,), 1)
    objective = Objective(net, "squared_error", X, y - y.mean(), alpha=1.0)
    start = np.zeros(net.n_parameters)
    result = get_solver("newton", max_iter=60).minimize(objective, start)
    assert result.value < 0.5 * objective.value(start)


@pytest.mark.parametrize("size", [1e160, 1e250])
def test_huge_models_have_the_same_steps(size):
    """As those of exp(x) far out, where squares of entries overflow."""
    rng = np.random.default_rng(3)
    A, g = rng.normal(size=(5, 5)), rng.normal(size=5)
    for radius in (1e-3, 0.5, 1e6):
        expected = QuadraticModel(A @ A.T, g).step(radius)
        found = QuadraticModel(size * (A @ A.T), size * g).step(radius)
        assert_allclose(found.norm, expected.norm, rtol=0.1)
        assert 0.0 < found.predicted < np.inf
