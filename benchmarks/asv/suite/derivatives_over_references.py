"""Hessian over one dsyrk, product over one gradient, gradient over scikit-learn's."""

import numpy as np
from derivatives import alternating, problem, sklearn_gradient, sklearn_packed
from scipy.linalg.blas import dsyrk

from sknewtonnet.calculus import Objective
from suite.ratios import ratio


class Derivatives:
    """At the shapes of benchmarks/derivatives.py."""

    timeout = 120
    param_names = ("shape",)
    params = ("b", "d", "e", "g")

    def setup(self, shape):
        """Data, an objective, and two points that calls take in turns."""
        self.network, self.loss, self.X, self.Y, self.points = problem(shape)
        self.objective = Objective(self.network, self.loss, self.X, self.Y)

    def track_hessian(self, shape):
        """Exact Hessian over one dsyrk on the Jacobian."""
        P, rows = self.network.n_parameters, len(self.X) * self.network.n_outputs
        kept = min(rows, 5000)  # the time of a dsyrk is linear in the rows
        transposed = np.random.default_rng(0).standard_normal((kept, P)).T
        out = np.zeros((P, P), order="F")
        found = ratio(
            alternating(self.objective.hessian, self.points),
            lambda: dsyrk(1.0, transposed, c=out, overwrite_c=1),
        )
        return found * kept / rows

    track_hessian.unit = "dsyrk"

    def track_product(self, shape):
        """Product with a vector at a kept point over one gradient."""
        kept = Objective(self.network, self.loss, self.X, self.Y)
        v = np.random.default_rng(1).standard_normal(self.network.n_parameters)
        return ratio(
            lambda: kept.hessian_product(self.points[0], v),
            alternating(self.objective.value_and_gradient, self.points),
        )

    track_product.unit = "gradients"

    def track_gradient(self, shape):
        """Value and gradient over those of scikit-learn."""
        theirs = sklearn_gradient(self.network, self.loss, self.X, self.Y)
        packed = [sklearn_packed(self.network, w) for w in self.points]
        return ratio(
            alternating(self.objective.value_and_gradient, self.points),
            alternating(theirs, packed),
        )

    track_gradient.unit = "gradients of scikit-learn"


class Radial:
    """Gaussian units, 20 on 2000 samples of 10 features."""

    timeout = 120
    param_names = ("covariance_type",)
    params = ("spherical", "diag", "full")

    def track_gradient(self, covariance_type):
        """Value and gradient over those of a linear net of as many units."""
        from sknewtonnet.calculus import Network

        rng = np.random.default_rng(0)
        X, Y = rng.standard_normal((2000, 10)), rng.standard_normal((2000, 1))
        sides = []
        for network in (Network.rbf(10, 20, 1, covariance_type), Network.mlp(10, (20,), 1)):
            points = [0.3 * rng.standard_normal(network.n_parameters) for _ in range(2)]
            objective = Objective(network, "squared_error", X, Y)
            sides.append(alternating(objective.value_and_gradient, points))
        return ratio(*sides)

    track_gradient.unit = "gradients of a linear net"
