"""The objective over blocks is that of all rows in memory, whatever the blocks are."""

import itertools
import pickle
import tracemalloc

import numpy as np
import pytest
from cases import KINDS, LAYER_CASES, PRODUCTS, RELATIONS, case_id, setup
from numpy.testing import assert_allclose, assert_array_equal
from penalty_cases import own_penalties
from test_tied import tied_setup

from sknewtonnet.calculus import (
    LOSSES,
    ArrayBlocks,
    BlockObjective,
    BlockSequence,
    ModifiedObjective,
    Network,
    Objective,
    Rows,
    critical_point,
)
from sknewtonnet.calculus.functions import block_sums
from sknewtonnet.solvers import get_solver

CASES = RELATIONS + [case for case in LAYER_CASES if case.id == "four_kinds"]
each_case = pytest.mark.parametrize("case", CASES, ids=case_id)
each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def small_parts(monkeypatch):
    """A block of a few rows is worked on in several parts, as a large one is."""
    monkeypatch.setattr(block_sums, "_MIN_CHUNKS", 0)


def in_blocks(f):
    """The rows of an objective in blocks of unequal sizes, the second of them without rows."""
    n = f.n_samples
    cuts = [0, n // 4, n // 4, n // 2, n]
    columns = [f.samples, f.targets, f.sample_weight, f.offset]
    return [
        Rows(*(None if a is None else a[start:stop] for a in columns))
        for start, stop in itertools.pairwise(cuts)
    ]


def over_blocks(f, **options):
    """The same function of the same rows in blocks."""
    return BlockObjective(
        f.network, f.loss, in_blocks(f), penalties=f.penalty.penalties, **options
    )


def assert_same(actual, desired, tolerance=2e-14):
    assert np.shape(actual) == np.shape(desired)
    assert_allclose(actual, desired, rtol=0.0, atol=tolerance * np.abs(desired).max(initial=1e-3))


def assert_same_function(g, f, w):
    """Value, derivatives of all kinds, and what else is known of the function."""
    v = np.random.default_rng(0).normal(size=(len(w), 2))
    assert_same(g.value(w), f.value(w))
    assert_same(g.gradient(w), f.gradient(w))
    for kind in KINDS:
        assert_same(g.hessian(w, kind), f.hessian(w, kind))
        assert_same(g.curvature(w, v[:, 0], kind), f.curvature(w, v[:, 0], kind), 1e-13)
    for kind in PRODUCTS:
        assert_same(g.hessian_product(w, v, kind), f.hessian_product(w, v, kind))
        assert_same(g.hessian_product(w, v[:, 1], kind), f.hessian_product(w, v[:, 1], kind))
    assert_same(g.scale(), f.scale())
    assert_array_equal(g.invariant_directions(), f.invariant_directions())
    assert g.parameter_names() == f.parameter_names()
    assert (g.n_samples, g.n_parameters) == (f.n_samples, f.n_parameters)
    assert_same(g.weight_sum, f.weight_sum)


@each_case
def test_every_derivative(case, small_parts):
    s = setup(case)
    f = s.objective()
    g = over_blocks(f)
    assert_same_function(g, f, s.w)
    for kind in ("block", "lagrangian"):
        for mine, whole in zip(
            g.hessian_blocks(s.w, kind), f.hessian_blocks(s.w, kind), strict=True
        ):
            assert_same(mine, whole)
    for mine, whole in zip(g.block_positions(), f.block_positions(), strict=True):
        assert_array_equal(mine, whole)


@pytest.mark.parametrize("name", ["norms of all", "quartic"])
def test_penalties_of_ones_own(name):
    s = setup(RELATIONS[0])
    f = s.objective(penalties=[own_penalties(s.net.layout)[name]])
    assert_same_function(over_blocks(f), f, s.w)
    assert over_blocks(f).kinks(0.0 * s.w) == f.kinks(0.0 * s.w)


@pytest.mark.parametrize("case", CASES[::3], ids=case_id)
def test_parameters_that_units_share(case):
    f, w, _ = tied_setup(case)
    g = over_blocks(f)
    assert_same_function(g, f, w)
    assert g.block_positions() is None
    with pytest.raises(ValueError, match="units that share parameters have no blocks"):
        g.hessian_blocks(w)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_with_an_offset(loss, small_parts):
    """Also the best constant beside the offset, by passes over the blocks."""
    rng = np.random.default_rng(1)
    Y = rng.gamma(2.0, size=(40, 2))
    if LOSSES[loss].out_activation in ("logistic", "softmax"):
        Y = np.eye(2)[rng.integers(0, 2, 40)]
    net = Network.mlp(3, (2,), 2)
    f = Objective(
        net,
        loss,
        rng.normal(size=(40, 3)),
        Y,
        rng.uniform(0.5, 2.0, 40),
        alpha=0.3,
        offset=rng.normal(size=(40, 2)),
    )
    assert_same_function(over_blocks(f), f, rng.normal(size=net.n_parameters))


def small(n=60, **options):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(n, 2))
    y = np.tanh(X[:, 0]) - 0.5 * X[:, 1] + 0.1 * rng.normal(size=n)
    return Objective(Network.mlp(2, (2,), 1), "squared_error", X, y, alpha=0.1, **options)


@pytest.mark.parametrize("solver", ["newton", "auto", "l-bfgs-b", "lm", "newton-cg"])
def test_solvers_find_the_same_minimum(solver):
    f = small()
    start = 0.5 * np.random.default_rng(3).normal(size=f.n_parameters)
    solve = get_solver(solver, tol=1e-10, max_iter=500).minimize
    found, expected = solve(over_blocks(f), start), solve(f, start)
    assert found.converged
    assert_allclose(found.params, expected.params, rtol=1e-6, atol=1e-8)


def test_one_pass_gives_value_and_gradient_and_another_the_hessian():
    f, passes = small(), []

    def read():
        passes.append(0)
        yield from in_blocks(f)

    g = BlockObjective(f.network, "squared_error", read, alpha=0.1)
    w = np.ones(f.n_parameters)
    assert len(passes) == 1  # which checks the rows
    g.value(w), g.gradient(w), g.value_and_gradient(w)
    assert len(passes) == 2
    H = g.hessian(w)
    H[:] = np.nan  # a copy
    assert np.isfinite(g.hessian(w)).all()
    assert len(passes) == 3
    g.hessian(2.0 * w), g.value(2.0 * w), g.gradient(2.0 * w)
    assert len(passes) == 4
    gradient = g.gradient(w)
    gradient[:] = np.nan
    assert np.isfinite(g.gradient(w)).all()


def test_the_order_of_blocks_decides_the_bits():
    """Two sources of the same blocks give the same bits, as engines on other machines must."""
    f = small()
    blocks = in_blocks(f)
    first = BlockObjective(f.network, f.loss, blocks, alpha=0.1)
    second = BlockObjective(f.network, f.loss, lambda: iter(blocks), alpha=0.1)
    w = np.linspace(-1.0, 1.0, f.n_parameters)
    assert first.value(w) == second.value(w)
    assert_array_equal(first.gradient(w), second.gradient(w))
    assert_array_equal(first.hessian(w), second.hessian(w))


def test_rows_that_do_not_count():
    """Weights of 0, of single rows and of whole blocks, even with numbers that overflow."""
    f = small(sample_weight=np.r_[np.zeros(30), np.ones(30)])
    blocks = [f.samples[:30], f.samples[30:]], [f.targets[:30], f.targets[30:]]
    blocks = list(zip(*blocks, [np.zeros(30), np.ones(30)], strict=True))
    g = BlockObjective(f.network, "squared_error", blocks, alpha=0.1)
    assert_same_function(g, f, np.ones(f.n_parameters))


def test_far_points_are_infinite_without_a_warning():
    f = small()
    w = np.full(f.n_parameters, 1e200)
    assert over_blocks(f).value(w) == f.value(w) == np.inf
    assert not over_blocks(f).is_finite(w)


def test_a_function_of_a_block_can_be_pickled():
    s = setup(RELATIONS[1])
    model = over_blocks(s.objective())._model
    rows = in_blocks(s.objective())[0]
    again = pickle.loads(pickle.dumps(model))
    found, expected = (
        block_sums.weighted_sums(rows, m, block_sums.value_and_gradient, s.w)
        for m in (again, model)
    )
    for mine, whole in zip(found, expected, strict=True):
        assert_array_equal(mine, whole)


def broken(number, **changes):
    """Blocks of which one is wrong."""
    blocks = in_blocks(small())
    blocks[number] = blocks[number]._replace(**changes)
    return blocks


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"X": np.ones((2, 3))}, r"block 2: X must have shape \(n_samples, 2\), got \(2, 3\)"),
        ({"X": np.full((20, 2), np.nan)}, "block 2: X must be finite"),
        ({"Y": np.zeros(3)}, r"block 2: Y must have shape \(\d+, 1\), got \(3, 1\)"),
        ({"Y": None}, "block 2: Y must be an array of real numbers, got None"),
        ({"sample_weight": -np.ones(15)}, "block 2: sample_weight must"),
        ({"sample_weight": np.ones(5)}, "block 2: sample_weight must have shape"),
        ({"offset": np.zeros((15, 1))}, "block 2 has an offset, unlike those before"),
        ({"offset": np.zeros(5)}, "block 2: offset must have shape"),
    ],
    ids=lambda case: next(iter(case)) if isinstance(case, dict) else "",
)
def test_a_wrong_block_is_named(changes, message):
    net = Network.mlp(2, (2,), 1)
    with pytest.raises(ValueError, match=message):
        BlockObjective(net, "squared_error", broken(2, **changes))


def test_other_refusals():
    net = Network.mlp(2, (2,), 1)
    blocks = in_blocks(small())
    with pytest.raises(ValueError, match=r"block 0: .*poisson"):
        BlockObjective(net, "poisson", blocks)
    with pytest.raises(ValueError, match="blocks have no rows"):
        BlockObjective(net, "squared_error", [])
    with pytest.raises(ValueError, match="nor zero for every sample"):
        BlockObjective(net, "squared_error", [(np.ones((3, 2)), np.ones(3), np.zeros(3))])
    with pytest.raises(ValueError, match="out of range"):
        BlockObjective(net, "squared_error", [(np.ones((3, 2)), np.ones(3), np.full(3, 1e-250))])
    with pytest.raises(TypeError, match="network must be a Network"):
        BlockObjective("net", "squared_error", blocks)
    g = BlockObjective(net, "squared_error", blocks)
    w = np.ones(net.n_parameters)
    with pytest.raises(ValueError, match="w must have shape"):
        g.value(w[1:])
    with pytest.raises(ValueError, match="kind must be"):
        g.hessian(w, "expected")
    with pytest.raises(ValueError, match="kind must be"):
        g.hessian_product(w, w, "block")
    with pytest.raises(ValueError, match="v must have shape"):
        g.hessian_product(w, w[1:])


def test_blocks_that_change_are_noticed():
    blocks = in_blocks(small())
    g = BlockObjective(Network.mlp(2, (2,), 1), "squared_error", blocks)
    blocks.pop()
    with pytest.raises(ValueError, match="blocks have changed: their weights sum to"):
        g.value(np.ones(g.n_parameters))


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize("solved", [False, True])
def test_numbers_that_change_are_noticed(number, solved):
    """Numbers are checked in the first pass; later ones look again where nothing is finite."""
    X, y = np.linspace(-1.0, 1.0, 18).reshape(9, 2), np.linspace(0.0, 1.0, 9)
    blocks = [(X[:4], y[:4]), (X[4:], y[4:])]
    f = BlockObjective(Network.mlp(2, (2,), 1), "squared_error", blocks, alpha=0.1)
    g = f.reduced() if solved else f
    w = np.linspace(-1.0, 1.0, g.n_parameters)
    assert np.isfinite(g.value(w))
    X[5, 1] = number
    with pytest.raises(ValueError, match="block 1: X must be finite"):
        g.value(2.0 * w)


def test_what_is_not_finite_is_named_with_its_block():
    X = np.linspace(1.0, 2.0, 6)[:, None]
    net, blocks = Network.mlp(1, (), 1), [(X[:3] / 10.0, np.ones(3)), (X[3:], np.ones(3))]
    g = BlockObjective(net, "poisson", blocks)
    w = np.array([500.0, 0.0])
    assert g.value(w) == np.inf
    start = "in block 1, the value of the loss 'poisson' is not finite in row 0, where the"
    assert g.why_not_finite(w).startswith(start)
    f = Objective(net, "poisson", np.concatenate([X[:3] / 10.0, X[3:]]), np.ones(6))
    fine = np.array([0.1, 0.0])
    assert g.why_not_finite(fine) == f.why_not_finite(fine)


def test_arrays_of_any_type_in_blocks(tmp_path):
    """float32, integers, and memory maps; each block becomes float64 alone."""
    f = small()
    X, y = f.samples.astype("float32"), (100 * f.targets[:, 0]).astype(int)
    whole = Objective(f.network, "squared_error", X, y, alpha=0.1)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    w = np.ones(f.n_parameters)
    for blocks in (ArrayBlocks(X, y, n_rows=7), ArrayBlocks(mapped, y, n_rows=23)):
        assert_same_function(
            BlockObjective(f.network, "squared_error", blocks, alpha=0.1), whole, w
        )
    several = BlockSequence([lambda: (X, y)])
    assert_same(BlockObjective(f.network, "squared_error", several, 0.1).value(w), whole.value(w))


@pytest.mark.parametrize("offset", [False, True])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_variable_projection_by_sums_over_blocks(n_outputs, offset, small_parts):
    rng = np.random.default_rng(4)
    net = Network.mlp(3, (4, 2), n_outputs, "tanh", "input-output")
    Y = rng.normal(size=(50, n_outputs))
    f = Objective(
        net,
        "squared_error",
        rng.normal(size=(50, 3)),
        Y,
        rng.uniform(0.2, 2.0, 50),
        alpha=0.3,
        offset=rng.normal(size=Y.shape) if offset else None,
    )
    whole, mine = f.reduced(), over_blocks(f).reduced()
    u = rng.normal(size=whole.n_parameters)
    v = rng.normal(size=(len(u), 2))
    assert_same(mine.expand(u), whole.expand(u), 1e-13)
    assert_same(mine.value(u), whole.value(u))
    assert_same(mine.gradient(u), whole.gradient(u), 1e-13)
    for kind in PRODUCTS:
        assert_same(mine.hessian(u, kind), whole.hessian(u, kind), 1e-13)
        assert_same(mine.hessian_product(u, v, kind), whole.hessian_product(u, v, kind), 1e-13)


@pytest.mark.parametrize("loss", ["poisson", "multinomial_log_loss", "squared_error"])
def test_the_output_layer_by_newtons_method_over_blocks(loss, small_parts):
    rng = np.random.default_rng(5)
    net = Network.mlp(2, (3,), 2)
    Y = np.eye(2)[rng.integers(0, 2, 60)]
    f = Objective(net, loss, rng.normal(size=(60, 2)), Y, rng.uniform(0.5, 2.0, 60), alpha=0.2)
    w = rng.normal(size=net.n_parameters)
    whole, mine = f.projected(w), over_blocks(f).projected(w)
    u = w[: whole.n_parameters]
    assert_same(mine.expand(u), whole.expand(u), 1e-11)
    assert_same(mine.value(u), whole.value(u))
    assert_same(mine.hessian(u), whole.hessian(u), 1e-11)
    assert over_blocks(f).reduced() is None or loss == "squared_error"


def test_why_there_is_no_closed_form():
    f = small(penalties=[own_penalties(small().network.layout)["quartic"]])
    g = over_blocks(f)
    assert g.reduced() is None
    assert g.why_not_reduced() == f.why_not_reduced() != ""
    mine, whole = over_blocks(small()).reduced(), small().reduced()
    assert mine.value(np.full(6, 1e308)) == whole.value(np.full(6, 1e308)) == np.inf


def test_parts_of_outputs():
    """Also of the modified objective, which is made of them."""
    case = next(case for case in CASES if case.sizes[-1] > 1)
    s = setup(case)
    f = s.objective()
    f = Objective(s.net, "squared_error", f.samples, f.targets, f.sample_weight, s.alpha)
    g, w = over_blocks(f), s.w
    factors = np.arange(1.0, case.sizes[-1] + 1.0)
    mine, whole = g.output_parts(), f.output_parts()
    assert_same(mine.values(w), whole.values(w))
    assert_same(mine.jacobian(w), whole.jacobian(w))
    assert_same(mine.hessian(w, factors), whole.hessian(w, factors))
    assert_same(mine.hessian_product(w, w, factors), whole.hessian_product(w, w, factors))
    assert_same(ModifiedObjective(g).hessian(w), ModifiedObjective(f).hessian(w), 1e-13)
    assert over_blocks(small()).output_parts() is None


def test_the_same_on_other_blocks_and_with_another_loss():
    f = small()
    g, w = over_blocks(f), np.ones(f.n_parameters)
    X, y = f.samples[:20], f.targets[:20]
    assert_same(g.on([(X, y)]).value(w), f.on(X, y).value(w))
    other = LOSSES["pseudo_huber"]()
    assert_same(g.with_loss(other).value(w), f.with_loss(other).value(w))
    with_offset = BlockObjective(f.network, f.loss, [(X, y, None, y)])
    with pytest.raises(ValueError, match="the other blocks must have an offset"):
        with_offset.on([(X, y)])


def test_without_its_blocks():
    g, w = over_blocks(small()), np.ones(9)
    left = g.without_data()
    assert (left.n_samples, left.n_parameters) == (g.n_samples, g.n_parameters)
    assert len(pickle.dumps(left)) < len(pickle.dumps(g))
    with pytest.raises(AttributeError, match="the data have been left out"):
        left.value(w)
    assert np.isfinite(g.value(w))


@pytest.mark.parametrize("name", ["samples", "jacobian", "scores", "offset"])
def test_what_takes_all_rows_at_once_says_so(name):
    g = over_blocks(small())
    with pytest.raises(AttributeError, match=f"no '{name}', which takes all rows in memory"):
        getattr(g, name)
    with pytest.raises(AttributeError, match="object has no attribute 'nothing'"):
        _ = g.nothing
    pickle.dumps(g)


def test_the_verdict_on_a_minimum():
    f = small()
    w = get_solver("newton", tol=1e-12).minimize(f, np.ones(f.n_parameters)).params
    point, expected = critical_point(over_blocks(f), w), critical_point(f, w)
    assert point.kind == expected.kind == "minimum"
    assert_allclose(point.lowest, expected.lowest, rtol=1e-10)
    zero = np.zeros(f.n_parameters)
    assert critical_point(over_blocks(f), zero).kind == critical_point(f, zero).kind


@pytest.mark.parametrize("task", ["gradient", "hessian", "product"])
def test_memory_of_a_pass(tmp_path, task):
    """At most that of two blocks, and of a few results; not that of the table."""
    n, block = 200_000, 40_000
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", "f4", (n, 12))
    X[:] = np.random.default_rng(0).normal(size=X.shape)
    y = np.tanh(X[:, 0])
    net = Network.mlp(12, (3,), 1)
    g = BlockObjective(net, "squared_error", ArrayBlocks(X, y, n_rows=block))
    w = np.ones(net.n_parameters)
    tracemalloc.start()
    try:
        if task == "gradient":
            g.value_and_gradient(w)
        elif task == "hessian":
            g.hessian(w)
        else:
            g.hessian_product(w, np.eye(len(w))[:, :4])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    of_a_block, results = 8.0 * block * 14, 8.0 * len(w) ** 2
    assert peak < 2.0 * of_a_block + 8.0 * results + 1e6
    assert peak < 0.5 * 8.0 * n * 14
