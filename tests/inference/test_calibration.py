"""Coverages and sizes by simulation, against loops over linear models fitted by least squares."""

import re

import joblib
import numpy as np
import pandas as pd
import pytest
from inference_cases import classes, counts, net, plane, radial, regression, several, three
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sknewtonnet import NewtonMLPRegressor, pipeline_inference


def source(seed, number):
    return np.random.default_rng([seed, number])


def least_squares(X, y):
    """Estimates, standard errors, and the residual variance."""
    Z = np.column_stack([X, np.ones(len(X))])
    w = np.linalg.lstsq(Z, y)[0]
    variance = ((y - Z @ w) ** 2).sum() / (len(y) - Z.shape[1])
    return w, np.sqrt(variance * np.diag(np.linalg.inv(Z.T @ Z))), variance


@pytest.mark.parametrize("standardize", [False, True])
def test_linear_models_by_a_loop(standardize):
    X, y = regression(n=25)
    results = net((), n_init=1, standardize=standardize).fit(X, y).inference(X, y)
    found = results.calibrate(
        10, tests=["effect", "summary", "slope", "wald"], random_state=5, level=0.8
    )
    Z, t = np.column_stack([X, np.ones(25)]), stats.t(21)
    w, _, variance = least_squares(X, y)
    covered, inside = np.zeros((10, 3)), np.zeros((10, 25))
    for number in range(10):
        noise = source(5, number).standard_normal((25, 1))[:, 0]
        v, errors, phi = least_squares(X, Z @ w + np.sqrt(variance) * noise)
        covered[number] = np.abs(v - w)[:3] <= t.ppf(0.9) * errors[:3]
        spread = np.sqrt(phi * np.einsum("ij,ji->i", Z, np.linalg.solve(Z.T @ Z, Z.T)))
        inside[number] = np.abs(Z @ (v - w)) <= t.ppf(0.9) * spread
    assert_allclose(found.effect_coverage, covered.mean(axis=0))
    assert found.prediction_coverage == pytest.approx(inside.mean())
    for j in range(3):
        kept = [k for k in range(3) if k != j]
        less, _, phi = least_squares(X[:, kept], y)
        mean = np.column_stack([X[:, kept], np.ones(25)]) @ less
        rejected = []
        for number in range(10):
            noise = source(6 + j, number).standard_normal((25, 1))[:, 0]
            v, errors, _ = least_squares(X, mean + np.sqrt(phi) * noise)
            rejected.append(2.0 * t.sf(abs(v[j] / errors[j])) < 0.2)
        for test in ("effect", "summary", "slope", "wald"):
            assert found.sizes[test][j] == pytest.approx(np.mean(rejected)), (test, j)
    assert (found.n, found.failed, found.level, found.reasons) == (10, 0, 0.8, {})


def test_frequency_weights_are_repeated_rows():
    X, y = regression(n=25)
    weight = np.random.default_rng(0).integers(1, 3, 25).astype(float)
    rows = np.repeat(np.arange(25), weight.astype(int))
    one = net((), n_init=1).fit(X, y, weight).inference(X, y, weight)
    other = net((), n_init=1).fit(X[rows], y[rows]).inference(X[rows], y[rows])
    found = [results.calibrate(8, tests=["score"]) for results in (one, other)]
    assert_array_equal(found[0].effect_coverage, found[1].effect_coverage)
    assert_array_equal(found[0].sizes["score"], found[1].sizes["score"])


CASES = {
    "one unit": lambda: (net(n_init=2), *regression(n=60)),
    "penalised": lambda: (net(alpha=0.3, n_init=1, standardize=True), *regression(n=60)),
    "counts": lambda: (net(alpha=0.1, n_init=1, loss="poisson"), *counts(60)),
    "two outputs": lambda: (net((), n_init=1), *several(40)),
    "three classes": lambda: (classes(alpha=0.3, n_init=1), *three(100)),
}


@pytest.mark.filterwarnings("ignore:Inference:UserWarning")
@pytest.mark.parametrize("case", CASES)
def test_shares_of_nets(case):
    """Of 8 data sets, so eighths, and most intervals cover."""
    est, X, y = CASES[case]()
    results = est.fit(X, y).inference(X, y)
    found = results.calibrate(8, tests=["effect", "slope"])
    assert found.failed == 0
    m = 1 if np.ndim(results.marginal_effects().effects) == 1 else len(results.output_names)
    shares = [(found.effect_coverage * m, 8)]
    shares += [(found.sizes[test], 8 - found.missing[test]) for test in found.sizes]
    for share, n in shares:
        assert_allclose(n * share, np.rint(n * share), atol=1e-9)
    assert found.effect_coverage.mean() > 0.7
    assert 0.6 < found.prediction_coverage <= 1.0
    assert all(size.mean() < 0.4 for size in found.sizes.values())


@pytest.mark.filterwarnings("ignore:Inference:UserWarning")
@pytest.mark.parametrize("alpha", [0.0, 0.3])
def test_summary(alpha):
    """Without a penalty by the likelihood ratio, with one by slope and effect together."""
    X, y = regression(n=60)
    results = net(alpha=alpha, n_init=2).fit(X, y).inference(X, y)
    tests = ["likelihood ratio"] if alpha == 0.0 else ["slope", "effect"]
    assert results.tests.test == tests[0]
    found = results.calibrate(6, tests=["summary", *tests], level=0.5)
    if alpha == 0.0:
        assert_array_equal(found.sizes["summary"], found.sizes["likelihood ratio"])
        return
    larger = np.maximum(found.sizes["slope"], found.sizes["effect"])
    assert (found.sizes["summary"] <= np.minimum(1.0, 2.0 * larger)).all()
    assert found.sizes["summary"].sum() > 0


def test_clusters_stay():
    X, y = regression(n=60)
    results = net((), n_init=1).fit(X, y).inference(X, y, groups=np.arange(60) // 4)
    found = results.calibrate(6, tests=["effect"])
    assert found.failed == 0
    assert 0.0 <= found.sizes["effect"].mean() < 0.5


def test_offsets_are_kept():
    X, y = counts(60)
    offset = np.linspace(-1.0, 1.0, 60)
    est = net((), n_init=1, loss="poisson").fit(X, y, offset=offset)
    found = est.inference(X, y, offset=offset).calibrate(8, tests=[])
    assert found.sizes == {}
    assert found.effect_coverage.mean() > 0.7
    assert found.prediction_coverage > 0.6


@pytest.mark.filterwarnings("ignore:Inference:UserWarning")
def test_radial_units_have_no_sizes():
    X, y = plane(80)
    results = radial(alpha=0.1, n_init=1).fit(X, y).inference(X, y)
    found = results.calibrate(3, tests=["slope"])
    assert np.isnan(found.sizes["slope"]).all()
    assert "radial unit" in found.reasons["x0"]
    assert np.isfinite(found.effect_coverage).all()
    assert "x0: a radial unit" in str(found)


def test_pipelines():
    """Data are simulated behind the preprocessing, and effects are those of its input."""
    X, y = regression(n=40)
    frame = pd.DataFrame({"a": 10.0 * X[:, 0], "b": np.where(X[:, 1] > 0, "up", "down")})
    columns = ColumnTransformer(
        [("a", StandardScaler(), ["a"]), ("b", OneHotEncoder(drop="first"), ["b"])]
    )
    model = make_pipeline(columns, net((), n_init=1, standardize=True)).fit(frame, y)
    results = pipeline_inference(model, frame, y)
    found = results.calibrate(6)
    assert found.features == tuple(results.feature_names)
    assert found.effect_coverage.mean() > 0.5
    expected = results.get_prediction(frame.iloc[[3]]).confidence_interval[0]
    profile = results.profile_effect(at=frame.iloc[[3]])
    assert_allclose([profile.lower, profile.upper], expected, rtol=1e-6)


def test_number_of_processes_changes_nothing():
    X, y = regression(n=40)
    results = net(alpha=0.3, n_init=1).fit(X, y).inference(X, y)
    one = results.calibrate(4, tests=["effect"])
    with joblib.parallel_config(backend="threading"):
        two = results.calibrate(4, tests=["effect"], n_jobs=2)
    assert_array_equal(one.effect_coverage, two.effect_coverage)
    assert_array_equal(one.sizes["effect"], two.sizes["effect"])
    assert one.prediction_coverage == two.prediction_coverage


def test_text_and_table():
    X, y = regression(n=40)
    results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
    found = results.calibrate(10, tests=["slope"])
    frame = found.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame) == [
        "effect_coverage",
        "effect_coverage_error",
        "size_slope",
        "size_slope_error",
    ]
    p = found.effect_coverage
    assert_allclose(frame["effect_coverage_error"], np.sqrt(p * (1 - p) / 10))
    lines = str(found).splitlines()
    assert lines[2].split() == ["feature", "coverage", "size,", "slope"]
    assert lines[4].split()[0] == "x0"
    text = " ".join(lines)
    assert "10 data sets simulated from the net" in text
    assert "One standard error of 5 % is 6.9" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, "n must be an integer of at least 1, got 0"),
        ({"tests": ["lr"]}, "tests must be"),
        ({"level": 2.0}, "level must be"),
        ({"random_state": None}, "random_state must be an integer"),
    ],
)
def test_refused(options, message):
    X, y = regression(n=30)
    results = net((), n_init=1).fit(X, y).inference(X, y)
    with pytest.raises(ValueError, match=re.escape(message)):
        results.calibrate(**options)


@pytest.mark.filterwarnings("ignore")
def test_refused_without_likelihood_or_minimum():
    X, y = regression(n=60)
    robust = net((), n_init=1, loss="pseudo_huber").fit(X, y).inference(X, y)
    with pytest.raises(ValueError, match="draws targets from the likelihood"):
        robust.calibrate(2)
    early = net((2,), max_iter=2, n_init=1).fit(X, y).inference(X, y)
    with pytest.raises(ValueError, match="calibration starts at a minimum"):
        early.calibrate(2)
