"""
In a pipeline, in a grid search
===============================

The estimators are scikit-learn's in all respects: scaling belongs into a pipeline, and the
size of the net and its penalty are chosen by cross-validation, here by log loss on the
breast cancer data. ``sample_weight`` and ``class_weight`` are there, too.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import classification_report
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sknewtonnet import NewtonMLPClassifier

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
y = y.map({0: "malignant", 1: "benign"})
train, test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

pipeline = Pipeline(
    [
        ("scale", StandardScaler().set_output(transform="pandas")),
        (
            "net",
            NewtonMLPClassifier(
                class_weight="balanced", random_state=0, standardize=False, alpha=1.0
            ),
        ),
    ]
)
grid = {
    "net__hidden_layer_sizes": [(), (2,), (5,), (10,)],
    "net__alpha": [0.1, 1.0, 10.0, 100.0],
}
search = GridSearchCV(pipeline, grid, scoring="neg_log_loss", cv=5).fit(train, y_train)

print("best:", search.best_params_)
print(classification_report(y_test, search.predict(test), digits=3))

# %%
# The fitted net is at hand, with names for its parameters.

net = search.best_estimator_["net"]
scaled = search.best_estimator_[:-1].transform(train)
objective = net.objective(scaled, y_train)
names = objective.network.layout.names
print(f"{len(names)} parameters, from {names[0]!r} to {names[-1]!r}; {net.critical_point_}")

# %%
# Held-out log loss over the grid: a strong penalty matters more than the number of units.

scores = -search.cv_results_["mean_test_score"].reshape(len(grid["net__alpha"]), -1)
figure, ax = plt.subplots(figsize=(5.6, 3.8), layout="constrained")
image = ax.imshow(scores, cmap="viridis_r")
for row, values in enumerate(scores):
    for column, value in enumerate(values):
        shade = "white" if value > scores.mean() else "black"
        ax.text(column, row, f"{value:.3f}", ha="center", va="center", color=shade)
ax.set_xticks(
    range(4), [size[0] if size else "linear" for size in grid["net__hidden_layer_sizes"]]
)
ax.set_yticks(range(4), grid["net__alpha"])
ax.set(xlabel="hidden units", ylabel="alpha", title="cross-validated log loss")
figure.colorbar(image)
plt.show()
