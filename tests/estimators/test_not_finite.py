"""Activations, losses and scales that are not finite: fits end in words, never as minima."""

import re
import warnings
from contextlib import nullcontext
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sknewtonnet import (
    BackwardPruning,
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    RBFNetClassifier,
    RBFNetRegressor,
)
from sknewtonnet.calculus import Activation, Loss
from sknewtonnet.calculus.pieces.activations import Tanh
from sknewtonnet.calculus.pieces.losses import SquaredError
from sknewtonnet.estimators import fit_of
from sknewtonnet.estimators._fit import verdict
from sknewtonnet.solvers import SOLVERS, Status

each_solver = pytest.mark.parametrize("solver", SOLVERS)
each_order = pytest.mark.parametrize("order", [0, 1, 2])

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 2))
y = np.sin(X[:, 0]) + 0.3 * X[:, 1]


class BrokenTanh(Tanh):
    """tanh, of which a derivative is no number at one entry, or at large arguments."""

    name = "broken_tanh"
    parity = 0
    value, forward, curvature = Activation.value, Activation.forward, Activation.curvature

    def __init__(self, broken_order, far):
        self.broken_order, self.far = broken_order, far

    def derivatives(self, a, order=2):
        found = super().derivatives(a, order)
        if self.broken_order <= order:
            where = np.abs(a) > 1.5 if self.far else (np.arange(a.size) == 11).reshape(a.shape)
            found[self.broken_order][where] = np.nan
        return found


class BrokenSquares(SquaredError):
    """Squared errors, of which a derivative is no number in one row, or for large predictions."""

    name = "broken_squares"
    quadratic = False

    def __init__(self, broken_order, far):
        self.broken_order, self.far = broken_order, far

    def value(self, y, raw):
        return self.derivatives(y, raw, 0)[0]

    def derivatives(self, y, raw, order=2):
        found = [np.array(part) for part in super().derivatives(y, raw, order)]
        if self.broken_order <= order:
            where = np.abs(raw[:, 0]) > 0.8 if self.far else np.arange(len(raw)) == 11
            found[self.broken_order][where] = np.nan
        return tuple(found)


def ended(net, X, y):
    """The refusal of a fit, if there is one, and its warnings."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            net.fit(X, y)
        except ValueError as error:
            return str(error), told
    return "", told


@pytest.mark.parametrize("far", [False, True])
@each_order
@pytest.mark.parametrize("part", ["activation", "loss"])
@each_solver
def test_user_code_that_is_not_finite(solver, part, order, far):
    made = {"activation": BrokenTanh, "loss": BrokenSquares}[part](order, far)
    net = NewtonMLPRegressor((2,), alpha=0.1, solver=solver, max_iter=10, random_state=0)
    net.set_params(**{part: made})
    name = f"{part} '{made.name}'"
    refused, told = ended(net, X, y)
    if refused:
        assert order < 2
        assert "not finite at the starting point: the" in refused
        assert name in refused
        return
    assert order == 2 or far
    assert {warning.category for warning in told} <= {ConvergenceWarning}
    fit = fit_of(net, X, y)
    H = fit.objective().hessian(fit.params)
    if np.isfinite(H).all():
        assert net.solver_result_.status is not Status.NOT_FINITE or name in str(told[0].message)
        return
    assert net.critical_point_ in ("inconclusive", "not stationary")
    assert name in net.critical_point_message_
    assert name in str(told[-1].message) or net.solver_result_.status is Status.MAX_ITER
    with pytest.raises(ValueError, match=f"finite second derivatives, but .*{name}"):
        net.inference(X, y)
    assert not hasattr(net, "feature_importances_")


def test_one_start_that_is_not_finite_is_not_the_end():
    made = BrokenTanh(1, far=True)
    net = NewtonMLPRegressor((2,), alpha=0.01, activation=made, n_init=6, random_state=0)
    net.set_params(standardize=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        net.fit(X, y)
    lost = ~np.isfinite(net.starts_["loss"])
    assert 0 < lost.sum() < 6
    assert net.loss_ == net.starts_["loss"].min()


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("entry", [1e100, 1e155, 1e300])
@pytest.mark.parametrize(
    "make",
    [
        partial(NewtonMLPRegressor, ()),
        partial(NewtonMLPRegressor, (2,)),
        partial(NewtonMLPRegressor, (2,), activation="relu"),
        partial(NewtonMLPClassifier, (2,)),
        partial(RBFNetRegressor, 2),
        partial(RBFNetRegressor, 2, covariance_type="diag"),
        partial(RBFNetRegressor, 2, covariance_type="full"),
        partial(RBFNetClassifier, 2),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_huge_inputs(make, entry, standardize):
    """One entry or all of X: a fit with an honest verdict, or a sentence on the scale of X."""
    one = X.copy()
    one[5, 1] = entry
    for table in (one, entry * X):
        net = make(alpha=0.1, standardize=standardize, max_iter=20, random_state=0)
        target = (y > 0).astype(int) if hasattr(net, "class_weight") else y
        refused, _ = ended(net, table, target)
        if refused:
            assert re.search(
                "scale of|too large|largest magnitude|and the raw prediction", refused
            )
            continue
        fit = fit_of(net, table, target)
        known = np.isfinite(fit.objective().hessian(fit.params)).all()
        assert known or net.critical_point_ in ("inconclusive", "not stationary")
        with nullcontext() if known else pytest.raises(ValueError, match="finite second deriv"):
            net.inference(table, target).summary()


class Falls(Loss):
    """Minus the squared error, or the prediction itself: no lower bound."""

    name = "falls"
    out_activation = "identity"

    def __init__(self, power):
        self.power = power

    def derivatives(self, y, raw, order=2):
        if self.power == 1:
            found = (raw - y).sum(axis=1), np.ones_like(raw), np.zeros_like(raw)
        else:
            found = -((raw - y) ** 2).sum(axis=1), 2.0 * (y - raw), np.full_like(raw, -2.0)
        return found[: order + 1]


@pytest.mark.parametrize("power", [1, 2])
@each_solver
def test_losses_without_a_lower_bound_have_no_minimum(solver, power):
    options = {"learning_rate": 10.0} if solver == "gd" else None
    net = NewtonMLPRegressor(
        (), loss=Falls(power), alpha=0.0, solver=solver, solver_options=options, max_iter=60
    )
    with pytest.warns(ConvergenceWarning) as told:
        net.fit(X, y)
    assert net.critical_point_ != "minimum"
    assert not net.solver_result_.converged
    if net.loss_ < -1e7:
        assert net.critical_point_ == "not stationary"
        assert "falls without bound" in net.critical_point_message_
        assert "falls without bound" in str(told[0].message)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("solver", ["l-bfgs-b", "trust-krylov", "trust-constr"])
def test_starts_may_be_at_the_bottom_already(solver):
    """That of a radial net has its output layer solved for, without bound."""
    net = RBFNetRegressor(2, loss=Falls(2), alpha=0.0, solver=solver, random_state=0)
    with pytest.warns(ConvergenceWarning, match="falls without bound"):
        net.set_params(max_iter=20).fit(X, y)
    assert net.critical_point_ == "not stationary"


@pytest.mark.parametrize("form", ["spherical", "diag", "full"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_widths_without_bound_are_reported(form):
    """Steps of gradient descent that are too long make a factor of a covariance 0."""
    counts = np.round(1e6 * np.exp(0.5 * X[:, 0]))
    net = RBFNetRegressor(2, covariance_type=form, loss="poisson", alpha=1.0, solver="gd")
    net.set_params(max_iter=60, random_state=0).fit(X, counts)
    assert not np.isnan(net.covariances_).any()
    assert net.covariances_.max() > 1e100


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_pruning_and_restricted_fits_after_such_fits():
    net = NewtonMLPRegressor(
        (2,), activation=BrokenTanh(2, far=False), alpha=0.1, solver="bfgs", random_state=0
    )
    with pytest.raises(ValueError, match="finite second derivatives"):
        BackwardPruning(net).fit(X, y)


@pytest.mark.parametrize("bounded", [False, True])
def test_a_point_is_judged_by_itself(bounded):
    """Not by the gradient of the start: a run that begins at 1e30 is at no minimum at 1e25."""
    bounds = {"coefs_0": (-1e20, 1e20)} if bounded else None
    net = NewtonMLPRegressor((), alpha=0.0, bounds=bounds).fit(X, y)
    fit = fit_of(net, X, y)
    objective = fit.objective()
    far = fit.params + 1e12
    value, gradient = objective.value_and_gradient(far)
    stalled = replace(
        net.solver_result_,
        params=far,
        value=value,
        gradient=gradient,
        status=Status.STALLED,
        history=(1e30, value),
        initial_gradient_norm=1e30,
    )
    assert verdict(objective, stalled) == "not stationary"
    assert verdict(objective, net.solver_result_) == "minimum"
