"""Gradient descent with a constant step."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.solvers._base import Solver
from sknewtonnet.solvers._options import POSITIVE, Range, option
from sknewtonnet.solvers._result import Status
from sknewtonnet.solvers._run import Run


@dataclass
class _Momentum:
    """The last step."""

    step: Array | float = field(default=0.0)


@dataclass(frozen=True, kw_only=True)
class GradientDescentSolver(Solver):
    """Standard back-propagation: steps of constant length along the gradient.

        step = momentum * last step - learning_rate * gradient

    The objective may rise on the way; the run stops, STALLED, before a point where it is not
    finite. Below a learning rate of 2 / (largest eigenvalue of the Hessian) it converges near
    a minimum, linearly. A step costs one gradient.

    Parameters
    ----------
    tol, ftol, max_iter, hessian
        As in :class:`Solver`.
    learning_rate : float, default=0.1
        Length of a step over that of the gradient; positive.
    momentum : float, default=0.0
        Part of the last step that is added, from 0 to below 1.
    """

    learning_rate: float = option(0.1, POSITIVE)
    momentum: float = option(0.0, Range(0.0, 1.0))

    def begin(self, run: Run) -> _Momentum:
        """Start without momentum; see :meth:`Solver.begin`."""
        run.events["diverged"] = 0
        return _Momentum()

    def step(self, run: Run, state: Any) -> None:
        """Take the next point, whatever its value, if it is finite; see :meth:`Solver.step`."""
        state.step = self.momentum * state.step - self.learning_rate * run.gradient
        w = run.params + state.step
        value, gradient = run.function.value(w), run.function.gradient(w)
        if np.isfinite(value) and np.isfinite(gradient).all():
            run.take(w, value, gradient)
        else:
            run.message = (
                f"a step led out of all bounds: learning_rate={self.learning_rate:g} is too large"
            )

    def finish(self, run: Run, state: Any) -> None:
        """Report a run that has stalled as diverged; see :meth:`Solver.finish`."""
        run.events["diverged"] = int(run.status is Status.STALLED)
