"""The information in a sample at a minimum: curvatures, counts, dispersion, scores."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import LinAlgError, cholesky, null_space, solve_triangular

from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus import CriticalPoint, Objective, critical_point
from sknewtonnet.inference._scaled_spectrum import ScaledSpectrum, inside


def whitening(objective: Objective) -> Array:
    """The matrix T with w = T v, for v the parameters of the net on whitened inputs.

    With x = m + C u, C C' the covariance of x, a layer W'x + b is (C'W)'u + (b + W'm). Of a
    unit that does not read all inputs the ones it reads are whitened. The identity where inputs
    are collinear, and for radial units.
    """
    network = objective.network
    X, weight = objective.samples, objective.sample_weight
    mean = weight @ X / weight.sum()
    centred = X - mean
    spread = (centred * weight[:, None]).T @ centred / weight.sum()
    T = np.eye(network.n_parameters)
    for layer, linear, places in zip(
        network.layers, network.linear, network.positions, strict=True
    ):
        if not linear or 0 not in layer.sources:
            continue
        for unit in places.T:
            inputs = unit[: network.n_features]  # node 0 is the first source
            read = np.flatnonzero(inputs >= 0)
            if not read.size:
                continue
            try:
                C = cholesky(spread[np.ix_(read, read)], lower=True)
            except LinAlgError:
                return np.eye(network.n_parameters)
            own = inputs[read]
            inverse = solve_triangular(C, np.eye(len(read)), lower=True)
            T[np.ix_(own, own)] = inverse.T
            if unit[-1] >= 0:
                T[unit[-1], own] = -mean[read] @ inverse.T
    return T


WEIGHT_TYPES = ("frequency", "precision", "sampling")


@dataclass(frozen=True, eq=False)
class Information:
    """An objective at a minimum, in sums over rows: M = S f = D + P.

        H = H0 + L = second derivatives of M;  G = Gauss-Newton matrix of D;  S = sum of weights

    Each matrix is formed and factorised once, when it is first asked for.

    Parameters
    ----------
    objective : Objective
        The function f that was minimised, on its data.
    params : ndarray of shape (n_parameters,)
        The minimum.
    active : ndarray of shape (n_active, n_parameters) or None
        Rows of constraints that hold the minimum back; all is done on their null space.
    weight_type : {"frequency", "precision", "sampling"}
        What a sample weight s means: s equal rows; a variance of dispersion / s; or a row that
        stands for s of a population.
    class_weights : bool
        Whether weights of classes are in the weights, which then do not count rows.
    converged : bool
        False if the run that ended here knows that the conditions of first order do not hold.
    tight : ndarray of shape (n_tight, n_parameters) or None
        Rows of all constraints that hold with equality, those of ``active`` among them.
    """

    objective: Objective
    params: Array
    active: Array | None = None
    weight_type: str = "frequency"
    class_weights: bool = False
    converged: bool = True
    tight: Array | None = None

    @property
    def is_likelihood(self) -> bool:
        """Whether the objective, but for the penalty, is a log-likelihood over a dispersion."""
        likelihood = self.objective.loss.likelihood
        return likelihood and self.weight_type != "sampling" and not self.class_weights

    @cached_property
    def basis(self) -> Array | None:
        """Orthonormal directions that the active constraints leave; None for all."""
        if self.active is None or not len(self.active):
            return None
        return null_space(self.active)

    @cached_property
    def penalty(self) -> Array:
        """The matrix L."""
        objective = self.objective
        return objective.weight_sum * objective.penalty.hessian(self.params)

    @property
    def penalised(self) -> bool:
        """Whether there is any penalty."""
        return bool(self.penalty_acts_on.any() or self.objective.kinks(self.params))

    @cached_property
    def penalty_acts_on(self) -> Bools:
        """Parameters in which the penalty has a derivative that is not zero."""
        slope = self.objective.penalty.gradient(self.params)
        return np.asarray(self.penalty.any(axis=1) | (slope != 0))

    @cached_property
    def gradient(self) -> Array:
        """Gradient of M."""
        return self.objective.weight_sum * self.objective.gradient(self.params)

    @cached_property
    def critical_point(self) -> CriticalPoint:
        """The verdict on the point: the one that ``critical_point_`` of an estimator tells."""
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
        """H."""
        return self.objective.weight_sum * self.objective.hessian(self.params)

    @cached_property
    def gauss_newton(self) -> Array:
        """G, without the penalty."""
        G = self.objective.weight_sum * self.objective.hessian(self.params, "gauss-newton")
        return G - self.penalty

    @cached_property
    def factor(self) -> ScaledSpectrum:
        """Factorisation of H; what is negative in it is as much below zero as the verdict says."""
        known = self.objective.invariant_directions()
        noise = self.objective.weight_sum * self.critical_point.noise
        return ScaledSpectrum(self.hessian, self.basis, known, noise)

    @cached_property
    def gauss_newton_factor(self) -> ScaledSpectrum:
        """Factorisation of G + L."""
        matrix = self.gauss_newton + self.penalty
        return ScaledSpectrum(matrix, self.basis, self.objective.invariant_directions())

    @cached_property
    def whitened_factors(self) -> tuple[ScaledSpectrum, ScaledSpectrum]:
        """H and G of the net on whitened inputs, without directions that the loss does not see."""
        T = whitening(self.objective)
        basis = self.basis
        if basis is not None:
            basis = np.linalg.qr(np.linalg.solve(T, basis))[0]
        known = self.objective.invariant_directions(penalised=False)
        known = np.linalg.qr(np.linalg.solve(T, known))[0]
        H, G = (
            ScaledSpectrum(T.T @ matrix @ T, basis, known)
            for matrix in (self.hessian, self.gauss_newton)
        )
        return H, G

    @property
    def free(self) -> Array:
        """The same as a matrix, whether there are active constraints or not."""
        return np.eye(self.objective.n_parameters) if self.basis is None else self.basis

    def held(self, rows: Array) -> Bools:
        """Which linear functions of the parameters active constraints hold at a value."""
        if self.basis is None:
            return np.zeros(len(rows), dtype=bool)
        sizes = np.linalg.norm(rows, axis=1)
        return np.asarray(np.linalg.norm(rows @ self.basis, axis=1) <= 1e-10 * sizes)

    @property
    def n_rows(self) -> float:
        """Number of rows: with frequency weights their sum."""
        objective = self.objective
        counted = self.weight_type == "frequency" and not self.class_weights
        return float(objective.weight_sum) if counted else float(objective.n_samples)

    @property
    def n_entries(self) -> int:
        """Observations in a row: one per output, unless the outputs are one distribution."""
        return 1 if self.objective.loss.shift_invariant else self.objective.network.n_outputs

    @cached_property
    def effective_parameters(self) -> float:
        """Degrees of freedom of the fit, tr(H^-1 H0); without a penalty the rank of H.

        See doc/statistics.md 3.4. The sum of 1 - l over the eigenvalues l of H^-1 L, none of which
        may count less than nothing: where the data bend the objective down and the penalty alone
        holds it up, 1 - l is negative without bound.
        """
        return self.factor.rank - float(np.minimum(self._taken, 1.0).sum())

    @cached_property
    def _taken(self) -> Array:
        """Eigenvalues of H^-1 L: what the penalty takes of each direction."""
        if not self.penalty.any():
            return np.zeros(0)
        return self.factor.relative(self.penalty)

    @property
    def n_held_up(self) -> int:
        """Directions in which H0 has negative curvature, so that only the penalty holds."""
        return int((self._taken > 1.0 + 1e-9).sum())

    @property
    def n_identified(self) -> int:
        """Parameters less those that the form of the loss or a constraint makes redundant."""
        known = self.objective.invariant_directions(penalised=False)
        return len(self.factor.eigenvalues) - inside(self.basis, known).shape[1]

    @property
    def df_resid(self) -> float:
        """Rows less effective parameters per output."""
        return self.n_rows - self.effective_parameters / self.n_entries

    @cached_property
    def raw(self) -> Array:
        """Raw predictions of the rows."""
        return self.objective.raw_predictions(self.params)

    @cached_property
    def total_loss(self) -> float:
        """Sum of the weighted losses, D."""
        losses = self.objective.loss.value(self.objective.targets, self.raw)
        return float(self.objective.sample_weight @ losses)

    @cached_property
    def dispersion(self) -> float:
        """Pearson statistic over n - df, or 1 where it is no parameter; NaN if undefined."""
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
        """Weighted sum of the squared Pearson residuals."""
        squares = self.objective.loss.squared_pearson(self.objective.targets, self.raw)
        return float(self.objective.sample_weight @ squares.sum(axis=1))

    @cached_property
    def residual_covariance(self) -> Array:
        """Covariance of the residuals of several outputs, of shape (n_outputs, n_outputs)."""
        residual = self.objective.targets - self.raw
        return (residual * self.objective.sample_weight[:, None]).T @ residual / self.df_resid

    @cached_property
    def decrement(self) -> float:
        """Newton decrement in units of the likelihood, 1/2 g' H^-1 g / dispersion.

        What a Newton step would still gain of the log-likelihood.
        """
        scale = self.dispersion if np.isfinite(self.dispersion) else 1.0
        gain = self.factor.gain(self.gradient)
        if self.weight_type == "sampling" or self.class_weights:
            scale *= float(self.objective.weight_sum) / self.objective.n_samples
        return gain / scale if scale > 0 else np.inf

    @cached_property
    def jacobian(self) -> Array:
        """Derivatives of the raw predictions, of shape (n_samples, n_outputs, n_parameters)."""
        return self.objective.jacobian(self.params)

    @cached_property
    def loss_curvature(self) -> Array:
        """Second derivatives of the loss, of shape (n_samples, n_outputs, n_outputs)."""
        found = self.objective.loss.derivatives(self.objective.targets, self.raw, 2)[2]
        return found if found.ndim == 3 else found[:, :, None] * np.eye(found.shape[1])

    @cached_property
    def input_parameters(self) -> list[Ints] | None:
        """See :attr:`sknewtonnet.calculus.Network.feature_parameters`."""
        return self.objective.network.feature_parameters

    @cached_property
    def residuals(self) -> Array:
        """Derivatives of the loss in the raw predictions, of shape (n_samples, n_outputs)."""
        return self.objective.loss.derivatives(self.objective.targets, self.raw, 1)[1]

    @cached_property
    def scores(self) -> Array:
        """Gradient of the loss of each row, without its weight."""
        return self.objective.scores(self.params)

    @cached_property
    def mean_score(self) -> Array:
        """Weighted mean of the scores: not zero under a penalty."""
        weight = self.objective.sample_weight
        return weight @ self.scores / weight.sum()

    def products(self, rows: Array) -> Array:
        """Sum of products of rows with themselves: covariance of their weighted sum.

        Weights count once for equal rows (frequency), else squared.
        """
        power = 0.5 if self.weight_type == "frequency" else 1.0
        weighed = rows * (self.objective.sample_weight**power)[:, None]
        return weighed.T @ weighed

    @cached_property
    def centred_meat(self) -> Array:
        """Sum of products of the scores, centred: with a penalty they do not sum to zero."""
        return self.products(self.scores - self.mean_score)
