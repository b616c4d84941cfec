"""The four panels of residuals: what is drawn is what the inference says, and Cook's formula."""

import matplotlib as mpl
import numpy as np
import pytest
from inference_cases import binary, counts, net, regression, several, three
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor
from sknewtonnet.display import ResidualsDisplay
from sknewtonnet.display._smooth import lowess

mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")
pd = pytest.importorskip("pandas")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def table(seed=0, n=60):
    """Two columns under an index of their own, and one row far off."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 2)), columns=["a", "b"])
    X.index = [f"row {k}" for k in range(n)]
    X.iloc[17] = 4.0, -3.0
    y = X["a"] - 0.5 * X["b"] + 0.3 * rng.normal(size=n)
    y.iloc[17] += 3.0
    return X, y.rename("yield")


def drawn(display, row, column):
    name = ("fitted", "quantiles", "scale", "leverage")[2 * row + column]
    return np.asarray(display.points_[name].get_offsets())


def test_panels_show_residuals_of_the_inference():
    X, y = regression()
    results = net(alpha=0.1, n_init=1).fit(X, y).inference(X, y)
    display, influence = ResidualsDisplay.from_results(results), results.influence()
    first, second, third, fourth = (drawn(display, k // 2, k % 2) for k in range(4))
    assert_allclose(first, np.column_stack([results.fittedvalues, results.resid_response]))
    assert_allclose(second[:, 1], influence.resid_studentized, rtol=1e-10)
    assert_allclose(np.argsort(second[:, 0]), np.argsort(second[:, 1]))
    assert_allclose(third[:, 1] ** 2, np.abs(influence.resid_studentized), rtol=1e-10)
    expected = np.column_stack([influence.hat_matrix_diag, influence.resid_studentized])
    assert_allclose(fourth, expected, rtol=1e-10)


def test_linear_nets_have_the_panels_of_statsmodels():
    """With the distances of Cook that statsmodels finds on the lines of its p."""
    sm = pytest.importorskip("statsmodels.api")
    X, y = table()
    net = NewtonMLPRegressor((), alpha=0.0).fit(X, y)
    display = ResidualsDisplay.from_estimator(net, X, y)
    theirs = sm.OLS(y, sm.add_constant(X)).fit().get_influence()
    expected = np.column_stack([theirs.hat_matrix_diag, theirs.resid_studentized_internal])
    points = drawn(display, 1, 1)
    assert_allclose(points, expected, rtol=1e-7)
    h, r = points.T
    distance = r**2 * h / (display.n_parameters * (1.0 - h))
    assert_allclose(distance, theirs.cooks_distance[0], rtol=1e-7)
    for level, lines in display.contours_.items():
        for line, sign in zip(lines, (1.0, -1.0), strict=True):
            h, r = line.get_data()
            assert (sign * r > 0.0).all()
            assert_allclose(r**2 * h / (3.0 * (1.0 - h)), level, rtol=1e-6)
    named = {text.get_text(): text for text in display.axes_[1, 1].texts}
    above = display.contours_[0.5][0].get_ydata()[-1]
    assert abs(named["Cook 0.5"].get_position()[1]) == above


def test_names_of_near_lines_of_cook_stand_apart():
    """Where one residual is so large that both lines end next to each other."""
    X, y = table()
    y = np.array(y, dtype=float)
    y[3] += 1e4 * y.std()
    net = NewtonMLPRegressor((), alpha=0.0).fit(X, y)
    results = net.inference(X, y)
    display = ResidualsDisplay.from_results(results, panels="leverage")
    display.pearson = 40.0 * display.pearson
    display.plot(panels="leverage")
    display.figure_.canvas.draw()
    names = [text for text in display.ax_.texts if text.get_text().startswith("Cook")]
    boxes = [text.get_window_extent() for text in names]
    assert len(boxes) == 2
    assert not boxes[0].overlaps(boxes[1])


def test_the_rows_far_off_are_named_by_the_index_of_the_table():
    X, y = table()
    net = NewtonMLPRegressor((), alpha=0.0).fit(X, y)
    display = ResidualsDisplay.from_estimator(net, X, y, n_labels=1)
    for name in ("fitted", "quantiles", "scale", "leverage"):
        assert [text.get_text() for text in display.row_labels_[name]] == ["row 17"]
    assert display.axes_[0, 0].get_xlabel() == "fitted yield"
    at = display.row_labels_["leverage"][0].xy
    assert_allclose(at, drawn(display, 1, 1)[17])
    assert not any(display.plot(n_labels=0).row_labels_.values())


def test_panels_alone():
    X, y = table()
    results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
    whole = ResidualsDisplay.from_results(results)
    _, ax = plt.subplots()
    alone = ResidualsDisplay.from_results(results, panels="leverage", ax=ax)
    assert alone.ax_ is ax
    assert not hasattr(alone, "axes_")
    assert_allclose(drawn(alone, 1, 1), drawn(whole, 1, 1))
    some = alone.plot(panels=["scale", "fitted", "quantiles"])
    titles = [ax.get_title() for ax in some.axes_.ravel()]
    assert titles == ["Residuals vs fitted", "Normal Q-Q", "Scale-location", ""]
    assert not some.axes_[1, 1].axison
    for wrong in ("cook", []):
        with pytest.raises(ValueError, match="panels must"):
            alone.plot(panels=wrong)


def test_rows_of_weight_zero_have_no_label():
    X, y = table()
    weight = np.ones(len(X))
    weight[:5] = 0.0
    net = NewtonMLPRegressor((), alpha=0.0).fit(X, y, weight)
    display = ResidualsDisplay.from_estimator(net, X, y, weight, n_labels=1)
    assert display.labels.tolist() == X.index[5:].tolist()
    assert display.row_labels_["fitted"][0].get_text() == "row 17"


def test_the_envelope_holds_order_statistics_of_the_normal():
    X, y = regression()
    results = net(alpha=0.1, n_init=1).fit(X, y).inference(X, y)
    path = ResidualsDisplay.from_results(results, level=0.9).envelope_.get_paths()[0].vertices
    n = len(y)
    ordered = np.sort(np.random.default_rng(0).normal(size=(4000, n)), axis=1)
    at = stats.norm.ppf((np.arange(1, n + 1) - 0.5) / n)
    for k in (0, n // 2, n - 1):
        low, high = np.sort(path[np.isclose(path[:, 0], at[k]), 1])[[0, -1]]
        inside = (ordered[:, k] > low) & (ordered[:, k] < high)
        assert inside.mean() == pytest.approx(0.9, abs=0.03)


@pytest.mark.parametrize("kind", ["quantile", "deviance", "pearson"])
def test_kinds_of_residuals(kind):
    X, y = counts()
    results = net(alpha=0.1, n_init=1, loss="poisson").fit(X, y).inference(X, y)
    display = ResidualsDisplay.from_results(results, kind=kind)
    h = results.influence().hat_matrix_diag
    expected = {
        "quantile": results.quantile_residuals(),
        "deviance": results.resid_deviance,
        "pearson": results.resid_pearson,
    }[kind]
    assert_allclose(drawn(display, 0, 0)[:, 1], expected)
    scale = 1.0 if kind == "quantile" else np.sqrt(1.0 - h)
    assert_allclose(drawn(display, 0, 1)[:, 1], expected / scale, rtol=1e-9)
    assert display.axes_[0, 0].get_ylabel() == f"{kind} residual"
    assert display.axes_[0, 0].get_xscale() == "log"


@pytest.mark.parametrize("case", ["two classes", "three classes", "two outputs"])
def test_outputs_and_classes(case):
    X, y = {"two classes": binary, "three classes": three, "two outputs": several}[case]()
    model = NewtonMLPRegressor if case == "two outputs" else NewtonMLPClassifier
    results = model((1,), alpha=1.0, n_init=1, random_state=0).fit(X, y).inference(X, y)
    last = len(results.output_names) - 1
    display = ResidualsDisplay.from_results(results, output=results.output_names[last])
    fitted = results.fittedvalues if case == "two classes" else results.fittedvalues[:, last]
    assert_allclose(drawn(display, 0, 0)[:, 0], fitted)
    assert np.isfinite(drawn(display, 1, 1)).all()
    assert bool(display.contours_) == (case == "two classes")
    deviance = ResidualsDisplay.from_results(results, kind="deviance", output=last)
    if case == "three classes":
        leverage = results.influence().hat_matrix_diag / 2.0
        expected = results.resid_pearson[:, last] / np.sqrt(1.0 - leverage)
        assert_allclose(drawn(display, 1, 1)[:, 1], expected)
        chance = np.where(y == results.output_names[last], fitted, 1.0 - fitted)
        assert_allclose(deviance.residuals**2, -2.0 * np.log(chance), rtol=1e-10)
        assert ((deviance.residuals > 0) == (y == results.output_names[last])).all()


def test_losses_without_a_distribution_have_residuals_of_the_deviance():
    X, y = regression()
    results = net(alpha=0.1, n_init=1, loss="pseudo_huber").fit(X, y).inference(X, y)
    display = ResidualsDisplay.from_results(results)
    assert display.residual_name == "deviance residual"
    assert_allclose(display.residuals, results.resid_deviance)


def test_a_fit_that_has_not_ended_says_what_is_missing():
    X, y = regression()
    model = NewtonMLPRegressor((2,), alpha=0.0, max_iter=2, random_state=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)
    with pytest.warns(UserWarning, match="Not stationary"):
        display = ResidualsDisplay.from_estimator(model, X, y)
    texts = [[text.get_text() for text in ax.texts] for ax in display.axes_.ravel()]
    assert texts[0] == []
    assert all(found == ["no standard errors:\nsee results.diagnosis"] for found in texts[1:])


def test_pipelines():
    X, y = table()
    net = NewtonMLPRegressor((), alpha=0.0)
    display = ResidualsDisplay.from_estimator(make_pipeline(StandardScaler(), net).fit(X, y), X, y)
    alone = ResidualsDisplay.from_estimator(net.fit(X, y), X, y)
    assert_allclose(display.fitted, alone.fitted, rtol=1e-8)
    assert_allclose(display.standardized, alone.standardized, rtol=1e-6)
    assert display.row_labels_["fitted"][0].get_text() == "row 17"


def test_what_is_wrong_is_said_before_work():
    X, y = table()
    net = NewtonMLPRegressor((), alpha=0.0)
    with pytest.raises(NotFittedError):
        ResidualsDisplay.from_estimator(net, X, y)
    net.fit(X, y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ResidualsDisplay.from_estimator(net, X, y[:5])
    with pytest.raises(ValueError, match="kind must be one of"):
        ResidualsDisplay.from_estimator(net, X, y, kind="response")
    with pytest.raises(TypeError, match="results must be those of the inference"):
        ResidualsDisplay.from_results(net)
    results = net.inference(X, y)
    with pytest.raises(ValueError, match="output must be one of"):
        ResidualsDisplay.from_results(results, output=1)
    with pytest.raises(ValueError, match="labels must have one entry for each of the 60 rows"):
        ResidualsDisplay.from_results(results, labels=["a"])


def test_the_smooth_is_that_of_lowess():
    smoothers = pytest.importorskip("statsmodels.nonparametric.smoothers_lowess")
    rng = np.random.default_rng(0)
    x = np.sort(rng.normal(size=75))
    y = np.sin(2.0 * x) + 0.2 * rng.normal(size=75)
    y[10] += 5.0
    at, smooth = lowess(x, y)
    theirs = smoothers.lowess(y, x, frac=2.0 / 3.0, it=3)
    assert_allclose(at, theirs[:, 0])
    assert_allclose(smooth, theirs[:, 1], atol=1e-8)
    # Many rows: a line through 80 quantiles; few different values: none.
    assert len(lowess(rng.normal(size=500), rng.normal(size=500))[0]) == 80
    assert len(lowess(np.repeat([0.0, 1.0], 10), rng.normal(size=20))[0]) == 0
