"""How the size of the starting weights decides on the minima; the second table of doc/defaults.md.

    python benchmarks/starting_weights.py

For each set and penalty: the probability that the best of five of our fits is at most the
best of five of scikit-learn's lbfgs, by the bound of the uniform starting weights in
multiples of Glorot's.
"""

import argparse
import warnings
from unittest.mock import patch

import numpy as np
from same_objective import SETS, data, fitted_peer, peer_loss
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor
from sknewtonnet.estimators import _mlp, _starts

CASES = [
    ("diabetes", 1.0),
    ("diabetes", 0.01),
    ("breast_cancer", 0.01),
    ("breast_cancer", 1.0),
    ("iris", 0.01),
    ("iris", 0.0001),
    ("wine", 1.0),
]
MULTIPLES = (1.0, 0.5, 0.25, 0.1, 0.03)
N_STARTS = 15
N_DRAWS = 2000


def started_with(multiple):
    """Return the package's starting weights with another bound (its own is 1/2)."""

    def initial(problem, random_state):
        layout = problem.network.layout
        arrays = layout.unpack(_starts.initial_parameters(problem, random_state))
        output_intercepts = list(arrays)[-1]
        for name in arrays:
            if name != output_intercepts:
                arrays[name] *= 2.0 * multiple
        return layout.pack(arrays)

    return patch.object(_mlp, "initial_parameters", initial)


def lowest_of_five(values, rng):
    """Lowest of five values, drawn without replacement."""
    return min(rng.choice(values, 5, replace=False))


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--starts", type=int, default=N_STARTS, help="of each of both, at least 5")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    rng = np.random.default_rng(0)
    for name, alpha in CASES:
        if name not in options.sets:
            continue
        X, y = data(name)
        ours, theirs = (NewtonMLPRegressor, MLPRegressor)
        if name != "diabetes":
            ours, theirs = (NewtonMLPClassifier, MLPClassifier)
        peers = []
        for seed in range(options.starts):
            peer = fitted_peer(theirs, name, alpha, seed, X, y)
            peers.append(peer_loss(peer, peer.coefs_, peer.intercepts_, X, y))
        cells = []
        for multiple in MULTIPLES:
            with started_with(multiple):
                fits = [
                    ours((SETS[name],), alpha=alpha, standardize=False, random_state=seed)
                    .fit(X, y)
                    .loss_
                    for seed in range(options.starts)
                ]
            wins = [
                lowest_of_five(fits, rng) <= lowest_of_five(peers, rng) * (1 + 1e-7)
                for _ in range(N_DRAWS)
            ]
            cells.append(f"{np.mean(wins):.2f}")
        print(f"| {name}, {alpha:g} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
