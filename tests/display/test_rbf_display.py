"""Radial units over the data: ellipses match covariances, bumps the net, in the table's units."""

import matplotlib as mpl
import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknewtonnet import NewtonMLPRegressor, RBFNetClassifier, RBFNetRegressor
from sknewtonnet.display import RBFDisplay

mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

rng = np.random.default_rng(0)
X = rng.normal(size=(80, 3)) * [1.0, 10.0, 0.1] + [0.0, 50.0, 0.0]
Y = np.exp(-(X[:, 0] ** 2) - (X[:, 1] - 50.0) ** 2 / 100.0) + 0.1 * rng.normal(size=80)
QUICK = {"alpha": 0.1, "random_state": 0}


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def matrices(net):
    covariances, p = net.covariances_, net.n_features_in_
    if covariances.ndim == 3:
        return covariances
    return np.array([np.diag(np.broadcast_to(own, p)) for own in covariances])


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("kind", ["spherical", "diag", "full", "tied"])
def test_points_of_an_ellipse_have_their_mahalanobis_distance(kind, standardize):
    Z = X if standardize else X / [1.0, 10.0, 0.1]
    net = RBFNetRegressor(2, covariance_type=kind, standardize=standardize, **QUICK).fit(Z, Y)
    display = RBFDisplay.from_estimator(net, Z, features=[2, 0], distances=(1.0, 2.5))
    which = np.ix_([2, 0], [2, 0])
    for unit, lines in enumerate(display.lines_):
        precision = np.linalg.inv(matrices(net)[unit][which])
        for line, distance in zip(lines, (1.0, 2.5), strict=True):
            away = line.get_xydata() - net.centers_[unit, [2, 0]]
            assert_allclose(np.einsum("ni,ij,nj->n", away, precision, away), distance**2)
            assert (away.min(axis=0) < 0).all()  # all the way round
            assert (away.max(axis=0) > 0).all()


def test_a_unit_is_at_most_its_value_on_the_ellipse():
    """Whatever the third feature is; and reaches it somewhere."""
    net = RBFNetRegressor(1, covariance_type="full", **QUICK).fit(X, Y)
    display = RBFDisplay.from_estimator(net, X, distances=(1.5,))
    x0, x1 = display.lines_[0][0].get_xydata()[20]
    third = net.centers_[0, 2] + np.linspace(-8.0, 8.0, 4001) * np.sqrt(net.covariances_[0, 2, 2])
    rows = np.column_stack([np.full(4001, x0), np.full(4001, x1), third])
    values = (net.predict(rows) - net.intercepts_[0][0]) / net.coefs_[0][0, 0]
    assert_allclose(values.max(), np.exp(-(1.5**2) / 2.0), rtol=1e-5)


def test_bumps_add_up_to_the_predictions():
    net = RBFNetRegressor(3, **QUICK).fit(X[:, :1], Y)
    display = RBFDisplay.from_estimator(net, X[:, :1])
    bumps = [line.get_xydata() for (line,) in display.lines_]
    total = net.intercepts_[0][0] + sum(bump[:, 1] for bump in bumps)
    assert_allclose(total, net.predict(bumps[0][:, :1]), rtol=1e-10)
    tops = [mark.get_xydata()[0] for mark in display.centers_]
    assert_allclose(tops, np.column_stack([net.centers_, net.coefs_[0]]))
    assert "contribution to y" in display.ax_.get_ylabel()


def test_signs_and_sizes_of_coefficients_are_lines_and_marks():
    net = RBFNetRegressor(3, n_init=3, **QUICK).fit(X, Y - 0.5 * X[:, 0])
    coefficients = net.coefs_[0][:, 0]
    assert (coefficients > 0).any()
    assert (coefficients < 0).any()
    display = RBFDisplay.from_estimator(net, X)
    for coefficient, (line,), mark in zip(
        coefficients, display.lines_, display.centers_, strict=True
    ):
        assert line.get_linestyle() == ("-" if coefficient > 0 else "--")
        assert mark.get_marker() == ("+" if coefficient > 0 else "_")
    widths = [line.get_linewidth() for (line,) in display.lines_]
    assert (np.argsort(widths) == np.argsort(np.abs(coefficients))).all()


def test_coefficients_are_those_of_the_chosen_output():
    net = RBFNetRegressor(2, skip_connections="input-output", **QUICK).fit(X, np.c_[Y, -3.0 * Y])
    for output in ("y1", 1):
        display = RBFDisplay.from_estimator(net, X, output=output)
        assert_allclose(display.coefficients, net.coefs_[0][3:, 1])
    deep = RBFNetRegressor(2, hidden_layer_sizes=(2,), **QUICK).fit(X, Y)
    display = RBFDisplay.from_estimator(deep, X)
    assert display.coefficients is None
    assert {line.get_color() for (line,) in display.lines_} == {"black"}


def test_data_are_in_the_units_of_the_table():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["length (m)", "weight (kg)", "share"])
    net = RBFNetRegressor(2, **QUICK).fit(frame, Y)
    target = pd.Series(Y, name="yield (t)")
    display = RBFDisplay.from_estimator(net, frame, target, features=["share", "weight (kg)"])
    assert display.output_name == "yield (t)"
    assert_allclose(display.points_[0].get_offsets(), X[:, [2, 1]])
    assert_allclose(display.points_[0].get_array(), Y)
    assert display.ax_.get_xlabel() == "share"
    assert display.ax_.get_ylabel() == "weight (kg)"


def test_classes_have_marks_and_names():
    classes = np.array(["low", "middle", "high"])[np.digitize(X[:, 0], [-0.5, 0.5])]
    net = RBFNetClassifier(3, **QUICK).fit(X, classes)
    display = RBFDisplay.from_estimator(net, X, classes, output="low")
    assert [points.get_label() for points in display.points_] == ["high", "low", "middle"]
    for points in display.points_:
        assert_allclose(points.get_offsets(), X[classes == points.get_label(), :2])
    texts = [text.get_text() for text in display.legend_.get_texts()]
    assert {"high", "low", "middle"} <= set(texts)
    paths = {points.get_paths()[0].vertices.tobytes() for points in display.points_}
    assert len(paths) == 3  # marks differ, not the colours alone


def test_centres_outside_the_data_are_named_in_the_key():
    display = RBFDisplay(
        X=[[0.0], [1.0]],
        centers=[[0.5], [0.51], [75.0]],
        covariances=[[[0.1]]] * 3,
        coefficients=[1.0, 1.0, -2.0],
    ).plot()
    texts = [text.get_text() for text in display.legend_.get_texts()]
    assert "c2 outside, at 75" in texts
    assert [label.get_text() for label in display.labels_] == ["c0, c1"]  # they are one place
    assert display.ax_.get_xlim()[1] < 2.0


def test_a_pipeline_is_drawn_in_the_columns_that_the_net_reads():
    pipe = make_pipeline(StandardScaler(), RBFNetRegressor(2, **QUICK)).fit(X, Y)
    display = RBFDisplay.from_estimator(pipe, X)
    assert_allclose(np.std(display.X, axis=0), 1.0)
    assert_allclose(display.centers, pipe[-1].centers_[:, :2])


def test_messages_name_what_is_wrong():
    net = RBFNetRegressor(2, **QUICK).fit(X, Y)
    with pytest.raises(NotFittedError):
        RBFDisplay.from_estimator(RBFNetRegressor(), X)
    with pytest.raises(TypeError, match="RBFNetClassifier, got NewtonMLPRegressor"):
        RBFDisplay.from_estimator(NewtonMLPRegressor((), **QUICK).fit(X, Y), X)
    with pytest.raises(ValueError, match="X has 2 features, but RBFNetRegressor is expecting 3"):
        RBFDisplay.from_estimator(net, X[:, :2])
    with pytest.raises(ValueError, match="features: there is no name 'x9'"):
        RBFDisplay.from_estimator(net, X, features=["x0", "x9"])
    for wrong in ([0, 1, 2], [1, 1], []):
        with pytest.raises(ValueError, match="features must be one or two different ones"):
            RBFDisplay.from_estimator(net, X, features=wrong)
    with pytest.raises(ValueError, match="positions below 3, got 3"):
        RBFDisplay.from_estimator(net, X, features=3)
    with pytest.raises(ValueError, match="output must be one of"):
        RBFDisplay.from_estimator(net, X, output=4)
    forms = RBFNetRegressor(2, covariance_type="quadratic", max_iter=3, **QUICK)
    with pytest.warns(match="max_iter|converge|egenerate"):
        forms.fit(X, Y)
    forms.__dict__.pop("covariances_", None)
    with pytest.raises(ValueError, match="have no ellipses: covariances_ does not exist"):
        RBFDisplay.from_estimator(forms, X)
