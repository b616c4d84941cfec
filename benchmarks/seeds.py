"""Spread of held-out R2 over random states, of defaults; writes doc/seeds.md.

    python benchmarks/seeds.py

Ten random states on the first fold of ten tables. scikit-learn's MLP gets standardised columns and target.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
from accuracy_methods import METHODS
from accuracy_tables import folds
from sklearn.metrics import r2_score
from threadpoolctl import threadpool_limits

TABLES = [
    *("mtcars", "RailTrail", "Cars93", "airquality", "mpg"),
    *("Hitters", "Auto", "diabetes", "Boston", "wage1"),
]


HEADER = """# Spread over random states

R² on the first held-out fold of ten tables, mean and standard deviation over ten random states: `NewtonMLPRegressor()` on raw columns and
targets beside scikit-learn's `MLPRegressor()`, standardised. Written by `benchmarks/seeds.py`.

| table | ours: R² | sd | MLPRegressor: R² | sd | ratio |
|-|-|-|-|-|-|"""


def spread(fold, method, n_seeds):
    """Return mean and standard deviation of R2 over random states."""
    scores = []
    for seed in range(n_seeds):
        net = method.make("regression", fold.train["raw"].shape[1], seed)
        net.fit(fold.train[method.inputs], fold.y_train)
        scores.append(r2_score(fold.y_test, net.predict(fold.test[method.inputs])))
    return np.mean(scores), np.std(scores, ddof=1)


def main():
    """Write a row for each table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=TABLES)
    parser.add_argument("--seeds", type=int, default=10, help="random states of each table")
    parser.add_argument("--write", type=Path, default=Path("doc/seeds.md"))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    rows, ratios = [], []
    with threadpool_limits(1):
        for name in options.tables:
            fold = folds(name)[0]
            (mean, own), (theirs, other) = (
                spread(fold, METHODS[m], options.seeds) for m in ("net, raw", "mlp")
            )
            ratios.append(own / other)
            cells = f"{mean:.3f} | {own:.4f} | {theirs:.3f} | {other:.4f} | {ratios[-1]:.2f}"
            rows.append(f"| {name} | {cells} |")
    end = f"Median ratio {np.median(ratios):.2f}, highest {max(ratios):.2f}."
    options.write.write_text("\n".join([HEADER, *rows, "", end, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
