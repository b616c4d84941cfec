"""An early end where the function falls slowly: the same rule for all solvers."""

import numpy as np
import pytest
from functions import PROBLEMS

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.calculus import Network, Objective
from sknewtonnet.solvers import (
    SOLVERS,
    AutoSolver,
    Constraints,
    GradientDescentSolver,
    LBFGSBSolver,
    NewtonSolver,
    Status,
    get_solver,
)
from sknewtonnet.solvers._auto import _Legs
from sknewtonnet.solvers._run import Run

WINDOW = 10


def net(n_units=3, n=60):
    """A fit that takes every method more than ten iterations."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    y = np.sin(2.0 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.3 * rng.normal(size=n)
    function = Objective(Network.mlp(3, (n_units,), 1), "squared_error", X, y, alpha=0.01)
    return function, rng.normal(size=function.n_parameters)


def slow(history, ftol):
    """The rule in its own words, at the end of a history."""
    fall = history[-1 - WINDOW] - history[-1]
    return fall / WINDOW <= ftol * abs(history[-1])


def ends_by_the_rule(result, ftol):
    """Where the rule first holds, and not before."""
    assert result.status is Status.FTOL
    assert result.message.startswith("the objective falls by at most ftol of itself per iteration")
    assert not result.converged
    lengths = range(WINDOW + 1, len(result.history) + 1)
    held = [length for length in lengths if slow(result.history[:length], ftol)]
    assert held == [len(result.history)]


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("ftol", [0.3, 0.02])
def test_every_solver_ends_where_the_function_falls_slowly(name, ftol):
    function, w0 = net()
    solver = get_solver(name, ftol=ftol, tol=1e-12, max_iter=400)
    result = solver.minimize(function, w0)
    ends_by_the_rule(result, ftol)


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("fatol", [0.05, 0.005])
def test_every_solver_ends_where_the_decrease_is_small(name, fatol):
    """[G]'s eps2, in the units of the function; over ten iterations, as ftol."""
    function, w0 = net()
    solver = get_solver(name, tol=1e-12, max_iter=400, options={"fatol": fatol})
    result = solver.minimize(function, w0)
    assert result.status is Status.FTOL
    falls = -np.subtract(result.history[WINDOW:], result.history[:-WINDOW]) / WINDOW
    assert list(np.flatnonzero(falls <= fatol)) == [len(falls) - 1]


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("part", [0.5, 1.0])
def test_every_solver_ends_at_a_target(name, part):
    """At the first value that is low enough, which may be that of the start."""
    function, w0 = net()
    target = part * function.value(w0)
    result = get_solver(name, options={"f_target": target}).minimize(function, w0)
    assert result.status is Status.TARGET
    assert result.message.startswith("the objective is at most f_target")
    assert list(np.flatnonzero(np.array(result.history) <= target)) == [result.n_iter]
    assert result.value == result.history[-1]
    assert (result.n_iter == 0) == (part == 1.0)


def test_a_target_of_an_estimator():
    """The solver's function has standardised targets: 2 f_target is a share of the variance."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    y = 1000.0 * np.sin(2.0 * X[:, 0]) + 300.0 * X[:, 1]
    fitted = NewtonMLPRegressor(
        (4,), alpha=1e-4, solver_options={"f_target": 0.05}, random_state=0
    ).fit(X, y)
    assert fitted.solver_result_.status is Status.TARGET
    assert fitted.solver_result_.value <= 0.05 < fitted.solver_result_.history[-2]
    assert fitted.score(X, y) > 0.9


@pytest.mark.parametrize("name", [n for n, kind in SOLVERS.items() if kind.keeps])
def test_under_constraints(name):
    function, w0 = net()
    size = function.n_parameters
    nothing = np.empty((0, size)), np.empty(0), np.empty(0)
    limits = Constraints(np.full(size, -0.8), np.full(size, 0.8), *nothing)
    solver = get_solver(name, ftol=0.3, tol=1e-12, constraints=limits)
    result = solver.minimize(function, w0)
    ends_by_the_rule(result, 0.3)
    assert (np.abs(result.params) <= 0.8).all()


def test_zero_is_never():
    function, w0 = net()
    assert AutoSolver(ftol=0.0).minimize(function, w0).converged
    assert AutoSolver().ftol == 0.0


def test_a_converged_run_is_no_early_end():
    """Newton's method needs fewer iterations than the rule looks back."""
    problem = next(iter(PROBLEMS.values()))
    _, result = problem.run("newton", tol=1e-8, ftol=1e-15)
    assert result.status is Status.CONVERGED


def test_the_default_looks_back_over_its_methods():
    """L-BFGS steps hand over to Newton steps; the ten iterations are those of the whole run."""
    function, w0 = net()
    run = Run(function, 1e-12, 1000, ftol=10.0)
    run.begin(w0)
    legs = _Legs(run, None, "")
    legs.go(LBFGSBSolver(max_iter=6))
    legs.go(NewtonSolver())
    legs.go(NewtonSolver())  # the run is over
    result = legs.result()
    ends_by_the_rule(result, 10.0)
    assert result.n_iter == WINDOW
    assert result.n_evaluations["hessian"] == WINDOW - 6


def test_the_default_takes_quasi_newton_steps_first():
    """A Newton step on many rows takes the time of a hundred of them."""
    function, w0 = net(8, 300)
    result = AutoSolver(tol=1e-12, ftol=1e-3).minimize(function, w0)
    assert result.status is Status.FTOL
    assert result.n_evaluations["hessian"] == result.n_evaluations["hessian_product"] == 0
    classes = Objective(
        function.network, "binary_log_loss", function.samples, function.targets > 0
    )
    result = AutoSolver(tol=1e-12, ftol=1e-2).minimize(classes, w0)
    assert result.status is Status.FTOL
    assert result.n_evaluations["hessian"] == result.n_evaluations["hessian_product"] == 0


def test_a_callback_comes_first():
    function, w0 = net()
    result = AutoSolver(ftol=0.3).minimize(function, w0, lambda it: it.n_iter == WINDOW)
    assert result.status is Status.STOPPED


def test_values_of_ftol():
    with pytest.raises(ValueError, match=r"ftol of GradientDescentSolver must be .* got -1"):
        GradientDescentSolver(ftol=-1.0)
    assert "ftol" not in AutoSolver.options()  # no solver_options, like tol
    with pytest.raises(ValueError, match=r"fatol of GradientDescentSolver must be .* got -1"):
        GradientDescentSolver(fatol=-1.0)
    with pytest.raises(
        ValueError, match=r"'f_target'\] must be a number below infinity, got 'low'"
    ):
        get_solver("gd", options={"f_target": "low"})
