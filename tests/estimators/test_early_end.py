"""An early end of fits to large tables, by ``ftol``: no warning, and an honest verdict."""

from dataclasses import replace

import numpy as np
import pytest
from estimator_cases import class_data, each_kind, regression_data

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor, RBFNetRegressor
from sknewtonnet.calculus import Objective
from sknewtonnet.estimators import fit_of
from sknewtonnet.estimators._fit import verdict
from sknewtonnet.solvers import AutoSolver, Status

ROUGH = {"ftol": 0.03, "random_state": 0}


@each_kind
def test_fits_end_early_without_a_warning(make, make_data):
    X, y = make_data()
    net = make(solver="l-bfgs-b", **ROUGH).fit(X, y)
    assert net.solver_result_.status is Status.FTOL
    assert net.critical_point_ == "not stationary"
    assert not net.starts_["converged"].any()
    # Newton's method may be at a minimum by then.
    net.set_params(solver="auto").fit(X, y)
    assert net.solver_result_.status in (Status.FTOL, Status.CONVERGED)


@pytest.mark.parametrize("standardize", [False, True])
def test_a_plain_verdict_needs_no_hessian(standardize, monkeypatch):
    """A Hessian of many parameters on many rows costs more than the fit."""
    X, y = regression_data()
    net = NewtonMLPRegressor((3,), alpha=0.1, standardize=standardize, solver="l-bfgs-b", **ROUGH)

    def refuse(self, w, kind="exact"):
        raise AssertionError("a Hessian was formed")

    with monkeypatch.context() as patch:
        patch.setattr(Objective, "hessian", refuse)
        assert net.fit(X, y).critical_point_ == "not stationary"
    objective, w = net.objective(X, y), net.params_
    step = np.linalg.solve(objective.hessian(w, "gauss-newton"), objective.gradient(w))
    assert objective.value(w - 0.1 * step) < objective.value(w)


def test_an_early_end_at_a_minimum_is_a_minimum():
    """Where the gradient does not plainly say no, the Hessian decides."""
    X, y = regression_data()
    net = NewtonMLPRegressor((2,), alpha=1.0, standardize=True, random_state=0).fit(X, y)
    early = replace(net.solver_result_, status=Status.FTOL)
    assert verdict(fit_of(net, X, y).objective(), early) == net.critical_point_ == "minimum"
    moved = replace(early, params=early.params + 0.01)
    assert verdict(fit_of(net, X, y).objective(), moved) == "not stationary"


def test_inference_says_that_it_is_no_minimum():
    X, y = regression_data()
    net = NewtonMLPRegressor((2,), alpha=0.1, standardize=True, **ROUGH).fit(X, y)
    with pytest.warns(UserWarning, match="[Nn]ot stationary"):
        results = net.inference(X, y)
    assert not results.identifiable


def test_it_is_a_parameter_like_tol():
    X, y = regression_data()
    by_name = NewtonMLPRegressor((2,), alpha=0.1, standardize=True, **ROUGH).fit(X, y)
    given = NewtonMLPRegressor((2,), alpha=0.1, standardize=True, random_state=0)
    given.set_params(solver=AutoSolver(ftol=0.5)).set_params(solver__ftol=0.03)
    assert given.fit(X, y).n_iter_ == by_name.n_iter_
    for bad in (-0.1, "small"):
        with pytest.raises(ValueError, match="'ftol' parameter"):
            NewtonMLPRegressor((2,), ftol=bad).fit(X, y)


@pytest.mark.parametrize("alpha", [0.1, "auto"])
def test_starts_and_choices_of_alpha(alpha):
    X, y = class_data()
    net = NewtonMLPClassifier((2,), alpha=alpha, standardize=True, n_init=2, **ROUGH)
    assert net.fit(X, y).score(X, y) > 0.9
    assert len(net.starts_["loss"]) == 2
    X, y = regression_data()
    assert RBFNetRegressor(3, alpha=alpha, **ROUGH).fit(X, y).score(X, y) > 0.2
