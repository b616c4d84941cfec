"""What a solver is, what it needs, and what it hands back."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import SmoothFunction
from sknewtonnet.solvers.constraints import Multipliers


class Capability(Enum):
    """The highest derivative a solver asks for."""

    GRADIENT = "gradient"
    HESSIAN_PRODUCT = "Hessian-vector product"
    HESSIAN = "Hessian"


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


@dataclass(frozen=True)
class Solver(ABC):
    """A method of minimisation with its settings.

    Attributes
    ----------
    name : str
        Its name in ``SOLVERS``.
    tol : float
        Stop when the largest absolute entry of the gradient is at most this.
    max_iter : int
        Stop after so many iterations.
    hessian : str
        The second derivatives to use: "exact", "block", "lagrangian" or "gauss-newton".
    options : mapping of str to Any
        Settings of this method alone.
    """

    name: str
    tol: float
    max_iter: int
    hessian: str = "exact"
    options: Mapping[str, Any] = field(default_factory=dict)

    @abstractmethod
    def check(self) -> None:
        """Raise a ValueError if the settings do not fit the method."""

    @abstractmethod
    def minimize(
        self, objective: SmoothFunction, w0: Array, callback: Callback | None = None
    ) -> SolverResult:
        """Minimise from a starting point.

        Parameters
        ----------
        objective : SmoothFunction
            The function and its derivatives.
        w0 : ndarray of shape (n_parameters,)
            Starting point.
        callback : callable, default=None
            Called with an :class:`Iteration` after each one; true means stop.

        Raises
        ------
        ValueError
            If the objective is not finite at the starting point.
        """
