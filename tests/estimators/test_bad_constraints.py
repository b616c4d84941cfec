"""Constraints that are no constraints, or cannot be met: refused by name, before any work."""

import numpy as np
import pytest
from constrained_cases import table
from estimator_cases import Recorder, classifier, data, rbf_regressor, regressor

from sknewtonnet.calculus import ACTIVATIONS, Objective

ONE = "coefs_0[x0, h0]"
TWO = np.zeros((2, 3)), np.ones((2, 3))


def rows(terms, low=0.0, high=1.0):
    return {"linear_constraints": [(terms, low, high)]}


# What the message says, and the setting.
BAD = {
    "bounds in a list": ("bounds.*must be an instance of 'dict' or None", {"bounds": [(0, 1)]}),
    "unknown array": (r"'weights'.*\['coefs_0', .*'intercepts_1'\]", {"bounds": {"weights": TWO}}),
    "unknown parameter": (
        r"'coefs_0\[x9, h0\]'.*like 'coefs_0\[x0, h0\]'",
        {"bounds": {"coefs_0[x9, h0]": (0, 1)}},
    ),
    "name that is none": (r"no parameter 0", {"bounds": {0: (0, 1)}}),
    "one limit": (r"bounds\['coefs_0'\] must be a pair .* got 1.0", {"bounds": {"coefs_0": 1.0}}),
    "three limits": (r"pair .* got \(0, 1, 2\)", {"bounds": {"coefs_0": (0, 1, 2)}}),
    "text for a pair": (r"pair \(lower, upper\), got '01'", {"bounds": {"coefs_0": "01"}}),
    "set for a pair": (r"pair \(lower, upper\)", {"bounds": {"coefs_0": {0, 1}}}),
    "text for limits": (r"'coefs_0' must get numbers, got 'a'", {"bounds": {"coefs_0": ("a", 1)}}),
    "digits for limits": (r"coefs_0.*got '0'", {"bounds": {"coefs_0": ("0", "1")}}),
    "NaN": (r"bounds\['coefs_0'\].* got \(nan, 1\)", {"bounds": {"coefs_0": (np.nan, 1)}}),
    "NaN in an array": (
        r"bounds\['coefs_1'\] .*nan",
        {"bounds": {"coefs_1": (None, np.array([[1.0], [np.nan], [1.0]]))}},
    ),
    "crossed": (r"bounds\['coefs_0'\].*not above.* got \(2, 1\)", {"bounds": {"coefs_0": (2, 1)}}),
    "crossed arrays": (r"bounds\['coefs_0'\].*not above", {"bounds": {"coefs_0": TWO[::-1]}}),
    "no number left": (
        r"bounds\['coefs_0'\] leave no finite number, got \(inf, None\)",
        {"bounds": {"coefs_0": (np.inf, None)}},
    ),
    "shape": (
        r"'coefs_0' must get a number or an array of shape \(2, 3\), got \(3, 2\)",
        {"bounds": {"coefs_0": (np.zeros((3, 2)), None)}},
    ),
    "array for one": (r"one number, got shape \(2,\)", {"bounds": {ONE: ([0, 0], [1, 1])}}),
    "rows in a dict": ("linear_constraints.*instance of 'list'", {"linear_constraints": {}}),
    "rows as text": ("linear_constraints.*instance of 'list'", {"linear_constraints": "row"}),
    "a row alone": (
        r"linear_constraints\[0\] must be a triple \(terms, lower, upper\)",
        {"linear_constraints": ({"coefs_0": 1.0}, 0.0, 1.0)},
    ),
    "a pair for a row": (
        r"linear_constraints\[0\] must be a triple",
        {"linear_constraints": [({"coefs_0": 1.0}, 0.0)]},
    ),
    "terms no dict": (r"linear_constraints\[0\].*terms a dict", rows("coefs_0")),
    "second row": (
        r"linear_constraints\[1\] must be a triple",
        {"linear_constraints": [({"coefs_0": 1.0}, 0.0, 1.0), None]},
    ),
    "term unknown": (r"no parameter 'weights'; the arrays are \['coefs_0'", rows({"weights": 1})),
    "factor no number": (r"'coefs_0' must get numbers, got 'a'", rows({"coefs_0": "a"})),
    "factor NaN": (r"\[0\] must have finite factors.*nan", rows({ONE: np.nan})),
    "factor inf": (r"\[0\] must have finite factors.*inf", rows({ONE: np.inf})),
    "factors zero": (r"\[0\] .*one of them of at least 1e-150", rows({ONE: 0.0})),
    "no terms": (r"\[0\] .*one of them of at least 1e-150, got \{\}", rows({})),
    "factors of other shape": (r"shape \(2, 3\), got \(2,\)", rows({"coefs_0": [1, 1]})),
    "row crossed": (r"\[0\] .*not above.* got \(2, 1\)", rows({ONE: 1}, 2, 1)),
    "row NaN": (r"linear_constraints\[0\] .* got \(0.0, nan\)", rows({ONE: 1}, high=np.nan)),
    "row text": (r"\[0\] must have numbers as limits, got \('a', 1.0\)", rows({ONE: 1}, "a")),
    "row digits": (r"linear_constraints\[0\].* got \('0', 1.0\)", rows({ONE: 1}, "0")),
    "row out of reach": (r"linear_constraints\[0\].*inf", rows({ONE: 1}, np.inf, np.inf)),
    "signs too many": (
        r"monotonic_cst .* each of the 2 features, got shape \(3,\)",
        {"monotonic_cst": [1, 0, 1]},
    ),
    "signs in a table": (r"monotonic_cst .*shape \(1, 2\)", {"monotonic_cst": [[1, 0]]}),
    "one sign": ("monotonic_cst", {"monotonic_cst": 1}),
    "sign 2": (r"monotonic_cst .* -1, 0 or 1, got \[2, 0\]", {"monotonic_cst": [2, 0]}),
    "sign between": (r"monotonic_cst .* -1, 0 or 1", {"monotonic_cst": [0.5, 0]}),
    "sign NaN": (r"monotonic_cst .* -1, 0 or 1", {"monotonic_cst": [np.nan, 0]}),
    "sign in words": (r"monotonic_cst .* -1, 0 or 1", {"monotonic_cst": ["up", "down"]}),
    "sign in digits": (r"monotonic_cst .* -1, 0 or 1", {"monotonic_cst": ["1", "0"]}),
    "feature not named": (
        r"monotonic_cst has 'age', but the features have no names",
        {"monotonic_cst": {"age": 1}},
    ),
}
INFEASIBLE = {
    "bounds that overlap nowhere": {"bounds": {"coefs_0": (0, 1), ONE: (2, 3)}},
    "monotonic and bounds": {"bounds": {ONE: (0.5, None)}, "monotonic_cst": [-1, 0]},
    "two rows": {"linear_constraints": [({ONE: 1}, 1, None), ({ONE: 1.0}, None, 0)]},
    "rows and bounds": {"bounds": {"coefs_1": (0, 1)}, **rows({"coefs_1": 1.0}, 3.5, 4.0)},
    "rows and signs": {"monotonic_cst": [1, 1], **rows({"coefs_1": 1.0}, None, -0.5)},
    "sum of frozen": {"bounds": {"coefs_1": (1, 1)}, **rows({"coefs_1": 1.0}, 0, 0)},
}


FALLING = [name for name, activation in ACTIVATIONS.items() if not activation.monotonic]
FALLING.remove("squared_exponential")  # of radial units alone


@pytest.fixture
def no_work(monkeypatch):
    """Fail as soon as a gradient is asked for."""

    def refuse(self, w):
        raise AssertionError("work was done before the setting was refused")

    monkeypatch.setattr(Objective, "gradient", refuse)


def refused(est, message, *given):
    """Nothing is fitted, and no callback sees an iteration or a start."""
    recorder = Recorder()
    est.set_callbacks(recorder)
    with pytest.raises(ValueError, match=f"(?s){message}"):
        est.fit(*given)
    assert not [entry for entry in recorder.log if entry.startswith("begin")]
    assert not [name for name in vars(est) if name.endswith("_") and not name.endswith("__")]


@pytest.mark.parametrize(("message", "params"), BAD.values(), ids=BAD)
def test_bad_setting(no_work, message, params):
    refused(regressor(random_state=0, **params), message, *data())


@pytest.mark.parametrize("params", INFEASIBLE.values(), ids=INFEASIBLE)
@pytest.mark.parametrize("solver", ["auto", "slsqp", "trust-constr"])
def test_infeasible(no_work, params, solver):
    est = regressor(random_state=0, solver=solver, **params)
    refused(est, "constraints are infeasible", *data())


def test_infeasible_before_a_choice_of_the_penalty(no_work):
    est = regressor(random_state=0, alpha="auto", **next(iter(INFEASIBLE.values())))
    refused(est, "constraints are infeasible", *data())


@pytest.mark.parametrize("setting", ["bounds", "linear_constraints"])
def test_unknown_name_is_told_with_its_setting(no_work, setting):
    params = {"bounds": {"weights": (0, 1)}} if setting == "bounds" else rows({"weights": 1})
    refused(regressor(**params), rf"{setting}.*'weights'|'weights'.*{setting}", *data())


def test_unknown_feature(no_work):
    X, y = table()
    message = r"monotonic_cst: there is no feature 'sex'; the features are \['age', 'dose'\]"
    refused(regressor(monotonic_cst={"sex": 1}), message, X, y)
    message = r"'coefs_0\[x0, h0\]'.*like 'coefs_0\[age, h0\]'"
    refused(regressor(bounds={ONE: (0, 1)}), message, X, y)


def test_parameter_that_does_not_exist(no_work):
    mask = {"coefs_0": np.array([[False, True, True], [True] * 3])}
    refused(regressor(connectivity=mask, bounds={ONE: (0, 1)}), r"no parameter", *data())


@pytest.mark.parametrize("name", FALLING)
def test_activation_that_falls(no_work, name):
    message = f"monotonic_cst needs activations that never fall.* got '{name}'"
    refused(regressor(activation=name, monotonic_cst=[1, 0]), message, *data())
    mixed = {"hidden_layer_sizes": (2, 2), "activation": ("tanh", name)}
    refused(classifier(monotonic_cst=[1, 0], **mixed), message, data()[0], data()[1] > 0)


def test_radial_nets_are_not_monotonic():
    with pytest.raises(TypeError, match="monotonic_cst"):
        rbf_regressor(monotonic_cst=[1, 0])


def test_options_and_hessians_that_constraints_leave_no_use_for(no_work):
    bounds = {"coefs_0": (0, 1)}
    est = regressor(bounds=bounds, solver_options={"initial_trust_radius": 0.1})
    refused(
        est,
        r"solver_options of 'auto' under constraints must be among \['f_target', 'fatol'\]",
        *data(),
    )
    est = regressor(bounds=bounds, solver="slsqp", hessian="block")
    refused(est, "hessian='block' has no effect on solver='slsqp'", *data())


def test_refused_fit_leaves_the_last_one():
    X, y = data()
    est = regressor(random_state=0, bounds={"coefs_0": (-1, 1)}).fit(X, y)
    before = dict(vars(est))
    for params in (BAD["crossed"][1], INFEASIBLE["two rows"]):
        with pytest.raises(ValueError, match=r"lower limit|infeasible"):
            est.set_params(**params).fit(X, y)
        fitted = {name for name in before if name.endswith("_")}
        assert all(vars(est)[name] is before[name] for name in fitted)
