"""Layers of Gaussian radial basis functions ([I] 4.2, doc/mathematics.md 4)."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sknewtonnet._names import must_be_one_of
from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.pieces.gaussian_at_point import (
    CentredAtPoint,
    LiftedAtPoint,
    about_centres,
    moment_curvature,
    moment_curvature_along,
)
from sknewtonnet.calculus.pieces.gaussian_forms import FORMS, GaussianForm
from sknewtonnet.calculus.pieces.layers import Layer
from sknewtonnet.calculus.pieces.radial import RadialLayer
from sknewtonnet.calculus.pieces.unit_activations import LayerActivation


def covariance_form(covariance_type: str) -> GaussianForm:
    """The form of that name, or raise."""
    if not isinstance(covariance_type, str) or covariance_type not in FORMS:
        raise ValueError(must_be_one_of("covariance_type", covariance_type, FORMS))
    return FORMS[covariance_type]


class GaussianRBF(RadialLayer):
    """Gaussian radial basis functions x_j = exp(-p_j / 2), with ([I] 4.2).

        p_j(z) = (z - mu_j)' M_j (z - mu_j),    M_j = U_j U_j'

    M_j is the inverse covariance, U_j its upper triangular factor with a positive diagonal,
    as in scikit-learn's GaussianMixture. Free parameters are the centre mu_j ("centers") and
    U_j with the logarithms of its diagonal ("precisions_cholesky"), so that M_j is positive
    definite whatever step is taken: log(1 / sigma) for "spherical" and "diag", whose U is
    a multiple of the identity or diagonal.

    Parameters
    ----------
    sources : sequence of int
        The nodes it reads, in increasing order.
    n_units : int
        Number of units, s.
    covariance_type : {"full", "diag", "spherical"}, default="full"
        Form of the covariance of each unit.
    activation : str or Activation, default="squared_exponential"
        Function of p_j.

    Attributes
    ----------
    form : GaussianForm
        What depends on the form of the covariances.

    Raises
    ------
    ValueError
        If an argument is not of these.

    See Also
    --------
    Network.rbf : A net of these units and linear layers.
    Semidefinite : The same forms where a covariance may be infinite along some direction.
    Quadratic : Any quadratic form.
    sknewtonnet.RBFNetRegressor : The estimator.

    Examples
    --------
    One spherical unit with its centre at the origin and sigma = 1:

    >>> import numpy as np
    >>> from sknewtonnet.calculus import GaussianRBF
    >>> layer = GaussianRBF((0,), 1, "spherical")
    >>> theta = np.zeros((3, 1))  # two coordinates of the centre, and log(1 / sigma)
    >>> layer.value(theta, np.array([[1.0, 0.0], [1.0, 2.0]]))
    array([[2., 4.]])
    """

    def __init__(
        self,
        sources: Sequence[int],
        n_units: int,
        covariance_type: str = "full",
        activation: LayerActivation = "squared_exponential",
    ):
        super().__init__(sources, n_units, activation)
        self.form = covariance_form(covariance_type)
        self.covariance_type = covariance_type

    def unit_arrays(self, n_inputs: int) -> dict[str, Ints]:
        """Centre, then the factor of the precision. See :meth:`Layer.unit_arrays`.

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
        rows = self.form.rows(n_inputs)
        return {
            "centers": np.arange(n_inputs),
            "precisions_cholesky": np.where(rows < 0, -1, rows + n_inputs),
        }

    def input_shift(self, n_inputs: int) -> Array:
        """Shift the centres the other way. See :meth:`Layer.input_shift`.

        Parameters
        ----------
        n_inputs : int
            Number of inputs, p.

        Returns
        -------
        ndarray of shape (p, t), or None
            Row j changes the parameters of each unit as much as a step of 1 of input j, such as
            -1 for the centre. None, the default, if there is none.
        """
        n_rows = n_inputs + 1 + int(self.form.rows(n_inputs).max())
        return -np.eye(n_inputs, n_rows)

    def value(self, theta: Array, z: Array) -> Array:
        """The quadratic forms p, from differences: an origin that is far away costs no digits.

        See :meth:`Layer.value`.

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
        return self.form.value(*about_centres(theta, z))

    def slopes(self, theta: Array, z: Array) -> tuple[Array, Array]:
        """First derivatives; those in the centre are minus those in z.

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
        free, d = about_centres(theta, z)
        inputs = 2.0 * self.form.times(free, d)
        return inputs, np.concatenate([-inputs, self.form.slopes(free, d)], axis=1)

    def curvature_parameters(self, theta: Array, z: Array, delta: Array) -> Array:
        """Second derivatives from the moments of the differences.

        See :meth:`Layer.curvature_parameters`.

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
        free, d = about_centres(theta, z)
        mean = np.matmul(d, delta[:, :, None])[:, :, 0]
        return moment_curvature(
            self.form, free, delta.sum(axis=1), mean, self.form.square(d, delta)
        )

    def tensor_parameters(self, theta: Array, z: Array, order: int) -> Array:
        """Differentiate d' M d: of degree two in mu, of any order in the factors of M.

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
        free, d = about_centres(theta, z)
        (s, p, c), t = d.shape, len(theta)
        found = np.zeros((s, *[t] * order, c))
        M = [self.form.tensor(free, p, order - j) for j in range(3)]
        # By how many of the axes are in the centre: d'Md, -2 Md, or 2 M in place of them.
        parts = [np.einsum("sai,sbi,sab...->s...i", d, d, M[0])]
        parts.append(-2.0 * np.einsum("sbi,sab...->sa...i", d, M[1]))
        parts.append(np.broadcast_to(2.0 * M[2][..., None], (*M[2].shape, c)))
        for j, part in enumerate(parts):
            for centre in combinations(range(order), j):
                others = [axis for axis in range(order) if axis not in centre]
                places = [slice(0, p) if axis in centre else slice(p, t) for axis in range(order)]
                axes = np.argsort([*centre, *others])
                found[(slice(None), *places)] = part.transpose(0, *(1 + axes), order + 1)
        return found

    def curvature_along(self, theta: Array, z: Array, delta: Array, direction: Array) -> Array:
        """The product with a direction, without the matrices of pairs of inputs.

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
        free, d = about_centres(theta, z)
        mean = np.matmul(d, delta[:, :, None])[:, :, 0]
        square = self.form.square(d, delta)
        return moment_curvature_along(self.form, free, delta.sum(axis=1), mean, square, direction)

    def curvature_mixed(self, theta: Array, z: Array, delta: Array) -> Array:
        """Second derivatives in parameters and z; -2 M in the centre.

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
        free, d = about_centres(theta, z)
        centre = -2.0 * self.form.precisions(free, len(z))[..., None] * delta[:, None, None]
        return np.concatenate([centre, self.form.mixed(free, d, delta)], axis=1)

    def curvature_inputs(self, theta: Array, z: Array, delta: Array) -> Array:
        """Sum over units of 2 M delta. See :meth:`Layer.curvature_inputs`.

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
        precisions = self.form.precisions(theta[len(z) :].T, len(z))
        return np.tensordot(2.0 * precisions, delta, axes=(0, 0))

    def rescaled(self, shift: Array, scale: Array) -> tuple[Layer, sparse.sparray, Array] | None:
        """Move centres to shift + scale mu, and divide the rows of U by scale.

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
        found = self.form.rescaled(scale)
        if found is None:
            return None
        form, matrix, offset = found
        layer = copy(self)
        layer.form = form
        matrix = sparse.block_diag([sparse.diags_array(scale), matrix])
        return layer, matrix, np.concatenate([shift, offset])

    def at(self, theta: Array, z: Array) -> CentredAtPoint:
        """The layer at given parameters and inputs. See :meth:`Layer.at`.

        Parameters
        ----------
        theta : ndarray of shape (t, s)
            Parameters, a column per unit.
        z : ndarray of shape (p + 1, c)
            Inputs, a column per sample, above a row of ones.

        Returns
        -------
        LayerAtPoint or LinearAtPoint
            What the passes over a chunk of samples work with.
        """
        return CentredAtPoint(self, self.form, theta, z)

    def on_input(self, theta: Array, z: Array) -> CentredAtPoint | LiftedAtPoint:
        """The layer as a linear one of monomials of z, where that loses no digits.

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
        return LiftedAtPoint.where_exact(self.form, theta, z[:-1]) or self.at(theta, z)

    def round_units(self, centers: Array, widths: Array) -> Array:
        """Centres, and logarithms of the widths. See :meth:`RadialLayer.round_units`.

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
        free = self.form.round_units(-np.log(widths), centers.shape[1])
        return np.vstack([centers.T, free.T])

    def neutral(self, center: Array, spread: Array) -> Array:
        """The mean of the inputs, and widths of the data along each of them.

        See :meth:`Layer.neutral`.

        Parameters
        ----------
        center, spread : ndarray of shape (p,)
            Weighted mean and standard deviation of each input.

        Returns
        -------
        ndarray of shape (t,), or None
            None, the default, for zeros.
        """
        return np.concatenate([center, self.form.as_wide_as(np.where(spread > 0, spread, 1.0))])

    def quadratic_forms(self, theta: NDArray[Any], n_inputs: int) -> NDArray[Any]:
        """W = (M, -M mu; -mu'M, mu'M mu). See :meth:`RadialLayer.quadratic_forms`.

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
        centers = theta[:n_inputs].T
        matrices = self.form.precisions(theta[n_inputs:].T, n_inputs)
        pull = np.matmul(matrices, centers[:, :, None])
        far = np.matmul(centers[:, None], pull)
        return np.block([[matrices, -pull], [-pull.swapaxes(1, 2), far]])


def radial_layer(layers: Sequence[Layer]) -> GaussianRBF:
    """The one layer of Gaussian units among them; a ValueError if there is not one."""
    found = [layer for layer in layers if isinstance(layer, GaussianRBF)]
    if len(found) != 1:
        raise ValueError(f"the net has {len(found) or 'no'} layers of radial units, not one.")
    return found[0]
