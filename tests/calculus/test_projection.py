"""The objective with its output layer solved for, against dense least squares."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import assert_close

from sknewtonnet.calculus import GaussianRBF, Linear, Network, Objective, Quadratic
from sknewtonnet.calculus.pieces.penalties import L2Penalty, SeparablePenalty, WidthPenalty

MASK = np.array([[1, 1, 1], [1, 0, 1], [0, 1, 1], [1, 1, 0], [0, 0, 1], [1, 1, 1]], dtype=bool)
MASKS = {
    "coefs_0": np.array([[1, 1, 0], [1, 0, 1], [1, 1, 1]], dtype=bool),
    "coefs_1": MASK,
    "intercepts_1": np.array([True, False, True]),
}
NETS = {
    "one output": lambda: Network.mlp(2, (3,), 1),
    "more units than samples": lambda: Network.mlp(2, (40,), 2),
    "deep": lambda: Network.mlp(2, (3, 2), 3, ["tanh", "softplus"], "all"),
    "masked": lambda: Network.mlp(
        3, (3,), 3, "tanh", skip_connections="input-output", connectivity=MASKS
    ),
    "rbf": lambda: Network.rbf(2, 3, 2, "diag"),
    "rbf deep": lambda: Network.rbf(2, 3, 2, "full", (2,), "tanh", "all"),
    "curved": lambda: Network.from_layers(
        2,
        [
            Quadratic((0,), 2, activation="sine"),
            GaussianRBF((0,), 2, "spherical"),
            Linear((0, 1, 2), 3),
        ],
    ),
}
N = 30

each_net = pytest.mark.parametrize("name", NETS)
each_kind = pytest.mark.parametrize("kind", ["exact", "gauss-newton"])


class Problem:
    """An objective with a penalty and weights that differ in each entry, and a point."""

    def __init__(self, name, **options):
        rng = np.random.default_rng(7)
        net = NETS[name]()
        X, Y = rng.normal(size=(N, net.n_features)), rng.normal(size=(N, net.n_outputs))
        weight = rng.uniform(0.2, 2.0, N)
        weight[1::4] = 0.0
        strength = rng.uniform(0.5, 3.0, net.n_parameters)
        alpha = net.layout.unpack(strength)
        for key, array in alpha.items():  # both halves of a symmetric array are one parameter
            if key.startswith("quadratic"):
                alpha[key] = array + array.swapaxes(1, 2)
        free = f"intercepts_{len([k for k in alpha if k.startswith('coefs')]) - 1}"
        alpha[free][-1] = 0.0
        self.strength = net.layout.pack(alpha) / weight.sum()
        self.f = Objective(net, "squared_error", X, Y, weight, alpha, **options)
        self.F = self.f.reduced()
        self.n = self.F.n_parameters
        self.rows = np.sqrt(weight / weight.sum())[:, None]
        self.u = 0.8 * rng.normal(size=self.n)
        self.v = rng.normal(size=(self.n, 3))

    def solved(self, u):
        """Return (u, v(u)) and F(u) by a dense least-squares solver."""
        start = np.concatenate([u, np.zeros(self.f.n_parameters - self.n)])
        design = self.rows[:, :, None] * self.f.jacobian(start)[:, :, self.n :]
        ridge = np.diag(np.sqrt(self.strength[self.n :]))
        A = np.concatenate([design.reshape(-1, len(ridge)), ridge])
        b = np.concatenate([(self.rows * self.f.targets).ravel(), np.zeros(len(ridge))])
        v = np.linalg.lstsq(A, b)[0]
        value = 0.5 * np.sum((A @ v - b) ** 2) + self.f.penalty.value(start)
        return np.concatenate([u, v]), value

    def schur(self, kind):
        """Return the Schur complement of the Hessian of f, from an explicit inverse."""
        H, n = self.f.hessian(self.solved(self.u)[0], kind), self.n
        return H[:n, :n] - H[:n, n:] @ np.linalg.inv(H[n:, n:]) @ H[n:, :n]


@each_net
def test_value_is_the_least_over_the_output_layer(name):
    p = Problem(name)
    w, value = p.solved(p.u)
    assert_close(p.F.value(p.u), value)
    assert_close(p.F.expand(p.u), w, 1e-8)
    assert p.F.value(p.u) == pytest.approx(p.f.value(p.F.expand(p.u)), rel=1e-13)
    assert_array_equal(p.F.expand(p.u)[: p.n], p.u)


@each_net
def test_output_layer_has_no_gradient(name):
    p = Problem(name)
    gradient = p.f.gradient(p.F.expand(p.u))
    assert np.abs(gradient[p.n :]).max() < 1e-13
    assert np.abs(gradient[: p.n]).max() > 1e-3
    assert_array_equal(p.F.gradient(p.u), gradient[: p.n])


@each_net
def test_gradient_is_that_of_the_value(name):
    p, step = Problem(name), 1e-5
    basis = step * np.eye(p.n)
    found = [(p.solved(p.u + e)[1] - p.solved(p.u - e)[1]) / (2.0 * step) for e in basis]
    assert_allclose(p.F.gradient(p.u), found, atol=1e-9)


@each_net
def test_hessian_is_that_of_the_gradient(name):
    p, step = Problem(name), 1e-5
    found = [
        (p.F.gradient(p.u + e) - p.F.gradient(p.u - e)) / (2.0 * step) for e in step * np.eye(p.n)
    ]
    assert_allclose(p.F.hessian(p.u), found, atol=1e-7)


@each_net
@each_kind
def test_hessian_is_a_schur_complement(name, kind):
    p = Problem(name)
    H = p.F.hessian(p.u, kind)
    assert_close(H, p.schur(kind), 1e-9)
    assert_array_equal(H, H.T)
    if kind == "gauss-newton":
        assert np.linalg.eigvalsh(H)[0] > -1e-12


@each_net
@each_kind
def test_products(name, kind):
    """With one direction and with several, at a fresh point and at a known one."""
    p = Problem(name)
    expected = p.schur(kind) @ p.v
    assert_close(p.F.hessian_product(p.u, p.v, kind), expected, 1e-9)
    assert_close(p.F.hessian_product(p.u, p.v[:, 1], kind), expected[:, 1], 1e-9)
    assert_close(p.F.hessian_product(p.u, p.v[:, :1], kind), expected[:, :1], 1e-9)


def everything(F, p, u):
    return [F.value(u), F.gradient(u), F.hessian(u), F.hessian_product(u, p.v), F.expand(u)]


@each_net
@pytest.mark.parametrize("chunk_size", [1, 7])
def test_chunks_change_nothing(name, chunk_size):
    """Also chunks whose samples all have weight zero."""
    p = Problem(name)
    F = Problem(name, chunk_size=chunk_size).F
    for a, b in zip(everything(F, p, p.u), everything(p.F, p, p.u), strict=True):
        assert_close(a, b, 1e-9)


@each_net
def test_answers_do_not_depend_on_what_was_asked_before(name):
    """Of this function, of another of its kind, and of the objective both share."""
    p, q = Problem(name), Problem(name)
    other, points = p.f.reduced(), (p.u, p.u[::-1].copy())
    fresh = [everything(Problem(name).F, p, u) for u in points]
    for ask in range(12):
        for a, b in zip(everything(p.F, p, points[ask % 2]), fresh[ask % 2], strict=True):
            assert_close(a, b, 1e-12)
        (other.value, p.f.gradient, p.F.value)[ask % 3](
            (points[0], q.solved(q.u)[0], 1e200 * p.u)[ask % 3]
        )
        p.F.expand(points[ask % 2])[...] = np.nan  # an answer belongs to the caller


@pytest.mark.parametrize("scale", [1e160, 1e308, np.inf, np.nan])
def test_hidden_layers_that_are_not_finite(scale):
    """An infinite value and no warning; the next point is served as ever."""
    net = Network.mlp(2, (3,), 2, "softplus")
    X = np.random.default_rng(0).normal(size=(20, 2))
    F = Objective(net, "squared_error", X, X, alpha=1.0).reduced()
    u = np.ones(F.n_parameters)
    before = F.value(u)
    assert F.value(scale * u) == np.inf
    assert np.isnan(F.gradient(scale * u)).all()
    assert np.isnan(F.expand(scale * u)[F.n_parameters :]).all()
    assert F.value(u) == before


def test_dependent_inputs_that_are_hardly_penalised():
    """No exception, whether the factor breaks down or not."""
    X = np.ones((5, 2))
    net = Network.mlp(2, (9,), 1)
    F = Objective(net, "squared_error", X, X[:, 0], alpha=1e-30).reduced()
    assert F.value(np.zeros(F.n_parameters)) >= 0.0


def test_width_penalties_are_kept():
    net = NETS["rbf"]()
    X = np.random.default_rng(0).normal(size=(20, 2))
    width = WidthPenalty(net.layers[0].form, 2.0, np.array([0.7, 1.3]))
    f = Objective(net, "squared_error", X, X, alpha=1.0, penalties=[width])
    F, u = f.reduced(), np.linspace(-1.0, 1.0, net.n_parameters - 8)
    assert F.n_parameters == len(u)
    w = F.expand(u)
    assert_close(F.value(u), f.value(w))
    assert_close(F.gradient(u), f.gradient(w)[: len(u)])
    H, n = f.hessian(w), len(u)
    expected = H[:n, :n] - H[:n, n:] @ np.linalg.solve(H[n:, n:], H[n:, :n])
    assert_close(F.hessian(u), expected, 1e-9)


class Other(SeparablePenalty):
    """A penalty that nobody knows to be quadratic."""

    def value(self, w):
        return float(np.cosh(w).sum())

    def gradient(self, w):
        return np.sinh(w)

    def hessian_diagonal(self, w):
        return np.cosh(w)


def objective(loss="squared_error", hidden=(3,), alpha=1.0, penalties=(), **options):
    X = np.random.default_rng(0).normal(size=(10, 2))
    net = Network.mlp(2, hidden, 2, **options)
    Y = np.repeat([[0.0, 1.0], [1.0, 0.0]], 5, axis=0)
    return Objective(net, loss, X, Y, alpha=alpha, penalties=[make() for make in penalties])


HOLE = np.ones((3, 2))
HOLE[1, 0] = 0.0


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "log_loss"},
        {"loss": "binary_log_loss"},
        {"loss": "pseudo_huber"},
        {"loss": "poisson"},
        {"alpha": 0.0},
        {"alpha": [1.0, 0.0]},
        {"alpha": {"coefs_0": 1.0, "coefs_1": HOLE}},
        {"alpha": {"intercepts_1": 1.0}},
        {"hidden": ()},
        {"penalties": (Other,)},
    ],
    ids=str,
)
def test_there_may_be_no_reduced_form(changes):
    assert objective().reduced() is not None
    assert objective(**changes).reduced() is None


def test_nonlinear_last_layers_have_no_reduced_form():
    net = Network.from_layers(2, [Linear((0,), 2), Quadratic((1,), 2, activation="identity")])
    X = np.ones((4, 2))
    assert Objective(net, "squared_error", X, X, alpha=1.0).reduced() is None


def test_what_does_not_exist_needs_no_penalty():
    masks = {"coefs_1": HOLE.astype(bool)}
    f = objective(alpha={"coefs_1": HOLE}, connectivity=masks)
    assert f.reduced() is not None
    other = objective(alpha=0.0, penalties=[lambda: L2Penalty(np.ones(17))])
    assert other.reduced() is not None
