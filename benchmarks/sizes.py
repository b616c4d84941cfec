"""What the summary says, judged by simulation: the gate, sizes, power and coverage.

    python benchmarks/sizes.py --out .benchmarks/sizes.jsonl --write doc/sizes.md
    python benchmarks/sizes.py --rows "logit 1, right" --replications 20

Truths, inputs and families are those of ``designs.py``. Nets of three kinds are fitted: of as many
units as the truth ("right"), of one more ("over"), at several penalties, and those that a plain
call gives ("default"). Each row is one line of the file, so an interrupted run goes on where it
ended. Every replication has a seed of its own: results do not depend on the number of processes.
"""

import argparse
import json
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from designs import DESIGNS
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor

LEVEL = 0.05
# Random starts, by the number of units.
N_INITS = {1: 4, 2: 4, 3: 12, 4: 12}
N_FRESH = 50
N_GRID = 9
FEATURES = ("x0", "x1", "x2", "x3")
CURVED, WEAK, NULL = "x0", "x2", "x3"
ALPHAS = (0.0, 0.01, 0.1, 1.0)
TESTS = ("effect", "depends", "Wald", "score", "LR")


@dataclass(frozen=True)
class Row:
    """A design and the net that is fitted to it.

    Attributes
    ----------
    design : str
        Of ``DESIGNS``.
    kind : {"right", "over", "default"}
        Units of the net: those of the truth, one more, or the default.
    alpha : float or "auto"
        Penalty.
    """

    design: str
    kind: str
    alpha: float | str = 0.0

    @property
    def name(self):
        penalty = f", alpha {self.alpha:g}" if self.alpha not in ("auto", 0.0) else ""
        return f"{self.design}, {self.kind}{penalty}"

    @property
    def judged(self):
        """Whether tests and intervals are looked at, beside the gate."""
        return self.kind == "default" or (self.kind == "right" and not self.alpha)

    def net(self, seed):
        """The net, not yet fitted."""
        design = DESIGNS[self.design]
        options = {"random_state": seed}
        if self.kind != "default":
            units = len(design.units) + (self.kind == "over")
            options |= {
                "hidden_layer_sizes": (units,),
                "alpha": self.alpha,
                "n_init": N_INITS[units],
            }
        if design.is_class:
            return NewtonMLPClassifier(**options)
        loss = "squared_error" if design.family == "gaussian" else design.family
        return NewtonMLPRegressor(loss=loss, **options)


ROWS = (
    *(Row(design, "right") for design in DESIGNS),
    *(Row(design, "default", "auto") for design in DESIGNS),
    *(Row(design, "over", alpha) for design in DESIGNS for alpha in ALPHAS),
    *(Row(design, "right", alpha) for design in DESIGNS for alpha in ALPHAS[1:]),
)


def replicate(row, number):
    """All that is known of one sample; NaN where there is no number.

    Parameters
    ----------
    row : Row
        Design and net.
    number : int
        Of the replication.

    Returns
    -------
    dict of str to number or list of str
    """
    design = DESIGNS[row.design]
    rng = np.random.default_rng([2026, list(DESIGNS).index(row.design), number])
    X, y = design.sample(rng)
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = row.net(number).fit(X, y).inference(X, y)
        found = {
            "flagged": float(not results.identifiable),
            "kinds": sorted({f.kind for f in results.findings if f.severity != "note"}),
            "notes": sorted({f.kind for f in results.findings if f.severity == "note"}),
        }
        if row.judged:
            for feature in (NULL, WEAK):
                found |= p_values(results, design, feature, check=number == 0)
            found |= coverage(results, design, X, design.sample(rng, N_FRESH)[0])
    return found


def p_values(results, design, feature, check):
    """P-values of all tests of a feature; those of refits only where the net is identified.

    The table of features takes a likelihood ratio there (but for gamma): that of this feature
    alone saves the fits without the others. ``check`` compares it with the table.
    """
    k, found = FEATURES.index(feature), {}
    found["effect"] = np.ravel(results.marginal_effects([feature]).p_values)[-1]
    if results.identifiable:
        found["Wald"] = results.wald_test(feature).p_value
        found["score"] = results.score_test(feature, n_init=0).p_value
        found["LR"] = results.likelihood_ratio_test(feature, n_init=0).p_value
    if results.identifiable and design.family != "gamma":
        found["depends"] = found["LR"]
        if check:
            assert np.isclose(results.tests.dependence_p_values[k], found["depends"])
    else:
        found["depends"] = results.tests.dependence_p_values[k]
    return {f"{feature} {test}": float(found.get(test, np.nan)) for test in TESTS}


def coverage(results, design, X, fresh):
    """Shares of true values within their 95 % intervals and bands."""
    grid = np.quantile(X[:, 0], np.linspace(0.05, 0.95, N_GRID))
    curve = design.curve(X, "a", grid)
    found = {
        "CI": share(results.get_prediction(fresh).confidence_interval, design.mean(fresh)),
        "AME": share(results.marginal_effects().conf_int(), design.effects(X)),
    }
    for band in ("pointwise", "simultaneous"):
        effect = results.partial_effect(CURVED, grid, band=band)
        ends = np.stack([effect.lower, effect.upper], axis=-1)
        if band == "pointwise":
            found[band] = share(ends, curve)
        else:  # one band for each class
            inside = (ends[..., 0] <= curve) & (curve <= ends[..., 1])
            known = np.isfinite(ends).all()
            found[band] = float(inside.all(axis=0).mean()) if known else np.nan
    return found


def share(interval, value):
    """Share of values inside, among the intervals that there are."""
    known = np.isfinite(interval).all(axis=-1)
    inside = (interval[..., 0] <= value) & (value <= interval[..., 1])
    return float(inside[known].mean()) if known.any() else np.nan


def summarize(records):
    """Shares in per cent over replications.

    Parameters
    ----------
    records : list of dict
        From :func:`replicate`.

    Returns
    -------
    dict of str to number or dict
        By test the share of rejections among finite p-values; "<test> n/a" of NaN p-values.
    """
    found = {"replications": len(records)}
    for name in records[0]:
        values = [record[name] for record in records]
        if name in ("kinds", "notes"):
            kinds = sorted({kind for value in values for kind in value})
            found[name] = {k: 100.0 * np.mean([k in value for value in values]) for k in kinds}
            continue
        numbers = np.array(values, dtype=float)
        known = np.isfinite(numbers)
        if name.split()[-1] in TESTS:
            found[f"{name} n/a"] = 100.0 * float((~known).mean())
            numbers = np.where(numbers < LEVEL, 1.0, 0.0)
        found[name] = 100.0 * float(numbers[known].mean()) if known.any() else np.nan
    return found


def run(row, replications, n_jobs=1):
    """Summary of a row."""
    tasks = (delayed(replicate)(row, number) for number in range(replications))
    return summarize(Parallel(n_jobs=n_jobs)(tasks))


def _percent(value):
    return "-" if not np.isfinite(value) else f"{value:.1f}"


def _rejections(found, feature):
    cells = []
    for test in TESTS:
        missing = found[f"{feature} {test} n/a"]
        note = f" ({missing:.0f} n/a)" if 0 < missing < 100 else ""
        cells.append(_percent(found[f"{feature} {test}"]) + note)
    return cells


def _table(heads, lines):
    text = ["| " + " | ".join(heads) + " |", "|" + "-|" * len(heads)]
    return "\n".join(text + ["| " + " | ".join(map(str, line)) + " |" for line in lines]) + "\n"


def tests_table(kind, feature, summaries):
    """Markdown: rejections of one hypothesis by all tests."""
    lines = []
    for row in ROWS:
        if row.judged and row.kind == kind and row.name in summaries:
            design, found = DESIGNS[row.design], summaries[row.name]
            lines.append([row.design, design.inputs, design.n, *_rejections(found, feature)])
    return _table(["design", "inputs", "n", *TESTS], lines)


def coverage_table(kind, summaries):
    """Markdown: coverage of intervals and bands, and what the gate says."""
    lines = []
    for row in ROWS:
        if row.judged and row.kind == kind and row.name in summaries:
            found = summaries[row.name]
            names = ("CI", "AME", "pointwise", "simultaneous", "flagged")
            lines.append([row.design, *(_percent(found[name]) for name in names)])
    heads = ["design", "mean at fresh inputs", "average effects", "curve, pointwise"]
    return _table([*heads, "curve, simultaneous", "flagged"], lines)


def gate_table(summaries):
    """Markdown: flagged nets of the right size, and with a unit too many."""
    lines = []
    for design in DESIGNS:
        cells = [design]
        for kind in ("right", "over"):
            for alpha in ALPHAS:
                found = summaries.get(Row(design, kind, alpha).name)
                cells.append("-" if found is None else _percent(found["flagged"]))
        lines.append(cells)
    heads = [f"{kind}, {alpha:g}" for kind in ("right", "over") for alpha in ALPHAS]
    return _table(["design", *heads], lines)


def page(summaries):
    """The page, in Markdown."""
    counts = {judged: _replications(summaries, judged) for judged in (True, False)}
    error = 100.0 * np.sqrt(LEVEL * (1.0 - LEVEL) / max(1, counts[True]))
    return TEXT.format(
        replications=counts[True],
        fewest=counts[False],
        error=error,
        fresh=N_FRESH,
        grid=N_GRID,
        gate=gate_table(summaries),
        **{
            f"{kind}_{what}": tests_table(kind, feature, summaries)
            for kind in ("right", "default")
            for what, feature in (("null", NULL), ("weak", WEAK))
        },
        right_coverage=coverage_table("right", summaries),
        default_coverage=coverage_table("default", summaries),
    )


def _replications(summaries, judged):
    """The fewest replications of a kind of rows."""
    kind = [row.name for row in ROWS if row.judged == judged and row.name in summaries]
    return min((summaries[name]["replications"] for name in kind), default=0)


TEXT = """# What the summary says, judged by simulation

Written by `benchmarks/sizes.py` with {replications} replications a row, {fewest} in rows of the gate alone; the Monte Carlo standard error of 5 % is {error:.1f} points.
Inputs and truths are those of `benchmarks/designs.py`: four inputs, of which two do much, x2 a little, and x3 nothing. The number in a design's name is
the number of its hidden units. All numbers are per cent. Nets are fitted from 4 starts (12 with three units or more) without a penalty, but for those of the defaults: ten units, and a penalty that the fit chooses.
[sizes_wald.md](sizes_wald.md) has Wald's tests of weights in nets of the wrong size.

"effect" tests that the average effect is zero; "depends" is the column of that name in the summary, whether the net depends on the input at all: by the likelihood ratio where the net is
identified (gamma aside), else by the mean squared slope and the effect together. Both stand in every summary. "Wald" tests that no weight leaves the input, "LR" is the likelihood ratio; they are
there only where the net is identified. For several classes the effect is that on the probability of the last one. Coverage is that of 95 % intervals: of means at {fresh} fresh inputs, of
average effects, and of the curve of x0 averaged over the others, at each of {grid} points, or at all of them at once.

## Nets of the right size: a true hypothesis (x3 does nothing) at 5 %

{right_null}
## Nets of the right size: power for a weak input (x2)

{right_weak}
## Nets of the right size: coverage of 95 % intervals

{right_coverage}
## The defaults: a true hypothesis (x3 does nothing) at 5 %

{default_null}
## The defaults: power for a weak input (x2)

{default_weak}
## The defaults: coverage of 95 % intervals

{default_coverage}
## The gate: how often a net is called not identified, by size and alpha

{gate}"""


def _stored(path):
    """Summaries of the file."""
    if path is None or not path.exists():
        return {}
    entries = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return {entry["row"]: entry["found"] for entry in entries}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, default=400)
    names = [row.name for row in ROWS]
    parser.add_argument("--rows", nargs="+", choices=names, metavar="ROW", default=names)
    parser.add_argument("--only", choices=["tests", "gate"], help="rows of one part of the page")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, help="file of finished rows, one JSON line each")
    parser.add_argument("--write", type=Path, help="Markdown file of the table")
    arguments = parser.parse_args()
    summaries = _stored(arguments.out)
    for row in ROWS:
        if row.name in summaries or row.name not in arguments.rows:
            continue
        if arguments.only and row.judged != (arguments.only == "tests"):
            continue
        began = time.perf_counter()
        summaries[row.name] = run(row, arguments.replications, arguments.n_jobs)
        print(f"{row.name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
        if arguments.out is not None:
            arguments.out.parent.mkdir(parents=True, exist_ok=True)
            with arguments.out.open("a") as file:
                file.write(json.dumps({"row": row.name, "found": summaries[row.name]}) + "\n")
    text = page(summaries)
    print(text)
    if arguments.write is not None:
        arguments.write.write_text(text)


if __name__ == "__main__":
    main()
