"""Linear constraints, the conditions of Karush, Kuhn and Tucker, and how far a point is off."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog, nnls

Array = NDArray[np.float64]

# How far from a bound, relative to its size, a constraint still counts as active.
_ACTIVE = 1e-8


@dataclass(frozen=True, slots=True)
class KKTResiduals:
    """How far a point is from each of the four conditions of a constrained minimum ([H]).

    With L(w, mu, nu) = f(w) + mu' c_eq(w) + nu' c_in(w), c_eq = 0 and c_in <= 0:

    Attributes
    ----------
    stationarity : float
        Largest absolute entry of the gradient of L.
    feasibility : float
        Largest violation of a constraint, 0 if there is none.
    dual_feasibility : float
        Largest negative multiplier of an inequality, as a positive number.
    complementarity : float
        Largest absolute product of an inequality's multiplier and its distance from the bound.
    """

    stationarity: float
    feasibility: float
    dual_feasibility: float
    complementarity: float

    @property
    def largest(self) -> float:
        """The largest of the four."""
        return max(
            self.stationarity, self.feasibility, self.dual_feasibility, self.complementarity
        )


@dataclass(frozen=True)
class Constraints:
    """Bounds of single parameters, and of linear combinations of them.

        lower <= w <= upper,   row_lower <= A w <= row_upper

    Equal limits make an equality, infinite ones none.

    Attributes
    ----------
    lower, upper : ndarray of shape (n_parameters,)
        Bounds of the parameters.
    A : ndarray of shape (n_rows, n_parameters)
        Coefficients of the combinations.
    row_lower, row_upper : ndarray of shape (n_rows,)
        Their bounds.
    """

    lower: Array
    upper: Array
    A: Array
    row_lower: Array
    row_upper: Array

    @property
    def only_bounds(self) -> bool:
        """Whether no combination is constrained."""
        return len(self.A) == 0

    def nearest(self, w: Array) -> Array:
        """A feasible point near w: itself, the nearest in a box, or in the sum of distances.

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
        size, eye = len(w), np.eye(len(w))
        zeros = np.zeros((len(self.A), size))
        above, below = np.isfinite(self.row_upper), np.isfinite(self.row_lower)
        found = linprog(  # over w and t >= |w - w0|
            np.r_[np.zeros(size), np.ones(size)],
            A_ub=np.block(
                [
                    [eye, -eye],
                    [-eye, -eye],
                    [self.A[above], zeros[above]],
                    [-self.A[below], zeros[below]],
                ]
            ),
            b_ub=np.r_[w, -w, self.row_upper[above], -self.row_lower[below]],
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

    def rows(self) -> tuple[Array, Array, Array]:
        """All constraints as rows: the matrix, lower and upper limits; bounds come first."""
        bounded = np.flatnonzero(np.isfinite(self.lower) | np.isfinite(self.upper))
        eye = np.zeros((len(bounded), len(self.lower)))
        eye[np.arange(len(bounded)), bounded] = 1.0
        return (
            np.vstack([eye, self.A]),
            np.r_[self.lower[bounded], self.row_lower],
            np.r_[self.upper[bounded], self.row_upper],
        )


@dataclass(frozen=True)
class Multipliers:
    """Best multipliers at a point, and what they leave of the conditions.

    Attributes
    ----------
    bounds : ndarray of shape (n_parameters,)
        Of the bounds: positive where the upper one holds a parameter back, negative where the
        lower one does. Moving a bound by d changes the minimum by -d times its multiplier.
    linear : ndarray of shape (n_rows,)
        The same of the linear constraints.
    residuals : KKTResiduals
        Of the four conditions.
    held : ndarray of int of shape (n_active,)
        Constraints that hold with equality and whose multiplier has the right sign, as
        positions in :meth:`Constraints.rows`.
    active : ndarray of shape (n_active, n_parameters)
        Their rows: the directions in which a small step is not free.
    tight : ndarray of shape (n_tight, n_parameters)
        Rows of all constraints that hold with equality, whatever their multipliers.
    """

    bounds: Array
    linear: Array
    residuals: KKTResiduals
    held: NDArray[np.intp] = field(repr=False)
    active: Array = field(repr=False)
    tight: Array = field(repr=False)


def multipliers(constraints: Constraints, w: Array, gradient: Array) -> Multipliers:
    """Multipliers that come closest to grad f + A' lambda = 0 on the constraints that hold.

    Their signs are what they are, and tell whether the objective would fall inside a bound;
    only where the active constraints are dependent, so that multipliers are not unique, are
    those taken that have the right signs.
    """
    rows, lower, upper = constraints.rows()
    values = rows @ w
    scale = 1.0 + np.abs(values)
    at_lower = values - lower <= _ACTIVE * scale
    at_upper = upper - values <= _ACTIVE * scale
    active = np.flatnonzero(at_lower | at_upper)
    signed = np.zeros(len(rows))
    low = np.where(at_lower[active], -np.inf, 0.0)
    high = np.where(at_upper[active], np.inf, 0.0)
    if active.size:
        found, _, rank, _ = np.linalg.lstsq(rows[active].T, -gradient)
        if rank < active.size and ((found < low) | (found > high)).any():
            up, down = at_upper[active], at_lower[active]
            columns = np.hstack([rows[active[up]].T, -rows[active[down]].T])
            sizes, _ = nnls(columns, -gradient)
            found = np.zeros(active.size)
            found[up] += sizes[: up.sum()]
            found[down] -= sizes[up.sum() :]
        signed[active] = found
    wrong = np.maximum(low - signed[active], signed[active] - high).max(initial=0.0)
    distance = np.minimum(np.abs(values - lower), np.abs(upper - values))
    violation = np.maximum(lower - values, values - upper).max(initial=0.0)
    residuals = KKTResiduals(
        stationarity=float(np.abs(gradient + rows.T @ signed).max()),
        feasibility=float(violation),
        dual_feasibility=float(wrong),
        complementarity=float(np.abs(signed * np.where(signed, distance, 0.0)).max(initial=0.0)),
    )
    n_bounds = len(rows) - len(constraints.A)
    needed = (signed[active] != 0) | (lower[active] == upper[active])
    held = active[(signed[active] >= low) & (signed[active] <= high) & needed]
    return Multipliers(
        bounds=rows[:n_bounds].T @ signed[:n_bounds],
        linear=signed[n_bounds:],
        residuals=residuals,
        held=held,
        active=rows[held],
        tight=rows[active],
    )
