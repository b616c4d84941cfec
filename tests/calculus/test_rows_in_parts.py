"""What all rows tell of a net is the same from parts of them, whatever the parts are."""

import numpy as np
import pytest
from cases import case_id
from numpy.testing import assert_allclose
from test_block_objective import over_blocks
from unit_cases import NETS, masked

from sknewtonnet.calculus import BlockObjective, GaussianRBF, Linear, Network, Objective, canonical
from sknewtonnet.calculus.functions import block_sums
from sknewtonnet.calculus.functions.coordinates import natural_steps, whitening
from sknewtonnet.calculus.functions.flatness import is_constant, is_flat, varies
from sknewtonnet.calculus.functions.neutral import neutral_parameters
from sknewtonnet.calculus.functions.standardization import (
    on_standardized_columns,
    standardised,
)
from sknewtonnet.calculus.functions.units import unit_reports


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(block_sums, "_MIN_CHUNKS", 0)


def on_data(case, **options):
    net, _, w, X = masked(case)
    rng = np.random.default_rng(1)
    weight = rng.uniform(0.5, 2.0, len(X))
    weight[2::5] = 0.0
    Y = rng.normal(size=(len(X), net.n_outputs))
    return Objective(net, "squared_error", 3.0 + X, Y, weight, **options), w


@pytest.mark.parametrize("case", NETS, ids=case_id)
@pytest.mark.parametrize("offset", [False, True])
def test_forms_of_nets(case, offset):
    f, w = on_data(case)
    if offset:
        f = f.on(f.samples, f.targets, f.sample_weight, np.ones(f.targets.shape))
    g = over_blocks(f)
    assert_allclose(canonical(g, w), canonical(f, w), rtol=1e-13)
    assert unit_reports(g, w) == unit_reports(f, w)
    assert is_flat(g, w) == is_flat(f, w)
    assert_allclose(neutral_parameters(g, w), neutral_parameters(f, w), rtol=1e-12, atol=1e-13)
    assert_allclose(natural_steps(g), natural_steps(f), rtol=1e-12)
    for mine, whole in zip(whitening(g), whitening(f), strict=True):  # up to signs
        assert_allclose(mine @ mine.T, whole @ whole.T, rtol=1e-9, atol=1e-11)
    mine, whole = (on_standardized_columns(each).restrict(w) for each in (g, f))
    assert_allclose(mine, whole, rtol=1e-11, atol=1e-12)


def test_units_of_all_sorts():
    """Unused, constant, twins, linear, tails, steps, far and on one sample, from parts as well."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 1))
    tanh = Network.mlp(1, 8, 1)
    first = [1.0, -1.0, 1e-4, 1.0, 1e4, 0.5, 0.0, 2.0]
    shift = [0.2, -0.2, 0.0, -9.0, 0.0, 30.0, 0.3, 0.1]
    arrays = {
        "coefs_0": [first],
        "intercepts_0": shift,
        "coefs_1": np.array([[1.0, 1.0, 1e4, 1e7, 1.0, 1.0, 1.0, 0.0]]).T,
        "intercepts_1": [1e7],
    }
    f = Objective(tanh, "squared_error", X, np.sin(X))
    w = tanh.layout.pack(arrays)
    reasons = [unit.reason for unit in unit_reports(f, w)]
    assert reasons == ["", "same as unit h0", "", "", "", "constant", "constant", "unused"]
    found = unit_reports(over_blocks(f), w)
    assert found == unit_reports(f, w)
    assert (found[2].linear, found[3].exponential, found[4].step) == (True, True, True)

    radial = Network.from_layers(1, [GaussianRBF((0,), 3, "spherical"), Linear((1,), 1)])
    X = np.repeat(np.r_[np.linspace(-1.0, 1.0, 19), 40.0], 2)[:, None]
    arrays = {
        "centers": [[0.0], [40.0], [300.0]],
        "log_precisions": [0.0, 3.0, 0.0],
        "coefs_1": [[1.0], [1.0], [1.0]],
        "intercepts_1": [0.0],
    }
    names = list(radial.layout.shapes)
    w = radial.layout.pack(dict(zip(names, arrays.values(), strict=True)))
    f = Objective(radial, "squared_error", X, np.sin(X))
    assert unit_reports(over_blocks(f), w) == unit_reports(f, w)
    assert [unit.on_one_sample for unit in unit_reports(f, w)][:2] == [False, True]
    assert unit_reports(f, w)[2].far


@pytest.mark.parametrize("rows", ["continuous", "few distinct"])
def test_flat_ends(rows):
    """Equal rows count as one, whatever parts they are in."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 1)) if rows == "continuous" else np.tile([[0.0], [1.0]], (30, 1))
    net, w = Network.mlp(1, 1, 1), np.array([0.0, 30.0, 0.0, 0.5])
    f = Objective(net, "squared_error", X, X + 0.1)
    assert is_constant(over_blocks(f), w)
    assert varies(over_blocks(f))
    assert is_flat(f, w)
    assert is_flat(over_blocks(f), w)
    # A constant is the best function of the inputs where the mean of both rows is the same.
    balanced = np.r_[0.0, 0.0, 1.0, 1.0][np.arange(60) % 4][:, None]
    g = Objective(net, "squared_error", np.tile([[0.0], [1.0]], (30, 1)), balanced)
    assert not is_flat(g, w)
    assert not is_flat(over_blocks(g), w)
    again = BlockObjective(net, "squared_error", [(g.samples[:2], [0.5, 0.5])])
    assert not varies(again)


@pytest.mark.parametrize("shape", [(1, 3), (1000, 3), (700, 511), (5, 600), (0, 2)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_standardised_rows_have_the_same_bits_several_at_a_time(shape, order):
    rng = np.random.default_rng(0)
    X = np.array(rng.normal(size=shape), order=order)
    shift, scale = rng.normal(size=shape[1]), rng.uniform(0.5, 2.0, shape[1])
    wanted = (X - shift) / scale
    assert np.array_equal(standardised(X, shift, scale), wanted)
    assert np.array_equal(standardised(X[::2], shift, scale), wanted[::2])
    assert standardised(X, shift, scale, out=X) is X
    assert np.array_equal(X, wanted)
