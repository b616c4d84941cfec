"""Units that share parameters: every derivative against oracles that know of no layout."""

import numpy as np
import pytest
from cases import KINDS, LAYER_CASES, PRODUCTS, RELATIONS, case_id, layers, setup, strengths
from oracles import Oracle, Problem, assert_close

from sknewtonnet.calculus import ModifiedObjective, Network, NormPenalty, Objective, convolution
from sknewtonnet.calculus.functions.input_derivatives import input_derivatives, slope_gradients
from sknewtonnet.calculus.pieces.gaussian import covariance_form
from sknewtonnet.calculus.pieces.penalties import WidthPenalty
from sknewtonnet.calculus.pieces.radial_units import shape_penalty
from sknewtonnet.testing import check_penalty

CASES = RELATIONS + [case for case in LAYER_CASES if case.id == "four_kinds"]
CASES += [case for case in LAYER_CASES if case.id.startswith(("side_by_side", "last"))][::3]
each_case = pytest.mark.parametrize("case", CASES, ids=case_id)


def labelled(net, seed, part=0.6, number=4):
    """Draw labels that tie entries within units, between units, and between layers."""
    rng = np.random.default_rng(seed)
    tied = {}
    for name, shape in net.layout.shapes.items():
        labels = np.where(rng.random(shape) < part, rng.integers(number, size=shape), -1)
        if name.startswith("quadratic"):  # one number for both halves
            labels = np.triu(labels) + np.triu(labels, 1).swapaxes(-1, -2)
        tied[name] = labels
    return tied


def tied_setup(case, masked=False):
    """A tied net of a case at a random point, and the oracle, which has the same penalty once."""
    s = setup(case)
    masks = None
    if masked:
        rng = np.random.default_rng(case.seed + 7)
        masks = {
            name: rng.random(shape) < 0.8
            for name, shape in s.net.layout.shapes.items()
            if name.startswith(("coefs", "intercepts", "centers"))
        }
    net = Network.from_layers(
        case.sizes[0],
        list(layers(case)),
        connectivity=masks,
        tied=labelled(s.net, case.seed),
    )
    w = 0.6 * np.random.default_rng(case.seed + 1).normal(size=net.n_parameters)
    places = net.layout.unpack(np.arange(1.0, len(w) + 1.0))
    penalty, seen = strengths(s.alpha, net.layout.shapes), {0.0}
    for name, numbers in places.items():
        first = np.zeros(numbers.shape)
        for entry, number in np.ndenumerate(numbers):
            first[entry] = number not in seen
            seen.add(number)
        if name in penalty:
            penalty[name] = penalty[name] * first
    problem = Problem(**{**vars(s.problem), "penalty": penalty})
    data = problem.X, problem.Y, problem.sample_weight
    return Objective(net, s.loss, *data, alpha=s.alpha), w, Oracle(problem, net.layout, w)


def shares(net):
    """The matrix S, entry by entry, from where the layout shows each parameter."""
    untied = net.with_ties(None)
    S = np.zeros((untied.n_parameters, net.n_parameters))
    for j, direction in enumerate(np.eye(net.n_parameters)):
        S[:, j] = untied.layout.pack(net.layout.unpack(direction))
    return untied, S


@pytest.mark.parametrize("masked", [False, True])
@each_case
def test_derivatives(case, masked):
    f, w, oracle = tied_setup(case, masked)
    assert f.network.layout.has_ties
    assert f.n_parameters < f.network.with_ties(None).n_parameters
    assert_close(f.value(w), oracle.value)
    assert_close(f.gradient(w), oracle.gradient)
    assert_close(f.hessian(w), oracle.hessian)
    assert_close(f.hessian(w, "gauss-newton"), oracle.gauss_newton)
    assert_close(f.jacobian(w), oracle.jacobian)
    assert_close(f.scores(w), oracle.scores)
    v = np.random.default_rng(0).normal(size=(len(w), 3))
    assert_close(f.jacobian_product(w, v[:, 0]), oracle.jacobian @ v[:, 0])
    for kind, H in zip(PRODUCTS, (oracle.hessian, oracle.gauss_newton), strict=True):
        assert_close(f.hessian_product(w, v, kind), H @ v)
        assert_close(f.hessian_product(w, v[:, 0], kind), H @ v[:, 0])


@each_case
def test_all_kinds_are_those_of_the_net_without_ties_summed_over_entries(case):
    """S'HS; also with an offset, a penalty with mixed derivatives, and "lagrangian"."""
    tied, w, _ = tied_setup(case)
    untied, S = shares(tied.network)
    data = tied.samples, tied.targets, tied.sample_weight
    offset = 0.1 * tied.targets
    f = Objective(tied.network, tied.loss, *data, offset=offset)
    free = Objective(untied, tied.loss, *data, offset=offset)
    assert_close(f.value(w), free.value(S @ w))
    for kind in KINDS:
        if kind != "block":
            assert_close(f.hessian(w, kind), S.T @ free.hessian(S @ w, kind) @ S)
    H = f.hessian(w)
    np.testing.assert_array_equal(H, H.T)
    curved = Objective(tied.network, tied.loss, *data, penalties=NormPenalty(0.7))
    bend = curved.penalty.hessian(w)
    plain = Objective(tied.network, tied.loss, *data)
    assert_close(curved.hessian(w), plain.hessian(w) + bend)


@each_case
def test_a_block_is_a_group_of_units_that_share(case):
    """All of the Hessian between parameters of one group, zero between groups."""
    s = setup(case)
    # Two units of the first layer share one parameter.
    name, shape = next(iter(s.net.layout.shapes.items()))
    labels = np.full(shape, -1)
    if name.startswith("coefs"):
        labels[0, :2] = 0
    else:
        labels[:2].reshape(2, -1)[:, 0] = 0
    net = Network.from_layers(case.sizes[0], list(layers(case)), tied={name: labels})
    w = 0.6 * np.random.default_rng(1).normal(size=net.n_parameters)
    data = s.problem.X, s.problem.Y, s.problem.sample_weight
    f = Objective(net, s.loss, *data, alpha=s.alpha, penalties=NormPenalty(0.3))
    units = [set() for _ in w]
    number = 0
    for places in net.positions:
        for column in places.T:
            for place in column[column >= 0]:
                units[place].add(number)
            number += 1
    group = [min(found) if len(found) == 1 and found != {1} else 0 for found in units]
    assert sum(found == {0, 1} for found in units) == 1
    expected = np.where(np.equal.outer(group, group), f.hessian(w), 0.0)
    assert_close(f.hessian(w, "block"), expected)
    with pytest.raises(ValueError, match=r"hessian\(w, 'block'\) has those of groups"):
        f.hessian_blocks(w)


@each_case
def test_derivatives_in_inputs(case):
    """Slopes, their gradients in w, and shift derivatives: those of the entries, summed."""
    tied, w, _ = tied_setup(case)
    untied, S = shares(tied.network)
    X = tied.samples[:5]
    for ours, theirs in zip(
        input_derivatives(tied.network, w, X, 2),
        input_derivatives(untied, S @ w, X, 2),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)
    features = list(range(tied.network.n_features))
    gradients = [
        np.concatenate([part[2] for part in slope_gradients(net, at, X, features)])
        for net, at in ((tied.network, w), (untied, S @ w))
    ]
    assert_close(gradients[0], gradients[1] @ S)
    data = tied.samples, tied.targets, tied.sample_weight
    free = Objective(untied, tied.loss, *data)
    slopes, mixed = tied.shift_derivatives(w, features)
    expected = free.shift_derivatives(S @ w, features)
    assert_close(slopes, expected[0])
    assert_close(mixed, S.T @ expected[1])


TIED = {
    "coefs_0": [[0, -1, 0], [1, 1, -1]],
    "coefs_1": [[-1], [2], [0]],
    "intercepts_0": [2, 3, 3],
}


def small(**options):
    options = {"tied": TIED, **options}
    return Network.mlp(2, (3,), 1, **options)


def test_names_and_arrays():
    """A shared parameter has the name of its first entry, and its value in all of them."""
    layout = small().layout
    assert layout.names == [
        *("coefs_0[x0, h0]", "coefs_0[x0, h1]", "coefs_0[x1, h0]", "coefs_0[x1, h2]"),
        *("intercepts_0[h0]", "intercepts_0[h1]", "coefs_1[h0, y]", "intercepts_1[y]"),
    ]
    assert layout.n_entries.tolist() == [3, 1, 2, 1, 2, 2, 1, 1]
    arrays = layout.unpack(np.arange(1.0, 9.0))
    assert arrays["coefs_0"].tolist() == [[1.0, 2.0, 1.0], [3.0, 3.0, 4.0]]
    assert arrays["intercepts_0"].tolist() == [5.0, 6.0, 6.0]
    assert arrays["coefs_1"].ravel().tolist() == [7.0, 5.0, 1.0]
    arrays["coefs_1"][2] = 99.0  # no first entry: it does not count
    assert layout.pack(arrays).tolist() == list(range(1, 9))
    assert layout.parameters_of("coefs_1").tolist() == [6]
    assert layout.places("coefs_1").ravel().tolist() == [6, 4, 0]


def test_bounds_and_factors_are_those_of_all_entries():
    layout = small().layout
    assert layout.values_of("coefs_1", 1.0, 0.0, np.add).tolist() == [1, 0, 0, 0, 1, 0, 1, 0]
    assert layout.values_of("coefs_0", 1.0, 0.0, np.add).tolist() == [2, 1, 2, 1, 0, 0, 0, 0]
    lower = layout.values_of("coefs_1", [[1.0], [2.0], [3.0]], -np.inf, np.maximum)
    assert lower.tolist() == [3.0, *[-np.inf] * 3, 2.0, -np.inf, 1.0, -np.inf]
    by_another_entry = layout.values_of("coefs_1[h2, y]", 5.0, 0.0)
    assert by_another_entry.tolist() == [5.0, *[0.0] * 7]


def test_what_does_not_exist_is_no_part_of_a_tie():
    mask = {"coefs_0": [[False, True, True], [True, True, True]]}
    layout = small(connectivity={"coefs_0": np.array(mask["coefs_0"])}).layout
    assert layout.names[1] == "coefs_0[x0, h2]"  # the first entry that exists
    arrays = layout.unpack(np.arange(1.0, layout.n_parameters + 1.0))
    assert arrays["coefs_0"][0].tolist() == [0.0, 1.0, 2.0]
    assert arrays["coefs_1"][2] == 2.0


def test_ties_stay_with_other_connections_names_and_layers():
    net = small()
    for other in (
        net.with_connectivity(None),
        net.with_names(["a", "b"]),
        net.with_ties(net.layout.ties),
    ):
        np.testing.assert_array_equal(other.layout.positions, net.layout.positions)
    assert net.with_ties(None).layout.free is None
    assert small(tied={"coefs_0": [[-1, 4, -1], [-1, -1, -1]]}).layout.free is None
    assert small(tied=None).layout.ties is None
    by_name = {"coefs_0": 0, "coefs_0[x0, h1]": -1, "coefs_1[h2, y]": 0}
    layout = small(tied=by_name).layout
    assert layout.n_entries.tolist() == [6, *[1] * 7]


@pytest.mark.parametrize(
    ("tied", "message"),
    [
        ([0, 1], "tied must map names of arrays to labels"),
        ({"coefs_9": [[0]]}, "tied: there is no parameter 'coefs_9'"),
        ({"coefs_1": [0, 0, 0]}, r"must be an integer or an array of shape \(3, 1\)"),
        ({"coefs_1": [[0.0], [0.0], [0.0]]}, "got float64"),
        ({"coefs_1": [[True], [True], [False]]}, "got bool"),
        ({"coefs_1[h0, y]": [0]}, "must be an integer, got"),
        ({"coefs_1": [[0], [-2], [0]]}, "labels from 0 on, and -1 .* got -2"),
    ],
)
def test_wrong_labels(tied, message):
    with pytest.raises(ValueError, match=message):
        small(tied=tied)


def test_a_ridge_and_a_penalty_of_widths_count_a_shared_parameter_once():
    net = small()
    f = Objective(net, "squared_error", np.eye(2), np.zeros(2), alpha=2.0)
    w = np.arange(1.0, 9.0)
    coefficients = [1.0, 2.0, 3.0, 4.0, 7.0]  # by the names; one tied to an intercept is that
    np.testing.assert_allclose(f.penalty.value(w), 0.5 * sum(np.square(coefficients)))
    for form in ("full", "diag", "spherical"):
        shape = Network.rbf(2, 3, 1, form).layout.shapes["precisions_cholesky"]
        one = np.arange(int(np.prod(shape[1:]))).reshape(shape[1:])
        labels = np.broadcast_to(one, shape)
        net = Network.rbf(2, 3, 1, form, tied={"precisions_cholesky": labels})
        alone = Network.rbf(2, 1, 1, form).layout
        penalty = WidthPenalty(covariance_form(form), 0.8, np.array([1.2, 0.7]))
        w = 0.3 * np.random.default_rng(0).normal(size=net.n_parameters)
        arrays = alone.unpack(np.zeros(alone.n_parameters))
        arrays["precisions_cholesky"] = net.layout.unpack(w)["precisions_cholesky"][:1]
        expected = penalty.on(alone).value(alone.pack(arrays))
        placed = penalty.on(net.layout)
        np.testing.assert_allclose(placed.value(w), expected)
        check_penalty(penalty, layout=net.layout)


def test_invariances_of_a_softmax_keep_the_ties():
    """Coefficients of two units that are tied move together or not at all."""
    X = np.random.default_rng(0).normal(size=(12, 2))
    Y = np.eye(3)[np.arange(12) % 3]
    tied = {"coefs_1": [[0, 1, 2], [0, 1, 2]], "intercepts_1": [3, 3, -1]}
    net = Network.mlp(2, (2,), 3, tied=tied)
    f = Objective(net, "log_loss", X, Y)
    directions = f.invariant_directions()
    assert directions.shape == (net.n_parameters, 2)
    np.testing.assert_allclose(directions.T @ directions, np.eye(2), atol=1e-14)
    w = np.random.default_rng(1).normal(size=net.n_parameters)
    np.testing.assert_allclose(f.value(w + directions @ [3.0, 2.0]), f.value(w), rtol=1e-13)
    labels = {"coefs_0": [[0, -1], [-1, -1]], "coefs_1": [[0, -1, -1], [-1, -1, -1]]}
    f = Objective(Network.mlp(2, (2,), 3, tied=labels), "log_loss", X, Y)
    assert f.invariant_directions().shape[1] == 2  # not of the unit with a weight of another
    crossed = {"coefs_1": [[0, 0, 1], [2, 1, 3]]}  # both units together
    assert (
        Objective(Network.mlp(2, (2,), 3, tied=crossed), "log_loss", X, Y)
        .invariant_directions()
        .shape[1]
        == 2
    )


def test_an_output_layer_that_shares_parameters_is_not_solved_for():
    X, y = np.random.default_rng(0).normal(size=(9, 2)), np.arange(9.0)
    shared = Objective(small(), "squared_error", X, y, alpha=1.0)
    assert shared.reduced() is None
    assert shared.projected(np.ones(8)) is None
    hidden = Network.mlp(2, (3,), 1, tied={"coefs_0": [[0, 0, 0], [-1, -1, -1]]})
    f = Objective(hidden, "squared_error", X, y, alpha=1.0)
    reduced = f.reduced()
    u = np.random.default_rng(1).normal(size=reduced.n_parameters)
    w = reduced.expand(u)
    np.testing.assert_allclose(f.gradient(w)[len(u) :], 0.0, atol=1e-13)
    full = np.linalg.inv(f.hessian(w))[: len(u), : len(u)]
    assert_close(reduced.hessian(u), np.linalg.inv(full), rtol=1e-9)


@pytest.mark.parametrize("kind", [*PRODUCTS, "block"])
def test_hessians_of_many_entries_are_formed_by_products(kind, monkeypatch):
    """The same matrix in the other way, without one of all entries."""
    connectivity, tied = convolution(30, 3, 2, pooled_outputs=2)
    units = len(tied["intercepts_0"])
    net = Network.mlp(30, (units,), 2, connectivity=connectivity, tied=tied)
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(25, 30)), rng.normal(size=(25, 2))
    w = 0.5 * rng.normal(size=net.n_parameters)
    made = {"alpha": 0.7, "penalties": NormPenalty(0.3), "sample_weight": rng.uniform(size=25)}
    with monkeypatch.context() as patch:
        patch.delattr("sknewtonnet.calculus.functions.objective.dense_hessian")
        by_products = Objective(net, "squared_error", X, Y, **made).hessian(w, kind)
    np.testing.assert_array_equal(by_products, by_products.T)
    monkeypatch.setattr("sknewtonnet.calculus.functions.shared._MANY", np.inf)
    assert_close(by_products, Objective(net, "squared_error", X, Y, **made).hessian(w, kind))


@pytest.mark.parametrize(
    ("kind", "name"), [("semidefinite", "quadratic_factors"), ("quadratic", "quadratic_forms")]
)
@pytest.mark.parametrize("mean", [0.0, 1.0])
def test_a_form_that_units_share_is_penalised_once(kind, name, mean):
    alone = Network.rbf(2, 1, 1, kind).layout
    labels = np.repeat(alone.places(name), 3, axis=0)
    net = Network.rbf(2, 3, 1, kind, tied={name: labels})
    w = np.random.default_rng(0).normal(size=net.n_parameters)
    first = net.layout.unpack(w)[name][:1]
    single = alone.pack({**alone.unpack(np.zeros(alone.n_parameters)), name: first})
    penalty = shape_penalty(kind, 0.7, np.full(2, mean), np.array([0.8, 1.3]))
    assert_close(penalty.on(net.layout).value(w), penalty.on(alone).value(single))
    check_penalty(penalty, layout=net.layout)


def test_parts_of_outputs_with_many_entries(monkeypatch):
    """The modified objective forms no matrix of all entries either."""
    connectivity, tied = convolution(30, 3, 2, pooled_outputs=2)
    units = len(tied["intercepts_0"])
    net = Network.mlp(30, (units,), 2, connectivity=connectivity, tied=tied)
    rng = np.random.default_rng(0)
    f = Objective(net, "squared_error", rng.normal(size=(25, 30)), rng.normal(size=(25, 2)))
    F, w = ModifiedObjective(f), 0.5 * rng.normal(size=net.n_parameters)
    with monkeypatch.context() as patch:
        patch.delattr("sknewtonnet.calculus.functions.output_parts.dense_hessian")
        by_products = F.hessian(w)
    monkeypatch.setattr("sknewtonnet.calculus.functions.shared._MANY", np.inf)
    assert_close(by_products, F.hessian(w))
