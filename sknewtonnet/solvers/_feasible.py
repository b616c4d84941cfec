"""Points that meet nonlinear constraints: where a run starts, and where its steps land."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.optimize import Bounds, minimize

from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus.pieces.memory import check_hessian_memory
from sknewtonnet.calculus.pieces.validation import real_vector
from sknewtonnet.solvers._scipy_constraints import in_words_of_scipy
from sknewtonnet.solvers.constraints import Constraints, check_constraints

# Newton steps onto constraints; they converge quadratically where they converge.
_STEPS, _HALVINGS = 50, 10
# Back from a step along a tangent they need few: a step that is further off was too long.
_STEPS_BACK = 8
# How far beside a point, in root mean squares of its entries, or 1.
_BESIDE = 1e-3


class InfeasibleError(ValueError):
    """No point was found that meets all constraints.

    It is a ValueError, whose message names the constraint that is violated most, and by how much.
    Where constraints are not linear, it does not prove that no such point exists.

    See Also
    --------
    feasible_point : The function that raises it.
    Constraints : The constraints.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, NormConstraint
    >>> from sknewtonnet.solvers import Constraints, InfeasibleError, feasible_point
    >>> net = Network.mlp(2, (), 1)
    >>> one, two = (NormConstraint("coefs_0", r, r).on(net) for r in (1.0, 2.0))
    >>> try:
    ...     feasible_point(Constraints.of(3, one, two), np.ones(3))
    ... except InfeasibleError as error:
    ...     print("infeasible" in str(error), isinstance(error, ValueError))
    True True
    """


def feasible_point(constraints: Constraints, w: Array) -> Array:
    """A point near w that meets all constraints.

    Bounds and linear constraints are met first (:meth:`Constraints.nearest`). Nonlinear ones
    are then met by Newton steps of least length; where these fail, by such steps from a point
    beside w, or from where SLSQP ends, which looks for the nearest feasible point.

    Parameters
    ----------
    constraints : Constraints
        The constraints.
    w : ndarray of shape (n_parameters,)
        The point.

    Returns
    -------
    ndarray of shape (n_parameters,)
        The point; w itself where that meets all constraints.

    Raises
    ------
    InfeasibleError
        If none is found; a ValueError that names the constraint that is worst. Where constraints
        are not linear, that does not prove that there is none.
    ValueError
        If bounds and linear constraints have no common point.

    See Also
    --------
    Constraints.nearest : The nearest point of bounds and linear constraints.
    InfeasibleError : What is raised if there is none.
    ConstrainedSolver : Solvers, which start there.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, NormConstraint
    >>> from sknewtonnet.solvers import Constraints, feasible_point
    >>> circle = NormConstraint("coefs_0", 1.0, 1.0).on(Network.mlp(2, (), 1))
    >>> feasible_point(Constraints.of(3, circle), np.array([3.0, 4.0, 7.0])).round(6).tolist()
    [0.6, 0.8, 7.0]
    """
    check_constraints(constraints)
    w = real_vector("w", w, len(constraints.lower))
    start = constraints.nearest(w)
    if not constraints.nonlinear or not np.isfinite(start).all():
        return start
    with np.errstate(all="ignore"):
        for near in _starts(constraints, start):
            found = landed(constraints, near)
            if found is not None:
                return found
        raise InfeasibleError(_worst(constraints, start))


def _starts(constraints: Constraints, w: Array) -> Iterator[Array]:
    """Where Newton steps begin, in order: each of them costs more than the one before."""
    yield w
    # Gradients may vanish at w, such as that of a norm at zero.
    yield w + _BESIDE * max(1.0, _size(w)) * np.random.default_rng(0).standard_normal(len(w))
    yield _nearest_by_slsqp(constraints, w)


def _size(w: Array) -> float:
    return float(np.sqrt(np.mean(w**2)))


def landed(constraints: Constraints, w: Array, held: Ints | None = None) -> Array | None:
    """A point near w where some constraints hold with equality and all others are met.

    Newton steps of least length, each onto what is held or violated to first order.

    Parameters
    ----------
    constraints : Constraints
        The constraints.
    w : ndarray of shape (n_parameters,)
        The point.
    held : ndarray of int, default=None
        Positions of those that are to hold; none if None.

    Returns
    -------
    ndarray of shape (n_parameters,), or None
        None where no such point is found.
    """
    on = np.zeros(len(constraints.all_limits[0]), dtype=bool)
    if held is not None:
        on[held] = True
    lack = _lack(constraints, w, on)
    for _ in range(_STEPS if held is None else _STEPS_BACK):
        here = constraints.linearised(w)
        if not np.isfinite(here.A).all() or np.isnan(lack).any():
            return None
        near = bool((np.abs(lack) <= here.rounding(w)).all())
        if near and not lack.any():
            return w
        # On to the last digit: f at a point beside the constraints is not that of one on them.
        moved = _towards(constraints, here, w, on, lack, 1 if near else _HALVINGS)
        if moved is None:
            return w if near else None
        before, (w, lack) = lack, moved
        if near and np.abs(lack).max() > 0.5 * np.abs(before).max():
            return w
    return None


def _lack(constraints: Constraints, w: Array, on: Bools) -> Array:
    """What constraints lack: to their nearest limit where they are on, else where violated."""
    values, (lower, upper) = constraints.all_values(w), constraints.all_limits
    below, above = lower - values, upper - values
    to_nearest = np.where(np.abs(below) <= np.abs(above), below, above)
    return np.where(on, to_nearest, np.maximum(below, 0.0) + np.minimum(above, 0.0))


def _towards(
    constraints: Constraints, here: Constraints, w: Array, on: Bools, lack: Array, most: int
) -> tuple[Array, Array] | None:
    """A point that lacks less, and what; None if the step of least length leads to none."""
    step = _least_step(here, w, on, lack)
    if step is None:
        return None
    weight = _lengths(here)
    before = float(np.linalg.norm(lack / weight))
    for halvings in range(most):
        moved = np.clip(w + 0.5**halvings * step, here.lower, here.upper)
        with np.errstate(all="ignore"):
            left = _lack(constraints, moved, on)
            after = float(np.linalg.norm(left / weight))
        if after < before:
            return moved, left
    return None


def _least_step(here: Constraints, w: Array, on: Bools, lack: Array) -> Array | None:
    """The shortest step that meets, to first order, what is lacking, and violates nothing else."""
    rows, lower, upper = here.rows()
    wanted, goal = (lack != 0.0) | on, lack
    values = here.values(w)
    for _ in range(len(rows) + 1):
        A = rows[wanted] / _lengths(here)[wanted, None]
        if not len(A):
            return None
        step = np.linalg.lstsq(A, goal[wanted] / _lengths(here)[wanted], rcond=1e-12)[0]
        ahead = values + rows @ step
        slack = here.rounding(w) + 1e-12 * np.abs(rows) @ np.abs(step)
        broken = ~wanted & ((ahead < lower - slack) | (ahead > upper + slack))
        if not broken.any():
            return step
        goal = np.where(broken, np.where(ahead < lower, lower, upper) - values, goal)
        wanted = wanted | broken
    return None


def _lengths(here: Constraints) -> Array:
    """Lengths of the rows, 1 for those that are zero."""
    lengths = np.r_[np.ones(len(here.bounded)), np.linalg.norm(here.A, axis=1)]
    return np.where(lengths > 0.0, lengths, 1.0)


def _nearest_by_slsqp(constraints: Constraints, w: Array) -> Array:
    """Where scipy's method ends on the way to the nearest feasible point."""
    if constraints.more_equalities_than_parameters:
        return w
    check_hessian_memory(len(w), "start from a feasible point")
    with np.errstate(all="ignore"):
        found = minimize(
            lambda u: 0.5 * float((u - w) @ (u - w)),
            w,
            jac=lambda u: u - w,
            method="slsqp",
            bounds=Bounds(constraints.lower, constraints.upper),
            constraints=in_words_of_scipy(constraints, w, second_order=False),
            options={"maxiter": 500, "ftol": 1e-14},
        )
    return np.asarray(found.x if np.isfinite(found.x).all() else w, dtype=float)


def _worst(constraints: Constraints, w: Array) -> str:
    """The constraint that is furthest from its limits at a point, in words."""
    worst, words = -1.0, ""
    for number, each in enumerate(constraints.nonlinear):
        value, (lower, upper) = each.value(w), each.limits
        if np.isfinite(value).all() and not np.isfinite(each.jacobian(w)).all():
            return (
                "no way to meet the constraints was found: derivatives of "
                f"{each.title} number {number} are not finite at the starting point."
            )
        beyond = np.maximum(lower - value, value - upper)
        k = int(np.argmax(beyond))
        if not beyond[k] <= worst:
            worst = float(beyond[k])
            words = (
                f"{each.title} number {number} is {value[k]:.4g} there, and should be "
                f"from {lower[k]:.4g} to {upper[k]:.4g}"
            )
    return (
        "the constraints are infeasible, or no way to meet them was found from the starting "
        f"point: {words}."
    )
