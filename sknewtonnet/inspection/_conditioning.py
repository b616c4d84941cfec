"""What kind of point a fit has ended at."""

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, null_space
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus import SmoothFunction

# Above this number of parameters the extreme eigenvalues come from products alone.
DENSE_LIMIT = 3000


def critical_point(objective: SmoothFunction, w: Array, active: Array | None = None) -> str:
    """Second-derivative test at a stationary point ([H]).

    An eigenvalue counts as zero if its absolute value is at most P eps times a bound of the
    largest one (the largest sum of absolute entries of a row of the Hessian; above 3000
    parameters the largest eigenvalue itself), what rounding makes of a zero, plus
    |g| / max(1, |w|), what a gradient g that is not quite zero makes of it: along a curve on which
    f is constant, such as a rotation of linear units, w'' g + w' H w' = 0.
    Directions along which the function is constant wherever it stands (the common shift of
    a softmax's logits) tell nothing and do not count. Nor does a parameter that f does not
    depend on where the others stand, such as the intercept of a unit whose coefficients a penalty
    has brought to 0: its row of the Hessian is zero to the square root of that, and a step of 1
    either way changes f by less than 1e-12 of its size.

    Parameters
    ----------
    objective : SmoothFunction
        The function.
    w : ndarray of shape (n_parameters,)
        A point where its gradient vanishes, up to the tolerance of a solver.
    active : ndarray of shape (n_active, n_parameters), default=None
        Rows of active constraints; then only directions along them all are looked at, and only
        there need the gradient vanish.

    Returns
    -------
    {"minimum", "saddle", "inconclusive"}
        All eigenvalues positive; at least one negative (a maximum is a "saddle" here: a
        solver can leave both); or none negative and some zero.

    Notes
    -----
    One Hessian and one or two Cholesky factors, P^3 / 3 flops each, and memory for two
    P x P matrices; no eigenvalue is computed.
    Above 3000 parameters Lanczos iterations on Hessian-vector products find the lowest
    eigenvalue; "inconclusive" if they do not converge.
    """
    size = objective.n_parameters
    rounding = size * float(np.finfo(float).eps)
    tangent = _Tangent(np.empty((0, size)) if active is None else active)
    if tangent.size == 0:
        return "minimum"
    gradient = tangent.restrict(objective.gradient(w))
    slope = float(np.linalg.norm(gradient)) / max(1.0, float(np.linalg.norm(w)))
    constant = tangent.restrict(objective.invariant_directions())
    if size > DENSE_LIMIT:
        lowest, largest = _extreme_eigenvalues(objective, w, constant, tangent)
        threshold = rounding * largest + slope
        if lowest > threshold:
            return "minimum"
        return "saddle" if lowest < -threshold else "inconclusive"
    H = objective.hessian(w)
    # The largest row sum bounds the largest eigenvalue.
    largest = float(np.abs(H).sum(axis=0).max())
    threshold = rounding * largest + slope
    H = tangent.restrict(tangent.restrict(H).T) + largest * (constant @ constant.T)
    if _positive_definite(H, -threshold):
        return "minimum"
    if tangent.basis is None:
        # What an entry off the diagonal takes from an eigenvalue is about its square.
        small = float(np.sqrt(threshold * largest))
        counts = ~_idle(objective, w, np.abs(H).max(axis=0) <= small, tangent.free)
        H = H[np.ix_(counts, counts)]
        if not counts.all() and _positive_definite(H, -threshold):
            return "minimum"
    return "inconclusive" if _positive_definite(H, threshold) else "saddle"


class _Tangent:
    """The directions along which rows of active constraints do not change.

    A row with a single entry fixes a parameter; to all others their null space belongs.
    """

    def __init__(self, active: Array):
        single = (active != 0).sum(axis=1) == 1
        fixed = np.flatnonzero((active[single] != 0).any(axis=0))
        self._n_parameters = active.shape[1]
        self.free = np.setdiff1d(np.arange(self._n_parameters), fixed)
        rest = active[~single][:, self.free]
        self.basis = null_space(rest) if len(rest) else None
        self.size = len(self.free) if self.basis is None else self.basis.shape[1]

    def restrict(self, columns: Array) -> Array:
        """Coordinates of a gradient, or of each column, in these directions."""
        found = columns[self.free]
        return found if self.basis is None else np.asarray(self.basis.T @ found)

    def expand(self, coordinates: Array) -> Array:
        """The direction of coordinates."""
        full = np.zeros(self._n_parameters)
        full[self.free] = coordinates if self.basis is None else self.basis @ coordinates
        return full


def _idle(objective: SmoothFunction, w: Array, idle: Bools, positions: Ints) -> Bools:
    """Which of some candidates f does not depend on where the others stand."""
    value = objective.value(w) if idle.any() else 0.0
    for number in np.flatnonzero(idle):
        for step in (-1.0, 1.0):
            moved = w.copy()
            moved[positions[number]] += step
            # Outgoing coefficients are 0 up to the tolerance of a solver, and enter squared.
            idle[number] &= abs(objective.value(moved) - value) <= 1e-12 * max(abs(value), 1.0)
    return idle


def _positive_definite(H: Array, shift: float) -> bool:
    """Whether H + shift I has a Cholesky factor."""
    shifted = H.copy()
    shifted[np.diag_indices_from(shifted)] += shift
    try:
        cho_factor(shifted, overwrite_a=True, check_finite=False)
    except LinAlgError:
        return False
    return True


def _extreme_eigenvalues(
    objective: SmoothFunction, w: Array, constant: Array, tangent: _Tangent
) -> tuple[float, float]:
    """Lowest and largest absolute eigenvalue; (0, 1) if Lanczos does not converge."""
    size = tangent.size

    def product(v: Array) -> Array:
        return tangent.restrict(objective.hessian_product(w, tangent.expand(v.ravel())))

    H = LinearOperator((size, size), matvec=product, dtype=float)
    start = np.random.default_rng(0).standard_normal(size)
    try:
        largest = eigsh(H, k=1, which="LM", v0=start, return_eigenvectors=False)
        raised = LinearOperator(
            (size, size),
            matvec=lambda v: H.matvec(v) + constant @ (largest * (constant.T @ v)),
            dtype=float,
        )
        lowest = eigsh(raised, k=1, which="SA", v0=start, maxiter=1000, return_eigenvectors=False)
    except ArpackNoConvergence:
        return 0.0, 1.0
    return float(lowest[0]), float(np.abs(largest[0]))
