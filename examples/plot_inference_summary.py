"""
The summary table: choose the size, refit, look at the gate, test
==================================================================

How does the hue of a wine depend on the intensity of its colour, its flavanoids and its ash, in
scikit-learn's wine data? Statistics of a net begin with its size: only a net with no more
units than the data show has p-values that mean something. BIC says how many.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler, scale

from sknewtonnet import NewtonMLPRegressor, criterion_scorer

data = load_wine(as_frame=True).data.rename(columns={"color_intensity": "intensity"})
columns = ["intensity", "flavanoids", "ash"]
X = StandardScaler().set_output(transform="pandas").fit_transform(data[columns])
y = scale(np.log(data["hue"]))

# %%
# The number of units by BIC; with skip connections units come on top of a linear model. A
# criterion belongs to the data of the fit, so the "split" of the search has all rows on both
# sides. There is no penalty, and there are ten starts: BIC compares lowest minima.

rows = np.arange(len(X))
search = GridSearchCV(
    NewtonMLPRegressor(alpha=0.0, n_init=10, random_state=0),
    [
        {"hidden_layer_sizes": [(), (1,), (2,)]},
        {"hidden_layer_sizes": [(1,)], "skip_connections": ["input-output"]},
    ],
    scoring=criterion_scorer("bic"),
    cv=[(rows, rows)],
).fit(X, y)
for tried, score in zip(
    search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
):
    extra = " and skip connections" if "skip_connections" in tried else ""
    print(f"hidden units: {sum(tried['hidden_layer_sizes'])}{extra}, BIC {-score:.1f}")
net = search.best_estimator_
same, n_starts = int((net.starts_["minimum"] == 0).sum()), len(net.starts_["minimum"])
print(f"best: {search.best_params_}; {same} of {n_starts} starts found its lowest minimum\n")

# %%
# The search has fitted the best net again. Now the gate: is this a minimum, and are the
# parameters identified? If not, inference warns, and the table says why. Here it has a remark on
# variances.

results = net.inference(X, y)
print("identifiable:", results.identifiable, "\n")
print(results.summary(parameters=True))

# %%
# Tests that no weight leaves a feature, adjusted by Holm for there being three of them, by
# both kinds of standard errors. HC3 holds also where variances differ between wines.

robust = net.inference(X, y, cov_type="HC3")
print("\nno effect of       p (Holm), hessian      p (Holm), HC3")
holm = [found.wald_test_features(adjust="holm") for found in (results, robust)]
for name in columns:
    print(f"{name:12}", *(f"{tests[name].p_adjusted:22.2g}" for tests in holm))
ratio = robust.std_errors / results.std_errors
print(f"HC3 over model-based standard errors: {ratio.min():.2f} to {ratio.max():.2f}")

# Wald's test of ash beside one that refits the net without ash, and a profile likelihood
# interval beside Wald's: the likelihood is not symmetric around this weight, and falls more slowly
# away from zero than towards it.
refit = results.likelihood_ratio_test("ash")
print(f"no effect of ash: Wald p = {holm[0]['ash'].p_value:.3f}, refitted p = {refit.p_value:.3f}")
name = "coefs_0[intensity, h0]"
wald = results.conf_int()[results.names.index(name)]
profile = results.profile_interval(name)[name]
for kind, (low, high) in (("Wald", wald), ("profile", profile)):
    print(f"{name}, 95 % by {kind:8} {low:6.2f} to {high:6.2f}")

# Is there room for another unit? The size came from BIC; this test asks in another way.
for directions in ("random", "taylor"):
    test = results.hidden_unit_test(directions)
    print(f"one more unit, {directions} directions: p = {test.p_value:.2f}")

# %%
# Estimates with their intervals, and what they come to: average effects on the prediction.


def forest(ax, names, estimates, intervals, shift, label):
    """Draw estimates as dots with intervals, one line each."""
    where = np.arange(len(names))[::-1] + shift
    reach = np.abs(intervals.T - estimates)
    marker = "o" if shift > 0 else "s"
    ax.errorbar(estimates, where, xerr=reach, fmt=marker, markersize=4, capsize=2, label=label)
    ax.set_yticks(np.arange(len(names))[::-1], names)


figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
for found, shift in ((results, 0.1), (robust, -0.1)):
    label = found.cov_type
    forest(left, found.names, found.params, found.conf_int(), shift, label)
    effects = found.marginal_effects()
    forest(right, effects.names, effects.effects, effects.conf_int(), shift, label)
left.set(title="parameters", xlabel="estimate and 95 % interval\n(standardised units)")
right.set(
    title="average marginal effects",
    xlabel="effect and 95 % interval\n(sd of log hue per sd of the feature)",
)
right.set_ylim(-0.6, 2.6)
for ax in (left, right):
    ax.axvline(0.0, color="0.7", linewidth=0.8, zorder=0)
right.legend(title="covariance", loc="lower right")
plt.show()
