"""Estimators under bounds, linear and monotonic constraints."""

import pickle

import numpy as np
import pytest
from constrained_cases import CONSTRAINED, is_constrained_minimum, table
from estimator_cases import (
    Recorder,
    classifier,
    data,
    rbf_regressor,
    regressor,
)
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn_checks import with_checks

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.calculus import Network
from sknewtonnet.estimators import _mlp
from sknewtonnet.solvers import SOLVERS, Status

ROW = [({"coefs_0[x0, h0]": 1.0, "coefs_0[x0, h1]": -1.0}, 0.0, 0.0)]
MIXED = {
    "bounds": {"coefs_0": (-0.8, 0.8), "intercepts_1": (0.4, 0.4), "coefs_0[x1, h2]": (None, 0.1)},
    "linear_constraints": [({"coefs_1": 1.0}, None, 0.5), *ROW],
}


def test_bounds_by_name():
    """Arrays, arrays as limits, single parameters with the names of columns, None."""
    X, y = table()
    upper = np.array([[0.5, 9.0, 9.0], [9.0, 9.0, 0.2]])
    bounds = {
        "coefs_0": (None, upper),
        "coefs_1": [-1.0, 1.0],
        "coefs_0[dose, h1]": (0.3, None),
        "intercepts_0": (np.full(3, -0.1), 0.1),
        "intercepts_1[y]": (0.25, 0.25),
    }
    est = regressor(random_state=0, bounds=bounds).fit(X, y)
    free = regressor(random_state=0).fit(X, y)
    is_constrained_minimum(est, X, y)
    assert (est.coefs_[0] <= upper + 1e-15).all()
    assert est.coefs_[0][1, 1] >= 0.3 - 1e-15
    assert (np.abs(est.coefs_[1]) <= 1.0 + 1e-15).all()
    assert (np.abs(est.intercepts_[0]) <= 0.1 + 1e-15).all()
    assert est.intercepts_[1] == pytest.approx(0.25, abs=1e-15)
    assert est.loss_ > free.loss_
    assert len(est.solver_result_.multipliers.held) > 3


RBF_CASES = {
    "centers": {"bounds": {"centers": (-0.5, 0.5)}},
    "intercept": {"bounds": {"intercepts_0": (0.0, 0.0)}},
    "both and a row": {
        "bounds": {"centers": (None, 0.8), "intercepts_0": (-0.1, 0.1)},
        "linear_constraints": [({"coefs_0": 1.0}, 1.0, 1.0)],
    },
}


@pytest.mark.parametrize("params", RBF_CASES.values(), ids=RBF_CASES)
@pytest.mark.parametrize("kind", ["spherical", "diag", "full"])
def test_radial_nets(kind, params):
    X, y = data()
    est = rbf_regressor(covariance_type=kind, random_state=0, alpha=0.5, **params).fit(X, y)
    is_constrained_minimum(est, X, y)
    low, high = params["bounds"].get("centers", (None, None))
    if high is not None:
        assert est.centers_.max() <= high + 1e-12
    if low is not None:
        assert est.centers_.min() >= low - 1e-12
    low, high = params["bounds"].get("intercepts_0", (-np.inf, np.inf))
    assert low - 1e-12 <= est.intercepts_[0][0] <= high + 1e-12
    if "linear_constraints" in params:
        assert est.coefs_[0].sum() == pytest.approx(1.0, abs=1e-12)


def test_linear_constraints():
    """Arrays as factors, an equality that ties two parameters, one-sided limits."""
    X, y = table()
    factors = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])
    rows = [
        ({"coefs_0": factors, "intercepts_1": 2.0}, -0.2, 0.3),
        ({"coefs_0[age, h0]": 1.0, "coefs_0[dose, h0]": -1.0}, 0.0, 0.0),
        [{"coefs_1": 1}, None, 0.1],
        ({"intercepts_0": 1.0}, 0.5, np.inf),
    ]
    est = regressor(random_state=0, linear_constraints=rows).fit(X, y)
    is_constrained_minimum(est, X, y)
    assert -0.2 - 1e-12 <= (factors * est.coefs_[0]).sum() + 2 * est.intercepts_[1] <= 0.3 + 1e-12
    assert est.coefs_[0][0, 0] == pytest.approx(est.coefs_[0][1, 0], abs=1e-14)
    assert est.coefs_[1].sum() <= 0.1 + 1e-12
    assert est.intercepts_[0].sum() >= 0.5 - 1e-12
    as_tuple = clone(est).set_params(linear_constraints=tuple(rows)).fit(X, y)
    assert_array_equal(as_tuple.params_, est.params_)


def test_tied_parameters_are_one_parameter():
    """A generalised linear model with two equal coefficients has the sum as its only feature."""
    X, y = data()
    rows = [({"coefs_0[x0, y]": 1.0, "coefs_0[x1, y]": -1.0}, 0.0, 0.0)]
    est = NewtonMLPRegressor((), alpha=0.0, linear_constraints=rows, standardize=False).fit(X, y)
    one = NewtonMLPRegressor((), alpha=0.0, standardize=False).fit(X.sum(axis=1, keepdims=True), y)
    assert est.loss_ == pytest.approx(one.loss_, rel=1e-12)
    assert_allclose(est.coefs_[0], np.full((2, 1), one.coefs_[0][0, 0]), atol=1e-9)


@pytest.mark.parametrize("name", CONSTRAINED)
@pytest.mark.parametrize("n_init", [1, 2])
def test_every_method(name, n_init):
    """Each ends at a minimum, where a warm start has nothing to do."""
    X, y = data()
    params = {"bounds": MIXED["bounds"]} if name == "l-bfgs-b" else MIXED
    est = regressor(solver=name, random_state=0, n_init=n_init, tol=1e-9, **params)
    alpha = dict.fromkeys(("coefs_0", "coefs_1", "intercepts_0"), 0.2)
    est.set_params(warm_start=True, alpha=alpha).fit(X, y)
    is_constrained_minimum(est, X, y)
    assert (np.abs(est.coefs_[0]) <= 0.8 + 1e-12).all()
    assert est.intercepts_[1] == pytest.approx(0.4, abs=1e-12)
    assert est.coefs_[0][1, 2] <= 0.1 + 1e-12
    if "linear_constraints" in params:
        assert est.coefs_[1].sum() <= 0.5 + 1e-12
        assert est.coefs_[0][0, 0] == pytest.approx(est.coefs_[0][0, 1], abs=1e-12)
    last = est.params_
    assert est.fit(X, y).n_iter_ == 0
    assert_allclose(est.params_, last, atol=1e-12)


def test_frozen_at_zero_is_removed(monkeypatch):
    """The same minimum as without the connections, from a start near it."""
    X, y = data()
    mask = {"coefs_0": np.array([[True, False, True], [False, True, True]])}
    limits = np.where(mask["coefs_0"], np.inf, 0.0)
    removed = regressor(connectivity=mask, random_state=0).fit(X, y)
    arrays = Network.mlp(2, (3,), 1, connectivity=mask).layout.unpack(removed.params_ + 0.02)
    monkeypatch.setattr(_mlp, "_random_start", lambda p, *_, **__: p.network.layout.pack(arrays))
    frozen = regressor(bounds={"coefs_0": (-limits, limits)}).fit(X, y)
    both = regressor(connectivity=mask, bounds={"coefs_0": (-99, 99)}).fit(X, y)
    assert len(removed.params_) == len(both.params_) == 11
    for est in (frozen, both):
        is_constrained_minimum(est, X, y)
        assert est.loss_ == pytest.approx(removed.loss_, rel=1e-12)
        assert_allclose(est.predict(X), removed.predict(X), atol=1e-8)
        assert_allclose(est.coefs_[0][~mask["coefs_0"]], 0.0, atol=1e-15)


def test_constrained_saddle_is_told(monkeypatch):
    """Without coefficients, and the intercept held back: stationary, but no minimum."""
    X, y = data()
    limit = y.mean() - 0.1
    saddle = np.r_[np.zeros(12), limit]
    monkeypatch.setattr(_mlp, "_random_start", lambda *_, **__: saddle)
    est = regressor(bounds={"intercepts_1": (None, limit)})
    with pytest.warns(ConvergenceWarning, match=r"saddle point.* along coefs_.*: other starts"):
        est.fit(X, y)
    assert est.n_iter_ == 0
    assert est.critical_point_ == "saddle"
    assert est.solver_result_.multipliers.bounds[-1] == pytest.approx(0.1)
    zero = {"coefs_0": (0.0, 0.0), "intercepts_0": (0.0, 0.0)}
    held = regressor(bounds={"intercepts_1": (None, limit)} | zero)
    assert held.fit(X, y).critical_point_ == "minimum"


def test_limit_of_iterations_is_told_by_the_residual():
    with pytest.warns(ConvergenceWarning, match=r"after 2 iterations .*KKT residual.*max_iter"):
        est = regressor(max_iter=2, random_state=0, **MIXED).fit(*data())
    assert est.n_iter_ == 2
    assert est.critical_point_ == "not stationary"
    assert (np.abs(est.coefs_[0]) <= 0.8 + 1e-6).all()


def stop():
    return True


def interrupt():
    raise KeyboardInterrupt


def test_stopped_and_interrupted_fits():
    X, y = data()
    est = regressor(random_state=0, **MIXED).set_callbacks(Recorder(2, stop)).fit(X, y)
    assert est.solver_result_.status is Status.STOPPED
    assert est.n_iter_ == 2
    before = {name: value for name, value in vars(est).items() if name.endswith("_")}
    est.set_callbacks(Recorder(2, interrupt)).set_params(hidden_layer_sizes=(5,))
    with pytest.raises(KeyboardInterrupt):
        est.fit(X, y)
    assert all(getattr(est, name) is value for name, value in before.items())
    fresh = clone(est).set_callbacks(Recorder(2, interrupt))
    with pytest.raises(KeyboardInterrupt):
        fresh.fit(X, y)
    assert not [name for name in vars(fresh) if name.endswith("_") and not name.endswith("__")]


def test_copies():
    X, y = data()
    est = regressor(random_state=0, monotonic_cst=[1, 0], **MIXED).fit(X, y)
    thawed = pickle.loads(pickle.dumps(est))
    assert_array_equal(thawed.predict(X), est.predict(X))
    multipliers = thawed.solver_result_.multipliers
    assert_array_equal(multipliers.bounds, est.solver_result_.multipliers.bounds)
    fresh = clone(est)
    assert fresh.get_params() == est.get_params()
    assert fresh.get_params()["bounds"] == MIXED["bounds"]
    assert_array_equal(fresh.fit(X, y).params_, est.params_)


def test_grid_search():
    X, y = data()
    grid = {
        "bounds": [None, {"coefs_0": (-0.01, 0.01)}],
        "linear_constraints": [None, ROW],
        "monotonic_cst": [None, [-1, 0]],
    }
    search = GridSearchCV(regressor(random_state=0, tol=1e-6), grid, cv=2).fit(X, y)
    assert search.best_params_["bounds"] is None
    assert search.best_params_["monotonic_cst"] is None


@pytest.mark.parametrize("name", sorted(SOLVERS.keys() - CONSTRAINED))
def test_other_solvers_are_refused(name):
    est = regressor(solver=name, bounds={"coefs_0": (0, 1)}, random_state=0)
    with pytest.raises(ValueError, match=f"solver='{name}' cannot keep to constraints; use one"):
        est.fit(*data())


def test_linear_constraints_are_too_much_for_l_bfgs_b():
    est = regressor(solver="l-bfgs-b", linear_constraints=ROW)
    with pytest.raises(ValueError, match=r"cannot keep to linear constraints.*'slsqp'"):
        est.fit(*data())


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@with_checks(
    [
        NewtonMLPRegressor((2,), solver="slsqp", max_iter=100, standardize=False, alpha=1.0),
        classifier(bounds={"coefs_0": (-1, 1)}, max_iter=100),
    ],
    readers=[],  # solvers see no tables
)
def test_sklearn_check(estimator, check):
    check(estimator)
