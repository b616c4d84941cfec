"""Times of the package as it is, in one thread, and with a BLAS of all threads, in turns.

    python benchmarks/threads.py
    python benchmarks/threads.py --only fit --budget 2 --write doc/threads.md

Nothing that limits threads may be set in the environment, and nothing else should run: in several
threads work waits for the slowest. Each task is run in turns in the ways, in one process, and
the shortest times are reported. The first table is of single derivatives, the second of calls.
"""

import argparse
import os
import time
import warnings
from contextlib import ExitStack, nullcontext
from pathlib import Path
from unittest.mock import patch

import numpy as np
from derivatives import SHAPES, alternating, label, problem
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_limits

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor, RBFNetRegressor, _threads
from sknewtonnet.calculus import Objective
from sknewtonnet.calculus.passes import shared_samples

HEAD = """# Threads

Shortest wall times, in milliseconds, in turns in one process, with nothing set in the environment. `benchmarks/threads.py` measures them;
[training.md](training.md#threads) has the rule.

## Rows shared among threads

One thread against {n_threads}, with n P, the number of rows times that of parameters. At n P >= 1e7 two threads should be 1.6 times as fast as one for
gradients, products and Hessians, and never slower.

{derivatives}

## Whole calls

The package as it is, in one thread, and with a BLAS of all threads that the package neither limits nor shares rows in. The last column is the first over the
better of the two others; at most 1.1 is the aim.

{calls}
"""


def regression(n_samples, n_features):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, n_features))
    y = np.sin(2.0 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * rng.normal(size=n_samples)
    return X, y


def net(sizes, solver="auto", max_iter=30, **params):
    params = {"alpha": 1.0, "random_state": 0} | params
    return NewtonMLPRegressor(sizes, solver=solver, max_iter=max_iter, **params)


def fit(n_samples, sizes, n_features=10, **params):
    data = regression(n_samples, n_features)
    return lambda: net(sizes, **params).fit(*data)


def fitted(n_samples, sizes, n_features=10):
    X, y = regression(n_samples, n_features)
    return net(sizes, max_iter=10).fit(X, y), X, y


def prediction(n_rows, n_samples, sizes, n_features=10):
    est, X, _ = fitted(n_samples, sizes, n_features)
    return lambda: est.predict(X[:n_rows])


def inference(n_samples, sizes, n_features=10):
    est, X, y = fitted(n_samples, sizes, n_features)
    return lambda: est.inference(X, y).summary()


def derivatives(n_samples, sizes):
    est, X, _ = fitted(n_samples, sizes)
    return lambda: est.input_derivatives(X, order=2)


def diabetes(make):
    data = load_diabetes(return_X_y=True)
    return lambda: make().fit(*data)


def classes():
    X, y = regression(2000, 10)
    labels = np.digitize(y, [-0.5, 0.5])
    return lambda: NewtonMLPClassifier((10,), alpha=1.0, random_state=0, max_iter=20).fit(
        X, labels
    )


TASKS = {
    "fit: diabetes, 10-10-1": lambda: diabetes(lambda: net((10,), max_iter=1000)),
    "fit: diabetes, 10-10-10-1": lambda: diabetes(lambda: net((10, 10))),
    'fit: diabetes, alpha="auto"': lambda: diabetes(lambda: net((10,), alpha="auto")),
    "fit: diabetes, 4 starts": lambda: diabetes(lambda: net((10,), n_init=4)),
    "fit: diabetes, radial, 10 centres": lambda: diabetes(
        lambda: RBFNetRegressor(10, alpha=1.0, random_state=0, max_iter=30)
    ),
    "search: diabetes, four alphas": lambda: diabetes(
        lambda: GridSearchCV(net((10,)), {"alpha": [0.1, 1.0, 10.0, 100.0]})
    ),
    "fit: three classes, n = 2000": classes,
    "fit: n = 3000, P = 121": lambda: fit(3000, (10,)),
    "fit: n = 3000, P = 601": lambda: fit(3000, (50,)),
    "fit: n = 20000, P = 601": lambda: fit(20_000, (50,), max_iter=15),
    "fit: n = 100000, P = 121": lambda: fit(100_000, (10,), max_iter=10),
    "fit: n = 500, P = 11301": lambda: fit(500, (100, 100), max_iter=5),
    "fit: newton, n = 3000, P = 601": lambda: fit(3000, (50,), solver="newton"),
    "fit: trust-ncg, n = 3000, P = 601": lambda: fit(3000, (50,), solver="trust-ncg"),
    "fit: l-bfgs-b, n = 3000, P = 601": lambda: fit(3000, (50,), solver="l-bfgs-b"),
    "fit: lm, n = 442, P = 121": lambda: fit(442, (10,), solver="lm"),
    "fit: lm, n = 3000, P = 241": lambda: fit(3000, (20,), solver="lm", max_iter=10),
    "fit: lm, n = 3000, P = 601": lambda: fit(3000, (50,), solver="lm", max_iter=5),
    "fit: lm, n = 20000, P = 601": lambda: fit(20_000, (50,), solver="lm", max_iter=4),
    "fit: trust-exact, n = 442, P = 121": lambda: fit(442, (10,), solver="trust-exact"),
    "fit: trust-exact, n = 1000, P = 1201": lambda: fit(
        1000, (100,), solver="trust-exact", max_iter=2
    ),
    "predict: 1 row, P = 121": lambda: prediction(1, 442, (10,)),
    "predict: 442 rows, P = 121": lambda: prediction(442, 442, (10,)),
    "predict: 20000 rows, P = 601": lambda: prediction(20_000, 20_000, (50,)),
    "predict: 20000 rows, P = 13301": lambda: prediction(20_000, 20_000, (100, 100), 30),
    "input derivatives: n = 3000, P = 121": lambda: derivatives(3000, (10,)),
    "inference: n = 442, P = 121": lambda: inference(442, (10,)),
    "inference: n = 3000, P = 121": lambda: inference(3000, (10,)),
    "inference: n = 3000, P = 601": lambda: inference(3000, (50,)),
    "inference: n = 20000, P = 601": lambda: inference(20_000, (50,)),
    "inference: n = 1000, P = 1201": lambda: inference(1000, (100,)),
}

# Shapes beside those of derivatives.py, with n P about 1e7.
SHAPES |= {
    "n": (1000, (100, 90, 10), "multinomial_log_loss"),
    "o": (8000, (20, 30, 20, 1), "squared_error"),
    "p": (83_000, (10, 10, 1), "squared_error"),
}
DERIVATIVES = {
    "value": lambda f, points: alternating(f.value, points),
    "gradient": lambda f, points: alternating(f.gradient, points),
    "product": lambda f, points: lambda: f.hessian_product(points[0], points[1]),
    "Hessian": lambda f, points: alternating(f.hessian, points),
    "block": lambda f, points: alternating(lambda w: f.hessian(w, "block"), points),
    "scores": lambda f, points: alternating(f.scores, points),
    "predictions": lambda f, points: lambda: f.network.predict_raw(points[0], f.samples),
}


def with_all_threads():
    """The package with its own limits taken away, and no rows shared."""
    stack = ExitStack()
    stack.enter_context(patch.object(_threads, "_pools", lambda api: []))
    stack.enter_context(patch.object(shared_samples, "sample_threads", lambda: 1))
    return stack


# How the package is run: as it is, in one thread, with its own limits taken away.
WAYS = {
    "as it is": nullcontext,
    "one": lambda: threadpool_limits(1),
    "all": with_all_threads,
}
ONE_OR_ALL = {"one": WAYS["one"], "as it is": WAYS["as it is"]}


def measured(task, budget, ways=WAYS):
    """Shortest milliseconds in each way, in turns for so many seconds, three times at least."""
    best = dict.fromkeys(ways, np.inf)
    end = time.perf_counter() + budget
    for turn in range(1000):
        for name, way in ways.items():
            time.sleep(0.3)  # idle threads of OpenBLAS spin for a tenth of a second
            with way():
                until = time.perf_counter() + 0.02
                while True:
                    start = time.perf_counter()
                    task()
                    now = time.perf_counter()
                    best[name] = min(best[name], 1e3 * (now - start))
                    if now > until:
                        break
        if turn >= 2 and time.perf_counter() > end:
            break
    return best


def derivatives_table(only, budget):
    """Lines of the first table."""
    columns = ["shape", "n P", *DERIVATIVES]
    rows = [f"| {' | '.join(columns)} |", "|---" + "|---:" * (len(columns) - 1) + "|"]
    for shape, (n_samples, *_) in SHAPES.items():
        if only in label(shape):
            network, loss, X, Y, points = problem(shape)
            f = Objective(network, loss, X, Y)
            cells = [label(shape), f"{n_samples * network.n_parameters:.1e}"]
            for name, make in DERIVATIVES.items():
                large = n_samples * network.n_parameters > 1e9
                if large and name in ("Hessian", "block", "scores"):
                    cells.append("-")
                    continue
                f.value(0.0 * points[0])  # nothing is known at the points yet
                best = measured(make(f, points), budget, ONE_OR_ALL)
                one, several = best["one"], best["as it is"]
                cells.append(f"{one:.3g} / {several:.3g} = {one / several:.2f}")
            rows.append(f"| {' | '.join(cells)} |")
            print(rows[-1], flush=True)
    return rows


def calls_table(only, budget):
    """Lines of the second table."""
    rows = [f"| {' | '.join(['task', *WAYS, 'ratio'])} |", "|---" + "|---:" * 4 + "|"]
    for name, prepare in TASKS.items():
        if only in name:
            best = measured(prepare(), budget)
            ratio = best["as it is"] / min(best["one"], best["all"])
            times = " | ".join(f"{best[way]:.3g}" for way in WAYS)
            rows.append(f"| {name} | {times} | {ratio:.2f} |")
            print(rows[-1], flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="shapes and tasks whose names contain this")
    parser.add_argument("--budget", type=float, default=2.0, help="seconds per task")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    limited = [name for name in os.environ if name.endswith("_NUM_THREADS")]
    if limited:
        print(f"{limited} limit the threads, so that there is nothing to compare")
    warnings.simplefilter("ignore")
    text = HEAD.format(
        n_threads=_threads.sample_threads(),
        derivatives="\n".join(derivatives_table(options.only, 0.3 * options.budget)),
        calls="\n".join(calls_table(options.only, options.budget)),
    )
    if options.write is not None:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
