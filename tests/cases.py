"""Random networks, losses and data as data, built from the registries.

A new activation or loss shows up here by itself: in a case of its own and in turn with
the others. All cases sit away from the optimum, with unequal sample weights (some of
them zero), a penalty of order one and both fewer and more samples than parameters, since
errors of scale and dropped terms hide at the optimum and in unit weights.
"""

import functools
from dataclasses import dataclass

import numpy as np
from oracles import Oracle, Problem

from sknewtonnet.calculus import ACTIVATIONS, LOSSES, Network, Objective

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
    return {name: np.broadcast_to(np.asarray(a), shapes[name]) for name, a in alpha.items()}


def draw_alpha(kind, rng, shapes):
    """Draw a penalty of order one, in one of the forms the objective takes."""
    if kind == "scalar":
        return 1.3
    n_layers = sum(name.startswith("coefs") for name in shapes)
    if kind == "per layer":
        return list(rng.uniform(0.5, 2.0, n_layers))
    last = n_layers - 1
    entries = rng.uniform(0.0, 2.0, shapes[f"coefs_{last}"])
    return {"coefs_0": 0.7, f"coefs_{last}": entries, f"intercepts_{last}": 1.1}


@functools.cache
def setup(case):
    """Turn a case into the package's objects and the oracle's problem."""
    rng = np.random.default_rng(case.seed)
    n_features, *hidden, n_outputs = case.sizes
    net = Network.mlp(
        n_features, tuple(hidden), n_outputs, list(case.activations), skip_connections=case.skip
    )
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
        loss=case.loss,
        X=rng.normal(size=(case.n_samples, n_features)),
        Y=targets(loss, rng, case.n_samples, n_outputs),
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

# Few and fixed, but different in everything: for relations rather than formulas.
RELATIONS = [
    Case("deep", (3, 3, 2, 2), ("tanh", "softplus"), "all", "squared_error", 50, "arrays", 1),
    Case("wide", (2, 5, 3), ("tanh",), False, "multinomial_log_loss", 50, "scalar", 2),
    Case("linear", (3, 2), (), False, "poisson", 50, "scalar", 3),
    Case("skip", (3, 4, 1), ("tanh",), "input-output", "gamma", 50, "per layer", 4),
]


def case_id(case):
    return case.id
