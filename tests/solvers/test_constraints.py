"""Solvers under bounds and linear constraints, against enumerated active sets and scipy."""

import pickle
from itertools import product

import numpy as np
import pytest
from constrained_cases import CONSTRAINED, INF, constraints, minimize, violation
from functions import Function, double_well, quadratic, rosenbrock
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import lsq_linear

from sknewtonnet.inspection import critical_point
from sknewtonnet.solvers import SOLVERS, Status, get_solver
from sknewtonnet.solvers.constraints import multipliers, unconstrained

each_method = pytest.mark.parametrize("name", CONSTRAINED)


def each_method_and(cases):
    """Each method with the cases that it can keep to."""
    pairs = [
        (name, case)
        for name in CONSTRAINED
        for case, limits in cases.items()
        if name != "l-bfgs-b" or limits.only_bounds
    ]
    return pytest.mark.parametrize(("name", "case"), pairs)


def enumerated(function, limits):
    """Lowest feasible solution of a convex quadratic over all choices of active constraints."""
    zero = np.zeros(function.n_parameters)
    H, g = function.hessian(zero), function.gradient(zero)
    rows, lower, upper = limits.rows()
    best = INF, None, None
    for state in product((0, -1, 1), repeat=len(rows)):
        active = np.flatnonzero(state)
        C = rows[active]
        d = np.where(np.array(state)[active] < 0, lower[active], upper[active])
        if (len(active) and np.linalg.matrix_rank(C) < len(active)) or not np.isfinite(d).all():
            continue
        K = np.block([[H, C.T], [C, np.zeros((len(C), len(C)))]])
        solution = np.linalg.solve(K, np.r_[-g, d])
        w = solution[: len(g)]
        if violation(limits, w) <= 1e-12 and function.value(w) < best[0] - 1e-12:
            found = np.zeros(len(rows))
            found[active] = solution[len(g) :]
            best = function.value(w), w, found
    return best


# The unconstrained minimum of the quadratic is at (1, 1, 1, 1).
QUADRATICS = {
    "box": constraints(4, -0.5, 0.5),
    "one-sided": constraints(4, {0: 1.5}, {2: -1.0}),
    "inactive": constraints(4, -9.0, 9.0, [((1, 1, 1, 1), -50, 50)]),
    "frozen": constraints(4, {1: 0.25, 3: -2.0}, {1: 0.25, 3: -2.0}),
    "equality": constraints(4, rows=[((1, -1, 0, 0), 0.5, 0.5), ((1, 1, 1, 1), 1, 1)]),
    "inequality": constraints(4, rows=[((1, 2, 3, 4), -INF, 3.0), ((1, 0, 0, -1), 0.7, INF)]),
    "mixed": constraints(
        4, {0: 0.0, 2: 0.3}, {0: 0.4, 2: 0.3}, [((1, 1, 0, 0), 1, 1), ((0, 0, 1, 1), -INF, -1)]
    ),
    "row like a bound": constraints(4, {0: 1.5}, rows=[((2, 0, 0, 0), -INF, 8.0)]),
}


@each_method_and(QUADRATICS)
@pytest.mark.parametrize(
    "start", [(0.3, 0.1, 0.2, -0.1), (30.0, -20.0, 50.0, 7.0)], ids=["near", "far"]
)
def test_quadratic(name, case, start):
    """The minimum and its multipliers are those of the best of all active sets."""
    function, limits = quadratic(4, 20.0), QUADRATICS[case]
    value, w, expected = enumerated(function, limits)
    result = minimize(name, function, start, limits, tol=1e-9)
    assert result.status is Status.CONVERGED
    assert_allclose(result.params, w, atol=1e-8)
    assert result.value == pytest.approx(value, abs=1e-8)
    assert violation(limits, result.params) <= 1e-12
    found = result.multipliers
    n_bounds = len(expected) - len(limits.A)
    bounds = limits.rows()[0][:n_bounds].T @ expected[:n_bounds]
    assert_allclose(found.bounds, bounds, atol=1e-7)
    assert_allclose(found.linear, expected[n_bounds:], atol=1e-7)
    assert result.stationarity == found.residuals.largest <= 1e-9
    assert_array_equal(found.held, np.flatnonzero(np.abs(expected) > 1e-9))
    assert_array_equal(found.active, limits.rows()[0][found.held])


@pytest.mark.parametrize("name", CONSTRAINED)
def test_least_squares_in_a_box(name):
    """Like scipy's lsq_linear, with some of 12 parameters at either bound."""
    rng = np.random.default_rng(1)
    A, b = rng.normal(size=(30, 12)), rng.normal(size=30)
    function = Function(
        12,
        lambda w: 0.5 * float(np.sum((A @ w - b) ** 2)),
        lambda w: A.T @ (A @ w - b),
        lambda w: A.T @ A,
    )
    limits = constraints(12, -0.1, 0.15)
    expected = lsq_linear(A, b, (-0.1, 0.15), method="bvls", tol=1e-14)
    result = minimize(name, function, np.full(12, 3.0), limits, tol=1e-9)
    assert result.converged
    assert_allclose(result.params, expected.x, atol=1e-9)
    assert_array_equal(np.sign(result.multipliers.bounds), expected.active_mask)
    assert {-1, 0, 1} == set(expected.active_mask)


def bowl(*center):
    c = np.array(center)
    return Function(
        len(c),
        lambda w: 0.5 * float((w - c) @ (w - c)),
        lambda w: w - c,
        lambda w: np.eye(len(c)),
    )


# A point, the centre of a bowl, and the four residuals there, for w0 <= 1 and w1 >= -3.
RESIDUALS = {
    "none": ((1.0, 0.0), (2.0, 0.0), (0.0, 0.0, 0.0, 0.0)),
    "stationarity inside": ((0.0, 0.0), (0.5, 0.25), (0.5, 0.0, 0.0, 0.0)),
    "stationarity at a bound": ((1.0, 0.0), (2.0, 0.25), (0.25, 0.0, 0.0, 0.0)),
    "feasibility": ((1.5, 0.0), (1.5, 0.0), (0.0, 0.5, 0.0, 0.0)),
    "dual feasibility above": ((1.0, 0.0), (0.25, 0.0), (0.0, 0.0, 0.75, 0.0)),
    "dual feasibility below": ((0.0, -3.0), (0.0, -2.0), (0.0, 0.0, 1.0, 0.0)),
    "complementarity": ((1.0 - 2**-41, 0.0), (1025.0 - 2**-41, 0.0), (0.0, 0.0, 0.0, 2**-31)),
}


@pytest.mark.parametrize(("point", "center", "expected"), RESIDUALS.values(), ids=RESIDUALS)
@pytest.mark.parametrize("as_rows", [False, True], ids=["bounds", "rows"])
def test_each_residual_sees_its_own_violation(point, center, expected, as_rows):
    if as_rows:
        limits = constraints(2, rows=[((1, 0), -INF, 1), ((0, 1), -3, INF)])
    else:
        limits = constraints(2, {1: -3.0}, {0: 1.0})
    w = np.array(point)
    found = multipliers(limits, w, bowl(*center).gradient(w)).residuals
    four = (found.stationarity, found.feasibility, found.dual_feasibility, found.complementarity)
    assert four == expected
    assert found.largest == max(four)


def test_equality_has_multipliers_of_either_sign():
    limits = constraints(2, {0: 1.0}, {0: 1.0})
    for center in (-2.0, 3.0):
        w = np.array([1.0, 0.0])
        found = multipliers(limits, w, bowl(center, 0.0).gradient(w))
        assert found.bounds[0] == center - 1.0
        assert found.residuals.largest == 0.0


# More constraints than a point of the plane needs, all active at (1, 1).
DEGENERATE = {
    "all fixed": constraints(2, 1.0, 1.0),
    "a row twice": constraints(2, rows=[((1, 1), -INF, 2)] * 2),
    "an equality twice": constraints(2, rows=[((1, 1), 2, 2), ((-2, -2), -4, -4)]),
    "three at a corner": constraints(2, upper=1.0, rows=[((1, 1), -INF, 2)]),
    "needless row at a corner": constraints(2, upper=1.0, rows=[((1, -1), -INF, 0)]),
    "fixed and equal": constraints(2, {0: 1.0}, {0: 1.0}, [((1, 0), 1, 1), ((1, 1), -INF, 2)]),
    "fixed by rows": constraints(2, rows=[((1, 1), 2, 2), ((1, -1), 0, 0)]),
}


@each_method_and(DEGENERATE)
@pytest.mark.parametrize("start", [(0.0, 0.0), (1.0, 1.0), (5.0, -7.0)], ids=str)
def test_dependent_constraints(name, case, start):
    limits = DEGENERATE[case]
    result = minimize(name, bowl(3.0, 3.0), start, limits, tol=1e-9)
    assert result.status is Status.CONVERGED
    assert_allclose(result.params, 1.0, atol=1e-9)
    assert violation(limits, result.params) <= 1e-12
    if start == (1.0, 1.0):
        assert result.n_iter == 0
        assert_array_equal(result.params, start)


def test_multipliers_of_dependent_constraints_are_exact():
    """Equalities among parameters that are at their bounds: rows of rank 5, some 9 of them."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        ties = np.eye(5)[rng.integers(5, size=2)] - np.eye(5)[rng.integers(5, size=2)]
        rows = [(ties[0] + np.eye(5)[4], 0, 0), (ties[1] + np.eye(5)[3], 0, INF)]
        rows += [(rng.integers(-1, 2, 5), -INF, 0), (rng.integers(-1, 2, 5), 0, 0)]
        limits = constraints(5, {0: 0.0, 3: 0.0, 4: 0.0}, {1: 0.0, 2: 0.0}, rows)
        A, lower, upper = limits.rows()
        signed = rng.uniform(0.0, 1.0, len(A)) * (rng.random(len(A)) < 0.7)
        signed[(lower == 0.0) & (upper == INF)] *= -1.0
        gradient = -A.T @ signed
        found = multipliers(limits, np.zeros(5), gradient)
        assert found.residuals.largest <= 1e-12
        total = limits.rows()[0].T @ np.r_[found.bounds, found.linear]
        assert_allclose(total, -gradient, atol=1e-12)


@each_method
def test_equality_counts_as_active_whatever_its_multiplier(name):
    """At the unconstrained minimum, where multipliers are zero."""
    limits = constraints(2, {1: 1.0}, {1: 1.0})
    result = minimize(name, bowl(3.0, 1.0), (0.0, 0.0), limits, tol=1e-9)
    assert_allclose(result.params, (3.0, 1.0), atol=1e-9)
    assert_allclose(result.multipliers.bounds, 0.0, atol=1e-9)
    assert_array_equal(result.multipliers.active, [[0.0, 1.0]])


@each_method
def test_saddle_on_a_bound_is_left_or_told(name):
    """At w0 = 0 the double well is stationary under w1 >= 1, and concave along the bound."""
    limits, saddle = constraints(2, {1: 1.0}), np.array([0.0, 1.0])
    function = double_well()
    found = multipliers(limits, saddle, function.gradient(saddle))
    assert found.residuals.largest == 0.0
    assert critical_point(function, saddle, found.active) == "saddle"
    result = minimize(name, function, (0.1, 3.0), limits, tol=1e-9)
    assert_allclose(result.params, (1.0, 1.0), atol=1e-9)
    assert critical_point(function, result.params, result.multipliers.active) == "minimum"


def test_curvature_counts_only_along_the_active_constraints():
    """A function concave in w0 has a minimum where w0 is held."""
    function, w = double_well(), np.zeros(2)
    assert critical_point(function, w) == "saddle"
    assert critical_point(function, w, np.empty((0, 2))) == "saddle"
    assert critical_point(function, w, np.array([[1.0, 0.0]])) == "minimum"
    assert critical_point(function, w, np.array([[0.0, 1.0]])) == "saddle"
    assert critical_point(function, w, np.eye(2)) == "minimum"


@each_method
@pytest.mark.parametrize("max_iter", [1, 4])
def test_max_iter(name, max_iter):
    seen = []
    limits = constraints(5, -INF, 0.9)
    settings = {"tol": 1e-12, "max_iter": max_iter}
    result = minimize(name, rosenbrock(5), [-1.2] * 5, limits, seen.append, **settings)
    assert result.status is Status.MAX_ITER
    assert result.n_iter == max_iter == len(seen)
    assert result.history[1:] == tuple(i.value for i in seen)


@each_method
def test_callback(name):
    """Sees each iteration, may stop the run, and its errors are passed on."""
    seen, limits = [], constraints(5, -INF, 0.9)
    function, start = rosenbrock(5), np.full(5, 0.5)

    def see(iteration):
        seen.append((iteration, iteration.params.copy()))

    result = minimize(name, function, start, limits, see)
    assert function.calls == dict(result.n_evaluations)
    assert [i.n_iter for i, _ in seen] == list(range(1, result.n_iter + 1))
    for iteration, params in seen:
        assert iteration.value == function.value(params)
    assert seen[-1][0].gradient_norm == result.stationarity
    assert_array_equal(start, 0.5)
    stopped = minimize(name, rosenbrock(5), start, limits, lambda i: i.n_iter == 2)
    assert stopped.status is Status.STOPPED
    assert stopped.n_iter == 2

    def interrupt(iteration):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        minimize(name, rosenbrock(5), start, limits, interrupt)


INFEASIBLE = {
    "two rows": constraints(2, rows=[((1, 1), 2, INF), ((1, 1), -INF, 1)]),
    "equalities": constraints(2, rows=[((1, 0), 1, 1), ((0, 1), 1, 1), ((1, 1), 3, 3)]),
    "row and bounds": constraints(2, upper=1.0, rows=[((1, 1), 3, INF)]),
}


@pytest.mark.parametrize("limits", INFEASIBLE.values(), ids=INFEASIBLE)
def test_infeasible(limits):
    function = bowl(0.0, 0.0)
    with pytest.raises(ValueError, match="constraints are infeasible"):
        minimize("auto", function, (0.0, 0.0), limits)
    assert not any(function.calls.values())


@pytest.mark.parametrize("name", [name for name in SOLVERS if name not in CONSTRAINED])
def test_solvers_that_cannot_keep_to_constraints(name):
    with pytest.raises(
        ValueError, match=rf"'{name}' cannot keep to constraints.*'slsqp'.*l-bfgs-b"
    ):
        get_solver(name, constraints=unconstrained(3))
    able = QUADRATICS["equality"]
    with pytest.raises(ValueError, match=r"'l-bfgs-b' cannot keep to linear constraints.*'auto'"):
        get_solver("l-bfgs-b", constraints=able)


@each_method
@pytest.mark.parametrize("bad", [np.nan, INF])
def test_start_that_is_not_finite(name, bad):
    rows = [] if name == "l-bfgs-b" else [((1, 1, 0, 0), 1.0, 1.0)]
    limits = constraints(4, {0: 0.0}, rows=rows)
    with pytest.raises(ValueError, match="not finite at the starting point"):
        minimize(name, quadratic(4), (1.0, 1.0, 1.0, bad), limits)


@each_method
def test_solver_travels_to_another_process(name):
    limits = QUADRATICS["box"]
    solver = pickle.loads(pickle.dumps(get_solver(name, tol=1e-8, constraints=limits)))
    start = np.zeros(4)
    here = minimize(name, quadratic(4), start, limits, tol=1e-8)
    assert_array_equal(solver.minimize(quadratic(4), start).params, here.params)
