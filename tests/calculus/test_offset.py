"""Known terms of the raw predictions: every derivative, off the optimum, and what builds on it."""

from dataclasses import dataclass, fields

import numpy as np
import oracles
import pytest
from cases import CASES, KINDS, LAYER_CASES, PRODUCTS, case_id, setup
from numpy.testing import assert_allclose

from sknewtonnet.calculus import LOSSES, Evidence, Network, Objective, get_loss
from sknewtonnet.calculus.functions.constant import MeansOverRows, constant_beside
from sknewtonnet.calculus.functions.flatness import is_constant, is_flat, varies

SOME = [*CASES[::5], *CASES[-13:], *LAYER_CASES[::6]]


@dataclass(frozen=True)
class Shifted(oracles.Problem):
    """A problem whose raw predictions have known terms."""

    offset: np.ndarray = None

    def states(self, arrays, offsets=None):
        *states, raw = super().states(arrays, offsets)
        return [*states, raw + self.offset]


def shifted(case):
    """The package's objective of a case with an offset, the oracle, and a point."""
    s = setup(case)
    offset = np.random.default_rng(case.seed).normal(size=s.problem.Y.shape)
    known = {field.name: getattr(s.problem, field.name) for field in fields(s.problem)}
    oracle = oracles.Oracle(Shifted(**known, offset=offset), s.net.layout, s.w)
    return s.objective(offset=offset), oracle, s.w


@pytest.mark.parametrize("case", SOME, ids=case_id)
def test_derivatives(case):
    f, oracle, w = shifted(case)
    oracles.assert_close(f.value(w), oracle.value)
    oracles.assert_close(f.gradient(w), oracle.gradient)
    oracles.assert_close(f.hessian(w), oracle.hessian)
    oracles.assert_close(f.hessian(w, "gauss-newton"), oracle.gauss_newton)
    oracles.assert_close(f.scores(w), oracle.scores)
    oracles.assert_close(f.jacobian(w), oracle.jacobian)
    oracles.assert_close(f.raw_predictions(w), oracle.problem.states(oracle.arrays)[-1])
    V = np.random.default_rng(9).normal(size=(len(w), 2))
    for kind in PRODUCTS:
        matrix = oracle.hessian if kind == "exact" else oracle.gauss_newton
        oracles.assert_close(f.hessian_product(w, V, kind), matrix @ V)


@pytest.mark.parametrize("chunk_size", [None, 7])
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_it_is_a_column_whose_coefficient_is_one(loss, chunk_size):
    rng = np.random.default_rng(0)
    X, offset = rng.normal(size=(30, 2)), rng.normal(size=30)
    Y, weight = rng.poisson(2.0, 30).astype(float), rng.uniform(0.5, 2.0, 30)
    wide = Network.mlp(3, 2, 1, skip_connections="input-output")
    f = Objective(wide, loss, np.column_stack([X, offset]), Y, weight)
    narrow = Network.mlp(2, 2, 1, skip_connections="input-output")
    g = Objective(narrow, loss, X, Y, weight, offset=offset, chunk_size=chunk_size)
    arrays = narrow.layout.unpack(rng.normal(size=narrow.n_parameters))
    first = np.vstack([arrays["coefs_0"], np.zeros(2)])
    last = np.insert(arrays["coefs_1"], 2, 1.0, axis=0)
    w = wide.layout.pack({**arrays, "coefs_0": first, "coefs_1": last})
    names = wide.layout.names
    own = [j for j, name in enumerate(names) if not name.startswith(("coefs_0[x2", "coefs_1[x2"))]
    v = narrow.layout.pack(arrays)
    oracles.assert_close(g.value(v), f.value(w), 1e-14)
    oracles.assert_close(g.gradient(v), f.gradient(w)[own], 1e-13)
    for kind in KINDS:
        oracles.assert_close(g.hessian(v, kind), f.hessian(w, kind)[np.ix_(own, own)], 1e-12)


def test_one_number_for_a_row_is_that_of_all_outputs():
    f, _, w = shifted(next(c for c in CASES if c.id == "loss-poisson-3"))
    offset = f.offset[:, 0]
    same = f.on(f.samples, f.targets, f.sample_weight, offset)
    each = f.on(f.samples, f.targets, f.sample_weight, np.tile(offset[:, None], 3))
    assert same.value(w) == each.value(w) != f.value(w)


def test_zero_is_none():
    s = setup(CASES[4])
    none, zero = s.objective(), s.objective(offset=np.zeros(len(s.problem.X)))
    assert none.value(s.w) == zero.value(s.w)
    assert none.offset is None
    assert none.scale() == pytest.approx(zero.scale(), rel=1e-12)


@pytest.mark.parametrize("alpha", [0.0, 0.5])
@pytest.mark.parametrize("loss", ["squared_error", "poisson", "log_loss"])
def test_output_layers_that_are_solved_for(loss, alpha):
    rng = np.random.default_rng(0)
    X, weight = rng.normal(size=(60, 3)), rng.uniform(0.5, 2.0, 60)
    Y = {"poisson": rng.poisson(2.0, (60, 2)), "squared_error": rng.normal(size=(60, 2))}
    Y["log_loss"] = np.eye(3)[rng.integers(0, 3, 60)]
    Y = Y[loss].astype(float)
    offset = rng.normal(size=Y.shape)
    network = Network.mlp(3, 3, Y.shape[1])
    f = Objective(network, loss, X, Y, weight, alpha, offset=offset)
    w = rng.normal(size=f.n_parameters)
    for F in (f.reduced(), f.projected(w)):
        if F is None:
            assert (loss, alpha) != ("squared_error", 0.5)
            continue
        u = F.restrict(w)
        steps = 1e-5 * np.eye(len(u))
        slopes = [(F.value(u + s) - F.value(u - s)) / 2e-5 for s in steps]
        bends = [(F.gradient(u + s) - F.gradient(u - s)) / 2e-5 for s in steps]
        assert_allclose(f.gradient(F.expand(u))[len(u) :], 0.0, atol=1e-13)
        assert_allclose(F.gradient(u), slopes, atol=1e-8)
        assert_allclose(F.hessian(u), bends, atol=1e-7)


def test_squared_errors_are_those_of_the_difference():
    """Also what follows from them: parts of the outputs, the evidence, what matters."""
    rng = np.random.default_rng(0)
    X, Y, offset = rng.normal(size=(20, 2)), rng.normal(size=(20, 2)), rng.normal(size=(20, 2))
    network = Network.mlp(2, 2, 2)
    f = Objective(network, "squared_error", X, Y, offset=offset)
    g = Objective(network, "squared_error", X, Y - offset)
    w = rng.normal(size=f.n_parameters)
    oracles.assert_close(f.scale(), g.scale(), 1e-14)
    oracles.assert_close(f.output_parts().jacobian(w), g.output_parts().jacobian(w), 1e-12)
    groups = [np.arange(4), np.arange(6, 10)]
    strengths = np.array([1.0, 2.0])
    found, expected = (Evidence(h, groups).at(w, strengths) for h in (f, g))
    oracles.assert_close(found.value, expected.value, 1e-12)
    oracles.assert_close(found.gradient, expected.gradient, 1e-8)


def test_a_net_that_says_nothing_beside_the_offset():
    """Constant and flat are what the net itself predicts, not the sum."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 1))
    offset = rng.normal(size=40)
    network, w = Network.mlp(1, 1, 1), np.array([1.0, 30.0, 1.0, 0.0])
    Y = rng.poisson(np.exp(X[:, 0] + offset)).astype(float)
    assert is_flat(Objective(network, "poisson", X, Y, offset=offset), w)
    assert is_constant(Objective(network, "squared_error", X, Y, offset=offset), w)
    exact = Objective(network, "squared_error", X, offset + 1.0, offset=offset)
    assert not varies(exact)
    assert varies(Objective(network, "poisson", X, np.ones(40), offset=offset))


@pytest.mark.parametrize("loss", [*LOSSES, "few of a class"])
def test_constants_beside_an_offset(loss):
    """They have the lowest loss; under canonical links that is the mean of the targets."""
    rng = np.random.default_rng(3)
    name = "binary_log_loss" if loss == "few of a class" else loss
    Y = rng.gamma(2.0, size=(50, 3))
    if LOSSES[name].out_activation in ("logistic", "softmax"):
        Y = np.eye(3)[rng.integers(0, 3, 50)] if loss == name else np.eye(50)[:, :3]
    weight, offset = rng.uniform(0.5, 2.0, 50), 3.0 * rng.normal(size=(50, 3))
    found = get_loss(name, 3)
    mean = np.average(Y, axis=0, weights=weight)
    c = constant_beside(found, mean, MeansOverRows(Y, weight, offset))
    if name != "pseudo_huber":  # whose constant is the mean, as without an offset
        slopes = found.derivatives(Y, c + offset, 1)[1]
        assert_allclose(weight @ slopes, 0.0, atol=1e-8 * (weight @ np.abs(slopes)).max())
    if name not in ("gamma", "tweedie", "negative_binomial"):
        oracles.assert_close(weight @ found.inverse_link(c + offset), weight @ Y, 1e-9)


def test_refusals():
    s = setup(CASES[4])
    X, Y = s.problem.X, s.problem.Y
    n = len(X)
    with pytest.raises(ValueError, match=rf"offset must have shape \({n},\), got \({n + 1},\)"):
        Objective(s.net, s.loss, X, Y, offset=np.zeros(n + 1))
    with pytest.raises(ValueError, match="offset must have shape"):
        Objective(s.net, s.loss, X, Y, offset=np.zeros((n, 7)))
    with pytest.raises(ValueError, match="offset must be finite"):
        Objective(s.net, s.loss, X, Y, offset=np.full(n, np.nan))
    f = Objective(s.net, s.loss, X, Y, offset=np.zeros(n))
    with pytest.raises(ValueError, match="offset must be given for the other data"):
        f.on(X, Y)
    with pytest.raises(AttributeError, match="data have been left out"):
        f.without_data().raw_predictions(s.w)
    with pytest.raises(AttributeError, match="data have been left out"):
        _ = f.without_data().offset


def test_an_offset_that_overflows_is_named():
    f = Objective(Network.mlp(1, (), 1), "poisson", [[1.0]], [1.0], offset=[800.0])
    assert "raw prediction [800.0]" in f.why_not_finite(np.zeros(2))
