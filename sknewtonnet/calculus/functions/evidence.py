"""The evidence for strengths of a penalty, with its derivatives in their logarithms.

Laplace's method at a minimum ([Mac92a]; doc/mathematics.md 8), with two remedies: no direction
counts as curved downwards, and derivatives include how the Hessian moves with the minimum
(implicit differentiation, [Woo11]).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import eigh

from sknewtonnet._tables import Worded, counted
from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.functions.objective import Objective

# Eigenvalues below this share of the largest count as zero.
_SINGULAR = 1e-12
# Central differences: the errors of truncation and of rounding are then alike.
_STEP = np.finfo(float).eps ** (1.0 / 3.0)
# Curvature, as a share of the penalty's, that a minimum has at least when it moves: where a unit
# is about to vanish it would move without bound.
_LEAST = 1e-3


@dataclass(frozen=True, eq=False, repr=False)
class Evidence(Worded):
    """The evidence for strengths of groups of parameters, by Laplace's method, clipped.

    Parameters of group g are normal with mean 0 and variance phi / alpha_g, all others have a
    flat prior (U of them). With D the sum of the weighted losses, the minimum w of
    M = D + 1/2 sum_g alpha_g |w_g|^2, and Lambda the diagonal matrix of strengths,

        -log Z = M / phi + 1/2 sum_k log(1 + max(mu_k, 0)) + 1/2 log |D''_UU|
                 + 1/2 (N - U) log(2 pi phi)

    where mu are the eigenvalues of Lambda^-1/2 C Lambda^-1/2, C is the Schur complement of D''_UU
    in the Hessian D'', and N = S n_outputs counts observations, with S the sum of weights.
    Without the maximum the sum is log |H| - log |Lambda|, which falls without bound where the
    Hessian H of M is singular. The dispersion phi is 2 M / (N - U), which has the highest
    evidence; for likelihoods without a dispersion it is 1 and N is 0. A constant that only depends
    on the targets is left out; for squared errors there is none.

    Parameters
    ----------
    objective : Objective
        D / S: without the strengths. Further penalties of it count as part of D.
    groups : sequence of ndarray of int
        Positions in w of the parameters of each group. No parameter is in two of them.

    See Also
    --------
    Objective : The mean loss, whose sum is D.
    critical_point : Whether a point is the minimum that it presupposes.
    sknewtonnet.NewtonMLPRegressor :
        The estimator; ``alpha="ard"`` chooses strengths of highest evidence.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.stats import multivariate_normal
    >>> from sknewtonnet.calculus import Evidence, Network, Objective
    >>> X, y = np.array([[-1.0], [0.0], [1.0], [2.0]]), np.array([-1.0, 0.5, 0.5, 2.0])
    >>> no_intercept = {"intercepts_0": np.zeros(1, dtype=bool)}
    >>> f = Objective(Network.mlp(1, (), 1, connectivity=no_intercept), "squared_error", X, y)
    >>> w = y @ X / (X.T @ X + 2.0)[0]  # ridge regression with a strength of 2
    >>> found = Evidence(f, [np.array([0])]).at(w, np.array([2.0]))
    >>> covariance = found.dispersion * (np.eye(4) + X @ X.T / 2.0)
    >>> bool(np.isclose(found.value, -multivariate_normal(cov=covariance).logpdf(y)))
    True
    """

    objective: Objective
    groups: Sequence[Ints]

    def _in_words(self) -> str:
        return f"of {counted(len(self.groups), 'group')} of {self.objective!r}"

    def at(self, params: Array, strengths: Array) -> EvidenceAt:
        """The evidence for strengths, at their minimum.

        Parameters
        ----------
        params : ndarray of shape (n_parameters,)
            The minimum of D + 1/2 sum_g alpha_g |w_g|^2.
        strengths : ndarray of shape (n_groups,)
            The strengths alpha, positive.

        Returns
        -------
        EvidenceAt
            Value and derivatives.

        Notes
        -----
        One Hessian and its eigenvalues, n P^2 + 10 P^3 flops.
        """
        return EvidenceAt(self, params, strengths)

    @cached_property
    def group_of(self) -> Ints:
        """Number of the group of each parameter, -1 of none.

        Returns
        -------
        ndarray of int of shape (n_parameters,)
        """
        found = np.full(self.objective.n_parameters, -1)
        for number, places in enumerate(self.groups):
            found[places] = number
        return found


class EvidenceAt:
    """The evidence for strengths at one minimum; see :class:`Evidence`.

    Parameters
    ----------
    evidence : Evidence
        The loss and the groups.
    params : ndarray of shape (n_parameters,)
        The minimum for these strengths.
    strengths : ndarray of shape (n_groups,)
        alpha, positive.

    Attributes
    ----------
    squares : ndarray of shape (n_groups,)
        |w_g|^2 of each group.
    """

    def __init__(self, evidence: Evidence, params: Array, strengths: Array):
        self.objective, self.groups = evidence.objective, evidence.groups
        self.params, self.strengths = params, strengths
        self.squares = np.array([params[places] @ params[places] for places in self.groups])
        self._inside = np.flatnonzero(evidence.group_of >= 0)
        self._outside = np.flatnonzero(evidence.group_of < 0)
        self._group = evidence.group_of[self._inside]
        self._root = np.sqrt(strengths[self._group])
        weight_sum, loss = self.objective.weight_sum, self.objective.loss
        # A loss that is no likelihood has a scale as well.
        self._scaled = loss.free_dispersion or not loss.likelihood
        penalty = 0.5 * float(strengths @ self.squares)
        self._total = weight_sum * self.objective.value(params) + penalty
        self._decompose(weight_sum * self.objective.hessian(params))

    def _decompose(self, D: Array) -> None:
        """Eigenvalues of D'' in units of the strengths, when flat parameters follow the others."""
        p, u = self._inside, self._outside
        values, vectors = eigh(D[np.ix_(u, u)]) if len(u) else (np.empty(0), np.empty((0, 0)))
        known = values > _SINGULAR * values.max(initial=0.0)
        self._flat, flat = values[known], vectors[:, known]
        self._flat_inverse = (flat / self._flat) @ flat.T
        self._follow = self._flat_inverse @ D[np.ix_(u, p)]
        C = D[np.ix_(p, p)] - D[np.ix_(p, u)] @ self._follow
        self._mu, self._V = eigh(C / self._root / self._root[:, None])

    @property
    def _observed(self) -> float:
        """N - U, or -U where there is no dispersion."""
        n = self.objective.weight_sum * self.objective.network.n_outputs
        return max(n - len(self._flat), 1.0) if self._scaled else -float(len(self._flat))

    @property
    def dispersion(self) -> float:
        """The dispersion phi.

        Returns
        -------
        float
            2 M / (N - U), or 1 for a likelihood without a dispersion.
        """
        if not self._scaled:
            return 1.0
        return max(2.0 * self._total / self._observed, float(np.finfo(float).tiny))

    @property
    def value(self) -> float:
        """-log Z.

        Returns
        -------
        float
            Smaller is better.
        """
        volume = np.log1p(np.maximum(self._mu, 0.0)).sum() + np.log(self._flat).sum()
        scale = self._observed * np.log(2.0 * np.pi * self.dispersion)
        return float(self._total / self.dispersion + 0.5 * (volume + scale))

    @cached_property
    def gradient(self) -> Array:
        """Derivatives of -log Z in log alpha, along which the minimum moves.

        Returns
        -------
        ndarray of shape (n_groups,)
            Where some mu is 0, derivatives of one side.

        Notes
        -----
        Two Hessians for each group: derivatives of D'' along the minimum are central differences
        of exact Hessians, since losses have no third derivatives. They have about nine digits.
        """
        curved = self._mu > 0.0
        mu, V = self._mu[curved], self._V[:, curved]
        own = np.bincount(self._group, V**2 @ (mu / (1.0 + mu)), len(self.groups))
        penalty = self.strengths * self.squares / self.dispersion
        return 0.5 * (penalty - own) + self._implicit(mu, V)

    @cached_property
    def moves(self) -> Array:
        """Derivatives of the minimum in log alpha, dw = -H^-1 alpha_g w_g for each group.

        Returns
        -------
        ndarray of shape (n_parameters, n_groups)
            Shorter where H is almost singular, which a minimum leaves at once.
        """
        w = self.params[self._inside]
        force = np.zeros((len(w), len(self.groups)))
        force[np.arange(len(w)), self._group] = -self._root * w  # Lambda^-1/2 alpha w
        # Among the grouped parameters H^-1 is Lambda^-1/2 (I + mu)^-1 Lambda^-1/2.
        moved = self._V @ ((self._V.T @ force) / np.maximum(1.0 + self._mu, _LEAST)[:, None])
        return self._extended(moved / self._root[:, None])

    def _implicit(self, mu: Array, V: Array) -> Array:
        """Derivatives tr(A dD'') of the volume, along the moves of the minimum.

        A Schur complement moves by X' dD'' X, where X is the congruence that makes it.
        """
        X = self._extended(V / self._root[:, None] / np.sqrt(1.0 + mu))
        A = 0.5 * X @ X.T
        A[np.ix_(self._outside, self._outside)] += 0.5 * self._flat_inverse
        return np.array([self._bend(A, move) for move in self.moves.T])

    def _extended(self, columns: Array) -> Array:
        """Directions of all parameters, from those of the grouped ones that the others follow."""
        found = np.empty((self.objective.n_parameters, columns.shape[1]))
        found[self._inside], found[self._outside] = columns, -self._follow @ columns
        return found

    def _bend(self, A: Array, move: Array) -> float:
        """tr(A dD'') along a direction."""
        length = float(np.linalg.norm(move))
        if length == 0.0:
            return 0.0
        h = _STEP * max(float(np.linalg.norm(self.params)), 1.0) / length
        ends = [self.objective.hessian(self.params + sign * h * move) for sign in (1.0, -1.0)]
        return self.objective.weight_sum * float(np.sum(A * (ends[0] - ends[1]))) / (2.0 * h)
