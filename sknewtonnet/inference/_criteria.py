"""Log-likelihood and information criteria of a fit (STATISTICS 3.4)."""

from dataclasses import dataclass

import numpy as np

from sknewtonnet.inference._information import Information


@dataclass(frozen=True)
class Criteria:
    """What a fit is worth, in numbers to compare fits by; lower is better, but for the first.

    Attributes
    ----------
    log_likelihood : float
        At the dispersion of highest likelihood.
    aic, aicc, bic : float
        -2 log_likelihood + 2 k;  plus 2 k (k + 1) / (n - k - 1);  with k log n for 2 k. k are the
        effective parameters, without the dispersion, as in statsmodels.
    tic : float
        -2 log_likelihood + 2 tr(J_c H^-1) / dispersion: Takeuchi's, right also where the model
        is not.
    nic : float
        D / n + tr(J_c H^-1) / n, in units of the loss (Murata, Yoshizawa and Amari 1994).
    gcv : float
        (2 D / n) / (1 - k / n)^2; 2 D is the residual sum of squares, or the deviance.
    """

    log_likelihood: float
    aic: float
    aicc: float
    bic: float
    nic: float
    tic: float
    gcv: float

    @classmethod
    def of(cls, information: Information) -> "Criteria":
        """The criteria; NaN where the objective is no likelihood."""
        n, k = information.n_rows * information.n_entries, information.effective_parameters
        deviance = -2.0 * _log_likelihood(information)
        # tr(J_c H^-1), the effective parameters that the scores show.
        robust = float((information.factor.inverse * information.centred_meat).sum())
        mean = information.total_loss / n
        left = n - k - 1.0
        return cls(
            log_likelihood=-0.5 * deviance,
            aic=deviance + 2.0 * k,
            aicc=deviance + 2.0 * k + (2.0 * k * (k + 1.0) / left if left > 0 else np.inf),
            bic=deviance + k * float(np.log(n)),
            nic=mean + robust / n,
            tic=deviance + 2.0 * robust / information.dispersion,
            gcv=2.0 * mean / (1.0 - k / n) ** 2 if n > k else np.inf,
        )


def _log_likelihood(information: Information) -> float:
    """Sum of the log densities; sampling weights, and some losses, have no likelihood."""
    objective = information.objective
    loss, weight = objective.loss, objective.sample_weight
    if not loss.likelihood or information.weight_type == "sampling":
        return np.nan
    n = information.n_rows * information.n_entries
    dispersion: object = loss.likeliest_dispersion(information.total_loss / n)
    if dispersion == 0.0:
        return np.inf
    precision = information.weight_type == "precision" and loss.free_dispersion
    if precision:
        dispersion = dispersion / weight[:, None]  # type: ignore[operator]
    density = loss.log_density(objective.targets, information.raw, dispersion)  # type: ignore[arg-type]
    return float((density if precision else weight[:, None] * density).sum())
