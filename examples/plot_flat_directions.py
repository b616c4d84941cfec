"""
The spectrum of a fitted net, and its flat directions
=====================================================

Five hidden units on the diabetes data, with a weak penalty. The eigenvalues of the Hessian at the
minimum reach over several powers of ten: along the highest a small step ruins the fit, along the
lowest the predictions hardly move. Flat directions slow methods of first order down, and they make
single weights uncertain where predictions are not. The data come with scikit-learn.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.display import SpectrumDisplay
from sknewtonnet.inspection import spectrum

X, y = load_diabetes(return_X_y=True, as_frame=True)
X, y = X.apply(scale), scale(y)
net = NewtonMLPRegressor((5,), alpha=0.3, n_init=3, random_state=0).fit(X, y)
objective = net.objective(X, y)
found = spectrum(objective, net.params_)
values = found.eigenvalues
print(f"{len(values)} eigenvalues from {values.max():.2g} down to {values.min():.2g}")

# %%
# A step of 0.1 along an eigenvector, and what it does to the objective and to the predictions.

print(f"steps of length 0.1 from the {net.critical_point_}:")
print(f"{'eigenvalue':>10} {'objective':>20} {'predictions (root mean square)':>32}")
for which in ("highest", "lowest"):
    way = found.directions(which, 1)[0]
    there = net.params_ + 0.1 * way.vector
    rise = objective.value(there) - net.loss_
    moved = np.sqrt(np.mean((net.predict_at(there, X) - net.predict(X)) ** 2))
    print(f"{way.curvature:10.2e} {rise:+20.2e} {moved:32.4f}")
print(f"the lowest: {way}")

# %%
# All eigenvalues, exact and of the Gauss-Newton matrix. The dotted line is the curvature of the
# penalty: of what is near it the data hardly tell.

display = SpectrumDisplay.from_objective(objective, net.params_, density=False)
display.figure_.set_size_inches(6.4, 4.2)
ax = display.axes_[0, 0]
ax.axhline(0.3 / len(X), color="0.4", linestyle=":")
ax.set_ylim(bottom=0.2 / len(X))
ax.text(1, 0.3 / len(X), "penalty", va="bottom", color="0.3", fontsize="small")
plt.show()
