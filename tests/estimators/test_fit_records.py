"""What was fitted is kept: later changes of parameters, of arguments or of data change nothing."""

import copy
import gc
import pickle
import struct

import numpy as np
import pytest
from estimator_cases import (
    PLAIN,
    class_data,
    each_kind,
    each_model,
    fitted,
    regression_data,
    regressor,
)
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.feature_selection import SelectFromModel
from sklearn.model_selection import cross_validate

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor, RBFNetRegressor
from sknewtonnet.calculus import Linear, NormPenalty, Objective, PseudoHuber
from sknewtonnet.calculus.pieces.activations import Tanh
from sknewtonnet.estimators import after_selection, fit_from, fit_of

# What a fit depends on, and another value of each; all estimators have the first ones.
OTHER = {"alpha": 7.0, "tol": 1e-2, "max_iter": 1, "solver": "gd", "random_state": 5}
OTHER_OF_SOME = {
    "loss": "pseudo_huber",
    "class_weight": "balanced",
    "alpha_widths": 3.0,
    "hidden_layer_sizes": (9,),
    "n_centers": 1,
    "activation": "sine",
    "skip_connections": "all",
    "standardize": True,
    "penalties": NormPenalty(3.0),
    "layers": lambda n_features, n_outputs: [Linear((0,), n_outputs)],
    "monotonic_cst": [1, 1, 1, 1],
}

quiet = pytest.mark.filterwarnings("ignore:Inference. :UserWarning")


def changed(est):
    own = {name: value for name, value in OTHER_OF_SOME.items() if name in est.get_params()}
    return est.set_params(**OTHER, **own)


@quiet
@each_model
def test_set_params_changes_nothing_of_a_fit(name):
    est, X, y = fitted(name)
    w = est.params_ + 0.1 * np.random.default_rng(0).standard_normal(len(est.params_))
    objective, results = est.objective(X, y), est.inference(X, y)
    prediction, importances = est.predict(X), est.feature_importances_
    same, again = changed(est).objective(X, y), est.inference(X, y)
    assert same.value(w) == objective.value(w)
    assert_array_equal(same.gradient(w), objective.gradient(w))
    assert_array_equal(same.hessian(w), objective.hessian(w))
    assert_array_equal(again.std_errors, results.std_errors)
    assert_array_equal(est.predict(X), prediction)
    assert_array_equal(est.feature_importances_, importances)


@quiet
def test_standardize_of_the_fit_counts():
    X, y = regression_data()
    X = 3.0 + 2.0 * X
    est = regressor(standardize=True, alpha="auto", random_state=0).fit(X, y)
    expected = est.loss_, est.inference(X, y).std_errors, est.feature_importances_
    changed(est).set_params(standardize=False)
    assert est.objective(X, y).value(est.params_) == pytest.approx(expected[0], rel=1e-12)
    assert_array_equal(est.inference(X, y).std_errors, expected[1])
    assert_array_equal(pickle.loads(pickle.dumps(est)).feature_importances_, expected[2])


def test_set_params_before_importances():
    expected = fitted("regression")[0].feature_importances_
    assert_array_equal(changed(fitted("regression")[0]).feature_importances_, expected)


@quiet
def test_refits_of_inference_have_the_options_of_the_fit():
    """With the tolerance and the starts of now the likelihood ratio would be another one."""
    one, X, y = fitted("regression")
    expected = one.inference(X, y).likelihood_ratio_test(["coefs_1[h0, y]"])
    results = changed(one).inference(X, y)
    assert results.likelihood_ratio_test(["coefs_1[h0, y]"]).statistic == expected.statistic


@pytest.mark.parametrize("argument", ["alpha", "bounds", "linear_constraints", "solver_options"])
def test_arguments_that_change_in_place(argument):
    X, y = regression_data()
    given = {
        "alpha": {"coefs_0": np.full((4, 1), 2.0)},
        "bounds": {"coefs_0": [np.full((4, 1), -0.1), np.full((4, 1), 0.1)]},
        "linear_constraints": [({"coefs_0": 1.0}, -0.1, 0.1)],
        "solver_options": {},
    }[argument]
    est = NewtonMLPRegressor((), **PLAIN | {argument: given}).fit(X, y)
    problem = fit_of(est).problem
    value, constraints = est.objective(X, y).value(est.params_), problem.constraints()
    if argument == "alpha":
        given["coefs_0"][...] = 1e3
    elif argument == "bounds":
        given["coefs_0"][1][...] = 1e3
    elif argument == "linear_constraints":
        given[0][0]["coefs_0"] = 1e3
    else:
        given["no such option"] = 1
    assert est.objective(X, y).value(est.params_) == value == pytest.approx(est.loss_)
    problem.solver()
    if constraints is not None:
        assert_array_equal(problem.constraints().upper, constraints.upper)
        assert_array_equal(problem.constraints().A, constraints.A)


class Scaled(Tanh):
    """An activation that may be changed."""

    size = 1.0

    def value(self, a):
        return self.size * np.tanh(a)


@quiet
@pytest.mark.parametrize("argument", ["loss", "activation"])
@pytest.mark.parametrize("make", [NewtonMLPRegressor, RBFNetRegressor])
def test_objects_that_change_in_place(make, argument):
    X, y = regression_data()
    given = {"loss": PseudoHuber(1.0), "activation": Scaled()}[argument]
    form = {"hidden_layer_sizes": (2,), "solver": "l-bfgs-b", "tol": 1e-5, "random_state": 0}
    est = make(**form, alpha=1.0, standardize=False, **{argument: given}).fit(X, y)
    prediction, errors = est.predict(X), est.inference(X, y, cov_type="HC0").std_errors
    given.delta = given.size = 5.0
    assert_array_equal(est.predict(X), prediction)
    assert est.objective(X, y).value(est.params_) == pytest.approx(est.loss_, rel=1e-12)
    assert_array_equal(est.inference(X, y, cov_type="HC0").std_errors, errors)


def test_class_weights_of_the_fit_count():
    X, y = class_data(2)
    factors = dict(zip(np.unique(y), (3.0, 1.0), strict=True))
    est = NewtonMLPClassifier(
        (1,), class_weight=factors, random_state=0, standardize=False, alpha=1.0
    ).fit(X, y)
    est.set_params(class_weight=None)
    assert est.objective(X, y).value(est.params_) == pytest.approx(est.loss_, rel=1e-12)
    factors.clear()
    assert est.objective(X, y).value(est.params_) == pytest.approx(est.loss_, rel=1e-12)


# Copies and pickles ---------------------------------------------------------------------------


def ended_anywhere(**params):
    """Fit for two steps: no minimum, so no importances."""
    X, y = regression_data()
    with pytest.warns(ConvergenceWarning):
        return regressor(max_iter=2, random_state=0, **params).fit(X, y)


COPIES = {
    "pickle": lambda est: pickle.loads(pickle.dumps(est)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}
each_copy = pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)


@each_copy
@each_kind
def test_copies_compute_nothing(make, make_data, copied, monkeypatch):
    est = make(random_state=0).fit(*make_data())

    def refused(*args, **kwargs):
        raise AssertionError("a copy evaluates an objective")

    for name in ("__init__", "value", "gradient", "hessian", "hessian_product"):
        monkeypatch.setattr(Objective, name, refused)
    assert copied(est) is not est


@each_copy
def test_copies_of_any_fit(copied):
    """A fit that is no minimum has no importances; its copies predict."""
    est = ended_anywhere()
    X, y = regression_data()
    twin = copied(est)
    assert_array_equal(twin.predict(X), est.predict(X))
    assert twin.objective(X, y).value(twin.params_) == pytest.approx(est.loss_, rel=1e-12)
    assert twin.critical_point_ == "not stationary"
    copied(regressor())


@pytest.mark.parametrize("copied", [copy.deepcopy, copy.copy])
@each_kind
def test_copies_in_memory_have_importances(make, make_data, copied):
    X, y = make_data()
    est = make(random_state=0).fit(X, y)
    twin = copied(est)
    assert_array_equal(twin.feature_importances_, est.feature_importances_)
    twin.fit(X[:, ::-1], y)
    assert not np.array_equal(twin.params_, est.params_)
    assert est.feature_importances_.shape == (2,)


@quiet
@each_kind
@pytest.mark.parametrize("asked", [False, True])
def test_nothing_of_the_data_is_in_a_pickle(make, make_data, asked):
    X, y = make_data()
    est = make(random_state=0).fit(X, y)
    if asked:
        assert est.feature_importances_.sum() == pytest.approx(1.0)
        est.inference(X, y)
    payload = pickle.dumps(est)
    numbers = X.ravel() if is_classifier(est) else np.concatenate([X.ravel(), y])
    assert not [number for number in numbers if struct.pack("<d", number) in payload]
    twin = pickle.loads(payload)
    assert fit_of(twin).problem.data is None
    assert_array_equal(twin.predict(X), est.predict(X))
    assert_allclose(twin.inference(X, y).std_errors, est.inference(X, y).std_errors)


@pytest.mark.parametrize("size", [(3,), (60,)])  # up to some hundred parameters, and above
def test_importances_travel(size):
    X, y = regression_data()
    est = regressor(hidden_layer_sizes=size, alpha=1.0, random_state=0).fit(X, y)
    expected = est.feature_importances_
    assert expected.sum() == pytest.approx(1.0)
    for copied in COPIES.values():
        assert_array_equal(copied(est).feature_importances_, expected)
    select = SelectFromModel(
        pickle.loads(pickle.dumps(est)), prefit=True, threshold=np.sort(expected)[-2]
    )
    assert select.transform(X).shape == (len(X), 2)


def test_importances_come_back_from_other_processes():
    X, y = regression_data()
    est = regressor(alpha=1.0, random_state=0)
    here, there = (
        cross_validate(est, X, y, cv=2, return_estimator=True, n_jobs=n_jobs)["estimator"]
        for n_jobs in (None, 2)
    )
    for one, two in zip(here, there, strict=True):
        assert_array_equal(one.feature_importances_, two.feature_importances_)


def arrays_within(thing, seen=None):
    """All arrays that an object holds, in attributes, containers and closures."""
    seen = {} if seen is None else seen
    if id(thing) in seen or isinstance(thing, (str, bytes, int, float, type)):
        return
    seen[id(thing)] = thing
    if isinstance(thing, np.ndarray):
        yield thing
    for other in gc.get_referents(thing):
        if type(other).__name__ not in ("module", "function", "builtin_function_or_method"):
            yield from arrays_within(other, seen)


@quiet
@each_kind
def test_a_net_keeps_no_data(make, make_data):
    """Not even a reference: who drops the table gets its memory back."""
    X, y = make_data()
    X = X + 0.0
    est = make(random_state=0).fit(X, y, np.ones(len(X)))
    est.predict(X), est.inference(X, y), est.feature_importances_
    assert not [a for a in arrays_within(vars(est)) if len(X) in a.shape]


# From one fit to the next ---------------------------------------------------------------------


@quiet
def test_fit_from_starts_where_the_other_ended():
    X, y = regression_data()
    first = regressor(random_state=0).fit(X, y)
    second = fit_from(regressor(random_state=1), fit_of(first), X, y)
    assert second.n_iter_ == 0
    assert_array_equal(second.params_, first.params_)
    assert second.warm_start is False
    marked = fit_from(regressor(), fit_of(first), X, y, post_selection=True)
    assert marked.inference(X, y).post_selection is True
    assert second.inference(X, y).post_selection is False


@quiet
@each_kind
def test_a_net_from_another_process_is_told_that_it_was_chosen(make, make_data):
    X, y = make_data()
    weight = np.arange(1.0, len(X) + 1.0)
    est = make(random_state=0).fit(X, y, weight)
    twin = after_selection(pickle.loads(pickle.dumps(est)))
    assert_array_equal(twin.feature_importances_, est.feature_importances_)
    assert twin.inference(X, y, weight).post_selection is True
    assert est.inference(X, y, weight).post_selection is False
    with pytest.raises(NotFittedError):
        after_selection(make())


def test_fit_from_another_kind_of_net():
    X, y = regression_data()
    first = regressor(random_state=0).fit(X, y)
    with pytest.raises(ValueError, match=r"other parameters"):
        fit_from(RBFNetRegressor(3, standardize=False, alpha=1.0), fit_of(first), X, y)


def test_refit_with_fewer_connections_is_the_fit_of_the_smaller_net():
    X, y = regression_data()
    est = RBFNetRegressor(3, alpha=0.5, random_state=0, standardize=False).fit(X, y)
    fit = fit_of(est, X, y)
    masks = {name: mask.copy() for name, mask in fit.connectivity.items()}
    masks["coefs_0"][1] = False
    arrays = fit.network.layout.unpack(fit.params)
    smaller = fit.refit(masks, arrays)
    own = fit_from(
        RBFNetRegressor(3, alpha=0.5, connectivity=masks, standardize=False), smaller, X, y
    )
    assert smaller.stationary
    assert smaller.n_parameters == fit.n_parameters - 1
    assert smaller.value == pytest.approx(own.loss_, rel=1e-12)
    assert_allclose(smaller.params, own.params_, atol=1e-8)
    assert changed(est) is est
    assert_array_equal(fit.refit(masks, arrays).params, smaller.params)
