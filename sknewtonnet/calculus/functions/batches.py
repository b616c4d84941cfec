"""An objective as a weighted sum over batches of its rows."""

from typing import Any

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.pieces.function import Block
from sknewtonnet.calculus.pieces.penalties import Penalty


def row_batches(objective: Any, n_batches: int, rng: np.random.Generator) -> list[Block]:
    """Split the rows of an objective at random; see :meth:`Objective.batches`."""
    rows = np.flatnonzero(objective.sample_weight > 0.0)
    if not 1 <= n_batches <= len(rows):
        raise ValueError(
            f"n_batches must be from 1 to the number of rows of positive weight, {len(rows)}, "
            f"got {n_batches}."
        )
    found = []
    for some in np.array_split(rng.permutation(rows), n_batches):
        rows_of_batch = np.sort(some)
        weight = objective.sample_weight[rows_of_batch]
        share = float(weight.sum() / objective.weight_sum)
        offset = None if objective.offset is None else objective.offset[rows_of_batch]
        batch = type(objective)(
            objective.network,
            objective.loss,
            objective.samples[rows_of_batch],
            objective.targets[rows_of_batch],
            weight,
            penalties=[PartOfPenalty(part, share) for part in objective.penalty.penalties],
            offset=offset,
        )
        found.append(Block(share, batch))
    return found


class PartOfPenalty(Penalty):
    """A factor times a penalty.

    An objective divides its penalties by the sum of its weights. That of a batch is share times as
    large, so with the share as factor the penalty counts as much as in the whole.

    Parameters
    ----------
    penalty : Penalty
        The penalty, which knows its places in w.
    factor : float
        The factor, not negative.
    """

    def __init__(self, penalty: Penalty, factor: float):
        self.penalty, self.factor = penalty, factor

    def depends_on(self, array: str) -> bool:
        """See :meth:`Penalty.depends_on`."""
        return self.penalty.depends_on(array)

    @property
    def ridge(self) -> Array | None:
        """Its strengths, if it is a ridge."""
        ridge = self.penalty.ridge
        return None if ridge is None else self.factor * ridge

    def value(self, w: Array) -> float:
        """See :meth:`Penalty.value`."""
        return self.factor * self.penalty.value(w)

    def gradient(self, w: Array) -> Array:
        """See :meth:`Penalty.gradient`."""
        return self.factor * self.penalty.gradient(w)

    def hessian(self, w: Array) -> Array:
        """See :meth:`Penalty.hessian`."""
        return self.factor * self.penalty.hessian(w)

    def hessian_product(self, w: Array, v: Array) -> Array:
        """See :meth:`Penalty.hessian_product`."""
        return self.factor * self.penalty.hessian_product(w, v)

    def kinks(self, w: Array) -> tuple[str, ...]:
        """See :meth:`Penalty.kinks`."""
        return self.penalty.kinks(w)
