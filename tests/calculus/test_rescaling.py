"""Nets in other units of inputs and outputs: same predictions, penalties seen through the map."""

import numpy as np
import pytest
from cases import Multiquadric
from numpy.testing import assert_allclose, assert_array_equal

from sknewtonnet.calculus import (
    Linear,
    Network,
    NormPenalty,
    Objective,
    Quadratic,
    Semidefinite,
)
from sknewtonnet.calculus.functions.rescaling import rescaling
from sknewtonnet.calculus.functions.subspace import AffineObjective, MappedObjective
from sknewtonnet.calculus.pieces.affine_map import MappedPenalty
from sknewtonnet.testing import check_penalty

SHIFT, SCALE = np.array([5.0, -2.0, 1000.0]), np.array([0.1, 3.0, 50.0])
OUT_SHIFT, OUT_SCALE = np.array([100.0, -2.0]), np.array([1e3, 0.1])

NETS = {
    "linear": Network.mlp(3, (), 2),
    "deep, all skips": Network.mlp(3, (4, 3), 2, skip_connections="all"),
    "masked": Network.mlp(
        3, (4,), 2, connectivity={"coefs_0": np.arange(12).reshape(3, 4) % 5 != 0}
    ),
    "quadratic": Network.from_layers(3, [Quadratic((0,), 4), Linear((0, 1), 2)]),
    "semidefinite": Network.from_layers(3, [Semidefinite((0,), 4), Linear((0, 1), 2)]),
    **{
        kind: Network.rbf(3, 4, 2, kind, (3,), skip_connections="all")
        for kind in ("spherical", "diag", "full")
    },
    "linear over units": Network.from_layers(3, [Linear((0,), 2, "tanh"), Linear((1,), 2)]),
}


def setup(name):
    rng = np.random.default_rng(0)
    net = NETS[name]
    return net, rng.standard_normal((20, 3)), 0.5 * rng.standard_normal(net.n_parameters)


@pytest.mark.parametrize("name", NETS)
def test_predictions_are_the_same_in_other_units(name):
    net, Z, v = setup(name)
    other, found = rescaling(net, SHIFT, SCALE, OUT_SHIFT, OUT_SCALE)
    w = found.forward(v)
    raw = other.predict_raw(w, SHIFT + SCALE * Z)
    assert_allclose(raw, OUT_SHIFT + OUT_SCALE * net.predict_raw(v, Z), rtol=1e-9, atol=1e-9)
    assert_allclose(found.inverse(w), v, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", NETS)
def test_gradients_go_both_ways(name):
    net, _, v = setup(name)
    _, found = rescaling(net, SHIFT, SCALE, OUT_SHIFT, OUT_SCALE)
    T = np.column_stack([found.forward(e) - found.offset for e in np.eye(len(v))])
    assert_allclose(found.pull_back(v), T.T @ v, rtol=1e-12)
    assert_allclose(found.push_forward(T.T @ v), v, rtol=1e-9)


@pytest.mark.parametrize("missing", ["intercepts_0", "intercepts_1"])
def test_a_shift_needs_intercepts(missing):
    size = {"intercepts_0": 4, "intercepts_1": 2}[missing]
    net = Network.mlp(3, (4,), 2, connectivity={missing: np.arange(size) > 0})
    zero, one = np.zeros(3), np.ones(2)
    assert rescaling(net, SHIFT, SCALE, OUT_SHIFT, OUT_SCALE) is None
    shift = (zero, OUT_SHIFT) if missing == "intercepts_0" else (SHIFT, np.zeros(2))
    assert rescaling(net, shift[0], SCALE, shift[1], OUT_SCALE) is not None
    assert rescaling(net, zero, SCALE, np.zeros(2), one) is not None


@pytest.mark.parametrize("name", ["deep, all skips", "masked"])
def test_penalties_seen_through_the_map(name):
    net, _, v = setup(name)
    _, found = rescaling(net, SHIFT, SCALE, OUT_SHIFT, OUT_SCALE)
    inner = NormPenalty(0.7).on(net.layout)
    outer = MappedPenalty(inner, found, 3.0)
    assert_allclose(outer.value(found.forward(v)), 3.0 * inner.value(v), rtol=1e-10)
    _, small = rescaling(net, 0.1 * SHIFT, SCALE**0.1, OUT_SHIFT, OUT_SCALE**0.1)
    placed = MappedPenalty(inner, small, 3.0)
    check_penalty(placed, layout=net.layout)
    w, third = small.forward(v), placed.tensor(small.forward(v), 3, np.arange(2))
    step = 1e-4 * np.eye(len(v))[0]
    change = [placed.hessian(w + sign * step)[:2, :2] for sign in (1.0, -1.0)]
    assert_allclose(third[0], (change[0] - change[1]) / 2e-4, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", ["deep, all skips", "full"])
@pytest.mark.parametrize("kind", ["exact", "block", "lagrangian", "gauss-newton"])
def test_hessians_through_maps_are_symmetric_to_the_last_bit(name, kind):
    """Of penalties seen through a map, and of objectives in other coordinates."""
    net, Z, v = setup(name)
    other, found = rescaling(net, SHIFT, SCALE, OUT_SHIFT, OUT_SCALE)
    penalty = MappedPenalty(NormPenalty(0.7), found, 3.0)
    f = Objective(other, "squared_error", SHIFT + SCALE * Z, Z[:, :2], penalties=penalty)
    basis, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(len(v), len(v) - 2)))
    w = found.forward(v)
    places = [(f, w), (MappedObjective(f, found), v), (AffineObjective(f, w, basis), basis[0])]
    for function, at in places:
        H = function.hessian(at, kind)
        assert_array_equal(H, H.T)


def test_a_layer_that_knows_no_other_units_keeps_its_inputs():
    """It refuses other units of inputs; those of outputs are none of its business."""
    net = Network.from_layers(3, [Multiquadric((0,), 4), Linear((0, 1), 2)])
    rng = np.random.default_rng(0)
    X, v = rng.standard_normal((20, 3)), 0.5 * rng.standard_normal(net.n_parameters)
    zeros, ones = np.zeros(3), np.ones(3)
    assert rescaling(net, SHIFT, ones, OUT_SHIFT, OUT_SCALE) is None
    assert rescaling(net, zeros, SCALE, OUT_SHIFT, OUT_SCALE) is None
    other, found = rescaling(net, zeros, ones, OUT_SHIFT, OUT_SCALE)
    raw = OUT_SHIFT + OUT_SCALE * net.predict_raw(v, X)
    assert_allclose(other.predict_raw(found.forward(v), X), raw, rtol=1e-12)
