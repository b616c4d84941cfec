"""An activation of its own for each unit of a layer, as one activation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.pieces.activations import Activation, named_activation

# One for all units of a layer, or one for each.
LayerActivation: TypeAlias = str | Activation | Sequence[str | Activation]


class UnitActivations(Activation):
    """One activation for each unit: row j of pre-activations belongs to unit j.

    What is asked of activations as a whole, such as ``smooth``, holds if it holds for all units;
    ``parity`` is that of all units, or 0. :meth:`groups` and :meth:`of_unit` tell more.

    Parameters
    ----------
    units : sequence of Activation
        One for each unit.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import get_activation
    >>> from sknewtonnet.calculus.pieces.unit_activations import UnitActivations
    >>> both = UnitActivations([get_activation("identity"), get_activation("gaussian")])
    >>> both.value(np.array([[-2.0, 3.0], [0.0, 1.0]])).round(3)
    array([[-2.   ,  3.   ],
           [ 1.   ,  0.368]])
    """

    def __init__(self, units: Sequence[Activation]):
        self.units = tuple(units)
        self._rows = [(h, _as_slice(rows)) for h, rows in self.groups(len(units))]
        kinds = [h for h, _ in self._rows]
        orders = [h.max_order for h in kinds if h.max_order is not None]
        parities = {h.parity for h in kinds}
        vars(self).update(
            name=", ".join(h.name for h in self.units),
            smooth=all(h.smooth for h in kinds),
            monotonic=all(h.monotonic for h in kinds),
            parity=parities.pop() if len(parities) == 1 else 0,
            for_distances=all(h.for_distances for h in kinds),
            max_order=min(orders, default=None),
            bounds=tuple(np.array([h.bounds[end] for h in self.units]) for end in (0, 1)),
        )

    def groups(self, n_units: int) -> list[tuple[Activation, Ints]]:
        """See :meth:`Activation.groups`."""
        found: list[tuple[Activation, list[int]]] = []
        for unit, h in enumerate(self.units):
            for kind, members in found:
                if _same(kind, h):
                    members.append(unit)
                    break
            else:
                found.append((h, [unit]))
        return [(kind, np.array(members)) for kind, members in found]

    def of_unit(self, unit: int) -> Activation:
        """See :meth:`Activation.of_unit`."""
        return self.units[unit]

    def _parts(self, a: Array) -> Iterator[tuple[Activation, Ints | slice]]:
        if len(a) != len(self.units):
            raise ValueError(f"{self!r} needs a row for each unit, got shape {a.shape}.")
        yield from self._rows

    def derivatives(self, a: Array, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Activation.derivatives`."""
        found = tuple(np.empty_like(a) for _ in range(order + 1))
        for h, rows in self._parts(a):
            for part, own in zip(found, h.derivatives(a[rows], order), strict=True):
                part[rows] = own
        return found

    def forward(self, a: Array, value: Array, slope: Array) -> None:
        """See :meth:`Activation.forward`."""
        for h, rows in self._parts(a):
            if isinstance(rows, slice):  # views
                h.forward(a[rows], value[rows], slope[rows])
            else:
                value[rows], slope[rows] = h.derivatives(a[rows], 1)

    def curvature(self, value: Array, slope: Array) -> Array | None:
        """See :meth:`Activation.curvature`."""
        found = np.empty_like(value)
        for h, rows in self._parts(value):
            own = h.curvature(value[rows], slope[rows])
            if own is None:
                return None
            found[rows] = own
        return found

    def inverse(self, value: Array) -> Array:
        """See :meth:`Activation.inverse`."""
        found = np.empty_like(value)
        for h, rows in self._parts(value):
            found[rows] = h.inverse(value[rows])
        return found

    def __repr__(self) -> str:
        return f"[{', '.join(map(repr, self.units))}]"


def _same(one: Activation, other: Activation) -> bool:
    """Whether two objects are one function for sure: one object, or of one class without state."""
    return one is other or (type(one) is type(other) and not vars(one) and not vars(other))


def _as_slice(rows: Ints) -> Ints | slice:
    """Rows that follow each other as a slice, which makes views."""
    start, stop = int(rows[0]), int(rows[-1]) + 1
    return slice(start, stop) if stop - start == len(rows) else rows


def layer_activation(
    activation: LayerActivation, n_units: int, argument: str = "activation"
) -> Activation:
    """The activation of a layer.

    Parameters
    ----------
    activation : str, Activation, or a sequence of them
        For all units, or one for each.
    n_units : int
        Number of units.
    argument : str, default="activation"
        What messages call it.

    Returns
    -------
    Activation
        One that all units have as it is.

    Raises
    ------
    ValueError
        If one of them is unknown, or there are not as many as units.

    Examples
    --------
    >>> from sknewtonnet.calculus.pieces.unit_activations import layer_activation
    >>> layer_activation(["tanh", "tanh", "sine"], 3).name
    'tanh, tanh, sine'
    >>> layer_activation(["tanh", "tanh"], 2)
    Tanh()
    """
    if isinstance(activation, UnitActivations):
        activation = activation.units
    if isinstance(activation, str | Activation) or not isinstance(activation, Sequence):
        return named_activation(argument, activation)
    if len(activation) != n_units:
        raise ValueError(
            f"{argument} must have one entry for each unit of a layer, and there are {n_units} "
            f"units; got {activation!r}."
        )
    units = [named_activation(argument, entry) for entry in activation]
    return units[0] if all(_same(units[0], h) for h in units) else UnitActivations(units)
