"""
Pruning a net for the sunspot series
====================================

The yearly numbers of sunspots, predicted from the twelve years before by a net of eight hidden
units: the classic test of pruning (Weigend, Rumelhart and Huberman 1991; Cottrell et al. 1995). A
tenth of its parameters predicts later years as well. The series comes with statsmodels.
"""

import matplotlib.pyplot as plt
import numpy as np

from sknewtonnet import BackwardPruning, NewtonMLPRegressor

try:
    from statsmodels.datasets import sunspots
except ImportError as missing:  # the series comes with statsmodels
    raise SystemExit(
        "This example needs statsmodels: python -m pip install statsmodels"
    ) from missing

series = sunspots.load_pandas().data
year, activity = series["YEAR"].to_numpy(), series["SUNACTIVITY"].to_numpy() / 191.2

LAGS = 12
X = np.column_stack([activity[LAGS - lag : -lag] for lag in range(1, LAGS + 1)])
y, year = activity[LAGS:], year[LAGS:]
periods = {"1712-1920": year <= 1920, "1921-1955": (year > 1920) & (year <= 1955)}
periods["1956-1979"] = (year > 1955) & (year <= 1979)
train = periods["1712-1920"]

net = NewtonMLPRegressor((8,), alpha=0.03, n_init=5, random_state=0, standardize=False).fit(
    X[train], y[train]
)
pruned = BackwardPruning(net).fit(X[train], y[train])

# %%
# Errors are mean squares over the variance of the whole series up to 1979.
variance = np.var(y[year <= 1979])
print(f"critical point of the pruned net: {pruned.estimator_.critical_point_}")
print(f"lags that are left: {', '.join(str(j + 1) for j in pruned.get_support(indices=True))}")
for name, model, fitted in (("before", net, net), ("after", pruned, pruned.estimator_)):
    errors = [
        f"{period} {np.mean((model.predict(X[rows]) - y[rows]) ** 2) / variance:.3f}"
        for period, rows in periods.items()
    ]
    print(f"{name}: {len(fitted.params_)} parameters, errors {', '.join(errors)}")

# %%
# Predictions one year ahead, on years that had no part in the fit: those of the pruned net are
# hardly told from those of the whole one.

later = year > 1920
figure, ax = plt.subplots(figsize=(9, 4), layout="constrained")
ax.plot(year[later], 191.2 * y[later], "k.", markersize=5, label="observed")
for label, model, look in (
    (f"whole net, {len(net.params_)} parameters", net, {"color": "C1", "linestyle": "--"}),
    (f"pruned net, {len(pruned.estimator_.params_)} parameters", pruned, {"color": "C0"}),
):
    ax.plot(year[later], 191.2 * model.predict(X[later]), label=label, **look)
ax.set(xlabel="year", ylabel="sunspots in a year (Wolf number)", title="One year ahead")
ax.margins(x=0.02)
ax.legend(ncols=3, loc="upper left")
ax.set_ylim(top=1.15 * ax.get_ylim()[1])
plt.show()
