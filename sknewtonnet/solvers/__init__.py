"""Solvers: minimise any smooth function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sknewtonnet._lazy import lazy

if TYPE_CHECKING:
    from sknewtonnet.calculus.pieces.function import HESSIAN_KINDS
    from sknewtonnet.solvers._auto import AutoSolver
    from sknewtonnet.solvers._base import Capability, Solver
    from sknewtonnet.solvers._constrained import ConstrainedSolver, SLSQPSolver, TrustConstrSolver
    from sknewtonnet.solvers._feasible import InfeasibleError, feasible_point
    from sknewtonnet.solvers._full_space import FullSpaceResult, minimize_full_space
    from sknewtonnet.solvers._gradient_descent import GradientDescentSolver
    from sknewtonnet.solvers._levenberg_marquardt import LevenbergMarquardtSolver
    from sknewtonnet.solvers._newton import NewtonSolver
    from sknewtonnet.solvers._optimal_step import OptimalStepSolver
    from sknewtonnet.solvers._options import Choice, Range, option
    from sknewtonnet.solvers._registry import SOLVERS, get_solver
    from sknewtonnet.solvers._result import Callback, Iteration, SolverResult, Status
    from sknewtonnet.solvers._run import NOT_FINITE, Run
    from sknewtonnet.solvers._scipy import (
        BFGSSolver,
        LBFGSBSolver,
        NewtonCGSolver,
        TrustExactSolver,
        TrustKrylovSolver,
        TrustNCGSolver,
    )
    from sknewtonnet.solvers._trace import Trace
    from sknewtonnet.solvers.constraints import (
        ConstraintKind,
        Constraints,
        KKTResiduals,
        Multipliers,
    )
else:  # the same at run time, each module with the first name of it that is asked for
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "sknewtonnet.calculus.pieces.function": ["HESSIAN_KINDS"],
            "sknewtonnet.solvers._auto": ["AutoSolver"],
            "sknewtonnet.solvers._base": ["Capability", "Solver"],
            "sknewtonnet.solvers._constrained": [
                "ConstrainedSolver",
                "SLSQPSolver",
                "TrustConstrSolver",
            ],
            "sknewtonnet.solvers._feasible": ["InfeasibleError", "feasible_point"],
            "sknewtonnet.solvers._full_space": ["FullSpaceResult", "minimize_full_space"],
            "sknewtonnet.solvers._gradient_descent": ["GradientDescentSolver"],
            "sknewtonnet.solvers._levenberg_marquardt": ["LevenbergMarquardtSolver"],
            "sknewtonnet.solvers._newton": ["NewtonSolver"],
            "sknewtonnet.solvers._optimal_step": ["OptimalStepSolver"],
            "sknewtonnet.solvers._options": ["Choice", "Range", "option"],
            "sknewtonnet.solvers._registry": ["SOLVERS", "get_solver"],
            "sknewtonnet.solvers._result": ["Callback", "Iteration", "SolverResult", "Status"],
            "sknewtonnet.solvers._run": ["NOT_FINITE", "Run"],
            "sknewtonnet.solvers._scipy": [
                "BFGSSolver",
                "LBFGSBSolver",
                "NewtonCGSolver",
                "TrustExactSolver",
                "TrustKrylovSolver",
                "TrustNCGSolver",
            ],
            "sknewtonnet.solvers._trace": ["Trace"],
            "sknewtonnet.solvers.constraints": [
                "ConstraintKind",
                "Constraints",
                "KKTResiduals",
                "Multipliers",
            ],
        },
    )

__all__ = [
    "HESSIAN_KINDS",
    "NOT_FINITE",
    "SOLVERS",
    "AutoSolver",
    "BFGSSolver",
    "Callback",
    "Capability",
    "Choice",
    "ConstrainedSolver",
    "ConstraintKind",
    "Constraints",
    "FullSpaceResult",
    "GradientDescentSolver",
    "InfeasibleError",
    "Iteration",
    "KKTResiduals",
    "LBFGSBSolver",
    "LevenbergMarquardtSolver",
    "Multipliers",
    "NewtonCGSolver",
    "NewtonSolver",
    "OptimalStepSolver",
    "Range",
    "Run",
    "SLSQPSolver",
    "Solver",
    "SolverResult",
    "Status",
    "Trace",
    "TrustConstrSolver",
    "TrustExactSolver",
    "TrustKrylovSolver",
    "TrustNCGSolver",
    "feasible_point",
    "get_solver",
    "minimize_full_space",
    "option",
]
