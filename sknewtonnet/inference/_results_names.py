"""Results under the names that statsmodels gives them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.inference._results_diagnostics import Diagnostics


@dataclass(frozen=True, eq=False, repr=False)
class StatsmodelsNames(Diagnostics):
    """What statsmodels has under another name; each is another property of these results."""

    @property
    def bse(self) -> Array:
        """Standard errors of the parameters: ``std_errors``.

        Returns
        -------
        ndarray of shape (n_parameters,)
        """
        return self.std_errors

    @property
    def tvalues(self) -> Array:
        """Estimates over their standard errors: ``z_values``, whether t or z.

        Returns
        -------
        ndarray of shape (n_parameters,)
        """
        return self.z_values

    @property
    def pvalues(self) -> Array:
        """P-values of single parameters: ``p_values``.

        Returns
        -------
        ndarray of shape (n_parameters,)
        """
        return self.p_values

    def cov_params(self) -> Array:
        """Covariance of the parameters: ``covariance``.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
            As :attr:`covariance`, under the name of statsmodels.
        """
        return self.covariance

    @property
    def llf(self) -> float:
        """Log-likelihood at the fit: ``log_likelihood``.

        Returns
        -------
        float
        """
        return self.log_likelihood

    @property
    def nobs(self) -> float:
        """Number of rows, or the sum of frequency weights: ``n_obs``.

        Returns
        -------
        float
        """
        return self.n_obs

    @property
    def scale(self) -> float:
        """The dispersion phi: ``dispersion``.

        Returns
        -------
        float
        """
        return self.dispersion

    @property
    def df_model(self) -> float:
        """Effective parameters per output, less one for the intercept.

        Returns
        -------
        float
        """
        return self.n_obs - self.information.df_resid - 1.0

    @property
    def fittedvalues(self) -> Array:
        """Predicted means of the rows of the fit.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the units of the target; of two classes the probability of the second one.
        """
        return self._single(self._table.targets) - self.resid_response

    @property
    def resid(self) -> Array:
        """Targets less predicted means: ``resid_response``.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        return self.resid_response

    @property
    def rsquared(self) -> float:
        """R^2 = 1 - sum s_i r_i^2 / sum s_i (y_i - mean)^2 of squared errors, by all outputs.

        Returns
        -------
        float
            NaN under another loss.
        """
        loss = self.information.objective.loss
        if not loss.normal_errors:
            return np.nan
        known = self.information.targets(left=loss.quadratic)
        scale = np.ones(len(known.mean)) if self.rescaled is None else self.rescaled.out_scale
        squares = float(scale**2 @ np.diag(self.information.residual_products))
        total = known.weight * float(scale**2 @ known.spread**2)
        return 1.0 - squares / total if total > 0 else np.nan
