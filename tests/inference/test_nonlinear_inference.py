"""Inference where nonlinear constraints are active, against a parametrisation without them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.calculus import Network, NormConstraint, Objective, PredictionConstraint
from sknewtonnet.inference import infer
from sknewtonnet.solvers import Constraints, get_solver

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 2))
Y = X @ [0.9, -0.2] + 0.3 + 0.5 * RNG.normal(size=60)
NETWORK = Network.mlp(2, (), 1)
F = Objective(NETWORK, "squared_error", X, Y)


def constrained(limits):
    circle = NormConstraint("coefs_0", *limits).on(NETWORK)
    solver = get_solver("auto", constraints=Constraints.of(3, circle))
    return solver.minimize(F, np.array([1.0, 0.1, 0.0]))


def at(angle_and_intercept):
    angle, b = angle_and_intercept
    return np.array([np.cos(angle), np.sin(angle), b])


def second_differences(function, u, h=1e-4):
    """Hessian of a function of two numbers."""
    E = h * np.eye(2)
    return np.array(
        [
            [
                function(u + a + b)
                - function(u + a - b)
                - function(u - a + b)
                + function(u - a - b)
                for a in E
            ]
            for b in E
        ]
    ) / (4 * h * h)


def test_covariance_is_that_of_angle_and_intercept():
    """The delta method on w = (cos t, sin t, b): observed information of (t, b)."""
    result = constrained((1.0, 1.0))
    found = result.multipliers
    results = infer(F, result.params, active=found.active, curvature=found.curvature)
    w = result.params
    u = np.array([np.arctan2(w[1], w[0]), w[2]])
    information = 60 * second_differences(lambda u: F.value(at(u)), u)
    slope = np.array([[-np.sin(u[0]), np.cos(u[0]), 0.0], [0.0, 0.0, 1.0]])
    residual = Y - X @ w[:2] - w[2]
    dispersion = residual @ residual / (60 - 2)
    expected = dispersion * slope.T @ np.linalg.inv(information) @ slope
    assert_allclose(results.covariance, expected, rtol=1e-5, atol=1e-9)
    assert results.df_resid == pytest.approx(58.0)
    assert found.curvature is not None
    assert np.abs(found.nonlinear[0]) > 0.01  # else the curvature would not matter
    flat = infer(F, result.params, active=found.active)
    assert not np.allclose(flat.covariance, expected, rtol=1e-2, atol=0)


def test_inactive_constraint_changes_nothing():
    result = constrained((None, 5.0))
    found = result.multipliers
    assert found.curvature is None
    results = infer(F, result.params, active=found.active, curvature=found.curvature)
    assert_allclose(results.covariance, infer(F, result.params).covariance)


def fitted():
    held = [PredictionConstraint([[0.5, 0.0]], 0.7, 0.7), NormConstraint("coefs_1", upper=1.2)]
    net = NewtonMLPRegressor((2,), alpha=0.05, random_state=0, constraints=held)
    y = np.tanh(2.0 * X[:, 0]) - 0.4 * X[:, 1] + 0.1 * RNG.normal(size=60)
    return net.fit(X, y), y


def test_a_prescribed_prediction_has_no_error():
    net, y = fitted()
    assert len(net.solver_result_.multipliers.held) == 2
    _, error = net.predict([[0.5, 0.0], [-1.0, 1.0]], return_std=True)
    assert error[0] == pytest.approx(0.0, abs=1e-7)
    assert error[1] > 1e-3
    results = net.inference(X, y)
    assert results.information.critical_point == net.critical_point_ == "minimum"
    assert any(finding.kind == "active constraints" for finding in results.findings)
    assert "hold the fit back" in str(results.summary())


def test_what_fits_again_is_refused():
    """Affine subspaces are not the curved surface."""
    net, y = fitted()
    results = net.inference(X, y)
    for ask in (
        lambda: results.likelihood_ratio_test(["x1"]),
        lambda: results.score_test(["x1"]),
        lambda: results.profile_interval(results.names[0]),
        lambda: results.bootstrap(5, random_state=0),
    ):
        with pytest.raises(ValueError, match="here nonlinear ones are active"):
            ask()
    assert np.isfinite(results.std_errors).all()


def test_bad_curvature():
    result = constrained((1.0, 1.0))
    active = result.multipliers.active
    with pytest.raises(ValueError, match=r"curvature must have shape \(3, 3\), got \(3,\)"):
        infer(F, result.params, active=active, curvature=np.zeros(3))
    with pytest.raises(ValueError, match="curvature must be finite"):
        infer(F, result.params, active=active, curvature=np.full((3, 3), np.nan))
