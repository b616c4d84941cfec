"""Radial nets of quadratic forms that are no covariances: semidefinite ones, and any."""

import pickle

import numpy as np
import pytest
from estimator_cases import class_data, regression_data
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.model_selection import cross_val_predict

from sknewtonnet import (
    BackwardPruning,
    NewtonMLPRegressor,
    RBFNetClassifier,
    RBFNetRegressor,
)
from sknewtonnet.calculus import Network, Objective
from sknewtonnet.calculus.pieces.radial_units import shape_penalty
from sknewtonnet.estimators import fit_of
from sknewtonnet.testing import check_penalty

KINDS = ("semidefinite", "quadratic")
each_kind = pytest.mark.parametrize("kind", KINDS)


def table(seed=0, n=120):
    """Two inputs, and a saddle and a ridge of them."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    saddle = np.tanh(X[:, 0] ** 2 - X[:, 1] ** 2)
    ridge = np.exp(-0.5 * (X[:, 0] - 2.0 * X[:, 1] - 0.5) ** 2)
    return X, np.column_stack([saddle, ridge]) + 0.05 * rng.normal(size=(n, 2))


def fitted(kind, y, n_centers=1, **params):
    X, Y = table()
    params = {"alpha": 0.1, "n_init": 2, "random_state": 0} | params
    return RBFNetRegressor(n_centers, covariance_type=kind, **params).fit(X, Y[:, y]), X, Y[:, y]


def values(net, X):
    """Forms of all units at some rows, from the attribute."""
    ones = np.column_stack([X, np.ones(len(X))])
    return np.einsum("na,jab,nb->nj", ones, net.quadratic_forms_, ones)


# What they are ----------------------------------------------------------------------------


@each_kind
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("skip", [False, "input-output"])
def test_predictions_follow_from_the_forms(kind, standardize, skip):
    X, y = regression_data()
    X = [1.0, 10.0, 0.1, 3.0] * X + [0.0, 5.0, 0.1, -2.0]
    if not standardize:
        X = (X - X.mean(axis=0)) / X.std(axis=0) + 0.5
    net = RBFNetRegressor(
        2,
        covariance_type=kind,
        alpha=1.0,
        standardize=standardize,
        skip_connections=skip,
        random_state=0,
    ).fit(X, y)
    p = values(net, X)
    units = np.exp(-p / 2.0) if kind == "semidefinite" else 1.0 / (1.0 + np.exp(-p))
    if kind == "semidefinite":
        assert p.min() > -1e-9
    z = np.column_stack([X, units]) if skip else units
    assert_allclose(z @ net.coefs_[0][:, 0] + net.intercepts_[0], net.predict(X), atol=1e-9)
    assert net.critical_point_ == "minimum"


@each_kind
def test_units_of_the_columns_do_not_matter(kind):
    X, y = regression_data()
    here = RBFNetRegressor(2, covariance_type=kind, alpha=1.0, random_state=0).fit(X, y)
    X_there = [1e3, 1.0, 1e-2, 5.0] * X + [5.0, 1e3, -3.0, 0.0]
    there = clone(here).fit(X_there, 100.0 * y - 7.0)
    assert_allclose(there.predict(X_there), 100.0 * here.predict(X) - 7.0, atol=1e-4)
    assert_allclose(there.feature_importances_, here.feature_importances_, rtol=1e-5)


def test_the_origin_does_not_matter_to_columns_as_they_come():
    """The penalty of the forms is about the mean of X."""
    X, y = regression_data()
    net = RBFNetRegressor(
        2, covariance_type="semidefinite", alpha=1.0, standardize=False, random_state=0
    )
    here, there = clone(net).fit(X, y), clone(net).fit(X + 5.0, y)
    assert_allclose(there.loss_, here.loss_, rtol=1e-9)
    assert_allclose(there.predict(X + 5.0), here.predict(X), atol=1e-5)


def test_what_each_kind_can_do():
    """A saddle is no bump; a ridge is one with a singular matrix."""
    scores = {
        (kind, y): net.score(X, target)
        for kind in ("full", *KINDS)
        for y in (0, 1)
        for net, X, target in [fitted(kind, y)]
    }
    assert scores["quadratic", 0] > 0.95 > scores["semidefinite", 0]
    assert min(scores[kind, 1] for kind in KINDS) > 0.9


def test_a_ridge_ignores_a_direction():
    net, X, y = fitted("semidefinite", 1, alpha=1.0)
    M = net.precisions_[0]
    assert np.linalg.eigvalsh(M)[0] == pytest.approx(0.0, abs=1e-9)
    assert_allclose(M @ [2.0, 1.0], 0.0, atol=0.3)
    for name in ("centers_", "covariances_", "precisions_cholesky_"):
        assert not hasattr(net, name)
        with pytest.raises(AttributeError, match=rf"{name} does not exist: the matrix M"):
            getattr(net, name)
    results = net.inference(X, y)
    assert results.identifiable
    assert [finding.kind for finding in results.findings] == ["edge"]
    assert set(results.findings[0].parameters) < set(net.parameter_names_)


def test_a_bump_has_a_centre_and_a_covariance():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(150, 2))
    M, mu = np.array([[1.0, 0.5], [0.5, 2.0]]), np.array([0.5, -0.3])
    d = X - mu
    y = 2.0 * np.exp(-0.5 * np.einsum("na,ab,nb->n", d, M, d)) + 0.02 * rng.normal(size=150)
    params = {"alpha": 0.0, "alpha_widths": 0.0, "random_state": 0}
    full = RBFNetRegressor(1, covariance_type="full", **params).fit(X, y)
    forms = RBFNetRegressor(1, covariance_type="semidefinite", **params).fit(X, y)
    names = ("centers_", "covariances_", "precisions_", "precisions_cholesky_", "quadratic_forms_")
    for name in names:
        assert_allclose(getattr(forms, name), getattr(full, name), rtol=1e-6, atol=1e-8)
    errors = [net.inference(X, y).quadratic_forms() for net in (full, forms)]
    assert_allclose(errors[1].values, errors[0].values, rtol=1e-6, atol=1e-8)
    assert_allclose(errors[1].std_errors, errors[0].std_errors, rtol=1e-5)
    with pytest.raises(AttributeError, match="no attribute 'centres_'"):
        _ = forms.centres_


def test_the_canonical_form_of_factors():
    nets = [fitted("semidefinite", 1, n_centers=2, random_state=seed)[0] for seed in range(2)]
    for net in nets:
        U = net.arrays_["quadratic_factors"][:, :-1]
        assert (np.einsum("spp->sp", U) >= 0).all()


def test_the_canonical_sign_of_logistic_forms():
    net, _, _ = fitted("quadratic", 0, n_centers=2)
    assert (net.coefs_[0] > 0).all()


# Inference and pruning --------------------------------------------------------------------


@each_kind
@pytest.mark.parametrize("standardize", [False, True])
def test_errors_of_forms_by_differences(kind, standardize):
    net, X, y = fitted(kind, int(kind == "semidefinite"), alpha=0.0, standardize=standardize)
    results = net.inference(X, y)
    found = results.quadratic_forms()
    assert_allclose(found.values, net.quadratic_forms_, rtol=1e-9, atol=1e-12)
    layout = fit_of(net).problem.original_network.layout

    def forms(w):
        arrays = layout.unpack(w)
        if kind == "quadratic":
            return arrays["quadratic_forms"].ravel()
        V = arrays["quadratic_factors"]
        return (V @ V.swapaxes(1, 2)).ravel()

    step = 1e-6
    J = np.array(
        [(forms(net.params_ + h) - forms(net.params_ - h)) / (2 * step)
         for h in step * np.eye(len(net.params_))]
    ).T  # fmt: skip
    expected = np.sqrt(np.einsum("ap,pq,aq->a", J, results.covariance, J))
    assert_allclose(found.std_errors.ravel(), expected, rtol=1e-5, atol=1e-9)


@each_kind
def test_inputs_that_do_nothing_are_pruned(kind):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 3))
    y = np.exp(-0.5 * (X[:, 0] ** 2 + (X[:, 1] - 0.5) ** 2)) + 0.1 * rng.normal(size=150)
    net = RBFNetRegressor(1, covariance_type=kind, alpha=0.01, random_state=0)
    pruned = BackwardPruning(net, unit="feature").fit(X, y)
    assert list(pruned.get_support()) == [True, True, False]
    forms = pruned.estimator_.quadratic_forms_
    assert not forms[:, 2].any()


@each_kind
def test_of_classes(kind):
    X, y = class_data()
    net = RBFNetClassifier(2, covariance_type=kind, alpha=1.0, random_state=0).fit(X, y)
    assert net.critical_point_ == "minimum"
    assert net.score(X, y) > 0.9
    copy = pickle.loads(pickle.dumps(net))
    assert_allclose(copy.predict_proba(X), net.predict_proba(X))
    assert hasattr(copy, "centers_") == hasattr(net, "centers_")


# The penalty, and what is refused ---------------------------------------------------------


@each_kind
@pytest.mark.parametrize("center", [0.0, 2.0])
def test_the_penalty_of_forms(kind, center):
    """By its definition; with all derivatives."""
    network = Network.rbf(3, 2, 1, kind)
    mean, spread = np.array([center, 0.0, -center]), np.array([0.5, 1.0, 2.0])
    placed = shape_penalty(kind, 0.3, mean, spread).on(network.layout)
    check_penalty(placed, layout=network.layout)
    w = np.random.default_rng(0).normal(size=network.n_parameters)
    arrays = network.layout.unpack(w)
    W = arrays.get("quadratic_forms")
    if W is None:
        V = arrays["quadratic_factors"]
        W = V @ V.swapaxes(1, 2)
    B = np.eye(4)
    B[:3, 3] = mean
    about = B.T @ W @ B
    D = np.diag(np.append(np.full(3, np.linalg.norm(spread)), 1.0))
    scaled = D @ about @ D
    sizes = (
        np.trace(scaled, axis1=1, axis2=2) if kind == "semidefinite" else (scaled**2).sum((1, 2))
    )
    assert placed.value(w) == pytest.approx(0.5 * 0.3 * sizes.sum(), rel=1e-12)


@each_kind
def test_the_objective_by_differences(kind):
    """Weights, two outputs, an offset and all penalties, away from the minimum."""
    X, y = regression_data(2)
    network = Network.rbf(X.shape[1], 2, 2, kind, skip_connections="input-output")
    rng = np.random.default_rng(0)
    penalty = shape_penalty(kind, 0.7, X.mean(axis=0) + 0.3, X.std(axis=0))
    f = Objective(
        network,
        "squared_error",
        X,
        y,
        rng.uniform(0.0, 2.0, len(X)),
        alpha=0.4,
        penalties=penalty,
        offset=rng.normal(size=y.shape),
    )
    w = 0.3 * rng.normal(size=f.n_parameters)
    axes, h = np.eye(len(w)), 1e-4

    def fourth(g, e):
        ends = [g(w + k * h * e) for k in (-2, -1, 1, 2)]
        return (ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * h)

    slopes = np.array([fourth(f.value, e) for e in axes])
    bends = np.array([fourth(f.gradient, e) for e in axes])
    scale = np.abs(f.hessian(w)).max()
    assert_allclose(f.gradient(w), slopes, atol=1e-10 * np.abs(slopes).max())
    assert_allclose(f.hessian(w), bends, atol=1e-10 * scale)
    assert_allclose(f.hessian_product(w, axes), f.hessian(w), atol=1e-12 * scale)


def test_activations_of_forms():
    """Those of distances too, and of Gaussian units; a name of nothing is refused."""
    X, y = regression_data()
    net, _, _ = fitted("quadratic", 0, radial_activation="tanh")
    assert net.score(*table()[:1], table()[1][:, 0]) > 0.95
    bumps = RBFNetRegressor(2, radial_activation="gaussian", alpha=1.0, random_state=0).fit(X, y)
    d = ((X[:, None] - bumps.centers_) ** 2 * bumps.precisions_).sum(axis=2)
    units = fit_of(bumps).network.layers[0].activation.value(d)
    assert_allclose(units @ bumps.coefs_[0][:, 0] + bumps.intercepts_[0], bumps.predict(X))
    with pytest.raises(ValueError, match="'radial_activation' parameter"):
        clone(bumps).set_params(radial_activation="squared").fit(X, y)
    with pytest.raises(ValueError, match="covariance_type"):
        Network.rbf(2, 1, 1, "quadratics")


def test_a_penalty_can_be_chosen():
    X, Y = table(n=60)
    net = RBFNetRegressor(2, covariance_type="quadratic", cv=2, random_state=0)
    assert cross_val_predict(net.fit(X, Y[:, 0]), X, Y[:, 0], cv=2).shape == (60,)
    assert net.alpha_selection_ is not None


def test_other_nets_have_no_forms():
    X, y = regression_data()
    net = NewtonMLPRegressor((1,), alpha=1.0, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="no layers of radial units"):
        net.inference(X, y).quadratic_forms()
