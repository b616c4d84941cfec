"""The experiments of Gong et al. (2012) again: optimal steps, Levenberg-Marquardt, the default.

    python benchmarks/optimal_steps.py --write doc/optimal_steps.md
    python benchmarks/optimal_steps.py --results runs.json --write doc/optimal_steps.md
    python benchmarks/optimal_steps.py --iris --write doc/optimal_steps.md

Iris with a 4-17-1 net, and the extended Rosenbrock function of 500 and 1000 variables as a
function to approximate. All entrants start at the same weights, on one thread; times are CPU
seconds of the process. With ``--results``, a file that exists is read in place of measuring,
and one that does not is written. The whole run takes about ten minutes.
"""
# ruff: noqa: E402  (numpy starts with the number of threads that is set here)

import argparse
import json
import os
import textwrap
import time
from pathlib import Path
from statistics import median

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

from sknewtonnet.calculus import Network, Objective
from sknewtonnet.solvers import get_solver

MODIFIED, STANDARD = {"objective": "modified"}, {"objective": "standard"}
CONJUGATE = {"direction": "conjugate"}
LM_DIAGONAL, LM_IDENTITY = "LM, marquardt", "LM, nielsen"
BPOS = {
    "BPOS, modified": ("bpos", MODIFIED),
    "BPOS, standard": ("bpos", STANDARD),
    "BPOS, modified, conjugate": ("bpos", MODIFIED | CONJUGATE),
}
LM = {
    LM_DIAGONAL: ("lm", {"damping": "marquardt"}),
    LM_IDENTITY: ("lm", {"damping": "nielsen"}),
}

# ---- Iris ----
SEEDS, EPOCHS, SHOWN = (0, 1, 2), 5000, (10, 50, 500, 5000)
RATES, SUMMED = (0.1, 0.2, 0.3, 0.4, 0.5), 0.1
IRIS_LEVELS = (10.0, 3.0, 1.0, 0.1, 0.01)
PENALTY = 1e-4
DEFAULT, PENALISED = "default", f"default, alpha = {PENALTY:g}"

# ---- Rosenbrock ----
DIMENSIONS, BATCH, UNITS, GRID = {500: 25, 1000: 50}, 40, 5, 20
LIMITS, PATIENCE = {500: 30.0, 1000: 60.0}, 200.0
LEVELS, GOAL, HELD_OUT = (1e-1, 1e-2, 1e-3, 1e-4), 1e-4, 2000
PAPER = {"BPOS": ((2397, 1011.0), (3481, 2596.0)), "LM": ((19667, 1474.0), (44105, 5560.0))}


def rosenbrock(X):
    """The extended Rosenbrock function of each row."""
    first, second = X[:, :-1], X[:, 1:]
    return ((1.0 - first) ** 2 + 100.0 * (second - first**2) ** 2).sum(axis=1)


def iris(alpha=0.0):
    """Objective of the 4-17-1 net: standardised inputs, classes -1, 0 and 1."""
    X, y = load_iris(return_X_y=True)
    network = Network.mlp(4, (17,), 1, activation="logistic")
    return Objective(network, "squared_error", scale(X), y - 1.0, alpha=alpha)


def iris_start(seed):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, 17 * 6 + 1)


def approximation(dimension):
    """Objective of the N-5-1 net, held-out inputs and their targets."""
    rng = np.random.default_rng(0)
    n = BATCH * DIMENSIONS[dimension]
    X = rng.integers(-GRID, GRID + 1, (n + HELD_OUT, dimension)) / 10.0
    y = rosenbrock(X)
    y = (y - y[:n].mean()) / y[:n].std()
    X /= np.sqrt((np.arange(-GRID, GRID + 1) ** 2).mean()) / 10.0
    network = Network.mlp(dimension, (UNITS,), 1, activation="logistic")
    return Objective(network, "squared_error", X[:n], y[:n]), X[n:], y[n:]


def approximation_start(dimension, seed):
    bound = 0.5 / np.sqrt(dimension)
    size = UNITS * (dimension + 2) + 1
    return np.random.default_rng(seed).uniform(-bound, bound, size)


def watched(objective, start, entrant, epochs, limit=np.inf, goal=-np.inf):
    """Run one solver; mean losses without penalty, and seconds, after each iteration."""
    name, options = entrant
    errors, seconds = [objective.value(start) - objective.penalty.value(start)], [0.0]

    def watch(it):
        seconds.append(time.process_time() - begun)
        errors.append(it.value - objective.penalty.value(it.params))
        return seconds[-1] >= limit or errors[-1] <= goal

    solver = get_solver(name, max_iter=epochs, options=options)
    begun = time.process_time()
    found = solver.minimize(objective, start, watch)
    run = {"error": errors, "seconds": seconds, "status": found.status.name}
    run |= {"n_iter": found.n_iter, "n_events": dict(found.n_events)}
    return found.params, run


def constant_rate(epochs):
    """The largest rate with which the error of Iris never rises, from any seed; and its runs."""
    chosen = None
    for rate in RATES:
        entrant = ("gd", {"learning_rate": rate})
        runs = [watched(iris(), iris_start(seed), entrant, epochs)[1] for seed in SEEDS]
        if any(np.any(np.diff(run["error"]) > 0.0) for run in runs):
            return chosen
        chosen = rate, runs
    return chosen


def measure_iris(epochs):
    """All runs on Iris by entrant, and what the text says of the problem."""
    watched(iris(), iris_start(9), ("auto", {}), 50)
    rate, descent = constant_rate(epochs)
    entrants = BPOS | {"BPOS, standard, conjugate": ("bpos", STANDARD | CONJUGATE)} | LM
    runs = {f"constant step {rate:g}": descent}
    for label, entrant in entrants.items():
        runs[label] = [watched(iris(), iris_start(seed), entrant, epochs)[1] for seed in SEEDS]
    for label, alpha in ((DEFAULT, 0.0), (PENALISED, PENALTY)):
        pairs = [watched(iris(alpha), iris_start(seed), ("auto", {}), epochs) for seed in SEEDS]
        runs[label] = [run for _, run in pairs]
    n = len(iris().targets)
    summed = ("gd", {"learning_rate": SUMMED * n})
    ends = [watched(iris(), iris_start(seed), summed, epochs)[1] for seed in SEEDS]
    X = np.c_[iris().samples, np.ones(n)]
    linear = 0.5 * np.linalg.lstsq(X, iris().targets, rcond=None)[1].sum()
    for label, found in runs.items():
        print(label, [f"{n * run['error'][-1]:.3g}" for run in found], flush=True)
        for run in found:
            half = n * np.array(run["error"])
            run["at"] = [float(half[k]) if k < len(half) else None for k in SHOWN]
            run["end"] = float(half[-1])
            run["reached"] = reached(half, run["seconds"], IRIS_LEVELS)
            run["total"] = run["seconds"][-1]
            del run["error"], run["seconds"]
    return {
        "rate": rate, "linear": float(linear), "runs": runs,
        "summed": [run["status"] == "STALLED" for run in ends],
    }  # fmt: skip


def reached(errors, seconds, levels):
    """Iterations and seconds to each level, or None."""
    found = []
    for level in levels:
        below = np.flatnonzero(np.asarray(errors) <= level)
        found.append((int(below[0]), seconds[below[0]]) if len(below) else None)
    return found


def measure_rosenbrock(patience):
    """All runs of both dimensions by entrant; LM's from one start."""
    entrants = BPOS | LM | {DEFAULT: ("auto", {})}
    runs = {label: {} for label in entrants}
    for dimension, limit in LIMITS.items():
        objective, X, y = approximation(dimension)
        objective.gradient(approximation_start(dimension, 9))
        for label, entrant in entrants.items():
            seeds = SEEDS[:1] if entrant[0] == "lm" else SEEDS
            runs[label][str(dimension)] = []
            for seed in seeds:
                start = approximation_start(dimension, seed)
                most = PATIENCE if label == LM_IDENTITY else limit
                w, run = watched(objective, start, entrant, 10**6, patience * most, 0.5 * GOAL)
                errors = 2.0 * np.array(run["error"])
                run["reached"] = reached(errors, run["seconds"], LEVELS)
                run["end"], run["total"] = float(errors[-1]), run["seconds"][-1]
                predicted = objective.network.predict_raw(w, X)[:, 0]
                run["held out"] = float(((predicted - y) ** 2).mean())
                hidden = objective.network.layout.unpack(w)
                inputs = objective.samples @ hidden["coefs_0"] + hidden["intercepts_0"]
                run["flat"] = float((np.abs(inputs) > 10.0).mean())
                del run["error"], run["seconds"]
                runs[label][str(dimension)].append(run)
                print(dimension, label, seed, run, flush=True)
    return {"runs": runs}


# ---- tables ----
def plain(number, digits=2):
    """A number to some digits, without an exponent where it is large."""
    return f"{number:.0f}" if number >= 10**digits else f"{number:.{digits}g}"


def lines(title, rows):
    head = f"| {' | '.join(title)} |\n|{'---|' * len(title)}\n"
    return head + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def each(values, pattern="{:.3g}"):
    """The values of all seeds in one cell, "-" for what there is not."""
    if all(value is None for value in values):
        return "-"
    return ", ".join("-" if value is None else pattern.format(value) for value in values)


def steps(runs, level):
    """Iterations of all seeds to a level, with the median of the seconds."""
    cell = each([pair and pair[0] for pair in (run["reached"][level] for run in runs)], "{}")
    _, seconds = middle(runs, level)
    return f"{cell} ({plain(seconds)} s)" if np.isfinite(seconds) else cell


def middle(runs, level):
    """Median iterations and seconds to a level, infinite for runs that do not get there."""
    found = [run["reached"][level] or (np.inf, np.inf) for run in runs]
    return [median(pair[k] for pair in found) for k in (0, 1)]


def errors_table(runs):
    """Fig. 1 in numbers."""
    rows = []
    for label, found in runs.items():
        cells = [each([run["at"][k] for run in found]) for k in range(len(SHOWN))]
        ends = each([run["end"] for run in found])
        totals = each([run["total"] for run in found], "{:.2g}")
        rows.append([label, *cells, plain(pace(found)), totals, ends, each(endings(found), "{}")])
    title = ["", *(f"{k} epochs" for k in SHOWN), "ms an epoch", "seconds", "at the end", "ended"]
    return lines(title, rows)


def endings(runs):
    words = {
        "MAX_ITER": "cut off",
        "CONVERGED": "converged",
        "STALLED": "stalled",
        "AT_INFINITY": "runs off",
    }
    return [words.get(run["status"], run["status"]) for run in runs]


def levels_table(runs):
    rows = [
        [label, *(steps(found, k) for k in range(len(IRIS_LEVELS)))]
        for label, found in runs.items()
    ]
    return lines(["", *(f"to {level:g}" for level in IRIS_LEVELS)], rows)


def approximation_table(runs):
    rows = []
    for dimension in DIMENSIONS:
        for label, by_dimension in runs.items():
            found = by_dimension[str(dimension)]
            cells = [steps(found, k) for k in range(len(LEVELS))]
            ends = each([run["end"] for run in found], "{:.2g}")
            new = each([run["held out"] for run in found])
            flat = each([run["flat"] for run in found], "{:.0%}")
            rows.append([f"{dimension}", label, *cells, plain(pace(found), 3), ends, new, flat])
    title = ["N", "", *(f"to {level:g}" for level in LEVELS)]
    title += ["ms an iteration", "last error", "on new points", "flat"]
    return lines(title, rows)


def growth(runs, level):
    """Iterations, seconds, and seconds per iteration, of 1000 variables over those of 500."""
    before, after = (middle(runs[str(dimension)], level) for dimension in DIMENSIONS)
    if not np.isfinite([before, after]).all():
        return None
    iterations, seconds = (after[k] / before[k] for k in (0, 1))
    return before, after, (iterations, seconds, seconds / iterations)


def growth_table(runs):
    rows = []
    for label, pairs in PAPER.items():
        ratios = [pairs[1][k] / pairs[0][k] for k in (0, 1)]
        found = (*pairs, (*ratios, ratios[1] / ratios[0]))
        rows.append(growth_row(f"[G], {label}", "-", found))
    for level in range(len(LEVELS)):
        for label, by_dimension in runs.items():
            found = growth(by_dimension, level)
            if found is not None:
                rows.append(growth_row(label, f"{LEVELS[level]:g}", found))
    title = ["", "to", "iterations, N = 500", "N = 1000", "growth", "seconds, N = 500"]
    return lines([*title, "N = 1000", "growth", "growth of one iteration"], rows)


def growth_row(label, level, found):
    before, after, (iterations, seconds, pace) = found
    cells = [label, level, f"{before[0]:.0f}", f"{after[0]:.0f}", f"{iterations:.2f}"]
    return [*cells, plain(before[1], 3), plain(after[1], 3), f"{seconds:.2f}", f"{pace:.2f}"]


# ---- the document ----
HEADER = """# Optimal steps: the experiments of Gong et al. (2012)

Gong et al. (2012), [G], let the exact second derivative choose the length of each gradient step ("BPOS"), for an objective that they
modify, and compare it with Levenberg-Marquardt (LM). Here are both of their experiments, run with this package's solvers
"bpos", "gd", "lm" and the default, "auto". [G] leaves much open; what was fixed is stated. Times are CPU seconds on one thread of a
machine that was doing other work as well, so that a fifth more or less says nothing. Written by `benchmarks/optimal_steps.py` with
numpy {numpy}; [plot_optimal_steps.py](../examples/plot_optimal_steps.py) and [plot_rosenbrock_net.py](../examples/plot_rosenbrock_net.py)
are short versions with figures. [optimal_step_variants.md](optimal_step_variants.md) goes on: logistic outputs, momentum, other curvatures, batches,
where LM ends, and ranges over starts that differ in the last bit, on which figures of steepest descent hang after some hundred steps.

## The method, and corrections

With gradient g and exact Hessian H, the quadratic model along -g is lowest after the step

    w+ = w - eta g,    eta = g'g / (g'Hg)

One product Hg is all that it needs; [G] forms the whole matrix, by computer algebra. What we read differently from what is printed:

- Eq. 17 squares the step length in the derivative, where it stands to the first power. In eq. 18 powers of |g| are missing: with
  the direction -g / |g| of eq. 14 the length is |g|^3 / (g'Hg).
- Eq. 27 sums over the P samples; the sum goes over the outputs.
- Eq. 7, 9, 22 and 24 exchange the cases n = j and n != j: an output depends on its own weights, not on those of the others.
- Eq. 7 to 10 and 22 to 25 lack the derivative of the logistic output unit, and 7 to 10 have the factor of a squared error where the
  error is not squared.
- Eq. 29 has the square of [b_m (1 - b_m)] where it is the product of those of both units, and in eq. 29 and 30 derivatives of the output unit
  are wrong: y' for y'^2 + (y - d) y'', and none beside (y - d). On a 2-2-1 net they give -0.125 and 0.250 for second derivatives that are -0.0094
  and 0.0669 ([worked out](optimal_step_variants.md#equations-29-and-30)); these are the "exact" second derivatives of the paper.
- Table 1 stops where the norm of the search direction is small, but that is a unit vector; and where F(k + 1) - F(k) is below a
  bound, which every step down fulfils. We stop by the gradient (`tol`), by a fall of at most `fatol`, or as stated below.
- Nothing is said about g'Hg <= 0, or about a step that raises the error. We take the absolute value, and halve.

The modified objective is F = 1/2 sum_o c_o^2, with c_o the sum of squares of output o (`ModifiedObjective`, for every loss and net). For one output, and both experiments have one,
F is the square of the usual objective f, up to factors: -g stays the direction, and the step becomes

    1 / eta_modified = 1 / eta + g'g / f

so it is a shorter one wherever g'Hg > 0. [G]'s reason for it, a smaller Jacobian, does not arise where no Jacobian is formed.

## Iris

[G]: 150 flowers, a 4-17-1 net, the same initial weights for all; the error is half the sum of squares (SSE / 2). Their Fig. 1 shows BPOS with
a third of the epochs of LM. Not stated: how the classes are coded, scaling, initial weights, the stop rule, LM's damping. Fixed here:

- The target is the number of the class, centred: -1, 0, 1. Inputs are standardised. All 150 flowers are used in each epoch, and an epoch
  is one iteration, whatever it costs.
- Logistic hidden units as in [G]; the output unit is linear, where [G]'s is logistic: that net is on the page of variants.
- No penalty, {weights} weights. They start uniform on (-1/2, 1/2), for three seeds: cells give the three results in the order of the seeds.
- {epochs} epochs, unless the largest gradient entry falls to 1e-10 ("converged"), no step lowers the error ("stalled"), or weights grow while
  next to nothing is gained ("runs off"). Errors in the columns of epochs are "-" where a run had ended before.
- The constant step is the largest of {rates} with which the error rises in no epoch of any seed. It is for the mean loss; for the
  sum it is {rate:g} / 150. {summed}
- LM's damping is the package's "marquardt" (the largest diagonal of J'J so far, times a factor that changes by ten) or "nielsen" (the
  identity). The default is also shown with alpha = {penalty:g}; its error is given without the penalty.

SSE / 2 of a linear model is {linear:.2f}.

"""
IRIS_LEVELS_TEXT = """
Epochs to an SSE / 2 of at most the given size, and the median of the seconds, if two of the three seeds got there:

"""
IRIS_FOUND = """
What came out:

- A third of LM's epochs did not come out; the reverse did. To an error of 10, BPOS with the modified objective needs {to10} times the epochs
  of LM with "nielsen" damping, and to an error of 3 it needs {to3} times as many; of LM with "marquardt", {to10marquardt} and
  {to3marquardt} times. {never}
- After 50 epochs BPOS, with either objective, is at {bpos50}, about where a linear model is. LM is at {lm50} ("marquardt") and
  {nielsen50} ("nielsen").
- The modified objective is slower at first, faster for a while, and no clear gain in the end: its error over that of the standard one is
  {early} after 10 epochs, {middle} after 50 and {late} after {epochs}. To an error of 3 it took fewer epochs from each start.
- The optimal step beats the constant one, by a small factor: the constant step's error is {gd50} times as large after 50 epochs and {gd5000}
  times after {epochs}. To an error of 3 the constant step needs {gd3} times the epochs of BPOS (modified) and {gd3seconds:.1f} times its
  seconds, and it had to be found first; one that is too large diverges.
- Conjugate directions, which [G] does not use, are worth more than either: after {epochs} epochs their error (modified objective) is
  {conjugate} of that of steepest descent, at about the same cost. They are still far behind LM.
- Figures after some hundred epochs hang on the last bit of the start for the modified objective, conjugate directions, LM with "marquardt"
  damping and the default; those of steepest descent on f itself and of LM with "nielsen" hardly do. The page of variants has ranges
  from ten starts that agree to 15 digits.
- The default needs {auto} times the epochs of LM with "nielsen" to an error of 1, and {autopace:.1f} times the time for each. With 103
  weights and 150 samples a matrix costs next to nothing, and the error can fall to zero: that is where LM is best.
- The ends of LM with "marquardt" are {lmend}, those of "nielsen" {nielsenend}: which of the two is lower depends on the start.
- Without a penalty there need not be a minimum, as weights can grow for ever: {converged} of {free} runs converged. With alpha = {penalty:g} the default
  does, in {penalised} epochs, at three different points.

## Rosenbrock function

[G]: the extended Rosenbrock function of N = 500 and 1000 variables is approximated; inputs come from -2 to 2 in steps of 0.1, "used for training in
25/50 batches". Not stated: the number of samples, what a batch is, the net, scaling, the error that was asked for, LM's damping. Fixed here:

- {batch} samples a batch: {sizes}. A sample is a point with each coordinate drawn from the 41 values, uniformly and
  independently. An iteration uses all batches; errors, gradients and J'J are sums over them, so the split changes nothing. Steps for each batch
  are on the page of variants.
- An N-{units}-1 net, logistic hidden units, linear output: {parameters}. There are more weights than samples, so the
  error can fall to zero.
- Inputs are divided by their standard deviation; the target is standardised, so an error of 1 is that of the mean. No penalty. Weights
  start uniform on +-1 / (2 sqrt N).
- A run ends at a mean squared error of {goal:g}, or after {limits} CPU seconds ({patience:g} for LM with "nielsen"). BPOS and the default run from
  three seeds, LM from the first alone, for its time.

Cells give iterations to a mean squared error of at most the given size, for each seed, and the median of the seconds. "On new points" is the
mean squared error on {held} further points at the end, and "flat" the share of hidden inputs that are beyond +-10 there, where the unit
is constant. {kept}

"""
KEPT = (
    "These tables were not made anew with those of Iris: their figures are those of an earlier "
    "version of the package, and those of the modified objective and conjugate directions hang "
    "on the last bit."
)
GROWTH_TEXT = """
From 500 to 1000 variables, medians of the seeds, where these got there:

"""
ROSENBROCK_FOUND = """
What came out:

- Time of one iteration: BPOS {small bpos:.1f} ms with {small N} variables and {large bpos:.0f} ms with {large N}, LM ("nielsen") {small lm:.1f} s and {large lm:.1f} s,
  {small ratio:.0f} and {large ratio:.0f} times as much. In [G] LM has the cheaper iterations, 0.075 s against 0.42 s for N = 500: there the Hessian
  for the step is formed, which a product saves.
- Number of iterations: in [G] LM needs 8 and 13 times those of BPOS. Here BPOS (modified, median of its starts) needs {small count:.1f} and {large count:.1f} times
  those of LM to an error of 0.01, {small count4:.0f} and {large count4:.0f} times to {goal:g}.
- Seconds: BPOS is ahead of LM all the same, {small gain:.0f} and {large gain:.0f} times to 0.01, {small gain4:.0f} and {large gain4:.0f} times to {goal:g}. So
  [G]'s result, that BPOS takes less time than LM, comes out, but for the opposite reason: not fewer iterations, but cheaper ones.
- Growth of one iteration: samples and weights both double, so one of BPOS has 4 times the operations and one of LM 8 times. Measured were
  {bpos growth:.1f} and {lm growth:.1f}; the larger inputs, 16 MB, may not fit the cache. [G] has 1.77 and 1.68, less than twice, so the time
  there was not even proportional to the weights.
- Growth of the whole: the seconds of BPOS (modified) grow {bpos whole:.1f}-fold to 0.01 and {bpos whole4:.0f}-fold to {goal:g}, those of LM
  {lm whole:.1f}-fold and {lm whole4:.1f}-fold, for LM needs fewer iterations at N = {large N}. [G] has 2.57-fold for BPOS and 3.77-fold for LM (the text there
  says double and 4 times). To 0.01 which of the two grows less changed from run to run; to 0.0001 BPOS grows far more. LM has one start.
- The modified objective: iterations to {goal:g} are {small modified} against {small standard} with the standard one for N = {small N}, and
  {large modified} against {large standard} for N = {large N}. Steps shorter than the optimal ones break the zigzag of steepest
  descent (Raydan and Svaiter 2002), which may be why it helps where it does.
- The guards are there for few steps: in a run of either experiment along -g, at most {bent} met negative curvature, and at most {halved} were
  halved.
- Conjugate directions and the default are the fastest: to {goal:g} in {small conjugate} and {small auto} for N = {small N}, {large conjugate}
  and {large auto} for N = {large N}, in the median; BPOS (modified) takes {small steepest} and {large steepest}. The slowest start of the default
  at N = {large N} takes {auto worst:.0f} s, that of conjugate directions {conjugate worst:.0f} s.
- LM with "marquardt" damping does not come to 0.1 in its {limits} seconds. Its first steps are so long that {small stuck[flat]:.0%} and {large stuck[flat]:.0%} of the hidden
  inputs end where the units are flat. There its gradient vanishes, and J'J with it: with 100 variables it CONVERGES so, at a point that
  `critical_point` calls a saddle, and Newton steps from there gain next to nothing, since flat units stay flat (see the page of variants). Which
  damping [G] compared with is not stated, so whether its LM was stuck like this cannot be told. With more weights than samples, use
  "nielsen".
- The nets learn nothing of the function. On new points the error is {new} for all that came to 0.01, and 1 for the mean. With two
  samples for each variable, memory is all there is; these are times of training, not of approximation.

## References

- Gong et al. (2012), Journal of Computational Information Systems 8 (4), 1359-1371.
- Raydan and Svaiter (2002), *Relaxed Steepest Descent and Cauchy-Barzilai-Borwein Method*, Computational Optimization and
  Applications 21, 155-167.
"""


def span(values, pattern="{:.3g}"):
    """From the least to the largest, once where both read the same; "-" for nothing."""
    if not values:
        return "-"
    ends = [pattern.format(pick(values)) for pick in (min, max)]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def over(left, right, column):
    """Ratios of two entrants' errors after SHOWN[column] epochs, of seeds where both got there."""
    pairs = [(a["at"][column], b["at"][column]) for a, b in zip(left, right, strict=True)]
    return [a / b for a, b in pairs if a is not None and b is not None]


def epochs_over(left, right, level):
    """Ratios of two entrants' epochs to a level, of the seeds where both got there."""
    pairs = zip(left, right, strict=True)
    return [a["reached"][level][0] / b["reached"][level][0] for a, b in pairs
            if a["reached"][level] and b["reached"][level]]  # fmt: skip


def pace(runs):
    """Milliseconds an iteration, median."""
    return median(1e3 * run["total"] / run["n_iter"] for run in runs)


def iris_facts(found):
    """What the text says about Iris."""
    runs, rate = found["runs"], found["rate"]
    constant = runs[f"constant step {rate:g}"]
    bpos, standard = runs["BPOS, modified"], runs["BPOS, standard"]
    nielsen, marquardt = runs[LM_IDENTITY], runs[LM_DIAGONAL]
    conjugate = runs["BPOS, modified, conjugate"]
    free = [run for label in runs if label != PENALISED for run in runs[label]]
    missed = not any(run["reached"][2] for run in bpos + standard)
    summed = f"{SUMMED:g} for the sum, the least rate that [G] recommends,"
    fate = "overflows from every seed" if all(found["summed"]) else "does not overflow always"
    return {
        "rate": rate, "linear": found["linear"], "weights": len(iris_start(0)), "epochs": EPOCHS,
        "rates": ", ".join(f"{rate:g}" for rate in RATES), "penalty": PENALTY,
        "summed": f"A rate of {summed} {fate}.",
        "to10": span(epochs_over(bpos, nielsen, 0), "{:.0f}"),
        "to3": span(epochs_over(bpos, nielsen, 1), "{:.0f}"),
        "to10marquardt": span(epochs_over(bpos, marquardt, 0), "{:.1f}"),
        "to3marquardt": span(epochs_over(bpos, marquardt, 1), "{:.0f}"),
        "never": f"Without conjugate directions it never came to 1 in {EPOCHS} epochs." if missed else "",
        "bpos50": span([run["at"][1] for run in bpos + standard]),
        "lm50": span([run["at"][1] for run in marquardt]),
        "nielsen50": span([run["at"][1] for run in nielsen]),
        "early": span(over(bpos, standard, 0), "{:.2f}"),
        "middle": span(over(bpos, standard, 1), "{:.2f}"),
        "late": span(over(bpos, standard, 3), "{:.2f}"),
        "gd50": span(over(constant, bpos, 1), "{:.1f}"),
        "gd5000": span(over(constant, bpos, 3), "{:.1f}"),
        "gd3": span(epochs_over(constant, bpos, 1), "{:.1f}"),
        "gd3seconds": middle(constant, 1)[1] / middle(bpos, 1)[1],
        "conjugate": span(over(conjugate, bpos, 3), "{:.4f}"),
        "auto": span(epochs_over(runs[DEFAULT], nielsen, 2), "{:.1f}"),
        "autopace": pace(runs[DEFAULT]) / pace(nielsen),
        "lmend": each([run["end"] for run in marquardt], "{:.2g}"),
        "nielsenend": each([run["end"] for run in nielsen], "{:.2g}"),
        "converged": sum(run["status"] == "CONVERGED" for run in free), "free": len(free),
        "penalised": span([run["n_iter"] for run in runs[PENALISED]], "{}"),
    }  # fmt: skip


def approximation_facts():
    """What the text says about the problem of the Rosenbrock function."""
    samples = {N: BATCH * batches for N, batches in DIMENSIONS.items()}
    weights = {N: len(approximation_start(N, 0)) for N in DIMENSIONS}
    return {
        "batch": BATCH, "units": UNITS, "goal": GOAL, "patience": PATIENCE, "held": HELD_OUT,
        "sizes": " and ".join(f"{n} for N = {N}" for N, n in samples.items()),
        "parameters": " and ".join(f"{size} weights" for size in weights.values()),
        "limits": " and ".join(f"{limit:g}" for limit in LIMITS.values()),
    }  # fmt: skip


def rosenbrock_facts(runs):
    """What the text says about the runs on it."""
    facts = approximation_facts()
    everyone = [run for kinds in runs.values() for found in kinds.values() for run in found]
    goers = [run for run in everyone if run["reached"][1]]
    facts["new"] = span([run["held out"] for run in goers], "{:.1f}")
    for N, name in zip(DIMENSIONS, ("small", "large"), strict=True):
        paces = {label: pace(kinds[str(N)]) for label, kinds in runs.items()}
        facts[f"{name} bpos"] = paces["BPOS, modified"]
        facts[f"{name} lm"] = paces[LM_IDENTITY] / 1e3
        facts[f"{name} ratio"] = paces[LM_IDENTITY] / paces["BPOS, modified"]
        facts[f"{name} stuck"] = runs[LM_DIAGONAL][str(N)][0]
        facts[f"{name} N"] = N
        kinds = {label: found[str(N)] for label, found in runs.items()}
        for level, end in ((1, ""), (3, "4")):
            ours, theirs = (
                middle(kinds[label], level) for label in ("BPOS, modified", LM_IDENTITY)
            )
            facts[f"{name} count{end}"] = ours[0] / theirs[0]
            facts[f"{name} gain{end}"] = theirs[1] / ours[1]
        for key in ("modified", "standard"):
            ends = [run["reached"][3] for run in kinds[f"BPOS, {key}"]]
            facts[f"{name} {key}"] = each([pair and pair[0] for pair in ends], "{}")
        for key, label in (
            ("conjugate", "BPOS, modified, conjugate"), ("auto", DEFAULT),
            ("steepest", "BPOS, modified"),
        ):  # fmt: skip
            facts[f"{name} {key}"] = f"{plain(middle(kinds[label], 3)[1])} s"
    for key in ("bpos", "lm"):
        facts[f"{key} growth"] = facts[f"large {key}"] / facts[f"small {key}"]
    for key, label in (("bpos", "BPOS, modified"), ("lm", LM_IDENTITY)):
        for level, end in ((1, ""), (3, "4")):
            before, after = (middle(runs[label][str(N)], level)[1] for N in DIMENSIONS)
            facts[f"{key} whole{end}"] = after / before
    largest = str(max(DIMENSIONS))
    for key, label in (("auto", DEFAULT), ("conjugate", "BPOS, modified, conjugate")):
        facts[f"{key} worst"] = max(run["total"] for run in runs[label][largest])
    return facts


def document(results):
    """Return the whole page."""
    found, runs = results["iris"], results["rosenbrock"]["runs"]
    facts = iris_facts(found) | rosenbrock_facts(runs) | {"numpy": results["numpy"], "kept": ""}
    steepest = [
        run["n_events"] for label in ("BPOS, modified", "BPOS, standard")
        for kind in (found["runs"][label], *runs[label].values()) for run in kind
    ]  # fmt: skip
    facts["bent"] = max(events["negative_curvature"] for events in steepest)
    facts["halved"] = max(events["shortened_steps"] for events in steepest)
    parts = [
        wrapped(HEADER.format(**facts)), errors_table(found["runs"]), IRIS_LEVELS_TEXT,
        levels_table(found["runs"]), wrapped(IRIS_FOUND.format(**facts)),
        approximation_table(runs), GROWTH_TEXT, growth_table(runs),
        wrapped(ROSENBROCK_FOUND.format(**facts)),
    ]  # fmt: skip
    return "".join(parts)


def with_new_iris(results, old):
    """Return a page whose tables of the Rosenbrock function stay as they are."""
    found = results["iris"]
    facts = iris_facts(found) | approximation_facts() | {"numpy": results["numpy"], "kept": KEPT}
    parts = [
        wrapped(HEADER.format(**facts)), errors_table(found["runs"]), IRIS_LEVELS_TEXT,
        levels_table(found["runs"]), wrapped(IRIS_FOUND.format(**facts)), old[old.index("| N |  |"):],
    ]  # fmt: skip
    return "".join(parts)


def wrapped(text):
    """Paragraphs and points filled anew; headings and formulas as they are."""
    filled = []
    for line in text.splitlines():
        fresh = not line or line.startswith(("#", "- ", "    "))
        if fresh or not filled or not filled[-1] or filled[-1].startswith(("#", "    ")):
            filled.append(line)
        else:
            filled[-1] += " " + line.strip()
    options = {"width": 130, "break_long_words": False, "break_on_hyphens": False}
    return "".join(
        line + "\n" if line.startswith("    ") or not line
        else textwrap.fill(line, subsequent_indent="  " * line.startswith("- "), **options) + "\n"
        for line in filled
    )  # fmt: skip


def main():
    """Measure or read, print the document, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path, help="file for the document")
    parser.add_argument("--results", type=Path, help="file of measurements")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="on Iris")
    parser.add_argument("--patience", type=float, default=1.0, help="over the seconds of a run")
    parser.add_argument(
        "--iris", action="store_true", help="measure Iris alone, and keep the rest of the file"
    )
    options = parser.parse_args()
    if options.results and options.results.exists():
        results = json.loads(options.results.read_text(encoding="utf-8"))
    else:
        results = {"iris": measure_iris(options.epochs)}
        if not options.iris:
            results["rosenbrock"] = measure_rosenbrock(options.patience)
        results["numpy"] = np.__version__
    if options.results:
        options.results.write_text(json.dumps(results), encoding="utf-8")
    if options.iris:
        text = with_new_iris(results, options.write.read_text(encoding="utf-8"))
    else:
        text = document(results)
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
