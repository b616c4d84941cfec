"""Radial basis nets as users meet them: what fits show, what moves with data, what is told."""

import pickle
import tracemalloc
import warnings

import numpy as np
import pytest
from estimator_cases import PLAIN, class_data, regression_data
from numpy.testing import assert_allclose
from sklearn.mixture._gaussian_mixture import _compute_precision_cholesky
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknewtonnet import RBFNetClassifier, RBFNetRegressor
from sknewtonnet.inspection import degenerate_units

COVARIANCES = ("spherical", "diag", "full")

each_covariance = pytest.mark.parametrize("covariance_type", COVARIANCES)


def fitted(covariance_type="spherical", X=None, sample_weight=None, **params):
    data, y = regression_data()
    model = RBFNetRegressor(3, covariance_type=covariance_type, random_state=0, **PLAIN | params)
    return model.fit(data if X is None else X, y, sample_weight)


def matrices(model):
    """Return the precisions of a fit as matrices, (s, p, p)."""
    s, p = model.centers_.shape
    if model.covariance_type == "full":
        return model.precisions_
    return model.precisions_.reshape(s, -1)[:, :, None] * np.eye(p)


@each_covariance
@pytest.mark.parametrize("standardize", [False, True])
def test_predictions_follow_from_the_attributes(covariance_type, standardize):
    """By the formula, by [I]'s quadratic forms, and in GaussianMixture's words.

    Units that are round in standardised columns have a width for each column of the table.
    """
    X, _ = regression_data()
    if standardize:
        X = [1.0, 10.0, 0.1, 3.0] * X + [0.0, 5.0, 0.1, -2.0]
    net = fitted(covariance_type, X, skip_connections="input-output", standardize=standardize)
    d = X[:, None] - net.centers_
    p = np.einsum("nja,jab,njb->nj", d, matrices(net), d)
    ones = np.column_stack([X, np.ones(len(X))])
    forms = np.einsum("na,jab,nb->nj", ones, net.quadratic_forms_, ones)
    assert_allclose(forms, p, atol=1e-9 if standardize else 1e-10)
    z = np.column_stack([X, np.exp(-p / 2.0)])  # nodes in order: the input, then the units
    assert_allclose(z @ net.coefs_[0][:, 0] + net.intercepts_[0], net.predict(X), atol=1e-12)
    kind = "diag" if standardize and covariance_type == "spherical" else covariance_type
    factors = _compute_precision_cholesky(net.covariances_, kind)
    assert_allclose(net.precisions_cholesky_, factors, rtol=1e-8)
    if kind != covariance_type:
        widths = np.sqrt(net.covariances_) / X.std(axis=0)
        assert_allclose(widths, np.repeat(widths[:, :1], 4, axis=1), rtol=1e-10)


@each_covariance
@pytest.mark.parametrize("shift", [3.0, 1e3])
def test_moving_the_data_moves_the_centres_alone(covariance_type, shift):
    X, _ = regression_data()
    here, there = fitted(covariance_type), fitted(covariance_type, X + shift)
    tolerance = 1e-8 * shift
    assert_allclose(there.centers_ - shift, here.centers_, atol=tolerance)
    assert_allclose(there.covariances_, here.covariances_, rtol=1e-6, atol=tolerance)
    assert_allclose(there.predict(X + shift), here.predict(X), atol=tolerance)


@pytest.mark.parametrize("alpha_widths", [0.1, 2.0])
def test_turning_the_data_changes_no_prediction(alpha_widths):
    X, _ = regression_data()
    turn, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(X.shape[1], X.shape[1])))
    here = fitted("full", alpha_widths=alpha_widths)
    there = fitted("full", X @ turn, alpha_widths=alpha_widths)
    assert_allclose(there.predict(X @ turn), here.predict(X), atol=1e-7)
    assert_allclose(there.centers_, here.centers_ @ turn, atol=1e-6)


@each_covariance
def test_neither_order_nor_repetition_of_rows_matters(covariance_type):
    X, y = regression_data()
    counts = np.random.default_rng(2).integers(0, 3, len(y))
    rows = np.random.default_rng(4).permutation(np.repeat(np.arange(len(y)), counts))
    weighted = fitted(covariance_type, sample_weight=counts)
    repeated = RBFNetRegressor(
        3, covariance_type=covariance_type, random_state=0, standardize=False, alpha=1.0
    )
    repeated.fit(X[rows], y[rows])
    assert_allclose(repeated.loss_, weighted.loss_, rtol=1e-10)
    assert_allclose(repeated.predict(X), weighted.predict(X), atol=1e-6)


def test_class_weights_are_sample_weights():
    """Also for centres, widths and their reference; a class of weight zero is not there."""
    X, y = class_data()
    names = np.unique(y)
    factors = dict(zip(names, (3.0, 1.0, 0.0), strict=True))
    weight = np.array([factors[label] for label in y])
    by_class = RBFNetClassifier(
        3, class_weight=factors, random_state=0, standardize=False, alpha=1.0
    ).fit(X, y)
    by_row = RBFNetClassifier(
        3, class_weight=factors, random_state=0, standardize=False, alpha=1.0
    )
    by_row.set_params(class_weight=None).fit(X, y, np.where(weight > 0, weight, 1e-300))
    assert_allclose(by_class.loss_, by_row.loss_, rtol=1e-8)
    n_rows = int((weight > 0).sum())
    with pytest.warns(UserWarning, match=f"only {n_rows} distinct rows of positive weight"):
        RBFNetClassifier(
            n_rows + 1, class_weight=factors, max_iter=500, standardize=False, alpha=1.0
        ).fit(X, y)


@each_covariance
@pytest.mark.parametrize("constant", [0.1, 1e6 + 0.1])
def test_a_constant_feature_changes_nothing(covariance_type, constant):
    """Whether rounding gives it a spread or not."""
    X, _ = regression_data()
    losses = [
        fitted(covariance_type, np.column_stack([X, np.full(len(X), value)])).loss_
        for value in (0.0, constant)
    ]
    assert_allclose(losses[1], losses[0], rtol=1e-9)


@each_covariance
@pytest.mark.filterwarnings("ignore:Degenerate radial units:UserWarning")  # what else
def test_a_single_distinct_row(covariance_type):
    """Nothing to learn from X: the mean of y."""
    y = np.array([1.0, 2.0, 4.0])
    net = RBFNetRegressor(
        1, covariance_type=covariance_type, random_state=0, standardize=False, alpha=1.0
    )
    assert_allclose(net.fit(np.ones((3, 2)), y).predict(np.ones((1, 2))), y.mean())


def test_near_twins_among_rows_do_not_start_as_needles():
    X = np.r_[1e-9 * np.arange(5), 1.0, 2.0, 3.0][:, None]
    y = np.arange(8.0)
    net = RBFNetRegressor(6, alpha=0.1, random_state=0, standardize=False).fit(X, y)
    assert net.loss_ < 0.5 * y.var() / 2.0
    assert net.degenerate_units_  # so many units for four places


def test_as_many_centres_as_distinct_rows():
    X = np.repeat(np.arange(4.0)[:, None], 5, axis=0)
    y = np.sin(X[:, 0])
    net = RBFNetRegressor(4, alpha=0.01, random_state=0, standardize=False).fit(X, y)
    assert net.score(X, y) > 0.9


@pytest.mark.parametrize("standardize", [False, True])
def test_more_centres_than_distinct_rows(standardize):
    """As many as there are rows, with a warning; rows of weight zero are none."""
    X = np.repeat(np.arange(5.0)[:, None], 4, axis=0)
    y, weight = np.sin(X[:, 0]), (X[:, 0] < 4).astype(float)
    params = {"alpha": 0.01, "standardize": standardize, "random_state": 0}
    exact = RBFNetRegressor(4, **params).fit(X, y, weight)
    with pytest.warns(UserWarning, match="n_centers=10, but X has only 4 distinct rows") as told:
        net = RBFNetRegressor(10, **params).fit(X, y, weight)
    assert told[0].filename == __file__
    assert net.centers_.shape == (4, 1)
    assert net.n_centers == 10
    assert_allclose(net.params_, exact.params_)
    assert net.objective(X, y, weight).n_parameters == len(exact.params_)


def test_folds_with_fewer_rows_than_centres():
    """The choice of the penalty leaves rows out, not centres."""
    X = np.linspace(-1.0, 1.0, 12)[:, None]
    params = {"standardize": True, "alpha": "auto", "random_state": 0}
    net = RBFNetRegressor(10, **params).fit(X, np.sin(3.0 * X[:, 0]))
    assert net.centers_.shape == (10, 1)
    assert np.isfinite(net.alpha_selection_.held_out_loss).all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_centers": 0}, "n_centers"),
        ({"n_centers": 2.5}, "n_centers"),
        ({"covariance_type": "common"}, "'covariance_type' .* Got 'common'"),
        ({"alpha_widths": -0.1}, "alpha_widths"),
        ({"alpha_widths": np.nan}, "alpha_widths"),
        ({"alpha": {"centres": 1.0}}, "centres"),
        ({"connectivity": {"centers": np.ones(3, bool)}}, "centers"),
    ],
)
@pytest.mark.parametrize("make", [RBFNetRegressor, RBFNetClassifier])
def test_what_makes_no_sense_is_refused(make, params, message):
    """Before work starts; a fit of before stays as it was."""
    X, y = regression_data() if make is RBFNetRegressor else class_data()
    est = make(2, random_state=0, max_iter=500, **PLAIN).fit(X, y)
    before = est.predict(X)
    with pytest.raises(ValueError, match=message):
        est.set_params(**params).fit(X, y)
    assert (est.predict(X) == before).all()


def test_degenerate_units_are_found():
    """Each kind, on made values."""
    x = np.linspace(-1.0, 1.0, 50)
    healthy = np.exp(-((x - 0.2) ** 2))
    alone = np.where(np.arange(50) == 7, 1.0, 1e-9)
    units = [healthy, 1e-5 * healthy, 0.9 + 1e-6 * x, alone, healthy, np.exp(-((x + 0.5) ** 2))]
    outgoing = np.array([1.0, 1e6, 1.0, 1.0, 0.5, 1e-9])
    found = degenerate_units(np.column_stack(units), np.ones(50), outgoing)
    assert found == {
        1: "far from all samples",
        2: "constant",
        3: "on one sample",
        4: "same as unit 0",
        5: "unused",
    }


@each_covariance
def test_wild_data_leave_a_finite_fit_that_says_what_is_wrong(covariance_type):
    """An outlier a million times as far as all others, and no penalty that would help."""
    X, y = regression_data()
    X = X.copy()
    X[0] = 1e6
    net = RBFNetRegressor(
        3,
        covariance_type=covariance_type,
        alpha=0.0,
        alpha_widths=0.0,
        max_iter=60,
        solver="newton",
        random_state=0,
        standardize=False,
    )
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        net.fit(X, y)
    assert np.isfinite(net.params_).all()
    assert np.isfinite(net.predict(X)).all()
    said = " ".join(str(one.message) for one in told)
    assert all(f"{unit} ({why})" in said for unit, why in net.degenerate_units_.items())
    # The path is chaotic: a full unit need not have closed around the outlier in 60 steps.
    closed = "on one sample" in net.degenerate_units_.values()
    assert closed or (covariance_type == "full" and "newton stopped after 60" in said)


def test_units_that_share_a_height_are_shown():
    """The L2 penalty is less for two equal units, so this is no matter for a warning."""
    X, y = regression_data()
    net = RBFNetRegressor(6, alpha=5.0, random_state=0, standardize=False).fit(X, y)
    assert any(reason.startswith("same as unit") for reason in net.degenerate_units_.values())
    assert net.critical_point_ == "minimum"


def test_search_over_centres_and_covariances():
    X, y = class_data()
    pipeline = make_pipeline(
        StandardScaler(), RBFNetClassifier(alpha=0.1, random_state=0, standardize=False)
    )
    grid = {
        "rbfnetclassifier__n_centers": [2, 3],
        "rbfnetclassifier__covariance_type": ["spherical", "diag"],
    }
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
    assert search.best_score_ > 0.85
    assert list(search.best_estimator_.predict_proba(X).sum(axis=1).round(12)) == [1.0] * len(X)


@pytest.mark.filterwarnings("ignore")  # two iterations are no fit
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("covariance_type", ["spherical", "diag"])
def test_memory_is_linear_in_the_features(covariance_type, standardize):
    """Fit, prediction, look and pickle of units that have no matrices form none."""
    n, p, n_centers = 40, 320, 10
    X = np.random.default_rng(0).normal(size=(n, p))
    net = RBFNetRegressor(
        n_centers,
        covariance_type=covariance_type,
        alpha=1.0,
        standardize=standardize,
        max_iter=1,
        random_state=0,
    )
    tracemalloc.start()
    net.fit(X, X[:, 0]).predict(X)
    dir(net)
    size = len(pickle.dumps(net))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    numbers = n * p + n_centers * p
    assert peak < 60 * 8 * numbers  # a matrix for each unit takes 64 of these
    assert size < 20 * 8 * numbers
    assert net.quadratic_forms_.shape == (n_centers, p + 1, p + 1)
