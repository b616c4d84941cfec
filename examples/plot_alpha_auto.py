"""
How strong a penalty: three ways to find out
============================================

A fit chooses the strength of its penalty by cross-validation. Here is what it saw, what a test
set of 2000 further rows, which nobody has in practice, would have said, and what a grid search
finds at more than twice the work.
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
# One strength for each input: half of the ten do nothing, and their strengths say so.

ard = NewtonMLPRegressor(alpha="ard", random_state=0).fit(X, y)
print(f"alpha='ard': {ard.alpha_selection_.reason}")
print(f"test R2 {ard.score(X_test, y_test):.3f}")

# %%
# Held-out rows, in the units of the standardised target, and the test rows in the same units.

path = np.geomspace(found.alphas.min() / 10.0, 10.0 * found.alphas.max(), 9)
nets = [NewtonMLPRegressor(alpha=alpha, random_state=0).fit(X, y) for alpha in path]
tests = [0.5 * np.mean((y_test - net.predict(X_test)) ** 2) / np.var(y) for net in nets]
ax = AlphaPathDisplay.from_estimator(net).ax_
ax.plot(path, tests, color="0.5", label="2000 further rows")
ax.set(ylabel="half squared error (variances of the target)")
ax.set_ylim(0.0, 1.1 * max(*tests, *found.held_out_loss))
ax.legend()
plt.show()
