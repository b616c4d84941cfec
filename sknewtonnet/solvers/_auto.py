"""The default: quasi-Newton steps far from a minimum, Newton steps near it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from sknewtonnet.solvers._base import (
    PRODUCT_KINDS,
    Callback,
    Iteration,
    ObjectiveLike,
    Solver,
    SolverResult,
    Status,
)
from sknewtonnet.solvers._newton import NewtonSolver
from sknewtonnet.solvers._scipy import ScipySolver
from sknewtonnet.solvers._watch import Counted, Watch

Array = NDArray[np.float64]

# Newton steps take over where the largest gradient entry has fallen to this part of its start:
# later if the output layer is solved for, which lets quasi-Newton steps go far.
_TAKE_OVER, _TAKE_OVER_REDUCED = 1e-2, 1e-3
# A start with a smaller gradient, such as the last fit's end, is left to Newton steps at once.
_NEAR = 1e-4
# Quasi-Newton steps at most: what an ill-conditioned problem must not waste.
_FEWEST = 100


@dataclass(frozen=True)
class AutoSolver(Solver):
    """L-BFGS steps far from a minimum, Newton steps near it; the output layer solved for.

    Far out a second derivative is worth no more than a few gradients, near a minimum nothing
    is as fast. L-BFGS steps bring the largest gradient entry to a hundredth of its start, in
    at most as many iterations as there are parameters (or 100); from there "newton" goes on,
    to the end. It does not end at a saddle point.

    An objective may offer a reduced form of itself, with the output layer as a function of all
    other parameters (variable projection: squared errors with a penalty). Then both work on
    that, L-BFGS to a thousandth. The end is a minimum of the objective itself.

    Options: those of "newton".
    """

    def check(self) -> None:
        """See :meth:`Solver.check`."""
        self._newton().check()

    def minimize(
        self, objective: ObjectiveLike, w0: Array, callback: Callback | None = None
    ) -> SolverResult:
        """See :meth:`Solver.minimize`."""
        self.check()
        start = Watch(Counted(objective, self.hessian), self.tol, self.max_iter, None)
        with np.errstate(over="ignore", invalid="ignore"):
            start.begin(np.array(w0, dtype=float))
        run = _Run(start, callback)
        reduced = None
        if self.hessian in PRODUCT_KINDS and hasattr(objective, "reduced"):
            reduced = objective.reduced()
        if start.status is None and reduced is not None:
            run.leg(self._quasi_newton(run, _TAKE_OVER_REDUCED), reduced, reduced.expand)
            run.leg(self._newton(run.n_iter), reduced, reduced.expand)
            if run.is_flat():
                return run.result()
        elif start.status is None:
            run.leg(self._quasi_newton(run, _TAKE_OVER), objective)
        run.leg(self._newton(run.n_iter), objective)
        return run.result()

    def _quasi_newton(self, run: "_Run", part: float) -> ScipySolver:
        goal = max(part * run.start.gradient_norm, _NEAR, self.tol)
        most = max(len(run.params), _FEWEST)
        return ScipySolver("l-bfgs-b", goal, min(most, self.max_iter))

    def _newton(self, n_iter: int = 0) -> NewtonSolver:
        return NewtonSolver(
            self.name, self.tol, self.max_iter - n_iter, self.hessian, self.options
        )


class _Run:
    """Several solvers one after the other, told of as one."""

    def __init__(self, start: Watch, callback: Callback | None):
        self.start, self.callback = start, callback
        self.params, self.n_iter = start.params, 0
        self._legs: list[SolverResult] = []
        self._stopped = False
        self._gradient: Array | None = None

    def leg(
        self,
        solver: Solver,
        problem: ObjectiveLike,
        expand: Callable[[Array], Array] = lambda u: u,
    ) -> None:
        """Go on with a solver from where the last one ended, unless that was told to stop."""
        if self._stopped or (self._legs and solver.max_iter < 1):
            return

        def relay(it: Iteration) -> bool | None:
            assert self.callback is not None
            n_iter = self.n_iter + it.n_iter
            told = Iteration(n_iter, expand(it.params), it.value, it.gradient_norm)
            return self.callback(told)

        u = self.params[: problem.n_parameters]
        found = solver.minimize(problem, u, None if self.callback is None else relay)
        self._legs.append(found)
        self._stopped, self._gradient = found.status is Status.STOPPED, None
        self.params, self.n_iter = expand(found.params), self.n_iter + found.n_iter

    def is_flat(self) -> bool:
        """Whether the objective itself, not a reduced form, has a gradient small enough."""
        self._gradient = self.start.counted.gradient(self.params)
        return bool(np.abs(self._gradient).max() <= self.start.tol)

    def result(self) -> SolverResult:
        """All legs as one result."""
        last = self._legs[-1]
        if len(last.params) < len(self.params) and self._gradient is None:
            self.is_flat()
        gradient = last.gradient if self._gradient is None else self._gradient
        calls = Counter(self.start.counted.calls)
        for leg in self._legs:
            calls.update(leg.n_evaluations)
        status, message = last.status, last.message
        if status is Status.CONVERGED and np.abs(gradient).max() > self.start.tol:
            status = Status.MAX_ITER  # L-BFGS came as far as it should, and no step was left
            message = status.value
        values = chain.from_iterable(leg.history[1:] for leg in self._legs)
        return replace(
            last,
            params=self.params,
            gradient=gradient,
            status=status,
            message=message,
            n_iter=self.n_iter,
            n_evaluations=dict(calls),
            history=(self.start.value, *values),
            initial_gradient_norm=self.start.gradient_norm,
        )
