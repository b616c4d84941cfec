"""The way down from saddle points and maxima: its names, where it ends, and how far f falls."""

import numpy as np
import pytest
from functions import Function
from numpy.testing import assert_allclose

from sknewtonnet.calculus import Network, NormPenalty, Objective, critical_point
from sknewtonnet.inspection import way_down
from sknewtonnet.solvers import get_solver


def valley():
    """Return w0^2 - w1^2 + w1^4, with minima at (0, +-1/sqrt(2)) where it is -1/4."""
    return Function(
        2,
        lambda w: w[0] ** 2 - w[1] ** 2 + w[1] ** 4,
        lambda w: np.array([2.0 * w[0], -2.0 * w[1] + 4.0 * w[1] ** 3]),
        lambda w: np.diag([2.0, -2.0 + 12.0 * w[1] ** 2]),
    )


def hill():
    """Return cos(w0) + cos(2 w1), with a maximum at 0 and its steepest way down along w1."""
    return Function(
        2,
        lambda w: np.cos(w[0]) + np.cos(2.0 * w[1]),
        lambda w: np.array([-np.sin(w[0]), -2.0 * np.sin(2.0 * w[1])]),
        lambda w: np.diag([-np.cos(w[0]), -4.0 * np.cos(2.0 * w[1])]),
    )


def cliff():
    """Return -w0^2 + w1^2, which falls for ever."""
    return Function(
        2,
        lambda w: -(w[0] ** 2) + w[1] ** 2,
        lambda w: np.array([-2.0 * w[0], 2.0 * w[1]]),
        lambda w: np.diag([-2.0, 2.0]),
    )


@pytest.mark.parametrize(
    ("make", "kind", "curvature", "end", "fall"),
    [
        (valley, "saddle", -2.0, (0.0, np.sqrt(0.5)), 0.25),
        (hill, "maximum", -4.0, (0.0, np.pi / 2.0), 2.0),
    ],
)
def test_the_way_down(make, kind, curvature, end, fall):
    function = make()
    point = critical_point(function, np.zeros(2))
    assert point == kind
    way = way_down(function, np.zeros(2), point)
    assert_allclose(way.direction.curvature, curvature, rtol=1e-12)
    assert way.direction.shares() == {"w[1]": 1.0}
    assert_allclose(np.abs(way.params), end, atol=1e-7)
    assert_allclose([way.length, way.fall, way.value], [end[1], fall, function.value(way.params)])


def test_of_two_signs_the_lower_end():
    """With a slope across the saddle's axis the two sides differ: -w^2 + w^4 + 0.3 w^3."""
    function = valley()
    values, gradient, hessian, _ = function.functions
    function.functions = (
        lambda w: values(w) + 0.3 * w[1] ** 3,
        lambda w: gradient(w) + np.array([0.0, 0.9 * w[1] ** 2]),
        lambda w: hessian(w) + np.diag([0.0, 1.8 * w[1]]),
        None,
    )
    way = way_down(function, np.zeros(2))
    lowest = (-0.9 - np.sqrt(0.81 + 32.0)) / 8.0  # of -2 + 0.9 w + 4 w^2 = 0
    assert_allclose(way.params, [0.0, lowest], atol=1e-7)
    assert way.direction.vector[1] == -1.0


def test_no_way_down_from_a_minimum_and_no_end_of_a_cliff():
    assert way_down(valley(), np.array([0.0, np.sqrt(0.5)])) is None
    way = way_down(cliff(), np.zeros(2))
    assert way.length > 1e10
    assert np.isfinite(way.value)


def test_the_way_down_keeps_to_active_constraints():
    """Held in w1, the hill falls along w0 alone."""
    function, held = hill(), np.array([[0.0, 1.0]])
    point = critical_point(function, np.zeros(2), held)
    way = way_down(function, np.zeros(2), point)
    assert_allclose(np.abs(way.params), [np.pi, 0.0], atol=1e-6)


def test_equal_units_part_along_their_difference():
    """A net whose two units are equal stays so under gradients: a saddle that has a name."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 1))
    objective = Objective(Network.mlp(1, (2,), 1), "squared_error", X, np.sin(2.5 * X), alpha=0.1)
    equal = objective.network.layout.pack(
        {
            "coefs_0": np.full((1, 2), 0.5),
            "intercepts_0": np.zeros(2),
            "coefs_1": np.full((2, 1), 0.5),
            "intercepts_1": np.zeros(1),
        }
    )
    stuck = get_solver("l-bfgs-b", tol=1e-9).minimize(objective, equal).params
    point = critical_point(objective, stuck)
    assert point == "saddle"
    parts = objective.network.layout.unpack(point.escape)
    for name in ("coefs_0", "intercepts_0", "coefs_1"):
        first, second = parts[name].ravel()
        assert_allclose(first, -second, rtol=1e-6, atol=1e-7)
    assert "intercepts_1[y]" not in point.escape_direction.words
    way = way_down(objective, stuck, point)
    assert_allclose(way.fall, objective.value(stuck) - objective.value(way.params), rtol=1e-12)
    end = get_solver("newton").minimize(objective, way.params)
    assert critical_point(objective, end.params) == "minimum"
    assert end.value < way.value


def test_names_are_those_of_the_net():
    X = np.array([[-1.0], [0.0], [1.0]])
    f = Objective(Network.mlp(1, 1, 1), "squared_error", X, np.tanh(X), alpha=0.1)
    assert str(critical_point(f, np.zeros(4)).escape_direction).endswith(
        "coefs_0[x0, h0] (+) 50 %, coefs_1[h0, y] (+) 50 %"
    )
    assert critical_point(f, np.ones(4)).names == f.parameter_names()
    kinked = Objective(
        Network.mlp(1, 1, 1), "squared_error", X, np.tanh(X), penalties=NormPenalty(0.5)
    )
    assert kinked.parameter_names() == f.parameter_names()
