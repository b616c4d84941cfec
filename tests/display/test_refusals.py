"""What displays refuse: before anything is computed, by name, and with no figure left behind."""

import inspect
from functools import cache

import matplotlib as mpl
import numpy as np
import pytest
from curvature_displays import regression_net
from display_cases import DISPLAYS
from sklearn.linear_model import LinearRegression
from statistics_displays import regression_results

from sknewtonnet import NewtonMLPRegressor, RBFNetRegressor
from sknewtonnet import display as package

mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

CLASSES = [getattr(package, name) for name in package.__all__ if name != "Display"]
OF_DATA = [cls for cls in CLASSES if "X" in inspect.signature(cls.from_estimator).parameters]


@pytest.fixture(autouse=True)
def _closed():
    plt.close("all")
    yield
    plt.close("all")


@cache
def radial():
    _, X, y = regression_net()
    return RBFNetRegressor(2, alpha=0.1, random_state=0).fit(X, y), X, y


def draw(cls, estimator, **keywords):
    if cls in OF_DATA:
        return cls.from_estimator(estimator, *regression_net()[1:], **keywords)
    return cls.from_estimator(estimator, **keywords)


@pytest.mark.parametrize("wrong", [LinearRegression(), None, "net", NewtonMLPRegressor])
@pytest.mark.parametrize("cls", CLASSES)
def test_what_is_no_net_is_named(cls, wrong):
    with pytest.raises(TypeError, match=f"{cls.__name__} draws .*, got {type(wrong).__name__}"):
        draw(cls, wrong)


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("ax", ["figure", "array", "3d", "polar", 1])
def test_ax_is_one_pair_of_axes(cls, ax, monkeypatch):
    figure = plt.figure()
    given = {
        "figure": figure,
        "array": np.array([None]),
        "3d": figure.add_subplot(projection="3d"),
        "polar": figure.add_subplot(projection="polar"),
    }.get(ax, ax)
    name = next(name for name, make in DISPLAYS.items() if type(made(name)) is cls)
    plt.close("all")
    with pytest.raises(TypeError, match="ax must be one pair of axes"):
        made(name).plot(given)
    if cls in OF_DATA and cls.__name__ != "RBFDisplay":
        monkeypatch.setattr(NewtonMLPRegressor, "objective", None)  # nothing is computed
        monkeypatch.setattr(NewtonMLPRegressor, "inference", None)
        with pytest.raises(TypeError, match="ax must be one pair of axes"):
            draw(cls, regression_net()[0], ax=given)
    assert not plt.get_fignums()


@cache
def made(name):
    return DISPLAYS[name]()


@pytest.mark.parametrize("cls", [cls for cls in OF_DATA if cls.__name__ != "RBFDisplay"])
def test_unknown_keywords_are_found_before_anything_is_computed(cls, monkeypatch):
    monkeypatch.setattr(NewtonMLPRegressor, "objective", None)
    monkeypatch.setattr(NewtonMLPRegressor, "inference", None)
    with pytest.raises(TypeError, match=r"colour.*plot"):
        draw(cls, regression_net()[0], colour="red")
    assert not plt.get_fignums()


@pytest.mark.parametrize("name", DISPLAYS)
def test_no_figure_stays_open_where_matplotlib_refuses_a_keyword(name):
    display = made(name)
    plt.close("all")
    words = [
        word for word in inspect.signature(display.plot).parameters if word.endswith("_kwargs")
    ]
    assert words
    for word in words:
        try:
            display.plot(**{word: {"no_such_keyword": 1}})
        except (AttributeError, TypeError, ValueError, UserWarning):
            assert not plt.get_fignums()
        plt.close("all")


def test_panels_need_a_place_of_their_own():
    display = made("residuals")
    _, ax = plt.subplots()
    display.plot(ax)
    with pytest.raises(ValueError, match="ax must be empty axes"):
        display.plot(ax)
    free = plt.figure().add_axes((0.1, 0.1, 0.8, 0.8))
    with pytest.raises(ValueError, match="ax must be axes of a grid"):
        display.plot(free)
    assert free.axison


REFUSED = {
    "max_rows must be an integer": ("CoefficientDisplay", {"max_rows": 0}),
    "max_rows must": ("ImportanceDisplay", {"max_rows": "a"}),
    "sort must": ("CoefficientDisplay", {"sort": "x"}),
    "n_labels must": ("InfluenceDisplay", {"n_labels": 2.5}),
    "n_labels must be": ("ResidualsDisplay", {"n_labels": -1}),
    "level must be above": ("ResidualsDisplay", {"level": 1.5}),
    "level must": ("ImportanceDisplay", {"level": "a"}),
    "permutation must be what": ("ImportanceDisplay", {"permutation": {}}),
    "features must be one of": ("EffectDisplay", {"features": 7}),
    "names must be one of": ("CoefficientDisplay", {"names": [7]}),
    "1 to 60 panels, got 0": ("EffectDisplay", {"features": []}),
}


@pytest.mark.parametrize("message", REFUSED)
def test_arguments_of_statistics(message):
    name, keywords = REFUSED[message]
    with pytest.raises((TypeError, ValueError), match=message):
        getattr(package, name).from_results(regression_results(), **keywords)
    assert not plt.get_fignums()


OF_NETS = {
    "kinds must be one of": ("HessianDisplay", {"kinds": 3}),
    "kinds must be": ("SpectrumDisplay", {"kinds": [None]}),
    "directions must be two": ("LossSurfaceDisplay", {"directions": None}),
    "towards must be a mapping": ("LossSurfaceDisplay", {"towards": [1, 2]}),
    "reach must be": ("LossSurfaceDisplay", {"reach": (1, 2, 3)}),
    "levels must be finite": ("LossSurfaceDisplay", {"levels": [np.nan], "n_points": 5}),
    "levels must": ("LossSurfaceDisplay", {"levels": [], "n_points": 5}),
    "max_units must": ("NetworkDisplay", {"max_units": 0}),
    "max_edges must": ("NetworkDisplay", {"max_edges": -1}),
    "largest must": ("NetworkDisplay", {"largest": "a"}),
    "minimum must be finite": ("ConvergenceDisplay", {"minimum": np.nan}),
    "minimum must be one of": ("ConvergenceDisplay", {"minimum": True}),
}


@pytest.mark.parametrize("message", OF_NETS)
def test_arguments_of_pictures_of_nets(message):
    name, keywords = OF_NETS[message]
    with pytest.raises((TypeError, ValueError), match=message):
        draw(getattr(package, name), regression_net()[0], **keywords)
    assert not plt.get_fignums()


def test_records_are_named():
    wrong = LinearRegression()
    for call in (
        package.PruningPathDisplay.from_path,
        package.AlphaPathDisplay.from_selection,
        package.NetworkDisplay.from_results,
        package.EffectDisplay.from_results,
        package.SpectrumDisplay.from_results,
    ):
        with pytest.raises(TypeError, match=r"must be .*LinearRegression"):
            call(wrong)
    with pytest.raises(TypeError, match="what ends in one, such as a Pipeline"):
        package.ConvergenceDisplay.from_results({"a": wrong})
    with pytest.raises(ValueError, match="values of 'a' must have a finite one"):
        package.ConvergenceDisplay.from_results({"a": {"values": [np.nan]}})
    with pytest.raises(ValueError, match="distances must be positive"):
        package.RBFDisplay.from_estimator(*radial(), distances=-1.0)


def test_features_may_be_positions():
    results = regression_results()
    display = package.EffectDisplay.from_results(results, [1], n_points=4)
    assert display.effects[0].feature == results.feature_names[1]
    display = package.CoefficientDisplay.from_results(results, names=[1])
    assert list(display.names) == [results.feature_names[1]]


def test_columns_that_are_numbers_have_the_names_of_the_fit():
    pd = pytest.importorskip("pandas")
    _, X, y = regression_net()
    table = pd.DataFrame(X)
    net = NewtonMLPRegressor((1,), alpha=0.01, random_state=0).fit(table, y)
    shares = {"importances_mean": np.array([1.0, 3.0]), "importances_std": np.zeros(2)}
    display = package.ImportanceDisplay.from_estimator(net, table, y, permutation=shares)
    np.testing.assert_allclose(display.permutation, [0.25, 0.75])
