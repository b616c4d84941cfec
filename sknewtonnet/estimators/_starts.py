"""Where a fit starts: random weights, scaled or solved output layers.

Only weighted means of the data enter: a row twice and a row of weight two give the same start.
"""

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import Linear, Loss, Network


def initial_parameters(
    network: Network,
    loss: Loss,
    Y: Array,
    sample_weight: Array,
    random_state: np.random.RandomState,
) -> Array:
    """Random weights, and an output layer on the scale of the target.

    Weights are those of :func:`random_weights`. The output intercepts are the raw prediction
    of the weighted mean of Y, and for an identity link the output coefficients are multiplied
    by the weighted standard deviation of Y, so that a fit does not depend on the units of the
    target.

    Parameters
    ----------
    network : Network
        The net to start, of linear layers.
    loss : Loss
        Its link, and whether the target has a scale.
    Y : ndarray of shape (n_samples, n_outputs)
        Targets.
    sample_weight : ndarray of shape (n_samples,)
        Weights.
    random_state : RandomState
        Source of the random numbers.

    Returns
    -------
    ndarray of shape (n_parameters,)
    """
    arrays = random_weights(network, random_state)
    last = len(network.layers) - 1
    if loss.out_activation == "identity":
        mean = np.average(Y, axis=0, weights=sample_weight)
        scale = np.sqrt(np.average((Y - mean) ** 2, axis=0, weights=sample_weight))
        arrays[f"coefs_{last}"] *= np.where(scale > 0, scale, 1.0)
    arrays[f"intercepts_{last}"] = mean_prediction(loss, Y, sample_weight)
    return network.layout.pack(arrays)


def random_weights(network: Network, random_state: np.random.RandomState) -> dict[str, Array]:
    """Random arrays of all linear layers.

    Coefficients and intercepts are uniform on +-1/2 sqrt(g / (p_k + s_k)), with g = 2
    for logistic units and 6 for all others: half of what Glorot and Bengio (2010) propose and
    scikit-learn's MLP draws. Second-order steps leave the flat middle of small weights at
    once, and reach lower minima from there (doc/defaults.md).

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
    linear = [layer for layer in network.layers if isinstance(layer, Linear)]
    for number, layer in enumerate(linear):
        p, s = network.layout.shapes[f"coefs_{number}"]
        gain = 2.0 if layer.activation.name == "logistic" else 6.0
        bound = 0.5 * np.sqrt(gain / (p + s))
        arrays[f"coefs_{number}"] = random_state.uniform(-bound, bound, (p, s))
        arrays[f"intercepts_{number}"] = random_state.uniform(-bound, bound, s)
    return arrays


def mean_prediction(loss: Loss, Y: Array, sample_weight: Array) -> Array:
    """Raw prediction of the weighted mean of Y, finite where a class or count never occurs."""
    mean: Array = np.average(Y, axis=0, weights=sample_weight)
    if loss.out_activation == "identity":
        return mean
    inside = np.clip(mean, 1e-6, None)
    if loss.out_activation != "exp":
        inside = np.minimum(inside, 1.0 - 1e-6)
    return loss.link(inside)
