"""Solvers: minimise anything that looks like an objective."""

from collections.abc import Mapping
from typing import Any

from sknewtonnet.solvers._auto import AutoSolver
from sknewtonnet.solvers._base import (
    HESSIAN_KINDS,
    Callback,
    Capability,
    Iteration,
    Solver,
    SolverResult,
    Status,
)
from sknewtonnet.solvers._levenberg_marquardt import LevenbergMarquardtSolver
from sknewtonnet.solvers._newton import NewtonSolver
from sknewtonnet.solvers._optimal_step import GradientDescentSolver, OptimalStepSolver
from sknewtonnet.solvers._scipy import METHODS, ScipySolver

SOLVERS: dict[str, type[Solver]] = {
    "auto": AutoSolver,
    "newton": NewtonSolver,
    "lm": LevenbergMarquardtSolver,
    "bpos": OptimalStepSolver,
    "gd": GradientDescentSolver,
    **dict.fromkeys(METHODS, ScipySolver),
}


def get_solver(
    name: str,
    *,
    tol: float = 1e-10,
    max_iter: int = 1000,
    hessian: str = "exact",
    options: Mapping[str, Any] | None = None,
) -> Solver:
    """Return the solver a name stands for, with its settings checked.

    Parameters
    ----------
    name : str
        A key of ``SOLVERS``.
    tol, max_iter, hessian, options
        As in :class:`Solver`.

    Raises
    ------
    ValueError
        If the name is unknown or a setting does not fit the method.
    """
    if name not in SOLVERS:
        raise ValueError(f"solver must be one of {sorted(SOLVERS)}, got {name!r}.")
    solver = SOLVERS[name](name, tol, max_iter, hessian, dict(options or {}))
    solver.check()
    return solver


__all__ = [
    "HESSIAN_KINDS",
    "SOLVERS",
    "Callback",
    "Capability",
    "Iteration",
    "Solver",
    "SolverResult",
    "Status",
    "get_solver",
]
