"""Fit, solver, gate and summary say the same of the point where a fit has ended."""

import re
import warnings
from functools import cache

import numpy as np
import pytest
from fitted_oracles import infer
from scipy.linalg import eigh
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor
from sknewtonnet.calculus import critical_point


def one_unit():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((150, 3))
    return X, np.tanh(X[:, 0]) + 0.2 * rng.standard_normal(150)


def loaded(load, targets=lambda y: y):
    X, y = load(return_X_y=True)
    return scale(X), targets(y)


DATA = {
    "one unit": (NewtonMLPRegressor, one_unit),
    "iris": (NewtonMLPClassifier, lambda: loaded(load_iris)),
    "diabetes": (NewtonMLPRegressor, lambda: loaded(load_diabetes, scale)),
    "wine": (NewtonMLPClassifier, lambda: loaded(load_wine)),
}
DATA = {name: (make, cache(data)) for name, (make, data) in DATA.items()}
ALL = [
    (name, units, alpha, activation)
    for name in DATA
    for units in (1, 2, 3, 5)
    for alpha in (0.0, 0.01, 1.0)
    for activation in ("tanh", "relu")
]
SOME = [
    ("one unit", 3, 1.0, "tanh"),  # idle intercepts
    ("iris", 2, 0.0, "tanh"),  # separable: flat as far as doubles reach
    ("one unit", 1, 0.0, "relu"),  # a scaling symmetry
    ("one unit", 2, 0.0, "relu"),  # stopped at a kink
    ("one unit", 5, 1.0, "tanh"),
    ("iris", 1, 1.0, "relu"),
    ("wine", 2, 0.0, "tanh"),
    ("wine", 3, 0.01, "relu"),
    ("diabetes", 1, 1.0, "tanh"),
]


def shown(res):
    """Read the row of the summary."""
    return re.search(r"Critical point +(not stationary|\w+)", res.summary())[1]


def check(name, units, alpha, activation):
    make, data = DATA[name]
    X, y = data()
    net = make(
        (units,),
        alpha=alpha,
        activation=activation,
        standardize=False,
        random_state=0,
        max_iter=300,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        net.fit(X, y)
    agree(net, X, y)
    return net


def agree(net, X, y):
    """Nobody contradicts the verdict on the objective."""
    objective = net.objective(X, y)
    verdict = critical_point(objective, net.params_)
    res = infer(net, X, y)
    assert net.critical_point_ == verdict
    assert shown(res) == verdict
    found = {finding.kind for finding in res.findings}
    assert ("not stationary" in found) == (verdict == "not stationary")
    assert ("negative curvature" in found) == verdict.has_negative_curvature
    # Where the verdict sees nothing negative, no variance is.
    factor = res.information.factor
    assert verdict.has_negative_curvature or (factor.eigenvalues < 0).sum() <= factor.n_null
    assert np.isnan(res.feature_importance).all() == verdict.has_negative_curvature
    if verdict in ("saddle", "maximum"):
        assert eigh(objective.hessian(net.params_), eigvals_only=True)[0] < 0.0
    # A solver that knows of saddle points does not stop at one that the verdict sees.
    if net.solver_result_.converged:
        assert verdict not in ("saddle", "maximum")


@pytest.mark.parametrize(("name", "units", "alpha", "activation"), SOME)
def test_one_verdict(name, units, alpha, activation):
    check(name, units, alpha, activation)


def test_idle_intercepts_do_not_make_a_minimum_doubtful():
    net = check("one unit", 3, 1.0, "tanh")
    assert net.critical_point_ == "minimum"
    assert shown(infer(net, *one_unit())) == "minimum"


def test_separable_classes_have_no_minimum():
    net = check("iris", 2, 0.0, "tanh")
    assert net.critical_point_ == "inconclusive"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "units", "alpha", "activation"), ALL)
def test_one_verdict_for_all(name, units, alpha, activation):
    check(name, units, alpha, activation)


@pytest.mark.parametrize("max_iter", [1, 2, 3, 5])
def test_a_fit_that_was_cut_short_is_at_no_saddle(max_iter):
    X, y = one_unit()
    net = NewtonMLPRegressor((2,), alpha=0.0, max_iter=max_iter, random_state=0, standardize=False)
    with pytest.warns(ConvergenceWarning):
        net.fit(X, y)
    assert net.critical_point_ == "not stationary"
    agree(net, X, y)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
@pytest.mark.filterwarnings("ignore:There are standard deviations far from one")
def test_the_unit_of_the_targets_does_not_matter(unit):
    """A saddle is left, and a minimum is one, whether y is in grams or in tons."""
    X, y = one_unit()
    net = NewtonMLPRegressor(
        (1,), alpha=1.0, solver="newton", tol=0.0, random_state=0, standardize=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        net.fit(X, unit * (y - y.mean()))
        assert net.critical_point_ == "minimum"
        net.set_params(warm_start=True).params_ = np.zeros_like(net.params_)
        net.fit(X, unit * (y - y.mean()))
    assert net.n_iter_ > 0
    agree(net, X, unit * (y - y.mean()))
