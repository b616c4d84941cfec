"""
What the units of a net look for in digits
==========================================

A net of ten units reads the 64 pixels of handwritten digits. The weights that go into a unit are a
picture: red where ink raises the unit, blue where ink lowers it, with a dash where it lowers it
most. The penalty leaves pixels that are always white without a weight. The data come with
scikit-learn.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sknewtonnet import NewtonMLPClassifier

X, y = load_digits(return_X_y=True)
train, test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# The fit: some 760 parameters, to an exact minimum. Pixels have one unit, so that they are not
# standardised but divided by the largest value.

net = NewtonMLPClassifier((10,), alpha=1.0, standardize=False, random_state=0)
net.fit(train / 16.0, y_train)
print(f"accuracy on other rows {net.score(test / 16.0, y_test):.3f}")
print(f"{len(net.params_)} parameters, {net.n_iter_} iterations; a {net.critical_point_}")

# %%
# The ten units, and the digits that each speaks for most: those with the largest weights.

into, out = net.coefs_
largest = np.abs(into).max()
fig, panels = plt.subplots(2, 5, figsize=(9, 4.2), layout="constrained")
for unit, ax in enumerate(panels.flat):
    image = ax.imshow(into[:, unit].reshape(8, 8), cmap="RdBu_r", vmin=-largest, vmax=largest)
    rows, columns = np.nonzero(into[:, unit].reshape(8, 8) < -0.3 * largest)
    ax.plot(columns, rows, "_", color="white", markeredgewidth=1.5)  # to be read in grey, too
    order = np.argsort(out[unit])
    ax.set(title=f"{order[-1]}, {order[-2]} against {order[0]}, {order[1]}", xticks=[], yticks=[])
fig.colorbar(image, ax=panels, label="weight of a pixel")
fig.suptitle("What each unit speaks for, and against")
plt.show()
