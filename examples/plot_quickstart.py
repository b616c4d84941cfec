"""
Quick start: an exact minimum, and what its Hessian says
=========================================================

A net on the diabetes data as they come, then a small one beside scikit-learn's own MLP with the
same objective. All of these minimise the same function, so it can tell how close to a minimum each
of them stopped: by the largest gradient entry, and by the smallest eigenvalue of the exact
Hessian there.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.display import SpectrumDisplay
from sknewtonnet.inspection import spectrum

X, y = load_diabetes(return_X_y=True, as_frame=True)
train, test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=0)

# %%
# The defaults: columns are standardised in the fit, and the penalty is chosen.

plain = NewtonMLPRegressor(random_state=0).fit(train, y_train)
print(f"test R2 {plain.score(test, y_test):.4f}, alpha {plain.alpha_:g}")
print(f"({plain.alpha_selection_.reason})\n")

# %%
# The same net and the same penalty for all, best of five starts each. scikit-learn's MLP needs
# scaled columns and penalises no intercepts; ``standardize=False`` is its objective.

scaler, y_scaler = StandardScaler().set_output(transform="pandas").fit(train), StandardScaler()
train, test = scaler.transform(train), scaler.transform(test)
y_train = y_scaler.fit_transform(y_train.to_frame()).ravel()
y_test = y_scaler.transform(y_test.to_frame()).ravel()

alpha = 10.0
net = NewtonMLPRegressor((3,), alpha=alpha, n_init=5, random_state=0, standardize=False).fit(
    train, y_train
)
objective = net.objective(train, y_train)
layout = objective.network.layout


def best_of_five(solver):
    """Return the lowest of five fits of scikit-learn's MLP, and its parameters in our layout."""
    fits = []
    for seed in range(5):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            peer = MLPRegressor(
                hidden_layer_sizes=(3,),
                activation="tanh",
                solver=solver,
                alpha=alpha,
                max_iter=2000,
                random_state=seed,
            ).fit(train, y_train)
        arrays = {f"coefs_{k}": coefs for k, coefs in enumerate(peer.coefs_)}
        arrays |= {f"intercepts_{k}": entry for k, entry in enumerate(peer.intercepts_)}
        fits.append((objective.value(layout.pack(arrays)), seed, peer, layout.pack(arrays)))
    _, _, peer, params = min(fits)
    return peer, params


rows = {"NewtonMLPRegressor": (net, net.params_)}
for solver in ("lbfgs", "adam"):
    rows[f"MLPRegressor, {solver}"] = best_of_five(solver)

columns = ("objective", "largest gradient entry", "smallest eigenvalue", "test R2")
print(" " * 22, *(f"{column:>22}" for column in columns))
spectra = {}
for name, (model, params) in rows.items():
    spectra[name] = spectrum(objective, params)
    gradient = np.abs(objective.gradient(params)).max()
    score = model.score(test, y_test)
    value, smallest = objective.value(params), spectra[name].lowest
    print(f"{name:22} {value:22.8f} {gradient:22.1e} {smallest:22.6f} {score:22.4f}")
print(f"\nThe fit ended after {net.n_iter_} iterations at a {net.critical_point_}.")

# %%
# All curvatures where they stopped. At a minimum they are positive; Adam stopped where the
# objective still falls along some directions, whose eigenvalues are hollow.

figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
SpectrumDisplay.from_results(spectra, density=False, ax=axes)
plt.show()
