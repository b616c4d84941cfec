"""Where parameters say nothing: zero, or the middle and the width of the data."""

from __future__ import annotations

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.any_objective import AnyObjective
from sknewtonnet.calculus.functions.block_source import Rows
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.pieces.moments import Moments, joined_lists


def neutral_parameters(objective: AnyObjective, w: Array) -> Array:
    """What each parameter becomes when it is taken away, for importances of parameters.

    A coefficient becomes zero. A centre and a width of zero mean nothing: layers with such
    parameters say what becomes of them (:meth:`Layer.neutral`).

    Parameters
    ----------
    objective : Objective or BlockObjective
        The net and its data.
    w : ndarray of shape (n_parameters,)
        Parameters; layers that read hidden units depend on them.

    Returns
    -------
    ndarray of shape (n_parameters,)

    Notes
    -----
    The cost is a prediction of the samples at most.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.calculus.functions.neutral import neutral_parameters
    >>> X = np.array([[4.0], [8.0]])
    >>> f = Objective(Network.rbf(1, 1, 1), "squared_error", X, X)
    >>> dict(zip(f.network.layout.names, neutral_parameters(f, np.ones(4)).round(3).tolist()))
    {'centers[c0, x0]': 6.0, 'precisions_cholesky[c0, x0, x0]': -0.693, 'coefs_0[c0, y]': 0.0, \
'intercepts_0[y]': 0.0}
    """
    network = objective.network
    found = np.zeros(network.n_parameters)
    moments = joined_lists(objective.over_rows(_moments_of_nodes, network, w))
    for layer, places in zip(network.layers, network.positions, strict=True):
        if any(node >= len(moments) for node in layer.sources):
            continue  # the last layer of a net whose other layers read the input alone
        mean = np.concatenate([moments[node].mean for node in layer.sources])
        spread = np.concatenate([moments[node].spread for node in layer.sources])
        own = layer.neutral(mean, spread)
        if own is not None:
            rows, units = np.nonzero(places >= 0)
            found[places[rows, units]] = own[rows]
    return found


def _moments_of_nodes(rows: Rows, network: Network, w: Array) -> list[Moments]:
    """Moments of what layers read, as far as it is needed."""
    inner = any(layer.sources != (0,) for layer in network.layers[:-1])
    states = network.states(w, rows.X) if inner else [rows.X]
    return [Moments.of(values, rows.sample_weight) for values in states]
