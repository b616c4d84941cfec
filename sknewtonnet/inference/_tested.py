"""Estimates with intervals and tests of hypotheses about parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sknewtonnet.inference._checks import check_choice, check_count, check_level, check_names
from sknewtonnet.inference._covariance import MODEL_BASED
from sknewtonnet.inference._estimates import Estimates
from sknewtonnet.inference._hidden_unit import DIRECTIONS, hidden_unit_test
from sknewtonnet.inference._hypothesis import Hypothesis, feature_groups
from sknewtonnet.inference._refits import (
    LikelihoodRatioResult,
    Restriction,
    likelihood_ratio,
    profile_interval,
    score_statistic,
)
from sknewtonnet.inference._tests import (
    ADJUSTMENTS,
    HELD,
    ScoreTestResult,
    WaldTestResult,
    adjusted,
    quadratic_form,
    quantile,
    tail,
    wald,
)

Array = NDArray[np.float64]
HypothesisLike = str | Sequence[str] | ArrayLike


@dataclass(frozen=True, eq=False)
class TestedEstimates(Estimates):
    """Estimates, and tests of what they may be; see :class:`InferenceResults`."""

    __test__ = False  # its name begins like a test of pytest's

    # Likelihood-ratio tests of single features that were asked for, for the summary.
    ratios: dict[str, LikelihoodRatioResult] = field(default_factory=dict, init=False, repr=False)

    def conf_int(self, level: float = 0.95) -> Array:
        """Confidence intervals of the parameters, of shape (n_parameters, 2).

        Estimate -+ quantile times standard error; the quantile of t with ``df_resid``, or normal.

        Parameters
        ----------
        level : float, default=0.95
            Confidence.
        """
        check_level(level)
        reach = quantile(level, self._df_denom) * self.std_errors
        return np.column_stack([self.params - reach, self.params + reach])

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
            Coefficients; or names of parameters, or of features (all weights that leave
            them), that are to be zero.
        r : array of shape (q,), default=None
            Values; zeros if None.
        use_f : bool, default=None
            Whether p is that of F = W / q on (q, ``df_resid``), else of chi-square with q degrees
            of freedom. None: as ``use_t``.

        Returns
        -------
        WaldTestResult
            NaN with a reason if a row of R is not estimable. Dependent rows count once.

        Raises
        ------
        ValueError
            If R or r have a wrong shape, or a name is unknown.
        """
        hypothesis = self._hypothesis(R, r)
        return self._wald(hypothesis, self._df_denom if use_f is None else self._denom(use_f))

    def wald_test_features(
        self,
        groups: Mapping[str, Sequence[str]] | None = None,
        adjust: str | None = None,
    ) -> dict[str, WaldTestResult]:
        """Test for each feature that all weights that leave it are zero, skip connections too.

        Parameters
        ----------
        groups : mapping of str to list of str, default=None
            Features that are tested together, such as the dummy columns of one factor.
        adjust : {None, "holm", "bh"}, default=None
            How to fill ``p_adjusted``, see :func:`adjust_p_values`.

        Returns
        -------
        dict of str to WaldTestResult
            For radial units NaN with a reason: no zero weight removes an input from them.
        """
        check_choice("adjust", adjust, (None, *ADJUSTMENTS))
        found = {
            name: self.wald_test(members)
            for name, members in feature_groups(groups, self.feature_names).items()
        }
        return found if adjust is None else adjusted(found, adjust)

    def likelihood_ratio_test(
        self, hypothesis: HypothesisLike, *, n_init: int = 3, random_state: int = 0
    ) -> LikelihoodRatioResult:
        """Test a hypothesis by what it costs to refit the net under it.

        For squared errors n log(RSS0 / RSS1), with the p-value of
        F = ((RSS0 - RSS1) / q) / (RSS1 / (n - df)); for other losses 2 (D0 - D1) / phi, where D0
        and D1 are the losses of the restricted fit and of this one. The same however the
        net is parametrised, unlike Wald's. For model-based errors only.

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
            With NaN for p and a reason under a penalty, and if the restricted net is better.
        """
        asked = self._hypothesis(hypothesis, argument="hypothesis")
        check_count("n_init", n_init, 0)
        reason = self._untestable(asked, model_based=True)
        if reason:
            return LikelihoodRatioResult(np.nan, asked.df, np.nan, self._df_denom, reason)
        restriction = Restriction(self.information, self.reported.rows(asked.R), asked.r)
        found = likelihood_ratio(
            restriction, self.refit, asked.df, self._df_denom, n_init, random_state
        )
        if self._robust and not found.reason:
            note = "the ratio stands on the model, whatever the covariance"
            found = replace(found, reason=note)
        if isinstance(hypothesis, str) and hypothesis in self.feature_names:
            self.ratios[hypothesis] = found
        return found

    def score_test(
        self,
        hypothesis: HypothesisLike,
        *,
        robust: bool | None = None,
        n_init: int = 3,
        random_state: int = 0,
    ) -> ScoreTestResult:
        """Test a hypothesis by the gradient that is left at the restricted fit.

        e' Var(e)^-1 e with the efficient score e = g_S - G_SR G_RR^-1 g_R in the restricted
        directions S, and Var(e) from phi G, or from the scores.

        Parameters
        ----------
        hypothesis : array, str, or list of str
            As R in :meth:`wald_test`, with r = 0.
        robust : bool, default=None
            Whether the variance comes from the scores; None: as the covariance does.
        n_init : int, default=3
            Random starts of the restricted net.
        random_state : int, default=0
            Seed of the starts.

        Returns
        -------
        ScoreTestResult
            Chi-square.
        """
        asked = self._hypothesis(hypothesis, argument="hypothesis")
        check_count("n_init", n_init, 0)
        scores = self._robust if robust is None else robust
        reason = self._untestable(asked, model_based=not scores)
        if reason:
            return ScoreTestResult(np.nan, asked.df, np.nan, np.inf, reason)
        A = self.reported.rows(asked.R)
        restriction = Restriction(self.information, A, asked.r)
        params, _, converged = restriction.fit(self.refit, n_init, random_state)
        statistic, df = quadratic_form(*score_statistic(self.information, A, params, scores))
        reason = "" if converged else "the restricted fit did not converge"
        return ScoreTestResult(statistic, df, tail(statistic, df, np.inf), np.inf, reason)

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
            Principal components of what they add that are tested, for each output.
        robust : bool, default=True
            Whether the variance of the scores is taken from them, so that it holds when
            variances differ between rows.
        random_state : int, default=0
            Seed of the random units.

        Returns
        -------
        ScoreTestResult
            Chi-square.
        """
        check_choice("directions", directions, DIRECTIONS)
        check_count("n_directions", n_directions)
        check_count("n_components", n_components)
        reason = self._fatal or ("" if robust else self._no_likelihood)
        if reason:
            return ScoreTestResult(np.nan, 0, np.nan, np.inf, reason)
        return hidden_unit_test(
            self.information, directions, n_directions, n_components, robust, random_state
        )

    def profile_interval(
        self, names: str | Sequence[str], level: float = 0.95
    ) -> dict[str, tuple[float, float]]:
        """Likelihood intervals of parameters: all values that a refit does not reject.

        Values v with 2 (M(v) - M) / phi at most the squared quantile, where M(v) is the
        minimum with the parameter fixed at v. Other than Wald's intervals they do not depend on
        how the net is parametrised, and need not be symmetric. Some ten to thirty refits each.

        Parameters
        ----------
        names : str or list of str
            Names of parameters.
        level : float, default=0.95
            Confidence.

        Returns
        -------
        dict of str to (float, float)
            An end is infinite if it is not reached within 30 half-widths of Wald's interval; both
            are NaN if the parameter is not estimable, or there is no likelihood.
        """
        check_level(level)
        chosen = [names] if isinstance(names, str) else list(names)
        check_names("names", chosen, self.names)
        found = {}
        for name in chosen:
            j = self.names.index(name)
            if self._no_likelihood or not self.std_errors[j] > 0:
                found[name] = (np.nan, np.nan)
                continue
            row = self.reported.coefficients[j]
            found[name] = profile_interval(
                self.information,
                row,
                float(self.params[j]),
                float(self.std_errors[j]),
                self.refit,
                level,
                self._df_denom,
            )
        return found

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
        rows, basis = self.reported.rows(asked.R), self.information.basis
        if not self._estimable_rows(rows).all():
            return "not estimable: the data do not determine all that is to be tested"
        if basis is not None:
            ranks = [np.linalg.matrix_rank(matrix) for matrix in (rows, rows @ basis)]
            if ranks[1] < ranks[0]:
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
