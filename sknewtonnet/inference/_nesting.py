"""Whether one net is a submodel of another: fewer units, inputs, connections, or no skip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus import GaussianRBF, Layer, Network
from sknewtonnet.calculus.functions.units import connected_units

# Each form of a covariance is one of the next.
_FORMS = ("spherical", "diag", "full")


@dataclass(frozen=True, eq=False)
class Nesting:
    """A net as a larger one with some parameters at zero.

    Parameters
    ----------
    large : Network
        The larger net.
    places : ndarray of int of shape (n_parameters of the small one,)
        Where its parameters stand among those of the larger one.
    """

    large: Network
    places: Ints

    @classmethod
    def of(cls, small: Network, large: Network, columns: Sequence[int]) -> Nesting | None:
        """How a net lies in another one, unit after unit; None if it does not.

        Parameters
        ----------
        small, large : Network
            The nets.
        columns : sequence of int
            For each input of the small net the input of the large one with the same values, or -1.
        """
        layers = _matching_layers(small, large)
        if layers is None or small.n_outputs != large.n_outputs:
            return None
        places = np.full(small.n_parameters, -1)
        pairs: list[tuple[Ints, Ints]] = []
        shown = [np.zeros(at.shape, dtype=bool) for at in large.positions]
        for k, K in enumerate(layers):
            if not _same_kind(small.layers[k], large.layers[K], k == len(small.layers) - 1):
                return None
            rows = _rows(small, large, k, K, layers, columns)
            own = small.positions[k]
            if rows is None or own.shape[1] > large.positions[K].shape[1]:
                return None
            theirs = np.where(rows[:, None] >= 0, large.positions[K][rows, : own.shape[1]], -1)
            places[own[own >= 0]] = theirs[own >= 0]
            pairs.append((own[own >= 0], theirs[own >= 0]))
            row, unit = np.nonzero(own >= 0)
            shown[K][rows[row], unit] = True
        if (places < 0).any():
            return None
        found = cls(large, places)
        return found if found._keeps_ties(pairs, shown) else None

    def _keeps_ties(self, pairs: Sequence[tuple[Ints, Ints]], shown: Sequence[Bools]) -> bool:
        """Whether entries are tied in both nets, but for those of units that nothing reads."""
        alike = all((self.places[own] == theirs).all() for own, theirs in pairs)
        if not alike or len(np.unique(self.places)) < len(self.places):
            return False
        more = zip(self._flags, shown, self._unread, strict=True)
        return not any((flags & ~seen)[:, ~unread].any() for flags, seen, unread in more)

    def embedded(self, params: Array, others: Array) -> Array:
        """The larger net as the small one; units that this lacks are read by nothing.

        Parameters
        ----------
        params : ndarray
            Parameters of the small net.
        others : ndarray
            Parameters of the larger one, from which those units take what they read.
        """
        found = np.zeros(self.large.n_parameters)
        for K, unread in enumerate(self._unread):
            places = self.large.positions[K][:, unread]
            found[places[places >= 0]] = others[places[places >= 0]]
        found[self.places] = params
        return found

    @property
    def unidentified(self) -> bool:
        """Whether parameters of the larger net mean nothing where it is the small one.

        They are those of a unit that nothing reads there, or that reads nothing there.
        """
        if any(unread.any() for unread in self._unread):
            return True
        return any(
            (self.large.exists[K][:-1].any(axis=0) & ~self._flags[K][:-1].any(axis=0)).any()
            for K, linear in enumerate(self.large.linear[:-1])
            if linear
        )

    @cached_property
    def _flags(self) -> list[Bools]:
        """What exists of the larger net in the small one."""
        exists = np.zeros(self.large.n_parameters, dtype=bool)
        exists[self.places] = True
        return [(at >= 0) & exists[at] for at in self.large.positions]

    @cached_property
    def _unread(self) -> list[Bools]:
        """Units of each layer that nothing reads in the small net alone."""
        before, after = connected_units(self.large), connected_units(self.large, self._flags)
        return [was & ~now for was, now in zip(before[1:], after[1:], strict=True)]


def shares_more(small: Network, large: Network, columns: Sequence[int]) -> bool:
    """Whether a net lies in another one by ties, or by covariances of a simpler form.

    Parameters
    ----------
    small, large : Network
        The nets.
    columns : sequence of int
        For each input of the small net the input of the large one with the same values, or -1.
    """
    free = small.with_ties(None) if small.layout.has_ties else small
    if len(small.layers) == len(large.layers):
        layers = [_in_form_of(*pair) for pair in zip(small.layers, large.layers, strict=True)]
        if any(new is not old for new, old in zip(layers, small.layers, strict=True)):
            free = Network.from_layers(
                small.n_features,
                layers,
                feature_names=small.feature_names,
                output_names=small.output_names,
            )
    return free is not small and Nesting.of(free, large, columns) is not None


def _in_form_of(small: Layer, large: Layer) -> Layer:
    """A Gaussian layer with covariances of another one's form, where that is the wider one."""
    if not (isinstance(small, GaussianRBF) and isinstance(large, GaussianRBF)):
        return small
    simpler = _FORMS[: _FORMS.index(large.covariance_type)]
    if small.covariance_type not in simpler:
        return small
    return GaussianRBF(small.sources, small.n_units, large.covariance_type, small.activation)


def same_columns(small: Array, large: Array) -> list[int]:
    """For each column of a table that of another one with the same values, or -1."""
    found = []
    for column in small.T:
        equal = np.flatnonzero((large == column[:, None]).all(axis=0))
        found.append(int(equal[0]) if equal.size else -1)
    return found


def _matching_layers(small: Network, large: Network) -> list[int] | None:
    """The layer of the large net for each one of the small net."""
    if len(small.layers) == len(large.layers):
        return list(range(len(small.layers)))
    if len(small.layers) == 1 and 0 in large.layers[-1].sources:
        return [len(large.layers) - 1]
    return None


def _same_kind(small: Layer, large: Layer, last: bool) -> bool:
    if type(small) is not type(large) or (not last and small.n_units > large.n_units):
        return False
    pairs = (
        (small.activation.of_unit(j), large.activation.of_unit(j)) for j in range(small.n_units)
    )
    return last or all((h.name, repr(h)) == (H.name, repr(H)) for h, H in pairs)


def _rows(
    small: Network, large: Network, k: int, K: int, layers: list[int], columns: Sequence[int]
) -> Ints | None:
    """The row of the large layer for each row of the small one, or -1."""
    if not (small.linear[k] and large.linear[K]):
        same = list(columns) == list(range(large.n_features))
        count = len(small.positions[k])
        return np.arange(count) if same and count == len(large.positions[K]) else None
    starts, row = {}, 0
    for node in large.layers[K].sources:
        starts[node] = row
        row += large.node_sizes[node]
    found: list[int] = []
    for node in small.layers[k].sources:
        theirs = 0 if node == 0 else layers[node - 1] + 1
        if theirs not in starts:
            return None
        units = list(columns) if node == 0 else list(range(small.node_sizes[node]))
        found += [starts[theirs] + unit if unit >= 0 else -1 for unit in units]
    return np.array([*found, row])
