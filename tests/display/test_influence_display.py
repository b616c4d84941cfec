"""Influence of rows: what is drawn is what the inference says, and the right rows are named."""

import matplotlib as mpl
import numpy as np
import pytest
from inference_cases import net, regression, several, three
from numpy.testing import assert_allclose

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor
from sknewtonnet.display import InfluenceDisplay

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
    y = y.copy()
    y[31] += 4.0
    return net(alpha=0.1, n_init=1).fit(X, y).inference(X, y)


def points(display):
    return np.asarray(display.points_.get_offsets())


def test_bubbles_are_the_residuals_of_statsmodels_with_areas_by_cook(results):
    display, found = InfluenceDisplay.from_results(results), results.influence()
    expected = np.column_stack([found.hat_matrix_diag, found.resid_studentized_external])
    assert_allclose(points(display), expected)
    areas = display.points_.get_sizes() - 4.0
    assert_allclose(areas / areas.max(), found.cooks_distance / found.cooks_distance.max())
    named = {text.get_text() for text in display.row_labels_}
    by_leverage = np.argsort(-found.hat_matrix_diag)[:5]
    by_cook = np.argsort(-found.cooks_distance)[:5]
    assert named == {str(i) for i in (*by_leverage, *by_cook)}


@pytest.mark.parametrize("kind", ["cooks_distance", "leverage"])
def test_stems(results, kind):
    display, found = InfluenceDisplay.from_results(results, kind=kind), results.influence()
    expected = found.cooks_distance if kind == "cooks_distance" else found.hat_matrix_diag
    assert_allclose(points(display)[:, 1], expected)
    ends = np.array([segment[:, 1] for segment in display.stems_.get_segments()])
    assert_allclose(ends, np.column_stack([np.zeros_like(expected), expected]))
    order = np.argsort(-expected)[:5]
    assert [text.get_text() for text in display.row_labels_] == [str(i) for i in order]
    assert_allclose([text.xy for text in display.row_labels_], points(display)[order])


def test_strips_of_changes(results):
    display, found = InfluenceDisplay.from_results(results, kind="dfbetas"), results.influence()
    drawn = points(display)
    names = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert names == found.names
    for j in range(len(names)):
        assert_allclose(drawn[drawn[:, 1] == j, 0], found.dfbetas[:, j])
    row, parameter = np.unravel_index(np.abs(found.dfbetas).argmax(), found.dfbetas.shape)
    assert display.row_labels_[0].get_text() == str(row) == "31"
    assert_allclose(display.row_labels_[0].xy, (found.dfbetas[row, parameter], parameter))


def test_of_many_parameters_those_that_change_most_have_a_strip():
    rng = np.random.default_rng(0)
    changes = rng.normal(size=(20, 60))
    changes[3, 40] = 9.0
    changes[:, 7] = 0.0
    display = InfluenceDisplay(
        leverages=np.full(20, 0.1),
        cooks_distance=np.full(20, 0.1),
        residuals=np.zeros(20),
        dfbetas=changes,
        parameter_names=[f"w{j}" for j in range(60)],
        n_effective=2.0,
        labels=np.arange(20),
    ).plot(kind="dfbetas")
    names = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert len(names) == 50
    assert {"w40", "w7"} & set(names) == {"w40"}
    assert "10 with less change left out" in display.ax_.get_ylabel()
    assert display.row_labels_[0].get_text() == "3"


def test_rows_are_named_by_the_index_of_the_table():
    X, y = regression()
    frame = pd.DataFrame(X, index=pd.date_range("2020-01-01", periods=len(X)).strftime("%d %b"))
    frame.columns = list("abc")
    model = NewtonMLPRegressor((), alpha=0.0).fit(frame, y)
    display = InfluenceDisplay.from_estimator(model, frame, y, kind="leverage", n_labels=1)
    most = model.inference(frame, y).influence().hat_matrix_diag.argmax()
    assert [text.get_text() for text in display.row_labels_] == [frame.index[most]]


def test_outputs_and_classes():
    X, Y = several()
    results = NewtonMLPRegressor((1,), alpha=1.0, n_init=1, random_state=0).fit(X, Y)
    results = results.inference(X, Y)
    display = InfluenceDisplay.from_results(results, output="y1")
    assert_allclose(points(display)[:, 1], results.influence().resid_studentized[:, 1])
    X, y = three()
    results = NewtonMLPClassifier((1,), alpha=1.0, random_state=0).fit(X, y).inference(X, y)
    display = InfluenceDisplay.from_results(results)
    assert display.ax_.get_ylabel() == "deviance residual"
    assert_allclose(points(display)[:, 1], results.resid_deviance)


def test_what_is_wrong_is_said(results):
    with pytest.raises(ValueError, match="kind must be one of"):
        InfluenceDisplay.from_results(results, kind="hat")
    with pytest.raises(ValueError, match="labels must have one entry"):
        InfluenceDisplay.from_results(results, labels=[1, 2])
    with pytest.raises(ValueError, match="output"):
        InfluenceDisplay.from_results(results, output="z")
