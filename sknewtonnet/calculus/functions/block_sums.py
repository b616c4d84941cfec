"""What is asked of one block of rows: sums over them, from objectives that come and go.

All functions that go to a block are here. They can be pickled, and so can what they return.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.block_source import Rows, number_of_rows
from sknewtonnet.calculus.functions.finiteness import not_finite_in_rows, sizes
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.functions.objective import Objective
from sknewtonnet.calculus.functions.output_parts import SeparateOutputs
from sknewtonnet.calculus.functions.precision import check_range
from sknewtonnet.calculus.functions.row_arrays import row_arrays
from sknewtonnet.calculus.functions.totals import Sums, added
from sknewtonnet.calculus.pieces.loss import Loss

# Chunks that an objective of a part of a block has at least.
_MIN_CHUNKS = 4


@dataclass(frozen=True, eq=False)
class Model:
    """What an objective is beside its rows and its penalty.

    Parameters
    ----------
    network : Network
        The net.
    loss : Loss
        The loss, behind the activation of the last layer.
    dtype : numpy.dtype
        Type of the numbers in passes over samples.
    """

    network: Network
    loss: Loss
    dtype: np.dtype[Any]

    def checked(self, rows: Rows) -> Rows:
        """The rows as arrays of float64, as an objective takes them; or an error that says why."""
        found = row_arrays(self.network, rows, self.loss)
        if (found.sample_weight < 0.0).any():
            raise ValueError("sample_weight must not be negative.")
        check_range(found.X, self.dtype)
        return found

    def pieces(self, rows: Rows) -> Iterator[Rows]:
        """Pieces of the rows; what is worked out at the units for one takes no more memory."""
        graph, n_samples = self.network._graph, np.shape(rows.X)[0]
        kept = 5 * sum(graph.n_units) + 2 * sum(graph.n_inputs)
        share = n_samples * graph.n_inputs[0] // kept
        size = max(1, _MIN_CHUNKS * self.network.chunk_size, share)
        for start in range(0, n_samples, size):
            yield rows.part(slice(start, start + size))

    def parts(self, rows: Rows) -> Iterator[tuple[float, Objective]]:
        """Objectives without a penalty of parts of the rows, with the sums of their weights.

        The first pass has checked the numbers. Where they are others now, nothing is finite, or
        the weights have another sum; both are noticed.
        """
        for piece in self.pieces(rows):
            if piece.sample_weight is None or np.any(piece.sample_weight):
                arrays = row_arrays(self.network, piece)
                f = Objective.of_checked(self.network, self.loss, arrays, self.dtype)
                yield f.weight_sum, f


def weighted_sums(rows: Rows, model: Model, ask: Callable[..., Sequence[Any]], *args: Any) -> Any:
    """Sums over the rows of what is a weighted mean over those of an objective.

    Parameters
    ----------
    rows : Rows
        A block.
    model : Model
        The net and the loss.
    ask : callable
        What is asked of the objective of some of the rows.
    *args : object
        Its further arguments.

    Returns
    -------
    list of ndarray, or None
        The sum of the weights, and that of each mean times the sum of its weights. None where no
        row counts.
    """
    if np.shape(rows.X)[0] == 0:
        return None
    total: Sums | None = None
    with np.errstate(over="ignore", invalid="ignore"):
        for share, f in model.parts(rows):
            found = [np.array(share), *(_scaled(part, share) for part in ask(f, *args))]
            total = found if total is None else added(total, found)
            del f, found  # before those of the next part are made
    return total


def _scaled(part: Any, share: float) -> Array:
    """A mean times the sum of its weights, in place: what is asked for is always new."""
    array = np.asarray(part, dtype=float)
    return np.multiply(array, share, out=array if array.ndim else np.empty(()))


def value_and_gradient(f: Objective, w: Array) -> Sequence[Any]:
    """Value and gradient of an objective."""
    return f.value_and_gradient(w)


def hessian(f: Objective, w: Array, kind: str) -> Sequence[Any]:
    """Value, gradient and Hessian of an objective."""
    return *f.value_and_gradient(w), f.hessian(w, kind)


def hessian_blocks(f: Objective, w: Array, kind: str) -> Sequence[Any]:
    """Value, gradient and blocks of the Hessian of an objective."""
    return *f.value_and_gradient(w), *f.hessian_blocks(w, kind)


def hessian_product(f: Objective, w: Array, v: Array, kind: str) -> Sequence[Any]:
    """Value, gradient and products of an objective."""
    return *f.value_and_gradient(w), f.hessian_product(w, v, kind)


def gram(f: Objective, w: Array) -> Sequence[Any]:
    """The sums of a ridge regression on the inputs of the last layer."""
    return f._kept.output_sums(w).gram()


def output_derivatives(f: Objective, w: Array, V: Array) -> Sequence[Any]:
    """Value, gradient and Hessian in the parameters V of the last layer, behind the rest of w."""
    sums = f._kept.output_sums(w)
    return sums.value(V), *sums.derivatives(V)


def part_values(f: Objective, w: Array) -> Sequence[Any]:
    """The parts of the outputs."""
    return (parts_of(f).values(w),)


def part_jacobian(f: Objective, w: Array) -> Sequence[Any]:
    """Their gradients."""
    return (parts_of(f).jacobian(w),)


def part_hessian(f: Objective, w: Array, factors: Array) -> Sequence[Any]:
    """Second derivatives of their sum with factors."""
    return (parts_of(f).hessian(w, factors),)


def part_product(f: Objective, w: Array, v: Array, factors: Array) -> Sequence[Any]:
    """Those times directions."""
    return (parts_of(f).hessian_product(w, v, factors),)


def parts_of(f: Objective) -> SeparateOutputs:
    """The parts of the outputs of an objective that has several."""
    return SeparateOutputs(f, f._kept)


@dataclass(frozen=True, eq=False)
class Account:
    """What is known of rows after they have been looked at once.

    Parameters
    ----------
    n_samples, n_counted : int
        Number of rows, and of those of positive weight.
    weight_sum : float
        Sum of their weights.
    targets : ndarray of shape (n_outputs,)
        Weighted sum of the targets.
    has_offset : bool
        Whether they have an offset.
    largest_offset : ndarray of shape (n_outputs,)
        The largest offset of each output; 0 without.
    first : ndarray of shape (m, n_outputs)
        The first targets, three at most.
    """

    n_samples: int
    n_counted: int
    weight_sum: float
    targets: Array
    has_offset: bool
    largest_offset: Array
    first: Array

    def with_more(self, other: Account) -> Account:
        """That of these rows and others."""
        return Account(
            self.n_samples + other.n_samples,
            self.n_counted + other.n_counted,
            self.weight_sum + other.weight_sum,
            self.targets + other.targets,
            self.has_offset,
            np.maximum(self.largest_offset, other.largest_offset),
            np.concatenate([self.first, other.first])[:3],
        )


def account(rows: Rows, model: Model) -> Account | None:
    """Check the rows of a block; None if there are none."""
    if number_of_rows(rows) == 0:
        return None
    X, Y, weight, offset = model.checked(rows)
    with np.errstate(over="ignore"):
        total = float(weight.sum())
    largest = np.zeros(Y.shape[1]) if offset is None else offset.max(axis=0)
    counted = int((weight > 0.0).sum())
    return Account(len(X), counted, total, weight @ Y, offset is not None, largest, Y[:3].copy())


def counted_rows(rows: Rows) -> Rows:
    """Those of positive weight."""
    if rows.sample_weight is None:
        return rows
    return rows._replace(sample_weight=np.asarray(rows.sample_weight)).counted


def mean_terms(rows: Rows, model: Model, term: Callable[..., Any], *args: Any) -> Any:
    """Weighted sums over the rows of a function of their targets and offsets."""
    if np.shape(rows.X)[0] == 0:
        return None
    _, Y, weight, offset = model.checked(rows)
    terms = np.asarray(term(Y, 0.0 if offset is None else offset, *args))
    return [np.array(weight.sum()), np.asarray(np.tensordot(weight, terms, 1))]


def each_piece(rows: Rows, model: Model, function: Callable[..., Any], *args: Any) -> list[Any]:
    """What a function finds in pieces of the rows that count."""
    if np.shape(rows.X)[0] == 0:
        return []
    counted = model.checked(rows).counted
    return [function(piece, *args) for piece in model.pieces(counted)]


def blame(rows: Rows, model: Model, w: Array) -> tuple[str, dict[str, float]]:
    """What is not finite in a block, "" if all is, and the sizes of its largest numbers."""
    if np.shape(rows.X)[0] == 0:
        return "", {}
    X, Y, weight, offset = model.checked(rows)
    data = {"X": X, "Y": Y, "sample_weight": weight}
    if offset is not None:
        data["offset"] = offset
    return not_finite_in_rows(model.network, model.loss, data, w), sizes(data)
