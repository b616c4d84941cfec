"""The function that is minimised, over more rows than fit the memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions import block_sums
from sknewtonnet.calculus.functions.block_parts import BlockParts
from sknewtonnet.calculus.functions.block_source import BlockSequence, BlockSource
from sknewtonnet.calculus.functions.block_sums import Account, Model
from sknewtonnet.calculus.functions.constant import loss_of_best_constant
from sknewtonnet.calculus.functions.finiteness import not_finite_beside_rows
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.functions.output_layer import (
    ConvexOutput,
    LeastSquaresOutput,
)
from sknewtonnet.calculus.functions.output_parts import splits
from sknewtonnet.calculus.functions.output_sums import OutputSums
from sknewtonnet.calculus.functions.penalised import (
    add_penalty_blocks,
    add_penalty_hessian,
    check_blocks,
)
from sknewtonnet.calculus.functions.penalised_loss import PenalisedLoss
from sknewtonnet.calculus.functions.precision import pass_dtype
from sknewtonnet.calculus.functions.shared import many_entries
from sknewtonnet.calculus.functions.totals import Sums
from sknewtonnet.calculus.pieces.function import (
    BLOCK_KINDS,
    HESSIAN_KINDS,
    PRODUCT_KINDS,
    may_overflow,
)
from sknewtonnet.calculus.pieces.loss import Loss
from sknewtonnet.calculus.pieces.losses import get_loss
from sknewtonnet.calculus.pieces.memory import check_hessian_memory
from sknewtonnet.calculus.pieces.output_activation import behind
from sknewtonnet.calculus.pieces.penalties import Penalty, PenaltySum, l2_penalty, listed_penalties
from sknewtonnet.calculus.pieces.validation import (
    check_kind,
    check_weight_sum,
    probe_loss,
    real_array,
    real_directions,
)

# What an Objective has beside: arrays with a row for each row of the table.
_OF_ALL_ROWS = {
    "samples",
    "targets",
    "sample_weight",
    "offset",
    "raw_predictions",
    "jacobian",
    "jacobian_product",
    "scores",
    "states",
    "multipliers",
}


class BlockObjective(PenalisedLoss):
    """The function of :class:`Objective` on rows in blocks, of which one is in memory at a time.

        f(w) = sum_b S_b / S f_b(w) + penalty(w) / S

    with f_b the mean loss of the rows of block b and S_b the sum of their weights. All it gives
    are sums over rows: value and gradient are found in one pass over the blocks, second
    derivatives in another one. Sums are added in an order that the number of blocks decides.

    Parameters
    ----------
    network : Network
        Raw predictions as a function of w and X.
    loss : str or Loss
        As in :class:`Objective`.
    blocks : BlockSource, or what BlockSequence takes
        The rows, such as :class:`ArrayBlocks` of memory maps; a sequence of tuples (X, Y),
        (X, Y, sample_weight) or (X, Y, sample_weight, offset); a sequence of functions that read
        one; or a generator function. Blocks without rows do no harm.
    alpha : float, sequence of float, or mapping of str to array, default=0.0
        As in :class:`Objective`.
    penalties : Penalty or sequence of Penalty, default=()
        Further penalties.
    dtype : {np.float64, np.float32}, default=np.float64
        Type of the numbers in passes over samples, as in :class:`Objective`.

    Attributes
    ----------
    n_parameters, n_samples : int
        Length of w; number of rows of all blocks.
    weight_sum : float
        S.
    has_offset : bool
        Whether the blocks have an offset.
    dtype : numpy.dtype
        Type of the numbers in passes over samples.
    blocks : BlockSource
        The rows.

    Raises
    ------
    ValueError
        If an argument has a wrong shape, is not finite, or lies outside the loss's domain, with
        the number of the block; or if blocks differ from one pass to the next.
    TypeError
        If ``blocks`` is an iterator, which ends with the first pass, or an item is no block.
    MemoryError
        If a Hessian, or a block at all units, would not fit; nothing is allocated before.

    See Also
    --------
    Objective : The same function of rows in memory.
    ArrayBlocks : Blocks of memory maps.
    DaskBlocks : Blocks of dask arrays, on the workers of a cluster.
    sknewtonnet.solvers.get_solver : Solvers that minimise it.

    Notes
    -----
    Beside what the source reads, a pass takes about as much memory as a block, and two results.
    Value, gradient and Hessian at the last point are kept. A product takes a pass of its own, of
    about two gradients.

    References
    ----------
    Iovleff (2004), Exact Calculus of First and Second Derivatives of Arbitrary Feed-Forward
    Neural Networks.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import BlockObjective, Network, Objective
    >>> from sknewtonnet.solvers import get_solver
    >>> def read():  # from files, in real life
    ...     for number in range(4):
    ...         X = np.random.default_rng(number).normal(size=(50, 2))
    ...         yield X, np.tanh(X[:, 0])
    >>> net = Network.mlp(2, (2,), 1)
    >>> f = BlockObjective(net, "squared_error", read, alpha=0.1)
    >>> f.n_samples, f.n_parameters
    (200, 9)
    >>> result = get_solver("newton").minimize(f, 0.1 * np.arange(9.0))
    >>> X, y = (np.concatenate(arrays) for arrays in zip(*read()))
    >>> whole = Objective(net, "squared_error", X, y, alpha=0.1)
    >>> bool(np.abs(whole.gradient(result.params)).max() < 1e-6)
    True
    """

    hessian_kinds = HESSIAN_KINDS
    product_cost = 2

    def __init__(
        self,
        network: Network,
        loss: str | Loss,
        blocks: Any,
        alpha: float | Sequence[float] | Mapping[str, ArrayLike] = 0.0,
        *,
        penalties: Penalty | Sequence[Penalty] = (),
        dtype: DTypeLike = np.float64,
    ):
        if not isinstance(network, Network):
            raise TypeError(f"network must be a Network, got {network!r}.")
        self.network, self.dtype = network, pass_dtype(network, dtype)
        self.loss = behind(get_loss(loss, network.n_outputs), network.layers[-1].activation)
        squares = l2_penalty(network.layout, alpha)
        others = [penalty.on(network.layout) for penalty in listed_penalties(penalties)]
        source = blocks if isinstance(blocks, BlockSource) else BlockSequence(blocks)
        self.blocks = source.kept()
        self._model = Model(network, self.loss, self.dtype)
        self._account = self._of_all_blocks()
        self.n_parameters = network.n_parameters
        self.n_samples = self._account.n_samples
        self.weight_sum = self._account.weight_sum
        self.has_offset = self._account.has_offset
        self.penalty = PenaltySum([squares, *others], self.weight_sum)
        self._w = np.full(self.n_parameters, np.nan)
        self._known: dict[str, Any] = {}

    if not TYPE_CHECKING:  # else any name would pass for an attribute

        def __getattr__(self, name: str) -> object:
            """Say what is not there, because it would be as long as the table."""
            if name == "blocks":
                raise AttributeError("the data have been left out; make it anew from the blocks.")
            if name in _OF_ALL_ROWS:
                raise AttributeError(
                    f"BlockObjective has no {name!r}, which takes all rows in memory at once: "
                    "ask an Objective, or make results, of as many as fit."
                )
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def value(self, w: ArrayLike) -> float:
        """The objective f(w), at the cost of value and gradient.

        Parameters
        ----------
        w : array of shape (n_parameters,)
            The point.

        Returns
        -------
        float
            Not finite where a loss overflows.
        """
        return self.value_and_gradient(w)[0]

    def gradient(self, w: ArrayLike) -> Array:
        """Gradient of f.

        Parameters
        ----------
        w : array of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_parameters,)
            A new array.
        """
        return self.value_and_gradient(w)[1]

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
        self._place(w)
        if "value" not in self._known:
            self._means(block_sums.value_and_gradient, self._w)
        return self._known["value"], self._known["gradient"].copy()

    def hessian(self, w: ArrayLike, kind: str = "exact") -> Array:
        """Second derivatives of f, or an approximation; see :meth:`Objective.hessian`.

        Parameters
        ----------
        w : array of shape (n_parameters,)
            The point.
        kind : {"exact", "block", "lagrangian", "gauss-newton"}, default="exact"
            As in :meth:`Objective.hessian`.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
            Symmetric.

        Raises
        ------
        MemoryError
            If the matrix would not fit the memory; nothing is allocated before.
        """
        check_kind(kind, HESSIAN_KINDS)
        layout = self.network.layout
        by_products = kind != "lagrangian" and many_entries(layout)
        # That of all blocks, of one, of a part of it, and the one that is kept.
        check_hessian_memory(self.n_parameters if by_products else layout.n_full, n_matrices=4.0)
        self._place(w)
        if kind not in self._known:
            for other in HESSIAN_KINDS:  # only the last one is kept
                self._known.pop(other, None)
            (H,) = self._means(block_sums.hessian, self._w, kind)
            with np.errstate(over="ignore", invalid="ignore"):
                add_penalty_hessian(self.network, self.penalty, self._w, kind, H)
            self._known[kind] = H
        return np.array(self._known[kind])

    @may_overflow
    def hessian_blocks(self, w: ArrayLike, kind: str = "block") -> list[Array]:
        """The blocks of each unit with itself; see :meth:`Objective.hessian_blocks`.

        Parameters
        ----------
        w : array of shape (n_parameters,)
            The point.
        kind : {"block", "lagrangian"}, default="block"
            As in :meth:`hessian`.

        Returns
        -------
        list of ndarray of shape (s_k, t_k, t_k)
            Per layer and unit.

        Raises
        ------
        ValueError
            If units share parameters.
        MemoryError
            If the blocks would not fit the memory; nothing is allocated before.
        """
        check_kind(kind, BLOCK_KINDS)
        check_blocks(self.network, self.penalty, w, kind)
        self._place(w)
        blocks = self._means(block_sums.hessian_blocks, self._w, kind)
        add_penalty_blocks(self.network, self.penalty, self._w, blocks)
        return blocks

    @may_overflow
    def hessian_product(self, w: ArrayLike, v: ArrayLike, kind: str = "exact") -> Array:
        """Hessian times vector, without forming the Hessian, by one pass.

        Parameters
        ----------
        w : array of shape (n_parameters,)
            The point.
        v : array of shape (n_parameters,) or (n_parameters, r)
            One direction, or r of them as columns, all in the same pass.
        kind : {"exact", "gauss-newton"}, default="exact"
            As in :meth:`hessian`.

        Returns
        -------
        ndarray of the shape of v
            The products.
        """
        check_kind(kind, PRODUCT_KINDS)
        directions = real_directions("v", v, self.n_parameters)
        self._place(w)
        (product,) = self._means(block_sums.hessian_product, self._w, directions, kind)
        return np.asarray(product + self.penalty.hessian_product(self._w, directions))

    def why_not_finite(self, w: ArrayLike) -> str:
        """What is to blame where the value, the gradient or the Hessian is not finite.

        Parameters
        ----------
        w : array of shape (n_parameters,)
            Such a point.

        Returns
        -------
        str
            A main clause for messages, as of :meth:`Objective.why_not_finite`, with the number of
            the first block that has such rows.
        """
        vector, largest = real_array("w", w), dict[str, float]()
        answers = self.blocks.map(block_sums.blame, self._model, vector)
        for number, (found, sizes) in enumerate(answers):
            if found:
                return f"in block {number}, {found}"
            for name, size in sizes.items():
                largest[name] = max(size, largest.get(name, 0.0))
        return not_finite_beside_rows(self.penalty, largest, vector)

    def scale(self) -> float:
        """The loss of the best constant prediction; see :meth:`Objective.scale`.

        Returns
        -------
        float
            By one pass; by several with an offset.
        """
        mean = self._account.targets / self.weight_sum
        return loss_of_best_constant(self.loss, mean, self, self.has_offset)

    def on(self, blocks: Any) -> BlockObjective:
        """The same net, loss and penalties on other blocks.

        Parameters
        ----------
        blocks : BlockSource, or what BlockSequence takes
            As in the constructor.

        Returns
        -------
        BlockObjective
            A new objective; this one stays as it is.

        Raises
        ------
        ValueError
            If the objective has an offset, and the other blocks have none.
        """
        penalties, dtype = self.penalty.penalties, self.dtype
        found = BlockObjective(self.network, self.loss, blocks, penalties=penalties, dtype=dtype)
        if self.has_offset and not found.has_offset:
            raise ValueError(
                "the other blocks must have an offset, since the objective has one: zeros if "
                "there is none."
            )
        return found

    def without_data(self) -> BlockObjective:
        """The same without its blocks; see :meth:`Objective.without_data`.

        Returns
        -------
        BlockObjective
            Network, loss, penalty, and the numbers of samples and parameters are there. Whatever
            takes a pass raises an AttributeError.
        """
        found = copy(self)
        found._account = replace(self._account, first=self._account.first[:0])
        del found.blocks
        return found

    def counted(self) -> BlockObjective:
        """The same function without the rows of weight zero.

        Returns
        -------
        BlockObjective
            Itself if there are none.
        """
        if self._account.n_counted == self.n_samples:
            return self
        return self.on(self.blocks.transformed(block_sums.counted_rows))

    def with_loss(self, loss: Loss) -> BlockObjective:
        """The mean of another loss on the same net and blocks, without a penalty.

        Parameters
        ----------
        loss : Loss
            The other loss.

        Returns
        -------
        BlockObjective
            A new objective; this one stays as it is.
        """
        return BlockObjective(self.network, loss, self.blocks, dtype=self.dtype)

    def output_parts(self) -> BlockParts | None:
        """The parts of the outputs; see :meth:`Objective.output_parts`.

        Returns
        -------
        BlockParts or None
            None for one output, and for a loss of all outputs together.
        """
        several = self.network.n_outputs > 1 and splits(self.loss, self._account.first)
        if not several:
            return None
        return BlockParts(self.network.n_outputs, self.penalty, self._summed)

    def over_rows(self, function: Callable[..., Any], *args: Any) -> Iterator[Any]:
        """What a function finds in the rows that count, part after part, in one pass.

        Parameters
        ----------
        function : callable
            Gets :class:`Rows` of positive weight as arrays of float64, and ``args``; it can be
            pickled, and what it returns is small.
        *args : object
            Further arguments.

        Yields
        ------
        object
            The results in the order of the rows.
        """
        for found in self.blocks.map(block_sums.each_piece, self._model, function, *args):
            yield from found

    @property
    def largest_offset(self) -> Array:
        """The largest offset of each output.

        Returns
        -------
        ndarray of shape (n_outputs,)
            Zeros without an offset.
        """
        return self._account.largest_offset

    def mean_of(self, term: Callable[..., Array], *args: Any) -> Array:
        """Weighted mean over the rows of a function of targets and offsets.

        Parameters
        ----------
        term : callable
            Gets targets of shape (m, n_outputs), offsets of the same shape or 0.0, and ``args``;
            returns an array with m rows. It can be pickled.
        *args : object
            Further arguments.

        Returns
        -------
        ndarray
            Of the shape of one row.
        """
        return self._summed(block_sums.mean_terms, term, *args)[0]

    @may_overflow
    def _reach_solved(self, w: ArrayLike, output: LeastSquaresOutput | ConvexOutput) -> Array:
        """Where the output layer suits the other parameters of w best."""
        hidden = real_array("w", w)
        full = self.network.layout.expand(hidden).copy()
        self.network.by_layer(full)[-1][...] = output.solve(_BlockOutputSums(self._summed, hidden))
        return self.network.layout.restrict(full)

    def _place(self, w: ArrayLike) -> None:
        """Go to a point, where nothing is known if it is a new one."""
        vector = real_array("w", w)
        if vector.shape != self._w.shape:
            raise ValueError(f"w must have shape {self._w.shape}, got {vector.shape}.")
        if not np.array_equal(vector, self._w):
            self._w, self._known = vector.copy(), {}

    def _means(self, ask: Callable[..., Any], *args: Any) -> Sums:
        """Means over all rows of what objectives of some of them are asked for.

        The value and the gradient, which come first, stay here, with those of the penalty.
        """
        value, gradient, *others = self._summed(block_sums.weighted_sums, ask, *args)
        if "value" not in self._known:
            with np.errstate(over="ignore", invalid="ignore"):
                total = float(value) + self.penalty.value(self._w)
                self._known["gradient"] = gradient + self.penalty.gradient(self._w)
            self._known["value"] = np.inf if np.isnan(total) else total
        return others

    @may_overflow
    def _summed(self, function: Callable[..., Any], *args: Any) -> Sums:
        """Sums over all blocks, over the sum of the weights, which the first of them is."""
        total = self.blocks.total(function, self._model, *args)
        weight = 0.0 if total is None else float(total[0])
        if total is None or not abs(weight - self.weight_sum) <= 1e-9 * self.weight_sum:
            raise ValueError(
                f"blocks have changed: their weights sum to {weight:g}, at first it was "
                f"{self.weight_sum:g}; each pass must read the same rows."
            )
        if not all(np.isfinite(part).all() for part in total[1:]):
            for _ in self.blocks.map(block_sums.account, self._model):
                pass  # raises where the rows are to blame; else a number is too large
        means = [np.require(part, requirements="W") for part in total[1:]]
        return [np.divide(part, self.weight_sum, out=part) for part in means]

    def _of_all_blocks(self) -> Account:
        """What is known of the rows after the first pass, which checks them."""
        total: Account | None = None
        for number, found in enumerate(self.blocks.map(block_sums.account, self._model)):
            if found is None:
                continue
            if total is None:
                probe_loss(self.loss, found.first)
                total = found
            elif total.has_offset != found.has_offset:
                word = "an" if found.has_offset else "no"
                raise ValueError(
                    f"block {number} has {word} offset, unlike those before: give one for all "
                    "blocks or for none, zeros where there is none."
                )
            else:
                total = total.with_more(found)
        if total is None:
            raise ValueError("blocks have no rows; there must be at least one sample.")
        check_weight_sum(total.weight_sum)
        return total


class _BlockOutputSums(OutputSums):
    """Sums over blocks of what the problem of the last layer is made of, behind the rest of w."""

    def __init__(self, summed: Callable[..., Sums], w: Array):
        self._summed, self._w = summed, w
        self._V, self._found = np.empty(0), Sums()

    def gram(self) -> tuple[Array, Array]:
        """See :meth:`OutputSums.gram`."""
        gram, right = self._summed(block_sums.weighted_sums, block_sums.gram, self._w)
        return gram, right

    def value(self, V: Array) -> float:
        """See :meth:`OutputSums.value`."""
        return float(self._at(V)[0])

    def derivatives(self, V: Array) -> tuple[Array, Array]:
        """See :meth:`OutputSums.derivatives`."""
        _, gradient, hessian = self._at(V)
        return gradient.copy(), hessian.copy()

    def _at(self, V: Array) -> Sums:
        """Value and derivatives from one pass, as a step that is tried is a step as a rule."""
        if not np.array_equal(V, self._V):
            ask = block_sums.output_derivatives
            self._found = self._summed(block_sums.weighted_sums, ask, self._w, V)
            self._V = V.copy()
        return self._found
