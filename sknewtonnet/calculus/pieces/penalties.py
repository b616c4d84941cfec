"""Penalties of an objective: value and derivatives of each in one class."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sknewtonnet._names import unknown_name
from sknewtonnet._tables import Worded
from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.pieces.composition import composed
from sknewtonnet.calculus.pieces.gaussian_forms import GaussianForm
from sknewtonnet.calculus.pieces.memory import check_hessian_memory
from sknewtonnet.calculus.pieces.parameters import ParameterLayout


class Penalty(Worded, ABC):
    """A function of the parameters that an objective adds to the mean loss, with derivatives.

    The objective divides it by the sum of the sample weights S: strengths count like rows. A
    subclass supplies ``value``, ``gradient`` and ``hessian``, and :func:`check_penalty` of
    :mod:`sknewtonnet.testing` checks them. A sum over single parameters is a
    :class:`SeparablePenalty`. All else has a default:

    - ``on``: a penalty that is made before the net, such as one for an estimator, learns there
      where in w the named arrays are;
    - ``depends_on``: saying which arrays it leaves alone lets squared errors keep the output layer
      solved for, and a softmax its known directions of no effect;
    - ``hessian_product``: for more parameters than a dense matrix allows.

    See Also
    --------
    SeparablePenalty : A sum over single parameters, which needs less.
    NormPenalty : Norms of whole layers.
    sknewtonnet.testing.check_penalty : Compare the derivatives of a penalty with differences.
    Objective : The function that penalties are added to.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective, Penalty
    >>> class SquaredSum(Penalty):
    ...     def value(self, w):
    ...         return 0.5 * w.sum() ** 2
    ...
    ...     def gradient(self, w):
    ...         return np.full(len(w), w.sum())
    ...
    ...     def hessian(self, w):
    ...         return np.ones((len(w), len(w)))
    >>> X = np.eye(3)
    >>> f = Objective(Network.mlp(3, (), 1), "squared_error", X, X[:, :1], penalties=SquaredSum())
    >>> f.hessian(np.zeros(4))[0]
    array([0.66666667, 0.33333333, 0.33333333, 0.66666667])
    """

    def on(self, layout: ParameterLayout) -> Penalty:
        """Return the penalty for a net with these parameters; by default it is the same for all.

        Parameters
        ----------
        layout : ParameterLayout
            The layout of the net's parameters. An :class:`Objective` passes that of its net.

        Returns
        -------
        Penalty
            With methods that take flat vectors of this layout.
        """
        return self

    def depends_on(self, array: str) -> bool:
        """Whether it depends on the parameters of an array; by default on those of all.

        Parameters
        ----------
        array : str
            Its name, such as "coefs_0".

        Returns
        -------
        bool
            True also where it is not known.
        """
        return True

    @property
    def ridge(self) -> Array | None:
        """Strengths r, (n_parameters,), if it is 1/2 sum_p r_p w_p^2; None for all others."""
        return None

    @abstractmethod
    def value(self, w: Array) -> float:
        """The penalty.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point, which is not to be written to.

        Returns
        -------
        float
            Not finite where it has no value: a solver then takes another step.
        """

    @abstractmethod
    def gradient(self, w: Array) -> Array:
        """First derivatives.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_parameters,)
            The gradient.
        """

    @abstractmethod
    def hessian(self, w: Array) -> Array:
        """Second derivatives, mixed ones of all layers included.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
            Symmetric.
        """

    def hessian_product(self, w: Array, v: Array) -> Array:
        """Second derivatives times directions; by default with the whole matrix.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        v : ndarray of shape (n_parameters,) or (n_parameters, r)
            One direction, or r of them as columns.

        Returns
        -------
        ndarray of the shape of v
            The matrix of second derivatives times v.
        """
        return self.hessian(w) @ v

    def tensor(self, w: Array, order: int, where: Ints) -> Array:
        """Differentiate to any order in some of the parameters.

        ``Objective.lagrangian_tensors`` takes them, and ``Objective.hessian_blocks`` those of
        order 2; by default there are those of orders 1 and 2, from ``gradient`` and ``hessian``.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        order : int
            At least 1.
        where : ndarray of int of shape (t,)
            Positions of these parameters in w.

        Returns
        -------
        ndarray of shape (t, ..., t)
            With as many axes as the order.

        Raises
        ------
        NotImplementedError
            If the class does not supply that order.
        """
        if order == 1:
            return self.gradient(w)[where]
        if order == 2:
            check_hessian_memory(len(w))
            return self.hessian(w)[np.ix_(where, where)]
        raise NotImplementedError(
            f"the penalty {type(self).__name__} has no derivatives of order {order}: it has no "
            "tensor; penalised=False leaves the penalties out."
        )

    def kinks(self, w: Array) -> tuple[str, ...]:
        """Name the places without derivatives that w is at, or next to; none by default.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        tuple of str
            A clause for each place, such as "coefs_0 is next to 0". A fit that ends there
            reports it in a warning, and no minimum is claimed.
        """
        return ()


class SeparablePenalty(Penalty):
    """A penalty that is a sum over single parameters: all mixed second derivatives are 0.

    A subclass supplies ``value``, ``gradient`` and ``hessian_diagonal``.

    See Also
    --------
    Penalty : A penalty with mixed second derivatives.
    sknewtonnet.testing.check_penalty : Compare the derivatives of a penalty with differences.
    Objective : The function that penalties are added to; ``alpha`` is its L2 penalty.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import SeparablePenalty
    >>> from sknewtonnet.testing import check_penalty
    >>> class LogCosh(SeparablePenalty):
    ...     def value(self, w):
    ...         return np.log(np.cosh(w)).sum()
    ...
    ...     def gradient(self, w):
    ...         return np.tanh(w)
    ...
    ...     def hessian_diagonal(self, w):
    ...         return 1 / np.cosh(w) ** 2
    >>> check_penalty(LogCosh())
    """

    @abstractmethod
    def hessian_diagonal(self, w: Array) -> Array:
        """Diagonal of the second derivatives, which is all that is not zero.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_parameters,)
            The second derivative in each parameter.
        """

    def derivative(self, w: Array, order: int) -> Array:
        """Differentiate to any order in each parameter; by default to orders 1 and 2.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        order : int
            At least 1.

        Returns
        -------
        ndarray of shape (n_parameters,)
            The derivative of that order in each parameter.

        Raises
        ------
        NotImplementedError
            If the class does not supply that order.
        """
        if order <= 2:
            return self.gradient(w) if order == 1 else self.hessian_diagonal(w)
        raise NotImplementedError(
            f"the penalty {type(self).__name__} has no derivatives of order {order}: it has no "
            "derivative; penalised=False leaves the penalties out."
        )

    def tensor(self, w: Array, order: int, where: Ints) -> Array:
        """Tensor of zeros but for each parameter with itself. See :meth:`Penalty.tensor`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        order : int
            At least 1.
        where : ndarray of int of shape (t,)
            Positions of these parameters in w.

        Returns
        -------
        ndarray of shape (t, ..., t)
            With as many axes as the order.
        """
        found = np.zeros([len(where)] * order)
        found[(np.arange(len(where)),) * order] = self.derivative(w, order)[where]
        return found

    def hessian(self, w: Array) -> Array:
        """Second derivatives as a diagonal matrix. See :meth:`Penalty.hessian`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
            Diagonal.
        """
        return np.diag(self.hessian_diagonal(w))

    def hessian_product(self, w: Array, v: Array) -> Array:
        """The diagonal times directions. See :meth:`Penalty.hessian_product`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        v : ndarray of shape (n_parameters,) or (n_parameters, r)
            One direction, or r of them as columns.

        Returns
        -------
        ndarray of the shape of v
            The diagonal matrix times v.
        """
        return (self.hessian_diagonal(w) * v.T).T


class L2Penalty(SeparablePenalty):
    """penalty(w) = 1/2 sum_p strength_p w_p^2.

    Parameters
    ----------
    strength : ndarray of shape (n_parameters,)
        One strength per parameter, not negative.
    """

    def __init__(self, strength: Array):
        self.strength = strength

    @property
    def ridge(self) -> Array:
        """Its strengths."""
        return self.strength

    def value(self, w: Array) -> float:
        """The penalty at w."""
        return 0.5 * float(np.dot(self.strength * w, w))

    def gradient(self, w: Array) -> Array:
        """Derivative in w, of shape (n_parameters,)."""
        return self.strength * w

    def hessian_diagonal(self, w: Array) -> Array:
        """Second derivatives, the same everywhere."""
        return self.strength

    def derivative(self, w: Array, order: int) -> Array:
        """Zeros above order 2. See :meth:`SeparablePenalty.derivative`."""
        return super().derivative(w, order) if order <= 2 else np.zeros_like(w)


# Norms below this count as 0: their squares underflow.
_ZERO_NORM = 1e-150
# Fits that are drawn to a norm of 0 stop at 1e-14 or so; a layer that does something is larger.
_NEAR_ZERO = 1e-6


@dataclass(frozen=True)
class NormPenalty(Penalty):
    """Norms of the coefficient matrices of the layers ([I] section 3), not squared.

        penalty(w) = strength sum_k ||W^k||,   ||W|| = (sum of squared parameters)^(1/2)

    with gradient  strength W / ||W||  and Hessian  strength (I / ||W|| - W W' / ||W||^3)  of each
    layer, W as a vector: mixed derivatives within a layer are not zero. Unlike a square it does
    not fade near 0, so that a strength that is large enough takes whole layers to exactly 0. A
    parameter that units share counts once, as in the L2 penalty, in the array of its first entry.

    Parameters
    ----------
    strength : float, default=1.0
        The factor of the norms, not negative.
    arrays : sequence of str, default=None
        Names of the arrays whose norms are added. By default "coefs_k" of all linear layers.
    layout : ParameterLayout, default=None
        Where the arrays are; :meth:`on` fills it in.

    Raises
    ------
    ValueError
        If the strength is negative or not finite, or if there is no array of some name.

    See Also
    --------
    Penalty : The base class, for penalties of one's own.
    NormConstraint : Norms that stay within limits, rather than cost something.
    Objective : The function that penalties are added to.

    Notes
    -----
    At W = 0 the norm has no derivative. There the gradient that is returned is 0, the shortest
    subgradient, and so is the Hessian. A fit that is drawn to such a point comes near it and
    stalls. It says so in its warning, ``critical_point_`` is "not stationary" or "inconclusive",
    and the inference names the layer. A value costs O(P), a product O(P); the Hessian is dense.

    References
    ----------
    Iovleff (2004), Exact Calculus of First and Second Derivatives of Arbitrary Feed-Forward
    Neural Networks, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, NormPenalty
    >>> net = Network.mlp(2, (), 1)
    >>> penalty = NormPenalty(2.0).on(net.layout)
    >>> penalty.value(np.array([3.0, 4.0, 7.0]))  # the intercept is free
    10.0
    >>> penalty.gradient(np.array([3.0, 4.0, 7.0]))
    array([1.2, 1.6, 0. ])
    """

    strength: float = 1.0
    arrays: Sequence[str] | None = None
    layout: ParameterLayout | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        number = isinstance(self.strength, Real) and np.isfinite(self.strength)
        if not number or self.strength < 0:
            raise ValueError(f"strength must be finite and not negative, got {self.strength!r}.")
        names = self.arrays is None or isinstance(self.arrays, Sequence)
        if not names or isinstance(self.arrays, str):
            raise ValueError(f"arrays must be a sequence of names, got {self.arrays!r}.")

    def on(self, layout: ParameterLayout) -> NormPenalty:
        """See :meth:`Penalty.on`.

        Parameters
        ----------
        layout : ParameterLayout
            The layout of the net's parameters. An :class:`Objective` passes that of its net.

        Returns
        -------
        NormPenalty
            The same norms, of arrays whose places are known.
        """
        placed = replace(self, layout=layout)
        assert placed._groups is not None  # says now if an array is missing
        return placed

    def depends_on(self, array: str) -> bool:
        """Whether the norm of that array is one of those that are added.

        See :meth:`Penalty.depends_on`.

        Parameters
        ----------
        array : str
            Its name, such as "coefs_0".

        Returns
        -------
        bool
            True for the arrays whose norms are added, and for no others.
        """
        return array in self._groups

    @cached_property
    def _groups(self) -> dict[str, Ints]:
        """Positions in w of the parameters of each array."""
        if self.layout is None:
            raise NotPlaced("the arrays are not known yet: use NormPenalty(...).on(net.layout).")
        shapes, penalised = self.layout.shapes, self.layout.penalised
        names = [n for n in shapes if penalised[n]] if self.arrays is None else self.arrays
        unknown = [name for name in names if name not in shapes]
        if unknown:
            raise ValueError(unknown_name("arrays", unknown[0], shapes, "array"))
        return {name: self.layout.parameters_of(name) for name in names}

    def _parts(self, w: Array) -> Iterator[tuple[Ints, float, Array]]:
        """Position, norm and direction of each array that is not 0."""
        for where in self._groups.values():
            norm = float(np.linalg.norm(w[where]))
            if norm > _ZERO_NORM:
                yield where, norm, w[where] / norm

    def value(self, w: Array) -> float:
        """The penalty at w. See :meth:`Penalty.value`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point, which is not to be written to.

        Returns
        -------
        float
            Not finite where it has no value: a solver then takes another step.
        """
        return self.strength * sum(norm for _, norm, _ in self._parts(w))

    def gradient(self, w: Array) -> Array:
        """The gradient, 0 for an array that is 0. See :meth:`Penalty.gradient`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_parameters,)
            The gradient.
        """
        found = np.zeros_like(w)
        for where, _, direction in self._parts(w):
            found[where] = self.strength * direction
        return found

    def hessian(self, w: Array) -> Array:
        """Second derivatives, zero between layers. See :meth:`Penalty.hessian`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
            Symmetric.
        """
        found = np.zeros((len(w), len(w)))
        for where, norm, direction in self._parts(w):
            bend = np.eye(len(where)) - np.outer(direction, direction)
            found[np.ix_(where, where)] = self.strength / norm * bend
        return found

    def hessian_product(self, w: Array, v: Array) -> Array:
        """Second derivatives times directions, in O(P). See :meth:`Penalty.hessian_product`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        v : ndarray of shape (n_parameters,) or (n_parameters, r)
            One direction, or r of them as columns.

        Returns
        -------
        ndarray of the shape of v
            The matrix of second derivatives times v.
        """
        found = np.zeros_like(v)
        for where, norm, direction in self._parts(w):
            across = v[where] - np.multiply.outer(direction, direction @ v[where])
            found[where] = self.strength / norm * across
        return found

    def tensor(self, w: Array, order: int, where: Ints) -> Array:
        """Tensor of derivatives of (w'w)^(1/2) of each array. See :meth:`Penalty.tensor`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        order : int
            At least 1.
        where : ndarray of int of shape (t,)
            Positions of these parameters in w.

        Returns
        -------
        ndarray of shape (t, ..., t)
            With as many axes as the order.
        """
        found = np.zeros([len(where)] * order)
        for group, norm, _ in self._parts(w):
            own = np.flatnonzero(np.isin(where, group))
            if not len(own):
                continue
            # Of sqrt at the sum of squares, whose derivatives are 2 w, 2 I and no more.
            outer = [
                np.array([[_falling(0.5, m) * norm ** (1 - 2 * m)]]) for m in range(order + 1)
            ]
            unit = w[where[own]]
            inner = [None, 2.0 * unit[None, :, None], 2.0 * np.eye(len(own))[None, :, :, None]]
            part = composed(outer, [*inner, *[None] * order][: order + 1], order)[0]
            found[np.ix_(*[own] * order)] += self.strength * part
        return found

    def kinks(self, w: Array) -> tuple[str, ...]:
        """See :meth:`Penalty.kinks`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        tuple of str
            A clause for each array that is next to 0.
        """
        if not self.strength:
            return ()
        norms = {name: float(np.linalg.norm(w[where])) for name, where in self._groups.items()}
        return tuple(
            f"{name} is next to 0 (norm {norm:.1e})"
            for name, norm in norms.items()
            if norm <= _NEAR_ZERO and len(self._groups[name])
        )


def _falling(x: float, n: int) -> float:
    """The falling factorial x (x - 1) .. (x - n + 1)."""
    return float(np.prod(x - np.arange(n)))


class NotPlaced(AttributeError, ValueError):
    """The penalty is not on a net yet, so it has no positions: an attribute that is not there."""


@dataclass(frozen=True, eq=False)
class WidthPenalty(SeparablePenalty):
    """Divergence of the covariance of each radial unit from a reference covariance.

        penalty = strength sum_j 1/2 [ tr(M_j R) - log det(M_j R) - p ]

    with M_j = U_j U_j' the precision of unit j and R = diag(reference^2): the Kullback-Leibler
    divergence of N(0, M_j^-1) from N(0, R), and the logarithm of a Wishart prior of M_j with
    its mode at R^-1. With t = log(reference / sigma) of a "spherical" or "diag" unit
    each input adds strength (exp(2 t) - 2 t - 1) / 2, near 0 the square of t. It grows without
    bound where a width goes to 0 or to infinity. For "full" and a reference that is the same
    for all inputs it does not change when the inputs are rotated.

    Parameters
    ----------
    form : GaussianForm
        The form of the covariances.
    strength : float
        Its strength, not negative.
    reference : ndarray of shape (n_features,)
        Widths where the penalty is 0, positive.
    layout : ParameterLayout, default=None
        Where the array "precisions_cholesky" is; :meth:`on` fills it in.
    """

    form: GaussianForm
    strength: float
    reference: Array
    layout: ParameterLayout | None = None

    def on(self, layout: ParameterLayout) -> WidthPenalty:
        """See :meth:`Penalty.on`."""
        return replace(self, layout=layout)

    def depends_on(self, array: str) -> bool:
        """Whether it is the array of the covariances. See :meth:`Penalty.depends_on`."""
        return array == "precisions_cholesky"

    @cached_property
    def _places(self) -> Ints:
        """Where in w the parameters of the units are, (s, f), -1 for those that do not exist.

        One that units share counts once: it is -1 in all units but the first.
        """
        if self.layout is None:
            raise NotPlaced("the array is not known yet: use WidthPenalty(...).on(net.layout).")
        places = self.form.free(self.layout.places("precisions_cholesky"), len(self.reference))
        if not self.layout.has_ties:
            return places
        once = np.full(places.size, -1)
        number, first = np.unique(places, return_index=True)
        once[first] = number
        return once.reshape(places.shape)

    def _parts(self, w: Array) -> tuple[Array, ...]:
        """Terms of the parameters that exist, and their derivatives."""
        exist = self._places >= 0
        free = np.where(exist, w[self._places], 0.0)
        parts = self.form.divergence(free, self.reference)
        return tuple(self.strength * part[exist] for part in parts)

    def _spread(self, w: Array, part: Array) -> Array:
        found = np.zeros(len(w))
        found[self._places[self._places >= 0]] = part
        return found

    def value(self, w: Array) -> float:
        """The penalty at w."""
        return float(self._parts(w)[0].sum())

    def gradient(self, w: Array) -> Array:
        """Derivative in w, of shape (n_parameters,)."""
        return self._spread(w, self._parts(w)[1])

    def hessian_diagonal(self, w: Array) -> Array:
        """Second derivatives at w; the mixed ones are zero."""
        return self._spread(w, self._parts(w)[2])

    def derivative(self, w: Array, order: int) -> Array:
        """Of exp(2 t) in the logarithms. See :meth:`SeparablePenalty.derivative`."""
        if order <= 2:
            return super().derivative(w, order)
        logs = np.broadcast_to(self.form.logarithms(len(self.reference)), self._places.shape)
        grown = 2.0 ** (order - 2) * self._parts(w)[2] * logs[self._places >= 0]
        return self._spread(w, grown)


class PenaltySum(Penalty):
    """Several penalties, all divided by one number.

    Parameters
    ----------
    penalties : sequence of Penalty
        What is added.
    divisor : float
        The number, the sum of the sample weights.

    Raises
    ------
    ValueError
        In all methods, if a penalty returns an array of a wrong shape.
    """

    def __init__(self, penalties: Sequence[Penalty], divisor: float):
        self.penalties = tuple(penalties)
        self.divisor = divisor
        self._separable = [p for p in self.penalties if isinstance(p, SeparablePenalty)]
        self._others = [p for p in self.penalties if not isinstance(p, SeparablePenalty)]

    @property
    def others(self) -> PenaltySum | None:
        """The sum of those that are not separable; None if all are."""
        return PenaltySum(self._others, self.divisor) if self._others else None

    def depends_on(self, array: str) -> bool:
        """Whether any of the penalties depends on the array. See :meth:`Penalty.depends_on`."""
        return any(penalty.depends_on(array) for penalty in self.penalties)

    @property
    def ridges(self) -> Array | None:
        """Strengths of those that are ridges, added up; None if there is none."""
        ridges = [ridge for p in self.penalties if (ridge := p.ridge) is not None]
        return sum(ridges[1:], ridges[0]) / self.divisor if ridges else None

    @property
    def is_zero(self) -> bool:
        """Whether there is no penalty at all: ridges of strength 0, and no others."""
        return all(p.ridge is not None and not p.ridge.any() for p in self.penalties)

    def beside_ridge(self, array: str) -> list[Penalty]:
        """Those that depend on an array and are no ridges."""
        return [p for p in self.penalties if p.ridge is None and p.depends_on(array)]

    def value(self, w: Array) -> float:
        """The penalty at w."""
        return sum(float(penalty.value(w)) for penalty in self.penalties) / self.divisor

    def gradient(self, w: Array) -> Array:
        """Derivative in w, of shape (n_parameters,)."""
        found = np.zeros(len(w))
        for penalty in self.penalties:
            found += self._share(penalty, "gradient", penalty.gradient(w), w.shape)
        return found

    def hessian_diagonal(self, w: Array) -> Array:
        """Second derivatives of those that are separable, of shape (n_parameters,)."""
        found = np.zeros(len(w))
        for penalty in self._separable:
            bend = penalty.hessian_diagonal(w)
            found += self._share(penalty, "hessian_diagonal", bend, w.shape)
        return found

    def hessian_of_others(self, w: Array) -> Array | None:
        """Second derivatives of those that are not separable, as a matrix; None if all are."""
        if not self._others:
            return None
        check_hessian_memory(len(w))
        found = np.zeros((len(w), len(w)))
        for penalty in self._others:
            found += self._share(penalty, "hessian", penalty.hessian(w), found.shape)
        return found

    def hessian(self, w: Array) -> Array:
        """Second derivatives at w, of shape (n_parameters, n_parameters)."""
        found = self.hessian_of_others(w)
        if found is None:
            found = np.zeros((len(w), len(w)))
        np.einsum("pp->p", found)[...] += self.hessian_diagonal(w)
        return found

    def hessian_product(self, w: Array, v: Array) -> Array:
        """Second derivatives at w times v, of shape (n_parameters,) or (n_parameters, r)."""
        found = (self.hessian_diagonal(w) * v.T).T
        for penalty in self._others:
            product = penalty.hessian_product(w, v)
            found += self._share(penalty, "hessian_product", product, v.shape)
        return found

    def tensor(self, w: Array, order: int, where: Ints) -> Array:
        """Derivatives of any order in some parameters. See :meth:`Penalty.tensor`."""
        found = np.zeros([len(where)] * order)
        for penalty in self.penalties:
            found += self._share(penalty, "tensor", penalty.tensor(w, order, where), found.shape)
        return found

    def kinks(self, w: Array) -> tuple[str, ...]:
        """The kinks of all penalties. See :meth:`Penalty.kinks`."""
        return tuple(phrase for penalty in self.penalties for phrase in penalty.kinks(w))

    def _share(self, penalty: Penalty, method: str, found: Array, shape: tuple[int, ...]) -> Array:
        if np.shape(found) != shape:
            raise ValueError(
                f"{method} of the penalty {type(penalty).__name__} must return shape {shape}, got "
                f"{np.shape(found)}."
            )
        return found / self.divisor


def listed_penalties(given: Penalty | Sequence[Penalty] | None) -> tuple[Penalty, ...]:
    """Penalties as a tuple: of none, of one, or of several.

    Raises
    ------
    ValueError
        If something else is among them.
    """
    penalties = () if given is None else (given,) if isinstance(given, Penalty) else tuple(given)
    wrong = [penalty for penalty in penalties if not isinstance(penalty, Penalty)]
    if wrong:
        raise ValueError(
            f"penalties must be instances of sknewtonnet.calculus.Penalty, got {wrong[0]!r}."
        )
    return penalties


def l2_penalty(
    layout: ParameterLayout, alpha: float | Sequence[float] | Mapping[str, ArrayLike]
) -> L2Penalty:
    """Spread the strengths a user names over the parameters they belong to.

    Parameters
    ----------
    layout : ParameterLayout
        The layout of the network's parameters.
    alpha : float, sequence of float, or mapping
        One strength for all coefficients; or one per layer; or, by the names of the
        layout's arrays, a number or an array of the array's shape for each group of
        weights (arrays not named are free, intercepts may be named). A shared parameter is
        penalised once, with the strength of its first entry.

    Raises
    ------
    ValueError
        If a strength is negative or not finite, or a name or a shape does not fit.
    """
    full = {name: np.zeros(shape) for name, shape in layout.shapes.items()}
    penalised = [name for name in full if layout.penalised[name]]
    given: Any = alpha
    if isinstance(given, Mapping):
        named = dict(given)
    elif not isinstance(given, Sequence) and np.ndim(given) == 0:
        named = dict.fromkeys(penalised, given)
    elif len(given) == len(penalised):
        named = dict(zip(penalised, given, strict=True))
    else:
        raise ValueError(
            f"alpha has {len(given)} entries, but there are {len(penalised)} layers with "
            f"coefficients: {penalised}; a list has one strength for each."
        )
    for name, strength in named.items():
        if name not in full:
            raise ValueError(unknown_name("alpha", name, full, "array"))
        full[name][...] = _strength(name, strength, full[name].shape)
    return L2Penalty(layout.pack(full))


def _strength(name: str, strength: ArrayLike, shape: tuple[int, ...]) -> Array:
    """Strength of one array, checked."""
    try:
        if np.asarray(strength).dtype.kind in "bSU":
            raise TypeError
        values = np.asarray(strength, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"alpha must be numbers, got {strength!r} for {name!r}.") from None
    if values.shape not in ((), shape):
        raise ValueError(
            f"alpha for {name!r} has shape {values.shape}; it must be a number or "
            f"an array of shape {shape}."
        )
    if not np.isfinite(values).all() or (values < 0).any():
        raise ValueError(
            f"alpha must be finite and not negative, got {values.tolist()} for {name!r}."
        )
    return values
