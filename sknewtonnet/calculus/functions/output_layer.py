"""The last layer of a net, for what the rest of the net gives it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import LinAlgError, eigh, null_space, orth
from scipy.linalg.lapack import dpotrf, dpotrs

from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.functions.output_sums import OutputSums
from sknewtonnet.calculus.pieces.loss import Loss
from sknewtonnet.calculus.pieces.penalties import PenaltySum

# Newton steps for an output layer, halvings of each, and the most parameters it may have.
_MAX_NEWTON, _MAX_HALVINGS, _MAX_SIZE = 50, 30, 500
_ROUNDING = 1e-15


@dataclass
class _Columns:
    """Outputs whose coefficients solve equations of the same matrix."""

    rows: Ints
    outputs: Ints
    strength: Array
    factor: Array = field(default_factory=lambda: np.empty((0, 0)))


class LeastSquaresOutput:
    """The best output layer under squared error: a ridge regression on the last inputs z.

        V = argmin sum_i s_i/S 1/2 |V'z_i + offset_i - y_i|^2 + 1/2 sum_p strength_p V_p^2

    Outputs that read the same inputs at the same strengths share one Cholesky factor. About
    n t^2 flops for t inputs.

    Parameters
    ----------
    network : Network
        The net; its last layer is linear.
    penalty : PenaltySum
        Penalties of its parameters.
    """

    def __init__(self, network: Network, penalty: PenaltySum):
        exists, strength = _last_layer(network, penalty)
        self._shape = exists.shape
        self._groups: list[_Columns] = []
        alike = np.vstack([exists, strength])
        for column in np.unique(alike, axis=1).T:
            outputs = np.flatnonzero((alike == column[:, None]).all(axis=0))
            rows = np.flatnonzero(exists[:, outputs[0]])
            self._groups.append(_Columns(rows, outputs, strength[rows, outputs[0]]))
        self._uniform = len(self._groups) == 1 and len(self._groups[0].rows) == len(exists)

    def solve(self, sums: OutputSums) -> Array:
        """The best parameters of the last layer, of shape (t, n_outputs).

        Parameters
        ----------
        sums : OutputSums
            Over the rows, at the hidden layers.

        Returns
        -------
        ndarray of shape (t, n_outputs)

        Raises
        ------
        LinAlgError
            If an input of the layer is not finite, or the inputs are dependent to the last
            digit and not penalised.
        """
        gram, right = sums.gram()
        if not np.isfinite(gram).all():
            raise LinAlgError("the inputs of the last layer are not finite")
        for group in self._groups:
            matrix = gram if self._uniform else gram[np.ix_(group.rows, group.rows)]
            matrix.ravel()[:: len(matrix) + 1] += group.strength
            group.factor, info = dpotrf(matrix, lower=1, clean=0)
            if info != 0:
                raise LinAlgError("the inputs of the last layer are linearly dependent")
        return self.divide(right)

    def divide(self, columns: Array) -> Array:
        """Inverse Hessian of the last layer, at the last solution, times (t, n_outputs, ...)."""
        if self._uniform:
            flat = columns.reshape(len(columns), -1)
            return dpotrs(self._groups[0].factor, flat, lower=1)[0].reshape(columns.shape)
        divided = np.zeros_like(columns)
        for group in self._groups:
            if not len(group.rows):
                continue  # an output of nothing
            where = np.ix_(group.rows, group.outputs)
            flat = columns[where].reshape(len(group.rows), -1)
            solved = dpotrs(group.factor, flat, lower=1)[0]
            divided[where] = solved.reshape(
                *solved.shape[:1], len(group.outputs), *columns.shape[2:]
            )
        return divided


class ConvexOutput:
    """The best output layer under any convex loss, penalised or not, by Newton's method.

        V = argmin sum_i s_i/S loss(y_i, V'z_i + offset_i) + 1/2 sum_p strength_p V_p^2

    Columns of z may be nearly dependent: directions whose curvature, relative to that of the
    single parameters, is rounding do not move. About n t^2 m^2 flops for t inputs and m outputs,
    and 10 (t m)^3, for each of some five iterations.

    Parameters
    ----------
    network, penalty
        As of :class:`LeastSquaresOutput`.
    start : ndarray of shape (t, n_outputs)
        Where to begin; later each solution begins where the last one ended.
    """

    def __init__(self, network: Network, penalty: PenaltySum, start: Array):
        exists, strength = _last_layer(network, penalty)
        self._there = np.flatnonzero(exists.ravel())
        self._strength = strength.ravel()[self._there]
        self._solution = start.copy()
        self._inverse = np.empty((0, 0))

    def solve(self, sums: OutputSums) -> Array:
        """The best parameters of the last layer, of shape (t, n_outputs).

        Parameters
        ----------
        sums : OutputSums
            Over the rows, at the hidden layers.

        Returns
        -------
        ndarray of shape (t, n_outputs)

        Raises
        ------
        LinAlgError
            If there is no finite solution, such as for classes that z tells apart.
        """
        V = self._solution.copy()
        value, decrement = self._value(sums, V), np.inf
        for _ in range(_MAX_NEWTON):
            gradient, H = self._derivatives(sums, V)
            self._inverse = _pseudo_inverse(H)
            step = -self._inverse @ gradient
            before, decrement = decrement, -0.5 * float(gradient @ step)
            if not np.isfinite(decrement):
                raise LinAlgError("the output layer has no finite solution")
            if decrement <= _ROUNDING * abs(value) and decrement >= 0.25 * before:
                break  # as far as rounding lets Newton's method converge
            V, value = self._moved(sums, V, value, step)
        if decrement > 1e-12 * abs(value):
            raise LinAlgError("the output layer has no finite solution")
        self._solution = V
        return V.copy()

    def divide(self, columns: Array) -> Array:
        """Inverse Hessian of the last layer, at the last solution, times (t, n_outputs, ...)."""
        flat = columns.reshape(self._solution.size, -1)
        divided = np.zeros_like(flat)
        divided[self._there] = self._inverse @ flat[self._there]
        return divided.reshape(columns.shape)

    def _moved(self, sums: OutputSums, V: Array, value: float, step: Array) -> tuple[Array, float]:
        """The point after a step, halved until the value falls; f may round near the minimum."""
        for _ in range(_MAX_HALVINGS):
            trial = V.copy()
            trial.ravel()[self._there] += step
            there = self._value(sums, trial)
            if there <= value + _ROUNDING * abs(value):
                return trial, there
            step = 0.5 * step
        raise LinAlgError("the output layer has no finite solution")

    def _value(self, sums: OutputSums, V: Array) -> float:
        return 0.5 * float(self._strength @ V.ravel()[self._there] ** 2) + sums.value(V)

    def _derivatives(self, sums: OutputSums, V: Array) -> tuple[Array, Array]:
        """Gradient and Hessian in the parameters that exist."""
        there, (gradient, H) = self._there, sums.derivatives(V)
        matrix = H.reshape(V.size, V.size)[np.ix_(there, there)]
        matrix[np.diag_indices_from(matrix)] += self._strength
        return gradient.ravel()[there] + self._strength * V.ravel()[there], matrix


def _pseudo_inverse(H: Array) -> Array:
    """Of a semi-definite matrix, at unit diagonal; eigenvalues that are rounding count as zero."""
    diagonal = H.diagonal()
    if not np.isfinite(H).all():
        raise LinAlgError("the output layer has no finite curvature")
    scale = np.where(diagonal > 0.0, 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0)), 0.0)
    values, vectors = eigh(scale[:, None] * H * scale)
    largest = max(float(values[-1]), 0.0)
    if values[0] < -1e-6 * largest:
        raise LinAlgError("the output layer is no convex problem")
    # A negative eigenvalue shows how large rounding is, where columns nearly cancel.
    nothing = max(len(H) * float(np.finfo(float).eps) * largest, -2.0 * float(values[0]))
    inverse = np.where(values > nothing, 1.0 / np.where(values > nothing, values, 1.0), 0.0)
    scaled = scale[:, None] * vectors
    return np.asarray((scaled * inverse) @ scaled.T)


def convex_output(
    network: Network, loss: Loss, penalty: PenaltySum, w: Array
) -> ConvexOutput | None:
    """The problem of the last layer, if it is linear and has no other penalty than a ridge."""
    size = int(network.exists[-1].sum())
    if len(network.layers) == 1 or not network.linear[-1] or size > _MAX_SIZE or not loss.convex:
        return None
    if shares_output(network) or output_penalties(network, penalty):
        return None
    return ConvexOutput(network, penalty, network.matrices(w)[-1])


def least_squares_output(
    network: Network, loss: Loss, penalty: PenaltySum
) -> LeastSquaresOutput | None:
    """The problem of the last layer, if it is strictly convex and quadratic."""
    if not _is_ridge_regression(network, loss, penalty) or output_penalties(network, penalty):
        return None
    return LeastSquaresOutput(network, penalty)


def why_not_reduced(network: Network, loss: Loss, penalty: PenaltySum) -> str:
    """Which penalties alone stand in the way of that, in words; "" if none does."""
    found = output_penalties(network, penalty)
    if not found or not _is_ridge_regression(network, loss, penalty):
        return ""
    return (
        f"the output layer is not solved for, since {' and '.join(found)} may depend on it and "
        "is no ridge (see Penalty.depends_on)"
    )


def output_penalties(network: Network, penalty: PenaltySum) -> list[str]:
    """Names of the penalties of the last layer that are no ridges."""
    parts = [part for name, _ in _last_arrays(network) for part in penalty.beside_ridge(name)]
    return sorted({type(part).__name__ for part in parts})


def _is_ridge_regression(network: Network, loss: Loss, penalty: PenaltySum) -> bool:
    """Whether the last layer's problem is one, but for other penalties of that layer."""
    if not (loss.quadratic and network.linear[-1] and len(network.layers) > 1):
        return False
    if shares_output(network):
        return False
    exists, strength = _last_layer(network, penalty)
    return bool((strength[:-1] > 0)[exists[:-1]].all())


def shares_output(network: Network) -> bool:
    """Whether a parameter of the last layer has several entries, there or in other layers."""
    places = network.positions[-1]
    return bool((network.layout.n_entries[places[places >= 0]] > 1).any())


def invariant_directions(network: Network, penalty: PenaltySum | None) -> Array:
    """Directions of the last layer that move all its outputs together and cost nothing.

    Returns
    -------
    ndarray of shape (n_parameters, n_directions)
        Orthonormal columns.
    """
    layout = network.layout
    found = []
    if network.linear[-1]:
        exists, strength = _last_layer(network, penalty)
        penalised: Bools = np.asarray(strength.any(axis=1))
        for name, rows in _last_arrays(network):
            if penalty is not None and penalty.beside_ridge(name):
                penalised[rows] = True
        for row, present in enumerate(exists):
            if present.all() and not penalised[row]:
                full = np.zeros(layout.n_full)
                network.by_layer(full)[-1][row] = 1.0 / np.sqrt(network.n_outputs)
                found.append(full)
    columns = np.array(found).reshape(-1, layout.n_full).T
    return _keeping_ties(network, columns) if layout.has_ties else layout.restrict(columns)


def _keeping_ties(network: Network, columns: Array) -> Array:
    """Directions of w that move the entries by some sum of orthonormal columns."""
    layout = network.layout
    moved = layout.expand(layout.restrict(columns))
    found = layout.restrict(columns @ null_space(moved - columns)) if columns.size else columns
    return orth(found) if found.size else np.empty((network.n_parameters, 0))


def _last_layer(network: Network, penalty: PenaltySum | None) -> tuple[Bools, Array]:
    """Which parameters of the last layer exist, and the strengths of their ridge."""
    ridge = None if penalty is None else penalty.ridges
    strength = np.zeros(network.n_parameters) if ridge is None else ridge
    return network.exists[-1], network.matrices(strength)[-1]


def _last_arrays(network: Network) -> list[tuple[str, Ints]]:
    """Names of the arrays of the last layer, each with its rows of the layer's parameters."""
    rows = network._graph.unit_arrays[-1].values()
    arrays = network.layout.arrays
    names = [array.name for array in arrays[len(arrays) - len(rows) :]]
    return list(zip(names, rows, strict=True))
