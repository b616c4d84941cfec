"""Functions to minimise that are no networks: solvers see a smooth function only."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from scipy.optimize import rosen, rosen_der, rosen_hess, rosen_hess_prod

from sknewtonnet.calculus import SmoothFunction
from sknewtonnet.solvers import SOLVERS, Capability, get_solver

# What solvers say of themselves: those without second derivatives, those with no choice of them,
# and those that go on where the rounding of f tells points no longer apart.
SECOND = Capability.HESSIAN | Capability.HESSIAN_PRODUCT
GRADIENT_ONLY = [name for name, cls in SOLVERS.items() if not cls.needs & SECOND]
ONE_KIND = [name for name, cls in SOLVERS.items() if cls.hessian_kinds == ("exact",)]
BELOW_ROUNDING = [
    name
    for name, cls in SOLVERS.items()
    if cls.needs & Capability.HESSIAN or (len(cls.hessian_kinds) > 1 and name != "bpos")
]
# Those that go down the gradient, with settings for the problems below.
SLOW = {"gd": {"momentum": 0.9}, "bpos": {"direction": "conjugate"}}


class Function(SmoothFunction):
    """A function with its derivatives, which counts the calls."""

    def __init__(self, size, value, gradient, hessian, product=None):
        self.n_parameters, self.hessian_kinds = size, ("exact", "gauss-newton")
        self.functions = value, gradient, hessian, product
        self.calls = Counter(value=0, gradient=0, hessian=0, hessian_product=0)
        self.kind = "exact"  # the Hessian it expects to be asked for

    def value(self, w):
        self.calls["value"] += 1
        return self.functions[0](w)

    def gradient(self, w):
        self.calls["gradient"] += 1
        return self.functions[1](w)

    def hessian(self, w, kind="exact"):
        assert kind in (self.kind, "exact")  # a run that stalls ends with exact steps
        self.calls["hessian"] += 1
        return self.functions[2](w)

    def hessian_product(self, w, v, kind="exact"):
        assert kind == "exact"
        self.calls["hessian_product"] += 1
        product = self.functions[3]
        return self.functions[2](w) @ v if product is None else product(w, v)


def quadratic(size=6, condition=100.0):
    """Return 1/2 (w - 1)' A (w - 1), dense and well scaled."""
    rng = np.random.default_rng(0)
    axes, _ = np.linalg.qr(rng.normal(size=(size, size)))
    A = axes * np.geomspace(1.0, condition, size) @ axes.T
    return Function(
        size,
        lambda w: 0.5 * float((w - 1.0) @ A @ (w - 1.0)),
        lambda w: A @ (w - 1.0),
        lambda w: A,
    )


def rosenbrock(size):
    return Function(size, rosen, rosen_der, rosen_hess, rosen_hess_prod)


def double_well():
    """Return (w0^2 - 1)^2 / 4 + w1^2, concave in w0 between -1/sqrt(3) and 1/sqrt(3)."""
    return Function(
        2,
        lambda w: (w[0] ** 2 - 1.0) ** 2 / 4.0 + w[1] ** 2,
        lambda w: np.array([w[0] ** 3 - w[0], 2.0 * w[1]]),
        lambda w: np.diag([3.0 * w[0] ** 2 - 1.0, 2.0]),
    )


def minimize(name, function, start, callback=None, **settings):
    """Run a solver; for "lm" the Hessian passes for a Gauss-Newton matrix."""
    function.kind = "gauss-newton" if name == "lm" else "exact"
    return get_solver(name, **settings).minimize(function, np.array(start, float), callback)


@dataclass(frozen=True)
class Problem:
    """A function, a start, and the minimum that a descent from there finds."""

    make: object
    start: tuple
    minimum: tuple
    learning_rate: float = 0.1  # with momentum, for gradient descent

    def run(self, name, callback=None, **settings):
        own = SLOW.get(name, {}) | ({"learning_rate": self.learning_rate} if name == "gd" else {})
        settings.setdefault("options", own)
        function = self.make()
        return function, minimize(name, function, self.start, callback, **settings)


PROBLEMS = {
    "quadratic": Problem(quadratic, (3.0, -2.0, 5.0, 0.0, 1.5, -4.0), (1.0,) * 6, 0.01),
    "rosenbrock-2": Problem(lambda: rosenbrock(2), (-1.2, 1.0), (1.0,) * 2, 1e-3),
    "rosenbrock-5": Problem(lambda: rosenbrock(5), (1.3, 0.7, 0.8, 1.9, 1.2), (1.0,) * 5, 1e-3),
    "indefinite start": Problem(double_well, (0.1, 1.0), (1.0, 0.0)),
}


def enough(name):
    """Return how many iterations the problems take at most."""
    return 10_000 if name == "gd" else 300
