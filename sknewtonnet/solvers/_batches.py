"""Passes over the rows in batches, as the solvers along gradients make them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sknewtonnet.solvers._options import Range
from sknewtonnet.solvers._run import Counted, Run

# What the options n_batches and random_state of a solver may be.
COUNTS, SEEDS = Range(1, np.inf), Range(0, 2**32)


class Batches:
    """The rows of a function in batches, which each epoch takes in an order of its own.

    Calls for all batches together are one pass over the rows, and count as one. What is called for
    some of them only, such as values of steps that are halved, counts in parts; the sum
    of an epoch is rounded up.

    Parameters
    ----------
    run : Run
        The run, whose calls are counted.
    n_batches : int
        Number of batches.
    random_state : int
        Seed of the rows that go together, and of the orders.

    Raises
    ------
    TypeError
        If the function is no sum over rows.
    """

    def __init__(self, run: Run, n_batches: int, random_state: int):
        self._rng = np.random.default_rng(random_state)
        blocks = run.function.batches(n_batches, self._rng)
        if blocks is None:
            name = type(run.function.function).__name__
            raise TypeError(f"n_batches={n_batches} needs a sum over rows; {name} has no batches.")
        self.calls = run.function.calls
        self.functions = [Counted(block.function) for block in blocks]

    def epoch(self) -> Iterator[int]:
        """Numbers of the batches in random order; calls are counted at the end."""
        try:
            yield from map(int, self._rng.permutation(len(self.functions)))
        finally:
            for name in tuple(self.calls):
                total = sum(function.calls[name] for function in self.functions)
                self.calls[name] += -(-total // len(self.functions))
            for function in self.functions:
                function.calls.clear()
