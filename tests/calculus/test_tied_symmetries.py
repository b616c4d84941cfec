"""Symmetries of nets whose units share parameters: only what keeps the ties is the same net."""

import numpy as np
import pytest

from sknewtonnet.calculus import Network, Objective, canonical, convolution
from sknewtonnet.calculus.functions.matching import aligned
from sknewtonnet.calculus.functions.shared import (
    flip_groups,
    may_swap,
    unit_blocks,
    unit_groups,
)
from sknewtonnet.calculus.functions.units import interchangeable, settle, unit_reports

# Two filters of width 2 along a row of four columns: h0, h1, h2 are one of them, h3, h4, h5 the
# other. Each filter has one intercept; what goes out is of each unit alone.
ALONG = np.zeros((4, 6), dtype=bool)
LABELS = np.full((4, 6), -1)
for unit in range(6):
    start, number = unit % 3, unit // 3
    ALONG[start : start + 2, unit] = True
    LABELS[start : start + 2, unit] = [2 * number, 2 * number + 1]
FILTERS = {
    "connectivity": {"coefs_0": ALONG},
    "tied": {"coefs_0": LABELS, "intercepts_0": [10, 10, 10, 11, 11, 11]},
}
X = np.random.default_rng(0).normal(size=(40, 4))


def objective(net, loss="squared_error"):
    return Objective(net, loss, X, np.sin(X[:, :1].sum(axis=1)))


def point(net, seed=1):
    return np.random.default_rng(seed).normal(size=net.n_parameters)


def common_precision(covariance_type):
    """Three radial units with one matrix."""
    shape = Network.rbf(4, 3, 1, covariance_type).layout.shapes["precisions_cholesky"]
    labels = np.arange(int(np.prod(shape[1:]))).reshape(shape[1:])
    return Network.rbf(
        4, 3, 1, covariance_type, tied={"precisions_cholesky": np.broadcast_to(labels, shape)}
    )


def test_groups_of_units():
    net = Network.mlp(4, (6,), 1, **FILTERS)
    assert net.n_parameters == 2 * 3 + 6 + 1
    hidden, output = unit_groups(net)
    assert len(set(hidden[:3])) == len(set(hidden[3:])) == 1
    assert len({hidden[0], hidden[3], output[0]}) == 3
    assert [group.tolist() for group in flip_groups(net, 0, True)] == [[0, 1, 2], [3, 4, 5]]
    untied = Network.mlp(4, (6,), 1)
    assert len(np.unique(np.concatenate(unit_groups(untied)))) == 7
    assert len(flip_groups(untied, 0, True)) == 6


def test_a_unit_that_is_tied_to_what_keeps_its_sign_keeps_its_own():
    """Of three units one shares its intercept with the output, two share what goes out."""
    tied = {"intercepts_0": [0, -1, -1], "intercepts_1": [0], "coefs_1": [[-1], [1], [1]]}
    net = Network.mlp(4, (3,), 1, tied=tied)
    assert [group.tolist() for group in flip_groups(net, 0, True)] == [[1, 2]]
    assert [group.tolist() for group in flip_groups(net, 0, False)] == [[1], [2]]


@pytest.mark.parametrize("activation", ["tanh", "gaussian", "logistic", "softplus"])
def test_the_canonical_form_of_filters_is_the_same_function(activation):
    """Filters turn as a whole; no unit of one changes places with another one."""
    net = Network.mlp(4, (6,), 1, activation, **FILTERS)
    f, w = objective(net), point(net)
    found = canonical(f, w)
    np.testing.assert_allclose(net.predict_raw(found, X), net.predict_raw(w, X), atol=1e-13)
    np.testing.assert_array_equal(canonical(f, found), found)
    np.testing.assert_array_equal(interchangeable(net, 0), np.eye(6, dtype=bool))
    if activation == "tanh":
        arrays = net.layout.unpack(w)
        for name in ("coefs_0", "intercepts_0"):
            arrays[name][..., 3:] *= -1.0
        arrays["coefs_1"][3:] *= -1.0
        np.testing.assert_array_equal(canonical(f, net.layout.pack(arrays)), found)
        leaving = net.layout.unpack(found)["coefs_1"].ravel()
        for part in (leaving[:3], leaving[3:]):
            assert part[np.abs(part).argmax()] > 0.0


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("activation", ["tanh", "softplus"])
def test_filters_change_places_as_a_whole(activation, pooled):
    """The one that contributes more comes first; aligned filters are those of the reference."""
    connectivity, tied = convolution(4, 2, 3, pooled_outputs=int(pooled))
    net = Network.mlp(4, (9,), 1, activation, connectivity=connectivity, tied=tied)
    f, w = objective(net), point(net)
    order = np.arange(9).reshape(3, 3)[[2, 0, 1]].ravel()
    arrays, sign = net.layout.unpack(w), np.ones(9)
    sign[3:6] = -1.0 if activation == "tanh" else 1.0
    for name in ("coefs_0", "intercepts_0"):
        arrays[name] = (arrays[name] * sign)[..., order]
    arrays["coefs_1"] = (arrays["coefs_1"] * sign[:, None])[order]
    other = net.layout.pack(arrays)
    np.testing.assert_allclose(net.predict_raw(other, X), net.predict_raw(w, X), rtol=1e-12)
    found = canonical(f, w)
    np.testing.assert_allclose(canonical(f, other), found, rtol=1e-13)
    np.testing.assert_allclose(net.predict_raw(found, X), net.predict_raw(w, X), rtol=1e-12)
    leaving = net.layout.unpack(found)["coefs_1"].ravel()
    values = net.states(found, X)[1]
    parts = (np.abs(leaving) * values.std(axis=0)).reshape(3, 3)
    assert (np.diff(np.linalg.norm(parts, axis=1)) < 0.0).all()
    np.testing.assert_array_equal(aligned(net, other, w), w)


def test_filters_with_other_columns_or_activations_keep_their_places():
    connectivity, tied = convolution(4, 2, 2)
    gap = connectivity["coefs_0"].copy()
    gap[0, 0] = False
    net = Network.mlp(4, (6,), 1, connectivity={"coefs_0": gap}, tied=tied)
    first, second = np.arange(3), np.arange(3, 6)
    assert not may_swap(net, 0, first, second)
    net = Network.mlp(4, (6,), 1, connectivity=connectivity, tied=tied)
    assert may_swap(net, 0, first, second)
    assert not may_swap(net, 0, first, second[::-1])
    blocks = unit_blocks(net, 0, interchangeable(net, 0))
    assert [block.tolist() for block in blocks] == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("covariance_type", ["full", "diag", "spherical"])
def test_radial_units_with_one_matrix_change_places(covariance_type):
    net = common_precision(covariance_type)
    assert interchangeable(net, 0).all()
    f, w = objective(net), 0.3 * point(net)
    arrays, order = net.layout.unpack(w), [2, 0, 1]
    for name in ("centers", "precisions_cholesky", "coefs_0"):
        arrays[name] = arrays[name][order]
    other = net.layout.pack(arrays)
    np.testing.assert_allclose(canonical(f, other), canonical(f, w), rtol=1e-13)
    np.testing.assert_allclose(aligned(net, other, w), w, rtol=1e-13)


def test_a_unit_with_another_tie_does_not_change_places():
    """Two of three units share a weight: only these are alike."""
    net = Network.mlp(4, (3,), 1, tied={"coefs_0": [[0, 0, -1], *[[-1] * 3] * 3]})
    expected = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=bool)
    np.testing.assert_array_equal(interchangeable(net, 0), expected)
    w = point(net)
    arrays = net.layout.unpack(w)
    for name in ("coefs_0", "intercepts_0"):
        arrays[name][..., [0, 1]] = arrays[name][..., [1, 0]]
        arrays[name][..., 2] *= -1.0
    arrays["coefs_1"][[0, 1]] = arrays["coefs_1"][[1, 0]]
    arrays["coefs_1"][2] *= -1.0
    other = net.layout.pack(arrays)
    np.testing.assert_allclose(net.predict_raw(other, X), net.predict_raw(w, X))
    np.testing.assert_array_equal(aligned(net, other, w), w)
    # A sign of one of the two would tear the tie.
    arrays = net.layout.unpack(w)
    arrays["coefs_0"][:, :2] *= -1.0
    arrays["intercepts_0"][:2] *= -1.0
    arrays["coefs_1"][:2] *= -1.0
    other = net.layout.pack(arrays)
    found = aligned(net, other, w)
    np.testing.assert_allclose(net.predict_raw(found, X), net.predict_raw(w, X))


def test_idle_units_of_a_filter_are_no_defect():
    """A place where the columns are constant tells nothing, but the others know the filter."""
    net = Network.mlp(4, (6,), 1, **FILTERS)
    table = X.copy()
    table[:, :2] = 1.0
    f = Objective(net, "squared_error", table, np.sin(table[:, 3]))
    assert [unit.reason for unit in unit_reports(f, point(net))] == [""] * 6
    untied = net.with_ties(None)
    g = Objective(untied, "squared_error", table, np.sin(table[:, 3]))
    at = untied.layout.pack(net.layout.unpack(point(net)))
    assert [unit.reason for unit in unit_reports(g, at)][::3] == ["constant"] * 2


def test_twins_with_one_outgoing_weight_are_no_defect():
    """Two units that are the same: what goes out is known where it is one parameter."""
    alike = [[0, 0], [1, 1], [2, 2], [3, 3]]
    twins = {"coefs_0": alike, "intercepts_0": [4, 4]}
    net = Network.mlp(4, (2,), 1, tied=twins)
    reports = unit_reports(objective(net), point(net))
    assert [unit.twin for unit in reports] == [None, "h0"]
    net = Network.mlp(4, (2,), 1, tied=twins | {"coefs_1": [[5], [5]]})
    assert [unit.twin for unit in unit_reports(objective(net), point(net))] == [None, None]


def test_a_unit_goes_without_what_others_share_with_it():
    """The filter of a unit that nothing reads stays in the other places; the function stays."""
    net = Network.mlp(4, (6,), 1, **FILTERS)
    w, exists = point(net), np.ones(net.n_parameters, dtype=bool)
    gone = net.layout.names.index("coefs_1[h0, y]")
    w[gone], exists[gone] = 0.0, False
    full, kept = settle(net, w, exists)
    smaller = net.with_connectivity(net.layout.masks(kept))
    assert smaller.n_parameters == net.n_parameters - 1
    assert not smaller.exists[0][:, 0].any()
    start = smaller.layout.pack(net.layout.unpack(net.layout.restrict(full)))
    np.testing.assert_allclose(smaller.predict_raw(start, X), net.predict_raw(w, X), rtol=1e-12)
    back = net.layout.restrict(smaller.layout.expand(start), smaller.layout.exists)
    np.testing.assert_array_equal(back, w)


def test_constants_are_not_folded_into_what_is_shared():
    """A unit without inputs is a constant, but the intercept of its reader is another weight."""
    tied = {"intercepts_1": [0], "intercepts_0": [0, -1]}
    connectivity = {"coefs_0": np.array([[False, True]] * 4)}
    net = Network.mlp(4, (2,), 1, tied=tied, connectivity=connectivity)
    w = point(net)
    full, kept = settle(net, w, np.ones(len(w), dtype=bool))
    assert kept.sum() == net.layout.exists.sum()
    np.testing.assert_array_equal(net.layout.restrict(full), w)
