"""What a smooth function need not say, and what follows from what it says."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknewtonnet.calculus import Network, Objective, SmoothFunction
from sknewtonnet.calculus.functions.subspace import AffineObjective
from sknewtonnet.calculus.pieces.function import HESSIAN_KINDS, PRODUCT_KINDS, may_overflow

A = np.array([[2.0, 1.0, 0.0], [1.0, 3.0, -1.0], [0.0, -1.0, 5.0]])
W = np.array([0.3, -1.0, 2.0])


class First(SmoothFunction):
    """w'Aw / 2 without second derivatives."""

    n_parameters = 3

    def value(self, w):
        return 0.5 * float(w @ A @ w)

    def gradient(self, w):
        return A @ w


class WithMatrix(First):
    def hessian(self, w, kind="exact"):
        return A.copy()


class WithProducts(First):
    def hessian_product(self, w, v, kind="exact"):
        return A @ v


@pytest.mark.parametrize("cls", [WithMatrix, WithProducts])
def test_matrix_and_products_follow_from_each_other(cls):
    f = cls()
    assert f.has_second_derivatives()
    assert_allclose(f.hessian(W), A, rtol=1e-15)
    directions = np.arange(6.0).reshape(3, 2)
    assert_allclose(f.hessian_product(W, directions), A @ directions)
    assert_allclose(f.hessian_product(W, directions[:, 1]), A @ directions[:, 1])
    assert f.curvature(W, W) == pytest.approx(W @ A @ W)


def test_second_derivatives_that_are_not_there_are_missed_by_name():
    f = First()
    assert not f.has_second_derivatives()
    for ask in (f.hessian, lambda w: f.hessian_product(w, w), lambda w: f.curvature(w, w)):
        with pytest.raises(NotImplementedError, match="First has neither hessian nor hessian_pr"):
            ask(W)


def test_defaults():
    f = First()
    value, gradient = f.value_and_gradient(W)
    assert value == f.value(W)
    assert_array_equal(gradient, f.gradient(W))
    assert f.hessian_kinds == ("exact",)
    assert f.product_cost == 1
    assert f.invariant_directions().shape == (3, 0)
    assert f.reduced() is None


@pytest.mark.parametrize("missing", ["value", "gradient"])
def test_value_and_gradient_are_not_optional(missing):
    methods = {name: lambda self, w: w for name in ("value", "gradient") if name != missing}
    with pytest.raises(TypeError, match=missing):
        type("Half", (SmoothFunction,), methods)()


def test_functions_of_the_package():
    """They say which kinds they know, and what a product costs."""
    rng = np.random.default_rng(0)
    net = Network.mlp(2, (2,), 1)
    f = Objective(net, "squared_error", rng.normal(size=(9, 2)), rng.normal(size=9), alpha=1.0)
    part = AffineObjective(f, np.zeros(net.n_parameters), np.eye(net.n_parameters)[:, :3])
    half = AffineObjective(First(), np.zeros(3), np.eye(3)[:, :1])
    reduced = f.reduced()
    kinds = [g.hessian_kinds for g in (f, part, half, reduced)]
    assert kinds == [HESSIAN_KINDS, HESSIAN_KINDS, ("exact",), PRODUCT_KINDS]
    assert [g.product_cost for g in (f, part, half, reduced)] == [1, 1, 1, 2]
    assert [g.has_second_derivatives() for g in (f, part, half)] == [True, True, False]
    w = rng.normal(size=net.n_parameters)
    u = reduced.restrict(w)
    assert_array_equal(u, w[: reduced.n_parameters])
    assert_array_equal(reduced.restrict(reduced.expand(u)), u)


def test_buffers_of_numpy_are_small_in_passes_and_given_back():
    @may_overflow
    def passes(fails):
        if fails:
            raise ZeroDivisionError
        return np.getbufsize(), np.geterr()["over"]

    before = np.getbufsize()
    assert passes(False) == (64, "ignore") != (before, "ignore")
    with pytest.raises(ZeroDivisionError):
        passes(True)
    assert np.getbufsize() == before
