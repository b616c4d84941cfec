"""L-BFGS steps from nothing, and from a factor near by."""

import tracemalloc

import numpy as np
import pytest
from functions import quadratic, rosenbrock

from sknewtonnet.calculus import Network, Objective, critical_point
from sknewtonnet.solvers import Status, get_solver
from sknewtonnet.solvers._quasi_newton import KeptFactor, Memory, QuasiNewtonSolver


def dense_bfgs(H, pairs):
    """The inverse Hessian after the updates, Nocedal and Wright (2006), (6.17)."""
    for s, y in pairs:
        V = np.eye(len(s)) - np.outer(s, y) / (s @ y)
        H = V @ H @ V.T + np.outer(s, s) / (s @ y)
    return H


def steps_of(A, n_steps, rng):
    """Steps, and what a quadratic makes of their gradients."""
    return [(s, A @ s) for s in rng.normal(size=(n_steps, len(A)))]


def test_the_matrix_form_is_the_product_of_updates():
    """More steps than are remembered: the window has moved to the top twice."""
    rng = np.random.default_rng(0)
    A = np.diag(rng.uniform(1.0, 9.0, 30))
    memory = Memory(30)
    pairs = steps_of(A, 57, rng)
    g = rng.normal(size=30)
    for count, (s, y) in enumerate(pairs, start=1):
        memory.learn(s, y)
        kept = pairs[max(count - 20, 0) : count]
        expected = -dense_bfgs((s @ y) / (y @ y) * np.eye(30), kept) @ g
        np.testing.assert_allclose(memory.direction(g), expected, rtol=1e-8, atol=1e-10)


def test_a_factor_is_where_the_updates_begin():
    rng = np.random.default_rng(1)
    B = np.cov(rng.normal(size=(6, 40))) + np.eye(6)
    kept = KeptFactor(np.asfortranarray(np.linalg.cholesky(B).T))
    pairs, g = steps_of(np.diag([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), 5, rng), rng.normal(size=6)
    np.testing.assert_allclose(kept.direction(g), -np.linalg.solve(B, g), rtol=1e-10)
    for s, y in pairs:
        kept.learn(s, y)
    expected = -dense_bfgs(np.linalg.inv(B), pairs) @ g
    np.testing.assert_allclose(kept.direction(g), expected, rtol=1e-9)
    assert kept.n_steps == 5


def test_pairs_without_curvature_are_forgotten():
    memory = Memory(3)
    memory.learn(np.ones(3), -np.ones(3))
    assert memory.n_steps == 0
    np.testing.assert_array_equal(memory.direction(np.arange(3.0)), -np.arange(3.0))


@pytest.mark.parametrize("size", [2, 10])
def test_rosenbrock_in_about_as_many_steps_as_scipy(size):
    w, found = np.linspace(-1.2, 1.0, size), {}
    for name, solver in (
        ("ours", QuasiNewtonSolver(tol=1e-6, max_iter=500)),
        ("scipy", get_solver("l-bfgs-b", tol=1e-6, max_iter=500)),
    ):
        found[name] = solver.minimize(rosenbrock(size), w)
        assert found[name].status is Status.CONVERGED
    ours, scipys = (found[name].n_evaluations["gradient"] for name in ("ours", "scipy"))
    assert ours <= 1.5 * scipys + 10


def test_to_where_f_cannot_tell_points_apart(monkeypatch):
    """Slopes do: f is a million, rounds by 1e-10, and falls by 1e-14 in the end."""
    f = quadratic()
    value = f.value
    monkeypatch.setattr(f, "value", lambda w: value(w) + 1e6)
    result = QuasiNewtonSolver(tol=1e-7, max_iter=500).minimize(f, np.full(6, 3.0))
    assert result.status is Status.CONVERGED


def net(hidden, n=60, classes=True):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(n, 10))
    y = np.sin(X[:, :1]) + 0.3 * rng.normal(size=(n, 1))
    loss = "binary_log_loss" if classes else "squared_error"
    network = Network.mlp(10, hidden, 1)
    f = Objective(network, loss, X, (y > 0) * 1.0 if classes else y, alpha=1.0)
    return f, rng.normal(size=f.n_parameters)


@pytest.mark.parametrize("classes", [True, False])
def test_a_hessian_serves_several_steps(classes):
    """Far fewer Hessians than gradients, and the end is a minimum to the same tolerance."""
    f, w = net(15, classes=classes)
    result = get_solver("auto", tol=1e-10).minimize(f, w)
    assert result.status is Status.CONVERGED
    assert np.abs(f.gradient(result.params)).max() <= 1e-10
    assert critical_point(f, result.params) == "minimum"
    newton = get_solver("newton", tol=1e-10).minimize(f, result.params + 0.01 * w)
    near = get_solver("auto", tol=1e-10).minimize(f, result.params + 0.01 * w)
    assert 0 < near.n_evaluations["hessian"] <= max(newton.n_evaluations["hessian"], 3)


def test_no_hessian_on_the_way_above_2000_parameters():
    f, w = net(170, n=30)
    assert f.n_parameters > 2000
    result = get_solver("auto", max_iter=20).minimize(f, w)
    assert result.n_iter == 20
    assert result.n_evaluations["hessian"] == 0
    assert result.n_evaluations["gradient"] >= 20


def test_nothing_of_the_size_of_a_hessian_with_20000_parameters():
    """The projector of a softmax's shift took 3 GB before the first Newton step."""
    rng = np.random.default_rng(0)
    network = Network.mlp(195, 100, 4)
    Y = np.eye(4)[rng.integers(4, size=20)]
    f = Objective(network, "multinomial_log_loss", rng.normal(size=(20, 195)), Y, alpha=1.0)
    w = 0.1 * rng.normal(size=f.n_parameters)
    tracemalloc.start()
    get_solver("auto", max_iter=12).minimize(f, w)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 600 * 8 * f.n_parameters
