"""A constraint whose answers have the shapes that its class promises."""

from __future__ import annotations

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.constraints import Constraint
from sknewtonnet.calculus.pieces.validation import real_array


class ShapedConstraint(Constraint):
    """A constraint, such as one of a user, that is refused by name where it does not keep to form.

    Parameters
    ----------
    constraint : Constraint
        The constraint, of parameters of a net.
    n_parameters : int
        How many there are.

    Raises
    ------
    TypeError
        If it is no Constraint.
    ValueError
        If its limits are not two arrays of one length that are not crossed; and in the methods,
        if those of the constraint return another shape.
    """

    def __init__(self, constraint: Constraint, n_parameters: int):
        if not isinstance(constraint, Constraint):
            raise TypeError(
                "constraints: on(network) must return a sknewtonnet.calculus.Constraint, got "
                f"{constraint!r}."
            )
        self.constraint, self.n_parameters = constraint, n_parameters
        self.follows_names = constraint.follows_names
        given = constraint.limits
        pair = given if isinstance(given, tuple | list) and len(given) == 2 else (given, None)
        lower, upper = (np.array(real_array(self._what("limits"), each)) for each in pair)
        if lower.ndim != 1 or lower.shape != upper.shape or not (lower <= upper).all():
            raise ValueError(
                f"{self._what('limits')} must be two arrays of shape (m,), the first not above "
                f"the second, got {given!r}."
            )
        self._limits = lower, upper

    def _what(self, attribute: str) -> str:
        return f"constraints: {attribute} of {self.title}"

    @property
    def title(self) -> str:
        """That of the constraint."""
        return self.constraint.title

    @property
    def limits(self) -> tuple[Array, Array]:
        """Those of the constraint."""
        return self._limits

    def value(self, w: Array) -> Array:
        """See :meth:`Constraint.value`."""
        return self._shaped("value", self.constraint.value(w), (len(self._limits[0]),))

    def jacobian(self, w: Array) -> Array:
        """See :meth:`Constraint.jacobian`."""
        shape = len(self._limits[0]), self.n_parameters
        return self._shaped("jacobian", self.constraint.jacobian(w), shape)

    def hessian(self, w: Array, v: Array) -> Array:
        """See :meth:`Constraint.hessian`."""
        shape = self.n_parameters, self.n_parameters
        return self._shaped("hessian", self.constraint.hessian(w, v), shape)

    def _shaped(self, method: str, found: Array, shape: tuple[int, ...]) -> Array:
        array = real_array(self._what(method), found)
        if array.shape != shape:
            raise ValueError(f"{self._what(method)} must return shape {shape}, got {array.shape}.")
        return array
