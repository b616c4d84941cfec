"""
Importances, and what permutations do not see
=============================================

Progress of diabetes in a year, from age, sex, body mass index, blood pressure and six
measurements of blood serum, in scikit-learn's table. Two of these, total cholesterol (s1) and
"bad" cholesterol (s2), rise and fall together (their correlation is 0.9). If one of them is
permuted, rows arise that no body has, and predictions are far off: it seems important. How much
would be lost without it, once the rest has adapted? The second derivatives know, without a refit.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.inspection import permutation_importance

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.display import ImportanceDisplay

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
names = {"bmi": "body mass index", "bp": "blood pressure", "s1": "s1 (total cholesterol)"}
names |= {"s2": "s2 (LDL cholesterol)", "s3": "s3 (HDL cholesterol)", "s4": "s4 (ratio)"}
names |= {"s5": "s5 (log triglycerides)", "s6": "s6 (blood sugar)"}
X = X.rename(columns=names)

net = NewtonMLPRegressor((1,), alpha=1.0, n_init=5, random_state=0).fit(X, y)
permuted = permutation_importance(net, X, y, n_repeats=20, random_state=0)
print(f"The fit ended at a {net.critical_point_}.\n")

# %%
# The judge: fits without each feature. By the growth of their objective body mass index comes
# first and cholesterol far behind, as by the second derivatives; permutations have it first.

value = net.objective(X, y).value(net.params_)
growth = []
for name in X:
    fewer = X.drop(columns=name)
    refit = NewtonMLPRegressor((1,), alpha=1.0, n_init=5, random_state=0).fit(fewer, y)
    growth.append(refit.objective(fewer, y).value(refit.params_) - value)
shares = np.array(growth) / np.sum(growth)
print(f"{'':26}{'refits':>8}{'importance':>12}{'permutation':>13}")
drops = permuted.importances_mean / permuted.importances_mean.sum()
for name, *row in zip(X, shares, net.feature_importance_, drops, strict=True):
    print(f"{name:26}{row[0]:8.3f}{row[1]:12.3f}{row[2]:13.3f}")

# %%
# Bars are importances, and full where a test finds that the net depends on the feature; diamonds
# are permutations, with a standard deviation to both sides; crosses are the refits.

display = ImportanceDisplay.from_estimator(net, X, y, permutation=permuted)
order = np.argsort(-display.importances)
display.ax_.plot(shares[order], np.arange(len(order)), "kx", label="fits without the feature")
display.ax_.legend(loc="lower right")
plt.show()
