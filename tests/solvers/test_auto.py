"""The default solver: several methods one after the other, told of as one."""

from itertools import pairwise

import numpy as np
import pytest
from functions import PROBLEMS, minimize, quadratic, rosenbrock
from numpy.testing import assert_allclose, assert_array_equal

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor, RBFNetRegressor
from sknewtonnet.calculus import Network, Objective
from sknewtonnet.inspection import critical_point
from sknewtonnet.solvers import HESSIAN_KINDS, Status, get_solver


def network(loss="squared_error", n_outputs=1, alpha=0.05, seed=1, **options):
    """Make a small net with weights, some of them zero, and a start from afar."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(50, 2))
    Y = np.sin(2.0 * X @ rng.normal(size=(2, n_outputs))) + 0.2 * rng.normal(size=(50, n_outputs))
    if loss == "log_loss":
        Y = (Y.max(axis=1, keepdims=True) == Y).astype(float)
    weight = rng.integers(0, 3, 50)
    net = Network.mlp(2, **{"hidden_layer_sizes": (3,), **options}, n_outputs=n_outputs)
    return Objective(net, loss, X, Y, weight, alpha), rng.normal(size=net.n_parameters)


def radial(seed=1):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 2))
    net = Network.rbf(2, 3, 2, "diag", skip_connections="input-output")
    f = Objective(net, "squared_error", X, np.sin(2.0 * X), alpha=0.05)
    return f, 0.5 * rng.normal(size=net.n_parameters)


MASKS = {"coefs_1": np.array([[1, 0], [1, 1], [0, 1]], dtype=bool)}
NETS = {  # the first ones have a reduced form
    "one output": network,
    "two outputs": lambda: network(n_outputs=2, skip_connections="all"),
    "masked": lambda: network(n_outputs=2, connectivity=MASKS),
    "radial": radial,
    "robust": lambda: network("pseudo_huber"),
    "classes": lambda: network("log_loss", 3),
    "deep": lambda: network("pseudo_huber", 2, hidden_layer_sizes=(3, 2), skip_connections="all"),
}
each_net = pytest.mark.parametrize("name", NETS)


def watched(f, w, **settings):
    """Return the result of a run and the iterations that a callback saw."""
    seen = []
    result = get_solver("auto", **settings).minimize(f, w, lambda i: seen.append(i))
    return result, seen


@each_net
def test_ends_at_a_minimum(name):
    f, w = NETS[name]()
    result, _ = watched(f, w)
    assert result.status is Status.CONVERGED
    fresh, _ = NETS[name]()
    assert np.abs(fresh.gradient(result.params)).max() <= 1e-10
    assert np.linalg.eigvalsh(fresh.hessian(result.params))[0] > -1e-12
    assert_allclose(result.gradient, fresh.gradient(result.params), atol=1e-13)
    assert_allclose(result.value, fresh.value(result.params), rtol=1e-13)


@each_net
def test_history_is_that_of_the_iterations(name):
    """Numbered through, at points of the objective itself, with its values and gradients."""
    f, w = NETS[name]()
    result, seen = watched(f, w)
    assert [i.n_iter for i in seen] == list(range(1, result.n_iter + 1))
    assert tuple(i.value for i in seen) == result.history[1:]
    assert result.history[0] == f.value(w)
    assert result.history[-1] == result.value
    assert result.initial_gradient_norm == np.abs(f.gradient(w)).max()
    assert (np.diff(result.history) <= 1e-14 * result.history[0]).all()
    for i in seen:
        assert i.params.shape == (f.n_parameters,)
        assert_allclose(i.value, f.value(i.params), rtol=1e-12)
        assert_allclose(i.gradient_norm, np.abs(f.gradient(i.params)).max(), rtol=1e-5, atol=1e-12)
    assert_array_equal(seen[-1].params, result.params)
    assert set(result.n_evaluations) == {"value", "gradient", "hessian", "hessian_product"}
    assert result.n_evaluations["value"] > result.n_iter
    assert 1 <= result.n_evaluations["hessian"] <= result.n_iter + 2


@each_net
def test_a_callback_does_not_change_the_run(name):
    result, _ = watched(*NETS[name]())
    f, w = NETS[name]()
    alone = get_solver("auto").minimize(f, w)
    assert alone.history == result.history
    assert alone.n_evaluations == result.n_evaluations
    assert_array_equal(alone.params, result.params)


@each_net
def test_a_callback_stops_the_run_anywhere(name):
    """In each part of it, and where one part hands over to the next."""
    f, w = NETS[name]()
    whole, seen = watched(f, w)
    for k in range(1, whole.n_iter):
        result = get_solver("auto").minimize(f, w, lambda i, k=k: i.n_iter == k)
        assert (result.n_iter, result.status) == (k, Status.STOPPED)
        assert_allclose(result.params, seen[k - 1].params, rtol=1e-6, atol=1e-9)
        assert len(result.history) == k + 1


@each_net
def test_max_iter_holds_for_all_parts_together(name):
    """What has not converged is not called so, wherever the last iteration was."""
    f, w = NETS[name]()
    whole, _ = watched(f, w)
    for k in range(1, whole.n_iter):
        result, seen = watched(f, w, max_iter=k)
        assert result.n_iter == len(seen) == k
        assert result.status is Status.MAX_ITER
        assert result.gradient_norm > 1e-10
        assert len(result.history) == k + 1


@each_net
def test_start_at_the_optimum(name):
    f, w = NETS[name]()
    best, _ = watched(f, w, tol=1e-11)
    result, seen = watched(f, best.params, tol=1e-9)
    assert result.status is Status.CONVERGED
    assert result.n_iter == len(seen) == 0
    assert result.history == (result.value,)
    assert_array_equal(result.params, best.params)


def test_best_output_layer_at_once():
    """Hidden layers that are best already: only the output layer changes, and is told of."""
    f, _ = network(alpha=100.0)
    start = np.zeros(f.n_parameters)
    start[-1] = 3.0
    result, seen = watched(f, start)
    assert result.status is Status.CONVERGED
    assert result.value < f.value(start)
    assert result.history[-1] == result.value
    assert len(result.history) == result.n_iter + 1 == len(seen) + 1


@pytest.mark.parametrize("name", ["one output", "radial", "robust"])
def test_saddle_without_gradient_is_left(name):
    """All coefficients are zero, the intercepts the best constant."""
    f, _ = NETS[name]()
    w = np.zeros(f.n_parameters)
    free = np.flatnonzero([n.startswith("intercepts_") for n in f.network.layout.names])
    free = free[-f.network.n_outputs :]
    for _ in range(50):
        g, H = f.gradient(w), f.hessian(w)
        w[free] -= np.linalg.solve(H[np.ix_(free, free)], g[free])
    if name != "radial":
        assert np.abs(f.gradient(w)).max() < 1e-12
    result, _ = watched(f, w, tol=1e-9)
    assert result.status is Status.CONVERGED
    assert result.value < f.value(w) - 1e-4
    found = critical_point(f, result.params)
    # In some minima of the radial net a unit is without use, and curvatures are 0 to 1e-11.
    assert found != "saddle" if name == "radial" else found == "minimum"


ALPHAS = [1e-6, 1e-10, 1e-14, 1e-18, 1e-30]


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("n_samples", [8, 50])
def test_penalties_that_are_next_to_nothing(n_samples, alpha):
    """The output layer may be a singular problem then, which is no reason to fail."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, 2))
    net = Network.mlp(2, (20,), 1)
    f = Objective(net, "squared_error", X, np.sin(X[:, 0]), alpha=alpha)
    w = rng.normal(size=net.n_parameters)
    result, _ = watched(f, w, max_iter=100)
    assert result.value < 1e-2 * f.value(w)


def test_dependent_columns():
    """Two inputs that are the same, read by the output layer."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 1))
    net = Network.mlp(2, (2,), 1, skip_connections="input-output")
    for alpha in (1e-8, 1e-16, 1e-20):
        f = Objective(net, "squared_error", np.tile(X, 2), np.sin(X), alpha=alpha)
        w = rng.normal(size=net.n_parameters)
        result, _ = watched(f, w, max_iter=60)
        assert result.value < 0.1 * f.value(w)


# Plain functions ----------------------------------------------------------------------


@pytest.mark.parametrize("size", [2, 3, 10, 100, 1000])
def test_rosenbrock(size):
    start = np.linspace(-1.2, 1.0, size)
    result = minimize("auto", rosenbrock(size), start, tol=1e-8, max_iter=5000)
    assert result.status is Status.CONVERGED
    # From here it is the lowest minimum, but for a second one beside it in a few dimensions.
    assert result.value < 1e-12 or abs(abs(result.params[0]) - 1.0) < 0.02


@pytest.mark.parametrize("problem", PROBLEMS)
def test_newton_steps_at_the_end(problem):
    """Each error is about the square of the one before."""
    norms = []
    PROBLEMS[problem].run("auto", lambda i: norms.append(i.gradient_norm), tol=1e-11)
    last = [(a, b) for a, b in pairwise(norms) if a < 1e-3]
    assert all(b < max(1e4 * a * a, 1e-11) for a, b in last)


@pytest.mark.parametrize("name", ["newton", "auto"])
def test_quadratic_convergence_on_networks(name):
    """Near the solution the error of a step is that of the one before squared."""
    for f, w in (network(), network("log_loss", 3), radial()):
        points = []

        def see(iteration, points=points):
            points.append(iteration.params)

        result = get_solver(name, tol=1e-12).minimize(f, w, see)
        errors = [np.linalg.norm(p - result.params) for p in points[:-1]]
        if name == "auto":
            errors = errors[-3:]  # before them are quasi-Newton steps
        small = [(a, b) for a, b in pairwise(errors) if 1e-6 < a < 0.1]
        assert small
        assert all(b < 100.0 * a * a + 1e-9 for a, b in small)


def test_quadratic_in_one_newton_step():
    """Also for the default, as soon as it comes to Newton steps."""
    options = {"initial_trust_radius": 1e5}
    result = minimize("newton", quadratic(), np.full(6, 50.0), options=options)
    assert result.n_iter == 1
    f, norms = quadratic(), []
    w = np.ones(6) + 0.9e-6
    minimize("auto", f, w, lambda i: norms.append(i.gradient_norm))
    assert len(norms) == 1


# Settings -----------------------------------------------------------------------------


@each_net
@pytest.mark.parametrize("kind", [k for k in HESSIAN_KINDS if k != "exact"])
def test_kinds_of_second_derivatives(name, kind):
    """Approximations make slower progress, but progress."""
    f, w = NETS[name]()
    best, _ = watched(f, w)
    result, seen = watched(f, w, hessian=kind, max_iter=150, tol=1e-6)
    assert result.history[0] - result.value > 0.8 * (result.history[0] - best.value)
    assert (np.diff(result.history) <= 1e-14 * result.history[0]).all()
    assert result.n_iter == len(seen)
    assert result.history[-1] == result.value


@each_net
def test_same_start_same_run(name):
    results = [watched(*NETS[name]())[0] for _ in range(3)]
    assert len({r.history for r in results}) == 1
    assert_array_equal(results[0].params, results[1].params)


def test_one_objective_for_several_runs():
    """Nothing of a run is left behind."""
    f, w = network()
    first, _ = watched(f, w)
    minimize("auto", f, -2.0 * w)
    again, _ = watched(f, w)
    assert again.history == first.history


BAD_RADII = [0.0, -1.0, np.nan, np.inf, 1e6, "wide", None, True]


@pytest.mark.parametrize("value", BAD_RADII, ids=repr)
@pytest.mark.parametrize("name", ["auto", "newton"])
def test_bad_value_of_an_option(name, value):
    message = r"'initial_trust_radius'\] must be a number from 1e-12 to below 1e\+06, got "
    with pytest.raises(ValueError, match=message + repr(value).replace("+", r"\+")):
        get_solver(name, options={"initial_trust_radius": value})


def test_unknown_names():
    allowed = r"\['f_target', 'fatol', 'initial_trust_radius', 'preconditioner'\]"
    message = rf"solver_options of 'auto' must be among {allowed}, got 'maxcor'"
    with pytest.raises(ValueError, match=message):
        get_solver("auto", options={"maxcor": 5})
    with pytest.raises(ValueError, match=r"hessian must be one of .*'lagrangian'.* got 'bfgs'"):
        get_solver("auto", hessian="bfgs")


MODELS = {
    "mlp": NewtonMLPRegressor((4,), alpha=0.05, random_state=0, standardize=False),
    "deep": NewtonMLPRegressor(
        (3, 3), alpha=0.05, skip_connections="all", random_state=0, standardize=False
    ),
    "classes": NewtonMLPClassifier((3,), alpha=0.2, random_state=0, standardize=False),
    "rbf": RBFNetRegressor(4, alpha=0.05, random_state=0, standardize=False),
    "rbf full": RBFNetRegressor(
        3, covariance_type="full", alpha=0.05, random_state=0, standardize=False
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_estimators_use_it(name):
    rng = np.random.default_rng(5)
    X = rng.normal(size=(60, 2))
    y = np.sin(2.0 * X[:, 0]) + 0.5 * X[:, 1] ** 2 + 0.1 * rng.normal(size=60)
    est = MODELS[name].fit(X, y if name != "classes" else np.digitize(y, [0.0, 0.8]))
    assert est.solver == "auto"
    assert est.critical_point_ == "minimum"
    assert est.solver_result_.gradient_norm <= est.tol
    assert est.loss_curve_[-1] == est.loss_
