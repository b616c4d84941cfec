"""
Optimal steps on Iris, beside Levenberg-Marquardt
=================================================

A gradient step whose length exact curvature chooses ("bpos", Gong et al. 2012) needs no learning
rate and comes down as fast as a constant step that was tuned; Levenberg-Marquardt leaves both far
behind. All train a 4-17-1 net on the number of the class, from the same weights. Inputs are
standardised, the classes are -1, 0 and 1, the hidden units logistic, the output linear, and there
is no penalty. The error is half the sum of squares, an epoch one iteration on all 150 flowers. See
doc/optimal_steps.md for longer runs, and doc/optimal_step_variants.md for the net of that paper,
whose output is logistic.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

from sknewtonnet.calculus import Network, Objective
from sknewtonnet.solvers import get_solver

X, y = load_iris(return_X_y=True)
network = Network.mlp(4, (17,), 1, activation="logistic")
objective = Objective(network, "squared_error", scale(X), y - 1.0)

# %%
# Every solver starts at the same weights, one set for each of three seeds. The constant step is
# the largest of 0.1, 0.2, ..., 0.5 (for the mean loss) that never raises the error.

entrants = {
    "constant step 0.3": ("gd", {"learning_rate": 0.3}, 500),
    "BPOS, modified": ("bpos", {"objective": "modified"}, 500),
    "BPOS, conjugate": ("bpos", {"objective": "modified", "direction": "conjugate"}, 500),
    "LM, marquardt": ("lm", {"damping": "marquardt"}, 200),
    "LM, nielsen": ("lm", {"damping": "nielsen"}, 200),
    "default": ("auto", {}, 200),
}
seeds = (0, 1, 2)
starts = [np.random.default_rng(s).uniform(-0.5, 0.5, network.n_parameters) for s in seeds]


def run(name, options, epochs, w):
    """Half the sum of squares and CPU seconds after each epoch, and the result."""
    errors, seconds = [len(X) * objective.value(w)], [0.0]

    def watch(iteration):
        errors.append(len(X) * iteration.value)
        seconds.append(time.process_time() - begun)

    solver = get_solver(name, max_iter=epochs, options=options)
    begun = time.process_time()
    result = solver.minimize(objective, w, watch)
    return np.array(errors), np.array(seconds), result


run("auto", {}, 20, starts[0])  # warm up
runs = {label: [run(*entrant, w) for w in starts] for label, entrant in entrants.items()}

# %%
# The error of three seeds after 50 epochs and at the end, and epochs until it is at most 1.

print(f"{'SSE / 2':>18} {'after 50 epochs':>24} {'at the end':>32} {'epochs to 1':>20}")
for label, found in runs.items():
    first = " ".join(f"{errors[min(50, len(errors) - 1)]:7.3g}" for errors, *_ in found)
    last = " ".join(f"{errors[-1]:7.2g}" for errors, *_ in found)
    reached = [np.flatnonzero(errors <= 1.0)[:1] for errors, *_ in found]
    epochs = " ".join(f"{str(*k) if len(k) else '-':>5}" for k in reached)
    print(f"{label:>18} {first:>24} {last:>24} in {len(found[0][0]) - 1:4d} {epochs:>20}")

# %%
# Lines are the medians of three seeds, areas go from the lowest to the highest.

looks = {
    "constant step 0.3": ("0.5", "-"),
    "BPOS, modified": ("#56B4E9", "-"),
    "BPOS, conjugate": ("#0072B2", "--"),
    "LM, marquardt": ("#D55E00", (0, (5, 1))),
    "LM, nielsen": ("#D55E00", "-."),
    "default": ("black", ":"),
}
figure, axes = plt.subplots(1, 2, sharey=True, figsize=(10, 4.5), layout="constrained")
for label, found in runs.items():
    colour, dash = looks[label]
    errors = np.array([errors[: min(len(one) for one, *_ in found)] for errors, *_ in found])
    clock = np.median([seconds[: errors.shape[1]] for _, seconds, _ in found], axis=0)
    for panel, x in zip(axes, (np.arange(errors.shape[1]), clock), strict=True):
        middle = np.median(errors, axis=0)[1:]
        panel.loglog(x[1:], middle, color=colour, linestyle=dash, label=label, lw=1.8)
        ends = errors.min(axis=0)[1:], errors.max(axis=0)[1:]
        panel.fill_between(x[1:], *ends, color=colour, alpha=0.12, linewidth=0)
axes[0].set_xlabel("epochs")
axes[1].set_xlabel("CPU seconds (median)")
axes[0].set_ylabel("half the sum of squared errors")
axes[0].set_ylim(1e-6, 1e3)
axes[0].legend(loc="lower left", fontsize="small")
for panel in axes:
    panel.grid(color="0.9")

slow = np.median([errors[50] for errors, *_ in runs["BPOS, modified"]])
fast = np.median([errors[50] for errors, *_ in runs["LM, nielsen"]])
print(f"After 50 epochs optimal steps have {slow / fast:.0f} times the error of LM (nielsen).")
results = [result for found in runs.values() for *_, result in found]
there = sum(result.converged for result in results)
print(f"{there} of {len(results)} runs came to a minimum, with a gradient of at most 1e-10.")
print("With logistic units and no penalty the error can fall for ever as weights grow.")
plt.show()
