"""Random networks, losses and data as data, built from the registries.

A new activation or loss shows up here by itself: in a case of its own and in turn with
the others; a new kind of layer, of the package or of a user's, in every position as soon
as ``NONLINEAR`` has its name. All cases sit away from the optimum, with unequal sample
weights (some of them zero), a penalty of order one and both fewer and more samples than
parameters, since errors of scale and dropped terms hide at the optimum and in unit weights.
"""

import functools
from dataclasses import dataclass

import numpy as np
from oracle_layers import COVARIANCE_TYPES
from oracles import Oracle, Problem

from sknewtonnet.calculus import (
    ACTIVATIONS,
    LOSSES,
    GaussianRBF,
    Layer,
    Linear,
    Network,
    Objective,
    Quadratic,
    Semidefinite,
)

SKIPS = (False, "input-output", "all")
HIDDEN = ((), (4,), (3, 2), (2, 3, 2), (2, 3, 2, 2))
KINDS = ("exact", "block", "lagrangian", "gauss-newton")
PRODUCTS = ("exact", "gauss-newton")
ALPHAS = ("scalar", "per layer", "arrays")


@dataclass(frozen=True)
class Case:
    """One objective, as hashable data; everything random follows from the seed."""

    id: str
    sizes: tuple
    activations: tuple
    skip: object
    loss: str
    n_samples: int
    alpha: str = "scalar"
    seed: int = 0
    loss_params: tuple = ()
    kinds: tuple = ()  # one of the oracle's kinds per layer; the rest is linear

    @property
    def all_kinds(self):
        """The kind of each layer, with the output layer."""
        return self.kinds + ("linear",) * (len(self.sizes) - 1 - len(self.kinds))

    @property
    def linear_in_w(self):
        """Whether the raw predictions are linear in the parameters."""
        return len(self.sizes) == 2 and self.all_kinds[0] in ("linear", "quadratic")


class Multiquadric(Layer):
    """p = sqrt(1 + exp(2 tau) |z - mu|^2): a layer as a user writes it."""

    def unit_arrays(self, n_inputs):
        return {"nodes": np.arange(n_inputs), "log_scales": np.array(n_inputs)}

    @staticmethod
    def parts(theta, z):
        """Return z - mu, exp(2 tau), the squared distance in these units, and p."""
        d, g = z - theta[:-1].T[:, :, None], np.exp(2.0 * theta[-1])[:, None]
        u = g * (d * d).sum(1)
        return d, g, u, np.sqrt(1.0 + u)

    def value(self, theta, z):
        return self.parts(theta, z)[-1]

    def slopes(self, theta, z):
        d, g, u, p = self.parts(theta, z)
        along = (g / p)[:, None] * d
        return along, np.concatenate([-along, (u / p)[:, None]], axis=1)

    def second(self, theta, z, delta):
        """Return delta times the second derivatives: in z and z, tau and z, tau and tau."""
        d, g, u, p = self.parts(theta, z)
        outer = d[:, :, None] * d[:, None] * (delta * (g / p) ** 2 / p)[:, None, None]
        in_z = np.eye(len(z))[None, :, :, None] * (delta * g / p)[:, None, None] - outer
        both = delta * (2.0 + u) / p**3
        return in_z, (g * both)[:, None] * d, u * both

    def curvature_parameters(self, theta, z, delta):
        in_z, mixed, in_tau = (array.sum(-1) for array in self.second(theta, z, delta))
        upper = np.concatenate([in_z, -mixed[:, :, None]], axis=2)
        lower = np.concatenate([-mixed, in_tau[:, None]], axis=1)
        return np.concatenate([upper, lower[:, None]], axis=1)

    def curvature_mixed(self, theta, z, delta):
        in_z, mixed, _ = self.second(theta, z, delta)
        return np.concatenate([-in_z, mixed[:, None]], axis=1)

    def curvature_inputs(self, theta, z, delta):
        return self.second(theta, z, delta)[0].sum(0)


@dataclass(frozen=True)
class Setup:
    """What a test works with: the package's objects, and the same problem as plain data."""

    net: Network
    loss: object
    alpha: object
    problem: Problem
    w: np.ndarray

    def objective(self, rows=slice(None), sample_weight=None, **options):
        """Build the objective, or that of some rows."""
        p = self.problem
        weight = p.sample_weight[rows] if sample_weight is None else sample_weight
        options = {"alpha": self.alpha, "sample_weight": weight, **options}
        return Objective(self.net, self.loss, p.X[rows], p.Y[rows], **options)


def targets(loss, rng, n, n_outputs):
    """Draw targets from the first distribution whose domain fits the loss."""
    candidates = (
        rng.normal(size=(n, n_outputs)),
        rng.poisson(2.0, size=(n, n_outputs)).astype(float),
        rng.gamma(2.0, size=(n, n_outputs)) + 0.5,
        np.where(rng.random((n, n_outputs)) < 0.7, rng.integers(2, size=(n, n_outputs)), 0.3),
        np.where(
            np.arange(n)[:, None] % 3,
            np.eye(n_outputs)[rng.integers(n_outputs, size=n)],
            rng.dirichlet(np.ones(n_outputs), size=n),
        ),
    )
    for y in candidates:
        try:
            loss.check_target(y)
        except ValueError:
            continue
        return y
    raise AssertionError(f"add targets for {loss!r} to the candidates")


def strengths(alpha, shapes):
    """Spread alpha as documented: over coefs_k only, unless arrays are named."""
    coefs = [name for name in shapes if name.startswith("coefs")]
    if not isinstance(alpha, dict):
        alpha = dict(zip(coefs, np.broadcast_to(alpha, len(coefs)), strict=True))
    spread = {name: np.broadcast_to(np.asarray(a), shapes[name]) for name, a in alpha.items()}
    # Both halves of a symmetric array show one parameter, which counts once.
    return {n: np.triu(a) if n.startswith("quadratic_forms") else a for n, a in spread.items()}


def draw_alpha(kind, rng, shapes):
    """Draw a penalty of order one, in one of the forms the objective takes."""
    if kind == "scalar":
        return 1.3
    n_linear = sum(name.startswith("coefs") for name in shapes)
    if kind == "per layer":
        return list(rng.uniform(0.5, 2.0, n_linear))
    alpha, last = {}, n_linear - 1
    if n_linear:
        entries = rng.uniform(0.0, 2.0, shapes[f"coefs_{last}"])
        alpha = {"coefs_0": 0.7, f"coefs_{last}": entries, f"intercepts_{last}": 1.1}
    for name, shape in shapes.items():
        if not name.startswith(("coefs", "intercepts")):
            entries = rng.uniform(0.0, 2.0, shape)
            symmetric = name.startswith("quadratic_forms")
            alpha[name] = entries + entries.swapaxes(1, 2) if symmetric else entries
    return alpha


def network(case, connectivity=None, factory=None):
    """Build the net of a case, by the shortest of the package's factories that can."""
    n_features, *hidden, n_outputs = case.sizes
    radial, *others = case.all_kinds
    usual = set(others) <= {"linear"} and not isinstance(case.skip, tuple)
    if factory is None and usual and radial == "linear":
        arguments = (n_features, tuple(hidden), n_outputs, list(case.activations), case.skip)
        return Network.mlp(*arguments, connectivity=connectivity)
    if factory is None and usual and others and radial in COVARIANCE_TYPES:
        assert case.activations[0] == "squared_exponential"
        sizes = (n_features, hidden[0], n_outputs, radial, tuple(hidden[1:]))
        activation = case.activations[1] if hidden[1:] else "tanh"
        return Network.rbf(*sizes, activation, case.skip, connectivity=connectivity)
    return Network.from_layers(n_features, list(layers(case)), connectivity=connectivity)


MADE = {
    "linear": Linear,
    "quadratic": Quadratic,
    "semidefinite": Semidefinite,
    "multiquadric": Multiquadric,
}


def layers(case):
    """Yield the package's layers, wired as the oracle's problem is."""
    graph = Problem(case.sizes, (), case.skip, case.all_kinds, "", *[None] * 4)
    functions = (*case.activations, "identity")
    for k, (kind, name) in enumerate(zip(case.all_kinds, functions, strict=True)):
        sources, size = tuple(graph.sources(k)), case.sizes[k + 1]
        if kind in COVARIANCE_TYPES:
            yield GaussianRBF(sources, size, kind, activation=name)
        else:
            yield MADE[kind](sources, size, activation=name)


@functools.cache
def setup(case):
    """Turn a case into the package's objects and the oracle's problem."""
    rng = np.random.default_rng(case.seed)
    net = network(case)
    loss = LOSSES[case.loss](**dict(case.loss_params))
    w = rng.normal(size=net.n_parameters) * 0.6
    shapes = {name: a.shape for name, a in net.layout.unpack(w).items()}
    weight = rng.uniform(0.2, 2.5, case.n_samples)
    weight[1::4] = 0.0
    alpha = draw_alpha(case.alpha, rng, shapes)
    problem = Problem(
        sizes=case.sizes,
        activations=case.activations,
        skip=case.skip,
        kinds=case.all_kinds,
        loss=case.loss,
        X=rng.normal(size=(case.n_samples, case.sizes[0])),
        Y=targets(loss, rng, case.n_samples, case.sizes[-1]),
        sample_weight=weight,
        penalty=strengths(alpha, shapes),
        loss_params=dict(case.loss_params),
    )
    return Setup(net, loss, alpha, problem, w)


@functools.cache
def oracle(case):
    """The reference values of a case; computed once, shared by all tests."""
    s = setup(case)
    return Oracle(s.problem, s.net.layout, s.w)


def _in_turn(items, i):
    return items[i % len(items)]


def _outputs(loss, n_outputs):
    """Multinomial losses need two logits; all others take any number."""
    return max(n_outputs, 2) if loss.startswith("multinomial") else n_outputs


def _architectures():
    """Every depth with every kind of skip connections; losses and activations in turn."""
    names, losses = list(ACTIVATIONS), list(LOSSES)
    for depth, hidden in enumerate(HIDDEN):
        for which, skip in enumerate(SKIPS):
            i = len(SKIPS) * depth + which
            loss = _in_turn(losses, i)
            yield Case(
                id=f"{depth}hidden-skip_{skip}-{loss}",
                sizes=(2, *hidden, _outputs(loss, 1 + i % 4)),
                activations=tuple(_in_turn(names, i + 5 * k) for k in range(depth)),
                skip=skip,
                loss=loss,
                n_samples=(6, 130)[i % 2],
                alpha=_in_turn(ALPHAS, depth + which),
                seed=i,
            )


def _every_activation():
    for i, name in enumerate(ACTIVATIONS):
        yield Case(
            id=f"activation-{name}",
            sizes=(3, 3, 2, 2),
            activations=(name, name),
            skip="all",
            loss=_in_turn(("squared_error", "multinomial_log_loss"), i),
            n_samples=(60, 9)[i % 2],
            alpha=_in_turn(ALPHAS, i),
            seed=100 + i,
        )


def _every_loss():
    for i, name in enumerate(LOSSES):
        for n_outputs in (_outputs(name, 1), 3):
            yield Case(
                id=f"loss-{name}-{n_outputs}",
                sizes=(3, 4, n_outputs),
                activations=("tanh",),
                skip="input-output",
                loss=name,
                n_samples=7 if n_outputs == 3 else 60,
                seed=200 + i,
            )


CASES = [
    *_architectures(),
    *_every_activation(),
    *_every_loss(),
    Case(
        id="pseudo_huber-narrow",
        sizes=(2, 3, 2),
        activations=("logistic",),
        skip="all",
        loss="pseudo_huber",
        n_samples=50,
        alpha="arrays",
        seed=300,
        loss_params=(("delta", 0.4),),
    ),
]

NONLINEAR = (*COVARIANCE_TYPES, "quadratic", "multiquadric", "semidefinite")
POSITIONS = {  # name: sizes before the outputs, kinds ("*" is the one that is tried), skip
    "first": ((2, 3), ("*",), False),
    "twice_read": ((2, 2, 2), ("*", "linear"), "all"),
    "after_linear": ((3, 2, 2), ("linear", "*"), False),
    "after_radial": ((2, 2, 2), ("diag", "*"), "input-output"),
    "reads_both": ((2, 2, 2), ("linear", "*"), "all"),
    "read_by_curved": ((2, 2, 1, 2), ("*", "full", "quadratic"), ((0,), (1,), (0, 1), (2, 3))),
    "side_by_side": ((2, 2, 2), ("*", "*"), ((0,), (0,), (1, 2))),
    "last": ((2, 2), ("linear", "*"), "input-output"),
    "alone": ((2,), ("*",), False),
    "narrow": ((1, 1), ("*",), "all"),
}
OWN_ACTIVATION = {"quadratic": "sine", "multiquadric": "identity", "linear": "tanh"}


def _every_position():
    """Every kind of layer at every place in a net; losses in turn, few and many samples."""
    for place, (name, (sizes, kinds, skip)) in enumerate(POSITIONS.items()):
        for which, kind in enumerate(NONLINEAR):
            i = 5 * place + which  # without a factor that the number of losses has
            loss = _in_turn(list(LOSSES), i)
            actual = tuple(kind if k == "*" else k for k in kinds)
            hidden = actual[: len(sizes) - 1]
            yield Case(
                id=f"{name}-{kind}-{loss}",
                sizes=(*sizes, _outputs(loss, 1 + place % 3)),
                activations=tuple(OWN_ACTIVATION.get(k, "squared_exponential") for k in hidden),
                skip=skip,
                loss=loss,
                n_samples=(60, 7)[(place // 2 + which) % 2],
                alpha=ALPHAS[::-1][(place + which) % 3],
                seed=500 + i,
                kinds=actual,
            )


LAYER_CASES = [
    *_every_position(),
    Case(
        id="four_kinds",
        sizes=(2, 2, 2, 2, 2, 2),
        activations=("squared_exponential", "softplus", "arctan", "tanh"),
        skip="all",
        loss="multinomial_log_loss",
        n_samples=20,
        alpha="arrays",
        seed=600,
        kinds=("full", "spherical", "linear", "quadratic", "multiquadric"),
    ),
]

# Few and fixed, but different in everything: for relations rather than formulas.
RELATIONS = [
    Case("deep", (3, 3, 2, 2), ("tanh", "softplus"), "all", "squared_error", 50, "arrays", 1),
    Case("wide", (2, 5, 3), ("tanh",), False, "multinomial_log_loss", 50, "scalar", 2),
    Case("linear", (3, 2), (), False, "poisson", 50, "scalar", 3),
    Case("skip", (3, 4, 1), ("tanh",), "input-output", "gamma", 50, "per layer", 4),
    Case(
        "radial",
        (2, 3, 2, 2),
        ("squared_exponential", "tanh"),
        "all",
        "squared_error",
        50,
        "arrays",
        5,
        kinds=("full",),
    ),
    Case(
        "curved",
        (2, 2, 2, 2),
        ("tanh", "squared_exponential"),
        "all",
        "poisson",
        50,
        "arrays",
        6,
        kinds=("linear", "diag", "quadratic"),
    ),
]


def case_id(case):
    return case.id
