"""The modified objective of [G]: half the sum of the squared parts of the outputs."""

from __future__ import annotations

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.pieces.function import (
    PRODUCT_KINDS,
    FunctionOf,
    OutputParts,
    SmoothFunction,
)
from sknewtonnet.calculus.pieces.memory import check_hessian_memory
from sknewtonnet.calculus.pieces.validation import check_kind, real_directions


class ModifiedObjective(FunctionOf):
    """F = 1/2 sum_o c_o^2, for a function f = sum_o c_o that is a sum over outputs ([G] eq. 19).

    With J-hat the Jacobian of the parts, of one row for each output,

        F       = 1/2 sum_o c_o^2                         eq. 19
        grad F  = J-hat' c                                eq. 20, 21
        G-hat   = J-hat' J-hat + S-hat                    eq. 26
        S-hat   = sum_o c_o D2 c_o                        eq. 27, where the sum goes to P

    The parts of an :class:`Objective` with several outputs, whose loss is a sum over them, are

        c_o = 1/S sum_i s_i loss_o(raw_io, y_io) + penalty / (S O)

    For one output, for a loss of all outputs together such as that of a softmax, and for any other
    function, there is one part: F = f^2 / 2, which has the minima of f where f is positive. For
    several parts minima of F are others than those of f. With squared errors and unit weights the
    paper's e-hat_o is 2 S c_o, so that its F is 4 S^2 times this one.

    Any solver can minimise it. "bpos" with ``objective="modified"`` takes its steps and reports f.

    Parameters
    ----------
    function : SmoothFunction
        The function f; its parts must not be negative. Where one of them is, F is infinite, for
        the square would send it up. All losses of this package are at least 0.

    Attributes
    ----------
    n_parts : int
        Number of parts, O.
    hessian_kinds : tuple of str
        "exact", and "gauss-newton" for J-hat'J-hat.

    See Also
    --------
    Objective : The function f.
    sknewtonnet.solvers.OptimalStepSolver : The solver "bpos", whose paper has this function.
    SmoothFunction.output_parts : The parts c_o.

    Notes
    -----
    A value costs one forward pass, a gradient O adjoint passes, a product about three gradients.
    The last point is kept.

    References
    ----------
    [G] Gong et al. (2012), back-propagation with optimal step size (BPOS), section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import ModifiedObjective, Network, Objective
    >>> rng = np.random.default_rng(0)
    >>> X, Y = rng.normal(size=(30, 2)), rng.normal(size=(30, 3))
    >>> f = Objective(Network.mlp(2, (4,), 3), "squared_error", X, Y, alpha=0.1)
    >>> F, w = ModifiedObjective(f), rng.normal(size=f.n_parameters)
    >>> c, J, S = F.parts(w), F.jacobian(w), F.residual_matrix(w)
    >>> J.shape, bool(np.isclose(c.sum(), f.value(w)))
    ((3, 27), True)
    >>> np.allclose(F.gradient(w), J.T @ c), np.allclose(F.hessian(w), J.T @ J + S)
    (True, True)
    """

    def __init__(self, function: SmoothFunction):
        if not isinstance(function, SmoothFunction):
            raise TypeError(f"function must be a SmoothFunction, got {function!r}.")
        super().__init__(function)
        self.hessian_kinds = PRODUCT_KINDS
        self._outputs = function.output_parts() or _OnePart(function)
        self.n_parts = self._outputs.n_parts
        self.product_cost = function.product_cost + 1
        self._w, self._parts, self._jacobian = np.empty(0), np.empty(0), np.empty(0)

    def keep(self, w: Array, value: float, gradient: Array) -> None:
        """Take note of f and its gradient at a point; if f is one part, nothing else is missing.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        value : float
            The value of f there.
        gradient : ndarray of shape (n_parameters,)
            Its gradient there.
        """
        if self.n_parts == 1:
            self._w, self._parts, self._jacobian = w.copy(), np.array([value]), gradient[None]

    def parts(self, w: Array) -> Array:
        """The parts c_o.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_parts,)
            They sum to f.
        """
        if not np.array_equal(w, self._w):
            parts = self._outputs.values(w)
            self._w, self._parts, self._jacobian = np.array(w), parts, np.empty(0)
        return self._parts.copy()

    def jacobian(self, w: Array) -> Array:
        """J-hat, the gradients of the parts ([G] eq. 21).

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_parts, n_parameters)
            Rows sum to the gradient of f.
        """
        self.parts(w)
        if not self._jacobian.size:
            self._jacobian = self._outputs.jacobian(w)
        return self._jacobian.copy()

    def value(self, w: Array) -> float:
        """F at w.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        float
            Infinite where a part is negative.
        """
        parts = self.parts(w)
        return 0.5 * float(parts @ parts) if (parts >= 0.0).all() else np.inf

    def gradient(self, w: Array) -> Array:
        """Gradient J-hat' c.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_parameters,)
            The gradient, from one adjoint pass for each part.
        """
        return np.asarray(self.jacobian(w).T @ self.parts(w))

    def residual_matrix(self, w: Array) -> Array:
        """S-hat = sum_o c_o D2 c_o ([G] eq. 27).

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
            Symmetric; formed by itself, not as a difference.
        """
        return self._outputs.hessian(w, self.parts(w))

    def hessian(self, w: Array, kind: str = "exact") -> Array:
        """G-hat = J-hat' J-hat + S-hat ([G] eq. 26), or its first term.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        kind : {"exact", "gauss-newton"}, default="exact"
            "gauss-newton" is J-hat' J-hat, of rank O at most.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
            Symmetric.
        """
        check_kind(kind, self.hessian_kinds)
        check_hessian_memory(self.n_parameters)
        J = self.jacobian(w)
        square: Array = J.T @ J
        return square if kind == "gauss-newton" else square + self.residual_matrix(w)

    def hessian_product(self, w: Array, v: Array, kind: str = "exact") -> Array:
        """That matrix times directions, which is not formed.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        v : ndarray of shape (n_parameters,) or (n_parameters, r)
            One direction, or r of them as columns.
        kind : {"exact", "gauss-newton"}, default="exact"
            As in :meth:`hessian`.

        Returns
        -------
        ndarray of the shape of v
            The matrix of that kind times v.
        """
        check_kind(kind, self.hessian_kinds)
        v = real_directions("v", v, self.n_parameters)
        J = self.jacobian(w)
        product: Array = J.T @ (J @ v)
        if kind == "exact":
            product = product + self._outputs.hessian_product(w, v, self.parts(w))
        return product

    def why_not_finite(self, w: Array) -> str:
        """Which part is negative, or what is to blame in f.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            Such a point.

        Returns
        -------
        str
            A main clause for messages.
        """
        parts = self.parts(w)
        o = int(np.argmin(parts))
        if np.isfinite(parts).all() and parts[o] < 0.0:
            which = "f" if self.n_parts == 1 else f"the part of output {o}"
            return (
                f"{which} is {parts[o]:.3g}, and the modified objective would make its square "
                "small: it needs a loss that is at least 0"
            )
        return self.function.why_not_finite(w)

    def scale(self) -> float | None:
        """F where each of O parts has the same share of that of f: scale^2 / (2 O).

        Returns
        -------
        float or None
            None if f has no known scale.
        """
        scale = self.function.scale()
        return None if scale is None else 0.5 * scale**2 / self.n_parts


class _OnePart(OutputParts):
    """A function as its own only part."""

    n_parts = 1

    def __init__(self, function: SmoothFunction):
        self.function = function

    def values(self, w: Array) -> Array:
        """The function."""
        return np.array([self.function.value(w)])

    def jacobian(self, w: Array) -> Array:
        """Its gradient."""
        return np.asarray(self.function.gradient(w))[None]

    def hessian(self, w: Array, factors: Array) -> Array:
        """Its Hessian."""
        return np.asarray(factors[0] * self.function.hessian(w))

    def hessian_product(self, w: Array, v: Array, factors: Array) -> Array:
        """Its Hessian times directions."""
        return np.asarray(factors[0] * self.function.hessian_product(w, v))
