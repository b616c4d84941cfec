"""Curvatures along the path of a run: saddle points that it passes, and where it leaves them."""

import numpy as np
import pytest
from estimator_cases import data, regressor
from functions import Function
from numpy.testing import assert_allclose, assert_array_equal

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.calculus import Network, Objective
from sknewtonnet.inspection import SpectrumPath, critical_point
from sknewtonnet.solvers import get_solver


def valley():
    """Return w0^2 - w1^2 + w1^4."""
    return Function(
        2,
        lambda w: w[0] ** 2 - w[1] ** 2 + w[1] ** 4,
        lambda w: np.array([2.0 * w[0], -2.0 * w[1] + 4.0 * w[1] ** 3]),
        lambda w: np.diag([2.0, -2.0 + 12.0 * w[1] ** 2]),
    )


def test_from_a_saddle_to_a_minimum():
    f, path = valley(), SpectrumPath(valley(), np.zeros(2))
    end = get_solver("newton").minimize(f, np.zeros(2), path)
    assert_allclose(np.abs(end.params), [0.0, np.sqrt(0.5)], atol=1e-8)
    first, last = path.points[0], path.points[-1]
    assert (first.kind, first.n_negative, first.n_iter) == ("saddle", 1, 0)
    assert_allclose([first.lowest, first.highest, first.gradient_norm], [-2.0, 2.0, 0.0])
    assert first.escape.shares() == {"w[1]": 1.0}
    assert (last.kind, last.n_negative, last.n_iter) == ("minimum", 0, end.n_iter)
    assert_allclose([last.lowest, last.highest, last.value], [2.0, 4.0, -0.25])
    assert last.escape is None
    assert path.saddles == [first]
    # Curvature along w1 is negative as far as 1/sqrt(6).
    left = next(point for point in path.points if point.n_iter == path.left_at)
    assert left.lowest > 0.0 > path.points[path.points.index(left) - 1].lowest


def test_a_run_that_passes_a_saddle():
    """Gradient descent is drawn to it along w0, and leaves it along w1."""
    f, start = valley(), np.array([1.0, 1e-3])
    path, seen = SpectrumPath(f, start), [start]
    solver = get_solver("gd", tol=1e-6, options={"learning_rate": 0.1})
    solver.minimize(f, start, lambda i: seen.append(i.params.copy()) or path(i))
    (saddle,) = path.saddles
    sizes = [np.abs(f.gradient(w)).max() for w in seen]
    lowest = int(np.argmin(sizes[: path.left_at]))
    assert 5 < saddle.n_iter == lowest < path.left_at
    assert_allclose([p.gradient_norm for p in path.points], sizes)
    bent = [w[1] ** 2 < 1.0 / 6.0 for w in seen]
    assert path.left_at == bent.index(False)
    assert_array_equal([p.n_negative for p in path.points], bent)


def test_equal_units_part():
    """A run of first order ends at the saddle of two equal units; Newton's method leaves it."""
    X = np.random.default_rng(0).normal(size=(60, 1))
    f = Objective(Network.mlp(1, (2,), 1), "squared_error", X, np.sin(2.5 * X), alpha=0.1)
    equal = np.array([0.5, 0.5, 0.0, 0.0, 0.5, 0.5, 0.0])
    there = SpectrumPath(f, equal)
    stuck = get_solver("trust-ncg").minimize(f, equal, there).params
    assert there.saddles[-1] is there.points[-1]
    assert there.left_at is None
    path = SpectrumPath(f, stuck)
    end = get_solver("newton").minimize(f, stuck, path)
    saddle = path.points[0]
    assert path.saddles[0] is saddle
    assert saddle.kind == there.points[-1].kind == "saddle"
    parts = f.network.layout.unpack(saddle.escape.vector)
    assert_allclose(parts["coefs_1"][0], -parts["coefs_1"][1], rtol=1e-5)
    assert critical_point(f, end.params) == path.points[-1].kind == "minimum"
    assert 0 < path.left_at <= end.n_iter
    frame = pytest.importorskip("pandas") and path.to_frame()
    assert list(frame.n_iter) == list(range(end.n_iter + 1))
    assert "coefs_1[h" in frame.escape[0]


@pytest.mark.parametrize("standardize", [False, True])
def test_in_a_fit(standardize):
    X, y = data()
    X = X * [1.0, 50.0, 1.0][: X.shape[1]]
    path = SpectrumPath(every=2)
    net = NewtonMLPRegressor(
        (2,), alpha=1.0, solver="trust-ncg", standardize=standardize, random_state=0, n_init=2
    )
    weight = np.linspace(0.5, 1.5, len(y))
    net.set_callbacks(path).fit(X, y, weight, offset=0.3)
    assert {point.start for point in path.points} == {0, 1}
    for start in (0, 1):
        kept = [point.n_iter for point in path.points if point.start == start]
        assert kept == list(range(2, 2 * len(kept) + 1, 2))
    assert path.function is None  # the data are gone
    problem = net._fit_.problem
    values = np.array([point.value for point in path.points]) / problem.factor
    history = net.solver_result_.history
    best = int(np.argmin(net.starts_["loss"]))
    kept = np.array([point.start == best for point in path.points])
    assert_allclose(values[kept], history[2::2][: kept.sum()], rtol=1e-9)


def test_of_the_last_start_alone():
    path = SpectrumPath()
    net = regressor(solver="newton", random_state=0).set_callbacks(path)
    net.fit(*data())
    assert path.points[-1].kind == net.critical_point_ == "minimum"
    assert path.left_at is not None
    n_points = len(path.points)
    net.fit(*data())
    assert len(path.points) == n_points


def test_a_run_that_ends_in_negative_curvature():
    path = SpectrumPath(valley(), np.array([1.0, 1e-6]))
    get_solver("gd", max_iter=3).minimize(valley(), np.array([1.0, 1e-6]), path)
    assert path.left_at is None
    assert path.saddles == [path.points[-1]]


@pytest.mark.parametrize("every", [0, -1, 1.5, True, None])
def test_wrong_steps_are_refused(every):
    with pytest.raises(ValueError, match="every must be a positive integer"):
        SpectrumPath(every=every)


def test_a_function_is_asked_for():
    with pytest.raises(TypeError, match="needs its function"):
        SpectrumPath(w=np.zeros(2))
    with pytest.raises(TypeError, match="as the callback of a solver"):
        get_solver("gd").minimize(valley(), np.ones(2), SpectrumPath())
