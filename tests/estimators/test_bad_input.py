"""What cannot be fitted is refused by name before any work; what is merely hard is fitted."""

import warnings

import numpy as np
import pytest
from estimator_cases import PLAIN
from sklearn.exceptions import ConvergenceWarning

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor
from sknewtonnet.calculus import Objective


def data(n=30, n_features=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_features))
    return X, X[:, 0] + 0.3 * rng.normal(size=n)


def regressor(**params):
    return NewtonMLPRegressor(**{"hidden_layer_sizes": (2,), **PLAIN, "random_state": 0} | params)


def classifier(**params):
    return NewtonMLPClassifier(**{"hidden_layer_sizes": (2,), **PLAIN, "random_state": 0} | params)


@pytest.fixture
def no_work(monkeypatch):
    """Fail as soon as a gradient is asked for."""

    def refuse(self, w):
        raise AssertionError("work was done before the input was refused")

    monkeypatch.setattr(Objective, "gradient", refuse)


def with_entry(array, value):
    changed = np.array(array, dtype=float)
    changed.flat[4] = value
    return changed


# What the message must say, and the arguments of fit made from good ones.
BAD_DATA = {
    "X with NaN": (r"X contains NaN", lambda X, y: (with_entry(X, np.nan), y)),
    "X with inf": (r"X contains infinity", lambda X, y: (with_entry(X, np.inf), y)),
    "X of text": (r"could not convert string to float", lambda X, y: (np.full(X.shape, "a"), y)),
    "X complex": (r"Complex data not supported", lambda X, y: (X + 1j, y)),
    "X without rows": (r"0 sample\(s\)", lambda X, y: (X[:0], y[:0])),
    "X without columns": (r"0 feature\(s\)", lambda X, y: (X[:, :0], y)),
    "X one-dimensional": (r"Expected 2D array, got 1D", lambda X, y: (X[:, 0], y)),
    "X three-dimensional": (r"X.* dim 3|Found array with dim 3", lambda X, y: (X[None], y)),
    "y with NaN": (r"y contains NaN", lambda X, y: (X, with_entry(y, np.nan))),
    "y with inf": (r"y contains infinity", lambda X, y: (X, with_entry(y, np.inf))),
    "y too short": (r"inconsistent numbers of samples: \[30, 29\]", lambda X, y: (X, y[1:])),
    "y of dimension 3": (r"dim 3", lambda X, y: (X, y[:, None, None])),
    "y is None": (r"requires y to be passed", lambda X, y: (X, None)),
    "weights negative": (
        r"Negative values in data passed to `sample_weight`",
        lambda X, y: (X, y, with_entry(np.ones(30), -1.0)),
    ),
    "weights all zero": (r"Sample weights must .* non-zero", lambda X, y: (X, y, np.zeros(30))),
    "weights with NaN": (r"sample_weight contains NaN", lambda X, y: (X, y, [np.nan] * 30)),
    "weights too few": (r"sample_weight.shape == \(29,\)", lambda X, y: (X, y, np.ones(29))),
    "weights two-dimensional": (
        r"[Ss]ample.weights? must be 1D",
        lambda X, y: (X, y, np.ones((30, 2))),
    ),
}


@pytest.mark.parametrize(("message", "make"), BAD_DATA.values(), ids=BAD_DATA)
@pytest.mark.parametrize("estimator", [regressor(), classifier()], ids=["regressor", "classifier"])
def test_bad_data(no_work, estimator, message, make):
    X, y = data()
    if isinstance(estimator, NewtonMLPClassifier):
        y = (y > 0).astype(int)
    with pytest.raises(ValueError, match=message):
        estimator.fit(*make(X, y))


BAD_TARGETS = {
    "one class": (classifier(), np.ones(30), r"y contains only one class"),
    "one class, by weights": (
        classifier(),
        np.r_[0, np.ones(29)],
        r"y contains only one class",
        np.r_[0, np.ones(29)],
    ),
    "numbers for classes": (classifier(), data()[1], r"Unknown label type: continuous"),
    "columns of classes": (
        classifier(),
        np.arange(60).reshape(30, 2) % 3,
        r"several columns of class labels",
    ),
    "text for numbers": (regressor(), np.full(30, "a"), r"could not convert string|not.* numeric"),
    "negative counts": (
        regressor(loss="poisson"),
        np.arange(30) - 1.0,
        r"poisson needs targets of at least 0, got values from -1 to 28",
    ),
    "zeros for gamma": (
        regressor(loss="gamma"),
        np.arange(30.0),
        r"gamma needs targets above 0, got values from 0 to 29",
    ),
    "weights of unknown classes": (
        classifier(class_weight={"no": 1.0, "maybe": 2.0}),
        np.array(["no", "yes"] * 15),
        r"class.* not in class_weight|maybe",
    ),
}


@pytest.mark.parametrize("case", BAD_TARGETS.values(), ids=BAD_TARGETS)
def test_bad_targets(no_work, case):
    estimator, y, message, *sample_weight = case
    with pytest.raises(ValueError, match=message):
        estimator.fit(data()[0], y, *sample_weight)


@pytest.mark.parametrize("estimator", [regressor(), classifier()], ids=["regressor", "classifier"])
def test_objective_checks_its_data_as_fit_does(estimator):
    X, y = data()
    y = y if isinstance(estimator, NewtonMLPRegressor) else y > 0
    estimator.fit(X, y)
    with pytest.raises(ValueError, match="X has 2 features, but"):
        estimator.objective(X[:, :2], y)
    with pytest.raises(ValueError, match="X contains NaN"):
        estimator.objective(with_entry(X, np.nan), y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        estimator.objective(X, y[1:])
    with pytest.raises(ValueError, match=r"(?i)negative"):
        estimator.objective(X, y, np.full(30, -1.0))


def test_objective_of_classes_never_seen():
    X, y = data()
    est = classifier().fit(X, np.where(y > 0, "yes", "no"))
    with pytest.raises(ValueError, match=r"labels that the fit has not seen.*maybe"):
        est.objective(X, ["maybe"] * 30)


def test_objective_of_other_numbers_of_outputs():
    X, y = data()
    with pytest.raises(ValueError, match=r"\(30, 1\).* \(30, 2\)"):
        regressor().fit(X, y).objective(X, np.column_stack([y, y]))
    labels = np.column_stack([y > 0, y < 1, y > 1]).astype(int)
    with pytest.raises(ValueError, match=r"\(30, 3\).* \(30, 2\)"):
        classifier().fit(X, labels).objective(X, labels[:, :2])


# Parameter, value, and what the message must say beside the parameter's name.
BAD_PARAMETERS = [
    ("hidden_layer_sizes", 0, "Got 0"),
    ("hidden_layer_sizes", -3, "Got -3"),
    ("hidden_layer_sizes", 2.5, "Got 2.5"),
    ("hidden_layer_sizes", (3, 0), "positive.* 0"),
    ("hidden_layer_sizes", (3, -1), "positive.* -1"),
    ("hidden_layer_sizes", (3, 2.5), "2.5"),
    ("hidden_layer_sizes", (3, "a"), "'?a'?"),
    ("hidden_layer_sizes", [[3, 2]], r"\[3, 2\]"),
    ("activation", "sigmoid", "'tanh'.* Got 'sigmoid'"),
    ("activation", np.tanh, "'tanh'.* Got <ufunc"),
    ("activation", ("tanh", "tanh"), "2 entries.* 1 hidden"),
    ("activation", ("sigmoid",), "'tanh'.* got 'sigmoid'"),
    ("activation", [np.tanh], "'tanh'.* got <ufunc"),
    ("alpha", -0.1, r"Got -0.1"),
    ("alpha", "much", r"Got 'much'"),
    ("alpha", np.nan, "nan"),
    ("alpha", np.inf, "inf"),
    ("alpha", [1.0], "1 entries.* 2 layers"),
    ("alpha", [1.0, -1.0], r"not negative.* -1"),
    ("alpha", [1.0, np.nan], r"finite.* nan"),
    ("alpha", ["a", "b"], r"numbers?.*'a'"),
    ("alpha", [[1.0, 2.0], [1.0, 2.0]], r"one number per layer|shape"),
    ("alpha", {"coefs_2": 1.0}, r"'coefs_2'.*'coefs_0'"),
    ("alpha", [0.1, 1.0, 10.0], "3 entries.*a list has one strength for each"),
    ("alpha", {"coefs_0": -1.0}, r"not negative.* -1"),
    ("alpha", {"coefs_0": np.ones((2, 3))}, r"coefs_0.* \(2, 3\).* \(3, 2\)"),
    ("alpha", {"coefs_0": "a"}, r"coefs_0.*'a'|'a'.*coefs_0"),
    ("skip_connections", True, "'all'.* Got True"),
    ("skip_connections", "some", "'all'.* Got 'some'"),
    ("skip_connections", 0, "'all'.* Got 0"),
    ("skip_connections", None, "'all'.* Got None"),
    ("solver", "adam", "'trust-ncg'.* Got 'adam'"),
    ("hessian", "fisher", "'gauss-newton'.* Got 'fisher'"),
    ("solver_options", {"ftol": 1.0}, "'initial_trust_radius'.* got .*ftol"),
    ("solver_options", [1], r"Got \[1\]"),
    ("max_iter", 0, "Got 0"),
    ("max_iter", 10.0, "Got 10.0"),
    ("tol", -1e-6, "Got -1e-06"),
    ("tol", np.nan, "nan"),
    ("n_init", 0, "Got 0"),
    ("connectivity", np.ones((3, 2), bool), "dict"),
    ("connectivity", {"coefs_5": np.ones((3, 2), bool)}, "'coefs_5'.*'coefs_0'"),
    ("connectivity", {"coefs_0": np.ones((2, 3), bool)}, r"coefs_0.* \(3, 2\), got .*\(2, 3\)"),
    ("connectivity", {"coefs_0": np.ones((3, 2))}, r"coefs_0.* boolean .*got float64"),
    ("random_state", "chance", "Got 'chance'"),
    ("n_jobs", 1.5, "Got 1.5"),
    ("verbose", -1, "Got -1"),
    ("warm_start", "yes", "Got 'yes'"),
]


@pytest.mark.parametrize(("parameter", "value", "message"), BAD_PARAMETERS, ids=str)
@pytest.mark.parametrize("make", [regressor, classifier])
def test_bad_parameters(no_work, make, parameter, value, message):
    X, y = data()
    with pytest.raises(ValueError, match=f"(?s){parameter}.*{message}"):
        make(**{parameter: value}).fit(X, y if make is regressor else y > 0)


@pytest.mark.parametrize("loss", ["absolute_error", "log_loss", "binary_log_loss", None])
def test_bad_loss(no_work, loss):
    with pytest.raises(ValueError, match=f"'loss'.*'squared_error'.* Got {loss!r}"):
        regressor(loss=loss).fit(*data())


@pytest.mark.parametrize("class_weight", ["even", 3.0])
def test_bad_class_weight(no_work, class_weight):
    X, y = data()
    with pytest.raises(ValueError, match=f"'class_weight'.*'balanced'.* Got {class_weight!r}"):
        classifier(class_weight=class_weight).fit(X, y > 0)


@pytest.mark.parametrize("make", [regressor, classifier])
def test_parameters_that_do_not_exist(make):
    with pytest.raises(TypeError, match="learning_rate"):
        make(learning_rate=1e-3)
    with pytest.raises(ValueError, match="Invalid parameter 'learning_rate'"):
        make().set_params(learning_rate=1e-3)


def test_all_but_the_sizes_is_by_keyword():
    with pytest.raises(TypeError, match="positional"):
        NewtonMLPRegressor((3,), "tanh", standardize=False, alpha=1.0)


def constant_columns():
    X, y = data()
    X[:, 1] = 7.0
    X[:, 2] = 0.0
    return X, y


def repeated_rows():
    X, y = data(4)
    return np.repeat(X, 6, axis=0), np.repeat(y, 6)


def contradicting_rows():
    X, _ = data()
    return np.tile(X[:1], (30, 1)), np.linspace(-1.0, 1.0, 30)


HARD_DATA = {
    "constant columns": constant_columns,
    "repeated rows": repeated_rows,
    "contradicting rows": contradicting_rows,
    "repeated columns": lambda: (np.repeat(data()[0], 3, axis=1), data()[1]),
    "fewer samples than parameters": lambda: data(5, 8),
    "one feature": lambda: data(30, 1),
    "one feature that is constant": lambda: (np.ones((30, 1)), data()[1]),
    "large X": lambda: (1e8 * data()[0], data()[1]),
    "far X": lambda: (1e8 + data()[0], data()[1]),
    "tiny X": lambda: (1e-8 * data()[0], data()[1]),
    "columns of all sizes": lambda: (data()[0] * [1e-8, 1.0, 1e8], data()[1]),
    "outlier": lambda: (with_entry(data()[0], 1e6), data()[1]),
}

TARGETS = {
    "constant": lambda y: np.full(len(y), 3.0),
    "large": lambda y: 1e8 * y,
    "far": lambda y: 1e8 + y,
    "tiny": lambda y: 1e-8 * y,
    "outlier": lambda y: np.r_[1e6, y[1:]],
}

LOSSES = {
    "squared_error": lambda y: y,
    "pseudo_huber": lambda y: y,
    "poisson": lambda y: np.floor(np.exp(2.0 * y)),
    "gamma": lambda y: np.exp(3.0 * y),
    "tweedie": lambda y: np.floor(np.exp(2.0 * y)),
    "negative_binomial": lambda y: np.floor(np.exp(2.0 * y)),
}


def fit_hard(est, X, y):
    """Fit; warnings of convergence are welcome, all others are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        est.fit(X, y)
    assert np.isfinite(est.params_).all()
    assert np.isfinite(est.loss_)
    assert est.loss_ <= est.loss_curve_[0]
    assert np.isfinite(est.predict(X)).all()
    return est


@pytest.mark.parametrize("make_data", HARD_DATA.values(), ids=HARD_DATA)
@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.filterwarnings("ignore:There are standard deviations far from one")
def test_hard_data(make_data, loss, alpha):
    X, y = make_data()
    fit_hard(regressor(loss=loss, alpha=alpha, max_iter=50), X, LOSSES[loss](y))


@pytest.mark.parametrize("make_data", HARD_DATA.values(), ids=HARD_DATA)
@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.filterwarnings("ignore:There are standard deviations far from one")
def test_hard_data_of_classes(make_data, n_classes, alpha):
    X, y = make_data()
    labels = np.argsort(np.argsort(y)) * n_classes // len(y)
    est = fit_hard(classifier(alpha=alpha, max_iter=50), X, labels)
    assert np.isfinite(est.predict_log_proba(X)).all()


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize("loss", ["squared_error", "pseudo_huber"])
@pytest.mark.parametrize("sizes", [(), (2,)])
@pytest.mark.filterwarnings("ignore:There are standard deviations far from one")
def test_hard_targets(target, loss, sizes):
    X, y = data()
    fit_hard(regressor(loss=loss, hidden_layer_sizes=sizes, max_iter=200), X, target(y))


@pytest.mark.parametrize("factor", [1e8, 1e-8])
@pytest.mark.filterwarnings("ignore:There are standard deviations far from one")
def test_units_of_a_linear_model(factor):
    """The units of y are those of the coefficients; it takes no more than a warning."""
    X, y = data()
    plain = fit_hard(regressor(hidden_layer_sizes=()), X, y)
    scaled = fit_hard(regressor(hidden_layer_sizes=()), X, factor * y)
    np.testing.assert_allclose(scaled.predict(X) / factor, plain.predict(X), atol=1e-5)


def test_separable_classes_without_penalty():
    """The minimum is at infinity: on the way there, all is finite."""
    X, _ = data()
    est = fit_hard(classifier(alpha=0.0), X, X[:, 0] > 0)
    assert est.score(X, X[:, 0] > 0) == 1.0
    assert np.isfinite(est.predict_log_proba(X)).all()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("n_features", [1, 3])
def test_one_sample(loss, n_features):
    X, y = data(1, n_features)
    est = fit_hard(regressor(loss=loss), X, 1.0 + np.abs(y))
    np.testing.assert_allclose(est.predict(X), 1.0 + np.abs(y), atol=0.2)


def test_counts_that_are_all_zero():
    est = fit_hard(regressor(loss="poisson"), data()[0], np.zeros(30))
    assert est.predict(data()[0]).max() < 1e-3
