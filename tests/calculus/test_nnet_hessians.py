"""Values and exact Hessians against those of R's nnet, frozen in a file.

nnet (Venables and Ripley) is an implementation of its own, by other formulas. R is not needed
here: ``fixtures/make_nnet_hessians.R`` made the file.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from sknewtonnet.calculus import Network, Objective

DATA = json.loads((Path(__file__).parent / "fixtures" / "nnet_hessians.json").read_text())
LOSSES = {
    "linear": "squared_error",
    "entropy": "binary_log_loss",
    "softmax": "multinomial_log_loss",
}
# nnet minimises a sum, not a mean, and its squared error has no 1/2.
FACTORS = {"linear": 2.0, "entropy": 1.0, "softmax": 1.0}

each_fixture = pytest.mark.parametrize(
    "fixture", DATA["fixtures"], ids=[fixture["name"] for fixture in DATA["fixtures"]]
)


def positions(fixture, layout):
    """For each of our parameters its place among nnet's weights.

    nnet numbers its units: 0 the bias, then inputs, hidden units, outputs. The weights into
    unit j are nconn[j] to nconn[j + 1], and conn says which unit each comes from: an output
    reads the hidden units first and the inputs last, while coefs_1 starts with the inputs.
    """
    n_inputs, n_hidden, _ = fixture["n"]
    first_hidden, first_output = 1 + n_inputs, 1 + n_inputs + n_hidden
    places = {name: np.full(shape, -1) for name, shape in layout.shapes.items()}
    for unit in range(first_hidden, len(fixture["nconn"]) - 1):
        layer, first = (0, first_hidden) if unit < first_output else (1, first_output)
        skipped = 0 if layer == 0 or fixture["skip"] else n_inputs
        for place in range(fixture["nconn"][unit], fixture["nconn"][unit + 1]):
            source = fixture["conn"][place]
            if source == 0:
                places[f"intercepts_{layer}"][unit - first] = place
            else:
                places[f"coefs_{layer}"][source - 1 - skipped, unit - first] = place
    found = layout.pack(places).astype(int)
    np.testing.assert_array_equal(np.sort(found), np.arange(len(fixture["wts"])))
    return found


def ours(fixture):
    """Return our objective and point, the factor to nnet's criterion, and the permutation."""
    n_inputs, n_hidden, n_outputs = fixture["n"]
    network = Network.mlp(
        n_inputs,
        (n_hidden,),
        n_outputs,
        "logistic",
        skip_connections="input-output" if fixture["skip"] else False,
    )
    where = positions(fixture, network.layout)
    output = fixture["output"]
    # nnet adds decay * w^2; we add alpha / 2 * w^2 before the factor. Intercepts count too.
    alpha = network.layout.unpack(2.0 / FACTORS[output] * np.array(fixture["decay"])[where])
    objective = Objective(
        network,
        LOSSES[output],
        np.array(DATA["x"]),
        np.array(DATA["targets"][output]),
        np.array(DATA["sample_weight"]) if fixture["weighted"] else None,
        alpha,
    )
    w = np.array(fixture["wts"])[where]
    return objective, w, FACTORS[output] * objective.weight_sum, where


def relative_error(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


@each_fixture
def test_value_and_hessian_are_those_of_nnet(fixture):
    objective, w, factor, where = ours(fixture)
    expected = np.array(fixture["hessian"])[np.ix_(where, where)]
    assert factor * objective.value(w) == pytest.approx(fixture["value"], rel=1e-12, abs=0.0)
    assert relative_error(factor * objective.hessian(w), expected) < 1e-12


@each_fixture
def test_fixture_tells_the_hessian_from_approximations(fixture):
    """Off the optimum and at it, the residual terms count, so that the test above has force."""
    objective, w, factor, where = ours(fixture)
    expected = np.array(fixture["hessian"])[np.ix_(where, where)]
    for kind in ("gauss-newton", "block"):
        assert relative_error(factor * objective.hessian(w, kind=kind), expected) > 1e-2
    gradient = np.linalg.norm(factor * objective.gradient(w))
    assert gradient < 1e-4 if fixture["optimum"] else gradient > 1e-1
