"""
How strong a penalty? The fit finds out
=======================================

A fit chooses the strength of its penalty by cross-validation. The choice is next to the best one
that a test set of 2000 further rows, which nobody has in practice, would have made, and takes
less time than a grid search. The data are Friedman's function of five inputs, with noise and five
inputs that do nothing, from scikit-learn.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_friedman1
from sklearn.model_selection import GridSearchCV

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.display import AlphaPathDisplay

X, y = make_friedman1(150, noise=1.0, random_state=0)
X_test, y_test = make_friedman1(2000, noise=1.0, random_state=1)

# %%
# The default chooses. Weak penalties, which cost most, are tried only as long as they help.

begin = time.process_time()
net = NewtonMLPRegressor(random_state=0).fit(X, y)
own = time.process_time() - begin
found = net.alpha_selection_
print(f"alpha {net.alpha_:.3g}: {found.reason}")
print(f"test R2 {net.score(X_test, y_test):.3f}, at a {net.critical_point_}")

# %%
# A grid search over the same strengths, with five folds.

begin = time.process_time()
search = GridSearchCV(NewtonMLPRegressor(random_state=0), {"alpha": found.alphas})
search.fit(X, y)
print(f"a grid search takes {(time.process_time() - begin) / own:.1f} times the CPU time")
print(f"and has alpha {search.best_params_['alpha']:.3g}", end=", ")
print(f"test R2 {search.score(X_test, y_test):.3f}")

# %%
# What the fit saw, and what the further rows say, in the units of the standardised target.

path = np.geomspace(found.alphas.min() / 10.0, 10.0 * found.alphas.max(), 9)
nets = [NewtonMLPRegressor(alpha=alpha, random_state=0).fit(X, y) for alpha in path]
tests = [0.5 * np.mean((y_test - each.predict(X_test)) ** 2) / np.var(y) for each in nets]
look = {"label": "rows left out, with standard errors"}
ax = AlphaPathDisplay.from_estimator(net, line_kwargs=look).ax_
ax.plot(path, tests, "s--", color="0.5", markersize=4, label="2000 further rows")
ax.set(ylabel="loss (half squared error over variance)", title="The choice of a penalty")
ax.set_ylim(0.0, 1.1 * max(*tests, *found.held_out_loss))
ax.legend()
plt.show()
