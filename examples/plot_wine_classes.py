"""
Three cultivars of wine, and what tells them apart
===================================================

A net with two hidden units puts 178 wines, by thirteen measurements each, on a plane: the values
of its units. There the three cultivars lie in corners of their own. What the net learnt is thus
seen, wine by wine, together with the borders that its outputs draw. The data come with
scikit-learn.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_wine
from sklearn.model_selection import cross_val_predict

from sknewtonnet import NewtonMLPClassifier

X, y = load_wine(return_X_y=True, as_frame=True)

# %%
# The fit chooses its penalty. Wines are judged by nets that did not see them.

net = NewtonMLPClassifier((2,), random_state=0).fit(X, y)
guess = cross_val_predict(net, X, y, cv=5)
print(f"cross-validated accuracy {np.mean(guess == y):.3f}, alpha {net.alpha_:g}")
print(f"a {net.critical_point_} after {net.n_iter_} iterations")

# %%
# Values of the hidden units, and the most likely class at each point of their plane.

(into, out), (shift, base) = net.coefs_, net.intercepts_
units = np.tanh(X.to_numpy() @ into + shift)
grid = np.linspace(-1.05, 1.05, 300)
plane = np.stack(np.meshgrid(grid, grid), axis=-1)
likely = (plane @ out + base).argmax(axis=-1)

fig, ax = plt.subplots(figsize=(6, 5), layout="constrained")
ax.contourf(grid, grid, likely, [-0.5, 0.5, 1.5, 2.5], colors=["0.95", "0.85", "0.75"])
ax.contour(grid, grid, likely, [0.5, 1.5], colors="0.4", linewidths=0.8)
for cultivar, (marker, color) in enumerate(zip("os^", ("C0", "C1", "C2"), strict=True)):
    own = (y == cultivar).to_numpy()
    look = {"marker": marker, "edgecolors": "black", "linewidths": 0.4}
    ax.scatter(*units[own].T, 28, color, label=f"cultivar {cultivar}", **look)
wrong = (guess != y).to_numpy()
ax.plot(*units[wrong].T, "x", color="black", markersize=11, label="wrong when left out")
ax.set(xlabel="value of unit h0", ylabel="value of unit h1")
ax.legend(loc="best")
plt.show()
