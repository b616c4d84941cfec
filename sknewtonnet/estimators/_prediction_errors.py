"""Standard errors of predictions that a fitted net knows without its data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import LinAlgError

from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.standardization import Units
from sknewtonnet.inference import Information, MeanErrors

# Most parameters whose covariance is kept: 8 megabytes.
MOST = 1000

# Most numbers in the derivatives of all predictions, where the covariance takes them: 160 MB.
_MOST_DERIVATIVES = 20_000_000

_INSTEAD = "net.inference(X, y).get_prediction(X_new) has them"


@dataclass(frozen=True, eq=False)
class PredictionErrors:
    """Errors of the means of a fit, or the reason why there are none.

    Parameters
    ----------
    known : MeanErrors or None
        In the units of the fit.
    reason : str
        Why it is None.
    """

    known: MeanErrors | None = None
    reason: str = "the fit has not ended."

    @classmethod
    def at(cls, information: Information, kind: str) -> PredictionErrors:
        """From the minimum, whose Hessian is known, and the verdict on it."""
        size = information.objective.n_parameters
        if size > MOST:
            return cls(
                reason=f"the covariance of {size} parameters is not kept, only up to {MOST}; "
                f"{_INSTEAD}."
            )
        if kind in ("saddle", "maximum", "not stationary"):
            place = "a point that is not stationary" if kind == "not stationary" else f"a {kind}"
            return cls(
                reason=f"the fit ended at {place}: fit to convergence, or from other starts."
            )
        if information.known is None:
            return cls(reason=f"a fit that ends early, by ftol, forms no Hessian; {_INSTEAD}.")
        loss, n_outputs = information.objective.loss, information.n_entries
        by_rows = not information.is_likelihood or (loss.normal_errors and n_outputs > 1)
        if by_rows and size * n_outputs * information.objective.n_samples > _MOST_DERIVATIVES:
            return cls(reason=f"the table is too large to work them out in passing; {_INSTEAD}.")
        try:
            found = MeanErrors.at(information)
        except (ValueError, LinAlgError, MemoryError) as reason:
            return cls(reason=str(reason))
        if not np.isfinite(found.covariance).all():
            freedom = np.isfinite(information.dispersion)
            return cls(
                reason="the squares of the target leave the range of doubles: scale it."
                if freedom
                else "no degrees of freedom are left for the dispersion."
            )
        return cls(found, "")

    def with_chosen_penalty(self) -> PredictionErrors:
        """Those of a penalty whose strength the same data have chosen."""
        return (
            self if self.known is None else replace(self, known=self.known.with_chosen_penalty())
        )

    def of_means(
        self, X: Array, offset: Array | None, units: Units | None, n_outputs: int, gradients: bool
    ) -> tuple[Array, str]:
        """Errors of means in the units of the table, or their gradients, and why some are NaN."""
        shape = (len(X), n_outputs, *X.shape[1:]) if gradients else (len(X), n_outputs)
        if self.known is None:
            return np.full(shape, np.nan), self.reason
        if units is not None:
            X = units.inputs(X)
            offset = None if offset is None else offset / units.out_scale
        found = (self.known.gradients if gradients else self.known.of_means)(X, offset)
        if units is not None:
            found *= units.out_scale[:, None] / units.scale if gradients else units.out_scale
        lost = int(np.isnan(found).reshape(len(X), -1).any(axis=1).sum())
        reason = (
            f"the data do not determine {lost} of {len(X)} means or their errors: use fewer "
            "units, or a penalty."
        )
        return found, reason if lost else ""


NO_ERRORS = PredictionErrors()
