"""Where a radial basis network starts: centres, widths, and a solved output layer.

All of it depends on the weighted distribution of the rows alone: neither their order nor
whether a row is repeated or weighted matters. Moving or rotating the inputs moves or rotates
the start, unless rows are equally far from the mean (as on a grid), whose order it may change.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.cluster import KMeans

from sknewtonnet._threads import one_thread
from sknewtonnet._typing import Array
from sknewtonnet.calculus import Loss, Network
from sknewtonnet.calculus.pieces.bumps import neighbour_widths
from sknewtonnet.calculus.pieces.moments import Moments
from sknewtonnet.calculus.pieces.penalties import l2_penalty
from sknewtonnet.calculus.pieces.radial import RadialLayer
from sknewtonnet.estimators._best_constant import mean_prediction
from sknewtonnet.estimators._data import Data, Table, merged
from sknewtonnet.estimators._starts import random_weights
from sknewtonnet.solvers import get_solver

# If squares of the inputs overflow, the objective says that it is not finite at the start.
_may_overflow = np.errstate(all="ignore")


@dataclass(frozen=True)
class DistinctRows:
    """The distinct rows of a table in an order of their own, with their weights.

    Parameters
    ----------
    X : ndarray of shape (n_distinct, n_features)
        Rows by their distance from the weighted mean.
    sample_weight : ndarray of shape (n_distinct,)
        Sums of the weights of equal rows.
    """

    X: Array
    sample_weight: Array

    @classmethod
    @_may_overflow
    def of(cls, data: Data) -> DistinctRows:
        """Merge the equal rows of a table."""
        counts = data.sample_weight > 0  # a class weight may be zero
        rows, weight = merged(data.X[counts], data.sample_weight[counts])
        mean = np.average(rows, axis=0, weights=weight)
        order = np.argsort(((rows - mean) ** 2).sum(axis=1), kind="stable")
        return cls(rows[order], weight[order])


def place_centers(
    rows: DistinctRows, n_centers: int, random_state: np.random.RandomState
) -> Array:
    """Centres by weighted k-means (greedy k-means++, then Lloyd's iterations).

    If there are fewer rows, as in a part of the data, the centres that are left over are drawn
    from a normal distribution with the mean and the standard deviations of the rows.

    Parameters
    ----------
    rows : DistinctRows
        The rows.
    n_centers : int
        Number of centres.
    random_state : RandomState
        Source of the random numbers of k-means++.

    Returns
    -------
    ndarray of shape (n_centers, n_features)
        Distinct centres, unless all rows are one.
    """
    n_more = n_centers - len(rows.X)
    if n_more >= 0:
        moments = Moments.of(rows.X, rows.sample_weight)
        drawn = random_state.standard_normal((n_more, rows.X.shape[1]))
        return np.vstack([rows.X, moments.mean + moments.width * drawn])
    means = KMeans(n_centers, n_init=1, random_state=random_state, algorithm="lloyd")
    with one_thread(), one_thread("openmp"):  # sums then do not depend on the machine
        found: Array = means.fit(rows.X, sample_weight=rows.sample_weight).cluster_centers_
    return found


def solved_output(
    network: Network,
    loss: Loss,
    data: Table,
    alpha: Any,
    arrays: dict[str, Array],
) -> dict[str, Array]:
    """Put the minimum over the output layer alone into the arrays of a net.

    Least squares for squared error, else Newton's method, which is iteratively reweighted
    least squares, within a trust region. The objective is convex in the output layer.

    Parameters
    ----------
    network : Network
        The net, with a linear last layer.
    loss : Loss
        Its loss.
    data : Table
        The rows.
    alpha : float, sequence of float, or dict
        Penalty, as the estimators take it.
    arrays : dict of str to ndarray
        All arrays of the net; those of the output layer are replaced.

    Returns
    -------
    dict of str to ndarray
        A constant prediction where the objective of the output layer is not finite.
    """
    layout = network.layout
    last = sum(network.linear) - 1
    output = {f"coefs_{last}": "coefs_0", f"intercepts_{last}": "intercepts_0"}
    read = data.with_inputs(_ReadByOutput(network, layout.pack(arrays)))
    n_read = len(read.inputs.mean)
    exists, ties = layout.masks(), layout.ties
    linear = Network.mlp(
        n_read,
        (),
        network.n_outputs,
        connectivity={there: exists[here] for here, there in output.items()},
        tied=None if ties is None else {there: ties[here] for here, there in output.items()},
    )
    strength = layout.unpack(l2_penalty(layout, alpha).strength)
    strengths = {there: strength[here] for here, there in output.items()}
    objective = read.objective(linear, loss, strengths)
    start = linear.layout.pack(
        {
            "coefs_0": np.zeros((n_read, network.n_outputs)),
            "intercepts_0": mean_prediction(loss, data),
        }
    )
    if objective.is_finite(start):
        solver = get_solver("newton", tol=1e-8, max_iter=50, options={"initial_trust_radius": 1e3})
        start = solver.minimize(objective, start).params
    solved = linear.layout.unpack(start)
    return arrays | {here: solved[there] for here, there in output.items()}


@dataclass(frozen=True, eq=False)
class _ReadByOutput:
    """What the output layer reads, from the samples."""

    network: Network
    params: Array

    def __call__(self, X: Array) -> Array:
        states = self.network.states(self.params, X)
        return np.hstack([states[node] for node in self.network.layers[-1].sources])


def _shared(
    network: Network, arrays: dict[str, Array], radial: Collection[str]
) -> dict[str, Array]:
    """Arrays whose entries keep the ties: means of the radial ones, of logarithms of widths."""
    last = sum(network.linear) - 1
    layout = network.layout
    unknown = [f"coefs_{last}", f"intercepts_{last}"]
    full = layout.flat(arrays | {name: np.zeros(layout.shapes[name]) for name in unknown})
    first, mean = layout.unpack(layout.restrict(full)), layout.unpack(layout.mean(full))
    return first | {name: mean[name] for name in radial}


@_may_overflow
def radial_parameters(
    network: Network,
    loss: Loss,
    data: Table,
    alpha: Any,
    random_state: np.random.RandomState,
) -> Array:
    """Start of a radial basis network.

    Centres by k-means, round units with widths by neighbour distances, random hidden layers
    after them, and the output layer at its minimum.

    Parameters
    ----------
    network : Network
        The net, whose first layer is radial.
    loss : Loss
        Its loss.
    data : Table
        The rows.
    alpha : float, sequence of float, or dict
        Penalty, as the estimators take it.
    random_state : RandomState
        Source of the random numbers.

    Returns
    -------
    ndarray of shape (n_parameters,)
    """
    rows = DistinctRows.of(data.in_memory)
    arrays: dict[str, Array] = random_weights(network, random_state)
    n_centers = network.node_sizes[1]
    centers = place_centers(rows, n_centers, random_state)
    widest = float(np.linalg.norm(data.inputs.width)) or 1.0  # 1 for a single distinct row
    layer = network.layers[0]
    assert isinstance(layer, RadialLayer), "the first layer is radial"
    theta = layer.round_units(centers, neighbour_widths(centers, widest))
    radial = layer.arrays_of(theta, network.n_features)
    arrays |= radial
    if network.layout.has_ties:
        arrays = _shared(network, arrays, radial)
    return network.layout.pack(solved_output(network, loss, data, alpha, arrays))
