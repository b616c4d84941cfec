"""Parts of a net that can be removed in one piece."""

from dataclasses import dataclass

import numpy as np

from sknewtonnet._typing import Ints
from sknewtonnet.calculus import Network
from sknewtonnet.estimators import Fit

UNITS = ("weight", "neuron", "feature")


@dataclass(frozen=True, eq=False)
class Part:
    """A part of a net that can be removed in one piece.

    Attributes
    ----------
    name : str
        The name of a parameter, a unit or a feature.
    positions : ndarray of int
        Free parameters that become zero with it.
    """

    name: str
    positions: Ints


def parts(fit: Fit, unit: str) -> list[Part]:
    """All parts of one kind that can be removed."""
    network = fit.network
    names = network.layout.names
    if unit == "weight":
        return [Part(names[position], np.array([position])) for position in _weights(network)]
    if unit == "feature":
        outgoing = network.feature_parameters or []
        features = zip(fit.feature_names, outgoing, strict=False)
        return [Part(name, positions) for name, positions in features if len(positions)]
    found = []
    for k, units in enumerate(network.unit_names):
        places = np.hstack(network.outgoing(network.positions, k + 1))
        found += [Part(name, row[row >= 0]) for name, row in zip(units, places, strict=True)]
    return [part for part in found if len(part.positions)]


def _weights(network: Network) -> Ints:
    """Coefficients, and parameters of other layers that are zero where an input has no effect."""
    found = [np.empty(0, dtype=int)]
    for layer, positions in zip(network.layers, network.positions, strict=True):
        rows = layer.input_rows(sum(network.node_sizes[node] for node in layer.sources))
        if rows is not None:
            found.append(positions[np.unique(np.concatenate(rows))].ravel())
    places = np.sort(np.concatenate(found))
    return places[places >= 0]
