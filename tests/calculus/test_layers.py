"""Layers one at a time: their checks, their arrays in the flat vector, what is refused."""

from itertools import pairwise, product

import numpy as np
import pytest
from cases import LAYER_CASES, NONLINEAR, POSITIONS, Multiquadric, case_id, oracle, setup
from oracle_layers import COVARIANCE_TYPES, KINDS, array_names

from sknewtonnet.calculus import (
    LAYERS,
    LOSSES,
    GaussianRBF,
    Layer,
    Linear,
    Network,
    Objective,
    Quadratic,
    Semidefinite,
)
from sknewtonnet.testing import check_layer

each_case = pytest.mark.parametrize("case", LAYER_CASES, ids=case_id)
each_covariance = pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
METHODS = ("value", "slopes", "curvature_parameters", "curvature_mixed", "curvature_inputs")


def of_every_kind(n_units=2):
    """Make one layer of each class of the registry with each of its options, and a user's."""
    plain = [cls((0,), n_units) for cls in LAYERS.values() if cls is not GaussianRBF]
    radial = [GaussianRBF((0,), n_units, covariance_type=c) for c in COVARIANCE_TYPES]
    return [*plain, *radial, Multiquadric((0,), n_units, activation="tanh")]


def test_the_oracle_knows_every_layer():
    """A formula in `oracle_layers.KINDS` and a name in `NONLINEAR` are all a new one needs."""
    assert {kind.family for kind in KINDS.values()} == {*LAYERS, "multiquadric"}
    assert {"linear", *NONLINEAR} == set(KINDS)


def test_cases_reach_what_they_promise():
    """Every kind in every position; each with all sorts of losses, few and many samples."""
    assert len({c.id for c in LAYER_CASES}) == len(LAYER_CASES)
    for kind in NONLINEAR:
        of_kind = [c for c in LAYER_CASES if f"-{kind}-" in c.id]
        assert len(of_kind) == len(POSITIONS)
        assert {c.loss for c in of_kind} == set(LOSSES)
        assert {c.sizes[-1] for c in of_kind} >= {1, 2, 3}
        excess = [c.n_samples - setup(c).net.n_parameters for c in of_kind]
        assert min(excess) < 0 < max(excess)
    for case in LAYER_CASES:
        scale = np.abs(oracle(case).hessian).max()
        assert np.abs(oracle(case).gradient).max() > 1e-2 * scale / len(setup(case).w)


# The check of a layer -----------------------------------------------------------------


def kind_of(layer):
    return f"{type(layer).__name__}-{getattr(layer, 'covariance_type', '')}".rstrip("-")


@pytest.mark.parametrize("layer", of_every_kind(), ids=kind_of)
@pytest.mark.parametrize("n_inputs", [1, 3])
def test_check_layer_accepts_what_is_right(layer, n_inputs):
    check_layer(layer, n_inputs=n_inputs)


def test_check_layer_accepts_a_single_unit():
    for layer in of_every_kind(n_units=1):
        check_layer(layer)


def wrong(layer_class, method, change):
    """Return a layer one of whose methods does what ``change`` makes of it."""
    right = getattr(layer_class, method)

    def changed(self, *arguments):
        return change(lambda *given: right(self, *given), *arguments)

    return type("Wrong", (layer_class,), {method: changed})((0,), 2)


def without_a_row(array):
    return np.concatenate([np.zeros_like(array[:, :1]), array[:, 1:]], axis=1)


CHANGES = {
    "factor": lambda f, *args: 1.01 * f(*args),
    "dropped term": lambda f, *args: without_a_row(f(*args)),
    "shape": lambda f, *args: f(*args)[..., :-1],
    "without delta": lambda f, theta, z, delta: f(theta, z, np.ones_like(delta)),
    "squared delta": lambda f, theta, z, delta: f(theta, z, delta * delta),
}


def spoiled_argument(position):
    def change(f, *arguments):
        found = f(*arguments)
        arguments[position][...] += 1.0
        return found

    return change


def blamed(layer):
    """Return what the check has to say."""
    with pytest.raises(AssertionError) as caught:
        check_layer(layer)
    return str(caught.value)


@pytest.mark.parametrize(
    ("layer_class", "method"),
    [
        *product([Multiquadric, GaussianRBF, Semidefinite], METHODS[2:]),
        *product([Quadratic], METHODS[3:]),  # whose curvature in the parameters is zero
    ],
)
@pytest.mark.parametrize("change", CHANGES)
def test_check_layer_names_the_wrong_curvature(layer_class, method, change):
    message = blamed(wrong(layer_class, method, CHANGES[change]))
    assert method in message
    assert not any(other in message for other in METHODS[2:] if other != method)


@pytest.mark.parametrize("layer_class", [Multiquadric, GaussianRBF, Quadratic, Semidefinite])
@pytest.mark.parametrize("change", ["factor", "dropped term", "shape"])
@pytest.mark.parametrize(("which", "word"), [(0, "inputs"), (1, "parameters")])
def test_check_layer_names_the_wrong_slope(layer_class, change, which, word):
    def one_of_two(f, *arguments):
        found = list(f(*arguments))
        found[which] = CHANGES[change](lambda *_: found[which])
        return tuple(found)

    message = blamed(wrong(layer_class, "slopes", one_of_two))
    assert "slopes" in message
    assert word in message


def test_check_layer_looks_at_values():
    """Their shape; that a wrong one is called a wrong slope is a matter of view."""
    assert "value" in blamed(wrong(Multiquadric, "value", CHANGES["shape"]))
    assert "value" in blamed(wrong(Multiquadric, "value", lambda f, *a: f(*a).T))
    blamed(wrong(Multiquadric, "value", CHANGES["factor"]))


@pytest.mark.parametrize("method", METHODS)
def test_check_layer_protects_the_arguments(method):
    """theta and z always, delta where there is one."""
    for position in range(2 if method in METHODS[:2] else 3):
        assert method in blamed(wrong(Multiquadric, method, spoiled_argument(position)))


STARTS = {
    "shape": (lambda *_: np.zeros((4, 1)), r"shape \(4, 2\) .* not \(4, 1\)"),
    "not finite": (lambda *_: np.full((4, 2), np.nan), "not finite"),
    "equal units": (lambda *_: np.ones((4, 2)), "equal units, 0 and 1"),
    "other numbers": (
        lambda *_: np.random.default_rng().standard_normal((4, 2)),
        "more than its arguments",
    ),
}


@pytest.mark.parametrize(("start", "message"), STARTS.values(), ids=STARTS)
def test_check_layer_looks_at_starts(start, message):
    layer = Multiquadric((0,), 2)
    layer.start = start
    with pytest.raises(AssertionError, match=rf"start of Multiquadric.*{message}"):
        check_layer(layer)


@pytest.mark.parametrize("layer", of_every_kind(3), ids=kind_of)
def test_starts_are_near_the_inputs(layer):
    """No unit of the package starts where it is constant on the data, however far they are."""
    rng = np.random.default_rng(0)
    center, spread = np.array([1e3, -5.0]), np.array([2.0, 0.1])
    z = (center + spread * rng.standard_normal((200, 2))).T
    theta = layer.start(center, spread, np.random.RandomState(0))
    if type(layer).start is Layer.start:
        assert np.abs(theta).max() <= 0.5 * np.sqrt(6.0 / 5.0)
    else:
        x = layer.activation.value(layer.value(theta, z))
        assert (np.ptp(x, axis=1) > 0.1).all()


# Named arrays and the flat vector -----------------------------------------------------


@each_case
def test_arrays_are_those_of_the_documentation(case):
    """Names, shapes, one place in the vector for each parameter, and back."""
    net, problem, w = setup(case).net, setup(case).problem, setup(case).w
    arrays = net.layout.unpack(w)
    assert set(arrays) == {name for names in array_names(case.all_kinds) for name in names}
    for k, (kind, s) in enumerate(zip(case.all_kinds, case.sizes[1:], strict=True)):
        p = sum(problem.sizes[q] for q in problem.sources(k))
        shapes = {
            "linear": [(p, s), (s,)],
            "spherical": [(s, p), (s,)],
            "diag": [(s, p), (s, p)],
            "full": [(s, p), (s, p, p)],
            "quadratic": [(s, p + 1, p + 1)],
            "semidefinite": [(s, p + 1, p)],
            "multiquadric": [(s, p), (s,)],
        }[kind]
        found = problem.of_layer(k, arrays)
        assert [array.shape for array in found] == shapes
        if kind == "full":
            np.testing.assert_array_equal(found[1], np.triu(found[1]))
        if kind == "semidefinite":
            np.testing.assert_array_equal(found[0][:, :-1], np.triu(found[0][:, :-1]))
        if kind == "quadratic":
            np.testing.assert_array_equal(found[0], found[0].swapaxes(1, 2))
    np.testing.assert_array_equal(net.layout.pack(arrays), w)


@each_case
def test_layers_are_matrices_in_the_flat_vector(case):
    """One after the other, each as its (t, s) matrix theta with the unit running fastest."""
    places = oracle(case).places()
    ends = np.cumsum([0, *(array.size for array in places)])
    assert ends[-1] == setup(case).net.n_parameters
    for layer, (start, stop) in zip(places, pairwise(ends), strict=True):
        np.testing.assert_array_equal(layer.T.ravel(), np.arange(start, stop))


@each_case
def test_every_parameter_has_a_name(case):
    net = setup(case).net
    names, numbers = net.layout.names, net.layout.unpack(np.arange(net.n_parameters))
    assert len(set(names)) == len(names) == net.n_parameters
    for name, array in numbers.items():
        index = oracle(case).index[name]
        assert all(names[int(p)].startswith(f"{name}[") for p in array[index >= 0])


def test_names_say_where_a_parameter_is():
    net = Network.rbf(2, 3, 1, "diag", feature_names=["age", "height"])
    numbers = net.layout.unpack(np.arange(net.n_parameters))
    for name, row, expected in [
        ("centers", (2, 1), "centers[c2, height]"),
        ("precisions_cholesky", (1, 0), "precisions_cholesky[c1, age]"),
        ("coefs_0", (1, 0), "coefs_0[c1, y]"),
    ]:
        assert net.layout.names[int(numbers[name][row])] == expected


class Squares(Layer):
    """p_j = z_j^2: a layer without parameters."""

    def unit_arrays(self, n_inputs):
        return {}

    def value(self, theta, z):
        return z[: self.n_units] ** 2

    def slopes(self, theta, z):
        diagonal = np.eye(self.n_units, len(z))[:, :, None]
        return 2.0 * diagonal * z, np.zeros((self.n_units, 0, z.shape[1]))

    def curvature_parameters(self, theta, z, delta):
        return np.zeros((self.n_units, 0, 0))

    def curvature_mixed(self, theta, z, delta):
        return np.zeros((self.n_units, 0, *z.shape))

    def curvature_inputs(self, theta, z, delta):
        padded = np.zeros(z.shape)
        padded[: self.n_units] = 2.0 * delta
        return np.eye(len(z))[:, :, None] * padded


@pytest.mark.parametrize("where", ["first", "between", "last"])
def test_a_layer_may_have_no_parameters(where):
    """In every place of a net, with all derivatives."""
    check_layer(Squares((0,), 2))
    layers = {
        "first": [Squares((0,), 2, "tanh"), Linear((0, 1), 2)],
        "between": [Linear((0,), 2, "tanh"), Squares((1,), 2, "sine"), Linear((0, 2), 2)],
        "last": [Linear((0,), 2, "tanh"), Squares((1,), 2)],
    }[where]
    net = Network.from_layers(2, layers)
    assert all(len(names) == 2 for names in (*net.unit_names, net.output_names))
    rng = np.random.default_rng(0)
    X, w = rng.normal(size=(12, 2)), rng.normal(size=net.n_parameters)
    f = Objective(net, "squared_error", X, X[:, ::-1], alpha=0.3)
    h, axes = 1e-5, np.eye(len(w))
    slopes = [(f.value(w + h * e) - f.value(w - h * e)) / (2 * h) for e in axes]
    bends = [(f.gradient(w + h * e) - f.gradient(w - h * e)) / (2 * h) for e in axes]
    np.testing.assert_allclose(f.gradient(w), slopes, atol=1e-8)
    np.testing.assert_allclose(f.hessian(w), bends, atol=1e-8)
    np.testing.assert_allclose(f.hessian_product(w, axes), f.hessian(w), atol=1e-12)
    assert [len(blocks) for blocks in f.hessian_blocks(w)] == [2] * len(layers)
    assert f.jacobian(w).shape == (12, 2, len(w))


def test_layers_of_other_classes_may_name_their_arrays_alike():
    """No array may silently stand for two; how the names are kept apart is open."""

    class Other(Multiquadric):
        def unit_arrays(self, n_inputs):
            return {"centers": np.arange(n_inputs), "log_scales": np.array(n_inputs)}

    layers = [GaussianRBF((0,), 2, "diag"), Other((1,), 3), Linear((2,), 1)]
    try:
        net = Network.from_layers(2, layers)
    except ValueError:  # refusing them is fine as well
        return
    arrays = net.layout.unpack(np.arange(1.0, net.n_parameters + 1.0))
    assert sorted(np.concatenate([a.ravel() for a in arrays.values()])) == list(
        range(1, net.n_parameters + 1)
    )
    w = np.random.default_rng(0).normal(size=net.n_parameters)
    np.testing.assert_array_equal(net.layout.pack(net.layout.unpack(w)), w)


@pytest.mark.parametrize("kind", NONLINEAR)
def test_alpha_counts_once_per_parameter(kind):
    """Whatever the array shows twice, or not at all; and a plain number is for coefs alone."""
    case = next(c for c in LAYER_CASES if c.id.startswith(f"first-{kind}-"))
    s = setup(case)
    names, free = array_names(case.all_kinds)[0], s.objective(alpha=0.0)
    penalised = s.objective(alpha=dict.fromkeys(names, 0.9))
    factor = 0.9 / s.problem.sample_weight.sum()
    own = np.isin(np.arange(len(s.w)), oracle(case).places()[0])
    gradient = penalised.gradient(s.w) - free.gradient(s.w)
    np.testing.assert_allclose(gradient, factor * own * s.w, rtol=1e-12, atol=1e-14)
    value = penalised.value(s.w) - free.value(s.w)
    assert value == pytest.approx(0.5 * factor * (s.w[own] ** 2).sum(), rel=1e-10)
    plain = s.objective(alpha=0.9).gradient(s.w) - free.gradient(s.w)
    coefs = np.isin(np.arange(len(s.w)), oracle(case).index["coefs_0"])
    np.testing.assert_allclose(plain, factor * coefs * s.w, rtol=1e-12, atol=1e-14)


# What is refused ----------------------------------------------------------------------


OUT = Linear((1,), 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: [GaussianRBF((0,), 2, "tied"), OUT], "covariance_type"),
        (lambda: [GaussianRBF((0,), 2, None), OUT], "covariance_type"),
        (lambda: [GaussianRBF((0,), 0), OUT], "n_units"),
        (lambda: [Linear((0,), -1), OUT], "n_units"),
        (lambda: [Quadratic((0,), 1.5), OUT], "n_units"),
        (lambda: [Multiquadric((0,), 0), OUT], "n_units"),
        (lambda: [GaussianRBF((0,), 2, activation="tangens"), OUT], "tangens"),
        (lambda: [GaussianRBF((), 2), OUT], "sources"),
        (lambda: [GaussianRBF((-1,), 2), OUT], "sources"),
        (lambda: [GaussianRBF((0, 0), 2), OUT], "sources"),
        (lambda: [GaussianRBF((0,), 2), Linear((1, 0), 1)], "sources"),
        (lambda: [GaussianRBF((1,), 2), OUT], "node 1"),
        (lambda: [GaussianRBF((2,), 2), Linear((1,), 2), OUT], "node 2"),
        (lambda: [GaussianRBF((0,), 2), Linear((5,), 1)], "node 5"),
        (lambda: [GaussianRBF((0,), 2), Linear((0,), 1)], "read"),
        (lambda: [GaussianRBF((0,), 2), Linear((0,), 3), OUT], "read"),
        (lambda: [], "layer"),
        (lambda: [GaussianRBF((0,), 2), "linear"], "layer"),
    ],
)
def test_layers_that_make_no_sense_are_refused(make, message):
    """By the layer or by the network."""
    with pytest.raises(ValueError, match=message):
        Network.from_layers(2, make())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_features": 0}, "n_features"),
        ({"n_centers": 0}, "n_centers"),
        ({"n_outputs": 0}, "n_outputs"),
        ({"covariance_type": "common"}, "covariance_type"),
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes"),
        ({"skip_connections": "some"}, "skip_connections"),
        ({"activation": "tangens"}, "tangens"),
        ({"connectivity": {"centers": np.ones((2, 3), bool)}}, "centers"),
        ({"connectivity": {"centers_0": np.ones((3, 2), bool)}}, "centers_0"),
        ({"feature_names": ["age"]}, "names"),
    ],
)
def test_radial_networks_that_make_no_sense_are_refused(changes, message):
    arguments = {"n_features": 2, "n_centers": 3, "n_outputs": 1, "hidden_layer_sizes": (2,)}
    with pytest.raises(ValueError, match=message):
        Network.rbf(**{**arguments, **changes})
