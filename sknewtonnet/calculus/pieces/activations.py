"""Activation functions: value and derivatives of one function in one class.

An activation h acts elementwise on the pre-activations a of a layer. A new one
is a class with :meth:`Activation.derivatives` and one line in ``ACTIVATIONS``, where the tests
find it; :func:`sknewtonnet.testing.check_activation` names a derivative that is wrong.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache, partial
from math import factorial
from typing import ClassVar

import numpy as np
from numpy.polynomial import hermite_e, polynomial
from scipy.special import ndtr

from sknewtonnet._names import must_be_one_of
from sknewtonnet._typing import Array, Ints


class Activation(ABC):
    """An elementwise function h with its derivatives.

    A subclass supplies ``derivatives``, and all derivatives of a net follow from it. An exact
    Hessian takes h, h' and h''.

    Attributes
    ----------
    name : str
        The name under which a registry or an error message knows it.
    smooth : bool
        Whether h is twice continuously differentiable. Where it is not (the kink of
        relu), the derivatives are those of the branch the point lies in.
    monotonic : bool
        Whether h never falls.
    parity : {-1, 0, 1}
        Whether h(-a) = -h(a), neither, or h(-a) = h(a).
    for_distances : bool
        Whether h is made for pre-activations that are not negative, such as the squared distances
        of radial units: in a linear layer it is unbounded.
    max_order : int or None
        The highest order that :meth:`derivatives` offers; None stands for any order.
    bounds : tuple of float
        Values between which h stays: targets of an output layer should lie there.

    See Also
    --------
    get_activation : Activations by their names.
    Linear : A layer that applies one to each unit.
    sknewtonnet.testing.check_activation :
        Compare the derivatives of an activation with differences.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Activation
    >>> from sknewtonnet.testing import check_activation
    >>> class Square(Activation):
    ...     name = "square"
    ...     parity = 1
    ...
    ...     def derivatives(self, a, order=2):
    ...         return (a * a, 2.0 * a, np.full_like(a, 2.0))[: order + 1]
    >>> check_activation(Square())
    >>> Square().value(np.array([-1.0, 3.0]))
    array([1., 9.])
    """

    name: ClassVar[str] = "unnamed"
    smooth: ClassVar[bool] = True
    monotonic: ClassVar[bool] = False
    parity: ClassVar[int] = 0
    for_distances: ClassVar[bool] = False
    max_order: ClassVar[int | None] = 2
    bounds: ClassVar[tuple[float, float]] = (-np.inf, np.inf)

    @abstractmethod
    def derivatives(self, a: Array, order: int = 2) -> tuple[Array, ...]:
        """Value and derivatives up to an order, in one pass.

        Parameters
        ----------
        a : ndarray of any shape
            Pre-activations. They are not written to.
        order : int, default=2
            The highest derivative wanted; at least 0, at most ``max_order``.

        Returns
        -------
        tuple of order + 1 ndarrays
            ``h(a), h'(a), ..., h^(order)(a)``, each a new array of a's shape.
        """

    def value(self, a: Array) -> Array:
        """The function itself, h(a).

        Parameters
        ----------
        a : ndarray of any shape
            Pre-activations. They are not written to.

        Returns
        -------
        ndarray of the shape of a
            The values h(a).
        """
        return self.derivatives(a, 0)[0]

    def forward(self, a: Array, value: Array, slope: Array) -> None:
        """Write h(a) and h'(a) into two given arrays.

        Override it only where that saves temporaries that :meth:`derivatives` makes.

        Parameters
        ----------
        a : ndarray of any shape
            Pre-activations. They are not written to.
        value : ndarray of the shape of a
            Receives h(a).
        slope : ndarray of the shape of a
            Receives h'(a).
        """
        value[...], slope[...] = self.derivatives(a, 1)

    def curvature(self, value: Array, slope: Array) -> Array | None:
        """Second derivative h''(a) as a function of h(a) and h'(a), if there is a formula.

        Parameters
        ----------
        value : ndarray of any shape
            Values h(a).
        slope : ndarray of the shape of value
            Slopes h'(a).

        Returns
        -------
        ndarray of the shape of value, or None
            Second derivatives h''(a). None, the default, if they have to be computed from a.
        """
        return None

    def inverse(self, value: Array) -> Array:
        """Where h has some values: the raw predictions of given outputs.

        Parameters
        ----------
        value : ndarray of any shape
            Values h(a).

        Returns
        -------
        ndarray of the shape of value
            The pre-activations a, not finite where there are none. NaN, the default, if h has no
            inverse, or none is known; output layers then start at 0.
        """
        return np.full_like(value, np.nan)

    def groups(self, n_units: int) -> list[tuple[Activation, Ints]]:
        """The functions of the units of a layer, and which units have them.

        Parameters
        ----------
        n_units : int
            Number of units.

        Returns
        -------
        list of tuple of Activation and ndarray of int
            One entry, itself and all units, unless units have functions of their own.
        """
        return [(self, np.arange(n_units))]

    def of_unit(self, unit: int) -> Activation:
        """The function of one unit of a layer.

        Parameters
        ----------
        unit : int
            Its number.

        Returns
        -------
        Activation
            Itself, unless units have functions of their own.
        """
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Identity(Activation):
    """h(a) = a."""

    name = "identity"
    monotonic = True
    parity = -1
    max_order = None

    def derivatives(self, a: Array, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Activation.derivatives`."""
        constants = [np.ones_like(a)] + [np.zeros_like(a) for _ in range(order - 1)]
        return (a.copy(), *constants[:order])

    def inverse(self, value: Array) -> Array:
        """See :meth:`Activation.inverse`."""
        return value.copy()


@lru_cache
def _autonomous_polynomials(equation: tuple[float, ...], order: int) -> list[Array]:
    """Coefficients in h of h'' / h', ..., h^(order) / h', if h' = equation(h).

    By the chain rule, h^(n+1) = p_n'(h) h' for h^(n) = p_n(h).
    """
    right_hand_side = np.array(equation)
    found: list[Array] = []
    last = right_hand_side
    while len(found) < order - 1:
        found.append(polynomial.polyder(last))
        last = polynomial.polymul(found[-1], right_hand_side)
    return found


def _higher(equation: tuple[float, ...], h: Array, first: Array, order: int) -> list[Array]:
    """Derivatives of orders 3, 4, ..., from h and h'; the factor h' keeps the digits of tails."""
    polynomials = _autonomous_polynomials(equation, order)[1:]
    return [first * polynomial.polyval(h, c) for c in polynomials]


class Tanh(Activation):
    """h(a) = tanh(a), with h' = 1 - h^2."""

    name = "tanh"
    monotonic = True
    parity = -1
    max_order = None
    bounds = (-1.0, 1.0)

    def derivatives(self, a: Array, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Activation.derivatives`."""
        h = np.tanh(a)
        found = [h]
        if order >= 1:
            first = h * h
            np.subtract(1.0, first, out=first)
            found.append(first)
        if order >= 2:
            second = h * first
            second *= -2.0
            found.append(second)
        if order >= 3:
            found.extend(_higher((1.0, 0.0, -1.0), h, first, order))
        return tuple(found)

    def forward(self, a: Array, value: Array, slope: Array) -> None:
        """See :meth:`Activation.forward`."""
        np.tanh(a, out=value)
        np.multiply(value, value, out=slope)
        np.subtract(1.0, slope, out=slope)

    def inverse(self, value: Array) -> Array:
        """See :meth:`Activation.inverse`."""
        return np.arctanh(value)

    def curvature(self, value: Array, slope: Array) -> Array:
        """See :meth:`Activation.curvature`."""
        second = value * slope
        second *= -2.0
        return second


@lru_cache
def _eulerian(n: int) -> tuple[int, ...]:
    """Eulerian numbers with alternating signs, (-1)^k A(n, k) for k < n.

    With r = 1 - h the logistic function has h' = h r, r' = -h r, and by induction
    h^(n) = h r sum_k (-1)^k A(n, k) h^k r^(n-1-k): no digit is lost in either tail.
    """
    found = [1]
    for m in range(2, n + 1):
        above = [0, *found, 0]
        found = [(k + 1) * above[k + 1] - (m - k) * above[k] for k in range(m)]
    return tuple(found)


class Logistic(Activation):
    """h(a) = 1 / (1 + exp(-a)), with h' = h - h^2."""

    name = "logistic"
    monotonic = True
    max_order = None
    bounds = (0.0, 1.0)

    def derivatives(self, a: Array, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Activation.derivatives`."""
        h, first = np.empty_like(a), np.empty_like(a)
        self.forward(a, h, first)
        found = [h, first][: order + 1]
        if order >= 2:
            found.append(self.curvature(h, first))
        if order >= 3:
            rest = first / h
            for n in range(3, order + 1):
                terms = enumerate(_eulerian(n))
                found.append(first * sum(c * h**k * rest ** (n - 1 - k) for k, c in terms))
        return tuple(found)

    def forward(self, a: Array, value: Array, slope: Array) -> None:
        """See :meth:`Activation.forward`."""
        # With u = exp(-a) all digits are kept in both tails: h = 1 / (1 + u), h' = u h h.
        np.maximum(a, -709.0, out=slope)  # where u would overflow, h is 0
        np.negative(slope, out=slope)
        np.exp(slope, out=slope)
        np.add(slope, 1.0, out=value)
        np.divide(1.0, value, out=value)
        slope *= value
        slope *= value

    def inverse(self, value: Array) -> Array:
        """See :meth:`Activation.inverse`."""
        return np.log(value) - np.log1p(-value)

    def curvature(self, value: Array, slope: Array) -> Array:
        """See :meth:`Activation.curvature`."""
        second = value * -2.0
        second += 1.0
        second *= slope
        return second


class ReLU(Activation):
    """h(a) = max(a, 0); at the kink, the derivatives of the left branch."""

    name = "relu"
    monotonic = True
    smooth = False
    bounds = (0.0, np.inf)

    def derivatives(self, a: Array, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Activation.derivatives`."""
        first = (a > 0).astype(a.dtype)
        return (np.maximum(a, 0.0), first, np.zeros_like(a))[: order + 1]

    def inverse(self, value: Array) -> Array:
        """See :meth:`Activation.inverse`."""
        return np.where(value >= 0.0, value, np.nan)


class Softplus(Activation):
    """h(a) = log(1 + exp(a)), whose derivative is the logistic function."""

    name = "softplus"
    monotonic = True
    max_order = None
    bounds = (0.0, np.inf)

    def derivatives(self, a: Array, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Activation.derivatives`."""
        value = np.log1p(np.exp(-np.abs(a)))
        value += np.maximum(a, 0.0)
        if order == 0:
            return (value,)
        return (value, *Logistic().derivatives(a, order - 1))

    def inverse(self, value: Array) -> Array:
        """See :meth:`Activation.inverse`."""
        return value + np.log(-np.expm1(-value))


class ELU(Activation):
    """h(a) = a for a > 0, exp(a) - 1 elsewhere; h'' jumps from 1 to 0 at a = 0."""

    name = "elu"
    monotonic = True
    smooth = False
    bounds = (-1.0, np.inf)

    def derivatives(self, a: Array, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Activation.derivatives`."""
        positive = a > 0
        below = np.minimum(a, 0.0)
        decay = np.exp(below)
        value = np.where(positive, a, np.expm1(below))
        first = np.where(positive, 1.0, decay)
        return (value, first, np.where(positive, 0.0, decay))[: order + 1]

    def inverse(self, value: Array) -> Array:
        """See :meth:`Activation.inverse`."""
        return np.where(value > 0.0, value, np.log1p(np.minimum(value, 0.0)))


class GELU(Activation):
    """h(a) = a Phi(a) with the exact normal distribution function Phi.

    With phi^(n) = (-1)^n He_n phi, He_n the Hermite polynomials of the normal density, follows
    h^(n) = a phi^(n-1) + n phi^(n-2) = (-1)^(n-1) (He_n - He_(n-2)) phi for n >= 2.
    """

    name = "gelu"
    max_order = None
    bounds = (-0.17, np.inf)

    def derivatives(self, a: Array, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Activation.derivatives`."""
        square = a * a
        density = np.exp(-0.5 * square) / np.sqrt(2.0 * np.pi)
        distribution = ndtr(a)
        value = a * distribution
        found = [value, distribution + a * density, density * (2.0 - square)][: order + 1]
        # Beyond 40 the density is 0; a power of a, which may overflow, must not make it NaN.
        near = np.clip(a, -40.0, 40.0)
        for n in range(3, order + 1):
            c = np.zeros(n + 1)
            c[n], c[n - 2] = 1.0, -1.0
            found.append(-((-1.0) ** n) * density * hermite_e.hermeval(near, c))
        return tuple(found)


class SiLU(Activation):
    """h(a) = a s(a) with s = 1 / (1 + exp(-a)), so that h^(n) = n s^(n-1) + a s^(n)."""

    name = "silu"
    max_order = None
    bounds = (-0.2785, np.inf)

    def derivatives(self, a: Array, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Activation.derivatives`."""
        s = Logistic().derivatives(a, order)
        return (a * s[0], *(n * s[n - 1] + a * s[n] for n in range(1, order + 1)))


class Softsign(Activation):
    """h(a) = a / (1 + |a|); h'' jumps from 2 to -2 at a = 0, where it is taken as 0.

    h^(n)(a) = n! (-sign(a))^(n-1) / (1 + |a|)^(n+1); all even ones jump.
    """

    name = "softsign"
    monotonic = True
    parity = -1
    smooth = False
    max_order = None
    bounds = (-1.0, 1.0)

    def derivatives(self, a: Array, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Activation.derivatives`."""
        scale = 1.0 / (1.0 + np.abs(a))
        found, power, turn = [a * scale], scale, -np.sign(a)
        for n in range(1, order + 1):
            power = power * scale
            found.append(factorial(n) * (power if n % 2 else power * turn))
        return tuple(found)

    def inverse(self, value: Array) -> Array:
        """See :meth:`Activation.inverse`."""
        return value / (1.0 - np.abs(value))


class Arctan(Activation):
    """h(a) = arctan(a).

    From 1 / (1 + a^2) = Im 1 / (a - i) follows
    h^(n)(a) = (-1)^(n-1) (n-1)! Im (a - i)^(-n).
    """

    name = "arctan"
    monotonic = True
    parity = -1
    max_order = None
    bounds = (-0.5 * np.pi, 0.5 * np.pi)

    def derivatives(self, a: Array, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Activation.derivatives`."""
        found = [np.arctan(a)]
        if order >= 1:
            found.append(1.0 / (1.0 + a * a))
        if order >= 2:
            found.append(-2.0 * a * found[1] ** 2)
        for n in range(3, order + 1):
            sign = -1.0 if n % 2 == 0 else 1.0
            found.append(sign * factorial(n - 1) * ((a - 1j) ** -n).imag)
        return tuple(found)

    def inverse(self, value: Array) -> Array:
        """See :meth:`Activation.inverse`."""
        return np.tan(value)


class Sine(Activation):
    """h(a) = sin(a)."""

    name = "sine"
    parity = -1
    max_order = None
    bounds = (-1.0, 1.0)

    def derivatives(self, a: Array, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Activation.derivatives`."""
        sin = np.sin(a)
        if order == 0:
            return (sin,)
        cos = np.cos(a)
        cycle = (sin, cos, -sin, -cos)
        return tuple(cycle[n % 4] if n < 4 else cycle[n % 4].copy() for n in range(order + 1))


class Gaussian(Activation):
    """h(a) = exp(-a^2), with h^(n+1) = -2 a h^(n) - 2 n h^(n-1)."""

    name = "gaussian"
    parity = 1
    max_order = None
    bounds = (0.0, 1.0)

    def derivatives(self, a: Array, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Activation.derivatives`."""
        found = [np.exp(-(a * a))]
        if order >= 1:
            found.append(-2.0 * a * found[0])
        for n in range(1, order):
            found.append(-2.0 * a * found[n] - 2.0 * n * found[n - 1])
        return tuple(found)


class SquaredExponential(Activation):
    """h(a) = exp(-a / 2) of a squared distance a, with h^(n) = (-1/2)^n h."""

    name = "squared_exponential"
    for_distances = True
    max_order = None
    bounds = (0.0, np.inf)

    def derivatives(self, a: Array, order: int = 2) -> tuple[Array, ...]:
        """See :meth:`Activation.derivatives`."""
        h = np.exp(-0.5 * a)
        return (h, *((-0.5) ** n * h for n in range(1, order + 1)))

    def forward(self, a: Array, value: Array, slope: Array) -> None:
        """See :meth:`Activation.forward`."""
        np.multiply(a, -0.5, out=value)
        np.exp(value, out=value)
        np.multiply(value, -0.5, out=slope)

    def curvature(self, value: Array, slope: Array) -> Array:
        """See :meth:`Activation.curvature`."""
        return -0.5 * slope


ACTIVATIONS: dict[str, Activation] = {
    kind.name: kind()
    for kind in (
        Identity,
        Logistic,
        Tanh,
        ReLU,
        Softplus,
        ELU,
        GELU,
        SiLU,
        Softsign,
        Arctan,
        Sine,
        Gaussian,
        SquaredExponential,
    )
}


def _probe(activation: Activation) -> None:
    """Raise if derivatives of a tiny array are malformed, change it, or contradict the hooks."""
    a = np.array([[-1.0, 0.5, 2.0], [0.1, -0.2, 0.3]])
    for order in range(3):
        given = a.copy()
        found = activation.derivatives(given, order)
        if not isinstance(found, tuple | list) or any(
            not isinstance(array, np.ndarray) or array.dtype.kind != "f" for array in found
        ):
            raise ValueError(
                f"activation {activation.name!r}: derivatives(a, {order}) must return a tuple of "
                f"arrays of real numbers, got {found!r}."
            )
        shapes = [np.shape(array) for array in found]
        if shapes != [a.shape] * (order + 1):
            raise ValueError(
                f"activation {activation.name!r}: derivatives(a, {order}) must return "
                f"{order + 1} arrays of a's shape {a.shape}, got {len(shapes)} of shapes {shapes}."
            )
        if not np.array_equal(given, a):
            raise ValueError(
                f"activation {activation.name!r}: derivatives writes to its argument."
            )
    # A subclass of tanh, say, may change the derivatives and inherit what no longer fits.
    value, slope = np.empty_like(a), np.empty_like(a)
    activation.forward(a.copy(), value, slope)
    second = activation.curvature(value, slope)
    exact = activation.derivatives(a.copy(), 2)
    hooks = (value, slope, exact[2] if second is None else second)
    same = partial(np.allclose, rtol=1e-9, equal_nan=True)
    if not all(same(hook, one) for hook, one in zip(hooks, exact, strict=True)):
        raise ValueError(
            f"activation {activation.name!r}: forward or curvature disagree with derivatives; "
            "override them as well, or derive from Activation."
        )


def get_activation(activation: str | Activation) -> Activation:
    """Return the activation with a given name, or the object itself.

    For code of one's own that takes a name or an object, as the estimators do.

    Parameters
    ----------
    activation : str or Activation
        A key of ``ACTIVATIONS``, or an object.

    Returns
    -------
    Activation
        The object.

    Raises
    ------
    ValueError
        If the name is unknown, the object is no :class:`Activation`, or it does not return
        arrays of the shape of its argument.

    See Also
    --------
    ACTIVATIONS : The activations by name.
    Activation : The base class, for activations of one's own.
    get_loss : The same for losses.

    Examples
    --------
    >>> from sknewtonnet.calculus import get_activation
    >>> get_activation("tanh")
    Tanh()
    """
    return named_activation("activation", activation)


def named_activation(argument: str, activation: str | Activation) -> Activation:
    """See :func:`get_activation`, with messages about an argument of some name."""
    if isinstance(activation, Activation):
        if ACTIVATIONS.get(activation.name) is not activation:
            _probe(activation)
        return activation
    if isinstance(activation, str) and activation in ACTIVATIONS:
        return ACTIVATIONS[activation]
    also = "an instance of sknewtonnet.calculus.Activation"
    raise ValueError(must_be_one_of(argument, activation, sorted(ACTIVATIONS), also))
