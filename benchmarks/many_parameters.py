"""Time and memory of nets with ten thousand to a million parameters.

python benchmarks/many_parameters.py --write doc/many_parameters.md
python benchmarks/many_parameters.py --only 1e4 8e4
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.calculus import Network, Objective, critical_point
from sknewtonnet.inspection import weight_importance

TEXT = """# Many parameters

What a gradient, a product with the Hessian, a fit, its verdict and the importances of its weights take for nets of one hidden layer of tanh units with 1e4 to 1e6 parameters:
squared errors, `alpha=1`, rows of a smooth function with noise. Written by `benchmarks/many_parameters.py`; nothing of size P^2 is formed.

Times are CPU seconds on one thread, each row in a process of its own. "product" is of one direction at a kept point. "fit" is `NewtonMLPRegressor(max_iter=20)`, all that it
reports included, with the products of its solver and the verdict; at its end the gradient says that it is cut short, so that the verdict takes two more. "at 0" is the verdict where all
parameters are 0, a saddle point, which a negative Ritz value shows. A verdict takes at most 500 products; "s a product" is what one of its first 90 takes at random parameters, with
Lanczos's own work, if all the gradient were 0, and what these show. "obd" is
`weight_importance(..., method="obd")`, which importances of so many parameters are: with the others adapting ("obs") a dense Hessian would be needed, which is refused above 3000.
It takes the block of each unit with itself, P times the inputs of a unit in all: 8 GB in the last row, where it is left out.
"extra" is the peak of resident memory (ru_maxrss) above that before the row's table was made, in MB; "P^2" is what a dense matrix would take.
"""

# Rows, inputs, hidden units.
SHAPES = {
    "1e4": (1000, 98, 100),
    "8e4": (1000, 198, 400),
    "1e5": (1000, 198, 500),
    "1e6": (500, 998, 1000),
}
ALPHA, N_ITER = 1.0, 20

# Importances take the blocks of units, which are left alone above so many MB.
LARGEST = 1000.0


def peak():
    """Peak of resident memory of this process, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def timed(call):
    """CPU seconds of a call, and what it returns."""
    start = time.process_time()
    found = call()
    return time.process_time() - start, found


def verdict(objective, w, **options):
    """Time, products and word of a verdict, as if the point were stationary."""
    known = objective.value(w), np.zeros(len(w))
    seconds, point = timed(lambda: critical_point(objective, w, known=known, **options))
    return {"seconds": seconds, "products": point.n_products, "kind": point.kind}


def measured(shape):
    """What a row takes, in this process."""
    n, d, h = shape
    before = peak()
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    y = np.tanh(X @ rng.normal(size=(d, 5)) / np.sqrt(d)).sum(axis=1) + 0.3 * rng.normal(size=n)
    y = (y - y.mean()) / y.std()
    network = Network.mlp(d, (h,), 1)
    objective = Objective(network, "squared_error", X, y, alpha=ALPHA)
    w = rng.normal(size=network.n_parameters) / np.sqrt(d)
    v = rng.normal(size=network.n_parameters)
    objective.value_and_gradient(w + 1e-3)
    gradient, _ = timed(lambda: objective.value_and_gradient(w))
    objective.hessian_product(w, v)
    product, _ = timed(lambda: objective.hessian_product(w, v))
    blocks = 8.0 * h * (d + 1) ** 2 / 2**20
    obd = np.nan
    if blocks <= LARGEST:
        obd, _ = timed(lambda: weight_importance(objective, w, method="obd"))
    at_zero = verdict(objective, np.zeros(len(w)))
    ninety = verdict(objective, w, max_products=90)
    net = NewtonMLPRegressor((h,), alpha=ALPHA, max_iter=N_ITER, random_state=0)
    fit, net = timed(lambda: net.fit(X, y))
    return {
        "shape": f"{n} x {d}-{h}-1",
        "P": network.n_parameters,
        "gradient": gradient,
        "product": product,
        "fit": fit,
        "products": net.solver_result_.n_evaluations.get("hessian_product", 0),
        "end": net.critical_point_,
        "at_zero": at_zero,
        "ninety": ninety,
        "obd": obd,
        "extra": peak() - before,
    }


def line(found):
    """One row of the table."""
    cells = [found["shape"], f"{found['P']}"]
    cells += [f"{found[name]:.3g}" for name in ("gradient", "product")]
    cells += [f"{found['product'] / found['gradient']:.2f}"]
    cells.append(f"{found['fit']:.3g} s, {found['products']} products, {found['end']}")
    zero, ninety = found["at_zero"], found["ninety"]
    cells.append(f"{zero['seconds']:.3g} s, {zero['products']} products, {zero['kind']}")
    cells.append(f"{ninety['seconds'] / ninety['products']:.3g}, {ninety['kind']}")
    size = 8.0 * found["P"] ** 2 / 2**20
    cells += [f"{found['obd']:.3g}".replace("nan", "-"), f"{found['extra']:.0f}", f"{size:.3g}"]
    return "| " + " | ".join(cells) + " |"


HEADS = [
    "rows x net", "P", "gradient", "product", "ratio", f"fit of {N_ITER} iterations", "at 0",
    "s a product", "obd", "extra", "P^2",
]  # fmt: skip


def main():
    """Print the table, and write it where it is wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--child", choices=SHAPES, help=argparse.SUPPRESS)
    parser.add_argument("--prefix", default="", help="a command before each row")
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    if given.child is not None:
        warnings.simplefilter("ignore")
        print(json.dumps(measured(SHAPES[given.child])))
        return
    lines = [TEXT, "| " + " | ".join(HEADS) + " |", "|" + "---|" * len(HEADS)]
    print("\n".join(lines), flush=True)
    for name in given.only:
        call = [sys.executable, __file__, "--child", name]
        threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        child = subprocess.run(
            [*given.prefix.split(), *call],
            env={**os.environ, **threads},
            check=True,
            text=True,
            stdout=subprocess.PIPE,
        )
        lines.append(line(json.loads(child.stdout)))
        print(lines[-1], flush=True)
    if given.write is not None:
        given.write.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
