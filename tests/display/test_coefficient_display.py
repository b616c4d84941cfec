"""Effects, weights and importances: what is drawn is what the inference says."""

import matplotlib as mpl
import numpy as np
import pytest
from inference_cases import net, regression, several, three
from numpy.testing import assert_allclose
from sklearn.compose import make_column_transformer
from sklearn.inspection import permutation_importance
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor, pipeline_inference
from sknewtonnet.display import CoefficientDisplay, ImportanceDisplay

mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")
pd = pytest.importorskip("pandas")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def results():
    X, y = regression()
    X = X * [1.0, 10.0, 0.1]
    return net(alpha=0.1, n_init=1).fit(X, y).inference(X, y)


def drawn(display, panel=0):
    """Estimates and intervals of a panel by the number of the row."""
    estimates, intervals = {}, {}
    for points in display.points_[panel].values():
        estimates |= {int(y): x for x, y in zip(*points.get_data(), strict=True)}
    for lines in display.intervals_[panel].values():
        for part in lines.get_segments():
            intervals[int(part[0, 1])] = (part[0, 0], part[1, 0])
    keys = sorted(estimates)
    return [estimates[k] for k in keys], [intervals[k] for k in keys if k in intervals]


def rows_of(line):
    return line.get_ydata().astype(int).tolist()


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_effects_and_their_intervals(results, level):
    display = CoefficientDisplay.from_results(results, level=level)
    effects = results.marginal_effects()
    estimates, intervals = drawn(display)
    assert_allclose(estimates, effects.effects)
    assert_allclose(intervals, effects.conf_int(level))
    certain = np.flatnonzero(effects.p_values < 1.0 - level).tolist()
    assert rows_of(display.points_[0]["without 0"]) == certain
    assert [text.get_text() for text in display.ax_.get_yticklabels()] == effects.names
    hollow = display.points_[0].get("with 0")
    assert hollow is None or hollow.get_markerfacecolor() == "white"


def test_effects_per_standard_deviation_do_not_depend_on_units():
    X, y = regression()
    found = []
    for unit in ([1.0, 1.0, 1.0], [1.0, 10.0, 0.1]):
        model = NewtonMLPRegressor((1,), alpha=0.1, n_init=1, random_state=0).fit(X * unit, y)
        results = model.inference(X * unit, y)
        found.append(drawn(CoefficientDisplay.from_results(results, per="std"))[0])
        assert_allclose(results.feature_std, (X * unit).std(axis=0))
        assert_allclose(found[-1], results.marginal_effects().effects * results.feature_std)
    assert_allclose(found[0], found[1], rtol=1e-5)


def test_differences_between_two_values_are_not_scaled():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=80), 3.0 * rng.integers(2, size=80)])
    y = X @ [1.0, 0.5] + rng.normal(size=80)
    results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
    estimates, _ = drawn(CoefficientDisplay.from_results(results, per="std"))
    assert_allclose(estimates[1], results.marginal_effects().effects[1])


def test_parameters(results):
    display = CoefficientDisplay.from_results(results, "parameters")
    estimates, intervals = drawn(display)
    assert_allclose(estimates, results.params)
    assert_allclose(intervals, results.conf_int())
    some = [results.names[4], results.names[1]]
    display = CoefficientDisplay.from_results(results, "parameters", names=some)
    assert [text.get_text() for text in display.ax_.get_yticklabels()] == some
    assert_allclose(drawn(display)[0], results.params[[4, 1]])


def test_weights_without_a_test_or_an_error_look_other():
    names = ["a", "b", "c", "d"]
    display = CoefficientDisplay(
        names=names,
        estimates=np.array([1.0, 2.0, 3.0, 0.1]),
        intervals=np.array([[0.5, 1.5], [1.0, 3.0], [np.nan, np.nan], [-0.4, 0.6]]),
        p_values=np.array([0.01, np.nan, np.nan, 0.7]),
        level=0.95,
        quantity="estimate",
        output_names=("",),
    ).plot()
    found = {state: rows_of(line) for state, line in display.points_[0].items()}
    assert found == {"without 0": [0], "no test": [1], "no error": [2], "with 0": [3]}
    looks = {
        (line.get_marker(), line.get_markerfacecolor()) for line in display.points_[0].values()
    }
    assert len(looks) == 4
    assert set(display.intervals_[0]) == {"without 0", "no test", "with 0"}


def test_of_many_rows_the_most_certain_are_drawn():
    rng = np.random.default_rng(0)
    estimates = rng.normal(size=70)
    display = CoefficientDisplay(
        names=[f"w{k}" for k in range(70)],
        estimates=estimates,
        intervals=estimates[:, None] + [-1.0, 1.0],
        p_values=np.full(70, 0.5),
        level=0.95,
        quantity="estimate",
        output_names=("",),
    ).plot(sort=True)
    kept = np.argsort(-np.abs(estimates))[:50]
    assert_allclose(drawn(display)[0], -np.sort(-estimates[kept]))
    assert display.ax_.get_ylabel() == "(20 less certain ones left out)"


@pytest.mark.parametrize("case", ["classes", "outputs"])
def test_each_output_has_a_panel(case):
    X, y = three() if case == "classes" else several()
    model = NewtonMLPClassifier if case == "classes" else NewtonMLPRegressor
    results = model((1,), alpha=1.0, random_state=0).fit(X, y).inference(X, y)
    display, effects = CoefficientDisplay.from_results(results), results.marginal_effects()
    for k, name in enumerate(results.output_names):
        assert_allclose(drawn(display, k)[0], effects.effects[:, k])
        assert_allclose(drawn(display, k)[1], effects.conf_int()[:, k])
        assert name in display.axes_[0, k].get_xlabel()
    alone = CoefficientDisplay.from_results(results, output=results.output_names[1])
    assert_allclose(drawn(alone)[0], effects.effects[:, 1])


def test_importances_are_those_of_the_tests(results):
    display, tests = ImportanceDisplay.from_results(results), results.tests
    order = np.argsort(-tests.importances)
    assert_allclose([bar.get_width() for bar in display.bars_], tests.importances[order])
    names = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert names == [tests.names[k] for k in order]
    full = [bar.get_facecolor()[:3] != (1.0, 1.0, 1.0) for bar in display.bars_]
    assert full == (tests.adjusted_p_values[order] < 0.05).tolist()
    sure = ImportanceDisplay.from_results(results, level=1.0 - 1e-15)
    full = [bar.get_facecolor()[:3] != (1.0, 1.0, 1.0) for bar in sure.bars_]
    assert full == (tests.adjusted_p_values[order] < 1.0 - sure.level).tolist()


def test_permutations_are_beside_the_bars_of_their_columns():
    rng = np.random.default_rng(0)
    T = pd.DataFrame(
        {
            "noise": rng.normal(size=120),
            "kind": rng.choice(["a", "b", "c"], 120),
            "dose": 10.0 * rng.normal(size=120),
        }
    )
    y = 0.3 * T["dose"] + 2.0 * (T["kind"] == "b") + 0.3 * rng.normal(size=120)
    encode = make_column_transformer(
        (OneHotEncoder(drop="first"), ["kind"]), remainder=StandardScaler()
    )
    pipe = make_pipeline(encode, NewtonMLPRegressor((), alpha=1.0)).fit(T, y)
    found = permutation_importance(pipe, T, y, n_repeats=4, random_state=0)
    display = ImportanceDisplay.from_estimator(pipe, T, y, permutation=found)
    names = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert names == ["dose", "kind", "noise"]
    total = np.maximum(found.importances_mean, 0.0).sum()
    points, _, (bars,) = display.permutation_
    assert_allclose(points.get_xdata(), found.importances_mean[[2, 1, 0]] / total)
    half = [np.ptp(part[:, 0]) / 2.0 for part in bars.get_segments()]
    assert_allclose(half, found.importances_std[[2, 1, 0]] / total)
    with pytest.raises(ValueError, match="permutation must have the importances of 3 features"):
        ImportanceDisplay.from_estimator(
            pipe, T, y, permutation={"importances_mean": [1.0], "importances_std": [0.0]}
        )
    with pytest.raises(ValueError, match=r"permutation has no importance of \['noise'\]"):
        ImportanceDisplay.from_results(
            pipeline_inference(pipe, T, y),
            permutation=found,
            columns=["loud", "kind", "dose"],
        )


def test_what_could_not_be_tested_is_hatched():
    display = ImportanceDisplay(
        names=["a", "b"], importances=np.array([0.7, 0.3]), p_values=np.array([np.nan, 0.2])
    ).plot()
    assert [bar.get_hatch() for bar in display.bars_] == ["////", None]


def test_what_is_wrong_is_said(results):
    with pytest.raises(ValueError, match="rows must be one of"):
        CoefficientDisplay.from_results(results, "weights")
    with pytest.raises(ValueError, match="per must be one of"):
        CoefficientDisplay.from_results(results, per="sd")
    with pytest.raises(ValueError, match="there is no name 'x7'"):
        CoefficientDisplay.from_results(results, names=["x7"])
    with pytest.raises(ValueError, match="there is no name 'w'"):
        CoefficientDisplay.from_results(results, "parameters", names="w")
    for display in (CoefficientDisplay, ImportanceDisplay):
        with pytest.raises(ValueError, match="level must be"):
            display.from_results(results, level=95)
