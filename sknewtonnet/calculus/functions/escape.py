"""The way down from a saddle point or a maximum: along the lowest curvature, as far as f falls."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import minimize_scalar

from sknewtonnet._tables import Worded
from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.critical_point import CriticalPoint, critical_point
from sknewtonnet.calculus.functions.directions import Direction
from sknewtonnet.calculus.pieces.function import SmoothFunction, may_overflow
from sknewtonnet.calculus.pieces.validation import real_array

# The first step, relative to 1 + |w|; how often it may double; and how well the end is known.
_FIRST, _DOUBLINGS, _ACCURACY = 1e-3, 60, 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class WayDown(Worded):
    """A line along which a function falls from a critical point, and where it stops falling.

    The fall is what a run gains at least that goes on from ``params``, in place of ending at a
    saddle point.

    Parameters
    ----------
    direction : Direction
        The line, of unit length, in the direction of the fall; its curvature is that at the start.
    length : float
        How far it goes; where f has no minimum on the line, as far as doublings have led.
    params : ndarray of shape (n_parameters,)
        The lowest point on it, a start for a run.
    value : float
        The function there.
    fall : float
        By how much f is lower there.

    See Also
    --------
    way_down : The function that finds it.
    critical_point : The verdict on the point where it begins.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.inspection import way_down
    >>> X = np.array([[-1.0], [0.0], [1.0]])
    >>> f = Objective(Network.mlp(1, 1, 1), "squared_error", X, np.tanh(X), alpha=0.1)
    >>> way = way_down(f, np.zeros(4))  # a net of zeros is at a saddle point
    >>> round(way.length, 3), round(way.fall, 3)
    (1.318, 0.162)
    >>> bool(np.isclose(f.value(way.params), f.value(np.zeros(4)) - way.fall))
    True
    """

    direction: Direction
    length: float
    params: Array = field(repr=False)
    value: float
    fall: float

    def _in_words(self) -> str:
        return f"by {self.fall:.4g} to {self.value:.6g}, length {self.length:.4g}"


@may_overflow
def way_down(
    function: SmoothFunction, w: Array, point: CriticalPoint | None = None
) -> WayDown | None:
    """Where f goes from a point with negative curvature.

    Along the direction v of the lowest curvature, f(w + t v) = f(w) + t g'v + 1/2 t^2 v'Hv + ...
    falls whatever the sign of t where the gradient g vanishes. Both signs are tried: t doubles
    until f rises, and a line search ends between. The lower of the two ends is returned.

    Parameters
    ----------
    function : SmoothFunction
        The function.
    w : ndarray of shape (n_parameters,)
        The point.
    point : CriticalPoint, default=None
        The verdict on it, if it is known; worked out if None. Where constraints are active, give
        it: the line keeps to them, but not to others that it may meet.

    Returns
    -------
    WayDown or None
        None if there is no negative curvature, or no fall beyond the rounding of f.

    See Also
    --------
    WayDown : What it returns.
    critical_point : The verdict on the point.
    SpectrumPath : Saddle points that a run has passed.

    Notes
    -----
    The verdict with its eigenvectors, and some 50 to 100 values.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.inspection import way_down
    >>> X = np.array([[-1.0], [0.0], [1.0]])
    >>> f = Objective(Network.mlp(1, 1, 1), "squared_error", X, np.tanh(X), alpha=0.1)
    >>> way = way_down(f, np.zeros(4))
    >>> print(way.direction)
    curvature -0.4744: coefs_0[x0, h0] (+) 50 %, coefs_1[h0, y] (+) 50 %
    >>> way.value < f.value(np.zeros(4))
    True
    """
    w = real_array("w", w)
    if not (point is None or isinstance(point, CriticalPoint)):
        raise TypeError(f"point must be a CriticalPoint or None, got {point!r}.")
    point = critical_point(function, w) if point is None else point
    way = point.escape_direction
    if way is None:
        return None
    start = function.value(w)
    ends = [(_along(function, w, start, sign * way.vector), sign) for sign in (1.0, -1.0)]
    (length, value), sign = min(ends, key=lambda end: end[0][1])
    if not value < start:
        return None
    direction = Direction(way.curvature, sign * way.vector, way.names)
    return WayDown(direction, length, w + length * direction.vector, value, start - value)


def _along(function: SmoothFunction, w: Array, start: float, way: Array) -> tuple[float, float]:
    """How far f falls along a line, and its value there; 0 where it does not fall."""
    before, at, value = 0.0, 0.0, start
    step = _FIRST * (1.0 + float(np.linalg.norm(w)))
    for _ in range(_DOUBLINGS):
        following = function.value(w + (at + step) * way)
        if not -np.inf < following < value:
            break
        before, at, value, step = at, at + step, following, 2.0 * step
    end = at + step
    best = minimize_scalar(
        lambda t: function.value(w + t * way),
        bounds=(before, end),
        method="bounded",
        options={"xatol": _ACCURACY * end},
    )
    return (float(best.x), float(best.fun)) if best.fun < value else (at, value)
