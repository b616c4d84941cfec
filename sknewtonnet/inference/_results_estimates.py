"""What all results stand on: estimates, their covariance, the verdict, criteria."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, wraps
from typing import ParamSpec, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus import Objective
from sknewtonnet.inference._checks import check_level
from sknewtonnet.inference._criteria import Criteria
from sknewtonnet.inference._gate import complete, findings
from sknewtonnet.inference._gate_units import Finding, fatal_messages
from sknewtonnet.inference._likelihood_ratio import LikelihoodRatioResult
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._null_distributions import HELD, quantile, two_sided
from sknewtonnet.inference._parameter_covariance import (
    COVARIANCES,
    MODEL_BASED,
    parameter_covariance,
)
from sknewtonnet.inference._reported import Reported
from sknewtonnet.inference._rescaled import Rescaled
from sknewtonnet.inference._restricted_fits import Refit
from sknewtonnet.inference._separation import all_told_apart, separated_functions
from sknewtonnet.inference._smaller_nets import size_findings
from sknewtonnet.inference._variance_test import VarianceTest, variance_findings, variance_test

# Findings about inputs that leave the tests of the others as they are.
_ELSEWHERE = ("collinear inputs", "constant input")

_Given = ParamSpec("_Given")
_Found = TypeVar("_Found")


def in_few_threads(method: Callable[_Given, _Found]) -> Callable[_Given, _Found]:
    """Decorate a method that works on Hessians: it takes as many threads as are fastest."""

    @wraps(method)
    def held(*args: _Given.args, **kwargs: _Given.kwargs) -> _Found:
        assert isinstance(args[0], Estimates)
        with args[0].information.threads():
            return method(*args, **kwargs)

    return held


@dataclass(frozen=True, eq=False, repr=False)
class Estimates:
    """Estimates at a minimum; the fields are those of :class:`InferenceResults`."""

    information: Information = field(repr=False)
    reported: Reported = field(repr=False)
    feature_names: tuple[str, ...]
    output_names: tuple[str, ...]
    named: bool
    model: str
    refit: Refit = field(repr=False)
    cov_type: str = "hessian"
    groups: Ints | None = field(default=None, repr=False)
    maxlags: int | None = field(default=None, repr=False)
    use_t: bool = True
    post_selection: bool = False
    rescaled: Rescaled | None = field(default=None, repr=False)
    factors: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    prepare: Callable[[ArrayLike], Array] | None = field(default=None, repr=False)
    references: Mapping[str, str] = field(default_factory=dict, repr=False)

    # Likelihood-ratio tests of single features made so far.
    ratios: dict[str, LikelihoodRatioResult] = field(default_factory=dict, init=False, repr=False)

    def of_table(
        self,
        factors: Mapping[str, tuple[str, ...]],
        prepare: Callable[[ArrayLike], Array],
        references: Mapping[str, str] | None = None,
    ) -> Self:
        """The same results, asked in terms of a table from which the features were made.

        Parameters
        ----------
        factors : mapping of str to tuple of str
            Columns of the table that became other features than themselves, with these.
        prepare : callable
            From such a table to the features.
        references : mapping of str to str, default=None
            Of these columns the level at which all of their features are zero, if there is one.

        Returns
        -------
        InferenceResults
            What is known already is kept.
        """
        names = dict(references or {})
        found = replace(self, factors=dict(factors), prepare=prepare, references=names)
        vars(found).update({k: v for k, v in vars(self).items() if k not in vars(found)})
        return found

    def _members(self, names: Sequence[str]) -> list[str]:
        """Names with the features of a factor in its place."""
        return [own for name in names for own in self.factors.get(name, (name,))]

    @property
    def names(self) -> list[str]:
        """Names of the reported parameters, such as "coefs_0[age, h3]".

        Returns
        -------
        list of str
            As many as ``params``, in the same order.
        """
        return list(self.reported.names)

    @cached_property
    def params(self) -> Array:
        """Estimates; for a softmax output layer differences to the first class.

        Returns
        -------
        ndarray of shape (n_parameters,)
            In the units of the table.
        """
        return locked(self.reported.values(self.information.params))

    @property
    def chosen_penalty(self) -> bool:
        """Whether the strength of the penalty was chosen on the same data.

        Returns
        -------
        bool
            If so, errors of type "bayesian" allow for it.
        """
        return self.information.chosen_penalty

    @cached_property
    @in_few_threads
    def findings(self) -> tuple[Finding, ...]:
        """All findings of the gate, the worst first.

        The first time that they are asked for, nets without one of the hidden units are fitted,
        and the variances of the residuals are tested.

        Returns
        -------
        tuple of Finding
            Empty if there is nothing to report. See doc/statistics.md 3.1.
        """
        found = self._first_findings
        if self._fatal:
            return found
        found = complete(found, size_findings(self.information, self.refit, self._factor))
        if any(finding.severity != "note" for finding in found):
            return found  # residuals of nets that are not identified may only repeat that
        return (*found, *variance_findings(self.variance_test))

    @cached_property
    @in_few_threads
    def variance_test(self) -> VarianceTest:
        """Test that the residuals vary as the model says; see :func:`variance_test`.

        Prediction intervals of the model stand on that.

        Returns
        -------
        VarianceTest
            NaN with a reason where there is no such test.
        """
        return variance_test(self.information)

    @cached_property
    def _first_findings(self) -> tuple[Finding, ...]:
        """Those that need no other fit."""
        return tuple(findings(self.information, self.feature_names, self.reported))

    @property
    def diagnosis(self) -> tuple[str, ...]:
        """Messages of the findings.

        Returns
        -------
        tuple of str
            Empty if there is nothing to report.
        """
        return tuple(finding.message for finding in self.findings)

    @property
    def identifiable(self) -> bool:
        """Whether p-values can be relied on: no finding is more than a note.

        Returns
        -------
        bool
            False if any finding is "fatal" or a "warning".
        """
        return all(finding.severity == "note" for finding in self.findings)

    @cached_property
    def _fatal(self) -> str:
        """Why there are no standard errors at all; empty if there are."""
        messages = fatal_messages(self._first_findings)
        if not messages and self.cov_type in MODEL_BASED and np.isnan(self.dispersion):
            messages = ["the loss has no likelihood"]
        if not messages and self.cov_type not in MODEL_BASED:
            return all_told_apart(self.information)
        return messages[0] if messages else ""

    @cached_property
    def _no_p_values(self) -> str:
        """Why weights have no p-values; empty if they have.

        Inputs that depend on each other leave the others as they are, and so does a separated
        level in a linear net.
        """
        linear = len(self.information.objective.network.layers) == 1
        grave = [finding for finding in self.findings if finding.severity != "note"]
        grave = [finding for finding in grave if not _is_elsewhere(finding, linear)]
        if self._fatal or not grave:
            return self._fatal
        kinds = ", ".join(dict.fromkeys(finding.kind for finding in grave))
        return f"the weights are not identified: {kinds}; see effects"

    @cached_property
    @in_few_threads
    def _covariance(self) -> Array:
        """Covariance of the net's own parameters, zero along what is not identified."""
        return self._covariance_at()

    def _covariance_at(self, given_penalty: bool = False) -> Array:
        if self._fatal:
            size = self.information.objective.n_parameters
            return np.full((size, size), np.nan)
        return parameter_covariance(
            self.information,
            self.cov_type,
            self.groups,
            self.maxlags,
            given_penalty=given_penalty,
        )

    @cached_property
    def _estimable(self) -> Bools:
        return self._estimable_rows(self.reported.coefficients)

    @in_few_threads
    def _estimable_rows(self, rows: Array) -> Bools:
        """Which linear functions of the net's own parameters have standard errors."""
        return np.asarray(self._determined(self.cov_type, rows) & ~self._separated_rows(rows))

    def _determined(self, cov_type: str, rows: Array) -> Bools:
        """Which of them a kind of covariance determines, separation or not."""
        if self._fatal:
            return np.zeros(len(rows), dtype=bool)
        factors = COVARIANCES[cov_type].factors(self.information)
        return np.logical_and.reduce([factor.estimable(rows) for factor in factors])

    def _separated_rows(self, rows: Array) -> Bools:
        """Of which of them the likelihood has no maximum, so that no covariance holds."""
        if self._fatal or not any(f.kind == "separation" for f in self._first_findings):
            return np.zeros(len(rows), dtype=bool)
        return separated_functions(self.information, rows)

    def _known_functions(self, cov_type: str, rows: Array) -> Bools:
        """Which linear functions have an error as parts of predictions and effects.

        Under a penalty what separates classes has one, if not one that tells how far from zero it
        may be, and the mean hardly changes with it.
        """
        known = self._determined(cov_type, rows)
        return known if self.information.penalised else known & ~self._separated_rows(rows)

    def _known_in_units(self, rows: Array) -> Bools:
        """The same of parameters in the units of the table."""
        inner = rows if self.rescaled is None else np.asarray(rows @ self.rescaled.map.matrix)
        return self._known_functions(self.cov_type, inner)

    @cached_property
    def covariance(self) -> Array:
        """Covariance of ``params``, of the kind ``cov_type``.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
            Symmetric. NaN in rows and columns of parameters that are not estimable, 0 in those of
            parameters that an active constraint holds at a value.
        """
        found = np.array(self.reported.covariance(self._covariance))
        for rows, value in ((self._held, 0.0), (~self._estimable, np.nan)):
            found[rows] = value
            found[:, rows] = value
        return locked(found)

    @property
    def _held(self) -> Bools:
        """Which parameters an active constraint holds at a value."""
        return self.information.held(self.reported.coefficients)

    @cached_property
    def reasons(self) -> dict[str, str]:
        """Why the standard error or the p-value of a parameter is NaN, by its name.

        Returns
        -------
        dict of str to str
            Parameters whose numbers are all known are left out.
        """
        found = {}
        kinds = ("singular direction", "separation")
        singular = [f for f in self._first_findings if f.kind in kinds]
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
            elif self._no_p_values:
                found[name] = self._no_p_values
        return found

    @cached_property
    def std_errors(self) -> Array:
        """Standard errors of ``params``, the square roots of their variances.

        Returns
        -------
        ndarray of shape (n_parameters,)
            In the units of ``params``. NaN where not estimable, see ``reasons``; 0 for parameters
            that an active constraint holds.
        """
        variance = np.diag(self.covariance)
        return locked(np.sqrt(np.where(variance >= 0, variance, np.nan)))

    @cached_property
    def z_values(self) -> Array:
        """Estimates over their standard errors; t statistics if ``use_t``.

        Returns
        -------
        ndarray of shape (n_parameters,)
            NaN where there is no positive standard error.
        """
        # A parameter that a constraint holds does not vary, so there is nothing to test.
        errors = np.where(self.std_errors > 0, self.std_errors, np.nan)
        return locked(self.params / errors)

    @cached_property
    def p_values(self) -> Array:
        """Two-sided p-values of the hypotheses that single parameters are zero.

        From t with ``df_resid`` degrees of freedom if ``use_t``, else from the normal
        distribution; accurate also where they are tiny.

        Returns
        -------
        ndarray of shape (n_parameters,)
            NaN where ``z_values`` is, and for all weights of a net that is not ``identifiable``:
            see ``reasons``. Effects (``tests``, ``marginal_effects``) do not need that.
        """
        if self._no_p_values:
            return locked(np.full(len(self.z_values), np.nan))
        return locked(two_sided(self.z_values, self._df_denom))

    @property
    def df_resid(self) -> float:
        """Degrees of freedom of t and F.

        Returns
        -------
        float
            Rows less effective parameters per output; with clusters, their number less 1, of
            the kind with fewer of them.
        """
        if self.groups is not None:
            return float(self.groups.max(axis=0).min())
        return self.information.df_resid

    @property
    def _df_denom(self) -> float:
        return self.df_resid if self.use_t and self.df_resid > 0 else np.inf

    @property
    def n_obs(self) -> float:
        """Number of rows; with frequency weights their sum.

        Returns
        -------
        float
        """
        return self.information.n_rows

    @property
    def dispersion(self) -> float:
        """The dispersion phi; for squared errors the residual variance.

        Returns
        -------
        float
            Pearson statistic over n - df, in squared units of the target for squared errors; 1 for
            log loss and Poisson; NaN for losses without a likelihood.
        """
        return self._factor * self.information.dispersion

    @cached_property
    def objective_value(self) -> float:
        """The objective f at the minimum, a mean over rows, with the penalty.

        Returns
        -------
        float
            In the units of the table.
        """
        return self._factor * self.information.objective.value(self.information.params)

    @property
    def _factor(self) -> float:
        return 1.0 if self.rescaled is None else self.rescaled.factor

    @property
    def _table(self) -> Objective:
        """The objective on the data in the units of the table."""
        return self.information.objective if self.rescaled is None else self.rescaled.objective

    @property
    def effective_parameters(self) -> float:
        """Degrees of freedom of the fit, tr(K H0), in which no direction counts less than 0.

        Returns
        -------
        float
            Without a penalty the rank of H. See doc/statistics.md 3.4.
        """
        return self.information.effective_parameters

    @cached_property
    def criteria(self) -> Criteria:
        """All information criteria, each computed when it is asked for.

        Returns
        -------
        Criteria
        """
        return Criteria(self.information, self._factor)

    @property
    def log_likelihood(self) -> float:
        """Logarithm of the likelihood; see :attr:`Criteria.log_likelihood`.

        Returns
        -------
        float
        """
        return self.criteria.log_likelihood

    @property
    def aic(self) -> float:
        """Akaike's information criterion; see :attr:`Criteria.aic`.

        Returns
        -------
        float
        """
        return self.criteria.aic

    @property
    def aicc(self) -> float:
        """Akaike's criterion, corrected for small samples; see :attr:`Criteria.aicc`.

        Returns
        -------
        float
        """
        return self.criteria.aicc

    @property
    def bic(self) -> float:
        """Bayesian (Schwarz's) information criterion; see :attr:`Criteria.bic`.

        Returns
        -------
        float
        """
        return self.criteria.bic

    @property
    def nic(self) -> float:
        """Network information criterion of Murata, Yoshizawa and Amari; see :attr:`Criteria.nic`.

        Returns
        -------
        float
        """
        return self.criteria.nic

    @property
    def tic(self) -> float:
        """Takeuchi's information criterion; see :attr:`Criteria.tic`.

        Returns
        -------
        float
        """
        return self.criteria.tic

    @property
    def gcv(self) -> float:
        """Generalised cross-validation; see :attr:`Criteria.gcv`.

        Returns
        -------
        float
        """
        return self.criteria.gcv

    def conf_int(self, level: float = 0.95) -> Array:
        """Confidence intervals of the parameters, of shape (n_parameters, 2).

        Estimate -+ quantile times standard error, with the quantile of t on ``df_resid`` degrees
        of freedom, or of the normal distribution.

        Parameters
        ----------
        level : float, default=0.95
            Confidence level.

        Returns
        -------
        ndarray of shape (n_parameters, 2)
            Lower and upper ends, in the units of ``params``.

        Raises
        ------
        ValueError
            If ``level`` is not between 0 and 1.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 3))
        >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
        >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
        >>> lower, upper = results.conf_int(0.99).T
        >>> bool((lower[:2] < [2.0, -1.0]).all() and (upper[:2] > [2.0, -1.0]).all())
        True
        """
        check_level(level)
        reach = quantile(level, self._df_denom) * self.std_errors
        return np.column_stack([self.params - reach, self.params + reach])


def _is_elsewhere(finding: Finding, linear: bool) -> bool:
    """Whether parameters that a finding does not name are known in spite of it."""
    part = finding.kind == "separation" and len(finding.parameters) > 0
    part = part or finding.kind == "singular direction"
    return finding.kind in _ELSEWHERE or (linear and part)


def locked(array: Array) -> Array:
    """The array, made read-only."""
    array.flags.writeable = False
    return array
