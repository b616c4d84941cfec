"""What would not fit the memory is refused before anything is allocated, with its size."""

import re
import tracemalloc

import numpy as np
import pytest
from oracle_layers import COVARIANCE_TYPES
from penalty_cases import Quartic
from scipy import sparse

from sknewtonnet import NewtonMLPRegressor, RBFNetRegressor
from sknewtonnet.calculus import (
    BlockObjective,
    Network,
    NormPenalty,
    Objective,
    SmoothFunction,
)
from sknewtonnet.calculus.pieces import memory as module
from sknewtonnet.calculus.pieces.affine_map import AffineMap, MappedPenalty
from sknewtonnet.solvers import Constraints, get_solver

THIS_MACHINE = module.memory


@pytest.fixture(autouse=True)
def sixteen_gigabytes(monkeypatch):
    monkeypatch.setattr(module, "memory", lambda: 16e9)


def refused(call, message, at_most=2e6):
    """Whether a call raises a MemoryError with a message, and allocates next to nothing."""
    tracemalloc.start()
    try:
        with pytest.raises(MemoryError, match=message):
            call()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < at_most


@pytest.fixture(scope="module")
def large():
    """About 1e5 parameters on three samples."""
    net = Network.mlp(100, 1000, 1)
    rng = np.random.default_rng(0)
    f = Objective(net, "squared_error", rng.normal(size=(3, 100)), rng.normal(size=3))
    return f, 0.01 * rng.normal(size=net.n_parameters)


@pytest.mark.parametrize("kind", ["exact", "block", "lagrangian", "gauss-newton"])
def test_hessians(large, kind):
    f, w = large
    message = "a Hessian of 102001 parameters, .* 166 GB, more than the 16 GB .* hessian_product"
    refused(lambda: f.hessian(w, kind), message)
    assert np.isfinite(f.hessian_product(w, w)).all()


def test_hessians_over_blocks(large):
    f, w = large
    blocks = BlockObjective(f.network, "squared_error", [(f.samples, f.targets)])
    refused(lambda: blocks.hessian(w), "a Hessian of 102001 parameters, .* 333 GB, more than")
    assert np.isfinite(blocks.hessian_product(w, w)).all()


def test_what_is_not_free_now_is_refused(large, monkeypatch, tmp_path):
    """Other processes may have taken most of the memory of the machine."""
    path = tmp_path / "meminfo"
    path.write_text("MemTotal: 16000000 kB\nMemFree: 5 kB\nMemAvailable: 200000 kB\n")
    monkeypatch.setattr(module, "_FREE", path)
    net = Network.mlp(50, 100, 1)
    f = Objective(net, "squared_error", np.ones((3, 50)), np.zeros(3))
    message = r"would take 0.433 GB, more than the 0.205 GB of memory that are free now"
    refused(lambda: f.hessian(np.zeros(net.n_parameters)), message)
    monkeypatch.setattr(module, "_FREE", tmp_path / "none")
    assert module.free_memory() == np.inf


def test_limits_of_containers(monkeypatch, tmp_path):
    path = tmp_path / "memory.max"
    monkeypatch.setattr(module, "_LIMITS", (path,))
    without = THIS_MACHINE()
    path.write_text("max\n")
    assert THIS_MACHINE() == without
    path.write_text("123456\n")
    assert THIS_MACHINE() == 123456.0


@pytest.mark.parametrize("solver", ["bfgs", "slsqp", "trust-exact", "lm"])
def test_solvers_that_keep_a_matrix(large, solver):
    f, w = large
    other = "newton" if solver in ("trust-exact", "lm") else "l-bfgs-b"
    message = f"a Hessian of 102001 parameters, .* solver '{other}' needs no matrix"
    refused(lambda: get_solver(solver).minimize(f, w), message)


def test_a_feasible_point_of_too_many_parameters():
    size = 100_000
    free, A = np.full(size, np.inf), np.zeros((1, size))
    A[0, :2] = 1.0
    held = Constraints(-free, free, A, row_lower=np.array([5.0]), row_upper=np.array([np.inf]))
    refused(lambda: held.nearest(np.zeros(size)), "a feasible point of 100000 parameters")


def test_functions_that_have_products_alone():
    class Bowl(SmoothFunction):
        n_parameters = 100_000

        def value(self, w):
            return 0.5 * float(w @ w)

        def gradient(self, w):
            return w

        def hessian_product(self, w, v, kind="exact"):
            return v

    w = np.zeros(100_000)
    refused(lambda: Bowl().hessian(w), "a Hessian of 100000 parameters")


def test_blocks_tensors_and_penalties(large, monkeypatch):
    f, w = large
    refused(lambda: f.lagrangian_tensors(w, 4), "tensors of order 4 would take")
    made = f.network, "squared_error", f.samples, f.targets
    own = Objective(*made, penalties=Quartic())
    refused(lambda: own.hessian_blocks(w), "a Hessian of 102001 parameters", at_most=2e7)
    monkeypatch.setattr(module, "memory", lambda: 1e8)
    refused(lambda: f.hessian_blocks(w), "the 1001 blocks of units would take 0.179 GB")


def test_norms_have_blocks_of_single_units(monkeypatch):
    """Without a matrix of all parameters, also of parameters on other columns."""
    rng = np.random.default_rng(0)
    made = Network.mlp(100, 30, 1), "squared_error", rng.normal(size=(3, 100)), rng.normal(size=3)
    plain = Objective(*made)
    v, n = np.full(plain.n_parameters, 0.1), 100
    half = AffineMap(sparse.diags_array(np.full(len(v), 2.0), format="csc"), np.zeros(len(v)))
    norm = np.linalg.norm(v[:3000])
    expected = (np.eye(n) / norm - 0.01 / norm**3) / 3.0
    monkeypatch.setattr(module, "memory", lambda: 1.2e8)
    before = plain.hessian_blocks(v)[0][0]
    for penalty, factor in ((NormPenalty(), 1.0), (MappedPenalty(NormPenalty(), half), 0.5)):
        f = Objective(*made, penalties=penalty)
        refused(lambda f=f: f.hessian(v), "a Hessian of 3061 parameters")
        found = f.hessian_blocks(v)[0][0] - before
        np.testing.assert_allclose(found[:n, :n], factor * expected, rtol=1e-9, atol=1e-14)


def test_arrays_of_samples_and_parameters():
    net = Network.mlp(1, 1000, 2)
    X = np.zeros((1000, 1))
    f = Objective(net, "squared_error", X, np.zeros((1000, 2)))
    w = np.zeros(net.n_parameters)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "memory", lambda: 0.05e9)
        patch.setattr(module, "_SMALL", 0.0)
        message = "the Jacobian of 1000 samples and 4002 parameters .* jacobian_product"
        refused(lambda: f.jacobian(w), message)
        patch.setattr(module, "memory", lambda: 0.02e9)
        refused(lambda: f.scores(w), "scores of 1000 samples and 4002 parameters")


@pytest.mark.parametrize("size", [10**9, 10**12, 10**30])
def test_nets_of_too_many_units(size):
    refused(lambda: Network.mlp(3, size, 1), f"a net of {size + 1} units would take")
    for kind in COVARIANCE_TYPES:
        refused(lambda kind=kind: Network.rbf(3, size, 1, kind), "a net of .* units would take")


def test_nets_of_too_many_parameters():
    message = "a net of 1000060.* parameters .* 640 GB"
    refused(lambda: Network.mlp(3, (10**5, 10**5), 1), message, at_most=2e7)
    message = r'a full covariance of 100000 inputs .* use covariance_type="diag"'
    refused(lambda: Network.rbf(100_000, 2, 1, "full"), message)


def test_samples_at_too_many_units():
    net = Network.mlp(1, 10**4, 1)
    X = np.zeros((10**5, 1))
    with pytest.raises(MemoryError, match="an objective of 100000 samples and 10001 units"):
        Objective(net, "squared_error", X, X)
    # Predictions work on one chunk of samples after the other.
    assert Network.mlp(1, 10**5, 1).chunk_size < 256


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NewtonMLPRegressor((10**9,)), "a net of 1000000001 units"),
        (lambda: NewtonMLPRegressor((10**30,)), "a net of 10{29}1 units"),
        (lambda: NewtonMLPRegressor((2,), n_init=10**9), "n_init=1000000000 starts would take"),
        (lambda: RBFNetRegressor(2, n_init=10**9), "n_init=1000000000 starts would take"),
    ],
)
def test_estimators(make, message):
    X = np.random.default_rng(0).normal(size=(60, 3))
    with pytest.raises(MemoryError, match=message):
        make().fit(X, X[:, 0])


def test_memory_of_this_machine():
    """A number where the system tells, and no guard where it does not."""
    assert THIS_MACHINE() > 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "memory", lambda: np.inf)
        patch.setattr(module, "free_memory", lambda: np.inf)
        module.check_memory("anything", 1e300, "nothing")


def test_both_numbers_are_told():
    with pytest.raises(MemoryError, match=re.escape("a thing would take 40 GB, more than 0.5 of")):
        module.check_memory("a thing", 4e10, "use less", share=0.5)
