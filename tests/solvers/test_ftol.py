"""An early end where the function falls slowly: the same rule for all solvers."""

import numpy as np
import pytest
from functions import PROBLEMS

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
