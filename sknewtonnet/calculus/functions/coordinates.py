"""Coordinates in which the parameters of a net can be compared, whatever the units of the data."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.functions.any_objective import AnyObjective
from sknewtonnet.calculus.functions.block_source import Rows
from sknewtonnet.calculus.pieces.gaussian import GaussianRBF
from sknewtonnet.calculus.pieces.loss import Loss
from sknewtonnet.calculus.pieces.moments import Moments, joined_lists

# Part of the largest variance that inputs on a unit scale have along a direction in which they do
# not vary: their standard deviation there is the root of it.
_COLLINEAR = 1e-14

# Spread of a column, over its largest value, that counts as none.
_VARIES = 1e-12


def natural_steps(objective: AnyObjective, *, whitened: bool = False) -> Array:
    """A step of each parameter that is of its size, whatever the units of inputs and targets.

    It changes the pre-activation of a hidden unit by about 1, and a raw prediction by about the
    spread of the targets (by 1, if the loss is not quadratic): a coefficient of an input changes
    by that over the size of the input, a centre of a radial unit by the spread of it.

    Parameters
    ----------
    objective : Objective or BlockObjective
        The net and its data.
    whitened : bool, default=False
        Whether the parameters are those on whitened inputs, which are all of size 1.

    Returns
    -------
    ndarray of shape (n_parameters,)
        Positive.
    """
    network = objective.network
    inputs_moments, targets = joined_lists(objective.over_rows(_moments))
    spreads = inputs_moments.spread
    sizes = np.hypot(inputs_moments.mean, spreads)
    # Of a constant column that was centred rounding is left.
    varies = spreads > _VARIES * inputs_moments.size
    sizes = np.where(varies, sizes, sizes.max(initial=0.0) or 1.0)
    spreads = np.where(varies, spreads, 1.0)
    steps = np.ones(network.n_parameters)
    for layer, linear, places in zip(
        network.layers, network.linear, network.positions, strict=True
    ):
        if layer is network.layers[-1] and linear:
            rows, outputs = np.nonzero(places >= 0)
            steps[places[rows, outputs]] = _raw_units(objective.loss, targets)[outputs]
        if 0 not in layer.sources or whitened:
            continue
        inputs = places[: network.n_features]  # node 0 is the first source
        if linear:
            unit = 1.0 / sizes
        elif isinstance(layer, GaussianRBF):
            unit = spreads
        else:
            continue
        rows, _ = np.nonzero(inputs >= 0)
        steps[inputs[inputs >= 0]] *= unit[rows]
    return steps


def _raw_units(loss: Loss, targets: Moments) -> Array:
    """What matters on the scale of each raw prediction."""
    if not loss.quadratic:
        return np.ones(len(targets.mean))
    return np.where(targets.spread > _VARIES * targets.size, targets.spread, 1.0)


def whitening(objective: AnyObjective) -> tuple[Array, Array]:
    """The matrix T with w = T v, for v the parameters of the net on whitened inputs.

    With x = m + C u, where C C' is the covariance of x, a layer W'x + b is (C'W)'u + (b + W'm).
    For a unit that reads some inputs only, these are whitened. Directions in which the inputs of
    a unit do not vary are left as they are: there the intercept makes up for any change of W. T is
    the identity for radial units, and for units that share parameters with others.

    Parameters
    ----------
    objective : Objective or BlockObjective
        The net and its data.

    Returns
    -------
    T : ndarray of shape (n_parameters, n_parameters)
        Regular.
    flat : ndarray of shape (n_parameters, n_flat)
        Directions of v along which inputs do not vary, so that the loss does not change.
    """
    network = objective.network
    columns, _ = joined_lists(objective.over_rows(_moments))
    mean, spread = columns.mean, columns.spread
    varies = spread > _VARIES * columns.size
    scale = np.where(varies, spread, np.inf)  # columns that do not vary correlate with none
    products = objective.over_rows(_products, mean, scale)
    correlation = sum(products, np.zeros((len(mean), len(mean)))) / objective.weight_sum
    scale = np.where(varies, spread, 1.0)
    shared = network.layout.n_entries > 1
    T, flat = np.eye(network.n_parameters), []
    for layer, linear, places in zip(
        network.layers, network.linear, network.positions, strict=True
    ):
        if not linear or 0 not in layer.sources:
            continue
        for unit in places.T:
            inputs = unit[: network.n_features]  # node 0 is the first source
            read = np.flatnonzero(inputs >= 0)
            if not read.size or shared[unit[unit >= 0]].any():
                continue
            own = inputs[read]
            values, vectors = eigh(correlation[np.ix_(read, read)])
            null = values <= _COLLINEAR * len(read) * max(float(values[-1]), 1.0)
            inverse = vectors / np.sqrt(np.where(null, 1.0, values)) / scale[read, None]
            T[np.ix_(own, own)] = inverse
            if unit[-1] >= 0:
                T[unit[-1], own] = -mean[read] @ inverse
                flat += [np.eye(network.n_parameters)[j] for j in own[null]]
            elif null.any():
                # Without an intercept only what is zero in each row does nothing.
                parts = objective.over_rows(_largest, read, inverse[:, null])
                nothing = np.max(list(parts), axis=0) <= 1e-7
                flat += [np.eye(network.n_parameters)[j] for j in own[null][nothing]]
    return T, np.array(flat).reshape(len(flat), network.n_parameters).T


def _moments(rows: Rows) -> list[Moments]:
    """Moments of the inputs and of the targets."""
    return [Moments.of(columns, rows.sample_weight) for columns in (rows.X, rows.Y)]


def _products(rows: Rows, mean: Array, scale: Array) -> Array:
    """Weighted sums of products of standardised inputs."""
    standard = (rows.X - mean) / scale
    return (standard * rows.sample_weight[:, None]).T @ standard


def _largest(rows: Rows, inputs: Ints, directions: Array) -> Array:
    """The largest magnitude of inputs along each direction."""
    return np.asarray(np.abs(rows.X[:, inputs] @ directions).max(axis=0))
