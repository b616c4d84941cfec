"""Saved nets: what travels in a pickle and in skops' files, and what does not."""

import copy
import pickle
import re
import struct
import warnings

import numpy as np
import pytest
import skops.io as sio
from estimator_cases import (
    KINDS,
    MODELS,
    class_data,
    classes,
    count_data,
    data,
    fitted,
    label_data,
    regression_data,
    regressor,
)
from numpy.testing import assert_array_equal
from sklearn.base import clone, is_classifier
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sknewtonnet._sklearn
from sknewtonnet import (
    BackwardPruning,
    InformationCriterionSearch,
    NewtonMLPClassifier,
    NewtonMLPRegressor,
)
from sknewtonnet.calculus import NormConstraint, NormPenalty
from sknewtonnet.inspection import spectrum
from sknewtonnet.solvers import NewtonSolver, Status


def made(name):
    """A fitted model and its data, whatever it is made of."""
    if name in MODELS:
        return fitted(name)
    if name in KINDS:
        make, make_data = KINDS[name]
        X, y = make_data()
        return make(random_state=0).fit(X, y), X, y
    model, make_data = OTHERS[name]
    X, y = make_data()
    return clone(model).fit(X, y), X, y


NET = regressor(alpha=0.1, random_state=0)
OTHERS = {
    "auto": (NewtonMLPRegressor((2,), random_state=0), data),
    "held": (NewtonMLPRegressor((), alpha=1.0, bounds={"coefs_0": (0, 1)}), data),
    "monotonic": (NewtonMLPRegressor((2,), alpha=1.0, monotonic_cst=[1, 0], random_state=0), data),
    "solver": (regressor(solver=NewtonSolver(tol=1e-8), random_state=0), data),
    "activations": (
        NewtonMLPRegressor(
            (2,), activation=[["tanh", "sine"]], output_activation="elu", alpha=1.0
        ).set_params(random_state=0),
        lambda: (data()[0], data()[1] + 1.0),
    ),
    "starts": (regressor(n_init=2, random_state=0), data),
    "pruning": (BackwardPruning(NET, max_steps=2), data),
    "search": (InformationCriterionSearch(NET, {"hidden_layer_sizes": [(), (1,)]}), data),
    "pipeline": (make_pipeline(StandardScaler(), NET), data),
    "ard": (NewtonMLPRegressor((1,), alpha="ard", random_state=0), data),
    "overdispersed": (regressor(loss="negative_binomial", random_state=0), count_data),
    "penalties": (regressor(penalties=NormPenalty(0.1), random_state=0), data),
    "curved": (
        regressor(constraints=NormConstraint("coefs_0", None, 1.0), random_state=0),
        data,
    ),
    "weighted classes": (NewtonMLPClassifier((1,), alpha=1.0, class_weight="balanced"), classes),
    "grid": (GridSearchCV(NET, {"alpha": [0.1, 1.0]}, cv=2), data),
    "target": (TransformedTargetRegressor(NET, transformer=StandardScaler()), data),
}
WITHOUT_IMPORTANCES = ("pipeline", "grid", "target")
each_made = pytest.mark.parametrize("name", [*MODELS, *KINDS, *OTHERS])


def through_skops(model):
    """The model out of a file of skops, and what a reader has to trust."""
    file = sio.dumps(model)
    types = sio.get_untrusted_types(data=file)
    return sio.loads(file, trusted=types), types


@each_made
def test_skops(name):
    model, X, y = made(name)
    loaded, types = through_skops(model)
    assert_array_equal(loaded.predict(X), model.predict(X))
    if is_classifier(model):
        assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    if name not in WITHOUT_IMPORTANCES:
        assert_array_equal(loaded.feature_importances_, model.feature_importances_)
        one, two = (fit.objective(X, y) for fit in map(net_of, (model, loaded)))
        w = net_of(model).params_
        assert_array_equal(two.gradient(w), one.gradient(w))
    # Nothing but classes and functions of this package, and of the one who defined a layer.
    known = {"sknewtonnet", "cases", "estimator_cases", *({"sklearn"} if name == "grid" else ())}
    assert {kind.split(".")[0] for kind in types} <= known


STATISTICS = ["params", "std_errors", "p_values", "covariance"]
RESULTS = {
    "results": (lambda net, X, y: net.inference(X, y), STATISTICS),
    "results without data": (lambda net, X, y: net.inference(X, y).without_data(), STATISTICS),
    "predictions": (lambda net, X, y: net.inference(X, y).get_prediction(X), ["mean", "se"]),
    "effects": (lambda net, X, y: net.inference(X, y).marginal_effects(), ["effects"]),
    "curve": (lambda net, X, y: net.inference(X, y).partial_effect("x0"), ["mean"]),
    "influence": (lambda net, X, y: net.inference(X, y).influence(), ["cooks_distance"]),
    "solver result": (lambda net, X, y: net.solver_result_, ["params", "gradient"]),
    "spectrum": (lambda net, X, y: spectrum(net.objective(X, y), net.params_), ["eigenvalues"]),
}
NOT_OURS = {"builtins.frozenset", "numpy.dtype", "scipy.sparse._csc.csc_array"}


@pytest.mark.filterwarnings("ignore:Inference. :UserWarning")
@pytest.mark.parametrize("name", RESULTS)
def test_skops_of_results(name):
    make, attributes = RESULTS[name]
    found = make(*made("regressor"))
    loaded, types = through_skops(found)
    assert {kind for kind in types if not kind.startswith("sknewtonnet.")} <= NOT_OURS
    for attribute in attributes:
        assert_array_equal(getattr(loaded, attribute), getattr(found, attribute))
    if name.startswith("results"):
        assert str(loaded.summary()) == str(found.summary())


def test_skops_of_an_objective():
    model, X, y = made("regressor")
    found = model.objective(X, y)
    loaded, _ = through_skops(found)
    assert_array_equal(loaded.hessian(model.params_), found.hessian(model.params_))


def net_of(model):
    return getattr(model, "estimator_", getattr(model, "best_estimator_", model))


@pytest.mark.parametrize("status", Status)
def test_a_status_is_the_same_after_travel(status):
    for travelled in (
        through_skops({"status": status})[0]["status"],
        pickle.loads(pickle.dumps(status)),
        copy.deepcopy(status),
    ):
        assert travelled is status


TABLES = {
    "regression": (NewtonMLPRegressor((2,), alpha=1.0, random_state=0), regression_data),
    "auto": (NewtonMLPRegressor((2,), random_state=0), regression_data),
    "counts": (NewtonMLPRegressor((2,), loss="poisson", alpha=1.0, random_state=0), count_data),
    "classes": (NewtonMLPClassifier((2,), alpha=1.0, random_state=0), class_data),
    "labels": (NewtonMLPClassifier((2,), alpha=1.0, random_state=0), label_data),
}


@pytest.mark.filterwarnings("ignore:Inference. :UserWarning")
@pytest.mark.parametrize("name", [*TABLES, *KINDS, "pruning", "search", "held", "monotonic"])
def test_no_value_of_the_data_is_in_a_pickle(name):
    """As they come, and standardised; small whole numbers may be anything."""
    if name in TABLES:
        model, make_data = TABLES[name]
        X, y = make_data()
        model = clone(model).fit(X, y)
    else:
        model, X, y = made(name)
    net_of(model).inference(X, y)
    columns = [X] if is_classifier(model) else [X, np.reshape(y, (len(y), -1))]
    numbers = np.concatenate([column.ravel() for column in columns])
    scaled = [(column - column.mean(axis=0)) / column.std(axis=0) for column in columns]
    numbers = np.concatenate([numbers, *(column.ravel() for column in scaled)])
    payload = pickle.dumps(model)
    told = [x for x in numbers if x != np.round(x) and struct.pack("<d", x) in payload]
    assert not told


# Versions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["regressor", "rbf classifier", "pruning", "search"])
def test_another_version_warns(name, monkeypatch):
    model, X, _ = made(name)
    with monkeypatch.context() as patch:
        patch.setattr(sknewtonnet._sklearn, "__version__", "0.0.7")
        saved, file = pickle.dumps(model), sio.dumps(model)
    now = sknewtonnet.__version__.replace(".", r"\.")
    words = rf"{type(model).__name__} was saved by sknewtonnet 0\.0\.7, and this is {now}"
    for load in (
        lambda: pickle.loads(saved),
        lambda: sio.loads(file, trusted=sio.get_untrusted_types(data=file)),
    ):
        with pytest.warns(InconsistentVersionWarning) as told:
            loaded = load()
        assert any(re.search(words, str(one.message)) for one in told)
        assert_array_equal(loaded.predict(X), model.predict(X))
        assert "_sknewtonnet_version" not in vars(loaded)


class OwnState(NewtonMLPRegressor):
    """A subclass that says itself what is saved."""

    def __getstate__(self):
        return {"kept": dict(vars(self))}

    def __setstate__(self, state):
        self.__dict__.update(state["kept"])


class Named(NewtonMLPRegressor):
    """A subclass with a note of its own."""


@pytest.mark.parametrize("kind", [NewtonMLPRegressor, OwnState, Named])
def test_the_same_version_is_silent(kind):
    X, y = data()
    model = kind((2,), alpha=1.0, random_state=0).fit(X, y)
    model.note = "mine"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for copied in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), copy.copy(model)):
            assert vars(copied).keys() == vars(model).keys()
            assert copied.note == "mine"
            assert_array_equal(copied.predict(X), model.predict(X))
        clone(model)
