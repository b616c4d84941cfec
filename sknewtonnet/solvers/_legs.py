"""Coordinates of the runs of scipy's loops: those of the parameters, or those of a metric."""

from __future__ import annotations

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import SmoothFunction
from sknewtonnet.solvers._preconditioner import LaggedPreconditioner

# A metric is left where the gradient has fallen to this part of that for which it was made.
_STEEPNESS = 0.1


class Leg:
    """A run of scipy's loop in the parameters themselves.

    Parameters
    ----------
    function : SmoothFunction
        What is minimised.
    origin : ndarray of shape (n_parameters,)
        Where the run starts.

    Attributes
    ----------
    start : ndarray of shape (n_parameters,)
        The coordinates of that point.
    longest : float
        Length of the longest of the last steps, in these coordinates.
    """

    longest = 0.0

    def __init__(self, function: SmoothFunction, origin: Array):
        self.function, self.origin, self.start = function, origin, origin

    def point(self, x: Array) -> Array:
        """The parameters of coordinates x."""
        return x

    def value(self, x: Array) -> float:
        """The function there."""
        return self.function.value(self.point(x))

    def gradient(self, x: Array) -> Array:
        """Its gradient in x."""
        return self.function.gradient(self.point(x))

    def product(self, x: Array, v: Array, kind: str) -> Array:
        """Its Hessian in x times v."""
        return self.function.hessian_product(self.point(x), v, kind)

    def visit(self, x: Array) -> None:
        """Hear of a point that was taken."""

    def is_over(self, gradient: Array) -> bool:
        """Whether other coordinates would do better from the last point on."""
        return False


class MetricLeg(Leg):
    """A run of scipy's loop in coordinates x with w = origin + R x.

    Parameters
    ----------
    function, origin
        As in :class:`Leg`.
    preconditioner : LaggedPreconditioner
        Of the run, at the origin.
    radius : float
        The radius of the trust region, from which the shift of the metric follows.
    """

    def __init__(
        self,
        function: SmoothFunction,
        origin: Array,
        preconditioner: LaggedPreconditioner,
        radius: float,
    ):
        super().__init__(function, origin)
        self._preconditioner, self._metric = preconditioner, preconditioner.metric(radius)
        self._slope = float(np.linalg.norm(preconditioner.run.gradient))
        self.start = self._last = np.zeros_like(origin)
        self._lengths: list[float] = []

    @property
    def longest(self) -> float:  # type: ignore[override]
        """See :class:`Leg`; of the last three steps."""
        return max(self._lengths[-3:], default=0.0)

    def point(self, x: Array) -> Array:
        """Return origin + R x."""
        return self.origin + self._metric.apply(x)

    def gradient(self, x: Array) -> Array:
        """R'g."""
        return self._metric.apply(super().gradient(x))

    def product(self, x: Array, v: Array, kind: str) -> Array:
        """R'H R v."""
        return self._metric.apply(super().product(x, self._metric.apply(v), kind))

    def visit(self, x: Array) -> None:
        """See :meth:`Leg.visit`."""
        self._lengths.append(float(np.linalg.norm(x - self._last)))
        self._last = np.array(x)

    def is_over(self, gradient: Array) -> bool:
        """Whether the blocks are old, or the gradient much smaller than they were made for."""
        flat = float(np.linalg.norm(gradient)) <= _STEEPNESS * self._slope
        return flat or self._preconditioner.is_old
