"""
A strength of the penalty for each input
========================================

``alpha="ard"`` gives each input a strength of its own, by the evidence: the larger it is, the less
the input matters. Cross-validation has the last word on whether the fit keeps them. On the
diabetes data it does not: ten strengths predict no better than one, and yet they tell which of the
blood values say the same twice. The data come with scikit-learn.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.display import AlphaPathDisplay

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)

# %%
# The fit, and the reason for its choice.

net = NewtonMLPRegressor((3,), alpha="ard", random_state=0).fit(X, y)
found = net.alpha_selection_
print(f"a {net.critical_point_}; {found.reason}")
for name, strength in sorted(found.ard.inputs.items(), key=lambda pair: pair[1]):
    print(f"{name:>4}: {strength:10.3g} rows")

# %%
# Rings and bars: one strength for all inputs, and how well it predicts the rows left out. Above:
# where the strength of each input lies; at 10 000 it has no effect on the predictions.

fig, ax = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
AlphaPathDisplay.from_estimator(net, ax=ax)
ax.set_ylabel("held-out loss (half squared errors, variances)")
plt.show()
