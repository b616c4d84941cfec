"""Preconditioned products: the same minima, the algebra of the metric, counts, and refusals."""

import numpy as np
import pytest
from functions import rosenbrock
from numpy.testing import assert_allclose

from sknewtonnet.calculus import Network, NormPenalty, Objective, SmoothFunction
from sknewtonnet.calculus.functions.subspace import AffineObjective, MappedObjective
from sknewtonnet.calculus.pieces.affine_map import AffineMap
from sknewtonnet.solvers import Status, get_solver
from sknewtonnet.solvers._model_products import ProductModel
from sknewtonnet.solvers._preconditioner import BlockPreconditioner
from sknewtonnet.testing import check_solver

METHODS = ["newton", "auto", "trust-ncg", "trust-krylov", "newton-cg"]
BLOCK = {"preconditioner": "block"}

each_method = pytest.mark.parametrize("name", METHODS)


def table(n_samples=60, n_features=6, seed=0):
    """Return correlated columns and a target."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features)) + 2.0 * rng.normal(size=(n_samples, 1))
    return X / X.std(axis=0), np.tanh(X[:, :1] - X[:, 1:2]) + 0.1 * rng.normal(size=(n_samples, 1))


def objective(hidden=(20,), alpha=0.3, loss="squared_error", **options):
    """Return an objective of more than 125 parameters, so that "newton" works with products."""
    X, y = table()
    network = Network.mlp(X.shape[1], hidden, 1, **options.pop("net", {}))
    y = (y > 0).astype(float) if loss == "binary_log_loss" else y
    if not options.pop("free", False):  # else intercepts of idle units may be anything
        alpha = dict.fromkeys(network.layout.shapes, alpha)
    return Objective(network, loss, X, y, alpha=alpha, **options)


def start_of(f, seed=1):
    return 0.4 * np.random.default_rng(seed).normal(size=f.n_parameters)


def metric_matrix(f, w, shift):
    """Return M = I + |B| / shift by the eigenvalues of the dense block Hessian."""
    values, vectors = np.linalg.eigh(f.hessian(w, "block"))
    return np.eye(len(w)) + (vectors * np.abs(values)) @ vectors.T / shift


def root(metric, size):
    return np.column_stack([metric.apply(e) for e in np.eye(size)])


MASK = {"coefs_0": np.arange(120).reshape(6, 20) % 7 != 0}
CASES = {
    "squared error": {},
    "classes": {"loss": "binary_log_loss"},
    "two hidden layers": {"hidden": (8, 8)},
    "missing connections": {"net": {"connectivity": MASK}},
    "a norm": {"penalties": NormPenalty(0.5)},
    "skip connections": {"net": {"skip_connections": "all"}},
}
each_case = pytest.mark.parametrize("options", CASES.values(), ids=CASES)


@each_case
def test_the_metric_is_that_of_the_blocks(options):
    """R R' is the inverse of M, for blocks that are indefinite, and zeros of missing weights."""
    f = objective(**options)
    w = start_of(f)
    assert np.linalg.eigvalsh(f.hessian(w, "block")).min() < 0.0
    metric = BlockPreconditioner(f, w).metric(0.3)
    R = root(metric, f.n_parameters)
    assert_allclose(R @ R.T, np.linalg.inv(metric_matrix(f, w, 0.3)), atol=1e-12)
    assert_allclose(R, R.T, atol=1e-13)


def test_radial_units_have_blocks():
    X, y = table()
    network = Network.rbf(6, 5, 1, covariance_type="full")
    f = Objective(network, "squared_error", X, y, alpha=1.0)
    arrays = network.layout.unpack(start_of(f))
    arrays["centers"] = X[:5]
    w = network.layout.pack(arrays)
    R = root(BlockPreconditioner(f, w).metric(0.1), f.n_parameters)
    assert_allclose(R @ R.T @ metric_matrix(f, w, 0.1), np.eye(f.n_parameters), atol=1e-9)


def by_hand(H, g, M, n_steps):
    """Return the iterates of preconditioned conjugate gradients, Nocedal and Wright (5.53)."""
    s, r = np.zeros_like(g), g
    y = np.linalg.solve(M, r)
    p, found = -y, []
    for _ in range(n_steps):
        alpha = (r @ y) / (p @ H @ p)
        s, after = s + alpha * p, r + alpha * H @ p
        y_after = np.linalg.solve(M, after)
        p = -y_after + (after @ y_after) / (r @ y) * p
        r, y = after, y_after
        found.append(s)
    return found


def test_conjugate_gradients_are_those_with_an_explicit_preconditioner():
    f = objective(alpha=1.0)
    w = get_solver("newton", tol=1e-6).minimize(f, start_of(f)).params
    H, g, shift = f.hessian(w), f.gradient(w + 1e-2 * start_of(f, 5)), 1e-3
    assert np.linalg.eigvalsh(H).min() > 0.0
    metric = BlockPreconditioner(f, w).metric(shift)
    for n_steps, expected in enumerate(by_hand(H, g, metric_matrix(f, w, shift), 4), start=1):
        model = ProductModel(lambda v: H @ v, g, n_steps, metric)
        step = model.step(1e9)
        assert_allclose(step.s, expected, rtol=1e-8, atol=1e-12)
        assert_allclose(step.predicted, -(g @ step.s + 0.5 * step.s @ H @ step.s), rtol=1e-8)
        M = metric_matrix(f, w, shift)
        assert_allclose(step.norm, np.sqrt(step.s @ M @ step.s), rtol=1e-10)


def test_negative_curvature_is_followed_to_the_ellipsoid():
    """Also where the block of a unit is concave itself, which makes no metric."""
    f = objective(alpha=0.0)
    w = start_of(f)
    H, g = f.hessian(w), 1e-10 * f.gradient(w)  # so small that it does not end before
    assert np.linalg.eigvalsh(H).min() < 0.0
    metric, M = BlockPreconditioner(f, w).metric(1.0), metric_matrix(f, w, 1.0)
    step = ProductModel(lambda v: H @ v, g, 10_000, metric).step(50.0)
    assert step.predicted > 0.0
    assert_allclose(np.sqrt(step.s @ M @ step.s), 50.0, rtol=1e-10)


@each_method
@each_case
def test_the_same_minimum_as_without(name, options):
    """From near a minimum: far ones may lead elsewhere, as with any other solver."""
    f = objective(alpha=1.0, **options)
    minimum = get_solver("newton", tol=1e-12).minimize(f, start_of(f)).params
    near = minimum + 1e-2 * start_of(f, 7)
    for preconditioner in ("none", "block"):
        solver = get_solver(name, tol=1e-12, options={"preconditioner": preconditioner})
        found = solver.minimize(f, near)
        assert found.converged
        assert_allclose(found.params, minimum, atol=1e-8)


@each_method
def test_counts_are_true(name):
    """Of calls as the function sees them, and of how often blocks were worked out."""

    class Witness(Objective):
        seen = 0

        def hessian_blocks(self, w, kind="block"):
            self.seen += 1
            return super().hessian_blocks(w, kind)

    X, y = table()
    f = Witness(Network.mlp(6, (20,), 1), "squared_error", X, y, alpha=1.0)
    found = get_solver(name, tol=1e-8, options=BLOCK).minimize(f, start_of(f))
    assert found.converged
    assert found.n_events["preconditioners"] == f.seen > 0
    assert f.seen <= 2 + found.n_evaluations["hessian_product"] / 100 + (
        0 if name in ("newton", "auto") else found.n_iter
    )


@each_method
def test_the_check_of_solvers_passes(name):
    check_solver(get_solver(name, tol=1e-7, options=BLOCK))


def test_correlated_columns_take_fewer_products():
    """What it is for: columns that share a factor make the blocks of all units ill-conditioned."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 30)) + 5.0 * rng.normal(size=(150, 1))
    X /= X.std(axis=0)
    y = np.eye(3)[np.digitize(X[:, 0] - X[:, 1], [-0.1, 0.1])]
    f = Objective(Network.mlp(30, (12,), 3), "multinomial_log_loss", X, y, alpha=1.0)
    w = get_solver("l-bfgs-b", tol=1e-4).minimize(f, start_of(f)).params
    n_products = {
        one: get_solver("trust-ncg", tol=1e-8, options={"preconditioner": one})
        .minimize(f, w)
        .n_evaluations["hessian_product"]
        for one in ("none", "block")
    }
    assert n_products["block"] < 0.7 * n_products["none"]


def test_saddle_points_are_left():
    """All coefficients 0: conjugate gradients see nothing there, with or without a metric."""
    f = objective(alpha=0.01, free=True)
    zero = np.zeros(f.n_parameters)
    zero[-1] = f.targets.mean()
    assert np.abs(f.gradient(zero)).max() < 1e-12
    found = get_solver("newton", tol=1e-8, options=BLOCK).minimize(f, zero)
    assert found.status is Status.CONVERGED
    assert found.value < f.value(zero) - 1e-3


def test_other_coordinates_have_the_blocks_of_theirs():
    """Of standardised columns: T'BT, unit by unit."""
    from scipy import sparse

    f = objective(net={"connectivity": MASK})
    rng = np.random.default_rng(2)
    T = np.diag(rng.uniform(0.5, 2.0, f.n_parameters))
    for places in f.block_positions():  # the intercept takes something of each coefficient
        for unit in places:
            exists = unit[unit >= 0]
            T[exists[-1], exists[:-1]] = rng.normal(size=len(exists) - 1)
    mapped = MappedObjective(f, AffineMap(sparse.csc_array(T), np.zeros(f.n_parameters)))
    w = start_of(f)
    full = T.T @ f.hessian(T @ w, "block") @ T
    for places, blocks in zip(mapped.block_positions(), mapped.hessian_blocks(w), strict=True):
        for unit, block in zip(places, blocks, strict=True):
            exists = np.flatnonzero(unit >= 0)
            expected = full[np.ix_(unit[exists], unit[exists])]
            assert_allclose(block[np.ix_(exists, exists)], expected, atol=1e-12)


# Refusals ------------------------------------------------------------------------------------


@each_method
def test_functions_without_blocks_are_refused(name):
    solver = get_solver(name, options=BLOCK)
    with pytest.raises(TypeError, match=r"preconditioner='block' .* Function has none here"):
        solver.minimize(rosenbrock(5), np.zeros(5))


def test_functions_have_no_blocks_by_default():
    f = rosenbrock(3)
    assert SmoothFunction.block_positions(f) is None
    with pytest.raises(NotImplementedError, match="Function has no hessian_blocks"):
        SmoothFunction.hessian_blocks(f, np.zeros(3))
    g = objective()
    inside = AffineObjective(g, np.zeros(g.n_parameters), np.eye(g.n_parameters)[:, :5])
    assert inside.block_positions() is None


def test_tied_parameters_are_refused():
    """They belong to several units, whose blocks are none of the Hessian."""
    X, y = table()
    network = Network.mlp(6, (20,), 1, tied={"coefs_0": np.arange(120).reshape(6, 20) % 6})
    f = Objective(network, "squared_error", X, y, alpha=1.0)
    with pytest.raises(TypeError, match="share no parameters, and Objective has none here"):
        get_solver("newton", options=BLOCK).minimize(f, start_of(f))


@each_method
@pytest.mark.parametrize("hessian", ["block", "lagrangian"])
def test_it_is_one_of_products(name, hessian):
    with pytest.raises(ValueError, match=f"has no effect on hessian='{hessian}'"):
        get_solver(name, hessian=hessian, options=BLOCK)


@each_method
def test_other_names_are_refused(name):
    with pytest.raises(ValueError, match=r"preconditioner'\] must be one of \['none', 'block'\]"):
        get_solver(name, options={"preconditioner": "jacobi"})


def test_other_methods_have_none():
    with pytest.raises(ValueError, match="must be among"):
        get_solver("l-bfgs-b", options=BLOCK)


def test_memory_is_asked_for_first():
    X = np.random.default_rng(0).normal(size=(4, 20_000))
    f = Objective(Network.mlp(20_000, (40,), 1), "squared_error", X, X[:, :1], alpha=1.0)
    with pytest.raises(MemoryError, match="preconditioner='none' needs no matrix"):
        get_solver("trust-ncg", options=BLOCK).minimize(f, np.full(f.n_parameters, 0.01))
