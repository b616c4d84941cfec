"""What users are told of mistakes: the argument, its value, what is allowed or was meant."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from sknewtonnet import (
    BackwardPruning,
    InformationCriterionSearch,
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    RBFNetRegressor,
    criterion_scorer,
)
from sknewtonnet.calculus import Network, Objective, get_activation, get_loss
from sknewtonnet.solvers import get_solver

pytestmark = pytest.mark.filterwarnings("ignore:Inference:UserWarning")

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 2))
y = np.sin(X[:, 0])
labels = np.arange(40) % 3


def regressor(**params):
    return NewtonMLPRegressor(**{"hidden_layer_sizes": (2,), "alpha": 1.0} | params)


@pytest.fixture(scope="module")
def net():
    return regressor(random_state=0).fit(X, y)


@pytest.mark.parametrize(
    ("parameter", "given", "meant"),
    [
        ("solver", "lbfgs", "l-bfgs-b"),
        ("solver", "L-BFGS-B", "l-bfgs-b"),
        ("solver", "LM", "lm"),
        ("solver", "newton_cg", "newton-cg"),
        ("activation", "sigmoid", "logistic"),
        ("activation", "ReLU", "relu"),
        ("activation", "swish", "silu"),
        ("activation", "linear", "identity"),
        ("activation", ["tanhh"], "tanh"),
        ("loss", "mse", "squared_error"),
        ("loss", "huber", "pseudo_huber"),
        ("hessian", "full", "exact"),
        ("hessian", "Gauss-Newton", "gauss-newton"),
        ("skip_connections", "input_output", "input-output"),
        ("alpha", "Auto", "auto"),
        ("alpha", {"coef_0": 1.0}, "coefs_0"),
        ("bounds", {"coefs_0[x0,h0]": (0, 1)}, "coefs_0[x0, h0]"),
        ("connectivity", {"coef_0": np.ones((2, 2), bool)}, "coefs_0"),
    ],
)
def test_near_misses_of_parameters(parameter, given, meant):
    with pytest.raises(ValueError, match=f"^.*{parameter}") as told:
        regressor(**{parameter: given}).fit(X, y)
    assert str(told.value).endswith(f" Did you mean {meant!r}?")


@pytest.mark.parametrize(
    ("ask", "meant"),
    [
        (lambda net: net.inference(X, y, cov_type="hc3"), "HC3"),
        (lambda net: net.inference(X, y, cov_type="robust"), "HC1"),
        (lambda net: net.inference(X, y, weight_type="pweights"), "sampling"),
        (lambda net: net.inference(X, y, weight_type="freq"), "frequency"),
        (lambda net: net.inference(X, y).wald_test_features(adjust="fdr_bh"), "bh"),
        (lambda net: net.inference(X, y).partial_effect("x0", band="uniform"), "simultaneous"),
        (lambda net: regressor().set_params(hidden_layers=(3,)), "hidden_layer_sizes"),
        (lambda net: regressor().set_params(solver_option={}), "solver_options"),
        (lambda net: BackwardPruning(net).set_params(scorings="bic"), "scoring"),
        (lambda net: net.inference(X, y).wald_test("X1"), "x1"),
        (
            lambda net: net.inference(X, y).profile_interval("coefs_1[h1,y]"),
            "coefs_1[h1, y]",
        ),
        (lambda net: RBFNetRegressor(2, covariance_type="diagonal").fit(X, y), "diag"),
        (lambda net: InformationCriterionSearch(net, {}, criterion="BIC").fit(X, y), "bic"),
        (lambda net: BackwardPruning(net, unit="weights").fit(X, y), "weight"),
        (lambda net: NewtonMLPClassifier(class_weight="balance").fit(X, labels), "balanced"),
        (lambda net: criterion_scorer("BIC"), "bic"),
        (lambda net: get_solver("lbfgs"), "l-bfgs-b"),
        (lambda net: get_solver("auto", options={"initial_radius": 1.0}), "initial_trust_radius"),
        (lambda net: get_loss("cross_entropy", 3), "log_loss"),
        (lambda net: get_activation("Sigmoid"), "logistic"),
        (lambda net: net.objective(X, y).hessian(net.params_, "gn"), "gauss-newton"),
    ],
)
def test_near_misses_elsewhere(net, ask, meant):
    with pytest.raises(ValueError, match="Did you mean") as told:
        ask(net)
    assert str(told.value).endswith(f" Did you mean {meant!r}?")


def test_a_name_far_from_all_is_not_guessed():
    with pytest.raises(ValueError, match=r"Got 'adam' instead\.$"):
        regressor(solver="adam").fit(X, y)


def test_allowed_names_are_listed_in_order():
    names = "'binomial', 'gamma', 'negative_binomial', 'poisson', 'pseudo_huber', "
    names += "'squared_error', 'tweedie'"
    with pytest.raises(ValueError, match=rf"\{{{names}\}}"):
        regressor(loss="mae").fit(X, y)


@pytest.mark.parametrize(
    "parameters",
    [
        *({name: True} for name in ("n_init", "max_iter", "tol", "ftol", "alpha")),
        *({"hidden_layer_sizes": size} for size in (True, (True,), np.bool_(True))),
        {"alpha": [True, 1.0]},
        {"alpha": ["1", 1.0]},
        {"n_jobs": 0},
        {"n_jobs": 0, "n_init": 2},
        {"n_jobs": True},
    ],
    ids=str,
)
def test_numbers_that_are_none(parameters):
    name = next(iter(parameters))
    with pytest.raises(ValueError, match=name):
        regressor(**parameters).fit(X, y)


def test_ragged_strengths():
    with pytest.raises(ValueError, match=r"alpha for 'coefs_1' has shape \(2,\)"):
        regressor(alpha=[1, [1, 2]], standardize=False).fit(X, y)


def test_a_constraint_without_length():
    with pytest.raises(ValueError, match=r"linear_constraints\[0\] must have finite factors"):
        regressor(linear_constraints=[({"coefs_0[x0, h0]": 1e-200}, 0, 1)]).fit(X, y)


@pytest.mark.parametrize("make", [regressor, NewtonMLPClassifier])
def test_sparse_targets(make):
    with pytest.raises(ValueError, match="y must be dense, got a csr_array"):
        make().fit(X, csr_array(np.eye(2, dtype=int)[labels % 2]))


@pytest.mark.parametrize("other", [1, None])
def test_labels_without_an_order(other):
    mixed = np.array(["a", "b", "a", other] * 10, dtype=object)
    with pytest.raises(ValueError, match=r"y mixes labels .* missing labels"):
        NewtonMLPClassifier((2,), alpha=1.0).fit(X, mixed)


@pytest.mark.parametrize(
    "column",
    [
        pd.date_range("2020-01-01", periods=40),
        pd.to_timedelta(np.arange(40), unit="D"),
        ["u", "v"] * 20,
        pd.Categorical(["u", "v"] * 20),
    ],
    ids=["dates", "spans", "text", "categories"],
)
def test_columns_that_are_no_numbers(column):
    table = pd.DataFrame({"age": X[:, 0], "wrong": column})
    with pytest.raises(ValueError, match=r"columns of other types: \{'wrong': .*OneHotEncoder"):
        regressor().fit(table, y)


def test_words_in_the_place_of_weights(net):
    for call in (net.inference, regressor().fit):
        with pytest.raises(ValueError, match=r"sample_weight must have a number.*got 'HC3'"):
            call(X, y, "HC3")


def test_one_column_alone(net):
    table = pd.DataFrame(X, columns=[f"x{k}" for k in range(X.shape[1])])
    column = table["x0"]
    swapped = [
        lambda: regressor().fit(column, y),
        lambda: regressor().fit(pd.Series(y), table),
        lambda: net.predict(column),
        lambda: net.inference(pd.Series(y), table),
    ]
    for call in swapped:
        with pytest.raises(ValueError, match=r"2-dimensional container but got .*Series"):
            call()


def test_columns_that_can_be_read_as_numbers(net):
    table = pd.DataFrame({"a": [str(x) for x in X[:, 0]], "b": X[:, 1].astype(object)})
    np.testing.assert_array_equal(regressor(random_state=0).fit(table, y).params_, net.params_)


def test_labels_where_columns_are_wanted():
    with pytest.raises(ValueError, match=r"Y, one-hot for classes, must have shape \(40, 3\)"):
        Objective(Network.mlp(2, (2,), 3), "multinomial_log_loss", X, labels)


@pytest.mark.parametrize("order", [1.0, True, 3, "1"])
def test_orders_of_derivatives(net, order):
    with pytest.raises(ValueError, match=f"order must be 1 or 2, got {order!r}"):
        net.input_derivatives(X, order)


@pytest.mark.parametrize("seed", ["a", -1, 1.5])
def test_seeds_of_tests(net, seed):
    results = net.inference(X, y)
    for test in (results.likelihood_ratio_test, results.score_test, results.partial_effect):
        with pytest.raises(ValueError, match="random_state must be an integer"):
            test("x0", random_state=seed)


@pytest.mark.parametrize(
    "function", [lambda w: abs(w[0]), lambda w: float(w[0].real), lambda w: "a"]
)
def test_functions_without_a_derivative(net, function):
    with pytest.raises(ValueError, match="function must return complex numbers"):
        net.inference(X, y).delta_method(function)


def test_complex_samples(net):
    with pytest.raises(ValueError, match="X must be numbers: complex"):
        net.inference(X, y).get_prediction(X + 1j)


def far_from_one(**params):
    """A fit of a column whose spread is that of an income, and of a small target."""
    table = pd.DataFrame({"age": X[:, 0], "income": 2e4 * X[:, 1]})
    return regressor(max_iter=2, **params).fit(table, 1e-4 * y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_columns_far_from_one_are_named_where_their_units_count():
    told = r"column 'income' of 1\.9e\+04, the target 'y' of .*e-05\. .* standardize=True"
    for params in ({}, {"alpha": 0.0}, {"hidden_layer_sizes": (), "alpha": 1.0}):
        with pytest.warns(UserWarning, match=told):
            far_from_one(standardize=False, **params)
    far_from_one(standardize=True)
    far_from_one(standardize=False, hidden_layer_sizes=(), alpha=0.0)
