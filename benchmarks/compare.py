"""Two checkouts of the package against each other: derivatives, in time, memory and bits.

    python benchmarks/compare.py ../before . --write table.md
    python benchmarks/compare.py ../before . --nets "radial full" --budget 20

Worker processes of both checkouts, with one BLAS thread, compute the same quantities on the same
data. They run in turns, many short blocks each, so that a drift of the machine hits both; there are
three pairs of them, since where a process has its arrays in memory is worth some percent. Each
gradient and Hessian is taken at another point than the one before; the product with a vector
stays at one point, whose passes are kept, and so do 20 products at a time. The times are CPU
seconds; a ratio is that of the second checkout over the first, of the medians and of the minima
over the blocks. Memory is the largest that Python and numpy hold during a first call (tracemalloc),
beside the samples and, but for the gradient, beside the kept point.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
import tracemalloc
from itertools import chain
from pathlib import Path
from statistics import median

# n_samples, and how the net is made.
NETS = {
    "linear 20-30-1": (5000, ("mlp", 20, (30,), 1)),
    "linear 20-30-20-1": (5000, ("mlp", 20, (30, 20), 1)),
    "linear 4-17-3": (150, ("mlp", 4, (17,), 3)),
    "linear 64-32-10": (2000, ("mlp", 64, (32,), 10)),
    "linear 10-20-10-2, all skips": (3000, ("mlp", 10, (20, 10), 2, "tanh", "all")),
    "radial spherical 10-20-1": (4000, ("rbf", 10, 20, 1, "spherical")),
    "radial diag 10-20-1": (4000, ("rbf", 10, 20, 1, "diag")),
    "radial full 10-20-1": (4000, ("rbf", 10, 20, 1, "full")),
    "radial full 4-8-1": (500, ("rbf", 4, 8, 1, "full")),
    "radial full 10-20-8-1": (2000, ("rbf", 10, 20, 1, "full", (8,))),
    "radial diag inside, 6-8-8-1": (1000, ("inside", 6, 8, "diag")),
}
HESSIANS = ("exact", "gauss-newton", "block", "lagrangian")
QUANTITIES = ("gradient", "product", "20 products", *HESSIANS)


# ---- what runs in the workers ----
def network(kind, *sizes):
    """The net of a line of NETS."""
    from sknewtonnet.calculus import GaussianRBF, Linear, Network

    if kind != "inside":
        return getattr(Network, kind)(*sizes)
    n_features, width, form = sizes
    layers = [Linear((0,), width, "tanh"), GaussianRBF((1,), width, form), Linear((2,), 1)]
    return Network.from_layers(n_features, layers)


def quantities(name):
    """Functions of no argument, by their names, that return an array each."""
    import numpy as np

    from sknewtonnet.calculus import Objective

    n_samples, made = NETS[name]
    net, rng = network(*made), np.random.default_rng(0)
    X = rng.standard_normal((n_samples, net.n_features))
    Y = rng.standard_normal((n_samples, net.n_outputs))
    objective = Objective(net, "squared_error", X, Y, rng.uniform(0.5, 1.5, n_samples), 0.1)
    points = [0.4 * rng.standard_normal(net.n_parameters) for _ in range(2)]
    directions, turn = rng.standard_normal((net.n_parameters, 20)), [0]

    def at_another_point(function):
        def call():
            turn[0] = 1 - turn[0]
            return function(points[turn[0]])

        return call

    def gradient(w):
        return np.append(*reversed(objective.value_and_gradient(w)))

    calls = {
        "gradient": at_another_point(gradient),
        "product": lambda: objective.hessian_product(points[0], directions[:, 0]),
        "20 products": lambda: objective.hessian_product(points[0], directions),
    }
    for kind in HESSIANS:
        calls[kind] = at_another_point(lambda w, kind=kind: objective.hessian(w, kind))
    return calls


def peak(name, quantity):
    """Peak MB of a first call, above what a gradient has left behind but for the gradient."""
    call = quantities(name)
    if quantity != "gradient":
        call["gradient"]()
    tracemalloc.start()
    call[quantity]()
    _, highest = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return highest / 2**20


def answers(checkout):
    """Answer the questions of the standard input, one line each, until it ends."""
    import sknewtonnet

    assert Path(sknewtonnet.__file__).is_relative_to(checkout), "another package is imported"
    name, calls = None, {}
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["net"] != name:
            name, calls = asked["net"], quantities(asked["net"])
        call = calls[asked["quantity"]]
        if asked["what"] == "peak":
            answer = peak(name, asked["quantity"])
        elif asked["what"] == "bits":
            numbers = [call().tobytes() for _ in range(2)]
            answer = hashlib.sha256(b"".join(sorted(numbers))).hexdigest()
        else:
            begin = time.process_time()
            for _ in range(asked["repeats"]):
                call()
            answer = (time.process_time() - begin) / asked["repeats"]
        print(json.dumps(answer), flush=True)


# ---- the driver ----
class Worker:
    """A process that answers questions with the package of one checkout."""

    def __init__(self, checkout):
        checkout = Path(checkout).resolve()
        threads = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]
        environment = os.environ | dict.fromkeys(threads, "1") | {"PYTHONPATH": str(checkout)}
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--answer", str(checkout)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def ask(self, **question):
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a worker has ended; its message is above")
        return json.loads(line)

    def close(self):
        self._process.stdin.close()
        self._process.wait()


def compared(pairs, net, quantity, budget):
    """Times and peaks before and after, and whether the numbers have the same bits."""

    def ask(pair, what, **more):
        return [worker.ask(net=net, quantity=quantity, what=what, **more) for worker in pair]

    bits, peaks = ask(pairs[0], "bits"), ask(pairs[0], "peak")
    slowest = max(max(ask(pair, "time", repeats=1)) for pair in pairs)
    repeats = max(1, round(0.03 / max(slowest, 1e-6)))
    rounds, start = [], time.perf_counter()
    while len(rounds) < 6 or (len(rounds) < 120 and time.perf_counter() - start < budget):
        for pair in pairs:
            rounds.append(ask(pair, "time", repeats=repeats))
            rounds.append(ask(pair[::-1], "time", repeats=repeats)[::-1])  # the other one first
    before, after = zip(*rounds, strict=True)
    return {
        "medians": (median(before), median(after)),
        "minima": (min(before), min(after)),
        "peaks": tuple(peaks),
        "same": bits[0] == bits[1],
    }


def report(found, quantities):
    """Three tables, a row per net and a column per quantity, and a line on the bits."""
    units = {"medians": (1e3, "ms"), "minima": (1e3, "ms"), "peaks": (1.0, "MB")}
    titles = {
        "medians": "Time, ratio of medians",
        "minima": "Time, ratio of minima",
        "peaks": "Peak memory, ratio",
    }
    lines = []
    for key, title in titles.items():
        factor, unit = units[key]
        lines += [f"{title} (after, {unit})", "", f"| net | {' | '.join(quantities)} |"]
        lines.append("|---" * (1 + len(quantities)) + "|")
        for net, row in found.items():
            pairs = [row[quantity][key] for quantity in quantities]
            cells = [f"{after / before:.2f} ({factor * after:.3g})" for before, after in pairs]
            lines.append(f"| {net} | {' | '.join(cells)} |")
        lines.append("")
    other = [
        f"{q} of {net}" for net, row in found.items() for q in quantities if not row[q]["same"]
    ]
    lines.append(f"Other bits: {', '.join(other) or 'none'}.")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkouts", nargs="*", help="the one before, the one after")
    parser.add_argument("--nets", nargs="*", default=[""], help="beginnings of names of nets")
    parser.add_argument("--quantities", nargs="*", default=QUANTITIES, choices=QUANTITIES)
    parser.add_argument("--budget", type=float, default=6.0, help="seconds for each row")
    parser.add_argument("--write", type=Path, help="a file for the table")
    parser.add_argument("--answer", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.answer:
        answers(options.answer)
        return
    if len(options.checkouts) != 2:
        parser.error("two checkouts are compared")
    pairs = [[Worker(checkout) for checkout in options.checkouts] for _ in range(3)]
    found = {}
    for net in NETS:
        if net.startswith(tuple(options.nets)):
            print(net, "...", file=sys.stderr, flush=True)
            found[net] = {
                quantity: compared(pairs, net, quantity, options.budget)
                for quantity in options.quantities
            }
    for worker in chain(*pairs):
        worker.close()
    text = report(found, options.quantities)
    print(text)
    if options.write:
        options.write.write_text(text + "\n")


if __name__ == "__main__":
    main()
