"""The parameters of a network: one flat vector, many named arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sknewtonnet._names import did_you_mean, unknown_name
from sknewtonnet._typing import Array, Bools, Ints


@dataclass(frozen=True)
class ParameterArray:
    """One named array of parameters.

    Attributes
    ----------
    name : str
        For instance "coefs_0".
    labels : tuple of tuples of str
        The names along each axis, from which the parameters get theirs: "coefs_0[age, h3]".
    penalised : bool
        Whether a strength given for "the coefficients" counts for this array.
    places : ndarray of int of the array's shape, default=None
        Where among the array's parameters each entry is: -1 for an entry that is always
        zero; the same number for entries that are the same parameter. By default in order.
    """

    name: str
    labels: tuple[tuple[str, ...], ...]
    penalised: bool
    places: Ints | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return tuple(len(axis) for axis in self.labels)

    @cached_property
    def entries(self) -> Ints:
        """The first entry of the flattened array that shows each parameter, in order."""
        if self.places is None:
            return np.arange(int(np.prod(self.shape)))
        numbers, first = np.unique(self.places, return_index=True)
        return first[numbers >= 0]

    def values(self, parameters: NDArray[Any]) -> NDArray[Any]:
        """The array that shows these parameters."""
        if self.places is None:
            return parameters.reshape(self.shape).copy()
        return np.where(self.places < 0, 0, parameters[self.places])


class ParameterLayout:
    """Flat vector and named arrays of the same parameters, in both directions.

    The vector of *free* parameters, which solvers and statistics see, has one entry per
    connection that exists. The *full* vector has one per entry of the arrays, zeros
    where there is no connection, and is what the calculus works on. Without
    ``connectivity`` they are the same.

    Parameters
    ----------
    arrays : sequence of ParameterArray
        In the order in which they stand in the full vector.
    connectivity : mapping of str to bool or bool array, default=None
        By the name of an array a mask of its shape, or one truth value for all of it; by the name
        of a single parameter, such as "coefs_0[age, h3]", one truth value. Where it is False the
        parameter does not exist. All that is not named exists; a later entry goes over an
        earlier one.

    Attributes
    ----------
    n_full, n_parameters : int
        Length of the full vector, and of that of the free parameters.
    exists : ndarray of bool of shape (n_full,)
        Which entries of the full vector are free parameters.
    free : ndarray of int of shape (n_parameters,), or None
        Where they stand in the full vector; None if all entries exist.

    Raises
    ------
    ValueError
        If a mask has an unknown name or the wrong shape.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network
    >>> one_link = {"coefs_0": False, "coefs_0[x1, y]": True}
    >>> Network.mlp(2, (), 1, connectivity=one_link).layout.names
    ['coefs_0[x1, y]', 'intercepts_0[y]']
    >>> layout = Network.mlp(2, (), 1).layout
    >>> layout.names
    ['coefs_0[x0, y]', 'coefs_0[x1, y]', 'intercepts_0[y]']
    >>> arrays = layout.unpack(np.array([1.0, 2.0, 3.0]))
    >>> arrays["coefs_0"].tolist(), arrays["intercepts_0"].tolist()
    ([[1.0], [2.0]], [3.0])
    >>> layout.pack(arrays)
    array([1., 2., 3.])
    """

    def __init__(
        self,
        arrays: Sequence[ParameterArray],
        connectivity: Mapping[str, ArrayLike] | None = None,
    ):
        self.arrays = tuple(arrays)
        self.shapes = {array.name: array.shape for array in self.arrays}
        self.penalised = {array.name: array.penalised for array in self.arrays}
        ends = np.cumsum([0] + [len(array.entries) for array in self.arrays])
        self._slices = {
            array.name: slice(int(start), int(stop))
            for array, start, stop in zip(self.arrays, ends[:-1], ends[1:], strict=True)
        }
        self._entries = {array.name: array.entries for array in self.arrays}
        self.n_full = int(ends[-1])
        self.exists = self._existing(connectivity or {})
        self.free: Ints | None = None if self.exists.all() else np.flatnonzero(self.exists)
        self.n_parameters = self.n_full if self.free is None else len(self.free)

    def _existing(self, connectivity: Mapping[str, ArrayLike]) -> Bools:
        if not isinstance(connectivity, Mapping):
            raise ValueError(
                f"connectivity must map names of arrays to masks, got {connectivity!r}."
            )
        exists = np.ones(self.n_full, dtype=bool)
        for name, given in connectivity.items():
            where = self._slices.get(name)
            mask = np.asarray(given)
            if where is None:
                exists[self._full_number(name)] = _one_truth(name, mask)
            elif mask.shape == ():
                exists[where] = _one_truth(name, mask)
            elif mask.dtype == bool and mask.shape == self.shapes[name]:
                exists[where] = mask.ravel()[self._entries[name]]
            else:
                raise ValueError(
                    f"connectivity[{name!r}] must be a boolean array of shape "
                    f"{self.shapes[name]}, or True or False for all of it, got {mask.dtype} of "
                    f"shape {mask.shape}."
                )
        if not exists.any():
            raise ValueError("connectivity leaves no parameter; at least one must exist.")
        return exists

    def _full_number(self, name: str) -> int:
        """Where a single parameter, whether it exists or not, stands in the full vector."""
        number = self._full_numbers.get(name)
        if number is None:
            raise ValueError(
                f"connectivity: there is no parameter {name!r}; the arrays are "
                f"{list(self.shapes)}, single parameters have names like {self._full_names[0]!r}."
                f"{did_you_mean(name, [*self.shapes, *self._full_names])}"
            )
        return number

    def _check_name(self, argument: str, name: str) -> None:
        if name not in self.shapes:
            raise ValueError(unknown_name(argument, name, self.shapes, "array"))

    @cached_property
    def names(self) -> list[str]:
        """The name of each free parameter, such as "coefs_0[age, h3]"."""
        full = self._full_names
        return full if self.free is None else [full[p] for p in self.free]

    @cached_property
    def _full_names(self) -> list[str]:
        """The name of each parameter of the full vector."""
        full = []
        for array in self.arrays:
            labels = list(product(*array.labels))
            full += [f"{array.name}[{', '.join(labels[entry])}]" for entry in array.entries]
        return full

    @cached_property
    def _full_numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self._full_names)}

    def values_of(self, name: str, given: ArrayLike, fill: float) -> Array:
        """Free parameters: what is given for an array or a single parameter, else a fill value.

        Parameters
        ----------
        name : str
            Of an array, such as "coefs_0", or a parameter, such as "coefs_0[age, h3]".
        given : float or array of the array's shape
            The values.
        fill : float
            Of all other parameters.

        Returns
        -------
        ndarray of shape (n_parameters,)

        Raises
        ------
        ValueError
            If there is no such name, or the values have a wrong shape or are no numbers.
        """
        try:
            if np.asarray(given).dtype.kind in "SU":
                raise TypeError
            values = np.asarray(given, dtype=float)
        except (TypeError, ValueError):
            raise ValueError(f"{name!r} must get numbers, got {given!r}.") from None
        if name not in self.shapes:
            if name not in self._numbers:
                raise ValueError(
                    f"there is no parameter {name!r}; the arrays are {list(self.shapes)}, single "
                    f"parameters have names like {self.names[0]!r}."
                    f"{did_you_mean(name, [*self.shapes, *self.names])}"
                )
            if values.shape != ():
                raise ValueError(f"{name!r} must get one number, got shape {values.shape}.")
            found = np.full(self.n_parameters, fill)
            found[self._numbers[name]] = values
            return found
        shape = self.shapes[name]
        if values.shape not in ((), shape):
            raise ValueError(
                f"{name!r} must get a number or an array of shape {shape}, got {values.shape}."
            )
        arrays = {other: np.full(size, fill) for other, size in self.shapes.items()}
        return self.pack({**arrays, name: np.broadcast_to(values, shape)})

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.names)}

    @cached_property
    def positions(self) -> Ints:
        """Where each entry of a full vector is among the free parameters, -1 if it is not."""
        found = np.full(self.n_full, -1)
        found[self.exists] = np.arange(self.n_parameters)
        return found

    def masks(self, kept: Bools | None = None) -> dict[str, Bools]:
        """Named masks of the parameters that exist, in the form of ``connectivity``.

        Parameters
        ----------
        kept : ndarray of bool of shape (n_full,), default=None
            Entries of the full vector to show in place of those that exist.

        Returns
        -------
        dict of str to ndarray of bool
            False for an entry of an array that is always zero.
        """
        full = self.exists if kept is None else kept
        return {
            array.name: array.values(full[self._slices[array.name]]).astype(bool)
            for array in self.arrays
        }

    def places(self, name: str) -> Ints:
        """Position among the free parameters of each entry of an array.

        Parameters
        ----------
        name : str
            Of an array, such as "coefs_0".

        Returns
        -------
        ndarray of int of the shape of the array
            -1 for an entry that is always zero; the same number for entries that are the same
            parameter.
        """
        self._check_name("name", name)
        array = next(array for array in self.arrays if array.name == name)
        return array.values(self.positions[self._slices[name]] + 1) - 1

    def parameters_of(self, name: str) -> Ints:
        """Positions of the parameters of an array among the free ones, in order.

        Parameters
        ----------
        name : str
            Of an array, such as "coefs_0".

        Returns
        -------
        ndarray of int
            As many as the array has parameters that exist.
        """
        self._check_name("name", name)
        found: Ints = self.positions[self._slices[name]]
        return found[found >= 0]

    def expand(self, w: Array) -> Array:
        """Full vector of the free parameters, with zeros where a parameter does not exist.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,) or (n_parameters, r)
            Free parameters, or r vectors of them as columns.

        Returns
        -------
        ndarray of shape (n_full,) or (n_full, r)
            ``w`` itself, not a copy, if all entries exist.
        """
        if self.free is None:
            return w
        full = np.zeros((self.n_full, *w.shape[1:]))
        full[self.free] = w
        return full

    def restrict(self, full: Array) -> Array:
        """Free parameters of a full vector.

        Parameters
        ----------
        full : ndarray of shape (n_full,) or (n_full, r)
            A full vector, or r of them as columns.

        Returns
        -------
        ndarray of shape (n_parameters,) or (n_parameters, r)
            ``full`` itself, not a copy, if all entries exist.
        """
        return full if self.free is None else full[self.free]

    def unpack(self, w: ArrayLike) -> dict[str, Array]:
        """Named arrays of a flat vector, as copies.

        Parameters
        ----------
        w : array of shape (n_parameters,)
            Free parameters.

        Returns
        -------
        dict of str to ndarray
            Zero where a parameter does not exist.

        Raises
        ------
        ValueError
            If ``w`` has a wrong shape.
        """
        vector = np.asarray(w, dtype=float)
        if vector.shape != (self.n_parameters,):
            raise ValueError(f"w must have shape ({self.n_parameters},), got {vector.shape}.")
        full = self.expand(vector)
        return {array.name: array.values(full[self._slices[array.name]]) for array in self.arrays}

    def pack(self, arrays: Mapping[str, ArrayLike]) -> Array:
        """Flat vector of named arrays; what does not exist is left out.

        Of entries that are the same parameter, as in a symmetric matrix, the first counts.

        Parameters
        ----------
        arrays : mapping of str to array
            One array for each name of the layout.

        Returns
        -------
        ndarray of shape (n_parameters,)

        Raises
        ------
        ValueError
            If the names are not those of the layout, or an array has a wrong shape.
        """
        if set(arrays) != set(self.shapes):
            raise ValueError(f"expected the arrays {list(self.shapes)}, got {list(arrays)}.")
        full = np.empty(self.n_full)
        for name, where in self._slices.items():
            values = np.asarray(arrays[name], dtype=float)
            if values.shape != self.shapes[name]:
                raise ValueError(
                    f"{name} must have shape {self.shapes[name]}, got {values.shape}."
                )
            full[where] = values.ravel()[self._entries[name]]
        return self.restrict(full)


def _one_truth(name: str, given: NDArray[Any]) -> bool:
    """True or False, or an error."""
    if given.dtype != bool or given.shape != ():
        raise ValueError(f"connectivity[{name!r}] must be True or False, got {given.tolist()!r}.")
    return bool(given)
