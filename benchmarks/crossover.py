"""Starts from minima found beside random starts: the time to the lowest minimum of seventeen tables.

    python benchmarks/crossover.py --write doc/crossover.md
    python benchmarks/crossover.py --problems moons --seeds 3 --seconds 0.5

Each fit has more starts than there is time for, by the default solver, on one thread, and is cut
off when its CPU time is over. Children that are given up are also run to their ends, in fits of
their own, to see what the rule would have lost. Choose nothing by these tables and those of the
races at once.
"""

import argparse
import contextlib
import json
import time
import warnings
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
from races_own import CROSSOVER, N_INIT, Shown
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor
from sknewtonnet.estimators import _crossover
from sknewtonnet.estimators._callbacks import Progress

LEVELS = (1e-2, 1e-3, 1e-4)
ENTRANTS = ("random", CROSSOVER)
TEXT = """# Starts from minima found

`n_init` random starts beside `init="crossover"` ([training.md](training.md#starts-from-minima-found)) on seventeen tables, none of which is in
the [races](races.md): {seeds} random states each, more starts than there is time for, {seconds:g} CPU seconds a fit, one thread. A fit has a hit when its objective is
within 1, 0.1 or 0.01 % of the lowest value that any fit of the table found. ERT, the expected running time, is the time spent by all fits, up to the hit or
to the end, over the number of hits. Written by `benchmarks/crossover.py`.

{table}
The ratio of expected running times, crossover over random, where both have hits: {ratios}. Hits in all: {hits}.

## What the rule loses

Children that ran to their ends whatever the rule says, in fits of {seconds:g} seconds, two random states: {children} of them, of which {lower} ended lower than all
before by more than 1e-5. The rule would have ended {given_up} of all, and {lost} of those; it would have spared {spared:.0%} of the iterations.
"""


def spiral(rng):
    """Points on two arms around each other."""
    arm, radius = np.arange(400) % 2, 9.0 * np.sqrt(rng.uniform(size=400))
    around = radius + np.pi * arm
    X = np.column_stack([radius * np.cos(around), radius * np.sin(around)])
    return X + 0.4 * rng.normal(size=X.shape), arm


def made(name):
    """Tables that are made up."""
    rng = np.random.default_rng(5)
    if name == "friedman2":
        return datasets.make_friedman2(500, noise=100.0, random_state=1)
    if name == "friedman3":
        return datasets.make_friedman3(400, noise=0.1, random_state=1)
    if name == "friedman1":
        return datasets.make_friedman1(500, 10, noise=1.0, random_state=4)
    if name == "moons":
        return datasets.make_moons(300, noise=0.25, random_state=2)
    if name == "spiral":
        return spiral(rng)
    if name == "three classes":
        return datasets.make_classification(
            600, 10, n_informative=6, n_classes=3, n_clusters_per_class=2, random_state=3
        )
    if name == "wave":
        X = np.sort(rng.uniform(-3.0, 3.0, (200, 1)), axis=0)
        return X, np.sin(3.0 * X[:, 0]) + 0.1 * X[:, 0] ** 2 + 0.2 * rng.normal(size=200)
    X = rng.normal(size=(400, 5))
    if name == "counts":
        rate = np.exp(0.5 * np.sin(2.0 * X[:, 0]) + 0.5 * X[:, 1] * (X[:, 2] > 0.0))
        return X, rng.poisson(rate)
    Y = np.column_stack([np.sin(X[:, 0] * X[:, 1]) + X[:, 2], np.tanh(X[:, 3] + X[:, 4]) ** 2])
    return X, Y + 0.3 * rng.normal(size=Y.shape)


# Table, net, alpha in rows.
PROBLEMS = {
    "diabetes": ((5,), 1.0, {}),
    "diabetes, logistic": ((8,), 4.0, {"activation": "logistic"}),
    "wine": ((5,), 0.05, {}),
    "breast_cancer": ((5,), 2.0, {}),
    "iris": ((6,), 0.05, {}),
    "linnerud": ((4,), 0.2, {}),
    "digits, 700 rows": ((10,), 1.0, {}),
    "friedman1": ((8, 4), 0.5, {}),
    "friedman1, softplus": ((8,), 0.5, {"activation": "softplus"}),
    "friedman2": ((8,), 0.05, {}),
    "friedman3": ((12,), 0.1, {}),
    "wave": ((6,), 0.02, {}),
    "moons": ((8,), 0.3, {}),
    "spiral": ((15,), 0.04, {}),
    "three classes": ((8,), 2.0, {}),
    "counts": ((5,), 1.0, {"loss": "poisson"}),
    "two targets": ((10,), 0.3, {}),
}


def load(name):
    """X and y."""
    source = name.split(",")[0]
    if source in ("diabetes", "wine", "breast_cancer", "iris", "linnerud", "digits"):
        X, y = getattr(datasets, f"load_{source}")(return_X_y=True)
        return (X[:700, X[:700].std(axis=0) > 0.0], y[:700]) if source == "digits" else (X, y)
    return made(source)


def model(name, init, seed):
    """The net of a problem, with more starts than there is time for."""
    size, alpha, params = PROBLEMS[name]
    y = load(name)[1]
    classes = y.dtype.kind == "i" and "loss" not in params and len(np.unique(y)) <= 10
    kind = NewtonMLPClassifier if classes else NewtonMLPRegressor
    return kind(size, alpha=alpha, n_init=N_INIT, init=init, random_state=seed, **params)


class TimeUpError(Exception):
    """The time of a fit is over."""


class Curve:
    """The lowest value against CPU time, in the place of callbacks."""

    def __init__(self, seconds):
        self.seconds, self.points, self.begun = seconds, [], time.process_time()

    def record(self, value):
        elapsed = time.process_time() - self.begun
        if not self.points or value < self.points[-1][1]:
            self.points.append((elapsed, value))
        if elapsed > self.seconds:
            raise TimeUpError


class ShownValue(Shown):
    """Shows values."""

    def __call__(self, iteration):
        self.record(iteration.value)


def run(name, init, seed, seconds):
    """The curve of one fit."""
    net, (X, y), curve = model(name, init, seed), load(name), Curve(seconds)

    def observer(context, number, *given):
        return Progress(number, 0, ShownValue(curve.record))

    with (
        mock.patch.object(type(net), "_observer", staticmethod(observer)),
        contextlib.suppress(TimeUpError),
    ):
        net.fit(X, y)
    return curve.points


class Whole(_crossover.Raced):
    """A child that runs to its end whatever the rule says, and is kept."""

    kept: list = []  # noqa: RUF012

    def begin(self):
        self.kept.append(self)

    @property
    def gave_up(self):
        return False

    def judged(self):
        """Iterations, iterations until the rule ends it, and whether it ended lower."""
        rule = partial(_crossover.is_hopeless, lowest=self.lowest, window=self.window)
        values = self.values
        until = next((k for k in range(1, len(values)) if rule(values[:k])), len(values))
        return len(values), until, values[-1] < self.lowest - 1e-5 * abs(self.lowest)


def losses_of_the_rule(names, seconds):
    """What :meth:`Whole.judged` says of all children."""
    found = []
    for name in names:
        for seed in range(2):
            Whole.kept.clear()
            with mock.patch.object(_crossover, "Raced", Whole):
                run(name, CROSSOVER, 100 + seed, seconds)
            # The last one was cut off.
            found += [child.judged() for child in Whole.kept[:-1] if child.values]
    return np.array(found)


def expected(curves, target, seconds):
    """Hits, and time spent over hits."""
    hits = [next((t for t, value in points if value <= target), None) for points in curves]
    n_hits = sum(hit is not None for hit in hits)
    spent = sum(seconds if hit is None else hit for hit in hits)
    return n_hits, spent / n_hits if n_hits else np.inf


def shown(hits, ert):
    """A cell."""
    return f"{hits}, {1e3 * ert:.0f} ms" if hits else "0"


def main():
    """Run, and print or write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", nargs="+", choices=list(PROBLEMS), default=list(PROBLEMS))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    heads = ["table", "lowest F"]
    heads += [f"{level:.2%}, {entrant}" for level in LEVELS for entrant in ENTRANTS]
    rows, ratios = [heads, ["---"] * len(heads)], {level: [] for level in LEVELS}
    hits = {level: dict.fromkeys(ENTRANTS, 0) for level in LEVELS}
    for name in options.problems:
        run(name, CROSSOVER, 999, 0.2)  # warms up
        curves = {
            entrant: [run(name, entrant, seed, options.seconds) for seed in range(options.seeds)]
            for entrant in ENTRANTS
        }
        lowest = min(points[-1][1] for many in curves.values() for points in many)
        row = [name, f"{lowest:.8g}"]
        for level in LEVELS:
            target = lowest + level * abs(lowest)
            cells = [expected(curves[entrant], target, options.seconds) for entrant in ENTRANTS]
            row += [shown(*cell) for cell in cells]
            for entrant, cell in zip(ENTRANTS, cells, strict=True):
                hits[level][entrant] += cell[0]
            if all(cell[0] for cell in cells):
                ratios[level].append(cells[1][1] / cells[0][1])
        rows.append(row)
        print(json.dumps(row), flush=True)
    spread = "; ".join(
        f"{level:.2%}: median {np.median(found):.2f}, from {min(found):.2f} to {max(found):.2f} "
        f"({len(found)} tables)"
        for level, found in ratios.items() if found
    )  # fmt: skip
    judged = losses_of_the_rule(options.problems, options.seconds)
    whole, until, lower = judged.T
    text = TEXT.format(
        seeds=options.seeds,
        seconds=options.seconds,
        table="\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n",
        ratios=spread,
        hits="; ".join(
            f"{level:.2%}: {found['random']} random, {found[CROSSOVER]} crossover"
            for level, found in hits.items()
        ),
        children=len(judged),
        lower=int(lower.sum()),
        given_up=int((until < whole).sum()),
        lost=int(((until < whole) & (lower > 0)).sum()),
        spared=1.0 - until.sum() / whole.sum(),
    )
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
