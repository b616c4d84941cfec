"""The problems of ``races.py`` and its rivals, each called by its public interface only.

A rival is a function of a problem that compiles what it needs and returns ``run(w0, record)``:
train from the flat weights w0 and call ``record(w)`` after every iteration. Where a package has
no callback the points at which it evaluates the objective are recorded instead.
"""

import time
import warnings
from dataclasses import dataclass
from functools import partial
from unittest import mock

import numpy as np

# Data set, hidden units, loss, strength of the penalty, seconds allowed.
PROBLEMS = {
    "diabetes10": ("diabetes", 10, "squared_error", 1e-2, 1.5),
    "diabetes20": ("diabetes", 20, "squared_error", 1e-2, 1.5),
    "diabetes10_alpha0": ("diabetes", 10, "squared_error", 0.0, 1.5),
    "breast_cancer": ("breast_cancer", 10, "binary_log_loss", 1e-3, 1.5),
    "iris3": ("iris", 17, "multinomial_log_loss", 1e-3, 1.5),
    "iris1": ("iris", 17, "squared_error", 1e-3, 1.5),
    "wine": ("wine", 10, "multinomial_log_loss", 1e-3, 1.5),
    "digits": ("digits", 32, "multinomial_log_loss", 1e-3, 4.0),
    "friedman": ("friedman1", 20, "squared_error", 1e-4, 4.0),
}
# Below that, a trust region can hardly tell f at two points apart, and runs on for nothing.
GRADIENT_TOLERANCE = 1e-7
FOREVER = 10**7
TOLERANCE = {"gtol": GRADIENT_TOLERANCE}
# The second derivatives that a method takes, and its options.
SCIPY_METHODS = {
    "L-BFGS-B": ("", {"maxfun": FOREVER, "ftol": 1e-14, **TOLERANCE}),
    "BFGS": ("", TOLERANCE),
    "Newton-CG": ("product", {"xtol": 1e-10}),
    "trust-ncg": ("product", TOLERANCE),
    "trust-krylov": ("product", TOLERANCE),
    "trust-exact": ("matrix", TOLERANCE),
}
TORCHMIN_METHODS = {"newton-cg": {"xtol": 1e-12}, "trust-ncg": TOLERANCE, "bfgs": TOLERANCE}


@dataclass(frozen=True)
class Problem:
    """Data and net: n_features - hidden (tanh) - n_outputs."""

    name: str
    X: np.ndarray
    Y: np.ndarray
    hidden: int
    loss: str
    alpha: float
    seconds: float

    @property
    def shapes(self):
        """Shapes of the two matrices of coefficients."""
        return (self.X.shape[1], self.hidden), (self.hidden, self.Y.shape[1])

    @property
    def n_coefs(self):
        return sum(fan_in * fan_out for fan_in, fan_out in self.shapes)

    @property
    def n_parameters(self):
        return self.n_coefs + self.hidden + self.Y.shape[1]

    def split(self, w):
        """W_0, W_1, b_0, b_1 of a flat vector of numpy, jax or torch."""
        ends = self.shapes[0][0] * self.hidden, self.n_coefs, self.n_coefs + self.hidden
        W_0, W_1 = w[: ends[0]], w[ends[0] : ends[1]]
        intercepts = w[ends[1] : ends[2]], w[ends[2] :]
        return W_0.reshape(self.shapes[0]), W_1.reshape(self.shapes[1]), *intercepts

    def start(self, seed):
        """Random weights, uniform within sqrt(6 / (fan_in + fan_out))."""
        rng = np.random.default_rng(seed)
        coefs, intercepts = [], []
        for shape in self.shapes:
            bound = np.sqrt(6.0 / sum(shape))
            coefs.append(rng.uniform(-bound, bound, shape).ravel())
            intercepts.append(rng.uniform(-bound, bound, shape[1]))
        return np.concatenate(coefs + intercepts)


def standardised(A):
    return (A - A.mean(axis=0)) / A.std(axis=0)


def load(name):
    """The problem of that name."""
    from sklearn import datasets

    source, hidden, loss, alpha, seconds = PROBLEMS[name]
    if source == "friedman1":
        X, y = datasets.make_friedman1(10000, 10, noise=1.0, random_state=0)
    else:
        X, y = getattr(datasets, f"load_{source}")(return_X_y=True)
    X = X / 16.0 if source == "digits" else standardised(X)
    if loss == "squared_error":
        Y = standardised(y.astype(float))[:, None]
    elif loss == "binary_log_loss":
        Y = y[:, None].astype(float)
    else:
        Y = np.eye(y.max() + 1)[y]
    return Problem(name, np.ascontiguousarray(X), Y, hidden, loss, alpha, seconds)


# ---- scikit-learn ----
def sklearn_net(problem, **settings):
    """scikit-learn's net and its targets."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    many = problem.loss == "multinomial_log_loss"
    y = problem.Y.argmax(axis=1) if many else problem.Y.ravel()
    kind = MLPRegressor if problem.loss == "squared_error" else MLPClassifier
    warnings.simplefilter("ignore")
    settings = {"hidden_layer_sizes": (problem.hidden,), "random_state": 0} | settings
    return kind(activation="tanh", **settings), y


def set_weights(net, problem, w):
    W_0, W_1, b_0, b_1 = (part.copy() for part in problem.split(w))
    net.coefs_, net.intercepts_ = [W_0, W_1], [b_0, b_1]


def sklearn_lbfgs(problem):
    import scipy.optimize

    # Its penalty is alpha / (2 n), and its vector is ordered as here.
    net, y = sklearn_net(
        problem, solver="lbfgs", alpha=problem.alpha * len(problem.X), max_iter=1,
        warm_start=True, tol=1e-9, max_fun=FOREVER,
    )  # fmt: skip
    net.fit(problem.X, y).set_params(max_iter=FOREVER)
    minimize = scipy.optimize.minimize

    def run(w0, record):
        set_weights(net, problem, w0)
        watched = partial(minimize, callback=lambda xk: record(xk))
        with mock.patch.object(scipy.optimize, "minimize", watched):
            net.fit(problem.X, y)

    return run


def sklearn_adam(problem):
    batch = min(200, len(problem.X))
    net, y = sklearn_net(
        problem, solver="adam", alpha=problem.alpha * batch, learning_rate_init=1e-2
    )
    classes = {} if problem.loss == "squared_error" else {"classes": np.unique(y)}
    net.partial_fit(problem.X, y, **classes)

    def run(w0, record):
        set_weights(net, problem, w0)
        del net._optimizer
        for _ in range(FOREVER):
            net.partial_fit(problem.X, y)
            record(np.concatenate([part.ravel() for part in net.coefs_ + net.intercepts_]))

    return run


# ---- torch ----
def torch_objective(problem):
    import torch

    torch.set_num_threads(1)
    X, Y = torch.as_tensor(problem.X), torch.as_tensor(problem.Y)
    functional = torch.nn.functional

    def objective(w):
        W_0, W_1, b_0, b_1 = problem.split(w)
        raw = torch.addmm(b_1, torch.tanh(torch.addmm(b_0, X, W_0)), W_1)
        if problem.loss == "squared_error":
            loss = 0.5 * (raw - Y).square().sum()
        elif problem.loss == "binary_log_loss":
            loss = functional.binary_cross_entropy_with_logits(raw, Y, reduction="sum")
        else:
            loss = functional.cross_entropy(raw, Y, reduction="sum")
        return loss / len(X) + 0.5 * problem.alpha * w[: problem.n_coefs].square().sum()

    return objective


def torch_lbfgs(problem):
    import torch

    objective = torch_objective(problem)

    def run(w0, record):
        w = torch.tensor(w0, requires_grad=True)
        optimizer = torch.optim.LBFGS(
            [w], max_iter=FOREVER, max_eval=FOREVER, history_size=20, line_search_fn="strong_wolfe",
            tolerance_grad=GRADIENT_TOLERANCE, tolerance_change=1e-13,
        )  # fmt: skip

        def closure():
            optimizer.zero_grad()
            value = objective(w)
            value.backward()
            record(w.detach().numpy())
            return value

        optimizer.step(closure)
        record(w.detach().numpy())

    return run


def torchmin(problem, method):
    import torch
    from torchmin import minimize

    objective = torch_objective(problem)

    def run(w0, record):
        minimize(
            objective, torch.tensor(w0), method, max_iter=FOREVER, options=dict(TORCHMIN_METHODS[method]),
            callback=lambda w: record(w.detach().numpy()),
        )  # fmt: skip

    return run


def torch_lm(problem):
    """torch-levenberg-marquardt; samples of zeros that mark one coefficient are the penalty."""
    import torch
    from torch_levenberg_marquardt.training import LevenbergMarquardtModule

    torch.set_num_threads(1)
    (n, p), k = problem.X.shape, problem.n_coefs if problem.alpha else 0
    rows = np.zeros((n + k, p + 1 + k))
    rows[:n, :p], rows[:n, p] = problem.X, 1.0
    rows[n:, p + 1 :] = np.sqrt(problem.alpha * n) * np.eye(k)
    inputs = torch.as_tensor(rows)
    targets = torch.as_tensor(np.vstack([problem.Y, np.zeros((k, 1))]))

    class Net(torch.nn.Module):
        def __init__(self, w):
            super().__init__()
            self.w = torch.nn.Parameter(torch.tensor(w))

        def forward(self, rows):
            W_0, W_1, b_0, b_1 = problem.split(self.w)
            predicted = torch.tanh(rows[:, :p] @ W_0 + b_0) @ W_1 + b_1
            return rows[:, p : p + 1] * predicted + (rows[:, p + 1 :] @ self.w[:k])[:, None]

    def run(w0, record):
        net = Net(w0)
        module = LevenbergMarquardtModule(net)
        last, stop = np.inf, False
        while not stop:
            _, loss, stop, _ = module.training_step(inputs, targets)
            record(net.w.detach().numpy())
            stop, last = stop or float(loss) == last, float(loss)

    return run


# ---- jax ----
def jax_raw(problem):
    """jax, and the net's raw predictions as a function of w."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    X = jnp.asarray(problem.X)

    def raw(w):
        W_0, W_1, b_0, b_1 = problem.split(w)
        return jnp.tanh(X @ W_0 + b_0) @ W_1 + b_1

    return jax, raw


def jax_objective(problem):
    jax, raw = jax_raw(problem)
    jnp, Y = jax.numpy, jax.numpy.asarray(problem.Y)

    def objective(w):
        z = raw(w)
        if problem.loss == "squared_error":
            loss = 0.5 * jnp.sum((z - Y) ** 2)
        elif problem.loss == "binary_log_loss":
            loss = jnp.sum(jnp.logaddexp(0.0, z) - Y * z)
        else:
            loss = -jnp.sum(Y * jax.nn.log_softmax(z, axis=1))
        return loss / len(Y) + 0.5 * problem.alpha * jnp.sum(w[: problem.n_coefs] ** 2)

    return jax, objective


def fastest_hessian(jax, product, size):
    """The Hessian from products in groups, compiled; of three sizes the fastest."""
    found = {}
    for group in (8, 32, 128):

        def hessian(w, group=group):
            return jax.lax.map(partial(product, w), jax.numpy.eye(size), batch_size=group)

        compiled, w = jax.jit(hessian), np.full(size, 0.1)
        compiled(w).block_until_ready()
        begun = time.process_time()
        compiled(w).block_until_ready()
        found[time.process_time() - begun] = compiled
    return found[min(found)]


def scipy_jax(problem, method):
    """One of scipy's methods on compiled derivatives."""
    import scipy.optimize

    second, options = SCIPY_METHODS[method]
    jax, objective = jax_objective(problem)
    both = jax.jit(jax.value_and_grad(objective))

    def product(w, v):
        return jax.jvp(jax.grad(objective), (w,), (v,))[1]

    def value_and_gradient(w):
        value, gradient = both(w)
        return float(value), np.asarray(gradient)

    more = {}
    if second == "product":
        compiled = jax.jit(product)
        more["hessp"] = lambda w, v: np.asarray(compiled(w, v))
    elif second == "matrix":
        matrix = fastest_hessian(jax, product, problem.n_parameters)
        more["hess"] = lambda w: np.asarray(matrix(w))

    def run(w0, record):
        scipy.optimize.minimize(
            value_and_gradient, w0, jac=True, method=method, callback=lambda xk: record(xk),
            options={"maxiter": FOREVER, **options}, **more,
        )  # fmt: skip

    return run


def optimistix_lm(problem):
    import equinox as eqx
    import optimistix as optx

    jax, raw = jax_raw(problem)
    jnp, Y = jax.numpy, jax.numpy.asarray(problem.Y)

    def residuals(w, _):
        data = ((raw(w) - Y) / np.sqrt(len(Y))).ravel()
        penalty = np.sqrt(problem.alpha) * w[: problem.n_coefs if problem.alpha else 0]
        return jnp.concatenate([data, penalty]), None

    solver = optx.LevenbergMarquardt(rtol=1e-9, atol=1e-9)
    shape = jax.eval_shape(residuals, jnp.zeros(problem.n_parameters), None)[0]
    setting = {"args": None, "options": {}, "tags": frozenset()}

    @eqx.filter_jit
    def begin(w):
        return solver.init(residuals, w, f_struct=shape, aux_struct=None, **setting)

    @eqx.filter_jit
    def step(w, state):
        w, state, _ = solver.step(residuals, w, state=state, **setting)
        done, result = solver.terminate(residuals, w, state=state, **setting)
        return w, state, done | (result != optx.RESULTS.successful)

    def run(w0, record):
        w = jnp.asarray(w0)
        state, done = begin(w), False
        while not done:
            w, state, done = step(w, state)
            record(np.asarray(w))

    return run


RIVALS = {
    "sklearn-lbfgs": (sklearn_lbfgs, "scikit-learn"),
    **{f"scipy-{m.lower()}": (partial(scipy_jax, method=m), "scipy jax") for m in SCIPY_METHODS},
    "torch-lbfgs": (torch_lbfgs, "torch"),
    **{f"torchmin-{m}": (partial(torchmin, method=m), "torch pytorch-minimize")
       for m in TORCHMIN_METHODS},
    "optimistix-lm": (optimistix_lm, "jax optimistix"),
    "torch-lm": (torch_lm, "torch torch-levenberg-marquardt"),
    "sklearn-adam": (sklearn_adam, "scikit-learn"),
}  # fmt: skip
LEAST_SQUARES_ONLY = ("optimistix-lm", "torch-lm")
