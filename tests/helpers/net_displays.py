"""Displays of nets, of their radial units, and of the paths that led to them."""

import numpy as np
from curvature_displays import regression_net

from sknewtonnet import NewtonMLPRegressor, RBFNetRegressor
from sknewtonnet.display import AlphaPathDisplay, NetworkDisplay, PruningPathDisplay, RBFDisplay
from sknewtonnet.pruning import PruningPath, PruningStep


def alpha_path():
    _, X, y = regression_net()
    return AlphaPathDisplay.from_estimator(NewtonMLPRegressor((), random_state=0).fit(X, y))


def network():
    _, X, y = regression_net()
    net = NewtonMLPRegressor((2,), alpha=1.0, skip_connections="all", random_state=0).fit(X, y)
    return NetworkDisplay.from_estimator(net, biases=True)


def pruning_path():
    steps = [
        PruningStep((), np.nan, 0, np.nan, 90.0, 1.0, 9, True),
        PruningStep(("x2",), 0.1, 1, 0.9, 85.0, 1.0, 8, True),
        PruningStep(("x1",), 9.0, 1, 0.01, 95.0, 1.2, 7, False),
    ]
    return PruningPathDisplay.from_path(PruningPath(steps, "bic"))


def radial_units(features=None):
    _, X, y = regression_net()
    net = RBFNetRegressor(2, alpha=0.1, random_state=0).fit(X, y)
    return RBFDisplay.from_estimator(net, X, y, features=features)


NETS = {
    "alpha path": alpha_path,
    "network": network,
    "pruning path": pruning_path,
    "radial units": radial_units,
    "radial units along a feature": lambda: radial_units(0),
}
