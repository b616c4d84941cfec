"""What a layer is, and the linear one.

Arrays of samples are features by samples: a chunk of samples is a few contiguous rows, and
each sum over samples is one matrix product.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from scipy import sparse

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.pieces.activations import Activation
from sknewtonnet.calculus.pieces.layer_at_point import LayerAtPoint, LinearAtPoint
from sknewtonnet.calculus.pieces.unit_activations import LayerActivation, layer_activation


class Layer(ABC):
    """A layer x = h(p(z; theta)) whose unit j has parameters of its own, column j of theta.

    A new kind of layer supplies the methods below that raise NotImplementedError or are
    abstract; gradients, all Hessians, products, the Jacobian and the scores follow from them
    (doc/mathematics.md 3.3; [I] eq. 10). Shapes: theta (t, s), z (p, c), delta (s, c), for t
    parameters of each of s units, p inputs and c samples. Arguments must not be written to.

    Parameters
    ----------
    sources : sequence of int
        The nodes it reads, in increasing order: 0 is the input, q + 1 the output of layer q.
    n_units : int
        Number of units, s.
    activation : str, Activation, or sequence of them, default="identity"
        The function h; a sequence has one for each unit.

    Raises
    ------
    ValueError
        If there are no sources or units, or the activation is unknown.

    See Also
    --------
    Linear : The layer of a perceptron.
    GaussianRBF : Radial units.
    Network.from_layers : A net of layers of any kinds.
    sknewtonnet.testing.check_layer : Compare the derivatives of a layer with differences.

    Examples
    --------
    Squared distances from centres, p_j = |z - mu_j|^2, for a layer that reads the input:

    >>> import numpy as np
    >>> from sknewtonnet.calculus import Layer
    >>> from sknewtonnet.testing import check_layer
    >>> class Distance(Layer):
    ...     def unit_arrays(self, n_inputs):
    ...         return {"centers": np.arange(n_inputs)}
    ...
    ...     def value(self, theta, z):
    ...         return ((z - theta.T[:, :, None]) ** 2).sum(axis=1)
    ...
    ...     def slopes(self, theta, z):
    ...         inputs = 2.0 * (z - theta.T[:, :, None])
    ...         return inputs, -inputs
    ...
    ...     def curvature_parameters(self, theta, z, delta):
    ...         return 2.0 * delta.sum(axis=1)[:, None, None] * np.eye(len(z))
    >>> check_layer(Distance((0,), 4))
    """

    # Whether p(z; -theta) = -p(z; theta), so that units may change their signs.
    odd_in_parameters: ClassVar[bool] = False

    def __init__(
        self, sources: Sequence[int], n_units: int, activation: LayerActivation = "identity"
    ):
        self.sources = tuple(sources) if isinstance(sources, Sequence) else ()
        if not self.sources or any(
            not isinstance(node, Integral) or node < 0 for node in self.sources
        ):
            raise ValueError(f"sources must be numbers of nodes, got {sources!r}.")
        if list(self.sources) != sorted(set(self.sources)):
            raise ValueError(f"sources must be increasing, got {sources!r}.")
        if not isinstance(n_units, Integral) or n_units < 1:
            raise ValueError(f"n_units must be a positive integer, got {n_units!r}.")
        self.n_units: int = int(n_units)
        self.activation: Activation = layer_activation(activation, self.n_units)

    @property
    def parities(self) -> Ints:
        """How each unit may change signs: its activation's parity, 0 where p is not odd.

        Returns
        -------
        ndarray of int of shape (n_units,)
            -1 for a unit that is the same function, with the other sign, at minus its parameters;
            1 for one that is the same function there; 0 for all others.
        """
        found = np.zeros(self.n_units, dtype=int)
        if self.odd_in_parameters:
            for activation, units in self.activation.groups(self.n_units):
                found[units] = activation.parity
        return found

    @abstractmethod
    def unit_arrays(self, n_inputs: int) -> dict[str, Ints]:
        """Named arrays of one unit's parameters.

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

    @abstractmethod
    def value(self, theta: Array, z: Array) -> Array:
        """The propagation p.

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

    @abstractmethod
    def slopes(self, theta: Array, z: Array) -> tuple[Array, Array]:
        """First derivatives of the propagation of each unit and sample.

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

    @abstractmethod
    def curvature_parameters(self, theta: Array, z: Array, delta: Array) -> Array:
        """Sum over samples of delta d2p/dtheta dtheta'.

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

    def curvature_along(self, theta: Array, z: Array, delta: Array, direction: Array) -> Array:
        """Multiply :meth:`curvature_parameters` with directions.

        Override it if they can be had without the matrices.

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
        return np.einsum("stu,...us->...ts", self.curvature_parameters(theta, z, delta), direction)

    def curvature_mixed(self, theta: Array, z: Array, delta: Array) -> Array:
        """The products delta d2p/dtheta dz of each unit and sample.

        A layer needs it to stand behind other layers, and for effects of inputs without
        :meth:`input_shift`.

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

        Raises
        ------
        NotImplementedError
            If the class does not supply it.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no curvature_mixed: it may read the input X alone, and "
            "effects of inputs are not known."
        )

    def curvature_inputs(self, theta: Array, z: Array, delta: Array) -> Array:
        """Sum over units of delta d2p/dz dz'.

        A layer needs it to stand behind other layers, and for second derivatives in the inputs.

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

        Raises
        ------
        NotImplementedError
            If the class does not supply it.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no curvature_inputs: it may read the input X alone, and "
            "second derivatives in the inputs are not known."
        )

    def tensor_parameters(self, theta: Array, z: Array, order: int) -> Array | None:
        """Differentiate the propagation of each unit to any order in its own parameters.

        A layer needs them for derivatives of the Lagrangian above order 2 ([I] eq. 12).

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

        Raises
        ------
        NotImplementedError
            Above order 1, if the class does not supply it.
        """
        if order == 1:
            return self.slopes(theta, z)[1]
        raise NotImplementedError(
            f"{type(self).__name__} has no tensor_parameters: derivatives of the Lagrangian above "
            "order 2 are not known."
        )

    def input_rows(self, n_inputs: int) -> list[Ints] | None:
        """Find the parameters that are zero where a unit does not depend on an input.

        With them there are tests that an input has no effect, its importance, and pruning of
        inputs.

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
        return None

    def input_shift(self, n_inputs: int) -> Array | None:
        """Find the changes of parameters that are equivalent to shifts of the inputs.

        If there are any, effects of inputs are faster and need no ``curvature_mixed``.

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
        return None

    def rescaled(
        self, shift: Array, scale: Array
    ) -> tuple[Layer, Array | sparse.sparray, Array] | None:
        """The layer on inputs in other units: p'(shift + scale z; A theta + c) = p(z; theta).

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
        return None

    def neutral(self, center: Array, spread: Array) -> Array | None:
        """What parameters of a unit become when they are taken away, for their importances.

        Override it if zero means nothing, as for a centre.

        Parameters
        ----------
        center, spread : ndarray of shape (p,)
            Weighted mean and standard deviation of each input.

        Returns
        -------
        ndarray of shape (t,), or None
            None, the default, for zeros.
        """
        return None

    def canonical(self, theta: Array, n_inputs: int) -> Array:
        """One of all parameters with which the units compute the same.

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
        return theta

    def at(self, theta: Array, z: Array) -> LayerAtPoint | LinearAtPoint:
        """The layer at given parameters and inputs.

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
        return LayerAtPoint(self, theta, z)

    def on_input(self, theta: Array, z: Array) -> LayerAtPoint | LinearAtPoint:
        """The layer at given parameters, where it reads the input alone.

        By default the same as :meth:`at`. Override it if there is a faster way.

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
        return self.at(theta, z)

    def start(self, center: Array, spread: Array, random_state: np.random.RandomState) -> Array:
        """Draw parameters to start a fit from; small numbers, unless a layer knows better.

        By default uniform on +-1/2 sqrt(g / (p + s)), with g = 2 for logistic units and 6 for all
        others: half of what Glorot and Bengio (2010) propose for linear layers and scikit-learn's
        MLP draws. Second-order steps leave the flat middle of small weights at once, and reach
        lower minima from there (doc/defaults.md). Units must not start equal, or a fit would
        keep them so.

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
        n_inputs = len(center)
        arrays = self.unit_arrays(n_inputs).values()
        n_rows = 1 + max((int(rows.max()) for rows in arrays), default=-1)
        gain = np.full(self.n_units, 6.0)
        for activation, units in self.activation.groups(self.n_units):
            gain[units] = 2.0 if activation.name == "logistic" else 6.0
        bound = 0.5 * np.sqrt(gain / (n_inputs + self.n_units))
        return random_state.uniform(-bound, bound, (n_rows, self.n_units))

    def __repr__(self) -> str:
        """Show the kind and the size."""
        return f"{type(self).__name__}({self.sources}, {self.n_units})"


class Linear(Layer):
    """A layer x = h(W' z + b), with theta the coefficients W above the intercepts b.

    It keeps a fast path of its own, :class:`LinearAtPoint`.

    Parameters
    ----------
    sources : sequence of int
        The nodes it reads, in increasing order.
    n_units : int
        Number of units.
    activation : str, Activation, or sequence of them, default="identity"
        The function h; a sequence has one for each unit.

    See Also
    --------
    Layer : The base class, for layers of one's own.
    Network.mlp : A net of linear layers.
    ACTIVATIONS : The names of the functions h.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Linear
    >>> layer = Linear((0,), 1)
    >>> theta = np.array([[2.0], [-1.0], [0.5]])  # two coefficients, then the intercept
    >>> layer.value(theta, np.array([[1.0, 0.0], [0.0, 1.0]]))
    array([[ 2.5, -0.5]])
    """

    odd_in_parameters: ClassVar[bool] = True

    def unit_arrays(self, n_inputs: int) -> dict[str, Ints]:
        """Coefficients, then the intercept. See :meth:`Layer.unit_arrays`.

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
        return {"coefs": np.arange(n_inputs), "intercepts": np.array(n_inputs)}

    def input_rows(self, n_inputs: int) -> list[Ints]:
        """The coefficients of each input. See :meth:`Layer.input_rows`.

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
        return [np.array([j]) for j in range(n_inputs)]

    def value(self, theta: Array, z: Array) -> Array:
        """W' z + b. See :meth:`Layer.value`.

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
        return theta[:-1].T @ z + theta[-1][:, None]

    def slopes(self, theta: Array, z: Array) -> tuple[Array, Array]:
        """W', and z with a row of ones, for each unit. See :meth:`Layer.slopes`.

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
        n_inputs, c = z.shape
        inputs = np.broadcast_to(theta[:-1].T[:, :, None], (self.n_units, n_inputs, c))
        rows = np.vstack([z, np.ones(c)])
        return inputs, np.broadcast_to(rows, (self.n_units, *rows.shape))

    def curvature_parameters(self, theta: Array, z: Array, delta: Array) -> Array:
        """Zeros: the propagation is linear. See :meth:`Layer.curvature_parameters`.

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

    def curvature_mixed(self, theta: Array, z: Array, delta: Array) -> Array:
        """Delta where a coefficient meets its own input, else zero.

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
        eye = np.eye(len(theta), len(z))
        return eye[None, :, :, None] * delta[:, None, None, :]

    def curvature_inputs(self, theta: Array, z: Array, delta: Array) -> Array:
        """Zeros: the propagation is linear. See :meth:`Layer.curvature_inputs`.

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
        return np.zeros((len(z), len(z), z.shape[1]))

    def tensor_parameters(self, theta: Array, z: Array, order: int) -> Array | None:
        """The inputs and 1, for all units the same; nothing above order 1.

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
        return np.vstack([z, np.ones(z.shape[1])])[None] if order == 1 else None

    def rescaled(self, shift: Array, scale: Array) -> tuple[Layer, sparse.sparray, Array]:
        """W / scale, and b - shift' W / scale. See :meth:`Layer.rescaled`.

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
        size = len(scale)
        centred = np.flatnonzero(shift)
        rows = np.r_[np.arange(size + 1), np.full(len(centred), size)]
        columns = np.r_[np.arange(size + 1), centred]
        entries = np.r_[1.0 / scale, 1.0, -(shift / scale)[centred]]
        A = sparse.coo_array((entries, (rows, columns)), shape=(size + 1, size + 1))
        return self, A, np.zeros(size + 1)

    def at(self, theta: Array, z: Array) -> LinearAtPoint:
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
        return LinearAtPoint(theta, z)


def checked_arrays(layer: Layer, n_inputs: int) -> dict[str, Ints]:
    """Arrays of a unit, or raise if they do not take the rows 0, 1, ... in order."""
    given: dict[str, Any] = layer.unit_arrays(n_inputs)
    arrays = {name: np.asarray(rows) for name, rows in given.items()}
    start = 0
    for name, rows in arrays.items():
        found = np.unique(rows[rows >= 0]) if rows.dtype.kind in "iu" else np.empty(0)
        if found.size == 0 or found.tolist() != list(range(start, start + found.size)):
            raise ValueError(
                f"unit_arrays of {layer!r} must number the parameters of a unit from 0 on, one "
                f"array after the other; {name!r} has {rows.ravel().tolist()} after {start} rows."
            )
        start += found.size
    return arrays
