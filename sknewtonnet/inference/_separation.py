"""Where the likelihood grows without end: classes told apart, and means that run to zero."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sknewtonnet._typing import Array, Bools
from sknewtonnet.calculus import Loss
from sknewtonnet.inference._gate_units import Finding
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._reported import Reported
from sknewtonnet.inference._rows import RowsAt, score_products

# Share of rows with probability 0 or 1 above which chance does not explain them.
_SURE = 0.05

# By how much the variance of a function by the model may exceed that by the scores of the rows. In
# nets of the right size it does by up to 7 times, next to separation by 100 and more.
_VARIANCES = 25.0

# Curvature of the loss, over the dispersion, in the rows from which a function is known: below it
# these are at the end of their range, with probabilities of 0.95, or means of 0.05.
_BENT = 0.05


def separated(information: Information, directions: Array) -> Bools:
    """Along which directions of the parameters the likelihood has no maximum.

    A row that is fitted ever better, such as one of a class with a probability that runs to 1, has
    a curvature e that runs to 0, and a residual that does so as fast: the model takes e for the
    variance of the residual, the sandwich its square. So the error by the model is without bound,
    that by the sandwich of any size. Of a direction v this looks at

        v' G v / (phi^-1 v' J v),    and    sum_i c_i^2 / |J_i v|^2 / sum_i c_i,
        c_i = s_i (J_i v)' L_i (J_i v),

    the ratio of both variances, and the mean curvature in the rows where the direction matters.

    Parameters
    ----------
    information : Information
        The minimum.
    directions : ndarray of shape (n_parameters, k)
        Directions v; for a linear function a of the parameters v = H^-1 a.

    Returns
    -------
    ndarray of bool of shape (k,)
    """
    loss, found = information.objective.loss, np.zeros(directions.shape[1], dtype=bool)
    if loss.quadratic or not information.is_likelihood or not found.size:
        return found
    scale = _dispersion(information)
    model = np.einsum("pk,pk->k", directions, information.gauss_newton @ directions)
    # Rows that are all fitted leave nothing: without a floor a null direction would be separated.
    with np.errstate(over="ignore"):  # of columns in extreme units
        floor = 1e-30 * np.abs(information.gauss_newton).max() * (directions**2).sum(axis=0)
    meat = information.sum_over_rows(score_products, np.zeros(len(directions)))
    robust = np.einsum("pk,pk->k", directions, meat @ directions)
    suspect = np.flatnonzero((scale * model > _VARIANCES * robust) & (model > floor))
    if suspect.size:
        found[suspect] = _bend(information, directions[:, suspect]) < _BENT * scale
    return found


def _dispersion(information: Information) -> float:
    """The dispersion; where it is 1 by the model, smaller if the data vary less."""
    loss = information.objective.loss
    if loss.free_dispersion:
        return information.dispersion
    if _of_classes(loss):  # the mean alone makes their variance
        return 1.0
    df = information.df_resid * information.n_entries
    found = float(information.sum_over_rows(_squares_over_curvature))
    return min(1.0, found / df) if df > 0 else 1.0


def _squares_over_curvature(rows: RowsAt, where: slice) -> Array:
    """Weighted squares of derivatives of the loss, over its curvatures."""
    slopes, bends = rows.residuals[where], rows.loss_curvature[where]
    bends = np.diagonal(bends, axis1=1, axis2=2)
    squares = np.divide(slopes**2, bends, out=np.zeros_like(slopes), where=bends > 0)
    return np.asarray(rows.weight[where] @ squares.sum(axis=1))


def _bend(information: Information, directions: Array) -> Array:
    """Mean curvature of the loss along directions, over the rows where these matter."""
    bent, total = information.sum_over_rows(_bends, directions)
    return np.divide(bent, total, out=np.full_like(total, np.inf), where=total > 0)


def _bends(rows: RowsAt, where: slice, directions: Array) -> Array:
    """Curvatures along directions, weighted by what they matter, and the sum of that."""
    moved, bend = rows.jacobian[where] @ directions, rows.loss_curvature[where]
    curvature = np.einsum("iok,iop,ipk->ik", moved, bend, moved, optimize=True)
    length = (moved**2).sum(axis=1)
    along = np.divide(curvature, length, out=np.zeros_like(length), where=length > 0)
    matters = rows.weight[where, None] * curvature
    return np.array([(matters * along).sum(axis=0), matters.sum(axis=0)])


def separated_functions(information: Information, rows: Array) -> Bools:
    """Of which linear functions of the parameters no covariance holds.

    Parameters
    ----------
    information : Information
        The minimum.
    rows : ndarray of shape (k, n_parameters)
        Their coefficients.

    Returns
    -------
    ndarray of bool of shape (k,)
    """
    factor = information.factor
    away = factor.null_parameters
    away = away[:, separated(information, away)]
    apart = np.abs(rows @ away).max(axis=1, initial=0.0) > 1e-6 * np.linalg.norm(rows, axis=1)
    return np.asarray(apart | separated(information, factor.inverse @ rows.T))


def separation_findings(information: Information, reported: Reported) -> Iterator[Finding]:
    """One finding, if the net tells classes apart or fits means that run to zero."""
    apart = _told_apart(information)
    if apart.any() and not information.penalised:
        classes = ", ".join(np.array(information.objective.network.output_names)[apart])
        yield Finding(
            "separation",
            f"Separation: the net tells {classes} from the rest without error, so the likelihood "
            "grows with the weights without end and there is no maximum. Use a penalty "
            "(alpha > 0).",
            severity="fatal",
        )
    elif apart.all():
        yield Finding("separation", all_told_apart(information))
    elif names := _separated_parameters(information, reported):
        shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
        yield Finding(
            "separation",
            f"Separation: some rows are fitted ever better as {shown} grow"
            f"{'s' if len(names) == 1 else ''} without end, and only a penalty or the solver ends "
            "that. There is no standard error of any kind: use a larger penalty, put a level of a "
            "factor together with another one, or test by likelihood ratio.",
            names,
        )
    elif not information.penalised and (share := _sure(information)) > _SURE:
        yield Finding(
            "separation",
            f"Separation: {100 * share:.0f} % of the rows have probabilities of 0 or 1, so "
            "weights are as large as the solver lets them be, and so are their standard errors. "
            "Use a penalty (alpha > 0).",
        )


def all_told_apart(information: Information) -> str:
    """Why a sandwich says nothing where the net classifies all rows right; else empty.

    Residuals are as small as the penalty lets them be, whatever the classes of other rows were.

    Parameters
    ----------
    information : Information
        The minimum.

    Returns
    -------
    str
        A message; empty where some rows are classified wrong, and for targets that are no classes.

    See Also
    --------
    findings : All that is known against a minimum.
    parameter_covariance : The covariances.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.inference import Information, all_told_apart
    >>> X = np.array([[-1.0], [0.0], [1.0], [2.0]])
    >>> f = Objective(Network.mlp(1, (), 1), "log_loss", X, [0.0, 0.0, 1.0, 1.0], alpha=1.0)
    >>> [all_told_apart(Information(f, np.array([1.0, b])))[:11] for b in (-0.5, 0.5)]
    ['Separation:', '']
    """
    if not _told_apart(information).all():
        return ""
    return (
        "Separation: every row is classified correctly, so weights are as large as the penalty "
        "lets them be, and the rows do not show how they vary. Use a larger penalty, or rely on "
        "predictions."
    )


def _separated_parameters(information: Information, reported: Reported) -> tuple[str, ...]:
    """Names of parameters without a maximum, alone or along a direction without curvature."""
    return tuple(np.array(reported.names)[separated_functions(information, reported.coefficients)])


def _told_apart(information: Information) -> Bools:
    """Which classes the net tells from the rest without error."""
    loss = information.objective.loss
    if not _of_classes(loss):
        return np.zeros(information.objective.network.n_outputs, dtype=bool)
    wrong, unsure = information.sum_over_rows(_mistakes)
    right = wrong == 0.0
    if loss.shift_invariant and not right.all():
        # The largest of several probabilities may be right by chance, and moderate.
        right &= unsure == 0.0
    return np.asarray(right)


def _mistakes(rows: RowsAt, where: slice) -> Array:
    """Numbers of rows that are of another class than the net says, and of those not sure."""
    loss, raw = rows.objective.loss, rows.raw[where]
    actual, predicted = rows.objective.targets[where] > 0.5, raw > 0
    if loss.shift_invariant:
        predicted = raw == raw.max(axis=1, keepdims=True)
    unsure = np.abs(loss.inverse_link(raw) - actual) >= 1e-4
    return np.array([(actual != predicted).sum(axis=0), unsure.sum(axis=0)], dtype=float)


def _sure(information: Information) -> float:
    """Share of the rows with probability 0 or 1: these only push weights to infinity."""
    if not _of_classes(information.objective.loss):
        return 0.0
    sure, n_rows = information.sum_over_rows(_sure_rows)
    return float(sure / n_rows)


def _sure_rows(rows: RowsAt, where: slice) -> Array:
    """The number of rows with probability 0 or 1, and that of all."""
    actual = rows.objective.targets[where] > 0.5
    off = np.abs(rows.objective.loss.inverse_link(rows.raw[where]) - actual)
    return np.array([(off < 1e-6).all(axis=1).sum(), len(off)], dtype=float)


def _of_classes(loss: Loss) -> bool:
    """Whether means are probabilities; those of an output activation are means of any targets."""
    return loss.out_activation in ("logistic", "softmax") and not loss.of_raw
