"""What kind of point a function has somewhere: the one second-derivative test ([H]).

Every place that asks whether a fit ended at a minimum asks here: the solver "newton" before it
stops, the estimators for ``critical_point_``, the gate of the inference, its summary, the
importances. The answer depends on the function and the point alone.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from scipy.linalg import LinAlgError, cho_solve, cholesky, eigh, null_space

from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus.functions.directions import Direction
from sknewtonnet.calculus.functions.lanczos import extreme_pairs, lanczos
from sknewtonnet.calculus.pieces.function import SmoothFunction, may_overflow
from sknewtonnet.calculus.pieces.validation import real_vector

# Above this number of parameters no dense Hessian is formed: extreme eigenvalues come from
# products, and what needs whole inverses (inference, importances, pruning) is refused.
DENSE_LIMIT = 3000

KINDS = ("minimum", "maximum", "saddle", "inconclusive", "not stationary")

# A point is stationary up to this gain of a Newton step, relative to the size of f. On
# standardised data, fits that are cut short or rattle at a kink have 1e-7 and more; fits that
# reach a tolerance of 1e-6 have 1e-10 and less.
_STATIONARY = 1e-9

# Relative accuracy of eigenvalues from products (only their sign counts), the most iterations
# spent on them, and the number of products that estimate the gain of a Newton step.
_LANCZOS_TOL, _LANCZOS_STEPS, _QUADRATURE = 1e-3, 1000, 30


@dataclass(frozen=True, eq=False)
class CriticalPoint:
    """The verdict on a point, and what it rests on.

    Directions are those along all active constraints, without those along which the function
    never changes. A verdict equals its word: ``critical_point(f, w) == "minimum"``.

    Attributes
    ----------
    kind : {"minimum", "maximum", "saddle", "inconclusive", "not stationary"}
        "minimum": all curvatures are positive; "maximum": all are negative, and no inequality is
        active; "saddle": some are negative; "inconclusive": none are negative, and some
        cannot be told from zero, or f has no derivatives next to the point; "not stationary":
        the gradient does not vanish, or is no number.
    gain : float
        By how much a Newton step would lower f, 1/2 g'(|H| + 2 noise)^-1 g, relative to the size
        of f, so that the scale of f does not matter. The size of f is |f| or ``function.scale()``,
        whichever is larger; |w'Hw| stands for a scale that is not known. A point is stationary
        up to 1e-9; infinite where something is not finite.
    noise : float
        Curvatures of at most this size count as zero; where the point is not stationary, the
        rounding error of a zero curvature.
    has_negative_curvature : bool
        Whether there is a curvature below ``-noise``, whatever the gradient.
    is_stationary : bool
        Whether the gradient vanishes: all kinds but the last.
    idle : ndarray of int
        Parameters on which f does not depend while the others stay where they are; they do not
        count.
    gradient : ndarray of shape (n_parameters,)
        First derivatives.
    not_finite : str
        Where something is not finite, a main clause that names what is to blame (see
        :meth:`SmoothFunction.why_not_finite`); else empty.
    lowest, highest : float
        The extreme curvatures; NaN if there is no direction, or they are not known.
    escape : ndarray of shape (n_parameters,) or None
        Unit vector of the lowest curvature, along which f does not rise to first order; None if
        there is no negative curvature.
    escape_direction : Direction or None
        The same with the lowest curvature and the names of the weights: ``str`` tells the largest
        shares. :func:`way_down` says how far f falls along it.
    negative, flat : ndarray of shape (n_parameters, n_directions)
        Orthonormal directions of negative curvature, and of none. Above 3000 parameters only the
        lowest one, of either.
    names : tuple of str
        Names of the parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import SmoothFunction, critical_point
    >>> class Saddle(SmoothFunction):
    ...     n_parameters = 2
    ...
    ...     def value(self, w):
    ...         return w[0] ** 2 - w[1] ** 2
    ...
    ...     def gradient(self, w):
    ...         return np.array([2.0 * w[0], -2.0 * w[1]])
    ...
    ...     def hessian(self, w, kind="exact"):
    ...         return np.diag([2.0, -2.0])
    >>> point = critical_point(Saddle(), np.zeros(2))
    >>> point == "saddle", point.is_stationary, round(point.lowest, 6), round(point.highest, 6)
    (True, True, -2.0, 2.0)
    >>> np.abs(point.escape).round(6).tolist()
    [0.0, 1.0]
    >>> print(point.escape_direction)
    curvature -2: w[1] (+) 100 %
    """

    kind: str
    gain: float
    noise: float
    has_negative_curvature: bool
    idle: Ints = field(repr=False)
    gradient: Array = field(repr=False)
    _spectrum: Callable[[], tuple[Array, Array]] = field(repr=False)
    not_finite: str = field(default="", repr=False)
    names: tuple[str, ...] = field(default=(), repr=False)

    def __eq__(self, other: object) -> bool:
        """Whether the kind is a word, or that of another verdict."""
        kind = other.kind if isinstance(other, CriticalPoint) else other
        return self.kind == kind

    def __hash__(self) -> int:
        """Hash of the kind."""
        return hash(self.kind)

    def __str__(self) -> str:
        """The kind."""
        return self.kind

    @cached_property
    def _pairs(self) -> tuple[Array, Array]:
        return self._spectrum()

    @property
    def is_stationary(self) -> bool:
        """Whether the gradient vanishes."""
        return self.kind != "not stationary"

    @property
    def lowest(self) -> float:
        """The lowest curvature."""
        return float(self._pairs[0].min()) if self._pairs[0].size else np.nan

    @property
    def highest(self) -> float:
        """The highest curvature."""
        return float(self._pairs[0].max()) if self._pairs[0].size else np.nan

    @property
    def negative(self) -> Array:
        """Directions of negative curvature."""
        values, vectors = self._pairs
        return vectors[:, values < -self.noise]

    @property
    def flat(self) -> Array:
        """Directions without curvature."""
        values, vectors = self._pairs
        return vectors[:, np.abs(values) <= self.noise]

    @property
    def escape(self) -> Array | None:
        """Unit vector of the lowest curvature, along which f does not rise to first order."""
        if not self.has_negative_curvature or not self._pairs[0].size:
            return None
        way = self._pairs[1][:, int(np.argmin(self._pairs[0]))]
        # Where the gradient does not tell the sign, the largest entry is positive.
        uphill = float(self.gradient @ way) or -float(way[np.argmax(np.abs(way))])
        return -way if uphill > 0.0 else way

    @property
    def escape_direction(self) -> Direction | None:
        """The direction of the lowest curvature, by the names of its weights."""
        way = self.escape
        return None if way is None else Direction(self.lowest, way, self.names)


@may_overflow
def critical_point(
    function: SmoothFunction,
    w: Array,
    active: Array | None = None,
    *,
    tight: Array | None = None,
    equalities: bool = False,
    converged: bool = True,
    known: tuple[Any, ...] = (),
) -> CriticalPoint:
    """Second-derivative test at a point ([H]).

    A curvature counts as zero if its absolute value is at most the sum of two terms. The first,
    P eps times a bound of the largest curvature (the largest sum of absolute entries of a row of
    the Hessian; above 3000 parameters the largest eigenvalue itself), is the rounding error of a
    zero. The second, |g| / max(1, |w|), is the effect of a gradient g that is not quite zero:
    along a curve on which f is constant, such as a rotation of linear units,
    w'' g + w' H w' = 0.
    Directions along which the function is constant wherever it stands (the common shift of
    a softmax's logits) do not count. Nor does a parameter on which f does not depend while the
    others stay where they are, such as the intercept of a unit whose coefficients a penalty
    has brought to 0: its row of the Hessian is zero to the square root of that, and a step of 1
    either way changes f by less than 1e-12 of its size.

    Parameters
    ----------
    function : SmoothFunction
        The function.
    w : ndarray of shape (n_parameters,)
        The point.
    active : ndarray of shape (n_active, n_parameters), default=None
        Rows of active constraints. Only directions along all of them are examined, and the
        gradient need vanish only along these.
    tight : ndarray of shape (n_tight, n_parameters), default=None
        Rows of all constraints that hold with equality, the active ones among them. Where a
        multiplier is zero only one side is feasible, and the curvature may be the other's: if
        there is none along all of these, a negative one is "inconclusive".
    equalities : bool, default=False
        Whether all active constraints are equalities. Then a point is a "maximum" where all
        curvatures along them are negative. An active inequality has higher values on its
        feasible side, so that no such point is a maximum.
    converged : bool, default=True
        False if the first-order conditions are known not to hold, such as at a bound with lower
        values behind it; if True, the gradient decides.
    known : tuple, default=()
        Value, gradient and Hessian at w, or the first two, if they have been computed already.

    Returns
    -------
    CriticalPoint
        Its ``kind`` is the verdict.

    Notes
    -----
    One Hessian and two to four Cholesky factors, P^3 / 3 flops each, and memory for three
    P x P matrices; eigenvalues and directions are computed when they are first asked for, 10 P^3
    flops. Above 3000 parameters Lanczos iterations on Hessian-vector products find the lowest
    eigenvalue; "inconclusive" if they do not converge.

    References
    ----------
    Gill, Murray and Wright (1981), Practical Optimization, 3.2.2.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective, critical_point
    >>> X = np.array([[-1.0], [0.0], [1.0]])
    >>> f = Objective(Network.mlp(1, 1, 1), "squared_error", X, np.tanh(X), alpha=0.1)
    >>> point = critical_point(f, np.zeros(4))
    >>> point.kind, np.abs(point.escape).round(2).tolist()
    ('saddle', [0.71, 0.0, 0.71, 0.0])
    """
    if not isinstance(function, SmoothFunction):
        raise TypeError(f"function must be a SmoothFunction, got {function!r}.")
    w = real_vector("w", w, function.n_parameters)
    if not np.isfinite(w).all():
        return _unknown("not stationary", w, function.why_not_finite(w))
    value, gradient = known[:2] if len(known) >= 2 else function.value_and_gradient(w)
    if not (np.isfinite(value) and np.isfinite(gradient).all()):
        return _unknown("not stationary", gradient, function.why_not_finite(w))
    hessian = known[2] if len(known) == 3 else None
    tangent = _Tangent(np.empty((0, len(w))) if active is None else active)
    curvature = _curvature_at(function, w, tangent, hessian)
    if curvature is None:
        kind = "inconclusive" if converged else "not stationary"
        return _unknown(kind, gradient, function.why_not_finite(w))
    noise = len(w) * float(np.finfo(float).eps) * curvature.largest
    along = tangent.restrict(gradient)
    slope = float(np.linalg.norm(along)) / max(1.0, float(np.linalg.norm(w)))
    scale = function.scale()
    size = max(abs(value), curvature.energy if scale is None else scale)
    gain = curvature.gain(along, noise + slope)
    if gain > 0.0:
        gain = gain / size if size > 0.0 else np.inf
    stationary = converged and gain <= _STATIONARY
    noise += slope if stationary else 0.0
    kind, idle = "minimum", np.empty(0, dtype=int)
    if not curvature.is_above(noise):
        curvature, idle = curvature.settled(function, w, noise, size)
        if not (0 < idle.size < tangent.size and curvature.is_above(noise)):
            kind = "inconclusive"
    falls = kind != "minimum" and not curvature.is_above(-noise)
    if falls:
        whole = equalities or tangent.size == len(w)
        kind = "maximum" if whole and curvature.is_below(-noise) else "saddle"
        if tight is not None and _rises(function, w, tight, hessian, noise):
            kind = "inconclusive"
    if function.kinks(w):  # derivatives there say nothing of what is around
        kind = "inconclusive"
    kind = kind if stationary else "not stationary"
    names = function.parameter_names()
    return CriticalPoint(kind, gain, noise, falls, idle, gradient, curvature.pairs, names=names)


def _rises(
    function: SmoothFunction, w: Array, tight: Array, hessian: Array | None, noise: float
) -> bool:
    """Whether there is no negative curvature along all constraints that hold with equality."""
    held = _curvature_at(function, w, _Tangent(tight), hessian)
    return held is not None and held.is_above(-noise)


def plainly_falls(function: SmoothFunction, w: Array) -> bool:
    """Whether a step along the gradient alone shows that a point is not stationary.

    Along -g the quadratic model falls by (g'g)^2 / (2 g'Hg). If that is a hundred times what a
    stationary point allows, no Hessian needs to be formed to say so.

    Parameters
    ----------
    function : SmoothFunction
        The function.
    w : ndarray of shape (n_parameters,)
        The point.

    Returns
    -------
    bool
        True if f plainly falls; False if :func:`critical_point` has to say more.
    """
    value, gradient = function.value_and_gradient(w)
    scale = function.scale()
    size = max(abs(value), abs(function.curvature(w, w)) if scale is None else scale)
    bend = function.curvature(w, gradient)
    fall = float(gradient @ gradient) ** 2 / (2.0 * bend) if bend > 0.0 else 0.0
    return np.isfinite(fall) and fall > 100.0 * _STATIONARY * size


def _unknown(kind: str, gradient: Array, reason: str) -> CriticalPoint:
    """The verdict where something is not finite."""
    none, nothing = np.empty(0, dtype=int), partial(_no_pairs, len(gradient))
    return CriticalPoint(kind, np.inf, np.inf, False, none, gradient, nothing, reason)


def _no_pairs(size: int) -> tuple[Array, Array]:
    """No curvature, and no direction."""
    return np.empty(0), np.empty((size, 0))


class _Tangent:
    """The directions along which rows of active constraints do not change.

    A row with a single entry fixes a parameter; to all others their null space belongs.
    """

    def __init__(self, active: Array):
        self._n_parameters = int(active.shape[1])
        self.size = self._n_parameters
        self.free = np.arange(self._n_parameters)
        self.basis: Array | None = None
        if not len(active):
            return
        single = (active != 0).sum(axis=1) == 1
        fixed = np.flatnonzero((active[single] != 0).any(axis=0))
        self.free = np.setdiff1d(self.free, fixed)
        rest = active[~single][:, self.free]
        self.basis = null_space(rest) if len(rest) else None
        self.size = len(self.free) if self.basis is None else self.basis.shape[1]

    def restrict(self, columns: Array) -> Array:
        """Coordinates of a gradient, or of each column, in these directions."""
        found = columns[self.free]
        return found if self.basis is None else np.asarray(self.basis.T @ found)

    def expand(self, coordinates: Array) -> Array:
        """The direction of coordinates, or of each column."""
        full = np.zeros((self._n_parameters, *coordinates.shape[1:]))
        full[self.free] = coordinates if self.basis is None else self.basis @ coordinates
        return full


class _Curvature(ABC):
    """Second derivatives along the directions that count.

    Attributes
    ----------
    largest : float
        A bound of the largest absolute curvature.
    energy : float
        Absolute value of w'Hw.
    """

    largest: float
    energy: float

    def settled(
        self, function: SmoothFunction, w: Array, noise: float, size: float
    ) -> tuple["_Curvature", Ints]:
        """The same without parameters that f does not depend on, and which these are."""
        return self, np.empty(0, dtype=int)

    @abstractmethod
    def is_above(self, level: float) -> bool:
        """Whether all curvatures are above a level."""

    @abstractmethod
    def is_below(self, level: float) -> bool:
        """Whether all curvatures are below a level."""

    @abstractmethod
    def gain(self, slope: Array, noise: float) -> float:
        """What a Newton step gains, 1/2 g'(|H| + 2 noise)^-1 g."""

    @abstractmethod
    def pairs(self) -> tuple[Array, Array]:
        """Curvatures and their directions, all or the two extreme ones."""


@dataclass(frozen=True, eq=False)
class _Formed(_Curvature):
    """Curvatures of a Hessian that is formed, told apart by Cholesky factors."""

    largest: float
    energy: float
    tangent: _Tangent
    H: Array  # along the constraints
    constant: Array
    counts: Bools

    @classmethod
    def of(cls, H: Array, w: Array, tangent: _Tangent, constant: Array) -> "_Formed":
        """From all second derivatives; the largest row sum bounds the largest eigenvalue."""
        return cls(
            largest=float(np.abs(H).sum(axis=0).max()),
            energy=abs(float(w @ H @ w)),
            tangent=tangent,
            H=tangent.restrict(tangent.restrict(H).T),
            constant=constant,
            counts=np.ones(tangent.size, dtype=bool),
        )

    def settled(
        self, function: SmoothFunction, w: Array, noise: float, size: float
    ) -> tuple["_Curvature", Ints]:
        """The same without parameters that f does not depend on, and which these are."""
        if self.tangent.basis is not None:
            return self, np.empty(0, dtype=int)
        # What an entry off the diagonal takes from an eigenvalue is about its square, unless there
        # is nothing on the diagonal at either end: two factors at 0 are no idle parameters.
        rows = np.abs(self.H)
        idle = rows.max(axis=0) <= float(np.sqrt(noise * self.largest))
        idle &= rows[idle].max(axis=0, initial=0.0) <= noise
        idle = _idle(function, w, idle, self.tangent.free, 1e-12 * size)
        return replace(self, counts=~idle), self.tangent.free[idle]

    def is_above(self, level: float) -> bool:
        """Whether all curvatures are above a level."""
        return self._factor(1.0, -level) is not None

    def is_below(self, level: float) -> bool:
        """Whether all curvatures are below a level."""
        return self._factor(-1.0, level) is not None

    def gain(self, slope: Array, noise: float) -> float:
        """What a Newton step gains: from a factor, and from eigenvalues where H is indefinite."""
        slope = slope[self.counts]
        if not slope.any():
            return 0.0
        factor = self._factor(1.0, 2.0 * noise)
        if factor is not None:
            return 0.5 * float(slope @ cho_solve((factor, True), slope, check_finite=False))
        values, vectors = self._spectrum
        return 0.5 * float(((vectors.T @ slope) ** 2 / (np.abs(values) + 2.0 * noise)).sum())

    def pairs(self) -> tuple[Array, Array]:
        """All curvatures and their directions, in increasing order."""
        values, vectors = self._spectrum
        full = np.zeros((len(self.counts), len(values)))
        full[self.counts] = vectors
        return values, self.tangent.expand(full)

    def _factor(self, sign: float, shift: float) -> Array | None:
        """Cholesky factor of sign H + shift I where directions count; None if there is none."""
        H, constant = self._counted
        matrix = sign * H
        if constant.shape[1]:
            matrix += self.largest * (constant @ constant.T)
        matrix.ravel()[:: len(matrix) + 1] += shift
        if not len(matrix):
            return matrix
        try:
            return np.asarray(cholesky(matrix, lower=True, overwrite_a=True, check_finite=False))
        except LinAlgError:
            return None

    @property
    def _counted(self) -> tuple[Array, Array]:
        if self.counts.all():
            return self.H, self.constant
        return self.H[np.ix_(self.counts, self.counts)], self.constant[self.counts]

    @cached_property
    def _spectrum(self) -> tuple[Array, Array]:
        H, constant = self._counted
        if not constant.shape[1]:
            return eigh(H, check_finite=False, driver="evd")
        rest = null_space(constant.T)
        values, vectors = eigh(rest.T @ H @ rest, check_finite=False, driver="evd")
        return values, rest @ vectors


class _FromProducts(_Curvature):
    """The extreme curvatures, from Hessian-vector products."""

    def __init__(self, function: SmoothFunction, w: Array, tangent: _Tangent, constant: Array):
        self._function, self._w, self._tangent, self._constant = function, w, tangent, constant
        self._start = np.random.default_rng(0).standard_normal(tangent.size)
        # The products may be infinite; a random direction meets every entry of H.
        self.energy = abs(float(w @ function.hessian_product(w, w)))
        self.is_finite = bool(np.isfinite(self._product(self._start)).all())
        self.is_finite &= bool(np.isfinite(self.energy))
        self.known, self.largest = self.is_finite, 1.0
        if self.known:
            found = self._extreme("LM", 0.0)
            self.known = found is not None
            self.largest = abs(float(found[0][0])) if found is not None else 1.0

    def _product(self, v: Array) -> Array:
        product = self._function.hessian_product(self._w, self._tangent.expand(v.ravel()))
        return self._tangent.restrict(product)

    def _extreme(self, which: str, shift: float) -> tuple[Array, Array] | None:
        """The eigenvalue at one end with its vector, or None if the iterations find none.

        Constant directions are moved by a shift, which is to take them to the other end.
        """
        return extreme_pairs(
            self._product,
            self._start,
            which,
            tol=_LANCZOS_TOL,
            max_iter=_LANCZOS_STEPS,
            moved=(self._constant, shift),
        )

    @cached_property
    def _low(self) -> tuple[Array, Array] | None:
        return self._extreme("SA", self.largest) if self.known else None

    @cached_property
    def _high(self) -> tuple[Array, Array] | None:
        return self._extreme("LA", -self.largest) if self.known else None

    def is_above(self, level: float) -> bool:
        """Whether all curvatures are above a level; what is not known counts as 0."""
        return (float(self._low[0][0]) if self._low is not None else 0.0) > level

    def is_below(self, level: float) -> bool:
        """Whether all curvatures are below a level; what is not known counts as 0."""
        return (float(self._high[0][0]) if self._high is not None else 0.0) < level

    def gain(self, slope: Array, noise: float) -> float:
        """What a Newton step gains, by Gauss quadrature.

        With Ritz values t and weights u^2 from g on, 1/2 |g|^2 sum u^2 / (|t| + 2 noise) tends to
        the gain.
        """
        length = float(np.linalg.norm(slope))
        if length == 0.0:
            return 0.0
        seen = lanczos(self._product, slope, _QUADRATURE)
        return 0.5 * length**2 * float((seen.weights / (np.abs(seen.values) + 2.0 * noise)).sum())

    def pairs(self) -> tuple[Array, Array]:
        """The two extreme curvatures and their directions, as far as they are known."""
        known = [found for found in (self._low, self._high) if found is not None]
        if not known:
            return np.empty(0), np.empty((len(self._w), 0))
        vectors = np.hstack([vectors for _, vectors in known])
        return np.concatenate([values for values, _ in known]), self._tangent.expand(vectors)


def _curvature_at(
    function: SmoothFunction, w: Array, tangent: _Tangent, hessian: Array | None
) -> _Curvature | None:
    """Second derivatives at a point; None where they are not finite."""
    constant = tangent.restrict(function.invariant_directions())
    if hessian is None and len(w) > DENSE_LIMIT and tangent.size > 1:
        found = _FromProducts(function, w, tangent, constant)
        return found if found.is_finite else None
    H = function.hessian(w) if hessian is None else hessian
    return _Formed.of(H, w, tangent, constant) if np.isfinite(H).all() else None


def _idle(
    function: SmoothFunction, w: Array, idle: Bools, positions: Ints, nothing: float
) -> Bools:
    """Which of some candidates f does not depend on where the others stand."""
    value = function.value(w) if idle.any() else 0.0
    for number in np.flatnonzero(idle):
        for step in (-1.0, 1.0):
            moved = w.copy()
            moved[positions[number]] += step
            # Outgoing coefficients are 0 up to the tolerance of a solver, and enter squared.
            idle[number] &= abs(function.value(moved) - value) <= nothing
    return idle
