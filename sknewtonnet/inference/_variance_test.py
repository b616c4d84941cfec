"""Whether the residuals vary as the model says: a test of squared residuals (White 1980, 1982)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh, svd
from scipy.special import fdtrc
from scipy.stats import chi2

from sknewtonnet._tables import Report, Shown
from sknewtonnet._typing import Array
from sknewtonnet.calculus import BlockObjective, Loss
from sknewtonnet.inference._gate_units import Finding
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._null_distributions import TestResult

# Rows for each column of the regression of squared residuals; with fewer, only predictions are
# asked about. Squares of counts and labels have longer tails, and need more.
_ROWS_PER_COLUMN, _ROWS_PER_COLUMN_OF_COUNTS = 30, 60

# A p-value that is worth a note: one in a hundred right models has a smaller one.
_LEVEL = 0.01

# Part of a column that counts as nothing.
_NOTHING = 1e-6


@dataclass(frozen=True, repr=False)
class VarianceTest(Shown):
    """Test that variances of the residuals are as the model says, in each row.

    Standard errors of type "hessian" and prediction intervals rest on these variances; sandwich
    covariances, such as "HC3", do not. :func:`variance_test` makes it.

    Parameters
    ----------
    statistic : float
        The number n R^2 of the regression of squared residuals, or its like.
    df : int
        Degrees of freedom: columns of the regression.
    p_value : float
        Small where variances depend on predictions or inputs in another way, or the mean is wrong.
    reason : str
        Why there is no test, if so.

    See Also
    --------
    variance_test : The function that makes it.
    InferenceResults : Results of a fit; ``variance_test`` is one of these.
    parameter_covariance : Covariances that do not need the model.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
    >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
    >>> results.variance_test.df, results.variance_test.p_value > 0.05  # errors of one variance
    (6, True)
    """

    statistic: float
    df: int
    p_value: float
    reason: str = ""

    def _report(self) -> Report:
        return self._as_test._report()

    def _in_words(self) -> str:
        return self._as_test._in_words()

    @property
    def _as_test(self) -> TestResult:
        return TestResult(self.statistic, self.df, self.p_value, reason=self.reason)


def variance_findings(test: VarianceTest) -> Iterator[Finding]:
    """A note if the residuals do not vary as the model says."""
    if test.p_value < _LEVEL:
        p = f"= {test.p_value:.2g}" if test.p_value > 0.0 else "< 1e-300"
        yield Finding(
            "misspecification",
            "Residuals do not vary as the model says: their squares depend on predictions or "
            f"inputs (White's test, p {p}). Variances may differ between rows, "
            "or the mean be wrong, so errors by the model and prediction intervals may be too.",
            severity="note",
        )


@dataclass(frozen=True, eq=False)
class _Squares:
    """Squared residuals less what the model expects them to be, for each row.

    Parameters
    ----------
    excess : ndarray of shape (n_samples,)
        m_i.
    slope : ndarray of shape (n_samples, n_outputs)
        Expected derivatives of m_i in the raw predictions.
    variance : ndarray of shape (n_samples,), or None
        Variance v_i of m_i by the model; None where it is the same in all rows, and not known.
    size : ndarray of shape (n_samples,), or None
        What a column of 1 would add to m_i, t_i; None for 1.
    """

    excess: Array
    slope: Array
    variance: Array | None = None
    size: Array | None = None


def variance_test(information: Information) -> VarianceTest:
    """Regress squared residuals on ranks of the predictions and inputs, and their squares.

    With m_i = the squared residuals of row i less their expectation, v_i = Var(m_i) by the model,
    and Z the columns named above times t_i, less what V^-1/2 Z shares with V^-1/2 dm/dw,

        T = g' (Z' V^-1 Z)^-1 g,    g = Z' V^-1 m,

    is chi-square with as many degrees of freedom as Z has columns. So estimates of parameters
    cost nothing to first order. For squared errors and gamma v_i is one number that is estimated:
    this is White's test in the form of Koenker (1981), n R^2, with p from F; of gamma, whose
    squares have long tails, it takes the deviance. For log losses and Poisson it tests the
    information matrix, r_i^2 against the curvature of the loss, with t_i = v_i and the mean.

    Parameters
    ----------
    information : Information
        The minimum.

    Returns
    -------
    VarianceTest
        NaN with a reason where there is none: for losses other than squared errors, log loss,
        Poisson and gamma, and where rows have weights that are no counts.

    See Also
    --------
    VarianceTest : What it returns.
    InferenceResults : Results of a fit; ``variance_test`` is one of these.

    References
    ----------
    White (1980), Econometrica 48; White (1982), Econometrica 50; Koenker (1981), Journal of
    Econometrics 17; Dean (1992), Journal of the American Statistical Association 87.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.inference import Information, variance_test
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(300, 1))
    >>> y = x[:, 0] * (1.0 + rng.normal(size=300))  # larger errors where x is larger
    >>> f = Objective(Network.mlp(1, (), 1), "squared_error", x, y)
    >>> variance_test(Information(f, np.array([1.0, 0.0]))).p_value < 1e-3
    True
    """
    if isinstance(information.objective, BlockObjective):
        reason = "no test of variances for rows in blocks, which have no ranks among all rows"
        return VarianceTest(np.nan, 0, np.nan, reason)
    squares = _squares(information)
    if squares is None:
        loss = information.objective.loss
        return VarianceTest(np.nan, 0, np.nan, f"no test of variances for {loss.name} or weights")
    weight, n = information.objective.sample_weight, information.n_rows
    counts = weight if information.weight_type == "frequency" else np.ones(len(weight))
    root, centred = np.sqrt(counts), squares.variance is None
    scale = root if squares.variance is None else root / np.sqrt(squares.variance)
    sizes = scale if squares.size is None else scale * squares.size
    columns = _columns(
        information, counts, _ROWS_PER_COLUMN if centred else _ROWS_PER_COLUMN_OF_COUNTS
    )
    derivatives = np.einsum("io,iop->ip", squares.slope, information.jacobian)
    derivatives = np.c_[derivatives, np.ones(len(weight))] if centred else derivatives
    excess = squares.excess - (counts @ squares.excess / n if centred else 0.0)
    basis = _apart_from(columns * sizes[:, None], derivatives * scale[:, None])
    df = basis.shape[1]
    if not df or n <= df + 2:
        return VarianceTest(np.nan, df, np.nan, "the parameters of the net take all there is")
    explained = float(np.sum((basis.T @ (excess * scale)) ** 2))
    if not centred:
        return VarianceTest(explained, df, float(chi2.sf(explained, df)))
    total = float(counts @ excess**2)
    share = min(explained / total, 1.0) if total > 0 else 0.0
    ratio = (share / df) / max((1.0 - share) / (n - df - 1.0), 1e-300)
    return VarianceTest(n * share, df, float(fdtrc(df, n - df - 1.0, ratio)))


def _squares(information: Information) -> _Squares | None:
    """Squared residuals; None for losses that have no entry here, and without a likelihood."""
    loss, y, raw = information.objective.loss, information.objective.targets, information.raw
    weights = information.objective.sample_weight
    whole = information.weight_type == "frequency" or loss.normal_errors
    if not information.is_likelihood or not (whole or (weights == weights[0]).all()):
        return None
    if loss.normal_errors:
        squares = (y - loss.inverse_link(raw)) ** 2
        if information.weight_type == "precision":
            squares = squares * weights[:, None]
        mean = squares.mean(axis=0)
        excess = (squares / np.where(mean > 0, mean, 1.0)).sum(axis=1)
        return _Squares(excess, np.zeros_like(raw))
    return _other_squares(loss, y, raw)


def _other_squares(loss: Loss, y: Array, raw: Array) -> _Squares | None:
    mean = loss.inverse_link(raw)
    if loss.name == "binary_log_loss":
        bend, odd = mean * (1.0 - mean), 1.0 - 2.0 * mean
        variance = _positive((bend * odd**2).sum(axis=1))
        return _Squares(((y - mean) * odd).sum(axis=1), -bend * odd, variance, variance)
    if loss.name == "multinomial_log_loss":
        odd = 1.0 - 2.0 * mean
        center = (odd * mean).sum(axis=1, keepdims=True)
        variance = _positive((odd**2 * mean).sum(axis=1) - center[:, 0] ** 2)
        return _Squares(((y - mean) * odd).sum(axis=1), -mean * (odd - center), variance, variance)
    if loss.name == "poisson":
        # Less y in place of the mean: then it is not correlated with the scores (Dean 1992).
        excess, variance = ((y - mean) ** 2 - y).sum(axis=1), (2.0 * mean**2).sum(axis=1)
        return _Squares(excess, np.zeros_like(raw), _positive(variance), mean.sum(axis=1))
    if loss.name == "gamma":
        deviance = 2.0 * (y / mean - 1.0 - np.log(y / mean))
        return _Squares(deviance.sum(axis=1), np.zeros_like(raw))
    return None


def _positive(variance: Array) -> Array:
    """Variances; where there is none, a row has nothing to say, and no weight of its own."""
    return np.maximum(variance, 1e-8 * float(variance.max(initial=1e-300)))


def _columns(information: Information, counts: Array, rows_per_column: int) -> Array:
    """A constant, ranks of predictions and inputs, and the squares of these."""
    raw, X = information.raw, information.objective.samples
    columns = raw.T
    if information.n_rows >= rows_per_column * 2 * (raw.shape[1] + X.shape[1]):
        columns = np.vstack([raw.T, X.T])
    linear = np.column_stack([_ranks(column, counts) for column in columns])
    return np.hstack([np.ones((len(raw), 1)), linear, linear**2])


def _ranks(column: Array, counts: Array) -> Array:
    """Ranks from -1 to 1, so that no row has much leverage; equal values share theirs."""
    _, inverse = np.unique(column, return_inverse=True)
    sizes = np.bincount(inverse.ravel(), weights=counts)
    middle = (np.cumsum(sizes) - 0.5 * sizes) / sizes.sum()
    return np.asarray(2.0 * middle[inverse.ravel()] - 1.0)


def _apart_from(columns: Array, others: Array) -> Array:
    """Orthonormal columns for the part of columns that no combination of others explains."""
    others = others[:, np.abs(others).max(axis=0) > 0]
    sizes = np.linalg.norm(columns, axis=0)
    if others.shape[1]:
        others = others / np.linalg.norm(others, axis=0)
        values, vectors = eigh(others.T @ others)
        kept = values > 1e-11 * values[-1]
        inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
        for _ in range(2):  # the second time takes away what rounding has left
            columns = columns - others @ (inverse @ (others.T @ columns))
    kept = np.linalg.norm(columns, axis=0) > _NOTHING * sizes
    columns = columns[:, kept] / sizes[kept]
    if not columns.shape[1]:
        return columns
    basis, values, _ = svd(columns, full_matrices=False)
    return np.asarray(basis[:, values > _NOTHING * values[0]])
