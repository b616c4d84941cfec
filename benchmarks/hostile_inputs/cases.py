"""What a hostile input is, and the small data and estimators that the topics share."""

from dataclasses import dataclass

import numpy as np
from hostile_judge import Fitted

from sknewtonnet import (
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    NewtonNetClassifier,
    NewtonNetRegressor,
    RBFNetClassifier,
    RBFNetRegressor,
)
from sknewtonnet.calculus import Linear


@dataclass(frozen=True)
class Case:
    """One hostile input: what it is called, to whom it is given, and how."""

    topic: str
    name: str
    to: str
    run: object


_rng = np.random.default_rng(0)
X = _rng.normal(size=(60, 3))
Y = np.sin(2.0 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * _rng.normal(size=60)
LABELS = (Y > 0.0).astype(int)
COUNTS = _rng.poisson(np.exp(0.5 * X[:, 0])).astype(float)
WEIGHTS = _rng.uniform(0.5, 2.0, size=60)
NAMES = ["a", "b", "c"]


def layers(n_features, n_outputs):
    """Two layers with a skip connection, for the estimators of any layers."""
    return [Linear((0,), 3, "softplus"), Linear((0, 1), n_outputs)]


MAKERS = {
    "reg": lambda **params: NewtonMLPRegressor(**{"hidden_layer_sizes": (3,)} | params),
    "clf": lambda **params: NewtonMLPClassifier(**{"hidden_layer_sizes": (3,)} | params),
    "rbf": lambda **params: RBFNetRegressor(**{"n_centers": 3} | params),
    "rbc": lambda **params: RBFNetClassifier(**{"n_centers": 3} | params),
    "net": lambda **params: NewtonNetRegressor(**{"layers": layers} | params),
    "nec": lambda **params: NewtonNetClassifier(**{"layers": layers} | params),
}
EVERY = tuple(MAKERS)
FOUR = EVERY[:4]
REGRESSORS = ("reg", "rbf", "net")
CLASSIFIERS = ("clf", "rbc", "nec")


def make(kind, **params):
    """Return an estimator with a penalty that is given, unless params say otherwise."""
    return MAKERS[kind](**{"alpha": 0.1, "max_iter": 200, "random_state": 0} | params)


def target(kind):
    """Return the targets that such an estimator takes."""
    return LABELS if kind in CLASSIFIERS else Y


def changed(given, default):
    """Return what a case gives in place of good data: a value, or a function of it."""
    if given is None:
        return default
    return given(np.array(default)) if callable(given) else given


def fitted(kind="reg", x=None, y=None, weight=None, **params):
    """Fit, and return what the judge looks at."""
    samples, labels = changed(x, X), changed(y, target(kind))
    net = make(kind, **params)
    net.fit(samples, labels, changed(weight, np.ones(60)) if weight is not None else None)
    return Fitted(net, samples, labels, None if weight is None else changed(weight, np.ones(60)))


class Topic:
    """Hostile inputs of one topic."""

    def __init__(self, title):
        self.title = title
        self.cases = []

    def ask(self, name, run, to=""):
        """Add anything that can be called."""
        self.cases.append(Case(self.title, name, to, run))

    def fit(self, name, kinds=("reg",), **given):
        """Add a fit of some kinds of estimators: x, y, weight or parameters in place of good ones."""
        for kind in (kinds,) if isinstance(kinds, str) else kinds:
            self.ask(name, lambda kind=kind: fitted(kind, **given), to=kind)

    def params(self, name, values, kinds=("reg",), **others):
        """Add fits with some values of a parameter."""
        for value in values:
            self.fit(f"{name}={_said(value)}", kinds, **{name: value}, **others)


def _said(value):
    text = value.__name__ if isinstance(value, type) else repr(value)
    text = " ".join(text.split())
    text = text.split(" at 0x")[0] + (">" if " at 0x" in text else "")
    return text if len(text) <= 60 else text[:57] + "..."


def put(place, value):
    """Return a function that puts a value at a place of an array."""

    def change(array):
        array = np.array(array, dtype=float)
        array[place] = value
        return array

    return change


def times(factor):
    """Return a function that multiplies an array."""
    return lambda array: factor * array
