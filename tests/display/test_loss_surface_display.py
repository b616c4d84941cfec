"""Slices of an objective: its values, its quadratic model, and the directions of the plane."""

import matplotlib as mpl
import numpy as np
import pytest
from curvature_displays import regression_net
from numpy.testing import assert_allclose

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.calculus import Network, Objective, SmoothFunction
from sknewtonnet.display import LossSurfaceDisplay
from sknewtonnet.inspection import aligned
from sknewtonnet.solvers import get_solver

mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def minimum():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    f = Objective(Network.mlp(2, (2,), 1), "squared_error", X, np.tanh(X @ [1.0, -2.0]), alpha=0.1)
    return f, get_solver("newton", tol=1e-10).minimize(f, rng.normal(size=f.n_parameters)).params


def two_vectors(f, seed=1):
    return list(np.random.default_rng(seed).normal(size=(2, f.n_parameters)))


def test_values_are_those_of_the_objective_in_the_plane(minimum):
    f, w = minimum
    first, second = two_vectors(f)
    display = LossSurfaceDisplay.from_objective(
        f, w, directions=[first, second], reach=(0.5, 0.25), n_points=7
    )
    u = first / np.linalg.norm(first)
    v = second - (u @ second) * u
    v /= np.linalg.norm(v)
    a, b = display.coordinates
    assert_allclose(a, np.linspace(-0.5, 0.5, 7))
    assert_allclose(b, np.linspace(-0.25, 0.25, 7))
    expected = [[f.value(w + x * u + y * v) for x in a] for y in b]
    assert_allclose(display.values, expected)


def test_the_model_has_gradient_and_hessian_along_the_directions(minimum):
    f, w = minimum
    w = w + 0.1  # where there is a slope
    first, second = two_vectors(f)
    display = LossSurfaceDisplay.from_objective(
        f, w, directions=[first, second], reach=1.0, n_points=5
    )
    u, v = np.linalg.qr(np.column_stack([first, second]))[0].T
    u, v = u * np.sign(u @ first), v * np.sign(v @ second)
    plane = np.column_stack([u, v])
    assert_allclose(display.slope, plane.T @ f.gradient(w), rtol=1e-8)
    assert_allclose(display.curvature, plane.T @ f.hessian(w) @ plane, rtol=1e-8)
    s = plane @ [0.3, -0.2]
    known = f.value(w) + f.gradient(w) @ s + 0.5 * s @ f.hessian(w) @ s
    assert_allclose(display.model(np.array(0.3), np.array(-0.2)), known)


def test_contours_are_where_the_objective_has_the_value_of_their_label(minimum):
    f, w = minimum
    display = LossSurfaceDisplay.from_objective(f, w, n_points=61)
    H, model = display.curvature, display.model_
    for level, lines in zip(display.contours_.levels, display.contours_.allsegs, strict=True):
        assert lines
        plane = plane_of(f, w)
        values = [f.value(w + plane @ point) for point in np.concatenate(lines)]
        assert_allclose(values, level, rtol=0.02)
    for level, lines in zip(model.levels, model.allsegs, strict=True):
        points = np.concatenate(lines)
        rises = 0.5 * np.einsum("ij,jk,ik->i", points, H, points)
        assert_allclose(f.value(w) + rises, level, rtol=0.02)
    words = {float(text.get_text()) for text in display.contours_.labelTexts}
    assert words <= set(display.contours_.levels)


def plane_of(f, w):
    """The eigenvectors of both ends, largest entries positive."""
    vectors = np.linalg.eigh(f.hessian(w))[1][:, [0, -1]]
    largest = np.abs(vectors).argmax(axis=0)
    return vectors * np.sign(vectors[largest, [0, 1]])


def test_by_default_along_both_ends_of_the_spectrum(minimum):
    f, w = minimum
    display = LossSurfaceDisplay.from_objective(f, w, n_points=5)
    values = np.linalg.eigvalsh(f.hessian(w))
    assert_allclose(display.curvature, np.diag(values[[0, -1]]), atol=1e-8)
    assert display.words[0].startswith(f"distance along the lowest curvature, {values[0]:.3g}")
    assert list(display.points) == ["minimum"]
    twice = LossSurfaceDisplay.from_objective(f, w, directions=("lowest", "lowest"), n_points=5)
    assert_allclose(np.diagonal(twice.curvature), values[:2], rtol=1e-6)


def test_along_weights_by_name(minimum):
    f, w = minimum
    names = ["coefs_0[x1, h0]", "intercepts_1[y]"]
    display = LossSurfaceDisplay.from_objective(f, w, directions=names, n_points=5)
    where = [f.parameter_names().index(name) for name in names]
    assert_allclose(display.curvature, f.hessian(w)[np.ix_(where, where)], rtol=1e-10)
    assert display.ax_.get_xlabel() == "change of coefs_0[x1, h0]"


def test_towards_another_point(minimum):
    f, w = minimum
    other = w + two_vectors(f)[0]
    display = LossSurfaceDisplay.from_objective(f, w, towards={"there": other}, n_points=5)
    a, b = display.points["there"]
    assert_allclose([a, b], [np.linalg.norm(other - w), 0.0], atol=1e-12)
    plane = np.column_stack([(other - w) / a])
    assert_allclose(f.value(w + plane[:, 0] * a), f.value(other))
    assert display.coordinates[0][0] < 0.0
    assert display.coordinates[0][-1] > a
    drawn = [(line.get_xdata()[0], line.get_ydata()[0]) for line in display.points_]
    assert_allclose(drawn, list(display.points.values()))


def test_through_two_other_points(minimum):
    f, w = minimum
    first, second = (w + step for step in two_vectors(f))
    display = LossSurfaceDisplay.from_objective(
        f, w, towards={"A": first, "B": second}, n_points=5
    )
    u, middle = first - second, 0.5 * (first + second) - w
    u /= np.linalg.norm(u)
    v = middle - (u @ middle) * u
    v /= np.linalg.norm(v)
    for label, point in (("A", first), ("B", second)):
        a, b = display.points[label]
        assert_allclose(w + a * u + b * v, point)
    assert display.ax_.get_xlabel() == "distance along the line from B to A"


def test_nets_are_put_in_the_order_of_units_that_is_nearest():
    net, X, y = regression_net()
    objective = net.objective(X, y)
    network = objective.network
    arrays = network.layout.unpack(net.params_)
    for name, flipped in (("coefs_0", 1), ("intercepts_0", 0), ("coefs_1", 0)):
        arrays[name] = np.flip(arrays[name], axis=flipped)
    swapped = NewtonMLPRegressor(**net.get_params())
    swapped.params_ = network.layout.pack(arrays) + 0.1
    display = LossSurfaceDisplay.from_estimator(
        net, X, y, towards={"swapped": swapped}, standardize=False, n_points=5
    )
    distance = np.linalg.norm(aligned(network, swapped.params_, net.params_) - net.params_)
    assert_allclose(display.points["swapped"][0], distance)
    assert distance < 1.0


def test_of_a_fit_on_standardised_columns():
    net, X, y = regression_net()
    display = LossSurfaceDisplay.from_estimator(net, X, y, n_points=5)
    assert_allclose(display.value, net.loss_)
    assert_allclose(display.values[2, 2], net.loss_)
    assert display.words[0].endswith("(standardised columns)")


class Valley(SmoothFunction):
    """x^2 + y^2 / 2, not finite beyond x = 1."""

    n_parameters = 2

    def value(self, w):
        return np.inf if w[0] > 1.0 else float(w[0] ** 2 + 0.5 * w[1] ** 2)

    def gradient(self, w):
        return np.array([2.0, 1.0]) * w

    def hessian_product(self, w, v, kind="exact"):
        return (np.array([2.0, 1.0]) * np.asarray(v).T).T


def test_where_a_function_is_not_finite_there_is_nothing():
    display = LossSurfaceDisplay.from_objective(
        Valley(), np.zeros(2), directions=np.eye(2), reach=2.0, n_points=9
    )
    assert np.isinf(display.values).sum() == 9 * 2
    points = np.concatenate(
        [np.concatenate(lines) for lines in display.contours_.allsegs if lines]
    )
    assert points[:, 0].max() <= 1.0


def test_directions_that_make_no_plane_are_refused(minimum):
    f, w = minimum
    draw = LossSurfaceDisplay.from_objective
    with pytest.raises(ValueError, match=r"there is no direction 'low'; .*'lowest', 'highest'"):
        draw(f, w, directions=("low", "highest"))
    with pytest.raises(ValueError, match="parallel"):
        draw(f, w, directions=[np.ones(9), 2.0 * np.ones(9)])
    with pytest.raises(ValueError, match="must not be zero"):
        draw(f, w, towards={"itself": w})
    with pytest.raises(ValueError, match="directions must be two, got 'lowest'"):
        draw(f, w, directions="lowest")
    with pytest.raises(ValueError, match="one or two points"):
        draw(f, w, towards=dict.fromkeys("abc", w))
    with pytest.raises(ValueError, match="reach must be a positive number"):
        draw(f, w, reach=-1.0)
    with pytest.raises(ValueError, match="n_points must be an integer of at least 5"):
        draw(f, w, n_points=2)
