"""Checks for activations and losses of one's own."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sknewtonnet.calculus import Activation, Loss

Array = NDArray[np.float64]

_ORDINALS = ("value", "first", "second", "third", "fourth", "fifth", "sixth")

# Away from 0, where activations may have a kink, and with room for a stencil.
_POINTS = np.array([-6.1, -2.3, -1.0, -0.4, -0.11, 0.13, 0.5, 1.2, 2.7, 5.9])


def check_activation(activation: Activation, *, rtol: float = 1e-7) -> None:
    """Check each derivative of an activation against differences of the one below it.

    Parameters
    ----------
    activation : Activation
        The object to check; orders 1 to ``max_order``, or to 4 if that is None.
    rtol : float, default=1e-7
        Allowed error, relative to the largest value of that derivative (at least 1).

    Raises
    ------
    AssertionError
        Naming the first derivative that is wrong, the point and both numbers, or what
        is wrong with what ``derivatives`` returns.

    Examples
    --------
    >>> from sknewtonnet.calculus import ACTIVATIONS
    >>> from sknewtonnet.testing import check_activation
    >>> check_activation(ACTIVATIONS["tanh"])
    """
    highest = 4 if activation.max_order is None else activation.max_order
    given = _POINTS.copy()
    found = activation.derivatives(given, highest)
    name = f"activation {activation.name!r}"
    assert np.array_equal(given, _POINTS), f"{name} writes to its argument."
    for order in range(highest + 1):
        shorter = activation.derivatives(_POINTS, order)
        assert len(shorter) == order + 1, (
            f"{name}: derivatives(a, {order}) returned {len(shorter)} arrays, not {order + 1}."
        )
        assert np.shape(shorter[order]) == _POINTS.shape, (
            f"{name}: the {_word(order)} has shape {np.shape(shorter[order])} where a has "
            f"{_POINTS.shape}."
        )
        np.testing.assert_allclose(
            shorter[order],
            found[order],
            err_msg=f"{name}: the {_word(order)} depends on the order that is asked for.",
        )
    for order in range(1, highest + 1):
        lower = order - 1

        def below(a: Array, lower: int = lower) -> Array:
            return activation.derivatives(a, lower)[lower]

        _compare(name, order, _POINTS, found[order], _difference(below, _POINTS), rtol)


def check_loss(loss: Loss, *, n_outputs: int = 3, rtol: float = 1e-7) -> None:
    """Check gradient and Hessian of a loss against differences of value and gradient.

    Parameters
    ----------
    loss : Loss
        The object to check, on targets out of those kinds (real, positive, in [0, 1],
        one-hot) that its ``check_target`` admits.
    n_outputs : int, default=3
        Number of raw predictions per sample.
    rtol : float, default=1e-7
        Allowed error, relative to the largest value of that derivative (at least 1).

    Raises
    ------
    AssertionError
        Naming the derivative that is wrong, the point and both numbers.

    Examples
    --------
    >>> from sknewtonnet.calculus import LOSSES
    >>> from sknewtonnet.testing import check_loss
    >>> check_loss(LOSSES["poisson"]())
    """
    rng = np.random.default_rng(0)
    raw = 1.5 * rng.standard_normal((12, n_outputs))
    y = _admitted_target(loss, rng, raw.shape)
    name = f"loss {loss.name!r}"
    for order in range(3):
        given = (y.copy(), raw.copy())
        n_arrays = len(loss.derivatives(*given, order))
        assert n_arrays == order + 1, (
            f"{name}: derivatives(y, raw, {order}) returned {n_arrays} arrays, not {order + 1}."
        )
        unchanged = np.array_equal(given[0], y) and np.array_equal(given[1], raw)
        assert unchanged, f"{name} writes to its arguments."
    value, gradient, hessian = loss.derivatives(y, raw, 2)
    for what, array, shapes in (
        ("value", value, [(12,)]),
        ("gradient", gradient, [raw.shape]),
        ("Hessian", hessian, [raw.shape, (*raw.shape, n_outputs)]),
    ):
        assert np.shape(array) in shapes, f"{name}: the {what} has shape {np.shape(array)}."
    full = hessian
    if hessian.ndim == 2:
        full = hessian[:, :, None] * np.eye(n_outputs)
    for output in range(n_outputs):
        along = np.eye(n_outputs)[output]

        def value_along(t: Array, along: Array = along) -> Array:
            return loss.derivatives(y, raw + np.outer(t, along), 0)[0]

        def gradient_along(t: Array, along: Array = along) -> Array:
            return loss.derivatives(y, raw + np.outer(t, along), 1)[1]

        origin = np.zeros(len(raw))
        expected = _difference(value_along, origin)
        _compare(name, 1, raw[:, output], gradient[:, output], expected, rtol)
        expected = _difference(gradient_along, origin)
        points = np.broadcast_to(raw[:, output, None], expected.shape)
        _compare(name, 2, points, full[:, :, output], expected, rtol)


def _admitted_target(loss: Loss, rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """The first kind of target that the loss does not refuse."""
    one_hot = np.eye(shape[1])[rng.integers(shape[1], size=shape[0])]
    refused = []
    for y in (rng.standard_normal(shape), rng.gamma(2.0, size=shape), rng.random(shape), one_hot):
        try:
            loss.check_target(y)
        except ValueError as reason:
            refused.append(str(reason))
        else:
            return y
    raise AssertionError(f"loss {loss.name!r} refuses every kind of target: {refused}.")


def _difference(function: Callable[[Array], Array], at: Array, step: float = 1e-3) -> Array:
    """Central difference of eighth order; its error is about 1e-12 for functions of order 1."""
    weights = (4 / 5, -1 / 5, 4 / 105, -1 / 280)
    total = np.zeros_like(function(at))
    for k, weight in enumerate(weights, start=1):
        total = total + weight * (function(at + k * step) - function(at - k * step))
    return total / step


def _compare(name: str, order: int, at: Array, found: Array, expected: Array, rtol: float) -> None:
    scale = max(1.0, float(np.abs(expected).max()))
    error = np.abs(found - expected)
    if not np.all(error <= rtol * scale):  # NaN fails, too
        worst = np.unravel_index(int(np.nanargmax(error)), error.shape)
        raise AssertionError(
            f"{name}: the {_word(order)} is {found[worst]:.10g} at {at[worst]:.4g}, where "
            f"differences of the {_word(order - 1)} give {expected[worst]:.10g}."
        )


def _word(order: int) -> str:
    if order >= len(_ORDINALS):
        return f"derivative of order {order}"
    return _ORDINALS[0] if order == 0 else f"{_ORDINALS[order]} derivative"
