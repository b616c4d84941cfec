"""Gradient descent and optimal steps: the steps are those of the formulas."""

from itertools import pairwise

import numpy as np
import pytest
from functions import PROBLEMS, Function, minimize, quadratic, rosenbrock
from numpy.testing import assert_allclose, assert_array_equal

from sknewtonnet.calculus import ModifiedObjective, Network, Objective
from sknewtonnet.solvers import Status, get_solver

DIRECTIONS = ["steepest", "conjugate"]


def points(name, function, start, **settings):
    """Return the result of a run and the points it went through, from the start on."""
    seen = [np.array(start, float)]
    result = minimize(name, function, start, lambda i: seen.append(i.params.copy()), **settings)
    return result, seen


def network(n_outputs=1, alpha=0.3):
    """Make a small net with weights, some of them zero, and a start from afar."""
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(40, 2)), rng.normal(size=(40, n_outputs))
    weight = rng.integers(0, 3, 40)
    net = Network.mlp(2, (3,), n_outputs, skip_connections="all")
    f = Objective(net, "squared_error", X, Y, weight, alpha)
    return f, rng.normal(size=net.n_parameters)


# Gradient descent ---------------------------------------------------------------------


@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_steps_of_gradient_descent(momentum):
    """Replayed by hand, on a net."""
    f, w = network(2)
    options = {"learning_rate": 0.07, "momentum": momentum}
    result, seen = points("gd", f, w, options=options, max_iter=5)
    step = np.zeros(len(w))
    for found in seen[1:]:
        step = momentum * step - 0.07 * f.gradient(w)
        w = w + step
        assert_array_equal(found, w)
    assert result.n_iter == 5
    assert result.n_evaluations == {"value": 6, "gradient": 6, "hessian": 0, "hessian_product": 0}


def test_gradient_descent_by_default():
    f, w = network()
    _, seen = points("gd", f, w, max_iter=1)
    assert_array_equal(seen[1], w - 0.1 * f.gradient(w))


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_gradient_descent_on_a_quadratic(momentum):
    """Linear, and to the tolerance that was asked for."""
    options = {"learning_rate": 1.9 / 100.0, "momentum": momentum}
    result = minimize("gd", quadratic(), np.zeros(6), tol=1e-9, max_iter=3000, options=options)
    assert result.status is Status.CONVERGED
    assert_allclose(result.params, 1.0, atol=1e-8)


def test_largest_learning_rate():
    """Two over the largest eigenvalue, 100: below it converges, above it does not."""
    for rate, status in ((1.99 / 100.0, Status.CONVERGED), (2.01 / 100.0, Status.MAX_ITER)):
        options = {"learning_rate": rate}
        result = minimize("gd", quadratic(), np.zeros(6), tol=1e-6, max_iter=2500, options=options)
        assert result.status is status


@pytest.mark.parametrize("make", [quadratic, lambda: rosenbrock(6), lambda: network()[0]])
def test_divergence_is_told_and_stays_finite(make):
    f = make()
    start = np.linspace(-2.0, 2.0, f.n_parameters)
    result = minimize("gd", f, start, max_iter=5000, options={"learning_rate": 1e4})
    assert result.status is Status.STALLED
    assert "learning_rate=10000 is too large" in result.message
    assert np.isfinite(result.value)
    assert np.isfinite(result.params).all()
    assert np.isfinite(result.gradient).all()
    assert np.isfinite(result.history).all()


# Optimal steps ------------------------------------------------------------------------


def test_steps_on_a_quadratic_are_exact_line_searches():
    """Steepest descent with the step of Cauchy; one product for each."""
    f, w = quadratic(), np.linspace(-3.0, 4.0, 6)
    result, seen = points("bpos", f, w, max_iter=8)
    A = f.functions[2](w)
    for found in seen[1:]:
        g = A @ (w - 1.0)
        w = w - g @ g / (g @ A @ g) * g
        assert_allclose(found, w, rtol=1e-12)
    assert result.n_evaluations["hessian_product"] == result.n_iter == 8
    assert result.n_evaluations["hessian"] == 0
    assert result.n_events == {"negative_curvature": 0, "shortened_steps": 0}


@pytest.mark.parametrize("size", [2, 5, 9])
def test_conjugate_directions_solve_a_quadratic(size):
    """In as many steps as there are dimensions."""
    f = quadratic(size, 10.0)
    result = minimize("bpos", f, np.zeros(size), tol=1e-9, options={"direction": "conjugate"})
    assert result.status is Status.CONVERGED
    assert result.n_iter == size
    assert_allclose(result.params, 1.0, atol=1e-9)


def test_conjugate_steps_on_a_network():
    """The beta of Polak, Ribiere and Polyak, not below zero, replayed by hand."""
    f, w = network(2)
    options = {"direction": "conjugate"}
    result, seen = points("bpos", f, w, max_iter=12, options=options)
    last, d = None, 0.0
    for found in seen[1:]:
        g = f.gradient(w)
        beta = 0.0 if last is None else max(0.0, g @ (g - last) / (last @ last))
        d = beta * d - g
        assert g @ d < 0.0
        w, last = w - g @ d / (d @ f.hessian(w) @ d) * d, g
        assert_allclose(found, w, rtol=1e-9)
    assert sum(result.n_events.values()) == 0


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("objective", ["standard", "modified"])
def test_steps_on_a_network(objective, n_outputs):
    """Replayed by hand, halvings and negative curvature included, from the dense Hessians."""
    f, w = network(n_outputs)
    result, seen = points("bpos", f, w, max_iter=10, options={"objective": objective})
    events = {"negative_curvature": 0, "shortened_steps": 0}
    for found in seen[1:]:
        value, g, H = derivatives(f, w, objective)
        bend = g @ H @ g
        events["negative_curvature"] += bend <= 0.0
        eta = full = g @ g / abs(bend)
        while derivatives(f, w - eta * g, objective)[0] >= value:
            eta *= 0.5
        events["shortened_steps"] += eta < full
        w = w - eta * g
        assert_allclose(found, w, rtol=1e-8, atol=1e-10)
    assert result.n_events == events


def derivatives(f, w, objective):
    """Return value, gradient and Hessian of what the steps minimise."""
    if objective == "standard":
        return f.value(w), f.gradient(w), f.hessian(w)
    S, value, gradient, hessian = f.weight_sum, 0.0, 0.0, 0.0
    for o in range(f.network.n_outputs):  # targets of the others are met: only part o is left
        raw = f.raw_predictions(w)
        raw[:, o] = f.targets[:, o]
        alone = Objective(f.network, "squared_error", f.samples, raw, f.sample_weight)
        J = f.jacobian(w)
        others = np.delete(np.arange(raw.shape[1]), o)
        # The part's Hessian is that of all squares less the Gauss-Newton terms of the others.
        H = alone.hessian(w) - np.einsum(
            "i,iop,ioq->pq", f.sample_weight / S, J[:, others], J[:, others]
        )
        share = 1.0 / f.network.n_outputs
        part = alone.value(w) + share * f.penalty.value(w)
        g = alone.gradient(w) + share * f.penalty.gradient(w)
        H = H + share * np.diag(f.penalty.hessian_diagonal(w))
        value, gradient = value + 0.5 * part**2, gradient + part * g
        hessian = hessian + np.outer(g, g) + part * H
    return value, gradient, hessian


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("problem", PROBLEMS)
def test_one_product_for_each_step(problem, direction):
    _, result = PROBLEMS[problem].run("bpos", max_iter=50, options={"direction": direction})
    assert result.n_evaluations["hessian_product"] == result.n_iter
    assert result.n_evaluations["hessian"] == 0


@pytest.mark.parametrize("objective", ["standard", "modified"])
def test_nothing_is_evaluated_twice_at_a_point(objective):
    """A step is a value, a gradient and a product."""
    f, w = network(1)
    seen = {"value": [], "gradient": []}
    options = {"objective": objective}

    class Watched(type(f)):
        def value(self, w):
            seen["value"].append(w.copy())
            return super().value(w)

        def gradient(self, w):
            seen["gradient"].append(w.copy())
            return super().gradient(w)

    f.__class__ = Watched
    result = minimize("bpos", f, w, max_iter=20, options=options)
    assert result.n_iter == 20
    for name, points in seen.items():
        assert len({point.tobytes() for point in points}) == len(points)
        assert result.n_evaluations[name] == len(points)
    assert len(seen["gradient"]) == 21


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_one_product_for_each_modified_step(n_outputs):
    f, w = network(n_outputs)
    result = minimize("bpos", f, w, max_iter=20, options={"objective": "modified"})
    assert result.n_evaluations["hessian_product"] == result.n_iter == 20


@pytest.mark.parametrize(
    ("problem", "start", "direction"),
    [
        ("rosenbrock-2", (-1.2, 1.0), "conjugate"),
        ("rosenbrock-2", (-0.5, 1.5), "conjugate"),
        ("indefinite start", (0.1, 1.0), "conjugate"),
        ("indefinite start", (0.1, 1.0), "steepest"),
    ],
)
def test_events(problem, start, direction):
    """Of the curvature at each point and the length of each step, looked at from outside."""
    f, options = PROBLEMS[problem].make(), {"direction": direction}
    result, seen = points("bpos", f, start, max_iter=40, tol=1e-6, options=options)
    assert result.n_events["shortened_steps"] > 0
    assert result.n_events["negative_curvature"] > 0
    bent, short = 0, 0
    for w, after in pairwise(seen):
        step, g, H = after - w, f.functions[1](w), f.functions[2](w)
        d = step / np.linalg.norm(step)
        bend = d @ H @ d
        bent += bend <= 0.0
        short += np.linalg.norm(step) < 0.75 * abs(g @ d / bend)
    assert result.n_events == {"negative_curvature": bent, "shortened_steps": short}


def test_saddle_is_left_along_negative_curvature():
    f, start = PROBLEMS["indefinite start"].make(), (0.01, 0.0)
    result, seen = points("bpos", f, start, tol=1e-8)
    slope = f.functions[1](np.array(start))[0]
    assert_allclose(seen[1][0], 0.01 - slope / abs(3.0 * 0.01**2 - 1.0))
    assert result.n_events["negative_curvature"] >= 1
    assert_allclose(result.params, (1.0, 0.0), atol=1e-7)


@pytest.mark.parametrize("objective", ["standard", "modified"])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_objective_falls(direction, objective):
    options = {"direction": direction, "objective": objective}
    for f, w in (network(), (rosenbrock(4), np.array([-1.0, 1.2, 0.3, 2.0]))):
        history = minimize("bpos", f, w, max_iter=100, options=options).history
        assert (np.diff(history) <= 1e-14 * history[0]).all()
        assert history[-1] < 0.5 * history[0]


def test_minimum_of_the_modified_objective():
    """For one output it is one of the objective; for several it is not, and told as such."""
    options = {"objective": "modified", "direction": "conjugate"}
    f, w = network()
    result = minimize("bpos", f, w, tol=1e-7, max_iter=3000, options=options)
    assert result.status is Status.CONVERGED
    assert np.linalg.eigvalsh(f.hessian(result.params))[0] > 0.0
    f, w = network(2)
    result = minimize("bpos", f, w, tol=1e-12, max_iter=3000, options=options)
    assert result.status is Status.STALLED
    assert np.abs(ModifiedObjective(f).gradient(result.params)).max() < 1e-6
    assert result.gradient_norm > 1e-4


# What is refused ----------------------------------------------------------------------

BAD_OPTIONS = [
    ("gd", "learning_rate", 0.0, "number"),
    ("gd", "learning_rate", -0.1, "number"),
    ("gd", "learning_rate", np.nan, "number"),
    ("gd", "learning_rate", np.inf, "number"),
    ("gd", "learning_rate", "adaptive", "number"),
    ("gd", "learning_rate", None, "number"),
    ("gd", "learning_rate", True, "number"),
    ("gd", "momentum", 1.0, "from 0 to below 1"),
    ("gd", "momentum", -0.1, "from 0 to below 1"),
    ("bpos", "direction", "newton", r"one of \['steepest', 'conjugate'\]"),
    ("bpos", "direction", 1, r"one of \['steepest', 'conjugate'\]"),
    ("bpos", "objective", "half", r"one of \['standard', 'modified'\]"),
    ("bpos", "objective", None, r"one of \['standard', 'modified'\]"),
    ("bpos", "momentum", 1.0, "from 0 to below 1 or 'optimal'"),
    ("bpos", "momentum", "best", "from 0 to below 1 or 'optimal'"),
    ("bpos", "n_batches", 0, "an integer of at least 1"),
    ("gd", "n_batches", 2.5, "an integer of at least 1"),
    ("gd", "random_state", -1, "an integer from 0"),
]


@pytest.mark.parametrize(("name", "option", "value", "allowed"), BAD_OPTIONS)
def test_bad_value_of_an_option(name, option, value, allowed):
    """Said with the option's name, what it may be, and what it is."""
    message = rf"solver_options\['{option}'\] must be .*{allowed}.* got {value!r}"
    with pytest.raises(ValueError, match=message):
        get_solver(name, options={option: value})


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("gd", "'f_target', 'fatol', 'learning_rate', 'momentum', 'n_batches', 'random_state'"),
        (
            "bpos",
            "'direction', 'f_target', 'fatol', 'momentum', 'n_batches', 'objective', "
            "'random_state'",
        ),
    ],
)
def test_unknown_option(name, allowed):
    message = rf"solver_options of '{name}' must be among \[{allowed}\], got 'nesterov'"
    with pytest.raises(ValueError, match=message):
        get_solver(name, options={"nesterov": True})


def test_numbers_of_other_kinds():
    """What is a number to numpy is one here."""
    for rate in (np.float32(0.5), np.int64(1), 1):
        get_solver("gd", options={"learning_rate": rate, "momentum": np.float64(0.5)})


def test_value_that_is_finite_where_its_gradient_is_not():
    """No step is taken from there on, and what is told is finite."""
    f = Function(
        1,
        lambda w: float(np.sqrt(abs(w[0] - 1.0))),
        lambda w: np.sign(w - 1.0) * 0.5 / np.sqrt(np.abs(w - 1.0)),
        lambda w: np.eye(1),
    )
    with np.errstate(all="ignore"):
        result = minimize("gd", f, [1.25], options={"learning_rate": 0.25})
    assert result.status is Status.STALLED
    assert np.isfinite(result.gradient).all()
