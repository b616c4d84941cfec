"""What each row does to a fit: one Newton step from the minimum to that without the row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sknewtonnet._tables import MOST_ROWS, Report, Shown, Table, counted, fixed, imported_pandas
from sknewtonnet._typing import Array
from sknewtonnet.calculus import Objective
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._parameter_covariance import adjusted_scores, leverage_factors
from sknewtonnet.inference._reported import Reported
from sknewtonnet.inference._residuals import pearson


@dataclass(frozen=True, eq=False, repr=False)
class Influence(Shown):
    """Influence of each row, a row of each array per sample; statsmodels' names and signs.

    The fit without row i is approximated by one step from the minimum, in which the curvature
    of the row is its part of the Gauss-Newton matrix:

        v_(i) = v + s_i H^-1 J_i' (I - s_i L_i J_i H^-1 J_i')^-1 r_i

    with the weight s_i, the residual r_i = dl_i / d raw, the second derivatives L_i of the loss
    in the raw predictions, their derivatives J_i in the parameters, and H = sum s_i d2 l_i +
    penalty. It is exact for linear nets with squared errors, penalised or not. With weights that
    count rows one of the equal rows is taken away. :meth:`InferenceResults.influence` makes it.

    Parameters
    ----------
    hat_matrix_diag : ndarray of shape (n_samples,)
        Leverage, tr(s_i L_i J_i H^-1 J_i'): how much the fit follows the target of the row.
    d_params : ndarray of shape (n_samples, n_reported)
        Parameters less those without the row.
    dfbetas : ndarray of shape (n_samples, n_reported)
        ``d_params`` over the standard errors of the results; with squared errors of one output
        these have the dispersion without the row, as in statsmodels' OLSInfluence.
    cooks_distance : ndarray of shape (n_samples,)
        Cook's distance d' G d / (phi df), with d = v - v_(i), the Gauss-Newton matrix G, the
        dispersion phi and the effective parameters df: the squared change of all predictions.
    resid_studentized, resid_studentized_external : ndarray of the shape of the predictions
        Pearson residuals over their standard errors, (phi (1 - h))^1/2; external with phi
        without the row, which needs squared errors of one output and is NaN else. NaN for more
        than two classes, whose residuals are no single numbers.
    resid_std : ndarray of the shape of ``resid_studentized``
        These standard errors, in the units of ``resid_pearson``.
    loo_predictions : ndarray of the shape of the targets
        Means that the fit without the row predicts for it; probabilities of all classes, or of
        the second of two.
    loo_losses : ndarray of shape (n_samples,)
        Loss of the row there. Their weighted mean estimates the loss of new rows.
    names : list of str
        Names of the parameters.
    loo_score : float
        Share of the loss of the best constant that the net explains in rows left out, 1 - mean of
        ``loo_losses`` / loss of the constant: R2 of squared errors of one output, else D2. Below 0
        for nets that predict new rows worse than a constant; NaN for constant targets.
    loo_log_score : float
        Mean logarithm of the density, or probability, of an entry of the targets by the fit
        without its row, at the dispersion of all rows; NaN without a likelihood. The highest is
        the best.
    reason : str
        Why all of it is NaN; empty if it is not.

    See Also
    --------
    InferenceResults.influence : The method that makes it.
    leave_one_out_losses : The losses alone.
    sknewtonnet.display.InfluenceDisplay : The same as a picture.

    References
    ----------
    Cook and Weisberg (1982), Residuals and Influence in Regression, chapter 5.
    Rad and Maleki (2020), A scalable estimate of the out-of-sample prediction error via
    approximate leave-one-out cross-validation, JRSS B 82.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
    >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
    >>> y[7] += 20.0  # a gross error
    >>> wrong = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y).influence()
    >>> int(wrong.cooks_distance.argmax()), round(float(wrong.hat_matrix_diag.sum()), 6)
    (7, 3.0)
    """

    hat_matrix_diag: Array
    d_params: Array
    dfbetas: Array
    cooks_distance: Array
    resid_studentized: Array
    resid_studentized_external: Array
    resid_std: Array
    loo_predictions: Array
    loo_losses: Array
    names: list[str]
    loo_score: float
    loo_log_score: float
    reason: str = ""

    def summary_frame(self) -> Any:
        """All but the predictions as a pandas data frame.

        Returns
        -------
        pandas.DataFrame
            "dfb_" and the name for each parameter, "cooks_d", "hat_diag", "loo_loss", and for one
            residual per row "standard_resid" and "student_resid", its external form.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        pd = imported_pandas()
        columns = {f"dfb_{name}": self.dfbetas[:, j] for j, name in enumerate(self.names)}
        columns |= {"cooks_d": self.cooks_distance, "hat_diag": self.hat_matrix_diag}
        if self.resid_studentized.ndim == 1:
            columns["standard_resid"] = self.resid_studentized
            columns["student_resid"] = self.resid_studentized_external
        return pd.DataFrame(columns | {"loo_loss": self.loo_losses})

    def _report(self) -> Report:
        most = np.argsort(-self.cooks_distance, kind="stable")[:MOST_ROWS]
        columns = {
            "Cook's distance": fixed(self.cooks_distance[most], 4),
            "leverage": fixed(self.hat_matrix_diag[most], 4),
        }
        if self.resid_studentized.ndim == 1:
            columns["standard. residual"] = fixed(self.resid_studentized[most], 3)
        columns["loss left out"] = fixed(self.loo_losses[most])
        n, rows = len(self.cooks_distance), [str(row) for row in most]
        title = f"Influence of {counted(n, 'row')}"
        title += f", the {len(most)} with the largest Cook's distance" * (len(most) < n)
        share = f"Share of the loss explained in rows left out: {self.loo_score:.4f}."
        notes = [share, *([self.reason] if self.reason else [])]
        return Report(title, [Table.of({"row": rows}, columns)], notes)

    def _in_words(self) -> str:
        return (
            f"of {counted(len(self.cooks_distance), 'row')} on "
            f"{counted(len(self.names), 'parameter')}"
        )


def influence(
    information: Information,
    reported: Reported,
    table: Objective,
    std_errors: Array,
    out_scale: Array,
    reason: str,
) -> Influence:
    """Influence of each row.

    Parameters
    ----------
    information : Information
        The minimum.
    reported : Reported
        The parameters to report.
    table : Objective
        The objective in the units of the table.
    std_errors : ndarray of shape (n_reported,)
        Of the reported parameters.
    out_scale : ndarray of shape (n_outputs,)
        Outputs of the table over those of the minimum.
    reason : str
        Why there is none, if there is none.
    """
    weight, factors = _weight_of_a_row(information), leverage_factors(information)
    moved = _without_each_row(information, weight, factors)
    leverages = np.einsum("iok,iko->io", *factors)
    if reason:
        moved, leverages = np.full_like(moved, np.nan), np.full_like(leverages, np.nan)
    errors = _residual_errors(information, leverages)
    internal, external = _studentized(information, errors, np.sqrt(weight))
    in_units = out_scale if information.objective.loss.normal_errors else 1.0
    d_params = -reported.change(moved)
    with np.errstate(divide="ignore", invalid="ignore"):
        dfbetas = d_params / np.where(std_errors > 0, std_errors, np.nan)
        ratio = np.abs(external / internal)
    if ratio.ndim == 1 and not np.isnan(ratio).all():
        dfbetas *= ratio[:, None]
    G, phi = information.gauss_newton, information.dispersion
    raw = table.raw_predictions(reported.values_of_net(information.params))
    raw = raw + np.einsum("iop,ip->io", information.jacobian, moved) * out_scale
    losses = table.loss.value(table.targets, raw)
    mean_loss = float(table.sample_weight @ losses) / table.weight_sum
    best_constant = table.scale()
    return Influence(
        hat_matrix_diag=leverages.sum(axis=1),
        d_params=d_params,
        dfbetas=dfbetas,
        cooks_distance=np.einsum("ip,ip->i", moved @ G, moved)
        / (phi * information.effective_parameters),
        resid_studentized=internal,
        resid_studentized_external=external,
        resid_std=_squeezed(errors * in_units),
        loo_predictions=_squeezed(table.loss.inverse_link(raw)),
        loo_losses=losses,
        names=list(reported.names),
        loo_score=1.0 - mean_loss / best_constant if best_constant > 0.0 else np.nan,
        loo_log_score=_log_score(information, table, raw, out_scale),
        reason=reason,
    )


def leave_one_out_losses(information: Information) -> Array:
    """Loss of each row by the fit without it, to one Newton step; see :class:`Influence`.

    It is cross-validation with as many folds as rows, at the cost of one Hessian; exact for linear
    nets with squared errors.

    Parameters
    ----------
    information : Information
        The minimum.

    Returns
    -------
    ndarray of shape (n_samples,)
        In the units of the objective. Their weighted mean estimates the loss of new rows.

    See Also
    --------
    Influence : All that single rows do to a fit.
    Criteria : Criteria that estimate the loss of new rows otherwise.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.inference import Information, leave_one_out_losses
    >>> X = np.array([[-1.0], [0.0], [1.0], [2.0]])
    >>> f = Objective(Network.mlp(1, (), 1), "squared_error", X, [0.0, 1.0, 1.0, 3.0])
    >>> leave_one_out_losses(Information(f, np.array([0.9, 0.8]))).round(3).tolist()
    [0.056, 0.041, 0.5, 0.889]
    """
    weight, factors = _weight_of_a_row(information), leverage_factors(information)
    moved = _without_each_row(information, weight, factors)
    raw = information.raw + np.einsum("iop,ip->io", information.jacobian, moved)
    return information.objective.loss.value(information.objective.targets, raw)


def _weight_of_a_row(information: Information) -> Array:
    """What is taken away with a row: one of equal rows, or its weight."""
    counts = information.weight_type == "frequency"
    return np.ones((1, 1)) if counts else information.objective.sample_weight[:, None]


def _without_each_row(information: Information, weight: Array, factors: Any) -> Array:
    """Changes of the parameters, v_(i) - v."""
    scores = adjusted_scores(information, 1.0, factors=factors)
    return np.asarray(weight * scores @ information.factor.inverse)


def _residual_errors(information: Information, leverages: Array) -> Array:
    """Standard errors of Pearson residuals; NaN where a row has no residual of one number."""
    left = np.where(leverages < 1.0, 1.0 - leverages, np.nan)
    if information.objective.loss.joint:
        return np.full((len(left), 1), np.nan)
    return np.asarray(np.sqrt(_variances(information) * left))


def _studentized(information: Information, errors: Array, roots: Array) -> tuple[Array, Array]:
    """Internally and externally studentized residuals; the latter of one output with phi."""
    loss, outputs = information.objective.loss, information.objective.network.n_outputs
    if loss.joint:
        nothing = np.full(len(errors), np.nan)
        return nothing, nothing
    residuals = roots * pearson(loss, information.objective.targets, information.raw)
    internal = residuals / errors
    external = np.full_like(internal, np.nan)
    if loss.normal_errors and outputs == 1:
        df = information.df_resid
        with np.errstate(divide="ignore", invalid="ignore"):  # without the row nothing is left
            external = internal * np.sqrt((df - 1.0) / np.maximum(df - internal**2, 0.0))
    return _squeezed(internal), _squeezed(external)


def _variances(information: Information) -> Array:
    """The dispersion, or the variances of the residuals of several outputs, in their units."""
    outputs = information.objective.network.n_outputs
    if information.objective.loss.normal_errors and outputs > 1:
        return np.asarray(np.diag(information.residual_covariance))
    return np.full(outputs, information.dispersion)


def _log_score(information: Information, table: Objective, raw: Array, out_scale: Array) -> float:
    """Mean log density of entries of the targets; a density has one over the target's units."""
    loss, weight = information.objective.loss, information.objective.sample_weight[:, None]
    if not information.is_likelihood:
        return np.nan
    dispersion = _variances(information) * (out_scale**2 if loss.normal_errors else 1.0)
    if not (dispersion > 0.0).all():  # a perfect fit has no density
        return np.nan
    if information.weight_type == "precision":
        dispersion, weight = dispersion / weight, np.ones_like(weight)
    densities = loss.log_density(table.targets, raw, dispersion)
    return float(np.average(densities, weights=np.broadcast_to(weight, densities.shape)))


def _squeezed(columns: Array) -> Array:
    return columns[:, 0] if columns.shape[1] == 1 else columns
