"""Eigenvalues as pictures: ranks, signs, zeros, densities, and runs."""

import matplotlib as mpl
import numpy as np
import pytest
from curvature_displays import regression_net
from numpy.testing import assert_allclose, assert_array_equal

from sknewtonnet.calculus import Network, Objective
from sknewtonnet.display import SpectrumDisplay
from sknewtonnet.inspection import SpectrumPath, spectrum
from sknewtonnet.solvers import get_solver

mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def saddle():
    """An objective at a point with eigenvalues of both signs."""
    X = np.linspace(-2.0, 2.0, 40)[:, None]
    f = Objective(Network.mlp(1, (2,), 1), "squared_error", X, np.sin(2.5 * X), alpha=0.1)
    return f, np.array([0.5, 0.5, 0.0, 0.0, 0.5, 0.5, 0.0])


def drawn(lines):
    """Ranks and eigenvalues of all markers, in the order of ranks."""
    points = np.concatenate([np.c_[line.get_data()] for line in lines])
    return points[np.argsort(points[:, 0])].T


def test_eigenvalues_are_those_of_the_matrices_in_decreasing_order():
    f, w = saddle()
    kinds = ("exact", "gauss-newton", "block", "lagrangian")
    display = SpectrumDisplay.from_objective(f, w, kinds=kinds)
    for kind, lines in zip(kinds, display.points_.values(), strict=True):
        values = np.linalg.eigvalsh(f.hessian(w, kind))[::-1]
        ranks, heights = drawn(lines)
        assert_array_equal(ranks, np.arange(1, 8))
        assert_allclose(heights, values, rtol=1e-9, atol=1e-12)


def test_signs_are_told_by_markers_and_by_the_axis():
    f, w = saddle()
    display = SpectrumDisplay.from_objective(f, w, kinds="exact", density=False)
    positive, negative, zero = display.points_["exact Hessian"]
    assert (positive.get_ydata() > 0).all()
    assert len(negative.get_ydata()) == (np.linalg.eigvalsh(f.hessian(w)) < 0).sum() == 4
    assert (negative.get_ydata() < 0).all()
    assert negative.get_markerfacecolor() == "white" != positive.get_markerfacecolor()
    assert not len(zero.get_ydata())
    assert display.axes_[0, 0].get_yscale() == "symlog"
    texts = [text.get_text() for text in display.axes_[0, 0].get_legend().get_texts()]
    assert texts == ["exact Hessian", "negative (hollow)"]


def test_zeros_are_crosses_at_the_rounding_error():
    found = spectrum(np.diag([4.0, 1.0, 0.0]))
    display = SpectrumDisplay.from_results(found, density=False)
    positive, negative, zero = display.points_["matrix"]
    assert_array_equal(positive.get_data(), [[1, 2], [4.0, 1.0]])
    assert not len(negative.get_xdata())
    assert_array_equal(zero.get_data(), [[3], [found.noise]])
    assert zero.get_marker() == "x"
    assert display.axes_[0, 0].get_yscale() == "log"


def test_from_products_both_ends_have_their_ranks():
    values = np.arange(1.0, 41.0)
    found = spectrum(np.diag(values), method="lanczos", n_extremes=3, n_steps=20)
    display = SpectrumDisplay.from_results({"A": found})
    ranks, heights = drawn(display.points_["A"])
    assert_array_equal(ranks, [1, 2, 3, 38, 39, 40])
    assert_allclose(heights, [40, 39, 38, 3, 2, 1], rtol=1e-6)


def test_densities_are_those_of_the_inspection():
    found = spectrum(np.diag(np.arange(1.0, 41.0)), method="lanczos", n_steps=10)
    display = SpectrumDisplay.from_results(found.density)
    line, band = display.lines_["density"], display.bands_["density"]
    assert_array_equal(line.get_data(), [found.density.grid, found.density.values])
    upper = (found.density.values + 2.0 * found.density.errors).max()
    assert_allclose(band.get_paths()[0].vertices[:, 1].max(), upper)
    assert display.axes_.shape == (1, 1)
    known = SpectrumDisplay.from_results(spectrum(np.diag([1.0, 2.0, 4.0])))
    assert not known.bands_


def test_a_path_has_both_ends_and_its_saddles():
    f, w = saddle()
    stuck = get_solver("l-bfgs-b").minimize(f, w).params
    path = SpectrumPath(f, stuck)
    get_solver("newton").minimize(f, stuck, path)
    display = SpectrumDisplay.from_results(path)
    highest, lowest = display.paths_["run"]
    assert_array_equal(highest.get_ydata(), [point.highest for point in path.points])
    assert_array_equal(lowest.get_ydata(), [point.lowest for point in path.points])
    saddles = [point.n_iter for point in path.saddles]
    assert saddles
    assert_array_equal(
        display.extremes["run"].iterations[display.extremes["run"].saddles], saddles
    )


def test_of_a_fit_on_standardised_columns():
    net, X, y = regression_net()
    found = spectrum(net, X, y, standardize=True)
    display = SpectrumDisplay.from_estimator(net, X, y)
    assert_allclose(drawn(display.points_["exact Hessian"])[1], found.eigenvalues[::-1])
    assert "standardised columns" in display.axes_[0, 0].get_ylabel()


def test_what_is_no_result_is_refused():
    f, w = saddle()
    with pytest.raises(
        TypeError, match="results must be Spectrum, SpectralDensity or SpectrumPath"
    ):
        SpectrumDisplay.from_results({"A": np.eye(2)})
    with pytest.raises(ValueError, match="at least one"):
        SpectrumDisplay.from_results({})
    with pytest.raises(ValueError, match="the path 'run' has no points"):
        SpectrumDisplay.from_results(SpectrumPath())
    with pytest.raises(ValueError, match=r"kinds must be one of \['exact', .*got 'fisher'"):
        SpectrumDisplay.from_objective(f, w, kinds="fisher")
    with pytest.raises(TypeError, match="SmoothFunction"):
        SpectrumDisplay.from_objective(np.eye(3), w)
