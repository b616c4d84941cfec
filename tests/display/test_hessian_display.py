"""Matrices of second derivatives: the numbers of the images, and what frames and names them."""

from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest
from curvature_displays import regression_net
from numpy.testing import assert_allclose

from sknewtonnet.calculus import Network, Objective, convolution
from sknewtonnet.calculus.pieces.function import HESSIAN_KINDS
from sknewtonnet.display import HessianDisplay
from sknewtonnet.display._hessian import Group

mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def objective(**keywords):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(30, 3)) * [1.0, 10.0, 0.1], rng.normal(size=(30, 2))
    network = Network.mlp(3, (4, 2), 2, feature_names=["age", "bmi", "s5"], **keywords)
    f = Objective(network, "squared_error", X, Y, alpha=0.3)
    return f, rng.normal(size=f.n_parameters)


@pytest.mark.parametrize("mask", [None, {"coefs_0[age, h1_0]": False, "coefs_1": False}])
def test_images_are_the_matrices_in_the_order_of_units(mask):
    f, w = objective(connectivity=mask)
    display = HessianDisplay.from_objective(f, w)
    names = f.parameter_names()
    order = [names.index(name) for name in display.parameter_names]
    assert sorted(order) == list(range(f.n_parameters))
    assert list(display.images_) == list(HESSIAN_KINDS)
    for kind, image in display.images_.items():
        assert_allclose(np.asarray(image.get_array()), f.hessian(w, kind)[np.ix_(order, order)])


def test_squares_are_the_blocks_of_units():
    f, w = objective()
    display = HessianDisplay.from_objective(f, w, kinds="block")
    assert [unit.name for unit in display.units] == [
        *["h1_0", "h1_1", "h1_2", "h1_3"], *["h2_0", "h2_1"], *["y0", "y1"]
    ]  # fmt: skip
    assert [layer[1:] for layer in display.layers] == [(0, 16), (16, 26), (26, 32)]
    inside = np.zeros((32, 32), dtype=bool)
    for (_, start, stop), square in zip(
        display.units, display.outlines_[0].get_segments(), strict=True
    ):
        assert square.min() == start - 0.5
        assert square.max() == stop - 0.5
        inside[start:stop, start:stop] = True
    image = np.asarray(display.images_["block"].get_array())
    assert not image[~inside].any()
    assert (image[inside] != 0.0).mean() > 0.9


def test_scaled_entries_have_no_units():
    f, w = objective()
    H = f.hessian(w)
    scaled = HessianDisplay.from_objective(f, w, kinds=["gauss-newton"], scaled=True)
    order = [f.parameter_names().index(name) for name in scaled.parameter_names]
    h = np.sqrt(np.abs(np.diagonal(H)))
    G = f.hessian(w, "gauss-newton") / np.multiply.outer(h, h)
    assert_allclose(
        np.asarray(scaled.images_["gauss-newton"].get_array()), G[np.ix_(order, order)]
    )


def test_of_a_fit_the_units_of_the_table_do_not_matter():
    net, X, y = regression_net()
    display = HessianDisplay.from_estimator(net, X, y)
    image = np.asarray(display.images_["exact"].get_array())
    assert_allclose(np.diagonal(image), 1.0)
    again = type(net)(**net.get_params()).fit(X * [10.0, 1e3], y)
    other = HessianDisplay.from_estimator(again, X * [10.0, 1e3], y, kinds=("exact",))
    assert_allclose(np.asarray(other.images_["exact"].get_array()), image, atol=1e-5)


def test_of_rows_in_blocks():
    net, X, y = regression_net()
    whole = HessianDisplay.from_estimator(net, X, y, kinds="exact")
    blocks = [(X[:25], y[:25]), (X[25:], y[25:])]
    display = HessianDisplay.from_estimator(net, blocks, kinds="exact")
    assert_allclose(display.matrices["exact"], whole.matrices["exact"], atol=1e-10)


def test_titles_say_how_far_approximations_are_off():
    f, w = objective()
    display = HessianDisplay.from_objective(f, w, kinds=("exact", "block"))
    H, B = f.hessian(w), f.hessian(w, "block")
    off = 100.0 * np.linalg.norm(B - H) / np.linalg.norm(H)
    titles = [ax.get_title() for ax in display.axes_.ravel()]
    assert titles == ["exact Hessian", f"blocks of units\n{off:.2g} % off"]


def test_all_panels_share_one_scale_of_colours():
    f, w = objective()
    display = HessianDisplay.from_objective(f, w)
    norms = {id(image.norm) for image in display.images_.values()}
    assert len(norms) == 1
    norm = display.images_["exact"].norm
    assert norm.vmax == -norm.vmin == max(abs(A).max() for A in display.matrices.values())
    assert display.colorbar_.norm is norm


def test_negative_entries_have_a_mark_where_there_is_room():
    f = Objective(Network.mlp(1, 2, 1), "squared_error", [[-1.0], [1.0]], [0.0, 2.0])
    display = HessianDisplay.from_objective(f, np.linspace(-1.0, 1.0, 7), kinds="exact")
    image = display.matrices["exact"]
    marked = {tuple(place) for place in display.signs_[0].get_offsets().astype(int)}
    limit = display.images_["exact"].norm.linthresh
    assert marked == {(q, p) for p, q in zip(*np.nonzero(image < -limit), strict=True)}
    assert len(marked) > 2


def test_shared_parameters_are_with_the_first_of_their_units():
    connectivity, tied = convolution(6, 3)
    network = Network.mlp(6, 4, 1, connectivity=connectivity, tied=tied)
    rng = np.random.default_rng(0)
    f = Objective(network, "squared_error", rng.normal(size=(9, 6)), rng.normal(size=9))
    display = HessianDisplay.from_objective(f, np.ones(f.n_parameters), kinds="exact")
    assert [unit.name for unit in display.units] == ["h0", "y"]
    assert sorted(display.parameter_names) == sorted(f.parameter_names())


def test_kinds_that_a_function_lacks_are_refused_with_those_it_has():
    f, w = objective()
    known = r"\['exact', 'block', 'lagrangian', 'gauss-newton'\]"
    with pytest.raises(ValueError, match=rf"kinds must be one of {known}, got 'fisher'"):
        HessianDisplay.from_objective(f, w, kinds=("exact", "fisher"))
    with pytest.raises(ValueError, match=rf"kinds must name at least one of {known}, got \(\)"):
        HessianDisplay.from_objective(f, w, kinds=())
    with pytest.raises(ValueError, match="params must have shape"):
        HessianDisplay.from_objective(f, w[:-1])
    with pytest.raises(TypeError, match="SmoothFunction"):
        HessianDisplay.from_objective(np.eye(3), w)


def test_large_matrices_are_refused_before_they_are_formed():
    network = Network.mlp(2000, 1000, 1)
    f = Objective(network, "squared_error", np.zeros((2, 2000)), np.zeros(2))
    with pytest.raises(MemoryError, match=r"2002001 parameters.*products"):
        HessianDisplay.from_objective(f, np.zeros(f.n_parameters))


def test_numbers_of_the_key_are_apart_and_percents_have_no_powers():
    figure, ax = plt.subplots(1, 3, figsize=(6.0, 3.0), layout="constrained")
    size = 4
    matrix = np.diag([1.0, 0.1, -0.01, -1.0])
    whole = Group("all", 0, size)
    display = HessianDisplay(
        matrices={"exact": matrix, "block": 2.001 * matrix, "lagrangian": 1.05 * matrix},
        parameter_names=list("abcd"),
        layers=[whole],
        units=[whole],
    ).plot(ax[0], decades=4)
    titles = [panel.get_title() for panel in display.axes_.ravel()]
    assert titles[1].endswith("100 % off")
    assert titles[2].endswith("5 % off")
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in display.colorbar_.ax.get_xticklabels()]
    assert len(boxes) >= 3
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes))
