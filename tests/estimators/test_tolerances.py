"""Tolerances are relative to the problem, and advice at the end of a fit can be followed."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor, RBFNetRegressor
from sknewtonnet.calculus.pieces.activations import Tanh
from sknewtonnet.calculus.pieces.losses import LOSSES
from sknewtonnet.estimators._best_constant import gradient_size
from sknewtonnet.estimators._data import Data
from sknewtonnet.solvers import Status

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 2))
y = np.sin(X[:, 0]) + 0.5 * X[:, 1] + 0.1 * RNG.normal(size=80)


def told(net, X, y):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        net.fit(X, y)
    return [str(warning.message) for warning in found]


@pytest.mark.parametrize("unit", [1e-100, 1e-12, 1e-6, 1e6, 1e100])
@pytest.mark.parametrize("make", [NewtonMLPRegressor, RBFNetRegressor])
def test_units_do_not_matter_to_standardised_fits(make, unit):
    net = make(2, alpha=0.1, random_state=0)
    one = net.fit(X, y).predict(X)
    n_iter = net.n_iter_
    assert not told(net, X, unit * y)
    assert net.solver_result_.status is Status.CONVERGED
    assert net.n_iter_ == pytest.approx(n_iter, abs=1)
    assert_allclose(net.predict(X) / unit, one, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("unit", [1e-12, 1e-8, 1e-6, 1e-3, 1e3, 1e6])
def test_linear_fits_of_raw_targets_of_any_unit(unit):
    """At 1e-12 the start itself used to be a minimum up to an absolute tolerance."""
    net = NewtonMLPRegressor((), alpha=0.0, standardize=False, random_state=0)
    one = net.fit(X, y).predict(X)
    assert not told(net, X, unit * y)
    assert_allclose(net.predict(X) / unit, one, rtol=1e-8)


@pytest.mark.parametrize("unit", [1e-8, 1e-6, 1e-4, 1e-2, 1e2])
def test_nets_of_raw_targets_of_any_unit(unit):
    """Either there or told that standardize=True is the way; never early in silence."""
    net = NewtonMLPRegressor((2,), alpha=0.0, standardize=False, max_iter=60, random_state=0)
    best = net.fit(X, y).score(X, y)
    messages = told(net, X, unit * y)
    if messages:
        assert "set standardize=True" in messages[0] or "infinity" in messages[0]
    else:
        assert net.score(X, unit * y) >= best - 1e-6


@pytest.mark.parametrize("size", [1e3, 1e6, 1e9, 1e12, 1e15])
@pytest.mark.parametrize("sizes", [(), (2,)])
def test_counts_of_any_size(sizes, size):
    """A gradient of 1e-10 is out of reach for them, and they cannot be standardised."""
    counts = np.round(size * np.exp(0.5 * X[:, 0] + 0.1 * RNG.normal(size=80)))
    net = NewtonMLPRegressor(sizes, loss="poisson", alpha=0.01 * size, random_state=0)
    assert not told(net, X, counts)
    assert net.solver_result_.status is Status.CONVERGED
    assert net.critical_point_ == "minimum"


def test_the_size_of_gradients():
    X, weight = np.zeros((3, 1)), np.array([1.0, 2.0, 1.0])
    Y = np.array([[0.0], [4.0], [8.0]])  # mean 4, variance 8

    def size(loss, targets, deep=True):
        return gradient_size(LOSSES[loss](), Data(X, targets, weight), deep)

    assert size("squared_error", 100.0 * Y) == 100.0  # 283
    assert size("squared_error", 0.01 * Y, deep=False) == 0.01  # 0.028, a power of ten
    assert size("squared_error", 0.01 * Y) == 1e-3  # its square, 0.0008
    assert size("squared_error", 0.0 * Y) == 1.0
    assert size("squared_error", 1e200 * Y) == pytest.approx(1e200)
    assert size("poisson", 1e9 * Y) == pytest.approx(1e9)
    assert size("binary_log_loss", Y / 8.0) == 1.0


@pytest.mark.parametrize("standardize", [False, True])
def test_advice_fits_the_net(standardize):
    """Linear nets have no units, and standardised columns need no advice to be so."""
    net = NewtonMLPRegressor((), loss="poisson", alpha=0.0, max_iter=1, standardize=standardize)
    counts = np.round(5.0 * np.exp(X[:, 0]))
    (message,) = told(net, X, counts)
    assert "Increase max_iter" in message
    assert "units" not in message
    assert "standardise" not in message
    assert ("standardize=True" in message) is not standardize
    (message,) = told(net.set_params(hidden_layer_sizes=(2,)), X, counts)
    assert "use fewer units" in message


class Wrong(Tanh):
    """tanh, with a slope that is not its own."""

    name = "wrong"
    parity = 0

    def derivatives(self, a, order=2):
        found = super().derivatives(a, order)
        return (found[0], *(0.1 - 0.7 * part for part in found[1:]))

    def forward(self, a, value, slope):
        value[...], slope[...] = self.derivatives(a, 1)

    def curvature(self, value, slope):
        return None


@pytest.mark.parametrize("solver", ["auto", "lm", "l-bfgs-b", "trust-ncg"])
@pytest.mark.parametrize("make", [NewtonMLPRegressor, NewtonMLPClassifier])
def test_derivatives_of_ones_own_are_doubted(make, solver):
    net = make((2,), activation=Wrong(), alpha=0.1, solver=solver, random_state=0)
    target = y if make is NewtonMLPRegressor else (y > 0).astype(int)
    with pytest.warns(ConvergenceWarning, match=r"checks of your activation 'wrong'"):
        net.fit(X, target)
    assert net.critical_point_ == "not stationary"
