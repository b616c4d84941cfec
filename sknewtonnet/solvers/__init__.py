"""Solvers: minimise anything that looks like an objective."""

from collections.abc import Mapping
from typing import Any

from sknewtonnet.calculus.pieces.function import HESSIAN_KINDS
from sknewtonnet.solvers._auto import AutoSolver
from sknewtonnet.solvers._base import Callback, Capability, Iteration, Solver, SolverResult, Status
from sknewtonnet.solvers._constrained import CONSTRAINED, ConstrainedSolver
from sknewtonnet.solvers._gradient_descent import GradientDescentSolver
from sknewtonnet.solvers._levenberg_marquardt import LevenbergMarquardtSolver
from sknewtonnet.solvers._newton import NewtonSolver
from sknewtonnet.solvers._optimal_step import OptimalStepSolver
from sknewtonnet.solvers._scipy import METHODS, ScipySolver
from sknewtonnet.solvers.constraints import Constraints, KKTResiduals, Multipliers

SOLVERS: dict[str, type[Solver]] = {
    "auto": AutoSolver,
    "newton": NewtonSolver,
    "lm": LevenbergMarquardtSolver,
    "bpos": OptimalStepSolver,
    "gd": GradientDescentSolver,
    **dict.fromkeys(METHODS, ScipySolver),
    "slsqp": ConstrainedSolver,
    "trust-constr": ConstrainedSolver,
}


def get_solver(
    name: str,
    *,
    tol: float = 1e-10,
    max_iter: int = 1000,
    hessian: str = "exact",
    options: Mapping[str, Any] | None = None,
    constraints: Constraints | None = None,
) -> Solver:
    """Return the solver a name stands for, with its settings checked.

    Parameters
    ----------
    name : str
        A key of ``SOLVERS``.
    tol, max_iter, hessian, options
        As in :class:`Solver`.
    constraints : Constraints, default=None
        Bounds and linear constraints, for a solver that can keep to them.

    Raises
    ------
    ValueError
        If the name is unknown, a setting does not fit the method, or the method cannot keep
        to the constraints.
    """
    if name not in SOLVERS:
        raise ValueError(f"solver must be one of {sorted(SOLVERS)}, got {name!r}.")
    settings = name, tol, max_iter, hessian, dict(options or {})
    if constraints is None:
        solver = SOLVERS[name](*settings)
    else:
        able = CONSTRAINED.get(name)
        if able is None or (able == "bounds" and not constraints.only_bounds):
            able_ones = sorted(n for n, kind in CONSTRAINED.items() if kind != "bounds")
            what = "constraints" if able is None else "linear constraints"
            raise ValueError(
                f"solver={name!r} cannot keep to {what}; use one of {able_ones}"
                f"{', or l-bfgs-b for bounds' if able is None else ''}."
            )
        solver = ConstrainedSolver(*settings, constraints)
    solver.check()
    return solver


__all__ = [
    "HESSIAN_KINDS",
    "SOLVERS",
    "Callback",
    "Capability",
    "Constraints",
    "Iteration",
    "KKTResiduals",
    "Multipliers",
    "Solver",
    "SolverResult",
    "Status",
    "get_solver",
]
