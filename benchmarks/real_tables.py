"""The documented road to statistics, walked on real tables.

    python benchmarks/real_tables.py --write doc/real_tables.md

All tables of ``accuracy_tables.py`` with 60 to 1500 rows, at most 20 columns after coding, and at
most three classes. Each is taken as its package has it, with medians for missing numbers and
dummies for texts, and goes two ways: the plain defaults, and the number of units by BIC.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
from accuracy_tables import TABLES, read, transformer
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from sknewtonnet import (
    InformationCriterionSearch,
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    pipeline_inference,
)

MIN_ROWS, MAX_ROWS, MAX_COLUMNS, MAX_CLASSES = 60, 1500, 20, 3
LEVEL = 0.05
SIZES = {"hidden_layer_sizes": [(), (1,), (2,), (3,)]}
ALPHA, N_INIT = 0.1, 4


def suits(table):
    """The table's inputs and target, or None if it is not one of those that are asked for."""
    frame, y = read(table)
    few = table.task == "regression" or len(np.unique(y)) <= MAX_CLASSES
    if not (few and MIN_ROWS <= len(y) <= MAX_ROWS):
        return None
    if transformer(False).fit_transform(frame).shape[1] > MAX_COLUMNS:
        return None
    return frame, y


def net(table, **options):
    """The net for a table: counts get a loss of their own."""
    if table.task == "classification":
        return NewtonMLPClassifier(random_state=0, **options)
    loss = "poisson" if table.kind == "count" else "squared_error"
    return NewtonMLPRegressor(loss=loss, random_state=0, **options)


def defaults(table):
    """The plain call."""
    return net(table)


def chosen(table):
    """The number of units by BIC, under a small penalty."""
    return InformationCriterionSearch(net(table, alpha=ALPHA, n_init=N_INIT), SIZES)


def walked(table, frame, y, model):
    """What a user finds at the end of the road.

    Parameters
    ----------
    table : Table
        Where from.
    frame : DataFrame
        Inputs.
    y : ndarray
        Target.
    model : estimator
        Net, or search for a net.

    Returns
    -------
    dict of str to number or str
    """
    pipe = make_pipeline(transformer(False), model).fit(frame, y)
    results = pipeline_inference(pipe, frame, y)
    table = results.tests_of(results.factors) if results.factors else results.tests
    tested = np.isfinite(table.df)
    p_values = table.dependence_p_values[tested]
    best = getattr(pipe[-1], "best_estimator_", pipe[-1])
    return {
        "units": "-".join(map(str, best.hidden_layer_sizes)) or "none",
        "identified": "yes" if results.identifiable else "no",
        "finding": next((f.kind for f in results.findings if f.severity != "note"), ""),
        "columns": len(p_values),
        "missing": int(np.isnan(p_values).sum()),
        "depends": int((table.adjusted_p_values[tested] < LEVEL).sum()),
    }


HEADER = """# The road to statistics, on real tables

Written by `benchmarks/real_tables.py`. All tables of the accuracy page with {low} to {high} rows, at most {columns} columns after coding and at most
{classes} classes, as their packages have them: medians for missing numbers, dummies for texts, nothing scaled. Each goes two ways, in a pipeline, to the table of
features of `pipeline_inference(...).summary()`: by the plain defaults (ten units, a penalty that the fit chooses), and with the number of units that BIC chooses
from 0 to 3 (`alpha={alpha}`, {starts} starts). "tests" are columns of the table with a p-value of dependence, of all columns; "depend" those with p below {level} after Holm.
"identified" says whether single weights may be tested beside; "first finding" is the worst that the gate has to say.

"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", choices=list(TABLES), metavar="TABLE")
    parser.add_argument("--write", type=Path, help="Markdown file of the table")
    arguments = parser.parse_args()
    heads = ["table", "rows", "target"]
    heads += ["tests", "depend", "units", "tests", "depend", "identified", "first finding"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "-|" * len(heads)]
    usable, identified = 0, 0
    for name in arguments.tables or TABLES:
        data = suits(TABLES[name])
        if data is None:
            continue
        with threadpool_limits(limits=1), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            first, second = (
                walked(TABLES[name], *data, make(TABLES[name])) for make in (defaults, chosen)
            )
        cells = [name, len(data[1]), TABLES[name].kind]
        for found in (first, second):
            cells += [found["units"]] * (found is second)
            cells += [f"{found['columns'] - found['missing']} of {found['columns']}"]
            cells += [found["depends"]]
        cells += [second["identified"], second["finding"]]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
        usable += not (first["missing"] or second["missing"])
        identified += second["identified"] == "yes"
        print(lines[-1], flush=True)
    count = len(lines) - 2
    summary = (
        f"\nEvery column has a test on both ways in {usable} of {count} tables; the net that BIC "
        f"chooses is identified in {identified}.\n"
    )
    text = HEADER.format(
        low=MIN_ROWS,
        high=MAX_ROWS,
        columns=MAX_COLUMNS,
        classes=MAX_CLASSES,
        alpha=ALPHA,
        starts=N_INIT,
        level=LEVEL,
    )
    if arguments.write is not None:
        arguments.write.write_text(text + "\n".join(lines) + "\n" + summary)
    print(summary)


if __name__ == "__main__":
    main()
