"""The Lagrangian of a net's propagation equations ([I] eq. 6), in all its variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.sparse.linalg import splu

from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.objective import Objective
from sknewtonnet.calculus.passes.free_states import FreeStates, Triplets
from sknewtonnet.calculus.passes.higher_orders import activations_of, check_order
from sknewtonnet.calculus.pieces.function import SmoothFunction, may_overflow
from sknewtonnet.calculus.pieces.memory import check_hessian_memory, check_memory
from sknewtonnet.calculus.pieces.output_activation import loss_of_outputs
from sknewtonnet.calculus.pieces.validation import (
    check_kind,
    real_array,
    real_directions,
    real_vector,
)


class LagrangianPoint(NamedTuple):
    """A point of a :class:`Lagrangian`, or its gradient, by the kinds of variables.

    Solvers see one joint vector; this is the same by its parts, W, X and E of [I] eq. 6.

    Parameters
    ----------
    weights : ndarray of shape (n_weights,)
        W, the parameters w of the net.
    states : list of ndarray of shape (n_samples, s_k)
        X^k of each layer; the last are the outputs.
    multipliers : list of ndarray of shape (n_samples, s_k)
        E^k of each layer.

    See Also
    --------
    Lagrangian.unpack : From the joint vector to its parts.
    Lagrangian.pack : From the parts to the joint vector.
    Lagrangian.at : The point that belongs to parameters of the net.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Lagrangian, Network, Objective
    >>> X, y = np.array([[-1.0], [1.0]]), np.array([0.0, 2.0])
    >>> f = Objective(Network.mlp(1, (), 1), "squared_error", X, y)
    >>> point = Lagrangian(f).at(np.array([2.0, 0.0]))
    >>> point.states[0].ravel().tolist(), point.multipliers[0].ravel().tolist()
    ([-2.0, 2.0], [1.0, -0.0])
    """

    weights: Array
    states: list[Array]
    multipliers: list[Array]


class Lagrangian(SmoothFunction):
    """Lagrange function of an objective and the equations of its net ([I] eq. 6).

        L(W, X, E) = sum_i s_i/S g(x_i^m, y_i) + pen(W)/S
                     + sum_i sum_k E_i^k . (x_i^k - h^k(p^k(z_i^k; W^k)))

    with g the loss, S the sum of the sample weights s_i, and layers k = 1, .., m. States x^k and
    multipliers E^k are variables of their own: z^k is made of X and of the free states x^q that
    layer k reads. The last states x^m are the outputs, h^m of the raw predictions with the
    offset. Where the equations hold, L = f(W), the objective.

    The joint vector is (W, X, E): w, then the states of the first sample of all layers, of the
    second, ..., and the multipliers in the same order. :meth:`pack` and :meth:`unpack` translate;
    ``unpack(gradient(joint))`` has the residuals of [I] eq. 1, 7, 8 and 9 by their names.

    Parameters
    ----------
    objective : Objective
        The objective, of any layers, losses and penalties.

    Attributes
    ----------
    n_weights, n_states, n_parameters : int
        Lengths P of w, N = n_samples sum_k s_k of the states, and P + 2 N of all.
    objective : Objective
        The objective f.

    Raises
    ------
    MemoryError
        In methods that form a matrix, if it would not fit; nothing is allocated before.

    See Also
    --------
    sknewtonnet.solvers.minimize_full_space : Minimise f over W and X under these equations.

    Notes
    -----
    [I]'s multipliers are E^k = -df/dx^k; here they have the factors s_i/S of the objective.
    Value, gradient and product cost about what those of the objective cost. Second derivatives
    are sparse: states and multipliers of a sample meet among themselves and with W, never with
    those of another sample, and W meets W in blocks of units.

    References
    ----------
    Iovleff (2004), Exact Calculus of First and Second Derivatives of Arbitrary Feed-Forward
    Neural Networks, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Lagrangian, Network, Objective
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(20, 2))
    >>> f = Objective(Network.mlp(2, 3, 1), "squared_error", X, np.sin(X[:, :1]), alpha=0.1)
    >>> lagrangian, w = Lagrangian(f), rng.normal(size=f.n_parameters)
    >>> point = lagrangian.at(w)
    >>> [state.shape for state in point.states]
    [(20, 3), (20, 1)]
    >>> slopes = lagrangian.unpack(lagrangian.gradient(lagrangian.pack(*point)))
    >>> np.allclose(slopes.weights, f.gradient(w), rtol=1e-12, atol=1e-15)
    True
    >>> all(abs(part).max() < 1e-15 for part in slopes.states + slopes.multipliers)
    True
    """

    def __init__(self, objective: Objective):
        if not isinstance(objective, Objective):
            raise TypeError(f"objective must be an Objective, got {objective!r}.")
        self.objective = objective
        self._graph = objective.network._graph
        self._width = sum(self._graph.n_units)
        self._functions = activations_of(self._graph, objective.loss)
        self._outer_loss = loss_of_outputs(objective.loss)
        self.n_weights = objective.n_parameters
        self.n_states = objective.n_samples * self._width
        self.n_parameters = self.n_weights + 2 * self.n_states

    def at(self, w: ArrayLike) -> LagrangianPoint:
        """The point with the states that W propagates, and the multipliers of its adjoint pass.

        There dL/dE = 0 (eq. 1), dL/dX = 0 (eq. 7, 8), and dL/dW is the gradient of f (eq. 9).

        Parameters
        ----------
        w : array of shape (n_weights,)
            Parameters of the net.

        Returns
        -------
        LagrangianPoint
            W, X and E.
        """
        vector = np.array(real_array("w", w))
        states = self.objective.states(vector)
        return LagrangianPoint(vector, states, self.objective.multipliers(vector))

    def pack(self, weights: ArrayLike, states: object, multipliers: object) -> Array:
        """The joint vector of named parts.

        Parameters
        ----------
        weights : array of shape (n_weights,)
            W.
        states, multipliers : sequence of array of shape (n_samples, s_k)
            X^k and E^k of each layer; None for zeros.

        Returns
        -------
        ndarray of shape (n_parameters,)
            The joint vector (W, X, E).

        Raises
        ------
        ValueError
            If a shape does not fit.
        """
        w = real_vector("weights", weights, self.n_weights)
        parts = [self._joined(n, p) for n, p in (("states", states), ("multipliers", multipliers))]
        return np.concatenate([w, *parts])

    def unpack(self, joint: ArrayLike) -> LagrangianPoint:
        """Named parts of a joint vector, such as the point or the gradient.

        Parameters
        ----------
        joint : array of shape (n_parameters,)
            The vector.

        Returns
        -------
        LagrangianPoint
            Of new arrays.
        """
        vector = np.array(self._checked(joint))
        w, states, multipliers = self._split(vector)
        return LagrangianPoint(w, self._by_layer(states), self._by_layer(multipliers))

    @may_overflow
    def value(self, joint: ArrayLike) -> float:
        """L at a point.

        Parameters
        ----------
        joint : array of shape (n_parameters,)
            The point.

        Returns
        -------
        float
            Not finite where a loss or an activation overflows.
        """
        w, states, free = self._at(joint)
        f = self.objective
        found = float(self._weighed(self._loss(states, 0)).sum()) + f.penalty.value(w)
        pairs = zip(free.multipliers, free.gaps(), strict=True)
        return found + sum(float(np.vdot(e, gap)) for e, gap in pairs)

    @may_overflow
    def gradient(self, joint: ArrayLike) -> Array:
        """First derivatives of L in W, X and E ([I] eq. 9; 7 and 8; 1).

        Parameters
        ----------
        joint : array of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_parameters,)
            Its last part, dL/dE, is x^k - h^k(p^k): what the propagation equations are off by.
        """
        w, states, free = self._at(joint)
        layout = self.objective.network.layout
        full = np.empty(layout.n_full)
        slopes = free.gradient(self._graph.matrices(full))
        slopes[-1] += self._weighed(self._loss(states, 1)).T
        found = layout.pull_back(full) + self.objective.penalty.gradient(w)
        return np.concatenate([found, _by_sample(slopes), _by_sample(free.gaps())])

    @may_overflow
    def hessian_product(self, joint: ArrayLike, v: ArrayLike, kind: str = "exact") -> Array:
        """Second derivatives times directions, without a matrix.

        Parameters
        ----------
        joint : array of shape (n_parameters,)
            The point.
        v : array of shape (n_parameters,) or (n_parameters, r)
            One direction, or r of them as columns.
        kind : {"exact"}, default="exact"
            There is no other.

        Returns
        -------
        ndarray of the shape of v
            The matrix of second derivatives times v.
        """
        check_kind(kind, self.hessian_kinds)
        w, states, free = self._at(joint)
        given = real_directions("v", v, self.n_parameters)
        along = given[:, None] if given.ndim == 1 else given
        layout = self.objective.network.layout
        in_w, in_x, in_e = np.split(along, [self.n_weights, self.n_weights + self.n_states])
        full = np.ascontiguousarray(layout.expand(in_w).T)
        out = np.empty_like(full)
        parts = [self._columns(part) for part in (in_x, in_e)]
        moved, gaps = free.product(
            self._graph.matrices(full), parts[0], parts[1], self._graph.matrices(out)
        )
        bend = self._weighed(self._loss(states, 2))
        if bend.ndim == 2:
            moved[-1] += bend.T * parts[0][-1]
        else:
            moved[-1] += np.einsum("iop,rpi->roi", bend, parts[0][-1])
        found = layout.pull_back(out.T) + self.objective.penalty.hessian_product(w, in_w)
        rows = [np.concatenate(part, axis=1).transpose(2, 1, 0) for part in (moved, gaps)]
        stacked = [part.reshape(self.n_states, along.shape[1]) for part in rows]
        return np.concatenate([found, *stacked]).reshape(given.shape)

    def hessian(self, joint: ArrayLike, kind: str = "exact") -> Array:
        """Second derivatives as a dense matrix, for small problems; see :meth:`sparse_hessian`.

        Parameters
        ----------
        joint : array of shape (n_parameters,)
            The point.
        kind : {"exact"}, default="exact"
            There is no other.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
            Symmetric.
        """
        check_kind(kind, self.hessian_kinds)
        check_hessian_memory(self.n_parameters, "sparse_hessian has few entries")
        return np.asarray(self.sparse_hessian(joint).toarray())

    @may_overflow
    def sparse_hessian(self, joint: ArrayLike) -> sparse.csr_array:
        """Second derivatives of L in (W, X, E).

            D2 L = [[C, J'], [J, 0]],   C = :meth:`primal_hessian`,  J = :meth:`equations_jacobian`

        Parameters
        ----------
        joint : array of shape (n_parameters,)
            The point.

        Returns
        -------
        sparse array of shape (n_parameters, n_parameters)
            Symmetric. Its W,W block at :meth:`at` is ``objective.hessian(w, "lagrangian")``.
        """
        J = self.equations_jacobian(joint)
        return sparse.csr_array(sparse.block_array([[self.primal_hessian(joint), J.T], [J, None]]))

    @may_overflow
    def primal_hessian(self, joint: ArrayLike, *, of_objective: bool = True) -> sparse.csr_array:
        """Second derivatives of L in (W, X).

        Parameters
        ----------
        joint : array of shape (n_parameters,)
            The point.
        of_objective : bool, default=True
            False for those of sum E . (x - h(p)) alone, without loss and penalty.

        Returns
        -------
        sparse array of shape (n_weights + n_states, n_weights + n_states)
            Symmetric. W meets W in blocks of units ([I] eq. 10) and by the penalty, W meets the
            states that a unit reads, and states those of the same sample.
        """
        self._check_memory()
        w, states, free = self._at(joint)
        shrink = self._restriction()
        found = shrink @ free.curvature() @ shrink.T
        if of_objective:
            penalty = self.objective.penalty.hessian_of_others(w)
            bend = sparse.diags_array(self.objective.penalty.hessian_diagonal(w))
            if penalty is not None:
                bend = bend + sparse.csr_array(penalty)
            found = found + sparse.block_diag([bend, self._loss_curvature(states)])
        return sparse.csr_array(found)

    @may_overflow
    def equations(self, joint: ArrayLike) -> Array:
        """What the propagation equations are off by, x^k - h^k(p^k): dL/dE.

        Parameters
        ----------
        joint : array of shape (n_parameters,)
            The point; its multipliers do not matter.

        Returns
        -------
        ndarray of shape (n_states,)
            In the order of the states.
        """
        return _by_sample(self._at(joint)[2].gaps())

    @may_overflow
    def equations_jacobian(self, joint: ArrayLike) -> sparse.csr_array:
        """The derivatives of :meth:`equations` in (W, X).

        Parameters
        ----------
        joint : array of shape (n_parameters,)
            The point; its multipliers do not matter.

        Returns
        -------
        sparse array of shape (n_states, n_weights + n_states)
            The part in X is lower triangular with ones on its diagonal: the equations always
            determine the states.
        """
        self._check_memory()
        return sparse.csr_array(self._at(joint)[2].jacobian() @ self._restriction().T)

    def null_space(self, joint: ArrayLike) -> Array:
        """Z = [I; dX/dW]: directions along which the equations hold to first order.

        At :meth:`at`, Z' C Z is the exact Hessian of f, C the :meth:`primal_hessian`.

        Parameters
        ----------
        joint : array of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_weights + n_states, n_weights)
            The matrix Z, of full rank; its columns are not orthonormal.
        """
        P = self.n_weights
        check_memory(
            f"directions of {P} parameters and {self.n_states} states",
            16.0 * (P + self.n_states) * P,
            "use fewer samples",
        )
        J = sparse.csc_array(self.equations_jacobian(joint))
        if not np.isfinite(J.data).all():
            raise ValueError("joint must be finite, and so must be the derivatives there.")
        factors = splu(J[:, P:], permc_spec="NATURAL", diag_pivot_thresh=0.0)
        return np.vstack([np.eye(P), -factors.solve(J[:, :P].toarray())])

    def state_derivatives(self, joint: ArrayLike, order: int) -> list[Array]:
        """The derivatives of the activations at the states, X^k(p) = H^k(p)(P^k) ([I] eq. 2).

        Parameters
        ----------
        joint : array of shape (n_parameters,)
            The point.
        order : int
            The order p; 0 for the values.

        Returns
        -------
        list of ndarray of shape (n_samples, s_k)
            One for each layer.

        Raises
        ------
        ValueError
            If an activation has no derivatives of that order.
        """
        check_order(order, 0, self._functions)
        return [np.array(part.T, order="C") for part in self._at(joint)[2].activations(order)]

    def _at(self, joint: ArrayLike) -> tuple[Array, list[Array], FreeStates]:
        """W, the states, and the layers at a point."""
        f = self.objective
        w, states, multipliers = self._split(self._checked(joint))
        by_layer = self._by_layer(states)
        free = FreeStates(
            self._graph,
            f.network.matrices(w),
            f.samples,
            by_layer,
            self._by_layer(multipliers),
            self._functions,
            f.offset,
        )
        return w, by_layer, free

    def _loss(self, states: list[Array], order: int) -> Array:
        """Derivative of that order of each sample's loss in its outputs."""
        return self._outer_loss.derivatives(self.objective.targets, states[-1], order)[order]

    def _weighed(self, values: Array) -> Array:
        """Values of each sample times s_i / S, also where one of weight 0 is not finite."""
        weight = self.objective.sample_weight / self.objective.weight_sum
        shape = (-1, *[1] * (values.ndim - 1))
        return np.where(weight.reshape(shape) > 0, values * weight.reshape(shape), 0.0)

    def _loss_curvature(self, states: list[Array]) -> sparse.csr_array:
        """Second derivatives of the loss in the states, which the last layer's alone have."""
        n_samples, n_outputs = states[-1].shape
        bend = self._weighed(self._loss(states, 2))
        last = self._width * np.arange(1, n_samples + 1)[:, None] + np.arange(-n_outputs, 0)
        entries = Triplets()
        if bend.ndim == 2:
            entries.add(bend, last, last)
        else:
            entries.add(bend, last[:, :, None], last[:, None])
        return entries.matrix(self.n_states, self.n_states)

    def _restriction(self) -> sparse.csr_array:
        """The matrix that takes full parameters and states to W and states."""
        positions = self.objective.network.layout.positions
        there = np.flatnonzero(positions >= 0)
        ones = (np.ones(len(there)), (positions[there], there))
        of_weights = sparse.coo_array(ones, shape=(self.n_weights, len(positions)))
        return sparse.csr_array(sparse.block_diag([of_weights, sparse.eye_array(self.n_states)]))

    def _check_memory(self) -> None:
        """Raise where the entries of the sparse matrices would not fit."""
        graph, n = self._graph, self.objective.n_samples
        per_sample = 0.0
        for k, (s, t, p) in enumerate(
            zip(graph.n_units, graph.n_rows, graph.n_inputs, strict=True)
        ):
            per_sample += s * (t + p) + (2.0 * s * t * p + p * p if graph.hidden_sources(k) else 0)
        check_memory(
            f"second derivatives of the Lagrangian of {n} samples",
            80.0 * n * per_sample,
            "hessian_product needs no matrix",
        )

    def _checked(self, joint: ArrayLike) -> Array:
        return real_vector("joint", joint, self.n_parameters)

    def _split(self, v: Array) -> list[Array]:
        return np.split(v, [self.n_weights, self.n_weights + self.n_states])

    def _by_layer(self, states: Array) -> list[Array]:
        ends = np.cumsum(self._graph.n_units)[:-1]
        return np.split(states.reshape(-1, self._width), ends, axis=1)

    def _columns(self, part: Array) -> list[Array]:
        """Directions (n_states, r) as one array (r, s_k, n) for each layer."""
        n_samples, along = self.objective.n_samples, part.shape[1]
        stacked = part.T.reshape(along, n_samples, self._width).swapaxes(1, 2)
        return np.split(stacked, np.cumsum(self._graph.n_units)[:-1], axis=1)

    def _joined(self, name: str, given: object) -> Array:
        if given is None:
            return np.zeros(self.n_states)
        shapes = [(self.objective.n_samples, s) for s in self._graph.n_units]
        if not isinstance(given, Sequence | np.ndarray):
            raise ValueError(
                f"{name} must be one array for each layer, of shapes {shapes}, or None, got "
                f"{given!r}."
            )
        parts = [real_array(name, part) for part in given]
        if [part.shape for part in parts] != shapes:
            raise ValueError(
                f"{name} must be one array for each layer, of shapes {shapes}, got "
                f"{[part.shape for part in parts]}."
            )
        return np.concatenate(parts, axis=1).ravel()


def _by_sample(parts: list[Array]) -> Array:
    """Arrays (s_k, n) of all layers as one vector, sample by sample."""
    return np.concatenate(parts).T.ravel()
