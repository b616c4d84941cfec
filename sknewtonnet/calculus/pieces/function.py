"""A function with derivatives: what solvers minimise and what verdicts are about."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar

import numpy as np

from sknewtonnet._tables import Worded, counted
from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.pieces.memory import check_hessian_memory

# The Hessian, and the approximations of it that bear names of their own.
HESSIAN_KINDS = ("exact", "block", "lagrangian", "gauss-newton")
# Those that have blocks of each unit with itself, and nothing else of the loss.
BLOCK_KINDS = ("block", "lagrangian")
# Those of which a net has products without forming a matrix.
PRODUCT_KINDS = ("exact", "gauss-newton")

# numpy fills its buffers with rows that fit them together, even where nothing needs a buffer:
# products of a column and a row, or of rows of a longer array, then take two to three times as
# long. In buffers this small (a number of entries) no rows of samples fit.
_BUFFER = 64

Given = ParamSpec("Given")
Found = TypeVar("Found")


def may_overflow(function: Callable[Given, Found]) -> Callable[Given, Found]:
    """Decorates what is worked out at any point, in passes over samples.

    Solvers probe far points on purpose, and look at what comes back: an overflow there is
    infinite or no number, and no warning. Buffers of numpy are small meanwhile.
    """

    @wraps(function)
    def at_any_point(*args: Given.args, **kwargs: Given.kwargs) -> Found:
        with np.errstate(over="ignore", invalid="ignore"):  # gives back the buffers' size, too
            np.setbufsize(_BUFFER)
            return function(*args, **kwargs)

    return at_any_point


class SmoothFunction(Worded, ABC):
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

    See Also
    --------
    Objective : The loss of a net on data, with all of these derivatives.
    sknewtonnet.solvers.get_solver : Solvers that minimise such a function.
    critical_point : What kind of point a run has ended at.

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

    def _in_words(self) -> str:
        return f"of {counted(self.n_parameters, 'parameter')}"

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
        """First derivatives of f.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_parameters,)
            The gradient.
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
            Value and gradient; by default from :meth:`value` and :meth:`gradient`.
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
            The matrix of that kind times v.
        """
        H, shape = self.hessian(w, kind), (self.n_parameters, self.n_parameters)
        if np.shape(H) != shape:
            raise ValueError(
                f"hessian of {type(self).__name__} must return shape {shape}, got {np.shape(H)}."
            )
        return H @ v

    def residual_matrix(self, w: Array) -> Array:
        """What the Gauss-Newton matrix leaves of the Hessian, S = H - J'LJ.

        For squared errors with residuals r_io, Jacobian J and weights s_i,
        S = 1/S_w sum_i s_i sum_o r_io (D2 raw_io) with S_w the sum of the weights: the residual
        matrix of nonlinear least squares, G = J'J + S of [G] section 2.2. It is small where
        residuals are small, or the net nearly linear in its parameters.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
            ``hessian(w) - hessian(w, "gauss-newton")``, symmetric. As a difference it is right to
            1e-15 of the largest entry of H.

        Raises
        ------
        NotImplementedError
            If the function has no Gauss-Newton matrix.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet.calculus import Network, Objective
        >>> X = np.array([[-1.0], [1.0]])
        >>> linear = Objective(Network.mlp(1, (), 1), "squared_error", X, X[:, 0] ** 3)
        >>> linear.residual_matrix(np.array([5.0, 7.0])).tolist()
        [[0.0, 0.0], [0.0, 0.0]]
        """
        if "gauss-newton" not in self.hessian_kinds:
            raise NotImplementedError(
                f"{type(self).__name__} has hessian_kinds={self.hessian_kinds}, and no residual "
                "matrix without 'gauss-newton'."
            )
        return self.hessian(w) - self.hessian(w, "gauss-newton")

    def curvature(self, w: Array, d: Array, kind: str = "exact") -> float:
        """Second derivative d'Hd along a direction, from one product.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        d : ndarray of shape (n_parameters,)
            The direction, of any length.
        kind : str, default="exact"
            As in :meth:`hessian`; "block" and "lagrangian" form the matrix.

        Returns
        -------
        float
            The curvature, |d|^2 times that along a unit vector.
        """
        if kind in PRODUCT_KINDS:
            return float(d @ self.hessian_product(w, d, kind))
        return float(d @ self.hessian(w, kind) @ d)

    def block_positions(self) -> list[Ints] | None:
        """Where the parameters of each of :meth:`hessian_blocks` are.

        Returns
        -------
        list of ndarray of int of shape (n_blocks, size), or None
            Positions in w, each in one block at most; -1 for an entry of a block that is no
            parameter. None, the default, for a function without blocks.
        """
        return None

    def hessian_blocks(self, w: Array, kind: str = "block") -> list[Array]:
        """Second derivatives of groups of parameters, such as those of each unit, with themselves.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        kind : str, default="block"
            "block" for those of the Hessian.

        Returns
        -------
        list of ndarray of shape (n_blocks, size, size)
            Symmetric, stacks of blocks of one size, as in :meth:`block_positions`.

        Raises
        ------
        NotImplementedError
            If the function has no blocks.
        """
        raise NotImplementedError(f"{type(self).__name__} has no hessian_blocks.")

    def has_second_derivatives(self) -> bool:
        """Whether the class gives ``hessian`` or ``hessian_product``.

        Returns
        -------
        bool
            True if at least one of them is there; the other follows from it.
        """
        given, base = type(self), SmoothFunction
        return given.hessian is not base.hessian or (
            given.hessian_product is not base.hessian_product
        )

    def invariant_directions(self) -> Array:
        """Find the directions along which f is constant wherever it stands.

        Returns
        -------
        ndarray of shape (n_parameters, n_directions)
            Orthonormal columns; none by default.
        """
        return np.empty((self.n_parameters, 0))

    def parameter_names(self) -> tuple[str, ...]:
        """Name the parameters, for what is told of directions.

        Returns
        -------
        tuple of str
            "w[0]", "w[1]", ... by default.
        """
        return tuple(f"w[{j}]" for j in range(self.n_parameters))

    def kinks(self, w: Array) -> tuple[str, ...]:
        """Name the points without derivatives that w is at, or next to.

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
            True if the value and all entries of the gradient are finite numbers.
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

    def reduced(self) -> EmbeddedFunction | None:
        """Return f with some parameters at their best values, given the others.

        Returns
        -------
        EmbeddedFunction or None
            With the same minima in fewer parameters; None, the default, if there is no such
            form in closed form.
        """
        return None

    def projected(self, w: Array) -> EmbeddedFunction | None:
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

    def output_parts(self) -> OutputParts | None:
        """The parts of which f is the sum, one for each output of a net.

        Returns
        -------
        OutputParts or None
            None, the default, if f is one part.
        """
        return None

    def batches(self, n_batches: int, rng: np.random.Generator) -> list[Block] | None:
        """Split the rows of data that f is a sum over.

        Parameters
        ----------
        n_batches : int
            Number of parts, of about equal numbers of rows.
        rng : numpy.random.Generator
            Which rows go together.

        Returns
        -------
        list of Block, or None
            Blocks with f = sum_b share_b function_b. None, the default, if f is no sum over rows.

        Raises
        ------
        ValueError
            If there are fewer rows than batches.
        """
        return None


class OutputParts(ABC):
    """Parts c_o of a function f = sum_o c_o, with their derivatives.

    Attributes
    ----------
    n_parts : int
        Number of parts, O.
    """

    n_parts: int

    @abstractmethod
    def values(self, w: Array) -> Array:
        """The parts c_o.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_parts,)
        """

    @abstractmethod
    def jacobian(self, w: Array) -> Array:
        """Gradients of the parts.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_parts, n_parameters)
        """

    @abstractmethod
    def hessian(self, w: Array, factors: Array) -> Array:
        """Sum of factors_o D2 c_o.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        factors : ndarray of shape (n_parts,)
            The factors.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
        """

    @abstractmethod
    def hessian_product(self, w: Array, v: Array, factors: Array) -> Array:
        """Sum of factors_o D2 c_o, times directions.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        v : ndarray of shape (n_parameters,) or (n_parameters, r)
            One direction, or r of them as columns.
        factors : ndarray of shape (n_parts,)
            The factors.

        Returns
        -------
        ndarray of the shape of v
        """


@dataclass(frozen=True, eq=False)
class Block:
    """One block of a function f = sum_b share_b function_b, such as a batch of rows.

    Solvers that take a step for each batch of rows (``n_batches``) are made of these.

    Parameters
    ----------
    share : float
        Its weight in the sum; the shares of all blocks sum to 1.
    function : SmoothFunction
        The mean over the rows of the block, with the penalty of f.

    See Also
    --------
    SmoothFunction.batches : The method that makes them.
    BlockSource : Blocks of rows that are not in memory.
    sknewtonnet.solvers.OptimalStepSolver : A solver that takes its steps batch by batch.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> X = np.linspace(-1.0, 1.0, 10)[:, None]
    >>> f = Objective(Network.mlp(1, (2,), 1), "squared_error", X, X[:, 0], alpha=0.1)
    >>> blocks, w = f.batches(3, np.random.default_rng(0)), np.ones(7)
    >>> [block.function.n_samples for block in blocks]
    [4, 3, 3]
    >>> total = sum(block.share * block.function.gradient(w) for block in blocks)
    >>> np.allclose(total, f.gradient(w))
    True
    """

    share: float
    function: SmoothFunction


class FunctionOf(SmoothFunction):
    """A function of the same parameters as another one, which answers for it where it can.

    Parameters
    ----------
    function : SmoothFunction
        The other function.
    """

    def __init__(self, function: SmoothFunction):
        self.function, self.n_parameters = function, function.n_parameters
        self.hessian_kinds, self.product_cost = function.hessian_kinds, function.product_cost

    def has_second_derivatives(self) -> bool:
        """Whether the other function has. See :meth:`SmoothFunction.has_second_derivatives`.

        Returns
        -------
        bool
            True if the other function has them.
        """
        return self.function.has_second_derivatives()

    def invariant_directions(self) -> Array:
        """Those of the other function. See :meth:`SmoothFunction.invariant_directions`.

        Returns
        -------
        ndarray of shape (n_parameters, n_directions)
            Orthonormal columns.
        """
        return self.function.invariant_directions()

    def parameter_names(self) -> tuple[str, ...]:
        """Those of the other function. See :meth:`SmoothFunction.parameter_names`.

        Returns
        -------
        tuple of str
            As of the other function.
        """
        return self.function.parameter_names()

    def kinks(self, w: Array) -> tuple[str, ...]:
        """Those of the other function. See :meth:`SmoothFunction.kinks`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        tuple of str
            A clause for each.
        """
        return self.function.kinks(w)

    def why_not_finite(self, w: Array) -> str:
        """What the other function says. See :meth:`SmoothFunction.why_not_finite`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            Such a point.

        Returns
        -------
        str
            A main clause for messages.
        """
        return self.function.why_not_finite(w)

    def scale(self) -> float | None:
        """That of the other function. See :meth:`SmoothFunction.scale`.

        Returns
        -------
        float or None
            None if no such size is known.
        """
        return self.function.scale()


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
