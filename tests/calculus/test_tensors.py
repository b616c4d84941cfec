"""Derivatives of any order: of compositions, penalties, layers of one's own, outputs."""

import math

import numpy as np
import oracles
import pytest
from oracle_layers import COVARIANCE_TYPES
from penalty_cases import Quartic

from sknewtonnet.calculus import (
    GaussianRBF,
    Layer,
    Linear,
    Network,
    NormPenalty,
    Objective,
    Quadratic,
    Semidefinite,
)
from sknewtonnet.calculus.pieces.composition import composed, set_partitions
from sknewtonnet.calculus.pieces.penalties import WidthPenalty
from sknewtonnet.testing import check_layer, check_penalty


@pytest.mark.parametrize(("n", "bell"), [(1, 1), (2, 2), (3, 5), (4, 15), (5, 52), (6, 203)])
def test_partitions_are_those_of_the_set(n, bell):
    """As many as Bell's numbers, each a partition, none twice."""
    found = list(set_partitions(n, range(1, n + 1)))
    assert len(found) == bell
    assert len({frozenset(blocks) for blocks in found}) == bell
    assert all(sorted(sum(blocks, ())) == list(range(n)) for blocks in found)
    pairs = list(set_partitions(n, (1, 2)))
    assert pairs == [blocks for blocks in found if all(len(block) <= 2 for block in blocks)]


def test_composition_of_one_variable():
    """exp(q) with q = x^3 at x = 0.7: derivatives by hand."""
    x = 0.7
    q = [x**3, 3 * x**2, 6 * x, 6.0, 0.0]
    inner = [None, *(np.full((1,) * (n + 2), q[n]) for n in (1, 2, 3)), None]
    outer = [np.array([[math.exp(q[0])]])] * 5
    third = q[1] ** 3 + 3 * q[1] * q[2] + q[3]
    fourth = q[1] ** 4 + 6 * q[1] ** 2 * q[2] + 3 * q[2] ** 2 + 4 * q[1] * q[3]
    for order, factor in ((3, third), (4, fourth)):
        found = composed(outer, inner, order)
        np.testing.assert_allclose(found.item(), factor * math.exp(q[0]), rtol=1e-14)


LAYOUT = Network.mlp(2, (2,), 2).layout


def norms(arrays):
    """The sum of the norms of the coefficient matrices; dual numbers welcome."""
    squares = [arrays[name] * arrays[name] for name in ("coefs_0", "coefs_1")]
    return sum(np.sqrt(square.sum(-1).sum(-1)) for square in squares)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_norm_penalty(order):
    """All entries, those of several layers and of intercepts included, against dual numbers."""
    rng = np.random.default_rng(0)
    w, P = rng.normal(size=LAYOUT.n_parameters), LAYOUT.n_parameters
    units = [LAYOUT.unpack(e) for e in np.eye(P)]
    lifted = {
        name: oracles.lift(array, np.stack([unit[name] for unit in units]), order)
        for name, array in LAYOUT.unpack(w).items()
    }
    expected = 0.7 * oracles.read(norms(lifted), order, (P,) * order)
    penalty = NormPenalty(0.7).on(LAYOUT)
    oracles.assert_close(penalty.tensor(w, order, np.arange(P)), expected, 1e-12)
    some = np.array([7, 0, 3])
    oracles.assert_close(penalty.tensor(w, order, some), expected[np.ix_(*[some] * order)], 1e-12)


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_width_penalty(covariance_type):
    """exp(2 t) doubles with each derivative; squares end at the second."""
    net = Network.rbf(2, 2, 1, covariance_type)
    form, w = net.layers[0].form, np.random.default_rng(0).normal(size=net.n_parameters)
    penalty = WidthPenalty(form, 0.3, np.array([0.5, 2.0])).on(net.layout)
    second = penalty.hessian_diagonal(w)
    squares = net.layout.places("precisions_cholesky")[:, 0, 1] if form.rows(2).ndim == 2 else []
    expected = 4.0 * second
    expected[np.asarray(squares, dtype=int)] = 0.0
    oracles.assert_close(penalty.derivative(w, 4), expected, 1e-14)
    check_penalty(penalty, layout=net.layout)


def test_tensors_with_penalties_and_missing_connections():
    """Those of the loss, and the penalty's of each unit with itself; 0 where nothing is."""
    rng = np.random.default_rng(1)
    mask = np.array([[True, False], [True, True]])
    net = Network.mlp(2, 2, 1, connectivity={"coefs_0": mask})
    X, w = rng.normal(size=(9, 2)), rng.normal(size=net.n_parameters)
    norm = NormPenalty(2.0).on(net.layout)
    plain, penalised = (
        Objective(net, "squared_error", X, X[:, :1], alpha=0.3, penalties=some)
        for some in ((), NormPenalty(2.0))
    )
    found, loss = penalised.lagrangian_tensors(w, 3), plain.lagrangian_tensors(w, 3)
    for k, positions in enumerate(net.positions):
        for j, places in enumerate(positions.T):
            there = np.flatnonzero(places >= 0)
            expected = np.zeros_like(found[k][j])
            expected[np.ix_(there, there, there)] = norm.tensor(w, 3, places[there]) / 9.0
            oracles.assert_close(found[k][j] - loss[k][j], expected, 1e-11)
    assert found[0][0].any()
    assert not found[0][1, 0].any()
    assert not loss[-1].any(), "a ridge has no third derivatives"
    assert found[-1].any()


def test_activations_by_unit():
    """Each unit has the derivatives of its own activation."""
    rng = np.random.default_rng(3)
    X, names = rng.normal(size=(6, 2)), ["tanh", "sine", "gelu"]
    f = Objective(Network.mlp(2, 3, 1, [names]), "squared_error", X, X[:, :1])
    w = rng.normal(size=f.n_parameters)
    tensor, e = f.lagrangian_tensors(w, 3)[0], -f.multipliers(w)[0]
    Z, theta = np.column_stack([X, np.ones(6)]), f.network.matrices(w)[0]
    for j, name in enumerate(names):
        bend = oracles.activation_derivatives(name, Z @ theta[:, j], 3)[3]
        expected = np.einsum("i,ia,ib,ic->abc", e[:, j] * bend, Z, Z, Z)
        oracles.assert_close(tensor[j], expected)


def test_penalties_without_tensors_are_named():
    X = np.eye(3)
    f = Objective(Network.mlp(3, 1, 1), "squared_error", X, X[:, :1], penalties=Quartic())
    w = np.ones(f.n_parameters)
    assert f.lagrangian_tensors(w, 2)[0].any()
    with pytest.raises(NotImplementedError, match="Quartic has no derivatives of order 3"):
        f.lagrangian_tensors(w, 3)
    assert len(f.lagrangian_tensors(w, 3, penalised=False)) == 2


def test_penalties_of_shared_parameters_are_refused():
    net = Network.mlp(2, 2, 1, tied={"intercepts_0": [0, 0]})
    X = np.eye(2)
    f = Objective(net, "squared_error", X, X[:, :1], alpha=1.0)
    w = np.ones(f.n_parameters)
    with pytest.raises(ValueError, match="penalised=False"):
        f.lagrangian_tensors(w, 3)
    without = f.lagrangian_tensors(w, 3, penalised=False)
    assert without[0].any()
    free = Objective(net, "squared_error", X, X[:, :1])  # there is none to refuse
    for found, expected in zip(free.lagrangian_tensors(w, 3), without, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_output_activation(order):
    """The last layer has derivatives of its own: e h^(p)(a) z .. z, here by a plain loop."""
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(6, 2)), rng.uniform(size=6)
    net = Network.mlp(2, (), 1, output_activation="logistic")
    offset = rng.normal(size=6)
    f, w = Objective(net, "squared_error", X, y, offset=offset), rng.normal(size=3)
    expected = np.zeros([3] * order)
    for x, target, known in zip(X, y, offset, strict=True):
        z = np.append(x, 1.0)
        h = oracles.activation_derivatives("logistic", np.array([z @ w + known]), order)
        term = (h[0] - target) * h[order] / 6.0
        for _ in range(order):
            term = np.multiply.outer(term, z)
        expected += term[0]
    oracles.assert_close(f.lagrangian_tensors(w, order)[0][0], expected, 1e-12)


class Exponentials(Layer):
    """p = sum_a exp(z_a mu_a): a layer of one's own with derivatives of any order."""

    def unit_arrays(self, n_inputs):
        return {"rates": np.arange(n_inputs)}

    def value(self, theta, z):
        return np.exp(theta.T[:, :, None] * z).sum(axis=1)

    def slopes(self, theta, z):
        terms = np.exp(theta.T[:, :, None] * z)
        return theta.T[:, :, None] * terms, z * terms

    def curvature_parameters(self, theta, z, delta):
        diagonal = np.einsum("pi,spi,si->sp", z**2, np.exp(theta.T[:, :, None] * z), delta)
        return diagonal[:, :, None] * np.eye(len(z))

    def tensor_parameters(self, theta, z, order):
        found = np.zeros((self.n_units, *[len(z)] * order, z.shape[1]))
        same = np.arange(len(z))
        values = z**order * np.exp(theta.T[:, :, None] * z)
        found[(slice(None), *[same] * order)] = values
        return found


@pytest.mark.parametrize("order", [3, 4])
def test_layer_of_ones_own(order):
    """Derivatives of sum_i e_i tanh(exp(mu x_i)) in its one parameter, by dual numbers."""
    check_layer(Exponentials((0,), 2))
    rng = np.random.default_rng(0)
    X = 0.3 * rng.normal(size=(5, 1))
    net = Network.from_layers(1, [Exponentials((0,), 1, "tanh"), Linear((1,), 1)])
    f, w = Objective(net, "squared_error", X, X), np.array([0.4, 1.3, 0.2])
    e = -f.multipliers(w)[0]
    rate = oracles.lift(w[:1], np.ones((1, 1)), order)
    number = (np.tanh(np.exp(rate * X[:, 0])) * e[:, 0]).sum(-1)
    expected = oracles.read(number, order, (1,) * order)
    oracles.assert_close(f.lagrangian_tensors(w, order)[0][0], expected, 1e-12)


@pytest.mark.parametrize(
    "layer",
    [
        *(GaussianRBF((0,), 2, kind) for kind in COVARIANCE_TYPES),
        *(kind((0,), 2) for kind in (Semidefinite, Quadratic, Linear)),
    ],
    ids=lambda layer: getattr(layer, "covariance_type", type(layer).__name__),
)
def test_check_layer_looks_at_them(layer, monkeypatch):
    check_layer(layer)
    right = type(layer).tensor_parameters

    def wrong(self, theta, z, order):
        found = right(self, theta, z, order)
        return np.zeros((1, *[len(theta)] * 2, z.shape[1])) + 0.01 if order == 2 else found

    monkeypatch.setattr(type(layer), "tensor_parameters", wrong)
    with pytest.raises(AssertionError, match="tensor_parameters of order 2"):
        check_layer(layer)


def test_check_penalty_looks_at_them(monkeypatch):
    right = NormPenalty.tensor
    monkeypatch.setattr(
        NormPenalty, "tensor", lambda *given: right(*given) * (1.1 if given[2] == 3 else 1.0)
    )
    with pytest.raises(AssertionError, match="tensor of order 3"):
        check_penalty(NormPenalty(0.3))
