"""Layers of semidefinite quadratic forms ([I] 4.2, doc/mathematics.md 4)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus.pieces.layers import Layer
from sknewtonnet.calculus.pieces.memory import check_memory
from sknewtonnet.calculus.pieces.radial import RadialLayer
from sknewtonnet.calculus.pieces.symmetric import pairs
from sknewtonnet.calculus.pieces.unit_activations import LayerActivation

# What moves the roots of p by this little on the data moves p by nothing.
_NOTHING = 1e-6


class Semidefinite(RadialLayer):
    """Units x_j = exp(-p_j / 2) of quadratic forms that are never negative ([I] 4.2).

        p_j(z) = x~' W_j x~ = |V_j' x~|^2 = |U_j' z + c_j|^2,    W_j = V_j V_j',  x~ = (z, 1)

    V_j ("quadratic_factors", p + 1 rows and p columns) has an upper triangular matrix U_j above
    the row c_j. There are no logarithms: M_j = U_j U_j' may be singular, and the unit then
    ignores directions of its inputs. Where it is not, these are the Gaussian units of full
    covariance, with their centre where U_j' z + c_j = 0. W_j has no constant that is added to
    the square, which would do what a factor of the unit does.

    The signs of the columns of V_j are free: in the canonical form the diagonal of U_j is not
    negative. Unlike differences from a centre, U_j' z + c_j loses digits if the origin of z is far
    away; standardised columns have none that is.

    Parameters
    ----------
    sources : sequence of int
        The nodes it reads, in increasing order.
    n_units : int
        Number of units, s.
    activation : str or Activation, default="squared_exponential"
        Function of p_j.

    See Also
    --------
    GaussianRBF : The same units by their centres, where no form is singular.
    Quadratic : Any quadratic form.
    Network.rbf : A net of these units, ``covariance_type="semidefinite"``.

    Examples
    --------
    A unit that ignores its second input, (z_1 - 1)^2:

    >>> import numpy as np
    >>> from sknewtonnet.calculus import Semidefinite
    >>> layer = Semidefinite((0,), 1)
    >>> theta = np.array([[1.0, 0.0, 0.0, -1.0, 0.0]]).T  # U_11, U_12, U_22, c_1, c_2
    >>> layer.value(theta, np.array([[0.0, 1.0, 3.0], [5.0, 6.0, 7.0]]))
    array([[1., 0., 4.]])
    >>> layer.quadratic_forms(theta, 2)[0]
    array([[ 1.,  0., -1.],
           [ 0.,  0.,  0.],
           [-1.,  0.,  1.]])
    """

    def __init__(
        self,
        sources: Sequence[int],
        n_units: int,
        activation: LayerActivation = "squared_exponential",
    ):
        super().__init__(sources, n_units, activation)

    def unit_arrays(self, n_inputs: int) -> dict[str, Ints]:
        """The upper half of U, row after row, and c below it. See :meth:`Layer.unit_arrays`.

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
        what = f"semidefinite forms of {n_inputs} inputs"
        check_memory(what, 64.0 * n_inputs**2, 'use covariance_type="diag"')
        upper = np.where(np.tri(n_inputs, dtype=bool).T, pairs(n_inputs), -1)
        n_upper = int(upper.max()) + 1
        return {"quadratic_factors": np.vstack([upper, n_upper + np.arange(n_inputs)])}

    def input_rows(self, n_inputs: int) -> list[Ints]:
        """Row j of V, and column j, which forms of the other inputs do without.

        Where an input has no effect a form is at the edge of those that are never negative: tests
        that it has none reject less often than they say. See :meth:`Layer.input_rows`.

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
        a, b = _entries(n_inputs)
        return [np.flatnonzero((a == j) | (b == j)) for j in range(n_inputs)]

    def value(self, theta: Array, z: Array) -> Array:
        """The squared lengths p. See :meth:`Layer.value`.

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
        r = self._images(theta, z)
        return np.einsum("spi,spi->si", r, r)

    def slopes(self, theta: Array, z: Array) -> tuple[Array, Array]:
        """2 U r in z, and 2 x~_a r_b in V_ab, with r = V' x~. See :meth:`Layer.slopes`.

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
        r = self._images(theta, z)
        a, b = _entries(len(z))
        ones = np.vstack([z, np.ones(z.shape[1])])
        inputs = 2.0 * np.matmul(self._factors(theta, len(z))[:, :-1], r)
        return inputs, 2.0 * r[:, b] * ones[a]

    def curvature_parameters(self, theta: Array, z: Array, delta: Array) -> Array:
        """2 sum_i delta_i x~_a x~_e between V_ab and V_eb. See :meth:`Layer.curvature_parameters`.

        Parameters in different columns of V do not meet.

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
        a, b = _entries(len(z))
        return 2.0 * _moments(z, delta)[:, a[:, None], a] * (b[:, None] == b)

    def curvature_along(self, theta: Array, z: Array, delta: Array, direction: Array) -> Array:
        """The product with a direction E of V, 2 sum_i delta_i x~ x~' E.

        See :meth:`Layer.curvature_along`.

        Parameters
        ----------
        theta : ndarray of shape (t, s)
            Parameters, a column per unit.
        z : ndarray of shape (p, c)
            Inputs, a column per sample.
        delta : ndarray of shape (s, c)
            Factor of each unit and sample.
        direction : ndarray of shape (..., t, s)
            Directions.

        Returns
        -------
        ndarray of shape (..., t, s)
            A product for each direction.
        """
        entries = (..., *_entries(len(z)))
        E = np.zeros((*direction.shape[:-2], self.n_units, len(z) + 1, len(z)))
        E[entries] = direction.swapaxes(-1, -2)
        return 2.0 * np.matmul(_moments(z, delta), E)[entries].swapaxes(-1, -2)

    def tensor_parameters(self, theta: Array, z: Array, order: int) -> Array | None:
        """Slopes, 2 x~_a x~_e between V_ab and V_eb for all units, and nothing above order 2.

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
        if order == 1:
            return self.slopes(theta, z)[1]
        if order > 2:
            return None
        a, b = _entries(len(z))
        factors = np.vstack([z, np.ones(z.shape[1])])[a]
        return (2.0 * (b[:, None] == b)[:, :, None] * factors[:, None] * factors)[None]

    def curvature_mixed(self, theta: Array, z: Array, delta: Array) -> Array:
        """2 delta (r_b + x~_a V_eb) between V_ab and z_e, the first where a = e.

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
        r, V = self._images(theta, z), self._factors(theta, len(z))
        a, b = _entries(len(z))
        ones = np.vstack([z, np.ones(z.shape[1])])
        found = V[:, :-1, b].swapaxes(1, 2)[..., None] * ones[a, None]
        own = np.flatnonzero(a < len(z))
        found[:, own, a[own]] += r[:, b[own]]
        return 2.0 * found * delta[:, None, None]

    def curvature_inputs(self, theta: Array, z: Array, delta: Array) -> Array:
        """Sum over units of 2 U U' delta. See :meth:`Layer.curvature_inputs`.

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
        U = self._factors(theta, len(z))[:, :-1]
        return np.tensordot(2.0 * np.matmul(U, U.swapaxes(1, 2)), delta, axes=(0, 0))

    def rescaled(self, shift: Array, scale: Array) -> tuple[Layer, sparse.sparray, Array]:
        """The rows of U are divided by scale, and c less shift' U makes up for the origin.

        See :meth:`Layer.rescaled`.

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
        a, b = _entries(len(scale))
        number = np.arange(len(a))
        A = sparse.lil_array((len(a), len(a)))
        A[number, number] = np.append(1.0 / scale, 1.0)[a]
        inside = np.flatnonzero(a < len(scale))
        A[len(inside) + b[inside], inside] = -(shift / scale)[a[inside]]
        return self, sparse.csr_array(A), np.zeros(len(a))

    def round_units(self, centers: Array, widths: Array) -> Array:
        """U = I / width and c = -mu / width. See :meth:`RadialLayer.round_units`.

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
        a, b = _entries(n_inputs)
        ones = np.where(a < n_inputs, (a == b).astype(float), -centers[:, b])
        return (ones / widths[:, None]).T

    def quadratic_forms(self, theta: NDArray[Any], n_inputs: int) -> NDArray[Any]:
        """W = V V'. See :meth:`RadialLayer.quadratic_forms`.

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
        V = self._factors(theta, n_inputs)
        return np.matmul(V, V.swapaxes(1, 2))

    def canonical(self, theta: Array, n_inputs: int) -> Array:
        """Make the diagonal of U not negative, by signs of V. See :meth:`Layer.canonical`.

        Parameters
        ----------
        theta : ndarray of shape (t, s)
            Parameters, a column per unit.
        n_inputs : int
            Number of inputs, p.

        Returns
        -------
        ndarray of shape (t, s)
            By default theta itself. Override it if a unit has symmetries of its own, such as
            signs of some of its parameters.
        """
        _, b = _entries(n_inputs)
        diagonal = theta[pairs(n_inputs).diagonal()]
        return theta * np.where(diagonal < 0, -1.0, 1.0)[b]

    def ignored(self, theta: Array, sizes: Array) -> Bools:
        """Find columns of V that are 0: the unit ignores that direction of its inputs.

        There M is singular, at the edge of the semidefinite matrices, and p has no first
        derivatives in them.

        Parameters
        ----------
        theta : ndarray of shape (t, s)
            Parameters, a column per unit.
        sizes : ndarray of shape (p,)
            Root mean square of each input.

        Returns
        -------
        ndarray of bool of shape (t, s)
            True for the parameters in these columns.
        """
        a, b = _entries(len(sizes))
        moves = np.abs(theta) * np.append(sizes, 1.0)[a, None]
        largest = np.array([moves[b == column].max(axis=0) for column in range(len(sizes))])
        return np.asarray((largest <= _NOTHING)[b])

    def _images(self, theta: Array, z: Array) -> Array:
        """U' z + c of each unit, (s, p, c)."""
        V = self._factors(theta, len(z))
        return np.matmul(V[:, :-1].swapaxes(1, 2), z) + V[:, -1, :, None]

    @staticmethod
    def _factors(theta: NDArray[Any], n_inputs: int) -> NDArray[Any]:
        """V, (s, p + 1, p)."""
        V = np.zeros((theta.shape[1], n_inputs + 1, n_inputs), dtype=theta.dtype)
        V[(slice(None), *_entries(n_inputs))] = theta.T
        return V


def _moments(z: Array, delta: Array) -> Array:
    """Sums over samples of delta x~ x~', (s, p + 1, p + 1)."""
    ones = np.vstack([z, np.ones(z.shape[1])])
    return np.matmul(ones * delta[:, None], ones.T)


@lru_cache(maxsize=64)
def _entries(n_inputs: int) -> tuple[Ints, Ints]:
    """Row and column of each parameter in V."""
    a, b = np.triu_indices(n_inputs)
    return np.append(a, np.full(n_inputs, n_inputs)), np.append(b, np.arange(n_inputs))
