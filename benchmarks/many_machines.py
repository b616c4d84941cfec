"""Passes over blocks on one and two workers of dask, and where the network limits many machines.

    python benchmarks/many_machines.py --write doc/many_machines.md
    python benchmarks/many_machines.py --hidden 5 --again --seconds 2

Each worker is a process with one thread, and so are the scheduler and this one: nothing else
should run. Each kind of pass is repeated at a new point, and the median of the times is reported.
The calculation takes the rates of one worker from there, and the bandwidth from the options.
Times are kept in results/many_machines.json; without --again only what is missing is measured.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path

import numpy as np

N_FEATURES = 20
KINDS = ["value and gradient", "product", "Hessian"]
FAN = 8  # so many answers are added at a time

RESULTS = Path(__file__).parent / "results" / "many_machines.json"
ABOUT = (Path(__file__).parent / "many_machines_about.md").read_text(encoding="utf-8")


def net(n_hidden):
    from sknewtonnet.calculus import Network

    return Network.mlp(N_FEATURES, (n_hidden,), 1)


def chunk(number, n_rows):
    """Rows that a worker draws: the same, whoever does."""
    rng = np.random.default_rng(number)
    X = rng.normal(size=(n_rows, N_FEATURES))
    y = np.sin(2.0 * X[:, :1]) + X[:, 1:2] * X[:, 2:3] + 0.1 * rng.normal(size=(n_rows, 1))
    return np.hstack([X, y])


def table(n_rows, n_blocks):
    """A dask array whose chunks are drawn on the workers."""
    import dask
    import dask.array as da

    size, width = n_rows // n_blocks, N_FEATURES + 1
    parts = [dask.delayed(chunk)(number, size) for number in range(n_blocks)]
    return da.concatenate([da.from_delayed(part, (size, width), float) for part in parts])


def passes(f, w, v):
    """One pass of each kind over all blocks."""
    return {
        "value and gradient": lambda: f.value_and_gradient(w),
        "product": lambda: f.hessian_product(w, v),
        "Hessian": lambda: f.hessian(w),
    }


def seconds_of(make, budget):
    """Median seconds of each kind of pass, at a new point each time."""
    from sknewtonnet.calculus import BlockObjective

    f, rng, found = make(BlockObjective), np.random.default_rng(0), {}
    for kind in KINDS:
        times, end = [], time.perf_counter() + budget
        while len(times) < 3 or (time.perf_counter() < end and len(times) < 50):
            w, v = 0.3 * rng.normal(size=(2, f.n_parameters))
            start = time.perf_counter()
            passes(f, w, v)[kind]()
            times.append(time.perf_counter() - start)
        found[kind] = statistics.median(times[1:])
    return found


def on_workers(n_workers, n_rows, n_blocks, n_hidden, budget):
    """Seconds of passes on so many workers."""
    from distributed import Client

    from sknewtonnet.calculus import DaskBlocks

    settings = {"n_workers": n_workers, "threads_per_worker": 1, "host": "127.0.0.1"}
    with Client(dashboard_address=":0", **settings) as client:
        client.wait_for_workers(n_workers)
        rows = table(n_rows, n_blocks)
        blocks = DaskBlocks(rows[:, :-1], rows[:, -1:])
        return seconds_of(lambda f: f(net(n_hidden), "squared_error", blocks, 1.0), budget)


def here(n_rows, n_blocks, n_hidden, budget):
    """Seconds of passes over the same blocks in this process, without dask."""
    blocks = []
    for number in range(n_blocks):
        rows = chunk(number, n_rows // n_blocks)
        blocks.append((rows[:, :-1].copy(), rows[:, -1:].copy()))
    return seconds_of(lambda f: f(net(n_hidden), "squared_error", blocks, 1.0), budget)


def measured(n_hidden, options):
    """Seconds of each kind of pass, by where the blocks are, and what was measured."""
    sizes = options.rows, options.blocks, n_hidden, options.seconds
    return {
        "rows": options.rows,
        "blocks": options.blocks,
        "here": here(*sizes),
        "1": on_workers(1, *sizes),
        "2": on_workers(2, *sizes),
    }


def overhead(options):
    """Seconds of a pass over hardly any rows, and seconds of each further task."""
    few, many = 2, 66
    times = [on_workers(2, 20 * n, n, 2, options.seconds)[KINDS[0]] for n in (few, many)]
    return times[0], max(0.0, times[1] - times[0]) / ((many - few) * (1.0 + 1.0 / FAN))


def kept(name, measure, options):
    """What has been measured before, or is now."""
    results = options.results
    found = json.loads(results.read_text(encoding="utf-8")) if results.exists() else {}
    if options.again or name not in found:
        found[name] = measure()
        results.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return found[name]


def measured_table(found):
    """Markdown: seconds here, on one worker and on two, and their ratio."""
    lines = [
        "| net | rows | blocks | pass | no dask | 1 worker | 2 workers | 1 over 2 workers |",
        "|---|---:|---:|---|---:|---:|---:|---:|",
    ]
    for n_hidden, ways in found.items():
        name = f"{N_FEATURES}-{n_hidden}-1, P = {net(n_hidden).n_parameters}"
        for kind in KINDS:
            none, one, two = (ways[way][kind] for way in ("here", "1", "2"))
            lines.append(
                f"| {name} | {ways['rows']:,} | {ways['blocks']} | {kind} | {none:.3g} | {one:.3g} "
                f"| {two:.3g} | {one / two:.2f} |"
            )
    return "\n".join(lines)


def calculated(rate, P, n_rows, n_workers, result, first, task, options):
    """Seconds of a pass on many machines: work, network, scheduler.

    Blocks have a million rows at most, and each worker has one at least. Parameters go out from
    worker to worker, so that log2 of their number of transfers follow each other; results come
    back up a tree, at each height of which a worker gets those of seven others.
    """
    n_blocks = max(n_workers, n_rows / 1e6)
    bandwidth = options.gigabits * 1e9 / 8.0
    heights = np.ceil(np.log(n_blocks) / np.log(FAN))
    sent = 8.0 * P * np.ceil(np.log2(n_workers))
    added = heights * (FAN - 1) * 8.0 * result
    scheduler = first + task * n_blocks * (1.0 + 1.0 / FAN)
    return rate * n_rows / n_workers, (sent + added) / bandwidth, scheduler


def calculated_table(found, first, task, options):
    """Markdown: the parts of a pass for up to a thousand workers."""
    lines = [
        "| net | pass | rows | workers | GB each | work, s | network, s | scheduler, s | times one |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for n_hidden, ways in found.items():
        P = net(n_hidden).n_parameters
        for kind in ("value and gradient", "Hessian"):
            waiting = first + task * ways["blocks"] * (1.0 + 1.0 / FAN)
            rate = max(ways["1"][kind] - waiting, ways["here"][kind]) / ways["rows"]
            result = P + 1 if kind != "Hessian" else P**2 + P + 1
            for n_rows in (1e7, 1e9):
                for n_workers in (10, 100, 1000):
                    parts = calculated(rate, P, n_rows, n_workers, result, first, task, options)
                    each = 8.0 * n_rows * (N_FEATURES + 1) / n_workers / 1e9
                    lines.append(
                        f"| P = {P} | {kind} | {n_rows:.0e} | {n_workers} | {each:.2g} | "
                        + " | ".join(f"{part:.2g}" for part in parts)
                        + f" | {rate * n_rows / sum(parts):.0f} |"
                    )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--blocks", type=int, default=8)
    parser.add_argument("--hidden", type=int, nargs="+", default=[5, 20])
    parser.add_argument("--seconds", type=float, default=1.0, help="per kind of pass")
    parser.add_argument("--again", action="store_true", help="measure what is there already")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--gigabits", type=float, default=10.0, help="of the network, per second")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    found = {n: kept(str(n), lambda n=n: measured(n, options), options) for n in options.hidden}
    first, task = kept("overhead", lambda: overhead(options), options)
    text = ABOUT.format(
        measured=measured_table(found),
        calculated=calculated_table(found, first, task, options),
        first=1e3 * first,
        task=1e3 * task,
        gigabits=options.gigabits,
        n_features=N_FEATURES,
    )
    print(text, flush=True)
    if options.write is not None:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main()
