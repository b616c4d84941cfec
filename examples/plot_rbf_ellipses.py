"""
Where radial units are: ellipses over the flowers
==================================================

Four Gaussian units tell three species of iris apart by the length and the width of their petals.
Centres and covariances are trained together with the weights, and all is in centimetres: each
ellipse is where a unit is at exp(-1/2), some 61 %, of its height. The data come with scikit-learn.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score

from sknewtonnet import RBFNetClassifier
from sknewtonnet.display import RBFDisplay

flowers = load_iris(as_frame=True)
X = flowers.data[["petal length (cm)", "petal width (cm)"]]
species = flowers.target_names[flowers.target]

# %%
# The fit.

net = RBFNetClassifier(4, covariance_type="full", alpha=0.1, random_state=0).fit(X, species)
accuracy = cross_val_score(net, X, species, cv=5).mean()
print(f"cross-validated accuracy {accuracy:.3f}; the Hessian says: {net.critical_point_}")
for unit, (center, covariance) in enumerate(zip(net.centers_, net.covariances_, strict=True)):
    spread = covariance.diagonal() ** 0.5
    print(f"c{unit}: centre {center.round(2)} cm, standard deviations {spread.round(2)} cm")

# %%
# What speaks for versicolor, the species between the two others, and what against.

display = RBFDisplay.from_estimator(net, X, species, output="versicolor")
display.ax_.set_title("Units of a radial basis net")
plt.show()
