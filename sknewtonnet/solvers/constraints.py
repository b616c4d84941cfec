"""Constraints, the conditions of Karush, Kuhn and Tucker, and how far a point is off."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property

import numpy as np
from scipy.optimize import linprog, nnls

from sknewtonnet._tables import Worded, counted
from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus import Constraint, LagrangeFunction, SmoothFunction
from sknewtonnet.calculus.pieces.memory import check_memory
from sknewtonnet.calculus.pieces.validation import check_count

# How far from a limit, relative to the size of what is limited, counts as rounding.
_ROUNDING = 1e-12


class ConstraintKind(IntEnum):
    """Constraints that a method of minimisation can keep; each kind includes the ones before.

    A solver names the last kind that it can keep in ``keeps``; kinds are ordered, as integers are.

    Attributes
    ----------
    NOTHING : ConstraintKind
        None.
    BOUNDS : ConstraintKind
        Limits of single parameters.
    LINEAR : ConstraintKind
        Limits of linear combinations.
    NONLINEAR : ConstraintKind
        Limits of smooth functions.

    See Also
    --------
    Constraints.kind : The kind of some constraints.
    Solver : The solvers, whose ``keeps`` it is.

    Examples
    --------
    >>> from sknewtonnet.solvers import SOLVERS, ConstraintKind
    >>> [name for name, solver in SOLVERS.items() if solver.keeps >= ConstraintKind.LINEAR]
    ['auto', 'slsqp', 'trust-constr']
    """

    NOTHING = 0
    BOUNDS = 1
    LINEAR = 2
    NONLINEAR = 3


@dataclass(frozen=True, slots=True)
class KKTResiduals:
    """How far a point is from each of the four conditions of a constrained minimum ([H]).

    Their Lagrange function is L(w, mu, nu) = f(w) + mu' c_eq(w) + nu' c_in(w), with equalities
    c_eq = 0 and inequalities c_in <= 0.

    Parameters
    ----------
    stationarity : float
        Largest absolute entry of the gradient of L.
    feasibility : float
        Largest violation of a constraint, 0 if there is none; one of a nonlinear constraint by no
        more than rounding, 1e-12 of the size of what is limited, counts as none.
    dual_feasibility : float
        Largest negative multiplier of an inequality, as a positive number.
    complementarity : float
        Largest absolute product of an inequality's multiplier and its distance from the bound.

    See Also
    --------
    Multipliers : The multipliers, whose ``residuals`` these are.
    SolverResult.stationarity : The largest of them, which ``tol`` is compared with.

    Examples
    --------
    >>> from dataclasses import replace
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.solvers import Constraints, get_solver
    >>> X, y = np.array([[-1.0], [1.0]]), np.array([0.0, 2.0])  # the line 1 + x
    >>> f = Objective(Network.mlp(1, (), 1), "squared_error", X, y)
    >>> limits = replace(Constraints.of(2), upper=np.array([0.5, np.inf]))  # of its slope
    >>> result = get_solver("slsqp", constraints=limits).minimize(f, np.zeros(2))
    >>> residuals = result.multipliers.residuals
    >>> residuals.feasibility, residuals.largest == result.stationarity <= 1e-10
    (0.0, True)
    """

    stationarity: float
    feasibility: float
    dual_feasibility: float
    complementarity: float

    @property
    def largest(self) -> float:
        """The largest of the four residuals, a float."""
        return max(
            self.stationarity, self.feasibility, self.dual_feasibility, self.complementarity
        )


@dataclass(frozen=True, repr=False)
class Constraints(Worded):
    """Bounds of single parameters, of linear combinations, and of other functions of them.

        lower <= w <= upper,   row_lower <= A w <= row_upper,   c_lower <= c(w) <= c_upper

    Equal limits make an equality constraint, infinite limits make none.

    Parameters
    ----------
    lower, upper : ndarray of shape (n_parameters,)
        Bounds of the parameters.
    A : ndarray of shape (n_rows, n_parameters)
        Coefficients of the combinations.
    row_lower, row_upper : ndarray of shape (n_rows,)
        Bounds of the combinations.
    nonlinear : tuple of Constraint, default=()
        Smooth functions c of flat vectors of parameters, with their limits.

    See Also
    --------
    get_solver : Solvers that keep them.
    sknewtonnet.calculus.Constraint : Nonlinear constraints.
    feasible_point : A point that meets all of them.
    Multipliers : What a result says of them.

    Examples
    --------
    At least 0.5 for the first of two parameters, and a sum of 1:

    >>> import numpy as np
    >>> from sknewtonnet.solvers import Constraints
    >>> constraints = Constraints(
    ...     lower=np.array([0.5, -np.inf]),
    ...     upper=np.array([np.inf, np.inf]),
    ...     A=np.array([[1.0, 1.0]]),
    ...     row_lower=np.array([1.0]),
    ...     row_upper=np.array([1.0]),
    ... )
    >>> constraints.kind.name
    'LINEAR'
    >>> w = constraints.nearest(np.array([0.0, 0.0]))
    >>> bool(w[0] >= 0.5), round(float(w.sum()), 6)
    (True, 1.0)
    """

    lower: Array
    upper: Array
    A: Array
    row_lower: Array
    row_upper: Array
    nonlinear: tuple[Constraint, ...] = ()

    def _in_words(self) -> str:
        bounds = int((np.isfinite(self.lower) | np.isfinite(self.upper)).sum())
        return (
            f"of {counted(len(self.lower), 'parameter')}: {counted(bounds, 'bounded one')}, "
            f"{counted(len(self.A), 'combination')}, {len(self.nonlinear)} nonlinear"
        )

    def __post_init__(self) -> None:
        """Raise an error where parts do not fit each other, or leave no number."""
        size, n_rows = np.size(self.lower), np.size(self.row_lower)
        for name, shape in {
            "lower": (size,),
            "upper": (size,),
            "A": (n_rows, size),
            "row_lower": (n_rows,),
            "row_upper": (n_rows,),
        }.items():
            if np.shape(getattr(self, name)) != shape:
                raise ValueError(
                    f"{name} must have shape {shape}, got {np.shape(getattr(self, name))}."
                )
        for low, high in (("lower", "upper"), ("row_lower", "row_upper")):
            if np.greater(getattr(self, low), getattr(self, high)).any():
                raise ValueError(f"{low} must not be above {high}.")
        if np.isnan(self.lower).any() or np.isnan(self.upper).any():
            raise ValueError("lower and upper must not be NaN; infinite ones are no limits.")
        for each in self.nonlinear:
            if not isinstance(each, Constraint):
                raise TypeError(f"nonlinear must have instances of Constraint, got {each!r}.")

    @classmethod
    def of(cls, n_parameters: int, *nonlinear: Constraint) -> Constraints:
        """Nonlinear constraints alone.

        Parameters
        ----------
        n_parameters : int
            Number of parameters.
        *nonlinear : Constraint
            The constraints.

        Returns
        -------
        Constraints
            Without any, it constrains nothing.
        """
        check_count("n_parameters", n_parameters)
        nowhere = np.full(n_parameters, np.inf)
        nothing = np.empty(0)
        return cls(-nowhere, nowhere, np.empty((0, n_parameters)), nothing, nothing, nonlinear)

    @property
    def only_bounds(self) -> bool:
        """Whether only single parameters are constrained, a bool."""
        return len(self.A) == 0 and not self.nonlinear

    @property
    def kind(self) -> ConstraintKind:
        """The :class:`ConstraintKind` that a method must be able to keep."""
        if self.nonlinear:
            return ConstraintKind.NONLINEAR
        return ConstraintKind.BOUNDS if self.only_bounds else ConstraintKind.LINEAR

    def linearised(self, w: Array) -> Constraints:
        """The linear constraints that equal these to first order at a point.

            c_lower - c(w) <= J(w) (w' - w) <= c_upper - c(w)

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        Constraints
            Nonlinear ones stand as combinations below those that there are. Without nonlinear
            ones it is the same object.
        """
        if not self.nonlinear:
            return self
        J = np.vstack([each.jacobian(w) for each in self.nonlinear])
        shift = J @ w - np.concatenate([each.value(w) for each in self.nonlinear])
        lower, upper = (np.concatenate(ends) for ends in zip(*self._limits, strict=True))
        return Constraints(
            self.lower,
            self.upper,
            np.vstack([self.A, J]),
            np.r_[self.row_lower, lower + shift],
            np.r_[self.row_upper, upper + shift],
        )

    @property
    def _limits(self) -> list[tuple[Array, Array]]:
        return [each.limits for each in self.nonlinear]

    @cached_property
    def all_limits(self) -> tuple[Array, Array]:
        """Limits of all constraints: those of ``limits``, then those of nonlinear ones."""
        lower, upper = zip(self.limits, *self._limits, strict=True)
        return np.concatenate(lower), np.concatenate(upper)

    @property
    def more_equalities_than_parameters(self) -> bool:
        """Whether equalities, bounds aside, are more than SciPy's "slsqp" takes.

        With many of them scipy 1.17 writes outside its memory before it says so.
        """
        lower, upper = (limit[len(self.bounded) :] for limit in self.all_limits)
        return int((lower == upper).sum()) > len(self.lower)

    def all_values(self, w: Array) -> Array:
        """All constrained quantities at w, in the order of ``all_limits``.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_bounded + n_rows + n_nonlinear,)
            Bounded parameters, then combinations, then nonlinear functions.
        """
        return np.concatenate([self.values(w), *(each.value(w) for each in self.nonlinear)])

    def apart(self, values: Array) -> list[tuple[Constraint, Array]]:
        """Tell numbers of the nonlinear constraints, such as multipliers, apart by constraint.

        Parameters
        ----------
        values : ndarray of shape (n_nonlinear,)
            The numbers of all of them.

        Returns
        -------
        list of (Constraint, ndarray)
            Each constraint with its own numbers.
        """
        ends = np.cumsum([len(lower) for lower, _ in self._limits], dtype=int)
        return list(zip(self.nonlinear, np.split(values, ends)[:-1], strict=True))

    def nearest(self, w: Array) -> Array:
        """A point near w that meets bounds and combinations; nonlinear constraints do not count.

        It is w clipped to the bounds, if that meets the combinations as well; else the feasible
        point with the smallest sum of absolute distances from w (a linear program).

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_parameters,)
            The feasible point.

        Raises
        ------
        ValueError
            If there is no feasible point.
        """
        boxed = np.clip(w, self.lower, self.upper)
        values = self.A @ boxed
        if not np.isfinite(boxed).all():
            return boxed
        if (values >= self.row_lower).all() and (values <= self.row_upper).all():
            return boxed
        size = len(w)
        what = f"the search for a feasible point of {size} parameters"
        check_memory(what, 80.0 * size**2, "start from a feasible point")
        eye = np.eye(size)
        A, lower, upper = self.scaled
        zeros = np.zeros((len(A), size))
        above, below = np.isfinite(upper), np.isfinite(lower)
        found = linprog(  # over w and t >= |w - w0|
            np.r_[np.zeros(size), np.ones(size)],
            A_ub=np.block(
                [
                    [eye, -eye],
                    [-eye, -eye],
                    [A[above], zeros[above]],
                    [-A[below], zeros[below]],
                ]
            ),
            b_ub=np.r_[w, -w, upper[above], -lower[below]],
            bounds=np.c_[
                np.r_[self.lower, np.zeros(size)], np.r_[self.upper, np.full(size, np.inf)]
            ],
        )
        if found.x is None:
            raise ValueError(
                "the constraints are infeasible: no parameters meet bounds, linear_constraints "
                "and monotonic_cst together."
            )
        return np.clip(found.x[:size], self.lower, self.upper)

    @cached_property
    def scaled(self) -> tuple[Array, Array, Array]:
        """A with rows of length one, and ``row_lower`` and ``row_upper`` divided accordingly."""
        norms = np.linalg.norm(self.A, axis=1)
        return self.A / norms[:, None], self.row_lower / norms, self.row_upper / norms

    @cached_property
    def bounded(self) -> Ints:
        """Positions of the parameters with a finite bound, of shape (n_bounded,)."""
        return np.flatnonzero(np.isfinite(self.lower) | np.isfinite(self.upper))

    @cached_property
    def limits(self) -> tuple[Array, Array]:
        """Lower and upper limits of all constraints: bounds of parameters, then combinations.

        Each has the shape (n_bounded + n_rows,).
        """
        return (
            np.r_[self.lower[self.bounded], self.row_lower],
            np.r_[self.upper[self.bounded], self.row_upper],
        )

    def values(self, w: Array) -> Array:
        """The constrained quantities at w, in the order of ``limits``.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_bounded + n_rows,)
            Parameters with a bound, then combinations A w.
        """
        return np.r_[w[self.bounded], self.A @ w]

    def rows(self) -> tuple[Array, Array, Array]:
        """All constraints as rows of a matrix, with their limits, in the order of ``limits``.

        Returns
        -------
        rows : ndarray of shape (n_bounded + n_rows, n_parameters)
            Coefficients.
        lower, upper : ndarray of shape (n_bounded + n_rows,)
            Their limits.
        """
        eye = np.zeros((len(self.bounded), len(self.lower)))
        eye[np.arange(len(self.bounded)), self.bounded] = 1.0
        return np.vstack([eye, self.A]), *self.limits

    def at_limits(self, w: Array) -> tuple[Bools, Bools]:
        """Which constraints are at or beyond their limits, up to 1e-12 of the quantities' size.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        at_lower : ndarray of bool of shape (n_bounded + n_rows,)
            Whether each constraint is at its lower limit.
        at_upper : ndarray of bool of shape (n_bounded + n_rows,)
            Whether each constraint is at its upper limit.
        """
        values, sizes = self.values(w), np.r_[np.abs(w[self.bounded]), np.abs(self.A) @ np.abs(w)]
        lower, upper = self.limits
        near = [
            sizes + np.where(np.isfinite(limit), np.abs(limit), 0.0) for limit in (lower, upper)
        ]
        return values - lower <= _ROUNDING * near[0], upper - values <= _ROUNDING * near[1]

    def rounding(self, w: Array) -> Array:
        """What may be rounding alone in the constrained quantities, 1e-12 of their size.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_bounded + n_rows,)
            One size for each constraint but the nonlinear ones.
        """
        return _ROUNDING * np.r_[np.abs(w[self.bounded]), np.abs(self.A) @ np.abs(w)]

    def split(self, positions: Ints) -> tuple[Ints, Ints, Bools]:
        """Divide constraints into bounds and combinations.

        Parameters
        ----------
        positions : ndarray of int
            Positions of constraints, in increasing order, as rows of :meth:`rows`.

        Returns
        -------
        fixed : ndarray of int
            Parameters whose bounds are among them.
        combinations : ndarray of int
            Rows of A that are among them.
        free : ndarray of bool of shape (n_parameters,)
            All parameters that are not fixed.
        """
        n_bounds = len(self.bounded)
        fixed = self.bounded[positions[positions < n_bounds]]
        free = np.ones(len(self.lower), dtype=bool)
        free[fixed] = False
        return fixed, positions[positions >= n_bounds] - n_bounds, free


def check_constraints(given: object) -> None:
    """Raise unless they are constraints as solvers take them."""
    if not isinstance(given, Constraints):
        raise TypeError(f"constraints must be sknewtonnet.solvers.Constraints, got {given!r}.")


def unconstrained(size: int) -> Constraints:
    """Infinite bounds on ``size`` parameters, which constrain nothing."""
    return Constraints.of(size)


@dataclass(frozen=True, repr=False)
class Multipliers(Worded):
    """Best multipliers at a point, and the residuals of the optimality conditions.

        grad f + bounds + A' linear + J' nonlinear = 0

    holds at a minimum, with J the Jacobian of the nonlinear constraints. A multiplier is the price
    of its constraint: by how much the minimum would fall, to first order, if the limit gave way by
    1.

    Parameters
    ----------
    bounds : ndarray of shape (n_parameters,)
        Multipliers of the bounds: positive where the upper bound holds a parameter back, negative
        where the lower one does. Moving a bound by d changes the minimum by -d times its
        multiplier.
    linear : ndarray of shape (n_rows,)
        Multipliers of the linear constraints, with the same signs.
    nonlinear : ndarray of shape (n_nonlinear,)
        Multipliers of the nonlinear constraints, one after the other, with the same signs.
    residuals : KKTResiduals
        Residuals of the four conditions.
    held : ndarray of int of shape (n_held,)
        Constraints that hold with equality and whose multiplier has the right sign, as
        positions in :meth:`Constraints.rows`: the directions in which a small step is not free.
    tight : ndarray of int of shape (n_tight,)
        All constraints that hold with equality, whatever their multipliers.
    constraints : Constraints
        The constraints; nonlinear ones as combinations that equal them to first order.
    smooth : tuple of (Constraint, ndarray)
        The nonlinear constraints with the multipliers of those that are held.
    params : ndarray of shape (n_parameters,)
        The point.

    See Also
    --------
    SolverResult : The result, whose ``multipliers`` they are.
    KKTResiduals : How far a point is from the conditions.
    sknewtonnet.calculus.LagrangeFunction : The function whose curvature tells a minimum.

    Examples
    --------
    >>> from dataclasses import replace
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.solvers import Constraints, get_solver
    >>> X, y = np.array([[-1.0], [1.0]]), np.array([0.0, 2.0])  # the line 1 + x
    >>> f = Objective(Network.mlp(1, (), 1), "squared_error", X, y)
    >>> limits = replace(Constraints.of(2), upper=np.array([0.5, np.inf]))  # of its slope
    >>> result = get_solver("slsqp", constraints=limits).minimize(f, np.zeros(2))
    >>> result.multipliers.bounds.round(6).tolist(), result.multipliers.active.tolist()
    ([0.5, 0.0], [[1.0, 0.0]])
    >>> moved = replace(limits, upper=np.array([0.501, np.inf]))  # by 0.001
    >>> other = get_solver("slsqp", constraints=moved).minimize(f, np.zeros(2))
    >>> round((result.value - other.value) / 0.001, 2)
    0.5
    """

    bounds: Array
    linear: Array
    nonlinear: Array
    residuals: KKTResiduals
    held: Ints = field(repr=False)
    tight: Ints = field(repr=False)
    constraints: Constraints = field(repr=False)
    smooth: tuple[tuple[Constraint, Array], ...] = field(repr=False)
    params: Array = field(repr=False)

    def _in_words(self) -> str:
        sizes = ", ".join(
            f"{len(values)} of {name}"
            for name, values in (
                ("bounds", self.bounds),
                ("combinations", self.linear),
                ("functions", self.nonlinear),
            )
            if len(values)
        )
        return f"({sizes}), {len(self.held)} hold"

    @property
    def active(self) -> Array:
        """Rows of the constraints that are held, of shape (n_held, n_parameters)."""
        return self.constraints.rows()[0][self.held]

    @property
    def curvature(self) -> Array | None:
        """Second derivatives of nonlinear constraints times their multipliers; None for none.

        On the surface of the constraints the Hessian of f and this matrix take the place of the
        Hessian of f. Its shape is (n_parameters, n_parameters).
        """
        if not any(mu.any() for _, mu in self.smooth):
            return None
        found = np.zeros((len(self.params), len(self.params)))
        for constraint, mu in self.smooth:
            if mu.any():
                found += constraint.hessian(self.params, mu)
        return found

    def lagrangian(self, function: SmoothFunction) -> SmoothFunction:
        """A function plus the nonlinear constraints that are held times their multipliers.

        Parameters
        ----------
        function : SmoothFunction
            The function that was minimised.

        Returns
        -------
        SmoothFunction
            What :func:`critical_point` has to look at, along ``active``; the function itself if
            no nonlinear constraint is held.
        """
        if not any(mu.any() for _, mu in self.smooth):
            return function
        return LagrangeFunction(function, self.smooth, self.params)


def multipliers(constraints: Constraints, w: Array, gradient: Array) -> Multipliers:
    """Multipliers that come closest to grad f + A' lambda = 0 on the constraints that hold.

    Their signs are not restricted: they show whether the objective would fall inside a bound.
    Only where the active constraints are dependent, so that multipliers are not unique, are
    those with the right signs chosen.
    """
    here = constraints.linearised(w)
    lower, upper = here.limits
    at_lower, at_upper = here.at_limits(w)
    # An equality holds from both sides, however far it is off.
    at_lower, at_upper = (at | (lower == upper) for at in (at_lower, at_upper))
    tight = np.flatnonzero(at_lower | at_upper)
    low = np.where(at_lower, -np.inf, 0.0)[tight]
    high = np.where(at_upper, np.inf, 0.0)[tight]
    both = _least_squares(here, tight, gradient, low, high)
    signed = np.zeros(len(lower))
    signed[tight] = both
    needed = (both != 0) | (lower[tight] == upper[tight])
    held = tight[(both >= low) & (both <= high) & needed]
    ends = np.cumsum([len(here.bounded), len(constraints.A)])
    bounds = np.zeros(len(w))
    bounds[here.bounded], linear, nonlinear = np.split(signed, ends)
    of_held = np.where(np.isin(np.arange(len(signed)), held), signed, 0.0)[ends[1] :]
    return Multipliers(
        bounds=bounds,
        linear=linear,
        nonlinear=nonlinear,
        residuals=_residuals(here, w, gradient, signed, ends[1], (low - both, both - high)),
        held=held,
        tight=tight,
        constraints=here,
        smooth=tuple(constraints.apart(of_held)),
        params=w.copy(),
    )


def _least_squares(
    constraints: Constraints, tight: Ints, gradient: Array, low: Array, high: Array
) -> Array:
    """Multipliers of the constraints that hold."""
    fixed, rows, free = constraints.split(tight)
    A = constraints.A[rows]
    found = np.empty(0)
    rank = 0
    if rows.size:
        norms = np.linalg.norm(A, axis=1)
        norms[norms == 0.0] = 1.0  # of a nonlinear constraint that is flat here
        scaled, _, rank, _ = np.linalg.lstsq((A[:, free] / norms[:, None]).T, -gradient[free])
        found = scaled / norms
    both = np.r_[-(gradient + A.T @ found)[fixed], found]
    if rank < rows.size and ((both < low) | (both > high)).any():
        return _signed(constraints, tight, gradient, low < 0.0, high > 0.0)
    return both


def _residuals(
    constraints: Constraints,
    w: Array,
    gradient: Array,
    signed: Array,
    n_linear: int,
    beyond: tuple[Array, Array],
) -> KKTResiduals:
    """How far the four conditions are off; beyond is by how much multipliers leave their range."""
    values, (lower, upper) = constraints.values(w), constraints.limits
    n_bounds = len(constraints.bounded)
    slope = gradient.copy()
    slope[constraints.bounded] += signed[:n_bounds]
    slope = slope + constraints.A.T @ signed[n_bounds:]
    distance = np.minimum(np.abs(values - lower), np.abs(upper - values))
    violation = np.maximum(lower - values, values - upper)
    nonlinear = violation[n_linear:]
    nonlinear[nonlinear <= constraints.rounding(w)[n_linear:]] = 0.0
    return KKTResiduals(
        stationarity=float(np.abs(slope).max()),
        feasibility=float(violation.max(initial=0.0)),
        dual_feasibility=float(np.maximum(*beyond).max(initial=0.0)),
        complementarity=float(np.abs(signed * np.where(signed, distance, 0.0)).max(initial=0.0)),
    )


def _signed(
    constraints: Constraints,
    tight: Ints,
    gradient: Array,
    lower: Bools,
    upper: Bools,
) -> Array:
    """Multipliers of dependent constraints, of the signs they must have."""
    rows = constraints.rows()[0][tight]
    norms = np.linalg.norm(rows, axis=1)
    norms[norms == 0.0] = 1.0
    columns = (rows / norms[:, None]).T
    sizes, _ = nnls(np.hstack([columns[:, upper], -columns[:, lower]]), -gradient)
    found = np.zeros(len(tight))
    found[upper] += sizes[: upper.sum()]
    found[lower] -= sizes[upper.sum() :]
    return found / norms
