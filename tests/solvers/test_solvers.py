"""Solvers x problems, most of which are no networks: solvers see a smooth function only."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from functions import (
    GRADIENT_ONLY,
    ONE_KIND,
    PROBLEMS,
    SECOND,
    SLOW,
    Function,
    Problem,
    double_well,
    enough,
    minimize,
    rosenbrock,
)
from numpy.testing import assert_allclose, assert_array_equal

from sknewtonnet.solvers import HESSIAN_KINDS, SOLVERS, Capability, Status, get_solver

TRUST_REGION = [name for name in SOLVERS if name.startswith("trust")]

each_solver = pytest.mark.parametrize("name", SOLVERS)
each_problem = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)


@each_problem
@each_solver
def test_minimum(name, problem):
    function, result = problem.run(name, tol=1e-8, max_iter=enough(name))
    assert result.status is Status.CONVERGED
    assert result.converged
    assert_allclose(result.params, problem.minimum, atol=1e-7)
    assert result.value == function.value(result.params)
    assert_array_equal(result.gradient, function.gradient(result.params))
    assert result.gradient_norm == np.abs(result.gradient).max() <= 1e-8


@each_problem
@each_solver
def test_history(name, problem):
    """The objective at the start and after each iteration; it rises in two methods alone."""
    function, result = problem.run(name, tol=1e-6, max_iter=enough(name))
    assert len(result.history) == result.n_iter + 1
    assert result.history[0] == function.value(np.array(problem.start))
    assert result.history[-1] == result.value
    assert name in ("gd", "slsqp") or (np.diff(result.history) <= 0.0).all()


@each_problem
@each_solver
def test_start_at_the_optimum(name, problem):
    minimum = Problem(problem.make, problem.minimum, problem.minimum)
    function, result = minimum.run(name, tol=1e-8)
    assert result.status is Status.CONVERGED
    assert result.n_iter == 0
    assert result.history == (result.value,)
    assert_array_equal(result.params, problem.minimum)
    # Newton's own method makes sure that it does not stand at a saddle; the default asks it to.
    looks, again = int(name in ("newton", "auto")), int(name == "auto")
    assert function.calls["hessian"] == looks
    assert function.calls["hessian_product"] == 0
    assert 1 <= function.calls["value"] <= 1 + again
    assert 1 <= function.calls["gradient"] <= 1 + 2 * again


@each_problem
@each_solver
def test_evaluations_are_counted(name, problem):
    function, result = problem.run(name, max_iter=enough(name))
    assert function.calls == dict(result.n_evaluations)
    # A gradient for each accepted step at least, and at most a few values for each step.
    assert 1 <= function.calls["value"] <= 10 * (result.n_iter + 1)
    assert 1 <= function.calls["gradient"] <= 10 * (result.n_iter + 1)


@each_solver
def test_second_derivatives_are_those_the_method_needs(name):
    function, result = PROBLEMS["rosenbrock-5"].run(name)
    calls, second = function.calls, SOLVERS[name].needs & SECOND
    assert result.n_iter > 1
    if not second:
        assert calls["hessian"] == calls["hessian_product"] == 0
    elif second is Capability.HESSIAN:
        assert 1 <= calls["hessian"] <= result.n_iter + 1
        assert calls["hessian_product"] == 0
    elif second is SECOND:  # products for scipy's interior method, and in large problems
        assert 1 <= calls["hessian"] <= result.n_iter + 1
        assert (calls["hessian_product"] > 0) == (name == "trust-constr")
    else:
        assert calls["hessian"] <= 2  # where the rounding of f stalls it, Newton steps end it
        assert calls["hessian_product"] >= result.n_iter


def test_exact_newton_step_solves_a_quadratic():
    _, result = PROBLEMS["quadratic"].run("trust-exact", options={"initial_trust_radius": 100.0})
    assert result.n_iter == 1
    assert_allclose(result.params, 1.0, atol=1e-12)


def test_exact_trust_region_leaves_the_hard_case():
    """The gradient at the start has no component along the negative eigenvector."""
    hard = Problem(double_well, (0.0, 0.5), (1.0, 0.0))
    _, result = hard.run("trust-exact", tol=1e-8)
    assert_allclose(np.abs(result.params), hard.minimum, atol=1e-8)


@pytest.mark.parametrize("name", [n for n in SOLVERS if n not in (*GRADIENT_ONLY, *SLOW)])
def test_convergence_is_superlinear(name):
    """Close to the minimum, an iteration makes the gradient smaller by far."""
    norms = []
    PROBLEMS["rosenbrock-2"].run(
        name, callback=lambda i: norms.append(i.gradient_norm), tol=1e-9, max_iter=enough(name)
    )
    assert any(a < 1e-2 and b < 1e-2 * a for a, b in pairwise(norms))


@each_solver
def test_tol_is_the_largest_gradient_entry(name):
    """Not the 2-norm, which of 400 equal entries is 20 times as large."""
    size, tol = 400, 1e-3
    flat = Function(size, lambda w: 0.5 * float(w @ w), lambda w: w, lambda w: np.eye(size))
    start = np.full(size, 0.9 * tol)
    assert minimize(name, flat, start, tol=tol).n_iter == 0
    start[7] = 1.1 * tol
    result = minimize(name, flat, start, tol=tol)
    assert result.n_iter > 0
    assert result.converged


@each_problem
@each_solver
def test_run_stops_as_soon_as_tol_is_reached(name, problem):
    norms = []
    problem.run(
        name, callback=lambda i: norms.append(i.gradient_norm), tol=1e-2, max_iter=enough(name)
    )
    assert norms[-1] <= 1e-2
    assert (np.array(norms[:-1]) > 1e-2).all()


@each_solver
@pytest.mark.parametrize("max_iter", [1, 4])
def test_max_iter(name, max_iter):
    _, result = PROBLEMS["rosenbrock-5"].run(name, tol=1e-12, max_iter=max_iter)
    assert result.n_iter == max_iter
    assert result.status is Status.MAX_ITER
    assert not result.converged
    assert len(result.history) == max_iter + 1


@each_solver
def test_callback_sees_each_iteration(name):
    seen = []
    function, result = PROBLEMS["rosenbrock-5"].run(
        name, callback=lambda i: seen.append((i, i.params.copy()))
    )
    assert [i.n_iter for i, _ in seen] == list(range(1, result.n_iter + 1))
    assert tuple(i.value for i, _ in seen) == result.history[1:]
    for iteration, params in seen:
        assert iteration.value == function.value(params)
        assert iteration.gradient_norm == np.abs(function.gradient(params)).max()
    assert_array_equal(seen[-1][1], result.params)


@each_solver
def test_callback_stops_the_run(name):
    _, result = PROBLEMS["rosenbrock-5"].run(name, callback=lambda i: i.n_iter == 3)
    assert result.n_iter == 3
    assert result.status is Status.STOPPED
    assert len(result.history) == 4


@each_solver
def test_error_in_a_callback_is_passed_on(name):
    def fail(iteration):
        raise RuntimeError("in the callback")

    with pytest.raises(RuntimeError, match="in the callback"):
        PROBLEMS["rosenbrock-5"].run(name, callback=fail)


@each_solver
def test_start_is_left_alone(name):
    start = np.array(PROBLEMS["rosenbrock-2"].start)
    kept = start.copy()
    function = rosenbrock(2)
    function.kind = "gauss-newton" if name == "lm" else "exact"
    get_solver(name, options={"learning_rate": 1e-3} if name == "gd" else {}).minimize(
        function, start
    )
    assert_array_equal(start, kept)


@pytest.mark.parametrize("name", [n for n in SOLVERS if n != "gd"])
def test_run_that_cannot_reach_tol_ends(name):
    """A gradient that is never small: STALLED long before max_iter."""
    # Else ever shorter steps find lower points until f underflows.
    offset = float(name in ("lm", "slsqp", "trust-constr"))
    wrong = Function(
        2,
        lambda w: 0.5 * float(w @ w) + offset,
        lambda w: w + 1e-3 * np.where(w < 0.0, -1.0, 1.0),
        lambda w: np.eye(2),
    )
    result = minimize(name, wrong, [3.0, -2.0], tol=1e-8, max_iter=400)
    assert result.status is Status.STALLED
    assert result.n_iter < 200
    assert np.abs(result.params).max() < 1e-2


@each_solver
def test_far_points_that_overflow_are_steps_to_reject(name):
    """exp(w) overflows from 710 on, where a Newton step from -7 leads."""
    steep = Function(
        1,
        lambda w: float(np.exp(w[0]) - 2.0 * w[0]),
        lambda w: np.exp(w) - 2.0,
        lambda w: np.exp(w)[:, None],
    )
    result = minimize(name, steep, [-7.0], tol=1e-8)
    assert result.converged
    assert_allclose(result.params, np.log(2.0), atol=1e-7)


@each_solver
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("what", ["value", "gradient", "start"])
def test_start_that_is_not_finite(name, what, bad):
    function = Function(
        2,
        lambda w: bad if what == "value" else 0.5 * float(w @ w),
        lambda w: np.array([bad, 1.0]) if what == "gradient" else w,
        lambda w: np.eye(2),
    )
    start = np.array([bad if what == "start" else 1.0, 1.0])
    with pytest.raises(ValueError, match="not finite at the starting point"):
        minimize(name, function, start)
    assert function.calls["hessian"] == function.calls["hessian_product"] == 0


def test_unknown_solver():
    with pytest.raises(ValueError, match=r"solver must be one of .*trust-ncg.* got 'adam'"):
        get_solver("adam")


@each_solver
def test_unknown_option(name):
    with pytest.raises(
        ValueError, match=f"solver_options of '{name}' must be among .* got .*ftol"
    ):
        get_solver(name, options={"ftol": 1e-3})


@pytest.mark.parametrize("name", [n for n in SOLVERS if n not in ONE_KIND])
def test_unknown_hessian(name):
    with pytest.raises(ValueError, match=r"hessian must be one of .*gauss-newton.* got 'fisher'"):
        get_solver(name, hessian="fisher")


@pytest.mark.parametrize("name", ONE_KIND)
@pytest.mark.parametrize("kind", [*HESSIAN_KINDS[1:], "fisher"])
def test_hessian_that_would_have_no_effect_is_refused(name, kind):
    with pytest.raises(ValueError, match=f"hessian='{kind}' has no effect on solver='{name}'"):
        get_solver(name, hessian=kind)


BAD_VALUES = [
    ("trust-ncg", "initial_trust_radius", -1.0),
    ("trust-ncg", "max_trust_radius", 0.0),
    ("trust-exact", "eta", 0.9),
    ("newton-cg", "c1", 2.0),
    ("l-bfgs-b", "maxcor", 0),
    ("bfgs", "c2", -0.5),
]


@pytest.mark.parametrize(("name", "option", "value"), BAD_VALUES)
def test_bad_value_of_an_option(name, option, value):
    """Said by name and before any work, whatever scipy would say."""
    with pytest.raises(ValueError, match=option):
        get_solver(name, options={option: value})


OTHER_OPTIONS = {
    "trust-ncg": {"initial_trust_radius": 0.01, "max_trust_radius": 5.0, "eta": 0.0},
    "trust-exact": {"initial_trust_radius": 0.01, "max_trust_radius": 5.0, "eta": 0.0},
    "newton-cg": {"c1": 1e-3, "c2": 0.1},
    "l-bfgs-b": {"maxcor": 1, "maxls": 30},
    "bfgs": {"c1": 1e-3, "c2": 0.1},
}


@pytest.mark.parametrize("name", OTHER_OPTIONS)
def test_options_reach_the_method(name):
    """Other settings make another path to the same minimum."""
    options = OTHER_OPTIONS[name]
    _, usual = PROBLEMS["rosenbrock-5"].run(name, tol=1e-7)
    _, result = PROBLEMS["rosenbrock-5"].run(name, tol=1e-7, options=options)
    assert result.history != usual.history
    assert_allclose(result.params, usual.params, atol=1e-6)


@each_solver
def test_solver_travels_to_another_process(name):
    solver = get_solver(name, tol=1e-3, max_iter=7)
    assert pickle.loads(pickle.dumps(solver)) == solver


@pytest.mark.parametrize("name", TRUST_REGION)
def test_rejected_steps_are_iterations_that_stay(name):
    """A huge radius is rejected until it fits; the point, and the history, stay meanwhile."""
    points = []
    Problem(lambda: rosenbrock(2), (-1.2, 1.0), ()).run(
        name, callback=lambda i: points.append(i.params.copy()), tol=1e-8, max_iter=enough(name)
    )
    moved = [not np.array_equal(a, b) for a, b in pairwise(points)]
    assert not all(moved)
    assert any(moved)
