"""What users hand to displays: nets inside of pipelines, and the wrong things."""

import warnings

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sknewtonnet import BackwardPruning, NewtonMLPRegressor, display, pipeline_inference
from sknewtonnet.display import (
    CoefficientDisplay,
    ConvergenceDisplay,
    EffectDisplay,
    HessianDisplay,
    ImportanceDisplay,
    InfluenceDisplay,
    LossSurfaceDisplay,
    NetworkDisplay,
    ResidualsDisplay,
    SpectrumDisplay,
)

mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

rng = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "age": rng.uniform(20.0, 80.0, size=60),
        "weight": rng.normal(70.0, 10.0, size=60),
        "town": rng.choice(["north", "south"], size=60),
    }
)
NUMBERS = TABLE[["age", "weight"]]
Y = 0.1 * TABLE["age"] + rng.normal(size=60)
FITTED = NewtonMLPRegressor((1,), alpha=1.0, random_state=0).fit(NUMBERS, Y)
CURVATURES = {
    HessianDisplay: lambda shown: shown.matrices["exact"],
    SpectrumDisplay: lambda shown: next(iter(shown.eigenvalues.values())).values,
    LossSurfaceDisplay: lambda shown: shown.values,
}
STATISTICS = [
    CoefficientDisplay,
    EffectDisplay,
    ImportanceDisplay,
    InfluenceDisplay,
    ResidualsDisplay,
]


def net():
    return NewtonMLPRegressor((2,), alpha=1.0, random_state=0)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.mark.parametrize("cls", CURVATURES)
@pytest.mark.parametrize("around", ["pipeline", "target", "search", "pruning"])
def test_curvatures_behind_a_preprocessing_are_those_of_the_net(cls, around):
    scaler, target = StandardScaler().fit(NUMBERS), StandardScaler()
    Z, y = scaler.transform(NUMBERS), Y
    pipe = make_pipeline(StandardScaler(), net())
    if around == "pipeline":
        model = pipe.fit(NUMBERS, Y)
        inner = model[-1]
    elif around == "target":
        model = TransformedTargetRegressor(pipe, transformer=StandardScaler()).fit(NUMBERS, Y)
        inner, y = model.regressor_[-1], target.fit_transform(Y.to_frame())[:, 0]
    elif around == "search":
        model = GridSearchCV(pipe, {"newtonmlpregressor__alpha": [1.0]}, cv=2).fit(NUMBERS, Y)
        inner = model.best_estimator_[-1]
    else:
        model = BackwardPruning(pipe).fit(NUMBERS, Y)
        inner = model.estimator_[-1]
    options = {"n_points": 5} if cls is LossSurfaceDisplay else {}
    inside = cls.from_estimator(inner, Z, y, **options)
    shown = cls.from_estimator(model, NUMBERS, Y, **options)
    numbers = CURVATURES[cls]
    assert_allclose(numbers(shown), numbers(inside), rtol=1e-9, atol=1e-9)


def test_parameters_behind_steps_have_names_of_columns():
    pipe = make_pipeline(StandardScaler(), net()).fit(NUMBERS, Y)
    shown = HessianDisplay.from_estimator(pipe, NUMBERS, Y)
    assert shown.parameter_names[0] == "coefs_0[age, h0]"
    assert pipe[-1].parameter_names_[0] == "coefs_0[x0, h0]"  # the net stays as it is


def test_a_legend_and_slanted_names_leave_room_for_the_panels():
    table = TABLE.assign(town=rng.choice(["a rather long town", "another long town"], size=60))
    prepare = make_column_transformer((OneHotEncoder(), ["town"]), ("passthrough", ["age"]))
    one = NewtonMLPRegressor((1,), alpha=1.0, random_state=0)
    pipe = make_pipeline(prepare, one).fit(table, Y)
    shown = EffectDisplay.from_estimator(pipe, table, Y, n_points=5)
    shown.figure_.canvas.draw()
    for ax in shown.axes_.ravel():
        box = ax.get_window_extent()
        assert box.height > 0.55 * box.width


def test_the_way_of_a_net_in_a_pipeline():
    pipe = make_pipeline(StandardScaler(), net()).fit(NUMBERS, Y)
    shown = ConvergenceDisplay.from_estimator(pipe)
    assert list(shown.courses) == ["NewtonMLPRegressor"]
    among = ConvergenceDisplay.from_results({"scaled": pipe, "raw": FITTED})
    assert_allclose(among.courses["scaled"].values, pipe[-1].loss_curve_)


def test_fits_that_are_no_fits():
    with pytest.raises(NotFittedError):
        ConvergenceDisplay.from_estimator(net())
    with pytest.raises(TypeError, match=r'mapping of their labels: \{"one start": net'):
        ConvergenceDisplay.from_results([FITTED, FITTED])


def test_a_net_behind_steps_is_drawn_with_names_of_columns():
    prepare = make_column_transformer(
        (OneHotEncoder(), ["town"]), (StandardScaler(), ["age", "weight"])
    )
    pipe = make_pipeline(prepare, net()).fit(TABLE, Y)
    shown = NetworkDisplay.from_estimator(pipe)
    assert list(shown.names[0]) == ["town_north", "town_south", "age", "weight"]
    mixed = make_pipeline(StandardScaler(), PCA(), net()).fit(NUMBERS, Y)
    assert list(NetworkDisplay.from_estimator(mixed).names[0]) == ["pca0", "pca1"]
    bare = make_pipeline(StandardScaler(), net()).fit(NUMBERS.to_numpy(), Y)
    assert list(NetworkDisplay.from_estimator(bare).names[0]) == ["x0", "x1"]


@pytest.mark.parametrize("cls", [*STATISTICS, NetworkDisplay])
def test_results_that_are_something_else(cls):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = FITTED.inference(NUMBERS, Y)
    for wrong in (FITTED, make_pipeline(net()), results.tests, results.marginal_effects()):
        expected = f"results must be those of the inference.*got {type(wrong).__name__}; from_est"
        with pytest.raises(TypeError, match=expected):
            cls.from_results(wrong)


@pytest.mark.parametrize("name", sorted(set(display.__all__) - {"Display"}))
def test_estimators_that_are_something_else(name):
    cls = getattr(display, name)
    if not hasattr(cls, "from_estimator"):
        pytest.skip("takes results only")
    data = () if cls in (NetworkDisplay, ConvergenceDisplay) else (NUMBERS, Y)
    data = () if name in ("AlphaPathDisplay", "PruningPathDisplay") else data
    for wrong in (make_pipeline(StandardScaler(), Ridge()).fit(NUMBERS, Y), "net"):
        with pytest.raises(TypeError, match=rf"{name} draws .*got (Pipeline|Ridge|str)"):
            cls.from_estimator(wrong, *data)
    with pytest.raises((NotFittedError, TypeError)):
        cls.from_estimator(NewtonMLPRegressor(), *data)


def test_ensembles_are_no_single_net():
    bag = BaggingRegressor(net(), n_estimators=2, random_state=0).fit(NUMBERS, Y)
    for cls in (NetworkDisplay, ConvergenceDisplay):
        with pytest.raises(TypeError, match=r"got BaggingRegressor\.$"):
            cls.from_estimator(bag)
    with pytest.raises(ValueError, match=r"one fitted net.*got BaggingRegressor"):
        pipeline_inference(bag, NUMBERS, Y)


def test_names_in_the_place_of_data():
    with pytest.raises(TypeError, match=r"sample_weight must be an array.*got \['age'\].*keyword"):
        EffectDisplay.from_estimator(FITTED, NUMBERS, Y, ["age"])
    with pytest.raises(TypeError, match=r"y must be an array.*got \['age'\].*keyword"):
        EffectDisplay.from_estimator(FITTED, NUMBERS, ["age"])
    with pytest.raises(TypeError, match=r"sample_weight must be an array.*got 'parameters'"):
        CoefficientDisplay.from_estimator(FITTED, NUMBERS, Y, "parameters")


def test_warnings_point_to_the_line_of_the_user():
    large = NewtonMLPRegressor((5,), alpha=1.0, random_state=0)
    pipe = make_pipeline(StandardScaler(), large).fit(NUMBERS, Y)
    with pytest.warns(UserWarning, match="Inference:") as seen:
        ImportanceDisplay.from_estimator(pipe, NUMBERS, Y)
    assert seen[0].filename == __file__


def test_fits_by_formulas():
    pytest.importorskip("formulaic")
    from sknewtonnet.formula import fit_formula

    data = pd.DataFrame({"x": np.linspace(0.0, 1.0, 30), "town": list("abc") * 10})
    data["price"] = data["x"] + np.cos(np.arange(30.0))
    fit = fit_formula("price ~ x + town", data, NewtonMLPRegressor((), alpha=1.0))
    drawn = NetworkDisplay.from_estimator(fit)
    assert {"x", "town[T.b]", "price"} <= {
        text.get_text() for text in drawn.figure_.findobj(mpl.text.Text)
    }
    HessianDisplay.from_estimator(fit, data, data["price"])
    with pytest.raises(TypeError, match=r"EffectDisplay.from_results\(fit.inference\(data\)\)"):
        EffectDisplay.from_estimator(fit, data, data["price"])
    curve = EffectDisplay.from_results(fit.inference(data), ["x"])
    assert curve.ax_.get_ylabel() == "mean of price"
