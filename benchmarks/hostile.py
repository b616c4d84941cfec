"""Hostile inputs: what the package makes of each, in a table.

    python benchmarks/hostile.py --write doc/hostile_inputs.md
    python benchmarks/hostile.py --short                    # every 20th case, in seconds
    python benchmarks/hostile.py --only "one entry 1e300"   # a regular expression

Each case runs in a process of a pool, with a limit of time and, where the system has one, of
memory; a process that crashes or hangs is replaced. ``hostile_judge.py`` judges without looking
at what a case is: good ends are a finite minimum, a finite result with an honest warning or
verdict, a clear error, the user's own exception. The exit status is 1 if any end is bad.
"""

import argparse
import multiprocessing
import os
import re
import sys
import threading
import time
from collections import Counter
from pathlib import Path

# Before numpy starts, and so before the imports that bring it.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

from hostile_judge import BAD, CRASH, GOOD, HANG, Outcome, judge, short  # noqa: E402

HEADER = """# Hostile inputs

What the package makes of {inputs} hostile inputs, some given to several estimators, in {runs} runs. Written by `benchmarks/hostile.py`, which
runs each in a process of its own with {seconds:g} seconds and {memory:g} GiB, and judges the ends by one rule for all:

- **{good[0]}**: predictions, parameters and loss are finite, the Hessian is finite without plainly negative curvature, and the gradient promises no fall.
- **{good[1]}**: finite, but a warning was given, or the verdict is another than "minimum". **{good[2]}**: finite, and not a fit.
- **{good[3]}**: a claim that the case itself checks, such as "the state is as before".
- **{good[4]}**: a `ValueError`, `TypeError`, `AttributeError`, `NotImplementedError` or `MemoryError` whose message names an argument or a value. **{good[5]}** passes as it is.

Some inputs are what nobody will write; all of them must end well.
"reg", "clf", "rbf", "rbc", "net" and "nec" are small `NewtonMLPRegressor`, `NewtonMLPClassifier`, `RBFNetRegressor`,
`RBFNetClassifier`, `NewtonNetRegressor` and `NewtonNetClassifier`, on 60 rows of 3 features unless said otherwise.

"""


def serve(connection, memory):
    """Run cases by their numbers, in a process of the pool."""
    limit_memory(memory)
    os.chdir(Path(__file__).parent)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    from hostile_inputs import ALL

    connection.send("ready")
    while (number := connection.recv()) is not None:
        connection.send(judge(ALL[number].run, in_threads="Threads" in ALL[number].topic))


def limit_memory(gibibytes):
    """Limit the address space of this process, where the system knows such limits."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (int(gibibytes * 2**30), hard))


class Worker:
    """A process of the pool, replaced when it crashes or hangs."""

    def __init__(self, seconds, memory):
        self.seconds, self.memory, self.process = seconds, memory, None

    def start(self):
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other, self.memory))
        self.process.start()
        other.close()
        self.connection.recv()

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.process = None

    def run(self, number):
        if self.process is None:
            self.start()
        self.connection.send(number)
        try:
            if self.connection.poll(self.seconds):
                return self.connection.recv()
            outcome = Outcome(HANG, f"no end within {self.seconds:g} s")
        except (EOFError, ConnectionError):
            self.process.join()
            outcome = Outcome(CRASH, f"the process ended with {self.process.exitcode}")
        self.stop()
        return outcome


def run_all(numbers, n_workers, seconds, memory, said):
    """Return the outcomes of cases, which several workers run."""
    left, outcomes = iter(numbers), {}
    lock = threading.Lock()

    def work():
        worker = Worker(seconds, memory)
        try:
            while True:
                with lock:
                    number = next(left, None)
                if number is None:
                    return
                started = time.monotonic()
                outcomes[number] = worker.run(number)
                said(number, outcomes[number], time.monotonic() - started)
        finally:
            worker.stop()

    threads = [threading.Thread(target=work) for _ in range(n_workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def cell(text):
    text = short(text, 120).replace("[None]", "(None,)")  # which would be a citation
    return text.replace("|", "\\|").replace("<", "&lt;").replace("`", "'")


def row(name, found):
    """Return one line of the table: equal outcomes of several estimators said once."""
    groups = {}
    for case, outcome in found:
        groups.setdefault(outcome.kind, []).append((case.to, outcome.words))
    parts = []
    for kind, ends in groups.items():
        to = "" if len(groups) == 1 else f"{', '.join(dict.fromkeys(t for t, _ in ends))}: "
        parts.append(f"{to}{kind} ({cell(ends[0][1])})")
    return f"| {cell(name)} | {'; '.join(parts)} |"


def report(cases, outcomes, seconds, memory):
    """Return the document: counts by class, then the table by topic."""
    by_input = {}
    for number, outcome in sorted(outcomes.items()):
        case = cases[number]
        by_input.setdefault((case.topic, case.name), []).append((case, outcome))
    counts = Counter(outcome.kind for outcome in outcomes.values())
    text = HEADER.format(
        inputs=len(by_input), runs=len(outcomes), seconds=seconds, memory=memory, good=GOOD
    )
    lines = [
        "| end | runs |",
        "|---|---|",
        *(f"| {kind} | {counts[kind]} |" for kind in GOOD + BAD),
    ]
    topic = None
    for (title, name), found in by_input.items():
        if title != topic:
            topic = title
            lines += ["", f"## {title}", "", "| input | what happened |", "|---|---|"]
        lines.append(row(name, found))
    return text + "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="every 20th case")
    parser.add_argument("--only", default="", help="cases whose topic or name matches")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--memory", type=float, default=6, help="GiB of each process")
    parser.add_argument("--write", help="file of the table")
    parser.add_argument("--log", help="file of one line for each run")
    options = parser.parse_args()

    from hostile_inputs import ALL

    numbers = [
        number
        for number, case in enumerate(ALL)
        if re.search(options.only, f"{case.topic}: {case.name}")
        and not (options.short and number % 20)
    ]

    def said(number, outcome, elapsed):
        case = ALL[number]
        line = f"{outcome.kind} | {case.topic} | {case.name} | {case.to} | {outcome.words} | {elapsed:.2f} s"
        print(line, file=log, flush=True)
        if outcome.bad:
            print(line, flush=True)

    started = time.monotonic()
    with open(options.log or os.devnull, "w", encoding="utf-8") as log:
        outcomes = run_all(numbers, options.jobs, options.seconds, options.memory, said)
    counts = Counter(outcome.kind for outcome in outcomes.values())
    print(f"{len(outcomes)} runs in {time.monotonic() - started:.0f} s:", dict(counts))
    if options.write:
        Path(options.write).write_text(
            report(ALL, outcomes, options.seconds, options.memory), encoding="utf-8"
        )
    sys.exit(any(outcome.bad for outcome in outcomes.values()))


if __name__ == "__main__":
    main()
