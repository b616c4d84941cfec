"""Cross-validated accuracy of the defaults on real tables; writes doc/accuracy.md.

    python benchmarks/accuracy.py --jobs 2
    python benchmarks/accuracy.py --only ours --again
    python benchmarks/accuracy.py --only "net, raw" --tables development --again

Rivals and our nets, on the tables of ``accuracy_tables.py``. Each pair of a table and a method is
kept in a file of ``benchmarks/results`` as soon as it is known, rivals apart from ours: what is there
is not measured again, unless ``--again`` says so, so that after a change of the package only
``--only ours --again`` is needed. ``--keep-as LABEL`` sets today's results of ours aside under another
name, to be reported beside those of a later version. ``--tables`` and ``--only`` choose what
is run, and the report shows all that is known. Times are CPU seconds on one thread.

Set OPENBLAS_NUM_THREADS=1 and OMP_NUM_THREADS=1.
"""

import argparse
import json
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from accuracy_methods import METHODS, SEEDS_UP_TO, some_rows
from accuracy_report import report
from accuracy_tables import TABLES, folds
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

RESULTS = Path(__file__).parent / "results"
HALVES = ("development", "held-out")


# ---- one fold ----
def squared_errors(y, prediction):
    """Return the sum over rows of the squared errors."""
    return float(np.sum((y - np.ravel(prediction)) ** 2))


def log_loss_sum(y, probabilities, classes):
    """Return the sum over rows of the log loss; probabilities as they come, off 0 by an epsilon."""
    own = probabilities[np.arange(len(y)), np.searchsorted(classes, y)]
    return float(-np.sum(np.log(np.maximum(own, np.finfo(float).eps))))


def baseline(fold, task):
    """Return the error of the training part's mean, or class frequencies."""
    if task == "regression":
        return squared_errors(fold.y_test, np.full(len(fold.y_test), fold.y_train.mean()))
    classes, counts = np.unique(fold.y_train, return_counts=True)
    frequencies = np.tile(counts / counts.sum(), (len(fold.y_test), 1))
    return log_loss_sum(fold.y_test, frequencies, classes)


def run_fold(fold, table, method, seed):
    """Fit and test.

    Returns
    -------
    dict
        "error", CPU "seconds", what was "chosen", and whether the fit "warned", "failed" or is
        "constant": whether its predictions do not depend on the inputs.
    """
    X = fold.train[method.inputs]
    rows = some_rows(fold.y_train, method.rows, table.task)
    estimator = method.make(table.task, X.shape[1], seed)
    begin = time.process_time()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            estimator.fit(X[rows], fold.y_train[rows])
            seconds = time.process_time() - begin
            if table.task == "regression":
                predicted = estimator.predict(fold.test[method.inputs])
                error = squared_errors(fold.y_test, predicted)
            else:
                predicted = estimator.predict_proba(fold.test[method.inputs])
                error = log_loss_sum(fold.y_test, predicted, estimator.classes_)
            if not np.isfinite(error):
                raise ValueError("predictions are not finite")
        except (ValueError, ArithmeticError) as problem:
            error, seconds = baseline(fold, table.task), time.process_time() - begin
            return {"error": error, "seconds": seconds, "failed": str(problem)[:80]}
    chosen = getattr(estimator, "best_params_", None) or {
        "alpha": getattr(estimator, "alpha_", "")
    }
    spread = np.ptp(np.reshape(predicted, (len(fold.y_test), -1)), axis=0).max()
    return {
        "error": error,
        "seconds": seconds,
        "warned": any(issubclass(w.category, UserWarning) for w in caught),
        "constant": bool(spread <= 1e-6 * np.abs(predicted).max()),
        "chosen": ", ".join(
            f"{k.split('__')[-1]} {v:.3g}" if isinstance(v, float) else f"{k.split('__')[-1]} {v}"
            for k, v in chosen.items()
            if v != ""
        ),
    }


def run(table_name, method_name):
    """All folds and seeds of one method on one table, as it is kept."""
    table, method = TABLES[table_name], METHODS[method_name]
    made = folds(table_name)
    n_samples = len(made[0].y_train) + len(made[0].y_test)
    seeds = range(method.seeds if n_samples <= SEEDS_UP_TO else 1)
    with threadpool_limits(1):
        runs = [[run_fold(fold, table, method, seed) for fold in made] for seed in seeds]
    flat = [fold for seed in runs for fold in seed]
    record = {
        "errors": [[float(f"{fold['error']:.6g}") for fold in seed] for seed in runs],
        "seconds": float(f"{np.median([fold['seconds'] for fold in flat]):.3g}"),
    }
    for key in ("warned", "constant"):
        if number := sum(fold.get(key, False) for fold in flat):
            record[key] = round(number / len(flat), 2)
    for key in ("failed", "chosen"):
        if met := Counter(fold[key] for fold in flat if fold.get(key)):
            record[key] = dict(met)
    about = {
        "rows": n_samples,
        "columns": made[0].train["raw"].shape[1],
        "classes": len(np.unique(made[0].y_train)) if table.task == "classification" else 0,
        "test_rows": sum(len(fold.y_test) for fold in made),
        "baseline": [float(f"{baseline(fold, table.task):.6g}") for fold in made],
    }
    return table_name, method_name, about, record


# ---- what is kept ----
class Store:
    """Results by table and method, in two files: rivals', which seldom change, and ours."""

    def __init__(self, folder):
        self.folder = folder
        self.kept = {part: self._load(part) for part in ("tables", "rivals", "ours", "kept")}

    def _load(self, part):
        path = self._path(part)
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def _path(self, part):
        return self.folder / f"accuracy_{part}.json"

    def _save(self, part):
        lines = []
        for name, entry in sorted(self.kept[part].items()):
            inner = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in entry.items())
            lines.append(f"{json.dumps(name)}: {{\n{inner}\n}}")
        self.folder.mkdir(exist_ok=True)
        text = "{\n" + ",\n".join(lines) + "\n}\n"
        self._path(part).write_text(text, encoding="utf-8")

    def add(self, table, method, about, record):
        """Keep a result; results on other data (another version of a package) are refused."""
        self.kept["tables"] |= self._load("tables")  # another run may have added some
        known = self.kept["tables"].setdefault(table, about)
        if not np.allclose(known["baseline"], about["baseline"], rtol=1e-4):
            raise ValueError(
                f"{table} is not the table that the kept results are of: delete it there."
            )
        self._save("tables")
        part = "ours" if METHODS[method].ours else "rivals"
        self.kept[part].setdefault(table, {})[method] = record
        self._save(part)

    def has(self, table, method):
        part = "ours" if METHODS[method].ours else "rivals"
        return method in self.kept[part].get(table, {})

    def keep_as(self, label):
        """Set ours aside under a label."""
        for table, methods in self.kept["ours"].items():
            entry = self.kept["kept"].setdefault(table, {})
            entry.update({f"{name} [{label}]": record for name, record in methods.items()})
        self._save("kept")

    def results(self):
        """Return all results: {table: {method: record}}."""
        parts = ("ours", "kept", "rivals")
        return {
            table: {k: v for part in parts for k, v in self.kept[part].get(table, {}).items()}
            for table in self.kept["tables"]
        }


# ---- the command ----
def chosen_methods(only):
    groups = {"ours": True, "rivals": False}
    return [n for n, m in METHODS.items() if any(n == o or groups.get(o) == m.ours for o in only)]


def chosen_tables(names):
    """Tables by name, half or task, the quick ones first."""
    return [
        name
        for name, table in TABLES.items()
        if any(choice in (name, table.half, table.task) for choice in names)
    ]


def main():
    """Run what is missing and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only",
        nargs="+",
        default=["ours", "rivals"],
        metavar="METHOD",
        help="ours, rivals, or names of methods",
    )
    parser.add_argument(
        "--tables",
        nargs="+",
        default=list(HALVES),
        metavar="TABLE",
        help="development, held-out, regression, classification, or names",
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--again", action="store_true", help="run also what is kept")
    parser.add_argument("--report", action="store_true", help="run nothing")
    parser.add_argument("--keep-as", metavar="LABEL", help="set ours aside under a label")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--write", type=Path, default=Path("doc/accuracy.md"))
    options = parser.parse_args()
    store = Store(options.results)
    if options.keep_as:
        store.keep_as(options.keep_as)
    pairs = [
        (table, method)
        for table in chosen_tables(options.tables)
        for method in chosen_methods(options.only)
        if TABLES[table].task in METHODS[method].tasks
        if options.again or not store.has(table, method)
    ]
    if not options.report:
        parallel = Parallel(options.jobs, return_as="generator_unordered")
        begin = time.perf_counter()
        for table, method, about, record in parallel(delayed(run)(*pair) for pair in pairs):
            store.add(table, method, about, record)
            score = 1.0 - np.sum(record["errors"][0]) / np.sum(about["baseline"])
            elapsed = time.perf_counter() - begin
            print(f"{elapsed:7.0f}  {table:18} {method:26} {score:8.3f}", flush=True)
    options.write.write_text(report(store.kept["tables"], store.results()), encoding="utf-8")


if __name__ == "__main__":
    main()
