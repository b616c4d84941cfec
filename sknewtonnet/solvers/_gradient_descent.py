"""Gradient descent with a constant step."""

from dataclasses import dataclass

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import SmoothFunction
from sknewtonnet.solvers._base import Callback, Solver, SolverResult, Status
from sknewtonnet.solvers._options import POSITIVE, Range, check_hessian, check_options
from sknewtonnet.solvers._run import Counted, Watch


@dataclass(frozen=True)
class GradientDescentSolver(Solver):
    """Standard back-propagation: steps of constant length along the gradient.

        step = momentum * last step - learning_rate * gradient

    The objective may rise on the way; the run stops, STALLED, before a point where it is not
    finite. Below a learning rate of 2 / (largest eigenvalue of the Hessian) it converges near
    a minimum, linearly.

    Options: ``learning_rate`` (0.1), positive; ``momentum`` (0.0), from 0 to below 1. A step
    costs one gradient.
    """

    def check(self) -> None:
        """See :meth:`Solver.check`."""
        options = {"learning_rate": POSITIVE, "momentum": Range(0.0, 1.0)}
        check_options(self.name, self.options, options)
        check_hessian(self.name, self.hessian, ("exact",))

    def minimize(
        self, objective: SmoothFunction, w0: Array, callback: Callback | None = None
    ) -> SolverResult:
        """See :meth:`Solver.minimize`."""
        self.check()
        rate = float(self.options.get("learning_rate", 0.1))
        momentum = float(self.options.get("momentum", 0.0))
        watch = Watch(Counted(objective, self.hessian), self.tol, self.max_iter, callback)
        step, message = np.zeros(objective.n_parameters), ""
        with np.errstate(over="ignore", invalid="ignore"):
            watch.begin(np.array(w0, dtype=float))
            while watch.status is None:
                step = momentum * step - rate * watch.gradient
                w = watch.params + step
                value = watch.counted.value(w)
                gradient = watch.counted.gradient(w)
                if not (np.isfinite(value) and np.isfinite(gradient).all()):
                    message = f"a step led out of all bounds: learning_rate={rate:g} is too large"
                    watch.count(stalled=True)
                else:
                    watch.take(w, value, gradient)
                    watch.count()
        diverged = watch.status is Status.STALLED
        return watch.result(message if diverged else "", {"diverged": int(diverged)})
