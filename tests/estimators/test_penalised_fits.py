"""Estimators with penalties of one's own: what is minimised, and what else knows of it."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from estimator_cases import (
    N,
    each_kind,
    each_plain_kind,
    rbf_regressor,
    regression_data,
    regressor,
    weights,
)
from inference_oracles import problem_of
from numpy.testing import assert_allclose, assert_array_equal
from oracles import Oracle
from penalty_cases import Fused, Quartic
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from sknewtonnet import BackwardPruning, NewtonMLPRegressor, RBFNetRegressor
from sknewtonnet.calculus import NormPenalty, SeparablePenalty

PENALTIES = {"norms": NormPenalty(1.5), "fused": Fused(2.0), "quartic": Quartic()}
each_penalty = pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)


def fitted(make, make_data, penalty, **params):
    X, y = make_data()
    est = make(penalties=penalty, random_state=0, **params)
    if hasattr(est, "alpha_widths"):  # the oracle knows squares for the widths, nothing else
        held = {"coefs_0": 0.2, "centers": 0.1, "precisions_cholesky": 1.0}
        est.set_params(alpha_widths=0.0, alpha=held)
    weight = weights(len(X))
    return est.fit(X, y, weight), X, y, weight


@each_plain_kind
@each_penalty
def test_the_fit_is_a_minimum_with_the_penalty(make, make_data, penalty):
    """Value, gradient and Hessian at the minimum are those of the oracle."""
    est, X, y, weight = fitted(make, make_data, penalty)
    f = est.objective(X, y, weight)
    reference = Oracle(problem_of(est, X, y, weight), f.network.layout, est.params_)
    assert est.loss_ == pytest.approx(reference.value, rel=1e-12)
    assert_allclose(reference.gradient, 0.0, atol=1e-9)
    assert_allclose(f.hessian(est.params_), reference.hessian, rtol=1e-10, atol=1e-12)
    assert est.critical_point_ == "minimum"
    known = f.invariant_directions()
    assert np.linalg.eigvalsh(reference.hessian + known @ known.T)[0] > 1e-9


@each_kind
def test_no_penalty_of_ones_own(make, make_data):
    X, y = make_data()
    fits = [make(penalties=none, random_state=0).fit(X, y) for none in (None, [], ())]
    for other in fits[1:]:
        assert_array_equal(other.params_, fits[0].params_)


def test_several_penalties_add_up():
    est, X, *_ = fitted(regressor, regression_data, [NormPenalty(0.5), Fused(), NormPenalty(1)])
    same, *_ = fitted(regressor, regression_data, (Fused(), NormPenalty(1.5)))
    assert_allclose(same.loss_, est.loss_, rtol=1e-12)
    assert_allclose(same.predict(X), est.predict(X), atol=1e-6)


def test_a_stronger_penalty_of_norms_leaves_smaller_norms():
    norms = []
    for strength in (0.1, 1.0, 5.0):
        est, *_ = fitted(regressor, regression_data, NormPenalty(strength), alpha=0.0)
        norms.append([np.linalg.norm(W) for W in est.coefs_])
    assert (np.diff(norms, axis=0) < 0).all()


@pytest.mark.parametrize("make", [NewtonMLPRegressor, RBFNetRegressor])
def test_a_norm_that_takes_a_layer_away_is_told(make):
    """Near 0, where it has no derivative, the fit stalls; no minimum is claimed."""
    X, y = regression_data()
    est = make(2, alpha=0.0, standardize=False, penalties=NormPenalty(200.0), random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"coefs_0 is next to 0 .*norm.*no derivative"):
        est.fit(X, y)
    assert est.critical_point_ == "not stationary"
    assert np.abs(est.coefs_[0]).max() < 1e-6
    with pytest.warns(UserWarning, match="Inference: "):
        results = est.inference(X, y)
    assert not results.identifiable
    assert np.isnan(results.std_errors).all()


def test_a_fit_that_starts_at_a_norm_of_zero():
    """Nothing to learn: the gradient that is left is 0, and still no minimum is claimed."""
    X, _ = regression_data()
    y = np.full(N, 2.0)
    est = regressor(alpha=0.0, penalties=NormPenalty(1.0), warm_start=True, random_state=0)
    with pytest.warns(ConvergenceWarning):
        est.fit(X, y)
    est.params_ = np.where(
        [name.startswith("intercepts_1") for name in est.parameter_names_], 2, 0
    )
    with pytest.warns(ConvergenceWarning, match="no derivative"):
        est.fit(X, y)
    assert est.solver_result_.converged
    assert est.critical_point_ == "inconclusive"
    with pytest.warns(UserWarning, match="Inference: "):
        results = est.inference(X, y)
    assert any("coefs_1 is next to 0" in message for message in results.diagnosis)


# How estimators carry it ------------------------------------------------------------------


@each_kind
@each_penalty
def test_clones_and_pickles(make, make_data, penalty):
    est, X, y, weight = fitted(make, make_data, penalty)
    again = clone(est).fit(X, y, weight)
    assert_array_equal(again.params_, est.params_)
    loaded = pickle.loads(pickle.dumps(est))
    assert_array_equal(loaded.predict(X), est.predict(X))
    w = est.params_ + 0.1
    expected = est.objective(X, y, weight).hessian(w)
    assert_array_equal(loaded.objective(X, y, weight).hessian(w), expected)
    assert type(loaded.penalties) is type(penalty)


def test_what_is_passed_is_not_changed():
    """A penalty is put on a net in each objective; the object itself knows no net."""
    penalties = [NormPenalty(1.5), Fused(2.0)]
    est, *_ = fitted(regressor, regression_data, penalties)
    assert est.penalties is penalties
    assert penalties[0].layout is None
    assert penalties[1].differences is None
    assert "NormPenalty(strength=1.5, arrays=None)" in repr(est)


def test_search_over_strengths():
    X, y = regression_data()
    grid = [NormPenalty(strength) for strength in (0.1, 0.5, 2.0)]
    search = GridSearchCV(regressor(alpha=0.0, random_state=0), {"penalties": grid}, cv=3)
    search.fit(X, y)
    assert search.best_params_["penalties"] in grid
    scores = search.cv_results_["mean_test_score"]
    assert len(set(scores)) == 3
    assert search.best_estimator_.penalties == grid[int(np.argmax(scores))]


@dataclass(frozen=True)
class Local(SeparablePenalty):
    """Not to be found by an import in another process."""

    strength: float = 0.1

    def value(self, w):
        return self.strength * float(np.log(np.cosh(w)).sum())

    def gradient(self, w):
        return self.strength * np.tanh(w)

    def hessian_diagonal(self, w):
        return self.strength / np.cosh(w) ** 2


def test_starts_in_other_processes():
    one, X, *_ = fitted(regressor, regression_data, Local(), n_init=3)
    two, *_ = fitted(regressor, regression_data, Local(), n_init=3, n_jobs=2)
    assert_array_equal(one.params_, two.params_)
    assert_array_equal(one.predict(X), two.predict(X))


def test_warm_starts():
    est, X, y, weight = fitted(regressor, regression_data, Quartic(), warm_start=True)
    before = est.params_
    est.fit(X, y, weight)
    assert est.n_iter_ <= 1
    assert_allclose(est.params_, before, atol=1e-8)


# The output layer --------------------------------------------------------------------------


OUTPUT = [
    (regressor, Fused(), ""),
    (regressor, NormPenalty(1.0, ("coefs_0", "intercepts_0")), ""),
    (regressor, NormPenalty(), "NormPenalty"),
    (regressor, [Quartic(), Fused()], "Quartic"),
    (rbf_regressor, NormPenalty(1.0, ("centers",)), ""),
    (rbf_regressor, Fused(), "Fused"),  # of the coefficients of the output layer
]


@pytest.mark.parametrize(("make", "penalty", "named"), OUTPUT)
def test_the_output_layer_is_solved_for_or_it_is_said_why_not(make, penalty, named):
    est, X, y, weight = fitted(make, regression_data, penalty)
    f, result = est.objective(X, y, weight), est.solver_result_
    assert result.converged
    assert (f.reduced() is None) == bool(named)
    expected = f"{result.status.value}; {f.why_not_reduced()}" if named else result.status.value
    assert result.message == expected
    assert not named or f"since {named} may depend on it" in result.message


@pytest.mark.parametrize("options", [{"solver": "newton"}, {"hessian": "block"}])
def test_nothing_is_said_where_no_one_asked_for_it(options):
    est, *_ = fitted(regressor, regression_data, NormPenalty(), **options)
    assert est.solver_result_.message == est.solver_result_.status.value


# Pruning -----------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", ["weight", "neuron", "feature"])
def test_pruning_keeps_the_penalty(unit):
    """The smaller net is at a minimum with the penalty on the parameters that are left."""
    X, y = regression_data()
    net = regressor(alpha=0.1, penalties=[NormPenalty(0.5), Fused(0.5)], random_state=0)
    free = {"scoring": None, "significance_level": 1e-6, "max_steps": 2}
    pruned = BackwardPruning(net, criterion="obs", unit=unit, **free).fit(X, y)
    best = pruned.estimator_
    assert len(best.params_) < len(net.fit(X, y).params_)
    assert best.penalties[0] == NormPenalty(0.5)
    f = best.objective(X, y)
    assert np.abs(f.gradient(best.params_)).max() < 1e-8
    layout = f.network.layout
    own = sum(p.on(layout).value(best.params_) for p in best.penalties) / N
    assert own > 0.0
    arrays = layout.unpack(best.params_)
    norms = sum(np.linalg.norm(arrays[name]) for name in ("coefs_0", "coefs_1"))
    steps = np.diff(arrays["coefs_0"], axis=0)
    assert own * N == pytest.approx(0.5 * norms + 0.25 * (steps**2).sum())
    squares = 0.05 * sum((W**2).sum() for W in best.coefs_)
    losses = 0.5 * ((y - best.predict(X)) ** 2).sum()
    assert best.loss_ == pytest.approx((losses + squares) / N + own, rel=1e-12)


# What is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong", ["norm", 0.5, NormPenalty, {"coefs_0": NormPenalty()}, [NormPenalty(), 0.5]], ids=str
)
@each_kind
def test_what_is_no_penalty_is_refused(make, make_data, wrong):
    X, y = make_data()
    with pytest.raises(ValueError, match="penalties"):
        make(penalties=wrong).fit(X, y)


def test_an_array_that_is_not_there_is_named():
    X, y = regression_data()
    with pytest.raises(ValueError, match="'coefs_5'; the arrays are"):
        regressor(penalties=NormPenalty(1.0, ["coefs_5"])).fit(X, y)
