"""Designs for simulations: inputs, truths, families, and what is true of a sample.

Four inputs a, b, c, d: a and b do much, c little, d nothing. Inputs are "correlated" (normal, each
with .6 to its neighbour), "skewed" (log-normal, with a common factor) or "mixed" (a two-valued one,
a uniform one, one with heavy tails, and a normal one that goes with the two-valued). Truths are sums
of tanh units on the scale of the link.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, softmax

FEATURES = ("a", "b", "c", "d")
STRONG, WEAK, NULL = "a", "c", "d"
GAMMA_SHAPE = 4.0

# Of a unit: coefficients of a, b and c, intercept, and coefficients in the outputs.
Unit = tuple[float, float, float, float, tuple[float, ...]]


@dataclass(frozen=True)
class Design:
    """A truth, and samples of it.

    Attributes
    ----------
    family : {"gaussian", "logit", "poisson", "gamma", "softmax"}
        Distribution of the target.
    inputs : {"correlated", "skewed", "mixed"}
        Distribution of the inputs.
    n : int
        Rows.
    units : tuple of Unit
        Hidden units of the truth.
    intercept : float
        Of each output.
    scale : float
        Standard deviation of the errors of "gaussian".
    """

    family: str
    inputs: str
    n: int
    units: tuple[Unit, ...]
    intercept: float = 0.0
    scale: float = 1.0

    @property
    def is_class(self):
        return self.family in ("logit", "softmax")

    def raw(self, X):
        """The truth on the scale of the link, of shape (n_samples, n_outputs)."""
        found = self.intercept
        for a, b, c, start, out in self.units:
            hidden = np.tanh(X[:, :3] @ [a, b, c] + start)
            found = found + hidden[:, None] * np.array(out)
        return found

    def mean(self, X):
        """The mean of the target; of "softmax" the probabilities of all classes."""
        raw = self.raw(X)
        if self.family == "softmax":
            return softmax(np.column_stack([np.zeros(len(X)), raw]), axis=1)
        link = {"gaussian": np.asarray, "logit": expit, "poisson": np.exp, "gamma": np.exp}
        return link[self.family](raw[:, 0])

    def sample(self, rng, n=None):
        """Inputs and targets."""
        X = draw_inputs(self.inputs, self.n if n is None else n, rng)
        mean = self.mean(X)
        if self.family == "gaussian":
            return X, mean + self.scale * rng.standard_normal(len(X))
        if self.family == "logit":
            return X, (rng.random(len(X)) < mean).astype(int)
        if self.family == "poisson":
            return X, rng.poisson(mean).astype(float)
        if self.family == "gamma":
            return X, rng.gamma(GAMMA_SHAPE, mean / GAMMA_SHAPE)
        below = rng.random(len(X))[:, None] > mean.cumsum(axis=1)
        return X, below.sum(axis=1)

    def effects(self, X):
        """True average effects on the mean given X, of shape (4,) or (4, n_classes)."""
        found = []
        for j in range(X.shape[1]):
            low, high, step = X.copy(), X.copy(), 1e-5
            values = np.unique(X[:, j])
            if len(values) == 2:
                low[:, j], high[:, j] = values
                step = 0.5
            else:
                low[:, j] -= step
                high[:, j] += step
            found.append((self.mean(high) - self.mean(low)).mean(axis=0) / (2.0 * step))
        return np.array(found)

    def curve(self, X, feature, grid):
        """True mean, averaged over X, with one feature set to each value of the grid."""
        found = []
        for value in grid:
            moved = X.copy()
            moved[:, FEATURES.index(feature)] = value
            found.append(self.mean(moved).mean(axis=0))
        return np.array(found)


def draw_inputs(kind, n, rng):
    """Inputs of shape (n, 4)."""
    normal = rng.standard_normal((n, 4))
    if kind == "correlated":
        X = normal.copy()
        for j in range(1, 4):
            X[:, j] = 0.6 * X[:, j - 1] + 0.8 * normal[:, j]
        return X
    if kind == "skewed":
        common = rng.standard_normal((n, 1))
        exponent = 0.5 * np.sqrt(0.4) * common + 0.5 * np.sqrt(0.6) * normal
        return (np.exp(exponent) - np.exp(0.125)) / np.sqrt(np.exp(0.5) - np.exp(0.25))
    two = (rng.random(n) < 0.4).astype(float)
    uniform = rng.uniform(-1.7, 1.7, n)
    heavy = 0.4 * uniform + 0.7 * rng.standard_t(6, n)
    return np.column_stack([uniform, heavy, two, 0.8 * two + 0.8 * normal[:, 3]])


DESIGNS = {
    "gaussian 1": Design(
        "gaussian", "correlated", 200, ((1.3, -0.9, 0.1, 0.4, (2.0,)),), 1.0, 0.6
    ),
    "gaussian 2": Design(
        "gaussian",
        "skewed",
        400,
        ((1.6, 0.3, 0.0, -0.6, (1.5,)), (-0.4, 1.4, 0.1, 0.5, (1.2,))),
        2.0,
        0.4,
    ),
    "gaussian 3": Design(
        "gaussian",
        "mixed",
        800,
        (
            (2.2, 0.3, 0.0, 1.6, (1.4,)),
            (1.8, -0.5, 0.0, -1.4, (1.6,)),
            (0.2, 1.6, 0.12, 0.2, (1.3,)),
        ),
        0.0,
        0.4,
    ),
    "logit 1": Design("logit", "mixed", 600, ((1.8, 1.5, 0.7, 0.1, (2.6,)),), 0.2),
    "logit 2": Design(
        "logit",
        "correlated",
        1500,
        ((1.7, -0.3, 0.0, 0.6, (2.2,)), (0.3, 1.8, 0.3, -0.7, (-2.4,))),
        0.1,
    ),
    "poisson 1": Design("poisson", "correlated", 300, ((1.6, -1.3, 0.25, -0.3, (1.1,)),), 0.8),
    "poisson 2": Design(
        "poisson",
        "skewed",
        500,
        ((1.8, 0.2, 0.0, -0.4, (1.0,)), (0.3, -1.5, 0.2, 0.5, (0.9,))),
        1.0,
    ),
    "gamma 1": Design("gamma", "skewed", 250, ((1.1, 0.8, 0.25, -0.3, (1.2,)),), 3.0),
    "gamma 2": Design(
        "gamma",
        "mixed",
        500,
        ((2.0, 0.4, 0.0, -0.8, (1.0,)), (0.2, 1.6, 0.3, 0.6, (1.1,))),
        1.0,
    ),
    "softmax 1": Design("softmax", "correlated", 700, ((1.1, -0.8, 0.2, 0.3, (2.2, -1.6)),), 0.2),
}
