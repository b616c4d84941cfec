"""
A surrogate with slopes: eight inputs of a borehole
===================================================

A formula for the flow of water through a borehole (Harper and Gupta 1983) stands for a slow
computer model. A net learns it from 120 runs, predicts the flow at new inputs with a standard
error, and has slopes with standard errors, too, which were never among the runs. Along lines
through the middle of the table it is next to the formula, in both.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import qmc

from sknewtonnet import NewtonMLPRegressor

inputs = {
    "radius of the borehole [m]": (0.05, 0.15),
    "radius of influence [m]": (100.0, 50000.0),
    "transmissivity of the upper aquifer [m2/yr]": (63070.0, 115600.0),
    "head of the upper aquifer [m]": (990.0, 1110.0),
    "transmissivity of the lower aquifer [m2/yr]": (63.1, 116.0),
    "head of the lower aquifer [m]": (700.0, 820.0),
    "length of the borehole [m]": (1120.0, 1680.0),
    "conductivity of the borehole [m/yr]": (9855.0, 12045.0),
}
low, high = np.array(list(inputs.values())).T


def flow(X):
    """Flow of water through the borehole, in cubic metres per year."""
    r_w, r, T_u, H_u, T_l, H_l, length, K_w = X.T
    ratio = np.log(r / r_w)
    return (
        2.0
        * np.pi
        * T_u
        * (H_u - H_l)
        / (ratio * (1.0 + 2.0 * length * T_u / (ratio * r_w**2 * K_w) + T_u / T_l))
    )


def runs(n, seed):
    """Inputs of a Latin hypercube."""
    X = qmc.scale(qmc.LatinHypercube(len(low), rng=seed).random(n), low, high)
    return pd.DataFrame(X, columns=list(inputs))


# %%
# Tables of formulas have no noise: a weak penalty, and several starts. 1000 new runs tell how good
# the surrogate is, beside the spread of the flow. Standard errors are those of the weights; what
# the net cannot bend to is not in them, so that bands are somewhat narrow here.

X, X_new = runs(120, 0), runs(1000, 1)
y, y_new = flow(X.to_numpy()), flow(X_new.to_numpy())
net = NewtonMLPRegressor((8,), activation="softplus", alpha=1e-3, n_init=5, random_state=0)
net.fit(X, y)
mean, std = net.predict(X_new, return_std=True)
wrong = np.abs(mean - y_new)
print(f"a {net.critical_point_}; root mean square error on new runs ", end="")
print(f"{np.sqrt(np.mean(wrong**2)):.2f} of a spread of {y_new.std():.1f} m3/yr")
print(f"within two standard errors: {np.mean(wrong <= 2.0 * std):.0%} of the new runs")

# %%
# Lines through the middle along the two inputs that matter most, and slopes beside those of the
# formula, by a complex step.

shown = [list(inputs)[j] for j in np.argsort(-net.feature_importance_)[:2]]
fig, axes = plt.subplots(2, 2, figsize=(8.5, 6), sharex="col", layout="constrained")
for name, (above, below) in zip(shown, axes.T, strict=True):
    j = list(inputs).index(name)
    line = pd.DataFrame(np.tile(0.5 * (low + high), (101, 1)), columns=list(inputs))
    line[name] = np.linspace(low[j], high[j], 101)
    mean, std = net.predict(line, return_std=True)
    slope = net.input_derivatives(line)[:, j]
    error = net.input_derivatives(line, of="std")[:, j]
    step = line.to_numpy(dtype=complex)
    step[:, j] += 1e-20j
    for ax, known in ((above, flow(step).real), (below, flow(step).imag / 1e-20)):
        ax.plot(line[name], known, color="black", linestyle="--", label="formula")
    above.plot(line[name], mean, color="C0", label="net")
    above.fill_between(line[name], mean - 2.0 * std, mean + 2.0 * std, color="C0", alpha=0.3)
    below.plot(line[name], slope, color="C0")
    low_end, high_end = slope - 2.0 * error, slope + 2.0 * error
    below.fill_between(line[name], low_end, high_end, color="C0", alpha=0.3)
    below.set_xlabel(name)
axes[0, 0].set_ylabel("flow [m3/yr], net with\ntwo standard errors")
axes[1, 0].set_ylabel("slope of the flow\n[m3/yr per unit of the input]")
axes[0, 0].legend()
plt.show()
