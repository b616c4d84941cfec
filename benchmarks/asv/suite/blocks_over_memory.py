"""Passes over rows in blocks: their time beside the same rows in memory, and what they allocate."""

import tracemalloc

import numpy as np
from derivatives import alternating

from sknewtonnet.calculus import ArrayBlocks, BlockObjective, Network, Objective
from suite.ratios import ratio


class Blocks:
    """A net of 441 parameters on 100,000 rows of 20 features, in blocks of 10,000."""

    timeout = 120
    N_ROWS = 10_000

    def setup(self):
        """The objective of blocks, the same in memory, and two points."""
        rng = np.random.default_rng(0)
        X = rng.standard_normal((10 * self.N_ROWS, 20))
        y = np.tanh(X[:, 0])
        network = Network.mlp(20, (20,), 1)
        self.points = [0.3 * rng.standard_normal(network.n_parameters) for _ in range(2)]
        blocks = ArrayBlocks(X, y, n_rows=self.N_ROWS)
        self.of_blocks = BlockObjective(network, "squared_error", blocks)
        self.whole = Objective(network, "squared_error", X, y)
        self.block_bytes = X[: self.N_ROWS].nbytes

    def track_gradient(self):
        """Value and gradient over those of the rows in memory."""
        sides = (self.of_blocks.value_and_gradient, self.whole.value_and_gradient)
        return ratio(*(alternating(side, self.points) for side in sides))

    track_gradient.unit = "gradients in memory"

    def track_hessian(self):
        """Hessian over that of the rows in memory."""
        sides = (self.of_blocks.hessian, self.whole.hessian)
        return ratio(*(alternating(side, self.points) for side in sides))

    track_hessian.unit = "Hessians in memory"

    def track_memory(self):
        """Peak of what a gradient allocates, in the bytes of X of a block."""
        self.of_blocks.gradient(self.points[0])
        tracemalloc.start()
        self.of_blocks.gradient(self.points[1])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak / self.block_bytes

    track_memory.unit = "blocks"
