"""What a fit solves, how its starts are run, and what is said of their ends."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknewtonnet._sklearn import one_blas_thread
from sknewtonnet._typing import Array
from sknewtonnet.calculus import Loss, Network, Objective
from sknewtonnet.calculus.pieces.penalties import Penalty
from sknewtonnet.estimators._callbacks import Progress
from sknewtonnet.inspection import Minimum, critical_point
from sknewtonnet.solvers import Solver, SolverResult, Status


@dataclass(frozen=True)
class Problem:
    """All that defines an objective, small enough to travel to another process."""

    network: Network
    loss: Loss
    X: Array
    Y: Array
    sample_weight: Array
    alpha: Any
    penalties: tuple[Penalty, ...] = ()

    def objective(self) -> Objective:
        """The function to minimise, with work space of its own."""
        return Objective(
            self.network,
            self.loss,
            self.X,
            self.Y,
            self.sample_weight,
            self.alpha,
            penalties=self.penalties,
        )


def run_start(
    problem: Problem | Objective, solver: Solver, start: Array, observer: Progress
) -> SolverResult:
    """One start, in whatever process."""
    objective = problem.objective() if isinstance(problem, Problem) else problem
    observer.begin()
    result = solver.minimize(objective, start, observer)
    observer.end(result.params)
    return result


def run_one_of_several(
    problem: Problem, solver: Solver, start: Array, observer: Progress
) -> SolverResult:
    """The same with one BLAS thread: so its sums do not depend on how many run at a time."""
    with one_blas_thread():
        return run_start(problem, solver, start, observer)


def report_of_starts(
    network: Network, X: Array, results: list[SolverResult]
) -> dict[str, NDArray[Any]]:
    """How each start ended, and which of them found the same minimum."""
    order = np.argsort([result.value for result in results], kind="stable")
    minimum = np.full(len(results), -1)
    found: list[Minimum] = []
    for number in order:
        result = results[number]
        if not is_stationary(result):
            continue
        this = Minimum(network, X, result.params, result.value, result.history[0])
        label = next((k for k, other in enumerate(found) if this.is_same(other)), len(found))
        minimum[number] = label
        if label == len(found):
            found.append(this)
    return {
        "loss": np.array([result.value for result in results]),
        "gradient_norm": np.array([result.stationarity for result in results]),
        "n_iter": np.array([result.n_iter for result in results]),
        "converged": np.array([result.converged for result in results]),
        "minimum": minimum,
    }


def attributes(
    network: Network,
    loss: Loss,
    target: Any,
    layer_attributes: Callable[[Network, dict[str, Array]], dict[str, Any]],
    params: Array,
) -> dict[str, Any]:
    """The fitted attributes that parameters determine; enough to predict."""
    arrays = network.layout.unpack(params)
    n_linear = sum(network.linear)
    return {
        **target.attributes,
        **layer_attributes(network, arrays),
        "params_": params.copy(),
        "coefs_": [arrays[f"coefs_{k}"] for k in range(n_linear)],
        "intercepts_": [arrays[f"intercepts_{k}"] for k in range(n_linear)],
        "n_layers_": len(network.layers) + 1,
        "n_outputs_": network.n_outputs,
        "out_activation_": loss.out_activation,
        "_network_": network,
        "_loss_": loss,
        "_target_": target,
    }


def is_stationary(result: SolverResult) -> bool:
    """Whether a run ended where the gradient vanishes, also if it asked for more."""
    # Against its start, or against f, whose rounding is in the gradient of a warm start.
    goal = max(1e-6 * result.initial_gradient_norm, 1e-8 * abs(result.value))
    return result.converged or (result.status is Status.STALLED and result.stationarity <= goal)


def verdict(objective: Objective, result: SolverResult) -> str:
    """What kind of point a run has ended at."""
    if not is_stationary(result):
        return "not stationary"
    found = result.multipliers
    if found is None:
        return critical_point(objective, result.params)
    kind = critical_point(objective, result.params, found.active)
    if kind != "saddle":
        return kind
    # Where a multiplier is zero only one side is feasible: the curvature may be the other's.
    rows = found.constraints.rows()[0][found.tight]
    return (
        "saddle" if critical_point(objective, result.params, rows) == "saddle" else "inconclusive"
    )
