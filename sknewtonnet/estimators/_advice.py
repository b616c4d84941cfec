"""Messages about the end of a fit, with advice."""

from collections.abc import Sequence

from sknewtonnet.calculus import Layer
from sknewtonnet.solvers import SolverResult, Status


def advice(
    result: SolverResult,
    critical: str,
    name: str,
    tol: float,
    layers: Sequence[Layer],
    kinks: Sequence[str],
) -> str | None:
    """A message about the end of a run, or None if it ended well.

    Parameters
    ----------
    result : SolverResult
        The end.
    critical : str
        What kind of point it is.
    name, tol : str, float
        The solver and its tolerance.
    layers : sequence of Layer
        Of the net.
    kinks : sequence of str
        Where penalties have no derivative.

    Returns
    -------
    str or None
    """
    stopped = (
        f"{name} stopped after {result.n_iter} iterations with a largest "
        f"{'gradient entry' if result.multipliers is None else 'KKT residual'} of "
        f"{result.stationarity:.2e} (tol={tol:g}): {result.message}. "
    )
    activations = [layer.activation for layer in layers]
    kinked = {activation.name for activation in activations if not activation.smooth}
    if kinks:
        message = stopped + (
            f"There {' and '.join(kinks)}, where a penalty has no derivative: the fit is "
            "drawn to such a point, and no step ends at it. Use a smaller strength, or do "
            "without that layer."
        )
    elif result.status in (Status.MAX_ITER, Status.STALLED) and kinked:
        message = stopped + (
            f"Second derivatives of {' and '.join(sorted(kinked))} jump, so steps may not "
            "settle: use a smooth activation such as 'softplus', or raise tol."
        )
    elif result.status is Status.MAX_ITER:
        message = stopped + (
            "Increase max_iter, standardise X and y, use fewer units, or raise alpha or tol."
        )
    elif result.status is Status.STALLED and result.n_events.get("diverged"):
        message = stopped
    elif result.status is Status.STALLED:
        message = stopped + (
            "Often this is as far as double precision goes, and tol is too small for the "
            "scale of the objective: standardise y, raise tol, or try another solver."
        )
    elif critical in ("saddle", "maximum"):
        message = (
            f"The fit ended at a {critical}{' point' if critical == 'saddle' else ''}: the "
            "Hessian has a negative eigenvalue there, so lower values are near. Try a smaller "
            "tol, another random_state or n_init > 1."
        )
    else:
        return None
    return message
