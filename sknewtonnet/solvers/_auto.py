"""The default: quasi-Newton steps far from a minimum, Newton steps near it.

It is made of runs of other solvers, one after the other, and so overrides ``minimize``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import SmoothFunction
from sknewtonnet.calculus.pieces.function import HESSIAN_KINDS, PRODUCT_KINDS, EmbeddedFunction
from sknewtonnet.solvers._base import FIRST_ORDER, SECOND_DERIVATIVES, Solver
from sknewtonnet.solvers._constrained import AutoConstrainedSolver
from sknewtonnet.solvers._newton import (
    ALWAYS_DENSE,
    NEVER_DENSE,
    RADII,
    RADIUS,
    KeptNewtonSolver,
    NewtonSolver,
)
from sknewtonnet.solvers._options import Choice, option
from sknewtonnet.solvers._preconditioner import PRECONDITIONERS, check_blocks, check_products
from sknewtonnet.solvers._quasi_newton import QuasiNewtonSolver
from sknewtonnet.solvers._result import Callback, Iteration, SolverResult, Status
from sknewtonnet.solvers._run import Run
from sknewtonnet.solvers.constraints import ConstraintKind

# Newton steps take over where the largest gradient entry has fallen to this part of its start:
# later if the output layer is solved for, which lets quasi-Newton steps go far.
_TAKE_OVER, _TAKE_OVER_REDUCED = 1e-2, 1e-4
# A start with a smaller gradient, relative to the objective, such as the last fit's end, is
# left to Newton steps at once.
_NEAR = 1e-4
# Quasi-Newton steps at most: what an ill-conditioned problem must not waste. Where Newton steps
# take products, quasi-Newton steps go on to the end, and leave the last part of the iterations.
_FEWEST, _LAST = 100, 0.1


@dataclass(frozen=True, kw_only=True)
class AutoSolver(Solver):
    """L-BFGS steps far from a minimum, Newton steps near it; the output layer solved for.

    An objective may offer a reduced form of itself, with the output layer as a function of all
    other parameters (variable projection: squared errors with a penalty). On that form, L-BFGS
    steps reduce the largest gradient entry to a ten-thousandth of its start, in at most as many
    iterations as there are parameters (or 100); from there Newton steps continue to the end. The
    end is a minimum of the objective itself. If only a penalty prevents such a form, the message
    of the result says so.

    Without such a form "newton" works from the start up to 125 parameters, where a Hessian costs
    few gradients. Above that L-BFGS steps come first, until the gradient entry has fallen to a
    hundredth. The run does not end at a saddle point.

    Newton steps of these nets form the Hessian. After each, in the same iteration, quasi-Newton
    steps use its factor, as long as they lower the objective by as much per gradient as the
    Newton step, whose Hessian counts as P / 16 of them. Above 2000 parameters L-BFGS steps go on
    to the end, and Newton steps by products follow only where they stall, after nine tenths of
    ``max_iter``, and at saddle points.

    With ``ftol`` or ``fatol`` L-BFGS steps come first whatever the objective, and go on until it
    ends the run; Newton steps follow only where they stall before.

    Parameters
    ----------
    tol, ftol, fatol, f_target : float, default=1e-10, 0.0, 0.0 and -inf
        As in :class:`Solver`.
    max_iter : int, default=1000
        As in :class:`Solver`.
    hessian : {"exact", "block", "lagrangian", "gauss-newton"}, default="exact"
        Second derivatives of the steps, as in :class:`Solver`.
    initial_trust_radius : float, default=0.3
        As in :class:`NewtonSolver`. It has no effect under constraints, which another class keeps.
    preconditioner : {"none", "block"}, default="none"
        As in :class:`NewtonSolver`, of the Newton steps. Under constraints there is none.

    See Also
    --------
    NewtonSolver : Newton steps from the start.
    LBFGSBSolver : L-BFGS steps to the end.
    get_solver : A solver by its name.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.solvers import AutoSolver
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> f = Objective(Network.mlp(1, (2,), 1), "squared_error", X, np.tanh(3.0 * X), alpha=0.01)
    >>> result = AutoSolver(tol=1e-8).minimize(f, np.linspace(-1.0, 1.0, 7))
    >>> result.converged, result.n_evaluations["hessian"] < result.n_iter
    (True, True)
    """

    needs = FIRST_ORDER | SECOND_DERIVATIVES
    hessian_kinds = HESSIAN_KINDS
    keeps = ConstraintKind.NONLINEAR

    initial_trust_radius: float = option(RADIUS, RADII)
    preconditioner: str = option("none", Choice(PRECONDITIONERS))

    def __post_init__(self) -> None:
        """Raise a ValueError for a setting that is not allowed."""
        super().__post_init__()
        check_products(type(self).__name__, self.preconditioner, self.hessian)

    def check(self, function: SmoothFunction) -> None:
        """Check that it has blocks, too, if they are asked for; see :meth:`Solver.check`.

        Parameters
        ----------
        function : SmoothFunction
            The function to minimise.
        """
        super().check(function)
        check_blocks(type(self).__name__, self.preconditioner, function)

    @classmethod
    def under_constraints(cls) -> type[Solver]:
        """A method of scipy chosen by the constraints, with an exact end.

        See :meth:`Solver.under_constraints`.

        Returns
        -------
        type or None
            A solver that keeps all kinds of constraints.
        """
        return AutoConstrainedSolver

    def minimize(
        self, function: SmoothFunction, w0: Array, callback: Callback | None = None
    ) -> SolverResult:
        """See :meth:`Solver.minimize`.

        Parameters
        ----------
        function : SmoothFunction
            The function and its derivatives.
        w0 : ndarray of shape (n_parameters,)
            Starting point; it is not written to.
        callback : callable, default=None
            Called with an :class:`Iteration` after each iteration; a true result stops the run.

        Returns
        -------
        SolverResult
            Where the run ended, and why.
        """
        self.check(function)
        with np.errstate(all="ignore"):
            return self._minimize(function, w0, callback)

    def _minimize(
        self, function: SmoothFunction, w0: Array, callback: Callback | None
    ) -> SolverResult:
        start = Run(
            function,
            self.tol,
            self.max_iter,
            ftol=self.ftol,
            fatol=self.fatol,
            f_target=self.f_target,
        )
        start.begin(w0)
        note = function.why_not_reduced() if self.hessian in PRODUCT_KINDS else ""
        legs = _Legs(start, callback, note)
        at_end = start.status in (Status.CONVERGED, Status.TARGET)
        reduced = None if at_end else self._reduced(function, legs.params)
        if reduced is not None:
            legs.jump(reduced.expand(reduced.restrict(legs.params)))
            legs.go(self._quasi_newton(legs, _TAKE_OVER_REDUCED), reduced)
            legs.go(self._newton(legs, is_reduced=True), reduced)
            if legs.is_flat() and not legs.is_stuck:
                return legs.result()
        elif start.status is None and (self._ends_early or len(legs.params) > ALWAYS_DENSE):
            legs.go(self._quasi_newton(legs, _TAKE_OVER))
        legs.go(self._newton(legs))
        return legs.result()

    def _reduced(self, function: SmoothFunction, w: Array) -> EmbeddedFunction | None:
        """The reduced form of a function, where it has one with a finite solution."""
        reduced = function.reduced()
        if reduced is None or self.hessian not in reduced.hessian_kinds:
            return None
        solved = reduced.expand(reduced.restrict(w))
        return reduced if np.isfinite(solved).all() and function.is_finite(solved) else None

    @property
    def _ends_early(self) -> bool:
        """Whether a slow fall ends the run."""
        return self.ftol > 0.0 or self.fatol > 0.0

    def _quasi_newton(self, legs: _Legs, part: float) -> Solver:
        near = _NEAR * abs(legs.start.value)
        goal = max(part * legs.start.stationarity, near, self.tol)
        most, left = max(len(legs.params), _FEWEST), self.max_iter - legs.n_iter
        if self._ends_early:  # a Newton step on many rows takes the time of a hundred of these
            return QuasiNewtonSolver(tol=self.tol, max_iter=left)
        if len(legs.params) > NEVER_DENSE:
            return QuasiNewtonSolver(tol=self.tol, max_iter=left - int(_LAST * left))
        return QuasiNewtonSolver(tol=goal, max_iter=min(most, left))

    def _newton(self, legs: _Legs, is_reduced: bool = False) -> Solver:
        """Newton steps; where a Hessian costs few gradients, each has one of its own."""
        keeps = is_reduced or len(legs.params) > ALWAYS_DENSE
        return (KeptNewtonSolver if keeps else NewtonSolver)(
            tol=self.tol,
            max_iter=self.max_iter - legs.n_iter,
            hessian=self.hessian,
            initial_trust_radius=self.initial_trust_radius,
            preconditioner=self.preconditioner,
        )


class _Legs:
    """Runs of several solvers one after the other, reported as one."""

    def __init__(self, start: Run, callback: Callback | None, note: str):
        self.start, self.callback, self._note = start, callback, note
        self.params, self.value, self.n_iter = start.params, start.value, 0
        self._history = [start.value]
        self._last: SolverResult | None = None
        self._calls = start.function.calls
        self._events = start.events
        self._stopped = False
        self._early: Status | None = start.early_end(self._history)
        self._gradient: Array | None = start.gradient

    def jump(self, w: Array) -> None:
        """Solve for the output layer: the first iteration."""
        self.params, self.value = w, self.start.function.value(w)
        self._history.append(self.value)
        self.n_iter += 1
        self.is_flat()
        assert self._gradient is not None
        steepness = float(np.abs(self._gradient).max())
        self.start.recorder.note(steepness, self._calls["hessian"])
        if self.callback is not None:
            self._stopped = bool(self.callback(Iteration(1, w, self.value, steepness)))
        self._early = self.start.early_end(self._history)

    def go(self, solver: Solver, reduced: EmbeddedFunction | None = None) -> None:
        """Continue with a solver where the last one ended, unless the run was stopped there."""
        if self._stopped or self._early or solver.max_iter < 1:
            return
        function, u = self.start.function.function, self.params
        if reduced is not None:
            function, u = reduced, reduced.restrict(u)

        def expand(u: Array) -> Array:
            return u if reduced is None else reduced.expand(u)

        def relay(it: Iteration) -> bool:
            self._history.append(it.value)
            if self.callback is not None:
                n_iter = self.n_iter + it.n_iter
                seen = Iteration(n_iter, expand(it.params), it.value, it.gradient_norm)
                self._stopped = bool(self.callback(seen))
            self._early = self.start.early_end(self._history)
            return self._stopped or self._early is not None

        recorder = self.start.recorder
        clock, formed = recorder.clock, self._calls["hessian"]
        found = solver.minimize(function, u, relay)
        self._last = found
        assert found.trace is not None, "methods of this package keep one"
        name = "Newton" if solver.second_order else "quasi-Newton"
        recorder.join(found.trace, clock, formed, name)
        self._gradient = found.gradient if reduced is None else None
        self._calls.update(found.n_evaluations)
        self._events.update(found.n_events)
        self.params, self.value = expand(found.params), found.value
        self.n_iter += found.n_iter

    def is_flat(self) -> bool:
        """Whether the function itself, not a reduced form, has a gradient small enough."""
        self._gradient = self.start.function.gradient(self.params)
        return self._is_small(self._gradient)

    @property
    def is_stuck(self) -> bool:
        """Whether the last iteration looked for a way out of a saddle point, and found none."""
        return len(self._history) > 2 and self._history[-1] == self._history[-2]

    def result(self) -> SolverResult:
        """All legs as one result."""
        flat = self.is_flat() if self._gradient is None else self._is_small(self._gradient)
        assert self._gradient is not None
        status, message = self._end(flat)
        if self._note:
            message = f"{message}; {self._note}"
        return SolverResult(
            params=self.params,
            value=self.value,
            gradient=self._gradient,
            status=status,
            message=message,
            n_iter=self.n_iter,
            n_evaluations=dict(self._calls),
            history=tuple(self._history),
            initial_gradient_norm=self.start.stationarity,
            n_events=dict(self._events),
            trace=self.start.recorder.trace,
        )

    def _is_small(self, gradient: Array) -> bool:
        return bool(np.abs(gradient).max() <= self.start.tol)

    def _end(self, flat: bool) -> tuple[Status, str]:
        """Why the run is over; a leg's own goal is not that of the run."""
        if flat:
            return Status.CONVERGED, Status.CONVERGED.value
        if self._stopped:
            return Status.STOPPED, Status.STOPPED.value
        if self._early is not None:
            return self._early, self._early.value
        if self._last is None or self._last.converged:
            return Status.MAX_ITER, Status.MAX_ITER.value
        return self._last.status, self._last.message
