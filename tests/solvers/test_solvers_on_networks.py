"""Solvers x small networks: tiny gradients, approximate Hessians, rounding."""

import numpy as np
import pytest
from functions import BELOW_ROUNDING, GRADIENT_ONLY, ONE_KIND, SLOW, minimize, quadratic

from sknewtonnet.calculus import Network, Objective
from sknewtonnet.calculus.pieces.function import EmbeddedFunction
from sknewtonnet.solvers import HESSIAN_KINDS, SOLVERS, Status, get_solver

SECOND_ORDER = [name for name in SOLVERS if name not in GRADIENT_ONLY]
SEVERAL_KINDS = [name for name in SOLVERS if name not in ONE_KIND]

# Enough for methods that converge linearly; "lm" by default loses a unit on one of the nets.
SETTINGS = {
    "bpos": {"options": SLOW["bpos"]},
    "lm": {"options": {"damping": "nielsen"}},
}


def network_objective(loss, n_outputs):
    """Make a small net with work for each of its units, and a start from afar."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(60, 2))
    net = Network.mlp(2, (2,), n_outputs, "tanh", skip_connections="input-output")
    raw = np.tanh(2.0 * X[:, :1] + 1.0) + np.tanh(X[:, :1] - 2.0 * X[:, 1:])
    Y = raw * np.linspace(1.0, -2.0, n_outputs) + 0.2 * rng.normal(size=(60, n_outputs))
    if loss == "log_loss":
        Y = (Y.max(axis=1, keepdims=True) == Y).astype(float)
    return Objective(net, loss, X, Y, alpha=0.05), rng.normal(size=net.n_parameters)


NETWORKS = [("squared_error", 1), ("squared_error", 2), ("log_loss", 2)]


@pytest.mark.parametrize(("loss", "n_outputs"), NETWORKS)
@pytest.mark.parametrize("name", SECOND_ORDER)
def test_networks_reach_tiny_gradients(name, loss, n_outputs):
    objective, start = network_objective(loss, n_outputs)
    settings = SETTINGS.get(name, {})
    result = get_solver(name, tol=1e-8, **settings).minimize(objective, start)
    assert result.status is Status.CONVERGED
    fresh, _ = network_objective(loss, n_outputs)
    assert np.abs(fresh.gradient(result.params)).max() <= 1e-8


# scipy's "trust-krylov" now and then takes another path from the same start.
@pytest.mark.parametrize("name", [name for name in SOLVERS if name != "trust-krylov"])
def test_same_start_same_run(name):
    """Whatever lies about in memory."""
    rng = np.random.default_rng(0)
    histories = set()
    for _ in range(10):
        objective, start = network_objective("squared_error", 1)
        solver = get_solver(name, tol=1e-8, max_iter=150)
        histories.add(solver.minimize(objective, start).history)
        sizes = rng.integers(1, 60, 200)
        rubbish = [rng.normal(size=k) * 10.0 ** rng.uniform(-5, 5) for k in sizes]
        del rubbish
    assert len(histories) == 1


@pytest.mark.parametrize("kind", [kind for kind in HESSIAN_KINDS if kind != "exact"])
@pytest.mark.parametrize(("loss", "n_outputs"), NETWORKS)
@pytest.mark.parametrize("name", SEVERAL_KINDS)
def test_hessian_kinds_on_networks(name, loss, n_outputs, kind):
    """Approximations make slower progress, but progress, and are what is called."""
    objective, start = network_objective(loss, n_outputs)
    result = get_solver(name, hessian=kind, tol=1e-6, max_iter=30).minimize(objective, start)
    reference = get_solver(name, tol=1e-8).minimize(objective, start)
    gained = (result.history[0] - result.value) / (result.history[0] - reference.value)
    assert gained > 0.5
    assert (np.diff(result.history) <= 0.0).all()
    products = kind == "gauss-newton" and name not in ("auto", "newton", "trust-exact")
    unused, used = ("hessian", "hessian_product") if products else ("hessian_product", "hessian")
    assert result.n_evaluations[unused] == 0
    assert result.n_evaluations[used] > 0


class Lifted(EmbeddedFunction):
    """An objective plus a large constant, in whose rounding small decreases drown."""

    def __init__(self, objective, offset):
        self.objective, self.offset = objective, offset
        self.n_parameters = objective.n_parameters
        self.hessian_kinds, self.product_cost = objective.hessian_kinds, objective.product_cost

    def value(self, w):
        return self.objective.value(w) + self.offset

    def reduced(self):
        inner = self.objective.reduced()
        return None if inner is None else Lifted(inner, self.offset)

    def gradient(self, w):
        return self.objective.gradient(w)

    def hessian(self, w, kind="exact"):
        return self.objective.hessian(w, kind)

    def hessian_product(self, w, v, kind="exact"):
        return self.objective.hessian_product(w, v, kind)

    def expand(self, u):
        return self.objective.expand(u)

    def restrict(self, w):
        return self.objective.restrict(w)


@pytest.mark.parametrize(("loss", "n_outputs"), NETWORKS)
@pytest.mark.parametrize("name", BELOW_ROUNDING)
def test_minimum_below_the_rounding_of_the_objective(name, loss, n_outputs):
    """Decreases below 1e-10 are invisible; gradients of 1e-8 are reached all the same."""
    objective, start = network_objective(loss, n_outputs)
    lifted = get_solver(name, tol=1e-8).minimize(Lifted(objective, 1e6), start)
    assert lifted.status is Status.CONVERGED
    assert np.abs(objective.gradient(lifted.params)).max() <= 1e-8
    assert lifted.value == objective.value(lifted.params) + 1e6
    assert len(lifted.history) == lifted.n_iter + 1


@pytest.mark.parametrize(("rise", "status"), [(3e-14, "CONVERGED"), (1e-12, "STALLED")])
@pytest.mark.parametrize("name", ["auto", "newton", "lm"])
def test_a_minimum_that_rounding_lifts(name, rise, status):
    """By as much as terms that cancel leave in an f of size 1; by more, it is another place."""
    f = quadratic()
    exact, *derivatives = f.functions

    def value(w):
        return 1.0 + exact(w) + (rise if np.abs(w - 1.0).max() < 1e-10 else 0.0)

    f.functions = value, *derivatives
    result = minimize(name, f, np.full(6, 1.0 + 1e-9), tol=1e-10)
    assert result.status is Status[status]


@pytest.mark.parametrize("name", sorted(SOLVERS.keys() - {*BELOW_ROUNDING, "gd"}))
def test_gradients_alone_stall_in_the_rounding(name):
    """Without second derivatives there is no way on, and the status says so."""
    objective, start = network_objective("squared_error", 1)
    lifted = get_solver(name, tol=1e-10, **SETTINGS.get(name, {})).minimize(
        Lifted(objective, 1e6), start
    )
    assert lifted.status is Status.STALLED
    assert lifted.gradient_norm < 1e-2
