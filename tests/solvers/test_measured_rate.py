"""Gradient descent at a rate that follows the largest curvature: learning_rate="auto"."""

import numpy as np
import pytest
from functions import PROBLEMS, Function, double_well, minimize, quadratic
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.calculus import Network, Objective, SmoothFunction
from sknewtonnet.solvers import Capability, GradientDescentSolver, Status, get_solver
from sknewtonnet.testing import check_solver

AUTO = {"learning_rate": "auto"}


class Times(SmoothFunction):
    """A multiple of a function."""

    def __init__(self, factor, function):
        self.factor, self.function = factor, function
        self.n_parameters = function.n_parameters

    def value(self, w):
        return self.factor * self.function.value(w)

    def gradient(self, w):
        return self.factor * self.function.gradient(w)

    def hessian_product(self, w, v, kind="exact"):
        return self.factor * self.function.hessian_product(w, v)


def net(seed=0):
    X, labels = load_iris(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    network = Network.mlp(4, (5,), 3)
    start = 0.5 * np.random.default_rng(seed).normal(size=network.n_parameters)
    return Objective(network, "squared_error", X, np.eye(3)[labels], alpha=0.1), start


def test_the_first_step_is_one_over_the_largest_eigenvalue():
    """And its price is ten products, or as many as there are parameters."""
    function, start = quadratic(condition=40.0), np.zeros(6)
    result = minimize("gd", function, start, max_iter=1, options=AUTO)
    assert_allclose(result.params, -function.gradient(start) / 40.0, rtol=1e-10)
    found = {"value": 2, "gradient": 2, "hessian": 0, "hessian_product": 6}
    assert result.n_evaluations == found


def test_products_of_a_run_are_counted():
    """Ten at the start, and three after every ten iterations."""
    function, start = net()
    result = get_solver("gd", max_iter=31, options=AUTO).minimize(function, start)
    assert result.n_events == {"diverged": 0, "shortened_steps": 0}
    found = {"value": 32, "gradient": 32, "hessian": 0, "hessian_product": 10 + 3 * 3}
    assert result.n_evaluations == found


def test_the_rate_follows_the_largest_eigenvalue():
    function, start = net()
    seen = [start]
    solver = get_solver("gd", max_iter=60, options=AUTO)
    solver.minimize(function, start, lambda i: seen.append(i.params.copy()))
    for k in (0, 10, 50):
        step = np.linalg.norm(seen[k + 1] - seen[k])
        rate = step / np.linalg.norm(function.gradient(seen[k]))
        largest = np.abs(np.linalg.eigvalsh(function.hessian(seen[k]))).max()
        assert 1.0 <= rate * largest * (1.0 + 1e-12) < 1.05


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("name", PROBLEMS)
def test_it_goes_down_to_the_minimum(name, momentum):
    problem = PROBLEMS[name]
    options = {**AUTO, "momentum": momentum}
    function, result = problem.run("gd", max_iter=8000, tol=1e-3, options=options)
    if momentum or "rosenbrock" not in name:  # a valley that takes 40,000 iterations without
        assert result.status is Status.CONVERGED
        assert_allclose(result.params, problem.minimum, atol=1e-2)
    rounding = 50.0 * np.finfo(float).eps * np.abs(result.history[:-1])
    assert (np.diff(result.history) <= rounding).all()
    assert result.n_evaluations == dict(function.calls)


@pytest.mark.parametrize("factor", [2.0**-40, 150.0, 2.0**40])
def test_the_scale_of_the_function_does_not_matter(factor):
    """Nor does it overflow, where a rate of 0.1 of the sum over rows does."""
    function, start = net()
    scaled = Times(factor, function)
    if factor > 1.0:
        fixed = get_solver("gd", options={"learning_rate": 0.1}).minimize(scaled, start)
        assert fixed.status is Status.STALLED
    settings = {"max_iter": 200, "tol": 0.0, "options": {**AUTO, "momentum": 0.5}}
    result = get_solver("gd", **settings).minimize(scaled, start)
    plain = get_solver("gd", **settings).minimize(function, start)
    assert np.isfinite(result.history).all()
    assert_allclose(result.value / factor, plain.value, rtol=1e-6)
    assert result.value < 0.3 * result.history[0]


def one(value, slope, bend):
    return Function(
        1,
        lambda w: float(value(w[0])),
        lambda w: np.array([slope(w[0])]),
        lambda w: np.array([[bend(w[0])]]),
    )


LINES = {  # value, slope, curvature; a start, and the minimum
    # The first step would lead to exp(22000).
    "explosive": (lambda w: np.exp(w) - w, lambda w: np.exp(w) - 1.0, np.exp, -10.0, 0.0),
    "concave": (
        lambda w: w**4 - w**2,
        lambda w: 4.0 * w**3 - 2.0 * w,
        lambda w: 12.0 * w**2 - 2.0,
        0.1,
        0.5**0.5,
    ),
    "straight": (
        lambda w: w**4 - w,
        lambda w: 4.0 * w**3 - 1.0,
        lambda w: 12.0 * w**2,
        0.0,
        0.25 ** (1.0 / 3.0),
    ),
}


@pytest.mark.parametrize("name", LINES)
def test_where_the_curvature_at_the_start_says_little(name):
    *function, start, minimum = LINES[name]
    function = one(*function)
    result = minimize("gd", function, [start], tol=1e-8, options=AUTO)
    assert result.status is Status.CONVERGED
    assert_allclose(result.params, minimum, rtol=1e-6, atol=1e-7)
    assert np.isfinite(result.history).all()


def test_a_negative_curvature_counts_by_its_size():
    *function, start, _ = LINES["concave"]
    function = one(*function)
    result = minimize("gd", function, [start], max_iter=1, options=AUTO)
    slope, bend = function.gradient(np.array([start])), function.hessian(np.array([start]))[0, 0]
    assert bend < -1.8
    assert_allclose(result.params, start - slope / abs(bend), rtol=1e-12)


def test_a_straight_line_down_does_not_overflow():
    function = one(lambda w: w, lambda w: 1.0, lambda w: 0.0)
    result = minimize("gd", function, [0.0], max_iter=50, options=AUTO)
    assert result.status is Status.MAX_ITER
    assert np.isfinite(result.value)


def test_momentum_pays_where_the_condition_is_bad():
    """On a quadratic function, in proportion to 1 - momentum."""
    function, start = quadratic(condition=400.0), np.zeros(6)
    plain = minimize("gd", function, start, max_iter=9000, tol=1e-8, options=AUTO)
    heavy = minimize("gd", function, start, tol=1e-8, options={**AUTO, "momentum": 0.85})
    assert heavy.status is plain.status is Status.CONVERGED
    assert heavy.n_iter < 0.2 * plain.n_iter


def test_what_it_asks_for_is_declared():
    solver = get_solver("gd", options=AUTO)
    assert solver == GradientDescentSolver(learning_rate="auto")
    assert solver.calls == solver.needs | Capability.HESSIAN_PRODUCT
    assert get_solver("gd").calls == Capability.VALUE | Capability.GRADIENT
    assert not solver.second_order
    check_solver(GradientDescentSolver(learning_rate="auto", momentum=0.5, max_iter=500, tol=1e-6))

    class Flat(SmoothFunction):
        n_parameters = 1

        def value(self, w):
            return float(w @ w)

        def gradient(self, w):
            return 2.0 * w

    assert get_solver("gd").minimize(Flat(), np.ones(1)).converged
    with pytest.raises(TypeError, match=r"calls hessian_product .* Flat has neither"):
        solver.minimize(Flat(), np.ones(1))


@pytest.mark.parametrize("rate", ["automatic", "AUTO", None, 0.0, True])
def test_other_words_are_refused(rate):
    with pytest.raises(ValueError, match="must be a positive number or 'auto', got"):
        get_solver("gd", options={"learning_rate": rate})


def test_at_a_start_without_slope_nothing_is_asked():
    result = minimize("gd", double_well(), [1.0, 0.0], options=AUTO)
    assert result.status is Status.CONVERGED
    assert result.n_evaluations["hessian_product"] == 0


def test_in_an_estimator():
    X, labels = load_iris(return_X_y=True)
    est = NewtonMLPRegressor(
        (3,), alpha=1.0, solver="gd", tol=1e-3, solver_options={**AUTO, "momentum": 0.9}
    ).set_params(random_state=0, max_iter=2000)
    assert est.fit(X, labels).solver_result_.converged
    assert est.solver_result_.n_events["shortened_steps"] == 0
