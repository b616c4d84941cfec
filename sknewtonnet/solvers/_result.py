"""What a run tells: each iteration to a callback, and how it ended."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.solvers.constraints import Multipliers


class Status(Enum):
    """Why a solver stopped; the values are words for a message."""

    CONVERGED = "the largest gradient entry is at most tol"
    MAX_ITER = "max_iter iterations were not enough"
    STALLED = "no step lowers the objective any more in double precision"
    STOPPED = "a callback asked to stop"


@dataclass(frozen=True, slots=True)
class Iteration:
    """What a callback sees after each iteration.

    Attributes
    ----------
    n_iter : int
        Iterations so far.
    params : ndarray of shape (n_parameters,)
        Current point.
    value : float
        Objective there.
    gradient_norm : float
        Largest absolute entry of the gradient there; under constraints the largest residual of
        the Karush-Kuhn-Tucker conditions.
    """

    n_iter: int
    params: Array
    value: float
    gradient_norm: float


@dataclass(frozen=True, slots=True)
class SolverResult:
    """Where a solver ended, and how it got there.

    Attributes
    ----------
    params : ndarray of shape (n_parameters,)
        The last point.
    value : float
        Objective there.
    gradient : ndarray of shape (n_parameters,)
        Gradient there.
    status : Status
        Why the solver stopped.
    message : str
        The same in words; for a run that stalled, the solver's own.
    n_iter : int
        Number of iterations.
    n_evaluations : dict of str to int
        Calls of "value", "gradient", "hessian" and "hessian_product".
    history : tuple of float
        Objective at the start and after each iteration.
    initial_gradient_norm : float
        The same as an iteration's ``gradient_norm``, at the start.
    n_events : dict of str to int
        What else a solver counts, by its own names.
    multipliers : Multipliers or None
        Of the constraints, with the residuals of the conditions; None without constraints.
    """

    params: Array
    value: float
    gradient: Array
    status: Status
    message: str
    n_iter: int
    n_evaluations: Mapping[str, int]
    history: tuple[float, ...] = field(repr=False)
    initial_gradient_norm: float
    n_events: Mapping[str, int] = field(default_factory=dict)
    multipliers: Multipliers | None = None

    @property
    def gradient_norm(self) -> float:
        """Largest absolute entry of the gradient."""
        return float(np.abs(self.gradient).max())

    @property
    def stationarity(self) -> float:
        """What ``tol`` is compared with: gradient_norm, or the largest KKT residual."""
        if self.multipliers is None:
            return self.gradient_norm
        return self.multipliers.residuals.largest

    @property
    def converged(self) -> bool:
        """Whether the gradient is as small as was asked for."""
        return self.status is Status.CONVERGED


Callback = Callable[[Iteration], bool | None]
