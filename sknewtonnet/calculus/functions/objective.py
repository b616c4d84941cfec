"""The function that is minimised: network x loss x penalty x data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.batches import row_batches
from sknewtonnet.calculus.functions.block_source import Rows
from sknewtonnet.calculus.functions.constant import MeansOverRows, loss_of_best_constant
from sknewtonnet.calculus.functions.finiteness import not_finite_part
from sknewtonnet.calculus.functions.kept_point import ADJOINT, FORWARD, SECOND, KeptPoint
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.functions.output_layer import (
    ConvexOutput,
    LeastSquaresOutput,
)
from sknewtonnet.calculus.functions.output_parts import SeparateOutputs, splits
from sknewtonnet.calculus.functions.penalised import (
    add_penalty_blocks,
    add_penalty_hessian,
    check_blocks,
)
from sknewtonnet.calculus.functions.penalised_loss import PenalisedLoss
from sknewtonnet.calculus.functions.precision import check_range, pass_dtype
from sknewtonnet.calculus.functions.row_arrays import row_arrays
from sknewtonnet.calculus.functions.shared import hessian_by_products, many_entries, same_block
from sknewtonnet.calculus.functions.tensors import add_penalty, check_tensor_memory
from sknewtonnet.calculus.passes.chunk import (
    Chunk,
    multipliers_of,
    states_of,
)
from sknewtonnet.calculus.passes.hessian_sums import assembled_blocks, dense_hessian, neuron_blocks
from sknewtonnet.calculus.passes.higher_orders import (
    activations_of,
    check_order,
    lagrangian_tensors,
)
from sknewtonnet.calculus.passes.shared_samples import balanced_chunks
from sknewtonnet.calculus.passes.workspace import Workspace
from sknewtonnet.calculus.pieces.function import (
    BLOCK_KINDS,
    HESSIAN_KINDS,
    PRODUCT_KINDS,
    Block,
    may_overflow,
)
from sknewtonnet.calculus.pieces.loss import Loss
from sknewtonnet.calculus.pieces.losses import get_loss
from sknewtonnet.calculus.pieces.memory import check_hessian_memory, check_memory
from sknewtonnet.calculus.pieces.output_activation import behind
from sknewtonnet.calculus.pieces.penalties import (
    Penalty,
    PenaltySum,
    l2_penalty,
    listed_penalties,
)
from sknewtonnet.calculus.pieces.validation import (
    check_kind,
    probe_loss,
    real_array,
    real_directions,
    real_vector,
    weight_sum,
)

# What an objective holds of its data.
_OF_DATA = ("samples", "targets", "sample_weight", "offset", "_workspace", "_chunks", "_kept")


class Objective(PenalisedLoss):
    """Penalised mean loss of a network on data, with its exact derivatives.

        f(w) = 1/S sum_i s_i loss(raw_i(w), y_i) + 1/(2 S) sum_p alpha_p w_p^2,  S = sum_i s_i

    plus 1/S times further penalties, where raw_i(w) = net(x_i, w) + offset_i. An activation h of
    the last layer is part of the loss, a function of h(raw_i); raw predictions, their Jacobian and
    the offset stay before it. All factors are written here and nowhere else. The last point is
    kept: value, gradient, Hessian and products at the same w share one forward and one backward
    pass.

    Parameters
    ----------
    network : Network
        Raw predictions as a function of w and X.
    loss : str or Loss
        A name of ``LOSSES``, "log_loss", or an object.
    X : array of shape (n_samples, n_features)
        Samples.
    Y : array of shape (n_samples, n_outputs) or (n_samples,)
        Targets; one-hot rows for the multinomial log loss.
    sample_weight : array of shape (n_samples,), default=None
        Weights s_i, not negative; 1 if None.
    alpha : float, sequence of float, or mapping of str to array, default=0.0
        Strength of the L2 penalty: one for all coefficients (never intercepts), one per layer,
        or by the names of the layout's arrays one number or one array each.
    penalties : Penalty or sequence of Penalty, default=()
        Further penalties; each is put :meth:`~Penalty.on` the layout of the network.
    chunk_size : int, default=None
        Number of samples per chunk; by default as many as fit the cache.
    offset : array of shape (n_samples,) or (n_samples, n_outputs), default=None
        Known terms that are added to the raw predictions of the net, in their units; one for each
        row is that of all its outputs. None for 0.
    dtype : {np.float64, np.float32}, default=np.float64
        Type of the numbers in passes over samples. With float32 derivatives take about half the
        time and memory; errors are some 1e-7 of the terms of a gradient, and up to some 1e-6 of
        the largest entry of a Hessian. It is for linear layers and standardised samples. Losses,
        sums over chunks, penalties and all results are float64.

    Attributes
    ----------
    n_parameters, n_samples : int
        Length of w; number of rows.
    weight_sum : float
        S.
    samples, targets, sample_weight : ndarray
        The data, of shapes (n_samples, n_features), (n_samples, n_outputs), (n_samples,).
    offset : ndarray of shape (n_samples, n_outputs), or None
        The known terms.
    has_offset : bool
        Whether there are any; without the data it is known all the same.
    dtype : numpy.dtype
        Type of the numbers in passes over samples.

    Raises
    ------
    ValueError
        If an argument has a wrong shape, is not finite, or lies outside the loss's domain;
        in all methods, if w has a wrong shape or ``kind`` is unknown.
    MemoryError
        If the samples at all units would not fit the memory; nothing is allocated before.

    See Also
    --------
    BlockObjective : The same function of rows that do not fit the memory.
    Network : The nets.
    sknewtonnet.solvers.get_solver : Solvers that minimise it.
    critical_point : What kind of point a run has ended at.
    sknewtonnet.inference.infer : Statistics at a minimum.

    Notes
    -----
    Beside the samples the kept point takes about three numbers per sample and unit, four after
    second derivatives, and work arrays of about twice the Hessian. An objective is not meant
    for use by several threads at once.

    References
    ----------
    Iovleff (2004), Exact Calculus of First and Second Derivatives of Arbitrary Feed-Forward
    Neural Networks.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> X, y = np.array([[-1.0], [1.0]]), np.array([0.0, 2.0])
    >>> f = Objective(Network.mlp(1, (), 1), "squared_error", X, y)
    >>> w = np.zeros(f.n_parameters)
    >>> f.value(w), f.gradient(w).tolist(), f.hessian(w).tolist()
    (1.0, [-1.0, -1.0], [[1.0, 0.0], [0.0, 1.0]])
    """

    hessian_kinds = HESSIAN_KINDS

    def __init__(
        self,
        network: Network,
        loss: str | Loss,
        X: ArrayLike,
        Y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        alpha: float | Sequence[float] | Mapping[str, ArrayLike] = 0.0,
        *,
        penalties: Penalty | Sequence[Penalty] = (),
        chunk_size: int | None = None,
        offset: ArrayLike | None = None,
        dtype: DTypeLike = np.float64,
    ):
        if not isinstance(network, Network):
            raise TypeError(f"network must be a Network, got {network!r}.")
        loss = behind(get_loss(loss, network.n_outputs), network.layers[-1].activation)
        rows = row_arrays(network, Rows(X, Y, sample_weight, offset), loss)
        probe_loss(loss, rows.Y[:2])
        single_or_double = pass_dtype(network, dtype)
        check_range(rows.X, single_or_double)
        total = weight_sum(rows.sample_weight)
        squares = l2_penalty(network.layout, alpha)
        others = [penalty.on(network.layout) for penalty in listed_penalties(penalties)]
        penalty = PenaltySum([squares, *others], total)
        self._set(network, loss, rows, penalty, single_or_double, chunk_size)

    @classmethod
    def of_checked(
        cls, network: Network, loss: Loss, rows: Rows, dtype: np.dtype[Any]
    ) -> Objective:
        """An objective without a penalty, of which all that the constructor checks is known.

        Parameters
        ----------
        network : Network
            The net.
        loss : Loss
            The loss behind the activation of the last layer.
        rows : Rows
            Arrays of float64 with weights, whose shapes and numbers have been checked.
        dtype : numpy.dtype
            Type of the numbers in passes.

        Returns
        -------
        Objective
            The objective; nothing is checked again.
        """
        found = cls.__new__(cls)
        penalty = PenaltySum([], float(rows.sample_weight.sum()))
        found._set(network, loss, rows, penalty, dtype, None)
        return found

    def _set(
        self,
        network: Network,
        loss: Loss,
        rows: Rows,
        penalty: PenaltySum,
        dtype: np.dtype[Any],
        chunk_size: int | None,
    ) -> None:
        """Set all attributes, of arguments that have been checked."""
        self.network, self.loss, self.penalty = network, loss, penalty
        self.weight_sum, self.dtype = penalty.divisor, dtype
        samples, targets, weight, self.offset = rows
        self.samples, self.targets, self.sample_weight = samples, targets, weight
        self.has_offset = self.offset is not None
        self.n_parameters, self.n_samples = network.n_parameters, len(samples)
        scaled = weight / self.weight_sum
        network.check_samples(self.n_samples)
        self._workspace = Workspace(dtype)
        slices = balanced_chunks(network._graph, self.n_samples, network.chunk_size, chunk_size)
        self._chunks = [
            Chunk(
                network._graph,
                samples[where],
                targets[where],
                scaled[where],
                self._workspace,
                None if self.offset is None else self.offset[where],
            )
            for where in slices
        ]
        self._kept = KeptPoint(network, self.loss, self.penalty, self._chunks)

    def without_data(self) -> Objective:
        """The same without samples, targets and weights, for who knows all that is needed of it.

        Returns
        -------
        Objective
            Network, loss, penalty, and the numbers of samples and parameters are there. Whatever
            needs the data raises an AttributeError that says so.
        """
        found = copy(self)
        for name in _OF_DATA:
            if found.__dict__[name] is not None:  # that there is no offset tells nothing
                del found.__dict__[name]
        return found

    if not TYPE_CHECKING:  # else any name would pass for an attribute

        def __getattr__(self, name: str) -> object:
            """Name the reason where data are missing; what is there does not come here."""
            if name in _OF_DATA:
                raise AttributeError("the data have been left out; make it anew from the data.")
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def value(self, w: ArrayLike) -> float:
        """The objective f(w).

        Parameters
        ----------
        w : array of shape (n_parameters,)
            The point.

        Returns
        -------
        float
            Not finite where a loss overflows.
        """
        self._kept.reach(w, FORWARD)
        return self._kept.value

    def gradient(self, w: ArrayLike) -> Array:
        """Gradient of f ([I] eq. 7 to 9).

        Parameters
        ----------
        w : array of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_parameters,)
            A new array.
        """
        self._kept.reach(w, ADJOINT)
        return self._kept.gradient.copy()

    def value_and_gradient(self, w: ArrayLike) -> tuple[float, Array]:
        """Value and gradient of f, from one pass.

        Parameters
        ----------
        w : array of shape (n_parameters,)
            The point.

        Returns
        -------
        tuple of float and ndarray of shape (n_parameters,)
            As of :meth:`value` and :meth:`gradient`.
        """
        self._kept.reach(w, ADJOINT)
        return self._kept.value, self._kept.gradient.copy()

    @may_overflow
    def hessian(self, w: ArrayLike, kind: str = "exact") -> Array:
        """Second derivatives of f, or an approximation that bears its own name.

        Parameters
        ----------
        w : array of shape (n_parameters,)
            The point.
        kind : {"exact", "block", "lagrangian", "gauss-newton"}, default="exact"
            The Hessian of f; its blocks of each unit with itself; the W,W block of the
            Hessian of the Lagrangian at fixed states and multipliers ([I] eq. 10), zero in
            a last layer without an activation; or J' (d2 loss) J with J the Jacobian of the
            outputs, positive semi-definite for a loss that is convex in them: they are the raw
            predictions, or an activation of them. The Hessian of the
            penalty is added to each: of "block" its blocks of each unit with itself, of the
            others all of it, also between layers. Units that share a parameter are one block of
            "block", all of the exact Hessian of their parameters.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
            Symmetric; for "block" with zeros between units, for "lagrangian" with those of the
            penalty there.

        Raises
        ------
        MemoryError
            If the matrix would not fit the memory; nothing is allocated before.

        Notes
        -----
        About n P^2 flops for one output (doc/mathematics.md 3.1), O(P^2) memory. P counts entries,
        if parameters are shared; where they have many entries, as in a convolution, products with
        all directions take less.
        """
        check_kind(kind, HESSIAN_KINDS)
        if kind != "lagrangian" and many_entries(self.network.layout):
            return hessian_by_products(self, self.network, real_array("w", w), kind)
        check_hessian_memory(self.network.layout.n_full)
        self._kept.reach(w, SECOND)
        layout, graph = self.network.layout, self.network._graph
        if kind in BLOCK_KINDS and not (kind == "block" and layout.has_ties):
            H = assembled_blocks(graph, self._loss_blocks(kind))
        else:
            H = dense_hessian(
                graph,
                self._kept.weights,
                self._chunks,
                self._workspace,
                gauss_newton=kind == "gauss-newton",
            )
        H = layout.pull_back_matrix(H)
        if kind == "block" and layout.has_ties:
            H *= same_block(self.network)
        add_penalty_hessian(self.network, self.penalty, self._kept.w, kind, H)
        return H

    @may_overflow
    def hessian_blocks(self, w: ArrayLike, kind: str = "block") -> list[Array]:
        """The blocks of each unit with itself, of those kinds: all that "block" has.

        Parameters
        ----------
        w : array of shape (n_parameters,)
            The point.
        kind : {"block", "lagrangian"}, default="block"
            As in :meth:`hessian`.

        Returns
        -------
        list of ndarray of shape (s_k, t_k, t_k)
            Per layer and unit, in the order of the unit's parameters: in a linear layer rows
            as in ``coefs_k`` and the intercept last. Entries of connections that do not
            exist are 0.

        Raises
        ------
        ValueError
            If units share parameters: their blocks are those of groups of units, in
            :meth:`hessian`.
        MemoryError
            If the blocks would not fit the memory; nothing is allocated before.

        Notes
        -----
        The loss has no other blocks, and no P x P matrix is formed, unless there is a penalty of
        your own with mixed derivatives and without a :meth:`Penalty.tensor`.
        """
        check_kind(kind, BLOCK_KINDS)
        check_blocks(self.network, self.penalty, w, kind)
        self._kept.reach(w, SECOND)
        blocks = self._loss_blocks(kind)
        add_penalty_blocks(self.network, self.penalty, self._kept.w, blocks)
        return blocks

    @may_overflow
    def hessian_product(self, w: ArrayLike, v: ArrayLike, kind: str = "exact") -> Array:
        """Hessian times vector ("hessp" in SciPy), without forming the Hessian.

        Parameters
        ----------
        w : array of shape (n_parameters,)
            The point.
        v : array of shape (n_parameters,) or (n_parameters, r)
            One direction, or r of them as columns.
        kind : {"exact", "gauss-newton"}, default="exact"
            As in :meth:`hessian`.

        Returns
        -------
        ndarray of the shape of v
            The products.

        Raises
        ------
        ValueError
            If ``v`` has a wrong shape, or there are no products of that kind.

        Notes
        -----
        Each direction costs about as much as one gradient, up to two in deep nets.
        """
        check_kind(kind, PRODUCT_KINDS)
        directions = real_directions("v", v, self.n_parameters)
        self._kept.reach(w, SECOND)
        layout = self.network.layout
        along = np.ascontiguousarray(layout.expand(directions).T)
        groups = self._groups(len(along)) if along.ndim == 2 else [slice(None)]
        result = self._kept.product(along, groups, kind == "gauss-newton")
        product = layout.pull_back(result.T)
        return product + self.penalty.hessian_product(self._kept.w, directions)

    def shift_derivatives(self, w: ArrayLike, features: Sequence[int]) -> tuple[Array, Array]:
        """Differentiate f in a shift of an input that is common to all samples.

            1/S sum_i s_i d loss_i / d x_ij,   and their derivatives in w

        Parameters
        ----------
        w : array of shape (n_parameters,)
            The point.
        features : sequence of int
            The inputs j.

        Returns
        -------
        slopes : ndarray of shape (n_shifts,)
            One for each of them.
        mixed : ndarray of shape (n_parameters, n_shifts)
            Their gradients in w.

        Raises
        ------
        NotImplementedError
            If a layer that reads the input has neither ``input_shift`` nor ``curvature_mixed``.

        Notes
        -----
        At the cost of about one gradient per input.
        """
        self._kept.reach(w, SECOND)
        graph, chosen = self.network._graph, np.asarray(features, dtype=int)
        if not ((chosen >= 0) & (chosen < self.network.n_features)).all():
            raise ValueError(
                f"features must be numbers below {self.network.n_features}, got {features!r}."
            )
        shifts = {k: graph.layers[k].input_shift(graph.n_inputs[k]) for k, _ in graph.readers[0]}
        by_input = [k for k, shift in shifts.items() if shift is None]
        slopes = np.zeros(self.network.n_features)
        mixed = np.zeros((len(chosen), graph.n_full))
        # Mixed derivatives of layers that are not linear are formed once for all inputs.
        formed = any(not graph.linear[k] for k in by_input)
        groups = [slice(None)] if formed else self._groups(len(chosen))
        for chunk in self._chunks:
            layers = chunk.layers_at(self._kept.weights, in_inputs=by_input)
            for k, rows in graph.readers[0]:
                shift = shifts[k]
                if shift is None:
                    slopes += layers[k].pull_back(rows, chunk.delta[k]).sum(axis=1)
                else:
                    slopes += shift[rows] @ layers[k].gradient(chunk.delta[k]).sum(axis=1)
            for some in groups:
                some_chosen = chosen[some]
                full = np.zeros((len(some_chosen), graph.n_full))
                direction = graph.matrices(full)
                for k, rows in graph.readers[0]:
                    shift = shifts[k]
                    if shift is not None:
                        direction[k][...] = shift[rows][some_chosen][:, :, None]
                source = np.zeros((len(full), self.network.n_features, chunk.n_samples))
                source[np.arange(len(full)), some_chosen] = 1.0
                moved = dict.fromkeys(by_input, source)
                chunk.product(layers, direction, graph.matrices(mixed[some]), False, moved)
        return slopes[chosen], self.network.layout.pull_back(mixed.T)

    def _groups(self, n_directions: int) -> list[slice]:
        """As many directions at a time as have their tangents in the cache."""
        units, n_samples = sum(self.network._graph.n_units), self._chunks[0].n_samples
        group = max(1, 10_000 // (units * n_samples // 4 + 1))
        return [slice(start, start + group) for start in range(0, n_directions, group)]

    def jacobian(self, w: ArrayLike) -> Array:
        """Derivative of the raw predictions in w, not weighted.

        Parameters
        ----------
        w : array of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs, n_parameters)
            The one big array of the calculus, n O P numbers.

        Raises
        ------
        MemoryError
            If it would not fit the memory; nothing is allocated before.
        """
        self._check_rows(
            "the Jacobian", self.network.n_outputs, "jacobian_product needs no matrix"
        )
        self._kept.reach(w, FORWARD)
        n_outputs = self.network.n_outputs
        outputs = np.eye(n_outputs)[:, :, None]
        return self._kept.per_sample(n_outputs, lambda chunk: np.tile(outputs, chunk.n_samples))

    def raw_predictions(self, w: ArrayLike) -> Array:
        """Raw predictions of the samples.

        Parameters
        ----------
        w : array of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            Before the inverse link, with the offset.
        """
        self._kept.reach(w, FORWARD)
        return np.concatenate([chunk.raw.T for chunk in self._chunks])

    def jacobian_product(self, w: ArrayLike, v: ArrayLike) -> Array:
        """Jacobian of the raw predictions times a direction.

        Parameters
        ----------
        w : array of shape (n_parameters,)
            The point.
        v : array of shape (n_parameters,)
            The direction.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            Not weighted; the Jacobian is not formed.
        """
        self._kept.reach(w, ADJOINT)
        direction = self.network.matrices(real_vector("v", v, self.n_parameters))
        rows = []
        for chunk in self._chunks:
            tangents, *_ = chunk.tangents(chunk.layers_at(self._kept.weights), direction)
            rows.append(np.array(tangents[-1].T, dtype=float, order="C"))
        return np.concatenate(rows)

    def scores(self, w: ArrayLike) -> Array:
        """Gradient of each sample's loss.

        They are neither weighted nor penalised: gradient(w) is
        ``sample_weight @ scores(w) / S`` plus the gradient of the penalty.

        Parameters
        ----------
        w : array of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_samples, n_parameters)
            A row per sample.

        Raises
        ------
        MemoryError
            If they would not fit the memory; nothing is allocated before.
        """
        self._check_rows("scores", 1, "work on fewer samples at a time")
        self._kept.reach(w, FORWARD)
        return self._kept.per_sample(
            1, lambda chunk: self.loss.derivatives(chunk.y, chunk.raw.T, 1)[1].T[None]
        )[:, 0]

    def states(self, w: ArrayLike) -> list[Array]:
        """The states X^k of all layers on the samples, by the propagation equation ([I] eq. 1).

        Parameters
        ----------
        w : array of shape (n_parameters,)
            The point.

        Returns
        -------
        list of ndarray of shape (n_samples, s_k)
            One for each layer; the last are the outputs: the raw predictions with the offset,
            behind the activation of the last layer if it has one.
        """
        self._kept.reach(w, FORWARD)
        return states_of(self._chunks, self.loss)

    def multipliers(self, w: ArrayLike) -> list[Array]:
        """Lagrange multipliers E^k of the propagation equations ([I] eq. 7 and 8).

            E_i^k = -df / dx_i^k

        with the sign of [I] and the factors of f: E_i^m = -s_i/S d loss_i / d x_i^m for the last
        layer. The penalty has no part in them.

        Parameters
        ----------
        w : array of shape (n_parameters,)
            The point.

        Returns
        -------
        list of ndarray of shape (n_samples, s_k)
            One for each layer.

        See Also
        --------
        Lagrangian : The function that they belong to, in all its variables.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet.calculus import Network, Objective
        >>> X, y = np.array([[-1.0], [1.0]]), np.array([0.0, 2.0])
        >>> f = Objective(Network.mlp(1, (), 1), "squared_error", X, y)
        >>> f.states(np.zeros(2))[0].tolist(), f.multipliers(np.zeros(2))[0].tolist()
        ([[0.0], [0.0]], [[-0.0], [1.0]])
        """
        self._kept.reach(w, ADJOINT)
        return multipliers_of(self._chunks, self._kept.weights, self.loss)

    def lagrangian_tensors(
        self, w: ArrayLike, order: int, *, penalised: bool = True
    ) -> list[Array]:
        """Differentiate the Lagrangian to any order, at fixed states and multipliers.

            D_k[j, j1, .., jp] = sum_i s_i / S e^k_ij h^(p)(a^k_ij) z_ij1 .. z_ijp   ([I] eq. 12)

        in a linear layer; in others derivatives of the propagation enter by Faa di Bruno's
        formula. Those between units are zero, but for those of the penalty, which are left out.

        Parameters
        ----------
        w : array of shape (n_parameters,)
            The point.
        order : int
            The order p, at least 1. Order 1 is the gradient, order 2 "lagrangian" of
            :meth:`hessian_blocks`.
        penalised : bool, default=True
            Whether to add the derivatives of the penalties.

        Returns
        -------
        list of ndarray of shape (s_k, t_k, ..., t_k)
            Per layer and unit, in the order of the unit's parameters. Zero from order 2 on for a
            linear last layer without an activation and a penalty. Entries of connections that do
            not exist are 0. A derivative in shared parameters is the sum over their entries.

        Raises
        ------
        ValueError
            If an activation has no derivatives of that order, or it is no integer above 0; or if
            there is a penalty to add, and units share parameters.
        NotImplementedError
            If a layer or a penalty has no derivatives of that order
            (:meth:`Layer.tensor_parameters`, :meth:`Penalty.tensor`).
        MemoryError
            If the tensors would not fit the memory; nothing is allocated before.

        Notes
        -----
        About n sum_k s_k t_k^p flops with linear layers.
        """
        graph = self.network._graph
        check_order(order, 1, activations_of(graph, self.loss))
        check_tensor_memory(self.network, order)
        self._kept.reach(w, SECOND if order == 2 else ADJOINT)
        if order == 2:
            tensors = self._loss_blocks("lagrangian")
        else:
            tensors = lagrangian_tensors(graph, self._kept.weights, self._chunks, self.loss, order)
        add_penalty(self.network, self.penalty if penalised else None, self._kept.w, tensors)
        return tensors

    def over_rows(self, function: Callable[..., Any], *args: Any) -> Iterator[Any]:
        """What a function finds in the rows that count, part after part; here there is one.

        Parameters
        ----------
        function : callable
            Gets the :class:`Rows` of positive weight and ``args``.
        *args : object
            Further arguments.

        Yields
        ------
        object
            As from :meth:`BlockObjective.over_rows`.
        """
        rows = Rows(self.samples, self.targets, self.sample_weight, self.offset)
        yield function(rows.counted, *args)

    def why_not_finite(self, w: ArrayLike) -> str:
        """What is to blame where the value, the gradient or the Hessian is not finite.

        Parameters
        ----------
        w : array of shape (n_parameters,)
            Such a point.

        Returns
        -------
        str
            A main clause for messages. It names the first part on the way from X to the loss
            that is not finite: an activation, the loss, the penalty; or, where all of these are
            finite and only products of them are not, whose scale is too large: that of X, Y,
            the weights or the parameters.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet.calculus import Network, Objective
        >>> X, y = np.array([[1.0], [2.0]]), np.array([1.0, 3.0])
        >>> f = Objective(Network.mlp(1, (), 1), "poisson", X, y)
        >>> w = np.array([900.0, 0.0])
        >>> f.value(w), f.why_not_finite(w)[:52]
        (inf, "the value of the loss 'poisson' is not finite in row")
        """
        data = {"X": self.samples, "Y": self.targets, "sample_weight": self.sample_weight}
        if self.offset is not None:
            data["offset"] = self.offset
        return not_finite_part(self.network, self.loss, self.penalty, data, real_array("w", w))

    def scale(self) -> float:
        """The loss of the best constant prediction, the mean of the targets, beside the offset.

        Returns
        -------
        float
            Half the variance of Y for squared errors, without an offset. Where the loss has no
            finite value there, that of raw predictions of 0.
        """
        return self._scale

    @cached_property
    def _scale(self) -> float:
        means = MeansOverRows(self.targets, self.sample_weight, self.offset)
        mean = self.sample_weight @ self.targets / self.weight_sum
        return loss_of_best_constant(self.loss, mean, means, self.has_offset)

    def on(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
    ) -> Objective:
        """The same net, loss and penalties on other data.

        Parameters
        ----------
        X, Y, sample_weight, offset : array
            As in the constructor.

        Returns
        -------
        Objective
            A new objective; this one stays as it is.

        Raises
        ------
        ValueError
            If the objective has an offset, and the other data have none.
        """
        if offset is None and self.offset is not None:
            raise ValueError(
                "offset must be given for the other data, since the objective has one: an array "
                "of shape (n_samples,) or (n_samples, n_outputs), zeros if there is none."
            )
        found = partial(Objective, self.network, self.loss, X, Y, sample_weight, dtype=self.dtype)
        return found(penalties=self.penalty.penalties, offset=offset)

    def with_loss(self, loss: Loss) -> Objective:
        """The mean of another loss on the same net and data, without a penalty.

        Parameters
        ----------
        loss : Loss
            The other loss.

        Returns
        -------
        Objective
            With the same samples, targets, weights and offset.
        """
        data = self.samples, self.targets, self.sample_weight
        return Objective(self.network, loss, *data, offset=self.offset, dtype=self.dtype)

    def output_parts(self) -> SeparateOutputs | None:
        """The parts of the outputs, c_o; f is their sum, and the penalty is shared out evenly.

        Returns
        -------
        SeparateOutputs or None
            None for one output, and for a loss of all outputs together, such as that of a softmax.

        Raises
        ------
        ValueError
            If the loss does not say what its outputs have of it; see :meth:`Loss.by_output`.
        """
        several = self.network.n_outputs > 1 and splits(self.loss, self.targets)
        return SeparateOutputs(self, self._kept) if several else None

    def batches(self, n_batches: int, rng: np.random.Generator) -> list[Block]:
        """Split the rows of positive weight at random.

        Parameters
        ----------
        n_batches : int
            Number of batches, of numbers of rows that differ by at most 1.
        rng : numpy.random.Generator
            Which rows go together.

        Returns
        -------
        list of Block
            Of each batch its share S_b / S of the weights, and the objective of its rows with
            the penalty of f: f = sum_b share_b f_b.

        Raises
        ------
        ValueError
            If there are fewer rows than batches.
        """
        return row_batches(self, n_batches, rng)

    def _reach_solved(self, w: ArrayLike, output: LeastSquaresOutput | ConvexOutput) -> Array:
        return self._kept.reach_solved(w, output)

    def _loss_blocks(self, kind: str) -> list[Array]:
        return neuron_blocks(
            self.network._graph,
            self._kept.weights,
            self._chunks,
            self._workspace,
            lagrangian=kind == "lagrangian",
        )

    def _check_rows(self, what: str, n_outputs: int, advice: str) -> None:
        """Raise where arrays of a number for each sample and parameter would not fit."""
        n, P = self.n_samples, self.network.layout.n_full
        text = f"{what} of {n} samples and {P} parameters"
        check_memory(text, 8.0 * n * n_outputs * P, advice)
