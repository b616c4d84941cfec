"""
How solvers come down, beside scikit-learn's MLP
================================================

One objective, that of scikit-learn's MLPRegressor, and one start. Newton and L-BFGS steps end at
the minimum, to the last digits, in some hundredths of a second. Adam goes there as well, in some
hundred times the iterations; after the 200 epochs of its default it is still some 2 % above.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import scale

from sknewtonnet.calculus import Network, Objective, critical_point
from sknewtonnet.display import ConvergenceDisplay
from sknewtonnet.solvers import get_solver

X, y = load_diabetes(return_X_y=True)
X, y = scale(X), scale(y)
objective = Objective(Network.mlp(10, (4,), 1), "squared_error", X, y, alpha=3.0)
layout = objective.network.layout


def parameters(mlp):
    """The weights of scikit-learn's MLP, as one vector."""
    arrays = {f"coefs_{k}": coefs for k, coefs in enumerate(mlp.coefs_)}
    arrays |= {f"intercepts_{k}": entry for k, entry in enumerate(mlp.intercepts_)}
    return layout.pack(arrays)


# %%
# Adam, an epoch at a time, on all rows in each step: then its objective is exactly this one. The
# clock stands still while values and gradients are looked at; in one whole fit an epoch takes some
# third of the time that it takes alone.

mlp = MLPRegressor(
    hidden_layer_sizes=(4,),
    activation="tanh",
    alpha=3.0,
    batch_size=len(X),
    learning_rate_init=0.01,
    random_state=0,
)
mlp.partial_fit(X, y)
start = parameters(mlp)
adam = {"values": [], "gradient_norms": [], "seconds": []}
clock = 0.0
for _ in range(1500):
    value, gradient = objective.value_and_gradient(parameters(mlp))
    adam["values"].append(value)
    adam["gradient_norms"].append(np.abs(gradient).max())
    adam["seconds"].append(clock)
    begun = time.perf_counter()
    mlp.partial_fit(X, y)
    clock += time.perf_counter() - begun

# %%
# Three solvers from Adam's first epoch. Their results keep a trace of the way.

results = {
    name: get_solver(solver, tol=1e-10, max_iter=3000).minimize(objective, start)
    for name, solver in (("Newton", "newton"), ("default", "auto"), ("L-BFGS-B", "l-bfgs-b"))
}
for name, result in results.items():
    kind = critical_point(objective, result.params).kind
    print(f"{name:8} {result.n_iter:4d} iterations to {result.value:.10f}, a {kind}")
for epochs in (200, len(adam["values"])):
    print(f"Adam     {epochs:4d} epochs     to {adam['values'][epochs - 1]:.10f}")

# %%
# By how much the objective is above the lowest end, and the largest gradient entry. A hollow end
# did not reach the tolerance of 1e-10: L-BFGS-B stops where f does not tell points apart.

display = ConvergenceDisplay.from_results(results | {"MLPRegressor, Adam": adam}, xscale="log")
display.figure_.set_size_inches(8.5, 6.5)
plt.show()
