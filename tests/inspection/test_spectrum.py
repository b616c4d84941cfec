"""Spectra against explicit matrices: eigenvalues, condition numbers, steps, densities."""

import numpy as np
import pytest
from functions import Function
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from scipy.sparse.linalg import aslinearoperator
from sklearn.datasets import load_diabetes, load_iris

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor, RBFNetRegressor
from sknewtonnet.calculus import Network, Objective, convolution
from sknewtonnet.calculus.functions.standardization import on_standardized_columns
from sknewtonnet.inspection import SpectralDensity, _eigenvalues, spectrum
from sknewtonnet.solvers import Status, get_solver

KNOWN = np.r_[np.linspace(0.5, 9.0, 34), [-3.0, -2.0, 12.0, 14.0, 20.0, 31.0]]


def rotated(eigenvalues, seed=0):
    size = len(eigenvalues)
    Q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))
    return Q @ np.diag(eigenvalues) @ Q.T, Q


def hilbert(size):
    return 1.0 / (np.arange(size)[:, None] + np.arange(size) + 1.0)


def small_net(alpha=0.3):
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(40, 2)) * [1.0, 30.0] + 5.0, rng.normal(size=(40, 1))
    f = Objective(Network.mlp(2, (3,), 1), "squared_error", X, Y, rng.uniform(0, 2, 40), alpha)
    return f, 0.3 * rng.normal(size=f.n_parameters)


def complex_step_hessian(f, w, alpha):
    """By a gradient written down again, at complex parameters."""
    layout, X, Y, s = f.network.layout, f.samples, f.targets, f.sample_weight
    places = {name: at.astype(int) for name, at in layout.unpack(np.arange(len(w))).items()}

    def gradient(w):
        a = {name: w[place] for name, place in places.items()}
        z = np.tanh(X @ a["coefs_0"] + a["intercepts_0"])
        e = s[:, None] * (z @ a["coefs_1"] + a["intercepts_1"] - Y)
        d = (e @ a["coefs_1"].T) * (1.0 - z**2)
        found = np.empty(len(w), dtype=complex)
        found[places["coefs_0"]] = X.T @ d + alpha * a["coefs_0"]
        found[places["intercepts_0"]] = d.sum(axis=0)
        found[places["coefs_1"]] = z.T @ e + alpha * a["coefs_1"]
        found[places["intercepts_1"]] = e.sum(axis=0)
        return found / s.sum()

    steps = 1e-30j * np.eye(len(w))
    return np.array([gradient(w + step).imag / 1e-30 for step in steps])


# Eigenvalues --------------------------------------------------------------------------


def test_of_a_net_against_complex_steps():
    f, w = small_net()
    H = complex_step_hessian(f, w, 0.3)
    found = spectrum(f, w)
    assert_allclose(found.eigenvalues, np.linalg.eigvalsh(H), rtol=1e-10, atol=1e-12)
    assert_allclose(found.condition, np.linalg.cond(H), rtol=1e-8)
    d = 1.0 / np.sqrt(np.abs(np.diag(H)))
    assert_allclose(found.scaled_condition, np.linalg.cond(d[:, None] * H * d), rtol=1e-8)
    assert found.n_negative == (np.linalg.eigvalsh(H) < 0.0).sum() > 0
    assert_allclose(found.gradient_norm, np.linalg.norm(f.gradient(w)), rtol=1e-14)
    assert (found.method, found.kind, found.n_constant) == ("dense", "exact", 0)


@pytest.mark.parametrize("form", [np.asarray, csr_array, aslinearoperator, np.ndarray.tolist])
def test_of_a_matrix(form):
    A, Q = rotated(KNOWN)
    found = spectrum(form(0.5 * (A + A.T)))
    assert_allclose(found.eigenvalues, np.sort(KNOWN), rtol=1e-12)
    assert_allclose([found.lowest, found.highest], [-3.0, 31.0], rtol=1e-12)
    assert found.kind == "matrix"
    assert found.n_negative == 2
    lowest, second = found.directions("lowest", 2)
    assert_allclose([lowest.curvature, second.curvature], [-3.0, -2.0], rtol=1e-12)
    assert_allclose(np.abs(lowest.vector), np.abs(Q[:, 34]), rtol=1e-10)
    assert lowest.vector[np.abs(lowest.vector).argmax()] > 0.0
    assert_allclose(found.directions("highest")[0].curvature, 31.0)
    assert_allclose([way.curvature for way in found.directions("flattest", 1)], 0.5)


def test_lanczos_finds_both_ends():
    A, Q = rotated(KNOWN)
    found = spectrum(A, method="lanczos", n_extremes=3)
    assert found.method == "lanczos"
    assert found.converged
    assert_allclose(found.eigenvalues, [-3.0, -2.0, 0.5, 14.0, 20.0, 31.0], rtol=1e-10)
    assert np.isnan(found.condition)  # of both signs: the smallest one is not at an end
    assert_allclose(found.noise, 40 * np.finfo(float).eps * 31.0)
    highest = found.directions("highest", 1)[0]
    assert_allclose(np.abs(highest.vector), np.abs(Q[:, -1]), atol=1e-8)
    assert not found.directions("flattest")
    positive = spectrum(A + 4.0 * np.eye(40), method="lanczos")
    assert_allclose(positive.condition, 35.0, rtol=1e-10)


@pytest.mark.parametrize("kind", ["exact", "gauss-newton"])
def test_lanczos_and_dense_agree_on_a_net(kind):
    f, w = small_net()
    dense, products = (spectrum(f, w, kind=kind, method=m) for m in ("dense", "lanczos"))
    assert_allclose(products.eigenvalues[[0, -1]], dense.eigenvalues[[0, -1]], rtol=1e-9)
    H = f.hessian(w, kind)
    assert_allclose(dense.eigenvalues, np.linalg.eigvalsh(H), rtol=1e-9, atol=1e-12)
    if kind == "gauss-newton":
        assert_allclose(products.condition, dense.condition, rtol=1e-6)
        assert_allclose(products.standardized_condition, dense.standardized_condition, rtol=1e-6)


def test_products_alone_where_units_share_parameters(monkeypatch):
    """No Hessian is formed, not even for the diagonal, which is not known then."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(30, 6))
    connectivity, tied = convolution(6, width=3, n_filters=2)
    net = Network.mlp(6, 8, 1, connectivity=connectivity, tied=tied)
    f = Objective(net, "squared_error", X, X[:, :1] ** 2, alpha=0.5)
    w = rng.normal(size=f.n_parameters)
    dense = spectrum(f, w, n_extremes=2)

    def refuse(*args):
        raise MemoryError

    monkeypatch.setattr(Objective, "hessian", refuse)
    found = spectrum(f, w, method="lanczos", n_extremes=2)
    assert_allclose(found.eigenvalues[[0, -1]], dense.eigenvalues[[0, -1]], rtol=1e-6)
    assert np.isnan(found.scaled_condition)
    assert_allclose([found.lowest, found.highest], [dense.lowest, dense.highest], rtol=1e-6)


def test_auto_takes_products_above_the_limit(monkeypatch):
    f, w = small_net()
    assert spectrum(f, w).method == "dense"
    monkeypatch.setattr(_eigenvalues, "DENSE_LIMIT", 10)
    assert spectrum(f, w).method == "lanczos"
    assert spectrum(f, w, kind="block").method == "dense"
    assert spectrum(f, w, method="dense").method == "dense"


@pytest.mark.parametrize("kind", ["block", "lagrangian"])
def test_other_kinds(kind):
    f, w = small_net()
    found = spectrum(f, w, kind=kind)
    assert_allclose(found.eigenvalues, np.linalg.eigvalsh(f.hessian(w, kind)), atol=1e-12)
    with pytest.raises(ValueError, match="method='lanczos' needs products"):
        spectrum(f, w, kind=kind, method="lanczos")


def test_what_does_not_converge_is_told(monkeypatch):
    monkeypatch.setattr(_eigenvalues, "_RESTARTS", 1)
    A, _ = rotated(np.linspace(1.0, 2.0, 300))
    with pytest.warns(UserWarning, match="did not converge; .* inside"):
        found = spectrum(A, method="lanczos", n_steps=3)
    assert not found.converged
    assert 1.0 < found.lowest < found.highest < 2.0
    assert "not converged" in str(found)


# Condition numbers --------------------------------------------------------------------


def test_units_of_columns_make_the_condition():
    """A linear model in two units: known in closed form, and mended by standard columns."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(50, 1))
    z = (z - z.mean()) / z.std()
    X, Y = 100.0 + 7.0 * z, 3.0 * z + rng.normal(size=(50, 1))
    f = Objective(Network.mlp(1, (), 1), "squared_error", X, Y)
    found = spectrum(f, np.zeros(2))
    a, b = (X**2).mean(), X.mean()
    low, high = np.linalg.eigvalsh([[a, b], [b, 1.0]])
    assert_allclose(found.condition, high / low, rtol=1e-9)
    rho = abs(b) / np.sqrt(a)  # of the scaled matrix the eigenvalues are 1 - rho and 1 + rho
    assert_allclose(found.scaled_condition, (1.0 + rho) / (1.0 - rho), rtol=1e-9)
    assert_allclose(found.standardized_condition, 1.0, rtol=1e-12)


@pytest.mark.parametrize("method", ["dense", "lanczos"])
def test_standardised_columns_without_a_refit(method):
    """The same as the spectrum of the same net on the standardised table."""
    X, y = load_diabetes(return_X_y=True, scaled=False)
    X = X[:, [0, 2, 3]]
    Z, t = (X - X.mean(axis=0)) / X.std(axis=0), ((y - y.mean()) / y.std())[:, None]
    net = Network.mlp(3, (2,), 1)
    there = Objective(net, "squared_error", Z, t)
    v = np.random.default_rng(0).normal(size=net.n_parameters)
    here = Objective(net, "squared_error", X, y)
    mapped = on_standardized_columns(here)
    w = mapped.expand(v)
    assert_allclose(here.value(w), y.var() * there.value(v), rtol=1e-12)
    assert_allclose(mapped.gradient(v), y.var() * there.gradient(v), rtol=1e-9, atol=1e-9)
    assert_allclose(mapped.hessian(v), y.var() * there.hessian(v), rtol=1e-8, atol=1e-8)
    found, standard = (spectrum(f, p, method=method) for f, p in ((here, w), (there, v)))
    if method == "dense":
        assert_allclose(found.standardized_condition, standard.condition, rtol=1e-7)
        assert found.condition > 1e4 * standard.condition
    else:
        assert np.isnan(found.condition) == np.isnan(found.standardized_condition)


def test_of_the_parameters_on_standardised_columns():
    """They are those of the solver, up to the unit of the objective."""
    X, y = load_diabetes(return_X_y=True, scaled=False)
    net = NewtonMLPRegressor((2,), alpha=1.0, random_state=0).fit(X, y)
    found, raw = (spectrum(net, X, y, standardize=s) for s in (True, False))
    assert_allclose(found.condition, raw.standardized_condition, rtol=1e-6)
    assert found.standardized_condition == found.condition
    fit = net._on(X, y, None)
    inside = spectrum(fit.objective(), fit.params)
    assert_allclose(found.eigenvalues, fit.problem.factor * inside.eigenvalues, rtol=1e-6)
    assert found.directions()[0].words == inside.directions()[0].words
    with pytest.raises(ValueError, match="standardize=True needs the columns of a net"):
        spectrum(np.eye(3), standardize=True)


def test_of_fitted_nets():
    """The unit diagonal of inference and of the spectrum are one."""
    X, y = load_diabetes(return_X_y=True)
    X = X[:, :3]
    net = NewtonMLPRegressor((2,), alpha=1.0, standardize=False, random_state=0).fit(X, y)
    found, weight = spectrum(net, X, y), np.linspace(0.5, 2.0, len(y))
    results = net.inference(X, y)
    assert_allclose(found.scaled_condition, results.information.factor.condition, rtol=1e-6)
    assert found.lowest > 0.0
    assert found.directions()[0].names == tuple(net.parameter_names_)
    weighted = spectrum(net, X, y, weight, offset=1.0)
    H = net.objective(X, y, weight, offset=1.0).hessian(net.params_)
    assert_allclose(weighted.highest, np.linalg.eigvalsh(H)[-1], rtol=1e-12)
    standard = NewtonMLPRegressor((2,), alpha=1.0, random_state=0).fit(X, y)
    assert spectrum(standard, X, y).standardized_condition < 1e4


def test_of_a_radial_net():
    X, y = load_diabetes(return_X_y=True, scaled=False)
    X = X[:60, [0, 2]]
    net = RBFNetRegressor(2, alpha=1.0, covariance_type="diag", random_state=0).fit(X, y[:60])
    f = net.objective(X, y[:60])
    mapped = on_standardized_columns(f)
    v = mapped.restrict(net.params_)
    assert_allclose(mapped.expand(v), net.params_, rtol=1e-12)
    there = np.linalg.eigvalsh(mapped.hessian(v))
    found = spectrum(net, X, y[:60])
    assert_allclose(found.standardized_condition, there[-1] / there[0], rtol=1e-6)
    assert found.standardized_condition < found.condition


@pytest.mark.parametrize("method", ["dense", "lanczos"])
def test_shifts_of_a_softmax_do_not_count(method):
    X, y = load_iris(return_X_y=True)
    net = NewtonMLPClassifier((2,), alpha=1.0, standardize=False, random_state=0).fit(X, y)
    found = spectrum(net, X, y, method=method, n_extremes=2)
    H = net.objective(X, y).hessian(net.params_)
    every = np.linalg.eigvalsh(H)
    assert found.n_constant == 1
    assert abs(every[0]) < 1e-12 < 1e-6 < every[1]
    assert_allclose(found.eigenvalues[[0, -1]], every[[1, -1]], rtol=1e-8)
    assert_allclose(found.condition, every[-1] / every[1], rtol=1e-8)
    dense = spectrum(net, X, y)
    assert_allclose(found.scaled_condition, dense.scaled_condition, rtol=1e-6)
    assert_allclose(found.standardized_condition, dense.standardized_condition, rtol=1e-6)
    assert dense.scaled_condition < 0.9 * dense.condition
    assert dense.standardized_condition < 0.9 * dense.condition


@pytest.mark.parametrize("method", ["dense", "lanczos"])
def test_of_a_single_parameter(method):
    X, net = np.array([[1.0], [2.0], [4.0]]), {"intercepts_0": np.array([False])}
    f = Objective(Network.mlp(1, (), 1, connectivity=net), "squared_error", X, np.ones(3))
    found = spectrum(f, np.ones(1), method=method)
    assert_allclose(found.eigenvalues, [7.0])
    assert found.condition == found.scaled_condition == found.standardized_condition == 1.0
    assert str(found).startswith("Spectrum          exact Hessian, 1 parameter, dense")


def test_a_column_without_variation_has_no_condition():
    f = Objective(Network.mlp(1, (), 1), "squared_error", np.ones((3, 1)), np.arange(3.0))
    found = spectrum(f, np.ones(2))
    assert found.condition > 1e15
    assert found.standardized_condition > 1e15
    assert_allclose(np.abs(found.directions()[0].vector), np.sqrt(0.5))
    assert "Flattest" not in str(found)


def test_hilbert_matrices():
    for size in (3, 6, 9):
        found = spectrum(hilbert(size))
        assert_allclose(found.condition, np.linalg.cond(hilbert(size)), rtol=1e-3)
    assert spectrum(np.diag([1.0, 0.0])).condition == np.inf


# Steps --------------------------------------------------------------------------------


def quadratic_of(eigenvalues):
    A, _ = rotated(eigenvalues)
    return Function(
        len(A), lambda w: 0.5 * float((w - 1) @ A @ (w - 1)), lambda w: A @ (w - 1), lambda w: A
    )


def test_steps_of_gradient_descent():
    f = quadratic_of([0.1, 1.0, 4.0, 10.0])
    found = spectrum(f, np.zeros(4))
    assert_allclose(found.smallest_optimal_step, 0.1, rtol=1e-12)
    assert_allclose(found.largest_step, 0.2, rtol=1e-12)
    assert_allclose(found.best_step, 2.0 / 10.1, rtol=1e-12)
    rate, momentum = found.best_momentum
    assert_allclose([rate, momentum], [4.0 / (10.0**0.5 + 0.1**0.5) ** 2, (9.0 / 11.0) ** 2])

    def run(rate, momentum=0.0):
        options = {"learning_rate": rate, "momentum": momentum}
        return get_solver("gd", tol=1e-8, options=options).minimize(f, np.zeros(4))

    assert run(0.19).converged
    assert run(0.2001).status is not Status.CONVERGED
    best = run(found.best_step)
    assert best.n_iter < min(run(0.15).n_iter, run(0.1995).n_iter)
    assert run(rate, momentum).n_iter < 0.25 * best.n_iter
    # The factor of each step: (condition - 1) / (condition + 1).
    assert_allclose(best.history[-1] / best.history[-2], (99.0 / 101.0) ** 2, rtol=1e-3)


def test_no_steps_without_positive_curvature():
    found = spectrum(np.diag([-1.0, -2.0]))
    assert found.largest_step == found.smallest_optimal_step == np.inf
    assert np.isnan([found.best_step, *found.best_momentum]).all()
    assert found.n_negative == 2
    assert found.condition == 2.0


# Density ------------------------------------------------------------------------------


def test_moments_of_the_density_within_their_errors():
    A, _ = rotated(KNOWN)
    density = spectrum(A, method="lanczos", n_probes=30, n_steps=12).density
    for function, exact in (
        (lambda t: t, np.trace(A)),
        (np.square, np.trace(A @ A)),
        (lambda t: t**3, np.trace(A @ A @ A)),
    ):
        total, error = density.total(function)
        assert abs(total - exact) < 3.0 * error
        assert error < 0.2 * abs(exact)
    assert_allclose(density.weights.sum(axis=1), 1.0)
    assert density.nodes.shape == (30, 12)


def test_each_start_is_a_quadrature():
    """v'F(A)v exactly, for polynomials of degree 2 n_steps - 1."""
    A, _ = rotated(KNOWN)
    random = np.random.default_rng(7)
    found = SpectralDensity.from_products(
        lambda v: A @ v, np.empty((40, 0)), 2, 3, np.random.default_rng(7)
    )
    v = random.standard_normal((40, 1)).ravel()
    v /= np.linalg.norm(v)
    for power in range(6):
        exact = v @ np.linalg.matrix_power(A, power) @ v
        assert_allclose(found.weights[0] @ found.nodes[0] ** power, exact, rtol=1e-10)


def test_the_density_of_all_eigenvalues_is_exact():
    A, _ = rotated(KNOWN)
    density = spectrum(A).density
    assert_allclose(density.total(np.square), (np.trace(A @ A), 0.0), rtol=1e-12)
    step = density.grid[1] - density.grid[0]
    assert_allclose(density.values.sum() * step, 1.0, rtol=1e-3)
    assert not density.errors.any()
    wide, none = density.at(np.array([5.0]), 2.0)
    normal = np.exp(-0.5 * ((5.0 - KNOWN) / 2.0) ** 2) / (2.0 * np.sqrt(2.0 * np.pi))
    assert_allclose(wide, normal.mean(), rtol=1e-12)
    assert none == 0.0
    products = spectrum(A, method="lanczos", n_probes=40).density
    off = np.abs(products.at(density.grid, 2.0)[0] - density.at(density.grid, 2.0)[0])
    assert (off <= 4.0 * products.at(density.grid, 2.0)[1] + 1e-3).all()


def test_number_of_negative_eigenvalues():
    """All of them, or as many as there are at the ends; the density tells those far from 0."""
    A, _ = rotated(np.r_[-np.linspace(1.0, 5.0, 60), np.linspace(0.5, 9.0, 140)])
    found = spectrum(A, method="lanczos", n_probes=20)
    assert spectrum(A).n_negative == 60
    assert found.n_negative == 5
    assert "at least 5 negative" in str(found)
    part, error = found.density.total(lambda t: (t < 0.0).astype(float))
    assert abs(part - 60.0) < 4.0 * error < 20.0


def test_draws_are_those_of_the_seed():
    A, _ = rotated(KNOWN)
    first, again, other = (
        spectrum(A, method="lanczos", random_state=seed).density.nodes for seed in (3, 3, 4)
    )
    assert_array_equal(first, again)
    assert (first != other).any()


# What users see -----------------------------------------------------------------------


def test_words():
    f, w = small_net()
    found = spectrum(f, w)
    text = str(found)
    assert text.startswith("Spectrum          exact Hessian, 13 parameters, dense")
    assert "negative" in text
    assert f"stable below {found.largest_step:.3g}" in text
    assert found.directions("highest")[0].words in text
    assert repr(found).startswith("Spectrum of 13 parameters, lowest -")


def test_frame():
    pd = pytest.importorskip("pandas")
    f, w = small_net()
    found = spectrum(f, w)
    frame = found.to_frame(2)
    assert isinstance(frame, pd.DataFrame)
    highest = frame[(frame.which == "highest") & (frame.eigenvalue == found.highest)]
    assert dict(zip(highest.weight, highest.share, strict=True)) == {
        name: share
        for name, share in found.directions("highest")[0].shares().items()
        if share >= 0.01
    }
    assert_allclose(highest.entry**2, highest.share)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        (([[1.0, 2.0], [0.0, 1.0]],), {}, ValueError, "must be symmetric"),
        ((np.ones((2, 3)),), {}, ValueError, "must be square, got shape"),
        (([[np.nan]],), {}, ValueError, "must be finite"),
        (("net",), {}, TypeError, "model must be a SmoothFunction, a fitted net, or a matrix"),
        ((np.eye(2), np.ones(2)), {}, TypeError, "a matrix takes neither a point nor data"),
        ((np.eye(2),), {"method": "arpack"}, ValueError, "method must be"),
        ((np.eye(2),), {"kind": "block"}, ValueError, "kind must be"),
        ((np.eye(2),), {"n_probes": 1}, ValueError, "n_probes must be an integer of at least 2"),
        ((np.eye(2),), {"n_extremes": 0}, ValueError, "n_extremes must be"),
        ((np.eye(2),), {"n_steps": 2.5}, ValueError, "n_steps must be"),
    ],
)
def test_wrong_arguments(arguments, options, error, words):
    with pytest.raises(error, match=words):
        spectrum(*arguments, **options)


def test_wrong_arguments_of_functions_and_nets():
    f, w = small_net()
    with pytest.raises(TypeError, match="takes a point and no data"):
        spectrum(f)
    with pytest.raises(ValueError, match=r"w must have shape \(13,\), got \(12,\)"):
        spectrum(f, w[1:])
    with pytest.raises(TypeError, match="needs the data of its fit"):
        spectrum(NewtonMLPRegressor((2,)))
    with pytest.raises(ValueError, match="needs finite second derivatives"):
        spectrum(f, np.full(13, 1e200))
    with pytest.raises(ValueError, match="which must be"):
        spectrum(f, w).directions("steepest")


def test_a_dense_matrix_that_would_not_fit_is_refused():
    huge = Function(10**7, lambda w: 0.0, lambda w: w, None, lambda w, v: v)
    with pytest.raises(MemoryError, match="lanczos"):
        spectrum(huge, np.zeros(10**7), method="dense")
