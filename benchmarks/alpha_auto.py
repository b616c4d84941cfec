"""What alpha="auto" costs and what it loses against the best alpha in hindsight; writes doc/alpha_auto.md.

    python benchmarks/alpha_auto.py --splits 6

Each split trains on a part of a table and tests on the rest. Seconds are CPU seconds on one thread.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from accuracy_tables import TABLES, read, transformer
from sklearn.datasets import make_friedman1
from sklearn.model_selection import GridSearchCV, train_test_split
from threadpoolctl import threadpool_limits

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor

ROWS = {
    "mcycle": 90,
    "diabetes": 200,
    "Friedman #1": 150,
    "Auto": 150,
    "concrete": 200,
    "Pima": 200,
    "breast cancer": 200,
    "Boston": 250,
    "mtcars": 22,
    "airquality": 80,
    "penguins": 200,
    "wine": 90,
}
SEVEN = list(ROWS)[
    :7
]  # the tables on which ways to choose were compared before this one was built
PATH = 10.0 ** np.arange(2, -2.1, -0.5)

HEADER = """# The penalty that the fit chooses

`NewtonMLPRegressor()` and `NewtonMLPClassifier()` as they are, 10 tanh units on raw columns, {splits} splits of each table into rows to
train and rows to test. Written by `benchmarks/alpha_auto.py`.

- **loss over the best**: the loss on the test rows (half the squared error in training standard deviations, log loss), over that of the
  best of nine alphas from 100 to 0.01, each fitted with the same `random_state`: what nobody could know. Geometric mean over splits, and the worst split.
- **alpha 1 over the best**: the same for `alpha=1.0`.
- **over a fit**: CPU time of a default fit over that of a fit at the alpha it chose.
- **over a search**: CPU time of a default fit over that of a 5-fold `GridSearchCV` over the alphas that it tried itself, with its
  last fit; in parentheses over the nine.
- **chosen**: lowest and highest alpha over the splits.

"""


def losses(net, X, y, scale):
    """Mean loss on test rows."""
    if hasattr(net, "predict_proba"):
        p = net.predict_proba(X)[np.arange(len(y)), np.searchsorted(net.classes_, y)]
        return float(-np.mean(np.log(np.maximum(p, 2e-16))))
    return float(0.5 * np.mean(((y - net.predict(X)) / scale) ** 2))


def timed(fit):
    begin = time.process_time()
    result = fit()
    return result, time.process_time() - begin


def one(name, split):
    """Return figures of a split."""
    if name == "Friedman #1":
        X, y = make_friedman1(1150, noise=1.0, random_state=split)
        task = "regression"
    else:
        frame, y = read(TABLES[name])
        X, task = transformer(False).fit_transform(frame), TABLES[name].task
    labels = y if task == "classification" else None
    X, X_test, y, y_test = train_test_split(
        X, y, train_size=ROWS[name], random_state=split, stratify=labels
    )
    make = NewtonMLPRegressor if task == "regression" else NewtonMLPClassifier
    scale = np.std(y) if task == "regression" else 1.0

    def fit(**settings):
        return timed(lambda: make(random_state=split, **settings).fit(X, y))

    def search(alphas):
        scoring = "neg_mean_squared_error" if task == "regression" else "neg_log_loss"
        grid = GridSearchCV(make(random_state=split), {"alpha": alphas}, scoring=scoring, cv=5)
        return timed(lambda: grid.fit(X, y))[1]

    auto, seconds = fit()
    path = [losses(fit(alpha=alpha)[0], X_test, y_test, scale) for alpha in PATH]
    best = min(path)
    return {
        "auto": losses(auto, X_test, y_test, scale) / best,
        "one": path[4] / best,
        "fit": seconds / fit(alpha=auto.alpha_)[1],
        "search": seconds / search(list(auto.alpha_selection_.alphas)),
        "nine": seconds / search(list(PATH)),
        "alpha": auto.alpha_,
    }


def mean(values):
    return float(np.exp(np.mean(np.log(values))))


def line(name, found):
    """Return a row of the table, from the figures of splits."""
    of = {key: np.array([figures[key] for figures in found]) for key in found[0]}
    return (
        f"| {name} | {mean(of['auto']):.3f} | {of['auto'].max():.2f} | {mean(of['one']):.3f} | "
        f"{of['one'].max():.2f} | {mean(of['fit']):.1f} | {mean(of['search']):.2f} "
        f"({mean(of['nine']):.2f}) | {of['alpha'].min():.2g} to {of['alpha'].max():.2g} |"
    )


def main():
    """Run all splits and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=6)
    parser.add_argument("--tables", nargs="+", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--write", type=Path, default=Path("doc/alpha_auto.md"))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with threadpool_limits(1):
        found = {name: [one(name, k) for k in range(options.splits)] for name in options.tables}
    header = [
        "table (rows to train)",
        *("loss over the best", "worst", "alpha 1 over the best", "worst"),
        *("over a fit", "over a search", "chosen"),
    ]
    rows = [line(f"{name} ({ROWS[name]})", splits) for name, splits in found.items()]
    seven = [f for name in SEVEN for f in found.get(name, [])]
    if seven:
        rows.append(line("**the first seven**", seven))
    rows.append(line("**all**", [f for splits in found.values() for f in splits]))
    text = [HEADER.format(splits=options.splits), "| " + " | ".join(header) + " |"]
    text += ["|-" * len(header) + "|", *rows]
    options.write.write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
