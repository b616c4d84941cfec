"""Penalties with mixed derivatives, within and across layers, in an objective."""

import functools

import numpy as np
import pytest
from cases import KINDS, PRODUCTS, RELATIONS, case_id, oracle, setup
from numpy.testing import assert_allclose, assert_array_equal
from oracles import Oracle, assert_close
from penalty_cases import Fused, Quartic, own_penalties, with_penalty

from sknewtonnet.calculus import Linear, Network, NormPenalty, Objective, SeparablePenalty
from sknewtonnet.calculus.functions.modified import ModifiedObjective
from sknewtonnet.calculus.functions.subspace import AffineObjective
from sknewtonnet.solvers import get_solver

PENALTIES = ("norms", "norms of all", "quartic", "fused")
S = RELATIONS[0]

each_case = pytest.mark.parametrize("case", RELATIONS, ids=case_id)
each_penalty = pytest.mark.parametrize("name", PENALTIES)


@functools.cache
def reference_of(case, name):
    s = setup(case)
    penalty = own_penalties(s.net.layout)[name]
    return Oracle(with_penalty(s.problem, penalty, s.net.layout), s.net.layout, s.w)


def both(case, name, **options):
    """Return an objective with a penalty of one's own, its point, and the reference values."""
    s = setup(case)
    penalty = own_penalties(s.net.layout)[name]
    return s.objective(penalties=[penalty], **options), s.w, reference_of(case, name)


@each_case
@each_penalty
def test_value_and_gradient(case, name):
    objective, w, reference = both(case, name)
    assert_close(objective.value(w), reference.value)
    assert_close(objective.gradient(w), reference.gradient)


@each_case
@each_penalty
@pytest.mark.parametrize("chunk_size", [None, 7])
def test_each_kind_of_hessian(case, name, chunk_size):
    """All of the penalty's Hessian, but for "block", which has the blocks of the units."""
    objective, w, reference = both(case, name, chunk_size=chunk_size)
    bare = setup(case).objective().hessian(w, "lagrangian")
    own = reference.penalty_hessian - oracle(case).penalty_hessian
    same = np.equal.outer(reference.neurons, reference.neurons)
    assert own[same].any()
    expected = {
        "exact": reference.hessian,
        "block": np.where(same, reference.hessian, 0.0),
        "lagrangian": bare + own,
        "gauss-newton": reference.gauss_newton,
    }
    for kind in KINDS:
        assert_close(objective.hessian(w, kind), expected[kind])
    for kind in ("block", "lagrangian"):
        blocks = objective.hessian_blocks(w, kind)
        for found, places in zip(blocks, reference.places(), strict=True):
            assert_close(found, expected[kind][places[:, :, None], places[:, None, :]])


@each_case
@each_penalty
def test_products(case, name):
    objective, w, reference = both(case, name)
    V = np.random.default_rng(1).normal(size=(len(w), 3))
    for kind, H in zip(PRODUCTS, (reference.hessian, reference.gauss_newton), strict=True):
        assert_close(objective.hessian_product(w, V, kind), H @ V)
        assert_close(objective.hessian_product(w, V[:, 1], kind), H @ V[:, 1])


@each_penalty
def test_connections_that_do_not_exist(name):
    """Their entries are zero, and no parameters: the rest has the same derivatives."""
    s = setup(S)
    masks = {"coefs_0": np.arange(9).reshape(3, 3) % 4 > 0}
    net = Network.mlp(3, (3, 2), 2, ["tanh", "softplus"], "all", connectivity=masks)
    w = s.w[: net.n_parameters]
    penalty = own_penalties(net.layout)[name]
    reference = Oracle(with_penalty(s.problem, penalty, net.layout), net.layout, w)
    p = s.problem
    f = Objective(net, s.loss, p.X, p.Y, p.sample_weight, s.alpha, penalties=penalty)
    assert_close(f.gradient(w), reference.gradient)
    assert_close(f.hessian(w), reference.hessian)
    for found, places in zip(f.hessian_blocks(w), reference.places(), strict=True):
        there = (places[:, :, None] >= 0) & (places[:, None, :] >= 0)
        H = reference.hessian[places[:, :, None], places[:, None, :]]
        assert_close(found, np.where(there, H, 0.0))


@each_penalty
def test_the_objective_on_a_subspace(name):
    objective, w, reference = both(S, name)
    basis = np.linalg.qr(np.random.default_rng(2).normal(size=(len(w), 4)))[0]
    inside = AffineObjective(objective, w, basis)
    u, v = np.zeros(4), np.arange(4.0)
    assert_close(inside.gradient(u), basis.T @ reference.gradient)
    assert_close(inside.hessian(u), basis.T @ reference.hessian @ basis)
    assert_close(inside.hessian_product(u, v), basis.T @ reference.hessian @ basis @ v)
    assert inside.kinks(u) == objective.kinks(w) == ()


@each_penalty
def test_squared_parts_of_the_outputs(name):
    """Curvature of F = 1/2 sum_o f_o^2 along a direction; the penalty is shared by the f_o."""
    objective, w, _ = both(S, name)
    d = np.random.default_rng(3).normal(size=len(w))
    F, step = ModifiedObjective(objective), 1e-4
    slopes = [F.gradient(w + t * d) @ d for t in (-2 * step, -step, step, 2 * step)]
    expected = (slopes[0] - 8 * slopes[1] + 8 * slopes[2] - slopes[3]) / (12 * step)
    assert_allclose(F.curvature(w, d), expected, rtol=1e-8)


# Norms ----------------------------------------------------------------------------------


def test_norms_by_their_formulas():
    """lambda (I / ||W|| - W W' / ||W||^3) for each layer, nothing between layers."""
    layout = Network.mlp(3, (4,), 2).layout
    w = np.random.default_rng(4).normal(size=layout.n_parameters)
    penalty = NormPenalty(0.3).on(layout)
    arrays = layout.unpack(w)
    norms = [np.linalg.norm(arrays[name]) for name in ("coefs_0", "coefs_1")]
    assert_allclose(penalty.value(w), 0.3 * sum(norms), rtol=1e-14)
    W, norm = arrays["coefs_0"].ravel(), norms[0]
    expected = 0.3 * (np.eye(12) / norm - np.outer(W, W) / norm**3)
    assert_allclose(penalty.hessian(w)[:12, :12], expected, rtol=1e-12, atol=1e-15)
    assert not penalty.hessian(w)[:12, 12:].any()
    assert_allclose(penalty.hessian(w) @ w, 0.0, atol=1e-14)


def test_which_norms():
    layout = Network.rbf(2, 3, 1, hidden_layer_sizes=(2,)).layout
    w = np.random.default_rng(5).normal(size=layout.n_parameters)
    arrays = layout.unpack(w)
    found = NormPenalty(2.0, ("centers", "intercepts_0")).on(layout)
    norms = [np.linalg.norm(arrays[name]) for name in ("centers", "intercepts_0")]
    assert_allclose(found.value(w), 2.0 * sum(norms), rtol=1e-14)
    depends = {name for name in layout.shapes if found.depends_on(name)}
    assert depends == {"centers", "intercepts_0"}
    default = NormPenalty(2.0).on(layout)
    assert {name for name in layout.shapes if default.depends_on(name)} == {"coefs_0", "coefs_1"}


@pytest.mark.parametrize("scale", [0.0, 1e-200])
def test_at_zero(scale):
    """The value is 0 to rounding, and the gradient and the Hessian of that layer are 0."""
    layout = Network.mlp(3, (4,), 2).layout
    w = np.random.default_rng(6).normal(size=layout.n_parameters)
    w[layout.parameters_of("coefs_1")] *= scale
    penalty = NormPenalty(0.3).on(layout)
    first, second = layout.parameters_of("coefs_0"), layout.parameters_of("coefs_1")
    assert_allclose(penalty.value(w), 0.3 * np.linalg.norm(w[first]), rtol=1e-14)
    assert not penalty.gradient(w)[second].any()
    assert_allclose(penalty.gradient(w)[first], 0.3 * w[first] / np.linalg.norm(w[first]))
    assert not penalty.hessian(w)[second].any()
    assert not penalty.hessian_product(w, w)[second].any()
    (kink,) = penalty.kinks(w)
    assert kink.startswith("coefs_1 ")
    f = problem(Network.mlp(3, (4,), 2), NormPenalty(0.3))
    assert f.kinks(w) == (kink,)
    assert AffineObjective(f, w, np.eye(len(w))[:, :3]).kinks(np.zeros(3)) == (kink,)
    assert not NormPenalty(0.0).on(layout).kinks(w)


@pytest.mark.parametrize("size", [1e-140, 1e-8, 1e140])
def test_any_size_of_a_norm(size):
    """Finite and without a warning."""
    layout = Network.mlp(3, (), 1).layout
    w = size * np.array([3.0, 0.0, 4.0, 1.0])
    penalty = NormPenalty(1.0).on(layout)
    assert_allclose(penalty.value(w), 5.0 * size, rtol=1e-14)
    assert_allclose(penalty.gradient(w), [0.6, 0.0, 0.8, 0.0], rtol=1e-14)
    assert_allclose(np.diag(penalty.hessian(w)) * size, [0.128, 0.2, 0.072, 0.0], rtol=1e-13)


def test_an_array_of_which_nothing_exists():
    masks = {"coefs_0": np.zeros((3, 4), dtype=bool)}
    layout = Network.mlp(3, (4,), 2, connectivity=masks).layout
    w = np.ones(layout.n_parameters)
    penalty = NormPenalty().on(layout)
    assert_allclose(penalty.value(w), np.sqrt(8.0))
    assert not penalty.kinks(w)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1.0,), "strength"),
        ((np.nan,), "strength"),
        (("a",), "strength"),
        ((None,), "strength"),
        ((1.0, "coefs_0"), "arrays must be a sequence"),
    ],
)
def test_norms_that_make_no_sense(arguments, message):
    with pytest.raises(ValueError, match=message):
        NormPenalty(*arguments)


def test_norms_of_no_net():
    layout = Network.mlp(3, (4,), 2).layout
    with pytest.raises(ValueError, match="coefs_7"):
        NormPenalty(arrays=("coefs_7",)).on(layout)
    with pytest.raises(ValueError, match=r"NormPenalty\(...\).on\(net.layout\)"):
        NormPenalty().value(np.ones(layout.n_parameters))


def test_one_penalty_on_two_nets():
    """What is put on a net is another object; it can be put on a second one."""
    small, large = Network.mlp(3, (2,), 2).layout, Network.mlp(3, (4,), 2).layout
    recipe = NormPenalty(0.3)
    w = np.ones(large.n_parameters)
    expected = recipe.on(large).value(w)
    assert recipe.on(small).on(large).value(w) == expected
    assert recipe.layout is None
    assert repr(recipe.on(large)) == repr(recipe) == "NormPenalty(strength=0.3, arrays=None)"


class NoMatrix(NormPenalty):
    """Products alone, as a net of many parameters needs them."""

    def hessian(self, w):
        raise MemoryError


def test_products_take_no_matrix():
    """Of 40000 parameters it would be 12 GB."""
    net = Network.mlp(200, (200,), 1)
    X = np.random.default_rng(12).normal(size=(5, 200))
    f = Objective(net, "squared_error", X, X[:, 0], penalties=NoMatrix(2.0))
    bare = Objective(net, "squared_error", X, X[:, 0])
    w = 0.1 * np.random.default_rng(13).normal(size=net.n_parameters)
    v = np.random.default_rng(14).normal(size=(net.n_parameters, 2))
    found = 5.0 * (f.hessian_product(w, v) - bare.hessian_product(w, v))
    for array in (net.layout.unpack(along) for along in found.T):
        assert not array["intercepts_0"].any()
    for name in ("coefs_0", "coefs_1"):
        where = net.layout.parameters_of(name)
        W, norm = w[where], np.linalg.norm(w[where])
        expected = 2.0 * (v[where] / norm - np.outer(W, W @ v[where]) / norm**3)
        assert_allclose(found[where], expected, atol=1e-11)


# Objectives ------------------------------------------------------------------------------


def problem(net, penalties, loss="squared_error", alpha=1.0):
    rng = np.random.default_rng(7)
    X = rng.normal(size=(20, net.n_features))
    Y = np.eye(net.n_outputs)[rng.integers(net.n_outputs, size=20)]
    return Objective(net, loss, X, Y, alpha=alpha, penalties=penalties)


def test_forms_of_the_argument():
    net = Network.mlp(3, (4,), 2)
    w = np.random.default_rng(8).normal(size=net.n_parameters)
    one = problem(net, NormPenalty(0.5)).value(w)
    assert problem(net, [NormPenalty(0.5)]).value(w) == one
    assert problem(net, (NormPenalty(0.2), NormPenalty(0.3))).value(w) == pytest.approx(one)
    assert problem(net, None).value(w) == problem(net, ()).value(w) < one
    for wrong in ([0.5], [NormPenalty], [NormPenalty(), "norm"]):
        with pytest.raises(ValueError, match="penalties must be instances"):
            problem(net, wrong)


class Wrong(Quartic):
    """One method gives an array of a wrong shape."""

    def __init__(self, method):
        self.method = method

    def __getattribute__(self, name):
        if name not in ("gradient", "hessian", "hessian_product") or name != self.method:
            return super().__getattribute__(name)
        return lambda w, *v: np.ones(len(w) + 1) if v else np.ones((len(w), 1))


@pytest.mark.parametrize("method", ["gradient", "hessian", "hessian_product"])
def test_wrong_shapes_are_refused(method):
    """A vector in place of a matrix would be added to each of its rows."""
    net = Network.mlp(3, (4,), 2)
    f, w = problem(net, Wrong(method)), np.ones(net.n_parameters)
    with pytest.raises(ValueError, match=f"{method} of the penalty Wrong must return shape"):
        getattr(f, method)(w, *([w] if method == "hessian_product" else []))


class Nothing(SeparablePenalty):
    """0, of which it is not said on what it depends."""

    def value(self, w):
        return 0.0

    def gradient(self, w):
        return np.zeros(len(w))

    def hessian_diagonal(self, w):
        return np.zeros(len(w))


class DeclaredNothing(Nothing):
    def depends_on(self, array):
        return False


HIDDEN = [Fused(), NormPenalty(0.4, ("coefs_0", "intercepts_0")), DeclaredNothing()]


@pytest.mark.parametrize("penalty", HIDDEN, ids=lambda p: type(p).__name__)
def test_penalties_of_hidden_layers_keep_the_projection(penalty):
    """The reduced function, its gradient and its Hessian are those of the least f."""
    net = Network.mlp(3, (4,), 2)
    f = problem(net, penalty)
    assert f.why_not_reduced() == ""
    F = f.reduced()
    u = np.random.default_rng(9).normal(size=F.n_parameters)
    w = F.expand(u)
    assert_allclose(f.gradient(w)[len(u) :], 0.0, atol=1e-14)
    H, n = f.hessian(w), len(u)
    schur = H[:n, :n] - H[:n, n:] @ np.linalg.solve(H[n:, n:], H[n:, :n])
    assert_close(F.hessian(u), schur, 1e-9)
    step = 1e-5 * np.eye(n)
    slopes = [(F.value(u + e) - F.value(u - e)) / 2e-5 for e in step]
    assert_allclose(F.gradient(u), slopes, atol=1e-9)
    bends = [(F.gradient(u + e) - F.gradient(u - e)) / 2e-5 for e in step]
    assert_allclose(F.hessian(u), bends, atol=1e-8)
    assert_close(F.hessian_product(u, u), schur @ u, 1e-9)


@pytest.mark.parametrize(
    ("penalties", "named"),
    [
        (Quartic(), "Quartic"),
        (NormPenalty(), "NormPenalty"),
        (Nothing(), "Nothing"),
        ([Fused(), NormPenalty(), Quartic()], "NormPenalty and Quartic"),
    ],
)
def test_penalties_of_the_output_layer_switch_the_projection_off(penalties, named):
    """And that is said."""
    f = problem(Network.mlp(3, (4,), 2), penalties)
    assert f.reduced() is None
    assert f"since {named} may depend on it" in f.why_not_reduced()


@pytest.mark.parametrize(
    "changes", [{"loss": "log_loss"}, {"alpha": 0.0}, {"alpha": {"coefs_0": 1.0}}], ids=str
)
def test_nothing_is_said_where_no_projection_is_expected(changes):
    f = problem(Network.mlp(3, (4,), 2), NormPenalty(), **changes)
    assert f.reduced() is None
    assert f.why_not_reduced() == ""
    assert problem(Network.mlp(3, (), 2), NormPenalty()).why_not_reduced() == ""


def directions(penalties, alpha=0.0):
    f = problem(Network.mlp(3, (4,), 3), penalties, "log_loss", alpha)
    found, w = f.invariant_directions(), np.random.default_rng(10).normal(size=f.n_parameters)
    for along in found.T:
        assert_allclose([f.value(w + t * along) for t in (1.0, 30.0)], f.value(w), rtol=1e-12)
    return found.shape[1]


def test_known_directions_of_a_softmax():
    """Each row of the output layer that no penalty depends on."""
    assert directions(None) == 5
    assert directions(Fused()) == 5
    assert directions(NormPenalty()) == 1  # the intercepts
    assert directions(NormPenalty(arrays=("intercepts_1",))) == 4
    assert directions(Quartic()) == 0
    assert directions(Fused(), alpha=1.0) == 1


def test_two_layers_that_share_their_weights():
    """A penalty across two equal layers that is strong enough makes them one."""

    class Tied(Quartic):
        def value(self, w):
            return 0.5e6 * float(np.sum((w[:9] - w[12:21]) ** 2))

        def gradient(self, w):
            return self.hessian(w) @ w

        def hessian(self, w):
            D = np.eye(len(w))[:9] - np.eye(len(w))[12:21]
            return 1e6 * D.T @ D

    layers = [Linear((0,), 3, "tanh"), Linear((1,), 3, "tanh"), Linear((2,), 2)]
    f = problem(Network.from_layers(3, layers), Tied(), alpha=0.01)
    start = np.random.default_rng(11).normal(size=f.n_parameters)
    result = get_solver("newton", tol=1e-9, max_iter=500).minimize(f, start)
    assert result.converged
    assert_allclose(result.params[:9], result.params[12:21], atol=1e-5)
    assert np.abs(result.params[:9]).max() > 0.1


def test_nothing_is_changed_by_asking():
    objective, w, _ = both(S, "quartic")
    before = [objective.value(w), objective.gradient(w), objective.hessian(w)]
    objective.hessian(w)[...] = np.nan
    objective.gradient(w)[...] = np.nan
    for a, b in zip(
        before, [objective.value(w), objective.gradient(w), objective.hessian(w)], strict=True
    ):
        assert_array_equal(a, b)
