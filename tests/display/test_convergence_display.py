"""How fits get on: the numbers of the curves, and what marks them."""

import matplotlib as mpl
import numpy as np
import pytest
from curvature_displays import regression_net
from numpy.testing import assert_allclose, assert_array_equal

from sknewtonnet.calculus import Network, Objective
from sknewtonnet.display import ConvergenceDisplay
from sknewtonnet.solvers import get_solver

mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")
EPS = np.finfo(float).eps


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def runs():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    f = Objective(Network.mlp(2, (3,), 1), "squared_error", X, np.tanh(X @ [1.0, -2.0]), alpha=0.1)
    w = 0.3 * rng.normal(size=f.n_parameters)
    seen = []
    options = {"auto": {}, "lm": {}, "gd": {"max_iter": 5}}
    results = {
        name: get_solver(name, tol=1e-6, **more).minimize(f, w, seen.append if more else None)
        for name, more in options.items()
    }
    return results, seen


def test_curves_are_objective_and_gradient_over_iterations_and_seconds(runs):
    results, _ = runs
    display = ConvergenceDisplay.from_results(results)
    least = min(result.value for result in results.values())
    for label, result in results.items():
        over_iterations, over_seconds, gradients, timed = display.lines_[label]
        gaps = np.maximum(np.array(result.history) - least, EPS * abs(least))
        for line in (over_iterations, over_seconds):
            assert_allclose(line.get_ydata(), gaps)
        for line in (gradients, timed):
            assert_array_equal(line.get_ydata(), result.trace.gradient_norms)
        for line in (over_iterations, gradients):
            assert_array_equal(line.get_xdata(), np.arange(result.n_iter + 1))
        for line in (over_seconds, timed):
            assert_array_equal(line.get_xdata(), result.trace.seconds)
    assert [ax.get_xlabel() for ax in display.axes_.ravel()] == 2 * ["iteration", "seconds"]


def test_marks_are_where_hessians_were_formed_and_methods_took_over(runs):
    results, _ = runs
    display = ConvergenceDisplay.from_results(results)
    for label, result in results.items():
        formed = np.flatnonzero(np.diff(result.trace.n_hessians)) + 1
        assert_array_equal(display.hessians_[label][0].get_xdata(), formed)
    took_over = {line.get_gid(): line.get_xdata() for line in display.phases_["auto"]}
    phases = results["auto"].trace.phases
    assert [name for _, name in phases] == ["quasi-Newton", "Newton"]
    assert took_over["Newton"][0] == results["auto"].trace.seconds[phases[1][0]]
    texts = [text.get_text() for text in display.figure_.legends[0].get_texts()]
    assert {*results, "forms a Hessian", "Newton steps take over"} <= set(texts)
    plain = ConvergenceDisplay.from_results(results, marks=False)
    assert not any(map(len, [*plain.hessians_.values(), *plain.phases_.values()]))


def test_ends_tell_whether_the_tolerance_was_reached(runs):
    display = ConvergenceDisplay.from_results(runs[0])
    faces = {label: ends[0].get_markerfacecolor() for label, ends in display.ends_.items()}
    assert faces["gd"] == "white"
    assert "white" not in (faces["auto"], faces["lm"])


@pytest.mark.parametrize("minimum", ["own", 0.01])
def test_what_the_objective_is_compared_with(runs, minimum):
    results, _ = runs
    display = ConvergenceDisplay.from_results(results, minimum=minimum)
    for label, result in results.items():
        least = result.value if minimum == "own" else 0.01
        gaps = np.maximum(np.array(result.history) - least, EPS * abs(least))
        assert_allclose(display.lines_[label][0].get_ydata(), gaps)


def test_one_panel_for_a_narrow_column(runs):
    results, _ = runs
    display = ConvergenceDisplay.from_results(results, of="gradient", over="seconds")
    assert display.axes_.shape == (1, 1)
    (line,) = display.lines_["lm"]
    trace = results["lm"].trace
    assert_array_equal(line.get_data(), [trace.seconds, trace.gradient_norms])
    with pytest.raises(ValueError, match=r"over must be one of \['iterations', 'seconds'\], got"):
        display.plot(over="minutes")


def test_traces_of_callbacks_begin_with_the_first_iteration(runs):
    _, seen = runs
    display = ConvergenceDisplay.from_results({"gd": seen, "other": {"values": [1.0, 0.5]}})
    assert display.axes_.shape == (2, 1)
    assert_array_equal(display.lines_["gd"][0].get_xdata(), [1, 2, 3, 4, 5])
    assert_array_equal(display.lines_["gd"][1].get_ydata(), [it.gradient_norm for it in seen])
    assert len(display.lines_["other"]) == 1


def test_numbers_of_other_packages():
    numbers = {"values": [3.0, 2.0, 1.0], "seconds": [0.0, 0.5, 0.7], "n_hessians": [0, 0, 1]}
    display = ConvergenceDisplay.from_results({"theirs": numbers}, minimum=0.0)
    assert display.axes_.shape == (1, 2)
    assert_array_equal(display.lines_["theirs"][1].get_data(), [[0.0, 0.5, 0.7], [3, 2, 1]])
    assert_array_equal(display.hessians_["theirs"][0].get_xdata(), [2])


def test_of_a_fit_the_objective_is_that_of_the_table():
    net, *_ = regression_net()
    display = ConvergenceDisplay.from_estimator(net, label="a net")
    gaps = np.array(net.loss_curve_) - net.loss_
    assert_allclose(display.lines_["a net"][0].get_ydata()[:-1], gaps[:-1])


def test_what_is_no_result_is_refused(runs):
    results, _ = runs
    with pytest.raises(ValueError, match=r"minimum must be one of \['common', 'own'\] or a num"):
        ConvergenceDisplay.from_results(results, minimum="lowest")
    with pytest.raises(ValueError, match=r"xscale must be one of \['linear', 'log'\], got 'sym"):
        ConvergenceDisplay.from_results(results, xscale="symlog")
    with pytest.raises(TypeError, match=r"results must be SolverResult.*got 3 for 'fit'"):
        ConvergenceDisplay.from_results(3)
    with pytest.raises(ValueError, match="at least one fit"):
        ConvergenceDisplay.from_results({})
    with pytest.raises(ValueError, match="no iterations"):
        ConvergenceDisplay.from_results({"empty": []})
    with pytest.raises(ValueError, match=r"results\['a'\] must be one of .* got 'time'"):
        ConvergenceDisplay.from_results({"a": {"values": [1.0], "time": [0.0]}})
    with pytest.raises(ValueError, match="all numbers of 'a' must be as many"):
        ConvergenceDisplay.from_results({"a": {"values": [1.0, 0.5], "seconds": [0.0]}})
