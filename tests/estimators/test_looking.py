"""Looking at things computes nothing and never raises, in whatever state they are."""

import copy
import inspect
import pickle
from collections import Counter

import numpy as np
import pytest
from estimator_cases import class_data, regression_data
from sklearn.base import is_classifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import sknewtonnet
from sknewtonnet import (
    BackwardPruning,
    InformationCriterionSearch,
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    NewtonNetRegressor,
)
from sknewtonnet.calculus import ACTIVATIONS, LOSSES, NormPenalty, get_loss
from sknewtonnet.calculus.functions.kept_point import KeptPoint
from sknewtonnet.calculus.passes.chunk import Chunk
from sknewtonnet.calculus.pieces.gaussian import covariance_form
from sknewtonnet.calculus.pieces.penalties import WidthPenalty
from sknewtonnet.estimators import BaseNewtonNet
from sknewtonnet.solvers import SOLVERS

NETS = [
    thing
    for name in sknewtonnet.__all__
    if inspect.isclass(thing := getattr(sknewtonnet, name)) and issubclass(thing, BaseNewtonNet)
]
SMALL = {"alpha": 1.0, "standardize": True, "random_state": 0, "max_iter": 500}
IMPORTANCES = ("weight_importance_", "feature_importance_", "feature_importances_")

LOOKS = {
    "dir": dir,
    "repr": repr,
    "str": str,
    "html": lambda thing: getattr(thing, "_repr_html_", str)(),
    "mimebundle": lambda thing: getattr(thing, "_repr_mimebundle_", str)(),
    "getmembers": inspect.getmembers,
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}
# What results show is asked for: their tables and attributes are worked out once.
AT_RESULTS = ("html", "mimebundle", "getmembers", "str")

quiet = pytest.mark.filterwarnings("ignore")  # fits are cut short on purpose
each_net = pytest.mark.parametrize("make", NETS)


@pytest.fixture
def work(monkeypatch):
    """Count passes over data, those of predictions included."""
    calls = Counter()
    for owner, name in ((KeptPoint, "reach"), (Chunk, "forward")):
        method = getattr(owner, name)

        def counted(self, *args, _method=method, _name=name, **kwargs):
            calls[_name] += 1
            return _method(self, *args, **kwargs)

        monkeypatch.setattr(owner, name, counted)
    return calls


def looked_at(thing, work, but=()):
    """Look in all ways; nothing is computed."""
    for name, look in LOOKS.items():
        work.clear()
        look(thing)
        if name not in but:
            assert not work, name


def data_for(make):
    return class_data() if is_classifier(make()) else regression_data()


@quiet
@each_net
def test_estimators_in_every_state(make, work):
    X, y = data_for(make)
    net = make(**SMALL)
    looked_at(net, work)
    assert not any(hasattr(net, name) for name in IMPORTANCES)
    net.fit(X, y)
    looked_at(net, work)
    assert net.feature_importances_.shape == (X.shape[1],)
    assert set(IMPORTANCES) <= set(dir(net))
    looked_at(net, work)
    looked_at(pickle.loads(pickle.dumps(net)), work)
    looked_at(make(**SMALL).set_params(max_iter=1).fit(X, y), work)


class Keeper:
    """A callback that keeps the estimator of each task."""

    def __init__(self):
        self.seen = []

    def setup(self, estimator, context):
        """Nothing."""

    teardown = setup

    def on_fit_task_begin(self, estimator, context):
        """Nothing."""

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.seen.append(fitted_estimator)


@quiet
@each_net
def test_half_fitted(make, work):
    """What a callback gets in the middle of a fit has no verdict yet."""
    keeper = Keeper()
    make(**SMALL).set_params(max_iter=3).set_callbacks(keeper).fit(*data_for(make))
    looked_at(keeper.seen[0].set_callbacks(), work)


def at_a_saddle(X, y):
    """All parameters zero, where the gradient is, since the mean of y is."""
    net = NewtonMLPRegressor((2,), alpha=0.1, standardize=False, solver="trust-ncg")
    net.fit(X, y).set_params(warm_start=True)
    net.params_ = np.zeros_like(net.params_)
    return net.fit(X, y)


@quiet
@pytest.mark.parametrize("state", ["saddle", "large"])
def test_ends_without_importances(state, work):
    """An AttributeError with the reason, which is a ValueError too, and no work."""
    X, y = regression_data()
    if state == "saddle":
        net, reason = at_a_saddle(X, y), "ended at a saddle"
    else:
        net = NewtonMLPRegressor((600,), **SMALL).set_params(max_iter=1).fit(X, y)
        reason = "refused above 3000"
    looked_at(net, work)
    looked_at(make_pipeline(net), work)
    work.clear()
    for name in IMPORTANCES:
        assert not hasattr(net, name)
        for kind in (AttributeError, ValueError):
            with pytest.raises(kind, match=reason):
                getattr(net, name)
    assert not work


@quiet
@pytest.mark.parametrize("classes", [False, True])
def test_estimators_around_nets(classes, work):
    X, y = class_data() if classes else regression_data()
    net = (NewtonMLPClassifier if classes else NewtonMLPRegressor)((2,), **SMALL)
    sizes = {"hidden_layer_sizes": [(), (1,)]}
    around = [
        BackwardPruning(net, unit="weight", scoring=None, significance_level=0.05),
        InformationCriterionSearch(net, sizes),
        GridSearchCV(net, sizes, cv=2),
        make_pipeline(net),
    ]
    for outer in around:
        looked_at(outer, work)
        looked_at(outer.fit(X, y), work)
    assert around[0].feature_importances_.sum() == pytest.approx(1.0)
    assert "feature_importances_" in dir(around[0])


@quiet
@pytest.mark.parametrize("max_iter", [100, 1])
def test_results_and_what_they_hold(max_iter, work):
    """A summary computes what it shows, and shows it also where there are no p-values."""
    X, y = regression_data()
    net = NewtonMLPRegressor((2,), **SMALL).set_params(max_iter=max_iter).fit(X, y)
    results = net.inference(X, y)
    looked_at(results, work, but=AT_RESULTS)
    for thing in (net.solver_result_, net.alpha_selection_):
        looked_at(thing, work)


@quiet
def test_the_calculus_and_solvers(work):
    X, y = regression_data()
    objective = NewtonNetRegressor(**SMALL).fit(X, y).objective(X, y)
    network = objective.network
    things = [objective, network, network.layout, *network.layers, NormPenalty(0.1)]
    things.append(WidthPenalty(covariance_form("diag"), 0.1, np.ones(2)))
    things += [solver() for solver in SOLVERS.values()]
    things += list(ACTIVATIONS.values()) + [get_loss(name, 2) for name in LOSSES]
    for thing in things:
        looked_at(thing, work)
