"""How time and memory of the derivatives grow with the number of rows: doc/scaling.md.

    python benchmarks/scaling.py --write doc/scaling.md
    python benchmarks/scaling.py --threads 2 --rows 1000 10000

Each net and number of rows runs in a process of its own. Times are the shortest of blocks, CPU
time on one thread and wall time on several. Memory is the highest resident memory during a call,
above that after a value, when the objective holds its rows and what it keeps of a point; so it is
what a call needs beside these and the result.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

HEAD = """# How cost grows with the rows

Times in milliseconds per call, {clock} with {threads} thread(s), of objectives of random rows, and the memory in MB that the call needs beside the rows, the
kept point and the result. The exponents are slopes of straight lines through the logarithms of times over those of rows: 1 for a cost that is
linear in the rows; the aim from 1e3 to 1e6 rows is 0.95 to 1.05, and memory that does not grow. Written by `benchmarks/scaling.py`.

"""
NETS = {
    "10-10-1": (10, (10,), 1),
    "20-30-1": (20, (30,), 1),
    "10-10-10-1": (10, (10, 10), 1),
}
ROWS = (1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
QUANTITIES = ("gradient", "product", "Hessian")


def resident(peak):
    """Memory of this process in MB, now or (``peak``) at most since :func:`forget_peak`."""
    key = "VmHWM:" if peak else "VmRSS:"
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    return float("nan")


def forget_peak():
    """Begin with the highest memory anew."""
    Path("/proc/self/clear_refs").write_text("5")


def work(net, n_samples, threads, budget):
    """Seconds and megabytes of each quantity."""
    import numpy as np

    from sknewtonnet.calculus import Network, Objective

    n_features, hidden, n_outputs = NETS[net]
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((n_samples, n_features)), rng.standard_normal(n_samples)
    network = Network.mlp(n_features, hidden, n_outputs)
    f = Objective(network, "squared_error", X, y)
    points = [0.3 * rng.standard_normal(f.n_parameters) for _ in range(2)]
    direction = rng.standard_normal(f.n_parameters)
    calls = {
        "gradient": lambda number: f.gradient(points[number % 2]),
        "product": lambda number: f.hessian_product(points[0], direction),
        "Hessian": lambda number: f.hessian(points[number % 2]),
    }
    f.hessian_product(points[0], direction)  # the kept point has all its arrays now
    clock = time.process_time if threads == 1 else time.perf_counter
    found = {"n_parameters": f.n_parameters}
    for name, call in calls.items():
        before = resident(peak=False)
        forget_peak()
        start = clock()
        call(1)  # what is kept is known at the other point
        best, number, end = clock() - start, 2, time.perf_counter() + budget
        megabytes = resident(peak=True) - before
        while number < 3 or time.perf_counter() < end:
            start = clock()
            repeats = 0
            while repeats == 0 or clock() - start < 0.01:
                call(number + repeats)
                repeats += 1
            best = min(best, (clock() - start) / repeats)
            number += repeats
        found[name] = (best, megabytes)
    return found


def run(net, n_samples, options):
    """The same in a process whose number of threads is set before numpy starts."""
    names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]
    environment = os.environ | dict.fromkeys(names, str(options.threads))
    command = [sys.executable, __file__, "--threads", str(options.threads)]
    command += ["--budget", str(options.budget), "--worker", net, str(n_samples)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def exponent(rows, times):
    """Slope of the logarithms of times over those of rows."""
    import numpy as np

    if len(rows) < 2:
        return float("nan")
    return float(np.polyfit(np.log(rows), np.log(times), 1)[0])


def report(options):
    """The page."""
    lines = []
    for net in options.nets:
        found = []
        for n_samples in options.rows:
            found.append(run(net, n_samples, options))
            print(net, n_samples, found[-1], file=sys.stderr, flush=True)
        lines += [f"## {net}, {found[0]['n_parameters']} parameters", ""]
        lines.append(f"| rows | {' | '.join(f'{name} ms | MB' for name in QUANTITIES)} |")
        lines.append("|---:" * (1 + 2 * len(QUANTITIES)) + "|")
        for n_samples, values in zip(options.rows, found, strict=True):
            cells = [f"{1e3 * values[name][0]:.3g} | {values[name][1]:.1f}" for name in QUANTITIES]
            lines.append(f"| {n_samples} | {' | '.join(cells)} |")
        exponents = []
        for name in QUANTITIES:
            slope = exponent(options.rows, [values[name][0] for values in found])
            exponents.append(f"**{slope:.2f}** |")
        lines += [f"| exponent | {' | '.join(exponents)} |", ""]
    clock = "CPU time" if options.threads == 1 else "wall time"
    return HEAD.format(clock=clock, threads=options.threads) + "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rows", nargs="*", type=int, default=list(ROWS))
    parser.add_argument("--nets", nargs="*", choices=list(NETS), default=list(NETS))
    parser.add_argument("--budget", type=float, default=0.5, help="seconds per quantity")
    parser.add_argument("--write", type=Path, help="file for the tables")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        net, n_samples = options.worker
        print(json.dumps(work(net, int(n_samples), options.threads, options.budget)))
        return
    text = report(options)
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
