"""Known terms of raw predictions, as users give them: an offset, or an exposure."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import Loss
from sknewtonnet.calculus.pieces.validation import real_array
from sknewtonnet.estimators._arguments import check_range


@dataclass(frozen=True, eq=False)
class KnownTerms:
    """An offset, an exposure, both or none: offset + log(exposure) is added to raw predictions.

    Attributes
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
            check_range(name, columns)
            found = columns if found is None else found + columns
        return found


NO_TERMS = KnownTerms()

NO_OFFSET = (
    "The net was fitted with an offset or exposure, and none is given: what it predicts is for "
    "offset 0, or exposure 1. Give offset= or exposure= of these rows; offset=0 says that it is "
    "meant."
)


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
    if array.ndim == 1 and loss.shift_invariant:
        raise ValueError(
            f"{name} has one number for each row, but what is common to all {n_outputs} classes "
            f"changes nothing: give a column for each class, in the order of classes_."
        )
    columns = array[:, None] if array.ndim == 1 else array
    return np.array(np.broadcast_to(columns, shape))
