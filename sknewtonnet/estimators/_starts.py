"""Where a fit starts: random weights, scaled or solved output layers.

Only weighted means of the data enter: a row twice and a row of weight two give the same start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import Layer, Network
from sknewtonnet.estimators._best_constant import mean_prediction
from sknewtonnet.estimators._data import ConstantLoss, Data, LossAt, Table
from sknewtonnet.estimators._fit import Problem

# A start whose mean loss is this many times that of the best constant is out of reach: under a
# logarithmic link each Newton step divides such a loss by e.
_OUT_OF_REACH = 1e6
_MAX_HALVINGS = 100


def initial_parameters(problem: Problem, random_state: np.random.RandomState) -> Array:
    """Where each layer wants to start, and an output layer on the scale of the target.

    Layers start by :meth:`sknewtonnet.calculus.Layer.start`. If the last one is linear, its
    intercepts are the raw prediction of the weighted mean of Y, beside the offset if there is one,
    and for an identity link its coefficients are multiplied by the weighted standard deviation of
    Y, so that a fit does not depend on the units of the target. Weights on standardised columns
    are twice as large: deep nets and classes around each other then do not start in the flat
    middle. A linear net, which has one minimum, starts at zero. Of a shared parameter the first
    draw counts, and the mean of what layers see in the data.

    Parameters
    ----------
    problem : Problem
        The net, its loss and the data.
    random_state : RandomState
        Source of the random numbers.

    Returns
    -------
    ndarray of shape (n_parameters,)
    """
    network, loss, data = problem.network, problem.loss, problem.known_data
    full = np.empty(network.layout.n_full)
    thetas = network.by_layer(full)
    factor = 0.0 if len(network.layers) == 1 else 1.0 if problem.units is None else 2.0
    for k, layer in enumerate(network.layers):
        moments = _input_moments(network, k, thetas, data)
        theta = layer.start(*moments, random_state)
        if np.shape(theta) != thetas[k].shape:
            raise ValueError(
                f"start of {layer!r} must return an array of shape {thetas[k].shape}, got "
                f"{np.shape(theta)}."
            )
        width = factor if network.linear[k] else 1.0
        thetas[k][...] = np.where(network.exists[k], width * theta, 0.0)
    if network.linear[-1]:
        if loss.out_activation == "identity":
            scale = data.left.spread
            thetas[-1][:-1] *= np.where(scale > 0, scale, 1.0)
        thetas[-1][-1] = mean_prediction(loss, data)
    return _shared(network, full) if network.layout.has_ties else network.layout.restrict(full)


def _shared(network: Network, full: Array) -> Array:
    """Parameters of a tied net: means of what looked at the data, the first of random weights.

    A mean of many random weights would be next to zero, where all units of a layer are alike.
    """
    layout, looked = network.layout, np.zeros(len(full), dtype=bool)
    for k, matrix in enumerate(network.by_layer(looked)):
        matrix[...] = not network.linear[k]
    if network.linear[-1]:
        network.by_layer(looked)[-1][-1] = True  # intercepts of the outputs
    return np.where(layout.restrict(looked), layout.mean(full), layout.restrict(full))


@dataclass(frozen=True, eq=False)
class StartWithinReach:
    """Random starts, shrunk by halves until their losses are finite and not huge.

    Linear layers shrink, but for the intercepts of the outputs: in the end a net of such layers
    predicts what these say. A start is as it was drawn if it is within reach, or if no shrinking
    helps.

    Parameters
    ----------
    draw : callable
        From a problem and a source of random numbers to a start.
    """

    draw: Callable[[Problem, np.random.RandomState], Array]

    def __call__(self, problem: Problem, random_state: np.random.RandomState) -> Array:
        """A start, of shape (n_parameters,)."""
        start = self.draw(problem, random_state)
        network, loss, data = problem.network, problem.loss, problem.known_data
        best = float(data.mean(ConstantLoss(loss, mean_prediction(loss, data))))
        limit = _OUT_OF_REACH * best if best > 0.0 else np.inf
        full = network.layout.expand(start).copy()
        thetas = network.by_layer(full)
        for _ in range(_MAX_HALVINGS):
            w = network.layout.restrict(full)
            with np.errstate(all="ignore"):
                value = data.mean(LossAt(network, loss, w))
            if np.isfinite(value) and value <= limit:
                return w
            for k, theta in enumerate(thetas):
                if network.linear[k]:
                    theta[: None if k < len(thetas) - 1 else -1] *= 0.5
        return start


def standardised_columns(problem: Problem) -> Problem:
    """The same net on standardised inputs, with parameters of its own.

    Parameters
    ----------
    problem : Problem
        The net, its loss and the data.

    Returns
    -------
    Problem
        The problem itself, if its columns are standardised; else one with data and ``original``,
        from whose parameters ``to_original`` leads to those of the problem. Penalties stay as
        they are, so that objectives differ.
    """
    if problem.units is not None:
        return problem
    data = problem.known_data
    found = problem.in_units(data.units(False, problem.network))
    return found.on(found.standardised(data))


def random_weights(network: Network, random_state: np.random.RandomState) -> dict[str, Array]:
    """Random arrays of all linear layers, as :meth:`sknewtonnet.calculus.Layer.start` has them.

    Parameters
    ----------
    network : Network
        The net.
    random_state : RandomState
        Source of the random numbers.

    Returns
    -------
    dict of str to ndarray
        "coefs_k" and "intercepts_k" of each linear layer.
    """
    arrays: dict[str, Array] = {}
    linear = [k for k, is_linear in enumerate(network.linear) if is_linear]
    for number, k in enumerate(linear):
        unknown = np.zeros(_n_inputs(network, k))
        theta = network.layers[k].start(unknown, unknown, random_state)
        arrays[f"coefs_{number}"], arrays[f"intercepts_{number}"] = theta[:-1], theta[-1]
    return arrays


def _n_inputs(network: Network, k: int) -> int:
    return sum(network.node_sizes[node] for node in network.layers[k].sources)


def _input_moments(
    network: Network, k: int, thetas: list[Array], data: Table
) -> tuple[Array, Array]:
    """Mean and standard deviation of what a layer reads, zeros if it does not look at them."""
    if type(network.layers[k]).start is Layer.start:
        unknown = np.zeros(_n_inputs(network, k))
        return unknown, unknown

    # If this overflows, the objective says that it is not finite at the start.
    with np.errstate(all="ignore"):
        found = data.moments(_InputsOf(network, k, thetas))
        return found.mean, found.spread


@dataclass(frozen=True, eq=False)
class _InputsOf:
    """What a layer reads, for each row."""

    network: Network
    k: int
    thetas: list[Array]

    def __call__(self, rows: Data) -> Array:
        layers = self.network.layers

        @cache
        def values(node: int) -> Array:
            if node == 0:
                return rows.X.T
            layer = layers[node - 1]
            return layer.activation.value(layer.value(self.thetas[node - 1], read_by(layer)))

        def read_by(layer: Layer) -> Array:
            return np.vstack([values(node) for node in layer.sources])

        return read_by(layers[self.k]).T
