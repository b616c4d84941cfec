"""The results of inference: estimates, standard errors, tests, criteria and predictions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus import Objective
from sknewtonnet.inference._checks import (
    check_choice,
    check_count,
    check_grid,
    check_level,
    check_names,
    check_samples,
    listed,
)
from sknewtonnet.inference._complex_step import complex_step
from sknewtonnet.inference._criteria import Criteria
from sknewtonnet.inference._effects import (
    Effects,
    MarginalEffects,
    PartialEffect,
    marginal_effects,
    partial_effect,
)
from sknewtonnet.inference._gate import findings
from sknewtonnet.inference._gate_units import Finding, fatal_messages
from sknewtonnet.inference._hidden_unit import DIRECTIONS, hidden_unit_test
from sknewtonnet.inference._hypothesis import Hypothesis, feature_groups
from sknewtonnet.inference._influence import Influence, influence
from sknewtonnet.inference._likelihood_ratio import LikelihoodRatioResult, likelihood_ratio
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._null_distributions import (
    ADJUSTMENTS,
    HELD,
    adjusted,
    quantile,
    two_sided,
)
from sknewtonnet.inference._parameter_covariance import (
    COVARIANCES,
    MODEL_BASED,
    parameter_covariance,
)
from sknewtonnet.inference._prediction import PredictionResults, Predictor
from sknewtonnet.inference._profile import profile_interval
from sknewtonnet.inference._radial_units import RadialShape, RadialUnits
from sknewtonnet.inference._reported import Reported
from sknewtonnet.inference._rescaled import Rescaled
from sknewtonnet.inference._restricted_fits import Refit, Restriction
from sknewtonnet.inference._saliency import feature_saliencies, shares
from sknewtonnet.inference._score import ScoreTestResult, score_test
from sknewtonnet.inference._summary import Summary
from sknewtonnet.inference._wald import WaldTestResult, wald
from sknewtonnet.inference._without_data import results_without_data

HypothesisLike = str | Sequence[str] | ArrayLike


_Given = ParamSpec("_Given")
_Found = TypeVar("_Found")


def _in_few_threads(method: Callable[_Given, _Found]) -> Callable[_Given, _Found]:
    """Decorate a method that works on Hessians: it takes as many threads as are fastest."""

    @wraps(method)
    def held(*args: _Given.args, **kwargs: _Given.kwargs) -> _Found:
        assert isinstance(args[0], InferenceResults)
        with args[0].information.threads():
            return method(*args, **kwargs)

    return held


@dataclass(frozen=True, eq=False)
class InferenceResults:
    """Statistics of a fitted net: standard errors, tests, criteria, and whether to trust them.

    ``est.inference(X, y)`` makes it, or :func:`infer` for any net. Each number is computed when
    it is first asked for; all share one Hessian and one factorisation. In sums over rows, with S
    the sum of the sample weights, the objective is M = S f = D + P, a loss and a penalty. H, H0
    and L are the Hessians of M, D and P, G is the Gauss-Newton matrix of D, K = H^-1, g_i is the
    gradient of the loss of row i, and phi the dispersion. The covariance is

    ==============  =================================================================
    cov_type        covariance
    ==============  =================================================================
    "hessian"       phi K H0 K; without a penalty phi K
    "gauss-newton"  the same with G and G + L for H0 and H
    "bayesian"      phi K, wider than "hessian" by what the penalty's bias may be
    "HC0"           K J K, J = sum of s_i (g_i - mean)(g_i - mean)'
    "HC1"           times n / (n - df)
    "HC2", "HC3"    with scores divided by (1 - h_i)^(1/2) or (1 - h_i), h_i leverages
    "cluster"       scores summed in clusters; times C / (C - 1) (n - 1) / (n - df)
    ==============  =================================================================

    phi is the Pearson statistic over n - df for squared errors (RSS / (n - df)) and gamma, and 1
    for log loss and Poisson. df = tr(K H0), in which no direction counts less than 0; without a
    penalty it is the number of identified parameters. For several outputs with squared errors
    "hessian" and "gauss-newton" use sum s_i J_i' Sigma J_i in place of phi H0, where Sigma is the
    covariance of the residuals between outputs.

    Parameters
    ----------
    information : Information
        The minimum, with its data.
    reported : Reported
        The parameters that are reported: those of the net; for a softmax output layer
        differences to the first class.
    feature_names, output_names : tuple of str
        Names of the inputs and outputs.
    named : bool
        Whether the features had names of their own.
    model : str
        What the net is, for the summary.
    refit : Refit
        How to minimise again, for tests that refit the net.
    cov_type : str, default="hessian"
        Kind of covariance, a row of the table above.
    groups : ndarray of int of shape (n_samples,), default=None
        Number of the cluster of each row, for "cluster".
    use_t : bool, default=True
        Whether tests use the t and F distributions, else the normal and chi-square.
    post_selection : bool, default=False
        Whether the net's form was chosen on the same data, so that p-values are too small.
    chosen_penalty : bool, default=False
        Whether the strength of the penalty was chosen on the same data. Standard errors take it as
        given: what other data would have chosen, and its effect on the bias, they leave out.
    rescaled : Rescaled, default=None
        The units of the table, where the fit has standardised columns.

    Attributes
    ----------
    ratios : dict of str to LikelihoodRatioResult
        The likelihood-ratio tests of single features made so far; the summary shows them.

    See Also
    --------
    infer : Makes results from any objective and its minimum.
    sknewtonnet.inference.COVARIANCES : The kinds of covariance.

    Notes
    -----
    A statistic that cannot be computed is NaN, and ``reasons`` or the ``reason`` of a test says
    why; a wrong argument raises ValueError. Arrays are read-only. doc/statistics.md has all
    formulas.

    References
    ----------
    White (1982), Econometrica 50; White (1989), Neural Computation 1; Murata, Yoshizawa and Amari
    (1994), IEEE Transactions on Neural Networks 5; MacKinnon and White (1985), J. Econometrics 29.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 3))
    >>> y = np.tanh(1.5 * X[:, 0] - X[:, 1]) + 0.2 * rng.normal(size=200)
    >>> net = NewtonMLPRegressor((1,), alpha=0.0, n_init=4, random_state=0).fit(X, y)
    >>> results = net.inference(X, y)
    >>> results.identifiable
    True
    >>> {name: bool(test.p_value < 0.05) for name, test in results.wald_test_features().items()}
    {'x0': True, 'x1': True, 'x2': False}
    >>> results.marginal_effects().effects.round(1)[:2].tolist()
    [0.6, -0.4]
    >>> results.names[:2], results.covariance.shape
    (['coefs_0[x0, h0]', 'coefs_0[x1, h0]'], (6, 6))
    >>> bool((results.std_errors > 0).all()), results.df_resid
    (True, 194.0)
    """

    information: Information = field(repr=False)
    reported: Reported = field(repr=False)
    feature_names: tuple[str, ...]
    output_names: tuple[str, ...]
    named: bool
    model: str
    refit: Refit = field(repr=False)
    cov_type: str = "hessian"
    groups: Ints | None = field(default=None, repr=False)
    use_t: bool = True
    post_selection: bool = False
    chosen_penalty: bool = False
    rescaled: Rescaled | None = field(default=None, repr=False)

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
        return _locked(self.reported.values(self.information.params))

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """All findings of the gate, the worst first.

        Returns
        -------
        tuple of Finding
            Empty if there is nothing to report. See doc/statistics.md 3.1.
        """
        return tuple(findings(self.information, self.feature_names))

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
        messages = fatal_messages(self.findings)
        if not messages and self.cov_type in MODEL_BASED and np.isnan(self.dispersion):
            messages = ["the loss has no likelihood"]
        return messages[0] if messages else ""

    @cached_property
    @_in_few_threads
    def _covariance(self) -> Array:
        """Covariance of the net's own parameters, zero along what is not identified."""
        if self._fatal:
            size = self.information.objective.n_parameters
            return np.full((size, size), np.nan)
        return parameter_covariance(self.information, self.cov_type, self.groups)

    @cached_property
    def _estimable(self) -> Bools:
        return self._estimable_rows(self.reported.coefficients)

    @_in_few_threads
    def _estimable_rows(self, rows: Array) -> Bools:
        """Which linear functions of the net's own parameters have standard errors."""
        if self._fatal:
            return np.zeros(len(rows), dtype=bool)
        factors = COVARIANCES[self.cov_type].factors(self.information)
        return np.logical_and.reduce([factor.estimable(rows) for factor in factors])

    def _estimable_in_units(self, rows: Array) -> Bools:
        """The same of parameters in the units of the table."""
        assert self.rescaled is not None
        return self._estimable_rows(np.asarray(rows @ self.rescaled.map.matrix))

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
        return _locked(found)

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
        """Standard errors of ``params``, the square roots of their variances.

        Returns
        -------
        ndarray of shape (n_parameters,)
            In the units of ``params``. NaN where not estimable, see ``reasons``; 0 for parameters
            that an active constraint holds.
        """
        variance = np.diag(self.covariance)
        return _locked(np.sqrt(np.where(variance >= 0, variance, np.nan)))

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
        return _locked(self.params / errors)

    @cached_property
    def p_values(self) -> Array:
        """Two-sided p-values of the hypotheses that single parameters are zero.

        From t with ``df_resid`` degrees of freedom if ``use_t``, else from the normal
        distribution; accurate also where they are tiny.

        Returns
        -------
        ndarray of shape (n_parameters,)
            NaN where ``z_values`` is.
        """
        return _locked(two_sided(self.z_values, self._df_denom))

    @property
    def df_resid(self) -> float:
        """Degrees of freedom of t and F.

        Returns
        -------
        float
            Rows less effective parameters per output; with clusters, their number less 1.
        """
        if self.groups is not None:
            return float(self.groups.max())
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

    @cached_property
    @_in_few_threads
    def feature_importance(self) -> Array:
        """Share of each feature in the sum of all saliencies.

        A saliency is the growth of the objective, to second order, if all weights that leave the
        feature become zero. See :func:`sknewtonnet.inspection.feature_importance`.

        Returns
        -------
        ndarray of shape (n_features,)
            From 0 to 1, with sum 1 (all 0 if the net depends on no feature); NaN where the Hessian
            has negative curvature.
        """
        if self.information.critical_point.has_negative_curvature:
            return _locked(np.full(len(self.feature_names), np.nan))
        return _locked(shares(feature_saliencies(self.information)))

    # Likelihood-ratio tests of single features made so far; the summary shows them.
    ratios: dict[str, LikelihoodRatioResult] = field(default_factory=dict, init=False, repr=False)

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

    @_in_few_threads
    def wald_test(
        self,
        R: HypothesisLike,
        r: ArrayLike | None = None,
        use_f: bool | None = None,
    ) -> WaldTestResult:
        """Test R w = r by W = (R w - r)' (R V R')^-1 (R w - r), V the covariance.

        Parameters
        ----------
        R : array of shape (q, n_parameters) or (n_parameters,), str, or list of str
            Coefficients, a column per reported parameter; or names of parameters, or of features
            (all weights that leave them), that the hypothesis sets to zero.
        r : array of shape (q,), default=None
            Values; zeros if None. One number stands for all rows.
        use_f : bool, default=None
            Whether p comes from F = W / q on (q, ``df_resid``) degrees of freedom, else from
            chi-square with q degrees of freedom. None: as ``use_t``.

        Returns
        -------
        WaldTestResult
            NaN with a reason if a row of R is not estimable. Dependent rows count once.

        Raises
        ------
        ValueError
            If R or r has a wrong shape or is not finite, or a name is unknown.

        References
        ----------
        doc/statistics.md 3.3.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 3))
        >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
        >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
        >>> test = results.wald_test("x2")
        >>> test.df, test.p_value > 0.05, results.wald_test(["x0", "x1"]).p_value < 1e-10
        (1, True, True)
        >>> results.names
        ['coefs_0[x0, y]', 'coefs_0[x1, y]', 'coefs_0[x2, y]', 'intercepts_0[y]']
        >>> results.wald_test([1.0, 2.0, 0.0, 0.0]).p_value > 0.05  # x0 and twice x1 sum to zero
        True
        """
        hypothesis = self._hypothesis(R, r)
        return self._wald(hypothesis, self._df_denom if use_f is None else self._denom(use_f))

    def wald_test_features(
        self,
        groups: Mapping[str, Sequence[str]] | None = None,
        adjust: str | None = None,
    ) -> dict[str, WaldTestResult]:
        """Wald tests, one per feature, that all weights that leave it are zero.

        The weights of skip connections are among them.

        Parameters
        ----------
        groups : mapping of str to list of str, default=None
            Features that are tested together, such as the dummy columns of one factor.
        adjust : {None, "holm", "bh"}, default=None
            How to fill ``p_adjusted``, see :func:`adjust_p_values`.

        Returns
        -------
        dict of str to WaldTestResult
            By the names of features and groups. NaN with a reason for radial units, because no
            zero weight removes an input from them.

        Raises
        ------
        ValueError
            If groups overlap, are empty or name an unknown feature, or ``adjust`` is unknown.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 3))
        >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
        >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
        >>> tests = results.wald_test_features(adjust="holm")
        >>> {name: test.p_adjusted < 0.05 for name, test in tests.items()}
        {'x0': True, 'x1': True, 'x2': False}
        >>> list(results.wald_test_features(groups={"others": ["x1", "x2"]}))
        ['x0', 'others']
        """
        check_choice("adjust", adjust, (None, *ADJUSTMENTS))
        found = {
            name: self.wald_test(members)
            for name, members in feature_groups(groups, self.feature_names).items()
        }
        return found if adjust is None else adjusted(found, adjust)

    @_in_few_threads
    def likelihood_ratio_test(
        self, hypothesis: HypothesisLike, *, n_init: int = 3, random_state: int = 0
    ) -> LikelihoodRatioResult:
        """Test a hypothesis by the likelihood that a fit under it loses.

        The statistic is n log(RSS0 / RSS1) for squared errors, with the p-value of
        F = ((RSS0 - RSS1) / q) / (RSS1 / (n - df)), and 2 (D0 - D1) / phi for other losses, where
        D0 and D1 are the losses of the restricted fit and of this one. Unlike Wald's test it does
        not depend on how the net is parametrised. It assumes the variances of the model, whatever
        ``cov_type`` is. The cost is 1 + ``n_init`` refits.

        Parameters
        ----------
        hypothesis : array, str, or list of str
            As R in :meth:`wald_test`, with r = 0.
        n_init : int, default=3
            Random starts of the restricted net, beside the start from this minimum.
        random_state : int, default=0
            Seed of the starts.

        Returns
        -------
        LikelihoodRatioResult
            With NaN for p and a reason under a penalty, and if the restricted net has a lower
            objective than this fit.

        Raises
        ------
        ValueError
            If the hypothesis has a wrong shape or an unknown name, or ``n_init`` is negative.

        References
        ----------
        doc/statistics.md 3.3.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 3))
        >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
        >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
        >>> test = results.likelihood_ratio_test("x2", n_init=0)
        >>> test.df, test.p_value > 0.05, bool(abs(test.restricted_params[2]) < 1e-12)
        (1, True, True)
        """
        asked = self._hypothesis(hypothesis, argument="hypothesis")
        check_count("n_init", n_init, 0)
        check_count("random_state", random_state, 0)
        reason = self._untestable(asked, model_based=True)
        if reason:
            return LikelihoodRatioResult(np.nan, asked.df, np.nan, self._df_denom, reason)
        found = likelihood_ratio(
            self._restriction(asked), self.refit, asked.df, self._df_denom, n_init, random_state
        )
        if self._robust and not found.reason:
            note = "the ratio stands on the model, whatever the covariance"
            found = replace(found, reason=note)
        if isinstance(hypothesis, str) and hypothesis in self.feature_names:
            self.ratios[hypothesis] = found
        return found

    @_in_few_threads
    def score_test(
        self,
        hypothesis: HypothesisLike,
        *,
        robust: bool | None = None,
        n_init: int = 3,
        random_state: int = 0,
    ) -> ScoreTestResult:
        """Test a hypothesis by the gradient at the restricted fit.

        The statistic is e' Var(e)^-1 e with the efficient score e = g_S - G_SR G_RR^-1 g_R, where
        S are the directions that the hypothesis restricts and R the others. Var(e) comes from
        phi G, or from the scores of the rows. The cost is 1 + ``n_init`` refits.

        Parameters
        ----------
        hypothesis : array, str, or list of str
            As R in :meth:`wald_test`, with r = 0.
        robust : bool, default=None
            Whether the variance comes from the scores of the rows; None: if ``cov_type`` is a
            sandwich.
        n_init : int, default=3
            Random starts of the restricted net, beside the start from this minimum.
        random_state : int, default=0
            Seed of the starts.

        Returns
        -------
        ScoreTestResult
            With the p-value of chi-square; NaN with a reason where the test cannot be made.

        Raises
        ------
        ValueError
            If the hypothesis has a wrong shape or an unknown name, or ``n_init`` is negative.

        References
        ----------
        doc/statistics.md 3.3.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 3))
        >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
        >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
        >>> results.score_test("x2", n_init=0).p_value > 0.05
        True
        >>> results.score_test("x0", robust=True, n_init=0).p_value < 1e-10
        True
        """
        asked = self._hypothesis(hypothesis, argument="hypothesis")
        check_count("n_init", n_init, 0)
        check_count("random_state", random_state, 0)
        scores = self._robust if robust is None else robust
        reason = self._untestable(asked, model_based=not scores)
        if reason:
            return ScoreTestResult(np.nan, asked.df, np.nan, np.inf, reason)
        return score_test(self._restriction(asked), self.refit, scores, n_init, random_state)

    @_in_few_threads
    def hidden_unit_test(
        self,
        directions: str = "random",
        *,
        n_directions: int = 10,
        n_components: int = 3,
        robust: bool = True,
        random_state: int = 0,
    ) -> ScoreTestResult:
        """Lagrange multiplier test for one more hidden unit; small p: the net is too small.

        Parameters
        ----------
        directions : {"random", "taylor"}, default="random"
            Units tanh(a + b'x) with a and b drawn from -2 to 2 for standardised inputs (Lee,
            White and Granger 1993), or products of two and three inputs (Terasvirta, Lin and
            Granger 1993).
        n_directions : int, default=10
            Number of random units.
        n_components : int, default=3
            Number of principal components of their values that are tested, for each output.
        robust : bool, default=True
            Whether the variance comes from the scores of the rows, so that the test holds where
            variances differ between rows.
        random_state : int, default=0
            Seed of the random units.

        Returns
        -------
        ScoreTestResult
            With the p-value of chi-square; NaN with a reason where the test cannot be made.

        Raises
        ------
        ValueError
            If an argument is not allowed, or "taylor" would need more than 2000 products.

        References
        ----------
        Lee, White and Granger (1993), Journal of Econometrics 56; Terasvirta, Lin and Granger
        (1993), Journal of Time Series Analysis 14; doc/statistics.md 3.3.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 3))
        >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
        >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
        >>> results.hidden_unit_test().p_value > 0.05  # a straight line is enough
        True
        """
        check_choice("directions", directions, DIRECTIONS)
        check_count("n_directions", n_directions)
        check_count("n_components", n_components)
        check_count("random_state", random_state, 0)
        reason = self._fatal or ("" if robust else self._no_likelihood)
        if reason:
            return ScoreTestResult(np.nan, 0, np.nan, np.inf, reason)
        return hidden_unit_test(
            self.information, directions, n_directions, n_components, robust, random_state
        )

    @_in_few_threads
    def profile_interval(
        self, names: str | Sequence[str], level: float = 0.95
    ) -> dict[str, tuple[float, float]]:
        """Likelihood intervals of parameters: all values that a refit does not reject.

        These are the values v with 2 (M(v) - M) / phi at most the squared quantile of t or of the
        normal distribution, where M(v) is the minimum with the parameter fixed at v. Unlike Wald's
        intervals they do not depend on how the net is parametrised, and need not be symmetric.
        Each interval costs ten to thirty refits.

        Parameters
        ----------
        names : str or list of str
            Names of parameters.
        level : float, default=0.95
            Confidence level.

        Returns
        -------
        dict of str to (float, float)
            Lower and upper ends. An end is infinite if it is not reached within 30 half-widths of
            Wald's interval; both are NaN if the parameter is not estimable, or there is no
            likelihood.

        Raises
        ------
        ValueError
            If a name is unknown, or ``level`` is not between 0 and 1.

        References
        ----------
        Bates and Watts (1988), Nonlinear Regression Analysis and Its Applications, 6.1.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 3))
        >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
        >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
        >>> ends = results.profile_interval("coefs_0[x0, y]")["coefs_0[x0, y]"]
        >>> bool(np.allclose(ends, results.conf_int()[0], rtol=1e-3))  # of a linear model the same
        True
        """
        check_level(level)
        chosen = listed("names", names)
        check_names("names", chosen, self.names)
        found = {}
        for name in chosen:
            j = self.names.index(name)
            if self._no_likelihood or not self.std_errors[j] > 0:
                found[name] = (np.nan, np.nan)
                continue
            row = self.reported.coefficients[j]
            estimate = float(row @ self.information.params)
            ends = profile_interval(
                self.information,
                row,
                estimate,
                float(self.std_errors[j]),
                self.refit,
                level,
                self._df_denom,
            )
            moved = float(self.params[j]) - estimate
            found[name] = (ends[0] + moved, ends[1] + moved)
        return found

    def _restriction(self, asked: Hypothesis) -> Restriction:
        rows, r = self.reported.rows(asked.R), self.reported.limits(asked.R, asked.r)
        return Restriction(self.information, rows, r)

    def _hypothesis(
        self, given: HypothesisLike, r: ArrayLike | None = None, argument: str = "R"
    ) -> Hypothesis:
        outgoing = self.information.input_parameters
        return Hypothesis.of(given, r, outgoing, self.reported, self.feature_names, argument)

    def _denom(self, use_f: bool) -> float:
        return self.df_resid if use_f else np.inf

    def _wald(self, asked: Hypothesis, df_denom: float) -> WaldTestResult:
        rows = self.reported.rows(asked.R)
        return wald(
            rows,
            asked.R @ self.params - asked.r,
            self._covariance,
            self._estimable_rows(rows),
            df_denom,
            self.information.held(rows),
            self._fatal or asked.reason,
        )

    def _untestable(self, asked: Hypothesis, model_based: bool) -> str:
        """Why a hypothesis cannot be tested by refits, if so."""
        if self._fatal or asked.reason:
            return self._fatal or asked.reason
        if not asked.df:
            return "all factors are zero: there is nothing to test"
        rows, basis = self.reported.rows(asked.R), self.information.basis
        if not self._estimable_rows(rows).all():
            return "not estimable: the data do not determine all that is to be tested"
        if basis is not None:
            left = rows @ basis  # nothing, where constraints hold all there is
            if (np.linalg.matrix_rank(left) if left.size else 0) < np.linalg.matrix_rank(rows):
                return HELD
        return self._no_likelihood if model_based else ""

    @property
    def _no_likelihood(self) -> str:
        """Why likelihoods of fits cannot be compared, if so."""
        information = self.information
        if not information.is_likelihood:
            return "the loss, or the weights, have no likelihood: use wald_test"
        if information.objective.loss.quadratic and information.n_entries > 1:
            return (
                "the fit weighs the errors of all outputs alike, whatever their variances: use "
                "wald_test"
            )
        return ""

    @property
    def _robust(self) -> bool:
        return self.cov_type not in MODEL_BASED

    @_in_few_threads
    def get_prediction(self, X: ArrayLike, level: float = 0.95) -> PredictionResults:
        """Predictions with standard errors and intervals.

        The variance of a raw prediction is j' V j, with j its gradient in the parameters. It may
        be known although single weights are not identified. The cost is about n P^2 flops.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples, with the columns of the fit.
        level : float, default=0.95
            Level of the intervals.

        Returns
        -------
        PredictionResults
            Means, standard errors and intervals, a row per sample.

        Raises
        ------
        ValueError
            If X has other columns or numbers that are not finite, or ``level`` is not between 0
            and 1.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 3))
        >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
        >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
        >>> prediction = results.get_prediction(X[:2])
        >>> prediction.mean.shape, prediction.confidence_interval.shape
        ((2,), (2, 2))
        >>> inner, outer = prediction.confidence_interval, prediction.prediction_interval
        >>> bool((outer[:, 0] < inner[:, 0]).all() and (inner[:, 1] < outer[:, 1]).all())
        True
        """
        check_level(level)
        return self._predictor.predict(check_samples(X, self.feature_names, self.named), level)

    @_in_few_threads
    def marginal_effects(
        self,
        features: Sequence[str] | None = None,
        discrete: str | Sequence[str] = "auto",
    ) -> MarginalEffects:
        """Average effects of features on the predicted mean, with standard errors.

        The effect of feature j is 1/S sum_i s_i d mean_i / d x_j. Its gradient in the parameters
        is exact, and gives the standard error by the delta method.

        Parameters
        ----------
        features : list of str, default=None
            Names of features; all if None.
        discrete : "auto" or list of str, default="auto"
            Features for which the effect is the difference between the predictions at their
            highest and lowest value; "auto": those that have two values.

        Returns
        -------
        MarginalEffects
            In units of the target per unit of the feature; contrasts in units of the target.

        Raises
        ------
        ValueError
            If a name is unknown.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 3))
        >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
        >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
        >>> effects = results.marginal_effects(["x0", "x1"])
        >>> effects.names, effects.effects.round().tolist()
        (['x0', 'x1'], [2.0, -1.0])
        >>> bool((effects.p_values < 1e-10).all())
        True
        """
        names = list(self.feature_names)
        chosen = names if features is None else listed("features", features)
        check_names("features", chosen, names)
        X = self._table.samples
        low, high = X.min(axis=0), X.max(axis=0)
        if isinstance(discrete, str) and discrete == "auto":
            two = ((low == X) | (high == X)).all(axis=0) & (low < high)
            contrasted = [name for name, flag in zip(names, two, strict=True) if flag]
        else:
            contrasted = listed("discrete", discrete)
            check_names("discrete", contrasted, names)
        numbers = [names.index(name) for name in chosen]
        contrasts = {j: (low[j], high[j]) for j in numbers if names[j] in contrasted}
        return marginal_effects(self._effects, numbers, contrasts, names)

    @_in_few_threads
    def partial_effect(
        self,
        feature: str,
        grid: ArrayLike | None = None,
        *,
        level: float = 0.95,
        band: str = "pointwise",
        n_points: int = 50,
        random_state: int = 0,
    ) -> PartialEffect:
        """Mean prediction as a function of one feature, averaged over the others, with a band.

        Parameters
        ----------
        feature : str
            Name of the feature.
        grid : array of shape (n_points,), default=None
            Values of the feature; equally spaced from the lowest to the highest in the data if
            None.
        level : float, default=0.95
            Level of the band.
        band : {"pointwise", "simultaneous"}, default="pointwise"
            Whether the band holds at each point, or at all points at once, by 20000 draws.
        n_points : int, default=50
            Length of the grid, if none is given.
        random_state : int, default=0
            Seed of the simulation.

        Returns
        -------
        PartialEffect
            The curve, its standard errors and its band.

        Raises
        ------
        ValueError
            If the feature is unknown, or another argument is not allowed.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 3))
        >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
        >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
        >>> curve = results.partial_effect("x0", [-1.0, 0.0, 1.0])
        >>> np.diff(curve.mean).round().tolist()
        [2.0, 2.0]
        >>> bool((curve.lower < curve.mean).all() and (curve.mean < curve.upper).all())
        True
        """
        check_level(level)
        check_choice("band", band, ("pointwise", "simultaneous"))
        check_count("random_state", random_state, 0)
        check_names("feature", [feature], self.feature_names)
        j = list(self.feature_names).index(feature)
        column = self._table.samples[:, j]
        if grid is None:
            check_count("n_points", n_points)
            values = np.linspace(column.min(), column.max(), n_points)
        else:
            values = check_grid(grid)
        return partial_effect(self._effects, j, feature, values, level, band, random_state)

    @_in_few_threads
    def delta_method(self, function: Callable[[Array], ArrayLike]) -> tuple[Array, Array]:
        """Any smooth function of the parameters, with its covariance D V D'.

        The Jacobian D is taken by complex steps and is exact to rounding. The function must
        therefore consist of NumPy operations that take complex numbers (not abs or comparisons).

        Parameters
        ----------
        function : callable
            From ``params`` to an array of q numbers.

        Returns
        -------
        values : ndarray of shape (q,)
            The function at ``params``, flattened.
        covariance : ndarray of shape (q, q)
            Its covariance; NaN where it is not estimable.

        References
        ----------
        doc/statistics.md 3.6.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 3))
        >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
        >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
        >>> ratio, covariance = results.delta_method(lambda w: w[0] / w[1])
        >>> ratio.round().tolist(), covariance.shape
        ([-2.0], (1, 1))
        """
        values, columns = complex_step(function, self.params)
        rows = self.reported.rows(columns)
        found = rows @ self._covariance @ rows.T
        unknown = ~self._estimable_rows(rows)
        found[unknown] = np.nan
        found[:, unknown] = np.nan
        return values, found

    @_in_few_threads
    def without_data(self) -> "InferenceResults":
        """The same results without X, y and weights, to be sent or kept; numbers of clusters stay.

        Parameters, their covariance, p-values and intervals, Wald tests, criteria, findings,
        importances, the summary, predictions for new samples, and the delta method are there.
        Likelihood-ratio and score tests, profile intervals, effects and influence need the data.

        Returns
        -------
        InferenceResults
            What needs the data raises an AttributeError that says so.

        Notes
        -----
        Named after ``remove_data`` of statsmodels, which changes results in place.

        Examples
        --------
        >>> import pickle
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> X = np.random.default_rng(0).normal(size=(2000, 2))
        >>> y = X[:, 0] - X[:, 1] ** 2
        >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
        >>> sent = results.without_data()
        >>> len(pickle.dumps(sent)) < 0.2 * len(pickle.dumps(results))
        True
        >>> sent.summary() == results.summary()
        True
        """
        found: InferenceResults = results_without_data(self)
        return found

    @_in_few_threads
    def influence(self) -> Influence:
        """What each row does to the fit: leverages, Cook's distances, leave-one-out predictions.

        One Newton step from the minimum to that without the row; exact for linear nets with
        squared errors. Rows of weight zero, which are not in the fit, have no line.

        Returns
        -------
        Influence
            With statsmodels' names. All NaN, with the reason, where the fit is no minimum.

        Notes
        -----
        Two arrays of n O P numbers and one Hessian, as "HC3".

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(60, 2))
        >>> y = X[:, 0] + 0.1 * rng.normal(size=60)
        >>> y[7] += 5.0
        >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
        >>> found = results.influence()
        >>> int(found.cooks_distance.argmax()), float(found.hat_matrix_diag.sum().round(6))
        (7, 3.0)
        """
        scale = np.ones(self._table.network.n_outputs)
        if self.rescaled is not None:
            scale = self.rescaled.out_scale
        return influence(
            self.information, self.reported, self._table, self.std_errors, scale, self._fatal
        )

    def radial_units(self) -> RadialUnits:
        """Centres, covariances and widths of radial units, with standard errors.

        The free parameters of the fit are logarithms of widths, or a Cholesky factor with the
        logarithm of its diagonal. Standard errors of the rest follow by :meth:`delta_method`.

        Returns
        -------
        RadialUnits
            In the units of the inputs.

        Raises
        ------
        ValueError
            If the net has no radial units.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import RBFNetRegressor
        >>> rng = np.random.default_rng(0)
        >>> x = rng.uniform(-2.0, 2.0, (100, 1))
        >>> y = np.exp(-0.5 * x[:, 0] ** 2) + 0.05 * rng.normal(size=100)
        >>> net = RBFNetRegressor(1, alpha=0.0, alpha_widths=0.0, random_state=0).fit(x, y)
        >>> units = net.inference(x, y).radial_units()
        >>> units.centers.shape, units.widths.round().tolist()
        ((1, 1), [[1.0]])
        """
        shape = RadialShape.of(self._table.network, self.reported)
        values, covariance = self.delta_method(shape.values)
        variance = np.diag(covariance)
        return shape.units(values, np.sqrt(np.where(variance >= 0, variance, np.nan)))

    @_in_few_threads
    def summary(self, level: float = 0.95) -> str:
        """The results as text: the fit, the verdict, a row per parameter, a row per feature.

        Parameters
        ----------
        level : float, default=0.95
            Level of the intervals.

        Returns
        -------
        str
            Lines of at most 99 characters, but for long names.

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
        >>> lines = results.summary().splitlines()
        >>> lines[0], any(line.startswith("Identifiable: yes") for line in lines)
        ('NewtonMLPRegressor: 3-1, loss squared_error', True)
        """
        check_level(level)
        return Summary.of(self, level).text()

    def to_frame(self, level: float = 0.95) -> Any:
        """The table of the parameters as a pandas data frame.

        Parameters
        ----------
        level : float, default=0.95
            Level of the intervals.

        Returns
        -------
        pandas.DataFrame
            A row per parameter, with the columns of :meth:`columns`.

        Raises
        ------
        ImportError
            If pandas is not installed.
        ValueError
            If ``level`` is not between 0 and 1.
        """
        import pandas as pd

        check_level(level)
        return pd.DataFrame(self.columns(level), index=pd.Index(self.names, name="parameter"))

    def columns(self, level: float) -> dict[str, Array]:
        """The columns of the table of parameters.

        Parameters
        ----------
        level : float
            Level of the intervals.

        Returns
        -------
        dict of str to ndarray of shape (n_parameters,)
            "estimate", "std_error", "t" (or "z" without ``use_t``), "p_value", "lower", "upper".

        Raises
        ------
        ValueError
            If ``level`` is not between 0 and 1.
        """
        interval = self.conf_int(level)
        return {
            "estimate": self.params,
            "std_error": self.std_errors,
            "t" if self.use_t else "z": self.z_values,
            "p_value": self.p_values,
            "lower": interval[:, 0],
            "upper": interval[:, 1],
        }

    @_in_few_threads
    def _repr_html_(self) -> str:
        return Summary.of(self, 0.95).html()

    @property
    def _predictor(self) -> Predictor:
        information, loss = self.information, self.information.objective.loss
        network, n_outputs = self._table.network, self._table.network.n_outputs
        params, covariance, T = information.params, self._covariance, None
        variance = np.full(n_outputs, self.dispersion)
        if loss.quadratic and n_outputs > 1:
            variance = np.diag(information.residual_covariance)
        if self.rescaled is not None:
            T = self.rescaled.map.matrix
            params, covariance = self.rescaled.map.forward(params), T @ (T @ covariance).T
            variance = variance * self.rescaled.out_scale**2 if n_outputs > 1 else variance
        return Predictor(
            network=network,
            loss=loss,
            params=params,
            covariance=covariance,
            estimable=self._estimable_rows if T is None else self._estimable_in_units,
            residual_variance=variance,
            df_denom=self._df_denom,
            names=self.output_names,
        )

    @property
    def _effects(self) -> Effects:
        table = self._table
        return Effects(self._predictor, table.samples, table.sample_weight)


def _locked(array: Array) -> Array:
    """The array, made read-only."""
    array.flags.writeable = False
    return array
