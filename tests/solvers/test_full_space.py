"""Weights and states under the propagation equations: the same minima as states eliminated."""

import dataclasses
import pickle

import numpy as np
import pytest

from sknewtonnet.calculus import Lagrangian, Network, Objective, canonical
from sknewtonnet.solvers import Status, get_solver, minimize_full_space


def problem(sizes=(2, 2, 1), n_samples=30, **options):
    """An objective, its Lagrangian and a start."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(n_samples, sizes[0]))
    y = np.sin(X[:, :1]) + 0.3 * X[:, 1:2] ** 2
    weight = rng.uniform(0.5, 2.0, n_samples)
    net = Network.mlp(sizes[0], sizes[1:-1], sizes[-1], **options)
    f = Objective(net, "squared_error", X, y, sample_weight=weight, alpha=0.5)
    return f, Lagrangian(f), 0.5 * rng.normal(size=f.n_parameters)


def check_solution(f, lagrangian, full):
    """The conditions of [I] eq. 6, and the multipliers of the adjoint pass."""
    assert full.status is Status.CONVERGED
    joint = lagrangian.pack(full.params, full.states, full.multipliers)
    assert np.abs(lagrangian.gradient(joint)).max() < 1e-12
    assert max(full.stationarity, full.feasibility) < 1e-12
    for found, adjoint in zip(full.multipliers, f.multipliers(full.params), strict=True):
        np.testing.assert_allclose(found, adjoint, atol=1e-10 * np.abs(adjoint).max())
    for found, state in zip(full.states, f.states(full.params), strict=True):
        np.testing.assert_allclose(found, state, atol=1e-12)
    np.testing.assert_allclose(full.value, f.value(full.params), rtol=1e-12)
    assert np.linalg.eigvalsh(f.hessian(full.params))[0] > -1e-12, "a minimum of f"


@pytest.mark.parametrize("start", ["feasible", "zeros", "random"])
def test_both_forms_end_at_the_same_minimum(start):
    """From feasible and infeasible states: equal weights, up to the symmetries of the net."""
    f, lagrangian, w0 = problem()
    propagated = lagrangian.at(w0).states
    rng = np.random.default_rng(0)
    states = {
        "feasible": propagated,
        "zeros": None,
        "random": [rng.normal(size=state.shape) for state in propagated],
    }[start]
    full = minimize_full_space(lagrangian, w0, states)
    check_solution(f, lagrangian, full)
    assert (full.feasibilities[0] < 1e-14) == (start == "feasible")
    assert max(full.feasibilities) > 0.1, "states leave the equations on the way"
    reduced = get_solver("newton", tol=1e-10).minimize(f, w0)
    np.testing.assert_allclose(full.value, reduced.value, rtol=1e-10)
    gap = canonical(f, full.params) - canonical(f, reduced.params)
    np.testing.assert_allclose(gap, 0.0, atol=1e-7)
    assert len(full.history) == len(full.feasibilities) == full.n_iter + 1
    np.testing.assert_allclose(full.history[-1], full.value, rtol=1e-12)


@pytest.mark.parametrize(
    "options",
    [
        {"sizes": (2, 1, 1, 1), "skip_connections": "all"},
        {"activation": "logistic", "connectivity": {"coefs_0": [[True, False], [True, True]]}},
    ],
    ids=["skips", "mask"],
)
def test_other_nets(options):
    f, lagrangian, w0 = problem(n_samples=25, **options)
    check_solution(f, lagrangian, minimize_full_space(lagrangian, w0))


def test_softmax():
    rng = np.random.default_rng(1)
    X, labels = rng.normal(size=(30, 2)), np.eye(3)[rng.integers(3, size=30)]
    f = Objective(Network.mlp(2, (), 3), "log_loss", X, labels, alpha=1.0)
    full = minimize_full_space(Lagrangian(f), np.zeros(f.n_parameters))
    assert full.converged
    assert np.abs(f.gradient(full.params)).max() < 1e-8
    np.testing.assert_allclose(full.multipliers[0], f.multipliers(full.params)[0], atol=1e-10)


def test_a_linear_net_is_ridge_regression():
    """An oracle without any solver: the normal equations."""
    f, lagrangian, w0 = problem(sizes=(2, 1))
    full = minimize_full_space(lagrangian, w0, tol=1e-11)
    Z = np.column_stack([f.samples, np.ones(f.n_samples)])
    A = Z.T @ (Z * f.sample_weight[:, None]) + np.diag([0.5, 0.5, 0.0])
    expected = np.linalg.solve(A, Z.T @ (f.sample_weight * f.targets[:, 0]))
    np.testing.assert_allclose(full.params, expected, rtol=1e-11)
    residual = f.targets[:, 0] - Z @ expected
    multipliers = f.sample_weight * residual / f.sample_weight.sum()
    np.testing.assert_allclose(full.multipliers[0][:, 0], multipliers, atol=1e-13)


def test_a_run_that_is_cut_short_says_so():
    _, lagrangian, w0 = problem()
    full = minimize_full_space(lagrangian, w0, max_iter=3)
    assert full.status is Status.MAX_ITER
    assert not full.converged
    assert full.n_iter == 3
    again = pickle.loads(pickle.dumps(full))
    for name in (field.name for field in dataclasses.fields(full)):
        assert str(getattr(again, name)) == str(getattr(full, name))


def test_what_is_refused():
    f, lagrangian, w0 = problem()
    with pytest.raises(TypeError, match="must be a Lagrangian"):
        minimize_full_space(f, w0)
    with pytest.raises(ValueError, match="weights must have shape"):
        minimize_full_space(lagrangian, w0[1:])
    with pytest.raises(ValueError, match="states must be one array for each layer"):
        minimize_full_space(lagrangian, w0, lagrangian.at(w0).states[1:])
    with pytest.raises(ValueError, match="tol must be positive"):
        minimize_full_space(lagrangian, w0, tol=0.0)
    with pytest.raises(ValueError, match="max_iter must be an integer of at least 1"):
        minimize_full_space(lagrangian, w0, max_iter=0)
    with pytest.raises(ValueError, match="not finite at w0 and states"):
        minimize_full_space(lagrangian, np.full(len(w0), np.nan))


def test_what_is_too_large_is_refused():
    X = np.zeros((100_000, 10))
    f = Objective(Network.mlp(10, 100, 1), "squared_error", X, X[:, :1])
    with pytest.raises(MemoryError, match=r"the full space of 1201 parameters and 10100000"):
        minimize_full_space(Lagrangian(f), np.zeros(f.n_parameters))
