"""The objective with its output layer solved for by Newton's method, for any convex loss."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sknewtonnet.calculus import Network, NormPenalty, Objective

rng = np.random.default_rng(0)
X, WEIGHT = rng.normal(size=(60, 3)), rng.uniform(0.5, 2.0, 60)
TARGETS = {
    "squared_error": rng.normal(size=(60, 2)),
    "pseudo_huber": rng.normal(size=(60, 1)),
    "poisson": rng.poisson(2.0, size=(60, 1)).astype(float),
    "gamma": rng.gamma(2.0, size=(60, 1)),
    "binary_log_loss": rng.integers(0, 2, (60, 1)).astype(float),
    "log_loss": np.eye(3)[rng.integers(0, 3, 60)],
}
FORMS = {
    "plain": {},
    "skip": {"skip_connections": "input-output"},
    "sparse": {"connectivity": {"coefs_1": np.array([[True], [False], [True]])}},
}
each_loss = pytest.mark.parametrize("loss", TARGETS)


def objective(loss, form="plain", alpha=0.0):
    Y = TARGETS[loss]
    form = FORMS[form]
    if "connectivity" in form:
        form = {"connectivity": {"coefs_1": np.tile(form["connectivity"]["coefs_1"], Y.shape[1])}}
    return Objective(Network.mlp(3, (3,), Y.shape[1], **form), loss, X, Y, WEIGHT, alpha=alpha)


@each_loss
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_derivatives_off_the_minimum(loss, form, alpha):
    """Against differences; the gradient in the output layer is zero."""
    f = objective(loss, form, alpha)
    w = np.random.default_rng(1).normal(size=f.n_parameters)
    F = f.projected(w)
    u = F.restrict(w)
    h = 1e-5
    steps = h * np.eye(len(u))
    slopes = [(F.value(u + s) - F.value(u - s)) / (2 * h) for s in steps]
    bends = [(F.gradient(u + s) - F.gradient(u - s)) / (2 * h) for s in steps]
    assert_allclose(f.gradient(F.expand(u))[len(u) :], 0.0, atol=1e-13)
    assert F.value(u) < f.value(w)
    assert_allclose(F.gradient(u), slopes, atol=1e-8)
    assert_allclose(F.hessian(u), bends, atol=1e-7)
    v = np.random.default_rng(2).normal(size=len(u))
    assert_allclose(F.hessian_product(u, v), F.hessian(u) @ v, atol=1e-12)


def test_it_is_the_closed_form_where_there_is_one():
    f = objective("squared_error", alpha=0.5)
    w = np.random.default_rng(1).normal(size=f.n_parameters)
    closed, found = f.reduced(), f.projected(w)
    u = closed.restrict(w)
    assert_allclose(found.expand(u), closed.expand(u), rtol=1e-9)


def test_dependent_columns_do_not_matter():
    """Two units that are the same: the best values are known in sum only."""
    f = objective("poisson")
    w = np.random.default_rng(1).normal(size=f.n_parameters)
    arrays = f.network.layout.unpack(w)
    arrays["coefs_0"][:, 1], arrays["intercepts_0"][1] = arrays["coefs_0"][:, 0], 0.3
    arrays["intercepts_0"][0] = 0.3
    w = f.network.layout.pack(arrays)
    F = f.projected(w)
    assert_allclose(f.gradient(F.expand(F.restrict(w)))[F.n_parameters :], 0.0, atol=1e-12)


def test_where_there_is_none():
    linear = Objective(Network.mlp(3, (), 1), "poisson", X, TARGETS["poisson"])
    assert linear.projected(np.zeros(4)) is None
    norm = Objective(
        Network.mlp(3, (3,), 1), "poisson", X, TARGETS["poisson"], penalties=[NormPenalty(1.0)]
    )
    assert norm.projected(np.zeros(16)) is None
    wide = Objective(Network.mlp(3, (600,), 1), "poisson", X, TARGETS["poisson"])
    assert wide.projected(np.zeros(wide.n_parameters)) is None


def test_classes_that_are_told_apart_have_no_finite_value_or_nearly_none():
    """The value is infinite, which a solver steps back from, or next to nothing."""
    Y = (X[:, :1] > 0).astype(float)
    f = Objective(Network.mlp(3, (1,), 1), "binary_log_loss", X, Y)
    w = np.array([20.0, 0.0, 0.0, 0.0, 1.0, 0.0])
    value = f.projected(w).value(w[:4])
    assert value < 1e-8 or value == np.inf
