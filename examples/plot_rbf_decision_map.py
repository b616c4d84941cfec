"""
Two classes on a map, and how sure the net is
=============================================

A radial basis net tells malignant from benign tumours by the texture and the area of cell nuclei.
Where there are no data its units are silent: there it says what the intercept says, and does not
become surer the further away one asks. The colours are probabilities. The data come with
scikit-learn.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import cross_val_score

from sknewtonnet import RBFNetClassifier

tumours = load_breast_cancer(as_frame=True)
X = tumours.data[["worst texture", "worst area"]]
malignant = (tumours.target == 0).map({True: "malignant", False: "benign"})

# %%
# The fit chooses its penalty; texture and area keep their units.

net = RBFNetClassifier(4, random_state=0).fit(X, malignant)
accuracy = cross_val_score(net, X, malignant, cv=5).mean()
print(f"cross-validated accuracy {accuracy:.3f}, alpha {net.alpha_:g}; a {net.critical_point_}")
far = X.iloc[:1] * 100.0
print(f"far from all data: malignant with probability {net.predict_proba(far)[0, 1]:.2f}")

# %%
# Contours of the probability, and the tumours.

area = np.linspace(0.0, 4500.0, 120)
texture = np.linspace(8.0, 55.0, 120)
grid = np.stack(np.meshgrid(texture, area, indexing="ij"), axis=-1)
table = X.iloc[:0].reindex(range(grid.size // 2))
table[:] = grid.reshape(-1, 2)
probability = net.predict_proba(table)[:, 1].reshape(len(texture), -1)

fig, ax = plt.subplots(figsize=(7, 4.8), layout="constrained")
levels = np.linspace(0.0, 1.0, 11)
filled = ax.contourf(area, texture, probability, levels, cmap="RdBu_r", alpha=0.7)
half = ax.contour(area, texture, probability, [0.5], colors="black", linewidths=1.0)
ax.clabel(half, fmt="%.1f")
for name, marker, color in (("benign", "o", "white"), ("malignant", "^", "black")):
    own = X[malignant == name]
    look = {"c": color, "marker": marker, "edgecolors": "0.3", "linewidths": 0.4, "label": name}
    ax.scatter(own["worst area"], own["worst texture"], 16, **look)
ax.set(xlabel="worst area", ylabel="worst texture")
ax.legend(loc="upper right")
fig.colorbar(filled, label="probability of malignant")
plt.show()
