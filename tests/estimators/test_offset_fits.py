"""Offsets and exposures of estimators: fits, predictions, choices of alpha, metadata routing."""

import pickle
import warnings

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknewtonnet import (
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    NewtonNetRegressor,
    RBFNetClassifier,
    RBFNetRegressor,
)
from sknewtonnet.calculus import NormPenalty
from sknewtonnet.estimators import fit_of

N = 150
rng = np.random.default_rng(1)
X = rng.normal(size=(N, 2))
OFFSET = rng.normal(size=N)
EXPOSURE = np.exp(OFFSET)
RATE = 0.3 + 0.8 * np.tanh(2.0 * X[:, 0])
NUMBERS = 5.0 * RATE + OFFSET + 0.2 * rng.normal(size=N)
COUNTS = rng.poisson(np.exp(RATE + OFFSET)).astype(float)
LABELS = np.array(["no", "yes"])[(RATE + OFFSET + 0.3 * rng.normal(size=N) > 0).astype(int)]
CLASSES = np.digitize(RATE + OFFSET, [-0.5, 0.8])
WEIGHT = rng.uniform(0.5, 2.0, N)
LOGITS = np.column_stack([np.zeros(N), OFFSET, 2.0 * OFFSET])
small = {"alpha": 0.3, "random_state": 0}


def mlp(**params):
    return NewtonMLPRegressor((2,), **{**small, **params})


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("alpha", [0.3, "auto"])
@pytest.mark.parametrize("kind", [NewtonMLPRegressor, RBFNetRegressor])
def test_squared_errors_are_those_of_the_difference(kind, alpha, standardize):
    """To rounding the whole fit is that of y - offset: units, starts, folds, steps."""
    est = kind(2, alpha=alpha, standardize=standardize, random_state=0)
    found = est.fit(X, NUMBERS, offset=OFFSET)
    other = clone(est).fit(X, NUMBERS - OFFSET)
    assert found.alpha_ == other.alpha_
    assert found.n_iter_ == other.n_iter_
    assert_allclose(found.params_, other.params_, rtol=1e-8, atol=1e-9)
    assert_allclose(found.loss_, other.loss_, rtol=1e-12)
    assert_allclose(found.predict(X, offset=OFFSET), other.predict(X) + OFFSET, atol=1e-9)
    if alpha == "auto":
        kept, own = found.alpha_selection_, other.alpha_selection_
        # Fits of folds end early, where steps that differ by rounding leave what they have learnt.
        assert_allclose(kept.held_out_loss, own.held_out_loss, rtol=1e-6)


def test_strengths_by_the_evidence():
    est = NewtonMLPRegressor((2,), alpha="ard", random_state=0)
    found = est.fit(X, NUMBERS, offset=OFFSET).alpha_selection_.ard
    other = clone(est).fit(X, NUMBERS - OFFSET).alpha_selection_.ard
    assert_allclose(list(found.inputs.values()), list(other.inputs.values()), rtol=1e-6)
    assert found.held_out_loss == pytest.approx(other.held_out_loss, rel=1e-5)


@pytest.mark.parametrize(
    ("est", "y", "offset"),
    [
        (mlp(loss="poisson"), COUNTS, OFFSET),
        (mlp(loss="gamma"), COUNTS + 0.5, OFFSET),
        (mlp(loss="pseudo_huber"), NUMBERS, OFFSET),
        (mlp(loss="poisson"), np.c_[COUNTS, COUNTS[::-1]], np.c_[OFFSET, OFFSET[::-1]]),
        (mlp(solver="lm"), NUMBERS, OFFSET),
        (mlp(loss="poisson", solver="l-bfgs-b", tol=1e-6), COUNTS, OFFSET),
        (mlp(loss="poisson", monotonic_cst=[1, 0]), COUNTS, OFFSET),
        (mlp(penalties=NormPenalty(0.1), loss="poisson"), COUNTS, OFFSET),
        (NewtonNetRegressor(alpha=1.0, random_state=0, loss="poisson"), COUNTS, OFFSET),
        (RBFNetRegressor(2, loss="poisson", **small), COUNTS, OFFSET),
        (NewtonMLPClassifier((2,), **small), LABELS, OFFSET),
        (NewtonMLPClassifier((2,), class_weight="balanced", **small), LABELS, OFFSET),
        (NewtonMLPClassifier((2,), **small), CLASSES, LOGITS),
        (NewtonMLPClassifier((2,), **small), np.c_[COUNTS > 1, RATE > 0].astype(int), OFFSET),
        (RBFNetClassifier(2, **small), CLASSES, LOGITS),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_estimator(est, y, offset):
    """The end is stationary beside the offset, and no end of a fit without one."""
    est.fit(X, y, offset=offset)
    f = est.objective(X, y, offset=offset)
    assert f.value(est.params_) == pytest.approx(est.loss_, rel=1e-10)
    if est.solver != "l-bfgs-b" and est.get_params().get("monotonic_cst") is None:
        assert np.abs(f.gradient(est.params_)).max() < 1e-7
        without = est.objective(X, y, offset=0.0).gradient(est.params_)
        assert np.abs(without).max() > 1e-3
    weighted = est.predict(X, offset=offset)
    assert est.score(X, y, offset=offset) > est.score(X, y, offset=0.0)
    if hasattr(est, "predict_proba"):
        p = est.predict_proba(X, offset)
        assert_allclose(est.predict_at(est.params_, X, offset), p)
        assert_allclose(np.exp(est.predict_log_proba(X, offset)), p)
    else:
        assert_allclose(est.predict_at(est.params_, X, offset), weighted)


def test_exposure_is_an_offset():
    found = mlp(loss="poisson").fit(X, COUNTS, exposure=EXPOSURE)
    other = mlp(loss="poisson").fit(X, COUNTS, offset=np.log(EXPOSURE))
    assert_allclose(found.params_, other.params_)
    both = mlp(loss="poisson").fit(X, COUNTS, offset=OFFSET / 2.0, exposure=EXPOSURE**0.5)
    assert_allclose(both.params_, other.params_, rtol=1e-6)
    assert_allclose(found.predict(X, exposure=EXPOSURE), EXPOSURE * found.predict(X, exposure=1.0))
    slopes = found.input_derivatives(X, exposure=EXPOSURE)
    rates = found.input_derivatives(X, exposure=1.0)
    assert_allclose(slopes, EXPOSURE[:, None] * rates)


def test_rates_with_weights_have_the_same_minimum():
    """Counts with an exposure, and rates with exposures as weights, in a unit of their own."""
    counts = NewtonMLPRegressor((), loss="poisson", alpha=0.0).fit(X, COUNTS, exposure=EXPOSURE)
    rates = NewtonMLPRegressor((), loss="poisson", alpha=0.0)
    rates.fit(X, COUNTS / EXPOSURE, EXPOSURE)
    assert_allclose(counts.params_, rates.params_, rtol=1e-7)


def test_predictions_without_the_offset_warn_where_they_are_asked_for():
    est = mlp(loss="poisson").fit(X, COUNTS, exposure=EXPOSURE)
    for call in (
        lambda: est.predict(X),
        lambda: est.score(X, COUNTS),
        lambda: est.predict_at(est.params_, X),
        lambda: est.input_derivatives(X),
    ):
        with pytest.warns(UserWarning, match="Give offset= or exposure= of these rows") as seen:
            call()
        assert seen[0].filename == __file__
    classes = NewtonMLPClassifier((2,), **small).fit(X, LABELS, offset=OFFSET)
    for name in ("predict", "predict_proba", "predict_log_proba"):
        with pytest.warns(UserWarning, match="for offset 0") as seen:
            getattr(classes, name)(X)
        assert seen[0].filename == __file__
    with pytest.raises(ValueError, match="give that of these rows as well, or offset=0"):
        est.objective(X, COUNTS)
    assert est.predict(X, offset=0).shape == (N,)
    copy = pickle.loads(pickle.dumps(est))
    with pytest.warns(UserWarning, match="for offset 0"):
        copy.predict(X)


REFUSALS = [
    ({"offset": OFFSET[1:]}, r"offset must be a number or have shape \(150,\) or \(150, 1\), got"),
    ({"offset": np.full(N, np.inf)}, "offset must be finite"),
    ({"offset": "claims"}, "offset must be an array of real numbers"),
    ({"offset": ["a"] * N}, "offset must be an array of real numbers"),
    ({"exposure": EXPOSURE[:, None].repeat(3, axis=1)}, "exposure must be a number or have shape"),
    ({"exposure": EXPOSURE - EXPOSURE.min()}, "exposure must be positive, got values from 0 to"),
    ({"exposure": np.full(N, np.nan)}, "exposure must be finite"),
    ({"offset": 1e200 * OFFSET}, "offset must have magnitudes of at most 1e"),
]


@pytest.mark.parametrize(("known", "message"), REFUSALS)
def test_refusals(known, message):
    with pytest.raises(ValueError, match=message):
        mlp(loss="poisson").fit(X, COUNTS, **known)
    est = mlp(loss="poisson").fit(X, COUNTS)
    with pytest.raises(ValueError, match=message):
        est.predict(X, **known)


def test_links_without_exposure():
    with pytest.raises(ValueError, match="the loss 'squared_error' has another: give offset"):
        mlp().fit(X, NUMBERS, exposure=EXPOSURE)
    with pytest.raises(ValueError, match="the loss 'binary_log_loss' has another"):
        NewtonMLPClassifier().fit(X, LABELS, exposure=EXPOSURE)
    with pytest.raises(ValueError, match="common to all 3 classes changes nothing"):
        NewtonMLPClassifier().fit(X, CLASSES, offset=OFFSET)


def test_a_scale_of_the_target_is_one_of_the_offset():
    est = mlp().fit(X, NUMBERS, offset=OFFSET)
    large = mlp().fit(X, 1e6 * NUMBERS, offset=1e6 * OFFSET)
    assert_allclose(
        large.predict(X, offset=1e6 * OFFSET), 1e6 * est.predict(X, offset=OFFSET), rtol=1e-6
    )


def test_fits_do_not_depend_on_the_order_of_the_rows():
    order = np.random.default_rng(0).permutation(N)
    est = mlp(loss="poisson").fit(X, COUNTS, exposure=EXPOSURE)
    other = mlp(loss="poisson").fit(X[order], COUNTS[order], exposure=EXPOSURE[order])
    np.testing.assert_array_equal(est.params_, other.params_)
    twice = mlp(loss="poisson").fit(
        *(np.repeat(part, 2, axis=0) for part in (X, COUNTS, WEIGHT, OFFSET))
    )
    heavy = mlp(loss="poisson").fit(X, COUNTS, 2.0 * WEIGHT, OFFSET)
    np.testing.assert_array_equal(twice.params_, heavy.params_)


def test_warm_starts_and_records():
    est = mlp(loss="poisson").fit(X, COUNTS, WEIGHT, OFFSET)
    again = est.set_params(warm_start=True).fit(X, COUNTS, WEIGHT, OFFSET)
    assert again.n_iter_ <= 2
    fit = fit_of(est, X, COUNTS, WEIGHT, OFFSET)
    assert fit.objective().value(fit.params) == pytest.approx(est.loss_)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a net that may be too large
        results = est.inference(X, COUNTS, WEIGHT, offset=OFFSET)
    assert fit.criteria.bic == pytest.approx(results.bic)


def test_known_terms_may_be_constant_by_far_not_small():
    """The intercept starts beside them, so that the start is in reach."""
    est = mlp(loss="poisson").fit(X, COUNTS, offset=OFFSET - 200.0)
    other = mlp(loss="poisson").fit(X, COUNTS, offset=OFFSET)
    assert_allclose(
        est.predict(X, offset=OFFSET - 200.0), other.predict(X, offset=OFFSET), rtol=1e-6
    )


# scikit-learn's meta-estimators -----------------------------------------------------------------


def test_pipelines_and_transformed_targets_pass_it_on():
    pipe = make_pipeline(StandardScaler(), mlp(loss="poisson"))
    pipe.fit(X, COUNTS, newtonmlpregressor__exposure=EXPOSURE)
    alone = mlp(loss="poisson").fit(StandardScaler().fit_transform(X), COUNTS, exposure=EXPOSURE)
    assert_allclose(pipe[-1].params_, alone.params_)
    assert_allclose(pipe.predict(X, exposure=1.0), alone.predict(pipe[0].transform(X), offset=0.0))
    scaled = TransformedTargetRegressor(mlp(), transformer=StandardScaler())
    scaled.fit(X, NUMBERS, offset=OFFSET / NUMBERS.std())
    found = scaled.predict(X, offset=OFFSET / NUMBERS.std())
    other = mlp().fit(X, NUMBERS, offset=OFFSET)
    assert_allclose(found, other.predict(X, offset=OFFSET), rtol=1e-6, atol=1e-6)


def test_metadata_routing():
    with sklearn.config_context(enable_metadata_routing=True):
        est = mlp(loss="poisson").set_fit_request(exposure=True).set_score_request(exposure=True)
        params = {"exposure": EXPOSURE}
        search = GridSearchCV(est, {"alpha": [0.3, 30.0]}, cv=3).fit(X, COUNTS, **params)
        half = np.arange(N) < 100
        parts = [(np.flatnonzero(half), np.flatnonzero(~half))]
        found = cross_validate(est, X, COUNTS, cv=parts, params=params)["test_score"][0]
        own = clone(est).fit(X[half], COUNTS[half], exposure=EXPOSURE[half])
        left_out = X[~half], COUNTS[~half]
        assert found == pytest.approx(own.score(*left_out, exposure=EXPOSURE[~half]))
        assert search.best_params_ == {"alpha": 0.3}
        with pytest.raises(ValueError, match="exposure"):
            cross_validate(mlp(loss="poisson"), X, COUNTS, params=params)
        pipe = make_pipeline(StandardScaler(), est.set_predict_request(exposure=True))
        pipe.fit(X, COUNTS, **params)
        assert pipe.predict(X, **params).shape == (N,)
