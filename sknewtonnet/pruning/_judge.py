"""Which removals are accepted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.estimators import Fit
from sknewtonnet.inference import all_told_apart, leave_one_out_losses

# By how many of its standard errors the loss of rows left out must fall where classes are
# separated: each removal is tried for its promise on all rows, so an equal loss is a worse one.
_STANDARD_ERRORS = 0.5

# Share of the loss of the best constant, at least, that a net explains in rows left out if its
# classes are separated; a net that has learnt wrong labels by heart explains less.
_SEPARATED = 0.8

# Largest loss of a row: minus the logarithm of the rounding of a probability.
_LARGEST = 36.0


@dataclass(frozen=True, eq=False)
class Judge:
    """Whether a smaller net is no worse.

    An information criterion must not grow. Where the net before pruning tells the classes apart,
    also in rows left out, the likelihood says little: weights are as large as the penalty lets
    them be, and any smaller net that still tells the rows apart costs nothing. There the loss of
    rows left out must fall as well, below the lowest so far.

    Parameters
    ----------
    criterion : str or None
        Name of the criterion; None accepts everything.
    lowest : ndarray of shape (n_samples,) or None
        Losses of the rows, each left out, of the last net that was accepted, if the one before
        pruning tells the classes apart.
    """

    criterion: str | None
    lowest: Array | None = None

    @classmethod
    def of(cls, start: Fit, criterion: str | None) -> Judge:
        """The judge of removals from a net."""
        if criterion is None or not all_told_apart(start.information):
            return cls(criterion)
        objective, losses = start.information.objective, _left_out(start)
        known = losses < _LARGEST  # a row that the fit passes through tells nothing
        mean = np.average(losses[known], weights=objective.sample_weight[known])
        apart = mean <= (1.0 - _SEPARATED) * objective.scale()
        return cls(criterion, losses if apart else None)

    def score(self, fit: Fit) -> float:
        """The criterion of a net; NaN without one."""
        return np.nan if self.criterion is None else float(getattr(fit.criteria, self.criterion))

    def loss_left_out(self, fit: Fit) -> float:
        """Mean loss of the rows, each left out; NaN where it is not asked for."""
        if self.lowest is None:
            return np.nan
        rows = fit.problem.known_data.in_memory
        return float(np.average(_left_out(fit), weights=rows.sample_weight))

    def accepts(self, smaller: Fit, fit: Fit) -> bool:
        """Whether the smaller net takes the place of a net."""
        if not smaller.stationary:
            return False
        if self.criterion is None:
            return True
        new, old = self.score(smaller), self.score(fit)
        if not new <= old + 1e-9 * abs(old):
            return False
        return self.lowest is None or self._falls(smaller, self.lowest)

    def after(self, fit: Fit) -> Judge:
        """The judge of removals from a net that was accepted."""
        return self if self.lowest is None else Judge(self.criterion, _left_out(fit))

    def _falls(self, smaller: Fit, lowest: Array) -> bool:
        """Whether the loss of rows left out falls by enough."""
        weight = smaller.problem.known_data.in_memory.sample_weight
        share, n_rows = weight / weight.sum(), max(weight.sum(), len(weight))
        change = _left_out(smaller) - lowest
        mean = share @ change
        error = np.sqrt(share @ (change - mean) ** 2 / n_rows)
        return bool(mean < -_STANDARD_ERRORS * error)


def _left_out(fit: Fit) -> Array:
    return np.fmin(leave_one_out_losses(fit.information), _LARGEST)
