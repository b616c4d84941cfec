"""The flat vector and its named arrays; what is masked does not exist."""

import numpy as np
import oracles
import pytest
from cases import CASES, KINDS, PRODUCTS, case_id, oracle, setup

from sknewtonnet.calculus import ACTIVATIONS, Network, Objective

each_case = pytest.mark.parametrize("case", CASES, ids=case_id)


def small(connectivity=None):
    return Network.mlp(
        2, (3,), 2, "tanh", skip_connections="input-output", connectivity=connectivity
    )


MASKS = {
    "coefs_0": np.array([[True, False, True], [False, False, True]]),
    "intercepts_0": np.array([True, False, True]),
    "coefs_1": np.array([[True, False], [True, True], [False, True], [True, False], [True, True]]),
}


@each_case
def test_arrays_are_those_of_the_documentation(case):
    """Names, shapes, one place in the vector for each entry, and back."""
    net, problem = setup(case).net, setup(case).problem
    arrays = net.layout.unpack(setup(case).w)
    shapes = {}
    for k, size in enumerate(problem.sizes[1:]):
        shapes[f"coefs_{k}"] = (sum(problem.sizes[q] for q in problem.sources(k)), size)
        shapes[f"intercepts_{k}"] = (size,)
    assert {name: a.shape for name, a in arrays.items()} == shapes
    assert net.n_parameters == sum(a.size for a in arrays.values())
    places = np.concatenate([index.ravel() for index in oracle(case).index.values()])
    np.testing.assert_array_equal(np.sort(places), np.arange(net.n_parameters))
    np.testing.assert_array_equal(net.layout.pack(arrays), setup(case).w)


@each_case
def test_predictions(case):
    """The forward pass, on its own data and on data never seen."""
    net, problem, w = setup(case).net, setup(case).problem, setup(case).w
    expected = problem.states(oracle(case).arrays)[-1]
    oracles.assert_close(net.predict_raw(w, problem.X), expected)
    oracles.assert_close(net.predict_raw(w, problem.X[2:5]), expected[2:5])


def test_names_say_where_a_parameter_is():
    net = Network.mlp(2, (2,), 1, skip_connections="input-output", feature_names=["age", "height"])
    arrays = net.layout.unpack(np.arange(net.n_parameters))
    names = net.layout.names
    assert len(set(names)) == len(names) == net.n_parameters
    for name in arrays:
        assert sum(n.startswith(f"{name}[") for n in names) == arrays[name].size
    of_age = [names[int(p)] for p in arrays["coefs_0"][0]]
    assert all(n.startswith("coefs_0[age, ") for n in of_age)
    assert names[int(arrays["coefs_1"][1, 0])] == "coefs_1[height, y]"
    assert "intercepts_1[y]" in names
    assert "coefs_0[x1, y0]" in Network.mlp(2, (), 2).layout.names


def test_masked_entries_are_zero_and_no_parameters():
    net, full = small(MASKS), small()
    masked = sum((~mask).sum() for mask in MASKS.values())
    assert net.n_parameters == full.n_parameters - masked
    assert len(net.layout.names) == net.n_parameters
    w = np.random.default_rng(0).normal(size=net.n_parameters)
    arrays = net.layout.unpack(w)
    for name, mask in MASKS.items():
        assert (arrays[name][~mask] == 0.0).all()
        assert (arrays[name][mask] != 0.0).all()
    np.testing.assert_array_equal(net.layout.pack(arrays), w)


def test_masked_names_are_those_that_remain():
    """A parameter keeps its name when others go."""
    net, full = small(MASKS), small()
    by_number = dict(enumerate(full.layout.names, start=1))
    numbers = full.layout.unpack(np.arange(1, full.n_parameters + 1))
    np.testing.assert_array_equal(
        net.layout.names, [by_number[int(p)] for p in net.layout.pack(numbers)]
    )


def test_a_mask_of_ones_changes_nothing():
    ones = {name: np.ones_like(mask) for name, mask in MASKS.items()}
    assert small(ones).layout.names == small().layout.names


def test_single_links_by_name_are_masks():
    """Names, truth values for arrays, and masks say the same; later entries go over earlier."""
    mask = np.ones((2, 3), dtype=bool)
    mask[0, 1] = mask[1, 0] = False
    by_name = {"coefs_0[x0, h1]": False, "coefs_0[x1, h0]": False}
    one_only = {"coefs_1": False, "coefs_1[x1, y0]": True, "coefs_1[h2, y1]": True}
    by_array = np.zeros((5, 2), dtype=bool)
    by_array[1, 0] = by_array[4, 1] = True
    expected = small({"coefs_0": mask, "coefs_1": by_array}).layout
    assert small({**by_name, **one_only}).layout.names == expected.names
    np.testing.assert_array_equal(small({**by_name, **one_only}).layout.exists, expected.exists)
    mixed = {"coefs_1[x0, y0]": True, **by_name, "coefs_1": by_array}  # the array goes over it
    assert small(mixed).layout.names == expected.names
    np.testing.assert_array_equal(small().with_connectivity(mixed).exists[0][:-1], mask)


def test_one_direct_link_beside_the_hidden_layer():
    """Of all direct links only that of age exists; the unit's links are as they were."""
    names = ["age", "height", "weight"]
    others = {f"coefs_1[{name}, y]": False for name in names if name != "age"}
    net = Network.mlp(
        3, (2,), 1, skip_connections="input-output", connectivity=others, feature_names=names
    )
    left = [name for name in net.layout.names if name.startswith("coefs_1")]
    assert left == ["coefs_1[age, y]", "coefs_1[h0, y]", "coefs_1[h1, y]"]
    # What does not exist can be named, so that it can come back.
    assert "coefs_1[height, y]" in net.with_connectivity(None).layout.names
    again = net.with_connectivity({**net.layout.masks(), "coefs_1[height, y]": True})
    assert set(again.layout.names) - set(net.layout.names) == {"coefs_1[height, y]"}


@pytest.mark.parametrize("skip", [False, "input-output", "all"])
def test_masked_networks_are_sections_of_the_full_one(skip):
    """What does not exist has no derivative; all else is as if it were held at zero."""
    rng = np.random.default_rng(4)
    sizes = {"n_features": 3, "hidden_layer_sizes": (4, 3), "n_outputs": 2}
    full = Network.mlp(**sizes, activation=["tanh", "softplus"], skip_connections=skip)
    shapes = {k: a.shape for k, a in full.layout.unpack(np.zeros(full.n_parameters)).items()}
    masks = {k: rng.random(s) < 0.7 for k, s in shapes.items() if k != "intercepts_1"}
    net = Network.mlp(
        **sizes, activation=["tanh", "softplus"], skip_connections=skip, connectivity=masks
    )
    w = rng.normal(size=net.n_parameters)
    w_full = full.layout.pack(net.layout.unpack(w))
    keep = net.layout.pack(full.layout.unpack(np.arange(full.n_parameters))).astype(int)
    X, Y, s = rng.normal(size=(30, 3)), rng.normal(size=(30, 2)), rng.uniform(0, 2, 30)
    a = Objective(net, "squared_error", X, Y, sample_weight=s, alpha=[0.3, 1.0, 2.0])
    b = Objective(full, "squared_error", X, Y, sample_weight=s, alpha=[0.3, 1.0, 2.0])
    v = rng.normal(size=(len(w), 2))
    v_full = np.zeros((len(w_full), 2))
    v_full[keep] = v
    assert a.value(w) == pytest.approx(b.value(w_full), rel=1e-14)
    oracles.assert_close(a.gradient(w), b.gradient(w_full)[keep], 1e-13)
    oracles.assert_close(a.jacobian(w), b.jacobian(w_full)[..., keep], 1e-13)
    oracles.assert_close(a.scores(w), b.scores(w_full)[:, keep], 1e-13)
    for kind in KINDS:
        section = b.hessian(w_full, kind=kind)[np.ix_(keep, keep)]
        oracles.assert_close(a.hessian(w, kind=kind), section, 1e-13)
    for kind in PRODUCTS:
        section = b.hessian_product(w_full, v_full, kind=kind)[keep]
        oracles.assert_close(a.hessian_product(w, v, kind=kind), section, 1e-13)


def test_blocks_are_zero_where_nothing_is_connected():
    mask = np.array([[True, False], [True, True]])
    net = Network.mlp(2, (2,), 1, connectivity={"coefs_0": mask})
    rng = np.random.default_rng(0)
    objective = Objective(net, "squared_error", rng.normal(size=(9, 2)), np.ones(9), alpha=1.0)
    w = rng.normal(size=net.n_parameters)
    for kind in ("block", "lagrangian"):
        first = objective.hessian_blocks(w, kind=kind)[0]
        assert not first[1, 0].any()
        assert not first[1, :, 0].any()
        assert first[0].all()


def test_unpacked_arrays_are_copies():
    """Writing into an array must not reach the vector it came from."""
    net = small()
    w = np.arange(float(net.n_parameters))
    net.layout.unpack(w)["coefs_0"][:] = -1.0
    np.testing.assert_array_equal(w, np.arange(net.n_parameters))


def test_activations_for_each_layer_or_for_all():
    """A name, an object and a list say the same."""
    X = np.random.default_rng(0).normal(size=(5, 2))
    tanh = ACTIVATIONS["tanh"]
    nets = [Network.mlp(2, (3, 2), 1, a) for a in ("tanh", tanh, ["tanh", tanh])]
    w = np.random.default_rng(1).normal(size=nets[0].n_parameters)
    for net in nets[1:]:
        np.testing.assert_array_equal(net.predict_raw(w, X), nets[0].predict_raw(w, X))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hidden_layer_sizes": (3, 0)}, "hidden_layer_sizes"),
        ({"n_features": 0}, "n_features"),
        ({"n_outputs": -1}, "n_outputs"),
        ({"activation": "tangens"}, "tangens"),
        ({"activation": "tangens", "hidden_layer_sizes": ()}, "tangens"),
        ({"activation": ["tanh"]}, "activation"),
        ({"skip_connections": "some"}, "skip_connections"),
        ({"connectivity": {"coefs_9": np.ones((2, 3), bool)}}, "coefs_9"),
        ({"connectivity": {"coefs_0": np.ones((3, 2), bool)}}, "coefs_0"),
        ({"connectivity": {"coefs_0": np.ones((2, 3))}}, "bool"),
        ({"connectivity": {"coefs_0": 1}}, "must be True or False"),
        ({"connectivity": {"coefs_0[x0, h0]": True}}, r"Did you mean 'coefs_0\[x0, h1_0\]'"),
        ({"connectivity": {"coefs_0[x0, h1_0]": [True]}}, "must be True or False"),
        ({"connectivity": dict.fromkeys(("coefs_0", "coefs_1", "coefs_2"), None)}, "True or"),
    ],
)
def test_networks_that_make_no_sense_are_refused(arguments, message):
    defaults = {"n_features": 2, "hidden_layer_sizes": (3, 2), "n_outputs": 1}
    with pytest.raises(ValueError, match=message):
        Network.mlp(**{**defaults, **arguments})


def test_wrong_vectors_and_arrays_are_refused():
    net = small()
    w = np.zeros(net.n_parameters)
    arrays = net.layout.unpack(w)
    for wrong in (w[1:], w[None], np.zeros(0)):
        with pytest.raises(ValueError, match="shape"):
            net.layout.unpack(wrong)
    with pytest.raises(ValueError, match="coefs_0"):
        net.layout.pack({**arrays, "coefs_0": arrays["coefs_0"].T})
    with pytest.raises(ValueError, match="coefs_1"):
        net.layout.pack({name: a for name, a in arrays.items() if name != "coefs_1"})
    with pytest.raises(ValueError, match="shape"):
        net.predict_raw(w[1:], np.zeros((4, 2)))
    for wrong in (np.zeros((4, 3)), np.zeros(2)):
        with pytest.raises(ValueError, match="X must"):
            net.predict_raw(w, wrong)


def test_cases_reach_what_they_promise():
    """Both regimes of n and P, all skips and outputs: else the tests above prove less."""
    excess = [setup(c).problem.X.shape[0] - setup(c).net.n_parameters for c in CASES]
    assert min(excess) < 0 < max(excess)
    assert len({c.id for c in CASES}) == len(CASES)
    assert {c.sizes[-1] for c in CASES} >= {1, 2, 3, 4}
    for case in CASES:
        scale = np.abs(oracle(case).hessian).max()
        assert np.abs(oracle(case).gradient).max() > 1e-2 * scale / len(setup(case).w)
