"""
Which households make the curve
===============================

Engel's table of 1857: income and food expenditure of 235 Belgian working-class households. A net
of one unit fits the curve. Which rows decide on where it goes? One Newton step per row tells, with
the names that statsmodels gives these numbers: leverages, studentised residuals, Cook's distances
and what the fit without the row predicts for it. The data come with statsmodels.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

try:
    from statsmodels.datasets import engel
except ImportError as missing:
    raise SystemExit(
        "This example needs statsmodels: python -m pip install statsmodels"
    ) from missing

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.display import InfluenceDisplay

frame = engel.load_pandas().data
X, y = frame[["income"]], frame["foodexp"]


def fit(X, y):
    """A net of one unit with a little penalty."""
    return NewtonMLPRegressor((1,), alpha=0.1, n_init=3, random_state=0).fit(X, y)


net = fit(X, y)
results = net.inference(X, y)
influence = results.influence()
print(f"{len(X)} households; the fit ended at a {net.critical_point_}.\n")
columns = ["income", "foodexp", "hat_diag", "student_resid", "cooks_d"]
table = frame.join(influence.summary_frame())[columns]
print(table.nlargest(5, "cooks_d").round(2).to_string())

# %%
# What one step predicts without a row, and what refits without it do, agree; so the score of rows
# that are left out costs no refit.

refitted = np.array([fit(X.drop(i), y.drop(i)).predict(X.loc[[i]])[0] for i in table.index[::12]])
one_step = influence.loo_predictions[::12]
agreement = np.corrcoef(y[::12] - refitted, y[::12] - one_step)[0, 1]
print(f"\nresiduals without the row, by one step and by refits: correlation {agreement:.4f}")
print(f"R2 {net.score(X, y):.3f}, of rows left out {influence.loo_score:.3f}")

# %%
# The household that moves the curve most spends far more than others of its income; without it the
# curve bends earlier. The one with the highest income has the most leverage, for nothing else
# tells the net what happens there, but it lies where the others let one expect it.

most = int(influence.cooks_distance.argmax())
without = fit(X.drop(most), y.drop(most))
grid = pd.DataFrame({"income": np.linspace(X["income"].min(), 5200.0, 200)})

figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.2), layout="constrained")
left.scatter(X["income"], y, s=8, color="0.6", label="households")
left.scatter(
    X["income"][most], y[most], s=60, facecolor="none", edgecolor="C3", label=f"row {most}"
)
models = (("all rows", net, "C0", "-"), (f"without row {most}", without, "C1", "--"))
for label, model, color, dash in models:
    mean, std = model.predict(grid, return_std=True)
    left.plot(grid["income"], mean, color=color, ls=dash, label=label)
    left.fill_between(grid["income"], mean - 2 * std, mean + 2 * std, color=color, alpha=0.2, lw=0)
left.set(
    title="curves with two standard errors",
    xlabel="income (francs)",
    ylabel="food expenditure (francs)",
    ylim=(0, 2500),
)
left.legend(loc="upper left")

InfluenceDisplay.from_results(results, n_labels=2, ax=right)
plt.show()
