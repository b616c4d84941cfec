"""Predicted means as functions of the parameters, with all derivatives that objectives have."""

from __future__ import annotations

from sknewtonnet._typing import Array
from sknewtonnet.calculus import Loss


class MeanResponse(Loss):
    """The predicted mean of one output, in place of a loss."""

    name = "mean_response"
    of_raw = True

    def __init__(self, loss: Loss, output: int):
        self._loss, self._output = loss, output

    def derivatives(self, y: Array, raw: Array, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Loss.derivatives`."""
        return self._loss.mean_derivatives(raw, self._output, order)
