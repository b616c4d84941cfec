"""Solvers under nonlinear constraints, against textbooks: [H], Hock and Schittkowski, scipy."""

import numpy as np
import pytest
from constrained_cases import INF, constraints, minimize
from functions import Function
from numpy.testing import assert_allclose, assert_array_equal
from textbook_problems import ROSENBROCK, TEXTBOOK, ball, plane

from sknewtonnet.calculus import (
    Network,
    NonlinearConstraint,
    NormConstraint,
    Objective,
    critical_point,
)
from sknewtonnet.solvers import (
    SOLVERS,
    ConstraintKind,
    Constraints,
    InfeasibleError,
    Status,
    feasible_point,
    get_solver,
)
from sknewtonnet.solvers.constraints import multipliers

METHODS = [name for name, cls in SOLVERS.items() if cls.keeps is ConstraintKind.NONLINEAR]
each_method = pytest.mark.parametrize("name", METHODS)


@pytest.mark.parametrize("name", ["slsqp", "trust-constr"])
def test_a_target_is_met_within_the_constraints(name):
    """Scipy's iterates are lower outside of them: the run goes on until f is low enough inside."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    net = Network.mlp(2, 3, 1)
    f = Objective(net, "squared_error", X, np.tanh(2.0 * X[:, :1] - X[:, 1:]), alpha=0.1)
    spheres = [NormConstraint(array, 0.5, 0.5).on(net) for array in ("coefs_0", "coefs_1")]
    limits, w = Constraints.of(net.n_parameters, *spheres), rng.normal(size=net.n_parameters)
    target = 0.2057
    result = minimize(name, f, w, limits, options={"f_target": target})
    assert result.status is Status.TARGET
    assert result.value <= target
    assert result.history[-1] == result.value
    assert violation(limits, result.params) <= 1e-13
    for max_iter in range(1, result.n_iter):
        short = minimize(name, f, w, limits, options={"f_target": target}, max_iter=max_iter)
        assert (short.status, short.n_iter) == (Status.MAX_ITER, max_iter)


def violation(limits, w):
    """By how much bounds, combinations and functions leave their limits."""
    rows, lower, upper = limits.rows()
    found = [np.maximum(lower - rows @ w, rows @ w - upper)]
    for each in limits.nonlinear:
        low, high = each.limits
        found.append(np.maximum(low - each.value(w), each.value(w) - high))
    return np.concatenate(found).max()


def verdict(function, result):
    found = result.multipliers
    tight = found.constraints.rows()[0][found.tight]
    return critical_point(found.lagrangian(function), result.params, found.active, tight=tight)


def test_methods():
    assert METHODS == ["auto", "slsqp", "trust-constr"]


@each_method
@pytest.mark.parametrize("case", TEXTBOOK)
def test_textbook(name, case):
    """Solution, value, multipliers, and the four residuals at rounding."""
    book = TEXTBOOK[case]
    result = minimize(name, book.function, book.start, book.constraints)
    assert result.status is Status.CONVERGED
    assert result.value == pytest.approx(book.value, rel=1e-10, abs=1e-12)
    assert_allclose(result.params, book.params, atol=1e-7)
    assert_allclose(result.multipliers.nonlinear, book.multipliers, atol=1e-7)
    assert result.stationarity == result.multipliers.residuals.largest <= 1e-10
    assert violation(book.constraints, result.params) <= 1e-13
    assert verdict(book.function, result) == "minimum"


@each_method
@pytest.mark.parametrize("case", ["circle", "HS7", "HS39"])
def test_last_steps_are_quadratic(name, case):
    """Newton's method on the surface: a residual, squared, bounds the next one."""
    book, seen = TEXTBOOK[case], []
    minimize(name, book.function, book.start, book.constraints, seen.append, tol=1e-14)
    residuals = np.array([iteration.gradient_norm for iteration in seen])
    last = np.flatnonzero(residuals < 1e-2)
    assert len(last) <= 5
    assert residuals[-1] <= 1e-14 or len(residuals) <= 12


def test_multiplier_is_the_derivative_of_the_minimum():
    """Moving a limit by d changes the minimum by -d times the multiplier."""
    found = minimize("auto", ROSENBROCK, (0, 0), Constraints.of(2, ball(2, None, 1.0)))
    low, high = (
        minimize("auto", ROSENBROCK, (0, 0), Constraints.of(2, ball(2, None, limit))).value
        for limit in (1.0 - 1e-4, 1.0 + 1e-4)
    )
    assert found.multipliers.nonlinear[0] == pytest.approx(-(high - low) / 2e-4, rel=1e-6)


def test_lower_limit_has_a_negative_multiplier():
    limits = Constraints.of(2, ball(2, 9.0, None))
    bowl = Function(2, lambda w: 0.5 * w @ w, lambda w: w, lambda w: np.eye(2))
    result = minimize("auto", bowl, (1.0, 0.5), limits)
    assert result.converged
    assert_allclose(result.multipliers.nonlinear, [-0.5], rtol=1e-12)


def test_f_alone_is_the_wrong_test():
    """Both points of the circle are stationary; f is linear, and says nothing of either."""
    function, limits = plane(-1, -1), Constraints.of(2, ball(2, 1, 1))
    kinds = []
    for sign in (1.0, -1.0):
        w = sign * np.full(2, np.sqrt(0.5))
        found = multipliers(limits, w, function.gradient(w))
        assert found.residuals.largest <= 1e-15
        kinds.append(critical_point(found.lagrangian(function), w, found.active).kind)
        assert critical_point(function, w, found.active) == "inconclusive"
        seen = critical_point(found.lagrangian(function), w, found.active, equalities=True)
        assert seen.kind == ("minimum" if sign > 0.0 else "maximum")
    assert kinds == ["minimum", "saddle"]


def test_maximum_on_the_circle_is_left():
    start = -np.full(2, np.sqrt(0.5)) + [1e-3, 0.0]
    result = minimize("auto", plane(-1, -1), start, Constraints.of(2, ball(2, 1, 1)))
    assert_allclose(result.params, np.sqrt(0.5), atol=1e-9)


@each_method
def test_dependent_gradients(name):
    """The same limit twice: multipliers are not unique; those found add up, with right signs."""
    limits = Constraints.of(2, ball(2, 1, 1), ball(2, None, 1))
    result = minimize(name, plane(-1, -1), (1, 0.2), limits)
    assert result.converged
    assert result.multipliers.nonlinear.sum() == pytest.approx(np.sqrt(0.5), rel=1e-9)
    assert result.multipliers.nonlinear[1] >= 0.0


def test_cusp_without_multipliers_is_told():
    """At the minimum 0 of -x under y >= x^3, y <= 0 no multipliers exist."""
    cusp = NonlinearConstraint(
        lambda x: [x[1] - x[0] ** 3, x[1]],
        [0.0, -INF],
        [INF, 0.0],
        lambda x: [[-3.0 * x[0] ** 2, 1.0], [0.0, 1.0]],
        lambda x, v: np.diag([-6.0 * v[0] * x[0], 0.0]),
    )
    result = minimize("slsqp", plane(-1, 0), (-1, -1), Constraints.of(2, cusp), max_iter=60)
    assert not result.converged
    assert abs(result.params[0]) < 1e-2
    assert result.multipliers.residuals.stationarity > 0.5
    assert verdict(plane(-1, 0), result) == "not stationary"


FAR = NonlinearConstraint(
    lambda x: x[0] + x[1] ** 2,
    9,
    None,
    lambda x: [1, 2 * x[1]],
    lambda x, v: np.diag([0, 2 * v[0]]),
)


@each_method
def test_infeasible(name):
    with pytest.raises(InfeasibleError, match=r"infeasible.*NonlinearConstraint number 1 is 1.04"):
        minimize(name, plane(-1, -1), (1, 0.2), Constraints.of(2, ball(2, 1, 1), FAR))


@pytest.mark.parametrize("name", ["auto", "slsqp"])
@pytest.mark.parametrize("curved", [True, False], ids=["circle", "rows"])
def test_many_more_equalities_than_parameters(name, curved):
    """One and the same, sixty times."""
    if curved:
        limits, expected = Constraints.of(2, *[ball(2, 1, 1)] * 60), (np.sqrt(0.5),) * 2
        function = plane(-1, -1)
    else:
        limits, expected = constraints(2, rows=[((1, 1), 1, 1)] * 60), (0.5, 0.5)
        function = Function(2, lambda w: 0.5 * w @ w, lambda w: w, lambda w: np.eye(2))
    assert limits.more_equalities_than_parameters
    result = minimize(name, function, (1.0, 0.2), limits)
    assert result.converged
    assert_allclose(result.params, expected, atol=1e-9)
    far = Constraints.of(2, *[ball(2, 1, 1)] * 30, *[ball(2, 2, 2)] * 30)
    with pytest.raises(InfeasibleError):
        minimize(name, function, (1.0, 0.2), far)


def test_feasible_point():
    """Near the start, exact to rounding, and the start itself where that is feasible."""
    limits = Constraints.of(2, ball(2, 4, 4))
    assert_allclose(feasible_point(limits, np.array([0.3, 0.4])), [1.2, 1.6], rtol=1e-15)
    inside = np.array([0.3, 0.4])
    assert_array_equal(feasible_point(Constraints.of(2, ball(2, 0.2, 4)), inside), inside)
    mixed = Constraints(
        np.array([1.0, -INF]),
        np.array([INF, INF]),
        np.array([[1.0, 1.0]]),
        np.array([2.0]),
        np.array([INF]),
        (ball(2, None, 4),),
    )
    found = feasible_point(mixed, np.array([-3.0, 9.0]))
    assert violation(mixed, found) <= 1e-12


def test_kind_and_refusals():
    limits = Constraints.of(2, ball(2, 1, 1))
    assert limits.kind is ConstraintKind.NONLINEAR
    assert Constraints.of(2).kind is ConstraintKind.BOUNDS
    with pytest.raises(ValueError, match="'l-bfgs-b' cannot keep to nonlinear constraints"):
        get_solver("l-bfgs-b", constraints=limits)
    with pytest.raises(ValueError, match=r"'newton' cannot keep to constraints.*'slsqp'"):
        get_solver("newton", constraints=limits)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"fun": lambda x: [1.0, 2.0]}, r"fun of a NonlinearConstraint must return shape \(1,\)"),
        ({"jac": lambda x: [1.0]}, r"jac of .* must return shape \(1, 2\), got \(1, 1\)"),
        ({"hess": lambda x, v: np.eye(3)}, r"hess of .* must return shape \(2, 2\)"),
    ],
    ids=["fun", "jac", "hess"],
)
def test_functions_of_another_shape(bad, says):
    given = {
        "fun": lambda x: x @ x,
        "jac": lambda x: 2.0 * x,
        "hess": lambda x, v: 2.0 * v[0] * np.eye(2),
    } | bad
    constraint = NonlinearConstraint(given["fun"], None, 1.0, given["jac"], given["hess"])
    w = np.ones(2)
    with pytest.raises(ValueError, match=says):
        constraint.value(w), constraint.jacobian(w), constraint.hessian(w, np.ones(1))
