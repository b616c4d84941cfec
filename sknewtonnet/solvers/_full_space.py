"""Minimise over weights and states, under the propagation equations ([I] eq. 5)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.optimize import NonlinearConstraint, minimize
from scipy.sparse.linalg import MatrixRankWarning, spsolve

from sknewtonnet._tables import Report, Shown, Table, counted
from sknewtonnet._typing import Array
from sknewtonnet.calculus import Lagrangian
from sknewtonnet.calculus.pieces.memory import check_memory
from sknewtonnet.calculus.pieces.validation import check_count
from sknewtonnet.solvers._result import Status

# scipy's status of a run that max_iter has ended; and the Newton steps that may follow others.
_CUT_SHORT, _MAX_POLISHING = 0, 5


@dataclass(frozen=True, slots=True, repr=False)
class FullSpaceResult(Shown):
    """Where :func:`minimize_full_space` ended, and how it got there.

    Parameters, states and multipliers are variables of their own there: two numbers say how far
    they are from a solution, ``stationarity`` and ``feasibility``.

    Parameters
    ----------
    params : ndarray of shape (n_weights,)
        W, the parameters of the net.
    states, multipliers : list of ndarray of shape (n_samples, s_k)
        X^k and E^k of each layer.
    value : float
        The objective as a function of W and the last states.
    stationarity : float
        Largest absolute entry of dL/dW and dL/dX, the gradients of [I] eq. 9, 7 and 8.
    feasibility : float
        Largest absolute entry of dL/dE, what the propagation equations are off by.
    status : Status
        Why the run ended.
    message : str
        Why scipy's run ended, in its words.
    n_iter : int
        Number of iterations, with the Newton steps at the end.
    history : tuple of float
        ``value`` at the start and after each iteration. It may rise: states that do not obey the
        equations can fit better.
    feasibilities : tuple of float
        ``feasibility`` at the start and after each iteration.

    See Also
    --------
    minimize_full_space : The function that returns it.
    SolverResult : The result of solvers that eliminate the states.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Lagrangian, Network, Objective
    >>> from sknewtonnet.solvers import minimize_full_space
    >>> X = np.array([[-1.0], [0.0], [1.0]])
    >>> f = Objective(Network.mlp(1, (), 1), "squared_error", X, 2.0 * X + 1.0)
    >>> result = minimize_full_space(Lagrangian(f), np.zeros(2))
    >>> result.params.round(6).tolist(), result.feasibilities[0] > 0.0, result.feasibility < 1e-8
    ([2.0, 1.0], False, True)
    """

    params: Array
    states: list[Array] = field(repr=False)
    multipliers: list[Array] = field(repr=False)
    value: float
    stationarity: float
    feasibility: float
    status: Status
    message: str
    n_iter: int
    history: tuple[float, ...] = field(repr=False)
    feasibilities: tuple[float, ...] = field(repr=False)

    def _report(self) -> Report:
        rows = [
            ("status", f"{self.status.name.lower()}: {self.message}"),
            ("iterations", str(self.n_iter)),
            ("value", f"{self.value:.8g}"),
            ("stationarity", f"{self.stationarity:.2e}"),
            ("feasibility", f"{self.feasibility:.2e}"),
            ("parameters", str(len(self.params))),
        ]
        return Report("Solver result, full space", [Table((), rows, words=(1,))])

    def _in_words(self) -> str:
        return (
            f"{self.status.name.lower()} after {counted(self.n_iter, 'iteration')}, "
            f"value {self.value:.6g}, {counted(len(self.params), 'parameter')}"
        )

    @property
    def converged(self) -> bool:
        """Whether the run reached ``tol``."""
        return self.status is Status.CONVERGED


def minimize_full_space(
    lagrangian: Lagrangian,
    w0: ArrayLike,
    states: Sequence[ArrayLike] | None = None,
    *,
    tol: float = 1e-8,
    max_iter: int = 1000,
) -> FullSpaceResult:
    """Minimise an objective over W and all states X, constrained by the propagation equations.

        min over W, X of f(W, X^m)   under   x_i^k = h^k(p^k(z_i^k; W^k)) for all i and k

    [I] eq. 5, the other form of min f(W), eq. 4. States need not obey the equations on the way,
    nor at the start. The method is scipy's "trust-constr", a trust-region method of sequential
    quadratic programming (Byrd and Omojokun), with exact sparse first and second derivatives.
    Where values no longer tell points apart, Newton steps on dL/d(W, X, E) = 0 follow. It is there
    to show that both forms have the same minima: those of f are reached faster by the solvers of
    f, which eliminate the states (doc/full_space.md has a table).

    Parameters
    ----------
    lagrangian : Lagrangian
        The Lagrangian of an objective.
    w0 : array of shape (n_weights,)
        Parameters of the net to start from.
    states : sequence of array of shape (n_samples, s_k), default=None
        States of each layer to start from, the last ones the outputs. None for zeros;
        ``lagrangian.at(w0).states`` obey the equations.
    tol : float, default=1e-8
        Bound of ``stationarity`` and ``feasibility`` at the end.
    max_iter : int, default=1000
        Most iterations of "trust-constr"; at most five Newton steps follow.

    Returns
    -------
    FullSpaceResult
        ``multipliers`` are [I]'s, of f: at a solution those of the adjoint pass.

    Raises
    ------
    TypeError
        If it is no Lagrangian.
    ValueError
        If a shape or an option does not fit, or the start is not finite.
    MemoryError
        If the factors of its matrices would not fit; nothing is allocated before.

    See Also
    --------
    FullSpaceResult : What it returns.
    sknewtonnet.calculus.Lagrangian : The function of all variables.
    get_solver : Solvers that eliminate the states, and are faster.

    Notes
    -----
    An iteration factorises a sparse matrix of n_weights + 2 n_states rows, n_states = n_samples
    times the units of all layers, where Newton's method for f factorises one of n_weights rows.
    Meant for up to some hundred samples.

    References
    ----------
    Iovleff (2004), Exact Calculus of First and Second Derivatives of Arbitrary Feed-Forward
    Neural Networks, section 3. Nocedal and Wright (2006), Numerical Optimization, 18.5.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Lagrangian, Network, Objective
    >>> from sknewtonnet.solvers import get_solver, minimize_full_space
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(30, 2))
    >>> f = Objective(Network.mlp(2, 2, 1), "squared_error", X, np.sin(X[:, :1]), alpha=0.5)
    >>> w0 = rng.normal(size=f.n_parameters)
    >>> full = minimize_full_space(Lagrangian(f), w0)  # from states of 0
    >>> full.converged, full.feasibilities[0] > 0.1, full.feasibility < 1e-8
    (True, True, True)
    >>> bool(abs(f.gradient(full.params)).max() < 1e-8)  # a minimum of f
    True
    """
    problem = _Problem(lagrangian)
    start = _checked_start(problem, lagrangian, w0, states)
    if not isinstance(tol, Real) or isinstance(tol, bool) or not tol > 0:
        raise ValueError(f"tol must be positive, got {tol!r}.")
    check_count("max_iter", max_iter)
    history = [problem.value(start) / problem.scale]
    feasibilities = [problem.infeasibility(start)]

    def listen(x: Array, _: Any = None) -> None:
        history.append(problem.value(x) / problem.scale)
        feasibilities.append(problem.infeasibility(x))

    with warnings.catch_warnings():  # a run that ends for lack of progress says so in its status
        warnings.filterwarnings("ignore", "delta_grad == 0.0", UserWarning)
        found = minimize(
            problem.value,
            start,
            jac=problem.gradient,
            hess=problem.hessian,
            constraints=[problem.equations()],
            method="trust-constr",
            callback=listen,
            options={"gtol": tol, "xtol": 1e-14, "maxiter": max_iter},
        )
    joint = problem.joint(np.asarray(found.x), np.asarray(found.v[0]) / problem.scale)
    if found.status != _CUT_SHORT:
        joint = problem.polished(joint, listen)
    return problem.result(joint, found, history, feasibilities, tol)


class _Problem:
    """S f(W, X^m) and the equations, as scipy wants them.

    The objective is scaled to a sum over samples ([I] eq. 3): as a mean it would hardly count
    beside equations whose number grows with the samples, and iterations are five times as many.
    """

    def __init__(self, lagrangian: Lagrangian):
        if not isinstance(lagrangian, Lagrangian):
            raise TypeError(f"lagrangian must be a Lagrangian, got {lagrangian!r}.")
        self.lagrangian, self.scale = lagrangian, lagrangian.objective.weight_sum
        P, N = lagrangian.n_weights, lagrangian.n_states
        check_memory(
            f"the full space of {P} parameters and {N} states",
            64.0 * (N * P + P * P),
            "minimise the objective itself, or use fewer samples",
        )

    def joint(self, x: Array, multipliers: Array | None = None) -> Array:
        """(W, X) with multipliers, 0 if None: then L is f."""
        e = np.zeros(self.lagrangian.n_states) if multipliers is None else multipliers
        return np.concatenate([x, e])

    def value(self, x: Array) -> float:
        return self.scale * self.lagrangian.value(self.joint(x))

    def gradient(self, x: Array) -> Array:
        return self.scale * self.lagrangian.gradient(self.joint(x))[: len(x)]

    def hessian(self, x: Array) -> Any:
        return self.scale * self.lagrangian.primal_hessian(self.joint(x))

    def infeasibility(self, x: Array) -> float:
        return float(np.abs(self.lagrangian.equations(self.joint(x))).max())

    def equations(self) -> NonlinearConstraint:
        """The propagation equations, with sparse derivatives."""
        of = self.lagrangian
        return NonlinearConstraint(
            lambda x: of.equations(self.joint(x)),
            0.0,
            0.0,
            jac=lambda x: of.equations_jacobian(self.joint(x)),
            hess=lambda x, e: of.primal_hessian(self.joint(x, e), of_objective=False),
        )

    def polished(self, joint: Array, listen: Callable[[Array], None]) -> Array:
        """The point after Newton steps on dL/d(W, X, E) = 0, as long as each halves what is left.

        Close to a minimum f tells no points apart whose gradients are some 1e-8, and a method that
        compares values ends there.
        """
        slopes = self.lagrangian.gradient(joint)
        for _ in range(_MAX_POLISHING):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", MatrixRankWarning)
                step = spsolve(sparse.csc_array(self.lagrangian.sparse_hessian(joint)), -slopes)
            if not np.isfinite(step).all():
                break
            there = self.lagrangian.gradient(joint + step)
            if not np.abs(there).max() <= 0.5 * np.abs(slopes).max():
                break
            joint, slopes = joint + step, there
            listen(joint[: -self.lagrangian.n_states])
        return joint

    def result(
        self,
        joint: Array,
        found: Any,
        history: Sequence[float],
        feasibilities: Sequence[float],
        tol: float,
    ) -> FullSpaceResult:
        """What was found, by names."""
        of = self.lagrangian
        point, slopes = of.unpack(joint), np.abs(of.gradient(joint))
        stationarity, feasibility = (
            float(part.max()) for part in np.split(slopes, [of.n_weights + of.n_states])
        )
        status = Status.MAX_ITER if found.status == _CUT_SHORT else Status.STALLED
        return FullSpaceResult(
            params=point.weights,
            states=point.states,
            multipliers=point.multipliers,
            value=history[-1],
            stationarity=stationarity,
            feasibility=feasibility,
            status=Status.CONVERGED if max(stationarity, feasibility) <= tol else status,
            message=str(found.message),
            n_iter=len(history) - 1,
            history=tuple(history),
            feasibilities=tuple(feasibilities),
        )


def _checked_start(
    problem: _Problem,
    lagrangian: Lagrangian,
    w0: ArrayLike,
    states: Sequence[ArrayLike] | None,
) -> Array:
    """(W, X) to start from, or raise."""
    start = lagrangian.pack(w0, states, None)[: lagrangian.n_weights + lagrangian.n_states]
    gaps = lagrangian.equations(problem.joint(start))
    if not (np.isfinite(problem.value(start)) and np.isfinite(gaps).all()):
        raise ValueError(
            "the objective or the propagation equations are not finite at w0 and states."
        )
    return start
