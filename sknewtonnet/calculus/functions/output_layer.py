"""The last layer of a net, for what the rest of the net gives it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import LinAlgError
from scipy.linalg.lapack import dpotrf, dpotrs

from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.passes.chunk import Chunk
from sknewtonnet.calculus.pieces.losses import Loss
from sknewtonnet.calculus.pieces.penalties import PenaltySum


@dataclass
class _Columns:
    """Outputs whose coefficients solve equations of the same matrix."""

    rows: Ints
    outputs: Ints
    strength: Array
    factor: Array = field(default_factory=lambda: np.empty((0, 0)))


class LeastSquaresOutput:
    """The best output layer under squared error: a ridge regression on the last inputs z.

        V = argmin sum_i s_i/S 1/2 |V'z_i - y_i|^2 + 1/2 sum_p strength_p V_p^2

    Outputs that read the same inputs at the same strengths share one Cholesky factor. About
    n t^2 flops for t inputs.

    Parameters
    ----------
    network : Network
        The net; its last layer is linear.
    penalty : PenaltySum
        Penalties of its parameters.
    chunks : list of Chunk
        The data.
    """

    def __init__(self, network: Network, penalty: PenaltySum, chunks: Sequence[Chunk]):
        exists, strength = _last_layer(network, penalty)
        self._shape = exists.shape
        self._groups: list[_Columns] = []
        alike = np.vstack([exists, strength])
        for column in np.unique(alike, axis=1).T:
            outputs = np.flatnonzero((alike == column[:, None]).all(axis=0))
            rows = np.flatnonzero(exists[:, outputs[0]])
            self._groups.append(_Columns(rows, outputs, strength[rows, outputs[0]]))
        self._uniform = len(self._groups) == 1 and len(self._groups[0].rows) == len(exists)
        self._chunks = chunks
        self._targets = [chunk.weighed(chunk.y.T).T for chunk in chunks]
        self._equal = [bool((chunk.weight == chunk.weight[0]).all()) for chunk in chunks]

    def solve(self) -> Array:
        """The best parameters of the last layer, of shape (t, n_outputs).

        Raises
        ------
        LinAlgError
            If an input of the layer is not finite, or the inputs are dependent to the last
            digit and not penalised.
        """
        size = self._shape[0]
        gram, right = np.zeros((size, size)), np.zeros(self._shape)
        for chunk, targets, equal in zip(self._chunks, self._targets, self._equal, strict=True):
            z = chunk.z[-1]
            gram += chunk.weight[0] * (z @ z.T) if equal else chunk.weighed(z) @ z.T
            right += z @ targets
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
            where = np.ix_(group.rows, group.outputs)
            flat = columns[where].reshape(len(group.rows), -1)
            solved = dpotrs(group.factor, flat, lower=1)[0]
            divided[where] = solved.reshape(
                *solved.shape[:1], len(group.outputs), *columns.shape[2:]
            )
        return divided


def least_squares_output(
    network: Network, loss: Loss, penalty: PenaltySum, chunks: Sequence[Chunk]
) -> LeastSquaresOutput | None:
    """The problem of the last layer, if it is strictly convex and quadratic."""
    if not _is_ridge_regression(network, loss, penalty) or output_penalties(network, penalty):
        return None
    return LeastSquaresOutput(network, penalty, chunks)


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
    exists, strength = _last_layer(network, penalty)
    return bool((strength[:-1] > 0)[exists[:-1]].all())


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
                found.append(layout.restrict(full))
    return np.array(found).reshape(-1, network.n_parameters).T


def _last_layer(network: Network, penalty: PenaltySum | None) -> tuple[Bools, Array]:
    """Which parameters of the last layer exist, and the strengths of their ridge."""
    ridge = None if penalty is None else penalty.ridges
    strength = np.zeros(network.n_parameters) if ridge is None else ridge
    return network.exists[-1], network.matrices(strength)[-1]


def _last_arrays(network: Network) -> list[tuple[str, Ints]]:
    """Names of the arrays of the last layer, each with its rows of the layer's parameters."""
    rows = network._graph.unit_arrays[-1].values()
    names = [array.name for array in network.layout.arrays[-len(rows) :]]
    return list(zip(names, rows, strict=True))
