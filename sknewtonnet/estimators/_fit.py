"""A fit as a record: what was solved, where it ended, and how it goes on from there.

Four frozen records, each held by the next: the ``Settings`` of an estimator and the ``Table`` of
a fit; the ``Problem`` they make for a network and a loss; and the ``Fit``, a problem with the
point where it ended. None of them knows the estimator, so later changes of its parameters
change nothing of a fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import LinAlgError

from sknewtonnet._tables import Worded
from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus import (
    CriticalPoint,
    Loss,
    Network,
    SmoothFunction,
    critical_point,
)
from sknewtonnet.calculus.functions.any_objective import AnyObjective, with_rows
from sknewtonnet.calculus.functions.critical_point import DENSE_LIMIT, plainly_falls
from sknewtonnet.calculus.functions.directions import Direction
from sknewtonnet.calculus.functions.standardization import Units
from sknewtonnet.calculus.pieces.affine_map import MappedPenalty
from sknewtonnet.calculus.pieces.penalties import Penalty, l2_penalty
from sknewtonnet.estimators._best_constant import gradient_size
from sknewtonnet.estimators._data import Table
from sknewtonnet.estimators._prediction_errors import NO_ERRORS, PredictionErrors
from sknewtonnet.estimators._targets import Target
from sknewtonnet.estimators._units import Original
from sknewtonnet.inference import Criteria, Information, Rescaled, without_parameters
from sknewtonnet.inspection import importances_of
from sknewtonnet.solvers import (
    Constraints,
    Multipliers,
    Solver,
    SolverResult,
    Status,
    get_solver,
)

# A likelihood may be negative, but not by so many times its value at the best constant.
_BOTTOMLESS = 1e6


@dataclass(frozen=True, eq=False)
class Settings:
    """What the parameters of an estimator say, whatever the data and the connections.

    Parameters
    ----------
    solver : callable
        From ``constraints``, or None, to the solver that keeps to them.
    alpha : float, sequence, or mapping
        Strength of the L2 penalty.
    penalties : tuple of Penalty
        What is added to it, for any net.
    constrain : callable
        From a network to its constraints, or None.
    draw : callable
        From a problem and a source of random numbers to a starting point.
    """

    solver: Callable[..., Solver]
    alpha: Any
    penalties: tuple[Penalty, ...]
    constrain: Callable[[Network], Constraints | None]
    draw: Callable[[Problem, np.random.RandomState], Array]


@dataclass(frozen=True, eq=False)
class Problem:
    """All that defines a minimum, small enough to travel to another process.

    Parameters
    ----------
    network, loss, target
        The net, its loss, and what its outputs mean.
    settings : Settings
        Penalties, constraints, the solver, and where to start.
    data : Table or None
        None where they were left behind.
    feature_names : tuple of str
        Names of the inputs; "x0", "x1", ... where they had none.
    units : Units or None
        In which the data came; the problem itself is that of standardised columns. None where
        they are taken as they come.
    has_offset : bool
        Whether raw predictions have known terms, which are data and are left behind with them.
    """

    network: Network
    loss: Loss
    target: Target
    settings: Settings
    data: Table | None
    feature_names: tuple[str, ...]
    units: Units | None = None
    has_offset: bool = False

    @property
    def known_data(self) -> Table:
        """The data, or an error that says why they are missing."""
        if self.data is None:
            raise AttributeError(
                "a fitted net does not keep its data: fit_of(net, X, y) is its record with them."
            )
        return self.data

    @cached_property
    def original(self) -> Original | None:
        """The same in the units of the table; None where columns are taken as they come."""
        return None if self.units is None else Original.of(self.network, self.loss, self.units)

    @property
    def factor(self) -> float:
        """The objective in the units of the table over that of the problem."""
        return 1.0 if self.original is None else self.original.factor

    @property
    def original_network(self) -> Network:
        """The net that takes inputs in the units of the table."""
        return self.network if self.original is None else self.original.network

    def in_units(self, units: Units) -> Problem:
        """The same net on columns in some units; not centred if it lacks intercepts for that."""
        found = replace(self, units=units)
        assert found.original is not None
        chosen = found.original.units
        return found if chosen is units else replace(found, units=chosen)

    def on(self, data: Table | None) -> Problem:
        """The same on other data."""
        return self._but(data=data)

    def with_settings(self, settings: Settings) -> Problem:
        """The same with other settings."""
        return self._but(settings=settings)

    def _but(self, **changes: Any) -> Problem:
        """The same but for what does not decide what it is in the units of the table."""
        found = replace(self, **changes)
        if "original" in vars(self):
            vars(found)["original"] = self.original
        return found

    def standardised(self, data: Table) -> Table:
        """Data in the units of the problem, from data in those of the table."""
        return data if self.original is None else data.in_units(self.original.units)

    def to_original(self, params: Array) -> Array:
        """Parameters in the units of the table."""
        return params if self.original is None else self.original.map.forward(params)

    def from_original(self, params: Array) -> Array:
        """Parameters of the problem, from those in the units of the table."""
        return params if self.original is None else self.original.map.inverse(params)

    def original_objective(self, data: Table) -> AnyObjective:
        """The objective as a function of parameters and data in the units of the table."""
        if self.original is None:
            return self.on(data).objective()
        network, map, factor = self.original.network, self.original.map, self.original.factor
        given: list[Penalty] = [l2_penalty(self.network.layout, self.settings.alpha)]
        given += [penalty.on(self.network.layout) for penalty in self.settings.penalties]
        penalties = [MappedPenalty(penalty, map, factor) for penalty in given]
        return data.objective(network, self.original.loss, penalties=penalties)

    def rescaled(self, data: Table) -> Rescaled | None:
        """How inference reports the problem in the units of the table."""
        found = self.original
        if found is None:
            return None
        objective = with_rows(self.original_objective(data))
        return Rescaled(objective, found.map, found.factor, found.units.out_scale)

    def with_alpha(self, alpha: Any) -> Problem:
        """The same with other strengths of the L2 penalty."""
        return self.with_settings(replace(self.settings, alpha=alpha))

    def objective(self) -> AnyObjective:
        """The function to minimise, with work space of its own."""
        settings = self.settings
        return self.known_data.objective(
            self.network, self.loss, settings.alpha, settings.penalties
        )

    def constraints(self) -> Constraints | None:
        """What the parameters are held to, if to anything."""
        found = self.settings.constrain(self.original_network)
        if found is None or self.original is None:
            return found
        return self.original.constraints(found)

    def multipliers(self, found: Multipliers | None) -> dict[str, Array]:
        """Multipliers of the constraints of a fit, in the units of the table."""
        given = self.settings.constrain(self.original_network)
        if found is None or given is None:
            raise AttributeError("multipliers_: the fit has no constraints.")
        if self.original is not None:
            return self.original.multipliers(found, given)
        return {"bounds": found.bounds, "linear": found.linear, "nonlinear": found.nonlinear}

    @cached_property
    def gradient_size(self) -> float:
        """What ``tol`` is relative to; 1 where there are no data."""
        if self.data is None:
            return 1.0
        return gradient_size(self.loss, self.data, deep=len(self.network.layers) > 1)

    def solver(self) -> Solver:
        """The solver, which keeps to the constraints, with the ``tol`` of this problem."""
        return self._solver

    @cached_property
    def _solver(self) -> Solver:
        found = self.settings.solver(constraints=self.constraints())
        return replace(found, tol=found.tol * self.gradient_size)

    def start(self, seed: int) -> Array:
        """A random starting point."""
        return self.settings.draw(self, np.random.RandomState(seed))

    def minimize(self, function: SmoothFunction, start: Array) -> Array:
        """A minimum of a function, such as the objective on a subspace."""
        asked = self.settings.solver()
        solver = get_solver("auto", tol=asked.tol * self.gradient_size, max_iter=asked.max_iter)
        return solver.minimize(function, start).params


class NoImportances(AttributeError, ValueError):
    """A fit without importances: an attribute that is not there, for hasattr and the like."""


@dataclass(frozen=True, eq=False)
class Importances:
    """Importances at the end of a fit, or the reason why there are none.

    Parameters
    ----------
    weights, features : ndarray or None
        As :func:`sknewtonnet.inspection.importances` has them.
    reason : str
        Why they are None.
    """

    weights: Array | None = None
    features: Array | None = None
    reason: str = "the fit has not ended."

    @classmethod
    def at(cls, end: End, information: Information) -> Importances:
        """From the Hessian of the verdict; none where that formed none."""
        size = information.objective.n_parameters
        if end.kind in ("saddle", "maximum"):
            return cls(
                reason=f"importances need a minimum, but the fit ended at a {end.kind}: fit to "
                "convergence, or from other starts."
            )
        if not end.bounded:
            return cls(reason="importances need a minimum, and the objective has no lower bound.")
        if size > DENSE_LIMIT:
            return cls(
                reason=f"the importance of {size} weights with the others adapting needs a dense "
                f"Hessian, which is refused above {DENSE_LIMIT}; sknewtonnet.inspection."
                'weight_importance(net.objective(X, y), net.params_, method="obd") works for all.'
            )
        if end.known is None:
            return cls(
                reason="a fit that ends early, by ftol, forms no Hessian; sknewtonnet.inspection."
                "feature_importance(net.objective(X, y), net.params_) does."
            )
        try:
            return cls(*importances_of(information), reason="")
        except (ValueError, LinAlgError) as reason:
            return cls(reason=str(reason))

    @property
    def known(self) -> tuple[Array, Array]:
        """Both; an AttributeError with the reason where there are none."""
        if self.weights is None or self.features is None:
            raise NoImportances(self.reason)
        return self.weights, self.features


@dataclass(frozen=True, eq=False, repr=False)
class Fit(Worded):
    """A net at the point where its fit ended.

    An estimator keeps it without its data, and copies of the estimator share it. What needs the
    data raises an AttributeError then: :func:`fit_of` takes them.

    Parameters
    ----------
    problem : Problem
        What was solved.
    params : ndarray of shape (n_parameters,)
        The minimum.
    result : SolverResult or None
        How the run ended; None while it goes on.
    verdict : str
        What kind of point it is, "not stationary" if none.
    post_selection : bool
        Whether the form of the net was chosen on the same data.
    importances : Importances
        Of weights and inputs.
    errors : PredictionErrors
        Of predicted means, of a regressor.

    See Also
    --------
    fit_of : The record of a fitted net.
    fit_from : A fit that begins where another one ended.
    sknewtonnet.inference.Information : Curvatures and scores at the minimum.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.estimators import fit_of
    >>> X = np.array([[-1.0], [0.0], [1.0], [2.0]])
    >>> y = np.array([0.0, 1.0, 1.0, 3.0])
    >>> net = NewtonMLPRegressor((), alpha=0.0).fit(X, y)
    >>> fit = fit_of(net, X, y)
    >>> fit.verdict, fit.n_parameters, round(fit.value, 4)
    ('minimum', 2, 0.0875)
    >>> fit.without(np.array([0])).network.layout.names  # the mean of y is left
    ['intercepts_0[y]']
    """

    problem: Problem
    params: Array
    result: SolverResult | None = None
    verdict: str = "not stationary"
    post_selection: bool = False
    importances: Importances = Importances()
    errors: PredictionErrors = NO_ERRORS

    def _in_words(self) -> str:
        return f"of {self.network!r}, loss {self.loss.name}, {self.verdict}"

    @property
    def network(self) -> Network:
        """The net."""
        return self.problem.network

    @property
    def loss(self) -> Loss:
        """Its loss."""
        return self.problem.loss

    @property
    def value(self) -> float:
        """The objective at the minimum, in the units of the table."""
        return np.nan if self.result is None else self.problem.factor * self.result.value

    @property
    def n_parameters(self) -> int:
        """Number of parameters that exist."""
        return self.network.n_parameters

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the inputs."""
        return self.problem.feature_names

    @property
    def connectivity(self) -> dict[str, Bools]:
        """Masks of what exists, by the names of arrays."""
        return self.network.layout.masks()

    @property
    def original_params(self) -> Array:
        """Parameters in the units of the table."""
        return self.problem.to_original(self.params)

    @property
    def stationary(self) -> bool:
        """Whether the gradient vanishes."""
        return self.verdict != "not stationary"

    @property
    def may_be_stationary(self) -> bool:
        """Whether no constraint is known to keep it from being stationary."""
        return self.stationary or self.result is None or self.result.multipliers is None

    @property
    def active(self) -> Array | None:
        """Rows of the constraints that hold the fit back."""
        found = None if self.result is None else self.result.multipliers
        return None if found is None else found.active

    @property
    def tight(self) -> Array | None:
        """Rows of all constraints that hold with equality."""
        found = None if self.result is None else self.result.multipliers
        return None if found is None else found.constraints.rows()[0][found.tight]

    @property
    def curvature(self) -> Array | None:
        """Second derivatives of active nonlinear constraints times their multipliers."""
        found = None if self.result is None else self.result.multipliers
        return None if found is None else found.curvature

    @property
    def class_weights(self) -> bool:
        """Whether classes weigh differently, so that the objective is no likelihood."""
        return self.problem.target.class_weights

    def objective(self) -> AnyObjective:
        """The objective of the fit, on its data.

        Returns
        -------
        Objective or BlockObjective
            A function of the parameters that were fitted: of standardised columns if these were.
        """
        return self.problem.objective()

    @cached_property
    def information(self) -> Information:
        """Curvatures and scores at the minimum, on the data."""
        return Information(
            with_rows(self.objective()),
            self.params,
            self.active,
            self.loss.weight_type,
            curvature=self.curvature,
            class_weights=self.class_weights,
            converged=self.may_be_stationary,
            tight=self.tight,
        )

    @cached_property
    def criteria(self) -> Criteria:
        """Information criteria, of targets in the units of the table."""
        return Criteria(self.information, self.problem.factor)

    def on(self, data: Table | None) -> Fit:
        """The same net on other data.

        Parameters
        ----------
        data : Table or None
            The data; None to do without.

        Returns
        -------
        Fit
            A new record; this one stays as it is.
        """
        return replace(self, problem=self.problem.on(data))

    def renamed(self, names: tuple[str, ...]) -> Fit:
        """The same fit with other names of its inputs.

        Parameters
        ----------
        names : tuple of str
            One for each input.

        Returns
        -------
        Fit
            A new record, or this one if these are its names.
        """
        if names == self.feature_names:
            return self
        network = self.network.with_names(names)
        problem = replace(self.problem, network=network, feature_names=names)
        return replace(self, problem=problem)

    def without(self, positions: Ints) -> Fit | None:
        """The minimum without some parameters, and without what then does nothing.

        The others start where the quadratic model has its minimum: see
        :func:`sknewtonnet.inference.without_parameters`.

        Parameters
        ----------
        positions : ndarray of int
            Which parameters go.

        Returns
        -------
        Fit or None
            To a gradient of 1e-8, if there are no constraints; None if nothing would be left.
        """
        full, kept = without_parameters(self.information, positions)
        if not kept.any():
            return None
        layout = self.network.layout
        return self.refit(layout.masks(kept), layout.unpack(layout.restrict(full)), tol=1e-8)

    def refit(
        self,
        connectivity: Mapping[str, ArrayLike],
        start: Mapping[str, ArrayLike],
        tol: float = 0.0,
    ) -> Fit:
        """The minimum with other connections, on the same data.

        Parameters
        ----------
        connectivity : mapping of str to bool array
            What exists then.
        start : mapping of str to array
            Where to start, near a minimum, by the names of all arrays.
        tol : float, default=0.0
            That of the solver where there are no constraints, if the fit asked for less.

        Returns
        -------
        Fit
            A new record; this one stays as it is.
        """
        network = self.network.with_connectivity(connectivity)
        problem = replace(self.problem, network=network)
        if problem.original is not None and problem.original.units is not self.problem.units:
            raise ValueError("a standardised net needs the intercepts that centre its columns.")
        solver = problem.solver()
        if problem.constraints() is None:  # near a minimum nothing is faster
            largest = max(solver.tol, tol * problem.gradient_size)
            solver = get_solver("newton", tol=largest, max_iter=solver.max_iter)
        objective = problem.objective()
        result = solver.minimize(objective, network.layout.pack(start))
        kind = verdict(objective, result)
        return Fit(problem, result.params, result, kind, self.post_selection)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the data behind, with all that was worked out from them."""
        state = {field.name: getattr(self, field.name) for field in fields(self)}
        return state | {"problem": replace(self.problem, data=None)}

    def __deepcopy__(self, memo: Any) -> Fit:
        """The same: nothing of it ever changes."""
        return self


@dataclass(frozen=True, eq=False)
class End:
    """What kind of point a run has ended at.

    Parameters
    ----------
    params : ndarray of shape (n_parameters,)
        The point.
    kind : str
        The verdict.
    known : tuple of CriticalPoint and ndarray, or None
        The verdict with the Hessian, if that was formed.
    finite : bool
        Whether f has finite derivatives there.
    bounded : bool
        Whether f has not fallen so far that it seems to have no lower bound.
    point : CriticalPoint or None
        The verdict with what it rests on, if it was asked for.
    """

    params: Array
    kind: str
    known: tuple[CriticalPoint, Array] | None = None
    finite: bool = True
    bounded: bool = True
    point: CriticalPoint | None = None

    @property
    def way_out(self) -> Direction | None:
        """Where f falls from a saddle point or a maximum; None at other points."""
        if self.point is None or self.kind not in ("saddle", "maximum"):
            return None
        return self.point.escape_direction

    @classmethod
    def of(cls, function: SmoothFunction, result: SolverResult) -> End:
        """The end of a run.

        A run that ends early, by ``ftol`` and its like, is spared the Hessian where its gradient
        alone says enough, and so is one without a lower bound: no point of it is a minimum. Above
        3000 parameters no run takes products where its gradient says enough.

        Only the point counts, not how the run came there. Under constraints the gradient must
        vanish along the directions that they leave free; a multiplier of the wrong sign holds
        none of them.
        """
        w, found = result.params, result.multipliers
        if result.value < -_BOTTOMLESS * max(abs(function.scale() or 0.0), 1.0):
            return cls(w, "not stationary", bounded=False)
        if found is None:
            early = result.status in (Status.FTOL, Status.TARGET) or len(w) > DENSE_LIMIT
            if early and np.isfinite(w).all() and plainly_falls(function, w):
                return cls(w, "not stationary")
            conditions: dict[str, Any] = {}
        else:
            tight = found.constraints.rows()[0][found.tight]
            conditions = {"active": found.active, "tight": tight}
            function = found.lagrangian(function)
        if len(w) > DENSE_LIMIT or not np.isfinite(w).all():
            point = critical_point(function, w, **conditions)
            return cls(w, point.kind, finite=not point.not_finite, point=point)
        with np.errstate(all="ignore"):
            known = *function.value_and_gradient(w), function.hessian(w)
        point = critical_point(function, w, **conditions, known=known)
        return cls(w, point.kind, (point, known[2]), not point.not_finite, point=point)


def verdict(function: SmoothFunction, result: SolverResult) -> str:
    """What kind of point a run has ended at."""
    return End.of(function, result).kind
