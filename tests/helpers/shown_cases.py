"""One object of each kind that notebooks show as a table, of features with odd names."""

from functools import cache

import numpy as np
import pandas as pd
from inference_cases import net, plane, radial, regression, several, three

from sknewtonnet import (
    BackwardPruning,
    InformationCriterionSearch,
    NewtonMLPClassifier,
    NewtonMLPRegressor,
)
from sknewtonnet.calculus import Lagrangian, Network, Objective, critical_point
from sknewtonnet.inference import Criteria, compare_tables
from sknewtonnet.inspection import SpectrumPath, spectrum
from sknewtonnet.pruning import pruning_stability
from sknewtonnet.solvers import get_solver, minimize_full_space

ODD = ["<b>age</b> & c", "50 % [x]", "*{\\x}~^#$|<>"]


def frame(X):
    return pd.DataFrame(X, columns=ODD)


@cache
def results():
    X, y = regression()
    return net().fit(frame(X), y).inference(frame(X), y)


@cache
def of_outputs():
    X, Y = several()
    return net().fit(frame(X), Y).inference(frame(X), Y)


@cache
def of_classes():
    X, y = three()
    est = NewtonMLPClassifier((), alpha=0.1).fit(frame(X), y)
    return est.inference(frame(X), y)


@cache
def automatic():
    X, y = regression(n=60)
    return NewtonMLPRegressor((2,), alpha="ard", random_state=0).fit(frame(X), y)


@cache
def pruned():
    X, y = regression(n=80)
    return BackwardPruning(net((1,), alpha=0.1, n_init=1)).fit(frame(X), y)


def search():
    X, y = regression(n=80)
    grid = {"hidden_layer_sizes": [(), (1,)]}
    return InformationCriterionSearch(net(alpha=0.1, n_init=1), grid).fit(frame(X), y)


def stability():
    X, y = regression(n=60)
    return pruning_stability(pruned(), frame(X), y, n_resamples=2, random_state=0)


def objective():
    X, y = regression(n=40)
    net_ = Network.mlp(3, (2,), 1, feature_names=ODD)
    return Objective(net_, "squared_error", X, y, alpha=0.1)


def start():
    return np.random.default_rng(0).normal(size=objective().n_parameters)


@cache
def minimum():
    return get_solver("newton").minimize(objective(), start())


def path():
    found = SpectrumPath(objective(), start())
    get_solver("l-bfgs-b").minimize(objective(), start(), found)
    return found


def full_space():
    X, y = regression(n=10)
    network = Network.mlp(3, (2,), 1)
    f = Objective(network, "squared_error", X, y, alpha=0.1)
    return minimize_full_space(Lagrangian(f), np.full(f.n_parameters, 0.1))


def saddle():
    return critical_point(objective(), np.zeros(objective().n_parameters))


@cache
def of_line():
    X, y = regression()
    return net(()).fit(frame(X), y).inference(frame(X), y)


def units():
    X, y = plane(60)
    return radial(n_init=1, alpha=0.05).fit(X, y).inference(X, y).radial_units()


SHOWN = {
    "results": results,
    "results of classes": of_classes,
    "tests": lambda: results().tests,
    "tests of outputs": lambda: of_outputs().tests,
    "effects": lambda: results().marginal_effects(),
    "effects on outputs": lambda: of_outputs().marginal_effects(),
    "predictions": lambda: results().get_prediction(frame(regression()[0][:3])),
    "many predictions": lambda: results().get_prediction(frame(regression()[0])),
    "predictions of outputs": lambda: of_outputs().get_prediction(frame(several()[0])),
    "predictions of classes": lambda: of_classes().get_prediction(frame(three()[0][:3])),
    "curve": lambda: results().partial_effect(ODD[0]),
    "curves": lambda: of_outputs().partial_effect(ODD[1]),
    "Wald tests": lambda: results().wald_test_features(adjust="holm"),
    "Wald test": lambda: results().wald_test(ODD[0]),
    "likelihood-ratio test": lambda: results().likelihood_ratio_test(ODD[1], n_init=0),
    "score test": lambda: results().score_test(ODD[1], n_init=0),
    "slope test": lambda: results().slope_test(ODD[0]),
    "variance test": lambda: results().variance_test,
    "interval": lambda: results().profile_effect(ODD[0]),
    "influence": lambda: results().influence(),
    "bootstrap": lambda: results().bootstrap(3, kind="wild"),
    "calibration": lambda: results().calibrate(2, tests=["slope"]),
    "comparison": lambda: results().compare(of_line()),
    "tables": lambda: compare_tables({"<b>one</b>": results()}),
    "criteria": lambda: Criteria(results().information),
    "radial units": units,
    "alpha": lambda: automatic().alpha_selection_,
    "ard": lambda: automatic().alpha_selection_.ard,
    "search": lambda: search().results_,
    "pruning": lambda: pruned().path_,
    "stability": stability,
    "spectrum": lambda: spectrum(objective(), minimum().params),
    "path": path,
    "critical point": saddle,
    "direction": lambda: saddle().escape_direction,
    "solver": minimum,
    "full space": full_space,
}
