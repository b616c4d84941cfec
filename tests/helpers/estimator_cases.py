"""Small data and models with one clear minimum, for the tests of the estimators."""

import numpy as np
import pytest
from cases import Multiquadric
from sklearn.datasets import load_diabetes, load_iris
from sklearn.preprocessing import scale

from sknewtonnet import (
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    NewtonNetClassifier,
    NewtonNetRegressor,
    RBFNetClassifier,
    RBFNetRegressor,
)
from sknewtonnet.calculus import GaussianRBF, Linear, Quadratic

N = 60
# Columns as they come and one row of penalty: the objective of scikit-learn.
PLAIN = {"standardize": False, "alpha": 1.0}


def regression_data(n_outputs=None):
    """Diabetes, 4 features, standardised; further targets are made up."""
    data = load_diabetes(scaled=False)
    X, y = scale(data.data[:N, [2, 3, 5, 8]]), scale(data.target[:N])
    if n_outputs is None:
        return X, y
    return X, np.column_stack([y, np.sin(y), X[:, 0] * y])[:, :n_outputs]


def count_data():
    X, y = regression_data()
    return X, np.floor(np.exp(0.7 * y))


def class_data(n_classes=3):
    """Every other iris, of the last classes, standardised, under their names."""
    data = load_iris()
    rows = np.flatnonzero(data.target >= 3 - n_classes)[::2]
    return scale(data.data[rows]), data.target_names[data.target[rows]]


def label_data():
    """Draw three labels that may be on together."""
    X, y = regression_data()
    return X, np.column_stack([y > 0.5, X[:, 0] > 0, y + X[:, 1] > 0]).astype(int)


def weights(n, seed=0):
    return np.random.default_rng(seed).uniform(0.2, 3.0, n)


BUMP_ALPHA = {"coefs_0": 0.5, "centers": 0.2, "precisions_cholesky": 0.5}


def bumps_and_trend(n_features, n_outputs):
    """Two Gaussian units beside a linear model."""
    return [GaussianRBF((0,), 2, "spherical"), Linear((0, 1), n_outputs)]


MODELS = {
    "regression": (NewtonMLPRegressor((3,), alpha=0.5, standardize=False), regression_data),
    "two outputs": (
        NewtonMLPRegressor((3,), alpha=0.5, standardize=False),
        lambda: regression_data(2),
    ),
    "poisson": (
        NewtonMLPRegressor((2,), loss="poisson", alpha=2.0, standardize=False),
        count_data,
    ),
    "deep": (
        NewtonMLPRegressor(
            (2, 2),
            activation="softplus",
            skip_connections="all",
            alpha=[0.05, 0.1, 0.05],
            standardize=False,
        ),
        regression_data,
    ),
    "binary": (NewtonMLPClassifier((2,), alpha=0.5, standardize=False), lambda: class_data(2)),
    "multiclass": (
        NewtonMLPClassifier((2,), alpha=0.5, skip_connections="input-output", standardize=False),
        class_data,
    ),
    "multilabel": (NewtonMLPClassifier((2,), alpha=0.5, standardize=False), label_data),
    "rbf": (RBFNetRegressor(3, alpha=0.5, standardize=False), regression_data),
    "rbf diag poisson": (
        RBFNetRegressor(
            2,
            covariance_type="diag",
            loss="poisson",
            alpha=2.0,
            skip_connections="input-output",
            standardize=False,
        ),
        count_data,
    ),
    "rbf full multiclass": (
        RBFNetClassifier(
            2, covariance_type="full", alpha=0.2, alpha_widths=0.5, standardize=False
        ),
        class_data,
    ),
    "rbf deep": (
        RBFNetRegressor(
            3,
            covariance_type="diag",
            hidden_layer_sizes=(2,),
            alpha=[0.05, 0.1],
            skip_connections="all",
            solver="trust-ncg",
            standardize=False,
        ),
        lambda: regression_data(2),
    ),
    "rbf multilabel": (RBFNetClassifier(2, alpha=2.0, n_init=2, standardize=False), label_data),
    "net": (
        NewtonNetRegressor(
            [Multiquadric((0,), 2), Linear((0,), 2, "tanh"), Linear((1, 2), 2)],
            alpha={"coefs_0": 1.0, "coefs_1": 0.5, "nodes": 0.2, "log_scales": 0.5},
            standardize=False,
        ),
        lambda: regression_data(2),
    ),
    "net inside out": (
        NewtonNetRegressor(
            [Linear((0,), 1, "tanh"), Quadratic((1,), 1), Linear((0, 2), 1)],
            loss="poisson",
            alpha=dict.fromkeys(["coefs_0", "coefs_1", "quadratic_forms"], 0.3),
            standardize=False,
        ),
        count_data,
    ),
    "net classes": (
        NewtonNetClassifier(bumps_and_trend, alpha=BUMP_ALPHA, standardize=False),
        class_data,
    ),
}


def fitted(name, sample_weight=None, **params):
    model, make_data = MODELS[name]
    X, y = make_data()
    model = type(model)(**{**model.get_params(), "random_state": 0, **params})
    return model.fit(X, y, sample_weight), X, y


each_model = pytest.mark.parametrize("name", MODELS)


def data(n=50, seed=0):
    """Draw a smooth function of two standard normal variables, with noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    return X, np.sin(2.0 * X[:, 0]) + 0.5 * X[:, 1] ** 2 + 0.1 * rng.normal(size=n)


def classes(n=50):
    X, y = data(n)
    return X, np.array(["low", "mid", "top"])[np.digitize(y, [0.0, 0.8])]


def regressor(**params):
    return NewtonMLPRegressor(
        **{"hidden_layer_sizes": (3,), "standardize": False, "alpha": 0.05} | params
    )


def classifier(**params):
    return NewtonMLPClassifier(
        **{"hidden_layer_sizes": (2,), "standardize": False, "alpha": 0.5} | params
    )


def rbf_regressor(**params):
    return RBFNetRegressor(**{"n_centers": 3, "standardize": False, "alpha": 0.05} | params)


def rbf_classifier(**params):
    options = {"n_centers": 4, "covariance_type": "diag", "standardize": False, "alpha": 0.2}
    return RBFNetClassifier(**options | params)


def tanh_units(n_features, n_outputs):
    """One hidden layer of linear units."""
    return [Linear((0,), 3, "tanh"), Linear((1,), n_outputs)]


def forms_of_units(n_features, n_outputs):
    """Quadratic forms of two units, beside a linear model."""
    return [Linear((0,), 2, "tanh"), Quadratic((1,), 2, "tanh"), Linear((0, 2), n_outputs)]


def net_regressor(**params):
    alpha = {"coefs_0": 0.05, "quadratic_forms": 0.2, "coefs_1": 0.05}
    return NewtonNetRegressor(
        **{"layers": forms_of_units, "standardize": False, "alpha": alpha} | params
    )


def net_classifier(**params):
    return NewtonNetClassifier(
        **{"layers": bumps_and_trend, "standardize": False, "alpha": BUMP_ALPHA} | params
    )


def standardized_regressor(**params):
    return NewtonMLPRegressor(**{"hidden_layer_sizes": (3,), "alpha": 0.05} | params)


def standardized_rbf_classifier(**params):
    return RBFNetClassifier(**{"n_centers": 3, "alpha": 0.2} | params)


def standardized_net_regressor(**params):
    return NewtonNetRegressor(**{"layers": tanh_units, "alpha": 0.05} | params)


PLAIN_KINDS = {
    "regressor": (regressor, data),
    "classifier": (classifier, classes),
    "rbf regressor": (rbf_regressor, data),
    "rbf classifier": (rbf_classifier, classes),
    "net regressor": (net_regressor, data),
    "net classifier": (net_classifier, classes),
}
KINDS = PLAIN_KINDS | {
    "standardized regressor": (standardized_regressor, data),
    "standardized rbf classifier": (standardized_rbf_classifier, classes),
    "standardized net regressor": (standardized_net_regressor, data),
}
each_plain_kind = pytest.mark.parametrize(
    ("make", "make_data"), PLAIN_KINDS.values(), ids=PLAIN_KINDS
)
each_kind = pytest.mark.parametrize(("make", "make_data"), KINDS.values(), ids=KINDS)


class Recorder:
    """A callback that keeps what it sees, and does something at one of the iterations."""

    def __init__(self, at=None, action=None):
        self.at, self.action = at, action
        self.log = []

    def setup(self, estimator, context):
        self.log.append("setup")

    def teardown(self, estimator, context):
        self.log.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.log.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.log.append(f"end {context.task_name}")
        self.last = fitted_estimator, X, y, metadata
        if context.task_name == "iteration" and self.log.count("end iteration") == self.at:
            return self.action()
        return None
