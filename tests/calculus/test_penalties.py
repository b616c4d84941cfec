"""The penalty of widths, against divergences by matrices, and penalties in an objective."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracle_layers import COVARIANCE_TYPES
from sklearn.mixture._gaussian_mixture import _compute_precision_cholesky

from sknewtonnet.calculus import Network, Objective
from sknewtonnet.calculus.pieces.penalties import (
    L2Penalty,
    PenaltySum,
    SeparablePenalty,
    WidthPenalty,
)
from sknewtonnet.solvers import HESSIAN_KINDS

STEP = 1e-30
REFERENCES = {"round": np.full(3, 1.7), "oblong": np.array([0.4, 1.0, 2.5])}

each_covariance = pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
each_reference = pytest.mark.parametrize("reference", REFERENCES.values(), ids=REFERENCES)


def net_and_point(covariance_type, seed=0, **options):
    net = Network.rbf(3, 4, 2, covariance_type, **options)
    return net, 0.7 * np.random.default_rng(seed).normal(size=net.n_parameters)


def width_penalty(net, strength, reference):
    return WidthPenalty(net.layers[0].form, strength, reference).on(net.layout)


def covariances(layout, w):
    """Return the covariance matrices of the units, one by one; w may be complex."""
    index = layout.unpack(np.arange(layout.n_parameters))["precisions_cholesky"].astype(int)
    for free in w[index]:
        if free.ndim < 2:
            yield np.exp(-2.0 * free) * np.eye(3)
        else:
            factor = np.triu(free, 1) + np.diag(np.exp(np.diag(free)))
            yield np.linalg.inv(factor @ factor.T)


def divergence(covariance, other):
    """Return the Kullback-Leibler divergence of N(0, other) from N(0, covariance).

    That is the mean of log N(x; 0, covariance) - log N(x; 0, other) for x of the first.
    """
    logs = np.log(np.linalg.det(other)) - np.log(np.linalg.det(covariance))
    return 0.5 * (np.trace(np.linalg.solve(other, covariance)) - len(covariance) + logs)


def expected_value(layout, w, strength, reference):
    R = np.diag(reference**2)
    return strength * sum(divergence(R, C) for C in covariances(layout, w))


def complex_steps(function, w):
    """Return the derivatives of a function in each entry of w, along the first axis."""
    return np.array([function(w + 1j * STEP * unit).imag / STEP for unit in np.eye(len(w))])


@each_reference
@each_covariance
def test_value_is_a_divergence(covariance_type, reference):
    net, w = net_and_point(covariance_type)
    found = width_penalty(net, 0.3, reference).value(w)
    assert isinstance(found, float)
    assert_allclose(found, expected_value(net.layout, w, 0.3, reference), rtol=1e-12)


@each_reference
@each_covariance
def test_gradient(covariance_type, reference):
    net, w = net_and_point(covariance_type)
    found = width_penalty(net, 0.3, reference).gradient(w)
    expected = complex_steps(lambda v: expected_value(net.layout, v, 0.3, reference), w)
    assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@each_reference
@each_covariance
def test_hessian_is_a_diagonal(covariance_type, reference):
    net, w = net_and_point(covariance_type)
    penalty = width_penalty(net, 0.3, reference)
    h = 1e-5
    expected = [
        (penalty.gradient(w + h * unit) - penalty.gradient(w - h * unit)) / (2.0 * h)
        for unit in np.eye(len(w))
    ]
    assert_allclose(np.diag(penalty.hessian_diagonal(w)), expected, atol=1e-7)


@each_covariance
def test_formula_of_one_width(covariance_type):
    """(exp(2 t) - 2 t - 1) / 2 for each feature, t = log(reference / width)."""
    net, w = net_and_point(covariance_type)
    t = np.linspace(-1.0, 2.0, 4)
    widths = 1.7 * np.exp(-t)
    free = -np.log(widths).reshape(4, *[1] * (len(net.layout.shapes["precisions_cholesky"]) - 1))
    if covariance_type == "full":
        free = free * np.eye(3)
    shape = net.layout.shapes["precisions_cholesky"]
    arrays = net.layout.unpack(w) | {"precisions_cholesky": np.broadcast_to(free, shape)}
    found = width_penalty(net, 2.0, np.full(3, 1.7)).value(net.layout.pack(arrays))
    assert_allclose(found, 2.0 * 3 * (np.exp(2.0 * t) - 2.0 * t - 1.0).sum() / 2.0, rtol=1e-12)


@pytest.mark.parametrize(
    ("covariance_type", "reference"),
    [
        ("spherical", REFERENCES["round"]),
        ("diag", REFERENCES["oblong"]),
        ("full", REFERENCES["oblong"]),
    ],
)
def test_lowest_at_the_reference(covariance_type, reference):
    """It is zero there and flat, and positive wherever else."""
    net, w = net_and_point(covariance_type)
    free = {"spherical": np.log(1 / reference[0]), "diag": np.log(1 / reference)}
    free["full"] = np.diag(np.log(1 / reference))
    shape = net.layout.shapes["precisions_cholesky"]
    arrays = net.layout.unpack(w)
    arrays["precisions_cholesky"] = np.broadcast_to(free[covariance_type], shape)
    lowest = net.layout.pack(arrays)
    penalty = width_penalty(net, 1.0, reference)
    assert abs(penalty.value(lowest)) < 1e-14
    assert_allclose(penalty.gradient(lowest), 0.0, atol=1e-14)
    assert (penalty.hessian_diagonal(w) >= 0.0).all()
    for seed in range(5):
        assert penalty.value(net_and_point(covariance_type, seed)[1]) > 0.0


def test_rotation_of_full_covariances():
    net, w = net_and_point("full")
    Q, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    turned = np.array([Q @ C @ Q.T for C in covariances(net.layout, w)])
    factors = _compute_precision_cholesky(turned, "full")
    diagonal = np.arange(3)
    factors[:, diagonal, diagonal] = np.log(factors[:, diagonal, diagonal])
    v = net.layout.pack(net.layout.unpack(w) | {"precisions_cholesky": factors})
    assert np.abs(v - w).max() > 0.1
    penalty = width_penalty(net, 0.3, REFERENCES["round"])
    assert_allclose(penalty.value(v), penalty.value(w), rtol=1e-12)


@each_covariance
@pytest.mark.parametrize("far", [-1e3, -50.0, 50.0, 1e3])
def test_far_widths(covariance_type, far):
    """Finite, without a warning, and high on both sides."""
    net, w = net_and_point(covariance_type)
    penalty = width_penalty(net, 1.0, REFERENCES["oblong"])
    v = np.full_like(w, far)
    assert np.isfinite(penalty.value(v))
    assert penalty.value(v) > 100.0
    assert np.isfinite(penalty.gradient(v)).all()
    assert np.isfinite(penalty.hessian_diagonal(v)).all()


@pytest.mark.parametrize("name", ["centers", "precisions_cholesky", "coefs_0"])
@each_covariance
def test_entries_that_do_not_exist(covariance_type, name):
    """The rest has the derivatives it has in the whole net where these entries are zero."""
    whole, _ = net_and_point(covariance_type)
    mask = np.random.default_rng(1).random(whole.layout.shapes[name]) < 0.5
    net, w = net_and_point(covariance_type, connectivity={name: mask})
    at = whole.layout.pack(net.layout.unpack(w))
    found, full = (width_penalty(either, 0.3, REFERENCES["oblong"]) for either in (net, whole))
    exists = net.layout.free
    assert len(exists) < whole.n_parameters
    assert_allclose(found.gradient(w), full.gradient(at)[exists], rtol=1e-14)
    assert_allclose(found.hessian_diagonal(w), full.hessian_diagonal(at)[exists], rtol=1e-14)


class Wave(SeparablePenalty):
    """sum of cos w: a penalty of a user's own."""

    def value(self, w):
        return float(np.cos(w).sum())

    def gradient(self, w):
        return -np.sin(w)

    def hessian_diagonal(self, w):
        return -np.cos(w)


def penalties(net):
    strengths = np.linspace(0.0, 1.0, net.n_parameters)
    return [L2Penalty(strengths), width_penalty(net, 0.3, REFERENCES["oblong"]), Wave()]


@each_covariance
@pytest.mark.parametrize("number", [1, 2, 3])
def test_sum(covariance_type, number):
    net, w = net_and_point(covariance_type)
    parts = penalties(net)[:number]
    total = PenaltySum(parts, 8.0)
    for name in ("value", "gradient", "hessian_diagonal"):
        for _ in range(2):  # nothing is changed by asking
            found = getattr(total, name)(w)
            assert_allclose(found, sum(getattr(p, name)(w) for p in parts) / 8.0, rtol=1e-14)
    assert_array_equal(parts[0].strength, np.linspace(0.0, 1.0, net.n_parameters))


@each_covariance
@pytest.mark.parametrize("masked", [False, True])
def test_objective_adds_penalties_over_the_sum_of_weights(covariance_type, masked):
    connectivity = {"centers": np.arange(12).reshape(4, 3) % 5 > 0} if masked else None
    net, w = net_and_point(covariance_type, connectivity=connectivity)
    rng = np.random.default_rng(5)
    X, Y, weight = rng.normal(size=(9, 3)), rng.normal(size=(9, 2)), rng.uniform(1.0, 2.0, 9)
    added = penalties(net)[1:]
    alone = Objective(net, "squared_error", X, Y, weight, 0.4)
    both = Objective(net, "squared_error", X, Y, weight, 0.4, penalties=added)
    S = weight.sum()
    diagonal = sum(p.hessian_diagonal(w) for p in added) / S
    v = rng.normal(size=(net.n_parameters, 2))
    for _ in range(2):
        assert_allclose(both.value(w) - alone.value(w), sum(p.value(w) for p in added) / S)
        gradient = sum(p.gradient(w) for p in added) / S
        assert_allclose(both.gradient(w) - alone.gradient(w), gradient, atol=1e-14)
        for kind in HESSIAN_KINDS:
            difference = both.hessian(w, kind=kind) - alone.hessian(w, kind=kind)
            assert_allclose(difference, np.diag(diagonal), atol=1e-13)
        difference = both.hessian_product(w, v) - alone.hessian_product(w, v)
        assert_allclose(difference, diagonal[:, None] * v, atol=1e-13)
        assert_array_equal(both.jacobian(w), alone.jacobian(w))
    found = sum(np.trace(block.sum(axis=0)) for block in both.hessian_blocks(w))
    assert_allclose(found, np.trace(both.hessian(w)))
