"""Nets with layers of all kinds: what must not change them, how they are made, far points."""

import numpy as np
import oracles
import pytest
from cases import KINDS, LAYER_CASES, PRODUCTS, Case, case_id, network, oracle, setup
from oracle_layers import COVARIANCE_TYPES
from oracles import Oracle

from sknewtonnet.calculus import ACTIVATIONS, GaussianRBF, Linear, Network, Objective, Quadratic

each_case = pytest.mark.parametrize("case", LAYER_CASES, ids=case_id)
each_covariance = pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)


def everything(objective, w):
    """Return all an objective can tell about a point, by name."""
    v = np.linspace(-1.0, 1.0, len(w))
    return {
        "value": objective.value(w),
        "gradient": objective.gradient(w),
        "jacobian": objective.jacobian(w),
        "scores": objective.scores(w),
        **{kind: objective.hessian(w, kind=kind) for kind in KINDS},
        **{f"product {k}": objective.hessian_product(w, v, kind=k) for k in PRODUCTS},
    }


def radial(covariance_type, n_outputs=2, seed=7, **options):
    """Make a net of Gaussian units, its objective on given inputs, inputs and a point."""
    net = Network.rbf(3, 4, n_outputs, covariance_type, **options)
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(30, 3)), rng.normal(size=(30, n_outputs))
    weight = rng.uniform(0.2, 2.0, 30)

    def objective(X=X, alpha=0.7, network=net):
        return Objective(network, "squared_error", X, Y, weight, alpha)

    return net, objective, X, 0.6 * rng.normal(size=net.n_parameters)


def linear_map(layout, other, change):
    """Return the matrix from the parameters of one layout to those of another."""
    unit = np.eye(layout.n_parameters)
    return np.array([other.pack(change(layout.unpack(row))) for row in unit]).T


# Against the oracle -------------------------------------------------------------------


@each_case
def test_predictions(case):
    """The forward pass, on its own data and on data never seen."""
    net, problem, w = setup(case).net, setup(case).problem, setup(case).w
    expected = problem.states(oracle(case).arrays)[-1]
    oracles.assert_close(net.predict_raw(w, problem.X), expected)
    oracles.assert_close(net.predict_raw(w, problem.X[2:5]), expected[2:5])


@each_case
@pytest.mark.parametrize("chunk_size", [1, 5, 13])
def test_chunks_change_nothing(case, chunk_size):
    s = setup(case)
    found = everything(s.objective(chunk_size=chunk_size), s.w)
    plain = everything(s.objective(), s.w)
    for name in plain:
        oracles.assert_close(found[name], plain[name], 1e-11)


def test_many_samples():
    """In as many chunks as the net itself finds best."""
    case = Case(
        "many", (3, 4, 3, 2), ("squared_exponential", "tanh"), "all", "multinomial_log_loss", 1500,
        kinds=("full", "spherical"),
    )  # fmt: skip
    s = setup(case)
    whole = everything(s.objective(sample_weight=np.ones(1500)), s.w)
    plain = everything(s.objective(sample_weight=np.ones(1500), chunk_size=1500), s.w)
    for name in plain:
        oracles.assert_close(whole[name], plain[name], 1e-11)
    columns = s.objective().hessian_product(s.w, np.eye(len(s.w)))
    oracles.assert_close(columns, s.objective().hessian(s.w), 1e-11)


# Masks --------------------------------------------------------------------------------


def masks(case, rng):
    """Draw which entries of the arrays exist; symmetric where the arrays are."""
    shapes = {name: index.shape for name, index in oracle(case).index.items()}
    drawn = {name: rng.random(shape) < 0.7 for name, shape in shapes.items()}
    for name in drawn:
        if name.startswith("quadratic_forms"):
            drawn[name] = np.triu(drawn[name]) | np.triu(drawn[name]).swapaxes(1, 2)
    return drawn


MASKED = [c for c in LAYER_CASES if c.id.startswith(("first", "reads_both", "read_by", "four"))]


@pytest.mark.parametrize("case", MASKED, ids=case_id)
def test_masked_entries_do_not_exist(case):
    """They are zero, and all that is known about the rest is as before."""
    drawn = masks(case, np.random.default_rng(case.seed))
    net, s = network(case, connectivity=drawn), setup(case)
    w = np.random.default_rng(1).normal(size=net.n_parameters) * 0.6
    reference = Oracle(s.problem, net.layout, w)
    for name, mask in drawn.items():
        exists = mask & (oracle(case).index[name] >= 0)
        np.testing.assert_array_equal(reference.index[name] >= 0, exists)
        assert not reference.arrays[name][~exists].any()
    p = s.problem
    objective = Objective(net, s.loss, p.X, p.Y, p.sample_weight, s.alpha)
    oracles.assert_close(objective.value(w), reference.value)
    oracles.assert_close(objective.gradient(w), reference.gradient)
    oracles.assert_close(objective.hessian(w), reference.hessian)
    v = np.random.default_rng(2).normal(size=(len(w), 2))
    oracles.assert_close(objective.hessian_product(w, v), reference.hessian @ v)
    for blocks, places in zip(objective.hessian_blocks(w), reference.places(), strict=True):
        exists = (places >= 0)[:, :, None] & (places >= 0)[:, None, :]
        section = reference.hessian[places[:, :, None], places[:, None, :]]
        oracles.assert_close(blocks, np.where(exists, section, 0.0))


# One net, several ways to say it ------------------------------------------------------


@each_covariance
@pytest.mark.parametrize("skip", [False, "input-output", "all"])
@pytest.mark.parametrize("hidden", [(), (3,), (3, 2)])
def test_rbf_is_a_net_of_layers(covariance_type, skip, hidden):
    """Built by hand, with an object in place of the activation's name."""
    n_layers = len(hidden) + 2
    reads = {
        False: [(k,) for k in range(n_layers)],
        "input-output": [*((k,) for k in range(n_layers - 1)), (0, n_layers - 1)],
        "all": [tuple(range(k + 1)) for k in range(n_layers)],
    }[skip]
    tanh = ACTIVATIONS["tanh"]
    layers = [GaussianRBF((0,), 4, covariance_type)]
    layers += [Linear(reads[k], size, tanh) for k, size in enumerate(hidden, start=1)]
    layers += [Linear(reads[-1], 2)]
    net = Network.rbf(2, 4, 2, covariance_type, hidden, "tanh", skip)
    other = Network.from_layers(2, layers)
    assert net.layout.names == other.layout.names
    rng = np.random.default_rng(0)
    w, X = rng.normal(size=net.n_parameters), rng.normal(size=(9, 2))
    np.testing.assert_array_equal(net.predict_raw(w, X), other.predict_raw(w, X))
    hessians = [Objective(n, "squared_error", X, X).hessian(w) for n in (net, other)]
    np.testing.assert_array_equal(*hessians)


def test_mlp_is_a_net_of_layers():
    net = Network.mlp(3, (2, 3), 2, ["tanh", "sine"], "all")
    layers = [Linear((0,), 2, "tanh"), Linear((0, 1), 3, "sine"), Linear((0, 1, 2), 2)]
    other = Network.from_layers(3, layers)
    rng = np.random.default_rng(0)
    w, X = rng.normal(size=net.n_parameters), rng.normal(size=(9, 3))
    assert net.layout.names == other.layout.names
    np.testing.assert_array_equal(net.predict_raw(w, X), other.predict_raw(w, X))


# What changes nothing -----------------------------------------------------------------


@pytest.mark.parametrize("case", [c for c in LAYER_CASES if c.id[:5] == "first"], ids=case_id)
def test_units_are_exchangeable(case):
    """Units in another order are parameters in another order: P H P'."""
    s, order = setup(case), np.array([2, 0, 1])

    def reordered(arrays):
        new = {name: a[order] for name, a in arrays.items() if not name.endswith("_0")}
        return {**new, "coefs_0": arrays["coefs_0"][order], "intercepts_0": arrays["intercepts_0"]}

    layout, objective = s.net.layout, s.objective(alpha=1.3)
    place = layout.pack(reordered(layout.unpack(np.arange(len(s.w))))).astype(int)
    oracles.assert_close(objective.value(s.w[place]), objective.value(s.w), 1e-13)
    for kind in KINDS:
        expected = objective.hessian(s.w, kind=kind)[np.ix_(place, place)]
        oracles.assert_close(objective.hessian(s.w[place], kind=kind), expected, 1e-12)


@each_covariance
@pytest.mark.parametrize("far", [1.0, 1e4])
def test_the_origin_is_free(covariance_type, far):
    """Inputs and centres move together; the digits of a far origin are all that is lost."""
    net, objective, X, w = radial(covariance_type, hidden_layer_sizes=(2,))
    shift = far * np.array([3.0, -2.0, 0.5])
    arrays = net.layout.unpack(w)
    moved = net.layout.pack({**arrays, "centers": arrays["centers"] + shift})
    found = everything(objective(X + shift), moved)
    expected = everything(objective(), w)
    for name in expected:
        oracles.assert_close(found[name], expected[name], max(1e-10, 1e-12 * far))


def test_rotations_change_no_full_covariance():
    """M becomes Q M Q', whose factor is found from a Cholesky factor of its reverse."""
    net, objective, X, w = radial("full")
    Q, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    arrays = net.layout.unpack(w)
    U = Q @ factors(arrays["precisions_cholesky"])
    M = U @ U.swapaxes(1, 2)
    reverse = np.linalg.cholesky(M[:, ::-1, ::-1])[:, ::-1, ::-1]
    diagonal = np.eye(3, dtype=bool)
    logs = np.where(diagonal, np.log(np.where(diagonal, reverse, 1.0)), reverse)
    rotated = {**arrays, "centers": arrays["centers"] @ Q.T, "precisions_cholesky": logs}
    v = net.layout.pack(rotated)
    oracles.assert_close(net.predict_raw(v, X @ Q.T), net.predict_raw(w, X))
    oracles.assert_close(objective(X @ Q.T).value(v), objective().value(w))


def factors(free):
    """Return U of the array precisions_cholesky of type "full"."""
    diagonal = np.eye(free.shape[-1])
    return np.triu(free, 1) + diagonal * np.exp(diagonal * free)


# One kind inside another --------------------------------------------------------------


@pytest.mark.parametrize(("narrow", "wide"), [("spherical", "diag"), ("diag", "full")])
@pytest.mark.parametrize("hidden", [(), (2,)])
def test_covariance_types_contain_each_other(narrow, wide, hidden):
    """Along w = E v, of one net in the other: f(v) = f(E v), E' g and E' H E."""
    net, objective, _, v = radial(narrow, hidden_layer_sizes=hidden, skip_connections="all")
    other, larger, _, _ = radial(wide, hidden_layer_sizes=hidden, skip_connections="all")

    def widened(arrays):
        free = arrays["precisions_cholesky"][..., None]
        free = np.repeat(free, 3, axis=1) if wide == "diag" else free * np.eye(3)
        return {**arrays, "precisions_cholesky": free}

    E = linear_map(net.layout, other.layout, widened)
    small, large = objective(), larger()
    oracles.assert_close(large.value(E @ v), small.value(v), 1e-13)
    oracles.assert_close(E.T @ large.gradient(E @ v), small.gradient(v), 1e-12)
    for kind in KINDS:
        section = E.T @ large.hessian(E @ v, kind=kind) @ E
        oracles.assert_close(section, small.hessian(v, kind=kind), 1e-11)


def test_quadratic_forms_contain_gaussian_units():
    """W = [[M, -M mu], [-mu' M, mu' M mu]] is the Gaussian unit's form."""
    net, objective, X, w = radial("full")
    other = Network.from_layers(3, [Quadratic((0,), 4), Linear((1,), 2)])
    arrays = net.layout.unpack(w)
    U, mu = factors(arrays["precisions_cholesky"]), arrays["centers"]
    # (z - mu) is [I, -mu] applied to (z, 1)
    L = np.concatenate([np.broadcast_to(np.eye(3), (4, 3, 3)), -mu[:, :, None]], axis=2)
    forms = L.swapaxes(1, 2) @ U @ U.swapaxes(1, 2) @ L
    linear = {name: arrays[name] for name in ("coefs_0", "intercepts_0")}
    v = other.layout.pack({"quadratic_forms": forms, **linear})
    oracles.assert_close(other.predict_raw(v, X), net.predict_raw(w, X))
    found, expected = objective(network=other), objective()
    oracles.assert_close(found.value(v), expected.value(w))
    # The linear layer follows the hidden one in both.
    t, last = len(v) - 4 * 2 - 2, len(w) - 4 * 2 - 2
    oracles.assert_close(found.gradient(v)[t:], expected.gradient(w)[last:])
    oracles.assert_close(found.hessian(v)[t:, t:], expected.hessian(w)[last:, last:])


# Far points ---------------------------------------------------------------------------


@each_covariance
@pytest.mark.parametrize("hidden", [(), (2,)])
def test_covariances_stay_definite_for_wild_parameters(covariance_type, hidden):
    """Whatever step is taken: all is finite, and no unit exceeds one."""
    net, objective, X, _ = radial(covariance_type, hidden_layer_sizes=hidden)
    layer = GaussianRBF((0,), 4, covariance_type)
    rng = np.random.default_rng(0)
    for scale in (5.0, 50.0):
        for corner in (False, True):
            w = rng.uniform(-1.0, 1.0, net.n_parameters)
            w = scale * (np.sign(w) if corner else w)
            found = everything(objective(), w)
            assert all(np.isfinite(array).all() for array in found.values())
            theta = w[: -sum(a.size for n, a in net.layout.unpack(w).items() if n[-1].isdigit())]
            assert (layer.value(theta.reshape(-1, 4), X.T) >= 0.0).all()


def test_forms_that_are_not_definite_may_overflow():
    """To an infinite value, without a warning."""
    net = Network.from_layers(3, [Quadratic((0,), 4), Linear((1,), 2)])
    _, objective, _, _ = radial("full")
    w = np.ones(net.n_parameters)
    w[net.layout.unpack(np.arange(len(w)))["quadratic_forms"].astype(int).ravel()] = -1e3
    assert objective(network=net).value(w) == np.inf


# Other questions ----------------------------------------------------------------------


SOFTMAX = [c for c in LAYER_CASES if c.loss == "multinomial_log_loss"]


@pytest.mark.parametrize("case", SOFTMAX, ids=case_id)
def test_nothing_changes_along_invariant_directions(case):
    """All logits of a linear layer can move alike; those of Gaussian units cannot."""
    s = setup(case)
    objective = s.objective(alpha=0.0)
    directions = objective.invariant_directions()
    np.testing.assert_allclose(directions.T @ directions, np.eye(directions.shape[1]), atol=1e-14)
    moved = s.w + directions @ np.linspace(1.0, 2.0, directions.shape[1])
    assert objective.value(moved) == pytest.approx(objective.value(s.w), rel=1e-12)
    if case.all_kinds[-1] != "quadratic":
        linear = case.all_kinds[-1] == "linear"
        assert directions.shape[1] == (oracle(case).places()[-1].shape[1] if linear else 0)


@pytest.mark.parametrize("name", [n for n, h in ACTIVATIONS.items() if h.smooth])
def test_every_activation_of_quadratic_forms(name):
    """p may have any function; the value of each is in the oracle."""
    kinds, functions = ("diag", "quadratic"), (name, name)
    case = Case(
        f"of_forms-{name}", (2, 2, 2, 2), functions, "all", "squared_error", 9, kinds=kinds
    )
    s = setup(case)
    oracles.assert_close(s.objective().value(s.w), oracle(case).value)
    oracles.assert_close(s.objective().gradient(s.w), oracle(case).gradient)
    oracles.assert_close(s.objective().hessian(s.w), oracle(case).hessian)
