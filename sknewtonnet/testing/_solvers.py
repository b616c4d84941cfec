"""The check of a solver, on small functions: does it do what it says, and tell what it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus import Network, Objective, SmoothFunction
from sknewtonnet.solvers import Capability, Iteration, Solver, SolverResult, Status

_SECOND = {"hessian", "hessian_product"}


def check_solver(solver: Solver) -> None:
    """Check that a solver does what it says, on a quadratic, two valleys and a small net.

    It must end where the gradient is at most ``tol``, or say by its status that it did not; lower
    the quadratic function at least; call what it declares in ``needs`` and count it;
    respect ``max_iter``; report each iteration to a callback, and stop where that asks for it;
    leave the starting point alone, and refuse one where the function is not finite.

    Parameters
    ----------
    solver : Solver
        The object to check, with its settings, without constraints. Functions that do not know its
        kind of second derivatives, or have no blocks for its preconditioner, are left out.

    Raises
    ------
    AssertionError
        Naming the solver, the function, and what is wrong.

    See Also
    --------
    sknewtonnet.solvers.Solver : The base class, with an example.
    check_loss : Checks of what solvers minimise.

    Examples
    --------
    >>> from sknewtonnet.solvers import NewtonSolver
    >>> from sknewtonnet.testing import check_solver
    >>> check_solver(NewtonSolver(tol=1e-8))
    """
    probes = [_SolverProbe(solver, name, make) for name, make in _PROBLEMS.items()]
    known = [probe for probe in probes if probe.knows_what_is_asked()]
    for probe in known:
        probe.check_end()
        probe.check_limit()
        probe.check_stop()
        probe.check_bad_start()


class _SumOfSquares(SmoothFunction):
    """1/2 |r(w)|^2, by residuals with a Jacobian and second derivatives."""

    hessian_kinds = ("exact", "gauss-newton")

    def __init__(self, size: int, residuals: Callable[[Array], tuple[Array, Array, Array]]):
        self.n_parameters, self._residuals = size, residuals

    def value(self, w: Array) -> float:
        """Half the sum of squares."""
        r = self._residuals(w)[0]
        return 0.5 * float(r @ r)

    def gradient(self, w: Array) -> Array:
        """J'r."""
        r, J, _ = self._residuals(w)
        return J.T @ r

    def hessian(self, w: Array, kind: str = "exact") -> Array:
        """J'J, and the sum of r_i D2 r_i if it is to be exact."""
        r, J, second = self._residuals(w)
        H: Array = J.T @ J
        return H if kind == "gauss-newton" else H + np.tensordot(r, second, axes=1)


def _quadratic() -> tuple[SmoothFunction, Array]:
    """Eigenvalues from 1/4 to 4, minimum 0 at (1, ..., 1)."""
    axes, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((5, 5)))
    J = np.geomspace(0.5, 2.0, 5)[:, None] * axes
    nothing = np.zeros((5, 5, 5))
    return _SumOfSquares(5, lambda w: (J @ (w - 1.0), J, nothing)), np.array([3.0, -2, 0, 1, -1])


def _rosenbrock() -> tuple[SmoothFunction, Array]:
    """50 (w1 - w0^2)^2 + (1 - w0)^2 / 2, a curved valley."""
    second = np.zeros((2, 2, 2))
    second[0, 0, 0] = -20.0

    def residuals(w: Array) -> tuple[Array, Array, Array]:
        r = np.array([10.0 * (w[1] - w[0] ** 2), 1.0 - w[0]])
        return r, np.array([[-20.0 * w[0], 10.0], [-1.0, 0.0]]), second

    return _SumOfSquares(2, residuals), np.array([-1.2, 1.0])


def _double_well() -> tuple[SmoothFunction, Array]:
    """(w0^2 - 1)^2 / 4 + w1^2, from where it is concave in w0."""
    root = np.sqrt(0.5)
    second = np.zeros((2, 2, 2))
    second[0, 0, 0] = 2.0 * root

    def residuals(w: Array) -> tuple[Array, Array, Array]:
        r = np.array([root * (w[0] ** 2 - 1.0), w[1] / root])
        return r, np.array([[2.0 * root * w[0], 0.0], [0.0, 1.0 / root]]), second

    return _SumOfSquares(2, residuals), np.array([0.1, 1.0])


def _net() -> tuple[SmoothFunction, Array]:
    """A penalised net of two units."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((30, 2))
    y = np.tanh(X[:, :1] - X[:, 1:]) + 0.1 * rng.standard_normal((30, 1))
    net = Network.mlp(2, (2,), 1)
    start = 0.5 * rng.standard_normal(net.n_parameters)
    return Objective(net, "squared_error", X, y, alpha=1.0), start


_PROBLEMS = {
    "a quadratic function": _quadratic,
    "Rosenbrock's function": _rosenbrock,
    "a double well": _double_well,
    "a small net": _net,
}


class _Witness(SmoothFunction):
    """A function that counts its calls by itself."""

    def __init__(self, function: SmoothFunction):
        self.function, self.n_parameters = function, function.n_parameters
        self.hessian_kinds = function.hessian_kinds
        self.calls: Counter[str] = Counter()

    def value(self, w: Array) -> float:
        """The function at w."""
        self.calls["value"] += 1
        return self.function.value(w)

    def gradient(self, w: Array) -> Array:
        """Its gradient."""
        self.calls["gradient"] += 1
        return self.function.gradient(w)

    def hessian(self, w: Array, kind: str = "exact") -> Array:
        """Its Hessian."""
        self.calls["hessian"] += 1
        return self.function.hessian(w, kind)

    def hessian_product(self, w: Array, v: Array, kind: str = "exact") -> Array:
        """Its Hessian times directions."""
        self.calls["hessian_product"] += 1
        return self.function.hessian_product(w, v, kind)

    def block_positions(self) -> list[Ints] | None:
        """Those of the function."""
        return self.function.block_positions()

    def hessian_blocks(self, w: Array, kind: str = "block") -> list[Array]:
        """Those of the function, which are no calls of it."""
        return self.function.hessian_blocks(w, kind)


@dataclass(frozen=True)
class _SolverProbe:
    """A solver on one function."""

    solver: Solver
    where: str
    make: Callable[[], tuple[SmoothFunction, Array]]

    def function(self) -> SmoothFunction:
        """The function, fresh."""
        return self.make()[0]

    def knows_what_is_asked(self) -> bool:
        """Whether the function has the kind of second derivatives, and the blocks, if any."""
        function = self.function()
        blocks = getattr(self.solver, "preconditioner", "none") != "none"
        lacks = blocks and function.block_positions() is None
        return self.solver.kind in function.hessian_kinds and not lacks

    def says(self, right: bool, wrong: str) -> None:
        """Raise unless what a solver does is right."""
        if not right:
            raise AssertionError(f"{type(self.solver).__name__} on {self.where}: {wrong}.")

    def check_end(self) -> None:
        """A whole run: its end, its counts, and what a callback sees."""
        (function, start), seen = self.make(), []

        def see(iteration: Iteration) -> None:
            seen.append((iteration, iteration.params.copy()))

        witness, w0 = _Witness(function), start.copy()
        result = self.solver.minimize(witness, w0, see)
        self.says(np.array_equal(w0, start), "it writes to the starting point")
        self._check_result(result, start)
        self._check_calls(result, witness.calls)
        numbers = [iteration.n_iter for iteration, _ in seen]
        self.says(
            numbers == list(range(1, result.n_iter + 1)),
            f"the callback saw iterations {numbers[:5]}... of {result.n_iter}",
        )
        f = self.function()
        for iteration, params in seen:
            self.says(
                _same(iteration.value, f.value(params)),
                f"the callback of iteration {iteration.n_iter} saw a value of "
                f"{iteration.value:g} where the function is {f.value(params):g}",
            )
        moved = bool(seen) and not np.array_equal(seen[-1][1], result.params)
        self.says(not moved, "the run ended at another point than the callback saw last")

    def _check_result(self, result: SolverResult, start: Array) -> None:
        """What the result says of its end is true."""
        f = self.function()
        value, gradient = f.value(result.params), f.gradient(result.params)
        steepness, tol = float(np.abs(gradient).max()), self.solver.tol
        self.says(_same(result.value, value), f"its value is {result.value:g}, not {value:g}")
        self.says(
            np.allclose(result.gradient, gradient, rtol=1e-9, atol=1e-12 + 1e-3 * tol),
            "its gradient is not that of the function",
        )
        converged = result.status is Status.CONVERGED
        self.says(
            steepness <= tol * (1.0 + 1e-6) + 1e-13 or not converged,
            f"it says CONVERGED with a gradient of {steepness:.2e} (tol={tol:g})",
        )
        self.says(
            converged or steepness > tol * (1.0 - 1e-6) - 1e-13,
            f"it says {result.status.name} where the gradient is below tol",
        )
        self.says(
            (result.n_iter == self.solver.max_iter) or result.status is not Status.MAX_ITER,
            f"it says MAX_ITER after {result.n_iter} iterations of {self.solver.max_iter}",
        )
        known = _same(result.history[0], f.value(start)) and result.history[-1] == result.value
        self.says(
            known and len(result.history) == result.n_iter + 1,
            "its history is not that of the start and each iteration",
        )
        if self.make is _quadratic:
            self.says(value < f.value(start), f"the function does not fall: {result.message}")

    def _check_calls(self, result: SolverResult, calls: Counter[str]) -> None:
        """What is counted was called, and what was called is declared."""
        counted = {name: number for name, number in result.n_evaluations.items() if number}
        self.says(
            counted == dict(calls), f"it counts {counted}, and the function saw {dict(calls)}"
        )
        declared = set((self.solver.calls | Capability.VALUE | Capability.GRADIENT).methods)
        if declared & _SECOND:  # a run may end with either kind
            declared |= _SECOND
        self.says(
            calls.keys() <= declared,
            f"it calls {sorted(calls.keys() - declared)}, which its needs do not declare",
        )

    def check_limit(self) -> None:
        """Iterations at most."""
        for most in (1, 2):
            function, start = self.make()
            result = replace(self.solver, max_iter=most).minimize(function, start)
            self.says(
                result.n_iter <= most, f"it takes {result.n_iter} iterations for max_iter={most}"
            )
            self.says(
                result.n_iter == most or result.status is not Status.MAX_ITER,
                f"it says MAX_ITER after {result.n_iter} iterations of {most}",
            )

    def check_stop(self) -> None:
        """A callback stops the run."""
        function, start = self.make()
        result = self.solver.minimize(function, start, lambda iteration: True)
        self.says(result.n_iter <= 1, f"a callback asked to stop after 1 of {result.n_iter}")
        at_goal = result.status in (Status.STOPPED, Status.CONVERGED)
        self.says(
            at_goal or result.n_iter < 1,
            f"it says {result.status.name} where a callback asked to stop",
        )

    def check_bad_start(self) -> None:
        """A start that is not finite is refused."""
        function, start = self.make()
        try:
            self.solver.minimize(function, np.full_like(start, np.nan))
        except ValueError:
            return
        self.says(False, "it starts where the function is not finite, in place of a ValueError")


def _same(a: float, b: float) -> bool:
    return bool(np.isclose(a, b, rtol=1e-12, atol=1e-300))
