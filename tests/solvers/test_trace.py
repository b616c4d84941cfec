"""The way of a run: one number for each entry of its history, whatever the method."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.calculus import Network, Objective
from sknewtonnet.solvers import SOLVERS, AutoSolver, Trace, get_solver
from sknewtonnet.solvers._trace import Recorder


def problem():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    f = Objective(Network.mlp(2, (3,), 1), "squared_error", X, np.tanh(X @ [1.0, -2.0]), alpha=0.1)
    return f, 0.3 * rng.normal(size=f.n_parameters)


@pytest.mark.parametrize("name", SOLVERS)
def test_every_method_keeps_what_its_callback_sees(name):
    f, w = problem()
    seen = []
    result = get_solver(name, tol=1e-5, max_iter=40).minimize(f, w, seen.append)
    trace = result.trace
    norms = [result.initial_gradient_norm, *(it.gradient_norm for it in seen)]
    assert_array_equal(trace.gradient_norms, norms[: len(trace.gradient_norms)])
    for numbers in (trace.gradient_norms, trace.seconds, trace.n_hessians):
        assert len(numbers) == len(result.history)
    assert (np.diff(trace.seconds) >= 0.0).all()
    assert trace.seconds[0] >= 0.0
    assert (np.diff(trace.n_hessians) >= 0).all()
    assert trace.n_hessians[-1] <= result.n_evaluations["hessian"]


def test_phases_of_auto_are_where_methods_take_over():
    f, w = problem()
    result = AutoSolver(tol=1e-9).minimize(f, w)
    (begin, first), (end, second) = result.trace.phases
    assert (first, second) == ("quasi-Newton", "Newton")
    assert begin == 1  # the output layer was solved for before
    formed = np.array(result.trace.n_hessians)
    assert formed[end] == 0 < formed[end + 1]
    assert (np.diff(formed[end:]) > 0).any()


def test_one_method_has_no_phases():
    f, w = problem()
    assert get_solver("newton", tol=1e-5).minimize(f, w).trace.phases == ()


def test_a_run_that_goes_on():
    one = Trace((4.0, 2.0), (0.1, 0.3), (0, 1), ((0, "quasi-Newton"),))
    other = Trace((2.0, 1.0, 0.5), (0.01, 0.5, 0.7), (0, 1, 2), ((1, "Newton"),))
    both = one.then(other)
    assert both.gradient_norms == (4.0, 2.0, 1.0, 0.5)
    assert both.seconds == (0.1, 0.3, 0.8, 1.0)
    assert both.n_hessians == (0, 1, 2, 3)
    assert both.phases == ((0, "quasi-Newton"), (2, "Newton"))
    assert one.then(None) is None


def test_a_recorder_joins_runs_of_several_methods():
    recorder = Recorder()
    recorder.note(4.0, 0)
    recorder.join(Trace((4.0, 2.0), (0.1, 0.3), (0, 2)), 1.0, 0, "Newton")
    recorder.join(Trace((2.0,), (0.0,), (0,)), 2.0, 2, "quasi-Newton")  # it took no step
    recorder.join(Trace((2.0, 1.0), (0.2, 0.4), (0, 1)), 3.0, 2, "Newton")
    trace = recorder.trace
    assert trace.gradient_norms == (4.0, 2.0, 1.0)
    assert trace.seconds[1:] == (1.3, 3.4)
    assert trace.n_hessians == (0, 2, 3)
    assert trace.phases == ((0, "Newton"),)


def test_of_a_fit_it_is_that_of_the_kept_start_and_small():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    net = NewtonMLPRegressor((2,), alpha=1.0, n_init=2, random_state=0).fit(X, X[:, 0] ** 2)
    trace = net.solver_result_.trace
    assert len(trace.seconds) == len(net.loss_curve_) == net.n_iter_ + 1
    assert trace.gradient_norms[-1] == net.solver_result_.stationarity
    assert len(pickle.dumps(trace)) < 30 * len(trace.seconds) + 200
