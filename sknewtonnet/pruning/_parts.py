"""What may be taken away from a net in one piece."""

from dataclasses import dataclass

import numpy as np

from sknewtonnet._typing import Ints
from sknewtonnet.estimators import Fit

UNITS = ("weight", "neuron", "feature")


@dataclass(frozen=True, eq=False)
class Part:
    """What can be taken away in one piece.

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
    """All that can be taken away, in pieces of one kind."""
    network = fit.network
    names = network.layout.names
    if unit == "weight":
        return [
            Part(name, np.array([j])) for j, name in enumerate(names) if name.startswith("coefs_")
        ]
    if unit == "feature":
        outgoing = network.feature_parameters or []
        features = zip(fit.feature_names, outgoing, strict=False)
        return [Part(name, positions) for name, positions in features if len(positions)]
    found = []
    for k, units in enumerate(network.unit_names):
        places = np.hstack(network.outgoing(network.positions, k + 1))
        found += [Part(name, row[row >= 0]) for name, row in zip(units, places, strict=True)]
    return [part for part in found if len(part.positions)]
