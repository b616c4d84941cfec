"""Estimates of a fitted net with their errors, and the verdict on them."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sknewtonnet.inference._contrasts import Reported
from sknewtonnet.inference._covariance import MODEL_BASED, covariance
from sknewtonnet.inference._criteria import Criteria
from sknewtonnet.inference._diagnosis import findings
from sknewtonnet.inference._information import Information
from sknewtonnet.inference._refits import Refit
from sknewtonnet.inference._saliency import feature_saliencies, shares
from sknewtonnet.inference._tests import HELD, two_sided
from sknewtonnet.inference._units import Finding, fatal_messages

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Estimates:
    """Estimates with errors and criteria, and whether to trust them.

    The part of :class:`InferenceResults` that is numbers; its fields are described there.
    """

    information: Information = field(repr=False)
    reported: Reported = field(repr=False)
    feature_names: tuple[str, ...]
    output_names: tuple[str, ...]
    named: bool
    model: str
    refit: Refit = field(repr=False)
    cov_type: str = "hessian"
    groups: NDArray[np.intp] | None = field(default=None, repr=False)
    use_t: bool = True
    post_selection: bool = False

    @property
    def names(self) -> list[str]:
        """Names of the parameters."""
        return list(self.reported.names)

    @cached_property
    def params(self) -> Array:
        """Estimates; of a softmax output layer contrasts with the first class."""
        return _locked(self.reported.values(self.information.params))

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """All that the gate has found, the worst first."""
        return tuple(findings(self.information, self.feature_names))

    @property
    def diagnosis(self) -> tuple[str, ...]:
        """The findings in words; empty if there is nothing to say."""
        return tuple(finding.message for finding in self.findings)

    @property
    def identifiable(self) -> bool:
        """Whether nothing was found that keeps p-values from meaning what they say."""
        return all(finding.severity == "note" for finding in self.findings)

    @cached_property
    def _fatal(self) -> str:
        """Why there are no standard errors at all; empty if there are."""
        messages = fatal_messages(self.findings)
        if not messages and self.cov_type in MODEL_BASED and np.isnan(self.dispersion):
            messages = ["the loss has no likelihood"]
        return messages[0] if messages else ""

    @cached_property
    def _covariance(self) -> Array:
        """Covariance of the net's own parameters, zero along what is not identified."""
        if self._fatal:
            size = self.information.objective.n_parameters
            return np.full((size, size), np.nan)
        found = covariance(self.information, self.cov_type, self.groups)
        return 0.5 * (found + found.T)

    @cached_property
    def _estimable(self) -> NDArray[np.bool_]:
        return self._estimable_rows(self.reported.coefficients)

    def _estimable_rows(self, rows: Array) -> NDArray[np.bool_]:
        """Which linear functions of the net's own parameters have a standard error."""
        if self._fatal:
            return np.zeros(len(rows), dtype=bool)
        found = self.information.factor.estimable(rows)
        if self.cov_type == "gauss-newton":
            found &= self.information.gauss_newton_factor.estimable(rows)
        return found

    @cached_property
    def covariance(self) -> Array:
        """Covariance of ``params``; NaN in rows and columns of what is not estimable."""
        found = np.array(self.reported.covariance(self._covariance))
        for rows, value in ((self._held, 0.0), (~self._estimable, np.nan)):
            found[rows] = value
            found[:, rows] = value
        return _locked(found)

    @property
    def _held(self) -> NDArray[np.bool_]:
        """Which parameters an active constraint holds at a value."""
        return self.information.held(self.reported.coefficients)

    @cached_property
    def reasons(self) -> dict[str, str]:
        """Why the standard error or the p-value of a parameter is NaN, by its name."""
        found = {}
        singular = [f for f in self.findings if f.kind == "singular direction"]
        for name, known, error in zip(self.names, self._estimable, self.std_errors, strict=True):
            if self._fatal:
                found[name] = self._fatal
            elif not known:
                own = [f for f in singular if name in f.parameters] or singular
                reasons = [f.message for f in own]
                found[name] = " ".join(reasons) or "the Gauss-Newton matrix is singular here"
            elif np.isnan(error):
                found[name] = (
                    f"the covariance of type {self.cov_type!r} is not defined or not positive here"
                )
            elif error == 0.0:
                found[name] = HELD
        return found

    @cached_property
    def std_errors(self) -> Array:
        """Standard errors of ``params``."""
        variance = np.diag(self.covariance)
        return _locked(np.sqrt(np.where(variance >= 0, variance, np.nan)))

    @cached_property
    def z_values(self) -> Array:
        """Estimates over standard errors; t statistics if ``use_t``."""
        # A parameter that a constraint holds has no error, and there is nothing to test.
        errors = np.where(self.std_errors > 0, self.std_errors, np.nan)
        return _locked(self.params / errors)

    @cached_property
    def p_values(self) -> Array:
        """Two-sided p-values, from survival functions."""
        return _locked(two_sided(self.z_values, self._df_denom))

    @property
    def df_resid(self) -> float:
        """Degrees of freedom of t and F: rows less effective parameters; clusters less 1."""
        if self.groups is not None:
            return float(self.groups.max())
        return self.information.df_resid

    @property
    def _df_denom(self) -> float:
        return self.df_resid if self.use_t and self.df_resid > 0 else np.inf

    @property
    def n_obs(self) -> float:
        """Number of rows; with frequency weights their sum."""
        return self.information.n_rows

    @property
    def dispersion(self) -> float:
        """Phi: of squared errors the residual variance."""
        return self.information.dispersion

    @property
    def effective_parameters(self) -> float:
        """Degrees of freedom of the fit, tr(K H0), in which no direction counts less than 0."""
        return self.information.effective_parameters

    @cached_property
    def criteria(self) -> Criteria:
        """All criteria, each computed when it is asked for."""
        return Criteria(self.information)

    @property
    def log_likelihood(self) -> float:
        """See :class:`Criteria`."""
        return self.criteria.log_likelihood

    @property
    def aic(self) -> float:
        """See :class:`Criteria`."""
        return self.criteria.aic

    @property
    def aicc(self) -> float:
        """See :class:`Criteria`."""
        return self.criteria.aicc

    @property
    def bic(self) -> float:
        """See :class:`Criteria`."""
        return self.criteria.bic

    @property
    def nic(self) -> float:
        """See :class:`Criteria`."""
        return self.criteria.nic

    @property
    def tic(self) -> float:
        """See :class:`Criteria`."""
        return self.criteria.tic

    @property
    def gcv(self) -> float:
        """See :class:`Criteria`."""
        return self.criteria.gcv

    @cached_property
    def feature_importance(self) -> Array:
        """Share of each feature in what the objective would grow by without them.

        See :func:`sknewtonnet.inspection.feature_importance`; NaN away from a minimum.
        """
        if self.information.factor.n_negative:
            return _locked(np.full(len(self.feature_names), np.nan))
        return _locked(shares(feature_saliencies(self.information)))


def _locked(array: Array) -> Array:
    """The array, which nobody can write to any more."""
    array.flags.writeable = False
    return array
