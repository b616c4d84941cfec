"""
Standard errors for the MLPRegressor you already have
=====================================================

Progress of diabetes in 442 patients, by a pipeline of scikit-learn that has been fitted long ago.
``from_sklearn`` makes a net of this package of its last step: the same predictions, the same
objective, and now its second derivatives. The points of both panels are the MLP's own, and the
intervals are new.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.inspection import partial_dependence
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sknewtonnet import NewtonMLPRegressor, pipeline_inference

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
X = X[["age", "bmi", "bp", "s5"]]
mlp = MLPRegressor(
    hidden_layer_sizes=(3,),
    activation="tanh",
    solver="lbfgs",
    alpha=10.0,
    max_iter=5000,
    random_state=0,
)
pipe = make_pipeline(StandardScaler(), mlp).fit(X, y)

# %%
# With the data of its fit the net says where the MLP has stopped. Standard errors are those of
# minima, and a warm start goes on to the one next to it.

Z = pipe[:-1].transform(X)
net = NewtonMLPRegressor.from_sklearn(pipe[-1], Z, y)
print(f"largest difference of predictions: {np.abs(net.predict(Z) - pipe.predict(X)).max():.0e}")
print(f"{net.critical_point_}: {net.critical_point_message_}")

net.set_params(warm_start=True).fit(Z, y)
moved = np.abs(net.predict(Z) - pipe.predict(X)).max()
print(f"{net.critical_point_} after {net.n_iter_} iterations; predictions moved by {moved:.2f}")

# %%
# Behind the scaler, results are those of the columns as they came, in their own units. They also
# tell what the MLP has never told: what of it is of no use.

with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)  # printed instead
    results = pipeline_inference(Pipeline([*pipe.steps[:-1], ("net", net)]), X, y)
print("\n" + "\n".join(results.diagnosis) + "\n")
effects = results.marginal_effects(list(X.columns))
print(effects.to_frame().round(3).to_string())

# %%
# Left, the mean prediction over the body mass index. Right, what one standard deviation of each
# measurement does on average; the MLP's own numbers there are differences of its predictions.

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.9), layout="constrained")

curve = results.partial_effect("bmi")
own = partial_dependence(pipe, X, ["bmi"], grid_resolution=12, percentiles=(0, 1))
left.fill_between(
    curve.grid, *curve.pointwise.T, color="C0", alpha=0.25, lw=0, label="95 % interval"
)
left.plot(curve.grid, curve.mean, color="C0", label="the net")
left.plot(own["grid_values"][0], own["average"][0], "ko", ms=4, label="the MLP")
left.set(xlabel="body mass index (kg/m²)", ylabel="mean progress in a year")
left.legend(loc="upper left")

spread = X.std().to_numpy()
slopes = []
for name, scale in zip(X.columns, spread, strict=True):
    up, down = (X.assign(**{name: X[name] + step * scale}) for step in (1e-4, -1e-4))
    slopes.append((pipe.predict(up) - pipe.predict(down)).mean() / 2e-4)
places = np.arange(len(spread))
reach = (effects.conf_int()[:, 1] - effects.effects) * spread
names = ["age", "body mass index", "blood pressure", "log triglycerides"]
right.errorbar(effects.effects * spread, places, xerr=reach, fmt="none", color="C0", capsize=4)
right.plot(slopes, places, "ko", ms=4)
right.axvline(0.0, color="0.6", lw=0.8)
right.set(yticks=places, yticklabels=names, ylim=(3.6, -0.6))
right.set(xlabel="change of progress with one standard deviation")
plt.show()
