"""
A net with its significance
===========================

One hidden unit on all ten inputs of the diabetes data, without a penalty, so that its weights are
identified and have p-values. Width is the size of a weight, colour and dashes its sign, and lines
are the paler the less they are told from zero. A paper has room for one such picture. The data
come with scikit-learn.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.display import NetworkDisplay

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
names = {"bmi": "body mass index", "bp": "blood pressure", "s1": "total cholesterol"}
names |= {"s2": "LDL", "s3": "HDL", "s4": "cholesterol / HDL", "s5": "log triglycerides"}
X = X.rename(columns=names | {"s6": "blood sugar"})

# %%
# The fit and its statistics: by how much the progression moves with each input.

net = NewtonMLPRegressor((1,), alpha=0.0, n_init=5, random_state=0).fit(X, y)
results = net.inference(X, y, cov_type="HC3")
print(f"a {net.critical_point_}; identifiable: {results.identifiable}")
print(results.marginal_effects().to_frame().round(3).to_string())

# %%
# The net. Weights are those of standardised columns, so that widths may be compared.

fig, ax = plt.subplots(figsize=(7, 5), layout="constrained")
NetworkDisplay.from_results(results, output_names=["progression"], ax=ax)
plt.show()
