"""Filters along a row of columns, against sliding windows."""

import numpy as np
import pytest

from sknewtonnet.calculus import Network, convolution


def slow(X, filters, intercepts, outgoing, b, stride):
    """A net of tanh filters with one loop per number."""
    found = np.full(len(X), b)
    width = filters.shape[1]
    for i, row in enumerate(X):
        unit = 0
        for f, weights in enumerate(filters):
            for start in range(0, len(row) - width + 1, stride):
                a = intercepts[f] + sum(weights[k] * row[start + k] for k in range(width))
                found[i] += outgoing[unit] * np.tanh(a)
                unit += 1
    return found


@pytest.mark.parametrize(
    ("n_features", "width", "n_filters", "stride", "n_units"),
    [(6, 2, 1, 1, 5), (7, 3, 2, 2, 6), (5, 5, 3, 1, 3), (8, 3, 2, 4, 4), (4, 1, 1, 1, 4)],
)
@pytest.mark.parametrize("pooled", [0, 1])
def test_predictions(n_features, width, n_filters, stride, n_units, pooled):
    connectivity, tied = convolution(
        n_features, width, n_filters, stride=stride, pooled_outputs=pooled
    )
    assert len(tied["intercepts_0"]) == n_units
    net = Network.mlp(n_features, (n_units,), 1, connectivity=connectivity, tied=tied)
    n_outgoing = n_filters if pooled else n_units
    assert net.n_parameters == n_filters * (width + 1) + n_outgoing + 1
    rng = np.random.default_rng(0)
    X, w = rng.normal(size=(4, n_features)), rng.normal(size=net.n_parameters)
    value = dict(zip(net.layout.names, w, strict=True))
    first = [f * n_units // n_filters for f in range(n_filters)]  # its first unit has the names
    filters = np.array([[value[f"coefs_0[x{k}, h{u}]"] for k in range(width)] for u in first])
    intercepts = [value[f"intercepts_0[h{u}]"] for u in first]
    units = np.repeat(first, n_units // n_filters) if pooled else range(n_units)
    outgoing = [value[f"coefs_1[h{u}, y]"] for u in units]
    expected = slow(X, filters, intercepts, outgoing, value["intercepts_1[y]"], stride)
    np.testing.assert_allclose(net.predict_raw(w, X)[:, 0], expected, rtol=1e-13)


def test_several_outputs_read_sums_through_weights_of_their_own():
    connectivity, tied = convolution(5, 2, 2, pooled_outputs=3)
    net = Network.mlp(5, (8,), 3, connectivity=connectivity, tied=tied)
    assert net.n_parameters == 2 * 3 + 2 * 3 + 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((5, 0), "width must be an integer of at least 1, got 0"),
        ((5, 6), "width must be at most n_features=5, got 6"),
        ((5, 2.0), "width must be an integer"),
        ((5, 2, True), "n_filters must be an integer"),
    ],
)
def test_wrong_numbers(arguments, message):
    with pytest.raises(ValueError, match=message):
        convolution(*arguments)
    with pytest.raises(ValueError, match="pooled_outputs must be an integer of at least 0"):
        convolution(5, 2, pooled_outputs=-1)
