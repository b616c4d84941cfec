"""Saliencies of weights and features against slow loops, and how estimators show them."""

import pickle

import numpy as np
import pytest
from estimator_cases import (
    class_data,
    each_kind,
    each_model,
    fitted,
    regression_data,
    regressor,
    weights,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import RFE, RFECV, SelectFromModel
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from sknewtonnet import (
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    RBFNetClassifier,
    RBFNetRegressor,
    criterion_scorer,
)
from sknewtonnet.calculus import Objective
from sknewtonnet.calculus.functions.rescaling import rescaling
from sknewtonnet.estimators import fit_of
from sknewtonnet.inspection import feature_importance, importances, weight_importance

NAMES = ("weight_importance_", "feature_importance_", "feature_importances_")


def total_hessian(est, X, y, sample_weight=None):
    """Second derivatives of the sum over rows, penalty included."""
    objective = est.objective(X, y, sample_weight)
    return objective.weight_sum * objective.hessian(est.params_)


def increase(H, w, which):
    """What it costs a quadratic to set some weights to zero, if all others may follow.

    The others are eliminated; directions in which nothing changes are free.
    """
    which = np.asarray(which)
    rest = np.setdiff1d(np.arange(len(w)), which)
    Hs, Hr = H[np.ix_(which, which)], H[np.ix_(rest, rest)]
    across = H[np.ix_(which, rest)]
    schur = Hs - across @ np.linalg.pinv(Hr, rcond=1e-10, hermitian=True) @ across.T
    return 0.5 * w[which] @ schur @ w[which]


def beyond_neutral(est, X, weight=None):
    """Parameters less what they become when they are taken away, as columns of X come.

    A centre goes to the mean; a width to the root mean square distance from the mean, or to the
    standard deviation times the root of the number of columns.
    """
    layout = fit_of(est).problem.original_network.layout
    arrays = layout.unpack(np.zeros(len(est.params_)))
    mean = np.average(X, axis=0, weights=weight)
    spread = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weight))
    if "centers" in arrays:
        arrays["centers"] += mean
        logs = -np.log(spread * np.sqrt(len(spread)))
        widths = {
            1: -np.log(np.sqrt((spread**2).sum())),
            2: logs,
            3: np.diag(logs),
        }
        arrays["precisions_cholesky"] += widths[arrays["precisions_cholesky"].ndim]
    return est.params_ - layout.pack(arrays)


def readers(est, feature):
    """Positions of the coefficients that read an input, wherever they are."""
    layout, network = fit_of(est).network.layout, fit_of(est).network
    numbers = layout.unpack(np.arange(1.0, len(est.params_) + 1.0))
    found = []
    for k, layer in enumerate(network.layers):
        if 0 in layer.sources:
            found += [int(p) - 1 for p in numbers[f"coefs_{k}"][feature] if p > 0]
    return found


MLPS = ("regression", "two outputs", "poisson", "deep", "binary", "multiclass", "multilabel")


# Weights ----------------------------------------------------------------------------------


@each_model
def test_weight_importance_is_the_optimal_brain_surgeon(name):
    est, X, y = fitted(name)
    H, w = total_hessian(est, X, y), beyond_neutral(est, X)
    expected = [increase(H, w, [p]) for p in range(len(w))]
    assert_allclose(est.weight_importance_, expected, rtol=1e-6, atol=1e-9 * np.max(expected))
    assert (est.weight_importance_ >= 0).all()


@pytest.mark.parametrize("name", ["regression", "poisson", "binary"])
def test_obs_is_half_the_square_over_the_inverse_hessian(name):
    est, X, y = fitted(name, weights(len(fitted(name)[1])))
    H = total_hessian(est, X, y, weights(len(X)))
    expected = 0.5 * est.params_**2 / np.diag(np.linalg.inv(H))
    assert_allclose(est.weight_importance_, expected, rtol=1e-7)
    objective = est.objective(X, y, weights(len(X)))
    assert_allclose(weight_importance(objective, est.params_), expected, rtol=1e-7)


@each_model
def test_obd_is_half_the_square_times_the_diagonal(name):
    est, X, y = fitted(name)
    objective = est.objective(X, y)
    expected = 0.5 * beyond_neutral(est, X) ** 2 * np.diag(total_hessian(est, X, y))
    found = weight_importance(objective, est.params_, method="obd")
    assert_allclose(found, expected, rtol=1e-10)


def test_penalties_count():
    """The same point with and without its penalty differs by the penalty's curvature."""
    est, X, y = fitted("regression")
    with_penalty = est.objective(X, y)
    bare = Objective(fit_of(est).network, "squared_error", X, y)
    found = [weight_importance(o, est.params_, method="obd") for o in (with_penalty, bare)]
    strength = len(y) * with_penalty.penalty.hessian_diagonal(est.params_)
    assert_allclose(found[0] - found[1], 0.5 * strength * est.params_**2, atol=1e-10)


def test_masked_weights_have_no_importance():
    X, y = regression_data()
    mask = {"coefs_0": np.array([[True, False], [True, True], [False, True], [True, True]])}
    est = NewtonMLPRegressor(
        (2,), alpha=0.5, connectivity=mask, random_state=0, standardize=False
    ).fit(X, y)
    H = total_hessian(est, X, y)
    assert est.weight_importance_.shape == est.params_.shape == (11,)
    expected = [increase(H, est.params_, [p]) for p in range(11)]
    assert_allclose(est.weight_importance_, expected, rtol=1e-7)


def test_a_linear_model_loses_exactly_that_much():
    """Of a quadratic objective the prediction of OBS is the truth."""
    X, y = regression_data()
    est = NewtonMLPRegressor((), alpha=2.0, standardize=False).fit(X, y)
    for j in range(4):
        mask = np.ones((4, 1), bool)
        mask[j] = False
        less = NewtonMLPRegressor(
            (), alpha=2.0, connectivity={"coefs_0": mask}, standardize=False
        ).fit(X, y)
        truth = len(y) * (less.loss_ - est.loss_)
        assert_allclose(est.weight_importance_[j], truth, rtol=1e-6)


def test_unknown_method():
    est, X, y = fitted("regression")
    with pytest.raises(ValueError, match=r"method.*'obs'.*'obd'.*'magnitude'"):
        weight_importance(est.objective(X, y), est.params_, method="magnitude")


# Features ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MLPS)
def test_feature_importance_is_that_of_the_group(name):
    est, X, y = fitted(name)
    H = total_hessian(est, X, y)
    groups = [readers(est, j) for j in range(X.shape[1])]
    if name == "deep":
        assert len(groups[0]) == 5  # two layers of two units and the output read the input
    expected = np.array([increase(H, est.params_, group) for group in groups])
    expected /= expected.sum()
    assert_allclose(est.feature_importance_, expected, rtol=1e-6)
    assert_array_equal(est.feature_importances_, est.feature_importance_)
    found = feature_importance(est.objective(X, y), est.params_)
    assert_allclose(found / found.sum(), expected, rtol=1e-6)


@each_model
def test_feature_importances_sum_to_one(name):
    est, X, _ = fitted(name)
    assert est.feature_importances_.shape == (X.shape[1],)
    assert (est.feature_importances_ >= 0).all()
    assert_allclose(est.feature_importances_.sum(), 1.0, rtol=1e-12)


RADIAL = ("spherical", "diag", "full", "semidefinite", "quadratic")


def radial_fit(kind, X, y, make=RBFNetRegressor, **params):
    params = {"alpha": 1.0, "n_init": 2, "random_state": 0} | params
    return make(2, covariance_type=kind, **params).fit(X, y)


@pytest.mark.parametrize("kind", RADIAL)
@pytest.mark.parametrize("skip", [False, "input-output"])
def test_importance_of_inputs_of_radial_units(kind, skip):
    """The growth with an input at its mean and the output layer anew, by least squares."""
    X, y = regression_data()
    X, y = 3.0 * X + 2.0, y - y.mean()
    counts = weights(len(X))
    net = RBFNetRegressor(
        2,
        covariance_type=kind,
        alpha=0.7,
        random_state=0,
        standardize=False,
        skip_connections=skip,
        alpha_widths=0.1,  # what it adds does not change when an input is held
    ).fit(X, y, counts)
    squares = sum(np.sum(coefs**2) for coefs in net.coefs_)
    total, growths = 0.5 * counts @ (y - net.predict(X)) ** 2 + 0.5 * 0.7 * squares, []
    mean = np.average(X, axis=0, weights=counts)
    activation = fit_of(net).network.layers[0].activation
    for j in range(X.shape[1]):
        held = X.copy()
        held[:, j] = mean[j]
        ones = np.column_stack([held, np.ones(len(X))])
        units = activation.value(np.einsum("na,jab,nb->nj", ones, net.quadratic_forms_, ones))
        Z = np.column_stack([held, units] if skip else [units])
        Z = np.column_stack([Z, np.ones(len(X))])
        ridge = 0.7 * np.diag(np.append(np.ones(Z.shape[1] - 1), 0.0))
        V = np.linalg.lstsq(Z.T @ (counts[:, None] * Z) + ridge, Z.T @ (counts * y))[0]
        loss = 0.5 * counts @ (y - Z @ V) ** 2 + 0.5 * V @ ridge @ V
        growths.append(max(loss - total, 0.0))
    assert_allclose(net.feature_importances_, np.array(growths) / np.sum(growths), atol=1e-6)


@pytest.mark.parametrize("kind", RADIAL)
def test_neither_origins_nor_units_matter_to_importances(kind):
    """Of one fit, at its parameters in other units; of Gaussian units those of weights, too."""
    X, y = regression_data()
    net = radial_fit(kind, X, y, standardize=False, alpha_widths=0.0, random_state=1)
    network = fit_of(net).network
    none, one = np.zeros(1), np.ones(1)
    found = importances(net.objective(X, y), net.params_)
    assert_allclose(found[1], net.feature_importances_, rtol=1e-8)
    for shift, unit in ((5.0, 1.0), (0.0, 1e3), (-2.0, 1e-2)):
        moved = rescaling(network, np.full(4, shift), np.full(4, unit), none, one)
        there = Objective(moved[0], "squared_error", shift + unit * X, y, alpha={"coefs_0": 1.0})
        again = importances(there, moved[1].forward(net.params_))
        assert_allclose(again[1], found[1], rtol=1e-8)
        if kind in ("spherical", "diag", "full"):
            assert_allclose(again[0], found[0], rtol=1e-6, atol=1e-8 * found[0].max())


@pytest.mark.parametrize("kind", ["spherical", "diag", "full"])
def test_a_shift_of_the_table_changes_no_importance(kind):
    """It used to make centres the most important parameters."""
    X, y = regression_data()
    for standardize in (False, True):
        nets = [radial_fit(kind, X + s, y, standardize=standardize) for s in (0.0, 5.0)]
        for name in NAMES:
            here, there = (getattr(net, name) for net in nets)
            assert_allclose(there, here, rtol=1e-6, atol=1e-8 * here.max())


def test_importance_of_inputs_of_radial_classes():
    """Noise is the least; the growth is that of fits of the output layer by another method."""
    X, y = load_iris(return_X_y=True)
    X = scale(np.column_stack([X[:, [2, 3]], np.random.default_rng(0).normal(size=150)]))
    net = radial_fit("diag", X, y, RBFNetClassifier, standardize=False)
    assert net.feature_importances_.argmin() == 2
    f, growths = net.objective(X, y), []
    for j in range(3):
        held = X.copy()
        held[:, j] = X[:, j].mean()
        g = f.on(held, f.targets, f.sample_weight)
        last = g.network.layout.parameters_of("coefs_0")
        last = np.append(last, g.network.layout.parameters_of("intercepts_0"))

        def of_output(v, g=g, last=last):
            w = net.params_.copy()
            w[last] = v
            value, gradient = g.value_and_gradient(w)
            return value, gradient[last]

        best = minimize(of_output, net.params_[last], jac=True, options={"gtol": 1e-9})
        growths.append(max(best.fun - net.loss_, 0.0))
    assert_allclose(net.feature_importances_, np.array(growths) / np.sum(growths), atol=1e-6)


def test_importance_follows_the_fit_without_the_input():
    """A slow oracle: drop a column, and fit again from several starts."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 4))
    y = np.exp(-0.5 * (X[:, 0] - 1.0) ** 2 - 0.1 * X[:, 1] ** 2) + 0.3 * X[:, 2]
    y += 0.1 * rng.normal(size=120)
    for kind in ("spherical", "diag"):
        net = radial_fit(kind, X, y)
        grown = [radial_fit(kind, np.delete(X, j, 1), y).loss_ - net.loss_ for j in range(4)]
        assert_array_equal(np.argsort(net.feature_importances_), np.argsort(grown))


@pytest.mark.parametrize("skip", [False, "all"])
def test_a_feature_that_nothing_reads_has_no_importance(skip):
    X, y = regression_data()
    mask = {"coefs_0": np.ones((4, 3), bool)}
    mask["coefs_0"][1] = False
    if skip:
        mask["coefs_1"] = np.ones((7, 1), bool)
        mask["coefs_1"][1] = False
    est = regressor(connectivity=mask, skip_connections=skip, random_state=0).fit(X, y)
    assert est.feature_importances_[1] == 0.0
    assert (np.delete(est.feature_importances_, 1) > 0).all()


def test_importances_of_a_net_that_is_all_penalty():
    """Nothing is left of the coefficients: still numbers, and no warning."""
    X, y = regression_data()
    est = regressor(alpha=1e8, random_state=0).fit(X, y)
    assert np.isfinite(est.weight_importance_).all()
    assert np.isfinite(est.feature_importances_).all()


@pytest.mark.parametrize("forced", range(4))
def test_a_feature_that_a_bound_forces_in_has_no_negative_share(forced):
    """Without it the fit would be better: that is no importance, and no debt of the others."""
    X, y = regression_data()
    bounds = {f"coefs_0[x{forced}, y]": (0.9, None)}
    est = NewtonMLPRegressor((), alpha=0.0, bounds=bounds, standardize=False).fit(X, y)
    gains = np.maximum(est.weight_importance_[:4], 0.0)
    assert est.weight_importance_[forced] < 0
    assert_allclose(est.feature_importances_, gains / gains.sum(), rtol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_the_least_important_regressor(seed):
    data = load_diabetes(scaled=False)
    noise = np.random.default_rng(seed).standard_normal(len(data.data))
    X = scale(np.column_stack([data.data[:, [1, 2, 3, 8]], noise]))
    est = NewtonMLPRegressor((2,), alpha=1.0, n_init=3, random_state=0, standardize=False)
    est.fit(X, scale(data.target))
    assert est.feature_importances_.argmin() == 4


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_the_least_important_for_classes(seed):
    X, y = load_iris(return_X_y=True)
    noise = np.random.default_rng(seed).standard_normal(len(X))
    X = scale(np.column_stack([X[:, [1, 2, 3]], noise]))
    est = NewtonMLPClassifier((2,), alpha=0.5, n_init=3, random_state=0, standardize=False).fit(
        X, y
    )
    assert est.feature_importances_.argmin() == 3


# In scikit-learn --------------------------------------------------------------------------


def informative(n=120, seed=0):
    """Draw five features, of which the first two matter."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 5))
    return X, 2.0 * np.tanh(X[:, 0] - X[:, 1]) + 0.2 * rng.standard_normal(n)


def test_select_from_model():
    X, y = informative()
    select = SelectFromModel(
        NewtonMLPRegressor((1,), alpha=0.1, random_state=0, standardize=False)
    ).fit(X, y)
    assert_array_equal(select.get_support(), [True, True, False, False, False])
    assert select.transform(X).shape == (120, 2)


def test_recursive_elimination():
    X, y = informative()
    net = NewtonMLPRegressor((1,), alpha=0.1, random_state=0, standardize=False)
    rfe = RFE(net, n_features_to_select=2).fit(X, y)
    assert_array_equal(rfe.support_, [True, True, False, False, False])
    with_cv = RFECV(net, cv=KFold(3), min_features_to_select=1).fit(X, y)
    assert with_cv.support_[:2].all()


def test_recursive_elimination_of_classes():
    X, score = informative()
    y = np.where(score > 0, "yes", "no")
    rfe = RFE(
        NewtonMLPClassifier((1,), alpha=0.5, random_state=0, standardize=False),
        n_features_to_select=2,
    )
    assert_array_equal(rfe.fit(X, y).support_, [True, True, False, False, False])


def test_grid_search_by_a_criterion():
    X, y = informative()
    rows = np.arange(len(y))
    pipe = make_pipeline(
        StandardScaler(), NewtonMLPRegressor(alpha=0.01, random_state=0, standardize=False)
    )
    sizes = [(), (1,)]
    search = GridSearchCV(
        pipe,
        {"newtonmlpregressor__hidden_layer_sizes": sizes},
        scoring=criterion_scorer("bic"),
        cv=[(rows, rows)],
        error_score="raise",
    ).fit(X, y)
    assert search.best_params_ == {"newtonmlpregressor__hidden_layer_sizes": (1,)}
    for size, score in zip(sizes, search.cv_results_["mean_test_score"], strict=True):
        est = NewtonMLPRegressor(size, alpha=0.01, random_state=0, standardize=False).fit(
            scale(X), y
        )
        assert_allclose(score, -est.inference(scale(X), y).bic, rtol=1e-8)


@pytest.mark.parametrize("criterion", ["aic", "aicc", "bic", "nic", "tic", "gcv"])
def test_scorer_of_each_criterion(criterion):
    X, y = informative()
    est = NewtonMLPRegressor((1,), alpha=0.01, random_state=0, standardize=False).fit(X, y)
    expected = -getattr(est.inference(X, y), criterion)
    assert_allclose(criterion_scorer(criterion)(est, X, y), expected, rtol=1e-12)


@pytest.mark.filterwarnings("ignore:Inference. :UserWarning")
def test_criterion_of_classes_finds_the_size():
    """A product of two inputs decides: no line, and no single unit, tells the classes apart."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 2))
    y = X[:, 0] * X[:, 1] + 0.3 * rng.standard_normal(300) > 0
    search = GridSearchCV(
        NewtonMLPClassifier(alpha=0.1, n_init=4, random_state=0, standardize=False),
        {"hidden_layer_sizes": [(), (1,), (3,)]},
        scoring=criterion_scorer("bic"),
        cv=[(np.arange(300), np.arange(300))],
        error_score="raise",
    ).fit(X, y)
    assert search.best_params_ == {"hidden_layer_sizes": (3,)}


# When, where and for how long -------------------------------------------------------------


@pytest.fixture
def hessians(monkeypatch):
    """Count the Hessians that are asked for."""
    calls, original = [], Objective.hessian

    def counted(self, *args, **kwargs):
        calls.append(1)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(Objective, "hessian", counted)
    return calls


def test_importances_take_no_hessian_of_their_own(hessians):
    """They stand on that of the verdict, and are there when the fit has ended."""
    est, X, _ = fitted("regression", solver="l-bfgs-b", tol=1e-6)
    after_fit = len(hessians)
    assert after_fit == 1
    est.predict(X)
    assert est.weight_importance_.shape == est.params_.shape
    assert len(hessians) == after_fit


@each_kind
def test_before_the_fit(make, make_data):
    est = make()
    for name in NAMES:
        assert not hasattr(est, name)
        with pytest.raises(NotFittedError, match="not fitted"):
            getattr(est, name)
    est.fit(*make_data())
    for name in NAMES:
        assert hasattr(est, name)
        assert not hasattr(clone(est), name)


@each_kind
def test_pickles_have_no_training_data(make, make_data):
    X, y = make_data(200)
    small = make(random_state=0).fit(X, y)
    wide = make(random_state=0).fit(np.repeat(X, 6, axis=0), np.repeat(y, 6, axis=0))
    sizes = [len(pickle.dumps(est)) for est in (small, wide)]
    assert abs(sizes[1] - sizes[0]) < 3000  # of 1000 rows it would be more than 16000
    copy = pickle.loads(pickle.dumps(wide))
    assert_array_equal(copy.predict(X), wide.predict(X))
    for name in NAMES:
        assert_array_equal(getattr(copy, name), getattr(wide, name))


def test_importances_do_not_see_what_happens_to_the_data_later():
    X, y = regression_data()
    est = regressor(random_state=0)
    expected = est.fit(X, y).feature_importances_.copy()
    again = regressor(random_state=0).fit(X, y)
    X[...], y[...] = 0.0, 1.0
    assert_allclose(again.feature_importances_, expected, rtol=1e-12)


def test_importances_follow_a_new_fit():
    X, y = regression_data()
    est = regressor(random_state=0).fit(X, y)
    first = est.feature_importances_
    est.fit(X[:, ::-1], np.sin(3 * y))
    assert np.abs(est.feature_importances_ - first).max() > 1e-3
    fresh = regressor(random_state=0).fit(X[:, ::-1], np.sin(3 * y))
    assert_array_equal(est.feature_importances_, fresh.feature_importances_)


def test_importances_of_weighted_rows():
    X, y = class_data()
    counts = np.arange(len(X)) % 3 + 1.0
    est = NewtonMLPClassifier((2,), alpha=0.5, random_state=0, standardize=False).fit(X, y, counts)
    H = total_hessian(est, X, y, counts)
    expected = [increase(H, est.params_, [p]) for p in range(len(est.params_))]
    assert_allclose(est.weight_importance_, expected, rtol=1e-6, atol=1e-9 * np.max(expected))
