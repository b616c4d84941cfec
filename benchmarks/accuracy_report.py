"""Text and tables of doc/accuracy.md, from the results that ``accuracy.py`` keeps."""

import numpy as np
from accuracy_methods import (
    GP_ROWS,
    INNER_FOLDS,
    KERNEL_ROWS,
    METHODS,
    N_SEEDS,
    SEARCH_ROWS,
    SEEDS_UP_TO,
)
from accuracy_tables import MIN_CLASS, N_FOLDS, TABLES

# What counts as a difference: R2, and a share of the log loss.
MARGINS = {"regression": 0.02, "classification": 0.03}
HALVES = ("development", "held-out")
OURS = "net, raw"

HEADER = f"""# Accuracy of the defaults on real tables

{{n}} tables that come with packages ({{regression}} to predict a number, {{classification}} to predict a class), our nets as they are, and what
scikit-learn has; {{of}} are in the list, and "-" is what has not been run yet. Written by `benchmarks/accuracy.py`; `pip install ".[bench]"` brings the tables.

**Two halves.** A hash of its name puts each table into the development half ({{development}}) or the held-out half ({{held-out}}), for
ever. Defaults may be chosen on the development half alone. The held-out half is there to judge the choice.

**Score.** {N_FOLDS}-fold cross-validation, shuffled, classes stratified; twice with other folds up to 100 rows; two of the five folds above
4000 rows, and one above 20 000. All folds of a table are one sum:
R² = 1 - (sum of squared errors) / (sum of squared errors of the training part's mean), and for classes the mean log loss of a row, or
its ratio to the log loss of the training part's class frequencies ("relative", below 1 where something was learnt). So folds of six rows
do no harm. Probabilities are used as they come, off zero by 2e-16; one sure and wrong row costs 36. A fit that raises an error, or predicts what is not
finite, scores as the mean or the class frequencies would.

**Tables.** As the packages have them: skewed targets stay skewed, and counts are counts. Missing numbers become the median and missing
categories the most frequent one, categories are one-hot without a dropped level, and in "scaled" numeric columns are standardised (indicators
stay 0 and 1). This is done on the training part of an outer fold, once for all inner ones. Rows without a target and classes of fewer than {MIN_CLASS} rows
are left out.

**Ours.** "net" is `NewtonMLPRegressor()` or `NewtonMLPClassifier()`, "rbf" the radial net, with all defaults but the random
state: standardised inside, with a penalty that the fit chooses. "raw": on columns as they are, with raw targets. "X scaled": a
`StandardScaler` in front (indicators stay 0 and 1; a fit standardises them anyway). "linear part": raw, with
`skip_connections="input-output"`. "alpha 1": raw, with `alpha=1.0`. All run from {N_SEEDS} random states on tables of up to {SEEDS_UP_TO} rows, and
score the mean of their errors. "[before]": the defaults of the version before, `standardize=False, alpha=1.0`, on a few tables.

**Rivals.** Plain ones have scikit-learn's defaults. linear: `Ridge`, `LogisticRegression(max_iter=1000)`, tuned by `RidgeCV` with 15 alphas, or C in 1e-3 to 1e3, 7
values. svm: `SVR`, or `CalibratedClassifierCV(SVC(), ensemble=False)`, the successor of `probability=True`; tuned: C in 1, 10, 100 by gamma in
0.1/p, 0.3/p, 1/p for p columns. kernel ridge: RBF kernel; tuned: alpha in 1e-3 to 1 (4) by the same gammas. gp: constant x RBF + noise, by its likelihood. mlp: `MLPRegressor`, `MLPClassifier`;
tuned: "lbfgs", 200 iterations, alpha in 0.01 to 10 (4) by 10 and 50 units. boosting: `HistGradientBoosting`; tuned: learning rate
in 0.03, 0.1 by least leaf in 3, 10, 30. forest: `RandomForest`; tuned: least leaf in 1, 3, 10 by features in a third (root) or all (half). All but
trees get standardised columns, and svm, kernel ridge, gp and mlp a standardised target. Searches have {INNER_FOLDS} inner folds and see at most {SEARCH_ROWS} rows (forests
with 30 trees), and the last fit has all rows, but at most {KERNEL_ROWS} for svm and kernel ridge, {GP_ROWS} for gp.

**Columns.** "minus linear" is the mean difference to plain linear, "of linear's" the geometric mean of the log loss over linear's, both
on the tables that the method ran on; other means are over those tables, too, so compare them only where "tables" agree. "worse", "better": tables on which the method is worse or better than plain linear by more than {MARGINS["regression"]} R², or {MARGINS["classification"]:.0%} of its log
loss. "rank": one plus the number of plain rivals (others than itself) that are better, median over tables; in "tuned rank" of tuned rivals, on tables that
have them all. "time": CPU seconds of a fit (with its search) over those of "{OURS}", median over tables. Times were taken on a
busy machine, so only factors of two and more mean anything.
"""


class Scores:
    """Scores of methods on tables, from the sums of errors."""

    def __init__(self, tables, results):
        self.tables, self.results = tables, results

    def names(self, task, half=None):
        """Tables of a task, in the order of the list."""
        return [
            name
            for name, table in TABLES.items()
            if name in self.tables and table.task == task and half in (None, table.half)
        ]

    def methods(self, task):
        """Methods that have any result, ours first and those set aside after them."""
        found = {m for name in self.names(task) for m in self.results[name]}
        aside = sorted(found - set(METHODS))
        ours = [m for m in METHODS if METHODS[m].ours]
        return [m for m in dict.fromkeys([*ours, *aside, *METHODS]) if m in found]

    def record(self, name, method):
        return self.results[name].get(method)

    def ratio(self, name, method):
        """Error over the baseline's, all folds and seeds together; nan where it is not known."""
        record = self.record(name, method)
        if record is None:
            return np.nan
        return np.mean(np.sum(record["errors"], axis=1)) / np.sum(self.tables[name]["baseline"])

    def score(self, name, method):
        """R2, or the mean log loss."""
        ratio = self.ratio(name, method)
        if TABLES[name].task == "regression":
            return 1.0 - ratio
        return ratio * np.sum(self.tables[name]["baseline"]) / self.tables[name]["test_rows"]

    def standard_error(self, name, method):
        """Of the score, over folds: that of a ratio of sums."""
        errors = np.mean(self.record(name, method)["errors"], axis=0)
        base, k = np.array(self.tables[name]["baseline"]), len(errors)
        if k == 1:
            return np.nan
        residuals = errors - base * errors.sum() / base.sum()
        se = np.sqrt(k / (k - 1) * np.sum(residuals**2)) / base.sum()
        return se * (1.0 if TABLES[name].task == "regression" else self._per_row(name))

    def seed_deviation(self, name, method):
        """Standard deviation of the score over random states."""
        sums = np.sum(self.record(name, method)["errors"], axis=1) / np.sum(
            self.tables[name]["baseline"]
        )
        if len(sums) == 1:
            return np.nan
        scale = 1.0 if TABLES[name].task == "regression" else self._per_row(name)
        return np.std(sums, ddof=1) * scale

    def _per_row(self, name):
        return np.sum(self.tables[name]["baseline"]) / self.tables[name]["test_rows"]

    def change(self, name, method, other="linear"):
        """How much better than another: R2, or the share of the other's log loss that is saved."""
        mine, others = self.ratio(name, method), self.ratio(name, other)
        difference = others - mine
        return difference if TABLES[name].task == "regression" else difference / others

    def rank(self, name, method, tuned):
        rivals = [m for m, about in METHODS.items() if not about.ours and about.tuned == tuned]
        rivals = [m for m in rivals if TABLES[name].task in METHODS[m].tasks and m != method]
        ratios = np.array([self.ratio(name, m) for m in rivals])
        if np.isnan(ratios).any() or np.isnan(self.ratio(name, method)):
            return np.nan
        return 1 + np.sum(ratios < self.ratio(name, method))

    def best_rival(self, name):
        known = {m: self.ratio(name, m) for m in self.results[name] if m in METHODS}
        rivals = {m: r for m, r in known.items() if not METHODS[m].ours}
        return min(rivals, key=rivals.get)


# ---- tables of text ----
def number(x, digits=3):
    return "-" if x is None or np.isnan(x) else f"{x:.{digits}f}"


def brief(x):
    return "-" if np.isnan(x) else f"{x:.2g}"


def lines(header, rows):
    return ["| " + " | ".join(header) + " |", "|-" * len(header) + "|"] + [
        "| " + " | ".join(row) + " |" for row in rows
    ]


def quiet(function, values):
    values = [v for v in values if not np.isnan(v)]
    return function(values) if values else np.nan


def summary(scores, task, half):
    """One line per method: means, counts, ranks, times."""
    names, margin = scores.names(task, half), MARGINS[task]
    regression = task == "regression"
    rows = []
    for method in scores.methods(task):
        mine = [name for name in names if scores.record(name, method)]
        values = [scores.score(name, method) for name in mine]
        ratios = [scores.ratio(name, method) for name in mine]
        changes = [scores.change(name, method) for name in mine]
        times = [
            scores.record(n, method)["seconds"] / scores.record(n, OURS)["seconds"]
            for n in mine
            if scores.record(n, OURS)
        ]
        if regression:
            middle = [quiet(np.median, values), quiet(min, values), quiet(np.mean, changes)]
        else:
            of_linear = np.exp(quiet(np.mean, np.log1p(np.negative(changes))))
            middle = [quiet(np.mean, ratios), quiet(max, ratios), of_linear]
        rows.append(
            [
                method,
                str(len(mine)),
                number(quiet(np.mean, values)),
                *(number(value) for value in middle),
                "" if method == "linear" else str(sum(c < -margin for c in changes)),
                "" if method == "linear" else str(sum(c > margin for c in changes)),
                *(
                    number(quiet(np.median, [scores.rank(n, method, t) for n in mine]), 1)
                    for t in (False, True)
                ),
                brief(quiet(np.median, times)),
            ]
        )
    middle = (
        ["mean R²", "median R²", "lowest R²", "minus linear"]
        if regression
        else ["mean log loss", "mean relative", "highest relative", "of linear's"]
    )
    header = ["method", "tables", *middle, "worse", "better", "rank", "tuned rank", "time"]
    return lines(header, rows)


def common(scores, task):
    """Means on the tables that our default and all rivals have run, the best first."""
    rivals = [m for m, about in METHODS.items() if not about.ours and task in about.tasks]
    names = [n for n in scores.names(task) if all(scores.record(n, m) for m in (OURS, *rivals))]
    means = [(np.mean([scores.score(n, m) for n in names]), m) for m in (OURS, *rivals)]
    means.sort(reverse=task == "regression")
    value = "mean R²" if task == "regression" else "mean log loss"
    rows = [[method, number(mean, 4)] for mean, method in means]
    return [f"{len(names)} tables.", "", *lines(["method", value], rows)]


def groups(scores, task):
    """Mean R2, or mean relative log loss, by kind of table."""
    tables = scores.tables
    kinds = {
        "up to 100 rows": lambda n: tables[n]["rows"] <= 100,
        "101 to 1000": lambda n: 100 < tables[n]["rows"] <= 1000,
        "more": lambda n: tables[n]["rows"] > 1000,
    }
    if task == "regression":
        kinds["counts"] = lambda n: TABLES[n].kind == "count"
        kinds["linear R² below 0.5"] = lambda n: scores.score(n, "linear") < 0.5
    else:
        kinds["two classes"] = lambda n: tables[n]["classes"] == 2
        kinds["more classes"] = lambda n: tables[n]["classes"] > 2
        kinds["linear, relative above 0.7"] = lambda n: scores.ratio(n, "linear") > 0.7
    value = scores.score if task == "regression" else scores.ratio
    chosen = {k: [n for n in scores.names(task) if inside(n)] for k, inside in kinds.items()}
    rows = []
    for method in scores.methods(task):
        cells = []
        for names in chosen.values():
            complete = all(scores.record(n, method) for n in names)
            cells.append(number(np.mean([value(n, method) for n in names])) if complete else "-")
        rows.append([method, *cells])
    header = ["method", *(f"{kind} ({len(names)})" for kind, names in chosen.items())]
    return lines(header, rows)


def every(scores, task, methods):
    """One line per table."""
    rows = []
    for name in scores.names(task):
        about, digits = scores.tables[name], 3
        size = f"{about['rows']} x {about['columns']}"
        kind = TABLES[name].kind if task == "regression" else f"{about['classes']} classes"
        values = [number(scores.score(name, m), digits) for m in methods]
        rows.append(
            [name, "dev" if TABLES[name].half == "development" else "held", size, kind, *values]
        )
    return lines(["table", "half", "rows x columns", "kind", *methods], rows)


def spread(scores, task):
    """Errors of the scores over folds and random states, and what went wrong, per table."""
    rows = []
    forms = [m for m in (OURS, "net, linear part") if m in scores.methods(task)]
    for name in scores.names(task):
        cells = []
        for method in forms:
            record = scores.record(name, method)
            if record is None:
                cells += ["-"] * 4
                continue
            cells += [
                number(scores.score(name, method)),
                f"{brief(scores.standard_error(name, method))}, {brief(scores.seed_deviation(name, method))}",
                f"{record.get('warned', 0):.0%}, {record.get('constant', 0):.0%}",
                brief(record["seconds"]),
            ]
        rows.append([name, *cells])
    header = ["table"]
    for method in forms:
        header += [method, "se over folds, sd over seeds", "warned, constant", "seconds"]
    return lines(header, rows)


def losses(scores, task):
    """Tables on which our default is worse than plain linear, the worst first."""
    names = [n for n in scores.names(task) if scores.record(n, OURS)]
    worse = sorted((scores.change(n, OURS), n) for n in names)
    shown = [OURS, *(m for m in ("net, linear part",) if m in scores.methods(task))]
    rows = []
    for change, name in worse:
        if not change < -MARGINS[task]:
            break
        best = scores.best_rival(name)
        record = scores.record(name, OURS)
        chosen = record.get("chosen", {})
        rows.append(
            [
                name,
                TABLES[name].half,
                str(scores.tables[name]["rows"]),
                *(number(scores.score(name, m)) for m in shown),
                number(scores.score(name, "linear")),
                brief(scores.standard_error(name, OURS)),
                f"{number(scores.score(name, best))} ({best})",
                ", ".join(f"{k.split()[-1]} ({v})" for k, v in sorted(chosen.items())) or "-",
            ]
        )
    header = [
        "table",
        "half",
        "rows",
        *shown,
        "linear",
        "se of ours",
        "best rival",
        "alpha (folds)",
    ]
    return [f"{len(rows)} of {len(names)} tables.", "", *lines(header, rows)]


def failures(scores):
    """What raised errors."""
    rows = [
        [name, method, str(sum(record["failed"].values())), next(iter(record["failed"]))]
        for name, methods in scores.results.items()
        for method, record in methods.items()
        if "failed" in record
    ]
    return lines(["table", "method", "folds", "message"], rows) if rows else ["None."]


def report(tables, results):
    """Return the whole document."""
    scores = Scores(tables, results)
    counts = {"n": len(tables), "of": len(TABLES)}
    for key in ("task", "half"):
        for value in ("regression", "classification", *HALVES):
            if found := sum(getattr(TABLES[name], key) == value for name in tables):
                counts[value] = found
    counts = {**dict.fromkeys(("regression", "classification", *HALVES), 0), **counts}
    parts = [HEADER.format(**counts)]
    titles = {
        "regression": "Numbers (R², higher is better)",
        "classification": "Classes (log loss, lower is better)",
    }
    for task, title in titles.items():
        if not scores.names(task):
            continue
        parts += [f"## {title}", ""]
        parts += ["### Both halves, tables that all have run", "", *common(scores, task), ""]
        for half in HALVES:
            parts += [f"### {half.capitalize()} half", "", *summary(scores, task, half), ""]
        value = "R²" if task == "regression" else "relative log loss"
        parts += [f"### Mean {value} by kind of table", "", *groups(scores, task), ""]
        parts += [f'### Where "{OURS}" is worse than linear', "", *losses(scores, task), ""]
        known = scores.methods(task)
        plain = [m for m in known if m not in METHODS or METHODS[m].ours or not METHODS[m].tuned]
        tuned = [m for m in known if m in METHODS and METHODS[m].tuned]
        parts += ["### Every table, plain rivals", "", *every(scores, task, plain), ""]
        parts += ["### Every table, all that is tuned", "", *every(scores, task, tuned), ""]
        parts += ["### Spread, warnings, and seconds of a fit", "", *spread(scores, task), ""]
    parts += ["## Fits that raised an error", "", *failures(scores), ""]
    return "\n".join(parts)
