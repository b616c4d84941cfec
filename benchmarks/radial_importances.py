"""Importances of the inputs of radial nets against fits without each of them.

    python benchmarks/radial_importances.py
    python benchmarks/radial_importances.py --kinds semidefinite quadratic --only diabetes bumps

For each table and kind of radial unit a net with four units is fitted, and one without each
column, all from several starts. The growth of the objective, S times its value, is compared with

- held: ``feature_importances_``, the column held at its mean and the output layer refitted;
- slope: the mean squared derivative of the raw predictions times the variance of the column;
- obs: 1/2 w' K^-1 w of the weights of the column, where it has such ("semidefinite", "quadratic").

A line has the rank correlation of each with the growth, and the sum of the absolute differences
of shares, in which negative growths count as 0. It takes some minutes.
"""

import argparse
import warnings

import numpy as np
from scipy.stats import spearmanr
from sklearn import datasets

from sknewtonnet import RBFNetClassifier, RBFNetRegressor
from sknewtonnet.calculus.functions.input_derivatives import input_derivatives
from sknewtonnet.inference import group_saliency

KINDS = ("spherical", "diag", "full", "semidefinite", "quadratic")
N_CENTERS, N_STARTS = 4, 4


def bumps():
    """A bump along the first of two correlated columns, a trend, and one that does nothing."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(250, 5))
    X[:, 1] = 0.8 * X[:, 0] + 0.6 * X[:, 1]
    y = np.exp(-0.5 * (X[:, 0] - 1.0) ** 2 - 0.1 * X[:, 2] ** 2) + 0.3 * X[:, 3]
    return X, y + 0.2 * rng.normal(size=250)


def some_columns(load, columns):
    """A table of scikit-learn with some of its columns."""
    X, y = load(return_X_y=True)
    return X[:, columns], y


TABLES = {
    "diabetes": lambda: some_columns(datasets.load_diabetes, [0, 1, 2, 3, 4, 7, 8]),
    "friedman1": lambda: datasets.make_friedman1(200, 7, noise=1.0, random_state=0),
    "friedman2": lambda: datasets.make_friedman2(200, noise=50.0, random_state=0),
    "bumps": bumps,
    "iris": lambda: some_columns(datasets.load_iris, [0, 1, 2, 3]),
    "wine": lambda: some_columns(datasets.load_wine, [0, 1, 2, 6, 9, 12]),
    "breast_cancer": lambda: some_columns(datasets.load_breast_cancer, [0, 1, 4, 6, 20, 21, 24]),
}


def fitted(kind, X, y):
    """A net of that kind, with S times its objective and its inference."""
    make = RBFNetClassifier if y.dtype.kind == "i" else RBFNetRegressor
    net = make(N_CENTERS, covariance_type=kind, alpha=1.0, n_init=N_STARTS, random_state=0)
    information = net.fit(X, y).inference(X, y).information
    objective = information.objective
    return net, information, objective.weight_sum * objective.value(information.params)


def shares(growths):
    """Positive parts over their sum."""
    found = np.maximum(growths, 0.0)
    return found / found.sum()


def compared(kind, X, y):
    """Each measure of importance against the growths of fits without the columns."""
    net, information, total = fitted(kind, X, y)
    columns = range(X.shape[1])
    grown = np.array([fitted(kind, np.delete(X, j, axis=1), y)[2] for j in columns]) - total
    objective = information.objective
    (slopes,) = input_derivatives(objective.network, information.params, objective.samples)
    found = {
        "held": net.feature_importances_,
        "slope": (slopes**2).sum(axis=1).mean(axis=0) * objective.samples.var(axis=0),
    }
    if information.input_parameters is not None:
        groups = information.input_parameters
        found["obs"] = np.array([group_saliency(information, group) for group in groups])
    return {
        name: (
            float(spearmanr(values, grown)[0]),
            float(np.abs(shares(values) - shares(grown)).sum()),
        )
        for name, values in found.items()
    }


def main():
    """Print a line for each table and kind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(TABLES), default=list(TABLES))
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # too many units are no fault here
    for name in options.only:
        X, y = TABLES[name]()
        for kind in options.kinds:
            parts = [
                f"{measure} {rank:5.2f} {distance:4.2f}"
                for measure, (rank, distance) in compared(kind, X, y).items()
            ]
            print(f"{name:14s} {kind:13s} {'   '.join(parts)}", flush=True)


if __name__ == "__main__":
    main()
