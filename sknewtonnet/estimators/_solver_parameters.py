"""The settings of a solver object as parameters of the estimator that has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from sknewtonnet.solvers import Constraints, Solver, get_solver

_PREFIX = "solver__"


@dataclass(frozen=True, eq=False)
class AskedSolver:
    """The solver that a user asks for, whatever the constraints.

    Parameters
    ----------
    solver, tol, ftol, max_iter, hessian, options
        As the estimators take them.
    """

    solver: str | Solver
    tol: float
    ftol: float
    max_iter: int
    hessian: str
    options: Mapping[str, Any] | None

    def __call__(self, constraints: Constraints | None = None) -> Solver:
        """The solver, which keeps to the constraints."""
        return get_solver(
            self.solver,
            tol=self.tol,
            ftol=self.ftol,
            max_iter=self.max_iter,
            hessian=self.hessian,
            options=self.options,
            constraints=constraints,
        )


class SolverParametersMixin:
    """Parameters such as ``solver__tol``; goes left of scikit-learn's base class.

    A solver is frozen: setting one of its parameters puts another solver in its place.
    """

    solver: str | Solver

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get parameters of this estimator.

        Parameters
        ----------
        deep : bool, default=True
            Whether those of a solver object are listed as well, as ``solver__tol`` and so on.

        Returns
        -------
        dict
            From names to values.
        """
        params: dict[str, Any] = super().get_params(deep)  # type: ignore[misc]
        if deep and isinstance(self.solver, Solver):
            for field in fields(self.solver):
                params[_PREFIX + field.name] = getattr(self.solver, field.name)
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters of this estimator.

        Parameters
        ----------
        **params : dict
            From names to values; ``solver__tol`` and the like are those of a solver object.

        Returns
        -------
        Self
            The estimator.

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        own = {name: value for name, value in params.items() if not name.startswith(_PREFIX)}
        super().set_params(**own)  # type: ignore[misc]
        nested = {name.removeprefix(_PREFIX): params[name] for name in params.keys() - own.keys()}
        if not nested:
            return self
        if not isinstance(self.solver, Solver):
            raise ValueError(
                f"{_PREFIX}{min(nested)} needs a Solver object; solver={self.solver!r} takes "
                "tol, ftol, max_iter, hessian and solver_options of the estimator."
            )
        known = [field.name for field in fields(self.solver)]
        unknown = sorted(nested.keys() - set(known))
        if unknown:
            raise ValueError(
                f"Invalid parameter {unknown[0]!r} for solver {self.solver!r}. Valid parameters "
                f"are: {known!r}."
            )
        self.solver = replace(self.solver, **nested)
        return self
