"""What cannot be pruned is refused in words, and nothing is left half done."""

import warnings

import numpy as np
import pytest
from inference_cases import binary, plane, regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.validation import check_is_fitted

from sknewtonnet import (
    BackwardPruning,
    InformationCriterionSearch,
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    RBFNetRegressor,
)
from sknewtonnet.pruning import pruning_stability

GRID = {"alpha": [0.1, 0.2]}


def net(hidden=(1,), **params):
    return NewtonMLPRegressor(
        hidden, **{"standardize": False, "alpha": 0.1, "random_state": 0} | params
    )


def noise(n=60, p=4):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, p)), rng.normal(size=n)


def state(estimator):
    return {name: repr(value) for name, value in vars(estimator).items()}


def refused(meta, X, y, match, error=ValueError):
    """Check that a fit raises, and leaves the meta-estimator and its net as they were."""
    before, inner = state(meta), state(meta.estimator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        with pytest.raises(error, match=match):
            meta.fit(X, y)
    assert state(meta) == before
    assert state(meta.estimator) == inner


@pytest.mark.parametrize(
    "estimator",
    [
        MLPRegressor(),
        LinearRegression(),
        make_pipeline(LinearRegression()),
    ],
    ids=lambda e: type(e).__name__,
)
def test_no_hessian(estimator):
    X, y = regression()
    name = type(estimator[-1] if isinstance(estimator, Pipeline) else estimator).__name__
    refused(BackwardPruning(estimator), X, y, f"second derivatives.*got {name}")
    refused(InformationCriterionSearch(estimator, GRID), X, y, f"second derivatives.*got {name}")


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"significance_level": 0}, "significance_level"),
        ({"significance_level": 1}, "significance_level"),
        ({"significance_level": 2.0}, "significance_level"),
        ({"significance_level": -0.1}, "significance_level"),
        ({"significance_level": np.nan}, "significance_level"),
        ({"significance_level": "5%"}, "significance_level"),
        ({"criterion": "lrt"}, "criterion"),
        ({"criterion": None}, "criterion"),
        ({"unit": "layer"}, "unit"),
        ({"scoring": "r2"}, "scoring"),
        ({"step": 0}, "step"),
        ({"step": -1}, "step"),
        ({"step": 0.0}, "step"),
        ({"step": 1.5}, "step"),
        ({"cov_type": "cluster"}, "cov_type"),
        ({"cov_type": "robust"}, "cov_type"),
        ({"max_steps": 0}, "max_steps"),
        ({"max_steps": 2.5}, "max_steps"),
    ],
)
def test_parameters_of_pruning(params, match):
    X, y = regression()
    refused(BackwardPruning(net(), **params), X, y, f"'{match}' parameter")


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"criterion": "r2"}, "'criterion' parameter"),
        ({"param_grid": None}, "'param_grid' parameter"),
        ({"param_grid": {"alpha": []}}, "alpha"),
        ({"param_grid": []}, "param_grid"),
        ({"param_grid": {"sizes": [1]}}, "Invalid parameter 'sizes'"),
        ({"param_grid": {"alpha": [0.1, -1.0]}}, "alpha"),
        ({"n_jobs": "all"}, "'n_jobs' parameter"),
    ],
)
def test_parameters_of_search(params, match):
    X, y = regression()
    refused(InformationCriterionSearch(net(), **{"param_grid": GRID} | params), X, y, match)


def test_somebody_must_decide():
    refused(
        BackwardPruning(net(), scoring=None), *regression(), "scoring=None.*significance_level"
    )


def test_features_of_radial_units():
    refused(
        BackwardPruning(RBFNetRegressor(2, standardize=False, alpha=1.0), unit="feature"),
        *plane(),
        'unit="feature"',
    )


def test_no_likelihood():
    X, y = regression()
    robust = net(loss="pseudo_huber")
    refused(BackwardPruning(robust), X, y, "no likelihood")
    refused(InformationCriterionSearch(robust, GRID), X, y, "likelihood")


def test_class_weights_are_no_likelihood():
    """Inference knows no criterion then; so what would not grow, or be lowest?"""
    balanced = NewtonMLPClassifier(
        (1,), alpha=0.1, class_weight="balanced", random_state=0, standardize=False
    )
    X, y = binary()
    refused(InformationCriterionSearch(balanced, GRID), X, y, "class_weight")
    refused(BackwardPruning(balanced), X, y, "class_weight")


def test_not_at_a_minimum():
    X, y = regression()
    refused(BackwardPruning(net((3,), max_iter=2)), X, y, "not stationary.*max_iter")
    search = InformationCriterionSearch(net((3,), max_iter=2), GRID)
    refused(search, X, y, "not stationary.*max_iter")


def test_at_a_saddle_point():
    X, y = regression()
    flat = net((2,), alpha=0.0, solver="newton-cg", tol=1e6)
    refused(BackwardPruning(flat), X, y, "cannot be tested")


def test_too_few_rows():
    X, y = noise(6, 6)
    refused(BackwardPruning(net((), alpha=0.0)), X, y, "(?i)too few")
    refused(BackwardPruning(net((), alpha=0.1)), X[:1], y[:1], "(?i)few|1 sample")


def separated():
    X, _ = noise()
    return X, np.where(X[:, 0] > 0, "right", "left")


def test_separated_classes_have_no_minimum():
    """Weights without end: the gate of inference refuses these as well."""
    X, y = separated()
    endless = NewtonMLPClassifier((), alpha=0.0, standardize=False)
    refused(InformationCriterionSearch(endless, {"tol": [1e-8, 1e-6]}), X, y, "(?i)separation")
    refused(BackwardPruning(endless), X, y, "(?i)separation")


def test_separated_classes_under_a_penalty_have_a_criterion():
    X, y = separated()
    model = NewtonMLPClassifier((), alpha=0.5, standardize=False)
    assert BackwardPruning(model).fit(X, y).estimator_.critical_point_ == "minimum"
    search = InformationCriterionSearch(model, {"alpha": [0.5, 1.0]}).fit(X, y)
    assert np.isfinite(search.best_score_)


@pytest.mark.parametrize("make", [BackwardPruning, lambda e: InformationCriterionSearch(e, GRID)])
def test_data(make):
    X, y = regression()
    refused(make(net()), np.where(X > 2.0, np.nan, X), y, "NaN")
    refused(make(net()), X, y[:-1], "inconsistent numbers")
    refused(make(net()), X, np.full(len(y), np.inf), "inf")
    meta = make(net())
    with pytest.raises(ValueError, match="Negative"):
        meta.fit(X, y, np.full(len(y), -1.0))
    with pytest.raises(ValueError, match="features"):
        meta.fit(X, y).predict(X[:, :2])
    with pytest.raises(ValueError, match="names"):
        BackwardPruning(net()).fit(X, y).get_feature_names_out(["a"])


@pytest.mark.parametrize("make", [BackwardPruning, lambda e: InformationCriterionSearch(e, GRID)])
def test_failed_fit_keeps_the_last_one(make):
    X, y = regression()
    meta = make(net()).fit(X, y)
    before = meta.predict(X)
    meta.set_params(estimator=net((3,), max_iter=2))
    refused(meta, X, y, "not stationary")
    check_is_fitted(meta)
    assert np.array_equal(meta.predict(X), before)


def test_failure_at_the_last_leaves_nothing(monkeypatch):
    """An error in the very last fit."""
    X, y = regression()
    fit, calls = NewtonMLPRegressor._fit, []

    def failing(self, *args):
        calls.append(self)
        if len(calls) == 2:
            raise ValueError("the second fit fails")
        fit(self, *args)

    monkeypatch.setattr(NewtonMLPRegressor, "_fit", failing)
    refused(BackwardPruning(net()), X, y, "the second fit fails")


# Constraints.


@pytest.mark.parametrize(
    "params",
    [
        {"bounds": {"coefs_0[x1, y]": (-5.0, 5.0)}},
        {"linear_constraints": [({"coefs_0[x1, y]": 1.0, "coefs_0[x2, y]": 1.0}, -5.0, 5.0)]},
    ],
    ids=lambda params: next(iter(params)),
)
def test_constraints_must_not_name_what_may_go(params):
    X, _ = noise()
    y = X[:, 0] + 0.1 * noise()[1]
    refused(BackwardPruning(net((), **params)), X, y, r"coefs_0\[x1, y\].*whole arrays")


@pytest.mark.parametrize(
    "params", [{"bounds": {"coefs_0": (-5.0, 5.0)}}, {"alpha": {"coefs_0": 0.1}}]
)
def test_arrays_may_be_named(params):
    X, _ = noise()
    y = X[:, 0] + 0.1 * noise()[1]
    plain = BackwardPruning(net(())).fit(X, y)
    found = BackwardPruning(net((), **params)).fit(X, y)
    assert found.support_.tolist() == plain.support_.tolist() == [True, False, False, False]
    assert found.estimator_.params_ == pytest.approx(plain.estimator_.params_, rel=1e-7)


def test_active_constraints_count_as_in_inference():
    X, e = noise()
    y = np.tanh(2.0 * X[:, 0]) + 0.1 * e
    model = net((2,), alpha=0.01, bounds={"coefs_0": (-0.3, 0.3)}, n_init=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        wanted = model.fit(X, y).inference(X, y).bic
    path = BackwardPruning(model).fit(X, y).path_
    assert path[0].criterion == pytest.approx(wanted)


def test_masked_intercepts_leave_no_parameter():
    """The last coefficient stays, however little it says: a net has a parameter."""
    X, y = noise()
    model = net((), alpha=0.0, connectivity={"intercepts_0": np.array([False])})
    pruned = BackwardPruning(model, step=4, scoring=None, significance_level=1e-9).fit(X, y)
    assert len(pruned.estimator_.params_) == 1


# Stability.


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"resampling": "jackknife"}, "resampling"),
        ({"resampling": None}, "resampling"),
        ({"n_resamples": 1}, "n_resamples"),
        ({"n_resamples": 0}, "n_resamples"),
        ({"n_resamples": 2.5}, "n_resamples"),
        ({"n_resamples": "two"}, "n_resamples"),
        ({"resampling": "folds", "n_resamples": 61}, "n_resamples"),
    ],
)
def test_stability(params, match):
    X, y = noise()
    with pytest.raises(ValueError, match=match):
        pruning_stability(BackwardPruning(net(())), X, y, **{"random_state": 0} | params)


def test_stability_of_something_else():
    X, y = noise()
    with pytest.raises(ValueError, match=r"BackwardPruning.*NewtonMLPRegressor"):
        pruning_stability(net(()), X, y, n_resamples=2)


def test_stability_of_rare_classes():
    """No bootstrap sample is without one of the classes: rows are drawn within each."""
    X, _ = noise()
    y = np.repeat(["ash", "elm"], 30)
    y[:2] = "fir"
    pruning = BackwardPruning(NewtonMLPClassifier((), alpha=1.0, standardize=False))
    found = pruning_stability(pruning, X, y, n_resamples=12, random_state=0)
    assert (found.n_parameters > 0).all()
