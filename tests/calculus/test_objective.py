"""The objective and its derivatives against the oracles, and the relations they obey."""

import dataclasses

import numpy as np
import oracles
import pytest
from cases import CASES, KINDS, LAYER_CASES, PRODUCTS, RELATIONS, Case, case_id, oracle, setup

from sknewtonnet.calculus import Network, Objective

each_case = pytest.mark.parametrize("case", [*CASES, *LAYER_CASES], ids=case_id)
each_relation = pytest.mark.parametrize("case", RELATIONS, ids=case_id)


def everything(objective, w):
    """Return all an objective can tell about a point, by name."""
    v = np.linspace(-1.0, 1.0, len(w))
    return {
        "value": objective.value(w),
        "gradient": objective.gradient(w),
        **{kind: objective.hessian(w, kind=kind) for kind in KINDS},
        **{f"product {k}": objective.hessian_product(w, v, kind=k) for k in PRODUCTS},
        **{f"block of layer {k}": b for k, b in enumerate(objective.hessian_blocks(w))},
    }


def assert_same(found, expected, rtol=1e-12):
    assert found.keys() == expected.keys()
    for name in expected:
        oracles.assert_close(found[name], expected[name], rtol)


# Against the oracles ------------------------------------------------------------------


@each_case
def test_value_and_gradient(case):
    objective, w = setup(case).objective(), setup(case).w
    value, gradient = objective.value_and_gradient(w)
    oracles.assert_close(value, oracle(case).value)
    oracles.assert_close(gradient, oracle(case).gradient)
    assert value == objective.value(w) == setup(case).objective().value(w)
    np.testing.assert_array_equal(gradient, objective.gradient(w))
    np.testing.assert_array_equal(gradient, setup(case).objective().gradient(w))


@each_case
def test_exact_hessian(case):
    hessian = setup(case).objective().hessian(setup(case).w)
    oracles.assert_close(hessian, oracle(case).hessian)
    oracles.assert_close(hessian, hessian.T, 1e-13)


@each_case
def test_gauss_newton_matrix(case):
    """It is J' (d2 loss) J, so it has no negative curvature; exact for linear predictors."""
    matrix = setup(case).objective().hessian(setup(case).w, kind="gauss-newton")
    oracles.assert_close(matrix, oracle(case).gauss_newton)
    oracles.assert_close(matrix, matrix.T, 1e-13)
    eigenvalues = np.linalg.eigvalsh(matrix)
    assert eigenvalues[0] > -1e-13 * eigenvalues[-1]
    if case.linear_in_w:
        oracles.assert_close(matrix, oracle(case).hessian)


@each_case
def test_block_hessian(case):
    """The same-neuron entries of the exact Hessian, zeros elsewhere; in both forms."""
    objective, w = setup(case).objective(), setup(case).w
    same = np.equal.outer(oracle(case).neurons, oracle(case).neurons)
    expected = np.where(same, oracle(case).hessian, 0.0)
    found = objective.hessian(w, kind="block")
    oracles.assert_close(found, expected)
    assert not found[~same].any()
    stored = objective.hessian_blocks(w)
    assert len(stored) == setup(case).problem.n_layers
    for blocks, places in zip(stored, oracle(case).places(), strict=True):
        oracles.assert_close(blocks, expected[places[:, :, None], places[:, None, :]])


@each_case
@pytest.mark.parametrize("kind", PRODUCTS)
def test_products(case, kind):
    """With one direction and with several, at a fresh point and at a known one."""
    w, V = setup(case).w, np.random.default_rng(9).normal(size=(len(setup(case).w), 3))
    matrix = oracle(case).hessian if kind == "exact" else oracle(case).gauss_newton
    objective = setup(case).objective()
    oracles.assert_close(objective.hessian_product(w, V, kind=kind), matrix @ V)
    oracles.assert_close(objective.hessian_product(w, V[:, 1], kind=kind), matrix @ V[:, 1])
    oracles.assert_close(objective.hessian_product(w, V[:, :1], kind=kind), matrix @ V[:, :1])


@each_case
def test_jacobian_and_scores(case):
    """The weighted scores and the penalty's gradient add up to the gradient."""
    s, p = setup(case), setup(case).problem
    objective = s.objective()
    scores = objective.scores(s.w)
    oracles.assert_close(objective.jacobian(s.w), oracle(case).jacobian)
    oracles.assert_close(scores, oracle(case).scores)
    data = p.sample_weight @ scores / p.sample_weight.sum()
    oracles.assert_close(objective.gradient(s.w), data + oracle(case).penalty_hessian @ s.w)


@each_relation
def test_the_oracle_agrees_with_automatic_differentiation(case):
    """Who watches the watchmen: JAX, where it is installed."""
    jax = pytest.importorskip("jax", reason="an independent check of the oracle needs jax")
    with jax.enable_x64(True):
        f = oracles.jax_value(oracle(case))
        both = jax.jit(lambda w: (*jax.value_and_grad(f)(w), jax.hessian(f)(w)))
        value, gradient, hessian = both(setup(case).w)
    oracles.assert_close(value, oracle(case).value, 1e-13)
    oracles.assert_close(gradient, oracle(case).gradient, 1e-12)
    oracles.assert_close(hessian, oracle(case).hessian, 1e-12)


# Relations ----------------------------------------------------------------------------


@each_relation
def test_weights_are_counts(case):
    """Weight 0 is an absent row, weight 2 the same row twice."""
    s = setup(case)
    counts = np.random.default_rng(5).integers(0, 3, len(s.problem.X))
    rows = np.repeat(np.arange(len(counts)), counts)
    weighted = s.objective(sample_weight=counts)
    repeated = s.objective(rows, sample_weight=np.ones(len(rows)))
    assert_same(everything(weighted, s.w), everything(repeated, s.w))
    oracles.assert_close(weighted.scores(s.w)[rows], repeated.scores(s.w), 1e-12)
    oracles.assert_close(weighted.jacobian(s.w)[rows], repeated.jacobian(s.w), 1e-12)


@each_relation
def test_the_scale_of_weights_is_free(case):
    """f(c s, c alpha) = f(s, alpha); no weights are weights of one, no alpha is zero."""
    s, p = setup(case), setup(case).problem
    plain = everything(Objective(s.net, s.loss, p.X, p.Y), s.w)
    scaled = s.objective(sample_weight=np.full(50, 1e-4), alpha=0.0)
    assert_same(everything(scaled, s.w), plain)
    plain = everything(Objective(s.net, s.loss, p.X, p.Y, alpha=1.3), s.w)
    scaled = s.objective(sample_weight=np.full(50, 1e4), alpha=1.3e4)
    assert_same(everything(scaled, s.w), plain)


@each_relation
def test_parts_of_the_data_add_up(case):
    """S f = S_A f_A + S_B f_B, without a penalty."""
    s, parts = setup(case), (slice(0, 17), slice(17, 50))
    weight = s.problem.sample_weight
    whole = everything(s.objective(alpha=0.0), s.w)
    found = [everything(s.objective(rows, alpha=0.0), s.w) for rows in parts]
    shares = [weight[rows].sum() / weight.sum() for rows in parts]
    added = {n: sum(r * f[n] for r, f in zip(shares, found, strict=True)) for n in whole}
    assert_same(added, whole, 1e-11)


@each_relation
@pytest.mark.parametrize("chunk_size", [7, 50])
def test_chunks_change_nothing(case, chunk_size):
    """How many samples are worked on at once is a matter of speed only."""
    s = setup(case)
    chunked, plain = s.objective(chunk_size=chunk_size), s.objective(chunk_size=64)
    assert_same(everything(chunked, s.w), everything(plain, s.w))
    oracles.assert_close(chunked.scores(s.w), plain.scores(s.w), 1e-13)
    oracles.assert_close(chunked.jacobian(s.w), plain.jacobian(s.w), 1e-13)


def test_many_samples():
    """Whatever pieces the samples or directions are worked on in, the parts add up."""
    case = Case("many", (5, 4, 3, 2), ("tanh", "sine"), "all", "multinomial_log_loss", 2500)
    s = setup(case)

    def ask(objective):
        order_four = objective.lagrangian_tensors(s.w, 4)
        tensors = {f"tensor of layer {k}": t for k, t in enumerate(order_four)}
        return {**everything(objective, s.w), **tensors}

    whole = s.objective(sample_weight=np.ones(2500), alpha=0.0)
    rows = [slice(start, start + 100) for start in range(0, 2500, 100)]
    parts = [ask(s.objective(r, sample_weight=np.ones(100), alpha=0.0)) for r in rows]
    assert_same(ask(whole), {n: np.mean([p[n] for p in parts], axis=0) for n in parts[0]}, 1e-11)
    for kind in PRODUCTS:
        columns = whole.hessian_product(s.w, np.eye(len(s.w)), kind=kind)
        oracles.assert_close(columns, whole.hessian(s.w, kind=kind), 1e-11)


def rearranged(problem, arrays, layer, order, sign):
    """Return the arrays with the units of a hidden layer reordered and their signs flipped."""
    new = {name: a.copy() for name, a in arrays.items()}
    for name in (f"coefs_{layer}", f"intercepts_{layer}"):
        new[name] = sign * arrays[name][..., order]
    for k in range(layer + 1, problem.n_layers):
        for q, rows in zip(problem.sources(k), problem.rows(k), strict=True):
            if q == layer + 1:
                new[f"coefs_{k}"][rows] = sign[:, None] * arrays[f"coefs_{k}"][rows][order]
    return new


MLPS = [c for c in RELATIONS if "tanh" in c.activations and not c.kinds]


@pytest.mark.parametrize("case", MLPS, ids=case_id)
@pytest.mark.parametrize("flip", [False, True])
def test_hidden_units_are_exchangeable(case, flip):
    """Reordering units, or flipping the signs around an odd one, keeps value and spectrum."""
    s = setup(case)
    size = s.problem.sizes[1]
    sign = np.where(np.arange(size) % 2, -1.0, 1.0) if flip else np.ones(size)
    order = np.random.default_rng(2).permutation(size)
    arrays = rearranged(s.problem, s.net.layout.unpack(s.w), 0, order, sign)
    objective, w = s.objective(alpha=1.3), s.net.layout.pack(arrays)
    oracles.assert_close(objective.value(w), objective.value(s.w), 1e-13)
    for kind in KINDS:
        spectra = [np.linalg.eigvalsh(objective.hessian(x, kind=kind)) for x in (w, s.w)]
        oracles.assert_close(*spectra, 1e-10)


@pytest.mark.parametrize("case", [c for c in CASES if c.id.startswith("loss")], ids=case_id)
def test_steps_too_far(case):
    """Overflow is an infinite value, not nan nor a warning; rows without weight have no say."""
    s, p = setup(case), setup(case).problem
    far, some = 1e3 * s.w, p.sample_weight > 0
    weighted = dataclasses.replace(
        p, X=p.X[some], Y=p.Y[some], sample_weight=p.sample_weight[some]
    )
    reference = oracles.Oracle(weighted, s.net.layout, far)
    with np.errstate(over="ignore"):
        expected = reference.value
    assert not np.isnan(expected)
    assert s.objective().value(far) == pytest.approx(expected, rel=1e-10)
    assert s.objective().value_and_gradient(far)[0] == pytest.approx(expected, rel=1e-10)
    oracles.assert_close(s.objective().jacobian(far)[some], reference.jacobian)


# The kept point -----------------------------------------------------------------------


@each_relation
def test_results_do_not_depend_on_what_was_asked_before(case):
    """In any order, at alternating points, an objective answers as a fresh one would."""
    s, rng = setup(case), np.random.default_rng(6)
    points = [s.w, rng.normal(size=len(s.w))]
    v = rng.normal(size=(len(s.w), 2))
    questions = [
        *(lambda o, w, name=name: getattr(o, name)(w) for name in ("value", "gradient")),
        *(lambda o, w, name=name: getattr(o, name)(w) for name in ("jacobian", "scores")),
        *(lambda o, w, kind=kind: o.hessian(w, kind=kind) for kind in KINDS),
        *(lambda o, w, kind=kind: o.hessian_product(w, v, kind=kind) for kind in PRODUCTS),
        *([] if case.kinds else [lambda o, w: o.lagrangian_tensors(w, 2)[0]]),
    ]
    fresh = [[ask(s.objective(), w) for w in points] for ask in questions]
    objective = s.objective()
    for _ in range(60):
        q, p = rng.integers(len(questions)), rng.integers(2)
        oracles.assert_close(questions[q](objective, points[p]), fresh[q][p], 1e-13)


@each_relation
def test_answers_belong_to_the_caller(case):
    """Later calls leave them alone, and writing into them does not reach the objective."""
    s = setup(case)
    objective = s.objective()
    first = everything(objective, s.w)
    kept = {name: np.copy(a) for name, a in first.items()}
    everything(objective, s.w + 0.1)
    assert_same(first, kept, 0.0)
    again = everything(objective, s.w)
    for array in (*again.values(), objective.jacobian(s.w), objective.scores(s.w)):
        if np.ndim(array):
            array[...] = np.nan
    assert_same(everything(objective, s.w), kept)


def test_a_vector_changed_in_place_is_a_new_point():
    """Solvers overwrite their iterate; the kept point must not go with it."""
    s = setup(RELATIONS[0])
    objective, w = s.objective(), s.w.copy()
    objective.gradient(w)
    w += 0.5
    oracles.assert_close(objective.gradient(w), s.objective().gradient(w), 1e-14)
    np.testing.assert_array_equal(w, s.w + 0.5)


def test_the_kept_point_is_used():
    """Value and gradient at one point share a pass; the loss is not evaluated again."""
    s, calls = setup(RELATIONS[0]), []

    class Counted(type(s.loss)):
        def derivatives(self, y, raw, order=2):
            calls.append(order)
            return super().derivatives(y, raw, order)

    objective = Objective(s.net, Counted(), s.problem.X, s.problem.Y)
    objective.value(s.w)
    once = len(calls)
    objective.gradient(s.w.copy())
    objective.value(s.w)
    assert len(calls) == once


# What is refused ----------------------------------------------------------------------


def with_nan(array):
    array = np.array(array, dtype=float)
    array.flat[1] = np.nan
    return array


X, Y = np.arange(12.0).reshape(6, 2), np.linspace(0.1, 0.9, 6)[:, None]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"X": X[:, :1]}, "X"),
        ({"X": X[0]}, "X"),
        ({"X": X[:0], "Y": Y[:0]}, "X"),
        ({"X": with_nan(X)}, "X"),
        ({"Y": Y[1:]}, "Y"),
        ({"Y": np.ones((6, 2))}, "Y"),
        ({"Y": with_nan(Y)}, "Y"),
        ({"sample_weight": np.ones(5)}, "sample_weight"),
        ({"sample_weight": np.ones((6, 1))}, "sample_weight"),
        ({"sample_weight": np.zeros(6)}, "sample_weight"),
        ({"sample_weight": np.linspace(-0.1, 1.0, 6)}, "sample_weight"),
        ({"sample_weight": with_nan(np.ones(6))}, "sample_weight"),
        ({"loss": "squared_eror"}, "squared_error"),
        ({"loss": "multinomial_log_loss"}, "multinomial_log_loss"),
        ({"loss": "gamma", "Y": -Y}, "gamma"),
        ({"loss": "poisson", "Y": -Y}, "poisson"),
        ({"loss": "log_loss", "Y": 2.0 * Y}, "binary_log_loss"),
        ({"alpha": -1.0}, "alpha"),
        ({"alpha": np.nan}, "alpha"),
        ({"alpha": [1.0]}, "alpha"),
        ({"alpha": {"coefs_7": 1.0}}, "coefs_7"),
        ({"alpha": {"coefs_0": np.ones(4)}}, "coefs_0"),
    ],
)
def test_objectives_that_make_no_sense_are_refused(changes, message):
    """Each with a message that names the argument."""
    arguments = {"loss": "squared_error", "X": X, "Y": Y, **changes}
    with pytest.raises(ValueError, match=message):
        Objective(Network.mlp(2, (3,), 1), **arguments)


def test_questions_that_make_no_sense_are_refused():
    net = Network.mlp(2, (3,), 1)
    objective, w = Objective(net, "squared_error", X, Y[:, 0]), np.zeros(net.n_parameters)
    for method in ("value", "gradient", "value_and_gradient", "hessian", "jacobian", "scores"):
        for wrong in (w[1:], w[:, None]):
            with pytest.raises(ValueError, match="shape"):
                getattr(objective, method)(wrong)
    with pytest.raises(ValueError, match="gauss-newton"):
        objective.hessian(w, kind="gauss_newton")
    with pytest.raises(ValueError, match="lagrangian"):
        objective.hessian_blocks(w, kind="exact")
    with pytest.raises(ValueError, match="exact"):
        objective.hessian_product(w, w, kind="block")
    with pytest.raises(ValueError, match="v must"):
        objective.hessian_product(w, w[1:])
