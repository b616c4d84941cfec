"""
What a household spends on food never falls with its income
===========================================================

Engel's households of 1857: few are rich, and a net that follows the rows alone lets the richest
spend less on food. ``monotonic_cst`` says what is known beforehand; the fit is then a minimum
under that constraint, and its predictions keep to it everywhere, also where there are no data. The
data come with statsmodels.
"""

import matplotlib.pyplot as plt
import numpy as np

from sknewtonnet import NewtonMLPRegressor

try:
    from statsmodels.datasets import engel
except ImportError as missing:  # the table comes with statsmodels
    raise SystemExit(
        "This example needs statsmodels: python -m pip install statsmodels"
    ) from missing

table = engel.load_pandas().data
X, y = table[["income"]], table["foodexp"]

# %%
# The same net twice, with hardly a penalty.

settings = {"hidden_layer_sizes": (4,), "alpha": 0.01, "n_init": 5, "random_state": 0}
free = NewtonMLPRegressor(**settings).fit(X, y)
rising = NewtonMLPRegressor(monotonic_cst={"income": 1}, **settings).fit(X, y)
grid = X.iloc[:0].reindex(range(400))
grid["income"] = np.linspace(X["income"].min(), 1.1 * X["income"].max(), 400)
for name, net in (("rows alone", free), ("rising", rising)):
    least = net.input_derivatives(grid).min()
    print(f"{name}: a {net.critical_point_}, loss {net.loss_:.0f}, least slope {least:+.3f}")

# %%
# Both curves.

fig, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
ax.plot(X, y, ".", color="0.6", markersize=5, label="households")
ax.plot(grid, free.predict(grid), "--", color="C1", label="rows alone")
ax.plot(grid, rising.predict(grid), color="C0", linewidth=2.0, label="rising")
ax.set(xlabel="income (francs a year)", ylabel="food (francs a year)")
ax.legend()
plt.show()
