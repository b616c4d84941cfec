"""
What is known beforehand: a value at a point, and no fall
=========================================================

Noisy rows of a dose-response curve. It is known that there is no response without a dose, and that
the response never falls. Constraints say so, with exact derivatives of the net, and their
multipliers tell what each of them costs.
"""

import matplotlib.pyplot as plt
import numpy as np

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.calculus import PredictionConstraint, SlopeConstraint

rng = np.random.default_rng(1)
dose = np.sort(rng.uniform(0.5, 10.0, size=40))
response = 6.0 * dose**3 / (27.0 + dose**3) + rng.normal(scale=0.7, size=40)
X = dose[:, None]

# %%
# The rows alone, then with what is known: a value, and the sign of the slope on a grid.

free = NewtonMLPRegressor((3,), alpha=0.01, random_state=0).fit(X, response)
grid = np.linspace(0.0, 10.0, 11)[:, None]
known = [PredictionConstraint([[0.0]], 0.0, 0.0), SlopeConstraint(grid, 0, lower=0.0)]
net = NewtonMLPRegressor((3,), alpha=0.01, constraints=known, random_state=0).fit(X, response)
print(f"a {net.critical_point_}; loss {net.loss_:.4f}, and {free.loss_:.4f} without constraints")
print(f"largest residual of the conditions below 1e-9: {net.solver_result_.stationarity < 1e-9}")

# %%
# What moving a limit by one changes in the loss, to first order: 0 where a limit does not bind.

value, *slopes = -net.multipliers_["nonlinear"]
print(f"value at 0: {value:+.3f}")
for at, slope in zip(grid[:, 0], slopes, strict=True):
    if slope != 0.0:
        print(f"slope at {at:g}: {slope:+.3f}")

# %%
# At the known value the prediction has no error. Rows do not know the slope at the ends: there
# the net stops falling.

at = np.linspace(0.0, 10.0, 201)[:, None]
mean, error = net.predict(at, return_std=True)
fig, (ax, below) = plt.subplots(2, 1, sharex=True, figsize=(6.4, 6.4), height_ratios=(3, 2))
ax.plot(dose, response, ".", color="0.5", label="rows")
ax.plot([0.0], [0.0], "D", color="black", markersize=5, label="known value")
ax.plot(at, free.predict(at), "--", color="C1", label="rows alone")
ax.plot(at, mean, color="C0", label="with what is known")
low, high = mean - 2.0 * error, mean + 2.0 * error
ax.fill_between(at[:, 0], low, high, color="C0", alpha=0.2, lw=0, label="two standard errors")
ax.set_ylabel("response")
ax.legend()
below.axhline(0.0, color="0.8", lw=1)
below.plot(at, free.input_derivatives(at), "--", color="C1")
below.plot(at, net.input_derivatives(at), color="C0")
below.plot(
    grid, net.input_derivatives(grid), "o", color="C0", ms=4, label="known not to be negative"
)
below.legend()
below.set(xlabel="dose", ylabel="slope")
fig.tight_layout()
plt.show()
