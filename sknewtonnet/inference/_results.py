"""The results of inference: estimates, standard errors, tests, criteria and predictions."""

from __future__ import annotations

from dataclasses import dataclass

from sknewtonnet.inference._results_names import StatsmodelsNames
from sknewtonnet.inference._results_reports import Reports
from sknewtonnet.inference._results_tests import Tests


@dataclass(frozen=True, eq=False, repr=False)
class InferenceResults(Tests, StatsmodelsNames, Reports):
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
    "bayesian"      phi K, wider than "hessian" by phi K L K, what the penalty's bias may be
    "HC0"           K J K, J = sum of s_i (g_i - mean)(g_i - mean)'
    "HC1"           times n / (n - df)
    "HC2", "HC3"    with scores divided by (1 - h_i)^(1/2) or (1 - h_i), h_i leverages
    "cluster"       scores summed in clusters; times C / (C - 1) (n - 1) / (n - df)
    "HAC"           scores of rows up to L apart, times 1 - l / (L + 1) at lag l
    ==============  =================================================================

    Where the strength of the penalty was chosen on the same data (``chosen_penalty``), "bayesian"
    is phi K + b b' with b = -K grad P, the derivative of the minimum in the logarithm of that
    strength: other data might have chosen one that is e times as large or small.

    phi is the Pearson statistic over n - df for squared errors (RSS / (n - df)) and gamma, and 1
    for log loss and Poisson. df = tr(K H0), in which no direction counts less than 0; without a
    penalty it is the number of identified parameters. For several outputs with squared errors
    these use sum s_i J_i' Sigma J_i in place of phi H0, where Sigma is the covariance of the
    residuals between outputs. "bayesian" is the default under a penalty, "hessian" without.

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
    groups : ndarray of int of shape (n_samples,) or (n_samples, 2), default=None
        Number of the cluster of each row, for "cluster". For clusters of two kinds their
        covariances are added, less that of the clusters that are in both.
    maxlags : int, default=None
        Number L of lags, for "HAC".
    use_t : bool, default=True
        Whether tests use the t and F distributions, else the normal and chi-square.
    post_selection : bool, default=False
        Whether the net's form was chosen on the same data, so that p-values are too small.
    rescaled : Rescaled, default=None
        The units of the table, where the fit has standardised columns.
    factors : mapping of str to tuple of str, default={}
        Columns of a table that became several features by a preprocessing, with their names.
        Tests take the name of the column for all of them.
    prepare : callable, default=None
        From that table to the features, for predictions.
    references : mapping of str to str, default={}
        Columns of that table with the level at which all of their features are zero.

    Attributes
    ----------
    names : list of str
        Names of the reported parameters, such as "coefs_0[age, h3]".
    params, std_errors, z_values, p_values : ndarray of shape (n_parameters,)
        Estimates, standard errors, their ratio, and two-sided p-values; statsmodels' ``bse``,
        ``tvalues`` and ``pvalues`` as well. For a softmax output layer differences to the first
        class.
    covariance : ndarray of shape (n_parameters, n_parameters)
        Covariance of ``params``, of the kind ``cov_type``; ``cov_params()`` as well.
    reasons : dict of str to str
        Why the standard error or the p-value of a parameter is NaN, by its name.
    tests : FeatureTable
        A row per feature: its average effect, and the test that the net depends on it.
    feature_importance, feature_std : ndarray of shape (n_features,)
        Shares of the features in all saliencies, and their standard deviations in the rows.
    identifiable : bool
        Whether p-values of parameters can be relied on.
    findings, diagnosis : tuple
        What speaks against it, the worst first: as records, and as sentences.
    variance_test : VarianceTest
        Test that the residuals vary as the model says.
    n_obs, df_resid, effective_parameters : float
        Rows (``nobs``), degrees of freedom of t and F, and tr(K H0); ``df_model`` as well.
    dispersion, objective_value, log_likelihood : float
        phi (``scale``), f at the minimum, and the logarithm of the likelihood (``llf``).
    aic, aicc, bic, nic, tic, gcv : float
        Information criteria; ``criteria`` has all of them.
    rsquared : float
        Share of the squared errors of the mean that the net removes; NaN under other losses.
    fittedvalues, resid : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Predicted means of the rows, and targets less these: ``resid_response``.
    resid_pearson, resid_deviance, resid_working : ndarray of the same shape
        Other residuals.
    chosen_penalty : bool
        Whether the strength of the penalty was chosen on the same data.
    ratios : dict of str to LikelihoodRatioResult
        The likelihood-ratio tests of single features made so far.

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
    (1994), IEEE Transactions on Neural Networks 5; MacKinnon and White (1985), J. Econometrics 29;
    Wood, Pya and Säfken (2016), J. American Statistical Association 111, section 4.

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
    >>> (results.tests.adjusted_p_values < 0.05).tolist()
    [True, True, False]
    >>> results.marginal_effects().effects.round(1)[:2].tolist()
    [0.6, -0.4]
    >>> results.names[:2], results.covariance.shape
    (['coefs_0[x0, h0]', 'coefs_0[x1, h0]'], (6, 6))
    >>> bool((results.std_errors > 0).all()), results.df_resid
    (True, 194.0)
    """
