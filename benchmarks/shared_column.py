"""sknewtonnet as a column of a benchmark that compares packages.

Each function takes a problem, a mapping with the keys

    X, Y      samples and targets, of shape (n, features) and (n, outputs); Y one-hot for softmax
    w, v      parameters and a direction, flat
    layers    sizes of the layers, from the features to the outputs
    loss      "mse" (1/2 sum of squares), "softmax" or "bce" (one logit)
    threads   of the linear algebra; set by the caller's environment, not here

and returns a callable without arguments, and a dict of facts. The objective is the mean loss
of a tanh network. Flat vectors hold all coefficients (fan_in x fan_out, C order), then all
intercepts; this package has the intercepts of a layer after its coefficients, so vectors and
matrices are reordered inside the callable, by pieces that are computed once. Everything is
computed in double precision.
"""

from itertools import pairwise

import numpy as np

from sknewtonnet.calculus import Network, Objective

LOSSES = {
    "mse": "squared_error",
    "softmax": "multinomial_log_loss",
    "bce": "binary_log_loss",
}


class Reordering:
    """Between the flat layout of the benchmark and that of the package.

    Both hold the same arrays, each in C order, so that a vector consists of a few pieces
    and a matrix of their squared number of blocks.
    """

    def __init__(self, network):
        ours = [
            (name, slice(int(place[0]), int(place[-1]) + 1))
            for name, place in _places(network).items()
        ]
        theirs = sorted(ours, key=lambda entry: entry[0].startswith("intercepts"))
        self.size = network.n_parameters
        self.pieces = []
        start = 0
        for _, our in theirs:
            stop = start + our.stop - our.start
            self.pieces.append((slice(start, stop), our))
            start = stop

    def to_package(self, vector):
        found = np.empty(self.size)
        for their, our in self.pieces:
            found[our] = vector[their]
        return found

    def to_benchmark(self, vector):
        found = np.empty(self.size)
        for their, our in self.pieces:
            found[their] = vector[our]
        return found

    def matrix_to_benchmark(self, matrix):
        found = np.empty((self.size, self.size))
        for row, our_row in self.pieces:
            for column, our_column in self.pieces:
                found[row, column] = matrix[our_row, our_column]
        return found


def _places(network):
    """Flat positions of each array's entries, in the order of the package."""
    places = network.layout.unpack(np.arange(network.n_parameters))
    return {name: array.ravel() for name, array in places.items()}


def _prepared(p):
    """Return the objective, the reordering, and a function giving the point anew each time.

    It alternates between w and w with one entry changed in the last bit: an objective that
    keeps its last point has to start afresh, for the same result.
    """
    sizes = p["layers"]
    network = Network.mlp(sizes[0], list(sizes[1:-1]), sizes[-1], "tanh")
    objective = Objective(
        network, LOSSES[p["loss"]], np.asarray(p["X"], float), np.asarray(p["Y"], float)
    )
    order = Reordering(network)
    points = [order.to_package(p["w"]) for _ in range(2)]
    points[1][0] = np.nextafter(points[1][0], np.inf)

    def point():
        points.reverse()
        return points[1]

    return objective, order, point


def hess_sknewtonnet(p):
    """Exact Hessian from a fresh point."""
    objective, order, point = _prepared(p)
    return (lambda: order.matrix_to_benchmark(objective.hessian(point()))), {}


def hvp_sknewtonnet(p):
    """Hessian times v from a fresh point."""
    objective, order, point = _prepared(p)

    def product():
        v = order.to_package(p["v"])
        return order.to_benchmark(objective.hessian_product(point(), v))

    return product, {}


def hvp_sknewtonnet_kept(p):
    """Hessian times v at a kept point, as in conjugate gradients."""
    objective, order, point = _prepared(p)
    w = point()
    objective.hessian_product(w, np.zeros_like(w))

    def product():
        return order.to_benchmark(objective.hessian_product(w, order.to_package(p["v"])))

    return product, {}


def grad_sknewtonnet(p):
    """Value and gradient from a fresh point; the gradient is returned."""
    objective, order, point = _prepared(p)
    return (lambda: order.to_benchmark(objective.value_and_gradient(point())[1])), {}


def check(n_samples=60, step=1e-5):
    """Compare all four with differences of values and gradients of the plain formula."""
    rng = np.random.default_rng(0)
    for sizes, loss in [((4, 5, 3), "softmax"), ((4, 6, 5, 1), "mse"), ((3, 4, 1), "bce")]:
        n_weights = sum(i * o for i, o in pairwise(sizes))
        w = rng.standard_normal(n_weights + sum(sizes[1:]))
        Y = rng.standard_normal((n_samples, sizes[-1]))
        if loss != "mse":
            Y = (Y.max(axis=1, keepdims=True) == Y) * 1.0 if loss == "softmax" else (Y > 0) * 1.0
        X = rng.standard_normal((n_samples, sizes[0]))
        p = {"X": X, "Y": Y, "w": w, "v": rng.standard_normal(w.shape), "layers": sizes}
        p |= {"loss": loss, "threads": 1}

        def along(function, p=p):
            ends = [function({**p, "w": p["w"] + sign * step * p["v"]}) for sign in (1, -1)]
            return (ends[0] - ends[1]) / (2 * step)

        gradient = grad_sknewtonnet(p)[0]()
        product = along(lambda q: grad_sknewtonnet(q)[0]())
        np.testing.assert_allclose(gradient @ p["v"], along(plain_value), rtol=1e-6)
        np.testing.assert_allclose(hess_sknewtonnet(p)[0]() @ p["v"], product, atol=1e-7)
        np.testing.assert_allclose(hvp_sknewtonnet(p)[0](), product, atol=1e-7)
        np.testing.assert_allclose(hvp_sknewtonnet_kept(p)[0](), product, atol=1e-7)


def plain_value(p):
    """Mean loss by the formula, in the benchmark's layout."""
    start, coefs = 0, []
    for shape in pairwise(p["layers"]):
        coefs.append(p["w"][start : start + shape[0] * shape[1]].reshape(shape))
        start += shape[0] * shape[1]
    h = p["X"]
    for k, coef in enumerate(coefs):
        h = h @ coef + p["w"][start : start + coef.shape[1]]
        h = np.tanh(h) if k < len(coefs) - 1 else h
        start += coef.shape[1]
    if p["loss"] == "mse":
        return 0.5 * np.sum((h - p["Y"]) ** 2) / len(h)
    log_total = np.logaddexp(0, h) if p["loss"] == "bce" else np.logaddexp.reduce(h, axis=1)
    return (np.sum(log_total) - np.sum(p["Y"] * h)) / len(h)


if __name__ == "__main__":
    check()
    print("values, gradients, Hessians and products agree")
