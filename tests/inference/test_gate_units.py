"""What the gate finds hangs neither on the units of a table nor on how its inputs are coded."""

import warnings

import numpy as np
import pytest
from fitted_oracles import infer
from gate_cases import kinds, net, placed, tanh_data
from numpy.testing import assert_allclose

from sknewtonnet.estimators import fit_of


def raw_two_units():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 3))
    y = 1.5 * np.tanh(1.2 * X[:, 0] - 0.5) + np.tanh(1.5 * X[:, 1] + 0.8)
    return X, y + 0.4 * rng.standard_normal(300)


@pytest.mark.parametrize("scale", [1e-8, 1e-6, 1e6, 1e8])
@pytest.mark.parametrize("what", ["targets", "an input"])
def test_units_of_the_table_change_neither_verdict_nor_numbers(scale, what):
    """Targets of 1e6 had singular directions, and confidence intervals without them."""
    X, y = raw_two_units()
    first = net(2, n_init=5).fit(X, y)
    plain = first.inference(X, y)
    assert plain.identifiable
    units, unit = np.where(["[x0," in name for name in plain.names], 1.0 / scale, 1.0), 1.0
    Z = X * [scale, 1.0, 1.0]
    if what == "targets":
        units, unit, Z = np.where(["_1" in name for name in plain.names], scale, 1.0), scale, X
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", UserWarning
        )  # "there are standard deviations far from one"
        arrays = fit_of(first).network.layout.unpack(units * plain.params)
        est = placed(net(2), Z, unit * y, **arrays)
    res, X = est.inference(Z, unit * y), Z
    assert res.identifiable
    assert kinds(res) == kinds(plain)
    assert_allclose(res.wald_test("x0").statistic, plain.wald_test("x0").statistic, rtol=1e-4)
    assert_allclose(res.marginal_effects().z_values, plain.marginal_effects().z_values, rtol=1e-4)
    errors = plain.get_prediction(raw_two_units()[0][:9]).se
    assert_allclose(res.get_prediction(X[:9]).se, unit * errors, rtol=1e-4)


@pytest.mark.parametrize("alpha", [0.0, 0.1])
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("case", ["constant", "dummies", "a sum"])
def test_inputs_that_depend_on_each_other_say_nothing_of_the_size(case, standardize, alpha):
    """The net is judged within the span of its inputs, by the numbers that it has without them."""
    X, y = raw_two_units()
    more = {
        "constant": np.full((300, 1), 7.0),
        "dummies": np.eye(3)[np.random.default_rng(1).integers(0, 3, 300)],
        "a sum": X[:, :1] + 3.0 * X[:, 1:2],
    }[case]
    Z = np.c_[X, more]
    est = net(2, n_init=5, alpha=alpha, standardize=standardize).fit(Z, y)
    res = infer(est, Z, y)
    assert kinds(res) <= {"constant input", "collinear inputs", "singular direction"}
    assert sum(finding.kind == "singular direction" for finding in res.findings) == (alpha == 0)
    assert max(factor.condition for factor in res.information.whitened_factors) < 500.0
    if alpha and case != "constant":
        assert res.identifiable


def test_inputs_far_from_zero_are_named_as_the_cause():
    """A unit that is constant because a year is 2000 is no unit too many."""
    X, y = raw_two_units()
    X[:, 0] += 2000.0
    one = net(1, n_init=5, standardize=True).fit(X, y)
    weights = [[0.01, 0.0], [0.3, 1.0], [0.1, 0.2]]
    est = placed(
        net(2),
        X,
        y,
        coefs_0=weights,
        intercepts_0=[0.0, 0.3],
        coefs_1=[[1.0], [1.0]],
        intercepts_1=[0.0],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        res = est.inference(X, y)
    (finding,) = [finding for finding in res.findings if finding.kind == "not centred"]
    assert finding.severity == "warning"
    assert "x0 is far from zero" in finding.message
    assert "unit h0 is constant" in finding.message
    assert "constant unit" not in kinds(res)
    assert "not centred" not in kinds(one.inference(X, y))  # the fit itself has centred


def test_inputs_far_from_zero_alone_are_a_note():
    X, y = raw_two_units()
    X[:, 0] += 100.0
    res = net(2, alpha=1e-3, n_init=5).fit(X, y).inference(X, y)
    assert kinds(res) == {"not centred"}
    assert res.identifiable
    assert "not centred" not in kinds(infer(net().fit(X + 100.0, y), X + 100.0, y))


def test_findings_of_one_kind_are_one_line():
    X, y = tanh_data(0)
    one = net(1).fit(X, y)
    est = placed(
        net(5),
        X,
        y,
        coefs_0=np.c_[np.repeat(one.coefs_[0], 3, axis=1), np.zeros((3, 2))],
        intercepts_0=np.r_[np.repeat(one.intercepts_[0], 3), 0.1, 0.2],
        coefs_1=np.r_[np.repeat(one.coefs_[1] / 3, 3, axis=0), np.zeros((2, 1))],
        intercepts_1=one.intercepts_[1],
    )
    res = infer(est, X, y)
    found = [finding.kind for finding in res.findings]
    assert len(found) == len(set(found))
    messages = {finding.kind: finding.message for finding in res.findings}
    assert "h3, h4" in messages["dead unit"]
    assert "Units h0, h1 and h2 are" in messages["duplicate units"]
    assert "more directions" in messages["singular direction"]


def test_the_warning_says_what_can_be_used_at_the_defaults():
    """Ten units for a curve of one: no weight is identified, and effects are."""
    X, y = tanh_data(0)
    est = net(10, alpha=1.0, n_init=1, standardize=True).fit(X, y)
    with pytest.warns(UserWarning, match=r"Weights are not identified; effects .* are") as caught:
        res = est.inference(X, y)
    assert len(caught) == 1
    assert len(str(caught[0].message)) < 500
    assert res.diagnosis[0].startswith("Over-sized: without unit h")
    assert len({finding.kind for finding in res.findings}) == len(res.findings) <= 6
    assert not any("cov_type" in line or "HC3" in line for line in res.diagnosis)
    assert (res.marginal_effects().std_errors > 0).all()
