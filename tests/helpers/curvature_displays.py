"""Displays of the objective, its second derivatives and its minimisation."""

from functools import cache

import numpy as np

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.display import (
    ConvergenceDisplay,
    HessianDisplay,
    LossSurfaceDisplay,
    SpectrumDisplay,
)


@cache
def regression_net():
    """A net of three units with the data of its fit."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    y = np.tanh(2.0 * X[:, 0] - X[:, 1]) + 0.5 * X[:, 1] ** 2 + 0.1 * rng.normal(size=60)
    return NewtonMLPRegressor((3,), alpha=1.0, random_state=0).fit(X, y), X, y


CURVATURE = {
    "hessian": lambda: HessianDisplay.from_estimator(*regression_net()),
    "hessian of one kind": lambda: HessianDisplay.from_estimator(*regression_net(), kinds="exact"),
    "spectrum": lambda: SpectrumDisplay.from_estimator(*regression_net()),
    "spectrum without density": lambda: SpectrumDisplay.from_estimator(
        *regression_net(), kinds="exact", density=False
    ),
    "convergence": lambda: ConvergenceDisplay.from_estimator(regression_net()[0]),
    "convergence of values": lambda: ConvergenceDisplay.from_results({"values": [3.0, 2.0, 1.5]}),
    "loss surface": lambda: LossSurfaceDisplay.from_estimator(*regression_net(), n_points=9),
}
