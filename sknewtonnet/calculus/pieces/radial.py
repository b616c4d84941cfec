"""Layers of quadratic forms of their inputs, whatever their parameters ([I] 4.2)."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sknewtonnet._typing import Array
from sknewtonnet.calculus.pieces.bumps import random_bumps
from sknewtonnet.calculus.pieces.layers import Layer


class RadialLayer(Layer):
    """Units of quadratic forms p_j = x~' W_j x~, with x~ = (z, 1).

    A subclass says how the forms depend on its parameters.
    """

    # Whether p_j >= 0 at all parameters.
    definite: ClassVar[bool] = True

    @property
    def has_bumps(self) -> bool:
        """Whether a unit is highest in the middle and falls off to all sides."""
        return self.definite and self.activation.for_distances

    @abstractmethod
    def round_units(self, centers: Array, widths: Array) -> Array:
        """Parameters of units with p_j = |z - center_j|^2 / width_j^2.

        Parameters
        ----------
        centers : ndarray of shape (s, p)
            Where the units are.
        widths : ndarray of shape (s,)
            How wide they are.

        Returns
        -------
        ndarray of shape (t, s)
            A column per unit.
        """

    @abstractmethod
    def quadratic_forms(self, theta: NDArray[Any], n_inputs: int) -> NDArray[Any]:
        """The symmetric matrices W_j; for complex parameters, too.

        Parameters
        ----------
        theta : ndarray of shape (t, s)
            Parameters, a column per unit.
        n_inputs : int
            Number of inputs, p.

        Returns
        -------
        ndarray of shape (s, p + 1, p + 1)
            One matrix for each unit, whose last row and column belong to the constant.
        """

    def start(self, center: Array, spread: Array, random_state: np.random.RandomState) -> Array:
        """Round units at centres that are spread like the inputs, which reach their neighbours.

        See :meth:`Layer.start`.

        Parameters
        ----------
        center, spread : ndarray of shape (n_inputs,)
            Weighted mean and standard deviation of each input, when earlier layers are at their
            own start.
        random_state : RandomState
            Source of the random numbers.

        Returns
        -------
        ndarray of shape (t, s)
            Parameters theta, in the rows of ``unit_arrays``.
        """
        return self.round_units(*random_bumps(self.n_units, center, spread, random_state))

    def arrays_of(self, theta: NDArray[Any], n_inputs: int) -> dict[str, NDArray[Any]]:
        """The named arrays of all units, the unit first.

        Parameters
        ----------
        theta : ndarray of shape (t, s)
            Parameters, a column per unit.
        n_inputs : int
            Number of inputs, p.

        Returns
        -------
        dict of str to ndarray
            Zero where an entry is no parameter.
        """
        return {
            name: np.where(rows < 0, 0.0, theta.T[:, rows])
            for name, rows in self.unit_arrays(n_inputs).items()
        }
