"""Solvers: minimise any smooth function."""

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
from sknewtonnet.solvers.constraints import (
    ConstraintKind,
    Constraints,
    KKTResiduals,
    Multipliers,
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
    "TrustConstrSolver",
    "TrustExactSolver",
    "TrustKrylovSolver",
    "TrustNCGSolver",
    "feasible_point",
    "get_solver",
    "minimize_full_space",
    "option",
]
