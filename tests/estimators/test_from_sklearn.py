"""Fitted MLPs of scikit-learn become nets of ours, with their predictions and objective."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import skops.io as sio
from estimator_cases import class_data, count_data, label_data, regression_data, weights
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sknewtonnet import (
    BackwardPruning,
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    pipeline_inference,
)

OURS = {MLPRegressor: NewtonMLPRegressor, MLPClassifier: NewtonMLPClassifier}
SHAPE = {"hidden_layer_sizes": (3,), "activation": "tanh", "random_state": 0}
LBFGS = SHAPE | {"solver": "lbfgs", "alpha": 2.0, "max_iter": 2000}

DATA = {
    "numbers": (MLPRegressor, {}, regression_data),
    "two outputs": (MLPRegressor, {}, lambda: regression_data(2)),
    "counts": (MLPRegressor, {"loss": "poisson"}, count_data),
    "two classes": (MLPClassifier, {}, lambda: class_data(2)),
    "three classes": (MLPClassifier, {}, class_data),
    "labels": (MLPClassifier, {}, label_data),
}
each_data = pytest.mark.parametrize("name", DATA)


def theirs(name, sample_weight=None, **params):
    """A fitted MLP and its data."""
    kind, own, make_data = DATA[name]
    X, y = make_data()
    with warnings.catch_warnings():  # with several outputs their line searches may fail
        warnings.simplefilter("ignore", ConvergenceWarning)
        return kind(**LBFGS | own | params).fit(X, y, sample_weight), X, y


def ours(mlp, *data):
    return OURS[type(mlp)].from_sklearn(mlp, *data)


def assert_equal_predictions(net, mlp, X):
    assert_array_equal(net.predict(X).shape, mlp.predict(X).shape)
    if is_classifier(mlp):
        assert_array_equal(net.predict(X), mlp.predict(X))
        assert_array_equal(net.classes_, mlp.classes_)
        assert_allclose(net.predict_proba(X), mlp.predict_proba(X), rtol=0.0, atol=1e-12)
    else:
        assert_allclose(net.predict(X), mlp.predict(X), rtol=1e-12, atol=1e-12)


def as_vector(network, coefs, intercepts):
    """Arrays of theirs as parameters of ours."""
    arrays = {f"coefs_{k}": a for k, a in enumerate(coefs)}
    return network.layout.pack(arrays | {f"intercepts_{k}": a for k, a in enumerate(intercepts)})


def one_pass(name, rate, sample_weight=None, **params):
    """An MLP after one pass over the rows, down its gradient, from weights that the seed draws."""
    descent = {"solver": "sgd", "momentum": 0.0, "shuffle": False, "max_iter": 1}
    return theirs(name, sample_weight, learning_rate_init=rate, **descent | params)[0]


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@each_data
def test_predictions_and_loss(name, activation):
    mlp, X, y = theirs(name, activation=activation, hidden_layer_sizes=(4, 3))
    net = ours(mlp, X, y)
    assert_equal_predictions(net, mlp, X)
    if name != "two outputs":  # they report the mean over outputs, and minimise the sum
        assert_allclose(net.loss_, mlp.loss_, rtol=1e-12)
        assert_allclose(net.objective(X, y).value(net.params_), mlp.loss_, rtol=1e-12)
    assert_equal_predictions(ours(mlp), mlp, X)


def test_the_loss_of_several_outputs_is_the_sum():
    mlp, X, y = theirs("two outputs")
    net = ours(mlp, X, y)
    squares = 0.5 * ((mlp.predict(X) - y) ** 2).mean(axis=0)
    assert_allclose(net.loss_ - mlp.loss_, squares.sum() - squares.mean(), rtol=1e-10)


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weights"])
@each_data
def test_the_gradient_is_the_one_they_follow(name, weighted):
    """One step of theirs from random weights, divided by its length."""
    X, y = DATA[name][2]()
    weight = weights(len(X)) if weighted else None
    before, after = (one_pass(name, rate, weight, batch_size=len(X)) for rate in (1e-30, 1e-7))
    net = ours(before)
    objective = net.objective(X, y, weight)
    at = as_vector(objective.network, before.coefs_, before.intercepts_)
    moved = as_vector(objective.network, after.coefs_, after.intercepts_) - at
    assert_array_equal(net.params_, at)
    assert_allclose(-moved / 1e-7, objective.gradient(at), rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("batch_size", ["auto", 7, 20, 50])
def test_batches_penalise_more(batch_size):
    """The steps of one pass with a penalty, less those without one, and their mean."""
    X = regression_data()[0]
    start = one_pass("numbers", 1e-30)
    with_penalty, without = (
        one_pass("numbers", 1e-6, batch_size=batch_size, alpha=alpha) for alpha in (2.0, 0.0)
    )
    n_batches = -(-len(X) // (len(X) if batch_size == "auto" else batch_size))
    steps = [b - a for a, b in zip(with_penalty.coefs_, without.coefs_, strict=True)]
    penalised = [step / 1e-6 / n_batches for step in steps]
    strength = ours(with_penalty).alpha
    for found, coefs in zip(penalised, start.coefs_, strict=True):
        assert_allclose(found, strength / len(X) * coefs, rtol=1e-4)
    assert strength == pytest.approx(2.0) if n_batches == 1 else strength > 2.0
    assert ours(without).alpha == 0.0


def test_passes_are_counted_from_the_first():
    """Of partial fits and warm starts, too."""
    X, y = regression_data()
    mlp = MLPRegressor(**SHAPE, solver="adam", alpha=1.0, batch_size=20)
    for _ in range(3):
        mlp.partial_fit(X, y)
    assert ours(mlp).alpha == pytest.approx(3.0)


def test_rows_held_out_do_not_count():
    X, y = regression_data()
    mlp = MLPRegressor(
        **SHAPE, solver="adam", alpha=1.0, early_stopping=True, max_iter=500, batch_size=18
    ).fit(X, y)
    net = ours(mlp, X, y)
    assert net.alpha == pytest.approx(54 / 18)
    assert_equal_predictions(net, mlp, X)
    assert net.critical_point_ == "not stationary"


# What a net of theirs can do --------------------------------------------------------------------


@each_data
def test_without_data_nothing_is_claimed(name):
    mlp, X, y = theirs(name)
    net = ours(mlp)
    assert net.critical_point_ == "inconclusive"
    assert "from_sklearn(mlp, X, y)" in net.critical_point_message_
    assert net.loss_ == mlp.loss_
    assert net.n_iter_ == net.solver_result_.n_iter == mlp.n_iter_
    assert np.isnan(net.solver_result_.gradient).all()
    with pytest.raises(AttributeError, match="no data"):
        net.feature_importances_  # noqa: B018
    if not is_classifier(net):
        with pytest.warns(UserWarning, match="NaN: from_sklearn was given no data"):
            assert np.isnan(net.predict(X, return_std=True)[1]).all()
    assert_allclose(net.objective(X, y).value(net.params_), ours(mlp, X, y).loss_)


@each_data
def test_a_warm_start_goes_on_to_the_minimum(name):
    mlp, X, y = theirs(name, alpha=5.0)
    net = ours(mlp, X, y)
    assert net.critical_point_ == "not stationary"
    assert "warm_start=True" in net.critical_point_message_
    assert net.solver_result_.message == "solver 'lbfgs' of scikit-learn ended here"
    before = net.loss_
    net.set_params(warm_start=True).fit(X, y)
    assert net.critical_point_ == "minimum"
    assert 0.0 < before - net.loss_ < 0.02
    again = ours(mlp_at(mlp, net), X, y)
    assert again.critical_point_ == "minimum"
    assert not again.critical_point_message_
    assert_allclose(again.feature_importances_, net.feature_importances_, rtol=1e-5)
    assert_allclose(again.loss_, net.loss_, rtol=1e-12)
    if not is_classifier(net):
        found, known = (one.predict(X, return_std=True)[1] for one in (again, net))
        assert_allclose(found, known, rtol=1e-5)


def mlp_at(mlp, net):
    """A copy of an MLP at the parameters of a net."""
    found = pickle.loads(pickle.dumps(mlp))
    found.coefs_, found.intercepts_ = net.coefs_, net.intercepts_
    return found


def test_statistics_are_those_of_the_same_net_of_ours():
    """Of the linear model, whose minimum both find."""
    mlp, X, y = theirs("numbers", hidden_layer_sizes=(), tol=1e-12)
    net = ours(mlp, X, y)
    same = NewtonMLPRegressor((), alpha=2.0, standardize=False).fit(X, y)
    one, two = (model.inference(X, y) for model in (net, same))
    assert_allclose(one.std_errors, two.std_errors, rtol=1e-6)
    assert one.names == two.names


def test_names_of_columns():
    X, y = regression_data()
    table = pd.DataFrame(X, columns=["age", "bmi", "bp", "s5"])
    mlp = MLPRegressor(**LBFGS).fit(table, y)
    net = ours(mlp, table, y)
    assert_array_equal(net.feature_names_in_, mlp.feature_names_in_)
    assert "coefs_0[bmi, h1]" in net.parameter_names_
    with pytest.raises(ValueError, match="feature names"):
        net.predict(table[["bmi", "age", "bp", "s5"]])
    assert not hasattr(ours(theirs("numbers")[0]), "feature_names_in_")


@each_data
def test_travel(name):
    mlp, X, y = theirs(name)
    for net in (ours(mlp), ours(mlp, X, y)):
        file = sio.dumps(net)
        for loaded in (
            pickle.loads(pickle.dumps(net)),
            sio.loads(file, trusted=sio.get_untrusted_types(data=file)),
        ):
            assert_array_equal(loaded.predict(X), net.predict(X))
            assert_array_equal(
                loaded.objective(X, y).gradient(net.params_),
                net.objective(X, y).gradient(net.params_),
            )


def test_it_is_an_estimator_like_others():
    mlp, X, y = theirs("numbers")
    net = ours(mlp, X, y)
    params = mlp.coefs_[0].copy()
    unfitted = clone(net)
    assert unfitted.get_params() == net.get_params()
    with pytest.raises(NotFittedError):
        unfitted.predict(X)
    fresh = clone(net).fit(X, y)
    expected = NewtonMLPRegressor((3,), alpha=2.0, standardize=False, random_state=0).fit(X, y)
    assert_array_equal(fresh.params_, expected.params_)
    net.set_params(alpha=0.5)
    assert_allclose(net.objective(X, y).value(net.params_), mlp.loss_, rtol=1e-12)
    assert_array_equal(net.fit(X, y).alpha_, 0.5)
    assert_array_equal(mlp.coefs_[0], params)
    pruned = BackwardPruning(ours(mlp), max_steps=1).fit(X, y)
    assert len(pruned.estimator_.params_) < len(mlp.coefs_[0].ravel()) + 7


@pytest.mark.parametrize("with_data", [False, True])
def test_displays(with_data):
    display = pytest.importorskip("sknewtonnet.display")
    pyplot = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed")
    mlp, X, y = theirs("numbers")
    net = ours(mlp, X, y) if with_data else ours(mlp)
    display.NetworkDisplay.from_estimator(net)
    display.HessianDisplay.from_estimator(net, X, y)
    display.SpectrumDisplay.from_estimator(net, X, y)
    display.ConvergenceDisplay.from_results(net)
    with pytest.warns(UserWarning, match="Not stationary"):
        display.EffectDisplay.from_estimator(net, X, y)
    with pytest.warns(UserWarning, match="Not stationary"):
        display.ResidualsDisplay.from_estimator(net, X, y)
    pyplot.close("all")


def test_single_precision_is_read_as_double():
    X, y = regression_data()
    mlp = MLPRegressor(**LBFGS | {"solver": "adam"}).fit(X.astype(np.float32), y)
    assert mlp.coefs_[0].dtype == np.float32
    net = ours(mlp, X, y)
    assert net.coefs_[0].dtype == np.float64
    assert_allclose(net.predict(X), mlp.predict(X), atol=1e-5)


@pytest.mark.parametrize("labels", [["no", "yes"], [-1, 1], [True, False], [0.0, 3.0]])
def test_labels_of_any_kind(labels):
    X, y = class_data(2)
    y = np.array(labels)[(y == y[0]).astype(int)]
    mlp = MLPClassifier(**LBFGS).fit(X, y)
    net = ours(mlp, X, y)
    assert_equal_predictions(net, mlp, X)
    assert net.predict(X).dtype == mlp.predict(X).dtype


# Inside others ----------------------------------------------------------------------------------


def test_a_pipeline_with_our_net_in_its_place():
    X, y = regression_data()
    X = 10.0 * X + 3.0
    pipe = make_pipeline(StandardScaler(), MLPRegressor(**LBFGS)).fit(X, y)
    steps = [*pipe.steps[:-1], ("net", NewtonMLPRegressor.from_sklearn(pipe[-1]))]
    converted = Pipeline(steps)
    assert_allclose(converted.predict(X), pipe.predict(X), atol=1e-12)
    with pytest.warns(UserWarning, match="Inference"):
        results = pipeline_inference(converted, X, y)
    assert_allclose(results.get_prediction(X).mean, pipe.predict(X), atol=1e-10)


def test_a_transformed_target_with_our_net_in_its_place():
    X, y = regression_data()
    y = 5.0 * y + 2.0
    model = TransformedTargetRegressor(MLPRegressor(**LBFGS), transformer=StandardScaler())
    predicted = model.fit(X, y).predict(X)
    model.regressor_ = NewtonMLPRegressor.from_sklearn(model.regressor_)
    assert_allclose(model.predict(X), predicted, atol=1e-12)
    with pytest.warns(UserWarning, match="Inference"):
        results = pipeline_inference(model, X, y)
    assert_allclose(results.get_prediction(X).mean, predicted, atol=1e-10)


X, Y = regression_data()
REFUSED = {
    "not fitted": (NewtonMLPRegressor, MLPRegressor(), "mlp must be fitted"),
    "class": (NewtonMLPRegressor, MLPRegressor, "must be a fitted MLPRegressor, got"),
    "other kind": (NewtonMLPRegressor, MLPClassifier(), "use NewtonMLPClassifier.from_sklearn"),
    "other way": (NewtonMLPClassifier, MLPRegressor(), "use NewtonMLPRegressor.from_sklearn"),
    "ours": (NewtonMLPRegressor, NewtonMLPRegressor(), "got NewtonMLPRegressor"),
    "pipeline": (NewtonMLPRegressor, make_pipeline(MLPRegressor()), r"from_sklearn\(pipe\[-1\]"),
    "target": (
        NewtonMLPRegressor,
        TransformedTargetRegressor(MLPRegressor()),
        r"from_sklearn\(model.regressor_\)",
    ),
    "search": (
        NewtonMLPRegressor,
        GridSearchCV(MLPRegressor(**LBFGS), {"alpha": [1.0]}, cv=2).fit(X, Y),
        "give its best_estimator_",
    ),
}


@pytest.mark.parametrize(("kind", "given", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(kind, given, message):
    with pytest.raises(ValueError, match=message):
        kind.from_sklearn(given)


def test_targets_need_samples():
    mlp, _, y = theirs("numbers")
    with pytest.raises(ValueError, match="X must be given"):
        ours(mlp, None, y)


def test_one_class_is_not_enough():
    mlp = MLPClassifier(**LBFGS).fit(X, np.zeros(len(X), dtype=int))
    with pytest.raises(ValueError, match="one class only, 0"):
        ours(mlp)


def test_an_unknown_output_activation():
    mlp = theirs("numbers")[0]
    mlp.out_activation_ = "relu"
    with pytest.raises(ValueError, match="out_activation_='relu'"):
        ours(mlp)
