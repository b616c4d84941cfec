"""Numbers that are missing, infinite, or all the same: pictures of what is there, no warnings."""

import matplotlib as mpl
import numpy as np
import pytest

from sknewtonnet.display import (
    ConvergenceDisplay,
    InfluenceDisplay,
    LossSurfaceDisplay,
    NetworkDisplay,
    ResidualsDisplay,
)

mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")
N = 12
NUMBERS = np.random.default_rng(0).normal(size=N)
MISSING = np.full(N, np.nan)
SOME = np.where(np.arange(N) == 3, np.inf, NUMBERS)
FLAT = np.zeros(N)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.mark.parametrize("kind", ["bubble", "cooks_distance", "leverage", "dfbetas"])
@pytest.mark.parametrize("numbers", [MISSING, SOME, FLAT], ids=["missing", "infinite", "flat"])
def test_influence(kind, numbers):
    display = InfluenceDisplay(
        leverages=np.abs(numbers),
        cooks_distance=np.abs(numbers),
        residuals=numbers,
        dfbetas=np.column_stack([numbers, numbers]),
        parameter_names=["a", "b"],
        n_effective=2.0,
        labels=np.arange(N),
    ).plot(kind=kind)
    display.figure_.draw_without_rendering()
    sizes = display.points_.get_sizes()
    assert np.isfinite(sizes).all()


@pytest.mark.parametrize("numbers", [MISSING, SOME, FLAT], ids=["missing", "infinite", "flat"])
def test_residuals(numbers):
    display = ResidualsDisplay(
        fitted=np.abs(NUMBERS) * (np.arange(N) > 0),  # one mean is 0
        residuals=numbers,
        standardized=numbers,
        pearson=numbers,
        leverages=np.abs(numbers),
        cooks_distance=np.abs(numbers),
        n_parameters=2.0,
        labels=np.arange(N),
        residual_name="residual",
        fitted_name="fitted y",
        log_fitted=True,
    ).plot()
    display.figure_.draw_without_rendering()
    assert len(display.points_) == 4


def surface(values):
    return LossSurfaceDisplay(
        coordinates=(np.arange(5.0), np.arange(5.0)),
        values=values,
        value=1.0,
        slope=np.ones(2),
        curvature=np.eye(2),
        words=("a", "b"),
        points={"minimum": (0.0, 0.0)},
    ).plot()


def test_flat_surfaces_are_drawn_and_those_without_numbers_refused():
    surface(np.ones((5, 5))).figure_.draw_without_rendering()
    plt.close("all")
    with pytest.raises(ValueError, match="the function has none on this plane"):
        surface(np.full((5, 5), np.nan))
    assert not plt.get_fignums()


def test_nets_without_edges():
    nothing = np.zeros((0, 2), dtype=int)
    display = NetworkDisplay(names=[["a"], ["b"]], sources=nothing, targets=nothing, weights=[])
    assert len(display.plot().drawn_) == 0


def test_gradients_of_zero_have_a_place_on_the_axis():
    numbers = {"values": [2.0, 2.0], "gradient_norms": [0.0, 0.0]}
    display = ConvergenceDisplay.from_results({"a": numbers})
    display.figure_.draw_without_rendering()
    assert (display.lines_["a"][1].get_ydata() > 0.0).all()
