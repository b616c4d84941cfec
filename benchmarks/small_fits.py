"""Small nets, many fits: beside scikit-learn, and in calls of the interpreter; writes doc/small_fits.md.

    python benchmarks/small_fits.py --write doc/small_fits.md
    python benchmarks/small_fits.py --only "one fit" --budget 1

CPU time on one thread. The two sides of a ratio run in turns in one process, and the median of their ratios counts, so that
numbers of a busy machine can be read. Imports are timed in processes of their own, the shortest
of several, which may write bytecode.
"""

import argparse
import subprocess
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
from derivatives import interleaved
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris, load_wine, make_friedman1
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from threadpoolctl import threadpool_limits

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor
from sknewtonnet.calculus import Network, Objective

HEAD = """# Small nets, many fits

Milliseconds of CPU time on one thread, ours and those of `MLPClassifier` or `MLPRegressor(solver="lbfgs")` with as many hidden units and the same `alpha`,
in turns in one process; the ratio is the median over the turns. Written by `benchmarks/small_fits.py`.

scikit-learn's fits end at 200 iterations, or where no gradient entry is above 1e-4; ours at a minimum, with the verdict that it is one, and importances. On
columns as they come scikit-learn nearly always takes its 200 iterations and has not arrived then; on standardised columns, which ours are by default, it ends after
30 to 100 for iris and wine, and takes 200 for diabetes.
Calls of the interpreter are those of Python and C functions that `sys.setprofile` sees; they do not depend on the machine.

"""
ALPHAS = (0.1, 1.0, 10.0)
STARTS = 8


def table(load, scaled=True):
    X, y = load(return_X_y=True)
    return (StandardScaler().fit_transform(X) if scaled else X), y


def compare(ours, theirs, budget):
    """Median times of both in milliseconds, and the median ratio."""
    times = interleaved({"ours": ours, "theirs": theirs}, threads=1, budget=budget)
    own, other = np.array(times["ours"]), np.array(times["theirs"])
    return 1e3 * np.median(own), 1e3 * np.median(other), float(np.median(own / other))


def fitting(model, X, y):
    """A call that fits from several random states."""
    models = [clone(model).set_params(random_state=seed) for seed in range(STARTS)]
    return lambda: [each.fit(X, y) for each in models]


def mlp(kind, **params):
    return kind(hidden_layer_sizes=(10,), solver="lbfgs", **params)


def fits(budget):
    """One fit at a given penalty, the mean over some random states."""
    yield (
        "| table | net | alpha | ours | as it is (relu) | ratio | tanh | ratio | tanh, standardised columns | ratio |"
    )
    yield "|-|-|-:|-:|-:|-:|-:|-:|-:|-:|"
    tables = {
        "iris, 150 x 4": (load_iris, "4-10-3", NewtonMLPClassifier, MLPClassifier),
        "wine, 178 x 13": (load_wine, "13-10-3", NewtonMLPClassifier, MLPClassifier),
        "diabetes, 442 x 10": (load_diabetes, "10-10-1", NewtonMLPRegressor, MLPRegressor),
    }
    for name, (load, net, own, other) in tables.items():
        X, y = table(load, scaled=False)
        for alpha in ALPHAS:
            cells = []
            for params, columns in (
                ({}, X),
                ({"activation": "tanh"}, X),
                ({"activation": "tanh"}, table(load)[0]),
            ):
                ours, theirs, ratio = compare(
                    fitting(own((10,), alpha=alpha), X, y),
                    fitting(mlp(other, alpha=alpha, **params), columns, y),
                    budget,
                )
                cells += [f"{theirs / STARTS:.1f}", f"{ratio:.2f}"]
            yield f"| {name} | {net} | {alpha:g} | {ours / STARTS:.1f} | {' | '.join(cells)} |"


def predictions(budget):
    """One row, and all of them."""
    yield "| prediction | ours | scikit-learn | ratio |"
    yield "|-|-:|-:|-:|"
    for load, own, other in (
        (load_iris, NewtonMLPClassifier, MLPClassifier),
        (load_diabetes, NewtonMLPRegressor, MLPRegressor),
    ):
        X, y = table(load)
        models = own((10,), alpha=1.0, random_state=0), mlp(other, alpha=1.0, random_state=0)
        models = [model.fit(X, y) for model in models]
        for n in (1, len(X)):
            ours, theirs, ratio = compare(
                *(partial(model.predict, X[:n]) for model in models), budget
            )
            yield f"| {own.__name__}, {n} rows | {ours:.3f} | {theirs:.3f} | {ratio:.2f} |"


def searches(budget):
    """What is done most: a cross-validation, and a search over four penalties; columns as they are."""
    yield "| many fits | fits | ours | scikit-learn (tanh) | ratio |"
    yield "|-|-:|-:|-:|-:|"
    grid = {"alpha": [0.1, 1.0, 10.0, 100.0]}
    for name, load, own, other in (
        ("iris", load_iris, NewtonMLPClassifier, MLPClassifier),
        ("diabetes", load_diabetes, NewtonMLPRegressor, MLPRegressor),
    ):
        X, y = table(load, scaled=False)
        models = [
            own((10,), alpha=1.0, random_state=0),
            mlp(other, activation="tanh", alpha=1.0, random_state=0),
        ]
        pairs = {
            ("cross_val_score, cv=5", 5): [
                partial(cross_val_score, model, X, y, cv=5) for model in models
            ],
            ("GridSearchCV, 4 alphas, cv=3", 13): [
                partial(GridSearchCV(model, grid, cv=3).fit, X, y) for model in models
            ],
        }
        for (task, n), pair in pairs.items():
            ours, theirs, ratio = compare(*pair, budget)
            yield f"| {task}: {name} | {n} | {ours:.0f} | {theirs:.0f} | {ratio:.2f} |"


def svr_search():
    grid = {"svr__C": [1.0, 10.0, 100.0, 1000.0], "svr__gamma": [0.01, 0.1]}
    return GridSearchCV(make_pipeline(StandardScaler(), SVR()), grid, cv=3)


def tuned(budget):
    """A net that chooses its penalty beside a search over support vector machines."""
    yield '| tuned: `alpha="auto"`, 10 units, beside `GridSearchCV` of `SVR`, 4 x 2 values, cv=3 | ours | SVR | ratio | R2 ours | R2 SVR |'
    yield "|-|-:|-:|-:|-:|-:|"
    tables = {
        "diabetes": load_diabetes(return_X_y=True),
        "Friedman #1": make_friedman1(n_samples=300, noise=1.0, random_state=0),
    }
    for name, (X, y) in tables.items():
        net, search = NewtonMLPRegressor((10,), random_state=0), svr_search()
        ours, theirs, ratio = compare(partial(net.fit, X, y), partial(search.fit, X, y), budget)
        scores = []
        for repeat in range(4):
            for train, test in KFold(5, shuffle=True, random_state=repeat).split(X):
                scores.append(
                    [m.fit(X[train], y[train]).score(X[test], y[test]) for m in (net, search)]
                )
        own, other = np.mean(scores, axis=0)
        yield f"| {name}, {len(X)} rows | {ours:.0f} | {theirs:.0f} | {ratio:.2f} | {own:.3f} | {other:.3f} |"


def waited(statement, before="pass"):
    """CPU seconds that a new interpreter takes for a statement, after another one."""
    code = f"import time; {before}; start = time.process_time(); {statement}; print(time.process_time() - start)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(run.stdout)


def imports(budget):
    """The shortest of several interpreters, in turns."""
    rival = "import sklearn.neural_network"
    statements = {
        rival: (rival,),
        "from sknewtonnet import NewtonMLPClassifier": (
            "from sknewtonnet import NewtonMLPClassifier",
            rival,
        ),
        "from sknewtonnet import *": ("from sknewtonnet import *", rival),
        "import sknewtonnet": ("import sknewtonnet", rival),
    }
    for code in statements.values():
        waited(*code)  # writes bytecode
    times, end = {name: [] for name in statements}, time.monotonic() + 10.0 * budget
    while time.monotonic() < end or not all(times.values()):
        for name, code in statements.items():
            times[name].append(waited(*code))
    yield "| import, ours after that of scikit-learn | CPU seconds |"
    yield "|-|-:|"
    for name, found in times.items():
        yield f"| `{name}` | {min(found):.3f} |"


class Calls:
    """The number of calls of Python and C functions inside the context."""

    def __enter__(self):
        self.count = -1  # of setprofile itself
        sys.setprofile(self._note)
        return self

    def _note(self, frame, event, argument):
        self.count += event in ("call", "c_call")

    def __exit__(self, *reason):
        sys.setprofile(None)


def calls(budget):
    """Calls of the interpreter, which do not depend on the machine."""
    yield "| calls of the interpreter | |"
    yield "|-|-:|"
    X, y = table(load_iris)
    network = Network.mlp(4, (10,), 3)
    f = Objective(network, "log_loss", X, np.eye(3)[y], alpha=1.0)
    points = np.random.default_rng(0).normal(size=(2, network.n_parameters))
    for w in points:
        found = {}
        for what in ("value", "gradient", "hessian"):
            with Calls() as counted:
                getattr(f, what)(w)
            found[what] = counted.count
    yield f"| value of an objective, 4-10-3 | {found['value']} |"
    yield f"| its gradient, after the value | {found['gradient']} |"
    yield f"| its Hessian, after the gradient | {found['hessian']} |"
    for name, model, data in (
        ("NewtonMLPClassifier, iris", NewtonMLPClassifier((10,), alpha=1.0), load_iris),
        ("NewtonMLPRegressor, diabetes", NewtonMLPRegressor((10,), alpha=1.0), load_diabetes),
        ('NewtonMLPRegressor, diabetes, alpha="auto"', NewtonMLPRegressor((10,)), load_diabetes),
    ):
        X, y = table(data)
        model.set_params(random_state=0).fit(X, y)
        with Calls() as counted:
            model.fit(X, y)
        n_iter = model.n_iter_
        yield f"| fit of {name} ({n_iter} iterations) | {counted.count} |"
        with Calls() as counted:
            model.predict(X[:1])
        yield f"| its prediction of one row | {counted.count} |"


SECTIONS = {
    "one fit": fits,
    "predictions": predictions,
    "many fits": searches,
    "tuned": tuned,
    "imports": imports,
    "calls": calls,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--budget", type=float, default=2.0, help="seconds for each row")
    parser.add_argument("--write", type=Path)
    args = parser.parse_args()
    lines = []
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in args.only:
            for line in SECTIONS[name](args.budget):
                print(line, flush=True)
                lines.append(line)
            lines.append("")
    if args.write is not None:
        args.write.write_text(HEAD + "\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
