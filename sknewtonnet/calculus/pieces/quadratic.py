"""Layers of quadratic forms ([I] 4.2, doc/mathematics.md 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.pieces.layer_at_point import LinearAtPoint
from sknewtonnet.calculus.pieces.layers import Layer
from sknewtonnet.calculus.pieces.radial import RadialLayer
from sknewtonnet.calculus.pieces.symmetric import pairs
from sknewtonnet.calculus.pieces.unit_activations import LayerActivation


class Quadratic(RadialLayer):
    """Units x_j = exp(-p_j / 2) of any quadratic form of x~ = (z, 1) ([I] 4.2).

        p_j(z) = x~' W_j x~,    W_j symmetric ("quadratic_forms")

    It contains all Gaussian units, but does not keep the form definite: exp(-p / 2) has no bound
    where p is negative, and a constant in p does what a factor of the unit does. With a bounded
    activation, such as "logistic", neither holds.

    Parameters
    ----------
    sources : sequence of int
        The nodes it reads, in increasing order.
    n_units : int
        Number of units.
    activation : str or Activation, default="squared_exponential"
        Function of p_j.

    See Also
    --------
    Semidefinite : Forms that are never negative.
    GaussianRBF : Positive definite forms with a centre.
    Network.rbf : A net of these units, ``covariance_type="quadratic"``.

    Examples
    --------
    The square (z - 1)^2 as a quadratic form, W = (1, -1; -1, 1):

    >>> import numpy as np
    >>> from sknewtonnet.calculus import Quadratic
    >>> layer = Quadratic((0,), 1)
    >>> theta = np.array([[1.0], [-1.0], [1.0]])  # W_11, W_12, W_22
    >>> layer.value(theta, np.array([[0.0, 1.0, 3.0]]))
    array([[1., 0., 4.]])
    """

    definite: ClassVar[bool] = False
    odd_in_parameters: ClassVar[bool] = True

    def __init__(
        self,
        sources: Sequence[int],
        n_units: int,
        activation: LayerActivation = "squared_exponential",
    ):
        super().__init__(sources, n_units, activation)

    def unit_arrays(self, n_inputs: int) -> dict[str, Ints]:
        """The upper half of W; the lower one shows the same parameters.

        See :meth:`Layer.unit_arrays`.

        Parameters
        ----------
        n_inputs : int
            Number of inputs, p.

        Returns
        -------
        dict of str to integer array
            For each entry of the array its row of theta, or -1 for an entry that is always
            zero. The arrays take the rows 0, 1, ... one after the other. Empty for a layer without
            parameters.
        """
        return {"quadratic_forms": pairs(n_inputs + 1)}

    def input_rows(self, n_inputs: int) -> list[Ints]:
        """The products of entries of x~ that contain an input. See :meth:`Layer.input_rows`.

        Parameters
        ----------
        n_inputs : int
            Number of inputs, p.

        Returns
        -------
        list of integer array, or None
            Rows of theta: with all of them zero the unit does not depend on the input. None,
            the default, if there are no such parameters: a centre of 0 removes no input.
        """
        forms = pairs(n_inputs + 1)
        return [np.unique(forms[j]) for j in range(n_inputs)]

    def value(self, theta: Array, z: Array) -> Array:
        """The quadratic forms p. See :meth:`Layer.value`.

        Parameters
        ----------
        theta : ndarray of shape (t, s)
            Parameters, a column per unit.
        z : ndarray of shape (p, c)
            Inputs, a column per sample.

        Returns
        -------
        ndarray of shape (s, c)
            The pre-activations, a row per unit.
        """
        return theta.T @ _squares(z)

    def slopes(self, theta: Array, z: Array) -> tuple[Array, Array]:
        """2 W x~ without its last entry, and the products of entries of x~.

        See :meth:`Layer.slopes`.

        Parameters
        ----------
        theta : ndarray of shape (t, s)
            Parameters, a column per unit.
        z : ndarray of shape (p, c)
            Inputs, a column per sample.

        Returns
        -------
        inputs : ndarray of shape (s, p, c)
            Derivatives dp/dz.
        parameters : ndarray of shape (s, t, c)
            Derivatives dp/dtheta of each unit in its own parameters.
        """
        W = theta.T[:, pairs(len(z) + 1)]
        inputs = 2.0 * (np.matmul(W[:, :-1, :-1], z) + W[:, :-1, -1:])
        products = _squares(z)
        return inputs, np.broadcast_to(products, (self.n_units, *products.shape))

    def rescaled(self, shift: Array, scale: Array) -> tuple[Layer, Array, Array]:
        """B' W B, with z~ = B x~. See :meth:`Layer.rescaled`.

        Parameters
        ----------
        shift, scale : ndarray of shape (p,)
            Inputs are x = shift + scale z.

        Returns
        -------
        tuple of Layer, ndarray or sparse array of shape (t, t), and ndarray of shape (t,), or None
            The layer with the propagation p', often this one; and A and c, for a column theta of
            any unit. None, the default, if no units of this kind compute the same; then the
            inputs of such a layer are not standardised.
        """
        m = len(shift) + 1
        B = np.diag(np.append(1.0 / scale, 1.0))
        B[:-1, -1] = -shift / scale
        a, b = np.triu_indices(m)
        units = np.zeros((len(a), m, m))  # the symmetric matrix of each parameter
        units[np.arange(len(a)), a, b] = units[np.arange(len(a)), b, a] = 1.0
        return self, (B.T @ units @ B)[:, a, b].T, np.zeros(len(a))

    def on_input(self, theta: Array, z: Array) -> LinearAtPoint:
        """The layer as a linear one of the products of entries of x~.

        See :meth:`Layer.on_input`.

        Parameters
        ----------
        theta : ndarray of shape (t, s)
            Parameters, a column per unit.
        z : ndarray of shape (p + 1, c)
            Samples of the input, a column per sample, above a row of ones.

        Returns
        -------
        LayerAtPoint or LinearAtPoint
            What the passes over a chunk of samples work with.
        """
        return LinearAtPoint(theta, _squares(z[:-1]))

    def curvature_parameters(self, theta: Array, z: Array, delta: Array) -> Array:
        """Zeros: p is linear in W. See :meth:`Layer.curvature_parameters`.

        Parameters
        ----------
        theta : ndarray of shape (t, s)
            Parameters, a column per unit.
        z : ndarray of shape (p, c)
            Inputs, a column per sample.
        delta : ndarray of shape (s, c)
            Factor of each unit and sample.

        Returns
        -------
        ndarray of shape (s, t, t)
            A symmetric matrix for each unit.
        """
        return np.zeros((self.n_units, len(theta), len(theta)))

    def tensor_parameters(self, theta: Array, z: Array, order: int) -> Array | None:
        """The products of entries of x~, for all units the same; nothing above order 1.

        See :meth:`Layer.tensor_parameters`.

        Parameters
        ----------
        theta : ndarray of shape (t, s)
            Parameters, a column per unit.
        z : ndarray of shape (p, c)
            Inputs, a column per sample.
        order : int
            At least 1.

        Returns
        -------
        ndarray of shape (s, t, ..., t, c), or None
            With as many axes of parameters as the order. The first axis may be 1 where the units
            have the same derivatives. None where all are 0.
        """
        return _squares(z)[None] if order == 1 else None

    def curvature_mixed(self, theta: Array, z: Array, delta: Array) -> Array:
        """Delta times the derivatives of the products x~_a x~_b in z.

        See :meth:`Layer.curvature_mixed`.

        Parameters
        ----------
        theta : ndarray of shape (t, s)
            Parameters, a column per unit.
        z : ndarray of shape (p, c)
            Inputs, a column per sample.
        delta : ndarray of shape (s, c)
            Factor of each unit and sample.

        Returns
        -------
        ndarray of shape (s, t, p, c)
            The products, not summed.
        """
        a, b = np.triu_indices(len(z) + 1)
        ones, number = np.vstack([z, np.ones(z.shape[1])]), np.arange(len(a))
        factor = np.where(a == b, 1.0, 2.0)[:, None]
        slopes = np.zeros((len(a), len(z) + 1, z.shape[1]))
        slopes[number, a] += factor * ones[b]
        slopes[number, b] += factor * ones[a]
        return slopes[:, :-1] * delta[:, None, None]

    def curvature_inputs(self, theta: Array, z: Array, delta: Array) -> Array:
        """Sum over units of 2 W delta, without the last row and column of W.

        See :meth:`Layer.curvature_inputs`.

        Parameters
        ----------
        theta : ndarray of shape (t, s)
            Parameters, a column per unit.
        z : ndarray of shape (p, c)
            Inputs, a column per sample.
        delta : ndarray of shape (s, c)
            Factor of each unit and sample.

        Returns
        -------
        ndarray of shape (p, p, c)
            A symmetric matrix for each sample.
        """
        W = theta.T[:, pairs(len(z) + 1)][:, :-1, :-1]
        return np.tensordot(2.0 * W, delta, axes=(0, 0))

    def quadratic_forms(self, theta: NDArray[Any], n_inputs: int) -> NDArray[Any]:
        """The parameters themselves. See :meth:`RadialLayer.quadratic_forms`.

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
        return theta.T[:, pairs(n_inputs + 1)]

    def round_units(self, centers: Array, widths: Array) -> Array:
        """Squared distances from the centres over a width.

        See :meth:`RadialLayer.round_units`.

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
        n_inputs = centers.shape[1]
        a, b = np.triu_indices(n_inputs + 1)
        ones = np.column_stack([-centers, np.ones(len(centers))])
        # W = M (I, -mu; -mu', mu'mu) with M = width^-2.
        forms = np.where(b == n_inputs, ones[:, a], (a == b).astype(float))
        forms[:, -1] = (centers**2).sum(axis=1)
        return (forms / widths[:, None] ** 2).T


def _squares(z: Array) -> Array:
    """Products x~_a x~_b with a <= b, twice where a < b, of shape (t, c)."""
    ones = np.vstack([z, np.ones(z.shape[1])])
    a, b = np.triu_indices(len(ones))
    return np.where(a == b, 1.0, 2.0)[:, None] * ones[a] * ones[b]
