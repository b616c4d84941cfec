"""Constraints of any smooth form: limits of functions of the parameters, with derivatives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from sknewtonnet._names import unknown_name
from sknewtonnet._tables import Worded
from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.pieces.affine_map import AffineMap
from sknewtonnet.calculus.pieces.function import FunctionOf, SmoothFunction
from sknewtonnet.calculus.pieces.parameters import ParameterLayout
from sknewtonnet.calculus.pieces.penalties import NotPlaced
from sknewtonnet.calculus.pieces.symmetric import symmetric_part
from sknewtonnet.calculus.pieces.validation import check_truth, real_array, real_vector


class Constraint(Worded, ABC):
    """Limits of smooth functions of the parameters, with their derivatives.

        lower <= c(w) <= upper,   c(w) of shape (m,)

    Equal limits make an equality constraint, infinite limits make none. A subclass supplies
    ``limits``, ``value``, ``jacobian`` and ``hessian``, and :func:`check_constraint` of
    :mod:`sknewtonnet.testing` checks them. One that is made before the net, such as one for an
    estimator, learns in ``on`` what the net is.

    Attributes
    ----------
    follows_names : bool
        Whether it finds its parameters by the names of arrays, or by the net as a whole, so that
        it holds for a net from which connections are removed; True by default.

    See Also
    --------
    NormConstraint : Limits of norms of arrays.
    PredictionConstraint : Limits of predictions.
    SlopeConstraint : Limits of slopes.
    NonlinearConstraint : Limits of functions without a class.
    sknewtonnet.testing.check_constraint :
        Compare the derivatives of a constraint with differences.
    sknewtonnet.solvers.Constraints : All constraints of a run.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Constraint, SmoothFunction
    >>> from sknewtonnet.solvers import Constraints, get_solver
    >>> class Circle(Constraint):
    ...     limits = np.array([1.0]), np.array([1.0])
    ...
    ...     def value(self, w):
    ...         return np.array([w @ w])
    ...
    ...     def jacobian(self, w):
    ...         return 2.0 * w[None]
    ...
    ...     def hessian(self, w, v):
    ...         return 2.0 * v[0] * np.eye(len(w))
    >>> class Fall(SmoothFunction):
    ...     n_parameters = 2
    ...
    ...     def value(self, w):
    ...         return -w.sum()
    ...
    ...     def gradient(self, w):
    ...         return -np.ones(2)
    ...
    ...     def hessian(self, w, kind="exact"):
    ...         return np.zeros((2, 2))
    >>> solver = get_solver("slsqp", constraints=Constraints.of(2, Circle()))
    >>> result = solver.minimize(Fall(), np.array([1.0, 0.2]))
    >>> result.params.round(6).tolist(), result.multipliers.nonlinear.round(6).tolist()
    ([0.707107, 0.707107], [0.707107])
    """

    follows_names: bool = True

    @property
    def title(self) -> str:
        """What messages call it: the name of its class."""
        return type(self).__name__

    def on(self, network: Network) -> Constraint:
        """Return the constraint for a net; by default it is the same for all.

        Parameters
        ----------
        network : Network
            The net whose parameters are constrained.

        Returns
        -------
        Constraint
            With methods that take flat vectors of the net's layout.
        """
        return self

    @property
    @abstractmethod
    def limits(self) -> tuple[Array, Array]:
        """Lower and upper limits, each of shape (m,); infinite where there is none."""

    @abstractmethod
    def value(self, w: Array) -> Array:
        """The functions c(w).

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point, which is not to be written to.

        Returns
        -------
        ndarray of shape (m,)
            One value for each function.
        """

    @abstractmethod
    def jacobian(self, w: Array) -> Array:
        """First derivatives.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (m, n_parameters)
            One row for each function.
        """

    @abstractmethod
    def hessian(self, w: Array, v: Array) -> Array:
        """Sum of the second derivatives, sum_k v_k d2 c_k / dw dw'.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        v : ndarray of shape (m,)
            Factors, such as multipliers.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
            Symmetric.
        """


Function = Callable[[Array], ArrayLike]


@dataclass(frozen=True, eq=False)
class NonlinearConstraint(Constraint):
    """Limits of functions that you write, as :class:`scipy.optimize.NonlinearConstraint` has them.

        lower <= fun(x) <= upper

    Parameters
    ----------
    fun : callable
        From x, an array of shape (n,), to a number or an array of shape (m,).
    lower, upper : float or array of shape (m,), or None
        Limits; None for no limit. Equal ones make an equality.
    jac : callable
        From x to first derivatives, of shape (m, n), or (n,) for one function.
    hess : callable
        From x and v, of shape (m,), to sum_k v_k d2 fun_k / dx dx', of shape (n, n).
    arrays : str or sequence of str, default=None
        What x is: the entries of these arrays of the net, one array after the other, each row by
        row as ``arrays_`` of a fitted net has it, zero where a connection does not exist.
        None: all parameters, as ``params_`` has them.
    layout : ParameterLayout, default=None
        Where the arrays are; :meth:`on` fills it in.

    Raises
    ------
    ValueError
        If limits are no numbers, crossed, or both infinite; there is no array of some name; a
        function returns another shape.
    TypeError
        If ``fun``, ``jac`` or ``hess`` cannot be called.

    See Also
    --------
    sknewtonnet.testing.check_constraint : Checks ``jac`` and ``hess`` against differences.

    Notes
    -----
    Under ``standardize=True`` an estimator gives parameters in the units of the table all the
    same. To save a fitted net, use functions of a module, not lambdas, which pickle refuses.

    Examples
    --------
    The first unit reads its two inputs with coefficients on the unit circle:

    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.calculus import NonlinearConstraint
    >>> first = np.array([1.0, 0.0, 1.0, 0.0])  # of coefs_0[[x0, x1], [h0, h1]]
    >>> circle = NonlinearConstraint(
    ...     lambda x: first @ x**2,
    ...     1.0,
    ...     1.0,
    ...     jac=lambda x: 2.0 * first * x,
    ...     hess=lambda x, v: 2.0 * v[0] * np.diag(first),
    ...     arrays="coefs_0",
    ... )
    >>> X = np.random.default_rng(0).normal(size=(60, 2))
    >>> net = NewtonMLPRegressor((2,), alpha=0.1, constraints=[circle], random_state=0)
    >>> net = net.fit(X, np.tanh(X[:, 0] + X[:, 1]))
    >>> round(float(np.linalg.norm(net.coefs_[0][:, 0])), 9), net.critical_point_
    (1.0, 'minimum')
    """

    fun: Function
    lower: ArrayLike | None
    upper: ArrayLike | None
    jac: Function = field(repr=False)
    hess: Callable[[Array, Array], ArrayLike] = field(repr=False)
    arrays: str | Sequence[str] | None = None
    layout: ParameterLayout | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Raise an error that names what is wrong."""
        for name in ("fun", "jac", "hess"):
            if not callable(getattr(self, name)):
                raise TypeError(
                    f"{name} must be a function of the parameters, got {getattr(self, name)!r}."
                )
        checked_limits(self.lower, self.upper)

    @property
    def follows_names(self) -> bool:  # type: ignore[override]
        """Whether ``arrays`` are named."""
        return self.arrays is not None

    def on(self, network: Network) -> NonlinearConstraint:
        """See :meth:`Constraint.on`.

        Parameters
        ----------
        network : Network
            The net whose parameters are constrained.

        Returns
        -------
        NonlinearConstraint
            The same limits, with what they need to know of the net.
        """
        check_network(network)
        if self.arrays is not None:
            named_arrays(network.layout, self.arrays)  # says now if one is missing
        return replace(self, layout=network.layout)

    @cached_property
    def limits(self) -> tuple[Array, Array]:
        """See :attr:`Constraint.limits`."""
        return checked_limits(self.lower, self.upper)

    @cached_property
    def _selection(self) -> csr_array:
        """E with x = E w: rows of zeros for entries that do not exist."""
        if self.layout is None:
            raise NotPlaced("the arrays are not known yet: use constraint.on(network).")
        names = named_arrays(self.layout, self.arrays)
        places = np.concatenate([self.layout.places(name).ravel() for name in names])
        rows = np.flatnonzero(places >= 0)
        shape = len(places), self.layout.n_parameters
        return csr_array((np.ones(len(rows)), (rows, places[rows])), shape)

    def _x(self, w: Array) -> Array:
        return w.copy() if self.arrays is None else np.asarray(self._selection @ w)

    def _spread(self, found: Array) -> Array:
        """Derivatives in w, from those in x on the last axis."""
        return found if self.arrays is None else np.asarray((self._selection.T @ found.T).T)

    def value(self, w: Array) -> Array:
        """See :meth:`Constraint.value`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point, which is not to be written to.

        Returns
        -------
        ndarray of shape (m,)
            One value for each function.
        """
        found = self._real("fun", self.fun(self._x(w)))
        return self._shaped("fun", np.atleast_1d(found), self.limits[0].shape)

    def jacobian(self, w: Array) -> Array:
        """See :meth:`Constraint.jacobian`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (m, n_parameters)
            One row for each function.
        """
        x = self._x(w)
        found = np.atleast_2d(self._real("jac", self.jac(x.copy())))
        found = self._shaped("jac", found, (len(self.limits[0]), len(x)))
        return self._spread(found)

    def hessian(self, w: Array, v: Array) -> Array:
        """See :meth:`Constraint.hessian`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        v : ndarray of shape (m,)
            Factors, such as multipliers.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
            Symmetric.
        """
        x = self._x(w)
        found = self._real("hess", self.hess(x.copy(), v))
        found = self._shaped("hess", found, (len(x), len(x)))
        return self._spread(self._spread(found).T)

    @staticmethod
    def _real(name: str, found: ArrayLike) -> Array:
        return real_array(f"what {name} of a NonlinearConstraint returns", found)

    @staticmethod
    def _shaped(name: str, found: Array, shape: tuple[int, ...]) -> Array:
        if found.shape != shape:
            raise ValueError(
                f"{name} of a NonlinearConstraint must return shape {shape}, got {found.shape}."
            )
        return found


# Norms below this have no direction: their squares underflow.
_ZERO_NORM = 1e-150


@dataclass(frozen=True, eq=False)
class NormConstraint(Constraint):
    """Limits of the Euclidean norms of arrays of parameters.

        lower <= ||W|| <= upper,   ||W|| = (sum of squared entries)^(1/2)

    with Jacobian W' / ||W|| and Hessian I / ||W|| - W W' / ||W||^3. At W = 0, where a norm has no
    derivatives, both are taken as 0.

    Parameters
    ----------
    arrays : str or sequence of str
        Names of the arrays, such as "coefs_0"; a norm for each.
    lower, upper : float or array of shape (m,), or None, default=None
        Limits; None for no limit. Equal ones make an equality: 1 and 1 for directions. Upper ones
        are positive, for a norm of 0 has no derivatives; bounds hold an array at 0.
    per_unit : bool, default=False
        Whether each unit of the layer has a norm of its own, so that m is the number of units.
    layout : ParameterLayout, default=None
        Where the arrays are; :meth:`on` fills it in.

    See Also
    --------
    NormPenalty : Norms that cost something, rather than stay within limits.
    PredictionConstraint : Limits of predictions.
    NonlinearConstraint : Limits of functions of one's own.
    sknewtonnet.solvers.Constraints : All constraints of a run.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, NormConstraint
    >>> network = Network.mlp(2, (), 1)
    >>> ball = NormConstraint("coefs_0", upper=2.0).on(network)
    >>> w = np.array([3.0, 4.0, 7.0])  # the intercept is free
    >>> ball.value(w).tolist(), ball.jacobian(w).round(3).tolist()
    ([5.0], [[0.6, 0.8, 0.0]])
    """

    arrays: str | Sequence[str]
    lower: ArrayLike | None = None
    upper: ArrayLike | None = None
    per_unit: bool = False
    layout: ParameterLayout | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Raise an error that names what is wrong."""
        check_truth("per_unit", self.per_unit)
        if (checked_limits(self.lower, self.upper)[1] <= 0.0).any():
            raise ValueError(
                f"upper must be positive, got {self.upper!r}: bounds of (0, 0) hold an array at 0."
            )

    def on(self, network: Network) -> NormConstraint:
        """See :meth:`Constraint.on`.

        Parameters
        ----------
        network : Network
            The net whose parameters are constrained.

        Returns
        -------
        NormConstraint
            The same limits, of arrays whose places are known.
        """
        check_network(network)
        placed = replace(self, layout=network.layout)
        assert placed.limits  # says now if an array is missing, or limits do not fit
        return placed

    @cached_property
    def _groups(self) -> list[Ints]:
        """Positions in w of the parameters of each norm, an entry of the array each."""
        if self.layout is None:
            raise NotPlaced("the arrays are not known yet: use NormConstraint(...).on(network).")
        found: list[Ints] = []
        for name in named_arrays(self.layout, self.arrays):
            places = self.layout.places(name)
            if self.per_unit:
                array = next(array for array in self.layout.arrays if array.name == name)
                # Units are the last axis of linear layers, the first one of others.
                by_unit = np.moveaxis(places, -1 if array.places is None else 0, 0)
                found += list(by_unit.reshape(len(by_unit), -1))
            else:
                found.append(places.ravel())
        return [group[group >= 0] for group in found]

    @cached_property
    def limits(self) -> tuple[Array, Array]:
        """See :attr:`Constraint.limits`."""
        return checked_limits(self.lower, self.upper, len(self._groups))

    def _point(self, w: Array) -> Array:
        """The parameters, or an error."""
        assert self.layout is not None, "the groups are known"
        return real_vector("w", w, self.layout.n_parameters)

    def _directions(self, w: Array) -> list[tuple[float, Array]]:
        """Norm and direction of each group; no direction for a norm of 0."""
        found, groups = [], self._groups
        w = self._point(w)
        for group in groups:
            norm = float(np.linalg.norm(w[group]))
            found.append((norm, w[group] / norm if norm > _ZERO_NORM else np.zeros(len(group))))
        return found

    def value(self, w: Array) -> Array:
        """See :meth:`Constraint.value`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point, which is not to be written to.

        Returns
        -------
        ndarray of shape (m,)
            One value for each function.
        """
        return np.array([norm for norm, _ in self._directions(w)])

    def jacobian(self, w: Array) -> Array:
        """See :meth:`Constraint.jacobian`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (m, n_parameters)
            One row for each function.
        """
        found = np.zeros((len(self._groups), len(w)))
        for row, group, (_, direction) in zip(
            found, self._groups, self._directions(w), strict=True
        ):
            np.add.at(row, group, direction)
        return found

    def hessian(self, w: Array, v: Array) -> Array:
        """See :meth:`Constraint.hessian`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        v : ndarray of shape (m,)
            Factors, such as multipliers.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
            Symmetric.
        """
        found = np.zeros((len(w), len(w)))
        for factor, group, (norm, direction) in zip(
            real_vector("v", v, len(self._groups)), self._groups, self._directions(w), strict=True
        ):
            if direction.any():
                bend = np.eye(len(group)) - np.outer(direction, direction)
                np.add.at(found, np.ix_(group, group), factor / norm * bend)
        return found


class MappedConstraint(Constraint):
    """A constraint of w = T u + t as one of u: Jacobian J T, Hessian T' H T.

    Parameters
    ----------
    constraint : Constraint
        A constraint of w.
    map : AffineMap
        From u to w.
    """

    def __init__(self, constraint: Constraint, map: AffineMap):
        self.constraint, self.map = constraint, map
        self.follows_names = constraint.follows_names

    @property
    def title(self) -> str:
        """That of the constraint."""
        return self.constraint.title

    @property
    def limits(self) -> tuple[Array, Array]:
        """Those of the constraint."""
        return self.constraint.limits

    def value(self, w: Array) -> Array:
        """See :meth:`Constraint.value`."""
        return self.constraint.value(self.map.forward(w))

    def jacobian(self, w: Array) -> Array:
        """See :meth:`Constraint.jacobian`."""
        return self.map.pull_back(self.constraint.jacobian(self.map.forward(w)).T).T

    def hessian(self, w: Array, v: Array) -> Array:
        """See :meth:`Constraint.hessian`."""
        inner = self.constraint.hessian(self.map.forward(w), v)
        return symmetric_part(self.map.pull_back(self.map.pull_back(inner).T))


class LagrangeFunction(FunctionOf):
    """A function plus multipliers times constrained functions, f(w) + mu'(c(w) - c(w0)).

    On the tangent space of active constraints its second derivatives, not those of f, tell a
    minimum: what f gains along a curved constraint is in the curvature of the constraint.

    Parameters
    ----------
    function : SmoothFunction
        The function f.
    terms : sequence of (Constraint, ndarray)
        Constraints with their multipliers mu.
    w0 : ndarray of shape (n_parameters,)
        Where its value is that of f.

    See Also
    --------
    critical_point : The verdict on its point, along active constraints.
    Constraint : The constraints.
    Lagrangian : The Lagrange function of a net's propagation equations.
    sknewtonnet.solvers.Multipliers : The multipliers that a run ends with.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import (
    ...     LagrangeFunction, Network, NormConstraint, Objective, critical_point
    ... )
    >>> network = Network.mlp(2, (), 1, connectivity={"intercepts_0": False})
    >>> X = np.eye(2)
    >>> f = Objective(network, "squared_error", X, np.array([3.0, 4.0]))
    >>> circle = NormConstraint("coefs_0", 1.0, 1.0).on(network)
    >>> far = np.array([-0.6, -0.8])  # the worst point of the circle
    >>> mu = -(f.gradient(far) @ far)
    >>> tangent = circle.jacobian(far)
    >>> critical_point(f, far, tangent).kind  # f alone is convex
    'minimum'
    >>> critical_point(LagrangeFunction(f, [(circle, np.array([mu]))], far), far, tangent).kind
    'saddle'
    """

    def __init__(
        self, function: SmoothFunction, terms: Sequence[tuple[Constraint, Array]], w0: Array
    ):
        if not isinstance(function, SmoothFunction):
            raise TypeError(f"function must be a SmoothFunction, got {function!r}.")
        for term in terms:
            if not (isinstance(term, Sequence) and isinstance(term[0], Constraint)):
                raise TypeError(
                    f"terms must be pairs (Constraint, array of its multipliers), got {term!r}."
                )
        super().__init__(function)
        self._bend: tuple[Array, Array] | None = None
        self.terms = [(constraint, mu) for constraint, mu in terms if mu.any()]
        self.w0 = w0
        self._before = sum(float(mu @ constraint.value(w0)) for constraint, mu in self.terms)

    def value(self, w: Array) -> float:
        """The function at w. See :meth:`SmoothFunction.value`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        float
            Not finite where f has no value: a solver then takes another step.
        """
        after = sum(float(mu @ constraint.value(w)) for constraint, mu in self.terms)
        return self.function.value(w) + (after - self._before)

    def gradient(self, w: Array) -> Array:
        """The gradient, grad f + J' mu. See :meth:`SmoothFunction.gradient`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_parameters,)
            The gradient, a new array or one that nobody writes to.
        """
        found = self.function.gradient(w)
        return found + sum(mu @ constraint.jacobian(w) for constraint, mu in self.terms)

    def bend(self, w: Array) -> Array:
        """What the constraints add to the second derivatives, sum_k mu_k d2 c_k.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
            Symmetric.
        """
        if self._bend is None or not np.array_equal(w, self._bend[0]):
            found = np.zeros((len(w), len(w)))
            for constraint, mu in self.terms:
                found += constraint.hessian(w, mu)
            self._bend = np.array(w), found
        return self._bend[1].copy()

    def hessian(self, w: Array, kind: str = "exact") -> Array:
        """The second derivatives, of a kind of f. See :meth:`SmoothFunction.hessian`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        kind : str, default="exact"
            One of ``hessian_kinds``.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
            The matrix of that kind of f, plus :meth:`bend`.
        """
        return self.function.hessian(w, kind) + self.bend(w)

    def hessian_product(self, w: Array, v: Array, kind: str = "exact") -> Array:
        """Those times directions. See :meth:`SmoothFunction.hessian_product`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        v : ndarray of shape (n_parameters,) or (n_parameters, r)
            One direction, or r of them as columns.
        kind : str, default="exact"
            As in :meth:`hessian`.

        Returns
        -------
        ndarray of the shape of v
            The matrix of that kind times v.
        """
        self.bend(w)  # kept for the next product at this point
        assert self._bend is not None
        return self.function.hessian_product(w, v, kind) + self._bend[1] @ v

    def invariant_directions(self) -> Array:
        """Those of f along which no constraint with a multiplier changes.

        See :meth:`SmoothFunction.invariant_directions`.

        Returns
        -------
        ndarray of shape (n_parameters, n_directions)
            Orthonormal columns.
        """
        found = self.function.invariant_directions()
        if not (self.terms and found.size):
            return found
        slopes = np.vstack([constraint.jacobian(self.w0) for constraint, _ in self.terms])
        changes = np.vstack([slopes @ found, self.bend(self.w0) @ found])
        return found[:, (np.abs(changes) <= 1e-12 * np.abs(slopes).max()).all(axis=0)]


def listed_constraints(given: Constraint | Sequence[Constraint] | None) -> tuple[Constraint, ...]:
    """Constraints as a tuple: of none, of one, or of several.

    Raises
    ------
    ValueError
        If something else is among them.
    """
    found = () if given is None else (given,) if isinstance(given, Constraint) else tuple(given)
    wrong = [each for each in found if not isinstance(each, Constraint)]
    if wrong:
        raise ValueError(
            f"constraints must be instances of sknewtonnet.calculus.Constraint, got {wrong[0]!r}."
        )
    return found


def checked_limits(
    lower: ArrayLike | None, upper: ArrayLike | None, size: int | None = None
) -> tuple[Array, Array]:
    """Limits as arrays of one length, that given or that of the longer one.

    Raises
    ------
    ValueError
        If they are no numbers, have a wrong shape, are crossed, or set no limit at all.
    """
    arrays = []
    for name, given, default in (("lower", lower, -np.inf), ("upper", upper, np.inf)):
        try:
            values = np.asarray(default if given is None else given)
            if values.dtype.kind in "bcSU":
                raise TypeError
            arrays.append(np.ravel(values.astype(float)))
        except (TypeError, ValueError):
            raise ValueError(f"{name} must be a number or numbers, got {given!r}.") from None
    longest = max(map(len, arrays)) if size is None else size
    if any(len(array) not in (1, longest) for array in arrays):
        wanted = "one number" if longest == 1 else f"one number or {longest}"
        raise ValueError(f"lower and upper must be {wanted}, got {lower!r} and {upper!r}.")
    low, high = (np.broadcast_to(array, longest).copy() for array in arrays)
    if not (low <= high).all() or np.isposinf(low).any() or np.isneginf(high).any():
        raise ValueError(
            "lower must not be above upper, and a number must be left, got "
            f"{lower!r} and {upper!r}."
        )
    if (np.isinf(low) & np.isinf(high)).all():
        raise ValueError(f"one of lower and upper must be finite, got {lower!r} and {upper!r}.")
    return low, high


def check_network(network: Network) -> None:
    """Raise unless it is a net."""
    if not isinstance(network, Network):
        raise TypeError(f"network must be a Network, got {network!r}.")


def named_arrays(layout: ParameterLayout, given: str | Sequence[str] | None) -> list[str]:
    """Names of arrays that a net has.

    Raises
    ------
    ValueError
        If one is unknown, or there is none.
    """
    if isinstance(given, str):
        given = [given]
    names = list(given) if isinstance(given, Sequence | np.ndarray) else []
    if not names:
        raise ValueError(f"arrays must be names of arrays, got {given!r}.")
    for name in names:
        if name not in layout.shapes:
            raise ValueError(unknown_name("arrays", str(name), layout.shapes, "array"))
    return names
