"""
What approximations of a Hessian leave out
==========================================

Thirteen measurements of wines, three growers, a net of three hidden units. The exact Hessian at
the minimum stands beside three matrices that are often taken for it: the blocks of each unit with
itself, the Hessian of a Lagrangian at fixed states, and the Gauss-Newton matrix. Units depend on
each other, and most of the curvature that connects them is lost in blocks. The data come with
scikit-learn.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_wine

from sknewtonnet import NewtonMLPClassifier
from sknewtonnet.display import HessianDisplay

X, y = load_wine(return_X_y=True, as_frame=True)
X = X.rename(columns={"od280/od315_of_diluted_wines": "od280/od315"})
net = NewtonMLPClassifier((3,), alpha=1.0, random_state=0).fit(X, y)
print(f"{len(net.params_)} parameters, at a {net.critical_point_}")

# %%
# A Newton step solves H s = -g. A little away from the minimum, the steps of the approximations
# say how far they can be trusted: the exact one leads back.

objective = net.objective(X, y)
rng = np.random.default_rng(0)
away = net.params_ * (1.0 + 0.01 * rng.standard_normal(len(net.params_)))
gradient = objective.gradient(away)
print(f"objective at the minimum {net.loss_:.6f}, a little away {objective.value(away):.6f}")
for kind in ("exact", "gauss-newton", "block"):
    step = np.linalg.lstsq(objective.hessian(away, kind), -gradient, rcond=1e-12)[0]
    print(f"after one step with the {kind:12} matrix {objective.value(away + step):.6f}")

# %%
# All of them on one scale, with a diagonal of ones for the exact one.

display = HessianDisplay.from_estimator(net, X, y)
display.figure_.set_size_inches(8.0, 7.4)
plt.show()
