"""What kind of point a function has somewhere: the one second-derivative test ([H]).

Every place that asks whether a fit ended at a minimum asks here: the solver "newton" before it
stops, the estimators for ``critical_point_``, the gate of the inference, its summary, the
importances. The answer depends on the function and the point alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from scipy.linalg import cho_solve, eigh, null_space

from sknewtonnet._tables import Report, Shown, Table
from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus.functions.directions import Direction
from sknewtonnet.calculus.functions.lanczos import KrylovSpace, lanczos
from sknewtonnet.calculus.pieces.function import SmoothFunction, may_overflow
from sknewtonnet.calculus.pieces.symmetric import least_eigenvalue, lower_factor
from sknewtonnet.calculus.pieces.validation import check_count, real_vector

# Above this number of parameters no dense Hessian is formed: extreme eigenvalues come from
# products, and what needs whole inverses (inference, importances, pruning) is refused.
DENSE_LIMIT = 3000

KINDS = ("minimum", "maximum", "saddle", "inconclusive", "not stationary")

# A point is stationary up to this gain of a Newton step, relative to the size of f. On
# standardised data, fits that are cut short or rattle at a kink have 1e-7 and more; fits that
# reach a tolerance of 1e-6 have 1e-10 and less.
_STATIONARY = 1e-9

# Products that a verdict may take where no Hessian is formed, those between two looks at what
# they show, and those that estimate the gain of a Newton step.
MAX_PRODUCTS, _AT_A_TIME, _QUADRATURE = 500, 30, 30
# The residual of a Ritz value over its distance from what it is compared with, which is small
# enough (only its side counts); and how many numbers the vectors of Lanczos may take.
_SHOWN, _NUMBERS, _FEWEST_KEPT = 1e-2, 2**25, 20


@dataclass(frozen=True, eq=False, repr=False)
class CriticalPoint(Shown):
    """The verdict on a point, and what it rests on.

    Directions are those along all active constraints, without those along which the function
    never changes. A verdict equals its word: ``critical_point(f, w) == "minimum"``.

    Parameters
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
    idle : ndarray of int
        Parameters on which f does not depend while the others stay where they are; they do not
        count.
    gradient : ndarray of shape (n_parameters,)
        First derivatives.
    _spectrum : callable
        Works out curvatures and directions, when one of the attributes is first asked for.
    not_finite : str
        Where something is not finite, a main clause that names what is to blame (see
        :meth:`SmoothFunction.why_not_finite`); else empty.
    names : tuple of str
        Names of the parameters.
    lowest_error : float
        Residual |H v - lowest v| of the direction v of the lowest curvature, above 3000
        parameters: an eigenvalue is as near to ``lowest`` as that. Else 0.
    n_products : int
        Products with the Hessian that the curvatures took; 0 where it was formed.
    undecided : bool
        Whether these were used up before they showed what kind of point it is. It is
        "inconclusive" then.

    Attributes
    ----------
    is_stationary : bool
        Whether the gradient vanishes: all kinds but the last.
    lowest, highest : float
        The extreme curvatures; NaN if there is no direction, or they are not known. Above 3000
        parameters Ritz values, curvatures along directions that products have shown.
    escape : ndarray of shape (n_parameters,) or None
        Unit vector of the lowest curvature, along which f does not rise to first order; None if
        there is no negative curvature.
    escape_direction : Direction or None
        The same with the lowest curvature and the names of the weights: ``str`` tells the largest
        shares. :func:`way_down` says how far f falls along it.
    negative, flat : ndarray of shape (n_parameters, n_directions)
        Orthonormal directions of negative curvature, and of none. Above 3000 parameters only the
        lowest one, of either.

    See Also
    --------
    critical_point : The function that gives the verdict.
    SmoothFunction.why_not_finite : What ``not_finite`` says.
    sknewtonnet.inspection.spectrum : All curvatures, of any kind of Hessian.

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
    lowest_error: float = 0.0
    n_products: int = 0
    undecided: bool = False

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

    def _in_words(self) -> str:
        return f"{self.kind}, gain of a Newton step {self.gain:.1e}"

    def _report(self) -> Report:
        facts = {
            "gain of a Newton step": f"{self.gain:.1e}",
            "lowest curvature": f"{self.lowest:.4g}",
            "highest curvature": f"{self.highest:.4g}",
            "noise": f"{self.noise:.1e}",
        }
        words = [self.not_finite] if self.not_finite else []
        if self.has_negative_curvature and self.escape_direction is not None:
            words.append(f"Lowest {self.escape_direction}.")
        table = Table((), list(facts.items()))
        return Report(f"Critical point: {self.kind}", [table], words)

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
    max_products: int = MAX_PRODUCTS,
) -> CriticalPoint:
    """Second-derivative test at a point ([H]).

    A curvature counts as zero if its absolute value is at most the sum of two terms. The first,
    P eps times a bound of the largest curvature (the largest sum of absolute entries of a row of
    the Hessian; above 3000 parameters the largest Ritz value), is the rounding error of a
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
    max_products : int, default=500
        Products with the Hessian, above 3000 parameters, that may be spent on the curvatures at a
        stationary point, 30 elsewhere.

    Returns
    -------
    CriticalPoint
        Its ``kind`` is the verdict.

    See Also
    --------
    CriticalPoint : What the verdict rests on.
    LagrangeFunction : The function to ask about under nonlinear constraints.
    sknewtonnet.inspection.spectrum : All curvatures, of any kind of Hessian.

    Notes
    -----
    One Hessian and one to four Cholesky factors, P^3 / 3 flops each, and memory for three
    P x P matrices; eigenvalues and directions are computed when they are first asked for, 10 P^3
    flops.

    Above 3000 parameters nothing of size P^2 is formed. Lanczos iterations from a random start,
    with full reorthogonalisation, take at most ``max_products`` products (and 30 for the gain),
    and end as soon as they show the answer. Their vectors, of P numbers each, are as many as the
    products, but no more than 2^25 numbers (256 MB) or 20 vectors. A Ritz value is the curvature
    along a direction: a negative one shows a "saddle". A "minimum" is shown if the lowest Ritz
    value t is above the noise, and its residual is at most a hundredth of the distance between
    them: an eigenvalue is within that of t, and a random start misses a lower one with
    probability 0 but for rounding, though it may meet it late. Else the point is "inconclusive"
    and ``undecided``: ``lowest`` and ``lowest_error`` say what is known.

    References
    ----------
    Gill, Murray and Wright (1981), Practical Optimization, 3.2.2.
    Wu and Simon (2000), Thick-restart Lanczos method for large symmetric eigenvalue problems.

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
    check_count("max_products", max_products)
    if not np.isfinite(w).all():
        return _unknown("not stationary", w, function.why_not_finite(w))
    value, gradient = known[:2] if len(known) >= 2 else function.value_and_gradient(w)
    if not (np.isfinite(value) and np.isfinite(gradient).all()):
        return _unknown("not stationary", gradient, function.why_not_finite(w))
    hessian = known[2] if len(known) == 3 else None
    tangent = _Tangent(np.empty((0, len(w))) if active is None else active)
    curvature = _curvature_at(function, w, tangent, hessian, max_products)
    if curvature is None:
        kind = "inconclusive" if converged else "not stationary"
        return _unknown(kind, gradient, function.why_not_finite(w))
    noise = len(w) * float(np.finfo(float).eps) * curvature.largest
    along = tangent.restrict(gradient)
    slope = float(np.linalg.norm(along)) / max(1.0, float(np.linalg.norm(w)))
    size = _size(function, value, curvature)
    gain = _part(curvature.gain(along, noise + slope), size)
    stationary = converged and gain <= _STATIONARY
    if not stationary:
        curvature.spend_no_more()
    noise += slope if stationary else 0.0
    curvature, idle, rises = _where_it_counts(curvature, function, w, noise, size)
    kind = "minimum" if rises else "inconclusive"
    falls = not rises and not curvature.is_above(-noise)
    if falls:
        whole = equalities or tangent.size == len(w)
        kind = "maximum" if whole and curvature.is_below(-noise) else "saddle"
        held = () if tight is None else (_Tangent(tight), hessian, max_products)
        if held and _rises(_curvature_at(function, w, *held), noise):
            kind = "inconclusive"
    if function.kinks(w):  # derivatives there say nothing of what is around
        kind = "inconclusive"
    kind = kind if stationary else "not stationary"
    facts = curvature.facts(kind == "inconclusive")
    names = function.parameter_names()
    return CriticalPoint(kind, gain, noise, falls, idle, gradient, names=names, **facts)


def _size(function: SmoothFunction, value: float, curvature: _Curvature) -> float:
    """The size of f; that of w'Hw where its scale is not known."""
    scale = function.scale()
    return max(abs(value), curvature.energy if scale is None else scale)


def _part(gain: float, size: float) -> float:
    """A gain in parts of the size of f."""
    if not gain > 0.0:
        return gain
    return gain / size if size > 0.0 else np.inf


def _where_it_counts(
    curvature: _Curvature, function: SmoothFunction, w: Array, noise: float, size: float
) -> tuple[_Curvature, Ints, bool]:
    """Curvatures of the parameters that count, the others, and whether all are above the noise.

    Others are looked for only where some curvatures are not.
    """
    if curvature.is_above(noise):
        return curvature, np.empty(0, dtype=int), True
    found, idle = curvature.settled(function, w, noise, size)
    return found, idle, bool(idle.size) and found.counts_any and found.is_above(noise)


def _rises(held: _Curvature | None, noise: float) -> bool:
    """Whether there is no negative curvature along all constraints that hold with equality."""
    return held is not None and held.is_above(-noise)


@may_overflow
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
    return bool(np.isfinite(fall) and fall > 100.0 * _STATIONARY * size)


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
        whole = len(self.free) == self._n_parameters
        found = columns if whole else columns[self.free]
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

    @property
    def counts_any(self) -> bool:
        """Whether any direction counts."""
        return True

    def settled(
        self, function: SmoothFunction, w: Array, noise: float, size: float
    ) -> tuple[_Curvature, Ints]:
        """The same without parameters that f does not depend on, and which these are."""
        return self, np.empty(0, dtype=int)

    @abstractmethod
    def spend_no_more(self) -> None:
        """Leave it at what is known: no more work for a point that is no end."""

    def facts(self, is_inconclusive: bool) -> dict[str, Any]:
        """Attributes of the verdict that say what is known of them."""
        return {"_spectrum": self.pairs}

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
    # A level that all curvatures are above, as far as factors have shown.
    _above: list[float] = field(default_factory=lambda: [-np.inf], init=False)

    @classmethod
    def of(cls, H: Array, w: Array, tangent: _Tangent, constant: Array) -> _Formed:
        """From all second derivatives; the largest row sum bounds the largest eigenvalue."""
        return cls(
            largest=float(np.abs(H).sum(axis=0).max()),
            energy=abs(float(w @ H @ w)),
            tangent=tangent,
            H=tangent.restrict(tangent.restrict(H).T).T,
            constant=constant,
            counts=np.ones(tangent.size, dtype=bool),
        )

    def settled(
        self, function: SmoothFunction, w: Array, noise: float, size: float
    ) -> tuple[_Curvature, Ints]:
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

    @property
    def counts_any(self) -> bool:
        """Whether any direction counts."""
        return bool(self.counts.any())

    def spend_no_more(self) -> None:
        """Nothing: the Hessian is there."""

    def is_above(self, level: float) -> bool:
        """Whether all curvatures are above a level."""
        return self._above[0] >= level or self._factor(1.0, -level) is not None

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
        np.einsum("jj->j", matrix)[...] += shift  # a view, whatever the order in memory
        if not len(matrix):
            return matrix
        factor = lower_factor(matrix)
        if factor is not None and sign > 0.0:
            level = least_eigenvalue(factor, self.largest + abs(shift)) - shift
            self._above[0] = max(self._above[0], level)
        return factor

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

    def __init__(
        self,
        function: SmoothFunction,
        w: Array,
        tangent: _Tangent,
        constant: Array,
        max_products: int,
    ):
        self._function, self._w, self._tangent, self._constant = function, w, tangent, constant
        self._most = max_products
        # The products may be infinite; a random direction meets every entry of H.
        self.energy = abs(float(w @ function.hessian_product(w, w)))
        n_kept = min(max(_NUMBERS // tangent.size, _FEWEST_KEPT), max_products)
        start = self._counted(np.random.default_rng(0).standard_normal(tangent.size))
        self._space = KrylovSpace(self._product, start, n_kept)
        self._space.extend(min(_AT_A_TIME, max_products))
        self.is_finite = self._space.is_finite and bool(np.isfinite(self.energy))
        self.largest = float(np.abs(self._space.ends[0]).max(initial=0.0))

    def _counted(self, v: Array) -> Array:
        """The part of a direction that counts; along the others H is zero."""
        return v - self._constant @ (self._constant.T @ v)

    def _product(self, v: Array) -> Array:
        product = self._function.hessian_product(self._w, self._tangent.expand(v))
        return self._counted(self._tangent.restrict(product))

    @property
    def _spent(self) -> bool:
        space = self._space
        return space.is_complete or not space.is_finite or space.n_products >= self._most

    def spend_no_more(self) -> None:
        """Leave it at what the products so far show."""
        self._most = self._space.n_products

    def facts(self, is_inconclusive: bool) -> dict[str, Any]:
        """How well the lowest curvature is known."""
        (lowest, _), (error, _) = self._space.ends
        # Nothing but the side of zero is in doubt: a curvature known to be zero is not.
        undecided = is_inconclusive and not self._is_shown(error, abs(lowest))
        return {
            "_spectrum": partial(_the_same, self.pairs()),
            "lowest_error": float(error),
            "n_products": self._space.n_products,
            "undecided": bool(undecided),
        }

    def _is_shown(self, error: float, distance: float) -> bool:
        """Whether a residual leaves no doubt that an eigenvalue is so far from something."""
        rounding = self._tangent.size * float(np.finfo(float).eps) * self.largest
        return self._space.is_complete or error <= max(_SHOWN * distance, rounding)

    def _look_on(self) -> None:
        self._space.extend(min(_AT_A_TIME, self._most - self._space.n_products))

    def is_above(self, level: float) -> bool:
        """Whether all curvatures are above a level; what is not known counts as 0."""
        while True:
            (lowest, _), (error, _) = self._space.ends
            if lowest <= level or self._is_shown(error, lowest - level):
                return bool(lowest > level)
            if self._spent:
                return level < 0.0
            self._look_on()

    def is_below(self, level: float) -> bool:
        """Whether all curvatures are below a level; what is not known counts as 0."""
        while True:
            (_, highest), (_, error) = self._space.ends
            if highest >= level or self._is_shown(error, level - highest):
                return bool(highest < level)
            if self._spent:
                return level > 0.0
            self._look_on()

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
        """The two extreme Ritz values and their directions."""
        values, vectors = self._space.ends[0], self._space.vectors
        return values, self._tangent.expand(vectors)


def _the_same(pairs: tuple[Array, Array]) -> tuple[Array, Array]:
    """What is known already, without the vectors it came from."""
    return pairs


def _curvature_at(
    function: SmoothFunction,
    w: Array,
    tangent: _Tangent,
    hessian: Array | None,
    max_products: int,
) -> _Curvature | None:
    """Second derivatives at a point; None where they are not finite."""
    constant = tangent.restrict(function.invariant_directions())
    if hessian is None and len(w) > DENSE_LIMIT and tangent.size > 1:
        found = _FromProducts(function, w, tangent, constant, max_products)
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
