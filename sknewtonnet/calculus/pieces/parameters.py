"""The parameters of a network: one flat vector, many named arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from sknewtonnet._names import did_you_mean, unknown_name
from sknewtonnet._tables import Worded, counted
from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus.pieces.symmetric import symmetric_part


@dataclass(frozen=True)
class ParameterArray:
    """One named array of parameters.

    Parameters
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


class ParameterLayout(Worded):
    """Flat vector and named arrays of the same parameters, in both directions.

    The vector of *free* parameters, which solvers and statistics see, has one entry per
    connection that exists, and one for all entries that are tied to each other. The *full*
    vector has one per entry of the arrays, zeros where there is no connection, and is what the
    calculus works on. Without ``connectivity`` and ``tied`` they are the same. Else, with S the
    matrix of zeros and ones that has a row for each entry and a column for each parameter,

        full = S w (:meth:`expand`),  values of entries -> w: the first of each (:meth:`restrict`),
        d/dw = S' d/dfull (:meth:`pull_back`),  d2/dw2 = S' d2/dfull2 S (:meth:`pull_back_matrix`).

    Parameters
    ----------
    arrays : sequence of ParameterArray
        In the order in which they stand in the full vector.
    connectivity : mapping of str to bool or bool array, default=None
        By the name of an array a mask of its shape, or one truth value for all of it; by the name
        of a single parameter, such as "coefs_0[age, h3]", one truth value. Where it is False the
        parameter does not exist. All that is not named exists; a later entry goes over an
        earlier one.
    tied : mapping of str to int or int array, default=None
        By the name of an array labels of its shape, or one label for all of it; by the name of a
        single parameter one label. Entries with the same label, from 0 on, are one parameter, in
        whichever arrays they are; -1, the default, is for a parameter of its own. Entries that do
        not exist are no part of it. A later entry goes over an earlier one.

    Attributes
    ----------
    n_full, n_parameters : int
        Length of the full vector, and of that of the free parameters.
    exists : ndarray of bool of shape (n_full,)
        Which entries of the full vector are not always zero.
    free : ndarray of int of shape (n_parameters,), or None
        Where they stand in the full vector, shared ones where their first entry is; None if
        all entries are parameters of their own.
    has_ties : bool
        Whether a parameter has several entries.

    Raises
    ------
    ValueError
        If a mask or an array of labels has an unknown name, type or shape.

    See Also
    --------
    Network : The net that such parameters belong to, which makes the layout.
    convolution : Connections and ties of filters.
    Objective : A function of the free parameters.

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

    Both inputs with one coefficient:

    >>> layout = Network.mlp(2, (), 1, tied={"coefs_0": [[0], [0]]}).layout
    >>> layout.names
    ['coefs_0[x0, y]', 'intercepts_0[y]']
    >>> layout.expand(np.array([1.0, 3.0])), layout.pull_back(np.array([1.0, 2.0, 3.0]))
    (array([1., 1., 3.]), array([3., 3.]))
    """

    def __init__(
        self,
        arrays: Sequence[ParameterArray],
        connectivity: Mapping[str, ArrayLike] | None = None,
        tied: Mapping[str, ArrayLike] | None = None,
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
        self._labels = self._tied(tied)
        self.free: Ints | None = None if self.exists.all() else np.flatnonzero(self.exists)
        self.has_ties = False
        if self._labels is not None:
            own = -1 - np.arange(self.n_full)
            labels = np.where(self._labels < 0, own, self._labels)[self.exists]
            first = np.sort(np.unique(labels, return_index=True)[1])
            self.has_ties = len(first) < len(labels)
            if self.has_ties:
                self.free = np.flatnonzero(self.exists)[first]
        self.n_parameters = self.n_full if self.free is None else len(self.free)

    def _in_words(self) -> str:
        arrays = ", ".join(f"{array.name} {array.shape}" for array in self.arrays)
        return f"of {counted(self.n_parameters, 'parameter')}: {arrays}"

    def _existing(self, connectivity: Mapping[str, ArrayLike]) -> Bools:
        if not isinstance(connectivity, Mapping):
            raise ValueError(
                f"connectivity must map names of arrays to masks, got {connectivity!r}."
            )
        exists = np.ones(self.n_full, dtype=bool)
        for name, given in connectivity.items():
            where: slice | int | None = self._slices.get(name)
            mask = _as_given("connectivity", name, given)
            if where is None:  # no array, so a single parameter
                where = self._full_number("connectivity", name)
                exists[where] = _one_truth(name, mask)
            elif mask.shape == ():
                exists[where] = _one_truth(name, mask)
            elif mask.dtype == bool and mask.shape == self.shapes[name]:
                exists[where] = mask.ravel()[self._entries[name]]
            else:
                raise ValueError(
                    f"connectivity[{name!r}] must be True, False or a boolean array of shape "
                    f"{self.shapes[name]}, got {mask.dtype} of shape {mask.shape}."
                )
        if not exists.any():
            raise ValueError("connectivity leaves no parameter; at least one must exist.")
        return exists

    def _full_number(self, argument: str, name: str) -> int:
        """Where a single parameter, whether it exists or not, stands in the full vector."""
        number = self._full_numbers.get(name)
        if number is None:
            raise ValueError(
                f"{argument}: there is no parameter {name!r}; the arrays are "
                f"{list(self.shapes)}, single parameters have names like {self._full_names[0]!r}."
                f"{did_you_mean(name, [*self.shapes, *self._full_names])}"
            )
        return number

    def _tied(self, tied: Mapping[str, ArrayLike] | None) -> Ints | None:
        """A label for each entry of the full vector, -1 without one; None if none has any."""
        if tied is None:
            return None
        if not isinstance(tied, Mapping):
            raise ValueError(f"tied must map names of arrays to labels, got {tied!r}.")
        found = np.full(self.n_full, -1)
        for name, given in tied.items():
            where, labels = self._slices.get(name), _as_given("tied", name, given)
            shapes = [(), *([] if where is None else [self.shapes[name]])]
            place = self._full_number("tied", name) if where is None else where
            if labels.dtype.kind not in "iu" or labels.shape not in shapes:
                raise ValueError(
                    f"tied[{name!r}] must be an integer"
                    f"{'' if where is None else f' or an array of shape {self.shapes[name]}'}, "
                    f"got {labels.dtype} of shape {labels.shape}."
                )
            if labels.min(initial=0) < -1:
                raise ValueError(
                    f"tied[{name!r}] must have labels from 0 on, and -1 for parameters of their "
                    f"own, got {labels.min()}."
                )
            found[place] = labels if labels.shape == () else labels.ravel()[self._entries[name]]
        given_to = found >= 0
        found[given_to] = np.unique(found[given_to], return_inverse=True)[1]  # 0, 1, 2, ...
        return found if given_to.any() else None

    @cached_property
    def ties(self) -> dict[str, Ints] | None:
        """The labels as ``tied`` takes them, of all arrays; None if there are none."""
        if self._labels is None:
            return None
        return {
            array.name: array.values(self._labels[self._slices[array.name]] + 1) - 1
            for array in self.arrays
        }

    def _check_name(self, argument: str, name: str) -> None:
        if name not in self.shapes:
            raise ValueError(unknown_name(argument, name, self.shapes, "array"))

    @cached_property
    def names(self) -> list[str]:
        """The name of each free parameter, such as "coefs_0[age, h3]"; of its first entry."""
        full = self._full_names
        return full if self.free is None else [full[p] for p in self.free]

    def has_parameters_of(self, other: ParameterLayout) -> bool:
        """Whether parameters have the same names and entries.

        Parameters
        ----------
        other : ParameterLayout
            Another layout.

        Returns
        -------
        bool
            True if vectors of one are vectors of the other.
        """
        return self.names == other.names and np.array_equal(self.positions, other.positions)

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

    def values_of(
        self, name: str, given: ArrayLike, fill: float, merge: np.ufunc = np.maximum
    ) -> Array:
        """Free parameters: what is given for an array or a single parameter, else a fill value.

        Parameters
        ----------
        name : str
            Of an array, such as "coefs_0", or a parameter, such as "coefs_0[age, h3]"; any
            entry of a shared parameter names it.
        given : float or array of the array's shape
            The values.
        fill : float
            Of all other parameters.
        merge : ufunc, default=numpy.maximum
            What becomes of the values of entries that are one parameter: np.minimum,
            np.maximum, or np.add for factors in a sum over entries.

        Returns
        -------
        ndarray of shape (n_parameters,)
            One value for each free parameter.

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
        full = np.full(self.n_full, fill)
        full[self._slices[name]] = np.broadcast_to(values, shape).ravel()[self._entries[name]]
        return self.merge(full, merge)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        named = zip(self._full_names, self.positions.tolist(), strict=True)
        return {name: number for name, number in named if number >= 0}

    @cached_property
    def positions(self) -> Ints:
        """Where each entry of a full vector is among the free parameters, -1 if it is not.

        Entries that are one parameter have the same number.
        """
        found = np.full(self.n_full, -1)
        if not self.has_ties:
            found[self.exists] = np.arange(self.n_parameters)
            return found
        assert self.free is not None, "there are ties"
        assert self._labels is not None, "so there are labels"
        found[self.free] = np.arange(self.n_parameters)
        tied = self.exists & (self._labels >= 0)
        number = np.zeros(int(self._labels.max()) + 1, dtype=int)
        first = self.free[self._labels[self.free] >= 0]
        number[self._labels[first]] = found[first]
        found[tied] = number[self._labels[tied]]
        return found

    @cached_property
    def _absent(self) -> Ints:
        return np.flatnonzero(~self.exists)

    @cached_property
    def n_entries(self) -> Ints:
        """How many entries each free parameter has."""
        return np.bincount(self.positions[self.exists], minlength=self.n_parameters)

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
        """Find the positions of the parameters of an array among the free ones, in order.

        A parameter that arrays share is one of the array that its first entry is in.

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
        where = self._slices[name]
        if self.has_ties:
            assert self.free is not None, "there are ties"
            return np.flatnonzero((self.free >= where.start) & (self.free < where.stop))
        found: Ints = self.positions[where]
        return found[found >= 0]

    def expand(self, w: Array) -> Array:
        """Full vector of the free parameters, with zeros where a parameter does not exist: S w.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,) or (n_parameters, r)
            Free parameters, or r vectors of them as columns.

        Returns
        -------
        ndarray of shape (n_full,) or (n_full, r)
            ``w`` itself, not a copy, if all entries are parameters of their own.
        """
        if self.free is None:
            return w
        if self.has_ties:
            full = w[self.positions]
            full[self._absent] = 0.0
            return full
        full = np.zeros((self.n_full, *w.shape[1:]))
        full[self.free] = w
        return full

    def restrict(self, full: NDArray[Any], kept: Bools | None = None) -> NDArray[Any]:
        """Free parameters of a full vector of values; of a shared one that of its first entry.

        Parameters
        ----------
        full : ndarray of shape (n_full,) or (n_full, r)
            A full vector, or r of them as columns.
        kept : ndarray of bool of shape (n_full,), default=None
            Entries that count in a net with less connections, of which a shared parameter may
            lack the first; it is 0 where none does.

        Returns
        -------
        ndarray of shape (n_parameters,) or (n_parameters, r)
            ``full`` itself, not a copy, if all entries are parameters of their own.
        """
        if kept is None or not self.has_ties:
            return full if self.free is None else full[self.free]
        entries = np.flatnonzero(self.exists & kept)[::-1]
        found = np.zeros((self.n_parameters, *full.shape[1:]), full.dtype)
        found[self.positions[entries]] = full[entries]  # the first goes over the others
        return found

    def pull_back(self, full: Array, axis: int = 0) -> Array:
        """Derivative in the free parameters, from the one in the full vector: S' times it.

        Parameters
        ----------
        full : ndarray with n_full entries along the axis
            Derivatives in the entries.
        axis : int, default=0
            The axis of the entries.

        Returns
        -------
        ndarray with n_parameters entries along the axis
            Sums over the entries of each parameter. ``full`` itself, not a copy, if all entries
            are parameters of their own.
        """
        if self.free is None:
            return full
        if not self.has_ties:
            return full.take(self.free, axis)
        moved = np.moveaxis(full, axis, 0)
        summed = self._transposed @ moved.reshape(self.n_full, -1)
        return np.moveaxis(summed.reshape(self.n_parameters, *moved.shape[1:]), 0, axis)

    def pull_back_matrix(self, full: Array) -> Array:
        """Second derivatives in the free parameters, from those in the full vector: S' H S.

        Parameters
        ----------
        full : ndarray of shape (n_full, n_full)
            A symmetric matrix.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
            ``full`` itself, not a copy, if all entries are parameters of their own.
        """
        if self.free is None:
            return full
        if not self.has_ties:
            return full[np.ix_(self.free, self.free)]
        return symmetric_part(self.pull_back(self.pull_back(full), axis=1))

    @cached_property
    def _transposed(self) -> csr_array:
        """The matrix S'."""
        entries = np.flatnonzero(self.exists)
        places = self.positions[entries], entries
        return csr_array((np.ones(len(entries)), places), (self.n_parameters, self.n_full))

    def mean(self, full: Array) -> Array:
        """Free parameters of a full vector of values; of a shared one their mean.

        Parameters
        ----------
        full : ndarray of shape (n_full,)
            A full vector.

        Returns
        -------
        ndarray of shape (n_parameters,)
            One value for each free parameter.
        """
        return self.pull_back(full) / self.n_entries

    def merge(self, full: NDArray[Any], how: np.ufunc) -> NDArray[Any]:
        """What is said of the entries of each free parameter, merged by an operation.

        Parameters
        ----------
        full : ndarray of shape (n_full,)
            One value for each entry.
        how : ufunc
            Of two values, such as np.maximum for lower bounds.

        Returns
        -------
        ndarray of shape (n_parameters,)
            One value for each free parameter.
        """
        if not self.has_ties:
            return self.restrict(full)
        assert self.free is not None, "there are ties"
        found, others = full[self.free], self.exists.copy()
        others[self.free] = False
        how.at(found, self.positions[others], full[others])
        return found

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

        Of entries that are the same parameter, as in a symmetric matrix or if they are tied, the
        first counts.

        Parameters
        ----------
        arrays : mapping of str to array
            One array for each name of the layout.

        Returns
        -------
        ndarray of shape (n_parameters,)
            The free parameters w.

        Raises
        ------
        ValueError
            If the names are not those of the layout, or an array has a wrong shape.
        """
        return self.restrict(self.flat(arrays))

    def flat(self, arrays: Mapping[str, ArrayLike]) -> Array:
        """Full vector of named arrays, also of entries that do not exist or are tied.

        Parameters
        ----------
        arrays : mapping of str to array
            As of :meth:`pack`.

        Returns
        -------
        ndarray of shape (n_full,)
            One value for each entry of the arrays, in the order of the layout.
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
        return full


def _as_given(argument: str, name: str, given: ArrayLike) -> NDArray[Any]:
    """An array of any kind, or an error where rows have unequal lengths."""
    try:
        return np.asarray(given)
    except ValueError as reason:
        raise ValueError(f"{argument}[{name!r}] must be an array: {reason}") from None


def _one_truth(name: str, given: NDArray[Any]) -> bool:
    """True or False, or an error."""
    if given.dtype != bool or given.shape != ():
        raise ValueError(f"connectivity[{name!r}] must be True or False, got {given.tolist()!r}.")
    return bool(given)
