"""Solvers, activations and losses as objects, and names that are registered later."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from estimator_cases import classifier, data, regressor
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn_checks import with_checks

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor, RBFNetClassifier, RBFNetRegressor
from sknewtonnet.calculus import ACTIVATIONS, LOSSES, Activation, Loss
from sknewtonnet.calculus.pieces.losses import MultinomialLogLoss, SquaredError
from sknewtonnet.solvers import (
    SOLVERS,
    AutoSolver,
    Capability,
    GradientDescentSolver,
    LBFGSBSolver,
    LevenbergMarquardtSolver,
    NewtonSolver,
    Range,
    Solver,
    get_solver,
    option,
)


@dataclass(frozen=True, kw_only=True)
class DampedNewton(Solver):
    """Newton steps with the absolute values of eigenvalues, halved until f falls."""

    needs = Capability.VALUE | Capability.GRADIENT | Capability.HESSIAN
    n_halvings: int = option(30, Range(1, 100))

    def step(self, run, state):
        values, vectors = np.linalg.eigh(run.function.hessian(run.params))
        s = -vectors @ (vectors.T @ run.gradient / np.maximum(np.abs(values), 1e-8))
        for halvings in range(self.n_halvings):
            w = run.params + 0.5**halvings * s
            value = run.function.value(w)
            if value < run.value:
                run.take(w, value)
                return


OBJECTS = [
    NewtonSolver(tol=1e-8),
    AutoSolver(tol=1e-8, hessian="gauss-newton", initial_trust_radius=1.0),
    LevenbergMarquardtSolver(tol=1e-8, initial_damping=1e-2),
    LBFGSBSolver(tol=1e-5, maxcor=5),
    DampedNewton(tol=1e-7),
]
NETS = [NewtonMLPRegressor, NewtonMLPClassifier, RBFNetRegressor, RBFNetClassifier]

each_object = pytest.mark.parametrize("solver", OBJECTS, ids=lambda s: type(s).__name__)


@each_object
@pytest.mark.parametrize("make", NETS)
def test_every_net_takes_solvers(make, solver):
    X, y = data()
    est = make(3, alpha=0.5, standardize=False, solver=solver, random_state=0)
    est.fit(X, y if "Regressor" in make.__name__ else y > y.mean())
    assert est.solver_result_.converged
    assert est.solver_result_.gradient_norm <= solver.tol
    assert est.solver is solver


@each_object
def test_an_object_is_what_its_name_stands_for(solver):
    X, y = data()
    fits = [regressor(solver=solver, random_state=1).fit(X, y)]
    name = next((n for n, cls in SOLVERS.items() if type(solver) is cls), None)
    if name is not None:
        options = {key: getattr(solver, key) for key in solver.options()}
        own = {"tol": solver.tol, "max_iter": solver.max_iter, "hessian": solver.hessian}
        fits.append(regressor(solver=name, solver_options=options, random_state=1, **own))
        fits[1].fit(X, y)
    assert all(fit.loss_curve_ == fits[0].loss_curve_ for fit in fits)


def test_its_own_settings_count():
    """Those of the estimator are about names."""
    X, y = data()
    est = regressor(solver=NewtonSolver(tol=1e-2, max_iter=3), tol=1e-9, random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"^NewtonSolver stopped after 3 .*\(tol=0.01\)"):
        assert est.fit(X, y).n_iter_ == 3
    loose = est.set_params(solver=NewtonSolver(tol=1e-2)).fit(X, y)
    assert 1e-9 < loose.solver_result_.gradient_norm <= 1e-2
    diverging = regressor(solver=GradientDescentSolver(learning_rate=1e6), random_state=0)
    with pytest.warns(ConvergenceWarning, match="GradientDescentSolver stopped .*learning_rate"):
        diverging.fit(X, y)


@pytest.mark.parametrize("other", [{"solver_options": {}}, {"hessian": "block"}], ids=str)
def test_settings_that_would_be_lost_are_refused(other):
    with pytest.raises(ValueError, match=r"belongs to a solver given by name; solver=NewtonSol"):
        regressor(solver=NewtonSolver(), **other).fit(*data())


def test_what_is_no_solver_is_refused():
    for wrong in (NewtonSolver, 3, None, object()):
        with pytest.raises(ValueError, match=r"The 'solver' parameter .*Solver.* Got "):
            regressor(solver=wrong).fit(*data())


@each_object
def test_copies_and_pickles(solver):
    X, y = data()
    est = regressor(solver=solver, random_state=0).fit(X, y)
    fresh = clone(est)
    assert fresh.get_params() == est.get_params()
    assert fresh.solver == solver
    thawed = pickle.loads(pickle.dumps(est))
    assert thawed.solver == solver
    assert_array_equal(thawed.predict(X), est.predict(X))
    assert_array_equal(thawed.fit(X, y).params_, est.params_)
    assert type(solver).__name__ in repr(est)
    assert type(solver).__name__ in est._repr_html_()


def test_starts_in_parallel():
    X, y = data()
    one, two = (
        regressor(solver=DampedNewton(), n_init=3, n_jobs=n, random_state=0).fit(X, y)
        for n in (1, 2)
    )
    assert_array_equal(one.params_, two.params_)


def test_nested_parameters():
    """A solver is frozen: another one takes its place, and copies of the net keep theirs."""
    solver = NewtonSolver(tol=1e-4)
    est = regressor(solver=solver)
    params = est.get_params()
    assert params["solver__tol"] == 1e-4
    assert params["solver__initial_trust_radius"] == 0.3
    assert "solver__tol" not in est.get_params(deep=False)
    other = clone(est).set_params(solver__tol=1e-6, solver__max_iter=5, alpha=3.0)
    assert other.solver == NewtonSolver(tol=1e-6, max_iter=5)
    assert other.alpha == 3.0
    assert est.solver is solver
    both = clone(est).set_params(solver__maxcor=3, solver=LBFGSBSolver())
    assert both.solver == LBFGSBSolver(maxcor=3)
    with pytest.raises(ValueError, match=r"Invalid parameter 'maxcor' for solver NewtonSolver"):
        est.set_params(solver__maxcor=3)
    with pytest.raises(ValueError, match="tol of NewtonSolver must be a finite number"):
        est.set_params(solver__tol=-1.0)
    with pytest.raises(ValueError, match=r"solver__tol needs a Solver object; solver='auto'"):
        regressor().set_params(solver__tol=1.0)
    assert not [name for name in regressor().get_params() if name.startswith("solver__")]


def test_grid_search():
    """Over solvers, over their settings, and deep in a pipeline."""
    X, y = data()
    grid = {"solver": [*OBJECTS, "auto"], "alpha": [0.5]}
    search = GridSearchCV(regressor(random_state=0, tol=1e-6), grid, cv=2, n_jobs=2).fit(X, y)
    assert search.best_params_["solver"] in grid["solver"]
    net = make_pipeline(StandardScaler(), regressor(solver=DampedNewton(), random_state=0))
    grid = {"newtonmlpregressor__solver__n_halvings": [1, 30]}
    search = GridSearchCV(net, grid, cv=2, error_score="raise")
    with pytest.warns(ConvergenceWarning):
        search.fit(X, y)
    best = search.best_params_["newtonmlpregressor__solver__n_halvings"]
    assert search.best_estimator_[-1].solver.n_halvings == best


def test_inference_and_pruning_refit_with_its_tolerance():
    X, y = data()
    est = NewtonMLPRegressor((), alpha=0.0, solver=DampedNewton(tol=1e-9), standardize=False).fit(
        X, y
    )
    assert est._fit_.problem.solver() == DampedNewton(tol=1e-9)
    test = est.inference(X, y).likelihood_ratio_test(np.eye(len(est.params_))[:1])
    assert 0.0 <= test.p_value <= 1.0


def test_constraints():
    X, y = data()
    limits = {"bounds": {"coefs_0": (-0.2, 0.2)}, "random_state": 0}
    est = regressor(solver=LBFGSBSolver(tol=1e-8, maxcor=7), **limits).fit(X, y)
    assert np.abs(est.coefs_[0]).max() <= 0.2 + 1e-12
    assert est.solver_result_.multipliers.residuals.largest <= 1e-8
    with pytest.raises(ValueError, match="solver=DampedNewton cannot keep to constraints; use"):
        regressor(solver=DampedNewton(), **limits).fit(X, y)


# Names that are registered later ---------------------------------------------------------


class Sinusoid(Activation):
    name = "sinusoid"

    def derivatives(self, a, order=2):
        return (a + np.sin(a) ** 2, 1 + np.sin(2 * a), 2 * np.cos(2 * a))[: order + 1]


class LogCosh(Loss):
    name = "log_cosh"

    def derivatives(self, y, raw, order=2):
        r = np.abs(raw - y)
        value = (r + np.log1p(np.exp(-2 * r)) - np.log(2)).sum(axis=1)
        slope = np.tanh(raw - y)
        return (value, slope, 1 - slope**2)[: order + 1]


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setitem(SOLVERS, "damped", DampedNewton)
    monkeypatch.setitem(ACTIVATIONS, "sinusoid", Sinusoid())
    monkeypatch.setitem(LOSSES, "log_cosh", LogCosh)


def test_names_of_ones_own(registered):
    X, y = data()
    est = regressor(
        solver="damped",
        activation="sinusoid",
        loss="log_cosh",
        solver_options={"n_halvings": 20},
        tol=1e-6,
        random_state=0,
    )
    est.fit(X, y)
    objects = regressor(
        solver=DampedNewton(tol=1e-6, n_halvings=20),
        activation=Sinusoid(),
        loss=LogCosh(),
        random_state=0,
    )
    assert objects.fit(X, y).loss_curve_ == est.loss_curve_
    allowed = r"\['f_target', 'fatol', 'n_halvings'\]"
    with pytest.raises(ValueError, match=rf"'damped' must be among {allowed}, got 'halve'"):
        est.set_params(solver_options={"halve": 1}).fit(X, y)


@pytest.mark.parametrize(
    "params",
    [{"solver": "damped"}, {"activation": "sinusoid"}, {"loss": "log_cosh"}],
    ids=str,
)
def test_names_that_are_not_registered(params):
    """The message lists those that are."""
    ((name, value),) = params.items()
    known = {"solver": "newton", "activation": "tanh", "loss": "squared_error"}[name]
    with pytest.raises(ValueError, match=f"'{name}' parameter .*'{known}'.* Got '{value}'"):
        regressor(**params).fit(*data())


def test_what_a_name_stands_for_says_where_it_belongs(monkeypatch):
    """A loss of classes is none of a regressor's, an activation of distances not of a layer's."""

    class Labels(MultinomialLogLoss):
        pass

    class Distance(Sinusoid):
        for_distances = True

    monkeypatch.setitem(LOSSES, "labels", Labels)
    monkeypatch.setitem(ACTIVATIONS, "distance", Distance())
    for params in ({"loss": "labels"}, {"activation": "distance"}):
        with pytest.raises(ValueError, match="must be a str among"):
            regressor(**params).fit(*data())
    with pytest.raises(ValueError, match="must be a str among"):
        classifier(activation="squared_exponential").fit(*data())


def test_a_loss_with_a_likelihood_has_its_statistics(monkeypatch):
    class Half(SquaredError):
        name = "half"

    monkeypatch.setitem(LOSSES, "half", Half)
    X, y = data()
    own, known = (
        NewtonMLPRegressor((), alpha=0.0, loss=name, standardize=False).fit(X, y).inference(X, y)
        for name in ("half", "squared_error")
    )
    assert own.log_likelihood == pytest.approx(known.log_likelihood, rel=1e-12)
    assert_allclose(own.std_errors, known.std_errors, rtol=1e-10)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@with_checks(
    [
        NewtonMLPRegressor(
            (2,), solver=NewtonSolver(tol=1e-8, max_iter=100), standardize=False, alpha=1.0
        ),
        NewtonMLPClassifier(
            (2,), solver=get_solver("auto", tol=1e-9, max_iter=100), standardize=False, alpha=1.0
        ),
        RBFNetRegressor(
            3, solver=DampedNewton(tol=1e-8, max_iter=50), standardize=False, alpha=1.0
        ),
    ],
    readers=[],  # solvers see no tables
)
def test_sklearn_check(estimator, check):
    check(estimator)
