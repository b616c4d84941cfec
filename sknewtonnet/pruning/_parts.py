"""Parts of a net that can be removed in one piece."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from sknewtonnet._typing import Bools, Ints
from sknewtonnet.calculus import Layer, Network
from sknewtonnet.estimators import Fit
from sknewtonnet.inference import unit_parameters

# In the order in which they go.
UNITS = ("neuron", "feature", "weight")


@dataclass(frozen=True, eq=False)
class Part:
    """A part of a net that can be removed in one piece.

    Parameters
    ----------
    name : str
        The name of a parameter, a unit or a feature.
    positions : ndarray of int
        Free parameters that become zero with it.
    parameters : tuple of str
        Their names, which stay the same while others go.
    """

    name: str
    positions: Ints
    parameters: tuple[str, ...] = ()

    @classmethod
    def of(cls, network: Network, name: str, positions: Ints) -> Part:
        """The part with some parameters of a net."""
        names = network.layout.names
        return cls(name, positions, tuple(names[position] for position in positions))


def parts(fit: Fit, unit: str) -> list[Part]:
    """All parts of one kind that can be removed."""
    network = fit.network
    return [Part.of(network, *part) for part in _named(fit, unit) if len(part[1])]


def _named(fit: Fit, unit: str) -> Iterator[tuple[str, Ints]]:
    """Names and positions of all parts of one kind, those without parameters included."""
    network = fit.network
    if unit == "weight":
        for position in _weights(network, fit.problem.original is not None):
            yield network.layout.names[position], np.array([position])
    elif unit == "feature":
        outgoing = network.feature_parameters or []
        yield from zip(fit.feature_names, outgoing, strict=False)
    else:
        yield from unit_parameters(network)


def _weights(network: Network, standardised: bool) -> Ints:
    """Coefficients, and parameters of other layers that are zero where an input has no effect.

    In a net of standardised columns those that are zero for any origin of the columns: not the
    linear terms of a quadratic form.
    """
    found = [np.empty(0, dtype=int)]
    for layer, positions in zip(network.layers, network.positions, strict=True):
        n_inputs = sum(network.node_sizes[node] for node in layer.sources)
        rows = layer.input_rows(n_inputs)
        if rows is None:
            continue
        own = np.unique(np.concatenate(rows))
        if standardised and 0 in layer.sources:
            own = own[_alone(layer, n_inputs)[own]]
        found.append(positions[own].ravel())
    places = np.unique(np.concatenate(found))  # a shared one goes with all its entries
    return places[places >= 0]


def _alone(layer: Layer, n_inputs: int) -> Bools:
    """Which parameters of a unit do not depend on others of it when the inputs are shifted."""
    known = layer.rescaled(np.ones(n_inputs), np.ones(n_inputs))
    if known is None:  # such a layer takes its inputs as they come
        return np.ones(
            1 + max(int(rows.max()) for rows in layer.unit_arrays(n_inputs).values()), bool
        )
    matrix, offset = sparse.csr_array(known[1]), known[2]
    matrix.eliminate_zeros()
    return np.asarray((np.diff(matrix.indptr) == 1) & (offset == 0.0))
