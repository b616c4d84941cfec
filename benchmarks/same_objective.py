"""Same objective, same penalty, best of five starts each: how low, and how flat.

    python benchmarks/same_objective.py --write doc/same_objective.md

scikit-learn's own loss function is evaluated at both solutions. scikit-learn's lbfgs runs
to its end (max_iter 20000, tol 1e-10). Data are standardised; digits has 32 units, the
others 10.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.neural_network._base import LOSS_FUNCTIONS
from sklearn.preprocessing import StandardScaler, scale

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor

SETS = {"diabetes": 10, "breast_cancer": 10, "wine": 10, "iris": 10, "digits": 32}
ALPHAS = (1e-4, 1e-2, 1.0)
N_STARTS = 5

HEADER = """# The same objective as scikit-learn's MLP

scikit-learn's own loss, evaluated at its lbfgs solution and at ours, with the same net and the same `alpha`: the lowest and the
median of five starts each (`random_state` 0 to 4; the default solver, `tol=1e-8`). "flat" is our largest gradient entry over that
at the start, the worst of five; "iterations" the most of five. Different starts end in different minima, so which of two best-of-five
is lower is in part luck of the draw. Written by `benchmarks/same_objective.py`.

| set | alpha | ours: lowest | median | scikit-learn: lowest | median | ours not above | flat | iterations | ours | scikit-learn |
|---|---|---|---|---|---|---|---|---|---|---|
"""


def data(name):
    """Standardised X, and y standardised where it is a number."""
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    return X, (scale(y) if name == "diabetes" else y)


def peer_loss(peer, coefs, intercepts, X, y):
    """Evaluate scikit-learn's loss with these weights in scikit-learn's net."""
    peer.coefs_, peer.intercepts_ = list(coefs), list(intercepts)
    binarizer = getattr(peer, "_label_binarizer", None)
    Y = y[:, None] if binarizer is None else binarizer.transform(y)
    output = peer._forward_pass([X] + [None] * len(coefs))[-1]
    name = peer.loss
    if name == "log_loss" and peer.out_activation_ == "logistic":
        name = "binary_log_loss"
    penalty = 0.5 * peer.alpha * sum((c**2).sum() for c in coefs) / len(X)
    return LOSS_FUNCTIONS[name](Y, output, None) + penalty


def fitted_peer(kind, name, alpha, seed, X, y):
    """scikit-learn's MLP with the net of that set, run to its end."""
    peer = kind(
        hidden_layer_sizes=(SETS[name],), activation="tanh", solver="lbfgs", alpha=alpha,
        random_state=seed, max_iter=20000, max_fun=10**6, tol=1e-10,
    )  # fmt: skip
    return peer.fit(X, y)


def compare(name, alpha, n_starts):
    """One row of the table."""
    X, y = data(name)
    ours, theirs = (NewtonMLPRegressor, MLPRegressor)
    if name != "diabetes":
        ours, theirs = (NewtonMLPClassifier, MLPClassifier)
    peers, found = [], []
    begun = time.perf_counter()
    for seed in range(n_starts):
        peer = fitted_peer(theirs, name, alpha, seed, X, y)
        peers.append(peer_loss(peer, peer.coefs_, peer.intercepts_, X, y))
    peer_seconds = (time.perf_counter() - begun) / n_starts
    seconds = 0.0
    for seed in range(n_starts):
        begun = time.perf_counter()
        net = ours((SETS[name],), alpha=alpha, standardize=False, random_state=seed).fit(X, y)
        seconds += (time.perf_counter() - begun) / n_starts
        found.append(
            (
                peer_loss(peer, net.coefs_, net.intercepts_, X, y),
                net.solver_result_.gradient_norm / net.solver_result_.initial_gradient_norm,
                net.n_iter_,
            )
        )
    low, flat, iterations = zip(*found, strict=True)
    cells = [
        name,
        f"{alpha:g}",
        f"{min(low):.8g}",
        f"{np.median(low):.6g}",
        f"{min(peers):.8g}",
        f"{np.median(peers):.6g}",
        "yes" if min(low) <= min(peers) else f"no, +{min(low) / min(peers) - 1:.2%}",
        f"{max(flat):.0e}",
        str(max(iterations)),
        f"{seconds:.2f} s",
        f"{peer_seconds:.2f} s",
    ]
    return "| " + " | ".join(cells) + " |"


def main():
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--starts", type=int, default=N_STARTS, help="of each of both")
    parser.add_argument("--write", metavar="FILE")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    text = HEADER
    for name in arguments.sets:
        for alpha in ALPHAS:
            row = compare(name, alpha, arguments.starts)
            print(row, flush=True)
            text += row + "\n"
    if arguments.write:
        with open(arguments.write, "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
