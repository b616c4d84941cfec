"""
A saddle point, and the two ways down
=====================================

Two hidden units that start alike stay alike: their gradients are equal, so a method of first order
never parts them, and ends at a saddle point. There the exact Hessian has a negative eigenvalue,
and its eigenvector is the way down, to either side: which unit becomes which does not matter.
Newton's method takes one of them. The data come with scikit-learn.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from sknewtonnet.calculus import Network, Objective, critical_point
from sknewtonnet.display import LossSurfaceDisplay
from sknewtonnet.inspection import way_down
from sknewtonnet.solvers import get_solver

X, y = load_diabetes(return_X_y=True, as_frame=True)
X = X[["bmi", "s5"]]
network = Network.mlp(2, 2, 1, feature_names=list(X.columns))
objective = Objective(network, "squared_error", scale(X), scale(y), alpha=1.0)

# %%
# Two units that are alike, and L-BFGS-B: a small gradient, and a point that is no minimum.

alike = np.full(objective.n_parameters, 0.3)
stuck = get_solver("l-bfgs-b", tol=1e-8).minimize(objective, alike)
point = critical_point(objective, stuck.params)
print(f"L-BFGS-B: objective {stuck.value:.6f}, gradient {stuck.gradient_norm:.0e}, {point.kind}")
print(f"the way down: {point.escape_direction}")
way = way_down(objective, stuck.params, point)
print(f"along it the objective falls to {way.value:.6f}")

# %%
# Newton's method from there, and the same minimum with its units in the other order.

end = get_solver("newton").minimize(objective, stuck.params)
kind = critical_point(objective, end.params).kind
print(f"Newton:   objective {end.value:.6f}, gradient {end.gradient_norm:.0e}, {kind}")
arrays = network.layout.unpack(end.params)
arrays["coefs_0"] = arrays["coefs_0"][:, ::-1]
arrays["intercepts_0"] = arrays["intercepts_0"][::-1]
arrays["coefs_1"] = arrays["coefs_1"][::-1]
mirrored = network.layout.pack(arrays)

# %%
# The plane through all three points. The quadratic model of the saddle falls to both sides.

fig, ax = plt.subplots(figsize=(6.5, 5.5), layout="constrained")
LossSurfaceDisplay.from_objective(
    objective, stuck.params, towards={"minimum": end.params, "units swapped": mirrored}, ax=ax
)
plt.show()
