"""An objective on an affine subspace: the chain rule, and what solvers make of it."""

import numpy as np
import pytest
from scipy.linalg import null_space

from sknewtonnet.calculus import Network, Objective
from sknewtonnet.calculus.functions.subspace import AffineObjective
from sknewtonnet.solvers import get_solver


def problem(loss="squared_error", n_outputs=2, alpha=0.3):
    rng = np.random.default_rng(0)
    net = Network.mlp(3, (2,), n_outputs, skip_connections="input-output")
    X = rng.normal(size=(30, 3))
    Y = rng.normal(size=(30, n_outputs))
    if loss != "squared_error":
        Y = np.eye(n_outputs)[rng.integers(n_outputs, size=30)]
    objective = Objective(net, loss, X, Y, rng.uniform(0.5, 2.0, 30), alpha)
    A = rng.normal(size=(3, net.n_parameters))
    return objective, AffineObjective(objective, rng.normal(size=net.n_parameters), null_space(A))


def test_derivatives_are_those_along_the_basis():
    objective, affine = problem()
    u = np.random.default_rng(1).normal(size=affine.n_parameters)
    v = np.random.default_rng(2).normal(size=affine.n_parameters)
    w, B = affine.expand(u), affine.basis
    assert affine.value(u) == objective.value(w)
    np.testing.assert_allclose(affine.restrict(w), u, atol=1e-12)
    np.testing.assert_allclose(affine.gradient(u), B.T @ objective.gradient(w))
    for kind in ("exact", "gauss-newton"):
        H = affine.hessian(u, kind)
        np.testing.assert_allclose(H, B.T @ objective.hessian(w, kind) @ B)
        np.testing.assert_allclose(affine.hessian_product(u, v, kind), H @ v, atol=1e-12)


def test_solvers_end_at_a_minimum_on_the_subspace():
    objective, affine = problem()
    start = np.zeros(affine.n_parameters)
    result = get_solver("auto", tol=1e-10, max_iter=500).minimize(affine, start)
    assert result.converged
    gradient = objective.gradient(affine.expand(result.params))
    # What is left of the gradient is orthogonal to the subspace.
    assert np.abs(affine.basis.T @ gradient).max() <= 1e-10
    assert np.abs(gradient).max() > 1e-3


def test_invariant_directions_are_those_inside():
    objective, affine = problem("multinomial_log_loss", 3, alpha=0.0)
    known = objective.invariant_directions()
    assert affine.invariant_directions().shape[1] == 0
    whole = AffineObjective(objective, affine.origin, np.eye(objective.n_parameters))
    np.testing.assert_allclose(whole.invariant_directions(), known)


@pytest.mark.parametrize("skip", [False, "input-output", "all"])
def test_input_parameters_remove_an_input(skip):
    mask = np.ones((3, 2), dtype=bool)
    mask[0, 1] = False
    net = Network.mlp(3, (2, 2), 2, skip_connections=skip, connectivity={"coefs_0": mask})
    rng = np.random.default_rng(0)
    w, X = rng.normal(size=net.n_parameters), rng.normal(size=(5, 3))
    for j, places in enumerate(net.feature_parameters):
        named = [name for name in net.layout.names if f"[x{j}, " in name]
        assert [net.layout.names[p] for p in places] == named
        without = w.copy()
        without[places] = 0.0
        moved = X.copy()
        moved[:, j] += 1.0
        raw = net.predict_raw(without, X)
        np.testing.assert_allclose(net.predict_raw(without, moved), raw)
        assert np.abs(net.predict_raw(w, moved) - net.predict_raw(w, X)).max() > 1e-3


def test_radial_units_have_no_such_parameters():
    assert Network.rbf(3, 2, 1).feature_parameters is None
