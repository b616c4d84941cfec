"""
Backward pruning by Wald tests: what is left of a net
=====================================================

A net of four hidden units reads the ten inputs of the diabetes data, with the penalty that
cross-validation chooses. Its units are tested, then its inputs, then its weights; the least
significant are taken away, and the rest is fitted again, as long as BIC does not grow. What is
left is drawn beside the net before.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

from sknewtonnet import BackwardPruning, NewtonMLPRegressor

X, y = load_diabetes(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

net = NewtonMLPRegressor((4,), n_init=5, random_state=0).fit(X_train, y_train)
pruned = BackwardPruning(net).fit(X_train, y_train)

print(f"penalty: {net.alpha_:g} rows, {net.alpha_selection_.reason}")
print(f"critical point of the pruned net: {pruned.estimator_.critical_point_}")
print(f"inputs that are left: {', '.join(pruned.get_feature_names_out())}")
for name, model, fitted in (("before", net, net), ("after", pruned, pruned.estimator_)):
    print(
        f"{name}: {len(fitted.params_)} parameters, R2 on the training data "
        f"{model.score(X_train, y_train):.3f}, on other data {model.score(X_test, y_test):.3f}"
    )

# Step by step: what went, or had to stay since the criterion grew, and what the test said of it.
steps = pruned.path_.to_frame()
steps["removed"] = steps["removed"].str.slice(0, 40)
print(steps[["removed", "p_value", "bic", "n_parameters", "accepted"]].round(3).to_string())


# %%
# Blue lines are positive weights, red ones negative; the wider, the larger, in standard
# deviations of inputs and target.


def draw(ax, fitted, title):
    """Draw the units of a net with one hidden layer, and its weights."""
    layers = [list(fitted.feature_names_in_), ["", "", "", ""], ["progression"]]
    places = [
        [(x, 0.5 - (j + 0.5) / len(names)) for j in range(len(names))]
        for x, names in enumerate(layers)
    ]
    used = [np.abs(fitted.coefs_[0]).sum(axis=1) > 0, np.abs(fitted.coefs_[1]).sum(axis=1) > 0]
    into, out = fitted.coefs_
    weights_of_layers = [into * X_train.std().to_numpy()[:, None], out / y_train.std()]
    for k, weights in enumerate(weights_of_layers):
        for (i, j), w in np.ndenumerate(weights):
            (x0, y0), (x1, y1) = places[k][i], places[k + 1][j]
            if w != 0:
                color = "tab:blue" if w > 0 else "tab:red"
                ax.plot([x0, x1], [y0, y1], color=color, linewidth=4 * min(abs(w), 1.0), alpha=0.7)
    for k, names in enumerate(layers):
        for j, (name, (x, y)) in enumerate(zip(names, places[k], strict=True)):
            alive = k == 2 or used[k][j]
            ax.plot(x, y, "o", color="black" if alive else "lightgrey", markersize=9, zorder=3)
            align = {"ha": "right"} if k == 0 else {"ha": "left"}
            shade = "black" if alive else "grey"
            ax.annotate(
                name,
                (x, y),
                ((-9, 9)[k > 0], 0),
                textcoords="offset points",
                va="center",
                color=shade,
                **align,
            )
    ax.set(title=title, xlim=(-0.5, 2.7))
    ax.axis("off")


figure, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 4.5), layout="constrained")
draw(left, net, f"before: {len(net.params_)} parameters")
draw(middle, pruned.estimator_, f"after: {len(pruned.estimator_.params_)} parameters")
pruned.path_.plot(ax=right)
right.set_title("the way there")
plt.show()
