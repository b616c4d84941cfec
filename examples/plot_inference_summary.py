"""
The summary table: choose the size, refit, look at the gate, test
==================================================================

The outline of a cell nucleus can be smooth or rough; its fractal dimension says how rough. How
does it depend on the radius, the texture and the smoothness of the nucleus, in scikit-learn's
breast cancer data? A net with skip connections is a linear model and some tanh units on top
of it. BIC says how many, and only a net of the right size has p-values that mean something.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler, scale

from sknewtonnet import NewtonMLPRegressor, criterion_scorer

data = load_breast_cancer(as_frame=True).data
columns = ["radius", "texture", "smoothness"]
X = data[[f"mean {name}" for name in columns]].set_axis(columns, axis=1)
X = StandardScaler().set_output(transform="pandas").fit_transform(X)
y = scale(np.log(data["mean fractal dimension"]))

# %%
# The number of units by BIC. A criterion belongs to the data of the fit, so the "split" of the
# search has all rows on both sides. There is no penalty, and many starts: BIC compares lowest
# minima, not the ones that a single start happens to find.

rows = np.arange(len(X))
search = GridSearchCV(
    NewtonMLPRegressor(alpha=0.0, skip_connections="input-output", n_init=20, random_state=0),
    {"hidden_layer_sizes": [(), (1,), (2,), (3,)]},
    scoring=criterion_scorer("bic"),
    cv=[(rows, rows)],
).fit(X, y)
for sizes, score in zip(
    search.cv_results_["param_hidden_layer_sizes"],
    search.cv_results_["mean_test_score"],
    strict=True,
):
    print(f"{sum(sizes)} hidden units: BIC {-score:.1f}")
net = search.best_estimator_
print(f"BIC chooses {sum(net.hidden_layer_sizes)} unit(s) beside the linear model.\n")

# %%
# The gate: is this a minimum, and are the parameters identified? If not, inference warns, and
# ``diagnosis`` says why. Then the table.

results = net.inference(X, y)
print("identifiable:", results.identifiable, *results.diagnosis, sep="\n")
print()
print(results.summary())

# %%
# A feature has two weights here, one in the unit and one in the linear part: the test is
# that both are zero. Holm's adjustment allows for there being three tests.

robust = net.inference(X, y, cov_type="HC3")
print("\nno effect of       p (Holm), hessian      p (Holm), HC3")
holm = [found.wald_test_features(adjust="holm") for found in (results, robust)]
for name in columns:
    print(f"{name:12}", *(f"{tests[name].p_adjusted:22.2g}" for tests in holm))
ratio = robust.std_errors / results.std_errors
widest = results.names[int(np.argmax(ratio))]
print(
    f"HC3 over model-based standard errors: {ratio.min():.2f} to {ratio.max():.2f}, largest for "
    f"{widest}"
)

# Is there room for another unit? The size came from BIC; this test asks in another way.
for directions in ("random", "taylor"):
    test = results.hidden_unit_test(directions)
    print(f"one more unit, {directions} directions: p = {test.p_value:.3f}")

# %%
# Estimates with their intervals, and what they come to: average effects on the prediction.


def forest(ax, names, estimates, intervals, shift, label):
    """Draw estimates as dots with intervals, one line each."""
    where = np.arange(len(names))[::-1] + shift
    reach = np.abs(intervals.T - estimates)
    ax.errorbar(estimates, where, xerr=reach, fmt="o", markersize=4, capsize=2, label=label)
    ax.set_yticks(np.arange(len(names))[::-1], names)


figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
for found, shift in ((results, 0.13), (robust, -0.13)):
    label = found.cov_type
    forest(left, found.names, found.params, found.conf_int(), shift, label)
    effects = found.marginal_effects()
    forest(right, effects.names, effects.effects, effects.conf_int(), shift, label)
left.set(title="parameters", xlabel="estimate and 95 % interval")
right.set(title="average marginal effects", xlabel="standard deviations of y per one of x")
for ax in (left, right):
    ax.axvline(0.0, color="0.7", linewidth=0.8, zorder=0)
right.legend(title="covariance")
plt.show()
