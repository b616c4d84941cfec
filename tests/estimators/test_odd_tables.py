"""Tables, targets and folds of the wrong kind: a message names the argument and the fault."""

import numpy as np
import pandas as pd
import pytest

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor, RBFNetRegressor
from sknewtonnet.calculus import (
    Activation,
    Network,
    NormPenalty,
    Objective,
    PseudoHuber,
    critical_point,
)
from sknewtonnet.solvers import get_solver
from sknewtonnet.testing import check_activation

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3))
Y = X[:, 0] + 0.1 * RNG.normal(size=20)
LABELS = np.arange(20) % 2
FRAME = pd.DataFrame(X, columns=["a", "b", "c"])
DAYS = pd.date_range("2020-01-01", periods=20)


def regressor(**params):
    return NewtonMLPRegressor((2,), **{"alpha": 0.1, "random_state": 0} | params)


def with_entry(value):
    changed = X.copy()
    changed[3, 1] = value
    return changed


TABLES = {
    "ragged rows": ([[1.0], *X[1:].tolist()], "X must have rows of one length"),
    "cells of lists": (FRAME.assign(b=[[1, 2]] * 20), r"columns of other types: \{'b'"),
    "dates of a zone": (FRAME.assign(c=DAYS.tz_localize("UTC")), r"columns of other types: \{'c'"),
    "huge": (with_entry(1e155), r"X must have columns whose largest.*1e\+155 in column 1"),
    "tiny": (1e-200 * X, r"X must have columns whose largest.*e-200 in column 0"),
}


@pytest.mark.parametrize(("table", "message"), TABLES.values(), ids=TABLES)
def test_tables(table, message):
    for net, y in ((regressor(), Y), (RBFNetRegressor(2), Y), (NewtonMLPClassifier(), LABELS)):
        with pytest.raises(ValueError, match=message):
            net.fit(table, y)


def test_values_at_the_ends_of_the_range_are_fitted():
    """In other units it is the same fit."""
    expected = regressor().fit(X, Y).predict(X)
    for factor in (1e-119, 1e119):
        assert np.allclose(regressor().fit(factor * X, Y).predict(factor * X), expected)
        assert np.allclose(regressor().fit(X, factor * Y).predict(X) / factor, expected)
    regressor().fit(with_entry(5e-324), Y)  # one tiny entry does no harm


def test_targets():
    with pytest.raises(ValueError, match=r"y must have columns whose largest.*e\+150"):
        regressor().fit(X, 1e150 * Y)
    with pytest.raises(ValueError, match="y must have rows of one length"):
        regressor().fit(X, [[1.0], [1.0, 2.0]] * 10)


LABEL_FAULTS = {
    "NaN": (np.array(["a", np.nan] * 10, dtype=object), "y has missing labels"),
    "NA of pandas": (pd.array(["a", None] * 10, dtype="string"), "y has missing labels"),
    "ragged": ([[1], [1, 2]] * 10, "y must have rows of one length"),
}


@pytest.mark.parametrize(("y", "message"), LABEL_FAULTS.values(), ids=LABEL_FAULTS)
def test_labels(y, message):
    with pytest.raises(ValueError, match=message):
        NewtonMLPClassifier((2,), alpha=0.1).fit(X, y)


FOLDS = {
    "numbers": [1, 2],
    "rows beyond the table": [([0, 1], [20])],
    "rows of floats": [([0.5], [1])],
    "three sets": [([0], [1], [2])],
    "matrices": [([[0]], [[1]])],
}


@pytest.mark.parametrize("cv", FOLDS.values(), ids=FOLDS)
def test_folds(cv):
    with pytest.raises(ValueError, match=r"cv must yield pairs of arrays of row numbers below 20"):
        regressor(alpha="auto", cv=cv).fit(X, Y)


def test_folds_may_be_masks_and_count_from_the_end():
    first = np.arange(20) < 10
    masks, numbers = [(first, ~first)], [(np.arange(10), np.arange(-10, 0))]
    a, b = (regressor(alpha="auto", cv=cv).fit(X, Y) for cv in (masks, numbers))
    assert a.alpha_ == b.alpha_


def test_groups():
    for other in (None, 1, np.nan):
        groups = np.array(["a", other] * 10, dtype=object)
        with pytest.raises(ValueError, match=r"groups (has missing|mixes) labels"):
            regressor(alpha="auto").fit(X, Y, groups=groups)
        with pytest.raises(ValueError, match=r"groups (has missing|mixes) labels"):
            regressor().fit(X, Y).inference(X, Y, cov_type="cluster", groups=groups)


def test_factors_of_constraints():
    net = regressor(linear_constraints=[({"coefs_0[x0, h0]": 1e200}, 0, 1)])
    with pytest.raises(
        ValueError, match=r"linear_constraints\[0\] must have finite factors up to 1e150"
    ):
        net.fit(X, Y)


def test_parameters():
    for delta in ("1", None, 0.0, np.nan):
        with pytest.raises(ValueError, match="delta must be a positive number"):
            PseudoHuber(delta)
    with pytest.raises(ValueError, match="arrays must be a sequence of names, got 3"):
        NormPenalty(1.0, 3)


def test_values_that_are_equal_in_nearly_all_their_digits():
    """The units of the table cannot say what a fit of standardised columns found there."""
    with pytest.warns(UserWarning, match=r"values of 'x1' in X are near 1e\+15 and differ by"):
        regressor().fit(X + np.array([0.0, 1e15, 0.0]), Y)
    with pytest.warns(UserWarning, match=r"values of 'y' in y are near 1e\+15 .*Subtract"):
        regressor().fit(X, Y + 1e15)
    for quiet in (
        X + 1e8,
        X * np.array([1, 0, 1]) + np.array([0.0, 0.1, 0.0]),
    ):  # a constant is a constant
        regressor().fit(quiet, Y)
    rounding = X.copy()
    rounding[:, 1] = 0.1 + 1e-17 * (np.arange(20) % 5)
    regressor().fit(rounding, Y)


def test_parameters_that_are_put_into_a_fitted_net():
    net = regressor(warm_start=True).fit(X, Y)
    for params, message in (
        (np.zeros(3), r"params must have shape \(11,\)"),
        (["a"] * 11, "params must be numbers"),
        (np.full(11, 1j), "params must be numbers"),
        (np.full(11, np.nan), "params must be finite"),
    ):
        net.params_ = params
        with pytest.raises(ValueError, match=message):
            net.fit(X, Y)
        with pytest.raises(ValueError, match=message):
            regressor().fit(X, Y).predict_at(params, X)


def test_far_points_overflow_without_a_warning():
    net = RBFNetRegressor(2, alpha=0.1, random_state=0).fit(X, Y)
    assert net.input_derivatives(1e154 * X).shape == (20, 3)


def test_no_columns_and_no_rows_of_a_target():
    with pytest.raises(ValueError, match=r"X has no columns: 0 feature\(s\) \(shape=\(20, 0\)\)"):
        regressor().fit(FRAME[[]], Y)
    for net, y in ((regressor(), 1.0), (NewtonMLPClassifier(), {0: 1})):
        with pytest.raises(ValueError, match="y must be an array with an entry for each row"):
            net.fit(X, y)


def test_arrays_that_do_not_fit_the_memory_have_words(monkeypatch):
    """What numpy could not allocate names the solver; a MemoryError of the user's own passes."""

    def refuse(self, w):
        np.empty(10**18)

    monkeypatch.setattr("sknewtonnet.calculus.Objective.gradient", refuse)
    net = regressor(solver="bfgs")
    with pytest.raises(MemoryError, match=r"^solver='bfgs' and the arrays .* Unable to allocate"):
        net.fit(X, Y)


class Misshapen(Activation):
    """An activation whose values are no arrays of real numbers."""

    name = "misshapen"

    def __init__(self, answer):
        self.answer = answer

    def derivatives(self, a, order=2):
        return self.answer((a, np.ones_like(a), np.zeros_like(a))[: order + 1])


ANSWERS = {
    "None": lambda found: None,
    "a generator": lambda found: (f for f in found),
    "lists": lambda found: tuple(f.tolist() for f in found),
    "complex": lambda found: tuple(f + 0j for f in found),
    "text": lambda found: "abc"[: len(found)],
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_activations_of_the_wrong_type(answer):
    with pytest.raises(ValueError, match=r"'misshapen': derivatives\(a, 0\) must return a tuple"):
        regressor(activation=Misshapen(answer)).fit(X, Y)
    with pytest.raises(AssertionError, match=r"'misshapen'.* must return a tuple of arrays"):
        check_activation(Misshapen(answer))


def test_arguments_of_the_wrong_type_below_the_estimators():
    net = Network.mlp(3, (2,), 1)
    f, w = Objective(net, "squared_error", X, Y), np.zeros(net.n_parameters)
    for call, message in (
        (lambda: Objective(None, "squared_error", X, Y), "network must be a Network, got None"),
        (lambda: critical_point(None, w), "function must be a SmoothFunction, got None"),
        (lambda: check_activation(None), "activation must be an Activation, got None"),
        (
            lambda: get_solver("newton").minimize(f, w, callback=3),
            "callback must be callable, got 3",
        ),
    ):
        with pytest.raises(TypeError, match=message):
            call()
    for call, message in (
        (lambda: f.jacobian_product(w, w[1:]), r"v must have shape \(11,\), got \(10,\)"),
        (lambda: f.shift_derivatives(w, [3]), r"features must be numbers below 3, got \[3\]"),
        (lambda: get_solver("slsqp").minimize(f, w[1:]), r"w0 must have shape \(11,\)"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
