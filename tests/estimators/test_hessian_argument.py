"""What a fit says of its hessian argument, and the blocks as a preconditioner of fits."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor, RBFNetRegressor

BLOCK = {"preconditioner": "block"}


def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4)) * [1.0, 10.0, 0.1, 1.0] + rng.normal(size=(60, 1))
    return X, np.tanh(X[:, 0] - X[:, 3]) + 0.1 * rng.normal(size=60)


def message_of(net, X, y):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        net.fit(X, y)
    assert [w.category for w in caught] == [ConvergenceWarning]
    return str(caught[0].message)


@pytest.mark.parametrize("hessian", ["block", "lagrangian"])
@pytest.mark.parametrize("solver", ["trust-ncg", "newton", "auto"])
def test_a_run_that_does_not_arrive_names_its_hessian(solver, hessian):
    X, y = table()
    how = {"alpha": 1.0, "solver": solver, "hessian": hessian, "max_iter": 20, "random_state": 0}
    nets = {
        NewtonMLPRegressor((4,), **how): y,
        NewtonMLPClassifier((4,), **how): y > 0,
        RBFNetRegressor(3, **how): y,
    }
    for net, target in nets.items():
        message = message_of(net, X, target)
        assert f"The cause is hessian='{hessian}'" in message
        assert "Use hessian='exact'" in message
        assert "preconditioner" in message
        assert "fewer units" not in message


@pytest.mark.parametrize("how", [{"solver": "bpos"}, {"solver": "newton", "tied": {"coefs_1": 0}}])
def test_no_preconditioner_where_there_is_none(how):
    X, y = table()
    net = NewtonMLPRegressor((4,), alpha=1.0, hessian="block", max_iter=20, random_state=0, **how)
    message = message_of(net, X, y)
    assert "Use hessian='exact'." in message
    assert "preconditioner" not in message
    with pytest.raises((TypeError, ValueError), match="preconditioner"):
        net.set_params(hessian="exact", solver_options=BLOCK).fit(X, y)


def test_other_runs_that_do_not_arrive_do_not():
    X, y = table()
    for hessian in ("exact", "gauss-newton"):
        how = {"alpha": 1.0, "hessian": hessian, "max_iter": 3, "random_state": 0}
        assert "The cause is" not in message_of(NewtonMLPRegressor((4,), **how), X, y)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("solver", ["trust-ncg", "auto"])
def test_fits_with_preconditioned_products_end_at_a_minimum(solver, standardize):
    X, y = table()
    how = {"alpha": 1.0, "solver": solver, "random_state": 0, "standardize": standardize}
    net = NewtonMLPRegressor((30,), solver_options=BLOCK, **how).fit(X, y)
    assert net.solver_result_.converged
    assert net.critical_point_ == "minimum"
    assert net.solver_result_.n_events["preconditioners"] > 0
    assert_allclose(net.objective(X, y).gradient(net.params_), 0.0, atol=1e-7)


def test_radial_nets_and_classes_take_it():
    X, y = table()
    how = {"alpha": 1.0, "solver": "trust-ncg", "solver_options": BLOCK, "random_state": 0}
    for net, target in ((RBFNetRegressor(4, **how), y), (NewtonMLPClassifier((4,), **how), y > 0)):
        assert net.fit(X, target).solver_result_.converged
        assert net.solver_result_.n_events["preconditioners"] > 0


def test_what_cannot_take_it_says_so():
    X, y = table()
    bounds = {"coefs_1": (0.0, None)}
    with pytest.raises(ValueError, match="solver_options of 'auto' under constraints"):
        NewtonMLPRegressor((4,), alpha=1.0, bounds=bounds, solver_options=BLOCK).fit(X, y)
    with pytest.raises(ValueError, match="has no effect on hessian='block'"):
        NewtonMLPRegressor((4,), alpha=1.0, hessian="block", solver_options=BLOCK).fit(X, y)
