"""What users pass to the estimators, and what a fit leaves: types and allowed values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import BaseCrossValidator, BaseShuffleSplit

from sknewtonnet._sklearn import N_JOBS, CheckedParameters, Names, Number, RegisteredNames
from sknewtonnet._typing import Array
from sknewtonnet.calculus import Activation, Constraint, Penalty
from sknewtonnet.estimators._alpha_selection import AlphaSelection
from sknewtonnet.solvers import HESSIAN_KINDS, SOLVERS, Solver

ActivationLike = str | Activation | Sequence[str | Activation | Sequence[str | Activation]]
OutputActivation = str | Activation | Sequence[str | Activation]
Alpha = ArrayLike | Mapping[str, ArrayLike]
CrossValidation: TypeAlias = int | BaseCrossValidator | BaseShuffleSplit | Iterable[Any] | None
LinearConstraints = Sequence[tuple[Mapping[str, ArrayLike], float | None, float | None]]
SmoothConstraints = Constraint | Sequence[Constraint] | None
Penalties = Penalty | Sequence[Penalty] | None
RandomState = int | np.random.RandomState | None
ClassWeight = Mapping[Any, float] | Sequence[Mapping[Any, float]] | str | None


class Parameters(CheckedParameters):
    """Parameters and fitted attributes that all estimators share, and which values are allowed."""

    standardize: bool
    alpha: Alpha
    cv: CrossValidation
    penalties: Penalties
    solver: str | Solver
    hessian: str
    solver_options: Mapping[str, Any] | None
    max_iter: int
    tol: float
    ftol: float
    n_init: int
    init: str
    connectivity: Mapping[str, ArrayLike] | None
    tied: Mapping[str, ArrayLike] | None
    bounds: Mapping[str, Any] | None
    linear_constraints: LinearConstraints | None
    constraints: SmoothConstraints
    warm_start: bool
    random_state: RandomState
    n_jobs: int | None
    verbose: int

    alpha_: Any
    alpha_selection_: AlphaSelection | None
    arrays_: dict[str, Array]
    coefs_: list[Array]
    intercepts_: list[Array]
    parameter_names_: list[str]
    loss_: float
    loss_curve_: list[float]
    n_iter_: int
    critical_point_message_: str
    starts_: dict[str, NDArray[Any]]
    n_layers_: int
    n_outputs_: int
    out_activation_: str
    n_features_in_: int
    feature_names_in_: NDArray[Any]

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "standardize": ["boolean"],
        "alpha": [
            Names({"auto", "ard"}),
            Number(Real, 0, None, closed="left"),
            "array-like",
            dict,
        ],
        "cv": ["cv_object"],
        "penalties": [Penalty, list, tuple, None],
        "solver": [RegisteredNames(SOLVERS), Solver],
        "hessian": [Names(HESSIAN_KINDS)],
        "solver_options": [dict, None],
        "max_iter": [Number(Integral, 1, None, closed="left")],
        "tol": [Number(Real, 0, None, closed="left")],
        "ftol": [Number(Real, 0, None, closed="left")],
        "n_init": [Number(Integral, 1, None, closed="left")],
        "init": [Names({"random", "crossover"})],
        "connectivity": [dict, None],
        "tied": [dict, None],
        "bounds": [dict, None],
        "linear_constraints": [list, tuple, None],
        "constraints": [Constraint, list, tuple, None],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "n_jobs": N_JOBS,
        "verbose": ["verbose"],
    }
