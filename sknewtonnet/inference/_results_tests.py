"""Tests of hypotheses about the parameters of a net."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from sknewtonnet._typing import Array
from sknewtonnet.calculus.pieces.validation import check_count
from sknewtonnet.inference._checks import (
    check_choice,
    check_level,
    check_names,
    listed,
)
from sknewtonnet.inference._estimable_part import NOT_ESTIMABLE, estimable_part
from sknewtonnet.inference._hidden_unit import DIRECTIONS, hidden_unit_test
from sknewtonnet.inference._hypothesis import Hypothesis, feature_groups
from sknewtonnet.inference._likelihood_ratio import LikelihoodRatioResult, likelihood_ratio
from sknewtonnet.inference._null_distributions import ADJUSTMENTS, HELD, NamedTests, adjusted
from sknewtonnet.inference._parameter_covariance import (
    COVARIANCES,
    MODEL_BASED,
    Dependence,
    few_clusters,
)
from sknewtonnet.inference._profile import profile_interval
from sknewtonnet.inference._restricted_fits import Restriction
from sknewtonnet.inference._results_estimates import Estimates, in_few_threads
from sknewtonnet.inference._score import ScoreTestResult, score_test
from sknewtonnet.inference._wald import WaldTestResult, wald

HypothesisLike = str | Sequence[str] | ArrayLike


@dataclass(frozen=True, eq=False, repr=False)
class Tests(Estimates):
    """Tests: Wald, likelihood ratio, score, hidden units; intervals by the likelihood."""

    @in_few_threads
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
            Of those combinations of the rows of R that the data determine, such as differences
            between the levels of a full set of dummies; NaN with a reason if there are none.
            Dependent rows count once. In a net that is not ``identifiable`` there is a statistic,
            but no p-value.

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
            Features that are tested together, such as the dummy columns of one factor; None:
            those of ``factors``, where the results know any.
        adjust : {None, "holm", "bh"}, default=None
            How to fill ``p_adjusted``, see :func:`adjust_p_values`.

        Returns
        -------
        dict of str to WaldTestResult
            By the names of features and groups; a table in notebooks. NaN with a reason for radial
            units, because no zero weight removes an input from them.

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
        groups = self.factors or None if groups is None else groups
        found = NamedTests(
            (name, self.wald_test(members))
            for name, members in feature_groups(groups, self.feature_names).items()
        )
        return found if adjust is None else adjusted(found, adjust)

    @in_few_threads
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
        restriction = self._restriction(asked)
        left = self._estimable_part(restriction.A)
        found = likelihood_ratio(
            restriction, left, self.refit, self._df_denom, n_init, random_state
        )
        if self._robust and not found.reason:
            note = "the ratio stands on the model, whatever the covariance"
            found = replace(found, reason=note)
        if isinstance(hypothesis, str) and hypothesis in self.feature_names:
            self.ratios[hypothesis] = found
        return found

    @in_few_threads
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
        S are the directions that the hypothesis restricts and R the others, and g and G are those
        of the loss. Var(e) comes from phi G, or from the scores of the rows, summed in clusters
        or over lags where ``cov_type`` does so. It holds under a penalty, too: what that shrinks
        of R drops out of e (Neyman 1959). The cost is 1 + ``n_init`` refits.

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
        dependence = self._dependence(self._robust if robust is None else robust)
        reason = self._untestable(asked, model_based=dependence is None)
        if reason:
            return ScoreTestResult(np.nan, asked.df, np.nan, np.inf, reason)
        restriction = self._restriction(asked)
        left = self._estimable_part(restriction.A)
        return score_test(restriction, left, self.refit, dependence, n_init, random_state)

    @in_few_threads
    def hidden_unit_test(
        self,
        directions: str = "random",
        *,
        n_directions: int = 100,
        n_components: int | None = None,
        robust: bool = True,
        random_state: int = 0,
    ) -> ScoreTestResult:
        """Lagrange multiplier test for one more hidden unit; small p: the net is too small.

        Parameters
        ----------
        directions : {"random", "taylor"}, default="random"
            Units tanh(a + b'x) with a and b spread evenly from -2 to 2 for standardised inputs
            (after Lee, White and Granger 1993), or products of two and three inputs (Terasvirta,
            Lin and Granger 1993).
        n_directions : int, default=100
            Number of such units.
        n_components : int, default=None
            Number of principal components of their values that are tested, for each output, by a
            score test. None: all, by the sum of their squared scores, which has the law of a
            weighted sum of chi-squares. This has more power, and hangs less on the units.
        robust : bool, default=True
            Whether the variance comes from the scores of the rows, so that the test holds where
            variances differ between rows.
        random_state : int, default=0
            Seed of the units, scrambled points of a Halton sequence.

        Returns
        -------
        ScoreTestResult
            The statistic is about chi-square with ``df`` degrees of freedom; without
            ``n_components`` the p-value is from the law itself. NaN with a reason where the test
            cannot be made.

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
        if n_components is not None:
            check_count("n_components", n_components)
        check_count("random_state", random_state, 0)
        reason = self._fatal or ("" if robust else self._no_likelihood)
        if reason:
            return ScoreTestResult(np.nan, 0, np.nan, np.inf, reason)
        dependence = self._dependence(robust)
        return hidden_unit_test(
            self.information, directions, n_directions, n_components, dependence, random_state
        )

    @in_few_threads
    def profile_interval(
        self, names: str | Sequence[str], level: float = 0.95
    ) -> dict[str, tuple[float, float]]:
        """Likelihood intervals of parameters: all values that a refit does not reject.

        These are the values v with 2 (M(v) - M) / phi at most the squared quantile of t or of the
        normal distribution, where M(v) is the minimum with the parameter fixed at v. Unlike Wald's
        intervals they do not depend on how the net is parametrised, and need not be symmetric.
        Each interval costs ten to thirty refits. Under a penalty they are the counterpart of
        ``cov_type="bayesian"``.

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
            likelihood; one is NaN, with a warning, if refits at the estimate end above the fit.

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
            if np.isnan(ends).any():
                warnings.warn(
                    f"The profile of {name} is not settled: refits end above the fit.",
                    UserWarning,
                    stacklevel=3,
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
        if isinstance(given, str) and given in self.factors:
            given = list(self.factors[given])
        return Hypothesis.of(given, r, outgoing, self.reported, self.feature_names, argument)

    def _denom(self, use_f: bool) -> float:
        return self.df_resid if use_f else np.inf

    def _wald(self, asked: Hypothesis, df_denom: float) -> WaldTestResult:
        rows = self.reported.rows(asked.R)
        found = wald(
            rows,
            asked.R @ self.params - asked.r,
            self._covariance,
            self._part_with_errors,
            df_denom,
            self.information.held(rows),
            self._fatal or asked.reason,
        )
        if self._no_p_values and np.isfinite(found.p_value):
            found = replace(found, p_value=np.nan, reason=self._no_p_values)
        return found if found.reason else replace(found, reason=few_clusters(self._rows_depend))

    def _estimable_part(self, rows: Array) -> Array:
        """Combinations of linear functions of the net's own parameters that can be tested."""
        factors = COVARIANCES[self.cov_type].factors(self.information)
        return estimable_part(self.information, factors, rows)

    def _part_with_errors(self, rows: Array) -> Array:
        """Those that have a covariance; none where the likelihood of one has no maximum."""
        none = self._separated_rows(rows).any()
        return np.empty((len(rows), 0)) if none else self._estimable_part(rows)

    def _untestable(self, asked: Hypothesis, model_based: bool) -> str:
        """Why a hypothesis cannot be tested by refits, if so."""
        if self._fatal or asked.reason:
            return self._fatal or asked.reason
        if not asked.df:
            return "all factors are zero: there is nothing to test"
        rows, basis = self.reported.rows(asked.R), self.information.basis
        if not self._estimable_part(rows).shape[1]:
            return NOT_ESTIMABLE
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
        if information.objective.loss.normal_errors and information.n_entries > 1:
            return (
                "the fit weighs the errors of all outputs alike, whatever their variances: use "
                "wald_test"
            )
        return ""

    def _dependence(self, robust: bool) -> Dependence | None:
        """Which rows may depend on each other, for a robust variance; None for the model's."""
        return self._rows_depend if robust else None

    @property
    def _rows_depend(self) -> Dependence:
        return Dependence(self.groups, self.maxlags)

    @property
    def _robust(self) -> bool:
        return self.cov_type not in MODEL_BASED
