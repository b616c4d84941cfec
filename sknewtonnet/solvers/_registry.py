"""The names of solvers, and the choice of a solver for a problem from a name or an object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sknewtonnet._names import must_be_one_of
from sknewtonnet.solvers._auto import AutoSolver
from sknewtonnet.solvers._base import Solver
from sknewtonnet.solvers._constrained import SLSQPSolver, TrustConstrSolver
from sknewtonnet.solvers._gradient_descent import GradientDescentSolver
from sknewtonnet.solvers._levenberg_marquardt import LevenbergMarquardtSolver
from sknewtonnet.solvers._newton import NewtonSolver
from sknewtonnet.solvers._optimal_step import OptimalStepSolver
from sknewtonnet.solvers._options import check_hessian, check_options
from sknewtonnet.solvers._scipy import (
    BFGSSolver,
    LBFGSBSolver,
    NewtonCGSolver,
    TrustExactSolver,
    TrustKrylovSolver,
    TrustNCGSolver,
)
from sknewtonnet.solvers.constraints import ConstraintKind, Constraints, check_constraints

SOLVERS: dict[str, type[Solver]] = {
    "auto": AutoSolver,
    "newton": NewtonSolver,
    "lm": LevenbergMarquardtSolver,
    "bpos": OptimalStepSolver,
    "gd": GradientDescentSolver,
    "trust-ncg": TrustNCGSolver,
    "trust-krylov": TrustKrylovSolver,
    "trust-exact": TrustExactSolver,
    "newton-cg": NewtonCGSolver,
    "l-bfgs-b": LBFGSBSolver,
    "bfgs": BFGSSolver,
    "slsqp": SLSQPSolver,
    "trust-constr": TrustConstrSolver,
}


def get_solver(
    solver: str | Solver,
    *,
    tol: float = 1e-10,
    ftol: float = 0.0,
    max_iter: int = 1000,
    hessian: str = "exact",
    options: Mapping[str, Any] | None = None,
    constraints: Constraints | None = None,
) -> Solver:
    """Return the solver a name stands for, or the object itself, for a problem.

    For code of one's own that takes a name or an object, as the estimators do: names and settings
    are checked together, and under constraints a method that can keep them takes over.

    Parameters
    ----------
    solver : str or Solver
        A key of ``SOLVERS``, or an object.
    tol, ftol : float, default=1e-10 and 0.0
        As in :class:`Solver`, for a solver given by name. An object has its own.
    max_iter : int, default=1000
        Likewise.
    hessian : str, default="exact"
        Likewise.
    options : mapping of str to Any, default=None
        Further options of a solver given by name, by the names of its fields, such as ``fatol``
        and ``f_target``, which all have.
    constraints : Constraints, default=None
        Bounds, linear and nonlinear constraints, for a solver that can keep them.

    Returns
    -------
    Solver
        The solver. Under constraints its class is the one that
        :meth:`Solver.under_constraints` returns.

    Raises
    ------
    ValueError
        If the name is unknown, a setting does not fit the method, the method cannot keep
        to the constraints, or there are options beside an object.

    See Also
    --------
    SOLVERS : The classes by name.
    Solver : The base class, for solvers of one's own.
    Constraints : Bounds, linear and nonlinear constraints.

    Examples
    --------
    >>> from sknewtonnet.solvers import get_solver
    >>> options = {"initial_trust_radius": 1.0, "f_target": 0.1}
    >>> solver = get_solver("newton", tol=1e-8, options=options)
    >>> solver.tol, solver.initial_trust_radius, solver.f_target, solver.hessian
    (1e-08, 1.0, 0.1, 'exact')
    """
    if isinstance(solver, Solver):
        if options is not None or hessian != "exact":
            what = "solver_options" if options is not None else "hessian"
            raise ValueError(
                f"{what} belongs to a solver given by name; solver={solver!r} has its own "
                "settings."
            )
        return solver if constraints is None else _constrained(solver, constraints)
    if not isinstance(solver, str) or solver not in SOLVERS:
        raise ValueError(must_be_one_of("solver", solver, sorted(SOLVERS)))
    cls, label, limits = SOLVERS[solver], repr(solver), {}
    if constraints is not None:
        cls = _able(cls, f"solver={solver!r}", constraints)
        label, limits = f"{solver!r} under constraints", {"constraints": constraints}
    given = dict(options or {})
    check_options(label, given, cls.options())
    check_hessian(f"solver={solver!r}", hessian, cls.hessian_kinds)
    settings: dict[str, Any] = {**given, **limits}
    return cls(tol=tol, ftol=ftol, max_iter=max_iter, hessian=hessian, **settings)


def _able(cls: type[Solver], label: str, constraints: Constraints) -> type[Solver]:
    """The class that keeps to constraints in place of another one."""
    check_constraints(constraints)
    able = cls.under_constraints()
    if able is not None and cls.keeps >= constraints.kind:
        return able
    names = sorted(name for name, kind in SOLVERS.items() if kind.keeps >= ConstraintKind.LINEAR)
    nothing = cls.keeps is ConstraintKind.NOTHING
    raise ValueError(
        f"{label} cannot keep to {'' if nothing else f'{constraints.kind.name.lower()} '}"
        f"constraints; "
        f"use one of {names}{', or l-bfgs-b for bounds' if nothing else ''}."
    )


def _constrained(solver: Solver, constraints: Constraints) -> Solver:
    """An object with the same settings that keeps to constraints."""
    name = type(solver).__name__
    able = _able(type(solver), f"solver={name}", constraints)
    if getattr(solver, "constraints", None) is not None:
        raise ValueError(f"{name} has constraints of its own beside those that are given.")
    kept = {field.name for field in fields(able)}
    settings: dict[str, Any] = {}
    for field in fields(solver):
        value = getattr(solver, field.name)
        if field.name in kept:
            settings[field.name] = value
        elif value != field.default:
            raise ValueError(f"{field.name} of {name} has no effect under constraints.")
    return able(**{**settings, "constraints": constraints})
