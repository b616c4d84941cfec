"""Log-likelihood and information criteria of a fit (doc/statistics.md 3.4)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sknewtonnet._tables import Report, Shown, Table, number
from sknewtonnet._typing import Array
from sknewtonnet.calculus import BlockObjective, Loss
from sknewtonnet.calculus.pieces.output_activation import LossBehindActivation
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._rows import RowsAt

CRITERIA = ("aic", "aicc", "bic", "nic", "tic", "gcv")


@dataclass(frozen=True, eq=False, repr=False)
class Criteria(Shown):
    """Log-likelihood and information criteria, to compare fits by; smaller criteria are better.

    n is the number of observations: rows times outputs, or rows where the outputs are one
    distribution (softmax). k is the number of effective parameters, without the dispersion, as in
    statsmodels (R counts it); an overdispersion that was estimated counts. In nets with hidden
    units k also counts parameters that are not identified. A number is NaN where there is no
    likelihood.

    Parameters
    ----------
    information : Information
        The minimum.
    factor : float, default=1.0
        The loss in the units of the table over the loss that was minimised; 1 without
        standardised columns.

    See Also
    --------
    InferenceResults.aic : The same numbers of a fit.
    sknewtonnet.criterion_scorer : Criteria as scores of a search.
    sknewtonnet.InformationCriterionSearch : The size of a net by a criterion.

    References
    ----------
    Murata, Yoshizawa and Amari (1994), IEEE Transactions on Neural Networks 5; doc/statistics.md
    3.4 has the sources of the others.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.inference import Criteria, Information
    >>> X = np.array([[-1.0], [0.0], [1.0], [2.0]])
    >>> f = Objective(Network.mlp(1, (), 1), "squared_error", X, [0.0, 1.0, 1.0, 3.0])
    >>> minimum = Information(f, np.array([0.9, 0.8]))
    >>> criteria = Criteria(minimum)
    >>> round(criteria.log_likelihood, 3), round(criteria.aic, 3), round(criteria.bic, 3)
    (-2.19, 8.38, 7.152)
    """

    information: Information
    factor: float = 1.0

    def _report(self) -> Report:
        values = [getattr(self, name) for name in ("log_likelihood", *CRITERIA)]
        names = ["log-likelihood", *(name.upper() for name in CRITERIA)]
        return Report("", [Table.of({"criterion": names}, {"value": [*map(number, values)]})])

    def _in_words(self) -> str:
        return f"at a minimum of {self.information._in_words()}"

    @property
    def _n(self) -> float:
        if self.information.weight_type == "sampling" or self.information.class_weights:
            return np.nan
        return self.information.n_rows * self.information.n_entries

    @property
    def _k(self) -> float:
        """Effective parameters, and in nets with hidden units those that are not identified.

        A unit that has become a step has parameters without curvature. If they did not count,
        the criteria would prefer nets with such units.
        """
        k = self.information.effective_parameters
        if len(self.information.objective.network.layers) > 1:
            k += self.information.factor.n_null
        return k + self.information.objective.loss.n_estimated

    @cached_property
    def log_likelihood(self) -> float:
        """Sum of the logarithms of the densities, at the dispersion of highest likelihood.

        Returns
        -------
        float
            Of the targets in the units of the table; inf if the fit is perfect, NaN if there is no
            likelihood.
        """
        if not self.information.is_likelihood:
            return np.nan
        if isinstance(self.information.objective, BlockObjective):
            return self._from_sums()
        counts = self.information.weight_type == "frequency"
        rows = self.row_log_likelihoods
        return float(self.information.objective.sample_weight @ rows if counts else rows.sum())

    def _from_sums(self) -> float:
        """The log-likelihood from sums over blocks of rows."""
        objective, precise = self.information.objective, self._precise
        loss, dispersion = objective.loss, 1.0
        if loss.free_dispersion:
            inner = loss.loss if isinstance(loss, LossBehindActivation) else loss
            if type(inner).dispersion_of is not Loss.dispersion_of or (
                precise and not loss.normal_errors
            ):
                raise ValueError(
                    f"the dispersion of highest likelihood of the loss {loss.name!r} looks at all "
                    "rows again and again, which are in blocks and not in memory together: make "
                    "results of as many rows as fit the memory."
                )
            count = objective.n_samples if precise else objective.weight_sum
            entries = count * objective.network.n_outputs
            dispersion = inner.likeliest_dispersion(self.information.total_loss / entries)
        if dispersion == 0.0:
            return np.inf
        return float(
            self.information.sum_over_rows(_log_densities, dispersion, precise, self.factor)
        )

    @property
    def _precise(self) -> bool:
        """Whether a row has the dispersion divided by its weight."""
        loss = self.information.objective.loss
        precise = self.information.weight_type == "precision"
        return precise and (loss.free_dispersion or loss.density_of_means)

    @property
    def row_log_likelihoods(self) -> Array:
        """What each row adds to it; with frequency weights each of the equal rows.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        information = self.information
        objective = information.objective
        loss, weight = objective.loss, objective.sample_weight
        precise = self._precise
        precision = weight[:, None] if precise else 1.0
        data, dispersion = (objective.targets, information.raw), 1.0
        if loss.free_dispersion:
            counts = np.ones_like(weight) if precise else weight
            dispersion = loss.dispersion_of(*data, counts, precision)
        if dispersion == 0.0:
            return np.full(len(weight), np.inf)
        density = loss.log_density(*data, dispersion / precision)
        # The density of d times y is 1 / d times that of y, and the factor is d^2.
        rows = (density - 0.5 * np.log(self.factor)).sum(axis=1)
        return np.asarray(
            rows if precise or information.weight_type == "frequency" else weight * rows
        )

    @property
    def aic(self) -> float:
        """Akaike's criterion, -2 log_likelihood + 2 k.

        Returns
        -------
        float
        """
        return -2.0 * self.log_likelihood + 2.0 * self._k

    @property
    def aicc(self) -> float:
        """Akaike's criterion for small samples, AIC + 2 k (k + 1) / (n - k - 1).

        Returns
        -------
        float
            inf where n - k - 1 is not positive.
        """
        left = self._n - self._k - 1.0
        return self.aic + (2.0 * self._k * (self._k + 1.0) / left if left > 0 else np.inf)

    @property
    def bic(self) -> float:
        """Schwarz's Bayesian criterion, -2 log_likelihood + k log n.

        Returns
        -------
        float
        """
        return -2.0 * self.log_likelihood + self._k * float(np.log(self._n))

    @cached_property
    def robust_parameters(self) -> float:
        """Effective parameters by the scores, tr(J_c H^-1), with J_c the sum of centred g g'.

        Returns
        -------
        float
            In units of the loss.
        """
        return float((self.information.factor.inverse * self.information.centred_meat).sum())

    @property
    def nic(self) -> float:
        """Network information criterion, (D + tr(J_c H^-1)) / n, of Murata, Yoshizawa and Amari.

        Returns
        -------
        float
            In units of the loss, of the table; D is the sum of the weighted losses.
        """
        found = (self.information.total_loss + self.robust_parameters) / self._n
        return self.factor * found

    @property
    def tic(self) -> float:
        """Takeuchi's criterion, -2 log_likelihood + 2 tr(J_c H^-1) / dispersion.

        It holds also where the model is wrong.

        Returns
        -------
        float
            NaN for a perfect fit.
        """
        if self.information.dispersion == 0.0:
            return np.nan
        penalty = 2.0 * self.robust_parameters / self.information.dispersion
        return -2.0 * self.log_likelihood + penalty

    @property
    def gcv(self) -> float:
        """Generalised cross-validation, (2 D / n) / (1 - k / n)^2.

        Returns
        -------
        float
            In units of the loss, of the table; 2 D is the residual sum of squares or the deviance.
            inf where k is n or more.
        """
        if self._k >= self._n:  # NaN, where n is not known, compares as False
            return np.inf
        found = 2.0 * self.information.total_loss / self._n / (1.0 - self._k / self._n) ** 2
        return self.factor * found


def _log_densities(
    rows: RowsAt, where: slice, dispersion: float, precise: bool, factor: float
) -> Array:
    """Sum of the logarithms of densities, of targets in the units of the table."""
    loss, weight = rows.objective.loss, rows.weight[where]
    spread = dispersion / (weight[:, None] if precise else 1.0)
    density = loss.log_density(rows.objective.targets[where], rows.raw[where], spread)
    found = (density - 0.5 * np.log(factor)).sum(axis=1)
    return np.asarray(found.sum() if precise else weight @ found)
