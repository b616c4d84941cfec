"""Effects of features: curves, bands and points are the numbers of the inference."""

import matplotlib as mpl
import numpy as np
import pytest
from inference_cases import binary, net, regression, several, three
from numpy.testing import assert_allclose
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor
from sknewtonnet.display import EffectDisplay

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
    return net(alpha=0.1, n_init=1).fit(X, y).inference(X, y)


def edges(band):
    """Lower and upper ends of a filled band, point by point."""
    x, y = band.get_paths()[0].vertices.T
    at = np.unique(x)
    return at, np.array([[y[x == one].min(), y[x == one].max()] for one in at]).T


def test_curves_and_bands_are_those_of_the_inference(results):
    display = EffectDisplay.from_results(results, ["x0", "x2"], n_points=12)
    assert display.axes_.shape == (1, 2)
    for k, name in enumerate(("x0", "x2")):
        both = results.partial_effect(name, band="simultaneous", n_points=12)
        alone = results.partial_effect(name, n_points=12)
        assert_allclose(display.lines_[k][0].get_data(), [alone.grid, alone.mean])
        wide, narrow = display.bands_[k][0]
        assert_allclose(edges(wide)[1], [both.lower, both.upper])
        assert_allclose(edges(narrow)[1], [alone.lower, alone.upper])


def test_bands_that_are_asked_for(results):
    for bands, n in (("pointwise", 1), ("simultaneous", 1), ("none", 0)):
        display = EffectDisplay.from_results(results, "x0", bands=bands, level=0.8, n_points=9)
        found = display.bands_[0][0]
        assert len(found) == n
        if n:
            expected = results.partial_effect("x0", level=0.8, band=bands, n_points=9)
            assert_allclose(edges(found[0])[1], [expected.lower, expected.upper])


def test_points_are_partial_residuals(results):
    """Of a linear net they are statsmodels' component plus residual, but for the mean."""
    display = EffectDisplay.from_results(results, "x1", n_points=15)
    known = results.partial_effect("x1", n_points=15)
    X, _ = regression()
    expected = np.interp(X[:, 1], known.grid, known.mean) + results.resid_response
    points = np.asarray(display.residuals_[0].get_offsets())
    assert_allclose(points, np.column_stack([X[:, 1], expected]))
    assert_allclose(display.rugs_[0][0].get_xdata(), X[:, 1])
    assert EffectDisplay.from_results(results, "x1", residuals=False).residuals_ == [None]
    linear_X, linear_y = regression()
    linear = NewtonMLPRegressor((), alpha=0.0).fit(linear_X, linear_y)
    display = EffectDisplay.from_estimator(linear, linear_X, linear_y, features="x1")
    sm = pytest.importorskip("statsmodels.api")
    fit = sm.OLS(linear_y, sm.add_constant(linear_X)).fit()
    theirs = fit.resid + fit.params[2] * linear_X[:, 1]
    ours = np.asarray(display.residuals_[0].get_offsets())[:, 1]
    assert_allclose(ours - ours.mean(), theirs - theirs.mean(), atol=1e-8)


def test_classes_together_and_alone():
    X, y = three()
    results = NewtonMLPClassifier((1,), alpha=1.0, random_state=0).fit(X, y).inference(X, y)
    display = EffectDisplay.from_results(results, "x0", n_points=20)
    expected = results.partial_effect("x0", n_points=20)
    assert [line.get_label() for line in display.lines_[0]] == list(results.output_names)
    assert_allclose([line.get_ydata() for line in display.lines_[0]], expected.mean.T)
    assert len({line.get_marker() for line in display.lines_[0]}) == 3
    assert_allclose(edges(display.bands_[0][2][0])[1], expected.pointwise[:, 2].T)
    name = results.output_names[1]
    alone = EffectDisplay.from_results(results, "x0", output=name, n_points=20)
    assert_allclose(alone.lines_[0][0].get_ydata(), expected.mean[:, 1])
    below, above = alone.rugs_[0]
    assert_allclose(below.get_xdata(), X[y != name, 0])
    assert_allclose(above.get_xdata(), X[y == name, 0])
    assert alone.ax_.get_ylabel() == f"probability of {name}"


def test_two_classes_have_the_probability_of_the_second():
    X, y = binary()
    results = NewtonMLPClassifier((1,), alpha=1.0, random_state=0).fit(X, y).inference(X, y)
    display = EffectDisplay.from_results(results, "x0", n_points=20)
    assert_allclose(
        display.lines_[0][0].get_ydata(), results.partial_effect("x0", n_points=20).mean
    )
    assert_allclose(display.rugs_[0][1].get_xdata(), X[y == "yes", 0])
    assert display.ax_.get_ylabel() == "probability of yes"


def test_several_targets_have_panels_of_their_own():
    X, Y = several()
    results = net(alpha=1.0, n_init=1).fit(X, Y).inference(X, Y)
    display = EffectDisplay.from_results(results, ["x0", "x1", "x2"], n_points=7)
    assert display.axes_.shape == (2, 3)
    expected = results.partial_effect("x1", n_points=7).mean
    assert_allclose(display.lines_[1][0].get_ydata(), expected[:, 0])
    assert_allclose(display.lines_[4][0].get_ydata(), expected[:, 1])
    named = [ax.get_ylabel() for ax in display.axes_.ravel()]
    assert named == ["mean of y0", "", "", "mean of y1", "", ""]
    heights = [ax.get_ylim() for ax in display.axes_.ravel()]
    assert len(set(heights[:3])) == len(set(heights[3:])) == 1


def table(n=150):
    rng = np.random.default_rng(0)
    T = pd.DataFrame(
        {
            "age": rng.uniform(20.0, 60.0, n),
            "region": rng.choice(["north", "south", "west"], n),
            "sex": rng.choice(["f", "m"], n),
        }
    )
    y = 0.1 * T["age"] + 2.0 * (T["region"] == "south") - (T["sex"] == "m") + rng.normal(size=n)
    return T, y


def test_levels_of_categorical_columns_before_a_pipeline():
    """Means at levels are those of predictions with the column at the level in all rows."""
    T, y = table()
    encode = make_column_transformer(
        (OneHotEncoder(drop="first"), ["region", "sex"]), remainder=StandardScaler()
    )
    pipe = make_pipeline(encode, NewtonMLPRegressor((1,), alpha=1.0, random_state=0)).fit(T, y)
    display = EffectDisplay.from_estimator(pipe, T, y)
    assert [ax.get_xlabel() for ax in display.axes_.ravel()] == ["region", "sex", "age"]
    named = EffectDisplay.from_estimator(pipe, T, y.rename("pay (1000)"), features="age")
    assert named.ax_.get_ylabel() == "mean of pay (1000)"
    for k, (name, levels) in enumerate((("region", ("north", "south", "west")), ("sex", "fm"))):
        expected = [pipe.predict(T.assign(**{name: level})).mean() for level in levels]
        assert_allclose(display.lines_[k][0].get_ydata(), expected, rtol=1e-9)
        labels = [text.get_text() for text in display.axes_[0, k].get_xticklabels()]
        assert labels == list(levels)
        where = display.effects[k].values
        assert_allclose(where, [list(levels).index(level) for level in T[name]])
    grid = display.effects[2].grid
    expected = [pipe.predict(T.assign(age=age)).mean() for age in grid]
    assert_allclose(display.lines_[2][0].get_ydata(), expected, rtol=1e-9)
    low = display.bands_[0][0][1].get_segments()
    pointwise = display.effects[0].pointwise
    assert_allclose([[part[0, 1], part[1, 1]] for part in low], pointwise)


def test_dummies_and_features_of_two_values():
    rng = np.random.default_rng(0)
    level, flag = rng.integers(3, size=120), rng.integers(2, size=120)
    X = np.column_stack([rng.normal(size=120), level == 0, level == 1, level == 2, 5.0 + flag])
    y = X[:, 0] + level + flag + 0.1 * rng.normal(size=120)
    results = NewtonMLPRegressor((), alpha=0.1).fit(X, y).inference(X, y)
    groups = {"grade": ["x1", "x2", "x3"]}
    display = EffectDisplay.from_results(results, groups=groups)
    first, second, third = display.axes_.ravel()
    assert [ax.get_xlabel() for ax in (first, second, third)] == ["x0", "grade", "x4"]
    assert_allclose(np.diff(display.lines_[1][0].get_ydata()), [1.0, 1.0], atol=0.1)
    assert [text.get_text() for text in second.get_xticklabels()] == ["x1", "x2", "x3"]
    assert [text.get_text() for text in third.get_xticklabels()] == ["5", "6"]
    two = results.partial_effect("grade", groups={"grade": ["x2", "x3"]})
    assert two.levels == ("(reference)", "x2", "x3")
    known = results.partial_effect("x4", [5.0, 6.0])
    assert_allclose(display.lines_[2][0].get_ydata(), known.mean)
    with pytest.raises(ValueError, match="'odd' is no factor"):
        results.partial_effect("odd", groups={"odd": ["x1", "x4"]})
    with pytest.raises(ValueError, match="grid must be None for the factor 'grade'"):
        results.partial_effect("grade", [0.0], groups=groups)


def test_of_many_rows_some_are_drawn():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 1))
    results = NewtonMLPRegressor((), alpha=0.1).fit(X, X[:, 0]).inference(X, X[:, 0])
    display = EffectDisplay.from_results(results)
    assert len(display.residuals_[0].get_offsets()) == len(display.rugs_[0][0].get_xdata()) == 1000


def test_what_is_wrong_is_said(results):
    with pytest.raises(ValueError, match="no name 'x9'"):
        EffectDisplay.from_results(results, ["x0", "x9"])
    with pytest.raises(ValueError, match="bands must be one of"):
        EffectDisplay.from_results(results, bands="all")
    with pytest.raises(ValueError, match="output must be one of"):
        EffectDisplay.from_results(results, output=3)
    with pytest.raises(ValueError, match="1 to 60 panels, got 0"):
        EffectDisplay.from_results(results, [])
    with pytest.raises(ValueError, match="residuals must be one of"):
        EffectDisplay.from_results(results, residuals="yes")


def test_the_plot_of_a_curve_has_the_same_curve(results):
    effect = results.partial_effect("x0", n_points=11)
    ax = effect.plot()
    assert_allclose(ax.lines[0].get_data(), [effect.grid, effect.mean])
    assert_allclose(edges(ax.collections[0])[1], [effect.lower, effect.upper])
