"""
How a pruning goes: what may leave, and what may not
=====================================================

Two hidden units read thirty measurements of cell nuclei, to tell malignant tumours from benign
ones. Units, inputs and weights are tried in turn, the least significant first; the net is fitted
again without them, and BIC decides. The picture is the diary of it. The data come with
scikit-learn.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from sknewtonnet import BackwardPruning, NewtonMLPClassifier
from sknewtonnet.display import PruningPathDisplay

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
y = y.map({0: "malignant", 1: "benign"})
train, test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# The net, and what pruning leaves of it.

net = NewtonMLPClassifier((2,), alpha=1.0, random_state=0).fit(train, y_train)
pruned = BackwardPruning(net).fit(train, y_train)
print(f"{pruned.path_!r}; a {pruned.estimator_.critical_point_}")
print(f"inputs that are left: {', '.join(pruned.get_feature_names_out())}")
for name, model in (("whole", net), ("pruned", pruned)):
    loss = log_loss(y_test, model.predict_proba(test))
    print(f"{name} net on other rows: accuracy {model.score(test, y_test):.3f}, loss {loss:.3f}")

# %%
# From the whole net on the left. Names above say what went, "+1" that one more part went there.
# Crosses are nets that had a higher BIC, so that the part came back.

fig, ax = plt.subplots(figsize=(8, 5), layout="constrained")
PruningPathDisplay.from_estimator(pruned, ax=ax)
plt.show()
