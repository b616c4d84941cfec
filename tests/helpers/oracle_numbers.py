"""Dual numbers and complex steps: derivatives of programs, to rounding and of any order.

:class:`Dual` knows the first derivative of a handful of elementary functions and nothing
else; second and higher derivatives come out of the nesting.
"""

import math

import numpy as np
from scipy.special import erf

STEP = 1e-30  # of complex steps, Im f(w + ih d) / h

UNARY = {  # ufunc: its first derivative
    np.exp: np.exp,
    np.expm1: np.exp,
    np.log: lambda x: 1.0 / x,
    np.log1p: lambda x: 1.0 / (1.0 + x),
    np.sqrt: lambda x: 0.5 / np.sqrt(x),
    np.tanh: lambda x: 1.0 - np.tanh(x) * np.tanh(x),
    np.sin: np.cos,
    np.cos: lambda x: -np.sin(x),
    np.arctan: lambda x: 1.0 / (1.0 + x * x),
    np.negative: lambda x: -1.0,
    erf: lambda x: 2.0 / math.sqrt(math.pi) * np.exp(-(x * x)),
}


class Dual(np.lib.mixins.NDArrayOperatorsMixin):
    """The number ``value + tangent * eps``; the parts are arrays or duals themselves.

    Batches of directions are leading axes of the tangent, so that one evaluation with
    tangents of shape (P, 1, ...) and (1, P, ...) at two levels gives a whole Hessian.
    Constants are plain arrays. The trailing axes of value and tangent always agree.
    """

    def __init__(self, value, tangent):
        self.value, self.tangent = value, tangent

    def __getitem__(self, key):
        return Dual(self.value[key], self.tangent[key])

    def sum(self, axis):
        return Dual(self.value.sum(axis), self.tangent.sum(axis))

    def swapaxes(self, a, b):
        return Dual(self.value.swapaxes(a, b), self.tangent.swapaxes(a, b))

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if method != "__call__" or kwargs:
            return NotImplemented
        if ufunc in UNARY:
            return Dual(ufunc(self.value), UNARY[ufunc](self.value) * self.tangent)
        return BINARY[ufunc](*inputs)


def _add(x, y):
    if not isinstance(x, Dual):
        x, y = y, x
    if not isinstance(y, Dual):  # zeros carry the constant's shape into the tangent
        return Dual(x.value + y, x.tangent + np.zeros(np.shape(y)))
    return Dual(x.value + y.value, x.tangent + y.tangent)


def _product(operation):
    def product(x, y):
        if not isinstance(x, Dual):
            return Dual(operation(x, y.value), operation(x, y.tangent))
        if not isinstance(y, Dual):
            return Dual(operation(x.value, y), operation(x.tangent, y))
        tangent = operation(x.tangent, y.value) + operation(x.value, y.tangent)
        return Dual(operation(x.value, y.value), tangent)

    return product


def _divide(x, y):
    if not isinstance(y, Dual):
        return x * (1.0 / y)
    quotient = x.value / y.value if isinstance(x, Dual) else x / y.value
    slope = -quotient * y.tangent
    return Dual(quotient, (x.tangent + slope if isinstance(x, Dual) else slope) / y.value)


BINARY = {
    np.add: _add,
    np.subtract: lambda x, y: _add(x, -y),
    np.multiply: _product(np.multiply),
    np.matmul: _product(np.matmul),
    np.divide: _divide,
}


def lift(array, directions, order):
    """Perturb ``array`` along ``directions``, of shape (P, *array.shape), ``order`` times."""
    lifted = array
    n_directions = len(directions)
    for level in range(order):
        batch = (1,) * level + (n_directions,) + (1,) * (order - 1 - level)
        lifted = Dual(lifted, directions.reshape(batch + array.shape))
    return lifted


def tangent(number, order=1):
    """Read the derivative of the given order off a nested dual."""
    for _ in range(order):
        number = number.tangent if isinstance(number, Dual) else 0.0
    return primal(number)


def primal(number):
    """Strip all perturbations."""
    while isinstance(number, Dual):
        number = number.value
    return number


def positive(number):
    """Indicate, as 0.0 or 1.0, where the unperturbed real part is positive."""
    return (np.real(primal(number)) > 0).astype(float)


def join(parts):
    """Concatenate along the last axis; the leading axes are broadcast."""
    if not any(isinstance(part, Dual) for part in parts):
        lead = np.broadcast_shapes(*(part.shape[:-1] for part in parts))
        return np.concatenate([np.broadcast_to(p, (*lead, p.shape[-1])) for p in parts], axis=-1)
    values = [part.value if isinstance(part, Dual) else part for part in parts]
    tangents = [part.tangent if isinstance(part, Dual) else np.zeros_like(part) for part in parts]
    return Dual(join(values), join(tangents))


def read(number, order, shape):
    """Read a derivative off a nested dual, also where it is constant."""
    return np.array(np.broadcast_to(tangent(number, order), shape))
