"""
Two minima, and what is between them
====================================

Restarts of one net find several minima. Here are two of them on the diabetes data, in a plane
through both: once units are put in the same order and given the same signs, a ridge is left
between them, and each has a valley of its own. Their predictions are much alike. The data
come with scikit-learn.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.display import LossSurfaceDisplay

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
nets = [NewtonMLPRegressor((5,), alpha=2.0, random_state=seed).fit(X, y) for seed in range(6)]
for seed, net in enumerate(nets):
    print(f"seed {seed}: objective {net.loss_:.2f}, a {net.critical_point_}")

# %%
# The lowest and the highest of the minima.

low, high = min(nets, key=lambda net: net.loss_), max(nets, key=lambda net: net.loss_)
together = np.corrcoef(low.predict(X), high.predict(X))[0, 1]
print(f"The predictions of both correlate by {together:.3f}.")

# %%
# Solid lines are the objective with its values, dashed ones the quadratic model of the lower
# minimum, which knows nothing of the other one.

fig, ax = plt.subplots(figsize=(6.5, 5), layout="constrained")
display = LossSurfaceDisplay.from_estimator(low, X, y, towards={"another minimum": high}, ax=ax)
along = display.values[len(display.values) // 2]
between = (display.coordinates[0] > 0) & (
    display.coordinates[0] < display.points["another minimum"][0]
)
print(f"highest point of the straight line between them: {along[between].max():.2f}")
plt.show()
