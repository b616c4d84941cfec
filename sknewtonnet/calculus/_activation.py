"""What an activation function is."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Activation(ABC):
    """An elementwise function h with its derivatives.

    Attributes
    ----------
    name : str
        The name under which a registry or an error message knows it.
    smooth : bool
        Whether h is twice continuously differentiable. Where it is not (the kink of
        relu), the derivatives are those of the branch the point lies in.
    monotonic : bool
        Whether h never falls.
    parity : {-1, 0, 1}
        Whether h(-a) = -h(a), neither, or h(-a) = h(a).
    max_order : int or None
        The highest order that :meth:`derivatives` offers; None stands for any order.
    """

    name: ClassVar[str] = "unnamed"
    smooth: ClassVar[bool] = True
    monotonic: ClassVar[bool] = False
    parity: ClassVar[int] = 0
    max_order: ClassVar[int | None] = 2

    @abstractmethod
    def derivatives(self, a: Array, order: int = 2) -> tuple[Array, ...]:
        """Value and derivatives up to an order, in one pass.

        Parameters
        ----------
        a : ndarray of any shape
            Pre-activations. They are not written to.
        order : int, default=2
            The highest derivative wanted; at least 0, at most ``max_order``.

        Returns
        -------
        tuple of order + 1 ndarrays
            ``h(a), h'(a), ..., h^(order)(a)``, each a new array of a's shape.
        """

    def value(self, a: Array) -> Array:
        """The function itself, h(a)."""
        return self.derivatives(a, 0)[0]

    def forward(self, a: Array, value: Array, slope: Array) -> None:
        """Leave h(a) and h'(a) in two arrays of a's shape.

        To be written only where it saves temporaries that :meth:`derivatives` makes.
        """
        value[...], slope[...] = self.derivatives(a, 1)

    def curvature(self, value: Array, slope: Array) -> Array | None:
        """h''(a) as a function of h(a) and h'(a), or None where it is computed from a."""
        return None

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
