"""The mean squared slope: a test of "depends on it at all" (doc/statistics.md 3.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import eigvalsh
from scipy.linalg.lapack import dpstrf

from sknewtonnet._typing import Array, Bools
from sknewtonnet.calculus import Objective
from sknewtonnet.calculus.functions.input_derivatives import slope_gradients
from sknewtonnet.calculus.passes.chunk import sample_chunks
from sknewtonnet.calculus.pieces.output_activation import output_activation
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._null_distributions import TestResult
from sknewtonnet.inference._quadratic_form import weighted_chi_square_tail

# Directions with less than this part of the largest spread are left out, and negative variances
# below it are rounding.
_ROUNDING = 1e-9

# Numbers in the matrices of all features that are worked on together.
_TOGETHER = 4_000_000


@dataclass(frozen=True, repr=False)
class SlopeTestResult(TestResult):
    """Result of a test of the mean squared slope, whether a net depends on features at all.

    :meth:`InferenceResults.slope_test` makes it.

    Parameters
    ----------
    statistic : float
        ``df`` times the mean square over its expectation without dependence, which is about
        chi-square with ``df`` degrees of freedom; NaN if there is none.
    df : float
        (sum_k l_k)^2 / sum_k l_k^2, with l_k the weights of the chi-squares.
    p_value : float
        From the law of the weighted sum of chi-squares itself.
    df_denom : float
        Degrees of freedom of the residual variance; inf where none is estimated.
    reason : str
        Why a number is NaN; empty if all is well.
    p_adjusted : float or None
        The p-value adjusted for all tests of a family, where one was asked for.
    mean_square : float
        Mean over the rows, T, of squared changes of the raw predictions by one standard deviation
        of the features, in units of the loss's curvature.

    See Also
    --------
    InferenceResults.slope_test : The method that makes it.
    WaldTestResult : A test that some parameters are 0.
    weighted_chi_square_tail : The law of the statistic.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
    >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
    >>> test = results.slope_test("x1")
    >>> test.p_value < 0.001, test.reason
    (True, '')
    """

    mean_square: float = np.nan


@dataclass(frozen=True, eq=False)
class Slopes:
    """Squared slopes of a net at its minimum, and what is known about the parameters.

    Parameters
    ----------
    information : Information
        The minimum.
    covariance : ndarray of shape (n_parameters, n_parameters)
        Covariance of its parameters.
    estimable : callable
        Which rows of linear functions of the parameters the data determine.
    df_denom : float
        Degrees of freedom of the dispersion; inf for none.
    out_scale : ndarray of shape (n_outputs,)
        Outputs of the table over those of the minimum.
    names : sequence of str
        Names of the inputs.
    reason : str
        Why nothing can be tested, if so.
    """

    information: Information
    covariance: Array
    estimable: Callable[[Array], Bools]
    df_denom: float
    out_scale: Array
    names: Sequence[str]
    reason: str = ""

    def tests(self, groups: Sequence[Sequence[int]]) -> list[SlopeTestResult]:
        """A test for each group of features, that the net depends on none of them."""
        if self.reason:
            return [self._nothing(self.reason)] * len(groups)
        size = max(1, _TOGETHER // len(self.information.params) ** 2)
        return [
            self._test(group, found.square, found.matrix)
            for start in range(0, len(groups), size)
            for group, found in self._squares(groups[start : start + size])
        ]

    def _nothing(self, reason: str) -> SlopeTestResult:
        return SlopeTestResult(np.nan, 0, np.nan, self.df_denom, reason)

    def _test(self, group: Sequence[int], square: float, matrix: Array) -> SlopeTestResult:
        """The test from T and the matrix of w'Mw = T of the parameters' errors w."""
        names = ", ".join(self.names[j] for j in group)
        if not np.isfinite(matrix).all():
            return self._nothing(f"the slopes in {names} are not finite")
        if not matrix.any():
            constant = np.ptp(self.information.objective.samples[:, list(group)], axis=0) == 0
            return self._nothing(
                f"no variation in {names}" if constant.all() else f"no weight leaves {names}"
            )
        # In units of the parameters' errors, so that their own units do not matter.
        errors = np.sqrt(np.maximum(np.diag(self.covariance), 0.0))
        errors = np.where(errors > 0, errors, 1.0)
        rows = _factor(matrix * errors[:, None] * errors) / errors
        if not self.estimable(rows).all():
            return self._nothing(f"not estimable: the data do not determine the slopes in {names}")
        weights = eigvalsh(rows @ self.covariance @ rows.T)
        largest = float(weights[-1])
        if not largest > 0 or weights[0] < -_ROUNDING * largest:
            return self._nothing(f"no positive covariance of the slopes in {names}")
        weights = np.maximum(weights, 0.0)
        expected = float(weights.sum())
        df = (expected / largest) ** 2 / float(((weights / largest) ** 2).sum())
        p_value = weighted_chi_square_tail(square, weights, self.df_denom)
        unit = float(self.out_scale[0] ** 2) if len(self.out_scale) == 1 else 1.0
        return SlopeTestResult(
            df * square / expected, df, p_value, self.df_denom, mean_square=unit * square
        )

    def _squares(self, groups: Sequence[Sequence[int]]) -> list[tuple[Sequence[int], _Sum]]:
        """T of each group, with the matrix of its quadratic form in the parameters."""
        X = self.information.objective.samples
        weight = self.information.objective.sample_weight / self.information.objective.weight_sum
        two = two_valued(X)
        smooth = [j for group in groups for j in group if not two[j]]
        P = len(self.information.params)
        sums = [_Sum(0.0, np.zeros((P, P))) for _ in groups]
        owner = {j: g for g, group in enumerate(groups) for j in group}
        variance = np.where(np.ptp(X, axis=0) > 0, weight @ (X - weight @ X) ** 2, 0.0)
        if smooth:
            net, w = self.information.objective.network, self.information.params
            for where, slopes, gradients in slope_gradients(net, w, X, smooth):
                for k, j in enumerate(smooth):
                    one = slopes[:, :, k], gradients[:, :, k]
                    self._add(sums[owner[j]], where, variance[j], *one)
        for g, group in enumerate(groups):
            for members in factors(X, [j for j in group if two[j]]):
                for share, where, values, rows in self._levels(members, weight):
                    self._add(sums[g], where, share, values, rows)
        return list(zip(groups, sums, strict=True))

    def _add(self, to: _Sum, where: slice, share: float, values: Array, rows: Array) -> None:
        """Add rows of slopes or contrasts, of shape (c, m), with their gradients (c, m, P)."""
        objective = self.information.objective
        loss, weight = objective.loss, self._weights[where]
        if loss.joint:  # a shift of all logits changes no probability
            bent, chances = self._bends[where], loss.inverse_link(self.information.raw[where])
            values, rows = bent * values, bent[:, :, None] * rows
            values = values - (chances * values).sum(axis=1, keepdims=True)
            rows = rows - np.einsum("io,iop->ip", chances, rows)[:, None]
        root = np.sqrt(
            share / objective.weight_sum * objective.sample_weight[where, None] * weight
        )
        flat = (rows * root[:, :, None]).reshape(-1, rows.shape[2])
        to.square += float(((values * root) ** 2).sum())
        to.matrix += flat.T @ flat

    @cached_property
    def _weights(self) -> Array:
        """What a squared change of each raw prediction counts, of shape (n_samples, n_outputs).

        The expected second derivative of the loss, so that T is about twice the log-likelihood.
        """
        information = self.information
        loss, raw = information.objective.loss, information.raw
        if loss.joint:
            return loss.inverse_link(raw)
        if loss.normal_errors and raw.shape[1] > 1:
            return information.mean_slopes**2 / np.diag(information.residual_covariance)
        if loss.normal_errors:
            return information.mean_slopes**2
        if loss.likelihood and not loss.free_dispersion:
            return np.einsum("ioo->io", information.loss_curvature)
        return np.ones_like(raw)

    @cached_property
    def _bends(self) -> Array:
        """Derivative of each output in its raw prediction, of shape (n_samples, n_outputs)."""
        information = self.information
        activation = output_activation(information.objective.loss)
        return activation.derivatives(information.raw.T, 1)[1].T

    def _levels(
        self, members: Sequence[int], weight: Array
    ) -> Iterator[tuple[float, slice, Array, Array]]:
        """For each level of a factor its share, and the raw predictions there less their mean.

        The mean square of these is the variance of the raw prediction over the levels, which does
        not depend on how the factor is coded.
        """
        objective, w = self.information.objective, self.information.params
        X, net = objective.samples, objective.network
        low, high = X.min(axis=0), X.max(axis=0)
        on = X[:, members] == high[members]
        shares = np.r_[weight @ ~on.any(axis=1), weight @ on]
        levels = [k for k, share in enumerate(shares) if share > 0]  # level 0: all are low
        size = max(1, 1_000_000 // (len(levels) * net.n_outputs * net.n_parameters))
        for where in sample_chunks(len(X), size):
            values, rows = [], []
            for level in levels:
                moved = X[where].copy()
                moved[:, members] = low[members]
                if level:
                    moved[:, members[level - 1]] = high[members[level - 1]]
                at = Objective(net, "squared_error", moved, np.zeros((len(moved), net.n_outputs)))
                values.append(at.raw_predictions(w))
                rows.append(at.jacobian(w))
            # Less the first level: exact zeros where the net does not read the factor.
            values = [value - values[0] for value in values]
            rows = [row - rows[0] for row in rows]
            mean = sum(shares[k] * value for k, value in zip(levels, values, strict=True))
            center = sum(shares[k] * row for k, row in zip(levels, rows, strict=True))
            for k, value, row in zip(levels, values, rows, strict=True):
                yield float(shares[k]), where, value - mean, row - center


def _factor(matrix: Array) -> Array:
    """Rows R with R'R = M, of a semi-definite M; as many as its rank but for rounding."""
    tolerance = _ROUNDING * float(np.diag(matrix).max())
    found, pivots, rank, _ = dpstrf(matrix, tol=tolerance, lower=0)
    rows = np.zeros((rank, len(matrix)))
    rows[:, pivots - 1] = np.triu(found)[:rank]
    return rows


@dataclass
class _Sum:
    """T so far, and w'Mw = T of the errors w of the parameters."""

    square: float
    matrix: Array


def two_valued(X: Array) -> Bools:
    """Which columns have exactly two values."""
    low, high = X.min(axis=0), X.max(axis=0)
    return np.asarray(((low == X) | (high == X)).all(axis=0) & (low < high))


def factors(X: Array, members: list[int]) -> list[list[int]]:
    """Columns of two values as one factor, if at most one is high in a row; else one by one."""
    if not members:
        return []
    on = X[:, members] == X[:, members].max(axis=0)
    return [members] if (on.sum(axis=1) <= 1).all() else [[j] for j in members]
