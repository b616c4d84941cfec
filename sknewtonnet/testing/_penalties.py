"""The check of penalties."""

from __future__ import annotations

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import Network, ParameterLayout, Penalty
from sknewtonnet.testing._differences import difference


def check_penalty(
    penalty: Penalty, *, layout: ParameterLayout | None = None, rtol: float = 1e-7
) -> None:
    """Check gradient and Hessian of a penalty against differences of value and gradient.

    For penalties of one's own, in a test of one's own. Wrong derivatives raise no error in a fit,
    which then stalls or ends at a wrong point.

    Parameters
    ----------
    penalty : Penalty
        The object to check, at random points.
    layout : ParameterLayout, default=None
        The parameters of a net that it is put on, ``network.layout``. By default those of a
        multilayer perceptron with three inputs, four hidden units and two outputs.
    rtol : float, default=1e-7
        Allowed error, relative to the largest entry of that derivative (at least 1).

    Raises
    ------
    AssertionError
        Naming the derivative that is wrong, the parameters and both numbers; or what is not
        finite, has a wrong shape, or writes to its argument; or an array on which the penalty
        depends though ``depends_on`` says that it does not.

    See Also
    --------
    sknewtonnet.calculus.Penalty : The base class, with an example.
    check_constraint : The same for constraints.

    Examples
    --------
    >>> from sknewtonnet.calculus import NormPenalty
    >>> from sknewtonnet.testing import check_penalty
    >>> check_penalty(NormPenalty(0.3))
    """
    if layout is None:
        layout = Network.mlp(3, (4,), 2).layout
    rng = np.random.default_rng(0)
    placed = penalty.on(layout)
    assert isinstance(placed, Penalty), f"{_penalty_name(penalty)}: on returned {placed!r}."
    for _ in range(3):
        probe = _PenaltyProbe(placed, layout, rng.standard_normal(layout.n_parameters), rtol)
        probe.check_derivatives()
        probe.check_products(rng.standard_normal((layout.n_parameters, 2)))
        probe.check_declarations()
        probe.check_tensors()


class _PenaltyProbe:
    """Compares what a penalty returns at a point with differences between points."""

    def __init__(self, penalty: Penalty, layout: ParameterLayout, w: Array, rtol: float):
        self.penalty, self.layout, self.w, self.rtol = penalty, layout, w, rtol
        self.name, self.size = _penalty_name(penalty), len(w)

    def ask(self, method: str, *arguments: Array, shape: tuple[int, ...]) -> Array:
        """What a method returns, if that is finite, of the right shape, and all that it does."""
        given = [argument.copy() for argument in arguments]
        found = getattr(self.penalty, method)(*given)
        for now, before in zip(given, arguments, strict=True):
            assert np.array_equal(now, before), f"{self.name}: {method} writes to its argument."
        assert np.shape(found) == shape, (
            f"{self.name}: {method} must return shape {shape}, got {np.shape(found)}."
        )
        bad = np.argwhere(~np.isfinite(found))
        assert not len(bad), f"{self.name}: {method} is not finite{self.place(bad[0])}."
        return np.array(found, dtype=float)

    def place(self, entry: Array) -> str:
        """The parameters of an entry, in words."""
        return "".join(f" at {self.layout.names[p]}" for p in entry)

    def check_derivatives(self) -> None:
        """Check gradient and Hessian, and that the Hessian is symmetric."""
        size, w, axes = self.size, self.w, np.eye(self.size)

        def values(t: Array) -> Array:
            points = [w + t * axis for axis in axes]
            return np.array([self.ask("value", point, shape=()) for point in points])

        def gradients(t: Array) -> Array:
            points = [w + t * axis for axis in axes]
            return np.array([self.ask("gradient", point, shape=(size,)) for point in points])

        gradient = self.ask("gradient", w, shape=(size,))
        self.compare("gradient", gradient, difference(values, np.array(0.0)), "differences")
        hessian = self.ask("hessian", w, shape=(size, size))
        self.compare("hessian", hessian, hessian.T, "the other half of it")
        expected = difference(gradients, np.array(0.0))
        self.compare("hessian", hessian, expected, "differences of the gradient")

    def check_products(self, v: Array) -> None:
        """Check the products with one direction and with several."""
        hessian = self.ask("hessian", self.w, shape=(self.size, self.size))
        for along in (v[:, 0], v):
            product = self.ask("hessian_product", self.w, along, shape=along.shape)
            product, expected = product.reshape(self.size, -1), hessian @ along
            for found, each in zip(product.T, expected.reshape(self.size, -1).T, strict=True):
                self.compare("hessian_product", found, each, "the Hessian times v")

    def check_tensors(self) -> None:
        """Check derivatives of orders 1 to 4 in some parameters, as far as there are any."""
        where = np.arange(self.size)[:: max(1, self.size // 4)]
        axes = np.eye(self.size)[where]
        expected = self.ask("gradient", self.w, shape=(self.size,))[where]
        for order in range(1, 5):
            try:
                found = self.penalty.tensor(self.w, order, where)
            except NotImplementedError:
                return
            scale = max(1.0, float(np.abs(expected).max()))
            error = np.abs(found - expected) if np.shape(found) == expected.shape else np.inf
            assert np.max(error) <= self.rtol * scale, (
                f"{self.name}: tensor of order {order} is not the derivative of that before."
            )

            def below(t: Array, order: int = order) -> Array:
                points = [self.w + t * axis for axis in axes]
                return np.array([self.penalty.tensor(w, order, where) for w in points])

            expected = difference(below, np.array(0.0))

    def check_declarations(self) -> None:
        """Check that it depends on what it says, and that a ridge is one."""
        gradient = self.ask("gradient", self.w, shape=(self.size,))
        for array in self.layout.shapes:
            if not self.penalty.depends_on(array):
                where = self.layout.parameters_of(array)
                expected = gradient.copy()
                expected[where] = 0.0
                self.compare("gradient", gradient, expected, f"depends_on({array!r})")
        ridge = self.penalty.ridge
        if ridge is not None:
            assert np.shape(ridge) == (self.size,), f"{self.name}: ridge has a wrong shape."
            self.compare("gradient", gradient, ridge * self.w, "its ridge")

    def compare(self, what: str, found: Array, expected: Array, source: str) -> None:
        """Name the worst entry if that is off."""
        scale = max(1.0, float(np.abs(expected).max()))
        error = np.abs(found - expected)
        if not np.all(error <= self.rtol * scale):
            worst = np.unravel_index(int(np.argmax(error)), error.shape)
            raise AssertionError(
                f"{self.name}: {what} is {found[worst]:.10g}{self.place(np.array(worst))}, where "
                f"{source} gives {expected[worst]:.10g}: off by {error[worst]:.2g}."
            )


def _penalty_name(penalty: Penalty) -> str:
    return f"penalty {type(penalty).__name__!r}"
