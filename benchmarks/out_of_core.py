"""Memory and time of memory maps that are larger than what a fit may take.

python benchmarks/out_of_core.py --write doc/out_of_core.md
python benchmarks/out_of_core.py --rows 200000
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from sknewtonnet.calculus import ArrayBlocks, BlockObjective, Network, Objective
from sknewtonnet.solvers import get_solver

TEXT = """# More rows than memory

What a `BlockObjective` of a memory map takes, beside an `Objective` of the same rows in memory. Written by `benchmarks/out_of_core.py`: a table of
10 columns of float64 and its target on disk, a net 10-4-1 with squared errors and a penalty ({P} parameters), blocks of {block} MB. Each line is a process of its own.

"extra" is the peak of resident memory (VmHWM) above that after the imports; a map counts as far as its pages are there. Times are CPU seconds of the process on one thread
of its linear algebra: "gradient" and "hessian" of one at a new point, "fit" of the solver "auto" to a gradient of 1e-9, from the minimum of the first 20,000 rows. In
memory the passes at the last point are kept, so that a Hessian needs no new ones; over blocks each reads the rows again, and variable projection takes two passes for a value.
"Apart" is the largest difference of parameters from those in memory, relative to the largest parameter.
"""

SIZES = (10, 4, 1)
SCALE = 1e6

# What the target is made of: a tanh of each column.
UNITS = 0.5 * np.random.default_rng(5).normal(size=SIZES[:2])


def write(folder, n_rows, seed=0):
    """A table and its target on disk, some rows at a time."""
    X = np.lib.format.open_memmap(folder / "X.npy", "w+", float, (n_rows, SIZES[0]))
    y = np.lib.format.open_memmap(folder / "y.npy", "w+", float, (n_rows,))
    for number, start in enumerate(range(0, n_rows, 100_000)):
        rng = np.random.default_rng([seed, number])
        rows = rng.normal(size=(min(100_000, n_rows - start), SIZES[0]))
        X[start : start + len(rows)] = rows
        signal = np.tanh(rows @ UNITS).sum(axis=1)
        y[start : start + len(rows)] = signal + 0.3 * rng.normal(size=len(rows))
    X.flush()
    y.flush()


def peak():
    """Peak of resident memory of this process, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return 1024.0 * float(line.split()[1])
    raise RuntimeError("no VmHWM")


def worked(folder, where, task):
    """What a task takes, in this process."""
    before = peak()
    X, y = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("X", "y"))
    net = Network.mlp(SIZES[0], SIZES[1:-1], SIZES[-1])
    w = 0.3 * np.random.default_rng(1).normal(size=net.n_parameters)
    if task == "fit":
        few = Objective(net, "squared_error", X[:20_000], y[:20_000], alpha=1e-3 * 20_000)
        w = get_solver("auto", tol=1e-9, max_iter=2000).minimize(few, w).params
    if where == "blocks":
        f = BlockObjective(net, "squared_error", ArrayBlocks(X, y), alpha=1e-3 * len(X))
    else:
        f = Objective(net, "squared_error", X, y, alpha=1e-3 * len(X))
    times, found = [], w
    for repeat in range(1 if task == "fit" else 3):
        at = (1.0 + 0.01 * repeat) * w
        start = time.process_time()
        if task == "gradient":
            f.value_and_gradient(at)
        elif task == "hessian":
            f.hessian(at)
        else:
            found = get_solver("auto", tol=1e-9).minimize(f, at).params
        times.append(time.process_time() - start)
    shown = {"seconds": min(times), "extra": peak() - before, "params": found.tolist()}
    print(json.dumps(shown))


def measured(folder, where, task):
    """The same from a process of its own."""
    command = [sys.executable, __file__, "--folder", str(folder), "--work", where, task]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def table(n_rows, places, tasks):
    """Lines of a Markdown table for one number of rows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, n_rows)
        size = 8.0 * n_rows * (SIZES[0] + 1) / SCALE
        found = {
            (where, task): measured(folder, where, task) for where in places for task in tasks
        }
    for where in places:
        for task in tasks:
            line, memory = found[where, task], found.get(("memory", task))
            ratio = "" if memory is None else f"{line['seconds'] / memory['seconds']:.2f}"
            apart = ""
            if memory is not None and task == "fit":
                mine, whole = np.array(line["params"]), np.array(memory["params"])
                apart = f"{np.abs(mine - whole).max() / np.abs(whole).max():.0e}"
            cells = f"{n_rows:,}", f"{size:.0f}", where, task, f"{line['extra'] / SCALE:.0f}"
            yield "| " + " | ".join([*cells, f"{line['seconds']:.2f}", ratio, apart]) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[1_750_000, 17_500_000])
    parser.add_argument("--most-in-memory", type=int, default=2_000_000)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--work", nargs=2, metavar=("WHERE", "TASK"))
    options = parser.parse_args()
    if options.work:
        worked(options.folder, *options.work)
        return
    lines = [
        "| rows | MB on disk | rows in | task | extra MB | CPU s | over memory | apart |",
        "|-:|-:|-|-|-:|-:|-:|-:|",
    ]
    for n_rows in options.rows:
        places = ("memory", "blocks") if n_rows <= options.most_in_memory else ("blocks",)
        for line in table(n_rows, places, ("gradient", "hessian", "fit")):
            print(line, flush=True)
            lines.append(line)
    net = Network.mlp(SIZES[0], SIZES[1:-1], SIZES[-1])
    text = TEXT.format(P=net.n_parameters, block=32) + "\n" + "\n".join(lines) + "\n"
    if options.write:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
