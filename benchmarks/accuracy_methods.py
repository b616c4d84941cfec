"""Methods of ``accuracy.py``: rivals plain and tuned, and our own nets in several forms."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression, Ridge, RidgeCV
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from sknewtonnet import (
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    RBFNetClassifier,
    RBFNetRegressor,
)

KERNEL_ROWS, GP_ROWS, SEARCH_ROWS, INNER_FOLDS = 2000, 1000, 2000, 3
SEEDS_UP_TO, N_SEEDS = 300, 2


def some_rows(y, n_rows, task):
    """Return indices of at most ``n_rows`` rows, the same at each call."""
    if len(y) <= n_rows:
        return np.arange(len(y))
    by_class = y if task == "classification" else None
    rows, _ = train_test_split(
        np.arange(len(y)), train_size=n_rows, random_state=0, stratify=by_class
    )
    return rows


class Search(BaseEstimator):
    """A grid search on a part of the rows, with ``light`` settings, and a last fit on all."""

    def __init__(self, estimator, grid, task, light=None):
        self.estimator, self.grid, self.task, self.light = estimator, grid, task, light

    def fit(self, X, y):
        rows = some_rows(y, SEARCH_ROWS, self.task)
        splitter = KFold if self.task == "regression" else StratifiedKFold
        inner = splitter(INNER_FOLDS, shuffle=True, random_state=0)
        scoring = "r2" if self.task == "regression" else "neg_log_loss"
        estimator = clone(self.estimator).set_params(**self.light or {})
        search = GridSearchCV(estimator, self.grid, scoring=scoring, cv=inner, refit=False)
        self.best_params_ = search.fit(X[rows], y[rows]).best_params_
        self.estimator_ = clone(self.estimator).set_params(**self.best_params_).fit(X, y)
        return self

    def predict(self, X):
        return self.estimator_.predict(X)

    def predict_proba(self, X):
        return self.estimator_.predict_proba(X)

    @property
    def classes_(self):
        return self.estimator_.classes_


@dataclass(frozen=True)
class Method:
    """A method of the report.

    Attributes
    ----------
    make : callable
        (task, number of columns, seed) to an estimator.
    inputs : str
        "raw" or "scaled".
    tasks : tuple of str
        What it is for.
    ours : bool
        Whether it is one of this package.
    tuned : bool
        Whether parameters are chosen by an inner search.
    rows : int
        Most rows that it is trained on.
    seeds : int
        How many random states are tried on tables of up to ``SEEDS_UP_TO`` rows.
    """

    make: Callable
    inputs: str = "scaled"
    tasks: tuple = ("regression", "classification")
    ours: bool = False
    tuned: bool = False
    rows: int = 1_000_000
    seeds: int = 1


def scaled_target(estimator):
    return TransformedTargetRegressor(estimator, transformer=StandardScaler())


def search(estimator, grid, task):
    """Search; with the target standardised in regression."""
    if task == "classification":
        return Search(estimator, grid, task)
    inside = {f"regressor__{name}": values for name, values in grid.items()}
    return Search(scaled_target(estimator), inside, task)


# ---- rivals ----
def linear(task, p, seed):
    return Ridge() if task == "regression" else LogisticRegression(max_iter=1000)


def linear_tuned(task, p, seed):
    if task == "regression":
        return RidgeCV(np.logspace(-3, 4, 15))
    return Search(LogisticRegression(max_iter=1000), {"C": np.logspace(-3, 3, 7)}, task)


def machine(task, p, seed):
    if task == "regression":
        return scaled_target(SVR())
    return CalibratedClassifierCV(SVC(random_state=0), ensemble=False)


def machine_tuned(task, p, seed):
    grid = {"C": [1.0, 10.0, 100.0], "gamma": [0.1 / p, 0.3 / p, 1.0 / p]}
    if task == "regression":
        return search(SVR(), grid, task)
    inside = {f"estimator__{name}": values for name, values in grid.items()}
    return Search(machine(task, p, seed), inside, task)


def kernel_ridge(task, p, seed):
    return scaled_target(KernelRidge(kernel="rbf"))


def kernel_ridge_tuned(task, p, seed):
    grid = {"alpha": [0.001, 0.01, 0.1, 1.0], "gamma": [0.1 / p, 0.3 / p, 1.0 / p]}
    return search(KernelRidge(kernel="rbf"), grid, task)


def gaussian_process(task, p, seed):
    kernel = ConstantKernel() * RBF(length_scale=p**0.5) + WhiteKernel()
    return GaussianProcessRegressor(kernel, normalize_y=True, random_state=seed)


def mlp(task, p, seed):
    if task == "regression":
        return scaled_target(MLPRegressor(random_state=seed))
    return MLPClassifier(random_state=seed)


def mlp_tuned(task, p, seed):
    grid = {"alpha": [0.01, 0.1, 1.0, 10.0], "hidden_layer_sizes": [(10,), (50,)]}
    kind = MLPRegressor if task == "regression" else MLPClassifier
    return search(kind(solver="lbfgs", max_iter=200, random_state=seed), grid, task)


def boosting(task, p, seed):
    kind = HistGradientBoostingRegressor
    if task == "classification":
        kind = HistGradientBoostingClassifier
    return kind(random_state=seed)


def boosting_tuned(task, p, seed):
    grid = {"learning_rate": [0.03, 0.1], "min_samples_leaf": [3, 10, 30]}
    return Search(boosting(task, p, seed), grid, task)


def forest(task, p, seed):
    kind = RandomForestRegressor if task == "regression" else RandomForestClassifier
    return kind(random_state=seed)


def forest_tuned(task, p, seed):
    features = [0.33, 1.0] if task == "regression" else ["sqrt", 0.5]
    grid = {"min_samples_leaf": [1, 3, 10], "max_features": features}
    return Search(forest(task, p, seed), grid, task, light={"n_estimators": 30})


# ---- ours ----
def net(task, p, seed):
    kind = NewtonMLPRegressor if task == "regression" else NewtonMLPClassifier
    return kind(random_state=seed)


def rbf(task, p, seed):
    kind = RBFNetRegressor if task == "regression" else RBFNetClassifier
    return kind(random_state=seed)


def with_settings(make, **settings):
    return lambda task, p, seed: make(task, p, seed).set_params(**settings)


REGRESSION = ("regression",)
METHODS = {
    "net, raw": Method(net, "raw", ours=True, seeds=N_SEEDS),
    "net, X scaled": Method(net, ours=True, seeds=N_SEEDS),
    "net, linear part": Method(
        with_settings(net, skip_connections="input-output"), "raw", ours=True, seeds=N_SEEDS
    ),
    "net, alpha 1": Method(with_settings(net, alpha=1.0), "raw", ours=True, seeds=N_SEEDS),
    "rbf, raw": Method(rbf, "raw", ours=True, seeds=N_SEEDS),
    "linear": Method(linear),
    "linear, tuned": Method(linear_tuned, tuned=True),
    "svm": Method(machine, rows=KERNEL_ROWS),
    "svm, tuned": Method(machine_tuned, tuned=True, rows=KERNEL_ROWS),
    "kernel ridge": Method(kernel_ridge, tasks=REGRESSION, rows=KERNEL_ROWS),
    "kernel ridge, tuned": Method(
        kernel_ridge_tuned, tasks=REGRESSION, tuned=True, rows=KERNEL_ROWS
    ),
    "gp": Method(gaussian_process, tasks=REGRESSION, tuned=True, rows=GP_ROWS),
    "mlp": Method(mlp),
    "mlp, tuned": Method(mlp_tuned, tuned=True),
    "boosting": Method(boosting, "raw"),
    "boosting, tuned": Method(boosting_tuned, "raw", tuned=True),
    "forest": Method(forest, "raw"),
    "forest, tuned": Method(forest_tuned, "raw", tuned=True),
}
