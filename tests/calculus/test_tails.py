"""Activations and losses keep their digits where they are next to 0 or 1, in decimal arithmetic.

The exact values are differences of the functions themselves in 450 digits, so that no formula for
a derivative is used twice.
"""

from decimal import Decimal, localcontext
from functools import cache

import numpy as np
import pytest

from sknewtonnet.calculus import ACTIVATIONS, LOSSES

POINTS = [0.7, 5.1, 17.5, 37.5, 80.0, 700.0]
POINTS = np.array([sign * a for a in POINTS for sign in (-1, 1)])
SMALLEST = np.finfo(float).tiny

FUNCTIONS = {
    "logistic": lambda a: 1 / (1 + (-a).exp()),
    "softplus": lambda a: (1 + a.exp()).ln(),
    "silu": lambda a: a / (1 + (-a).exp()),
    "elu": lambda a: a if a > 0 else a.exp() - 1,
    "squared_exponential": lambda a: (-a / 2).exp(),
    "softsign": lambda a: a / (1 + abs(a)),
}


def derivatives(function, a, order):
    """Value and derivatives by central differences with steps of 1e-20."""
    a, h = Decimal(float(a)), Decimal("1e-20")
    at = {k: function(a + k * h) for k in range(-2, 3)}
    found = [
        at[0],
        (at[1] - at[-1]) / (2 * h),
        (at[1] - 2 * at[0] + at[-1]) / h**2,
        (at[2] - 2 * at[1] + 2 * at[-1] - at[-2]) / (2 * h**3),
    ]
    return found[: order + 1]


@cache
def exact(name, order):
    """Derivatives of an activation at all points, as floats."""
    with localcontext() as context:
        context.prec = 450
        rows = [derivatives(FUNCTIONS[name], a, order) for a in POINTS]
    return np.array([[float(number) for number in row] for row in rows]).T


@pytest.mark.parametrize("name", FUNCTIONS)
def test_activations(name):
    """Relative errors of 1e-14 wherever the value is a normal number, to third order."""
    highest = ACTIVATIONS[name].max_order
    order = 3 if highest is None else min(3, highest)
    found = ACTIVATIONS[name].derivatives(POINTS, order)
    for k, (actual, desired) in enumerate(zip(found, exact(name, order), strict=True)):
        normal = np.abs(desired) > SMALLEST
        error = np.abs(actual / np.where(normal, desired, 1.0) - 1.0)[normal].max(initial=0.0)
        assert error < 1e-14, f"derivative {k} is off by {error:.1e} of itself"


@pytest.mark.parametrize("name", ["logistic", "softplus"])
def test_where_values_are_no_normal_numbers(name):
    """Nothing overflows, warns, or is below zero."""
    far = np.array([-1e308, -1e4, -745.0, -709.5, 709.5, 1e4, 1e308])
    for found in ACTIVATIONS[name].derivatives(far, 1):
        assert np.isfinite(found).all()
        assert (found >= 0.0).all()
        assert (found[:2] < 1e-300).all()


def binary(y, raw):
    return (1 + raw[0].exp()).ln() - y[0] * raw[0]


def multinomial(y, raw):
    total = sum(number.exp() for number in raw)
    return total.ln() - sum(a * b for a, b in zip(y, raw, strict=True))


def poisson(y, raw):
    return raw[0].exp() - y[0] * raw[0] + y[0] * y[0].ln() - y[0]


def gamma(y, raw):
    return raw[0] + y[0] * (-raw[0]).exp() - y[0].ln() - 1


def pseudo_huber(y, raw):
    return (1 + (raw[0] - y[0]) ** 2).sqrt() - 1


LOSS_CASES = {  # function, targets, raw predictions, and allowed relative errors
    "binary_log_loss": (binary, [[0.0], [1.0], [0.3]], [[40.0], [-40.0], [7.0], [-300.0]], 1e-14),
    "multinomial_log_loss": (
        multinomial,
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.25, 0.25, 0.5]],
        [[40.0, 0.0, 1.0], [0.0, 40.0, 0.0], [-7.0, 1.0, 300.0]],
        1e-13,  # differences of raw predictions are rounded
    ),
    "poisson": (poisson, [[3.0], [1e6]], [[-300.0], [1.0], [13.8], [600.0]], 1e-12),
    "gamma": (gamma, [[3.0], [1e6]], [[-300.0], [1.0], [13.8], [600.0]], 1e-12),
    "pseudo_huber": (pseudo_huber, [[0.0], [1e5]], [[1e-9], [0.5], [1e5], [-1e9]], 1e-14),
}


@pytest.mark.parametrize("name", LOSS_CASES)
def test_losses(name):
    """Value, gradient and Hessian."""
    function, targets, predictions, allowed = LOSS_CASES[name]
    loss = LOSSES[name]()
    for y in targets:
        for raw in predictions:
            value, gradient, hessian = loss.derivatives(np.array([y]), np.array([raw]))
            with localcontext() as context:
                context.prec = 450
                at, h = [Decimal(x) for x in raw], Decimal("1e-20")
                given = [Decimal(x) for x in y]

                def moved(o, step, at=at, given=given):
                    other = list(at)
                    other[o] += step
                    return function(given, other)

                now = function(given, at)
                up, down = ([moved(o, s) for o in range(len(raw))] for s in (h, -h))
                slopes = [float((a - b) / (2 * h)) for a, b in zip(up, down, strict=True)]
                bends = [float((a - 2 * now + b) / h**2) for a, b in zip(up, down, strict=True)]
            np.testing.assert_allclose(value[0], float(now), rtol=allowed)
            np.testing.assert_allclose(gradient[0], slopes, rtol=allowed, atol=1e-300)
            diagonal = hessian[0] if hessian.ndim == 2 else hessian[0].diagonal()
            np.testing.assert_allclose(diagonal, bends, rtol=allowed, atol=1e-300)
