"""Likelihood intervals of effects and predictions, against linear models and another solver."""

import re

import numpy as np
import pytest
from inference_cases import (
    binary,
    classes,
    counts,
    net,
    plane,
    positive,
    radial,
    regression,
    several,
    three,
)
from numpy.testing import assert_allclose
from scipy import stats
from scipy.optimize import minimize

from sknewtonnet.calculus import Network, Objective
from sknewtonnet.inference import infer
from sknewtonnet.inference._effect_profile import (
    InUnits,
    average_effect,
    minimum_on_level,
    prediction_at,
)
from sknewtonnet.solvers import get_solver


def ends(profile):
    return [profile.lower, profile.upper]


@pytest.mark.parametrize("weights", ["none", "frequency", "precision"])
@pytest.mark.parametrize("standardize", [False, True])
def test_linear_models_have_the_intervals_of_the_delta_method(standardize, weights):
    X, y = regression(n=40)
    X = np.column_stack([X[:, :2], X[:, 2] > 0])  # a contrast
    weight = None
    if weights != "none":
        weight = np.random.default_rng(0).integers(1, 4, 40).astype(float)
    kind = "precision" if weights == "precision" else "frequency"
    est = net((), n_init=1, standardize=standardize, tol=1e-10).fit(X, 100.0 * y, weight)
    results = est.inference(X, 100.0 * y, weight, weight_type=kind)
    effects = results.marginal_effects()
    for j, name in enumerate(["x0", "x1", "x2"]):
        found = results.profile_effect(name, level=0.9)
        assert found.estimate == pytest.approx(effects.effects[j], rel=1e-9)
        assert_allclose(ends(found), effects.conf_int(0.9)[j], rtol=1e-6)
        assert (found.name, found.level, found.reason) == (name, 0.9, "")
    sample = np.array([0.3, -2.0, 1.0])
    expected = results.get_prediction(sample[None])
    found = results.profile_effect(at=sample)
    assert found.estimate == pytest.approx(expected.mean[0], rel=1e-9)
    assert_allclose(ends(found), expected.confidence_interval[0], rtol=1e-6)


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_a_prediction_at_zero_is_the_intercept(loss):
    """Whose profile interval is that of a parameter."""
    X, y = counts(60) if loss == "poisson" else positive(60)
    results = net((), n_init=1, loss=loss).fit(X, y).inference(X, y)
    expected = results.profile_interval("intercepts_0[y]")["intercepts_0[y]"]
    found = results.profile_effect(at=np.zeros(3))
    assert_allclose(ends(found), np.exp(expected), rtol=1e-6)


CASES = {
    "one unit": (lambda **o: net(n_init=2, **o), regression, 0),
    "penalised": (lambda **o: net(alpha=0.5, n_init=1, **o), regression, 0),
    "counts": (lambda **o: net(n_init=2, loss="poisson", **o), counts, 0),
    "binary": (lambda **o: classes(alpha=0.3, n_init=1, **o), binary, 0),
    "classes": (lambda **o: classes(alpha=0.3, n_init=1, **o), three, 2),
    "bumps": (lambda **o: radial(alpha=0.05, n_init=1), plane, 0),
    "held": (lambda **o: net(bounds={"coefs_0[x0, h0]": (-0.9, 0.9)}, **o), regression, 0),
}


@pytest.mark.filterwarnings("ignore:Inference:UserWarning")
@pytest.mark.parametrize(("what", "standardize"), [("effect", False), ("prediction", True)])
@pytest.mark.parametrize("case", CASES)
def test_the_best_fit_with_an_end_is_just_not_rejected(case, what, standardize):
    """By SciPy's solver of constrained problems."""
    make, data, output = CASES[case]
    X, y = data()
    results = make(standardize=standardize).fit(X, y).inference(X, y)
    information, loss = results.information, results.information.objective.loss
    table = (
        results.information.objective if results.rescaled is None else results.rescaled.objective
    )
    if what == "effect":
        found = results.profile_effect("x1", output=output)
        function, wanted = average_effect(table, loss, 1, output), found.upper
    else:
        found = results.profile_effect(at=X[3], output=output)
        function = prediction_at(table, loss, X[[3]], output)
        wanted = found.upper
        if not loss.shift_invariant:
            wanted = loss.link(np.array([[found.upper]]))[0, 0]
    if results.rescaled is not None:
        function = InUnits(function, results.rescaled.map)
    assert found.lower < found.estimate < found.upper
    f, S, B = information.objective, information.objective.weight_sum, information.free
    scale = S / information.dispersion

    def point(u):
        return information.params + B @ u

    start = minimum_on_level(information, function, wanted, information.params, 1e-9)
    u = B.T @ (start - information.params)
    spread = np.random.default_rng(0).normal(size=len(u))
    solved = minimize(
        lambda u: scale * f.value(point(u)),
        u + 1e-3 * spread,
        jac=lambda u: B.T @ (scale * f.gradient(point(u))),
        method="SLSQP",
        constraints={
            "type": "eq",
            "fun": lambda u: function.value_and_gradient(point(u))[0] - wanted,
            "jac": lambda u: B.T @ function.value_and_gradient(point(u))[1],
        },
        options={"ftol": 1e-11, "maxiter": 500},
    )
    ratio = 2.0 * (solved.fun - scale * f.value(information.params))
    df = results.df_resid if results.use_t else np.inf
    assert np.sqrt(ratio) == pytest.approx(stats.t.ppf(0.975, df), rel=1e-4)


def test_the_hessian_alone_may_be_indefinite_on_the_way():
    """At the minimum for one value, from which the fit for the next one starts."""
    rng = np.random.default_rng(8)
    X = rng.uniform(-2.0, 2.0, (300, 3))
    mean = 1.5 * np.tanh(1.2 * X[:, 0] - 0.5) + np.tanh(X[:, 1] + 0.8 * X[:, 0])
    y = mean + 0.4 * rng.normal(size=300)
    results = net((2,), standardize=True).fit(X, y).inference(X, y)
    found = results.profile_effect("x1")
    assert_allclose(ends(found), results.marginal_effects(["x1"]).conf_int()[0], rtol=0.02)


def test_fits_that_end_nowhere_have_no_end(monkeypatch):
    monkeypatch.setattr("sknewtonnet.inference._effect_profile._MOST_STEPS", 1)
    X, y = regression(n=40)
    found = net(n_init=2).fit(X, y).inference(X, y).profile_effect("x0")
    assert np.isnan(ends(found)).all()


@pytest.mark.parametrize("what", ["slope", "contrast", "prediction", "class"])
def test_derivatives_of_what_is_profiled(what):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(20, 2)), rng.integers(0, 2, 20)])
    m, loss = (3, "log_loss") if what == "class" else (1, "poisson")
    Y = np.eye(3)[rng.integers(0, 3, 20)] if m == 3 else rng.poisson(2.0, (20, 1)).astype(float)
    table = Objective(Network.mlp(3, (2,), m), loss, X, Y, rng.uniform(0.5, 2.0, 20))
    function = {
        "slope": lambda: average_effect(table, table.loss, 0, 0),
        "contrast": lambda: average_effect(table, table.loss, 2, 0),
        "prediction": lambda: prediction_at(table, table.loss, X[:1], 0),
        "class": lambda: prediction_at(table, table.loss, X[:1], 1),
    }[what]()
    w = rng.normal(size=table.n_parameters)
    H, h = function.hessian(w), 1e-4
    for j, direction in enumerate(np.eye(len(w))):
        (up, above), (down, below) = (
            function.value_and_gradient(w + side * h * direction) for side in (1, -1)
        )
        gradient = function.value_and_gradient(w)[1]
        assert (up - down) / (2 * h) == pytest.approx(gradient[j], abs=1e-6)
        assert_allclose((above - below) / (2 * h), H[j], atol=1e-5)


def test_offsets_are_kept():
    X, y = counts()
    offset = np.linspace(-1.0, 1.0, len(X))
    f = Objective(Network.mlp(3, (), 1), "poisson", X, y, offset=offset)
    results = infer(f, get_solver("newton").minimize(f, np.zeros(4)).params)
    effects = results.marginal_effects(["x0"])
    found = results.profile_effect("x0")
    assert found.estimate == pytest.approx(effects.effects[0], rel=1e-9)
    assert_allclose(ends(found), effects.conf_int()[0], rtol=0.1)


# Where there are none ----------------------------------------------------------------------------


def test_reasons():
    X, Y = several(40)
    found = net((), n_init=1).fit(X, Y).inference(X, Y).profile_effect("x0", output=1)
    assert "errors of all outputs alike" in found.reason
    assert np.isnan(ends(found)).all()
    X, y = regression(n=40)
    robust = net((), n_init=1, loss="pseudo_huber").fit(X, y).inference(X, y)
    assert "no likelihood" in robust.profile_effect("x0").reason
    X = np.column_stack([X[:, 0], 1.0 - X[:, 0]])
    est = net((), n_init=1).fit(X, y)
    with pytest.warns(UserWarning, match="Inference"):
        results = est.inference(X, y)
    found = results.profile_effect("x0")
    assert "not estimable" in found.reason
    assert np.isfinite(results.profile_effect(at=[0.5, 0.5]).lower)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "one of feature and at must be given"),
        ({"feature": "x0", "at": [0.0, 0.0, 0.0]}, "one of feature and at must be given"),
        ({"feature": "age"}, "age"),
        ({"at": [0.0, 1.0]}, "X must have shape (n_samples, 3)"),
        ({"at": [[0.0, 1.0, 2.0]] * 2}, "at must be one sample, got 2"),
        ({"feature": "x0", "output": 1}, "output must be below 1, got 1"),
        ({"feature": "x0", "level": 1.0}, "level must be"),
    ],
)
def test_refused(options, message):
    X, y = regression(n=40)
    results = net((), n_init=1).fit(X, y).inference(X, y)
    with pytest.raises(ValueError, match=re.escape(message)):
        results.profile_effect(**options)
