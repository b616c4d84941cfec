"""The figures of the paper: ``python paper/figures.py`` writes them beside it.

The second one is also the first picture of the README and of the documentation.

The scores are those of doc/accuracy.md, which ``benchmarks/accuracy.py`` makes.
"""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.display import EffectDisplay, HessianDisplay, NetworkDisplay

HERE = Path(__file__).parent
TUNED = re.compile(", tuned$")


def scores(heading, column):
    """Return the table "tables that all have run" under a heading, best method first."""
    text = (HERE.parent / "doc" / "accuracy.md").read_text(encoding="utf-8")
    part = text[text.index(f"## {heading}") :]
    table = part[part.index(f"| method | {column} |") :].partition("\n\n")[0]
    found = re.findall(r"^\| ([a-z ,]+) \| ([\d.]+) \|$", table, flags=re.MULTILINE)
    return [(name, float(score)) for name, score in found if not TUNED.search(name)]


def accuracy():
    """Draw the scores of plain calls beside each other."""
    figure, axes = plt.subplots(1, 2, figsize=(6.5, 2.6), layout="constrained")
    kinds = [
        ("Numbers", "mean R²", "38 tables of numbers", "higher"),
        ("Classes", "mean log loss", "24 tables of classes", "lower"),
    ]
    for ax, (heading, column, title, better) in zip(axes, kinds, strict=True):
        rows = scores(heading, column)[::-1]
        names = [name.replace("net, raw", "sknewtonnet") for name, _ in rows]
        for height, (name, score) in enumerate(rows):
            ours = name == "net, raw"
            ax.plot(score, height, "s" if ours else "o", color="C3" if ours else "0.4")
        ax.set_yticks(range(len(rows)), names)
        ax.set(xlabel=f"{column} ({better} is better)", title=title)
        ax.grid(axis="x", color="0.9")
    return figure


def inference():
    """Draw what a fit gives beyond the prediction."""
    X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    few = X[["age", "bmi", "bp", "s5"]]
    net = NewtonMLPRegressor((1,), alpha=0.0, n_init=5, random_state=0).fit(few, y)
    results = net.inference(few, y)
    figure, (left, middle, right) = plt.subplots(
        1, 3, figsize=(10, 3), width_ratios=[1.1, 1, 1], layout="constrained"
    )
    NetworkDisplay.from_results(results, ax=left)
    EffectDisplay.from_results(results, "bmi", ax=middle)
    middle.set(xlabel="bmi [kg/m²]", ylabel="mean progression")
    HessianDisplay.from_estimator(net, few, y, kinds=["exact"], ax=right)
    return figure


if __name__ == "__main__":
    accuracy().savefig(HERE / "accuracy.png", dpi=200)
    inference().savefig(HERE.parent / "doc" / "_static" / "first_look.png", dpi=160)
