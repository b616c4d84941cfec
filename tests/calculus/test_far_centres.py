"""Derivatives of radial nets whose centres are many widths apart: 1e-13 of the largest entry.

A layer of Gaussian units that reads the input is linear in monomials of it; where centres are far
apart, the terms of that form cancel. Against automatic differentiation by dual numbers, which
knows no monomials, and against differences in decimal arithmetic of 70 digits.
"""

from decimal import Decimal, localcontext
from itertools import combinations_with_replacement

import numpy as np
import pytest
from cases import KINDS, PRODUCTS
from lagrangian_oracle import at_fixed_states
from oracle_layers import COVARIANCE_TYPES
from oracles import Oracle, Problem

from sknewtonnet.calculus import GaussianRBF, Network, Objective
from sknewtonnet.calculus.pieces import gaussian_at_point as module

ACCURACY = 1e-13
each_covariance = pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
each_distance = pytest.mark.parametrize("widths", [1, 50, 150, 500])


def assert_exact(found, expected):
    """All entries within 1e-13 of the largest one."""
    gap = np.abs(np.asarray(found) - expected).max() / np.abs(expected).max()
    assert gap < ACCURACY, f"off by {gap:.1e} of the largest entry"


def drawn(widths, covariance_type, rng, n_units=4, n_samples=24):
    """Centres on a line of so many widths, and samples around them."""
    form = GaussianRBF((0,), 1, covariance_type).form
    sigma = 3.0
    places = np.linspace(-0.5, 0.5, n_units)[:, None] * widths * sigma
    centers = places * [0.8, -0.6] + 0.3 * sigma * rng.normal(size=(n_units, 2))
    free = form.round_units(np.full(n_units, -np.log(sigma)), 2)
    free = free + 0.1 * rng.normal(size=free.shape)
    X = np.resize(centers, (n_samples, 2)) + sigma * rng.normal(size=(n_samples, 2))
    return {"centers": centers, "precisions_cholesky": form.array(free, 2)}, X


def problem(net, kinds, skip, X, rng, loss="squared_error"):
    """An objective with weights, several outputs and a penalty, and the same as plain data."""
    Y, weight = rng.normal(size=(len(X), net.n_outputs)), rng.uniform(0.2, 2.0, len(X))
    names = [name for name in net.layout.shapes if name.startswith("coefs")]
    shapes = net.layout.shapes
    penalty = {name: np.full(shapes[name], 0.3) for name in names}
    activations = tuple("squared_exponential" if k != "linear" else "tanh" for k in kinds[:-1])
    sizes = net.node_sizes
    plain = Problem(sizes, activations, skip, kinds, loss, X, Y, weight, penalty)
    return Objective(net, loss, X, Y, weight, 0.3), plain


NETS = {  # hidden layers after the radial one, and skip connections
    "plain": ((), False),
    "hidden": ((3,), False),
    "skips": ((2, 2), "all"),
}


@each_distance
@each_covariance
@pytest.mark.parametrize("kind", NETS)
def test_all_derivatives(covariance_type, widths, kind):
    """Value, gradient, all kinds of Hessians, and products."""
    hidden, skip = NETS[kind]
    rng = np.random.default_rng(widths)
    radial, X = drawn(widths, covariance_type, rng)
    net = Network.rbf(2, 4, 2, covariance_type, hidden, "tanh", skip)
    kinds = (covariance_type, *["linear"] * (len(hidden) + 1))
    f, plain = problem(net, kinds, skip, X, rng)
    start = net.layout.unpack(rng.normal(size=net.n_parameters))
    w = net.layout.pack(start | radial)
    reference = Oracle(plain, net.layout, w)
    v = rng.normal(size=(len(w), 2))
    exact = {
        "exact": reference.hessian,
        "gauss-newton": reference.gauss_newton,
        "lagrangian": at_fixed_states(reference, 2),
    }
    same = reference.neurons[:, None] == reference.neurons
    exact["block"] = np.where(same, reference.hessian, 0.0)
    assert_exact(f.value(w), reference.value)
    assert_exact(f.gradient(w), reference.gradient)
    for kind in KINDS:
        found = f.hessian(w, kind)
        assert_exact(found, exact[kind])
        np.testing.assert_array_equal(found, found.T)
    for kind in PRODUCTS:
        assert_exact(f.hessian_product(w, v, kind), exact[kind] @ v)


def decimal_value(index, w, X, Y, weight):
    """The objective of a radial net with one output, in decimal arithmetic."""
    at = {name: np.array(w, dtype=object)[places] for name, places in index.items()}
    total = Decimal(0)
    for x, y, s in zip(X, Y, weight, strict=True):
        raw = at["intercepts_0"][0]
        for center, free, coef in zip(*list(at.values())[:3], strict=True):
            d = [Decimal(float(a)) - c for a, c in zip(x, center, strict=True)]
            if np.ndim(free) == 2:  # U upper triangular, with logarithms on its diagonal
                v = [free[0, 0].exp() * d[0], free[0, 1] * d[0] + free[1, 1].exp() * d[1]]
            else:
                v = [rate.exp() * e for rate, e in zip(np.resize(free, 2), d, strict=True)]
            raw += coef[0] * (-sum(e * e for e in v) / 2).exp()
        total += Decimal(float(s)) * (raw - Decimal(float(y))) ** 2 / 2
    return total / sum(Decimal(float(s)) for s in weight)


def differences(function, w):
    """Gradient and Hessian by central differences with steps of 1e-20, in 70 digits."""
    with localcontext() as context:
        context.prec = 70
        h, point = Decimal("1e-20"), [Decimal(float(number)) for number in w]

        def moved(*steps):
            other = list(point)
            for number, step in steps:
                other[number] += step
            return function(other)

        P = range(len(w))
        gradient = [(moved((p, h)) - moved((p, -h))) / (2 * h) for p in P]
        full = np.zeros((len(w), len(w)))
        for p, q in combinations_with_replacement(P, 2):
            rise = moved((p, h), (q, h)) + moved((p, -h), (q, -h))
            fall = moved((p, h), (q, -h)) + moved((p, -h), (q, h))
            full[p, q] = full[q, p] = (rise - fall) / (4 * h * h)
        return np.array(gradient, dtype=float), full


@each_covariance
@pytest.mark.parametrize("widths", [10, 100])
def test_against_seventy_digits(covariance_type, widths):
    """One output and three samples around two centres."""
    rng = np.random.default_rng(widths)
    radial, X = drawn(widths, covariance_type, rng, n_units=2, n_samples=3)
    net = Network.rbf(2, 2, 1, covariance_type)
    Y, weight = rng.normal(size=(3, 1)), rng.uniform(0.5, 2.0, 3)
    f = Objective(net, "squared_error", X, Y, weight)
    w = net.layout.pack(net.layout.unpack(rng.normal(size=net.n_parameters)) | radial)
    index = {k: a.astype(int) for k, a in net.layout.unpack(np.arange(len(w))).items()}

    def value(at):
        return decimal_value(index, at, X, Y[:, 0], weight)

    gradient, hessian = differences(value, w)
    assert_exact(f.gradient(w), gradient)
    assert_exact(f.hessian(w), hessian)


@each_covariance
@pytest.mark.parametrize("far", [400.0, 1e80])
def test_an_outlier_in_one_chunk_alone(covariance_type, far):
    """Chunks whose samples suit one form of the layer beside chunks whose samples do not."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(24, 2))
    X[17, 0] = far
    net = Network.rbf(2, 3, 1, covariance_type, (2,))
    f, _ = problem(net, (covariance_type, "linear", "linear"), False, X, rng)
    w = 0.5 * rng.normal(size=net.n_parameters)
    by_chunks = Objective(net, "squared_error", X, f.targets, f.sample_weight, 0.3, chunk_size=6)
    for kind in KINDS:
        assert_exact(by_chunks.hessian(w, kind), f.hessian(w, kind))
    # Far away all units are 0 and stay so: as if the row had been put at another such place.
    other = X.copy()
    other[17] = 60.0
    nearer = Objective(net, "squared_error", other, f.targets, f.sample_weight, 0.3)
    assert_exact(by_chunks.hessian(w), nearer.hessian(w))
    assert_exact(by_chunks.gradient(w), nearer.gradient(w))


@each_covariance
def test_ordinary_tables_keep_the_fast_form(covariance_type):
    """Ten centres on standardised columns, with the width of the distance to neighbours."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5))
    layer = GaussianRBF((0,), 10, covariance_type)
    theta = layer.start(X.mean(axis=0), X.std(axis=0), np.random.RandomState(0))
    z = np.vstack([X.T, np.ones(200)])
    assert isinstance(layer.on_input(theta, z), module.LiftedAtPoint)
    theta[:5] *= 100.0
    assert isinstance(layer.on_input(theta, z), module.CentredAtPoint)


@each_covariance
@pytest.mark.parametrize("logarithm", [-1e3, -200.0, 90.0, 1e3])
def test_widths_of_all_sizes(covariance_type, logarithm):
    """Predictions and derivatives are finite, and no warning is raised."""
    rng = np.random.default_rng(0)
    net = Network.rbf(2, 3, 1, covariance_type)
    X, w = rng.normal(size=(12, 2)), rng.normal(size=net.n_parameters)
    arrays = net.layout.unpack(w)
    free = arrays["precisions_cholesky"]
    arrays["precisions_cholesky"] = np.where(free != 0.0, logarithm, 0.0)
    if covariance_type == "full":
        arrays["precisions_cholesky"][:, 0, 1] = 0.5
    w = net.layout.pack(arrays)
    assert np.isfinite(net.predict_raw(w, X)).all()
    f = Objective(net, "squared_error", X, rng.normal(size=(12, 1)))
    assert np.isfinite(f.hessian(w)).all()
