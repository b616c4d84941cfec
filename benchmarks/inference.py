"""Cost of inference, in seconds, in fits and in exact Hessians of the same run.

    python benchmarks/inference.py --threads 1
    python benchmarks/inference.py --shapes small tall --write inference.md

"inference" is est.inference with the gate and standard errors, "everything" also p-values,
Wald tests of all features, criteria and the summary; HC3 the same with the sandwich. "fit" is one
fit from one start, "Hessian" one exact Hessian at a new point. All are wall time; each round runs
all of them in turns, and medians over rounds are reported, ratios being those of neighbours.
"""

import argparse
import os
import time
import warnings
from pathlib import Path

# n_samples, n_features, hidden units, classes (0: regression), alpha
SHAPES = {
    "small": (1000, 10, 10, 0, 1.0),
    "linear": (1000, 10, 0, 0, 0.0),
    "tall": (20000, 10, 10, 0, 1.0),
    "medium": (5000, 20, 20, 0, 1.0),
    "classes": (2000, 10, 10, 3, 1.0),
    "wide": (2000, 40, 20, 0, 1.0),
}
TARGET = {"small": 0.5}  # seconds for everything
COLUMNS = (
    "shape | P | fit s | Hessian s | inference s | everything s | everything HC3 s"
    " | predictions s | effects s | everything / fit | everything / Hessian | target s |"
)


def problem(shape):
    """Estimator and data of one shape: a net of two units, and noise."""
    import numpy as np

    from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor

    n, p, units, classes, alpha = SHAPES[shape]
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p))
    truth = np.tanh(X[:, :3] @ [1.0, -0.5, 0.8]) + np.tanh(X[:, 1:4] @ [0.7, 0.7, -1.0])
    y = truth + 0.5 * rng.standard_normal(n)
    kind = NewtonMLPRegressor
    if classes:
        kind = NewtonMLPClassifier
        y = np.digitize(y, np.quantile(y, np.arange(1, classes) / classes))
    return kind((units,) if units else (), alpha=alpha, standardize=False, random_state=0), X, y


def ask(est, X, y, cov_type):
    """All that a summary has."""
    results = est.inference(X, y, cov_type=cov_type)
    tests = results.wald_test_features(adjust="holm")
    return results.std_errors, results.p_values, results.criteria, tests, results.summary()


def measured(shape, budget):
    """Median seconds by name, and median ratios of everything to a fit and to a Hessian."""
    import numpy as np

    est, X, y = problem(shape)
    est.fit(X, y)
    objective = est.objective(X, y)
    moved = est.params_.copy()
    results = est.inference(X, y)

    def hessian():
        moved[:] += 1e-9  # nothing kept from the call before
        objective.hessian(moved)

    functions = {
        "fit": lambda: problem(shape)[0].fit(X, y),
        "hessian": hessian,
        "inference": lambda: est.inference(X, y).std_errors,
        "everything": lambda: ask(est, X, y, "hessian"),
        "HC3": lambda: ask(est, X, y, "HC3"),
        "predictions": lambda: results.get_prediction(X),
        "effects": lambda: results.marginal_effects(),
    }
    times = {name: [] for name in functions}
    begun = time.perf_counter()
    while len(times["fit"]) < 3 or time.perf_counter() - begun < budget:
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            times[name].append(time.perf_counter() - start)
    found = {name: float(np.median(seconds)) for name, seconds in times.items()}
    for name in ("fit", "hessian"):
        ratios = np.divide(times["everything"], times[name])
        found[f"everything/{name}"] = float(np.median(ratios))
    return found, len(est.params_), len(times["fit"])


def line(shape, budget):
    """One row of the table."""
    n, p, units, classes, _ = SHAPES[shape]
    found, P, rounds = measured(shape, budget)
    sizes = "-".join(str(size) for size in (p, units, classes or 1) if size)
    names = ("fit", "hessian", "inference", "everything", "HC3", "predictions", "effects")
    seconds = " | ".join(f"{found[name]:.3g}" for name in names)
    target = "-"
    if shape in TARGET:
        verdict = "reached" if found["everything"] < TARGET[shape] else "missed"
        target = f"{TARGET[shape]:g}: {verdict}"
    return (
        f"| {shape}: {n} x {sizes} | {P} | {seconds} | {found['everything/fit']:.2f}"
        f" | {found['everything/hessian']:.1f} | {target} |",
        rounds,
    )


def report(options):
    """Markdown table of the shapes asked for."""
    rule = "|---" * COLUMNS.count("|") + "|"
    rows = [f"### Inference, {options.threads} thread(s), wall time", "", f"| {COLUMNS}", rule]
    for shape in options.shapes:
        row, rounds = line(shape, options.budget)
        print(row, f"({rounds} rounds)", flush=True)
        rows.append(row)
    return "\n".join([*rows, ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--shapes", nargs="*", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--budget", type=float, default=6.0, help="seconds per shape")
    parser.add_argument("--write", type=Path, help="file for the table")
    options = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(options.threads)  # before numpy starts
    warnings.filterwarnings(
        "ignore", category=UserWarning
    )  # of the gate, which is not the subject
    text = report(options)
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
