"""Derivatives at random and extreme points against eighty digits.

An objective is written once more, in numbers of ``mpmath``; directional derivatives are central
differences in these, exact far beyond double precision. The allowed error is some multiple of
what the last digits of the data and the parameters make of the exact values: no program in
double precision does better.
"""

import mpmath
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

from sknewtonnet.calculus import Network, Objective

STEP = mpf(10) ** -16
EPS = np.finfo(float).eps
N_UNITS = 2

ACTIVATIONS = {
    "identity": lambda a: a,
    "logistic": lambda a: 1 / (1 + mpmath.exp(-a)),
    "tanh": mpmath.tanh,
    "softplus": lambda a: mpmath.log1p(mpmath.exp(a)),
    "gelu": lambda a: a * (1 + mpmath.erf(a / mpmath.sqrt(2))) / 2,
    "silu": lambda a: a / (1 + mpmath.exp(-a)),
    "arctan": mpmath.atan,
    "sine": mpmath.sin,
    "gaussian": lambda a: mpmath.exp(-a * a),
}
LOSSES = {
    "squared_error": lambda y, r: (r - y) ** 2 / 2,
    "pseudo_huber": lambda y, r: mpmath.sqrt(1 + (r - y) ** 2) - 1,
    "poisson": lambda y, r: mpmath.exp(r) - y * r + (y * mpmath.log(y) - y if y else 0),
    "gamma": lambda y, r: r + y * mpmath.exp(-r) - mpmath.log(y) - 1,
    "binary_log_loss": lambda y, r: mpmath.log1p(mpmath.exp(r)) - y * r,
}


def radial(z, arrays, unit, form):
    """Return the squared length of U' (z - mu), with logarithms on the diagonal of U."""
    d = [a - b for a, b in zip(z, arrays["centers"][unit], strict=True)]
    u = arrays["precisions_cholesky"][unit]
    if form == "full":
        p = len(d)
        rows = [[mpmath.exp(u[j][j]) if i == j else u[i][j] for j in range(p)] for i in range(p)]
        d = [sum(rows[i][j] * d[i] for i in range(j + 1)) for j in range(p)]
    else:
        logs = [u] * len(d) if form == "spherical" else u
        d = [mpmath.exp(t) * v for t, v in zip(logs, d, strict=True)]
    return sum(v * v for v in d)


def linear(z, coefs, intercepts):
    """Return intercepts + coefs' z."""
    columns = zip(*coefs, strict=True)
    return [b + inner(z, column) for b, column in zip(intercepts, columns, strict=True)]


def inner(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def prediction(case, arrays, z):
    """Return the raw predictions of one row."""
    if case["form"] is None:
        activation = ACTIVATIONS[case["activation"]]
        hidden = [activation(a) for a in linear(z, arrays["coefs_0"], arrays["intercepts_0"])]
        return linear(hidden, arrays["coefs_1"], arrays["intercepts_1"])
    squares = [radial(z, arrays, unit, case["form"]) for unit in range(N_UNITS)]
    hidden = [mpmath.exp(-square / 2) for square in squares]
    return linear(hidden, arrays["coefs_0"], arrays["intercepts_0"])


def exact(case, w, X):
    """Return the objective at w, parameters and inputs as numbers of mpmath."""
    arrays = {name: nested(places, w) for name, places in case["places"].items()}
    loss, weight = LOSSES[case["loss"]], [mpf(s) for s in case["weight"]]
    losses = []
    for z, y in zip(X, case["Y"], strict=True):
        raw = prediction(case, arrays, z)
        losses.append(sum(loss(mpf(t), r) for t, r in zip(y, raw, strict=True)))
    squares = sum(w[i] ** 2 for i in case["penalised"])
    return (inner(weight, losses) + mpf(case["alpha"]) * squares / 2) / sum(weight)


def nested(places, w):
    """Return an array as nested lists of the parameters that belong there."""
    return [nested(row, w) for row in places] if places.ndim else w[int(places) - 1]


def slopes(case, w, X):
    """Return value, u' gradient, and u' Hessian v by central differences of eighty digits."""
    u, v = [mpf(x) for x in case["u"]], [mpf(x) for x in case["v"]]

    def f(a, b):
        steps = [STEP * (a * s + b * t) for s, t in zip(u, v, strict=True)]
        return exact(case, [x + step for x, step in zip(w, steps, strict=True)], X)

    first = (f(1, 0) - f(-1, 0)) / (2 * STEP)
    second = (f(1, 1) - f(1, -1) - f(-1, 1) + f(-1, -1)) / (4 * STEP**2)
    return np.array([f(0, 0), first, second], dtype=object)


@st.composite
def cases(draw):
    """A small net, data and a point, each with an odd scale now and then."""
    rng = np.random.default_rng(draw(st.integers(0, 9999)))

    def scale(*ends):
        return 10.0 ** draw(st.sampled_from([0, 0, 0, *ends]))

    form = draw(st.sampled_from([None, None, "spherical", "diag", "full"]))
    loss = draw(st.sampled_from(sorted(LOSSES)))
    activation = draw(st.sampled_from(sorted(ACTIVATIONS)))
    n_outputs, n = draw(st.sampled_from([1, 2])), 3
    if form is None:
        net = Network.mlp(2, (N_UNITS,), n_outputs, activation)
    else:
        net = Network.rbf(2, N_UNITS, n_outputs, form)
    X = rng.normal(size=(n, 2)) * np.array([scale(-8, 3), scale(-3, 6)]) + scale(2, 6) - 1.0
    Y = np.round(np.abs(3.0 * rng.normal(size=(n, n_outputs)))) + 1.0
    if loss == "binary_log_loss":
        Y = (Y > 2.0).astype(float)
    w = rng.normal(size=net.n_parameters) * scale(-8, 1, 2)
    if form is not None:  # centres among the data, some far apart; widths about one
        near = X[rng.integers(0, n, N_UNITS)] + scale(1, 2) * rng.normal(size=(N_UNITS, 2))
        arrays = dict(net.layout.unpack(w), centers=near)
        w = net.layout.pack(arrays)
    places = net.layout.unpack(np.arange(1.0, net.n_parameters + 1.0))
    penalised = [int(i) - 1 for k, a in places.items() if k.startswith("coefs") for i in a.ravel()]
    return {
        "net": net, "X": X, "Y": Y, "w": w, "form": form, "loss": loss, "activation": activation,
        "weight": rng.uniform(0.5, 2.0, n) * scale(-6, 6), "places": places,
        "penalised": penalised, "alpha": draw(st.sampled_from([0.0, 1.0])),
        "u": rng.normal(size=net.n_parameters), "v": rng.normal(size=net.n_parameters),
    }  # fmt: skip


def sizes(case):
    """Return what an error is relative to: the largest entries times the directions."""
    f = Objective(case["net"], case["loss"], case["X"], case["Y"], case["weight"], case["alpha"])
    value, gradient, hessian = f.value(case["w"]), f.gradient(case["w"]), f.hessian(case["w"])
    bent = f.hessian_product(case["w"], case["v"])
    u, v = np.abs(case["u"]), np.abs(case["v"])
    with np.errstate(all="ignore"):
        found = np.array([value, case["u"] @ gradient, case["u"] @ hessian @ case["v"]])
        scale = np.array([abs(value), u @ np.abs(gradient), u @ np.abs(hessian) @ v])
        return found, case["u"] @ bent, scale, hessian


@given(cases())
def test_derivatives_against_eighty_digits(case):
    found, product, scale, hessian = sizes(case)
    if not np.isfinite(scale).all():
        return  # out of the range of doubles, and said so
    np.testing.assert_array_equal(hessian, hessian.T)
    rng = np.random.default_rng(0)
    with mp.workdps(80):
        numbers = np.vectorize(mpf, otypes=[object])
        w, X = numbers(case["w"]), numbers(case["X"])
        right = slopes(case, w, X)
        allowed = 1e-13 * scale
        for _ in range(2):  # what the last digits of parameters and data make of it
            near = w * (1 + EPS * numbers(rng.choice([-1, 1], w.shape)))
            table = X * (1 + EPS * numbers(rng.choice([-1, 1], X.shape)))
            shaken = np.abs((slopes(case, near, table) - right).astype(float))
            allowed = np.maximum(allowed, 30.0 * shaken)
        error = np.abs((numbers(found) - right).astype(float))
        assert (error <= allowed).all(), (error, allowed, scale)
        assert abs(float(mpf(product) - right[2])) <= allowed[2]
