"""The information in a sample at a minimum: curvatures, counts, dispersion, scores."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np
from scipy.linalg import null_space, orth

from sknewtonnet._tables import Worded, counted
from sknewtonnet._threads import hessian_threads
from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus import BlockObjective, CriticalPoint, Objective, Rows, critical_point
from sknewtonnet.calculus.functions.coordinates import natural_steps, whitening
from sknewtonnet.calculus.functions.scaled_spectrum import ScaledSpectrum, inside
from sknewtonnet.calculus.pieces.moments import Moments
from sknewtonnet.inference._rows import (
    RowsAt,
    Term,
    losses,
    residual_products,
    score_products,
    squared_pearson,
    sum_of_part,
)

WEIGHT_TYPES = ("frequency", "precision", "sampling")


@dataclass(frozen=True, eq=False, repr=False)
class Information(Worded):
    """An objective at a minimum, in sums over rows: M = S f = D + P.

        H = H0 + L = second derivatives of M;  G = Gauss-Newton matrix of D;  S = sum of weights

    Each matrix is formed and factorised once, when it is first asked for.

    Parameters
    ----------
    objective : Objective or BlockObjective
        The function f that was minimised, on its data.
    params : ndarray of shape (n_parameters,)
        The minimum.
    active : ndarray of shape (n_active, n_parameters) or None
        Coefficients of the constraints that hold the minimum back; everything is computed on their
        null space.
    weight_type : {"frequency", "precision", "sampling"}, default="frequency"
        What a sample weight s means: s equal rows; a variance of dispersion / s; or a row that
        stands for s of a population.
    class_weights : bool, default=False
        Whether the weights contain class weights, and therefore do not count rows.
    converged : bool, default=True
        False if the solver reports that the first-order conditions do not hold.
    tight : ndarray of shape (n_tight, n_parameters) or None
        Coefficients of all constraints that hold with equality, those of ``active`` among them.
    chosen_penalty : bool, default=False
        Whether the strength of the penalty was chosen on the same data.
    known : tuple of CriticalPoint and ndarray of shape (n_parameters, n_parameters), or None
        The verdict on the point with the Hessian of f, that of nonlinear constraints included, if
        they have been worked out already.
    curvature : ndarray of shape (n_parameters, n_parameters) or None
        Second derivatives of the nonlinear constraints among ``active`` times their multipliers,
        those of f. H is then that of the Lagrange function, as it counts on the curved surface.

    See Also
    --------
    infer : Results of a minimum, for users.
    parameter_covariance : Covariances from it.
    findings : What is known against a minimum.
    Criteria : Criteria of it.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.inference import Information
    >>> X = np.array([[-1.0], [0.0], [1.0], [2.0]])
    >>> f = Objective(Network.mlp(1, (), 1), "squared_error", X, [0.0, 1.0, 1.0, 3.0])
    >>> minimum = Information(f, np.array([0.9, 0.8]))
    >>> minimum.hessian.round(6).tolist()
    [[6.0, 2.0], [2.0, 4.0]]
    >>> minimum.n_rows, round(minimum.effective_parameters, 6), round(minimum.dispersion, 6)
    (4.0, 2.0, 0.35)
    """

    objective: Objective
    params: Array
    active: Array | None = None
    weight_type: str = "frequency"
    class_weights: bool = False
    converged: bool = True
    tight: Array | None = None
    chosen_penalty: bool = False
    known: tuple[CriticalPoint, Array] | None = None
    curvature: Array | None = None

    def _in_words(self) -> str:
        parameters = counted(len(self.params), "parameter")
        return f"{parameters}, {counted(self.objective.n_samples, 'row')}, {self.weight_type}"

    @property
    def is_likelihood(self) -> bool:
        """Whether the loss is a negative log-likelihood times the dispersion.

        Returns
        -------
        bool
        """
        likelihood = self.objective.loss.likelihood
        return likelihood and self.weight_type != "sampling" and not self.class_weights

    @cached_property
    def basis(self) -> Array | None:
        """Orthonormal directions that the active constraints leave; None for all.

        Returns
        -------
        ndarray of shape (n_parameters, n_free), or None
        """
        if self.active is None or not len(self.active):
            return None
        return null_space(self.active)

    @cached_property
    def penalty(self) -> Array:
        """The Hessian L of the penalty P.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
        """
        objective = self.objective
        return objective.weight_sum * objective.penalty.hessian(self.params)

    @property
    def penalised(self) -> bool:
        """Whether there is any penalty.

        Returns
        -------
        bool
        """
        return bool(self.penalty_acts_on.any() or self.objective.kinks(self.params))

    @cached_property
    def penalty_slope(self) -> Array:
        """Derivative of the minimum in the logarithm of the strength of the penalty, -K grad P.

        To first order it is also what the penalty shrinks.

        Returns
        -------
        ndarray of shape (n_parameters,)
        """
        objective = self.objective
        slope = objective.weight_sum * objective.penalty.gradient(self.params)
        return np.asarray(-self.factor.inverse @ slope)

    @cached_property
    def penalty_acts_on(self) -> Bools:
        """Parameters in which the penalty has a derivative that is not zero.

        Returns
        -------
        ndarray of bool of shape (n_parameters,)
        """
        slope = self.objective.penalty.gradient(self.params)
        return np.asarray(self.penalty.any(axis=1) | (slope != 0))

    @cached_property
    def gradient(self) -> Array:
        """Gradient of M.

        Returns
        -------
        ndarray of shape (n_parameters,)
        """
        return self.objective.weight_sum * self.objective.gradient(self.params)

    @cached_property
    def critical_point(self) -> CriticalPoint:
        """The verdict on the point, the same as ``critical_point_`` of an estimator.

        Returns
        -------
        CriticalPoint
        """
        if self.known is not None:
            return self.known[0]
        return critical_point(
            self.objective,
            self.params,
            self.active,
            tight=self.tight,
            converged=self.converged,
            known=(
                self.objective.value(self.params),
                self.gradient / self.objective.weight_sum,
                self.hessian / self.objective.weight_sum,
            ),
        )

    @cached_property
    def hessian(self) -> Array:
        """The Hessian H of M, and of nonlinear constraints that are active.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
        """
        if self.known is not None:
            return self._summed("exact", self.known[1])
        found = self._summed("exact")
        if self.curvature is None:
            return found
        return found + self.objective.weight_sum * self.curvature

    def check_flat(self, what: str) -> None:
        """Refuse what fits again along active constraints, where these are curved.

        Parameters
        ----------
        what : str
            What is asked for, in the plural.

        Raises
        ------
        ValueError
            If a nonlinear constraint is active.
        """
        if self.curvature is not None:
            raise ValueError(
                f"{what} fit the net again along its active constraints, which must be linear for "
                "that; here nonlinear ones are active. Wald tests and standard errors hold to "
                "first order."
            )

    @cached_property
    def gauss_newton(self) -> Array:
        """The Gauss-Newton matrix G of D, without the penalty.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
        """
        return self._summed("gauss-newton") - self.penalty

    def _summed(self, kind: str, known: Array | None = None) -> Array:
        """Second derivatives of M; an error where they are not finite."""
        matrix = self.objective.hessian(self.params, kind) if known is None else known
        with np.errstate(over="ignore"):
            found = self.objective.weight_sum * matrix
        if not np.isfinite(found).all():
            raise ValueError(
                "statistics need finite second derivatives, but "
                f"{self.objective.why_not_finite(self.params)}."
            )
        return found

    @cached_property
    def factor(self) -> ScaledSpectrum:
        """Factorisation of H; an eigenvalue is negative in it only if the verdict says so.

        Returns
        -------
        ScaledSpectrum
        """
        known = self.objective.invariant_directions()
        noise = self.objective.weight_sum * self.critical_point.noise
        return ScaledSpectrum(self.hessian, self.basis, known, noise, self._steps)

    @cached_property
    def flat_directions(self) -> Array:
        """Directions without curvature: those found in H and those of the loss.

        Returns
        -------
        ndarray of shape (n_parameters, n_directions)
            Columns of unit length, not orthogonal.
        """
        known = self.objective.invariant_directions()
        return np.hstack([self.factor.null_parameters, known])

    @cached_property
    def model_minimum(self) -> Array:
        """Minimum of the quadratic model of M, params - H^-1 gradient.

        Returns
        -------
        ndarray of shape (n_parameters,)
        """
        return self.params - self.factor.inverse @ self.gradient

    @cached_property
    def gauss_newton_factor(self) -> ScaledSpectrum:
        """Factorisation of G + L.

        Returns
        -------
        ScaledSpectrum
        """
        matrix = self.gauss_newton + self.penalty
        known = self.objective.invariant_directions()
        return ScaledSpectrum(matrix, self.basis, known, steps=self._steps)

    @cached_property
    def loss_factor(self) -> ScaledSpectrum:
        """Factorisation of G: what the data determine, whatever the penalty adds.

        Returns
        -------
        ScaledSpectrum
        """
        known = self.objective.invariant_directions(penalised=False)
        return ScaledSpectrum(self.gauss_newton, self.basis, known, steps=self._steps)

    @cached_property
    def whitened_factors(self) -> tuple[ScaledSpectrum, ScaledSpectrum]:
        """H and G of the net on whitened inputs, without the null directions of the loss.

        Returns
        -------
        tuple of two ScaledSpectrum
        """
        T, flat = self._whitening
        basis = self.basis
        if basis is not None:
            basis = np.linalg.qr(np.linalg.solve(T, basis))[0]
        known = self.objective.invariant_directions(penalised=False)
        known = orth(np.hstack([np.linalg.solve(T, known), flat]))
        steps = natural_steps(self.objective, whitened=True)
        H, G = (
            ScaledSpectrum(T.T @ matrix @ T, basis, known, steps=steps)
            for matrix in (self.hessian, self.gauss_newton)
        )
        return H, G

    @cached_property
    def _whitening(self) -> tuple[Array, Array]:
        return whitening(self.objective)

    @cached_property
    def null_by_inputs(self) -> bool:
        """Whether H has null directions only because inputs depend on each other.

        Returns
        -------
        bool
        """
        T, flat = self._whitening
        null = np.linalg.solve(T, self.factor.null_parameters)
        null = null / np.linalg.norm(null, axis=0)
        return bool((np.linalg.norm(null - flat @ (flat.T @ null), axis=0) < 1e-3).all())

    @cached_property
    def _steps(self) -> Array:
        """A step of each parameter that is of its size."""
        return natural_steps(self.objective)

    @property
    def free(self) -> Array:
        """Basis of the free directions; the identity without active constraints.

        Returns
        -------
        ndarray of shape (n_parameters, n_free)
        """
        return np.eye(self.objective.n_parameters) if self.basis is None else self.basis

    def held(self, rows: Array) -> Bools:
        """Which linear functions of the parameters active constraints hold at a value.

        Parameters
        ----------
        rows : ndarray of shape (q, n_parameters)
            Their coefficients.

        Returns
        -------
        ndarray of bool of shape (q,)
            True for those that cannot change.
        """
        if self.basis is None:
            return np.zeros(len(rows), dtype=bool)
        sizes = np.linalg.norm(rows, axis=1)
        return np.asarray(np.linalg.norm(rows @ self.basis, axis=1) <= 1e-10 * sizes)

    @property
    def n_rows(self) -> float:
        """Number of rows; with frequency weights their sum.

        Returns
        -------
        float
        """
        objective = self.objective
        counted = self.weight_type == "frequency" and not self.class_weights
        return float(objective.weight_sum) if counted else float(objective.n_samples)

    @property
    def n_entries(self) -> int:
        """Observations in a row: one per output, unless the outputs are one distribution.

        Returns
        -------
        int
        """
        return 1 if self.objective.loss.joint else self.objective.network.n_outputs

    @cached_property
    def effective_parameters(self) -> float:
        """Degrees of freedom of the fit, tr(H^-1 H0); without a penalty the rank of H.

        It is the sum of 1 - l over the eigenvalues l of H^-1 L, in which no term counts less than
        0: where the loss has negative curvature and only the penalty makes up for it, 1 - l would
        be negative without bound. See doc/statistics.md 3.4.

        Returns
        -------
        float
        """
        return self.factor.rank - float(np.minimum(self._taken, 1.0).sum())

    @cached_property
    def _taken(self) -> Array:
        """Eigenvalues of H^-1 L: the share of the penalty in the curvature of each direction."""
        if not self.penalty.any():
            return np.zeros(0)
        return self.factor.relative(self.penalty)

    @property
    def n_held_up(self) -> int:
        """Number of directions in which H0 has negative curvature and only the penalty holds.

        Returns
        -------
        int
        """
        # Of a direction in which H0 is nothing the penalty has all, but for rounding.
        rounding = len(self.params) * np.finfo(float).eps * min(self.factor.condition, 1e9)
        return int((self._taken > 1.0 + 1e-9 + rounding).sum())

    @property
    def n_identified(self) -> int:
        """Number of parameters less those that the loss or a constraint makes redundant.

        Returns
        -------
        int
        """
        known = self.objective.invariant_directions(penalised=False)
        return len(self.factor.eigenvalues) - inside(self.basis, known).shape[1]

    @property
    def df_resid(self) -> float:
        """Rows less effective parameters per output.

        Returns
        -------
        float
        """
        return self.n_rows - self.effective_parameters / self.n_entries

    @cached_property
    def rows(self) -> RowsAt:
        """The rows at the minimum, for what looks at single ones.

        Returns
        -------
        RowsAt

        Raises
        ------
        ValueError
            If they are in blocks, and never in memory together.
        """
        if isinstance(self.objective, BlockObjective):
            raise ValueError(
                "this looks at single rows, which are in blocks and not in memory together: make "
                "results of as many rows as fit the memory."
            )
        return RowsAt(self.objective, self.params, self.weight_type)

    def sum_over_rows(self, term: Term, *args: Any) -> Array:
        """The sum of a term over all rows, wherever they are.

        Parameters
        ----------
        term : callable
            As in :meth:`RowsAt.sum`.
        *args : object
            Further arguments.

        Returns
        -------
        ndarray
            The sum, of the shape that the term has.
        """
        f = self.objective
        if not isinstance(f, BlockObjective):
            return self.rows.sum(term, *args)
        point = f.network, f.loss, self.params, self.weight_type
        return np.asarray(sum(f.over_rows(sum_of_part, *point, term, *args)))

    @property
    def raw(self) -> Array:
        """Raw predictions of the rows.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
        """
        return self.rows.raw

    @cached_property
    def total_loss(self) -> float:
        """Sum D of the weighted losses.

        Returns
        -------
        float
        """
        return float(self.sum_over_rows(losses))

    @cached_property
    def constant_loss(self) -> float:
        """Sum of the weighted losses of the best constant, beside the offset.

        Returns
        -------
        float
        """
        return self.objective.weight_sum * self.objective.scale()

    @cached_property
    def dispersion(self) -> float:
        """Dispersion phi: Pearson statistic over n - df, or 1 where it is no parameter.

        Returns
        -------
        float
            NaN without a likelihood, or if no degrees of freedom are left.
        """
        objective = self.objective
        if not objective.loss.likelihood:
            return np.nan
        if not objective.loss.free_dispersion:
            return 1.0
        df = self.df_resid * self.n_entries
        if df <= 0:
            return np.nan
        return self.pearson / df

    @cached_property
    def pearson(self) -> float:
        """Weighted sum of the squared Pearson residuals.

        Returns
        -------
        float
        """
        return float(self.sum_over_rows(squared_pearson))

    @cached_property
    def residual_covariance(self) -> Array:
        """Covariance of the residuals of several outputs.

        Returns
        -------
        ndarray of shape (n_outputs, n_outputs)
        """
        return self.residual_products / self.df_resid

    @cached_property
    def residual_products(self) -> Array:
        """Weighted sums of products of the residuals of the outputs.

        Returns
        -------
        ndarray of shape (n_outputs, n_outputs)
        """
        return self.sum_over_rows(residual_products)

    @property
    def mean_residuals(self) -> Array:
        """Targets less predicted means.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
        """
        return self.rows.mean_residuals

    @property
    def mean_slopes(self) -> Array:
        """Derivative of each mean in its own raw prediction, 1 under an identity link.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
        """
        return self.rows.mean_slopes

    @cached_property
    def decrement(self) -> float:
        """Newton decrement in units of the likelihood, 1/2 g' H^-1 g / dispersion.

        It is the gain in log-likelihood of one more Newton step.

        Returns
        -------
        float
        """
        scale = self.dispersion if np.isfinite(self.dispersion) else 1.0
        gain = self.factor.gain(self.gradient)
        if self.weight_type == "sampling" or self.class_weights:
            scale *= float(self.objective.weight_sum) / self.objective.n_samples
        return gain / scale if scale > 0 else np.inf

    @property
    def jacobian(self) -> Array:
        """Derivatives of the raw predictions in the parameters.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs, n_parameters)
        """
        return self.rows.jacobian

    @property
    def loss_curvature(self) -> Array:
        """Second derivatives of the loss of each row in the raw predictions, as G has them.

        Behind an output activation h these are h' L'' h', which is never negative, without e h''.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs, n_outputs)
        """
        return self.rows.loss_curvature

    @cached_property
    def input_parameters(self) -> list[Ints] | None:
        """Parameters that leave each input.

        Returns
        -------
        list of ndarray of int, or None
            See :attr:`sknewtonnet.calculus.Network.feature_parameters`.
        """
        return self.objective.network.feature_parameters

    @property
    def residuals(self) -> Array:
        """Derivatives of the loss in the raw predictions.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
        """
        return self.rows.residuals

    @property
    def scores(self) -> Array:
        """Gradient of the loss of each row, without its weight.

        Returns
        -------
        ndarray of shape (n_samples, n_parameters)
        """
        return self.rows.scores

    @cached_property
    def mean_score(self) -> Array:
        """Weighted mean of the scores; not zero under a penalty.

        Returns
        -------
        ndarray of shape (n_parameters,)
        """
        slope = self.objective.penalty.gradient(self.params)
        return self.gradient / self.objective.weight_sum - slope

    def threads(self) -> AbstractContextManager[None]:
        """Context of work on the matrices: as many threads as are fastest.

        Returns
        -------
        contextlib.AbstractContextManager
            For a ``with`` statement.
        """
        return hessian_threads(self.objective.n_samples, self.objective.n_parameters)

    def products(self, rows: Array) -> Array:
        """Sum of products of rows with themselves: the covariance of their weighted sum.

        Frequency weights count once, other weights squared.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, k)
            Such as scores.

        Returns
        -------
        ndarray of shape (k, k)
            Symmetric, positive semidefinite.
        """
        return self.rows.sum(lambda at, where: at.products(where, rows[where]))

    @cached_property
    def centred_meat(self) -> Array:
        """Sum J_c of products of the centred scores; under a penalty they do not sum to zero.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
        """
        return self.sum_over_rows(score_products, self.mean_score)

    @cached_property
    def inputs(self) -> Moments:
        """Moments of the inputs.

        Returns
        -------
        Moments
        """
        return reduce(Moments.joined, self.objective.over_rows(_moments_of_inputs))

    def targets(self, *, left: bool = False) -> Moments:
        """The moments of the targets.

        Parameters
        ----------
        left : bool, default=False
            Whether to take an offset off them first.

        Returns
        -------
        Moments
            Weighted means, standard deviations and ranges.
        """
        return reduce(Moments.joined, self.objective.over_rows(_moments_of_targets, left))


def _moments_of_inputs(rows: Rows) -> Moments:
    return Moments.of(rows.X, rows.sample_weight)


def _moments_of_targets(rows: Rows, left: bool) -> Moments:
    Y = rows.Y - rows.offset if left and rows.offset is not None else rows.Y
    return Moments.of(Y, rows.sample_weight)
