"""Training races: the same objective, the same starting weights, CPU time to a given depth.

    python benchmarks/races.py --problems diabetes10 iris3 --entrants newton sklearn-lbfgs
    python benchmarks/races.py --entrants newton --label n2 --options '{"max_trust_radius": 2}'
    python benchmarks/races.py --table --write doc/races.md

Every entrant runs on one thread in a process of its own, which compiles and warms up before
the clock (CPU time of the process) starts. Time and weights are kept after every iteration;
objective and gradient there are computed afterwards, by one function for all. Runs are added
to the file of results; of runs with the same problem, entrant and seed the last counts.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from importlib import metadata
from pathlib import Path

import numpy as np
from races_rivals import LEAST_SQUARES_ONLY, PROBLEMS, RIVALS, load

HEADER = """# Training races

Every entrant minimises the same objective F, mean loss plus alpha / 2 times the sum of squared coefficients (not intercepts), of a net
with one hidden layer of tanh units, from the same starting weights for each seed, on one thread. Times are CPU seconds of the process, without
compilation. A run has a *hit* when F is within 1 % or 0.01 % of the lowest that any entrant found from any seed ("restarts count"), or from
the same seed. ERT, the expected running time, is the time spent by all runs (up to the hit, or to the end of a run that never gets there) over
the number of hits. Ours in bold. "crossover" is the default estimator with `init="crossover"` and so many starts that time runs out: it
starts again by itself, its first start is that of the seed, and all the time of its fit counts. "scipy-" is a method of scipy on compiled derivatives of jax, "torchmin-" one of pytorch-minimize. Rivals
are asked for a gradient of 1e-7, ours for 1e-9. The Levenberg-Marquardt codes do squared errors only; R's nnet, whose hidden units
are logistic and which reports no iterates, is not entered. Written by `benchmarks/races.py` with {versions}.

## The default solver against the best rival
"""
COLUMNS = ["entrant"] + [
    f"{what} {level}" for level in ("1 %", "0.01 %", "1 % of the seed", "0.01 % of the seed")
    for what in ("hits", "ERT")
] + ["median F", "median g", "seeds"]  # fmt: skip
SUMMARY_COLUMNS = (
    "problem", "level", "ours", "hits", "ERT", "best rival", "its hits", "its ERT", "ratio", "bar",
    "",
)  # fmt: skip
ENDING_COLUMNS = "problem", "solver", "g below 1e-8 and a minimum", "largest g", "verdicts", "ends"
LEVELS = (1e-2, 1e-4)
# The one entrant that starts again by itself.
CROSSOVER = "crossover"
# Our ERT over the best rival's that is asked for, for each level.
BARS = (1.0, 0.5)
FLAT = 1e-8
MAX_POINTS = 3000
WARM_UP_SEED, WARM_UP_SECONDS = 999, 0.3


def judge(problem, w):
    """Objective, and the largest absolute entry of its gradient, by the plain formulas."""
    W_0, W_1, b_0, b_1 = problem.split(np.asarray(w))
    n = len(problem.X)
    hidden = np.tanh(problem.X @ W_0 + b_0)
    raw = hidden @ W_1 + b_1
    if problem.loss == "squared_error":
        slope = raw - problem.Y
        loss = 0.5 * np.sum(slope**2)
    elif problem.loss == "binary_log_loss":
        loss = np.sum(np.logaddexp(0.0, raw) - problem.Y * raw)
        slope = 0.5 + 0.5 * np.tanh(0.5 * raw) - problem.Y
    else:
        shifted = raw - raw.max(axis=1, keepdims=True)
        total = np.exp(shifted).sum(axis=1, keepdims=True)
        loss = np.sum(np.log(total)) - np.sum(problem.Y * shifted)
        slope = np.exp(shifted) / total - problem.Y
    slope /= n
    back = (slope @ W_1.T) * (1.0 - hidden**2)
    gradient = (
        problem.X.T @ back + problem.alpha * W_0,
        hidden.T @ slope + problem.alpha * W_1,
        back.sum(axis=0),
        slope.sum(axis=0),
    )
    value = loss / n + 0.5 * problem.alpha * (np.sum(W_0**2) + np.sum(W_1**2))
    return float(value), float(max(np.abs(part).max() for part in gradient))


class TimeUpError(Exception):
    """The time of a run is over."""


class Recorder:
    """Stamps and keeps the points of one run, from its creation on."""

    def __init__(self, w0, seconds):
        self.allowed = seconds
        self.times, self.points = [0.0], [np.array(w0)]
        self.begun = time.process_time()

    @property
    def elapsed(self):
        return time.process_time() - self.begun

    def __call__(self, w):
        elapsed = self.elapsed
        self.times.append(elapsed)
        self.points.append(np.array(w, dtype=float))
        if elapsed > self.allowed:
            raise TimeUpError


# ---- what runs in the workers ----
def thinned(times, values, norms):
    """Few points of a long run, with all that lowered the objective noticeably."""
    k = len(times)
    keep = np.arange(k)
    if k > MAX_POINTS:
        gaps = np.minimum.accumulate(np.nan_to_num(values, nan=np.inf))
        gaps = np.log(gaps - gaps[-1] + 1e-9 * abs(gaps[-1]))
        levels = np.linspace(gaps[0], gaps[-1], MAX_POINTS // 2)
        # The first point at or below each level; log(gap) falls along the run.
        falls = np.searchsorted(-gaps, -levels)
        spread = np.geomspace(1, k, MAX_POINTS // 2 - 1).astype(int) - 1
        keep = np.unique(np.concatenate([falls.clip(0, k - 1), spread, [k - 1]]))
    digits = zip((times, values, norms), ("%.6g", "%.13g", "%.4g"), strict=True)
    return [[float(form % column[i]) for i in keep] for column, form in digits]


def race(problem, run, order, seed, seconds):
    """One run: (times, points in the shared layout, what the solver returned, facts)."""
    start = problem.start(seed)[order]
    result, note = None, ""
    recorder = Recorder(start, seconds)
    try:
        result = run(start, recorder)
    except TimeUpError:
        note = "out of time"
    except Exception as error:  # a rival that breaks down has lost, no more
        note = repr(error)[:200]
    total = recorder.elapsed
    times, points = recorder.times, recorder.points
    if result is not None and not np.array_equal(points[-1], result.params):
        times.append(total)
        points.append(result.params)
    back = np.argsort(order)
    facts = {"seconds": total, "note": note, "n_iter": len(times) - 1}
    return times, [point[back] for point in points], result, facts


def work(name, entrant, options):
    """Print a line for each seed."""
    problem = load(name)
    order, objective = np.arange(problem.n_parameters), None
    if entrant in RIVALS:
        make, packages = RIVALS[entrant]
        run = make(problem)
        versions = {package: metadata.version(package) for package in packages.split()}
    else:
        from races_own import own_entrant

        run, order, objective = own_entrant(problem, entrant, json.loads(options.options))
        w = problem.start(WARM_UP_SEED)
        assert abs(objective.value(w[order]) / judge(problem, w)[0] - 1.0) < 1e-12
        versions = {"sknewtonnet": sys.modules["sknewtonnet"].__version__}
    seconds = options.max_seconds or problem.seconds
    facts = race(problem, run, order, WARM_UP_SEED, min(WARM_UP_SECONDS, seconds))[-1]
    if facts["note"] not in ("", "out of time"):
        raise RuntimeError(facts["note"])
    for seed in range(options.seeds):
        times, points, result, facts = race(problem, run, order, seed, seconds)
        values, norms = zip(*(judge(problem, w) for w in points), strict=True)
        # Of many starts the lowest point counts; where one ends, so does its run.
        end = int(np.nanargmin(values)) if entrant == CROSSOVER else len(values) - 1
        facts |= {"final": values[end], "flat": norms[end], "versions": versions}
        if objective is not None:
            from sknewtonnet.inspection import critical_point

            facts["verdict"] = critical_point(objective, points[end][order]).kind
            if result is not None:
                facts["note"] = result.status.name.lower()
        columns = thinned(times, values, norms)
        print(json.dumps({"seed": seed, **facts, "points": columns}), flush=True)


# ---- the driver ----
def run_worker(problem, entrant, options):
    """Run all seeds of one entrant in a process with one thread; add them to the results."""
    names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"]
    environment = os.environ | dict.fromkeys(names, "1")
    environment |= {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
    command = [sys.executable, __file__, "--worker", problem, entrant]
    for name in ("seeds", "options", "max_seconds"):
        command += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    key = {"problem": problem, "entrant": options.label or entrant, "own": entrant not in RIVALS}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0:
        found.append({"seed": None, "note": (done.stderr.strip().splitlines() or ["?"])[-1]})
    with options.results.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(key | one) + "\n" for one in found)
    ends = [f"{one['final']:.6f} {one['seconds']:.3f} s" for one in found if "final" in one]
    print(problem, key["entrant"], *(ends or found), sep="; ", file=sys.stderr, flush=True)


def run_races(options):
    """All pairs of a problem and an entrant that fit."""
    from sknewtonnet.solvers import SOLVERS

    entrants = []
    for name in options.entrants:
        own = [*SOLVERS, CROSSOVER]
        group = own if name == "own" else list(RIVALS) if name == "rivals" else [name]
        entrants += [one for one in group if one not in entrants]
    options.results.parent.mkdir(parents=True, exist_ok=True)
    for entrant in entrants:
        for problem in options.problems:
            squares = PROBLEMS[problem][2] == "squared_error"
            if squares or entrant not in LEAST_SQUARES_ONLY:
                run_worker(problem, entrant, options)


# ---- the tables ----
def kept(path):
    """Results in the file: {problem: {entrant: {seed: run}}}; seed None is a failure to run."""
    results = {name: {} for name in PROBLEMS}
    with path.open(encoding="utf-8") as file:
        for line in file:
            run = json.loads(line)
            runs = results[run["problem"]].setdefault(run["entrant"], {})
            if "points" in run:
                run["points"] = np.array(run["points"])
                runs.pop(None, None)
            elif runs:
                continue
            runs[run["seed"]] = run
    return results


def expected(runs, targets):
    """Hits, and seconds spent by all runs over the hits."""
    spent, hits = 0.0, 0
    for seed, run in runs.items():
        times, values, _ = run["points"]
        below = np.flatnonzero(values <= targets[seed])
        hits += below.size > 0
        spent += times[below[0]] if below.size else run["seconds"]
    return hits, spent / hits if hits else np.inf


def scored(entrants):
    """{entrant: expected times, at both levels of the best of all and of the same seed}.

    Runs of many starts are no runs from one seed.
    """
    raced = {name: runs for name, runs in entrants.items() if None not in runs}
    lowest, of_seed = {}, {}
    for name, runs in raced.items():
        for seed, run in runs.items():
            found = float(np.nanmin(run["points"][1]))
            lowest[seed] = min(lowest.get(seed, np.inf), found)
            if name != CROSSOVER:
                of_seed[seed] = min(of_seed.get(seed, np.inf), found)
    best = min(lowest.values(), default=np.nan)
    scores = {}
    for name, runs in raced.items():
        scores[name] = [
            expected(runs, dict.fromkeys(lowest, best * (1 + level))) for level in LEVELS
        ]
        scores[name] += [
            (0, np.inf) if name == CROSSOVER
            else expected(runs, {seed: low * (1 + level) for seed, low in of_seed.items()})
            for level in LEVELS
        ]  # fmt: skip
    order = sorted(scores, key=lambda name: (scores[name][1][1], scores[name][0][1]))
    return best, {name: scores[name] for name in order}


def duration(seconds):
    if not np.isfinite(seconds):
        return "-"
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"


def markdown(columns, rows):
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def problem_table(name, entrants):
    """All entrants of one problem."""
    best, scores = scored(entrants)
    rows = []
    for entrant, score in scores.items():
        runs = entrants[entrant].values()
        shown = f"**{entrant}**" if next(iter(runs))["own"] else entrant
        cells = [cell for hits, time_ in score for cell in (hits, duration(time_))]
        ends = [np.median([run[key] for run in runs]) for key in ("final", "flat")]
        rows.append([shown, *cells, f"{ends[0]:.6f}", f"{ends[1]:.0e}", len(runs)])
    source, hidden, loss, alpha, seconds = PROBLEMS[name]
    text = f"## {name}\n\n{source}, {hidden} hidden units, {loss}, alpha {alpha:g}, at most "
    text += f"{seconds:g} s a run; lowest F {best:.8g}.\n\n" + markdown(COLUMNS, rows)
    failed = [f"{one} ({runs[None]['note']})" for one, runs in entrants.items() if None in runs]
    fits = [one for one in RIVALS if loss == "squared_error" or one not in LEAST_SQUARES_ONLY]
    failed += [f"{one} (not run)" for one in fits if one not in entrants]
    return text + (f"\nMissing: {', '.join(failed)}.\n" if failed else "")


def summary(results, default):
    """The default solver against the best rival."""
    from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor

    rows = []
    for name, entrants in results.items():
        kind = NewtonMLPRegressor if PROBLEMS[name][2] == "squared_error" else NewtonMLPClassifier
        single, (_, scores) = default or kind().solver, scored(entrants)
        rivals = [one for one in scores if one in RIVALS]
        for place, (level, bar) in enumerate(zip(LEVELS * 2, BARS * 2, strict=True)):
            goal = f"{level:.2%}" + (" of the seed" if place >= len(LEVELS) else "")
            ours = single if default or place >= len(LEVELS) else CROSSOVER
            if ours not in scores or not rivals:
                continue
            rival = min(rivals, key=lambda one: scores[one][place][1])
            (hits, mine), (their_hits, theirs) = scores[ours][place], scores[rival][place]
            # Who never gets there has lost to whom does.
            ratio = mine / theirs if np.isfinite(mine) else np.inf
            nobody = not (np.isfinite(mine) or np.isfinite(theirs))
            rows.append([
                name, goal, ours, hits, duration(mine), "nobody" if nobody else rival, their_hits,
                duration(theirs), f"{ratio:.2f}", bar, "reached" if ratio <= bar else "no",
            ])  # fmt: skip
    return f"{in_a_sentence(rows)}\n\n{markdown(SUMMARY_COLUMNS, rows)}"


def in_a_sentence(rows):
    """How often ours is no slower than the best rival, from the rows of the summary."""
    goals = list(dict.fromkeys(row[1] for row in rows))
    counts = []
    for goal in goals:
        ratios = [float(row[8]) for row in rows if row[1] == goal]
        counts.append(f"on {sum(ratio <= 1.0 for ratio in ratios)} of {len(ratios)} to {goal}")
    return f"Ours is as fast as the best rival of each problem or faster {', '.join(counts)}."


def endings(results):
    """Gradient and second-derivative test at the end of our runs."""
    rows = []
    for name, entrants in results.items():
        for entrant, by_seed in entrants.items():
            runs = [run for run in by_seed.values() if run["own"] and "verdict" in run]
            if not runs:
                continue
            good = sum(run["flat"] < FLAT and run["verdict"] == "minimum" for run in runs)
            counts = [
                ", ".join(f"{n} {what}" for what, n in Counter(r[k] for r in runs).items())
                for k in ("verdict", "note")
            ]
            worst = max(run["flat"] for run in runs)
            rows.append([name, entrant, f"{good} of {len(runs)}", f"{worst:.0e}", *counts])
    return markdown(ENDING_COLUMNS, rows)


def report(options):
    """The text with all tables."""
    results = kept(options.results)
    versions = {}
    for entrants in results.values():
        for runs in entrants.values():
            for run in runs.values():
                versions |= run.get("versions", {})
    used = ", ".join(f"{package} {version}" for package, version in sorted(versions.items()))
    parts = [HEADER.format(versions=used), summary(results, options.default)]
    parts += ["## Gradient and verdict at the end\n", endings(results)]
    parts += [problem_table(name, entrants) for name, entrants in results.items() if entrants]
    return "\n".join(parts)


def main():
    """Race, and print or write the tables where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", nargs="+", choices=list(PROBLEMS), default=list(PROBLEMS))
    parser.add_argument("--entrants", nargs="+", default=["own", "rivals"])
    parser.add_argument("--seeds", type=int, default=10, help="how many")
    parser.add_argument("--options", default="{}", help="solver options of ours, in JSON")
    parser.add_argument("--label", help="name for the results of an experiment")
    parser.add_argument("--max-seconds", type=float, default=0.0, help="instead of the problem's")
    parser.add_argument("--results", type=Path, default=Path("races.jsonl"))
    parser.add_argument("--table", action="store_true", help="no races, tables of the results")
    parser.add_argument("--default", help="entrant for the first table, if not the default solver")
    parser.add_argument("--write", type=Path, help="file for the tables")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.label and len(options.entrants) != 1:
        parser.error("a label is for one entrant")
    if options.worker:
        work(*options.worker, options)
        return
    if not options.table:
        run_races(options)
    if options.table or options.write:
        text = report(options)
        print(text)
        if options.write:
            options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
