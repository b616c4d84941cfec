"""What is not finite is named: the activation, the loss, the penalty, or what is too large."""

import re

import numpy as np
import pytest

from sknewtonnet.calculus import (
    ACTIVATIONS,
    LOSSES,
    Network,
    Objective,
    SeparablePenalty,
    critical_point,
)
from sknewtonnet.calculus.functions import critical_point as module
from sknewtonnet.calculus.functions.subspace import AffineObjective

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 2)), RNG.normal(size=(20, 1))


class BrokenLoss(LOSSES["squared_error"]):
    """One second derivative is no number."""

    name = "broken"
    quadratic = False

    def derivatives(self, y, raw, order=2):
        found = super().derivatives(y, raw, order)
        if order == 2 and len(raw) > 10:
            found[2][5] = np.nan
        return found


class BrokenActivation(type(ACTIVATIONS["softplus"])):
    """Second derivatives are infinite on the left."""

    name = "cusp"

    def derivatives(self, a, order=2):
        found = list(super().derivatives(a, order))
        return tuple(np.where(a < -1.5, np.inf, h) if k == 2 else h for k, h in enumerate(found))


class BrokenPenalty(SeparablePenalty):
    """Its second derivatives are infinite."""

    def value(self, w):
        return 0.0

    def gradient(self, w):
        return np.zeros_like(w)

    def hessian_diagonal(self, w):
        return np.full_like(w, np.inf)


def objective(loss="squared_error", activation="tanh", factor=1.0, **options):
    net = Network.mlp(2, (3,), 1, activation)
    return Objective(net, loss, factor * X, Y, alpha=0.1, **options)


CASES = {
    "loss": ({"loss": BrokenLoss()}, "second derivative of the loss 'broken' .* in row 5"),
    "activation": (
        {"activation": BrokenActivation()},
        "second derivative of the activation 'cusp' of layer 1",
    ),
    "penalty": ({"penalties": BrokenPenalty()}, "second derivative of the penalty"),
    "scale": ({"factor": 1e200}, "products of finite numbers overflow: the scale of X"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("limit", [module.DENSE_LIMIT, 0], ids=["dense", "products"])
def test_the_verdict_names_what_is_not_finite(case, limit, monkeypatch):
    """No verdict but "inconclusive" or "not stationary", and no error out of LAPACK or ARPACK."""
    monkeypatch.setattr(module, "DENSE_LIMIT", limit)
    options, message = CASES[case]
    f = objective(**options)
    w = np.random.default_rng(1).normal(size=f.n_parameters)
    w[:6] *= 1e-200 if case == "scale" else 1.0
    inside = AffineObjective(f, w, np.eye(f.n_parameters)[:, :-1])
    u = np.zeros(f.n_parameters - 1)
    for function, place in ((f, w), (inside, u)):
        found = critical_point(function, place, known=(0.0, np.zeros(len(place))))
        assert found in ("inconclusive", "not stationary")
        assert np.isnan(found.lowest)
        assert re.search(message, found.not_finite)


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        ("tanh", "pre-activations of layer 1 overflow"),
        ("identity", "raw predictions overflow"),
    ],
)
def test_overflows_on_the_way_name_the_scale(activation, message):
    f = objective(activation=activation, factor=7e307 if activation == "tanh" else 1e200)
    w = np.full(f.n_parameters, 1e60)
    assert f"{message}: the scale of X, with numbers up to" in f.why_not_finite(w)


def test_a_row_without_weight_is_not_to_blame():
    weight = np.ones(20)
    weight[5] = 0.0
    f = objective(loss=BrokenLoss(), sample_weight=weight)
    w = np.random.default_rng(1).normal(size=f.n_parameters)
    assert np.isfinite(f.hessian(w)).all()


def test_a_finite_point_has_nothing_to_say():
    f = objective()
    assert critical_point(f, np.zeros(f.n_parameters)).not_finite == ""


def test_parameters_that_are_not_finite():
    f = objective()
    found = critical_point(f, np.full(f.n_parameters, np.nan))
    assert found == "not stationary"
    assert found.not_finite == "the parameters are not finite"
