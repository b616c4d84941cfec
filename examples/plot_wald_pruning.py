"""
Backward pruning by Wald tests: what is left of a net
=====================================================

A net of four hidden units reads the ten inputs of the diabetes data, with the penalty that
cross-validation chooses. Its units are tested, then its inputs, then its weights; the least
significant are taken away, and the rest is fitted again, as long as BIC does not grow. What is
left is drawn beside the net before. The data come with scikit-learn.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

from sknewtonnet import BackwardPruning, NewtonMLPRegressor
from sknewtonnet.display import NetworkDisplay

X, y = load_diabetes(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

net = NewtonMLPRegressor((4,), n_init=5, random_state=0).fit(X_train, y_train)
pruned = BackwardPruning(net).fit(X_train, y_train)

# %%
# What is left predicts new rows nearly as well as the whole net.

print(f"penalty: {net.alpha_:.3g} rows, {net.alpha_selection_.reason}")
print(f"critical point of the pruned net: {pruned.estimator_.critical_point_}")
print(f"inputs that are left: {', '.join(pruned.get_feature_names_out())}")
for name, model, fitted in (("before", net, net), ("after", pruned, pruned.estimator_)):
    print(
        f"{name}: {len(fitted.params_)} parameters, R2 on the training data "
        f"{model.score(X_train, y_train):.3f}, on other data {model.score(X_test, y_test):.3f}"
    )

# %%
# Step by step: what went, or had to stay since the criterion grew, and what the test said of it.
steps = pruned.path_.to_frame()
steps["removed"] = steps["removed"].str.slice(0, 40)
print(steps[["removed", "p_value", "bic", "n_parameters", "accepted"]].round(3).to_string())

# %%
# Weights of standardised columns, with the same widths in both pictures. What went is pale: three
# of four units, and six of ten inputs.

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
after = NetworkDisplay.from_estimator(pruned, ax=right)
before = NetworkDisplay.from_estimator(net, ax=left, largest=after.largest_)
before.legend_.remove()  # one key is enough for both
left.set_title(f"before: {len(net.params_)} parameters")
right.set_title(f"after: {len(pruned.estimator_.params_)} parameters")
plt.show()
