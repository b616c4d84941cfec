"""Structures of nets that an estimator refuses by name, or fits as they are."""

import numpy as np
import pytest

from sknewtonnet import (
    NewtonMLPRegressor,
    NewtonNetRegressor,
    RBFNetRegressor,
)
from sknewtonnet.calculus import Constraint, GaussianRBF, Linear, NormConstraint

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 3))
Y = np.sin(X[:, 0]) + X[:, 1]


class Ball(Constraint):
    """A bound of the norm of all parameters, whose Hessian may have a wrong shape."""

    limits = np.array([-np.inf]), np.array([1.0])

    def __init__(self, right=True):
        self.right = right

    def value(self, w):
        return np.array([w @ w])

    def jacobian(self, w):
        return 2.0 * w[None]

    def hessian(self, w, v):
        return 2.0 * v[0] * np.eye(len(w)) if self.right else 2.0 * v[0] * w


class Nowhere(Ball):
    """A constraint that is put on no net."""

    def on(self, network):
        return None


def net(**params):
    return NewtonMLPRegressor((3,), **{"alpha": 0.1, "random_state": 0} | params)


def test_an_output_of_nothing_predicts_zero():
    """Where neither coefficients nor the intercept of an output exist."""
    fit = net(standardize=False, connectivity={"coefs_1": False, "intercepts_1": False})
    assert not fit.fit(X, Y).predict(X).any()


def test_one_output_of_two_of_nothing():
    gone = {"coefs_1": np.array([[True, False]] * 3), "intercepts_1": np.array([True, False])}
    fit = net(standardize=False, connectivity=gone).fit(X, np.column_stack([Y, Y]))
    assert fit.critical_point_ == "minimum"
    assert not fit.predict(X)[:, 1].any()


CANCEL = [({"coefs_0[x0, h0]": 1.0, "coefs_0[x1, h0]": -1.0}, 0, 0)]


@pytest.mark.parametrize(
    ("message", "params"),
    [
        (r"linear_constraints\[0\] has factors that cancel", {"linear_constraints": CANCEL}),
        (r"tied\['coefs_0'\] must be an array", {"tied": {"coefs_0": [[0], [1, 2], [3]]}}),
        ("activation cannot be copied", {"activation": [(h for h in ["tanh"] * 3)]}),
        ("output_activation must have one entry", {"output_activation": ["tanh", "tanh"]}),
        ("hessian of Ball must return shape", {"constraints": Ball(right=False)}),
    ],
)
def test_it_is_refused_by_name(message, params):
    tied = {} if "tied" in params else {"tied": {"coefs_0": np.tile(np.arange(3), (3, 1))}}
    with pytest.raises(ValueError, match=message):
        net(**tied | params).fit(X, Y)


def test_what_is_put_on_a_net_must_be_a_constraint():
    with pytest.raises(TypeError, match=r"must return a .*Constraint, got None"):
        net(constraints=Nowhere()).fit(X, Y)
    assert net(constraints=Ball()).fit(X, Y).critical_point_ == "minimum"


def test_memory_advice_is_no_solver_that_is_taken(monkeypatch):
    def refuse(*args):
        raise np._core._exceptions._ArrayMemoryError((10**9,), np.dtype(float))

    monkeypatch.setattr("sknewtonnet.estimators._runs.run_start", refuse)
    with pytest.raises(MemoryError, match=r"no constraints.$"):
        net(constraints=NormConstraint("coefs_0", upper=1.0)).fit(X, Y)


@pytest.mark.parametrize("form", ["diag", "full", "tied"])
def test_columns_too_small_for_logarithms_of_widths(form):
    """Fits were right in standardised columns, and wrong in silence in the units of the table."""
    for small in (1e-100, 1e-50):
        with pytest.raises(ValueError, match="at least 1e-35 for radial units"):
            RBFNetRegressor(2, covariance_type=form, alpha=0.1).fit(small * X, Y)
    radial = RBFNetRegressor(2, covariance_type=form, alpha=0.1, random_state=0)
    expected = radial.fit(X, Y).predict(X)
    found = radial.fit(1e-34 * X, Y).predict(1e-34 * X)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_round_units_take_any_column_that_is_standardised():
    radial = RBFNetRegressor(2, alpha=0.1, random_state=0)
    expected = radial.fit(X, Y).predict(X)
    found = radial.fit(1e-100 * X, Y).predict(1e-100 * X)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    with pytest.raises(ValueError, match="at least 1e-35"):
        radial.set_params(standardize=False).fit(1e-100 * X, Y)
    layers = [GaussianRBF((0,), 2, "diag"), Linear((1,), 1)]
    with pytest.raises(ValueError, match="at least 1e-35"):
        NewtonNetRegressor(layers, alpha=0.1).fit(1e-100 * X, Y)
