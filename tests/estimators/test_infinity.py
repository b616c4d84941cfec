"""Minima at infinity: noticed within some dozen iterations, and named."""

import numpy as np
import pytest
from estimator_cases import class_data
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

from sknewtonnet import InformationCriterionSearch, NewtonMLPClassifier, NewtonMLPRegressor
from sknewtonnet.calculus import Network, Objective
from sknewtonnet.calculus.functions.units import unit_reports
from sknewtonnet.solvers import Status

at_infinity = pytest.mark.filterwarnings("ignore:.*parameters run to infinity")


def exponential(n=60):
    """It bends more than an exponential: a tanh unit fits the better, the further out it is."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    return x[:, None], np.exp(x) + 0.05 * np.exp(2.0 * x) + 0.01 * rng.normal(size=n)


def best_exponential(X, y):
    """Half the mean squared error of a + b exp(c x), c by a grid."""
    losses = []
    for c in np.linspace(0.9, 1.5, 3001):
        Z = np.column_stack([np.ones(len(y)), np.exp(c * X[:, 0])])
        losses.append(0.5 * np.mean((y - Z @ np.linalg.lstsq(Z, y)[0]) ** 2))
    return min(losses)


@at_infinity
def test_a_unit_that_turns_into_an_exponential():
    """With straight steps along the valley a part of 1e-5 is left after 150 iterations."""
    X, y = exponential()
    net = NewtonMLPRegressor((1,), alpha=0.0, standardize=True, random_state=0).fit(X, y)
    assert net.n_iter_ < 150
    assert net.solver_result_.status in (Status.AT_INFINITY, Status.CONVERGED)
    assert net.critical_point_ != "minimum"
    assert "Unit h0 has become exponential" in net.critical_point_message_
    assert net.loss_ < best_exponential(X, y) + 1e-6 * y.var()


def test_an_end_at_infinity_is_reported():
    X, y = exponential()
    net = NewtonMLPRegressor(
        (1,), alpha=0.0, standardize=True, solver="newton", tol=0.0, random_state=0
    )
    with pytest.warns(ConvergenceWarning, match="parameters run to infinity.*little alpha"):
        net.fit(X, y)
    assert net.solver_result_.status is Status.AT_INFINITY
    assert net.n_iter_ < 150


@at_infinity
def test_criteria_are_known_at_infinity():
    """A search over sizes must not prefer what happens to have a number."""
    X, y = exponential()
    net = NewtonMLPRegressor(alpha=0.0, standardize=True, random_state=0)
    search = InformationCriterionSearch(net, {"hidden_layer_sizes": [(), (1,)]}).fit(X, y)
    assert np.isfinite(search.results_["bic"]).all()
    assert search.best_params_ == {"hidden_layer_sizes": (1,)}


@pytest.mark.parametrize("standardize", [False, True])
def test_softplus_is_as_quick_as_tanh(standardize):
    """Two of its units are linear on iris; free intercepts of theirs used to run for ever."""
    X, y = load_iris(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    fits = {
        name: NewtonMLPClassifier(
            activation=name, alpha=1.0, standardize=standardize, random_state=0
        ).fit(X, y)
        for name in ("tanh", "softplus")
    }
    # Where nothing runs off the two take as many iterations, up to chance.
    limit = 2 if standardize else 10
    assert fits["softplus"].n_iter_ <= limit * fits["tanh"].n_iter_
    assert fits["softplus"].solver_result_.status is Status.CONVERGED
    message = fits["softplus"].critical_point_message_
    assert ("linear: its intercept runs to infinity" in message) == (not standardize)
    assert fits["tanh"].critical_point_message_ == ""


@pytest.mark.parametrize("hidden", [(), (2,)])
def test_classes_that_are_told_apart(hidden):
    X, y = class_data()
    net = NewtonMLPClassifier(hidden, alpha=0.0, standardize=True, random_state=0).fit(X, y)
    assert net.n_iter_ < 150
    assert "are told apart: coefficients run to infinity" in net.critical_point_message_
    with_penalty = net.set_params(alpha=0.1).fit(X, y)
    assert with_penalty.critical_point_message_ == ""


SHAPES = {
    # what comes in, what it becomes
    "linear": ([0.001, 0.5], "linear"),
    "exponential": ([0.5, -9.0], "exponential"),
    "step": ([1e5, 300.0], "step"),
    "at work": ([1.0, 0.5], None),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_that_units_run_to(shape):
    """On points between -1 and 1 that are not too near the step."""
    (coefficient, intercept), expected = SHAPES[shape]
    X = np.linspace(-1.0, 1.0, 40)[:, None]
    network = Network.mlp(1, 1, 1)
    f = Objective(network, "squared_error", X, np.sin(3.0 * X))
    outgoing = 1e7 if shape == "exponential" else 1.0
    (unit,) = unit_reports(f, np.array([coefficient, intercept, outgoing, outgoing]))
    for name in ("linear", "exponential", "step"):
        assert getattr(unit, name) == (name == expected)
