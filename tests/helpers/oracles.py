"""Slow and obvious reference values, written without looking at the package.

Two mechanisms, neither of which knows a formula for a derivative of a network:

- the *complex step*, Im f(w + ih d) / h with h = 1e-30, exact to rounding for first
  derivatives because nothing is subtracted;
- *nested dual numbers*, value + tangent * eps with eps**2 = 0, whose components may be
  dual numbers again (``oracle_numbers.py``).

Activations, losses, layers (``oracle_layers.py``), the forward pass and the objective are
therefore written down once, in elementary NumPy functions that take floats, complex
numbers and duals alike. A new entry of the package's registries needs one line in
``ACTIVATIONS``, ``LOSSES`` or ``KINDS``.
"""

import math
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
from oracle_layers import KINDS, array_names, in_theta_order, jax_propagation
from oracle_numbers import STEP, Dual, join, lift, positive, primal, read
from scipy.special import erf, xlogy


def assert_close(actual, desired, rtol=1e-10):
    """Compare arrays entry by entry, with rounding allowed relative to the largest entry."""
    desired = np.asarray(desired)
    scale = float(np.max(np.abs(desired), initial=0.0))
    np.testing.assert_allclose(actual, desired, rtol=rtol, atol=1e-2 * rtol * scale)


# Activations and losses, in elementary functions --------------------------------------


def _logistic(a):
    return 0.5 * (1.0 + np.tanh(0.5 * a))


def _softplus(a):
    up = positive(a)
    return a * up + np.log1p(np.exp(a * (1.0 - 2.0 * up)))


ACTIVATIONS = {
    "identity": lambda a: a,
    "logistic": _logistic,
    "tanh": np.tanh,
    "relu": lambda a: a * positive(a),
    "softplus": _softplus,
    "elu": lambda a: a * positive(a) + np.expm1(a * (1.0 - positive(a))),
    "gelu": lambda a: 0.5 * a * (1.0 + erf(a * math.sqrt(0.5))),
    "silu": lambda a: a * _logistic(a),
    "softsign": lambda a: a / (1.0 + a * (2.0 * positive(a) - 1.0)),
    "arctan": np.arctan,
    "sine": np.sin,
    "gaussian": lambda a: np.exp(-(a * a)),
    "squared_exponential": lambda a: np.exp(-0.5 * a),
}


def _multinomial(y, raw):
    shift = np.real(primal(raw)).max(axis=-1, keepdims=True)
    return np.log(np.exp(raw - shift).sum(-1)) + shift[..., 0] - (y * raw).sum(-1)


def _pseudo_huber(y, raw, delta=1.0):
    ratio = (raw - y) * (1.0 / delta)
    return (delta**2 * (np.sqrt(1.0 + ratio * ratio) - 1.0)).sum(-1)


def _tweedie(y, raw, power=1.5):
    p = power
    constant = y ** (2.0 - p) * (1.0 / ((1.0 - p) * (2.0 - p)))
    fall = y * np.exp(raw * (y > 0) * (1.0 - p)) * (1.0 / (1.0 - p))
    return (np.exp(raw * (2.0 - p)) * (1.0 / (2.0 - p)) - fall + constant).sum(-1)


def _negative_binomial(y, raw, overdispersion=1.0):
    a = overdispersion
    constant = xlogy(y, y) - (y + 1.0 / a) * np.log1p(a * y)
    return (_softplus(raw + np.log(a)) * (y + 1.0 / a) - raw * y + constant).sum(-1)


LOSSES = {
    "squared_error": lambda y, raw: 0.5 * ((raw - y) * (raw - y)).sum(-1),
    "binary_log_loss": lambda y, raw: (_softplus(raw) - y * raw).sum(-1),
    "multinomial_log_loss": _multinomial,
    "poisson": lambda y, raw: (np.exp(raw) - y * raw + (xlogy(y, y) - y)).sum(-1),
    "gamma": lambda y, raw: (raw + y * np.exp(-raw) - (np.log(y) + 1.0)).sum(-1),
    "tweedie": _tweedie,
    "negative_binomial": _negative_binomial,
    "binomial": lambda y, raw: (_softplus(raw) - y * raw).sum(-1),
    "pseudo_huber": _pseudo_huber,
}


def activation_derivatives(name, a, order):
    """Return h, h', ..., h^(order) at the points ``a`` of shape (m,)."""
    number = a
    for _ in range(order):
        number = Dual(number, np.ones_like(a))
    number = ACTIVATIONS[name](number)
    return [read(number, k, a.shape) for k in range(order + 1)]


def loss_derivatives(name, y, raw, **params):
    """Return value (n,), gradient (n, O) and full Hessian (n, O, O) of a loss."""
    n, n_outputs = raw.shape
    directions = np.repeat(np.eye(n_outputs)[:, None, :], n, axis=1)
    number = LOSSES[name](y, lift(raw, directions, 2), **params)
    gradient = read(number, 1, (1, n_outputs, n))[0]
    hessian = read(number, 2, (n_outputs, n_outputs, n))
    return primal(number), gradient.T, np.moveaxis(hessian, -1, 0)


# Networks and objectives --------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """All that defines an objective, as plain data."""

    sizes: tuple  # inputs, hidden layers, outputs
    activations: tuple  # one name per hidden layer
    skip: object  # a kind of skip connections, or per layer which states it reads
    kinds: tuple  # one of KINDS per layer
    loss: str
    X: np.ndarray
    Y: np.ndarray
    sample_weight: np.ndarray
    penalty: dict  # array name -> strengths of the array's shape
    loss_params: dict = field(default_factory=dict)

    @property
    def n_layers(self):
        return len(self.sizes) - 1

    def sources(self, k):
        """Return which states (0 is the input) layer k = 0, 1, ... reads."""
        if isinstance(self.skip, tuple):
            return list(self.skip[k])
        if self.skip == "all":
            return list(range(k + 1))
        if self.skip == "input-output" and k == self.n_layers - 1:
            return sorted({0, k})
        return [k]

    def layer(self, k, arrays, states):
        """Return x of layer k from the states before it; without activation in the last."""
        z = join([states[q] for q in self.sources(k)])
        a = KINDS[self.kinds[k]].propagate(z, *self.of_layer(k, arrays))
        return a if k == self.n_layers - 1 else ACTIVATIONS[self.activations[k]](a)

    def of_layer(self, k, arrays):
        """Return the arrays of layer k alone."""
        return [arrays[name] for name in array_names(self.kinds)[k]]

    def states(self, arrays, offsets=None):
        """Return [X, x^1, ..., raw prediction]; ``offsets`` shift the x^k as they arise."""
        states = [self.X]
        for k in range(self.n_layers):
            x = self.layer(k, arrays, states)
            states.append(x if offsets is None else x + offsets[k])
        return states

    def rows(self, k):
        """Return for each source of layer k its part of the layer's inputs."""
        ends = np.cumsum([0, *(self.sizes[q] for q in self.sources(k))])
        return [slice(a, b) for a, b in pairwise(ends)]

    def losses(self, raw):
        return LOSSES[self.loss](self.Y, raw, **self.loss_params)

    def penalty_value(self, arrays):
        """Return sum of strength * coefficient**2 / (2 S)."""
        total = 0.0
        for name, strength in self.penalty.items():
            term = arrays[name] * arrays[name] * strength
            for _ in range(strength.ndim):
                term = term.sum(-1)
            total = total + term
        return total * (0.5 / self.sample_weight.sum())

    def data_value(self, raw):
        return (self.losses(raw) * self.sample_weight).sum(-1) * (1.0 / self.sample_weight.sum())

    def value(self, arrays, offsets=None):
        return self.data_value(self.states(arrays, offsets)[-1]) + self.penalty_value(arrays)


class Oracle:
    """Derivatives of a problem at one point, in the flat order of a parameter layout.

    Of the layout only ``unpack`` is used: where it puts the numbers 1, ..., P says which
    entry of which array every parameter is; zeros mark entries that are no parameters.
    """

    def __init__(self, problem, layout, w):
        self.problem, self.P = problem, len(w)
        self.arrays = {name: np.array(a) for name, a in layout.unpack(w).items()}
        places = layout.unpack(np.arange(1.0, self.P + 1.0))
        self.index = {name: np.rint(a).astype(int) - 1 for name, a in places.items()}
        numbers = np.arange(self.P)
        self.directions = {
            name: (index == numbers.reshape((-1,) + (1,) * index.ndim)).astype(float)
            for name, index in self.index.items()
        }

    def stepped(self):
        """Return the arrays with a complex step along every parameter, a leading axis of P."""
        return {k: a + 1j * STEP * self.directions[k] for k, a in self.arrays.items()}

    def lifted(self, order):
        return {k: lift(a, self.directions[k], order) for k, a in self.arrays.items()}

    @cached_property
    def value(self):
        return self.problem.value(self.arrays)

    @cached_property
    def gradient(self):
        return self.problem.value(self.stepped()).imag / STEP

    @cached_property
    def hessian(self):
        number = self.problem.value(self.lifted(2))
        return read(number, 2, (self.P, self.P))

    @cached_property
    def penalty_hessian(self):
        number = self.problem.penalty_value(self.lifted(2))
        return read(number, 2, (self.P, self.P))

    @cached_property
    def jacobian(self):
        """Return d raw / d w of shape (n, O, P)."""
        return np.moveaxis(self.problem.states(self.stepped())[-1].imag / STEP, 0, -1)

    @cached_property
    def scores(self):
        """Return d loss_i / d w of shape (n, P)."""
        raw = self.problem.states(self.stepped())[-1]
        return (self.problem.losses(raw).imag / STEP).T

    @cached_property
    def gauss_newton(self):
        p = self.problem
        raw = p.states(self.arrays)[-1]
        curvature = loss_derivatives(p.loss, p.Y, raw, **p.loss_params)[2]
        curvature = curvature * (p.sample_weight / p.sample_weight.sum())[:, None, None]
        J = self.jacobian
        return np.einsum("iop,ioq,iqr->pr", J, curvature, J) + self.penalty_hessian

    def places(self):
        """Return per layer where in w the parameters of each neuron are: (s_k, t_k)."""
        return [
            in_theta_order(self.problem.kinds[k], self.problem.of_layer(k, self.index))
            for k in range(self.problem.n_layers)
        ]

    @cached_property
    def neurons(self):
        """For every parameter the neuron (a number) it belongs to."""
        owner = np.empty(self.P, dtype=int)
        for number, places in enumerate(row for layer in self.places() for row in layer):
            owner[places[places >= 0]] = number
        return owner


# The same again for automatic differentiation, where JAX is installed ------------------


def jax_value(oracle):
    """Return the objective as a JAX function of w, built from JAX's own functions."""
    import jax
    from jax import numpy as jnp

    nn, problem = jax.nn, oracle.problem
    activations = {"squared_exponential": lambda a: jnp.exp(-a / 2), **vars(nn)}
    losses = {
        "squared_error": lambda y, r: (r - y) ** 2 / 2,
        "multinomial_log_loss": lambda y, r: -y * nn.log_softmax(r),
        "poisson": lambda y, r: jnp.exp(r) - y * r + jax.scipy.special.xlogy(y, y) - y,
        "gamma": lambda y, r: r + y / jnp.exp(r) - jnp.log(y) - 1.0,
    }

    def value(w):
        arrays = {k: jnp.tensordot(w, d, axes=1) for k, d in oracle.directions.items()}
        states = [problem.X]
        for k in range(problem.n_layers):
            z = jnp.concatenate([states[q] for q in problem.sources(k)], axis=1)
            states.append(jax_propagation(problem.kinds[k], z, *problem.of_layer(k, arrays)))
            if k < problem.n_layers - 1:
                states[-1] = activations[problem.activations[k]](states[-1])
        weighted = problem.sample_weight @ losses[problem.loss](problem.Y, states[-1]).sum(axis=1)
        penalty = sum((s * arrays[k] ** 2).sum() / 2 for k, s in problem.penalty.items())
        return (weighted + penalty) / problem.sample_weight.sum()

    return value
