"""
What a feature does: average effects, curves, interactions
============================================================

Weights of a net are hard to read; effects on the prediction are not. Progress of diabetes
after one year, a number from 25 to 346, from age, sex, body mass index (bmi), blood pressure (bp)
and the logarithm of triglycerides (s5), in their own units: effects are per year, per point of
the index, per mm Hg.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes

from sknewtonnet import NewtonMLPRegressor

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
X = X[["age", "sex", "bmi", "bp", "s5"]].assign(sex=X["sex"] - 1.0)

# %%
# How many units? A score test asks whether products of two and three inputs explain what is
# left. It speaks for two units, BIC would take none: what follows describes a net that sees
# interactions. A light penalty keeps units from turning into steps around a few people.

print("units     BIC      AIC   p that no more is needed")
for units in (0, 1, 2):
    sizes = (units,) if units else ()
    net = NewtonMLPRegressor(sizes, alpha=1.0, n_init=10, random_state=0).fit(X, y)
    results = net.inference(X, y)
    test = results.hidden_unit_test("taylor")
    print(f"{units:5}{results.bic:9.1f}{results.aic:9.1f}{test.p_value:10.4f}")
same, n_starts = int((net.starts_["minimum"] == 0).sum()), len(net.starts_["minimum"])
print(f"{same} of {n_starts} starts with two units found the same, lowest minimum.")

results = net.inference(X, y, cov_type="HC3")
print(f"identifiable: {results.identifiable}", *results.diagnosis, sep="\n")
print(f"effective parameters: {results.effective_parameters:.1f} of {len(results.names)}\n")

# %%
# Average marginal effects: by how much the prediction rises per unit of a feature; for sex, which
# has two values, the difference between them. The test sees any dependence, also one without an
# average effect, and needs no weight to be identified.

effects = results.marginal_effects()
print(results.tests)

# %%
# No average effect of age, and yet the net needs it: the slopes cancel. Derivatives person by
# person tell what averages hide, second ones how a slope changes with any feature.

slopes = net.input_derivatives(X)
bends = net.input_derivatives(X, order=2)
age = list(X).index("age")
low, high = slopes[:, age].min(), slopes[:, age].max()
print(f"\nslope in age, per person: {low:.2f} to {high:.2f}")
for other, name in enumerate(X):
    mean, spread = bends[:, age, other].mean(), bends[:, age, other].std()
    print(f"  its change with {name:4} mean {mean:6.3f}, sd {spread:.3f}")
by_sex = [net.input_derivatives(X.assign(sex=value))[:, age].mean() for value in (0.0, 1.0)]
print(f"average slope in age if all had sex 0: {by_sex[0]:.3f}, if all had sex 1: {by_sex[1]:.3f}")

# %%
# Curves with bands that hold at all points at once, and slopes in age for both sexes.

figure, axes = plt.subplots(2, 2, figsize=(9, 7), layout="constrained")
for ax, name in zip(axes.flat[:3], ("age", "bmi", "s5"), strict=True):
    curve = results.partial_effect(name, band="simultaneous", n_points=40)
    curve.plot(ax=ax)
    ax.plot(X[name], np.full(len(X), 10.0), "|", color="0.6", markersize=5)
    ax.set(ylim=(0.0, 350.0), ylabel="mean prediction")
    ax.legend(loc="upper left", fontsize=9)
ax = axes.flat[3]
for value, color in ((0.0, "C0"), (1.0, "C1")):
    chosen = (X["sex"] == value).to_numpy()
    ax.plot(X["age"][chosen], slopes[chosen, age], ".", color=color, label=f"sex {value:g}")
ax.axhline(0.0, color="0.7", linewidth=0.8, zorder=0)
ax.set(xlabel="age", ylabel="slope in age", title="each person's slope in age")
ax.legend(fontsize=9)
plt.show()
