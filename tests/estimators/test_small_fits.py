"""What a small fit does beside the steps of its solver: counted, not timed."""

import numpy as np
import pytest
import scipy.linalg
from sklearn.datasets import load_iris
from sklearn.linear_model import RidgeClassifier

import sknewtonnet.estimators._arguments as arguments
from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor
from sknewtonnet.calculus import Objective
from sknewtonnet.calculus.functions import critical_point as verdicts
from sknewtonnet.calculus.functions import scaled_spectrum as spectra
from sknewtonnet.estimators import _block_tables

X, LABELS = load_iris(return_X_y=True)


@pytest.fixture
def counted(monkeypatch):
    """Count the calls of some functions."""
    counts = {}

    def count(owner, name):
        original, key = getattr(owner, name), f"{getattr(owner, '__name__', owner)}.{name}"
        counts[key] = 0

        def counting(*args, **kwargs):
            counts[key] += 1
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, counting)

    count(Objective, "hessian")
    count(Objective, "__init__")
    count(verdicts, "eigh")
    count(spectra, "eigh")
    count(scipy.linalg, "eigh")
    return counts


def test_a_fit_forms_two_hessians_and_no_eigenvalues_beside_its_steps(counted):
    net = NewtonMLPClassifier((10,), alpha=1.0, random_state=0).fit(X, LABELS)
    steps = net.solver_result_.n_evaluations["hessian"]
    # The solver's own verdict is among its evaluations; the end, in canonical form, is one more.
    assert counted["Objective.hessian"] == steps + 1
    assert counted["Objective.__init__"] == 1
    assert sum(calls for name, calls in counted.items() if name.endswith("eigh")) == 0
    assert net.critical_point_ == "minimum"
    assert np.isfinite(net.feature_importance_).all()


def test_an_array_of_doubles_is_taken_as_it_is(monkeypatch):
    nets = [
        NewtonMLPClassifier((2,), alpha=1.0, random_state=0).fit(X, LABELS),
        NewtonMLPRegressor((2,), alpha=1.0, random_state=0).fit(X[:, :3], X[:, 3]),
    ]
    rows = [X[:5], X[:5, :3]]
    expected = [net.predict(part.tolist()) for net, part in zip(nets, rows, strict=True)]

    def refuse(*args, **kwargs):
        raise AssertionError("a few finite doubles need neither")

    monkeypatch.setattr(arguments, "validate_data", refuse)
    monkeypatch.setattr(_block_tables, "memory", refuse)  # which reads files of the system
    for net, part, known in zip(nets, rows, expected, strict=True):
        np.testing.assert_array_equal(net.predict(part), known)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.full((1, 4), np.nan), "contains NaN"),
        (np.full((1, 4), np.inf), "contains infinity"),
        (np.ones((1, 3)), "X has 3 features"),
        (np.ones(4), "1D array"),
        (np.ones((0, 4)), "0 sample"),
        (np.ones((1, 4), dtype=complex), "Complex data"),
    ],
)
def test_other_rows_are_refused_as_by_scikit_learn(rows, message):
    net = NewtonMLPClassifier((2,), alpha=1.0, random_state=0).fit(X, LABELS)
    with pytest.raises(ValueError, match=message):
        net.predict(rows)
    with pytest.raises(ValueError, match=message):
        RidgeClassifier().fit(X, LABELS).predict(rows)


def test_rows_whose_sum_overflows_are_finite_all_the_same():
    net = NewtonMLPClassifier((2,), alpha=1.0, random_state=0).fit(X, LABELS)
    assert net.predict(np.full((60, 4), 1e306)).shape == (60,)


def test_rows_without_the_names_of_the_fit_are_told_of():
    pandas = pytest.importorskip("pandas", reason="names of features come from a data frame")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    net = NewtonMLPClassifier((2,), alpha=1.0, random_state=0).fit(frame, LABELS)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        net.predict(X[:1])
