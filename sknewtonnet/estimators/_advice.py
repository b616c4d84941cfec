"""Messages about a fit, with advice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sknewtonnet._typing import Ints
from sknewtonnet.calculus import Activation, Network
from sknewtonnet.calculus.pieces.moments import Moments
from sknewtonnet.calculus.pieces.penalties import l2_penalty
from sknewtonnet.estimators._fit import End, Problem
from sknewtonnet.estimators._stuck import SENTENCES
from sknewtonnet.solvers import Solver, SolverResult, Status

# Part of the spread of a column that its rounding may be.
_LOST = 1e-6

# What the kinds of second derivatives leave out that do not converge like those of Newton.
_LEFT_OUT = {
    "block": "second derivatives between units",
    "lagrangian": "how states and multipliers change with the parameters",
}


def advice(
    result: SolverResult,
    end: End,
    solver: str | Solver,
    problem: Problem,
    kinks: Sequence[str],
    remark: str,
) -> str | None:
    """A message about the end of a run, or None if it ended well.

    Parameters
    ----------
    result : SolverResult
        The end.
    end : End
        What kind of point it is.
    solver : str or Solver
        As the estimator has it.
    problem : Problem
        What was solved.
    kinks : sequence of str
        Where penalties have no derivative.
    remark : str
        Sentences about the point.

    Returns
    -------
    str or None
    """
    status, message = result.status, None
    short = status in (Status.MAX_ITER, Status.STALLED)
    stopped = kind = ""
    kinked: set[str] = set()
    if kinks or short or status in (Status.NOT_FINITE, Status.AT_INFINITY):
        stopped, kind = _stopped(result, solver, problem), problem.settings.solver().kind
        kinked = {h.name for h in _activations(problem.network) if not h.smooth}
    if kinks:
        message = stopped + (
            f"There {' and '.join(kinks)}, where a penalty has no derivative: the fit is "
            "drawn to such a point, and no step ends at it. Use a smaller strength, or do "
            "without that layer."
        )
    elif status is Status.NOT_FINITE:
        message = stopped + "The net has the last parameters at which all was finite."
    elif status is Status.AT_INFINITY:
        message = stopped + remark
    elif not (end.finite and end.bounded):
        message = remark
    elif short and kind in _LEFT_OUT:
        message = stopped + (
            f"The cause is hessian={kind!r}, which leaves out {_LEFT_OUT[kind]}: such steps "
            f"hardly ever arrive. Use hessian='exact'{_blocks_of_use(problem)}."
        )
    elif short and kinked:
        message = stopped + (
            f"Second derivatives of {' and '.join(sorted(kinked))} jump, so steps may not "
            "settle: use a smooth activation such as 'softplus', or raise tol."
        )
    elif status is Status.MAX_ITER:
        message = stopped + (remark or _more_iterations(problem))
    elif status is Status.STALLED:
        message = stopped
        if not result.n_events.get("diverged"):
            message += remark or _no_way_down(problem, end)
    elif end.kind in ("saddle", "maximum"):
        what = "saddle point" if end.kind == "saddle" else end.kind
        message = (
            f"The fit ended at a {what}: the Hessian has a negative eigenvalue there, so lower "
            "values are near. Try a smaller tol, another random_state or n_init > 1. " + remark
        ).rstrip()
    return message


def _stopped(result: SolverResult, solver: str | Solver, problem: Problem) -> str:
    """A sentence about how a run ended."""
    name = solver if isinstance(solver, str) else type(solver).__name__
    tol, size = problem.settings.solver().tol, problem.gradient_size
    return (
        f"{name} stopped after {result.n_iter} iterations with a largest "
        f"{'gradient entry' if result.multipliers is None else 'KKT residual'} of "
        f"{result.stationarity:.2e} (tol={tol:g}{'' if size == 1.0 else f' times {size:g}'}): "
        f"{result.message}. "
    )


def _more_iterations(problem: Problem) -> str:
    """What helps a run that was cut off."""
    steps = ["Increase max_iter"]
    steps += ["set standardize=True"] if problem.units is None else []
    steps += ["use fewer units"] if len(problem.network.layers) > 1 else []
    return f"{', '.join(steps)}, or raise alpha or tol."


def _blocks_of_use(problem: Problem) -> str:
    """How the solver at hand takes blocks, if it does."""
    known = hasattr(problem.settings.solver(), "preconditioner")
    if not known or problem.network.layout.has_ties:
        return ""
    return (
        ", where the blocks may serve as preconditioner of products: "
        "solver_options={'preconditioner': 'block'}"
    )


def _no_way_down(problem: Problem, end: End) -> str:
    """What helps a run that finds no step down."""
    scale = "set standardize=True, or " if problem.units is None else ""
    if end.kind == "minimum":
        return f"The point is a minimum, as far as double precision goes: {scale}raise tol."
    own = [f"activation {h.name!r}" for h in _activations(problem.network) if _is_own(h)]
    own += [f"loss {problem.loss.name!r}"] if _is_own(problem.loss) else []
    if own:
        checks = "sknewtonnet.testing has checks of"
        return f"Do the derivatives belong to the values? {checks} your {' and '.join(own)}."
    return f"Double precision may go no further: {scale}raise tol, or try another solver."


def _activations(network: Network) -> list[Activation]:
    """Those of all layers, each of a layer once."""
    groups = [layer.activation.groups(layer.n_units) for layer in network.layers]
    return [activation for group in groups for activation, _ in group]


def _is_own(part: object) -> bool:
    """Whether the class of a part is a user's."""
    return not type(part).__module__.startswith("sknewtonnet.")


def advice_on_weights(network: Network, alpha: Any, n_rows: int, total: float) -> str | None:
    """A message about weights that sum to far less than the number of rows, or None.

    Parameters
    ----------
    network : Network
        The net.
    alpha : float, sequence, mapping, or None
        Strength of the penalty; None if it is chosen relative to the weights.
    n_rows : int
        Rows of positive weight.
    total : float
        Sum of their weights.

    Returns
    -------
    str or None
    """
    if alpha is None or total >= 0.5 * n_rows:
        return None
    if not l2_penalty(network.layout, alpha).strength.any():
        return None
    factor = f"{n_rows / total:.3g}"
    return (
        f"sample_weight sums to {total:.3g} over {n_rows} rows, but alpha counts like rows of "
        f"weight 1: it is {factor} times as strong as without weights. Multiply the weights by "
        f'{factor}, or use alpha="auto", which is relative to the weights.'
    )


def advice_on_scales(problem: Problem, alpha: Any) -> str | None:
    """A message about columns whose spread is far from one, or None.

    Random starts, penalties and steps are in the units of the columns, unless these are
    standardised. Without hidden units and penalty they decide nothing.

    Parameters
    ----------
    problem : Problem
        What is to be solved.
    alpha : float, sequence, mapping, or None
        Strength of the penalty; None if it is to be chosen.

    Returns
    -------
    str or None
    """
    if problem.units is not None:
        return None
    network, data = problem.network, problem.known_data
    free = alpha is not None and not l2_penalty(network.layout, alpha).strength.any()
    if free and len(network.layers) == 1:
        return None
    units = data.units(problem.loss.of_differences)
    targets = [f"the target {name!r}" for name in network.output_names]
    spread = {
        **{
            f"column {name!r}": s
            for name, s in zip(problem.feature_names, units.scale, strict=True)
        },
        **dict(zip(targets, units.out_scale, strict=True)),
    }
    far = [f"{name} of {s:.1e}" for name, s in spread.items() if not 1e-3 <= s <= 1e3]
    if not far:
        return None
    more = f" and {len(far) - 3} more" if len(far) > 3 else ""
    return (
        f"There are standard deviations far from one: {', '.join(far[:3])}{more}. Starts and "
        "penalties count in these units: set standardize=True, or divide by them."
    )


def advice_on_range(problem: Problem) -> str | None:
    """A message about targets that no output reaches, or None.

    Parameters
    ----------
    problem : Problem
        What is to be solved.

    Returns
    -------
    str or None
    """
    activation, targets = problem.network.layers[-1].activation, problem.known_data.targets
    over = (targets.low < activation.bounds[0]) | (targets.high > activation.bounds[1])
    if problem.loss.out_activation != activation.name or not over.any():
        return None
    found = problem.known_data.in_memory.Y
    outside = ((found < activation.bounds[0]) | (found > activation.bounds[1])).mean(axis=0)
    j = int(np.where(over, outside, -1.0).argmax())
    activation = activation.of_unit(j)
    low, high = activation.bounds
    return (
        f"{outside[j]:.0%} of the values of the target {problem.network.output_names[j]!r}, from "
        f"{targets.low[j]:.3g} to {targets.high[j]:.3g}, lie outside the range "
        f"({low:.3g}, {high:.3g}) of the output activation {activation.name!r}: no prediction "
        "reaches them. Rescale the target, or choose another activation."
    )


def advice_on_lost_digits(argument: str, names: Sequence[str], columns: Moments) -> str | None:
    """A message about values that are equal in nearly all their digits, or None.

    Parameters
    ----------
    argument : {"X", "y"}
        What the columns are of.
    names : sequence of str
        Of the columns.
    columns : Moments
        Of the columns, in the units of the table.

    Returns
    -------
    str or None
    """
    size, spread = columns.size, columns.high - columns.low
    rounding = np.finfo(float).eps * size
    # Below some units of rounding a column of X is constant, and no information is in it.
    noise = 8.0 * rounding if argument == "X" else 0.0
    lost = (spread > noise) & (rounding > _LOST * spread)
    if not lost.any():
        return None
    j = int(lost.argmax())
    return (
        f"The values of {names[j]!r} in {argument} are near {size[j]:.3g} and differ by "
        f"{spread[j]:.3g} only: double precision keeps few digits of their differences, in "
        "the table and in predictions. Subtract a constant from that column."
    )


def nothing_learnt(stuck: str, critical: str, n_restarts: Ints, standardize: bool) -> str | None:
    """A message for a fit whose starts all end where nothing is learnt, or None.

    Parameters
    ----------
    stuck : str
        A word of :mod:`sknewtonnet.estimators._stuck`, of the lowest end.
    critical : str
        What kind of point it is; a constant may be a minimum of a net that can do no better.
    n_restarts : ndarray of int of shape (n_init,)
        Other starts in the place of each.
    standardize : bool
        Whether the columns were standardised.

    Returns
    -------
    str or None
        None where that is no fault.
    """
    if not (stuck == "poor" or (stuck == "flat" and critical != "minimum")):
        return None
    tries = len(n_restarts) + int(n_restarts.sum())
    return (
        f"{SENTENCES[stuck]} None of {tries} start{'' if tries == 1 else 's'} ended lower. "
        f"{'Add' if standardize else 'Set standardize=True, add'} a little alpha, or try another "
        "random_state, n_init or activation."
    )
