"""
A convolution along a row: units that share their weights
=========================================================

Each row of the table is a signal of 24 readings. What matters is a pattern of four readings that
may come at any time, and the target adds up its echoes. A net whose units share one filter has 7
parameters, which are estimated from all places of all rows together: with their standard errors
they agree with those of the simulation. The same net without the ties has more than 100, and
predicts new rows less well.
"""

import matplotlib.pyplot as plt
import numpy as np

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.calculus import convolution

# %%
# Signals with memory, and a target that sums softplus(filter . window - 1) over all 21 windows.

rng = np.random.default_rng(0)
n_readings, width = 24, 4
filter_of_truth = np.array([0.8, -1.2, -0.4, 1.0])


def simulated(n_rows):
    """Signals, one per row, and their targets."""
    X = rng.standard_normal((n_rows, n_readings))
    for t in range(1, n_readings):
        X[:, t] += 0.5 * X[:, t - 1]
    windows = np.lib.stride_tricks.sliding_window_view(X, width, axis=1)
    echoes = np.log1p(np.exp(windows @ filter_of_truth - 1.0)).sum(axis=1)
    return X, echoes + 0.5 * rng.standard_normal(n_rows)


X, y = simulated(200)
X_new, y_new = simulated(2000)

# %%
# Which columns a unit reads, and which entries are one parameter: a filter with its intercept, and
# one weight for the sum of its units. The same connections without the ties are the rival, and so
# is a net that reads all columns. The data choose the penalty of all three.

connectivity, tied = convolution(n_readings, width, pooled_outputs=1)
n_units = len(tied["intercepts_0"])
nets = {
    "one filter": {"connectivity": connectivity, "tied": tied},
    "a filter for each place": {"connectivity": connectivity},
    "all columns": {},
}
errors = {}
for name, params in nets.items():
    net = NewtonMLPRegressor((n_units,), activation="softplus", random_state=0, **params)
    net.fit(X, y)
    errors[name] = np.sqrt(np.mean((net.predict(X_new) - y_new) ** 2))
    nets[name] = net
    print(
        f"{name}: {len(net.params_)} parameters, a {net.critical_point_}; "
        f"root mean squared error of new rows {errors[name]:.2f}"
    )

# %%
# The filter with its standard errors. Its sign and size are known: softplus has no symmetry.

net = nets["one filter"]
results = net.inference(X, y)
print(results.to_frame()[["estimate", "std_error", "p_value"]].round(4))

# %%
# The filter with 95 % intervals beside that of the simulation, and the errors of new rows.

low, high = results.conf_int()[:width].T
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
place = np.arange(width)
estimate = net.params_[:width]
reach, look = [estimate - low, high - estimate], {"fmt": "o", "capsize": 4}
left.errorbar(place, estimate, reach, label="estimate, 95 % interval", **look)
left.plot(place, filter_of_truth, "x", color="C3", markersize=9, label="of the simulation")
left.margins(x=0.15)
left.axhline(0.0, color="0.8", linewidth=0.8)
left.set_xticks(place, [f"reading {i + 1}" for i in place])
left.set_ylabel("weight of the filter")
left.legend(loc="upper center")
labels = [f"{name}\n({len(nets[name].params_)} parameters)" for name in nets]
right.barh(labels, list(errors.values()), color=["C0", "0.7", "0.7"])
right.axvline(0.5, color="C3", linewidth=1.0)
right.invert_yaxis()
right.text(0.52, -0.47, "noise of the target", color="C3", ha="left", va="bottom")
right.set_xlabel("root mean squared error of new rows")
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
plt.show()
