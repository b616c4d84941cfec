"""
A net for the Rosenbrock function of many variables
===================================================

Gong et al. (2012) let their optimal steps ("bpos") and Levenberg-Marquardt train a net that
approximates the extended Rosenbrock function of 500 and 1000 variables. Here it has 50 and 100:
points with coordinates from the grid -2, -1.9, ..., 2, drawn at random, two for each variable,
and an N-5-1 net of logistic units. Inputs and target are standardised, and there is no
penalty. There are more parameters than points, so the error can fall to zero. Levenberg-Marquardt
factorises a P x P matrix in each iteration; an optimal step needs one product with the Hessian.
The full sizes are in doc/optimal_steps.md.
"""

import time

import matplotlib.pyplot as plt
import numpy as np

from sknewtonnet.calculus import Network, Objective, critical_point
from sknewtonnet.solvers import get_solver


def rosenbrock(X):
    """The extended Rosenbrock function of each row."""
    first, second = X[:, :-1], X[:, 1:]
    return ((1.0 - first) ** 2 + 100.0 * (second - first**2) ** 2).sum(axis=1)


def problem(n_variables):
    """Objective on 2 N points, the same for N new ones, and a starting point."""
    rng = np.random.default_rng(0)
    n = 2 * n_variables
    X = rng.integers(-20, 21, (n + n_variables, n_variables)) / 10.0
    y = rosenbrock(X)
    y = (y - y[:n].mean()) / y[:n].std()
    X /= 1.183  # the standard deviation of the grid
    network = Network.mlp(n_variables, (5,), 1, activation="logistic")
    parts = (slice(0, n), slice(n, None))
    seen, new = (Objective(network, "squared_error", X[part], y[part]) for part in parts)
    return seen, new, rng.uniform(-0.5, 0.5, network.n_parameters) / np.sqrt(n_variables)


# %%
# Mean squared error against CPU seconds, until it is 1e-6 or a second is over.

entrants = {
    "BPOS, modified": ("bpos", {"objective": "modified"}),
    "BPOS, conjugate": ("bpos", {"objective": "modified", "direction": "conjugate"}),
    "LM, marquardt": ("lm", {"damping": "marquardt"}),
    "LM, nielsen": ("lm", {"damping": "nielsen"}),
    "default": ("auto", {}),
}


def run(objective, w, name, options):
    """Errors and seconds after each iteration, and where it ended."""
    errors, seconds = [2.0 * objective.value(w)], [0.0]

    def watch(iteration):
        errors.append(2.0 * iteration.value)
        seconds.append(time.process_time() - begun)
        return errors[-1] <= 1e-6 or seconds[-1] > 1.0

    solver = get_solver(name, max_iter=100000, options=options)
    begun = time.process_time()
    result = solver.minimize(objective, w, watch)
    return np.array(errors), np.array(seconds), result


dashes = ("-", "--", "-.", ":", (0, (5, 1)))
colours = ("#0072B2", "#56B4E9", "#E69F00", "#D55E00", "black")
styles = {
    label: {"linestyle": dash, "color": colour}
    for label, dash, colour in zip(entrants, dashes, colours, strict=True)
}
figure, axes = plt.subplots(1, 2, sharey=True, figsize=(10, 4.5), layout="constrained")
ends, results = {}, {}
for panel, n_variables in zip(axes, (50, 100), strict=True):
    seen, new, start = problem(n_variables)
    run(seen, start, "auto", {})  # warm up
    print(f"N = {n_variables}: {len(seen.targets)} points, {seen.n_parameters} parameters")
    for label, entrant in entrants.items():
        errors, seconds, result = run(seen, start, *entrant)
        panel.loglog(seconds[1:], errors[1:], label=label, **styles[label])
        ends[label] = errors[-1], 2.0 * new.value(result.params)
        results[label] = result
        pace = 1e3 * seconds[-1] / result.n_iter
        print(
            f"{label:>18}: {result.n_iter:5d} iterations of {pace:6.2f} ms to {errors[-1]:.1e}; "
            f"{ends[label][1]:.2f} on new points"
        )
    panel.set_title(f"{n_variables} variables, {seen.n_parameters} parameters", fontsize=10)
    panel.set_xlabel("CPU seconds")
    panel.grid(color="0.9")
axes[0].set_ylabel("mean squared error")
axes[0].set_ylim(1e-7, 3.0)
axes[1].legend(loc="lower left")

# %%
# Levenberg-Marquardt with "marquardt" damping converges as well, but not to a minimum: its first
# steps are so long that the units go flat, and there the gradient vanishes. The second-derivative
# test calls that point a saddle.

for label, result in results.items():
    if ends[label][0] > 1e-6 and result.converged:
        arrays = seen.network.layout.unpack(result.params)
        inputs = seen.samples @ arrays["coefs_0"] + arrays["intercepts_0"]
        flat = (np.abs(inputs) > 10.0).mean()
        point = critical_point(seen, result.params)
        print(
            f"{label} converged to a gradient of {result.gradient_norm:.0e} and an error of "
            f"{ends[label][0]:.2f}: a {point.kind}, with {flat:.0%} of the hidden inputs where "
            "the units are flat."
        )

fitted = [label for label, end in ends.items() if end[0] <= 1e-6]
others = [label for label in ends if label not in fitted]
print(f"At N = 100, down to 1e-6, so next to a minimum of error 0: {'; '.join(fitted)}.")
if others:
    print(f"Not so: {'; '.join(others)}.")
least = min(end[1] for end in ends.values())
print(f"A minimum is not a good net: on new points no error is below {least:.2f}; the mean has 1.")
plt.show()
