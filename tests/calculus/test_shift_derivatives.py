"""Derivatives of an objective in shifts of its inputs, and the parameters that inputs have."""

import dataclasses

import numpy as np
import oracles
import pytest
from cases import CASES, LAYER_CASES, case_id, oracle, setup
from oracle_numbers import STEP, lift

from sknewtonnet.calculus import (
    GaussianRBF,
    Layer,
    Linear,
    Loss,
    Network,
    Objective,
    Quadratic,
    Semidefinite,
)
from sknewtonnet.calculus.functions.input_derivatives import slope_gradients
from sknewtonnet.testing import check_layer

each_case = pytest.mark.parametrize("case", [*CASES, *LAYER_CASES], ids=case_id)


def expected(case, feature):
    """Return both derivatives: dual numbers in w, and a complex step in the input."""
    found = oracle(case)
    shift = np.zeros(found.problem.X.shape, dtype=complex)
    shift[:, feature] = 1j * STEP
    moved = dataclasses.replace(found.problem, X=found.problem.X + shift)
    arrays = {name: lift(a, found.directions[name], 1) for name, a in found.arrays.items()}
    raw = moved.states(arrays)[-1]
    value = moved.data_value(raw)
    return np.imag(value.value) / STEP, np.imag(value.tangent) / STEP


@each_case
def test_shift_derivatives(case):
    """With weights, some of them zero, penalties, skip connections and layers of all kinds."""
    objective, w = setup(case).objective(), setup(case).w
    features = list(range(objective.network.n_features))[::-1]
    slopes, mixed = objective.shift_derivatives(w, features)
    assert slopes.shape == (len(features),)
    assert mixed.shape == (len(w), len(features))
    for number, feature in enumerate(features):
        slope, gradient = expected(case, feature)
        scale = max(1e-3, float(np.abs(mixed).max()))
        np.testing.assert_allclose(slopes[number], slope, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(mixed[:, number], gradient, rtol=1e-8, atol=1e-11 * scale)
    some = objective.shift_derivatives(w, features[:1])
    np.testing.assert_allclose(some[0], slopes[:1], rtol=1e-12)
    np.testing.assert_allclose(some[1], mixed[:, :1], rtol=1e-10, atol=1e-14)


class RawPrediction(Loss):
    """One raw prediction in place of a loss."""

    name = "raw_prediction"

    def __init__(self, output):
        self.output = output

    def derivatives(self, y, raw, order=2):
        gradient = np.zeros_like(raw)
        gradient[:, self.output] = 1.0
        return (raw[:, self.output].copy(), gradient, np.zeros_like(raw))[: order + 1]


@each_case
def test_gradients_of_slopes_row_by_row(case):
    """Against the sums over rows, which complex steps have checked, of one row at a time."""
    net, w, X = setup(case).net, setup(case).w, setup(case).problem.X[:7]
    features = list(range(net.n_features))[::-1]
    rows = list(slope_gradients(net, w, X, features))
    slopes, gradients = (np.concatenate([part[k] for part in rows]) for k in (1, 2))
    assert rows[0][0].start == 0
    assert rows[-1][0].stop == len(X)
    assert gradients.shape == (len(X), net.n_outputs, len(features), len(w))
    for o in range(net.n_outputs):
        for i, x in enumerate(X):
            one = Objective(net, RawPrediction(o), x[None], np.zeros((1, net.n_outputs)))
            slope, mixed = one.shift_derivatives(w, features)
            scale = max(1e-3, float(np.abs(mixed).max()))
            np.testing.assert_allclose(slopes[i, o], slope, rtol=1e-9, atol=1e-11)
            np.testing.assert_allclose(gradients[i, o], mixed.T, rtol=1e-8, atol=1e-11 * scale)


def test_chunks_add_up():
    case = next(case for case in CASES if case.n_samples > 3)
    w = setup(case).w
    whole = setup(case).objective().shift_derivatives(w, [0, 1])
    parts = setup(case).objective(chunk_size=2).shift_derivatives(w, [0, 1])
    for one, other in zip(whole, parts, strict=True):
        oracles.assert_close(one, other, 1e-12)


class InputAlone(Quadratic):
    """A layer without what stands behind another one."""

    curvature_mixed = Layer.curvature_mixed


def test_a_layer_without_mixed_derivatives_has_no_effects():
    X = np.random.default_rng(0).normal(size=(9, 2))
    net = Network.from_layers(2, [InputAlone((0,), 1), Linear((1,), 1)])
    objective = Objective(net, "squared_error", X, X[:, 0])
    w = 0.1 * np.ones(net.n_parameters)
    assert np.isfinite(objective.hessian(w)).all()
    with pytest.raises(NotImplementedError, match="InputAlone has no curvature_mixed"):
        objective.shift_derivatives(w, [0])


@pytest.mark.parametrize("case", LAYER_CASES, ids=case_id)
def test_without_its_parameters_an_input_does_not_matter(case):
    net, w = setup(case).net, setup(case).w
    X = setup(case).problem.X
    outgoing = net.feature_parameters
    if outgoing is None:
        assert any(layer.input_rows(2) is None for layer in net.layers if 0 in layer.sources)
        return
    assert len(outgoing) == net.n_features
    for j, positions in enumerate(outgoing):
        kept, moved = w.copy(), X.copy()
        kept[positions] = 0.0
        moved[:, j] += 1.0
        np.testing.assert_allclose(net.predict_raw(kept, moved), net.predict_raw(kept, X))
        idle = 0
        for position in positions:
            kept[position] = 1.0
            change = net.predict_raw(kept, moved) - net.predict_raw(kept, X)
            idle += np.abs(change).max() == 0.0
            kept[position] = 0.0
        # None of them is idle, but column j of the factors of semidefinite forms, above its
        # diagonal and in the last row: forms of one input less have none.
        forms = [layer for layer in net.layers if isinstance(layer, Semidefinite)]
        reads = [layer for layer in forms if 0 in layer.sources]
        inputs = [net.n_features if layer.sources == (0,) else None for layer in reads]
        if not reads:
            assert idle == 0
        elif None not in inputs:
            assert idle == sum((j + 1) * layer.n_units for layer in reads)


def test_parameters_of_inputs_that_do_not_exist_are_left_out():
    masks = {"coefs_0": np.array([[True, False], [False, False], [True, True]])}
    net = Network.mlp(3, 2, 1, skip_connections="input-output", connectivity=masks)
    names = [[net.layout.names[p] for p in places] for places in net.feature_parameters]
    assert names[0] == ["coefs_0[x0, h0]", "coefs_1[x0, y]"]
    assert names[1] == ["coefs_1[x1, y]"]
    assert names[2] == ["coefs_0[x2, h0]", "coefs_0[x2, h1]", "coefs_1[x2, y]"]


def test_centres_have_no_zeros_that_remove_an_input():
    assert GaussianRBF((0,), 2).input_rows(3) is None
    assert Network.rbf(3, 2, 1).feature_parameters is None


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (lambda n: [np.array([0])] * n, "input_rows says, value still depends on input 1"),
        (lambda n: [np.array([j]) for j in range(n - 1)], "for each of 3 inputs, got 2"),
    ],
)
def test_check_layer_looks_at_the_rows_of_inputs(rows, message):
    layer = Linear((0,), 2)
    layer.input_rows = rows
    with pytest.raises(AssertionError, match=message):
        check_layer(layer)


class WithoutShift(GaussianRBF):
    """Gaussian units whose effects take the long way, through mixed second derivatives."""

    input_shift = Layer.input_shift


@pytest.mark.parametrize("form", ["spherical", "diag", "full"])
@pytest.mark.parametrize("fixed", [False, True])
def test_moving_centres_is_moving_inputs(form, fixed):
    """Also where a centre is held at 0, and with a layer that reads the input as well."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    masks = None
    if fixed:
        masks = {"centers": np.ones((2, 3), dtype=bool)}
        masks["centers"][0, 1] = False
    found = []
    for kind in (GaussianRBF, WithoutShift):
        layers = [kind((0,), 2, form), Linear((0, 1), 2, "tanh"), Linear((2,), 1)]
        net = Network.from_layers(3, layers, connectivity=masks)
        objective = Objective(net, "squared_error", X, X[:, 0], np.arange(1.0, 41.0))
        w = 0.3 * np.random.default_rng(1).normal(size=net.n_parameters)
        found.append(objective.shift_derivatives(w, [2, 0, 1]))
    for one, other in zip(*found, strict=True):
        oracles.assert_close(one, other, 1e-10)


@pytest.mark.parametrize(
    ("shift", "message"),
    [
        (lambda n: np.zeros((n, 2)), r"input_shift must have shape \(3, 4\), got \(3, 2\)"),
        (lambda n: np.eye(n, n + 1), "value does not change as with input 0"),
    ],
)
def test_check_layer_looks_at_the_shift_of_inputs(shift, message):
    layer = GaussianRBF((0,), 2, "spherical")
    layer.input_shift = shift
    with pytest.raises(AssertionError, match=message):
        check_layer(layer)
