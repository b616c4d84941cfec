"""Average effects of inputs at any parameters, without standard errors: what is simulated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import Loss, Objective
from sknewtonnet.calculus.functions.input_derivatives import input_derivatives


@dataclass(frozen=True, eq=False)
class AverageEffects:
    """Mean over rows of d mean / d input, or for inputs with two values of the difference.

    Parameters
    ----------
    table : Objective
        The net and the rows, in the units of the table.
    loss : Loss
        Whose means they are.
    """

    table: Objective
    loss: Loss

    def at(self, w: Array, weight: Array) -> Array:
        """Effects at some parameters with some weights of rows, of shape (n_inputs, n_outputs)."""
        X, network = self.table.samples, self.table.network
        share = weight / weight.sum()
        slopes = input_derivatives(network, w, X)[0]
        raw = self._raw(w, X)
        found = np.column_stack(
            [
                share @ np.einsum("ik,ikp->ip", self.loss.mean_derivatives(raw, o, 1)[1], slopes)
                for o in range(network.n_outputs)
            ]
        )
        low, high = X.min(axis=0), X.max(axis=0)
        two = ((low == X) | (high == X)).all(axis=0) & (low < high)
        for j in np.flatnonzero(two):
            ends = []
            for value in (low[j], high[j]):
                moved = X.copy()
                moved[:, j] = value
                ends.append(share @ self.loss.inverse_link(self._raw(w, moved)))
            found[j] = ends[1] - ends[0]
        return found

    def _raw(self, w: Array, X: Array) -> Array:
        raw = self.table.network.predict_raw(w, X)
        return raw if self.table.offset is None else raw + self.table.offset
