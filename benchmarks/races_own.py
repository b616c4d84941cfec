"""The entrants of this package in ``races.py``: solvers, and a fit of many starts."""

import warnings
from functools import partial

import numpy as np

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor
from sknewtonnet.calculus import Network, Objective
from sknewtonnet.estimators._callbacks import Progress
from sknewtonnet.solvers import get_solver

TOLERANCE = 1e-9
# The entrant that counts restarts itself: more starts than there is time for.
CROSSOVER, N_INIT = "crossover", 200


class Shown:
    """Shows all points of all starts to a recorder, in the place of callbacks."""

    def __init__(self, record):
        self.record = record

    def begin(self):
        pass

    def end(self, params):
        pass

    def __call__(self, iteration):
        self.record(iteration.params)


def own_entrant(problem, name, options):
    """Our solver: (run, the shared vector's positions in the order of ours, objective)."""
    network = Network.mlp(problem.X.shape[1], problem.hidden, problem.Y.shape[1])
    strength = problem.alpha * len(problem.X)
    objective = Objective(network, problem.loss, problem.X, problem.Y, alpha=strength)
    places = problem.split(np.arange(problem.n_parameters))
    names = ("coefs_0", "coefs_1", "intercepts_0", "intercepts_1")
    order = network.layout.pack(dict(zip(names, places, strict=True))).astype(int)
    if name == CROSSOVER:
        return partial(fit_from, problem, strength, order), order, objective
    solver = get_solver(name, tol=TOLERANCE, max_iter=100_000, options=options)

    def run(w0, record):
        return solver.minimize(objective, w0, lambda iteration: record(iteration.params))

    return run, order, objective


def fit_from(problem, strength, order, w0, record):
    """An estimator's fit with ``init="crossover"``, whose first start is w0."""
    squares = problem.loss == "squared_error"
    kind = NewtonMLPRegressor if squares else NewtonMLPClassifier
    several = problem.Y.shape[1] > 1
    y = problem.Y.argmax(axis=1) if several else problem.Y.ravel()

    def draw(_, random_state):
        """The start of the seed first, then others drawn as all starts of the races are."""
        return first.pop() if first else problem.start(random_state.randint(2**31))[order]

    first = [w0]

    class Recorded(kind):
        def _draw(self):
            return draw

        def _observer(self, context, number, *given):
            return Progress(number, 0, Shown(record))

    net = Recorded(
        (problem.hidden,), alpha=strength, standardize=False, tol=TOLERANCE, n_init=N_INIT,
        init="crossover", random_state=int(1e6 * abs(w0[0])),
    )  # fmt: skip
    warnings.simplefilter("ignore")
    return net.fit(problem.X, y).solver_result_
