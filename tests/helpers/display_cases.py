"""Small fitted nets, and one display of each kind made of them."""

import numpy as np
from curvature_displays import CURVATURE
from statistics_displays import STATISTICS

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.display import AlphaPathDisplay, PruningPathDisplay
from sknewtonnet.pruning import PruningPath, PruningStep


def alpha_path():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    y = X[:, 0] + 0.5 * rng.normal(size=40)
    return AlphaPathDisplay.from_estimator(NewtonMLPRegressor((), random_state=0).fit(X, y))


def pruning_path():
    steps = [
        PruningStep((), np.nan, 0, np.nan, 90.0, 1.0, 9, True),
        PruningStep(("x2",), 0.1, 1, 0.9, 85.0, 1.0, 8, True),
        PruningStep(("x1",), 9.0, 1, 0.01, 95.0, 1.2, 7, False),
    ]
    return PruningPathDisplay.from_path(PruningPath(steps, "bic"))


DISPLAYS = (
    STATISTICS
    | CURVATURE
    | {
        "alpha path": alpha_path,
        "pruning path": pruning_path,
    }
)
