"""Blocks of rows as users give them, made into what a loss takes at each pass."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import issparse

from sknewtonnet._sklearn import check_sample_weight
from sknewtonnet._typing import Array
from sknewtonnet.calculus import Loss, Rows
from sknewtonnet.calculus.functions.standardization import Units, standardised
from sknewtonnet.calculus.pieces.known_terms import KnownTerms
from sknewtonnet.estimators._block_tables import Columns
from sknewtonnet.estimators._given import encoded
from sknewtonnet.estimators._targets import Target


@dataclass(frozen=True, eq=False)
class Encoding:
    """Rows as a loss takes them, from rows as users give them; without those of weight zero.

    Of the samples there is at most one copy.

    Parameters
    ----------
    target : Target
        What the targets mean.
    loss : Loss or None, default=None
        The loss beside whose link known terms are; None for rows without.
    units : tuple of Units, default=()
        In which units the rows are put, one after the other.
    """

    target: Target
    loss: Loss | None = None
    units: tuple[Units, ...] = ()

    def __call__(self, rows: Rows) -> Rows:
        """Arrays of float64."""
        X, own = _samples(rows.X)
        if self.units and X.shape[1] != len(self.units[0].shift):
            raise ValueError(
                f"blocks have changed: X has {X.shape[1]} columns, at first it had "
                f"{len(self.units[0].shift)}; each pass must read the same rows."
            )
        if len(X) != np.shape(rows.Y)[0]:
            raise ValueError(f"X has {len(X)} rows, but y has {np.shape(rows.Y)[0]}.")
        weight = weights_of(rows.sample_weight, len(X))
        data = encoded(self.target, X, np.asarray(rows.Y), weight)
        own |= data.X is not X
        X, Y, offset = data.X, data.Y, None
        if self.loss is not None and rows.offset is not None:
            terms = known_of(rows).terms(self.loss, len(weight), Y.shape[1])
            offset = terms if terms is None or len(X) == len(weight) else terms[weight > 0]
        for units in self.units:
            X = standardised(X, units.shift, units.scale, out=X if own else None)
            own, Y = True, units.targets(Y)
            offset = None if offset is None else offset / units.out_scale
        return Rows(X, Y, data.sample_weight, offset)

    def in_units(self, units: Units) -> Encoding:
        """The same into other units."""
        return replace(self, units=(*self.units, units))


def known_of(rows: Rows) -> KnownTerms:
    """The known terms of a block."""
    given = rows.offset
    return given if isinstance(given, KnownTerms) else KnownTerms(given)


def weights_of(given: Any, n_rows: int) -> Array:
    """The weights of a block, of which all may be zero."""
    found: Array = check_sample_weight(
        given,
        np.empty((n_rows, 1)),
        dtype=np.float64,
        ensure_non_negative=True,
        allow_all_zero_weights=True,
    )
    return found


def _samples(X: Any) -> tuple[Array, bool]:
    """Samples of a block as float64, and whether they are a copy."""
    if issparse(X):
        return np.asarray(X.toarray(), dtype=np.float64), True
    if isinstance(X, Columns):  # which are read anew at each pass
        return X.values, True
    found = np.asarray(X, dtype=np.float64)
    return found, isinstance(X, np.ndarray) and X.dtype != np.float64
