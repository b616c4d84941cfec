"""
What a feature does: average effects, curves, interactions
============================================================

Weights of a net are hard to read; effects on the prediction are not. Progress of diabetes
after one year, a number from 25 to 346, from age, sex, body mass index (bmi), blood pressure (bp)
and the logarithm of triglycerides (s5), in their own units: effects are per year, per point of
the index, per mm Hg. The data come with scikit-learn.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.display import EffectDisplay

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
# Averages hide what cancels: derivatives person by person show it, second ones how a slope changes
# with any feature. In this net age raises the progress of some people and lowers that of others.
# The test above warns not to make much of it: it has no evidence that age matters at all.

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
# Curves with bands, over all people with the feature at a value, and the partial residuals of each
# of them. That of age is nearly flat; the slopes that it is the mean of are not.

figure = plt.figure(figsize=(9.5, 6.0), layout="constrained")
above, below = figure.subfigures(2, 1)
display = EffectDisplay.from_results(
    results,
    ["age", "bmi", "bp", "s5"],
    target_name="progress",
    n_points=40,
    ax=above.subplots(),
)
units = ("age (years)", "body mass index", "blood pressure (mm Hg)", "s5 (log of triglycerides)")
for ax, label in zip(display.axes_.flat, units, strict=True):
    ax.set_xlabel(label)
ax = below.subplots()
for value, marker in ((0.0, "o"), (1.0, "x")):
    chosen = (X["sex"] == value).to_numpy()
    ax.scatter(X["age"][chosen], slopes[chosen, age], s=14, marker=marker, label=f"sex {value:g}")
ax.axhline(0.0, color="0.7", linewidth=0.8, zorder=0)
ax.set(
    xlabel="age (years)",
    ylabel="slope in age (per year)",
    title="slopes in age, person by person: the flat curve is their mean",
)
ax.legend()
plt.show()
