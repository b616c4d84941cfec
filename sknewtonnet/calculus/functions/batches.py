"""An objective as a weighted sum over batches of its rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from sknewtonnet.calculus.pieces.function import Block


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
        batch = type(objective)(
            objective.network,
            objective.loss,
            objective.samples[rows_of_batch],
            objective.targets[rows_of_batch],
            weight,
            offset=None if objective.offset is None else objective.offset[rows_of_batch],
            dtype=objective.dtype,
        )
        # The penalty of f itself, over all of S: it counts as much as in the whole.
        batch.penalty = batch._kept.penalty = objective.penalty
        found.append(Block(float(weight.sum() / objective.weight_sum), batch))
    return found
