"""The modified objective, its parts and matrices, against dual numbers and loops."""

import numpy as np
import pytest
from cases import CASES, Case, case_id, oracle, setup
from numpy.testing import assert_allclose, assert_array_equal
from oracle_numbers import STEP, read
from oracles import LOSSES, assert_close
from scipy import sparse

from sknewtonnet.calculus import (
    Linear,
    Loss,
    ModifiedObjective,
    Network,
    Objective,
    SmoothFunction,
)
from sknewtonnet.calculus.functions.subspace import AffineObjective, MappedObjective
from sknewtonnet.calculus.pieces.affine_map import AffineMap
from sknewtonnet.calculus.pieces.loss import ScaledLoss
from sknewtonnet.calculus.pieces.losses import PseudoHuber, SquaredError


def squares(id, n_outputs, **changes):
    shape = {"sizes": (2, 3, 2, n_outputs), "activations": ("tanh", "softplus"), "skip": "all"}
    options = {"loss": "squared_error", "n_samples": 40, "alpha": "arrays", "seed": 11}
    return Case(id, **shape | options | changes)


RADIAL = {"activations": ("squared_exponential", "tanh"), "kinds": ("full",), "skip": False}
SQUARES = [
    squares("one", 1),
    squares("three", 3),
    squares("few samples", 3, n_samples=5, seed=12),
    squares("linear", 2, sizes=(3, 2), activations=(), skip=False),
    squares("radial", 3, **RADIAL),
]
OTHERS = [case for case in CASES if case.id.startswith("loss") and "squared" not in case.id]
each_case = pytest.mark.parametrize("case", [*SQUARES, *OTHERS], ids=case_id)


def n_parts(case):
    """Outputs of a softmax interact: they make one part."""
    return 1 if case.loss.startswith("multinomial") else case.sizes[-1]


def parts(case, number):
    """Return the parts c_o of any kind of number, output by output."""
    p = oracle(case).problem
    raw, share = p.states(number)[-1], 1.0 / n_parts(case)
    columns = (
        [slice(None)] if n_parts(case) == 1 else [slice(o, o + 1) for o in range(p.sizes[-1])]
    )
    for o in columns:
        losses = LOSSES[p.loss](p.Y[:, o], raw[..., o], **p.loss_params)
        data = (losses * p.sample_weight).sum(-1) * (1.0 / p.sample_weight.sum())
        yield data + p.penalty_value(number) * share


def modified(case, number):
    """Return F = 1/2 sum_o c_o^2 of any kind of number."""
    total = 0.0
    for part in parts(case, number):
        total = total + 0.5 * part * part
    return total


def expected(case):
    """Return value, gradient and Hessian of F, J-hat and S-hat, by steps and dual numbers."""
    known = oracle(case)
    P = known.P
    hessian = read(modified(case, known.lifted(2)), 2, (P, P))
    gradient = modified(case, known.stepped()).imag / STEP
    J = np.stack([part.imag / STEP for part in parts(case, known.stepped())])
    c = list(parts(case, known.arrays))
    bends = [read(part, 2, (P, P)) for part in parts(case, known.lifted(2))]
    S = sum(value * bend for value, bend in zip(c, bends, strict=True))
    return modified(case, known.arrays), gradient, hessian, np.array(c), J, S


@each_case
def test_every_loss(case):
    """With weights, some of them zero, and penalties; also in chunks of rows."""
    value, gradient, hessian, c, J, S = expected(case)
    w = setup(case).w
    for F in (
        ModifiedObjective(setup(case).objective()),
        ModifiedObjective(setup(case).objective(chunk_size=7)),
    ):
        assert F.n_parts == n_parts(case)
        assert_close(F.parts(w), c)
        assert_close(F.jacobian(w), J)
        assert_close(F.residual_matrix(w), S)
        assert_close(F.value(w), value)
        assert_close(F.gradient(w), gradient)
        assert_close(F.hessian(w), hessian)
        assert_close(F.hessian(w, "gauss-newton"), J.T @ J)
        for d in np.random.default_rng(2).normal(size=(2, len(w))):
            assert_close(F.curvature(w, d), d @ hessian @ d)
            assert_close(F.hessian_product(w, d), hessian @ d)
            assert_close(F.curvature(w, d, "gauss-newton"), (J @ d) @ (J @ d))
        V = np.random.default_rng(3).normal(size=(len(w), 2))
        assert_close(F.hessian_product(w, V), hessian @ V)
        assert_close(F.hessian_product(w, V, "gauss-newton"), J.T @ (J @ V))
        assert_close(F.gradient(w), gradient)  # whatever was asked before
        assert_close(F.value(w), value)
        assert_array_equal(F.hessian(w), F.hessian(w).T)


def test_logistic_outputs():
    """[G]'s own net, of logistic units throughout: parts by a loop, F by its own gradients."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(12, 2)), rng.uniform(0.1, 0.9, size=(12, 3))
    weight = rng.integers(0, 3, 12)
    net = Network.from_layers(2, [Linear((0,), 4, "logistic"), Linear((1,), 3, "logistic")])
    F, w = ModifiedObjective(Objective(net, "squared_error", X, Y, weight)), rng.normal(size=27)

    def logistic(a):
        return 1.0 / (1.0 + np.exp(-a))

    def part(o, w):
        hidden = logistic(X @ w[:8].reshape(2, 4) + w[8:12])
        raw = hidden @ w[12:24].reshape(4, 3) + w[24:]
        return 0.5 * (weight * (logistic(raw[:, o]) - Y[:, o]) ** 2).sum() / weight.sum()

    assert_close(F.parts(w), [part(o, w) for o in range(3)])
    steps = w + 1j * STEP * np.eye(27)
    J = np.array([[part(o, step).imag / STEP for step in steps] for o in range(3)])
    assert_close(F.jacobian(w), J)
    assert_close(F.gradient(w), J.T @ F.parts(w))
    h = 1e-5
    slopes = np.array(
        [(F.gradient(w + h * e) - F.gradient(w - h * e)) / (2 * h) for e in np.eye(27)]
    )
    assert_allclose(F.hessian(w), slopes, rtol=0, atol=1e-8 * np.abs(slopes).max())
    for d in rng.normal(size=(3, 27)):
        assert_close(F.hessian_product(w, d), F.hessian(w) @ d, 1e-12)
        assert_close(F.curvature(w, d), d @ F.hessian(w) @ d, 1e-12)


@each_case
def test_parts_add_up(case):
    f, w = setup(case).objective(), setup(case).w
    F = ModifiedObjective(f)
    assert_close(F.parts(w).sum(), f.value(w))
    assert_close(F.jacobian(w).sum(axis=0), f.gradient(w))
    bends = [f.output_parts().hessian(w, e) for e in np.eye(F.n_parts)] if F.n_parts > 1 else []
    if bends:
        assert_close(sum(bends), f.hessian(w))


@pytest.mark.parametrize("case", SQUARES[:2], ids=case_id)
def test_residual_matrix_of_an_objective(case):
    """S of G = J'J + S, as a loop over samples and outputs, from the Hessian of each residual."""
    s, known = setup(case), oracle(case)
    p, P = s.problem, known.P
    raw = p.states(known.lifted(2))[-1]
    share, S = p.sample_weight / p.sample_weight.sum(), 0.0
    for i in range(len(p.Y)):
        for o in range(p.sizes[-1]):
            residual = raw[..., i, o] - p.Y[i, o]
            bend = read(residual, 2, (P, P))
            S = S + share[i] * (known.problem.states(known.arrays)[-1][i, o] - p.Y[i, o]) * bend
    f = s.objective()
    scale = np.abs(f.hessian(s.w)).max()
    assert_allclose(f.residual_matrix(s.w), S, rtol=0, atol=1e-13 * scale)
    assert_close(f.hessian(s.w, "gauss-newton") + S, f.hessian(s.w))


def test_residual_matrix_needs_a_gauss_newton_matrix():
    class Bowl(SmoothFunction):
        n_parameters = 2

        def value(self, w):
            return 0.5 * float(w @ w)

        def gradient(self, w):
            return w

        def hessian(self, w, kind="exact"):
            return np.eye(2)

    with pytest.raises(NotImplementedError, match=r"Bowl has hessian_kinds=\('exact',\)"):
        Bowl().residual_matrix(np.ones(2))
    F, w = ModifiedObjective(Bowl()), np.array([1.0, 2.0])
    assert_close(F.hessian(w), np.outer(w, w) + 2.5 * np.eye(2))
    assert_close(F.residual_matrix(w), 2.5 * np.eye(2))
    assert_close(F.hessian_product(w, w), 7.5 * w)


def test_with_an_offset():
    """The raw predictions have it; compared with squared errors of the difference."""
    rng = np.random.default_rng(0)
    X, Y, offset = rng.normal(size=(20, 2)), rng.normal(size=(20, 2)), rng.normal(size=(20, 2))
    network, w = Network.mlp(2, 2, 2), rng.normal(size=12)
    F = ModifiedObjective(Objective(network, "squared_error", X, Y - offset, alpha=0.3))
    G = ModifiedObjective(Objective(network, "squared_error", X, Y, alpha=0.3, offset=offset))
    assert_close(F.value(w), G.value(w), 1e-13)
    assert_close(F.hessian(w), G.hessian(w), 1e-12)


def test_missing_connections():
    """Columns of J-hat are the parameters that exist; S-hat by differences of the gradient."""
    rng = np.random.default_rng(0)
    masks = {"coefs_0": np.array([[1, 0, 1], [0, 1, 1]], dtype=bool)}
    net = Network.mlp(2, (3,), 2, connectivity=masks)
    F = ModifiedObjective(
        Objective(net, "poisson", rng.normal(size=(9, 2)), rng.poisson(2, (9, 2)), alpha=0.2)
    )
    w, step = rng.normal(size=net.n_parameters), 1e-6
    assert F.jacobian(w).shape == (2, net.n_parameters)
    slopes = [
        (F.gradient(w + step * e) - F.gradient(w - step * e)) / (2.0 * step)
        for e in np.eye(net.n_parameters)
    ]
    assert_allclose(F.hessian(w), slopes, rtol=1e-6, atol=1e-6 * np.abs(slopes).max())


def test_shared_parameters():
    """Derivatives are summed over the entries that a parameter stands for."""
    rng = np.random.default_rng(0)
    data = rng.normal(size=(9, 2)), rng.poisson(2.0, size=(9, 2))
    ties = {"coefs_0": np.array([[0, 0, -1], [1, -1, 1]]), "intercepts_0": np.array([2, 2, -1])}
    nets = [Network.mlp(2, (3,), 2, tied=tied) for tied in (None, ties)]
    F, G = (ModifiedObjective(Objective(net, "poisson", *data)) for net in nets)
    layout = nets[1].layout
    assert nets[1].n_parameters == nets[0].n_parameters - 3
    w, d = rng.normal(size=(2, nets[1].n_parameters))
    E = layout.expand(np.eye(len(w)))
    assert_close(G.parts(w), F.parts(E @ w))
    assert_close(G.jacobian(w), F.jacobian(E @ w) @ E)
    assert_close(G.hessian(w), E.T @ F.hessian(E @ w) @ E)
    assert_close(G.hessian_product(w, d), E.T @ F.hessian_product(E @ w, E @ d))
    f = G.function
    assert_close(f.curvature(w, d, "block"), d @ f.hessian(w, "block") @ d)


def test_the_objective_is_left_alone():
    """Its answers are the same before and after, to the last bit."""
    f, w = setup(SQUARES[1]).objective(), setup(SQUARES[1]).w
    before = f.value(w), f.gradient(w), f.hessian(w), f.hessian_product(w, w)
    F = ModifiedObjective(f)
    F.gradient(w)
    F.hessian(w)
    F.curvature(w, w)
    after = f.value(w), f.gradient(w), f.hessian(w), f.hessian_product(w, w)
    for a, b in zip(after, before, strict=True):
        assert_array_equal(a, b)


# Through other coordinates ---------------------------------------------------------------


def test_in_other_coordinates():
    """The parts are those of the outputs, not f as a whole."""
    f, w = setup(SQUARES[1]).objective(), setup(SQUARES[1]).w
    rng, P = np.random.default_rng(4), len(w)
    T = np.eye(P) + 0.1 * rng.normal(size=(P, P))
    mapped = MappedObjective(f, AffineMap(sparse.csc_array(T), rng.normal(size=P)))
    basis = np.linalg.qr(rng.normal(size=(P, 5)))[0]
    plane = AffineObjective(f, w, basis)
    F = ModifiedObjective(f)
    for function, u, A in ((mapped, w, T), (plane, rng.normal(size=5), basis)):
        G, point, d = ModifiedObjective(function), function.expand(u), rng.normal(size=len(u))
        assert G.n_parts == 3
        assert_close(G.parts(u), F.parts(point))
        assert_close(G.jacobian(u), F.jacobian(point) @ A)
        assert_close(G.gradient(u), A.T @ F.gradient(point))
        assert_close(G.hessian(u), A.T @ F.hessian(point) @ A)
        assert_close(G.hessian_product(u, d), A.T @ F.hessian_product(point, A @ d))


# What is refused, and what has no value ---------------------------------------------------


class Shifted(SquaredError):
    """A loss that may be negative."""

    name = "shifted"

    def derivatives(self, y, raw, order=2):
        value, *rest = super().derivatives(y, raw, order)
        return (value - 0.1 * y.shape[1], *rest)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_negative_parts_have_no_square(n_outputs):
    X = np.eye(3)
    Y = np.zeros((3, n_outputs))
    Y[:, -1] = 4.0
    f = Objective(Network.mlp(3, (), n_outputs), Shifted(), X, Y)
    F, w = ModifiedObjective(f), np.zeros(f.n_parameters)
    if n_outputs == 1:
        assert F.value(w) == 0.5 * f.value(w) ** 2
        w = np.array([0.0, 0.0, 0.0, 4.0])
    assert F.value(w) == np.inf
    which = "f is -0.1" if n_outputs == 1 else "the part of output 0 is -0.1"
    assert F.why_not_finite(w).startswith(f"{which}, and the modified objective")


def test_all_losses_are_at_least_zero():
    """So that their parts can be squared."""
    for case in OTHERS:
        assert (ModifiedObjective(setup(case).objective()).parts(setup(case).w) >= 0.0).all()


class Weighted(Loss):
    """A loss with a number for each output."""

    name = "weighted"

    def __init__(self, scale):
        self.scale = scale

    def derivatives(self, y, raw, order=2):
        r = raw - y
        found = 0.5 * (self.scale * r * r).sum(axis=1), self.scale * r, self.scale + 0.0 * r
        return found[: order + 1]


def test_a_loss_with_a_number_for_each_output():
    """It says what each output has of it; else it is asked to."""
    rng = np.random.default_rng(0)
    X, Y, scale = rng.normal(size=(8, 2)), rng.normal(size=(8, 2)), np.array([1.0, 3.0])
    net = Network.mlp(2, (2,), 2)
    with pytest.raises(ValueError, match=r"the loss weighted .* override Loss.by_output"):
        ModifiedObjective(Objective(net, Weighted(scale), X, Y))

    class Told(Weighted):
        def by_output(self, y, raw):
            return 0.5 * self.scale * (raw - y) ** 2

    w = rng.normal(size=net.n_parameters)
    found = ModifiedObjective(Objective(net, Told(scale), X, Y)).parts(w)
    plain = ModifiedObjective(Objective(net, "squared_error", X, Y)).parts(w)
    assert_close(found, scale * plain)
    other = ScaledLoss(PseudoHuber(0.5), scale, 2.0)
    y, raw = rng.normal(size=(2, 5, 2))
    assert_close(other.by_output(y, raw).sum(axis=1), other.value(y, raw))


def test_arguments():
    with pytest.raises(TypeError, match="function must be a SmoothFunction"):
        ModifiedObjective(lambda w: 0.0)
    F = ModifiedObjective(setup(SQUARES[1]).objective())
    with pytest.raises(ValueError, match="kind must be one of"):
        F.hessian(setup(SQUARES[1]).w, "block")
    with pytest.raises(ValueError, match="shape"):
        F.value(np.ones(3))
