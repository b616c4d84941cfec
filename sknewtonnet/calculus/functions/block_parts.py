"""The parts that the outputs of a net have in its objective over blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions import block_sums
from sknewtonnet.calculus.pieces.function import OutputParts, may_overflow
from sknewtonnet.calculus.pieces.penalties import PenaltySum


class BlockParts(OutputParts):
    """Parts of an objective over blocks whose loss is a sum over its outputs.

    See :class:`~sknewtonnet.calculus.functions.output_parts.SeparateOutputs`; each answer takes a
    pass over the blocks.

    Parameters
    ----------
    n_parts : int
        Number of outputs.
    penalty : PenaltySum
        The penalty, which is shared out evenly.
    means : callable
        From what is asked of objectives of some rows, and its arguments, to means over all rows.
    """

    def __init__(self, n_parts: int, penalty: PenaltySum, means: Callable[..., list[Array]]):
        self.n_parts, self._penalty, self._means = n_parts, penalty, means

    @may_overflow
    def values(self, w: Array) -> Array:
        """See :meth:`OutputParts.values`."""
        values = self._mean(block_sums.part_values, w) + self._penalty.value(w) / self.n_parts
        return np.where(np.isnan(values), np.inf, values)

    @may_overflow
    def jacobian(self, w: Array) -> Array:
        """See :meth:`OutputParts.jacobian`."""
        return self._mean(block_sums.part_jacobian, w) + self._penalty.gradient(w) / self.n_parts

    @may_overflow
    def hessian(self, w: Array, factors: Array) -> Array:
        """See :meth:`OutputParts.hessian`."""
        share = factors.sum() / self.n_parts
        H = self._mean(block_sums.part_hessian, w, factors)
        return H + share * self._penalty.hessian(w)

    @may_overflow
    def hessian_product(self, w: Array, v: Array, factors: Array) -> Array:
        """See :meth:`OutputParts.hessian_product`."""
        share = factors.sum() / self.n_parts
        product = self._mean(block_sums.part_product, w, v, factors)
        return np.asarray(product + share * self._penalty.hessian_product(w, v))

    def _mean(self, ask: Callable[..., Any], *args: Any) -> Array:
        return self._means(block_sums.weighted_sums, ask, *args)[0]
