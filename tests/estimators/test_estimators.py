"""What the estimators fit: known models, targets of every kind, attributes."""

import re
from functools import partial

import numpy as np
import pandas as pd
import pytest
from estimator_cases import (
    MODELS,
    N,
    class_data,
    count_data,
    each_model,
    fitted,
    label_data,
    regression_data,
    weights,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from sklearn.base import is_classifier
from sklearn.linear_model import (
    GammaRegressor,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor
from sknewtonnet.calculus import get_loss
from sknewtonnet.calculus.functions import critical_point
from sknewtonnet.estimators import _fit
from sknewtonnet.solvers import SOLVERS

# Without hidden layers the estimators are models with a single minimum, which are known;
# in these alpha is scaled differently. S is the sum of the weights.
REGRESSIONS = {
    "linear": ("squared_error", 0.0, lambda S: LinearRegression(), regression_data),
    "ridge": ("squared_error", 5.0, lambda S: Ridge(alpha=5.0), regression_data),
    "ridge, 3 outputs": (
        "squared_error",
        5.0,
        lambda S: Ridge(alpha=5.0),
        lambda: regression_data(3),
    ),
    "poisson": (
        "poisson",
        5.0,
        lambda S: PoissonRegressor(alpha=5.0 / S, solver="newton-cholesky", tol=1e-10),
        count_data,
    ),
    "gamma": (
        "gamma",
        5.0,
        lambda S: GammaRegressor(alpha=5.0 / S, solver="newton-cholesky", tol=1e-10),
        lambda: (regression_data()[0], 1.0 + count_data()[1]),
    ),
}


# Gradient descent at its defaults would need more iterations than are worth a test.
SETTINGS = {
    "gd": {"max_iter": 5000, "solver_options": {"learning_rate": 0.3, "momentum": 0.9}},
}


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("model", REGRESSIONS)
def test_known_regressions(model, weighted, solver):
    loss, alpha, reference, make_data = REGRESSIONS[model]
    X, y = make_data()
    sample_weight = weights(len(X)) if weighted else np.ones(len(X))
    settings = {"solver": solver, "tol": 1e-7, **SETTINGS.get(solver, {})}
    est = NewtonMLPRegressor((), loss=loss, alpha=alpha, standardize=False, **settings)
    est.fit(X, y, sample_weight)
    expected = reference(sample_weight.sum()).fit(X, y, sample_weight)
    assert_allclose(est.coefs_[0].T.squeeze(), expected.coef_, atol=1e-6)
    assert_allclose(est.intercepts_[0].squeeze(), expected.intercept_, atol=1e-6)
    assert_allclose(est.predict(X), expected.predict(X), rtol=1e-5, atol=1e-6)
    assert est.critical_point_ == "minimum"


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("class_weight", [None, "balanced", {"versicolor": 3.0}])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_known_classifications(n_classes, class_weight, solver):
    """Binary and multinomial logistic regression; their C is 1 / alpha."""
    X, y = class_data(n_classes)
    X, y, sample_weight = X[4:], y[4:], weights(len(y) - 4)
    settings = {"solver": solver, "tol": 1e-7, **SETTINGS.get(solver, {})}
    est = NewtonMLPClassifier(
        (), alpha=0.2, class_weight=class_weight, standardize=False, **settings
    )
    est.fit(X, y, sample_weight)
    expected = LogisticRegression(
        C=1.0 / 0.2, class_weight=class_weight, solver="newton-cg", tol=1e-10, max_iter=500
    ).fit(X, y, sample_weight)
    assert_allclose(est.coefs_[0].T, expected.coef_, atol=2e-4)
    assert_allclose(est.predict_proba(X), expected.predict_proba(X), atol=1e-5)
    assert_array_equal(est.predict(X), expected.predict(X))
    assert_array_equal(est.classes_, expected.classes_)


def test_multilabel_is_one_logistic_regression_for_each():
    X, Y = label_data()
    est = NewtonMLPClassifier((), alpha=0.5, standardize=False).fit(X, Y)
    for label, proba in zip(Y.T, est.predict_proba(X).T, strict=True):
        expected = LogisticRegression(C=2.0, tol=1e-10).fit(X, label)
        assert_allclose(proba, expected.predict_proba(X)[:, 1], atol=1e-5)
    assert_array_equal(est.predict(X), est.predict_proba(X) > 0.5)


SAME_AS_MLP = {
    "regression": (MLPRegressor, {}),
    "poisson": (MLPRegressor, {"loss": "poisson"}),
    "binary": (MLPClassifier, {}),
    "multiclass": (MLPClassifier, {}),
    "multilabel": (MLPClassifier, {}),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("activation", ["tanh", "logistic", "relu", "identity"])
@pytest.mark.parametrize("name", SAME_AS_MLP)
def test_loss_is_that_of_sklearn_mlp(name, activation, weighted):
    """At the same coefficients, penalty included."""
    cls, params = SAME_AS_MLP[name]
    X, y = MODELS[name][1]()
    sample_weight = weights(len(X)) if weighted else None
    with pytest.warns(UserWarning, match="stopped after 3 iterations"):
        est, _, _ = fitted(
            name,
            sample_weight,
            activation=activation,
            hidden_layer_sizes=(3, 2),
            alpha=1.7,
            skip_connections=False,
            max_iter=3,
        )
    # An epoch of steps that are nothing tells the loss at the coefficients it starts with.
    mlp = cls(
        hidden_layer_sizes=(3, 2),
        activation=activation,
        alpha=1.7,
        solver="sgd",
        learning_rate_init=1e-300,
        batch_size=len(X),
        **params,
    )
    classes = {} if cls is MLPRegressor else {"classes": est.classes_}
    mlp.partial_fit(X, y, **classes)
    for ours, theirs in zip(
        est.coefs_ + est.intercepts_, mlp.coefs_ + mlp.intercepts_, strict=True
    ):
        theirs[...] = ours
    mlp.partial_fit(X, y, sample_weight=sample_weight)
    assert_allclose(est.loss_, mlp.loss_, rtol=1e-12)
    assert_array_equal(est.predict(X) == y, mlp.predict(X) == y)
    assert est.n_layers_ == mlp.n_layers_
    assert est.n_outputs_ == mlp.n_outputs_
    assert est.out_activation_ == mlp.out_activation_


@each_model
@pytest.mark.parametrize("weighted", [False, True])
def test_objective(name, weighted):
    """On the scale of loss_, with a vanishing gradient where the fit has ended."""
    X, y = MODELS[name][1]()
    sample_weight = weights(len(X)) if weighted else None
    one_label = is_classifier(MODELS[name][0]) and y.ndim == 1
    balanced = {"class_weight": "balanced"} if one_label else {}
    est, X, y = fitted(name, sample_weight, **balanced)
    objective = est.objective(X, y, sample_weight)
    assert_allclose(objective.value(est.params_), est.loss_, rtol=1e-14)
    assert np.abs(objective.gradient(est.params_)).max() <= est.tol
    assert np.linalg.eigvalsh(objective.hessian(est.params_)).min() > -1e-12
    # Other data, the same scale of weights and penalty.
    half = est.objective(X[::2], y[::2])
    assert half.weight_sum != objective.weight_sum
    assert np.isfinite(half.value(est.params_))


@pytest.mark.parametrize("shape", [(N,), (N, 1), (N, 3)])
def test_predictions_have_the_shape_of_the_target(shape):
    X, y = regression_data(3)
    y = y[:, 0] if len(shape) == 1 else y[:, : shape[1]]
    est = NewtonMLPRegressor((2,), alpha=0.5, random_state=0, standardize=False).fit(X, y)
    assert est.predict(X[:7]).shape == (7, *shape[1:])
    assert est.n_outputs_ == (1 if len(shape) == 1 else shape[1])


@pytest.mark.parametrize("loss", ["poisson", "gamma", "pseudo_huber"])
def test_losses_of_several_outputs(loss):
    X, y = regression_data()
    Y = np.column_stack([1.0 + np.floor(np.exp(y)), np.exp(0.5 * X[:, 0])])
    est = NewtonMLPRegressor((2,), loss=loss, random_state=0, standardize=False, alpha=1.0).fit(
        X, Y
    )
    prediction = est.predict(X)
    assert prediction.shape == Y.shape
    assert_allclose(
        get_loss(loss, 2).inverse_link(est.objective(X, Y).network.predict_raw(est.params_, X)),
        prediction,
    )
    assert est.out_activation_ == ("identity" if loss == "pseudo_huber" else "exp")


@pytest.mark.parametrize("labels", [["no", "yes"], ["a", "bb", "ccc"], [False, True], [-1, 7, 3]])
def test_labels_come_back(labels):
    X, y = class_data(len(labels))
    y = np.array(labels)[np.unique(y, return_inverse=True)[1]]
    est = NewtonMLPClassifier((2,), alpha=0.1, random_state=0, standardize=False).fit(X, y)
    assert_array_equal(est.classes_, np.unique(labels))
    assert est.predict(X).dtype == y.dtype
    assert est.score(X, y) > 0.9
    assert_array_equal(est.predict(X), est.classes_[est.predict_proba(X).argmax(axis=1)])


@pytest.mark.parametrize("name", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("factor", [1.0, 1e5])
def test_probabilities(name, factor):
    """They sum to one, and their logarithms survive logits of any size."""
    est, X, _ = fitted(name)
    est.params_ = est.params_ * factor
    proba, log_proba = est.predict_proba(X), est.predict_log_proba(X)
    assert proba.shape == (len(X), len(est.classes_))
    assert np.isfinite(log_proba).all()
    assert (log_proba <= 0.0).all()
    assert_allclose(np.exp(log_proba), proba, atol=1e-15)
    if name != "multilabel":
        assert_allclose(logsumexp(log_proba, axis=1), 0.0, atol=1e-12)
    if factor > 1.0:
        assert log_proba.min() < -800.0
        assert proba.min() == 0.0


@pytest.mark.parametrize("name", [name for name in MODELS if not name.startswith("net")])
def test_attributes(name):
    est, X, _ = fitted(name)
    radial = [est.n_centers] if hasattr(est, "n_centers") else []
    sizes = [X.shape[1], *radial, *est.hidden_layer_sizes, est.n_outputs_]
    assert est.n_layers_ == len(sizes)
    linear = zip(est.coefs_, est.intercepts_, strict=True)
    for k, (coefs, intercepts) in enumerate(linear, start=len(radial)):
        reads_all = est.skip_connections == "all"
        reads_input = est.skip_connections == "input-output" and k == len(sizes) - 2
        rows = sum(sizes[: k + 1]) if reads_all else sizes[k] + reads_input * sizes[0]
        assert coefs.shape == (rows, sizes[k + 1])
        assert intercepts.shape == (sizes[k + 1],)
    flat = [a.ravel() for pair in zip(est.coefs_, est.intercepts_, strict=True) for a in pair]
    n_radial = sum(radial) and est.centers_.size + np.count_nonzero(est.precisions_cholesky_)
    assert_array_equal(np.concatenate(flat), est.params_[n_radial:])
    assert len(est.parameter_names_) == len(est.params_)
    first = [name for name in est.parameter_names_ if name.startswith("coefs_0[")]
    assert [
        w for name, w in zip(est.parameter_names_, est.params_, strict=True) if name in first
    ] == list(est.coefs_[0].ravel())
    assert len(est.loss_curve_) == est.n_iter_ + 1
    assert est.loss_curve_[-1] == est.loss_ == est.solver_result_.value
    assert_array_equal(est.solver_result_.params, est.params_)
    assert est.solver_result_.converged
    assert est.critical_point_ == "minimum"
    assert est.n_features_in_ == X.shape[1]
    assert hasattr(est, "classes_") == is_classifier(est)


def test_saddle_points_are_told():
    """All parameters zero: stationary, since the mean of y is zero, but no minimum."""
    X, y = regression_data()
    est = NewtonMLPRegressor(
        (2,), alpha=0.1, solver="trust-ncg", random_state=0, standardize=False
    ).fit(X, y)
    assert est.critical_point_ == "minimum"
    est.set_params(warm_start=True).params_ = np.zeros_like(est.params_)
    with pytest.warns(UserWarning, match=r"saddle point.* along coefs_.*warm_start=True with"):
        est.fit(X, y)
    assert est.critical_point_ == "saddle"
    assert est.n_iter_ == 0
    # The lowest eigenvectors have no part in the intercepts, and largest entries are named. There
    # is one for each unit, and any mixture of them is another.
    lowest = np.linalg.eigh(est.objective(X, y).hessian(est.params_))[1][:, 0]
    largest = est.parameter_names_[int(np.abs(lowest).argmax())]
    said, largest = (re.sub(r"h\d", "h", text) for text in (est.critical_point_message_, largest))
    assert largest in said
    assert "intercepts" not in est.critical_point_message_
    # Newton's own method does not stay there.
    est.set_params(solver="newton").params_ = np.zeros_like(est.params_)
    assert est.fit(X, y).critical_point_ == "minimum"
    assert est.n_iter_ > 0


def test_saddle_points_of_large_nets_are_told(monkeypatch):
    """From products alone, with the weights of the way out."""
    X, y = regression_data()
    for module in (_fit, critical_point):
        monkeypatch.setattr(module, "DENSE_LIMIT", 5)
    net = NewtonMLPRegressor((2,), alpha=0.1, solver="l-bfgs-b", tol=1e-7, random_state=0)
    est = net.set_params(standardize=False).fit(X, y).set_params(warm_start=True)
    est.params_ = np.zeros_like(est.params_)
    with pytest.warns(UserWarning, match=r"saddle point.* along coefs_.*warm_start=True"):
        est.fit(X, y)


def test_what_products_show_of_a_large_net_is_said(monkeypatch):
    """A minimum if there are enough of them; with fewer how much is known."""
    X, y = regression_data()
    for module in (_fit, critical_point):
        monkeypatch.setattr(module, "DENSE_LIMIT", 5)
    est = NewtonMLPRegressor((2,), alpha=0.1, random_state=0).fit(X, y)
    assert est.critical_point_ == "minimum"
    assert est.critical_point_message_ == ""
    few = partial(critical_point.critical_point, max_products=3)
    monkeypatch.setattr(_fit, "critical_point", few)
    est.fit(X, y)
    assert est.critical_point_ == "inconclusive"
    message = r"not shown by 3 products: the lowest Ritz value .* residual of .*max_products=5000"
    assert re.search(message, est.critical_point_message_)


def test_flat_minimum_is_inconclusive():
    X, y = regression_data()
    est = NewtonMLPRegressor((), alpha=0.0, standardize=False).fit(
        np.column_stack([X, X[:, 0]]), y
    )
    assert est.critical_point_ == "inconclusive"


def test_names_of_a_data_frame_name_the_parameters():
    X, y = regression_data()
    frame = pd.DataFrame(X, columns=["bmi", "bp", "ldl", "ltg"])
    est = NewtonMLPRegressor(
        (2,), skip_connections="input-output", random_state=0, standardize=False, alpha=1.0
    ).fit(frame, y)
    names = est.objective(frame, y).network.layout.names
    assert len(names) == len(est.params_)
    assert names[0] == "coefs_0[bmi, h0]"
    assert "coefs_1[ltg, y]" in names
    value = est.params_[names.index("coefs_0[ldl, h1]")]
    assert value == est.coefs_[0][2, 1]
    assert_array_equal(est.params_, NewtonMLPRegressor(**est.get_params()).fit(X, y).params_)
    X, y = class_data()
    est = NewtonMLPClassifier((1,), random_state=0, standardize=False, alpha=1.0).fit(X, y)
    assert "coefs_1[h0, versicolor]" in est.objective(X, y).network.layout.names


def test_connections_that_do_not_exist():
    X, y = regression_data()
    mask = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 0, 0]], dtype=bool)
    connectivity = {"coefs_0": mask, "intercepts_1": np.array([False])}
    est = NewtonMLPRegressor(
        (3,), alpha=0.5, connectivity=connectivity, random_state=0, standardize=False
    ).fit(X, y)
    assert (est.coefs_[0][~mask] == 0.0).all()
    assert (est.coefs_[0][mask] != 0.0).all()
    assert est.intercepts_[1] == 0.0
    assert len(est.params_) == mask.sum() + 3 + 3
    changed = X.copy()
    changed[:, 3] = 17.0
    assert_array_equal(est.predict(changed), est.predict(X))


@pytest.mark.parametrize(
    "same",
    [
        {"alpha": [0.5, 0.5]},
        {"alpha": {"coefs_0": 0.5, "coefs_1": np.full((3, 1), 0.5)}},
        {"hidden_layer_sizes": 3},
        {"hidden_layer_sizes": np.array([3])},
        {"activation": ["tanh"]},
        {"connectivity": {"coefs_0": np.ones((4, 3), dtype=bool)}},
        {"max_iter": 500, "n_jobs": 2},
    ],
    ids=str,
)
def test_ways_to_say_the_same(same):
    est, _, _ = fitted("regression")
    other, _, _ = fitted("regression", **same)
    assert_array_equal(est.params_, other.params_)


@each_model
def test_single_precision_and_lists_are_double_inside(name):
    est, X, y = fitted(name)
    rounded = X.astype(np.float32)
    single = type(est)(**est.get_params()).fit(rounded, y)
    double = type(est)(**est.get_params()).fit(rounded.astype(float), y)
    assert single.params_.dtype == np.float64
    assert_array_equal(single.params_, double.params_)
    listed = type(est)(**est.get_params()).fit(X.tolist(), y.tolist())
    assert_array_equal(listed.params_, est.params_)
