"""The default call, end to end, beside scikit-learn's net with solver="lbfgs" at its defaults.

    python benchmarks/default_call.py --write doc/default_call.md
    python benchmarks/default_call.py --only digits diamonds --seeds 1

Both sides minimise the same objective of the same standardised columns, and CPU seconds count from
the call of ``fit`` to its return, with all that a fit reports, on one thread, in turns.
"""

import argparse
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from accuracy_tables import TABLES, read, transformer
from races_rivals import PROBLEMS, load, standardised
from sklearn import datasets
from sklearn.neural_network import MLPClassifier, MLPRegressor
from threadpoolctl import threadpool_limits

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor

TEXT = """# The default call, end to end

`NewtonMLPRegressor` and `NewtonMLPClassifier` beside scikit-learn's `MLPRegressor` and `MLPClassifier` with `solver="lbfgs"`: the same
hidden layers of tanh units, the same `alpha`, columns and targets standardised beforehand, everything else at its defaults (`standardize=False` here, since the objectives would differ in the
penalty of hidden intercepts; "default" below has the time with `standardize=True`). Written by `benchmarks/default_call.py`.

Times are CPU seconds of `fit` on one thread, the two sides in turns, from {seeds} random states; they include checks of the data, starts, the verdict on the end and
standard errors of predictions. A ratio is the median over random states of ours over theirs. "200" is scikit-learn at its `max_iter`, "converged" with `max_iter=100000`; it ends
where no entry of the gradient is above 1e-4, ours at 1e-10 with a verdict. F is the objective, mean loss plus alpha / (2 n) times the sum of squared coefficients, by one function for
all. "lower" counts the random states in which our F is no higher than theirs, up to 1e-6 of it; "F, ours / theirs" is the median ratio of F, beside scikit-learn at 200. "minima" counts verdicts "minimum".
"""

# What is met: at most this ratio of times.
BAR = 1.5


@dataclass(frozen=True)
class Case:
    """A table with standardised columns, a net, and a penalty that counts in rows."""

    X: np.ndarray
    y: np.ndarray
    hidden: tuple
    alpha: float
    classes: bool


def raced(name):
    """A problem of the races."""
    problem = load(name)
    classes = problem.loss != "squared_error"
    y = problem.Y.argmax(axis=1) if problem.loss == "multinomial_log_loss" else problem.Y[:, 0]
    return Case(problem.X, y, (problem.hidden,), problem.alpha * len(problem.X), classes)


def of_table(name, hidden=(10,), alpha=1.0, log=False):
    """A table of a package."""
    table = TABLES[name]
    frame, y = read(table)
    X = transformer(True).fit_transform(frame)
    classes = table.task == "classification"
    y = y if classes else standardised(np.log(y) if log else y)
    return Case(np.ascontiguousarray(X), y, hidden, alpha, classes)


def generated(make, hidden=(10,), alpha=1.0, **settings):
    """An artificial table of scikit-learn."""
    X, y = getattr(datasets, make)(random_state=0, **settings)
    classes = make == "make_classification"
    return Case(standardised(X), y if classes else standardised(y), hidden, alpha, classes)


def own(name):
    """A table of the list below."""
    kind, *arguments, settings = OWN[name]
    return kind(*arguments, **settings)


OWN = {
    "diamonds, (20,)": (of_table, "diamonds", {"hidden": (20,)}),
    "diamonds, log price, (20,)": (of_table, "diamonds", {"hidden": (20,), "log": True}),
    "Prestige": (of_table, "Prestige", {}),
    "mcycle": (of_table, "mcycle", {}),
    "Boston": (of_table, "Boston", {}),
    "concrete": (of_table, "concrete", {}),
    "concrete, (10, 10)": (of_table, "concrete", {"hidden": (10, 10)}),
    "gapminder": (of_table, "gapminder", {}),
    "CPS1988, log wage": (of_table, "CPS1988", {"log": True}),
    "birthwt": (of_table, "birthwt", {}),
    "glass": (of_table, "glass", {}),
    "attrition": (of_table, "attrition", {}),
    "BEPS": (of_table, "BEPS", {}),
    "hpc": (of_table, "hpc", {}),
    "spam7": (of_table, "spam7", {}),
    "nassCDS": (of_table, "nassCDS", {}),
    "digits, (10,), alpha=1": (of_table, "digits", {}),
    "friedman2, 5000 x 4": (generated, "make_friedman2", {"n_samples": 5000, "noise": 50.0}),
    "sparse, 1000 x 60": (
        generated,
        "make_sparse_uncorrelated",
        {"n_samples": 1000, "n_features": 60},
    ),
    "classes, 50000 x 20": (
        generated,
        "make_classification",
        {"n_samples": 50000, "n_features": 20, "n_informative": 8},
    ),
    "classes, 3000 x 40, 5 classes": (
        generated,
        "make_classification",
        {"n_samples": 3000, "n_features": 40, "n_informative": 15, "n_classes": 5},
    ),
}


def objective_of(case):
    """F of a net's arrays, by the plain formulas."""
    labels, codes = np.unique(case.y, return_inverse=True) if case.classes else (None, None)

    def value(coefs, intercepts):
        raw = case.X
        for k, (W, b) in enumerate(zip(coefs, intercepts, strict=True)):
            raw = (raw if k == 0 else np.tanh(raw)) @ W + b
        if not case.classes:
            loss = 0.5 * np.mean((raw[:, 0] - case.y) ** 2)
        elif len(labels) == 2:
            loss = np.mean(np.logaddexp(0.0, raw[:, 0]) - codes * raw[:, 0])
        else:
            loss = np.mean(np.logaddexp.reduce(raw, axis=1) - raw[np.arange(len(raw)), codes])
        squares = sum(float(np.sum(W**2)) for W in coefs)
        return float(loss + 0.5 * case.alpha * squares / len(case.y))

    return value


def measured(model, case):
    """CPU seconds of a fit, and the fit."""
    start = time.process_time()
    model.fit(case.X, case.y)
    return time.process_time() - start, model


def runs(case, seed, repeats):
    """Times, values and facts of one random state."""
    ours = NewtonMLPClassifier if case.classes else NewtonMLPRegressor
    theirs = MLPClassifier if case.classes else MLPRegressor
    both = {"hidden_layer_sizes": case.hidden, "alpha": case.alpha, "random_state": seed}
    lbfgs = {"solver": "lbfgs", "activation": "tanh", **both}
    models = {
        "ours": ours(standardize=False, **both),
        "default": ours(**both),
        "200": theirs(**lbfgs),
        "converged": theirs(max_iter=100_000, max_fun=10**7, **lbfgs),
    }
    judge = objective_of(case)
    found = {}
    for _ in range(repeats):
        for name, model in models.items():
            seconds, fitted = measured(model, case)
            known = found.setdefault(name, {"seconds": seconds})
            known["seconds"] = min(known["seconds"], seconds)
            known["F"] = judge(fitted.coefs_, fitted.intercepts_)
            known["n_iter"] = fitted.n_iter_
            known["verdict"] = getattr(fitted, "critical_point_", "")
            known["calls"] = getattr(
                getattr(fitted, "solver_result_", None), "n_evaluations", None
            )
    return found


def line(name, found):
    """One row of the table, and the two ratios of times."""

    def each(side, key):
        return np.array([one[side][key] for one in found])

    times = {side: each(side, "seconds") for side in found[0]}
    ratio = {
        (one, other): float(np.median(times[one] / times[other]))
        for one in ("ours", "default")
        for other in ("200", "converged")
    }
    lower = {
        other: int(np.sum(each("ours", "F") <= each(other, "F") * (1 + 1e-6)))
        for other in ("200", "converged")
    }
    n = len(found)
    spread = times["ours"] / times["200"]
    cells = [
        name,
        f"{np.median(times['ours']):.3g} s",
        f"{np.median(times['200']):.3g} s",
        f"{ratio['ours', '200']:.2f}",
        f"{spread.min():.2f} to {spread.max():.2f}",
        f"{ratio['ours', 'converged']:.2f}",
        f"{ratio['default', '200']:.2f}",
        f"{np.median(each('ours', 'F') / each('200', 'F')):.5f}",
        f"{lower['200']} of {n}",
        f"{lower['converged']} of {n}",
        f"{sum(one['ours']['verdict'] == 'minimum' for one in found)} of {n}",
        "yes" if ratio["ours", "200"] <= BAR else "no",
    ]
    return "| " + " | ".join(cells) + " |", ratio["ours", "200"], ratio["ours", "converged"]


HEADS = [
    "problem", "ours", "scikit-learn, 200", "ratio", "of single runs", "to converged", "default", "F, ours / theirs",
    "lower", "lower, converged", "minima", "at most 1.5",
]  # fmt: skip


def report(names, seeds, verbose=False):
    """The table, line by line."""
    for heading, group in (("The problems of the races", PROBLEMS), ("Tables", OWN)):
        chosen = [name for name in names if name in group]
        if not chosen:
            continue
        yield f"## {heading}"
        yield ""
        yield "| " + " | ".join(HEADS) + " |"
        yield "|" + "---|" * len(HEADS)
        first, second = [], []
        for name in chosen:
            case = raced(name) if name in PROBLEMS else own(name)
            repeats = 3 if len(case.X) <= 1000 else 1
            runs(case, 99, 1) if len(case.X) <= 1000 else None  # warm up
            found = [runs(case, seed, repeats) for seed in range(seeds)]
            text, *ratios = line(name, found)
            first.append(ratios[0])
            second.append(ratios[1])
            yield text
            if verbose:
                for one in found:
                    yield str(one)
        yield ""
        for ratios, beside in ((first, "at 200 iterations"), (second, "converged")):
            yield (
                f"Beside scikit-learn {beside}: {sum(np.array(ratios) <= BAR)} of {len(ratios)} "
                f"within 1.5 times its time, {sum(np.array(ratios) < 1.0)} ahead; geometric mean "
                f"{np.exp(np.mean(np.log(ratios))):.2f}."
            )
            yield ""


def main():
    """Print the tables, and write them where they are wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=[*PROBLEMS, *OWN])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    lines = [TEXT.format(seeds=given.seeds)]
    print(lines[0])
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = given.only or [*PROBLEMS, *OWN]
        for text in report(names, given.seeds, given.verbose):
            print(text, flush=True)
            lines.append(text)
    if given.write is not None:
        given.write.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
