"""Log-likelihood and information criteria of a fit (doc/statistics.md 3.4)."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sknewtonnet.inference._minimum import Information

CRITERIA = ("aic", "aicc", "bic", "nic", "tic", "gcv")


@dataclass(frozen=True, eq=False)
class Criteria:
    """What a fit is worth, in numbers to compare fits by; NaN where there is no likelihood.

    With n observations (rows times outputs; rows where the outputs are one distribution), and
    k effective parameters, without the dispersion, as in statsmodels (R counts it). In nets with
    hidden units k counts parameters that are not identified as well.

    Parameters
    ----------
    information : Information
        The minimum.
    factor : float, default=1.0
        What the loss is in the units of the table, over what it is at the minimum.
    """

    information: Information
    factor: float = 1.0

    @property
    def _n(self) -> float:
        if self.information.weight_type == "sampling" or self.information.class_weights:
            return np.nan
        return self.information.n_rows * self.information.n_entries

    @property
    def _k(self) -> float:
        """Effective parameters, and in nets with hidden units those that are not identified.

        A unit that has become a step has parameters without curvature; were they free, the
        criteria would prefer nets with such units.
        """
        k = self.information.effective_parameters
        if len(self.information.objective.network.layers) > 1:
            k += self.information.factor.n_null
        return k

    @cached_property
    def log_likelihood(self) -> float:
        """Sum of the logarithms of the densities, at the dispersion of highest likelihood."""
        information = self.information
        objective = information.objective
        loss, weight = objective.loss, objective.sample_weight
        if not information.is_likelihood:
            return np.nan
        precise = information.weight_type == "precision" and loss.free_dispersion
        precision = weight[:, None] if precise else 1.0
        dispersion = loss.likeliest_dispersion(information.total_loss / self._n, precision)
        if dispersion == 0.0:
            return np.inf
        density = loss.log_density(objective.targets, information.raw, dispersion / precision)
        # Of d times y the density is 1 / d times as high, and the factor is d^2.
        density = density - 0.5 * np.log(self.factor)
        return float(density.sum() if precise else weight @ density.sum(axis=1))

    @property
    def aic(self) -> float:
        """-2 log_likelihood + 2 k."""
        return -2.0 * self.log_likelihood + 2.0 * self._k

    @property
    def aicc(self) -> float:
        """AIC + 2 k (k + 1) / (n - k - 1)."""
        left = self._n - self._k - 1.0
        return self.aic + (2.0 * self._k * (self._k + 1.0) / left if left > 0 else np.inf)

    @property
    def bic(self) -> float:
        """-2 log_likelihood + k log n."""
        return -2.0 * self.log_likelihood + self._k * float(np.log(self._n))

    @cached_property
    def robust_parameters(self) -> float:
        """Effective parameters that the scores show, tr(J_c H^-1), in units of the loss."""
        return float((self.information.factor.inverse * self.information.centred_meat).sum())

    @property
    def nic(self) -> float:
        """D / n + tr(J_c H^-1) / n, in units of the loss (Murata, Yoshizawa and Amari 1994)."""
        found = (self.information.total_loss + self.robust_parameters) / self._n
        return self.factor * found

    @property
    def tic(self) -> float:
        """-2 log_likelihood + 2 tr(J_c H^-1) / dispersion; Takeuchi's, for wrong models too."""
        penalty = 2.0 * self.robust_parameters / self.information.dispersion
        return -2.0 * self.log_likelihood + penalty

    @property
    def gcv(self) -> float:
        """(2 D / n) / (1 - k / n)^2; 2 D is the residual sum of squares, or the deviance."""
        if self._k >= self._n:  # false where n is not known
            return np.inf
        found = 2.0 * self.information.total_loss / self._n / (1.0 - self._k / self._n) ** 2
        return self.factor * found
