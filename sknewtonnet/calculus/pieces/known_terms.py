"""Known terms of raw predictions, as users give them: an offset, or an exposure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.pieces.loss import Loss
from sknewtonnet.calculus.pieces.validation import real_array

# Squares of numbers above this leave the range of doubles.
_LARGEST = 1e120


@dataclass(frozen=True, eq=False)
class KnownTerms:
    """An offset, an exposure, both or none: offset + log(exposure) is added to raw predictions.

    Parameters
    ----------
    offset : float, array-like of shape (n_samples,) or (n_samples, n_outputs), or None
        In units of the raw predictions.
    exposure : float, array-like of the same shapes, or None
        Positive; for losses with a logarithmic link.
    """

    offset: Any = None
    exposure: Any = None

    @property
    def metadata(self) -> dict[str, Any]:
        """Those that are given, by their names."""
        both = {"offset": self.offset, "exposure": self.exposure}
        return {name: value for name, value in both.items() if value is not None}

    def terms(self, loss: Loss, n_samples: int, n_outputs: int) -> Array | None:
        """Their sum.

        Parameters
        ----------
        loss : Loss
            The loss, whose link it is.
        n_samples, n_outputs : int
            Of the raw predictions.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs), or None
            None where none is given.

        Raises
        ------
        ValueError
            If one of them has another shape, is not finite, or does not suit the link.
        """
        if self.exposure is not None and loss.out_activation != "exp":
            raise ValueError(
                "exposure enters as its logarithm beside a logarithmic link, such as that of the "
                f"losses 'poisson' and 'gamma'; the loss {loss.name!r} has another: give offset."
            )
        found = None
        for name, given in self.metadata.items():
            columns = _columns(name, given, loss, n_samples, n_outputs)
            if name == "exposure":
                if not (columns > 0.0).all():
                    raise ValueError(
                        f"exposure must be positive, got values from {columns.min():g} to "
                        f"{columns.max():g}; leave rows without exposure out."
                    )
                columns = np.log(columns)
            found = columns if found is None else found + columns
        return found


NO_TERMS = KnownTerms()


def _columns(name: str, given: Any, loss: Loss, n_samples: int, n_outputs: int) -> Array:
    """Finite numbers for each row and output."""
    array = real_array(name, given)
    shape = (n_samples, n_outputs)
    if array.shape not in ((), shape[:1], shape):
        raise ValueError(
            f"{name} must be a number or have shape ({n_samples},) or {shape}, got {array.shape}."
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, but contains NaN or infinity.")
    if np.abs(array).max(initial=0.0) > _LARGEST:
        raise ValueError(
            f"{name} must have magnitudes of at most {_LARGEST:g}, since squares leave the range "
            f"of doubles; got {np.abs(array).max():.3g}."
        )
    if array.ndim == 1 and loss.shift_invariant:
        raise ValueError(
            f"{name} has one number for each row, but what is common to all {n_outputs} classes "
            f"changes nothing: give a column for each class, in the order of classes_."
        )
    columns = array[:, None] if array.ndim == 1 else array
    return np.array(np.broadcast_to(columns, shape))
