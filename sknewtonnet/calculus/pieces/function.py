"""A function with derivatives: what solvers minimise and what verdicts are about."""

from abc import ABC, abstractmethod

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.pieces.memory import check_hessian_memory

# The Hessian, and the approximations of it that bear names of their own.
HESSIAN_KINDS = ("exact", "block", "lagrangian", "gauss-newton")
# Those of which a net has products without forming a matrix.
PRODUCT_KINDS = ("exact", "gauss-newton")

# Decorates what is worked out at any point: solvers probe far ones on purpose, and look at what
# comes back. An overflow there is infinite or no number, and no warning.
may_overflow = np.errstate(over="ignore", invalid="ignore")


class SmoothFunction(ABC):
    """A function f of P parameters with its derivatives.

    A subclass supplies ``n_parameters``, ``value`` and ``gradient``; for second-order methods also
    ``hessian`` or ``hessian_product``, each of which by default follows from the other.

    Attributes
    ----------
    n_parameters : int
        P, the length of w.
    hessian_kinds : tuple of str
        The values of ``kind`` that ``hessian`` knows, of "exact", "block", "lagrangian" and
        "gauss-newton"; by default "exact" alone.
    product_cost : int
        Cost of a Hessian-vector product, as a number of gradients; 1 by default.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import SmoothFunction
    >>> from sknewtonnet.solvers import get_solver
    >>> class Bowl(SmoothFunction):
    ...     n_parameters = 2
    ...
    ...     def value(self, w):
    ...         return 0.5 * float(w @ w)
    ...
    ...     def gradient(self, w):
    ...         return w
    ...
    ...     def hessian(self, w, kind="exact"):
    ...         return np.eye(2)
    >>> get_solver("newton").minimize(Bowl(), np.array([1.0, -2.0])).converged
    True
    """

    n_parameters: int
    hessian_kinds: tuple[str, ...] = ("exact",)
    product_cost: int = 1

    @abstractmethod
    def value(self, w: Array) -> float:
        """The function f(w).

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        float
            Not finite where f has no value: a solver then takes another step.
        """

    @abstractmethod
    def gradient(self, w: Array) -> Array:
        """Gradient of f.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_parameters,)
        """

    def value_and_gradient(self, w: Array) -> tuple[float, Array]:
        """Value and gradient, for functions that have both from one pass.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        tuple of float and ndarray of shape (n_parameters,)
        """
        return self.value(w), self.gradient(w)

    def hessian(self, w: Array, kind: str = "exact") -> Array:
        """Second derivatives of f; by default P products.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        kind : str, default="exact"
            One of ``hessian_kinds``.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
            Symmetric.

        Raises
        ------
        NotImplementedError
            If the class has no ``hessian_product`` either.
        MemoryError
            If the matrix would not fit; nothing is allocated before.
        """
        if not self.has_second_derivatives():
            raise NotImplementedError(
                f"{type(self).__name__} has neither hessian nor hessian_product."
            )
        check_hessian_memory(self.n_parameters)
        return np.asarray(self.hessian_product(w, np.eye(self.n_parameters), kind))

    def hessian_product(self, w: Array, v: Array, kind: str = "exact") -> Array:
        """Second derivatives of f times directions; by default with the whole Hessian.

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
        """
        return self.hessian(w, kind) @ v

    def curvature(self, w: Array, d: Array) -> float:
        """Second derivative d'Hd along a direction, from one product.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        d : ndarray of shape (n_parameters,)
            The direction, of any length.

        Returns
        -------
        float
        """
        return float(d @ self.hessian_product(w, d))

    def has_second_derivatives(self) -> bool:
        """Whether the class gives ``hessian`` or ``hessian_product``.

        Returns
        -------
        bool
        """
        given, base = type(self), SmoothFunction
        return given.hessian is not base.hessian or (
            given.hessian_product is not base.hessian_product
        )

    def invariant_directions(self) -> Array:
        """Directions along which f is constant wherever it stands.

        Returns
        -------
        ndarray of shape (n_parameters, n_directions)
            Orthonormal columns; none by default.
        """
        return np.empty((self.n_parameters, 0))

    def parameter_names(self) -> tuple[str, ...]:
        """Names of the parameters, for what is told of directions.

        Returns
        -------
        tuple of str
            "w[0]", "w[1]", ... by default.
        """
        return tuple(f"w[{j}]" for j in range(self.n_parameters))

    def kinks(self, w: Array) -> tuple[str, ...]:
        """Points without derivatives that w is at, or next to.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        tuple of str
            A clause for each; none by default.
        """
        return ()

    def is_finite(self, w: Array) -> bool:
        """Whether f and its gradient are finite, so that a solver can start there.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        bool
        """
        with np.errstate(all="ignore"):
            value, gradient = self.value_and_gradient(w)
        return bool(np.isfinite(value) and np.isfinite(gradient).all())

    def why_not_finite(self, w: Array) -> str:
        """What is to blame where f or a derivative of it is not finite.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            Such a point.

        Returns
        -------
        str
            A main clause for messages; by default one that knows no parts.
        """
        return "the function or a derivative of it is not finite"

    def scale(self) -> float | None:
        """A typical size of f, against which a gain is small or not.

        Returns
        -------
        float or None
            None, the default, if no such size is known.
        """
        return None

    def reduced(self) -> "EmbeddedFunction | None":
        """Return f with some parameters at their best values, given the others.

        Returns
        -------
        EmbeddedFunction or None
            With the same minima in fewer parameters; None, the default, if there is no such
            form in closed form.
        """
        return None

    def projected(self, w: Array) -> "EmbeddedFunction | None":
        """Return f with some parameters at their best values, which iterations find.

        It follows valleys of f that bend, where f itself lets steps be small alone.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            Where those parameters begin.

        Returns
        -------
        EmbeddedFunction or None
            With the same minima in fewer parameters; None, the default, if there is no such form.
        """
        return None

    def why_not_reduced(self) -> str:
        """The one reason why :meth:`reduced` is None, where a closed form is expected.

        Returns
        -------
        str
            A main clause for messages; empty, the default, if there is nothing to say.
        """
        return ""

    def output_squares(self) -> "SmoothFunction | None":
        """Return 1/2 sum_o f_o^2, where f = sum_o f_o is a sum over several outputs.

        Returns
        -------
        SmoothFunction or None
            None, the default, if f is one part: then it is f^2 / 2.

        Raises
        ------
        ValueError
            If f has outputs, but parts of another form.
        """
        return None


class EmbeddedFunction(SmoothFunction):
    """A function of fewer parameters u, each of which stands for a point w of another."""

    @abstractmethod
    def expand(self, u: Array) -> Array:
        """The point w that u stands for.

        Parameters
        ----------
        u : ndarray of shape (n_parameters,)
            Parameters of this function.

        Returns
        -------
        ndarray
            Parameters of the other function.
        """

    @abstractmethod
    def restrict(self, w: Array) -> Array:
        """The u that comes nearest to a point w.

        Parameters
        ----------
        w : ndarray
            Parameters of the other function.

        Returns
        -------
        ndarray of shape (n_parameters,)
            Parameters of this function.
        """
