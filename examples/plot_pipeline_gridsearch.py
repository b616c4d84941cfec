"""
In a pipeline, in a grid search
===============================

The estimators are scikit-learn's in all respects: they stand in pipelines, and grids search their
parameters, here the size of the net and its penalty by log loss on the breast cancer data. With
``alpha="auto"``, the default, each fit chooses its penalty itself. No scaler is needed.
``sample_weight`` and ``class_weight`` are there, too.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.feature_selection import SelectKBest
from sklearn.metrics import classification_report
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline

from sknewtonnet import NewtonMLPClassifier

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
y = y.map({0: "malignant", 1: "benign"})
train, test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

pipeline = Pipeline(
    [
        ("select", SelectKBest(k=20).set_output(transform="pandas")),
        ("net", NewtonMLPClassifier(class_weight="balanced", random_state=0)),
    ]
)
grid = {
    "net__hidden_layer_sizes": [(), (2,), (5,)],
    "net__alpha": [0.1, 1.0, 10.0, 100.0, "auto"],
}
search = GridSearchCV(pipeline, grid, scoring="neg_log_loss", cv=5).fit(train, y_train)

print("best:", search.best_params_)
print(classification_report(y_test, search.predict(test), digits=3))

# %%
# The fitted net is at hand, with names for its parameters.

net = search.best_estimator_["net"]
names = net.parameter_names_
print(f"{len(names)} parameters, from {names[0]!r} to {names[-1]!r}; {net.critical_point_}")
print(f"penalty: {net.alpha_:.3g} rows")

# %%
# Held-out log loss over the grid: the penalty matters more than the number of units.

scores = -search.cv_results_["mean_test_score"].reshape(len(grid["net__alpha"]), -1)
figure, ax = plt.subplots(figsize=(5.0, 4.0), layout="constrained")
image = ax.imshow(scores, cmap="viridis_r", aspect="auto")
for row, values in enumerate(scores):
    for column, value in enumerate(values):
        shade = "white" if value > scores.mean() else "black"
        ax.text(column, row, f"{value:.3f}", ha="center", va="center", color=shade)
ax.set_xticks(
    range(3), [size[0] if size else "linear" for size in grid["net__hidden_layer_sizes"]]
)
ax.set_yticks(range(5), grid["net__alpha"])
ax.set(xlabel="hidden units", ylabel="alpha (rows)", title="Breast cancer, five folds")
figure.colorbar(image, label="cross-validated log loss")
plt.show()
