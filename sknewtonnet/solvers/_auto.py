"""The default: quasi-Newton steps far from a minimum, Newton steps near it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import SmoothFunction
from sknewtonnet.calculus.pieces.function import PRODUCT_KINDS
from sknewtonnet.solvers._base import Callback, Iteration, Solver, SolverResult, Status
from sknewtonnet.solvers._newton import NewtonSolver
from sknewtonnet.solvers._run import Counted, Watch
from sknewtonnet.solvers._scipy import ScipySolver

# Newton steps take over where the largest gradient entry has fallen to this part of its start:
# later if the output layer is solved for, which lets quasi-Newton steps go far.
_TAKE_OVER, _TAKE_OVER_REDUCED = 1e-2, 1e-4
# Without a reduced form, L-BFGS steps pay above so many parameters only: Newton steps from the
# start find lower minima more often.
_MANY = 1000
# A start with a smaller gradient, relative to the objective, such as the last fit's end, is
# left to Newton steps at once.
_NEAR = 1e-4
# Quasi-Newton steps at most: what an ill-conditioned problem must not waste.
_FEWEST = 100


@dataclass(frozen=True)
class AutoSolver(Solver):
    """L-BFGS steps far from a minimum, Newton steps near it; the output layer solved for.

    An objective may offer a reduced form of itself, with the output layer as a function of all
    other parameters (variable projection: squared errors with a penalty). On that, L-BFGS steps
    bring the largest gradient entry to a ten-thousandth of its start, in at most as many
    iterations as there are parameters (or 100); from there "newton" goes on, to the end. The end
    is a minimum of the objective itself. Where a penalty alone is the reason that there is no such
    form, the message of the result says so.

    Without such a form "newton" works from the start. Only above 1000 parameters, where second
    derivatives far out are worth no more than a few gradients, L-BFGS steps go before it, to a
    hundredth. The run does not end at a saddle point.

    Options: those of "newton".
    """

    def check(self) -> None:
        """See :meth:`Solver.check`."""
        self._newton().check()

    def minimize(
        self, objective: SmoothFunction, w0: Array, callback: Callback | None = None
    ) -> SolverResult:
        """See :meth:`Solver.minimize`."""
        self.check()
        start = Watch(Counted(objective, self.hessian), self.tol, self.max_iter, None)
        with np.errstate(over="ignore", invalid="ignore"):
            start.begin(np.array(w0, dtype=float))
        run = _Run(start, callback)
        reduced = (
            None if start.status is Status.CONVERGED else self._reduced(objective, run.params)
        )
        if reduced is not None:
            run.jump(reduced.expand(run.params[: reduced.n_parameters]))
            run.leg(self._quasi_newton(run, _TAKE_OVER_REDUCED), reduced, reduced.expand)
            run.leg(self._newton(run.n_iter), reduced, reduced.expand)
            if run.is_flat():
                return run.result()
        elif start.status is None and len(run.params) > _MANY:
            run.leg(self._quasi_newton(run, _TAKE_OVER), objective)
        run.leg(self._newton(run.n_iter), objective)
        return run.result()

    def _reduced(self, objective: SmoothFunction, w: Array) -> Any:
        """The reduced form of an objective, where it has one and that is well conditioned."""
        if self.hessian not in PRODUCT_KINDS or not hasattr(objective, "reduced"):
            return None
        reduced = objective.reduced()
        if reduced is None or not np.isfinite(reduced.value(w[: reduced.n_parameters])):
            return None
        return reduced

    def _quasi_newton(self, run: "_Run", part: float) -> ScipySolver:
        near = _NEAR * abs(run.start.value)
        goal = max(part * run.start.gradient_norm, near, self.tol)
        most = max(len(run.params), _FEWEST)
        return ScipySolver("l-bfgs-b", goal, min(most, self.max_iter - run.n_iter))

    def _newton(self, n_iter: int = 0) -> NewtonSolver:
        return NewtonSolver(
            self.name, self.tol, self.max_iter - n_iter, self.hessian, self.options
        )


class _Run:
    """Several solvers one after the other, told of as one."""

    def __init__(self, start: Watch, callback: Callback | None):
        self.start, self.callback = start, callback
        self.params, self.value, self.n_iter = start.params, start.value, 0
        self._history = [start.value]
        self._last: SolverResult | None = None
        self._calls = start.counted.calls
        self._stopped = False
        self._gradient: Array | None = start.gradient

    def jump(self, w: Array) -> None:
        """Solve for the output layer: the first iteration."""
        self.params, self.value = w, self.start.counted.value(w)
        self._history.append(self.value)
        self.n_iter += 1
        self.is_flat()
        assert self._gradient is not None
        if self.callback is not None:
            steepness = float(np.abs(self._gradient).max())
            self._stopped = bool(self.callback(Iteration(1, w, self.value, steepness)))

    def leg(
        self,
        solver: Solver,
        problem: SmoothFunction,
        expand: Callable[[Array], Array] = lambda u: u,
    ) -> None:
        """Go on with a solver from where the last one ended, unless that was told to stop."""
        if self._stopped or solver.max_iter < 1:
            return

        def relay(it: Iteration) -> bool:
            assert self.callback is not None
            n_iter = self.n_iter + it.n_iter
            told = Iteration(n_iter, expand(it.params), it.value, it.gradient_norm)
            self._stopped = bool(self.callback(told))
            return self._stopped

        u = self.params[: problem.n_parameters]
        found = solver.minimize(problem, u, None if self.callback is None else relay)
        self._last, self._gradient = found, None
        if problem is self.start.counted.objective:
            self._gradient = found.gradient
        self._calls.update(found.n_evaluations)
        self._history += found.history[1:]
        self.params, self.value = expand(found.params), found.value
        self.n_iter += found.n_iter

    def is_flat(self) -> bool:
        """Whether the objective itself, not a reduced form, has a gradient small enough."""
        self._gradient = self.start.counted.gradient(self.params)
        return self._is_small(self._gradient)

    def result(self) -> SolverResult:
        """All legs as one result."""
        flat = self.is_flat() if self._gradient is None else self._is_small(self._gradient)
        assert self._gradient is not None
        status, message = self._end(flat)
        if self.start.counted.kind in PRODUCT_KINDS:
            reason = self.start.counted.objective.why_not_reduced()
            message = f"{message}; {reason}" if reason else message
        return SolverResult(
            params=self.params,
            value=self.value,
            gradient=self._gradient,
            status=status,
            message=message,
            n_iter=self.n_iter,
            n_evaluations=dict(self._calls),
            history=tuple(self._history),
            initial_gradient_norm=self.start.gradient_norm,
        )

    def _is_small(self, gradient: Array) -> bool:
        return bool(np.abs(gradient).max() <= self.start.tol)

    def _end(self, flat: bool) -> tuple[Status, str]:
        """Why the run is over; a leg's own goal is not that of the run."""
        if flat:
            return Status.CONVERGED, Status.CONVERGED.value
        if self._stopped:
            return Status.STOPPED, Status.STOPPED.value
        if self._last is None or self._last.converged:
            return Status.MAX_ITER, Status.MAX_ITER.value
        return self._last.status, self._last.message
