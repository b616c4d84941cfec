"""Nonlinear constraints on nets: derivatives off the optimum, masks, units, bad input."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sknewtonnet.calculus import (
    Constraint,
    LagrangeFunction,
    Network,
    NonlinearConstraint,
    NormConstraint,
    Objective,
    PredictionConstraint,
    SlopeConstraint,
)
from sknewtonnet.calculus.functions.constraints import MappedConstraint
from sknewtonnet.calculus.functions.input_derivatives import input_derivatives
from sknewtonnet.calculus.functions.rescaling import rescaling
from sknewtonnet.testing import check_constraint

X = np.random.default_rng(1).normal(size=(4, 3))
MASK = np.array([[1, 0, 1], [1, 1, 0], [0, 1, 1]], dtype=bool)
NETS = {
    "deep": Network.mlp(3, (3, 2), 2, ["tanh", "logistic"], skip_connections="all"),
    "masked": Network.mlp(3, (3,), 1, "softplus", connectivity={"coefs_0": MASK}),
    "linear": Network.mlp(3, (), 2),
    "own activations": Network.mlp(3, (3,), 1, [["tanh", "sine", "logistic"]]),
    "outputs behind an activation": Network.mlp(3, (2,), 1, output_activation="logistic"),
    "shared": Network.mlp(3, (3,), 1, tied={"coefs_0": [[0, 1, 2], [2, 0, 1], [1, 2, 0]]}),
    "radial": Network.rbf(3, 2, 1, hidden_layer_sizes=(2,)),
}
M = np.random.default_rng(2).normal(size=(9, 9))


def own(x):
    return [x @ M @ x, np.sin(x).sum()]


def own_jacobian(x):
    return np.array([(M + M.T) @ x, np.cos(x)])


def own_hessian(x, v):
    return v[0] * (M + M.T) - v[1] * np.diag(np.sin(x))


CONSTRAINTS = {
    "predictions": PredictionConstraint(X, 0.0, 1.0),
    "average": PredictionConstraint(X, 0.0, 0.0, average=True),
    "slopes": SlopeConstraint(X, 1, lower=0.0),
    "average slope": SlopeConstraint(X, "x2", 0.0, 1.0, average=True),
    "norms": NormConstraint(["coefs_0", "intercepts_0"], upper=[1.0, 2.0]),
    "norms of units": NormConstraint("coefs_0", 1.0, 1.0, per_unit=True),
    "own": NonlinearConstraint(own, [0, -1], 1, own_jacobian, own_hessian, "coefs_0"),
}
CASES = [
    (net, name)
    for net in NETS
    for name in CONSTRAINTS
    if not (net == "radial" and "slope" in name)
    and not (name == "own" and NETS[net].layout.shapes.get("coefs_0") != (3, 3))
]


@pytest.mark.parametrize(("net", "name"), CASES)
def test_derivatives(net, name):
    """Exact, far from any solution, with factors of either sign."""
    network = NETS[net]
    w = np.random.default_rng(3).normal(size=network.n_parameters)
    check_constraint(CONSTRAINTS[name], network=network, params=w, rtol=1e-10)


def test_radial_norms():
    network = NETS["radial"]
    names = ["centers", "precisions_cholesky"]
    for per_unit in (False, True):
        check_constraint(NormConstraint(names, upper=1.0, per_unit=per_unit), network=network)
    placed = NormConstraint("centers", upper=1.0, per_unit=True).on(network)
    w = np.arange(1.0, network.n_parameters + 1.0)
    expected = np.linalg.norm(network.layout.unpack(w)["centers"], axis=1)
    assert_allclose(placed.value(w), expected, rtol=1e-15)


@pytest.mark.parametrize("net", NETS)
def test_values_are_those_of_the_net(net):
    network = NETS[net]
    w = np.random.default_rng(0).normal(size=network.n_parameters)
    raw = network.predict_raw(w, X)
    assert_allclose(PredictionConstraint(X, 0.0).on(network).value(w), raw.ravel(), rtol=1e-14)
    mean = PredictionConstraint(X, 0.0, average=True).on(network).value(w)
    assert_allclose(mean, raw.mean(axis=0), rtol=1e-14)
    norm = NormConstraint("coefs_0", upper=1.0).on(network).value(w)
    assert_allclose(norm, np.linalg.norm(network.layout.unpack(w)["coefs_0"]), rtol=1e-14)
    if net != "radial":
        slopes = input_derivatives(network, w, X)[0][:, :, 2]
        found = SlopeConstraint(X, "x2", 0.0).on(network).value(w)
        assert_allclose(found, slopes.ravel(), rtol=1e-12)
        assert_allclose(SlopeConstraint(X[0], 2, 0.0).on(network).value(w), slopes[0], rtol=1e-12)


def test_arrays_have_zeros_where_nothing_exists():
    seen = []

    def see(x):
        seen.append(x)
        return x[1]

    network = NETS["masked"]
    constraint = NonlinearConstraint(
        see, 0.0, None, lambda x: np.eye(9)[1], lambda x, v: np.zeros((9, 9)), "coefs_0"
    ).on(network)
    w = np.arange(1.0, network.n_parameters + 1.0)
    assert constraint.value(w) == 0.0
    assert not constraint.jacobian(w).any()
    assert_allclose(seen[0], network.layout.unpack(w)["coefs_0"].ravel())
    assert constraint.follows_names
    assert not NonlinearConstraint(np.sum, 0, 1, np.ones_like, np.outer).follows_names


def test_other_units():
    """T'HT and J T, against differences."""
    found = rescaling(
        NETS["deep"], *np.array([[1.0, -2, 3], [5, 0.5, 2]]), np.ones(2), 3 * np.ones(2)
    )
    network, affine = found
    for constraint in CONSTRAINTS.values():
        mapped = MappedConstraint(constraint.on(network), affine)
        v = np.random.default_rng(0).normal(size=network.n_parameters)
        check_constraint(mapped, params=v, rtol=1e-9)
        assert mapped.follows_names


def test_lagrange_function():
    """Value of f at its point; derivatives by differences of value and gradient."""
    network = NETS["masked"]
    rng = np.random.default_rng(0)
    f = Objective(network, "squared_error", X, rng.normal(size=4), alpha=0.3)
    w0, w, d = rng.normal(size=(3, network.n_parameters))
    terms = [(CONSTRAINTS[name].on(network), None) for name in ("predictions", "norms of units")]
    terms = [(each, rng.normal(size=len(each.limits[0]))) for each, _ in terms]
    L = LagrangeFunction(f, terms, w0)
    assert L.value(w0) == f.value(w0)
    h = 1e-5
    slope = (L.value(w + h * d) - L.value(w - h * d)) / (2 * h)
    assert L.gradient(w) @ d == pytest.approx(slope, rel=1e-8)
    bend = (L.gradient(w + h * d) - L.gradient(w - h * d)) / (2 * h)
    assert_allclose(L.hessian(w) @ d, bend, rtol=1e-7, atol=1e-8)
    assert_allclose(L.hessian_product(w, d), L.hessian(w) @ d, rtol=1e-12, atol=1e-13)
    assert L.scale() == f.scale()


def test_softmax_keeps_its_known_directions():
    """A norm of hidden weights leaves them, a limit of logits does not."""
    network = Network.mlp(3, (2,), 3)
    Y = np.eye(3)[[0, 1, 2, 1]]
    f = Objective(network, "log_loss", X, Y, alpha=0.1)
    w = np.random.default_rng(0).normal(size=network.n_parameters)
    n_known = f.invariant_directions().shape[1]
    assert n_known == 1
    norm = NormConstraint("coefs_0", 1.0).on(network), np.ones(1)
    logits = PredictionConstraint(X[0], 0.0).on(network), np.array([1.0, 0.5, 0.0])
    assert LagrangeFunction(f, [norm], w).invariant_directions().shape[1] == 1
    assert LagrangeFunction(f, [norm, logits], w).invariant_directions().shape[1] == 0


def test_pickle():
    network = NETS["masked"]
    w = np.random.default_rng(0).normal(size=network.n_parameters)
    for constraint in CONSTRAINTS.values():
        placed = constraint.on(network)
        placed.hessian(w, np.ones(len(placed.value(w))))
        again = pickle.loads(pickle.dumps(placed))
        assert_allclose(again.jacobian(w), placed.jacobian(w), rtol=0, atol=0)


def lambdas(**changes):
    given = {"fun": np.sum, "lower": 0.0, "upper": 1.0, "jac": np.ones_like, "hess": np.outer}
    return NonlinearConstraint(**(given | changes))


BAD = {
    "fun": (TypeError, "fun must be a function", lambda: lambdas(fun=1.0)),
    "no hess": (
        TypeError,
        "hess must be a function of the parameters",
        lambda: lambdas(hess=None),
    ),
    "crossed": (ValueError, "lower must not be above upper", lambda: lambdas(lower=2.0)),
    "no limit": (ValueError, "one of lower and upper", lambda: lambdas(lower=None, upper=None)),
    "text": (ValueError, "lower must be a number", lambda: lambdas(lower="a")),
    "NaN": (ValueError, "lower must not be above upper", lambda: lambdas(lower=np.nan)),
    "lengths": (ValueError, "one number or 3", lambda: lambdas(lower=[0, 0], upper=[1, 1, 1])),
    "infinite": (ValueError, "a number must be left", lambda: lambdas(lower=np.inf, upper=np.inf)),
    "array": (
        ValueError,
        "no array 'coefs_9'",
        lambda: lambdas(arrays="coefs_9").on(NETS["deep"]),
    ),
    "norm array": (
        ValueError,
        "no array 'weights'",
        lambda: NormConstraint("weights", 1.0).on(NETS["deep"]),
    ),
    "no arrays": (
        ValueError,
        "arrays must be names",
        lambda: NormConstraint([], 1.0).on(NETS["deep"]),
    ),
    "columns": (
        ValueError,
        r"X of PredictionConstraint must have shape \(n_samples, 3\)",
        lambda: PredictionConstraint([[1.0, 2.0]], 0.0).on(NETS["deep"]),
    ),
    "points and limits": (
        ValueError,
        "one number or 4",
        lambda: PredictionConstraint(X, [0.0, 1.0]).on(NETS["masked"]),
    ),
    "limits turned round": (
        ValueError,
        r"upper of PredictionConstraint must be one number or have shape \(4, 1\)",
        lambda: PredictionConstraint(X, upper=np.ones((1, 4))).on(NETS["masked"]),
    ),
    "one norm": (
        ValueError,
        "must be one number, got None",
        lambda: NormConstraint("coefs_0", upper=[1.0, 2.0]).on(NETS["deep"]),
    ),
    "feature": (
        ValueError,
        "feature must be a name, or an integer from 0 to 2, got 3",
        lambda: SlopeConstraint(X, 3, 0.0).on(NETS["deep"]),
    ),
    "name": (
        ValueError,
        "feature.*'age'",
        lambda: SlopeConstraint(X, "age", 0.0).on(NETS["deep"]),
    ),
    "norm of 0": (
        ValueError,
        r"upper must be positive, got 0.0: bounds of \(0, 0\)",
        lambda: NormConstraint("coefs_0", upper=0.0),
    ),
    "radial slope": (
        ValueError,
        "needs linear layers .* got a GaussianRBF layer",
        lambda: SlopeConstraint(X, 0, 0.0).on(NETS["radial"]),
    ),
    "not placed": (
        ValueError,
        r"use PredictionConstraint\(\.\.\.\)\.on\(network\)",
        lambda: PredictionConstraint(X, 0.0).value(np.ones(3)),
    ),
}


@pytest.mark.parametrize(("kind", "says", "make"), BAD.values(), ids=BAD)
def test_bad_input(kind, says, make):
    with pytest.raises(kind, match=says):
        make()


class Wrong(Constraint):
    """A sum of squares with something wrong."""

    limits = np.zeros(1), np.ones(1)

    def __init__(self, what):
        self.what = what

    def value(self, w):
        if self.what == "writes":
            w += 1.0
        return np.array([w @ w])

    def jacobian(self, w):
        found = 2.0 * w[None]
        found[0, 1] += 1e-3 * (self.what == "jacobian")
        return found.ravel() if self.what == "shape" else found

    def hessian(self, w, v):
        found = 2.0 * v[0] * np.eye(len(w))
        found[0, 2] += 1e-3 * (self.what in ("hessian", "symmetry"))
        found[2, 0] += 1e-3 * (self.what == "hessian")
        return found


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("writes", "value writes to its argument"),
        ("jacobian", r"jacobian\[0, 1\] is .* differences gives"),
        ("hessian", r"hessian\[\d, \d\] is .* differences of the Jacobian gives"),
        ("symmetry", r"hessian\[\d, \d\] is .* the other half of it"),
        ("shape", r"jacobian must return \(1, \d+\)"),
    ],
)
def test_the_check_names_what_is_wrong(what, says):
    check_constraint(Wrong("nothing"))
    with pytest.raises(AssertionError, match=says):
        check_constraint(Wrong(what))
    with pytest.raises(TypeError, match="must be a Constraint"):
        check_constraint(np.sum)
