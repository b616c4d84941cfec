"""
Confidence bands and prediction intervals when the noise grows
================================================================

Generated data with one input, whose noise grows with it. Standard errors that trust the model
("hessian") take the noise to be the same everywhere; a sandwich ("HC3") does not. Who is right
can be counted here, since the truth is known. A net with too many units is looked at as well.
"""

import warnings
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np

from sknewtonnet import NewtonMLPRegressor

rng = np.random.default_rng(0)


def truth(x):
    """Mean of the target."""
    return 2.0 * np.tanh(1.5 * x - 0.5)


def noise(x):
    """Standard deviation of the target."""
    return 0.1 + 0.3 * (x + 2.0)


def sample(n):
    """Draw inputs and targets."""
    x = rng.uniform(-2.0, 2.0, n)
    return x[:, None], truth(x) + noise(x) * rng.standard_normal(n)


def fit(X, y, units):
    """Fit a net without a penalty."""
    return NewtonMLPRegressor((units,), alpha=0.0, random_state=0).fit(X, y)


X, y = sample(250)
grid = np.linspace(-2.0, 2.0, 81)[:, None]
net = fit(X, y, 1)
kinds = ("hessian", "HC3")
predictions = {}
for kind in kinds:
    results = net.inference(X, y, cov_type=kind)
    predictions[kind] = results.get_prediction(grid)
print(f"One unit: a {net.critical_point_}, identifiable {results.identifiable}.")

# %%
# Too many units: the gate says so, in a warning.

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    large = fit(X, y, 3)
    refused = large.inference(X, y)
print(f"\nThree units: identifiable {refused.identifiable}; the warning was")
for warning in caught:
    if str(warning.message).startswith("Inference: "):
        print(fill(str(warning.message), 95, initial_indent="  ", subsequent_indent="  "))

# %%
# Do 95 % intervals hold what they promise? For prediction intervals: how many of new
# observations are inside, in each third of the input.

new_X, new_y = sample(20_000)
third = np.digitize(new_X[:, 0], [-2 / 3, 2 / 3])
prediction = net.inference(X, y).get_prediction(new_X)
with warnings.catch_warnings(record=True) as caught:  # it may be told that variances differ
    warnings.simplefilter("always")
    lower, upper = prediction.prediction_interval.T
for warning in caught:
    print("\n" + fill(str(warning.message), 95))
inside = (lower <= new_y) & (new_y <= upper)
print("\nnew observations inside their prediction interval (one unit), %")
print("  " + ", ".join(f"{100 * inside[third == k].mean():.1f}" for k in range(3)), end="")
print(f" in the thirds from left to right, {100 * inside.mean():.1f} overall")

# The interval has the same width everywhere, whatever the covariance: too wide where the noise is
# small, too narrow where it is large.

# %%
# For confidence bands: in how many of 200 data sets the true mean is inside, at each place.

places = np.linspace(-1.9, 1.9, 20)[:, None]
n_repeats = 200
covered = {kind: np.zeros(len(places)) for kind in kinds}
for _ in range(n_repeats):
    again = sample(250)
    net = fit(*again, 1)
    for kind, count in covered.items():
        band = net.inference(*again, cov_type=kind).get_prediction(places).confidence_interval
        count += (band[:, 0] <= truth(places[:, 0])) & (truth(places[:, 0]) <= band[:, 1])
rates = {kind: 100 * count / n_repeats for kind, count in covered.items()}
print("\ntrue mean inside the 95 % confidence band, %: mean, lowest and highest over the input")
for kind, rate in rates.items():
    print(f"  {kind:8} {rate.mean():5.1f} {rate.min():5.1f} {rate.max():5.1f}")

# %%
# The two bands around the same curve, and how often they cover.

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
left.plot(X[:, 0], y, ".", color="0.65", markersize=4)
left.plot(grid[:, 0], truth(grid[:, 0]), "k--", linewidth=1.0, label="true mean")
left.plot(grid[:, 0], predictions["HC3"].mean, color="C0", label="one unit")
low, high = predictions["hessian"].new_observation.T  # the same, without the warning
for k, end in enumerate((low, high)):
    label = None if k else "prediction interval"
    left.plot(grid[:, 0], end, color="0.35", ls=":", linewidth=1.5, label=label)
for kind, color, hatch in zip(kinds, ("C1", "C0"), ("////", None), strict=True):
    low, high = predictions[kind].confidence_interval.T
    look = {"facecolor": "none" if hatch else color, "edgecolor": color, "alpha": 0.5}
    left.fill_between(grid[:, 0], low, high, hatch=hatch, label=f"band, {kind}", **look)
left.set(xlabel="x", ylabel="y", title="95 % bands and intervals")
left.legend(loc="upper left", fontsize=9)
for kind, color, marker in zip(kinds, ("C1", "C0"), "so", strict=True):
    right.plot(places[:, 0], rates[kind], color=color, marker=marker, ms=4, label=kind)
right.axhline(95.0, color="0.6", linewidth=0.8, linestyle="--")
right.set(xlabel="x", ylabel="% of data sets", title="how often the band covers the true mean")
right.legend(fontsize=9)
plt.show()
