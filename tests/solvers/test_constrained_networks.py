"""Solvers under constraints on a small net: one minimum for all, and what its multipliers mean."""

import numpy as np
import pytest
from constrained_cases import CONSTRAINED, INF, constraints, minimize, violation
from numpy.testing import assert_allclose, assert_array_equal

from sknewtonnet.calculus import Network, Objective
from sknewtonnet.inspection import critical_point, same_minimum
from sknewtonnet.solvers import HESSIAN_KINDS, Status, get_solver

NET = Network.mlp(2, (2,), 1, "tanh")
NET_CONSTRAINTS = {
    "none": None,
    "bounds": constraints(9, -0.6, 0.6),
    "one-sided": constraints(9, {0: -5.0}, {8: 0.05}),
    "frozen": constraints(9, {0: 0.5, 4: 0.0}, {0: 0.5, 4: 0.0}),
    "equality": constraints(9, rows=[(np.eye(9)[0] - np.eye(9)[1], 0, 0), (np.ones(9), 1, 1)]),
    "mixed": constraints(
        9,
        {2: 0.3, 6: -0.5},
        {2: 0.3, 6: 0.5},
        [(np.eye(9)[6] + np.eye(9)[7], -INF, 0.5), (np.eye(9)[0] - np.eye(9)[3], 0.2, 0.2)],
    ),
    "dependent": constraints(
        9, {0: 0.2}, {0: 0.2, 1: 0.4}, [(np.eye(9)[0] + np.eye(9)[1], 0, 0.6)] * 2
    ),
}


def objective():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(40, 2))
    y = np.tanh(2.0 * X[:, 0] + 1.0) - np.tanh(X[:, 0] - 2.0 * X[:, 1])
    return Objective(NET, "squared_error", X, y + 0.2 * rng.normal(size=40), alpha=0.5)


START = np.random.default_rng(5).normal(size=9)


@pytest.fixture(scope="module")
def minima():
    """A constrained minimum of each case, from afar."""
    return {
        case: minimize("slsqp", objective(), START, limits, tol=1e-10)
        for case, limits in NET_CONSTRAINTS.items()
    }


PAIRS = [
    (name, case)
    for name in CONSTRAINED
    for case, limits in NET_CONSTRAINTS.items()
    if name != "l-bfgs-b" or limits is None or limits.only_bounds
]


@pytest.mark.parametrize(("name", "case"), PAIRS)
def test_network(name, case, minima):
    """All methods find the same minimum from a start near it, which may be infeasible."""
    limits, expected = NET_CONSTRAINTS[case], minima[case]
    assert expected.converged
    start = expected.params + 0.05 * np.random.default_rng(0).normal(size=9)
    # Without second derivatives the end is in reach to 1e-6: the lowest curvature is 0.03.
    first_order = name == "l-bfgs-b"
    tol, near = (1e-6, 1e-4) if first_order else (1e-9, 1e-6)
    result = minimize(name, objective(), start, limits, tol=tol)
    assert result.status is Status.CONVERGED
    # An interior point method may go round to the mirror image.
    assert same_minimum(NET, result.params, expected.params, result.value, expected.value)
    assert result.value == pytest.approx(expected.value, rel=1e-8 if first_order else 1e-12)
    if name != "trust-constr":
        assert_allclose(result.params, expected.params, atol=near)
    assert result.value == objective().value(result.params)
    assert_array_equal(result.gradient, objective().gradient(result.params))
    if limits is None:
        assert result.gradient_norm <= tol
        return
    assert violation(limits, result.params) <= 1e-12
    assert result.multipliers.residuals.largest <= tol
    found = critical_point(objective(), result.params, result.multipliers.active)
    assert found == "minimum"


@pytest.mark.parametrize(("name", "case"), [pair for pair in PAIRS if pair[1] != "none"])
def test_start_at_the_optimum(name, case, minima):
    limits, known = NET_CONSTRAINTS[case], minima[case]
    result = minimize(name, objective(), known.params, limits, tol=1e-9)
    assert result.status is Status.CONVERGED
    assert result.n_iter == 0
    assert result.history == (result.value,)
    assert_allclose(result.params, known.params, atol=1e-12)


def test_unconstrained_minimum(minima):
    """Of "slsqp" and "trust-constr" without constraints, or with none that matter."""
    for name in ("slsqp", "trust-constr"):
        plain = minimize(name, objective(), minima["none"].params + 0.02, None, tol=1e-9)
        wide = constraints(9, -1e3, 1e3, [(np.ones(9), -1e4, 1e4)])
        loose = minimize(name, objective(), minima["none"].params + 0.02, wide, tol=1e-9)
        newton = get_solver("newton").minimize(objective(), plain.params + 0.01)
        for result in (plain, loose):
            assert result.gradient_norm <= 1e-9
            assert_allclose(result.params, newton.params, atol=1e-7)
        assert not loose.multipliers.bounds.any()
        assert loose.multipliers.active.shape == (0, 9)


@pytest.mark.parametrize("case", ["bounds", "one-sided", "frozen", "equality", "mixed"])
def test_multipliers_are_derivatives_of_the_minimum(case, minima):
    """Minus that by the limits that hold: refits with each of them moved to and away."""
    limits, known = NET_CONSTRAINTS[case], minima[case]
    rows, lower, upper = limits.rows()
    n_bounds, h = len(rows) - len(limits.A), 1e-4
    places = np.flatnonzero(np.isfinite(limits.lower) | np.isfinite(limits.upper))
    assert len(known.multipliers.held) > 0
    for row in known.multipliers.held:
        found = []
        for step in (h, -h):
            low, high = lower.copy(), upper.copy()
            at_lower = abs(rows[row] @ known.params - lower[row]) < 1e-7
            at_upper = abs(rows[row] @ known.params - upper[row]) < 1e-7
            low[row] += step * at_lower
            high[row] += step * at_upper
            moved = constraints(
                9,
                dict(zip(places, low[:n_bounds], strict=True)),
                dict(zip(places, high[:n_bounds], strict=True)),
                list(zip(rows[n_bounds:], low[n_bounds:], high[n_bounds:], strict=True)),
            )
            result = minimize("slsqp", objective(), known.params, moved, tol=1e-10)
            assert result.converged
            found.append(result.value)
        slope = (found[0] - found[1]) / (2.0 * h)
        signed = known.multipliers
        of_row = signed.bounds[places[row]] if row < n_bounds else signed.linear[row - n_bounds]
        assert slope == pytest.approx(-of_row, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("kind", HESSIAN_KINDS)
@pytest.mark.parametrize("name", ["auto", "trust-constr"])
def test_hessian_kinds(name, kind, minima):
    """All lead to the minimum; approximations make trust-constr slow."""
    limits, expected = NET_CONSTRAINTS["mixed"], minima["mixed"]
    start = expected.params + 0.02
    result = minimize(name, objective(), start, limits, tol=1e-6, max_iter=100, hessian=kind)
    if name == "auto" or kind == "exact":
        assert result.converged
        assert_allclose(result.params, expected.params, atol=1e-4)
    assert expected.value - 1e-12 < result.value < 1.1 * expected.value
    assert violation(limits, result.params) <= 1e-6
