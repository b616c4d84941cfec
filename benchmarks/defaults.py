"""Cross-validated evidence for the estimators' defaults; writes doc/defaults_table.md.

    python benchmarks/defaults.py --write doc/defaults_table.md

Each setting changes one or two parameters of a base. Folds are the same for all settings.
"""

import argparse
import warnings
from collections.abc import Sequence
from itertools import product

import numpy as np
from sklearn import datasets
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor

BASE = {
    "hidden_layer_sizes": (10,),
    "standardize": False,
    "alpha": 1.0,
    "activation": "tanh",
    "random_state": 0,
}
SETTINGS = [
    *(
        {"hidden_layer_sizes": (size,), "alpha": alpha}
        for size, alpha in product((5, 10, 20), (0.1, 1.0, 3.0, 10.0))
    ),
    {"standardize": True},
    *(
        {"hidden_layer_sizes": (size,), "standardize": True, "alpha": "auto"}
        for size in (5, 10, 20)
    ),
    {"activation": "logistic"},
    {"activation": "softplus"},
    {"skip_connections": "input-output"},
    {"hidden_layer_sizes": (10, 10)},
    {"hidden_layer_sizes": ()},
]
SETS = ("diabetes", "friedman1", "breast_cancer", "wine", "iris", "digits")


def evaluate(name: str, setting: dict) -> tuple[float, float, float]:
    """Mean score, mean loss and its standard error over folds, on held-out rows."""
    if name == "friedman1":
        X, y = datasets.make_friedman1(500, noise=1.0, random_state=0)
    else:
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    repeats = 1 if name == "digits" else 2
    if name in ("diabetes", "friedman1"):
        model = TransformedTargetRegressor(
            NewtonMLPRegressor(**BASE | setting), transformer=StandardScaler()
        )
        folds = RepeatedKFold(n_splits=5, n_repeats=repeats, random_state=0)
        scoring = {"score": "r2", "loss": "neg_mean_squared_error"}
    else:
        model = NewtonMLPClassifier(**BASE | setting)
        folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=repeats, random_state=0)
        scoring = {"score": "accuracy", "loss": "neg_log_loss"}
    found = cross_validate(make_pipeline(StandardScaler(), model), X, y, cv=folds, scoring=scoring)
    losses = -found["test_loss"]
    return found["test_score"].mean(), losses.mean(), losses.std() / np.sqrt(len(losses))


HEADING = """# The settings behind the defaults

Cross-validated scores, in parentheses losses with their standard errors; [defaults.md](defaults.md) draws the conclusions.

"""


def table(sets: Sequence[str]) -> str:
    """Markdown: per setting, the score of each set and the mean of its relative losses."""
    results = {}
    for index, setting in enumerate(SETTINGS):
        for name in sets:
            results[index, name] = evaluate(name, setting)
    rows = [
        "| setting | " + " | ".join(sets) + " | loss / best loss, geometric mean |",
        "|---" * (len(sets) + 2) + "|",
    ]
    best = {name: min(results[i, name][1] for i in range(len(SETTINGS))) for name in sets}
    for index, setting in enumerate(SETTINGS):
        cells, ratios = [], []
        for name in sets:
            score, loss, error = results[index, name]
            cells.append(f"{score:.3f} ({loss:.4g} ± {error:.2g})")
            ratios.append(loss / best[name])
        words = ", ".join(f"{key}={value}" for key, value in setting.items())
        mean = np.exp(np.mean(np.log(ratios)))
        rows.append(f"| {words} | " + " | ".join(cells) + f" | {mean:.2f} |")
    return "\n".join(rows) + "\n"


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--write", metavar="FILE")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    text = table(arguments.sets)
    print(text)
    if arguments.write:
        with open(arguments.write, "w", encoding="utf-8") as file:
            file.write(HEADING + text)


if __name__ == "__main__":
    main()
