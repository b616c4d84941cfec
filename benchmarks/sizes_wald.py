"""How often tests of a true hypothesis reject it, and intervals cover (doc/statistics.md 3.7).

    python benchmarks/sizes_wald.py --out .benchmarks/sizes_wald.jsonl --write doc/sizes_wald.md
    python benchmarks/sizes_wald.py --rows 1 7 bic1 --replications 40

Three standard normal inputs, of which the third does nothing; a truth of one or two tanh units;
errors of standard deviation 0.5, or 0.5 (0.1 + 0.9 x3^2)^(1/2), which is 0.5 on average but
depends on x3. A net of as many units, or too many, is fitted from four random starts, and all
weights that leave x3 are tested to be zero, at 5 %. The penalty alpha stands beside half the
residual sum of squares, 1/2 RSS + alpha / 2 |coefs|^2 (the estimator divides both by n).

Each row is one line of the file, so an interrupted run goes on where it ended. Every
replication has a seed of its own: results do not depend on the number of processes.
"""

import argparse
import json
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from scipy import stats
from threadpoolctl import threadpool_limits

from sknewtonnet import NewtonMLPRegressor

LEVEL = 0.05
N_INIT = 4
N_INIT_RESTRICTED = 2
N_FRESH = 50
TESTED = "x2"  # the third input

# Coefficients of x1 and x2, intercept, and coefficient in the output, of each unit.
TRUTHS = {
    1: [(1.5, -1.0, 0.5, 2.0)],
    2: [(1.5, -1.0, 0.5, 2.0), (0.8, 1.6, -0.6, 2.0)],
}


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes
    ----------
    name : str
        Its number; "bic1" and "bic2" for nets whose size BIC chooses.
    n, true, fitted : int
        Samples, units of the truth, and of the net; 0: chosen by BIC from 1 to 3.
    alpha : float
        Penalty.
    unequal : bool
        Whether the variance of errors depends on x3.
    """

    name: str
    n: int
    true: int
    fitted: int
    alpha: float = 0.0
    unequal: bool = False

    @property
    def over_sized(self):
        return self.fitted > self.true

    @property
    def seed(self):
        return 1_000_000 * [row.name for row in ROWS].index(self.name)


ROWS = (
    Row("1", 200, 1, 1),
    Row("2", 200, 1, 1, unequal=True),
    Row("3", 200, 2, 2),
    Row("4", 1000, 2, 2),
    Row("5", 1000, 2, 2, unequal=True),
    Row("6", 200, 2, 2, 0.05),
    Row("7", 200, 1, 2),
    Row("8", 1000, 1, 2),
    Row("9", 200, 1, 3),
    Row("10", 200, 1, 2, 0.05),
    Row("11", 200, 1, 2, 0.5),
    Row("12", 200, 1, 3, 0.5),
    Row("13", 200, 2, 3),
    Row("bic1", 200, 1, 0),
    Row("bic2", 200, 2, 0),
)

TESTS = ("exact", "GN", "sand exact", "sand HC3", "sand GN", "LR")


def truth(X, n_units):
    """The mean of y."""
    units = TRUTHS[n_units]
    return sum(v * np.tanh(a * X[:, 0] + b * X[:, 1] + c) for a, b, c, v in units)


def draw(n, row, rng):
    """Samples, their means and observations."""
    X = rng.standard_normal((n, 3))
    mean = truth(X, row.true)
    scale = 0.5 * np.sqrt(0.1 + 0.9 * X[:, 2] ** 2) if row.unequal else 0.5
    return X, mean, mean + scale * rng.standard_normal(n)


def fitted_net(n_units, alpha, X, y, seed):
    net = NewtonMLPRegressor(
        (n_units,),
        activation="tanh",
        alpha=alpha,
        n_init=N_INIT,
        random_state=seed,
        standardize=False,
    )
    return net.fit(X, y)


def replicate(row, number):
    """All numbers of one sample; NaN where there is none.

    Parameters
    ----------
    row : Row
        Design.
    number : int
        Of the replication.

    Returns
    -------
    dict of str to number or list of str
    """
    seed = row.seed + number
    rng = np.random.default_rng([2024, seed])
    X, _, y = draw(row.n, row, rng)
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if row.fitted == 0:
            return _chosen(row, X, y, seed)
        net = fitted_net(row.fitted, row.alpha, X, y, seed)
        results = net.inference(X, y)
        found = _sizes(row, net, results, X, y)
        found |= _coverage(results, *draw(N_FRESH, row, rng))
        found["kinds"] = [f.kind for f in results.findings if f.severity != "note"]
        found["raw cond"] = float(np.linalg.cond(results.information.hessian))
        found["flagged"] = float(not results.identifiable)
        smaller = np.inf
        if row.fitted > 1:
            smaller = fitted_net(row.fitted - 1, row.alpha, X, y, seed).inference(X, y).bic
        found["flagged or BIC"] = float(found["flagged"] or smaller < results.bic)
    return found


def _sizes(row, net, results, X, y):
    """P-values of all tests, of chi-square and of F."""
    found = {}
    kinds = {"exact": "hessian", "GN": "gauss-newton", "sand exact": "HC0", "sand HC3": "HC3"}
    for name, cov_type in kinds.items():
        of_kind = net.inference(X, y, cov_type=cov_type)
        found[name] = _wald(of_kind, use_f=False)
        found[f"{name} F"] = _wald(of_kind, use_f=True)
    found["sand GN"], found["sand GN F"] = _gauss_newton_sandwich(results)
    if row.alpha == 0:
        ratio = results.likelihood_ratio_test(TESTED, n_init=N_INIT_RESTRICTED)
        known = np.isfinite(ratio.p_value)
        found["LR"] = stats.chi2.sf(ratio.statistic, ratio.df) if known else np.nan
        found["LR F"] = ratio.p_value
        found["LR better"] = float("lower objective" in ratio.reason)
    return found


def _wald(results, use_f):
    """Wald's p-value, also where the package gives none, since weights are not identified."""
    test = results.wald_test(TESTED, use_f=use_f)
    if use_f:
        return float(stats.f.sf(test.f_statistic, test.df, test.df_denom))
    return float(stats.chi2.sf(test.statistic, test.df))


def _gauss_newton_sandwich(results):
    """P-values with K J K, K = (G + L)^-1, which the package does not offer."""
    information = results.information
    K = information.gauss_newton_factor.inverse
    names = [name.startswith(f"coefs_0[{TESTED},") for name in results.names]
    w = results.params[names]
    V = (K @ information.centred_meat @ K)[np.ix_(names, names)]
    if not np.isfinite(results.covariance).all():
        return np.nan, np.nan
    statistic, q = float(w @ np.linalg.solve(V, w)), len(w)
    f = stats.f.sf(statistic / q, q, results.df_resid)
    return float(stats.chi2.sf(statistic, q)), float(f)


def _coverage(results, X, mean, y):
    """Shares of fresh means, and observations, within their intervals."""
    prediction = results.get_prediction(X)
    found = {}
    for name, value, interval in (
        ("CI", mean, prediction.confidence_interval),
        ("PI", y, prediction.prediction_interval),
    ):
        known = np.isfinite(interval).all(axis=1)
        inside = (interval[:, 0] <= value) & (value <= interval[:, 1])
        found[name] = float(inside[known].mean()) if known.any() else np.nan
    return found


def _chosen(row, X, y, seed):
    """P-values of the net that BIC prefers."""
    nets = [fitted_net(q, row.alpha, X, y, seed) for q in (1, 2, 3)]
    results = [net.inference(X, y) for net in nets]
    best = int(np.argmin([found.bic for found in results]))
    found = {
        "right": float(best + 1 == row.true),
        "flagged": float(not results[best].identifiable),
    }
    robust = nets[best].inference(X, y, cov_type="HC0")
    for name, of_kind in (("exact", results[best]), ("sand exact", robust)):
        found[name] = _wald(of_kind, use_f=False)
        found[f"{name} F"] = _wald(of_kind, use_f=True)
    found["kinds"] = [f.kind for f in results[best].findings if f.severity != "note"]
    return found


def summarize(records):
    """Shares in per cent over replications.

    Parameters
    ----------
    records : list of dict
        From :func:`replicate`.

    Returns
    -------
    dict of str to number
        By test the share of rejections among finite p-values; "<test> n/a" of NaN p-values.
    """
    found = {"replications": len(records)}
    for name in records[0]:
        if name == "kinds":
            continue
        values = np.array([record[name] for record in records], dtype=float)
        known = np.isfinite(values)
        if name == "raw cond":
            found[name] = float(np.median(values))
            continue
        if name.removesuffix(" F") in TESTS:
            found[f"{name} n/a"] = 100.0 * float((~known).mean())
            values = np.where(values < LEVEL, 1.0, 0.0)
        found[name] = 100.0 * float(values[known].mean()) if known.any() else np.nan
    kinds = [set(record["kinds"]) for record in records]
    found["kinds"] = {
        kind: 100.0 * sum(kind in one for one in kinds) / len(kinds)
        for kind in sorted(set().union(*kinds))
    }
    return found


def run(row, replications, n_jobs=1):
    """Summary of a row."""
    tasks = (delayed(replicate)(row, number) for number in range(replications))
    return summarize(Parallel(n_jobs=n_jobs)(tasks))


def _size(found, name):
    """Cell of a test: chi-square / F, and how many had no p-value."""
    if name not in found:
        return "-"
    missing = found[f"{name} n/a"]
    text = f"{found[name]:.1f} / {found[f'{name} F']:.1f}"
    return f"{text} ({missing:.0f} n/a)" if missing else text


def table(summaries):
    """Markdown of all rows that are there."""
    heads = ["n", "true q", "fitted q", "alpha", "errors", "raw cond"]
    heads += [*TESTS, "CI", "PI", "flagged", "or BIC"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "-|" * len(heads)]
    kinds, chosen = [], []
    for row in ROWS:
        if row.name not in summaries:
            continue
        found = summaries[row.name]
        if found["kinds"]:
            parts = ", ".join(f"{kind} {share:.0f}" for kind, share in found["kinds"].items())
            kinds.append(f"- row {row.name}: {parts}")
        if row.fitted == 0:
            chosen.append(_sentence(row, found))
            continue
        errors = "sd by x3" if row.unequal else "equal"
        cells = [row.n, row.true, row.fitted, f"{row.alpha:g}", errors, f"{found['raw cond']:.1e}"]
        cells += [_size(found, name) for name in TESTS]
        covered = "-" if row.unequal else f"{found['PI']:.1f}"
        cells += [f"{found['CI']:.1f}", covered, f"{found['flagged']:.1f}"]
        cells += ["-" if row.fitted == 1 else f"{found['flagged or BIC']:.1f}"]
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    if chosen:
        lines += ["", *chosen]
    if kinds:
        lines += ["", "What the gate finds, in per cent of replications:", "", *kinds]
    return "\n".join(lines) + "\n"


def _sentence(row, found):
    return (
        f"- Units chosen by BIC from 1 to 3, n = {row.n}, truth {row.true}: right in "
        f"{found['right']:.1f} %; size {_size(found, 'exact')} exact, "
        f"{_size(found, 'sand exact')} sandwich; {found['flagged']:.1f} % flagged."
    )


HEADER = """# Sizes of Wald's tests of weights

Written by `benchmarks/sizes_wald.py` with {replications} replications a row. Three standard normal
inputs, of which the third does nothing; tanh units; errors of standard deviation 0.5, or one that
depends on x3; nets fitted from {starts} random starts to 1/2 RSS + alpha / 2 |coefs|^2. Tests of
"all weights that leave x3 are zero" at 5 %: shares of rejections in per cent by chi-square /
by F, among the replications with a p-value, and in brackets the per cent without one. Right-sized
nets should show 5 %; the Monte Carlo standard error is {error:.1f} points there. "CI" is how
often the 95 % interval of the mean covers it at fresh inputs, "PI" that of an observation.
"flagged" are the nets that the gate calls not identifiable, "or BIC" those and nets whose BIC is
higher than that of one unit less. Errors by "exact" and "GN" (Gauss-Newton) Hessian, "sand": the
sandwich with that Hessian (HC0; HC3 corrects for leverages); "LR": likelihood ratio. "raw cond" is
the median condition number of the Hessian.

"""


def _stored(path, replications):
    """Summaries of the file with at least so many replications."""
    if path is None or not path.exists():
        return {}
    entries = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return {e["row"]: e["found"] for e in entries if e["found"]["replications"] == replications}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, default=300)
    parser.add_argument("--rows", nargs="+", choices=[row.name for row in ROWS])
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, help="file of finished rows, one JSON line each")
    parser.add_argument("--write", type=Path, help="Markdown file of the table")
    arguments = parser.parse_args()
    summaries = _stored(arguments.out, arguments.replications)
    for row in ROWS:
        if row.name in summaries or (arguments.rows and row.name not in arguments.rows):
            continue
        began = time.perf_counter()
        summaries[row.name] = run(row, arguments.replications, arguments.n_jobs)
        print(f"row {row.name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
        if arguments.out is not None:
            arguments.out.parent.mkdir(parents=True, exist_ok=True)
            with arguments.out.open("a") as file:
                file.write(json.dumps({"row": row.name, "found": summaries[row.name]}) + "\n")
    n = arguments.replications
    error = 100.0 * np.sqrt(0.05 * 0.95 / n)
    text = HEADER.format(replications=n, starts=N_INIT, error=error) + table(summaries)
    print(text)
    if arguments.write is not None:
        arguments.write.write_text(text)


if __name__ == "__main__":
    main()
