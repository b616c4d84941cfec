"""What scikit-learn asks of its MLPs, asked of ours; doc/like_mlp.md says which test is which."""

import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.datasets import load_digits, load_iris, make_multilabel_classification
from sklearn.linear_model import PoissonRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor

DIGITS, DIGIT = load_digits(return_X_y=True)
BINARY = DIGIT < 2
IMAGES, ZERO_OR_ONE = DIGITS[BINARY][:100], DIGIT[BINARY][:100]
FLOWERS, SPECIES = load_iris(return_X_y=True)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = X @ np.array([1.0, -2.0, 0.5]) + 0.1 * RNG.normal(size=40)
KINDS = (NewtonMLPRegressor, NewtonMLPClassifier)

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def net(kind, *sizes, **params):
    return kind(sizes or (3,), **{"alpha": 0.1, "random_state": 0} | params)


def classifier(*sizes, **params):
    return net(NewtonMLPClassifier, *sizes, **params)


def regressor(*sizes, **params):
    return net(NewtonMLPRegressor, *sizes, **params)


def test_a_larger_alpha_leaves_smaller_coefficients():
    sums = []
    for alpha in (0.01, 1.0, 100.0):
        fit = classifier(4, alpha=alpha).fit(IMAGES, ZERO_OR_ONE)
        sums.append([np.abs(coefs).sum() for coefs in fit.coefs_])
    assert (np.diff(sums, axis=0) < 0.0).all()


def test_the_forward_pass_by_hand():
    """Predictions from coefs_ and intercepts_, also of parameters that are not a fit's."""
    fit = classifier(2, activation="logistic").fit(X, Y > 0)
    params = np.linspace(-1.0, 1.0, len(fit.params_))
    arrays = fit.objective(X, Y > 0).network.layout.unpack(params)
    hidden = 1.0 / (1.0 + np.exp(-(X @ arrays["coefs_0"] + arrays["intercepts_0"])))
    raw = hidden @ arrays["coefs_1"] + arrays["intercepts_1"]
    expected = 1.0 / (1.0 + np.exp(-raw[:, 0]))
    np.testing.assert_allclose(fit.predict_at(params, X)[:, 1], expected, rtol=1e-13)
    assert [c.shape for c in fit.coefs_] == [(3, 2), (2, 1)]
    assert fit.n_layers_ == 3
    assert fit.out_activation_ == "logistic"


@pytest.mark.parametrize("n_labels", [2, 3])
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_the_gradient_is_that_of_the_loss(activation, n_labels):
    y = np.arange(40) % n_labels
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = classifier(3, activation=activation, max_iter=1).fit(X, y)
    f = fit.objective(X, y)
    w = 0.3 * RNG.normal(size=f.n_parameters)
    steps = 1e-6 * np.eye(len(w))
    differences = [(f.value(w + s) - f.value(w - s)) / 2e-6 for s in steps]
    np.testing.assert_allclose(f.gradient(w), differences, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh"])
@pytest.mark.parametrize("data", [(IMAGES, ZERO_OR_ONE), (FLOWERS, SPECIES)], ids=["two", "three"])
def test_classes_are_learnt(data, activation):
    fit = classifier(6, activation=activation).fit(*data)
    assert fit.score(*data) > 0.95
    assert fit.predict(data[0]).shape == data[1].shape
    assert fit.predict(data[0]).dtype.kind == data[1].dtype.kind


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh"])
def test_numbers_are_learnt(activation):
    assert (
        regressor(6, activation=activation).fit(IMAGES, ZERO_OR_ONE).score(IMAGES, ZERO_OR_ONE)
        > 0.97
    )


@each_kind
def test_the_number_of_iterations_is_limited(kind):
    """They have max_fun, evaluations of l-bfgs; ours is max_iter, and the warning says so."""
    from sklearn.exceptions import ConvergenceWarning

    with pytest.warns(ConvergenceWarning, match="stopped after 2 iterations.*Increase max_iter"):
        fit = net(kind, 6, max_iter=2, alpha=1e-3).fit(FLOWERS, SPECIES)
    assert fit.n_iter_ == 2


def test_several_labels():
    data, labels = make_multilabel_classification(n_samples=50, random_state=0)
    fit = classifier(5, alpha=0.1).fit(data, labels)
    assert fit.score(data, labels) > 0.95
    assert fit.predict(data).shape == labels.shape
    np.testing.assert_array_equal(fit.predict(data), fit.predict_proba(data) > 0.5)


def test_several_outputs():
    data, targets = X, np.column_stack([Y, X[:, 0] * X[:, 1]])
    fit = regressor(8, alpha=0.01).fit(data, targets)
    assert fit.score(data, targets) > 0.9
    assert fit.predict(data).shape == targets.shape


@each_kind
def test_values_that_are_too_large_are_refused(kind):
    """Before work, not after a solver has failed."""
    huge = np.finfo(float).max * RNG.uniform(size=(10, 2))
    with pytest.raises(ValueError, match="X must have columns whose largest magnitude"):
        net(kind).fit(huge, np.arange(10) % 2)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities_of_classes(n_classes):
    data, labels = FLOWERS[: 50 * n_classes], SPECIES[: 50 * n_classes]
    fit = classifier(5).fit(data, labels)
    proba, log_proba = fit.predict_proba(data), fit.predict_log_proba(data)
    assert proba.shape == (len(data), n_classes)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0, rtol=1e-13)
    np.testing.assert_array_equal(fit.classes_[proba.argmax(axis=1)], fit.predict(data))
    np.testing.assert_allclose(log_proba, np.log(proba), rtol=1e-9)


def test_probabilities_of_labels():
    """Of each label alone: rows do not sum to one. Logarithms are the more exact ones."""
    data, labels = make_multilabel_classification(n_samples=50, n_labels=5, random_state=1)
    fit = classifier(3, alpha=1.0).fit(data, labels)
    proba = fit.predict_proba(data)
    assert proba.shape == labels.shape
    assert (proba.sum(axis=1) > 1.0).any()
    np.testing.assert_allclose(fit.predict_log_proba(data), np.log(proba), rtol=1e-4, atol=1e-15)


@pytest.mark.parametrize("container", [scipy.sparse.csr_array, scipy.sparse.csr_matrix])
@each_kind
def test_sparse_tables_are_fitted_as_dense_ones(kind, container):
    dense = net(kind, 4).fit(IMAGES, ZERO_OR_ONE)
    sparse = net(kind, 4).fit(container(IMAGES), ZERO_OR_ONE)
    np.testing.assert_array_equal(dense.predict(IMAGES), sparse.predict(container(IMAGES)))


@each_kind
def test_a_larger_tol_ends_sooner(kind):
    fine, rough = (net(kind, 6, tol=tol).fit(FLOWERS, SPECIES) for tol in (1e-10, 1e-2))
    assert rough.n_iter_ < fine.n_iter_
    assert rough.solver_result_.status.name == fine.solver_result_.status.name == "CONVERGED"


@each_kind
def test_verbose_prints_iterations(kind, capsys):
    net(kind, 2, verbose=2).fit(X, Y > 0)
    assert "iteration" in capsys.readouterr().out.lower()


def test_warm_starts_and_classes():
    """Other frequencies of the same classes go on; other numbers of classes are refused."""
    fit = classifier(2, warm_start=True).fit(FLOWERS, SPECIES)
    fit.fit(FLOWERS, SPECIES)
    fit.fit(FLOWERS, np.repeat([0, 1, 2], [40, 40, 70]))
    for other in (2, 4, 5):
        with pytest.raises(ValueError, match="warm_start=True, but the last fit had other"):
            fit.fit(FLOWERS, np.arange(150) % other)
    assert fit.score(FLOWERS, SPECIES) > 0.6


@each_kind
def test_a_warm_start_uses_all_its_iterations(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = net(kind, 6, warm_start=True, max_iter=3, alpha=1e-3)
        first = fit.fit(FLOWERS, SPECIES)
        before = first.loss_
        assert first.n_iter_ == 3
        assert fit.fit(FLOWERS, SPECIES).n_iter_ == 3
    assert fit.loss_ < before


def test_text_labels():
    labels = np.array(["setosa", "versicolor", "virginica"])[SPECIES]
    fit = classifier(3).fit(FLOWERS, labels)
    numbers = classifier(3).fit(FLOWERS, SPECIES)
    np.testing.assert_array_equal(fit.predict(FLOWERS), fit.classes_[numbers.predict(FLOWERS)])
    assert fit.score(FLOWERS, labels) > 0.95


@each_kind
def test_single_precision_is_read_as_double(kind):
    """Theirs keeps float32; ours computes in double precision, whatever comes in."""
    single = IMAGES.astype(np.float32)
    a, b = (net(kind, 3).fit(table, ZERO_OR_ONE) for table in (IMAGES, single))
    np.testing.assert_array_equal(a.predict(IMAGES), b.predict(single))
    assert all(coefs.dtype == np.float64 for coefs in b.coefs_ + b.intercepts_)


@each_kind
def test_a_loaded_net_goes_on(kind, tmp_path):
    """By a warm start; there is no partial_fit."""
    fit = net(kind, 4, warm_start=True).fit(X, Y > 0)
    joblib.dump(fit, tmp_path / "net.joblib")
    loaded = joblib.load(tmp_path / "net.joblib")
    np.testing.assert_array_equal(loaded.predict(X), fit.predict(X))
    other = loaded.fit(X, X[:, 0] > 0)
    expected = net(kind, 4).fit(X, X[:, 0] > 0)
    assert other.score(X, X[:, 0] > 0) >= expected.score(X, X[:, 0] > 0) - 0.05
    assert not hasattr(other, "partial_fit")


@each_kind
def test_names_of_columns_are_kept(kind):
    table, y = pd.DataFrame(X, columns=["a", "b", "c"]), pd.Series(Y > 0, name="y")
    fit = net(kind).fit(table, y)
    assert fit.feature_names_in_.tolist() == ["a", "b", "c"]
    fit.score(table, y)


def test_weights_of_one_are_no_weights():
    a, b = regressor(4).fit(X, Y), regressor(4).fit(X, Y, sample_weight=np.ones(40))
    np.testing.assert_array_equal(a.params_, b.params_)


@pytest.mark.parametrize("hidden", [(), (1,)])
def test_a_linear_net_of_counts_is_a_poisson_regression(hidden):
    x = np.linspace(0.0, 1.0, 100)[:, None]
    counts = np.random.default_rng(3).poisson(np.exp(x[:, 0] + 1.0))
    glm = PoissonRegressor(alpha=0, tol=1e-9).fit(x, counts)
    linear = {"hidden_layer_sizes": hidden, "activation": "identity", "alpha": 0.0}
    fit = NewtonMLPRegressor(loss="poisson", random_state=0, **linear).fit(x, counts)
    np.testing.assert_allclose(fit.predict(x), glm.predict(x), rtol=1e-5)
    squares = NewtonMLPRegressor(random_state=0, **linear).fit(x, counts)
    assert not np.allclose(squares.predict(x), glm.predict(x), rtol=1e-4)


def test_two_rows_are_enough():
    """There is no set for validation that could be too small."""
    assert regressor(2).fit(X[:2], Y[:2]).predict(X[:2]).shape == (2,)


def test_their_objective_is_ours():
    """At its minimum the gradient of ours vanishes, and the values are the same."""
    table = scale(FLOWERS)
    options = {"tol": 1e-12, "max_iter": 5000, "max_fun": 50000, "random_state": 0}
    theirs = MLPClassifier((3,), activation="tanh", solver="lbfgs", alpha=1.0, **options)
    theirs.fit(table, SPECIES)
    ours = classifier(3, alpha=1.0, standardize=False).fit(table, SPECIES)
    f = ours.objective(table, SPECIES)
    w = f.network.layout.pack(
        {f"coefs_{k}": a for k, a in enumerate(theirs.coefs_)}
        | {f"intercepts_{k}": a for k, a in enumerate(theirs.intercepts_)}
    )
    assert np.abs(f.gradient(w)).max() < 1e-4
    np.testing.assert_allclose(f.value(w), theirs.loss_, rtol=1e-6)
