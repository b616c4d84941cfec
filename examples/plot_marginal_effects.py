"""
What a feature does: average effects, curves, interactions
============================================================

Weights of a net are hard to read; effects on the prediction are not. Progress of diabetes
after one year, from age, sex, body mass index (bmi), blood pressure (bp) and the logarithm of
triglycerides (s5), all but sex and the target standardised.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from sknewtonnet import NewtonMLPRegressor

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
X = X[["age", "sex", "bmi", "bp", "s5"]]
smooth = ["age", "bmi", "bp", "s5"]
X = X.assign(sex=X["sex"] - 1.0, **{name: scale(X[name]) for name in smooth})
y = scale(y)

# %%
# How many units? A score test asks whether products of two and three inputs explain what is left.
# It speaks for two units, BIC would take none: what follows describes the net that sees
# interactions, on the data that called for them.

nets = {}
for units in (0, 1, 2):
    sizes = (units,) if units else ()
    nets[units] = NewtonMLPRegressor(sizes, alpha=0.0, n_init=10, random_state=0).fit(X, y)
    results = nets[units].inference(X, y)
    test = results.hidden_unit_test("taylor")
    print(
        f"{units} units: BIC {results.bic:.1f}, AIC {results.aic:.1f}, "
        f"one more is needed: p = {test.p_value:.4f}"
    )
net = nets[2]
same = int((net.starts_["minimum"] == 0).sum())
print(f"{same} of {len(net.starts_['minimum'])} starts with two units found the same minimum.")

# %%
# The gate notes that errors of the model and of the sandwich differ: so HC3 from here on.

print(*net.inference(X, y).diagnosis, sep="\n")
results = net.inference(X, y, cov_type="HC3")
print(f"identifiable: {results.identifiable}\n")

# %%
# Average marginal effects: by how much the prediction rises per standard deviation of a
# feature; for sex, which has two values, the difference between them. The last column tests
# that no weight leaves the feature.

effects = results.marginal_effects()
tests = results.wald_test_features()
print(f"{'':14}{'effect':>9}{'std. error':>12}{'p':>10}{'p, no weight':>14}")
for k, name in enumerate(effects.names):
    print(
        f"{name:14}{effects.effects[k]:9.3f}{effects.std_errors[k]:12.3f}"
        f"{effects.p_values[k]:10.2g}{tests[X.columns[k]].p_value:14.2g}"
    )

# %%
# Age has no effect on average. Second derivatives tell what averages hide: how the slope in one
# feature changes with another one, person by person.

slopes = net.input_derivatives(X)
bends = net.input_derivatives(X, order=2)
age = list(X).index("age")
for name in ("bmi", "s5"):
    pair = bends[:, age, list(X).index(name)]
    print(f"slope in age, change with {name}: mean {pair.mean():.3f}, sd {pair.std():.3f}")
woman_man = [X.assign(sex=value) for value in (0.0, 1.0)]
by_sex = [net.input_derivatives(rows)[:, age].mean() for rows in woman_man]
print(f"average slope in age if all had sex 0: {by_sex[0]:.3f}, sex 1: {by_sex[1]:.3f}")

# %%
# Curves with bands that hold at all points at once, and slopes in age for both sexes.

figure, axes = plt.subplots(2, 2, figsize=(9, 7), layout="constrained")
for ax, name in zip(axes.flat[:3], ("age", "bmi", "s5"), strict=True):
    curve = results.partial_effect(name, band="simultaneous", n_points=40)
    curve.plot(ax=ax)
    ax.plot(X[name], np.full(len(X), -1.9), "|", color="0.6", markersize=5)
    ax.set(ylim=(-2.0, 2.6), ylabel="mean prediction")
    ax.legend(loc="upper left", fontsize=9)
ax = axes.flat[3]
for value, color in ((0.0, "C0"), (1.0, "C1")):
    chosen = (X["sex"] == value).to_numpy()
    ax.plot(X["age"][chosen], slopes[chosen, age], ".", color=color, label=f"sex {value:g}")
ax.axhline(0.0, color="0.7", linewidth=0.8, zorder=0)
ax.set(xlabel="age", ylabel="slope in age", title="each person's slope in age")
ax.legend(fontsize=9)
plt.show()
