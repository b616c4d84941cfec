"""What objectives say of themselves by their net, loss and penalty, wherever their rows are."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import ArrayLike

from sknewtonnet._tables import counted
from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.functions.output_layer import (
    ConvexOutput,
    LeastSquaresOutput,
    convex_output,
    invariant_directions,
    least_squares_output,
    why_not_reduced,
)
from sknewtonnet.calculus.functions.penalised import curvature_of_blocks, positions_of_blocks
from sknewtonnet.calculus.functions.projection import ReducedObjective
from sknewtonnet.calculus.pieces.function import SmoothFunction
from sknewtonnet.calculus.pieces.loss import Loss
from sknewtonnet.calculus.pieces.penalties import PenaltySum
from sknewtonnet.calculus.pieces.validation import real_array


class PenalisedLoss(SmoothFunction):
    """What :class:`Objective` and :class:`BlockObjective` share: all that needs no look at rows.

    Attributes
    ----------
    network : Network
        The net.
    loss : Loss
        The loss, behind the activation of the last layer.
    penalty : PenaltySum
        The penalties.
    """

    network: Network
    loss: Loss
    penalty: PenaltySum
    n_samples: int

    def _in_words(self) -> str:
        parameters, rows = counted(self.n_parameters, "parameter"), counted(self.n_samples, "row")
        return f"of {self.network.architecture}, loss {self.loss.name}, {parameters}, {rows}"

    @abstractmethod
    def _reach_solved(self, w: ArrayLike, output: LeastSquaresOutput | ConvexOutput) -> Array:
        """Go to where the output layer suits the other parameters of w best; return that."""

    def block_positions(self) -> list[Ints] | None:
        """Where the parameters of each of :meth:`hessian_blocks` are.

        Returns
        -------
        list of ndarray of int of shape (s_k, t_k), or None
            Positions in w; -1 for connections that do not exist. None where parameters are tied
            to each other: then blocks of units are no blocks of the Hessian.
        """
        return positions_of_blocks(self.network)

    def curvature(self, w: Array, d: Array, kind: str = "exact") -> float:
        """Second derivative d'Hd along a direction; see :meth:`SmoothFunction.curvature`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        d : ndarray of shape (n_parameters,)
            The direction.
        kind : str, default="exact"
            As in :meth:`hessian`. Of "block" the blocks of the units alone are formed.

        Returns
        -------
        float
            The curvature, |d|^2 times that along a unit vector.
        """
        if kind != "block" or self.network.layout.has_ties:
            return super().curvature(w, d, kind)
        return curvature_of_blocks(self.network, self.hessian_blocks(w), d)

    def invariant_directions(self, *, penalised: bool = True) -> Array:
        """Find the directions along which f is constant everywhere, by the form of its loss.

        A softmax does not change when all its logits get the same number: so the output
        intercepts can move together, and without a penalty each row of output coefficients.

        Parameters
        ----------
        penalised : bool, default=True
            True for f itself, False for f without its penalty.

        Returns
        -------
        ndarray of shape (n_parameters, n_directions)
            Orthonormal columns; none for most losses.
        """
        if not self.loss.shift_invariant:
            return np.empty((self.n_parameters, 0))
        return invariant_directions(self.network, self.penalty if penalised else None)

    def parameter_names(self) -> tuple[str, ...]:
        """Name the parameters, such as "coefs_0[age, h3]".

        Returns
        -------
        tuple of str
            One name for each entry of w.
        """
        return tuple(self.network.layout.names)

    def kinks(self, w: ArrayLike) -> tuple[str, ...]:
        """Name the places without derivatives of the penalties that w is at, or next to.

        Parameters
        ----------
        w : array of shape (n_parameters,)
            The point.

        Returns
        -------
        tuple of str
            A clause for each place.
        """
        return self.penalty.kinks(real_array("w", w))

    def why_not_reduced(self) -> str:
        """Name the penalties that alone prevent the closed form of :meth:`reduced`.

        Returns
        -------
        str
            A main clause for messages; empty if no penalty is the reason.
        """
        return why_not_reduced(self.network, self.loss, self.penalty)

    def reduced(self) -> ReducedObjective | None:
        """Return f as a function of all but the output layer, where that has a closed form.

        Returns
        -------
        ReducedObjective or None
            Of squared errors with penalised output coefficients and no other penalty of the
            output layer; None for all others. Of rows in blocks a value takes two passes: one
            solves for the output layer.
        """
        output = least_squares_output(self.network, self.loss, self.penalty)
        if output is None:
            return None
        return ReducedObjective(self, self.network, output, self._reach_solved)

    def projected(self, w: ArrayLike) -> ReducedObjective | None:
        """Return f as a function of all but the output layer, which Newton's method solves for.

        Parameters
        ----------
        w : array of shape (n_parameters,)
            Where the output layer begins.

        Returns
        -------
        ReducedObjective or None
            For any loss, penalised or not; None if the output layer is not linear, has another
            penalty than a ridge, or more than 500 parameters. Of rows in blocks a value takes
            some five passes, one for each step of Newton's method.
        """
        vector = np.asarray(w, dtype=float)
        output = convex_output(self.network, self.loss, self.penalty, vector)
        if output is None:
            return None
        return ReducedObjective(self, self.network, output, self._reach_solved)
