"""Levenberg-Marquardt: against scipy's, on losses that it does not know, and in memory."""

import tracemalloc

import numpy as np
import pytest
from functions import minimize, quadratic
from numpy.testing import assert_allclose
from scipy.optimize import least_squares

from sknewtonnet.calculus import Network, Objective
from sknewtonnet.solvers import Status, get_solver

each_damping = pytest.mark.parametrize("damping", ["marquardt", "nielsen"])


def objective(
    loss="squared_error", n_outputs=1, hidden=(3,), alpha=0.0, n=60, activation="tanh", seed=4
):
    """Make a net with weights, some of them zero, and a start from afar."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    net = Network.mlp(2, hidden, n_outputs, activation)
    Y = np.sin(X @ rng.normal(size=(2, n_outputs))) + 0.3 * rng.normal(size=(n, n_outputs))
    if loss == "log_loss":
        Y = (Y.max(axis=1, keepdims=True) == Y).astype(float)
    elif loss == "binary_log_loss":
        Y = (Y > 0).astype(float)
    elif loss in ("poisson", "gamma"):
        Y = np.exp(Y)
    weight = rng.uniform(0.5, 2.0, n)
    weight[::7] = 0.0
    f = Objective(net, loss, X, Y, weight, alpha)
    return f, rng.normal(size=net.n_parameters)


def residuals(f):
    """Return weighted residuals and the square roots of penalties as functions of w."""
    scale = np.sqrt(f.sample_weight / f.weight_sum)[:, None]
    ridge = np.sqrt(f.penalty.hessian_diagonal(np.zeros(f.n_parameters)))

    def values(w):
        return np.concatenate([(scale * (f.raw_predictions(w) - f.targets)).ravel(), ridge * w])

    def jacobian(w):
        J = scale[:, :, None] * f.jacobian(w)
        return np.concatenate([J.reshape(-1, len(w)), np.diag(ridge)])

    return values, jacobian


@each_damping
@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("alpha", [0.3, 1.0])
def test_minimum_is_that_of_scipy(alpha, n_outputs, damping):
    f, w = objective(n_outputs=n_outputs, hidden=(2,), alpha=alpha, seed=2)
    result = minimize("lm", f, w, tol=1e-7, options={"damping": damping})
    assert result.status is Status.CONVERGED
    values, jacobian = residuals(f)
    expected = least_squares(values, w, jacobian, method="lm", ftol=1e-15, xtol=1e-15, gtol=1e-15)
    assert_allclose(result.value, expected.cost, rtol=1e-10)
    # The units may come in another order and with other signs; their outputs are the same.
    found = f.raw_predictions(result.params)
    assert_allclose(found, f.raw_predictions(expected.x), atol=1e-4)


@each_damping
@pytest.mark.parametrize("hidden", [(), (2,), (2, 2)])
def test_nets_that_are_affine(hidden, damping):
    """At once; with layers of identities the product of their coefficients has to be found."""
    f, w = objective(hidden=hidden, n_outputs=2, activation="identity")
    result = minimize("lm", f, w, tol=1e-9, options={"damping": damping})
    assert result.status is Status.CONVERGED
    assert result.n_iter <= (8 if not hidden else 40)
    rows = f.sample_weight > 0
    A = np.column_stack([f.samples, np.ones(f.n_samples)])[rows]
    root = np.sqrt(f.sample_weight[rows])[:, None]
    fit = A @ np.linalg.lstsq(root * A, root * f.targets[rows])[0]
    assert_allclose(f.raw_predictions(result.params)[rows], fit, atol=1e-6)


@each_damping
def test_a_step_without_damping_is_exact(damping):
    f, w = objective(hidden=())
    options = {"damping": damping, "initial_damping": 1e-12}
    result = minimize("lm", f, w, tol=1e-9, options=options)
    assert result.n_iter == 1
    assert result.n_evaluations == {"value": 2, "gradient": 2, "hessian": 1, "hessian_product": 0}


@pytest.mark.parametrize("damping", [1e-2, 10.0])
def test_first_steps(damping):
    """By the formulas: the diagonal of G, or its largest entry times the identity."""
    f, w = objective(alpha=0.5)
    G, g = f.hessian(w, "gauss-newton"), f.gradient(w)
    matrices = {
        "marquardt": G + damping * np.diag(np.diag(G)),
        "nielsen": G + damping * np.diag(G).max() * np.eye(len(w)),
    }
    for kind, matrix in matrices.items():
        seen = []
        options = {"damping": kind, "initial_damping": damping}
        minimize(
            "lm", f, w, lambda i, seen=seen: seen.append(i.params), max_iter=1, options=options
        )
        assert_allclose(seen[0], w - np.linalg.solve(matrix, g), rtol=1e-8)


def test_damping_by_default():
    f, w = objective(alpha=0.5)
    options = {"damping": "nielsen", "initial_damping": 1e-3}
    assert minimize("lm", f, w).history == minimize("lm", f, w, options=options).history


LOSSES = [
    ("squared_error", 3),
    ("log_loss", 1),
    ("log_loss", 3),
    ("binary_log_loss", 2),
    ("poisson", 1),
    ("poisson", 2),
    ("gamma", 1),
    ("pseudo_huber", 2),
]


@each_damping
@pytest.mark.parametrize(("loss", "n_outputs"), LOSSES)
def test_other_losses(loss, n_outputs, damping):
    f, w = objective(loss, n_outputs, alpha=1.0)
    result = minimize("lm", f, w, tol=1e-8, options={"damping": damping})
    assert result.status is Status.CONVERGED
    fresh, _ = objective(loss, n_outputs, alpha=1.0)
    assert np.abs(fresh.gradient(result.params)).max() <= 1e-8
    assert (np.diff(result.history) <= 1e-14 * abs(result.history[0])).all()
    assert len(result.history) == result.n_iter + 1


@each_damping
def test_radial_nets(damping):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 2))
    net = Network.rbf(2, 3, 2, "diag", skip_connections="input-output")
    f = Objective(net, "squared_error", X, np.sin(X), alpha=0.5)
    # From here both take less than 200 steps; from elsewhere thousands, as rounding has it.
    start = 0.5 * np.random.default_rng(1).normal(size=net.n_parameters)
    result = minimize("lm", f, start, tol=1e-8, options={"damping": damping})
    assert result.status is Status.CONVERGED


@each_damping
def test_start_where_no_step_is_better(damping):
    """A plain function whose Hessian has zeros on its diagonal, and one that is negative."""
    f = quadratic()
    f.functions = (*f.functions[:2], lambda w: -np.eye(6), None)
    result = minimize("lm", f, np.zeros(6), max_iter=50, options={"damping": damping})
    assert result.value <= result.history[0]
    assert result.status in (Status.STALLED, Status.MAX_ITER)
    f.functions = (*f.functions[:2], lambda w: np.zeros((6, 6)), None)
    result = minimize("lm", f, np.zeros(6), max_iter=50, options={"damping": damping})
    assert result.value < result.history[0]


@each_damping
def test_only_the_matrix_is_stored(damping, monkeypatch):
    """Neither the Jacobian nor another array of n numbers per parameter."""
    # Work arrays for factors of the matrix take some megabytes, however many rows there are.
    f, w = objective(hidden=(20,), n_outputs=2, alpha=1.0, n=100_000)
    monkeypatch.setattr(Objective, "jacobian", None)
    minimize("lm", f, w, max_iter=1, options={"damping": damping})  # work arrays are made
    tracemalloc.start()
    result = minimize("lm", f, w, max_iter=3, options={"damping": damping})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result.n_evaluations["hessian"] == 3
    assert peak < 0.1 * 8 * f.n_samples * f.n_parameters
    assert result.n_evaluations["hessian_product"] == 0


BAD_OPTIONS = [
    ("damping", "levenberg", r"one of \['marquardt', 'nielsen'\]"),
    ("damping", None, r"one of \['marquardt', 'nielsen'\]"),
    ("initial_damping", 0.0, "a number from 1e-12 to below 1e\\+12"),
    ("initial_damping", -1.0, "a number from 1e-12"),
    ("initial_damping", np.nan, "a number from 1e-12"),
    ("initial_damping", np.inf, "a number from 1e-12"),
    ("initial_damping", "small", "a number from 1e-12"),
]


@pytest.mark.parametrize(("option", "value", "allowed"), BAD_OPTIONS)
def test_bad_value_of_an_option(option, value, allowed):
    message = rf"solver_options\['{option}'\] must be {allowed}.* got {value!r}"
    with pytest.raises(ValueError, match=message):
        get_solver("lm", options={option: value})


def test_unknown_option():
    allowed = r"\['damping', 'f_target', 'fatol', 'initial_damping'\]"
    message = rf"solver_options of 'lm' must be among {allowed}, got 'mu'"
    with pytest.raises(ValueError, match=message):
        get_solver("lm", options={"mu": 1.0})
